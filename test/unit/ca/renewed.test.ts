import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { CertificateAuthority } from '../../../src/ca/index.ts'
import { createCsr } from '../../../src/csr/index.ts'
import { refusalOfAsync } from '../../fixtures/x509/refusal.ts'
import { openssl, opensslAvailable, withTemporaryFolder } from '../../support/openssl.ts'
import { requirement } from '../../support/require.ts'
import { below, clockAt, ID, INTERMEDIATE, keyOf, request, rootCa } from './support.ts'

describe('a root', () => {
  test('renewed with its key keeps the octets of its identifier, whatever made them', async () => {
    const key = await keyOf('P-256')
    // As Go 1.24 made it, and as Go 1.25 would make it anew.
    const old = await rootCa({ key, keyIdentifier: 'sha1' })
    const careless = await rootCa({ key, keyIdentifier: 'sha256' })
    const renewed = await rootCa({ key, keyIdentifier: 'sha256', renews: old.certificate, sameKey: 'keep' })
    expect(careless.certificate.subjectKeyIdentifier).not.toBe(old.certificate.subjectKeyIdentifier)
    expect(renewed.certificate.subjectKeyIdentifier).toBe(old.certificate.subjectKeyIdentifier)
    expect(renewed.certificate.serialNumber).not.toBe(old.certificate.serialNumber)
  })

  test('that shall keep its key is refused with another, or with one that would be made', async () => {
    const old = await rootCa()
    for (const key of ['P-256', await keyOf('P-256')] as const) {
      const error = await refusalOfAsync(rootCa({ key, renews: old.certificate, sameKey: 'keep' }))
      expect([error.code, error.message]).toEqual([
        'ERR_CA_KEY_MISMATCH',
        expect.stringMatching(/Pass the old key; or leave "sameKey" out/),
      ])
    }
    const renewed = await rootCa({ renews: old.certificate })
    expect(renewed.certificate.subjectKeyIdentifier).not.toBe(old.certificate.subjectKeyIdentifier)
  })

  test('that keeps its key keeps its name', async () => {
    const key = await keyOf('P-256')
    const old = await rootCa({ key })
    const other = { key, renews: old.certificate, sameKey: 'keep', subject: 'CN=Root CA,O=Other' } as const
    const error = await refusalOfAsync(rootCa(other))
    expect([error.code, error.message]).toEqual([
      'ERR_CA_SUBJECT',
      expect.stringContaining('"CN=Root CA,O=Other"'),
    ])
    // With a new key it is another CA, and may have another name.
    await rootCa({ renews: old.certificate, subject: 'CN=Root CA,O=Other' })
  })

  test('renews no workload', async () => {
    const root = await rootCa()
    const { certificate } = await root.issueWorkload(await request(), { id: ID, lifetime: '1h' })
    await expect(rootCa({ renews: certificate })).rejects.toThrow(/"renews" must be the certificate of a CA/)
    await expect(below(root, { renews: certificate })).rejects.toThrow(
      /"renews" must be the certificate of a CA/,
    )
  })

  test('by default a renewal is a re-key', async () => {
    const key = await keyOf('Ed25519')
    const old = await rootCa({ key })
    const error = await refusalOfAsync(rootCa({ key, renews: old.certificate }))
    expect(error.code).toBe('ERR_CA_KEY_REUSED')
    expect(error.message).toMatch(/Make a new key.*sameKey: 'keep'/)
    await rootCa({ renews: old.certificate })
  })
})

describe('an intermediate', () => {
  test('renewed with its key: what it signed goes on to verify', async () => {
    const root = await rootCa()
    const { csr, signer } = await createCsr({ subject: INTERMEDIATE, key: 'P-256' })
    const first = await root.issueIntermediate(csr, { lifetime: '30d', keyIdentifier: 'sha256' })
    const ca = await CertificateAuthority.from({ ...first, signer, clock: clockAt() })
    const leaf = (await ca.issueWorkload(await request(), { id: ID, lifetime: '24h' })).certificate
    const again = await root.issueIntermediate(csr, {
      lifetime: '60d',
      renews: first.certificate,
      sameKey: 'keep',
    })
    expect(again.certificate.subjectKeyIdentifier).toBe(leaf.authorityKeyIdentifier)
    const careless = await root.issueIntermediate(csr, { lifetime: '60d' })
    expect(careless.certificate.subjectKeyIdentifier).not.toBe(leaf.authorityKeyIdentifier)
    expect(
      (await refusalOfAsync(root.issueIntermediate(csr, { lifetime: '60d', renews: first.certificate })))
        .code,
    ).toBe('ERR_CA_KEY_REUSED')
  })

  test('renewed for a new key of the sender, where keeping was allowed, has an identifier of its own', async () => {
    const root = await rootCa()
    const old = await below(root)
    const renewed = await below(root, { renews: old.certificate, sameKey: 'keep' })
    expect(renewed.certificate.subjectKeyIdentifier).not.toBe(old.certificate.subjectKeyIdentifier)
    const { csr } = await createCsr({ subject: INTERMEDIATE, key: 'P-256' })
    const first = await root.issueIntermediate(csr, { lifetime: '30d' })
    const renamed = root.issueIntermediate(csr, {
      lifetime: '30d',
      renews: first.certificate,
      sameKey: 'keep',
      subject: 'CN=another',
    })
    expect((await refusalOfAsync(renamed)).code).toBe('ERR_CA_SUBJECT')
  })

  test('"sameKey" without "renews" is a mistake', async () => {
    const root = await rootCa()
    await expect(below(root, { sameKey: 'keep' })).rejects.toThrow(/needs the option "renews"/)
    await expect(rootCa({ sameKey: 'yes' } as never)).rejects.toThrow(
      /"sameKey" must be one of "refuse", "keep"/,
    )
  })
})

if (requirement('openssl', opensslAvailable)) {
  test('OpenSSL finds a renewed root for old leaves by its identifier, and only then (mesh-contracts §6.6, 10)', () =>
    withTemporaryFolder(async (folder) => {
      const key = await keyOf('P-256')
      const common = { key, clock: { now: () => new Date() } }
      const old = await rootCa({ ...common, keyIdentifier: 'sha1' })
      const leaf = (await old.issueWorkload(await request(), { id: ID, lifetime: '1h' })).certificate
      const verify = async (root: CertificateAuthority): Promise<number> => {
        writeFileSync(join(folder, 'root'), root.certificate.toPem())
        writeFileSync(join(folder, 'leaf'), leaf.toPem())
        return openssl(['verify', '-CAfile', 'root', 'leaf'], { cwd: folder }).status
      }
      expect(await verify(await rootCa({ ...common, keyIdentifier: 'sha256' }))).not.toBe(0)
      expect(
        await verify(
          await rootCa({ ...common, keyIdentifier: 'sha256', renews: old.certificate, sameKey: 'keep' }),
        ),
      ).toBe(0)
    }))
}
