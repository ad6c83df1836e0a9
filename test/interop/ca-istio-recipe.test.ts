import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { CertificateAuthority } from '../../src/ca/index.ts'
import { Certificate, importPrivateKey } from '../../src/x509/index.ts'
import { opensslCertificate, opensslKey, run } from '../fixtures/x509/openssl-certificate.ts'
import { refusalOfAsync } from '../fixtures/x509/refusal.ts'
import { openssl, opensslAvailable, withTemporaryFolder } from '../support/openssl.ts'
import { requirement } from '../support/require.ts'
import { ID, namesOf, request } from '../unit/ca/support.ts'
import { verify } from './ca-support.ts'

/** What the recipe of Istio's tools/certs makes (mesh-contracts §2.4), by configuration files of our own. */
interface Made {
  readonly rootPem: string
  readonly rootKey: string
  readonly caPem: string
  readonly caKey: string
  readonly chainPem: string
  readonly workloadPem: string
}

const DN = (name: string, locality?: string) =>
  `[req]\nprompt = no\nutf8 = yes\nencrypt_key = no\ndefault_md = sha256\nreq_extensions = ext\nx509_extensions = ext\ndistinguished_name = dn\n[dn]\nO = Istio\nCN = ${name}\n${locality === undefined ? '' : `L = ${locality}\n`}`
const CA_USAGE = 'critical, digitalSignature, nonRepudiation, keyEncipherment, keyCertSign'

function recipe(folder: string, { bits = 2048, rootPathLength = '' } = {}): Made {
  mkdirSync(join(folder, 'kind2'))
  const write = (name: string, text: string): void => writeFileSync(join(folder, name), text)
  const read = (name: string): string => readFileSync(join(folder, name), 'utf8')
  write(
    'root.conf',
    `${DN('Root CA')}[ext]\nsubjectKeyIdentifier = hash\nbasicConstraints = critical, CA:true${rootPathLength}\nkeyUsage = ${CA_USAGE}\n`,
  )
  write(
    'kind2/intermediate.conf',
    `${DN('Intermediate CA', 'kind2')}[ext]\nsubjectKeyIdentifier = hash\nbasicConstraints = critical, CA:true, pathlen:0\nkeyUsage = ${CA_USAGE}\nsubjectAltName = DNS:istiod.istio-system.svc\n`,
  )
  write(
    'kind2/workload.conf',
    `${DN('Workload', 'kind2')}[ext]\nsubjectKeyIdentifier = hash\nbasicConstraints = critical, CA:false\nkeyUsage = digitalSignature, keyEncipherment\nextendedKeyUsage = serverAuth, clientAuth\nsubjectAltName = URI:spiffe://cluster.local/ns/kind2/sa/default\n`,
  )
  for (const key of ['root-key.pem', 'kind2/ca-key.pem', 'kind2/key.pem'])
    run(['genrsa', '-out', key, String(bits)], '', folder)
  run(
    ['req', '-sha256', '-new', '-key', 'root-key.pem', '-config', 'root.conf', '-out', 'root.csr'],
    '',
    folder,
  )
  run(
    [
      'x509',
      '-req',
      '-sha256',
      '-days',
      '3650',
      '-signkey',
      'root-key.pem',
      '-extensions',
      'ext',
      '-extfile',
      'root.conf',
      '-in',
      'root.csr',
      '-out',
      'root-cert.pem',
    ],
    '',
    folder,
  )
  const below = (name: string, conf: string, key: string, ca: string, caKey: string, days: string): void => {
    run(['req', '-sha256', '-new', '-config', conf, '-key', key, '-out', `${name}.csr`], '', folder)
    run(
      [
        'x509',
        '-req',
        '-sha256',
        '-days',
        days,
        '-CA',
        ca,
        '-CAkey',
        caKey,
        '-CAcreateserial',
        '-extensions',
        'ext',
        '-extfile',
        conf,
        '-in',
        `${name}.csr`,
        '-out',
        `${name}.pem`,
      ],
      '',
      folder,
    )
  }
  below(
    'kind2/ca-cert',
    'kind2/intermediate.conf',
    'kind2/ca-key.pem',
    'root-cert.pem',
    'root-key.pem',
    '3650',
  )
  below(
    'kind2/workload-cert',
    'kind2/workload.conf',
    'kind2/key.pem',
    'kind2/ca-cert.pem',
    'kind2/ca-key.pem',
    '1',
  )
  return {
    rootPem: read('root-cert.pem'),
    rootKey: read('root-key.pem'),
    caPem: read('kind2/ca-cert.pem'),
    caKey: read('kind2/ca-key.pem'),
    chainPem: read('kind2/ca-cert.pem') + read('root-cert.pem'),
    workloadPem: read('kind2/workload-cert.pem'),
  }
}

/** The same key as OpenSSL 1.1 wrote it: PKCS#1. */
const pkcs1 = (pem: string): string => run(['rsa', '-traditional'], pem).toString()

if (requirement('openssl', opensslAvailable)) {
  describe("what Istio's tools/certs makes (mesh-contracts §2.4)", () => {
    test('is read as the table says', () =>
      withTemporaryFolder((folder) => {
        const made = recipe(folder)
        const [ca, root] = Certificate.listFromPem(made.chainPem)
        const workload = Certificate.fromPem(made.workloadPem)
        const oids = (certificate: Certificate | undefined) =>
          certificate?.extensions.map(({ oid, critical }) => `${oid.slice(7)}${critical ? ' (c)' : ''}`)
        // SKI 14, BC 19, KU 15, SAN 17, AKI 35, EKU 37.
        expect(oids(root)).toEqual(['14', '19 (c)', '15 (c)'])
        expect(oids(ca)).toEqual(['14', '19 (c)', '15 (c)', '17', '35'])
        expect(oids(workload)).toEqual(['14', '19 (c)', '15', '37', '17', '35'])
        expect([String(root?.subject), String(ca?.subject)]).toEqual([
          'CN=Root CA,O=Istio',
          'L=kind2,CN=Intermediate CA,O=Istio',
        ])
        expect([root?.pathLength, ca?.pathLength]).toEqual([undefined, 0])
        expect(ca?.keyUsage).toEqual(['digitalSignature', 'nonRepudiation', 'keyEncipherment', 'keyCertSign'])
      }))

    test.each([
      ['PKCS#8, as OpenSSL 3 writes it', (pem: string) => pem, 'BEGIN PRIVATE KEY'],
      ['PKCS#1, as OpenSSL 1.1 wrote it', pkcs1, 'BEGIN RSA PRIVATE KEY'],
    ])('is taken over with keys in %s; what is issued below verifies strictly', (_, form, label) =>
      withTemporaryFolder(async (folder) => {
        const made = recipe(folder)
        expect(form(made.rootKey)).toContain(label)
        const root = await CertificateAuthority.from({
          certificate: made.rootPem,
          signer: await importPrivateKey(form(made.rootKey)),
          profile: 'istio',
        })
        const ca = await CertificateAuthority.from({
          certificate: made.caPem,
          chain: made.chainPem,
          signer: await importPrivateKey(form(made.caKey)),
          profile: 'istio',
        })
        expect(ca.chain.map((certificate) => certificate.toPem()).join('')).toBe(made.chainPem)
        for (const key of ['RSA-2048', 'P-256', 'Ed25519'] as const) {
          const { certificate } = await ca.issueWorkload(await request({ key }), { id: ID, lifetime: '24h' })
          const h = { root: root.certificate, intermediate: ca.certificate, workload: certificate }
          expect(await verify(h, new Date(Date.now() + 1000))).toEqual({ status: 0, text: 'workload: OK\n' })
        }
        // A second cluster's intermediate below the same root.
        const { certificate } = await root.issueIntermediate(
          await request({ key: 'RSA-2048', subject: 'L=kind3,CN=Intermediate CA,O=Istio' }),
          {
            lifetime: '3650d',
            subjectAltNames: [{ type: 'dns', value: 'istiod.istio-system.svc' }],
          },
        )
        expect(namesOf(certificate)).toEqual(['dns:istiod.istio-system.svc'])
        expect(certificate.extensions.map(({ oid }) => oid)).toEqual(
          ca.certificate.extensions.map(({ oid }) => oid),
        )
        expect(certificate.notAfter <= root.certificate.notAfter).toBe(true)
        writeFileSync(join(folder, 'second.pem'), certificate.toPem())
        expect(
          openssl(['verify', '-x509_strict', '-CAfile', 'root-cert.pem', 'second.pem'], { cwd: folder })
            .status,
        ).toBe(0)
      }),
    )

    test("a root with pathlen:0 over the recipe's intermediate: istiod starts, we refuse (mesh-contracts §6.6, 3)", () =>
      withTemporaryFolder(async (folder) => {
        const made = recipe(folder, { rootPathLength: ', pathlen:0' })
        // OpenSSL agrees on both: the CA passes as if it were a leaf, the workload does not.
        expect(
          openssl(['verify', '-CAfile', 'root-cert.pem', 'kind2/ca-cert.pem'], { cwd: folder }).status,
        ).toBe(0)
        const leaf = openssl(
          [
            'verify',
            '-CAfile',
            'root-cert.pem',
            '-untrusted',
            'kind2/ca-cert.pem',
            'kind2/workload-cert.pem',
          ],
          { cwd: folder },
        )
        expect(leaf.stderr.toString()).toMatch(/path length constraint exceeded/)
        const error = await refusalOfAsync(
          CertificateAuthority.from({
            certificate: made.caPem,
            chain: made.chainPem,
            signer: await importPrivateKey(made.caKey),
          }),
        )
        expect([error.code, (error.cause as { code?: string }).code]).toEqual([
          'ERR_CA_DRY_RUN',
          'ERR_PATH_LENGTH',
        ])
      }))

    test("keys and certificates that do not belong together, a workload's among them", () =>
      withTemporaryFolder(async (folder) => {
        const made = recipe(folder)
        const from = async (certificate: string, key: string) =>
          CertificateAuthority.from({
            certificate,
            chain: made.chainPem,
            signer: await importPrivateKey(key),
          })
        expect((await refusalOfAsync(from(made.caPem, made.rootKey))).code).toBe('ERR_CA_KEY_MISMATCH')
        expect((await refusalOfAsync(from(made.workloadPem, made.caKey))).code).toBe('ERR_CA_NOT_CA')
        await from(made.caPem, made.caKey)
      }))

    test('a root without key usage and key identifier, as the public samples have (mesh-contracts §6.2)', () =>
      withTemporaryFolder(async (folder) => {
        const key = opensslKey('RSA-2048')
        const extensions =
          'basicConstraints = CA:TRUE\nsubjectKeyIdentifier = none\nauthorityKeyIdentifier = none'
        const certificate = opensslCertificate(folder, { key, extensions, subject: '/O=Istio/CN=Old Root' })
        const root = await CertificateAuthority.from({ certificate, signer: await importPrivateKey(key) })
        expect([root.certificate.keyUsage, root.certificate.subjectKeyIdentifier]).toEqual([
          undefined,
          undefined,
        ])
        const issued = await root.issueWorkload(await request(), { id: ID, lifetime: '24h' })
        writeFileSync(join(folder, 'root.pem'), root.certificate.toPem())
        writeFileSync(join(folder, 'leaf.pem'), issued.certificate.toPem())
        expect(openssl(['verify', '-CAfile', 'root.pem', 'leaf.pem'], { cwd: folder }).status).toBe(0)
        expect(
          openssl(['verify', '-CAfile', 'root-of-nobody.pem', 'leaf.pem'], { cwd: folder }).status,
        ).not.toBe(0)
      }))
  })
}
