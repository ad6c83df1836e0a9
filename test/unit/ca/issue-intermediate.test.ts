import { describe, expect, test } from 'vitest'
import type { IssueIntermediateOptions } from '../../../src/ca/index.ts'
import { Csr, verifyProofOfPossession } from '../../../src/csr/index.ts'
import { verifyPath } from '../../../src/verify/index.ts'
import { commonName, hex } from '../../fixtures/x509/der.ts'
import { refusalOfAsync } from '../../fixtures/x509/refusal.ts'
import { attribute, csrOf, dns, EXTENSION_REQUEST, extensions, subjectAltName, uri } from '../csr/support.ts'
import { at, CallersSigner, DAY, INTERMEDIATE, keyOf, NOW, namesOf, request, rootCa } from './support.ts'

/** A request that asks for everything that a CA must not take from it (mesh-contracts §0, 3). */
const greedy = (subject = commonName('greedy')) =>
  csrOf({
    subject,
    attributes: [
      attribute(
        EXTENSION_REQUEST,
        extensions(
          ['2.5.29.19', hex('30030101ff'), true],
          ['2.5.29.15', hex('030201fe'), true],
          ['2.5.29.37', hex('300606042a030405')],
          [
            '2.5.29.17',
            subjectAltName(uri('spiffe://cluster.local/ns/kube-system/sa/admin'), dns('*.bank.example')),
          ],
          ['1.3.6.1.4.1.99999.7', hex('0500'), true],
        ),
      ),
    ],
  })

describe('of the request only the key counts, and the subject where none is given', () => {
  test('nothing else that it asks for is in the certificate', async () => {
    const root = await rootCa()
    const { certificate } = await root.issueIntermediate(greedy(), { lifetime: '1d' })
    expect(String(certificate.subject)).toBe('CN=greedy')
    expect(certificate.publicKey).toEqual(Csr.fromDer(greedy()).publicKey)
    expect(namesOf(certificate)).toEqual([])
    expect(certificate.keyUsage).toEqual(['keyCertSign', 'cRLSign'])
    expect([certificate.extendedKeyUsage, certificate.pathLength]).toEqual([undefined, 0])
    expect(certificate.extensions.map(({ oid }) => oid)).not.toContain('1.3.6.1.4.1.99999.7')
  })

  test("alternative names are the caller's", async () => {
    const root = await rootCa()
    const { certificate } = await root.issueIntermediate(greedy(), {
      lifetime: '1d',
      subject: INTERMEDIATE,
      subjectAltNames: [{ type: 'dns', value: 'istiod.istio-system.svc' }],
    })
    expect(namesOf(certificate)).toEqual(['dns:istiod.istio-system.svc'])
    expect(String(certificate.subject)).toBe(INTERMEDIATE)
  })

  test('a SPIFFE ID with a path on a CA is written on request, as Gloo Mesh does (mesh-contracts §0, 11)', async () => {
    const root = await rootCa({ profile: 'gloo' })
    const value = 'spiffe://cluster.local/ns/istio-system/sa/istiod-service-account'
    const { certificate } = await root.issueIntermediate(await request({ subject: 'OU=istiod,O=Istio' }), {
      lifetime: '1d',
      subjectAltNames: [{ type: 'uri', value }],
    })
    expect(namesOf(certificate)).toEqual([`uri:${value}`])
  })

  test('every form of request; its result verifies and carries its chain', async () => {
    const root = await rootCa()
    const csr = await request({ subject: INTERMEDIATE })
    for (const input of [
      csr,
      csr.der,
      csr.toPem(),
      { rawData: csr.der.slice().buffer },
      await verifyProofOfPossession(csr),
    ]) {
      const { certificate, chain, cappedBy } = await root.issueIntermediate(input, { lifetime: '1d' })
      expect([chain, cappedBy]).toEqual([[certificate, root.certificate], undefined])
      expect([certificate.notBefore, certificate.notAfter]).toEqual([at(-120), at(DAY)])
      await verifyPath(certificate, { anchors: root.certificate, purpose: 'any', time: NOW })
    }
  })
})

describe('what it refuses', () => {
  test('a request without possession of the key, which Gloo Mesh signs (mesh-contracts §1.4)', async () => {
    const key = new CallersSigner(await keyOf('Ed25519'))
    const root = await rootCa({ key })
    const before = key.calls
    const tampered = (await request({ subject: INTERMEDIATE })).der
    tampered[tampered.length - 1] = (tampered.at(-1) ?? 0) ^ 1
    expect((await refusalOfAsync(root.issueIntermediate(tampered, { lifetime: '1d' }))).code).toBe(
      'ERR_CSR_SIGNATURE',
    )
    expect(key.calls).toBe(before)
    await root.issueIntermediate(await request({ subject: INTERMEDIATE }), { lifetime: '1d' })
    expect(key.calls).toBe(before + 1)
  })

  test.each([
    ['a NUL', [{ CN: 'a\0b' }]],
    ['a value for a country that is no PrintableString', [{ C: 'ü' }]],
    ['an unknown attribute', 'XX=a'],
    ['an empty RDN', [{}]],
  ] as const)('%s in the subject', async (_, subject) => {
    const root = await rootCa()
    const csr = await request({ subject: INTERMEDIATE })
    const error = await refusalOfAsync(root.issueIntermediate(csr, { lifetime: '1d', subject }))
    expect([error.code, error.message]).toEqual([
      'ERR_NAME_SYNTAX',
      expect.stringContaining('option "subject"'),
    ])
    expect(error.message).not.toContain('\0')
    expect((await refusalOfAsync(rootCa({ subject }))).code).toBe('ERR_NAME_SYNTAX')
  })

  test('names outside ASCII are written as UTF8String', async () => {
    const { certificate } = await rootCa({ subject: 'CN=Wurzel-CA für Bücher 本' })
    expect(certificate.subject.values('CN')).toEqual(['Wurzel-CA für Bücher 本'])
    expect(certificate.subject.rdns[0]?.[0]?.der[0]).toBe(0x0c)
  })

  test.each<[string, object, RegExp]>([
    [
      'an unknown option',
      { pathlen: 0 },
      /issueIntermediate has no option "pathlen"\. Did you mean "pathLength"\?/,
    ],
    ['a workload option', { id: 'spiffe://a/b' }, /issueIntermediate has no option "id"/],
    ['an unknown profile', { profile: 'Istio' }, /option "profile" must be one of/],
    [
      'an unknown identifier method',
      { keyIdentifier: 'md5' },
      /option "keyIdentifier" must be one of "sha1", "sha256"/,
    ],
    ['a back-dating without unit', { backdate: 120 }, /option "backdate"/],
  ])('%s is misuse', async (_, options, message) => {
    const root = await rootCa()
    const csr = await request({ subject: INTERMEDIATE })
    const wrong = { lifetime: '1d', ...options } as IssueIntermediateOptions
    await expect(root.issueIntermediate(csr, wrong)).rejects.toThrow(message)
    await expect(root.issueIntermediate(csr, wrong)).rejects.toThrow(TypeError)
    await root.issueIntermediate(csr, { lifetime: '1d' })
  })

  test('no options at all', async () => {
    const root = await rootCa()
    const csr = await request({ subject: INTERMEDIATE })
    for (const nothing of [undefined, null, []])
      await expect(root.issueIntermediate(csr, nothing as never)).rejects.toThrow(/takes an options object/)
  })
})

describe('key identifiers', () => {
  test("a CA's authority key identifier is copied from its issuer, whatever method made that (mesh-contracts §0, 12)", async () => {
    const root = await rootCa({ keyIdentifier: 'sha256' })
    const { certificate } = await root.issueIntermediate(await request({ subject: INTERMEDIATE }), {
      lifetime: '1d',
    })
    expect(certificate.authorityKeyIdentifier).toBe(root.certificate.subjectKeyIdentifier)
    expect(root.certificate.authorityKeyIdentifier).toBe(undefined)
  })
})
