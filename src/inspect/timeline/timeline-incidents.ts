/**
 * What else happened, as lines.
 *
 * @module
 */

import { MARK_KINDS, type MarkKind, MOST, type Timeline } from './timeline.ts'

/** Marks of one kind with one subject. */
export interface TimelineIncident {
  readonly kind: MarkKind
  readonly subject: string
  readonly from: number
  readonly to: number
  readonly count: number
}

/** The lines by time, and how many had no place; the worst kinds come first when there are too many. */
export function incidentsOf(timeline: Timeline): {
  readonly incidents: readonly TimelineIncident[]
  readonly missing: number
} {
  const found: TimelineIncident[] = []
  for (const kind of MARK_KINDS) {
    const own = new Map<string, TimelineIncident>()
    for (const { lanes } of timeline.groups)
      for (const { bars, marks = [] } of lanes) {
        // Lanes of holders have their failures once more.
        if (bars.length > 0) continue
        for (const mark of marks) {
          if (mark.kind !== kind) continue
          const { subject, at } = mark
          const known = own.get(subject) ?? { kind, subject, from: at, to: at, count: 0 }
          own.set(subject, { ...known, to: at, count: known.count + 1 })
        }
      }
    found.push(...own.values())
  }
  const incidents = found.slice(0, MOST.incidents).sort((a, b) => a.from - b.from)
  return { incidents, missing: found.length - incidents.length }
}
