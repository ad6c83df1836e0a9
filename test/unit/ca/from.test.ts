import { describe, expect, test } from 'vitest'
import { CertificateAuthority, createRootCa } from '../../../src/ca/index.ts'
import { createCsr } from '../../../src/csr/index.ts'
import { verifyPath } from '../../../src/verify/index.ts'
import { certificateOf, hex, seq } from '../../fixtures/x509/der.ts'
import { refusalOfAsync } from '../../fixtures/x509/refusal.ts'
import { signedCertificate } from './sealed.ts'
import { CallersSigner, clockAt, DAY, ID, INTERMEDIATE, keyOf, NOW, request, rootCa } from './support.ts'

const clock = clockAt()
const from = (options: Partial<Parameters<typeof CertificateAuthority.from>[0]> & object) =>
  CertificateAuthority.from({ clock, ...options } as Parameters<typeof CertificateAuthority.from>[0])

describe('what it takes over', () => {
  test('every shape of certificate and chain, in any order, with strangers among them', async () => {
    const root = await rootCa()
    const { csr, signer } = await createCsr({ subject: INTERMEDIATE, key: 'P-256' })
    const { certificate } = await root.issueIntermediate(csr, { lifetime: '365d', pathLength: 0 })
    const stranger = (await rootCa({ subject: 'CN=Stranger' })).certificate
    const { der } = certificate
    for (const input of [
      certificate,
      der,
      certificate.toPem(),
      { raw: der },
      { rawData: der.slice().buffer },
    ]) {
      for (const chain of [
        [root.certificate],
        root.certificate,
        root.certificate.toPem(),
        stranger.toPem() + certificate.toPem() + root.certificate.toPem(),
        [certificate, root.certificate.der, stranger],
      ]) {
        const ca = await from({ certificate: input, chain, signer })
        expect(ca.chain.map((c) => c.fingerprint())).toEqual(
          [certificate, root.certificate].map((c) => c.fingerprint()),
        )
        expect(ca.signer).toBe(signer)
        expect(Object.isFrozen(ca.chain)).toBe(true)
      }
    }
  })

  test('a pair and a plain Signer', async () => {
    const key = await keyOf('P-384')
    const root = await rootCa({ key })
    for (const signer of [key, { privateKey: key }, new CallersSigner(key)])
      expect((await from({ certificate: root.certificate, signer })).certificate).toBe(root.certificate)
  })
})

describe('what it refuses (decision 8)', () => {
  test('a certificate that is no CA (RFC 5280 §4.2.1.9)', async () => {
    const root = await rootCa()
    const { csr, signer } = await createCsr({ key: 'P-256' })
    const { certificate } = await root.issueWorkload(csr, { id: ID, lifetime: '1h' })
    const error = await refusalOfAsync(from({ certificate, chain: root.chain, signer }))
    expect(error.code).toBe('ERR_CA_NOT_CA')
    expect(error.message).toMatch(
      new RegExp(`URI:${ID}.*${certificate.serialNumber}.*cA TRUE.*RFC 5280 §4\\.2\\.1\\.9`),
    )
    await from({ certificate: root.certificate, signer: root.signer })
  })

  test('a v1 root', async () => {
    const key = await keyOf('Ed25519')
    const certificate = await signedCertificate(key, { version: hex(''), extensionsField: hex('') })
    expect((await refusalOfAsync(from({ certificate, signer: key }))).code).toBe('ERR_CA_NOT_CA')
  })

  test('key usage without keyCertSign (RFC 5280 §4.2.1.3)', async () => {
    const key = await keyOf('Ed25519')
    const ca = (usage: string) =>
      signedCertificate(key, {
        extensions: [
          { id: '2.5.29.19', critical: true, value: hex('30030101ff') },
          { id: '2.5.29.15', critical: true, value: hex(usage) },
        ],
      })
    const error = await refusalOfAsync(from({ certificate: await ca('03020182'), signer: key }))
    expect(error.code).toBe('ERR_CA_KEY_USAGE')
    expect(error.message).toMatch(
      /"CN=Sealed".*expected key usage keyCertSign, found .*digitalSignature.*RFC 5280 §4\.2\.1\.3/,
    )
    await from({ certificate: await ca('03020204'), signer: key })
  })

  test("a key that is not the certificate's, however it answers", async () => {
    const [root, other] = [await rootCa(), await rootCa()]
    for (const selfTest of ['signed', 'unsigned'] as const) {
      const error = await refusalOfAsync(
        from({ certificate: root.certificate, signer: other.signer, selfTest }),
      )
      expect(error.code).toBe('ERR_CA_KEY_MISMATCH')
      expect(error.message).toMatch(
        /"CN=Root CA,O=Istio" \(serial [0-9a-f]{32}\).*different CAs, or one of them was renewed/,
      )
    }
    // It shows the right public key, and signs with another.
    const lying = new CallersSigner(root.signer, (tbs) => other.signer.sign(tbs))
    expect((await refusalOfAsync(from({ certificate: root.certificate, signer: lying }))).code).toBe(
      'ERR_CA_SIGNER',
    )
  })

  test.each([
    ['expired by a second', 3650 * DAY + 1, 'ERR_CA_EXPIRED'],
    ['not yet valid by a second', -121, 'ERR_CA_NOT_YET_VALID'],
  ])('a CA that is %s', async (_, seconds, code) => {
    const { certificate, signer } = await rootCa()
    const error = await refusalOfAsync(from({ certificate, signer, clock: clockAt(seconds) }))
    expect(error.code).toBe(code)
    expect(error.message).toContain('"CN=Root CA,O=Istio"')
    await from({ certificate, signer, clock: clockAt(seconds - Math.sign(seconds)) })
  })

  test('a root with path length 0 over an intermediate, which istiod accepts (mesh-contracts §6.6, 3)', async () => {
    const rootKey = await keyOf('Ed25519')
    const narrow = await rootCa({ key: rootKey, pathLength: 0 })
    const wide = await rootCa({ key: rootKey })
    const { csr, signer } = await createCsr({ subject: INTERMEDIATE, key: 'Ed25519' })
    // The same name and key: what the wide root signed also chains to the narrow one.
    const { certificate } = await wide.issueIntermediate(csr, { lifetime: '30d', pathLength: 0 })
    for (const selfTest of ['signed', 'unsigned'] as const) {
      const error = await refusalOfAsync(from({ certificate, chain: narrow.chain, signer, selfTest }))
      expect([error.code, (error.cause as { code?: string }).code]).toEqual([
        'ERR_CA_DRY_RUN',
        'ERR_PATH_LENGTH',
      ])
      expect(error.message).toMatch(
        /no certificate that "L=kind2,CN=Intermediate CA,O=Istio" .* signs would verify/,
      )
      await from({ certificate, chain: wide.chain, signer, selfTest })
    }
  })

  test('a chain of the wrong root, also one of the same name', async () => {
    const root = await rootCa()
    const { csr, signer } = await createCsr({ subject: INTERMEDIATE, key: 'Ed25519' })
    const { certificate } = await root.issueIntermediate(csr, { lifetime: '30d' })
    for (const subject of ['CN=Root CA,O=Istio', 'CN=Somebody']) {
      const chain = (await rootCa({ subject })).chain
      const error = await refusalOfAsync(from({ certificate, chain, signer }))
      expect([error.code, (error.cause as Error).name]).toEqual(['ERR_CA_DRY_RUN', 'PathError'])
    }
  })

  test('an expired certificate above', async () => {
    const root = await rootCa({ lifetime: '10d' })
    const rootKey = root.signer
    const longer = await createRootCa({
      subject: 'CN=Root CA,O=Istio',
      lifetime: '100d',
      key: rootKey,
      clock,
    })
    const { csr, signer } = await createCsr({ subject: INTERMEDIATE, key: 'Ed25519' })
    const { certificate } = await longer.issueIntermediate(csr, { lifetime: '50d' })
    const later = clockAt(20 * DAY)
    await from({ certificate, chain: longer.chain, signer, clock: later })
    expect((await refusalOfAsync(from({ certificate, chain: root.chain, signer, clock: later }))).code).toBe(
      'ERR_CA_DRY_RUN',
    )
  })

  test('an empty CA subject, as the legacy Gloo profile has (RFC 5280 §4.1.2.6)', async () => {
    const key = await keyOf('Ed25519')
    const certificate = await signedCertificate(key, { subject: seq(), issuer: seq() })
    expect((await refusalOfAsync(from({ certificate, signer: key }))).code).toMatch(
      /^ERR_CA_(DRY_RUN|SUBJECT)$/,
    )
    await from({ certificate: await signedCertificate(key, {}), signer: key })
  })

  test('an unknown critical extension in the chain (RFC 5280 §4.2)', async () => {
    const key = await keyOf('Ed25519')
    const ca = (critical: boolean) =>
      signedCertificate(key, {
        extensions: [
          { id: '2.5.29.19', critical: true, value: hex('30030101ff') },
          { id: '1.3.6.1.4.1.99999.1', critical, value: hex('0500') },
        ],
      })
    const error = await refusalOfAsync(from({ certificate: await ca(true), signer: key }))
    expect([error.code, (error.cause as { code?: string }).code]).toEqual([
      'ERR_CA_DRY_RUN',
      'ERR_PATH_CRITICAL_EXTENSION',
    ])
    await from({ certificate: await ca(false), signer: key })
  })
})

describe('a chain that extended key usage restricts (mesh-contracts §2.2)', () => {
  const restricted = async (purposes: string) => {
    const key = await keyOf('Ed25519')
    const certificate = await signedCertificate(key, {
      extensions: [
        { id: '2.5.29.19', critical: true, value: hex('30030101ff') },
        { id: '2.5.29.37', value: hex(purposes) },
      ],
    })
    return from({ certificate, signer: key })
  }
  const BOTH = '301406082b0601050507030106082b06010505070302'

  test.each([
    ['clientAuth', '300a06082b06010505070302'],
    ['serverAuth', '300a06082b06010505070301'],
    ['codeSigning', '300a06082b06010505070303'],
  ])('%s alone: no workload is issued, which would not verify', async (_, purposes) => {
    const ca = await restricted(purposes)
    const error = await refusalOfAsync(ca.issueWorkload(await request(), { id: ID, lifetime: '1h' }))
    expect([error.code, (error.cause as { code?: string }).code]).toEqual([
      'ERR_CA_DRY_RUN',
      'ERR_PATH_EXTENDED_KEY_USAGE',
    ])
    expect(error.message).toMatch(/for servers and clients/)
  })

  test('both: it is, and verifies for both', async () => {
    const ca = await restricted(BOTH)
    const { certificate } = await ca.issueWorkload(await request(), { id: ID, lifetime: '1h' })
    for (const purpose of ['serverAuth', 'clientAuth'] as const)
      await verifyPath(certificate, { anchors: ca.certificate, purpose, time: NOW })
  })
})

describe("selfTest 'unsigned' does not touch the key", () => {
  test('0 signatures against 1', async () => {
    const key = await keyOf('P-256')
    const { certificate } = await rootCa({ key })
    const count = async (selfTest?: 'signed' | 'unsigned') => {
      const signer = new CallersSigner(key)
      await from({ certificate, signer, selfTest })
      return signer.calls
    }
    expect([await count('unsigned'), await count('signed'), await count()]).toEqual([0, 1, 1])
  })

  test('createRootCa: its own signature only', async () => {
    const count = async (selfTest: 'signed' | 'unsigned') => {
      const key = new CallersSigner(await keyOf('P-256'))
      await rootCa({ key, selfTest })
      return key.calls
    }
    expect([await count('unsigned'), await count('signed')]).toEqual([1, 2])
  })
})

describe('misuse', () => {
  test.each<[string, object, RegExp]>([
    [
      'an unknown option',
      { cerificate: 1 },
      /CertificateAuthority\.from has no option "cerificate".*mean "certificate"/,
    ],
    ['no certificate', {}, /"certificate" must be a Certificate/],
    [
      'an unknown profile',
      { profile: 'vault' },
      /option "profile" must be one of "mesh", "istio", "gloo", "mesh-root", .*; got "vault"/,
    ],
    ['an unknown self-test', { selfTest: false }, /option "selfTest" must be one of "signed", "unsigned"/],
    ['a chain of numbers', { certificate: certificateOf(), chain: [5] }, /"chain" must be a Certificate/],
    [
      'a clock that is broken',
      { clock: { now: () => new Date(Number.NaN) } },
      /option "clock" is an invalid Date/,
    ],
  ])('%s', async (_, options, message) => {
    const { certificate, signer } = await rootCa()
    const needed =
      'certificate' in options || message.source.startsWith('"certificate"')
        ? { signer }
        : { certificate, signer }
    await expect(from({ ...needed, ...options } as never)).rejects.toThrow(message)
    await expect(from({ ...needed, ...options } as never)).rejects.toThrow(TypeError)
  })

  test('what is no options object, and no signer', async () => {
    for (const value of [undefined, null, 'x', []])
      await expect(CertificateAuthority.from(value as never)).rejects.toThrow(TypeError)
    const { certificate } = await rootCa()
    await expect(from({ certificate } as never)).rejects.toThrow(TypeError)
  })
})

describe('a chain must reach a root, or its lifetime and path length are unknown (decisions 8 and 9)', () => {
  const authority = async () => {
    const root = await createRootCa({ subject: 'CN=short root', lifetime: '10d' })
    const { csr, signer } = await createCsr({ subject: 'CN=below', key: 'P-256' })
    const { certificate } = await root.issueIntermediate(csr, { lifetime: '5d' })
    return { root: root.certificate, certificate, signer }
  }

  test('an intermediate by itself is refused, and allowed by name', async () => {
    const { root, certificate, signer } = await authority()
    await expect(CertificateAuthority.from({ certificate, signer })).rejects.toMatchObject({
      code: 'ERR_CA_CHAIN',
    })
    await expect(CertificateAuthority.from({ certificate, chain: [], signer })).rejects.toMatchObject({
      code: 'ERR_CA_CHAIN',
    })
    const known = await CertificateAuthority.from({ certificate, chain: root, signer })
    expect(known.chain.map(String)).toEqual([certificate, root].map(String))
    const anchored = await CertificateAuthority.from({ certificate, signer, anchor: 'any' })
    expect(anchored.chain.map(String)).toEqual([String(certificate)])
  })

  test('what was issued may be spread into it', async () => {
    const root = await createRootCa({ subject: 'CN=short root', lifetime: '1d' })
    const { csr, signer } = await createCsr({ subject: 'CN=below', key: 'P-256' })
    const issued = await root.issueIntermediate(csr, { lifetime: '5d' })
    expect(issued.cappedBy?.equals(root.certificate)).toBe(true)
    expect((await CertificateAuthority.from({ ...issued, signer })).chain).toHaveLength(2)
  })
})
