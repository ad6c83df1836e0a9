import { describe, expect, test } from 'vitest'
import {
  glooIssuer,
  type IssuancePolicyInput,
  istioCa,
  istioCsr,
  istioRa,
  PolicyError,
  type SignOptions,
  spire,
} from '../../../../src/ca/index.ts'
import { Csr, type CsrInput } from '../../../../src/csr/index.ts'
import { hex, seq } from '../../../fixtures/x509/der.ts'
import {
  attribute,
  csrOf,
  dns,
  EXTENSION_REQUEST,
  type ExtensionTuple,
  extensions,
  subjectAltName,
  uri,
} from '../../csr/support.ts'
import { at, DAY, HOUR, ID, MINUTE, namesOf, request, rootCa } from '../support.ts'

/** What Istio's agent sends: one organization without text, a critical SAN (mesh-contracts §2.7). */
const agentRequest = (id = ID): Promise<Csr> =>
  request({ key: 'RSA-2048', subject: [{ O: '' }], subjectAltNames: [{ type: 'uri', value: id }] })

const asking = (...list: readonly ExtensionTuple[]): Csr =>
  Csr.fromDer(csrOf({ attributes: [attribute(EXTENSION_REQUEST, extensions(...list))] }))

const SAN = '2.5.29.17'
const SELF: SignOptions = { identities: [ID] }

async function sign(policy: IssuancePolicyInput, csr: CsrInput, options: SignOptions = SELF) {
  return (await (await rootCa()).sign(csr, policy, options)).certificate
}

async function rules(
  policy: IssuancePolicyInput,
  csr: CsrInput,
  options: SignOptions = SELF,
): Promise<readonly string[]> {
  const error = await sign(policy, csr, options).then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (!(error instanceof PolicyError)) throw error ?? new Error('it was signed')
  return error.violations.map(({ rule }) => rule)
}

describe('istioCa: the built-in CA of istiod (mesh-contracts §2.7 (a))', () => {
  test('takes the key, and whether there is a common name; nothing else', async () => {
    const csr = asking(
      [SAN, subjectAltName(uri('spiffe://evil/ns/a/sa/b'), dns('evil.example'))],
      ['2.5.29.19', seq(hex('0101ff'))],
    )
    const certificate = await sign(istioCa(), csr)
    expect([namesOf(certificate), certificate.isCa, certificate.subject.isEmpty]).toEqual([
      [`uri:${ID}`],
      false,
      true,
    ])
  })

  test('a common name: the first SAN where it has at most 64 characters', async () => {
    const long = `spiffe://td/ns/a/sa/${'b'.repeat(45)}`
    const named = await request({ subject: 'CN=x,O=y' })
    expect((await sign(istioCa(), named, { identities: [long] })).subject.isEmpty).toBe(true)
    expect((await sign(istioCa(), named, { identities: [long.slice(0, 64)] })).subject.values('CN')).toEqual([
      long.slice(0, 64),
    ])
    const short = 'spiffe://td/ns/a/sa/b'
    const csr = await request({ subject: 'CN=anything' })
    expect((await sign(istioCa(), csr, { identities: [short] })).subject.values('CN')).toEqual([short])
    expect(
      (await sign(istioCa(), await request({ subject: 'O=x' }), { identities: [short] })).subject.isEmpty,
    ).toBe(true)
  })

  test.each([
    ['default', undefined, DAY],
    ['as asked', '2h', 2 * HOUR],
    ['the most', '2160h', 90 * DAY],
  ])('lifetime: %s', async (_, lifetime, seconds) => {
    const certificate = await sign(istioCa(), await agentRequest(), { ...SELF, lifetime })
    expect(certificate.notAfter).toEqual(at(seconds))
    expect(certificate.notBefore).toEqual(at(-2 * MINUTE))
  })

  test('more than MAX_WORKLOAD_CERT_TTL is refused, not cut', async () => {
    expect(await rules(istioCa(), await agentRequest(), { ...SELF, lifetime: '2161h' })).toEqual(['lifetime'])
    // "requested TTL 3h0m0s is greater than the max allowed TTL 2h0m0s" (§6.3).
    const short = istioCa({ maxLifetime: '2h', defaultLifetime: '1h' })
    expect(await rules(short, await agentRequest(), { ...SELF, lifetime: '3h' })).toEqual(['lifetime'])
  })

  test('a maximum below the usual 24 hours is also the default', async () => {
    const certificate = await sign(istioCa({ maxLifetime: '1h' }), await agentRequest(), SELF)
    expect(certificate.notAfter).toEqual(at(HOUR))
  })

  test('hosts of every form that istiod types', async () => {
    const identities = [
      { type: 'dns', value: 'istiod.istio-system.svc' },
      { type: 'ip', value: '10.0.0.1' },
    ] as const
    expect(namesOf(await sign(istioCa(), await agentRequest(), { identities }))).toEqual([
      'dns:istiod.istio-system.svc',
      'ip:10.0.0.1',
    ])
  })
})

describe('istioRa: ValidateCSR (mesh-contracts §2.7 (b))', () => {
  test('what the agent sends is signed; without any subject too', async () => {
    expect(namesOf(await sign(istioRa(), await agentRequest()))).toEqual([`uri:${ID}`])
    const bare = await request({ subjectAltNames: [{ type: 'uri', value: ID }] })
    expect(namesOf(await sign(istioRa(), bare))).toEqual([`uri:${ID}`])
  })

  test.each<[string, () => Promise<CsrInput> | CsrInput, readonly string[]]>([
    ['another identity', () => agentRequest('spiffe://cluster.local/ns/a/sa/evil'), ['identities']],
    [
      'an organization with text',
      () => request({ subject: 'O=x', subjectAltNames: [{ type: 'uri', value: ID }] }),
      ['subject'],
    ],
    [
      'a common name',
      () => request({ subject: 'CN=x', subjectAltNames: [{ type: 'uri', value: ID }] }),
      ['subject'],
    ],
    ['a DNS name', () => asking([SAN, subjectAltName(uri(ID), dns('a.b'))]), ['names', 'identities']],
    [
      'two URIs',
      () => asking([SAN, subjectAltName(uri(ID), uri(`${ID}2`))]),
      ['names', 'identities', 'spiffe'],
    ],
    [
      'another extension',
      () => asking([SAN, subjectAltName(uri(ID))], ['2.5.29.15', hex('03020780')]),
      ['extensions'],
    ],
    [
      'to be a CA',
      () => asking([SAN, subjectAltName(uri(ID))], ['2.5.29.19', seq(hex('0101ff'))]),
      ['extensions', 'basic-constraints'],
    ],
  ])('refuses %s', async (_, csr, expected) => {
    expect(await rules(istioRa(), await csr())).toEqual(expected)
  })
})

describe('istioCsr: cert-manager istio-csr (mesh-contracts §3.1)', () => {
  test('cuts the lifetime to an hour', async () => {
    const certificate = await sign(istioCsr(), await agentRequest(), { ...SELF, lifetime: '24h' })
    expect(certificate.notAfter).toEqual(at(HOUR))
    expect((await sign(istioCsr(), await agentRequest(), { ...SELF, lifetime: '30m' })).notAfter).toEqual(
      at(HOUR / 2),
    )
  })

  test.each<[string, () => Promise<CsrInput> | CsrInput, SignOptions, readonly string[]]>([
    [
      'a common name',
      () => request({ subject: 'CN=x', subjectAltNames: [{ type: 'uri', value: ID }] }),
      SELF,
      ['subject'],
    ],
    [
      'fewer identities than its own',
      () => agentRequest(),
      { identities: [ID, 'spiffe://td/other'] },
      ['identities'],
    ],
    [
      'more',
      () => asking([SAN, subjectAltName(uri(ID), uri('spiffe://td/other'))]),
      SELF,
      ['identities', 'spiffe'],
    ],
    ['none', () => request(), SELF, ['identities', 'names', 'rfc5280']],
    ['a DNS name', () => asking([SAN, subjectAltName(uri(ID), dns('a.b'))]), SELF, ['names', 'identities']],
    [
      'keyAgreement',
      () => asking([SAN, subjectAltName(uri(ID))], ['2.5.29.15', hex('03020308')]),
      SELF,
      ['key-usage'],
    ],
    [
      'code signing',
      () => asking([SAN, subjectAltName(uri(ID))], ['2.5.29.37', seq(hex('06082b06010505070303'))]),
      SELF,
      ['extended-key-usage'],
    ],
    [
      'a policy',
      () => asking([SAN, subjectAltName(uri(ID))], ['2.5.29.32', seq(seq(hex('06032a0304')))]),
      SELF,
      ['extensions'],
    ],
  ])('refuses %s', async (_, csr, options, expected) => {
    expect(await rules(istioCsr(), await csr(), options)).toEqual(expected)
  })

  test('the usual usages may be asked for', async () => {
    const csr = asking(
      [SAN, subjectAltName(uri(ID))],
      ['2.5.29.15', hex('030205a0')],
      ['2.5.29.37', seq(hex('06082b0601050507030106082b06010505070302'))],
    )
    expect(namesOf(await sign(istioCsr(), csr))).toEqual([`uri:${ID}`])
  })
})

describe('glooIssuer (mesh-contracts §1.4)', () => {
  const HOST = 'spiffe://kind2/ns/istio-system/sa/istiod-service-account'
  const hosts: SignOptions = { identities: [HOST] }

  test('final: the subject of the request, names of spec.hosts, no path length, no back-dating', async () => {
    const csr = await request({ subject: [{ O: 'Istio' }, { OU: 'istiod-istio-system-kind2' }] })
    const certificate = await sign(glooIssuer(), csr, hosts)
    expect([String(certificate.subject), namesOf(certificate), certificate.pathLength]).toEqual([
      'OU=istiod-istio-system-kind2,O=Istio',
      [`uri:${HOST}`],
      undefined,
    ])
    expect([certificate.keyUsage, certificate.extendedKeyUsage]).toEqual([['keyCertSign'], undefined])
    expect([certificate.notBefore, certificate.notAfter]).toEqual([at(0), at(365 * DAY)])
  })

  test('a common name is rewritten to the first host that fits', async () => {
    const host = 'spiffe://kind2/ns/istio-system/sa/istiod'
    const csr = await request({ subject: [{ O: 'Istio' }, { CN: 'anything' }] })
    expect(String((await sign(glooIssuer(), csr, { identities: [host] })).subject)).toBe(`CN=${host},O=Istio`)
  })

  test('legacy: an empty subject, which needs a host', async () => {
    const csr = await request({ subject: 'O=Istio' })
    const certificate = await sign(glooIssuer({ release: 'legacy' }), csr, hosts)
    expect([certificate.subject.isEmpty, certificate.isCa]).toEqual([true, true])
    expect(await rules(glooIssuer({ release: 'legacy' }), csr, {})).toEqual(['names', 'rfc5280'])
  })

  test('unlike the original: the signature of the request is verified, and nothing outlives the root', async () => {
    const { der } = await request({ subject: 'O=Istio' })
    const tampered = der.slice()
    tampered[der.length - 1] = (der[der.length - 1] ?? 0) ^ 1
    await expect(sign(glooIssuer(), tampered, hosts)).rejects.toMatchObject({ code: 'ERR_CSR_SIGNATURE' })
    const root = await rootCa({ lifetime: '30d' })
    const issued = await root.sign(await request({ subject: 'O=Istio,CN=a' }), glooIssuer(), hosts)
    expect(issued.certificate.notAfter).toEqual(at(30 * DAY))
    expect(issued.cappedBy).toBe(root.certificate)
  })
})

describe('spire: registration entries', () => {
  const policy = spire({ trustDomain: 'td' })

  test('C=US,O=SPIRE, the first DNS name as common name, an hour from 10 s before', async () => {
    const identities = [
      'spiffe://td/a',
      { type: 'dns', value: 'a.example' },
      { type: 'dns', value: 'b.example' },
    ] as const
    const certificate = await sign(policy, await request({ subject: 'CN=ignored' }), { identities })
    expect(String(certificate.subject)).toBe('CN=a.example,O=SPIRE,C=US')
    expect(namesOf(certificate)).toEqual(['uri:spiffe://td/a', 'dns:a.example', 'dns:b.example'])
    expect([certificate.notBefore, certificate.notAfter]).toEqual([at(-10), at(HOUR)])
    expect(certificate.keyUsage).toEqual(['digitalSignature', 'keyEncipherment', 'keyAgreement'])
    expect(certificate.subjectKeyIdentifier).toMatch(/^[0-9a-f]{40}$/)
  })

  test('only entries of its trust domain', async () => {
    expect(await rules(policy, await request(), { identities: ['spiffe://other/a'] })).toEqual(['spiffe'])
    expect(
      await rules(policy, await request(), {
        identities: ['spiffe://td/a', { type: 'ip', value: '10.0.0.1' }],
      }),
    ).toEqual(['ip'])
  })
})

describe('misuse', () => {
  test.each<[() => unknown, RegExp]>([
    [() => istioCa({ ttl: '1h' } as never), /istioCa has no option "ttl"/],
    [() => istioCsr({ maxLifetimes: '1h' } as never), /Did you mean "maxLifetime"/],
    [() => glooIssuer({ release: 'v2' } as never), /"release" must be one of "final", "legacy"/],
    [() => spire({} as never), /"trustDomain"/],
    [() => spire({ trustDomain: 'TD' }), /trust domain/i],
  ])('%s', (call, message) => {
    expect(call).toThrow(message)
  })
})
