/**
 * What a timeline says in words: steps with their inequalities, what else happened, and what was left out.
 *
 * @module
 */

import { formatDuration } from '../../internal/duration.ts'
import type { Timeline, TimelineFact } from './timeline.ts'
import type { TimelineClock } from './timeline-clock.ts'
import { stepText } from './timeline-gates.ts'
import { incidentsOf } from './timeline-incidents.ts'

/** A step, or several that the picture has as one line. */
export interface TableStep {
  /** The number of its line. */
  readonly number: number
  readonly at: string
  /** Until when, where it is a strip. */
  readonly until: string
  /** From publication: `P+17m`. */
  readonly offset: string
  readonly text: string
  readonly facts: readonly (TimelineFact & { readonly text: string })[]
}

/** The words of a timeline. */
export interface TimelineTable {
  readonly steps: readonly TableStep[]
  readonly incidents: readonly { readonly at: string; readonly kind: string; readonly text: string }[]
  readonly notes: readonly string[]
}

/** Writes them. */
export function tableOf(timeline: Timeline, clock: TimelineClock): TimelineTable {
  const { incidents, missing } = incidentsOf(timeline)
  const notes = [...timeline.notes]
  if (missing > 0) notes.push(`${missing} more lines of what else happened are left out`)
  return {
    steps: timeline.gates.flatMap((gate, i) =>
      gate.steps.map((step) => ({
        number: i + 1,
        at: clock.instant(gate.at),
        until: gate.until > gate.at ? clock.instant(gate.until) : '',
        offset: offsetText(gate.at - timeline.origin),
        text: stepText(step),
        facts: step.facts.map((fact) => ({ ...fact, text: factText(fact) })),
      })),
    ),
    incidents: incidents.map(({ kind, subject, from, to, count }) => ({
      at: clock.instant(from),
      kind,
      text:
        count === 1
          ? subject
          : `${subject} (${count} times${to > from ? `, until ${clock.instant(to)}` : ''})`,
    })),
    notes,
  }
}

/** An instant from publication on. */
function offsetText(ms: number): string {
  const whole = Math.trunc(ms / 1000) * 1000
  return whole === 0 ? 'P' : `P${whole < 0 ? '−' : '+'}${formatDuration(whole)}`
}

/** A fact as a phrase: `C1: A − P ≥ D + 2S, needs 17m, has 17m, slack 0s`. */
export function factText({ id, condition, needs, has, slack }: TimelineFact): string {
  return `${id}: ${condition}, needs ${needs}, has ${has}, slack ${slack}`
}
