/** docs/runtimes.md says what is tested: the hosts, their versions, and what each lacks. */

import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { filesUnder } from '../../tools/source.mjs'
import { quoted, tableOf } from './support.ts'

const document = readFileSync('docs/runtimes.md', 'utf8')
const hosts: { cases: number; lacks: Record<string, readonly string[]> } = JSON.parse(
  readFileSync('test/runtime/hosts.json', 'utf8'),
)
const pinned: Record<string, string> = JSON.parse(
  readFileSync('test/runtime/package.json', 'utf8'),
).dependencies

const rows = tableOf(document, '| host | version | lacks |').map(([host, version = '', lacks]) => ({
  id: quoted(host)[0] ?? '',
  version,
  lacks,
}))

/** `1.4.5`, or that of `npm:node@22.23.3`. */
const versionOf = (spec: string) => spec.slice(spec.lastIndexOf('@') + 1)

test('the hosts are those that are tested, in their order', () => {
  expect(rows.map(({ id }) => id)).toEqual(Object.keys(hosts.lacks))
})

test('every pinned runtime is in the table, at its version', () => {
  for (const [name, spec] of Object.entries(pinned)) {
    const own = rows.filter(({ id }) => id === name || id.startsWith(`${name}-`))
    expect(own.length, name).toBeGreaterThan(0)
    for (const { version } of own) expect(version).toBe(versionOf(spec))
  }
  // Of these two the version is not ours to choose.
  const others = rows.filter(({ id }) => pinned[id.replace(/-.*/, '')] === undefined).map(({ id }) => id)
  expect(others).toEqual(['node20', 'chromium'])
})

describe.each(rows)('$id', ({ id, lacks }) => {
  test('lacks what its cases expect', () => {
    const declared = hosts.lacks[id] ?? []
    expect(quoted(lacks)).toEqual(declared)
    if (declared.length === 0) expect(lacks).toBe('nothing')
  })
})

test('every lack is explained, and nothing else is', () => {
  const explained = tableOf(document, '| lack | what happens | what to do |').map(([lack]) => quoted(lack)[0])
  const declared = new Set(Object.values(hosts.lacks).flat())
  expect(new Set(explained)).toEqual(declared)
  expect(explained).toHaveLength(declared.size)
})

test('the number of cases is that which every host must run', () => {
  expect(document).toContain(`The same ${hosts.cases} cases run on each`)
})

test('the files of cases are those that the table has', () => {
  const named = tableOf(document, '| cases | what they ask |').map(([name]) => quoted(name)[0])
  const files = filesUnder('test/runtime/cases', /\.mjs$/).map((file) => file.replace(/^.*\/|\.mjs$/g, ''))
  expect([...named].sort()).toEqual(files.filter((file) => file !== 'assert').sort())
  expect(existsSync('test/runtime/cases/assert.mjs')).toBe(true)
})

test('a lack is a name that some case asks for', () => {
  const cases = filesUnder('test/runtime/cases', /\.mjs$/).map((file) => readFileSync(file, 'utf8'))
  const asked = cases.join('\n')
  for (const lack of new Set(Object.values(hosts.lacks).flat())) {
    const [, kind] = /^\S+( with SHA-256)$/.exec(lack) ?? []
    expect(asked, lack).toContain(kind === undefined ? `'${lack}'` : `\${key}${kind}`)
  }
})
