import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { createCsr } from '../../src/csr/index.ts'
import type { KubeObject } from '../../src/kubernetes/objects/kube-object.ts'
import { decideApproval } from '../../src/kubernetes/signers/approval-decision.ts'
import { decideCertManagerRequest } from '../../src/kubernetes/signers/cert-manager-decision.ts'
import { decideCsr } from '../../src/kubernetes/signers/csr-decision.ts'
import { formatGoDuration, readGoDuration } from '../../src/kubernetes/signers/go-duration.ts'
import { decidePodCertificate } from '../../src/kubernetes/signers/pod-certificate-decision.ts'
import { CERTIFICATE_USAGES, judgeUsages, usageBits, usagesOf } from '../../src/kubernetes/signers/usages.ts'
import { fieldOwners } from '../../src/kubernetes/trust/field-owners.ts'
import { planRestarts } from '../../src/kubernetes/trust/plan-restarts.ts'
import { findTrustDrift } from '../../src/kubernetes/trust/trust-drift.ts'
import { decideTrustManagerSync } from '../../src/kubernetes/trust/trust-manager-decision.ts'
import { readTrustRoots } from '../../src/kubernetes/trust/trust-roots.ts'
import { ROOT_A } from '../unit/kubernetes/fixtures.ts'
import {
  csrObject,
  issuerObject,
  NOW,
  POLICY,
  podRequestObject,
  requestObject,
  SIGNER_NAME,
} from '../unit/kubernetes/signers/support.ts'

let pem: string
let der: Uint8Array

beforeAll(async () => {
  const { csr } = await createCsr({ key: 'P-256' })
  pem = csr.toPem()
  der = csr.der
})

type Path = readonly (string | number)[]

/** Every place of a value, with the value itself. */
function places(value: unknown, path: Path = []): readonly Path[] {
  if (typeof value !== 'object' || value === null) return [path]
  return [path, ...Object.entries(value).flatMap(([key, one]) => places(one, [...path, key]))]
}

/** The value with something else in one place. */
function withAt(value: unknown, path: Path, other: unknown): unknown {
  const [key, ...rest] = path
  if (key === undefined) return other
  if (Array.isArray(value))
    return value.map((one, i) => (String(i) === String(key) ? withAt(one, rest, other) : one))
  return { ...Object(value), [key]: withAt(Object(value)[key], rest, other) }
}

/** An object as it should be, with JSON of any kind in some of its places; the metadata stays an object. */
const damaged = (object: KubeObject): fc.Arbitrary<KubeObject> =>
  fc
    .array(
      fc.tuple(
        fc.constantFrom(...places(object).filter((path) => path.join() !== '' && path.join() !== 'metadata')),
        fc.jsonValue(),
      ),
      {
        minLength: 1,
        maxLength: 4,
      },
    )
    .map(
      (damages) =>
        damages.reduce<unknown>((value, [path, other]) => withAt(value, path, other), object) as KubeObject,
    )

const approvals = (object: KubeObject): readonly string[] =>
  (Array.isArray(Object(object['status']).conditions) ? Object(object['status']).conditions : []).flatMap(
    (one: unknown) => (Object(one).status === 'True' ? [Object(one).type] : []),
  )

describe('objects of any content', () => {
  it('decideCsr answers, and signs nothing that is not approved', async () => {
    await fc.assert(
      fc.asyncProperty(damaged(csrObject(pem)), async (csr) => {
        const decision = decideCsr({ csr, signerName: SIGNER_NAME, policy: POLICY, now: NOW })
        if (decision.action === 'sign') {
          expect(approvals(csr)).toContain('Approved')
          expect(Object(csr['spec']).signerName).toBe(SIGNER_NAME)
          expect(decision.request.isCa).toBe(false)
        }
        await decideApproval({
          csr,
          signerName: SIGNER_NAME,
          policy: POLICY,
          approver: 'x',
          judge: () => undefined,
          now: NOW,
        })
      }),
      { numRuns: 500 },
    )
  })

  it('decideCertManagerRequest does, whatever the issuer says', () => {
    fc.assert(
      fc.property(damaged(requestObject(pem)), damaged(issuerObject()), (request, issuer) => {
        const first = decideCertManagerRequest({ request, now: NOW })
        expect(['ignore', 'wait', 'issuer', 'fail']).toContain(first.action)
        const decision = decideCertManagerRequest({ request, issuer, policy: POLICY, now: NOW })
        if (decision.action !== 'sign') return
        expect(approvals(request)).toContain('Approved')
        expect(Object(issuer['status']).conditions[0].status).toBe('True')
        expect(Object(request['spec']).issuerRef.group).toBe('pki.mesh-pki.dev')
      }),
      { numRuns: 500 },
    )
  })

  it('decidePodCertificate does', () => {
    fc.assert(
      fc.property(damaged(podRequestObject(der)), (request) => {
        decidePodCertificate({ request, signerName: SIGNER_NAME, policy: POLICY, now: NOW })
      }),
      { numRuns: 500 },
    )
  })

  it('trust and restarts do', () => {
    const roots = readTrustRoots(ROOT_A)
    const whole = {
      metadata: {
        name: 'x',
        namespace: 'y',
        generation: 1,
        labels: { istio: 'ingressgateway' },
        ownerReferences: [{ kind: 'ReplicaSet', controller: true }],
        managedFields: [
          {
            manager: 'a',
            operation: 'Update',
            time: '2026-01-01T00:00:00Z',
            fieldsV1: { 'f:data': { 'f:root-cert.pem': {} } },
          },
        ],
      },
      data: { 'root-cert.pem': ROOT_A },
      spec: {
        replicas: 1,
        updateStrategy: { type: 'OnDelete', rollingUpdate: { partition: 1 } },
        template: { metadata: { labels: {}, annotations: {} } },
      },
      status: {
        observedGeneration: 1,
        replicas: 1,
        updatedReplicas: 1,
        conditions: [{ type: 'Synced', status: 'True', observedGeneration: 1 }],
      },
    }
    fc.assert(
      fc.property(damaged(whole), (object) => {
        fieldOwners(object, ['data', 'root-cert.pem'])
        findTrustDrift({ namespace: 'y', configMap: object, roots, fieldManager: 'b' })
        decideTrustManagerSync({ bundle: object })
        for (const enabled of [true, false])
          planRestarts({
            deployments: [object],
            statefulSets: [object],
            daemonSets: [object],
            pods: [object],
            cacertsHash: 'a'.repeat(64),
            rootSynced: new Set(['y']),
            enabled,
          })
      }),
      { numRuns: 500 },
    )
  })
})

describe('usages', () => {
  it('go to a certificate and back', () => {
    fc.assert(
      fc.property(fc.subarray([...CERTIFICATE_USAGES]), (usages) => {
        const bits = usageBits(usages)
        const back = usagesOf(bits)
        expect(usageBits(back.usages)).toEqual({
          keyUsage: expect.arrayContaining([...bits.keyUsage]),
          extendedKeyUsage: expect.arrayContaining([...bits.extendedKeyUsage]),
        })
        expect(back.unnamed).toEqual([])
      }),
    )
  })

  it('of any JSON are judged, and only words of the table come through', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.jsonValue(), fc.array(fc.oneof(fc.constantFrom(...CERTIFICATE_USAGES), fc.jsonValue()))),
        (asked) => {
          const { usages } = judgeUsages(asked, {
            allowed: CERTIFICATE_USAGES,
            isCa: false,
            enciphers: false,
          })
          for (const usage of usages) expect(CERTIFICATE_USAGES).toContain(usage)
        },
      ),
    )
  })
})

describe('durations of Go', () => {
  it('come back as they were written', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 9_000_000_000 }), (seconds) => {
        expect(readGoDuration(formatGoDuration(seconds * 1000))).toBe(seconds * 1000)
      }),
    )
  })

  it('of any text are a number or none', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[0-9.hmsnuµ+-]{0,24}$/)), (text) => {
        const value = readGoDuration(text)
        if (value !== undefined) expect(Number.isSafeInteger(value) && value >= 0).toBe(true)
      }),
      { numRuns: 1000 },
    )
  })
})
