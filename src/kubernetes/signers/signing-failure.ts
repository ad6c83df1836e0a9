/**
 * Tells refusals, which are for good, from failures that pass.
 *
 * @module
 */

import { readFailure } from '../../ca/external/issuer-failure.ts'
import { PolicyError } from '../../ca/policy/policy-violation.ts'
import { MeshPkiError, type MeshPkiErrorCode } from '../../errors.ts'

/** Why a request is refused for good. */
export interface SigningRefusal {
  /** `SignerValidationFailure`: the request is at fault. `SigningError`: it cannot be signed by this CA. */
  readonly reason: 'SignerValidationFailure' | 'SigningError'
  readonly message: string
  /** Whether the policy, or what is known of keys, says no to a request that is well formed. */
  readonly of?: 'policy' | 'key' | undefined
}

/** What reading a request, its key and its names throws. */
const OF_REQUEST = /^ERR_(?:CERTIFICATE|CSR|DER|GENERAL_NAME|KEY|NAME|PEM|SPIFFE)(?:_|$)/

/** What a CA throws for a request that has no place below it. */
const OF_CA: readonly MeshPkiErrorCode[] = [
  'ERR_CA_KEY_REUSED',
  'ERR_CA_NAME_CONSTRAINTS',
  'ERR_CA_PATH_LENGTH',
  'ERR_CA_SELF_ISSUED',
  'ERR_CA_SUBJECT',
  'ERR_CA_SUBJECT_ALT_NAME',
  'ERR_ISSUER_MISMATCH',
]

/**
 * Why an error refuses a request for good; `undefined` for one that may pass, such as that of a key that cannot be
 * reached, a CA that has expired, or the caller's own function.
 */
export function refusalOf(error: unknown): SigningRefusal | undefined {
  if (!(error instanceof MeshPkiError)) return undefined
  const { code, message } = error
  if (error instanceof PolicyError) {
    const isKey = error.violations.every(({ rule }) => rule === 'key')
    return { reason: 'SignerValidationFailure', message, of: isKey ? 'key' : 'policy' }
  }
  if (code === 'ERR_KEY_UNSUPPORTED' || code === 'ERR_KEY_WEAK')
    return { reason: 'SignerValidationFailure', message, of: 'key' }
  if (OF_REQUEST.test(code)) return { reason: 'SignerValidationFailure', message }
  if (OF_CA.includes(code)) return { reason: 'SigningError', message }
  // An issuer that says of itself that it will never do it.
  if (code === 'ERR_ISSUER_FAILED' && !readFailure(error.cause).retryable)
    return { reason: 'SigningError', message }
  return undefined
}
