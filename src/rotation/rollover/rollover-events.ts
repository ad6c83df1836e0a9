/**
 * What a write of the journal means, as lines of a trace.
 *
 * @module
 */

import type { TraceEvent } from '../trace/trace-event.ts'
import type { Transition } from './rollover-gate.ts'
import { isOver, type RolloverState } from './rollover-state.ts'

/** The events between two states; `before` is `undefined` where somebody begins to tell. */
export function eventsBetween(
  before: RolloverState | undefined,
  after: RolloverState,
  at: number,
  transition?: Transition,
): readonly TraceEvent[] {
  const events: TraceEvent[] = []
  const entry = after.entries.at(-1)
  const last = before?.entries.at(-1)
  const isNew = entry?.revision !== last?.revision || entry?.at !== last?.at || entry?.what !== last?.what
  if (entry !== undefined && isNew)
    events.push({
      type: 'journal',
      at,
      revision: after.revision,
      what: entry.what,
      ...(transition === undefined ? {} : { transition }),
    })
  // What members have told is no decision of the driver.
  const recovered = before?.recovering !== undefined && after.recovering === undefined
  for (const [authority, { stage }] of Object.entries(after.authorities))
    if (stage !== 'PLANNED' && stage !== before?.authorities[authority]?.stage)
      events.push({
        type: 'stage',
        at,
        authority,
        stage,
        revision: after.revision,
        ...(recovered ? { recovered } : {}),
      })
  const { sequence, digest, authorities } = after.bundle
  if (sequence > 0 && sequence !== before?.bundle.sequence)
    events.push({ type: 'published', at, sequence, digest, authorities })
  if (before !== undefined && isOver(after) && !isOver(before))
    events.push({ type: 'finished', at, direction: after.direction })
  return before === undefined ? events.map((event) => ({ ...event, retold: true })) : events
}
