/**
 * Trust as a picture.
 *
 * @module
 */

import { element, number, xmlText } from '../svg-text.ts'
import { layoutTrust, type TrustLayout } from './trust-layout.ts'
import type { TrustMap } from './trust-map.ts'
import { firstFitting, fitted, hoverWords, pixelsOf, xmlWords } from './trust-measure.ts'
import { pairsOf, refusalsOf, verifiedWords } from './trust-refusals.ts'
import { type TrustRows, trustRows } from './trust-rows.ts'
import { drawCard, drawRoute, heightOfCard } from './trust-svg-cards.ts'
import { drawMatrix } from './trust-svg-matrix.ts'
import { drawNotes } from './trust-svg-notes.ts'
import { badge, colourOf, cross, hook, trustStyle } from './trust-svg-style.ts'

const MARGIN = 16

/** Draws it, `width` pixels wide, or wider where its chains are long, and as high as it needs. */
export function trustSvg(map: TrustMap, least: number): string {
  const rows = trustRows(map)
  const layout = layoutTrust(rows, {
    width: least,
    top: 62,
    margin: MARGIN,
    heightOf: (place, width) => {
      const card = rows.cards[place]?.card
      return card === undefined ? 0 : heightOfCard(card, width, map)
    },
  })
  const { width } = layout
  const [matrix, matrixEnd] = drawMatrix(map, layout.bottom + 20, MARGIN, width)
  const [notes, notesEnd] = drawNotes(map, matrixEnd + 14, MARGIN, width)
  const hasStrangers = rows.cards.some(({ card }) => card.kind === 'stranger')
  const [legend, height] = drawLegend(notesEnd + 12, width, hasStrangers)
  const line = (y: number, size: number, rule: string, text: string): string => {
    const measure = (some: string): number => pixelsOf(some, size, rule.endsWith('mtr-b'))
    return element(
      'text',
      { x: MARGIN, y, 'font-size': size, class: rule },
      xmlWords(fitted(text, width - 2 * MARGIN, measure)),
    )
  }
  const content = [
    hoverWords(map.title),
    element('desc', {}, xmlWords(describe(map), 6000)),
    trustStyle(),
    element('rect', { width, height, class: 'mtr-bg' }),
    line(28, 18, 'mtr-ink mtr-b', map.title),
    line(47, 11, 'mtr-soft', figures(map)),
    drawGraph(map, rows, layout),
    matrix,
    notes,
    legend,
  ].join('\n')
  const box = `0 0 ${Math.ceil(width)} ${Math.ceil(height)}`
  return `${element(
    'svg',
    { xmlns: 'http://www.w3.org/2000/svg', width, height, viewBox: box, role: 'img', class: 'mtr' },
    content,
  )}\n`
}

/** One line below the title. */
export function figures(map: TrustMap): string {
  const count = (n: number, word: string): string => `${n} ${word}${n === 1 ? '' : 's'}`
  const roots = map.authorities.filter(({ letter }) => letter !== undefined).length + map.others
  const instant = new Date(map.at).toISOString().replace('T', ' ').replace('.000', '')
  return `${count(map.clusters.length, 'cluster')}, ${count(roots, 'root')}, ${verifiedWords(map)}, at ${instant}`
}

/** For who hears the picture. */
function describe(map: TrustMap): string {
  const letters = (some: readonly number[]): string =>
    some.length === 0 ? 'no root' : some.map((i) => map.authorities[i]?.letter ?? '').join(', ')
  return [
    figures(map),
    ...map.clusters.map(
      ({ name, trusts, leadsTo }) =>
        `${name} trusts ${letters(trusts)}, its chain leads to ${letters(leadsTo)}`,
    ),
    ...refusalsOf(map).map(({ words, cells }) => `refused, ${words}: ${pairsOf(map, cells, 16)}`),
    ...map.notes.map(({ text }) => text),
  ].join('. ')
}

function drawGraph(
  map: TrustMap,
  rows: TrustRows,
  { bands, boxes, routes, isSideways }: TrustLayout,
): string {
  let svg = ''
  for (const [i, { x, y, width, height }] of bands.entries()) {
    const room = isSideways ? width - 20 : height - 8
    const label = firstFitting(labelOf(i, rows.count), room, (text) => pixelsOf(text, 10.5))
    const at = isSideways
      ? { x: x + 10, y: y + 15 }
      : {
          transform: `translate(${number(x + 15)} ${number(y + height / 2)}) rotate(-90)`,
          'text-anchor': 'middle',
        }
    svg +=
      element('rect', { x, y, width, height, rx: 9, class: 'mtr-band' }) +
      element('text', { ...at, 'font-size': 10.5, class: 'mtr-soft' }, xmlText(label))
  }
  const colours = routeColours(map)
  for (const route of routes) {
    const card = rows.cards[route.from]?.card
    const colour = card?.kind === 'authority' ? colours(card.authority) : undefined
    svg += drawRoute(route, { colour, isProven: card?.kind !== 'stranger' }, isSideways)
  }
  for (const [i, card] of rows.cards.entries()) {
    const box = boxes[i]
    if (box !== undefined) svg += drawCard(card, box, map)
  }
  return svg
}

/** From long to short. */
function labelOf(row: number, rows: number): readonly string[] {
  if (row === 0) return ['Roots']
  if (row === rows - 1) return ['Clusters and workloads', 'Clusters']
  return row === rows - 2 ? ['Issuing CAs', 'CAs'] : ['Intermediate CAs', 'CAs']
}

/** The root that a CA stands below, where there is one; its own letter counts first. */
function routeColours({ authorities }: TrustMap): (authority: number) => number | undefined {
  const known = new Map<number, number | undefined>()
  const visit = (index: number): number | undefined => {
    const one = authorities[index]
    if (one === undefined) return undefined
    if (one.letter !== undefined) return colourOf(index)
    if (known.has(index)) return known.get(index)
    // While it is looked for, a circle ends here.
    known.set(index, undefined)
    const above = new Set(one.issuers.map(visit))
    const [colour] = above
    const found = above.size === 1 ? colour : undefined
    known.set(index, found)
    return found
  }
  return visit
}

interface LegendEntry {
  readonly icon: (x: number, y: number) => string
  readonly room: number
  /** Long and short. */
  readonly texts: readonly [string, string]
}

const arrow =
  (rule: string) =>
  (x: number, y: number): string =>
    element('path', { d: `M${x} ${y}H${x + 14}`, class: rule }) +
    element('path', { d: `M${x + 22} ${y}l-8 -4.5v9Z`, class: 'mtr-soft' })

const LEGEND: readonly LegendEntry[] = [
  { icon: arrow('mtr-line'), room: 27, texts: ['signed; each signature was checked', 'signed'] },
  { icon: (x, y) => badge(x + 7, y, 'A', 0, 14), room: 19, texts: ['a root, and who trusts it', 'a root'] },
  {
    icon: (x, y) => hook(x + 8, y) + badge(x + 28, y, 'A', 0, 14),
    room: 40,
    texts: ['verified, by a chain to A', 'verified'],
  },
  { icon: (x, y) => cross(x + 8, y), room: 21, texts: ['refused', 'refused'] },
]
const NAMED: LegendEntry = {
  icon: arrow('mtr-line mtr-dash'),
  room: 27,
  texts: ['named as issuer, not proven', 'named, not proven'],
}

function drawLegend(top: number, width: number, hasStrangers: boolean): readonly [string, number] {
  const entries = hasStrangers ? [...LEGEND, NAMED] : LEGEND
  const measure = (text: string): number => pixelsOf(text, 10.5)
  const widths = entries.map(({ room, texts }) => room + measure(texts[0]) + 16)
  const isLong = widths.reduce((sum, one) => sum + one, 2 * MARGIN - 16) <= width
  const y = top + 18
  let x = MARGIN
  let svg = element('rect', { x, y: top, width: width - 2 * MARGIN, height: 1, class: 'mtr-band' })
  for (const { icon, room, texts } of entries) {
    const text = texts[isLong ? 0 : 1]
    svg +=
      icon(x, y - 4) +
      element('text', { x: x + room, y, 'font-size': 10.5, class: 'mtr-soft' }, xmlText(text))
    x += room + measure(text) + 16
  }
  return [svg, top + 34]
}
