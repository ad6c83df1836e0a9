import { describe, expect, test } from 'vitest'
import { KubeClient, type KubeClientOptions } from '../../../../src/kubernetes/api/kube-client.ts'
import type { KubeRuntimeEvent } from '../../../../src/kubernetes/api/kube-event.ts'
import {
  collectionPath,
  type KubeResource,
  KubeResources,
  objectPath,
} from '../../../../src/kubernetes/api/kube-resource.ts'
import type { KubeRequest, KubeTransport } from '../../../../src/kubernetes/api/kube-transport.ts'
import { fakeKubeApi } from '../../../../src/kubernetes/testing/index.ts'
import { manualClock } from '../../../../src/testing/index.ts'

const { configMaps, secrets, namespaces, certificateSigningRequests } = KubeResources
const ref = { namespace: 'n', name: 'a' }

function world(options: Partial<KubeClientOptions> = {}) {
  const clock = manualClock()
  const api = fakeKubeApi({ clock })
  const events: KubeRuntimeEvent[] = []
  const client = new KubeClient(api.transport(), {
    fieldManager: 'test',
    clock,
    onEvent: (event) => void events.push(event),
    ...options,
  })
  const make = (data: Record<string, string>, name = 'a') =>
    client.create(configMaps, { metadata: { namespace: 'n', name }, data })
  return { clock, api, client, events, make }
}

/** A transport that answers what it is told, and keeps what it was asked. */
function scripted(...bodies: readonly unknown[]) {
  const asked: KubeRequest[] = []
  const transport: KubeTransport = {
    async request(request) {
      asked.push(request)
      return { status: 200, headers: {}, body: bodies[asked.length - 1] }
    },
    async *watch() {},
  }
  return { asked, client: new KubeClient(transport, { fieldManager: 'test' }) }
}

describe('a client', () => {
  test('writes only over what it has seen', async () => {
    const { client, make } = world()
    const made = await make({ v: '1' })
    const next = await client.replace(configMaps, { ...made, data: { v: '2' } })
    await expect(client.replace(configMaps, { ...made, data: { v: '3' } })).rejects.toMatchObject({
      code: 'ERR_KUBERNETES_CONFLICT',
      outcome: 'refused',
    })
    const { resourceVersion: _none, ...unversioned } = next.metadata
    for (const call of ['replace', 'merge'] as const)
      await expect(client[call](configMaps, { ...next, metadata: unversioned })).rejects.toThrow(
        /resourceVersion/,
      )
    expect((await client.get(configMaps, ref))['data']).toEqual({ v: '2' })
  })

  test('change() decides anew after a conflict, and gives up after five', async () => {
    const { client, make } = world()
    await make({ v: '0' })
    let tries = 0
    const add = async (rivals: number) => {
      tries = 0
      return client.change(configMaps, ref, async (found) => {
        if (tries++ < rivals)
          await client.change(configMaps, ref, (one) => ({ ...one, data: { v: `rival ${tries}` } }))
        return { ...found, data: { v: `${Reflect.get(Object(found['data']), 'v')} and mine` } }
      })
    }
    expect((await add(2))['data']).toEqual({ v: 'rival 2 and mine' })
    expect(tries).toBe(3)
    await expect(add(100)).rejects.toMatchObject({ code: 'ERR_KUBERNETES_CONFLICT' })
    expect(tries).toBe(5)
  })

  test('change() writes nothing where nothing shall change', async () => {
    const { api, client, make } = world()
    await make({ v: '0' })
    const { writes } = api
    await client.change(configMaps, ref, () => undefined)
    await client.change(configMaps, ref, (found) => found)
    expect(api.writes).toBe(writes)
  })

  test('deletes what it has read, and no other of that name', async () => {
    const { client, make } = world()
    const first = await make({ v: '1' })
    expect(await client.remove(configMaps, first)).toBe(true)
    expect(await client.remove(configMaps, first)).toBe(false)
    await make({ v: 'another' })
    await expect(client.remove(configMaps, first)).rejects.toMatchObject({ code: 'ERR_KUBERNETES_CONFLICT' })
    await expect(client.remove(configMaps, { metadata: ref })).rejects.toThrow(/metadata.uid/)
    expect(await client.find(configMaps, ref)).toBeDefined()
  })

  test('apply() takes nobody’s fields, and says whose they are', async () => {
    const { api, client } = world()
    const other = new KubeClient(api.transport(), { fieldManager: 'kubectl' })
    await other.apply(configMaps, { metadata: ref, data: { theirs: '1' } })
    await client.apply(configMaps, { metadata: ref, data: { mine: '1' } })
    expect((await client.get(configMaps, ref))['data']).toEqual({ theirs: '1', mine: '1' })
    await expect(client.apply(configMaps, { metadata: ref, data: { theirs: '2' } })).rejects.toMatchObject({
      code: 'ERR_KUBERNETES_CONFLICT',
      causes: [{ reason: 'FieldManagerConflict' }],
      message: expect.stringContaining('kubectl'),
    })
  })

  test('reads every page, and all at once where the pages have expired', async () => {
    const { api, client, make } = world()
    for (let i = 0; i < 7; i++) await make({}, `c${i}`)
    const paged: string[] = []
    const small: KubeTransport = {
      request: (request) => {
        const limit = request.query?.['limit']
        if (limit !== undefined) paged.push(String(request.query?.['continue'] ?? 'first'))
        // Pages of two, so that seven objects take four.
        return api
          .transport()
          .request({ ...request, query: { ...request.query, ...(limit === undefined ? {} : { limit: 2 }) } })
      },
      watch: (request) => api.transport().watch(request),
    }
    const reader = new KubeClient(small, { fieldManager: 'reader' })
    expect((await reader.list(configMaps, { namespace: 'n' })).items).toHaveLength(7)
    expect(paged).toHaveLength(4)
    api.faults.fail({ status: 410, reason: 'Expired' }, { verb: 'list', nth: 3 })
    expect((await reader.list(configMaps, { namespace: 'n' })).items).toHaveLength(7)
    expect(client.fieldManager).toBe('test')
  })

  test('does not wait for ever', async () => {
    const { api, client, clock } = world({ timeout: '10s' })
    api.faults.hang({ verb: 'create' }, 'after')
    const waiting = client.create(configMaps, { metadata: ref })
    const failed = expect(waiting).rejects.toMatchObject({
      code: 'ERR_KUBERNETES_UNAVAILABLE',
      outcome: 'unknown',
    })
    await clock.run('11s')
    await failed
    // It was done all the same, which is why the outcome is unknown.
    expect(await client.find(configMaps, ref)).toBeDefined()
  })

  test('ends with the reason of its signal', async () => {
    const { api, client } = world()
    api.faults.hang({ verb: 'get' }, 'before')
    const stop = new AbortController()
    const waiting = client.get(configMaps, ref, { signal: stop.signal })
    stop.abort(new Error('enough'))
    await expect(waiting).rejects.toThrow('enough')
  })

  test('tells that the clock of the server is another, once', async () => {
    const clock = manualClock()
    const events: KubeRuntimeEvent[] = []
    let ahead = 0
    const transport: KubeTransport = {
      request: async () => ({
        status: 200,
        headers: { date: new Date(clock.now().getTime() + ahead).toUTCString() },
        body: { metadata: { name: 'a' } },
      }),
      async *watch() {},
    }
    const client = new KubeClient(transport, {
      fieldManager: 'x',
      clock,
      onEvent: (event) => void events.push(event),
    })
    const skews = () => events.filter(({ type }) => type === 'clock-skew')
    await client.get(namespaces, { name: 'a' })
    expect(skews()).toEqual([])
    ahead = 90_000
    await client.get(namespaces, { name: 'a' })
    await client.get(namespaces, { name: 'a' })
    expect(skews()).toEqual([{ type: 'clock-skew', skewMs: 90_000 }])
    ahead = 0
    await client.get(namespaces, { name: 'a' })
    ahead = -90_000
    await client.get(namespaces, { name: 'a' })
    expect(skews()).toHaveLength(2)
  })

  test('fills in what lists leave out', async () => {
    const { client } = scripted({
      metadata: { resourceVersion: '5' },
      items: [{ metadata: { name: 'a', namespace: 'n' } }],
    })
    const { items, resourceVersion } = await client.list(secrets)
    expect(items).toEqual([{ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'a', namespace: 'n' } }])
    expect(resourceVersion).toBe('5')
  })

  test.each([
    ['no object', 'a page of a proxy'],
    ['an object without metadata', { kind: 'Secret' }],
    ['nothing', undefined],
    ['a list', []],
  ])('an answer that is %s is no API server’s', async (_name, body) => {
    await expect(scripted(body).client.get(secrets, ref)).rejects.toMatchObject({
      code: 'ERR_KUBERNETES_ANSWER',
    })
    await expect(scripted(body).client.list(secrets)).rejects.toMatchObject({ code: 'ERR_KUBERNETES_ANSWER' })
  })

  test('a list that never ends is ended', async () => {
    const asked = { count: 0 }
    const transport: KubeTransport = {
      request: async () => {
        asked.count++
        return {
          status: 200,
          headers: {},
          body: { items: [], metadata: { continue: `more ${asked.count}` } },
        }
      },
      async *watch() {},
    }
    await expect(new KubeClient(transport, { fieldManager: 'x' }).list(secrets)).rejects.toMatchObject({
      code: 'ERR_KUBERNETES_ANSWER',
    })
    expect(asked.count).toBe(10_000)
  })

  test.each([
    [{ fieldManager: '' }, 'fieldManager'],
    [{ fieldManager: 'with blank' }, 'fieldManager'],
    [{ fieldManager: 'x', timeout: 10 }, 'timeout'],
    [{ fieldManager: 'x', retries: 3 }, 'retries'],
  ])('refuses wrong options: %j', (options, named) => {
    expect(() => new KubeClient(scripted().client as never, options as never)).toThrow()
    expect(() => new KubeClient(fakeKubeApi().transport(), options as never)).toThrow(named)
  })
})

describe('paths', () => {
  test('are those of the API', () => {
    expect(objectPath(secrets, ref)).toBe('/api/v1/namespaces/n/secrets/a')
    expect(objectPath(certificateSigningRequests, { name: 'a' }, 'status')).toBe(
      '/apis/certificates.k8s.io/v1/certificatesigningrequests/a/status',
    )
    expect(collectionPath(secrets, undefined)).toBe('/api/v1/secrets')
    expect(collectionPath(namespaces, 'ignored')).toBe('/api/v1/namespaces')
  })

  test.each([
    '',
    '.',
    '..',
    'a/b',
    '../x',
    'a%2fb',
    'a?x',
    'a#x',
    'a b',
    'ä',
    'x'.repeat(254),
    `a\n`,
    7,
    null,
  ])('a name leads nowhere else: %j', (name) => {
    expect(() => objectPath(secrets, { namespace: 'n', name: name as never })).toThrow(TypeError)
    expect(() => collectionPath(secrets, name as never)).toThrow(TypeError)
  })

  test('an object in a namespace needs one', () => {
    const resource: KubeResource = secrets
    expect(() => objectPath(resource, { name: 'a' })).toThrow(/none was given/)
  })
})
