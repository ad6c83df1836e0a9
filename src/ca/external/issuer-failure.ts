/**
 * How adapters of external issuers say what went wrong.
 *
 * @module
 */

import { MeshPkiError } from '../../errors.ts'
import { checkOptionNames } from '../../internal/options.ts'

/** What must be known of a failure to act on it. */
export interface IssuerFailureOptions {
  /** Whether the same call may succeed later. */
  readonly retryable: boolean
  /** `'failed'`: surely no certificate was made. `'unknown'`: one may have been. */
  readonly outcome: 'failed' | 'unknown'
  readonly cause?: unknown
}

/**
 * A failure of an `ExternalIssuer`. Its message is shown to people: no tokens in it.
 *
 * It is known by its shape, so an adapter may throw any `Error` with the members `retryable` and `outcome`.
 *
 * @example
 * ```ts
 * import { IssuerFailure } from 'mesh-pki/ca'
 *
 * throw new IssuerFailure('the role "mesh" does not exist', { retryable: false, outcome: 'failed' })
 * ```
 */
export class IssuerFailure extends Error {
  /** Whether the same call may succeed later. */
  readonly retryable: boolean
  /** Whether a certificate may have been made. */
  readonly outcome: 'failed' | 'unknown'

  constructor(message: string, options: IssuerFailureOptions) {
    checkOptionNames(options, ['retryable', 'outcome', 'cause'], 'IssuerFailure')
    const { retryable, outcome, cause } = options
    if (typeof retryable !== 'boolean') throw new TypeError('option "retryable" must be true or false')
    if (outcome !== 'failed' && outcome !== 'unknown')
      throw new TypeError('option "outcome" must be "failed" or "unknown"')
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'IssuerFailure'
    this.retryable = retryable
    this.outcome = outcome
  }
}

/** What a thrown value says of itself. */
export interface ReadFailure extends Pick<IssuerFailure, 'retryable' | 'outcome'> {
  /** For people, where it was marked as fit for them. */
  readonly message: string | undefined
}

/**
 * What a thrown value says of itself, an {@link IssuerFailure} of ours or another copy's. What says nothing, or cannot
 * even be asked, may have made a certificate, and may pass.
 *
 * @throws nothing, whatever it is.
 */
export function readFailure(error: unknown): ReadFailure {
  const silent = { retryable: true, outcome: 'unknown', message: undefined } as const
  try {
    if (!(error instanceof Error)) return silent
    const message = typeof error.message === 'string' ? error.message : undefined
    const retryable = 'retryable' in error ? error.retryable : undefined
    const outcome = 'outcome' in error ? error.outcome : undefined
    if (typeof retryable === 'boolean' && (outcome === 'failed' || outcome === 'unknown'))
      return { retryable, outcome, message }
    return error instanceof MeshPkiError ? { ...silent, message } : silent
  } catch {
    return silent
  }
}
