/**
 * A certificate as it would be, where there is no CA to ask.
 *
 * @module
 */

import type { Csr } from '../../csr/csr.ts'
import { MeshPkiError } from '../../errors.ts'
import { rfc5280Violations } from '../../verify/rfc5280-rules.ts'
import type { Certificate } from '../../x509/certificate.ts'
import { encodeGeneralNames } from '../../x509/general-name-encoder.ts'
import { Name } from '../../x509/name.ts'
import { readPublicKeyInfo } from '../../x509/public-key-info.ts'
import { CertificateTemplate } from '../certificate-template.ts'
import { keyIdentifier } from '../key-identifier.ts'
import { unsignedCertificate } from '../sign-certificate.ts'
import type { CertificatePlan } from './certificate-plan.ts'
import { judgeCertificate } from './certificate-rules.ts'
import type { IssuancePolicy } from './issuance-policy.ts'
import { type PolicyViolation, Violations } from './policy-violation.ts'

/** An instant within the years that certificates can hold. */
const NOW = 1_600_000_000_000

/**
 * The certificate of a plan, below an issuer that does not matter. @throws `MeshPkiError` `ERR_GENERAL_NAME` for names that
 * cannot be written.
 */
async function previewCertificate(
  policy: IssuancePolicy,
  plan: CertificatePlan,
  csr: Csr,
): Promise<Certificate> {
  const { publicKey } = csr
  const info = readPublicKeyInfo(publicKey)
  const issuer = Name.from([{ CN: 'any issuer' }])
  const template = await CertificateTemplate.compile({
    profile: plan.profile,
    issuer: issuer.der,
    algorithm: 'ed25519',
    pathLength: policy.pathLength,
    authorityKeyId: new Uint8Array(20),
    enciphers: policy.isCa || info.kind === 'RSA',
  })
  const tbs = template.build({
    serialNumber: Uint8Array.of(1),
    notBefore: NOW - policy.lifetime.backdate,
    notAfter: NOW + plan.lifetime.granted,
    subject: plan.subject.der,
    publicKey,
    subjectKeyId: keyIdentifier(publicKey, policy.keyIdentifier, info),
    subjectAltNames: plan.names.length === 0 ? undefined : encodeGeneralNames(plan.names, 'names'),
    nameConstraints: policy.nameConstraints,
  })
  return unsignedCertificate(tbs, {
    publicKey,
    signatureAlgorithm: 'ed25519',
    sign: () => new Uint8Array(),
  })
}

/** What the rules of the policy and of RFC 5280 say of a plan, whatever CA it is for. */
export async function judgeWithoutCa(
  policy: IssuancePolicy,
  plan: CertificatePlan,
  csr: Csr,
): Promise<readonly PolicyViolation[]> {
  const violations = new Violations('certificate')
  try {
    const preview = await previewCertificate(policy, plan, csr)
    judgeCertificate(policy, plan, preview, NOW, violations)
    for (const { rule, text, clause } of rfc5280Violations(preview, { isRoot: false, isAnchor: false }))
      if (!plan.profile.deviations.includes(rule)) violations.add('rfc5280', `${text} (${clause})`)
  } catch (error) {
    if (!(error instanceof MeshPkiError)) throw error
    policy.names.judge(plan.names, violations)
    violations.add('names', error.message)
  }
  return violations.list
}
