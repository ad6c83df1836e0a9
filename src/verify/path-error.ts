/**
 * Why a certificate was refused.
 *
 * @module
 */

import { MeshPkiError, type MeshPkiErrorCode } from '../errors.ts'
import type { Certificate } from '../x509/certificate.ts'
import { certificateLabel } from '../x509/certificate-label.ts'

/** The codes of a {@link PathError}. */
export type PathErrorCode = Extract<MeshPkiErrorCode, `ERR_PATH_${string}`>

/** What {@link PathError} takes beside code and message. */
export interface PathErrorOptions {
  readonly depth?: number | undefined
  readonly certificate?: Certificate | undefined
  readonly path?: readonly Certificate[] | undefined
  readonly problem?: string | undefined
  readonly clause?: string | undefined
  readonly expected?: string | undefined
  readonly found?: string | undefined
  readonly remedy?: string | undefined
  readonly attempt?: number | undefined
  readonly cause?: unknown
  readonly data?: Readonly<Record<string, unknown>> | undefined
}

/**
 * The most specific reason why no path was found.
 *
 * `causes` are the other dead ends, in the order in which they were met; `attempt` says where among them this
 * one stands. Give it to `explain` for a text that a person can act on.
 */
export class PathError extends MeshPkiError {
  declare readonly code: PathErrorCode
  /** Where in the path: 0 is the leaf. */
  readonly depth: number
  /** The certificate that broke the rule. */
  readonly certificate: Certificate | undefined
  /** The path as far as it was tried, leaf first; the last may be the candidate that was refused. */
  readonly path: readonly Certificate[]
  /** What is wrong with it: the message without place, clause and remedy. */
  readonly problem: string
  /** The clause of the rule, such as `RFC 5280 §6.1.3 (a)(2)`. */
  readonly clause: string | undefined
  /** What the rule asks for. */
  readonly expected: string | undefined
  /** What was there instead. */
  readonly found: string | undefined
  /** What would make it pass. */
  readonly remedy: string | undefined
  /** Which dead end it was, counted from 1. */
  readonly attempt: number
  /** The other failures that the search met; at most 64 are kept. */
  readonly causes: readonly PathError[]

  constructor(
    code: PathErrorCode,
    message: string,
    options: PathErrorOptions = {},
    causes: readonly PathError[] = [],
  ) {
    const { certificate, depth = 0, clause, expected, found, remedy } = options
    super(code, message, {
      cause: options.cause,
      data: {
        ...(expected === undefined ? {} : { expected }),
        ...(found === undefined ? {} : { found }),
        ...options.data,
        depth,
        ...(certificate === undefined ? {} : { certificate: certificateLabel(certificate) }),
      },
    })
    this.name = 'PathError'
    this.depth = depth
    this.certificate = certificate
    this.path = Object.freeze([...(options.path ?? (certificate === undefined ? [] : [certificate]))])
    this.problem = options.problem ?? message
    this.clause = clause
    this.expected = expected
    this.found = found
    this.remedy = remedy
    this.attempt = options.attempt ?? 1
    this.causes = Object.freeze([...causes])
  }
}

/**
 * How specific a failure is: the higher, the closer the search came to accepting. A budget is fatal and
 * outranks everything, since what was not looked at is unknown.
 */
const RANK: Readonly<Record<PathErrorCode, number>> = {
  ERR_PATH_NO_ISSUER: 0,
  ERR_PATH_MALFORMED: 1,
  ERR_PATH_SIGNATURE: 2,
  ERR_PATH_KEY: 3,
  ERR_PATH_ALGORITHM: 3,
  ERR_PATH_NOT_CA: 4,
  ERR_PATH_EMPTY_SUBJECT: 4,
  ERR_PATH_KEY_USAGE: 5,
  ERR_PATH_EXPIRED: 6,
  ERR_PATH_NOT_YET_VALID: 6,
  ERR_PATH_LENGTH: 7,
  ERR_PATH_CRITICAL_EXTENSION: 7,
  ERR_PATH_EXTENDED_KEY_USAGE: 8,
  ERR_PATH_NAME_CONSTRAINTS: 9,
  ERR_PATH_RULE: 10,
  ERR_PATH_POLICY: 11,
  ERR_PATH_REVOCATION_UNKNOWN: 12,
  ERR_PATH_CRL_UNUSABLE: 13,
  ERR_PATH_CRL_SIGNER: 13,
  ERR_PATH_CRL_SIGNATURE: 13,
  ERR_PATH_CRL_EXPIRED: 14,
  ERR_PATH_REVOKED: 15,
  ERR_PATH_ANCHOR: 16,
  ERR_PATH_NAME_MISMATCH: 17,
  ERR_PATH_BUDGET_DEPTH: 98,
  ERR_PATH_BUDGET_CANDIDATES: 99,
  ERR_PATH_BUDGET_COMPARISONS: 99,
  ERR_PATH_BUDGET_SIGNATURES: 99,
}

/** How specific a failure is. */
export function rankOf(code: PathErrorCode): number {
  return RANK[code]
}
