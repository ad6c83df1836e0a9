import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { meshName } from '../../../../src/kubernetes/policy/mesh-name.ts'
import { meshOf } from '../../../../src/kubernetes/policy/mesh-of.ts'
import { codesOf } from './support.ts'

const deployment = (
  change: object = {},
  labels: Readonly<Record<string, string>> = { app: 'istiod', 'istio.io/rev': '1-26' },
) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'istiod', namespace: 'istio-system', labels },
  spec: { template: { spec: { serviceAccountName: 'istiod-service-account', ...change } } },
})
const configMap = (mesh: string) => ({
  metadata: { name: 'istio', namespace: 'istio-system' },
  data: { mesh },
})

test('fills an entry of the inventory', () => {
  const { mesh, findings } = meshOf({
    cluster: 'cluster-1',
    deployment: deployment(),
    configMap: configMap('trustDomain: td1\ntrustDomainAliases: [td0]\n'),
  })
  expect(findings).toEqual([])
  expect(mesh).toEqual({
    name: 'istiod-istio-system-cluster-1',
    namespace: 'istio-system',
    revision: '1-26',
    labels: { app: 'istiod', 'istio.io/rev': '1-26' },
    trustDomain: 'td1',
    trustDomainAliases: ['td0'],
    serviceAccount: 'istiod-service-account',
    caCertificates: [],
  })
})

test('defaults of Istio, with findings', () => {
  const { mesh, findings } = meshOf({
    cluster: 'c',
    deployment: deployment({ serviceAccountName: undefined }, {}),
    configMap: configMap(''),
  })
  expect(mesh).toMatchObject({ trustDomain: 'cluster.local' })
  expect('serviceAccount' in mesh || 'revision' in mesh).toBe(false)
  expect(codesOf(findings)).toEqual(['trust-domain-defaulted', 'service-account-defaulted'])
})

test('the labels of the pods name the revision too', () => {
  const object = {
    ...deployment({}, {}),
    spec: { template: { metadata: { labels: { 'istio.io/rev': 'x' } }, spec: { serviceAccount: 'old' } } },
  }
  const { mesh } = meshOf({ cluster: 'c', deployment: object, configMap: configMap('trustDomain: a') })
  expect(mesh).toMatchObject({ revision: 'x', serviceAccount: 'old' })
})

test('a trust domain that cannot be read is no default', () => {
  const call = (mesh: string) => () =>
    meshOf({ cluster: 'c', deployment: deployment(), configMap: configMap(mesh) })
  expect(call('trustDomain: *base')).toThrow(expect.objectContaining({ code: 'ERR_KUBERNETES_POLICY' }))
  expect(call('trustDomainAliases: *base')).not.toThrow()
})

test('options', () => {
  const options = { cluster: 'c', deployment: deployment(), configMap: configMap('') }
  expect(() => meshOf({ ...options, cluster: '' })).toThrow('"cluster"')
  expect(() => meshOf({ ...options, deployment: {} as never })).toThrow('"deployment"')
  expect(() => meshOf({ ...options, extra: 1 } as never)).toThrow('"extra"')
  expect(() => meshOf({ ...options, deployment: { metadata: {} } })).toThrow(
    expect.objectContaining({ code: 'ERR_KUBERNETES_POLICY' }),
  )
})

describe('the name', () => {
  test.each<[readonly [string, string, string], string]>([
    [['istiod', 'istio-system', 'cluster-1'], 'istiod-istio-system-cluster-1'],
    [['istiod-1-26', 'istio-system', 'Prod_EU.west'], 'istiod-1-26-istio-system-prod-eu-west'],
    [['istiod', 'ns', 'a*b/c:d e"f\'g[h]\n'], 'istiod-ns-a-b-c-d-efgh'],
  ])('%s', (parts, expected) => {
    expect(meshName(...parts)).toBe(expected)
  })

  test('a long one ends in the MD5 of the whole, cut to 63', () => {
    const cluster = 'c'.repeat(60)
    const whole = `istiod-istio-system-${cluster}`
    const md5 = createHash('md5').update(whole).digest('hex')
    expect(meshName('istiod', 'istio-system', cluster)).toBe(`${whole.slice(0, 31)}-${md5}`.slice(0, 63))
    expect(meshName('istiod', 'istio-system', 'c'.repeat(43))).toHaveLength(63)
    expect(meshName('istiod', 'istio-system', 'c'.repeat(43))).not.toContain(md5.slice(0, 8))
  })
})
