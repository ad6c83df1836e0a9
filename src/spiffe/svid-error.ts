/**
 * Why an SVID was refused by a rule of SPIFFE.
 *
 * @module
 */

import { MeshPkiError, type MeshPkiErrorCode } from '../errors.ts'
import { escapeText } from '../internal/text.ts'
import type { Certificate } from '../x509/certificate.ts'
import { certificateLabel } from '../x509/certificate-label.ts'
import type { SpiffeId } from './spiffe-id.ts'
import type { SpiffeMatcher } from './spiffe-matcher.ts'

/** The codes of an {@link SvidError}. */
export type SvidErrorCode = Extract<MeshPkiErrorCode, `ERR_SVID_${string}`>

/** What {@link SvidError} takes beside its code. */
export interface SvidErrorOptions {
  /** What is wrong, without certificate, clause and remedy. */
  readonly problem: string
  /** The row of the conformance checklist, such as `X-01`. */
  readonly requirement: string | undefined
  /** Such as `X509-SVID §5.2`. */
  readonly clause: string | undefined
  readonly expected?: string | undefined
  readonly found?: string | undefined
  /** What to do, as a sentence without its stop. */
  readonly remedy?: string | undefined
  readonly certificate?: Certificate | undefined
  /** Where in the chain: 0 is the leaf. */
  readonly depth?: number | undefined
  readonly data?: Readonly<Record<string, unknown>> | undefined
  readonly cause?: unknown
}

/**
 * An SVID that breaks a rule of SPIFFE. Failures of the path itself are `PathError`s, as `verifyPath` makes
 * them. `explainSvid` prints both for a person.
 */
export class SvidError extends MeshPkiError {
  declare readonly code: SvidErrorCode
  /** The row of the conformance checklist in `docs/spiffe.md`, such as `X-01`; `undefined` for the caller's own rule. */
  readonly requirement: string | undefined
  readonly clause: string | undefined
  readonly problem: string
  readonly expected: string | undefined
  readonly found: string | undefined
  readonly remedy: string | undefined
  /** The certificate that broke the rule. */
  readonly certificate: Certificate | undefined
  /** Where in the chain: 0 is the leaf. */
  readonly depth: number

  constructor(code: SvidErrorCode, options: SvidErrorOptions) {
    const { problem, requirement, clause, expected, found, remedy, certificate, depth = 0 } = options
    super(code, messageOf(options), {
      cause: options.cause,
      data: {
        ...(requirement === undefined ? {} : { requirement }),
        ...(expected === undefined ? {} : { expected }),
        ...(found === undefined ? {} : { found }),
        ...options.data,
        depth,
        ...(certificate === undefined ? {} : { certificate: certificateLabel(certificate) }),
      },
    })
    this.name = 'SvidError'
    this.requirement = requirement
    this.clause = clause
    this.problem = problem
    this.expected = expected
    this.found = found
    this.remedy = remedy
    this.certificate = certificate
    this.depth = depth
  }
}

function messageOf({
  problem,
  requirement,
  clause,
  remedy,
  certificate,
  depth = 0,
}: SvidErrorOptions): string {
  const role = depth === 0 ? 'SVID' : `issuer ${depth} above the SVID,`
  const who = certificate === undefined ? role : `${role} ${certificateLabel(certificate)}`
  const rule = [clause, requirement].filter((part) => part !== undefined).join(', ')
  return `${who}: ${problem}${rule === '' ? '' : ` (${rule})`}${remedy === undefined ? '' : `. ${remedy}`}`
}

/** Somebody else than was expected. @param certificate absent for tokens */
export function unexpectedIdentity(
  id: SpiffeId,
  expect: SpiffeMatcher,
  certificate?: Certificate,
): SvidError {
  const expected = escapeText(String(expect), 512)
  return new SvidError('ERR_SVID_UNEXPECTED_ID', {
    problem: `it is valid, and it is somebody else: expected ${expected}, found ${String(id)}`,
    requirement: undefined,
    clause: undefined,
    expected,
    found: String(id),
    remedy:
      'Did the connection reach the wrong workload, or does the peer run under another account than expected?',
    certificate,
  })
}
