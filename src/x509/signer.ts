/**
 * What signs certificates and requests: a key of ours, or one that lives in a KMS, an HSM or Vault.
 *
 * @module
 */

import type { AbortSignalLike } from '../internal/abort.ts'
import type { SignatureAlgorithm } from './algorithm-identifier.ts'

/**
 * Signs without ever showing its key.
 *
 * @example
 * ```ts
 * import type { Signer } from 'mesh-pki/x509'
 *
 * declare const kms: { publicKey: Uint8Array; sign(data: Uint8Array): Promise<Uint8Array> }
 * const signer: Signer = {
 *   publicKey: kms.publicKey,
 *   signatureAlgorithm: 'ecdsa-sha256',
 *   sign: (tbs) => kms.sign(tbs),
 * }
 * ```
 */
export interface Signer {
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKey: Uint8Array
  /** The algorithm of every signature that it makes. */
  readonly signatureAlgorithm: SignatureAlgorithm
  /**
   * Signs `tbs` (it does the hashing). The answer is the content of the X.509 BIT STRING:
   * an ECDSA signature as DER `SEQUENCE { r, s }`, not as `r || s`.
   */
  sign(tbs: Uint8Array, options?: { readonly signal?: AbortSignalLike }): Uint8Array | Promise<Uint8Array>
}

/** Whether a value has the shape of a {@link Signer}. */
export function isSigner(value: unknown): value is Signer {
  return (
    typeof value === 'object' &&
    value !== null &&
    'publicKey' in value &&
    value.publicKey instanceof Uint8Array &&
    'signatureAlgorithm' in value &&
    typeof value.signatureAlgorithm === 'string' &&
    'sign' in value &&
    typeof value.sign === 'function'
  )
}
