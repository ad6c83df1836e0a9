import fc from 'fast-check'
import { expect, test } from 'vitest'
import { formatDuration, readDuration } from '../../../src/internal/duration.ts'

test.each([
  ['90d', 90 * 86_400_000],
  ['2160h', 2160 * 3_600_000],
  ['15m', 15 * 60_000],
  ['1s', 1000],
  ['2w', 14 * 86_400_000],
  ['1w1d1h1m1s', 694_861_000],
  ['1h30m', 5_400_000],
  ['365250d', 365_250 * 86_400_000],
])('%s is %i ms', (text, milliseconds) => expect(readDuration(text, 'lifetime')).toBe(milliseconds))

test.each([
  [90, /no unit/],
  [null, /null/],
  [undefined, /undefined/],
  ['90', /unit is missing/],
  ['1.5', /unit is missing/],
  ['-1d', /negative/],
  ['', /expected whole numbers/],
  ['1.5h', /expected whole numbers/],
  ['1D', /expected whole numbers/],
  ['1y', /expected whole numbers/],
  [' 1d', /expected whole numbers/],
  ['1d ', /expected whole numbers/],
  ['1d\n', /expected whole numbers/],
  ['P1D', /expected whole numbers/],
  ['٣d', /expected whole numbers/],
  ['1h1h', /once/],
  ['1m1h', /largest first/],
])('%j is a TypeError that names the option', (value, message) => {
  expect(() => readDuration(value, 'lifetime')).toThrow(TypeError)
  expect(() => readDuration(value, 'lifetime')).toThrow(/"lifetime"/)
  expect(() => readDuration(value, 'lifetime')).toThrow(message)
})

test.each(['0s', '0d0h', '365251d', '999999999999w'])('%s is a RangeError', (value) => {
  expect(() => readDuration(value, 'lifetime')).toThrow(RangeError)
})

test('zero passes where it is allowed', () =>
  expect(readDuration('0s', 'backdate', { allowZero: true })).toBe(0))

test.each([
  [0, '0s'],
  [90_061_000, '1d1h1m1s'],
  [86_400_000, '1d'],
  [-60_000, '1m'],
])('%i ms are written as %s', (milliseconds, text) => expect(formatDuration(milliseconds)).toBe(text))

test('what is written is read as the same number', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 365_250 * 86_400 }), (seconds) => {
      expect(readDuration(formatDuration(seconds * 1000), 'lifetime')).toBe(seconds * 1000)
    }),
  )
})
