/**
 * The lines of a printed description.
 *
 * @module
 */

import { formatDuration } from '../../internal/duration.ts'
import { columnsOf, printable } from '../trust/trust-measure.ts'
import { wrap } from '../wrap-text.ts'

/** Characters in a line: what terminals and pull requests show. */
const WIDTH = 100
/** Where values begin. */
const COLUMN = 20
/** Where a line goes on: nothing else begins there, so that no text from outside can look like a line of ours. */
const HANG = COLUMN + 2
/** Characters of one value: findings are the longest, and are cut where they are made. */
const MAX_VALUE = 4096
/** Elements of a list that are printed; the description has more. */
const MAX_PRINTED = 16

/** Collects lines. Everything that it is given is escaped and cut. */
export class Page {
  readonly #lines: string[] = []
  #place = ''

  /** A line that begins something, with an empty one before it. */
  title(text: string, indent = 0): void {
    if (this.#lines.length > 0) this.#lines.push('')
    this.#lines.push(...wrap(safe(`${text}${this.#place}`), WIDTH, { indent, hang: HANG, measure }))
    this.#place = ''
  }

  /** The next title says where it stands. */
  at(line: number | undefined): void {
    this.#place = line === undefined ? '' : ` (line ${line})`
  }

  /** A name and its value. What is absent is not printed. */
  field(name: string, value: string | undefined, indent = 2): void {
    if (value === undefined) return
    const label = `${' '.repeat(indent)}${safe(name)}`.slice(0, COLUMN - 1).padEnd(COLUMN)
    const [first = '', ...more] = wrap(safe(value), WIDTH - COLUMN, {
      indent: 0,
      hang: HANG - COLUMN,
      measure,
    })
    this.#lines.push(
      `${label}${first}`.trimEnd(),
      ...more.map((line) => `${' '.repeat(COLUMN)}${line}`.trimEnd()),
    )
  }

  /** A name and one value in each line; nothing for none. `omitted`: how many were left out before. */
  list(name: string, values: readonly string[] | undefined, omitted = 0): void {
    if (values === undefined) return
    for (const [at, value] of values.slice(0, MAX_PRINTED).entries()) this.field(at === 0 ? name : '', value)
    const more = Math.max(0, values.length - MAX_PRINTED) + omitted
    if (more > 0) this.field(values.length === 0 ? name : '', `and ${more} more`)
  }

  /** A sentence. */
  line(text: string, indent = 2): void {
    this.#lines.push(...wrap(safe(text), WIDTH, { indent, hang: HANG, measure }))
  }

  toString(): string {
    return `${this.#lines.join('\n')}\n`
  }
}

/** Characters beyond the first plane are written out too: a line could end in the middle of one. */
const safe = (text: string): string =>
  printable(text, MAX_VALUE).replace(
    /[\u{10000}-\u{10ffff}]/gu,
    (char) => `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`,
  )

/** Columns of a terminal, which would break a longer line itself and go on at its edge. */
const measure = (char: string): number => Math.max(char.length, columnsOf(char))

/** The two largest units of a span: nobody counts the seconds of a year. */
export function spanText(milliseconds: number): string {
  return (formatDuration(milliseconds).match(/\d+[dhms]/g) ?? []).slice(0, 2).join(' ')
}

/** Where an instant lies, as seen from now. */
export function whenText(milliseconds: number): string {
  if (milliseconds === 0) return 'now'
  return milliseconds < 0 ? `${spanText(milliseconds)} ago` : `in ${spanText(milliseconds)}`
}
