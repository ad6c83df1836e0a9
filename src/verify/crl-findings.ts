/**
 * What can be wrong when a certificate is looked up in CRLs.
 *
 * @module
 */

import { escapeText } from '../internal/text.ts'
import type { Certificate } from '../x509/certificate.ts'
import { nameLabel } from '../x509/certificate-label.ts'
import type { CertificateList } from '../x509/certificate-list.ts'
import type { RevokedCertificate } from '../x509/revoked-certificate.ts'
import { type Finding, type FindingText, finding, iso, overBudget } from './finding.ts'
import type { PathErrorCode } from './path-error.ts'
import type { ExceededBudget } from './search-budget.ts'
import type { Issuer } from './trust-anchor.ts'

/** A certificate in its place, while its status is determined. */
export interface StatusInquiry {
  readonly certificate: Certificate
  readonly depth: number
  readonly path: readonly Certificate[]
  readonly anchor: Issuer
  /** Whether a CRL counts that the certificate signed itself, as its issuer may provide. */
  mayVouchForItself: boolean
  /** Whether there was such a CRL. */
  vouchesForItself: boolean
}

/** A CRL that is in scope and does not help. */
export function crlFinding(
  { certificate, depth, path }: StatusInquiry,
  crl: CertificateList,
  code: PathErrorCode,
  tell: () => FindingText,
): Finding {
  return finding(code, certificate, depth, path, () => {
    const label = crlLabel(crl)
    const text = tell()
    return {
      ...text,
      problem: `whether it is revoked is not known: ${label} ${text.problem}`,
      data: { crl: label },
    }
  })
}

/** A certificate that a CRL lists. */
export function revokedFinding(
  inquiry: StatusInquiry,
  crl: CertificateList,
  entry: RevokedCertificate,
): Finding {
  const { certificate, depth, path } = inquiry
  const since = iso(entry.revocationDate.getTime())
  const reason = entry.reason === undefined ? '' : ` (${entry.reason})`
  return finding('ERR_PATH_REVOKED', certificate, depth, path, () => ({
    problem: `it was revoked at ${since}${reason}, says ${crlLabel(crl)}`,
    clause: 'RFC 5280 §6.1.3 (a)(3)',
    expected: 'a certificate that is not revoked',
    found: `revoked at ${since}${reason}`,
    remedy:
      entry.reason === 'certificateHold'
        ? 'It is on hold: the CA may release it, or issue another'
        : 'It can never be used again: issue another one for a new key',
    data: { revocationDate: since, reason: entry.reason, crl: crlLabel(crl) },
  }))
}

/** A budget that was used up on the way. */
export function exhausted({ certificate, depth, path }: StatusInquiry, budget: ExceededBudget): Finding {
  return overBudget(budget, certificate, depth, path)
}

/** A CRL in a few words. */
function crlLabel(crl: CertificateList): string {
  const number = crl.crlNumber === undefined ? '' : ` number ${escapeText(String(crl.crlNumber), 48)}`
  return `the CRL${number} of ${nameLabel(crl.issuer)} from ${iso(crl.thisUpdate.getTime())}`
}
