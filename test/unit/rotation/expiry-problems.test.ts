import { describe, expect, test } from 'vitest'
import { type ExpiryEntry, expiryReport } from '../../../src/rotation/expiry-report.ts'
import type { ExpirySource } from '../../../src/rotation/expiry-source.ts'
import { SpiffeBundle } from '../../../src/spiffe/index.ts'
import { exportPrivateKey } from '../../../src/x509/index.ts'
import { at, below, ID, keyOf, request, rootCa } from '../ca/support.ts'

const root = await rootCa({ lifetime: '3650d' })
const ca = await below(root, { lifetime: '365d', pathLength: 0 })
const leaf = await ca.issueWorkload(await request(), { id: ID, lifetime: '24h' })
const keyPem = await exportPrivateKey(await keyOf('P-256'), { format: 'pkcs8' })
const report = (sources: readonly ExpirySource[]) => expiryReport(sources, { time: at(0) })
const brief = (entry: ExpiryEntry): string => {
  const place = `${entry.source} ${entry.file ?? '-'}#${entry.index}`
  return entry.state === 'unreadable'
    ? `${place} ${entry.problem}`
    : `${place} ${entry.role} ${entry.state} ${entry.subject}`
}

describe('what cannot be read', async () => {
  const good = leaf.certificate.toPem()
  const broken = good.replace(/\n[A-Za-z0-9+/]{4}/, '\n!!!!')
  const cut = good.slice(0, 200)
  const forged = good.replace(/\n(.)(.)/, '\n$2$1')

  test.each<[string, string | Uint8Array, readonly RegExp[]]>([
    [
      'the second of three blocks',
      good + broken + root.certificate.toPem(),
      [
        /#2 the PEM block at line \d+ is no certificate that can be read: its content is not one block of base64 \(ERR_PEM_BASE64\)/,
      ],
    ],
    ['a block that is cut off', good + cut, [/#2 the PEM block at line \d+ has no END line: it was cut off/]],
    [
      'a block that is no certificate',
      good + forged,
      [/#2 the PEM block at line \d+ is no certificate that can be read: /],
    ],
    [
      'bytes that are DER of something else',
      Uint8Array.of(0x30, 0x03, 0x02, 0x01, 0x05),
      [/#1 it is no certificate that can be read: /],
    ],
    ['text', 'hello', [/#1 it holds no certificate: it is neither PEM nor DER/]],
    ['bytes', Uint8Array.of(1, 2, 3), [/#1 it holds no certificate: it is neither PEM nor DER/]],
    [
      'a block of no known kind',
      good.replaceAll('CERTIFICATE', 'SECRETS'),
      [/#1 the PEM block at line 1 is of an unknown kind, which is not read/],
    ],
    [
      'another kind of block',
      good.replaceAll('CERTIFICATE', 'PKCS7'),
      [/#1 the PEM block at line 1 is a block PKCS7, which is not read/],
    ],
    ['a damaged boundary', good.replace('-----END', '----END'), [/#1 the PEM block at line 1 has/]],
    ['more than 4 MiB', 'x'.repeat(4 * 1024 * 1024 + 1), [/#1 it has a size of 4194305/]],
    ['more blocks than are read', good.repeat(1030), [/it has more PEM blocks than are read/]],
  ])('%s', (_, content, problems) => {
    const { unreadable } = report([{ name: 'a', files: { 'b.pem': content } }])
    expect(unreadable).toHaveLength(problems.length)
    for (const [i, problem] of problems.entries()) expect(brief(unreadable[i] ?? never())).toMatch(problem)
  })

  test('does not hide what stands around it', () => {
    const found = report([{ name: 'a', files: { 'b.pem': good + broken + root.certificate.toPem() } }])
    expect(found.certificates.map(({ index }) => index)).toEqual([1, 3])
    // It stands last, for nobody knows its end.
    expect(found.entries.map(({ state }) => state)).toEqual(['fresh', 'fresh', 'unreadable'])
  })

  test.each<[string, string | Uint8Array]>([
    ['an empty file', ' \n'],
    ['a key', keyPem],
    ['a request', (await request()).toPem()],
    ['text around blocks', `subject=CN = a\n${good}\n# end`],
    ['a byte order mark', new TextEncoder().encode(`\ufeff${good}`)],
    ['CR LF', good.replaceAll('\n', '\r\n')],
    ['two files joined without a line end', good.trimEnd() + good],
    ['a key in the same file', keyPem + good],
  ])('%s is nothing of the kind', (_, content) => {
    expect(report([{ name: 'a', files: { 'b.pem': content } }]).unreadable).toEqual([])
  })

  test.each<[unknown, RegExp]>([
    [{ data: { 'tls.crt': '%%%' } }, /tls\.crt#1 its value is not base64 .* character 1 \(character\)/],
    [{ data: { 'tls.crt': good } }, /its value is not base64/],
    [{ data: { 'tls.crt': 7 } }, /it must hold base64 text; found number/],
    [{ stringData: { 'tls.crt': 7 } }, /it must hold text; found number/],
    [{ data: 'x' }, /its "data" must be a map of keys to text; found string/],
  ])('a secret: %j', (secret, problem) => {
    const { unreadable } = report([{ name: 'a', secret: secret as object }])
    expect(unreadable.map(brief).join()).toMatch(problem)
  })

  test('stringData counts where a key stands in both', () => {
    const secret = { data: { 'tls.crt': '%%%' }, stringData: { 'tls.crt': good } }
    expect(report([{ name: 'a', secret }]).entries.map(brief)).toEqual([`a tls.crt#1 leaf fresh ${ID}`])
  })

  test('in a chain: empty text, and more members than are read', () => {
    expect(report([{ name: 'a', chain: ['', good] }]).entries.map(brief)).toEqual([
      `a -#2 leaf fresh ${ID}`,
      'a -#1 it is empty',
    ])
    const many = report([{ name: 'a', chain: Array.from({ length: 1025 }, () => leaf.certificate) }])
    expect(many.certificates[0]?.places).toHaveLength(1024)
    expect(many.unreadable.map(brief)).toEqual([
      'a -#1025 it has 1025 members; those after the first 1024 were not looked at',
    ])
  })

  test('more certificates than a report has', () => {
    const chain = Array.from({ length: 1024 }, () => leaf.certificate)
    const full = report(Array.from({ length: 50 }, (_, i) => ({ name: `c${i}`, chain })))
    expect(full.certificates[0]?.places).toHaveLength(50_000)
    expect(full.unreadable.map(brief)).toEqual([
      'c48 -#849 this and all after it were not looked at: more than 50000',
    ])
  })

  test('what a SPIFFE bundle passed over', () => {
    const keys = [{ kty: 'unknown', use: 'x509-svid' }]
    const bundle = SpiffeBundle.fromJson('a', JSON.stringify({ keys }))
    expect(bundle.skipped).toHaveLength(1)
    expect(
      report([{ name: 'a', bundle }])
        .entries.map(brief)
        .join(),
    ).toMatch(/^a -#1 an element is passed over: /)
  })
})

function never(): never {
  throw new Error('there is no such entry')
}
