import { X509Certificate } from 'node:crypto'
import { beforeAll, describe, expect, test } from 'vitest'
import { MeshPkiError } from '../../src/errors.ts'
import { Certificate } from '../../src/x509/index.ts'
import { toHex } from '../fixtures/x509/der.ts'
import { everyGetter } from '../fixtures/x509/getters.ts'
import {
  type CertificateRecipe,
  opensslCertificate,
  opensslKey,
  run,
} from '../fixtures/x509/openssl-certificate.ts'
import { refusalOf } from '../fixtures/x509/refusal.ts'
import { type CorpusCertificate, makeCorpus } from '../fuzz/corpus.ts'
import { donorsOf, mutate, SeededRandom } from '../fuzz/mutate.ts'
import { opensslAvailable, withTemporaryFolder } from '../support/openssl.ts'
import { requirement } from '../support/require.ts'

/** What `openssl x509` prints for one option, without its `name=`. */
const ask = (der: Uint8Array, ...options: string[]) =>
  run(['x509', '-inform', 'DER', '-noout', ...options], der)
    .toString()
    .replace(/^[^=]*=/, '')
    .trim()

/** Node writes a serial number as its magnitude in upper case, at least two digits. */
const sameSerial = (hex: string) =>
  hex.startsWith('-') ? `-${BigInt(`0x${hex.slice(1)}`)}` : `${BigInt(`0x${hex}`)}`

function expectSame(der: Uint8Array): void {
  const ours = Certificate.fromDer(der)
  const node = new X509Certificate(der)
  expect(sameSerial(ours.serialNumber)).toBe(sameSerial(node.serialNumber))
  expect(ours.fingerprint()).toBe(node.fingerprint256.replaceAll(':', '').toLowerCase())
  expect(ours.notBefore.getTime()).toBe(Date.parse(node.validFrom))
  expect(ours.notAfter.getTime()).toBe(Date.parse(node.validTo))
  expect(ours.isCa).toBe(node.ca)
  expect(toHex(ours.publicKey)).toBe(toHex(node.publicKey.export({ type: 'spki', format: 'der' })))
  expect(ours.toPem()).toBe(node.toString())
  expect(toHex(ours.der)).toBe(toHex(node.raw))
  const names = ours.subjectAltNames.filter(({ type }) => type === 'dns' || type === 'uri')
  for (const name of names)
    if (name.type === 'dns' || name.type === 'uri') expect(node.subjectAltName ?? '').toContain(name.value)
  expect(ours.subjectAltNames.length === 0).toBe(node.subjectAltName === undefined)
  expect(sameSerial(ours.serialNumber)).toBe(sameSerial(ask(der, '-serial')))
  expect(String(ours.subject)).toBe(ask(der, '-subject', '-nameopt', 'RFC2253,-esc_msb,utf8'))
  expect(String(ours.issuer)).toBe(ask(der, '-issuer', '-nameopt', 'RFC2253,-esc_msb,utf8'))
  expect(ours.notAfter.getTime()).toBe(Date.parse(ask(der, '-enddate')))
  const printed = run(['x509', '-inform', 'DER', '-noout', '-text', '-certopt', 'no_sigdump'], der).toString()
  expect(printed).toContain(`Version: ${ours.version} `)
  expect(printed.includes('X509v3 extensions')).toBe(ours.extensions.length > 0)
}

if (requirement('openssl', opensslAvailable)) {
  describe('certificates of OpenSSL have the fields that Node and OpenSSL show', () => {
    const SAN = 'subjectAltName = DNS:a.example,URI:spiffe://example.org/a'
    const CA = 'basicConstraints = critical,CA:TRUE'
    const P256 = opensslKey('P-256')
    test.each<[string, CertificateRecipe]>([
      ['P-256', { key: P256, subject: '/O=Example/CN=x', extensions: SAN }],
      ['P-384', { key: opensslKey('P-384'), subject: '/CN=x', extensions: CA }],
      ['P-521', { key: opensslKey('P-521'), subject: '/CN=x', extensions: `${SAN}\n${CA}` }],
      ['Ed25519', { key: opensslKey('Ed25519'), subject: '/DC=org/DC=example/CN=x', extensions: SAN }],
      ['RSA', { key: opensslKey('RSA-2048'), subject: '/CN=x', extensions: CA }],
      ['v3 without a subject', { key: P256, subject: '/', extensions: SAN }],
      ['a serial number of 20 octets', { key: P256, subject: '/CN=x', serial: `0x7f${'ab'.repeat(19)}` }],
      ['a serial number with its top bit set', { key: P256, subject: '/CN=x', serial: '0xff01' }],
      ['a negative serial number', { key: P256, subject: '/CN=x', serial: '-0x81' }],
      ['serial number 0', { key: P256, subject: '/CN=x', serial: '0' }],
      ['until after 2050, as GeneralizedTime', { key: P256, subject: '/CN=x', days: 20_000 }],
      ['until near 9999', { key: P256, subject: '/CN=x', days: 2_900_000 }],
      ['names beyond ASCII', { key: P256, subject: '/O=Straße/CN=北京', extensions: SAN }],
    ])('%s', async (_, recipe) => {
      await withTemporaryFolder((folder) => expectSame(opensslCertificate(folder, recipe)))
    })
    test('key and signature algorithms by name', async () => {
      for (const [kind, algorithm, digest] of [
        ['P-256', 'ecdsa-sha256', '-sha256'],
        ['P-384', 'ecdsa-sha384', '-sha384'],
        ['P-521', 'ecdsa-sha512', '-sha512'],
        ['RSA-2048', 'rsa-sha512', '-sha512'],
        ['RSA-3072', 'rsa-sha384', '-sha384'],
      ] as const) {
        await withTemporaryFolder((folder) => {
          const recipe = { key: opensslKey(kind), subject: '/CN=x', arguments: [digest] }
          const certificate = Certificate.fromDer(opensslCertificate(folder, recipe))
          expect(certificate.publicKeyType).toBe(kind)
          expect(certificate.signatureAlgorithm).toBe(algorithm)
        })
      }
    })
  })

  describe('mutants of certificates of every kind', () => {
    let corpus: readonly CorpusCertificate[] = []
    beforeAll(() => {
      corpus = makeCorpus()
    })

    test('the corpus itself is read, v1 among it', () => {
      for (const { der } of corpus) everyGetter(Certificate.fromDer(der))
      expect(corpus.map(({ der }) => Certificate.fromDer(der).version).sort()).toEqual([
        1, 3, 3, 3, 3, 3, 3, 3,
      ])
    })
    test('a v1 certificate has the fields that Node and OpenSSL show', () => {
      const v1 = corpus.find(({ name }) => name === 'rsa-v1')
      expect(v1).toBeDefined()
      if (v1 !== undefined) expectSame(v1.der)
    })
    test('every truncation is refused', () => {
      for (const { der } of corpus)
        for (let length = 0; length < der.length; length++)
          expect(refusalOf(() => Certificate.fromDer(der.subarray(0, length))).code).toMatch(/^ERR_DER_/)
    })
    test('20,000 mutants are refused as MeshPkiError, or read so that no getter throws', () => {
      const random = new SeededRandom(20_000)
      const donors = donorsOf(corpus.map(({ der }) => der))
      const wrong: string[] = []
      let accepted = 0
      for (let i = 0; i < 20_000; i++) {
        const mutant = mutate(random.pick(corpus).der, random, donors)
        try {
          everyGetter(Certificate.fromDer(mutant))
          accepted++
        } catch (error) {
          // A refusal names a step of reading; one that a getter threw would have passed reading before.
          if (!(error instanceof MeshPkiError) || reads(mutant))
            wrong.push(`${toHex(mutant)}: ${String(error)}`)
        }
      }
      expect(wrong).toEqual([])
      expect(accepted).toBeGreaterThan(1000)
    })
  })
}

function reads(der: Uint8Array): boolean {
  try {
    Certificate.fromDer(der)
    return true
  } catch {
    return false
  }
}
