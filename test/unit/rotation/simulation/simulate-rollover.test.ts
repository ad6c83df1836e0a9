import { describe, expect, test } from 'vitest'
import {
  checkTrace,
  findOutages,
  planRollover,
  type RolloverParameters,
  type SimulationOptions,
  simulateRollover,
  verifyPlan,
} from '../../../../src/rotation/index.ts'
import { ADOPTION, changed, plan, ROOT } from '../rollover/support.ts'

const KINDS: readonly (readonly [string, Partial<RolloverParameters>])[] = [
  ['root', {}],
  ['root with a cross-certificate', { crossSign: true }],
  ['adoption', ADOPTION],
  ['issuing-ca', { kind: 'issuing-ca' }],
  ['emergency', { emergency: { reissueWithin: '1h' } }],
]
/** What is not watched for longer than needed. */
const short = (more: Partial<RolloverParameters> = {}) => plan({ pruneAfter: '0s', ...more })
const small = { holders: 1, verifiers: 1 } as const

describe('the same seed', () => {
  test.each<[string, Partial<SimulationOptions>]>([
    ['quietly', {}],
    ['with drivers that die', { crashes: 0.3 }],
    [
      'with incidents',
      {
        incidents: [
          { kind: 'restore', after: '1h', to: '50m' },
          { kind: 'abort', after: '2h' },
        ],
      },
    ],
    ['at the ends', { extremes: 'always', actual: { outage: '12h', propagation: '1h' } }],
  ])('gives the same trace, %s', async (_name, options) => {
    const made = short()
    const run = (seed: number | string) => simulateRollover(made, { ...options, seed })
    const [one, two] = [await run(5), await run(5)]
    expect(two).toEqual(one)
    expect(JSON.stringify(two.events)).toBe(JSON.stringify(one.events))
    expect((await run('5')).events).toEqual(one.events)
    expect((await run(6)).events).not.toEqual(one.events)
  })

  test('and what it says of itself is what its trace says', async () => {
    const { events, outages, violations, capped, handshakes } = await simulateRollover(short(), {
      seed: 1,
      extremes: 'always',
      evidence: false,
      actual: { outage: '13h' },
    })
    expect(outages.length).toBeGreaterThan(0)
    expect(findOutages(events)).toEqual(outages)
    expect(checkTrace(events)).toEqual(violations)
    expect(capped).toBe(
      events.filter((event) => event.type === 'issued' && event.cappedBy !== undefined).length,
    )
    expect(events.filter(({ type }) => type === 'handshake-failed').length).toBeGreaterThan(0)
    expect(handshakes.failed).toBeLessThanOrEqual(handshakes.tried)
    expect(events[0]?.type).toBe('begin')
  })
})

describe('options', () => {
  test.each<[string, object, RegExp]>([
    ['no seed', { seed: undefined }, /option "seed" must be a number or a text/],
    ['seed', { seed: {} }, /option "seed"/],
    ['seed', { seed: 5n }, /option "seed"/],
    ['holders', { holders: '2' }, /option "holders"/],
    ['holders', { holders: 0 }, /option "holders"/],
    ['holders', { holders: 1001 }, /option "holders"/],
    ['holders', { holders: 1.5 }, /option "holders"/],
    ['verifiers', { verifiers: 0 }, /option "verifiers"/],
    ['verifiers', { verifiers: true }, /option "verifiers"/],
    ['actual', { actual: 5 }, /option "actual" takes an options object/],
    ['actual', { actual: { outages: '1h' } }, /no option "outages". Did you mean "outage"\?/],
    ['actual.propagation', { actual: { propagation: 5 } }, /option "actual\.propagation"/],
    ['actual.switchDelay', { actual: { switchDelay: 'soon' } }, /option "actual\.switchDelay"/],
    ['actual.installDelay', { actual: { installDelay: '-1s' } }, /option "actual\.installDelay"/],
    ['actual.outage', { actual: { outage: '1' } }, /option "actual\.outage"/],
    ['actual.clockSkew', { actual: { clockSkew: true } }, /option "actual\.clockSkew"/],
    ['actual.backdate', { actual: { backdate: '' } }, /option "actual\.backdate"/],
    ['actual.leafLifetime', { actual: { leafLifetime: {} } }, /option "actual\.leafLifetime"/],
    ['actual.authorityBackdate', { actual: { authorityBackdate: 1 } }, /option "actual\.authorityBackdate"/],
    ['actual.crossEndsAfter', { actual: { crossEndsAfter: 1 } }, /option "actual\.crossEndsAfter"/],
    ['crashes', { crashes: '0.1' }, /option "crashes" must be from 0 to 0\.9/],
    ['crashes', { crashes: 0.91 }, /option "crashes"/],
    ['crashes', { crashes: -0.1 }, /option "crashes"/],
    ['crashes', { crashes: Number.NaN }, /option "crashes"/],
    ['failovers', { failovers: 1 }, /option "failovers"/],
    ['extremes', { extremes: 'never' }, /option "extremes"/],
    ['evidence', { evidence: 'no' }, /option "evidence"/],
    ['verification', { verification: 'real' }, /option "verification"/],
    ['an unknown one', { seeds: 1 }, /no option "seeds". Did you mean "seed"\?/],
  ])('%s %#', async (_name, wrong, message) => {
    const error = await simulateRollover(short(), { seed: 1, ...wrong } as never).catch(
      (caught: unknown) => caught,
    )
    expect(error instanceof TypeError || error instanceof RangeError).toBe(true)
    expect(error).toHaveProperty('message', expect.stringMatching(message))
  })

  test('the least of each is taken', async () => {
    const run = await simulateRollover(short(), { seed: '', ...small, crashes: 0, actual: { outage: '0s' } })
    expect([run.finished, run.outages]).toEqual([true, []])
  })

  test.each([undefined, null, 5])('%s are none', async (wrong) => {
    await expect(simulateRollover(short(), wrong as never)).rejects.toThrow(TypeError)
  })

  test('what is no plan is refused, and a text of one is one', async () => {
    for (const wrong of ['', '{}', 'null', '[]', JSON.stringify({ ...short(), digest: '0'.repeat(64) })])
      await expect(simulateRollover(wrong, { seed: 1 })).rejects.toHaveProperty('code')
    await expect(simulateRollover('{}', { seed: 1 })).rejects.toMatchObject({ code: 'ERR_ROLLOVER_PLAN' })
    expect((await simulateRollover(JSON.stringify(short()), { seed: 1, ...small })).finished).toBe(true)
  })
})

describe('real certificates agree with what certificates say', () => {
  test.each(KINDS)('%s: no outage, and the same handshakes', async (_name, more) => {
    const made = short(more)
    for (const extremes of ['often', 'always'] as const) {
      const options = { seed: `real ${extremes}`, extremes, ...small }
      const model = await simulateRollover(made, options)
      const real = await simulateRollover(made, { ...options, verification: 'certificates' })
      expect([real.finished, real.outages, real.violations]).toEqual([true, [], []])
      expect(real.handshakes.failed).toBe(0)
      expect(real.handshakes).toEqual(model.handshakes)
      expect(real.handshakes.tried).toBeGreaterThan(50)
    }
  })

  test('a second beyond the outage budget some fail, the same ones', async () => {
    // g·L − Δl − 2S = 12 h − 3 m: C4 at equality.
    expect(() => plan({ outageBudget: '11h57m1s' })).toThrow(/C4/)
    const made = short({ outageBudget: '11h57m' })
    let failed = 0
    for (let seed = 0; seed < 6; seed++) {
      const options = { seed, extremes: 'always', evidence: false, ...small } as const
      const within = await simulateRollover(made, { ...options, verification: 'certificates' })
      expect([within.handshakes.failed, within.outages]).toEqual([0, []])
      const actual = { outage: '11h57m1s' }
      const model = await simulateRollover(made, { ...options, actual })
      const real = await simulateRollover(made, { ...options, actual, verification: 'certificates' })
      expect(real.handshakes).toEqual(model.handshakes)
      expect(real.outages).toEqual(model.outages)
      expect(real.outages.every(({ problem, from, to }) => problem === 'expired' && to > from)).toBe(true)
      failed += real.handshakes.failed
    }
    expect(failed).toBeGreaterThan(0)
  })

  test.each([
    ['not-yet-valid', { backdate: '0s' }],
    ['not-trusted', { propagation: '13h' }],
  ] as const)('what is %s fails the same ones too', async (problem, actual) => {
    const problems: string[] = []
    let failed = 0
    for (let seed = 0; seed < 16; seed++) {
      const options = { seed, extremes: 'always', evidence: false, ...small, actual } as const
      const model = await simulateRollover(short(), options)
      const real = await simulateRollover(short(), { ...options, verification: 'certificates' })
      expect(real.handshakes).toEqual(model.handshakes)
      failed += real.handshakes.failed
      problems.push(...real.outages.map((outage) => outage.problem))
    }
    expect(failed).toBeGreaterThan(0)
    expect(problems).toContain(problem)
  })
})

describe('a plan that is not safe', () => {
  // Retired an hour after the switch, under leaves of a day.
  const unsafe = changed(plan(), (one) => ({
    ...one,
    steps: one.steps.map((step) =>
      step.stage === 'RETIRED' ? { ...step, at: '2026-03-01T01:17:00Z' } : step,
    ),
  }))

  test('is no plan to drive, and can be simulated', async () => {
    expect(() => verifyPlan(unsafe)).toThrow(/C2/)
    // Its gates still count what was issued, so nothing breaks.
    const run = await simulateRollover(unsafe, { seed: 1 })
    expect([run.finished, run.outages]).toEqual([true, []])
  })

  test('of parameters that lie, breaks', async () => {
    const honest = planRollover({ ...ROOT, pruneAfter: '0s' })
    // It promises renewals within 12 h 57 m of 12 h that remain.
    const lying = changed(honest, (one) => ({
      ...one,
      parameters: { ...one.parameters, outageBudget: '12h57m' },
    }))
    expect(() => verifyPlan(lying)).toThrow(/C4/)
    const broken = async (made: typeof honest): Promise<number> => {
      let count = 0
      for (let seed = 0; seed < 10; seed++)
        count += (await simulateRollover(made, { seed, extremes: 'always', ...small })).outages.length
      return count
    }
    expect(await broken(honest)).toBe(0)
    expect(await broken(lying)).toBeGreaterThan(0)
  })
})

test('what does not come to its end says what it waits for', async () => {
  const { finished, status } = await simulateRollover(short(), {
    seed: 2,
    extremes: 'always',
    actual: { propagation: '2000h' },
    holders: 1,
    verifiers: 5,
  })
  expect([finished, status?.over]).toEqual([false, false])
  expect(status?.waiting[0]?.message).toMatch(/^(distribute B|retire A) waits: /)
})
