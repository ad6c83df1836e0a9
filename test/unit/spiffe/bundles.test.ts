import { generateKeyPairSync } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { BundleMap, checkSvidSync, LiveBundles, SpiffeBundle } from '../../../src/spiffe/index.ts'
import { manualClock } from '../../../src/testing/index.ts'
import type { Certificate } from '../../../src/x509/index.ts'
import { forge, forgeCa, keysOf, NOW } from '../verify/forge.ts'
import { thrownBy } from './reference.ts'

const root = forgeCa({ subject: 'root' }).certificate
const second = forgeCa({ subject: 'second' }).certificate
const bundle = SpiffeBundle.of({
  trustDomain: 'td',
  x509Authorities: [root, second],
  sequence: 5n,
  refreshHint: '5m',
})

const base64 = (certificate: Certificate) => Buffer.from(certificate.der).toString('base64')

/** One element by the runtime's own export of the key, changed as the test wants. */
function element(certificate: Certificate, label: string, changes: Record<string, unknown> = {}) {
  const jwk = keysOf(label).publicKey.export({ format: 'jwk' })
  return { ...jwk, use: 'x509-svid', x5c: [base64(certificate)], ...changes }
}

const read = (...keys: readonly unknown[]) => SpiffeBundle.fromJson('td', JSON.stringify({ keys }))

describe('a bundle', () => {
  test('writes what node:crypto exports of the same keys', () => {
    const document = JSON.parse(bundle.toJson())
    expect(document).toEqual({
      spiffe_sequence: 5,
      spiffe_refresh_hint: 300,
      keys: [element(root, 'root'), element(second, 'second')],
    })
  })

  test.each(['P-384', 'P-521', 'Ed25519', 'RSA-2048'] as const)(
    'writes and reads an authority of %s',
    (kind) => {
      const keys = keysOf(`bundle ${kind}`, kind)
      const authority = forgeCa({ subject: `root ${kind}`, keys }).certificate
      const made = SpiffeBundle.of({ trustDomain: 'td', x509Authorities: authority })
      expect(JSON.parse(made.toJson()).keys[0]).toMatchObject(keys.publicKey.export({ format: 'jwk' }))
      const again = SpiffeBundle.fromJson('td', made.toJson())
      expect(again.skipped).toEqual([])
      expect(again.trustsSame(made)).toBe(true)
    },
  )

  test('keeps a sequence above 2^64 to the digit', () => {
    const sequence = 2n ** 64n + 1n
    const made = bundle.with({ sequence })
    expect(made.toJson()).toContain('"spiffe_sequence": 18446744073709551617')
    expect(SpiffeBundle.fromJson('td', made.toJson()).sequence).toBe(sequence)
  })

  test('without authorities is one, round-trips, and refuses every SVID', () => {
    const empty = bundle.with({ x509Authorities: [] })
    expect(JSON.parse(empty.toJson()).keys).toEqual([])
    const again = SpiffeBundle.fromJson('td', empty.toJson())
    expect(again.isEmpty).toBe(true)
    expect(again.digest()).toBe(empty.digest())
    expect(again.toPem()).toBe('')
  })

  test('answers for its own trust domain only', () => {
    expect(bundle.bundleFor(bundle.trustDomain)).toBe(bundle)
    expect(bundle.bundleFor(SpiffeBundle.of({ trustDomain: 'other' }).trustDomain)).toBeUndefined()
    expect(bundle.bundleFor(String(bundle.trustDomain))).toBe(bundle)
    expect(bundle.bundleFor('other')).toBeUndefined()
    expect(() => bundle.bundleFor('Not A Domain')).toThrow(
      expect.objectContaining({ code: 'ERR_SPIFFE_TRUST_DOMAIN' }),
    )
  })

  test('has a digest of what it trusts, and of nothing else', () => {
    const same = SpiffeBundle.of({ trustDomain: 'td', x509Authorities: [second, root], sequence: 9n })
    expect(same.trustsSame(bundle)).toBe(true)
    expect(bundle.with({ x509Authorities: root }).trustsSame(bundle)).toBe(false)
    expect(SpiffeBundle.of({ trustDomain: 'td2', x509Authorities: [root, second] }).trustsSame(bundle)).toBe(
      false,
    )
  })

  test('cannot be changed from outside', () => {
    expect(() => Object.defineProperty(bundle, 'trustDomain', { value: 'other' })).toThrow(TypeError)
    const authorities = bundle.x509Authorities as Certificate[]
    authorities.pop()
    expect(bundle.x509Authorities.length).toBe(2)
    expect(bundle.with({ sequence: 6n }).x509Authorities.length).toBe(2)
    expect(bundle.sequence).toBe(5n)
  })

  test('of PEM, with text around it', () => {
    const made = SpiffeBundle.fromPem('td', `# roots\n${root}\n${second}`)
    expect(made.trustsSame(bundle)).toBe(true)
    expect(made.toPem()).toBe(bundle.toPem())
    expect(thrownBy(() => SpiffeBundle.fromPem('td', 'nothing'))).toMatchObject({ code: 'ERR_PEM_NO_BLOCK' })
  })

  test('holds nothing that could not vouch for anybody', () => {
    const leaf = forge({ subject: 'leaf' }).certificate
    expect(thrownBy(() => SpiffeBundle.of({ trustDomain: 'td', x509Authorities: leaf }))).toMatchObject({
      code: 'ERR_SPIFFE_AUTHORITY',
    })
    const p224 = forgeCa({ subject: 'p224', keys: keysOf('p224', 'P-224') }).certificate
    expect(thrownBy(() => SpiffeBundle.of({ trustDomain: 'td', x509Authorities: p224 }))).toMatchObject({
      code: 'ERR_SPIFFE_AUTHORITY',
    })
  })

  test('publishes no private key and no stray member of a JWT authority', () => {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const jwk = { ...publicKey.export({ format: 'jwk' }), alg: 'ES256', kid: 'x' } as never
    const made = SpiffeBundle.of({ trustDomain: 'td', jwtAuthorities: [{ keyId: 'k1', jwk }] })
    const [written] = JSON.parse(made.toJson()).keys
    expect(Object.keys(written).sort()).toEqual(['crv', 'kid', 'kty', 'use', 'x', 'y'])
    expect(written).toMatchObject({ kid: 'k1', use: 'jwt-svid' })
    const secret = privateKey.export({ format: 'jwk' }) as never
    const error = thrownBy(() =>
      SpiffeBundle.of({ trustDomain: 'td', jwtAuthorities: [{ keyId: 'k1', jwk: secret }] }),
    )
    expect(error).toMatchObject({ code: 'ERR_SPIFFE_AUTHORITY' })
    expect(String(error)).not.toContain(String(privateKey.export({ format: 'jwk' }).d))
  })
})

describe('what every reader would pass over is not published', () => {
  test('an RSA key that is too small', () => {
    const small = forgeCa({ subject: 'small', keys: keysOf('small', 'RSA-1024') }).certificate
    expect(thrownBy(() => SpiffeBundle.of({ trustDomain: 'td', x509Authorities: small }))).toMatchObject({
      code: 'ERR_SPIFFE_AUTHORITY',
    })
  })

  test.each<[string, object]>([
    ['a symmetric key', { kty: 'oct', k: 'c2VjcmV0' }],
    ['a curve that nobody knows', { kty: 'EC', crv: 'P-999', x: 'AA', y: 'AA' }],
    ['a coordinate that is no text', { ...keysOf('jwt').publicKey.export({ format: 'jwk' }), x: 5 }],
    // With it, a padded hash is its own signature: everybody could sign.
    ['the exponent 1', { ...keysOf('rsa', 'RSA-2048').publicKey.export({ format: 'jwk' }), e: 'AQ' }],
    ['an even exponent', { ...keysOf('rsa', 'RSA-2048').publicKey.export({ format: 'jwk' }), e: 'AQAC' }],
  ])('%s as a JWT authority, which is not read either', (_what, jwk) => {
    const jwtAuthorities = [{ keyId: 'k', jwk: jwk as never }]
    expect(thrownBy(() => SpiffeBundle.of({ trustDomain: 'td', jwtAuthorities }))).toMatchObject({
      code: 'ERR_SPIFFE_AUTHORITY',
    })
    const made = read({ ...jwk, use: 'jwt-svid', kid: 'k' })
    expect(made.jwtAuthorities).toEqual([])
    expect(made.skipped.length).toBe(1)
  })

  test('and null is not nothing', () => {
    expect(() => bundle.with({ x509Authorities: null as never })).toThrow(TypeError)
    expect(() => SpiffeBundle.of({ trustDomain: 'td', jwtAuthorities: null as never })).toThrow(TypeError)
  })
})

describe('an element that is passed over takes none with it', () => {
  test.each<[string, Record<string, unknown>, string]>([
    ['of a curve that nobody here knows', { crv: 'secp256k1' }, 'key-parameters'],
    ['whose kty is no text', { kty: 1 }, 'kty-unknown'],
    ['whose use is no text', { use: ['x509-svid'] }, 'use-unknown'],
    ['with x5c as a text', { x5c: base64(second) }, 'x5c-malformed'],
    ['with x5c as null', { x5c: null }, 'x5c-malformed'],
    ['with a line end in x5c', { x5c: [`${base64(second)}\n`] }, 'x5c-malformed'],
    ['with the key of another', { x: element(root, 'root').x, y: element(root, 'root').y }, 'key-mismatch'],
    ['with a private key', { d: 'AA' }, 'private-key'],
    ['with a shortened coordinate', { x: 'AAAA' }, 'key-parameters'],
    ['with padding in a coordinate', { x: `${element(second, 'second').x}=` }, 'key-parameters'],
  ])('%s', (_what, changes, reason) => {
    const made = read(element(second, 'second', changes), element(root, 'root'))
    expect(made.x509Authorities.map(String)).toEqual([root.toPem()])
    expect(made.skipped).toMatchObject([{ index: 0, reason }])
    expect(made.skipped[0]?.message).toMatch(/^keys\[0\]: /)
  })

  test('numbers of RSA may have the sign octet of DER in front', () => {
    const keys = keysOf('rsa', 'RSA-2048')
    const authority = forgeCa({ subject: 'rsa', keys }).certificate
    const jwk = keys.publicKey.export({ format: 'jwk' })
    const n = Buffer.concat([Buffer.of(0), Buffer.from(String(jwk.n), 'base64url')]).toString('base64url')
    expect(read({ ...jwk, n, use: 'x509-svid', x5c: [base64(authority)] }).x509Authorities.length).toBe(1)
    const small = { ...jwk, n: 'AQAB', use: 'x509-svid', x5c: [base64(authority)] }
    expect(read(small).skipped).toMatchObject([{ reason: 'key-parameters' }])
  })

  test('every element may be one that nobody understands: then nothing is trusted', () => {
    const made = read({ kty: 'PQ', use: 'x509-svid', x5c: [base64(root)] })
    expect(made.isEmpty).toBe(true)
    expect(made.skipped).toMatchObject([{ reason: 'kty-unknown' }])
    const leaf = forge({ subject: 'leaf' }).certificate
    expect(checkSvidSync(leaf, { bundles: made, time: NOW }).ok).toBe(false)
  })
})

test.each(['null', '"300"', '0', '-5', '1.5', '3e2', 'true', '[300]'])(
  'a refresh hint of %s is none',
  (hint) => {
    const made = SpiffeBundle.fromJson('td', `{"spiffe_refresh_hint": ${hint}, "keys": []}`)
    expect(made.refreshHint).toBeUndefined()
    expect(made.skipped).toMatchObject([{ index: undefined, reason: 'refresh-hint' }])
  },
)

describe('limits', () => {
  test('1024 elements are read, and more on request', () => {
    const keys = Array.from({ length: 1024 }, () => 0)
    expect(read(...keys).skipped.length).toBe(1024)
    expect(thrownBy(() => read(...keys, 0))).toMatchObject({ code: 'ERR_SPIFFE_BUNDLE_LIMIT' })
    const text = JSON.stringify({ keys: [...keys, 0] })
    expect(SpiffeBundle.fromJson('td', text, { limits: { keys: 2000 } }).skipped.length).toBe(1025)
  })

  test('a document of more than 1 MiB is not looked at', () => {
    const text = `{"keys": [], "pad": "${'x'.repeat(1024 * 1024)}"}`
    expect(thrownBy(() => SpiffeBundle.fromJson('td', text))).toMatchObject({
      code: 'ERR_SPIFFE_BUNDLE_LIMIT',
    })
    expect(SpiffeBundle.fromJson('td', text, { limits: { bytes: 2 ** 21 } }).isEmpty).toBe(true)
    // @ts-expect-error it must be JSON
    expect(() => SpiffeBundle.fromJson('td', { keys: [] })).toThrow(TypeError)
    expect(() => SpiffeBundle.fromJson('td', text, { limits: { bytes: 0 } })).toThrow('limits.bytes')
  })
})

describe('a map', () => {
  const other = SpiffeBundle.of({ trustDomain: 'other', x509Authorities: second })

  test('keeps trust domains apart, and round-trips', () => {
    const map = BundleMap.of([other, bundle])
    expect(map.bundleFor('td')).toBe(bundle)
    expect(map.bundleFor('nobody')).toBeUndefined()
    const again = BundleMap.fromJson(map.toJson())
    expect(again.trustDomains.map(String)).toEqual(['other', 'td'])
    for (const one of again) expect(one.trustsSame(map.bundleFor(one.trustDomain) ?? bundle)).toBe(true)
    expect(again.bundleFor('td')?.sequence).toBe(5n)
    // Hints belong to the map, so those of its bundles are not written.
    expect(again.bundleFor('td')?.refreshHint).toBeUndefined()
  })

  test('never merges two bundles of one trust domain', () => {
    expect(thrownBy(() => BundleMap.of([bundle, bundle.with({ sequence: 6n })]))).toMatchObject({
      code: 'ERR_SPIFFE_BUNDLE_MAP',
    })
  })

  test('is replaced and not patched', () => {
    const map = BundleMap.of([bundle])
    const grown = map.with(other)
    expect([map.size, grown.size, grown.without('td').size]).toEqual([1, 2, 1])
    expect(grown.without('td').bundleFor('td')).toBeUndefined()
    expect(JSON.parse(BundleMap.of([]).toJson())).toEqual({ trust_domains: {} })
    const numbered = BundleMap.of([bundle], { sequence: 3n, refreshHint: '5m' })
    expect([numbered.sequence, numbered.with(other).sequence, numbered.without('td').sequence]).toEqual([
      3n,
      4n,
      4n,
    ])
    expect(BundleMap.fromJson(numbered.toJson())).toMatchObject({ sequence: 3n, refreshHint: 300 })
  })

  test('holds as many as it is told', () => {
    const text = JSON.stringify({ trust_domains: { a: { keys: [] }, b: { keys: [] } }, spiffe_sequence: 3 })
    expect(BundleMap.fromJson(text).sequence).toBe(3n)
    expect(thrownBy(() => BundleMap.fromJson(text, { limits: { trustDomains: 1 } }))).toMatchObject({
      code: 'ERR_SPIFFE_BUNDLE_LIMIT',
    })
    expect(() => BundleMap.fromJson(text, { limits: { trustDomains: Number.NaN } })).toThrow(
      'limits.trustDomains',
    )
  })

  test('a name of JavaScript is a trust domain like any other', () => {
    const text = '{"trust_domains": {"constructor": {"keys": []}}}'
    expect(BundleMap.fromJson(text).bundleFor('constructor')?.isEmpty).toBe(true)
    expect(BundleMap.of([bundle]).bundleFor('constructor')).toBeUndefined()
  })
})

describe('a live source', () => {
  test('takes newer ones, confirms the same, and refuses older ones', () => {
    const live = new LiveBundles({ staleAfter: 'unlimited' })
    expect(live.set(bundle)).toBe('added')
    expect(live.set(bundle)).toBe('unchanged')
    expect(live.set(bundle.with({ sequence: 6n, x509Authorities: second }))).toBe('updated')
    expect(thrownBy(() => live.set(bundle))).toMatchObject({
      code: 'ERR_SPIFFE_BUNDLE_SEQUENCE',
      data: { expected: '6', found: '5' },
    })
    expect(live.bundleFor('td')?.sequence).toBe(6n)
    expect(live.delete('td')).toBe(true)
    expect(live.bundleFor('td')).toBeUndefined()
    expect(live.set(bundle)).toBe('added')
  })

  test('a map is the state of the world; an older bundle in it keeps nobody else waiting', () => {
    const live = new LiveBundles({ staleAfter: 'unlimited', initial: [bundle] })
    const other = SpiffeBundle.of({ trustDomain: 'other', x509Authorities: second })
    const gone = SpiffeBundle.of({ trustDomain: 'gone', x509Authorities: second })
    live.set(gone)
    const outcome = live.replaceAll(BundleMap.of([other, bundle.with({ sequence: 1n })]))
    expect(outcome.get('other')).toBe('added')
    expect(outcome.get('td')).toMatchObject({ code: 'ERR_SPIFFE_BUNDLE_SEQUENCE' })
    expect(live.bundleFor('td')).toBe(bundle)
    expect(live.bundleFor('gone')).toBeUndefined()
    live.replaceAll(BundleMap.of([other]))
    expect(live.trustDomains.map(String)).toEqual(['other'])
  })

  test('an older map brings nothing back', () => {
    const live = new LiveBundles({ staleAfter: 'unlimited' })
    const other = SpiffeBundle.of({ trustDomain: 'other', x509Authorities: second })
    live.replaceAll(BundleMap.of([bundle, other], { sequence: 6n }))
    live.replaceAll(BundleMap.of([bundle], { sequence: 7n }))
    expect(() => live.replaceAll(BundleMap.of([bundle, other], { sequence: 3n }))).toThrow(
      'older than the one',
    )
    expect(live.bundleFor('other')).toBeUndefined()
    live.replaceAll(BundleMap.of([bundle, other], { sequence: 7n }))
    expect(live.bundleFor('other')).toBe(other)
    // @ts-expect-error what is no map
    expect(() => live.replaceAll(undefined)).toThrow('BundleMap')
    expect(live.trustDomains.length).toBe(2)
  })

  test('a sequence that the publisher lost does not open the way for an older one', () => {
    const live = new LiveBundles({ staleAfter: 'unlimited', initial: [bundle] })
    const lost = SpiffeBundle.of({ trustDomain: 'td', x509Authorities: [root, second] })
    expect(live.set(lost)).toBe('sequence-lost')
    expect(() => live.set(bundle.with({ sequence: 4n }))).toThrow('older than the one held, 5')
    expect(live.set(bundle.with({ sequence: 6n, x509Authorities: root }))).toBe('updated')
  })

  test('a date that is none makes nothing young, nor does a broken clock', () => {
    const clock = manualClock()
    const live = new LiveBundles({ staleAfter: '1h', clock })
    expect(() => live.set(bundle, new Date('soon'))).toThrow('confirmed')
    expect(() => live.set(bundle, '2026-01-01' as never)).toThrow('confirmed')
    live.set(bundle)
    let broken = false
    const moody = { now: () => (broken ? new Date(Number.NaN) : clock.now()), sleep: clock.sleep }
    const other = new LiveBundles({ staleAfter: '1h', clock: moody, initial: [bundle] })
    broken = true
    expect(thrownBy(() => other.bundleFor('td'))).toMatchObject({ code: 'ERR_SPIFFE_BUNDLE_STALE' })
  })

  test('its last second counts, the next does not', () => {
    const clock = manualClock()
    const live = new LiveBundles({ staleAfter: '1h', clock, initial: [bundle] })
    clock.advance('1h')
    expect(live.bundleFor('td')).toBe(bundle)
    clock.advance('1s')
    expect(() => live.bundleFor('td')).toThrow('raise staleAfter only if')
    expect(live.latest('td')).toBe(bundle)
    live.set(bundle)
    expect(live.bundleFor('td')).toBe(bundle)
  })
})
