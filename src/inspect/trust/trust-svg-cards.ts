/**
 * Cards and arrows of a picture of trust as SVG.
 *
 * @module
 */

import { element, number } from '../svg-text.ts'
import { type CardLine, cardText } from './trust-card-lines.ts'
import type { Box, Route } from './trust-layout.ts'
import type { TrustMap } from './trust-map.ts'
import { firstFitting, hoverWords, inTwo, pixelsOf, xmlWords } from './trust-measure.ts'
import type { RowCard, TrustCard } from './trust-rows.ts'
import { badge, colourOf, hexagon, triangle } from './trust-svg-style.ts'

const TITLE = 13
const TEXT = 11
const LINE = 16
const PAD = 11

const measureTitle = (text: string): number => pixelsOf(text, TITLE, true)
const letterRoom = (letter: string): number => (letter.length - 1) * 6

/** Where the title of a card begins: behind its badge, if it has one. */
function indentOf(card: TrustCard, map: TrustMap): number {
  const letter = card.kind === 'authority' ? map.authorities[card.authority]?.letter : undefined
  if (letter !== undefined) return PAD + 25 + letterRoom(letter)
  return PAD + (card.kind === 'cluster' ? 22 : card.kind === 'stranger' ? 16 : 0)
}

const titleLines = (card: TrustCard, title: string, width: number, map: TrustMap): readonly string[] =>
  inTwo(title, width - indentOf(card, map) - PAD, measureTitle)

/** How high a card is. */
export function heightOfCard(card: TrustCard, width: number, map: TrustMap): number {
  const { title, lines } = cardText(card, map)
  return PAD + 2 + (titleLines(card, title, width, map).length + lines.length) * LINE + 8
}

/** Draws a card. What runs out of its box is cut off, whatever the font. */
export function drawCard({ card }: RowCard, { x, y, width, height }: Box, map: TrustMap): string {
  const { title, lines, hover } = cardText(card, map)
  const authority = card.kind === 'authority' ? map.authorities[card.authority] : undefined
  const letter = authority?.letter
  let inner = ''
  if (letter !== undefined && authority !== undefined)
    inner += badge(PAD + 9 + letterRoom(letter) / 2, PAD + 11, letter, authority.index)
  if (card.kind === 'cluster') inner += hexagon(PAD + 7, PAD + 11)
  if (card.kind === 'stranger')
    inner += element('text', { x: PAD, y: PAD + 16.5, 'font-size': 16, class: 'mtr-bad mtr-b' }, '?')
  const indent = indentOf(card, map)
  let base = PAD
  for (const line of titleLines(card, title, width, map)) {
    base += LINE
    inner += element(
      'text',
      { x: indent, y: base, 'font-size': TITLE, class: 'mtr-ink mtr-b' },
      xmlWords(line),
    )
  }
  for (const line of lines) {
    base += LINE
    inner += drawLine(line, base, width - 2 * PAD, map)
  }
  const isOpen = card.kind === 'stranger' || card.kind === 'others'
  const edge = letter === undefined ? 'mtr-edge' : `mtr-s${colourOf(authority?.index ?? 0)}`
  const box = { x: x + 0.75, y: y + 0.75, width: width - 1.5, height: height - 1.5, rx: 7 }
  const frame = { ...box, class: `mtr-card ${edge}${isOpen ? ' mtr-dash' : ''}`, 'stroke-width': 1.5 }
  const clip = { x, y, width, height, overflow: 'hidden' }
  return element('rect', frame) + element('svg', clip, hoverWords(hover) + inner)
}

function drawLine({ texts, tone, letters }: CardLine, y: number, room: number, map: TrustMap): string {
  const isMarked = tone === 'bad' || tone === 'warn'
  const x = PAD + (isMarked ? 18 : 0)
  const own = (text: string): number => pixelsOf(text, TEXT, isMarked)
  const shown = letters === undefined ? [] : lettersThatFit(letters, map, room - own(texts[0] ?? '') - 6)
  const left = room - (x - PAD) - (letters === undefined ? 0 : shown.reduce((sum, one) => sum + one.width, 6))
  const text = firstFitting(texts, left, own)
  let svg = isMarked ? triangle(PAD + 7, y - 4, tone) : ''
  svg += element(
    'text',
    { x, y, 'font-size': TEXT, class: `mtr-${tone}${isMarked ? ' mtr-b' : ''}` },
    xmlWords(text),
  )
  let at = x + own(text) + 4
  for (const { letter, authority, width } of shown) {
    svg +=
      authority === undefined
        ? element('text', { x: at, y, 'font-size': TEXT, class: 'mtr-ink' }, letter)
        : badge(at + (width - 4) / 2, y - 4, letter, authority, 15)
    at += width
  }
  return svg
}

interface Letter {
  readonly letter: string
  /** Without one it is a word. */
  readonly authority: number | undefined
  readonly width: number
}

function lettersThatFit(authorities: readonly number[], map: TrustMap, room: number): readonly Letter[] {
  const all = authorities.map((authority): Letter => {
    const letter = map.authorities[authority]?.letter ?? '?'
    return { letter, authority, width: 19 + (letter.length - 1) * 6 }
  })
  const countIn = (space: number): number => {
    let used = 0
    for (const [i, { width }] of all.entries()) {
      used += width
      if (used > space) return i
    }
    return all.length
  }
  if (countIn(room) === all.length) return all
  const count = countIn(room - 26)
  return [...all.slice(0, count), { letter: `+${all.length - count}`, authority: undefined, width: 26 }]
}

/** How an arrow looks. */
export interface RouteLook {
  /** Of the root that it comes from, where there is one. */
  readonly colour: number | undefined
  /** Whether it is a signature; else it is a name, and dashed. */
  readonly isProven: boolean
}

/** Draws an arrow. */
export function drawRoute({ points }: Route, { colour, isProven }: RouteLook, isSideways: boolean): string {
  const [first] = points
  const tip = points.at(-1)
  const before = points.at(-2)
  if (first === undefined || tip === undefined || before === undefined) return ''
  const along = isSideways ? 0 : 1
  const sign = tip[along] >= before[along] ? 1 : -1
  // The line ends where the head begins.
  const end: readonly [number, number] = isSideways
    ? [tip[0] - 7 * sign, tip[1]]
    : [tip[0], tip[1] - 7 * sign]
  const at = ([x, y]: readonly [number, number]): string => `${number(x)} ${number(y)}`
  let d = `M${at(first)}`
  let from = first
  for (const [i, point] of points.slice(1).entries()) {
    const to = i === points.length - 2 ? end : point
    const half = (to[along] - from[along]) / 2
    if (i % 2 === 1) d += `L${at(to)}`
    else if (isSideways) d += `C${at([from[0] + half, from[1]])} ${at([to[0] - half, to[1]])} ${at(to)}`
    else d += `C${at([from[0], from[1] + half])} ${at([to[0], to[1] - half])} ${at(to)}`
    from = to
  }
  const wing = (side: number): readonly [number, number] =>
    isSideways ? [tip[0] - 8 * sign, tip[1] + side] : [tip[0] + side, tip[1] - 8 * sign]
  const line = colour === undefined ? `mtr-line${isProven ? '' : ' mtr-dash'}` : `mtr-route mtr-s${colour}`
  const head = colour === undefined ? 'mtr-soft' : `mtr-f${colour}`
  return (
    element('path', { d, class: line, fill: 'none' }) +
    element('path', { d: `M${at(tip)}L${at(wing(4.5))}L${at(wing(-4.5))}Z`, class: head })
  )
}
