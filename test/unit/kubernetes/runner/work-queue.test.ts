import { describe, expect, test } from 'vitest'
import { WorkQueue } from '../../../../src/kubernetes/runner/work-queue.ts'
import { manualClock } from '../../../../src/testing/index.ts'

const forever = new AbortController().signal

describe('a work queue', () => {
  test('holds a key once, however often it is added', async () => {
    const queue = new WorkQueue()
    for (const key of ['a', 'b', 'a', 'a']) queue.add(key)
    expect(queue.size).toBe(2)
    expect(await queue.next(forever)).toBe('a')
    expect(await queue.next(forever)).toBe('b')
    expect(queue.size).toBe(0)
  })

  test('never gives a key to two workers, and gives it out again when it was added meanwhile', async () => {
    const queue = new WorkQueue()
    queue.add('a')
    expect(await queue.next(forever)).toBe('a')
    queue.add('a')
    queue.add('a')
    expect(queue.size).toBe(0)
    queue.done('a')
    expect(queue.size).toBe(1)
    expect(await queue.next(forever)).toBe('a')
    queue.done('a')
    expect(queue.size).toBe(0)
  })

  test('wakes a worker that waits, and lets one go when its signal aborts', async () => {
    const queue = new WorkQueue()
    const waiting = queue.next(forever)
    queue.add('a')
    expect(await waiting).toBe('a')
    const stop = new AbortController()
    const stopped = queue.next(stop.signal)
    stop.abort()
    expect(await stopped).toBeUndefined()
    queue.add('b')
    expect(queue.size).toBe(1)
    expect(await queue.next(stop.signal)).toBeUndefined()
  })

  test('doubles the pause of a key with each failure up to the longest, as client-go does', () => {
    const queue = new WorkQueue({ clock: manualClock() })
    const pauses = Array.from({ length: 19 }, () => queue.retry('a'))
    // ItemExponentialFailureRateLimiter: 5 ms · 2^n, at most 1000 s.
    expect(pauses.slice(0, 5)).toEqual([5, 10, 20, 40, 80])
    expect(pauses[17]).toBe(655_360)
    expect(pauses[18]).toBe(1_000_000)
    expect(queue.failuresOf('a')).toBe(19)
    queue.forget('a')
    expect(queue.retry('a')).toBe(5)
  })

  test('gives all retries together a rate, when the burst is used up', () => {
    const queue = new WorkQueue({ clock: manualClock(), burst: 3, retriesPerSecond: 10 })
    const pauses = ['a', 'b', 'c', 'd', 'e'].map((key) => queue.retry(key))
    expect(pauses).toEqual([5, 5, 5, 100, 200])
  })

  test('gives a delayed key out when its time has come, not before', async () => {
    const clock = manualClock()
    const queue = new WorkQueue({ clock })
    queue.addAfter('late', 60_000)
    queue.addAfter('early', 1000)
    await clock.run('30s')
    expect(queue.size).toBe(1)
    expect(await queue.next(forever)).toBe('early')
    await clock.run('29s')
    expect(queue.size).toBe(0)
    await clock.run('1s')
    expect(await queue.next(forever)).toBe('late')
    expect(queue.delayed).toBe(0)
  })

  test('keeps the earlier of two times', async () => {
    const clock = manualClock()
    const queue = new WorkQueue({ clock })
    queue.addAfter('a', 1000)
    queue.addAfter('a', 60_000)
    await clock.run('1s')
    expect(await queue.next(forever)).toBe('a')
    expect(queue.delayed).toBe(0)
    queue.done('a')
    queue.addAfter('a', 60_000)
    queue.addAfter('a', 1000)
    await clock.run('1s')
    expect(await queue.next(forever)).toBe('a')
    expect(queue.delayed).toBe(0)
  })

  test('adding a key now leaves the time that it waits for', async () => {
    const clock = manualClock()
    const queue = new WorkQueue({ clock })
    queue.addAfter('a', 5000)
    queue.add('a')
    expect(await queue.next(forever)).toBe('a')
    queue.done('a')
    await clock.run('5s')
    expect(queue.size).toBe(1)
  })

  test('forgets everything when it is cleared', async () => {
    const clock = manualClock()
    const queue = new WorkQueue({ clock })
    queue.add('a')
    queue.addAfter('b', 1000)
    queue.clear()
    await clock.run('1m')
    expect(queue.size + queue.delayed).toBe(0)
  })

  test.each([
    ['retrysPerSecond', { retrysPerSecond: 1 }, TypeError],
    ['backoffMs', { backoffMs: 0 }, RangeError],
    ['maxBackoffMs', { backoffMs: 10, maxBackoffMs: 5 }, RangeError],
    ['burst', { burst: '3' }, TypeError],
  ])('refuses a wrong option: %s', (option, options, kind) => {
    const make = () => new WorkQueue(options as never)
    expect(make).toThrow(kind)
    expect(make).toThrow(option)
  })
})
