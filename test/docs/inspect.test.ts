/** What docs/inspect.md prints is what the code prints, and its tables are complete. */

import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { parseShowCerts, printDescription, describe as tell } from '../../src/inspect/index.ts'
import { describeCacerts, printCacerts } from '../../src/kubernetes/index.ts'
import { RENEWAL_PRESETS } from '../../src/rotation/index.ts'
import * as fixtures from '../unit/kubernetes/fixtures.ts'
import { secretOf } from '../unit/kubernetes/support.ts'
import { membersOf, quoted, tableOf } from './support.ts'

const document = readFileSync('docs/inspect.md', 'utf8')
const fences = [...document.matchAll(/^```text\n([\s\S]*?)^```$/gm)].map(([, text = '']) => text)
const time = new Date('2026-03-01T00:00:00Z')
const { WORKLOAD, INTERMEDIATE_A, INTERMEDIATE_A_KEY, ROOT_A, ROOT_B } = fixtures

/** The outputs of the page in its order. */
const outputs: Readonly<Record<string, () => Promise<string>>> = {
  chain: async () =>
    printDescription(
      await tell(WORKLOAD + INTERMEDIATE_A, { time, anchors: { east: ROOT_A, west: ROOT_B } }),
    ),
  cacerts: async () => {
    const texts = {
      'ca-cert.pem': INTERMEDIATE_A,
      'ca-key.pem': INTERMEDIATE_A_KEY,
      'cert-chain.pem': INTERMEDIATE_A,
      'root-cert.pem': ROOT_B,
    }
    return printCacerts(await describeCacerts(secretOf(texts), { time, anchors: { west: ROOT_A } }))
  },
  showcerts: async () => {
    const output = readFileSync('test/fixtures/istio-s_client-showcerts.txt', 'utf8')
    const { verdict, message, findings } = parseShowCerts(output)
    return [`${verdict} ${message}`, ...findings.map((one) => `${one.code} ${one.message}`), ''].join('\n')
  },
}

test.each(Object.entries(outputs).map(([name, output], at) => [name, output, at] as const))(
  'what it prints is printed: %s',
  async (_, output, at) => {
    expect(fences[at]).toBe(await output())
  },
)

test('there is no other output on the page but the text of a picture, which trust.test.ts compares', () => {
  expect(fences).toHaveLength(Object.keys(outputs).length + 1)
})

describe('tables', () => {
  const source = (file: string): string => readFileSync(`src/inspect/describe/${file}.ts`, 'utf8')

  test('every kind of description has a row', () => {
    const rows = tableOf(document, '| given | `kind` | beside what stands in it |')
    const kinds = [...source('description').matchAll(/^ {2}readonly kind: '([a-z-]+)'$/gm)].map(
      ([, kind]) => kind,
    )
    const ofParts = ['private-key', 'unreadable', 'other']
    expect(rows.map(([, kind]) => quoted(kind)[0]).sort()).toEqual(
      kinds.filter((kind) => !ofParts.includes(kind ?? '')).sort(),
    )
    for (const kind of ofParts) expect(document).toContain(`\`${kind}\``)
  })

  test('every option has a row, and the presets of the defaults are some', () => {
    const rows = tableOf(document, '| option | what it does | default |')
    const [, names = ''] = /const OPTION_NAMES = \[([^\]]*)\]/.exec(source('describe-options')) ?? []
    expect(rows.map(([option]) => quoted(option)[0]).sort()).toEqual(
      [...names.matchAll(/'([^']+)'/g)].map(([, name]) => name).sort(),
    )
    const [, , presets = ''] = rows.find(([option]) => option === '`renewal`') ?? []
    expect(quoted(presets).length).toBe(3)
    for (const preset of quoted(presets)) expect(Object.hasOwn(RENEWAL_PRESETS, preset)).toBe(true)
  })

  test('every verdict of parseShowCerts has a row', () => {
    const rows = tableOf(document, '| `verdict` | what became of the connection |')
    expect(rows.map(([verdict]) => quoted(verdict)[0]).sort()).toEqual(
      membersOf('ShowCertsVerdict', source('../show-certs/show-certs')).sort(),
    )
  })

  test('the bounds are those of the code', () => {
    const bound = (file: string, name: string): number => {
      const [, value = ''] = new RegExp(`const ${name} = ([\\d_]+(?: \\* [\\d_]+)*)`).exec(source(file)) ?? []
      return value.split(' * ').reduce((product, factor) => product * Number(factor.replaceAll('_', '')), 1)
    }
    const line = document.split('\n').find((one) => one.startsWith('- **Bounds**')) ?? ''
    expect(line).toContain(`${bound('described-text', 'MAX_LISTED')} elements of a list`)
    expect(line).toContain(`(${bound('description-page', 'MAX_PRINTED')} are printed)`)
    expect(line).toContain(`${bound('describe-chain', 'MAX_CHAIN')} certificates`)
    expect(line).toContain(`${bound('describe-chain', 'MAX_OCTETS') / 1024} KiB`)
    expect(line).toContain(`${bound('describe-file', 'MAX_TEXT').toLocaleString('en')} characters`)
  })
})
