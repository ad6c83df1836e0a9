/**
 * Subject and authority key identifiers (RFC 5280 §4.2.1.1, §4.2.1.2).
 *
 * @module
 */

import { integerHex, toHex } from '../../internal/bytes.ts'
import { context, contextPrimitive, type DerCursor, Tag } from '../../internal/der.ts'
import { type GeneralName, readGeneralNames, walkGeneralNames } from '../general-name.ts'

const SKI = 'subjectKeyIdentifier'
const AKI = 'authorityKeyIdentifier'

/** Which key signed a certificate. */
export interface AuthorityKeyIdentifier {
  /** The issuer's subject key identifier, hex. */
  readonly keyIdentifier: string | undefined
  /** The name of the issuer's issuer. */
  readonly authorityCertIssuer: readonly GeneralName[] | undefined
  /** The issuer's serial number, hex. */
  readonly authorityCertSerialNumber: string | undefined
}

/** Passes over a subject key identifier; answers where its octets begin. */
export function walkSubjectKeyIdentifier(cursor: DerCursor): number {
  const start = cursor.octetString(SKI)
  if (cursor.offset === start)
    cursor.fail('ERR_CERTIFICATE_EXTENSION', SKI, 'an empty key identifier (RFC 5280 §4.2.1.2)')
  return start
}

/** Where the octets of the keyIdentifier field are. */
export interface AuthorityKeyIdRange {
  authorityKeyIdStart: number
  authorityKeyIdEnd: number
}

/** Passes over an authority key identifier and notes in `range` where its keyIdentifier is. */
export function walkAuthorityKeyIdentifier(cursor: DerCursor, range: AuthorityKeyIdRange): void {
  const outer = cursor.enter(Tag.SEQUENCE, AKI)
  if (cursor.peek() === contextPrimitive(0)) {
    range.authorityKeyIdStart = cursor.octetString(AKI, contextPrimitive(0))
    range.authorityKeyIdEnd = cursor.offset
  }
  const issuer = cursor.peek() === context(1)
  if (issuer) walkGeneralNames(cursor, AKI, context(1))
  const serial = cursor.peek() === contextPrimitive(2)
  if (serial) cursor.integer(AKI, contextPrimitive(2))
  if (issuer !== serial) {
    cursor.fail(
      'ERR_CERTIFICATE_EXTENSION',
      AKI,
      'authorityCertIssuer and authorityCertSerialNumber must come together (RFC 5280 §4.2.1.1)',
    )
  }
  cursor.leave(outer, AKI)
}

/** Reads the checked authority key identifier. */
export function readAuthorityKeyIdentifier(cursor: DerCursor): AuthorityKeyIdentifier {
  cursor.enter(Tag.SEQUENCE, AKI)
  let keyIdentifier: string | undefined
  let authorityCertIssuer: readonly GeneralName[] | undefined
  let authorityCertSerialNumber: string | undefined
  if (cursor.peek() === contextPrimitive(0)) {
    const start = cursor.octetString(AKI, contextPrimitive(0))
    keyIdentifier = toHex(cursor.bytes, start, cursor.offset)
  }
  if (cursor.peek() === context(1)) authorityCertIssuer = readGeneralNames(cursor, context(1))
  if (cursor.peek() === contextPrimitive(2)) {
    const start = cursor.integer(AKI, contextPrimitive(2))
    authorityCertSerialNumber = integerHex(cursor.bytes, start, cursor.offset)
  }
  return { keyIdentifier, authorityCertIssuer, authorityCertSerialNumber }
}
