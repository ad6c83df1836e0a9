import { describe, expect, test } from 'vitest'
import type { IssueWorkloadOptions } from '../../../src/ca/index.ts'
import { createCsr } from '../../../src/csr/index.ts'
import { SpiffeId } from '../../../src/spiffe/index.ts'
import { verifyPath } from '../../../src/verify/index.ts'
import { commonName, hex } from '../../fixtures/x509/der.ts'
import { refusalOfAsync } from '../../fixtures/x509/refusal.ts'
import { attribute, csrOf, dns, EXTENSION_REQUEST, extensions, subjectAltName, uri } from '../csr/support.ts'
import { below, ID, NOW, namesOf, request, rootCa } from './support.ts'

const issue = async (options: Partial<IssueWorkloadOptions>, profile?: 'mesh' | 'istio' | 'gloo') =>
  (await rootCa({ profile })).issueWorkload(await request(), { id: ID, lifetime: '1h', ...options })

describe('exactly one URI, the identity (X509-SVID §2)', () => {
  test.each(['mesh', 'istio', 'gloo'] as const)('%s', async (profile) => {
    for (const id of [ID, SpiffeId.parse(ID)]) {
      const { certificate } = await issue({ id }, profile)
      expect(namesOf(certificate)).toEqual([`uri:${ID}`])
    }
  })

  test('further names follow it; another URI is refused', async () => {
    const { certificate } = await issue({
      subjectAltNames: [
        { type: 'dns', value: 'a.svc' },
        { type: 'ip', value: '10.0.0.1' },
      ],
    })
    expect(namesOf(certificate)).toEqual([`uri:${ID}`, 'dns:a.svc', 'ip:10.0.0.1'])
    for (const value of [ID, 'spiffe://other/x', 'https://example.com/']) {
      const error = await refusalOfAsync(
        issue({
          subjectAltNames: [
            { type: 'dns', value: 'a.svc' },
            { type: 'uri', value },
          ],
        }),
      )
      expect(error.code).toBe('ERR_CA_SUBJECT_ALT_NAME')
      expect(error.message).toMatch(/exactly one, its identity: use the option "id" \(X509-SVID §2\)/)
    }
  })

  test('a URI in the disguise of another form is refused', async () => {
    const disguised = [
      { type: 'other', form: 'x400', value: hex('8604613a2f2f') },
      { type: 'other', form: 'edi-party', value: hex('8604613a2f2f') },
      { type: 'other', form: 'other-name', value: hex('8604613a2f2f') },
      { type: 'URI', value: 'spiffe://a/b' },
    ] as unknown as NonNullable<IssueWorkloadOptions['subjectAltNames']>
    for (const name of disguised)
      await expect(issue({ subjectAltNames: [name] })).rejects.toThrow(/RFC 5280|type/)
    // A value that leaves its otherName: 0c0161 is one value, two are not.
    const other = (value: string) =>
      ({ type: 'other', form: 'other-name', oid: '1.2.3', value: hex(value) }) as const
    expect(namesOf((await issue({ subjectAltNames: [other('0c0161')] })).certificate)).toHaveLength(2)
    expect((await refusalOfAsync(issue({ subjectAltNames: [other('0c01618604613a2f2f')] }))).code).toMatch(
      /^ERR_/,
    )
  })

  test.each([
    ['without path', 'spiffe://cluster.local', 'ERR_CA_SUBJECT_ALT_NAME', /has no path.*X509-SVID §5\.2/],
    ['with a trailing slash', 'spiffe://cluster.local/', 'ERR_SPIFFE_ID', /./],
    ['of upper-case scheme', 'SPIFFE://cluster.local/a', 'ERR_SPIFFE_ID', /./],
    ['with an empty segment', 'spiffe://cluster.local//a', 'ERR_SPIFFE_ID', /./],
    ['with dot segments', 'spiffe://cluster.local/ns/../sa/b', 'ERR_SPIFFE_ID', /./],
    ['with a query', 'spiffe://cluster.local/a?b', 'ERR_SPIFFE_ID', /./],
    ['with a port', 'spiffe://cluster.local:80/a', 'ERR_SPIFFE_ID', /./],
    ['percent-encoded', 'spiffe://cluster.local/ns/a%2fb', 'ERR_SPIFFE_ID', /./],
    ['with a NUL', 'spiffe://cluster.local/a\0b', 'ERR_SPIFFE_ID', /./],
    ['with a line feed at its end', 'spiffe://cluster.local/a\n', 'ERR_SPIFFE_ID', /./],
    ['that is no SPIFFE ID', 'https://cluster.local/a', 'ERR_SPIFFE_ID', /./],
    ['that is empty', '', 'ERR_SPIFFE_ID', /./],
  ] as const)('an identity %s is refused', async (_, id, code, message) => {
    const error = await refusalOfAsync(issue({ id }))
    expect([error.code, error.message]).toEqual([code, expect.stringMatching(message)])
    expect(error.message).not.toMatch(/[\0\n]/)
  })

  test.each([undefined, null, 5, {}, { toString: () => ID }, new URL('https://a.b')])(
    '%s is no identity',
    async (id) => {
      await expect(issue({ id: id as unknown as string })).rejects.toThrow(TypeError)
    },
  )
})

describe('the shape of a workload certificate (mesh-contracts §2.7, X509-SVID §4)', () => {
  test('not a CA, whatever the request asks for; none of its names', async () => {
    const root = await rootCa()
    const csr = csrOf({
      subject: commonName('admin'),
      attributes: [
        attribute(
          EXTENSION_REQUEST,
          extensions(
            ['2.5.29.19', hex('30030101ff'), true],
            ['2.5.29.15', hex('03020106'), true],
            [
              '2.5.29.17',
              subjectAltName(uri('spiffe://cluster.local/ns/kube-system/sa/admin'), dns('admin.example')),
            ],
          ),
        ),
      ],
    })
    const { certificate } = await root.issueWorkload(csr, { id: ID, lifetime: '1h' })
    expect([certificate.isCa, certificate.pathLength, certificate.subject.isEmpty]).toEqual([
      false,
      undefined,
      true,
    ])
    expect(certificate.keyUsage).toEqual(['digitalSignature'])
    expect(namesOf(certificate)).toEqual([`uri:${ID}`])
  })

  test.each([
    ['mesh', 'P-256', ['digitalSignature']],
    ['mesh', 'RSA-2048', ['digitalSignature', 'keyEncipherment']],
    ['istio', 'P-256', ['digitalSignature', 'keyEncipherment']],
    ['gloo', 'Ed25519', ['digitalSignature', 'keyEncipherment']],
  ] as const)('%s, %s: key usage %j; for servers and clients', async (profile, kind, usage) => {
    const root = await rootCa({ profile })
    const { certificate } = await root.issueWorkload(await request({ key: kind }), { id: ID, lifetime: '1h' })
    expect(certificate.keyUsage).toEqual(usage)
    expect(certificate.extendedKeyUsage).toEqual(['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2'])
  })

  test.each([
    ['mesh', '', true],
    ['mesh', 'CN=a', false],
    ['istio', '', true],
    ['istio', 'CN=a', true],
    ['gloo', 'CN=a', true],
  ] as const)(
    '%s with subject "%s": alternative name critical %s (RFC 5280 §4.2.1.6)',
    async (profile, subject, critical) => {
      const { certificate } = await issue({ subject }, profile)
      expect(certificate.extensions.find(({ oid }) => oid === '2.5.29.17')?.critical).toBe(critical)
    },
  )

  test('subject key identifier: in mesh; not on the leaves of istiod', async () => {
    const of = async (profile: 'mesh' | 'istio' | 'gloo') => (await issue({}, profile)).certificate
    expect((await of('mesh')).subjectKeyIdentifier).toMatch(/^[0-9a-f]{40}$/)
    expect([(await of('istio')).subjectKeyIdentifier, (await of('gloo')).subjectKeyIdentifier]).toEqual([
      undefined,
      undefined,
    ])
  })

  test('a call may choose another profile than its CA', async () => {
    const root = await rootCa({ profile: 'istio' })
    const { certificate } = await root.issueWorkload(await request(), {
      id: ID,
      lifetime: '1h',
      profile: 'mesh',
    })
    expect(certificate.keyUsage).toEqual(['digitalSignature'])
  })
})

describe('200 at once', () => {
  test('distinct serial numbers, each its own key and identity, all verify', async () => {
    const root = await rootCa({ key: 'P-256' })
    const ca = await below(root, { key: 'P-256' })
    const { csr } = await createCsr({ key: 'P-256' })
    const issued = await Promise.all(
      Array.from({ length: 200 }, async (_, i) => {
        const own = i % 2 === 0 ? csr : await request()
        const id = `spiffe://cluster.local/ns/default/sa/w${i}`
        const { certificate } = await ca.issueWorkload(own, {
          id,
          lifetime: `${i + 1}m`,
          profile: i % 3 === 0 ? 'istio' : 'mesh',
        })
        expect(namesOf(certificate)).toEqual([`uri:${id}`])
        expect(certificate.publicKey).toEqual(own.publicKey)
        await verifyPath(certificate, {
          anchors: root.certificate,
          intermediates: ca.certificate,
          purpose: 'clientAuth',
          time: NOW,
        })
        return certificate
      }),
    )
    expect(new Set(issued.map((certificate) => certificate.serialNumber)).size).toBe(200)
  })
})
