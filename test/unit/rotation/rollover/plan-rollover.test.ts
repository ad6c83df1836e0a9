import { describe, expect, test } from 'vitest'
import { createRootCa } from '../../../../src/ca/index.ts'
import { MeshPkiError } from '../../../../src/errors.ts'
import {
  planRollover,
  RolloverInfeasibleError,
  type RolloverParameters,
} from '../../../../src/rotation/index.ts'
import { ADOPTION, at, DAY, HOUR, MINUTE, plan, ROOT } from './support.ts'

/** The instants of a plan in seconds after the start, by stage, authority and cluster. */
function timeline(more: Partial<RolloverParameters> = {}): Record<string, number> {
  const found: Record<string, number> = {}
  for (const { at: instant, stage, authority, cluster } of plan(more).steps)
    found[[stage, authority, cluster].filter(Boolean).join(' ')] =
      (Date.parse(instant) - at(0).getTime()) / 1000
  return found
}

/** What an infeasible wish is answered with. */
function refusal(more: Partial<RolloverParameters>): RolloverInfeasibleError {
  try {
    plan(more)
  } catch (error) {
    if (error instanceof RolloverInfeasibleError) return error
    throw error
  }
  throw new Error('it was feasible')
}

const brokenBy = (more: Partial<RolloverParameters>): readonly string[] =>
  refusal(more).broken.map(({ id }) => id)

describe('the instants of a root’s rollover, by hand', () => {
  // A = P + D + 2S = 15 + 2 = 17 m; R = A + Δsw + L + 4S = 17 m + 10 m + 24 h + 4 m; pruned D + 2S + 24 h later.
  test('with the life of a leaf as retention', () => {
    expect(timeline()).toEqual({
      'STAGED B': 0,
      'PUBLISHED B': 0,
      'DISTRIBUTED B': 17 * MINUTE,
      'ACTIVE B east': 17 * MINUTE,
      'ACTIVE B west': 17 * MINUTE,
      'ACTIVE B north': 17 * MINUTE,
      'DRAINING A': 17 * MINUTE,
      'RETIRED A': 31 * MINUTE + DAY,
      'PRUNED A': 31 * MINUTE + DAY + 17 * MINUTE + DAY,
    })
  })

  // U = (1 − g)L + F + Δl = 12 h + 1 h + 1 m.
  test('where renewals are relied upon, it is shorter', () => {
    expect(timeline({ retention: 'renewals' })['RETIRED A']).toBe((17 + 10 + 4 + 1) * MINUTE + 13 * HOUR)
  })

  // With life from notBefore, g·(L + β) remains: 1 m less of use.
  test('and shorter by g·β where life counts from notBefore', () => {
    const counted = timeline({ retention: 'renewals', lifeFrom: 'notBefore' })['RETIRED A']
    expect(counted).toBe((17 + 10 + 4 + 1) * MINUTE + 13 * HOUR - 60)
  })

  test('the slowest audience decides, and three polls of a federated domain are its bound', () => {
    const audiences = [{ name: 'partner', refreshHint: '10m' }]
    expect(timeline({ audiences })['ACTIVE B east']).toBe((30 + 2) * MINUTE)
    expect(timeline({ audiences: [{ name: 'partner', refreshHint: '5m' }] })['ACTIVE B east']).toBe(
      17 * MINUTE,
    )
  })

  test('a cross-certificate lets issuers switch at once; trust in the old root still lasts', () => {
    const found = timeline({ crossSign: true })
    expect(found['ACTIVE B east']).toBe(0)
    expect(found['DISTRIBUTED B']).toBe(17 * MINUTE)
    expect(found['RETIRED A']).toBe((10 + 4) * MINUTE + DAY)
    // It ends with its signer, so that nothing which carries it is cut short.
    expect(plan({ crossSign: true }).cross).toEqual({
      attachUntil: '2026-03-01T00:17:00Z',
      notAfter: '2026-05-30T00:00:00Z',
    })
  })

  test('an emergency: a clean issuer first, then the taint, then everything is issued again', () => {
    const found = timeline({ emergency: { reissueWithin: '1h' } })
    // T = A + Δsw + 2S; R = T + Δsw + W + F + 2Δl + 4S.
    expect(found['TAINTED A']).toBe((17 + 12) * MINUTE)
    expect(found['REVOKED A']).toBe((29 + 10 + 60 + 60 + 2 + 4) * MINUTE)
    expect(found['RETIRED A']).toBeUndefined()
  })

  test('an issuing CA below a root that stays has nothing to distribute', () => {
    const found = timeline({ kind: 'issuing-ca' })
    expect(Object.keys(found).some((key) => key.startsWith('PUBLISHED') || key.startsWith('DISTR'))).toBe(
      false,
    )
    expect(found['ACTIVE B east']).toBe(0)
    expect(found['RETIRED A']).toBe(14 * MINUTE + DAY)
    expect(found['PRUNED A']).toBe(14 * MINUTE + 2 * DAY)
  })

  test('an adoption: each root goes when its own clusters have left it', () => {
    const found = timeline({ ...ADOPTION, stagger: '1h' })
    expect(found['ACTIVE B c1']).toBe(17 * MINUTE)
    expect(found['ACTIVE B c2']).toBe(17 * MINUTE + HOUR)
    expect(found['RETIRED A1']).toBe(31 * MINUTE + DAY)
    expect(found['RETIRED A3']).toBe(31 * MINUTE + DAY + 2 * HOUR)
  })
})

describe('every step names what it satisfies, and its slack', () => {
  test('of a root', () => {
    const told = plan().steps.map(({ stage, satisfies }) => [
      stage,
      ...satisfies.map(({ id, needs, has, slack }) => `${id} ${needs} ${has} ${slack}`),
    ])
    expect(told).toEqual([
      ['STAGED', 'C3 2m 2m 0s', 'C4 1h3m 12h 10h57m', 'C6 1d31m 365d 363d23h29m', 'C6 1d31m 365d 363d23h29m'],
      ['PUBLISHED', 'C6 2 2 0'],
      ['DISTRIBUTED', 'C1 17m 17m 0s'],
      ['ACTIVE', 'C1 17m 17m 0s'],
      ['ACTIVE', 'C1 17m 17m 0s'],
      ['ACTIVE', 'C1 17m 17m 0s'],
      ['DRAINING', 'C5 1d12m 89d23h43m 88d23h31m'],
      ['RETIRED', 'C2 1d14m 1d14m 0s'],
      ['PRUNED', 'C2 17m 1d17m 1d'],
    ])
  })

  test('C1′ of a cross-certificate', () => {
    const step = plan({ crossSign: true }).steps.find(({ stage }) => stage === 'ACTIVE')
    expect(step?.satisfies.map(({ id, needs, has }) => `${id} ${needs} ${has}`)).toEqual([
      "C1' 0s 0s",
      "C1' 17m 90d",
      "C1' 1d29m 90d",
    ])
  })
})

describe('at equality a rollover is feasible, a second below it is not', () => {
  test.each<[string, Partial<RolloverParameters>, Partial<RolloverParameters>]>([
    ['C1', { activateAt: at(17 * MINUTE) }, { activateAt: at(17 * MINUTE - 1) }],
    ['C2', { retireAt: at(DAY + 31 * MINUTE) }, { retireAt: at(DAY + 31 * MINUTE - 1) }],
    [
      'C2',
      { retention: 'renewals', retireAt: at(13 * HOUR + 32 * MINUTE) },
      { retention: 'renewals', retireAt: at(13 * HOUR + 32 * MINUTE - 1) },
    ],
    ['C3', { backdate: '2m' }, { backdate: '1m59s' }],
    ['C4', { outageBudget: '11h57m' }, { outageBudget: '11h57m1s' }],
    ['C4', { jitter: 0.25, outageBudget: '5h57m' }, { jitter: 0.25, outageBudget: '5h57m1s' }],
    [
      'C5',
      { outgoing: { id: 'A', notAfter: at(DAY + 29 * MINUTE) } },
      { outgoing: { id: 'A', notAfter: at(DAY + 29 * MINUTE - 1) } },
    ],
    ['C6', { incoming: { id: 'B', lifetime: '24h31m' } }, { incoming: { id: 'B', lifetime: '24h30m59s' } }],
    // Its life counts from publication, however late it is used.
    [
      'C6',
      { activateAt: at(9 * DAY), incoming: { id: 'B', lifetime: `${10 * DAY + 14 * MINUTE}s` } },
      { activateAt: at(9 * DAY), incoming: { id: 'B', lifetime: `${10 * DAY + 14 * MINUTE - 1}s` } },
    ],
    ['C6', { rotationPeriod: '24h31m' }, { rotationPeriod: '24h30m59s' }],
    ['C6', { maxAuthorities: 4, ...ADOPTION }, { maxAuthorities: 3, ...ADOPTION }],
    [
      "C1'",
      { crossSign: true, outgoing: { id: 'A', notAfter: at(DAY + 29 * MINUTE) } },
      { crossSign: true, outgoing: { id: 'A', notAfter: at(DAY + 29 * MINUTE - 1) } },
    ],
  ])('%s %#', (id, equal, below) => {
    expect(plan(equal).digest).toMatch(/^[0-9a-f]{64}$/)
    expect([...new Set(brokenBy(below))]).toEqual([id])
  })
})

describe('an infeasible wish is answered with the smallest changes', () => {
  const texts = (more: Partial<RolloverParameters>): readonly (readonly string[])[] =>
    refusal(more).alternatives.map((edits) => edits.map(({ text }) => text))

  test('of one parameter each', () => {
    expect(texts({ gracePeriodRatio: 0.01 })).toEqual([
      ['raise gracePeriodRatio from 0.01 to at least 0.0438'],
      ['lower outageBudget from 1h to at most 11m24s'],
      ['raise leafLifetime from 1d to at least 4d9h'],
    ])
    expect(texts({ activateAt: at(10 * MINUTE) })).toEqual([
      ['bring forward start from 2026-03-01T00:00:00Z to no later than 2026-02-28T23:53:00Z'],
      ['move activateAt from 2026-03-01T00:10:00Z to no earlier than 2026-03-01T00:17:00Z'],
      ['lower propagation from 15m to at most 8m'],
    ])
    expect(texts({ rotationPeriod: '1d' })).toContainEqual(['raise maxAuthorities from 2 to at least 3'])
  })

  test('and of several together where one is not enough', () => {
    const found = texts({ backdate: '1m', gracePeriodRatio: 0.01 })
    expect(found).toContainEqual([
      'raise gracePeriodRatio from 0.01 to at least 0.0438',
      'raise backdate from 1m to at least 2m',
    ])
    expect(found.every((edits) => edits.length === 2)).toBe(true)
  })

  test('the message says what, with figures, and what to do', () => {
    const { message, code, data } = refusal({ backdate: '1m' })
    expect(code).toBe('ERR_ROLLOVER_INFEASIBLE')
    expect(message).toBe(
      'this rollover would cause an outage: C3: β ≥ 2S needs 2m, there is 1m. Smallest changes that make it feasible: raise backdate from 1m to at least 2m; or lower clockSkew from 1m to at most 30s',
    )
    expect(data['broken']).toHaveLength(1)
  })
})

describe('what is no parameter', () => {
  test.each<[string, object, RegExp]>([
    ['an unknown name', { propagations: '1m' }, /no option "propagations". Did you mean "propagation"\?/],
    ['a bare number', { leafLifetime: 24 }, /option "leafLifetime" must be a duration with a unit/],
    ['no cluster', { clusters: [] }, /"clusters" must be a list of at least one cluster/],
    ['one name twice', { clusters: ['a', 'a'] }, /names "a" twice/],
    [
      'a name with a control character',
      { clusters: ['a\n'] },
      /"clusters\[0\]\.name" must be a name of 1 to 128/,
    ],
    [
      'an authority without an end',
      { outgoing: { id: 'A' } },
      /"outgoing\[0\]" needs a certificate or notAfter/,
    ],
    [
      'the same authority in and out',
      { incoming: { id: 'A', lifetime: '1d' } },
      /"incoming.id" is that of an outgoing/,
    ],
    ['several roots without adoption', { outgoing: ADOPTION.outgoing }, /a rollover of kind "root" has one/],
    [
      'a cluster from nowhere',
      { clusters: [{ name: 'a', from: 'C' }] },
      /"clusters\[0\]\.from" must be one of the outgoing/,
    ],
    [
      'a cross-certificate of a compromised key',
      { crossSign: true, emergency: { reissueWithin: '1h' } },
      /cannot be used in an emergency/,
    ],
    [
      'a cross-certificate below a root that stays',
      { crossSign: true, kind: 'issuing-ca' },
      /below a root that stays nothing needs it/,
    ],
    ['a ratio of nothing', { gracePeriodRatio: 0 }, /"gracePeriodRatio" must lie between 0 and 1/],
    ['no date', { start: '2026-03-01' }, /option "start" must be a Date/],
    ['no options', undefined as never, /planRollover takes an options object|Cannot|undefined/],
  ])('%s', (_name, more, message) => {
    expect(() =>
      planRollover(more === undefined ? (undefined as never) : ({ ...ROOT, ...more } as never)),
    ).toThrow(message)
    expect(() => planRollover(ROOT)).not.toThrow()
  })

  test('an outgoing root that nobody uses', () => {
    expect(() => planRollover({ ...ADOPTION, clusters: [{ name: 'c1', from: 'A1' }] })).toThrow(
      /no cluster is "from" the outgoing authority "A2"/,
    )
  })
})

test('a certificate says when its authority ends, and which it is', async () => {
  const root = await createRootCa({
    subject: 'CN=A',
    lifetime: '30d',
    clock: { now: () => at(0) },
  })
  const [authority] = plan({ outgoing: { id: 'A', certificate: root.certificate } }).authorities
  expect(authority).toEqual({
    id: 'A',
    role: 'outgoing',
    notAfter: '2026-03-31T00:00:00Z',
    fingerprint: root.certificate.fingerprint(),
  })
  // What lies above it may end before.
  const above = plan({ outgoing: { id: 'A', certificate: root.certificate, notAfter: at(20 * DAY) } })
  expect(above.authorities[0]?.notAfter).toBe('2026-03-21T00:00:00Z')
})

test('a plan is frozen JSON: the same parameters give the same digest', () => {
  const one = plan()
  expect(JSON.parse(JSON.stringify(one))).toEqual(one)
  expect(plan().digest).toBe(one.digest)
  expect(plan({ leafLifetime: '25h' }).digest).not.toBe(one.digest)
  expect(Object.isFrozen(one.steps[0]?.satisfies)).toBe(true)
  expect(MeshPkiError.prototype).toBeDefined()
})
