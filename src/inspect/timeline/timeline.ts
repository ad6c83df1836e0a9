/**
 * What a timeline shows, before anybody draws it.
 *
 * @module
 */

import type { AuthorityStage } from '../../rotation/index.ts'

/**
 * How much of something is true over a bar: all of it, a growing or a shrinking part as planned, or some part as seen.
 */
type BarShape = 'full' | 'rise' | 'fall' | 'some'

/** A stretch of time in a lane. Instants are milliseconds since 1970. */
export interface TimelineBar {
  readonly from: number
  readonly to: number
  /** Index into the authorities of the timeline; -1 where the trace does not say. */
  readonly authority: number
  readonly shape: BarShape
  /** What is written in it. */
  readonly label?: string
  /** Instants at which something was replaced by its like: renewals. */
  readonly cuts?: readonly number[]
}

/** A row of the picture. */
export interface TimelineLane {
  readonly label: string
  /** At the other end of the label: which authority. */
  readonly tag?: string
  readonly bars: readonly TimelineBar[]
  readonly marks?: readonly TimelineMark[]
}

/** Rows that answer one question. */
export interface TimelineGroup {
  readonly title: string
  /** How its bars are to be read. */
  readonly hint: string
  readonly size: 'tall' | 'middle' | 'thin'
  readonly lanes: readonly TimelineLane[]
}

/** Something that happened at an instant. */
export interface TimelineMark {
  readonly at: number
  readonly kind: MarkKind
  readonly text: string
  /** Marks of one kind with the same subject are told together. */
  readonly subject: string
}

/** Kinds of marks, the worst first. */
export const MARK_KINDS = ['failed', 'forced', 'restored', 'crashed', 'refused', 'noted'] as const

/** One of them. */
export type MarkKind = (typeof MARK_KINDS)[number]

/** What was planned for, or seen at, an instant. */
export interface TimelineFact {
  readonly id: string
  readonly condition: string
  readonly needs: string
  readonly has: string
  readonly slack: string
  /** Whether it does not hold. */
  readonly broken: boolean
}

/** Authorities that enter a stage. */
export interface TimelineStep {
  readonly stage: AuthorityStage
  readonly authorities: readonly string[]
  /** Of `ACTIVE`: in which clusters. */
  readonly clusters: readonly string[]
  readonly facts: readonly TimelineFact[]
}

/** A vertical line. Where several instants share one, it is a strip from `at` to `until`. */
export interface TimelineGate {
  readonly at: number
  readonly until: number
  readonly steps: readonly TimelineStep[]
}

/** Everything that is drawn. */
export interface Timeline {
  readonly source: 'plan' | 'trace'
  readonly title: string
  /** What it was computed from, in a line. */
  readonly figures: string
  readonly from: number
  readonly to: number
  /** Publication: offsets are counted from it. */
  readonly origin: number
  /** Where the scale may change, sorted; the first is `from` and the last `to`. */
  readonly knots: readonly number[]
  readonly authorities: readonly string[]
  readonly gates: readonly TimelineGate[]
  readonly groups: readonly TimelineGroup[]
  /** What was left out, and what to mind. */
  readonly notes: readonly string[]
}

/** Lanes that a picture has at most, by what they are; beyond that it says how many are missing. */
export const MOST = {
  lives: 24,
  clusters: 40,
  trusts: 60,
  holders: 40,
  cuts: 200,
  bars: 48,
  incidents: 30,
  gates: 40,
} as const

/** The first `most` of a list; what is missing is noted. */
export function atMost<T>(list: readonly T[], most: number, what: string, notes: string[]): readonly T[] {
  if (list.length <= most) return list
  notes.push(`${list.length - most} of ${list.length} ${what} are left out`)
  return list.slice(0, most)
}

/** Groups whose lanes have no more bars than can be told apart: what follows is one bar of nobody in particular. */
export function fewBars(groups: readonly TimelineGroup[], notes: string[]): readonly TimelineGroup[] {
  let crowded = 0
  const few = groups.map((group) => ({
    ...group,
    lanes: group.lanes.map((lane): TimelineLane => {
      const next = lane.bars[MOST.bars]
      const last = lane.bars.at(-1)
      if (next === undefined || last === undefined) return lane
      crowded++
      const rest: TimelineBar = { from: next.from, to: last.to, authority: -1, shape: 'some' }
      return { ...lane, bars: [...lane.bars.slice(0, MOST.bars), rest] }
    }),
  }))
  if (crowded > 0)
    notes.push(`${crowded} lanes change more than ${MOST.bars} times: the rest of each is grey`)
  return few
}

/** Sorted, each once. */
export const sortedInstants = (times: readonly number[]): readonly number[] =>
  [...new Set(times)].sort((a, b) => a - b)
