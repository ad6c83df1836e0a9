/**
 * What must never happen to trust anchors, whoever writes beside us and whatever comes over the wire.
 */
import { beforeEach, describe, expect, it } from 'vitest'
import type { KubeRequest } from '../../../../src/kubernetes/api/kube-transport.ts'
import { KubeClient, KubeResources } from '../../../../src/kubernetes/index.ts'
import { type FakeKubeApi, fakeKubeApi } from '../../../../src/kubernetes/testing/index.ts'
import { clusterTrustBundleStep } from '../../../../src/kubernetes/trust/cluster-trust-bundle-step.ts'
import { rootConfigMapStep } from '../../../../src/kubernetes/trust/root-config-map-step.ts'
import { trustManagerStep } from '../../../../src/kubernetes/trust/trust-manager-step.ts'
import { readTrustRoots } from '../../../../src/kubernetes/trust/trust-roots.ts'
import { manualClock } from '../../../../src/testing/index.ts'
import * as fixtures from '../fixtures.ts'
import { intercepted, wire } from '../signers/support.ts'

const { clusterTrustBundles: BUNDLES, configMaps: MAPS } = KubeResources
const SIGNER = 'example.com/mesh'
const REF = { namespace: 'shop', name: 'istio-ca-root-cert' }

let api: FakeKubeApi
beforeEach(() => {
  api = fakeKubeApi()
})

const clientOf = (before: (request: KubeRequest) => unknown = () => {}, fieldManager = 'mesh-pki-trust') =>
  new KubeClient(
    intercepted(api.transport(), async (request) => void (await before(request))),
    { fieldManager },
  )
const bundles = (roots: string, client = clientOf()) =>
  clusterTrustBundleStep(client, { roots, signerName: SIGNER })
const map = (roots: string, client = clientOf()) =>
  rootConfigMapStep(client, 'shop', {
    roots,
    mode: 'own',
    cachedNamespace: wire({ metadata: { name: 'shop' } }),
  })
const source = (roots: string, client = clientOf()) => trustManagerStep(client, { roots })
const published = () => api.objects(BUNDLES).map((one) => Object(one['spec']).trustBundle)

const NO_ROOTS = ['', ' \n', '# no certificate\n', '-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n']

describe.each([
  ['ClusterTrustBundle', bundles],
  ['root ConfigMap', map],
  ['source of trust-manager', source],
] as const)('a %s', (_what, step) => {
  it.each(NO_ROOTS)(
    'that is full is not written over with %j, and nothing is asked of the server',
    async (roots) => {
      await step(fixtures.ROOT_A)
      const { length } = api.requests
      await expect(step(roots)).rejects.toThrow()
      await expect((step as (roots: unknown) => Promise<unknown>)([])).rejects.toThrow()
      expect(api.requests).toHaveLength(length)
    },
  )

  it('takes no certificate that is no CA’s for a root (RFC 5280 §4.2.1.9)', async () => {
    await expect(step(fixtures.ROOT_A + fixtures.WORKLOAD)).rejects.toMatchObject({ code: 'ERR_CA_NOT_CA' })
    expect(api.requests).toEqual([])
  })

  it('has the roots of the last step alone: none that was withdrawn comes back', async () => {
    await step(fixtures.ROOT_A + fixtures.ROOT_B)
    await step(fixtures.ROOT_B)
    const texts = [...published(), ...api.objects(MAPS).flatMap((one) => Object.values(Object(one['data'])))]
    expect(texts).toEqual([fixtures.ROOT_B])
  })
})

describe('ClusterTrustBundles', () => {
  it('leave the older one alone while the current one is taken away by somebody', async () => {
    await bundles(fixtures.ROOT_A)
    let isFirst = true
    const client = clientOf(({ method, query }) => {
      if (method !== 'GET' || query?.['labelSelector'] === undefined || !isFirst) return
      isFirst = false
      const current = api.objects(BUNDLES).find((one) => Object(one['spec']).trustBundle === fixtures.ROOT_B)
      if (current === undefined) throw new Error('it was made before')
      return new KubeClient(api.transport(), { fieldManager: 'x' }).remove(BUNDLES, current)
    })
    expect(await bundles(fixtures.ROOT_B, client)).toMatchObject({ removed: [] })
    expect(published()).toEqual([fixtures.ROOT_A])
    await bundles(fixtures.ROOT_B)
    expect(published()).toEqual([fixtures.ROOT_B])
  })

  it('leave the older one alone while the current one was emptied of what it shall hold', async () => {
    await bundles(fixtures.ROOT_A)
    let isFirst = true
    const client = clientOf(async ({ method, query }) => {
      if (method !== 'GET' || query?.['labelSelector'] === undefined || !isFirst) return
      isFirst = false
      const other = new KubeClient(api.transport(), { fieldManager: 'x' })
      const current = api.objects(BUNDLES).find((one) => Object(one['spec']).trustBundle === fixtures.ROOT_B)
      if (current === undefined) throw new Error('it was made before')
      await other.replace(BUNDLES, {
        ...current,
        spec: { ...Object(current['spec']), trustBundle: fixtures.INTERMEDIATE_A },
      })
    })
    expect(await bundles(fixtures.ROOT_B, client)).toMatchObject({ removed: [] })
    expect(published().sort()).toEqual([fixtures.ROOT_A, fixtures.INTERMEDIATE_A].sort())
  })

  it('are removed though somebody took their label away: a withdrawn root must not stay', async () => {
    const { name = '' } = await bundles(fixtures.ROOT_A)
    const other = new KubeClient(api.transport(), { fieldManager: 'kubectl' })
    const unlabelled = await other.get(BUNDLES, { name })
    await other.replace(BUNDLES, { ...unlabelled, metadata: { ...unlabelled.metadata, labels: {} } })
    expect(await bundles(fixtures.ROOT_A)).toMatchObject({ changed: true })
    expect(await bundles(fixtures.ROOT_A)).toMatchObject({ changed: false })
    expect(await bundles(fixtures.ROOT_B)).toMatchObject({ removed: [name] })
  })

  it('of somebody else with our name and content are not made ours', async () => {
    const { name = '' } = await bundles(fixtures.ROOT_A)
    const ours = wire(api.read(BUNDLES, { name }))
    api = fakeKubeApi()
    const other = new KubeClient(api.transport(), { fieldManager: 'kubectl' })
    await other.create(BUNDLES, { apiVersion: ours.apiVersion, metadata: { name }, spec: ours['spec'] })
    expect(await bundles(fixtures.ROOT_A)).toMatchObject({ changed: false })
    expect(await bundles(fixtures.ROOT_B)).toMatchObject({ removed: [] })
    expect(published().sort()).toEqual([fixtures.ROOT_A, fixtures.ROOT_B].sort())
  })

  it('without our label are left alone also where the server takes no notice of the selector', async () => {
    const other = new KubeClient(api.transport(), { fieldManager: 'kubectl' })
    const { name = '' } = await bundles(fixtures.ROOT_A, clientOf(undefined, 'another-manager'))
    const transport = api.transport()
    const heedless = new KubeClient(
      {
        request: (request) =>
          transport.request({ ...request, query: { ...request.query, labelSelector: undefined } }),
        watch: transport.watch,
      },
      { fieldManager: 'mesh-pki-trust' },
    )
    expect(await bundles(fixtures.ROOT_B, heedless)).toMatchObject({ removed: [] })
    expect(await other.find(BUNDLES, { name })).toBeDefined()
  })
})

/** A server with one object, which counts writes. */
function holding(found: object) {
  let writes = 0
  const client = new KubeClient(
    {
      request: async ({ method, body }) => {
        if (method === 'GET') return { status: 200, headers: {}, body: found }
        writes++
        return { status: 200, headers: {}, body }
      },
      async *watch() {},
    },
    { fieldManager: 'mesh-pki-trust', clock: manualClock(new Date('2026-03-01T12:00:00Z')) },
  )
  return { client, writes: () => writes }
}

describe('root ConfigMaps', () => {
  it.each<[string, object]>([
    ['a number', { data: { 'root-cert.pem': 7 } }],
    ['a list', { data: [fixtures.ROOT_A] }],
    ['nothing', {}],
    ['null', { data: null }],
    ['half a certificate', { data: { 'root-cert.pem': fixtures.ROOT_A.slice(0, 200) } }],
    ['a root too many', { data: { 'root-cert.pem': fixtures.ROOT_A + fixtures.ROOT_B } }],
    ['the same text in binaryData', { binaryData: { 'root-cert.pem': 'AAAA' } }],
  ])('with %s are never taken for what they shall be', async (_what, content) => {
    const found = { metadata: { ...REF, uid: 'u', resourceVersion: '1' }, kind: 'ConfigMap', ...content }
    const written: unknown[] = []
    const client = new KubeClient(
      {
        request: async ({ method, body }) => {
          if (method === 'GET') return { status: 200, headers: {}, body: found }
          written.push(Object(body).data)
          return { status: 200, headers: {}, body }
        },
        async *watch() {},
      },
      { fieldManager: 'mesh-pki-trust' },
    )
    await map(fixtures.ROOT_A, client)
    expect(written).toEqual([expect.objectContaining({ 'root-cert.pem': fixtures.ROOT_A })])
  })

  it.each([
    ['without a time', {}, 0],
    ['an hour ago', { time: '2026-03-01T11:00:00Z' }, 1],
    ['less than an hour ago', { time: '2026-03-01T11:00:01Z' }, 0],
    ['at a time that is none', { time: 'yesterday' }, 0],
  ])('that somebody else wrote %s may have been written just now', async (_what, time, count) => {
    const entry = {
      manager: 'pilot-discovery',
      operation: 'Update',
      fieldsV1: { 'f:data': { 'f:root-cert.pem': {} } },
      ...time,
    }
    const found = {
      metadata: { ...REF, uid: 'u', resourceVersion: '1', managedFields: [entry] },
      data: { 'root-cert.pem': fixtures.ROOT_B },
    }
    const { client, writes } = holding(found)
    const result = await map(fixtures.ROOT_A, client)
    expect(writes()).toBe(count)
    if (count === 0) expect(result.requeueAfterMs).toBeGreaterThan(0)
  })

  it.each([
    ['the one that does not say when', [{ time: '2026-01-01T00:00:00Z' }, {}], 0],
    ['the later one', [{ time: '2026-01-01T00:00:00Z' }, { time: '2026-03-01T11:59:00Z' }], 0],
    [
      'the later one, also where it stands first',
      [{ time: '2026-03-01T11:59:00Z' }, { time: '2026-01-01T00:00:00Z' }],
      0,
    ],
    [
      'neither of two that are long silent',
      [{ time: '2026-01-01T00:00:00Z' }, { time: '2026-01-02T00:00:00Z' }],
      1,
    ],
  ])('of two writers wait for %s', async (_what, times, count) => {
    const managedFields = times.map((time, i) => ({
      manager: `writer-${i}`,
      operation: 'Update',
      fieldsV1: { 'f:data': { 'f:root-cert.pem': {} } },
      ...time,
    }))
    const { client, writes } = holding({
      metadata: { ...REF, uid: 'u', resourceVersion: '1', managedFields },
      data: { 'root-cert.pem': fixtures.ROOT_B },
    })
    await map(fixtures.ROOT_A, client)
    expect(writes()).toBe(count)
  })

  it('come into a thousand namespaces, a third of which end meanwhile', async () => {
    const names = Array.from({ length: 1000 }, (_, i) => `ns-${i}`)
    const client = clientOf()
    const roots = readTrustRoots(fixtures.ROOT_A).certificates
    let written = 0
    for (const [i, name] of names.entries()) {
      const isEnding = i % 3 === 0
      const metadata = { name, ...(isEnding ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {}) }
      const cachedNamespace = wire({ kind: 'Namespace', metadata })
      const { changed } = await rootConfigMapStep(client, name, { roots, mode: 'own', cachedNamespace })
      if (changed) written++
    }
    expect(written).toBe(666)
    expect(api.objects(MAPS)).toHaveLength(666)
  })
})
