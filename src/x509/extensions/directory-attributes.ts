/**
 * Subject directory attributes (RFC 5280 §4.2.1.8).
 *
 * @module
 */

import { type DerCursor, Tag } from '../../internal/der.ts'
import { readOid } from '../../internal/oid.ts'
import type { Oid } from './extended-key-usage.ts'

const WHAT = 'subjectDirectoryAttributes'

/** An attribute of the subject with its values as DER. */
export interface DirectoryAttribute {
  readonly type: Oid
  readonly values: readonly Uint8Array[]
}

/** Reads the extension. */
export function readDirectoryAttributes(cursor: DerCursor): readonly DirectoryAttribute[] {
  const attributes: DirectoryAttribute[] = []
  const outer = cursor.enter(Tag.SEQUENCE, WHAT)
  if (cursor.atEnd) cursor.fail('ERR_CERTIFICATE_EXTENSION', WHAT, 'no attribute in it (RFC 5280 §4.2.1.8)')
  while (!cursor.atEnd) {
    const attribute = cursor.enter(Tag.SEQUENCE, WHAT)
    const start = cursor.objectIdentifier(WHAT)
    const type = readOid(cursor.bytes, start, cursor.offset)
    const set = cursor.enter(Tag.SET, WHAT)
    if (cursor.atEnd)
      cursor.fail('ERR_CERTIFICATE_EXTENSION', WHAT, 'an attribute without values (RFC 5280 §4.2.1.8)')
    const values: Uint8Array[] = []
    while (!cursor.atEnd) {
      const valueStart = cursor.offset
      cursor.skipAny(WHAT)
      values.push(cursor.bytes.slice(valueStart, cursor.offset))
    }
    cursor.leave(set, WHAT)
    cursor.leave(attribute, WHAT)
    attributes.push({ type, values })
  }
  cursor.leave(outer, WHAT)
  return attributes
}
