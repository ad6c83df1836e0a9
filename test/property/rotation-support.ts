import fc from 'fast-check'
import { expect } from 'vitest'
import {
  planRollover,
  RolloverInfeasibleError,
  type RolloverParameters,
  type RolloverPlan,
  type SimulatedIncident,
  type SimulationOptions,
  simulateRollover,
} from '../../src/rotation/index.ts'
import { at, DAY } from '../unit/rotation/rollover/support.ts'

/** The plan of drawn parameters; `undefined` where they are not feasible. */
export function checkRolloverFeasible(parameters: RolloverParameters): RolloverPlan | undefined {
  try {
    return planRollover(parameters)
  } catch (error) {
    if (error instanceof RolloverInfeasibleError) return undefined
    throw error
  }
}

const seconds = (min: number, max: number) => fc.integer({ min, max }).map((count) => `${count}s`)

/** Parameters of a mesh of one to six clusters, at the edge of what is feasible. */
export const parameters: fc.Arbitrary<RolloverParameters> = fc
  .record({
    clusters: fc.integer({ min: 1, max: 6 }),
    kind: fc.constantFrom('root', 'root', 'adoption', 'issuing-ca'),
    leaf: fc.integer({ min: 3600, max: 86_400 }),
    ratio: fc.integer({ min: 10, max: 90 }).map((percent) => percent / 100),
    jitter: fc.constantFrom(0, 0.01, 0.05),
    skew: fc.integer({ min: 0, max: 120 }),
    propagation: seconds(10, 3600),
    slow: seconds(10, 7200),
    switchDelay: seconds(1, 7200),
    installDelay: fc.integer({ min: 0, max: 120 }),
    retention: fc.constantFrom('leaf-lifetime' as const, 'renewals' as const),
    lifeFrom: fc.constantFrom('issuance' as const, 'notBefore' as const),
    crossSign: fc.boolean(),
    emergency: fc.option(fc.integer({ min: 0, max: 3600 }), { nil: undefined, freq: 4 }),
    stagger: fc.constantFrom('0s', '0s', '10m'),
    audience: fc.boolean(),
    pruneAfter: fc.constantFrom('0s', '1h', '24h'),
  })
  .map((drawn): RolloverParameters => {
    const backdate = 2 * drawn.skew
    const life = drawn.leaf + (drawn.lifeFrom === 'notBefore' ? backdate : 0)
    // F is what C4 leaves, so that it holds at equality.
    const left = Math.floor((drawn.ratio - drawn.jitter) * life) - drawn.installDelay - 2 * drawn.skew
    const isAdoption = drawn.kind === 'adoption'
    const names = Array.from({ length: drawn.clusters }, (_, i) => `c${i + 1}`)
    const outgoing = (isAdoption ? names.map((name) => `A-${name}`) : ['A']).map((id) => ({
      id,
      notAfter: at(365 * DAY),
    }))
    return {
      kind: drawn.kind as 'root' | 'adoption' | 'issuing-ca',
      start: at(0),
      outgoing,
      incoming: { id: 'B', lifetime: '365d' },
      clusters: names.map((name, i) => ({
        name,
        from: isAdoption ? `A-${name}` : 'A',
        ...(i === 0 ? { propagation: drawn.slow } : {}),
      })),
      ...(drawn.audience ? { audiences: [{ name: 'partner', refreshHint: '5m' }] } : {}),
      leafLifetime: `${drawn.leaf}s`,
      gracePeriodRatio: drawn.ratio,
      jitter: drawn.jitter,
      lifeFrom: drawn.lifeFrom,
      backdate: `${backdate}s`,
      clockSkew: `${drawn.skew}s`,
      propagation: drawn.propagation,
      switchDelay: drawn.switchDelay,
      installDelay: `${drawn.installDelay}s`,
      outageBudget: `${Math.max(0, left)}s`,
      retention: drawn.retention,
      crossSign: drawn.crossSign && drawn.kind === 'root' && drawn.emergency === undefined,
      ...(drawn.emergency === undefined ? {} : { emergency: { reissueWithin: `${drawn.emergency}s` } }),
      stagger: drawn.stagger,
      pruneAfter: drawn.pruneAfter,
    }
  })

/** What may happen on the way. */
export const incident: fc.Arbitrary<SimulatedIncident> = fc.oneof(
  fc.record({ kind: fc.constant('sleep' as const), after: seconds(0, 90_000), for: seconds(60, 40_000) }),
  fc.record({ kind: fc.constant('restore' as const), after: seconds(600, 120_000), to: seconds(60, 90_000) }),
  fc.record({
    kind: fc.constant('join' as const),
    after: seconds(0, 90_000),
    name: fc.constantFrom('late', 'c1'),
  }),
  fc.record({ kind: fc.constant('leave' as const), after: seconds(0, 90_000), name: fc.constant('c1') }),
  fc.record({ kind: fc.constantFrom('abort' as const, 'resume' as const), after: seconds(0, 90_000) }),
  fc.record({
    kind: fc.constant('clock-back' as const),
    after: seconds(0, 90_000),
    name: fc.constant('c1'),
    by: seconds(60, 3000),
    for: seconds(0, 1),
  }),
)

/** A seed of a run. */
export const seed: fc.Arbitrary<number> = fc.integer({ min: 0, max: 2 ** 30 })

/** Runs of each property. Together they are the ten thousand of `docs/rotation.md`. */
export const RUNS = { undisturbed: 5000, evidence: 2000, disturbed: 3000 }

/** Where the runs begin: the same in every run of the suite. `ROTATION_SEED` takes others, to look further. */
export const SEED: number = Number(process.env['ROTATION_SEED'] ?? 1)

/** Milliseconds that thousands of runs may take on a slow machine. */
export const LONG = 600_000

/** Nothing breaks, and it comes to its end or says what it waits for. */
export async function expectSafe(drawn: RolloverParameters, options: SimulationOptions): Promise<void> {
  const made = checkRolloverFeasible(drawn)
  // What has no plan is drawn anew: each of the ten thousand is a rollover.
  fc.pre(made !== undefined)
  const { outages, violations, handshakes, finished, status } = await simulateRollover(made, options)
  expect(outages).toEqual([])
  expect(violations).toEqual([])
  expect(handshakes.failed).toBe(0)
  // Undisturbed it comes to its end; else it is over, or says what it waits for.
  if (options.incidents === undefined) expect(finished).toBe(true)
  else expect(finished || (status !== undefined && status.waiting.length > 0)).toBe(true)
}
