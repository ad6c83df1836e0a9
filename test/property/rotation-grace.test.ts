import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { formatDuration, readDuration } from '../../src/internal/duration.ts'
import { checkGrace, type GraceParameters } from '../../src/rotation/check-grace.ts'
import { renewalTime } from '../../src/rotation/renewal-time.ts'
import { DAY, HOUR, ID, request, rootCa } from '../unit/ca/support.ts'

const root = await rootCa()
const csr = await request()
const issue = async (lifetime: string, backdate = '2m') =>
  (await root.issueWorkload(csr, { id: ID, lifetime, backdate })).certificate
const msOf = (text: string): number => readDuration(text, 'text', { allowZero: true })

describe('grace', () => {
  const span = (max: number) =>
    fc
      .oneof(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 0, max }))
      .map((s) => formatDuration(s * 1000))
  const ratio = fc.oneof(
    fc.integer({ min: 1, max: 99 }).map((n) => n / 100),
    fc.double({ min: 0.0005, max: 0.999, noNaN: true }),
  )
  const life = (max: number) => fc.integer({ min: 1, max }).map((s) => formatDuration(s * 1000))
  const parameters: fc.Arbitrary<GraceParameters> = fc.record({
    leafLifetime: fc.oneof(life(HOUR), life(60 * DAY)),
    gracePeriodRatio: ratio,
    backdate: span(600),
    clockSkew: span(300),
    installDelay: span(HOUR),
    outageBudget: span(2 * DAY),
    lifeFrom: fc.constantFrom<GraceParameters['lifeFrom']>('notBefore', 'issuance', undefined),
    ca: fc.option(
      fc.record({
        lifetime: life(400 * DAY),
        gracePeriodRatio: ratio,
        switchDelay: span(2 * HOUR),
      }),
      { nil: undefined },
    ),
    profile: fc.constantFrom<GraceParameters['profile']>('strict', 'gloo', undefined),
  })

  /** The inequalities, written down once more. */
  const sidesOf = (p: GraceParameters) => {
    const [leaf, beta, skew, install, outage] = [
      p.leafLifetime,
      p.backdate ?? '2m',
      p.clockSkew ?? '60s',
      p.installDelay ?? '0s',
      p.outageBudget ?? '0s',
    ].map(msOf) as [number, number, number, number, number]
    const caLeft = p.ca === undefined ? Number.POSITIVE_INFINITY : p.ca.gracePeriodRatio * msOf(p.ca.lifetime)
    const delay = msOf(p.ca?.switchDelay ?? '0s')
    const cap = p.profile === 'gloo' ? Math.max(0, Math.min(leaf, Math.round(caLeft) - delay)) : leaf
    // To whole seconds, as certificates are.
    const shortest = cap === leaf ? leaf : cap - (cap % 1000)
    const left = p.gracePeriodRatio * (shortest + (p.lifeFrom === 'notBefore' ? beta : 0))
    return {
      C3: beta - 2 * skew,
      C4: left - outage - install - 2 * skew,
      C5: caLeft - delay - leaf - 2 * skew,
      survives: left - install - 2 * skew,
    }
  }
  const brokenOf = (p: GraceParameters): readonly string[] =>
    checkGrace(p).findings.map(({ inequality }) => inequality)

  test('is refused for C4 and C5 alone, and what it survives is what the formula says', () => {
    const tally = { ok: 0, refused: 0 }
    fc.assert(
      fc.property(parameters, (p) => {
        const result = checkGrace(p)
        const sides = sidesOf(p)
        // Half a millisecond on either side is rounding.
        for (const id of ['C3', 'C4', 'C5'] as const)
          if (Math.abs(sides[id]) > 1) expect(brokenOf(p).includes(id)).toBe(sides[id] < 0)
        expect(result.ok).toBe(result.findings.every(({ severity }) => severity === 'warning'))
        for (const { inequality, severity } of result.findings)
          expect(severity === 'warning').toBe(
            inequality === 'C3' || (inequality === 'C5' && p.profile === 'gloo'),
          )
        tally[result.ok ? 'ok' : 'refused']++
        if (!result.ok) return
        expect(Math.abs(msOf(result.survives) - sides.survives)).toBeLessThanOrEqual(1001)
        // That outage is survived, and one a second longer is not.
        const outageOf = (extra: number) => formatDuration(msOf(result.survives) + extra)
        expect(checkGrace({ ...p, outageBudget: outageOf(0) }).ok).toBe(true)
        expect(checkGrace({ ...p, outageBudget: outageOf(1000) }).ok).toBe(false)
      }),
      { numRuns: 3000 },
    )
    expect(tally.ok).toBeGreaterThan(300)
    expect(tally.refused).toBeGreaterThan(300)
  })

  const GLOO = {
    leafLifetime: '24h',
    gracePeriodRatio: 0.5,
    ca: { lifetime: '1d', gracePeriodRatio: 0.1 },
  }

  /** A fix applied, and one step less of it. */
  const applied = (p: GraceParameters, fix: string): readonly [GraceParameters, GraceParameters] => {
    const [, way, name = '', value = ''] =
      /^(raise|lower) ([\w.]+) to at (?:least|most) (\S+)$/.exec(fix) ?? expect.unreachable(fix)
    const back = way === 'raise' ? -1 : 1
    const isRatio = name.endsWith('Ratio')
    // Of three digits, or four places; zeros at the end are not written.
    const step = isRatio ? Math.min(10 ** -Math.max(4, value.length - 2), Number(value) / 100) : 1000
    const turned = isRatio ? Number(value) : value
    const less = isRatio ? Number(value) + back * step : formatDuration(msOf(value) + back * step)
    const set = (to: string | number): GraceParameters =>
      name.startsWith('ca.')
        ? ({ ...p, ca: { ...p.ca, [name.slice(3)]: to } } as GraceParameters)
        : { ...p, [name]: to }
    return [set(turned), set(less)]
  }

  test('every fix makes its inequality hold, breaks no other, and is the least', () => {
    const used = new Set<string>()
    fc.assert(
      fc.property(parameters, (p) => {
        const { findings } = checkGrace(p)
        const before = brokenOf(p)
        for (const { inequality, fixes } of findings)
          for (const fix of fixes) {
            used.add(`${inequality} ${fix.split(' to ')[0]}`)
            const [fixed, less] = applied(p, fix)
            const after = brokenOf(fixed)
            expect(after, fix).not.toContain(inequality)
            expect(before, fix).toEqual(expect.arrayContaining([...after]))
            expect(brokenOf(less), fix).toContain(inequality)
          }
        // Where it was the only thing wrong, the whole is right.
        const [only, second] = findings
        if (only !== undefined && second === undefined)
          for (const fix of only.fixes) expect(checkGrace(applied(p, fix)[0])).toMatchObject({ findings: [] })
      }),
      {
        numRuns: 3000,
        // Two fixes that random parameters seldom need.
        examples: [
          [{ ...GLOO, ca: { ...GLOO.ca, switchDelay: '2h' }, outageBudget: '30m', profile: 'gloo' }],
          [{ ...GLOO, ca: { ...GLOO.ca, lifetime: '10d' } }],
        ],
      },
    )
    expect([...used].sort()).toEqual([
      'C3 lower clockSkew',
      'C3 raise backdate',
      'C4 lower ca.switchDelay',
      'C4 lower clockSkew',
      'C4 lower installDelay',
      'C4 lower outageBudget',
      'C4 raise ca.gracePeriodRatio',
      'C4 raise ca.lifetime',
      'C4 raise gracePeriodRatio',
      'C4 raise leafLifetime',
      'C5 lower ca.switchDelay',
      'C5 lower clockSkew',
      'C5 lower leafLifetime',
      'C5 raise ca.gracePeriodRatio',
      'C5 raise ca.lifetime',
    ])
  })

  test('holds for certificates: after the outage it survives, the slowest holder still has its leaf', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 600, max: 60 * DAY }),
        fc.integer({ min: 5, max: 95 }).map((n) => n / 100),
        fc.constantFrom<'notBefore' | 'issuance'>('notBefore', 'issuance'),
        fc.integer({ min: 0, max: 60 }),
        async (seconds, gracePeriodRatio, lifeFrom, skew) => {
          const leafLifetime = `${seconds}s`
          const grace = checkGrace({ leafLifetime, gracePeriodRatio, lifeFrom, clockSkew: `${skew}s` })
          fc.pre(grace.ok)
          const certificate = await issue(leafLifetime)
          const backdate = lifeFrom === 'notBefore' ? '0s' : '2m'
          const due = renewalTime(certificate, { gracePeriodRatio, backdate }).getTime()
          // Its clock is slow, and that of the verifier is fast.
          const end = due + msOf(grace.survives) + 2 * skew * 1000
          expect(end).toBeLessThanOrEqual(certificate.notAfter.getTime())
          expect(end + 2000).toBeGreaterThan(certificate.notAfter.getTime())
        },
      ),
      { numRuns: 200 },
    )
  })
})
