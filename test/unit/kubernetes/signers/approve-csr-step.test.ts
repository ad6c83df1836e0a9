import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createCsr } from '../../../../src/csr/index.ts'
import { KubeClient, KubeResources } from '../../../../src/kubernetes/index.ts'
import {
  type ApproveCsrOptions,
  approveCsrStep,
} from '../../../../src/kubernetes/signers/approve-csr-step.ts'
import { type FakeKubeApi, fakeKubeApi } from '../../../../src/kubernetes/testing/index.ts'
import { manualClock } from '../../../../src/testing/index.ts'
import { rulesOf } from './rbac-support.ts'
import { condition, csrObject, intercepted, NOW, POLICY, SIGNER_NAME } from './support.ts'

const { certificateSigningRequests: CSRS } = KubeResources
let pem: string
let api: FakeKubeApi

beforeAll(async () => {
  pem = (await createCsr({ key: 'P-256' })).csr.toPem()
})

beforeEach(() => {
  const clock = manualClock(NOW)
  api = fakeKubeApi({
    clock,
    users: { approver: { rules: rulesOf('csr-approver.yaml', 'mesh-pki-approver') } },
  })
  api.seed(csrObject(pem, { status: { conditions: [condition('example.com/Seen')] } }))
})

const clientOf = (transport = api.transport({ user: 'approver' })) =>
  new KubeClient(transport, { fieldManager: 'mesh-pki-csr-approver', clock: manualClock(NOW) })
const step = (options: Partial<ApproveCsrOptions> = {}, client = clientOf()) =>
  approveCsrStep(client, 'cart-1', {
    signerName: SIGNER_NAME,
    policy: POLICY,
    approver: 'approver',
    judge: () => ({ approve: 'a test says so' }),
    ...options,
  })
const types = () =>
  (
    (Object(api.read(CSRS, { name: 'cart-1' })?.['status']).conditions ?? []) as {
      type: string
      status: string
      reason: string
    }[]
  ).map(({ type, status, reason }) => `${type} ${status} ${reason}`)

describe('approveCsrStep', () => {
  it('approves through its own subresource, with no more than its role', async () => {
    expect(await step()).toEqual({ changed: true, message: 'approved: a test says so' })
    expect(types()).toEqual(['example.com/Seen True Test', 'Approved True ApprovedByPolicy'])
    expect(api.requests.map(({ verb, resource }) => `${verb} ${resource}`)).toEqual([
      'get certificatesigningrequests',
      'update certificatesigningrequests/approval',
    ])
  })

  it('denies', async () => {
    await step({ judge: () => ({ deny: 'no' }) })
    expect(types()).toContain('Denied True DeniedByPolicy')
  })

  it('writes nothing where nobody says anything', async () => {
    expect(await step({ judge: () => undefined })).toMatchObject({ changed: false })
    expect(api.writes).toBe(0)
  })

  it('does not approve what was denied meanwhile', async () => {
    let isFirst = true
    const transport = intercepted(api.transport(), ({ method }) => {
      if (method !== 'PUT' || !isFirst) return
      isFirst = false
      api.seed(csrObject(pem, { status: { conditions: [condition('Denied')] } }))
    })
    expect(await step({}, clientOf(transport as never))).toEqual({ changed: false, message: 'it was denied' })
    expect(types()).toEqual(['Denied True Test'])
  })

  it('finds its approval where the answer was lost', async () => {
    api.faults.failAfter('broken-connection', { verb: 'update' })
    expect(await step()).toEqual({ changed: false, message: 'it was approved' })
    expect(types()).toContain('Approved True ApprovedByPolicy')
  })

  it('is no signer: approval of another signer is forbidden', async () => {
    api.seed(csrObject(pem, { spec: { signerName: 'example.com/other' }, status: { conditions: [] } }))
    await expect(step({ signerName: 'example.com/other' })).rejects.toMatchObject({
      code: 'ERR_KUBERNETES_FORBIDDEN',
    })
  })
})
