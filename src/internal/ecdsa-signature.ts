/**
 * ECDSA signatures between X.509's form, DER `SEQUENCE { r, s }`, and WebCrypto's, `r || s`.
 *
 * @module
 */

import { DerCursor, Tag } from './der.ts'
import { derSequence, derUnsigned } from './der-writer.ts'

/** DER of `r || s`. */
export function ecdsaToDer(raw: Uint8Array): Uint8Array<ArrayBuffer> {
  const half = raw.length / 2
  return derSequence(derUnsigned(raw.subarray(0, half)), derUnsigned(raw.subarray(half)))
}

/** `r || s` of DER; `undefined` when it is not strict DER or a number does not fit in `size` octets. */
export function ecdsaFromDer(der: Uint8Array, size: number): Uint8Array<ArrayBuffer> | undefined {
  const raw = new Uint8Array(size * 2)
  try {
    const cursor = new DerCursor(der)
    const outer = cursor.enter(Tag.SEQUENCE, 'ECDSA signature')
    for (let i = 0; i < 2; i++) {
      const start = cursor.integer('ECDSA signature')
      const number = der.subarray(der[start] === 0 ? start + 1 : start, cursor.offset)
      if (number.length > size || ((der[start] ?? 0) & 0x80) !== 0) return undefined
      raw.set(number, (i + 1) * size - number.length)
    }
    cursor.leave(outer, 'ECDSA signature')
    return cursor.atEnd ? raw : undefined
  } catch {
    return undefined
  }
}
