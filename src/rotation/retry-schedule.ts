/**
 * When to try again after a renewal has failed.
 *
 * @module
 */

import { readDuration } from '../internal/duration.ts'
import { checkOptionNames, readCount, typeName } from '../internal/options.ts'

/** What {@link nextRetry} takes. */
export interface NextRetryOptions {
  /** The instant of the attempt that has failed. */
  readonly now: Date
  /** The end of the certificate. */
  readonly until: Date
  /** How much of what remains passes before the next attempt, above 0 and below 1. Default 0.7, as Linkerd's proxy. */
  readonly fraction?: number | undefined
  /** The shortest time between two attempts. Default `'1m'`. */
  readonly minInterval?: string | undefined
}

/** What {@link retrySchedule} takes. */
export interface RetryScheduleOptions extends Omit<NextRetryOptions, 'now'> {
  /** The instant of the first attempt; it is not in the answer. */
  readonly from: Date
  /** The most attempts in the answer, from 1 to 1000. Default 16. */
  readonly maxAttempts?: number | undefined
}

/** Linkerd's share of what remains. */
export const RETRY_FRACTION = 0.7

/** It bounds how often a CA that is down is asked by one holder. */
const MIN_INTERVAL = '1m'

const MAX_ATTEMPTS = 16

/**
 * The instants at which a failed renewal is tried again, each when 70 % of what then remains has passed.
 *
 * From the beginning of a life these are 70 %, 91 %, 97.3 % of it, as Linkerd's proxy has them (`certify.rs`; it waits 70 % of
 * the remaining life after every failure). They come closer as the end does, are never closer than `minInterval`, and all lie
 * strictly before `until`: the answer is empty where there is no time left. Whole seconds.
 *
 * **Warning**: it has no jitter of its own. Holders that begin at different instants, as the jitter of `renewalTime` makes
 * them, stay apart.
 *
 * @throws `TypeError`, `RangeError`.
 *
 * @example
 * ```ts
 * import { retrySchedule } from 'mesh-pki/rotation'
 *
 * const from = new Date('2026-01-01T00:00:00Z')
 * const until = new Date('2026-01-02T00:00:00Z')
 * for (const at of retrySchedule({ from, until })) console.log(at.toISOString()) // 16:48:00, 21:50:24, 23:21:07, …
 * ```
 */
export function retrySchedule(options: RetryScheduleOptions): readonly Date[] {
  checkOptionNames(options, ['from', 'until', 'fraction', 'minInterval', 'maxAttempts'], 'retrySchedule')
  const rule = readRule(options)
  const count = readCount(options.maxAttempts ?? MAX_ATTEMPTS, 'maxAttempts', 1, 1000)
  const attempts: Date[] = []
  let last = readStart(options.from, 'from')
  while (attempts.length < count) {
    const next = following(last, rule)
    if (next === undefined) break
    attempts.push(new Date(next))
    last = next
  }
  return Object.freeze(attempts)
}

/**
 * The next of {@link retrySchedule}, for a driver that asks after each failure; `undefined` when no attempt can be made any
 * more before the end.
 *
 * @throws `TypeError`, `RangeError`.
 *
 * @example
 * ```ts
 * import { nextRetry } from 'mesh-pki/rotation'
 * import type { Certificate } from 'mesh-pki/x509'
 *
 * declare const certificate: Certificate
 * const at = nextRetry({ now: new Date(), until: certificate.notAfter })
 * if (at === undefined) console.error('it will expire before another attempt: renew by hand')
 * ```
 */
export function nextRetry(options: NextRetryOptions): Date | undefined {
  checkOptionNames(options, ['now', 'until', 'fraction', 'minInterval'], 'nextRetry')
  const next = following(readStart(options.now, 'now'), readRule(options))
  return next === undefined ? undefined : new Date(next)
}

interface Rule {
  readonly until: number
  readonly fraction: number
  readonly interval: number
}

function readRule(options: Omit<NextRetryOptions, 'now'>): Rule {
  const { fraction = RETRY_FRACTION, minInterval = MIN_INTERVAL } = options
  if (typeof fraction !== 'number')
    throw new TypeError(`option "fraction" must be a number; got ${typeName(fraction)}`)
  if (!(fraction > 0 && fraction < 1))
    throw new RangeError(
      `option "fraction" must lie between 0 and 1; got ${fraction}. It is how much of what remains passes before the next attempt`,
    )
  return {
    until: readStart(options.until, 'until'),
    fraction,
    interval: readDuration(minInterval, 'minInterval'),
  }
}

/** Up to a whole second: from its beginning, the interval after an attempt would be too short. */
function readStart(value: unknown, option: string): number {
  if (!(value instanceof Date) || Number.isNaN(value.getTime()))
    throw new TypeError(
      `option "${option}" must be a valid Date; got ${value instanceof Date ? 'an invalid one' : typeName(value)}`,
    )
  return Math.ceil(value.getTime() / 1000) * 1000
}

function following(last: number, { until, fraction, interval }: Rule): number | undefined {
  // To the millisecond first: 0.7 of a day is 60,480 seconds, whatever binary fractions say.
  const step = Math.max(Math.floor(Math.round((until - last) * fraction) / 1000) * 1000, interval)
  return last + step < until ? last + step : undefined
}
