/**
 * Graphs of cross-signed CAs: what has a way to an anchor is found within the default budgets, and what has
 * none is refused. RFC 5280 leaves building paths to others; RFC 4158 §2.4 describes these graphs.
 */
import { describe, expect, test } from 'vitest'
import { TrustAnchor } from '../../../src/verify/index.ts'
import {
  aki,
  basicConstraints,
  dns,
  EMPTY_NAME,
  type Forged,
  forge,
  forgeCa,
  forgeDer,
  keyIdOf,
  keysOf,
  keyUsage,
  nameConstraints,
  type Recipe,
  san,
  ski,
  uri,
  withBadSignature,
} from './forge.ts'
import { accepted, refused } from './support.ts'

const root = forgeCa({ subject: 'ring root' })

/** CAs of a graph, each with a name and a key; their own certificates are self-signed. */
const casOf = (count: number, title = 'node'): readonly Forged[] =>
  Array.from({ length: count }, (_, i) => forgeCa({ subject: `${title} ${i}` }))

const at = (cas: readonly Forged[], i: number): Forged => {
  const ca = cas.at(i)
  if (ca === undefined) throw new Error(`there is no CA ${i}`)
  return ca
}

/** A CA certificate for a name and key, as another CA signs it. */
const cross = (of: Forged, by: Forged, more: Partial<Recipe> = {}): Uint8Array =>
  forgeDer({
    subject: of.name,
    keys: of.keys,
    issuer: by,
    ...more,
    extensions: [basicConstraints(true), ...(more.extensions ?? [])],
  })

/** Every CA by every other. */
const mesh = (cas: readonly Forged[]): readonly Uint8Array[] =>
  cas.flatMap((of) => cas.filter((by) => by !== of).map((by) => cross(of, by)))

/** Every CA by the next one. */
const ring = (cas: readonly Forged[]): readonly Uint8Array[] =>
  cas.map((of, i) => cross(of, at(cas, (i + 1) % cas.length)))

const leafOf = (issuer: Forged, extensions: readonly Uint8Array[] = []): Uint8Array =>
  forge({ subject: 'ring leaf', issuer, extensions }).der

const SIZES = [6, 7, 8, 9, 10] as const

describe('rings', () => {
  test.each(SIZES)('of %i: out at every place, and in either order', (size) => {
    const cas = casOf(size)
    const leaf = leafOf(at(cas, 0))
    const around = ring(cas)
    for (let exit = 0; exit < size; exit++) {
      const way = cross(at(cas, exit), root)
      for (const intermediates of [[...around, way], [way, ...around], [...around, way].reverse()]) {
        const path = accepted(leaf, { anchors: root.der, intermediates })
        // Leaf, the CAs up to the exit, root: there is no other way.
        expect(path.certificates).toHaveLength(exit + 3)
      }
    }
    refused(leaf, { anchors: root.der, intermediates: around }, 'ERR_PATH_NO_ISSUER')
  })

  test('two rings that share one CA, whose way out is in the second', () => {
    const first = casOf(4, 'first')
    const second = [at(first, 2), ...casOf(4, 'second')]
    const intermediates = [...ring(first), ...ring(second)]
    const leaf = leafOf(at(first, 0))
    refused(leaf, { anchors: root.der, intermediates }, 'ERR_PATH_NO_ISSUER')
    const exit = cross(at(second, 3), root)
    expect(
      accepted(leaf, { anchors: root.der, intermediates: [...intermediates, exit] }).anchor,
    ).toBeDefined()
  })

  test('both directions of a ring', () => {
    const cas = casOf(8)
    const intermediates = [...ring(cas), ...ring([...cas].reverse())]
    const leaf = leafOf(at(cas, 0))
    refused(leaf, { anchors: root.der, intermediates }, 'ERR_PATH_NO_ISSUER')
    for (let exit = 0; exit < 8; exit++) {
      const way = cross(at(cas, exit), root)
      // The shorter way round is the one that is found.
      const found = accepted(leaf, { anchors: root.der, intermediates: [...intermediates, way] })
      expect(found.certificates).toHaveLength(Math.min(exit, 8 - exit) + 3)
    }
  })
})

describe('full meshes', () => {
  test.each(SIZES)('of %i: the only way out comes last', (size) => {
    const cas = casOf(size)
    const leaf = leafOf(at(cas, 0))
    const edges = mesh(cas)
    for (const exit of [0, 1, size - 1]) {
      const way = cross(at(cas, exit), root)
      const path = accepted(leaf, { anchors: root.der, intermediates: [...edges, way] })
      expect(path.certificates.at(-1)?.equals(root.certificate)).toBe(true)
    }
  })

  test.each(SIZES)('of %i: ways out that lead nowhere come first', (size) => {
    const cas = casOf(size)
    const leaf = leafOf(at(cas, 0))
    const stranger = { ...root, keys: keysOf('ring stranger') }
    // Certificates "by the root" that another key signed, for all but the last CA.
    const decoys = cas.slice(0, -1).map((of) => cross(of, stranger))
    const way = cross(at(cas, -1), root)
    const path = accepted(leaf, { anchors: root.der, intermediates: [...decoys, ...mesh(cas), way] })
    expect(path.certificates.at(-1)?.equals(root.certificate)).toBe(true)
  })

  test.each(SIZES)('of %i: ways out that have expired come first', (size) => {
    const cas = casOf(size)
    const leaf = leafOf(at(cas, 0))
    const decoys = cas.slice(0, -1).map((of) => cross(of, root, { notAfter: '2026-02-01T00:00:00Z' }))
    const way = cross(at(cas, -1), root)
    accepted(leaf, { anchors: root.der, intermediates: [...decoys, ...mesh(cas), way] })
  })

  test('several anchors of which one is reached', () => {
    const cas = casOf(8)
    const leaf = leafOf(at(cas, 0))
    const others = casOf(6, 'other root')
    const anchors = [...others.map(({ der }) => der), root.der]
    const intermediates = [...mesh(cas), cross(at(cas, 5), root)]
    expect(accepted(leaf, { anchors, intermediates }).anchor.subject.toString()).toBe('CN=ring root')
    const bare = TrustAnchor.from({ subject: 'CN=ring root', publicKey: root.certificate.publicKey })
    expect(accepted(leaf, { anchors: [at(others, 0).der, bare], intermediates }).anchor).toBe(bare)
  })

  test('anchors that are CAs of the mesh themselves', () => {
    const cas = casOf(7)
    const leaf = leafOf(at(cas, 0))
    for (const anchor of cas) {
      const path = accepted(leaf, { anchors: anchor.der, intermediates: mesh(cas) })
      expect(path.certificates.at(-1)?.equals(anchor.certificate)).toBe(true)
    }
    const strange = leafOf(forgeCa({ subject: 'node 0', keys: keysOf('not node 0') }))
    const asked = { anchors: at(cas, 3).der, intermediates: mesh(cas.slice(0, 4)) }
    expect(isRefused(strange, asked)).toBe(true)
  })
})

const isRefused = (leaf: Uint8Array, ask: Parameters<typeof accepted>[1]): boolean => {
  try {
    accepted(leaf, ask)
    return false
  } catch {
    return true
  }
}

describe('wrong candidates first', () => {
  test('three wrong ones at each of four levels', () => {
    const levels = [root, ...casOf(4, 'level')]
    const intermediates: Uint8Array[] = []
    for (let i = 1; i < levels.length; i++) {
      const [ca, by] = [at(levels, i), at(levels, i - 1)]
      intermediates.push(
        // Another key of the name; the right key, expired; the right key, no CA; the right key, badly signed.
        cross({ ...ca, keys: keysOf(`wrong ${i}`) }, by),
        cross(ca, by, { notAfter: '2026-02-01T00:00:00Z' }),
        forgeDer({ subject: ca.name, keys: ca.keys, issuer: by, extensions: [basicConstraints(false)] }),
        withBadSignature(cross(ca, by)),
      )
    }
    const right = levels.slice(1).map((ca, i) => cross(ca, at(levels, i)))
    const leaf = leafOf(at(levels, -1))
    const path = accepted(leaf, { anchors: root.der, intermediates: [...intermediates, ...right] })
    expect(path.certificates).toHaveLength(6)
    expect(isRefused(leaf, { anchors: root.der, intermediates })).toBe(true)
    expect(isRefused(leaf, { anchors: root.der, intermediates: [...intermediates, ...right.slice(1)] })).toBe(
      true,
    )
  })

  test('a branch whose constraints only the whole path shows is left again', () => {
    const [ca, tight, loose] = [
      forgeCa({ subject: 'shared' }),
      forgeCa({
        subject: 'tight',
        issuer: root,
        extensions: [nameConstraints({ permitted: [dns('other.example')] })],
      }),
      forgeCa({ subject: 'loose', issuer: root }),
    ]
    const leaf = leafOf(ca, [san([dns('a.example.com')])])
    const branches = [cross(ca, tight), tight.der]
    refused(leaf, { anchors: root.der, intermediates: branches }, 'ERR_PATH_NAME_CONSTRAINTS')
    const path = accepted(leaf, {
      anchors: root.der,
      intermediates: [...branches, cross(ca, loose), loose.der],
    })
    expect(path.certificates[2]?.equals(loose.certificate)).toBe(true)
  })

  // RFC 5280 §4.2.1.1: the key identifier helps to choose, and nothing else.
  test('key identifiers that lie', () => {
    const ca = forgeCa({ subject: 'identified' })
    const leaf = leafOf(ca, [aki(ca.keyId)])
    const liar = forgeCa({
      subject: 'identified',
      keys: keysOf('liar'),
      issuer: root,
      extensions: [ski(ca.keyId)],
    })
    const honest = cross(ca, root, { extensions: [ski(keyIdOf(keysOf('liar')))] })
    refused(leaf, { anchors: root.der, intermediates: liar.der }, 'ERR_PATH_SIGNATURE')
    accepted(leaf, { anchors: root.der, intermediates: [liar.der, honest] })
  })
})

describe('two clusters of old Gloo Mesh, whose intermediates have empty names', () => {
  const nameless = (cluster: string): Forged =>
    forge({
      subject: EMPTY_NAME,
      keys: keysOf(`ring ${cluster}`),
      issuer: root,
      extensions: [
        keyUsage(5),
        basicConstraints(true),
        san([uri(`spiffe://${cluster}/ns/istio-system/sa/istiod`)], true),
      ],
    })
  const clusters = Array.from({ length: 6 }, (_, i) => nameless(`cluster ${i}`))
  const workload = (issuer: Forged): Uint8Array =>
    forge({
      subject: EMPTY_NAME,
      keys: keysOf('ring workload'),
      issuer,
      extensions: [san([uri('spiffe://a/ns/b/sa/c')], true)],
    }).der

  test('each leaf is found below its own, in either order', () => {
    for (const right of clusters) {
      const leaf = workload(right)
      for (const order of [clusters, [...clusters].reverse()]) {
        const path = accepted(leaf, { anchors: root.der, intermediates: order.map(({ der }) => der) })
        expect(path.certificates.map((certificate) => certificate.fingerprint())).toEqual([
          path.leaf.fingerprint(),
          right.certificate.fingerprint(),
          root.certificate.fingerprint(),
        ])
      }
      const others = clusters.filter((ca) => ca !== right).map(({ der }) => der)
      expect(isRefused(leaf, { anchors: root.der, intermediates: others })).toBe(true)
    }
  })
})

describe('the depth limit ends a branch, not the search', () => {
  const links = [root]
  for (let i = 0; i < 12; i++) links.push(forgeCa({ subject: `long ${i}`, issuer: at(links, i) }))
  const long = links.slice(1).map(({ der }) => der)
  const ca = forgeCa({ subject: 'two ways' })
  const leaf = leafOf(ca)
  const far = cross(ca, at(links, -1))

  test('a way that is too long, and another', () => {
    refused(leaf, { anchors: root.der, intermediates: [far, ...long] }, 'ERR_PATH_BUDGET_DEPTH')
    const near = cross(ca, at(links, 1))
    for (const intermediates of [
      [far, ...long, near],
      [near, far, ...long],
    ])
      expect(accepted(leaf, { anchors: root.der, intermediates }).certificates).toHaveLength(4)
    accepted(leaf, { anchors: root.der, intermediates: [far, ...long], limits: { depth: 15 } })
  })

  test('where the way that is too long looks shorter by its names', () => {
    // By names the first CA of the chain is the root's; its certificate is another key's, which only signatures tell.
    const short = withBadSignature(cross(at(links, -1), root))
    const near = cross(ca, at(links, 4))
    const path = accepted(leaf, { anchors: root.der, intermediates: [far, short, ...long, near] })
    expect(path.certificates).toHaveLength(7)
  })

  test('a mesh behind a CA whose path length is 1', () => {
    // The only way out is short: leaf, node 0, the last node, root.
    const cas = casOf(8)
    const way = cross(at(cas, -1), root, { extensions: [] })
    const tight = forgeCa({ subject: at(cas, -1).name, keys: at(cas, -1).keys, issuer: root, pathLength: 1 })
    const below = leafOf(at(cas, 0))
    accepted(below, { anchors: root.der, intermediates: [...mesh(cas), way] })
    expect(
      accepted(below, { anchors: root.der, intermediates: [...mesh(cas), tight.der] }).certificates,
    ).toHaveLength(4)
  })

  test('the same mesh with certificates of the root that have expired', () => {
    const cas = casOf(8)
    const old = cas.slice(0, -1).map((of) => cross(of, root, { notAfter: '2026-02-01T00:00:00Z' }))
    const tight = forgeCa({
      subject: at(cas, -1).name,
      keys: at(cas, -1).keys,
      issuer: root,
      pathLength: 1,
    })
    const below = leafOf(at(cas, 0))
    refused(below, { anchors: root.der, intermediates: old }, 'ERR_PATH_EXPIRED')
    accepted(below, { anchors: root.der, intermediates: [...old, ...mesh(cas), tight.der] })
  })
})
