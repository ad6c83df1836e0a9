/**
 * Many certificates in little memory.
 *
 * @module
 */

import { checkOneOf, checkOptionNames } from '../internal/options.ts'
import { Certificate, type ReadCertificateOptions } from './certificate.ts'
import { type CertificateInput, toCertificate } from './certificate-input.ts'
import { ALL_LENIENCIES, type CertificateLeniency } from './certificate-walker.ts'

/** Bytes of one slab. A certificate that does not fit in what is left begins a new one. */
const SLAB_BYTES = 1 << 20

/** Certificates that the columns have room for at first; they double when full. */
const FIRST_ROWS = 256

/** Bits of a position that say where in its slab a certificate begins; the others say which slab. */
const OFFSET_BITS = 20

/**
 * An append-only store of certificates: their DER in large slabs, what is asked most in typed columns.
 *
 * 100,000 certificates take little more than their bytes and are a handful of objects to the garbage
 * collector. {@link get} reads a certificate again, in microseconds, as a view into the slab.
 *
 * @example
 * ```ts
 * import { CertificateInventory } from 'mesh-pki/x509'
 *
 * declare const certificates: Iterable<Uint8Array>
 * const inventory = new CertificateInventory()
 * for (const der of certificates) inventory.add(der)
 * const soon = Date.now() + 30 * 86_400_000
 * for (let i = 0; i < inventory.size; i++) {
 *   if (inventory.notAfter(i) < soon) console.log(inventory.get(i).subject.toString())
 * }
 * ```
 */
export class CertificateInventory {
  readonly #leniency: readonly CertificateLeniency[]
  #slabs: Uint8Array[] = []
  #used = 0
  #size = 0
  #positions = new Float64Array(FIRST_ROWS)
  #lengths = new Uint32Array(FIRST_ROWS)
  /** Milliseconds since the epoch. */
  #notAfter = new Float64Array(FIRST_ROWS)

  constructor(options: ReadCertificateOptions = {}) {
    checkOptionNames(options, ['leniency'], 'CertificateInventory')
    for (const leniency of options.leniency ?? []) checkOneOf(leniency, ALL_LENIENCIES, 'leniency')
    this.#leniency = [...(options.leniency ?? [])]
  }

  /** How many certificates it holds. */
  get size(): number {
    return this.#size
  }

  /**
   * Reads a certificate strictly and keeps its bytes; answers its index.
   *
   * @throws as `Certificate.fromDer`; the inventory is then unchanged.
   */
  add(input: CertificateInput): number {
    const certificate = toCertificate(input, 'certificate', { leniency: this.#leniency })
    const bytes = Certificate.bytesOf(certificate)
    const slab = this.#slabFor(bytes.length)
    if (this.#size === this.#lengths.length) this.#grow()
    const index = this.#size++
    slab.set(bytes, this.#used)
    this.#positions[index] = (this.#slabs.length - 1) * 2 ** OFFSET_BITS + this.#used
    this.#lengths[index] = bytes.length
    this.#notAfter[index] = Certificate.layoutOf(certificate).notAfter
    this.#used += bytes.length
    return index
  }

  /** The certificate at an index. @throws `RangeError` outside of the inventory. */
  get(index: number): Certificate {
    const length = this.#lengths[this.#row(index)] ?? 0
    const position = this.#positions[index] ?? 0
    const slab = this.#slabs[Math.floor(position / 2 ** OFFSET_BITS)] ?? new Uint8Array()
    const start = position % 2 ** OFFSET_BITS
    return Certificate.view(slab.subarray(start, start + length))
  }

  /** `notAfter` of the certificate at an index, in milliseconds since the epoch, without reading it. */
  notAfter(index: number): number {
    return this.#notAfter[this.#row(index)] ?? 0
  }

  /** Every certificate, in the order in which they were added. */
  *[Symbol.iterator](): IterableIterator<Certificate> {
    for (let i = 0; i < this.#size; i++) yield this.get(i)
  }

  #row(index: number): number {
    if (!Number.isInteger(index) || index < 0 || index >= this.#size) {
      throw new RangeError(`index ${index} is outside of the inventory of ${this.#size} certificates`)
    }
    return index
  }

  #slabFor(length: number): Uint8Array {
    const last = this.#slabs[this.#slabs.length - 1]
    if (last !== undefined && this.#used + length <= last.length) return last
    const slab = new Uint8Array(SLAB_BYTES)
    this.#slabs.push(slab)
    this.#used = 0
    return slab
  }

  #grow(): void {
    const rows = this.#lengths.length * 2
    const positions = new Float64Array(rows)
    positions.set(this.#positions)
    this.#positions = positions
    const lengths = new Uint32Array(rows)
    lengths.set(this.#lengths)
    this.#lengths = lengths
    const notAfter = new Float64Array(rows)
    notAfter.set(this.#notAfter)
    this.#notAfter = notAfter
  }
}
