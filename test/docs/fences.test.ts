import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type Fence, fencesIn, readFences } from '../../tools/fences.mjs'
import { readManifest, root, subpaths } from '../../tools/pack.mjs'
import { filesUnder } from '../../tools/source.mjs'

const documents = [
  ...['README.md', 'CONTRIBUTING.md', 'SECURITY.md'].filter((file) => existsSync(file)),
  // The reference repeats the docstrings of src.
  ...filesUnder('docs', /\.md$/).filter((file) => !file.startsWith('docs/reference/')),
  ...filesUnder('src', /\.ts$/),
]

/**
 * Compiles all fences in one run, each as a module of its own, and returns the compiler's complaints at
 * the place in the document. The package name leads to the sources, so no build is needed.
 */
function complaintsAbout(fences: readonly Fence[], name: string): string[] {
  const folder = join(root, 'build', name)
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const origin = new Map<string, string>()
  for (const [at, { file, line, code }] of fences.entries()) {
    const module = `fence-${at}.ts`
    origin.set(module, file)
    // As many empty lines as stand above the fence: the compiler then counts as the document does.
    writeFileSync(join(folder, module), `${'\n'.repeat(line)}${code}\nexport {}\n`)
  }
  const up = posix.relative(posix.join('build', name), '.')
  const paths = Object.fromEntries(
    subpaths().map(({ specifier, file }) => [
      specifier,
      [posix.join(up, file.replace('./dist/', 'src/').replace(/\.js$/, '.ts'))],
    ]),
  )
  const config = {
    extends: posix.join(up, 'tsconfig.json'),
    compilerOptions: {
      types: ['node'],
      paths,
      skipLibCheck: true,
      // An example may leave a value for the reader to use.
      noUnusedLocals: false,
      noUnusedParameters: false,
    },
    include: ['./*.ts'],
  }
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config))
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
  const args = [tsc, '-p', posix.join('build', name), '--pretty', 'false']
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' })
  if (status === 0) return []
  return `${stdout}${stderr}`
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) =>
      line.replace(/^.*?(fence-\d+\.ts)\((\d+),\d+\)/, (_, module, row) => `${origin.get(module)}:${row}`),
    )
}

test('every TypeScript example compiles', () => {
  expect(complaintsAbout(readFences(documents), 'fences')).toEqual([])
})

describe('the gate itself', () => {
  const document = [
    '# Title',
    '```ts',
    'const good: number = 1',
    '```',
    '- in a list',
    '  ```ts',
    "  const bad: number = 'text'",
    '  ```',
    '```sh',
    'const ignored: number = true',
    '```',
  ].join('\n')

  test('reports the line of the document', () => {
    const complaints = complaintsAbout(fencesIn('a.md', document), 'fences-negative')
    expect(complaints).toEqual([expect.stringMatching(/^a\.md:7: error TS2322/)])
  })

  test('refuses a subpath that is not exported', () => {
    const { name } = readManifest()
    const text = `\`\`\`ts\nimport { x } from '${name}/internal'\nx()\n\`\`\``
    const complaints = complaintsAbout(fencesIn('b.md', text), 'fences-subpath')
    expect(complaints).toEqual([expect.stringMatching(/^b\.md:2: error TS2307/)])
  })

  test('reads docstrings without their stars', () => {
    const text = '/**\n * @example\n * ```ts\n * const a = {\n *   b: 1,\n * }\n * ```\n */'
    expect(fencesIn('a.ts', text)).toEqual([{ file: 'a.ts', line: 3, code: 'const a = {\n  b: 1,\n}' }])
  })

  test('refuses a fence that never ends', () => {
    expect(() => fencesIn('a.md', 'text\n```ts\nconst a = 1')).toThrow('a.md:2')
  })
})
