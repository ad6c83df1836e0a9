/**
 * Who runs a simulated mesh: says who is there, and does what incidents ask for.
 *
 * @module
 */

import { readDuration } from '../../internal/duration.ts'
import type { RolloverState } from '../rollover/rollover-state.ts'
import type { TraceEvent } from '../trace/trace-event.ts'
import type { SimulatedAuthority } from './certificate-backend.ts'
import type { EventQueue } from './event-queue.ts'
import { attempt, type SimulatedDrivers } from './simulated-drivers.ts'
import type { SimulatedMember } from './simulated-member.ts'
import type { SimulatedMesh } from './simulated-mesh.ts'
import type { SimulatedIncident, SimulationTerms } from './simulation-options.ts'

/** What an operator works with. */
export interface OperatorContext {
  readonly terms: SimulationTerms
  readonly queue: EventQueue
  readonly mesh: SimulatedMesh
  readonly drivers: SimulatedDrivers
  readonly tell: (event: TraceEvent) => void
  /** Lets a member report. */
  readonly report: (member: SimulatedMember) => void
  /** Lets a driver look at what there is. */
  readonly drive: () => void
}

/** How soon what a driver could not do is tried again. */
const RETRY_MS = 60_000
/** How long an operator waits for reports. */
const REPORTS_MS = 120_000
const REASON = { reason: 'simulated' }

/** The operator of a simulation. */
export class SimulatedOperator {
  /** Nobody drives before this. */
  asleepUntil: number = Number.NEGATIVE_INFINITY
  readonly #context: OperatorContext
  readonly #left = new Set<string>()
  readonly #joined = new Map<string, string | undefined>()

  constructor(context: OperatorContext) {
    this.#context = context
  }

  /** Says what was made and who is there, as a controller does at every turn: the journal may have been restored to before that. */
  async declare(made: SimulatedAuthority | undefined): Promise<void> {
    const { drivers, terms } = this.#context
    const { state } = drivers
    if (state === undefined) return
    if (made !== undefined && state.authorities[terms.driver.incoming]?.fingerprint === undefined)
      await attempt(() => drivers.call((rollover) => rollover.stageAs(made)))
    for (const [name, { leftAt }] of Object.entries(state.members))
      if (leftAt === undefined && this.#left.has(name))
        await attempt(() => drivers.call((rollover) => rollover.leave(name, REASON)))
    for (const [name, from] of this.#joined)
      if (!isThere(state, name) && !this.#left.has(name))
        await attempt(() => drivers.call((rollover) => rollover.join({ name, from })))
  }

  /** Lets an incident happen. */
  async play(incident: SimulatedIncident): Promise<void> {
    const { queue, mesh, drivers, drive, report } = this.#context
    switch (incident.kind) {
      case 'sleep':
        this.asleepUntil = queue.now + length(incident.for)
        return
      case 'restore':
        drivers.restore(queue.now - length(incident.to), incident.restarts)
        return drive()
      case 'clock-back':
        return this.#turnClock(incident)
      case 'join':
        // An operator lets everybody report first.
        for (const member of mesh.members.values()) report(member)
        return queue.at(queue.now + REPORTS_MS, () => this.#join(incident))
      case 'leave':
        return this.#leave(incident)
      case 'revise': {
        const { plan } = incident
        if (!(await attempt(() => drivers.call((rollover) => rollover.revise(plan, REASON)))))
          return this.#again(incident)
        drivers.follow(plan)
        return drive()
      }
      case 'abort':
        // An operator lets everybody report, and then decides.
        for (const member of mesh.members.values()) report(member)
        return queue.at(queue.now + REPORTS_MS, () => this.#turn('abort'))
      case 'resume':
        return this.#turn('resume')
    }
  }

  /** Goes back, or forward again. */
  async #turn(way: 'abort' | 'resume'): Promise<void> {
    const { queue, drivers, drive } = this.#context
    if (await attempt(() => drivers.call((rollover) => rollover[way](REASON)))) drive()
    else queue.at(queue.now + RETRY_MS, () => this.#turn(way))
  }

  #turnClock(incident: SimulatedIncident & { readonly kind: 'clock-back' }): void {
    const { queue, mesh } = this.#context
    const member = mesh.members.get(incident.name)
    if (member === undefined) return
    const skew = member.issuerSkew
    member.issuerSkew = skew - length(incident.by)
    queue.at(queue.now + length(incident.for), () => {
      member.issuerSkew = skew
    })
  }

  async #join(incident: SimulatedIncident & { readonly kind: 'join' }): Promise<void> {
    const { queue, mesh, drivers, drive, tell, terms } = this.#context
    const { name, from } = incident
    if (!(await attempt(() => drivers.call((rollover) => rollover.join({ name, from })))))
      return this.#again(incident)
    const { state } = drivers
    const known = state?.members[name]
    // It may have been refused, and then it is not there.
    if (mesh.members.has(name) || state === undefined || known === undefined) return
    const { sequence, digest, authorities } = state.bundle
    this.#joined.set(name, from)
    this.#left.delete(name)
    const joined = mesh.add(name, known.signer, terms.propagation, { sequence, digest, authorities })
    tell({ type: 'joined', at: queue.now, member: mesh.describe(joined) })
    queue.at(queue.now, () => mesh.begin(joined, true))
    drive()
  }

  async #leave(incident: SimulatedIncident & { readonly kind: 'leave' }): Promise<void> {
    const { mesh, drivers, drive } = this.#context
    const { name } = incident
    if (!(await attempt(() => drivers.call((rollover) => rollover.leave(name, REASON)))))
      return this.#again(incident)
    const member = mesh.members.get(name)
    if (member === undefined) return
    this.#left.add(name)
    mesh.remove(member)
    drive()
  }

  #again(incident: SimulatedIncident): void {
    const { queue } = this.#context
    queue.at(queue.now + RETRY_MS, () => this.play(incident))
  }
}

/** Whether a journal waits for a member. */
function isThere({ members }: RolloverState, name: string): boolean {
  const member = members[name]
  return member !== undefined && member.leftAt === undefined
}

const length = (text: string): number => readDuration(text, 'incidents', { allowZero: true })
