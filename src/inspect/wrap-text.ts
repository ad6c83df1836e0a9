/**
 * Lines of limited length.
 *
 * @module
 */

/** As many UTF-16 units, or one fewer where the last would be half of a character. */
function wholeCharacters(text: string, units: number): number {
  const last = text.charCodeAt(units - 1)
  return units > 1 && last >= 0xd800 && last < 0xdc00 ? units - 1 : units
}

/** Breaks a text at spaces; a word that is longer than a line is broken itself. Later lines are indented by two more. */
export function wrap(text: string, width: number, indent: number): readonly string[] {
  const lines: string[] = []
  let rest = text
  let margin = ' '.repeat(indent)
  while (margin.length + rest.length > width) {
    const room = width - margin.length
    const space = rest.lastIndexOf(' ', room)
    const end = space > room / 2 ? space : wholeCharacters(rest, room)
    lines.push(margin + rest.slice(0, end).trimEnd())
    rest = rest.slice(end).trimStart()
    margin = ' '.repeat(indent + 2)
  }
  return [...lines, margin + rest]
}
