/**
 * Plays a rollover through on a simulated mesh.
 *
 * @module
 */

import { MeshPkiError } from '../../errors.ts'
import { readDuration } from '../../internal/duration.ts'
import { instantOf } from '../../internal/instant-text.ts'
import { type Gate, ROLLOVER_GATES } from '../rollover/rollover-gates.ts'
import { type RolloverPlan, readPlan } from '../rollover/rollover-plan.ts'
import { initialState } from '../rollover/rollover-state.ts'
import type { RolloverStatus } from '../rollover/rollover-status.ts'
import { checkTrace, type TraceViolation } from '../trace/check-trace.ts'
import type { TraceEvent } from '../trace/trace-event.ts'
import { type CertificateBackend, ModelCertificates } from './certificate-backend.ts'
import { type Dice, seededDice } from './dice.ts'
import { EventQueue, Priority } from './event-queue.ts'
import { findOutages, type Outage } from './find-outages.ts'
import { MESH_RULES, type MeshRules } from './mesh-rules.ts'
import { RealCertificates } from './real-certificates.ts'
import { DriverCrash, SimulatedDrivers, TIME_GATES } from './simulated-drivers.ts'
import { commonBundle, presentedBy, type SimulatedMember } from './simulated-member.ts'
import { SimulatedMesh } from './simulated-mesh.ts'
import {
  MAX_EVENTS,
  readSimulation,
  type SimulatedIncident,
  type SimulationOptions,
  type SimulationTerms,
} from './simulation-options.ts'

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

/**
 * What a suite replaces to see that it is missed.
 *
 * @internal
 */
export interface SimulationInternals {
  readonly gates: readonly Gate[]
  readonly rules: MeshRules
  readonly compares: boolean
}

const INTERNALS: SimulationInternals = { gates: ROLLOVER_GATES, rules: MESH_RULES, compares: true }

/**
 * Plays a rollover through, with the real driver and its gates, on a mesh of clusters whose clocks are off, whose bundles arrive
 * late, whose renewals fail and whose drivers die; within what the plan says, or beyond it.
 *
 * The same seed gives the same run. Extremes are drawn often: what breaks, breaks there. Use it to try the figures of a mesh: run a few
 * hundred seeds with its own plan, and with `actual` a little worse than the plan.
 *
 * **Warning**: it finds what it draws. That nothing broke in a thousand runs is no proof; the inequalities are.
 *
 * @throws `MeshPkiError` `ERR_ROLLOVER_PLAN` for what is no plan; `TypeError`, `RangeError`. A plan that is not safe is simulated: that is
 * what it is for.
 *
 * @example
 * ```ts
 * import { type RolloverPlan, simulateRollover } from 'mesh-pki/rotation'
 *
 * declare const plan: RolloverPlan
 * const { outages, finished } = await simulateRollover(plan, { seed: 1, crashes: 0.1 })
 * console.log(finished, outages.length)
 * ```
 */
export async function simulateRollover(
  plan: RolloverPlan | string,
  options: SimulationOptions,
): Promise<SimulationResult> {
  return simulateWith(plan, options, INTERNALS)
}

/**
 * {@link simulateRollover} with gates and rules taken away; not exported by the package.
 *
 * @internal
 */
export async function simulateWith(
  plan: RolloverPlan | string,
  options: SimulationOptions,
  internals: Partial<SimulationInternals>,
): Promise<SimulationResult> {
  const read = readPlan(plan)
  const run = new SimulationRun(read, readSimulation(read, options), { ...INTERNALS, ...internals })
  return run.play()
}

/** When a plan first has each stage of each authority. */
function firstInstants(plan: RolloverPlan): Readonly<Record<string, number>> {
  const found: Record<string, number> = {}
  // A key may be made earlier, and an authority drains when nobody is left who signs with it.
  for (const { stage, authority, at } of plan.steps)
    if (stage !== 'STAGED' && stage !== 'DRAINING') found[`${stage} ${authority}`] ??= instantOf(at)
  return found
}

/** Events of one instant. More are a loop. */
const MAX_AT_ONCE = 100_000

/** How long after its end a rollover is watched. */
const AFTERMATH = 2

class SimulationRun {
  readonly #plan: RolloverPlan
  readonly #terms: SimulationTerms
  readonly #dice: Dice
  readonly #queue: EventQueue
  readonly #backend: CertificateBackend
  readonly #drivers: SimulatedDrivers
  readonly #mesh: SimulatedMesh
  readonly #events: TraceEvent[] = []
  readonly #reporting = new Set<string>()
  readonly #notBefore = new Map<string, number>()
  readonly #reportsDetails: boolean
  #revision = 0
  #driveAt = Number.POSITIVE_INFINITY
  #asleepUntil = Number.NEGATIVE_INFINITY
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
      terms: {
        clockSkewMs: terms.clockSkew,
        propagationMs: driver.distribution - 2 * terms.clockSkew,
        retention: terms.retention,
        planned: firstInstants(this.#plan),
        maxAuthorities: terms.maxAuthorities,
        keepsRoot: terms.kind === 'issuing-ca',
        separate: terms.kind === 'adoption',
        crossSigned: terms.crossSign,
        ...(terms.reissueWithin === undefined ? {} : { reissueWithinMs: terms.reissueWithin }),
      },
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
      queue.at(terms.start + this.#dice.next() * spread, () => this.#incident(restore))
    }
    for (const incident of this.#terms.incidents)
      queue.at(terms.start + readDuration(incident.after, 'after', { allowZero: true }), () =>
        this.#incident(incident),
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
    if (await this.#attempt(() => this.#drivers.call((rollover) => rollover.stageAs(made))))
      await this.#drive()
    else this.#queue.at(this.#queue.now + 60_000, () => this.#stage())
  }

  readonly #left = new Set<string>()
  readonly #joined = new Map<string, string | undefined>()
  #staged: Awaited<ReturnType<CertificateBackend['createAuthority']>> | undefined

  /** Lets a driver take what steps it can, then tells the members. */
  async #drive(): Promise<void> {
    const queue = this.#queue
    this.#driveAt = Number.POSITIVE_INFINITY
    if (queue.now < this.#asleepUntil) return this.#driveLater(this.#asleepUntil)
    const { failovers } = this.#terms
    await this.#declare()
    let status: RolloverStatus | undefined
    await this.#attempt(async () => {
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

  /** A controller says at every turn what it made and who is there: the journal may have been restored to before that. */
  async #declare(): Promise<void> {
    const { state } = this.#drivers
    const made = this.#staged
    if (state === undefined) return
    if (made !== undefined && state.authorities[this.#terms.driver.incoming]?.fingerprint === undefined)
      await this.#attempt(() => this.#drivers.call((rollover) => rollover.stageAs(made)))
    for (const [name, { leftAt }] of Object.entries(state.members))
      if (leftAt === undefined && this.#left.has(name))
        await this.#attempt(() =>
          this.#drivers.call((rollover) => rollover.leave(name, { reason: 'simulated' })),
        )
    for (const [name, from] of this.#joined)
      if (state.members[name] === undefined && !this.#left.has(name))
        await this.#attempt(() => this.#drivers.call((rollover) => rollover.join({ name, from })))
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
    await this.#attempt(async () => {
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
    if (this.#queue.now < this.#asleepUntil) return this.#report(member)
    const bundle = commonBundle(member)
    const done = await this.#attempt(() =>
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

  async #incident(incident: SimulatedIncident): Promise<void> {
    const queue = this.#queue
    const length = (text: string): number => readDuration(text, 'incidents', { allowZero: true })
    const member = 'name' in incident ? this.#mesh.members.get(incident.name) : undefined
    const retry = (): void => queue.at(queue.now + 60_000, () => this.#incident(incident))
    switch (incident.kind) {
      case 'sleep':
        this.#asleepUntil = queue.now + length(incident.for)
        return
      case 'restore':
        this.#drivers.restore(queue.now - length(incident.to), incident.restarts)
        return this.#driveLater(queue.now)
      case 'clock-back': {
        if (member === undefined) return
        const skew = member.issuerSkew
        member.issuerSkew = skew - length(incident.by)
        queue.at(queue.now + length(incident.for), () => {
          member.issuerSkew = skew
        })
        return
      }
      case 'join':
        return this.#join(incident.name, incident.from, retry)
      case 'leave':
        if (
          !(await this.#attempt(() =>
            this.#drivers.call((rollover) => rollover.leave(incident.name, { reason: 'simulated' })),
          ))
        )
          return retry()
        if (member === undefined) return
        this.#left.add(incident.name)
        this.#mesh.remove(member)
        return this.#driveLater(queue.now)
      case 'revise': {
        if (
          !(await this.#attempt(() =>
            this.#drivers.call((rollover) => rollover.revise(incident.plan, { reason: 'simulated' })),
          ))
        )
          return retry()
        this.#drivers.follow(incident.plan)
        return this.#driveLater(queue.now)
      }
      case 'abort':
        // An operator lets everybody report, and then decides.
        for (const one of this.#mesh.members.values()) this.#report(one)
        return queue.at(queue.now + 120_000, () => this.#turn('abort'))
      case 'resume':
        return this.#turn('resume')
    }
  }

  /** Goes back, or forward again. */
  async #turn(way: 'abort' | 'resume'): Promise<void> {
    const reason = { reason: 'simulated' }
    const done = await this.#attempt(() => this.#drivers.call((rollover) => rollover[way](reason)))
    if (done) await this.#drive()
    else this.#queue.at(this.#queue.now + 60_000, () => this.#turn(way))
  }

  async #join(name: string, from: string | undefined, retry: () => void): Promise<void> {
    const done = await this.#attempt(() => this.#drivers.call((rollover) => rollover.join({ name, from })))
    if (!done) return retry()
    if (this.#mesh.members.has(name)) return
    const bundle = this.#drivers.state?.bundle
    const signer = this.#drivers.state?.members[name]?.signer
    if (bundle === undefined) return
    const { sequence, digest, authorities } = bundle
    this.#joined.set(name, from)
    const joined = this.#mesh.add(name, signer, this.#terms.propagation, { sequence, digest, authorities })
    this.#events.push({ type: 'joined', at: this.#queue.now, member: this.#mesh.describe(joined) })
    this.#queue.at(this.#queue.now, () => this.#mesh.begin(joined))
    this.#driveLater(this.#queue.now)
  }

  /** Whether a driver did what it was asked to: it may have died, or not be able to. */
  async #attempt(work: () => Promise<unknown>): Promise<boolean> {
    try {
      await work()
      return true
    } catch (error) {
      if (error instanceof DriverCrash) return false
      // What is refused for good would be refused again.
      if (error instanceof MeshPkiError)
        return !(error.code === 'ERR_ROLLOVER_JOURNAL' || error.code === 'ERR_ROLLOVER_CONFLICT')
      throw error
    }
  }
}
