/**
 * One element of a bundle: a JSON Web Key (SPIFFE Trust Domain and Bundle §4.2).
 *
 * @module
 */

import { MeshPkiError } from '../errors.ts'
import { decodeBase64, decodeBase64Url, encodeBase64Url } from '../internal/base64.ts'
import { isJsonArray, isJsonObject, type JsonObject, type JsonValue } from '../internal/json.ts'
import { escapeText, quote } from '../internal/text.ts'
import { Certificate } from '../x509/certificate.ts'
import { ALL_LENIENCIES } from '../x509/certificate-walker.ts'
import { type PublicJwk, publicJwk } from '../x509/public-jwk.ts'
import { readPublicKeyInfo } from '../x509/public-key-info.ts'

/** Why an element, or a part of a bundle, counts for nothing. */
export type SkippedReason =
  | 'duplicate'
  | 'key-mismatch'
  | 'key-parameters'
  | 'kid-duplicate'
  | 'kid-missing'
  | 'kty-missing'
  | 'kty-unknown'
  | 'not-ca'
  | 'not-an-object'
  | 'private-key'
  | 'refresh-hint'
  | 'use-missing'
  | 'use-unknown'
  | 'x5c-extra'
  | 'x5c-malformed'
  | 'x5c-missing'

/** A part of a bundle that was passed over. */
export interface SkippedElement {
  /** Its place in `keys`, from 0; `undefined` for what is not in `keys`. */
  readonly index: number | undefined
  readonly reason: SkippedReason
  /** What was expected and found, and the clause. */
  readonly message: string
}

/** A key that JWT-SVIDs are signed with. */
export interface JwtAuthority {
  /** `kid`. */
  readonly keyId: string
  readonly jwk: PublicJwk
}

/** What an element is good for. */
export type BundleKey =
  | { readonly use: 'x509-svid'; readonly certificate: Certificate; readonly ignored: number }
  | { readonly use: 'jwt-svid'; readonly authority: JwtAuthority }

/** An element that is passed over, and why. */
export interface SkippedKey {
  readonly reason: SkippedReason
  readonly message: string
}

const KEY_TYPES = ['EC', 'RSA', 'OKP']
const COORDINATES: ReadonlyMap<JsonValue | undefined, number> = new Map([
  ['P-256', 32],
  ['P-384', 48],
  ['P-521', 66],
])

/** Reads one element of `keys`. What nobody here understands is passed over, never an error (§4.1.3). */
export function readBundleKey(element: JsonValue): BundleKey | SkippedKey {
  if (!isJsonObject(element)) return skip('not-an-object', 'expected a JSON Web Key, an object (RFC 7517 §4)')
  const kty = element.get('kty')
  const use = element.get('use')
  if (kty === undefined) return skip('kty-missing', 'it has no "kty" (SPIFFE Trust Domain and Bundle §4.2.1)')
  if (use === undefined) return skip('use-missing', 'it has no "use" (SPIFFE Trust Domain and Bundle §4.2.2)')
  if (use !== 'x509-svid' && use !== 'jwt-svid')
    return skip(
      'use-unknown',
      `its "use" is ${show(use)}; known are "x509-svid" and "jwt-svid" (SPIFFE Trust Domain and Bundle §4.2.2)`,
    )
  if (typeof kty !== 'string' || !KEY_TYPES.includes(kty))
    return skip(
      'kty-unknown',
      `its "kty" is ${show(kty)}; known are ${KEY_TYPES.join(', ')} (SPIFFE Trust Domain and Bundle §4.2.1)`,
    )
  if (element.has('d'))
    return skip(
      'private-key',
      'it has the member "d", that of a private key, which is then known to everybody; replace that key',
    )
  return use === 'x509-svid' ? readX509(element) : readJwt(element)
}

/** An authority's key as JSON Web Key; `undefined` for a kind of key that is not used here. */
export function jwkOf(certificate: Certificate): PublicJwk | undefined {
  const bytes = Certificate.bytesOf(certificate)
  const { publicKeyStart, publicKeyEnd } = Certificate.layoutOf(certificate)
  const { kind, keyStart, keyEnd } = readPublicKeyInfo(bytes, publicKeyStart, publicKeyEnd)
  return kind === undefined ? undefined : publicJwk(kind, bytes.subarray(keyStart, keyEnd))
}

function readX509(element: JsonObject): BundleKey | SkippedKey {
  const x5c = element.get('x5c')
  if (x5c === undefined || (isJsonArray(x5c) && x5c.length === 0))
    return skip('x5c-missing', 'it has no certificate in "x5c" (X509-SVID §6.2)')
  const [first, ...others] = isJsonArray(x5c) ? x5c : []
  const certificate = readCertificate(first)
  if (!(certificate instanceof Certificate)) return certificate
  if (!certificate.isCa)
    return skip('not-ca', "its certificate is not a CA's, so nothing below it verifies (X509-SVID §3.2)")
  const found = readJwk(element)
  if (found === undefined) return unusable(element)
  const expected = jwkOf(certificate)
  if (expected === undefined || !isSameKey(found, expected))
    return skip('key-mismatch', 'its members are another key than that of the certificate (RFC 7517 §4.7)')
  return { use: 'x509-svid', certificate, ignored: others.length }
}

function readCertificate(x5c: JsonValue | undefined): Certificate | SkippedKey {
  const der = typeof x5c === 'string' ? decodeBase64(x5c) : undefined
  if (!(der instanceof Uint8Array))
    return skip('x5c-malformed', '"x5c" is not an array whose first value is base64 (RFC 7517 §4.7)')
  try {
    return Certificate.fromDer(der, { leniency: ALL_LENIENCIES })
  } catch (error) {
    if (!(error instanceof MeshPkiError)) throw error
    return skip(
      'x5c-malformed',
      `the first value of "x5c" is not a certificate: ${escapeText(error.message, 512)}`,
    )
  }
}

function readJwt(element: JsonObject): BundleKey | SkippedKey {
  const kid = element.get('kid')
  if (typeof kid !== 'string' || kid === '')
    return skip('kid-missing', 'it has no "kid", by which a token names its key (SPIFFE JWT-SVID §6.1)')
  const jwk = readJwk(element)
  return jwk === undefined ? unusable(element) : { use: 'jwt-svid', authority: { keyId: kid, jwk } }
}

const unusable = (element: JsonObject): SkippedKey =>
  skip(
    'key-parameters',
    `its key cannot be used: members that "kty" ${show(element.get('kty'))} asks for are missing or not valid, or the key is too small (RFC 7518 §6)`,
  )

/** The public members of a key that is used here; `undefined` where one is missing or not valid. */
export function readPublicJwk(jwk: object | undefined): PublicJwk | undefined {
  return jwk === undefined ? undefined : readJwk(new Map(Object.entries(jwk)))
}

/** The same of an element: base64url of the right sizes, RSA by the rules for certificates. */
function readJwk(element: JsonObject): PublicJwk | undefined {
  const crv = element.get('crv')
  switch (element.get('kty')) {
    case 'EC': {
      const size = COORDINATES.get(crv)
      const x = octets(element, 'x', size)
      const y = octets(element, 'y', size)
      return size === undefined || x === undefined || y === undefined || !isCurve(crv)
        ? undefined
        : { kty: 'EC', crv, x: encodeBase64Url(x), y: encodeBase64Url(y) }
    }
    case 'OKP': {
      const x = octets(element, 'x', 32)
      return crv !== 'Ed25519' || x === undefined ? undefined : { kty: 'OKP', crv, x: encodeBase64Url(x) }
    }
    case 'RSA': {
      const n = number(element, 'n')
      const e = number(element, 'e')
      return n === undefined || e === undefined || !isUsableRsa(n, e)
        ? undefined
        : { kty: 'RSA', n: encodeBase64Url(n), e: encodeBase64Url(e) }
    }
    default:
      return undefined
  }
}

const isCurve = (crv: JsonValue | undefined): crv is 'P-256' | 'P-384' | 'P-521' => COORDINATES.has(crv)

function octets(element: JsonObject, name: string, size?: number): Uint8Array | undefined {
  const text = element.get(name)
  const bytes = typeof text === 'string' ? decodeBase64Url(text) : undefined
  if (bytes === undefined || bytes.length === 0) return undefined
  return size === undefined || bytes.length === size ? bytes : undefined
}

/** A number of RSA. Some publishers write the zero octet of DER in front: the number is the same. */
function number(element: JsonObject, name: string): Uint8Array | undefined {
  const bytes = octets(element, name)
  if (bytes === undefined) return undefined
  let start = 0
  while (bytes[start] === 0) start++
  return bytes.subarray(start)
}

/**
 * Modulus of 2048 to 8192 bits and odd, exponent odd and from 3 to 2^32-1, as for certificates. With the
 * exponent 1 everybody could sign.
 */
function isUsableRsa(n: Uint8Array, e: Uint8Array): boolean {
  const bits = n.length * 8 - Math.clz32(n[0] ?? 0) + 24
  const exponent = e.length > 4 ? 0 : e.reduce((value, octet) => value * 256 + octet, 0)
  const isOdd = (bytes: Uint8Array): boolean => ((bytes[bytes.length - 1] ?? 0) & 1) === 1
  return bits >= 2048 && bits <= 8192 && isOdd(n) && isOdd(e) && exponent >= 3
}

/** Both are in the one form that {@link readJwk} makes. */
const isSameKey = (a: PublicJwk, b: PublicJwk): boolean =>
  JSON.stringify(Object.entries(a).sort()) === JSON.stringify(Object.entries(b).sort())

const skip = (reason: SkippedReason, message: string): SkippedKey => ({ reason, message })

const show = (value: JsonValue | undefined): string =>
  typeof value === 'string' ? quote(value, 64) : value === null ? 'null' : typeof value
