import { describe, expect, test } from 'vitest'
import { MeshPkiError } from '../../../src/errors.ts'
import {
  FederationClient,
  readStoredBundles,
  SpiffeBundle,
  writeStoredBundles,
} from '../../../src/spiffe/index.ts'
import { manualClock } from '../../../src/testing/index.ts'
import { bundle, clientOf, root, second, trustDomain, url, web } from './federation-support.ts'

const confirmed = new Date('2026-05-01T10:00:00.123Z')
const other = SpiffeBundle.of({ trustDomain: 'other.example', x509Authorities: root })
const entry = (change: object) =>
  JSON.stringify([
    { trustDomain, confirmed: confirmed.toISOString(), bundle: bundle(1n).toJson(), ...change },
  ])

describe('bundles written down', () => {
  test('come back with all they had', () => {
    const big = bundle(2n ** 64n - 1n)
    const text = writeStoredBundles([
      { bundle: big, confirmed },
      { bundle: other, confirmed: new Date(0) },
    ])
    const [first, next, ...rest] = readStoredBundles(text)
    expect(rest).toEqual([])
    expect(first?.bundle.sequence).toBe(2n ** 64n - 1n)
    expect(first?.bundle.digest()).toBe(big.digest())
    expect(first?.bundle.toJson()).toBe(big.toJson())
    expect(first?.confirmed).toEqual(confirmed)
    expect(next).toMatchObject({ confirmed: new Date(0) })
    expect(String(next?.bundle.trustDomain)).toBe('other.example')
    expect(readStoredBundles('[]')).toEqual([])
    expect(readStoredBundles(new TextEncoder().encode(text)).length).toBe(2)
  })

  test('are plain JSON, with the bundle as its publisher would serve it', () => {
    const [written] = JSON.parse(writeStoredBundles([{ bundle: bundle(3n), confirmed }]))
    expect(written).toMatchObject({ trustDomain, confirmed: '2026-05-01T10:00:00.123Z' })
    expect(JSON.parse(written.bundle)).toMatchObject({ spiffe_sequence: 3 })
  })

  test('come back also where they were read under higher limits, or grew', () => {
    const keys = Array.from({ length: 1100 }, (_, i) => ({
      kty: 'EC',
      crv: 'P-256',
      use: 'jwt-svid',
      kid: `${i}${'k'.repeat(900)}`,
      x: 'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU',
      y: 'x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0',
    }))
    const document = JSON.stringify({ keys })
    expect(() => SpiffeBundle.fromJson(trustDomain, document)).toThrow(MeshPkiError)
    const large = SpiffeBundle.fromJson(trustDomain, document, { limits: { bytes: 2 ** 21, keys: 2000 } })
    const [again] = readStoredBundles(writeStoredBundles([{ bundle: large, confirmed }]))
    expect(again?.bundle.digest()).toBe(large.digest())
  })

  test('let a restarted client go on where the last one was', async () => {
    const clock = manualClock(new Date('2026-05-01T10:00:00Z'))
    const before = clientOf({ clock, fetch: async () => new Response(bundle(7n).toJson()) })
    await before.refresh(trustDomain)
    const text = writeStoredBundles(before.snapshot())
    clock.advance('59m')
    const after = clientOf({ clock, initial: readStoredBundles(text) })
    expect(after.bundleFor(trustDomain)?.sequence).toBe(7n)
    clock.advance('2m')
    // It is as old as it was: a restart makes no bundle younger.
    expect(() => after.bundleFor(trustDomain)).toThrow('1h')
  })
})

describe('the highest sequence', () => {
  test('outlives a restart, also where the publisher has lost it', async () => {
    const clock = manualClock(new Date('2026-05-01T10:00:00Z'))
    const answers = [bundle(9n), SpiffeBundle.of({ trustDomain, x509Authorities: second })]
    const fetch = async () => new Response(answers.shift()?.toJson())
    const before = clientOf({ clock, fetch })
    await before.refresh(trustDomain)
    expect(await before.refresh(trustDomain)).toBe('sequence-lost')
    const text = writeStoredBundles(before.snapshot())
    const after = clientOf({ clock, fetch, initial: readStoredBundles(text) })
    answers.push(bundle(5n), bundle(10n))
    await expect(after.refresh(trustDomain)).rejects.toMatchObject({ code: 'ERR_FEDERATION_SEQUENCE' })
    expect(after.bundleFor(trustDomain)?.sequence).toBeUndefined()
    expect(await after.refresh(trustDomain)).toBe('updated')
    // Nothing is said twice: the bundle has its own sequence again.
    expect(writeStoredBundles(after.snapshot())).not.toContain('highest')
  })

  test.each([9, '9n', '-1', '09', '1'.repeat(200)])('%j is none', (highest) => {
    expect(() => readStoredBundles(entry({ highest }))).toThrow('highest')
  })

  test('is a bigint', () => {
    // @ts-expect-error a number loses digits
    expect(() => writeStoredBundles([{ bundle: other, confirmed, highest: 9 }])).toThrow('bigint')
  })
})

describe('what nobody wrote', () => {
  test.each([
    ['no JSON', 'oops', 'ERR_JSON_SYNTAX'],
    ['an object', '{}', 'ERR_SPIFFE_BUNDLE'],
    ['an entry that is none', '[1]', 'ERR_SPIFFE_BUNDLE'],
    ['no domain', entry({ trustDomain: undefined }), 'ERR_SPIFFE_BUNDLE'],
    ['no bundle', entry({ bundle: null }), 'ERR_SPIFFE_BUNDLE'],
    ['no date', entry({ confirmed: undefined }), 'ERR_SPIFFE_BUNDLE'],
    ['a date that is none', entry({ confirmed: 'yesterday' }), 'ERR_SPIFFE_BUNDLE'],
    ['a date that Date would guess', entry({ confirmed: '1' }), 'ERR_SPIFFE_BUNDLE'],
    ['a day that is none', entry({ confirmed: '2026-02-31T00:00:00.000Z' }), 'ERR_SPIFFE_BUNDLE'],
    ['two of one domain', `[${entry({}).slice(1, -1)},${entry({}).slice(1, -1)}]`, 'ERR_SPIFFE_BUNDLE'],
    ['a name of odd characters', entry({ trustDomain: 'a{' }), 'ERR_SPIFFE_TRUST_DOMAIN'],
    ['a name that is none', entry({ trustDomain: 'Not_A Name' }), 'ERR_SPIFFE_TRUST_DOMAIN'],
    ['a bundle that is none', entry({ bundle: '{"keys": 1}' }), 'ERR_SPIFFE_BUNDLE'],
  ])('is refused: %s', (_, text, code) => {
    expect(() => readStoredBundles(text)).toThrow(expect.objectContaining({ code }))
  })

  test('bundles without a date are not written, and no client starts with them', () => {
    const undated = [{ bundle: other, confirmed: new Date(Number.NaN) }]
    expect(() => writeStoredBundles(undated)).toThrow('initial[0].confirmed')
    expect(() => clientOf({ initial: undated })).toThrow('initial[0].confirmed')
    const twice = [
      { bundle: other, confirmed },
      { bundle: other, confirmed },
    ]
    expect(() => clientOf({ initial: twice })).toThrow('two bundles of "other.example"')
    // @ts-expect-error no list
    expect(() => writeStoredBundles(null)).toThrow('must be an array')
    // @ts-expect-error the text of a bundle is no bundle
    expect(() => clientOf({ initial: [{ bundle: other.toJson(), confirmed }] })).toThrow('initial[0].bundle')
  })
})

describe('a bundle that grows stale', () => {
  test('is told once, when it happens, and again after it was renewed', async () => {
    const clock = manualClock(new Date('2026-05-01T10:00:00Z'))
    const stale: string[] = []
    const failed: (Date | undefined)[] = []
    let up = true
    const client = new FederationClient({
      relationships: [web],
      staleAfter: '10m',
      clock,
      fetch: async (asked) => {
        if (!up) throw new TypeError(`no route to ${asked}`)
        return new Response(
          SpiffeBundle.of({
            trustDomain,
            x509Authorities: [root, second],
            sequence: 1n,
            refreshHint: '1m',
          }).toJson(),
        )
      },
      onEvent: (event) => {
        if (event.type === 'stale') stale.push(`${event.held.trustDomain} ${clock.now().toISOString()}`)
        if (event.type === 'failed') failed.push(event.staleAt)
      },
    })
    const stop = new AbortController()
    const run = client.run({ signal: stop.signal })
    await clock.run('2m')
    expect(client.status(trustDomain)).toMatchObject({ url, lastError: undefined })
    const confirmedAt = client.status(trustDomain)?.confirmedAt?.getTime() ?? 0
    expect(confirmedAt).toBeGreaterThan(Date.parse('2026-05-01T10:01:00Z') - 7_000)
    up = false
    await clock.run('30m')
    expect(stale.length).toBe(1)
    expect(failed[0]?.getTime()).toBeGreaterThanOrEqual(confirmedAt + 600_000)
    expect(() => client.bundleFor(trustDomain)).toThrow('10m')
    up = true
    await clock.run('10m')
    expect(client.bundleFor(trustDomain)?.sequence).toBe(1n)
    up = false
    await clock.run('30m')
    expect(stale.length).toBe(2)
    stop.abort()
    await run.catch(() => {})
  })
})
