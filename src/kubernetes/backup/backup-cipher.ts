/**
 * Seals what is secret in a backup: AES-256-GCM (NIST SP 800-38D) under a key that PBKDF2 derives from a passphrase
 * (RFC 8018 §5.2).
 *
 * @module
 */

import { MeshPkiError } from '../../errors.ts'
import { typeName } from '../../internal/options.ts'
import type { RandomSource, WebCryptoLike } from '../../internal/web-crypto.ts'

/** The advice of the OWASP Password Storage Cheat Sheet for PBKDF2-HMAC-SHA-256, as for private keys of this package. */
export const DEFAULT_ITERATIONS = 600_000
export const MIN_ITERATIONS = 10_000
/** Above this a single damaged file would block for minutes. */
export const MAX_ITERATIONS = 10_000_000

/** Octets of the salt (NIST SP 800-132 §5.1 wants 16), of an initialisation vector and of the tag (SP 800-38D §5.2.1). */
export const SALT_BYTES = 16
export const IV_BYTES = 12
export const TAG_BYTES = 16

/** Bytes that were sealed, and what they were sealed with. */
export interface Sealed {
  readonly iv: Uint8Array<ArrayBuffer>
  /** With the tag at its end. */
  readonly data: Uint8Array<ArrayBuffer>
}

type DerivedKey = Awaited<ReturnType<WebCryptoLike['subtle']['importKey']>>

/** Checks a passphrase. An empty one would look like protection and be none. */
export function readPassphrase(value: unknown): Uint8Array<ArrayBuffer> {
  const bytes =
    typeof value === 'string'
      ? new TextEncoder().encode(value)
      : value instanceof Uint8Array
        ? new Uint8Array(value)
        : undefined
  if (bytes === undefined)
    throw new TypeError(`option "passphrase" must be a string or a Uint8Array; got ${typeName(value)}`)
  if (bytes.length === 0) throw new TypeError('option "passphrase" is empty')
  return bytes
}

/** One derived key: deriving is slow on purpose, so a document has one. */
export class BackupCipher {
  readonly #crypto: WebCryptoLike
  readonly #key: DerivedKey

  private constructor(crypto: WebCryptoLike, key: DerivedKey) {
    this.#crypto = crypto
    this.#key = key
  }

  /** Derives the key. The passphrase is overwritten. */
  static async derive(
    crypto: WebCryptoLike,
    passphrase: Uint8Array<ArrayBuffer>,
    { salt, iterations }: { readonly salt: Uint8Array<ArrayBuffer>; readonly iterations: number },
    usage: 'encrypt' | 'decrypt',
  ): Promise<BackupCipher> {
    const { subtle } = crypto
    const base = await subtle.importKey('raw', passphrase, { name: 'PBKDF2' }, false, ['deriveBits'])
    passphrase.fill(0)
    const bits = new Uint8Array(
      await subtle.deriveBits({ name: 'PBKDF2', hash: 'SHA-256', salt, iterations }, base, 256),
    )
    const key = await subtle.importKey('raw', bits, { name: 'AES-GCM' }, false, [usage])
    bits.fill(0)
    return new BackupCipher(crypto, key)
  }

  /** Seals bytes, bound to a text that is not secret. */
  async seal(plain: Uint8Array<ArrayBuffer>, about: string, random: RandomSource): Promise<Sealed> {
    const iv = new Uint8Array(random(new Uint8Array(IV_BYTES)))
    // A variable, since the structural type of WebCrypto names what every cipher has.
    const algorithm = { name: 'AES-GCM', iv, additionalData: new TextEncoder().encode(about) }
    return { iv, data: new Uint8Array(await this.#crypto.subtle.encrypt(algorithm, this.#key, plain)) }
  }

  /** Opens what was sealed about the same text; `undefined` where it was not, by this key. */
  async open({ iv, data }: Sealed, about: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const algorithm = { name: 'AES-GCM', iv, additionalData: new TextEncoder().encode(about) }
    try {
      return new Uint8Array(await this.#crypto.subtle.decrypt(algorithm, this.#key, data))
    } catch {
      // WebCrypto says nothing else than that it failed.
      return undefined
    }
  }
}

/** An error of a backup. `entry`: which object it is about. */
export function backupError(problem: string, data: Readonly<Record<string, unknown>> = {}): MeshPkiError {
  return new MeshPkiError('ERR_KUBERNETES_BACKUP', `backup: ${problem}`, { data })
}
