/** What tests of documents share: tables of a document, and unions of the source. */

import { literal, parse, type SyntaxNode, walk } from '../../tools/source.mjs'

/** The string members of a union that is declared in the text. */
export function membersOf(type: string, text: string): string[] {
  const codes: string[] = []
  walk(parse(text, 'union.ts'), (node) => {
    if (node.type !== 'TSTypeAliasDeclaration' || (node['id'] as SyntaxNode)['name'] !== type) return
    const union = node['typeAnnotation'] as SyntaxNode
    for (const member of (union['types'] ?? [union]) as SyntaxNode[]) {
      // Anything but a plain string would hide codes from the comparison.
      codes.push(literal(member) ?? `(${member.type})`)
    }
  })
  return codes
}

/** The rows of the table with a header, each as its cells. Throws where there is no such table. */
export function tableOf(document: string, header: string): readonly (readonly string[])[] {
  const lines = document.split('\n')
  const at = lines.indexOf(header)
  if (at < 0) throw new Error(`no table with the header ${header}`)
  const rows: string[][] = []
  for (const line of lines.slice(at + 2)) {
    if (!line.startsWith('|')) break
    rows.push(
      line
        .slice(1, -1)
        .split('|')
        .map((cell) => cell.trim()),
    )
  }
  return rows
}

/** What stands in backticks. */
export const quoted = (text = ''): readonly string[] =>
  [...text.matchAll(/`([^`]+)`/g)].map(([, word = '']) => word)
