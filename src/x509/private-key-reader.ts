/**
 * Reads the three encodings of private keys strictly: PKCS#8 (RFC 5958), PKCS#1 (RFC 8017), SEC1 (RFC 5915).
 *
 * @module
 */

import { MeshPkiError } from '../errors.ts'
import { context, contextPrimitive, DerCursor, Tag } from '../internal/der.ts'
import { isContent, readOid } from '../internal/oid.ts'

/** What a checked PKCS#8 holds. */
export interface Pkcs8Parts {
  /** The AlgorithmIdentifier, whole. */
  readonly algorithm: Uint8Array
  readonly type: 'rsa' | 'ec' | 'ed25519'
  /** Content of the privateKey field: PKCS#1, SEC1, or the Ed25519 seed as OCTET STRING. */
  readonly key: Uint8Array
  /** Content of the publicKey field of version 2 (RFC 5958 §2): a point, PKCS#1, or an Ed25519 key. */
  readonly publicKey: Uint8Array | undefined
}

const WHAT = 'private key'
const RSA = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1]
const EC = [0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1]
const ED25519 = [0x2b, 0x65, 0x70]

/** Reads a PKCS#8 key that fills the input, and the key inside it. */
export function readPkcs8(bytes: Uint8Array): Pkcs8Parts {
  const cursor = new DerCursor(bytes)
  const outer = cursor.enter(Tag.SEQUENCE, WHAT)
  const version = cursor.smallInteger(WHAT)
  if (version > 1)
    cursor.fail('ERR_KEY_FORMAT', WHAT, `PKCS#8 version ${version}; expected 0 or 1 (RFC 5958 §2)`)
  const algorithmStart = cursor.offset
  const algorithm = cursor.enter(Tag.SEQUENCE, WHAT)
  const oidStart = cursor.objectIdentifier(WHAT)
  const oidEnd = cursor.offset
  if (!cursor.atEnd) cursor.skipAny(WHAT)
  cursor.leave(algorithm, WHAT)
  const algorithmEnd = cursor.offset
  const keyStart = cursor.octetString(WHAT)
  const keyEnd = cursor.offset
  if (cursor.peek() === context(0)) cursor.skipAny(WHAT)
  let publicKey: Uint8Array | undefined
  if (version === 1 && cursor.peek() === contextPrimitive(1)) {
    const start = cursor.bitString(WHAT, contextPrimitive(1))
    publicKey = bytes.slice(start, cursor.offset)
  }
  cursor.leave(outer, WHAT)
  if (!cursor.atEnd) cursor.fail('ERR_DER_TRAILING_DATA', WHAT, 'bytes after the key')
  const parts = {
    algorithm: bytes.slice(algorithmStart, algorithmEnd),
    key: bytes.slice(keyStart, keyEnd),
    publicKey,
  }
  if (isContent(bytes, oidStart, oidEnd, RSA)) {
    walkPkcs1(parts.key)
    return { ...parts, type: 'rsa' }
  }
  if (isContent(bytes, oidStart, oidEnd, EC)) {
    walkSec1(parts.key)
    return { ...parts, type: 'ec' }
  }
  if (isContent(bytes, oidStart, oidEnd, ED25519)) {
    const seed = new DerCursor(parts.key)
    const start = seed.octetString(WHAT)
    if (seed.offset - start !== 32 || !seed.atEnd)
      seed.fail('ERR_KEY_FORMAT', WHAT, 'an Ed25519 key that is not 32 octets (RFC 8410 §7)')
    return { ...parts, type: 'ed25519' }
  }
  throw new MeshPkiError(
    'ERR_KEY_UNSUPPORTED',
    `private key of type ${readOid(bytes, oidStart, oidEnd)}; accepted are RSA, P-256, P-384, P-521 and Ed25519`,
  )
}

/** Checks a PKCS#1 RSAPrivateKey of two primes (RFC 8017 appendix A.1.2). */
export function walkPkcs1(bytes: Uint8Array): void {
  const cursor = new DerCursor(bytes)
  const outer = cursor.enter(Tag.SEQUENCE, WHAT)
  const version = cursor.smallInteger(WHAT)
  if (version !== 0) cursor.fail('ERR_KEY_UNSUPPORTED', WHAT, 'an RSA key of more than two primes')
  for (let i = 0; i < 8; i++) {
    const start = cursor.integer(WHAT)
    if (((bytes[start] ?? 0) & 0x80) !== 0)
      cursor.fail('ERR_KEY_FORMAT', WHAT, 'a negative number in the RSA key')
  }
  cursor.leave(outer, WHAT)
  if (!cursor.atEnd) cursor.fail('ERR_DER_TRAILING_DATA', WHAT, 'bytes after the key')
}

/** Checks a SEC1 ECPrivateKey (RFC 5915 §3). Answers whether it names its curve. */
export function walkSec1(bytes: Uint8Array): boolean {
  const cursor = new DerCursor(bytes)
  const outer = cursor.enter(Tag.SEQUENCE, WHAT)
  const version = cursor.smallInteger(WHAT)
  if (version !== 1)
    cursor.fail('ERR_KEY_FORMAT', WHAT, `ECPrivateKey version ${version}; expected 1 (RFC 5915 §3)`)
  cursor.octetString(WHAT)
  const named = cursor.peek() === context(0)
  if (named) {
    const parameters = cursor.enter(context(0), WHAT)
    if (cursor.peek() !== Tag.OBJECT_IDENTIFIER)
      cursor.fail(
        'ERR_KEY_UNSUPPORTED',
        WHAT,
        'a curve given by its parameters; only named curves are read (RFC 5480 §2.1.1)',
      )
    cursor.objectIdentifier(WHAT)
    cursor.leave(parameters, WHAT)
  }
  if (cursor.peek() === context(1)) {
    const publicKey = cursor.enter(context(1), WHAT)
    cursor.bitString(WHAT)
    cursor.leave(publicKey, WHAT)
  }
  cursor.leave(outer, WHAT)
  if (!cursor.atEnd) cursor.fail('ERR_DER_TRAILING_DATA', WHAT, 'bytes after the key')
  return named
}
