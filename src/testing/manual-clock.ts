/**
 * A clock that tests move by hand.
 *
 * @module
 */

import type { Clock } from '../internal/clock.ts'
import { readDuration } from '../internal/duration.ts'

/** A clock that stands still until it is moved. */
export interface ManualClock extends Clock {
  /** Moves it forward: `clock.advance('90d')`. @throws `TypeError` for what is no duration. */
  advance(duration: string): void
  /** Puts it at an instant, also an earlier one. */
  set(instant: Date): void
}

/**
 * Makes a clock that stands at an instant. Default: 2026-01-01T00:00:00Z.
 *
 * @example
 * ```ts
 * import { manualClock } from 'mesh-pki/testing'
 *
 * const clock = manualClock(new Date('2026-01-01T00:00:00Z'))
 * clock.advance('12h30m')
 * clock.now().toISOString() // 2026-01-01T12:30:00.000Z
 * ```
 */
export function manualClock(start: Date = new Date('2026-01-01T00:00:00Z')): ManualClock {
  let time = timeOf(start)
  return {
    now: () => new Date(time),
    advance: (duration) => {
      time += readDuration(duration, 'duration')
    },
    set: (instant) => {
      time = timeOf(instant)
    },
  }
}

function timeOf(instant: Date): number {
  const time = instant instanceof Date ? instant.getTime() : Number.NaN
  if (Number.isNaN(time)) throw new TypeError('a manual clock needs a valid Date')
  return time
}
