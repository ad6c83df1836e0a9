import { describe, expect, test } from 'vitest'
import { readMeshConfig } from '../../../../src/kubernetes/policy/read-mesh-config.ts'
import { ROOT_A, ROOT_B } from '../fixtures.ts'
import { codesOf } from './support.ts'

const read = (mesh: string) =>
  readMeshConfig({ metadata: { name: 'istio', namespace: 'istio-system' }, data: { mesh } })
const indented = (text: string, by: number) => text.replace(/^(?=.)/gm, ' '.repeat(by))

/** As `helm template` writes it. */
const HELM = `defaultConfig:
  discoveryAddress: istiod.istio-system.svc:15012
  proxyMetadata:
    ISTIO_META_DNS_CAPTURE: "true"
    trustDomain: not-this-one
defaultProviders:
  metrics:
  - prometheus
enablePrometheusMerge: true
extensionProviders:
- envoyOtelAls:
    port: 4317
    service: opentelemetry-collector.observability.svc.cluster.local
  name: otel
rootNamespace: istio-system
trustDomain: prod.example.com # ours
trustDomainAliases:
- old-td
- "cluster.local"
caCertificates:
- pem: |
${indented(ROOT_A, 4)}  trustDomains:
  - td2
- spiffeBundleUrl: https://td3.example/bundle
  trustDomains: [td3, 'td4']
`

describe('YAML', () => {
  test('as Helm writes it', () => {
    const config = read(HELM)
    expect(config).toMatchObject({
      trustDomain: 'prod.example.com',
      trustDomainAliases: ['old-td', 'cluster.local'],
      unreadable: [],
      findings: [],
    })
    const [first, second] = config.caCertificates
    expect(first?.certificates.map(String)).toHaveLength(1)
    expect(first?.certificates[0]?.toPem()).toBe(ROOT_A)
    expect(first?.trustDomains).toEqual(['td2'])
    expect(second).toEqual({
      certificates: [],
      spiffeBundleUrl: 'https://td3.example/bundle',
      trustDomains: ['td3', 'td4'],
      certSigners: [],
    })
  })

  test('as the operator writes it: lists indented, a document marker, CR LF', () => {
    const text = `---\n# a comment\ncaCertificates:\n  - trustDomains:\n      - a\n    pem: |-\n${indented(ROOT_A + ROOT_B, 6)}\n\n"trustDomain": 'a''b'\r\ntrustDomainAliases: []\n`
    const config = read(text.replaceAll('\n', '\r\n').replaceAll('\r\r', '\r'))
    expect(config.caCertificates[0]?.certificates).toHaveLength(2)
    expect([config.trustDomain, config.trustDomainAliases, config.unreadable]).toEqual(["a'b", [], []])
    // An apostrophe is no character of a trust domain.
    expect(codesOf(config.findings)).toEqual(['trust-domain-unsafe'])
  })

  test.each<[string, string, string | undefined]>([
    ['nothing', '', undefined],
    ['another member', 'rootNamespace: x\n', undefined],
    ['empty', 'trustDomain:\n', undefined],
    ['null', 'trustDomain: ~\n', undefined],
    ['empty text', 'trustDomain: ""\n', undefined],
    ['plain', 'trustDomain: a.b', 'a.b'],
    ['an address, which is text', 'trustDomain: 1.2.3.4', '1.2.3.4'],
    ['double quotes', 'trustDomain: "a\\u002eb"', undefined],
    ['an escape', 'trustDomain: "a\\/b"', 'a/b'],
    ['a comment', 'trustDomain: "a" # b', 'a'],
    ['no comment', 'trustDomain: a#b', 'a#b'],
    ['below another member', 'outer:\n  trustDomain: a\n', undefined],
    // YAML 1.2.2 §8.1.1.2 and §8.1.3: blanks beyond the indentation of a text block are text.
    ['blanks in a text block', 'trustDomain: |-\n  a\n     \n  b\n', 'a\n   \nb'],
    ['blanks at its end', 'trustDomain: |-\n\n a\n  ', '\na\n '],
    ['in a text block', 'outer: |\n  trustDomain: a\n\n  b\ntrustDomain: c\n', 'c'],
  ])('%s', (_, text, expected) => {
    expect(read(text).trustDomain).toBe(expected)
  })

  test.each<[string, string]>([
    ['a boolean', 'trustDomain: yes'],
    ['a number', 'trustDomain: 1234'],
    ['a float', 'trustDomain: 1.5'],
    ['hours and minutes', 'trustDomain: 12:30'],
    ['a folded text', 'trustDomain: >\n  a'],
    ['an anchor', 'trustDomain: &a b'],
    ['an alias', 'trustDomain: *a'],
    ['a tag', 'trustDomain: !!str a'],
    ['a flow map', 'trustDomain: {a: b}'],
    ['two lines', 'trustDomain: a\n  b'],
    ['quotes that do not end', 'trustDomain: "a'],
    ['quotes over two lines', "trustDomain: 'a\n  b'"],
    ['text behind quotes', 'trustDomain: "a" b'],
    ['an escape', 'trustDomain: "\\x41"'],
    ['a list', 'trustDomain:\n- a'],
    ['a map', 'trustDomain:\n  a: b'],
    ['a map on one line', 'trustDomain: a: b'],
    ['an item', 'trustDomain: - a'],
    ['a text block that begins with a wider blank line', 'trustDomain: |\n     \n  a\n'],
    ['a name that is a boolean', 'trustDomain:\n  yes: a'],
    ['a name that is nothing, in a list', 'trustDomain:\n  - null: a'],
    ['a tab in a text block', 'trustDomain: |\n  a\n\t\n  b'],
  ])('%s is not guessed', (_, text) => {
    const config = read(`${text}\ntrustDomainAliases: [x]\n`)
    expect([config.trustDomain, config.unreadable]).toEqual([undefined, ['trustDomain']])
    expect(codesOf(config.findings)).toEqual(['config-unreadable'])
    // The other members are not touched by it.
    expect(config.trustDomainAliases).toEqual(['x'])
  })

  test.each<[string, string]>([
    ['a member that stands twice', 'trustDomain: a\ntrustDomain: b\n'],
    ['two documents', 'trustDomain: a\n---\ntrustDomain: b\n'],
    ['the end of a document', 'trustDomain: a\n...\n'],
    ['a tab', 'trustDomain: a\nx:\n\ty: z\n'],
    ['a list', '- a\n'],
    ['a plain text', 'hello\n'],
    ['a merge key', '<<: *base\ntrustDomain: a\n'],
    ['an indented beginning', '  trustDomain: a\n'],
    ['a directive', '%YAML 1.2\n---\ntrustDomain: a\n'],
    ['a flow map over lines', 'x: {\n}\ntrustDomain: a\n'],
    ['half of JSON', '{"trustDomain": "a"'],
    ['a member that stands twice in JSON', '{"trustDomain": "a", "trustDomain": "b"}'],
    ['too much', `x: ${'y'.repeat(1_048_577)}`],
  ])('%s: nothing is read', (_, text) => {
    const config = read(text)
    expect(config.trustDomain).toBeUndefined()
    expect(config.unreadable).toEqual(['trustDomain', 'trustDomainAliases', 'caCertificates'])
    for (const { message } of config.findings) expect(message).not.toContain('yyyy')
  })

  test.each<[string, string]>([
    ['a nested list', '- - a'],
    ['an entry with nothing', '- trustDomains: [a]'],
    ['an entry with both', '- pem: a\n  spiffeBundleUrl: b'],
    ['no certificate', '- pem: |\n    hello'],
    ['a text', '- a'],
    ['a map', 'a: b'],
  ])('CA certificates: %s', (_, text) => {
    const config = read(`trustDomain: td\ncaCertificates:\n${indented(text, 0)}\n`)
    const [first] = config.unreadable
    expect(first).toBe(text === 'a: b' ? undefined : 'caCertificates')
    expect(config.caCertificates).toEqual([])
  })

  test('an item that is empty does not swallow the next one', () => {
    const config = read('trustDomainAliases:\n-\n- a\n')
    expect([config.trustDomainAliases, config.unreadable]).toEqual([[], ['trustDomainAliases']])
  })

  test('a value that is very deep is no overflow', () => {
    const deep = `trustDomainAliases:\n${Array.from({ length: 5000 }, (_, i) => `${' '.repeat(i)}- a: `).join('\n')}`
    expect(read(deep.slice(0, 900_000)).unreadable).toContain('trustDomainAliases')
  })
})

test('JSON', () => {
  const config = read(
    JSON.stringify({
      trustDomain: 'a',
      trustDomainAliases: ['b'],
      caCertificates: [{ pem: ROOT_A, certSigners: ['x/y'] }],
      defaultConfig: { trustDomain: 'c' },
    }),
  )
  expect(config).toMatchObject({ trustDomain: 'a', trustDomainAliases: ['b'], unreadable: [] })
  expect(config.caCertificates[0]).toMatchObject({ certSigners: ['x/y'], trustDomains: [] })
  expect(read('{"trustDomain": 5}').unreadable).toEqual(['trustDomain'])
})

test('a trust domain that not everybody takes', () => {
  expect(codesOf(read('trustDomain: Prod_1\n').findings)).toEqual(['trust-domain-unsafe'])
  expect(read('trustDomain: prod-1\n').findings).toEqual([])
})

test('another ConfigMap', () => {
  expect(() => readMeshConfig({ metadata: { name: 'istio' }, data: {} })).toThrow(
    expect.objectContaining({ code: 'ERR_KUBERNETES_CONFIG_MAP' }),
  )
  expect(() => readMeshConfig(null as never)).toThrow(TypeError)
})
