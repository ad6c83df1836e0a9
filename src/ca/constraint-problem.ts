/**
 * Name constraints at issuance: what any common verifier would refuse is not signed.
 *
 * @module
 */

import { constraintViolation, namesViolation } from '../verify/name-constraints.ts'
import type { Certificate } from '../x509/certificate.ts'
import { certificateLabel } from '../x509/certificate-label.ts'
import type { GeneralName } from '../x509/general-name.ts'
import { readCommonName } from './common-name.ts'

/** Comparisons for one certificate and one issuer: a hundred names under ten thousand subtrees. */
const MAX_COMPARISONS = 1_000_000

/**
 * Why some issuers' name constraints refuse a certificate; `undefined` where none does.
 *
 * RFC 5280 §4.2.1.10 asks for alternative names and the subject. OpenSSL also holds common names against DNS subtrees where
 * there is no DNS name, and accepts hosts by them; so they are judged here, if they look like hosts. A single label is not.
 */
export function constraintProblem(
  issuers: readonly Certificate[],
  certificate: Certificate,
): string | undefined {
  const further = subjectNames(certificate)
  for (const issuer of issuers) {
    let left = MAX_COMPARISONS
    const budget = {
      take: (count: number): boolean => {
        left -= count
        return left >= 0
      },
    }
    const violation =
      constraintViolation(issuer, certificate, budget) ?? namesViolation(issuer, further, budget)
    if (violation === undefined) continue
    const text =
      violation.kind === 'budget'
        ? 'it has too many names to be compared with so many subtrees'
        : violation.text
    return `the certificate would never verify: ${text}, by the name constraints of ${certificateLabel(issuer)} (RFC 5280 §4.2.1.10)`
  }
  return undefined
}

/** Hosts and mailboxes in a subject, as those read them who look there. */
function subjectNames({ subject, subjectAltNames, isCa }: Certificate): readonly GeneralName[] {
  if (subject.isEmpty) return []
  const emails = subject.values('emailAddress').map((value): GeneralName => ({ type: 'email', value }))
  // Nobody connects to a CA by its name.
  if (isCa || subjectAltNames.some(({ type }) => type === 'dns')) return emails
  const hosts = subject.values('CN').flatMap((value): GeneralName[] => {
    const read = readCommonName(value)
    if (read.kind === 'name') return read.name.type === 'dns' ? [read.name] : []
    // One that cannot be compared is refused by any constraint on hosts.
    return read.kind === 'text' ? [] : [{ type: 'dns', value }]
  })
  return [...emails, ...hosts]
}
