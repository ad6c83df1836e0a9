/**
 * Whatever bytes arrive, verification answers: it never throws, and never accepts what was changed.
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type CheckPathResult, checkPath, checkPathSync, PathError } from '../../src/verify/index.ts'
import {
  aki,
  dns,
  email,
  type Forged,
  forge,
  forgeCa,
  ip,
  keysOf,
  NOW,
  nameConstraints,
  san,
  ski,
  uri,
} from '../unit/verify/forge.ts'

const KINDS = ['P-256', 'P-384', 'Ed25519', 'RSA-2048'] as const

/** A path with everything in it that verification reads. */
const PATHS = KINDS.map((kind): readonly [leaf: Forged, ca: Forged, root: Forged] => {
  const rootKeys = keysOf('garbage root', kind)
  const root = forgeCa({ subject: 'root', keys: rootKeys, pathLength: 1 })
  const constraints = nameConstraints({
    permitted: [dns('example.com'), uri('.example.com'), email('example.com'), ip('0a000000ff000000')],
    excluded: [dns('bad.example.com')],
  })
  const ca = forgeCa({
    subject: 'ca',
    keys: keysOf('garbage ca', kind),
    issuer: root,
    extensions: [constraints, aki(root.keyId), ski(keyIdOfCa(kind))],
  })
  const names = [
    dns('a.example.com'),
    uri('https://b.example.com/'),
    email('joe@example.com'),
    ip('0a000001'),
  ]
  const leaf = forge({
    subject: 'leaf',
    keys: keysOf('garbage leaf', kind),
    issuer: ca,
    extensions: [san(names), aki(ca.keyId)],
  })
  return [leaf, ca, root]
})

function keyIdOfCa(kind: (typeof KINDS)[number]): Uint8Array {
  return forge({ subject: 'x', keys: keysOf('garbage ca', kind) }).keyId
}

const PATH_CODE = /^ERR_PATH_[A-Z_]+$/

function expectAnswer(result: CheckPathResult): void {
  if (result.ok) return
  expect(result.error).toBeInstanceOf(PathError)
  expect(result.error.code).toMatch(PATH_CODE)
}

const edit = fc.oneof(
  fc.record({ op: fc.constant('set' as const), at: fc.nat(), byte: fc.integer({ min: 0, max: 255 }) }),
  fc.record({ op: fc.constant('flip' as const), at: fc.nat(), byte: fc.integer({ min: 0, max: 7 }) }),
  fc.record({ op: fc.constant('cut' as const), at: fc.nat(), byte: fc.constant(0) }),
  fc.record({ op: fc.constant('insert' as const), at: fc.nat(), byte: fc.integer({ min: 0, max: 255 }) }),
  fc.record({ op: fc.constant('remove' as const), at: fc.nat(), byte: fc.constant(0) }),
)

type Edit = typeof edit extends fc.Arbitrary<infer T> ? T : never

function apply(der: Uint8Array, edits: readonly Edit[]): Uint8Array {
  let bytes = [...der]
  for (const { op, at, byte } of edits) {
    if (bytes.length === 0) break
    const i = at % bytes.length
    if (op === 'set') bytes[i] = byte
    else if (op === 'flip') bytes[i] = (bytes[i] ?? 0) ^ (1 << byte)
    else if (op === 'cut') bytes = bytes.slice(0, i)
    else if (op === 'insert') bytes.splice(i, 0, byte)
    else bytes.splice(i, 1)
  }
  return Uint8Array.from(bytes)
}

const edits = fc.array(edit, { minLength: 1, maxLength: 3 })
const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0
const pathAt = (i: number): readonly [Forged, Forged, Forged] =>
  PATHS[i % PATHS.length] ?? PATHS[0] ?? expect.fail('no path')

test('the paths are good as they are', () => {
  for (const [leaf, ca, root] of PATHS)
    expect(
      checkPathSync(leaf.der, { anchors: root.der, intermediates: ca.der, time: NOW, purpose: 'serverAuth' }),
    ).toMatchObject({ ok: true })
})

test('4,000 changed leaves and 3,000 changed intermediates: none is accepted', () => {
  const check = (runs: number, place: 0 | 1): void =>
    fc.assert(
      fc.property(fc.nat({ max: 3 }), edits, (kind, list) => {
        const [leaf, ca, root] = pathAt(kind)
        const original = [leaf.der, ca.der][place] ?? leaf.der
        const changed = apply(original, list)
        const [sent, intermediates] = place === 0 ? [changed, ca.der] : [leaf.der, changed]
        const result = checkPathSync(sent, {
          anchors: root.der,
          intermediates,
          time: NOW,
          purpose: 'serverAuth',
        })
        expectAnswer(result)
        if (!same(changed, original)) expect(result.ok).toBe(false)
      }),
      { numRuns: runs, seed: 1 },
    )
  check(4000, 0)
  check(3000, 1)
})

test('1,500 changed anchors: an answer, and nothing else', () => {
  fc.assert(
    fc.property(fc.nat({ max: 3 }), edits, (kind, list) => {
      const [leaf, ca, root] = pathAt(kind)
      const anchors = apply(root.der, list)
      expectAnswer(
        checkPathSync(leaf.der, { anchors, intermediates: ca.der, time: NOW, purpose: 'serverAuth' }),
      )
    }),
    { numRuns: 1500, seed: 2 },
  )
})

test('1,500 inputs of random bytes and random text, in every place', () => {
  const bytes = fc.oneof(fc.uint8Array({ maxLength: 300 }), fc.string({ maxLength: 200, unit: 'binary' }))
  const [leaf, ca, root] = pathAt(0)
  fc.assert(
    fc.property(bytes, fc.nat({ max: 2 }), (input, place) => {
      const [sent, intermediates, anchors] = [leaf.der, ca.der, root.der].map((der, i) =>
        i === place ? input : der,
      )
      if (sent === undefined || intermediates === undefined || anchors === undefined) return
      const result = checkPathSync(sent, { anchors, intermediates, time: NOW, purpose: 'serverAuth' })
      expectAnswer(result)
      expect(result.ok).toBe(false)
    }),
    { numRuns: 1500, seed: 3 },
  )
})

test('random expected names: an answer, and never a match', () => {
  const [leaf, ca, root] = pathAt(0)
  const name = fc.oneof(
    fc.record({ dns: fc.string({ minLength: 1, unit: 'binary' }) }),
    fc.record({ ip: fc.string({ minLength: 1 }) }),
    fc.record({ email: fc.emailAddress() }),
    fc.record({ uri: fc.webUrl() }),
  )
  fc.assert(
    fc.property(name, (asked) => {
      const result = checkPathSync(leaf.der, {
        anchors: root.der,
        intermediates: ca.der,
        time: NOW,
        purpose: 'serverAuth',
        name: asked,
      })
      expect(result).toMatchObject({ ok: false, error: { code: 'ERR_PATH_NAME_MISMATCH' } })
    }),
    { numRuns: 300, seed: 4 },
  )
})

test('checkPath answers what checkPathSync answers', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat({ max: 3 }), edits, async (kind, list) => {
      const [leaf, ca, root] = pathAt(kind)
      const options = {
        anchors: root.der,
        intermediates: [apply(ca.der, list), ca.der],
        time: NOW,
        purpose: 'serverAuth',
      } as const
      const [a, b] = [
        checkPathSync(apply(leaf.der, list), options),
        await checkPath(apply(leaf.der, list), options),
      ]
      expect([b.ok, b.ok ? '' : b.error.message]).toEqual([a.ok, a.ok ? '' : a.error.message])
    }),
    { numRuns: 300, seed: 5 },
  )
})
