import { beforeAll, describe, expect, it } from 'vitest'
import { createCsr } from '../../../../src/csr/index.ts'
import { decideCertManagerRequest } from '../../../../src/kubernetes/signers/cert-manager-decision.ts'
import { SigningPolicy } from '../../../../src/kubernetes/signers/signing-policy.ts'
import {
  ago,
  base64,
  CA_POLICY_INPUT,
  CART,
  condition,
  issuerObject,
  NOW,
  POLICY,
  requestObject,
} from './support.ts'

let pem: string
beforeAll(async () => {
  pem = (await createCsr({ key: 'P-256' })).csr.toPem()
})

type Parts = Parameters<typeof requestObject>[1]
const first = (parts: Parts = {}) =>
  decideCertManagerRequest({ request: requestObject(pem, parts), now: NOW })
const second = (parts: Parts = {}, options: object = {}) =>
  decideCertManagerRequest({
    request: requestObject(pem, parts),
    issuer: issuerObject(),
    policy: POLICY,
    now: NOW,
    ...options,
  })
const approved = (...more: object[]) => ({ status: { conditions: [condition('Approved'), ...more] } })

describe('whose requests are answered', () => {
  it('asks for the issuer of one that is approved', () => {
    expect(first()).toMatchObject({
      action: 'issuer',
      resource: { group: 'pki.mesh-pki.dev', kind: 'MeshIssuer' },
      ref: { namespace: 'shop', name: 'mesh' },
    })
    const issuerRef = { group: 'pki.mesh-pki.dev', kind: 'ClusterMeshIssuer', name: 'mesh' }
    expect(first({ spec: { issuerRef } })).toMatchObject({
      action: 'issuer',
      resource: { plural: 'clustermeshissuers' },
      ref: { name: 'mesh' },
    })
  })

  it.each([
    ['an empty group, which is cert-manager’s own', { group: '', kind: 'MeshIssuer', name: 'mesh' }],
    ['no group', { kind: 'MeshIssuer', name: 'mesh' }],
    ['cert-manager’s group', { group: 'cert-manager.io', kind: 'Issuer', name: 'mesh' }],
    ['our group with another case', { group: 'PKI.mesh-pki.dev', kind: 'MeshIssuer', name: 'mesh' }],
    ['another kind', { group: 'pki.mesh-pki.dev', kind: 'Issuer', name: 'mesh' }],
    ['no kind', { group: 'pki.mesh-pki.dev', name: 'mesh' }],
    ['nothing', undefined],
  ])('ignores %s', (_what, issuerRef) => {
    expect(first({ spec: { issuerRef } })).toMatchObject({ action: 'ignore' })
  })

  it.each([
    ['Ready', approved(condition('Ready', 'True', { reason: 'Issued' }))],
    ['Failed', approved(condition('Ready', 'False', { reason: 'Failed' }))],
    ['Denied', approved(condition('Denied'), condition('Ready', 'False', { reason: 'Denied' }))],
    ['InvalidRequest', approved(condition('InvalidRequest'))],
    [
      'a certificate of somebody else',
      { status: { conditions: [condition('Approved')], certificate: base64('x') } },
    ],
  ])('never touches what is %s', (_what, parts) => {
    expect(first(parts)).toMatchObject({ action: 'ignore' })
  })

  it('goes on with what is pending or was initialised', () => {
    expect(first(approved(condition('Ready', 'False', { reason: 'Pending' }))).action).toBe('issuer')
    expect(first(approved(condition('Ready', 'Unknown', { reason: 'Initializing' }))).action).toBe('issuer')
    expect(first(approved(condition('InvalidRequest', 'False'))).action).toBe('issuer')
  })

  it('writes a denial down, also where it was approved', () => {
    expect(first(approved(condition('Denied')))).toMatchObject({ action: 'fail', reason: 'Denied' })
    expect(first({ status: { conditions: [condition('Denied')] } })).toMatchObject({
      action: 'fail',
      reason: 'Denied',
    })
  })

  it.each([
    ['nobody has said anything', { status: { conditions: [] } }],
    ['the approval is not True', { status: { conditions: [condition('Approved', 'False')] } }],
    [
      'it is ready for nothing yet',
      { status: { conditions: [condition('Ready', 'False', { reason: 'Pending' })] } },
    ],
  ])('does nothing where %s', (_what, parts) => {
    expect(first(parts)).toMatchObject({ action: 'wait' })
  })
})

describe('the issuer', () => {
  it('must be there', () => {
    expect(second({}, { issuer: 'missing' })).toEqual({
      action: 'pending',
      message: expect.stringContaining('Waiting for it to be created'),
    })
  })

  it.each([
    ['has no condition', issuerObject({ status: { conditions: [] } })],
    [
      'is not ready',
      issuerObject({ status: { conditions: [condition('Ready', 'False', { observedGeneration: 2 })] } }),
    ],
    [
      'is not known',
      issuerObject({ status: { conditions: [condition('Ready', 'Unknown', { observedGeneration: 2 })] } }),
    ],
    ['was changed since', issuerObject({ metadata: { generation: 3 } })],
    [
      'does not say of which generation it speaks',
      issuerObject({ status: { conditions: [condition('Ready')] } }),
    ],
  ])('is waited for where it %s', (_what, issuer) => {
    expect(second({}, { issuer })).toMatchObject({ action: 'pending' })
  })

  it('may speak of a newer generation than the cache has', () => {
    expect(second({}, { issuer: issuerObject({ metadata: { generation: 1 } }) })).toMatchObject({
      action: 'sign',
    })
  })

  it('needs a policy', () => {
    expect(() => second({}, { policy: undefined })).toThrow(/policy/)
  })

  it('must have a name', () => {
    const issuerRef = { group: 'pki.mesh-pki.dev', kind: 'MeshIssuer', name: '../x' }
    expect(first({ spec: { issuerRef } })).toMatchObject({ action: 'fail', reason: 'Failed' })
  })
})

describe('the request', () => {
  it('is signed', () => {
    expect(second()).toMatchObject({
      action: 'sign',
      request: {
        kind: 'CertificateRequest',
        namespace: 'shop',
        name: 'cart-1',
        isCa: false,
        lifetimeMs: 43_200_000,
        usages: ['digital signature', 'key encipherment'],
        requester: { username: CART },
      },
    })
  })

  it.each([
    ['what the policy gives where nothing is asked for', undefined, 86_400_000],
    ['and where null is', null, 86_400_000],
    ['cut', '2160h0m0s', 86_400_000],
    ['what is asked for', '90m', 5_400_000],
  ])('lives %s', (_what, duration, lifetimeMs) => {
    expect(second({ spec: { duration } })).toMatchObject({ action: 'sign', request: { lifetimeMs } })
  })

  it.each([
    ['a duration that is none', { duration: '12 hours' }, /duration/],
    ['a negative duration', { duration: '-1h' }, /duration/],
    ['less than a second', { duration: '10ms' }, /shorter than a second/],
    ['a number', { duration: 3600 }, /duration/],
    ['isCA without rules for CAs', { isCA: true }, /become a CA/],
    ['"cert sign" without isCA', { usages: ['cert sign'] }, /for CAs/],
    ['"any"', { usages: ['any'] }, /every purpose/],
    ['junk', { request: base64('junk') }, /PEM/],
  ])('fails with %s', (_what, spec, message) => {
    expect(second({ spec })).toEqual({
      action: 'fail',
      reason: 'Failed',
      message: expect.stringMatching(message),
    })
  })

  it('makes CAs where there are rules for them', () => {
    const policy = SigningPolicy.from(CA_POLICY_INPUT)
    const spec = {
      isCA: true,
      usages: ['digital signature', 'key encipherment', 'cert sign'],
      duration: '720h',
    }
    expect(second({ spec }, { policy })).toMatchObject({
      action: 'sign',
      request: { isCa: true, lifetimeMs: 2_592_000_000 },
    })
    expect(second({ spec: { usages: ['cert sign'] } }, { policy })).toMatchObject({ action: 'fail' })
  })

  it('takes isCA for what it is: true, and nothing like it', () => {
    const policy = SigningPolicy.from(CA_POLICY_INPUT)
    expect(second({ spec: { isCA: 'true' } }, { policy })).toMatchObject({
      action: 'sign',
      request: { isCa: false },
    })
  })

  it('fails when it is older than is signed', () => {
    expect(second({ metadata: { creationTimestamp: ago(7 * 86_400) } })).toMatchObject({ action: 'sign' })
    expect(second({ metadata: { creationTimestamp: ago(7 * 86_400 + 1) } })).toMatchObject({ action: 'fail' })
  })
})
