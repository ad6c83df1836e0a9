/**
 * Makes a {@link PathError} of what a check found, in one form for all checks.
 *
 * @module
 */

import type { Certificate } from '../x509/certificate.ts'
import { certificateLabel } from '../x509/certificate-label.ts'
import { PathError, type PathErrorCode } from './path-error.ts'

/** What a check found. Text from certificates must be escaped already. */
export interface Finding {
  readonly code: PathErrorCode
  readonly certificate: Certificate
  /** 0 is the leaf. */
  readonly depth: number
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
  /** The path below, leaf first. The certificate is added where it is not in it. */
  readonly path?: readonly Certificate[] | undefined
}

/** The error of a finding. */
export function failure(finding: Finding): PathError {
  const {
    code,
    certificate,
    depth,
    problem,
    clause,
    expected,
    found,
    remedy,
    data,
    cause,
    path = [],
  } = finding
  const rule = clause === undefined ? '' : ` (${clause})`
  const advice = remedy === undefined ? '' : `. ${remedy}`
  return new PathError(code, `${place(depth)} ${certificateLabel(certificate)}: ${problem}${rule}${advice}`, {
    certificate,
    depth,
    problem,
    clause,
    expected,
    found,
    remedy,
    data,
    cause,
    path: path.includes(certificate) ? path : [...path, certificate],
  })
}

/** Where a certificate stands, in words. */
export function place(depth: number): string {
  return depth === 0 ? 'leaf' : `issuer ${depth} above the leaf,`
}

/** An instant as messages show it. */
export const iso = (time: number): string => new Date(time).toISOString().replace('.000Z', 'Z')
