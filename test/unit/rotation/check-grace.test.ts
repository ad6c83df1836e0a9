import { describe, expect, test } from 'vitest'
import { MeshPkiError } from '../../../src/errors.ts'
import {
  checkGrace as check,
  type GraceParameters,
  verifyGrace as verify,
} from '../../../src/rotation/check-grace.ts'

// The figures below count life from notBefore, as the formulas with L + β do.
const fromNotBefore = (parameters: GraceParameters): GraceParameters => ({
  lifeFrom: 'notBefore',
  ...parameters,
})
const checkGrace = (parameters: GraceParameters) => check(fromNotBefore(parameters))
const verifyGrace = (parameters: GraceParameters) => verify(fromNotBefore(parameters))

/** Gloo Mesh's own example: intermediates of a day, renewed when a tenth remains, above leaves of a day. */
const GLOO: GraceParameters = {
  leafLifetime: '24h',
  gracePeriodRatio: 0.5,
  ca: { lifetime: '1d', gracePeriodRatio: 0.1 },
}

describe('what an outage may take', () => {
  test.each<[GraceParameters, string]>([
    // 0.5 × (24 h + 2 min) − 2 × 60 s.
    [{ leafLifetime: '24h', gracePeriodRatio: 0.5 }, '11h59m'],
    // 0.1 × 86,520 s = 8652 s, less 120 s.
    [{ leafLifetime: '24h', gracePeriodRatio: 0.1 }, '2h22m12s'],
    // SPIRE: half of an hour and ten seconds, clocks within 5 s.
    [{ leafLifetime: '1h', gracePeriodRatio: 0.5, backdate: '10s', clockSkew: '5s' }, '29m55s'],
    // Linkerd: 0.3 × 86,420 s = 25,926 s, less 20 s, less 6 s.
    [
      {
        leafLifetime: '24h',
        gracePeriodRatio: 0.3,
        backdate: '20s',
        clockSkew: '10s',
        installDelay: '6s',
      },
      '7h11m40s',
    ],
    // Down to a second: 0.1 × 1333 s = 133.3 s.
    [{ leafLifetime: '1333s', gracePeriodRatio: 0.1, backdate: '0s', clockSkew: '0s' }, '2m13s'],
    // Counted from issuance, as renewalTime does.
    [{ leafLifetime: '24h', gracePeriodRatio: 0.5, lifeFrom: 'issuance' }, '11h58m'],
    [{ leafLifetime: '24h', gracePeriodRatio: 0.5, lifeFrom: 'notBefore', outageBudget: '11h59m' }, '11h59m'],
    [
      { leafLifetime: '24h', gracePeriodRatio: 0.5, ca: { lifetime: '365d', gracePeriodRatio: 0.1 } },
      '11h59m',
    ],
  ])('%j: %s', (parameters, survives) => {
    expect(checkGrace(parameters)).toEqual({ ok: true, survives, findings: [] })
    expect(verifyGrace(parameters).survives).toBe(survives)
  })

  test('life counts from issuance where nobody says otherwise, as in renewalTime', () => {
    expect(check({ leafLifetime: '24h', gracePeriodRatio: 0.5 })).toMatchObject({
      ok: true,
      survives: '11h58m',
    })
    expect(check({ leafLifetime: '24h', gracePeriodRatio: 0.5, outageBudget: '11h58m1s' }).ok).toBe(false)
    expect(checkGrace({ leafLifetime: '24h', gracePeriodRatio: 0.5, outageBudget: '11h58m1s' }).ok).toBe(true)
  })

  test('nothing at all, at equality', () => {
    // 0.5 × (2 min + 2 min) = 2 × 60 s.
    expect(checkGrace({ leafLifetime: '2m', gracePeriodRatio: 0.5 })).toMatchObject({
      ok: true,
      survives: '0s',
    })
    expect(checkGrace({ leafLifetime: '1m59s', gracePeriodRatio: 0.5 }).ok).toBe(false)
  })
})

describe('C4: the leaf ends before its holder has the next', () => {
  test('an outage longer than what remains', () => {
    const result = checkGrace({ leafLifetime: '24h', gracePeriodRatio: 0.1, outageBudget: '8h' })
    expect(result.ok).toBe(false)
    expect(result.findings).toEqual([
      {
        inequality: 'C4',
        severity: 'error',
        message:
          'a leaf of 1d renewed at a ratio of 0.1 has 2h24m12s left, and an outage of 8h, 0s to install and clocks that are up to 1m wrong take 8h2m: it ends before its holder has the next',
        required: '8h2m',
        found: '2h24m12s',
        fixes: [
          // 28,920 / 86,520 = 0.33426…
          'raise gracePeriodRatio to at least 0.3343',
          // 28,920 / 0.1 − 120 = 289,080 s.
          'raise leafLifetime to at least 3d8h18m',
          'lower outageBudget to at most 2h22m12s',
        ],
      },
    ])
    if (result.ok) return
    expect(result.error).toBeInstanceOf(MeshPkiError)
    expect(result.error.code).toBe('ERR_ROTATION_GRACE')
    expect(result.error.message).toMatch(
      /^C4: a leaf of 1d .* To mend it, raise gracePeriodRatio to at least 0\.3343, or raise leafLifetime/,
    )
    expect(result.error.data['findings']).toEqual(result.findings)
  })

  test('by a second', () => {
    const parameters = { leafLifetime: '24h', gracePeriodRatio: 0.5, installDelay: '59m' }
    expect(checkGrace({ ...parameters, outageBudget: '11h' }).ok).toBe(true)
    expect(checkGrace({ ...parameters, outageBudget: '11h1s' }).ok).toBe(false)
  })

  test('verifyGrace throws it', () => {
    expect(() => verifyGrace({ leafLifetime: '1m', gracePeriodRatio: 0.5 })).toThrow(MeshPkiError)
  })

  test('a small ratio has as many places as it needs', () => {
    // 1 h and 2 min of 3650 days and 2 min: 3720 / 315,360,120 = 0.000011796…
    const { findings } = checkGrace({
      leafLifetime: '3650d',
      gracePeriodRatio: 0.000001,
      outageBudget: '1h',
    })
    expect(findings[0]?.fixes[0]).toBe('raise gracePeriodRatio to at least 0.0000118')
  })
})

describe('C5: the CA ends before its last leaves', () => {
  test("Gloo Mesh's example is refused", () => {
    const result = checkGrace(GLOO)
    expect(result.ok).toBe(false)
    expect(result.findings).toMatchObject([
      {
        inequality: 'C5',
        severity: 'error',
        required: '1d2m',
        found: '2h24m',
        fixes: [
          // γ would have to be more than 1; 86,520 / 0.1 = 865,200 s; 8640 − 120 = 8520 s.
          'raise ca.lifetime to at least 10d20m',
          'lower leafLifetime to at most 2h22m',
        ],
      },
    ])
  })

  test('and is a warning under the profile "gloo", with the length to which leaves are cut', () => {
    const result = checkGrace({ ...GLOO, profile: 'gloo' })
    expect(result).toMatchObject({
      ok: true,
      cappedFrom: '1d',
      // What remains of the CA at its renewal.
      leafCap: '2h24m',
      // 0.5 × (8640 + 120) − 120 s: the shortest leaf must survive it.
      survives: '1h11m',
      findings: [{ inequality: 'C5', severity: 'warning' }],
    })
    expect(result.findings[0]?.message).toMatch(/the last leaves are cut to 2h24m$/)
  })

  test('but not where the cut leaf ends before its holder has the next', () => {
    const parameters: GraceParameters = { ...GLOO, profile: 'gloo', outageBudget: '1h11m' }
    expect(checkGrace(parameters).ok).toBe(true)
    const result = checkGrace({ ...parameters, outageBudget: '1h11m1s' })
    expect(result.ok).toBe(false)
    expect(result.findings.map(({ inequality, severity }) => `${inequality} ${severity}`)).toEqual([
      'C4 error',
      'C5 warning',
    ])
    expect(result.findings[0]?.message).toMatch(/^a leaf of 2h24m \(cut from 1d by its CA\)/)
  })

  test('a CA that is renewed later than it ends leaves nothing', () => {
    const ca = { lifetime: '1d', gracePeriodRatio: 0.1, switchDelay: '3h' }
    expect(checkGrace({ ...GLOO, ca, profile: 'gloo' })).toMatchObject({ ok: false })
  })

  test('is not cut where only the allowance for clocks is missing', () => {
    const ca = { lifetime: '10d', gracePeriodRatio: 0.1 }
    const result = checkGrace({ ...GLOO, ca, profile: 'gloo' })
    expect(result).toMatchObject({ ok: true, survives: '11h59m', findings: [{ inequality: 'C5' }] })
    expect(result).not.toHaveProperty('cappedFrom')
    expect(checkGrace({ ...GLOO, ca, clockSkew: '0s', profile: 'gloo' }).findings).toEqual([])
  })

  test('by a second', () => {
    const ca = { lifetime: '20d', gracePeriodRatio: 0.1, switchDelay: '23h58m' }
    expect(checkGrace({ ...GLOO, ca }).ok).toBe(true)
    expect(checkGrace({ ...GLOO, ca: { ...ca, switchDelay: '23h58m1s' } }).ok).toBe(false)
    expect(checkGrace({ ...GLOO, ca, leafLifetime: '24h1s' }).ok).toBe(false)
  })
})

test('C3: the backdate is shorter than two clock errors', () => {
  const parameters: GraceParameters = { leafLifetime: '24h', gracePeriodRatio: 0.5, backdate: '1m59s' }
  expect(checkGrace({ ...parameters, backdate: '2m' }).findings).toEqual([])
  expect(checkGrace(parameters)).toMatchObject({
    ok: true,
    findings: [
      {
        inequality: 'C3',
        severity: 'warning',
        required: '2m',
        found: '1m59s',
        fixes: ['raise backdate to at least 2m', 'lower clockSkew to at most 59s'],
      },
    ],
  })
})

test('a fix that breaks what holds is not offered', () => {
  // Longer leaves would survive the outage, and outlive their CA: 0.5 × 4 d is 2 d.
  const parameters: GraceParameters = {
    leafLifetime: '24h',
    gracePeriodRatio: 0.1,
    outageBudget: '12h',
    ca: { lifetime: '4d', gracePeriodRatio: 0.5 },
  }
  const [finding] = checkGrace(parameters).findings
  expect(finding?.fixes.join()).not.toMatch(/leafLifetime/)
  const { ca: _, ...alone } = parameters
  expect(checkGrace(alone).findings[0]?.fixes.join()).toMatch(/raise leafLifetime to at least/)
})

test.each<[object, RegExp]>([
  [{ leafLifetime: 3600 }, /"leafLifetime" must be a duration/],
  [{ leafLifetime: '0s' }, /"leafLifetime" must be longer than zero/],
  [{ gracePeriodRatio: 0 }, /"gracePeriodRatio" must lie between 0 and 1; got 0/],
  [{ gracePeriodRatio: 1 }, /"gracePeriodRatio" must lie between 0 and 1; got 1/],
  [{ gracePeriodRatio: undefined }, /"gracePeriodRatio" must be a number; got undefined/],
  [{ clockSkew: 60 }, /"clockSkew" must be a duration/],
  [{ profile: 'lax' }, /"profile" must be one of "strict", "gloo"/],
  [{ lifeFrom: 'receipt' }, /"lifeFrom" must be one of/],
  [{ ca: { lifetime: '1d', gracePeriodRatio: 1 } }, /"ca\.gracePeriodRatio" must lie between/],
  [{ ca: { lifetime: '1d', ratio: 0.5 } }, /option "ca" has no option "ratio"/],
  [{ skew: '1m' }, /checkGrace has no option "skew"/],
])('misuse: %j', (options, message) => {
  expect(() => checkGrace({ leafLifetime: '24h', gracePeriodRatio: 0.5, ...options })).toThrow(message)
})
