/**
 * The strict DER reader: the boundary between untrusted bytes and everything else.
 *
 * It reads X.690 DER and nothing of BER: definite, minimal lengths; minimal INTEGERs; BOOLEANs of
 * `00` or `FF`; zeroed padding bits; no bytes left over. It never copies and never recurses on input,
 * except in {@link DerCursor.skipAny}, which has a depth limit.
 *
 * @module
 */

import { MeshPkiError, type MeshPkiErrorCode } from '../errors.ts'

/** Universal and context tags that PKIX uses (X.680 §8.6). */
export const Tag = {
  BOOLEAN: 0x01,
  INTEGER: 0x02,
  BIT_STRING: 0x03,
  OCTET_STRING: 0x04,
  NULL: 0x05,
  OBJECT_IDENTIFIER: 0x06,
  ENUMERATED: 0x0a,
  UTF8_STRING: 0x0c,
  NUMERIC_STRING: 0x12,
  PRINTABLE_STRING: 0x13,
  TELETEX_STRING: 0x14,
  IA5_STRING: 0x16,
  UTC_TIME: 0x17,
  GENERALIZED_TIME: 0x18,
  VISIBLE_STRING: 0x1a,
  UNIVERSAL_STRING: 0x1c,
  BMP_STRING: 0x1e,
  SEQUENCE: 0x30,
  SET: 0x31,
} as const

/** Constructed context tag `[n]`. */
export const context = (n: number): number => 0xa0 | n
/** Primitive context tag `[n]`. */
export const contextPrimitive = (n: number): number => 0x80 | n

/** Nesting allowed in parts whose type we do not know. RFC 5280 types nest below ten deep. */
const MAX_DEPTH = 16

/** Universal types whose encoding is constructed: SEQUENCE, SET, EXTERNAL, EMBEDDED PDV, CHARACTER STRING. */
const CONSTRUCTED: readonly number[] = [0x30, 0x31, 0x28, 0x2b, 0x3d]

/** Octets of one object identifier. The longest in use, of UUID arcs, need about 20. */
const MAX_OID_OCTETS = 64

/**
 * A forward-only cursor over one DER value and what is nested in it.
 *
 * `enter` goes into a constructed value and answers the limit that `leave` wants back. Every method
 * takes the field's name (`what`) for its error.
 */
export class DerCursor {
  readonly bytes: Uint8Array
  /** Where the next value begins. */
  offset: number
  /** Where the value that we are in ends. */
  limit: number

  constructor(bytes: Uint8Array, offset = 0, limit: number = bytes.length) {
    this.bytes = bytes
    this.offset = offset
    this.limit = limit
  }

  /** Whether the value that we are in has no more members. */
  get atEnd(): boolean {
    return this.offset >= this.limit
  }

  /** The tag of the next value; -1 at the end. */
  peek(): number {
    return this.offset < this.limit ? (this.bytes[this.offset] ?? -1) : -1
  }

  /** Reads tag and length, moves to the content, and answers where it ends. */
  header(tag: number, what: string): number {
    const { bytes, limit } = this
    const start = this.offset
    if (start >= limit) return this.#missing(tag, what)
    if (bytes[start] !== tag) return this.#unexpected(tag, what)
    if (start + 1 >= limit) return this.#truncated(what)
    const first = bytes[start + 1] ?? 0
    let content = start + 2
    let length = first
    // Lengths of one and two octets are nearly all; the others share the slow way.
    if (first === 0x81 && content < limit) {
      length = bytes[content++] ?? 0
      if (length < 0x80) return this.#longForm(what)
    } else if (first === 0x82 && content + 1 < limit) {
      length = ((bytes[content] ?? 0) << 8) | (bytes[content + 1] ?? 0)
      content += 2
      if (length < 0x100) return this.#longForm(what)
    } else if (first >= 0x80) {
      const octets = first & 0x7f
      if (octets === 0)
        return this.fail('ERR_DER_ENCODING', what, 'indefinite length, which is BER (X.690 §10.1)')
      if (octets > 4)
        return this.fail('ERR_DER_ENCODING', what, `a length of ${octets} octets; at most 4 are read`)
      if (content + octets > limit) return this.#truncated(what)
      length = 0
      for (let i = 0; i < octets; i++) length = length * 256 + (bytes[content++] ?? 0)
      if (length < 2 ** (8 * (octets - 1))) return this.#longForm(what)
    }
    if (length > limit - content) return this.#truncated(what)
    this.offset = content
    return content + length
  }

  /** Goes into a constructed value. Give the answer back to {@link leave}. */
  enter(tag: number, what: string): number {
    const end = this.header(tag, what)
    const outer = this.limit
    this.limit = end
    return outer
  }

  /** Leaves a constructed value; it must have been read to its last byte. */
  leave(outer: number, what: string): void {
    if (this.offset !== this.limit) {
      this.fail(
        'ERR_DER_TRAILING_DATA',
        what,
        `${count(this.limit - this.offset, 'byte')} after its last member`,
      )
    }
    this.limit = outer
  }

  /** Passes over a value of a known tag without looking inside. */
  skip(tag: number, what: string): void {
    this.offset = this.header(tag, what)
  }

  /** Passes over a value of any type, checking the DER framing of everything nested in it. */
  skipAny(what: string, depth = 0): void {
    if (depth > MAX_DEPTH) this.fail('ERR_DER_LIMIT', what, `nested deeper than ${MAX_DEPTH} levels`)
    const tag = this.peek()
    if (tag === -1) this.#truncated(what)
    if ((tag & 0x1f) === 0x1f)
      this.fail('ERR_DER_ENCODING', what, 'a tag number above 30, which PKIX never uses')
    if (tag === 0)
      this.fail('ERR_DER_ENCODING', what, 'an end-of-contents octet, which is BER (X.690 §8.1.5)')
    if ((tag & 0xe0) === 0x20 && !CONSTRUCTED.includes(tag))
      this.fail(
        'ERR_DER_ENCODING',
        what,
        'a constructed form of a primitive type, which is BER (X.690 §10.2)',
      )
    if ((tag & 0x20) !== 0) {
      const outer = this.enter(tag, what)
      while (!this.atEnd) this.skipAny(what, depth + 1)
      this.leave(outer, what)
    } else if (tag === Tag.BOOLEAN) this.boolean(what)
    else if (tag === Tag.INTEGER || tag === Tag.ENUMERATED) this.integer(what, tag)
    else if (tag === Tag.BIT_STRING) this.bitString(what)
    else if (tag === Tag.OBJECT_IDENTIFIER) this.objectIdentifier(what)
    else if (tag === Tag.NULL) this.null(what)
    else if (tag === Tag.SEQUENCE - 0x20 || tag === Tag.SET - 0x20) {
      this.fail('ERR_DER_ENCODING', what, 'a primitive SEQUENCE or SET (X.690 §8.9.1)')
    } else {
      const end = this.header(tag, what)
      const size = tag === Tag.BMP_STRING ? 2 : tag === Tag.UNIVERSAL_STRING ? 4 : 1
      if ((end - this.offset) % size !== 0)
        this.fail(
          'ERR_DER_ENCODING',
          what,
          `a string whose length is not a multiple of ${size} (X.690 §8.23)`,
        )
      this.offset = end
    }
  }

  /** Reads a BOOLEAN of `00` or `FF` (X.690 §11.1). */
  boolean(what: string, tag: number = Tag.BOOLEAN): boolean {
    const end = this.header(tag, what)
    const value = this.bytes[this.offset]
    if (end - this.offset !== 1 || (value !== 0 && value !== 0xff)) {
      this.fail('ERR_DER_ENCODING', what, 'a BOOLEAN that is neither 00 nor FF (X.690 §11.1)')
    }
    this.offset = end
    return value === 0xff
  }

  /** Passes over a minimal INTEGER (X.690 §8.3.2); answers where its content begins. */
  integer(what: string, tag: number = Tag.INTEGER): number {
    const end = this.header(tag, what)
    const start = this.offset
    if (end === start) this.fail('ERR_DER_ENCODING', what, 'an INTEGER without content (X.690 §8.3.1)')
    if (end - start > 1) {
      const first = this.bytes[start] ?? 0
      const high = (this.bytes[start + 1] ?? 0) & 0x80
      if ((first === 0 && high === 0) || (first === 0xff && high !== 0)) {
        this.fail('ERR_DER_ENCODING', what, 'an INTEGER that is not in its shortest form (X.690 §8.3.2)')
      }
    }
    this.offset = end
    return start
  }

  /** Reads a non-negative INTEGER up to 2^31-1. */
  smallInteger(what: string, tag: number = Tag.INTEGER): number {
    const start = this.integer(what, tag)
    if (((this.bytes[start] ?? 0) & 0x80) !== 0) this.fail('ERR_DER_VALUE', what, 'a negative number')
    if (this.offset - start > 4) this.fail('ERR_DER_LIMIT', what, 'a number above 2147483647')
    let value = 0
    for (let i = start; i < this.offset; i++) value = value * 256 + (this.bytes[i] ?? 0)
    return value
  }

  /** Passes over a BIT STRING; answers where its bits begin, after the count of unused bits. */
  bitString(what: string, tag: number = Tag.BIT_STRING): number {
    const end = this.header(tag, what)
    const start = this.offset
    const unused = this.bytes[start] ?? 0
    if (end === start || unused > 7 || (unused > 0 && end - start === 1)) {
      this.fail('ERR_DER_ENCODING', what, 'a BIT STRING with a bad count of unused bits (X.690 §8.6.2)')
    }
    if (unused > 0 && ((this.bytes[end - 1] ?? 0) & ((1 << unused) - 1)) !== 0) {
      this.fail('ERR_DER_ENCODING', what, 'a BIT STRING whose padding bits are not zero (X.690 §11.2.1)')
    }
    this.offset = end
    return start + 1
  }

  /** Passes over a BIT STRING that holds whole octets; answers where they begin. */
  octetAlignedBitString(what: string): number {
    const start = this.bitString(what)
    if (this.bytes[start - 1] !== 0)
      this.fail('ERR_DER_VALUE', what, 'a BIT STRING that is not a whole number of octets')
    return start
  }

  /**
   * Reads a BIT STRING of named bits, first bit lowest: bit 0 of the ASN.1 is `1 << 0` of the answer.
   * DER drops trailing zero bits (X.690 §11.2.2); `zeros` lets them stand.
   */
  namedBits(what: string, max: number, tag: number = Tag.BIT_STRING, zeros = false): number {
    const start = this.bitString(what, tag)
    const { bytes, offset } = this
    const unused = bytes[start - 1] ?? 0
    const last = bytes[offset - 1] ?? 0
    if (!zeros && offset > start && ((last >> unused) & 1) === 0) {
      this.fail(
        'ERR_DER_ENCODING',
        what,
        'named bits with trailing zero bits (X.690 §11.2.2; leniency "trailing-zero-bits" allows it)',
      )
    }
    if ((offset - start) * 8 - unused > (zeros ? 16 : max))
      this.fail('ERR_DER_VALUE', what, `more than its ${max} named bits`)
    let flags = 0
    for (let i = start; i < offset; i++) {
      const byte = bytes[i] ?? 0
      for (let bit = 0; bit < 8; bit++)
        if ((byte & (0x80 >> bit)) !== 0) flags |= 1 << ((i - start) * 8 + bit)
    }
    if (flags >>> max !== 0) this.fail('ERR_DER_VALUE', what, `more than its ${max} named bits`)
    return flags
  }

  /** Passes over an OBJECT IDENTIFIER (X.690 §8.19); answers where its content begins. */
  objectIdentifier(what: string, tag: number = Tag.OBJECT_IDENTIFIER): number {
    const end = this.header(tag, what)
    const start = this.offset
    const { bytes } = this
    if (end === start || ((bytes[end - 1] ?? 0) & 0x80) !== 0) {
      this.fail(
        'ERR_DER_ENCODING',
        what,
        'an OBJECT IDENTIFIER that is empty or ends in the middle of an arc',
      )
    }
    if (end - start > MAX_OID_OCTETS)
      this.fail('ERR_DER_LIMIT', what, `an OBJECT IDENTIFIER over ${MAX_OID_OCTETS} octets`)
    let previous = 0
    for (let i = start; i < end; i++) {
      const byte = bytes[i] ?? 0
      if (byte === 0x80 && previous < 0x80) {
        this.fail(
          'ERR_DER_ENCODING',
          what,
          'an OBJECT IDENTIFIER arc that is not in its shortest form (X.690 §8.19.2)',
        )
      }
      previous = byte
    }
    this.offset = end
    return start
  }

  /** Passes over an OCTET STRING; answers where its content begins. */
  octetString(what: string, tag: number = Tag.OCTET_STRING): number {
    const end = this.header(tag, what)
    const start = this.offset
    this.offset = end
    return start
  }

  /** Passes over a NULL, which has no content (X.690 §8.8.2). */
  null(what: string): void {
    const end = this.header(Tag.NULL, what)
    if (end !== this.offset) this.fail('ERR_DER_ENCODING', what, 'a NULL with content (X.690 §8.8.2)')
  }

  /** Throws for the value at the cursor. */
  fail(code: MeshPkiErrorCode, what: string, found: string): never {
    throw new MeshPkiError(code, `${what} at byte ${this.offset}: ${found}`, {
      data: { field: what, offset: this.offset },
    })
  }

  #missing(tag: number, what: string): never {
    this.fail(
      'ERR_DER_TRUNCATED',
      what,
      `missing; expected ${tagName(tag)}, but the value around it has ended`,
    )
  }

  #unexpected(tag: number, what: string): never {
    const found = this.bytes[this.offset] ?? 0
    const hint =
      found === 0x2d && this.offset === 0
        ? '; the input looks like PEM: pass it as a string, or use the PEM reader'
        : ''
    this.fail('ERR_DER_UNEXPECTED_TAG', what, `expected ${tagName(tag)}, found ${tagName(found)}${hint}`)
  }

  #longForm(what: string): never {
    this.fail('ERR_DER_ENCODING', what, 'a length that is not in its shortest form (X.690 §10.1)')
  }

  #truncated(what: string): never {
    this.fail('ERR_DER_TRUNCATED', what, 'the bytes end before the value does; is the input cut off?')
  }
}

/** A tag as a person reads it: `SEQUENCE`, `[0]`, `tag 0x2f`. */
export function tagName(tag: number): string {
  for (const [name, value] of Object.entries(Tag)) if (value === tag) return name.replace('_', ' ')
  if ((tag & 0xc0) === 0x80) return `[${tag & 0x1f}]`
  return `tag 0x${tag.toString(16).padStart(2, '0')}`
}

/** A number with its noun: `1 byte`, `2 bytes`. */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`
}
