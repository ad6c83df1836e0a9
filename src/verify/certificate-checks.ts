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
import { formatDuration } from '../internal/duration.ts'
import { escapeText } from '../internal/text.ts'
import { Certificate } from '../x509/certificate.ts'
import { ExtensionArc } from '../x509/extension-walker.ts'
import { KeyUsageBit } from '../x509/extensions/key-usage.ts'
import { readPublicKeyInfo } from '../x509/public-key-info.ts'
import { checkPublicKeyInfo } from '../x509/verification-key.ts'
import { checkCriticalExtensions } from './critical-extensions.ts'
import { checkPurpose } from './extended-key-usage.ts'
import { type Finding, finding, iso } from './finding.ts'
import { checkNameConstraints, checkReferenceName } from './name-checks.ts'
import { checkIntermediateCount, checkPathLength } from './path-length.ts'
import type { AnchorCheckFlags, PathPolicy } from './path-policy.ts'
import { checkRules } from './profile-rules.ts'
import type { SearchBudget } from './search-budget.ts'

/** Judges the leaf by itself. */
export function checkLeaf(leaf: Certificate, policy: PathPolicy): Finding | undefined {
  return (
    checkCriticalExtensions(leaf, 0, policy.revocation !== 'off') ??
    checkValidity(leaf, 0, policy.time) ??
    checkKey(leaf, 0) ??
    checkPurpose(leaf, 0, policy) ??
    checkReferenceName(leaf, policy.name) ??
    checkRules(leaf, 0, 'leaf', policy.rules)
  )
}

const ALL_CHECKS: AnchorCheckFlags = { validity: true, constraints: true, basicConstraints: true }

/** Judges a certificate as an issuer, whatever lies below it. */
export function checkIssuer(
  issuer: Certificate,
  depth: number,
  isAnchor: boolean,
  policy: PathPolicy,
): Finding | undefined {
  const { validity, constraints, basicConstraints } = isAnchor ? policy.anchorChecks : ALL_CHECKS
  return (
    checkCriticalExtensions(issuer, depth, policy.revocation !== 'off') ??
    (basicConstraints ? checkIsCa(issuer, depth) : undefined) ??
    checkSubject(issuer, depth, isAnchor) ??
    checkKeyUsage(issuer, depth) ??
    (validity ? checkValidity(issuer, depth, policy.time) : undefined) ??
    checkKey(issuer, depth) ??
    (constraints ? checkPurpose(issuer, depth, policy) : undefined) ??
    checkRules(issuer, depth, isAnchor ? 'root' : 'ca', policy.rules)
  )
}

/** Judges an issuer by what lies below it. */
export function checkBelow(
  issuer: Certificate,
  path: readonly Certificate[],
  isAnchor: boolean,
  policy: PathPolicy,
  budget: SearchBudget,
): Finding | undefined {
  const constraints = !isAnchor || policy.anchorChecks.constraints
  return (
    (constraints ? checkPathLength(issuer, path) : undefined) ??
    (isAnchor ? undefined : checkIntermediateCount(issuer, path, policy.maxIntermediates)) ??
    (constraints ? checkNameConstraints(issuer, path, budget) : undefined)
  )
}

function checkValidity(certificate: Certificate, depth: number, time: number): Finding | undefined {
  const { notBefore, notAfter } = Certificate.layoutOf(certificate)
  if (time >= notBefore && time <= notAfter) return undefined
  const clause = 'RFC 5280 §6.1.3 (a)(2)'
  const found = iso(time)
  if (time < notBefore) {
    return finding('ERR_PATH_NOT_YET_VALID', certificate, depth, [], () => ({
      problem: `it is valid from ${iso(notBefore)}, ${formatDuration(notBefore - time)} after the time of the check, ${found}. Is a clock wrong?`,
      clause,
      expected: `a time from ${iso(notBefore)}`,
      found,
      remedy: `It would verify from ${iso(notBefore)}: check the clocks of the issuer and of this machine`,
      data: { notBefore: iso(notBefore), time: found },
    }))
  }
  return finding('ERR_PATH_EXPIRED', certificate, depth, [], () => ({
    problem: `it expired at ${iso(notAfter)}, ${formatDuration(time - notAfter)} before the time of the check, ${found}`,
    clause,
    expected: `a time up to ${iso(notAfter)}`,
    found,
    remedy: `Renew it; it verified until ${iso(notAfter)}`,
    data: { notAfter: iso(notAfter), time: found },
  }))
}

function checkKey(certificate: Certificate, depth: number): Finding | undefined {
  const { publicKeyStart, publicKeyEnd } = Certificate.layoutOf(certificate)
  try {
    checkPublicKeyInfo(readPublicKeyInfo(Certificate.bytesOf(certificate), publicKeyStart, publicKeyEnd))
    return undefined
  } catch (error) {
    if (!(error instanceof MeshPkiError)) throw error
    return finding('ERR_PATH_KEY', certificate, depth, [], () => ({
      problem: escapeText(error.message, 512),
      expected: 'RSA from 2048 to 8192 bits, P-256, P-384, P-521 or Ed25519',
      found: certificate.publicKeyType,
      remedy: 'Issue it again for a key that is accepted: P-256, say, or RSA with 2048 bits',
      cause: error,
    }))
  }
}

function checkIsCa(certificate: Certificate, depth: number): Finding | undefined {
  if (certificate.isCa) return undefined
  const found =
    certificate.version < 3
      ? `it is an X.509 v${certificate.version} certificate, which cannot say that it is a CA's`
      : Certificate.layoutOf(certificate).basicConstraints < 0
        ? 'it has no basic constraints'
        : 'its basic constraints say cA FALSE'
  return finding('ERR_PATH_NOT_CA', certificate, depth, [], () => ({
    problem: `expected a CA certificate, but ${found}`,
    clause: 'RFC 5280 §6.1.4 (k)',
    expected: 'basic constraints with cA TRUE',
    found,
    remedy: 'Issue it again with CA:TRUE; a leaf cannot issue certificates',
  }))
}

/**
 * A CA must have a name (RFC 5280 §4.1.2.6). Old releases of Gloo Mesh issued intermediates without one,
 * named by a critical subject alternative name only; those pass, since their signature tells them apart.
 * An anchor without a name would vouch for every nameless issuer.
 */
function checkSubject(certificate: Certificate, depth: number, isAnchor: boolean): Finding | undefined {
  if (!certificate.subject.isEmpty) return undefined
  const { criticalLow } = Certificate.layoutOf(certificate)
  if (!isAnchor && (criticalLow & (1 << ExtensionArc.subjectAltName)) !== 0) return undefined
  return finding('ERR_PATH_EMPTY_SUBJECT', certificate, depth, [], () => ({
    problem: 'a CA certificate with an empty subject',
    clause: 'RFC 5280 §4.1.2.6',
    expected: 'a name',
    found: 'the empty name',
    remedy: 'Issue it again with a name of its own',
  }))
}

function checkKeyUsage(certificate: Certificate, depth: number): Finding | undefined {
  const { keyUsage } = Certificate.layoutOf(certificate)
  if (keyUsage === 0 || (keyUsage & KeyUsageBit.keyCertSign) !== 0) return undefined
  const found = certificate.keyUsage?.join(', ') ?? 'none'
  return finding('ERR_PATH_KEY_USAGE', certificate, depth, [], () => ({
    problem: `expected key usage keyCertSign, found ${found}`,
    clause: 'RFC 5280 §6.1.4 (n)',
    expected: 'keyCertSign',
    found,
    remedy: 'Issue it again with keyCertSign, or without key usage',
  }))
}
