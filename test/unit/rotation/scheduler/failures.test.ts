import { describe, expect, test } from 'vitest'
import { nextRetry } from '../../../../src/rotation/scheduler/next-retry.ts'
import type { RotationAttempt } from '../../../../src/rotation/scheduler/scheduler-options.ts'
import { expectNothingUnhandled } from '../../../support/unhandled.ts'
import { at, DAY, deferred, HOUR, MINUTE, SECOND, START, schedule, settle } from './support.ts'

expectNothingUnhandled()

describe('the default rule', () => {
  test('70 %, 91 % and 97.3 % of what remained, then a minute apart, also past the end', () => {
    const times: number[] = []
    let now = START
    for (let attempt = 1; attempt <= 8; attempt++) {
      now = nextRetry(attempt, now, START + HOUR)
      times.push((now - START) / SECOND)
    }
    // 42 m; 18 m remain, 54 m 36 s; 5 m 24 s remain, 58 m 22.8 s; 97.2 s remain, and 70 % of that is 68.04 s; 29.16 s remain.
    expect(times).toEqual([2520, 3276, 3502.8, 3570.84, 3630.84, 3690.84, 3750.84, 3810.84])
  })

  test('no more than a day away: ten years of a root are no reason to wait for seven', () => {
    expect(nextRetry(1, START, START + 3650 * DAY)).toBe(START + DAY)
    expect(nextRetry(1, START, START + DAY)).toBe(START + 16.8 * HOUR)
  })

  test('without an end one minute, two, four, up to an hour', () => {
    const waits = [1, 2, 3, 6, 7, 50, 16_384].map(
      (attempt) => (nextRetry(attempt, START, undefined) - START) / MINUTE,
    )
    expect(waits).toEqual([1, 2, 4, 32, 60, 60, 60])
  })
})

describe('a worker that fails', () => {
  test('loses nothing: the attempts are counted, told and tried again, and a success begins anew', async () => {
    const secret = 'https://user:hunter2@ca.example/'
    const attempts: [number, string][] = []
    const { scheduler, clock, events, times } = schedule({
      rotate: (_, { attempt, cause }) => {
        attempts.push([attempt, cause])
        if (attempts.length <= 3) throw Object.assign(new RangeError(secret), { code: 'E_CA' })
        return attempts.length === 4 ? new Date(clock.time + HOUR) : undefined
      },
    })
    scheduler.add(at(0))
    await clock.pass(2 * HOUR)
    expect(attempts).toEqual([
      [1, 'due'],
      [2, 'retry'],
      [3, 'retry'],
      [4, 'retry'],
      [1, 'due'],
    ])
    expect(times('started')).toEqual([0, 60, 180, 420, 4020])
    expect(times('due')).toEqual([0, 4020])
    const failed = events.filter((event) => event.type === 'failed')
    expect(failed.map(({ attempt, retryAt, label }) => [attempt, retryAt, label])).toEqual([
      [1, at(MINUTE), 'RangeError E_CA'],
      [2, at(3 * MINUTE), 'RangeError E_CA'],
      [3, at(7 * MINUTE), 'RangeError E_CA'],
    ])
    expect(failed[0]?.error).toBeInstanceOf(RangeError)
    // The value is as it was thrown; nothing else says what is in it.
    expect(JSON.stringify(events.map((event) => ({ ...event, error: undefined })))).not.toContain('hunter2')
    expect(scheduler.size).toBe(0)
  })

  test.each<[string, unknown, RegExp]>([
    ['an invalid Date', new Date(Number.NaN), /the instant that rotate\(\) answered is an invalid Date/],
    ['a number', 5, /rotate\(\) must answer the next instant as a Date.*got number/],
    ['null', null, /got null/],
    ['an object without an instant', { due: at(HOUR) }, /got object/],
    ['an invalid end', { dueAt: at(HOUR), expiresAt: new Date(Number.NaN) }, /expiresAt.*invalid Date/],
    [
      'what throws when it is read',
      {
        get dueAt() {
          throw new Error('getter')
        },
      },
      /getter/,
    ],
    ['now: it would be renewed for ever', at(0), /would be renewed for ever/],
    [
      'the past',
      at(-HOUR),
      /2025-12-31T23:00:00.000Z as the next instant, and it is 2026-01-01T00:00:00.000Z now/,
    ],
    ['less than a second from now', at(999), /would be renewed for ever/],
  ])('as one that answers %s', async (_, answer, says) => {
    const { scheduler, clock, events } = schedule({ rotate: () => answer as Date })
    const handle = scheduler.add(at(0))
    await clock.pass(0)
    const [failed] = events.filter((event) => event.type === 'failed')
    expect(String(failed?.error)).toMatch(says)
    expect(failed?.retryAt).toEqual(at(MINUTE))
    expect(scheduler.has(handle)).toBe(true)
    await scheduler.close()
  })

  test.each<[string, unknown]>([
    ['a Date', at(SECOND)],
    ['an object with a Date', { dueAt: at(SECOND) }],
    ['an object with an end', { dueAt: at(SECOND), expiresAt: at(2 * SECOND) }],
  ])('not as one that answers %s a second from now', async (_, answer) => {
    const { scheduler, clock, times } = schedule({ rotate: () => answer as Date })
    scheduler.add(at(0))
    await clock.pass(0)
    expect([times('failed'), times('succeeded'), scheduler.nextDue]).toEqual([[], [0], at(SECOND)])
    await scheduler.close()
  })

  test('one that hangs is given up after its time, its signal aborted and its late answer ignored', async () => {
    const pending = deferred<Date | undefined>()
    let told: RotationAttempt | undefined
    const { scheduler, clock, events, times } = schedule({
      timeout: '30s',
      concurrency: 1,
      rotate: (_, attempt) => {
        if (attempt.attempt > 1) return undefined
        told = attempt
        return pending.promise
      },
    })
    const handle = scheduler.add(at(0))
    await clock.pass(30 * SECOND - 1)
    expect([scheduler.running, told?.signal.aborted]).toEqual([1, false])
    await clock.pass(1)
    expect([scheduler.running, told?.signal.aborted]).toEqual([0, true])
    const [failed] = events.filter((event) => event.type === 'failed')
    expect([failed?.label, String(failed?.error)]).toEqual([
      'TimeoutError',
      expect.stringMatching(/took longer than 30s, the option "timeout"/),
    ])
    pending.resolve(undefined)
    await settle()
    expect(scheduler.has(handle)).toBe(true)
    await clock.pass(MINUTE)
    expect([times('started'), times('succeeded')]).toEqual([[0, 90], [90]])
  })

  test('many that hang leave after their time, whenever each began', async () => {
    const { scheduler, clock, times } = schedule({ timeout: '10s', rotate: () => new Promise(() => {}) })
    for (const second of [0, 3, 4]) scheduler.add(at(second * SECOND))
    await clock.pass(20 * SECOND)
    expect(times('failed')).toEqual([10, 13, 14])
    expect([scheduler.size, clock.most]).toEqual([3, 1])
    await scheduler.close()
  })
})

describe('the rule of the caller', () => {
  test('is asked with what is known', async () => {
    const error = new Error('no')
    const asked: unknown[] = []
    const { scheduler, clock, times } = schedule({
      rotate: () => Promise.reject(error),
      retry: (handle, failed) => {
        asked.push([handle, failed])
        return new Date(failed.now.getTime() + 5 * SECOND)
      },
    })
    const handle = scheduler.add(at(0), { expiresAt: at(DAY + 400) })
    await clock.pass(5 * SECOND)
    expect(asked).toEqual([
      [handle, { attempt: 1, error, now: at(0), expiresAt: at(DAY) }],
      [handle, { attempt: 2, error, now: at(5 * SECOND), expiresAt: at(DAY) }],
    ])
    expect(times('started')).toEqual([0, 5])
    await scheduler.close()
  })

  test('may remove the entry: that is giving up', async () => {
    const { scheduler, clock, times } = schedule({
      rotate: () => Promise.reject(new Error('no')),
      retry: (handle, { now }) => {
        scheduler.remove(handle)
        return now
      },
    })
    scheduler.add(at(0), { expiresAt: at(MINUTE) })
    await clock.pass(HOUR)
    expect([scheduler.size, scheduler.nextDue, times('failed'), times('expired')]).toEqual([
      0,
      undefined,
      [],
      [],
    ])
  })

  test.each<[string, () => unknown, number]>([
    ['answers nothing', () => undefined, 60],
    [
      'throws',
      () => {
        throw new Error('no')
      },
      60,
    ],
    ['answers no instant', () => new Date(Number.NaN), 60],
    ['answers a number', () => 7, 60],
    ['answers the past, has it a second later', () => new Date(0), 1],
  ])('one that %s loses nothing', async (_, retry, seconds) => {
    const { scheduler, clock, times } = schedule({
      rotate: () => Promise.reject(new Error('no')),
      retry: () => retry() as Date,
    })
    scheduler.add(at(0))
    await clock.pass(seconds * SECOND)
    expect(times('started')).toEqual([0, seconds])
    await scheduler.close()
  })
})

describe('the end', () => {
  test('is told once, when it passes, and attempts go on each minute', async () => {
    const { scheduler, clock, events, times } = schedule({ rotate: () => Promise.reject(new Error('no')) })
    const handle = scheduler.add(at(30 * MINUTE), { expiresAt: at(HOUR) })
    await clock.pass(HOUR - 1)
    expect(times('expired')).toEqual([])
    await clock.pass(10 * MINUTE)
    // At 30 m; 70 % of the rest later, 51 m; 57 m 18 s; 59 m 11.4 s; a minute on.
    expect(times('started').slice(0, 6)).toEqual([1800, 3060, 3438, 3551.4, 3611.4, 3671.4])
    expect(events.filter((event) => event.type === 'expired')).toEqual([
      { type: 'expired', handle, at: at(HOUR), expiresAt: at(HOUR), failures: 4 },
    ])
    await clock.pass(DAY)
    expect(times('expired')).toEqual([3600])
    expect(times('started')).toHaveLength(4 + Math.floor((DAY + 10 * MINUTE - 11_400 - 1) / MINUTE) + 1)
    await scheduler.close()
  })

  test('is not told where it was renewed before, and the next end counts', async () => {
    const { scheduler, clock, times } = schedule({
      rotate: (_, { dueAt }) =>
        clock.time < START + 5 * HOUR
          ? { dueAt: new Date(dueAt.getTime() + HOUR), expiresAt: new Date(dueAt.getTime() + 2 * HOUR) }
          : Promise.reject(new Error('no')),
    })
    scheduler.add(at(HOUR), { expiresAt: at(2 * HOUR) })
    await clock.pass(7 * HOUR)
    expect(times('succeeded')).toEqual([3600, 7200, 10_800, 14_400])
    expect(times('expired')).toEqual([21_600])
    await scheduler.close()
  })

  test('a worker that answers no end has none', async () => {
    const { scheduler, clock, times } = schedule({
      rotate: (_, { dueAt }) => new Date(dueAt.getTime() + DAY),
    })
    scheduler.add(at(0), { expiresAt: at(HOUR) })
    await clock.pass(2 * DAY)
    expect([times('started'), times('expired')]).toEqual([[0, 86_400, 172_800], []])
    await scheduler.close()
  })

  test('is told of an entry whose worker runs, of one that waits, and of one that is due after it', async () => {
    const { scheduler, clock, events } = schedule({
      concurrency: 1,
      timeout: '1d',
      rotate: (_, { signal }) =>
        new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
    })
    const late = scheduler.add(at(2 * HOUR), { expiresAt: at(20 * MINUTE) })
    const runs = scheduler.add(at(0), { expiresAt: at(10 * MINUTE) })
    const waits = scheduler.add(at(MINUTE), { expiresAt: at(30 * MINUTE) })
    const gone = scheduler.add(at(-MINUTE), { expiresAt: at(-HOUR) })
    await clock.pass(HOUR)
    const expired = events.filter((event) => event.type === 'expired').map(({ handle, at }) => [handle, at])
    // The earliest has the place, and is over before it began.
    expect(expired.slice(0, 1)).toEqual([[gone, at(0)]])
    expect(expired).toContainEqual([late, at(20 * MINUTE)])
    // Those who wait are looked at each minute.
    const [, told] = expired.find(([handle]) => handle === waits) ?? []
    expect(Number(told)).toBeGreaterThanOrEqual(START + 30 * MINUTE)
    expect(Number(told)).toBeLessThanOrEqual(START + 31 * MINUTE)
    expect(expired.filter(([handle]) => handle === runs)).toHaveLength(1)
    expect(expired).toHaveLength(4)
    scheduler.remove(gone)
    await settle()
    expect(scheduler.running).toBe(1)
    await scheduler.close()
  })

  test('exactly when it passes where the worker runs', async () => {
    const { scheduler, clock, times } = schedule({ timeout: '1d', rotate: () => new Promise(() => {}) })
    scheduler.add(at(0), { expiresAt: at(10 * MINUTE) })
    scheduler.add(at(5), { expiresAt: at(7 * MINUTE) })
    const third = scheduler.add(at(7))
    await clock.pass(SECOND)
    scheduler.reschedule(third, at(DAY), { expiresAt: at(3 * MINUTE) })
    await clock.pass(HOUR)
    expect(times('expired')).toEqual([180, 420, 600])
    await scheduler.close()
  })

  test('exactly when it passes where one worker runs', async () => {
    const { scheduler, clock, times } = schedule({ timeout: '1d', rotate: () => new Promise(() => {}) })
    scheduler.add(at(0), { expiresAt: at(10 * MINUTE) })
    await clock.pass(HOUR)
    expect(times('expired')).toEqual([600])
    await scheduler.close()
  })

  test('beyond 2106 and before 1970 it is what was given', async () => {
    const seen: (Date | undefined)[] = []
    const { scheduler, clock } = schedule({ rotate: (_, { expiresAt }) => void seen.push(expiresAt) })
    const ends = [
      '9999-12-31T23:59:59Z',
      '2106-02-07T06:28:14Z',
      '2106-02-07T06:28:15Z',
      '1969-12-31T23:59:59Z',
      '1970-01-01T00:00:00Z',
    ]
    for (const [index, end] of ends.entries()) scheduler.add(at(index), { expiresAt: new Date(end) })
    await clock.pass(SECOND)
    expect(new Set(seen)).toEqual(new Set(ends.map((end) => new Date(end))))
    expect(seen).toHaveLength(5)
  })
})
