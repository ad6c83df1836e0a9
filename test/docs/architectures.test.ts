import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { build, type Plugin } from 'esbuild'
import { beforeAll, describe, expect, test } from 'vitest'
import { type ArchitecturePosture, lintPosture } from '../../src/ca/index.ts'
import { fencesIn } from '../../tools/fences.mjs'
import { root, subpaths } from '../../tools/pack.mjs'

/** `docs/architectures.md`: every program is run, and prints what stands below it. That it compiles is seen by `fences.test.ts`. */
const NAMES = [
  'one-root-one-intermediate',
  'one-root-two-intermediates',
  'separate-roots',
  'multi-tier',
  'managed',
  'hybrid',
  'external-keys',
]
const FILE = 'docs/architectures.md'
const document = readFileSync(join(root, FILE), 'utf8')
const folder = join(root, 'build', 'architectures')

interface Architecture {
  readonly name: string
  readonly program: string | undefined
  readonly output: string | undefined
  /** What it lacks. */
  readonly missing: readonly string[]
}

/** The sections whose heading is a name of code: lower case and hyphens. */
function architecturesIn(text: string): readonly Architecture[] {
  return text
    .split(/^## /m)
    .slice(1)
    .map((section) => ({ name: section.slice(0, section.indexOf('\n')).trim(), section }))
    .filter(({ name }) => /^[a-z]+(-[a-z]+)*$/.test(name))
    .map(({ name, section }) => {
      const programs = fencesIn(FILE, section)
      // The output belongs to the program only when nothing but empty lines is between them.
      const output = /^```ts\n[\s\S]*?^```\n\n```text\n(?<output>[\s\S]*?)^```$/m.exec(section)?.groups?.[
        'output'
      ]
      const has: Readonly<Record<string, boolean>> = {
        'a paragraph': /^[^\n]*\n\n[A-Z]/.test(section),
        'a diagram': /^ {4}.*[┌│└]/m.test(section.slice(0, section.indexOf('```'))),
        'exactly one program': programs.length === 1,
        'its output below it': output !== undefined,
        'What is stored where': /^### What is stored where\n\n\|/m.test(section),
        'Trade-offs': /^### Trade-offs\n\n- /m.test(section),
      }
      return {
        name,
        program: programs[0]?.code,
        output,
        missing: Object.entries(has).flatMap(([what, is]) => (is ? [] : [what])),
      }
    })
}

/** The package by its name, from the sources; a subpath that is not exported is an error. */
const sources: Plugin = {
  name: 'sources',
  setup({ onResolve }) {
    const files = new Map(
      subpaths().map(({ specifier, file }) => [
        specifier,
        join(root, file.replace('./dist/', 'src/').replace(/\.js$/, '.ts')),
      ]),
    )
    onResolve({ filter: /^mesh-pki(?:\/|$)/ }, ({ path }) => {
      const file = files.get(path)
      return file === undefined ? { errors: [{ text: `${path} is not exported` }] } : { path: file }
    })
  },
}

/** Bundles a program and runs it in a process of its own; answers what it printed. */
async function outputOf(name: string, program: string): Promise<string> {
  const outfile = join(folder, `${name}.mjs`)
  await build({
    stdin: { contents: program, loader: 'ts', resolveDir: root, sourcefile: `${name}.ts` },
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    packages: 'external',
    plugins: [sources],
    tsconfig: join(root, 'tsconfig.json'),
    logLevel: 'silent',
  })
  const { status, stdout, stderr } = spawnSync(process.execPath, [outfile], { encoding: 'utf8' })
  if (status !== 0 || stderr !== '') throw new Error(`${name} ended with ${status}\n${stdout}${stderr}`)
  return stdout
}

beforeAll(() => {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
})

const architectures = architecturesIn(document)

test('has the seven architectures, each with all of its parts', () => {
  expect(architectures.map(({ name, missing }) => ({ name, missing }))).toEqual(
    NAMES.map((name) => ({ name, missing: [] })),
  )
})

test('compares all of them at the beginning', () => {
  const table = document.slice(0, document.indexOf('\n## '))
  expect(
    [...table.matchAll(/^\| \[`([a-z-]+)`\]\(#([a-z-]+)\) \|/gm)].map(([, name, link]) => [name, link]),
  ).toEqual(NAMES.map((name) => [name, name]))
})

describe.each(architectures)('$name', ({ name, program = '', output }) => {
  test('prints what the document says', async () => {
    expect(await outputOf(name, program)).toBe(output)
  })

  test('is short, shows what is accepted and what is refused, and needs this package only', () => {
    expect(program.split('\n').length).toBeLessThanOrEqual(52)
    expect(output).toMatch(/: accepted$/m)
    expect(output).toMatch(/: ERR_[A-Z_]+$/m)
    const imports = [...program.matchAll(/\bfrom '([^']*)'/g)].map(([, specifier]) => specifier)
    expect(imports.length).toBeGreaterThan(2)
    expect(imports.filter((specifier) => specifier?.startsWith('mesh-pki/') !== true)).toEqual([])
  })
})

test('without the name constraints the forgeries below one root are accepted', async () => {
  const { program = '' } = architectures.find(({ name }) => name === 'one-root-two-intermediates') ?? {}
  const bare = program.replaceAll(/^ *nameConstraints: .*\n/gm, '')
  expect(program.split('\n').length - bare.split('\n').length).toBe(2)
  const forged = (await outputOf('bare', bare)).split('\n').filter((line) => line.startsWith('the key of'))
  expect(forged).toEqual([
    'the key of the mesh, for the agent of west: accepted',
    'the key of the relay, for cart: accepted',
  ])
})

test('the lints name only architectures that are there', () => {
  const worst: ArchitecturePosture = {
    root: { kind: 'autogenerated', keyIn: 'secret', lifetime: '365d', sharedWith: ['billing'] },
    intermediates: [{ name: 'both', keyIn: 'secret', clusters: ['east', 'west'], lifetime: '365d' }],
    relay: { root: 'mesh' },
    restarts: 'automatic',
    backups: { encrypted: false },
    issuerChecksCsr: false,
  }
  const named = lintPosture(worst).flatMap(({ remedy }) =>
    [...remedy.matchAll(/\barchitecture ([a-z]+(?:-[a-z]+)*)/g)].map(([, name]) => name),
  )
  expect(named.length).toBeGreaterThan(5)
  expect(named.filter((name) => name === undefined || !NAMES.includes(name))).toEqual([])
})

describe('the gate itself', () => {
  const good = [
    '## two-words',
    '',
    'What it is for.',
    '',
    '    ┌───┐',
    '',
    '```ts',
    "console.log('a')",
    '```',
    '',
    '```text',
    'a',
    '```',
    '',
    '### What is stored where',
    '',
    '| what |',
    '',
    '### Trade-offs',
    '',
    '- Some.',
    '',
  ].join('\n')

  test('reads a section', () => {
    expect(architecturesIn(`# Title\n\n${good}## Another heading\n`)).toEqual([
      { name: 'two-words', program: "console.log('a')", output: 'a\n', missing: [] },
    ])
  })

  test.each([
    ['a paragraph', 'What it is for.\n\n', ''],
    ['a diagram', '    ┌───┐\n\n', ''],
    ['exactly one program', '### Trade', '```ts\nlet b\n```\n\n### Trade'],
    ['its output below it', '```text', 'Then:\n\n```text'],
    ['What is stored where', '### What is stored where', '### Where'],
    ['Trade-offs', '- Some.', ''],
  ])('misses %s', (what, from, to) => {
    expect(architecturesIn(good.replace(from, to))[0]?.missing).toEqual([what])
  })

  test('runs a program, and reports one that fails, warns, or imports what is not exported', async () => {
    expect(await outputOf('prints', "import { Csr } from 'mesh-pki/csr'\nconsole.log(typeof Csr)")).toBe(
      'function\n',
    )
    await expect(outputOf('throws', "throw new Error('why')")).rejects.toThrow('why')
    await expect(outputOf('warns', "console.error('hm')")).rejects.toThrow('hm')
    await expect(outputOf('private', "import 'mesh-pki/internal'")).rejects.toThrow(
      'mesh-pki/internal is not exported',
    )
  })
})
