/**
 * Says for a person why a path was refused, and what would make it pass.
 *
 * @module
 */

import { MeshPkiError } from '../errors.ts'
import { escapeText } from '../internal/text.ts'
import type { Certificate } from '../x509/certificate.ts'
import { certificateLabel } from '../x509/certificate-label.ts'
import { iso, place } from './finding.ts'
import { PathError } from './path-error.ts'
import { issuerLabel, TrustAnchor } from './trust-anchor.ts'
import { VerifiedPath } from './verified-path.ts'
import type { CheckPathResult } from './verify-path.ts'

/** Characters of one line of foreign text. Messages are cut where they are made; this bounds what is printed. */
const MAX_LINE = 2048

/**
 * Prints the outcome of a verification: of a refusal the certificate, the rule with its clause, what was
 * expected and found, what would make it pass, and then every dead end in the order in which it was met; of
 * an accepted path its certificates, how long it stays valid, and what was not asked.
 *
 * The text is for people: its wording may change in any release, codes and fields of `PathError` do not. What
 * comes from certificates is escaped.
 *
 * @throws `TypeError` for anything but what `checkPath` answers, a `PathError` or a `VerifiedPath`.
 *
 * @example
 * ```ts
 * import { checkPath, explain } from 'mesh-pki/verify'
 *
 * declare const leaf: Uint8Array, rootsPem: string
 * const result = await checkPath(leaf, { anchors: rootsPem, purpose: 'serverAuth' })
 * if (!result.ok) console.error(explain(result))
 * ```
 */
export function explain(result: CheckPathResult | PathError | VerifiedPath): string {
  if (result instanceof PathError) return explainError(result)
  if (result instanceof VerifiedPath) return explainPath(result)
  if (typeof result === 'object' && result !== null && 'ok' in result) {
    if (result.ok && result.path instanceof VerifiedPath) return explainPath(result.path)
    if (!result.ok && result.error instanceof PathError) return explainError(result.error)
  }
  throw new TypeError('explain takes what checkPath answers, a PathError or a VerifiedPath')
}

function explainError(error: PathError): string {
  const lines = [`refused: ${error.code}`, ...explainRefusal(error)]
  if (error.causes.length === 0) return ended(lines)
  const all = [error, ...error.causes].sort((a, b) => a.attempt - b.attempt)
  lines.push('', `${all.length} dead ends were met, in this order:`)
  for (const attempt of all) {
    const chosen = attempt === error ? ' (the most specific, shown above)' : ''
    lines.push(`  ${attempt.attempt}. ${attempt.code}${chosen}`, `     path: ${chain(attempt.path)}`)
    if (attempt !== error) lines.push(...explainRefusal(attempt).map((text) => `   ${text}`))
  }
  return ended(lines)
}

/** The parts of an error that {@link explainRefusal} prints. */
export type ExplainedError = Pick<
  PathError,
  'certificate' | 'depth' | 'problem' | 'clause' | 'expected' | 'found' | 'remedy' | 'cause'
>

/** The lines for one refusal. No `index.ts` exports it; `spiffe` prints its errors by it too. */
export function explainRefusal(error: ExplainedError): readonly string[] {
  const { certificate, depth, problem, clause, expected, found, remedy } = error
  const lines: string[] = []
  const add = (name: string, text: string | undefined): void => {
    if (text !== undefined && text !== '') lines.push(`  ${`${name}:`.padEnd(13)}${line(text)}`)
  }
  add(
    'certificate',
    certificate === undefined ? undefined : `${place(depth)} ${certificateLabel(certificate)}`,
  )
  add('problem', problem)
  add('rule', clause)
  add('expected', expected)
  add('found', found)
  add('to pass', remedy)
  if (error.cause instanceof MeshPkiError && !(error.cause instanceof PathError))
    add('cause', error.cause.code)
  return lines
}

function explainPath(path: VerifiedPath): string {
  const { anchor, certificates } = path
  const lines = [`accepted at ${iso(path.time.getTime())}`]
  for (const [depth, certificate] of certificates.entries()) {
    const role = depth === 0 ? 'leaf' : certificate === anchor ? 'anchor' : `issuer ${depth}`
    lines.push(
      `  ${`${role}:`.padEnd(10)}${line(certificateLabel(certificate))}, until ${iso(certificate.notAfter.getTime())}`,
    )
  }
  if (anchor instanceof TrustAnchor) lines.push(`  ${'anchor:'.padEnd(10)}${line(issuerLabel(anchor))}`)
  const first = earliest(certificates)
  if (first !== undefined)
    lines.push(
      `  valid until ${iso(first.notAfter.getTime())}, when ${line(certificateLabel(first))} expires`,
    )
  lines.push(
    `  policies: ${path.policies.length === 0 ? 'none' : path.policies.join(', ')}`,
    `  revocation: ${path.revocation === 'off' ? 'nobody asked' : `${path.revocation}, for as long as the CRLs are current`}`,
  )
  return ended(lines)
}

function earliest(certificates: readonly Certificate[]): Certificate | undefined {
  let first: Certificate | undefined
  for (const certificate of certificates)
    if (first === undefined || certificate.notAfter < first.notAfter) first = certificate
  return first
}

function chain(path: readonly Certificate[]): string {
  return path.length === 0
    ? '(none)'
    : path.map((certificate) => line(certificateLabel(certificate))).join(' <- ')
}

const line = (text: string): string => escapeText(text, MAX_LINE)

const ended = (lines: readonly string[]): string => lines.join('\n')
