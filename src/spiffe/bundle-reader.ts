/**
 * SPIFFE bundles from JSON (SPIFFE Trust Domain and Bundle §4): strict about the document, tolerant about its
 * elements, and never silent about what it passed over.
 *
 * @module
 */

import { MeshPkiError } from '../errors.ts'
import { isJsonArray, isJsonObject, type JsonObject, type JsonValue, readJson } from '../internal/json.ts'
import { checkOptionNames, readCount } from '../internal/options.ts'
import { quote } from '../internal/text.ts'
import type { Certificate } from '../x509/certificate.ts'
import { type JwtAuthority, readBundleKey, type SkippedElement } from './bundle-key.ts'

/** Bounds of what is read. What exceeds them is refused whole, with `ERR_SPIFFE_BUNDLE_LIMIT`. */
export interface BundleLimits {
  /** Octets of the document; characters of a text. Default 1 MiB, the most that a ConfigMap can hold. */
  readonly bytes?: number | undefined
  /** Elements of `keys` of one bundle. Default 1024. */
  readonly keys?: number | undefined
}

/** Why a document is no bundle: `data.reason` of `ERR_SPIFFE_BUNDLE`. */
export type BundleRefusal = 'keys-missing' | 'not-an-object' | 'sequence'

/** What a bundle consists of. */
export interface BundleContents {
  readonly x509Authorities: readonly Certificate[]
  readonly jwtAuthorities: readonly JwtAuthority[]
  readonly sequence: bigint | undefined
  /** Seconds. */
  readonly refreshHint: number | undefined
  readonly skipped: readonly SkippedElement[]
}

/** Limits after checking. */
export interface CheckedLimits {
  readonly bytes: number
  readonly keys: number
}

const DEFAULT_LIMITS = { bytes: 1024 * 1024, keys: 1024 }

/** Above it numbers are not exact, and three hundred million years are never. */
const MAX_REFRESH_HINT = BigInt(Number.MAX_SAFE_INTEGER)

/** Limits with defaults. @throws `TypeError`, `RangeError`. */
export function readLimits(limits: BundleLimits = {}, bytes: number = DEFAULT_LIMITS.bytes): CheckedLimits {
  checkOptionNames(limits, ['bytes', 'keys'], 'option "limits"')
  return {
    bytes: readCount(limits.bytes ?? bytes, 'limits.bytes', 1, 2 ** 30),
    keys: readCount(limits.keys ?? DEFAULT_LIMITS.keys, 'limits.keys', 1, 1_000_000),
  }
}

/** Reads a text or UTF-8 of bounded size as JSON. @throws `MeshPkiError` `ERR_JSON_…`, `ERR_SPIFFE_BUNDLE_LIMIT`. */
export function readDocument(input: string | Uint8Array, what: string, bytes: number): JsonValue {
  if (typeof input !== 'string' && !(input instanceof Uint8Array))
    throw new TypeError(
      `${what} must be JSON as a string or a Uint8Array; got ${input === null ? 'null' : typeof input}`,
    )
  if (input.length > bytes)
    throw new MeshPkiError(
      'ERR_SPIFFE_BUNDLE_LIMIT',
      `${what} has ${input.length} bytes, at most ${bytes} are read; raise limits.bytes if it is meant to be so large`,
      { data: { expected: bytes, found: input.length } },
    )
  try {
    return readJson(input)
  } catch (error) {
    if (!(error instanceof MeshPkiError)) throw error
    throw new MeshPkiError(error.code, `${what}: ${error.message}`, { data: error.data, cause: error })
  }
}

/** Reads the members of a bundle. `what` names it in messages. */
export function readBundle(
  document: JsonValue,
  what: string,
  limits: Pick<CheckedLimits, 'keys'>,
): BundleContents {
  if (!isJsonObject(document))
    throw refuse('not-an-object', `${what}: expected a JSON object, a JWK Set (RFC 7517 §5)`)
  const keys = document.get('keys')
  if (!isJsonArray(keys))
    throw refuse(
      'keys-missing',
      `${what}: expected an array "keys", found ${keys === undefined ? 'none' : keys === null ? 'null' : typeof keys}; an empty one would revoke everything, so none is not taken for that (SPIFFE Trust Domain and Bundle §4.1.3)`,
    )
  if (keys.length > limits.keys)
    throw new MeshPkiError(
      'ERR_SPIFFE_BUNDLE_LIMIT',
      `${what}: ${keys.length} elements in "keys", at most ${limits.keys} are read; raise limits.keys if that is meant`,
      { data: { expected: limits.keys, found: keys.length } },
    )
  const sequence = readSequence(document, what)
  const skipped: SkippedElement[] = []
  const refreshHint = readRefreshHint(document, skipped)
  return { ...readKeys(keys, skipped), sequence, refreshHint, skipped }
}

/** `spiffe_sequence` decides what is newer, so one that is not understood must not be passed over. */
export function readSequence(document: JsonObject, what: string): bigint | undefined {
  const sequence = document.get('spiffe_sequence')
  if (sequence === undefined) return undefined
  if (typeof sequence === 'bigint' && sequence >= 0n) return sequence
  const found = typeof sequence === 'bigint' ? String(sequence) : shown(sequence)
  throw refuse(
    'sequence',
    `${what}: "spiffe_sequence" must be a whole number that is not negative, written without fraction or exponent; found ${found} (SPIFFE Trust Domain and Bundle §4.1.1)`,
  )
}

/** `spiffe_refresh_hint` is advice: one that is no advice counts as none, and the list says so. */
export function readRefreshHint(document: JsonObject, skipped: SkippedElement[]): number | undefined {
  const hint = document.get('spiffe_refresh_hint')
  if (hint === undefined) return undefined
  if (typeof hint === 'bigint' && hint > 0n) return Number(hint < MAX_REFRESH_HINT ? hint : MAX_REFRESH_HINT)
  skipped.push({
    index: undefined,
    reason: 'refresh-hint',
    message: `"spiffe_refresh_hint" must be a whole number of seconds above 0, written without fraction or exponent; found ${typeof hint === 'bigint' ? String(hint) : shown(hint)} (SPIFFE Trust Domain and Bundle §4.1.2)`,
  })
  return undefined
}

function readKeys(
  keys: readonly JsonValue[],
  skipped: SkippedElement[],
): Pick<BundleContents, 'x509Authorities' | 'jwtAuthorities'> {
  const certificates = new Map<string, Certificate>()
  const jwtAuthorities = new Map<string, JwtAuthority>()
  for (const [index, element] of keys.entries()) {
    const skip = (reason: SkippedElement['reason'], message: string): void => {
      skipped.push({ index, reason, message: `keys[${index}]: ${message}` })
    }
    const key = readBundleKey(element)
    if ('reason' in key) skip(key.reason, key.message)
    else if (key.use === 'jwt-svid') {
      const { keyId } = key.authority
      if (jwtAuthorities.has(keyId))
        skip('kid-duplicate', `its "kid" ${quote(keyId, 64)} stands before; the first counts`)
      else jwtAuthorities.set(keyId, key.authority)
    } else {
      const fingerprint = key.certificate.fingerprint()
      if (certificates.has(fingerprint)) skip('duplicate', 'its certificate stands before')
      else certificates.set(fingerprint, key.certificate)
      if (key.ignored > 0)
        skip('x5c-extra', `"x5c" has ${key.ignored} more values, which count for nothing (X509-SVID §6.2)`)
    }
  }
  return { x509Authorities: [...certificates.values()], jwtAuthorities: [...jwtAuthorities.values()] }
}

function refuse(reason: BundleRefusal, message: string): MeshPkiError {
  return new MeshPkiError('ERR_SPIFFE_BUNDLE', message, { data: { reason } })
}

const shown = (value: JsonValue): string =>
  typeof value === 'string' ? quote(value, 64) : typeof value === 'number' ? String(value) : typeof value
