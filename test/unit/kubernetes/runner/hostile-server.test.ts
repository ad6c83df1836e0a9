/**
 * Servers that send what no server should, storms, and steps that misbehave.
 */
import { getActiveResourcesInfo } from 'node:process'
import { describe, expect, test, vi } from 'vitest'
import { KubeClient } from '../../../../src/kubernetes/api/kube-client.ts'
import { KubeResources } from '../../../../src/kubernetes/api/kube-resource.ts'
import type { KubeTransport, KubeWatchEvent } from '../../../../src/kubernetes/api/kube-transport.ts'
import type { KubeObject } from '../../../../src/kubernetes/objects/kube-object.ts'
import { Controller } from '../../../../src/kubernetes/runner/controller.ts'
import { Reflector, type ReflectorOptions } from '../../../../src/kubernetes/runner/reflector.ts'
import { WorkQueue } from '../../../../src/kubernetes/runner/work-queue.ts'
import { fakeKubeApi } from '../../../../src/kubernetes/testing/index.ts'
import { manualClock, seededRandom } from '../../../../src/testing/index.ts'

const { configMaps } = KubeResources
const object = (name: string, resourceVersion = '1', uid = name): KubeObject => ({
  kind: 'ConfigMap',
  metadata: { namespace: 'n', name, uid, resourceVersion },
})

interface Asked {
  readonly verb: 'list' | 'watch'
  readonly version: unknown
}

/** A reflector over a server of two functions. */
function start(
  server: {
    readonly list: (asked: number) => unknown
    readonly watch: (signal: AbortSignal, asked: number) => AsyncGenerator<KubeWatchEvent>
  },
  options: ReflectorOptions = {},
) {
  const clock = manualClock()
  const asked: Asked[] = []
  const count = (verb: Asked['verb']) => asked.filter((one) => one.verb === verb).length
  const transport: KubeTransport = {
    request: async ({ query }) => {
      asked.push({ verb: 'list', version: query?.['resourceVersion'] })
      const answer = server.list(count('list'))
      return answer instanceof Error
        ? Promise.reject(answer)
        : { status: Object(answer).code ?? 200, headers: {}, body: answer }
    },
    async *watch({ query, signal }) {
      asked.push({ verb: 'watch', version: query?.['resourceVersion'] })
      const own = new AbortController()
      signal.addEventListener('abort', () => own.abort())
      yield* server.watch(own.signal, count('watch'))
    },
  }
  const client = new KubeClient(transport, { fieldManager: 'x', clock })
  const reflector = new Reflector(client, configMaps, { random: seededRandom(1), ...options })
  const stop = new AbortController()
  const running = reflector.run(stop.signal)
  return { clock, client, reflector, stop, running, asked, count }
}

const listOf = (resourceVersion: string, ...items: readonly KubeObject[]) => ({
  metadata: { resourceVersion },
  items,
})
const silent = (signal: AbortSignal) =>
  new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
const tooOld = { type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired' } } as const

describe('a reflector', () => {
  test('does not open watches without a pause where each ends at once with an event', async () => {
    const world = start({
      list: () => listOf('1'),
      async *watch() {
        yield { type: 'BOOKMARK', object: object('') }
      },
    })
    await world.clock.run('1m')
    expect(world.count('watch')).toBeLessThan(20)
    world.stop.abort()
    await world.running
  })

  test('does not list without a pause where every watch is too old', async () => {
    const world = start({
      list: () => listOf('1'),
      async *watch() {
        yield tooOld
      },
    })
    await world.clock.run('10m')
    expect(world.count('list')).toBeLessThan(40)
    expect(world.count('list')).toBeGreaterThan(5)
    world.stop.abort()
    await world.running
  })

  test('lists anew after a 410 in the middle, and keeps what came before it', async () => {
    const world = start({
      list: (asked) => listOf(String(asked * 10), ...(asked === 1 ? [] : [object('a'), object('b')])),
      async *watch(signal, asked) {
        if (asked === 1) {
          yield { type: 'ADDED', object: object('a') }
          yield tooOld
        }
        await silent(signal)
      },
    })
    await world.clock.run('1s')
    expect(world.reflector.objects().map(({ metadata }) => metadata.name)).toEqual(['a', 'b'])
    expect(world.asked.map(({ verb }) => verb)).toEqual(['list', 'watch', 'list', 'watch'])
    world.stop.abort()
    await world.running
  })

  test('lists anew where a watch is silent: after a restore its version may lie ahead', async () => {
    let restored = false
    const world = start({
      list: () => (restored ? listOf('50', object('after')) : listOf('900', object('before'))),
      async *watch(signal) {
        await silent(signal)
        yield* []
      },
    })
    await world.clock.run('1s')
    restored = true
    await world.clock.run('4m')
    expect(world.reflector.objects().map(({ metadata }) => metadata.name)).toEqual(['after'])
    // It goes on from what the restored server said.
    expect(world.asked.at(-1)).toEqual({ verb: 'watch', version: '50' })
    world.stop.abort()
    await world.running
  })

  test.each([
    ['none', undefined],
    ['an empty one', ''],
    ['a number', 7],
  ])('goes on from the version that it had where a bookmark has %s', async (_what, version) => {
    const world = start({
      list: () => listOf('5'),
      async *watch(signal, asked) {
        if (asked === 1) {
          yield { type: 'BOOKMARK', object: { kind: 'ConfigMap', metadata: { resourceVersion: version } } }
          return
        }
        await silent(signal)
      },
    })
    await world.clock.run('5s')
    expect(world.asked.filter(({ verb }) => verb === 'watch')).toEqual([
      { verb: 'watch', version: '5' },
      { verb: 'watch', version: '5' },
    ])
    world.stop.abort()
    await world.running
  })

  test('gets past an event that nobody can read', async () => {
    const world = start({
      list: (asked) => (asked === 1 ? listOf('5') : listOf('9', object('a'))),
      async *watch(signal, asked) {
        if (asked < 6) yield { type: 'ADDED', object: { kind: 'Pod', metadata: {} } }
        await silent(signal)
      },
    })
    await world.clock.run('1m')
    expect(world.reflector.objects()).toHaveLength(1)
    world.stop.abort()
    await world.running
  })

  test('that two run goes on when one of them stops', async () => {
    const clock = manualClock()
    const api = fakeKubeApi({ clock })
    const client = new KubeClient(api.transport(), { fieldManager: 'x', clock })
    const reflector = new Reflector(client, configMaps, { random: seededRandom(1) })
    const [one, two] = [new AbortController(), new AbortController()]
    const running = [reflector.run(one.signal), reflector.run(two.signal)]
    await reflector.synced(two.signal)
    one.abort()
    await running[0]
    await clock.run('1s')
    await client.create(configMaps, { metadata: { namespace: 'n', name: 'late' } })
    await clock.run('5s')
    expect(reflector.get('n/late')).toBeDefined()
    two.abort()
    await running[1]
  })

  test('takes a storm of twenty thousand objects, each changed ten times, and keeps one copy of each', async () => {
    const names = Array.from({ length: 20_000 }, (_, i) => `o${i}`)
    const world = start({
      list: () => listOf('1', ...names.map((name) => object(name))),
      async *watch(signal) {
        for (let round = 2; round <= 11; round++)
          for (const name of names) yield { type: 'MODIFIED', object: object(name, `${round}`) }
        await silent(signal)
      },
    })
    let changes = 0
    world.reflector.onChange(() => changes++)
    await vi.waitFor(() => expect(changes).toBe(220_000), { timeout: 30_000 })
    expect(world.reflector.objects()).toHaveLength(20_000)
    world.stop.abort()
    await world.running
  })

  test.each(['list', 'watch', 'pause'] as const)(
    'that is stopped in a %s leaves nothing behind',
    async (phase) => {
      const before = getActiveResourcesInfo().length
      const stop = new AbortController()
      const { signal } = stop
      const add = vi.spyOn(signal, 'addEventListener')
      const remove = vi.spyOn(signal, 'removeEventListener')
      const transport: KubeTransport = {
        request: () =>
          phase === 'pause'
            ? Promise.reject(new Error('down'))
            : phase === 'list'
              ? new Promise(() => {})
              : Promise.resolve({ status: 200, headers: {}, body: listOf('1') }),
        async *watch() {
          await new Promise(() => {})
          yield* []
        },
      }
      // The machine's clock: timers would stay.
      const client = new KubeClient(transport, { fieldManager: 'x', timeout: '1h' })
      const running = new Reflector(client, configMaps).run(signal)
      await new Promise((resolve) => setTimeout(resolve, 20))
      stop.abort()
      await running
      // That of a pause has been called; it need not be taken away.
      expect(add.mock.calls.length - remove.mock.calls.length).toBe(phase === 'pause' ? 1 : 0)
      await vi.waitFor(() => expect(getActiveResourcesInfo().length).toBeLessThanOrEqual(before))
    },
  )
})

describe('a controller', () => {
  const controllerOf = (
    reconcile: ConstructorParameters<typeof Controller>[0]['reconcile'],
    concurrency = 1,
  ) => {
    const clock = manualClock()
    const api = fakeKubeApi({ clock })
    const client = new KubeClient(api.transport(), { fieldManager: 'x', clock })
    const reflector = new Reflector(client, configMaps, { random: seededRandom(1) })
    const outcomes: string[] = []
    const controller = new Controller({
      name: 'test',
      sources: [{ reflector }],
      reconcile,
      concurrency,
      clock,
      onEvent: (event) => {
        if (event.type === 'reconcile') outcomes.push(`${event.key} ${event.outcome}`)
        throw new Error('a listener that throws')
      },
    })
    const stop = new AbortController()
    return { clock, client, controller, stop, outcomes, running: controller.run(stop.signal) }
  }

  test('does not run a step in circles that answers a time which is no number', async () => {
    let steps = 0
    const world = controllerOf(async () => {
      steps++
      return { changed: false, requeueAfterMs: Number.NaN }
    })
    world.controller.enqueue('a')
    await world.clock.run('10m')
    expect(steps).toBeLessThan(30)
    expect(world.outcomes[0]).toBe('a failed')
    world.stop.abort()
    await world.running
  })

  test('serves good keys beside one that fails for ever and one that never returns', async () => {
    const seen = new Map<string, number>()
    const world = controllerOf(async (key, { signal }) => {
      seen.set(key, (seen.get(key) ?? 0) + 1)
      if (key === 'bad') throw new Error('again')
      if (key === 'stuck') await silent(signal)
      return { changed: false, requeueAfterMs: 1000 }
    }, 2)
    for (const key of ['stuck', 'bad', 'good', 'better']) world.controller.enqueue(key)
    await world.clock.run('10m')
    expect([seen.get('good'), seen.get('better'), seen.get('stuck')]).toEqual([601, 601, 1])
    // 5 ms, doubled each time: ten minutes are 17 of them.
    expect(seen.get('bad')).toBe(17)
    world.stop.abort()
    await world.running
  })

  test('ends when it is stopped before it has synced', async () => {
    const clock = manualClock()
    const api = fakeKubeApi({ clock })
    api.faults.fail('broken-connection', { verb: 'list', times: 1000 })
    const client = new KubeClient(api.transport(), { fieldManager: 'x', clock })
    const reconcile = vi.fn()
    const controller = new Controller({
      name: 'test',
      sources: [{ reflector: new Reflector(client, configMaps, { random: seededRandom(1) }) }],
      keys: ['a'],
      reconcile,
      clock,
    })
    const stop = new AbortController()
    const running = controller.run(stop.signal)
    await clock.run('1m')
    stop.abort()
    await running
    expect(reconcile).not.toHaveBeenCalled()
  })
})

describe('a queue', () => {
  test('holds twenty thousand keys that fail again and again, and gives a good one out at once', async () => {
    const clock = manualClock()
    const queue = new WorkQueue({ clock })
    const { signal } = new AbortController()
    const keys = Array.from({ length: 20_000 }, (_, i) => `k${i}`)
    for (let round = 0; round < 5; round++) for (const key of keys) queue.retry(key)
    expect([queue.size, queue.delayed]).toEqual([0, 20_000])
    queue.add('good')
    expect(await queue.next(signal)).toBe('good')
    for (const key of keys) queue.add(key)
    for (const key of keys) {
      expect(await queue.next(signal)).toBe(key)
      queue.forget(key)
      queue.done(key)
    }
    expect(queue.size).toBe(0)
    queue.clear()
    expect(queue.delayed).toBe(0)
  })
})
