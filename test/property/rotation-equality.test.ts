/** Simulated rollovers at the edge: none breaks while the inequalities hold at equality, and a second beyond them, some do. */

import { describe, expect, test } from 'vitest'
import {
  type RolloverParameters,
  type RolloverPlan,
  type SimulationOptions,
  simulateRollover,
} from '../../src/rotation/index.ts'
import { at, DAY, MINUTE, plan } from '../unit/rotation/rollover/support.ts'

const always = { extremes: 'always' } as const
const timeOnly = { evidence: false, ...always } as const

/** How many of some runs had an outage; the two ways to see one must agree. */
async function broken(
  made: RolloverPlan,
  options: Omit<SimulationOptions, 'seed'>,
  runs: number,
): Promise<number> {
  let count = 0
  for (let seed = 0; seed < runs; seed++) {
    const { outages, handshakes, finished } = await simulateRollover(made, { ...options, seed })
    expect(finished).toBe(true)
    expect(handshakes.tried).toBeGreaterThan(0)
    expect(outages.length > 0).toBe(handshakes.failed > 0)
    if (outages.length > 0) count++
  }
  return count
}

describe('when the inequalities hold at equality, nothing breaks; a second beyond them, something does', () => {
  const RUNS = 250
  // Every wait of a plan is its minimum, so it holds C1 and C2 at equality; C3 does by its parameters.
  test.each<[string, Partial<RolloverParameters>, SimulationOptions['actual'], Partial<SimulationOptions>?]>([
    ['C1', {}, { propagation: '15m1s' }],
    ['C2 with tight U', { retention: 'renewals' }, { switchDelay: '10m1s' }],
    ['C3', {}, { backdate: '1m59s' }],
    ['C4', { outageBudget: '11h57m' }, { outage: '11h57m1s' }],
    [
      'C4 with life from notBefore',
      { lifeFrom: 'notBefore', outageBudget: '11h58m' },
      { outage: '11h58m1s' },
    ],
  ])('%s', async (_id, more, actual, options = timeOnly) => {
    const made = plan(more)
    expect(await broken(made, options, RUNS)).toBe(0)
    expect(await broken(made, { ...options, actual }, RUNS)).toBeGreaterThan(0)
  })

  test('C1′: a cross-certificate that ends a second before everybody has the new root', async () => {
    const made = plan({ crossSign: true })
    const untrusted = async (crossEndsAfter: string): Promise<number> => {
      let count = 0
      for (let seed = 0; seed < RUNS; seed++) {
        const run = await simulateRollover(made, { ...always, seed, actual: { crossEndsAfter } })
        // Leaves of seventeen minutes cannot be renewed in time; that is C4, and another test.
        if (run.outages.some(({ problem }) => problem === 'not-trusted')) count++
      }
      return count
    }
    expect(await untrusted('17m')).toBe(0)
    expect(await untrusted('14m59s')).toBeGreaterThan(0)
  })

  test('C5: at equality no certificate is cut short, a second below it one is, and says so', async () => {
    const end = DAY + 29 * MINUTE
    const made = plan({ outgoing: { id: 'A', notAfter: at(end) } })
    const cut = async (lifetime: string): Promise<number> => {
      let capped = 0
      for (let seed = 0; seed < RUNS; seed++) {
        // Drivers that take turns may be late by 2S: what they issue is cut short then, which is safe.
        const run = await simulateRollover(made, {
          ...timeOnly,
          failovers: false,
          seed,
          actual: { leafLifetime: lifetime },
        })
        expect(run.outages).toEqual([])
        for (const event of run.events)
          if (event.type === 'issued' && event.cappedBy !== undefined) {
            expect(event).toMatchObject({
              cappedBy: 'A',
              notAfter: at(end).getTime(),
              pathNotAfter: at(end).getTime(),
            })
            capped++
          }
      }
      return capped
    }
    expect(await cut('24h')).toBe(0)
    expect(await cut('24h1s')).toBeGreaterThan(0)
  })

  test('activation at publication, as SPIRE’s first start and Consul without a cross-certificate', async () => {
    expect(
      await broken(plan({ propagation: '0s' }), { ...timeOnly, actual: { propagation: '0s' } }, 60),
    ).toBe(0)
    expect(
      await broken(plan({ propagation: '0s' }), { ...timeOnly, actual: { propagation: '15m' } }, 60),
    ).toBeGreaterThan(0)
  })
})
