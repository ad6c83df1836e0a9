import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { MeshPkiError } from '../../../../src/errors.ts'
import { checkPlan, PlanError, type RolloverPlan, verifyPlan } from '../../../../src/rotation/index.ts'
import { ADOPTION, changed, plan } from './support.ts'

type Change = Parameters<typeof changed>[1]

/** What is found in a plan that somebody changed and sealed again. */
function findings(change: Change, of: RolloverPlan = plan()): readonly string[] {
  const checked = checkPlan(changed(of, change))
  if (checked.ok) return []
  return checked.error instanceof PlanError
    ? checked.error.findings.map(({ rule, message }) => `${rule}: ${message}`)
    : [checked.error.message]
}

const moved =
  (stage: string, at: string): Change =>
  (rest) => ({
    ...rest,
    steps: rest.steps
      .map((step) => (step.stage === stage ? { ...step, at } : step))
      .sort((a, b) => Date.parse(a.at) - Date.parse(b.at)),
  })

const withParameters =
  (parameters: object): Change =>
  (rest) => ({ ...rest, parameters: { ...rest.parameters, ...parameters } })

test('it imports nothing of the planner: neither its inequalities nor its instants', () => {
  const file = new URL('../../../../src/rotation/rollover/verify-plan.ts', import.meta.url)
  const imports = [...readFileSync(file, 'utf8').matchAll(/from '([^']+)'/g)].map(([, path]) => path)
  expect(imports.sort()).toEqual([
    '../../errors.ts',
    '../../internal/duration.ts',
    '../../internal/instant-text.ts',
    './rollover-plan.ts',
    'mesh-pki/rotation',
  ])
  const oracle = new URL('../../../../src/rotation/simulation/find-outages.ts', import.meta.url)
  const known = [...readFileSync(oracle, 'utf8').matchAll(/from '([^']+)'/g)].map(([, path]) => path)
  expect(known).toEqual(['../trace/trace-event.ts'])
})

describe('an inequality that does not hold', () => {
  test.each<[string, Change, RegExp]>([
    [
      'C1',
      moved('ACTIVE', '2026-03-01T00:16:59Z'),
      /^C1: ACTIVE B after PUBLISHED .* must be at least 17m, and is 16m59s$/,
    ],
    [
      'C2',
      moved('RETIRED', '2026-03-02T00:30:59Z'),
      /^C2: RETIRED A after the last switch .* 1d14m, and is 1d13m59s$/,
    ],
    [
      'C2',
      moved('PRUNED', '2026-03-02T00:47:59Z'),
      /^C2: PRUNED A after its end must be at least 17m, and is 16m59s$/,
    ],
    ['C3', withParameters({ backdate: '1m59s' }), /^C3: the backdate .* 2m, and is 1m59s$/],
    [
      'C4',
      withParameters({ gracePeriodRatio: 0.01 }),
      /^C4: what remains at renewal .* 1h3m, and is 14m24s$/,
    ],
    [
      'C5',
      (rest) => ({
        ...rest,
        authorities: rest.authorities.map((one) =>
          one.role === 'outgoing' ? { ...one, notAfter: '2026-03-02T00:28:59Z' } : one,
        ),
      }),
      /^C5: what remains of A at the last switch .* 1d12m, and is 1d11m59s$/,
    ],
    [
      'C6',
      (rest) => ({
        ...rest,
        authorities: rest.authorities.map((one) =>
          one.role === 'incoming' ? { ...one, lifetime: '1d' } : one,
        ),
      }),
      /^C6: the incoming authority's lifetime must be at least 1d31m, and is 1d$/,
    ],
    [
      'C6',
      withParameters({ rotationPeriod: '1d' }),
      /^C6: the rotation period must be at least 1d31m, and is 1d$/,
    ],
  ])('%s', (_rule, change, expected) => {
    const found = findings(change)
    expect(
      found.some((one) => expected.test(one)),
      found.join('\n'),
    ).toBe(true)
    expect(findings((rest) => rest)).toEqual([])
  })

  test("C1' of a cross-certificate", () => {
    const crossed = plan({ crossSign: true })
    const until =
      (cross: RolloverPlan['cross']): Change =>
      (rest) => ({ ...rest, ...(cross === undefined ? {} : { cross }) })
    expect(
      findings(until({ attachUntil: '2026-03-01T00:16:59Z', notAfter: '2026-03-05T00:00:00Z' }), crossed),
    ).toEqual([
      "C1': the time for which the cross-certificate is sent along must be at least 17m, and is 16m59s",
    ])
    expect(
      findings(until({ attachUntil: '2026-03-01T00:17:00Z', notAfter: '2026-03-02T00:28:59Z' }), crossed),
    ).toEqual([
      "C1': the end of the cross-certificate after it is last sent along (na(X) ≥ na(leaf)) must be at least 1d12m, and is 1d11m59s",
    ])
    expect(
      findings(until({ attachUntil: '2026-03-01T00:17:00Z', notAfter: '2027-03-02T00:28:59Z' }), crossed)[0],
    ).toMatch(/ends at 2027-03-02T00:28:59Z, after its signer A/)
    expect(
      findings(until({ attachUntil: '2026-03-01T00:17:00Z', notAfter: '2026-03-02T00:29:00Z' }), crossed),
    ).toEqual([])
  })

  test('in an emergency the taint waits for every issuer', () => {
    const tainted = plan({ emergency: { reissueWithin: '1h' } })
    expect(findings(moved('TAINTED', '2026-03-01T00:28:59Z'), tainted)).toEqual([
      'C2: TAINTED A after the last switch (T − A ≥ Δsw + 2S) must be at least 12m, and is 11m59s',
    ])
    expect(findings(moved('REVOKED', '2026-03-01T02:44:59Z'), tainted)[0]).toMatch(
      /^C2: REVOKED A after TAINTED/,
    )
  })
})

describe('a plan that is not whole', () => {
  test.each<[string, Change, RegExp]>([
    [
      'a step is missing',
      (rest) => ({ ...rest, steps: rest.steps.filter(({ stage }) => stage !== 'RETIRED') }),
      /step RETIRED A is missing/,
    ],
    [
      'a step is there twice',
      (rest) => ({ ...rest, steps: [...rest.steps, ...rest.steps.slice(-1)] }),
      /step PRUNED A is there twice/,
    ],
    [
      'a step of another rollover',
      (rest) => ({
        ...rest,
        steps: rest.steps.map((one) => (one.stage === 'DRAINING' ? { ...one, authority: 'C' } : one)),
      }),
      /DRAINING C is there twice, or does not belong/,
    ],
    [
      'steps out of order',
      (rest) => ({ ...rest, steps: [...rest.steps].reverse() }),
      /comes after a later one/,
    ],
    [
      'no incoming authority',
      (rest) => ({ ...rest, authorities: rest.authorities.slice(0, 1) }),
      /must have one incoming authority; it has 0/,
    ],
    [
      'two of one id',
      (rest) => ({ ...rest, authorities: [...rest.authorities, ...rest.authorities.slice(0, 1)] }),
      /same id/,
    ],
    [
      'two of one name',
      (rest) => ({ ...rest, members: [...rest.members, ...rest.members.slice(0, 1)] }),
      /same name/,
    ],
    [
      'nobody signs',
      (rest) => ({ ...rest, members: rest.members.map(({ name, propagation }) => ({ name, propagation })) }),
      /no cluster that signs/,
    ],
    [
      'from elsewhere',
      (rest) => ({ ...rest, members: rest.members.map((one) => ({ ...one, from: 'C' })) }),
      /is from C, which is no outgoing/,
    ],
    [
      'too many authorities',
      (rest) => ({
        ...rest,
        ...plan(ADOPTION),
        parameters: { ...plan(ADOPTION).parameters, maxAuthorities: 2 },
      }),
      /holds 4 authorities at once; at most 2/,
    ],
    ['crossSign without cross', withParameters({ crossSign: true }), /cross and crossSign must say the same/],
  ])('%s', (_name, change, expected) => {
    const found = findings((rest) => {
      const { digest: _digest, ...without } = { digest: '', ...change(rest) }
      return without
    })
    expect(
      found.some((one) => expected.test(one)),
      found.join('\n'),
    ).toBe(true)
  })

  test.each<[string, (text: string) => string, string]>([
    [
      'another digest',
      (text) => text.replace('"leafLifetime":"1d"', '"leafLifetime":"2d"'),
      'it was changed after it was made',
    ],
    ['a member that nobody knows', (text) => text.replace('"kind":', '"mode":1,"kind":'), 'unknown member'],
    ['a member twice', (text) => text.replace('"kind":', '"kind":"root","kind":'), 'stands twice'],
    ['another format', (text) => text.replace('rollover-plan"', 'plan"'), 'plan.format must be one of'],
    ['another version', (text) => text.replace('"version":1', '"version":2'), 'its version is 2'],
    [
      'an instant of another form',
      (text) => text.replace('2026-03-01T00:17:00Z', '2026-03-01 00:17'),
      'must be an instant',
    ],
    ['half of it', (text) => text.slice(0, text.length / 2), 'JSON'],
    ['nothing', () => '', 'JSON'],
    ['a list', () => '[]', 'plan must be an object'],
  ])('%s', (_name, change, expected) => {
    const text = JSON.stringify(plan())
    expect(change(text)).not.toBe(text)
    const checked = checkPlan(change(text))
    expect(checked.ok).toBe(false)
    if (!checked.ok) expect(checked.error.message).toContain(expected)
    expect(checkPlan(text).ok).toBe(true)
  })
})

test('the error has every finding, and says what to do', () => {
  const broken = changed(plan(), (rest) => ({
    ...rest,
    parameters: { ...rest.parameters, backdate: '0s', gracePeriodRatio: 0.01 },
  }))
  expect(() => verifyPlan(broken)).toThrow(PlanError)
  try {
    verifyPlan(broken)
  } catch (error) {
    if (!(error instanceof PlanError)) throw error
    expect(error.code).toBe('ERR_ROLLOVER_PLAN')
    expect(error.findings.map(({ rule }) => rule)).toEqual(['C3', 'C4'])
    expect(error.message).toMatch(/Make it again with planRollover, or change its parameters$/)
    expect(error).toBeInstanceOf(MeshPkiError)
  }
})
