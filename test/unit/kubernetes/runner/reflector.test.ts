import { afterEach, describe, expect, test } from 'vitest'
import { KubeClient } from '../../../../src/kubernetes/api/kube-client.ts'
import type { KubeRuntimeEvent } from '../../../../src/kubernetes/api/kube-event.ts'
import { KubeResources } from '../../../../src/kubernetes/api/kube-resource.ts'
import { keyOf } from '../../../../src/kubernetes/runner/object-cache.ts'
import { Reflector, type ReflectorOptions } from '../../../../src/kubernetes/runner/reflector.ts'
import { fakeKubeApi } from '../../../../src/kubernetes/testing/index.ts'
import { manualClock, seededRandom } from '../../../../src/testing/index.ts'

const { configMaps } = KubeResources
const stops: AbortController[] = []
afterEach(() => {
  for (const stop of stops.splice(0)) stop.abort()
})

function start(options: ReflectorOptions = {}) {
  const clock = manualClock()
  const api = fakeKubeApi({ clock })
  const client = new KubeClient(api.transport(), { fieldManager: 'reflector', clock })
  const writer = new KubeClient(api.transport(), { fieldManager: 'writer', clock })
  const told: string[] = []
  const events: KubeRuntimeEvent[] = []
  const reflector = new Reflector(client, configMaps, {
    random: seededRandom(1),
    onEvent: (event) => void events.push(event),
    ...options,
  })
  reflector.onChange(({ type, object }) =>
    told.push(`${type} ${object.metadata.name} ${Reflect.get(Object(object['data']), 'v') ?? ''}`.trim()),
  )
  const stop = new AbortController()
  stops.push(stop)
  const write = (name: string, v: string) =>
    writer.create(configMaps, { metadata: { namespace: 'n', name }, data: { v } })
  const change = (name: string, v: string) =>
    writer.change(configMaps, { namespace: 'n', name }, (found) => ({ ...found, data: { v } }))
  const remove = async (name: string) =>
    writer.remove(configMaps, await writer.get(configMaps, { namespace: 'n', name }))
  /** What it has is what there is. */
  const expectSame = () => {
    const content = (objects: readonly { readonly metadata: object }[]) =>
      objects.map((one) => [keyOf(one), Reflect.get(one, 'data')]).sort()
    expect(content(reflector.objects())).toEqual(content(api.objects(configMaps)))
  }
  const phases = () => events.flatMap((event) => (event.type === 'reflector' ? [event.phase] : []))
  return { clock, api, client, reflector, told, events, phases, stop, write, change, remove, expectSame }
}

describe('a reflector', () => {
  test('lists, watches, and tells additions, updates and deletions', async () => {
    const world = start()
    await world.write('a', '1')
    const running = world.reflector.run(world.stop.signal)
    await world.reflector.synced(world.stop.signal)
    await world.write('b', '1')
    await world.change('b', '2')
    await world.remove('a')
    await world.clock.run('1s')
    expect(world.told).toEqual(['added a 1', 'added b 1', 'updated b 2', 'deleted a 1'])
    world.expectSame()
    world.stop.abort()
    await running
    const { length } = world.api.requests
    await world.write('c', '1')
    await world.clock.run('10m')
    expect(world.told).not.toContain('added c 1')
    expect(world.api.requests.slice(length).filter(({ verb }) => verb !== 'create')).toEqual([])
  })

  test.each(['broken-connection', 'end'] as const)('loses nothing when its watch drops: %s', async (how) => {
    const world = start()
    void world.reflector.run(world.stop.signal)
    await world.reflector.synced(world.stop.signal)
    await world.clock.run('1s')
    world.api.faults.dropWatches(how)
    await world.write('a', '1')
    await world.remove('a')
    await world.write('b', '1')
    await world.clock.run('1m')
    // It goes on from the version that it had, so even what is gone again was seen.
    expect(world.told).toEqual(['added a 1', 'deleted a 1', 'added b 1'])
    world.expectSame()
  })

  test('lists again when its version was compacted away, and finds out what it missed by UID', async () => {
    const world = start()
    await world.write('a', '1')
    await world.write('b', '1')
    void world.reflector.run(world.stop.signal)
    await world.reflector.synced(world.stop.signal)
    await world.clock.run('1s')
    world.api.faults.fail('broken-connection', { verb: 'watch', times: 3 })
    world.api.faults.dropWatches('broken-connection')
    await world.remove('a')
    await world.write('a', 'another')
    await world.remove('b')
    world.api.compact()
    await world.clock.run('2m')
    expect(world.told.slice(2).sort()).toEqual(['added a another', 'deleted a 1', 'deleted b 1'])
    world.expectSame()
  })

  test('opens a silent watch anew: a half-open connection tells nothing', async () => {
    const world = start({ silence: '3m' })
    void world.reflector.run(world.stop.signal)
    await world.reflector.synced(world.stop.signal)
    await world.clock.run('1s')
    world.api.faults.silenceWatches()
    await world.write('a', '1')
    await world.clock.run('1m')
    expect(world.told).toEqual([])
    world.api.faults.restoreWatches()
    await world.clock.run('3m')
    expect(world.told).toEqual(['added a 1'])
  })

  test('finds what a watch never told, when it lists by the clock', async () => {
    const world = start({ relistEvery: '30m' })
    void world.reflector.run(world.stop.signal)
    await world.reflector.synced(world.stop.signal)
    await world.clock.run('1s')
    world.api.faults.dropEvents({ resource: configMaps })
    await world.write('a', '1')
    await world.clock.run('10m')
    world.api.faults.clear()
    await world.clock.run('40m')
    expect(world.told).toEqual(['added a 1'])
    world.expectSame()
  })

  test('an event that comes twice is told once', async () => {
    const world = start()
    void world.reflector.run(world.stop.signal)
    await world.reflector.synced(world.stop.signal)
    await world.clock.run('1s')
    world.api.faults.duplicateEvents({ resource: configMaps })
    await world.write('a', '1')
    await world.change('a', '2')
    await world.clock.run('1s')
    expect(world.told).toEqual(['added a 1', 'updated a 2'])
  })

  test.each([
    ['500', { status: 500, reason: 'InternalError' }],
    ['403', { status: 403, reason: 'Forbidden' }],
    ['429', { status: 429, reason: 'TooManyRequests', retryAfterSeconds: 20 }],
    ['a broken connection', 'broken-connection'],
  ] as const)('survives %s of list and watch, with pauses, and says so', async (_name, fault) => {
    const world = start()
    world.api.faults.fail(fault, { resource: configMaps, times: 6 })
    void world.reflector.run(world.stop.signal)
    await world.clock.run('30s')
    expect(world.phases()).toContain('failed')
    await world.clock.run('10m')
    expect(world.reflector.hasSynced).toBe(true)
    await world.write('a', '1')
    await world.clock.run('10s')
    expect(world.told).toEqual(['added a 1'])
  })

  test('waits as long as the server asks it to', async () => {
    const world = start()
    world.api.faults.fail({ status: 429, reason: 'TooManyRequests', retryAfterSeconds: 60 }, { verb: 'list' })
    void world.reflector.run(world.stop.signal)
    await world.clock.run('59s')
    expect(world.api.requests.filter(({ verb }) => verb === 'list')).toHaveLength(1)
    await world.clock.run('2s')
    expect(world.reflector.hasSynced).toBe(true)
  })

  test('asks what a majority of etcd has where its own version never comes', async () => {
    const clock = manualClock()
    const api = fakeKubeApi({ clock })
    const inner = api.transport()
    const lists: string[] = []
    // The store was restored from a backup: it has not seen the version yet, and will not for long.
    const client = new KubeClient(
      {
        watch: (request) => inner.watch(request),
        request: async (request) => {
          const version = request.query?.['resourceVersion']
          lists.push(version === undefined ? 'newest' : version === '0' ? 'any' : 'not older')
          if (lists.at(-1) !== 'not older') return inner.request(request)
          const details = { causes: [{ reason: 'ResourceVersionTooLarge' }], retryAfterSeconds: 1 }
          return { status: 504, headers: {}, body: { kind: 'Status', code: 504, reason: 'Timeout', details } }
        },
      },
      { fieldManager: 'reflector', clock },
    )
    const reflector = new Reflector(client, configMaps, { random: seededRandom(1) })
    const stop = new AbortController()
    stops.push(stop)
    void reflector.run(stop.signal)
    await reflector.synced(stop.signal)
    await clock.run('1s')
    api.faults.fail({ status: 500 }, { verb: 'watch' })
    api.faults.dropWatches('broken-connection')
    await clock.run('1m')
    expect(lists).toEqual(['any', 'not older', 'not older', 'not older', 'newest'])
  })

  test('does not ask without a pause while it is refused', async () => {
    const world = start()
    world.api.faults.fail({ status: 500, reason: 'InternalError' }, { verb: 'list', times: 1000 })
    void world.reflector.run(world.stop.signal)
    await world.clock.run('10m')
    const { length } = world.api.requests.filter(({ verb }) => verb === 'list')
    // 0.8 s doubling to 30 s, with up to as much again by chance: between 10 and 25 in ten minutes.
    expect(length).toBeGreaterThanOrEqual(10)
    expect(length).toBeLessThanOrEqual(25)
  })

  test('never goes back to an older version than it has seen', async () => {
    const world = start()
    await world.write('a', '1')
    void world.reflector.run(world.stop.signal)
    await world.reflector.synced(world.stop.signal)
    const old = world.api.resourceVersion
    await world.change('a', '2')
    await world.clock.run('1s')
    expect(world.told.at(-1)).toBe('updated a 2')
    // A replica that lags answers lists from its cache.
    world.api.faults.staleReads(old)
    world.api.faults.dropWatches('broken-connection')
    world.api.faults.fail({ status: 410, reason: 'Expired' }, { verb: 'watch' })
    await world.clock.run('30s')
    expect(world.told.filter((one) => one === 'updated a 1')).toEqual([])
    world.api.catchUp()
    await world.clock.run('2m')
    world.expectSame()
  })

  test('tells a late listener of everything that is known', async () => {
    const world = start()
    await world.write('a', '1')
    void world.reflector.run(world.stop.signal)
    await world.reflector.synced(world.stop.signal)
    const told: string[] = []
    const end = world.reflector.onChange(({ type, object }) => told.push(`${type} ${object.metadata.name}`))
    expect(told).toEqual(['added a'])
    end()
    await world.write('b', '1')
    await world.clock.run('1s')
    expect(told).toEqual(['added a'])
  })

  test('a listener that throws ends nothing', async () => {
    const world = start()
    world.reflector.onChange(() => {
      throw new Error('mine')
    })
    void world.reflector.run(world.stop.signal)
    await world.reflector.synced(world.stop.signal)
    await world.write('a', '1')
    await world.clock.run('1s')
    expect(world.told).toEqual(['added a 1'])
  })

  test('waiting for it ends with its signal', async () => {
    const world = start()
    world.api.faults.fail('broken-connection', { verb: 'list', times: 1000 })
    void world.reflector.run(world.stop.signal)
    const waiting = world.reflector.synced(world.stop.signal)
    world.stop.abort(new Error('enough'))
    await expect(waiting).rejects.toThrow('enough')
  })
})
