import { describe, expect, test } from 'vitest'
import { readVirtualMesh } from '../../../../src/kubernetes/policy/read-virtual-mesh.ts'
import { codesOf, refused, rootTrustPolicy, virtualMesh } from './support.ts'

const meshes = [
  { name: 'istiod-istio-system-cluster1', namespace: 'gloo-mesh' },
  { name: 'istiod-istio-system-cluster2', namespace: 'gloo-mesh' },
]
const shared = (rootCertificateAuthority: unknown, rest: object = {}) => ({
  mtlsConfig: { shared: { rootCertificateAuthority }, ...rest },
  meshes,
})
const read = (spec: unknown) => readVirtualMesh(virtualMesh(spec))

test('as the guides of Gloo Mesh 1 write it', () => {
  const policy = read({
    ...shared({ generated: { ttlDays: 3650 } }),
    federation: { selectors: [{}] },
    globalAccessPolicy: 'DISABLED',
  })
  expect(policy).toMatchObject({
    kind: 'VirtualMesh',
    source: 'networking.mesh.gloo.solo.io/v1',
    meshes: { all: false, selectors: [], references: meshes },
    authority: { source: 'generated', options: { ttlDays: 3650, organization: 'gloo-mesh' } },
    intermediate: { ttlDays: 365, organization: 'Istio', keyAlgorithm: 'RSA-4096' },
    passive: [],
    warnings: [],
  })
})

test('as Service Mesh Hub wrote it, of which the API server leaves an empty map', () => {
  const smh = (spec: unknown) => readVirtualMesh(virtualMesh(spec, 'networking.smh.solo.io/v1alpha2'))
  const asWritten = smh(shared({ generated: null }))
  expect(codesOf(asWritten.warnings)).toEqual(['null-member'])
  const asStored = smh(shared({}))
  expect(codesOf(asStored.warnings)).toEqual(['authority-defaulted'])
  for (const { authority, source } of [asWritten, asStored]) {
    expect(source).toBe('networking.smh.solo.io/v1alpha2')
    expect(authority).toMatchObject({ source: 'generated', options: { ttlDays: 365 } })
  }
})

test('a secret', () => {
  const policy = read(shared({ secret: { name: 'my-root', namespace: 'gloo-mesh' } }))
  expect(policy.authority).toEqual({ source: 'secret', secret: { name: 'my-root', namespace: 'gloo-mesh' } })
  refused(
    () => read(shared({ secret: { name: 'cacerts', namespace: 'istio-system' } })),
    'spec.mtlsConfig.shared.rootCertificateAuthority.secret',
  )
})

test('options of the intermediates, and Vault', () => {
  const policy = read({
    mtlsConfig: {
      shared: {
        intermediateCertificateAuthority: {
          vault: {
            server: 'https://vault',
            caPath: 'a',
            csrPath: 'b',
            caBundle: 'UEVN',
            tokenSecretRef: { name: 't', namespace: 'n' },
          },
        },
        intermediateCertOptions: { ttlDays: 30, rsaKeySizeBytes: 3072 },
      },
    },
  })
  expect(policy.intermediate).toMatchObject({ lifetime: '30d', keyAlgorithm: 'RSA-3072' })
  expect(policy.authority).toMatchObject({
    source: 'agent',
    vault: { trust: { from: 'inline', pem: 'UEVN' } },
  })
})

test('without mtlsConfig it manages no certificates', () => {
  const policy = read({ meshes })
  expect(policy.authority).toEqual({ source: 'unmanaged' })
  expect(policy.warnings).toEqual([])
})

describe('refused', () => {
  const all = { generated: {}, secret: { name: 'a', namespace: 'b' } }
  test.each<[string, unknown, string]>([
    ['no trust model', { mtlsConfig: {} }, 'spec.mtlsConfig'],
    ['limited trust', { mtlsConfig: { limited: {} } }, 'spec.mtlsConfig.limited'],
    ['both sources', shared(all), 'spec.mtlsConfig.shared.rootCertificateAuthority'],
    [
      'both authorities',
      { mtlsConfig: { shared: { rootCertificateAuthority: {}, intermediateCertificateAuthority: {} } } },
      'spec.mtlsConfig.shared',
    ],
    ['a mesh without a name', { meshes: [{ namespace: 'x' }] }, 'spec.meshes[0].name'],
    ['a mesh as text', { meshes: ['x'] }, 'spec.meshes[0]'],
    ['meshes in a map', { meshes: {} }, 'spec.meshes'],
  ])('%s', (_, spec, path) => {
    refused(() => read(spec), path)
  })

  test('another kind', () => {
    expect(() => readVirtualMesh(rootTrustPolicy({}))).toThrow('expected kind VirtualMesh')
  })
})

describe('odd', () => {
  test.each<[string, unknown, readonly string[]]>([
    ['shared: null', { mtlsConfig: { shared: null } }, ['authority-defaulted']],
    ['shared: {}', { mtlsConfig: { shared: {} } }, ['authority-defaulted']],
    [
      'a strategy',
      shared({ generated: { ttlDays: 9999 } }, { rotationStrategy: 'NONE' }),
      ['rotation-options'],
    ],
    [
      'a selector among references',
      { ...shared({ generated: { ttlDays: 9999 } }), meshes: [{ istio: { namespace: 'a' } }] },
      ['selector-without-istio'],
    ],
    ['restarts', shared({ generated: { ttlDays: 9999 } }, { autoRestartPods: true }), ['auto-restart-pods']],
  ])('%s', (_, spec, expected) => {
    expect(codesOf(read(spec).warnings)).toEqual(expected)
  })
})
