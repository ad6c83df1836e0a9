/**
 * SubjectPublicKeyInfo (RFC 5280 §4.1.2.7): its structure, and which key it holds.
 *
 * Whether a point lies on its curve is decided when the key is imported.
 *
 * @module
 */

import { DerCursor, Tag } from '../internal/der.ts'
import { isContent, readOid } from '../internal/oid.ts'

const WHAT = 'subjectPublicKeyInfo'

/** Kinds of keys that this library makes and verifies with. */
export type KeyKind = 'P-256' | 'P-384' | 'P-521' | 'Ed25519' | 'RSA'

const RSASSA_PSS = '1.2.840.113549.1.1.10'
const RSA_ENCRYPTION = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1]
const EC_PUBLIC_KEY = [0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1]
const ED25519 = [0x2b, 0x65, 0x70]
const CURVES: readonly (readonly [KeyKind, readonly number[], number])[] = [
  ['P-256', [0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7], 32],
  ['P-384', [0x2b, 0x81, 4, 0, 0x22], 48],
  ['P-521', [0x2b, 0x81, 4, 0, 0x23], 66],
]

/** What a SubjectPublicKeyInfo holds. */
export interface PublicKeyInfo {
  /** `undefined` for a key that we do not use; `description` says what it is. */
  readonly kind: KeyKind | undefined
  readonly description: string
  /** RSA: bits of the modulus. */
  readonly modulusBits: number
  /** RSA: whether the exponent is odd and from 3 to 2^32-1. */
  readonly exponentAllowed: boolean
  /** Content of the BIT STRING: the point, the Ed25519 key, or PKCS#1 RSAPublicKey. */
  readonly keyStart: number
  readonly keyEnd: number
}

/**
 * Passes over a SubjectPublicKeyInfo. The keys that we use are walked to their last byte; of others,
 * the framing is.
 */
export function walkPublicKeyInfo(cursor: DerCursor): void {
  const { bytes } = cursor
  const outer = cursor.enter(Tag.SEQUENCE, WHAT)
  const algorithm = cursor.enter(Tag.SEQUENCE, WHAT)
  const oidStart = cursor.objectIdentifier(WHAT)
  const oidEnd = cursor.offset
  const rsa = isContent(bytes, oidStart, oidEnd, RSA_ENCRYPTION)
  if (rsa) cursor.null(WHAT)
  else if (isContent(bytes, oidStart, oidEnd, EC_PUBLIC_KEY)) {
    if (cursor.peek() === Tag.OBJECT_IDENTIFIER) cursor.objectIdentifier(WHAT)
    else cursor.skipAny(WHAT)
  } else if (!isContent(bytes, oidStart, oidEnd, ED25519) && !cursor.atEnd) cursor.skipAny(WHAT)
  cursor.leave(algorithm, WHAT)
  const start = cursor.octetAlignedBitString(WHAT)
  const end = cursor.offset
  if (rsa) {
    const key = new DerCursor(bytes, start, end)
    const inner = key.enter(Tag.SEQUENCE, WHAT)
    for (let i = 0; i < 2; i++) {
      if (((bytes[key.integer(WHAT)] ?? 0) & 0x80) !== 0)
        key.fail('ERR_DER_VALUE', WHAT, 'a negative RSA modulus or exponent')
    }
    key.leave(inner, WHAT)
    if (!key.atEnd) key.fail('ERR_DER_TRAILING_DATA', WHAT, 'bytes after the RSA key')
  }
  cursor.leave(outer, WHAT)
}

/** Describes a checked SubjectPublicKeyInfo. */
export function readPublicKeyInfo(bytes: Uint8Array, start = 0, end: number = bytes.length): PublicKeyInfo {
  const cursor = new DerCursor(bytes, start, end)
  cursor.enter(Tag.SEQUENCE, WHAT)
  const algorithm = cursor.enter(Tag.SEQUENCE, WHAT)
  const oidStart = cursor.objectIdentifier(WHAT)
  const oidEnd = cursor.offset
  const parametersStart = cursor.offset
  const parametersEnd = cursor.limit
  cursor.offset = cursor.limit
  cursor.limit = algorithm
  const keyStart = cursor.octetAlignedBitString(WHAT)
  const keyEnd = cursor.offset
  const info = (
    kind: KeyKind | undefined,
    description: string,
    modulusBits = 0,
    exponentAllowed = true,
  ): PublicKeyInfo => ({
    kind,
    description,
    modulusBits,
    exponentAllowed,
    keyStart,
    keyEnd,
  })
  if (isContent(bytes, oidStart, oidEnd, RSA_ENCRYPTION)) {
    const key = new DerCursor(bytes, keyStart, keyEnd)
    key.enter(Tag.SEQUENCE, WHAT)
    const modulusStart = key.integer(WHAT)
    const modulusBits = bitLength(bytes, modulusStart, key.offset)
    const exponentStart = key.integer(WHAT)
    const exponentBits = bitLength(bytes, exponentStart, key.offset)
    const exponentAllowed =
      ((bytes[key.offset - 1] ?? 0) & 1) === 1 && exponentBits >= 2 && exponentBits <= 32
    return info('RSA', `RSA-${modulusBits}`, modulusBits, exponentAllowed)
  }
  if (
    isContent(bytes, oidStart, oidEnd, ED25519) &&
    keyEnd - keyStart === 32 &&
    parametersStart === parametersEnd
  ) {
    return info('Ed25519', 'Ed25519')
  }
  if (isContent(bytes, oidStart, oidEnd, EC_PUBLIC_KEY)) {
    for (const [kind, oid, size] of CURVES) {
      if (
        bytes[parametersStart] !== Tag.OBJECT_IDENTIFIER ||
        !isContent(bytes, parametersStart + 2, parametersEnd, oid)
      )
        continue
      if (keyEnd - keyStart === 2 * size + 1 && bytes[keyStart] === 4) return info(kind, kind)
      return info(undefined, `${kind} with a point that is not in uncompressed form (RFC 5480 §2.2)`)
    }
    return info(undefined, 'an elliptic curve other than P-256, P-384 and P-521')
  }
  const oid = readOid(bytes, oidStart, oidEnd)
  return info(
    undefined,
    `key type ${oid}${oid === RSASSA_PSS ? ', RSASSA-PSS, which has restrictions of its own; use rsaEncryption' : ''}`,
  )
}

function bitLength(bytes: Uint8Array, start: number, end: number): number {
  const skip = bytes[start] === 0 ? 1 : 0
  const first = bytes[start + skip] ?? 0
  return end - start - skip === 0 ? 0 : (end - start - skip - 1) * 8 + 32 - Math.clz32(first)
}
