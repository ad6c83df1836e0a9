import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Dice, seededDice } from '../../../../src/rotation/simulation/dice.ts'

const draw = <T>(count: number, one: () => T): readonly T[] => Array.from({ length: count }, one)

/** χ² of counts that should be even. */
function chiSquare(values: readonly number[], bins: number): number {
  const counts: number[] = new Array(bins).fill(0)
  for (const value of values) counts[value] = (counts[value] ?? 0) + 1
  const expected = values.length / bins
  return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0)
}

const SEEDS = [0, 1, 2, 'a', 'b', -1, 0.5, '']

describe('the same seed', () => {
  test('gives the same sequence, and another seed another one', () => {
    const sequences = SEEDS.map((seed) => {
      const [one, two] = [seededDice(seed), seededDice(seed)]
      const mixed = (dice: Dice): readonly unknown[] =>
        draw(50, () => [
          dice.next(),
          dice.chance(0.5),
          dice.below(9),
          dice.delay(60_000),
          dice.offset(60_000),
        ])
      const drawn = mixed(one)
      expect(mixed(two)).toEqual(drawn)
      return JSON.stringify(drawn)
    })
    expect(new Set(sequences).size).toBe(SEEDS.length)
  })

  test('a number and its text are one seed', () => {
    expect(seededDice(7).next()).toBe(seededDice('7').next())
    expect(seededDice(7).next()).not.toBe(seededDice('07').next())
  })

  test('two of them do not share what they have drawn', () => {
    const [one, two] = [seededDice(1), seededDice(1)]
    draw(10, one.next)
    expect(two.next()).toBe(seededDice(1).next())
  })
})

describe('what is drawn is in its range', () => {
  test('fractions, counts, delays and offsets', () => {
    fc.assert(
      fc.property(
        fc.string(),
        fc.integer({ min: 1, max: 1000 }),
        fc.integer({ min: 0, max: 90_000 }),
        (seed, count, seconds) => {
          const dice = seededDice(seed)
          const max = seconds * 1000
          for (let i = 0; i < 20; i++) {
            const next = dice.next()
            expect(next >= 0 && next < 1).toBe(true)
            const below = dice.below(count)
            expect(Number.isInteger(below) && below >= 0 && below < count).toBe(true)
            const delay = dice.delay(max)
            expect(delay % 1000 === 0 && delay >= 0 && delay <= max).toBe(true)
            const offset = dice.offset(max)
            expect(Math.abs(offset) % 1000 === 0 && Math.abs(offset) <= max).toBe(true)
          }
        },
      ),
    )
  })

  test('what is certain happens, and what cannot be does not', () => {
    const dice = seededDice(3)
    expect(draw(1000, () => dice.chance(1)).every(Boolean)).toBe(true)
    expect(draw(1000, () => dice.chance(0)).some(Boolean)).toBe(false)
    expect(draw(1000, () => dice.below(1)).some(Boolean)).toBe(false)
  })
})

describe('it is even', () => {
  // The 0.999 quantiles of χ² with 15 and 5 degrees of freedom are 37.70 and 20.52.
  test.each(SEEDS)('fractions and throws of seed %j', (seed) => {
    const dice = seededDice(seed)
    expect(
      chiSquare(
        draw(16_000, () => Math.floor(dice.next() * 16)),
        16,
      ),
    ).toBeLessThan(37.7)
    expect(
      chiSquare(
        draw(12_000, () => dice.below(6)),
        6,
      ),
    ).toBeLessThan(20.52)
    // Neighbours are independent: 4 × 4 fields of pairs.
    const pairs = draw(16_000, () => Math.floor(dice.next() * 4) * 4 + Math.floor(dice.next() * 4))
    expect(chiSquare(pairs, 16)).toBeLessThan(37.7)
  })

  test('and a loaded one is found', () => {
    const dice = seededDice(1)
    expect(
      chiSquare(
        draw(12_000, () => Math.floor(dice.next() ** 1.1 * 6)),
        6,
      ),
    ).toBeGreaterThan(20.52)
  })

  // Of n draws of probability p, 4·√(n·p·(1−p)) is one in 16 000.
  test.each([0.1, 0.3, 0.5, 0.9])('chance(%d)', (probability) => {
    const dice = seededDice('chance')
    const count = draw(10_000, () => dice.chance(probability)).filter(Boolean).length
    expect(Math.abs(count - 10_000 * probability)).toBeLessThan(
      4 * Math.sqrt(10_000 * probability * (1 - probability)),
    )
  })
})

describe('what breaks at its ends is drawn there', () => {
  const share = (values: readonly number[], value: number): number =>
    values.filter((one) => one === value).length / values.length

  test('often: two of five delays are the longest, three of ten none, and the others lie between', () => {
    const dice = seededDice('ends')
    const delays = draw(10_000, () => dice.delay(900_000))
    // 0.4 and 0.3, and of the rest one of 901 each; 4σ are 0.02.
    expect(share(delays, 900_000)).toBeCloseTo(0.4, 1)
    expect(share(delays, 0)).toBeCloseTo(0.3, 1)
    expect(new Set(delays).size).toBeGreaterThan(800)
    const offsets = draw(10_000, () => dice.offset(60_000))
    expect(share(offsets, 60_000)).toBeCloseTo(0.4, 1)
    expect(share(offsets, -60_000)).toBeCloseTo(0.4, 1)
    expect(new Set(offsets).size).toBe(121)
  })

  test('always: nowhere else', () => {
    const dice = seededDice('ends', 'always')
    const delays = draw(10_000, () => dice.delay(900_000))
    expect([...new Set(delays)].sort((a, b) => a - b)).toEqual([0, 900_000])
    expect(share(delays, 900_000)).toBeCloseTo(0.85, 1)
    const offsets = draw(10_000, () => dice.offset(60_000))
    expect([...new Set(offsets)].sort((a, b) => a - b)).toEqual([-60_000, 60_000])
    expect(share(offsets, 60_000)).toBeCloseTo(0.5, 1)
  })

  test('of nothing there is one end', () => {
    for (const extremes of ['often', 'always'] as const) {
      const dice = seededDice('nothing', extremes)
      expect(draw(100, () => Math.abs(dice.offset(0)) + dice.delay(0)).some(Boolean)).toBe(false)
    }
  })
})
