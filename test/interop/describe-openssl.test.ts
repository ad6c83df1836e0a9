import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { memoryRevocationStore } from '../../src/ca/index.ts'
import { createCsr } from '../../src/csr/index.ts'
import { type CertificateDescription, describe as tell } from '../../src/inspect/index.ts'
import { createTestHierarchy } from '../../src/testing/index.ts'
import type { Certificate, KeyAlgorithm } from '../../src/x509/index.ts'
import { openssl, opensslAvailable, withTemporaryFolder } from '../support/openssl.ts'
import { requirement } from '../support/require.ts'
import { ID, NOW, request, rootCa } from '../unit/ca/support.ts'

const time = new Date('2026-03-01T00:00:00Z')

if (requirement('openssl', opensslAvailable)) {
  /** What OpenSSL prints of something that it reads, without its final line end. */
  const says = (command: string, der: Uint8Array, ...args: readonly string[]): string => {
    const { status, stdout, stderr } = openssl([command, '-inform', 'DER', '-noout', ...args], { input: der })
    if (status !== 0) throw new Error(stderr.toString('utf8'))
    return stdout.toString('utf8').trim()
  }
  /** What stands behind the first equals sign. */
  const after = (line: string): string => line.slice(line.indexOf('=') + 1)
  /** `2026-03-01T00:00:00Z`, of either form in which OpenSSL prints an instant. */
  const instant = (line: string): string => new Date(after(line)).toISOString().replace('.000Z', 'Z')

  const fieldsOf = (certificate: Certificate) => {
    const field = (...args: readonly string[]) => says('x509', certificate.der, ...args)
    return {
      fingerprint: after(field('-fingerprint', '-sha256')).replaceAll(':', '').toLowerCase(),
      serialNumber: after(field('-serial')).toLowerCase(),
      notBefore: instant(field('-startdate')),
      notAfter: instant(field('-enddate')),
      subject: after(field('-subject', '-nameopt', 'RFC2253')),
      issuer: after(field('-issuer', '-nameopt', 'RFC2253')),
    }
  }

  describe.each<KeyAlgorithm>(['P-256', 'Ed25519', 'RSA-2048'])('OpenSSL reads the same: %s', (key) => {
    test('fingerprint, serial number, dates, names, key identifiers', async () => {
      const { chain } = await createTestHierarchy({ key, time })
      for (const certificate of chain) {
        const described = await tell(certificate, { time })
        const { fingerprint, serialNumber, subject, issuer } = described
        const { notBefore, notAfter } = described.validity
        expect({ fingerprint, serialNumber, subject, issuer, notBefore, notAfter }).toEqual(
          fieldsOf(certificate),
        )
        const text = says('x509', certificate.der, '-text')
        expect(keyIdIn(text, 'Subject')).toBe(described.subjectKeyIdentifier)
        if (described.authorityKeyIdentifier !== undefined)
          expect(keyIdIn(text, 'Authority')).toBe(described.authorityKeyIdentifier)
        expect(namesIn(text)).toEqual(namesOf(described))
        expect(/CA:TRUE/.test(text)).toBe(described.isCa)
        expect(/pathlen:(\d+)/.exec(text)?.[1]).toBe(described.pathLength?.toString())
      }
      // And of another certificate it says something else.
      const [leaf, above] = chain
      if (leaf === undefined || above === undefined) throw new Error('a chain of three')
      expect((await tell(leaf, { time })).fingerprint).not.toBe(fieldsOf(above).fingerprint)
    })

    test('openssl verify accepts what is described as verified, and refuses the rest', async () => {
      const mesh = await createTestHierarchy({ key, time })
      const other = await createTestHierarchy({ key, time })
      await withTemporaryFolder(async (folder) => {
        const file = (name: string, content: unknown): string => {
          const path = join(folder, name)
          writeFileSync(path, String(content))
          return path
        }
        const leaf = file('leaf.pem', mesh.workload)
        const above = file('above.pem', mesh.intermediate.certificate)
        for (const { root } of [mesh, other]) {
          const anchors = file('root.pem', root.certificate)
          const { trust = [] } = await tell(mesh.chain.slice(0, 2), { time, anchors: root.certificate })
          const at = ['-attime', String(time.getTime() / 1000)]
          const args = ['verify', '-x509_strict', ...at, '-CAfile', anchors, '-untrusted', above, leaf]
          expect(trust.map(({ path }) => path.ok)).toEqual([openssl(args).status === 0])
          expect(trust[0]?.path.ok).toBe(root === mesh.root)
        }
      })
    })
  })

  test('a certificate that OpenSSL made', async () => {
    await withTemporaryFolder(async (folder) => {
      const out = join(folder, 'made.pem')
      const names = 'subjectAltName=URI:spiffe://cluster.local/ns/a/sa/b,DNS:a.example,IP:10.0.0.1'
      const more = ['-addext', names, '-addext', '1.2.3.4.5=critical,DER:0500', '-addext', 'nsComment=made']
      const key = [
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:P-384',
        '-nodes',
        '-keyout',
        join(folder, 'k'),
      ]
      const { status, stderr } = openssl([
        'req',
        '-x509',
        ...key,
        '-subj',
        '/O=Acme, Inc/CN=a\\+b',
        '-days',
        '30',
        ...more,
        '-out',
        out,
      ])
      expect([status, stderr.toString('utf8')]).toEqual([0, expect.anything()])
      const der = openssl(['x509', '-in', out, '-outform', 'DER']).stdout
      const { parts } = await tell(new Uint8Array(der))
      expect(parts).toMatchObject([
        {
          content: {
            kind: 'certificate',
            role: 'root',
            selfSigned: true,
            subject: after(says('x509', der, '-subject', '-nameopt', 'RFC2253')),
            key: { type: 'P-384' },
            spiffeIds: [{ uri: 'spiffe://cluster.local/ns/a/sa/b', valid: true }],
            otherNames: ['DNS:a.example', 'IP:10.0.0.1'],
            extensions: [
              { oid: '1.2.3.4.5', critical: true, octets: 2 },
              { oid: '2.16.840.1.113730.1.13', critical: false, octets: 6 },
            ],
          },
        },
      ])
    })
  })

  test('a CRL: number, dates, how many', async () => {
    const issuer = await rootCa({ key: 'P-256', revocations: memoryRevocationStore() })
    await issuer.revoke('2a', { reason: 'keyCompromise' })
    await issuer.revoke('2b', { reason: 'superseded' })
    const { crl } = await issuer.issueCrl({ nextUpdate: '7d' })
    const described = await tell(crl, { time: NOW })
    expect(BigInt(after(says('crl', crl.der, '-crlnumber')))).toBe(BigInt(described.number ?? -1))
    expect(instant(says('crl', crl.der, '-lastupdate'))).toBe(described.thisUpdate)
    expect(instant(says('crl', crl.der, '-nextupdate'))).toBe(described.nextUpdate)
    const text = says('crl', crl.der, '-text')
    expect(text.match(/Serial Number:/g)).toHaveLength(described.size)
    expect(text.match(/Key Compromise/g)).toHaveLength(described.reasons['keyCompromise'] ?? 0)
    expect(described.size).toBe(2)
  })

  test('a request: possession as openssl req -verify has it', async () => {
    const { csr } = await createCsr({ key: 'P-256', subject: 'CN=a' })
    const spoilt = csr.der
    spoilt[spoilt.length - 1] = (spoilt.at(-1) ?? 0) ^ 1
    for (const [der, ok] of [
      [csr.der, true],
      [spoilt, false],
    ] as const) {
      const [part] = (await tell(der)).parts
      expect(part?.content).toMatchObject({ kind: 'csr', subject: 'CN=a', proofOfPossession: { ok } })
      const { stderr } = openssl(['req', '-inform', 'DER', '-noout', '-verify'], { input: der })
      expect(/self-signature verify OK|verify OK/.test(stderr.toString('utf8'))).toBe(ok)
    }
  })

  test('revoked is revoked for both', async () => {
    const issuer = await rootCa({ key: 'P-256', revocations: memoryRevocationStore() })
    const issue = async () =>
      (await issuer.issueWorkload(await request(), { id: ID, lifetime: '24h' })).certificate
    const [bad, good] = [await issue(), await issue()]
    await issuer.revoke(bad, { reason: 'superseded' })
    const { crl } = await issuer.issueCrl({ nextUpdate: '7d' })
    await withTemporaryFolder(async (folder) => {
      const roots = join(folder, 'roots.pem')
      writeFileSync(roots, `${issuer.certificate}${crl}`)
      for (const [certificate, ok] of [
        [bad, false],
        [good, true],
      ] as const) {
        const { trust } = await tell(certificate, { time: NOW, anchors: issuer.certificate, crls: crl })
        const at = ['-attime', String(NOW.getTime() / 1000)]
        const args = ['verify', '-crl_check', ...at, '-CAfile', roots]
        expect([trust?.[0]?.path.ok, openssl(args, { input: certificate.toPem() }).status === 0]).toEqual([
          ok,
          ok,
        ])
      }
    })
  })

  function keyIdIn(text: string, whose: string): string | undefined {
    const [, hex] =
      new RegExp(`X509v3 ${whose} Key Identifier:[^\\n]*\\n\\s+(?:keyid:)?([0-9A-F:]+)`).exec(text) ?? []
    return hex?.replaceAll(':', '').toLowerCase()
  }

  function namesIn(text: string): readonly string[] {
    const [, names = ''] = /X509v3 Subject Alternative Name:[^\n]*\n\s+([^\n]+)/.exec(text) ?? []
    return names === '' ? [] : names.split(', ')
  }

  const namesOf = ({ spiffeIds, otherNames }: CertificateDescription): readonly string[] => [
    ...spiffeIds.map(({ uri }) => `URI:${uri}`),
    ...otherNames,
  ]
}
