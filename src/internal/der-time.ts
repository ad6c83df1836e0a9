/**
 * UTCTime and GeneralizedTime in the only two forms that RFC 5280 §4.1.2.5 allows.
 *
 * @module
 */

import { type DerCursor, Tag } from './der.ts'

/** 2050-01-01T00:00:00Z: up to here UTCTime is due, from here GeneralizedTime (RFC 5280 §4.1.2.5). */
const YEAR_2050 = 2_524_608_000_000

/** 9999-12-31T23:59:59Z, "no well-defined expiration date" (RFC 5280 §4.1.2.5); also the last that can be written. */
export const LAST_INSTANT: number = 253_402_300_799_000

/** 1950-01-01T00:00:00Z, the first instant that UTCTime can hold under RFC 5280 §4.1.2.5.1. */
export const FIRST_INSTANT: number = -631_152_000_000

const DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] as const

/** Reads a Time; answers milliseconds since the epoch. `early` allows GeneralizedTime before 2050. */
export function readTime(cursor: DerCursor, what: string, early: boolean): number {
  const start = cursor.offset
  const general = cursor.peek() === Tag.GENERALIZED_TIME
  const end = cursor.header(general ? Tag.GENERALIZED_TIME : Tag.UTC_TIME, what)
  const { bytes } = cursor
  let at = cursor.offset
  if (end - at !== (general ? 15 : 13) || bytes[end - 1] !== 0x5a) {
    return timeFault(cursor, start, what, `not of the form ${general ? 'YYYYMMDDHHMMSSZ' : 'YYMMDDHHMMSSZ'}`)
  }
  let year = pair(bytes, at)
  at += 2
  if (general) {
    year = year * 100 + pair(bytes, at)
    at += 2
  } else year += year < 50 ? 2000 : 1900
  const month = pair(bytes, at)
  const day = pair(bytes, at + 2)
  const hour = pair(bytes, at + 4)
  const minute = pair(bytes, at + 6)
  const second = pair(bytes, at + 8)
  if (year < 0 || month < 0 || day < 0 || hour < 0 || minute < 0 || second < 0) {
    return timeFault(cursor, start, what, 'a character that is not a digit')
  }
  const leap = month === 2 && year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 1 : 0
  if (
    month < 1 ||
    month > 12 ||
    day < 1 ||
    day > (DAYS[month - 1] ?? 0) + leap ||
    hour > 23 ||
    minute > 59 ||
    second > 59
  ) {
    return timeFault(cursor, start, what, 'not a date and time of the calendar')
  }
  cursor.offset = end
  const time = utc(year, month, day, hour, minute, second)
  if (general && !early && time < YEAR_2050) {
    return timeFault(
      cursor,
      start,
      what,
      'GeneralizedTime before 2050, where UTCTime is due; leniency "generalized-time-before-2050" allows it',
    )
  }
  return time
}

/** Two digits as a number; so far below zero that no sum hides it where one is no digit. */
function pair(bytes: Uint8Array, at: number): number {
  const tens = (bytes[at] ?? 0) - 0x30
  const ones = (bytes[at + 1] ?? 0) - 0x30
  return tens >>> 0 > 9 || ones >>> 0 > 9 ? -1_000_000 : tens * 10 + ones
}

/**
 * Milliseconds since the epoch of a checked UTC date, by counting days from 1 March of year 0, so that the
 * leap day ends a year. `Date.UTC` is slower, and reads the years 0 to 99 as 1900 to 1999.
 */
function utc(year: number, month: number, day: number, hour: number, minute: number, second: number): number {
  const y = month <= 2 ? year - 1 : year
  const era = Math.floor(y / 400)
  const yearOfEra = y - era * 400
  const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear
  // 719,468 days lie between that 1 March and 1970-01-01.
  const days = era * 146_097 + dayOfEra - 719_468
  return (days * 86_400 + hour * 3600 + minute * 60 + second) * 1000
}

function timeFault(cursor: DerCursor, start: number, what: string, found: string): never {
  cursor.offset = start
  return cursor.fail('ERR_DER_TIME', what, `${found} (RFC 5280 §4.1.2.5)`)
}

/** Writes an instant as UTCTime through 2049 and GeneralizedTime from 2050. */
export function derTime(time: number): Uint8Array {
  if (!(time >= FIRST_INSTANT && time <= LAST_INSTANT)) {
    throw new RangeError(
      `an instant in a certificate must lie between 1950 and 9999; got ${new Date(time).toString()}`,
    )
  }
  const date = new Date(time)
  const general = time >= YEAR_2050
  const length = general ? 15 : 13
  const out = new Uint8Array(length + 2)
  out[0] = general ? Tag.GENERALIZED_TIME : Tag.UTC_TIME
  out[1] = length
  let at = 2
  const write = (value: number): void => {
    out[at++] = 0x30 + Math.floor(value / 10)
    out[at++] = 0x30 + (value % 10)
  }
  const year = date.getUTCFullYear()
  if (general) write(Math.floor(year / 100))
  write(year % 100)
  write(date.getUTCMonth() + 1)
  write(date.getUTCDate())
  write(date.getUTCHours())
  write(date.getUTCMinutes())
  write(date.getUTCSeconds())
  out[at] = 0x5a
  return out
}
