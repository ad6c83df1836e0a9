import 'reflect-metadata'
import * as peculiar from '@peculiar/x509'
import { describe, expect, test } from 'vitest'
import { type Csr, createCsr, verifyProofOfPossession } from '../../../src/csr/index.ts'
import {
  fromPeculiarCertificate,
  fromPeculiarCsr,
  toPeculiarCertificate,
  toPeculiarCsr,
} from '../../../src/peculiar/index.ts'
import { Certificate } from '../../../src/x509/index.ts'
import { certificateOf, hex } from '../../fixtures/x509/der.ts'
import { codeOf } from '../../fixtures/x509/refusal.ts'
import { cryptoKeyPair, ID, namesOf, request, rootCa } from '../ca/support.ts'
import { csrOf } from '../csr/support.ts'

const made = async () => {
  const root = await rootCa({ key: 'P-256' })
  const { certificate } = await root.issueWorkload(await request(), { id: ID, lifetime: '1h' })
  return { root: root.certificate, leaf: certificate }
}

describe('certificates', () => {
  test.each(['root', 'leaf'] as const)('there and back, to the byte: %s', async (name) => {
    const certificate = (await made())[name]
    const theirs = toPeculiarCertificate(certificate)
    expect(theirs).toBeInstanceOf(peculiar.X509Certificate)
    expect(new Uint8Array(theirs.rawData)).toEqual(certificate.der)
    expect(theirs.serialNumber).toBe(certificate.serialNumber)
    expect([theirs.notBefore, theirs.notAfter]).toEqual([certificate.notBefore, certificate.notAfter])
    const back = fromPeculiarCertificate(theirs)
    expect(back).toBeInstanceOf(Certificate)
    expect(back.der).toEqual(certificate.der)
    expect(namesOf(back)).toEqual(namesOf(certificate))
  })

  test('every shape goes there; their object goes wherever ours does', async () => {
    const { root } = await made()
    for (const input of [root, root.der, root.toPem(), { raw: root.der }, toPeculiarCertificate(root)])
      expect(new Uint8Array(toPeculiarCertificate(input).rawData)).toEqual(root.der)
    expect(() => toPeculiarCertificate(5 as unknown as string)).toThrow(TypeError)
  })

  test('they verify what we signed, and not under a stranger', async () => {
    const { root, leaf } = await made()
    const verified = (issuer: Certificate) =>
      toPeculiarCertificate(leaf).verify({ publicKey: toPeculiarCertificate(issuer), signatureOnly: true })
    expect(await verified(root)).toBe(true)
    expect(await verified((await made()).root)).toBe(false)
  })

  test('what they made is read strictly: what they accept and DER does not is refused', async () => {
    const keys = await cryptoKeyPair('P-256')
    const theirs = await peculiar.X509CertificateGenerator.createSelfSigned({
      serialNumber: '01',
      name: 'CN=theirs, O=Example',
      keys,
      notBefore: new Date('2026-01-01T00:00:00Z'),
      notAfter: new Date('2027-01-01T00:00:00Z'),
      signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
      extensions: [new peculiar.BasicConstraintsExtension(true, 3, true)],
    })
    const ours = fromPeculiarCertificate(theirs)
    expect([ours.isCa, ours.pathLength, ours.serialNumber]).toEqual([true, 3, '01'])
    expect(ours.subject.values('CN')).toEqual(['theirs'])
    // cA FALSE written out although it is the default (X.690 §11.5).
    const lenient = new peculiar.X509Certificate(
      certificateOf({ extensions: [{ id: '2.5.29.19', value: hex('3003010100') }] }),
    )
    expect(codeOf(() => fromPeculiarCertificate(lenient))).toBe('ERR_DER_ENCODING')
  })

  test('leniency is passed on', () => {
    const early = certificateOf({ notBefore: hex('180f32303235303130313030303030305a') })
    const theirs = new peculiar.X509Certificate(early)
    expect(codeOf(() => fromPeculiarCertificate(theirs))).toBe('ERR_DER_TIME')
    expect(fromPeculiarCertificate(theirs, { leniency: ['generalized-time-before-2050'] }).der).toEqual(early)
  })

  test('each side holds its own copy', async () => {
    const { root } = await made()
    const theirs = toPeculiarCertificate(root)
    const back = fromPeculiarCertificate(theirs)
    new Uint8Array(theirs.rawData).fill(0)
    expect(back.der).toEqual(root.der)
    expect(root.toPem()).toBe(back.toPem())
  })
})

describe('requests', () => {
  test('there and back, to the byte', async () => {
    const { csr } = await createCsr({
      key: 'P-256',
      subject: 'CN=a,O=b',
      subjectAltNames: [{ type: 'dns', value: 'a.b' }],
    })
    for (const input of [csr, csr.der, csr.toPem()]) {
      const theirs = toPeculiarCsr(input)
      expect(theirs).toBeInstanceOf(peculiar.Pkcs10CertificateRequest)
      expect(await theirs.verify()).toBe(true)
      expect(fromPeculiarCsr(theirs).der).toEqual(csr.der)
      expect((await verifyProofOfPossession(theirs)).csr.fingerprint()).toBe(csr.fingerprint())
    }
  })

  test('they refuse a tampered one, and so do we', async () => {
    const { der } = (await createCsr({ key: 'P-256', subject: 'CN=a' })).csr
    const at = Buffer.from(der).indexOf('a', 12)
    der[at] = 0x62
    expect(await toPeculiarCsr(der).verify()).toBe(false)
    await expect(verifyProofOfPossession(fromPeculiarCsr(toPeculiarCsr(der)))).rejects.toMatchObject({
      code: 'ERR_CSR_SIGNATURE',
    })
  })

  test('theirs is read strictly', async () => {
    const keys = await cryptoKeyPair('Ed25519')
    const theirs = await peculiar.Pkcs10CertificateRequestGenerator.create({
      name: 'CN=theirs',
      keys,
      signingAlgorithm: { name: 'Ed25519' },
      attributes: [new peculiar.ChallengePasswordAttribute('hunter2')],
    })
    const { csr } = await verifyProofOfPossession(fromPeculiarCsr(theirs))
    expect([String(csr.subject), csr.attributeTypes]).toEqual(['CN=theirs', ['1.2.840.113549.1.9.7']])
    const wrongVersion = new peculiar.Pkcs10CertificateRequest(csrOf({ version: hex('020105') }))
    expect(codeOf(() => fromPeculiarCsr(wrongVersion))).toBe('ERR_CSR_VERSION')
    expect(() => toPeculiarCsr({} as Csr)).toThrow(TypeError)
  })
})
