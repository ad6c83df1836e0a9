// Reads TypeScript and JavaScript as syntax trees, so that the gates judge code and not text in comments.
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { parseAst } from 'rolldown/parseAst'

/** @typedef {{ readonly type: string, readonly start: number, readonly [key: string]: unknown }} SyntaxNode */
/** @typedef {{ specifier: string | undefined, kind: 'static' | 'dynamic' | 'type', line: number }} Import */

/**
 * @param {unknown} value
 * @returns {value is SyntaxNode}
 */
export function isNode(value) {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string'
}

/**
 * @param {string} text
 * @param {string} file decides the dialect
 * @returns {SyntaxNode}
 */
export function parse(text, file) {
  const lang = /\.[cm]?ts$/.test(file) ? 'ts' : 'js'
  return /** @type {SyntaxNode} */ (/** @type {unknown} */ (parseAst(text, { lang }, file)))
}

/**
 * Visits every node with its parent and the property it stands in.
 *
 * @param {SyntaxNode} node
 * @param {(node: SyntaxNode, parent: SyntaxNode | undefined, key: string) => void} visit
 * @param {SyntaxNode} [parent]
 * @param {string} [key]
 */
export function walk(node, visit, parent, key = '') {
  visit(node, parent, key)
  for (const [name, value] of Object.entries(node)) {
    for (const child of Array.isArray(value) ? value : [value]) {
      if (isNode(child)) walk(child, visit, node, name)
    }
  }
}

/**
 * @param {string} text
 * @param {number} offset
 */
export function lineAt(text, offset) {
  let line = 1
  for (let at = text.indexOf('\n'); at >= 0 && at < offset; at = text.indexOf('\n', at + 1)) line++
  return line
}

/**
 * The string a node stands for, when it is a plain string.
 *
 * @param {unknown} node
 * @returns {string | undefined}
 */
export function literal(node) {
  if (!isNode(node)) return undefined
  if (node.type === 'TSLiteralType') return literal(node['literal'])
  return node.type === 'Literal' && typeof node['value'] === 'string' ? node['value'] : undefined
}

/**
 * Every import, re-export, `import()` and import type of a file.
 *
 * @param {SyntaxNode} tree
 * @param {string} text
 * @returns {Import[]}
 */
export function importsOf(tree, text) {
  /** @type {Import[]} */
  const found = []
  walk(tree, (node) => {
    const line = lineAt(text, node.start)
    switch (node.type) {
      case 'ImportDeclaration':
      case 'ExportNamedDeclaration':
      case 'ExportAllDeclaration': {
        const specifier = literal(node['source'])
        if (specifier === undefined) return
        const type = (node['importKind'] ?? node['exportKind']) === 'type'
        found.push({ specifier, kind: type ? 'type' : 'static', line })
        return
      }
      case 'ImportExpression':
        found.push({ specifier: literal(node['source']), kind: 'dynamic', line })
        return
      case 'TSImportType':
        found.push({ specifier: literal(node['source'] ?? node['argument']), kind: 'type', line })
        return
      default:
    }
  })
  return found
}

/**
 * Files below a folder, with forward slashes on every platform, sorted; none when it does not exist.
 *
 * @param {string} folder
 * @param {RegExp} wanted
 * @returns {string[]}
 */
export function filesUnder(folder, wanted) {
  /** @type {string[]} */
  const files = []
  /** @param {string} at */
  const visit = (at) => {
    for (const entry of readdirSync(at, { withFileTypes: true })) {
      const path = join(at, entry.name)
      if (entry.isDirectory()) {
        if (entry.name !== 'node_modules') visit(path)
      } else if (wanted.test(entry.name)) files.push(path.split('\\').join('/'))
    }
  }
  try {
    visit(folder)
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'ENOENT') throw error
  }
  return files.sort()
}
