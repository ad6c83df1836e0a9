/**
 * Keeps the bundles of foreign trust domains current (SPIFFE Federation §5, §6).
 *
 * @module
 */

import { MeshPkiError } from '../errors.ts'
import { type AbortSignalLike, orAborted, readSignal } from '../internal/abort.ts'
import { type Clock, readClock } from '../internal/clock.ts'
import { readDuration } from '../internal/duration.ts'
import { abortWith } from '../internal/linked-abort.ts'
import { checkOptionNames } from '../internal/options.ts'
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
import { type PollBounds, pollDelay } from './poll-schedule.ts'
import type { SpiffeBundle } from './spiffe-bundle.ts'
import { type TrustDomain, toTrustDomain } from './spiffe-id.ts'

/** A bundle and when it was last known to be current: what to write down, so that a restart begins with it. */
export interface StoredBundle {
  readonly bundle: SpiffeBundle
  readonly confirmed: Date
}

/** Options of {@link FederationClient}. */
export interface FederationClientOptions {
  readonly relationships?: readonly FederationRelationship[] | undefined
  /** How long a bundle counts that cannot be renewed: `'24h'`, or `'unlimited'`. Required, see `LiveBundles`. */
  readonly staleAfter: string
  /** What an earlier client knew ({@link FederationClient.snapshot}). */
  readonly initial?: readonly StoredBundle[] | undefined
  /** For `https_web`. Default: the runtime's, which trusts public CAs. */
  readonly fetch?: FetchLike | undefined
  /** For `https_spiffe`: `spiffeDialer()` of `mesh-pki/node`. */
  readonly dial?: EndpointDialer | undefined
  readonly clock?: Clock | undefined
  /** For one poll with its redirects. Default `'10s'`, as Istio. */
  readonly timeout?: string | undefined
  /** Between polls where the bundle has no hint. Default `'5m'` (SPIFFE Federation §4.1). */
  readonly defaultInterval?: string | undefined
  /** No hint makes polls more frequent than this. Default `'1m'`. */
  readonly minInterval?: string | undefined
  /** No hint makes polls rarer than this. Default `'1d'`: withdrawn keys must not live for a month. */
  readonly maxInterval?: string | undefined
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

/** What is known of one relationship. */
interface Followed {
  readonly relationship: CheckedRelationship
  /** Aborts when the relationship ends: what is under way then counts for nothing. */
  readonly ended: AbortController
  pending: Promise<BundleUpdate> | undefined
  lastAttempt: number | undefined
  nextPoll: number | undefined
  lastError: MeshPkiError | undefined
}

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
 * void federation.run({ signal })
 * const svid = await verifySvid(chain, { bundles: federation })
 * ```
 */
export class FederationClient implements BundleSource {
  readonly #options: FederationClientOptions
  readonly #clock: Clock
  readonly #live: LiveBundles
  readonly #bounds: PollBounds
  readonly #timeoutMs: number
  readonly #limits: CheckedLimits
  readonly #followed = new Map<string, Followed>()
  /** Runs under way: a relationship that is added meanwhile joins them. */
  readonly #runs = new Set<(followed: Followed) => void>()

  /** @throws `MeshPkiError` `ERR_FEDERATION_CONFIG`, `ERR_FEDERATION_URL`; `TypeError`, `RangeError`. */
  constructor(options: FederationClientOptions) {
    checkOptionNames(options, OPTION_NAMES, 'FederationClient')
    this.#options = { ...options }
    this.#clock = readClock(options.clock)
    this.#live = new LiveBundles({ staleAfter: options.staleAfter, clock: this.#clock })
    this.#timeoutMs = readDuration(options.timeout ?? '10s', 'timeout')
    this.#limits = readLimits(options.limits)
    this.#bounds = readBounds(options)
    for (const { bundle, confirmed } of options.initial ?? []) this.#live.set(bundle, confirmed)
    // Endpoints of one relationship may be authenticated by another, whichever comes first.
    const checked = (options.relationships ?? []).map(readRelationship)
    for (const relationship of checked) this.#follow(relationship)
    for (const relationship of checked) this.#checkEndpoint(relationship)
  }

  /**
   * The last good bundle of a trust domain that is federated with; `undefined` for others and before the first.
   *
   * @throws `MeshPkiError` `ERR_SPIFFE_BUNDLE_STALE`.
   */
  bundleFor(trustDomain: TrustDomain | string): SpiffeBundle | undefined {
    const { name } = toTrustDomain(trustDomain)
    return this.#followed.has(name) ? this.#live.bundleFor(name) : undefined
  }

  /** The trust domains that are federated with. */
  get trustDomains(): readonly TrustDomain[] {
    return [...this.#followed.values()].map(({ relationship }) => relationship.trustDomain)
  }

  /** How it stands with a trust domain; `undefined` where there is no relationship. */
  status(trustDomain: TrustDomain | string): FederationStatus | undefined {
    const followed = this.#followed.get(toTrustDomain(trustDomain).name)
    if (followed === undefined) return undefined
    const { relationship, lastAttempt, nextPoll, lastError } = followed
    const confirmed = this.#live.confirmedAt(relationship.trustDomain)
    const { staleAfterMs } = this.#bounds
    return {
      trustDomain: relationship.trustDomain,
      url: relationship.url,
      profile: relationship.profile,
      bundle: this.#live.latest(relationship.trustDomain),
      lastAttempt: asDate(lastAttempt),
      lastSuccess: confirmed,
      lastError,
      nextPoll: asDate(nextPoll),
      staleAt:
        confirmed === undefined || staleAfterMs === Number.POSITIVE_INFINITY
          ? undefined
          : new Date(confirmed.getTime() + staleAfterMs),
    }
  }

  /** Every bundle with when it was last current: store it, and pass it as `initial` after a restart (§4.2). */
  snapshot(): readonly StoredBundle[] {
    return this.#live.trustDomains.flatMap((trustDomain) => {
      const bundle = this.#live.latest(trustDomain)
      const confirmed = this.#live.confirmedAt(trustDomain)
      return bundle === undefined || confirmed === undefined ? [] : [{ bundle, confirmed }]
    })
  }

  /** Begins a relationship (§6.1). A run under way polls it at once. @throws as the constructor. */
  add(relationship: FederationRelationship): void {
    const checked = readRelationship(relationship)
    this.#checkEndpoint(checked)
    const followed = this.#follow(checked)
    for (const join of this.#runs) join(followed)
  }

  /**
   * Ends a relationship (§6.3): its bundle is deleted, nothing of the trust domain is trusted any longer, and what
   * is under way comes to nothing. Whether there was one.
   */
  remove(trustDomain: TrustDomain | string): boolean {
    const domain = toTrustDomain(trustDomain)
    const followed = this.#followed.get(domain.name)
    if (followed === undefined) return false
    this.#followed.delete(domain.name)
    this.#live.delete(domain)
    followed.ended.abort(refuse(`the relationship with ${quote(domain.name)} has ended`))
    this.#tell({ type: 'removed', trustDomain: domain })
    return true
  }

  /**
   * Polls one trust domain now, once. Callers at the same time share one poll.
   *
   * @throws `MeshPkiError` `ERR_FEDERATION_…`; the held bundle stays.
   */
  async refresh(trustDomain: TrustDomain | string): Promise<BundleUpdate> {
    const domain = toTrustDomain(trustDomain)
    const followed = this.#followed.get(domain.name)
    if (followed === undefined) throw refuse(`there is no relationship with ${quote(domain.name)}`)
    followed.pending ??= this.#poll(followed).finally(() => {
      followed.pending = undefined
    })
    return followed.pending
  }

  /** Polls every trust domain when it is due, until the signal aborts; then it resolves. Failures are events. */
  async run({ signal }: { readonly signal: AbortSignalLike }): Promise<void> {
    const stopped = readSignal(signal)
    if (stopped === undefined) throw new TypeError('run needs the option "signal", which ends it')
    if (stopped.aborted) return
    const loops = new Set<Promise<void>>()
    const join = (followed: Followed): void => {
      const loop = this.#pollUntil(followed, stopped).finally(() => loops.delete(loop))
      loops.add(loop)
    }
    this.#runs.add(join)
    for (const followed of this.#followed.values()) join(followed)
    try {
      await orAborted(new Promise<never>(() => {}), stopped).catch(() => {})
      await Promise.all(loops)
    } finally {
      this.#runs.delete(join)
    }
  }

  #follow(relationship: CheckedRelationship): Followed {
    const { trustDomain, profile, bootstrap } = relationship
    if (this.#followed.has(trustDomain.name))
      throw refuse(
        `there are two relationships with ${quote(trustDomain.name)}; bundles are not merged, so one endpoint must be chosen`,
      )
    if (profile === 'https_spiffe' && this.#options.dial === undefined)
      throw refuse('https_spiffe needs the option "dial", such as spiffeDialer() of mesh-pki/node')
    // What is held already is as new or newer, and no sequence may go back.
    if (bootstrap !== undefined && this.#live.latest(trustDomain) === undefined) this.#live.set(bootstrap)
    const followed: Followed = {
      relationship,
      ended: new AbortController(),
      pending: undefined,
      lastAttempt: undefined,
      nextPoll: undefined,
      lastError: undefined,
    }
    this.#followed.set(trustDomain.name, followed)
    return followed
  }

  /** §5.2.2.2: without a bundle that can authenticate the server, no poll can ever succeed. */
  #checkEndpoint({ trustDomain, endpoint, bootstrap }: CheckedRelationship): void {
    if (endpoint === undefined || endpoint.bundles !== undefined) return
    const who = `the relationship with ${quote(trustDomain.name)}`
    if (endpoint.isSelfServing) {
      if (bootstrap !== undefined || this.#live.latest(trustDomain) !== undefined) return
      throw refuse(
        `${who} is self-serving and needs a bootstrap bundle, obtained by another way (SPIFFE Federation §5.2.2.2)`,
      )
    }
    if (this.#followed.has(endpoint.id.trustDomain.name)) return
    throw refuse(
      `${who}: its server is of the trust domain ${quote(endpoint.id.trustDomain.name)}; pass endpointBundles for that, or federate with it too (SPIFFE Federation §5.2.2.2)`,
    )
  }

  async #pollUntil(followed: Followed, stopped: AbortSignalLike): Promise<void> {
    const { relationship, ended } = followed
    // The timer of a sleep keeps a process alive: it must end with whatever comes first.
    const { controller, release } = abortWith([stopped, ended.signal])
    const { signal } = controller
    try {
      while (!signal.aborted) {
        // The failure is kept in the status and was told as an event.
        await orAborted(this.refresh(relationship.trustDomain), signal).catch(() => {})
        if (signal.aborted) return
        const delay = this.#delayOf(relationship)
        followed.nextPoll = this.#clock.now().getTime() + delay
        await this.#clock.sleep(delay, signal).catch(() => {})
      }
    } finally {
      followed.nextPoll = undefined
      release()
    }
  }

  #delayOf({ trustDomain, url }: CheckedRelationship): number {
    const hint = this.#live.latest(trustDomain)?.refreshHint
    return pollDelay(hint, this.#bounds, [this.#options.name ?? '', trustDomain.name, url].join('\n'))
  }

  async #poll(followed: Followed): Promise<BundleUpdate> {
    const { trustDomain } = followed.relationship
    followed.lastAttempt = this.#clock.now().getTime()
    followed.nextPoll = undefined
    try {
      const bundle = await this.#fetch(followed)
      const before = this.#live.latest(trustDomain)
      const update = this.#store(bundle)
      followed.lastError = undefined
      this.#tell({ type: 'fetched', trustDomain, update, bundle })
      if (bundle.isEmpty && before?.isEmpty !== true) this.#tell({ type: 'emptied', trustDomain, bundle })
      return update
    } catch (error) {
      // An end that came meanwhile has been told.
      if (error instanceof MeshPkiError && !followed.ended.signal.aborted) {
        followed.lastError = error
        this.#tell({ type: 'failed', trustDomain, error, held: this.#live.latest(trustDomain) })
      }
      throw error
    }
  }

  #fetch({ relationship, ended }: Followed): Promise<SpiffeBundle> {
    const { trustDomain, endpoint } = relationship
    return fetchBundle({
      relationship,
      endpointBundles: endpoint?.bundles ?? {
        // Also one that is too old for workloads may bring its successor: nothing else can.
        bundleFor: (asked) => (asked.equals(trustDomain) ? this.#live.latest(asked) : this.bundleFor(asked)),
      },
      ended: ended.signal,
      clock: this.#clock,
      timeoutMs: this.#timeoutMs,
      limits: this.#limits,
      fetch: this.#options.fetch,
      dial: this.#options.dial,
    })
  }

  #store(bundle: SpiffeBundle): BundleUpdate {
    try {
      return this.#live.set(bundle)
    } catch (cause) {
      if (!(cause instanceof MeshPkiError)) throw cause
      throw new MeshPkiError('ERR_FEDERATION_SEQUENCE', cause.message, { data: cause.data, cause })
    }
  }

  #tell(event: FederationEvent): void {
    try {
      this.#options.onEvent?.(event)
    } catch {
      // See the option.
    }
  }
}

function readBounds(options: FederationClientOptions): PollBounds {
  const minMs = readDuration(options.minInterval ?? '1m', 'minInterval')
  const maxMs = readDuration(options.maxInterval ?? '1d', 'maxInterval')
  if (minMs > maxMs) throw new RangeError('option "minInterval" must not be longer than "maxInterval"')
  const { staleAfter } = options
  return {
    defaultMs: readDuration(options.defaultInterval ?? '5m', 'defaultInterval'),
    minMs,
    maxMs,
    staleAfterMs:
      staleAfter === 'unlimited' ? Number.POSITIVE_INFINITY : readDuration(staleAfter, 'staleAfter'),
  }
}

const asDate = (time: number | undefined): Date | undefined =>
  time === undefined ? undefined : new Date(time)
