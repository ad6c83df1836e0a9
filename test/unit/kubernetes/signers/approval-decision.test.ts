import { beforeAll, describe, expect, it, vi } from 'vitest'
import { createCsr } from '../../../../src/csr/index.ts'
import { type ApprovalVerdict, decideApproval } from '../../../../src/kubernetes/signers/approval-decision.ts'
import { CART, condition, csrObject, NOW, POLICY, SIGNER_NAME } from './support.ts'

const APPROVER = 'system:serviceaccount:pki:approver'
const PENDING = { status: { conditions: [] } }
let pem: string

beforeAll(async () => {
  pem = (await createCsr({ key: 'P-256' })).csr.toPem()
})

const decide = (parts: Parameters<typeof csrObject>[1] = PENDING, options: object = {}) =>
  decideApproval({
    csr: csrObject(pem, parts),
    signerName: SIGNER_NAME,
    policy: POLICY,
    approver: APPROVER,
    judge: () => ({ approve: 'a test says so' }),
    now: NOW,
    ...options,
  })

describe('decideApproval', () => {
  it('approves what is judged so', async () => {
    expect(await decide()).toEqual({
      action: 'approve',
      reason: 'ApprovedByPolicy',
      message: 'a test says so',
    })
  })

  it('shows the requester, though the request is not approved yet', async () => {
    const judge = vi.fn((): ApprovalVerdict => undefined)
    await decide(PENDING, { judge })
    expect(judge).toHaveBeenCalledWith(
      expect.objectContaining({ requester: expect.objectContaining({ username: CART }) }),
    )
  })

  it('denies what is judged so', async () => {
    expect(await decide(PENDING, { judge: async () => ({ deny: 'not in this mesh' }) })).toEqual({
      action: 'deny',
      reason: 'DeniedByPolicy',
      message: 'not in this mesh',
    })
  })

  it.each([undefined, null, true, 'yes', {}, { approve: true }, { approved: 'x' }])(
    'leaves a request alone where the verdict is %j',
    async (verdict) => {
      expect(await decide(PENDING, { judge: () => verdict })).toMatchObject({ action: 'ignore' })
    },
  )

  it('denies without asking what the signer would refuse', async () => {
    const judge = vi.fn()
    expect(await decide({ ...PENDING, spec: { usages: ['any'] } }, { judge })).toEqual({
      action: 'deny',
      reason: 'SignerWouldRefuse',
      message: expect.stringContaining('every purpose'),
    })
    expect(judge).not.toHaveBeenCalled()
  })

  it.each([
    ['was approved', { status: { conditions: [condition('Approved')] } }],
    ['was denied', { status: { conditions: [condition('Denied')] } }],
    ['has failed', { status: { conditions: [condition('Failed')] } }],
    ['is another signer’s', { ...PENDING, spec: { signerName: 'example.com/other' } }],
  ])('ignores what %s', async (_what, parts) => {
    expect(await decide(parts)).toMatchObject({ action: 'ignore' })
  })

  it('leaves its own requests to others, unless it is told to judge them', async () => {
    const own = { ...PENDING, spec: { username: APPROVER } }
    expect(await decide(own)).toMatchObject({ action: 'ignore', why: expect.stringContaining('itself') })
    expect(await decide(own, { ownRequests: 'judge' })).toMatchObject({ action: 'approve' })
  })

  it('does not take a failure for a verdict', async () => {
    const judge = () => Promise.reject(new Error('the directory is down'))
    await expect(decide(PENDING, { judge })).rejects.toThrow('the directory is down')
  })

  it.each([
    ['no approver', { approver: '' }],
    ['no judge', { judge: undefined }],
    ['an unknown word', { ownRequests: 'approve' }],
  ])('refuses %s', async (_what, options) => {
    await expect(decide(PENDING, options)).rejects.toThrow(TypeError)
  })
})
