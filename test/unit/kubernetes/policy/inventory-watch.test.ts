import { afterEach, describe, expect, test } from 'vitest'
import { KubeClient } from '../../../../src/kubernetes/api/kube-client.ts'
import { KubeResources } from '../../../../src/kubernetes/api/kube-resource.ts'
import { InventoryWatch } from '../../../../src/kubernetes/policy/inventory-watch.ts'
import { type FakeKubeApi, fakeKubeApi } from '../../../../src/kubernetes/testing/index.ts'
import { manualClock } from '../../../../src/testing/index.ts'

const { deployments, configMaps } = KubeResources
const stops: AbortController[] = []
afterEach(() => {
  for (const stop of stops.splice(0)) stop.abort()
})

const istiod = (name = 'istiod', revision = 'default') => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { namespace: 'istio-system', name, labels: { app: 'istiod', 'istio.io/rev': revision } },
  spec: {
    selector: { matchLabels: { app: 'istiod' } },
    template: {
      metadata: { labels: { app: 'istiod' } },
      spec: { serviceAccountName: `${name}-account`, containers: [] },
    },
  },
})
const config = (trustDomain: string, name = 'istio') => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { namespace: 'istio-system', name },
  data: { mesh: `trustDomain: ${trustDomain}\n`, meshNetworks: 'networks: {}' },
})

function start() {
  const clock = manualClock()
  const apis = new Map<string, FakeKubeApi>(['east', 'west'].map((name) => [name, fakeKubeApi({ clock })]))
  const client = (name: string) =>
    new KubeClient((apis.get(name) ?? fakeKubeApi()).transport(), { fieldManager: 'test', clock })
  let changes = 0
  const watch = new InventoryWatch({
    clusters: ['east', 'west'].map((name) => ({ name, labels: { region: name }, client: client(name) })),
    onChange: () => {
      changes++
    },
  })
  const stop = new AbortController()
  stops.push(stop)
  const seed = (name: string, ...objects: readonly object[]) => {
    for (const object of objects) apis.get(name)?.seed(object as never)
  }
  const meshes = () =>
    watch
      .current()
      .inventory.clusters.map(({ name, meshes }) => [
        name,
        ...meshes.map((mesh) => `${mesh.name} ${mesh.trustDomain}`),
      ])
  return { clock, apis, client, watch, stop, seed, meshes, changes: () => changes }
}

describe('a watched inventory', () => {
  test('is what the clusters have, and follows them', async () => {
    const world = start()
    world.seed('east', istiod(), config('east.example'))
    world.seed('west', istiod(), config('west.example'))
    void world.watch.run(world.stop.signal)
    await world.watch.synced(world.stop.signal)
    expect(world.meshes()).toEqual([
      ['east', 'istiod-istio-system-east east.example'],
      ['west', 'istiod-istio-system-west west.example'],
    ])
    expect(world.watch.current().inventory.clusters[0]).toMatchObject({
      labels: { region: 'east' },
      meshes: [{ serviceAccount: 'istiod-account', revision: 'default', namespace: 'istio-system' }],
    })
    const before = world.changes()
    const client = world.client('east')
    await client.change(configMaps, { namespace: 'istio-system', name: 'istio' }, (found) => ({
      ...found,
      data: { mesh: 'trustDomain: renamed.example\n' },
    }))
    await world.clock.run('1s')
    expect(world.changes()).toBeGreaterThan(before)
    expect(world.meshes()[0]).toEqual(['east', 'istiod-istio-system-east renamed.example'])
    await client.remove(
      deployments,
      await client.get(deployments, { namespace: 'istio-system', name: 'istiod' }),
    )
    await world.clock.run('1s')
    expect(world.meshes()[0]).toEqual(['east'])
  })

  test('takes the configuration of a revision', async () => {
    const world = start()
    world.seed(
      'east',
      istiod('istiod-canary', 'canary'),
      config('wrong.example'),
      config('canary.example', 'istio-canary'),
    )
    world.seed('west')
    void world.watch.run(world.stop.signal)
    await world.watch.synced(world.stop.signal)
    expect(world.meshes()[0]).toEqual(['east', 'istiod-canary-istio-system-east canary.example'])
  })

  test('leaves out an istiod of which no identity can be told, and says why', async () => {
    const world = start()
    world.seed('east', istiod())
    world.seed('west', istiod(), config('&anchor west.example'))
    void world.watch.run(world.stop.signal)
    await world.watch.synced(world.stop.signal)
    expect(world.meshes()).toEqual([['east'], ['west']])
    expect(world.watch.current().problems).toMatchObject([
      {
        cluster: 'east',
        deployment: 'istio-system/istiod',
        message: expect.stringContaining('is not there'),
      },
      { cluster: 'west', message: expect.stringContaining('trustDomain') },
    ])
  })

  test('knows nothing of a cluster that was never seen whole, and keeps what it knew of one that is out of reach', async () => {
    const world = start()
    world.seed('east', istiod(), config('east.example'))
    world.seed('west', istiod(), config('west.example'))
    world.apis
      .get('west')
      ?.faults.fail('broken-connection', { resource: configMaps, times: Number.POSITIVE_INFINITY })
    void world.watch.run(world.stop.signal)
    await world.clock.run('10s')
    expect(world.watch.current().synced).toEqual(['east'])
    expect(world.meshes()).toEqual([['east', 'istiod-istio-system-east east.example']])
    const east = world.apis.get('east')
    east?.faults.fail('broken-connection', { times: Number.POSITIVE_INFINITY })
    east?.faults.dropWatches('broken-connection')
    await world.clock.run('10m')
    expect(world.meshes()).toEqual([['east', 'istiod-istio-system-east east.example']])
  })

  test('keeps no content of other ConfigMaps', async () => {
    const world = start()
    const other = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { namespace: 'shop', name: 'settings' },
      data: { big: 'x' },
    }
    world.seed('east', istiod(), config('east.example'), other)
    world.seed('west')
    void world.watch.run(world.stop.signal)
    await world.watch.synced(world.stop.signal)
    const before = world.changes()
    await world.client('east').change(configMaps, { namespace: 'shop', name: 'settings' }, (found) => ({
      ...found,
      data: { big: 'y' },
    }))
    await world.clock.run('1s')
    expect(world.changes()).toBe(before)
  })
})
