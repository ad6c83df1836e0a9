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

/** The signer of an input; makes a key where the input names a kind. @throws `TypeError` for anything else. */
export async function resolveSigner(
  input: SignerInput | KeyAlgorithm,
  options: { readonly extractable?: boolean | undefined; readonly crypto?: WebCryptoLike | undefined },
): Promise<Signer> {
  for (const algorithm of KEY_ALGORITHMS) {
    if (algorithm === input)
      return (await generateKeyPair(algorithm, { extractable: options.extractable, crypto: options.crypto }))
        .privateKey
  }
  if (isSigner(input)) return input
  if (
    typeof input === 'object' &&
    input !== null &&
    'privateKey' in input &&
    input.privateKey instanceof PrivateKey
  )
    return input.privateKey
  throw new TypeError(
    `option "key" must be a PrivateKey, a Signer, a pair { privateKey } or one of ${KEY_ALGORITHMS.join(', ')}`,
  )
}
