/**
 * How a trace begins.
 *
 * @module
 */

import { instantOf } from '../../internal/instant-text.ts'
import {
  checkOptionNames,
  checkRequired,
  readCount,
  readFunction,
  readInstant,
} from '../../internal/options.ts'
import { type DriverTerms, driverTerms } from '../rollover/driver-terms.ts'
import type { RolloverPlan } from '../rollover/rollover-plan.ts'
import { initialState } from '../rollover/rollover-state.ts'
import { verifyPlan } from '../rollover/verify-plan.ts'
import type { TraceEventOf, TraceTerms } from './trace-event.ts'

/** Options of {@link beginTrace}. */
export interface BeginTraceOptions {
  /** When it begins: before the driver is opened, and before anything of the rollover is done. */
  readonly at: Date
  /** The sequence of the bundle that everybody has at that time, as for `Rollover.open`. Default 1. */
  readonly sequence?: number | undefined
  /** What the verifiers of a member are called in the events. Default: one, called as the member is. */
  readonly verifiers?: ((member: string) => readonly string[]) | undefined
}

const OPTIONS = ['at', 'sequence', 'verifiers']

/**
 * The event that a trace begins with: what the plan is judged by, and the members as they are before it. What `onEvent` of a
 * `Rollover` is told follows it, and what members log of their own, in the order of time.
 *
 * **Warning**: it says what the plan says. Where a mesh differs at the beginning, a member that does not trust what the plan thinks it
 * does for instance, `checkTrace` does not see it.
 *
 * @throws `MeshPkiError` `ERR_ROLLOVER_PLAN` for a plan that does not hold; `TypeError` and `RangeError` for options.
 *
 * @example
 * ```ts
 * import { beginTrace, checkTrace, Rollover, type RolloverJournal, type RolloverPlan, type TraceEvent } from 'mesh-pki/rotation'
 *
 * declare const plan: RolloverPlan, journal: RolloverJournal
 * const trace: TraceEvent[] = [beginTrace(plan, { at: new Date() })]
 * const rollover = await Rollover.open({ plan, journal, onEvent: (event) => trace.push(event) })
 * // … and whenever you want to know:
 * for (const { message } of checkTrace(trace)) console.error(message)
 * ```
 */
export function beginTrace(plan: RolloverPlan | string, options: BeginTraceOptions): TraceEventOf<'begin'> {
  checkOptionNames(options, OPTIONS, 'beginTrace')
  checkRequired(options, ['at'], 'beginTrace')
  const { verifiers = (member) => [member] } = options
  readFunction(verifiers, 'verifiers')
  const at = readInstant(options.at, 'at')
  const first = readCount(options.sequence ?? 1, 'sequence', 1, Number.MAX_SAFE_INTEGER)
  const verified = verifyPlan(plan)
  const driver = driverTerms(verified)
  const { authorities, sequence } = initialState(verified, first, new Date(at).toISOString()).bundle
  // In an adoption each cluster begins with a root of its own.
  const trusts = (from: string | undefined): readonly string[] =>
    driver.terms.kind !== 'adoption' ? authorities : from === undefined ? driver.outgoing : [from]
  return {
    type: 'begin',
    at,
    terms: traceTerms(driver),
    members: driver.terms.members.map(({ name, from }) => ({
      name,
      ...(from === undefined ? {} : { signer: from }),
      verifiers: verifiers(name),
      authorities: trusts(from),
      sequence,
    })),
  }
}

/** What a plan is judged by. */
export function traceTerms(driver: DriverTerms): TraceTerms {
  const { terms } = driver
  return {
    clockSkewMs: terms.clockSkew,
    propagationMs: driver.distribution - 2 * terms.clockSkew,
    retention: terms.retention,
    planned: firstInstants(driver.plan),
    maxAuthorities: terms.maxAuthorities,
    keepsRoot: terms.kind === 'issuing-ca',
    separate: terms.kind === 'adoption',
    crossSigned: terms.crossSign,
    ...(terms.reissueWithin === undefined ? {} : { reissueWithinMs: terms.reissueWithin }),
  }
}

/** When a plan first has each stage of each authority. */
function firstInstants(plan: RolloverPlan): Readonly<Record<string, number>> {
  const found: Record<string, number> = {}
  // A key may be made earlier, and an authority drains when nobody is left who signs with it.
  for (const { stage, authority, at } of plan.steps)
    if (stage !== 'STAGED' && stage !== 'DRAINING') found[`${stage} ${authority}`] ??= instantOf(at)
  return found
}
