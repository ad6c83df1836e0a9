/**
 * What Go's `x509.Certificate.Verify` says of a certificate, told by our own verifier.
 *
 * It is asked as istiod asks it: no name, the purpose serverAuth, roots and intermediates out of two files. Go deviates
 * from RFC 5280, and what deviates is set right here:
 *
 * - a certificate that is itself among the roots is accepted without a path, whoever signed it;
 * - every certificate among the roots is an anchor, self-signed or not, also of version 1; its validity, path length,
 *   name constraints and extended key usage are judged like those of others, and one of version 3 must be a CA's;
 * - names are compared byte by byte;
 * - self-issued CAs count for path lengths.
 *
 * What is left is stricter here, and refuses where Go accepts: RSA keys below 2048 bits and above 8192, P-224, exponents
 * above 2^32, an anchor without a name, a nameless CA without a critical alternative name, directory names under name
 * constraints, and certificates that only Go's parser takes. More lenient: critical name constraints for directory names,
 * which are judged here and unknown to Go. Times are whole seconds here.
 *
 * @module
 */

import { equalBytes } from '../../internal/bytes.ts'
import { instantText } from '../../internal/instant-text.ts'
import { checkCriticalExtensions } from '../../verify/critical-extensions.ts'
import type { VerifyPathOptions } from '../../verify/options.ts'
import type { PathError } from '../../verify/path-error.ts'
import { checkPath } from '../../verify/verify-path.ts'
import type { Certificate } from '../../x509/certificate.ts'
import { ExtendedKeyUsage } from '../../x509/extensions/extended-key-usage.ts'

/** What a certificate is verified with. */
export interface GoVerifyInput {
  readonly roots: readonly Certificate[]
  readonly intermediates: readonly Certificate[]
  /** Milliseconds, whole seconds. */
  readonly now: number
}

const UNKNOWN_AUTHORITY = 'x509: certificate signed by unknown authority'
const INCOMPATIBLE_USAGE = 'x509: certificate specifies an incompatible key usage'

/** As many as Go tries, and room for ours, which weighs them by algorithm. */
const LIMITS = { signatures: 1000, depth: 100 } as const

/** Go's error text; `undefined` where it accepts. What stands in parentheses behind it in Go is left out. */
export async function verifyAsGo(
  leaf: Certificate,
  { roots, intermediates, now }: GoVerifyInput,
): Promise<string | undefined> {
  // CRL distribution points may be critical for Go.
  if (checkCriticalExtensions(leaf, 0, true) !== undefined) return 'x509: unhandled critical extension'
  const expiry = expiryProblem(leaf, now)
  if (expiry !== undefined) return expiry
  if (roots.some((root) => root.equals(leaf))) return allowsServers(leaf) ? undefined : INCOMPATIBLE_USAGE
  let pools = { anchors: roots.filter(isGoAnchor), intermediates }
  // Each round leaves one issuer out, so it ends.
  for (;;) {
    if (pools.anchors.length === 0) return UNKNOWN_AUTHORITY
    const options: VerifyPathOptions = {
      ...pools,
      time: new Date(now),
      purpose: 'serverAuth',
      ekuStrictness: 'nested',
      // What an anchor of version 3 must say was asked above.
      anchorChecks: { validity: true, constraints: true, basicConstraints: false },
      // Nobody asks for revocation; but then CRL distribution points may be critical, as for Go.
      crls: [],
      revocation: 'if-present',
      limits: LIMITS,
    }
    const result = await checkPath(leaf, options)
    if (!result.ok) return goText(leaf, result.error, options)
    const stranger = refusedByGo(result.path.certificates)
    if (stranger === undefined) return undefined
    const without = (list: readonly Certificate[]) => list.filter((each) => !each.equals(stranger))
    pools = { anchors: without(pools.anchors), intermediates: without(pools.intermediates) }
  }
}

function expiryProblem({ notBefore, notAfter }: Certificate, now: number): string | undefined {
  const text = (end: string, instant: Date): string =>
    `x509: certificate has expired or is not yet valid: current time ${instantText(now)} is ${end} ${instantText(instant.getTime())}`
  if (now < notBefore.getTime()) return text('before', notBefore)
  return now > notAfter.getTime() ? text('after', notAfter) : undefined
}

/** A certificate of version 3 signs nothing without cA TRUE; older ones cannot say it, and may. */
const isGoAnchor = (root: Certificate): boolean => root.version < 3 || root.isCa

function allowsServers({ extendedKeyUsage }: Certificate): boolean {
  return (
    extendedKeyUsage === undefined ||
    extendedKeyUsage.includes(ExtendedKeyUsage.serverAuth) ||
    extendedKeyUsage.includes(ExtendedKeyUsage.any)
  )
}

/** The first issuer of a path that Go would not have taken. */
function refusedByGo(path: readonly Certificate[]): Certificate | undefined {
  return path.find((issuer, depth) => {
    const child = path[depth - 1]
    if (child === undefined) return false
    const isNamed = equalBytes(child.issuer.der, issuer.subject.der)
    const { pathLength } = issuer
    return !isNamed || (pathLength !== undefined && depth - 1 > pathLength)
  })
}

/** Go looks for paths first, and judges purpose, policies and names of those that it found. */
async function goText(leaf: Certificate, error: PathError, options: VerifyPathOptions): Promise<string> {
  switch (error.code) {
    case 'ERR_PATH_EXTENDED_KEY_USAGE': {
      const result = await checkPath(leaf, { ...options, purpose: 'any' })
      const isFound =
        result.ok ||
        result.error.code === 'ERR_PATH_NAME_CONSTRAINTS' ||
        result.error.code === 'ERR_PATH_POLICY'
      return isFound ? INCOMPATIBLE_USAGE : UNKNOWN_AUTHORITY
    }
    case 'ERR_PATH_NAME_CONSTRAINTS':
      return 'x509: a root or intermediate certificate is not authorized to sign for this name'
    case 'ERR_PATH_POLICY':
      return 'x509: no valid chains built'
    default:
      return UNKNOWN_AUTHORITY
  }
}
