/**
 * The scope of a CRL (RFC 5280 §5.2.5).
 *
 * @module
 */

import { context, contextPrimitive, type DerCursor, Tag } from '../../internal/der.ts'
import {
  type DistributionPointName,
  readDistributionPointName,
  readReasonFlags,
} from './distribution-points.ts'

const WHAT = 'issuingDistributionPoint'

/** Which certificates a CRL speaks about. */
export interface IssuingDistributionPoint extends DistributionPointName {
  readonly onlyContainsUserCerts: boolean
  readonly onlyContainsCaCerts: boolean
  readonly onlyContainsAttributeCerts: boolean
  /** Reason flags, ASN.1 bit 0 lowest; `undefined` for all reasons. */
  readonly onlySomeReasons: number | undefined
  /** Whether it may hold certificates of other issuers. */
  readonly indirectCrl: boolean
}

/** Reads the extension. DER writes no flag that is FALSE, and an empty sequence must not be issued. */
export function readIssuingDistributionPoint(cursor: DerCursor): IssuingDistributionPoint {
  const outer = cursor.enter(Tag.SEQUENCE, WHAT)
  if (cursor.atEnd) cursor.fail('ERR_CRL_EXTENSION', WHAT, 'an empty sequence (RFC 5280 §5.2.5)')
  const name = readDistributionPointName(cursor, WHAT)
  const onlyContainsUserCerts = readFlag(cursor, 1)
  const onlyContainsCaCerts = readFlag(cursor, 2)
  const onlySomeReasons =
    cursor.peek() === contextPrimitive(3) ? readReasonFlags(cursor, WHAT, contextPrimitive(3)) : undefined
  const indirectCrl = readFlag(cursor, 4)
  const onlyContainsAttributeCerts = readFlag(cursor, 5)
  cursor.leave(outer, WHAT)
  if (Number(onlyContainsUserCerts) + Number(onlyContainsCaCerts) + Number(onlyContainsAttributeCerts) > 1)
    cursor.fail(
      'ERR_CRL_EXTENSION',
      WHAT,
      'more than one kind of certificates is the only one (RFC 5280 §5.2.5)',
    )
  return {
    ...name,
    onlyContainsUserCerts,
    onlyContainsCaCerts,
    onlyContainsAttributeCerts,
    onlySomeReasons,
    indirectCrl,
  }
}

function readFlag(cursor: DerCursor, n: number): boolean {
  if (cursor.peek() !== contextPrimitive(n)) {
    if (cursor.peek() === context(n)) cursor.fail('ERR_DER_UNEXPECTED_TAG', WHAT, 'a constructed BOOLEAN')
    return false
  }
  const value = cursor.boolean(WHAT, contextPrimitive(n))
  if (!value)
    cursor.fail('ERR_DER_ENCODING', WHAT, 'a flag written although it has its default, FALSE (X.690 §11.5)')
  return value
}
