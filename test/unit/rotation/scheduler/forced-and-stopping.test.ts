import { describe, expect, test, vi } from 'vitest'
import type { RotationEvent } from '../../../../src/rotation/scheduler/rotation-event.ts'
import { RotationScheduler } from '../../../../src/rotation/scheduler/rotation-scheduler.ts'
import type { RotationAnswer } from '../../../../src/rotation/scheduler/scheduler-options.ts'
import { expectNothingUnhandled } from '../../../support/unhandled.ts'
import { at, DAY, deferred, HOUR, MINUTE, SECOND, START, schedule, settle } from './support.ts'

expectNothingUnhandled()

const causes = (events: readonly RotationEvent[], cause: string): number[] =>
  events.flatMap((event) =>
    event.type === 'started' && event.cause === cause ? [(event.at.getTime() - START) / SECOND] : [],
  )

describe('forced rotation', () => {
  test('10,000 at 50 a second take 200 s, and nobody’s own time is put off', async () => {
    const { scheduler, clock, events } = schedule({
      concurrency: 4,
      rotate: async () => {
        await Promise.resolve()
        return new Date(clock.time + 30 * DAY)
      },
    })
    for (let i = 0; i < 10_000; i++) scheduler.add(at(DAY + i))
    await settle()
    expect(scheduler.rotateNow('all', { perSecond: 50, reason: 'the key of the root was lost' })).toBe(10_000)
    for (let i = 0; i < 200; i++) scheduler.add(at(i * SECOND + 500))
    await clock.pass(199_979)
    const forced = causes(events, 'forced')
    expect(forced).toHaveLength(9999)
    await clock.pass(1)
    expect(causes(events, 'forced')).toHaveLength(10_000)
    for (const [i, second] of forced.entries()) if (Math.abs(second - i / 50) > 1e-9) expect.unreachable()
    expect(causes(events, 'due')).toEqual(Array.from({ length: 200 }, (_, i) => i + 0.5))
    expect(events.find(({ type }) => type === 'forced')).toEqual({
      type: 'forced',
      at: at(0),
      count: 10_000,
      perSecond: 50,
      reason: 'the key of the root was lost',
    })
    // Each once: none has its old instant still.
    expect(scheduler.nextDue).toEqual(at(30 * DAY))
    await scheduler.close()
  })

  test('where the rate of all is too low for both, those that are due go first', async () => {
    const { scheduler, clock, events } = schedule({
      rate: { perSecond: 1, burst: 1 },
      rotate: () => new Date(clock.time + 30 * DAY),
    })
    for (let i = 0; i < 100; i++) scheduler.add(at(DAY))
    await settle()
    scheduler.rotateNow('all', { perSecond: 100, reason: 'test' })
    for (let i = 0; i < 10; i++) scheduler.add(at(i * 2 * SECOND))
    await clock.pass(19 * SECOND)
    expect(causes(events, 'due')).toEqual([0, 2, 4, 6, 8, 10, 12, 14, 16, 18])
    expect(causes(events, 'forced')).toEqual([1, 3, 5, 7, 9, 11, 13, 15, 17, 19])
    await scheduler.close()
  })

  test('slow workers of forced ones leave a quarter of the places to those that are due', async () => {
    const { scheduler, clock, events } = schedule({ concurrency: 8, rotate: () => new Promise(() => {}) })
    for (let i = 0; i < 20; i++) scheduler.add(at(DAY))
    await settle()
    scheduler.rotateNow('all', { perSecond: 1000, reason: 'test' })
    await clock.pass(SECOND)
    expect([causes(events, 'forced').length, scheduler.running]).toEqual([6, 6])
    const { sleeps } = clock
    await clock.pass(MINUTE)
    expect(clock.sleeps).toBe(sleeps)
    scheduler.add(at(62 * SECOND))
    scheduler.add(at(63 * SECOND))
    await clock.pass(2 * SECOND)
    expect(causes(events, 'due')).toEqual([62, 63])
    await scheduler.close()
  })

  test('what began meanwhile has no second turn; what ran already has one when that is over', async () => {
    const first = deferred<Date>()
    const calls: number[] = []
    const { scheduler, clock } = schedule({
      rotate: (handle) => {
        calls.push(handle)
        return calls.length === 1 ? first.promise : new Date(clock.time + 30 * DAY)
      },
    })
    const ran = scheduler.add(at(0))
    await settle()
    const soon = scheduler.add(at(SECOND))
    const later = scheduler.add(at(DAY))
    const removed = scheduler.add(at(DAY))
    expect(
      scheduler.rotateNow([ran, later, soon, removed, soon, 12_345], { perSecond: 0.5, reason: 'test' }),
    ).toBe(4)
    scheduler.remove(removed)
    await clock.pass(10 * SECOND)
    expect(calls).toEqual([ran, later, soon])
    first.resolve(at(40 * DAY))
    await clock.pass(10 * SECOND)
    expect(calls).toEqual([ran, later, soon, ran])
    await clock.pass(DAY)
    expect(calls).toHaveLength(4)
    await scheduler.close()
  })

  test('one that fails is tried again, no later than it is due', async () => {
    const { scheduler, clock, events } = schedule({ rotate: () => Promise.reject(new Error('no')) })
    scheduler.add(at(30 * SECOND))
    scheduler.add(at(DAY))
    await settle()
    scheduler.rotateNow('all', { perSecond: 100, reason: 'test' })
    await clock.pass(0)
    const retries = events.flatMap((event) => (event.type === 'failed' ? [event.retryAt] : []))
    expect(retries).toEqual([at(30 * SECOND), at(MINUTE)])
    await scheduler.close()
  })

  test('its signal ends it; the others wait until they are due', async () => {
    const { scheduler, clock, events } = schedule({ rotate: () => new Date(clock.time + 30 * DAY) })
    for (let i = 0; i < 10; i++) scheduler.add(at(HOUR))
    await settle()
    const stop = new AbortController()
    scheduler.rotateNow('all', { perSecond: 1, reason: 'test', signal: stop.signal })
    await clock.pass(3 * SECOND)
    stop.abort()
    await clock.pass(HOUR)
    expect(causes(events, 'forced')).toEqual([0, 1, 2, 3])
    expect(causes(events, 'due')).toEqual([3600, 3600, 3600, 3600, 3600, 3600])
    await scheduler.close()
  })

  test('a suspended machine is no reason for a herd', async () => {
    const { scheduler, clock, events } = schedule({ rotate: () => new Date(clock.time + 300 * DAY) })
    for (let i = 0; i < 100; i++) scheduler.add(at(200 * DAY))
    await settle()
    scheduler.rotateNow('all', { perSecond: 1, reason: 'test' })
    await clock.pass(3 * SECOND)
    await clock.jumpTo(START + DAY)
    await clock.pass(2 * SECOND)
    expect(causes(events, 'forced')).toEqual([0, 1, 2, 3, ...[0, 1, 2].map((later) => 86_400 + later)])
    await scheduler.close()
  })
})

describe('changed while its worker runs', () => {
  test('removed: the signal aborts, the answer is ignored, and nobody else is hit', async () => {
    const pending = deferred<Date | undefined>()
    let aborted: unknown
    const { scheduler, clock, events, times } = schedule({
      rotate: (_, { signal }) => {
        signal.addEventListener('abort', () => {
          aborted = signal.reason
        })
        return pending.promise
      },
    })
    const handle = scheduler.add(at(0))
    await settle()
    expect([scheduler.remove(handle), scheduler.remove(handle), scheduler.running]).toEqual([true, false, 0])
    expect(String(aborted)).toMatch(/AbortError: the entry was removed/)
    const next = scheduler.add(at(DAY), { expiresAt: at(2 * DAY) })
    pending.resolve(at(HOUR))
    await clock.pass(2 * HOUR)
    expect([times('succeeded'), times('failed'), scheduler.size, scheduler.nextDue]).toEqual([
      [],
      [],
      1,
      at(DAY),
    ])
    expect(scheduler.has(next)).toBe(true)
    // It has the place of the removed one, and nothing of what became of that.
    await clock.pass(DAY)
    const last = events.filter((event) => event.type === 'started').at(-1)
    expect([last?.handle, last?.attempt, last?.cause]).toEqual([next, 1, 'due'])
    await scheduler.close()
  })

  test.each<[string, (answer: ReturnType<typeof deferred<Date | undefined>>) => void]>([
    ['another instant', (answer) => answer.resolve(at(5 * HOUR))],
    ['that it is done', (answer) => answer.resolve(undefined)],
    ['nothing but a failure', (answer) => answer.reject(new Error('no'))],
  ])('rescheduled: that counts, though the worker answers %s', async (_, answer) => {
    const pending = deferred<Date | undefined>()
    let calls = 0
    const { scheduler, clock, events } = schedule({
      rotate: () => (calls++ === 0 ? pending.promise : undefined),
    })
    const handle = scheduler.add(at(0))
    await settle()
    expect(scheduler.reschedule(handle, at(2 * HOUR))).toBe(true)
    answer(pending)
    await clock.pass(HOUR)
    expect([scheduler.nextDue, calls]).toEqual([at(2 * HOUR), 1])
    await clock.pass(HOUR)
    expect(calls).toBe(2)
    expect(events.filter((event) => event.type === 'started').map(({ attempt }) => attempt)).toEqual([1, 1])
  })

  test.each<[string, Date | undefined, Date]>([
    ['without an end: that of the answer counts', undefined, at(3 * HOUR)],
    ['with an end: that counts', at(4 * HOUR), at(4 * HOUR)],
  ])('rescheduled %s', async (_, given, expected) => {
    const pending = deferred<RotationAnswer>()
    const { scheduler, clock, events } = schedule({ rotate: () => pending.promise })
    const handle = scheduler.add(at(0), { expiresAt: at(HOUR) })
    await settle()
    scheduler.reschedule(handle, at(2 * HOUR), { expiresAt: given })
    pending.resolve({ dueAt: at(DAY), expiresAt: at(3 * HOUR) })
    await clock.pass(SECOND)
    const told = events.find((event) => event.type === 'succeeded')
    expect([told?.dueAt, told?.expiresAt]).toEqual([at(2 * HOUR), expected])
    await scheduler.close()
  })

  test('by the worker itself, and by observers in the middle of everything', async () => {
    const handles: number[] = []
    const called: number[] = []
    const { scheduler, clock } = schedule({
      rotate: (handle) => {
        called.push(handle)
        scheduler.reschedule(handle, at(HOUR), { expiresAt: at(2 * HOUR) })
        return new Date(clock.time + MINUTE)
      },
      onEvent: (event) => {
        if (event.type === 'due' && event.handle === handles[1]) scheduler.remove(event.handle)
        if (event.type === 'started' && event.handle === handles[2]) scheduler.remove(event.handle)
        throw new Error('an observer')
      },
    })
    for (let i = 0; i < 3; i++) handles.push(scheduler.add(at(0)))
    await clock.pass(MINUTE)
    expect([scheduler.size, scheduler.running, scheduler.nextDue]).toEqual([1, 0, at(HOUR)])
    expect(called).toEqual(handles.slice(0, 1))
    await scheduler.close()
  })
})

describe('stopping', () => {
  test('close aborts what runs; entries keep their instants and their failures, and nothing begins', async () => {
    const { scheduler, clock, events } = schedule({
      concurrency: 1,
      rotate: (_, { signal }) =>
        new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
    })
    scheduler.add(at(0))
    scheduler.add(at(0))
    await settle()
    await scheduler.close()
    await scheduler.close()
    expect([scheduler.running, scheduler.size, scheduler.nextDue, clock.sleepers]).toEqual([0, 2, at(0), 0])
    await clock.pass(HOUR)
    expect(events.filter(({ type }) => type === 'failed' || type === 'started')).toHaveLength(1)
    expect(() => scheduler.add(at(0))).toThrow(/after the scheduler was closed/)
    expect(() => scheduler.rotateNow('all', { perSecond: 1, reason: 'x' })).toThrow(
      /after the scheduler was closed/,
    )
    expect(clock.sleepers).toBe(0)
  })

  test('with drain what runs may end, and its answer counts', async () => {
    const pending = deferred<Date | undefined>()
    let signal: { readonly aborted: boolean } | undefined
    const { scheduler, clock } = schedule({
      concurrency: 1,
      rotate: (_, attempt) => {
        signal = attempt.signal
        return pending.promise
      },
    })
    scheduler.add(at(0))
    scheduler.add(at(1))
    await clock.pass(SECOND)
    let over = false
    const closed = scheduler.close({ drain: true }).then(() => {
      over = true
    })
    await clock.pass(MINUTE)
    expect([over, scheduler.running, signal?.aborted]).toEqual([false, 1, false])
    pending.resolve(at(DAY))
    await closed
    await clock.pass(HOUR)
    expect([scheduler.size, scheduler.running, clock.sleepers]).toEqual([2, 0, 0])
  })

  test('a drain lasts no longer than the time limit, and an abort ends it', async () => {
    for (const abort of [false, true]) {
      const stop = new AbortController()
      const { scheduler, clock, times } = schedule({
        signal: stop.signal,
        timeout: '1m',
        rotate: () => new Promise(() => {}),
      })
      scheduler.add(at(0))
      await settle()
      const closed = scheduler.close({ drain: true })
      if (abort) stop.abort(new Error('now'))
      else await clock.pass(MINUTE)
      await closed
      expect([scheduler.running, times('failed')]).toEqual([0, abort ? [] : [60]])
    }
  })

  test('an aborted signal: running workers have its reason, and nothing begins', async () => {
    const stop = new AbortController()
    const reasons: unknown[] = []
    const { scheduler, clock, times } = schedule({
      signal: stop.signal,
      rotate: (_, { signal }) =>
        new Promise((_resolve, reject) =>
          signal.addEventListener('abort', () => {
            reasons.push(signal.reason)
            reject(signal.reason)
          }),
        ),
    })
    scheduler.add(at(0))
    scheduler.add(at(MINUTE))
    await settle()
    const reason = new Error('shut down')
    stop.abort(reason)
    await clock.pass(HOUR)
    expect(reasons).toEqual([reason])
    expect([times('started'), times('failed'), clock.sleepers]).toEqual([[0], [], 0])
    const { scheduler: dead } = schedule({ signal: stop.signal })
    expect(() => dead.add(at(0))).toThrow(/closed/)
    await dead.close()
  })

  test('await using closes it', async () => {
    const { clock, scheduler } = schedule({ rotate: () => new Promise(() => {}) })
    {
      await using used = scheduler
      used.add(at(0))
      await settle()
      expect(used.running).toBe(1)
    }
    expect([scheduler.running, clock.sleepers]).toEqual([0, 0])
  })
})

describe('by the machine’s clock', () => {
  const fake = async (body: (timers: () => number) => Promise<void>): Promise<void> => {
    vi.useFakeTimers({ now: START, toFake: ['setTimeout', 'clearTimeout', 'Date', 'performance'] })
    try {
      await body(() => vi.getTimerCount())
    } finally {
      vi.useRealTimers()
    }
  }
  const drained = async (): Promise<void> => {
    for (let turn = 0; turn < 20; turn++) await Promise.resolve()
  }

  test('one timer, unref’d unless told otherwise, and 90 days are 90 days', async () => {
    for (const unref of [undefined, true, false])
      await fake(async (timers) => {
        const ran: number[] = []
        const set = vi.spyOn(globalThis, 'setTimeout')
        const scheduler = new RotationScheduler({ rotate: () => void ran.push(Date.now()), unref })
        for (let i = 0; i < 1000; i++) scheduler.add(at(90 * DAY + i * DAY))
        await drained()
        expect(timers()).toBe(1)
        const timer: unknown = set.mock.results.at(-1)?.value
        expect(timer).toMatchObject({ hasRef: expect.any(Function) })
        expect((timer as { hasRef(): boolean }).hasRef()).toBe(unref === false)
        await vi.advanceTimersByTimeAsync(90 * DAY - 1)
        expect([ran, timers()]).toEqual([[], 1])
        await vi.advanceTimersByTimeAsync(1)
        expect(ran).toEqual([START + 90 * DAY])
        expect(set.mock.calls.every(([, ms]) => (ms ?? 0) <= HOUR)).toBe(true)
        await scheduler.close()
        expect(timers()).toBe(0)
        set.mockRestore()
      })
  }, 60_000)

  test('a step of the wall clock is seen within a minute, both ways', async () => {
    await fake(async () => {
      const steps: [number, number][] = []
      const ran: number[] = []
      const scheduler = new RotationScheduler({
        rotate: () => void ran.push(Date.now()),
        onEvent: (event) => {
          if (event.type === 'clock-stepped') steps.push([event.at.getTime() - START, event.by])
        },
      })
      scheduler.add(at(DAY))
      scheduler.add(at(10 * DAY))
      await vi.advanceTimersByTimeAsync(10 * SECOND)
      vi.setSystemTime(START + 2 * DAY)
      await vi.advanceTimersByTimeAsync(MINUTE)
      expect(ran).toEqual([START + 2 * DAY + 50 * SECOND])
      expect(steps).toEqual([[2 * DAY + 50 * SECOND, 2 * DAY - 10 * SECOND]])
      vi.setSystemTime(START - DAY)
      await vi.advanceTimersByTimeAsync(MINUTE)
      expect(steps).toHaveLength(2)
      expect(steps[1]?.[1]).toBe(-3 * DAY - MINUTE)
      await vi.advanceTimersByTimeAsync(11 * DAY - MINUTE - 1)
      expect(ran).toHaveLength(1)
      await vi.advanceTimersByTimeAsync(1)
      expect(ran.slice(1)).toEqual([START + 10 * DAY])
      await scheduler.close()
    })
  })

  test('it takes the place of one that cannot sleep', async () => {
    await fake(async (timers) => {
      const ran: number[] = []
      const clock = { now: () => new Date(), sleep: () => Promise.reject(new Error('no')) }
      const scheduler = new RotationScheduler({ clock, rotate: () => void ran.push(Date.now() - START) })
      scheduler.add(at(5 * SECOND))
      await vi.advanceTimersByTimeAsync(5 * SECOND - 1)
      expect([ran, timers()]).toEqual([[], 1])
      await vi.advanceTimersByTimeAsync(1)
      expect([ran, timers()]).toEqual([[5000], 0])
    })
  })

  test('the rate is kept by what has passed, not by what the clock says', async () => {
    await fake(async () => {
      const ran: number[] = []
      const scheduler = new RotationScheduler({
        rotate: () => void ran.push(performance.now()),
        rate: { perSecond: 1, burst: 1 },
      })
      for (let i = 0; i < 5; i++) scheduler.add(new Date(0))
      await vi.advanceTimersByTimeAsync(0)
      for (let i = 0; i < 4; i++) {
        vi.setSystemTime(Date.now() + DAY)
        await vi.advanceTimersByTimeAsync(SECOND)
      }
      expect(ran.map((time) => time - (ran[0] ?? 0))).toEqual([0, 1000, 2000, 3000, 4000])
      await scheduler.close()
    })
  })
})
