/**
 * AWS Private CA and AWS KMS by their real SDK over real HTTP, against moto's server.
 *
 * moto as it is knows two templates of IssueCertificate and no validity, and signs the digest of a digest; the first suite
 * says so, and that nothing wrong is handed out. The others add what is missing (`moto_completed.py`): certificates and
 * signatures are then made by Python's cryptography.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  CertificateAuthority,
  type CertificateMismatch,
  createRootCa,
  type IssuerEvent,
  requestCertificate,
} from '../../src/ca/index.ts'
import { createCsr } from '../../src/csr/index.ts'
import { awsKmsSigner, awsPrivateCaIssuer } from '../../src/issuers/aws-private-ca/index.ts'
import { checkCacerts, decodeCacerts, encodeCacerts } from '../../src/kubernetes/index.ts'
import { verifyPath } from '../../src/verify/index.ts'
import { exportPrivateKey, generateKeyPair } from '../../src/x509/index.ts'
import { refusalOfAsync } from '../fixtures/x509/refusal.ts'
import { type Moto, makeRoot, motoAvailable, startMoto } from '../support/moto.ts'
import { openssl, opensslAvailable, withTemporaryFolder } from '../support/openssl.ts'
import { requirement } from '../support/require.ts'

const ID = 'spiffe://cluster.local/ns/default/sa/web'
const CA_SUBJECT = 'L=kind2,CN=Intermediate CA,O=Example'

const issuerOf = ({ privateCa }: Moto, arn: string) =>
  awsPrivateCaIssuer({ client: privateCa, certificateAuthorityArn: arn, signingAlgorithm: 'SHA256WITHRSA' })

const fieldsOf = ({ data }: { readonly data: Readonly<Record<string, unknown>> }): readonly string[] =>
  (data['mismatches'] as readonly CertificateMismatch[]).map(({ field }) => field)

const newWorkloadCsr = () => createCsr({ key: 'P-256', subjectAltNames: [{ type: 'uri', value: ID }] })

/** The request of a cluster, whose key goes into its Secret. */
async function newCaCsr() {
  const { privateKey } = await generateKeyPair('P-256', { extractable: true })
  const { csr, signer } = await createCsr({ subject: CA_SUBJECT, key: privateKey })
  return { csr, signer, key: await exportPrivateKey(privateKey, { format: 'pkcs8' }) }
}

/** Written as a cluster's Secret, taken by istiod's checks, and read back. */
async function expectCacerts(ca: CertificateAuthority, privateKey: string): Promise<void> {
  const secret = encodeCacerts({
    certificate: ca.certificate,
    chain: ca.chain,
    roots: ca.chain.slice(-1),
    privateKey,
  })
  expect(await checkCacerts(secret)).toMatchObject({ ok: true })
  expect(decodeCacerts(secret).certificate.fingerprint()).toBe(ca.certificate.fingerprint())
}

if (requirement('moto', motoAvailable) && requirement('openssl', opensslAvailable)) {
  describe('moto as it is', () => {
    let moto: Moto
    let root: { readonly arn: string; readonly pem: string }
    beforeAll(async () => {
      moto = await startMoto('plain')
      root = await makeRoot(moto)
    }, 60_000)
    afterAll(() => moto?.stop())

    test('a workload of a year, which is all that moto makes, is taken', async () => {
      const { csr } = await newWorkloadCsr()
      const { certificate, chain } = await requestCertificate(issuerOf(moto, root.arn), {
        csr,
        id: ID,
        lifetime: { max: '365d' },
        anchors: root.pem,
      })
      expect(certificate.subjectAltNames).toEqual([{ type: 'uri', value: ID }])
      expect(chain).toHaveLength(2)
    })

    test('it leaves out the validity: a workload of a day is refused', async () => {
      const { csr } = await newWorkloadCsr()
      const wish = { csr, id: ID, lifetime: { max: '24h' }, anchors: root.pem }
      const error = await refusalOfAsync(requestCertificate(issuerOf(moto, root.arn), wish))
      expect(error.code).toBe('ERR_ISSUER_MISMATCH')
      expect(fieldsOf(error)).toEqual(['lifetime'])
    })

    test('it leaves out the templates for CAs: what it makes in their place is no CA, and is refused', async () => {
      const { csr } = await createCsr({ subject: CA_SUBJECT, key: 'P-256' })
      const wish = { csr, isCa: true, pathLength: 0, lifetime: { max: '365d' }, anchors: root.pem }
      const error = await refusalOfAsync(requestCertificate(issuerOf(moto, root.arn), wish))
      expect(error.code).toBe('ERR_ISSUER_MISMATCH')
      expect(fieldsOf(error)).toEqual(expect.arrayContaining(['isCa', 'pathLength', 'keyUsage']))
    })

    test('it leaves out passthrough: names that the CSR does not have are missing, and that is refused', async () => {
      const { csr } = await createCsr({ subject: 'CN=web', key: 'P-256' })
      const wish = { csr, id: ID, lifetime: { max: '365d' }, anchors: root.pem }
      const error = await refusalOfAsync(requestCertificate(issuerOf(moto, root.arn), wish))
      expect(error.code).toBe('ERR_ISSUER_MISMATCH')
      expect(fieldsOf(error)).toContain('subjectAltNames')
    })

    test('it hashes a digest once more: its signature is refused', async () => {
      const { KeyMetadata } = await moto.kms.createKey({ KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' })
      const signer = await awsKmsSigner({ client: moto.kms, keyId: KeyMetadata.KeyId })
      const error = await refusalOfAsync(Promise.resolve(signer.sign(new Uint8Array(8))))
      expect(error.code).toBe('ERR_SIGNER_SIGNATURE')
    })

    test('a CA that is not there: final, with the reason and no ARN', async () => {
      const { csr } = await newWorkloadCsr()
      const arn = root.arn.replace(/[^/]+$/, '00000000-0000-0000-0000-000000000000')
      const wish = { csr, id: ID, lifetime: { max: '24h' }, anchors: root.pem }
      const error = await refusalOfAsync(requestCertificate(issuerOf(moto, arn), wish))
      expect([error.code, error.data['attempts']]).toEqual(['ERR_ISSUER_FAILED', 1])
      expect(error.message).toContain('ResourceNotFoundException: Resource arn:… not found')
    })
  })

  describe('moto with what it leaves out of AWS Private CA', () => {
    let moto: Moto
    let root: { readonly arn: string; readonly pem: string }
    beforeAll(async () => {
      moto = await startMoto('completed')
      root = await makeRoot(moto)
    }, 60_000)
    afterAll(() => moto?.stop())

    test('an intermediate becomes the cacerts of a cluster, and its workloads verify here and by OpenSSL', async () => {
      const { csr, signer, key } = await newCaCsr()
      const events: IssuerEvent[] = []
      const issued = await requestCertificate(issuerOf(moto, root.arn), {
        csr,
        isCa: true,
        pathLength: 0,
        lifetime: { max: '90d', min: '90d' },
        anchors: root.pem,
        onEvent: (event) => void events.push(event),
      })
      // Sent, still being made, there.
      expect(events.map(({ type, call }) => [type, call])).toEqual([
        ['pending', 'issue'],
        ['pending', 'lookup'],
      ])
      const { notBefore, notAfter, pathLength, keyUsage } = issued.certificate
      expect(notAfter.getTime() - notBefore.getTime()).toBe((90 * 24 + 1) * 3_600_000)
      expect([pathLength, keyUsage]).toEqual([0, ['digitalSignature', 'keyCertSign', 'cRLSign']])
      const ca = await CertificateAuthority.from({ ...issued, signer })
      await expectCacerts(ca, key)
      const workload = await ca.issueWorkload((await newWorkloadCsr()).csr, { id: ID, lifetime: '24h' })
      const rules = { anchors: root.pem, intermediates: ca.certificate, purpose: 'serverAuth' } as const
      expect((await verifyPath(workload.certificate, rules)).certificates).toHaveLength(3)
      await withTemporaryFolder((folder) => {
        const [anchor, above, leaf] = [root.pem, ca.certificate.toPem(), workload.certificate.toPem()].map(
          (pem, i) => {
            const file = join(folder, `${i}.pem`)
            writeFileSync(file, pem)
            return file
          },
        )
        const args = ['verify', '-CAfile', String(anchor), '-untrusted', String(above), String(leaf)]
        expect(String(openssl(args).stdout)).toContain(': OK')
      })
    })

    test('subject, names and constraints that are not in the CSR are passed through', async () => {
      const { csr } = await createCsr({ subject: 'CN=asked', key: 'P-384' })
      const { certificate } = await requestCertificate(issuerOf(moto, root.arn), {
        csr,
        subject: CA_SUBJECT,
        subjectAltNames: [{ type: 'dns', value: 'ca.example' }],
        isCa: true,
        pathLength: 2,
        nameConstraints: { permitted: [{ type: 'uri', value: 'cluster.local' }], otherForms: 'allow' },
        lifetime: { max: '30d', min: '30d' },
        anchors: root.pem,
      })
      expect(certificate.pathLength).toBe(2)
      expect(certificate.nameConstraints?.permitted).toEqual([{ type: 'uri', value: 'cluster.local' }])
      expect(certificate.subjectAltNames).toEqual([{ type: 'dns', value: 'ca.example' }])
      const text = String(openssl(['x509', '-noout', '-text'], { input: certificate.toPem() }).stdout)
      expect(text).toMatch(/X509v3 Key Usage: critical\s+Certificate Sign, CRL Sign/)
      expect(text).toMatch(/X509v3 Name Constraints: critical\s+Permitted:\s+URI:cluster\.local/)
    })

    test('a workload of one purpose and an own usage', async () => {
      const { csr } = await newWorkloadCsr()
      const { certificate } = await requestCertificate(issuerOf(moto, root.arn), {
        csr,
        id: ID,
        subjectAltNames: [{ type: 'ip', value: '10.0.0.1' }],
        purposes: ['clientAuth', '1.3.6.1.5.5.7.3.4'],
        keyUsage: ['digitalSignature', 'keyAgreement'],
        lifetime: { max: '24h', min: '24h' },
        anchors: root.pem,
      })
      expect(certificate.keyUsage).toEqual(['digitalSignature', 'keyAgreement'])
      expect(certificate.extendedKeyUsage).toEqual(['1.3.6.1.5.5.7.3.2', '1.3.6.1.5.5.7.3.4'])
    })

    test('an answer that is lost: the same token brings the same certificate', async () => {
      const arns: (string | undefined)[] = []
      const issuer = awsPrivateCaIssuer({
        client: {
          issueCertificate: async (input, options) => {
            const answer = await moto.privateCa.issueCertificate(input, options)
            if (arns.push(answer.CertificateArn) === 1) throw new Error('socket hang up')
            return answer
          },
          getCertificate: (input, options) => moto.privateCa.getCertificate(input, options),
        },
        certificateAuthorityArn: root.arn,
        signingAlgorithm: 'SHA256WITHRSA',
      })
      const { csr } = await newWorkloadCsr()
      await requestCertificate(issuer, { csr, id: ID, lifetime: { max: '24h' }, anchors: root.pem })
      expect(arns).toEqual([arns[0], arns[0]])
      expect(arns[0]).toMatch(/\/certificate\/[0-9a-f]{32}$/)
    })

    test('a lifetime beyond that of the CA: final, with the reason', async () => {
      const { csr } = await createCsr({ subject: CA_SUBJECT, key: 'P-256' })
      const wish = { csr, isCa: true, pathLength: 0, lifetime: { max: '3650d' }, anchors: root.pem }
      const error = await refusalOfAsync(requestCertificate(issuerOf(moto, root.arn), wish))
      expect([error.code, error.data['attempts']]).toEqual(['ERR_ISSUER_FAILED', 1])
      expect(error.message).toContain('InvalidArgsException: The certificate would outlive its CA.')
    })

    test('a server that is gone: nobody knows', async () => {
      const gone = await startMoto('completed')
      const { arn, pem } = await makeRoot(gone)
      await gone.stop()
      const { csr } = await newWorkloadCsr()
      const wish = { csr, id: ID, lifetime: { max: '24h' }, anchors: pem, attempts: 1 }
      const error = await refusalOfAsync(requestCertificate(issuerOf(gone, arn), wish))
      expect(error.code).toBe('ERR_ISSUER_OUTCOME_UNKNOWN')
    })
  })

  describe('keys of AWS KMS, in moto with what it leaves out', () => {
    let moto: Moto
    beforeAll(async () => {
      moto = await startMoto('completed')
    }, 60_000)
    afterAll(() => moto?.stop())

    const makeKey = async (KeySpec: string): Promise<string> =>
      (await moto.kms.createKey({ KeySpec, KeyUsage: 'SIGN_VERIFY' })).KeyMetadata.KeyId

    test.each([
      ['ECC_NIST_P256', undefined],
      ['ECC_NIST_P384', undefined],
      ['RSA_2048', undefined],
      ['RSA_2048', 'rsa-pss-sha256'],
    ] as const)('%s (%s): a root, the cacerts of a cluster, a workload', async (spec, signatureAlgorithm) => {
      const keyId = await makeKey(spec)
      const key = await awsKmsSigner({ client: moto.kms, keyId, signatureAlgorithm })
      const root = await createRootCa({ subject: 'CN=Root CA,O=Example', lifetime: '3650d', key })
      const { csr, signer, key: pem } = await newCaCsr()
      const issued = await root.issueIntermediate(csr, { lifetime: '90d' })
      const ca = await CertificateAuthority.from({ ...issued, signer })
      await expectCacerts(ca, pem)
      const workload = await ca.issueWorkload((await newWorkloadCsr()).csr, { id: ID, lifetime: '24h' })
      const rules = {
        anchors: root.certificate,
        intermediates: ca.certificate,
        purpose: 'serverAuth',
      } as const
      expect((await verifyPath(workload.certificate, rules)).certificates).toHaveLength(3)
    })

    test('an alias, and one that leads nowhere', async () => {
      const keyId = await makeKey('ECC_NIST_P256')
      await moto.kms.createAlias({ AliasName: 'alias/mesh-root', TargetKeyId: keyId })
      const signer = await awsKmsSigner({ client: moto.kms, keyId: 'alias/mesh-root' })
      expect(await signer.sign(new Uint8Array(8))).toBeInstanceOf(Uint8Array)
      const error = await refusalOfAsync(awsKmsSigner({ client: moto.kms, keyId: 'alias/none' }))
      expect([error.code, error.data['attempts']]).toEqual(['ERR_SIGNER_FAILED', 1])
      expect(error.message).toContain('NotFoundException')
    })
  })
}
