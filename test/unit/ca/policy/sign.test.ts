import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import {
  CertificateAuthority,
  IssuancePolicy,
  type IssuancePolicyInput,
  istioCa,
  memoryRevocationStore,
  PolicyError,
  PROFILES,
  type SignOptions,
} from '../../../../src/ca/index.ts'
import { Csr, type CsrInput } from '../../../../src/csr/index.ts'
import { checkPath } from '../../../../src/verify/index.ts'
import { Certificate } from '../../../../src/x509/index.ts'
import { hex, oid, rdn, seq, set, text, tlv } from '../../../fixtures/x509/der.ts'
import { refusalOfAsync } from '../../../fixtures/x509/refusal.ts'
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
import {
  at,
  below,
  CallersSigner,
  clockAt,
  DAY,
  HOUR,
  ID,
  keyOf,
  MINUTE,
  NOW,
  namesOf,
  request,
  rootCa,
} from '../support.ts'

const SHOP = 'spiffe://td/ns/shop/sa/cart'
const POLICY: IssuancePolicyInput = {
  name: 'shop',
  names: { spiffe: { allow: ['spiffe://td/ns/shop/**'] } },
  lifetime: { max: '24h' },
}

/** Every rule that is broken, as `where rule`; the key is not touched. */
async function refused(
  policy: IssuancePolicyInput,
  csr: CsrInput,
  options: SignOptions = {},
  make: (key: CallersSigner) => Promise<CertificateAuthority> = (key) => rootCa({ key }),
): Promise<readonly string[]> {
  const key = new CallersSigner(await keyOf('Ed25519'))
  const ca = await make(key)
  const before = key.calls
  const error = await refusalOfAsync(ca.sign(csr, policy, options))
  expect(key.calls).toBe(before)
  expect(error).toBeInstanceOf(PolicyError)
  expect(error.code).toBe('ERR_POLICY_REFUSED')
  if (!(error instanceof PolicyError)) throw error
  expect(error.policy).toBe(policy.name)
  for (const { message } of error.violations.slice(0, 16)) expect(error.message).toContain(message)
  return error.violations.map((violation) => `${violation.in} ${violation.rule}`)
}

/** A request with an extension request of its own. */
const asking = (...list: readonly ExtensionTuple[]): Csr =>
  Csr.fromDer(csrOf({ attributes: [attribute(EXTENSION_REQUEST, extensions(...list))] }))

const SAN = '2.5.29.17'

describe('a policy', () => {
  test('signs what it allows; the names are those of the call', async () => {
    const ca = await rootCa()
    const { certificate, chain, cappedBy, decision } = await ca.sign(await request(), POLICY, {
      identities: [SHOP],
    })
    expect(namesOf(certificate)).toEqual([`uri:${SHOP}`])
    expect(certificate.subject.isEmpty).toBe(true)
    expect(certificate.notBefore).toEqual(at(-2 * MINUTE))
    expect(certificate.notAfter).toEqual(at(DAY))
    expect(cappedBy).toBe(undefined)
    const verdict = await checkPath(certificate, {
      anchors: chain.slice(1),
      purpose: 'clientAuth',
      time: NOW,
    })
    expect(verdict.ok).toBe(true)
    expect(decision.policy).toBe('shop')
    expect(decision.fields.find(({ field }) => field === 'names')).toEqual({
      field: 'names',
      asked: undefined,
      granted: `URI:${SHOP}`,
      from: 'identities',
    })
  })

  test('reports every violation, not the first alone, and touches no key', async () => {
    const csr = asking(
      [SAN, subjectAltName(uri('spiffe://td/ns/other/sa/x'), dns('evil.example'))],
      ['2.5.29.19', seq(hex('0101ff'))],
    )
    expect(
      await refused({ ...POLICY, keys: { allow: ['P-256'] } }, csr, {
        identities: ['spiffe://td/ns/other/sa/y'],
        lifetime: '48h',
      }),
    ).toEqual([
      'request identities',
      'request identities',
      'request basic-constraints',
      'request lifetime',
      'certificate spiffe',
      'certificate key',
    ])
  })

  test('without anybody who was authenticated there is no certificate', async () => {
    expect(await refused(POLICY, await request())).toEqual(['certificate names', 'certificate rfc5280'])
  })

  test.each<[IssuancePolicyInput['namesFrom'], RegExp]>([
    ['identities', /say whose it is by the option "identities"[;]/],
    ['request', /the request must ask for them/],
    ['both', /by the option "identities", or in the request/],
  ])('names from %s: where they have to be said', async (namesFrom, words) => {
    const error = await refusalOfAsync((await rootCa()).sign(await request(), { ...POLICY, namesFrom }))
    expect(error.message).toMatch(words)
  })

  test('a signature that does not fit its key is refused before any rule is asked', async () => {
    const csr = csrOf({ signature: new Uint8Array(64) })
    const ca = await rootCa()
    const hooks: string[] = []
    const policy: IssuancePolicyInput = {
      ...POLICY,
      enrich: () => {
        hooks.push('enrich')
        return undefined
      },
    }
    expect((await refusalOfAsync(ca.sign(csr, policy, { identities: [SHOP] }))).code).toBe(
      'ERR_CSR_SIGNATURE',
    )
    expect(hooks).toEqual([])
  })

  test('a key that cannot be used is refused', async () => {
    const ca = await rootCa()
    // RFC 8410's X448, which does not sign.
    const csr = csrOf({ publicKey: seq(seq(hex('06032b656f')), tlv(3, hex(`00${'11'.repeat(56)}`))) })
    expect((await refusalOfAsync(ca.sign(csr, POLICY, { identities: [SHOP] }))).code).toBe(
      'ERR_KEY_UNSUPPORTED',
    )
  })
})

describe('names', () => {
  test('a request that asks for another identity than its own is refused, also where it is allowed', async () => {
    const csr = await request({ subjectAltNames: [{ type: 'uri', value: 'spiffe://td/ns/shop/sa/other' }] })
    expect(await refused(POLICY, csr, { identities: [SHOP] })).toEqual(['request identities'])
    const own = await request({ subjectAltNames: [{ type: 'uri', value: SHOP }] })
    expect(namesOf((await (await rootCa()).sign(own, POLICY, { identities: [SHOP] })).certificate)).toEqual([
      `uri:${SHOP}`,
    ])
  })

  test('of a request are taken where the policy says so, and judged', async () => {
    const policy: IssuancePolicyInput = {
      name: 'hosts',
      profile: 'gloo-relay-server',
      namesFrom: 'request',
      names: { dns: { allow: ['**.example.com'] } },
      lifetime: { max: '90d' },
    }
    const csr = await request({ subjectAltNames: [{ type: 'dns', value: 'a.example.com' }] })
    const { certificate } = await (await rootCa()).sign(csr, policy)
    expect(namesOf(certificate)).toEqual(['dns:a.example.com'])
    const evil = await request({
      subjectAltNames: [
        { type: 'dns', value: 'a.example.com' },
        { type: 'ip', value: '10.0.0.1' },
      ],
    })
    expect(await refused(policy, evil)).toEqual(['certificate ip'])
  })

  test('two names that differ beyond the 256th character are two', async () => {
    const long = (end: string): string => `spiffe://td/ns/shop/sa/${'a'.repeat(300)}${end}`
    const csr = await request({ subjectAltNames: [{ type: 'uri', value: long('1') }] })
    expect(await refused(POLICY, csr, { identities: [long('2')] })).toEqual(['request identities'])
  })

  test('a SPIFFE ID stands alone among URIs, and has a path', async () => {
    const policy: IssuancePolicyInput = { name: 'open', lifetime: { max: '24h' } }
    expect(await refused(policy, await request(), { identities: [SHOP, ID] })).toEqual(['certificate spiffe'])
    expect(await refused(policy, await request(), { identities: ['spiffe://td'] })).toEqual([
      'certificate spiffe',
    ])
  })

  test('a name that can be read and not written is refused', async () => {
    const policy: IssuancePolicyInput = {
      name: 'both',
      namesFrom: 'both',
      request: { subjectAltNames: 'any' },
      names: { uri: { allow: ['https://a b/'] }, spiffe: { allow: ['spiffe://td/**'] } },
      lifetime: { max: '24h' },
    }
    const csr = asking([SAN, subjectAltName(uri('https://a b/'))])
    expect(await refused(policy, csr)).toEqual(['certificate names'])
  })
})

describe('the subject', () => {
  const from = (subject: IssuancePolicyInput['subject']): IssuancePolicyInput => ({ ...POLICY, subject })

  test.each<[string, IssuancePolicyInput['subject'], string, SignOptions, string]>([
    ['is empty by default', undefined, 'CN=a,O=b', {}, ''],
    ['is that of the policy', { from: 'policy', value: 'O=Shop' }, 'CN=a', {}, 'O=Shop'],
    [
      'is that of the request',
      { from: 'request', attributes: { O: ['b'], CN: 'any' } },
      'CN=a,O=b',
      {},
      'CN=a,O=b',
    ],
    [
      'is that of the call',
      { from: 'caller', attributes: { O: ['Shop'] } },
      'CN=a',
      { subject: 'O=Shop' },
      'O=Shop',
    ],
  ])('%s', async (_, rules, subject, options, expected) => {
    const csr = await request({ subject })
    const { certificate } = await (await rootCa()).sign(csr, from(rules), { identities: [SHOP], ...options })
    expect(String(certificate.subject)).toBe(expected)
  })

  test.each<[string, IssuancePolicyInput['subject'], string, SignOptions, readonly string[]]>([
    [
      'an attribute that is not allowed',
      { from: 'request', attributes: { CN: 'any' } },
      'CN=a,O=b',
      {},
      ['certificate subject'],
    ],
    [
      'a value that is not allowed',
      { from: 'request', attributes: { O: ['Shop'] } },
      'O=shop',
      {},
      ['certificate subject'],
    ],
    [
      'a subject of the call where the policy has its own',
      { from: 'policy', value: 'O=Shop' },
      'CN=a',
      { subject: 'O=x' },
      ['request subject'],
    ],
    [
      'a common name that is a host',
      { from: 'request', attributes: 'any' },
      'CN=evil.example',
      {},
      ['certificate dns'],
    ],
    [
      'a common name that is another identity',
      { from: 'request', attributes: 'any' },
      `CN=${ID}`,
      {},
      ['certificate spiffe'],
    ],
  ])('refuses %s', async (_, rules, subject, options, expected) => {
    expect(
      await refused(from(rules), await request({ subject }), { identities: [SHOP], ...options }),
    ).toEqual(expected)
  })

  test("is not the issuer's: self-issued certificates have a code of their own", async () => {
    const csr = await request({ subject: 'CN=root ca,O=istio' })
    const ca = await rootCa()
    const error = await refusalOfAsync(
      ca.sign(csr, from({ from: 'request', attributes: 'any' }), { identities: [SHOP] }),
    )
    expect(error.code).toBe('ERR_CA_SELF_ISSUED')
  })
})

describe('lifetime', () => {
  const lived = (lifetime: IssuancePolicyInput['lifetime']): IssuancePolicyInput => ({ ...POLICY, lifetime })
  const sign = async (policy: IssuancePolicyInput, lifetime?: string) =>
    (await rootCa()).sign(await request(), policy, { identities: [SHOP], lifetime })

  test('what is asked for, else the default, else that of the profile', async () => {
    expect((await sign(lived({ max: '90d' }), '30d')).certificate.notAfter).toEqual(at(30 * DAY))
    expect((await sign(lived({ max: '90d', default: '2h' }))).certificate.notAfter).toEqual(at(2 * HOUR))
    expect((await sign(lived({ max: '90d' }))).certificate.notAfter).toEqual(at(DAY))
    expect((await sign(lived({ max: '1h' }))).certificate.notAfter).toEqual(at(HOUR))
  })

  test('too long: refused, or cut, which the decision tells', async () => {
    expect(
      await refused(lived({ max: '1h' }), await request(), { identities: [SHOP], lifetime: '3601s' }),
    ).toEqual(['request lifetime'])
    const { certificate, decision } = await sign(lived({ max: '1h', onTooLong: 'cap' }), '24h')
    expect(certificate.notAfter).toEqual(at(HOUR))
    expect(decision.fields.find(({ field }) => field === 'lifetime')).toMatchObject({
      asked: '1d',
      granted: '1h',
      from: 'policy',
    })
  })

  test('too short: refused, also where an issuer that ends soon makes it so', async () => {
    const policy = lived({ max: '24h', min: '1h' })
    expect(await refused(policy, await request(), { identities: [SHOP], lifetime: '59m' })).toEqual([
      'request lifetime',
    ])
    expect(
      await refused(policy, await request(), { identities: [SHOP], lifetime: '2h' }, (key) =>
        rootCa({ key, lifetime: '30m' }),
      ),
    ).toEqual(['certificate lifetime'])
    const { cappedBy, certificate } = await (await rootCa({ lifetime: '90m' })).sign(
      await request(),
      policy,
      {
        identities: [SHOP],
      },
    )
    expect(certificate.notAfter).toEqual(at(90 * MINUTE))
    expect(String(cappedBy?.subject)).toBe('CN=Root CA,O=Istio')
  })

  test('a policy whose own default it would refuse is refused', async () => {
    await expect(sign(lived({ max: '1h', default: '2h' }))).rejects.toThrow(
      /"lifetime\.default" is 2h.*at most 1h/,
    )
  })
})

describe('keys', () => {
  test.each<[IssuancePolicyInput['keys'], 'P-256' | 'RSA-2048' | 'Ed25519', boolean]>([
    [{ allow: ['P-256'] }, 'P-256', true],
    [{ allow: ['P-256'] }, 'Ed25519', false],
    [{ allow: ['RSA'] }, 'RSA-2048', true],
    [{ rsaBits: { min: 3072 } }, 'RSA-2048', false],
    [{ rsaBits: { min: 3072 } }, 'P-256', true],
  ])('%j: %s is allowed: %s', async (keys, key, allowed) => {
    const csr = await request({ key })
    const policy = { ...POLICY, keys }
    if (allowed)
      expect(
        (await (await rootCa()).sign(csr, policy, { identities: [SHOP] })).certificate.publicKey,
      ).toEqual(csr.publicKey)
    else expect(await refused(policy, csr, { identities: [SHOP] })).toEqual(['certificate key'])
  })

  test('a denied key is refused', async () => {
    const csr = await request()
    const digest = createHash('sha256').update(csr.publicKey).digest('hex')
    expect(await refused({ ...POLICY, keys: { deny: [digest] } }, csr, { identities: [SHOP] })).toEqual([
      'certificate key',
    ])
    const other = { ...POLICY, keys: { deny: [digest] } }
    const { certificate } = await (await rootCa()).sign(await request(), other, { identities: [SHOP] })
    expect(certificate.isCa).toBe(false)
    // From a certificate of the key, whichever, or from the key: one digest.
    expect(csr.publicKeyFingerprint()).toBe(digest)
    const again = (await (await rootCa()).sign(csr, POLICY, { identities: [SHOP] })).certificate
    expect([again.publicKeyFingerprint(), again.fingerprint() === digest]).toEqual([digest, false])
  })
})

describe('usages', () => {
  const EKU = '2.5.29.37'
  const CLIENT = seq(hex('06082b06010505070302'))
  const CODE = seq(hex('06082b06010505070303'))
  const policy: IssuancePolicyInput = {
    ...POLICY,
    usage: { extendedKeyUsage: { allow: ['clientAuth', 'serverAuth'] } },
  }

  test('a request may choose where the policy lets it', async () => {
    const ca = await rootCa()
    const usages = async (csr: CsrInput, of: IssuancePolicyInput) =>
      (await ca.sign(csr, of, { identities: [SHOP] })).certificate.extendedKeyUsage?.map((oid) =>
        oid.slice(-1),
      )
    expect(await usages(asking([EKU, CLIENT]), policy)).toEqual(['2'])
    expect(await usages(asking([EKU, CLIENT]), POLICY)).toEqual(['1', '2'])
    expect(await usages(await request(), policy)).toEqual(['1', '2'])
    expect(await refused(policy, asking([EKU, CODE]), { identities: [SHOP] })).toEqual([
      'request extended-key-usage',
    ])
  })

  test('key usage too, but never that of a CA', async () => {
    const ku = (bits: string) => asking(['2.5.29.15', hex(bits)])
    const of: IssuancePolicyInput = { ...POLICY, usage: { keyUsage: { allow: ['digitalSignature'] } } }
    const { certificate } = await (await rootCa()).sign(ku('03020780'), of, { identities: [SHOP] })
    expect(certificate.keyUsage).toEqual(['digitalSignature'])
    // keyCertSign.
    expect(await refused(of, ku('03020204'), { identities: [SHOP] })).toEqual([
      'request basic-constraints',
      'request key-usage',
    ])
    await expect(
      (await rootCa()).sign(ku('03020780'), { ...POLICY, usage: { keyUsage: { allow: ['keyCertSign'] } } }),
    ).rejects.toThrow(/must not hold keyCertSign/)
  })
})

describe('hooks', () => {
  const order: string[] = []
  const hooked = (policy: Partial<IssuancePolicyInput>): IssuancePolicyInput => ({ ...POLICY, ...policy })

  test('enrich adds, authorise sees what was added and has the last word', async () => {
    const policy = hooked({
      subject: { from: 'caller', attributes: { O: ['Shop'] } },
      enrich: async ({ identities, names, context, policy: name }) => {
        order.push(`enrich ${identities.length} ${names.length} ${String(context)} ${name}`)
        return { identities: [SHOP], subject: 'O=Shop', lifetime: '1h' }
      },
      authorize: async ({ names, subject, lifetimeMs, csr }) => {
        order.push(`authorize ${names.length} ${String(subject)} ${lifetimeMs} ${csr.publicKeyType}`)
        return true
      },
    })
    const { certificate } = await (await rootCa()).sign(await request(), policy, {
      context: 'pod 7',
      lifetime: '2h',
    })
    expect(order).toEqual(['enrich 0 0 pod 7 shop', 'authorize 1 O=Shop 3600000 Ed25519'])
    expect([String(certificate.subject), namesOf(certificate), certificate.notAfter]).toEqual([
      'O=Shop',
      [`uri:${SHOP}`],
      at(HOUR),
    ])
  })

  test('what a hook adds is judged as everything else', async () => {
    const policy = hooked({
      enrich: () => ({ identities: ['spiffe://td/ns/kube-system/sa/x'], lifetime: '48h' }),
    })
    expect(await refused(policy, await request())).toEqual(['request lifetime', 'certificate spiffe'])
  })

  test.each<[string, unknown]>([
    ['a reason', { refuse: 'not today' }],
    ['false', false],
    ['undefined', undefined],
    ['1', 1],
    ['a promise of false', Promise.resolve(false)],
    ['an object that looks well', { ok: true }],
  ])('only true authorises: %s', async (_, answer) => {
    const policy = hooked({
      authorize: (() => answer) as unknown as NonNullable<IssuancePolicyInput['authorize']>,
    })
    expect(await refused(policy, await request(), { identities: [SHOP] })).toEqual(['request authorize'])
  })

  test('a request that is refused already asks nobody', async () => {
    let asked = 0
    const policy = hooked({
      authorize: () => {
        asked++
        return true
      },
    })
    expect(await refused(policy, asking([SAN, subjectAltName(dns('a.b'))]), { identities: [SHOP] })).toEqual([
      'request identities',
    ])
    expect(asked).toBe(0)
    await (await rootCa()).sign(await request(), policy, { identities: [SHOP] })
    expect(asked).toBe(1)
  })

  test.each(['enrich', 'authorize'] as const)(
    '%s that throws refuses; its error is the cause',
    async (name) => {
      const cause = new Error('the directory is down')
      const policy = hooked({ [name]: () => Promise.reject(cause) })
      const error = await refusalOfAsync(
        (await rootCa()).sign(await request(), policy, { identities: [SHOP] }),
      )
      expect([error.code, error.cause]).toEqual(['ERR_POLICY_HOOK', cause])
    },
  )

  test('an abort ends the wait with its reason', async () => {
    const controller = new AbortController()
    const policy = hooked({
      authorize: () => {
        controller.abort(new Error('gone'))
        return new Promise(() => {})
      },
    })
    await expect(
      (await rootCa()).sign(await request(), policy, { identities: [SHOP], signal: controller.signal }),
    ).rejects.toThrow('gone')
  })

  test('an answer with an unknown member is a mistake', async () => {
    const policy = hooked({
      enrich: (() => ({ identity: SHOP })) as unknown as NonNullable<IssuancePolicyInput['enrich']>,
    })
    await expect((await rootCa()).sign(await request(), policy, { identities: [SHOP] })).rejects.toThrow(
      /Did you mean "identities"/,
    )
  })
})

describe('renewal', () => {
  const first = async (policy = POLICY) => {
    const root = await rootCa()
    const ca = await below(root)
    return { root, ca, current: (await ca.sign(await request(), policy, { identities: [SHOP] })).certificate }
  }

  test('takes the names of the certificate, under the same rules', async () => {
    const { ca, current } = await first()
    const { certificate } = await ca.sign(await request(), POLICY, { renews: current, lifetime: '1h' })
    expect(namesOf(certificate)).toEqual([`uri:${SHOP}`])
    const changed: IssuancePolicyInput = {
      ...POLICY,
      names: { spiffe: { allow: ['spiffe://td/ns/bank/**'] } },
    }
    const error = await refusalOfAsync(ca.sign(await request(), changed, { renews: current }))
    expect(error).toMatchObject({ violations: [{ rule: 'spiffe' }] })
    const other = await request({ subjectAltNames: [{ type: 'uri', value: 'spiffe://td/ns/shop/sa/other' }] })
    expect(await refusalOfAsync(ca.sign(other, POLICY, { renews: current }))).toMatchObject({
      violations: [{ rule: 'identities' }],
    })
  })

  test('of a predecessor: only where it is named', async () => {
    const { root, ca, current } = await first()
    const next = await below(root, { subject: 'CN=Next,O=Istio' })
    const options = { renews: current, predecessors: ca.certificate }
    expect(namesOf((await next.sign(await request(), POLICY, options)).certificate)).toEqual([`uri:${SHOP}`])
    const sibling = await below(root, { subject: 'CN=Sibling,O=Istio' })
    for (const predecessors of [undefined, sibling.certificate])
      expect(
        (await refusalOfAsync(next.sign(await request(), POLICY, { renews: current, predecessors }))).code,
      ).toBe('ERR_POLICY_RENEWAL')
    await expect(next.sign(await request(), POLICY, { predecessors: ca.certificate })).rejects.toThrow(
      /needs the option "renews"/,
    )
  })

  test('expired, of another CA, or made by nobody: refused', async () => {
    const { root, ca, current } = await first()
    const late = await below(root, { subject: 'CN=Late,O=Istio' }, { clock: clockAt(2 * DAY) })
    const error = await refusalOfAsync(
      late.sign(await request(), POLICY, { renews: current, predecessors: ca.certificate }),
    )
    expect([error.code, (error.cause as { code?: string }).code]).toEqual([
      'ERR_POLICY_RENEWAL',
      'ERR_PATH_EXPIRED',
    ])
    const stranger = await first()
    expect((await refusalOfAsync(ca.sign(await request(), POLICY, { renews: stranger.current }))).code).toBe(
      'ERR_POLICY_RENEWAL',
    )
  })

  test('of a CA as a leaf, or of a leaf as a CA: refused', async () => {
    const { root, ca, current } = await first()
    expect(
      (await refusalOfAsync(root.sign(await request(), POLICY, { renews: ca.certificate }))).message,
    ).toMatch(/it is a CA's, and the policy makes end entities/)
    const policy: IssuancePolicyInput = { name: 'cas', profile: 'mesh-intermediate', lifetime: { max: '1d' } }
    const csr = await request({ subject: 'CN=x' })
    expect(
      (await refusalOfAsync(root.sign(csr, policy, { renews: current, predecessors: ca.certificate })))
        .message,
    ).toMatch(/it is no CA's, and the policy makes CAs/)
  })

  test('that is revoked, or ends, while the functions of the policy are asked: refused', async () => {
    const root = await rootCa()
    const clock = clockAt()
    const ca = await below(root, {}, { clock, revocations: memoryRevocationStore() })
    const issue = async () =>
      (await ca.sign(await request(), POLICY, { identities: [SHOP], lifetime: '1h' })).certificate
    const revoked = await issue()
    const asked = (work: () => unknown): IssuancePolicyInput => ({
      ...POLICY,
      authorize: async () => {
        await work()
        return true
      },
    })
    const revoke = asked(() => ca.revoke(revoked, { reason: 'keyCompromise' }))
    expect((await refusalOfAsync(ca.sign(await request(), revoke, { renews: revoked }))).message).toMatch(
      /it is revoked \(keyCompromise\)/,
    )
    const ending = await issue()
    const wait = asked(() => clock.advance('2h'))
    expect((await refusalOfAsync(ca.sign(await request(), wait, { renews: ending }))).code).toBe(
      'ERR_POLICY_RENEWAL',
    )
    expect(
      namesOf(
        (
          await ca.sign(
            await request(),
            asked(() => {}),
            { renews: await issue() },
          )
        ).certificate,
      ),
    ).toEqual([`uri:${SHOP}`])
  })

  test('the same key is refused, unless it is said, and then keeps its identifier', async () => {
    const ca = await rootCa()
    const csr = await request()
    const current = (await ca.sign(csr, { ...POLICY, keyIdentifier: 'sha256' }, { identities: [SHOP] }))
      .certificate
    let asked = 0
    const asking = { ...POLICY, authorize: () => ++asked > 0 }
    for (const policy of [POLICY, asking])
      expect((await refusalOfAsync(ca.sign(csr, policy, { renews: current }))).code).toBe('ERR_CA_KEY_REUSED')
    expect(asked).toBe(0)
    const { certificate } = await ca.sign(csr, POLICY, { renews: current, sameKey: 'keep' })
    expect(certificate.subjectKeyIdentifier).toBe(current.subjectKeyIdentifier)
  })

  test('what was put on the certificate since it was read counts for nothing', async () => {
    const ca = await rootCa({ revocations: memoryRevocationStore() })
    const { certificate } = await ca.sign(await request(), POLICY, { identities: [SHOP] })
    const renews = Certificate.fromDer(certificate.der)
    Object.defineProperty(renews, 'serialNumber', { value: '01' })
    Object.defineProperty(renews, 'subjectAltNames', {
      value: [{ type: 'uri', value: 'spiffe://td/ns/shop/sa/admin' }],
    })
    const next = (await ca.sign(await request(), POLICY, { renews })).certificate
    expect(namesOf(next)).toEqual([`uri:${SHOP}`])

    await ca.revoke(certificate, { reason: 'keyCompromise' })
    const error = await refusalOfAsync(ca.sign(await request(), POLICY, { renews }))
    expect([error.code, error.message]).toEqual([
      'ERR_POLICY_RENEWAL',
      expect.stringContaining('keyCompromise'),
    ])
  })

  test('arguments in the wrong order, and a host where a SPIFFE ID is due, are told as that', async () => {
    const ca = await rootCa()
    const csr = await request()
    await expect(ca.sign(POLICY as never, csr as never)).rejects.toThrow(/the order is ca.sign\(csr, policy/)
    const error = await refusalOfAsync(ca.sign(csr, POLICY, { identities: [SHOP, 'cart.shop'] }))
    expect([error.code, error.message]).toEqual([
      'ERR_SPIFFE_ID',
      expect.stringMatching(/^option "identities\[1\]": .*\{ type: 'dns', value/),
    ])
  })

  test('names and a certificate to renew exclude each other', async () => {
    const { ca, current } = await first()
    await expect(ca.sign(await request(), POLICY, { renews: current, identities: [SHOP] })).rejects.toThrow(
      /exclude each other/,
    )
    await expect(ca.sign(await request(), POLICY, { sameKey: 'keep', identities: [SHOP] })).rejects.toThrow(
      /needs the option "renews"/,
    )
  })
})

describe('CAs', () => {
  const cluster: IssuancePolicyInput = {
    name: 'clusters',
    profile: 'mesh-intermediate',
    subject: { from: 'request', attributes: { O: ['Istio'], CN: 'any', L: 'any' } },
    names: { dns: { allow: ['istiod.istio-system.svc'] } },
    nameConstraints: { permitted: [{ type: 'uri', value: 'kind2' }] },
    lifetime: { max: '365d' },
  }

  test('are signed with path length and name constraints, and dry-run', async () => {
    const root = await rootCa()
    const csr = await request({ subject: 'L=kind2,CN=Intermediate CA,O=Istio' })
    const { certificate } = await root.sign(csr, cluster)
    expect([certificate.isCa, certificate.pathLength]).toEqual([true, 0])
    expect(certificate.nameConstraints?.permitted[0]).toEqual({ type: 'uri', value: 'kind2' })
    expect(await refused(cluster, await request({ subject: 'CN=x,O=Evil' }))).toEqual(['certificate subject'])
  })

  test('never deeper than the chain allows', async () => {
    const root = await rootCa({ pathLength: 0 })
    const csr = await request({ subject: 'CN=x,O=Istio' })
    expect((await refusalOfAsync(root.sign(csr, cluster))).code).toBe('ERR_CA_PATH_LENGTH')
  })

  test('a policy for end entities has no path length, one for CAs has no root profile', async () => {
    const root = await rootCa()
    const csr = await request()
    await expect(root.sign(csr, { ...POLICY, pathLength: 0 })).rejects.toThrow(/are for CAs/)
    await expect(root.sign(csr, { ...POLICY, profile: 'mesh-root' })).rejects.toThrow(/is for roots/)
  })
})

describe("the issuer's name constraints", () => {
  test('are a violation like the others', async () => {
    const make = (key: CallersSigner) =>
      rootCa({ key, nameConstraints: { permitted: [{ type: 'uri', value: 'other' }] } })
    expect(
      await refused({ ...POLICY, keys: { allow: ['RSA'] } }, await request(), { identities: [SHOP] }, make),
    ).toEqual(['certificate key', 'certificate name-constraints'])
  })
})

describe('misuse', () => {
  test.each<[unknown, RegExp]>([
    [{ lifetime: { max: '1h' } }, /option "name"/],
    [{ name: 'x' }, /needs the option "lifetime"/],
    [
      { name: 'x', lifetime: { max: '1h' }, namesFrom: 'request' },
      /takes names from requests and says nowhere which/,
    ],
    [{ name: 'x', lifetime: { max: 3600 } }, /"lifetime\.max" must be a duration/],
    [{ name: 'x', lifetime: { max: '1h' }, nam: {} }, /Did you mean "name/],
    [{ name: 'x', lifetime: { max: '1h' }, profile: 'vault' }, /"profile" must be one of/],
    [{ name: 'x', lifetime: { max: '1h' }, authorize: true }, /"authorize" must be a function/],
    [{ name: 'x', lifetime: { max: '1h' }, subject: { from: 'request' } }, /"subject\.attributes"/],
    [
      { name: 'x', lifetime: { max: '1h' }, subject: { from: 'policy', attributes: 'any' } },
      /"subject\.attributes" is for/,
    ],
    [
      { name: 'x', lifetime: { max: '1h' }, subject: { from: 'request', attributes: { XX: 'any' } } },
      /unknown attribute "XX"/,
    ],
    [{ name: 'x', lifetime: { max: '1h' }, keys: { allow: ['DSA'] } }, /"keys\.allow" must be one of/],
    [{ name: 'x', lifetime: { max: '1h' }, keys: { deny: ['AB'] } }, /"keys\.deny" must hold SHA-256/],
    [{ name: 'x', lifetime: { max: '1h' }, keys: { rsaBits: { min: 1024 } } }, /"keys\.rsaBits\.min"/],
    [{ name: 'x', lifetime: { max: '1h' }, request: { extensions: ['foo'] } }, /"request\.extensions"/],
    [
      { name: 'x', lifetime: { max: '1h' }, usage: { extendedKeyUsage: { impose: ['tls'] } } },
      /"usage\.extendedKeyUsage\.impose"/,
    ],
    [null, /a policy takes an options object; got null/],
  ])('%j', async (policy, message) => {
    const ca = await rootCa()
    await expect(
      ca.sign(await request(), policy as IssuancePolicyInput, { identities: [SHOP] }),
    ).rejects.toThrow(message)
  })

  test('unknown options, identities of another shape', async () => {
    const ca = await rootCa()
    const csr = await request()
    await expect(ca.sign(csr, POLICY, { identity: [SHOP] } as never)).rejects.toThrow(
      /Did you mean "identities"/,
    )
    await expect(ca.sign(csr, POLICY, { identities: SHOP } as never)).rejects.toThrow(
      /"identities" must be an array/,
    )
    expect((await refusalOfAsync(ca.sign(csr, POLICY, { identities: ['http://x'] }))).code).toBe(
      'ERR_SPIFFE_ID',
    )
  })
})

describe('what others take for a name in a subject', () => {
  const open: IssuancePolicyInput = { ...POLICY, subject: { from: 'request', attributes: 'any' } }
  const subjectOf = (...rdns: readonly Uint8Array[]): Csr => Csr.fromDer(csrOf({ subject: seq(...rdns) }))

  test.each<[string, Csr, readonly string[]]>([
    [
      'an e-mail address',
      subjectOf(rdn('1.2.840.113549.1.9.1', text(0x16, 'root@evil.example'))),
      ['certificate email'],
    ],
    [
      'a common name with a NUL',
      subjectOf(rdn('2.5.4.3', text(0x0c, 'good\0.evil.example'))),
      ['certificate subject'],
    ],
    [
      'a host in letters that only look so',
      subjectOf(rdn('2.5.4.3', text(0x0c, 'еvil.example'))),
      ['certificate subject'],
    ],
    ['a common name that is no text', subjectOf(rdn('2.5.4.3', hex('030100'))), ['certificate subject']],
    [
      'the second of two common names',
      subjectOf(rdn('2.5.4.3', text(0x0c, 'Plain Name')), rdn('2.5.4.3', text(0x0c, 'evil.example'))),
      ['certificate dns'],
    ],
  ])('is judged: %s', async (_, csr, expected) => {
    expect(await refused(open, csr, { identities: [SHOP] })).toEqual(expected)
  })

  test('a text that nobody takes for one passes', async () => {
    const csr = subjectOf(rdn('2.5.4.3', text(0x0c, 'Intermediate CA 1.2')))
    const { certificate } = await (await rootCa()).sign(csr, open, { identities: [SHOP] })
    expect(certificate.subject.values('CN')).toEqual(['Intermediate CA 1.2'])
  })
})

describe('what a request cannot reach by its common name', () => {
  const denied: IssuancePolicyInput = {
    ...POLICY,
    names: { dns: { deny: ['admin.example.com'] } },
    subject: { from: 'request', attributes: { CN: 'any' } },
  }
  const closed: IssuancePolicyInput = {
    ...denied,
    names: { ...POLICY.names, dns: { allow: ['*.shop.svc'] } },
  }
  const named = (value: string): Csr =>
    Csr.fromDer(csrOf({ subject: seq(rdn('2.5.4.3', text(0x0c, value))) }))

  // Each was taken for admin.example.com by OpenSSL, curl or Java.
  test.each([
    'admin.example.com',
    'ADMIN.example.com.',
    'adm*.example.com',
    '*dmin.example.com',
    'admin\u3002example\u3002com',
    'adm\u00adin.example.com',
    'admin.example.com\ufeff',
    ' admin.example.com ',
    '\uff41dmin.example.com',
  ])('%j', async (value) => {
    for (const policy of [denied, closed])
      expect(await refused(policy, named(value), { identities: [SHOP] })).toHaveLength(1)
  })

  test('a common name of more than 64 characters, and one that takes long to look at', async () => {
    const any: IssuancePolicyInput = { ...POLICY, subject: { from: 'request', attributes: { O: 'any' } } }
    expect(await refused(any, named(`${'.'.repeat(60_000)} `), { identities: [SHOP] })).toEqual([
      'certificate subject',
      'certificate subject',
    ])
    const sixtyFour: IssuancePolicyInput = { ...denied, names: POLICY.names }
    const { certificate } = await (await rootCa()).sign(named('x'.repeat(64)), sixtyFour, {
      identities: [SHOP],
    })
    expect(certificate.subject.values('CN')).toEqual(['x'.repeat(64)])
    expect(await refused(sixtyFour, named('x'.repeat(65)), { identities: [SHOP] })).toEqual([
      'certificate subject',
    ])
  })

  test('what the policy names word by word is meant', async () => {
    const node: IssuancePolicyInput = {
      ...POLICY,
      subject: { from: 'request', attributes: { CN: ['system:node:worker-1'], O: ['system:nodes'] } },
    }
    const csr = await request({ subject: 'CN=system:node:worker-1,O=system:nodes' })
    expect(String((await (await rootCa()).sign(csr, node, { identities: [SHOP] })).certificate.subject)).toBe(
      'CN=system:node:worker-1,O=system:nodes',
    )
    expect(await refused(node, named('system:node:worker-2'), { identities: [SHOP] })).toEqual([
      'certificate subject',
      'certificate subject',
    ])
  })

  test.each(['first-name-if-asked', 'first-dns-name'] as const)(
    'where common names are made (%s), none that was asked for stays',
    async (commonName) => {
      const long = `spiffe://td/ns/shop/sa/${'c'.repeat(60)}`
      const policy: IssuancePolicyInput = {
        ...POLICY,
        subject: { from: 'request', attributes: { O: ['Istio'] }, commonName },
      }
      const csr = await request({ subject: 'CN=system masters,O=Istio' })
      const { certificate } = await (await rootCa()).sign(csr, policy, { identities: [long] })
      expect(String(certificate.subject)).toBe('O=Istio')
    },
  )

  test('a multi-valued RDN stays whole beside a common name that is made', async () => {
    const policy: IssuancePolicyInput = {
      ...POLICY,
      subject: { from: 'request', attributes: 'any', commonName: 'first-name-if-asked' },
    }
    const two = set(seq(oid('2.5.4.10'), text(0x13, 'a')), seq(oid('2.5.4.10'), text(0x13, 'b')))
    const csr = Csr.fromDer(csrOf({ subject: seq(two, rdn('2.5.4.3', text(0x0c, 'x'))) }))
    const { certificate } = await (await rootCa()).sign(csr, policy, { identities: [SHOP] })
    expect(certificate.subject.values('O')).toEqual(['a', 'b'])
    expect(certificate.subject.rdns.length).toBe(2)
    expect(certificate.subject.values('CN')).toEqual([SHOP])
  })
})

describe("the issuer's constraints on hosts hold for common names too: OpenSSL and Java look there", () => {
  const nameConstraints = { permitted: [{ type: 'uri', value: 'td' }] } as const
  const open: IssuancePolicyInput = {
    ...POLICY,
    subject: { from: 'request', attributes: 'any' },
    names: { wildcards: true },
  }

  test.each(['evil.com', '*.evil.com', 'w*.evil.com', 'evil\u3002com'])('%s', async (value) => {
    const csr = Csr.fromDer(csrOf({ subject: seq(rdn('2.5.4.3', text(0x0c, value))) }))
    const make = (key: CallersSigner) => rootCa({ key, nameConstraints })
    expect(await refused(open, csr, { identities: [SHOP] }, make)).toEqual(['certificate name-constraints'])
    // Without constraints, and without lists, nothing forbids it.
    expect((await (await rootCa()).sign(csr, open, { identities: [SHOP] })).certificate.subject.isEmpty).toBe(
      false,
    )
  })

  test('text that is no host stays free', async () => {
    const root = await rootCa({ nameConstraints })
    const { certificate } = await root.sign(await request({ subject: 'CN=Workload' }), open, {
      identities: [SHOP],
    })
    expect(String(certificate.subject)).toBe('CN=Workload')
  })
})

describe('policies that would not be read as they were meant', () => {
  const EVIL = { identities: [{ type: 'dns', value: 'evil.example' }] } as const

  test.each<[string, unknown]>([
    ['a member that is null', { name: 'p', names: null, lifetime: { max: '1h' } }],
    ['a rule that is null', { name: 'p', names: { dns: { allow: null } }, lifetime: { max: '1h' } }],
    [
      'a member of a prototype',
      Object.assign(Object.create({ names: { dns: { allow: [] } } }), { name: 'p', lifetime: { max: '1h' } }),
    ],
    [
      'an instance of a class',
      new (class {
        readonly name = 'p'
        readonly lifetime = { max: '1h' }
        authorize() {
          return false
        }
      })(),
    ],
    [
      'rules of a class',
      {
        name: 'p',
        names: new (class {
          get dns() {
            return { allow: [] }
          }
        })(),
        lifetime: { max: '1h' },
      },
    ],
    ['what only has the prototype of a policy', Object.create(IssuancePolicy.prototype)],
    [
      'an attribute under two names',
      {
        name: 'p',
        lifetime: { max: '1h' },
        subject: { from: 'request', attributes: { O: ['a'], organizationName: 'any' } },
      },
    ],
  ])('%s', async (_, policy) => {
    await expect((await rootCa()).sign(await request(), policy as IssuancePolicyInput, EVIL)).rejects.toThrow(
      TypeError,
    )
  })

  test('a plain object without a prototype is one', async () => {
    const policy = Object.assign(Object.create(null), POLICY) as IssuancePolicyInput
    expect(
      namesOf((await (await rootCa()).sign(await request(), policy, { identities: [SHOP] })).certificate),
    ).toEqual([`uri:${SHOP}`])
  })

  test('what functions are shown cannot be changed, and a made policy cannot either', async () => {
    const seen: unknown[] = []
    const policy: IssuancePolicyInput = {
      ...POLICY,
      authorize: (asked) => {
        for (const change of [
          () => (asked.identities as unknown[]).push({ type: 'dns', value: 'evil.example' }),
          () => Object.assign(asked.names[0] ?? {}, { value: 'spiffe://td/ns/shop/sa/other' }),
          () => Object.defineProperty(asked.csr, 'subjectAltNames', { value: [] }),
          () => Object.assign(asked, { subject: 'x' }),
        ]) {
          try {
            change()
          } catch (error) {
            seen.push(error)
          }
        }
        return true
      },
    }
    const { certificate } = await (await rootCa()).sign(await request(), policy, { identities: [SHOP] })
    expect(namesOf(certificate)).toEqual([`uri:${SHOP}`])
    expect(seen.map((error) => error instanceof TypeError)).toEqual([true, true, true, true])
    const made = IssuancePolicy.from(POLICY)
    expect(() => Object.assign(made.lifetime, { backdate: 0 })).toThrow(TypeError)
    expect(() => Object.assign(made.names, { max: 9999 })).toThrow(TypeError)
  })
})

describe('the certificate says what its key is for', () => {
  test('a usage that the kind of key cannot have does not leave the extension out', async () => {
    const usage = { keyUsage: { allow: ['digitalSignature', 'keyEncipherment'] } } as const
    const csr = asking(['2.5.29.15', hex('03020520'), true])
    expect(await refused({ ...POLICY, usage }, csr, { identities: [SHOP] })).toEqual([
      'certificate key-usage',
    ])
    expect(() =>
      IssuancePolicy.from({
        ...POLICY,
        profile: { ...PROFILES['mesh-workload'], extensions: ['authorityKeyIdentifier', 'subjectAltName'] },
      }),
    ).toThrow(/"keyUsage" has values and no place among "extensions"/)
  })

  test('the decision is that of the certificate', async () => {
    const { decision } = await (await rootCa()).sign(await request(), POLICY, { identities: [SHOP] })
    expect(
      decision.fields.filter(({ field }) => field === 'key usage' || field === 'lifetime'),
    ).toMatchObject([{ asked: undefined, granted: '1d', from: 'policy' }, { granted: 'digitalSignature' }])
  })
})

describe('requests that ask for very much', () => {
  test('thousands of names: one violation, not thousands', async () => {
    const names = Array.from({ length: 3000 }, (_, i) => dns(`h${i}.example`))
    const csr = asking([SAN, subjectAltName(...names)])
    expect(await refused(POLICY, csr, { identities: [SHOP] })).toEqual(['request names'])
    const open: IssuancePolicyInput = {
      name: 'open',
      namesFrom: 'request',
      names: { dns: { allow: ['a.b'] }, max: 8192 },
      lifetime: { max: '1h' },
    }
    const error = await refusalOfAsync((await rootCa()).sign(csr, open))
    expect(error).toBeInstanceOf(PolicyError)
    if (error instanceof PolicyError) expect(error.violations.length).toBe(100)
    expect(error.message.length).toBeLessThan(20_000)
  })

  test('a life of less than a second is none', async () => {
    const root = await rootCa({ lifetime: '1s' })
    const policy = { ...istioCa(), names: { wildcards: true } }
    expect((await root.sign(await request(), policy, { identities: [SHOP] })).certificate.notAfter).toEqual(
      at(1),
    )
    const ended = await CertificateAuthority.from({
      certificate: root.certificate,
      signer: root.signer,
      clock: clockAt(1),
    })
    expect(await refusalOfAsync(ended.sign(await request(), policy, { identities: [SHOP] }))).toMatchObject({
      violations: [{ rule: 'lifetime' }],
    })
  })
})

describe('enrich says whom it is for', () => {
  test('so the names of the request are judged afterwards', async () => {
    const csr = await request({ subjectAltNames: [{ type: 'uri', value: SHOP }] })
    const enrich = () => ({ identities: [SHOP] })
    expect(namesOf((await (await rootCa()).sign(csr, { ...POLICY, enrich })).certificate)).toEqual([
      `uri:${SHOP}`,
    ])
    let authorized = 0
    const other: IssuancePolicyInput = {
      ...POLICY,
      enrich: () => ({ identities: ['spiffe://td/ns/shop/sa/other'] }),
      authorize: () => {
        authorized++
        return true
      },
    }
    expect(await refused(other, csr)).toEqual(['request identities'])
    expect(authorized).toBe(0)
  })
})

describe('nobody is asked about what is refused anyway', () => {
  const counting = () => {
    const asked: string[] = []
    const hooks: Pick<IssuancePolicyInput, 'enrich' | 'authorize'> = {
      enrich: () => {
        asked.push('enrich')
        return {}
      },
      authorize: () => {
        asked.push('authorize')
        return true
      },
    }
    return { asked, hooks }
  }

  test.each<[string, Partial<IssuancePolicyInput>, SignOptions, readonly string[]]>([
    ['what is allowed', {}, { identities: [SHOP] }, ['enrich', 'authorize']],
    ['a name', {}, { identities: ['spiffe://td/ns/bank/sa/x'] }, ['enrich']],
    ['a key', { keys: { allow: ['RSA'] } }, { identities: [SHOP] }, []],
    ['a lifetime', {}, { identities: [SHOP], lifetime: '25h' }, ['enrich']],
  ])('%s', async (_, rules, options, expected) => {
    const { asked, hooks } = counting()
    const policy = { ...POLICY, ...hooks, ...rules }
    if (expected.includes('authorize')) await (await rootCa()).sign(await request(), policy, options)
    else expect(await refused(policy, await request(), options)).not.toEqual([])
    expect(asked).toEqual(expected)
  })
})
