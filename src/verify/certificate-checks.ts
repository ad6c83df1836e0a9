/**
 * The rules of RFC 5280 §6.1 that one certificate meets or breaks, given its place in the path.
 *
 * The path is searched from the leaf upwards; each rule is put so that it can be judged when the
 * certificate is reached. Path length, for instance, counts what lies below, which is the same as §6.1.4
 * (l) and (m) counting downwards.
 *
 * @module
 */

import { MeshPkiError } from '../errors.ts'
import { DerCursor, Tag } from '../internal/der.ts'
import { formatDuration } from '../internal/duration.ts'
import { readOid } from '../internal/oid.ts'
import { escapeText, quote } from '../internal/text.ts'
import { Certificate } from '../x509/certificate.ts'
import { certificateLabel } from '../x509/certificate-label.ts'
import { ExtensionArc } from '../x509/extension-walker.ts'
import { ExtendedKeyUsage, purposeLabel } from '../x509/extensions/extended-key-usage.ts'
import { KeyUsageBit } from '../x509/extensions/key-usage.ts'
import { readPublicKeyInfo } from '../x509/public-key-info.ts'
import { checkPublicKeyInfo } from '../x509/verification-key.ts'
import { type ComparisonBudget, constraintViolation } from './name-constraints.ts'
import type { PathPolicy } from './options.ts'
import { PathError, type PathErrorCode } from './path-error.ts'
import { nameMismatch } from './reference-name.ts'

/** Extensions that may be critical: those whose meaning is judged here. As a set of n of 2.5.29.n. */
const JUDGED: readonly number[] = [
  ExtensionArc.keyUsage,
  ExtensionArc.subjectAltName,
  ExtensionArc.basicConstraints,
  ExtensionArc.nameConstraints,
  ExtensionArc.certificatePolicies,
  ExtensionArc.extKeyUsage,
]

/** Extensions of the policy tree, which this version does not compute: a certificate that has one is refused. */
const POLICY_TREE: readonly (readonly [arc: number, name: string])[] = [
  [ExtensionArc.policyMappings, 'policyMappings'],
  [ExtensionArc.policyConstraints, 'policyConstraints'],
  [ExtensionArc.inhibitAnyPolicy, 'inhibitAnyPolicy'],
]

/** What checks of one verification share. */
export interface CheckContext {
  readonly policy: PathPolicy
  readonly comparisons: ComparisonBudget
}

/** Judges the leaf by itself. */
export function checkLeaf(leaf: Certificate, { policy }: CheckContext): PathError | undefined {
  return (
    checkExtensions(leaf, 0) ??
    checkValidity(leaf, 0, policy.time) ??
    checkKey(leaf, 0) ??
    checkPurpose(leaf, 0, policy, 'leaf') ??
    checkReferenceName(leaf, policy)
  )
}

/** Judges a certificate as the issuer of the last one in `path`. */
export function checkIssuer(
  issuer: Certificate,
  path: readonly Certificate[],
  isAnchor: boolean,
  context: CheckContext,
): PathError | undefined {
  const { policy } = context
  const depth = path.length
  const { validity, constraints, basicConstraints } = isAnchor ? policy.anchorChecks : ALL_CHECKS
  return (
    checkExtensions(issuer, depth) ??
    (basicConstraints ? checkIsCa(issuer, depth) : undefined) ??
    checkSubject(issuer, depth, isAnchor) ??
    checkKeyUsage(issuer, depth) ??
    (validity ? checkValidity(issuer, depth, policy.time) : undefined) ??
    checkKey(issuer, depth) ??
    (constraints ? checkPathLength(issuer, path) : undefined) ??
    (isAnchor ? undefined : checkIntermediateCount(issuer, path, policy)) ??
    (constraints ? checkPurpose(issuer, depth, policy, 'ca') : undefined) ??
    (constraints ? checkNameConstraints(issuer, path, context) : undefined)
  )
}

const ALL_CHECKS = { validity: true, constraints: true, basicConstraints: true } as const

function failure(
  code: PathErrorCode,
  certificate: Certificate,
  depth: number,
  problem: string,
  data: Readonly<Record<string, unknown>> = {},
): PathError {
  return new PathError(code, `${place(depth)} ${certificateLabel(certificate)}: ${problem}`, {
    certificate,
    depth,
    data,
  })
}

/** Where a certificate stands, in words. */
export function place(depth: number): string {
  return depth === 0 ? 'leaf' : `issuer ${depth} above the leaf,`
}

function checkExtensions(certificate: Certificate, depth: number): PathError | undefined {
  const layout = Certificate.layoutOf(certificate)
  let { criticalLow, criticalHigh } = layout
  for (const arc of JUDGED) {
    if (arc < 32) criticalLow &= ~(1 << arc)
    else criticalHigh &= ~(1 << (arc - 32))
  }
  for (const [arc, name] of POLICY_TREE) {
    if ((layout.presentHigh & (1 << (arc - 32))) !== 0) {
      return failure(
        'ERR_PATH_UNSUPPORTED',
        certificate,
        depth,
        `it has ${name}, which this version cannot judge, so the path is refused (RFC 5280 §6.1.3)`,
      )
    }
  }
  if ((criticalLow | criticalHigh) === 0 && layout.foreignCriticalStart === 0) {
    return checkCriticalContents(certificate, depth)
  }
  const oid = escapeText(firstUnknown(certificate, criticalLow, criticalHigh))
  return failure(
    'ERR_PATH_CRITICAL_EXTENSION',
    certificate,
    depth,
    `it has the critical extension ${oid}, which is not judged here, so the certificate must be refused (RFC 5280 §4.2)`,
    { oid },
  )
}

/** Qualifiers of RFC 5280 §4.2.1.4: a pointer to a practice statement, and a notice to the user. */
const POLICY_QUALIFIERS: readonly string[] = ['1.3.6.1.5.5.7.2.1', '1.3.6.1.5.5.7.2.2']

/**
 * A critical extension that we know must be refused all the same when it "contains information that it cannot
 * process" (RFC 5280 §4.2): policy qualifiers of other kinds, and alternative names of no form that we compare.
 */
function checkCriticalContents(certificate: Certificate, depth: number): PathError | undefined {
  const { criticalLow, criticalHigh } = Certificate.layoutOf(certificate)
  const refuse = (extension: string, found: string): PathError =>
    failure(
      'ERR_PATH_CRITICAL_EXTENSION',
      certificate,
      depth,
      `its critical extension ${extension} has ${found}, which cannot be judged, so the certificate must be refused (RFC 5280 §4.2)`,
    )
  if ((criticalHigh & (1 << (ExtensionArc.certificatePolicies - 32))) !== 0) {
    const qualifiers = certificate.certificatePolicies?.flatMap((policy) => policy.qualifiers) ?? []
    const unknown = qualifiers.find(({ oid }) => !POLICY_QUALIFIERS.includes(oid))
    if (unknown !== undefined)
      return refuse('certificatePolicies', `the qualifier ${escapeText(unknown.oid)}`)
  }
  if ((criticalLow & (1 << ExtensionArc.subjectAltName)) !== 0) {
    if (certificate.subjectAltNames.every((name) => name.type === 'other')) {
      return refuse('subjectAltName', 'no name of a form that is known')
    }
  }
  return undefined
}

function firstUnknown(certificate: Certificate, low: number, high: number): string {
  const { foreignCriticalStart } = Certificate.layoutOf(certificate)
  for (let arc = 0; arc < 64; arc++)
    if (((arc < 32 ? low : high) & (1 << (arc & 31))) !== 0) return `2.5.29.${arc}`
  const cursor = new DerCursor(Certificate.bytesOf(certificate), foreignCriticalStart)
  cursor.header(Tag.SEQUENCE, 'extension')
  const start = cursor.objectIdentifier('extnID')
  return readOid(cursor.bytes, start, cursor.offset)
}

function checkValidity(certificate: Certificate, depth: number, time: number): PathError | undefined {
  const { notBefore, notAfter } = Certificate.layoutOf(certificate)
  if (time < notBefore) {
    return failure(
      'ERR_PATH_NOT_YET_VALID',
      certificate,
      depth,
      `it is valid from ${iso(notBefore)}, ${formatDuration(notBefore - time)} after the time of the check, ${iso(time)}. Is a clock wrong? (RFC 5280 §6.1.3 (a)(2))`,
      { notBefore: iso(notBefore), time: iso(time) },
    )
  }
  if (time > notAfter) {
    return failure(
      'ERR_PATH_EXPIRED',
      certificate,
      depth,
      `it expired at ${iso(notAfter)}, ${formatDuration(time - notAfter)} before the time of the check, ${iso(time)}. Renew it (RFC 5280 §6.1.3 (a)(2))`,
      { notAfter: iso(notAfter), time: iso(time) },
    )
  }
  return undefined
}

const iso = (time: number): string => new Date(time).toISOString().replace('.000Z', 'Z')

function checkKey(certificate: Certificate, depth: number): PathError | undefined {
  const { publicKeyStart, publicKeyEnd } = Certificate.layoutOf(certificate)
  try {
    checkPublicKeyInfo(readPublicKeyInfo(Certificate.bytesOf(certificate), publicKeyStart, publicKeyEnd))
    return undefined
  } catch (error) {
    if (!(error instanceof MeshPkiError)) throw error
    return failure('ERR_PATH_KEY', certificate, depth, escapeText(error.message, 512))
  }
}

function checkIsCa(certificate: Certificate, depth: number): PathError | undefined {
  if (certificate.isCa) return undefined
  const found =
    certificate.version < 3
      ? `it is an X.509 v${certificate.version} certificate, which cannot say that it is a CA's`
      : Certificate.layoutOf(certificate).basicConstraints < 0
        ? 'it has no basic constraints'
        : 'its basic constraints say cA FALSE'
  return failure(
    'ERR_PATH_NOT_CA',
    certificate,
    depth,
    `expected a CA certificate, but ${found}; issue it again with CA:TRUE (RFC 5280 §6.1.4 (k))`,
  )
}

/**
 * A CA must have a name (RFC 5280 §4.1.2.6). Old releases of Gloo Mesh issued intermediates without one,
 * named by a critical subject alternative name only; those pass, since their signature tells them apart.
 * An anchor without a name would vouch for every nameless issuer.
 */
function checkSubject(certificate: Certificate, depth: number, isAnchor: boolean): PathError | undefined {
  if (!certificate.subject.isEmpty) return undefined
  const { criticalLow } = Certificate.layoutOf(certificate)
  if (!isAnchor && (criticalLow & (1 << ExtensionArc.subjectAltName)) !== 0) return undefined
  return failure(
    'ERR_PATH_EMPTY_SUBJECT',
    certificate,
    depth,
    'a CA certificate with an empty subject; issue it again with a name of its own (RFC 5280 §4.1.2.6)',
  )
}

function checkKeyUsage(certificate: Certificate, depth: number): PathError | undefined {
  const { keyUsage } = Certificate.layoutOf(certificate)
  if (keyUsage === 0 || (keyUsage & KeyUsageBit.keyCertSign) !== 0) return undefined
  return failure(
    'ERR_PATH_KEY_USAGE',
    certificate,
    depth,
    `expected key usage keyCertSign, found ${certificate.keyUsage?.join(', ') ?? 'none'} (RFC 5280 §6.1.4 (n))`,
  )
}

/**
 * Self-issued certificates are exempt from path length and name constraints (RFC 5280 §6.1.3, §6.1.4). That
 * both names are empty does not make subject and issuer the same CA.
 */
const isExempt = (certificate: Certificate): boolean =>
  certificate.isSelfIssued && !certificate.subject.isEmpty

/** How many CAs of a path below the next issuer are not self-issued; its first certificate, the leaf, never counts. */
function countIntermediates(path: readonly Certificate[]): number {
  let count = 0
  for (const certificate of path.slice(1)) if (!isExempt(certificate)) count++
  return count
}

function checkPathLength(issuer: Certificate, path: readonly Certificate[]): PathError | undefined {
  const { pathLength } = issuer
  if (pathLength === undefined) return undefined
  const below = countIntermediates(path)
  if (below <= pathLength) return undefined
  return failure(
    'ERR_PATH_LENGTH',
    issuer,
    path.length,
    `its path length allows ${pathLength} CA${pathLength === 1 ? '' : 's'} below it, but the path has ${below}: ${path.slice(1).map(certificateLabel).join(', ')}. No certificate from there can ever verify (RFC 5280 §6.1.4 (l), (m))`,
    { allowed: pathLength, found: below },
  )
}

function checkIntermediateCount(
  issuer: Certificate,
  path: readonly Certificate[],
  policy: PathPolicy,
): PathError | undefined {
  if (policy.maxIntermediates === Number.POSITIVE_INFINITY) return undefined
  const count = countIntermediates([...path, issuer])
  if (count <= policy.maxIntermediates) return undefined
  return failure(
    'ERR_PATH_LENGTH',
    issuer,
    path.length,
    `it is intermediate number ${count}; the option "maxIntermediates" allows ${policy.maxIntermediates}`,
  )
}

function checkPurpose(
  certificate: Certificate,
  depth: number,
  policy: PathPolicy,
  role: 'leaf' | 'ca',
): PathError | undefined {
  const { purpose, ekuStrictness } = policy
  if (purpose === undefined || (role === 'ca' && ekuStrictness === 'ignore-ca')) return undefined
  const usages = certificate.extendedKeyUsage
  const anyCounts =
    role === 'leaf' ? ekuStrictness === 'nested' || ekuStrictness === 'ignore-ca' : ekuStrictness !== 'chain'
  if (usages === undefined) {
    if (role === 'ca' || anyCounts) return undefined
    return failure(
      'ERR_PATH_EXTENDED_KEY_USAGE',
      certificate,
      depth,
      `expected extended key usage ${purposeLabel(purpose)}, but it has none, which ekuStrictness "${ekuStrictness}" refuses`,
    )
  }
  if (usages.includes(purpose) || (anyCounts && usages.includes(ExtendedKeyUsage.any))) return undefined
  return failure(
    'ERR_PATH_EXTENDED_KEY_USAGE',
    certificate,
    depth,
    `expected extended key usage ${purposeLabel(purpose)}, found ${escapeText(usages.map(purposeLabel).join(', '))} (RFC 5280 §4.2.1.12)`,
    { expected: purpose, found: usages.slice(0, 64) },
  )
}

function checkReferenceName(leaf: Certificate, { name }: PathPolicy): PathError | undefined {
  const mismatch = name === undefined ? undefined : nameMismatch(leaf, name)
  if (mismatch === undefined) return undefined
  const problem = mismatch.malformed
    ? `the expected name ${quote(mismatch.expected)} is not well formed, so nothing matches it`
    : `expected ${mismatch.expected}, found ${mismatch.found}`
  return failure('ERR_PATH_NAME_MISMATCH', leaf, 0, `${problem} (RFC 9525 §6)`, {
    expected: mismatch.expected,
    found: mismatch.found,
  })
}

/** §6.1.3 (b) and (c): self-issued certificates are exempt unless they are the leaf. */
function checkNameConstraints(
  issuer: Certificate,
  path: readonly Certificate[],
  context: CheckContext,
): PathError | undefined {
  if (Certificate.layoutOf(issuer).nameConstraintsStart === 0) return undefined
  for (const [i, certificate] of path.entries()) {
    if (i > 0 && isExempt(certificate)) continue
    const violation = constraintViolation(issuer, certificate, context.comparisons)
    if (violation === undefined) continue
    if (violation.kind === 'budget') {
      return failure(
        'ERR_PATH_BUDGET',
        issuer,
        path.length,
        `more than ${context.policy.limits.comparisons} comparisons with name constraints; the option "limits.comparisons" sets the bound`,
      )
    }
    return failure(
      'ERR_PATH_NAME_CONSTRAINTS',
      certificate,
      i,
      `${violation.text}, by the name constraints of ${certificateLabel(issuer)} (RFC 5280 §4.2.1.10)`,
      { constrainedBy: certificateLabel(issuer) },
    )
  }
  return undefined
}
