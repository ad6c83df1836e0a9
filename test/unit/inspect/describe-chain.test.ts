import { describe, expect, test } from 'vitest'
import { memoryRevocationStore } from '../../../src/ca/index.ts'
import { type ChainDescription, type DescribeOptions, describe as tell } from '../../../src/inspect/index.ts'
import { SpiffeBundle } from '../../../src/spiffe/index.ts'
import {
  ca,
  caBelow,
  codesOf,
  leaf,
  leafBelow,
  otherCa,
  otherRoot,
  pem,
  root,
  rootOf,
} from '../ca/lint/support.ts'
import { NOW as CA_NOW, ID as CLUSTER_ID, request, rootCa } from '../ca/support.ts'
import { ALGORITHMS, ext, type Forged, forge, keysOf, withBadSignature } from '../verify/forge.ts'

const time = new Date('2026-06-01T00:00:00Z')
const of = (chain: readonly Forged[], options: DescribeOptions = {}): Promise<ChainDescription> =>
  tell(
    chain.map(({ certificate }) => certificate),
    { time, ...options },
  )
const proofs = ({ links }: ChainDescription) => links.map(({ proof, signedBy }) => [proof, signedBy])

describe('order, and who signed whom', () => {
  test('leaf first, with its root', async () => {
    const chain = await of([leaf, ca, root])
    expect(chain).toMatchObject({ kind: 'chain', order: 'leaf-first', hasRoot: true })
    expect(proofs(chain)).toEqual([
      ['signature', 2],
      ['signature', 3],
      ['self-signed', 3],
    ])
    expect(chain.certificates.map(({ role }) => role)).toEqual(['workload', 'intermediate', 'root'])
    // A peer trusts its own copy of the root only.
    expect(codesOf(chain.findings ?? [])).toEqual(['root-in-chain'])
  })

  test('without its root', async () => {
    const chain = await of([leaf, ca])
    expect(chain).toMatchObject({ order: 'leaf-first', hasRoot: false, findings: [] })
    expect(proofs(chain)).toEqual([
      ['signature', 2],
      ['absent', undefined],
    ])
  })

  test('the wrong way round', async () => {
    const chain = await of([root, ca, leaf])
    expect(chain.order).toBe('reversed')
    expect(proofs(chain)).toEqual([
      ['self-signed', 1],
      ['signature', 1],
      ['signature', 2],
    ])
    expect(codesOf(chain.findings ?? [])).toContain('chain-reversed')
  })

  test('in no order', async () => {
    expect((await of([leaf, root, ca])).order).toBe('mixed')
  })

  test('one that is no issuer of the others', async () => {
    expect((await of([leaf, ca, otherCa])).order).toBe('unrelated')
  })

  test('names propose, signatures decide', async () => {
    // A CA of the same name with another key.
    const namesake = caBelow(root, 'Lint CA', { keys: keysOf('another key') })
    const chain = await of([leaf, namesake])
    expect(proofs(chain)).toEqual([
      ['name-only', undefined],
      ['absent', undefined],
    ])
    expect(chain.links[0]?.words).toContain('its key did not sign it')
    expect(proofs(await of([leaf, namesake, ca]))[0]).toEqual(['signature', 3])
  })

  test('a signature that was spoilt', async () => {
    const spoilt = await tell([withBadSignature(leaf.der), ca.der], { time })
    expect(proofs(spoilt)[0]).toEqual(['name-only', undefined])
  })

  test('a signature that cannot be checked', async () => {
    const old = leafBelow(ca, { algorithm: ALGORITHMS['ecdsa-sha1'] })
    expect(proofs(await of([old, ca]))[0]).toEqual(['unknown', undefined])
  })

  test('the same twice', async () => {
    const chain = await of([leaf, ca, ca])
    expect(proofs(chain)).toEqual([
      ['signature', 2],
      ['absent', undefined],
      ['repeated', undefined],
    ])
    expect(chain.certificates).toHaveLength(3)
  })

  test('roots side by side are described each by itself', async () => {
    const chain = await of([root, otherRoot])
    expect(chain.order).toBe('roots')
    expect(chain.certificates.map(({ findings }) => findings)).toEqual([[], []])
    expect(chain).not.toHaveProperty('findings')
  })

  test('one alone is a chain too', async () => {
    expect(await of([root])).toMatchObject({ order: 'leaf-first', hasRoot: true })
  })

  test('PEM and DER in one array; what cannot be read names its place', async () => {
    expect((await tell([pem(leaf, ca), root.der], { time })).certificates).toHaveLength(3)
    await expect(tell([leaf.der, new Uint8Array(3)], { time })).rejects.toMatchObject({
      code: 'ERR_DER_UNEXPECTED_TAG',
      message: expect.stringContaining('chain[1]'),
    })
  })

  test('300 roots: 256 are described', async () => {
    const many = await of(
      Array.from({ length: 300 }, (_, i) => rootOf(`Root ${i}`, { keys: keysOf('many') })),
      {
        lint: false,
      },
    )
    expect(many.certificates).toHaveLength(256)
    expect(many.omitted).toEqual({ certificates: 44 })
  })
})

describe('large ones', () => {
  test('of certificates with more than 512 KiB together the first are described', async () => {
    const large = forge({
      subject: 'same',
      issuer: forge({ subject: 'same', keys: keysOf('signer') }),
      extensions: [ext('1.2.3.4', new Uint8Array(100_000))],
    })
    const chain = await tell([large.der, large.der, large.der, large.der, large.der, large.der, ca.der], {
      time,
    })
    expect(chain.certificates).toHaveLength(5)
    expect(chain.omitted).toEqual({ certificates: 2 })
  })
})

describe('by whom it is verified', () => {
  const bundle = (trustDomain: string, x509Authorities: Forged) =>
    SpiffeBundle.of({ trustDomain, x509Authorities: x509Authorities.certificate })

  test('by one mesh and not by another, with the reason', async () => {
    const { trust } = await of([leaf, ca], {
      anchors: { own: root.certificate, other: pem(otherRoot) },
    })
    expect(trust).toEqual([
      {
        anchors: 'own',
        certificate: expect.stringContaining('Lint Workload'),
        isAnchor: false,
        path: { ok: true },
        certificates: ['Lint Workload', 'Lint CA', 'Lint Root'].map((cn) => expect.stringContaining(cn)),
        svid: { ok: true },
      },
      {
        anchors: 'other',
        certificate: expect.stringContaining('Lint Workload'),
        isAnchor: false,
        path: { ok: false, code: 'ERR_PATH_NO_ISSUER', reason: expect.stringMatching(/./) },
        svid: { ok: false, code: 'ERR_PATH_NO_ISSUER', reason: expect.stringMatching(/./) },
      },
    ])
  })

  test('a bundle speaks for its own trust domain only', async () => {
    const { trust } = await of([leaf, ca], {
      anchors: { own: bundle('cluster.local', root), other: bundle('other.example', root) },
    })
    expect(trust?.map(({ path, svid }) => [path.ok, svid?.ok, svid?.code])).toEqual([
      [true, true, undefined],
      // The key is that of a root which is trusted for others.
      [true, false, 'ERR_SVID_NO_BUNDLE'],
    ])
  })

  test('a bundle without authorities verifies nothing', async () => {
    const { trust } = await of([leaf, ca], { anchors: SpiffeBundle.of({ trustDomain: 'cluster.local' }) })
    expect(trust).toMatchObject([{ anchors: 'anchors', path: { ok: false }, svid: { ok: false } }])
  })

  test('the leaf of a reversed chain is meant, and a CA has no verdict as SVID', async () => {
    const { trust } = await of([ca, leaf], { anchors: root.certificate })
    expect(trust?.[0]).toMatchObject({
      certificate: expect.stringContaining('Lint Workload'),
      path: { ok: true },
    })
    const [verdict] = (await tell(ca.certificate, { time, anchors: root.certificate })).trust ?? []
    expect(verdict?.path).toEqual({ ok: true })
    expect(verdict).not.toHaveProperty('svid')
  })

  test('an anchor is told as such', async () => {
    const { trust } = await tell(root.certificate, {
      time,
      anchors: { own: pem(root), other: pem(otherRoot) },
    })
    expect(trust?.map(({ isAnchor, path }) => [isAnchor, path.ok])).toEqual([
      [true, false],
      [false, false],
    ])
  })

  test('with intermediates, at an instant, for a purpose', async () => {
    const { certificate } = leaf
    const verdict = async (options: DescribeOptions) =>
      (await tell(certificate, { time, anchors: root.certificate, ...options })).trust?.[0]?.path
    expect(await verdict({})).toMatchObject({ code: 'ERR_PATH_NO_ISSUER' })
    expect(await verdict({ intermediates: pem(ca) })).toEqual({ ok: true })
    expect(await verdict({ intermediates: pem(ca), time: new Date('2026-12-01T00:00:00Z') })).toMatchObject({
      code: 'ERR_PATH_EXPIRED',
    })
    expect(await verdict({ intermediates: pem(ca), purpose: 'clientAuth' })).toEqual({ ok: true })
    expect(await verdict({ intermediates: pem(ca), purpose: '1.3.6.1.5.5.7.3.3' })).toMatchObject({
      code: 'ERR_PATH_EXTENDED_KEY_USAGE',
    })
  })

  test('with CRLs: revoked and not', async () => {
    const issuer = await rootCa({ revocations: memoryRevocationStore() })
    const workload = async () =>
      (await issuer.issueWorkload(await request(), { id: CLUSTER_ID, lifetime: '24h' })).certificate
    const [bad, good] = [await workload(), await workload()]
    await issuer.revoke(bad, { reason: 'keyCompromise' })
    const { crl } = await issuer.issueCrl({ nextUpdate: '7d' })
    const verdict = async (certificate: typeof bad) =>
      (await tell(certificate, { time: CA_NOW, anchors: issuer.certificate, crls: crl })).trust?.[0]
    expect(await verdict(good)).toMatchObject({ path: { ok: true }, svid: { ok: true } })
    expect(await verdict(bad)).toMatchObject({
      path: { ok: false, code: 'ERR_PATH_REVOKED' },
      svid: { ok: false, code: 'ERR_PATH_REVOKED' },
    })
  })

  test('nobody asks without anchors', async () => {
    expect(await of([leaf, ca])).not.toHaveProperty('trust')
  })

  test('anchors that are none are the caller’s fault, and named', async () => {
    const anchors = (value: DescribeOptions['anchors']) => of([leaf], { anchors: value })
    await expect(anchors([])).rejects.toMatchObject({ code: 'ERR_PATH_ANCHOR' })
    await expect(anchors({ west: 'no PEM' })).rejects.toMatchObject({
      code: 'ERR_PEM_NO_BLOCK',
      message: expect.stringContaining('anchors.west'),
    })
    const many = Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`mesh${i}`, pem(root)]))
    await expect(anchors(many)).rejects.toThrow(RangeError)
    // Such as another kind of store, which would verify nothing without a word.
    await expect(anchors({})).rejects.toThrow(RangeError)
  })

  test('the name of a set is escaped', async () => {
    const { trust } = await of([leaf], { anchors: { 'a\u001b[31m': pem(root) } })
    expect(trust?.[0]?.anchors).toBe('a\\u{1b}[31m')
  })
})
