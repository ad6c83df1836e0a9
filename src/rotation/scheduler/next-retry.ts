/**
 * When to try again where the caller does not say.
 *
 * @module
 */

import { RETRY_FRACTION } from '../retry-schedule.ts'
import { type RunningAttempt, toDate } from './rotation-attempt.ts'
import { type RotationSchedulerOptions, readDate } from './scheduler-options.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/**
 * The instant of the next attempt, in milliseconds: when 70 % of what remains until the end has passed, so that attempts
 * come closer together as the end does; a minute to a day away. After the end: each minute. Where the end is not known,
 * after one minute, two, four, up to an hour.
 *
 * @internal
 */
export function nextRetry(attempt: number, now: number, expiresAt: number | undefined): number {
  if (expiresAt === undefined) return now + Math.min(HOUR, MINUTE * 2 ** (attempt - 1))
  return now + Math.min(DAY, Math.max(MINUTE, Math.ceil(RETRY_FRACTION * (expiresAt - now))))
}

/** No attempt follows another of the same entry sooner, whatever the caller says. */
const MIN_RETRY_MS = 1000

/**
 * What the caller says; {@link nextRetry} where that says nothing, fails, or is no instant: an entry must not be lost by it.
 * A forced rotation that fails does not put off what was due anyway.
 */
export function chooseRetry(
  retry: RotationSchedulerOptions['retry'],
  { handle, attempt, cause, due }: RunningAttempt,
  failure: { readonly error: unknown; readonly now: number; readonly end: number | undefined },
): number {
  const { error, now, end } = failure
  let answer: number | undefined
  try {
    const said: unknown = retry?.(handle, { attempt, error, now: new Date(now), expiresAt: toDate(end) })
    if (said !== undefined) answer = readDate(said, 'the instant that retry() answered')
  } catch {
    // See above.
  }
  const retryAt = Math.max(now + MIN_RETRY_MS, answer ?? nextRetry(attempt, now, end))
  return cause === 'forced' && due > now ? Math.min(retryAt, due) : retryAt
}
