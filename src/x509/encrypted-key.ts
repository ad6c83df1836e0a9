/**
 * Encrypted PKCS#8 (RFC 5958 §3) with PBES2 (RFC 8018 §6.2): PBKDF2 and AES-CBC, nothing older.
 *
 * @module
 */

import { MeshPkiError } from '../errors.ts'
import { DerCursor, Tag } from '../internal/der.ts'
import { isContent, readOid } from '../internal/oid.ts'
import { defaultWebCrypto } from '../internal/web-crypto.ts'

/** What an EncryptedPrivateKeyInfo says about its encryption. */
interface Pbes2 {
  readonly hash: 'SHA-256' | 'SHA-384' | 'SHA-512'
  readonly salt: Uint8Array<ArrayBuffer>
  readonly iterations: number
  readonly keyBits: 128 | 192 | 256
  readonly iv: Uint8Array<ArrayBuffer>
  readonly encrypted: Uint8Array<ArrayBuffer>
}

/** Above this a single wrong file would block for minutes. OpenSSL's default is 2048, OWASP's advice 600,000. */
const MAX_ITERATIONS = 10_000_000

const WHAT = 'encrypted private key'
const PBES2 = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 5, 13]
const PBKDF2 = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 5, 12]
const HMAC: readonly (readonly ['SHA-256' | 'SHA-384' | 'SHA-512', readonly number[]])[] = [
  ['SHA-256', [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 2, 9]],
  ['SHA-384', [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 2, 10]],
  ['SHA-512', [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 2, 11]],
]
const AES_CBC: readonly (readonly [128 | 192 | 256, readonly number[]])[] = [
  [128, [0x60, 0x86, 0x48, 1, 0x65, 3, 4, 1, 2]],
  [192, [0x60, 0x86, 0x48, 1, 0x65, 3, 4, 1, 22]],
  [256, [0x60, 0x86, 0x48, 1, 0x65, 3, 4, 1, 42]],
]

/** A passphrase as bytes. */
function passphraseBytes(passphrase: string | Uint8Array): Uint8Array<ArrayBuffer> {
  if (typeof passphrase !== 'string' && !(passphrase instanceof Uint8Array)) {
    throw new TypeError('option "passphrase" must be a string or a Uint8Array')
  }
  if (typeof passphrase === 'string') return new TextEncoder().encode(passphrase)
  return new Uint8Array(passphrase)
}

/**
 * Decrypts an EncryptedPrivateKeyInfo to PKCS#8.
 *
 * @throws `MeshPkiError` `ERR_KEY_PASSPHRASE` when the passphrase is wrong, `ERR_KEY_UNSUPPORTED` for other ciphers.
 */
export async function decryptPkcs8(der: Uint8Array, passphrase: string | Uint8Array): Promise<Uint8Array> {
  const { hash, salt, iterations, keyBits, iv, encrypted } = readPbes2(der)
  const key = await deriveKey(passphrase, { hash, salt, iterations, keyBits }, 'decrypt')
  try {
    return new Uint8Array(await defaultWebCrypto().subtle.decrypt({ name: 'AES-CBC', iv }, key, encrypted))
  } catch (cause) {
    throw wrongPassphrase(cause)
  }
}

/** Derives the AES key of PBES2. @throws `MeshPkiError` `ERR_KEY_UNSUPPORTED` for more work than the runtime does. */
export async function deriveKey(
  passphrase: string | Uint8Array,
  parameters: Pick<Pbes2, 'hash' | 'salt' | 'iterations' | 'keyBits'>,
  usage: 'encrypt' | 'decrypt',
): ReturnType<ReturnType<typeof defaultWebCrypto>['subtle']['importKey']> {
  const { subtle } = defaultWebCrypto()
  const secret = passphraseBytes(passphrase)
  const base = await subtle.importKey('raw', secret, { name: 'PBKDF2' }, false, ['deriveBits'])
  secret.fill(0)
  const { hash, salt, iterations, keyBits } = parameters
  let bits: Uint8Array<ArrayBuffer>
  try {
    bits = new Uint8Array(await subtle.deriveBits({ name: 'PBKDF2', hash, salt, iterations }, base, keyBits))
  } catch (cause) {
    throw new MeshPkiError(
      'ERR_KEY_UNSUPPORTED',
      `this runtime's WebCrypto refuses ${iterations} iterations of PBKDF2 with ${hash}: hosts of foreign code bound them. Write the key with fewer (option "iterations"), or decrypt it elsewhere`,
      { cause },
    )
  }
  const key = await subtle.importKey('raw', bits, { name: 'AES-CBC' }, false, [usage])
  bits.fill(0)
  return key
}

/** The one error for a wrong passphrase: it does not tell bad padding from bad content. */
export function wrongPassphrase(cause: unknown): MeshPkiError {
  return new MeshPkiError(
    'ERR_KEY_PASSPHRASE',
    'the private key cannot be decrypted: the passphrase is wrong, or the file is damaged',
    { cause },
  )
}

function readPbes2(der: Uint8Array): Pbes2 {
  const cursor = new DerCursor(der)
  const outer = cursor.enter(Tag.SEQUENCE, WHAT)
  const scheme = enterAlgorithm(cursor, [['PBES2', PBES2]], 'encryption scheme')
  const parameters = cursor.enter(Tag.SEQUENCE, WHAT)
  const kdf = enterAlgorithm(cursor, [['PBKDF2', PBKDF2]], 'key derivation')
  const kdfParameters = cursor.enter(Tag.SEQUENCE, WHAT)
  const saltStart = cursor.octetString(WHAT)
  const salt = new Uint8Array(der.subarray(saltStart, cursor.offset))
  const iterations = cursor.smallInteger(WHAT)
  if (iterations < 1 || iterations > MAX_ITERATIONS)
    cursor.fail(
      'ERR_KEY_UNSUPPORTED',
      WHAT,
      `${iterations} iterations of PBKDF2; accepted are 1 to ${MAX_ITERATIONS}`,
    )
  let keyLength = 0
  if (cursor.peek() === Tag.INTEGER) keyLength = cursor.smallInteger(WHAT)
  if (cursor.peek() !== Tag.SEQUENCE)
    cursor.fail(
      'ERR_KEY_UNSUPPORTED',
      WHAT,
      'PBKDF2 with its default, HMAC-SHA-1; expected HMAC with SHA-256, SHA-384 or SHA-512',
    )
  const prf = enterAlgorithm(cursor, HMAC, 'PBKDF2 function')
  if (!cursor.atEnd) cursor.null(WHAT)
  cursor.leave(prf.outer, WHAT)
  cursor.leave(kdfParameters, WHAT)
  cursor.leave(kdf.outer, WHAT)
  const cipher = enterAlgorithm(cursor, AES_CBC, 'cipher')
  const ivStart = cursor.octetString(WHAT)
  const iv = new Uint8Array(der.subarray(ivStart, cursor.offset))
  if (iv.length !== 16)
    cursor.fail('ERR_KEY_FORMAT', WHAT, 'an AES initialisation vector that is not 16 octets')
  cursor.leave(cipher.outer, WHAT)
  cursor.leave(parameters, WHAT)
  cursor.leave(scheme.outer, WHAT)
  const start = cursor.octetString(WHAT)
  const encrypted = new Uint8Array(der.subarray(start, cursor.offset))
  cursor.leave(outer, WHAT)
  if (!cursor.atEnd) cursor.fail('ERR_DER_TRAILING_DATA', WHAT, 'bytes after the key')
  if (keyLength !== 0 && keyLength * 8 !== cipher.value)
    cursor.fail('ERR_KEY_FORMAT', WHAT, "a key length that is not the cipher's")
  return { hash: prf.value, salt, iterations, keyBits: cipher.value, iv, encrypted }
}

/** Goes into an AlgorithmIdentifier of one of the known algorithms; the caller leaves it. */
function enterAlgorithm<T>(
  cursor: DerCursor,
  known: readonly (readonly [T, readonly number[]])[],
  role: string,
): { value: T; outer: number } {
  const outer = cursor.enter(Tag.SEQUENCE, WHAT)
  const start = cursor.objectIdentifier(WHAT)
  for (const [value, oid] of known)
    if (isContent(cursor.bytes, start, cursor.offset, oid)) return { value, outer }
  return cursor.fail(
    'ERR_KEY_UNSUPPORTED',
    WHAT,
    `${role} ${readOid(cursor.bytes, start, cursor.offset)}; only PBES2 with PBKDF2 (SHA-2) and AES-CBC is read. Convert it with: openssl pkcs8 -topk8 -v2 aes-256-cbc`,
  )
}
