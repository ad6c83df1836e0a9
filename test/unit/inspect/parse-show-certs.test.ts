import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { parseShowCerts, type ShowCerts } from '../../../src/inspect/index.ts'
import { createTestHierarchy } from '../../../src/testing/index.ts'
import type { Certificate } from '../../../src/x509/index.ts'

/** What a sidecar of Istio 1.5 presented on 22 April 2020: two blocks. */
const SIDECAR = readFileSync(new URL('../../fixtures/istio-s_client-showcerts.txt', import.meta.url), 'utf8')

let leaf: Certificate
let intermediate: Certificate
let root: Certificate

beforeAll(async () => {
  const hierarchy = await createTestHierarchy()
  leaf = hierarchy.workload
  intermediate = hierarchy.intermediate.certificate
  root = hierarchy.root.certificate
})

/** As OpenSSL 3.0 prints an entry of a chain; the names are those of `openssl x509 -subject`. */
const entry = (index: number, certificate: Certificate, names: { s?: string; i?: string } = {}): string => {
  const oneline = (name: Certificate['subject']): string =>
    name.rdns
      .flat()
      .map(({ shortName, value }) => `${shortName} = ${value}`)
      .join(', ')
  return ` ${index} s:${names.s ?? oneline(certificate.subject)}\n   i:${names.i ?? oneline(certificate.issuer)}\n   a:PKEY: id-ecPublicKey, 256 (bit); sigalg: ecdsa-with-SHA256\n${certificate.toPem()}`
}
const transcript = (entries: readonly string[], end = 'Verify return code: 0 (ok)', more = ''): string =>
  `CONNECTED(00000003)\n---\nCertificate chain\n${entries.join('')}---\nServer certificate\n${more}---\nNew, TLSv1.3, Cipher is TLS_AES_256_GCM_SHA384\n${end}\n---\n`
const codes = ({ findings }: ShowCerts) => findings.map(({ code, index }) => `${code} ${index}`)

/** No TLS: OpenSSL 3.0 ends with "ok" though nobody was verified. */
const PLAINTEXT = `40076E6F487F0000:error:0A00010B:SSL routines:ssl3_get_record:wrong version number:../ssl/record/ssl3_record.c:350:
CONNECTED(00000003)
---
no peer certificate available
---
No client certificate CA names sent
---
SSL handshake has read 5 bytes and written 297 bytes
Verification: OK
---
New, (NONE), Cipher is (NONE)
Verify return code: 0 (ok)
---
`

describe('the forms that the field knows', () => {
  test('plaintext is not verified, though OpenSSL says "ok"', () => {
    const read = parseShowCerts(PLAINTEXT)
    expect(read).toMatchObject({ verdict: 'plaintext', chain: [], protocol: undefined, findings: [] })
    expect(read.message).toContain('wrong version number')
    const silent = PLAINTEXT.split('\n').slice(1).join('\n')
    expect(parseShowCerts(silent).verdict).toBe('plaintext')
  })

  test('two blocks: leaf and root, as a sidecar presents them', () => {
    const read = parseShowCerts(SIDECAR)
    expect(read.verdict).toBe('presented')
    expect(read.chain.map(({ index, subject, issuer }) => [index, subject, issuer])).toEqual([
      [0, '', 'O = cluster.local'],
      [1, 'O = cluster.local', 'O = cluster.local'],
    ])
    expect(read.chain[0]?.certificate?.subjectAltNames).toEqual([
      { type: 'uri', value: 'spiffe://cluster.local/ns/default/sa/bookinfo-ratings' },
    ])
    expect(codes(read)).toEqual(['root-presented 1'])
  })

  test('four blocks: leaf, intermediate, and a root twice', () => {
    const entries = [leaf, intermediate, root, root].map((one, i) => entry(i, one))
    const read = parseShowCerts(
      transcript(entries, 'Verify return code: 19 (self-signed certificate in certificate chain)'),
    )
    expect(read).toMatchObject({
      verdict: 'unverified',
      verification: { code: 19, words: 'self-signed certificate in certificate chain' },
      protocol: 'TLSv1.3',
    })
    expect(read.chain).toHaveLength(4)
    expect(codes(read)).toEqual(['root-presented 2', 'twice 3'])
    expect(read.findings[1]?.message).toContain('certificate 3 is certificate 2 once more')
  })

  test('a chain that leads to a given root is verified, and says what that is not', () => {
    const read = parseShowCerts(transcript([entry(0, leaf), entry(1, intermediate)]))
    expect([read.verdict, codes(read)]).toEqual(['verified', []])
    expect(read.message).toContain('Whose workload it is, it has not checked')
    expect(read.chain.map(({ certificate }) => certificate?.fingerprint())).toEqual([
      leaf.fingerprint(),
      intermediate.fingerprint(),
    ])
  })
})

describe('nobody is there, or breaks off', () => {
  test.each([
    [
      'no listener',
      '40D762E5D87F0000:error:8000006F:system library:BIO_connect:Connection refused:../crypto/bio/bio_sock2.c:117:calling connect()\nconnect:errno=111\n',
    ],
    ['a reset', 'CONNECTED(00000003)\nwrite:errno=104\n---\nno peer certificate available\n---\n'],
  ])('%s', (_, text) => {
    expect(parseShowCerts(text)).toMatchObject({ verdict: 'refused', chain: [] })
  })

  test('behind its chain: it wants a client certificate', () => {
    const alert =
      '40E7:error:0A00045C:SSL routines:ssl3_read_bytes:tlsv13 alert certificate required:../ssl/record/rec_layer_s3.c:1605:SSL alert number 116\n'
    const wants =
      'Acceptable client certificate CA names\nO = cluster.local\nO = "a, b"\nRequested Signature Algorithms: ECDSA+SHA256\n'
    const read = parseShowCerts(transcript([entry(0, leaf)], 'Verify return code: 0 (ok)', wants) + alert)
    expect(read.verdict).toBe('refused')
    expect(read.message).toContain('It wants a client certificate')
    expect(read.clientCertificate).toEqual({ requested: true, issuers: ['O = cluster.local', 'O = "a, b"'] })
    const other = parseShowCerts(transcript([entry(0, leaf)]))
    expect(other.clientCertificate).toEqual({ requested: false, issuers: [] })
  })
})

describe('what was edited', () => {
  test('lines that are not those of the certificate', () => {
    const text = transcript([entry(0, leaf, { i: 'O = another' }), entry(1, intermediate, { s: 'CN = me' })])
    expect(codes(parseShowCerts(text))).toEqual(['issuer-differs 0', 'subject-differs 1'])
    expect(codes(parseShowCerts(transcript([entry(0, leaf, { i: 'no name' })])))).toEqual([
      'name-unreadable 0',
    ])
  })

  test('a certificate that cannot be read, and one in the wrong place', () => {
    const broken = transcript([entry(0, leaf).replace(/\n[A-Za-z0-9+/]{64}\n/, '\n')])
    const read = parseShowCerts(broken)
    expect([codes(read), read.chain[0]?.certificate]).toEqual([['certificate-unreadable 0'], undefined])
    const text = transcript([entry(0, intermediate), entry(1, leaf)])
    expect(codes(parseShowCerts(text))).toEqual(['order 1'])
  })

  test('a text that says nothing', () => {
    for (const text of ['', '\n\n', 'hello', '-----BEGIN CERTIFICATE-----\nAAAA'])
      expect(parseShowCerts(text)).toMatchObject({ verdict: 'unknown', chain: [], findings: [] })
  })

  test('more certificates than anybody presents', () => {
    const read = parseShowCerts(transcript(Array.from({ length: 70 }, (_, i) => entry(i, leaf))))
    expect(read.chain).toHaveLength(64)
    expect(read.findings.filter(({ code }) => code === 'more-certificates')).toHaveLength(1)
  })
})

test('hostile text is escaped and cut', () => {
  const read = parseShowCerts(
    `${transcript([entry(0, leaf, { s: `CN = \u001b[2J${'x'.repeat(5000)}` })], `Verify return code: 20 (\u001b[31m${'y'.repeat(5000)})`)}`,
  )
  const said = JSON.stringify([read.message, read.findings, read.verification])
  expect(said).not.toContain('\u001b')
  expect(said).not.toContain('\\u001b[')
  expect(said.length).toBeLessThan(2500)
})

test('whatever the text, it is read, and quickly enough for any', () => {
  const piece = fc.constantFrom(
    '-----BEGIN CERTIFICATE-----\n',
    '-----END CERTIFICATE-----\n',
    ' 0 s:',
    '   i:',
    'O = "a\\',
    'CN=b, ',
    '/O=x/CN=y\n',
    'Verify return code: 0 (ok)\n',
    'Acceptable client certificate CA names\n',
    '\n',
    'MIIB\n',
  )
  fc.assert(
    fc.property(fc.array(fc.oneof(piece, fc.string()), { maxLength: 60 }), (parts) => {
      const { verdict, chain } = parseShowCerts(parts.join(''))
      // Nothing is taken for verified that presented nothing.
      expect(verdict === 'verified' && chain.length === 0).toBe(false)
    }),
  )
})

test.each([[undefined], [null], [7], [{}]])('%s is no text', (value) => {
  expect(() => parseShowCerts(value as never)).toThrow(TypeError)
})

test('a text without end is refused', () => {
  expect(() => parseShowCerts('x'.repeat(4_194_305))).toThrow(RangeError)
})
