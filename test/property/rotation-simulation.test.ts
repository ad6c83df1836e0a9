/** Simulated rollovers of drawn meshes, within their parameters: not one breaks. */

import fc from 'fast-check'
import { describe, test } from 'vitest'
import { expectSafe, LONG, parameters, RUNS, SEED, seed } from './rotation-support.ts'

describe('ten thousand rollovers of up to six clusters break nothing', () => {
  test(
    'by time alone, at equality',
    async () => {
      await fc.assert(
        fc.asyncProperty(
          parameters,
          seed,
          fc.constantFrom('often' as const, 'always' as const),
          async (drawn, n, extremes) => {
            // Without reports a cross-certificate has no issuer that says it has the bundle, and a tainted key no proof.
            const evidence = drawn.crossSign === true
            await expectSafe(drawn, { seed: n, extremes, evidence, holders: 1, verifiers: 1 })
          },
        ),
        { numRuns: RUNS.undisturbed, endOnFailure: true, seed: SEED },
      )
    },
    LONG,
  )

  test(
    'with evidence, crashes in every tenth write, and drivers that take turns',
    async () => {
      await fc.assert(
        fc.asyncProperty(parameters, seed, fc.constantFrom(0, 0.1, 0.4), async (drawn, n, crashes) => {
          await expectSafe(drawn, { seed: n, crashes, holders: 1, verifiers: 2 })
        }),
        { numRuns: RUNS.evidence, endOnFailure: true, seed: SEED },
      )
    },
    LONG,
  )
})
