/**
 * Judges a certificate as it would be signed: the same rules, now on its bytes.
 *
 * @module
 */

import { sha256 } from '@noble/hashes/sha2.js'
import { equalBytes, toHex } from '../../internal/bytes.ts'
import { Certificate } from '../../x509/certificate.ts'
import type { GeneralName } from '../../x509/general-name.ts'
import { readPublicKeyInfo } from '../../x509/public-key-info.ts'
import type { CertificateProfile, ProfileExtension } from '../profiles/certificate-profile.ts'
import type { CertificatePlan } from './certificate-plan.ts'
import type { IssuancePolicy } from './issuance-policy.ts'
import { readJudgedName } from './judged-name.ts'
import type { Violations } from './policy-violation.ts'

const OIDS: Readonly<Record<ProfileExtension, string>> = {
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  nameConstraints: '2.5.29.30',
  authorityKeyIdentifier: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
}

/** Judges a certificate, signed or not. `now` is the instant of its issuance. */
export function judgeCertificate(
  policy: IssuancePolicy,
  plan: CertificatePlan,
  certificate: Certificate,
  now: number,
  violations: Violations,
): void {
  judgeExtensions(plan.profile, certificate, violations)
  const { isCa, pathLength, subject, subjectAltNames } = certificate
  if (isCa !== policy.isCa)
    violations.add(
      'basic-constraints',
      `the certificate would ${isCa ? '' : 'not '}be a CA's; the policy makes ${policy.isCa ? 'CAs' : 'none'}`,
    )
  if (pathLength !== policy.pathLength)
    violations.add(
      'path-length',
      `the certificate would have path length ${pathLength ?? 'none'}; the policy says ${policy.pathLength ?? 'none'}`,
    )
  if (!equalBytes(subject.der, plan.subject.der))
    violations.add('subject', 'the certificate would have another subject than planned')
  policy.subject.judge(subject, plan.commonName, policy.names, violations)
  policy.names.judge(subjectAltNames, violations)
  if (!policy.isCa && !policy.names.isTooMany(subjectAltNames.length))
    judgeSpiffe(subjectAltNames, violations)
  const spki = certificate.publicKey
  policy.keys.judge(readPublicKeyInfo(spki), () => toHex(sha256(spki)), violations)
  policy.usage.judge(certificate.keyUsage, certificate.extendedKeyUsage, violations)
  policy.lifetime.judge(Certificate.layoutOf(certificate), plan.lifetime, now, violations)
  judgeConstraints(policy, certificate, violations)
}

/** Only the extensions of the profile, in its order, critical as it says. */
function judgeExtensions(
  profile: CertificateProfile,
  certificate: Certificate,
  violations: Violations,
): void {
  let last = -1
  for (const { oid, critical } of certificate.extensions) {
    const at = profile.extensions.findIndex((name) => OIDS[name] === oid)
    const name = profile.extensions[at]
    if (name === undefined || at <= last) {
      violations.add(
        'extensions',
        `the certificate would have the extension ${oid}, which the profile "${profile.name}" has not there`,
      )
      continue
    }
    last = at
    const isCritical =
      name === 'nameConstraints' ||
      profile.critical.includes(name) ||
      (name === 'subjectAltName' && certificate.subject.isEmpty)
    if (critical !== isCritical)
      violations.add('critical', `the extension ${name} would ${critical ? '' : 'not '}be critical`)
  }
}

/** X509-SVID §2 and §4: one URI in all, and for workloads one with a path. */
export function judgeSpiffe(names: readonly GeneralName[], violations: Violations): void {
  const uris = names.filter(({ type }) => type === 'uri')
  const [identity] = uris.flatMap((name) => {
    const judged = readJudgedName(name)
    return judged?.kind === 'spiffe' ? [judged] : []
  })
  if (identity === undefined) return
  if (uris.length > 1)
    violations.add(
      'spiffe',
      `the certificate would have ${uris.length} URIs; one with a SPIFFE ID has no other (X509-SVID §2). Sign a certificate for each identity`,
    )
  if (identity.value?.path === '')
    violations.add(
      'spiffe',
      'the certificate would bear the SPIFFE ID of a trust domain, which is for CAs (X509-SVID §5.2)',
    )
}

function judgeConstraints(policy: IssuancePolicy, certificate: Certificate, violations: Violations): void {
  const found = certificate.extensions.find(({ oid }) => oid === OIDS.nameConstraints)
  const wanted = policy.nameConstraints
  if (wanted === undefined && found === undefined) return
  // The policy holds the whole extension, which ends in its value.
  const isSame =
    wanted !== undefined &&
    found !== undefined &&
    equalBytes(wanted.subarray(wanted.length - found.value.length), found.value)
  if (!isSame)
    violations.add(
      'name-constraints',
      'the certificate would have other name constraints than the policy says',
    )
}
