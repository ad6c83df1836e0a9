/**
 * Judges the names of a path: the peer's in the leaf, and all of them under name constraints.
 *
 * @module
 */

import { quote } from '../internal/text.ts'
import { Certificate } from '../x509/certificate.ts'
import { certificateLabel } from '../x509/certificate-label.ts'
import { type Finding, finding, overBudget } from './finding.ts'
import { constraintViolation } from './name-constraints.ts'
import type { ReferenceName } from './options.ts'
import { isExempt } from './path-length.ts'
import { nameMismatch } from './reference-name.ts'
import type { SearchBudget } from './search-budget.ts'

const MALFORMED_REMEDIES = {
  dns: 'Ask for one host without a wildcard or a trailing dot, and as A-labels; an IP address goes into name: { ip }',
  ip: 'Write four decimal numbers without leading zeros, or an IPv6 address',
  email: 'Write local@host',
  uri: 'Write a URI with its scheme',
} as const

function kindOf(name: ReferenceName | undefined): keyof typeof MALFORMED_REMEDIES {
  if (name === undefined || 'dns' in name) return 'dns'
  return 'ip' in name ? 'ip' : 'email' in name ? 'email' : 'uri'
}

/** Judges the leaf by the peer's name (RFC 9525 §6). */
export function checkReferenceName(leaf: Certificate, name: ReferenceName | undefined): Finding | undefined {
  const mismatch = name === undefined ? undefined : nameMismatch(leaf, name)
  if (mismatch === undefined) return undefined
  const { expected, found, malformed } = mismatch
  return finding('ERR_PATH_NAME_MISMATCH', leaf, 0, [], () => ({
    problem: malformed
      ? `the expected name ${quote(expected)} is not well formed, so nothing matches it`
      : `expected ${expected}, found ${found}`,
    clause: 'RFC 9525 §6',
    expected,
    found,
    remedy: malformed
      ? MALFORMED_REMEDIES[kindOf(name)]
      : 'Connect by a name that the certificate has, or have it issued with this one among its subject alternative names',
  }))
}

/** §6.1.3 (b) and (c): self-issued certificates are exempt unless they are the leaf. */
export function checkNameConstraints(
  issuer: Certificate,
  path: readonly Certificate[],
  budget: SearchBudget,
): Finding | undefined {
  if (Certificate.layoutOf(issuer).nameConstraintsStart === 0) return undefined
  for (const [i, certificate] of path.entries()) {
    if (i > 0 && isExempt(certificate)) continue
    const violation = constraintViolation(issuer, certificate, {
      take: (count) => budget.takeComparisons(count),
    })
    if (violation === undefined) continue
    if (violation.kind === 'budget') return overBudget(budget.comparisonsExceeded, issuer, path.length, path)
    const constrainedBy = certificateLabel(issuer)
    return finding('ERR_PATH_NAME_CONSTRAINTS', certificate, i, [...path, issuer], () => ({
      problem: `${violation.text}, by the name constraints of ${constrainedBy}`,
      clause: 'RFC 5280 §4.2.1.10',
      remedy: `Issue it from a CA whose constraints allow its names, or have ${constrainedBy} issued again with other constraints`,
      data: { constrainedBy },
    }))
  }
  return undefined
}
