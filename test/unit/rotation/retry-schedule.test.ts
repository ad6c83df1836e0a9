import { describe, expect, test } from 'vitest'
import { nextRetry, retrySchedule } from '../../../src/rotation/retry-schedule.ts'
import { at, DAY, HOUR, MINUTE } from '../ca/support.ts'

describe('retrySchedule', () => {
  test("of a whole life is Linkerd's: 70 %, 91 %, 97.3 % …", () => {
    const life = 1_000_000
    const parts = retrySchedule({ from: at(0), until: at(life) })
      .slice(0, 3)
      .map((instant) => (instant.getTime() - at(0).getTime()) / 1000 / life)
    expect(parts).toEqual([0.7, 0.91, 0.973])
  })

  test('of a day, by hand', () => {
    // 86,400 × 0.7 = 60,480; 25,920 × 0.7 = 18,144; 7776 × 0.7 = 5443.2; 2333 × 0.7 = 1633.1; 700 × 0.7 = 490; 210 × 0.7 = 147;
    // 63 × 0.7 = 44.1, which is less than a minute.
    const steps = [60_480, 18_144, 5443, 1633, 490, 147, 60]
    const expected = steps.map((_, i) => at(steps.slice(0, i + 1).reduce((sum, step) => sum + step)))
    expect(expected.at(-1)).toEqual(at(DAY - 3))
    expect(retrySchedule({ from: at(0), until: at(DAY) })).toEqual(expected)
    expect(retrySchedule({ from: at(0), until: at(DAY), maxAttempts: 2 })).toEqual(expected.slice(0, 2))
  })

  test('goes on at the least interval, and stops before the end', () => {
    expect(retrySchedule({ from: at(0), until: at(181) })).toEqual([at(126)])
    expect(retrySchedule({ from: at(0), until: at(187) })).toEqual([at(130)])
    expect(retrySchedule({ from: at(0), until: at(200) })).toEqual([at(140)])
    expect(retrySchedule({ from: at(0), until: at(201) })).toEqual([at(140), at(200)])
    expect(retrySchedule({ from: at(0), until: at(4), fraction: 0.5, minInterval: '1s' })).toEqual([
      at(2),
      at(3),
    ])
  })

  test('is empty where no time is left', () => {
    expect(retrySchedule({ from: at(0), until: at(MINUTE) })).toEqual([])
    expect(retrySchedule({ from: at(0), until: at(MINUTE + 1) })).toEqual([at(MINUTE)])
    expect(retrySchedule({ from: at(HOUR), until: at(0) })).toEqual([])
  })

  test('is frozen', () => expect(Object.isFrozen(retrySchedule({ from: at(0), until: at(DAY) }))).toBe(true))

  test.each<[object, RegExp]>([
    [{ fraction: 0 }, /"fraction" must lie between 0 and 1; got 0/],
    [{ fraction: 1 }, /"fraction" must lie between 0 and 1; got 1/],
    [{ fraction: Number.NaN }, /"fraction" must lie between 0 and 1/],
    [{ fraction: '0.7' }, /"fraction" must be a number; got string/],
    [{ minInterval: '0s' }, /"minInterval" must be longer than zero/],
    [{ minInterval: 60 }, /"minInterval" must be a duration/],
    [{ maxAttempts: 0 }, /"maxAttempts" must be a whole number from 1 to 1000/],
    [{ from: 'now' }, /"from" must be a valid Date; got string/],
    [{ until: new Date(Number.NaN) }, /"until" must be a valid Date; got an invalid one/],
    [{ factor: 2 }, /retrySchedule has no option "factor"/],
  ])('misuse: %j', (options, message) => {
    expect(() => retrySchedule({ from: at(0), until: at(DAY), ...options })).toThrow(message)
  })
})

describe('nextRetry', () => {
  test('is the next of the schedule', () => {
    expect(nextRetry({ now: at(0), until: at(DAY) })).toEqual(at(60_480))
    expect(nextRetry({ now: at(60_480), until: at(DAY) })).toEqual(at(78_624))
  })
  test('is never nearer than the interval, also from within a second', () => {
    expect(nextRetry({ now: new Date(at(0).getTime() + 1), until: at(80) })).toEqual(at(61))
  })
  test('is undefined where no attempt can be made any more', () => {
    expect(nextRetry({ now: at(0), until: at(61) })).toEqual(at(60))
    expect(nextRetry({ now: at(0), until: at(60) })).toBeUndefined()
    expect(nextRetry({ now: at(1), until: at(0) })).toBeUndefined()
  })
  test('misuse', () => {
    expect(() => nextRetry({ now: at(0), until: at(60), from: at(0) } as never)).toThrow(
      /nextRetry has no option "from"/,
    )
  })
})
