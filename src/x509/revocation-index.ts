/**
 * Finds an entry of a CRL by serial number without reading the others into objects.
 *
 * Hashes of the serial numbers are sorted in one typed array, twelve bytes an entry, on the first look-up.
 * Sorting keeps its bound whatever serial numbers a CA chooses, where a hash table would become quadratic; a
 * look-up among colliding ones passes over all of them once.
 *
 * @module
 */

import { equalRange } from '../internal/bytes.ts'
import { DerCursor, Tag } from '../internal/der.ts'
import type { CertificateListLayout } from './certificate-list-walker.ts'
import { RevokedEntry, walkRevokedEntry } from './revoked-certificate.ts'

/** A key is the hash times this, plus the entry's number: 31 and 22 bits, exact in a double. */
const NUMBERS = 2 ** 22

/** Serial numbers to entries, and entries to the issuer that counts for them. */
export class RevocationIndex {
  readonly #bytes: Uint8Array
  readonly #layout: CertificateListLayout
  readonly #keys: Float64Array
  /** Where each entry begins, by its number. */
  readonly #offsets: Uint32Array
  /** Numbers of the entries that change the issuer, ascending, and where their names are. */
  readonly #issuerChanges: number[] = []
  readonly #issuerStarts: number[] = []

  constructor(bytes: Uint8Array, layout: CertificateListLayout) {
    this.#bytes = bytes
    this.#layout = layout
    this.#keys = new Float64Array(layout.entryCount)
    this.#offsets = new Uint32Array(layout.entryCount)
    this.#fill()
    this.#keys.sort()
  }

  #fill(): void {
    const { entriesStart, entriesEnd, hasCertificateIssuers } = this.#layout
    const cursor = new DerCursor(this.#bytes, entriesStart, entriesEnd)
    const entry = new RevokedEntry()
    for (let number = 0; number < this.#offsets.length; number++) {
      const offset = cursor.offset
      const end = cursor.header(Tag.SEQUENCE, 'revokedCertificates')
      const start = cursor.integer('revokedCertificates')
      this.#offsets[number] = offset
      this.#keys[number] = hash(this.#bytes, start, cursor.offset) * NUMBERS + number
      if (hasCertificateIssuers) {
        cursor.offset = offset
        walkRevokedEntry(cursor, true, entry)
        if (entry.issuerStart !== 0) {
          this.#issuerChanges.push(number)
          this.#issuerStarts.push(entry.issuerStart)
        }
      }
      cursor.offset = end
    }
  }

  /**
   * Calls back with every entry of a serial number, the content octets of an INTEGER, until it answers true.
   * `issuerStart` is where the names of its issuer are; 0 for the CRL's own issuer.
   */
  forEach(
    serial: Uint8Array,
    start: number,
    end: number,
    visit: (entry: RevokedEntry, issuerStart: number) => boolean,
  ): void {
    const wanted = hash(serial, start, end)
    const entry = new RevokedEntry()
    const keys = this.#keys
    for (let i = lowerBound(keys, wanted * NUMBERS); i < keys.length; i++) {
      const key = keys[i] ?? 0
      if (Math.floor(key / NUMBERS) !== wanted) return
      const number = key % NUMBERS
      const cursor = new DerCursor(this.#bytes, this.#offsets[number], this.#layout.entriesEnd)
      walkRevokedEntry(cursor, this.#layout.version === 2, entry)
      if (!equalRange(this.#bytes, entry.serialStart, entry.serialEnd, serial, start, end)) continue
      if (visit(entry, this.#issuerOf(number))) return
    }
  }

  /** An issuer counts until the next one (RFC 5280 §5.3.3). */
  #issuerOf(number: number): number {
    const after = lowerBound(this.#issuerChanges, number + 1)
    return after === 0 ? 0 : (this.#issuerStarts[after - 1] ?? 0)
  }
}

/** The first index whose value is not below `wanted`. */
function lowerBound(values: Float64Array | readonly number[], wanted: number): number {
  let low = 0
  let high = values.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((values[middle] ?? 0) < wanted) low = middle + 1
    else high = middle
  }
  return low
}

/** FNV-1a, cut to 31 bits. */
function hash(bytes: Uint8Array, start: number, end: number): number {
  let value = 0x811c9dc5
  for (let i = start; i < end; i++) value = Math.imul(value ^ (bytes[i] ?? 0), 0x01000193)
  return (value ^ (value >>> 15)) >>> 1
}
