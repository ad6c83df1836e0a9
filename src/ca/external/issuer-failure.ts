/**
 * How adapters of external issuers say what went wrong.
 *
 * @module
 */

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

/** What a thrown value says of itself; what says nothing may have made a certificate, and may pass. */
export function readFailure(error: unknown): Pick<IssuerFailure, 'retryable' | 'outcome'> {
  if (!isMarked(error)) return { retryable: true, outcome: 'unknown' }
  const { retryable, outcome } = error
  return { retryable, outcome }
}

/** Whether a thrown value is an {@link IssuerFailure}, ours or another copy's. */
export function isMarked(error: unknown): error is IssuerFailure {
  return (
    error instanceof Error &&
    'retryable' in error &&
    typeof error.retryable === 'boolean' &&
    'outcome' in error &&
    (error.outcome === 'failed' || error.outcome === 'unknown')
  )
}
