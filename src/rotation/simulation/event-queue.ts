/**
 * What is still to happen in a simulation, by time.
 *
 * @module
 */

/** Of two things at one instant, the lower one happens first. */
export const Priority = {
  /** A verifier trusts more. */
  trust: 0,
  act: 1,
  /** A verifier trusts less. */
  distrust: 2,
  /** A driver looks at what there is. */
  drive: 3,
} as const

interface Pending {
  readonly at: number
  readonly priority: number
  readonly order: number
  readonly happen: () => void | Promise<void>
}

/** A heap of what is to happen. */
export class EventQueue {
  readonly #heap: Pending[] = []
  #order = 0
  #now: number

  constructor(start: number) {
    this.#now = start
  }

  /** The present. */
  get now(): number {
    return this.#now
  }

  /** Whether nothing is to happen any more. */
  get isEmpty(): boolean {
    return this.#heap.length === 0
  }

  /** When the next thing happens. */
  get nextAt(): number {
    return this.#heap[0]?.at ?? Number.POSITIVE_INFINITY
  }

  /** Adds what happens at an instant; the past is now. */
  at(instant: number, happen: () => void | Promise<void>, priority: number = Priority.act): void {
    const item = { at: Math.max(instant, this.#now), priority, order: this.#order++, happen }
    const heap = this.#heap
    let i = heap.push(item) - 1
    while (i > 0) {
      const parent = (i - 1) >> 1
      const above = heap[parent]
      if (above === undefined || !isBefore(item, above)) break
      heap[i] = above
      i = parent
    }
    heap[i] = item
  }

  /** Lets the next thing happen. */
  async step(): Promise<void> {
    const heap = this.#heap
    const [first] = heap
    const last = heap.pop()
    if (first === undefined || last === undefined) return
    if (heap.length > 0) this.#sink(last)
    this.#now = first.at
    const done = first.happen()
    if (done !== undefined) await done
  }

  #sink(item: Pending): void {
    const heap = this.#heap
    let i = 0
    for (;;) {
      const left = 2 * i + 1
      const [a, b] = [heap[left], heap[left + 1]]
      const [child, index] = b !== undefined && a !== undefined && isBefore(b, a) ? [b, left + 1] : [a, left]
      if (child === undefined || !isBefore(child, item)) break
      heap[i] = child
      i = index
    }
    heap[i] = item
  }
}

const isBefore = (a: Pending, b: Pending): boolean =>
  a.at !== b.at ? a.at < b.at : a.priority !== b.priority ? a.priority < b.priority : a.order < b.order
