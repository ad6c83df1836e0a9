/**
 * What callers give a driver, read.
 *
 * @module
 */

import { FIRST_INSTANT, LAST_INSTANT } from '../../internal/der-time.ts'
import { checkOptionNames } from '../../internal/options.ts'
import { escapeText } from '../../internal/text.ts'

/** How long a reason may be. */
const MAX_REASON = 500

/** An instant of the clock, to the millisecond. */
export function readMoment(value: Date): number {
  const time = value instanceof Date ? value.getTime() : Number.NaN
  if (Number.isNaN(time)) throw new TypeError('option "clock": now() must answer a valid Date')
  if (!(time >= FIRST_INSTANT && time <= LAST_INSTANT))
    throw new RangeError(`option "clock" answers an instant outside of the years 1950 to 9999`)
  return time
}

/** Why somebody does something; it is recorded. @throws `TypeError`. */
export function readReason(options: { readonly reason: string }, callee?: string): string {
  if (callee !== undefined) checkOptionNames(options, ['reason'], callee)
  const reason: unknown = options?.reason
  if (typeof reason !== 'string' || reason.trim() === '')
    throw new TypeError('option "reason" must say why; it is recorded')
  // Escapes make it longer, and a journal that cannot be read is worse than half a reason.
  return escapeText(reason, MAX_REASON).slice(0, MAX_REASON)
}
