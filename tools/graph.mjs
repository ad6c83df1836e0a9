// What a module loads before its first line runs: its static imports, and theirs.
import { posix } from 'node:path'
import { importsOf, parse } from './source.mjs'

/**
 * @param {string} entry
 * @param {(file: string) => string} read
 * @returns {{ files: Set<string>, packages: Map<string, string> }} files reached, and each bare
 *   specifier with a file that imports it
 */
export function staticGraph(entry, read) {
  /** @type {Set<string>} */
  const files = new Set()
  /** @type {Map<string, string>} */
  const packages = new Map()
  const open = [posix.normalize(entry)]
  for (let file = open.pop(); file !== undefined; file = open.pop()) {
    if (files.has(file)) continue
    files.add(file)
    const text = read(file)
    for (const { specifier, kind } of importsOf(parse(text, file), text)) {
      if (specifier === undefined || kind !== 'static') continue
      if (specifier.startsWith('.')) open.push(posix.join(posix.dirname(file), specifier))
      else packages.set(specifier, file)
    }
  }
  return { files, packages }
}
