/**
 * Bundles written down, so that a restart does not begin with nothing (SPIFFE Federation §4.2).
 *
 * @module
 */

import { MeshPkiError } from '../errors.ts'
import { isJsonArray, isJsonObject, type JsonValue } from '../internal/json.ts'
import { typeName } from '../internal/options.ts'
import { quote } from '../internal/text.ts'
import { readDocument } from './bundle-reader.ts'
import { SpiffeBundle } from './spiffe-bundle.ts'
import { TrustDomain } from './spiffe-id.ts'

/** A bundle and when it was last known to be current. */
export interface StoredBundle {
  readonly bundle: SpiffeBundle
  readonly confirmed: Date
  /** The highest sequence that was seen, where the publisher has lost it since. */
  readonly highest?: bigint | undefined
}

/** The text is our own: a bound against a file that is another, and not against bundles that were let in. */
const MAX_BYTES = 256 * 1024 * 1024

/** As many digits as a bundle may have. */
const SEQUENCE = /^(0|[1-9][0-9]{0,63})$/

/** Whatever limits the bundles were read under, they come back. */
const LIMITS = { bytes: MAX_BYTES, keys: 1_000_000 }

/**
 * Writes a snapshot as JSON, for {@link readStoredBundles}.
 *
 * **Warning**: whoever can change the text decides who is trusted. Keep it like a configuration of trust.
 *
 * @example
 * ```ts
 * import { type FederationClient, readStoredBundles, writeStoredBundles } from 'mesh-pki/spiffe'
 *
 * declare const federation: FederationClient
 * const text = writeStoredBundles(federation.snapshot())
 * const initial = readStoredBundles(text)
 * ```
 */
export function writeStoredBundles(stored: readonly StoredBundle[]): string {
  const entries = readStored(stored).map(({ bundle, confirmed, highest }) => ({
    trustDomain: bundle.trustDomain.name,
    confirmed: confirmed.toISOString(),
    ...(highest === undefined ? {} : { highest: String(highest) }),
    bundle: bundle.toJson(),
  }))
  return `${JSON.stringify(entries, undefined, 2)}\n`
}

/**
 * Reads what {@link writeStoredBundles} wrote.
 *
 * @throws `MeshPkiError` `ERR_JSON_…`, `ERR_SPIFFE_BUNDLE…`, `ERR_SPIFFE_TRUST_DOMAIN` for anything else.
 */
export function readStoredBundles(text: string | Uint8Array): readonly StoredBundle[] {
  const entries = readDocument(text, 'stored bundles', MAX_BYTES)
  if (!isJsonArray(entries)) throw refuse('expected an array')
  const stored = entries.map(readEntry)
  const again = repeatedDomain(stored)
  if (again !== undefined) throw refuse(`there are two of ${quote(again)}`)
  return stored
}

function readEntry(entry: JsonValue, i: number): StoredBundle {
  const [trustDomain, confirmed, bundle, highest] = isJsonObject(entry)
    ? ['trustDomain', 'confirmed', 'bundle', 'highest'].map((name) => entry.get(name))
    : []
  if (typeof trustDomain !== 'string' || typeof confirmed !== 'string' || typeof bundle !== 'string')
    throw refuse(`[${i}] lacks trustDomain, confirmed or bundle`)
  const date = new Date(confirmed)
  // What Date makes of other texts would be a guess.
  if (Number.isNaN(date.getTime()) || date.toISOString() !== confirmed)
    throw refuse(`[${i}].confirmed is no instant as toISOString writes it`)
  if (highest !== undefined && (typeof highest !== 'string' || !SEQUENCE.test(highest)))
    throw refuse(`[${i}].highest is no sequence`)
  const domain = TrustDomain.parse(trustDomain)
  return {
    bundle: SpiffeBundle.fromJson(domain, bundle, { limits: LIMITS }),
    confirmed: date,
    ...(highest === undefined ? {} : { highest: BigInt(highest) }),
  }
}

/** The option "initial". A date that is none would never grow old. @throws `TypeError`. */
export function readStored(initial: readonly StoredBundle[] = []): readonly StoredBundle[] {
  if (!Array.isArray(initial))
    throw new TypeError(
      `stored bundles must be an array, such as snapshot() answers; got ${typeName(initial)}`,
    )
  for (const [i, stored] of initial.entries()) {
    if (!(stored?.bundle instanceof SpiffeBundle))
      throw new TypeError(
        `option "initial[${i}].bundle" must be a SpiffeBundle; readStoredBundles makes them of text`,
      )
    if (!(stored.confirmed instanceof Date) || Number.isNaN(stored.confirmed.getTime()))
      throw new TypeError(
        `option "initial[${i}].confirmed" must be a valid Date: when the bundle was last current`,
      )
    if (stored.highest !== undefined && typeof stored.highest !== 'bigint')
      throw new TypeError(`option "initial[${i}].highest" must be a bigint; got ${typeName(stored.highest)}`)
  }
  const again = repeatedDomain(initial)
  if (again !== undefined)
    throw new TypeError(`option "initial" has two bundles of ${quote(again)}; which one counts must be clear`)
  return initial
}

function repeatedDomain(stored: readonly StoredBundle[]): string | undefined {
  const seen = new Set<string>()
  for (const { bundle } of stored) {
    const { name } = bundle.trustDomain
    if (seen.has(name)) return name
    seen.add(name)
  }
  return undefined
}

function refuse(problem: string): MeshPkiError {
  return new MeshPkiError(
    'ERR_SPIFFE_BUNDLE',
    `stored bundles: ${problem}; was it written by writeStoredBundles?`,
  )
}
