/**
 * Why who is refused, and what to look at, as SVG.
 *
 * @module
 */

import { element } from '../svg-text.ts'
import type { TrustMap } from './trust-map.ts'
import { fitted, pixelsOf, wrapped, xmlWords } from './trust-measure.ts'
import { pairsOf, refusalsOf, toldOf } from './trust-refusals.ts'
import { columnsIn } from './trust-svg-matrix.ts'
import { cross, heading, triangle } from './trust-svg-style.ts'

const TEXT = 11
/** Reasons, and notes, that are told. */
const MAX_NOTES = 14

const measure = (text: string): number => pixelsOf(text, TEXT)
const measureBold = (text: string): number => pixelsOf(text, TEXT, true)

/** Reasons of refusals and notes, a few lines each, and where they end. */
export function drawNotes(
  map: TrustMap,
  top: number,
  margin: number,
  width: number,
): readonly [string, number] {
  const refusals = refusalsOf(map)
  const { hasWords } = columnsIn(map, margin, width)
  const room = width - 2 * margin - 24
  let svg = ''
  let y = top
  const text = (words: string, rule: string): void => {
    svg += element('text', { x: margin + 24, y, 'font-size': TEXT, class: rule }, xmlWords(words))
  }
  if (refusals.length > 0) {
    y += 14
    svg += heading(y, 'Refused', [], margin, width)
    y += 4
  }
  for (const one of refusals.slice(0, MAX_NOTES)) {
    y += 20
    svg += cross(margin + 9, y - 4)
    const reference = hasWords ? '' : `${one.number}  `
    text(
      fitted(`${reference}${one.words}: ${pairsOf(map, one.cells, 4)}`, room, measureBold),
      'mtr-ink mtr-b',
    )
    const told = wrapped(toldOf(one), room, measure, 2)
    const remedy = one.remedy === '' ? [] : wrapped(`To pass: ${one.remedy}`, room, measure, 2)
    for (const line of [...told, ...remedy]) {
      y += 15
      text(line, 'mtr-soft')
    }
  }
  if (refusals.length > 0) y += 14
  if (map.notes.length > 0) {
    y += 14
    svg += heading(y, 'Look at', [], margin, width)
    y += 2
  }
  for (const { tone, text: note } of map.notes.slice(0, MAX_NOTES)) {
    const lines = wrapped(note, room, measure, 2)
    y += 18
    svg += triangle(margin + 9, y - 4, tone)
    for (const [i, line] of lines.entries()) {
      if (i > 0) y += 15
      text(line, tone === 'bad' ? 'mtr-bad mtr-b' : 'mtr-ink')
    }
  }
  const left =
    map.notes.length +
    refusals.length -
    Math.min(map.notes.length, MAX_NOTES) -
    Math.min(refusals.length, MAX_NOTES)
  if (left > 0) {
    y += 18
    text(`and ${left} more`, 'mtr-soft')
  }
  return [svg, map.notes.length > 0 ? y + 12 : y]
}
