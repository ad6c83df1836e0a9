/**
 * Which CRL takes the place of another.
 *
 * @module
 */

import type { CertificateList } from '../x509/certificate-list.ts'
import { isSameSeries, type ScopedCrl } from './crl-scope.ts'
import { hasSameKey } from './signature-check.ts'
import type { Issuer } from './trust-anchor.ts'

/** Sorts by date, then by number. */
export function newestFirst({ crl: a }: ScopedCrl, { crl: b }: ScopedCrl): number {
  const later = b.thisUpdate.getTime() - a.thisUpdate.getTime()
  if (later !== 0) return later
  const [x, y] = [a.crlNumber ?? -1n, b.crlNumber ?? -1n]
  return x < y ? 1 : x > y ? -1 : 0
}

/**
 * Whether a list is later by its date, and by its number where both have one (RFC 5280 §5.2.3). Where the two
 * disagree, as when a replica's clock is ahead or numbers began anew, and where both are the same, neither list takes
 * the place of the other: what either revokes is revoked.
 */
export function supersedes(newer: CertificateList, older: CertificateList): boolean {
  const later = newer.thisUpdate.getTime() - older.thisUpdate.getTime()
  const { crlNumber: number } = newer
  const { crlNumber: before } = older
  if (number === undefined || before === undefined) return later > 0
  return later >= 0 && number >= before && (later > 0 || number > before)
}

/** A list and who signed it. */
interface SignedList {
  readonly crl: ScopedCrl
  readonly signer: Issuer | undefined
}

/** An older issue of a list that was asked, by the same key, says nothing new, and may still list what was on hold. */
export function isOlderIssue(older: SignedList, newer: SignedList): boolean {
  return (
    supersedes(newer.crl.crl, older.crl.crl) &&
    newer.signer !== undefined &&
    older.signer !== undefined &&
    hasSameKey(older.signer, newer.signer) &&
    isSameSeries(older.crl, newer.crl)
  )
}

/** Whether a list of the same issuer would say what a delta CRL says: a later one, or the complete one of its number. */
export function saysWhatItSays(list: ScopedCrl, delta: ScopedCrl): boolean {
  if (list.issuerKey !== delta.issuerKey) return false
  const { thisUpdate, crlNumber: number } = list.crl
  const { crlNumber: before } = delta.crl
  return (
    thisUpdate >= delta.crl.thisUpdate && (number === undefined || before === undefined || number >= before)
  )
}
