/**
 * One run of a simulation: its clock, its mesh, its drivers.
 *
 * @module
 */

import { readDuration } from '../../internal/duration.ts'
import { instantOf } from '../../internal/instant-text.ts'
import type { Gate } from '../rollover/rollover-gate.ts'
import type { RolloverPlan } from '../rollover/rollover-plan.ts'
import { initialState } from '../rollover/rollover-state.ts'
import type { RolloverStatus } from '../rollover/rollover-status.ts'
import { traceTerms } from '../trace/begin-trace.ts'
import { checkTrace, type TraceViolation } from '../trace/check-trace.ts'
import type { TraceEvent } from '../trace/trace-event.ts'
import { type CertificateBackend, ModelCertificates } from './certificate-backend.ts'
import { type Dice, seededDice } from './dice.ts'
import { EventQueue, Priority } from './event-queue.ts'
import { findOutages, type Outage } from './find-outages.ts'
import type { MeshRules } from './mesh-rules.ts'
import { RealCertificates } from './real-certificates.ts'
import { attempt, SimulatedDrivers, TIME_GATES } from './simulated-drivers.ts'
import { commonBundle, presentedBy, type SimulatedMember } from './simulated-member.ts'
import { SimulatedMesh } from './simulated-mesh.ts'
import { SimulatedOperator } from './simulated-operator.ts'
import { MAX_EVENTS, type SimulatedIncident, type SimulationTerms } from './simulation-options.ts'

/** What a simulation answers. */
export interface SimulationResult {
  /** Everything that happened, for `checkTrace` and `renderTimeline`. */
  readonly events: readonly TraceEvent[]
  /** Every time in which a handshake could have failed; none where the rollover is safe. */
  readonly outages: readonly Outage[]
  /** The invariants that the trace breaks. */
  readonly violations: readonly TraceViolation[]
  /** Handshakes at the moments in which one could begin to fail. */
  readonly handshakes: { readonly tried: number; readonly failed: number }
  /** Certificates that were cut short, as `cappedBy` of their issuance says. */
  readonly capped: number
  /** Whether the rollover came to its end. */
  readonly finished: boolean
  /** What it waited for at the end, if not. */
  readonly status: RolloverStatus | undefined
}

/** What a suite replaces to see that it is missed. */
export interface SimulationInternals {
  readonly gates: readonly Gate[]
  readonly rules: MeshRules
  readonly compares: boolean
}

/** Events of one instant. More are a loop. */
const MAX_AT_ONCE = 100_000

/** How long after its end a rollover is watched. */
const AFTERMATH = 2

/** One run. */
export class SimulationRun {
  readonly #plan: RolloverPlan
  readonly #terms: SimulationTerms
  readonly #dice: Dice
  readonly #queue: EventQueue
  readonly #backend: CertificateBackend
  readonly #drivers: SimulatedDrivers
  readonly #mesh: SimulatedMesh
  readonly #operator: SimulatedOperator
  readonly #events: TraceEvent[] = []
  readonly #reporting = new Set<string>()
  readonly #notBefore = new Map<string, number>()
  readonly #reportsDetails: boolean
  #revision = 0
  #driveAt = Number.POSITIVE_INFINITY
  #overAt: number | undefined
  #status: RolloverStatus | undefined

  constructor(plan: RolloverPlan, terms: SimulationTerms, internals: SimulationInternals) {
    this.#plan = plan
    this.#terms = terms
    this.#reportsDetails = internals.rules.reportsDetails
    this.#dice = seededDice(terms.seed, terms.extremes)
    const { clockSkew, driver, crashes } = terms
    this.#queue = new EventQueue(driver.terms.start - 2 * clockSkew - 60_000)
    const keepsRoot = driver.terms.kind === 'issuing-ca'
    this.#backend =
      terms.verification === 'model' ? new ModelCertificates(keepsRoot) : new RealCertificates(keepsRoot)
    const timeOnly = internals.gates.filter((gate) => TIME_GATES.includes(gate))
    this.#drivers = new SimulatedDrivers(plan, {
      dice: this.#dice,
      now: () => this.#queue.now,
      tell: (event) => this.#events.push(event),
      skews: terms.failovers ? this.#driverSkews() : [this.#dice.offset(clockSkew)],
      crashes,
      gates: terms.evidence ? internals.gates : timeOnly,
      compares: internals.compares,
      sequence: 1,
    })
    this.#mesh = new SimulatedMesh({
      terms,
      rules: internals.rules,
      dice: this.#dice,
      queue: this.#queue,
      backend: this.#backend,
      tell: (event) => this.#events.push(event),
      changed: (member) => this.#report(member),
      authorityNotBefore: (id) => this.#notBefore.get(id) ?? Number.POSITIVE_INFINITY,
    })
    this.#operator = new SimulatedOperator({
      terms,
      queue: this.#queue,
      mesh: this.#mesh,
      drivers: this.#drivers,
      tell: (event) => this.#events.push(event),
      report: (member) => this.#report(member),
      drive: () => this.#driveLater(this.#queue.now),
    })
  }

  /** One is as slow as can be and one as fast: the waits between their steps are as short as they get. */
  #driverSkews(): readonly number[] {
    const { clockSkew } = this.#terms
    return this.#dice.chance(0.5) ? [-clockSkew, clockSkew] : [clockSkew, -clockSkew]
  }

  async play(): Promise<SimulationResult> {
    const queue = this.#queue
    await this.#setUp()
    const horizon = this.#horizon()
    let last = queue.now
    let repeated = 0
    for (let count = 0; count < MAX_EVENTS && queue.nextAt <= horizon; count++) {
      if (this.#overAt !== undefined && queue.nextAt > this.#overAt) break
      await queue.step()
      repeated = queue.now === last ? repeated + 1 : 0
      last = queue.now
      if (repeated > MAX_AT_ONCE)
        throw new Error(`the simulation stands still at ${new Date(last).toISOString()}`)
    }
    return {
      events: this.#events,
      outages: findOutages(this.#events),
      violations: checkTrace(this.#events),
      handshakes: this.#mesh.handshakes,
      capped: this.#events.filter((event) => event.type === 'issued' && event.cappedBy !== undefined).length,
      finished: this.#overAt !== undefined,
      status: this.#status,
    }
  }

  /** When nobody waits for the end any longer. */
  #horizon(): number {
    const { driver, incidents } = this.#terms
    const last = Math.max(...this.#plan.steps.map(({ at }) => instantOf(at)))
    const delays = incidents.map((one) => this.#length(one)).reduce((sum, one) => sum + one, 0)
    return last + delays + 4 * (driver.distribution + driver.retention + driver.terms.pruneAfter) + 86_400_000
  }

  #length(incident: SimulatedIncident): number {
    const length = (text: string): number => readDuration(text, 'incidents', { allowZero: true })
    return length(incident.after) + ('for' in incident ? length(incident.for) : 0)
  }

  async #setUp(): Promise<void> {
    const { driver, clockSkew, propagationShift } = this.#terms
    const { terms } = driver
    const queue = this.#queue
    const long = 365 * 86_400_000
    for (const { id, notAfter } of terms.outgoing) {
      await this.#backend.createAuthority(id, queue.now - long, notAfter)
      this.#notBefore.set(id, queue.now - long)
    }
    const first = initialState(this.#plan, 1, new Date(queue.now).toISOString()).bundle
    for (const { name, from, propagation } of terms.members) {
      const shared = terms.kind !== 'adoption'
      const authorities = shared ? first.authorities : from === undefined ? driver.outgoing : [from]
      const bundle = { sequence: first.sequence, digest: first.digest, authorities }
      this.#mesh.add(name, from, Math.max(0, propagation + propagationShift), bundle)
    }
    this.#events.push({
      type: 'begin',
      at: queue.now,
      terms: traceTerms(driver),
      members: [...this.#mesh.members.values()].map((member) => this.#mesh.describe(member)),
    })
    for (const member of this.#mesh.members.values()) queue.at(queue.now, () => this.#mesh.begin(member))
    const late = this.#terms.evidence && this.#dice.chance(0.3) ? this.#dice.delay(3_600_000) : 0
    queue.at(terms.start - 2 * clockSkew + late, () => this.#stage())
    queue.at(terms.start - 2 * clockSkew, () => this.#drive())
    queue.at(queue.now + this.#resync(), () => this.#resyncAll())
    for (let i = 0; i < this.#terms.restores; i++) {
      const spread = driver.distribution + driver.retention
      const to = Math.floor((this.#dice.next() * spread) / 1000)
      const restore = { kind: 'restore' as const, after: '0s', to: `${to}s` }
      queue.at(terms.start + this.#dice.next() * spread, () => this.#operator.play(restore))
    }
    for (const incident of this.#terms.incidents)
      queue.at(terms.start + readDuration(incident.after, 'after', { allowZero: true }), () =>
        this.#operator.play(incident),
      )
  }

  /** Makes the incoming authority, and the certificate of its key by the outgoing one. */
  async #stage(): Promise<void> {
    const { driver, clockSkew, crossEndsAfter, authorityBackdate } = this.#terms
    const { incoming, terms, plan } = driver
    const now = Math.floor((this.#queue.now + this.#dice.offset(clockSkew)) / 1000) * 1000
    if (!this.#notBefore.has(incoming)) {
      const notBefore = now - authorityBackdate
      this.#notBefore.set(incoming, notBefore)
      this.#staged = await this.#backend.createAuthority(incoming, notBefore, now + terms.incoming.lifetime)
      const [old] = driver.outgoing
      if (plan.cross !== undefined && old !== undefined)
        await this.#backend.crossSign(
          incoming,
          old,
          notBefore,
          crossEndsAfter === undefined ? instantOf(plan.cross.notAfter) : terms.start + crossEndsAfter,
        )
    }
    const made = this.#staged
    if (made === undefined) return
    if (await attempt(() => this.#drivers.call((rollover) => rollover.stageAs(made)))) await this.#drive()
    else this.#queue.at(this.#queue.now + 60_000, () => this.#stage())
  }

  #staged: Awaited<ReturnType<CertificateBackend['createAuthority']>> | undefined

  /** Lets a driver take what steps it can, then tells the members. */
  async #drive(): Promise<void> {
    const queue = this.#queue
    this.#driveAt = Number.POSITIVE_INFINITY
    if (queue.now < this.#operator.asleepUntil) return this.#driveLater(this.#operator.asleepUntil)
    const { failovers } = this.#terms
    await this.#operator.declare(this.#staged)
    let status: RolloverStatus | undefined
    await attempt(async () => {
      status =
        failovers && this.#dice.chance(0.3)
          ? await this.#drivers.advanceTogether()
          : await this.#drivers.call((rollover) => rollover.advance())
    })
    if (status === undefined) return this.#driveLater(queue.now + 60_000)
    this.#status = status
    await this.#broadcast(status.revision)
    this.#askAgain(status)
    if (status.over) this.#overAt ??= queue.now + AFTERMATH * this.#terms.leafLifetime
    if (status.nextAt !== undefined) this.#driveLater(status.nextAt.getTime() - this.#drivers.skew)
  }

  /** Whoever has not reported for long is asked to. */
  #askAgain({ waiting }: RolloverStatus): void {
    for (const { gates } of waiting)
      for (const { gate, member = '' } of gates) {
        const found = gate === 'evidence-age' ? this.#mesh.members.get(member) : undefined
        if (found !== undefined) this.#report(found)
      }
  }

  /** Members fetch what they shall have, where the journal has changed. */
  async #broadcast(revision: number): Promise<void> {
    if (revision === this.#revision) return
    this.#revision = revision
    // What comes next may be done by another one.
    if (this.#terms.failovers && this.#dice.chance(0.6)) this.#drivers.failOver()
    for (const member of [...this.#mesh.members.values()]) await this.#fetch(member)
  }

  async #fetch(member: SimulatedMember): Promise<void> {
    await attempt(async () => {
      const desired = await this.#drivers.desired(member.name)
      if (desired !== undefined) this.#mesh.follow(member, desired)
    })
  }

  #driveLater(at: number): void {
    const due = Math.max(at, this.#queue.now)
    if (due >= this.#driveAt) return
    this.#driveAt = due
    this.#queue.at(due, () => (this.#driveAt === due ? this.#drive() : undefined), Priority.drive)
  }

  /** A member reports a little later, once for all that has changed by then. */
  #report(member: SimulatedMember): void {
    if (!this.#terms.evidence || this.#reporting.has(member.name)) return
    this.#reporting.add(member.name)
    this.#queue.at(this.#queue.now + this.#dice.delay(60_000), () => this.#sendReport(member))
  }

  async #sendReport(member: SimulatedMember): Promise<void> {
    this.#reporting.delete(member.name)
    if (member.left) return
    if (this.#queue.now < this.#operator.asleepUntil) return this.#report(member)
    const bundle = commonBundle(member)
    const done = await attempt(() =>
      this.#drivers.call((rollover) =>
        rollover.report({
          member: member.name,
          revision: member.revision,
          ...(bundle === undefined || bundle.sequence === 0
            ? {}
            : { bundle: { sequence: bundle.sequence, digest: bundle.digest } }),
          ...(member.authority === undefined ? {} : { signer: member.authority }),
          ...(member.signs && this.#reportsDetails
            ? {
                presents: presentedBy(member),
                issued: [...member.ledger].map(([authority, { notAfter, inUseUntil }]) => ({
                  authority,
                  notAfter: new Date(notAfter),
                  inUseUntil: new Date(inUseUntil),
                })),
              }
            : {}),
        }),
      ),
    )
    if (done) this.#driveLater(this.#queue.now)
    else this.#report(member)
  }

  /** How often members fetch and report without a reason. */
  #resync(): number {
    return Math.max(3_600_000, Math.floor(this.#terms.leafLifetime / 4))
  }

  async #resyncAll(): Promise<void> {
    for (const member of [...this.#mesh.members.values()]) {
      await this.#fetch(member)
      this.#report(member)
    }
    this.#driveLater(this.#queue.now)
    this.#queue.at(this.#queue.now + this.#resync(), () => this.#resyncAll())
  }
}
