/**
 * The parts of WebCrypto that are used, as structural types: our declarations need no `lib.dom`.
 *
 * @module
 */

import { MeshPkiError } from '../errors.ts'

/** A key of a WebCrypto implementation. */
export interface CryptoKeyLike {
  readonly type: string
  readonly extractable: boolean
  readonly algorithm: { readonly name: string }
  readonly usages: readonly string[]
}

/** A pair as `generateKey` answers it. */
export interface CryptoKeyPairLike {
  readonly privateKey: CryptoKeyLike
  readonly publicKey: CryptoKeyLike
}

/** The fields of a JSON Web Key that are used. */
export interface WebJwk {
  readonly kty?: string
  readonly crv?: string
  readonly x?: string
  readonly y?: string
  readonly n?: string
  readonly e?: string
}

/** `crypto.subtle`. */
export interface SubtleCryptoLike {
  importKey(
    format: 'spki' | 'pkcs8' | 'raw',
    data: Uint8Array<ArrayBuffer>,
    algorithm: { readonly name: string; readonly namedCurve?: string; readonly hash?: string },
    extractable: boolean,
    usages: ('sign' | 'verify' | 'deriveBits' | 'encrypt' | 'decrypt')[],
  ): Promise<CryptoKeyLike>
  importKey(
    format: 'jwk',
    data: object,
    algorithm: { readonly name: string; readonly namedCurve?: string; readonly hash?: string },
    extractable: boolean,
    usages: 'verify'[],
  ): Promise<CryptoKeyLike>
  exportKey(format: 'spki' | 'pkcs8', key: CryptoKeyLike): Promise<ArrayBuffer>
  exportKey(format: 'jwk', key: CryptoKeyLike): Promise<WebJwk>
  generateKey(
    algorithm: { readonly name: string },
    extractable: boolean,
    usages: ('sign' | 'verify')[],
  ): Promise<CryptoKeyLike | CryptoKeyPairLike>
  sign(
    algorithm: { readonly name: string; readonly hash?: string; readonly saltLength?: number },
    key: CryptoKeyLike,
    data: Uint8Array<ArrayBuffer>,
  ): Promise<ArrayBuffer>
  verify(
    algorithm: { readonly name: string; readonly hash?: string; readonly saltLength?: number },
    key: CryptoKeyLike,
    signature: Uint8Array<ArrayBuffer>,
    data: Uint8Array<ArrayBuffer>,
  ): Promise<boolean>
  deriveBits(
    algorithm: {
      readonly name: string
      readonly hash: string
      readonly salt: Uint8Array<ArrayBuffer>
      readonly iterations: number
    },
    key: CryptoKeyLike,
    length: number,
  ): Promise<ArrayBuffer>
  encrypt(
    algorithm: { readonly name: string; readonly iv: Uint8Array<ArrayBuffer> },
    key: CryptoKeyLike,
    data: Uint8Array<ArrayBuffer>,
  ): Promise<ArrayBuffer>
  decrypt(
    algorithm: { readonly name: string; readonly iv: Uint8Array<ArrayBuffer> },
    key: CryptoKeyLike,
    data: Uint8Array<ArrayBuffer>,
  ): Promise<ArrayBuffer>
}

/** `globalThis.crypto`, or an implementation of it such as an HSM's. */
export interface WebCryptoLike {
  readonly subtle: SubtleCryptoLike
  getRandomValues<T extends Uint8Array<ArrayBuffer>>(array: T): T
}

/** The runtime's WebCrypto. @throws `MeshPkiError` `ERR_CRYPTO_UNAVAILABLE` where there is none. */
export function defaultWebCrypto(): WebCryptoLike {
  const { crypto } = globalThis as { crypto?: WebCryptoLike }
  if (crypto?.subtle === undefined) {
    throw new MeshPkiError(
      'ERR_CRYPTO_UNAVAILABLE',
      'this runtime has no WebCrypto (in browsers it needs a secure context); pass one as the option "crypto"',
    )
  }
  return crypto
}

/** The option "crypto": a WebCrypto implementation, or `undefined`. @throws `TypeError` for anything else. */
export function readCrypto(value: unknown): WebCryptoLike | undefined {
  if (value === undefined || isWebCrypto(value)) return value
  throw new TypeError(
    'option "crypto" must be a WebCrypto implementation with "subtle" and "getRandomValues"',
  )
}

function isWebCrypto(value: unknown): value is WebCryptoLike {
  return (
    typeof value === 'object' &&
    value !== null &&
    'subtle' in value &&
    typeof value.subtle === 'object' &&
    'getRandomValues' in value
  )
}

/** Fills an array with random bytes; callers may pass their own for reproducible tests. */
export type RandomSource = (bytes: Uint8Array<ArrayBuffer>) => Uint8Array

/** Random bytes from the runtime. */
export const systemRandom: RandomSource = (bytes) => defaultWebCrypto().getRandomValues(bytes)
