/**
 * What signs for enrolled clusters: a CA of this library under a policy.
 *
 * @module
 */

import type { VerifiedCsr } from '../../csr/proof-of-possession.ts'
import { readDuration } from '../../internal/duration.ts'
import { checkOptionNames, typeName } from '../../internal/options.ts'
import { type CertificateInput, toCertificates } from '../../x509/certificate-input.ts'
import type { IssuedCertificate } from '../authority-options.ts'
import type { CertificateAuthority } from '../certificate-authority.ts'
import { IssuancePolicy } from '../policy/issuance-policy.ts'
import { type CertificateProfileName, PROFILES } from '../profiles/profiles.ts'
import type { IssueContext } from './enrollment-options.ts'

/** Options of {@link enrollmentIssuer}. */
export interface EnrollmentIssuerOptions {
  /** How long a cluster's certificate is valid. Default: that of the profile, a year for Gloo Mesh's client. */
  readonly lifetime?: string | undefined
  /** The shape. Default `'gloo-relay-client'`: for clients and servers, as the original. */
  readonly profile?: CertificateProfileName | undefined
  /**
   * CAs that signed for clusters before this one, such as this one before it was re-keyed: clusters renew from theirs to this
   * one's. They must lead to the same root, and be in `clientAnchors` for as long. What they revoked this CA does not
   * know; the option `revocation` of the server does.
   */
  readonly predecessors?: CertificateInput | readonly CertificateInput[] | undefined
}

/**
 * Makes the option `issue` of an enrollment server out of a CA: the certificate of Gloo Mesh's relay client, `CN=<cluster>`,
 * `DNS:<cluster>`, for the key of the request and nothing else of it.
 *
 * A renewal is judged by the CA once more: the certificate must verify below its root now, not be revoked in its store, and
 * be followed by a new key.
 *
 * @throws `TypeError` and `RangeError` for options; the function throws what `ca.sign` throws.
 *
 * @example
 * ```ts
 * import { type CertificateAuthority, enrollmentIssuer, memoryTokenStore } from 'mesh-pki/ca'
 * import { createEnrollmentServer } from 'mesh-pki/node'
 *
 * declare const signingCa: CertificateAuthority, cert: string, key: string, relayRootPem: string
 * const { server } = createEnrollmentServer({
 *   credentials: { cert, key },
 *   tokens: memoryTokenStore(),
 *   issue: enrollmentIssuer(signingCa, { lifetime: '90d' }),
 *   clientAnchors: signingCa.certificate,
 *   serverAnchors: relayRootPem,
 * })
 * server.listen(9900)
 * ```
 */
export function enrollmentIssuer(
  ca: Pick<CertificateAuthority, 'sign'>,
  options: EnrollmentIssuerOptions = {},
): (csr: VerifiedCsr, context: IssueContext) => Promise<IssuedCertificate> {
  checkOptionNames(options, ['lifetime', 'profile', 'predecessors'], 'enrollmentIssuer')
  if (typeof ca?.sign !== 'function')
    throw new TypeError(`enrollmentIssuer takes a CertificateAuthority; got ${typeName(ca)}`)
  const { profile = 'gloo-relay-client', lifetime } = options
  if (lifetime !== undefined) readDuration(lifetime, 'lifetime')
  const predecessors =
    options.predecessors === undefined ? [] : toCertificates(options.predecessors, 'predecessors')
  const policy = IssuancePolicy.from({
    name: 'enrolled clusters',
    profile,
    subject: { from: 'caller', attributes: { CN: 'any' } },
    request: { subjectAltNames: 'equal-identities', forms: ['dns'] },
    names: { dns: { allow: ['**'] }, max: 1 },
    // The original does not backdate: a cluster whose clock is a second behind would refuse what it has just paid a token for.
    lifetime: { max: lifetime ?? PROFILES[profile].lifetime, backdate: '2m' },
  })
  return async (csr, { name, signal, renewal }) =>
    ca.sign(csr, policy, {
      subject: [{ CN: name }],
      signal,
      ...(renewal === undefined
        ? { identities: [{ type: 'dns', value: name }] }
        : { renews: renewal, predecessors }),
    })
}
