/**
 * Requests of somebody who wants more than the policy gives: an honest policy, approved by a careless hand.
 */
import { generateKeyPairSync } from 'node:crypto'
import { beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { Csr } from '../../../../src/csr/index.ts'
import { KubeClient, KubeResources } from '../../../../src/kubernetes/index.ts'
import { decideCertManagerRequest } from '../../../../src/kubernetes/signers/cert-manager-decision.ts'
import { certManagerIssuerStep } from '../../../../src/kubernetes/signers/cert-manager-issuer-step.ts'
import { decideCsr } from '../../../../src/kubernetes/signers/csr-decision.ts'
import { decidePodCertificate } from '../../../../src/kubernetes/signers/pod-certificate-decision.ts'
import { RequestSigner } from '../../../../src/kubernetes/signers/request-signer.ts'
import { signCsrStep } from '../../../../src/kubernetes/signers/sign-csr-step.ts'
import { signPodCertificateStep } from '../../../../src/kubernetes/signers/sign-pod-certificate-step.ts'
import type { SignerEvent } from '../../../../src/kubernetes/signers/signer-event.ts'
import type { SigningPolicy, SigningPolicyInput } from '../../../../src/kubernetes/signers/signing-policy.ts'
import { type FakeKubeApi, fakeKubeApi } from '../../../../src/kubernetes/testing/index.ts'
import { createTestHierarchy, manualClock, type TestHierarchy } from '../../../../src/testing/index.ts'
import { Certificate } from '../../../../src/x509/index.ts'
import {
  block,
  commonName,
  doubleValue,
  extension,
  extensionRequest,
  forge,
  microsoftRequest,
  oid,
  subjectAltName,
  tlv,
  uri,
} from './forged-csr.ts'
import { readYaml } from './rbac-support.ts'
import {
  CA_POLICY_INPUT,
  CART,
  CART_ID,
  condition,
  csrObject,
  intercepted,
  issuerObject,
  NOW,
  POLICY,
  podRequestObject,
  requestObject,
  SIGNER_NAME,
  text,
  wire,
} from './support.ts'

const { certificateSigningRequests, certManagerRequests, podCertificateRequests } = KubeResources

let hierarchy: TestHierarchy
let api: FakeKubeApi
let events: SignerEvent[]

beforeAll(async () => {
  hierarchy = await createTestHierarchy({ time: NOW })
})
beforeEach(() => {
  api = fakeKubeApi({
    clock: manualClock(NOW),
    resources: [certManagerRequests],
  })
  for (const file of ['crds/meshissuers.yaml', 'crds/clustermeshissuers.yaml'])
    for (const crd of readYaml(file)) api.seed(wire(crd))
  events = []
})

function start(policy: SigningPolicy | SigningPolicyInput = POLICY) {
  const ca = hierarchy.intermediate
  const sign = vi.fn(ca.sign.bind(ca))
  const clock = manualClock(NOW)
  const signer = RequestSigner.from({
    ca: { sign, chain: ca.chain },
    policy,
    clock,
    onEvent: (event) => events.push(event),
  })
  const client = new KubeClient(api.transport(), { fieldManager: 'signer', clock })
  return { sign, signer, clock, client }
}

const KINDS = ['CertificateSigningRequest', 'CertificateRequest', 'PodCertificateRequest'] as const
type Kind = (typeof KINDS)[number]

/** One request of a kind, one step; the certificates that stand in it then, and what was refused. */
async function ask(kind: Kind, der: Uint8Array, policy?: SigningPolicy | SigningPolicyInput) {
  const { signer, client, sign } = start(policy)
  const pem = block(der)
  if (kind === 'CertificateSigningRequest') {
    api.seed(csrObject(pem))
    await signCsrStep(client, 'cart-1', { signer, signerName: SIGNER_NAME })
  } else if (kind === 'CertificateRequest') {
    api.seed(issuerObject())
    api.seed(requestObject(pem))
    const signers = new Map([['istio', signer]])
    await certManagerIssuerStep(client, { namespace: 'shop', name: 'cart-1' }, { signers })
  } else {
    api.seed(podRequestObject(der))
    await signPodCertificateStep(
      client,
      { namespace: 'shop', name: 'req-1' },
      { signer, signerName: SIGNER_NAME },
    )
  }
  const object =
    kind === 'CertificateSigningRequest'
      ? api.read(certificateSigningRequests, { name: 'cart-1' })
      : kind === 'CertificateRequest'
        ? api.read(certManagerRequests, { namespace: 'shop', name: 'cart-1' })
        : api.read(podCertificateRequests, { namespace: 'shop', name: 'req-1' })
  const { certificate, certificateChain } = Object(object?.['status'])
  const chain = certificateChain ?? (certificate === undefined ? undefined : text(certificate))
  return {
    leaf: chain === undefined ? undefined : Certificate.listFromPem(chain)[0],
    refused: events.flatMap((event) => (event.type === 'refused' ? [event.message] : [])),
    // Made, not only asked for: the CA itself refuses by the policy.
    signed: sign.mock.settledResults.filter(({ type }) => type === 'fulfilled').length,
  }
}

const OWN = subjectAltName(uri(CART_ID))
const san = (...names: readonly Uint8Array[]) => [extensionRequest(subjectAltName(uri(CART_ID), ...names))]
const only = (name: string) => [extensionRequest(subjectAltName(uri(name)))]
const CA_TRUE = extension(19, tlv(0x30, tlv(1, Uint8Array.of(255))), true)

describe.each(KINDS)('a %s', (kind) => {
  it('for its own name is signed', async () => {
    const { leaf, signed } = await ask(kind, forge({ attributes: [extensionRequest(OWN)] }))
    expect(leaf?.subjectAltNames).toEqual([{ type: 'uri', value: CART_ID }])
    expect([leaf?.isCa, signed]).toEqual([false, 1])
  })

  it.each<[string, readonly Uint8Array[]]>([
    // Other names beside its own (RFC 5280 §4.2.1.6).
    ['an address', san(tlv(0x87, Uint8Array.of(10, 0, 0, 1)))],
    ['a host', san(tlv(0x82, 'istiod.istio-system.svc'))],
    ['a mailbox', san(tlv(0x81, 'root@example.com'))],
    ['a directory name', san(tlv(0xa4, commonName('admin')))],
    ['another name', san(tlv(0xa0, oid(0x2b, 6, 1, 4, 1, 1), tlv(0xa0, tlv(0x0c, 'admin'))))],
    ['a registered ID', san(tlv(0x88, Uint8Array.of(0x2a, 3)))],
    ['a second SPIFFE ID', san(uri('spiffe://cluster.local/ns/bank/sa/vault'))],
    ['a URI that is no SPIFFE ID', san(uri('https://example.com/'))],
    // What a careless verifier might take for its own, or for somebody else's.
    ['a user', only('spiffe://admin@cluster.local/ns/shop/sa/cart')],
    ['a port', only('spiffe://cluster.local:443/ns/shop/sa/cart')],
    ['a query', only(`${CART_ID}?a`)],
    ['a fragment', only(`${CART_ID}#a`)],
    ['a percent-encoded path', only('spiffe://cluster.local/ns/shop/sa/c%61rt')],
    ['a percent-encoded slash', only('spiffe://cluster.local/ns/shop/sa/cart%2f..%2fvault')],
    ['dots', only('spiffe://cluster.local/ns/shop/sa/../sa/cart')],
    ['a slash at the end', only(`${CART_ID}/`)],
    ['two slashes', only('spiffe://cluster.local/ns/shop//sa/cart')],
    ['another case of the scheme', only('SPIFFE://cluster.local/ns/shop/sa/cart')],
    ['another case of the trust domain', only('spiffe://Cluster.local/ns/shop/sa/cart')],
    ['another case of the path', only('spiffe://cluster.local/ns/shop/sa/Cart')],
    ['another trust domain', only('spiffe://cluster.locale/ns/shop/sa/cart')],
    ['another namespace', only('spiffe://cluster.local/ns/bank/sa/cart')],
    ['a NUL', only(`${CART_ID}\0`)],
    ['a line end', only(`${CART_ID}\n`)],
    ['what is not ASCII', only('spiffe://cluster.local/ns/shop/sa/c\xe4rt')],
    ['nothing', only('')],
    // Requests in which two readers find two things.
    [
      'two attributes of extensions',
      [
        extensionRequest(OWN),
        extensionRequest(subjectAltName(uri('spiffe://cluster.local/ns/bank/sa/vault'))),
      ],
    ],
    ['the same attribute twice', [extensionRequest(OWN), extensionRequest(OWN)]],
    [
      'two lists of extensions',
      [doubleValue(OWN, subjectAltName(uri('spiffe://cluster.local/ns/bank/sa/vault')))],
    ],
    [
      'two extensions of names',
      [extensionRequest(OWN, subjectAltName(tlv(0x82, 'istiod.istio-system.svc')))],
    ],
    // What it wants to become.
    ['CA:TRUE', [extensionRequest(OWN, CA_TRUE)]],
    ['the usage of a CA', [extensionRequest(OWN, extension(15, Uint8Array.of(3, 2, 2, 0x04), true))]],
  ])('that asks for %s is not signed', async (_what, attributes) => {
    const { leaf, refused, signed } = await ask(kind, forge({ attributes }))
    expect([leaf, signed]).toEqual([undefined, 0])
    expect(refused).toHaveLength(1)
  })

  it.each<[string, readonly Uint8Array[], Uint8Array | undefined]>([
    ['every purpose', [extensionRequest(OWN, extension(37, tlv(0x30, oid(0x55, 0x1d, 37, 0))))], undefined],
    [
      'name constraints',
      [extensionRequest(OWN, extension(30, tlv(0x30, tlv(0xa0, tlv(0x30, tlv(0x82, ''))))))],
      undefined,
    ],
    ['a subject', [extensionRequest(OWN)], commonName('system:masters')],
    [
      'extensions in the attribute of Microsoft, which nobody here reads',
      [
        extensionRequest(OWN),
        microsoftRequest(subjectAltName(uri('spiffe://cluster.local/ns/bank/sa/vault')), CA_TRUE),
      ],
      undefined,
    ],
  ])('that brings %s has none of it in its certificate', async (_what, attributes, subject) => {
    const { leaf } = await ask(kind, forge({ attributes, ...(subject === undefined ? {} : { subject }) }))
    expect(leaf?.subjectAltNames).toEqual([{ type: 'uri', value: CART_ID }])
    expect(String(leaf?.subject)).not.toContain('system:masters')
    expect([leaf?.isCa, leaf?.nameConstraints]).toEqual([false, undefined])
    expect(leaf?.extendedKeyUsage).not.toContain('2.5.29.37.0')
  })

  it.each([
    ['RSA of 1024 bits', () => generateKeyPairSync('rsa', { modulusLength: 1024 })],
    ['P-224', () => generateKeyPairSync('ec', { namedCurve: 'secp224r1' })],
    ['secp256k1', () => generateKeyPairSync('ec', { namedCurve: 'secp256k1' })],
    [
      'P-256 with its curve spelt out',
      () => generateKeyPairSync('ec', { namedCurve: 'P-256', paramEncoding: 'explicit' }),
    ],
  ])('with a key of %s is not signed', async (_what, make) => {
    const { leaf, refused, signed } = await ask(
      kind,
      forge({ key: make(), attributes: [extensionRequest(OWN)] }),
    )
    expect([leaf, signed]).toEqual([undefined, 0])
    expect(refused).toHaveLength(1)
  })

  it('that is signed by another key than its own is not signed', async () => {
    const [one, two] = [0, 1].map(() => generateKeyPairSync('ec', { namedCurve: 'P-256' }))
    if (one === undefined || two === undefined) throw new Error('two keys')
    const key = { privateKey: one.privateKey, publicKey: two.publicKey }
    const { leaf, signed } = await ask(kind, forge({ key, attributes: [extensionRequest(OWN)] }))
    expect([leaf, signed]).toEqual([undefined, 0])
  })

  it('with octets behind its end is not signed', async () => {
    const der = Buffer.concat([forge({ attributes: [extensionRequest(OWN)] }), Buffer.from([5, 0])])
    const { leaf, signed } = await ask(kind, der)
    expect([leaf, signed]).toEqual([undefined, 0])
  })

  it('asks the policy with its own requester, and no other', async () => {
    const authorize = vi.fn((_request: object) => ({ refuse: 'never' }))
    await ask(kind, forge({ attributes: [extensionRequest(OWN)] }), {
      name: 'x',
      workload: { lifetime: { max: '24h' } },
      authorize,
    })
    expect(authorize.mock.calls.map(([request]) => request)).toMatchObject([
      { kind, requester: { username: CART } },
    ])
  })
})

describe('PEM', () => {
  const good = () => forge({ attributes: [extensionRequest(OWN)] })
  const bad = () => forge({ attributes: only('spiffe://cluster.local/ns/bank/sa/vault') })
  it.each([
    ['two requests', () => block(good()) + block(bad())],
    ['two requests, the other way', () => block(bad()) + block(good())],
    ['a certificate', () => block(good(), 'CERTIFICATE')],
    ['a private key before it', () => block(Uint8Array.of(48, 0), 'PRIVATE KEY') + block(good())],
    ['the end of another', () => block(good()).replace('END CERTIFICATE', 'END NEW CERTIFICATE')],
    ['headers', () => block(good()).replace('-----\n', '-----\nProc-Type: 4,ENCRYPTED\n\n')],
    ['a line that is no base64', () => block(good()).replace('\n', '\n*\n')],
    ['a NUL', () => block(good()).replace('\n', '\n\0')],
    ['nothing', () => ''],
    ['1 MB', () => block(good()) + '\n'.repeat(1 << 20)],
    [
      'a name of 60 kB',
      () => block(forge({ attributes: only(`spiffe://cluster.local/${'a'.repeat(60_000)}`) })),
    ],
  ])('with %s is refused', async (_what, make) => {
    const { signer, client, sign } = start()
    api.seed(csrObject(make()))
    await signCsrStep(client, 'cart-1', { signer, signerName: SIGNER_NAME })
    expect(sign.mock.settledResults.filter(({ type }) => type === 'fulfilled')).toEqual([])
    const refusal = events.find(({ type }) => type === 'refused')
    if (refusal?.type !== 'refused') throw new Error('it was not refused')
    expect(refusal.message.length).toBeLessThan(2000)
  })
})

describe('a time', () => {
  const pem = () => block(forge({ attributes: [extensionRequest(OWN)] }))
  const seconds = async (value: unknown, policy?: SigningPolicyInput) => {
    const { signer, client } = start(policy)
    api.seed(csrObject(pem(), { spec: { expirationSeconds: value } }))
    await signCsrStep(client, 'cart-1', { signer, signerName: SIGNER_NAME })
    const { certificate } = Object(api.read(certificateSigningRequests, { name: 'cart-1' })?.['status'])
    if (certificate === undefined) return undefined
    const { notAfter } = Certificate.listFromPem(text(certificate))[0] ?? {}
    return ((notAfter?.getTime() ?? 0) - NOW.getTime()) / 1000
  }
  it.each([
    0,
    -1,
    -(2 ** 31),
    599,
    600.5,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    '3600',
    true,
    [3600],
    { a: 1 },
  ])('of %j seconds is refused', (value) => {
    const csr = csrObject(pem(), { spec: { expirationSeconds: value } })
    expect(decideCsr({ csr, signerName: SIGNER_NAME, policy: POLICY, now: NOW })).toMatchObject({
      action: 'fail',
      reason: 'SignerValidationFailure',
    })
  })
  it.each([2 ** 31, 2 ** 53, 1e300])('of %d seconds is cut to what the policy gives', async (value) => {
    expect(await seconds(value)).toBe(86_400)
  })
  it.each([2 ** 31, 1e300])('of %d seconds is refused where the policy does not cut', async (value) => {
    const strict = {
      name: 'x',
      workload: { lifetime: { max: '24h' } },
      authorize: () => ({ identities: [CART_ID] }),
    }
    expect(await seconds(value, strict)).toBeUndefined()
  })
})

describe('a certificate that was made and not yet written', () => {
  const REF = { namespace: 'shop', name: 'cart-1' }
  /** A process that signs once while every write fails, and tries again once they do not. */
  async function kept(policy?: SigningPolicyInput, attributes = [extensionRequest(OWN)]) {
    const { signer, client, sign, clock } = start(policy)
    api.seed(issuerObject())
    const first = forge({ attributes })
    api.seed(requestObject(block(first)))
    const signers = new Map([['istio', signer]])
    const failing = new KubeClient(
      intercepted(api.transport(), ({ method }) => {
        if (method === 'PUT') throw new Error('down')
      }),
      { fieldManager: 'signer', clock },
    )
    await certManagerIssuerStep(failing, REF, { signers }).catch(() => {})
    expect([sign.mock.calls.length, signer.remembered('uid-1')]).toEqual([1, expect.anything()])
    const again = () => certManagerIssuerStep(client, REF, { signers })
    const leaf = () => {
      const { certificate } = Object(api.read(certManagerRequests, REF)?.['status'])
      return certificate === undefined ? undefined : Certificate.listFromPem(text(certificate))[0]
    }
    return { first, sign, again, leaf }
  }

  it('is written as it is where nothing changed', async () => {
    const { sign, again, leaf } = await kept()
    await again()
    expect([sign.mock.calls.length, leaf()?.subjectAltNames]).toEqual([1, [{ type: 'uri', value: CART_ID }]])
  })

  it('is not written into a request whose key was changed under the same UID', async () => {
    const { again, leaf } = await kept()
    const second = forge({ attributes: [extensionRequest(OWN)] })
    api.seed(requestObject(block(second)))
    await again()
    expect(leaf()?.publicKey).toEqual(Csr.fromDer(second).publicKey)
    expect(events.map(({ type }) => type)).toContain('dropped')
  })

  it('is not written where its requester may have another name by now', async () => {
    let id = CART_ID
    const policy = {
      name: 'x',
      workload: { lifetime: { max: '24h' } },
      authorize: () => ({ identities: [id] }),
    }
    const { again, leaf } = await kept(policy, [])
    id = 'spiffe://cluster.local/ns/shop/sa/cart-v2'
    await again()
    expect(leaf()?.subjectAltNames).toEqual([{ type: 'uri', value: id }])
  })

  it('is not written where its requester may have it for a shorter time by now', async () => {
    let lifetime = '12h'
    const policy = {
      name: 'x',
      workload: { lifetime: { max: '24h' } },
      authorize: () => ({ identities: [CART_ID], lifetime }),
    }
    const { again, leaf } = await kept(policy)
    lifetime = '1h'
    await again()
    expect(leaf()?.notAfter).toEqual(new Date(NOW.getTime() + 3_600_000))
  })

  it('is not written where the request was changed while it was being written', async () => {
    const { signer, client, clock } = start()
    api.seed(issuerObject())
    api.seed(requestObject(block(forge({ attributes: [extensionRequest(OWN)] }))))
    const signers = new Map([['istio', signer]])
    const second = forge({ attributes: [extensionRequest(OWN)] })
    let isFirst = true
    const disturbed = new KubeClient(
      intercepted(api.transport(), ({ method }) => {
        if (method !== 'PUT' || !isFirst) return
        isFirst = false
        api.seed(requestObject(block(second)))
      }),
      { fieldManager: 'signer', clock },
    )
    await certManagerIssuerStep(disturbed, REF, { signers })
    expect(Object(api.read(certManagerRequests, REF)?.['status']).certificate).toBeUndefined()
    expect(events.map(({ type }) => type)).toContain('dropped')
    await certManagerIssuerStep(client, REF, { signers })
    const { certificate } = Object(api.read(certManagerRequests, REF)?.['status'])
    expect(Certificate.listFromPem(text(certificate))[0]?.publicKey).toEqual(Csr.fromDer(second).publicKey)
  })

  it('is not written where fewer usages or a shorter time are asked for by now', async () => {
    const { first, again, leaf } = await kept()
    api.seed(
      requestObject(block(first), { spec: { duration: '1h', usages: ['digital signature', 'server auth'] } }),
    )
    await again()
    expect(leaf()?.extendedKeyUsage).toEqual(['1.3.6.1.5.5.7.3.1'])
    expect(leaf()?.notAfter).toEqual(new Date(NOW.getTime() + 3_600_000))
  })
})

describe('two steps of one process at a time', () => {
  /** A CA that signs when it is told to. */
  function slow() {
    const made = start()
    let open = (): void => {}
    const gate = new Promise<void>((resolve) => {
      open = resolve
    })
    const ca = hierarchy.intermediate
    const sign = vi.fn(async (...args: Parameters<typeof ca.sign>) => {
      await gate
      return ca.sign(...args)
    })
    const signer = RequestSigner.from({
      ca: { sign, chain: ca.chain },
      policy: POLICY,
      clock: made.clock,
      onEvent: (event) => events.push(event),
    })
    const authorized = async (der: Uint8Array) => {
      const csr = csrObject(block(der))
      const decision = decideCsr({ csr, signerName: SIGNER_NAME, policy: POLICY, now: NOW })
      if (decision.action !== 'sign') throw new Error('it is not signed')
      return signer.authorize(decision.request, undefined)
    }
    return { signer, sign, open: () => open(), authorized }
  }

  it('make one certificate for one request', async () => {
    const { signer, sign, open, authorized } = slow()
    const request = await authorized(forge({ attributes: [extensionRequest(OWN)] }))
    const both = [signer.sign(request, undefined), signer.sign(request, undefined)]
    open()
    const [one, two] = await Promise.all(both)
    expect(one).toBe(two)
    expect(sign).toHaveBeenCalledTimes(1)
  })

  it('make two where the request under the UID was changed, and keep the last', async () => {
    const { signer, open, authorized } = slow()
    const [first, second] = [0, 1].map(() => forge({ attributes: [extensionRequest(OWN)] }))
    if (first === undefined || second === undefined) throw new Error('two requests')
    const both = [
      signer.sign(await authorized(first), undefined),
      signer.sign(await authorized(second), undefined),
    ]
    open()
    const keys = (await Promise.all(both)).map(({ certificate }) => certificate.publicKey)
    expect(keys).toEqual([Csr.fromDer(first).publicKey, Csr.fromDer(second).publicKey])
    expect(events.filter(({ type }) => type === 'dropped')).toHaveLength(1)
  })
})

it('tells a refusal once though the answer to its write was lost', async () => {
  const { signer, clock } = start()
  api.seed(csrObject(block(forge({ attributes: only('spiffe://cluster.local/ns/bank/sa/vault') }))))
  const transport = api.transport()
  let writes = 0
  const client = new KubeClient(
    {
      request: async (request) => {
        const answer = await transport.request(request)
        if (request.method === 'PUT' && writes++ === 0) throw new Error('reset')
        return answer
      },
      watch: transport.watch,
    },
    { fieldManager: 'signer', clock },
  )
  const step = () => signCsrStep(client, 'cart-1', { signer, signerName: SIGNER_NAME })
  expect(await step()).toMatchObject({ changed: true })
  expect(await step()).toMatchObject({ changed: false })
  expect([writes, events.filter(({ type }) => type === 'refused').length]).toEqual([1, 1])
})

it('does not write a refusal into another request of the same name', async () => {
  const { signer, clock } = start()
  api.seed(csrObject(block(forge({ attributes: only('spiffe://cluster.local/ns/bank/sa/vault') }))))
  let isFirst = true
  const client = new KubeClient(
    intercepted(api.transport(), ({ method }) => {
      if (method !== 'PUT' || !isFirst) return
      isFirst = false
      const good = block(forge({ attributes: [extensionRequest(OWN)] }))
      api.seed(csrObject(good, { metadata: { uid: 'uid-2' } }))
    }),
    { fieldManager: 'signer', clock },
  )
  await signCsrStep(client, 'cart-1', { signer, signerName: SIGNER_NAME })
  const { conditions } = Object(api.read(certificateSigningRequests, { name: 'cart-1' })?.['status'])
  expect(conditions.map(({ type }: { type: string }) => type)).toEqual(['Approved'])
  expect(events.filter(({ type }) => type !== 'warning')).toEqual([])
})

describe('"authorize" that fails', () => {
  it.each(['ERR_PEM_LABEL', 'ERR_SPIFFE_ID', 'ERR_KEY_WEAK', 'ERR_CERTIFICATE_EXTENSION'] as const)(
    'with %s of its own refuses nobody: it is asked again',
    async (code) => {
      const { MeshPkiError } = await import('../../../../src/errors.ts')
      const failure = new MeshPkiError(code as never, 'the directory answered nonsense')
      const { signer, client } = start({
        name: 'x',
        workload: { lifetime: { max: '24h' } },
        authorize: () => {
          throw failure
        },
      })
      api.seed(csrObject(block(forge({ attributes: [extensionRequest(OWN)] }))))
      await expect(signCsrStep(client, 'cart-1', { signer, signerName: SIGNER_NAME })).rejects.toBe(failure)
      expect(events).toEqual([])
    },
  )
})

describe('a request that has an answer already', () => {
  const pem = () => block(forge({ attributes: [extensionRequest(OWN)] }))
  it.each<[string, object]>([
    ['denied and approved', { conditions: [condition('Denied'), condition('Approved')] }],
    ['a denial whose status is False', { conditions: [condition('Approved'), condition('Denied', 'False')] }],
    [
      'two approvals and a failure',
      { conditions: [condition('Approved'), condition('Approved'), condition('Failed')] },
    ],
    ['a certificate that cannot be read', { conditions: [condition('Approved')], certificate: 'AAAA' }],
    ['a certificate that is no text', { conditions: [condition('Approved')], certificate: { a: 1 } }],
    ['an approval that is not True', { conditions: [condition('Approved', 'Unknown')] }],
    ['conditions that are no list', { conditions: { type: 'Approved', status: 'True' } }],
    ['an approval that is not spelt so', { conditions: [condition('approved')] }],
    ['an approval whose status is a flag', { conditions: [{ type: 'Approved', status: true }] }],
  ])('is left alone: %s', async (_what, status) => {
    for (const kind of ['csr', 'cert-manager'] as const) {
      const { signer, client, sign } = start()
      const object = kind === 'csr' ? csrObject(pem(), { status }) : requestObject(pem(), { status })
      const transport = api.transport()
      const reading = new KubeClient(
        {
          request: async (request) =>
            request.method === 'GET' && !request.path.includes('issuers')
              ? { status: 200, headers: {}, body: object }
              : transport.request(request),
          watch: transport.watch,
        },
        { fieldManager: 'signer', clock: client.clock },
      )
      if (kind === 'csr') await signCsrStep(reading, 'cart-1', { signer, signerName: SIGNER_NAME })
      else {
        const signers = new Map([['istio', signer]])
        await certManagerIssuerStep(reading, { namespace: 'shop', name: 'cart-1' }, { signers }).catch(
          () => {},
        )
      }
      expect(sign).not.toHaveBeenCalled()
    }
  })

  it.each<[string, readonly object[], string]>([
    ['approved', [condition('Approved')], 'sign'],
    ['denied', [condition('Approved'), condition('Denied')], 'fail'],
    ['denied, with a status that is not True', [condition('Approved'), condition('Denied', 'False')], 'fail'],
    ['approved twice, first not so', [condition('Approved', 'False'), condition('Approved')], 'wait'],
    ['failed', [condition('Approved'), condition('Ready', 'False', { reason: 'Failed' })], 'ignore'],
  ])('of cert-manager is judged by its conditions: %s', (_what, conditions, action) => {
    const request = requestObject(pem(), { status: { conditions } })
    expect(
      decideCertManagerRequest({ request, issuer: issuerObject(), policy: POLICY, now: NOW }),
    ).toMatchObject({ action })
  })

  it('a pod that has a chain without a condition has its chain', () => {
    const der = forge({ attributes: [extensionRequest(OWN)] })
    const decide = (status: object) =>
      decidePodCertificate({
        request: podRequestObject(der, { status }),
        signerName: SIGNER_NAME,
        policy: POLICY,
        now: NOW,
      }).action
    expect([decide({}), decide({ certificateChain: '' }), decide({ certificateChain: 'x' })]).toEqual([
      'sign',
      'sign',
      'ignore',
    ])
  })
})

it('makes a CA of nobody whose policy has no rules for it, whatever "isCA" and usages say', async () => {
  const der = forge({ attributes: [extensionRequest(OWN, CA_TRUE)] })
  for (const spec of [
    { isCA: true },
    { usages: ['cert sign'] },
    { isCA: true, usages: ['cert sign'] },
    { isCA: 'true' },
    { isCA: 1 },
  ]) {
    const { signer, client, sign } = start()
    api.seed(issuerObject())
    api.seed(requestObject(block(der), { spec }))
    const signers = new Map([['istio', signer]])
    await certManagerIssuerStep(client, { namespace: 'shop', name: 'cart-1' }, { signers })
    expect(sign.mock.settledResults.filter(({ type }) => type === 'fulfilled')).toEqual([])
  }
})

it('makes a CA only of who asks for one, and gives it the subject of the grant', async () => {
  const der = forge({ subject: commonName('Root of everything'), attributes: [extensionRequest(CA_TRUE)] })
  const { signer, client } = start(CA_POLICY_INPUT)
  api.seed(issuerObject())
  api.seed(requestObject(block(der), { spec: { isCA: true, usages: ['cert sign', 'crl sign'] } }))
  const signers = new Map([['istio', signer]])
  await certManagerIssuerStep(client, { namespace: 'shop', name: 'cart-1' }, { signers })
  const { certificate } = Object(
    api.read(certManagerRequests, { namespace: 'shop', name: 'cart-1' })?.['status'],
  )
  const [leaf] = certificate === undefined ? [] : Certificate.listFromPem(text(certificate))
  if (leaf !== undefined) {
    expect(String(leaf.subject)).not.toContain('Root of everything')
    expect(leaf.subjectAltNames ?? []).toEqual([])
  }
})
