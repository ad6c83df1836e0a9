import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { declaredPackages, violationsIn } from '../../tools/layers.mjs'
import { filesUnder } from '../../tools/source.mjs'

const packages = new Set(['@noble/hashes', '@peculiar/x509', 'reflect-metadata', 'tslib'])
const judge = (file: string, text: string) => violationsIn(file, text, packages)

test('src keeps the layers', () => {
  const files = filesUnder('src', /\.ts$/)
  expect(files).not.toEqual([])
  const declared = declaredPackages()
  expect(files.flatMap((file) => violationsIn(file, readFileSync(file, 'utf8'), declared))).toEqual([])
})

describe('the rule lets through', () => {
  test.each([
    ['src/ca/issue.ts', "import { x } from '../csr/parse.ts'"],
    ['src/ca/issue.ts', "export { x } from './profile.ts'"],
    ['src/ca/issue.ts', "import { x } from '../internal/der.ts'"],
    ['src/errors.ts', "import { x } from './internal/text.ts'"],
    ['src/internal/der.ts', "import { x } from '../errors.ts'"],
    [
      'src/internal/peculiar.ts',
      "import 'reflect-metadata'; export { X509Certificate } from '@peculiar/x509'",
    ],
    ['src/internal/hash.ts', "import { sha256 } from '@noble/hashes/sha2.js'"],
    ['src/testing/index.ts', "import { x } from '../inspect/index.ts'"],
    ['src/kubernetes/journal.ts', "import { readFile } from 'node:fs/promises'; Buffer.from(readFile.name)"],
    ['src/index.ts', "export { x } from './inspect/index.ts'"],
    ['src/otel/observer.ts', "import type { X } from '../kubernetes/api/kube-event.ts'"],
    ['src/x509/key.ts', "globalThis.process?.getBuiltinModule?.('node:crypto')"],
    ['src/x509/key.ts', "// Buffer, console and process.env in a comment\nexport const text = 'Buffer'"],
    ['src/x509/key.ts', 'export const a = (b: { console: string }) => b.console'],
  ])('%s: %s', (file, text) => {
    expect(judge(file, text)).toEqual([])
  })
})

describe('the rule refuses', () => {
  test.each([
    ['src/csr/create.ts', "import { x } from '../ca/issue.ts'", 'csr must not import ca'],
    ['src/csr/create.ts', "import type { X } from '../ca/issue.ts'", 'csr must not import ca'],
    ['src/csr/create.ts', "export * from '../ca/index.ts'", 'csr must not import ca'],
    ['src/csr/create.ts', "const x = () => import('../ca/index.ts')", 'csr must not import ca'],
    ['src/csr/create.ts', "export type X = import('../ca/index.ts').X", 'csr must not import ca'],
    ['src/internal/der.ts', "import { x } from '../x509/name.ts'", 'internal must not import x509'],
    ['src/ca/issue.ts', "import { x } from '../testing/clock.ts'", 'ca must not import testing'],
    ['src/ca/issue.ts', "import { x } from '../peculiar/index.ts'", 'ca must not import peculiar'],
    ['src/ca/issue.ts', "import { x } from '../index.ts'", 'ca must not import index'],
    ['src/kubernetes/a.ts', "import { x } from '../node/tls.ts'", 'kubernetes must not import node'],
    [
      'src/testing/index.ts',
      "import { x } from '../kubernetes/index.ts'",
      'testing must not import kubernetes',
    ],
    ['src/index.ts', "export { x } from './kubernetes/index.ts'", 'index must not import kubernetes'],
    ['src/index.ts', "export { x } from './testing/index.ts'", 'index must not import testing'],
    ['src/index.ts', "export { x } from './otel/index.ts'", 'index must not import otel'],
    ['src/kubernetes/a.ts', "import { x } from '../otel/index.ts'", 'kubernetes must not import otel'],
    ['src/otel/a.ts', "import { x } from 'node:timers'", 'may import node:timers'],
    ['src/misc/a.ts', 'export {}', 'not a folder of the house'],
    ['src/ca/issue.ts', "import { x } from '../../test/support/x.ts'", 'leaves src'],
    ['src/ca/issue.ts', "import { x } from '@peculiar/x509'", 'only src/internal/peculiar.ts may import'],
    ['src/peculiar/index.ts', "import type { X } from '@peculiar/x509'", 'only src/internal/peculiar.ts may'],
    ['src/ca/issue.ts', "import 'reflect-metadata'", 'only src/internal/peculiar.ts may import'],
    ['src/ca/issue.ts', "import { x } from 'left-pad/lib'", 'left-pad, which the manifest does not declare'],
    ['src/ca/issue.ts', "import { createHash } from 'node:crypto'", 'may import node:crypto'],
    ['src/ca/issue.ts', 'const load = (name: string) => import(name)', 'computed name'],
    ['src/ca/issue.ts', 'export const a = Buffer.from([])', 'Buffer exists on Node only'],
    ['src/ca/issue.ts', 'export const a = globalThis.Buffer', 'Buffer exists on Node only'],
    ['src/ca/issue.ts', 'export type A = Buffer', 'Buffer exists on Node only'],
    ['src/ca/issue.ts', "export const a = globalThis.process?.env['HOME']", 'reads process.env'],
    ['src/ca/issue.ts', "console.log('x')", 'does not print'],
    ['src/ca/issue.ts', 'export const a = Math.random()', 'Math.random'],
    ['src/ca/issue.ts', 'export const = 1', 'does not parse'],
  ])('%s: %s', (file, text, reason) => {
    const found = judge(file, text)
    expect(found).not.toEqual([])
    expect(found.join('\n')).toContain(reason)
  })
})
