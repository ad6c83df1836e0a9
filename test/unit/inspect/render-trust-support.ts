/** Clusters of many shapes, and readers of what is drawn of them. */
import type { FederationCluster } from '../../../src/ca/index.ts'
import { checkPath } from '../../../src/verify/index.ts'
import { Certificate } from '../../../src/x509/index.ts'
import { at, caBelow, leafBelow, pem, rootOf } from '../ca/lint/support.ts'
import { type Forged, keysOf } from '../verify/forge.ts'
import { elementsOf, parseXml, type XmlElement } from './strict-xml.ts'

export const DAY = 86_400_000

/** A workload of a day, issued four hours before the instant of the tests, and so good for 20 more. */
export const workloadOf = (ca: Forged, cluster: string, change = {}): Forged =>
  leafBelow(ca, {
    id: `spiffe://${cluster}.example/ns/shop/sa/cart`,
    notBefore: '2026-05-31T20:00:00Z',
    notAfter: '2026-06-01T20:00:00Z',
    ...change,
  })

export const clusterOf = (
  name: string,
  roots: readonly Forged[],
  chain: readonly Forged[],
  ...leaves: readonly Forged[]
): FederationCluster => ({
  name,
  trustDomain: `${name}.example`,
  roots: pem(...roots),
  chain: pem(...chain),
  ...(leaves.length > 0 ? { leaves: pem(...leaves) } : {}),
})

/** Clusters with one workload each below the first CA of its chain. */
const full = (name: string, roots: readonly Forged[], chain: readonly Forged[]): FederationCluster => {
  const [ca] = chain
  return clusterOf(name, roots, chain, ...(ca === undefined ? [] : [workloadOf(ca, name)]))
}

export const eastRoot = rootOf('East Root')
export const westRoot = rootOf('West Root')
export const meshRoot = rootOf('Mesh Root')
const eastCa = caBelow(eastRoot, 'East CA')
const westCa = caBelow(westRoot, 'West CA')
const eastBelow = caBelow(meshRoot, 'East CA')
const westBelow = caBelow(meshRoot, 'West CA')

export const BEFORE = [
  full('east', [eastRoot], [eastCa, eastRoot]),
  full('west', [westRoot], [westCa, westRoot]),
]
export const AFTER = [full('east', [meshRoot], [eastBelow, meshRoot]), full('west', [meshRoot], [westBelow])]

/** Ends 19 days after the instant of the tests. */
export const oldRoot = rootOf('Root 2025', { notAfter: '2026-06-20T00:00:00Z' })
export const newRoot = rootOf('Root 2026')
const rolled = ['ams', 'fra', 'sin'].map((name, i) => caBelow(i === 0 ? newRoot : oldRoot, `CA ${name}`))
/** In the middle of a rollover: ams signs below the new root, which sin does not trust yet. */
export const ROLLOVER = rolled.map((ca, i) =>
  full(['ams', 'fra', 'sin'][i] ?? '', i === 2 ? [oldRoot] : [newRoot, oldRoot], [ca]),
)

/** The new root, cross-signed by the old one: the same name and key with another issuer. */
const crossed = caBelow(oldRoot, 'Root 2026', { keys: keysOf('Root 2026'), pathLength: 1 })
export const CROSSED = [
  full('ams', [newRoot, oldRoot], [rolled[0] ?? newRoot, crossed]),
  full('sin', [oldRoot], [rolled[2] ?? oldRoot]),
]

/** Two roots that signed each other. */
const backwards = caBelow(newRoot, 'Root 2025', { keys: keysOf('Root 2025'), pathLength: 1 })
export const CIRCLE = [
  full('ams', [newRoot], [rolled[0] ?? newRoot, crossed]),
  full('sin', [oldRoot], [rolled[2] ?? oldRoot, backwards]),
]

const tiers = [caBelow(meshRoot, 'Tier 1', { pathLength: 2 })]
for (const i of [2, 3]) tiers.unshift(caBelow(tiers[0] ?? meshRoot, `Tier ${i}`, { pathLength: 3 - i }))
const shared = caBelow(meshRoot, 'Shared CA')
/** Chains from one certificate to five, a shared CA, and one that sends no intermediate. */
export const DEEP = [
  full('deep', [meshRoot], tiers),
  clusterOf('gap', [meshRoot], [], workloadOf(tiers[0] ?? meshRoot, 'gap')),
  full('one', [meshRoot], [shared]),
  full('two', [meshRoot], [shared]),
  full('flat', [eastRoot], [eastRoot]),
]

const lost = rootOf('Lost Root')
const orphan = caBelow(lost, 'Orphan CA')
/** Bears the name of a root that did not sign it. */
const impostor = caBelow({ ...eastRoot, keys: keysOf('somebody else') }, 'Impostor CA')
export const NOWHERE = [
  full('orphan', [meshRoot], [orphan]),
  full('impostor', [eastRoot], [impostor]),
  full('sound', [meshRoot], [eastBelow]),
]

const lateCa = caBelow(meshRoot, 'Late CA', { notAfter: '2026-05-01T00:00:00Z' })
const earlyCa = caBelow(meshRoot, 'Early CA', { notBefore: '2026-07-01T00:00:00Z' })
export const DATES = [
  full('late', [meshRoot], [lateCa]),
  full('early', [meshRoot], [earlyCa]),
  clusterOf(
    'stale',
    [meshRoot],
    [eastBelow],
    workloadOf(eastBelow, 'stale', { notAfter: '2026-05-31T22:00:00Z' }),
  ),
]

const NAMES = [
  'prod-eu-west-1',
  'prod-eu-central-1',
  'prod-us-east-1',
  'prod-us-west-2',
  'staging',
  'dev',
  'edge-a',
  'legacy',
]
const regional = caBelow(newRoot, 'Regional CA Europe', { pathLength: 1 })
export const EIGHT = NAMES.map((name, i) => {
  const issuer = i < 2 ? regional : i < 5 ? newRoot : i < 7 ? oldRoot : eastRoot
  const ca = caBelow(issuer, `${name} CA`)
  return clusterOf(
    name,
    i === 7 ? [eastRoot] : [newRoot, oldRoot],
    issuer === regional ? [ca, regional] : [ca],
    ...(i % 2 === 0 ? [] : [workloadOf(ca, name)]),
  )
})

export const hostile = '<script>alert(1)</script>&amp;]]>"\'\u0000\u001b[31m\u202e\ufffe\ud800\u2028'
export const HOSTILE = [
  'שלום עולם זה שם ארוך מאוד של אשכול',
  '界'.repeat(60),
  `Z${'\u0300\u0301'.repeat(80)}algo`,
  hostile,
  'x'.repeat(65_536),
  '\ufdfd'.repeat(9),
].map((name, i): FederationCluster => {
  const root = [meshRoot, lost, newRoot][i % 3] ?? meshRoot
  const ca = caBelow(
    root,
    [...name]
      .slice(0, 30)
      .join('')
      .replace(/\ud800/g, ''),
  )
  return { name, roots: pem(i % 3 === 1 ? eastRoot : root), chain: pem(ca) }
})

export const SINGLE = [full('solo', [meshRoot, oldRoot, eastRoot], [eastBelow])]
export const UNREADABLE: readonly FederationCluster[] = [
  { name: 'empty', roots: 'garbage', chain: '' },
  full('sound', [meshRoot], [eastBelow]),
]

/** As many clusters as there is room for, with a root each. */
export const MANY = Array.from({ length: 16 }, (_, i) => {
  const root = rootOf(`Root of cluster ${i + 1}`)
  return clusterOf(`cluster-${i + 1}`, [root], [caBelow(root, `CA ${i + 1}`)])
})

export const CASES: readonly (readonly [string, readonly FederationCluster[]])[] = [
  ['before', BEFORE],
  ['after', AFTER],
  ['rollover', ROLLOVER],
  ['crossed', CROSSED],
  ['circle', CIRCLE],
  ['deep', DEEP],
  ['nowhere', NOWHERE],
  ['dates', DATES],
  ['eight', EIGHT],
  ['hostile', HOSTILE],
  ['single', SINGLE],
  ['unreadable', UNREADABLE],
  ['many', MANY],
]

/** What `checkPath` alone says of clusters with workloads: each as server and as client. */
export async function verdictsOf(clusters: readonly FederationCluster[]): Promise<readonly string[]> {
  const read = (input: FederationCluster['roots'] | undefined): readonly Certificate[] =>
    typeof input === 'string' && input !== '' ? Certificate.listFromPem(input) : []
  const verdicts: string[] = []
  for (const from of clusters)
    for (const to of clusters) {
      let ok = true
      for (const leaf of read(from.leaves))
        for (const purpose of ['serverAuth', 'clientAuth'] as const) {
          const options = { anchors: read(to.roots), intermediates: read(from.chain), time: at, purpose }
          ok &&= (await checkPath(leaf, options)).ok
        }
      verdicts.push(`${from.name} in ${to.name}: ${ok ? 'verified' : 'refused'}`)
    }
  return verdicts
}

/** The titles of a picture: what is read aloud, and shown when a pointer rests. */
export const titlesOf = (svg: string): readonly string[] =>
  elementsOf(parseXml(svg)).flatMap(({ name, children }) => (name === 'title' ? [children.join('')] : []))

/** The verdicts of a picture's matrix. */
export const cellsOf = (svg: string): readonly string[] =>
  titlesOf(svg).flatMap((title) => /^.* in .*: (?:verified|refused)/.exec(title)?.[0] ?? [])

/** The verdicts of the matrix of a text, row by row: `ok A`, `no 1`. */
export function rowsOf(text: string): readonly (readonly string[])[] {
  const [, matrix = ''] = text.split('a number the reason of a refusal\n')
  return (
    matrix
      .split('\n\n')[0]
      ?.trimEnd()
      .split('\n')
      .slice(1)
      .map((row) => row.match(/(?:ok|no) \S+/g) ?? []) ?? []
  )
}

export interface Rect {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

const rectOf = ({ attributes }: XmlElement): Rect => {
  const [x = 0, y = 0, width = 0, height = 0] = ['x', 'y', 'width', 'height'].map((name) =>
    Number(attributes.get(name)),
  )
  return { x, y, width, height }
}

/** What elements of a class or name take. */
export const rectsOf = (svg: string, has: (element: XmlElement) => boolean): readonly Rect[] =>
  elementsOf(parseXml(svg)).filter(has).map(rectOf)

export const isCard = ({ name, attributes }: XmlElement): boolean =>
  name === 'rect' && (attributes.get('class') ?? '').split(' ').includes('mtr-card')

export const isClip = ({ name, attributes }: XmlElement): boolean =>
  name === 'svg' && attributes.get('overflow') === 'hidden'

/** Coordinates are written with one decimal: a tenth of a pixel is none. */
const SEEN = 0.11

export const overlap = (a: Rect, b: Rect): boolean =>
  a.x + SEEN < b.x + b.width &&
  b.x + SEEN < a.x + a.width &&
  a.y + SEEN < b.y + b.height &&
  b.y + SEEN < a.y + a.height

/** Pairs that lie over each other. */
export const overlaps = (rects: readonly Rect[]): readonly (readonly [Rect, Rect])[] =>
  rects.flatMap((a, i) => rects.slice(i + 1).flatMap((b) => (overlap(a, b) ? [[a, b] as const] : [])))

/** Columns as terminals count them, by the blocks of Unicode's EastAsianWidth.txt that the tests use. */
export function terminalColumns(text: string): number {
  let sum = 0
  for (const char of text.replace(/[\p{M}\u200e]/gu, ''))
    sum +=
      /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60]|[\u{1f300}-\u{1faff}]|[\u{20000}-\u{3fffd}]/u.test(
        char,
      )
        ? 2
        : 1
  return sum
}
