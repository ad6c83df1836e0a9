import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { CertificateAuthority } from '../../../src/ca/index.ts'
import { keyIdentifier } from '../../../src/ca/key-identifier.ts'
import { Certificate, importPrivateKey } from '../../../src/x509/index.ts'
import { ED25519_SPKI, toHex } from '../../fixtures/x509/der.ts'
import { opensslCertificate, opensslKey } from '../../fixtures/x509/openssl-certificate.ts'
import { opensslAvailable, withTemporaryFolder } from '../../support/openssl.ts'
import { requirement } from '../../support/require.ts'
import { signedCertificate } from './sealed.ts'
import { below, clockAt, ID, keyOf, request, rootCa } from './support.ts'

test('SHA-1 of the bits without tag, length and unused count: method (1) of RFC 5280 §4.2.1.2', () => {
  const bits = ED25519_SPKI.subarray(12)
  expect(toHex(keyIdentifier(ED25519_SPKI, 'sha1'))).toBe(createHash('sha1').update(bits).digest('hex'))
})

test('the leftmost 160 bits of SHA-256: method 1 of RFC 7093 §2, as Go from 1.25 (mesh-contracts §0, 12)', () => {
  const bits = ED25519_SPKI.subarray(12)
  const expected = createHash('sha256').update(bits).digest('hex').slice(0, 40)
  expect(toHex(keyIdentifier(ED25519_SPKI, 'sha256'))).toBe(expected)
})

test("a workload's authority key identifier is its CA's subject key identifier, not computed anew", async () => {
  const key = await keyOf('P-256')
  const old = await rootCa({ key, keyIdentifier: 'sha256' })
  const renewed = await rootCa({ key, keyIdentifier: 'sha1' })
  expect(old.certificate.subjectKeyIdentifier).not.toBe(renewed.certificate.subjectKeyIdentifier)
  for (const root of [old, renewed]) {
    const ca = await CertificateAuthority.from({
      certificate: root.certificate,
      signer: key,
      clock: clockAt(),
    })
    const { certificate } = await ca.issueWorkload(await request(), { id: ID, lifetime: '1h' })
    expect(certificate.authorityKeyIdentifier).toBe(root.certificate.subjectKeyIdentifier)
    const middle = await below(ca)
    expect(middle.certificate.authorityKeyIdentifier).toBe(root.certificate.subjectKeyIdentifier)
  }
})

test('below an issuer without an identifier of its own: by method (1) from its key (RFC 5280 §4.2.1.1)', async () => {
  const key = await keyOf('Ed25519')
  const ca = await CertificateAuthority.from({
    certificate: await signedCertificate(key, {}),
    signer: key,
    clock: clockAt(),
  })
  const { certificate } = await ca.issueWorkload(await request(), { id: ID, lifetime: '1h' })
  const bits = key.publicKey.subarray(12)
  expect(ca.certificate.subjectKeyIdentifier).toBe(undefined)
  expect(certificate.authorityKeyIdentifier).toBe(createHash('sha1').update(bits).digest('hex'))
})

if (requirement('openssl', opensslAvailable)) {
  test.each(['P-256', 'P-384', 'P-521', 'Ed25519', 'RSA-2048'] as const)(
    '%s: the same as `subjectKeyIdentifier = hash` of OpenSSL',
    (kind) =>
      withTemporaryFolder(async (folder) => {
        const key = opensslKey(kind)
        const extensions = 'subjectKeyIdentifier = hash'
        const theirs = Certificate.fromDer(opensslCertificate(folder, { key, extensions }))
        const ours = await rootCa({ key: await importPrivateKey(key) })
        expect(ours.certificate.subjectKeyIdentifier).toBe(theirs.subjectKeyIdentifier)
        const sha256 = await rootCa({ key: await importPrivateKey(key), keyIdentifier: 'sha256' })
        expect(sha256.certificate.subjectKeyIdentifier).not.toBe(theirs.subjectKeyIdentifier)
      }),
  )
}
