/**
 * Private keys as opaque values that sign.
 *
 * @module
 */

import { sha256 } from '@noble/hashes/sha2.js'
import { MeshPkiError } from '../errors.ts'
import { type AbortSignalLike, readSignal } from '../internal/abort.ts'
import { toHex } from '../internal/bytes.ts'
import { DerCursor } from '../internal/der.ts'
import { digestOf } from '../internal/digests.ts'
import { ecdsaToDer } from '../internal/ecdsa-signature.ts'
import type { NodeCrypto, NodeKeyObject } from '../internal/node-crypto.ts'
import { checkOptionNames, typeName } from '../internal/options.ts'
import {
  type CryptoKeyLike,
  type CryptoKeyPairLike,
  defaultWebCrypto,
  readCrypto,
  type WebCryptoLike,
} from '../internal/web-crypto.ts'
import type { SignatureAlgorithm } from './algorithm-identifier.ts'
import { type KeyKind, readPublicKeyInfo, walkPublicKeyInfo } from './public-key-info.ts'
import type { Signer } from './signer.ts'
import { checkPublicKeyInfo, webSignature } from './verification-key.ts'

/** Where the key is held. */
type Backend =
  | { readonly type: 'node'; readonly node: NodeCrypto; readonly key: NodeKeyObject }
  | { readonly type: 'web'; readonly crypto: WebCryptoLike; readonly key: CryptoKeyLike }

/** RSA up to this size signs in under 0.3 ms, less than a hop to the thread pool and back is worth. */
const SYNC_RSA_BITS = 2048

/**
 * A private key that signs and is never shown. Printing it shows its kind and the fingerprint of its public key.
 *
 * It is held by `node:crypto` when it was made or imported here and that module exists, and by WebCrypto
 * otherwise. `exportPrivateKey` writes it, if it is extractable.
 */
export class PrivateKey implements Signer {
  readonly #backend: Backend
  readonly #publicKey: Uint8Array
  readonly #kind: KeyKind
  readonly #bits: number
  /** `P-256`, `P-384`, `P-521`, `Ed25519`, `RSA-2048`, … */
  readonly algorithm: string
  /** ECDSA with the digest of the curve's size, Ed25519, or RSA PKCS#1 v1.5 with SHA-256. */
  readonly signatureAlgorithm: SignatureAlgorithm
  /** Whether `exportPrivateKey` may write it. */
  readonly extractable: boolean

  private constructor(
    backend: Backend,
    publicKey: Uint8Array,
    extractable: boolean,
    signatureAlgorithm?: SignatureAlgorithm,
  ) {
    const cursor = new DerCursor(publicKey)
    walkPublicKeyInfo(cursor)
    const info = readPublicKeyInfo(publicKey)
    this.#kind = checkPublicKeyInfo(info)
    this.#bits = info.modulusBits
    this.#backend = backend
    this.#publicKey = publicKey
    this.algorithm = info.description
    this.signatureAlgorithm = signatureAlgorithm ?? defaultSignatureAlgorithm(this.#kind)
    this.extractable = extractable
    // What Node's util.inspect and console.log call.
    Object.defineProperty(this, Symbol.for('nodejs.util.inspect.custom'), { value: () => this.toString() })
    Object.freeze(this)
  }

  /**
   * Takes over a pair of WebCrypto keys. Every signature goes through `crypto`, or through the runtime's
   * WebCrypto where it is not given; the private key need not be extractable, the public key must be.
   *
   * @throws `MeshPkiError` `ERR_KEY_UNSUPPORTED` for keys that do not sign certificates.
   */
  static async fromCryptoKeyPair(
    pair: CryptoKeyPairLike,
    options: { readonly crypto?: WebCryptoLike | undefined } = {},
  ): Promise<PrivateKey> {
    checkOptionNames(options, ['crypto'], 'PrivateKey.fromCryptoKeyPair')
    const crypto = readCrypto(options.crypto) ?? defaultWebCrypto()
    const { privateKey, publicKey } = pair ?? {}
    if (
      privateKey?.type !== 'private' ||
      publicKey?.type !== 'public' ||
      !privateKey.usages.includes('sign')
    ) {
      throw new MeshPkiError(
        'ERR_KEY_UNSUPPORTED',
        'expected a pair { privateKey, publicKey } of WebCrypto keys whose private key has the usage "sign"',
      )
    }
    return new PrivateKey(
      { type: 'web', crypto, key: privateKey },
      await exportPublicKey(crypto, publicKey),
      privateKey.extractable,
      cryptoKeyAlgorithm(privateKey),
    )
  }

  /** @internal */
  static fromNode(
    node: NodeCrypto,
    key: NodeKeyObject,
    publicKey: Uint8Array,
    extractable: boolean,
  ): PrivateKey {
    return new PrivateKey({ type: 'node', node, key }, publicKey, extractable)
  }

  /** SubjectPublicKeyInfo, DER, a copy. */
  get publicKey(): Uint8Array {
    return this.#publicKey.slice()
  }

  /** SHA-256 of the SubjectPublicKeyInfo, hex. */
  fingerprint(): string {
    return toHex(sha256(this.#publicKey))
  }

  /** Signs; at once for P-256, Ed25519 and RSA-2048 under `node:crypto`, elsewhere off the main thread. */
  sign(
    tbs: Uint8Array,
    options: { readonly signal?: AbortSignalLike } = {},
  ): Uint8Array | Promise<Uint8Array> {
    if (!(tbs instanceof Uint8Array))
      throw new TypeError(`a PrivateKey signs a Uint8Array; got ${typeName(tbs)}`)
    const signal = readSignal(options?.signal)
    if (signal?.aborted === true) return Promise.reject(signal.reason)
    const backend = this.#backend
    if (backend.type === 'web') return this.#signWeb(backend.crypto, backend.key, tbs)
    const digest = digestOf(this.signatureAlgorithm)?.node ?? null
    if (
      this.#kind === 'P-256' ||
      this.#kind === 'Ed25519' ||
      (this.#kind === 'RSA' && this.#bits <= SYNC_RSA_BITS)
    ) {
      return plain(backend.node.sign(digest, tbs, backend.key))
    }
    return signBeside(backend.node, backend.key, digest, tbs)
  }

  async #signWeb(crypto: WebCryptoLike, key: CryptoKeyLike, tbs: Uint8Array): Promise<Uint8Array> {
    const raw = new Uint8Array(
      await crypto.subtle.sign(webSignature(this.#kind, this.signatureAlgorithm), key, new Uint8Array(tbs)),
    )
    return this.#kind === 'RSA' || this.#kind === 'Ed25519' ? raw : ecdsaToDer(raw)
  }

  /** Kind and public fingerprint, never the key. */
  toString(): string {
    return `PrivateKey(${this.algorithm}, public key SHA-256 ${this.fingerprint()})`
  }

  /** The same as `toString()`. */
  toJSON(): string {
    return this.toString()
  }

  /** @internal Whether `node:crypto` holds it: such a key cannot answer somebody else's signature. */
  static isInProcess(key: PrivateKey): boolean {
    return key.#backend.type === 'node'
  }

  /** @internal Signs beside the event loop whatever the key is, where `node:crypto` holds it: for many at the same time. */
  static signPooled(key: PrivateKey, tbs: Uint8Array): Uint8Array | Promise<Uint8Array> {
    const backend = key.#backend
    if (backend.type === 'web') return key.sign(tbs)
    return signBeside(backend.node, backend.key, digestOf(key.signatureAlgorithm)?.node ?? null, tbs)
  }

  /** @internal PKCS#8, DER. The caller has checked `extractable`. */
  static async pkcs8Of(key: PrivateKey): Promise<Uint8Array> {
    const backend = key.#backend
    if (backend.type === 'node') return plain(backend.key.export({ format: 'der', type: 'pkcs8' }))
    return new Uint8Array(await backend.crypto.subtle.exportKey('pkcs8', backend.key))
  }
}

/** @throws `MeshPkiError` `ERR_KEY_UNSUPPORTED`: tokens and other implementations than the pair's own do not find the key. */
async function exportPublicKey(crypto: WebCryptoLike, key: CryptoKeyLike): Promise<Uint8Array> {
  try {
    return new Uint8Array(await crypto.subtle.exportKey('spki', key))
  } catch (cause) {
    throw new MeshPkiError(
      'ERR_KEY_UNSUPPORTED',
      'the public key of the pair cannot be exported: it must be extractable, and of the implementation in the option "crypto"',
      { cause },
    )
  }
}

/** A plain array instead of Node's Buffer, which would be a view into a shared pool. */
function plain(bytes: Uint8Array): Uint8Array {
  const { buffer } = bytes
  // A signature that fills its own buffer needs no copy.
  return buffer.byteLength === bytes.length ? new Uint8Array(buffer) : new Uint8Array(bytes)
}

/** The digest that matches the strength of the key (RFC 5480 §4, RFC 5758 §3.2). */
export function defaultSignatureAlgorithm(kind: KeyKind): SignatureAlgorithm {
  switch (kind) {
    case 'P-256':
      return 'ecdsa-sha256'
    case 'P-384':
      return 'ecdsa-sha384'
    case 'P-521':
      return 'ecdsa-sha512'
    case 'Ed25519':
      return 'ed25519'
    case 'RSA':
      return 'rsa-sha256'
  }
}

function cryptoKeyAlgorithm(key: CryptoKeyLike): SignatureAlgorithm | undefined {
  const { algorithm } = key
  if (algorithm.name !== 'RSASSA-PKCS1-v1_5') {
    if (algorithm.name === 'ECDSA' || algorithm.name === 'Ed25519') return undefined
    throw new MeshPkiError(
      'ERR_KEY_UNSUPPORTED',
      `WebCrypto key of algorithm ${algorithm.name}; expected ECDSA, Ed25519 or RSASSA-PKCS1-v1_5`,
    )
  }
  const hash =
    'hash' in algorithm &&
    typeof algorithm.hash === 'object' &&
    algorithm.hash !== null &&
    'name' in algorithm.hash
      ? algorithm.hash.name
      : undefined
  switch (hash) {
    case 'SHA-256':
      return 'rsa-sha256'
    case 'SHA-384':
      return 'rsa-sha384'
    case 'SHA-512':
      return 'rsa-sha512'
    default:
      throw new MeshPkiError(
        'ERR_KEY_UNSUPPORTED',
        'an RSA WebCrypto key must be bound to SHA-256, SHA-384 or SHA-512',
      )
  }
}

function signBeside(
  node: NodeCrypto,
  key: NodeKeyObject,
  digest: string | null,
  tbs: Uint8Array,
): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    node.sign(digest, tbs, key, (error, signature) => {
      if (error === null || error === undefined) resolve(plain(signature))
      else reject(error)
    })
  })
}
