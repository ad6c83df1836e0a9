import { describe, expect, it } from 'vitest'
import { formatGoDuration, readGoDuration } from '../../../../src/kubernetes/signers/go-duration.ts'

describe('durations as Go writes them', () => {
  // time_test.go of Go's standard library.
  it.each([
    ['0', 0],
    ['5s', 5000],
    ['30s', 30_000],
    ['1478s', 1_478_000],
    ['+5s', 5000],
    ['5.0s', 5000],
    ['5.6s', 5600],
    ['5.s', 5000],
    ['.5s', 500],
    ['1.0s', 1000],
    ['1.004s', 1004],
    ['100.00100s', 100_001],
    ['10ns', 0],
    ['12µs', 0],
    ['12μs', 0],
    ['13ms', 13],
    ['14s', 14_000],
    ['15m', 900_000],
    ['16h', 57_600_000],
    ['3h30m', 12_600_000],
    ['10.5s4m', 250_500],
    ['1h2m3s4ms5us6ns', 3_723_004],
    ['39h9m14.425s', 140_954_425],
    ['2160h0m0s', 7_776_000_000],
    ['0.1m', 6000],
    ['2.3s', 2300],
  ])('reads %s', (text, milliseconds) => {
    expect(readGoDuration(text)).toBe(milliseconds)
  })

  it.each([
    '',
    '3',
    '-',
    's',
    '.',
    '-.',
    '.s',
    '+.s',
    '-5s',
    '1d',
    '1 h',
    '1h ',
    'h1',
    '1H',
    '9223373h',
    '1e3s',
    7,
    null,
  ])('refuses %s', (value) => {
    expect(readGoDuration(value)).toBeUndefined()
  })

  // What Duration.String() prints.
  it.each([
    [0, '0s'],
    [30_000, '30s'],
    [900_000, '15m0s'],
    [3_600_000, '1h0m0s'],
    [7_776_000_000, '2160h0m0s'],
    [90_061_000, '25h1m1s'],
  ])('writes %i ms as %s', (milliseconds, text) => {
    expect(formatGoDuration(milliseconds)).toBe(text)
    expect(readGoDuration(text)).toBe(milliseconds)
  })
})
