/**
 * Serial numbers.
 *
 * @module
 */

import { type RandomSource, systemRandom } from '../internal/web-crypto.ts'

/** Octets of a serial number: 126 random bits, within the 20 octets that RFC 5280 §4.1.2.2 allows. */
const SERIAL_OCTETS = 16

/** Serial numbers drawn from the runtime at once: each draw costs as much as building a certificate. */
const POOLED = 64

/** A source of random positive serial numbers. */
export class SerialNumbers {
  readonly #random: RandomSource
  readonly #draw: number
  #pool = new Uint8Array()
  #used = 0

  /** With the caller's `random`, each number is drawn when it is due, so that a seed gives the same ones. */
  constructor(random: RandomSource | undefined) {
    if (random !== undefined && typeof random !== 'function') {
      throw new TypeError('option "random" must be a function that fills an array and returns it')
    }
    this.#random = random ?? systemRandom
    this.#draw = random === undefined ? SERIAL_OCTETS * POOLED : SERIAL_OCTETS
  }

  /** Exactly 16 octets, its top bits 01: positive, and without a leading zero. */
  next(): Uint8Array {
    if (this.#used === this.#pool.length) {
      const pool = this.#random(new Uint8Array(this.#draw))
      if (!(pool instanceof Uint8Array) || pool.length !== this.#draw) {
        throw new TypeError('option "random" must fill the array that it is given and return it')
      }
      this.#pool = new Uint8Array(pool)
      this.#used = 0
    }
    const serial = this.#pool.slice(this.#used, this.#used + SERIAL_OCTETS)
    this.#used += SERIAL_OCTETS
    serial[0] = ((serial[0] ?? 0) & 0x3f) | 0x40
    return serial
  }
}
