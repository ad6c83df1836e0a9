import { X509Certificate } from 'node:crypto'
import { beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import type { CertificateAuthority } from '../../../../src/ca/index.ts'
import { type Csr, createCsr } from '../../../../src/csr/index.ts'
import type { KubeRequest } from '../../../../src/kubernetes/api/kube-transport.ts'
import { KubeClient, KubeResources } from '../../../../src/kubernetes/index.ts'
import type { KubeObject } from '../../../../src/kubernetes/objects/kube-object.ts'
import { RequestSigner } from '../../../../src/kubernetes/signers/request-signer.ts'
import { type SignCsrOptions, signCsrStep } from '../../../../src/kubernetes/signers/sign-csr-step.ts'
import type { SignerEvent } from '../../../../src/kubernetes/signers/signer-event.ts'
import type { SigningPolicy, SigningPolicyInput } from '../../../../src/kubernetes/signers/signing-policy.ts'
import { type FakeKubeApi, fakeKubeApi } from '../../../../src/kubernetes/testing/index.ts'
import { createTestHierarchy, manualClock, type TestHierarchy } from '../../../../src/testing/index.ts'
import { Certificate } from '../../../../src/x509/index.ts'
import { rulesOf } from './rbac-support.ts'
import {
  base64,
  CA_POLICY_INPUT,
  CART,
  CART_ID,
  condition,
  csrObject,
  intercepted,
  NOW,
  POLICY,
  SIGNER_NAME,
  text,
} from './support.ts'

const { certificateSigningRequests: CSRS } = KubeResources
const REF = { name: 'cart-1' }

let hierarchy: TestHierarchy
let csr: Csr
let stranger: Csr
let nameless: Csr
let api: FakeKubeApi
let events: SignerEvent[]

beforeAll(async () => {
  hierarchy = await createTestHierarchy({ time: NOW })
  csr = (await createCsr({ key: 'P-256', subjectAltNames: [{ type: 'uri', value: CART_ID }] })).csr
  nameless = (await createCsr({ key: 'P-256' })).csr
  stranger = (
    await createCsr({
      key: 'P-256',
      subjectAltNames: [{ type: 'uri', value: 'spiffe://cluster.local/ns/bank/sa/vault' }],
    })
  ).csr
})

beforeEach(() => {
  api = fakeKubeApi({ clock: manualClock(NOW) })
  events = []
})

/** What stands for one process: a CA that counts, a signer, a connection. */
function start({
  policy = POLICY,
  ca = hierarchy.intermediate,
}: {
  policy?: SigningPolicy | SigningPolicyInput
  ca?: CertificateAuthority
} = {}) {
  const sign = vi.fn(ca.sign.bind(ca))
  const clock = manualClock(NOW)
  const signer = RequestSigner.from({
    ca: { sign, chain: ca.chain },
    policy,
    clock,
    onEvent: (event) => events.push(event),
  })
  const transport = api.transport()
  const client = new KubeClient(transport, { fieldManager: 'mesh-pki-csr-signer', clock })
  const step = (options: Partial<SignCsrOptions> = {}) =>
    signCsrStep(client, 'cart-1', { signer, signerName: SIGNER_NAME, ...options })
  return { sign, signer, clock, transport, client, step }
}

const seed = (parts: Parameters<typeof csrObject>[1] = {}, request = csr.toPem()) =>
  api.seed(csrObject(request, parts))
const stored = (): KubeObject => api.read(CSRS, REF) ?? { metadata: {} }
const statusOf = (object: KubeObject = stored()): Record<string, unknown> => Object(object['status'])
const conditionsIn = (): readonly Record<string, unknown>[] => (statusOf()['conditions'] ?? []) as never
const certificates = (): readonly Certificate[] => Certificate.listFromPem(text(statusOf()['certificate']))
const dropped = () => events.filter((event) => event.type === 'dropped')

describe('signCsrStep', () => {
  it('signs an approved request, with the chain below the root', async () => {
    seed()
    const { step, sign } = start()
    const result = await step()
    expect(result).toMatchObject({ changed: true, message: expect.stringContaining('serial number') })
    const [leaf, intermediate, ...more] = certificates()
    expect(more).toEqual([])
    expect(intermediate?.equals(hierarchy.intermediate.certificate)).toBe(true)
    expect(leaf?.subjectAltNames).toEqual([{ type: 'uri', value: CART_ID }])
    expect(leaf?.notAfter).toEqual(new Date(NOW.getTime() + 86_400_000))
    expect(leaf?.keyUsage).toEqual(['digitalSignature'])
    expect(leaf?.extendedKeyUsage).toEqual(['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2'])
    expect(leaf?.isCa).toBe(false)
    // Node's OpenSSL says who signed it, and whose key it is for.
    const [nodeLeaf, nodeIntermediate] = certificates().map((one) => new X509Certificate(one.der))
    if (nodeLeaf === undefined || nodeIntermediate === undefined) throw new Error('two certificates')
    expect(nodeLeaf.verify(nodeIntermediate.publicKey)).toBe(true)
    expect(nodeLeaf.publicKey.export({ format: 'der', type: 'spki' })).toEqual(Buffer.from(csr.publicKey))
    expect(sign).toHaveBeenCalledTimes(1)
    expect(events).toEqual([
      expect.objectContaining({ type: 'warning', message: expect.stringContaining('key encipherment') }),
      expect.objectContaining({
        type: 'signed',
        request: { kind: 'CertificateSigningRequest', name: 'cart-1', namespace: undefined, uid: 'uid-1' },
      }),
    ])
  })

  it('keeps conditions of others, known or not', async () => {
    const foreign = { ...condition('example.com/Audited'), extra: 'kept' }
    seed({ status: { conditions: [condition('Approved'), foreign] } })
    await start().step()
    expect(conditionsIn()).toContainEqual(
      expect.objectContaining({ type: 'example.com/Audited', extra: 'kept' }),
    )
    expect(conditionsIn()).toHaveLength(2)
  })

  it('honours the usages and the time that are asked for', async () => {
    seed({ spec: { usages: ['client auth'], expirationSeconds: 3600 } })
    await start().step()
    const [leaf] = certificates()
    expect(leaf?.extendedKeyUsage).toEqual(['1.3.6.1.5.5.7.3.2'])
    expect(leaf?.keyUsage).toEqual(['digitalSignature'])
    expect(leaf?.notAfter).toEqual(new Date(NOW.getTime() + 3_600_000))
  })

  it('makes a CA where the policy has rules for it', async () => {
    seed({ spec: { usages: ['cert sign', 'crl sign', 'key encipherment'] } }, nameless.toPem())
    const { step } = start({ policy: CA_POLICY_INPUT, ca: hierarchy.root })
    await step()
    const [ca, ...above] = certificates()
    expect(above).toEqual([])
    expect(ca).toMatchObject({ isCa: true, pathLength: 0, keyUsage: ['keyCertSign', 'cRLSign'] })
    expect(String(ca?.subject)).toBe('CN=cluster-1,O=Example')
  })

  it('is content with what a cache says where nothing is to be done', async () => {
    seed({ status: { conditions: [] } })
    const { step } = start()
    expect(await step({ cached: stored() })).toEqual({ changed: false, message: 'it is not approved yet' })
    expect(api.requests).toEqual([])
    expect(await step()).toMatchObject({ changed: false })
    expect(api.requests).toHaveLength(1)
  })

  it('signs nothing that a cache holds for approved and that was denied', async () => {
    seed()
    const cached = stored()
    seed({ status: { conditions: [condition('Approved'), condition('Denied')] } })
    const { step, sign } = start()
    expect(await step({ cached })).toEqual({ changed: false, message: 'it was denied' })
    expect(sign).not.toHaveBeenCalled()
  })

  it('answers what is gone', async () => {
    expect(await start().step()).toEqual({ changed: false, message: 'it is gone' })
  })

  it('does nothing again once it has signed', async () => {
    seed()
    const { step, sign } = start()
    await step()
    const before = stored()
    expect(await step()).toEqual({ changed: false, message: 'it has its certificate' })
    expect(stored()).toEqual(before)
    expect(sign).toHaveBeenCalledTimes(1)
  })
})

describe('refusals', () => {
  const failure = () => conditionsIn().find(({ type }) => type === 'Failed')

  it('fails a request that asks for the name of somebody else', async () => {
    seed({}, stranger.toPem())
    const { step } = start()
    expect(await step()).toMatchObject({ changed: true, message: expect.stringContaining('refused') })
    expect(failure()).toMatchObject({
      status: 'True',
      reason: 'SignerValidationFailure',
      message: expect.stringContaining('spiffe://cluster.local/ns/bank/sa/vault'),
    })
    expect(statusOf()['certificate']).toBeUndefined()
    expect(conditionsIn()).toHaveLength(2)
    expect(events).toContainEqual(
      expect.objectContaining({ type: 'refused', reason: 'SignerValidationFailure' }),
    )
  })

  it('fails who has no identity here', async () => {
    seed({ spec: { username: 'jane' } })
    const { step, sign } = start()
    await step()
    expect(failure()).toMatchObject({ message: expect.stringContaining('no identity here') })
    expect(sign).not.toHaveBeenCalled()
  })

  it('fails what its object tells', async () => {
    seed({ spec: { usages: ['any'] } })
    await start().step()
    expect(failure()).toMatchObject({ reason: 'SignerValidationFailure' })
  })

  it('fails who does not hold the key', async () => {
    const der = csr.der
    der[der.length - 1] = (der.at(-1) ?? 0) ^ 1
    const pem = `-----BEGIN CERTIFICATE REQUEST-----\n${base64(der)}\n-----END CERTIFICATE REQUEST-----\n`
    seed({}, pem.replace(/(.{64})(?=.)/g, '$1\n'))
    const { step, sign } = start()
    await step()
    expect(failure()).toMatchObject({ message: expect.stringContaining('RFC 2986') })
    expect(sign).not.toHaveBeenCalled()
  })

  it('fails a request for the key of the CA itself', async () => {
    const { csr: own } = await createCsr({ key: hierarchy.intermediate.signer })
    seed({}, own.toPem())
    await start().step()
    expect(failure()).toMatchObject({ reason: 'SigningError' })
    expect(statusOf()['certificate']).toBeUndefined()
  })

  it('does not write a refusal over an answer of somebody else', async () => {
    seed({ spec: { usages: ['any'] } })
    const { signer, transport, clock } = start()
    let isFirst = true
    const client = new KubeClient(
      intercepted(transport, ({ method }) => {
        if (method !== 'PUT' || !isFirst) return
        isFirst = false
        seed({
          spec: { usages: ['any'] },
          status: { conditions: [condition('Approved'), condition('Denied')] },
        })
      }),
      { fieldManager: 'x', clock },
    )
    expect(await signCsrStep(client, 'cart-1', { signer, signerName: SIGNER_NAME })).toEqual({
      changed: false,
      message: 'it was denied',
    })
    expect(failure()).toBeUndefined()
  })

  it('throws what may pass, and writes nothing', async () => {
    seed()
    const before = stored()
    const authorize = vi.fn().mockRejectedValueOnce(new Error('the directory is down'))
    authorize.mockResolvedValue({ identities: [CART_ID] })
    const { step } = start({ policy: { name: 'x', workload: { lifetime: { max: '24h' } }, authorize } })
    await expect(step()).rejects.toThrow('the directory is down')
    expect(stored()).toEqual(before)
    await step()
    expect(certificates()).toHaveLength(2)
  })

  it.each([
    ['nothing', undefined],
    ['true', true],
    ['an empty object', {}],
    ['identities that are no list', { identities: CART_ID }],
    ['a misspelt member', { identities: [CART_ID], lifetimes: '1h' }],
  ])('signs nothing where "authorize" answers %s', async (_what, answer) => {
    seed()
    const { step, sign } = start({
      policy: { name: 'x', workload: { lifetime: { max: '24h' } }, authorize: () => answer as never },
    })
    await step().catch(() => {})
    expect(sign).not.toHaveBeenCalled()
    expect(statusOf()['certificate']).toBeUndefined()
  })

  it('shows "authorize" who asks, and lets it shorten the life', async () => {
    seed()
    const authorize = vi.fn(() => ({ identities: [CART_ID], lifetime: '1h' }))
    const { step } = start({ policy: { name: 'x', workload: { lifetime: { max: '24h' } }, authorize } })
    await step()
    expect(authorize).toHaveBeenCalledWith(
      expect.objectContaining({
        requester: expect.objectContaining({
          groups: expect.arrayContaining(['system:serviceaccounts:shop']),
        }),
      }),
      { signal: undefined },
    )
    expect(certificates()[0]?.notAfter).toEqual(new Date(NOW.getTime() + 3_600_000))
  })
})

describe('what happens meanwhile', () => {
  /** A process during whose first PUT something happens. */
  function disturbed(happen: (request: KubeRequest) => void) {
    const process = start()
    let isFirst = true
    const client = new KubeClient(
      intercepted(process.transport, (request) => {
        if (request.method !== 'PUT' || !isFirst) return
        isFirst = false
        happen(request)
      }),
      { fieldManager: 'mesh-pki-csr-signer', clock: process.clock },
    )
    return {
      ...process,
      run: () => signCsrStep(client, 'cart-1', { signer: process.signer, signerName: SIGNER_NAME }),
    }
  }

  it('a denial wins: the certificate is dropped, and its serial number told', async () => {
    seed()
    const { run, signer } = disturbed(() =>
      seed({ status: { conditions: [condition('Approved'), condition('Denied')] } }),
    )
    expect(await run()).toMatchObject({ changed: false, message: expect.stringContaining('denied') })
    expect(statusOf()['certificate']).toBeUndefined()
    expect(dropped()).toEqual([
      expect.objectContaining({ why: 'it was denied', serialNumber: expect.stringMatching(/^[0-9a-f]+$/) }),
    ])
    expect(signer.remembered('uid-1')).toBeUndefined()
  })

  it('the certificate of another signer wins', async () => {
    seed()
    const other = await hierarchy.intermediate.issueWorkload(csr, { id: CART_ID, lifetime: '1h' })
    const { run } = disturbed(() =>
      seed({
        status: { conditions: [condition('Approved')], certificate: base64(other.certificate.toPem()) },
      }),
    )
    await run()
    expect(certificates()[0]?.serialNumber).toBe(other.certificate.serialNumber)
    expect(dropped()).toHaveLength(1)
  })

  it('another change is no reason to sign twice', async () => {
    seed()
    const { run, sign } = disturbed(() => seed({ metadata: { labels: { seen: 'yes' } } }))
    expect(await run()).toMatchObject({ changed: true })
    expect(stored().metadata.labels).toEqual({ seen: 'yes' })
    expect(certificates()).toHaveLength(2)
    expect(sign).toHaveBeenCalledTimes(1)
    expect(dropped()).toEqual([])
  })

  it('a request of the same name is another request', async () => {
    seed()
    const { run, sign } = disturbed(() => seed({ metadata: { uid: 'uid-2' } }))
    await run()
    expect(statusOf()['certificate']).toBeUndefined()
    expect(dropped()).toEqual([expect.objectContaining({ why: 'its request was deleted' })])
    await run()
    expect(sign).toHaveBeenCalledTimes(2)
    expect(certificates()).toHaveLength(2)
  })

  it.each([
    ['another request of the same name', { metadata: { uid: 'uid-2' } }],
    ['a request whose content was changed', {}],
  ])('a grant is for the request that was shown, not for %s', async (_what, parts) => {
    seed()
    const authorize = vi.fn(({ requester }: { requester: { username: string } }) => {
      if (requester.username !== CART) return { refuse: 'not you' }
      // While the policy thinks about it, somebody else takes the place.
      seed({ ...parts, spec: { username: 'jane', usages: ['client auth'] } }, nameless.toPem())
      return { identities: [CART_ID] }
    })
    const { step, sign } = start({ policy: { name: 'x', workload: { lifetime: { max: '24h' } }, authorize } })
    await step()
    expect(authorize).toHaveBeenCalledTimes(2)
    expect(sign).not.toHaveBeenCalled()
    expect(conditionsIn()).toContainEqual(
      expect.objectContaining({ type: 'Failed', message: expect.stringContaining('the request of "jane"') }),
    )
  })

  it('a request that is replaced again and again is left to the next step', async () => {
    seed()
    let uid = 1
    const authorize = () => {
      seed({ metadata: { uid: `uid-${++uid}` } })
      return { identities: [CART_ID] }
    }
    const { step, sign } = start({ policy: { name: 'x', workload: { lifetime: { max: '24h' } }, authorize } })
    expect(await step()).toEqual({
      changed: false,
      requeueAfterMs: 1000,
      message: 'it was replaced meanwhile',
    })
    expect(sign).not.toHaveBeenCalled()
  })

  it('two processes sign, and one of them drops', async () => {
    seed()
    const [a, b] = [start(), start()]
    await Promise.all([a.step(), b.step()])
    expect(certificates()).toHaveLength(2)
    const signed = events.filter((event) => event.type === 'signed')
    expect(signed).toHaveLength(1)
    expect(a.sign.mock.calls.length + b.sign.mock.calls.length - signed.length).toBe(dropped().length)
  })

  it('signs nothing where another process leads', async () => {
    seed()
    const { step, sign } = start()
    expect(await step({ maySign: () => false })).toEqual({ changed: false, message: 'another process leads' })
    expect(sign).not.toHaveBeenCalled()
  })
})

describe('writes whose outcome is not known', () => {
  it('reads, and finds that it was done', async () => {
    seed()
    api.faults.failAfter('broken-connection', { verb: 'update', part: 'status' })
    const { step, sign } = start()
    expect(await step()).toMatchObject({ changed: true })
    expect(sign).toHaveBeenCalledTimes(1)
    expect(api.requests.filter(({ verb }) => verb === 'update')).toHaveLength(1)
    expect(dropped()).toEqual([])
  })

  it('reads, finds that it was not done, and writes the same certificate', async () => {
    seed()
    api.faults.fail({ status: 504, reason: 'Timeout' }, { verb: 'update', part: 'status' })
    const { step, sign } = start()
    expect(await step()).toMatchObject({ changed: true })
    expect(sign).toHaveBeenCalledTimes(1)
    expect(certificates()).toHaveLength(2)
  })

  it('keeps the certificate while the server is down, however often it is tried', async () => {
    seed()
    const { step, sign, signer } = start()
    const down = api.faults.fail({ status: 503, reason: 'ServiceUnavailable' }, { verb: 'update', times: 3 })
    for (let i = 0; i < 3; i++) {
      const reads = api.faults.fail({ status: 503, reason: 'ServiceUnavailable' }, { verb: 'get', nth: 3 })
      await expect(step()).rejects.toMatchObject({ code: 'ERR_KUBERNETES_UNAVAILABLE' })
      reads.remove()
    }
    expect(down.hits).toBe(3)
    const serialNumber = signer.remembered('uid-1')?.certificate.serialNumber
    expect(await step()).toMatchObject({ changed: true })
    expect(certificates()[0]?.serialNumber).toBe(serialNumber)
    expect(sign).toHaveBeenCalledTimes(1)
  })

  it('drops what it kept when the request is denied or deleted meanwhile', async () => {
    for (const next of ['denied', 'deleted']) {
      api = fakeKubeApi({ clock: manualClock(NOW) })
      events = []
      seed()
      const { step, signer, client } = start()
      api.faults.fail('broken-connection', { verb: 'update' })
      api.faults.fail('broken-connection', { verb: 'get', nth: 3 })
      await expect(step()).rejects.toMatchObject({ code: 'ERR_KUBERNETES_UNAVAILABLE' })
      if (next === 'denied') seed({ status: { conditions: [condition('Approved'), condition('Denied')] } })
      else await client.remove(CSRS, stored())
      await step(next === 'denied' ? { cached: stored() } : {})
      expect(dropped()).toHaveLength(1)
      expect(signer.remembered('uid-1')).toBeUndefined()
    }
  })

  it('signs anew where half of the life has passed by', async () => {
    seed({ spec: { expirationSeconds: 7200 } })
    const { step, sign, clock } = start()
    api.faults.fail('broken-connection', { verb: 'update' })
    api.faults.fail('broken-connection', { verb: 'get', nth: 3 })
    await expect(step()).rejects.toThrow()
    clock.advance('50m')
    api.faults.fail('broken-connection', { verb: 'update' })
    api.faults.fail('broken-connection', { verb: 'get', nth: 3 })
    await expect(step()).rejects.toThrow()
    expect(sign).toHaveBeenCalledTimes(1)
    clock.advance('15m')
    await step()
    expect(sign).toHaveBeenCalledTimes(2)
    expect(dropped()).toEqual([expect.objectContaining({ why: expect.stringContaining('old') })])
  })

  it('gives up after five conflicts, and keeps the certificate', async () => {
    seed()
    const { step, signer } = start()
    api.faults.fail({ status: 409, reason: 'Conflict' }, { verb: 'update', times: 5 })
    await expect(step()).rejects.toMatchObject({ code: 'ERR_KUBERNETES_CONFLICT' })
    expect(signer.remembered('uid-1')).toBeDefined()
    await step()
    expect(certificates()).toHaveLength(2)
  })

  it('throws what RBAC forbids, and writes nothing', async () => {
    seed()
    api.setUser('signer', {
      rules: [
        {
          apiGroups: ['certificates.k8s.io'],
          resources: ['certificatesigningrequests', 'certificatesigningrequests/status'],
          verbs: ['get', 'update'],
        },
      ],
    })
    const { signer, clock } = start()
    const client = new KubeClient(api.transport({ user: 'signer' }), { fieldManager: 'x', clock })
    await expect(signCsrStep(client, 'cart-1', { signer, signerName: SIGNER_NAME })).rejects.toMatchObject({
      code: 'ERR_KUBERNETES_FORBIDDEN',
    })
    expect(statusOf()['certificate']).toBeUndefined()
  })

  it('needs no more than its role', async () => {
    seed()
    api.setUser('signer', { rules: rulesOf('csr-signer.yaml') })
    const { signer, clock } = start()
    const client = new KubeClient(api.transport({ user: 'signer' }), { fieldManager: 'x', clock })
    await signCsrStep(client, 'cart-1', { signer, signerName: SIGNER_NAME })
    expect(certificates()).toHaveLength(2)
  })
})

describe('a crash at any point', () => {
  it.each(['delivered', 'lost'] as const)('leaves one certificate, the last answer %s', async (answer) => {
    seed()
    const calm = start()
    await calm.step()
    const writes = calm.transport.writes
    expect(writes).toBe(1)
    for (let n = 0; n <= writes; n++) {
      api = fakeKubeApi({ clock: manualClock(NOW) })
      seed()
      const first = start()
      first.transport.crashAfterWrite(n, { answer })
      await first.step({ signal: first.transport.crashSignal }).catch(() => {})
      const written = statusOf()['certificate']
      const second = start()
      await second.step()
      expect(certificates()).toHaveLength(2)
      if (written !== undefined) {
        expect(statusOf()['certificate']).toBe(written)
        expect(second.sign).not.toHaveBeenCalled()
      }
    }
  })
})
