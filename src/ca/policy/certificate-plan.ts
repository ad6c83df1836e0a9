/**
 * What a request becomes under a policy, before it is signed.
 *
 * @module
 */

import type { Csr } from '../../csr/csr.ts'
import type { GeneralName } from '../../x509/general-name.ts'
import type { Name } from '../../x509/name.ts'
import type { CertificateProfile } from '../profiles/certificate-profile.ts'
import type { IssuancePolicy } from './issuance-policy.ts'
import type { GrantedLifetime } from './lifetime-rules.ts'
import { freezeNames, unique } from './names-of.ts'
import type { Violations } from './policy-violation.ts'

/** What the call says beside the request. */
export interface PolicyCall {
  readonly identities: readonly GeneralName[]
  readonly subject: Name | undefined
  /** Milliseconds. */
  readonly lifetime: number | undefined
}

/** A certificate that is about to be made. */
export interface CertificatePlan {
  /** With the usages that it gets. */
  readonly profile: CertificateProfile
  readonly subject: Name
  /** The common name that was made here, and stands in the subject. */
  readonly commonName: string | undefined
  readonly names: readonly GeneralName[]
  readonly lifetime: GrantedLifetime
}

/** Makes the plan. What it takes from the request or the call is judged later, on the certificate itself. */
export function planCertificate(
  policy: IssuancePolicy,
  csr: Csr,
  call: PolicyCall,
  violations: Violations,
): CertificatePlan {
  const named = unique(
    policy.namesFrom === 'identities'
      ? call.identities
      : policy.namesFrom === 'request'
        ? csr.subjectAltNames
        : [...call.identities, ...csr.subjectAltNames],
  )
  const names = freezeNames(named)
  if (call.subject !== undefined && policy.subject.from !== 'caller')
    violations.add(
      'subject',
      `the call gives a subject, but the policy takes it from the ${policy.subject.from}; leave the option "subject" out`,
    )
  return {
    profile: policy.usage.profileFor(csr, violations),
    subject: policy.subject.subjectOf(csr.subject, call.subject, names),
    commonName: policy.subject.madeCommonName(csr.subject, names),
    names,
    lifetime: policy.lifetime.grant(call.lifetime, violations),
  }
}
