/**
 * Where a rollover stands, for people.
 *
 * @module
 */

import { instantOf } from '../../internal/instant-text.ts'
import type { DriverTerms } from './driver-terms.ts'
import { currentMembers, type Gate, type ShutGate, shutGates, type Transition } from './rollover-gate.ts'
import { isOver, type RolloverState } from './rollover-state.ts'
import { nextTransitions } from './rollover-transitions.ts'

/** A step that is not taken yet, and why. */
export interface WaitingStep {
  readonly step: Transition
  readonly gates: readonly ShutGate[]
  /** When it is due by time alone; `undefined` where only evidence is missing. */
  readonly until?: Date
  /** Members whose evidence is missing. */
  readonly missing: readonly string[]
  /** As a sentence. */
  readonly message: string
}

/** Where a rollover stands. */
export interface RolloverStatus {
  readonly direction: 'forward' | 'back'
  readonly over: boolean
  readonly revision: number
  /** The stage of each authority. */
  readonly stages: Readonly<Record<string, string>>
  readonly bundle: {
    readonly sequence: number
    readonly digest: string
    readonly authorities: readonly string[]
  }
  /** What comes next, and what it waits for. */
  readonly waiting: readonly WaitingStep[]
  /** When to call `advance()` again, if nothing is reported before. */
  readonly nextAt?: Date
  /** What is no longer as planned, though safe: the outgoing authority ends too soon for whole lifetimes (C5). */
  readonly degraded: readonly string[]
  /** The state as the journal has it. */
  readonly state: RolloverState
}

/** The status of a state. */
export function statusOf(
  driver: DriverTerms,
  state: RolloverState,
  now: number,
  gates: readonly Gate[],
): RolloverStatus {
  const memo = new Map<string, readonly ShutGate[]>()
  const waiting = nextTransitions(driver, state).map((step): WaitingStep => {
    const shut = shutGates({ driver, state, now, transition: step, memo }, gates)
    const times = shut.flatMap(({ until }) => until ?? [])
    const missing = [...new Set(shut.flatMap(({ member }) => member ?? []))]
    return {
      step,
      gates: shut,
      ...(times.length === 0 ? {} : { until: new Date(Math.max(...times)) }),
      missing,
      message: `${step.kind} ${step.authority}${step.cluster === undefined ? '' : ` in ${step.cluster}`} waits: ${toldOf(shut)}`,
    }
  })
  const due = waiting.flatMap(({ until }) => until?.getTime() ?? [])
  return {
    direction: state.direction,
    over: isOver(state),
    revision: state.revision,
    stages: Object.fromEntries(Object.entries(state.authorities).map(([id, { stage }]) => [id, stage])),
    bundle: state.bundle,
    waiting,
    ...(due.length === 0 ? {} : { nextAt: new Date(Math.min(...due)) }),
    degraded: degradedIn(driver, state, now),
    state,
  }
}

/** Reasons that a message names. */
const MAX_TOLD = 8

function toldOf(shut: readonly ShutGate[]): string {
  if (shut.length === 0) return 'for nothing'
  const told = shut.slice(0, MAX_TOLD).map(({ message }) => message)
  return `${told.join('; ')}${shut.length > MAX_TOLD ? `; and for ${shut.length - MAX_TOLD} more` : ''}`
}

function degradedIn(driver: DriverTerms, state: RolloverState, now: number): readonly string[] {
  const { switchDelay, leafLifetime, clockSkew } = driver.terms
  return driver.outgoing.flatMap((id) => {
    const { notAfter } = state.authorities[id] ?? {}
    const signing = currentMembers(state)
      .filter(([, { signer }]) => signer === id)
      .map(([name]) => name)
    if (notAfter === undefined || signing.length === 0) return []
    const left = instantOf(notAfter) - now
    if (left >= switchDelay + leafLifetime + 2 * clockSkew) return []
    return [
      `${id} ends at ${notAfter}, and ${signing.join(', ')} still ${signing.length === 1 ? 'signs' : 'sign'} with it: what is issued is cut short (C5)`,
    ]
  })
}
