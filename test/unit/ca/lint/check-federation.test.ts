import { describe, expect, test } from 'vitest'
import { checkFederation, type FederationInput } from '../../../../src/ca/index.ts'
import { CLIENT_AUTH, eku } from '../../verify/forge.ts'
import { east, eastCa, FEDERATION_CASES, island, west } from './check-federation-cases.ts'
import { at, caBelow, codesOf, expectCase, leafBelow, otherRoot, pem, root, rootOf } from './support.ts'

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
