/** Pictures of trust of whatever clusters, by whatever names. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { checkFederation, type FederationCluster } from '../../src/ca/index.ts'
import { renderTrust } from '../../src/inspect/index.ts'
import { at, caBelow, leafBelow, pem, rootOf } from '../unit/ca/lint/support.ts'
import {
  cellsOf,
  hostile,
  isCard,
  isClip,
  overlaps,
  rectsOf,
  terminalColumns,
  titlesOf,
} from '../unit/inspect/render-trust-support.ts'
import { parseXml } from '../unit/inspect/strict-xml.ts'
import { type Forged, keysOf } from '../unit/verify/forge.ts'

const roots = ['One', 'Two', 'Three'].map((name) => rootOf(`Root ${name}`))
const [one = rootOf(), two = one, three = one] = roots
const again = rootOf('Root One', { notAfter: '2026-06-10T00:00:00Z' })
/** Roots that signed each other, in circles of two and of three. */
const crossing = (issuer: Forged, name: string): Forged =>
  caBelow(issuer, name, { keys: keysOf(name), pathLength: 4 })
const crossings = [
  crossing(one, 'Root Two'),
  crossing(two, 'Root One'),
  crossing(two, 'Root Three'),
  crossing(three, 'Root One'),
]
const tiers = [caBelow(one, 'Tier 1', { pathLength: 3 })]
for (const i of [2, 3, 4]) tiers.push(caBelow(tiers[i - 2] ?? one, `Tier ${i}`, { pathLength: 4 - i }))
const issuing = [
  ...tiers,
  caBelow(two, 'CA Two'),
  caBelow(three, 'CA Three', { notAfter: '2026-05-01T00:00:00Z' }),
  caBelow(rootOf('Nobody'), 'CA Nobody'),
  caBelow({ ...two, keys: keysOf('impostor') }, 'CA Impostor'),
  one,
]
const leaves = issuing.map((ca) => leafBelow(ca))

const name = fc.oneof(
  fc.string({ unit: 'binary', minLength: 1, maxLength: 80 }),
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 80 }),
  fc.stringMatching(/^[a-z][a-z0-9-]{0,40}$/),
  fc.constantFrom(hostile, '\u202eab', '\u200b', 'שלום', '\ufdfd'.repeat(40), 'W'.repeat(65_536), ' '),
)

const cluster = fc
  .record({
    name,
    roots: fc.subarray([...roots, again, ...crossings, ...tiers.slice(0, 1)]),
    chain: fc.array(fc.constantFrom(...issuing, ...crossings), { maxLength: 6 }),
    leaves: fc.subarray(leaves, { maxLength: 2 }),
  })
  .map(
    (parts): FederationCluster => ({
      name: parts.name,
      roots: pem(...parts.roots),
      chain: pem(...parts.chain),
      ...(parts.leaves.length > 0 ? { leaves: pem(...parts.leaves) } : {}),
    }),
  )
const clusters = fc.uniqueArray(cluster, { minLength: 1, maxLength: 7, selector: (each) => each.name })

/** What holds of every picture and text. */
async function expectSound(some: readonly FederationCluster[], width: number): Promise<string> {
  const input = { clusters: some, time: at }
  const svg = await renderTrust(input, { format: 'svg', width })
  const text = await renderTrust(input, { format: 'text' })
  const [across = 0, high = 0] = ['width', 'height'].map((key) => Number(parseXml(svg).attributes.get(key)))
  expect(across).toBeGreaterThanOrEqual(width)
  expect(high).toBeLessThan(4000)
  expect(svg.length).toBeLessThan(200_000)
  expect(svg).not.toMatch(/NaN|undefined|Infinity/)
  expect(overlaps(rectsOf(svg, isCard))).toEqual([])
  for (const { x, y, ...size } of [...rectsOf(svg, isCard), ...rectsOf(svg, isClip)]) {
    expect(Math.min(x, y)).toBeGreaterThanOrEqual(0)
    expect(x + size.width).toBeLessThanOrEqual(across)
    expect(y + size.height).toBeLessThanOrEqual(high)
  }
  for (const shown of [svg, text])
    expect(shown).not.toMatch(
      /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200b-\u200d\u202a-\u202e\u2066-\u2069]|\p{M}{3}/u,
    )
  expect(text.split('\n').filter((line) => terminalColumns(line) > 100)).toEqual([])
  return svg
}

test('whatever the topology, it is sound, the same every time, and says what checkFederation says', async () => {
  await fc.assert(
    fc.asyncProperty(clusters, fc.integer({ min: 640, max: 1600 }), async (some, width) => {
      const svg = await expectSound(some, width)
      expect(await renderTrust({ clusters: some, time: at }, { format: 'svg', width })).toBe(svg)
      const { matrix } = await checkFederation({ clusters: some, time: at })
      const verdicts = titlesOf(svg).flatMap((title) => /: (verified|refused)[;,]/.exec(title)?.[1] ?? [])
      expect(verdicts).toEqual(matrix.map(({ ok }) => (ok ? 'verified' : 'refused')))
    }),
    { numRuns: 60 },
  )
})

test('whatever certificates are called', async () => {
  const keys = ['n1', 'n2', 'n3'].map((label) => keysOf(label))
  await fc.assert(
    fc.asyncProperty(fc.tuple(name, name, name), fc.constantFrom(640, 800), async (names, width) => {
      const [top = '', middle = '', workload = ''] = names.map((each) => each.replace(/\p{Cs}/gu, ''))
      const [first, second, third] = keys
      if (first === undefined || second === undefined || third === undefined)
        throw new Error('there are keys')
      const root = rootOf(top, { keys: first })
      const ca = caBelow(root, middle, { keys: second })
      const leaf = leafBelow(ca, { subject: workload, keys: third, more: [] })
      const svg = await expectSound(
        [
          { name: 'a', roots: pem(root), chain: pem(ca), leaves: pem(leaf) },
          { name: 'b', roots: pem(one), chain: pem(ca) },
        ],
        width,
      )
      expect(cellsOf(svg)).toHaveLength(4)
    }),
    { numRuns: 60 },
  )
})
