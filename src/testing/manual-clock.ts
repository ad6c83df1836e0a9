/**
 * A clock that tests move by hand.
 *
 * @module
 */

import type { AbortSignalLike } from '../internal/abort.ts'
import type { Clock } from '../internal/clock.ts'
import { readDuration } from '../internal/duration.ts'

/** A clock that stands still until it is moved. */
export interface ManualClock extends Clock {
  /** Moves it forward, and wakes who has slept long enough. @throws `TypeError` for what is no duration. */
  advance(duration: string): void
  /** Puts it at an instant, also an earlier one, and wakes who has slept long enough. */
  set(instant: Date): void
  /**
   * Moves it forward from one sleeper's end to the next, and gives each a turn of the event loop to work before
   * the clock moves on. What waits for a network or a thread is not waited for.
   */
  run(duration: string): Promise<void>
  /** How many sleep. */
  readonly sleepers: number
}

interface Sleeper {
  readonly due: number
  wake(): void
}

/**
 * Makes a clock that stands at an instant. Default: 2026-01-01T00:00:00Z.
 *
 * @example
 * ```ts
 * import { manualClock } from 'mesh-pki/testing'
 *
 * const clock = manualClock(new Date('2026-01-01T00:00:00Z'))
 * const slept = clock.sleep(60_000)
 * clock.advance('12h30m')
 * await slept
 * clock.now().toISOString() // 2026-01-01T12:30:00.000Z
 * ```
 */
export function manualClock(start: Date = new Date('2026-01-01T00:00:00Z')): ManualClock {
  let time = timeOf(start)
  const sleepers = new Set<Sleeper>()

  const moveTo = (instant: number): void => {
    time = instant
    for (const sleeper of inOrder(sleepers)) if (sleeper.due <= time) sleeper.wake()
  }
  return {
    now: () => new Date(time),
    sleep: (milliseconds, signal) => sleepIn(sleepers, time + milliseconds, milliseconds <= 0, signal),
    advance: (duration) => moveTo(time + readDuration(duration, 'duration', { allowZero: true })),
    set: (instant) => moveTo(timeOf(instant)),
    async run(duration) {
      const end = time + readDuration(duration, 'duration', { allowZero: true })
      await settle()
      for (;;) {
        const [next] = inOrder(sleepers)
        if (next === undefined || next.due > end) break
        moveTo(Math.max(next.due, time))
        await settle()
      }
      moveTo(end)
      await settle()
    },
    get sleepers() {
      return sleepers.size
    },
  }
}

function sleepIn(
  sleepers: Set<Sleeper>,
  due: number,
  over: boolean,
  signal: AbortSignalLike | undefined,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const leave = (): void => {
      sleepers.delete(sleeper)
      signal?.removeEventListener('abort', onAbort)
    }
    const onAbort = (): void => {
      leave()
      reject(signal?.reason)
    }
    const sleeper: Sleeper = {
      due,
      wake: () => {
        leave()
        resolve()
      },
    }
    if (signal?.aborted === true) onAbort()
    else if (over) resolve()
    else {
      sleepers.add(sleeper)
      signal?.addEventListener('abort', onAbort)
    }
  })
}

const inOrder = (sleepers: ReadonlySet<Sleeper>): readonly Sleeper[] =>
  [...sleepers].sort((a, b) => a.due - b.due)

/** Turns of the event loop: one for what was woken, the others for what that starts. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise<void>((resolve) => setTimeout(resolve, 0))
}

function timeOf(instant: Date): number {
  const time = instant instanceof Date ? instant.getTime() : Number.NaN
  if (Number.isNaN(time)) throw new TypeError('a manual clock needs a valid Date')
  return time
}
