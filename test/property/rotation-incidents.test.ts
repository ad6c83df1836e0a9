/** Simulated rollovers with everything that may happen on the way: not one breaks. */

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { simulateRollover } from '../../src/rotation/index.ts'
import { HOUR, plan } from '../unit/rotation/rollover/support.ts'
import { expectSafe, incident, LONG, parameters, RUNS, SEED, seed } from './rotation-support.ts'

describe('three thousand of the ten thousand', () => {
  test(
    'with restored journals, late wake-ups, joiners, leavers, aborts, resumptions and clocks that go back',
    async () => {
      await fc.assert(
        fc.asyncProperty(
          parameters,
          seed,
          fc.array(incident, { minLength: 1, maxLength: 4 }),
          fc.constantFrom(0, 0.1),
          async (drawn, n, incidents, crashes) => {
            // Of its own root in an adoption; else of the one that all have.
            const joins = incidents.map((one) => {
              if (one.kind !== 'join') return one
              if (drawn.kind !== 'adoption') return { ...one, from: 'A' }
              return one.name === 'c1' ? { ...one, from: 'A-c1' } : one
            })
            await expectSafe(drawn, { seed: n, incidents: joins, crashes, holders: 1, verifiers: 1 })
          },
        ),
        { numRuns: RUNS.disturbed, endOnFailure: true, seed: SEED },
      )
    },
    LONG,
  )
})

test('a lifetime that changes mid-way: what was issued under the old one keeps its time', async () => {
  const long = plan()
  const short = plan({ leafLifetime: '4h' })
  for (let n = 0; n < 60; n++) {
    for (const [before, after, actual] of [
      [long, short, '24h'],
      [short, long, '24h'],
    ] as const) {
      const run = await simulateRollover(before, {
        seed: n,
        actual: { leafLifetime: actual },
        incidents: [{ kind: 'revise', after: `${(n * 1499) % (20 * HOUR)}s`, plan: after }],
      })
      expect(run.violations).toEqual([])
      expect(run.outages).toEqual([])
      expect(run.finished).toBe(true)
    }
  }
})
