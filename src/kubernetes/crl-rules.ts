/**
 * Whether the CRLs of a secret are those that istiod asks for.
 *
 * @module
 */

import { limitFinding, type PlacedCertificate } from '../ca/lint/certificate-file.ts'
import type { SignatureOracle } from '../ca/lint/issuer-graph.ts'
import { lintFinding } from '../ca/lint/lint-finding.ts'
import { MeshPkiError } from '../errors.ts'
import { certificateLabel, nameLabel } from '../x509/certificate-label.ts'
import { CertificateList } from '../x509/certificate-list.ts'
import type { LintedSecret } from './linted-secret.ts'
import { DataKey } from './names.ts'

/** istiod wants, for every certificate of the chain, a CRL that this certificate signed. */
export async function addCrlFindings(
  secret: LintedSecret,
  chain: readonly PlacedCertificate[],
  now: number,
  oracle: SignatureOracle,
): Promise<void> {
  const source = secret.sourceOf(DataKey.caCrl)
  let lists: readonly CertificateList[]
  try {
    const text = secret.text(DataKey.caCrl) ?? ''
    if (text.includes('PRIVATE KEY-----'))
      throw new MeshPkiError('ERR_PEM_LABEL', 'a private key stands here')
    lists = CertificateList.listFromPem(text)
  } catch (error) {
    if (!(error instanceof MeshPkiError)) throw error
    secret.add(
      lintFinding('crl-unreadable', {
        at: { source },
        found: error.code,
        problem: `the CRLs cannot be read: ${error.message.replace(/\.$/, '')}. istiod refuses the whole secret`,
        remedy: 'Put blocks X509 CRL here and nothing else',
      }),
    )
    return
  }
  for (const list of lists) {
    const { nextUpdate } = list
    if (nextUpdate === undefined || nextUpdate.getTime() >= now) continue
    secret.add(
      lintFinding('crl-expired', {
        at: { source },
        found: `next update ${nextUpdate.toISOString()}`,
        problem: `the CRL of ${nameLabel(list.issuer)} was due to be replaced at ${nextUpdate.toISOString()}; strict verifiers refuse everything below that CA`,
        remedy: 'Issue the CRL again, and do so by a schedule',
        clause: 'RFC 5280 §5.1.2.5',
      }),
    )
  }
  for (const at of chain) {
    const signed = await Promise.all(lists.map((list) => oracle.isSignedBy(list, at.certificate)))
    if (signed.includes(true)) continue
    const isUnsure = signed.includes(undefined)
    secret.add(
      lintFinding('crl-missing', {
        at,
        found: isUnsure ? 'CRLs whose signatures cannot be checked' : 'no CRL that it signed',
        problem: `${certificateLabel(at.certificate)} stands in the chain without a CRL that it signed${isUnsure ? ', as far as signatures can be checked' : ''}; istiod refuses the whole secret ("missing CRL signed by certificates")`,
        remedy: 'Let this CA issue a CRL too, an empty one if it revoked nothing',
      }),
    )
  }
  if (oracle.isExhausted) secret.add(limitFinding('more signatures of CRLs than are checked', { source }))
}
