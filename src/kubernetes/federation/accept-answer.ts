/**
 * Verifies what an issuer answered, before it becomes the CA of a cluster.
 *
 * @module
 */

import type { IssuedCertificate } from '../../ca/authority-options.ts'
import { CertificateAuthority } from '../../ca/certificate-authority.ts'
import { requestCertificate } from '../../ca/external/request-certificate.ts'
import type { Csr } from '../../csr/csr.ts'
import type { Clock } from '../../internal/clock.ts'
import type { Certificate } from '../../x509/certificate.ts'
import type { PrivateKey } from '../../x509/private-key.ts'
import type { RequestAnswer } from './certificate-request.ts'
import { rootsOfAuthority } from './fulfilment.ts'
import type { IssuedCertificateSpec } from './issued-certificate.ts'

/** What an answer is held against. */
export interface AnswerTerms {
  readonly spec: IssuedCertificateSpec
  readonly csr: Csr
  readonly key: PrivateKey
  readonly answer: RequestAnswer
  readonly roots: readonly Certificate[]
  readonly clock: Clock
}

/**
 * Accepts a CA certificate for the key that is waiting: exactly the subject of the request, the names and the path length of the
 * order, no longer life than ordered, and a path to a root that is trusted. Then a throw-away workload certificate is signed
 * with the key and verified: what istiod accepts may still be a CA under which no workload verifies.
 *
 * @throws `MeshPkiError` `ERR_ISSUER_MISMATCH` with every difference; the codes of `CertificateAuthority.from`.
 */
export async function acceptAnswer({
  spec,
  csr,
  key,
  answer,
  roots,
  clock,
}: AnswerTerms): Promise<IssuedCertificate> {
  const issuer = {
    name: 'the issuer of the federation',
    issue: async () => answer,
    lookup: async () => answer,
  }
  const issued = await requestCertificate(issuer, {
    csr,
    isCa: true,
    pathLength: spec.pathLength,
    subjectAltNames: spec.hosts.map((uri) => ({ type: 'uri', value: uri })),
    lifetime: { max: spec.lifetime },
    nameConstraints: 'any',
    // Not any root that is trusted: a rollover counts on who signs where.
    anchors: rootsOfAuthority(spec, roots),
    // It may have been made at any time since the request was.
    resume: true,
    clock,
  })
  await CertificateAuthority.from({ ...issued, signer: key, anchor: 'any', clock })
  return issued
}
