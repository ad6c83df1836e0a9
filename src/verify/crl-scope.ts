/**
 * Which certificates a CRL speaks about (RFC 5280 §6.3.3 (b) to (d), §5.2.4, §5.2.5).
 *
 * @module
 */

import { equalBytes } from '../internal/bytes.ts'
import { DerCursor, Tag } from '../internal/der.ts'
import { derValue } from '../internal/der-writer.ts'
import type { Certificate } from '../x509/certificate.ts'
import type { CertificateList } from '../x509/certificate-list.ts'
import type { DistributionPoint, DistributionPointName } from '../x509/extensions/distribution-points.ts'
import type { GeneralName } from '../x509/general-name.ts'
import { Name } from '../x509/name.ts'

/** Reasons of ReasonFlags, without `unused` (RFC 5280 §4.2.1.13): keyCompromise to aACompromise. */
export const ALL_REASONS = 0x1fe

/** A CRL with its scope, read once. */
export interface ScopedCrl {
  readonly crl: CertificateList
  readonly issuer: Name
  readonly scope: CertificateList['issuingDistributionPoint']
}

/** Where CRLs of a certificate are, and, last, the place that every certificate has: its issuer's own CRL. */
export function distributionPointsOf(certificate: Certificate): readonly DistributionPoint[] {
  const issuer: DistributionPoint = {
    fullName: [{ type: 'directory', value: certificate.issuer }],
    relativeName: undefined,
    reasons: undefined,
    crlIssuer: undefined,
  }
  return [...(certificate.crlDistributionPoints ?? []), issuer]
}

/**
 * The reasons that a complete CRL decides for a certificate at a distribution point; 0 when it is not in scope.
 */
export function reasonsInScope(
  { issuer, scope }: ScopedCrl,
  certificate: Certificate,
  point: DistributionPoint,
): number {
  if (point.crlIssuer === undefined) {
    if (!issuer.equals(certificate.issuer)) return 0
  } else if (scope?.indirectCrl !== true || !isAmong(issuer, point.crlIssuer)) return 0
  const reasons = (point.reasons ?? ALL_REASONS) & ALL_REASONS
  if (scope === undefined) return reasons
  if (scope.onlyContainsAttributeCerts) return 0
  if (certificate.isCa ? scope.onlyContainsUserCerts : scope.onlyContainsCaCerts) return 0
  if (!isSamePlace(scope, point, issuer)) return 0
  return (scope.onlySomeReasons ?? ALL_REASONS) & reasons
}

/** (b)(2)(i): the CRL's own name for its place must be among those of the point, or of its CRL issuer. */
function isSamePlace(scope: DistributionPointName, point: DistributionPoint, crlIssuer: Name): boolean {
  const places = namesOf(scope, crlIssuer)
  if (places === undefined) return true
  const named = point.fullName !== undefined || point.relativeName !== undefined
  // A relative name is relative to the CRL issuer, who is in one of these names (§4.2.1.13).
  const wanted = named ? namesOf(point, crlIssuer) : point.crlIssuer
  return places.some((place) => wanted?.some((name) => isSameName(place, name)) === true)
}

function namesOf(place: DistributionPointName, crlIssuer: Name): readonly GeneralName[] | undefined {
  if (place.relativeName !== undefined) {
    const full = withRelativeName(crlIssuer, place.relativeName)
    return [{ type: 'directory', value: full }]
  }
  return place.fullName
}

/** The issuer's name with one more RDN, which comes as `[1]` in place of SET. */
function withRelativeName(issuer: Name, relativeName: Uint8Array): Name {
  const issuerDer = issuer.der
  const cursor = new DerCursor(issuerDer)
  cursor.header(Tag.SEQUENCE, 'Name')
  const rdn = relativeName.slice()
  rdn[0] = Tag.SET
  const full = derValue(Tag.SEQUENCE, issuerDer.subarray(cursor.offset), rdn)
  // Both parts were checked; together they may have one RDN more than a name may when it is read.
  return Name.view(full, 0, full.length)
}

function isAmong(issuer: Name, names: readonly GeneralName[]): boolean {
  return names.some((name) => name.type === 'directory' && name.value.equals(issuer))
}

function isSameName(a: GeneralName, b: GeneralName): boolean {
  if (a.type === 'directory') return b.type === 'directory' && a.value.equals(b.value)
  if (a.type === 'other' || b.type === 'other' || b.type === 'directory') return false
  return a.type === b.type && a.value === b.value
}

/**
 * Whether a delta CRL updates a complete one: the same issuer and scope, and numbers that leave no gap
 * (§5.2.4, §6.3.3 (c)).
 */
export function isDeltaOf(delta: ScopedCrl, complete: ScopedCrl): boolean {
  const { baseCrlNumber, crlNumber } = delta.crl
  const completeNumber = complete.crl.crlNumber
  if (baseCrlNumber === undefined || crlNumber === undefined || completeNumber === undefined) return false
  return (
    completeNumber >= baseCrlNumber &&
    completeNumber < crlNumber &&
    delta.issuer.equals(complete.issuer) &&
    delta.crl.authorityKeyIdentifier === complete.crl.authorityKeyIdentifier &&
    equalScopes(delta.crl, complete.crl)
  )
}

const SCOPE = '2.5.29.28'

function equalScopes(a: CertificateList, b: CertificateList): boolean {
  const scopeOf = (crl: CertificateList): Uint8Array | undefined =>
    crl.extensions.find(({ oid }) => oid === SCOPE)?.value
  const x = scopeOf(a)
  const y = scopeOf(b)
  return x === undefined || y === undefined ? x === y : equalBytes(x, y)
}
