/**
 * Public keys as JSON Web Keys (RFC 7517; RFC 7518 §6 for EC and RSA, RFC 8037 §2 for Ed25519).
 *
 * @module
 */

import { encodeBase64Url } from '../internal/base64.ts'
import { DerCursor, Tag } from '../internal/der.ts'
import type { KeyKind } from './public-key-info.ts'

/** A public key as JSON Web Key: the members that its kind requires, base64url without padding. */
export type PublicJwk =
  | { readonly kty: 'EC'; readonly crv: 'P-256' | 'P-384' | 'P-521'; readonly x: string; readonly y: string }
  | { readonly kty: 'OKP'; readonly crv: 'Ed25519'; readonly x: string }
  | { readonly kty: 'RSA'; readonly n: string; readonly e: string }

/** The key of a kind whose octets `key` are the content of a SubjectPublicKeyInfo's BIT STRING. */
export function publicJwk(kind: KeyKind, key: Uint8Array): PublicJwk {
  if (kind === 'RSA') return rsaJwk(key)
  return kind === 'Ed25519' ? ed25519Jwk(key) : curveJwk(kind, key)
}

/** {@link publicJwk} for Ed25519. */
export function ed25519Jwk(key: Uint8Array): PublicJwk & { readonly kty: 'OKP' } {
  return { kty: 'OKP', crv: 'Ed25519', x: encodeBase64Url(key) }
}

/** {@link publicJwk} for a curve: the point is uncompressed, so both coordinates have full length. */
export function curveJwk(
  kind: 'P-256' | 'P-384' | 'P-521',
  point: Uint8Array,
): PublicJwk & { readonly kty: 'EC' } {
  const half = (point.length - 1) / 2
  return {
    kty: 'EC',
    crv: kind,
    x: encodeBase64Url(point.subarray(1, half + 1)),
    y: encodeBase64Url(point.subarray(half + 1)),
  }
}

function rsaJwk(key: Uint8Array): PublicJwk {
  const cursor = new DerCursor(key)
  cursor.enter(Tag.SEQUENCE, 'RSAPublicKey')
  const next = (): string => {
    const start = cursor.integer('RSAPublicKey')
    // A leading zero octet of DER is its sign, and no part of the number (RFC 7518 §2, Base64urlUInt).
    return encodeBase64Url(key.subarray(key[start] === 0 ? start + 1 : start, cursor.offset))
  }
  const n = next()
  return { kty: 'RSA', n, e: next() }
}
