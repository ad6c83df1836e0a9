/**
 * Digest names in the spellings that the crypto back-ends want.
 *
 * @module
 */

/** Names of a digest for `node:crypto` and for WebCrypto. */
export interface DigestNames {
  readonly node: string
  readonly web: string
}

/** The digest of a signature algorithm such as `ecdsa-sha256`; `undefined` for Ed25519, which has its own. */
export function digestOf(algorithm: string): DigestNames | undefined {
  if (algorithm.endsWith('sha256')) return { node: 'sha256', web: 'SHA-256' }
  if (algorithm.endsWith('sha384')) return { node: 'sha384', web: 'SHA-384' }
  if (algorithm.endsWith('sha512')) return { node: 'sha512', web: 'SHA-512' }
  return undefined
}
