/**
 * Extended key usage (RFC 5280 §4.2.1.12).
 *
 * @module
 */

import { type DerCursor, Tag } from '../../internal/der.ts'
import { isContent, readOid } from '../../internal/oid.ts'

const WHAT = 'extKeyUsage'

/** An object identifier in dotted decimals. */
export type Oid = string

/** Purposes that this library names. */
export const ExtendedKeyUsage = {
  any: '2.5.29.37.0',
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
  codeSigning: '1.3.6.1.5.5.7.3.3',
  emailProtection: '1.3.6.1.5.5.7.3.4',
  timeStamping: '1.3.6.1.5.5.7.3.8',
  ocspSigning: '1.3.6.1.5.5.7.3.9',
} as const

/** A purpose as a person knows it: `serverAuth (1.3.6.1.5.5.7.3.1)`. */
export function purposeLabel(oid: Oid): string {
  for (const [name, known] of Object.entries(ExtendedKeyUsage)) if (known === oid) return `${name} (${oid})`
  return oid
}

/** Passes over the extension; it holds at least one purpose. */
export function walkExtendedKeyUsage(cursor: DerCursor): void {
  const outer = cursor.enter(Tag.SEQUENCE, WHAT)
  if (cursor.atEnd) cursor.fail('ERR_CERTIFICATE_EXTENSION', WHAT, 'no purpose in it (RFC 5280 §4.2.1.12)')
  while (cursor.offset < cursor.limit) cursor.objectIdentifier(WHAT)
  cursor.leave(outer, WHAT)
}

/** Content octets of the purposes that every connection asks for. */
const CONTENTS: Readonly<Record<Oid, readonly number[]>> = {
  [ExtendedKeyUsage.any]: [0x55, 0x1d, 0x25, 0],
  [ExtendedKeyUsage.serverAuth]: [0x2b, 6, 1, 5, 5, 7, 3, 1],
  [ExtendedKeyUsage.clientAuth]: [0x2b, 6, 1, 5, 5, 7, 3, 2],
}

/** Whether the checked extension lists a purpose. */
export function listsPurpose(cursor: DerCursor, purpose: Oid): boolean {
  const content = CONTENTS[purpose]
  if (content === undefined) return readExtendedKeyUsage(cursor).includes(purpose)
  cursor.enter(Tag.SEQUENCE, WHAT)
  while (cursor.offset < cursor.limit) {
    const start = cursor.objectIdentifier(WHAT)
    if (isContent(cursor.bytes, start, cursor.offset, content)) return true
  }
  return false
}

/** Reads the checked extension. */
export function readExtendedKeyUsage(cursor: DerCursor): readonly Oid[] {
  const oids: Oid[] = []
  cursor.enter(Tag.SEQUENCE, WHAT)
  while (cursor.offset < cursor.limit) {
    const start = cursor.objectIdentifier(WHAT)
    oids.push(readOid(cursor.bytes, start, cursor.offset))
  }
  return oids
}
