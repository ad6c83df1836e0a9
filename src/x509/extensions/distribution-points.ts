/**
 * CRL distribution points and freshest CRL (RFC 5280 §4.2.1.13, §4.2.1.15).
 *
 * @module
 */

import { context, contextPrimitive, type DerCursor, Tag } from '../../internal/der.ts'
import { type GeneralName, readGeneralNames, walkGeneralNames } from '../general-name.ts'
import { walkRelativeName } from '../name-walker.ts'

const WHAT = 'cRLDistributionPoints'

/** The name of a distribution point: full, relative to the CRL's issuer, or none. */
export interface DistributionPointName {
  /** Full names; `undefined` where the point names itself relative to its issuer or not at all. */
  readonly fullName: readonly GeneralName[] | undefined
  /** DER of the relative name, tagged `[1]`. */
  readonly relativeName: Uint8Array | undefined
}

/** Where a CRL that covers the certificate is to be found. */
export interface DistributionPoint extends DistributionPointName {
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
    const { fullName, relativeName } = readDistributionPointName(cursor, WHAT)
    const reasons =
      cursor.peek() === contextPrimitive(1) ? readReasonFlags(cursor, WHAT, contextPrimitive(1)) : undefined
    const crlIssuer = cursor.peek() === context(2) ? checkedNames(cursor, WHAT, context(2)) : undefined
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

/** Reads the field `distributionPoint`, tagged `[0]`, where it is there. */
export function readDistributionPointName(cursor: DerCursor, what: string): DistributionPointName {
  if (cursor.peek() !== context(0)) return { fullName: undefined, relativeName: undefined }
  let fullName: readonly GeneralName[] | undefined
  let relativeName: Uint8Array | undefined
  const name = cursor.enter(context(0), what)
  if (cursor.peek() === context(0)) fullName = checkedNames(cursor, what, context(0))
  else {
    const start = cursor.offset
    walkRelativeName(cursor, what, context(1))
    relativeName = cursor.bytes.slice(start, cursor.offset)
  }
  cursor.leave(name, what)
  return { fullName, relativeName }
}

/** Reads ReasonFlags, ASN.1 bit 0 lowest (RFC 5280 §4.2.1.13). */
export function readReasonFlags(cursor: DerCursor, what: string, tag: number): number {
  return cursor.namedBits(what, 9, tag)
}

function checkedNames(cursor: DerCursor, what: string, tag: number): readonly GeneralName[] {
  const start = cursor.offset
  walkGeneralNames(cursor, what, tag)
  cursor.offset = start
  return readGeneralNames(cursor, tag)
}
