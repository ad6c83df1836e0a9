/**
 * Fetches the bundle of one relationship, once (SPIFFE Federation §5.2.1.4, §5.2.2.4).
 *
 * @module
 */

import { MeshPkiError } from '../errors.ts'
import type { Clock } from '../internal/clock.ts'
import { formatDuration } from '../internal/duration.ts'
import { quote } from '../internal/text.ts'
import { withinTime } from '../internal/within-time.ts'
import { type EndpointDialer, type FetchLike, fetchDocument } from './bundle-endpoint.ts'
import type { CheckedLimits } from './bundle-reader.ts'
import type { BundleSource } from './bundle-source.ts'
import { endpointLabel } from './endpoint-url.ts'
import { type CheckedRelationship, type EndpointIdentity, refuse } from './federation-relationship.ts'
import { SpiffeBundle } from './spiffe-bundle.ts'
import { checkSvid } from './verify-svid.ts'

/** What one fetch needs. */
export interface BundleFetch {
  readonly relationship: CheckedRelationship
  /** Where the bundle comes from that authenticates the server of an `https_spiffe` endpoint. */
  readonly endpointBundles: BundleSource
  /** Aborts when the relationship ends, or nobody waits any longer. */
  readonly signal: AbortSignal
  readonly clock: Clock
  readonly timeoutMs: number
  readonly limits: CheckedLimits
  readonly fetch: FetchLike | undefined
  readonly dial: EndpointDialer | undefined
}

/** @throws `MeshPkiError` `ERR_FEDERATION_…`. */
export async function fetchBundle(fetching: BundleFetch): Promise<SpiffeBundle> {
  const { relationship, clock, limits, timeoutMs } = fetching
  const { trustDomain, url, endpoint } = relationship
  const bound = {
    clock,
    milliseconds: timeoutMs,
    signal: fetching.signal,
    timedOut: () => timedOut(url, timeoutMs),
  }
  return withinTime(bound, async (signal) => {
    const body = await fetchDocument({
      url,
      maxBytes: limits.bytes,
      signal,
      authenticate:
        endpoint === undefined
          ? undefined
          : (chain, asked) => authenticate(chain, endpoint, fetching.endpointBundles, clock, asked),
      fetch: fetching.fetch ?? runtimeFetch(),
      dial: fetching.dial,
    })
    // What comes too late must not bring trust back that has ended meanwhile.
    if (signal.aborted) throw signal.reason
    return readFetched(trustDomain.name, body, limits, url)
  })
}

/** §5.2.2.4: a valid X509-SVID for exactly that identity, by the latest bundle of its trust domain. */
async function authenticate(
  chain: readonly Uint8Array[],
  { id, signers }: EndpointIdentity,
  bundles: BundleSource,
  clock: Clock,
  url: string,
): Promise<void> {
  const result = await checkSvid(chain, { bundles, expect: id, signers, time: clock.now() })
  if (result.ok) return
  throw new MeshPkiError(
    'ERR_FEDERATION_AUTHENTICATION',
    `the server of ${endpointLabel(url)} is not ${quote(String(id))}: ${result.error.message} (SPIFFE Federation §5.2.2.4)`,
    { data: { expected: String(id) }, cause: result.error },
  )
}

function readFetched(
  trustDomain: string,
  body: Uint8Array,
  limits: CheckedLimits,
  url: string,
): SpiffeBundle {
  try {
    return SpiffeBundle.fromJson(trustDomain, body, { limits })
  } catch (cause) {
    if (!(cause instanceof MeshPkiError)) throw cause
    throw new MeshPkiError(
      'ERR_FEDERATION_BUNDLE',
      `${endpointLabel(url)} answered no bundle: ${cause.message}`,
      { data: cause.data, cause },
    )
  }
}

function runtimeFetch(): FetchLike {
  if (typeof globalThis.fetch === 'function') return (url, init) => globalThis.fetch(url, init)
  return () => {
    throw refuse('this runtime has no fetch; https_web needs the option "fetch"')
  }
}

function timedOut(url: string, milliseconds: number): MeshPkiError {
  return new MeshPkiError(
    'ERR_FEDERATION_TIMEOUT',
    `${endpointLabel(url)} did not answer within ${formatDuration(milliseconds)}`,
  )
}
