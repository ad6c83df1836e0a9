/**
 * Authority and subject information access (RFC 5280 §4.2.2).
 *
 * @module
 */

import { type DerCursor, Tag } from '../../internal/der.ts'
import { readOid } from '../../internal/oid.ts'
import { type GeneralName, readGeneralName, walkGeneralName } from '../general-name.ts'
import type { Oid } from './extended-key-usage.ts'

/** Where more about the issuer or the subject is to be found. */
export interface AccessDescription {
  /** `1.3.6.1.5.5.7.48.1` is OCSP, `1.3.6.1.5.5.7.48.2` the issuer's certificates. */
  readonly method: Oid
  readonly location: GeneralName
}

/** Reads the extension, walking every name. */
export function readAccessDescriptions(cursor: DerCursor, what: string): readonly AccessDescription[] {
  const descriptions: AccessDescription[] = []
  const outer = cursor.enter(Tag.SEQUENCE, what)
  if (cursor.atEnd)
    cursor.fail('ERR_CERTIFICATE_EXTENSION', what, 'no access description in it (RFC 5280 §4.2.2.1)')
  while (!cursor.atEnd) {
    const description = cursor.enter(Tag.SEQUENCE, what)
    const start = cursor.objectIdentifier(what)
    const method = readOid(cursor.bytes, start, cursor.offset)
    const nameStart = cursor.offset
    walkGeneralName(cursor, what, false)
    cursor.offset = nameStart
    descriptions.push({ method, location: readGeneralName(cursor, false) })
    cursor.leave(description, what)
  }
  cursor.leave(outer, what)
  return descriptions
}
