import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'

/**
 * Compares with a checked-in JSON file beside this one. A change of the public surface is then a line
 * in a diff that somebody approves; `UPDATE=1` rewrites the file.
 */
export function expectToMatchFile(name: string, actual: unknown): void {
  const file = fileURLToPath(new URL(name, import.meta.url))
  if (process.env['UPDATE'] === '1') {
    writeFileSync(file, `${JSON.stringify(actual, undefined, 2)}\n`)
    return
  }
  const hint = `test/package/${name} differs; if that is meant, rewrite it: UPDATE=1 npm run test:package`
  expect(actual, hint).toEqual(read(file))
}

function read(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
