/**
 * Passes over names in DER: once strictly, when they are read, and then to visit their attributes.
 *
 * @module
 */

import { DerCursor, Tag } from '../internal/der.ts'
import { readOid } from '../internal/oid.ts'
import { walkDirectoryString } from './directory-string.ts'

/** The most RDNs read in one name, and attributes in one RDN. Real names stay below 20 and 5. */
const MAX_RDNS = 128
const MAX_ATTRIBUTES = 32

/** Passes over a Name, checking every attribute. */
export function walkName(cursor: DerCursor, what: string): void {
  const outer = cursor.enter(Tag.SEQUENCE, what)
  let count = 0
  while (cursor.offset < cursor.limit) {
    if (++count > MAX_RDNS) cursor.fail('ERR_DER_LIMIT', what, `more than ${MAX_RDNS} RDNs`)
    walkRelativeName(cursor, what, Tag.SET)
  }
  cursor.leave(outer, what)
}

/** Passes over one RDN, a SET OF attributes in order. */
export function walkRelativeName(cursor: DerCursor, what: string, tag: number): void {
  const outer = cursor.enter(tag, what)
  if (cursor.atEnd) cursor.fail('ERR_DER_VALUE', what, 'an RDN without attributes (RFC 5280 §4.1.2.4)')
  let count = 0
  let previousStart = -1
  let previousEnd = -1
  while (cursor.offset < cursor.limit) {
    if (++count > MAX_ATTRIBUTES)
      cursor.fail('ERR_DER_LIMIT', what, `more than ${MAX_ATTRIBUTES} attributes in an RDN`)
    const start = cursor.offset
    const attribute = cursor.enter(Tag.SEQUENCE, what)
    cursor.objectIdentifier(what)
    walkDirectoryString(cursor, what)
    cursor.leave(attribute, what)
    if (previousStart >= 0 && !isAscending(cursor.bytes, previousStart, previousEnd, start, cursor.offset)) {
      cursor.fail('ERR_DER_ENCODING', what, 'attributes of an RDN that are not in SET OF order (X.690 §11.6)')
    }
    previousStart = start
    previousEnd = cursor.offset
  }
  cursor.leave(outer, what)
}

function isAscending(bytes: Uint8Array, aStart: number, aEnd: number, bStart: number, bEnd: number): boolean {
  const length = Math.max(aEnd - aStart, bEnd - bStart)
  for (let i = 0; i < length; i++) {
    const a = aStart + i < aEnd ? (bytes[aStart + i] ?? 0) : 0
    const b = bStart + i < bEnd ? (bytes[bStart + i] ?? 0) : 0
    if (a !== b) return a < b
  }
  return true
}

/** Calls back for every attribute of a checked name, in DER order. */
export function forEachAttribute(
  bytes: Uint8Array,
  start: number,
  end: number,
  visit: (
    rdn: number,
    type: string,
    tag: number,
    valueStart: number,
    contentStart: number,
    end: number,
  ) => void,
): void {
  const cursor = new DerCursor(bytes, start, end)
  cursor.enter(Tag.SEQUENCE, 'Name')
  let rdn = 0
  while (!cursor.atEnd) {
    const inName = cursor.enter(Tag.SET, 'Name')
    while (!cursor.atEnd) {
      const inRdn = cursor.enter(Tag.SEQUENCE, 'Name')
      const typeStart = cursor.objectIdentifier('Name')
      const type = readOid(bytes, typeStart, cursor.offset)
      const valueStart = cursor.offset
      const tag = cursor.peek()
      const valueEnd = cursor.header(tag, 'Name')
      visit(rdn, type, tag, valueStart, cursor.offset, valueEnd)
      cursor.offset = valueEnd
      cursor.limit = inRdn
    }
    cursor.limit = inName
    rdn++
  }
}
