/**
 * Where time comes from.
 *
 * @module
 */

import type { AbortSignalLike } from './abort.ts'
import { readInstant } from './options.ts'

/** Something that knows what time it is. */
export interface TimeSource {
  /** The current instant. */
  now(): Date
}

/** A source of time that callers may replace, and that can wait; `testing` has a manual one. */
export interface Clock extends TimeSource {
  /** Waits; rejects with the signal's reason when that aborts. */
  sleep(milliseconds: number, signal?: AbortSignalLike): Promise<void>
}

/** The longest that a timer can be set for; a longer one fires at once. */
export const MAX_TIMER_MS: number = 2 ** 31 - 1

/** The machine's clock. */
export const systemClock: Clock = {
  now: () => new Date(),
  async sleep(milliseconds, signal) {
    for (let rest = milliseconds; rest > 0; rest -= MAX_TIMER_MS)
      await sleepOnce(Math.min(rest, MAX_TIMER_MS), signal)
  },
}

function sleepOnce(milliseconds: number, signal: AbortSignalLike | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(signal.reason)
      return
    }
    const onAbort = (): void => {
      clearTimeout(timer)
      reject(signal?.reason)
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort)
      resolve()
    }, milliseconds)
    signal?.addEventListener('abort', onAbort)
  })
}

/** The clock's instant in milliseconds, floored to whole seconds. @throws `TypeError` when the clock is broken. */
export function currentTime(clock: TimeSource): number {
  if (typeof clock?.now !== 'function')
    throw new TypeError('option "clock" must have a method now() that returns a Date')
  return readInstant(clock.now(), 'clock')
}

/** The option "clock". @throws `TypeError` for what cannot tell the time or wait. */
export function readClock(clock: Clock | undefined): Clock {
  if (clock === undefined) return systemClock
  if (typeof clock?.now !== 'function' || typeof clock.sleep !== 'function')
    throw new TypeError('option "clock" must have the methods now() and sleep(milliseconds, signal)')
  return clock
}

/** The option "clock" of what only asks for the time. @throws `TypeError` for what cannot tell it. */
export function readTimeSource(clock: TimeSource | undefined): () => Date {
  if (clock === undefined) return () => new Date()
  currentTime(clock)
  return () => new Date(readInstant(clock.now(), 'clock'))
}
