/**
 * How long a path may be (RFC 5280 §6.1.4 (l), (m)).
 *
 * @module
 */

import type { Certificate } from '../x509/certificate.ts'
import { certificateLabel } from '../x509/certificate-label.ts'
import { type Finding, finding } from './finding.ts'

/**
 * Self-issued certificates are exempt from path length and name constraints (RFC 5280 §6.1.3, §6.1.4). That
 * both names are empty does not make subject and issuer the same CA.
 */
export const isExempt = (certificate: Certificate): boolean =>
  certificate.isSelfIssued && !certificate.subject.isEmpty

/** How many CAs of a path below the next issuer are not self-issued; its first certificate, the leaf, never counts. */
function countIntermediates(path: readonly Certificate[]): number {
  let count = 0
  for (let i = 1; i < path.length; i++) {
    const certificate = path[i]
    if (certificate !== undefined && !isExempt(certificate)) count++
  }
  return count
}

/** Judges the path length of an issuer against what lies below it. */
export function checkPathLength(issuer: Certificate, path: readonly Certificate[]): Finding | undefined {
  const { pathLength } = issuer
  if (pathLength === undefined || path.length - 1 <= pathLength) return undefined
  const below = countIntermediates(path)
  if (below <= pathLength) return undefined
  return finding('ERR_PATH_LENGTH', issuer, path.length, path, () => ({
    problem: `its path length allows ${cas(pathLength)} below it, but the path has ${below}: ${path.slice(1).map(certificateLabel).join(', ')}. No certificate from there can ever verify`,
    clause: 'RFC 5280 §6.1.4 (l), (m)',
    expected: `at most ${cas(pathLength)} below`,
    found: String(below),
    remedy:
      pathLength === 0
        ? 'It may sign leaves only: issue from it directly, or have it issued again with a larger path length'
        : 'Leave out an intermediate, or have it issued again with a larger path length',
    data: { allowed: pathLength, found: below },
  }))
}

/** Judges the number of intermediates against the option. */
export function checkIntermediateCount(
  issuer: Certificate,
  path: readonly Certificate[],
  allowed: number,
): Finding | undefined {
  if (allowed === Number.POSITIVE_INFINITY) return undefined
  const count = countIntermediates([...path, issuer])
  if (count <= allowed) return undefined
  return finding('ERR_PATH_LENGTH', issuer, path.length, path, () => ({
    problem: `it is intermediate number ${count}; the option "maxIntermediates" allows ${allowed}`,
    expected: `at most ${allowed}`,
    found: String(count),
    remedy: 'Leave out an intermediate, or allow more',
  }))
}

const cas = (count: number): string => `${count} CA${count === 1 ? '' : 's'}`
