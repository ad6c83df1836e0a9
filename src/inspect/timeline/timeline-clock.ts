/**
 * Instants as people of one time zone read them.
 *
 * @module
 */

import { escapeText } from '../../internal/text.ts'

/** A wall clock. */
export interface TimelineClock {
  readonly zone: string
  /** How far it is ahead of UTC at an instant, in milliseconds. */
  offsetAt(time: number): number
  /** `2026-03-01`. */
  date(time: number): string
  /** `00:17`, with seconds where there are some. */
  time(time: number): string
  /** `2026-03-01 00:17:00Z`, or with the offset. */
  instant(time: number): string
}

/** @throws `TypeError` for what is no name of a time zone; `RangeError` for one that nobody knows. */
export function timelineClock(timeZone: unknown): TimelineClock {
  if (timeZone !== undefined && typeof timeZone !== 'string')
    throw new TypeError(`option "timeZone" must be a text such as 'Europe/Berlin'; got ${typeof timeZone}`)
  const zone = timeZone ?? 'UTC'
  const offsetAt = zone === 'UTC' ? () => 0 : offsets(zone)
  const iso = (time: number): string => new Date(time + offsetAt(time)).toISOString()
  const seconds = (time: number): string => iso(time).slice(11, 19)
  return {
    zone,
    offsetAt,
    date: (time) => iso(time).slice(0, 10),
    time: (time) => seconds(time).replace(/:00$/, ''),
    instant: (time) => `${iso(time).slice(0, 10)} ${seconds(time)}${suffix(offsetAt(time))}`,
  }
}

function offsets(zone: string): (time: number) => number {
  let format: Intl.DateTimeFormat
  try {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      calendar: 'gregory',
      numberingSystem: 'latn',
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    })
  } catch (cause) {
    throw new RangeError(
      `option "timeZone" must be a name that this runtime knows, such as 'Europe/Berlin'; got "${escapeText(zone, 64)}"`,
      { cause },
    )
  }
  const known = new Map<number, number>()
  return (time) => {
    const second = Math.floor(time / 1000) * 1000
    const found = known.get(second)
    if (found !== undefined) return found
    const parts: Partial<Record<Intl.DateTimeFormatPartTypes, number>> = {}
    for (const { type, value } of format.formatToParts(second)) parts[type] = Number(value)
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second: secs = 0 } = parts
    const offset = Date.UTC(year, month - 1, day, hour, minute, secs) - second
    known.set(second, offset)
    return offset
  }
}

function suffix(offset: number): string {
  if (offset === 0) return 'Z'
  const minutes = Math.round(Math.abs(offset) / 60_000)
  const two = (n: number): string => String(n).padStart(2, '0')
  return `${offset < 0 ? '-' : '+'}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`
}
