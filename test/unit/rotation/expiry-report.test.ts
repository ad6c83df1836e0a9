import { describe, expect, test } from 'vitest'
import { type ExpiryEntry, expiryReport } from '../../../src/rotation/expiry-report.ts'
import type { ExpirySource } from '../../../src/rotation/expiry-source.ts'
import { SpiffeBundle } from '../../../src/spiffe/index.ts'
import { type Certificate, exportPrivateKey } from '../../../src/x509/index.ts'
import { at, below, DAY, HOUR, ID, keyOf, request, rootCa } from '../ca/support.ts'

const base64 = (text: string): string => Buffer.from(text).toString('base64')
const secretOf = (data: Record<string, string>) => ({
  metadata: { name: 'cacerts', namespace: 'istio-system' },
  data: Object.fromEntries(Object.entries(data).map(([key, value]) => [key, base64(value)])),
})

const root = await rootCa({ lifetime: '3650d' })
const other = await rootCa({ subject: 'CN=Other Root', lifetime: '100d' })
const ca = await below(root, { lifetime: '365d', pathLength: 0 })
const leaf = await ca.issueWorkload(await request(), { id: ID, lifetime: '24h' })
const pem = (certificate: Certificate): string => certificate.toPem()
const keyPem = await exportPrivateKey(await keyOf('P-256'), { format: 'pkcs8' })
const cacerts = secretOf({
  'ca-cert.pem': pem(ca.certificate),
  'ca-key.pem': keyPem,
  'cert-chain.pem': pem(ca.certificate) + pem(root.certificate),
  'root-cert.pem': pem(root.certificate) + pem(other.certificate),
})
const report = (sources: readonly ExpirySource[], seconds = 0) => expiryReport(sources, { time: at(seconds) })
const brief = (entry: ExpiryEntry): string => {
  const place = `${entry.source} ${entry.file ?? '-'}#${entry.index}`
  return entry.state === 'unreadable'
    ? `${place} ${entry.problem}`
    : `${place} ${entry.role} ${entry.state} ${entry.subject}`
}

describe('what is in it', () => {
  const all = report([
    { name: 'east', secret: cacerts },
    { name: 'productpage', chain: leaf.chain },
    { name: 'peers', bundle: [root.certificate.der, other.certificate] },
  ])

  test('each certificate once, the earliest end first, with all of its places', () => {
    expect(all.entries.map(brief)).toEqual([
      `productpage -#1 leaf fresh ${ID}`,
      'east root-cert.pem#2 root fresh CN=Other Root',
      'east ca-cert.pem#1 intermediate fresh L=kind2,CN=Intermediate CA,O=Istio',
      'east cert-chain.pem#2 root fresh CN=Root CA,O=Istio',
    ])
    const [, , intermediate] = all.certificates
    expect(intermediate?.places).toEqual([
      { source: 'east', object: 'istio-system/cacerts', file: 'ca-cert.pem', index: 1 },
      { source: 'east', object: 'istio-system/cacerts', file: 'cert-chain.pem', index: 1 },
      { source: 'productpage', index: 2 },
    ])
    expect(intermediate?.fingerprint).toBe(ca.certificate.fingerprint())
    expect(intermediate?.serialNumber).toBe(ca.certificate.serialNumber)
    expect(all.unreadable).toEqual([])
  })

  test('when each is due: when a fifth remains, counted from issuance', () => {
    expect(all.certificates.map(({ renewAt, notAfter }) => [renewAt, notAfter])).toEqual([
      [at(0.8 * DAY), at(DAY)],
      [at(80 * DAY), at(100 * DAY)],
      [at(292 * DAY), at(365 * DAY)],
      [at(2920 * DAY), at(3650 * DAY)],
    ])
  })

  test('what breaks when', () => {
    expect(all.certificates.map(({ breaks }) => breaks)).toEqual([
      "After 2026-01-02T00:00:00Z this workload's handshakes fail.",
      'After 2026-04-11T00:00:00Z every workload of every cluster that trusts it refuses every certificate below it.',
      'After 2027-01-01T00:00:00Z issuance stops, and all leaves under it fail.',
      'After 2035-12-30T00:00:00Z every workload of every cluster that trusts it refuses every certificate below it.',
    ])
  })

  test('nothing of a key', () => {
    const text = JSON.stringify(all) + String(all)
    expect(text).not.toMatch(/PRIVATE KEY|ca-key\.pem/)
    expect(text).not.toContain(keyPem.split('\n')[1])
  })
})

test('the policy, the time and the backdate are those given', async () => {
  const chain = [
    (await root.issueWorkload(await request(), { id: ID, lifetime: '10h', backdate: '1h' })).certificate,
  ]
  const state = (seconds: number, options = {}) =>
    expiryReport([{ name: 'a', chain }], { time: at(seconds), ...options }).certificates[0]
  const half = { policy: { gracePeriodRatio: 0.5 } }
  expect(state(5 * HOUR - 1, { ...half, backdate: '1h' })?.state).toBe('fresh')
  expect(state(5 * HOUR, { ...half, backdate: '1h' })?.state).toBe('due')
  // With the default of two minutes, its life seems to be 58 minutes longer.
  expect(state(5 * HOUR - 29 * 60, half)?.state).toBe('due')
  expect(state(5 * HOUR - 29 * 60 - 1, half)?.state).toBe('fresh')
  expect(state(10 * HOUR)?.state).toBe('due')
  expect(state(10 * HOUR + 1)).toMatchObject({
    state: 'expired',
    breaks: "Since 2026-01-01T10:00:00Z this workload's handshakes fail.",
  })
  expect(state(-2 * HOUR)).toMatchObject({
    state: 'not-yet-valid',
    breaks:
      "After 2026-01-01T10:00:00Z this workload's handshakes fail. It is not valid before 2025-12-31T23:00:00Z, and refused until then.",
  })
})

describe('lives that do not fit', async () => {
  // The root lives on; a second one of the same name and key, which ends sooner, is what an old bundle holds.
  const short = await rootCa({ lifetime: '30d' })
  const long = await below(await rootCa({ lifetime: '3650d', key: short.signer }), { lifetime: '365d' })
  const chain = [long.certificate, short.certificate]

  test('a CA that outlives its root, and a root that ends before it', () => {
    const [first, second] = report([{ name: 'a', chain }]).certificates
    expect(first?.breaks).toMatch(
      /^After 2026-01-31T00:00:00Z .*\. It ends before its intermediate "L=kind2,CN=Intermediate CA,O=Istio" \(serial [0-9a-f]+\), which says 2027-01-01T00:00:00Z and fails with it\.$/,
    )
    expect(second?.breaks).toMatch(
      /It outlives its issuer "CN=Root CA,O=Istio" \(serial [0-9a-f]+\) and fails with it, after 2026-01-31T00:00:00Z\.$/,
    )
  })

  test('is not said where another root of that name and key lives on', async () => {
    const renewed = (await rootCa({ lifetime: '3650d', key: short.signer })).certificate
    const { certificates } = report([{ name: 'a', chain: [...chain, renewed] }])
    expect(certificates.map(({ breaks }) => breaks).join()).not.toMatch(/outlives|ends before/)
  })

  test('is found across sources by key identifier, and not by name alone', () => {
    const apart = report([
      { name: 'a', chain: [long.certificate] },
      { name: 'b', chain: [short.certificate] },
    ])
    expect(apart.certificates[1]?.breaks).toMatch(/outlives its issuer/)
    // Another root called CN=Root CA,O=Istio, which ends sooner than the intermediate says.
    const namesake = report([
      { name: 'a', chain: [long.certificate] },
      { name: 'b', chain: [namesakeRoot] },
    ])
    expect(namesake.certificates.map(({ breaks }) => breaks).join()).not.toMatch(/outlives|ends before/)
  })
  const namesakeRoot = (await rootCa({ lifetime: '20d' })).certificate
})

describe('what a certificate is', () => {
  const roles = (source: ExpirySource): readonly string[] =>
    report([source]).certificates.map(({ role }) => role)
  test.each<[string, ExpirySource, readonly string[]]>([
    ['a bundle', { name: 'a', bundle: [root.certificate] }, ['anchor']],
    [
      'a SPIFFE bundle',
      { name: 'a', bundle: SpiffeBundle.of({ trustDomain: 'a', x509Authorities: [root.certificate] }) },
      ['anchor'],
    ],
    [
      'an intermediate in a file of roots',
      { name: 'a', files: { 'ca.crt': pem(ca.certificate) } },
      ['anchor'],
    ],
    [
      'a root in a file of roots',
      { name: 'a', files: { 'etc/root-cert.pem': pem(root.certificate) } },
      ['root'],
    ],
    ['a root in a chain', { name: 'a', chain: [root.certificate] }, ['root']],
    [
      'an intermediate in another file',
      { name: 'a', files: { 'b.pem': pem(ca.certificate) } },
      ['intermediate'],
    ],
    ['DER in a file', { name: 'a', files: { 'b.der': leaf.certificate.der } }, ['leaf']],
    ["Node's shape", { name: 'a', chain: [{ raw: leaf.certificate.der }] }, ['leaf']],
    ['stringData', { name: 'a', secret: { stringData: { 'tls.crt': pem(leaf.certificate) } } }, ['leaf']],
  ])('%s', (_, source, expected) => expect(roles(source)).toEqual(expected))

  test('a self-signed CA that also signs stops issuance with its end', () => {
    const files = { 'ca-cert.pem': pem(other.certificate), 'root-cert.pem': pem(other.certificate) }
    expect(report([{ name: 'istiod', files }]).certificates[0]?.breaks).toMatch(
      /issuance stops, and every workload of every cluster that trusts it refuses/,
    )
  })
})

describe('as text', () => {
  const bell = rootCa({ subject: 'CN=a\u0007b', lifetime: '10d' })
  test('a line for each entry, in columns', async () => {
    const files = {
      'root-cert.pem': pem((await bell).certificate),
      'tls.crt': pem(leaf.certificate),
      'x.pem': 'hello',
    }
    const lines = String(report([{ name: 'east', files }], 2 * DAY)).split('\n')
    expect(lines).toEqual([
      `expired     2026-01-02T00:00:00Z  1d ago  leaf  ${ID}  east tls.crt#1        Since 2026-01-02T00:00:00Z this workload's handshakes fail.`,
      `fresh       2026-01-11T00:00:00Z  in 8d   root  ${'CN=a\\07b'.padEnd(ID.length)}  east root-cert.pem#1  After 2026-01-11T00:00:00Z every workload of every cluster that trusts it refuses every certificate below it.`,
      `unreadable  -                     -       -     ${'-'.padEnd(ID.length)}  east x.pem#1          it holds no certificate: it is neither PEM nor DER`,
    ])
  })
  test('nothing of nothing', () => expect(String(report([]))).toBe(''))
  test('names from outside are escaped', () => {
    const text = String(report([{ name: 'a\u001b[2J', files: { 'b\n.pem': 'hello' } }]))
    expect(text).toContain('a\\u{1b}[2J b\\u{a}.pem#1')
    expect(text.split('\n')).toHaveLength(1)
  })
  test('more places than fit are counted', () => {
    const sources = Array.from({ length: 5 }, (_, i) => ({ name: `c${i}`, chain: [root.certificate] }))
    expect(String(report(sources))).toContain('c0#1, c1#1, c2#1 and 2 more')
  })
})

test.each<[unknown, unknown, RegExp]>([
  ['x', {}, /takes an array of sources; got string/],
  [[null], {}, /"sources\[0\]" takes an options object; got null/],
  [[{ name: 'a' }], {}, /needs one of "chain", "files", "secret" and "bundle"; got none/],
  [[{ name: 'a', chain: [], files: {} }], {}, /got chain, files/],
  [[{ chain: [] }], {}, /"sources\[0\]\.name" must be a string; got undefined/],
  [[{ name: 'a', chain: [7] }], {}, /"sources\[0\]\.chain\[0\]" must be a Certificate/],
  [[{ name: 'a', files: [] }], {}, /"sources\[0\]\.files" must be an object/],
  [[{ name: 'a', files: { a: 7 } }], {}, /must hold strings and Uint8Arrays; got number/],
  [[{ name: 'a', secret: 'x' }], {}, /"sources\[0\]\.secret" must be a Secret object/],
  [[{ name: 'a', file: {} }], {}, /has no option "file"/],
  [[], { now: at(0) }, /expiryReport has no option "now"/],
  [[], { time: 'now' }, /"time" must be a Date/],
  [[{ name: 'a', chain: [root.certificate] }], { policy: {} }, /needs one of the options/],
  [Array.from({ length: 10_001 }, () => ({ name: 'a', chain: [] })), {}, /at most 10000 sources; got 10001/],
])('misuse %#', (sources, options, message) => {
  expect(() => expiryReport(sources as readonly ExpirySource[], options as object)).toThrow(message)
})
