// Who may import whom in src, and what the pure folders must not touch.
// Lint patterns cannot express this: they match the text of a specifier, not the file it leads to.
import { readFileSync } from 'node:fs'
import { posix } from 'node:path'
import { argv } from 'node:process'
import { pathToFileURL } from 'node:url'
import { filesUnder, importsOf, isNode, lineAt, parse, walk } from './source.mjs'

/** From the bottom up; only the members of the first row may also import each other. */
const rows = [
  ['errors', 'internal'],
  ['x509'],
  ['verify'],
  ['spiffe'],
  ['csr'],
  ['ca'],
  ['rotation'],
  ['inspect'],
  ['node', 'issuers', 'kubernetes'],
  ['otel'],
]
/** From this row on it is about what is outside the pure part. */
const outside = rows.findIndex((row) => row.includes('kubernetes'))
/** They may use every pure folder, and nothing uses them. */
const beside = ['index', 'testing', 'peculiar']
/** Folders that are written for Node and may name its modules. */
const nodeFolders = ['node', 'kubernetes']
/** The one file through which the decorated libraries come in. */
const door = 'src/internal/peculiar.ts'

/** @param {string} room */
const rowOf = (room) => rows.findIndex((row) => row.includes(room))

/**
 * The folder a file belongs to; `src/errors.ts` and `src/index.ts` count as folders of their own.
 *
 * @param {string} file
 */
function roomOf(file) {
  const [, room = '', ...rest] = file.split('/')
  return rest.length === 0 ? room.replace(/\.ts$/, '') : room
}

/**
 * @param {string} from
 * @param {string} to
 */
function mayImport(from, to) {
  if (from === to) return true
  const target = rowOf(to)
  if (target < 0) return false
  if (beside.includes(from)) return target < outside
  const own = rowOf(from)
  return target < own || (own === 0 && target === 0)
}

/**
 * What one source file does against the rules.
 *
 * @param {string} file its path from the package root, with forward slashes
 * @param {string} text
 * @param {ReadonlySet<string>} packages what the manifest declares as dependency or peer
 * @returns {string[]}
 */
export function violationsIn(file, text, packages) {
  /** @type {string[]} */
  const found = []
  const room = roomOf(file)
  if (rowOf(room) < 0 && !beside.includes(room)) {
    return [`${file}:1 "${room}" is not a folder of the house; tools/layers.mjs lists them`]
  }
  /** @type {import('./source.mjs').SyntaxNode} */
  let tree
  try {
    tree = parse(text, file)
  } catch (error) {
    return [`${file}:1 does not parse: ${error instanceof Error ? error.message.split('\n')[0] : error}`]
  }
  for (const { specifier, line } of importsOf(tree, text)) {
    const say = (/** @type {string} */ what) => found.push(`${file}:${line} ${what}`)
    if (specifier === undefined) say('imports a computed name, which no bundler can follow')
    else if (specifier.startsWith('.')) {
      const target = posix.join(posix.dirname(file), specifier)
      if (!target.startsWith('src/')) say(`leaves src by ${specifier}`)
      else if (!mayImport(room, roomOf(target)))
        say(`${room} must not import ${roomOf(target)} (${specifier})`)
    } else if (specifier.startsWith('node:')) {
      if (!nodeFolders.includes(room)) say(`only ${nodeFolders.join(' and ')} may import ${specifier}`)
    } else {
      const name = specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/')
      if (!packages.has(name)) say(`imports ${name}, which the manifest does not declare`)
      if ((name.startsWith('@peculiar/') || name === 'reflect-metadata') && file !== door) {
        say(`only ${door} may import ${name}`)
      }
    }
  }
  if (!nodeFolders.includes(room)) found.push(...forbiddenGlobals(file, text, tree))
  return found
}

/**
 * @param {unknown} node
 * @param {string} name
 */
function isNamed(node, name) {
  if (!isNode(node)) return false
  if (node.type === 'Identifier') return node['name'] === name
  if (node.type !== 'MemberExpression') return false
  const property = node['property']
  return isNode(property) && (property['name'] === name || property['value'] === name)
}

/**
 * @param {string} file
 * @param {string} text
 * @param {import('./source.mjs').SyntaxNode} tree
 */
function forbiddenGlobals(file, text, tree) {
  /** @type {string[]} */
  const found = []
  walk(tree, (node, parent, key) => {
    const say = (/** @type {string} */ what) => found.push(`${file}:${lineAt(text, node.start)} ${what}`)
    if (node.type === 'Identifier') {
      const isProperty =
        parent !== undefined &&
        ((parent.type === 'MemberExpression' &&
          key === 'property' &&
          !isNamed(parent['object'], 'globalThis')) ||
          (key === 'key' && parent['computed'] !== true && parent['shorthand'] !== true))
      if (isProperty) return
      if (node['name'] === 'Buffer') say('Buffer exists on Node only; use Uint8Array')
      if (node['name'] === 'console') say('a library does not print')
    } else if (node.type === 'MemberExpression') {
      if (isNamed(node['object'], 'process') && isNamed(node, 'env')) say('reads process.env; take an option')
      if (isNamed(node['object'], 'Math') && isNamed(node, 'random'))
        say('Math.random is not for keys or tests')
    }
  })
  return found
}

/** The package names that code in src may import. */
export function declaredPackages() {
  const manifest = JSON.parse(readFileSync('package.json', 'utf8'))
  return new Set(Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies }))
}

if (argv[1] !== undefined && import.meta.url === pathToFileURL(argv[1]).href) {
  const packages = declaredPackages()
  const files = filesUnder('src', /\.ts$/)
  const found = files.flatMap((file) => violationsIn(file, readFileSync(file, 'utf8'), packages))
  for (const line of found) console.error(line)
  console.log(`layers: ${files.length} files, ${found.length} violations`)
  process.exitCode = found.length === 0 && files.length > 0 ? 0 : 1
}
