import { describe, expect, test } from 'vitest'
import { isKubeError, type KubeError } from '../../../../src/kubernetes/index.ts'
import { fakeKubeApi } from '../../../../src/kubernetes/testing/index.ts'
import { manualClock } from '../../../../src/testing/index.ts'
import { clientOf, failure, KIND, map, NS, settle } from './support.ts'

const ref = (name: string) => ({ name, namespace: NS })

describe('requests that fail', () => {
  test('before they are done: nothing is changed', async () => {
    const api = fakeKubeApi()
    const client = clientOf(api.transport())
    const fault = api.faults.fail({ status: 429, reason: 'TooManyRequests', retryAfterSeconds: 3 })
    const error: KubeError | undefined = await client.create(KIND, map('a')).then(
      () => undefined,
      (reason) => (isKubeError(reason) ? reason : undefined),
    )
    expect([error?.code, error?.outcome, error?.retryAfterMs]).toEqual([
      'ERR_KUBERNETES_THROTTLED',
      'refused',
      3000,
    ])
    expect(api.objects(KIND)).toEqual([])
    expect(fault.hits).toBe(1)
    await client.create(KIND, map('a'))
  })

  test('after they are done: it is done, and nobody knows', async () => {
    const api = fakeKubeApi()
    const client = clientOf(api.transport())
    api.faults.failAfter('broken-connection', { verb: 'create' })
    expect(await failure(client.create(KIND, map('a')))).toBe('ERR_KUBERNETES_UNAVAILABLE unknown')
    expect(api.objects(KIND).map(({ metadata }) => metadata.name)).toEqual(['a'])
    api.faults.failAfter({ status: 504, reason: 'Timeout' }, { verb: 'create' })
    expect(await failure(client.create(KIND, map('b')))).toBe('ERR_KUBERNETES_UNAVAILABLE unknown')
    expect(api.objects(KIND)).toHaveLength(2)
  })

  test('what the server refuses stays refused, whatever would come after', async () => {
    const api = fakeKubeApi()
    const client = clientOf(api.transport())
    await client.create(KIND, map('a'))
    api.faults.failAfter('broken-connection')
    expect(await failure(client.create(KIND, map('a')))).toBe('ERR_KUBERNETES_ALREADY_EXISTS refused')
  })

  test('the n-th, so often', async () => {
    const api = fakeKubeApi()
    const client = clientOf(api.transport())
    api.faults.fail({ status: 503 }, { verb: 'create', nth: 2, times: 2 })
    const results = []
    for (const name of ['a', 'b', 'c', 'd']) results.push(await failure(client.create(KIND, map(name))))
    const failed = 'ERR_KUBERNETES_UNAVAILABLE unknown'
    expect(results).toEqual(['none', failed, failed, 'none'])
  })

  test('only those that fit', async () => {
    const api = fakeKubeApi({ users: { other: { rules: 'all' } } })
    const client = clientOf(api.transport())
    const match = { resource: KIND, verb: ['get', 'list'], name: 'a', namespace: NS, user: 'admin' } as const
    const fault = api.faults.fail({ status: 500 }, { ...match, times: Number.POSITIVE_INFINITY })
    await client.create(KIND, map('a'))
    await clientOf(api.transport({ user: 'other' })).get(KIND, ref('a'))
    expect(await failure(client.get(KIND, ref('b')))).toContain('NOT_FOUND')
    expect(fault.hits).toBe(0)
    expect(await failure(client.get(KIND, ref('a')))).toContain('UNAVAILABLE')
    fault.remove()
    await client.get(KIND, ref('a'))
  })

  test('by a function, and none after clear()', async () => {
    const api = fakeKubeApi()
    const client = clientOf(api.transport())
    await client.create(KIND, map('a'))
    api.faults.fail({ status: 500 }, { where: ({ name }) => name === 'a', times: Number.POSITIVE_INFINITY })
    expect(await failure(client.get(KIND, ref('a')))).toContain('UNAVAILABLE')
    api.faults.clear()
    await client.get(KIND, ref('a'))
  })

  test.each(['before', 'after'] as const)(
    'one that hangs %s it is done ends with its signal',
    async (when) => {
      const api = fakeKubeApi()
      const client = clientOf(api.transport())
      api.faults.hang({ verb: 'create' }, when)
      const stop = new AbortController()
      const call = failure(client.create(KIND, map('a'), { signal: stop.signal }))
      await settle()
      expect(api.objects(KIND)).toHaveLength(when === 'after' ? 1 : 0)
      stop.abort()
      expect(await call).toBe('AbortError')
    },
  )

  test('one that is delayed waits by the clock', async () => {
    const clock = manualClock()
    const api = fakeKubeApi({ clock })
    api.faults.delay('3s', { verb: 'create' })
    const call = clientOf(api.transport()).create(KIND, map('a'))
    await settle()
    expect(api.objects(KIND)).toEqual([])
    clock.advance('3s')
    await call
    expect(api.objects(KIND)).toHaveLength(1)
  })

  test('a watch can be refused, or break at once', async () => {
    const api = fakeKubeApi()
    const watch = async () => {
      const signal = AbortSignal.timeout(5000)
      const query = { resourceVersion: '1', timeoutSeconds: 1 }
      for await (const _ of clientOf(api.transport()).watch(KIND, query, { signal })) return
    }
    api.faults.fail({ status: 410, reason: 'Expired' }, { verb: 'watch' })
    expect(await failure(watch())).toBe('ERR_KUBERNETES_EXPIRED refused')
    api.faults.fail('broken-connection', { verb: 'watch' })
    expect(await failure(watch())).toBe('ERR_KUBERNETES_UNAVAILABLE refused')
  })

  test.each([
    ['an unknown word', () => fakeKubeApi().faults.fail({ status: 500 }, { verbs: 'get' } as object)],
    ['a status that is no failure', () => fakeKubeApi().faults.fail({ status: 200 })],
    ['the 0th', () => fakeKubeApi().faults.fail({ status: 500 }, { nth: 0 })],
    ['a delay without a unit', () => fakeKubeApi().faults.delay('3')],
  ])('refuses %s', (_what, set) => {
    expect(set).toThrow(/option|fault/)
  })
})

describe('reads that are old', () => {
  test('those with a version see nothing new, those without see everything', async () => {
    const api = fakeKubeApi()
    const client = clientOf(api.transport())
    const before = await client.create(KIND, map('a', { x: '1' }))
    api.faults.staleReads()
    await client.replace(KIND, { ...before, data: { x: '2' } })
    await client.create(KIND, map('b'))
    const names = async (atLeast?: string) =>
      (await client.list(KIND, { atLeast })).items.map(
        ({ metadata, data }) => `${metadata.name} ${Object(data).x}`,
      )
    expect(await names('0')).toEqual(['a 1'])
    expect(await names()).toEqual(['a 2', 'b undefined'])
    expect((await client.get(KIND, ref('a')))['data']).toEqual({ x: '2' })
    api.catchUp()
    expect(await names('0')).toEqual(['a 2', 'b undefined'])
  })

  test('what is newer than the copy is a timeout', async () => {
    const api = fakeKubeApi()
    const transport = api.transport()
    api.faults.staleReads()
    const made = await clientOf(transport).create(KIND, map('a'))
    const path = `/api/v1/namespaces/${NS}/configmaps`
    const query = { resourceVersion: made.metadata.resourceVersion, resourceVersionMatch: 'NotOlderThan' }
    const ask = () => transport.request({ method: 'GET', path, query, signal: AbortSignal.timeout(5000) })
    expect(await ask()).toMatchObject({ status: 504, headers: { 'retry-after': '1' } })
    api.catchUp()
    expect(await ask()).toMatchObject({ status: 200 })
  })

  test('from an earlier version', async () => {
    const api = fakeKubeApi()
    const client = clientOf(api.transport())
    const first = await client.create(KIND, map('a'))
    await client.create(KIND, map('b'))
    await client.remove(KIND, first)
    api.faults.staleReads(first.metadata.resourceVersion)
    const { items, resourceVersion } = await client.list(KIND, { atLeast: '0' })
    expect(items.map(({ metadata }) => metadata.name)).toEqual(['a'])
    expect(resourceVersion).toBe(first.metadata.resourceVersion)
  })
})
