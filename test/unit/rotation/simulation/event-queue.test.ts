import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { EventQueue, Priority } from '../../../../src/rotation/simulation/event-queue.ts'

/** Lets everything happen. */
async function drain(queue: EventQueue): Promise<void> {
  while (!queue.isEmpty) await queue.step()
}

describe('the order of what happens', () => {
  test('is that of time, then of priority, then of insertion, as a stable sort has it', async () => {
    const item = fc.record({ at: fc.integer({ min: -5, max: 20 }), priority: fc.integer({ min: 0, max: 3 }) })
    await fc.assert(
      fc.asyncProperty(fc.array(item, { maxLength: 200 }), async (items) => {
        const queue = new EventQueue(0)
        const happened: (readonly [number, number])[] = []
        for (const [i, { at, priority }] of items.entries())
          queue.at(at, () => void happened.push([i, queue.now]), priority)
        await drain(queue)
        const sorted = items
          .map(({ at, priority }, i) => ({ at: Math.max(0, at), priority, i }))
          .sort((a, b) => a.at - b.at || a.priority - b.priority || a.i - b.i)
        expect(happened).toEqual(sorted.map(({ at, i }) => [i, at]))
      }),
    )
  })

  test('also of what is added while something happens, and the past is now', async () => {
    const arrival = fc.record({
      at: fc.integer({ min: 0, max: 30 }),
      adds: fc.array(fc.integer({ min: -10, max: 10 }), { maxLength: 3 }),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(arrival, { maxLength: 40 }), async (arrivals) => {
        const queue = new EventQueue(0)
        const times: number[] = []
        let expected = 0
        for (const { at, adds } of arrivals) {
          expected += 1 + adds.length
          queue.at(at, () => {
            times.push(queue.now)
            for (const add of adds) queue.at(at + add, () => void times.push(queue.now))
          })
        }
        await drain(queue)
        expect(times).toHaveLength(expected)
        expect(times).toEqual([...times].sort((a, b) => a - b))
      }),
    )
  })

  test('at one instant: first trust, then acts, then distrust, and drivers last', async () => {
    const queue = new EventQueue(100)
    const happened: string[] = []
    for (const name of ['drive', 'distrust', 'act', 'trust'] as const)
      queue.at(200, () => void happened.push(name), Priority[name])
    queue.at(200, () => void happened.push('plain'))
    queue.at(199, () => void happened.push('before'), Priority.drive)
    await drain(queue)
    expect(happened).toEqual(['before', 'trust', 'act', 'plain', 'distrust', 'drive'])
    expect(queue.now).toBe(200)
  })
})

describe('where it stands', () => {
  test('now, next, and nothing any more', async () => {
    const queue = new EventQueue(100)
    expect([queue.now, queue.isEmpty, queue.nextAt]).toEqual([100, true, Number.POSITIVE_INFINITY])
    await queue.step()
    expect(queue.now).toBe(100)
    queue.at(300, () => undefined)
    queue.at(50, () => undefined)
    // What is over is now.
    expect([queue.now, queue.isEmpty, queue.nextAt]).toEqual([100, false, 100])
    await queue.step()
    expect([queue.now, queue.nextAt]).toEqual([100, 300])
    await queue.step()
    expect([queue.now, queue.isEmpty, queue.nextAt]).toEqual([300, true, Number.POSITIVE_INFINITY])
  })

  test('what takes its time is waited for, and what fails is told', async () => {
    const queue = new EventQueue(0)
    const happened: string[] = []
    queue.at(1, async () => {
      await Promise.resolve()
      happened.push('slow')
    })
    queue.at(1, () => Promise.reject(new Error('broken')))
    queue.at(2, () => void happened.push('after'))
    await queue.step()
    expect(happened).toEqual(['slow'])
    await expect(queue.step()).rejects.toThrow('broken')
    await queue.step()
    expect(happened).toEqual(['slow', 'after'])
  })
})
