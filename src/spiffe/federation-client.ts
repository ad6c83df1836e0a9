/**
 * Keeps the bundles of foreign trust domains current (SPIFFE Federation §5, §6).
 *
 * @module
 */

import { MeshPkiError } from '../errors.ts'
import { type AbortSignalLike, orAborted, readSignal } from '../internal/abort.ts'
import { type Clock, readClock } from '../internal/clock.ts'
import { checkOptionNames, readFunction } from '../internal/options.ts'
import { shareSignal } from '../internal/share-signal.ts'
import { tell } from '../internal/tell.ts'
import { quote } from '../internal/text.ts'
import type { EndpointDialer, FetchLike } from './bundle-endpoint.ts'
import { fetchBundle } from './bundle-fetch.ts'
import { type BundleLimits, type CheckedLimits, readLimits } from './bundle-reader.ts'
import type { BundleSource } from './bundle-source.ts'
import type { FederationEvent, FederationStatus } from './federation-event.ts'
import {
  type CheckedRelationship,
  type FederationRelationship,
  readRelationship,
  refuse,
} from './federation-relationship.ts'
import { type BundleUpdate, LiveBundles } from './live-bundles.ts'
import { type PollBounds, type PollOptions, pollDelay, readPollBounds } from './poll-schedule.ts'
import { RelationshipPoller } from './relationship-poller.ts'
import type { SpiffeBundle } from './spiffe-bundle.ts'
import { type TrustDomain, toTrustDomain } from './spiffe-id.ts'
import { readStored, type StoredBundle } from './stored-bundle.ts'

/** Options of {@link FederationClient}. */
export interface FederationClientOptions extends PollOptions {
  readonly relationships?: readonly FederationRelationship[] | undefined
  /** What an earlier client knew ({@link FederationClient.snapshot}). */
  readonly initial?: readonly StoredBundle[] | undefined
  /** For `https_web`. Default: the runtime's, which trusts public CAs. */
  readonly fetch?: FetchLike | undefined
  /** For `https_spiffe`: `spiffeDialer()` of `mesh-pki/node`. */
  readonly dial?: EndpointDialer | undefined
  readonly clock?: Clock | undefined
  /** Name of this client, such as its cluster's: clients of different names poll at different times. Default `''`. */
  readonly name?: string | undefined
  readonly limits?: BundleLimits | undefined
  /** Told of everything that happens. What it throws is ignored: an observer must not end federation. */
  readonly onEvent?: ((event: FederationEvent) => void) | undefined
}

const OPTION_NAMES = [
  'relationships',
  'staleAfter',
  'initial',
  'fetch',
  'dial',
  'clock',
  'timeout',
  'defaultInterval',
  'minInterval',
  'maxInterval',
  'name',
  'limits',
  'onEvent',
]

/**
 * Fetches the bundles of foreign trust domains, keeps the last good one of each, and is a source for
 * `verifySvid`.
 *
 * A poll that fails changes nothing and is not repeated before its time (§6.2). A bundle counts for its own
 * trust domain, until a newer one, {@link remove}, or `staleAfter`. An older sequence is refused; `keys: []`
 * is taken for what it is: everything is revoked. It starts nothing by itself: call {@link run}.
 *
 * @example
 * ```ts
 * import { FederationClient, verifySvid } from 'mesh-pki/spiffe'
 *
 * declare const chain: Uint8Array[], signal: AbortSignal
 * const federation = new FederationClient({
 *   relationships: [
 *     { trustDomain: 'partner.example', url: 'https://partner.example/bundle.json', profile: 'https_web' },
 *   ],
 *   staleAfter: '24h',
 *   onEvent: (event) => console.log(event.type, String(event.trustDomain)),
 * })
 * const running = federation.run({ signal })
 * await federation.refresh('partner.example') // the first bundle, before anybody is judged
 * const svid = await verifySvid(chain, { bundles: federation })
 * await running
 * ```
 */
export class FederationClient implements BundleSource {
  readonly #options: FederationClientOptions
  readonly #clock: Clock
  readonly #live: LiveBundles
  readonly #bounds: PollBounds
  readonly #limits: CheckedLimits
  readonly #pollers = new Map<string, RelationshipPoller>()
  /** Bundles that are too old, and were told to be. */
  readonly #toldStale = new WeakSet<SpiffeBundle>()
  /** Runs under way: a relationship that is added meanwhile joins them. */
  readonly #runs = new Set<(poller: RelationshipPoller) => void>()

  /**
   * @throws `MeshPkiError` `ERR_FEDERATION_CONFIG`, `ERR_FEDERATION_URL`, `ERR_SPIFFE_ID`,
   * `ERR_SPIFFE_TRUST_DOMAIN`; `TypeError`, `RangeError`.
   */
  constructor(options: FederationClientOptions) {
    checkOptionNames(options, OPTION_NAMES, 'FederationClient')
    const { name, fetch, dial, onEvent } = options
    if (name !== undefined && typeof name !== 'string') throw new TypeError('option "name" must be a string')
    readFunction(fetch, 'fetch')
    readFunction(dial, 'dial')
    readFunction(onEvent, 'onEvent')
    this.#options = { ...options }
    this.#clock = readClock(options.clock)
    this.#live = new LiveBundles({ staleAfter: options.staleAfter, clock: this.#clock })
    this.#limits = readLimits(options.limits)
    this.#bounds = readPollBounds(options)
    const relationships = (options.relationships ?? []).map(readRelationship)
    const names = new Set(relationships.map(({ trustDomain }) => trustDomain.name))
    // Of others nothing is kept: should they be added, their lifecycle begins anew (§6.3).
    for (const { bundle, confirmed, highest } of readStored(options.initial)) {
      const { name: domain } = bundle.trustDomain
      if (!names.has(domain)) continue
      this.#live.set(bundle, confirmed)
      if (highest !== undefined) LiveBundles.raise(this.#live, domain, highest)
    }
    // Endpoints of one relationship may be authenticated by another, whichever comes first.
    for (const relationship of relationships) this.#follow(relationship)
    for (const relationship of relationships) this.#checkEndpoint(relationship)
  }

  /**
   * The last good bundle of a trust domain that is federated with; `undefined` for others and before the first.
   *
   * @throws `MeshPkiError` `ERR_SPIFFE_BUNDLE_STALE`.
   */
  bundleFor(trustDomain: TrustDomain | string): SpiffeBundle | undefined {
    const { name } = toTrustDomain(trustDomain)
    return this.#pollers.has(name) ? this.#live.bundleFor(name) : undefined
  }

  /** The trust domains that are federated with. */
  get trustDomains(): readonly TrustDomain[] {
    return [...this.#pollers.values()].map(({ relationship }) => relationship.trustDomain)
  }

  /** How it stands with a trust domain; `undefined` where there is no relationship. */
  status(trustDomain: TrustDomain | string): FederationStatus | undefined {
    const poller = this.#pollers.get(toTrustDomain(trustDomain).name)
    if (poller === undefined) return undefined
    const { relationship, lastAttempt, lastSuccess, lastError, nextPoll } = poller
    const confirmed = this.#live.confirmedAt(relationship.trustDomain)
    return {
      trustDomain: relationship.trustDomain,
      url: relationship.url,
      profile: relationship.profile,
      bundle: this.#live.latest(relationship.trustDomain),
      lastAttempt,
      lastSuccess,
      confirmedAt: confirmed,
      lastError,
      nextPoll,
      staleAt: this.#staleAt(relationship.trustDomain),
    }
  }

  /**
   * Every bundle with when it was last current, to be passed as `initial` after a restart (§4.2).
   * `writeStoredBundles` makes it text.
   */
  snapshot(): readonly StoredBundle[] {
    return this.#live.trustDomains.flatMap((trustDomain) => {
      const bundle = this.#live.latest(trustDomain)
      const confirmed = this.#live.confirmedAt(trustDomain)
      if (bundle === undefined || confirmed === undefined) return []
      const highest = LiveBundles.highestOf(this.#live, trustDomain.name)
      return [highest === bundle.sequence ? { bundle, confirmed } : { bundle, confirmed, highest }]
    })
  }

  /** Begins a relationship (§6.1). A run under way polls it at once. @throws as the constructor. */
  add(relationship: FederationRelationship): void {
    const checked = readRelationship(relationship)
    this.#checkEndpoint(checked)
    const poller = this.#follow(checked)
    for (const join of this.#runs) join(poller)
  }

  /**
   * Ends a relationship (§6.3): its bundle is deleted, nothing of the trust domain is trusted any longer, and what
   * is under way comes to nothing. Whether there was one.
   */
  remove(trustDomain: TrustDomain | string): boolean {
    const domain = toTrustDomain(trustDomain)
    const poller = this.#pollers.get(domain.name)
    if (poller === undefined) return false
    this.#pollers.delete(domain.name)
    this.#live.delete(domain)
    poller.end(refuse(`the relationship with ${quote(domain.name)} has ended`))
    this.#tell({ type: 'removed', trustDomain: domain })
    return true
  }

  /**
   * Polls one trust domain now, once. Callers at the same time share one poll.
   *
   * @throws `MeshPkiError` `ERR_FEDERATION_…`; the held bundle stays.
   */
  async refresh(trustDomain: TrustDomain | string): Promise<BundleUpdate> {
    const { name } = toTrustDomain(trustDomain)
    const poller = this.#pollers.get(name)
    if (poller === undefined) throw refuse(`there is no relationship with ${quote(name)}`)
    return poller.poll()
  }

  /**
   * Polls every trust domain when it is due, until the signal aborts; then it resolves, and a poll under way is
   * given up. Failures of polls are events; it rejects only where the clock fails. One run is enough: others join its
   * polls.
   */
  async run({ signal }: { readonly signal: AbortSignalLike }): Promise<void> {
    const outer = readSignal(signal)
    if (outer === undefined) throw new TypeError('run needs the option "signal", which ends it')
    if (outer.aborted) return
    const shared = shareSignal(outer)
    const loops = new Set<Promise<void>>()
    let failure: { readonly error: unknown } | undefined
    const join = (poller: RelationshipPoller): void => {
      const loop = poller
        .pollUntil(shared.signal)
        .catch((error: unknown) => {
          failure ??= { error }
          shared.stop(error)
        })
        .finally(() => loops.delete(loop))
      loops.add(loop)
    }
    this.#runs.add(join)
    for (const poller of this.#pollers.values()) join(poller)
    try {
      await orAborted(new Promise<never>(() => {}), shared.signal).catch(() => {})
      await Promise.all(loops)
    } finally {
      this.#runs.delete(join)
      shared.release()
    }
    if (failure !== undefined) throw failure.error
  }

  #follow(relationship: CheckedRelationship): RelationshipPoller {
    const { trustDomain, profile, bootstrap } = relationship
    if (this.#pollers.has(trustDomain.name))
      throw refuse(
        `there are two relationships with ${quote(trustDomain.name)}; bundles are not merged, so one endpoint must be chosen`,
      )
    if (profile === 'https_spiffe' && this.#options.dial === undefined)
      throw refuse('https_spiffe needs the option "dial", such as spiffeDialer() of mesh-pki/node')
    if (bootstrap !== undefined && this.#isBetter(bootstrap)) this.#live.set(bootstrap)
    const poller = new RelationshipPoller(relationship, this.#clock, {
      fetch: (signal, succeeded) => this.#fetch(relationship, signal, succeeded),
      delay: () => this.#delayOf(relationship),
      failed: (error) => this.#tellFailure(trustDomain, error),
    })
    this.#pollers.set(trustDomain.name, poller)
    return poller
  }

  /**
   * Whether a bootstrap bundle comes in: where nothing is held, or where its sequence says that it is newer. One
   * that may be older would bring back what was withdrawn, and make it young again at every restart.
   */
  #isBetter({ trustDomain, sequence }: SpiffeBundle): boolean {
    const held = this.#live.latest(trustDomain)
    if (held === undefined) return true
    return sequence !== undefined && held.sequence !== undefined && sequence > held.sequence
  }

  /** §5.2.2.2: without a bundle that can authenticate the server, no poll can ever succeed. */
  #checkEndpoint(relationship: CheckedRelationship): void {
    const seen = new Set<string>()
    let at: CheckedRelationship | undefined = relationship
    while (at !== undefined) at = this.#authenticatorOf(at, seen)
  }

  /** The relationship whose bundle authenticates the server of another; `undefined` where nothing more is needed. */
  #authenticatorOf(
    { trustDomain, endpoint, bootstrap }: CheckedRelationship,
    seen: Set<string>,
  ): CheckedRelationship | undefined {
    const who = `the relationship with ${quote(trustDomain.name)}`
    if (endpoint === undefined || endpoint.bundles !== undefined) return undefined
    if (endpoint.isSelfServing) {
      if (bootstrap !== undefined || this.#live.latest(trustDomain) !== undefined) return undefined
      throw refuse(
        `${who} is self-serving and needs a bootstrap bundle, obtained by another way (SPIFFE Federation §5.2.2.2)`,
      )
    }
    const { name } = endpoint.id.trustDomain
    if (this.#live.latest(name) !== undefined) return undefined
    const poller = this.#pollers.get(name)
    if (poller === undefined || seen.has(name))
      throw refuse(
        `${who}: its server is of the trust domain ${quote(name)}; pass endpointBundles for that, or federate with it by another way than through each other (SPIFFE Federation §5.2.2.2)`,
      )
    seen.add(name)
    return poller.relationship
  }

  #delayOf({ trustDomain, url }: CheckedRelationship): number {
    const hint = this.#live.latest(trustDomain)?.refreshHint
    return pollDelay(hint, this.#bounds, [this.#options.name ?? '', trustDomain.name, url].join('\n'))
  }

  async #fetch(
    relationship: CheckedRelationship,
    signal: AbortSignal,
    succeeded: () => void,
  ): Promise<BundleUpdate> {
    const { trustDomain, endpoint } = relationship
    const bundle = await fetchBundle({
      relationship,
      endpointBundles: endpoint?.bundles ?? {
        // Also one that is too old for workloads may bring its successor: nothing else can.
        bundleFor: (asked) => (asked.equals(trustDomain) ? this.#live.latest(asked) : this.bundleFor(asked)),
      },
      signal,
      clock: this.#clock,
      timeoutMs: this.#bounds.timeoutMs,
      limits: this.#limits,
      fetch: this.#options.fetch,
      dial: this.#options.dial,
    })
    // Between here and where it is put in nothing is waited for: an end cannot come between.
    if (signal.aborted) throw signal.reason
    const before = this.#live.latest(trustDomain)
    const update = this.#store(bundle)
    succeeded()
    this.#tell({ type: 'fetched', trustDomain, update, bundle })
    if (bundle.isEmpty && before?.isEmpty !== true && !signal.aborted)
      this.#tell({ type: 'emptied', trustDomain, bundle })
    return update
  }

  #store(bundle: SpiffeBundle): BundleUpdate {
    try {
      return this.#live.set(bundle)
    } catch (cause) {
      if (!(cause instanceof MeshPkiError)) throw cause
      const { expected, found } = cause.data
      throw new MeshPkiError(
        'ERR_FEDERATION_SEQUENCE',
        `the endpoint of ${quote(bundle.trustDomain.name)} answered sequence ${found}, older than ${expected}, which is held and stays (SPIFFE Federation §4.2). Was the publisher restored from a backup? Then let it publish a higher sequence; or remove the relationship and add it again`,
        { data: cause.data, cause },
      )
    }
  }

  #tellFailure(trustDomain: TrustDomain, error: MeshPkiError): void {
    const held = this.#live.latest(trustDomain)
    const staleAt = this.#staleAt(trustDomain)
    this.#tell({ type: 'failed', trustDomain, error, held, staleAt })
    const isStale = staleAt !== undefined && this.#clock.now() > staleAt
    if (held === undefined || !isStale || this.#toldStale.has(held)) return
    this.#toldStale.add(held)
    this.#tell({ type: 'stale', trustDomain, held })
  }

  #staleAt(trustDomain: TrustDomain): Date | undefined {
    const confirmed = this.#live.confirmedAt(trustDomain)
    return confirmed === undefined || this.#bounds.staleAfterMs === Number.POSITIVE_INFINITY
      ? undefined
      : new Date(confirmed.getTime() + this.#bounds.staleAfterMs)
  }

  #tell(event: FederationEvent): void {
    tell(this.#options.onEvent, event)
  }
}
