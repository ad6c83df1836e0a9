/**
 * How wide a text of any script is, on a picture and in a terminal.
 *
 * Foreign names decide what is drawn, so what is not known counts as wide: a box that is too large is seen, a text that runs out of its
 * box hides another.
 *
 * @module
 */

import { escapeText } from '../../internal/text.ts'
import { xmlText } from '../svg-text.ts'

/** Characters of a foreign text that are looked at; the rest would be cut anyway. */
const MAX_TEXT = 200

/** Marks that stand above and below one letter: without end they would reach other lines. */
const PILES = /(\p{M}{2})\p{M}+/gu
const NONCHARACTERS = /\p{Noncharacter_Code_Point}/gu
const RIGHT_TO_LEFT =
  /[\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}]|[\u{10800}-\u{10fff}]|[\u{1e800}-\u{1efff}]/u
/** LEFT-TO-RIGHT MARK: after a name of Hebrew or Arabic letters, it keeps what follows where it belongs (UAX #9 §2.6). */
const LEFT_TO_RIGHT = '\u200e'

const ended = (text: string): string => (RIGHT_TO_LEFT.test(text) ? text + LEFT_TO_RIGHT : text)

/** Foreign text as it may be drawn: nothing invisible, no line ends, no piles of marks, at most 200 characters. */
export function printable(text: string, max: number = MAX_TEXT): string {
  return escapeText(text, max)
    .replace(PILES, '$1…')
    .replace(NONCHARACTERS, (char) => `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`)
}

/** {@link printable} for a name. The only mark of direction is the one at its end, where its letters run to the left. */
export const printableName = (name: string): string => ended(printable(name))

/** {@link printable} text, and sentences with it, as XML. */
export const xmlWords = (text: string, max = 4000): string =>
  text
    .slice(0, max)
    .split(LEFT_TO_RIGHT)
    .map((part) => xmlText(part, max))
    .join(LEFT_TO_RIGHT)

/** {@link printable} text as it is shown when a pointer rests there, and as it is read aloud. */
export const hoverWords = (text: string): string => `<title>${xmlWords(text, 1000)}</title>`

/** Widths of DejaVu Sans, the widest of the fonts that the pictures name, in hundredths of the size. */
const ASCII_WIDTHS = [
  ["ijl'|", 34],
  [' .,:;!()[]/\\-ftrI"`', 42],
  ['csJ?xzkvy', 60],
  ['ABCDEFGHKLNOPQRSTUVXYZ&{}', 79],
  ['mwM%@W', 101],
] as const

const WIDTHS: ReadonlyMap<string, number> = new Map(
  ASCII_WIDTHS.flatMap(([chars, width]) => [...chars].map((char) => [char, width / 100] as const)),
)

const NARROW = /^[\u0020-\u007e]$/
const ALPHABETIC =
  /^[\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}\p{Script=Hebrew}\u00a0-\u00bf\u2010-\u2027…→]$/u
const NO_WIDTH = /^[\p{M}\u200e]$/u
/** Whole sentences in one letter, and cuneiform. */
const HUGE = /^[\ufdfa-\ufdff\u{12000}-\u{1254f}]$/u

function widthOfChar(char: string): number {
  if (NARROW.test(char)) return WIDTHS.get(char) ?? 0.64
  if (NO_WIDTH.test(char)) return 0
  if (HUGE.test(char)) return 10
  return ALPHABETIC.test(char) ? 0.84 : 1.1
}

/** Pixels, at most, in a font of a size. Bold letters are a tenth wider. */
export function pixelsOf(text: string, size: number, isBold = false): number {
  let sum = 0
  for (const char of text) sum += widthOfChar(char)
  return sum * size * (isBold ? 1.1 : 1)
}

/** Columns of a terminal: ideographs and pictures take two. */
export function columnsOf(text: string): number {
  let sum = 0
  for (const char of text) sum += columnsOfChar(char)
  return sum
}

function columnsOfChar(char: string): number {
  if (NARROW.test(char)) return 1
  if (NO_WIDTH.test(char)) return 0
  return ALPHABETIC.test(char) || /^[\p{Script=Arabic}\p{Script=Thai}\p{Script=Devanagari}]$/u.test(char)
    ? 1
    : 2
}

/** How a text is measured. */
export type Measure = (text: string) => number

/** A text cut at its end, so that it fits. */
export function fitted(text: string, room: number, measure: Measure): string {
  if (measure(text) <= room) return text
  const end = measure('…')
  let used = 0
  let kept = ''
  for (const char of text) {
    used += measure(char)
    if (used + end > room) break
    kept += char
  }
  return end > room ? '' : ended(`${kept.trimEnd()}…`)
}

/** A name in at most two lines, broken behind a sign where there is one. */
export function inTwo(text: string, room: number, measure: Measure): readonly string[] {
  if (measure(text) <= room) return [text]
  let used = 0
  let end = 0
  let sign = 0
  for (const char of text) {
    used += measure(char)
    if (used > room) break
    end += char.length
    // No single letter is left for the second line.
    if (/[-._/: ]/.test(char) && text.length - end >= 4) sign = end
  }
  const at = sign > end / 3 ? sign : end
  if (at === 0) return [fitted(text, room, measure)]
  return [ended(text.slice(0, at).trimEnd()), fitted(text.slice(at).trimStart(), room, measure)]
}

/** The first of several texts that fits; the last one cut where none does. */
export function firstFitting(texts: readonly string[], room: number, measure: Measure): string {
  return texts.find((text) => measure(text) <= room) ?? fitted(texts.at(-1) ?? '', room, measure)
}

/** A text in lines, broken at spaces; the last of `most` lines is cut. A word that is longer than a line is cut. */
export function wrapped(text: string, room: number, measure: Measure, most: number): readonly string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`
    if (line === '' || measure(longer) <= room || lines.length === most - 1) line = longer
    else {
      lines.push(fitted(line, room, measure))
      line = word
    }
  }
  return [...lines, fitted(line, room, measure)]
}

/** A text on the left of a column of a given width. */
export const padded = (text: string, width: number): string =>
  text + ' '.repeat(Math.max(0, width - columnsOf(text)))
