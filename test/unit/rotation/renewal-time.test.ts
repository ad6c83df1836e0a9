import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type RenewalPolicy, renewalTime } from '../../../src/rotation/index.ts'
import { Certificate } from '../../../src/x509/index.ts'
import { at, clockAt, DAY, HOUR, ID, MINUTE, request, rootCa } from '../ca/support.ts'

const root = await rootCa()
const issue = async (lifetime: string, backdate = '2m') =>
  (await root.issueWorkload(await request(), { id: ID, lifetime, backdate })).certificate
const hour = await issue('1h')
const day = await issue('24h')

describe('the fraction that remains', () => {
  // mesh-contracts §6.4: Istio's agent, created now, expires in an hour; Gloo's examples.
  test.each([
    [hour, 0.5, 30 * MINUTE],
    [hour, 0.25, 45 * MINUTE],
    [hour, 0.75, 15 * MINUTE],
    [hour, 0.1, 54 * MINUTE],
    [day, 0.5, 12 * HOUR],
    [day, 0.1, DAY - 2.4 * HOUR],
  ])('%#: ratio %d', (certificate, gracePeriodRatio, seconds) => {
    expect(renewalTime(certificate, { gracePeriodRatio })).toEqual(at(seconds))
  })

  test('of a year at 0.1 is 36.5 days', async () => {
    expect(renewalTime(await issue('365d'), { gracePeriodRatio: 0.1 })).toEqual(at(328.5 * DAY))
  })

  test('counts from issuance, not from a notBefore that lies before it', async () => {
    const short = await issue('1m')
    expect(renewalTime(short, { gracePeriodRatio: 0.5 })).toEqual(at(30))
    // Taken for the beginning, notBefore would make it due before it was issued.
    expect(renewalTime(short, { gracePeriodRatio: 0.5, backdate: '0s' })).toEqual(at(-30))
    expect(renewalTime(await issue('1m', '1h'), { gracePeriodRatio: 0.5, issuedAt: at(0) })).toEqual(at(30))
  })
})

describe('a time before the end', () => {
  test('as it is', () => expect(renewalTime(day, { renewBefore: '6h' })).toEqual(at(18 * HOUR)))
  test('of a certificate that lives no longer: when a third remains, not at once', () => {
    expect(renewalTime(hour, { renewBefore: '1h' })).toEqual(at(40 * MINUTE))
    expect(renewalTime(hour, { renewBefore: '59m' })).toEqual(at(MINUTE))
  })
})

describe('jitter', () => {
  test('follows from SHA-256 of the serial number', () => {
    const serial = Buffer.from(day.serialNumber, 'hex')
    const unit = createHash('sha256').update(serial).digest().readUIntBE(0, 6) / 2 ** 48
    const ratio = 0.5 + 0.1 * (2 * unit - 1)
    const expected = Math.floor((day.notAfter.getTime() - ratio * DAY * 1000) / 1000) * 1000
    const policy = { gracePeriodRatio: 0.5, jitter: 0.1 }
    expect(renewalTime(day, policy).getTime()).toBe(expected)
    // After a restart, from other bytes of the same certificate, it is the same.
    expect(renewalTime(day.toPem(), policy)).toEqual(renewalTime(Certificate.fromDer(day.der), policy))
  })

  test('spreads a fleet over the whole range', async () => {
    const buckets = new Set<number>()
    for (let i = 0; i < 200; i++) {
      const due = renewalTime(await issue('24h'), { gracePeriodRatio: 0.5, jitter: 0.5 })
      buckets.add(Math.floor((due.getTime() - at(0).getTime()) / (DAY * 100)))
    }
    // Ten buckets of a tenth of a day: that one stays empty has a chance of 10 × 0.9^200.
    expect([...buckets].sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  })
})

describe('jitter one way', () => {
  const unitOf = (serialNumber: string): number =>
    createHash('sha256').update(Buffer.from(serialNumber, 'hex')).digest().readUIntBE(0, 6) / 2 ** 48

  test.each([
    [{ earlier: 0.1 }, 0.1, 0],
    [{ later: 0.2 }, 0, 0.2],
    [{ earlier: 0.3, later: 0.1 }, 0.3, 0.1],
    [{}, 0, 0],
  ])('%j', (jitter, earlier, later) => {
    const u = unitOf(day.serialNumber)
    // From `earlier` before the middle to `later` after it, in seconds of a day.
    const seconds = Math.floor(DAY * (0.5 - (earlier * u - later * (1 - u))))
    const due = renewalTime(day, { gracePeriodRatio: 0.5, jitter })
    expect(Math.abs(due.getTime() - at(seconds).getTime())).toBeLessThanOrEqual(1000)
    expect(due >= at((0.5 - earlier) * DAY) && due <= at((0.5 + later) * DAY)).toBe(true)
  })

  test('of the same amount both ways is a number', () => {
    const both = renewalTime(day, { gracePeriodRatio: 0.5, jitter: { earlier: 0.125, later: 0.125 } })
    expect(both).toEqual(renewalTime(day, { gracePeriodRatio: 0.5, jitter: 0.125 }))
  })
})

describe('the most that remains', async () => {
  const year = await issue('365d')
  test('limits a ratio of a long life, and leaves that of a short one', () => {
    expect(renewalTime(year, { gracePeriodRatio: 0.5, maxRenewBefore: '30d' })).toEqual(at(335 * DAY))
    expect(renewalTime(day, { gracePeriodRatio: 0.5, maxRenewBefore: '30d' })).toEqual(at(12 * HOUR))
    expect(renewalTime(day, { gracePeriodRatio: 0.5, maxRenewBefore: '12h' })).toEqual(at(12 * HOUR))
    expect(renewalTime(day, { gracePeriodRatio: 0.5, maxRenewBefore: '11h59m59s' })).toEqual(
      at(12 * HOUR + 1),
    )
  })
  test('keeps jitter in proportion, so that it does not reach the end', () => {
    const due = renewalTime(year, { gracePeriodRatio: 0.5, maxRenewBefore: '30d', jitter: 0.05 })
    // A twentieth of the 60 days of which 30 are half.
    expect(due >= at((335 - 3) * DAY) && due <= at((335 + 3) * DAY)).toBe(true)
  })
})

test('it is never before issuance and always before the end', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 400 * DAY }),
      fc.constantFrom('0s', '2m', '1h'),
      fc.oneof(
        fc
          .double({ min: 0.0001, max: 0.9999, noNaN: true })
          .map((gracePeriodRatio): RenewalPolicy => ({ gracePeriodRatio })),
        fc.record({ ratio: fc.double({ min: 0.0001, max: 0.9999, noNaN: true }), days: fc.nat(60) }).map(
          ({ ratio, days }): RenewalPolicy => ({
            gracePeriodRatio: ratio,
            maxRenewBefore: `${days + 1}d`,
          }),
        ),
        fc
          .integer({ min: 1, max: 500 * DAY })
          .map((seconds): RenewalPolicy => ({ renewBefore: `${seconds}s` })),
      ),
      fc.oneof(
        fc.double({ min: 0, max: 0.5, noNaN: true }),
        fc.record({
          earlier: fc.double({ min: 0, max: 0.5, noNaN: true }),
          later: fc.double({ min: 0, max: 0.5, noNaN: true }),
        }),
      ),
      async (seconds, backdate, policy, jitter) => {
        const certificate = await issue(`${seconds}s`, backdate)
        const due = renewalTime(certificate, { ...policy, jitter, backdate })
        expect(due >= at(0)).toBe(true)
        expect(due < certificate.notAfter).toBe(true)
        expect(due.getTime() % 1000).toBe(0)
      },
    ),
    { numRuns: 300 },
  )
})

test('a certificate that was cut short by its CA counts by what it has', async () => {
  const brief = await rootCa({ lifetime: '10m', clock: clockAt() })
  const { certificate } = await brief.issueWorkload(await request(), { id: ID, lifetime: '24h' })
  expect(renewalTime(certificate, { gracePeriodRatio: 0.5 })).toEqual(at(5 * MINUTE))
})

describe('misuse', () => {
  test.each<[unknown, RegExp]>([
    [{}, /needs one of/],
    [{ gracePeriodRatio: 0.5, renewBefore: '1h' }, /needs one of/],
    [{ gracePeriodRatio: 0 }, /between 0 and 1; got 0/],
    [{ gracePeriodRatio: 1 }, /between 0 and 1; got 1/],
    [{ gracePeriodRatio: 1.5 }, /from 0 to 1/],
    [{ gracePeriodRatio: Number.NaN }, /from 0 to 1/],
    [{ gracePeriodRatio: '0.5' }, /must be a number; got string/],
    [{ gracePeriodRatio: 0.5, jitter: 0.6 }, /"jitter" must be from 0 to 0\.5/],
    [{ gracePeriodRatio: 0.5, jitter: '0.1' }, /"jitter" must be a number; got string/],
    [{ gracePeriodRatio: 0.5, jitter: [] }, /option "jitter" takes an options object; got an array/],
    [{ gracePeriodRatio: 0.5, jitter: { earlier: 0.6 } }, /"jitter\.earlier" must be from 0 to 0\.5/],
    [{ gracePeriodRatio: 0.5, jitter: { later: '1' } }, /"jitter\.later" must be a number/],
    [{ gracePeriodRatio: 0.5, jitter: { late: 0.1 } }, /has no option "late"/],
    [{ gracePeriodRatio: 0.5, maxRenewBefore: '0s' }, /"maxRenewBefore" must be longer than zero/],
    [{ renewBefore: '1h', maxRenewBefore: '1h' }, /"maxRenewBefore" limits what a "gracePeriodRatio"/],
    [{ renewBefore: 3600 }, /"renewBefore" must be a duration/],
    [{ gracePeriodRatio: 0.5, issuedAt: 'now' }, /"issuedAt" must be a Date/],
    [{ graceRatio: 0.5 }, /renewalTime has no option "graceRatio"/],
  ])('%j', (policy, message) => {
    expect(() => renewalTime(day, policy as RenewalPolicy)).toThrow(message)
  })
})
