/**
 * Durations as people write them: `'90d'`, `'2160h'`, `'1h30m'`.
 *
 * @module
 */

import { quote } from './text.ts'

const UNIT_MS: Readonly<Record<string, number>> = {
  w: 604_800_000,
  d: 86_400_000,
  h: 3_600_000,
  m: 60_000,
  s: 1000,
}
const ORDER = 'wdhms'

/** One thousand years. A longer lifetime is a typing mistake; RFC 5280 §4.1.2.5 ends in the year 9999. */
const MAX_MS = 1000 * 365.25 * 86_400_000

/** How `readDuration` treats a duration of zero. */
export interface DurationRules {
  readonly allowZero?: boolean
  /** The longest that makes sense, as text for the message and in milliseconds. */
  readonly max?: readonly [text: string, milliseconds: number]
}

/**
 * Milliseconds of a duration: whole numbers with the units `w d h m s`, largest first, each once.
 *
 * @throws `TypeError` when it is not a string or not of that form; `RangeError` when it is zero
 * (unless allowed) or longer than a thousand years. Both name the option.
 */
export function readDuration(value: unknown, option: string, rules: DurationRules = {}): number {
  if (typeof value !== 'string') {
    throw new TypeError(
      `option "${option}" must be a duration with a unit, such as '90d', '24h' or '15m'; got ${describe(value)}`,
    )
  }
  const parts = /^(?:\d{1,12}[wdhms])+$/.test(value) ? value.match(/\d+[wdhms]/g) : null
  if (parts === null) {
    const hint = /^\s*-/.test(value)
      ? 'it cannot be negative'
      : /^\s*\d+(\.\d+)?\s*$/.test(value)
        ? 'its unit is missing'
        : 'expected whole numbers with the units w, d, h, m, s'
    throw new TypeError(
      `option "${option}" is not a duration: ${quote(value, 64)} (${hint}; write '90d', '24h' or '15m')`,
    )
  }
  let total = 0
  let last = -1
  for (const part of parts) {
    const unit = part.slice(-1)
    const rank = ORDER.indexOf(unit)
    if (rank <= last)
      throw new TypeError(`option "${option}" must name each unit once, largest first; got '${value}'`)
    last = rank
    total += Number(part.slice(0, -1)) * (UNIT_MS[unit] ?? 0)
  }
  if (total === 0 && rules.allowZero !== true) {
    throw new RangeError(`option "${option}" must be longer than zero; got '${value}'`)
  }
  if (rules.max !== undefined && total > rules.max[1]) {
    throw new RangeError(`option "${option}" must be at most '${rules.max[0]}'; got '${value}'`)
  }
  if (total > MAX_MS) throw new RangeError(`option "${option}" must be at most 1000 years; got '${value}'`)
  return total
}

/** Writes milliseconds as the shortest exact duration in days, hours, minutes and seconds. */
export function formatDuration(milliseconds: number): string {
  let rest = Math.round(Math.abs(milliseconds) / 1000) * 1000
  let text = ''
  for (const unit of ['d', 'h', 'm', 's']) {
    const size = UNIT_MS[unit] ?? 1
    const count = Math.floor(rest / size)
    if (count > 0) text += `${count}${unit}`
    rest -= count * size
  }
  return text === '' ? '0s' : text
}

function describe(value: unknown): string {
  if (typeof value === 'number') return `the number ${value}, which has no unit`
  return value === null ? 'null' : typeof value
}
