import { expect, test } from 'vitest'
import { checkOneOf, checkOptionNames, readCount, readInstant } from '../../../src/internal/options.ts'

test('known options pass, also when they are undefined', () => {
  checkOptionNames({ lifetime: '1d', clock: undefined }, ['lifetime', 'clock'], 'f')
  checkOptionNames({}, [], 'f')
})

test.each([
  [
    'a misspelt name',
    { lifetme: 1 },
    /no option "lifetme"\. Did you mean "lifetime"\? Known options: clock, lifetime/,
  ],
  ['another case', { LifeTime: 1 }, /Did you mean "lifetime"/],
  ['a name that resembles none', { zzzzzz: 1 }, /no option "zzzzzz"\. Known options/],
  ['a name with control characters', { '\u001b[2J': 1 }, /\\u\{1b\}\[2J/],
  ['null', null, /got null/],
  ['an array', [], /got an array/],
  ['text', 'x', /got string/],
  ['nothing', undefined, /got undefined/],
])('%s is a TypeError', (_, options, message) => {
  expect(() => checkOptionNames(options, ['lifetime', 'clock'], 'f')).toThrow(TypeError)
  expect(() => checkOptionNames(options, ['lifetime', 'clock'], 'f')).toThrow(message)
})

test('one of a closed set', () => {
  expect(checkOneOf('a', ['a', 'b'], 'mode')).toBe('a')
  expect(() => checkOneOf('c', ['a', 'b'], 'mode')).toThrow(
    new TypeError('option "mode" must be one of "a", "b"; got "c"'),
  )
  expect(() => checkOneOf(1, ['a'], 'mode')).toThrow(/got number/)
  expect(() => checkOneOf('toString', ['a'], 'mode')).toThrow(TypeError)
})

test('an instant is floored to whole seconds, before 1970 too', () => {
  expect(readInstant(new Date(1999), 'time')).toBe(1000)
  expect(readInstant(new Date(-1), 'time')).toBe(-1000)
  expect(() => readInstant(new Date(Number.NaN), 'time')).toThrow(TypeError)
  for (const value of [0, '2025-01-01', null, undefined])
    expect(() => readInstant(value, 'time')).toThrow(/option "time" must be a Date/)
})

test('a count', () => {
  expect(readCount(1, 'n', 1, 3)).toBe(1)
  expect(readCount(3, 'n', 1, 3)).toBe(3)
  for (const value of [0, 4, 1.5, Number.NaN, Number.POSITIVE_INFINITY])
    expect(() => readCount(value, 'n', 1, 3)).toThrow(RangeError)
  expect(() => readCount('1', 'n', 1, 3)).toThrow(TypeError)
})
