/**
 * Who verifies whom, as SVG.
 *
 * @module
 */

import { element } from '../svg-text.ts'
import type { TrustCell, TrustMap } from './trust-map.ts'
import { fitted, hoverWords, pixelsOf, wrapped, xmlWords } from './trust-measure.ts'
import { refusalsOf, type TrustRefusal } from './trust-refusals.ts'
import { badge, cross, heading, hook } from './trust-svg-style.ts'

const TEXT = 11
/** Cells narrower than that have no words, and their columns upright names. */
const LEAST_WORDS = 112
const MAX_CELL = 340
const SHORT_HINT = 'the row shows its certificate, the column checks it'

const measure = (text: string): number => pixelsOf(text, TEXT)
const measureBold = (text: string): number => pixelsOf(text, TEXT, true)

/** Clips what it holds, whatever the font. */
const clipped = (x: number, y: number, width: number, height: number, content: string): string =>
  element('svg', { x, y, width, height, overflow: 'hidden' }, content)

interface Columns {
  /** Width of the names of rows, and of a cell. */
  readonly names: number
  readonly cell: number
  /** Whether cells have words; else they have numbers. */
  readonly hasWords: boolean
}

/** What is around the words of a cell: gaps, and the hook or cross. */
const AROUND = 41

const wordLines = (words: string, cell: number): readonly string[] =>
  wrapped(words, cell - AROUND, measure, 2)

/** How a matrix divides its width. */
export function columnsIn({ clusters, cells }: TrustMap, margin: number, width: number): Columns {
  const widest = Math.max(...clusters.map(({ name }) => measureBold(name)))
  const names = Math.min(200, Math.max(90, 24 + widest))
  const cell = Math.min(MAX_CELL, (width - 2 * margin - names) / clusters.length)
  const words = new Set(cells.flat().map((one) => one.words))
  const isUncut = [...words].every((some) => wordLines(some, cell).join(' ') === some)
  return { names, cell, hasWords: cell >= LEAST_WORDS && isUncut }
}

/** The matrix from `top` on, and where it ends. */
export function drawMatrix(
  map: TrustMap,
  top: number,
  margin: number,
  width: number,
): readonly [string, number] {
  const { clusters } = map
  const refusals = refusalsOf(map)
  const { names, cell, hasWords } = columnsIn(map, margin, width)
  const rowHeight = hasWords ? 40 : 30
  let svg = heading(
    top + 14,
    'Who verifies whom',
    hasWords
      ? ['the workload of the row shows its certificate, the cluster of the column checks it', SHORT_HINT]
      : [`${SHORT_HINT}; numbers are reasons, below`],
    margin,
    width,
  )
  const widest = Math.max(...clusters.map(({ name }) => measureBold(name)))
  const isUpright = widest + 10 > cell && !hasWords
  const headHeight = isUpright ? Math.min(130, Math.max(40, widest + 12)) : 26
  const y0 = top + 24 + headHeight
  for (const [i, { name }] of clusters.entries()) {
    const x = margin + names + i * cell
    const shown = fitted(name, (isUpright ? headHeight : cell) - 10, measureBold)
    const label = { 'font-size': TEXT, class: 'mtr-ink mtr-b' }
    const text = !isUpright
      ? element(
          'text',
          { ...label, x: cell / 2, y: headHeight - 9, 'text-anchor': 'middle' },
          xmlWords(shown),
        )
      : element(
          'text',
          { ...label, x: 0, y: 4, transform: `translate(${cell / 2} ${headHeight - 6}) rotate(-90)` },
          xmlWords(shown),
        )
    svg += clipped(x, y0 - headHeight, cell, headHeight, hoverWords(name) + text)
  }
  for (const [i, row] of map.cells.entries()) {
    const y = y0 + i * rowHeight
    const name = clusters[i]?.name ?? ''
    svg += clipped(
      margin,
      y,
      names - 6,
      rowHeight,
      hoverWords(name) +
        element(
          'text',
          { x: 0, y: rowHeight / 2 + 4, 'font-size': TEXT, class: 'mtr-ink mtr-b' },
          xmlWords(fitted(name, names - 10, measureBold)),
        ),
    )
    for (const [j, one] of row.entries())
      svg += drawCell(one, map, refusals, {
        x: margin + names + j * cell + 1.5,
        y: y + 1.5,
        width: cell - 3,
        height: rowHeight - 3,
        hasWords,
      })
  }
  return [svg, y0 + clusters.length * rowHeight]
}

interface CellBox {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
  readonly hasWords: boolean
}

function drawCell(
  cell: TrustCell,
  map: TrustMap,
  refusals: readonly TrustRefusal[],
  { x, y, width, height, hasWords }: CellBox,
): string {
  const { clusters, authorities } = map
  const middle = height / 2
  const who = `${clusters[cell.from]?.name ?? ''} in ${clusters[cell.to]?.name ?? ''}: `
  const letters = cell.by.map((i) => authorities[i]?.letter ?? '')
  const full = cell.ok
    ? `${who}verified; its chain leads to ${letters.join(', ') || 'a root'}`
    : `${who}refused, ${cell.words} (${cell.code}): ${cell.problem}`
  let inner =
    hoverWords(full) +
    element('rect', { x: 0, y: 0, width, height, rx: 5, class: cell.ok ? 'mtr-ok-bg' : 'mtr-bad-bg' })
  if (hasWords) {
    const lines = wordLines(cell.words, width + 3)
    const first = middle + 4 - (lines.length - 1) * 7
    for (const [i, line] of lines.entries())
      inner += element(
        'text',
        { x: 32, y: first + i * 14, 'font-size': TEXT, class: 'mtr-ink' },
        xmlWords(line),
      )
    inner += cell.ok ? hook(17, middle) : cross(17, middle)
    if (cell.ok) inner += drawLetters(cell.by, map, 32 + measure(cell.words) + 5, width - 4, middle)
  } else {
    const number = refusals.find(({ words, code }) => words === cell.words && code === cell.code)?.number
    const isWide = width > 40
    inner += cell.ok ? hook(width / 2 - (isWide ? 10 : 0), middle) : cross(width / 2 - 10, middle)
    if (cell.ok && isWide) inner += drawLetters(cell.by, map, width / 2 + 3, width - 1, middle)
    if (!cell.ok)
      inner += element(
        'text',
        { x: width / 2 + 9, y: middle + 4, 'font-size': TEXT, 'text-anchor': 'middle', class: 'mtr-ink' },
        String(number ?? ''),
      )
  }
  return clipped(x, y, width, height, inner)
}

/** As many letters as fit between two places, and how many more there are. */
function drawLetters(
  by: readonly number[],
  { authorities }: TrustMap,
  from: number,
  to: number,
  y: number,
): string {
  const each = 19
  const fit = Math.floor((to - from) / each)
  const count = by.length <= fit ? by.length : Math.max(1, fit - 1)
  let svg = ''
  for (const [i, authority] of by.slice(0, count).entries())
    svg += badge(from + i * each + 8, y, authorities[authority]?.letter ?? '', authority, 15)
  const more = { x: from + count * each + 1, y: y + 4, 'font-size': TEXT, class: 'mtr-ink' }
  return by.length === count || fit < 2 ? svg : svg + element('text', more, `+${by.length - count}`)
}
