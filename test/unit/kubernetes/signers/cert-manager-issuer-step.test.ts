import { beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { type Csr, createCsr } from '../../../../src/csr/index.ts'
import { KubeClient, KubeResources } from '../../../../src/kubernetes/index.ts'
import {
  type CertManagerIssuerStepOptions,
  certManagerIssuerStep,
} from '../../../../src/kubernetes/signers/cert-manager-issuer-step.ts'
import { MeshIssuerResources } from '../../../../src/kubernetes/signers/mesh-issuer.ts'
import { meshIssuerStep } from '../../../../src/kubernetes/signers/mesh-issuer-step.ts'
import { RequestSigner } from '../../../../src/kubernetes/signers/request-signer.ts'
import type { SignerEvent } from '../../../../src/kubernetes/signers/signer-event.ts'
import type { SigningPolicy, SigningPolicyInput } from '../../../../src/kubernetes/signers/signing-policy.ts'
import { type FakeKubeApi, fakeKubeApi } from '../../../../src/kubernetes/testing/index.ts'
import { createTestHierarchy, manualClock, type TestHierarchy } from '../../../../src/testing/index.ts'
import { Certificate } from '../../../../src/x509/index.ts'
import { readYaml, rulesOf } from './rbac-support.ts'
import {
  ago,
  CA_POLICY_INPUT,
  CART_ID,
  condition,
  intercepted,
  issuerObject,
  NOW,
  POLICY,
  requestObject,
  text,
  wire,
} from './support.ts'

const { certManagerRequests: REQUESTS } = KubeResources
const REF = { namespace: 'shop', name: 'cart-1' }

let hierarchy: TestHierarchy
let csr: Csr
let api: FakeKubeApi
let events: SignerEvent[]

beforeAll(async () => {
  hierarchy = await createTestHierarchy({ time: NOW })
  csr = (await createCsr({ key: 'P-256' })).csr
})

beforeEach(() => {
  api = cluster()
  events = []
})

function cluster(): FakeKubeApi {
  const api = fakeKubeApi({
    clock: manualClock(NOW),
    resources: [REQUESTS],
    users: { issuer: { rules: rulesOf('cert-manager-issuer.yaml') } },
  })
  for (const file of ['crds/meshissuers.yaml', 'crds/clustermeshissuers.yaml'])
    for (const crd of readYaml(file)) api.seed(wire(crd))
  return api
}

function start({
  policy = POLICY,
  failing = 0,
  user = 'admin',
}: {
  policy?: SigningPolicy | SigningPolicyInput
  failing?: number
  user?: string
} = {}) {
  let failures = failing
  const sign = vi.fn(async (...args: Parameters<typeof hierarchy.intermediate.sign>) => {
    if (failures-- > 0) throw new Error('the HSM is busy')
    return hierarchy.intermediate.sign(...args)
  })
  const clock = manualClock(NOW)
  const signer = RequestSigner.from({
    ca: { sign, chain: hierarchy.intermediate.chain },
    policy,
    clock,
    onEvent: (event) => events.push(event),
  })
  const signers = new Map([['istio', signer]])
  const transport = api.transport({ user })
  const client = new KubeClient(transport, { fieldManager: 'mesh-pki-issuer', clock })
  const step = (options: Partial<CertManagerIssuerStepOptions> = {}) =>
    certManagerIssuerStep(client, REF, { signers, ...options })
  return { sign, signer, signers, clock, transport, client, step }
}

const seed = (parts: Parameters<typeof requestObject>[1] = {}) => api.seed(requestObject(csr.toPem(), parts))
const stored = () => wire(api.read(REQUESTS, REF))
const statusOf = () => Object(stored()['status'])
const ready = () => statusOf().conditions.find(({ type }: { type: string }) => type === 'Ready')
const certificates = () => Certificate.listFromPem(text(statusOf().certificate))
const dropped = () => events.filter((event) => event.type === 'dropped')

describe('certManagerIssuerStep', () => {
  it('signs with no more than its role: certificate, root and Ready in one write', async () => {
    seed()
    api.seed(issuerObject())
    const { step } = start({ user: 'issuer' })
    expect(await step()).toMatchObject({ changed: true })
    expect(certificates()).toHaveLength(2)
    expect(certificates()[0]?.subjectAltNames).toEqual([{ type: 'uri', value: CART_ID }])
    expect(certificates()[0]?.notAfter).toEqual(new Date(NOW.getTime() + 43_200_000))
    expect(Certificate.listFromPem(text(statusOf().ca))).toEqual([hierarchy.root.certificate])
    expect(ready()).toMatchObject({
      status: 'True',
      reason: 'Issued',
      lastTransitionTime: '2026-03-01T12:00:00Z',
    })
    expect(statusOf().conditions).toHaveLength(2)
    expect(statusOf().failureTime).toBeUndefined()
    expect(api.requests.filter(({ changed }) => changed)).toEqual([
      expect.objectContaining({ verb: 'update', resource: 'certificaterequests/status' }),
    ])
  })

  it('is for the cluster, too', async () => {
    seed({ spec: { issuerRef: { group: 'pki.mesh-pki.dev', kind: 'ClusterMeshIssuer', name: 'mesh' } } })
    api.seed({ ...issuerObject({ metadata: { namespace: undefined } }), kind: 'ClusterMeshIssuer' })
    await start().step()
    expect(ready()).toMatchObject({ reason: 'Issued' })
  })

  it('gives a certificate without purposes those of its profile: none would be all', async () => {
    seed({ spec: { usages: ['digital signature', 'key encipherment'] } })
    api.seed(issuerObject())
    await start().step()
    expect(certificates()[0]?.extendedKeyUsage).toEqual(['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2'])
  })

  it('is content with what a cache says where nothing is to be done', async () => {
    seed({ status: { conditions: [] } })
    const { step } = start()
    expect(await step({ cached: stored() })).toEqual({ changed: false, message: 'it is not approved yet' })
    expect(api.requests).toEqual([])
    expect(await step()).toMatchObject({ changed: false })
    expect(api.writes).toBe(0)
  })

  it('writes a denial down, once', async () => {
    seed({ status: { conditions: [condition('Denied')] } })
    const { step, sign } = start()
    expect(await step()).toMatchObject({ changed: true })
    expect(ready()).toMatchObject({ status: 'False', reason: 'Denied' })
    expect(statusOf().failureTime).toBe('2026-03-01T12:00:00Z')
    const before = stored()
    expect(await step()).toMatchObject({ changed: false })
    expect(stored()).toEqual(before)
    expect(sign).not.toHaveBeenCalled()
  })

  it('waits for its issuer, says so once, and signs when it is there and ready', async () => {
    seed()
    const { step, client, signers } = start()
    expect(await step()).toMatchObject({ changed: true, requeueAfterMs: 30_000 })
    expect(ready()).toMatchObject({
      status: 'False',
      reason: 'Pending',
      message: expect.stringContaining('not found'),
    })
    const before = stored()
    expect(await step()).toMatchObject({ changed: false, requeueAfterMs: 30_000 })
    expect(stored()).toEqual(before)
    await client.create(MeshIssuerResources.meshIssuers, {
      metadata: { namespace: 'shop', name: 'mesh' },
      spec: { signer: 'istio' },
    })
    await step()
    expect(ready()).toMatchObject({
      reason: 'Pending',
      message: expect.stringContaining('does not say that it is ready'),
    })
    await meshIssuerStep(client, { namespace: 'shop', name: 'mesh' }, { signers })
    await step()
    expect(ready()).toMatchObject({ status: 'True', reason: 'Issued' })
  })

  it('waits for a signer that this process does not have', async () => {
    seed()
    api.seed(issuerObject({ spec: { signer: 'other' } }))
    await start().step()
    expect(ready()).toMatchObject({ reason: 'Pending', message: expect.stringContaining('"other"') })
  })

  it('fails for good what the policy refuses', async () => {
    seed({ spec: { username: 'jane' } })
    api.seed(issuerObject())
    const { step, sign } = start()
    await step()
    expect(ready()).toMatchObject({
      status: 'False',
      reason: 'Failed',
      message: expect.stringContaining('no identity here'),
    })
    expect(statusOf().failureTime).toBe('2026-03-01T12:00:00Z')
    expect(sign).not.toHaveBeenCalled()
  })

  it('fails what asks to become a CA, and makes one where there are rules', async () => {
    seed({ spec: { isCA: true, usages: ['cert sign', 'digital signature'] } })
    api.seed(issuerObject())
    await start().step()
    expect(ready()).toMatchObject({ reason: 'Failed' })
    seed({ spec: { isCA: true, usages: ['cert sign', 'digital signature'] } })
    // Below a root: an intermediate with path length 0 has no place for another CA.
    await start({ policy: CA_POLICY_INPUT }).step()
    expect(ready()).toMatchObject({ reason: 'Failed', message: expect.stringContaining('path length') })
  })

  it('writes what may pass as Pending, throws it, and tries again', async () => {
    seed()
    api.seed(issuerObject())
    const { step, clock } = start({ failing: 2 })
    await expect(step()).rejects.toThrow('the HSM is busy')
    expect(ready()).toMatchObject({
      reason: 'Pending',
      message: expect.stringContaining('could not be signed yet'),
    })
    const before = stored()
    clock.advance('10m')
    await expect(step()).rejects.toThrow('the HSM is busy')
    // The same words: nobody is woken for nothing.
    expect(stored()).toEqual(before)
    await step()
    expect(ready()).toMatchObject({
      status: 'True',
      reason: 'Issued',
      lastTransitionTime: '2026-03-01T12:10:00Z',
    })
  })

  it('fails for good what could not be signed within an hour', async () => {
    seed({ metadata: { creationTimestamp: ago(3600) } })
    api.seed(issuerObject())
    const { step } = start({ failing: 1 })
    expect(await step()).toMatchObject({ changed: true })
    expect(ready()).toMatchObject({ reason: 'Failed', message: expect.stringContaining('within 1h') })
    expect(ready().message).not.toContain('HSM')
  })

  it('lets a denial win that comes before the write', async () => {
    seed()
    api.seed(issuerObject())
    const { signers, transport, clock } = start()
    let isFirst = true
    const client = new KubeClient(
      intercepted(transport, ({ method }) => {
        if (method !== 'PUT' || !isFirst) return
        isFirst = false
        seed({ status: { conditions: [condition('Denied')] } })
      }),
      { fieldManager: 'x', clock },
    )
    await certManagerIssuerStep(client, REF, { signers })
    expect(statusOf().certificate).toBeUndefined()
    expect(dropped()).toHaveLength(1)
    await certManagerIssuerStep(client, REF, { signers })
    expect(ready()).toMatchObject({ reason: 'Denied' })
  })

  it('keeps what it made while the server is down, and drops it when the request is gone', async () => {
    seed()
    api.seed(issuerObject())
    const { step, client, signer, sign } = start()
    const cut = () => {
      api.faults.fail('broken-connection', { verb: 'update' })
      api.faults.fail('broken-connection', { verb: 'get', resource: REQUESTS, nth: 3 })
    }
    cut()
    await expect(step()).rejects.toMatchObject({ code: 'ERR_KUBERNETES_UNAVAILABLE' })
    cut()
    await expect(step()).rejects.toMatchObject({ code: 'ERR_KUBERNETES_UNAVAILABLE' })
    expect(sign).toHaveBeenCalledTimes(1)
    api.faults.clear()
    // A cache that lags behind does not make it forget.
    const stale = requestObject(csr.toPem(), { status: { conditions: [] } })
    await client.remove(REQUESTS, stored())
    await step({ cached: stale })
    expect(dropped()).toHaveLength(1)
    expect(signer.remembered('uid-1')).toBeUndefined()
  })

  it('writes what it kept also where its cache lags behind', async () => {
    seed()
    api.seed(issuerObject())
    const { step, sign } = start()
    api.faults.fail('broken-connection', { verb: 'update' })
    api.faults.fail('broken-connection', { verb: 'get', resource: REQUESTS, nth: 3 })
    await expect(step()).rejects.toMatchObject({ code: 'ERR_KUBERNETES_UNAVAILABLE' })
    await step({ cached: requestObject(csr.toPem(), { status: { conditions: [] } }) })
    expect(ready()).toMatchObject({ reason: 'Issued' })
    expect(sign).toHaveBeenCalledTimes(1)
    expect(dropped()).toEqual([])
  })

  it('makes no CA where "isCA" came after the policy was asked', async () => {
    seed()
    api.seed(issuerObject())
    const authorize = vi.fn(({ isCa }: { isCa: boolean }) => {
      if (isCa) return { refuse: 'no CAs' }
      seed({ spec: { isCA: true, usages: ['cert sign'] } })
      return { identities: [CART_ID] }
    })
    const { step, sign } = start({ policy: { ...CA_POLICY_INPUT, authorize } })
    await step()
    expect(sign).not.toHaveBeenCalled()
    expect(ready()).toMatchObject({ reason: 'Failed', message: expect.stringContaining('no CAs') })
  })

  it('finds its own answer where it was lost', async () => {
    seed()
    api.seed(issuerObject())
    const { step, sign } = start()
    api.faults.failAfter('broken-connection', { verb: 'update' })
    expect(await step()).toMatchObject({ changed: true })
    expect(sign).toHaveBeenCalledTimes(1)
    expect(dropped()).toEqual([])
  })

  it.each(['delivered', 'lost'] as const)(
    'survives a crash at any point, the last answer %s',
    async (answer) => {
      // From nothing: Pending for the issuer, readiness, certificate.
      const scenario = async (process: ReturnType<typeof start>) => {
        const { step, client, signers } = process
        await step()
        await meshIssuerStep(client, { namespace: 'shop', name: 'mesh' }, { signers })
        await step()
      }
      const prepare = () => {
        api = cluster()
        seed()
        api.seed(issuerObject({ status: { conditions: [] } }))
      }
      prepare()
      const calm = start()
      await scenario(calm)
      expect(calm.transport.writes).toBe(3)
      for (let n = 0; n <= calm.transport.writes; n++) {
        prepare()
        const first = start()
        first.transport.crashAfterWrite(n, { answer })
        await scenario(first).catch(() => {})
        const written = statusOf().certificate
        const second = start()
        await scenario(second)
        expect(ready()).toMatchObject({ status: 'True', reason: 'Issued' })
        expect(certificates()).toHaveLength(2)
        if (written !== undefined) expect(statusOf().certificate).toBe(written)
      }
    },
  )
})

describe('meshIssuerStep', () => {
  const ISSUER = { namespace: 'shop', name: 'mesh' }
  const issuer = () => wire(api.read(MeshIssuerResources.meshIssuers, ISSUER))
  const conditions = () => Object(issuer()['status']).conditions

  beforeEach(() => {
    api.seed(issuerObject({ status: { conditions: [] } }))
  })

  it('says of which generation it speaks, and writes once', async () => {
    const { client, signers } = start({ user: 'issuer' })
    expect(await meshIssuerStep(client, ISSUER, { signers })).toMatchObject({
      changed: true,
      requeueAfterMs: 3_600_000,
    })
    expect(conditions()).toEqual([
      expect.objectContaining({ type: 'Ready', status: 'True', reason: 'Ready', observedGeneration: 2 }),
    ])
    expect(await meshIssuerStep(client, ISSUER, { signers })).toMatchObject({ changed: false })
  })

  it('is not ready where its signer is unknown, and says so again after a change', async () => {
    const { client, signers } = start()
    await client.change(MeshIssuerResources.meshIssuers, ISSUER, (found) => ({
      ...found,
      spec: { signer: 'gone' },
    }))
    await meshIssuerStep(client, ISSUER, { signers })
    expect(conditions()).toEqual([
      expect.objectContaining({ status: 'False', reason: 'SignerUnknown', observedGeneration: 3 }),
    ])
    await client.change(MeshIssuerResources.meshIssuers, ISSUER, (found) => ({
      ...found,
      spec: { signer: 'istio' },
    }))
    await meshIssuerStep(client, ISSUER, { signers })
    expect(conditions()).toEqual([expect.objectContaining({ status: 'True', observedGeneration: 4 })])
  })

  it('is not ready once a certificate of its chain has ended', async () => {
    const { client, signers, clock } = start()
    clock.set(new Date(hierarchy.intermediate.certificate.notAfter.getTime() - 60_000))
    expect(await meshIssuerStep(client, ISSUER, { signers })).toMatchObject({ requeueAfterMs: 60_000 })
    clock.advance('1m')
    await meshIssuerStep(client, ISSUER, { signers })
    expect(conditions()).toEqual([expect.objectContaining({ status: 'False', reason: 'CaExpired' })])
  })

  it('has nothing to say of what is gone', async () => {
    const { client, signers } = start()
    expect(await meshIssuerStep(client, { name: 'none' }, { signers })).toEqual({
      changed: false,
      message: 'it is gone',
    })
  })

  it('cannot be made without a signer: the schema demands it', async () => {
    const { client } = start()
    await expect(
      client.create(MeshIssuerResources.meshIssuers, {
        metadata: { namespace: 'shop', name: 'other' },
        spec: {},
      }),
    ).rejects.toMatchObject({ code: 'ERR_KUBERNETES_INVALID' })
  })
})
