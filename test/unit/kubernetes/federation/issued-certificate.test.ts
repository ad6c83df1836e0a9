import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { GLOO_API, MESH_PKI_API } from '../../../../src/kubernetes/federation/federation-api.ts'
import {
  encodeIssuedCertificate,
  type IssuedCertificateInput,
  readIssuedCertificate,
} from '../../../../src/kubernetes/federation/issued-certificate.ts'

const metadata = { name: 'istiod-istio-system-cluster-1', namespace: 'gloo-mesh', uid: 'u', generation: 4 }
const HOST = 'spiffe://cluster.local/ns/istio-system/sa/istiod-service-account'

/** As Gloo Mesh 1.x writes it (mesh-contracts §1.1). */
const gloo = (spec: object = {}) => ({
  apiVersion: 'certificates.mesh.gloo.solo.io/v1',
  kind: 'IssuedCertificate',
  metadata,
  spec: {
    hosts: [HOST],
    org: 'Istio',
    issuedCertificateSecret: { name: 'cacerts', namespace: 'istio-system' },
    ...spec,
  },
})

describe('an order is read', () => {
  test('as Gloo Mesh writes it, with the defaults that zeros stand for', () => {
    const zeros = { ttlDays: 0, rsaKeySizeBytes: 0, orgName: '', secretRotationGracePeriodRatio: 0 }
    for (const certOptions of [undefined, {}, zeros])
      expect(readIssuedCertificate(gloo({ certOptions })).spec).toMatchObject({
        hosts: [HOST],
        organization: 'Istio',
        lifetime: '365d',
        keyAlgorithm: 'RSA-4096',
        gracePeriodRatio: 0.1,
        target: { name: 'cacerts', namespace: 'istio-system' },
        pathLength: 'none',
        workloadLifetime: '24h',
      })
  })

  test('without a secret it is none of the agent’s business', () => {
    expect(readIssuedCertificate(gloo({ issuedCertificateSecret: undefined })).spec.target).toBeUndefined()
    expect(readIssuedCertificate(gloo({ issuedCertificateSecret: null })).spec.target).toBeUndefined()
  })

  test.each([
    [{ hosts: [] }, 'hosts'],
    [{ hosts: [7] }, 'hosts'],
    [{ hosts: Array.from({ length: 17 }, () => HOST) }, 'hosts'],
    [{ certOptions: { ttlDays: -1 } }, 'certOptions.ttlDays'],
    [{ certOptions: { ttlDays: 1.5 } }, 'certOptions.ttlDays'],
    [{ certOptions: { rsaKeySizeBytes: 512 } }, 'certOptions.rsaKeySizeBytes'],
    [{ certOptions: { secretRotationGracePeriodRatio: 1 } }, 'certOptions.secretRotationGracePeriodRatio'],
    [{ certOptions: { secretRotationGracePeriodRatio: -0.5 } }, 'certOptions.secretRotationGracePeriodRatio'],
    [{ issuedCertificateSecret: { name: 'cacerts' } }, 'issuedCertificateSecret'],
    [{ issuedCertificateSecret: { name: '../x', namespace: 'y' } }, 'issuedCertificateSecret'],
    [{ pathLength: 17 }, 'pathLength'],
    [{ pathLength: -2 }, 'pathLength'],
    [{ workloadLifetime: 'soon' }, 'workloadLifetime'],
  ])('and refused where nobody can carry it out: %j', (spec, member) => {
    expect(() => readIssuedCertificate(gloo(spec))).toThrow(
      expect.objectContaining({ code: 'ERR_KUBERNETES_ORDER', message: expect.stringContaining(member) }),
    )
  })

  test('whatever it holds, it is read or refused', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), (spec) => {
        try {
          readIssuedCertificate({ metadata, spec })
        } catch (error) {
          expect(error).toMatchObject({ code: 'ERR_KUBERNETES_ORDER' })
        }
      }),
      { numRuns: 500 },
    )
  })
})

describe('an order is written', () => {
  const input: IssuedCertificateInput = {
    name: 'a',
    namespace: 'b',
    spec: {
      hosts: [HOST],
      organization: 'Istio',
      lifetime: '36h',
      keyAlgorithm: 'P-256',
      gracePeriodRatio: 0.25,
      target: { name: 'cacerts', namespace: 'istio-system' },
      authority: 'root-1',
      trustBundle: 'text',
      bundleSequence: 7,
      revision: 3,
      pathLength: 0,
      workloadLifetime: '12h',
      rotation: 'once',
    },
  }

  test('and reads as it was written', () => {
    const { spec } = readIssuedCertificate(encodeIssuedCertificate(MESH_PKI_API.issuedCertificates, input))
    expect(spec).toEqual({ ...input.spec, podBounceDirective: undefined })
  })

  test('over another one, of which every member that is not known stays', () => {
    const base = { ...gloo({ custom: { kept: true } }), extra: 1 }
    const next = encodeIssuedCertificate(MESH_PKI_API.issuedCertificates, { ...input, ...metadata }, base)
    expect(next).toMatchObject({
      extra: 1,
      metadata: { uid: 'u' },
      spec: { custom: { kept: true }, org: 'Istio' },
    })
  })

  test('in Gloo’s kind with what Gloo Mesh knows, or not at all', () => {
    const days = { ...input, spec: { ...input.spec, lifetime: '30d', keyAlgorithm: 'RSA-4096' as const } }
    const { spec } = encodeIssuedCertificate(GLOO_API.issuedCertificates, days)
    expect(spec).toEqual({
      hosts: [HOST],
      org: 'Istio',
      certOptions: {
        orgName: 'Istio',
        secretRotationGracePeriodRatio: 0.25,
        ttlDays: 30,
        rsaKeySizeBytes: 4096,
      },
      issuedCertificateSecret: { name: 'cacerts', namespace: 'istio-system' },
    })
    expect(() => encodeIssuedCertificate(GLOO_API.issuedCertificates, input)).toThrow(/whole days/)
    const ec = { ...days, spec: { ...days.spec, keyAlgorithm: 'P-256' as const } }
    expect(() => encodeIssuedCertificate(GLOO_API.issuedCertificates, ec)).toThrow(/RSA keys only/)
  })
})
