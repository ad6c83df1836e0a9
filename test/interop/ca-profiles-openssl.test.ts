import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import {
  CertificateAuthority,
  type CertificateProfileName,
  createRootCa,
  glooIssuer,
  type IdentityInput,
  type IssuancePolicyInput,
  PROFILES,
} from '../../src/ca/index.ts'
import { createCsr } from '../../src/csr/index.ts'
import { Certificate, type NameInput } from '../../src/x509/index.ts'
import { run } from '../fixtures/x509/openssl-certificate.ts'
import { openssl, opensslAvailable, withTemporaryFolder } from '../support/openssl.ts'
import { requirement } from '../support/require.ts'

/**
 * The originals of mesh-contracts §1.4, §1.5, §1.8, §2.4, §2.5 and §2.7 as OpenSSL configurations of our own: one section of
 * extensions each, in the order in which the original writes them. OpenSSL appends both key identifiers by itself where the
 * section has none, which is what the recipes rely on.
 */
interface Original {
  readonly profile: CertificateProfileName
  readonly dn: readonly (readonly [string, string])[]
  readonly ext: readonly string[]
  readonly days: number
  readonly issuer?: string
  readonly subject?: NameInput
  readonly identities?: readonly IdentityInput[]
}

const CA_USAGE = 'critical, digitalSignature, nonRepudiation, keyEncipherment, keyCertSign'
const WORKLOAD = 'spiffe://cluster.local/ns/kind2/sa/default'
const HOST = 'spiffe://kind2/ns/istio-system/sa/istiod-service-account'
const uri = (value: string) => ({ type: 'uri', value }) as const
const dns = (value: string) => ({ type: 'dns', value }) as const

const ROOT: readonly (readonly [string, string])[] = [
  ['O', 'Istio'],
  ['CN', 'Root CA'],
]
const ORIGINALS: Readonly<Record<string, Original>> = {
  // Istio tools/certs.
  'tools root': {
    profile: 'istio-tools-root',
    dn: ROOT,
    ext: [
      'subjectKeyIdentifier = hash',
      'authorityKeyIdentifier = none',
      'basicConstraints = critical, CA:true',
      `keyUsage = ${CA_USAGE}`,
    ],
    days: 3650,
  },
  'tools intermediate': {
    profile: 'istio-tools-intermediate',
    issuer: 'tools root',
    dn: [
      ['O', 'Istio'],
      ['CN', 'Intermediate CA'],
      ['L', 'kind2'],
    ],
    ext: [
      'subjectKeyIdentifier = hash',
      'basicConstraints = critical, CA:true, pathlen:0',
      `keyUsage = ${CA_USAGE}`,
      'subjectAltName = DNS:istiod.istio-system.svc',
    ],
    days: 3650,
    identities: [dns('istiod.istio-system.svc')],
  },
  'tools workload': {
    profile: 'istio-tools-workload',
    issuer: 'tools intermediate',
    dn: [
      ['O', 'Istio'],
      ['CN', 'Workload'],
      ['L', 'kind2'],
    ],
    ext: [
      'subjectKeyIdentifier = hash',
      'basicConstraints = critical, CA:false',
      'keyUsage = digitalSignature, keyEncipherment',
      'extendedKeyUsage = serverAuth, clientAuth',
      `subjectAltName = URI:${WORKLOAD}`,
    ],
    days: 1,
    identities: [uri(WORKLOAD)],
  },
  // istiod's self-signed CA and what it signs (Go's order).
  'istiod root': {
    profile: 'istiod-root',
    dn: [['O', 'cluster.local']],
    ext: [
      'keyUsage = critical, keyCertSign',
      'basicConstraints = critical, CA:true',
      'subjectKeyIdentifier = hash',
      'authorityKeyIdentifier = none',
    ],
    days: 3650,
  },
  'istiod workload': {
    profile: 'istiod-workload',
    issuer: 'istiod root',
    dn: [],
    ext: [
      'keyUsage = critical, digitalSignature, keyEncipherment',
      'extendedKeyUsage = serverAuth, clientAuth',
      'basicConstraints = critical, CA:false',
      'subjectKeyIdentifier = none',
      'authorityKeyIdentifier = keyid',
      `subjectAltName = critical, URI:${WORKLOAD}`,
    ],
    days: 1,
    identities: [uri(WORKLOAD)],
  },
  'istiod intermediate': {
    profile: 'istiod-intermediate',
    issuer: 'istiod root',
    dn: [['O', 'remote']],
    ext: [
      'keyUsage = critical, keyCertSign',
      'basicConstraints = critical, CA:true',
      'subjectKeyIdentifier = hash',
      'authorityKeyIdentifier = keyid',
      `subjectAltName = critical, URI:${HOST}`,
    ],
    days: 1,
    identities: [uri(HOST)],
  },
  // Gloo Mesh's generated root and its intermediates.
  'gloo root': {
    profile: 'gloo-root',
    dn: [['O', 'gloo-mesh']],
    ext: [
      'keyUsage = critical, keyCertSign',
      'basicConstraints = critical, CA:true',
      'subjectKeyIdentifier = hash',
      'authorityKeyIdentifier = none',
    ],
    days: 365,
  },
  'gloo intermediate': {
    profile: 'gloo-intermediate',
    issuer: 'gloo root',
    dn: [
      ['O', 'Istio'],
      ['OU', 'istiod-istio-system-kind2'],
    ],
    ext: [
      'keyUsage = critical, keyCertSign',
      'basicConstraints = critical, CA:true',
      'subjectKeyIdentifier = hash',
      'authorityKeyIdentifier = keyid',
      `subjectAltName = critical, URI:${HOST}`,
    ],
    days: 365,
    identities: [uri(HOST)],
  },
  'gloo legacy intermediate': {
    profile: 'gloo-legacy-intermediate',
    issuer: 'gloo root',
    dn: [],
    ext: [
      'keyUsage = critical, keyCertSign',
      'basicConstraints = critical, CA:true',
      'subjectKeyIdentifier = hash',
      'authorityKeyIdentifier = keyid',
      `subjectAltName = critical, URI:${HOST}`,
    ],
    days: 365,
    identities: [uri(HOST)],
  },
  // The relay of Gloo Mesh.
  'relay root': {
    profile: 'gloo-relay-root',
    dn: [['CN', 'relay-root-ca']],
    ext: [
      'subjectKeyIdentifier = hash',
      'authorityKeyIdentifier = keyid:always',
      'basicConstraints = critical, CA:true',
    ],
    days: 3650,
  },
  'relay server': {
    profile: 'gloo-relay-server',
    issuer: 'relay root',
    dn: [['CN', 'relay-server']],
    ext: [
      'basicConstraints = CA:FALSE',
      'keyUsage = digitalSignature, keyEncipherment',
      'extendedKeyUsage = clientAuth, serverAuth',
      'subjectAltName = DNS:*.gloo-mesh',
    ],
    days: 3650,
    identities: [dns('*.gloo-mesh')],
  },
  'relay signing CA': {
    profile: 'gloo-relay-signing',
    issuer: 'relay root',
    dn: [['CN', 'relay-tls-signing-ca']],
    ext: [
      'basicConstraints = critical, CA:TRUE',
      'keyUsage = digitalSignature, keyEncipherment, keyCertSign',
      'extendedKeyUsage = clientAuth, serverAuth',
      'subjectAltName = DNS:*.gloo-mesh',
    ],
    days: 3650,
    identities: [dns('*.gloo-mesh')],
  },
  'relay client': {
    profile: 'gloo-relay-client',
    issuer: 'relay signing CA',
    dn: [['CN', 'kind2']],
    ext: [
      'basicConstraints = CA:FALSE',
      'keyUsage = digitalSignature, keyEncipherment',
      'extendedKeyUsage = clientAuth, serverAuth',
      'subjectAltName = DNS:kind2',
    ],
    days: 365,
    identities: [dns('kind2')],
  },
}

/** What the recipe makes, and the key and CA that signed it. */
interface Made {
  readonly pem: string
  readonly key: string
}

function configuration({ dn, ext }: Original): string {
  const names = dn.map(([type, value]) => `${type} = ${value}\n`).join('')
  return `[req]\nprompt = no\nutf8 = yes\nencrypt_key = no\nstring_mask = utf8only\ndistinguished_name = dn\n[dn]\n${names}[ext]\n${ext.join('\n')}\n`
}

/** OpenSSL makes the original, its issuers first. */
function make(name: string, folder: string, made: Map<string, Made>): Made {
  const before = made.get(name)
  if (before !== undefined) return before
  const original = ORIGINALS[name]
  if (original === undefined) throw new Error(name)
  const file = name.replaceAll(' ', '-')
  writeFileSync(join(folder, `${file}.conf`), configuration(original))
  const key = run(['genrsa', '2048'], '', folder).toString()
  writeFileSync(join(folder, `${file}.key`), key)
  const subject = original.dn.length === 0 ? ['-subj', '/'] : []
  run(
    [
      'req',
      '-new',
      '-sha256',
      '-config',
      `${file}.conf`,
      '-key',
      `${file}.key`,
      '-out',
      `${file}.csr`,
      ...subject,
    ],
    '',
    folder,
  )
  const days = ['-days', String(original.days)]
  const ext = ['-extfile', `${file}.conf`, '-extensions', 'ext']
  let signer: readonly string[]
  if (original.issuer === undefined) signer = ['-signkey', `${file}.key`]
  else {
    make(original.issuer, folder, made)
    const issuer = original.issuer.replaceAll(' ', '-')
    signer = ['-CA', `${issuer}.crt`, '-CAkey', `${issuer}.key`, '-CAcreateserial']
  }
  run(
    ['x509', '-req', '-sha256', '-in', `${file}.csr`, '-out', `${file}.crt`, ...days, ...ext, ...signer],
    '',
    folder,
  )
  const result = { key, pem: run(['x509', '-in', `${file}.crt`], '', folder).toString() }
  made.set(name, result)
  return result
}

/** Ours, by the same steps. */
async function ours(name: string, done: Map<string, CertificateAuthority>): Promise<Certificate> {
  const original = ORIGINALS[name]
  if (original === undefined) throw new Error(name)
  const { profile, dn, days } = original
  const subject = dn.map(([type, value]) => ({ [type]: value }))
  const lifetime = `${days}d`
  if (original.issuer === undefined) {
    const root = await createRootCa({ subject, lifetime, key: 'RSA-2048', profile })
    done.set(name, root)
    return root.certificate
  }
  if (!done.has(original.issuer)) await ours(original.issuer, done)
  const issuer = done.get(original.issuer)
  if (issuer === undefined) throw new Error(original.issuer)
  const { csr, signer } = await createCsr({ subject, key: 'RSA-2048' })
  const policy: IssuancePolicyInput = {
    name: profile,
    profile,
    names: { wildcards: true },
    subject: { from: 'request', attributes: 'any' },
    lifetime: { max: lifetime },
  }
  const issued = await issuer.sign(csr, policy, { identities: original.identities ?? [], lifetime })
  if (issued.certificate.isCa) done.set(name, await CertificateAuthority.from({ ...issued, signer }))
  return issued.certificate
}

/** Every field that a recipe decides, the string types of names aside (OpenSSL's are UTF8String): names, extensions with their values, validity in days, algorithm, key size. */
function fields(certificate: Certificate): unknown {
  const days = Math.round((certificate.notAfter.getTime() - certificate.notBefore.getTime()) / 86_400_000)
  const isKeyIdentifier = (oid: string): boolean => oid === '2.5.29.14' || oid === '2.5.29.35'
  return {
    version: 3,
    subject: String(certificate.subject),
    issuer: String(certificate.issuer),
    days,
    signature: certificate.signatureAlgorithm,
    key: certificate.publicKeyType,
    extensions: certificate.extensions.map(({ oid, critical, value }) => [
      oid,
      critical,
      // Their octets depend on the key; their length and place do not.
      isKeyIdentifier(oid) ? value.length : Buffer.from(value).toString('hex'),
    ]),
  }
}

if (requirement('openssl', opensslAvailable)) {
  describe('every certificate of the field equals its original, field by field', () => {
    test.each(Object.keys(ORIGINALS))('%s', (name) =>
      withTemporaryFolder(async (folder) => {
        const made = make(name, folder, new Map())
        const certificate = await ours(name, new Map())
        expect(fields(certificate)).toEqual(fields(Certificate.fromPem(made.pem)))
      }),
    )

    test('and every original has a profile', () => {
      const covered = new Set(Object.values(ORIGINALS).map(({ profile }) => profile))
      const others = Object.keys(PROFILES).filter((name) => !covered.has(name as CertificateProfileName))
      expect(others).toEqual(['mesh-root', 'mesh-intermediate', 'mesh-workload', 'spire-workload'])
    })
  })

  test("Gloo Mesh's issuer, legacy and final: what is signed below verifies; OpenSSL's strict rules find what is known of the legacy form", () =>
    withTemporaryFolder(async (folder) => {
      const root = await createRootCa({
        subject: 'O=gloo-mesh',
        lifetime: '365d',
        key: 'RSA-2048',
        profile: 'gloo',
      })
      const verify = async (release: 'final' | 'legacy', ...more: readonly string[]): Promise<string> => {
        const { csr, signer } = await createCsr({
          subject: [{ O: 'Istio' }, { OU: 'istiod-istio-system-kind2' }],
          key: 'RSA-2048',
        })
        const issued = await root.sign(csr, glooIssuer({ release }), { identities: [HOST] })
        const ca = await CertificateAuthority.from({ ...issued, signer, profile: 'istio' })
        const { certificate } = await ca.issueWorkload((await createCsr({ key: 'P-256' })).csr, {
          id: WORKLOAD,
          lifetime: '1h',
        })
        const files = { root: root.certificate, ca: ca.certificate, leaf: certificate }
        for (const [name, { toPem }] of Object.entries(files))
          writeFileSync(join(folder, name), toPem.call(files[name as 'root']))
        const { stdout, stderr } = openssl(
          ['verify', ...more, '-CAfile', 'root', '-untrusted', 'ca', 'leaf'],
          { cwd: folder },
        )
        return `${stdout}${stderr}`
      }
      expect(await verify('final', '-x509_strict')).toBe('leaf: OK\n')
      expect(await verify('legacy')).toBe('leaf: OK\n')
      // 83: the issuer name is empty; 84: the subject is.
      expect(await verify('legacy', '-x509_strict')).toMatch(/error 8[34] /)
    }))
}
