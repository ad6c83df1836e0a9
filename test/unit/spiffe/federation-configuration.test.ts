import { describe, expect, test } from 'vitest'
import {
  type FederationClientOptions,
  type FederationRelationship,
  SpiffeBundle,
} from '../../../src/spiffe/index.ts'
import { manualClock } from '../../../src/testing/index.ts'
import { trustDomainFixture } from '../../support/trust-domain.ts'
import { bundle, clientOf, root, second, trustDomain, url, web } from './federation-support.ts'
import { thrownBy } from './reference.ts'

const unnumbered = (authority: typeof root) => SpiffeBundle.of({ trustDomain, x509Authorities: authority })

describe('configuration', () => {
  const spiffe = {
    trustDomain,
    url,
    profile: 'https_spiffe',
    endpointSpiffeId: 'spiffe://partner.example/endpoint',
    bootstrap: bundle(1n),
  } as const
  const dial = () => Promise.reject(new Error('nothing is dialled'))

  test.each<[string, readonly FederationRelationship[], Partial<FederationClientOptions>, string]>([
    ['two relationships with one domain', [web, web], {}, 'two relationships'],
    ['https_spiffe without a dialer', [spiffe], {}, 'dial'],
    [
      'an endpoint without a path',
      [{ ...spiffe, endpointSpiffeId: 'spiffe://partner.example' }],
      { dial },
      'path',
    ],
    [
      'a bootstrap bundle of another domain',
      [{ ...spiffe, bootstrap: SpiffeBundle.of({ trustDomain: 'other', x509Authorities: root }) }],
      { dial },
      'bootstrap',
    ],
    [
      'endpointBundles where it serves itself',
      [{ ...spiffe, endpointBundles: bundle(1n) }],
      { dial },
      'self-serving',
    ],
  ])('refuses %s', (_what, relationships, options, text) => {
    const error = thrownBy(() => clientOf({ relationships, ...options }))
    expect(error).toMatchObject({ code: 'ERR_FEDERATION_CONFIG' })
    expect(String(error)).toContain(text)
  })

  test('a bootstrap bundle counts at once, and yields to a newer one that is known', () => {
    const clock = manualClock()
    const fresh = clientOf({ relationships: [spiffe], dial, clock })
    expect(fresh.bundleFor(trustDomain)?.sequence).toBe(1n)
    const known = [{ bundle: bundle(4n), confirmed: clock.now() }]
    expect(
      clientOf({ relationships: [spiffe], dial, clock, initial: known }).bundleFor(trustDomain)?.sequence,
    ).toBe(4n)
  })

  test('a bootstrap bundle that is newer than what was stored mends a relationship', () => {
    const clock = manualClock()
    const old = [{ bundle: bundle(4n), confirmed: new Date('2020-01-01T00:00:00Z') }]
    const newer = { ...spiffe, bootstrap: bundle(50n) }
    expect(
      clientOf({ relationships: [newer], dial, clock, initial: old }).bundleFor(trustDomain)?.sequence,
    ).toBe(50n)
    const older = { ...spiffe, bootstrap: bundle(3n) }
    const kept = clientOf({ relationships: [older], dial, clock, initial: old })
    expect(kept.status(trustDomain)?.bundle?.sequence).toBe(4n)
  })

  test.each<[string, SpiffeBundle, SpiffeBundle, string]>([
    ['without sequences', unnumbered(root), unnumbered(second), '2020-01-01T00:00:00Z'],
    ['with a sequence that the publisher lost', bundle(5n), unnumbered(second), '2026-06-01T00:00:00Z'],
    [
      'with the same sequence',
      bundle(5n),
      bundle(5n).with({ x509Authorities: second }),
      '2020-01-01T00:00:00Z',
    ],
    ['that is the same', bundle(5n), bundle(5n), '2020-01-01T00:00:00Z'],
  ])(
    'a bootstrap bundle %s brings nothing back and makes nothing young',
    (_, bootstrap, stored, confirmed) => {
      const held = stored.with({ sequence: stored.sequence })
      const client = clientOf({
        relationships: [{ ...spiffe, bootstrap }],
        dial,
        clock: manualClock(new Date('2026-06-01T00:10:00Z')),
        initial: [{ bundle: held, confirmed: new Date(confirmed) }],
      })
      expect(client.status(trustDomain)?.bundle).toBe(held)
      expect(client.status(trustDomain)?.confirmedAt).toEqual(new Date(confirmed))
    },
  )

  test('a good verdict does not cover a bad one after it', async () => {
    const { chain } = await (await trustDomainFixture('other.example')).svid('/x')
    const good = await trustDomainFixture(trustDomain)
    const endpoint = await good.svid('/endpoint')
    const client = clientOf({
      relationships: [{ ...spiffe, bootstrap: good.bundle }],
      dial: async ({ authenticate }) => {
        await authenticate(endpoint.chain.map(({ der }) => der))
        await authenticate(chain.map(({ der }) => der)).catch(() => {})
        return { status: 200, headers: new Headers(), body: new TextEncoder().encode(bundle(9n).toJson()) }
      },
    })
    await expect(client.refresh(trustDomain)).rejects.toMatchObject({ code: 'ERR_FEDERATION_AUTHENTICATION' })
  })

  test('the message names the server that was asked, also after a redirect', async () => {
    const good = await trustDomainFixture(trustDomain)
    const client = clientOf({
      relationships: [{ ...spiffe, bootstrap: good.bundle }],
      dial: async ({ url: asked, authenticate }) => {
        if (asked.includes('evil')) await authenticate([])
        else await authenticate((await good.svid('/endpoint')).chain.map(({ der }) => der))
        return {
          status: 302,
          headers: new Headers({ location: 'https://evil.example/x' }),
          body: new Uint8Array(),
        }
      },
    })
    await expect(client.refresh(trustDomain)).rejects.toThrow('the server of "https://evil.example/x" is not')
  })

  test('two endpoints that only authenticate each other', () => {
    const through = (name: string, other: string) =>
      ({
        trustDomain: name,
        url,
        profile: 'https_spiffe',
        endpointSpiffeId: `spiffe://${other}/endpoint`,
      }) as const
    expect(() => clientOf({ relationships: [through('a', 'b'), through('b', 'a')], dial })).toThrow(
      'each other',
    )
    const known = [
      { bundle: SpiffeBundle.of({ trustDomain: 'a', x509Authorities: root }), confirmed: new Date() },
    ]
    clientOf({ relationships: [through('a', 'b'), through('b', 'a')], dial, initial: known })
  })

  test.each<[string, object, string]>([
    [
      'a date that is none',
      { initial: [{ bundle: bundle(1n), confirmed: new Date('soon') }] },
      'initial[0].confirmed',
    ],
    ['no date', { initial: [{ bundle: bundle(1n) }] }, 'initial[0].confirmed'],
    ['no bundle', { initial: [{ confirmed: new Date() }] }, 'initial[0].bundle'],
    ['a name that is no text', { name: Symbol('east') }, 'name'],
    ['an observer that is no function', { onEvent: 'console.log' }, 'onEvent'],
    ['a fetch that is no function', { fetch: {} }, 'fetch'],
    ['a default interval below the minimum', { defaultInterval: '10s' }, 'defaultInterval'],
  ])('%s is named', (_what, options, name) => {
    expect(() => clientOf(options)).toThrow(name)
  })

  test('a dialer that does not authenticate brings nothing', async () => {
    const client = clientOf({
      relationships: [spiffe],
      clock: manualClock(),
      dial: async () => ({
        status: 200,
        headers: new Headers(),
        body: new TextEncoder().encode(bundle(9n).toJson()),
      }),
    })
    await expect(client.refresh(trustDomain)).rejects.toMatchObject({ code: 'ERR_FEDERATION_AUTHENTICATION' })
    expect(client.bundleFor(trustDomain)?.sequence).toBe(1n)
  })

  test('a bundle that was stored for a domain without relationship is not served', () => {
    const clock = manualClock()
    const other = SpiffeBundle.of({ trustDomain: 'other', x509Authorities: root })
    const client = clientOf({ clock, initial: [{ bundle: other, confirmed: clock.now() }] })
    expect(client.bundleFor('other')).toBeUndefined()
    expect(client.snapshot()).toEqual([])
    // Added later, its lifecycle begins anew.
    client.add({ ...web, trustDomain: 'other' })
    expect(client.bundleFor('other')).toBeUndefined()
  })

  test('no secret of a URL gets into a message', async () => {
    const secret = 'https://partner.example/bundle.json?token=hunter2'
    const client = clientOf({
      relationships: [{ ...web, url: secret }],
      clock: manualClock(),
      fetch: async () => new Response('', { status: 403 }),
    })
    const error = await client.refresh(trustDomain).catch((failure: unknown) => failure)
    expect(error).toMatchObject({ code: 'ERR_FEDERATION_STATUS' })
    expect(String(error)).not.toContain('hunter2')
    const user = thrownBy(() =>
      clientOf({ relationships: [{ ...web, url: 'https://me:hunter2@partner.example/' }] }),
    )
    expect(String(user)).not.toContain('hunter2')
    for (const broken of [
      'ht!tp://me:hunter2@x/',
      'https://user:hunter2#ss@host/',
      'https://user:hunter2/ss@host:bad/',
      'https:user:hunter2@host:99999/',
      'https://h:99999/?token=hunter2',
      'https:///@hunter2/',
    ]) {
      const error = thrownBy(() => clientOf({ relationships: [{ ...web, url: broken }] }))
      expect(error).toMatchObject({ code: 'ERR_FEDERATION_URL' })
      expect(String(error)).not.toContain('hunter2')
    }
    const lured = clientOf({
      clock: manualClock(),
      fetch: async () =>
        new Response('', { status: 302, headers: { location: 'https://u:hunter2@h/?sig=hunter2' } }),
    })
    const redirect = await lured.refresh(trustDomain).catch(String)
    expect(redirect).toContain('a redirect that is not followed')
    expect(redirect).not.toContain('hunter2')
  })
})
