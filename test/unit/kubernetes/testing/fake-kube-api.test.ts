import { describe, expect, test } from 'vitest'
import { createRootCa } from '../../../../src/ca/index.ts'
import { createCsr } from '../../../../src/csr/index.ts'
import { type KubeClient, KubeResources } from '../../../../src/kubernetes/index.ts'
import { fakeKubeApi } from '../../../../src/kubernetes/testing/index.ts'
import { manualClock } from '../../../../src/testing/index.ts'
import { clientOf, failure, KIND, map, NS } from './support.ts'

const encoded = (text: string) => Buffer.from(text).toString('base64')

test('is the same in every run', async () => {
  const run = async () => {
    const api = fakeKubeApi()
    const client = clientOf(api.transport())
    await client.create(KIND, map('a', { x: '1' }))
    await client.apply(KIND, map('a', { y: '1' }))
    return api.objects(KIND)
  }
  expect(await run()).toEqual(await run())
})

test('takes the time from its clock', async () => {
  const clock = manualClock(new Date('2026-05-01T12:00:00.700Z'))
  const api = fakeKubeApi({ clock })
  await clientOf(api.transport()).create(KIND, map('a'))
  expect(api.read(KIND, { name: 'a', namespace: NS })?.metadata).toMatchObject({
    creationTimestamp: '2026-05-01T12:00:00Z',
  })
  const { headers } = await api
    .transport()
    .request({ method: 'GET', path: '/api/v1', signal: AbortSignal.timeout(5000) })
  expect(headers['date']).toBe('Fri, 01 May 2026 12:00:00 GMT')
})

test('gives out copies: nobody changes what it holds', async () => {
  const api = fakeKubeApi()
  const client = clientOf(api.transport())
  const data = { x: '1' }
  const made = await client.create(KIND, map('a', data))
  data.x = '2'
  Object.assign(Object(made['data']), { x: '3' })
  Object.assign(Object(api.objects(KIND)[0]?.['data']), { x: '4' })
  expect((await client.get(KIND, { name: 'a', namespace: NS }))['data']).toEqual({ x: '1' })
})

test('members with the names of JavaScript are like all others', async () => {
  const api = fakeKubeApi()
  const client = clientOf(api.transport())
  const data: unknown = JSON.parse('{"__proto__":"1","constructor":"2"}')
  const made = await client.create(KIND, { ...map('a'), data })
  expect(Object.keys(Object(made['data']))).toEqual(['__proto__', 'constructor'])
  const merged = await client.merge(KIND, { ...made, data: JSON.parse('{"__proto__":null,"x":"1"}') })
  expect(Object.keys(Object(merged['data'])).sort()).toEqual(['constructor', 'x'])
  const query = { labelSelector: 'constructor' }
  const path = `/api/v1/namespaces/${NS}/configmaps`
  const answer = await api
    .transport()
    .request({ method: 'GET', path, query, signal: AbortSignal.timeout(5000) })
  expect(Object(answer.body).items).toEqual([])
})

describe('seed()', () => {
  test('puts objects in with their status, and over what is there', async () => {
    const api = fakeKubeApi()
    const object = {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'd', namespace: NS },
      status: { replicas: 1 },
    }
    api.seed(object)
    const before = api.read(KubeResources.deployments, { name: 'd', namespace: NS })
    expect(before).toMatchObject({ metadata: { generation: 1 }, status: { replicas: 1 } })
    api.seed({ ...object, status: { replicas: 2 } })
    const after = api.read(KubeResources.deployments, { name: 'd', namespace: NS })
    expect(after?.metadata.uid).toBe(before?.metadata.uid)
    expect(Number(after?.metadata.resourceVersion)).toBeGreaterThan(Number(before?.metadata.resourceVersion))
    expect(after?.['status']).toEqual({ replicas: 2 })
  })

  test.each([
    ['of an unknown kind', { apiVersion: 'v1', kind: 'Foo', metadata: { name: 'a' } }],
    ['without a name', { apiVersion: 'v1', kind: 'Secret', metadata: {} }],
  ])('refuses one %s', (_what, object) => {
    expect(() => fakeKubeApi().seed(object)).toThrow(TypeError)
  })
})

describe('users', () => {
  test('can be changed while it runs', async () => {
    const api = fakeKubeApi()
    const client = clientOf(api.transport({ user: 'agent' }))
    const get = () => failure(client.find(KIND, { name: 'a', namespace: NS }))
    expect(await get()).toBe('ERR_KUBERNETES_UNAUTHORIZED refused')
    api.setUser('agent', { rules: [] })
    expect(await get()).toBe('ERR_KUBERNETES_FORBIDDEN refused')
    api.setUser('agent', { rules: [{ apiGroups: [''], resources: ['configmaps'], verbs: ['get'] }] })
    expect(await get()).toBe('none')
    api.setUser('agent', undefined)
    expect(await get()).toBe('ERR_KUBERNETES_UNAUTHORIZED refused')
  })

  test('what they asked for is on record', async () => {
    const api = fakeKubeApi({ users: { agent: { rules: [] } } })
    await clientOf(api.transport()).create(KIND, map('a'))
    await failure(clientOf(api.transport({ user: 'agent' })).get(KIND, { name: 'a', namespace: NS }))
    expect(api.requests).toEqual([
      {
        user: 'admin',
        verb: 'create',
        path: `/api/v1/namespaces/${NS}/configmaps`,
        resource: 'configmaps',
        namespace: NS,
        name: undefined,
        status: 201,
        changed: true,
      },
      {
        user: 'agent',
        verb: 'get',
        path: `/api/v1/namespaces/${NS}/configmaps/a`,
        resource: 'configmaps',
        namespace: NS,
        name: 'a',
        status: 403,
        changed: false,
      },
    ])
  })
})

describe('namespaces', () => {
  test('need not exist, unless that is asked for', async () => {
    await clientOf(fakeKubeApi().transport()).create(KIND, map('a'))
    const strict = fakeKubeApi({ namespaces: 'explicit' })
    expect(await failure(clientOf(strict.transport()).create(KIND, map('a')))).toContain('NOT_FOUND')
    expect(strict.objects(KubeResources.namespaces).map(({ metadata }) => metadata.name)).toEqual([
      'default',
      'kube-node-lease',
      'kube-public',
      'kube-system',
    ])
  })

  test('end with all that is in them', async () => {
    const api = fakeKubeApi({ namespaces: 'explicit' })
    const client = clientOf(api.transport())
    const space = await client.create(KubeResources.namespaces, { metadata: { name: NS } })
    await client.create(KIND, map('a'))
    await client.remove(KubeResources.namespaces, space)
    const refused = await client.create(KIND, map('b')).catch((error: unknown) => error)
    expect(refused).toMatchObject({
      code: 'ERR_KUBERNETES_FORBIDDEN',
      causes: [{ reason: 'NamespaceTerminating' }],
    })
    api.finishNamespace(NS)
    expect([api.objects(KIND), api.read(KubeResources.namespaces, { name: NS })]).toEqual([[], undefined])
  })
})

describe('kinds', () => {
  test('beside those of Kubernetes are added by name', async () => {
    const plain = clientOf(fakeKubeApi().transport())
    expect(await plain.serves(KubeResources.certManagerRequests)).toBe(false)
    const api = fakeKubeApi({ resources: [{ ...KubeResources.certManagerRequests, status: 'apart' }] })
    const client = clientOf(api.transport())
    expect(await client.serves(KubeResources.certManagerRequests)).toBe(true)
    const made = await client.create(KubeResources.certManagerRequests, {
      metadata: { name: 'r', namespace: NS },
      spec: { request: 'x' },
      status: { certificate: 'forged' },
    })
    expect(made).not.toHaveProperty('status')
    const told = await client.replace(
      KubeResources.certManagerRequests,
      { ...made, status: { ok: true } },
      { part: 'status' },
    )
    expect(told['status']).toEqual({ ok: true })
  })

  test('go with their definition', async () => {
    const api = fakeKubeApi()
    const client = clientOf(api.transport())
    const resource = {
      group: 'example.com',
      version: 'v1',
      kind: 'Thing',
      plural: 'things',
      namespaced: true,
    }
    const definition = await client.create(KubeResources.customResourceDefinitions, {
      metadata: { name: 'things.example.com' },
      spec: {
        group: 'example.com',
        scope: 'Namespaced',
        names: { plural: 'things', kind: 'Thing' },
        versions: [
          { name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } },
        ],
      },
    })
    await client.create(resource, { metadata: { name: 't', namespace: NS } })
    await client.remove(KubeResources.customResourceDefinitions, definition)
    expect(await failure(client.list(resource))).toContain('NOT_SERVED')
    expect(api.objects(resource)).toEqual([])
  })
})

describe('versions', () => {
  const make = async (client: KubeClient) => {
    const { csr } = await createCsr({ subject: 'CN=x', key: 'P-256' })
    return client.create(KubeResources.certificateSigningRequests, {
      metadata: { name: 'r' },
      spec: {
        request: encoded(csr.toPem()),
        signerName: 'example.com/a',
        usages: ['client auth'],
        expirationSeconds: 3600,
      },
    })
  }

  test('1.36 keeps expirationSeconds, 1.20 drops it', async () => {
    const newer = await make(clientOf(fakeKubeApi().transport()))
    expect(newer['spec']).toMatchObject({ expirationSeconds: 3600 })
    const older = await make(clientOf(fakeKubeApi({ version: '1.20' }).transport()))
    expect(older['spec']).not.toHaveProperty('expirationSeconds')
  })

  test('1.20 has no ClusterTrustBundles', async () => {
    const kind = KubeResources.clusterTrustBundles
    expect(await clientOf(fakeKubeApi().transport()).serves(kind)).toBe(true)
    expect(await clientOf(fakeKubeApi({ version: '1.20' }).transport()).serves(kind)).toBe(false)
  })

  test('1.36 tells apart who owns the status', async () => {
    const api = fakeKubeApi({ resources: [KubeResources.certManagerRequests] })
    const client = clientOf(api.transport())
    const made = await client.create(KubeResources.certManagerRequests, {
      metadata: { name: 'r', namespace: NS },
    })
    const { name, namespace } = made.metadata
    const told = { metadata: { name, namespace }, status: { ok: true } }
    const applied = await client.apply(KubeResources.certManagerRequests, told, { part: 'status' })
    expect(Reflect.get(applied.metadata, 'managedFields')).toMatchObject([
      { operation: 'Apply', subresource: 'status' },
    ])
  })
})

// What kubernetes.md says of them; no server of this version is at hand.
describe('ClusterTrustBundles', () => {
  const kind = KubeResources.clusterTrustBundles
  const root = async () => (await createRootCa({ subject: 'CN=Root', lifetime: '1d' })).certificate.toPem()
  const bundle = (name: string, trustBundle: string, signerName?: string) => ({
    metadata: { name },
    spec: { trustBundle, ...(signerName === undefined ? {} : { signerName }) },
  })

  test('have the name of their signer', async () => {
    const client = clientOf(fakeKubeApi().transport())
    const pem = await root()
    await client.create(kind, bundle('mesh', pem))
    await client.create(kind, bundle('example.com:mesh:a', pem, 'example.com/mesh'))
    for (const [name, signer] of [
      ['example.com:mesh:b', undefined],
      ['b', 'example.com/mesh'],
      ['example.com:other:b', 'example.com/mesh'],
    ] as const)
      expect(await failure(client.create(kind, bundle(name, pem, signer)))).toContain('INVALID')
  })

  test('hold CA certificates, each once', async () => {
    const client = clientOf(fakeKubeApi().transport())
    const pem = await root()
    const bad = ['', 'text', `${pem}${pem}`, pem.replaceAll('CERTIFICATE', 'X509 CRL')]
    for (const text of bad) expect(await failure(client.create(kind, bundle('b', text)))).toContain('INVALID')
    await client.create(kind, bundle('b', `${pem}${await root()}`))
  })

  test('the signer never changes, and its use needs the verb attest', async () => {
    const rules = [{ apiGroups: ['certificates.k8s.io'], resources: ['clustertrustbundles'], verbs: ['*'] }]
    const api = fakeKubeApi({ users: { publisher: { rules } } })
    const publisher = clientOf(api.transport({ user: 'publisher' }))
    const own = bundle('example.com:mesh:a', await root(), 'example.com/mesh')
    expect(await failure(publisher.create(kind, own))).toContain('FORBIDDEN')
    const attest = { apiGroups: ['certificates.k8s.io'], resources: ['signers'], verbs: ['attest'] }
    api.setUser('publisher', { rules: [...rules, { ...attest, resourceNames: ['example.com/*'] }] })
    const made = await publisher.create(kind, own)
    const moved = { ...made, spec: { ...Object(made['spec']), signerName: 'example.com/other' } }
    expect(await failure(clientOf(api.transport()).replace(kind, moved))).toContain('INVALID')
  })
})

test('pages go on though objects come and go', async () => {
  const client = clientOf(fakeKubeApi().transport())
  for (let i = 0; i < 1200; i++) await client.create(KIND, map(`a${i}`))
  expect((await client.list(KIND)).items).toHaveLength(1200)
})

test.each([
  ['option', () => fakeKubeApi({ clok: undefined } as object)],
  ['version', () => fakeKubeApi({ version: '1.19' as '1.20' })],
  ['namespaces', () => fakeKubeApi({ namespaces: 'none' as 'implicit' })],
  ['history', () => fakeKubeApi({ history: 0 })],
  ['clock', () => fakeKubeApi({ clock: {} as ReturnType<typeof manualClock> })],
])('refuses a %s that is none', (word, make) => {
  expect(make).toThrow(word)
})
