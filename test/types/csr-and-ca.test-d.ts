import { type KeyObject, webcrypto, X509Certificate } from 'node:crypto'
import { describe, expectTypeOf, test } from 'vitest'
import {
  CertificateAuthority,
  type CertificateAuthorityOptions,
  type CreateRootCaOptions,
  createRootCa,
  type IssuedCertificate,
  type IssueIntermediateOptions,
  type IssueWorkloadOptions,
  type ProfileFamily,
} from '../../src/ca/index.ts'
import {
  type CreateCsrOptions,
  type CreatedCsr,
  Csr,
  createCsr,
  VerifiedCsr,
  verifyProofOfPossession,
} from '../../src/csr/index.ts'
import { SpiffeId } from '../../src/spiffe/index.ts'
import { manualClock, seededRandom } from '../../src/testing/index.ts'
import { type checkPath, VerifiedPath } from '../../src/verify/index.ts'
import { type Certificate, generateKeyPair, type PrivateKey, type Signer } from '../../src/x509/index.ts'

declare const csr: Csr
declare const certificate: Certificate
declare const ca: CertificateAuthority
declare const privateKey: PrivateKey
declare const kms: { publicKey: Uint8Array; sign(data: Uint8Array): Promise<Uint8Array>; region: string }

describe('Signer is structural (decision 3)', () => {
  test('an object of the right shape is one, with more on it or less asynchronous', () => {
    const remote = { ...kms, signatureAlgorithm: 'ecdsa-sha256' as const }
    expectTypeOf(remote).toExtend<Signer>()
    expectTypeOf<{
      publicKey: Buffer
      signatureAlgorithm: 'ed25519'
      sign: (tbs: Uint8Array) => Buffer
    }>().toExtend<Signer>()
    expectTypeOf<PrivateKey>().toExtend<Signer>()
    void createCsr({ key: remote })
    void createRootCa({ subject: 'CN=a', lifetime: '1d', key: remote })
    void CertificateAuthority.from({ certificate, signer: remote })
  })

  test('what lacks a part, or answers something else, is none', () => {
    expectTypeOf(kms).not.toExtend<Signer>()
    expectTypeOf<{
      publicKey: Uint8Array
      signatureAlgorithm: 'md5'
      sign: () => Uint8Array
    }>().not.toExtend<Signer>()
    expectTypeOf<{
      publicKey: Uint8Array
      signatureAlgorithm: 'ed25519'
      sign: () => string
    }>().not.toExtend<Signer>()
    expectTypeOf<{
      publicKey: Uint8Array
      signatureAlgorithm: 'ed25519'
      sign: () => ArrayBuffer
    }>().not.toExtend<Signer>()
    expectTypeOf<KeyObject>().not.toExtend<Signer>()
    expectTypeOf<CryptoKeyPair>().not.toExtend<CertificateAuthorityOptions['signer']>()
  })

  test('a key that is made here, or is ours, comes back as it is', async () => {
    expectTypeOf((await createCsr({ key: 'P-256' })).privateKey).toEqualTypeOf<PrivateKey>()
    expectTypeOf((await createCsr({ key: privateKey })).privateKey).toEqualTypeOf<PrivateKey>()
    const signer: Signer = privateKey
    expectTypeOf((await createCsr({ key: signer })).privateKey).toEqualTypeOf<PrivateKey | undefined>()
  })

  test('a pair of ours is taken as it is', async () => {
    void createCsr({ key: await generateKeyPair('P-256') })
    void createCsr({ key: { privateKey } })
    // @ts-expect-error RSA-1024 is no kind of key
    void createCsr({ key: 'RSA-1024' })
    // @ts-expect-error a CA is taken over with a key that exists
    void CertificateAuthority.from({ certificate, signer: 'P-256' })
  })
})

describe('names and units of options (decision 4)', () => {
  test('of createRootCa', () => {
    void createRootCa({ subject: 'CN=a', lifetime: '3650d' })
    // @ts-expect-error a lifetime has a unit
    void createRootCa({ subject: 'CN=a', lifetime: 3650 })
    // @ts-expect-error a root has a lifetime
    void createRootCa({ subject: 'CN=a' })
    // @ts-expect-error a root has a subject
    void createRootCa({ lifetime: '1d' })
    // @ts-expect-error it is called lifetime
    void createRootCa({ subject: 'CN=a', lifetime: '1d', ttl: '1d' })
    // @ts-expect-error a profile that there is
    void createRootCa({ subject: 'CN=a', lifetime: '1d', profile: 'vault' })
    // @ts-expect-error a path length is a number
    void createRootCa({ subject: 'CN=a', lifetime: '1d', pathLength: '0' })
    const url = { type: 'url', value: 'a' } as const
    // @ts-expect-error a constraint has a type that there is
    void createRootCa({ subject: 'CN=a', lifetime: '1d', nameConstraints: { permitted: [url] } })
    // @ts-expect-error instants come from a clock
    void createRootCa({ subject: 'CN=a', lifetime: '1d', clock: () => new Date() })
    void createRootCa({
      subject: [{ CN: 'a' }],
      lifetime: '1d',
      clock: manualClock(),
      random: seededRandom(1),
      signal: new AbortController().signal,
    })
    expectTypeOf<ProfileFamily>().toEqualTypeOf<'mesh' | 'istio' | 'gloo'>()
  })

  test('of issueIntermediate', () => {
    void ca.issueIntermediate(csr, { lifetime: '1d', pathLength: 'none' })
    // @ts-expect-error it is called pathLength
    void ca.issueIntermediate(csr, { lifetime: '1d', pathlen: 0 })
    // @ts-expect-error no limit is called none
    void ca.issueIntermediate(csr, { lifetime: '1d', pathLength: 'unlimited' })
    // @ts-expect-error back-dating has a unit
    void ca.issueIntermediate(csr, { lifetime: '1d', backdate: 120 })
    // @ts-expect-error identities are a workload's
    void ca.issueIntermediate(csr, { lifetime: '1d', id: 'spiffe://a/b' })
    // @ts-expect-error the options are needed
    void ca.issueIntermediate(csr)
  })

  test('of issueWorkload', () => {
    void ca.issueWorkload(csr, { id: SpiffeId.parse('spiffe://a/b'), lifetime: '1d' })
    void ca.issueWorkload(csr.toPem(), { id: 'spiffe://a/b', lifetime: '1d' })
    void ca.issueWorkload(csr.der, { id: 'spiffe://a/b', lifetime: '1d' })
    // @ts-expect-error a workload has an identity
    void ca.issueWorkload(csr, { lifetime: '1d' })
    // @ts-expect-error a URL is no SpiffeId
    void ca.issueWorkload(csr, { id: new URL('https://a.b'), lifetime: '1d' })
    // @ts-expect-error a workload is no CA
    void ca.issueWorkload(csr, { id: 'spiffe://a/b', lifetime: '1d', pathLength: 0 })
    // @ts-expect-error a certificate is no request
    void ca.issueWorkload(certificate, { id: 'spiffe://a/b', lifetime: '1d' })
  })

  test('undefined stands for absent everywhere (exactOptionalPropertyTypes)', () => {
    expectTypeOf<{
      subject: 'CN=a'
      lifetime: '1d'
      profile: undefined
      clock: undefined
      key: undefined
      crypto: undefined
      signal: undefined
    }>().toExtend<CreateRootCaOptions>()
    expectTypeOf<{
      lifetime: '1d'
      subject: undefined
      pathLength: undefined
      backdate: undefined
    }>().toExtend<IssueIntermediateOptions>()
    expectTypeOf<{
      id: 'spiffe://a/b'
      lifetime: '1d'
      subjectAltNames: undefined
      profile: undefined
    }>().toExtend<IssueWorkloadOptions>()
    expectTypeOf<{
      key: 'P-256'
      subject: undefined
      crypto: undefined
      extractable: undefined
    }>().toExtend<CreateCsrOptions>()
  })
})

describe('certificates in the shapes that other libraries hold', () => {
  test('Node, @peculiar/x509, DER and PEM', () => {
    expectTypeOf<X509Certificate>().toExtend<CertificateAuthorityOptions['certificate']>()
    expectTypeOf<{ rawData: ArrayBuffer; subject: string }>().toExtend<
      CertificateAuthorityOptions['certificate']
    >()
    expectTypeOf<Buffer>().toExtend<CertificateAuthorityOptions['certificate']>()
    expectTypeOf<readonly [string, Uint8Array, Certificate]>().toExtend<
      CertificateAuthorityOptions['chain']
    >()
    expectTypeOf<ArrayBuffer>().not.toExtend<CertificateAuthorityOptions['certificate']>()
    expectTypeOf(X509Certificate).not.toExtend<CertificateAuthorityOptions['certificate']>()
  })
})

describe('WebCrypto implementations fit the option crypto', () => {
  test("the DOM's and Node's", () => {
    expectTypeOf<Crypto>().toExtend<NonNullable<CreateCsrOptions['crypto']>>()
    expectTypeOf(globalThis.crypto).toExtend<NonNullable<CreateRootCaOptions['crypto']>>()
    expectTypeOf(webcrypto).toExtend<NonNullable<CreateCsrOptions['crypto']>>()
    void createCsr({ key: 'P-256', crypto: globalThis.crypto })
    void createCsr({ key: 'P-256', crypto: webcrypto })
    void verifyProofOfPossession(csr, { crypto: webcrypto })
  })

  test('its subtle alone, or nothing, does not', () => {
    expectTypeOf<SubtleCrypto>().not.toExtend<NonNullable<CreateCsrOptions['crypto']>>()
    expectTypeOf<object>().not.toExtend<NonNullable<CreateCsrOptions['crypto']>>()
  })
})

describe('success is a value that cannot be made otherwise (decision 5)', () => {
  test('neither by new nor by shape', () => {
    // @ts-expect-error only verifyProofOfPossession makes one
    new VerifiedCsr(csr)
    // @ts-expect-error only verifyPath makes one
    new VerifiedPath([certificate], 0)
    // @ts-expect-error only createRootCa and from make one
    new CertificateAuthority({ certificate, signer: privateKey })
    // @ts-expect-error only fromDer, fromPem and from make one
    new Csr(new Uint8Array())
    expectTypeOf<{ readonly csr: Csr }>().not.toExtend<VerifiedCsr>()
    expectTypeOf<{
      readonly certificates: readonly Certificate[]
      readonly anchor: Certificate
      readonly time: Date
      readonly leaf: Certificate
    }>().not.toExtend<VerifiedPath>()
    expectTypeOf(verifyProofOfPossession).returns.resolves.toEqualTypeOf<VerifiedCsr>()
  })

  test('a verdict has a path or an error, by its flag', () => {
    type Verdict = Awaited<ReturnType<typeof checkPath>>
    expectTypeOf<Extract<Verdict, { ok: true }>['path']>().toEqualTypeOf<VerifiedPath>()
    expectTypeOf<Extract<Verdict, { ok: false }>>().not.toHaveProperty('path')
  })
})

describe('results are read-only', () => {
  test('issued certificates, created requests, CAs', () => {
    const issued = {} as IssuedCertificate
    // @ts-expect-error read-only
    issued.certificate = certificate
    // @ts-expect-error read-only
    issued.chain.push(certificate)
    // @ts-expect-error read-only
    ca.chain[0] = certificate
    // @ts-expect-error read-only
    ca.signer = privateKey
    // @ts-expect-error read-only
    csr.subjectAltNames.push({ type: 'dns', value: 'a' })
    // @ts-expect-error read-only
    csr.der = new Uint8Array()
    const made = {} as CreatedCsr
    expectTypeOf(made.privateKey).toEqualTypeOf<PrivateKey | undefined>()
    // @ts-expect-error read-only
    made.signer = privateKey
    expectTypeOf(issued.cappedBy).toEqualTypeOf<Certificate | undefined>()
  })
})
