import { describe, expect, test } from 'vitest'
import { KubeClient } from '../../../../src/kubernetes/api/kube-client.ts'
import type { KubeRuntimeEvent } from '../../../../src/kubernetes/api/kube-event.ts'
import { KubeResources } from '../../../../src/kubernetes/api/kube-resource.ts'
import { Controller, type ControllerOptions } from '../../../../src/kubernetes/runner/controller.ts'
import { EventRecorder } from '../../../../src/kubernetes/runner/event-recorder.ts'
import { Reflector } from '../../../../src/kubernetes/runner/reflector.ts'
import { fakeKubeApi } from '../../../../src/kubernetes/testing/index.ts'
import { manualClock, seededRandom } from '../../../../src/testing/index.ts'

const { configMaps, events } = KubeResources

function start(options: Partial<ControllerOptions> & Pick<ControllerOptions, 'reconcile'>) {
  const clock = manualClock()
  const api = fakeKubeApi({ clock })
  const client = new KubeClient(api.transport(), { fieldManager: 'c', clock })
  const told: KubeRuntimeEvent[] = []
  const reflector = new Reflector(client, configMaps, { random: seededRandom(3) })
  const controller = new Controller({
    name: 'test',
    sources: [{ reflector }],
    clock,
    onEvent: (event) => void told.push(event),
    ...options,
  })
  const stop = new AbortController()
  const running = controller.run(stop.signal)
  const write = (name: string) => client.create(configMaps, { metadata: { namespace: 'n', name } })
  return { clock, api, client, told, controller, stop, running, write }
}

describe('a controller', () => {
  test('reconciles what there is and what comes, by key', async () => {
    const seen: string[] = []
    const world = start({
      reconcile: async (key) => {
        seen.push(key)
        return { changed: false }
      },
    })
    await world.write('a')
    await world.clock.run('1s')
    await world.write('b')
    await world.clock.run('1s')
    expect(seen).toEqual(['n/a', 'n/b'])
    world.controller.enqueue('n/a')
    await world.clock.run('1s')
    expect(seen).toEqual(['n/a', 'n/b', 'n/a'])
    world.stop.abort()
    await world.running
  })

  test('takes a key again when its step says so, and after failures with growing pauses', async () => {
    const at: number[] = []
    const world = start({
      reconcile: async () => {
        at.push(world.clock.now().getTime())
        if (at.length <= 3) throw new Error('not yet')
        return at.length === 4 ? { changed: true, requeueAfterMs: 60_000 } : { changed: false }
      },
      queue: { backoffMs: 1000 },
    })
    await world.write('a')
    await world.clock.run('10m')
    expect(at.slice(1).map((time, i) => time - (at[i] ?? 0))).toEqual([1000, 2000, 4000, 60_000])
    const outcomes = world.told.flatMap((event) => (event.type === 'reconcile' ? [event.outcome] : []))
    expect(outcomes).toEqual(['failed', 'failed', 'failed', 'again', 'done'])
    world.stop.abort()
    await world.running
  })

  test('tries what RBAC denies thrice, for a server that has just started, then once a minute; other keys go on', async () => {
    const seen: string[] = []
    const world = start({
      reconcile: async (key) => {
        seen.push(key)
        if (key === 'n/denied') await world.client.get(KubeResources.secrets, { namespace: 'n', name: 'x' })
        return { changed: false }
      },
    })
    world.api.faults.fail(
      { status: 403, reason: 'Forbidden' },
      { resource: KubeResources.secrets, times: 100 },
    )
    await world.write('denied')
    await world.clock.run('1s')
    await world.write('other')
    await world.clock.run('5m')
    expect(seen.filter((key) => key === 'n/other')).toHaveLength(1)
    const tries = seen.filter((key) => key === 'n/denied').length
    // At 0, 3, 6 and 9 seconds, then each minute.
    expect([7, 8]).toContain(tries)
    world.stop.abort()
    await world.running
  })

  test('never has two workers on one key, and waits for them at the end', async () => {
    let now = 0
    let most = 0
    let finished = 0
    const perKey = new Map<string, number>()
    const world = start({
      concurrency: 4,
      reconcile: async (key) => {
        most = Math.max(most, ++now)
        perKey.set(key, (perKey.get(key) ?? 0) + 1)
        expect(perKey.get(key)).toBe(1)
        await world.clock.sleep(1000)
        perKey.set(key, (perKey.get(key) ?? 0) - 1)
        now--
        finished++
        return { changed: false }
      },
    })
    for (const name of ['a', 'b', 'c']) await world.write(name)
    await world.clock.run('500s')
    for (let i = 0; i < 5; i++) world.controller.enqueue('n/a')
    world.controller.enqueue('n/b')
    await world.clock.run('100s')
    expect(most).toBeGreaterThan(1)
    world.controller.enqueue('n/c')
    await Promise.resolve()
    const before = finished
    world.stop.abort()
    await world.clock.run('2s')
    await world.running
    expect(now).toBe(0)
    expect(finished).toBeGreaterThanOrEqual(before)
  })

  test('does not begin before its sources have synced, but for those that are optional', async () => {
    const clock = manualClock()
    const api = fakeKubeApi({ clock })
    const client = new KubeClient(api.transport(), { fieldManager: 'c', clock })
    api.faults.fail('broken-connection', { verb: 'list', times: 1000 })
    const run = async (optional: boolean): Promise<number> => {
      let steps = 0
      const stop = new AbortController()
      const controller = new Controller({
        name: 'test',
        keys: ['x'],
        sources: [{ reflector: new Reflector(client, configMaps), optional }],
        reconcile: async () => {
          steps++
          return { changed: false }
        },
        clock,
      })
      const running = controller.run(stop.signal)
      await clock.run('1m')
      stop.abort()
      await running
      return steps
    }
    expect(await run(false)).toBe(0)
    expect(await run(true)).toBe(1)
  })
})

describe('an event recorder', () => {
  const regarding = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { namespace: 'istio-system', name: 'cacerts', uid: 'u-1', resourceVersion: '7' },
  }
  const event = { type: 'Normal', reason: 'CertificateIssued', action: 'Issue', note: 'issued' } as const

  function recorder() {
    const clock = manualClock()
    const api = fakeKubeApi({ clock })
    const client = new KubeClient(api.transport(), { fieldManager: 'r', clock })
    const errors: unknown[] = []
    const made = new EventRecorder(client, {
      controller: 'example.com/agent',
      instance: 'agent-1',
      random: seededRandom(5),
      onError: (error) => void errors.push(error),
    })
    return { clock, api, made, errors, notes: () => api.objects(events).map((one) => one['note']) }
  }

  test('writes what the server takes, in the namespace of the object', async () => {
    const { api, made, errors } = recorder()
    made.record(regarding, event)
    made.record({ ...regarding, metadata: { name: 'cluster-scoped', uid: 'u-2' } }, event)
    await made.flush()
    expect(errors).toEqual([])
    const [first, second] = api.objects(events)
    expect([first?.metadata.namespace, second?.metadata.namespace].sort()).toEqual([
      'istio-system',
      'kube-system',
    ])
    expect(api.objects(events).find(({ metadata }) => metadata.namespace === 'istio-system')).toMatchObject({
      regarding: { kind: 'Secret', name: 'cacerts', uid: 'u-1' },
      type: 'Normal',
      reason: 'CertificateIssued',
      reportingController: 'example.com/agent',
      reportingInstance: 'agent-1',
    })
  })

  test('says the same once in ten minutes, and then how often it was left out', async () => {
    const { clock, made, notes } = recorder()
    for (let i = 0; i < 5; i++) made.record(regarding, event)
    await made.flush()
    expect(notes()).toEqual(['issued'])
    clock.advance('11m')
    made.record(regarding, event)
    await made.flush()
    expect(notes()).toContain('issued (and 4 like it that were left out)')
  })

  test('writes at most 25 of one object and reason at once, and of others still', async () => {
    const { made, notes } = recorder()
    for (let i = 0; i < 60; i++) {
      made.record(regarding, { ...event, note: `issued ${i}` })
      await made.flush()
    }
    expect(notes()).toHaveLength(25)
    made.record(regarding, { ...event, reason: 'Other', note: 'x' })
    await made.flush()
    expect(notes()).toHaveLength(26)
  })

  test('shows neither PEM nor tokens', async () => {
    const { made, notes } = recorder()
    const key = '-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIB\n-----END EC PRIVATE KEY-----'
    made.record(regarding, { ...event, note: `failed with ${key} and Bearer abcdefghijkl` })
    await made.flush()
    expect(notes()).toEqual(['failed with [PEM not shown] and Bearer [not shown]'])
  })

  test('drops what cannot be written, and tells who wants to know', async () => {
    const { api, made, errors } = recorder()
    api.faults.fail({ status: 403, reason: 'Forbidden' })
    made.record(regarding, event)
    await made.flush()
    expect(errors).toMatchObject([{ code: 'ERR_KUBERNETES_FORBIDDEN' }])
  })
})
