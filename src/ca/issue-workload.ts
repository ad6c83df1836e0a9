/**
 * Signs requests as workload certificates.
 *
 * @module
 */

import { Csr, type CsrInput } from '../csr/csr.ts'
import { provePossession, VerifiedCsr } from '../csr/proof-of-possession.ts'
import { MeshPkiError } from '../errors.ts'
import { checkOptionNames } from '../internal/options.ts'
import { readNameOption } from '../x509/name.ts'
import type { IssuedCertificate, IssueWorkloadOptions } from './authority-options.ts'
import { checkSubject } from './issuance-rules.ts'
import { ISSUE_OPTION_NAMES, readIssueOptions } from './issue-options.ts'
import type { Issuer } from './issuer.ts'
import { keyIdentifier } from './key-identifier.ts'
import { profileOf } from './profiles/profiles.ts'
import { workloadNames } from './workload-names.ts'

const OPTION_NAMES: readonly string[] = [...ISSUE_OPTION_NAMES, 'id']

/** `CertificateAuthority.issueWorkload`. */
export async function issueWorkload(
  issuer: Issuer,
  csr: CsrInput | VerifiedCsr,
  options: IssueWorkloadOptions,
): Promise<IssuedCertificate> {
  checkOptionNames(options, OPTION_NAMES, 'issueWorkload')
  const profile = profileOf(options.profile ?? issuer.profile, 'end-entity')
  const subjectAltNames = workloadNames(options)
  checkPurposes(issuer)
  const { lifetime, backdate, method, signal } = readIssueOptions(options)
  const issuance = issuer.begin(lifetime, backdate)
  const subject = readNameOption(options.subject ?? [], 'subject')
  const request = VerifiedCsr.is(csr) ? csr : Csr.from(csr)
  const finish = async (verified: VerifiedCsr, isCrowded: () => boolean): Promise<IssuedCertificate> => {
    const { publicKey } = Csr.signedPartsOf(verified.csr)
    const key = VerifiedCsr.keyOf(verified)
    checkSubject(subject, publicKey, false, issuer.chain)
    const template = await issuer.template(profile, key.kind === 'RSA')
    return issuer.issue(
      template,
      {
        ...issuance,
        subject: subject.der,
        publicKey,
        subjectKeyId: keyIdentifier(publicKey, method, key),
        subjectAltNames,
      },
      { isCa: false, pathLength: undefined, deviations: profile.deviations },
      signal,
      isCrowded(),
    )
  }
  return inTurn(issuer, request, finish)
}

/** Proves possession and goes on, in the issuer's window: many requests at the same time share it. */
export async function inTurn<T>(
  issuer: Issuer,
  request: Csr | VerifiedCsr,
  finish: (verified: VerifiedCsr, isCrowded: () => boolean) => Promise<T>,
): Promise<T> {
  const prove = (isCrowded: () => boolean): Promise<VerifiedCsr> =>
    provePossession(request, undefined, isCrowded())
  if (issuer.signer.isInProcess)
    return issuer.window.run(async (isCrowded) => finish(await prove(isCrowded), isCrowded))
  // A signer that is elsewhere uses no core of ours: it shall not take the place of those that do.
  return finish(await issuer.window.run(prove), () => false)
}

/** @throws `MeshPkiError` `ERR_CA_DRY_RUN` where nobody would accept what is issued for servers and clients. */
export function checkPurposes({ refusedPurpose }: Issuer): void {
  if (refusedPurpose === undefined) return
  throw new MeshPkiError(
    'ERR_CA_DRY_RUN',
    `workload certificates are for servers and clients, which this chain refuses: ${refusedPurpose.message}`,
    { cause: refusedPurpose },
  )
}
