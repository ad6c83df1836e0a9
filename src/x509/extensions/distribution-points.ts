/**
 * CRL distribution points and freshest CRL (RFC 5280 §4.2.1.13, §4.2.1.15).
 *
 * @module
 */

import { context, contextPrimitive, type DerCursor, Tag } from '../../internal/der.ts'
import { type GeneralName, readGeneralNames, walkGeneralNames } from '../general-name.ts'
import { walkRelativeName } from '../name-walker.ts'

const WHAT = 'cRLDistributionPoints'

/** Where a CRL that covers the certificate is to be found. */
export interface DistributionPoint {
  /** Full names; `undefined` where the point names itself relative to its issuer or not at all. */
  readonly fullName: readonly GeneralName[] | undefined
  /** DER of the relative name, tagged `[1]`. */
  readonly relativeName: Uint8Array | undefined
  /** Reason flags, ASN.1 bit 0 lowest; `undefined` for all reasons. */
  readonly reasons: number | undefined
  readonly crlIssuer: readonly GeneralName[] | undefined
}

/** Reads the extension, walking every name. */
export function readDistributionPoints(cursor: DerCursor): readonly DistributionPoint[] {
  const points: DistributionPoint[] = []
  const outer = cursor.enter(Tag.SEQUENCE, WHAT)
  if (cursor.atEnd)
    cursor.fail('ERR_CERTIFICATE_EXTENSION', WHAT, 'no distribution point in it (RFC 5280 §4.2.1.13)')
  while (!cursor.atEnd) {
    const point = cursor.enter(Tag.SEQUENCE, WHAT)
    let fullName: readonly GeneralName[] | undefined
    let relativeName: Uint8Array | undefined
    let reasons: number | undefined
    let crlIssuer: readonly GeneralName[] | undefined
    if (cursor.peek() === context(0)) {
      const name = cursor.enter(context(0), WHAT)
      if (cursor.peek() === context(0)) fullName = checkedNames(cursor, context(0))
      else {
        const start = cursor.offset
        walkRelativeName(cursor, WHAT, context(1))
        relativeName = cursor.bytes.slice(start, cursor.offset)
      }
      cursor.leave(name, WHAT)
    }
    if (cursor.peek() === contextPrimitive(1)) reasons = cursor.namedBits(WHAT, 9, contextPrimitive(1))
    if (cursor.peek() === context(2)) crlIssuer = checkedNames(cursor, context(2))
    if (fullName === undefined && relativeName === undefined && crlIssuer === undefined) {
      cursor.fail(
        'ERR_CERTIFICATE_EXTENSION',
        WHAT,
        'a point with neither name nor crlIssuer (RFC 5280 §4.2.1.13)',
      )
    }
    cursor.leave(point, WHAT)
    points.push({ fullName, relativeName, reasons, crlIssuer })
  }
  cursor.leave(outer, WHAT)
  return points
}

function checkedNames(cursor: DerCursor, tag: number): readonly GeneralName[] {
  const start = cursor.offset
  walkGeneralNames(cursor, WHAT, tag)
  cursor.offset = start
  return readGeneralNames(cursor, tag)
}
