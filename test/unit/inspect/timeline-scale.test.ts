import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { sortedInstants } from '../../../src/inspect/timeline/timeline.ts'
import { timelineClock } from '../../../src/inspect/timeline/timeline-clock.ts'
import { spread, ticksOf, timelineScale } from '../../../src/inspect/timeline/timeline-scale.ts'

const instants = fc
  .uniqueArray(fc.integer({ min: 0, max: 400 * 86_400_000 }), { minLength: 2, maxLength: 40 })
  .map(sortedInstants)

describe('the axis', () => {
  test('never goes back, begins and ends where it should, and is linear between knots', () => {
    fc.assert(
      fc.property(
        instants,
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 20 }),
        (knots, parts) => {
          const [first = 0, last = 0] = [knots[0], knots.at(-1)]
          const scale = timelineScale(knots, 200, 980)
          expect(scale.x(first)).toBeCloseTo(200, 6)
          expect(scale.x(last)).toBe(980)
          expect(scale.x(first - 1000)).toBeCloseTo(200, 6)
          const xs = sortedInstants(parts.map((part) => first + part * (last - first))).map((time) =>
            scale.x(time),
          )
          for (const [i, x] of xs.entries()) expect(x).toBeGreaterThanOrEqual((xs[i - 1] ?? 200) - 1e-9)
          for (const { from, to, x0, x1 } of scale.segments)
            expect(scale.x((from + to) / 2)).toBeCloseTo((x0 + x1) / 2, 6)
        },
      ),
    )
  })

  test('shows minutes beside days: what is longer is wider, but not as much', () => {
    const [, short, long] = timelineScale(
      [0, 1, 18, 18 + 1440, 2000].map((m) => m * 60_000),
      0,
      1000,
    ).segments
    const width = (one: typeof short): number => (one?.x1 ?? 0) - (one?.x0 ?? 0)
    expect(width(short)).toBeGreaterThan(100)
    expect(width(long)).toBeGreaterThan(width(short))
    expect(width(long) / width(short)).toBeLessThan(1440 / 17)
  })

  test('has ticks at round instants of the wall clock, apart from each other', () => {
    const clock = timelineClock('Asia/Kathmandu')
    const start = Date.UTC(2026, 2, 1)
    const scale = timelineScale([start, start + 1_000_000, start + 86_400_000, start + 90_000_000], 0, 900)
    const ticks = ticksOf(scale, clock, 42)
    for (const { at, isKnot } of ticks) if (!isKnot) expect(clock.time(at)).toMatch(/^\d\d:\d[05]$/)
    const gaps = ticks.slice(1).map(({ x }, i) => x - (ticks[i]?.x ?? 0))
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(42)
  })

  test('moves numbers apart and keeps them inside', () => {
    expect(spread([5, 6, 99], 0, 100, 10)).toEqual([5, 15, 99])
    expect(spread([98, 99, 100], 0, 100, 10)).toEqual([80, 90, 100])
  })
})

describe('the clock on the wall', () => {
  // Berlin: UTC+1, from 2026-03-29T01:00Z UTC+2. Kathmandu: UTC+5:45. St. John's in winter: UTC−3:30.
  test.each([
    ['UTC', '2026-03-29T00:59:59Z', '2026-03-29 00:59:59Z'],
    ['Europe/Berlin', '2026-03-29T00:59:59Z', '2026-03-29 01:59:59+01:00'],
    ['Europe/Berlin', '2026-03-29T01:00:00Z', '2026-03-29 03:00:00+02:00'],
    ['Asia/Kathmandu', '2026-03-01T18:15:00Z', '2026-03-02 00:00:00+05:45'],
    ['America/St_Johns', '2026-03-01T00:00:00Z', '2026-02-28 20:30:00-03:30'],
  ])('%s at %s', (zone, at, expected) => {
    expect(timelineClock(zone).instant(Date.parse(at))).toBe(expected)
  })

  test('an unknown one is refused by name', () => {
    expect(() => timelineClock('Mars/Olympus')).toThrow(/option "timeZone".*"Mars\/Olympus"/)
    expect(() => timelineClock('Mars/Olympus')).toThrow(RangeError)
    expect(() => timelineClock(1)).toThrow(TypeError)
  })
})
