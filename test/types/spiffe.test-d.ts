import type { X509Certificate } from 'node:crypto'
import { describe, expectTypeOf, test } from 'vitest'
import type { connectSvid, createSvidServer } from '../../src/node/index.ts'
import {
  BundleMap,
  type BundleSource,
  type CheckSvidResult,
  type checkSvid,
  createBundleHandler,
  FederationClient,
  type FederationEvent,
  type FetchLike,
  type LiveBundles,
  matchTrustDomain,
  SpiffeBundle,
  SpiffeId,
  type SvidError,
  TrustDomain,
  VerifiedSvid,
  verifySvid,
} from '../../src/spiffe/index.ts'
import { type CheckJwtSvidResult, verifyJwtSvid } from '../../src/spiffe/jwt/index.ts'
import { manualClock } from '../../src/testing/index.ts'
import type { PathError } from '../../src/verify/index.ts'
import type { Certificate } from '../../src/x509/index.ts'

declare const bundle: SpiffeBundle
declare const chain: Uint8Array[]

describe('values that only this library makes', () => {
  test('nobody else constructs them', () => {
    // @ts-expect-error use SpiffeBundle.of
    void new SpiffeBundle(bundle.trustDomain, {})
    // @ts-expect-error use BundleMap.of
    void new BundleMap(new Map(), {})
    // @ts-expect-error only verification makes one
    void new VerifiedSvid()
    expectTypeOf<{ id: SpiffeId; path: unknown; bundle: SpiffeBundle }>().not.toExtend<VerifiedSvid>()
    expectTypeOf<string>().not.toExtend<SpiffeId>()
    expectTypeOf<{ name: string }>().not.toExtend<TrustDomain>()
  })

  test('what they are is not any', () => {
    expectTypeOf(bundle.sequence).toEqualTypeOf<bigint | undefined>()
    expectTypeOf(bundle.x509Authorities).toEqualTypeOf<readonly Certificate[]>()
    expectTypeOf(bundle.toJson()).toBeString()
    expectTypeOf<Awaited<ReturnType<typeof verifySvid>>>().toEqualTypeOf<VerifiedSvid>()
    expectTypeOf<Awaited<ReturnType<typeof checkSvid>>>().toEqualTypeOf<CheckSvidResult>()
  })
})

describe('a result narrows', () => {
  test('to an SVID or to one of two errors', () => {
    const result = {} as CheckSvidResult
    if (result.ok) expectTypeOf(result.svid).toEqualTypeOf<VerifiedSvid>()
    else expectTypeOf(result.error).toEqualTypeOf<SvidError | PathError>()
    const token = {} as CheckJwtSvidResult
    if (!token.ok) expectTypeOf(token.error.code).toExtend<string>()
  })

  test('events by their type', () => {
    const event = {} as FederationEvent
    if (event.type === 'failed') expectTypeOf(event.held).toEqualTypeOf<SpiffeBundle | undefined>()
    // @ts-expect-error a removal has no bundle
    if (event.type === 'removed') void event.bundle
  })
})

describe('sources of bundles', () => {
  test('are whatever has the method, at once or later', () => {
    expectTypeOf<SpiffeBundle>().toExtend<BundleSource>()
    expectTypeOf<BundleMap>().toExtend<BundleSource>()
    expectTypeOf<LiveBundles>().toExtend<BundleSource>()
    expectTypeOf<FederationClient>().toExtend<BundleSource>()
    expectTypeOf<{
      bundleFor(asked: TrustDomain): Promise<SpiffeBundle | undefined>
    }>().toExtend<BundleSource>()
    expectTypeOf<Map<string, SpiffeBundle>>().not.toExtend<BundleSource>()
    expectTypeOf<{ bundleFor(): string }>().not.toExtend<BundleSource>()
  })
})

describe('expectations', () => {
  test('a variable that may not be set does not compile', () => {
    const unset = process.env['PEER_ID']
    // @ts-expect-error it would let everybody in
    void verifySvid(chain, { bundles: bundle, expect: unset })
    // @ts-expect-error the same for tokens
    void verifyJwtSvid('token', { bundles: bundle, audience: 'a', expect: unset })
    void verifySvid(chain, { bundles: bundle, expect: matchTrustDomain('td') })
    void verifySvid(chain, { bundles: bundle, expect: SpiffeId.parse('spiffe://td/a') })
    // @ts-expect-error a trust domain is no identity
    void verifySvid(chain, { bundles: bundle, expect: TrustDomain.parse('td') })
  })

  test('a TLS client says whom it expects', () => {
    type Options = Parameters<typeof connectSvid>[0]
    expectTypeOf<{ host: string; port: number; bundles: SpiffeBundle }>().not.toExtend<Options>()
    expectTypeOf<{ host: string; port: number; bundles: SpiffeBundle; expect: string }>().toExtend<Options>()
    type Server = Parameters<typeof createSvidServer>[0]
    expectTypeOf<{ bundles: SpiffeBundle }>().not.toExtend<Server>()
  })
})

describe('what other libraries hold', () => {
  test('is taken by shape', () => {
    const held = {} as X509Certificate
    void verifySvid([held, held], { bundles: bundle })
    expectTypeOf<typeof fetch>().toExtend<FetchLike>()
    void new FederationClient({ staleAfter: '1h', fetch, clock: manualClock() })
  })

  test('a handler takes a Request and answers a Response of this platform', () => {
    const handler = createBundleHandler({ bundle })
    expectTypeOf<Request>().toExtend<Parameters<typeof handler>[0]>()
    expectTypeOf(handler).returns.resolves.toEqualTypeOf<Response>()
  })
})
