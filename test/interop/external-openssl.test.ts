/**
 * OpenSSL as an external issuer, run as its users run it: `openssl x509 -req` and `openssl ca`.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  CertificateAuthority,
  type CertificateMismatch,
  type ExternalIssuer,
  IssuerFailure,
  type IssuerRequest,
  requestCertificate,
} from '../../src/ca/index.ts'
import { createCsr } from '../../src/csr/index.ts'
import { verifyPath } from '../../src/verify/index.ts'
import { formatGeneralName, type GeneralName } from '../../src/x509/index.ts'
import { refusalOfAsync } from '../fixtures/x509/refusal.ts'
import { openssl, opensslAvailable, withTemporaryFolder } from '../support/openssl.ts'
import { requirement } from '../support/require.ts'

const ID = 'spiffe://cluster.local/ns/default/sa/reviews'
const INTERMEDIATE = 'L=kind2,CN=Intermediate CA,O=Example'

/** A folder that stays for the whole suite. */
function folderOfSuite(): () => string {
  let folder = ''
  let release: (() => void) | undefined
  let done: Promise<void> | undefined
  beforeAll(async () => {
    await new Promise<void>((opened) => {
      done = withTemporaryFolder(async (path) => {
        folder = path
        opened()
        await new Promise<void>((resolve) => {
          release = resolve
        })
      })
    })
  })
  afterAll(async () => {
    release?.()
    await done
  })
  return () => folder
}

function run(folder: string, ...args: readonly string[]): string {
  const { status, stdout, stderr } = openssl(args, { cwd: folder })
  if (status !== 0)
    throw new IssuerFailure(`openssl ${args[0]}: ${stderr.toString().trim()}`, {
      retryable: false,
      outcome: 'failed',
    })
  return stdout.toString()
}

/** The extensions of an intent, as OpenSSL's configuration writes them. */
function extensionsOf({ intent }: IssuerRequest): string {
  const name = (value: GeneralName): string => formatGeneralName(value)
  return [
    `basicConstraints=critical,CA:${intent.isCa}${intent.pathLength === 'none' ? '' : `,pathlen:${intent.pathLength}`}`,
    `keyUsage=critical,${intent.keyUsage.join(',')}`,
    ...(intent.extendedKeyUsage.length === 0
      ? []
      : [`extendedKeyUsage=${intent.extendedKeyUsage.join(',')}`]),
    ...(intent.subjectAltNames.length === 0
      ? []
      : [
          `subjectAltName=${intent.subject.isEmpty ? 'critical,' : ''}${intent.subjectAltNames.map(name).join(',')}`,
        ]),
  ].join('\n')
}

if (requirement('openssl', opensslAvailable)) {
  const folderOf = folderOfSuite()
  const readRoot = (): string => readFileSync(join(folderOf(), 'root.pem'), 'utf8')

  beforeAll(() => {
    const folder = folderOf()
    run(folder, ...'ecparam -name prime256v1 -genkey -noout -out root.key'.split(' '))
    const root =
      'req -x509 -new -key root.key -sha256 -days 3650 -out root.pem -subj /O=Example/CN=Root'.split(' ')
    run(folder, ...root, '-addext', 'keyUsage=critical,keyCertSign,cRLSign')
    writeFileSync(join(folder, 'index.txt'), '')
    writeFileSync(join(folder, 'serial'), '1000\n')
    writeFileSync(
      join(folder, 'ca.cnf'),
      [
        '[ca]',
        'default_ca=mesh',
        '[mesh]',
        'database=index.txt',
        'serial=serial',
        'new_certs_dir=.',
        'certificate=root.pem',
        'private_key=root.key',
        'default_md=sha256',
        'policy=any',
        'unique_subject=no',
        '[any]',
        ...['localityName', 'commonName', 'organizationName'].map((field) => `${field}=optional`),
      ].join('\n'),
    )
  })

  /** `openssl x509 -req`; lifetimes are whole days. */
  const byX509 = (change: (extensions: string) => string = (text) => text): ExternalIssuer => ({
    name: 'openssl x509 -req',
    issue: async (request) => {
      const folder = folderOf()
      const { requestId, csr, intent } = request
      writeFileSync(join(folder, `${requestId}.csr`), csr.toPem())
      writeFileSync(join(folder, `${requestId}.ext`), change(extensionsOf(request)))
      const days = String(intent.lifetimeMs / 86_400_000)
      const args = `x509 -req -in ${requestId}.csr -CA root.pem -CAkey root.key -CAcreateserial -sha256 -days ${days} -extfile ${requestId}.ext`
      return { certificate: run(folder, ...args.split(' ')), chain: readRoot() }
    },
  })

  /** `openssl ca`, which keeps a database: a request that was signed is found again. */
  const byCa = (lose: (requestId: string) => Promise<void>): ExternalIssuer => ({
    name: 'openssl ca',
    issue: async (request) => {
      const folder = folderOf()
      const { requestId, csr, intent } = request
      writeFileSync(join(folder, `${requestId}.csr`), csr.toPem())
      writeFileSync(join(folder, `${requestId}.ext`), extensionsOf(request))
      const days = String(intent.lifetimeMs / 86_400_000)
      const args = `ca -batch -notext -preserveDN -config ca.cnf -in ${requestId}.csr -out ${requestId}.pem -days ${days} -extfile ${requestId}.ext`
      run(folder, ...args.split(' '))
      await lose(requestId)
      return { certificate: readFileSync(join(folder, `${requestId}.pem`), 'utf8'), chain: [] }
    },
    lookup: async (requestId) => {
      const path = join(folderOf(), `${requestId}.pem`)
      return existsSync(path) ? { certificate: readFileSync(path, 'utf8'), chain: [] } : undefined
    },
  })
  const loseNothing = async (): Promise<void> => {}

  describe('OpenSSL as an external issuer', () => {
    test.each(['x509 -req', 'ca'])(
      'openssl %s makes an intermediate, below which workloads verify',
      async (how) => {
        const { csr, signer } = await createCsr({ subject: INTERMEDIATE, key: 'P-256' })
        const issuer = how === 'ca' ? byCa(loseNothing) : byX509()
        const keyUsage = ['keyCertSign', 'cRLSign'] as const
        const issued = await requestCertificate(issuer, {
          csr,
          isCa: true,
          pathLength: 0,
          keyUsage,
          lifetime: { max: '90d', min: '89d' },
          anchors: readRoot(),
        })
        const ca = await CertificateAuthority.from({ ...issued, signer })
        const { csr: asked } = await createCsr({ key: 'P-256' })
        const { certificate } = await ca.issueWorkload(asked, { id: ID, lifetime: '1h' })
        const folder = folderOf()
        writeFileSync(join(folder, 'leaf.pem'), certificate.toPem())
        writeFileSync(join(folder, 'above.pem'), issued.certificate.toPem())
        const verify = 'verify -x509_strict -CAfile root.pem -untrusted above.pem leaf.pem'
        expect(run(folder, ...verify.split(' '))).toContain('OK')
      },
    )

    test('a workload certificate', async () => {
      const { csr } = await createCsr({ subject: 'CN=reviews', key: 'P-256' })
      const { certificate, chain } = await requestCertificate(byX509(), {
        csr,
        id: ID,
        subjectAltNames: [{ type: 'dns', value: 'reviews.example' }],
        lifetime: { max: '1d' },
        anchors: readRoot(),
      })
      await verifyPath(certificate, { anchors: chain.slice(-1), purpose: 'serverAuth', name: { uri: ID } })
    })

    test('a certificate whose way back was lost is found, not made again', async () => {
      const { csr } = await createCsr({ subject: 'CN=lost', key: 'P-256' })
      const lost: string[] = []
      const issuer = byCa(async (requestId) => {
        lost.push(requestId)
        throw new Error('connection reset')
      })
      const { certificate } = await requestCertificate(issuer, {
        csr,
        id: ID,
        lifetime: { max: '1d' },
        anchors: readRoot(),
      })
      const made = readFileSync(join(folderOf(), 'index.txt'), 'utf8')
        .split('\n')
        .filter((line) => line.endsWith('/CN=lost'))
      expect([lost.length, made.length]).toEqual([1, 1])
      expect(made[0]?.split('\t')[3]?.toLowerCase()).toBe(certificate.serialNumber)
    })

    test.each<[string, (extensions: string) => string, readonly string[]]>([
      ['a CA where a workload was asked', (text) => text.replace('CA:false', 'CA:true'), ['isCa']],
      ['a name more', (text) => `${text},DNS:evil.example`, ['subjectAltNames']],
      [
        'another purpose',
        (text) => text.replace(/extendedKeyUsage=.*/, 'extendedKeyUsage=codeSigning'),
        ['extendedKeyUsage', 'chain'],
      ],
      ['no extensions', () => '', ['subjectAltNames', 'keyUsage', 'extendedKeyUsage']],
    ])('%s is refused', async (_, change, fields) => {
      const { csr } = await createCsr({ subject: 'CN=reviews', key: 'P-256' })
      const wish = { csr, id: ID, lifetime: { max: '1d' }, anchors: readRoot() }
      const error = await refusalOfAsync(requestCertificate(byX509(change), wish))
      expect(error.code).toBe('ERR_ISSUER_MISMATCH')
      expect((error.data['mismatches'] as CertificateMismatch[]).map(({ field }) => field)).toEqual(fields)
    })

    test('what OpenSSL says of a broken configuration reaches the caller', async () => {
      const { csr } = await createCsr({ subject: 'CN=reviews', key: 'P-256' })
      const wish = { csr, id: ID, lifetime: { max: '1d' }, anchors: readRoot() }
      const error = await refusalOfAsync(
        requestCertificate(
          byX509(() => 'keyUsage=everything'),
          wish,
        ),
      )
      expect([error.code, error.message]).toEqual([
        'ERR_ISSUER_FAILED',
        expect.stringMatching(/openssl x509/),
      ])
    })
  })
}
