/**
 * What functions that need a signing key accept.
 *
 * @module
 */

import type { WebCryptoLike } from '../internal/web-crypto.ts'
import { generateKeyPair, KEY_ALGORITHMS, type KeyAlgorithm } from './generate-key-pair.ts'
import { PrivateKey } from './private-key.ts'
import { isSigner, type Signer } from './signer.ts'

/** A signer, or a pair that holds one. */
export type SignerInput = Signer | { readonly privateKey: PrivateKey }

/** The signer of an input. @throws `TypeError` that names the option. */
export function toSigner(input: SignerInput, option: string): Signer {
  if (isSigner(input)) return input
  if (typeof input === 'object' && input !== null && input.privateKey instanceof PrivateKey)
    return input.privateKey
  throw new TypeError(`option "${option}" must be a PrivateKey, a pair { privateKey } or a Signer`)
}

/** The signer of the option "key"; makes a key where it names a kind. @throws `TypeError` for anything else. */
export async function resolveSigner(
  key: SignerInput | KeyAlgorithm,
  options: { readonly extractable?: boolean | undefined; readonly crypto?: WebCryptoLike | undefined },
): Promise<Signer> {
  if (typeof key !== 'string') return toSigner(key, 'key')
  if (!KEY_ALGORITHMS.includes(key)) {
    throw new TypeError(`option "key" must be a PrivateKey, a Signer or one of ${KEY_ALGORITHMS.join(', ')}`)
  }
  const { extractable, crypto } = options
  return (await generateKeyPair(key, { extractable, crypto })).privateKey
}
