import { describe, expect, test } from 'vitest'
import {
  type CertificateDescription,
  type DescribeOptions,
  describe as tell,
} from '../../../src/inspect/index.ts'
import type { RenewalPresets } from '../../../src/rotation/index.ts'
import { Certificate } from '../../../src/x509/index.ts'
import { hex, oid, seq, text, tlv } from '../../fixtures/x509/der.ts'
import { nameOf } from '../../fixtures/x509/forge-der.ts'
import { ca, codesOf, leafBelow, root, rootOf } from '../ca/lint/support.ts'
import {
  ALGORITHMS,
  aki,
  basicConstraints,
  directory,
  dns,
  email,
  ext,
  type Forged,
  forge,
  forgeCa,
  ip,
  keysOf,
  nameConstraints,
  registeredId,
  san,
  uri,
} from '../verify/forge.ts'

const time = new Date('2026-06-01T00:00:00Z')
const DAY = 86_400_000
const of = (
  { certificate }: Pick<Forged, 'certificate'>,
  options: DescribeOptions = {},
): Promise<CertificateDescription> => tell(certificate, { time, ...options })

describe('roles', () => {
  test('a root: its own key signed it', async () => {
    expect(await of(root)).toMatchObject({
      kind: 'certificate',
      at: '2026-06-01T00:00:00Z',
      role: 'root',
      selfSigned: true,
      isCa: true,
      subject: 'CN=Lint Root',
      issuer: 'CN=Lint Root',
      version: 3,
      keyUsage: ['keyCertSign', 'cRLSign'],
    })
  })

  test('a CA that only bears its own name as issuer is no root: another key signed it', async () => {
    const before = keysOf('before')
    const old = forgeCa({ subject: 'Link', keys: before })
    const link = forgeCa({ subject: 'Link', keys: keysOf('after'), issuer: old })
    expect(link.certificate.isSelfIssued).toBe(true)
    expect(await of(link)).toMatchObject({ role: 'intermediate', selfSigned: false })
    expect(await of(old)).toMatchObject({ role: 'root', selfSigned: true })
  })

  test('an intermediate, with its path length', async () => {
    expect(await of(ca)).toMatchObject({ role: 'intermediate', pathLength: 0, issuer: 'CN=Lint Root' })
    expect(await of(root)).not.toHaveProperty('pathLength')
  })

  test('a workload, and an end entity without a SPIFFE ID', async () => {
    expect(await of(leafBelow(ca))).toMatchObject({ role: 'workload', isCa: false, svid: { ok: true } })
    const web = leafBelow(ca, { only: [basicConstraints(false), aki(ca.keyId), san([dns('a.example')])] })
    const described = await of(web)
    expect(described).toMatchObject({ role: 'end-entity', otherNames: ['DNS:a.example'], spiffeIds: [] })
    expect(described).not.toHaveProperty('svid')
  })
})

describe('SPIFFE IDs', () => {
  const ids = async (...uris: readonly string[]) =>
    of(leafBelow(ca, { only: [basicConstraints(false), aki(ca.keyId), san(uris.map(uri))] }))

  test('as Istio reads them too', async () => {
    const [id] = (await ids('spiffe://cluster.local/ns/shop/sa/cart')).spiffeIds
    expect(id).toEqual({
      uri: 'spiffe://cluster.local/ns/shop/sa/cart',
      valid: true,
      trustDomain: 'cluster.local',
      path: '/ns/shop/sa/cart',
      istio: { namespace: 'shop', serviceAccount: 'cart' },
    })
  })

  test('of SPIRE, which Istio does not read', async () => {
    const [id] = (await ids('spiffe://prod.example/payments')).spiffeIds
    expect(id).toMatchObject({ valid: true, path: '/payments' })
    expect(id).not.toHaveProperty('istio')
  })

  test.each([
    'spiffe://cluster.local/ns/shop/sa/cart/',
    'spiffe://Cluster.local/ns/shop/sa/cart',
    'spiffe://cluster.local/ns//sa/cart',
    'SPIFFE://cluster.local/ns/shop/sa/cart',
    'spiffe:cluster.local',
    'spiffe://cluster.local/ns/sh%20op/sa/cart',
    `spiffe://cluster.local/${'a'.repeat(5000)}`,
  ])('%s is named as none', async (text) => {
    const described = await ids(text)
    const [id] = described.spiffeIds
    expect(id?.valid).toBe(false)
    expect(id?.problem).toMatch(/./)
    expect(id).not.toHaveProperty('trustDomain')
    expect(described.svid?.ok).toBe(false)
  })

  test('two in one certificate are each valid, and it is no SVID', async () => {
    const described = await ids('spiffe://cluster.local/a', 'spiffe://cluster.local/b')
    expect(described.spiffeIds.map(({ valid }) => valid)).toEqual([true, true])
    expect(described.svid).toMatchObject({ ok: false, code: 'ERR_SVID_URI_COUNT' })
  })

  test('another URI is another name', async () => {
    expect(await ids('https://a.example/')).toMatchObject({
      spiffeIds: [],
      otherNames: ['URI:https://a.example/'],
    })
  })
})

describe('life', () => {
  const life = { notBefore: '2026-01-01T00:00:00Z', notAfter: '2026-01-11T00:00:00Z' }
  const leaf = leafBelow(ca, life)
  const when = (time: string) => of(leaf, { time: new Date(time) }).then(({ validity }) => validity)

  test('counts from its first second to its last', async () => {
    expect(await when('2026-01-02T12:00:00Z')).toEqual({
      ...life,
      lifetimeMs: 10 * DAY,
      remainingMs: 8.5 * DAY,
      state: 'valid',
    })
  })

  test.each([
    ['2025-12-31T23:59:59Z', 'not-yet-valid'],
    ['2026-01-01T00:00:00Z', 'valid'],
    ['2026-01-11T00:00:00Z', 'valid'],
    ['2026-01-11T00:00:01Z', 'expired'],
  ])('at %s it is %s', async (time, state) => {
    expect((await when(time)).state).toBe(state)
  })

  test('what is over has a negative rest', async () => {
    expect((await when('2026-01-12T00:00:00Z')).remainingMs).toBe(-DAY)
  })

  test('the clock of the machine by default', async () => {
    const { at } = await tell(leaf.certificate)
    expect(Math.abs(Date.parse(at) - Date.now())).toBeLessThan(60_000)
  })
})

describe('renewal', () => {
  test('by role: a fifth of a root, a tenth of an intermediate, half of a workload', async () => {
    // 3653 days from 2024 to 2034; 730.6 before the end is 0.4 of a day into 2032.
    expect((await of(root)).renewal).toMatchObject({ policy: 'istiodRoot', at: '2032-01-01T09:36:00Z' })
    // 365 days; Gloo Mesh does not backdate.
    expect((await of(ca)).renewal).toMatchObject({ policy: 'glooMesh', at: '2026-11-25T12:00:00Z' })
    const { renewal } = await of(leafBelow(ca))
    expect(renewal.policy).toBe('istioAgent')
    // 92 days less two minutes, give or take a hundredth of it.
    const middle = Date.parse('2026-06-16T00:01:00Z')
    expect(Math.abs(Date.parse(renewal.at) - middle)).toBeLessThanOrEqual(0.92 * DAY)
    expect(renewal.inMs).toBe(Date.parse(renewal.at) - time.getTime())
    expect(renewal.state).toBe('fresh')
  })

  test('by a preset, and by a policy of the caller', async () => {
    expect((await of(ca, { renewal: 'certManager' })).renewal).toMatchObject({
      policy: 'certManager',
      at: '2026-09-01T08:00:00Z',
    })
    expect((await of(ca, { renewal: { renewBefore: '300d' } })).renewal).toMatchObject({
      policy: 'given',
      at: '2026-03-07T00:00:00Z',
      inMs: -86 * DAY,
      state: 'due',
    })
  })

  test('a preset that is none, and a policy that says nothing', async () => {
    const renewal = 'istio' as keyof RenewalPresets
    await expect(of(ca, { renewal })).rejects.toThrow(/option "renewal" must be one of/)
    await expect(of(ca, { renewal: {} })).rejects.toThrow(TypeError)
    await expect(of(ca, { renewal: { gracePeriodRatio: 2 } })).rejects.toThrow(RangeError)
  })
})

describe('extensions', () => {
  const name = (tag: number, value: string) => text(tag, value)
  const point = (url: string) => seq(tlv(0xa0, tlv(0xa0, name(0x86, url))))
  const access = (method: string, url: string) => seq(oid(method), name(0x86, url))
  const CUSTOM = '1.3.6.1.4.1.99999.7'
  const rich = forgeCa({
    subject: 'Rich CA',
    issuer: root,
    extensions: [
      aki(root.keyId),
      nameConstraints({
        permitted: [uri('.cluster.local'), dns('a.example')],
        excluded: [email('b.example')],
      }),
      ext(31, seq(point('http://crl.example/a.crl'))),
      seq(
        oid('1.3.6.1.5.5.7.1.1'),
        tlv(
          4,
          seq(
            access('1.3.6.1.5.5.7.48.1', 'http://ocsp.example'),
            access('1.3.6.1.5.5.7.48.2', 'http://ca.example/ca.crt'),
          ),
        ),
      ),
      ext(32, seq(seq(oid('2.5.29.32.0')))),
      seq(oid(CUSTOM), tlv(1, hex('ff')), tlv(4, hex('010203'))),
    ],
  })

  test('constraints, addresses, policies, and those that are not known', async () => {
    expect(await of(rich)).toMatchObject({
      nameConstraints: {
        permitted: ['URI:.cluster.local', 'DNS:a.example'],
        excluded: ['email:b.example'],
      },
      crlAddresses: ['URI:http://crl.example/a.crl'],
      ocspAddresses: ['URI:http://ocsp.example'],
      issuerAddresses: ['URI:http://ca.example/ca.crt'],
      policies: ['2.5.29.32.0'],
      extensions: [{ oid: CUSTOM, critical: true, octets: 3 }],
    })
    expect((await of(ca)).extensions).toEqual([])
    expect(await of(ca)).not.toHaveProperty('nameConstraints')
  })

  test('every form of name', async () => {
    const names = [
      dns('a.example'),
      email('a@b.example'),
      ip('0a000001'),
      directory(nameOf('Dir')),
      registeredId('1.2.3'),
    ]
    const leaf = leafBelow(ca, { only: [basicConstraints(false), aki(ca.keyId), san(names)] })
    expect((await of(leaf)).otherNames).toEqual([
      'DNS:a.example',
      'email:a@b.example',
      'IP:10.0.0.1',
      'DirName:CN=Dir',
      'RID:1.2.3',
    ])
  })
})

describe('what is hostile', () => {
  test('control and bidirectional characters of names are written out', async () => {
    const names = [uri('https://a\u001b[31m\u0007/'), uri('spiffe://a\n.example/b')]
    const evil = forge({
      subject: 'a\u001b[31m\u202eb\nc',
      issuer: ca,
      extensions: [aki(ca.keyId), san(names)],
    })
    const described = await of(evil)
    // RFC 4514 §2.4: octets as hex.
    expect(described.subject).toBe('CN=a\\1B[31m\\E2\\80\\AEb\\0Ac')
    expect(described.otherNames).toEqual(['URI:https://a\\u{1b}[31m\\u{7}/'])
    expect(described.spiffeIds[0]?.uri).toBe('spiffe://a\\u{a}.example/b')
    expect(described.spiffeIds[0]?.problem).toMatch(/^[\x20-\x7e§]*$/)
  })

  test('a name of 100,000 characters, and 2,000 alternative names', async () => {
    const long = forge({ subject: 'a'.repeat(100_000), issuer: ca, extensions: [aki(ca.keyId)] })
    expect((await of(long)).subject).toMatch(/^\(a name of 1\d{5} octets\)$/)
    const many = Array.from({ length: 2000 }, (_, i) => dns(`a${i}.example`))
    const wide = await of(leafBelow(ca, { only: [basicConstraints(false), aki(ca.keyId), san(many)] }))
    expect(wide.otherNames).toHaveLength(64)
    expect(wide.omitted).toEqual({ otherNames: 1936 })
    expect(await of(ca)).not.toHaveProperty('omitted')
  })
})

describe('findings', () => {
  test('are those of the lint, and none for a sound one', async () => {
    expect((await of(ca)).findings).toEqual([])
    const weak = rootOf('Weak Root', { keys: keysOf('weak', 'RSA-1024'), algorithm: ALGORITHMS['rsa-sha1'] })
    expect(codesOf((await of(weak)).findings ?? [])).toEqual(
      expect.arrayContaining(['weak-key', 'weak-signature']),
    )
  })

  test('that it stands alone is no finding; that it is over is one', async () => {
    const past = leafBelow(ca, { notBefore: '2026-01-01T00:00:00Z', notAfter: '2026-02-01T00:00:00Z' })
    expect(codesOf((await of(past)).findings ?? [])).toEqual(['expired'])
    expect(codesOf((await of(leafBelow(ca))).findings ?? [])).toEqual([])
  })

  test('nobody asks with lint: false', async () => {
    expect(await of(ca, { lint: false })).not.toHaveProperty('findings')
    expect(await of(root, { lint: false })).toMatchObject({ role: 'root', selfSigned: true })
  })
})

describe('the value', () => {
  test('is frozen to its last member, and what JSON gives back', async () => {
    const described = await of(leafBelow(ca), { anchors: root.certificate, intermediates: ca.certificate })
    expect(JSON.parse(JSON.stringify(described))).toStrictEqual(described)
    const isFrozen = (value: unknown): boolean =>
      typeof value !== 'object' ||
      value === null ||
      (Object.isFrozen(value) && Object.values(value).every(isFrozen))
    expect(isFrozen(described)).toBe(true)
  })

  test('of a certificate in another shape is the same', async () => {
    const { certificate } = root
    const expected = await of(root)
    expect(await tell({ raw: certificate.der }, { time })).toEqual(expected)
    const rawData = certificate.der.buffer as ArrayBuffer
    expect(await tell({ rawData }, { time })).toEqual(expected)
  })

  test('a certificate that is not altered by being described', async () => {
    const { der } = root.certificate
    await of(root)
    expect(Certificate.fromDer(der).equals(root.certificate)).toBe(true)
  })
})

describe('misuse', () => {
  const call = (...args: readonly unknown[]): Promise<unknown> => Reflect.apply(tell, undefined, args)
  test.each([
    [[undefined], /describe takes a Certificate/],
    [[null], /got null/],
    [[5], /got number/],
    [[{}], /describe takes a Certificate/],
    [[{ raw: 'x' }], /option "subject"/],
    [[[]], /at least one certificate/],
    [[root.certificate, { at: new Date() }], /no option "at"/],
    [[root.certificate, { time: 'now' }], /option "time"/],
    [[root.certificate, { lint: 'yes' }], /option "lint"/],
    [[root.certificate, null], /options object/],
    [[root.certificate, { anchors: 5 }], /option "anchors"/],
  ])('%#', async (args, message) => {
    await expect(call(...args)).rejects.toThrow(message)
    await expect(call(...args)).rejects.toSatisfy(
      (error) => error instanceof TypeError || error instanceof RangeError,
    )
  })
})
