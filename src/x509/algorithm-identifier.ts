/**
 * AlgorithmIdentifiers of signatures and keys (RFC 3279, RFC 4055, RFC 5480, RFC 5758, RFC 8410).
 *
 * @module
 */

import { DerCursor, Tag } from '../internal/der.ts'
import { readOid } from '../internal/oid.ts'
import { encodePssAlgorithm, isPss, type PssAlgorithm, readPssAlgorithm } from './pss-algorithm.ts'

/**
 * How a signature was made. ECDSA is named with its digest only: the curve is the key's. `rsa-sha…` is PKCS#1
 * v1.5; `rsa-pss-sha…` has the same digest throughout and a salt as long as the digest.
 */
export type SignatureAlgorithm =
  | 'ecdsa-sha256'
  | 'ecdsa-sha384'
  | 'ecdsa-sha512'
  | 'ed25519'
  | 'rsa-sha256'
  | 'rsa-sha384'
  | 'rsa-sha512'
  | PssAlgorithm

/** Whole AlgorithmIdentifiers, tag to last byte. Nothing else is a signature that we verify or make. */
const FIXED_ALGORITHMS = {
  // ecdsa-with-SHA2: parameters absent (RFC 5758 §3.2).
  'ecdsa-sha256': [0x30, 10, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2],
  'ecdsa-sha384': [0x30, 10, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 3],
  'ecdsa-sha512': [0x30, 10, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 4],
  // id-Ed25519: parameters absent (RFC 8410 §3).
  ed25519: [0x30, 5, 6, 3, 0x2b, 0x65, 0x70],
  // sha2WithRSAEncryption: parameters NULL (RFC 4055 §5).
  'rsa-sha256': [0x30, 13, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 11, 5, 0],
  'rsa-sha384': [0x30, 13, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 12, 5, 0],
  'rsa-sha512': [0x30, 13, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 13, 5, 0],
} as const

type FixedAlgorithm = keyof typeof FIXED_ALGORITHMS

const FIXED_NAMES: readonly FixedAlgorithm[] = [
  'ecdsa-sha256',
  'ecdsa-sha384',
  'ecdsa-sha512',
  'ed25519',
  'rsa-sha256',
  'rsa-sha384',
  'rsa-sha512',
]

/** Every signature algorithm. */
export const SIGNATURE_ALGORITHM_NAMES: readonly SignatureAlgorithm[] = [
  ...FIXED_NAMES,
  'rsa-pss-sha256',
  'rsa-pss-sha384',
  'rsa-pss-sha512',
]

/** DER of a signature's AlgorithmIdentifier. */
export function encodeSignatureAlgorithm(algorithm: SignatureAlgorithm): Uint8Array<ArrayBuffer> {
  return isPss(algorithm) ? encodePssAlgorithm(algorithm) : Uint8Array.from(FIXED_ALGORITHMS[algorithm])
}

/** The algorithm of a signature's AlgorithmIdentifier; `undefined` for any that is not exactly one of ours. */
export function readSignatureAlgorithm(
  bytes: Uint8Array,
  start: number,
  end: number,
): SignatureAlgorithm | undefined {
  for (const name of FIXED_NAMES) {
    const wanted = FIXED_ALGORITHMS[name]
    if (wanted.length !== end - start) continue
    let same = true
    for (let i = 0; i < wanted.length && same; i++) same = wanted[i] === bytes[start + i]
    if (same) return name
  }
  return readPssAlgorithm(bytes, start, end)
}

/** Passes over an AlgorithmIdentifier of any algorithm, checking its framing. */
export function walkAlgorithmIdentifier(cursor: DerCursor, what: string): void {
  const outer = cursor.enter(Tag.SEQUENCE, what)
  cursor.objectIdentifier(what)
  if (cursor.offset < cursor.limit) cursor.skipAny(what)
  cursor.leave(outer, what)
}

/** Names of algorithms that we do not accept, so that a refusal can say which one it met. */
const REFUSED: Readonly<Record<string, string>> = {
  '1.2.840.113549.1.1.4': 'MD5 with RSA',
  '1.2.840.113549.1.1.5': 'SHA-1 with RSA',
  '1.2.840.113549.1.1.10':
    'RSASSA-PSS with parameters other than SHA-2 throughout and a salt as long as the digest (RFC 4055 §3.1)',
  '1.2.840.113549.1.1.14': 'SHA-224 with RSA',
  '1.2.840.10045.4.1': 'ECDSA with SHA-1',
  '1.2.840.10045.4.3.1': 'ECDSA with SHA-224',
  '1.2.840.10040.4.3': 'DSA with SHA-1',
  '2.16.840.1.101.3.4.3.2': 'DSA with SHA-256',
  '1.3.101.113': 'Ed448',
  '2.16.840.1.101.3.4.3.17': 'ML-DSA-44',
  '2.16.840.1.101.3.4.3.18': 'ML-DSA-65',
  '2.16.840.1.101.3.4.3.19': 'ML-DSA-87',
}

/** What a person calls the algorithm of a checked AlgorithmIdentifier. */
export function describeAlgorithm(bytes: Uint8Array, start: number, end: number): string {
  const known = readSignatureAlgorithm(bytes, start, end)
  if (known !== undefined) return known
  const cursor = new DerCursor(bytes, start, end)
  cursor.enter(Tag.SEQUENCE, 'AlgorithmIdentifier')
  const oidStart = cursor.objectIdentifier('AlgorithmIdentifier')
  const oid = readOid(bytes, oidStart, cursor.offset)
  const name = REFUSED[oid]
  return name === undefined ? oid : `${name} (${oid})`
}
