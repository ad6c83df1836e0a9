/**
 * The time axis: minutes of publication beside days of drain.
 *
 * @module
 */

import type { TimelineClock } from './timeline-clock.ts'

/** A stretch of the axis, linear in itself. */
interface ScaleSegment {
  readonly from: number
  readonly to: number
  readonly x0: number
  readonly x1: number
}

/** An axis of stretches, each with a scale of its own. */
export interface TimelineScale {
  readonly segments: readonly ScaleSegment[]
  /** Where an instant is; instants outside are at the ends. */
  x(time: number): number
}

/** A label of the axis. */
export interface ScaleTick {
  readonly at: number
  readonly x: number
  /** Whether the scale changes here. */
  readonly isKnot: boolean
}

/** Stretches at most; more of them would be too narrow for their labels. */
const SEGMENTS = 14

/** The ends show only that there is a before and an after. */
const END_WEIGHT = 4.5

/**
 * Puts knots on an axis. Between two of them time is linear. A stretch that is twice as long is wider by one part, so that 17 minutes
 * and a day are both seen, and which one is longer too.
 */
export function timelineScale(knots: readonly number[], x0: number, x1: number): TimelineScale {
  const kept = thin(knots)
  const weights: number[] = []
  for (let i = 1; i < kept.length; i++) {
    const length = (kept[i] ?? 0) - (kept[i - 1] ?? 0)
    const weight = 3 + Math.log2(1 + length / 60_000)
    weights.push(i === 1 || i === kept.length - 1 ? Math.min(weight, END_WEIGHT) : weight)
  }
  const all = weights.reduce((sum, one) => sum + one, 0)
  const segments: ScaleSegment[] = []
  let x = x0
  for (const [i, weight] of weights.entries()) {
    const next = i === weights.length - 1 ? x1 : x + ((x1 - x0) * weight) / all
    segments.push({ from: kept[i] ?? 0, to: kept[i + 1] ?? 0, x0: x, x1: next })
    x = next
  }
  return {
    segments,
    x: (time) => {
      const segment = segments.find(({ to }) => time < to)
      if (segment === undefined) return x1
      const { from, to } = segment
      return segment.x0 + ((segment.x1 - segment.x0) * Math.max(0, time - from)) / (to - from)
    },
  }
}

/** Leaves out the inner knots that are nearest to their neighbours. */
function thin(knots: readonly number[]): readonly number[] {
  const kept = [...knots]
  while (kept.length > SEGMENTS + 1) {
    let nearest = 1
    for (let i = 2; i < kept.length - 1; i++) if (gap(kept, i) < gap(kept, nearest)) nearest = i
    kept.splice(nearest, 1)
  }
  return kept
}

const gap = (knots: readonly number[], i: number): number => (knots[i] ?? 0) - (knots[i - 1] ?? 0)

/** Steps between ticks, in minutes. */
const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440, 2880, 10_080, 43_200, 525_600]

/** The knots, and round instants between them, no nearer to each other than `room`. */
export function ticksOf(scale: TimelineScale, clock: TimelineClock, room: number): readonly ScaleTick[] {
  const ticks: ScaleTick[] = []
  for (const { from, x0 } of scale.segments.slice(1))
    if (ticks.every(({ x }) => Math.abs(x - x0) >= room)) ticks.push({ at: from, x: x0, isKnot: true })
  for (const { from, to, x0, x1 } of scale.segments) {
    const perMinute = ((x1 - x0) * 60_000) / (to - from)
    const minutes = STEPS.find((one) => one * perMinute >= room)
    if (minutes === undefined) continue
    const step = minutes * 60_000
    const offset = clock.offsetAt(from)
    for (let at = Math.ceil((from + offset) / step) * step - offset; at < to; at += step) {
      const x = scale.x(at)
      if (at >= from && ticks.every((tick) => Math.abs(tick.x - x) >= room))
        ticks.push({ at, x, isKnot: false })
    }
  }
  return ticks.sort((a, b) => a.x - b.x)
}

/** Moves places apart, as little as is simple: to the right, and back where the right end is passed. */
export function spread(xs: readonly number[], min: number, max: number, gap: number): readonly number[] {
  const places = [...xs]
  for (let i = 0; i < places.length; i++)
    places[i] = Math.max(places[i] ?? 0, i === 0 ? min : (places[i - 1] ?? 0) + gap)
  for (let i = places.length - 1; i >= 0; i--)
    places[i] = Math.min(places[i] ?? 0, i === places.length - 1 ? max : (places[i + 1] ?? 0) - gap)
  return places
}
