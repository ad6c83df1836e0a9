import { describe, expect, test } from 'vitest'
import { KubeClient } from '../../../../src/kubernetes/api/kube-client.ts'
import { KubeResources } from '../../../../src/kubernetes/api/kube-resource.ts'
import type { KubeResponse, KubeTransport } from '../../../../src/kubernetes/api/kube-transport.ts'

const { configMaps, deployments, secrets } = KubeResources
const ref = { namespace: 'n', name: 'a' }
const metadata = { ...ref, resourceVersion: '1', uid: 'u' }
const strange = { code: 'ERR_KUBERNETES_ANSWER' }

function answering(answer: Partial<KubeResponse>, events: readonly unknown[] = []) {
  const transport: KubeTransport = {
    request: async () => ({ status: 200, headers: {}, body: undefined, ...answer }),
    async *watch() {
      for (const object of events) yield { type: 'ADDED', object }
    },
  }
  return new KubeClient(transport, { fieldManager: 'test' })
}

describe('an answer', () => {
  test.each([
    ['of another kind', { kind: 'ConfigMap', metadata }],
    ['that is a Status', { kind: 'Status', metadata: {}, status: 'Success' }],
    ['of another name', { kind: 'Secret', metadata: { ...metadata, name: 'b' } }],
    ['of another namespace', { kind: 'Secret', metadata: { ...metadata, namespace: 'm' } }],
    ['of a kind that is no text', { kind: 5, metadata }],
  ])('%s is none, and a write may have been done', async (_what, body) => {
    const client = answering({ body })
    await expect(client.get(secrets, ref)).rejects.toMatchObject({ ...strange, outcome: 'refused' })
    await expect(client.replace(secrets, { metadata })).rejects.toMatchObject({
      ...strange,
      outcome: 'unknown',
    })
    await expect(client.create(secrets, { metadata })).rejects.toMatchObject({
      ...strange,
      outcome: 'unknown',
    })
  })

  test('of the object itself is taken, with its kind or without', async () => {
    for (const kind of ['Secret', undefined])
      expect(await answering({ body: { kind, metadata } }).get(secrets, ref)).toMatchObject({
        kind: 'Secret',
      })
  })

  test('may be of the kind Scale', async () => {
    const body = { kind: 'Scale', metadata, spec: { replicas: 1 } }
    expect(await answering({ body }).replace(deployments, { metadata }, { part: 'scale' })).toMatchObject({
      kind: 'Scale',
    })
  })

  test('of a list holds no other kind', async () => {
    const items = [{ metadata }, { kind: 'ConfigMap', metadata }]
    await expect(answering({ body: { items } }).list(secrets)).rejects.toMatchObject(strange)
    expect((await answering({ body: { items } }).list(configMaps)).items).toHaveLength(2)
  })

  test('of a watch holds no other kind', async () => {
    const watch = async (object: unknown) => {
      const options = { signal: AbortSignal.timeout(5000) }
      const selection = { resourceVersion: '1', timeoutSeconds: 1 }
      for await (const { type } of answering({}, [object]).watch(secrets, selection, options)) return type
      return undefined
    }
    await expect(watch({ kind: 'ConfigMap', metadata })).rejects.toMatchObject(strange)
    await expect(watch({ kind: 'Secret' })).rejects.toMatchObject(strange)
    expect(await watch({ kind: 'Secret', metadata })).toBe('ADDED')
  })

  // RFC 9110 §15: of these only 3xx and 4xx say that nothing was done.
  test.each([
    [0, 'unknown'],
    [101, 'unknown'],
    [199, 'unknown'],
    [304, 'refused'],
    [400, 'refused'],
    [429, 'refused'],
    [499, 'refused'],
    [500, 'unknown'],
    [504, 'unknown'],
    [700, 'unknown'],
    [Number.NaN, 'unknown'],
  ])('of the status %i leaves a write %s', async (status, outcome) => {
    const client = answering({ status, body: { kind: 'Secret', metadata } })
    await expect(client.create(secrets, { metadata })).rejects.toMatchObject({ outcome })
    await expect(client.get(secrets, ref)).rejects.toMatchObject({ outcome: 'refused' })
  })
})

describe('a list', () => {
  test('whose page leads to itself is no list', async () => {
    let count = 0
    const transport: KubeTransport = {
      request: async () => {
        count++
        return { status: 200, headers: {}, body: { items: [{ metadata }], metadata: { continue: 'same' } } }
      },
      async *watch() {},
    }
    await expect(new KubeClient(transport, { fieldManager: 'x' }).list(secrets)).rejects.toMatchObject(
      strange,
    )
    expect(count).toBe(2)
  })

  test('whose snapshot is gone in the middle is read anew as a whole, once, and nothing of the first stays', async () => {
    const asked: unknown[] = []
    let fails = 1
    const transport: KubeTransport = {
      request: async ({ query }) => {
        asked.push([query?.['limit'], query?.['continue'], query?.['resourceVersion']])
        if (query?.['continue'] !== undefined && fails-- > 0)
          return { status: 410, headers: {}, body: { kind: 'Status', code: 410, reason: 'Expired' } }
        const isWhole = query?.['limit'] === undefined
        const name = isWhole ? 'whole' : 'paged'
        return {
          status: 200,
          headers: {},
          body: {
            items: [{ metadata: { ...metadata, name } }],
            metadata: { resourceVersion: '9', ...(isWhole ? {} : { continue: 'next' }) },
          },
        }
      },
      async *watch() {},
    }
    const client = new KubeClient(transport, { fieldManager: 'x' })
    const { items } = await client.list(secrets, { atLeast: '5' })
    expect(items.map((one) => one.metadata.name)).toEqual(['whole'])
    expect(asked).toEqual([
      [500, undefined, '5'],
      [500, 'next', undefined],
      [undefined, undefined, undefined],
    ])
  })
})

test.each([
  ['a text', 'boom'],
  ['nothing', undefined],
  ['null', null],
  ['an object without a prototype', Object.create(null)],
  [
    'what throws when it is looked at',
    new Proxy(
      {},
      {
        get: () => {
          throw new Error('no')
        },
      },
    ),
  ],
])('a transport that throws %s leaves a write unknown', async (_what, thrown) => {
  const transport: KubeTransport = {
    request: () => Promise.reject(thrown),
    // biome-ignore lint/correctness/useYield: it never comes to that
    async *watch() {
      throw thrown
    },
  }
  const client = new KubeClient(transport, { fieldManager: 'x' })
  const failed = { code: 'ERR_KUBERNETES_UNAVAILABLE' }
  await expect(client.create(secrets, { metadata })).rejects.toMatchObject({ ...failed, outcome: 'unknown' })
  const watching = client.watch(
    secrets,
    { resourceVersion: '1', timeoutSeconds: 1 },
    { signal: AbortSignal.timeout(5000) },
  )
  await expect(watching.next()).rejects.toMatchObject(failed)
})

test('change() does not write again what may have been written', async () => {
  let writes = 0
  const transport: KubeTransport = {
    request: async ({ method }) => {
      if (method === 'GET') return { status: 200, headers: {}, body: { metadata } }
      writes++
      return { status: 504, headers: {}, body: { kind: 'Status', code: 504 } }
    },
    async *watch() {},
  }
  const client = new KubeClient(transport, { fieldManager: 'x' })
  const change = client.change(secrets, ref, (found) => ({ ...found, data: {} }))
  await expect(change).rejects.toMatchObject({ outcome: 'unknown' })
  expect(writes).toBe(1)
})

test('remove() names what was read: its UID and its version', async () => {
  const bodies: unknown[] = []
  const transport: KubeTransport = {
    request: async ({ body }) => {
      bodies.push(Object(body).preconditions)
      return { status: 200, headers: {}, body: { kind: 'Status', status: 'Success' } }
    },
    async *watch() {},
  }
  const client = new KubeClient(transport, { fieldManager: 'x' })
  await client.remove(secrets, { metadata })
  await client.remove(secrets, { metadata: { ...ref, uid: 'u' } })
  expect(bodies).toEqual([{ uid: 'u', resourceVersion: '1' }, { uid: 'u' }])
})
