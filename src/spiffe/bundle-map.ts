/**
 * The bundles of several trust domains, side by side.
 *
 * @module
 */

import { MeshPkiError } from '../errors.ts'
import { isJsonObject, type JsonValue } from '../internal/json.ts'
import { checkOptionNames, readCount } from '../internal/options.ts'
import { quote } from '../internal/text.ts'
import type { SkippedElement } from './bundle-key.ts'
import {
  type BundleLimits,
  type CheckedLimits,
  readBundle,
  readDocument,
  readLimits,
  readRefreshHint,
  readSequence,
} from './bundle-reader.ts'
import type { BundleSource } from './bundle-source.ts'
import { writeBundle } from './bundle-writer.ts'
import { readRefreshHintOption, readSequenceOption, SpiffeBundle } from './spiffe-bundle.ts'
import { TrustDomain, toTrustDomain } from './spiffe-id.ts'

/** Bounds of {@link BundleMap.fromJson}. */
export interface BundleMapLimits extends BundleLimits {
  /** Trust domains. Default 10,000. */
  readonly trustDomains?: number | undefined
}

/** What a map to be made says about itself. */
export interface BundleMapHeader {
  /** Goes up with every change. */
  readonly sequence?: bigint | number | undefined
  /** How often to look for a newer one: `'5m'`. */
  readonly refreshHint?: string | undefined
}

/** What a map says about itself. */
interface MapHeader {
  readonly sequence: bigint | undefined
  readonly refreshHint: number | undefined
  readonly skipped: readonly SkippedElement[]
}

/** A document with many bundles may be larger than one of them. */
const MAX_MAP_BYTES = 16 * 1024 * 1024

const CHECKED: unique symbol = Symbol('checked')

/**
 * A SPIFFE bundle map: one bundle for each trust domain (SPIFFE Trust Domain and Bundle §5).
 *
 * It is a value and the whole state of the world: replace it, do not patch it. The bundles in it are never
 * merged, and an SVID is judged by that of its own trust domain alone.
 *
 * @example
 * ```ts
 * import { BundleMap, SpiffeBundle, verifySvid } from 'mesh-pki/spiffe'
 *
 * declare const ours: SpiffeBundle, partnersJson: string, chain: Uint8Array[]
 * const bundles = BundleMap.of([ours, SpiffeBundle.fromJson('partner.example', partnersJson)])
 * const svid = await verifySvid(chain, { bundles })
 * ```
 */
export class BundleMap implements BundleSource {
  readonly #bundles: ReadonlyMap<string, SpiffeBundle>
  readonly #header: MapHeader

  private constructor(bundles: ReadonlyMap<string, SpiffeBundle>, header: MapHeader, proof: typeof CHECKED) {
    if (proof !== CHECKED) throw new TypeError('use BundleMap.of or BundleMap.fromJson')
    this.#bundles = bundles
    this.#header = header
    Object.freeze(this)
  }

  /**
   * Puts bundles side by side.
   *
   * @throws `MeshPkiError` `ERR_SPIFFE_BUNDLE_MAP` for two of one trust domain; `TypeError`, `RangeError`.
   */
  static of(bundles: Iterable<SpiffeBundle>, header: BundleMapHeader = {}): BundleMap {
    checkOptionNames(header, ['sequence', 'refreshHint'], 'BundleMap.of')
    const { sequence, refreshHint } = header
    const map = new Map<string, SpiffeBundle>()
    for (const bundle of bundles) {
      if (!(bundle instanceof SpiffeBundle)) throw new TypeError('BundleMap.of takes SpiffeBundle values')
      const { name } = bundle.trustDomain
      if (map.has(name))
        throw refuse(
          `two bundles of the trust domain ${quote(name)}; which one holds? Bundles are not merged (SPIFFE Federation §4.2)`,
        )
      map.set(name, bundle)
    }
    return new BundleMap(
      map,
      {
        sequence: sequence === undefined ? undefined : readSequenceOption(sequence),
        refreshHint: refreshHint === undefined ? undefined : readRefreshHintOption(refreshHint),
        skipped: [],
      },
      CHECKED,
    )
  }

  /**
   * Reads a bundle map document: `{ "trust_domains": { "<name>": <bundle>, … } }`.
   *
   * One bundle that cannot be read refuses the whole map, so that the last good one stays (§B.1); elements
   * within a bundle are passed over as in `SpiffeBundle.fromJson`.
   *
   * @throws `MeshPkiError` `ERR_JSON_…`, `ERR_SPIFFE_BUNDLE_MAP`, `ERR_SPIFFE_BUNDLE_LIMIT`.
   */
  static fromJson(
    document: string | Uint8Array,
    options: { readonly limits?: BundleMapLimits | undefined } = {},
  ): BundleMap {
    checkOptionNames(options, ['limits'], 'BundleMap.fromJson')
    const { trustDomains: most = 10_000, ...rest } = options.limits ?? {}
    const trustDomains = readCount(most, 'limits.trustDomains', 0, 10_000_000)
    const limits = readLimits(rest, MAX_MAP_BYTES)
    const root = readDocument(document, 'bundle map', limits.bytes)
    const domains = isJsonObject(root) ? root.get('trust_domains') : undefined
    if (!isJsonObject(root) || !isJsonObject(domains))
      throw refuse(
        'bundle map: expected an object with an object "trust_domains" (SPIFFE Trust Domain and Bundle §5.1.1)',
      )
    if (domains.size > trustDomains)
      throw new MeshPkiError(
        'ERR_SPIFFE_BUNDLE_LIMIT',
        `bundle map: ${domains.size} trust domains, at most ${trustDomains} are read; raise limits.trustDomains if that is meant`,
      )
    const skipped: SkippedElement[] = []
    const refreshHint = readRefreshHint(root, skipped)
    const bundles = [...domains].map(([name, bundle]) => readEntry(name, bundle, limits))
    const header = { sequence: readSequence(root, 'bundle map'), refreshHint, skipped }
    return new BundleMap(new Map(bundles.map((one) => [one.trustDomain.name, one])), header, CHECKED)
  }

  /** How many trust domains it has. */
  get size(): number {
    return this.#bundles.size
  }

  /** Its trust domains, sorted. */
  get trustDomains(): readonly TrustDomain[] {
    return [...this.#bundles.values()].map((bundle) => bundle.trustDomain).sort(TrustDomain.compare)
  }

  /** `spiffe_sequence` of the map itself. */
  get sequence(): bigint | undefined {
    return this.#header.sequence
  }

  /** `spiffe_refresh_hint` of the map itself, in seconds. Hints of its bundles do not count for it. */
  get refreshHint(): number | undefined {
    return this.#header.refreshHint
  }

  /** What was passed over in the map itself; each bundle has a list of its own. */
  get skipped(): readonly SkippedElement[] {
    return [...this.#header.skipped]
  }

  /** The bundle of a trust domain. */
  bundleFor(trustDomain: TrustDomain | string): SpiffeBundle | undefined {
    return this.#bundles.get(toTrustDomain(trustDomain).name)
  }

  /** A map with this bundle in place of the one of its trust domain, and the next sequence if it has one. */
  with(bundle: SpiffeBundle): BundleMap {
    if (!(bundle instanceof SpiffeBundle)) throw new TypeError('BundleMap.with takes a SpiffeBundle')
    return new BundleMap(
      new Map([...this.#bundles, [bundle.trustDomain.name, bundle]]),
      this.#nextHeader(),
      CHECKED,
    )
  }

  /** A map without the bundle of a trust domain: nothing of it is trusted any longer. And the next sequence. */
  without(trustDomain: TrustDomain | string): BundleMap {
    const bundles = new Map(this.#bundles)
    bundles.delete(toTrustDomain(trustDomain).name)
    return new BundleMap(bundles, this.#nextHeader(), CHECKED)
  }

  /** A sequence must change with the contents (§4.1.1). */
  #nextHeader(): MapHeader {
    const { sequence } = this.#header
    return sequence === undefined ? this.#header : { ...this.#header, sequence: sequence + 1n }
  }

  /** Every bundle, by trust domain. */
  *[Symbol.iterator](): IterableIterator<SpiffeBundle> {
    for (const { name } of this.trustDomains) {
      const bundle = this.#bundles.get(name)
      if (bundle !== undefined) yield bundle
    }
  }

  /** What it is, in words. */
  toString(): string {
    return `BundleMap(${this.trustDomains.map(String).join(', ')})`
  }

  /** The document, JSON with a final line end. Hints of its bundles are left out, as producers should (§5.1.1). */
  toJson(): string {
    const { sequence, refreshHint } = this.#header
    const entries = [...this].map((bundle) => {
      const contents = { ...SpiffeBundle.contentsOf(bundle), refreshHint: undefined }
      return `    ${JSON.stringify(bundle.trustDomain.name)}: ${writeBundle(contents, '    ')}`
    })
    const members = [
      ...(sequence === undefined ? [] : [`  "spiffe_sequence": ${sequence}`]),
      ...(refreshHint === undefined ? [] : [`  "spiffe_refresh_hint": ${refreshHint}`]),
      `  "trust_domains": ${entries.length === 0 ? '{}' : `{\n${entries.join(',\n')}\n  }`}`,
    ]
    return `{\n${members.join(',\n')}\n}\n`
  }
}

function readEntry(name: string, document: JsonValue, limits: CheckedLimits): SpiffeBundle {
  try {
    const trustDomain = TrustDomain.parse(name)
    return SpiffeBundle.fromContents(trustDomain, readBundle(document, `bundle of ${quote(name)}`, limits))
  } catch (cause) {
    if (!(cause instanceof MeshPkiError) || cause.code === 'ERR_SPIFFE_BUNDLE_LIMIT') throw cause
    throw refuse(
      `bundle map: ${cause.message}; the whole map is refused, keep the one before (SPIFFE Trust Domain and Bundle §B.1)`,
      cause,
    )
  }
}

function refuse(message: string, cause?: unknown): MeshPkiError {
  return new MeshPkiError('ERR_SPIFFE_BUNDLE_MAP', message, { cause })
}
