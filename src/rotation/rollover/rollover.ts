/**
 * Drives a rollover along its plan.
 *
 * @module
 */

import { MeshPkiError } from '../../errors.ts'
import { readTimeSource, type TimeSource } from '../../internal/clock.ts'
import { instantText } from '../../internal/instant-text.ts'
import { checkOptionNames, readCount, readFunction, typeName } from '../../internal/options.ts'
import { tell } from '../../internal/tell.ts'
import { quote } from '../../internal/text.ts'
import { type CertificateInput, toCertificate } from '../../x509/certificate-input.ts'
import { certificateLabel } from '../../x509/certificate-label.ts'
import type { TraceEvent } from '../trace/trace-event.ts'
import { type DesiredState, desiredState } from './desired-state.ts'
import { readMoment, readReason } from './driver-inputs.ts'
import { type DriverTerms, driverTerms } from './driver-terms.ts'
import { JournalKeeper, type StateTexts } from './journal-keeper.ts'
import { applyReport, MAX_COUNT, type MemberReport, readReport } from './member-report.ts'
import { applyRecovery } from './recovery.ts'
import {
  applyForce,
  applyJoin,
  applyLeave,
  applyRevision,
  applyStage,
  blocked,
  checkWayBack,
  evidence,
  type StagedAuthority,
} from './rollover-changes.ts'
import { eventsBetween } from './rollover-events.ts'
import { type Gate, type ShutGate, shutGates, type Transition } from './rollover-gate.ts'
import { ROLLOVER_GATES } from './rollover-gates.ts'
import type { RolloverJournal } from './rollover-journal.ts'
import type { RolloverPlan } from './rollover-plan.ts'
import { initialState, type RolloverState } from './rollover-state.ts'
import { type RolloverStatus, statusOf } from './rollover-status.ts'
import { readId } from './rollover-terms.ts'
import { applyAbort, applyResume, applyTransition, nextTransitions } from './rollover-transitions.ts'
import { verifyPlan } from './verify-plan.ts'

/** Options of {@link Rollover.open}. */
export interface RolloverOptions {
  /** The plan; it is verified. */
  readonly plan: RolloverPlan | string
  readonly journal: RolloverJournal
  /** The sequence of the bundle that everybody has at the beginning. Default 1. Not used in an adoption. */
  readonly sequence?: number | undefined
  readonly clock?: TimeSource | undefined
  /** Is told of every step; the events are what `checkTrace` reads. */
  readonly onEvent?: ((event: TraceEvent) => void) | undefined
}

/** What a suite replaces. */
export interface RolloverInternals {
  readonly gates: readonly Gate[]
  readonly verify: (plan: RolloverPlan | string) => RolloverPlan
  /** How texts of the journal are read. */
  readonly texts?: StateTexts
}

const INTERNALS: RolloverInternals = { gates: ROLLOVER_GATES, verify: verifyPlan }

/** Steps of one `advance()`; each takes an authority or a cluster further, so there are never that many. */
const MAX_STEPS = 100_000

/**
 * A rollover over a journal.
 *
 * It holds no state of its own: the journal says how far it is, `desired(member)` is a pure function of that, and whoever
 * carries it out reports what there is. So it does not matter who calls `advance()`, how often, from how many processes,
 * or when one of them dies. Every gate is time *and* evidence; what is missing is named.
 *
 * **Warning**: it decides, and does nothing itself. A controller makes each cluster what `desired()` answers, and reports.
 *
 * @example
 * ```ts
 * import { memoryJournal, Rollover, type RolloverPlan } from 'mesh-pki/rotation'
 * import type { Certificate } from 'mesh-pki/x509'
 *
 * declare const plan: RolloverPlan
 * declare const newRoot: Certificate
 * const rollover = await Rollover.open({ plan, journal: memoryJournal() })
 * await rollover.stage(newRoot)
 * const status = await rollover.advance()
 * for (const { message } of status.waiting) console.log(message)
 * const east = await rollover.desired('east')
 * ```
 */
export class Rollover {
  readonly #options: RolloverOptions
  readonly #now: () => number
  readonly #keeper: JournalKeeper
  readonly #gates: readonly Gate[]
  readonly #verify: RolloverInternals['verify']
  #driver: DriverTerms

  private constructor(options: RolloverOptions, internals: RolloverInternals, plan: RolloverPlan) {
    const { clock } = options
    readTimeSource(clock)
    this.#options = options
    this.#now = () => readMoment(clock === undefined ? new Date() : clock.now())
    this.#keeper = new JournalKeeper(options.journal, internals.texts)
    this.#gates = internals.gates
    this.#verify = internals.verify
    this.#driver = driverTerms(plan)
  }

  /**
   * Opens a rollover: begins it where the journal is empty, and goes on with it where it is not.
   *
   * @throws `PlanError` (`ERR_ROLLOVER_PLAN`) for a plan that is not safe, or another than the journal's; `MeshPkiError`
   * `ERR_ROLLOVER_JOURNAL`; `TypeError`.
   */
  static open(options: RolloverOptions): Promise<Rollover> {
    return Rollover.openWith(options, INTERNALS)
  }

  /**
   * {@link Rollover.open} with gates taken away.
   *
   * @internal
   */
  static async openWith(options: RolloverOptions, internals: RolloverInternals): Promise<Rollover> {
    checkOptionNames(options, ['plan', 'journal', 'sequence', 'clock', 'onEvent'], 'Rollover.open')
    if (typeof options.journal?.read !== 'function' || typeof options.journal.replace !== 'function')
      throw new TypeError(
        `option "journal" must have the methods read() and replace(version, text); got ${typeName(options.journal)}`,
      )
    readFunction(options.onEvent, 'onEvent')
    const sequence = readCount(options.sequence ?? 1, 'sequence', 1, MAX_COUNT)
    const plan = internals.verify(options.plan)
    const rollover = new Rollover(options, internals, plan)
    const state = await rollover.#keeper.begin(() => initialState(plan, sequence, rollover.#at()))
    rollover.#checkPlan(state)
    // A driver may have died between a write and its event, so each tells anew where things stand.
    for (const event of eventsBetween(undefined, state, rollover.#now())) tell(options.onEvent, event)
    return rollover
  }

  /** The plan that it follows. */
  get plan(): RolloverPlan {
    return this.#driver.plan
  }

  /** How far it is, and what it waits for. Changes nothing. */
  async status(): Promise<RolloverStatus> {
    return this.#statusOf(await this.#read())
  }

  /**
   * What a member shall have and do; `undefined` for who is none, and while a restored journal waits for everybody's report: then
   * members keep what they have, and report it.
   */
  async desired(member: string): Promise<DesiredState | undefined> {
    return desiredState(this.#driver, await this.#read(), member, this.#now())
  }

  /**
   * Takes every step whose gates are open, each with one write of the journal, and answers where it stands then.
   *
   * @throws `MeshPkiError` `ERR_ROLLOVER_JOURNAL`, `ERR_ROLLOVER_CONFLICT`.
   */
  async advance(): Promise<RolloverStatus> {
    let state = await this.#read()
    for (let step = 0; step < MAX_STEPS; step++) {
      const now = this.#now()
      const recovered = applyRecovery(this.#driver, state, this.#stamp())
      const open = recovered === undefined ? this.#openTransition(state, now) : undefined
      if (recovered === undefined && open === undefined) break
      let taken = false
      const before: RolloverState = state
      state = await this.#keeper.change((found) => {
        // Another driver or a report may have been first; what is due now is then seen in the next round.
        taken = found === before
        if (!taken) return found
        return open === undefined
          ? (applyRecovery(this.#driver, found, this.#stamp()) ?? found)
          : applyTransition(this.#driver, found, open, this.#stamp())
      })
      if (taken) this.#tellStep(before, state, open)
    }
    return this.#statusOf(state)
  }

  /**
   * Records the certificate of the incoming authority. Call it when the key is where it will stay, and a dry run has shown that what it
   * signs verifies (`createRootCa` and `CertificateAuthority.from` do that).
   *
   * @throws `MeshPkiError` `ERR_ROLLOVER_EVIDENCE` for a certificate that is no CA's, ends too early, or another than was staged.
   */
  async stage(certificate: CertificateInput): Promise<RolloverStatus> {
    const read = toCertificate(certificate)
    if (!read.isCa)
      throw evidence(
        `${certificateLabel(read)} is no CA, so it cannot be the authority ${this.#driver.incoming}`,
      )
    return this.stageAs({
      fingerprint: read.fingerprint(),
      notBefore: read.notBefore.getTime(),
      notAfter: read.notAfter.getTime(),
    })
  }

  /** {@link stage} by what a certificate says; for simulations by model. */
  async stageAs(made: StagedAuthority): Promise<RolloverStatus> {
    return this.#change((state, at) => applyStage(this.#driver, state, made, at))
  }

  /**
   * Takes what a member reports: which bundle all of its verifiers have, what its issuers sign with, what is in use.
   *
   * @throws `MeshPkiError` `ERR_ROLLOVER_MEMBER`, `ERR_ROLLOVER_EVIDENCE`; `TypeError`, `RangeError`.
   */
  async report(report: MemberReport): Promise<void> {
    readReport(report)
    await this.#write((state) => applyReport(this.#driver, state, report, this.#stamp()))
  }

  /**
   * Adds a cluster or an audience while the rollover runs. From then on every gate asks it too.
   *
   * @throws `MeshPkiError` `ERR_ROLLOVER_MEMBER` for a cluster with an authority that the plan does not know.
   */
  async join(member: { readonly name: string; readonly from?: string | undefined }): Promise<RolloverStatus> {
    checkOptionNames(member, ['name', 'from'], 'join()')
    const name = readId(member.name, 'name')
    return this.#change((state, at) => applyJoin(this.#driver, state, name, member.from, at))
  }

  /** Takes a member out: nobody waits for it any longer. What it issued still counts. */
  async leave(name: string, options: { readonly reason: string }): Promise<RolloverStatus> {
    const reason = readReason(options, 'leave()')
    return this.#change((state, at) => applyLeave(state, name, reason, at))
  }

  /**
   * Opens a gate by hand, and records why: for all, for one member, for the steps of one authority. It stays open until the rollover
   * turns back, or forward again.
   *
   * **Warning**: every gate stands for an outage that it prevents. `docs/rotation.md` says which.
   */
  async force(options: {
    readonly gate: ShutGate['gate']
    readonly member?: string | undefined
    readonly authority?: string | undefined
    readonly reason: string
  }): Promise<RolloverStatus> {
    checkOptionNames(options, ['gate', 'member', 'authority', 'reason'], 'force()')
    const { gate, member, authority } = options
    if (member !== undefined) readId(member, 'member')
    if (authority !== undefined) readId(authority, 'authority')
    if (!ROLLOVER_GATES.some(({ id }) => id === gate))
      throw new TypeError(
        `option "gate" must be one of ${ROLLOVER_GATES.map(({ id }) => id).join(', ')}; got ${quote(String(gate), 64)}`,
      )
    const reason = readReason(options)
    return this.#change((state, at) =>
      applyForce(
        state,
        {
          gate,
          ...(member === undefined ? {} : { member }),
          ...(authority === undefined ? {} : { authority }),
          reason,
        },
        at,
      ),
    )
  }

  /**
   * Goes back: every cluster signs with what it had, and the incoming authority is withdrawn once nothing under it is in use.
   * Possible until an outgoing authority is retired.
   *
   * @throws `MeshPkiError` `ERR_ROLLOVER_BLOCKED` where there is no way back: one is retired or tainted already, or ends too soon (C5); and
   * where a member has not reported for long.
   */
  async abort(options: { readonly reason: string }): Promise<RolloverStatus> {
    const reason = readReason(options, 'abort()')
    return this.#change((state) => {
      if (state.direction === 'back') return state
      checkWayBack(this.#driver, state, this.#now())
      return applyAbort(this.#driver, state, reason, this.#stamp())
    })
  }

  /** Takes an abort back; every gate is asked again. @throws `MeshPkiError` `ERR_ROLLOVER_BLOCKED` once it is over. */
  async resume(options: { readonly reason: string }): Promise<RolloverStatus> {
    const reason = readReason(options, 'resume()')
    return this.#change((state) => {
      if (state.direction === 'forward') return state
      if (state.authorities[this.#driver.incoming]?.stage === 'PRUNED')
        throw blocked(
          `${this.#driver.incoming} is pruned: its key is gone. Make a new plan with a new authority`,
        )
      return applyResume(this.#driver, state, reason, this.#stamp())
    })
  }

  /**
   * Goes on with another plan for the same authorities: a lifetime, a delay or an instant has changed. What was issued
   * under the old parameters keeps its time.
   *
   * @throws `PlanError`; `MeshPkiError` `ERR_ROLLOVER_PLAN` for a plan of other authorities.
   */
  async revise(plan: RolloverPlan | string, options: { readonly reason: string }): Promise<RolloverStatus> {
    const reason = readReason(options, 'revise()')
    const verified = this.#verify(plan)
    const driver = driverTerms(verified)
    const old = this.#driver
    const names = ({ incoming, outgoing }: DriverTerms): string => [incoming, ...outgoing].join(' ')
    if (names(driver) !== names(old) || driver.terms.kind !== old.terms.kind)
      throw new MeshPkiError(
        'ERR_ROLLOVER_PLAN',
        `the new plan is of kind ${driver.terms.kind} for ${names(driver)}; this rollover is of kind ${old.terms.kind} for ${names(old)}`,
      )
    // The write may have been made, and its answer lost.
    if ((await this.#keeper.read()).plan === verified.digest) {
      this.#driver = driver
      return this.status()
    }
    const status = await this.#change((state) => applyRevision(old, driver, state, reason, this.#stamp()))
    this.#driver = driver
    return status
  }

  /** Now, for the journal: rounded up, so that no wait begins before what it waits for. */
  #stamp(): number {
    return Math.ceil(this.#now() / 1000) * 1000
  }

  #at(): string {
    return instantText(this.#stamp())
  }

  async #read(): Promise<RolloverState> {
    const state = await this.#keeper.read()
    this.#checkPlan(state)
    return state
  }

  #checkPlan(state: RolloverState): void {
    const { incoming, outgoing, plan } = this.#driver
    if (state.plan === plan.digest) {
      const missing = [incoming, ...outgoing].find((id) => !Object.hasOwn(state.authorities, id))
      if (missing === undefined) return
      throw new MeshPkiError(
        'ERR_ROLLOVER_JOURNAL',
        `the journal lacks the authority ${missing} of its plan: it was changed by hand. Restore the last state that was written`,
      )
    }
    throw new MeshPkiError(
      'ERR_ROLLOVER_PLAN',
      `the journal follows the plan ${state.plan}, and this one is ${this.#driver.plan.digest}. Open it with its own plan; to change that, call revise()`,
      { data: { expected: state.plan, found: this.#driver.plan.digest } },
    )
  }

  async #change(apply: (state: RolloverState, at: string) => RolloverState): Promise<RolloverStatus> {
    return this.#statusOf(await this.#write(apply))
  }

  async #write(apply: (state: RolloverState, at: string) => RolloverState): Promise<RolloverState> {
    let before: RolloverState | undefined
    const state = await this.#keeper.change((found) => {
      this.#checkPlan(found)
      before = found
      return apply(found, this.#at())
    })
    if (before !== undefined) this.#tellStep(before, state, undefined)
    return state
  }

  #openTransition(state: RolloverState, now: number): Transition | undefined {
    const memo = new Map<string, readonly ShutGate[]>()
    return nextTransitions(this.#driver, state).find(
      (transition) =>
        shutGates({ driver: this.#driver, state, now, transition, memo }, this.#gates).length === 0,
    )
  }

  #statusOf(state: RolloverState): RolloverStatus {
    return statusOf(this.#driver, state, this.#now(), this.#gates)
  }

  #tellStep(before: RolloverState, after: RolloverState, transition: Transition | undefined): void {
    if (before === after) return
    for (const event of eventsBetween(before, after, this.#now(), transition))
      tell(this.#options.onEvent, event)
  }
}
