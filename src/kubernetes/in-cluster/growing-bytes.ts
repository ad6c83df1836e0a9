/**
 * Bytes that come in pieces, kept in one block: a million pieces of one byte must not cost a million objects.
 *
 * @module
 */

const FIRST_SIZE = 16_384

/** Bytes that are appended to, up to a limit that the caller watches. */
export class GrowingBytes {
  #block: Uint8Array<ArrayBuffer> = new Uint8Array(0)
  #length = 0

  get length(): number {
    return this.#length
  }

  append(piece: Uint8Array): void {
    const length = this.#length + piece.length
    if (length > this.#block.length) {
      const larger = new Uint8Array(Math.max(FIRST_SIZE, length, this.#block.length * 2))
      larger.set(this.#block.subarray(0, this.#length))
      this.#block = larger
    }
    this.#block.set(piece, this.#length)
    this.#length = length
  }

  /** What was appended since the last time, as UTF-8; `undefined` where it is none (RFC 8259 §8.1). Large blocks are given up. */
  take(): string | undefined {
    const bytes = this.#block.subarray(0, this.#length)
    this.#length = 0
    if (this.#block.length > 64 * FIRST_SIZE) this.#block = new Uint8Array(0)
    try {
      return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    } catch {
      return undefined
    }
  }
}
