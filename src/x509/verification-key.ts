/**
 * Public keys, imported once, that verify signatures.
 *
 * @module
 */

import { MeshPkiError } from '../errors.ts'
import { digestOf } from '../internal/digests.ts'
import { ecdsaFromDer } from '../internal/ecdsa-signature.ts'
import {
  type NodeCrypto,
  type NodeKeyObject,
  type NodeVerifyKey,
  nodeCrypto,
} from '../internal/node-crypto.ts'
import { type CryptoKeyLike, defaultWebCrypto, type WebCryptoLike } from '../internal/web-crypto.ts'
import type { SignatureAlgorithm } from './algorithm-identifier.ts'
import { isPss, saltLength } from './pss-algorithm.ts'
import { curveJwk, ed25519Jwk } from './public-jwk.ts'
import { type KeyKind, type PublicKeyInfo, readPublicKeyInfo } from './public-key-info.ts'

/**
 * RSA moduli from 2048 bits (NIST SP 800-131A) to 8192, above which one verification costs milliseconds.
 */
const MIN_RSA_BITS = 2048
const MAX_RSA_BITS = 8192

/** A public key that can verify. `verifySync` is there where `node:crypto` is. */
export interface VerificationKey {
  readonly kind: KeyKind
  /** What it was imported from; offsets are those of the bytes that were given. */
  readonly info: PublicKeyInfo
  readonly verifySync:
    | ((algorithm: SignatureAlgorithm, data: Uint8Array, signature: Uint8Array) => boolean)
    | undefined
  /** Whether one verification is shorter than the way through the thread pool. */
  readonly isFast: boolean
  /** Verifies at once where that is fast, elsewhere beside the event loop. */
  verify(algorithm: SignatureAlgorithm, data: Uint8Array, signature: Uint8Array): Promise<boolean>
  /** Verifies beside the event loop, where the runtime can: for many at the same time. */
  verifyPooled(algorithm: SignatureAlgorithm, data: Uint8Array, signature: Uint8Array): Promise<boolean>
}

/**
 * Checks that a key is one that we use: P-256, P-384, P-521 by name and uncompressed, Ed25519, RSA
 * from 2048 to 8192 bits with an odd exponent from 3 to 2^32-1.
 *
 * @throws `MeshPkiError` `ERR_KEY_UNSUPPORTED` or `ERR_KEY_WEAK`.
 */
export function checkPublicKeyInfo(info: PublicKeyInfo): KeyKind {
  if (info.kind === undefined) {
    throw new MeshPkiError(
      'ERR_KEY_UNSUPPORTED',
      `the public key is ${info.description}; accepted are P-256, P-384, P-521, Ed25519 and RSA from 2048 bits`,
    )
  }
  if (info.kind === 'RSA') {
    if (info.modulusBits < MIN_RSA_BITS) {
      throw new MeshPkiError(
        'ERR_KEY_WEAK',
        `the RSA key has ${info.modulusBits} bits; at least ${MIN_RSA_BITS} are required: make a new key of 2048 bits or more (NIST SP 800-131A)`,
        {
          data: { bits: info.modulusBits, minimum: MIN_RSA_BITS },
        },
      )
    }
    if (info.modulusBits > MAX_RSA_BITS) {
      throw new MeshPkiError(
        'ERR_KEY_UNSUPPORTED',
        `the RSA key has ${info.modulusBits} bits; at most ${MAX_RSA_BITS} are accepted, since larger keys make each verification slow`,
      )
    }
    if (!info.exponentAllowed) {
      throw new MeshPkiError(
        'ERR_KEY_WEAK',
        'the RSA public exponent must be odd and from 3 to 2^32-1; 65537 is usual',
      )
    }
  }
  return info.kind
}

/** Whether keys of a kind make signatures of an algorithm. */
export function isAlgorithmOf(kind: KeyKind, algorithm: SignatureAlgorithm): boolean {
  if (kind === 'Ed25519') return algorithm === 'ed25519'
  return kind === 'RSA' ? algorithm.startsWith('rsa-') : algorithm.startsWith('ecdsa-')
}

/**
 * Imports a checked SubjectPublicKeyInfo at a range of `bytes` for `node:crypto`.
 *
 * @throws `MeshPkiError` `ERR_KEY_UNSUPPORTED`, `ERR_KEY_WEAK`, or `ERR_KEY_FORMAT` for a point off its curve.
 */
export function importNodeKey(
  node: NodeCrypto,
  bytes: Uint8Array,
  start: number,
  end: number,
): VerificationKey {
  const info = readPublicKeyInfo(bytes, start, end)
  const kind = checkPublicKeyInfo(info)
  let key: NodeKeyObject
  try {
    key = nodeKeyObject(node, kind, bytes.subarray(info.keyStart, info.keyEnd))
  } catch (cause) {
    throw new MeshPkiError(
      'ERR_KEY_FORMAT',
      `the ${info.description} public key is not valid: ${kind === 'RSA' ? 'its numbers are refused' : 'its point is not on the curve'}`,
      { cause },
    )
  }
  const verifySync = (algorithm: SignatureAlgorithm, data: Uint8Array, signature: Uint8Array): boolean =>
    isAlgorithmOf(kind, algorithm) &&
    node.verify(digestOf(algorithm)?.node ?? null, data, keyFor(algorithm, key), signature)
  const verifyPooled: VerificationKey['verifyPooled'] = (algorithm, data, signature) => {
    if (!isAlgorithmOf(kind, algorithm)) return Promise.resolve(false)
    return new Promise((resolve, reject) => {
      const digest = digestOf(algorithm)?.node ?? null
      node.verify(digest, data, keyFor(algorithm, key), signature, (error, valid) => {
        if (error === null) resolve(valid)
        else reject(error)
      })
    })
  }
  // P-384 and P-521 take 0.7 ms and more: the event loop goes on meanwhile.
  const isFast = kind !== 'P-384' && kind !== 'P-521'
  return {
    kind,
    info,
    verifySync,
    isFast,
    verify: (algorithm, data, signature) =>
      isFast
        ? Promise.resolve(verifySync(algorithm, data, signature))
        : verifyPooled(algorithm, data, signature),
    verifyPooled,
  }
}

/** RSA_PKCS1_PSS_PADDING of OpenSSL. */
const PSS_PADDING = 6

/** A key as `node:crypto` wants it for an algorithm: PSS has parameters, which are those that were read. */
function keyFor(algorithm: SignatureAlgorithm, key: NodeKeyObject): NodeVerifyKey {
  return isPss(algorithm) ? { key, padding: PSS_PADDING, saltLength: saltLength(algorithm) } : key
}

/** JWK for curves, PKCS#1 for RSA: both avoid OpenSSL's SPKI decoder, which costs more than a verification. */
function nodeKeyObject(node: NodeCrypto, kind: KeyKind, key: Uint8Array): NodeKeyObject {
  if (kind === 'RSA') return node.createPublicKey({ key, format: 'der', type: 'pkcs1' })
  const jwk = kind === 'Ed25519' ? ed25519Jwk(key) : curveJwk(kind, key)
  return node.createPublicKey({ key: jwk, format: 'jwk' })
}

/** Imports a SubjectPublicKeyInfo for a WebCrypto implementation. WebCrypto binds padding and hash to an RSA key: one import for each. */
export async function importWebKey(
  crypto: WebCryptoLike,
  bytes: Uint8Array,
  start: number,
  end: number,
): Promise<VerificationKey> {
  const info = readPublicKeyInfo(bytes, start, end)
  const kind = checkPublicKeyInfo(info)
  const spki = bytes.slice(start, end)
  const size = (info.keyEnd - info.keyStart - 1) / 2
  const keys = new Map<string, CryptoKeyLike>()
  const keyFor = async (algorithm: SignatureAlgorithm): Promise<CryptoKeyLike> => {
    const use = kind === 'RSA' ? algorithm : ''
    const known = keys.get(use)
    if (known !== undefined) return known
    try {
      const parameters = isPss(algorithm)
        ? { name: 'RSA-PSS', hash: digestOf(algorithm)?.web ?? 'SHA-256' }
        : webAlgorithm(kind, digestOf(algorithm)?.web ?? 'SHA-256')
      const key = await crypto.subtle.importKey('spki', spki, parameters, true, ['verify'])
      keys.set(use, key)
      return key
    } catch (cause) {
      throw new MeshPkiError(
        'ERR_KEY_FORMAT',
        `the ${info.description} public key is refused by WebCrypto: not valid, or a kind that this runtime lacks`,
        { cause },
      )
    }
  }
  await keyFor(kind === 'RSA' ? 'rsa-sha256' : 'ecdsa-sha256')
  const verify: VerificationKey['verify'] = async (algorithm, data, signature) => {
    if (!isAlgorithmOf(kind, algorithm)) return false
    const raw =
      kind === 'RSA' || kind === 'Ed25519' ? new Uint8Array(signature) : ecdsaFromDer(signature, size)
    if (raw === undefined) return false
    return crypto.subtle.verify(
      webSignature(kind, algorithm),
      await keyFor(algorithm),
      raw,
      new Uint8Array(data),
    )
  }
  return { kind, info, verifySync: undefined, isFast: false, verify, verifyPooled: verify }
}

/** Import parameters of WebCrypto for a kind of key. */
export function webAlgorithm(
  kind: KeyKind,
  hash: string,
): { name: string; namedCurve?: string; hash?: string } {
  if (kind === 'RSA') return { name: 'RSASSA-PKCS1-v1_5', hash }
  return kind === 'Ed25519' ? { name: 'Ed25519' } : { name: 'ECDSA', namedCurve: kind }
}

/** Signature parameters of WebCrypto for a kind of key. */
export function webSignature(
  kind: KeyKind,
  algorithm: SignatureAlgorithm,
): { name: string; hash?: string; saltLength?: number } {
  const hash = digestOf(algorithm)?.web
  if (isPss(algorithm)) return { name: 'RSA-PSS', saltLength: saltLength(algorithm) }
  if (kind === 'RSA') return { name: 'RSASSA-PKCS1-v1_5' }
  return kind === 'Ed25519' || hash === undefined ? { name: 'Ed25519' } : { name: 'ECDSA', hash }
}

/** Imports a key for the given WebCrypto, or else for `node:crypto` where it is, or else for the runtime's WebCrypto. */
export async function importVerificationKey(
  spki: Uint8Array,
  crypto?: WebCryptoLike,
  start = 0,
  end: number = spki.length,
): Promise<VerificationKey> {
  const node = crypto === undefined ? nodeCrypto() : undefined
  return node === undefined
    ? importWebKey(crypto ?? defaultWebCrypto(), spki, start, end)
    : importNodeKey(node, spki, start, end)
}
