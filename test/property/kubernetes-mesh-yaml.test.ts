/**
 * The bounded YAML reader against a whole one (`yaml`, in version 1.1 as Istio's reader has it): it may refuse what YAML
 * allows, and reads nothing as another value.
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseDocument, stringify } from 'yaml'
import { MeshYaml, YamlProblem, type YamlValue } from '../../src/kubernetes/policy/mesh-yaml.ts'

function plain(value: YamlValue | undefined): unknown {
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, each]) => [key, plain(each)]))
  return Array.isArray(value) ? value.map(plain) : (value ?? null)
}

/** What this package reads; `undefined` where it refuses. */
function ours(text: string): { readonly value: unknown } | undefined {
  try {
    return { value: plain(new MeshYaml(text).get('k')) }
  } catch (error) {
    if (error instanceof YamlProblem) return undefined
    throw error
  }
}

/** What `yaml` reads; `undefined` where it refuses. */
function theirs(text: string): { readonly value: unknown } | undefined {
  const document = parseDocument(text, { version: '1.1', merge: false, uniqueKeys: true, logLevel: 'error' })
  if (document.errors.length > 0) return undefined
  try {
    const value: unknown = document.toJS()
    return { value: typeof value === 'object' && value !== null ? (Reflect.get(value, 'k') ?? null) : null }
  } catch {
    return undefined
  }
}

const pieces = fc.constantFrom(
  ...[
    'a',
    'k',
    'x',
    'k:',
    'a: ',
    '- ',
    '-',
    ' ',
    '  ',
    ': ',
    '\n',
    '\n  ',
    '\n- ',
    '\nk: ',
    '\na: ',
    '\n\n',
    '\n    x',
  ],
  ...['|', '|-', '|+', '>', '"', "'", '"b"', "'c'", '\\n', '[', ']', ',', '{}', '[]', '#', ' # c', '---'],
  ...['1', 'yes', '~', 'null', '&a', '*a', '!', '%', '@', '?', 'é'],
)

test('no text is read as another value', () => {
  let compared = 0
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 14 }), (parts) => {
      const text = `k: ${parts.join('')}`
      const mine = ours(text)
      const other = theirs(text)
      // What `yaml` refuses as a whole may have a damaged member elsewhere, which is passed over here.
      if (mine === undefined || other === undefined) return
      compared++
      expect(mine).toEqual(other)
    }),
    { numRuns: 5000 },
  )
  expect(compared).toBeGreaterThan(500)
})

const word = fc.stringMatching(/^[a-z][a-z0-9.-]{1,20}$/)
const pem = fc
  .array(fc.stringMatching(/^[A-Za-z0-9+/]{1,64}$/), { minLength: 1, maxLength: 4 })
  .map((lines) => `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`)
const member = fc.oneof(
  word,
  fc.array(word, { minLength: 1, maxLength: 4 }),
  fc.array(
    fc.oneof(
      fc.record({ pem, trustDomains: fc.array(word, { minLength: 1, maxLength: 3 }) }),
      fc.record({ spiffeBundleUrl: word.map((host) => `https://${host}/bundle`) }),
    ),
    { minLength: 1, maxLength: 3 },
  ),
)

test('what Helm and istioctl write is read, none of it refused', () => {
  fc.assert(
    fc.property(
      member,
      fc.dictionary(
        word.map((key) => `x-${key}`),
        fc.jsonValue({ maxDepth: 3 }),
        { maxKeys: 3 },
      ),
      fc.constantFrom(2, 4),
      fc.boolean(),
      (value, others, indent, isListIndented) => {
        const before = Object.keys(others).length === 0 ? '' : stringify(others, { version: '1.1' })
        const text = before + stringify({ k: value }, { version: '1.1', indent, indentSeq: isListIndented })
        // A text that YAML takes for something else ("on", "1e3") stands in quotes, or is refused: never read wrongly.
        expect([text, ours(text)]).toEqual([text, { value }])
      },
    ),
    { numRuns: 500 },
  )
})
