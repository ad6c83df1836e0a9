// The TypeScript examples in documents and docstrings, as files that a compiler can read.
import { readFileSync } from 'node:fs'

/** @typedef {{ file: string, line: number, code: string }} Fence the line is that of the opening marks */

const opening = /^(?<margin>[ \t]*(?:\*[ \t]?[ \t]*)?)(?<marks>`{3,})[ \t]*(?:ts|typescript)\b[^`]*$/

/**
 * @param {string} file
 * @param {string} text
 * @returns {Fence[]}
 */
export function fencesIn(file, text) {
  const lines = text.split(/\r?\n/)
  /** @type {Fence[]} */
  const fences = []
  for (let at = 0; at < lines.length; at++) {
    const groups = opening.exec(lines[at] ?? '')?.groups
    if (groups === undefined) continue
    const { margin = '', marks = '' } = groups
    // Only a docstring fence has a star in its margin, and there every line has one.
    const strip = margin.includes('*') ? /^[ \t]*\*[ \t]?/ : new RegExp(`^[ \\t]{0,${margin.length}}`)
    const first = at + 1
    /** @type {string[]} */
    const code = []
    for (at++; at < lines.length; at++) {
      const line = (lines[at] ?? '').replace(strip, '')
      if (line.trim() === marks) break
      code.push(line)
    }
    if (at === lines.length) throw new Error(`${file}:${first} a fence that never ends`)
    fences.push({ file, line: first, code: code.join('\n') })
  }
  return fences
}

/**
 * @param {readonly string[]} files
 * @returns {Fence[]}
 */
export const readFences = (files) => files.flatMap((file) => fencesIn(file, readFileSync(file, 'utf8')))
