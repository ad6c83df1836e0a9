import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { expiryReport } from '../../src/rotation/expiry-report.ts'
import { RENEWAL_PRESETS } from '../../src/rotation/renewal-presets.ts'
import { renewalStatus } from '../../src/rotation/renewal-status.ts'
import { type RenewalPolicy, renewalTime } from '../../src/rotation/renewal-time.ts'
import { nextRetry, retrySchedule } from '../../src/rotation/retry-schedule.ts'
import { at, DAY, HOUR, ID, request, rootCa } from '../unit/ca/support.ts'

const root = await rootCa()
const csr = await request()
const issue = async (lifetime: string, backdate = '2m') =>
  (await root.issueWorkload(csr, { id: ID, lifetime, backdate })).certificate

describe('retries', () => {
  const rules = fc.record({
    life: fc.oneof(fc.integer({ min: 0, max: 600 }), fc.integer({ min: 0, max: 400 * DAY })),
    fraction: fc.double({ min: 0.01, max: 0.99, noNaN: true }),
    interval: fc.integer({ min: 1, max: 2 * HOUR }),
    maxAttempts: fc.integer({ min: 1, max: 40 }),
  })

  test('come closer, never too close, before the end, and not for ever', () => {
    fc.assert(
      fc.property(rules, ({ life, fraction, interval, maxAttempts }) => {
        const options = { until: at(life), fraction, minInterval: `${interval}s` }
        const schedule = retrySchedule({ from: at(0), ...options, maxAttempts })
        expect(schedule.length).toBeLessThanOrEqual(maxAttempts)
        let last = at(0)
        let lastStep = Number.POSITIVE_INFINITY
        for (const attempt of schedule) {
          const step = (attempt.getTime() - last.getTime()) / 1000
          const remains = (at(life).getTime() - last.getTime()) / 1000
          expect(attempt < at(life)).toBe(true)
          expect(step).toBeGreaterThanOrEqual(interval)
          expect(step).toBeLessThanOrEqual(lastStep)
          // Its share of what remained, to a second, or the interval.
          if (step > interval) expect(Math.abs(step - remains * fraction)).toBeLessThanOrEqual(1)
          expect(attempt.getTime() % 1000).toBe(0)
          // A driver that asks after each failure comes to the same.
          expect(nextRetry({ now: last, ...options })).toEqual(attempt)
          last = attempt
          lastStep = step
        }
        // It ends for one of two reasons.
        if (schedule.length < maxAttempts) {
          expect(nextRetry({ now: last, ...options })).toBeUndefined()
          const remains = (at(life).getTime() - last.getTime()) / 1000
          expect(remains <= interval).toBe(true)
        }
      }),
      { numRuns: 2000 },
    )
  })
})

describe('the state of a certificate', () => {
  const policies = fc.oneof(
    fc.constantFrom<RenewalPolicy>(...Object.values<RenewalPolicy>({ ...RENEWAL_PRESETS })),
    fc.record({
      gracePeriodRatio: fc.double({ min: 0.001, max: 0.999, noNaN: true }),
      jitter: fc.record({
        earlier: fc.double({ min: 0, max: 0.5, noNaN: true }),
        later: fc.double({ min: 0, max: 0.5, noNaN: true }),
      }),
    }),
  )

  test('goes from fresh to due to expired once, and says when', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 2, max: 400 * DAY }),
        policies,
        fc.array(fc.double({ min: -0.5, max: 1.5, noNaN: true }), { minLength: 8, maxLength: 8 }),
        async (seconds, policy, instants) => {
          const certificate = await issue(`${seconds}s`)
          const renewAt = renewalTime(certificate, policy)
          const order = ['not-yet-valid', 'fresh', 'due', 'expired']
          let rank = 0
          for (const part of instants.sort((a, b) => a - b)) {
            const now = new Date(at(0).getTime() + Math.round(part * seconds * 1000))
            const status = renewalStatus(certificate, policy, { now })
            expect(order.indexOf(status.state)).toBeGreaterThanOrEqual(rank)
            rank = order.indexOf(status.state)
            expect(status.renewAt).toEqual(renewAt)
            expect(status.waitMs).toBe(Math.max(0, renewAt.getTime() - now.getTime()))
            if (status.state === 'fresh') expect(status.waitMs).toBeGreaterThan(0)
            if (status.state === 'due') expect(status.waitMs).toBe(0)
            for (const retry of status.retries)
              expect(retry > now && retry > renewAt && retry < certificate.notAfter).toBe(true)
            // After the wait it is due: a driver does not turn in a loop.
            const then = new Date(now.getTime() + status.waitMs)
            if (status.state === 'fresh')
              expect(renewalStatus(certificate, policy, { now: then }).state).toBe('due')
          }
        },
      ),
      { numRuns: 200 },
    )
  })

  test('a renewed certificate is never due at once', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 2, max: 30 * DAY }),
        fc.double({ min: 0.01, max: 0.7, noNaN: true }),
        async (seconds, gracePeriodRatio) => {
          const certificate = await issue(`${seconds}s`, '1h')
          const { waitMs } = renewalStatus(certificate, { gracePeriodRatio, backdate: '1h' }, { now: at(0) })
          // What does not remain of its life, to the second.
          expect(Math.abs(waitMs - seconds * 1000 * (1 - gracePeriodRatio))).toBeLessThanOrEqual(1000)
        },
      ),
      { numRuns: 200 },
    )
  })
})

describe('the expiry report', async () => {
  const blocks = await Promise.all(['1h', '2h', '1d', '90d'].map(async (life) => (await issue(life)).toPem()))
  const junk = [
    '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n',
    '-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n',
    '-----BEGIN PKCS7-----\nAAAA\n-----END PKCS7-----\n',
  ]

  test('finds every certificate between whatever else there is, in the order of their ends', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.nat(3), fc.constantFrom('a', 'b', 'c')), { maxLength: 12 }),
        (parts) => {
          const text = parts
            .map((part) => (typeof part === 'number' ? blocks[part] : junk['abc'.indexOf(part)]))
            .join('')
          const report = expiryReport([{ name: 'x', files: { 'x.pem': text } }], { time: at(0) })
          const numbers = parts.filter((part) => typeof part === 'number')
          expect(report.certificates).toHaveLength(new Set(numbers).size)
          expect(report.certificates.flatMap(({ places }) => places)).toHaveLength(numbers.length)
          expect(report.unreadable).toHaveLength(parts.length - numbers.length)
          const places = [...report.certificates.flatMap((entry) => entry.places), ...report.unreadable]
          expect(places.map(({ index }) => index).sort((a, b) => a - b)).toEqual(parts.map((_, i) => i + 1))
          const ends = report.certificates.map(({ notAfter }) => notAfter.getTime())
          expect(ends).toEqual([...ends].sort((a, b) => a - b))
          expect(String(report).split('\n')).toHaveLength(Math.max(1, report.entries.length))
        },
      ),
      { numRuns: 300 },
    )
  })

  test('does not fall over any bytes', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(fc.uint8Array({ maxLength: 64 }), fc.string(), fc.constantFrom(...blocks, ...junk)),
          {
            maxLength: 6,
          },
        ),
        (parts) => {
          const files = Object.fromEntries(parts.map((part, i) => [`f${i}`, part]))
          const data = Object.fromEntries(parts.map((part, i) => [`k${i}`, String(part)]))
          const report = expiryReport(
            [
              { name: 'f', files },
              { name: 's', secret: { data } },
            ],
            { time: at(0) },
          )
          expect(String(report)).not.toMatch(/undefined|\[object/)
        },
      ),
      { numRuns: 300 },
    )
  })
})
