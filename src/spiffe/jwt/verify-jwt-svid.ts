/**
 * Verification of JWT-SVIDs. The cryptography and the rules of JWT are those of `jose`; which key may vouch for
 * whom is decided here.
 *
 * @module
 */

import { errors, importJWK, type JWTPayload, jwtVerify } from 'jose'
import { MeshPkiError } from '../../errors.ts'
import { readDuration } from '../../internal/duration.ts'
import { checkOneOf, checkOptionNames, readInstant, typeName } from '../../internal/options.ts'
import { escapeText, quote } from '../../internal/text.ts'
import type { JwtAuthority } from '../bundle-key.ts'
import { lookUpBundle } from '../bundle-lookup.ts'
import { type BundleSource, type BundleSourceInput, readBundleSource } from '../bundle-source.ts'
import type { SpiffeBundle } from '../spiffe-bundle.ts'
import { type ExpectedIdentity, readOptionalExpectation, type SpiffeMatcher } from '../spiffe-matcher.ts'
import { unexpectedIdentity } from '../svid-error.ts'
import {
  ALGORITHMS,
  type ClaimedToken,
  type JwtSvidAlgorithm,
  malformed,
  readClaimedToken,
} from './jwt-header.ts'
import { type VerifiedJwtSvid, verifiedJwtSvid } from './verified-jwt-svid.ts'

/** Options of {@link verifyJwtSvid}. */
export interface VerifyJwtSvidOptions {
  /** Where the authorities of trust domains come from. Only those of the token's own domain are asked. */
  readonly bundles: BundleSourceInput
  /** Who we are: one of these must be an audience of the token (JWT-SVID §3.2). Required. */
  readonly audience: string | readonly string[]
  /** Who it must be; not `undefined`. Without it any identity of a known trust domain passes: decide by `svid.id` then. */
  readonly expect?: ExpectedIdentity
  /** Algorithms that are accepted. Default: all of JWT-SVID §2.1. */
  readonly algorithms?: readonly JwtSvidAlgorithm[] | undefined
  /** The instant to judge at. Default: now. */
  readonly time?: Date | undefined
  /** How far clocks may differ, for `exp` and `nbf`. Default `'0s'`. */
  readonly clockTolerance?: string | undefined
}

/** What {@link checkJwtSvid} answers. */
export type CheckJwtSvidResult =
  | { readonly ok: true; readonly svid: VerifiedJwtSvid }
  | { readonly ok: false; readonly error: MeshPkiError }

/**
 * Verifies a JWT-SVID: header, algorithm, signature by the key that its `kid` names in the bundle of its own
 * trust domain, audience and expiry (JWT-SVID §4).
 *
 * @throws `MeshPkiError` `ERR_JWT_SVID_…`; `SvidError` `ERR_SVID_NO_BUNDLE` and `ERR_SVID_UNEXPECTED_ID`;
 * `TypeError`, `RangeError` for options.
 *
 * **Warning**: a token is a bearer token. Whoever has it can use it until it expires (JWT-SVID §7.1); prefer
 * X509-SVIDs where there is TLS end to end.
 *
 * @example
 * ```ts
 * import type { BundleSource } from 'mesh-pki/spiffe'
 * import { verifyJwtSvid } from 'mesh-pki/spiffe/jwt'
 *
 * declare const token: string, bundles: BundleSource
 * const { id } = await verifyJwtSvid(token, { bundles, audience: 'spiffe://prod.example.com/reports' })
 * console.log(String(id))
 * ```
 */
export async function verifyJwtSvid(token: string, options: VerifyJwtSvidOptions): Promise<VerifiedJwtSvid> {
  const policy = readPolicy(token, options)
  const claimed = readClaimedToken(token, policy.algorithms)
  const bundle = await lookUpBundle(policy.source, claimed.id)
  const authority = authorityOf(claimed, bundle)
  const payload = await verifyToken(token, claimed, authority, policy)
  const audience = readAudience(payload)
  const expiresAt = readExpiry(payload)
  if (policy.expect !== undefined && policy.expect.matches(claimed.id) !== true)
    throw unexpectedIdentity(claimed.id, policy.expect)
  return verifiedJwtSvid({ id: claimed.id, audience, expiresAt, claims: payload, bundle })
}

/** {@link verifyJwtSvid} for callers who expect failure. @throws `TypeError`, `RangeError` for options. */
export async function checkJwtSvid(
  token: string,
  options: VerifyJwtSvidOptions,
): Promise<CheckJwtSvidResult> {
  // A mistake in the options is none of the token.
  readPolicy(token, options)
  try {
    return { ok: true, svid: await verifyJwtSvid(token, options) }
  } catch (error) {
    if (error instanceof MeshPkiError) return { ok: false, error }
    throw error
  }
}

/** RFC 7519 §4.1.3: text, or an array of texts. `jose` looks only for ours. */
function readAudience({ aud }: JWTPayload): readonly string[] {
  const all: readonly unknown[] = [aud].flat()
  const texts = all.filter((one) => typeof one === 'string')
  if (texts.length === 0 || texts.length < all.length)
    throw malformed('its "aud" holds something that is no text', '§3.2')
  return texts
}

/** A moment that no Date can hold would never be over for anybody who compares. */
function readExpiry({ exp }: JWTPayload): Date {
  const date = new Date(typeof exp === 'number' ? exp * 1000 : Number.NaN)
  if (Number.isNaN(date.getTime())) throw malformed('its "exp" is no instant', '§3.3')
  return date
}

interface JwtPolicy {
  readonly source: BundleSource
  readonly expect: SpiffeMatcher | undefined
  readonly audience: readonly string[]
  readonly algorithms: readonly JwtSvidAlgorithm[]
  readonly time: Date
  /** Seconds. */
  readonly tolerance: number
}

function readPolicy(token: unknown, options: VerifyJwtSvidOptions): JwtPolicy {
  const names = ['bundles', 'audience', 'expect', 'algorithms', 'time', 'clockTolerance']
  checkOptionNames(options, names, 'verifyJwtSvid')
  if (typeof token !== 'string') throw new TypeError(`a JWT-SVID must be a string; got ${typeName(token)}`)
  const audience = [options.audience].flat()
  if (audience.length === 0 || audience.some((one) => typeof one !== 'string' || one === ''))
    throw new TypeError('option "audience" is required: who we are, as text that is not empty')
  const algorithms = options.algorithms ?? ALGORITHMS
  if (!Array.isArray(algorithms) || algorithms.length === 0)
    throw new TypeError('option "algorithms" must be an array of at least one algorithm')
  return {
    source: readBundleSource(options.bundles),
    expect: readOptionalExpectation(options),
    audience,
    algorithms: algorithms.map((one) => checkOneOf(one, ALGORITHMS, 'algorithms')),
    time: options.time === undefined ? new Date() : new Date(readInstant(options.time, 'time')),
    tolerance: readDuration(options.clockTolerance ?? '0s', 'clockTolerance', { allowZero: true }) / 1000,
  }
}

/** The curve of each ES… algorithm (RFC 7518 §3.4); the others are for RSA. */
const CURVES: Readonly<Record<string, string>> = { ES256: 'P-256', ES384: 'P-384', ES512: 'P-521' }

function authorityOf({ keyId, id, algorithm }: ClaimedToken, bundle: SpiffeBundle): JwtAuthority {
  const authority = bundle.jwtAuthorities.find((one) => one.keyId === keyId)
  if (authority !== undefined) {
    const found = authority.jwk.kty === 'RSA' ? 'RSA' : authority.jwk.crv
    const expected = CURVES[algorithm] ?? 'RSA'
    if (found === expected) return authority
    throw new MeshPkiError(
      'ERR_JWT_SVID_KEY',
      `JWT-SVID: the JWT authority ${quote(keyId, 64)} is a key of ${found}, which cannot make a signature of ${algorithm} (RFC 7518 §3.1)`,
      { data: { expected, found } },
    )
  }
  throw new MeshPkiError(
    'ERR_JWT_SVID_KEY',
    `JWT-SVID: the bundle of ${quote(id.trustDomain.name)} has no JWT authority ${quote(keyId, 64)}; it has ${bundle.jwtAuthorities.length}. Was the key withdrawn, or is the bundle too old to have it? (JWT-SVID §4)`,
    { data: { found: keyId.slice(0, 64) } },
  )
}

async function verifyToken(
  token: string,
  { algorithm }: ClaimedToken,
  { jwk }: JwtAuthority,
  { audience, time, tolerance }: JwtPolicy,
): Promise<JWTPayload> {
  try {
    const key = await importJWK({ ...jwk }, algorithm)
    const { payload } = await jwtVerify(token, key, {
      algorithms: [algorithm],
      audience: [...audience],
      requiredClaims: ['sub', 'aud', 'exp'],
      currentDate: time,
      clockTolerance: tolerance,
    })
    return payload
  } catch (error) {
    throw refusalOf(error, audience, time)
  }
}

/** The reason in our words: `jose` knows which check failed. The token and its claims are in none of them. */
function refusalOf(error: unknown, audience: readonly string[], time: Date): unknown {
  const at = time.toISOString()
  if (error instanceof errors.JWTExpired)
    return new MeshPkiError(
      'ERR_JWT_SVID_EXPIRED',
      `JWT-SVID: it expired at ${expiryOf(error)}, and it is ${at}. Let the workload fetch a new one; if it just did, compare the clocks (JWT-SVID §3.3)`,
      { cause: withoutClaims(error) },
    )
  if (error instanceof errors.JWTClaimValidationFailed) {
    if (error.claim === 'aud')
      return new MeshPkiError(
        'ERR_JWT_SVID_AUDIENCE',
        `JWT-SVID: it is for somebody else: expected the audience ${audience.map((one) => quote(one, 128)).join(' or ')}. Let the workload ask for a token with it (JWT-SVID §3.2)`,
        { data: { expected: audience }, cause: withoutClaims(error) },
      )
    if (error.claim === 'nbf' && error.reason === 'check_failed')
      return new MeshPkiError(
        'ERR_JWT_SVID_NOT_YET_VALID',
        `JWT-SVID: it is not valid yet, and it is ${at}. Is a clock wrong? (RFC 7519 §4.1.5)`,
        { cause: withoutClaims(error) },
      )
    return malformed(
      `its claim ${quote(error.claim, 64)} is missing or not as it must be`,
      '§3',
      withoutClaims(error),
    )
  }
  if (error instanceof errors.JWSSignatureVerificationFailed)
    return new MeshPkiError(
      'ERR_JWT_SVID_SIGNATURE',
      'JWT-SVID: its signature is not by the key that it names. It was altered, or another key has that identifier (JWT-SVID §4)',
      { cause: error },
    )
  if (error instanceof errors.JOSEError)
    return malformed(`it is refused as a JWS: ${escapeText(error.message)}`, '§4', error)
  // A key of one kind under an algorithm of another, or one that is off its curve.
  if (error instanceof Error)
    return new MeshPkiError(
      'ERR_JWT_SVID_KEY',
      `JWT-SVID: the authority's key does not go with the algorithm, or is not valid: ${escapeText(error.message)}`,
      { cause: error },
    )
  return error
}

const expiryOf = ({ payload: { exp } }: InstanceType<typeof errors.JWTExpired>): string => {
  const date = new Date((exp ?? Number.NaN) * 1000)
  return Number.isNaN(date.getTime()) ? 'an instant that no date can hold' : date.toISOString()
}

/** `jose` keeps all claims with its errors, and whoever prints one prints them. */
const withoutClaims = ({
  code,
  claim,
  reason,
}: InstanceType<typeof errors.JWTExpired | typeof errors.JWTClaimValidationFailed>): object => ({
  code,
  claim,
  reason,
})
