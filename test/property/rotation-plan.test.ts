/** Plans: what the planner makes the verifier accepts, and what it refuses can be mended as it says. */

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  checkPlan,
  planRollover,
  type RolloverEdit,
  RolloverInfeasibleError,
  type RolloverParameters,
  type RolloverPlan,
  verifyPlan,
} from '../../src/rotation/index.ts'
import { at, changed, DAY, plan } from '../unit/rotation/rollover/support.ts'
import { checkRolloverFeasible, parameters } from './rotation-support.ts'

test('what planRollover makes, verifyPlan accepts, also as text', () => {
  fc.assert(
    fc.property(parameters, (drawn) => {
      const made = checkRolloverFeasible(drawn)
      fc.pre(made !== undefined)
      const text = JSON.stringify(made)
      expect(verifyPlan(text)).toEqual(made)
      for (const { satisfies } of made.steps)
        for (const { slack } of satisfies) expect(slack).not.toMatch(/^-/)
    }),
    { numRuns: 300 },
  )
})

/** The earliest of what a step may be moved by, so that the plan is no longer whole. */
const EARLIER = 1000

test('a step that comes a second too early is found, whoever seals the plan', () => {
  fc.assert(
    fc.property(parameters, fc.nat(), (drawn, which) => {
      const made = checkRolloverFeasible(drawn)
      fc.pre(made !== undefined)
      // Steps that wait for their minimum; what comes first may come earlier.
      const tight = made.steps.filter(
        ({ stage, satisfies }) =>
          stage !== 'STAGED' && stage !== 'PUBLISHED' && satisfies.some(({ slack }) => slack === '0s'),
      )
      const step = tight[which % Math.max(1, tight.length)]
      fc.pre(step !== undefined)
      const moved = changed(made, (rest) => ({
        ...rest,
        steps: rest.steps
          .map((one) =>
            one === step
              ? { ...one, at: new Date(Date.parse(one.at) - EARLIER).toISOString().replace('.000Z', 'Z') }
              : one,
          )
          .sort((a, b) => Date.parse(a.at) - Date.parse(b.at)),
      }))
      expect(checkPlan(moved).ok).toBe(false)
    }),
    { numRuns: 300 },
  )
})

test('a parameter that got worse after the plan was made is found', () => {
  const worse: Record<string, string | number> = {
    leafLifetime: '1d1s',
    clockSkew: '1m1s',
    switchDelay: '10m1s',
    backdate: '1m59s',
  }
  for (const [name, value] of Object.entries(worse)) {
    const made = changed(plan(), (rest) => ({ ...rest, parameters: { ...rest.parameters, [name]: value } }))
    expect(checkPlan(made).ok).toBe(false)
  }
  const slower = changed(plan(), (rest) => ({
    ...rest,
    members: rest.members.map((member) => ({ ...member, propagation: '15m1s' })),
  }))
  expect(checkPlan(slower).ok).toBe(false)
  expect(checkPlan(changed(plan(), (rest) => rest)).ok).toBe(true)
})

/** Parameters of a root's rollover that are not feasible for one or two reasons. */
const infeasible = fc
  .record({
    leaf: fc.integer({ min: 600, max: 200_000 }),
    percent: fc.integer({ min: 1, max: 99 }),
    backdate: fc.integer({ min: 0, max: 300 }),
    skew: fc.integer({ min: 0, max: 200 }),
    propagation: fc.integer({ min: 1, max: 10_000 }),
    switchDelay: fc.integer({ min: 0, max: 10_000 }),
    outage: fc.integer({ min: 0, max: 100_000 }),
    install: fc.integer({ min: 0, max: 1000 }),
    ends: fc.integer({ min: 1000, max: 500_000 }),
    lifetime: fc.integer({ min: 1000, max: 500_000 }),
    activate: fc.option(fc.integer({ min: 0, max: 20_000 }), { nil: undefined }),
    retire: fc.option(fc.integer({ min: 0, max: 300_000 }), { nil: undefined }),
    period: fc.option(fc.integer({ min: 1, max: 500_000 }), { nil: undefined }),
    retention: fc.constantFrom('leaf-lifetime' as const, 'renewals' as const),
  })
  .map(
    (drawn): RolloverParameters => ({
      start: at(0),
      outgoing: { id: 'A', notAfter: at(drawn.ends) },
      incoming: { id: 'B', lifetime: `${drawn.lifetime}s` },
      clusters: ['c1', 'c2'],
      leafLifetime: `${drawn.leaf}s`,
      gracePeriodRatio: drawn.percent / 100,
      backdate: `${drawn.backdate}s`,
      clockSkew: `${drawn.skew}s`,
      propagation: `${drawn.propagation}s`,
      switchDelay: `${drawn.switchDelay}s`,
      outageBudget: `${drawn.outage}s`,
      installDelay: `${drawn.install}s`,
      retention: drawn.retention,
      activateAt: drawn.activate === undefined ? undefined : at(drawn.activate),
      retireAt: drawn.retire === undefined ? undefined : at(drawn.retire),
      rotationPeriod: drawn.period === undefined ? undefined : `${drawn.period}s`,
    }),
  )

/** The parameters after an edit, or with its value moved back by the smallest amount that is told. */
function edited(
  before: RolloverParameters,
  { parameter, from, to }: RolloverEdit,
  back = false,
): RolloverParameters {
  const toward = (value: number, origin: number, step: number): number =>
    back ? value + (origin > value ? step : -step) : value
  if (parameter === 'gracePeriodRatio')
    return { ...before, gracePeriodRatio: Number(toward(Number(to), Number(from), 0.0001).toFixed(4)) }
  if (parameter === 'maxAuthorities')
    return { ...before, maxAuthorities: toward(Number(to), Number(from), 1) }
  if (parameter === 'start' || parameter === 'activateAt' || parameter === 'retireAt')
    return { ...before, [parameter]: new Date(toward(Date.parse(to), Date.parse(from), 1000)) }
  const seconds = `${toward(secondsOf(to), secondsOf(from), 1)}s`
  if (parameter === 'incoming.lifetime')
    return { ...before, incoming: { ...before.incoming, lifetime: seconds } }
  return { ...before, [parameter]: seconds }
}

function secondsOf(text: string): number {
  const units: Readonly<Record<string, number>> = { d: DAY, h: 3600, m: 60, s: 1 }
  return [...text.matchAll(/(\d+)([dhms])/g)].reduce(
    (sum, [, count, unit]) => sum + Number(count) * (units[unit ?? ''] ?? 0),
    0,
  )
}

function refusalOf(drawn: RolloverParameters): RolloverInfeasibleError | undefined {
  try {
    planRollover(drawn)
    return undefined
  } catch (error) {
    if (error instanceof RolloverInfeasibleError) return error
    throw error
  }
}

describe('the changes that are offered', () => {
  test('make it feasible, each alternative by itself', () => {
    let offered = 0
    fc.assert(
      fc.property(infeasible, (drawn) => {
        const refused = refusalOf(drawn)
        fc.pre(refused !== undefined)
        for (const edits of refused.alternatives) {
          const mended = edits.reduce((before, edit) => edited(before, edit), drawn)
          const made: RolloverPlan = planRollover(mended)
          expect(verifyPlan(made).digest).toBe(made.digest)
          offered++
        }
      }),
      { numRuns: 120 },
    )
    expect(offered).toBeGreaterThan(120)
  })

  test('are the smallest: a second less is not enough', () => {
    fc.assert(
      fc.property(infeasible, (drawn) => {
        const refused = refusalOf(drawn)
        fc.pre(refused !== undefined)
        for (const edits of refused.alternatives) {
          const [only, ...more] = edits
          if (only === undefined || more.length > 0) continue
          expect(refusalOf(edited(drawn, only, true))).toBeDefined()
        }
      }),
      { numRuns: 120 },
    )
  })
})
