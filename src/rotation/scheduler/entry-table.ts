/**
 * What a scheduler knows about its entries, in columns: 23 bytes an entry.
 *
 * @module
 */

import { DueHeap, enlarged, slotOf } from '../../internal/due-heap.ts'

/** The bits of the column `state`: two marks, and how many attempts failed, up to 16,383. */
const TOLD = 1
const FORCED = 2
const FAILURE_STEP = 4
const MAX_STATE = 2 ** 16 - 1

/** In the column `end`: none, and one that seconds in 32 bits cannot say, such as 9999-12-31. */
const NO_END = 0
const FAR_END = 2 ** 32 - 1

/** Entries by handle: when each has its turn, when it ends, and how often it failed. All instants are in milliseconds. */
export class EntryTable {
  readonly #heap = new DueHeap()
  /** By slot: failures and marks; the end in seconds since 1970. */
  #state = new Uint16Array(this.#heap.capacity)
  #end = new Uint32Array(this.#heap.capacity)
  readonly #farEnds = new Map<number, number>()
  /** When entries are due that stand in the order with their end, since that comes before. Few ever are. */
  readonly #dueAfterEnd = new Map<number, number>()

  /** How many entries there are. */
  get size(): number {
    return this.#heap.size
  }

  /** Bytes of all columns. */
  get byteLength(): number {
    return this.#heap.byteLength + this.#state.byteLength + this.#end.byteLength
  }

  /** When there is next something to do; infinite for never. */
  get earliest(): number {
    return this.#heap.earliest
  }

  handles(): Float64Array {
    return this.#heap.handles()
  }

  has(handle: number): boolean {
    return this.#heap.has(handle)
  }

  /** @throws `RangeError` for more entries than a heap holds. */
  add(due: number, end: number | undefined): number {
    const handle = this.#heap.push(due)
    const { capacity } = this.#heap
    if (this.#state.length < capacity) {
      this.#state = enlarged(this.#state, new Uint16Array(capacity))
      this.#end = enlarged(this.#end, new Uint32Array(capacity))
    }
    this.#state[slotOf(handle)] = 0
    this.#writeEnd(handle, end)
    if (end !== undefined && due > end) this.plan(handle, due)
    return handle
  }

  /** Puts an entry into the order, or to another place in it. */
  plan(handle: number, due: number): void {
    const end = this.endOf(handle)
    if (end === undefined || due <= end || this.isTold(handle)) {
      this.#dueAfterEnd.delete(handle)
      this.#heap.update(handle, due)
    } else {
      this.#dueAfterEnd.set(handle, due)
      this.#heap.update(handle, end)
    }
  }

  /** Begins anew: no failures, and another end. It must be planned then. */
  renew(handle: number, end: number | undefined): void {
    const slot = slotOf(handle)
    const told = end !== undefined && end === this.endOf(handle) ? TOLD : 0
    this.#state[slot] = (this.#state[slot] ?? 0) & (FORCED | told)
    this.#writeEnd(handle, end)
  }

  remove(handle: number): boolean {
    this.#farEnds.delete(handle)
    this.#dueAfterEnd.delete(handle)
    return this.#heap.remove(handle)
  }

  /** The first entry whose turn has come. */
  peekDue(now: number): number | undefined {
    return this.#heap.earliest <= now ? this.#heap.peek() : undefined
  }

  /** Whether an entry has its turn since it ended, and is due later. */
  isEndOnly(handle: number): boolean {
    return this.#dueAfterEnd.has(handle)
  }

  /** Moves an entry whose end was looked at to where it is due. */
  passEnd(handle: number): void {
    const due = this.#dueAfterEnd.get(handle)
    this.#dueAfterEnd.delete(handle)
    if (due !== undefined) this.#heap.update(handle, due)
  }

  /** When an entry in the order is due. */
  dueOf(handle: number): number | undefined {
    const ordered = this.#heap.dueOf(handle)
    return ordered === undefined ? undefined : (this.#dueAfterEnd.get(handle) ?? ordered)
  }

  /** Takes an entry out of the order, and answers when it is due; `undefined` where it was not in it. */
  take(handle: number): number | undefined {
    const due = this.dueOf(handle)
    this.#heap.take(handle)
    this.#dueAfterEnd.delete(handle)
    return due
  }

  endOf(handle: number): number | undefined {
    const end = this.#end[slotOf(handle)] ?? NO_END
    if (end === NO_END) return undefined
    return end === FAR_END ? this.#farEnds.get(handle) : end * 1000
  }

  failuresOf(handle: number): number {
    return (this.#state[slotOf(handle)] ?? 0) >>> 2
  }

  countFailure(handle: number): void {
    const slot = slotOf(handle)
    const state = (this.#state[slot] ?? 0) + FAILURE_STEP
    if (state <= MAX_STATE) this.#state[slot] = state
  }

  /** Whether it was told that an entry has ended. */
  isTold(handle: number): boolean {
    return this.#is(handle, TOLD)
  }

  markTold(handle: number): void {
    this.#mark(handle, TOLD, true)
  }

  /** Whether an entry is to be rotated, whenever it is due. */
  isForced(handle: number): boolean {
    return this.#is(handle, FORCED)
  }

  markForced(handle: number, forced: boolean): void {
    this.#mark(handle, FORCED, forced)
  }

  /** Entries that have ended while they wait for their turn, which has come; at most `limit`. */
  endedInBacklog(now: number, limit: number): readonly number[] {
    const ended: number[] = []
    this.#heap.visitDue(now, (handle) => {
      if (!this.isTold(handle) && (this.endOf(handle) ?? Number.POSITIVE_INFINITY) <= now) ended.push(handle)
      return ended.length < limit
    })
    return ended
  }

  #is(handle: number, mark: number): boolean {
    return ((this.#state[slotOf(handle)] ?? 0) & mark) !== 0
  }

  #mark(handle: number, mark: number, on: boolean): void {
    const slot = slotOf(handle)
    const state = this.#state[slot] ?? 0
    this.#state[slot] = on ? state | mark : state & ~mark
  }

  #writeEnd(handle: number, end: number | undefined): void {
    if (this.#farEnds.size > 0) this.#farEnds.delete(handle)
    const seconds = end === undefined ? NO_END : Math.floor(end / 1000)
    const isFar = end !== undefined && (seconds <= NO_END || seconds >= FAR_END)
    this.#end[slotOf(handle)] = isFar ? FAR_END : seconds
    if (isFar) this.#farEnds.set(handle, seconds * 1000)
  }
}
