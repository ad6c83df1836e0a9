import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { DueHeap, slotOf } from '../../../src/internal/due-heap.ts'

/** All that is due, in the order in which it comes out. */
function drain(heap: DueHeap, now: number): number[] {
  const out: number[] = []
  for (let handle = heap.popDue(now); handle !== undefined; handle = heap.popDue(now)) out.push(handle)
  return out
}

describe('order', () => {
  test('the earliest comes first, and nothing before it is due', () => {
    const heap = new DueHeap()
    const [c, a, b] = [heap.push(30), heap.push(10), heap.push(20)]
    expect([heap.size, heap.ordered, heap.earliest, heap.peek()]).toEqual([3, 3, 10, a])
    expect(heap.popDue(9)).toBeUndefined()
    expect(drain(heap, 20)).toEqual([a, b])
    expect(drain(heap, 29)).toEqual([])
    expect(drain(heap, 30)).toEqual([c])
    expect([heap.size, heap.ordered, heap.earliest, heap.peek()]).toEqual([
      3,
      0,
      Number.POSITIVE_INFINITY,
      undefined,
    ])
  })

  test('an entry moves in both directions, and back into the order', () => {
    const heap = new DueHeap()
    const [a, b, c] = [heap.push(10), heap.push(20), heap.push(30)]
    expect(heap.update(a, 25)).toBe(true)
    expect(heap.update(c, 5)).toBe(true)
    expect(heap.dueOf(a)).toBe(25)
    expect(drain(heap, 100)).toEqual([c, b, a])
    expect([heap.dueOf(a), heap.take(a)]).toEqual([undefined, undefined])
    expect(heap.update(a, 7)).toBe(true)
    expect(drain(heap, 7)).toEqual([a])
  })

  test('one taken from the middle leaves the rest in order', () => {
    // The last leaf, 11, lies below 10, and goes to the place of 101, below 100: it must rise there.
    const heap = new DueHeap()
    const dues = [1, 100, 10, 101, 102, 20, 11]
    const handles = dues.map((due) => heap.push(due))
    expect(heap.take(handles[3] ?? 0)).toBe(101)
    expect(heap.take(handles[3] ?? 0)).toBeUndefined()
    expect(drain(heap, 1000).map((handle) => dues[handles.indexOf(handle)])).toEqual([
      1, 10, 11, 20, 100, 102,
    ])
  })

  test('what is due is shown without being taken, as long as it is asked for', () => {
    const heap = new DueHeap()
    const handles = [5, 1, 9, 3, 7].map((due) => heap.push(due))
    const seen: number[] = []
    heap.visitDue(5, (handle) => seen.push(handle) > 0)
    expect(new Set(seen)).toEqual(new Set([handles[0], handles[1], handles[3]]))
    const first: number[] = []
    heap.visitDue(9, (handle) => first.push(handle) < 2)
    expect(first).toHaveLength(2)
    heap.visitDue(0, () => expect.unreachable())
    new DueHeap().visitDue(0, () => expect.unreachable())
    expect(heap.ordered).toBe(5)
  })
})

test('a million come in order', () => {
  const heap = new DueHeap()
  const dueOf = new Map<number, number>()
  // A step that shares no factor with a million visits every number below it once, in no order.
  for (let i = 0; i < 1_000_000; i++) {
    const due = (i * 617_411) % 1_000_000
    dueOf.set(heap.push(due), due)
  }
  for (let due = 0; due < 1_000_000; due++) {
    const handle = heap.popDue(due)
    if (handle === undefined || dueOf.get(handle) !== due) expect.unreachable()
    if (due % 3 === 0) heap.remove(handle)
  }
  expect([heap.ordered, heap.size]).toEqual([0, 666_666])
})

describe('handles', () => {
  test('one that is out of date is found to be, also when its slot is used again', () => {
    const heap = new DueHeap()
    const old = heap.push(10)
    expect(heap.remove(old)).toBe(true)
    const young = heap.push(20)
    expect(slotOf(young)).toBe(slotOf(old))
    expect(young).not.toBe(old)
    expect([heap.has(old), heap.update(old, 1), heap.remove(old), heap.take(old), heap.dueOf(old)]).toEqual([
      false,
      false,
      false,
      undefined,
      undefined,
    ])
    expect([heap.has(young), heap.dueOf(young), heap.size]).toEqual([true, 20, 1])
  })

  test('what was never a handle is none', () => {
    const heap = new DueHeap()
    const handle = heap.push(1)
    heap.remove(heap.push(2))
    for (const other of [
      0,
      1,
      -handle,
      handle + 0.5,
      handle + 1,
      2 * 2 ** 24,
      2 * 2 ** 24 + 1,
      Number.NaN,
      2 ** 60,
    ])
      expect([other, heap.has(other)]).toEqual([other, false])
    expect(heap.has(handle)).toBe(true)
  })

  test('none is ever given twice, and a slot whose generations are used up is left', () => {
    const heap = new DueHeap()
    const given = new Set<number>()
    for (let i = 0; i < 70_000; i++) {
      const handle = heap.push(i)
      expect(given.has(handle)).toBe(false)
      given.add(handle)
      heap.remove(handle)
    }
    // 32,768 odd generations of a slot: 70,000 entries need three.
    expect(new Set([...given].map(slotOf)).size).toBe(3)
    for (const handle of given) expect(heap.has(handle)).toBe(false)
    expect(heap.size).toBe(0)
  })

  test('all are listed, also those out of the order', () => {
    const heap = new DueHeap()
    const [a, b, c] = [heap.push(1), heap.push(2), heap.push(3)]
    heap.popDue(1)
    heap.remove(b)
    expect([...heap.handles()].sort((x, y) => x - y)).toEqual([a, c])
  })
})

describe('memory', () => {
  test('17 bytes an entry, and at most a twenty-fourth of it spare from 700,000 on, a quarter from 32,768 on', () => {
    const heap = new DueHeap()
    for (let count = 1; count <= 1_000_000; count++) {
      heap.push(count)
      if (heap.byteLength !== heap.capacity * 17) expect.unreachable()
      if (count > 700_000 && heap.capacity > count * (25 / 24)) expect.unreachable()
      if (count > 2 ** 15 && heap.capacity > count * (5 / 4)) expect.unreachable()
      if (count > 32 && heap.capacity > 2 * count) expect.unreachable()
    }
    expect(heap.byteLength / heap.size).toBeLessThanOrEqual(17 * (25 / 24))
  })

  test('slots of removed entries are used before new ones', () => {
    const heap = new DueHeap()
    const handles = Array.from({ length: 1000 }, (_, i) => heap.push(i))
    const { byteLength } = heap
    for (let round = 0; round < 50; round++) {
      for (const handle of handles.splice(0)) heap.remove(handle)
      for (let i = 0; i < 1000; i++) handles.push(heap.push(i))
    }
    expect(heap.byteLength).toBe(byteLength)
  })
})

type Step =
  | { readonly do: 'push'; readonly due: number }
  | { readonly do: 'update'; readonly which: number; readonly due: number }
  | { readonly do: 'remove'; readonly which: number }
  | { readonly do: 'take'; readonly which: number }
  | { readonly do: 'pop'; readonly now: number }

const due = fc.integer({ min: 0, max: 50 })
const which = fc.nat(200)
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant('push' as const), due }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('update' as const), which, due }) },
  fc.record({ do: fc.constant('remove' as const), which }),
  fc.record({ do: fc.constant('take' as const), which }),
  fc.record({ do: fc.constant('pop' as const), now: due }),
)

test('it does what a list does that is searched', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
      const heap = new DueHeap()
      const model = new Map<number, number | undefined>()
      const issued: number[] = []
      const pick = (one: number): number => issued[one % Math.max(1, issued.length)] ?? 12_345
      for (const one of steps) {
        if (one.do === 'push') {
          const handle = heap.push(one.due)
          expect(issued).not.toContain(handle)
          issued.push(handle)
          model.set(handle, one.due)
        } else if (one.do === 'update') {
          const handle = pick(one.which)
          expect(heap.update(handle, one.due)).toBe(model.has(handle))
          if (model.has(handle)) model.set(handle, one.due)
        } else if (one.do === 'remove') {
          const handle = pick(one.which)
          expect(heap.remove(handle)).toBe(model.delete(handle))
        } else if (one.do === 'take') {
          const handle = pick(one.which)
          expect(heap.take(handle)).toBe(model.get(handle))
          if (model.has(handle)) model.set(handle, undefined)
        } else {
          const popped = heap.popDue(one.now)
          const least = Math.min(...[...model.values()].filter((at) => at !== undefined))
          if (least > one.now) expect(popped).toBeUndefined()
          else {
            expect(model.get(popped ?? 0)).toBe(least)
            model.set(popped ?? 0, undefined)
          }
        }
        const ordered = [...model.values()].filter((at) => at !== undefined)
        expect([heap.size, heap.ordered, heap.earliest]).toEqual([
          model.size,
          ordered.length,
          Math.min(...ordered),
        ])
        for (const handle of issued) expect(heap.dueOf(handle)).toBe(model.get(handle))
      }
    }),
    { numRuns: 300 },
  )
})
