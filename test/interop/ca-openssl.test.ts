import { describe, expect, test } from 'vitest'
import type { ProfileFamily } from '../../src/ca/index.ts'
import type { Certificate, KeyAlgorithm } from '../../src/x509/index.ts'
import { run } from '../fixtures/x509/openssl-certificate.ts'
import { opensslAvailable } from '../support/openssl.ts'
import { requirement } from '../support/require.ts'
import { below, HOUR, ID, NOW, opensslText, request, rootCa } from '../unit/ca/support.ts'
import { verify } from './ca-support.ts'

const PROFILES: readonly ProfileFamily[] = ['mesh', 'istio', 'gloo']
const KINDS: readonly KeyAlgorithm[] = ['P-256', 'P-384', 'P-521', 'Ed25519', 'RSA-2048']
const SAN = 'istiod.istio-system.svc'

const hierarchy = async (profile: ProfileFamily, key: KeyAlgorithm) => {
  const root = await rootCa({ profile, key })
  const ca = await below(root, { key, subjectAltNames: [{ type: 'dns', value: SAN }] }, { profile })
  const { certificate } = await ca.issueWorkload(await request({ key }), { id: ID, lifetime: '24h' })
  return { root: root.certificate, intermediate: ca.certificate, workload: certificate }
}

/** Extensions as `openssl x509 -text` shows them: title, criticality and the line below. */
function extensionsOf(certificate: Certificate): readonly string[] {
  const text = run(['x509', '-noout', '-text'], certificate.toPem()).toString()
  const block = /X509v3 extensions:\n([\s\S]*?)\n {4}Signature Algorithm/.exec(text)?.[1] ?? ''
  return [...block.matchAll(/^ {12}X509v3 ([^\n]+?): ?(critical)?\n {16}([^\n]*)$/gm)].map(
    ([, title = '', critical, value = '']) => `${title}${critical ? ' (c)' : ''}: ${value.trim()}`,
  )
}

const colons = (hex = ''): string => hex.toUpperCase().replace(/..(?=.)/g, '$&:')
const encipher = (kind: KeyAlgorithm, profile: ProfileFamily): string =>
  profile !== 'mesh' || kind.startsWith('RSA') ? 'Digital Signature, Key Encipherment' : 'Digital Signature'

/** The tables of mesh-contracts §1.4, §2.4, §2.7 and §6.2 in the order of emission; `mesh` by RFC 5280. */
function expected(profile: ProfileFamily, kind: KeyAlgorithm, h: Awaited<ReturnType<typeof hierarchy>>) {
  const ski = (certificate: Certificate): string =>
    `Subject Key Identifier: ${colons(certificate.subjectKeyIdentifier)}`
  const aki = (issuer: Certificate): string =>
    `Authority Key Identifier: ${colons(issuer.subjectKeyIdentifier)}`
  const bc = (value: string): string => `Basic Constraints (c): ${value}`
  const ku = {
    mesh: 'Key Usage (c): Certificate Sign, CRL Sign',
    istio: 'Key Usage (c): Digital Signature, Non Repudiation, Key Encipherment, Certificate Sign',
    gloo: 'Key Usage (c): Certificate Sign',
  }[profile]
  const leafUsage = `Key Usage (c): ${encipher(kind, profile)}`
  const eku = 'Extended Key Usage: TLS Web Server Authentication, TLS Web Client Authentication'
  const uri = `Subject Alternative Name (c): URI:${ID}`
  const dns = `Subject Alternative Name: DNS:${SAN}`
  const { root, intermediate, workload } = h
  const leafOfGo = [leafUsage, eku, bc('CA:FALSE'), aki(intermediate), uri]
  switch (profile) {
    case 'mesh':
      return {
        root: [bc('CA:TRUE'), ku, ski(root)],
        intermediate: [bc('CA:TRUE, pathlen:0'), ku, ski(intermediate), aki(root), dns],
        workload: [bc('CA:FALSE'), leafUsage, eku, ski(workload), aki(intermediate), uri],
      }
    case 'istio':
      return {
        root: [ski(root), bc('CA:TRUE'), ku],
        intermediate: [ski(intermediate), bc('CA:TRUE, pathlen:0'), ku, dns, aki(root)],
        workload: leafOfGo,
      }
    case 'gloo':
      return {
        root: [ku, bc('CA:TRUE'), ski(root)],
        intermediate: [ku, bc('CA:TRUE'), ski(intermediate), aki(root), dns.replace(':', ' (c):')],
        workload: leafOfGo,
      }
  }
}

const SIGNATURES: Readonly<Record<string, string>> = {
  'P-256': 'ecdsa-with-SHA256',
  'P-384': 'ecdsa-with-SHA384',
  'P-521': 'ecdsa-with-SHA512',
  Ed25519: 'ED25519',
  'RSA-2048': 'sha256WithRSAEncryption',
  'RSA-4096': 'sha256WithRSAEncryption',
}

if (requirement('openssl', opensslAvailable)) {
  describe.each(PROFILES)('profile %s', (profile) => {
    test.each(KINDS)(
      '%s: OpenSSL shows the fields of the reference table and verifies strictly',
      async (kind) => {
        const made = await hierarchy(profile, kind)
        const table = expected(profile, kind, made)
        for (const name of ['root', 'intermediate', 'workload'] as const) {
          expect(extensionsOf(made[name])).toEqual(table[name])
          const lines = opensslText(made[name])
          expect(lines).toContain('Version: 3 (0x2)')
          expect(lines.filter((line) => line === `Signature Algorithm: ${SIGNATURES[kind]}`)).toHaveLength(2)
          // 16 octets, the first from 40 to 7f: positive without a leading zero.
          expect(lines[lines.indexOf('Serial Number:') + 1]).toMatch(/^[4-7][0-9a-f](:[0-9a-f]{2}){15}$/)
          expect(lines).toContain('Not Before: Dec 31 23:58:00 2025 GMT')
          expect(lines.join('\n')).not.toMatch(/Serial Number:.*Negative/)
        }
        expect(opensslText(made.root)).toContain('Not After : Dec 30 00:00:00 2035 GMT')
        expect(opensslText(made.intermediate)).toContain('Subject: L=kind2,CN=Intermediate CA,O=Istio')
        expect(opensslText(made.intermediate)).toContain('Issuer: CN=Root CA,O=Istio')
        expect(opensslText(made.workload)).toContain('Not After : Jan  2 00:00:00 2026 GMT')
        expect(await verify(made, NOW)).toEqual({ status: 0, text: 'workload: OK\n' })
        for (const purpose of ['sslserver', 'sslclient'])
          expect((await verify(made, NOW, '-purpose', purpose)).status).toBe(0)
      },
    )
  })

  test('RSA-4096, as the CAs of Istio and Gloo Mesh have it', async () => {
    const made = await hierarchy('istio', 'RSA-4096')
    expect(opensslText(made.root)).toContain('Public-Key: (4096 bit)')
    expect((await verify(made, NOW)).status).toBe(0)
  })

  test("the verdict is OpenSSL's: another root, another time, a changed byte are refused", async () => {
    const made = await hierarchy('mesh', 'P-256')
    const other = await hierarchy('mesh', 'P-256')
    expect((await verify(made, NOW)).status).toBe(0)
    expect((await verify({ ...made, root: other.root }, NOW)).status).not.toBe(0)
    expect((await verify({ ...made, intermediate: other.intermediate }, NOW)).status).not.toBe(0)
    expect((await verify(made, new Date(NOW.getTime() + 25 * HOUR * 1000))).text).toMatch(/expired/)
  })

  test.each([
    ['dns', 'example.com', { subjectAltNames: [{ type: 'dns', value: 'a.example.com' }] }, 'DNS:example.com'],
    ['ip', '10.0.0.0/8', { subjectAltNames: [{ type: 'ip', value: '10.1.2.3' }] }, 'IP:10.0.0.0/255.0.0.0'],
    [
      'email',
      'example.com',
      { subjectAltNames: [{ type: 'email', value: 'a@example.com' }] },
      'email:example.com',
    ],
    ['uri', 'cluster.local', {}, 'URI:cluster.local'],
    ['directory', 'O=Istio', { subject: 'CN=w,O=Istio' }, 'DirName:O = Istio'],
  ] as const)('name constraints: %s', async (type, value, names, shown) => {
    const root = await rootCa({
      key: 'P-256',
      nameConstraints: {
        permitted: [{ type, value }],
        excluded: [{ type: 'dns', value: 'evil.example' }],
        otherForms: 'allow',
      },
    })
    const ca = await below(root, { key: 'P-256' })
    const { certificate } = await ca.issueWorkload(await request(), { id: ID, lifetime: '24h', ...names })
    const text = opensslText(root.certificate)
    expect(text).toContain('X509v3 Name Constraints: critical')
    expect(text).toContain(shown)
    const made = { root: root.certificate, intermediate: ca.certificate, workload: certificate }
    expect(await verify(made, NOW)).toEqual({ status: 0, text: 'workload: OK\n' })
  })
}
