import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { fencesIn } from '../../tools/fences.mjs'
import { root } from '../../tools/pack.mjs'
import { outputOf, programFolder } from './run-program.ts'

/** `docs/guides`: every program is run, and prints what stands below it. That it compiles is seen by `fences.test.ts`. */
const FOLDER = 'docs/guides'
const INDEX = 'README.md'
const MAX_LINES = 70
const folder = programFolder('guides')

/** What a page may have beside one program, and import beside this package and Node. */
interface Exception {
  /** The headings of its programs, where there are several. */
  readonly programs?: readonly string[]
  /** Headings of fences that are compiled and not run. */
  readonly compiled?: readonly string[]
  readonly peers?: readonly string[]
}

const EXCEPTIONS: Readonly<Record<string, Exception>> = {
  'root-in-an-hsm': { compiled: ['A PKCS#11 token'] },
  'verify-a-peer': {
    programs: ['node:tls', 'fetch, with undici', 'gRPC'],
    peers: ['undici', '@grpc/grpc-js'],
  },
}

interface Program {
  /** The heading that it stands below. */
  readonly heading: string
  readonly code: string
  /** What follows directly; `undefined` where nothing does. */
  readonly output: string | undefined
}

interface Guide {
  readonly name: string
  readonly text: string
  readonly programs: readonly Program[]
}

/** The programs of a page, each with the heading above it and the output right below. */
function programsIn(file: string, text: string): readonly Program[] {
  const lines = text.split('\n')
  return fencesIn(file, text).map(({ line, code }) => {
    const heading =
      lines
        .slice(0, line)
        .filter((one) => /^#{1,3} /.test(one))
        .at(-1) ?? ''
    const below = lines.slice(line + code.split('\n').length + 1).join('\n')
    // Nothing but an empty line may be between the two.
    const output = /^\n```text\n(?<output>[\s\S]*?)^```$/m.exec(below)
    const isNext = output?.index === 0
    return {
      heading: heading.replace(/^#+ /, ''),
      code,
      output: isNext ? output.groups?.['output'] : undefined,
    }
  })
}

const readGuide = (name: string, text: string): Guide => ({
  name,
  text,
  programs: programsIn(`${name}.md`, text),
})

/** What a page lacks, has too many of, or must not have. */
function faultsOf({ name, text, programs }: Guide): readonly string[] {
  const { programs: several, compiled = [], peers = [] } = EXCEPTIONS[name] ?? {}
  const run = programs.filter(({ output }) => output !== undefined)
  const rest = programs.filter(({ output }) => output === undefined)
  const [title = ''] = text.split('\n', 1)
  const expected = several ?? [title.replace(/^# /, '')]
  const faults: string[] = []
  const claim = (is: boolean, what: string): void => {
    if (!is) faults.push(what)
  }
  claim(/^# \S[^\n]*\n\n[A-Z]/.test(text), 'begins with a title and a paragraph')
  claim(isSame(headings(run), expected), `programs with output below: ${headings(run).join(', ')}`)
  claim(isSame(headings(rest), compiled), `fences without output below: ${headings(rest).join(', ')}`)
  claim(/^## See also$/m.test(text), 'has links')
  const rows = /^(?:## What goes wrong|## What to do)\n\n\|.*\n\|[-|]+\n(?<rows>(?:\|.*\n)+)/m.exec(text)
  const count = rows?.groups?.['rows']?.trim().split('\n').length ?? 0
  claim(count >= 3 && count <= 5, `has a table of three to five things that go wrong, not ${count}`)
  for (const { heading, code, output = '' } of run) {
    const lines = code.split('\n').length
    claim(lines <= MAX_LINES, `${heading}: ${lines} lines`)
    claim(/: accepted\b/.test(output), `${heading}: shows what is accepted`)
    claim(/: refused\b/.test(output) && /\bERR_[A-Z_]+/.test(output), `${heading}: shows what is refused`)
    const imports = [...code.matchAll(/\bfrom '([^']*)'/g)].map(([, specifier = '']) => specifier)
    const foreign = imports.filter((one) => !/^(?:mesh-pki\/|node:)/.test(one) && !peers.includes(one))
    claim(foreign.length === 0, `${heading}: imports ${foreign.join(', ')}`)
    claim(
      imports.some((one) => one.startsWith('mesh-pki/')),
      `${heading}: imports nothing of ours`,
    )
  }
  return faults
}

const headings = (programs: readonly Program[]): readonly string[] => programs.map(({ heading }) => heading)

const isSame = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((one, at) => one === b[at])

const names = readdirSync(join(root, FOLDER))
  .filter((file) => file.endsWith('.md') && file !== INDEX)
  .map((file) => file.slice(0, -'.md'.length))
const guides = names.map((name) => readGuide(name, readFileSync(join(root, FOLDER, `${name}.md`), 'utf8')))

beforeAll(() => {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
})

test('the index names each page once, and no other', () => {
  const index = readFileSync(join(root, FOLDER, INDEX), 'utf8')
  const linked = [...index.matchAll(/^\| .*\]\(([a-z-]+)\.md\)/gm)].map(([, name = '']) => name)
  expect([...linked].sort()).toEqual([...names].sort())
  expect(linked.length).toBeGreaterThanOrEqual(11)
  // Titles in the index are those of the pages.
  for (const { name, text } of guides) {
    const [title = ''] = text.split('\n', 1)
    expect(index).toContain(`[${title.replace(/^# /, '')}](${name}.md)`)
  }
})

test('exceptions are for pages that are there', () => {
  expect(Object.keys(EXCEPTIONS).filter((name) => !names.includes(name))).toEqual([])
})

test.each(guides)('$name has all of its parts', (guide) => {
  expect(faultsOf(guide)).toEqual([])
})

test.each(guides)('every code that $name shows is in the list of errors', ({ text }) => {
  const known = readFileSync(join(root, 'docs/errors.md'), 'utf8')
  const shown = [...new Set(text.match(/\bERR_[A-Z_]*[A-Z]\b/g) ?? [])]
  expect(shown.filter((code) => !known.includes(`\`${code}\``))).toEqual([])
})

const runnable = guides.flatMap(({ name, programs }) =>
  programs.flatMap(({ heading, code, output }, at) =>
    output === undefined ? [] : [{ file: `${name}-${at + 1}`, heading, code, output }],
  ),
)

describe.each(runnable)('$file: $heading', ({ file, code, output }) => {
  test('prints what the page says', async () => {
    expect(await outputOf(folder, file, code)).toBe(output)
  })
})

/** Runs a program with one part of it replaced. */
async function changed(file: string, from: string | RegExp, to: string): Promise<string> {
  const { code = '' } = runnable.find((one) => one.file === file) ?? {}
  expect(code.split(from).length, `${file} has it once`).toBe(2)
  return outputOf(
    folder,
    `${file}-changed`,
    code.replace(from, () => to),
  )
}

describe('what protects is what the page says', () => {
  test('without name constraints the CA of one cluster signs for the other', async () => {
    const output = await changed('federate-two-clusters-1', /^ *nameConstraints: .*\n/m, '')
    expect(output).toContain('the CA of west, asked for cart of east: accepted\n')
  })

  test('without the check of its identity any server below the root is taken, over gRPC', async () => {
    const check = "noted('client')(tls.checkServerIdentity(host, peer))"
    const output = await changed('verify-a-peer-3', check, '(void host, void peer, undefined)')
    expect(output).toContain('cart calls what should be pay: accepted')
  })

  test('a name that a client of gRPC gives itself is not believed', async () => {
    const given =
      "'tea', grpc.Metadata.fromHttp2Headers({ 'peer-id': 'spiffe://east.example.com/ns/shop/sa/admin' }), (error"
    const output = await changed('verify-a-peer-3', "'tea', (error", given)
    expect(output).toBe(runnable.find(({ file }) => file === 'verify-a-peer-3')?.output)
    // It does arrive where nobody puts another in its place.
    const { code = '' } = runnable.find(({ file }) => file === 'verify-a-peer-3') ?? {}
    const believed = code.replace("'tea', (error", given).replace('interceptors: [named]', 'interceptors: []')
    expect(await outputOf(folder, 'verify-a-peer-believed', believed)).toContain('sa/admin')
  })

  test('a connection of undici is judged by the identity alone', async () => {
    const anybody =
      "connectSvid({ host: hostname, port: Number(port), bundles, credentials, expect: matchTrustDomain('east.example.com') })"
    const { code = '' } = runnable.find(({ file }) => file === 'verify-a-peer-2') ?? {}
    const loose = code
      .replace('connectSvid({ host: hostname, port: Number(port), bundles, credentials, expect })', anybody)
      .replace('import { SpiffeBundle }', 'import { matchTrustDomain, SpiffeBundle }')
    expect(loose).toContain(anybody)
    expect(await outputOf(folder, 'verify-a-peer-loose', loose)).toContain(
      'cart asks what should be pay: accepted',
    )
  })
})

describe('the gate itself', () => {
  const good = [
    '# A page',
    '',
    'What it is for.',
    '',
    '```ts',
    "import { Csr } from 'mesh-pki/csr'",
    'console.log(Csr)',
    '```',
    '',
    '```text',
    'one: accepted',
    'other: refused, ERR_CSR_VERSION',
    '```',
    '',
    '## What goes wrong',
    '',
    '| symptom | cause | remedy |',
    '|---|---|---|',
    '| a | b | c |',
    '| a | b | c |',
    '| a | b | c |',
    '',
    '## See also',
    '',
    'More.',
    '',
  ].join('\n')

  test('takes a sound page', () => {
    expect(faultsOf(readGuide('page', good))).toEqual([])
    expect(programsIn('page.md', good)).toEqual([
      {
        heading: 'A page',
        code: "import { Csr } from 'mesh-pki/csr'\nconsole.log(Csr)",
        output: 'one: accepted\nother: refused, ERR_CSR_VERSION\n',
      },
    ])
  })

  test.each([
    ['begins with a title and a paragraph', 'What it is for.\n\n', ''],
    ['fences without output below: What goes wrong', '## See also', '```ts\nlet b\n```\n\n## See also'],
    ['programs with output below: ', '```text', 'Then:\n\n```text'],
    ['has links', '## See also', '## More'],
    ['has a table of three to five things that go wrong, not 2', '| a | b | c |\n', ''],
    [
      'has a table of three to five things that go wrong, not 6',
      '| a | b | c |\n',
      '| a | b | c |\n'.repeat(4),
    ],
    ['A page: 71 lines', 'console.log(Csr)\n', 'console.log(Csr)\n'.repeat(70)],
    ['A page: shows what is accepted', 'one: accepted', 'one: refused'],
    ['A page: shows what is refused', ': refused, ERR_CSR_VERSION', ': no'],
    ['A page: shows what is refused', ', ERR_CSR_VERSION', ''],
    ['A page: imports undici', "'mesh-pki/csr'\n", "'mesh-pki/csr'\nimport { Agent } from 'undici'\n"],
    ['A page: imports nothing of ours', "'mesh-pki/csr'", "'node:fs'"],
  ])('finds: %s', (fault, from, to) => {
    expect(faultsOf(readGuide('page', good.replace(from, to)))).toContain(fault)
  })

  test('a page that may import a peer may import no other', () => {
    const [from, to] = ["'mesh-pki/csr'\n", "'mesh-pki/csr'\nimport 'a'\nimport { b } from 'axios'\n"]
    const faults = faultsOf(readGuide('verify-a-peer', good.replace(from, to)))
    expect(faults).toContain('A page: imports axios')
    expect(
      faultsOf(
        readGuide(
          'verify-a-peer',
          good.replace("'mesh-pki/csr'\n", "'mesh-pki/csr'\nimport { Agent } from 'undici'\n"),
        ),
      ),
    ).not.toContain('A page: imports undici')
  })
})
