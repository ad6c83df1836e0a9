/**
 * Signs by an external issuer, under a policy of ours.
 *
 * @module
 */

import type { IssuedCertificate } from '../../ca/authority-options.ts'
import type { ExternalIssuer } from '../../ca/external/external-issuer.ts'
import { requestCertificate } from '../../ca/external/request-certificate.ts'
import type { RequestCertificateOptions } from '../../ca/external/request-options.ts'
import { judgeWithoutCa } from '../../ca/policy/certificate-preview.ts'
import type { IssuancePolicy, IssuancePolicyInput } from '../../ca/policy/issuance-policy.ts'
import { readIdentities } from '../../ca/policy/names-of.ts'
import { PolicyError } from '../../ca/policy/policy-violation.ts'
import { judgeRequest, requestLabel } from '../../ca/policy/sign-request.ts'
import { usagesOf } from '../../ca/profiles/certificate-profile.ts'
import type { VerifiedCsr } from '../../csr/proof-of-possession.ts'
import type { AbortSignalLike } from '../../internal/abort.ts'
import type { Clock } from '../../internal/clock.ts'
import { formatDuration } from '../../internal/duration.ts'
import { readNameOption } from '../../x509/name.ts'
import type { SigningGrant } from './signing-policy.ts'

/** How an issuer is asked; see `requestCertificate`. */
export interface IssuerCallTerms
  extends Pick<
    RequestCertificateOptions,
    'anchors' | 'timeout' | 'attempts' | 'backoff' | 'maxBackoff' | 'random' | 'pendingTimeout'
  > {
  /** Told of calls that failed. */
  readonly onIssuerEvent?: RequestCertificateOptions['onEvent']
}

/** One wish. */
export interface ExternalSigning {
  readonly issuer: ExternalIssuer
  readonly terms: IssuerCallTerms
  readonly policy: IssuancePolicy
  readonly nameConstraints: IssuancePolicyInput['nameConstraints']
  readonly request: VerifiedCsr
  readonly grant: SigningGrant
  readonly lifetimeMs: number
  /** The same in every attempt, so that no attempt makes a second certificate. */
  readonly requestId: string
  readonly clock: Clock
  readonly signal: AbortSignalLike | undefined
}

/**
 * Judges a request by the policy, as far as that needs no CA, has the issuer sign it, and answers only what is as was
 * wanted.
 *
 * @throws `PolicyError`; what `requestCertificate` throws.
 */
export async function signExternally(signing: ExternalSigning): Promise<IssuedCertificate> {
  const { issuer, terms, policy, grant, request, requestId, lifetimeMs, clock, signal } = signing
  const { csr } = request
  const { onIssuerEvent, ...asked } = terms
  const call = {
    identities: readIdentities(grant.identities, 'identities'),
    subject: grant.subject === undefined ? undefined : readNameOption(grant.subject, 'subject'),
    lifetime: lifetimeMs,
  }
  const { plan, violations } = judgeRequest({ policy, call }, csr)
  const all = [...violations, ...(await judgeWithoutCa(policy, plan, csr))]
  if (all.length > 0) throw new PolicyError(policy.name, requestLabel(csr, call.identities), all)
  const { keyUsage, extendedKeyUsage } = usagesOf(plan.profile, csr.publicKeyType.startsWith('RSA'))
  return requestCertificate(issuer, {
    ...asked,
    onEvent: onIssuerEvent,
    csr: request,
    requestId,
    lifetime: { max: formatDuration(plan.lifetime.granted) },
    subject: plan.subject,
    subjectAltNames: plan.names,
    keyUsage,
    purposes: extendedKeyUsage.length === 0 ? 'any' : extendedKeyUsage,
    ...(policy.isCa
      ? { isCa: true, pathLength: policy.pathLength ?? 'none', nameConstraints: signing.nameConstraints }
      : {}),
    // An earlier attempt of this or another process may have left a certificate behind.
    ...(typeof issuer.lookup === 'function' ? { resume: true } : {}),
    clock,
    signal,
  })
}
