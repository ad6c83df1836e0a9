import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { KubeClient, KubeResources } from '../../../../src/kubernetes/index.ts'
import { type FakeKubeApi, fakeKubeApi } from '../../../../src/kubernetes/testing/index.ts'
import { fieldOwners } from '../../../../src/kubernetes/trust/field-owners.ts'
import {
  type RootConfigMapStepOptions,
  rootConfigMapStep,
} from '../../../../src/kubernetes/trust/root-config-map-step.ts'
import type { TrustDriftEvent } from '../../../../src/kubernetes/trust/trust-drift.ts'
import {
  createTestHierarchy,
  type ManualClock,
  manualClock,
  type TestHierarchy,
} from '../../../../src/testing/index.ts'
import * as fixtures from '../fixtures.ts'
import { rulesOf } from '../signers/rbac-support.ts'
import { wire } from '../signers/support.ts'

const { configMaps: MAPS, namespaces: NAMESPACES } = KubeResources
const NOW = new Date('2026-03-01T12:00:00Z')
const REF = { namespace: 'shop', name: 'istio-ca-root-cert' }

let hierarchy: TestHierarchy
let clock: ManualClock
let api: FakeKubeApi
let events: TrustDriftEvent[]

beforeAll(async () => {
  hierarchy = await createTestHierarchy({ time: NOW })
})

beforeEach(() => {
  clock = manualClock(NOW)
  events = []
  api = fakeKubeApi({
    clock,
    namespaces: 'explicit',
    users: {
      observer: {
        rules: rulesOf('root-config-maps.yaml').filter(
          ({ verbs }) => !verbs.includes('create') && !verbs.includes('update'),
        ),
      },
      writer: { rules: rulesOf('root-config-maps.yaml') },
    },
  })
  api.seed(
    wire({
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: 'shop' },
      spec: { finalizers: ['kubernetes'] },
      status: { phase: 'Active' },
    }),
  )
})

const clientOf = (fieldManager: string, user = 'admin') =>
  new KubeClient(api.transport({ user }), { fieldManager, clock })
const step = (
  options: Partial<RootConfigMapStepOptions> = {},
  namespace = 'shop',
  client = clientOf('mesh-pki-roots', 'writer'),
) =>
  rootConfigMapStep(client, namespace, {
    roots: fixtures.ROOT_A,
    onEvent: (event) => events.push(event),
    ...options,
  })
const own = (options: Partial<RootConfigMapStepOptions> = {}) => step({ mode: 'own', ...options })
const stored = () => api.read(MAPS, REF)
const text = () => Object(stored()?.['data'])['root-cert.pem']
/** What istiod does. */
const byIstiod = async (pem: string) => {
  const client = clientOf('pilot-discovery')
  const found = await client.find(MAPS, REF)
  const metadata = { ...REF, labels: { 'istio.io/config': 'true' } }
  if (found === undefined) await client.create(MAPS, { metadata, data: { 'root-cert.pem': pem } })
  else await client.replace(MAPS, { ...found, data: { ...Object(found['data']), 'root-cert.pem': pem } })
}
const fingerprint = () => hierarchy.root.certificate.fingerprint()

describe('observing', () => {
  it('needs no right to write, and writes nothing', async () => {
    const client = clientOf('mesh-pki-roots', 'observer')
    expect(await step({}, 'shop', client)).toMatchObject({
      changed: false,
      drift: { state: 'missing', writer: undefined },
    })
    await byIstiod(fixtures.ROOT_B)
    const before = stored()
    expect(await step({}, 'shop', client)).toMatchObject({
      changed: false,
      drift: {
        state: 'foreign',
        writer: 'pilot-discovery',
        missingRoots: [expect.any(String)],
        extraRoots: [expect.any(String)],
      },
    })
    expect(stored()).toEqual(before)
    expect(events.map(({ drift, outcome }) => `${drift.state} ${outcome}`)).toEqual([
      'missing reported',
      'foreign reported',
    ])
  })

  it('says which roots are missing and which are too many', async () => {
    await byIstiod(fixtures.ROOT_A + fixtures.ROOT_B)
    const { drift } = await step({ roots: [fixtures.ROOT_A, hierarchy.root.certificate] })
    expect(drift?.missingRoots).toEqual([fingerprint()])
    // openssl x509 -fingerprint -sha256 of ROOT_B
    expect(drift?.extraRoots).toEqual([expect.stringMatching(/^[0-9a-f]{64}$/)])
    expect(drift?.extraRoots).not.toContain(fingerprint())
  })

  it('is content with the same certificates, whatever the text around them', async () => {
    await byIstiod(`# roots\n${fixtures.ROOT_B}\n\n${fixtures.ROOT_A}${fixtures.ROOT_A}`)
    expect(await step({ roots: fixtures.ROOT_A + fixtures.ROOT_B })).toMatchObject({
      changed: false,
      drift: undefined,
    })
    expect(events).toEqual([])
  })

  it.each([
    ['junk', 'hello'],
    ['a private key', fixtures.ROOT_A_KEY],
    ['nothing', ''],
  ])('reports %s in it', async (_what, content) => {
    await byIstiod(content)
    const { drift } = await step()
    expect(drift).toMatchObject({ state: 'foreign', unreadable: expect.any(String) })
    expect(JSON.stringify(drift)).not.toContain('MIGHAgEAMBMGBy')
  })
})

describe('owning', () => {
  it('makes the object as istiod does', async () => {
    expect(await own()).toMatchObject({ changed: true, drift: undefined })
    expect(stored()).toMatchObject({
      metadata: { labels: { 'istio.io/config': 'true' } },
      data: { 'root-cert.pem': fixtures.ROOT_A },
    })
    expect(await own()).toMatchObject({ changed: false })
  })

  it('changes its key and nothing else', async () => {
    await own()
    const client = clientOf('somebody')
    await client.change(MAPS, REF, (found) => ({
      ...found,
      metadata: { ...found.metadata, labels: { ...found.metadata.labels, team: 'a' } },
      data: { ...Object(found['data']), 'ca-crl.pem': 'theirs' },
    }))
    expect(await own({ roots: [fixtures.ROOT_A, fixtures.ROOT_B] })).toMatchObject({ changed: true })
    expect(stored()).toMatchObject({
      metadata: { labels: { 'istio.io/config': 'true', team: 'a' } },
      data: { 'root-cert.pem': fixtures.ROOT_A + fixtures.ROOT_B, 'ca-crl.pem': 'theirs' },
    })
  })

  it('puts its key into an object that lacks it', async () => {
    await clientOf('somebody').create(MAPS, { metadata: REF, data: { other: 'x' } })
    expect(await own()).toMatchObject({ changed: true })
    expect(Object(stored()?.['data'])).toEqual({ other: 'x', 'root-cert.pem': fixtures.ROOT_A })
  })

  it('does not fight who wrote something else, and takes over once it has been silent for an hour', async () => {
    await byIstiod(fixtures.ROOT_B)
    expect(await own()).toMatchObject({
      changed: false,
      requeueAfterMs: 3_600_000,
      drift: { state: 'foreign', writer: 'pilot-discovery' },
    })
    expect(text()).toBe(fixtures.ROOT_B)
    expect(events).toEqual([expect.objectContaining({ outcome: 'backed-off' })])
    clock.advance('59m')
    expect(await own()).toMatchObject({ changed: false, requeueAfterMs: 60_000 })
    clock.advance('1m')
    expect(await own()).toMatchObject({ changed: true, drift: undefined })
    expect(text()).toBe(fixtures.ROOT_A)
    // Where it is still there, it writes back, and has its hour again: two writes an hour, not two a second.
    await byIstiod(fixtures.ROOT_B)
    expect(await own()).toMatchObject({ changed: false, requeueAfterMs: 3_600_000 })
  })

  it('mends its own content at once', async () => {
    await own({ roots: fixtures.ROOT_B })
    expect(fieldOwners(wire(stored()), ['data', 'root-cert.pem'])).toEqual([
      { manager: 'mesh-pki-roots', operation: 'Update', time: NOW.getTime() },
    ])
    expect(await own()).toMatchObject({ changed: true })
    expect(text()).toBe(fixtures.ROOT_A)
  })

  it('takes over what nobody is known to have written', async () => {
    api.seed(
      wire({
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: REF,
        data: { 'root-cert.pem': fixtures.ROOT_B },
      }),
    )
    expect(await own()).toMatchObject({ changed: true })
  })

  it('reports what cannot be changed', async () => {
    api.seed(
      wire({
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: REF,
        immutable: true,
        data: { 'root-cert.pem': fixtures.ROOT_B },
      }),
    )
    expect(await own()).toMatchObject({ changed: false, drift: { state: 'immutable' } })
    expect(api.requests.some(({ verb }) => verb === 'update')).toBe(false)
  })

  it.each(['kube-public', 'kube-node-lease', 'local-path-storage'])(
    'leaves %s out without a request',
    async (namespace) => {
      expect(await step({ mode: 'own' }, namespace)).toMatchObject({ changed: false, drift: undefined })
      expect(api.requests).toEqual([])
    },
  )

  it('does not leave kube-system out: ztunnel runs there', async () => {
    expect(await step({ mode: 'own' }, 'kube-system')).toMatchObject({ changed: true })
  })

  it('passes over namespaces that end or are gone', async () => {
    expect(await step({ mode: 'own' }, 'gone')).toMatchObject({ changed: false, drift: undefined })
    const admin = clientOf('admin')
    const cachedNamespace = await admin.get(NAMESPACES, { name: 'shop' })
    await admin.remove(NAMESPACES, cachedNamespace)
    expect(await own()).toMatchObject({ changed: false, drift: undefined })
    expect(api.requests.some(({ verb }) => verb === 'create')).toBe(false)
    // A cache that does not know it yet: the server refuses, and that is no failure.
    expect(await own({ cachedNamespace })).toMatchObject({
      changed: false,
      drift: undefined,
      message: 'the namespace ends',
    })
    api.finishNamespace('shop')
    expect(await own({ cachedNamespace })).toMatchObject({
      changed: false,
      drift: undefined,
      message: 'the namespace is gone',
    })
  })

  it('swallows that somebody was faster, and looks at what is there', async () => {
    api.faults.fail({ status: 409, reason: 'AlreadyExists' }, { verb: 'create' })
    expect(await own()).toMatchObject({ changed: true })
    expect(text()).toBe(fixtures.ROOT_A)
  })

  it.each([
    ['done', 'failAfter' as const],
    ['not done', 'fail' as const],
  ])('reads after a write whose answer was lost, and that was %s', async (_what, fault) => {
    await own({ roots: fixtures.ROOT_B })
    api.faults[fault]('broken-connection', { verb: 'update' })
    expect(await own()).toMatchObject({ changed: true, drift: undefined })
    expect(text()).toBe(fixtures.ROOT_A)
  })

  it('decides anew after a conflict, and throws the fifth', async () => {
    await own({ roots: fixtures.ROOT_B })
    api.faults.fail({ status: 409, reason: 'Conflict' }, { verb: 'update', times: 5 })
    await expect(own()).rejects.toMatchObject({ code: 'ERR_KUBERNETES_CONFLICT' })
    expect(await own()).toMatchObject({ changed: true })
  })

  it('throws what RBAC forbids', async () => {
    await expect(step({ mode: 'own' }, 'shop', clientOf('x', 'observer'))).rejects.toMatchObject({
      code: 'ERR_KUBERNETES_FORBIDDEN',
    })
  })

  it.each(['delivered', 'lost'] as const)(
    'survives a crash at any point, the last answer %s',
    async (answer) => {
      for (let n = 0; n <= 2; n++) {
        await clientOf('admin')
          .remove(MAPS, wire({ ...stored(), metadata: { ...REF, uid: stored()?.metadata.uid ?? 'none' } }))
          .catch(() => {})
        const transport = api.transport({ user: 'writer' })
        transport.crashAfterWrite(n, { answer })
        const client = new KubeClient(transport, { fieldManager: 'mesh-pki-roots', clock })
        await step({ mode: 'own', roots: fixtures.ROOT_B }, 'shop', client)
          .then(() => step({ mode: 'own' }, 'shop', client))
          .catch(() => {})
        await own()
        expect(text()).toBe(fixtures.ROOT_A)
      }
    },
  )
})

describe('options', () => {
  it.each([
    ['no roots', { roots: [] }, RangeError],
    ['a leaf for a root', { roots: fixtures.WORKLOAD }, /not a CA's/],
    ['an unknown mode', { mode: 'write' as never }, TypeError],
    ['an unknown name', { root: fixtures.ROOT_A } as never, TypeError],
    ['a duration without a unit', { rivalIdle: '60' }, TypeError],
  ])('refuse %s', async (_what, options, expected) => {
    await expect(step(options)).rejects.toThrow(expected)
    expect(api.requests).toEqual([])
  })
})
