/**
 * Lines of limited length.
 *
 * @module
 */

/** How lines are broken. */
export interface WrapOptions {
  /** Blanks before the first line. */
  readonly indent: number
  /** Blanks before the others. Default: two more. */
  readonly hang?: number | undefined
  /** How much room a character takes. Default: its UTF-16 units. */
  readonly measure?: ((char: string) => number) | undefined
}

/** How many UTF-16 units of a text have room; at least one character, and no half of one. */
function unitsWithin(text: string, room: number, measure: (char: string) => number): number {
  let used = 0
  let units = 0
  for (const char of text) {
    used += measure(char)
    if (used > room && units > 0) break
    units += char.length
  }
  return units
}

/** Breaks a text at spaces; a word that is longer than a line is broken itself. */
export function wrap(
  text: string,
  width: number,
  { indent, hang = indent + 2, measure = (char) => char.length }: WrapOptions,
): readonly string[] {
  const lines: string[] = []
  let rest = text
  let margin = ' '.repeat(indent)
  for (;;) {
    const room = unitsWithin(rest, width - margin.length, measure)
    if (room >= rest.length) return [...lines, margin + rest]
    const space = rest.lastIndexOf(' ', room)
    const end = space > room / 2 ? space : room
    lines.push(margin + rest.slice(0, end).trimEnd())
    rest = rest.slice(end).trimStart()
    margin = ' '.repeat(hang)
  }
}
