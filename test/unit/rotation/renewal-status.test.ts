import { describe, expect, test } from 'vitest'
import { renewalStatus } from '../../../src/rotation/renewal-status.ts'
import { at, DAY, HOUR, ID, MINUTE, request, rootCa } from '../ca/support.ts'

const root = await rootCa()
const { certificate } = await root.issueWorkload(await request(), { id: ID, lifetime: '1h' })
const policy = { gracePeriodRatio: 0.5 }
const later = (seconds: number, milliseconds = 0): Date => new Date(at(seconds).getTime() + milliseconds)

describe('the state', () => {
  test.each([
    [at(-2 * MINUTE - 1), 'not-yet-valid', 32 * MINUTE + 1],
    [at(-2 * MINUTE), 'fresh', 32 * MINUTE],
    [at(30 * MINUTE - 1), 'fresh', 1],
    [later(30 * MINUTE, -1), 'fresh', 0.001],
    [at(30 * MINUTE), 'due', 0],
    [at(HOUR), 'due', 0],
    // The last second is inside to its end (RFC 5280 §4.1.2.5).
    [later(HOUR, 999), 'due', 0],
    [at(HOUR + 1), 'expired', 0],
    [at(DAY), 'expired', 0],
  ])('at %s: %s', (now, state, seconds) => {
    const status = renewalStatus(certificate, policy, { now })
    expect(status.state).toBe(state)
    expect(status.waitMs).toBe(seconds * 1000)
    expect(status.renewAt).toEqual(at(30 * MINUTE))
    expect(status.expiresAt).toEqual(at(HOUR))
  })
})

describe('the attempts after a failure', () => {
  // From the middle: 1800 × 0.7 = 1260, 540 × 0.7 = 378, 162 × 0.7 = 113.4, then 49 seconds remain, less than a minute.
  const all = [3060, 3438, 3551].map((seconds) => at(seconds))
  test.each([
    [at(0), all],
    [at(30 * MINUTE), all],
    [at(3059), all],
    [at(3060), all.slice(1)],
    [at(3550), all.slice(2)],
    [at(3551), []],
    [at(DAY), []],
  ])('at %s', (now, retries) => {
    expect(renewalStatus(certificate, policy, { now }).retries).toEqual(retries)
  })
})

test('without a time it is now', () => {
  // Certificates of 2026 and an hour: whatever the clock of this machine says, it is one of the two ends.
  const { state } = renewalStatus(certificate, policy)
  const now = Date.now()
  if (now > at(HOUR + 1).getTime()) expect(state).toBe('expired')
  else if (now < at(-DAY).getTime()) expect(state).toBe('not-yet-valid')
})

test.each<[unknown, RegExp]>([
  [{ now: 'now' }, /"now" must be a valid Date; got string/],
  [{ now: new Date(Number.NaN) }, /"now" must be a valid Date; got an invalid one/],
  [{ time: at(0) }, /renewalStatus has no option "time"/],
])('misuse: %j', (options, message) => {
  expect(() => renewalStatus(certificate, policy, options as { now: Date })).toThrow(message)
})
