/** The picture of trust as a picture: whether it is sound, legible and bounded. */
import { describe, expect, test } from 'vitest'
import { renderTrust } from '../../../src/inspect/index.ts'
import { readTrust } from '../../../src/inspect/trust/read-trust.ts'
import { layoutTrust } from '../../../src/inspect/trust/trust-layout.ts'
import { trustRows } from '../../../src/inspect/trust/trust-rows.ts'
import { heightOfCard } from '../../../src/inspect/trust/trust-svg-cards.ts'
import { ROOT_COLOURS, TRUST_RULES } from '../../../src/inspect/trust/trust-svg-style.ts'
import { at } from '../ca/lint/support.ts'
import {
  AFTER,
  BEFORE,
  CASES,
  DAY,
  EIGHT,
  HOSTILE,
  hostile,
  isCard,
  isClip,
  MANY,
  overlap,
  overlaps,
  rectsOf,
  SINGLE,
  terminalColumns,
  titlesOf,
} from './render-trust-support.ts'
import { elementsOf, parseXml, textOf } from './strict-xml.ts'

const pictures = await Promise.all(
  CASES.map(async ([name, clusters]) => ({
    name,
    clusters,
    svg: await renderTrust({ clusters, time: at }, { format: 'svg' }),
    text: await renderTrust({ clusters, time: at }, { format: 'text' }),
  })),
)

describe.each(pictures)('$name', ({ clusters, svg, text }) => {
  test('is one well-formed document that runs and loads nothing, and has a name', () => {
    const root = parseXml(svg)
    expect(root.name).toBe('svg')
    expect(root.attributes.get('role')).toBe('img')
    expect(root.attributes.get('xmlns')).toBe('http://www.w3.org/2000/svg')
    const [title, desc] = root.children.filter((child) => typeof child !== 'string')
    expect([title?.name, desc?.name]).toEqual(['title', 'desc'])
    expect(desc === undefined ? '' : textOf(desc)).toMatch(
      /^\d+ clusters?, \d+ roots?, \d+ of \d+ pairs verified, at 2026-06-01 00:00:00Z/,
    )
    const names = new Set(elementsOf(root).map(({ name }) => name))
    expect(
      [...names].filter(
        (name) => !['svg', 'title', 'desc', 'style', 'rect', 'text', 'path', 'g', 'circle'].includes(name),
      ),
    ).toEqual([])
    const attributes = elementsOf(root).flatMap((one) => [...one.attributes])
    // No identifiers: several pictures may stand in one page.
    expect(attributes.filter(([name]) => /^on|href|^id$|^style$/.test(name))).toEqual([])
    expect(svg.match(/https?:/g)).toHaveLength(1)
    expect(svg).not.toMatch(/url\(|@import/)
    expect(svg).toContain('@media (prefers-color-scheme:dark)')
    expect(svg).not.toContain('NaN')
  })

  test('has no two cards over each other, and all of them inside', () => {
    const cards = rectsOf(svg, isCard)
    expect(cards.length).toBeGreaterThan(clusters.length)
    expect(overlaps(cards)).toEqual([])
    const [width, height] = ['width', 'height'].map((name) => Number(parseXml(svg).attributes.get(name)))
    for (const { x, y, ...size } of [...cards, ...rectsOf(svg, isClip)]) {
      expect(x).toBeGreaterThanOrEqual(0)
      expect(y).toBeGreaterThanOrEqual(0)
      expect(x + size.width).toBeLessThanOrEqual(width ?? 0)
      expect(y + size.height).toBeLessThanOrEqual(height ?? 0)
    }
    // Cards, heads and cells cut off what runs out of them.
    expect(overlaps(rectsOf(svg, isClip))).toEqual([])
  })

  test('draws no arrow across a card', async () => {
    const map = await readTrust({ clusters, time: at }, 30 * DAY, undefined)
    const rows = trustRows(map)
    const { boxes, routes } = layoutTrust(rows, {
      width: 800,
      top: 60,
      margin: 16,
      heightOf: (place, width) => {
        const card = rows.cards[place]?.card
        return card === undefined ? 0 : heightOfCard(card, width, map)
      },
    })
    expect(routes.length).toBeGreaterThan(0)
    for (const { points } of routes)
      for (const [i, [x, y]] of points.entries()) {
        const [x0, y0] = points[i - 1] ?? [x, y]
        // What is straight lies between cards; what is bent lies between rows.
        if (i === 0 || i % 2 === 1) continue
        const line = {
          x: Math.min(x, x0),
          y: Math.min(y, y0),
          width: Math.abs(x - x0),
          height: Math.abs(y - y0),
        }
        expect(boxes.filter((box) => overlap(box, line))).toEqual([])
      }
  })

  test('as text has at most 100 columns', () => {
    expect(text.split('\n').filter((line) => terminalColumns(line) > 100)).toEqual([])
    expect(text).not.toMatch(/ $/m)
    expect(text.endsWith('\n')).toBe(true)
    for (const { name } of clusters.filter((one) => /^[\w-]+$/.test(one.name) && one.name.length < 60))
      expect(text).toContain(`  ${name}`)
  })

  test('is the same every time', async () => {
    expect(await renderTrust({ clusters, time: at }, { format: 'svg' })).toBe(svg)
    expect(await renderTrust({ clusters, time: at }, { format: 'text' })).toBe(text)
  })
})

test('rows lie below each other while there is room, and beside each other where there is not', async () => {
  const across = (svg: string): boolean => {
    const [first, second] = rectsOf(svg, ({ attributes }) => attributes.get('class') === 'mtr-band')
    return first?.y === second?.y
  }
  const draw = (clusters: typeof AFTER, width = 800): Promise<string> =>
    renderTrust({ clusters, time: at }, { format: 'svg', width })
  expect(across(await draw(BEFORE))).toBe(false)
  expect(across(await draw(EIGHT))).toBe(true)
  expect(across(await draw(EIGHT, 2000))).toBe(false)
})

test('the width is that of the option, or what a long chain needs', async () => {
  const widthOf = async (width: number): Promise<string | undefined> =>
    parseXml(await renderTrust({ clusters: EIGHT, time: at }, { format: 'svg', width })).attributes.get(
      'width',
    )
  expect(await widthOf(1200)).toBe('1200')
  // Four columns of 132 with 9 on each side, three gaps of 28, and 16 on both sides: 716.
  expect(await widthOf(640)).toBe('716')
})

describe('size', () => {
  test('of the largest that is drawn', async () => {
    const picture = pictures.find(({ name }) => name === 'many')
    expect(MANY).toHaveLength(16)
    expect(picture?.svg.length).toBeLessThan(300_000)
    expect(picture?.text.length).toBeLessThan(12_000)
  })

  test('of two clusters, as the documentation has them', () => {
    expect(pictures.find(({ name }) => name === 'before')?.svg.length).toBeLessThan(16_000)
  })

  test('does not grow with the length of names', async () => {
    const sized = async (length: number): Promise<number> => {
      const clusters = AFTER.map((one) => ({ ...one, name: one.name + '&'.repeat(length) }))
      return (await renderTrust({ clusters, time: at }, { format: 'svg' })).length
    }
    expect(await sized(65_536)).toBe(await sized(1000))
  })
})

describe('foreign text', () => {
  const picture = pictures.find(({ name }) => name === 'hostile')

  test('is text in a picture, whatever it is', () => {
    const svg = picture?.svg ?? ''
    expect(svg).not.toContain('<script')
    expect(
      titlesOf(svg).some((title) =>
        title.startsWith(
          '<script>alert(1)</script>&amp;]]>"\'\\u{0}\\u{1b}[31m\\u{202e}\\u{fffe}\\u{d800}\\u{2028}',
        ),
      ),
    ).toBe(true)
    expect(svg).not.toMatch(/[\u0000-\u0008\u202a-\u202e\u2066-\u2069\ufffe\ud800]/u)
  })

  test('does not reach a terminal', () => {
    const text = picture?.text ?? ''
    expect(text).not.toMatch(
      /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069\u2028\ufffe]/,
    )
    expect(text).toContain('\\u{1b}')
  })

  test('piles up no marks', () => {
    expect(picture?.svg).not.toMatch(/\p{M}{3}/u)
    expect(picture?.text).not.toMatch(/\p{M}{3}/u)
  })

  test('of Hebrew and Arabic letters ends with a mark, so that what follows stays behind it', () => {
    expect(HOSTILE[0]?.name).toMatch(/^[\u0590-\u05ff ]+$/)
    const line = picture?.text.split('\n').find((one) => one.startsWith('  1   ש'))
    expect(line).toMatch(/[\u05d0-\u05ea…]\u200e/)
    // Nowhere else: a mark of the name itself is written out.
    expect(picture?.text.replace(/[\u0590-\u05ff\ufb50-\ufdff…]\u200e/g, '')).not.toContain('\u200e')
  })

  test('in a title too', async () => {
    const svg = await renderTrust({ clusters: AFTER, time: at }, { format: 'svg', title: hostile })
    expect(titlesOf(svg)[0]).toMatch(/^<script>alert\(1\)<\/script>&amp;/)
    expect(await renderTrust({ clusters: AFTER, time: at }, { format: 'text', title: hostile })).toMatch(
      /^<script>.*\\u\{0\}/,
    )
  })
})

describe('colours', () => {
  const luminance = (hex: string): number => {
    const [r = 0, g = 0, b = 0] = [1, 3, 5].map((i) => {
      const value = Number.parseInt(hex.slice(i, i + 2), 16) / 255
      return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4
    })
    return 0.2126 * r + 0.7152 * g + 0.0722 * b
  }
  /** WCAG 2.2, "contrast ratio". */
  const contrast = (a: string, b: string): number => {
    const [low = 0, high = 0] = [luminance(a), luminance(b)].sort((x, y) => x - y)
    return (high + 0.05) / (low + 0.05)
  }
  const colour = (rule: string, mode: 'light' | 'dark'): string =>
    TRUST_RULES.find(([name]) => name === rule)?.[mode === 'light' ? 2 : 3] ?? ''

  test('the measure knows black on white', () => {
    expect(contrast('#000000', '#ffffff')).toBeCloseTo(21)
    expect(contrast('#767676', '#ffffff')).toBeCloseTo(4.54, 2)
  })

  test.each(['light', 'dark'] as const)(
    'of text have a contrast of 4.5 to 1 in %s mode (WCAG 1.4.3)',
    (mode) => {
      const pairs: readonly (readonly [string, readonly string[]])[] = [
        ['.mtr-ink', ['.mtr-bg', '.mtr-card', '.mtr-band', '.mtr-ok-bg', '.mtr-bad-bg']],
        ['.mtr-soft', ['.mtr-bg', '.mtr-card', '.mtr-band']],
        ['.mtr-bad', ['.mtr-bg', '.mtr-card', '.mtr-on']],
        ['.mtr-warn', ['.mtr-bg', '.mtr-card', '.mtr-on']],
        ['.mtr-ok', ['.mtr-on', '.mtr-ok-bg']],
        ...ROOT_COLOURS.map((_, i) => [`.mtr-f${i}`, ['.mtr-on']] as const),
      ]
      for (const [front, backs] of pairs)
        for (const back of backs)
          expect([front, back, contrast(colour(front, mode), colour(back, mode)) >= 4.5]).toEqual([
            front,
            back,
            true,
          ])
    },
  )

  test('say nothing alone: letters, words and shapes do too', () => {
    const svg = pictures.find(({ name }) => name === 'before')?.svg ?? ''
    const texts = elementsOf(parseXml(svg)).filter(({ name }) => name === 'text')
    const onBadges = texts.filter(({ attributes }) => attributes.get('class') === 'mtr-on mtr-b').map(textOf)
    // Two roots, two clusters, two cells, and two in the legend.
    expect(onBadges.sort()).toEqual(['A', 'A', 'A', 'A', 'A', 'B', 'B', 'B'])
    expect(texts.map(textOf).filter((text) => text === 'verified')).toHaveLength(2)
    expect(texts.map(textOf).filter((text) => text === 'root not trusted there')).toHaveLength(2)
  })
})

test('a root without a chain stands beside those with one', () => {
  const svg = pictures.find(({ name }) => name === 'single')?.svg ?? ''
  expect(SINGLE).toHaveLength(1)
  const tops = rectsOf(svg, isCard).map(({ y }) => y)
  expect(tops.filter((y) => y === Math.min(...tops))).toHaveLength(3)
})
