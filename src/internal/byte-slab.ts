/**
 * Copies of short byte strings, several in one buffer: a buffer of its own costs as much as reading a certificate.
 *
 * Whoever keeps one copy keeps its neighbours' bytes, so the buffers are small.
 *
 * @module
 */

/** Octets of one buffer: some eight certificates of a mesh. */
const SLAB = 4096

/** What is longer gets a buffer of its own. */
const MAX_COPY = 1024

/** Makes copies. The object that owns it decides how long the buffers live. */
export class ByteSlab {
  #slab: Uint8Array | undefined
  #used = 0

  /** A copy that nobody else changes. */
  copy(bytes: Uint8Array): Uint8Array {
    const { length } = bytes
    if (length > MAX_COPY) return new Uint8Array(bytes)
    let slab = this.#slab
    if (slab === undefined || this.#used + length > SLAB) {
      slab = new Uint8Array(SLAB)
      this.#slab = slab
      this.#used = 0
    }
    slab.set(bytes, this.#used)
    const copy = slab.subarray(this.#used, this.#used + length)
    this.#used += length
    return copy
  }
}
