/**
 * Judges a trace by the invariants of a rollover.
 *
 * @module
 */

import { typeName } from '../../internal/options.ts'
import { INVARIANTS, type InvariantId } from './invariants.ts'
import type { TraceEvent } from './trace-event.ts'
import { TraceView } from './trace-view.ts'

/** An invariant that a trace breaks. */
export interface TraceViolation {
  readonly invariant: InvariantId
  /** What must hold. */
  readonly rule: string
  /** When, in milliseconds since 1970. */
  readonly at: number
  /** What happened instead. */
  readonly message: string
  /** The event that broke it. */
  readonly event: TraceEvent
}

/** Violations that are kept; one broken gate can cause thousands. */
const MAX_VIOLATIONS = 1000

/**
 * Evaluates the invariants I1 to I16 on a trace, from a simulation or from the logs of a mesh, and answers every
 * violation in the order of time. `docs/rotation.md` lists them.
 *
 * The trace begins with a `begin` event, as `beginTrace` makes one, and its events are in the order of time.
 *
 * **Warning**: it judges what it is shown. A verifier or holder whose events are missing is not judged.
 *
 * @throws `TypeError` for what is no trace.
 *
 * @example
 * ```ts
 * import { checkTrace, type TraceEvent } from 'mesh-pki/rotation'
 *
 * declare const events: readonly TraceEvent[]
 * for (const { invariant, message } of checkTrace(events)) console.log(invariant, message)
 * ```
 */
export function checkTrace(events: readonly TraceEvent[]): readonly TraceViolation[] {
  if (!Array.isArray(events))
    throw new TypeError(`checkTrace takes a list of events; got ${typeName(events)}`)
  const list: readonly TraceEvent[] = events
  const [begin] = list
  if (begin?.type !== 'begin')
    throw new TypeError('a trace begins with an event of type "begin"; beginTrace(plan) makes one')
  const view = new TraceView(begin)
  const watches = INVARIANTS.map(({ id, rule, watch }) => ({ id, rule, check: watch() }))
  const found: TraceViolation[] = []
  let last = Number.NEGATIVE_INFINITY
  for (const event of list.slice(1)) {
    if (typeof event?.at !== 'number' || !(event.at >= last))
      throw new TypeError(
        `the events of a trace must be in the order of time; "${String(event?.type)}" at ${String(event?.at)} comes after ${last}`,
      )
    last = event.at
    if (event.retold === true) {
      view.recall(event)
      continue
    }
    for (const { id, rule, check } of watches)
      for (const message of check(event, view))
        if (found.length < MAX_VIOLATIONS) found.push({ invariant: id, rule, at: event.at, message, event })
    view.take(event)
  }
  return found
}
