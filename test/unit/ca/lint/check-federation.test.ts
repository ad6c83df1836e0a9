import { describe, expect, test } from 'vitest'
import { checkFederation, type FederationInput } from '../../../../src/ca/index.ts'
import { FederationReport } from '../../../../src/ca/lint/federation-report.ts'
import { seq, tlv } from '../../../fixtures/x509/der.ts'
import {
  aki,
  basicConstraints,
  CLIENT_AUTH,
  eku,
  ext,
  keyIdOf,
  keysOf,
  SERVER_AUTH,
  san,
  ski,
  uri,
} from '../../verify/forge.ts'
import { east, eastCa, FEDERATION_CASES, island, renumbered, west } from './check-federation-cases.ts'
import {
  at,
  caBelow,
  codesOf,
  expectCase,
  leafBelow,
  otherRoot,
  pem,
  root,
  rootOf,
  usage,
} from './support.ts'

const check = (input: Omit<FederationInput, 'time'>) => checkFederation({ time: at, ...input })

describe('each finding, and the neighbour that is none', () => {
  test.each(FEDERATION_CASES.map((each) => [each.code, each] as const))('%s', (_, each) => expectCase(each))
})

describe('two clusters below one root', () => {
  test('verify each other: by a leaf where one is given, else by a throw-away one', async () => {
    const report = await check({ root: root.certificate, clusters: [east, west] })
    expect(report.ok).toBe(true)
    expect(report.findings).toEqual([])
    expect(report.matrix.map(({ from, to, ok, by }) => [from, to, ok, by])).toEqual([
      ['east', 'east', true, 'leaf'],
      ['east', 'west', true, 'leaf'],
      ['west', 'east', true, 'dry-run'],
      ['west', 'west', true, 'dry-run'],
    ])
    expect(report.sharedRoots).toMatchObject([{ clusters: ['east', 'west'], by: 'der' }])
  })

  test('the report prints as a table', async () => {
    const text = String(await check({ clusters: [east, west] }))
    expect(text.split('\n').slice(0, 3)).toEqual([
      'issued by  in east       in west',
      'east       verifies      verifies',
      'west       verifies      verifies',
    ])
    expect(text).toContain('shared root "CN=Lint Root"')
  })
})

describe('two islands', () => {
  test('refuse each other, and each cell says why', async () => {
    const report = await check({ clusters: [east, island] })
    expect(report.ok).toBe(false)
    expect(report.matrix.map(({ ok, error }) => [ok, error?.code])).toEqual([
      [true, undefined],
      [false, 'ERR_PATH_NO_ISSUER'],
      [false, 'ERR_PATH_NO_ISSUER'],
      [true, undefined],
    ])
    expect(report.sharedRoots).toEqual([])
    expect(String(report)).toContain('no shared root')
    expect(String(report)).toMatch(/^east +verifies +refused$/m)
  })

  test('exchanged roots make them one', async () => {
    const both = pem(root, otherRoot)
    const report = await check({
      clusters: [
        { ...east, roots: both },
        { ...island, roots: both },
      ],
    })
    expect(report.ok).toBe(true)
    expect(report.sharedRoots.length).toBe(2)
  })

  test('one that trusts the other is a one-way street', async () => {
    const report = await check({ clusters: [{ ...east, roots: pem(root, otherRoot) }, island] })
    expect(report.matrix.map(({ ok }) => ok)).toEqual([true, false, true, true])
  })
})

test('a CA below which no workload is accepted is refused, though it verifies itself', async () => {
  const narrow = rootOf('Narrow Root', { pathLength: 0 })
  const below = caBelow(narrow, 'Below')
  const report = await check({ clusters: [{ name: 'a', roots: pem(narrow), chain: pem(below) }] })
  expect(report.matrix[0]?.error?.code).toBe('ERR_PATH_LENGTH')
  const clientOnly = caBelow(root, 'Client CA', { more: [eku(CLIENT_AUTH)] })
  const purpose = await check({ clusters: [{ name: 'a', roots: pem(root), chain: pem(clientOnly) }] })
  expect(purpose.matrix[0]?.error?.code).toBe('ERR_PATH_EXTENDED_KEY_USAGE')
})

test('one bad leaf among good ones refuses the cell', async () => {
  const expired = leafBelow(eastCa, { notAfter: '2026-05-02T00:00:00Z' })
  const report = await check({
    clusters: [{ ...east, leaves: [leafBelow(eastCa).certificate, expired.certificate] }],
  })
  expect(report.matrix[0]?.error?.code).toBe('ERR_PATH_EXPIRED')
})

test('what cannot be read is a finding, and refuses', async () => {
  const report = await check({ clusters: [{ name: 'a', roots: 'nothing', chain: '' }, west] })
  expect(report.ok).toBe(false)
  expect(codesOf(report.findings)).toEqual(
    expect.arrayContaining(['empty', 'own-cluster-refused', 'cross-cluster-refused']),
  )
  expect(report.matrix.map(({ ok }) => ok)).toEqual([false, false, false, true])
})

describe('a root with one key and two key identifiers (RFC 5280 §4.2.1.1)', () => {
  // Its identifier is that of the root here, its key identifier of the issuer that of `renumbered`.
  const other = caBelow(renumbered, 'West CA', {
    only: [
      basicConstraints(true, 0),
      usage(5, 6),
      ski(keyIdOf(keysOf('West CA'))),
      aki(Uint8Array.of(1, 2, 3, 4)),
    ],
  })
  const far = { ...west, roots: pem(renumbered), chain: pem(other) }
  const near = { ...east, leaves: undefined }
  const leaves = pem(leafBelow(other, { id: 'spiffe://west.example/ns/shop/sa/cart' }))

  // openssl verify: error 20 both ways; TLS with Node: UNABLE_TO_GET_ISSUER_CERT_LOCALLY.
  test.each([
    ['by throw-away workloads', near, far],
    ['by leaves', east, { ...far, leaves }],
  ])('%s: OpenSSL finds no issuer, either way', async (_, a, b) => {
    const report = await check({ clusters: [a, b] })
    expect(report.ok).toBe(false)
    expect(report.matrix.map(({ ok, error }) => [ok, error?.code])).toEqual([
      [true, undefined],
      [false, 'ERR_PATH_NO_ISSUER'],
      [false, 'ERR_PATH_NO_ISSUER'],
      [true, undefined],
    ])
    expect(report.findings.filter(({ code }) => code === 'cross-cluster-refused').length).toBe(2)
    expect(report.matrix[2]?.error?.message).toContain('authority key identifier 01020304')
  })

  test.each([
    ['old before new', pem(root, renumbered)],
    ['new before old', pem(renumbered, root)],
  ])('both in every bundle, %s: each finds its own', async (_, roots) => {
    const clusters = [
      { ...east, roots },
      { ...far, roots, leaves },
    ]
    expect((await check({ clusters })).matrix.map(({ ok }) => ok)).toEqual([true, true, true, true])
  })

  test('a CA in the middle that was issued again: another way up that fits is found', async () => {
    // The same CA below both roots; only the way over the second fits under the first root.
    const twice = caBelow(root, 'West CA', {
      only: [basicConstraints(true, 0), usage(5, 6), ski(keyIdOf(keysOf('West CA'))), aki(root.keyId)],
    })
    const leaf = leafBelow(other, { id: 'spiffe://west.example/ns/shop/sa/cart' })
    for (const chain of [pem(other, twice), pem(twice, other)]) {
      const report = await check({ clusters: [{ ...west, chain, leaves: pem(leaf) }] })
      expect(report.matrix.map(({ ok }) => ok)).toEqual([true])
    }
  })

  test('a workload that names the serial number of a CA that was renewed', async () => {
    const named = (serial: number) => {
      const authority = ext(
        35,
        seq(tlv(0x80, eastCa.keyId), tlv(0xa1, tlv(0xa4, root.name)), tlv(0x82, Uint8Array.of(serial))),
      )
      const id = san([uri('spiffe://east.example/ns/shop/sa/cart')])
      const issuing = caBelow(root, 'East CA', { serial: 0x31 })
      const others = [basicConstraints(false), usage(0), eku(SERVER_AUTH, CLIENT_AUTH), id, authority]
      return check({
        clusters: [{ ...east, chain: pem(issuing), leaves: pem(leafBelow(issuing, { only: others })) }],
      })
    }
    expect((await named(0x31)).ok).toBe(true)
    const report = await named(0x30)
    expect(report.matrix[0]?.error?.message).toContain('authorityCertSerialNumber 30')
    expect(report.findings.map(({ code }) => code)).toEqual(['own-cluster-refused'])
  })
})

test('a table of eighty clusters looks at each cell once, not at all of them for each', () => {
  const names = Array.from({ length: 80 }, (_, i) => `c${i}`)
  let looks = 0
  const matrix = names.flatMap((from) =>
    names.map((to) => ({
      get from() {
        looks++
        return from
      },
      to,
      ok: from === to,
      by: 'dry-run' as const,
    })),
  )
  const lines = String(new FederationReport(names, matrix, [], [])).split('\n')
  expect(lines[80]).toMatch(/^c79 +(refused +){79}verifies$/)
  expect(looks).toBe(6400)
})

test('a bundle that holds the old certificate of a root beside the new one shares it by its bytes', async () => {
  const again = rootOf('Lint Root', { notAfter: '2035-01-01T00:00:00Z' })
  const roots = pem(root, again)
  const report = await check({
    clusters: [
      { ...east, roots },
      { ...west, roots },
    ],
  })
  expect(report.sharedRoots.map(({ by }) => by)).toEqual(['der'])
})

test('a cluster that signs with the key above the others is told', async () => {
  const boss = { name: 'boss', roots: pem(root), chain: pem(root) }
  const report = await check({ clusters: [boss, east] })
  expect(report.findings.find(({ code }) => code === 'key-reused')?.message).toContain('stands above "east"')
  // Two islands that trust each other's roots keep their keys to themselves.
  const roots = pem(root, otherRoot)
  const islands = await check({
    clusters: [
      { ...boss, roots },
      { name: 'other', roots, chain: pem(otherRoot) },
    ],
  })
  expect(codesOf(islands.findings)).not.toContain('key-reused')
})

test('everything is frozen', async () => {
  const report = await check({ clusters: [east] })
  for (const value of [report, report.matrix, report.matrix[0], report.sharedRoots, report.findings])
    expect(Object.isFrozen(value)).toBe(true)
})

describe('misuse', () => {
  test.each<[string, unknown, RegExp]>([
    ['no list', { clusters: {} }, /option "clusters"/],
    ['none', { clusters: [] }, /at least one cluster/],
    ['one name twice', { clusters: [east, east] }, /same name/],
    ['no name', { clusters: [{ ...east, name: '' }] }, /clusters\[0\]\.name/],
    ['an unknown member', { clusters: [{ ...east, root: '' }] }, /Did you mean "roots"/],
    ['an unknown option', { cluster: [] }, /Did you mean "clusters"/],
  ])('%s', async (_, input, message) => {
    await expect(checkFederation(input as FederationInput)).rejects.toThrow(message)
  })
})
