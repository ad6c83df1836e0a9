import { describe, expect, test } from 'vitest'
import { RENEWAL_PRESETS } from '../../../src/rotation/renewal-presets.ts'
import { renewalStatus } from '../../../src/rotation/renewal-status.ts'
import { type RenewalPolicy, renewalTime } from '../../../src/rotation/renewal-time.ts'
import { manualClock } from '../../../src/testing/index.ts'
import type { Certificate } from '../../../src/x509/index.ts'
import { at, DAY, HOUR, ID, MINUTE, request, rootCa } from '../ca/support.ts'

const root = await rootCa()
const issue = async (lifetime: string, backdate: string): Promise<Certificate> =>
  (await root.issueWorkload(await request(), { id: ID, lifetime, backdate })).certificate
/** Seconds of each of so many certificates between their end and their renewal. */
const leftOf = async (count: number, lifetime: string, backdate: string, policy: RenewalPolicy) => {
  const csr = await request()
  const left: number[] = []
  for (let i = 0; i < count; i++) {
    const { certificate } = await root.issueWorkload(csr, { id: ID, lifetime, backdate })
    left.push((certificate.notAfter.getTime() - renewalTime(certificate, policy).getTime()) / 1000)
  }
  return left
}
const within = (values: readonly number[], min: number, max: number): void => {
  for (const value of values) expect(value >= min && value <= max, `${value} of ${min} … ${max}`).toBe(true)
  // A fleet fills its range: that a third of it stays empty has a chance below (2/3)^60.
  expect(Math.min(...values)).toBeLessThan(min + (max - min) / 3)
  expect(Math.max(...values)).toBeGreaterThan(max - (max - min) / 3)
}

describe("istiod's GetWaitTime: 2017-08-23T19:00:40Z to the next day, 50 %", async () => {
  const begin = new Date('2017-08-23T19:00:40Z')
  const end = new Date('2017-08-24T19:00:40Z')
  const ca = await rootCa({ clock: manualClock(begin) })
  const { certificate } = await ca.issueWorkload(await request(), {
    id: ID,
    lifetime: '24h',
    backdate: '0s',
  })
  const policy = { ...RENEWAL_PRESETS.istiodRoot, gracePeriodRatio: 0.5 }
  const status = (now: string | Date) => renewalStatus(certificate, policy, { now: new Date(now) })

  test('is of this certificate', () => {
    expect([certificate.notBefore, certificate.notAfter]).toEqual([begin, end])
  })
  test('waits 36,040 seconds at 21:00', () => {
    expect(status('2017-08-23T21:00:00Z')).toMatchObject({ state: 'fresh', waitMs: 36_040_000 })
  })
  test('"already expired"', () => {
    expect(status('2017-08-25T21:00:00Z')).toMatchObject({ state: 'expired', waitMs: 0, expiresAt: end })
  })
  test('"should be renewed now"', () => {
    expect(status('2017-08-24T16:00:00Z')).toMatchObject({ state: 'due', waitMs: 0 })
  })
  test('boundaries: nothing remains is not yet expired, and a wait of zero is one', () => {
    expect(status(end).state).toBe('due')
    expect(status(new Date(end.getTime() + 1000)).state).toBe('expired')
    expect(status('2017-08-24T07:00:40Z')).toMatchObject({ state: 'due', waitMs: 0 })
    expect(status('2017-08-24T07:00:39Z')).toMatchObject({ state: 'fresh', waitMs: 1000 })
  })
})

describe("Istio's agent", async () => {
  const { istioAgent } = RENEWAL_PRESETS
  const hour = await issue('1h', '2m')

  // Created now, expires in an hour.
  test.each([
    [0.5, 30],
    [0.25, 45],
    [0.75, 15],
  ])('a ratio of %d waits %d minutes', (gracePeriodRatio, minutes) => {
    const policy = { ...istioAgent, gracePeriodRatio, jitter: 0 }
    expect(renewalStatus(hour, policy, { now: at(0) }).waitMs).toBe(minutes * MINUTE * 1000)
  })

  test('created in half an hour, expires in 90 minutes, 0.25: 75 minutes', async () => {
    const policy = { ...istioAgent, gracePeriodRatio: 0.25, jitter: 0, issuedAt: at(30 * MINUTE) }
    const ninety = await issue('90m', '0s')
    expect(renewalStatus(ninety, policy, { now: at(0) }).waitMs).toBe(75 * MINUTE * 1000)
  })

  test('expired: no wait', () => {
    expect(renewalStatus(hour, istioAgent, { now: at(2 * HOUR) })).toMatchObject({
      state: 'expired',
      waitMs: 0,
    })
  })

  // Departure: the agent takes 1 as "at once" and 0 as "at the end". The first renews for ever, the second too late.
  test.each([0, 1])('a ratio of %d is refused', (gracePeriodRatio) => {
    expect(() => renewalTime(hour, { ...istioAgent, gracePeriodRatio })).toThrow(RangeError)
  })

  test('of a day: after 12 h ± 14 min 24 s', async () => {
    within(await leftOf(60, '24h', '2m', istioAgent), 12 * HOUR - 864, 12 * HOUR + 864)
  })

  test('a ratio of 0.5 with a jitter of 0.5: from at once to the end', async () => {
    const policy = { ...istioAgent, jitter: 0.5 }
    within(await leftOf(60, '1h', '2m', policy), 1, 60 * MINUTE)
  })

  // With its ratios 1 and 0 the agent draws [0, 30 min] and [30 min, 60 min]; here one says so by the way of the jitter.
  test('jitter of 0.5 one way only', async () => {
    const way = (jitter: RenewalPolicy['jitter']) => leftOf(60, '1h', '2m', { ...istioAgent, jitter })
    within(await way({ earlier: 0.5 }), 30 * MINUTE, 60 * MINUTE)
    within(await way({ later: 0.5 }), 1, 30 * MINUTE)
  })
})

test("istiod's root of ten years: less than 730 days remain", async () => {
  const { certificate } = await rootCa({ lifetime: '3650d', backdate: '0s' })
  const now = (left: number): Date => new Date(certificate.notAfter.getTime() - left * 1000)
  const state = (left: number): string =>
    renewalStatus(certificate, RENEWAL_PRESETS.istiodRoot, { now: now(left) }).state
  expect(state(730 * DAY + 1)).toBe('fresh')
  expect(state(730 * DAY)).toBe('due')
  expect(state(730 * DAY - 1)).toBe('due')
})

describe('Gloo Mesh', () => {
  test.each([
    ['1h', 6 * MINUTE],
    ['1d', 2.4 * HOUR],
    ['365d', 36.5 * DAY],
  ])('a tenth of %s', async (lifetime, left) => {
    expect(await leftOf(1, lifetime, '0s', RENEWAL_PRESETS.glooMesh)).toEqual([left])
  })
})

describe('SPIRE', () => {
  const { spireCaPrepare, spireCaActivate, spireSvid } = RENEWAL_PRESETS
  test.each([
    // A day: half, and a sixth, so that 8 hours lie between.
    ['24h', 12 * HOUR, 4 * HOUR],
    ['42d', 21 * DAY, 7 * DAY],
    ['60d', 30 * DAY, 7 * DAY],
    ['61d', 30 * DAY, 7 * DAY],
    ['3650d', 30 * DAY, 7 * DAY],
  ])('a CA of %s', async (lifetime, prepare, activate) => {
    const { certificate } = await rootCa({ lifetime, backdate: '10s' })
    const left = (policy: RenewalPolicy): number =>
      (certificate.notAfter.getTime() - renewalTime(certificate, policy).getTime()) / 1000
    expect([left(spireCaPrepare), left(spireCaActivate)]).toEqual([prepare, activate])
  })
  test('an SVID: half of notBefore to notAfter, give or take a tenth of it', async () => {
    const half = (HOUR + 10) / 2
    within(await leftOf(60, '1h', '10s', spireSvid), half * 0.9, half * 1.1 + 1)
  })
})

test('cert-manager: 30 of 90 days', async () => {
  expect(await leftOf(1, '90d', '0s', RENEWAL_PRESETS.certManager)).toEqual([30 * DAY])
})

test('step-ca: a third of a day, and up to a twentieth more', async () => {
  within(await leftOf(60, '24h', '1m', RENEWAL_PRESETS.stepCa), 8 * HOUR, 9.2 * HOUR + 1)
})

test('Linkerd: 7.2 of 24 hours', async () => {
  // Of a leaf of a day it is read with the 20 seconds that its chart adds to both ends.
  expect(await leftOf(1, '24h', '20s', RENEWAL_PRESETS.linkerd)).toEqual([7.2 * HOUR])
})

test('Consul: 7.2 to 28.8 of 72 hours', async () => {
  within(await leftOf(60, '72h', '0s', RENEWAL_PRESETS.consul), 7.2 * HOUR, 28.8 * HOUR + 1)
})

test('nothing in it can be changed', () => {
  expect(Object.isFrozen(RENEWAL_PRESETS)).toBe(true)
  for (const policy of Object.values<RenewalPolicy>({ ...RENEWAL_PRESETS })) {
    expect(Object.isFrozen(policy)).toBe(true)
    if (typeof policy.jitter === 'object') expect(Object.isFrozen(policy.jitter)).toBe(true)
  }
})
