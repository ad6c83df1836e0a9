import { describe, expect, test } from 'vitest'
import { type BundleChangeKind, diffBundles, SpiffeBundle } from '../../../src/spiffe/index.ts'
import { aki, forge, forgeCa, keysOf, NOW, san, ski, uri } from '../verify/forge.ts'

const a = forgeCa({ subject: 'a' })
const b = forgeCa({ subject: 'b' })
const intermediate = forgeCa({ subject: 'intermediate', issuer: a })
const leaf = forge({ subject: 'leaf', issuer: intermediate, extensions: [san([uri('spiffe://td/leaf')])] })
const expired = forge({ subject: 'old', issuer: a, notAfter: '2026-02-01T00:00:00Z' })

const of = (...authorities: readonly { certificate: typeof a.certificate }[]) =>
  SpiffeBundle.of({
    trustDomain: 'td',
    x509Authorities: authorities.map(({ certificate }) => certificate),
    sequence: 1n,
  })
const next = (bundle: SpiffeBundle, sequence = 2n) => bundle.with({ sequence })
const kinds = (...args: Parameters<typeof diffBundles>): BundleChangeKind[] =>
  diffBundles(...args).changes.map(({ kind }) => kind)

describe('dropping an authority', () => {
  test('is safe when nothing that it issued is in use', () => {
    const { safe, changes } = diffBundles(of(a, b), next(of(b)), { inUse: [expired.certificate], time: NOW })
    expect(safe).toBe(true)
    expect(changes).toMatchObject([{ kind: 'drops-drained', safe: true }])
    expect(changes[0]?.authority).toBe(a.certificate)
  })

  test('is not while an intermediate or a leaf below it is', () => {
    const { safe, changes } = diffBundles(of(a, b), next(of(b)), {
      inUse: [leaf.certificate, intermediate.certificate],
      time: NOW,
    })
    expect(safe).toBe(false)
    expect(changes[0]).toMatchObject({ kind: 'drops-live', dependents: [intermediate.certificate] })
    expect(changes[0]?.message).toContain('"CN=intermediate"')
  })

  test('is not when the chain of a leaf is not whole, since it may lead there', () => {
    expect(kinds(of(a, b), next(of(b)), { inUse: leaf.certificate, time: NOW })).toEqual(['drops-live'])
    const foreign = forge({
      subject: 'foreign',
      issuer: intermediate,
      extensions: [san([uri('spiffe://other/leaf')])],
    })
    expect(kinds(of(a, b), next(of(b)), { inUse: foreign.certificate, time: NOW })).toEqual(['drops-drained'])
  })

  test('is not before it expires where nothing is said about use', () => {
    expect(kinds(of(a, b), next(of(b)), { time: NOW })).toEqual(['drops-live'])
    expect(kinds(of(a, b), next(of(b)), { time: new Date('2027-06-01T00:00:00Z') })).toEqual([
      'drops-drained',
    ])
  })

  test('is what a function says', () => {
    const says = (live: boolean) => ({ inUse: () => live, time: NOW })
    expect(kinds(of(a, b), next(of(b)), says(true))).toEqual(['drops-live'])
    expect(kinds(of(a, b), next(of(b)), says(false))).toEqual(['drops-drained'])
  })

  test('tells two CAs of one name apart by their key identifiers', () => {
    const twin = forgeCa({ subject: 'a', keys: keysOf('twin'), extensions: [ski(Uint8Array.of(2))] })
    const first = forgeCa({ subject: 'a', extensions: [ski(Uint8Array.of(1))] })
    const below = forge({ subject: 'below', issuer: first, extensions: [aki(Uint8Array.of(1))] })
    const inUse = { inUse: below.certificate, time: NOW }
    expect(kinds(of(first, twin), next(of(first)), inUse)).toEqual(['drops-drained'])
    expect(kinds(of(first, twin), next(of(twin)), inUse)).toEqual(['drops-live'])
  })

  test('the last one is never safe', () => {
    expect(kinds(of(a), next(of()), { inUse: [], time: NOW })).toEqual(['drops-drained', 'empties'])
    expect(diffBundles(of(a), next(of()), { inUse: [], time: NOW }).safe).toBe(false)
    expect(diffBundles(of(), next(of()), { time: NOW })).toMatchObject({
      safe: true,
      same: true,
      changes: [],
    })
  })
})

describe('a function that says what is in use', () => {
  const jwt = (keyId: string) => ({ keyId, jwk: keysOf('jwt').publicKey.export({ format: 'jwk' }) as never })
  test('is not asked about tokens where their keys are named', () => {
    const old = SpiffeBundle.of({
      trustDomain: 'td',
      x509Authorities: a.certificate,
      jwtAuthorities: [jwt('k1')],
    })
    const without = old.with({ jwtAuthorities: [] })
    const dropped = { inUse: (authority: object) => 'fingerprint' in authority, time: NOW }
    expect(kinds(old, without, { ...dropped, jwtKeyIdsInUse: ['k1'] })).toEqual(['drops-live'])
    expect(kinds(old, without, { ...dropped, jwtKeyIdsInUse: [] })).toEqual(['drops-drained'])
    // Without names it is the function's word that counts.
    expect(kinds(old, without, dropped)).toEqual(['drops-drained'])
  })

  test.each([['k1'], [null], [new Set(['k1'])], [[1]]])(
    'key identifiers are an array of texts, not %o',
    (wrong) => {
      const jwtKeyIdsInUse = wrong as unknown as string[]
      expect(() => diffBundles(of(a), of(a), { inUse: [], jwtKeyIdsInUse, time: NOW })).toThrow(
        'option "jwtKeyIdsInUse"',
      )
    },
  )

  test.each([Promise.resolve(true), 1, undefined, 'yes'])('must answer true or false, not %s', (answer) => {
    const vague = () => answer as unknown as boolean
    expect(() => diffBundles(of(a, b), next(of(b)), { inUse: vague, time: NOW })).toThrow('option "inUse"')
    expect(() => diffBundles(of(a), next(of(a, b)), { inUse: [], retired: vague, time: NOW })).toThrow(
      'option "retired"',
    )
  })
})

describe('an authority that was issued again', () => {
  const again = (changes: Partial<Parameters<typeof forgeCa>[0]>) =>
    forgeCa({ subject: 'a', keys: a.keys, notAfter: '2028-01-01T00:00:00Z', ...changes })

  test('for the same name and key, at least as wide, replaces the old one', () => {
    const { safe, changes } = diffBundles(of(a), next(of(again({}))), {
      inUse: intermediate.certificate,
      time: NOW,
    })
    expect(safe).toBe(true)
    expect(changes.map(({ kind }) => kind)).toEqual(['replaces'])
  })

  test.each([
    ['under another name', { subject: 'renamed' }],
    ['for another key', { keys: keysOf('another') }],
    ['with another key identifier, which OpenSSL would refuse', { extensions: [ski(Uint8Array.of(9))] }],
    ['with a path length that cuts off what is below', { pathLength: 0 }],
    ['valid for less long', { notAfter: '2026-12-01T00:00:00Z' }],
    ['valid only after the old one', { notBefore: '2027-06-01T00:00:00Z' }],
    ['not valid yet, so that peers would be refused until then', { notBefore: '2026-11-01T00:00:00Z' }],
  ])('%s, does not', (_what, changes) => {
    const diff = diffBundles(of(a), next(of(again(changes))), { inUse: intermediate.certificate, time: NOW })
    expect(diff.safe).toBe(false)
    expect(diff.changes.map(({ kind }) => kind)).toEqual(['adds', 'drops-live'])
  })
})

describe('words for a controller', () => {
  test('say by when an authority may go at the latest', () => {
    const [change] = diffBundles(of(a, b), next(of(b)), {
      inUse: [leaf.certificate, intermediate.certificate],
      time: NOW,
    }).changes
    expect(change?.safeAfter).toEqual(intermediate.certificate.notAfter)
    expect(change?.message).toContain('at the latest 2027-01-01T00:00:00.000Z')
    const [unsaid] = diffBundles(of(a, b), next(of(b)), { time: NOW }).changes
    expect(unsaid?.message).toContain('nobody said that it is not in use')
    expect(unsaid?.safeAfter).toEqual(a.certificate.notAfter)
    const [broken] = diffBundles(of(a, b), next(of(b)), { inUse: leaf.certificate, time: NOW }).changes
    expect(broken?.message).toContain('its issuer is not among what is in use')
  })

  test('see an authority that signs before everybody has it', () => {
    const early = forge({ subject: 'early', issuer: b })
    const { safe, changes } = diffBundles(of(a), next(of(a, b)), { inUse: early.certificate, time: NOW })
    expect(safe).toBe(true)
    expect(changes).toMatchObject([{ kind: 'adds', dependents: [early.certificate] }])
    expect(changes[0]?.message).toContain('signs already')
  })

  test('name each dependent once, and take a root that is presented for in use', () => {
    const again = [intermediate.certificate, intermediate.certificate, leaf.certificate]
    const [change] = diffBundles(of(a, b), next(of(b)), { inUse: again, time: NOW }).changes
    expect(change?.dependents).toEqual([intermediate.certificate])
    expect(kinds(of(a, b), next(of(b)), { inUse: a.certificate, time: NOW })).toEqual(['drops-live'])
  })
})

describe('names alone prove nothing', () => {
  test('an intermediate of the next root may bear the name of the one that is missing', () => {
    // Neither has key identifiers: whose intermediate issued the leaf, nobody can say.
    const namesake = forgeCa({ subject: 'intermediate', issuer: b, keys: keysOf('namesake') })
    const diff = diffBundles(of(a, b), next(of(b)), {
      inUse: [leaf.certificate, namesake.certificate],
      time: NOW,
    })
    expect(diff.changes.map(({ kind }) => kind)).toEqual(['drops-live'])
  })

  test('a key that was retired is retired under every certificate', () => {
    const again = forgeCa({ subject: 'b', keys: b.keys, notAfter: '2029-01-01T00:00:00Z' })
    expect(kinds(of(a), next(of(a, again)), { retired: b.certificate, time: NOW })).toEqual(['resurrects'])
  })
})

test('an authority that stood beside its successor may go', () => {
  const successor = forgeCa({ subject: 'a', keys: a.keys, notAfter: '2028-01-01T00:00:00Z' })
  const diff = diffBundles(of(a, successor), next(of(successor)), {
    inUse: intermediate.certificate,
    time: NOW,
  })
  expect(diff).toMatchObject({ safe: true, changes: [{ kind: 'replaces', authority: a.certificate }] })
})

test('a fleet of thousands is no quadratic matter', () => {
  const first = forgeCa({ subject: 'fleet', issuer: a })
  const many = Array.from(
    { length: 3000 },
    (_, i) => forge({ subject: `workload ${i}`, issuer: first }).certificate,
  )
  const { changes } = diffBundles(of(a, b), next(of(b)), { inUse: [...many, first.certificate], time: NOW })
  expect(changes.map(({ kind }) => kind)).toEqual(['drops-live'])
})

describe('what comes back, and in which order', () => {
  test('a retired authority resurrects', () => {
    const { safe, changes } = diffBundles(of(a), next(of(a, b)), { retired: b.certificate, time: NOW })
    expect(safe).toBe(false)
    expect(changes).toMatchObject([{ kind: 'resurrects' }])
    expect(kinds(of(a), next(of(a, b)), { time: NOW })).toEqual(['adds'])
  })

  test.each<[bigint | undefined, bigint | undefined, BundleChangeKind[]]>([
    [5n, 4n, ['sequence-regression', 'adds']],
    [5n, undefined, ['sequence-regression', 'adds']],
    [5n, 5n, ['same-sequence-other-content', 'adds']],
    [5n, 6n, ['adds']],
    [undefined, undefined, ['adds']],
    [undefined, 1n, ['adds']],
    [2n ** 64n, 2n ** 64n - 1n, ['sequence-regression', 'adds']],
  ])('sequence %s, then %s', (before, after, expected) => {
    const make = (sequence: bigint | undefined, ...authorities: (typeof a)[]) =>
      SpiffeBundle.of({
        trustDomain: 'td',
        x509Authorities: authorities.map((one) => one.certificate),
        sequence,
      })
    expect(kinds(make(before, a), make(after, a, b), { time: NOW })).toEqual(expected)
  })

  test('the same sequence with the same content is no change', () => {
    expect(diffBundles(of(a, b), of(b, a), { time: NOW })).toEqual({ safe: true, same: true, changes: [] })
  })

  test('JWT authorities count as well, and are live unless a function says otherwise', () => {
    const jwk = keysOf('jwt').publicKey.export({ format: 'jwk' }) as never
    const withJwt = of(a).with({ jwtAuthorities: [{ keyId: 'k1', jwk }] })
    expect(kinds(of(a), next(withJwt), { time: NOW })).toEqual(['adds'])
    const without = next(of(a), 3n)
    expect(kinds(withJwt, without, { inUse: [], time: NOW })).toEqual(['drops-live'])
    expect(kinds(withJwt, without, { inUse: () => false, time: NOW })).toEqual(['drops-drained'])
    expect(kinds(withJwt, without, { jwtKeyIdsInUse: ['k1'], time: NOW })).toEqual(['drops-live'])
    expect(kinds(withJwt, without, { jwtKeyIdsInUse: [], time: NOW })).toEqual(['drops-drained'])
    const rekeyed = of(a).with({
      jwtAuthorities: [{ keyId: 'k1', jwk: keysOf('jwt2').publicKey.export({ format: 'jwk' }) as never }],
    })
    expect(kinds(withJwt, next(rekeyed, 3n), { time: NOW })).toEqual(['adds', 'drops-live'])
  })

  test('two trust domains cannot be compared', () => {
    expect(() => diffBundles(of(a), SpiffeBundle.of({ trustDomain: 'other' }))).toThrow('one trust domain')
  })
})
