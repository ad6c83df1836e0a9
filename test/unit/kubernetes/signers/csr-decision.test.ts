import { beforeAll, describe, expect, it } from 'vitest'
import { type Csr, createCsr } from '../../../../src/csr/index.ts'
import { decideCsr } from '../../../../src/kubernetes/signers/csr-decision.ts'
import { SigningPolicy } from '../../../../src/kubernetes/signers/signing-policy.ts'
import type { SigningRequest } from '../../../../src/kubernetes/signers/signing-request.ts'
import {
  serviceAccountIdentity,
  workloadSigning,
} from '../../../../src/kubernetes/signers/workload-signing.ts'
import {
  ago,
  base64,
  CA_POLICY_INPUT,
  CART,
  condition,
  csrObject,
  NOW,
  POLICY,
  SIGNER_NAME,
} from './support.ts'

let csr: Csr
let pem: string
let rsa: string

beforeAll(async () => {
  csr = (await createCsr({ key: 'P-256' })).csr
  pem = csr.toPem()
  rsa = (await createCsr({ key: 'RSA-2048' })).csr.toPem()
})

const decide = (parts: Parameters<typeof csrObject>[1] = {}, options: object = {}) =>
  decideCsr({ csr: csrObject(pem, parts), signerName: SIGNER_NAME, policy: POLICY, now: NOW, ...options })

function signed(decision: ReturnType<typeof decide>): SigningRequest {
  if (decision.action !== 'sign')
    throw new Error(`expected a request to sign, found ${JSON.stringify(decision)}`)
  return decision.request
}

describe('whose requests are signed', () => {
  it('signs what is approved and ours', () => {
    const request = signed(decide())
    expect(request).toMatchObject({
      kind: 'CertificateSigningRequest',
      name: 'cart-1',
      namespace: undefined,
      uid: 'uid-1',
      isCa: false,
      usages: ['digital signature', 'key encipherment', 'server auth', 'client auth'],
      requester: {
        username: CART,
        uid: 'sa-uid',
        groups: ['system:serviceaccounts', 'system:serviceaccounts:shop', 'system:authenticated'],
        extra: { 'authentication.kubernetes.io/pod-name': ['cart-abc'] },
        serviceAccount: { namespace: 'shop', name: 'cart' },
      },
    })
    expect(request.csr.fingerprint()).toBe(csr.fingerprint())
  })

  it.each([
    ['another signer', { spec: { signerName: 'example.com/other' } }],
    ['the same domain with another case', { spec: { signerName: 'Example.com/mesh' } }],
    ['no signer', { spec: { signerName: undefined } }],
    [
      'a denied one, also where it was approved',
      { status: { conditions: [condition('Approved'), condition('Denied')] } },
    ],
    [
      'a denial of whatever status',
      { status: { conditions: [condition('Approved'), condition('Denied', 'False')] } },
    ],
    ['a denial without a status', { status: { conditions: [condition('Approved'), { type: 'Denied' }] } }],
    ['a failed one', { status: { conditions: [condition('Approved'), condition('Failed')] } }],
    ['one with a certificate', { status: { conditions: [condition('Approved')], certificate: base64('x') } }],
    [
      'one with a certificate of a strange kind',
      { status: { conditions: [condition('Approved')], certificate: 7 } },
    ],
  ])('ignores %s', (_what, parts) => {
    expect(decide(parts)).toMatchObject({ action: 'ignore' })
  })

  it.each([
    ['nobody has approved it', { status: { conditions: [] } }],
    ['there is no status', { status: { conditions: undefined } }],
    ['an approval is not True', { status: { conditions: [condition('Approved', 'False')] } }],
    ['an approval has no status', { status: { conditions: [{ type: 'Approved' }] } }],
    ['it was approved in words', { status: { conditions: 'Approved' } }],
  ])('waits where %s', (_what, parts) => {
    expect(decide(parts)).toMatchObject({ action: 'wait' })
  })

  it('does not look at its content before it is approved', () => {
    expect(decide({ spec: { request: 'junk' }, status: { conditions: [] } })).toMatchObject({
      action: 'wait',
    })
    expect(decide({ spec: { request: 'junk' } })).toMatchObject({ action: 'fail' })
  })
})

describe('what is refused', () => {
  it.each([
    ['a request that is no text', { spec: { request: 7 } }, /base64 text/],
    ['a request that is no base64', { spec: { request: '-----BEGIN' } }, /RFC 4648/],
    ['no PEM', { spec: { request: base64('hello') } }, /PEM/],
    [
      'a certificate',
      { spec: { request: base64('-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n') } },
      /CERTIFICATE/,
    ],
    ['more than is read', { spec: { request: 'A'.repeat(131_076) } }, /131076 characters/],
    ['no usages', { spec: { usages: [] } }, /no usages/],
    ['usages that are no list', { spec: { usages: 'server auth' } }, /no usages/],
    ['"any"', { spec: { usages: ['any'] } }, /every purpose/],
    ['"cert sign" without rules for CAs', { spec: { usages: ['cert sign'] } }, /for CAs/],
    ['"crl sign"', { spec: { usages: ['crl sign', 'digital signature'] } }, /for CAs/],
    ['an unknown word', { spec: { usages: ['server auth', 'brew coffee'] } }, /"brew coffee" is unknown/],
    ['what the policy does not give', { spec: { usages: ['code signing'] } }, /"code signing" is not given/],
    ['less than 600 seconds', { spec: { expirationSeconds: 599 } }, /at least 600/],
    ['a fraction of a second', { spec: { expirationSeconds: 600.5 } }, /at least 600/],
    ['a duration in words', { spec: { expirationSeconds: '3600' } }, /at least 600/],
    ['one that is a day and a second old', { metadata: { creationTimestamp: ago(86_401) } }, /1d1s old/],
    ['one without an age', { metadata: { creationTimestamp: undefined } }, /when it was made/],
    ['one without a UID', { metadata: { uid: undefined } }, /no name or UID/],
  ])('refuses %s', (_what, parts, message) => {
    expect(decide(parts)).toEqual({
      action: 'fail',
      reason: 'SignerValidationFailure',
      message: expect.stringMatching(message),
    })
  })

  it('signs one that is a day old, and an older one where that is allowed', () => {
    expect(decide({ metadata: { creationTimestamp: ago(86_400) } }).action).toBe('sign')
    expect(decide({ metadata: { creationTimestamp: ago(100_000) } }, { maxAge: '2d' }).action).toBe('sign')
  })

  it('escapes what stands in a request', () => {
    const decision = decide({ spec: { usages: ['server auth', 'a\u001b[31m\u202e'] } })
    expect(decision).toMatchObject({ message: expect.stringContaining('a\\u{1b}[31m\\u{202e}') })
  })
})

describe('how long it may live', () => {
  it.each([
    ['what is asked for', 3600, 3_600_000],
    ['the shortest that Kubernetes takes', 600, 600_000],
    ['what the policy allows where more is asked for', 1_000_000, 86_400_000],
    ['what the policy allows where nothing is asked for', undefined, 86_400_000],
    ['the same where a server writes null', null, 86_400_000],
  ])('is %s', (_what, expirationSeconds, expected) => {
    expect(signed(decide({ spec: { expirationSeconds } })).lifetimeMs).toBe(expected)
  })

  it('is refused where the policy does not cut', () => {
    const policy = SigningPolicy.from({
      name: 'strict',
      workload: { lifetime: { max: '1h', default: '1h' } },
      authorize: () => ({ refuse: 'no' }),
    })
    expect(decide({ spec: { expirationSeconds: 3601 } }, { policy })).toMatchObject({ action: 'fail' })
    expect(decide({ spec: { expirationSeconds: 3600 } }, { policy })).toMatchObject({ action: 'sign' })
  })
})

describe('CAs', () => {
  const policy = SigningPolicy.from(CA_POLICY_INPUT)

  it('are made of "cert sign" where there are rules for them', () => {
    const request = signed(
      decide({ spec: { usages: ['cert sign', 'crl sign'], expirationSeconds: 864_000 } }, { policy }),
    )
    expect(request).toMatchObject({ isCa: true, lifetimeMs: 864_000_000, usages: ['cert sign', 'crl sign'] })
  })

  it('are not made of "crl sign" alone', () => {
    expect(decide({ spec: { usages: ['crl sign'] } }, { policy })).toMatchObject({ action: 'fail' })
  })

  it('have no purposes of workloads', () => {
    expect(decide({ spec: { usages: ['cert sign', 'server auth'] } }, { policy })).toMatchObject({
      action: 'fail',
    })
  })
})

describe('warnings', () => {
  it('are for keys that cannot encipher', () => {
    expect(signed(decide()).warnings).toEqual([expect.stringContaining('"key encipherment"')])
    const decision = decideCsr({ csr: csrObject(rsa), signerName: SIGNER_NAME, policy: POLICY, now: NOW })
    expect(signed(decision).warnings).toEqual([])
  })
})

describe('options', () => {
  it.each([
    ['a signer name that is none', { signerName: 'mesh' }],
    ['a reserved signer name', { signerName: 'kubernetes.io/kubelet-serving' }],
    ['an age without a unit', { maxAge: 60 }],
    ['a time that is none', { now: 7 }],
    ['an object without metadata', { csr: {} }],
    ['an unknown one', { signer: SIGNER_NAME }],
  ])('refuse %s', (_what, options) => {
    expect(() => decide({}, options)).toThrow(TypeError)
  })

  it('refuse policies that would take names from requests alone', () => {
    const base = workloadSigning({ identify: serviceAccountIdentity('cluster.local') })
    const names = { spiffe: { allow: ['spiffe://cluster.local/**'] } }
    expect(() =>
      SigningPolicy.from({ ...base, workload: { ...base.workload, namesFrom: 'request', names } }),
    ).toThrow(/from requests alone/)
    expect(() =>
      SigningPolicy.from({
        ...base,
        workload: {
          ...base.workload,
          namesFrom: 'request',
          request: { subjectAltNames: 'within-identities' },
        },
      }),
    ).not.toThrow()
  })

  it.each([
    ['usages beside those of the signer', { usage: {} }],
    ['a second function', { authorize: () => true }],
    ['a profile of CAs', { profile: 'mesh-intermediate' }],
  ])('refuse rules for workloads with %s', (_what, rules) => {
    const base = workloadSigning({ identify: serviceAccountIdentity('cluster.local') })
    expect(() => SigningPolicy.from({ ...base, workload: { ...base.workload, ...rules } as never })).toThrow(
      TypeError,
    )
  })
})
