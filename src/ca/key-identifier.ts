/**
 * Key identifiers from public keys (RFC 5280 §4.2.1.2).
 *
 * @module
 */

import { sha1 } from '@noble/hashes/legacy.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { type PublicKeyInfo, readPublicKeyInfo } from '../x509/public-key-info.ts'

/**
 * `sha1`: SHA-1 of the key's bits, method (1) of RFC 5280 §4.2.1.2, as OpenSSL and Go up to 1.24 do.
 * `sha256`: the leftmost 160 bits of SHA-256, method 1 of RFC 7093 §2, as Go from 1.25 does.
 * It is a name, not a proof: SHA-1's weakness does not matter here.
 */
export type KeyIdentifierMethod = 'sha1' | 'sha256'

/** Every method. */
export const KEY_IDENTIFIER_METHODS: readonly KeyIdentifierMethod[] = ['sha1', 'sha256']

/** The identifier of a checked SubjectPublicKeyInfo: 20 octets. `info` is what it holds, if that is known. */
export function keyIdentifier(
  spki: Uint8Array,
  method: KeyIdentifierMethod,
  info: PublicKeyInfo = readPublicKeyInfo(spki),
): Uint8Array {
  const { keyStart, keyEnd } = info
  const bits = spki.subarray(keyStart, keyEnd)
  return method === 'sha1' ? sha1(bits) : sha256(bits).subarray(0, 20)
}
