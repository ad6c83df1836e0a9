import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readRate, TokenBucket } from '../../../../src/rotation/scheduler/rate-limit.ts'

/** When tokens are taken, by somebody who takes each as soon as whole milliseconds let. */
function greedy(bucket: TokenBucket, until: number, pauses: readonly number[] = []): number[] {
  const taken: number[] = []
  let now = 0
  const left = [...pauses]
  while (now <= until) {
    const wait = bucket.wait(now)
    if (wait === 0) {
      bucket.take(now)
      taken.push(now)
      now += left.pop() ?? 0
    } else now += Math.max(1, Math.ceil(wait))
  }
  return taken
}

describe('a token bucket', () => {
  test('50 a second are one each 20 ms', () => {
    expect(greedy(new TokenBucket(50, 1), 100)).toEqual([0, 20, 40, 60, 80, 100])
  })

  test('a burst is there at the start and after a pause, and no more than that', () => {
    // The pause of two seconds would fill four, and three fit in; each later one takes half a second.
    expect(greedy(new TokenBucket(2, 3), 3000, [2000])).toEqual([0, 2000, 2000, 2000, 2500, 3000])
  })

  test('no window has more than burst + time × rate, whoever takes them when', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.01, max: 2000, noNaN: true }),
        fc.integer({ min: 1, max: 50 }),
        fc.array(fc.integer({ min: 0, max: 5000 }), { maxLength: 40 }),
        (perSecond, burst, pauses) => {
          const taken = greedy(new TokenBucket(perSecond, burst), 1000, pauses)
          for (let from = 0; from < taken.length; from += 7)
            for (let to = from; to < taken.length; to++) {
              const seconds = ((taken[to] ?? 0) - (taken[from] ?? 0)) / 1000
              if (to - from + 1 > burst + seconds * perSecond + 1e-6) expect.unreachable()
            }
        },
      ),
      { numRuns: 200 },
    )
  })
})

describe('the option', () => {
  test.each<[unknown, RegExp]>([
    [{}, /"rate.perSecond" must be a number; got undefined/],
    [{ perSecond: 0 }, /"rate.perSecond" must be above 0/],
    [{ perSecond: -1 }, /"rate.perSecond" must be above 0/],
    [{ perSecond: Number.NaN }, /"rate.perSecond" must be above 0/],
    [{ perSecond: Number.POSITIVE_INFINITY }, /"rate.perSecond" must be above 0/],
    [{ perSecond: 1, burst: 0 }, /"rate.burst" must be a whole number from 1/],
    [{ perSecond: 1, burst: 1.5 }, /"rate.burst" must be a whole number/],
    [{ perSecond: 1, brust: 2 }, /Did you mean "burst"/],
    [5, /takes an options object/],
  ])('%j is refused', (rate, says) => {
    expect(() => Reflect.apply(readRate, undefined, [rate, 'rate'])).toThrow(says)
  })

  test('a default burst is what falls into 20 ms, at least one', () => {
    const atOnce = (perSecond: number): number =>
      greedy(readRate({ perSecond }, 'rate') ?? expect.unreachable(), 0).length
    expect([0.1, 50, 51, 1000].map(atOnce)).toEqual([1, 1, 2, 20])
    expect(readRate(undefined, 'rate')).toBeUndefined()
  })
})
