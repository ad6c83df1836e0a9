/**
 * One entry of a CRL (RFC 5280 §5.1.2.6, §5.3).
 *
 * @module
 */

import { equalRange, integerHex } from '../internal/bytes.ts'
import { DerCursor, Tag } from '../internal/der.ts'
import { readTime } from '../internal/der-time.ts'
import { ExtensionsLayout } from './certificate-layout.ts'
import { forEachExtension, walkExtensions } from './extension-list.ts'
import { ExtensionArc } from './extension-walker.ts'
import { type GeneralName, readGeneralNames, walkGeneralNames } from './general-name.ts'
import type { Name } from './name.ts'

/** Why a certificate was revoked (RFC 5280 §5.3.1). */
export type RevocationReason =
  | 'unspecified'
  | 'keyCompromise'
  | 'cACompromise'
  | 'affiliationChanged'
  | 'superseded'
  | 'cessationOfOperation'
  | 'certificateHold'
  | 'removeFromCRL'
  | 'privilegeWithdrawn'
  | 'aACompromise'

/** By CRLReason; 7 is not used. */
const REASONS: Readonly<Record<number, RevocationReason>> = {
  0: 'unspecified',
  1: 'keyCompromise',
  2: 'cACompromise',
  3: 'affiliationChanged',
  4: 'superseded',
  5: 'cessationOfOperation',
  6: 'certificateHold',
  8: 'removeFromCRL',
  9: 'privilegeWithdrawn',
  10: 'aACompromise',
}

/** A certificate that a CRL lists. */
export interface RevokedCertificate {
  /** Lower-case hex in whole octets, as `Certificate.serialNumber`. */
  readonly serialNumber: string
  readonly revocationDate: Date
  /** `undefined` without the extension, and for a number that RFC 5280 does not define: revoked all the same. */
  readonly reason: RevocationReason | undefined
  /** Since when the key is known or suspected to be compromised; `undefined` without the extension. */
  readonly invalidityDate: Date | undefined
  /** Who issued the certificate: the CRL's issuer, or another in an indirect CRL. */
  readonly certificateIssuer: Name
}

/** What a reader of entries wants to know of one. */
export class RevokedEntry {
  serialStart = 0
  serialEnd = 0
  revocationDate = 0
  /** CRLReason; -1 without. */
  reason = -1
  /** Milliseconds; NaN without. */
  invalidityDate: number = Number.NaN
  /** The content octets' range of a `certificateIssuer`'s names, tag included; 0 without. */
  issuerStart = 0
  /** Whether it has a critical extension beyond reason, invalidity date and issuer. */
  unknownCritical = false
}

const WHAT = 'revokedCertificates'

/** Names of one certificate issuer: its subject and, rarely, some alternative names. */
const MAX_ISSUER_NAMES = 16

/** Reads the entry at the cursor strictly. Dates of either form are read, as peers' certificates are. */
export function walkRevokedEntry(cursor: DerCursor, extensions: boolean, entry: RevokedEntry): void {
  const outer = cursor.enter(Tag.SEQUENCE, WHAT)
  entry.serialStart = cursor.integer(WHAT)
  entry.serialEnd = cursor.offset
  entry.revocationDate = readTime(cursor, 'revocationDate', true)
  entry.reason = -1
  entry.invalidityDate = Number.NaN
  entry.issuerStart = 0
  entry.unknownCritical = false
  if (cursor.offset < cursor.limit) {
    if (!extensions)
      cursor.fail('ERR_CRL_VERSION', WHAT, 'extensions in a v1 CRL; only v2 has them (RFC 5280 §5.1.2.1)')
    walkEntryExtensions(cursor, entry)
  }
  cursor.leave(outer, WHAT)
}

function walkEntryExtensions(cursor: DerCursor, entry: RevokedEntry): void {
  const { bytes } = cursor
  const layout = new ExtensionsLayout()
  walkExtensions(cursor, layout, false)
  if (layout.foreignCriticalStart !== 0) entry.unknownCritical = true
  forEachExtension(bytes, layout, (oidStart, oidEnd, critical, start, end) => {
    const value = new DerCursor(bytes, start, end)
    const arc = equalRange(bytes, oidStart, oidEnd - 1, CERTIFICATE_EXTENSIONS, 0, 2) ? bytes[oidEnd - 1] : -1
    switch (arc) {
      case ExtensionArc.reasonCode: {
        const at = value.integer('reasonCode', Tag.ENUMERATED)
        entry.reason = value.offset - at === 1 ? (bytes[at] ?? 0) : 255
        break
      }
      case ExtensionArc.invalidityDate:
        if (value.peek() !== Tag.GENERALIZED_TIME)
          value.fail('ERR_DER_UNEXPECTED_TAG', 'invalidityDate', 'no GeneralizedTime (RFC 5280 §5.3.2)')
        entry.invalidityDate = readTime(value, 'invalidityDate', true)
        break
      case ExtensionArc.certificateIssuer:
        entry.issuerStart = start
        walkGeneralNames(value, 'certificateIssuer')
        checkCertificateIssuers(value, readGeneralNames(new DerCursor(bytes, start)))
        break
      default:
        if (critical) entry.unknownCritical = true
        value.offset = end
    }
    if (!value.atEnd) value.fail('ERR_DER_TRAILING_DATA', WHAT, 'bytes after the value of an extension')
    return false
  })
}

const CERTIFICATE_EXTENSIONS = Uint8Array.of(0x55, 0x1d)

function checkCertificateIssuers(value: DerCursor, names: readonly GeneralName[]): void {
  const what = 'certificateIssuer'
  if (!names.some(({ type }) => type === 'directory'))
    value.fail('ERR_CRL_EXTENSION', what, 'no directory name in it (RFC 5280 §5.3.3)')
  if (names.length > MAX_ISSUER_NAMES)
    value.fail('ERR_DER_LIMIT', what, `${names.length} names; at most ${MAX_ISSUER_NAMES} are read`)
}

/** The directory names of a checked `certificateIssuer`, at least one (RFC 5280 §5.3.3). */
export function readCertificateIssuers(bytes: Uint8Array, issuerStart: number): readonly Name[] {
  return readGeneralNames(new DerCursor(bytes, issuerStart)).flatMap((name) =>
    name.type === 'directory' ? [name.value] : [],
  )
}

/** The value of a walked entry. */
export function describeEntry(bytes: Uint8Array, entry: RevokedEntry, issuer: Name): RevokedCertificate {
  return {
    serialNumber: integerHex(bytes, entry.serialStart, entry.serialEnd),
    revocationDate: new Date(entry.revocationDate),
    reason: REASONS[entry.reason],
    invalidityDate: Number.isNaN(entry.invalidityDate) ? undefined : new Date(entry.invalidityDate),
    certificateIssuer: issuer,
  }
}
