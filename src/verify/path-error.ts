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
  readonly cause?: unknown
  readonly data?: Readonly<Record<string, unknown>> | undefined
}

/**
 * The most specific reason why no path was found. `causes` are the other dead ends, in the order in which
 * they were met.
 */
export class PathError extends MeshPkiError {
  declare readonly code: PathErrorCode
  /** Where in the path: 0 is the leaf. */
  readonly depth: number
  /** The certificate that broke the rule. */
  readonly certificate: Certificate | undefined
  /** The other failures that the search met; at most 64 are kept. */
  readonly causes: readonly PathError[]

  constructor(
    code: PathErrorCode,
    message: string,
    options: PathErrorOptions = {},
    causes: readonly PathError[] = [],
  ) {
    const { certificate, depth = 0 } = options
    super(code, message, {
      cause: options.cause,
      data: {
        ...options.data,
        depth,
        ...(certificate === undefined ? {} : { certificate: certificateLabel(certificate) }),
      },
    })
    this.name = 'PathError'
    this.depth = depth
    this.certificate = certificate
    this.causes = Object.freeze([...causes])
  }

  /** @internal The same failure, with what else the search met. */
  withCauses(causes: readonly PathError[]): PathError {
    const { certificate, depth, data, cause } = this
    return new PathError(this.code, this.message, { certificate, depth, data, cause }, causes)
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
  ERR_PATH_UNSUPPORTED: 7,
  ERR_PATH_EXTENDED_KEY_USAGE: 8,
  ERR_PATH_NAME_CONSTRAINTS: 9,
  ERR_PATH_ANCHOR: 10,
  ERR_PATH_NAME_MISMATCH: 11,
  ERR_PATH_BUDGET: 99,
}

const MAX_CAUSES = 64

/** The most specific of several failures, the first among equals, carrying the others. */
export function mostSpecific(failures: readonly PathError[]): PathError {
  let best: PathError | undefined
  for (const failure of failures)
    if (best === undefined || RANK[failure.code] > RANK[best.code]) best = failure
  if (best === undefined)
    return new PathError('ERR_PATH_NO_ISSUER', 'no path was found, and no candidate was met')
  return best.withCauses(failures.filter((failure) => failure !== best).slice(0, MAX_CAUSES))
}
