/**
 * Which of many entries is due next: an indexed binary heap on typed arrays.
 *
 * @module
 */

/** Slots that a handle can name; also the mark of a slot that has no place in the order. */
const NONE = 2 ** 24 - 1

/** A handle is its slot plus its generation times this. */
const GENERATION_STEP = 2 ** 24

const LAST_GENERATION = 2 ** 16 - 1
const FIRST_CAPACITY = 64

/** Up to these sizes the arrays double, or grow by a quarter; beyond, where it counts, by a twenty-fourth. */
const DOUBLE_UNTIL = 2 ** 15
const QUARTER_UNTIL = 2 ** 19

/** The slot of a handle that is in use: small, and shared by no other handle in use. For columns beside the heap. */
export function slotOf(handle: number): number {
  return handle % GENERATION_STEP
}

/**
 * Entries in the order of their instants. An entry has 17 bytes and is known by a number, its handle.
 *
 * A slot is used again, a handle never: it holds the slot's generation, which counts up with every use and every
 * release (it is odd while the slot is in use). A slot whose generations are used up, after 32,768 entries, is not
 * used again. So a handle that is out of date is always found to be, and nothing else is hit.
 *
 * An entry can be taken out of the order and keep its handle. Of entries with the same instant any may be first.
 */
export class DueHeap {
  /** By place in the order: the instant, and whose. */
  #due = new Float64Array(FIRST_CAPACITY)
  #order = new Uint32Array(FIRST_CAPACITY)
  /** By slot: the place in the order, in 24 bits; of a free slot the next free one. */
  #placeLow = new Uint16Array(FIRST_CAPACITY)
  #placeHigh = new Uint8Array(FIRST_CAPACITY)
  #generation = new Uint16Array(FIRST_CAPACITY)
  #ordered = 0
  #size = 0
  #usedSlots = 0
  #free = NONE

  /** How many entries have a handle, also those out of the order. */
  get size(): number {
    return this.#size
  }

  /** How many entries are in the order. */
  get ordered(): number {
    return this.#ordered
  }

  /** Slots that there is room for. */
  get capacity(): number {
    return this.#due.length
  }

  /** Bytes of all arrays. */
  get byteLength(): number {
    return (
      this.#due.byteLength +
      this.#order.byteLength +
      this.#placeLow.byteLength +
      this.#placeHigh.byteLength +
      this.#generation.byteLength
    )
  }

  /** Adds an entry and answers its handle, which is never 0. @throws `RangeError` for more than 16,777,215 entries. */
  push(due: number): number {
    const slot = this.#newSlot()
    const generation = (this.#generation[slot] ?? 0) + 1
    this.#generation[slot] = generation
    this.#size++
    this.#insert(slot, due)
    return generation * GENERATION_STEP + slot
  }

  /** Whether a handle is in use. */
  has(handle: number): boolean {
    const generation = Math.floor(handle / GENERATION_STEP)
    return (
      (generation & 1) === 1 &&
      Number.isSafeInteger(handle) &&
      this.#generation[slotOf(handle)] === generation
    )
  }

  /** Gives an entry another instant, and puts it back into the order if it was taken out. `false` for an old handle. */
  update(handle: number, due: number): boolean {
    if (!this.has(handle)) return false
    const slot = slotOf(handle)
    const place = this.#place(slot)
    if (place === NONE) this.#insert(slot, due)
    else if (due < (this.#due[place] ?? 0)) this.#up(place, slot, due)
    else this.#down(place, slot, due)
    return true
  }

  /** Ends an entry: its handle is out of date from now on. `false` for an old handle. */
  remove(handle: number): boolean {
    if (!this.has(handle)) return false
    this.take(handle)
    const slot = slotOf(handle)
    const generation = this.#generation[slot] ?? 0
    this.#size--
    if (generation === LAST_GENERATION) {
      this.#generation[slot] = 0
      return true
    }
    this.#generation[slot] = generation + 1
    this.#setPlace(slot, this.#free)
    this.#free = slot
    return true
  }

  /** Takes an entry out of the order; its handle stays. Its instant, or `undefined` where it was not in the order. */
  take(handle: number): number | undefined {
    const due = this.dueOf(handle)
    if (due === undefined) return undefined
    const place = this.#place(slotOf(handle))
    this.#setPlace(slotOf(handle), NONE)
    const last = --this.#ordered
    if (place < last) {
      const moved = this.#order[last] ?? 0
      const movedDue = this.#due[last] ?? 0
      if (movedDue < due) this.#up(place, moved, movedDue)
      else this.#down(place, moved, movedDue)
    }
    return due
  }

  /** The instant of an entry in the order. */
  dueOf(handle: number): number | undefined {
    if (!this.has(handle)) return undefined
    const place = this.#place(slotOf(handle))
    return place === NONE ? undefined : this.#due[place]
  }

  /** The earliest instant; infinite where nothing is in the order. */
  get earliest(): number {
    return this.#ordered === 0 ? Number.POSITIVE_INFINITY : (this.#due[0] ?? 0)
  }

  /** The handle with the earliest instant. */
  peek(): number | undefined {
    return this.#ordered === 0 ? undefined : this.#handleAt(0)
  }

  /** Takes the earliest entry out of the order where it is due; its handle stays until it is removed. */
  popDue(now: number): number | undefined {
    if (this.earliest > now) return undefined
    const handle = this.#handleAt(0)
    this.take(handle)
    return handle
  }

  /** Shows all handles that are due, in no order, until `visit` answers `false`. It must not change the heap. */
  visitDue(now: number, visit: (handle: number) => boolean): void {
    const places = [0]
    for (let place = places.pop(); place !== undefined; place = places.pop()) {
      // What lies below a later one is later still.
      if (place >= this.#ordered || (this.#due[place] ?? 0) > now) continue
      if (!visit(this.#handleAt(place))) return
      places.push(2 * place + 1, 2 * place + 2)
    }
  }

  /** All handles, in no order. */
  handles(): Float64Array {
    const all = new Float64Array(this.#size)
    let count = 0
    for (let slot = 0; slot < this.#usedSlots; slot++) {
      const generation = this.#generation[slot] ?? 0
      if ((generation & 1) === 1) all[count++] = generation * GENERATION_STEP + slot
    }
    return all
  }

  #handleAt(place: number): number {
    const slot = this.#order[place] ?? 0
    return (this.#generation[slot] ?? 0) * GENERATION_STEP + slot
  }

  #newSlot(): number {
    const slot = this.#free
    if (slot !== NONE) {
      this.#free = this.#place(slot)
      return slot
    }
    if (this.#usedSlots === this.#due.length) this.#grow()
    return this.#usedSlots++
  }

  #grow(): void {
    const before = this.#due.length
    if (before >= NONE) throw new RangeError(`a heap holds at most ${NONE} entries`)
    const share = before < DOUBLE_UNTIL ? 1 : before < QUARTER_UNTIL ? 4 : 24
    const capacity = Math.min(NONE, before + Math.floor(before / share))
    this.#due = enlarged(this.#due, new Float64Array(capacity))
    this.#order = enlarged(this.#order, new Uint32Array(capacity))
    this.#placeLow = enlarged(this.#placeLow, new Uint16Array(capacity))
    this.#placeHigh = enlarged(this.#placeHigh, new Uint8Array(capacity))
    this.#generation = enlarged(this.#generation, new Uint16Array(capacity))
  }

  #place(slot: number): number {
    return ((this.#placeHigh[slot] ?? 0) << 16) | (this.#placeLow[slot] ?? 0)
  }

  #setPlace(slot: number, place: number): void {
    this.#placeLow[slot] = place & 0xffff
    this.#placeHigh[slot] = place >>> 16
  }

  #put(place: number, slot: number, due: number): void {
    this.#due[place] = due
    this.#order[place] = slot
    this.#setPlace(slot, place)
  }

  #insert(slot: number, due: number): void {
    this.#up(this.#ordered++, slot, due)
  }

  /** Puts an entry at a place, or above it. */
  #up(from: number, slot: number, due: number): void {
    let place = from
    while (place > 0) {
      const parent = (place - 1) >>> 1
      const parentDue = this.#due[parent] ?? 0
      if (parentDue <= due) break
      this.#put(place, this.#order[parent] ?? 0, parentDue)
      place = parent
    }
    this.#put(place, slot, due)
  }

  /** Puts an entry at a place, or below it. */
  #down(from: number, slot: number, due: number): void {
    let place = from
    for (;;) {
      let child = 2 * place + 1
      if (child >= this.#ordered) break
      let childDue = this.#due[child] ?? 0
      const right = child + 1
      if (right < this.#ordered && (this.#due[right] ?? 0) < childDue) {
        child = right
        childDue = this.#due[right] ?? 0
      }
      if (childDue >= due) break
      this.#put(place, this.#order[child] ?? 0, childDue)
      place = child
    }
    this.#put(place, slot, due)
  }
}

/** Copies an array into a longer one. */
export function enlarged<T extends { set(from: T): void }>(from: T, to: T): T {
  to.set(from)
  return to
}
