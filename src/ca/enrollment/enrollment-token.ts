/**
 * Makes enrollment tokens, and takes over those that exist.
 *
 * @module
 */

import { sha256 } from '@noble/hashes/sha2.js'
import { MeshPkiError } from '../../errors.ts'
import { encodeBase64Url } from '../../internal/base64.ts'
import { toHex } from '../../internal/bytes.ts'
import { currentTime, systemClock, type TimeSource } from '../../internal/clock.ts'
import { readDuration } from '../../internal/duration.ts'
import { checkOptionNames, readCount, typeName } from '../../internal/options.ts'
import { type RandomSource, systemRandom } from '../../internal/web-crypto.ts'
import { readClusterName } from './cluster-name.ts'
import type { TokenStore } from './token-store.ts'

/** What both ways to a token are told about it. */
interface TokenTerms {
  readonly store: TokenStore
  /** The only cluster that may enroll by it. Default: any. */
  readonly name?: string | undefined
  /** How often. */
  readonly uses?: number | 'unlimited' | undefined
  /** Default: the machine's clock. */
  readonly clock?: TimeSource | undefined
}

/** Options of {@link createEnrollmentToken}. */
export interface CreateEnrollmentTokenOptions extends TokenTerms {
  /** How long it counts, from now. Default `'1h'`. */
  readonly expiresIn?: string | undefined
  /** Default: the runtime's. */
  readonly random?: RandomSource | undefined
}

/** Options of {@link importEnrollmentToken}. */
export interface ImportEnrollmentTokenOptions extends TokenTerms {
  /** The secret that both sides hold. */
  readonly token: string
  /** How long it counts, from now. Gloo's never ends. */
  readonly expiresIn: string | 'never'
}

/** A token that is in a store now. */
export interface ImportedEnrollmentToken {
  /** What events and messages call it: the first eight digits of its hash. */
  readonly id: string
  /** What the store knows it by; for `store.remove`. */
  readonly hash: string
  readonly name: string | undefined
  /** `undefined`: never. */
  readonly expiresAt: Date | undefined
  readonly uses: number | 'unlimited'
}

/** A token that was made. */
export interface EnrollmentToken extends ImportedEnrollmentToken {
  /** The token. It is shown this once and kept nowhere: hand it to the cluster by a way that nobody reads. */
  readonly token: string
}

/** By which scanners of logs and repositories know a token. */
const PREFIX = 'mpe_'

/** 256 bits. */
const OCTETS = 32

/** Characters that a secret must have which somebody else has made: 128 bits in hex. */
const MIN_SHARED = 32

/** Different characters in it: of 32 random digits of hex all but one of a million have more. */
const MIN_DISTINCT = 8

/** No header of ours is longer. */
export const MAX_TOKEN: number = 512

/** What a bearer token is made of (RFC 6750 §2.1). */
const BEARER = /^[A-Za-z0-9._~+/-]+=*$/

const MAX_USES = 1_000_000

/**
 * Makes a token of 256 random bits and puts its hash into the store.
 *
 * @throws `MeshPkiError` `ERR_ENROLLMENT_NAME`, `ERR_ENROLLMENT_TOKEN`; what the store throws; `TypeError`, `RangeError`
 * for options.
 *
 * @example
 * ```ts
 * import { createEnrollmentToken, type TokenStore } from 'mesh-pki/ca'
 *
 * declare const store: TokenStore
 * const { token, id } = await createEnrollmentToken({ store, name: 'cluster-1', expiresIn: '1h', uses: 1 })
 * ```
 */
export async function createEnrollmentToken(options: CreateEnrollmentTokenOptions): Promise<EnrollmentToken> {
  checkOptionNames(
    options,
    ['store', 'name', 'uses', 'expiresIn', 'random', 'clock'],
    'createEnrollmentToken',
  )
  const { random = systemRandom } = options
  if (typeof random !== 'function') throw new TypeError('option "random" must be a function')
  const bytes = random(new Uint8Array(OCTETS))
  if (!(bytes instanceof Uint8Array) || bytes.length !== OCTETS)
    throw new TypeError(`option "random" must answer the ${OCTETS} bytes that it is given, filled`)
  if (bytes.every((byte) => byte === bytes[0]))
    throw new TypeError('option "random" answered the same byte over and over, which is no secret')
  const token = PREFIX + encodeBase64Url(bytes)
  return { token, ...(await store(token, options, readDuration(options.expiresIn ?? '1h', 'expiresIn'))) }
}

/**
 * Puts the hash of a secret into the store that exists already, such as Gloo's `relay-identity-token-secret`.
 *
 * Whoever reads such a secret can enroll as any cluster, as often as they like, unless `name` and `uses` say otherwise.
 *
 * @throws `MeshPkiError` `ERR_ENROLLMENT_TOKEN` for a secret that is too short, too regular, or that no header can
 * carry; and as {@link createEnrollmentToken}.
 *
 * @example
 * ```ts
 * import { importEnrollmentToken, type TokenStore } from 'mesh-pki/ca'
 *
 * declare const store: TokenStore, secret: { data: { token: string } }
 * await importEnrollmentToken({ store, token: atob(secret.data.token), expiresIn: 'never', uses: 'unlimited' })
 * ```
 */
export async function importEnrollmentToken(
  options: ImportEnrollmentTokenOptions,
): Promise<ImportedEnrollmentToken> {
  checkOptionNames(options, ['store', 'token', 'name', 'uses', 'expiresIn', 'clock'], 'importEnrollmentToken')
  const { expiresIn } = options
  const token = readToken(options.token)
  if (token.length < MIN_SHARED)
    throw tokenError(`it has ${token.length} characters; at least ${MIN_SHARED} are asked for`)
  if (new Set(token).size < MIN_DISTINCT)
    throw tokenError(`it has ${new Set(token).size} different characters, so that it can be guessed`)
  return store(token, options, expiresIn === 'never' ? undefined : readDuration(expiresIn, 'expiresIn'))
}

async function store(
  token: string,
  { store, name, uses, clock }: TokenTerms,
  lifetime: number | undefined,
): Promise<ImportedEnrollmentToken> {
  if (typeof store?.add !== 'function') throw new TypeError('option "store" must be a TokenStore')
  const bound = name === undefined ? undefined : readClusterName(name, 'name')
  const count = uses === 'unlimited' ? uses : readCount(uses ?? 1, 'uses', 1, MAX_USES)
  const now = currentTime(clock ?? systemClock)
  const expiresAt = lifetime === undefined ? undefined : new Date(now + lifetime)
  const hash = enrollmentTokenHash(token)
  const added = await store.add({
    hash,
    used: 0,
    leases: [],
    uses: count,
    ...(bound === undefined ? {} : { name: bound }),
    ...(expiresAt === undefined ? {} : { expiresAt: new Date(expiresAt) }),
  })
  if (added !== true)
    throw tokenError(
      `the store has one of the hash ${tokenId(hash)}… already, or did not say that it was added; remove that one to change its terms`,
    )
  return { id: tokenId(hash), hash, name: bound, expiresAt, uses: count }
}

/** What a store knows a token by: SHA-256, lower-case hex. */
export function enrollmentTokenHash(token: string): string {
  return toHex(sha256(new TextEncoder().encode(readToken(token))))
}

/** What events and messages call a token. */
export const tokenId = (hash: string): string => hash.slice(0, 8)

/** Compares two hashes in hex in a time that depends on nothing in them. */
export function equalHashes(a: string, b: string): boolean {
  let difference = a.length ^ b.length
  for (let i = 0; i < 64; i++) difference |= a.charCodeAt(i) ^ b.charCodeAt(i)
  return difference === 0 && a.length === 64
}

/** A token that a header can carry. @throws `MeshPkiError` `ERR_ENROLLMENT_TOKEN`, without showing it. */
export function readToken(token: unknown): string {
  if (typeof token !== 'string' || token === '')
    throw new TypeError(
      `option "token" must be the token as text; got ${token === '' ? 'none' : typeName(token)}`,
    )
  if (token.length > MAX_TOKEN)
    throw tokenError(`it has ${token.length} characters; at most ${MAX_TOKEN} are sent`)
  if (BEARER.test(token)) return token
  throw tokenError(
    /^\s|\s$/.test(token)
      ? 'there is white space at its ends: a file that was written by "echo" ends in a line feed; trim it'
      : 'it has a character that no bearer token has (RFC 6750 §2.1): letters, digits and -._~+/ are allowed, = at the end',
  )
}

const tokenError = (problem: string): MeshPkiError =>
  new MeshPkiError('ERR_ENROLLMENT_TOKEN', `the enrollment token is not accepted: ${problem}`)
