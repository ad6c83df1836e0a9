/**
 * The string types of names, checked to the last byte and decoded (X.680 §41, RFC 5280 §4.1.2.4).
 *
 * @module
 */

import { MeshPkiError } from '../errors.ts'
import { latin1 } from '../internal/bytes.ts'
import { DerCursor, Tag, tagName } from '../internal/der.ts'

/** Passes over one attribute value of a name. Its bytes must be legal for its string type. */
export function walkDirectoryString(cursor: DerCursor, what: string): void {
  const tag = cursor.peek()
  if (tag === Tag.BIT_STRING) {
    // x500UniqueIdentifier (X.520 §6.2.8) is the one attribute of names that is no string.
    cursor.bitString(what)
    return
  }
  // X.520 gives no attribute a VisibleString, and OpenSSL refuses names that hold one.
  if (!isStringTag(tag) || tag === Tag.VISIBLE_STRING) wrongType(cursor, tag, what)
  walkString(cursor, tag, what)
}

/** Passes over a DisplayText (RFC 5280 §4.2.1.4). */
export function walkDisplayText(cursor: DerCursor, what: string): void {
  const tag = cursor.peek()
  switch (tag) {
    case Tag.UTF8_STRING:
    case Tag.IA5_STRING:
    case Tag.VISIBLE_STRING:
    case Tag.BMP_STRING:
      walkString(cursor, tag, what)
      return
    default:
      wrongType(cursor, tag, what)
  }
}

function wrongType(cursor: DerCursor, tag: number, what: string): never {
  cursor.fail(
    'ERR_DER_UNEXPECTED_TAG',
    what,
    `expected a string type, found ${tag === -1 ? 'nothing' : tagName(tag)}`,
  )
}

function walkString(cursor: DerCursor, tag: number, what: string): void {
  const end = cursor.header(tag, what)
  const fault = stringFault(tag, cursor.bytes, cursor.offset, end)
  if (fault !== undefined) cursor.fail('ERR_DER_VALUE', what, fault)
  cursor.offset = end
}

/** Why bytes are not one attribute value in DER, of any type (RFC 4514 §2.4); `undefined` when they are. */
export function attributeValueFault(bytes: Uint8Array): string | undefined {
  const cursor = new DerCursor(bytes)
  try {
    const tag = cursor.peek()
    if (isStringTag(tag)) walkString(cursor, tag, 'attribute value')
    else cursor.skipAny('attribute value')
  } catch (error) {
    if (error instanceof MeshPkiError) return error.message
    throw error
  }
  return cursor.atEnd ? undefined : 'bytes after it'
}

/** Whether a tag is one of the string types that names use. */
export function isStringTag(tag: number): boolean {
  switch (tag) {
    case Tag.UTF8_STRING:
    case Tag.PRINTABLE_STRING:
    case Tag.IA5_STRING:
    case Tag.TELETEX_STRING:
    case Tag.NUMERIC_STRING:
    case Tag.VISIBLE_STRING:
    case Tag.UNIVERSAL_STRING:
    case Tag.BMP_STRING:
      return true
    default:
      return false
  }
}

/** Text of a checked string. TeletexString is read as Latin-1, as OpenSSL and GnuTLS do. */
export function decodeString(tag: number, bytes: Uint8Array, start: number, end: number): string {
  if (tag === Tag.UTF8_STRING) {
    return isAscii(bytes, start, end)
      ? latin1(bytes, start, end)
      : new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes.subarray(start, end))
  }
  if (tag !== Tag.BMP_STRING && tag !== Tag.UNIVERSAL_STRING) return latin1(bytes, start, end)
  let text = ''
  const size = tag === Tag.BMP_STRING ? 2 : 4
  for (let i = start; i < end; i += size) text += String.fromCodePoint(codePoint(bytes, i, size))
  return text
}

/** Whether text is within PrintableString's repertoire (X.680 §41.4). */
export function isPrintable(text: string): boolean {
  return /^[A-Za-z0-9 '()+,\-./:=?]*$/.test(text)
}

function stringFault(tag: number, bytes: Uint8Array, start: number, end: number): string | undefined {
  switch (tag) {
    case Tag.PRINTABLE_STRING:
      for (let i = start; i < end; i++) {
        if (!isPrintableByte(bytes[i] ?? 0))
          return 'a character that PrintableString does not have (X.680 §41.4)'
      }
      return undefined
    case Tag.UTF8_STRING:
      return isAscii(bytes, start, end) || isUtf8(bytes, start, end)
        ? undefined
        : 'bytes that are not UTF-8 (RFC 3629)'
    case Tag.IA5_STRING:
      return isAscii(bytes, start, end) ? undefined : 'a byte above 7F in an IA5String'
    case Tag.NUMERIC_STRING:
      for (let i = start; i < end; i++) {
        const byte = bytes[i] ?? 0
        if (byte !== 0x20 && (byte < 0x30 || byte > 0x39))
          return 'a character that is neither digit nor space in a NumericString'
      }
      return undefined
    case Tag.VISIBLE_STRING:
      for (let i = start; i < end; i++) {
        const byte = bytes[i] ?? 0
        if (byte < 0x20 || byte > 0x7e) return 'a character outside 20 to 7E in a VisibleString'
      }
      return undefined
    case Tag.BMP_STRING:
    case Tag.UNIVERSAL_STRING: {
      const size = tag === Tag.BMP_STRING ? 2 : 4
      if ((end - start) % size !== 0) return `a length that is not a multiple of ${size}`
      for (let i = start; i < end; i += size) {
        const point = codePoint(bytes, i, size)
        if (point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
          return 'a value that is no Unicode character'
      }
      return undefined
    }
    default:
      return undefined
  }
}

function codePoint(bytes: Uint8Array, at: number, size: number): number {
  let point = 0
  for (let i = at; i < at + size; i++) point = point * 256 + (bytes[i] ?? 0)
  return point
}

/** PrintableString's characters as bits: from 20 to 3F, and the letters from 40 and from 60. */
const PUNCTUATION_AND_DIGITS = 0xa7fffb81
const LETTERS = 0x07fffffe

function isPrintableByte(byte: number): boolean {
  const row = byte >> 5
  const characters = row === 1 ? PUNCTUATION_AND_DIGITS : row === 2 || row === 3 ? LETTERS : 0
  return ((characters >>> (byte & 31)) & 1) === 1
}

/** Whether all bytes are below 0x80. */
export function isAscii(bytes: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if ((bytes[i] ?? 0) >= 0x80) return false
  return true
}

function isUtf8(bytes: Uint8Array, start: number, end: number): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(start, end))
    return true
  } catch {
    return false
  }
}
