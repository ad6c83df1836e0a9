import { describe, expect, test } from 'vitest'
import { EntryTable } from '../../../../src/rotation/scheduler/entry-table.ts'
import { RotationScheduler } from '../../../../src/rotation/scheduler/rotation-scheduler.ts'
import { manualClock } from '../../../../src/testing/index.ts'
import { expectNothingUnhandled } from '../../../support/unhandled.ts'
import { at, CountingClock, DAY, HOUR, MINUTE, SECOND, START, schedule, settle } from './support.ts'

expectNothingUnhandled()

describe('when', () => {
  test('each at its instant, not a millisecond before, and again when its worker says', async () => {
    const calls: [number, number][] = []
    const { clock, scheduler } = schedule({
      rotate: (handle, { dueAt }) => {
        calls.push([handle, clock.time - START])
        return new Date(dueAt.getTime() + 10 * SECOND)
      },
    })
    const b = scheduler.add(at(2500))
    const a = scheduler.add(at(1001))
    expect(scheduler.nextDue).toEqual(at(1001))
    await clock.pass(1000)
    expect(calls).toEqual([])
    await clock.pass(1)
    expect(calls).toEqual([[a, 1001]])
    await clock.pass(11_499)
    expect(calls).toEqual([
      [a, 1001],
      [b, 2500],
      [a, 11_001],
      [b, 12_500],
    ])
    expect([scheduler.size, scheduler.running, scheduler.has(a), scheduler.nextDue]).toEqual([
      2,
      0,
      true,
      at(21_001),
    ])
  })

  test('a past instant is due at once, but never within the call', async () => {
    const { clock, scheduler, times } = schedule()
    const handle = scheduler.add(new Date(0))
    expect([scheduler.running, scheduler.size]).toEqual([0, 1])
    await settle()
    expect(times('started')).toEqual([0])
    expect(times('succeeded')).toEqual([0])
    expect([scheduler.has(handle), scheduler.size, clock.sleepers]).toEqual([false, 0, 0])
  })

  test('30 days, by the manual clock of the library: beyond what a timer can be set for', async () => {
    const clock = manualClock(at(0))
    const ran: Date[] = []
    const scheduler = new RotationScheduler({
      clock,
      rotate: (_, { dueAt }) => {
        ran.push(clock.now())
        return new Date(dueAt.getTime() + 25 * DAY)
      },
    })
    scheduler.add(at(30 * DAY))
    await clock.run('29d23h59m59s')
    expect(ran).toEqual([])
    await clock.run('1d1s')
    expect(ran).toEqual([at(30 * DAY)])
    expect([scheduler.nextDue, clock.sleepers]).toEqual([at(55 * DAY), 1])
    await scheduler.close()
    expect(clock.sleepers).toBe(0)
  })

  test('years ahead, with one sleep an hour and never two', async () => {
    const { clock, scheduler, times } = schedule()
    scheduler.add(at(800 * DAY))
    await clock.pass(800 * DAY - 1)
    expect(times('started')).toEqual([])
    await clock.pass(1)
    expect(times('started')).toEqual([(800 * DAY) / SECOND])
    // And one for the time limit of the worker.
    expect([clock.most, clock.sleeps]).toEqual([1, 800 * 24 + 1])
    expect(times('clock-stepped')).toEqual([])
  })

  test('an instant as far as dates go is kept as it is', () => {
    const { scheduler } = schedule()
    scheduler.add(new Date(8.64e15), { expiresAt: new Date('9999-12-31T23:59:59Z') })
    expect(scheduler.nextDue?.getTime()).toBe(Date.parse('9999-12-31T23:59:59Z'))
    scheduler.add(new Date('9999-01-01T00:00:00Z'), { expiresAt: new Date('9999-12-31T23:59:59Z') })
    expect(scheduler.nextDue).toEqual(new Date('9999-01-01T00:00:00Z'))
  })
})

describe('a million entries', () => {
  test('have 23 bytes each, and a twenty-fourth of it spare at most', () => {
    const table = new EntryTable()
    for (let i = 0; i < 1_000_000; i++) table.add(START + i, START + 2 * i)
    expect(table.size).toBe(1_000_000)
    expect(table.byteLength / 1_000_000).toBeLessThanOrEqual(24)
    expect(table.byteLength / 1_000_000).toBeGreaterThanOrEqual(23)
  })

  test('are rotated in order, with one timer', async () => {
    let last = 0
    let count = 0
    const { clock, scheduler } = schedule({
      onEvent: undefined,
      concurrency: 1,
      rotate: (_, { dueAt }) => {
        if (dueAt.getTime() < last || dueAt.getTime() > clock.time) expect.unreachable()
        last = dueAt.getTime()
        count++
        return undefined
      },
    })
    // A step that shares no factor with a million visits every second of eleven and a half days once, in no order.
    for (let i = 0; i < 1_000_000; i++) scheduler.add(at(((i * 617_411) % 1_000_000) * SECOND))
    await settle()
    expect([scheduler.size, clock.sleepers, count]).toEqual([999_999, 1, 1])
    await clock.jumpTo(START + DAY)
    while (count < 86_401) await settle()
    await settle()
    // That all come in order is shown of the heap.
    expect([count, scheduler.size, scheduler.nextDue]).toEqual([86_401, 913_599, at(DAY + SECOND)])
    expect([clock.most, clock.sleepers]).toEqual([1, 1])
    await scheduler.close()
  })

  test('that answer at once leave the event loop its turns', async () => {
    let turns = 0
    let ran = 0
    const { scheduler } = schedule({ rotate: () => void ran++ })
    for (let i = 0; i < 20_000; i++) scheduler.add(at(0))
    while (ran < 20_000) {
      await new Promise((resolve) => setImmediate(resolve))
      turns++
    }
    // 1,024 begin in each turn.
    expect(turns).toBeGreaterThanOrEqual(19)
  })
})

describe('a clock that jumps', () => {
  test('forward: all that is overdue runs, by the rate, and it is told by how much', async () => {
    const { clock, scheduler, events, times } = schedule({ rate: { perSecond: 2, burst: 1 } })
    for (let i = 1; i <= 5; i++) scheduler.add(at(i * MINUTE))
    scheduler.add(at(3 * DAY))
    await settle()
    await clock.jumpTo(START + DAY)
    await clock.pass(10 * SECOND)
    // The sleep was until the first was due.
    expect(events.filter(({ type }) => type === 'clock-stepped')).toEqual([
      { type: 'clock-stepped', at: at(DAY), by: DAY - MINUTE },
    ])
    expect(times('started')).toEqual([0, 0.5, 1, 1.5, 2].map((later) => DAY / SECOND + later))
    expect(scheduler.size).toBe(1)
  })

  test('back: nothing runs twice, nothing is lost, and what is added then is in time', async () => {
    const { clock, scheduler, events, times } = schedule({
      rotate: (_, { dueAt }) => new Date(dueAt.getTime() + HOUR),
    })
    scheduler.add(at(HOUR))
    await clock.pass(HOUR)
    expect(times('started')).toEqual([3600])
    await clock.jumpTo(START - 10 * DAY)
    const early = scheduler.add(at(-9 * DAY))
    await clock.pass(DAY)
    expect(events.filter(({ type }) => type === 'clock-stepped')).toEqual([
      { type: 'clock-stepped', at: at(-10 * DAY), by: -10 * DAY - HOUR },
    ])
    expect(times('started')).toEqual([3600, (-9 * DAY) / SECOND])
    scheduler.remove(early)
    await clock.pass(9 * DAY + 2 * HOUR - 1)
    expect(times('started')).toHaveLength(2)
    await clock.pass(1)
    expect(times('started').slice(2)).toEqual([7200])
  })

  test('a second is no step, more is one', async () => {
    const { clock, scheduler, times } = schedule()
    scheduler.add(at(3 * HOUR))
    await settle()
    await clock.jumpTo(START + HOUR + SECOND)
    expect(times('clock-stepped')).toEqual([])
    await clock.jumpTo(START + 2 * HOUR + SECOND + 1001)
    expect(times('clock-stepped')).toEqual([7202.001])
  })

  test('a step fills no bucket: the sleep was until the next token, and only that is there', async () => {
    const { clock, scheduler, times } = schedule({ rate: { perSecond: 1 / 600, burst: 3 } })
    for (let i = 0; i < 6; i++) scheduler.add(at(0))
    await settle()
    expect(times('started')).toEqual([0, 0, 0])
    // Those who wait are looked at each minute, so a minute has passed; the rest was a step.
    await clock.jumpTo(START + 2 * DAY)
    expect(times('started')).toHaveLength(3)
    await clock.pass(9 * MINUTE)
    expect(times('started').slice(3)).toEqual([(2 * DAY + 9 * MINUTE) / SECOND])
  })

  test('a step uses up nobody’s time', async () => {
    const { clock, scheduler, times } = schedule({ timeout: '2h', rotate: () => new Promise(() => {}) })
    scheduler.add(at(0))
    await settle()
    // The sleep was of an hour.
    await clock.jumpTo(START + 2 * DAY)
    expect(times('failed')).toEqual([])
    await clock.pass(HOUR)
    expect(times('failed')).toEqual([(2 * DAY + HOUR) / SECOND])
    await scheduler.close()
  })

  test('an entry that is added as the clock moves leaves one timer', async () => {
    const { clock, scheduler, times } = schedule()
    scheduler.add(at(MINUTE))
    scheduler.add(at(HOUR))
    await settle()
    const moved = clock.jumpTo(START + MINUTE)
    scheduler.add(at(2 * MINUTE))
    await moved
    await clock.pass(HOUR)
    expect([times('started'), clock.most]).toEqual([[60, 120, 3600], 1])
  })

  test('one that breaks, or wakes everybody at once, loses and hastens nothing', async () => {
    let broken = false
    const inner = new CountingClock()
    const clock = {
      now: () => (broken ? new Date(Number.NaN) : inner.now()),
      sleep: async () => {
        if (broken) throw new Error('no')
      },
    }
    let ran = 0
    const scheduler = new RotationScheduler({ clock, rotate: () => void ran++ })
    scheduler.add(at(5 * SECOND))
    for (let turn = 0; turn < 20; turn++) await settle()
    expect(ran).toBe(0)
    broken = true
    // The machine's clock takes its place, and that shows a later instant or it does not.
    scheduler.add(new Date(0))
    await settle()
    expect(ran).toBeGreaterThan(0)
    await scheduler.close()
  })
})

describe('how many', () => {
  test('never more than "concurrency" at a time, and all of them', async () => {
    let running = 0
    let most = 0
    let done = 0
    const { scheduler, clock } = schedule({
      concurrency: 3,
      rotate: async () => {
        running++
        most = Math.max(most, running)
        expect(scheduler.running).toBe(running)
        await clock.sleep(SECOND)
        running--
        done++
        return undefined
      },
    })
    for (let i = 0; i < 20; i++) scheduler.add(at(0))
    await clock.pass(6 * SECOND)
    expect([most, done]).toEqual([3, 18])
    await clock.pass(SECOND)
    expect([most, done, scheduler.size]).toEqual([3, 20, 0])
  })

  test('never more than the rate in any window, with failures and forced ones', async () => {
    const { scheduler, clock, times } = schedule({
      concurrency: 50,
      rate: { perSecond: 5, burst: 4 },
      rotate: (handle) => {
        if (handle % 3 === 0) throw new Error('no')
        return new Date(clock.time + 20 * SECOND)
      },
    })
    for (let i = 0; i < 60; i++) scheduler.add(at((i % 7) * SECOND))
    scheduler.rotateNow('all', { perSecond: 100, reason: 'test' })
    await clock.pass(2 * MINUTE)
    const started = times('started')
    expect(started.length).toBeGreaterThan(250)
    for (let from = 0; from < started.length; from++)
      for (let to = from; to < started.length; to++)
        if (to - from + 1 > 4 + 5 * ((started[to] ?? 0) - (started[from] ?? 0)) + 1e-6) expect.unreachable()
  })
})

describe('options', () => {
  const rotate = (): undefined => undefined
  test.each<[string, unknown, RegExp]>([
    ['none', undefined, /takes an options object/],
    ['no worker', {}, /"rotate" must be a function/],
    ['an unknown one', { rotate, conccurrency: 1 }, /Did you mean "concurrency"/],
    ['clock', { rotate, clock: {} }, /"clock" must have/],
    [
      'a clock that stands nowhere',
      { rotate, clock: { now: () => new Date(Number.NaN), sleep: async () => {} } },
      /"clock"/,
    ],
    ['concurrency', { rotate, concurrency: 0 }, /"concurrency" must be a whole number from 1/],
    ['rate', { rotate, rate: { perSecond: '5' } }, /"rate.perSecond" must be a number/],
    ['retry', { rotate, retry: '1m' }, /"retry" must be a function/],
    ['timeout', { rotate, timeout: 5 }, /"timeout" must be a duration/],
    ['onEvent', { rotate, onEvent: 1 }, /"onEvent" must be a function/],
    ['signal', { rotate, signal: 1 }, /"signal" must be an AbortSignal/],
    ['unref', { rotate, unref: 'no' }, /"unref" must be true or false/],
  ])('%s is refused', (_, options, says) => {
    expect(() => Reflect.construct(RotationScheduler, [options])).toThrow(says)
  })

  test.each<[string, (scheduler: RotationScheduler) => unknown, RegExp]>([
    ['add', (one) => one.add(new Date(Number.NaN)), /first argument of add\(\) is an invalid Date/],
    [
      'add',
      (one) => Reflect.apply(one.add, one, [5]),
      /first argument of add\(\) must be a Date; got number/,
    ],
    ['add', (one) => one.add(at(0), { expiresAt: new Date(Number.NaN) }), /"expiresAt" is an invalid Date/],
    ['add', (one) => Reflect.apply(one.add, one, [at(0), { expires: at(0) }]), /Did you mean "expiresAt"/],
    ['reschedule', (one) => one.reschedule(1, new Date(Number.NaN)), /second argument of reschedule\(\)/],
    ['rotateNow', (one) => one.rotateNow('all', { perSecond: 0, reason: 'x' }), /perSecond" must be above 0/],
    ['rotateNow', (one) => one.rotateNow('all', { perSecond: 1, reason: ' ' }), /"reason"/],
    [
      'rotateNow',
      (one) => Reflect.apply(one.rotateNow, one, ['some', { perSecond: 1, reason: 'x' }]),
      /or 'all'/,
    ],
    ['rotateNow', (one) => Reflect.apply(one.rotateNow, one, [7, { perSecond: 1, reason: 'x' }]), /or 'all'/],
  ])('%s with nonsense is refused and changes nothing', (_, misuse, says) => {
    const { scheduler, events } = schedule()
    expect(() => misuse(scheduler)).toThrow(says)
    expect([scheduler.size, events]).toEqual([0, []])
  })

  test('close with nonsense rejects', async () => {
    const { scheduler } = schedule()
    await expect(
      (async () => Reflect.apply(scheduler.close, scheduler, [{ drian: true }]))(),
    ).rejects.toThrow(/drain/)
    scheduler.add(at(DAY))
    await scheduler.close()
  })
})

describe('handles', () => {
  test('one that is out of date hits nobody', async () => {
    const { scheduler, clock, times } = schedule()
    const old = scheduler.add(at(HOUR))
    expect(scheduler.remove(old)).toBe(true)
    const young = scheduler.add(at(2 * HOUR))
    expect([scheduler.remove(old), scheduler.reschedule(old, at(0)), scheduler.has(old)]).toEqual([
      false,
      false,
      false,
    ])
    expect(scheduler.rotateNow([old], { perSecond: 10, reason: 'test' })).toBe(0)
    await clock.pass(HOUR)
    expect(times('started')).toEqual([])
    await clock.pass(HOUR)
    expect(times('started')).toEqual([7200])
    expect(scheduler.has(young)).toBe(false)
  })

  test('rescheduling moves an entry in both directions and keeps or changes its end', async () => {
    const { scheduler, clock, times, events } = schedule()
    const a = scheduler.add(at(HOUR), { expiresAt: at(4 * HOUR) })
    const b = scheduler.add(at(2 * HOUR))
    expect(scheduler.reschedule(a, at(3 * HOUR))).toBe(true)
    expect(scheduler.reschedule(b, at(MINUTE), { expiresAt: at(HOUR) })).toBe(true)
    expect(
      events.map((event) =>
        event.type === 'planned' ? [event.handle, event.dueAt, event.expiresAt] : event,
      ),
    ).toEqual([
      [a, at(HOUR), at(4 * HOUR)],
      [b, at(2 * HOUR), undefined],
      [a, at(3 * HOUR), at(4 * HOUR)],
      [b, at(MINUTE), at(HOUR)],
    ])
    await clock.pass(3 * HOUR)
    expect(times('started')).toEqual([60, 10_800])
  })

  test('an entry that is due later than another sets no timer', async () => {
    const { scheduler, clock } = schedule()
    for (let i = 0; i < 50; i++) {
      scheduler.add(at(MINUTE + i))
      await settle()
    }
    expect([clock.sleeps, clock.sleepers]).toEqual([1, 1])
    await scheduler.close()
  })

  test('a million reschedules between two turns set no timer but one', async () => {
    const { scheduler, clock } = schedule({ onEvent: undefined })
    const handle = scheduler.add(at(2 * HOUR))
    for (let i = 0; i < 1_000_000; i++) scheduler.reschedule(handle, at(2 * HOUR - i))
    await settle()
    expect([clock.sleeps, clock.sleepers, scheduler.nextDue]).toEqual([1, 1, at(2 * HOUR - 999_999)])
  })
})
