/**
 * Where time comes from.
 *
 * @module
 */

import { readInstant } from './options.ts'

/** A source of time that callers may replace; `testing` has a manual one. */
export interface Clock {
  /** The current instant. */
  now(): Date
}

/** The machine's clock. */
export const systemClock: Clock = {
  now: () => new Date(),
}

/** The clock's instant in milliseconds, floored to whole seconds. @throws `TypeError` when the clock is broken. */
export function currentTime(clock: Clock): number {
  if (typeof clock?.now !== 'function')
    throw new TypeError('option "clock" must have a method now() that returns a Date')
  return readInstant(clock.now(), 'clock')
}
