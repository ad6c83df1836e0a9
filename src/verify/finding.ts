/**
 * What a check found. A search meets thousands of dead ends and prints a few: the words are made at the end.
 *
 * @module
 */

import type { Certificate } from '../x509/certificate.ts'
import { certificateLabel } from '../x509/certificate-label.ts'
import { PathError, type PathErrorCode, rankOf } from './path-error.ts'
import type { ExceededBudget } from './search-budget.ts'

/** The words for a finding. Text from certificates must be escaped already. */
export interface FindingText {
  /** What is wrong, after "leaf "CN=…": ". */
  readonly problem: string
  /** The clause of the rule; absent where the caller's options are the rule. */
  readonly clause?: string | undefined
  readonly expected?: string | undefined
  readonly found?: string | undefined
  /** What to do, as a sentence without its stop. */
  readonly remedy?: string | undefined
  readonly data?: Readonly<Record<string, unknown>> | undefined
  readonly cause?: unknown
}

/** A rule that was broken. */
export interface Finding {
  readonly code: PathErrorCode
  /** `undefined` for a trust anchor that is none. */
  readonly certificate: Certificate | undefined
  /** 0 is the leaf. */
  readonly depth: number
  /** The path that was tried, leaf first; empty where the check did not know it. */
  readonly path: readonly Certificate[]
  readonly tell: () => FindingText
}

/** Makes a finding. */
export function finding(
  code: PathErrorCode,
  certificate: Certificate | undefined,
  depth: number,
  path: readonly Certificate[],
  tell: () => FindingText,
): Finding {
  return { code, certificate, depth, path, tell }
}

/** A budget that was used up. */
export function overBudget(
  { code, problem, remedy }: ExceededBudget,
  certificate: Certificate,
  depth: number,
  path: readonly Certificate[],
): Finding {
  return { code, certificate, depth, path, tell: () => ({ problem, remedy }) }
}

/** The finding with the path that was tried, where the check did not know it. */
export function onPath(found: Finding, path: readonly Certificate[]): Finding {
  return found.path.length >= path.length ? found : { ...found, path }
}

/** The error of a finding. `attempt` is its place among the dead ends. */
export function errorOf(found: Finding, attempt = 1, causes: readonly PathError[] = []): PathError {
  const { code, certificate, depth, path } = found
  const { problem, clause, remedy, ...rest } = found.tell()
  const who = certificate === undefined ? '' : ` ${certificateLabel(certificate)}`
  const rule = clause === undefined ? '' : ` (${clause})`
  const advice = remedy === undefined ? '' : `. ${remedy}`
  const tried = certificate === undefined || path.includes(certificate) ? path : [...path, certificate]
  return new PathError(
    code,
    `${place(depth)}${who}: ${problem}${rule}${advice}`,
    { ...rest, certificate, depth, path: tried, problem, clause, remedy, attempt },
    causes,
  )
}

/** Where a certificate stands, in words. */
export function place(depth: number): string {
  return depth === 0 ? 'leaf' : `issuer ${depth} above the leaf,`
}

/** An instant as messages show it. */
export const iso = (time: number): string => new Date(time).toISOString().replace('.000Z', 'Z')

const MAX_CAUSES = 64

/** The finding that came closest to accepting, the first among equals. */
export function closest(findings: readonly Finding[]): Finding | undefined {
  let best: Finding | undefined
  for (const one of findings) if (best === undefined || rankOf(one.code) > rankOf(best.code)) best = one
  return best
}

/** The error of {@link closest}, carrying the others. */
export function mostSpecific(findings: readonly Finding[]): PathError {
  const best = closest(findings)
  if (best === undefined)
    return new PathError('ERR_PATH_NO_ISSUER', 'no path was found, and no candidate was met')
  const causes: PathError[] = []
  for (const [i, other] of findings.entries()) {
    if (causes.length === MAX_CAUSES) break
    if (other !== best) causes.push(errorOf(other, i + 1))
  }
  return errorOf(best, findings.indexOf(best) + 1, causes)
}
