/**
 * Signs requests as intermediate CAs.
 *
 * @module
 */

import { Csr, type CsrInput } from '../csr/csr.ts'
import { VerifiedCsr, verifyProofOfPossession } from '../csr/proof-of-possession.ts'
import { checkOptionNames, readCount } from '../internal/options.ts'
import { encodeGeneralNames } from '../x509/general-name-encoder.ts'
import { readNameOption } from '../x509/name.ts'
import type { IssuedCertificate, IssueIntermediateOptions } from './authority-options.ts'
import { dryRun } from './dry-run.ts'
import { checkPathLengthBelow, checkSubject } from './issuance-rules.ts'
import { ISSUE_OPTION_NAMES, readIssueOptions } from './issue-options.ts'
import type { Issuer } from './issuer.ts'
import { keyIdentifier } from './key-identifier.ts'
import { encodeNameConstraints } from './name-constraints-input.ts'
import { profileOf } from './profiles/profiles.ts'
import { renewedKeyIdentifier } from './renewed-key-identifier.ts'

const OPTION_NAMES: readonly string[] = [
  ...ISSUE_OPTION_NAMES,
  'pathLength',
  'nameConstraints',
  'renews',
  'sameKey',
]

/** `CertificateAuthority.issueIntermediate`. */
export async function issueIntermediate(
  issuer: Issuer,
  csr: CsrInput | VerifiedCsr,
  options: IssueIntermediateOptions,
): Promise<IssuedCertificate> {
  checkOptionNames(options, OPTION_NAMES, 'issueIntermediate')
  const profile = profileOf(options.profile ?? issuer.profile, 'intermediate')
  const asked = options.pathLength === undefined ? profile.pathLength : options.pathLength
  const pathLength = asked === 'none' ? undefined : readCount(asked, 'pathLength', 0, 255)
  checkPathLengthBelow(pathLength, issuer.chain)
  const { lifetime, backdate, method, signal } = readIssueOptions(options)
  const renewed = renewedKeyIdentifier(options, 'ca')
  const issuance = issuer.begin(lifetime, backdate)
  const verified = await verifyProofOfPossession(csr)
  const { publicKey } = Csr.signedPartsOf(verified.csr)
  const subject =
    options.subject === undefined ? verified.csr.subject : readNameOption(options.subject, 'subject')
  checkSubject(subject, publicKey, !profile.deviations.includes('ca-subject'), issuer.chain)
  const template = await issuer.compile(profile, pathLength, true)
  const issued = await issuer.issue(
    template,
    {
      ...issuance,
      subject: subject.der,
      publicKey,
      subjectKeyId:
        renewed(publicKey, subject) ?? keyIdentifier(publicKey, method, VerifiedCsr.keyOf(verified)),
      subjectAltNames:
        options.subjectAltNames === undefined || options.subjectAltNames.length === 0
          ? undefined
          : encodeGeneralNames(options.subjectAltNames, 'subjectAltNames'),
      nameConstraints:
        options.nameConstraints === undefined ? undefined : encodeNameConstraints(options.nameConstraints),
    },
    { isCa: true, pathLength, deviations: profile.deviations },
    signal,
  )
  await dryRun({
    certificate: issued.certificate,
    above: issuer.chain,
    signer: undefined,
    now: issuance.now,
    // Whatever this chain ends in was accepted when this authority was made.
    anchor: 'any',
  })
  return issued
}
