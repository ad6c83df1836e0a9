import { beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { type Csr, createCsr } from '../../../../src/csr/index.ts'
import { KubeClient, KubeResources } from '../../../../src/kubernetes/index.ts'
import { decidePodCertificate } from '../../../../src/kubernetes/signers/pod-certificate-decision.ts'
import { RequestSigner } from '../../../../src/kubernetes/signers/request-signer.ts'
import {
  type SignPodCertificateOptions,
  signPodCertificateStep,
} from '../../../../src/kubernetes/signers/sign-pod-certificate-step.ts'
import type { SigningPolicyInput } from '../../../../src/kubernetes/signers/signing-policy.ts'
import {
  serviceAccountIdentity,
  workloadSigning,
} from '../../../../src/kubernetes/signers/workload-signing.ts'
import { type FakeKubeApi, fakeKubeApi } from '../../../../src/kubernetes/testing/index.ts'
import { createTestHierarchy, manualClock, type TestHierarchy } from '../../../../src/testing/index.ts'
import { Certificate } from '../../../../src/x509/index.ts'
import { rulesOf } from './rbac-support.ts'
import {
  ago,
  base64,
  CART,
  CART_ID,
  condition,
  NOW,
  POLICY,
  podRequestObject,
  SIGNER_NAME,
  wire,
} from './support.ts'

const { podCertificateRequests: REQUESTS } = KubeResources
const REF = { namespace: 'shop', name: 'req-1' }
const HOUR = 3_600_000

let hierarchy: TestHierarchy
let csr: Csr
let weak: Csr

beforeAll(async () => {
  hierarchy = await createTestHierarchy({ time: NOW })
  csr = (await createCsr({ key: 'P-256' })).csr
  weak = (await createCsr({ key: 'P-384' })).csr
})

type Parts = Parameters<typeof podRequestObject>[1]
const decide = (parts: Parts = {}, options: object = {}) =>
  decidePodCertificate({
    request: podRequestObject(csr.der, parts),
    signerName: SIGNER_NAME,
    policy: POLICY,
    now: NOW,
    ...options,
  })

describe('decidePodCertificate', () => {
  it('signs for the service account of the pod', () => {
    expect(decide({ spec: { unverifiedUserAnnotations: { 'example.com/role': 'db' } } })).toMatchObject({
      action: 'sign',
      request: {
        requester: { username: CART, uid: 'sa-uid', serviceAccount: { namespace: 'shop', name: 'cart' } },
        pod: {
          podName: 'cart-abc',
          podUid: 'pod-uid',
          nodeName: 'node-1',
          unverifiedUserAnnotations: { 'example.com/role': 'db' },
        },
        isCa: false,
        // 24 hours with the two minutes before.
        lifetimeMs: 24 * HOUR - 120_000,
      },
    })
  })

  it.each([
    ['another signer', { spec: { signerName: 'example.com/other' } }],
    ['Issued', { status: { conditions: [condition('Issued')] } }],
    ['Denied', { status: { conditions: [condition('Denied')] } }],
    ['Failed', { status: { conditions: [condition('Failed', 'False')] } }],
  ])('ignores %s', (_what, parts) => {
    expect(decide(parts)).toMatchObject({ action: 'ignore' })
  })

  it.each([
    ['no pod', { podName: '' }],
    ['no node', { nodeUID: undefined }],
    ['a service account that is none', { serviceAccountName: 'a:b' }],
    ['less than an hour', { maxExpirationSeconds: 3599 }],
    ['more than 91 days', { maxExpirationSeconds: 7_862_401 }],
    ['a fraction', { maxExpirationSeconds: 3600.5 }],
    ['text', { maxExpirationSeconds: '86400' }],
    ['no request', { stubPKCS10Request: undefined }],
    ['PEM in place of DER', { stubPKCS10Request: base64('-----BEGIN CERTIFICATE REQUEST-----\n') }],
  ])('fails with %s', (_what, spec) => {
    expect(decide({ spec })).toMatchObject({ action: 'fail' })
  })

  it('takes both ends of the range, and a day where nothing is said', () => {
    expect(decide({ spec: { maxExpirationSeconds: 3600 } })).toMatchObject({
      request: { lifetimeMs: HOUR - 120_000 },
    })
    expect(decide({ spec: { maxExpirationSeconds: 7_862_400 } })).toMatchObject({
      request: { lifetimeMs: 24 * HOUR },
    })
    expect(decide({ spec: { maxExpirationSeconds: undefined } })).toMatchObject({
      request: { lifetimeMs: 24 * HOUR - 120_000 },
    })
  })

  it('fails where the policy allows less than Kubernetes takes', () => {
    const policy = workloadSigning({ identify: () => CART_ID, maxLifetime: '30m' })
    expect(decide({}, { policy })).toMatchObject({
      action: 'fail',
      message: expect.stringContaining('less than an hour'),
    })
    const enough = workloadSigning({ identify: () => CART_ID, maxLifetime: '58m' })
    expect(decide({}, { policy: enough })).toMatchObject({ action: 'sign' })
  })

  it('takes no policy that back-dates more than Kubernetes does', () => {
    const base = workloadSigning({ identify: () => CART_ID })
    const backdated = (backdate: string): SigningPolicyInput => ({
      ...base,
      workload: { ...base.workload, lifetime: { max: '24h', backdate } },
    })
    expect(() => decide({}, { policy: backdated('6m') })).toThrow(RangeError)
    expect(decide({}, { policy: backdated('5m') })).toMatchObject({ action: 'sign' })
  })

  it('fails what Kubernetes would have deleted by now', () => {
    expect(decide({ metadata: { creationTimestamp: ago(900) } }).action).toBe('sign')
    expect(decide({ metadata: { creationTimestamp: ago(901) } }).action).toBe('fail')
  })
})

describe('signPodCertificateStep', () => {
  let api: FakeKubeApi

  beforeEach(() => {
    api = fakeKubeApi({
      clock: manualClock(NOW),
      users: { signer: { rules: rulesOf('pod-certificate-signer.yaml') } },
    })
  })

  function start(policy: SigningPolicyInput | typeof POLICY = POLICY) {
    const sign = vi.fn(hierarchy.intermediate.sign.bind(hierarchy.intermediate))
    const clock = manualClock(NOW)
    const signer = RequestSigner.from({ ca: { sign, chain: hierarchy.intermediate.chain }, policy, clock })
    const transport = api.transport({ user: 'signer' })
    const client = new KubeClient(transport, { fieldManager: 'mesh-pki-pods', clock })
    const step = (options: Partial<SignPodCertificateOptions> = {}) =>
      signPodCertificateStep(client, REF, { signer, signerName: SIGNER_NAME, ...options })
    return { sign, clock, transport, client, signer, step }
  }
  const seed = (parts: Parts = {}, der = csr.der) => api.seed(podRequestObject(der, parts))
  const status = () => Object(wire(api.read(REQUESTS, REF))['status'])

  it('writes all of the status at once, as the API server checks it', async () => {
    seed()
    const { step } = start()
    expect(await step()).toMatchObject({ changed: true })
    const [leaf, intermediate, ...more] = Certificate.listFromPem(status().certificateChain)
    expect(more).toEqual([])
    expect(leaf?.publicKey).toEqual(csr.publicKey)
    expect(leaf?.subjectAltNames).toEqual([{ type: 'uri', value: CART_ID }])
    expect(intermediate?.equals(hierarchy.intermediate.certificate)).toBe(true)
    const [notBefore, notAfter, beginRefreshAt] = ['notBefore', 'notAfter', 'beginRefreshAt'].map((member) =>
      Date.parse(status()[member]),
    )
    if (notBefore === undefined || notAfter === undefined || beginRefreshAt === undefined)
      throw new Error('three instants')
    expect(new Date(notBefore)).toEqual(leaf?.notBefore)
    expect(new Date(notAfter)).toEqual(leaf?.notAfter)
    expect(NOW.getTime() - notBefore).toBeLessThanOrEqual(300_000)
    expect(notAfter - notBefore).toBe(86_400_000)
    expect(beginRefreshAt).toBeGreaterThanOrEqual(notBefore + 600_000)
    expect(beginRefreshAt).toBeLessThanOrEqual(notAfter - 600_000)
    expect(status().conditions).toEqual([expect.objectContaining({ type: 'Issued', status: 'True' })])
  })

  it('leaves room to refresh also in the shortest life', async () => {
    seed({ spec: { maxExpirationSeconds: 3600 } })
    await start().step()
    const [notBefore, notAfter, begin] = ['notBefore', 'notAfter', 'beginRefreshAt'].map((member) =>
      Date.parse(status()[member]),
    )
    expect(Number(notAfter) - Number(notBefore)).toBe(HOUR)
    expect(Number(begin) - Number(notBefore)).toBe(2_400_000)
  })

  it('denies what the policy refuses, and says which keys it does not take', async () => {
    const policy = workloadSigning({
      identify: serviceAccountIdentity('cluster.local'),
      keys: { allow: ['P-256'] },
    })
    seed({}, weak.der)
    await start(policy).step()
    expect(status().conditions).toEqual([
      expect.objectContaining({ type: 'Denied', reason: 'UnsupportedKeyType' }),
    ])
    seed({ spec: { serviceAccountName: 'nobody' } })
    await start(workloadSigning({ identify: () => undefined })).step()
    expect(status().conditions).toEqual([
      expect.objectContaining({ type: 'Denied', reason: 'SignerValidationFailure' }),
    ])
    expect(status().certificateChain).toBeUndefined()
  })

  it('fails what is malformed', async () => {
    seed({ spec: { stubPKCS10Request: base64('junk') } })
    await start().step()
    expect(status().conditions).toEqual([expect.objectContaining({ type: 'Failed' })])
  })

  it('signs nothing that Kubernetes would not take: the CA ends within the hour', async () => {
    seed()
    const { step, clock, sign } = start()
    clock.set(new Date(hierarchy.intermediate.certificate.notAfter.getTime() - HOUR + 60_000))
    seed({ metadata: { creationTimestamp: clock.now().toISOString() } })
    sign.mockClear()
    const inTime = new Date(hierarchy.intermediate.certificate.notAfter.getTime() - HOUR + 120_001)
    clock.set(inTime)
    expect(await step()).toMatchObject({
      changed: false,
      requeueAfterMs: 600_000,
      message: expect.stringContaining('within an hour'),
    })
    expect(sign).not.toHaveBeenCalled()
    expect(status().conditions).toBeUndefined()
  })

  it('answers that the server does not have the kind', async () => {
    api = fakeKubeApi({ version: '1.20', users: { signer: { rules: 'all' } } })
    expect(await start().step()).toEqual({
      changed: false,
      requeueAfterMs: HOUR,
      message: 'the server has no PodCertificateRequests',
    })
  })

  it.each(['delivered', 'lost'] as const)(
    'survives a crash at any point, the last answer %s',
    async (answer) => {
      for (let n = 0; n <= 1; n++) {
        api = fakeKubeApi({
          clock: manualClock(NOW),
          users: { signer: { rules: rulesOf('pod-certificate-signer.yaml') } },
        })
        seed()
        const first = start()
        first.transport.crashAfterWrite(n, { answer })
        await first.step().catch(() => {})
        const written = status().certificateChain
        await start().step()
        expect(Certificate.listFromPem(status().certificateChain)).toHaveLength(2)
        if (written !== undefined) expect(status().certificateChain).toBe(written)
      }
    },
  )
})
