import { describe, expect, test } from 'vitest'
import { checkFederation, type FederationCluster } from '../../../src/ca/index.ts'
import { renderTrust } from '../../../src/inspect/index.ts'
import { at, caBelow, leafBelow, pem, rootOf } from '../ca/lint/support.ts'
import { type Forged, keysOf } from '../verify/forge.ts'
import {
  AFTER,
  BEFORE,
  CASES,
  CIRCLE,
  CROSSED,
  cellsOf,
  clusterOf,
  DATES,
  DEEP,
  eastRoot,
  MANY,
  meshRoot,
  NOWHERE,
  newRoot,
  oldRoot,
  ROLLOVER,
  rowsOf,
  SINGLE,
  titlesOf,
  UNREADABLE,
  verdictsOf,
  westRoot,
  workloadOf,
} from './render-trust-support.ts'
import { elementsOf, parseXml, textOf } from './strict-xml.ts'

const svgOf = (clusters: readonly FederationCluster[], options = {}): Promise<string> =>
  renderTrust({ clusters, time: at }, { format: 'svg', ...options })
const textOfAll = (clusters: readonly FederationCluster[], options = {}): Promise<string> =>
  renderTrust({ clusters, time: at }, { format: 'text', ...options })
const flat = (text: string): string => text.replace(/\s+/g, ' ')

/** The lines of one entry of a text: from its tag on, as long as they are indented further. */
const entryOf = (text: string, head: string): string => {
  const lines = text.split('\n')
  const start = lines.findIndex((line) => line.startsWith(`  ${head}`))
  const end = lines.findIndex((line, i) => i > start && !line.startsWith('      '))
  return flat(lines.slice(start, end).join(' '))
}

describe('the matrix is what checkPath says', () => {
  test.each([
    ['before', BEFORE, 2],
    ['after', AFTER, 4],
    ['rollover', ROLLOVER, 8],
    ['crossed', CROSSED, 4],
    ['circle', CIRCLE, 4],
    ['deep', DEEP, 13],
    ['nowhere', NOWHERE, 2],
    ['dates', DATES, 0],
  ] as const)('%s', async (_, clusters, verified) => {
    const expected = await verdictsOf(clusters)
    expect(expected.filter((one) => one.endsWith('verified'))).toHaveLength(verified)
    expect(cellsOf(await svgOf(clusters))).toEqual(expected)
    const rows = rowsOf(await textOfAll(clusters))
    expect(rows.flat().map((cell) => cell.slice(0, 2))).toEqual(
      expected.map((one) => (one.endsWith('verified') ? 'ok' : 'no')),
    )
  })

  test.each(CASES.filter(([name]) => name !== 'hostile'))(
    '%s: and what checkFederation says, with and without workloads',
    async (_, clusters) => {
      const { matrix } = await checkFederation({ clusters, time: at })
      expect(cellsOf(await svgOf(clusters))).toEqual(
        matrix.map(({ from, to, ok }) => `${from} in ${to}: ${ok ? 'verified' : 'refused'}`),
      )
    },
  )

  test('at an instant that is given: a day later no workload is good', async () => {
    const time = new Date(at.getTime() + 86_400_000)
    const svg = await renderTrust({ clusters: AFTER, time }, { format: 'svg' })
    expect(cellsOf(svg).every((cell) => cell.endsWith('refused'))).toBe(true)
    expect(flat(await renderTrust({ clusters: AFTER, time }, { format: 'text' }))).toContain(
      'workload has expired',
    )
  })
})

describe('why somebody is refused, in four words and in the words of the verifier', () => {
  test.each([
    ['another root', BEFORE, 'root not trusted there: east → west, west → east'],
    ['an intermediate that is not sent', DEEP, 'an intermediate is missing: gap → deep'],
    ['a root that nobody has', NOWHERE, 'chain leads nowhere: orphan → all, impostor → all others ERR'],
    ['a CA that expired', DATES, 'CA has expired: late → all ERR'],
    ['a CA that is not valid yet', DATES, 'CA not valid yet: early → all ERR'],
    ['a workload that expired', DATES, 'workload has expired: stale → all ERR'],
    ['a verifier without roots', UNREADABLE, 'verifier has no root: empty itself, sound → empty'],
  ] as const)('%s', async (_, clusters, words) => {
    expect(flat(await textOfAll(clusters))).toContain(words)
    const texts = elementsOf(parseXml(await svgOf(clusters)))
      .filter(({ name }) => name === 'text')
      .map(textOf)
    expect(texts.some((text) => text.includes(words.slice(0, 24)))).toBe(true)
    expect(words.split(':')[0]?.split(' ').length).toBeLessThanOrEqual(4)
  })

  test('with code, clause and remedy', async () => {
    const text = flat(await textOfAll(BEFORE))
    expect(text).toContain('ERR_PATH_NO_ISSUER, the first: issuer 2 above the leaf, "CN=East Root":')
    expect(text).toContain('(RFC 5280 §6.1) To pass: ')
  })

  test('nothing is refused where all verify', async () => {
    expect(await textOfAll(AFTER)).not.toContain('Refused')
    expect(await textOfAll(AFTER)).not.toContain('Look at')
  })

  test('everybody by everybody else is told in one', async () => {
    expect(flat(await textOfAll(MANY))).toContain('root not trusted there: everybody → everybody else')
  })
})

describe('arrows are signatures', () => {
  /** Heads of arrows; the one of the legend is written with small letters. */
  const arrows = (svg: string): number =>
    elementsOf(parseXml(svg)).filter(
      ({ name, attributes }) =>
        name === 'path' && /^M[-\d. ]+L[-\d. ]+L[-\d. ]+Z$/.test(attributes.get('d') ?? ''),
    ).length

  test.each([
    ['two roots, two CAs, two clusters', BEFORE, 4],
    ['one root above', AFTER, 4],
    ['three CAs, three clusters', ROLLOVER, 6],
    ['and a cross-certificate', CROSSED, 5],
    ['two cross-certificates', CIRCLE, 6],
    // meshRoot → T1 → T2 → T3 → deep and gap, meshRoot → shared → one and two, eastRoot → flat.
    ['a shared CA, and one that is in the chain of another', DEEP, 9],
    ['and two names without a key', NOWHERE, 6],
  ] as const)('%s', async (_, clusters, count) => {
    expect(arrows(await svgOf(clusters))).toBe(count)
  })

  test('a name alone is dashed, and the legend says so', async () => {
    const dashed = async (clusters: readonly FederationCluster[]) =>
      (await svgOf(clusters)).match(/class="mtr-line mtr-dash"/g)?.length ?? 0
    // Of the orphan and of the impostor, and in the legend.
    expect([await dashed(NOWHERE), await dashed(BEFORE)]).toEqual([3, 0])
    const text = await textOfAll(NOWHERE)
    expect(entryOf(text, 'c2  CN=Impostor CA')).toContain('names "East Root" as its issuer: it did not sign')
    expect(entryOf(text, 'c1  CN=Orphan CA')).toContain(
      'names "Lost Root" as its issuer: no certificate of it',
    )
    expect(entryOf(text, '2   impostor')).toContain('leads to no root')
    expect(entryOf(text, '3   sound')).toContain('leads to A')
    expect(text).toContain('!!  cluster "orphan": its chain leads to no root')
  })

  test('a root that was cross-signed is one, with both certificates', async () => {
    const text = await textOfAll(CROSSED)
    expect(text.match(/CN=Root 2026/g)).toHaveLength(1)
    const entry = entryOf(text, 'A   CN=Root 2026')
    expect(entry).toContain('self-signed, expires 2034-01-01')
    expect(entry).toContain('signed by B, expires 2027-01-01')
    expect(rowsOf(text)).toEqual([
      ['ok A,B', 'ok B'],
      ['ok B', 'ok B'],
    ])
  })

  test('a letter in the matrix stands for a way by certificates that both have, not a third', async () => {
    const ca = caBelow(oldRoot, 'CA of old')
    // Only the third has the certificate by which the new root signed the old one.
    const back = caBelow(newRoot, 'Root 2025', { keys: keysOf('Root 2025'), pathLength: 1 })
    const clusters = [
      clusterOf('old', [oldRoot], [ca]),
      clusterOf('both', [newRoot, oldRoot], [caBelow(newRoot, 'CA of new')]),
    ]
    const rows = async (third: readonly Forged[]) =>
      rowsOf(await textOfAll([...clusters, clusterOf('third', [oldRoot], [ca, ...third])]))
    expect((await rows([back]))[0]).toEqual(['ok A', 'ok A', 'ok A'])
    expect((await rows([back]))[2]).toEqual(['ok A', 'ok A,B', 'ok A'])
    expect((await rows([]))[2]).toEqual(['ok A', 'ok A', 'ok A'])
  })

  test('a root that was issued again with its key is one', async () => {
    const again = rootOf('Mesh Root', { notAfter: '2035-01-01T00:00:00Z' })
    const clusters = AFTER.map((one, i) => (i === 0 ? one : { ...one, roots: pem(again) }))
    const text = await textOfAll(clusters)
    expect(entryOf(text, 'A   CN=Mesh Root')).toMatch(
      /self-signed, expires 2034-01-01.*; self-signed, expires 2035-01-01.* trusted by all 2 clusters/,
    )
    expect(text).toContain('2 clusters, 1 root, 4 of 4 pairs verified')
  })
})

describe('who trusts whom', () => {
  test('by letters: of roots in the order of the clusters, and then of those without a chain', async () => {
    const text = await textOfAll(ROLLOVER)
    expect(entryOf(text, 'A   CN=Root 2026')).toContain('trusted by ams, fra')
    expect(entryOf(text, 'B   CN=Root 2025')).toContain('trusted by all 3 clusters')
    expect(entryOf(text, '1   ams')).toContain('leads to A')
    expect(entryOf(text, '1   ams')).toContain('trusts A, B')
    expect(entryOf(text, '3   sin')).toContain('trusts B')
    expect(entryOf(text, '3   sin')).not.toContain('trusts A')
    const titles = titlesOf(await svgOf(ROLLOVER))
    expect(
      titles.some(
        (title) => title.startsWith('ams; trust domain ams.example;') && title.endsWith('it trusts A, B'),
      ),
    ).toBe(true)
    expect(titles.some((title) => title.startsWith('sin;') && title.endsWith('it trusts B'))).toBe(true)
  })

  test('a root without a chain, and one that nobody trusts, are marked', async () => {
    const svg = await svgOf(SINGLE)
    expect(textOf(parseXml(svg)).match(/no chain leads here/g)).toHaveLength(2)
    expect(await textOfAll(SINGLE)).toContain('root C "East Root": no chain leads to it')
    const lonely = await renderTrust(
      { clusters: AFTER, root: westRoot.certificate, time: at },
      { format: 'text' },
    )
    expect(entryOf(lonely, 'B   CN=West Root')).toContain('trusted by nobody no chain leads to it')
    expect(lonely).toContain('root B "West Root" is trusted by nobody')
    expect(await textOfAll(AFTER)).not.toContain('nobody')
  })

  test('a root that a chain leads to and nobody trusts is worse than one without', async () => {
    const clusters = [clusterOf('east', [westRoot], [caBelow(eastRoot, 'East CA'), eastRoot])]
    const text = await textOfAll(clusters)
    expect(text).toContain('!!  root A "East Root" is trusted by nobody')
    expect(text).toContain('!!  cluster "east": it does not trust A, where its own chain leads')
  })

  test('of many roots those without a chain are left out, and counted', async () => {
    const roots = Array.from({ length: 20 }, (_, i) => rootOf(`Public ${i}`))
    const clusters = [clusterOf('east', [meshRoot, ...roots], [caBelow(meshRoot, 'East CA')])]
    const text = await textOfAll(clusters)
    expect(text).toContain('1 cluster, 21 roots')
    expect(text.match(/CN=Public/g)).toHaveLength(11)
    expect(text).toContain('and 9 more, to which no chain leads')
    expect(entryOf(text, '1   east')).toContain('A, B, C, D, E, F, G, H, I, J, K, L and 9 more')
    expect(textOf(parseXml(await svgOf(clusters)))).toContain('9 more roots')
  })

  test('certificates that cannot be read are named by their finding', async () => {
    const text = await textOfAll(UNREADABLE)
    expect(text).toContain('!!  cluster "empty": checkFederation finds empty')
    expect(text).toContain('!!  cluster "empty": it trusts no root')
    expect(text).toContain('!!  cluster "empty": it has no CA certificate that can be read')
    expect(text).not.toContain('cluster "sound"')
  })
})

describe('what expires when', () => {
  test('is on every card, and marked where it is soon, past or not yet', async () => {
    const svg = await svgOf(ROLLOVER)
    const texts = elementsOf(parseXml(svg)).filter(({ name }) => name === 'text')
    const shown = (words: string) => texts.filter((one) => textOf(one) === words)
    // 2034-01-01 is 7 years and 214 days away, 2027-01-01 214 days, which are 7 months and a day.
    expect(shown('expires 2034-01-01, in 7.5 years')).toHaveLength(1)
    expect(shown('expires 2027-01-01, in 7 months')).toHaveLength(3)
    expect(shown('expires 2026-06-01, in 20 hours')).toHaveLength(3)
    expect(shown('expires in 19 days').map(({ attributes }) => attributes.get('class'))).toEqual([
      'mtr-warn mtr-b',
    ])
    const dates = await textOfAll(DATES)
    expect(dates).toContain('!!  CA "Late CA" expired 31 days ago, on 2026-05-01')
    expect(dates).toContain('!!  CA "Early CA" is not valid yet: it begins in 30 days, on 2026-07-01')
    expect(flat(dates)).toContain('expired 2 hours ago, on 2026-05-31')
  })

  test('soon is an option, and no more than a third of a life', async () => {
    expect(await textOfAll(ROLLOVER, { soon: '19d' })).not.toContain('Look at')
    expect(await textOfAll(ROLLOVER, { soon: '20d' })).toContain('!   root B "Root 2025"')
    const young = clusterOf('a', [meshRoot], [caBelow(meshRoot, 'A CA')], workloadOf(meshRoot, 'a'))
    expect(await textOfAll([young])).not.toContain('expires in')
    const old = { notBefore: '2026-05-01T00:00:00Z', notAfter: '2026-06-02T00:00:00Z' }
    const ca = caBelow(meshRoot, 'B CA')
    expect(flat(await textOfAll([clusterOf('b', [meshRoot], [ca], leafBelow(ca, old))]))).toContain(
      'expires in 24 hours, on 2026-06-02',
    )
  })
})

describe('misuse', () => {
  const call = (...args: readonly unknown[]): Promise<unknown> => Reflect.apply(renderTrust, undefined, args)
  test.each<[string, readonly unknown[], RegExp]>([
    ['nothing', [undefined, { format: 'svg' }], /renderTrust takes an options object; got undefined/],
    ['an unknown part', [{ clusters: AFTER, tim: at }, { format: 'svg' }], /Did you mean "time"/],
    ['no clusters', [{}, { format: 'svg' }], /option "clusters" must be an array/],
    ['no options', [{ clusters: AFTER }], /takes an options object/],
    ['no format', [{ clusters: AFTER }, {}], /option "format"/],
    ['an unknown option', [{ clusters: AFTER }, { format: 'svg', widht: 1 }], /Did you mean "width"/],
    ['a title that is none', [{ clusters: AFTER }, { format: 'svg', title: 1 }], /option "title"/],
    ['a number as duration', [{ clusters: AFTER }, { format: 'svg', soon: 30 }], /option "soon"/],
    ['an instant that is none', [{ clusters: AFTER, time: 1 }, { format: 'svg' }], /option "time"/],
  ])('%s is a TypeError', async (_, args, message) => {
    await expect(call(...args)).rejects.toThrow(message)
    await expect(call(...args)).rejects.toThrow(TypeError)
  })

  test.each([
    ['svg', 639, 640],
    ['svg', 4001, 4000],
    ['text', 79, 80],
    ['text', 401, 400],
  ] as const)('%s has no width of %d', async (format, width, allowed) => {
    await expect(renderTrust({ clusters: AFTER, time: at }, { format, width })).rejects.toThrow(RangeError)
    expect(await renderTrust({ clusters: AFTER, time: at }, { format, width: allowed })).toContain(
      'Mesh Root',
    )
  })

  test('16 clusters of long names have room in the narrowest text', async () => {
    const clusters = MANY.map((one) => ({ ...one, name: one.name.padEnd(60, '-') }))
    const lines = (await textOfAll(clusters, { width: 80 })).split('\n')
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80)
    expect(lines.filter((line) => /^ {2}\d+ +cluster-[-\d]*… /.test(line))).toHaveLength(16)
  })

  test('there is room for 16 clusters, with chains of 16 and 8 workloads', async () => {
    const [first] = MANY
    if (first === undefined) throw new Error('there are clusters')
    expect(await svgOf(MANY)).toContain('Trust among 16 clusters')
    await expect(svgOf([...MANY, { ...first, name: 'one more' }])).rejects.toThrow(
      /"clusters" has 17 clusters; a picture has room for 16/,
    )
    const ca = caBelow(meshRoot, 'Busy CA')
    const leaves = Array.from({ length: 9 }, (_, i) => workloadOf(ca, `w${i}`))
    expect(await textOfAll([clusterOf('busy', [meshRoot], [ca], ...leaves.slice(1))])).toContain(
      'spiffe://w8.',
    )
    await expect(textOfAll([clusterOf('busy', [meshRoot], [ca], ...leaves)])).rejects.toThrow(
      /"clusters\[0\]\.leaves" has 9 certificates; a picture has room for 8/,
    )
    const chain = Array.from({ length: 16 }, (_, i) => caBelow(meshRoot, `Spare ${i}`))
    expect(await textOfAll([clusterOf('long', [meshRoot], chain)])).toContain('Spare 0')
    await expect(textOfAll([clusterOf('long', [meshRoot], [...chain, ca])])).rejects.toThrow(
      /"clusters\[0\]\.chain" has 17/,
    )
  })

  test('there is room for 64 CAs in chains', async () => {
    const long = (name: string, length: number): FederationCluster => {
      const chain = [caBelow(meshRoot, `${name} 1`)]
      while (chain.length < length)
        chain.unshift(caBelow(chain[0] ?? meshRoot, `${name} ${chain.length + 1}`))
      return clusterOf(name, [meshRoot], chain)
    }
    const four = [long('a', 16), long('b', 16), long('c', 16)]
    // With the root, 64 in all.
    expect((await textOfAll([...four, long('d', 15)])).match(/^ {2}c\d+ /gm)).toHaveLength(63)
    await expect(textOfAll([...four, long('d', 16)])).rejects.toThrow(/lead to 65 CAs.*room for 64/)
  })

  test('two clusters of one name, and a root that cannot be read, are refused as everywhere', async () => {
    await expect(textOfAll([...AFTER, ...AFTER])).rejects.toThrow(RangeError)
    await expect(
      renderTrust({ clusters: AFTER, root: 'no certificate', time: at }, { format: 'text' }),
    ).rejects.toMatchObject({ code: expect.stringMatching(/^ERR_PEM_/) })
  })

  test('what is no input of certificates names its option', async () => {
    await expect(
      call({ clusters: [{ name: 'a', roots: 1, chain: '' }], time: at }, { format: 'svg' }),
    ).rejects.toThrow(TypeError)
  })
})
