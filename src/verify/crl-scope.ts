/**
 * Which certificates a CRL speaks about (RFC 5280 §6.3.3 (b) to (d), §5.2.4, §5.2.5).
 *
 * Names are compared by keys that are made once for each CRL and each certificate: a CRL may name thousands of
 * places, and so may a certificate.
 *
 * @module
 */

import { equalBytes, toHex } from '../internal/bytes.ts'
import { DerCursor, Tag } from '../internal/der.ts'
import { derValue } from '../internal/der-writer.ts'
import type { Certificate } from '../x509/certificate.ts'
import { CertificateList } from '../x509/certificate-list.ts'
import type { DistributionPointName } from '../x509/extensions/distribution-points.ts'
import type { GeneralName } from '../x509/general-name.ts'
import { Name } from '../x509/name.ts'
import { canonicalName } from '../x509/name-comparison.ts'
import type { SearchBudget } from './search-budget.ts'

/** Reasons of ReasonFlags, without `unused` (RFC 5280 §4.2.1.13): keyCompromise to aACompromise. */
export const ALL_REASONS = 0x1fe

/** Comparisons that making the key of one name counts for. */
const KEY_COST = 8

/** A CRL with its scope, as it is compared. */
export interface ScopedCrl {
  readonly crl: CertificateList
  readonly issuer: Name
  readonly issuerKey: string
  readonly scope: CertificateList['issuingDistributionPoint']
  /** The names of its own place; `undefined` where it has none. */
  readonly places: ReadonlySet<string> | undefined
}

/** A distribution point of a certificate, as it is compared. */
export interface ScopedPoint {
  /** Names of the place; where the point has none, those of its CRL issuer. */
  readonly places: readonly string[]
  /** An RDN relative to the CRL issuer's name. */
  readonly relativeName: Uint8Array | undefined
  readonly reasons: number
  /** Who signs for this point in place of the certificate's issuer. */
  readonly crlIssuers: readonly string[] | undefined
}

/** Reads the scope of a CRL; `undefined` where the budget is used up. */
export function scopedCrl(crl: CertificateList, budget: SearchBudget): ScopedCrl | undefined {
  const { issuer, issuingDistributionPoint: scope } = crl
  if (!budget.takeComparisons(KEY_COST * (1 + (scope?.fullName?.length ?? 0)))) return undefined
  const names = scope === undefined ? undefined : placeNames(scope, issuer)
  return {
    crl,
    issuer,
    issuerKey: keyOfName(issuer),
    scope,
    places: names === undefined ? undefined : new Set(names.map(keyOf)),
  }
}

/**
 * Where CRLs of a certificate are, and, last, the place that every certificate has: its issuer's own CRL.
 * `undefined` where the budget is used up.
 */
export function scopedPoints(
  certificate: Certificate,
  budget: SearchBudget,
): readonly ScopedPoint[] | undefined {
  const points: ScopedPoint[] = []
  for (const { fullName, relativeName, reasons, crlIssuer } of certificate.crlDistributionPoints ?? []) {
    const names = fullName ?? (relativeName === undefined ? crlIssuer : undefined) ?? []
    if (!budget.takeComparisons(KEY_COST * (1 + names.length + (crlIssuer?.length ?? 0)))) return undefined
    points.push({
      places: names.map(keyOf),
      relativeName,
      reasons: (reasons ?? ALL_REASONS) & ALL_REASONS,
      crlIssuers: crlIssuer?.map(keyOf),
    })
  }
  const issuer = keyOf({ type: 'directory', value: certificate.issuer })
  points.push({ places: [issuer], relativeName: undefined, reasons: ALL_REASONS, crlIssuers: undefined })
  return points
}

/** The reasons that a CRL decides for a certificate at one of its points; 0 when it is not in scope. */
export function reasonsInScope(
  crl: ScopedCrl,
  certificate: Certificate,
  issuerKey: string,
  point: ScopedPoint,
): number {
  const { scope } = crl
  if (point.crlIssuers === undefined) {
    if (crl.issuerKey !== issuerKey) return 0
  } else if (scope?.indirectCrl !== true || !point.crlIssuers.includes(`directory:${crl.issuerKey}`)) return 0
  if (scope === undefined) return point.reasons
  if (scope.onlyContainsAttributeCerts) return 0
  if (certificate.isCa ? scope.onlyContainsUserCerts : scope.onlyContainsCaCerts) return 0
  if (!isSamePlace(crl, point)) return 0
  return (scope.onlySomeReasons ?? ALL_REASONS) & point.reasons
}

/** (b)(2)(i): the CRL's own name for its place must be among those of the point, or of its CRL issuer. */
function isSamePlace({ places, issuer }: ScopedCrl, point: ScopedPoint): boolean {
  if (places === undefined) return true
  if (point.relativeName !== undefined)
    return places.has(`directory:${keyOfName(withRelativeName(issuer, point.relativeName))}`)
  return point.places.some((name) => places.has(name))
}

/** Two names are equal when their keys are; distinguished names by RFC 5280 §7.1, others octet by octet. */
function keyOf(name: GeneralName): string {
  switch (name.type) {
    case 'directory':
      return `directory:${keyOfName(name.value)}`
    case 'other':
      return `${name.form}:${name.oid ?? ''}:${toHex(name.value)}`
    default:
      return `${name.type}:${name.value}`
  }
}

/** A distinguished name as it is compared. */
export function keyOfName(name: Name): string {
  const { der } = name
  return canonicalName(der, 0, der.length)
}

function placeNames(place: DistributionPointName, crlIssuer: Name): readonly GeneralName[] | undefined {
  if (place.relativeName !== undefined)
    return [{ type: 'directory', value: withRelativeName(crlIssuer, place.relativeName) }]
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

/**
 * Whether a delta CRL updates a complete one: the same issuer and scope, and numbers that leave no gap
 * (§5.2.4, §6.3.3 (c)).
 */
export function isDeltaOf(delta: ScopedCrl, complete: ScopedCrl): boolean {
  const { baseCrlNumber, crlNumber } = delta.crl
  const completeNumber = complete.crl.crlNumber
  if (baseCrlNumber === undefined || crlNumber === undefined || completeNumber === undefined) return false
  return completeNumber >= baseCrlNumber && completeNumber < crlNumber && isSameSeries(delta, complete)
}

/** Whether two CRLs are of the same issuer, scope and key identifier: issues of the same list. */
export function isSameSeries(a: ScopedCrl, b: ScopedCrl): boolean {
  return (
    a.issuerKey === b.issuerKey &&
    a.crl.authorityKeyIdentifier === b.crl.authorityKeyIdentifier &&
    equalScopes(CertificateList.scopeOf(a.crl), CertificateList.scopeOf(b.crl))
  )
}

function equalScopes(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  return a === undefined || b === undefined ? a === b : equalBytes(a, b)
}
