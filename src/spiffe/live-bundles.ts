/**
 * Bundles that change while they are used.
 *
 * @module
 */

import { MeshPkiError } from '../errors.ts'
import { type Clock, readClock } from '../internal/clock.ts'
import { formatDuration, readDuration } from '../internal/duration.ts'
import { checkOptionNames } from '../internal/options.ts'
import { quote } from '../internal/text.ts'
import { BundleMap } from './bundle-map.ts'
import type { BundleSource } from './bundle-source.ts'
import { SpiffeBundle } from './spiffe-bundle.ts'
import { TrustDomain, toTrustDomain } from './spiffe-id.ts'

/** Options of {@link LiveBundles}. */
export interface LiveBundlesOptions {
  /**
   * How long a bundle counts after it was last confirmed: `'24h'`; or `'unlimited'`. There is no default:
   * after it, peers of the trust domain are refused; before it, a key that was withdrawn may still be trusted.
   */
  readonly staleAfter: string
  /** Bundles to begin with, as of now. */
  readonly initial?: Iterable<SpiffeBundle> | undefined
  readonly clock?: Clock | undefined
}

/** What an update did. `same-sequence` and `sequence-lost` are departures of the publisher that are let pass. */
export type BundleUpdate = 'added' | 'updated' | 'unchanged' | 'same-sequence' | 'sequence-lost'

interface Held {
  readonly bundle: SpiffeBundle
  /** The highest sequence seen, also when the publisher has lost it since. */
  readonly highest: bigint | undefined
  /** When it was last confirmed, in milliseconds of a clock that never went back. */
  readonly confirmed: number
}

/**
 * A source of bundles that are put in and taken out: from a file that is watched, a ConfigMap, a Workload API.
 * `FederationClient` keeps what it fetches in one.
 *
 * Each trust domain has its own bundle, the last one that was good, until a newer one, {@link delete}, or the
 * limit of its age, which a clock that goes back does not lower. A bundle with a lower sequence than the one held is
 * refused.
 *
 * @example
 * ```ts
 * import { LiveBundles, SpiffeBundle, verifySvid } from 'mesh-pki/spiffe'
 *
 * declare const rootsPem: string, chain: Uint8Array[]
 * const bundles = new LiveBundles({ staleAfter: 'unlimited' })
 * bundles.set(SpiffeBundle.fromPem('cluster.local', rootsPem))
 * const svid = await verifySvid(chain, { bundles })
 * ```
 */
export class LiveBundles implements BundleSource {
  readonly #held = new Map<string, Held>()
  /** The last time that the clock told, in milliseconds. */
  #seen = Number.NEGATIVE_INFINITY
  /** How far the clock has gone back in all, in milliseconds and not positive. */
  #shift = 0
  /** The highest of the maps that were taken for the state of the world. */
  #mapSequence: bigint | undefined
  readonly #staleAfterMs: number
  readonly #clock: Clock

  /** @throws `TypeError`, `RangeError` for options. */
  constructor(options: LiveBundlesOptions) {
    checkOptionNames(options, ['staleAfter', 'initial', 'clock'], 'LiveBundles')
    this.#clock = readClock(options.clock)
    this.#staleAfterMs = readStaleAfter(options.staleAfter)
    for (const bundle of options.initial ?? []) this.set(bundle)
  }

  /**
   * The bundle of a trust domain; `undefined` where none was put in.
   *
   * @throws `MeshPkiError` `ERR_SPIFFE_BUNDLE_STALE` where the last good one is older than `staleAfter`.
   */
  bundleFor(trustDomain: TrustDomain | string): SpiffeBundle | undefined {
    const { name } = toTrustDomain(trustDomain)
    const held = this.#held.get(name)
    if (held === undefined) return undefined
    const age = this.#now() - this.#shift - held.confirmed
    // Not ">": a clock that is broken must not keep a bundle alive.
    if (!(age <= this.#staleAfterMs))
      throw new MeshPkiError(
        'ERR_SPIFFE_BUNDLE_STALE',
        `the bundle of ${quote(name)} was last confirmed ${formatDuration(age)} ago, and counts for ${formatDuration(this.#staleAfterMs)}. Look at why it is not renewed; raise staleAfter only if withdrawn keys may be trusted for longer`,
        { data: { trustDomain: name, confirmed: new Date(held.confirmed + this.#shift).toISOString() } },
      )
    return held.bundle
  }

  /** The last good bundle, however old; to authenticate where a newer one comes from, and to look at. */
  latest(trustDomain: TrustDomain | string): SpiffeBundle | undefined {
    return this.#held.get(toTrustDomain(trustDomain).name)?.bundle
  }

  /** When the bundle of a trust domain was last confirmed. */
  confirmedAt(trustDomain: TrustDomain | string): Date | undefined {
    const held = this.#held.get(toTrustDomain(trustDomain).name)
    return held === undefined ? undefined : new Date(held.confirmed + this.#shift)
  }

  /** Its trust domains, sorted. */
  get trustDomains(): readonly TrustDomain[] {
    return [...this.#held.keys()].map((name) => TrustDomain.parse(name)).sort(TrustDomain.compare)
  }

  /**
   * Puts in the bundle of a trust domain; the same one again confirms it.
   *
   * The sequence orders (SPIFFE Federation §4.2). Without one on either side the last that came holds; so does
   * another bundle of the same sequence, which a publisher must not make (§4.1.1 of the bundle standard): it is
   * let pass, because refusing it would end in an outage, and the answer says so.
   *
   * @param confirmed when it was known to be current; now by default. Not later than now.
   * @throws `MeshPkiError` `ERR_SPIFFE_BUNDLE_SEQUENCE` for a lower sequence; the held bundle stays.
   */
  set(bundle: SpiffeBundle, confirmed: Date = this.#clock.now()): BundleUpdate {
    if (!(bundle instanceof SpiffeBundle)) throw new TypeError('LiveBundles.set takes a SpiffeBundle')
    const { name } = bundle.trustDomain
    const now = this.#now()
    if (Number.isNaN(now)) throw new TypeError('option "clock" must tell a valid Date')
    const time = Math.min(readTime(confirmed, 'confirmed'), now) - this.#shift
    const old = this.#held.get(name)
    const update = old === undefined ? 'added' : compareBundles(old, bundle)
    this.#held.set(name, { bundle, highest: bundle.sequence ?? old?.highest, confirmed: time })
    return update
  }

  /** @internal The highest sequence that was seen of a trust domain; the bundle may have lost it since. */
  static highestOf(live: LiveBundles, name: string): bigint | undefined {
    return live.#held.get(name)?.highest
  }

  /** @internal Remembers a higher sequence than that of the bundle: lower ones do not get in any longer. */
  static raise(live: LiveBundles, name: string, highest: bigint): void {
    const held = live.#held.get(name)
    if (held !== undefined && highest > (held.highest ?? -1n)) live.#held.set(name, { ...held, highest })
  }

  /** What time it is. Where the clock went back, whatever is held went with it: it is as old as it was. */
  #now(): number {
    const now = this.#clock.now().getTime()
    if (now < this.#seen) this.#shift += now - this.#seen
    if (!Number.isNaN(now)) this.#seen = now
    return now
  }

  /** Takes the bundle of a trust domain out: nothing of it is trusted any longer. Whether there was one. */
  delete(trustDomain: TrustDomain | string): boolean {
    return this.#held.delete(toTrustDomain(trustDomain).name)
  }

  /**
   * Takes a map for the state of the world: what is not in it is taken out (SPIFFE Workload API §4.3).
   *
   * A bundle that is older than the one held does not get in, and the one held stays; the others are not kept
   * waiting for it. The answer says for each trust domain of the map what became of its bundle.
   *
   * @throws `MeshPkiError` `ERR_SPIFFE_BUNDLE_SEQUENCE` for a map with a lower sequence than the last one: it
   * would bring back a trust domain that was taken out. Nothing changes then.
   */
  replaceAll(map: BundleMap): ReadonlyMap<string, BundleUpdate | MeshPkiError> {
    if (!(map instanceof BundleMap)) throw new TypeError('LiveBundles.replaceAll takes a BundleMap')
    const { sequence } = map
    if (sequence !== undefined && this.#mapSequence !== undefined && sequence < this.#mapSequence)
      throw new MeshPkiError(
        'ERR_SPIFFE_BUNDLE_SEQUENCE',
        `a map of bundles with sequence ${sequence} is older than the one before, ${this.#mapSequence}; what is held stays`,
        { data: { expected: String(this.#mapSequence), found: String(sequence) } },
      )
    this.#mapSequence = sequence ?? this.#mapSequence
    for (const name of this.#held.keys()) if (map.bundleFor(name) === undefined) this.#held.delete(name)
    const outcome = new Map<string, BundleUpdate | MeshPkiError>()
    for (const bundle of map) {
      try {
        outcome.set(bundle.trustDomain.name, this.set(bundle))
      } catch (error) {
        if (!(error instanceof MeshPkiError)) throw error
        outcome.set(bundle.trustDomain.name, error)
      }
    }
    return outcome
  }
}

/** Milliseconds of an instant. A date that is none would never grow old. */
function readTime(instant: Date, option: string): number {
  const time = instant instanceof Date ? instant.getTime() : Number.NaN
  if (Number.isNaN(time)) throw new TypeError(`option "${option}" must be a valid Date`)
  return time
}

function readStaleAfter(staleAfter: unknown): number {
  if (staleAfter === 'unlimited') return Number.POSITIVE_INFINITY
  if (staleAfter === undefined)
    throw new TypeError(
      "option \"staleAfter\" is required: how long a bundle counts without being confirmed, such as '24h', or 'unlimited'",
    )
  return readDuration(staleAfter, 'staleAfter')
}

function compareBundles({ bundle: old, highest }: Held, bundle: SpiffeBundle): BundleUpdate {
  const same = old.trustsSame(bundle)
  if (highest === undefined) return same ? 'unchanged' : 'updated'
  if (bundle.sequence === undefined) return old.sequence === undefined && same ? 'unchanged' : 'sequence-lost'
  if (bundle.sequence < highest)
    throw new MeshPkiError(
      'ERR_SPIFFE_BUNDLE_SEQUENCE',
      `a bundle of ${quote(old.trustDomain.name)} with sequence ${bundle.sequence} is older than the one held, ${highest}; that one stays (SPIFFE Federation §4.2). Was the publisher restored from a backup? Then let it publish a higher sequence; or begin anew here, without the bundle that is held`,
      { data: { expected: String(highest), found: String(bundle.sequence) } },
    )
  if (same) return 'unchanged'
  return bundle.sequence === highest ? 'same-sequence' : 'updated'
}
