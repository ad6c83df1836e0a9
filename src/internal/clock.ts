/**
 * Where time comes from.
 *
 * @module
 */

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
  const time = clock.now().getTime()
  if (Number.isNaN(time)) throw new TypeError('option "clock" returned an invalid Date')
  return Math.floor(time / 1000) * 1000
}
