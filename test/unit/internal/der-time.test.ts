import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { DerCursor } from '../../../src/internal/der.ts'
import { derTime, readTime } from '../../../src/internal/der-time.ts'
import { concat, text, toHex } from '../../fixtures/x509/der.ts'
import { codeOf, refusalOf } from '../../fixtures/x509/refusal.ts'
import { openssl, opensslAvailable } from '../../support/openssl.ts'
import { requirement } from '../../support/require.ts'

/** What RFC 5280 §4.1.2.5 can hold: the first of UTCTime, the last of GeneralizedTime. */
const FIRST_INSTANT = Date.UTC(1950, 0, 1)
const LAST_INSTANT = Date.UTC(9999, 11, 31, 23, 59, 59)

const UTC = 0x17
const GENERALIZED = 0x18

const read = (tag: number, value: string, early = false): string => {
  const cursor = new DerCursor(text(tag, value))
  const time = readTime(cursor, 'notAfter', early)
  expect(cursor.atEnd).toBe(true)
  return new Date(time).toISOString().replace('.000Z', 'Z')
}

describe('UTCTime (RFC 5280 §4.1.2.5.1)', () => {
  test.each([
    ['500101000000Z', '1950-01-01T00:00:00Z'],
    ['991231235959Z', '1999-12-31T23:59:59Z'],
    ['000101000000Z', '2000-01-01T00:00:00Z'],
    ['491231235959Z', '2049-12-31T23:59:59Z'],
    ['700101000000Z', '1970-01-01T00:00:00Z'],
    ['240229120000Z', '2024-02-29T12:00:00Z'],
    ['000229000000Z', '2000-02-29T00:00:00Z'],
  ])('%s is %s', (value, iso) => expect(read(UTC, value)).toBe(iso))

  test.each([
    ['no seconds', '2501010000Z'],
    ['no Z', '250101000000'],
    ['a lower-case z', '250101000000z'],
    ['an offset', '250101000000+0000'],
    ['an offset that takes the place of the seconds', '2501010000+00'],
    ['a fraction', '250101000000.5Z'],
    ['29 February of a common year', '250229000000Z'],
    ['30 February', '240230000000Z'],
    ['31 April', '250431000000Z'],
    ['month 0', '250001000000Z'],
    ['month 13', '251301000000Z'],
    ['day 0', '250100000000Z'],
    ['day 32', '250132000000Z'],
    ['24:00', '250101240000Z'],
    ['minute 60', '250101006000Z'],
    ['a leap second', '161231235960Z'],
    ['a blank for a digit', '25010100000 Z'],
    ['a sign', '25010100-100Z'],
    ['a colon, the character after 9', '2501010000:0Z'],
    ['a four-digit year', '20250101000000Z'],
    ['nothing', ''],
    ['Z alone', 'Z'],
  ])('%s is refused', (_, value) => {
    expect(codeOf(() => read(UTC, value))).toBe('ERR_DER_TIME')
  })
})

describe('GeneralizedTime (RFC 5280 §4.1.2.5.2)', () => {
  test.each([
    ['20500101000000Z', '2050-01-01T00:00:00Z'],
    ['21000228235959Z', '2100-02-28T23:59:59Z'],
    ['24000229000000Z', '2400-02-29T00:00:00Z'],
    ['99991231235959Z', '9999-12-31T23:59:59Z'],
  ])('%s is %s', (value, iso) => expect(read(GENERALIZED, value)).toBe(iso))

  test.each([
    ['a fraction (§4.1.2.5.2)', '20500101000000.0Z'],
    ['no seconds', '205001010000Z'],
    ['no Z', '20500101000000'],
    ['an offset', '20500101000000+0100'],
    ['29 February 2100', '21000229000000Z'],
    ['a two-digit year', '500101000000Z'],
    ['24:00', '20500101240000Z'],
    ['a year of five digits', '120500101000000Z'],
  ])('%s is refused', (_, value) => {
    expect(codeOf(() => read(GENERALIZED, value))).toBe('ERR_DER_TIME')
    expect(codeOf(() => read(GENERALIZED, value, true))).toBe('ERR_DER_TIME')
  })

  test.each([
    ['20491231235959Z', '2049-12-31T23:59:59Z'],
    ['19490101000000Z', '1949-01-01T00:00:00Z'],
    ['00000101000000Z', '0000-01-01T00:00:00Z'],
    ['00990101000000Z', '0099-01-01T00:00:00Z'],
    ['00040229000000Z', '0004-02-29T00:00:00Z'],
  ])('%s, before 2050, needs the leniency (RFC 5280 §4.1.2.5)', (value, iso) => {
    const error = refusalOf(() => read(GENERALIZED, value))
    expect(error.code).toBe('ERR_DER_TIME')
    expect(error.message).toContain('generalized-time-before-2050')
    expect(read(GENERALIZED, value, true)).toBe(iso)
  })
})

test('another type than the two is refused by its tag', () => {
  expect(codeOf(() => read(0x0c, '250101000000Z'))).toBe('ERR_DER_UNEXPECTED_TAG')
})

describe('writing', () => {
  test.each([
    ['1950-01-01T00:00:00Z', UTC, '500101000000Z'],
    ['1969-12-31T23:59:59.999Z', UTC, '691231235959Z'],
    ['2024-02-29T12:34:56.789Z', UTC, '240229123456Z'],
    ['2049-12-31T23:59:59.999Z', UTC, '491231235959Z'],
    ['2050-01-01T00:00:00Z', GENERALIZED, '20500101000000Z'],
    ['9999-12-31T23:59:59Z', GENERALIZED, '99991231235959Z'],
  ])('%s', (iso, tag, value) => {
    expect(toHex(derTime(Date.parse(iso)))).toBe(toHex(text(tag, value)))
  })
  test.each([FIRST_INSTANT - 1000, LAST_INSTANT + 1000, Number.NaN, Number.POSITIVE_INFINITY])(
    '%d is refused',
    (time) => expect(() => derTime(time)).toThrow(RangeError),
  )
  test('every second from 1950 to 9999 is read back', () => {
    fc.assert(
      fc.property(fc.integer({ min: FIRST_INSTANT / 1000, max: LAST_INSTANT / 1000 }), (second) => {
        expect(readTime(new DerCursor(derTime(second * 1000)), 'time', false)).toBe(second * 1000)
      }),
    )
  })
})

if (requirement('openssl', opensslAvailable)) {
  test('what is written, OpenSSL reads as the same instant', () => {
    for (const iso of [
      '1950-01-01T00:00:00Z',
      '1999-12-31T23:59:59Z',
      '2049-12-31T23:59:59Z',
      '2050-01-01T00:00:00Z',
      '9999-12-31T23:59:59Z',
    ]) {
      const time = derTime(Date.parse(iso))
      const { status, stdout } = openssl(['asn1parse', '-inform', 'DER'], { input: concat(time) })
      expect(status).toBe(0)
      const digits = iso.replace(/[-:T]/g, '')
      const [type, value] = iso < '2050' ? ['UTCTIME', digits.slice(2)] : ['GENERALIZEDTIME', digits]
      expect(stdout.toString()).toMatch(new RegExp(`${type} +:${value}`))
    }
  })
}
