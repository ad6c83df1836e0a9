import { createHash } from 'node:crypto'
import { beforeEach, describe, expect, it } from 'vitest'
import { KubeClient, type KubeResource, KubeResources } from '../../../../src/kubernetes/index.ts'
import type { KubeObject } from '../../../../src/kubernetes/objects/kube-object.ts'
import { type FakeKubeApi, fakeKubeApi } from '../../../../src/kubernetes/testing/index.ts'
import { cacertsHash, isRootSynced } from '../../../../src/kubernetes/trust/cacerts-hash.ts'
import {
  type PlanRestartsInput,
  planRestarts,
  type RestartRef,
  restartRoleOf,
} from '../../../../src/kubernetes/trust/plan-restarts.ts'
import { type RestartStepOptions, restartStep } from '../../../../src/kubernetes/trust/restart-step.ts'
import { unfinishedRollout, unrestartable } from '../../../../src/kubernetes/trust/rollout.ts'
import * as fixtures from '../fixtures.ts'
import { rulesOf } from '../signers/rbac-support.ts'
import { intercepted, wire } from '../signers/support.ts'
import { secretOf } from '../support.ts'

const HASH = createHash('sha256').update('new').digest('hex')
const OLD = createHash('sha256').update('old').digest('hex')
const ANNOTATION = 'pki.mesh-pki.dev/cacerts-hash'

interface Parts {
  readonly labels?: Record<string, string>
  readonly hash?: string | undefined
  readonly spec?: object
  readonly status?: object
  readonly metadata?: object
}

function workload(
  kind: string,
  namespace: string,
  name: string,
  { labels = {}, hash, spec = {}, status = {}, metadata = {} }: Parts = {},
): KubeObject {
  return wire({
    apiVersion: 'apps/v1',
    kind,
    metadata: { namespace, name, uid: `${namespace}-${name}`, generation: 3, ...metadata },
    spec: {
      ...(kind === 'DaemonSet' ? {} : { replicas: 2 }),
      template: {
        metadata: { labels, ...(hash === undefined ? {} : { annotations: { [ANNOTATION]: hash } }) },
      },
      ...spec,
    },
    status:
      kind === 'DaemonSet'
        ? {
            observedGeneration: 3,
            desiredNumberScheduled: 2,
            updatedNumberScheduled: 2,
            numberAvailable: 2,
            ...status,
          }
        : {
            observedGeneration: 3,
            replicas: 2,
            updatedReplicas: 2,
            availableReplicas: 2,
            readyReplicas: 2,
            ...status,
          },
  })
}

const istiod = (parts: Parts = {}) =>
  workload('Deployment', 'istio-system', 'istiod', { labels: { app: 'istiod' }, ...parts })
const gateway = (parts: Parts = {}) =>
  workload('Deployment', 'istio-system', 'gateway', { labels: { istio: 'ingressgateway' }, ...parts })
const cart = (parts: Parts = {}) => workload('Deployment', 'shop', 'cart', parts)
const db = (parts: Parts = {}) => workload('StatefulSet', 'shop', 'db', parts)
const logger = (parts: Parts = {}) => workload('DaemonSet', 'ops', 'logger', parts)

const ALL = new Set(['istio-system', 'shop', 'ops'])
const plan = (input: Partial<PlanRestartsInput> = {}) =>
  planRestarts({ cacertsHash: HASH, rootSynced: ALL, ...input })
const states = (input: Partial<PlanRestartsInput>) =>
  plan(input).items.map(({ name, state }) => `${name} ${state}`)

describe('whether a rollout is done', () => {
  it.each([
    ['a Deployment', 'Deployment', cart()],
    ['a StatefulSet', 'StatefulSet', db()],
    [
      'a StatefulSet of an old server, which says only which are ready',
      'StatefulSet',
      db({ status: { availableReplicas: undefined } }),
    ],
    ['a DaemonSet', 'DaemonSet', logger()],
    [
      'one without pods',
      'Deployment',
      cart({ spec: { replicas: 0 }, status: { replicas: 0, updatedReplicas: 0, availableReplicas: 0 } }),
    ],
    [
      'one with the default of one pod',
      'Deployment',
      cart({
        spec: { replicas: undefined },
        status: { replicas: 1, updatedReplicas: 1, availableReplicas: 1 },
      }),
    ],
  ] as const)('%s is', (_what, kind, object) => {
    expect(unfinishedRollout(kind, object)).toBeUndefined()
  })

  it.each([
    [
      'a generation that its controller has not seen',
      'Deployment',
      cart({ status: { observedGeneration: 2 } }),
    ],
    ['an object without a generation', 'Deployment', cart({ metadata: { generation: undefined } })],
    ['a status that is empty', 'Deployment', wire({ ...cart(), status: {} })],
    ['pods that are not updated', 'Deployment', cart({ status: { updatedReplicas: 1 } })],
    ['old pods that are left', 'Deployment', cart({ status: { replicas: 3 } })],
    ['pods that are not available', 'Deployment', cart({ status: { availableReplicas: 1 } })],
    ['pods that are unavailable beside', 'Deployment', cart({ status: { unavailableReplicas: 1 } })],
    ['a StatefulSet that is not updated', 'StatefulSet', db({ status: { updatedReplicas: 1 } })],
    ['a DaemonSet that is not updated', 'DaemonSet', logger({ status: { updatedNumberScheduled: 1 } })],
    ['a DaemonSet that is unavailable', 'DaemonSet', logger({ status: { numberUnavailable: 1 } })],
    ['a DaemonSet that is not available', 'DaemonSet', logger({ status: { numberAvailable: 1 } })],
  ] as const)('not with %s', (_what, kind, object) => {
    expect(unfinishedRollout(kind, object)).toEqual(expect.any(String))
  })

  it.each([
    ['a paused Deployment', 'Deployment', cart({ spec: { paused: true } })],
    ['OnDelete of a StatefulSet', 'StatefulSet', db({ spec: { updateStrategy: { type: 'OnDelete' } } })],
    ['OnDelete of a DaemonSet', 'DaemonSet', logger({ spec: { updateStrategy: { type: 'OnDelete' } } })],
    [
      'a partition',
      'StatefulSet',
      db({ spec: { updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 1 } } } }),
    ],
  ] as const)('%s cannot be restarted', (_what, kind, object) => {
    expect(unrestartable(kind, object)).toEqual(expect.any(String))
  })

  it.each([
    ['a Deployment', 'Deployment', cart({ spec: { paused: false } })],
    [
      'a StatefulSet',
      'StatefulSet',
      db({ spec: { updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 0 } } } }),
    ],
  ] as const)('%s can', (_what, kind, object) => {
    expect(unrestartable(kind, object)).toBeUndefined()
  })
})

describe('what a workload is', () => {
  it.each([
    ['istiod', istiod(), 'istiod'],
    ['istiod by its older label', cart({ labels: { istio: 'pilot' } }), 'istiod'],
    ['an ingress gateway', gateway(), 'gateway'],
    ['an egress gateway', cart({ labels: { istio: 'egressgateway' } }), 'gateway'],
    [
      'a gateway of the Gateway API',
      cart({ labels: { 'gateway.networking.k8s.io/gateway-name': 'edge' } }),
      'gateway',
    ],
    [
      'an injected gateway',
      cart({ spec: { template: { metadata: { annotations: { 'inject.istio.io/templates': 'gateway' } } } } }),
      'gateway',
    ],
    ['anything else', cart({ labels: { app: 'istiod-client', istio: 'gateways' } }), 'workload'],
    ['what says nothing', wire({ metadata: { name: 'x' } }), 'workload'],
  ])('%s', (_what, object, role) => {
    expect(restartRoleOf(object)).toBe(role)
  })
})

describe('planRestarts, off', () => {
  const everything = {
    deployments: [cart(), gateway(), istiod()],
    statefulSets: [db()],
    daemonSets: [logger()],
  }

  it('restarts nothing, and names in their order those that still serve the old chain', () => {
    const { next, condition, enabled } = plan(everything)
    expect([next, enabled]).toEqual([undefined, false])
    expect(condition).toEqual({
      type: 'WorkloadsServeOldChain',
      status: 'True',
      reason: 'RestartsOff',
      message: expect.stringMatching(
        /: Deployment istio-system\/istiod, Deployment istio-system\/gateway, DaemonSet ops\/logger, Deployment shop\/cart, StatefulSet shop\/db$/,
      ),
    })
  })

  it('says so until evidence clears it', () => {
    const seen = new Map<string, 'new-chain' | 'old-chain'>([
      ['cart', 'new-chain'],
      ['istiod', 'new-chain'],
      ['db', 'old-chain'],
    ])
    const evidence = ({ name }: RestartRef) => seen.get(name)
    expect(plan({ ...everything, evidence }).condition.message).toMatch(
      /: Deployment istio-system\/gateway, DaemonSet ops\/logger, StatefulSet shop\/db$/,
    )
    expect(plan({ ...everything, evidence: () => 'new-chain' }).condition).toMatchObject({
      status: 'False',
      reason: 'AllServeNewChain',
    })
  })

  it('takes a restart for this CA for evidence, if it was not seen otherwise', () => {
    const deployments = [cart({ hash: HASH })]
    expect(plan({ deployments }).condition.status).toBe('False')
    expect(plan({ deployments, evidence: () => 'old-chain' }).condition.status).toBe('True')
    expect(plan({ deployments: [cart({ hash: OLD })] }).condition.status).toBe('True')
    expect(
      plan({ deployments: [cart({ hash: HASH, status: { updatedReplicas: 1 } })] }).condition.status,
    ).toBe('True')
  })

  it('names fifty, and counts the rest', () => {
    const deployments = Array.from({ length: 60 }, (_, i) => workload('Deployment', 'shop', `w${i}`))
    expect(plan({ deployments }).condition.message).toMatch(/ and 10 more$/)
  })
})

describe('planRestarts, on', () => {
  const on = (input: Partial<PlanRestartsInput> = {}) => ({ enabled: true, ...input })

  it('begins with istiod, and nothing beside', () => {
    const input = on({ deployments: [cart(), gateway(), istiod()], statefulSets: [db()] })
    expect(states(input)).toEqual(['istiod restart', 'gateway waiting', 'cart waiting', 'db waiting'])
    expect(plan(input).next).toMatchObject({
      kind: 'Deployment',
      namespace: 'istio-system',
      name: 'istiod',
      role: 'istiod',
    })
  })

  it('waits until istiod has rolled out', () => {
    const rolling = istiod({ hash: HASH, status: { availableReplicas: 1 } })
    expect(states(on({ deployments: [rolling, gateway(), cart()] }))).toEqual([
      'istiod rolling',
      'gateway waiting',
      'cart waiting',
    ])
    expect(states(on({ deployments: [istiod({ hash: HASH }), gateway(), cart()] }))).toEqual([
      'istiod done',
      'gateway restart',
      'cart waiting',
    ])
  })

  it('goes through gateways, then workloads, one at a time', () => {
    const done = istiod({ hash: HASH })
    const gateways = [gateway({ hash: HASH, status: { updatedReplicas: 1 } })]
    expect(states(on({ deployments: [done, ...gateways, cart()] }))).toEqual([
      'istiod done',
      'gateway rolling',
      'cart waiting',
    ])
    const after = [done, gateway({ hash: HASH })]
    expect(states(on({ deployments: [...after, cart()], statefulSets: [db()] }))).toEqual([
      'istiod done',
      'gateway done',
      'cart restart',
      'db waiting',
    ])
    expect(
      states(
        on({ deployments: [...after, cart({ hash: HASH, status: { replicas: 3 } })], statefulSets: [db()] }),
      ),
    ).toEqual(['istiod done', 'gateway done', 'cart rolling', 'db waiting'])
    expect(
      states(on({ deployments: [...after, cart({ hash: HASH })], statefulSets: [db({ hash: HASH })] })),
    ).toEqual(['istiod done', 'gateway done', 'cart done', 'db done'])
  })

  it('restarts nothing twice for one CA', () => {
    const deployments = [istiod({ hash: HASH }), cart({ hash: HASH })]
    expect(plan(on({ deployments })).next).toBeUndefined()
    // Nor where it did not help.
    expect(
      plan(on({ deployments, evidence: ({ name }) => (name === 'cart' ? 'old-chain' : undefined) })),
    ).toMatchObject({
      next: undefined,
      condition: { status: 'True', reason: 'RestartsUnderWay' },
    })
  })

  it('does not restart who was seen with the new chain', () => {
    const evidence = ({ name }: RestartRef) => (name === 'istiod' ? ('new-chain' as const) : undefined)
    expect(states(on({ deployments: [istiod(), cart()], evidence }))).toEqual(['istiod done', 'cart restart'])
  })

  it('holds each namespace back until it has the roots; istiod does not wait for them', () => {
    const rootSynced = new Set(['ops'])
    expect(states(on({ deployments: [istiod(), cart()], rootSynced }))).toEqual([
      'istiod restart',
      'cart waiting',
    ])
    const input = on({
      deployments: [istiod({ hash: HASH }), cart()],
      daemonSets: [logger()],
      rootSynced: (one: string) => rootSynced.has(one),
    })
    expect(states(input)).toEqual(['istiod done', 'logger restart', 'cart waiting'])
    expect(plan(input).items[2]?.why).toContain('root ConfigMap')
  })

  it('waits for gateways whose namespace has not the roots yet', () => {
    expect(
      states(on({ deployments: [istiod({ hash: HASH }), gateway(), cart()], rootSynced: new Set(['shop']) })),
    ).toEqual(['istiod done', 'gateway waiting', 'cart waiting'])
  })

  it('skips what it cannot restart, and says so', () => {
    const input = on({ deployments: [istiod({ hash: HASH }), gateway({ spec: { paused: true } }), cart()] })
    expect(states(input)).toEqual(['istiod done', 'gateway skipped', 'cart restart'])
    expect(plan(input).condition.message).toContain('Deployment istio-system/gateway')
  })

  it('restarts nobody where istiod cannot be: they would get the old chain once more', () => {
    const input = on({ deployments: [istiod({ spec: { paused: true } }), cart()] })
    expect(states(input)).toEqual(['istiod skipped', 'cart waiting'])
    expect(plan(input).items[1]?.why).toBe('istiod comes first: it is paused')
  })

  it('needs no istiod', () => {
    expect(states(on({ deployments: [cart()] }))).toEqual(['cart restart'])
  })

  it('leaves out what the caller leaves out', () => {
    const roleOf = (object: KubeObject) =>
      object.metadata.namespace === 'shop' ? ('workload' as const) : undefined
    expect(states(on({ deployments: [istiod(), cart()], roleOf }))).toEqual(['cart restart'])
  })

  it('reports pods that no rollout replaces', () => {
    const pod = (name: string, owner?: object) =>
      wire({
        metadata: { namespace: 'shop', name, ...(owner === undefined ? {} : { ownerReferences: [owner] }) },
      })
    const { pods } = plan({
      pods: [
        pod('cart-abc', { kind: 'ReplicaSet', controller: true }),
        pod('db-0', { kind: 'StatefulSet', controller: true }),
        pod('logger-x', { kind: 'DaemonSet', controller: true }),
        pod('bare'),
        pod('owned-by-nobody', { kind: 'ReplicaSet' }),
        pod('job-1', { kind: 'Job', controller: true }),
      ],
    })
    expect(pods.map(({ name, why }) => `${name}: ${why}`)).toEqual([
      'bare: no controller would replace it',
      'owned-by-nobody: no controller would replace it',
      'job-1: Job is not restarted from here',
    ])
  })

  it.each([
    ['a hash that is none', { cacertsHash: 'abc' }],
    ['no roots', { rootSynced: undefined as never }],
    ['a word for a flag', { enabled: 'yes' as never }],
    ['an unknown option', { deployment: [] } as never],
  ])('refuses %s', (_what, input) => {
    expect(() => plan(input)).toThrow(TypeError)
  })
})

describe('cacertsHash', () => {
  const secret = secretOf({
    'ca-cert.pem': fixtures.INTERMEDIATE_A,
    'ca-key.pem': fixtures.INTERMEDIATE_A_KEY,
    'cert-chain.pem': fixtures.INTERMEDIATE_A + fixtures.ROOT_A,
    'root-cert.pem': fixtures.ROOT_A,
  })

  it('is of the certificates, and not of the key or anything else', () => {
    const hash = cacertsHash(secret)
    expect(hash).toMatch(/^[0-9a-f]{64}$/)
    const { 'ca-key.pem': _, ...rest } = secret.data ?? {}
    expect(cacertsHash({ ...secret, data: rest, metadata: { name: 'other' } })).toBe(hash)
  })

  it.each(['ca-cert.pem', 'cert-chain.pem', 'root-cert.pem', 'tls.crt', 'ca.crt'])(
    'changes with %s',
    (key) => {
      const data = { ...secret.data, [key]: Buffer.from(fixtures.ROOT_B).toString('base64') }
      expect(cacertsHash({ ...secret, data })).not.toBe(cacertsHash(secret))
    },
  )

  it('tells an empty key from none', () => {
    expect(cacertsHash(secretOf({ 'tls.crt': '' }))).not.toBe(cacertsHash(secretOf({})))
  })
})

describe('isRootSynced', () => {
  it.each([
    ['the same text', fixtures.ROOT_A, fixtures.ROOT_A],
    ['another line end', `${fixtures.ROOT_A}\n`, fixtures.ROOT_A],
    ['another order', fixtures.ROOT_B + fixtures.ROOT_A, fixtures.ROOT_A + fixtures.ROOT_B],
    ['a root twice', fixtures.ROOT_A, fixtures.ROOT_A + fixtures.ROOT_A],
    ['the same junk', 'junk', 'junk'],
  ])('takes %s', (_what, a, b) => {
    expect(isRootSynced(a, b)).toBe(true)
  })

  it.each([
    ['another root', fixtures.ROOT_B, fixtures.ROOT_A],
    ['one more', fixtures.ROOT_A + fixtures.ROOT_B, fixtures.ROOT_A],
    ['one less', fixtures.ROOT_A, fixtures.ROOT_A + fixtures.ROOT_B],
    ['junk', 'junk', fixtures.ROOT_A],
    ['nothing', undefined, fixtures.ROOT_A],
  ])('refuses %s', (_what, a, b) => {
    expect(isRootSynced(a, b)).toBe(false)
  })
})

describe('restartStep', () => {
  const TARGETS: readonly RestartRef[] = [
    { kind: 'Deployment', namespace: 'shop', name: 'cart' },
    { kind: 'StatefulSet', namespace: 'shop', name: 'db' },
    { kind: 'Deployment', namespace: 'istio-system', name: 'istiod' },
    { kind: 'DaemonSet', namespace: 'ops', name: 'gone' },
  ]
  const RESOURCES: Readonly<Record<string, KubeResource>> = {
    Deployment: KubeResources.deployments,
    StatefulSet: KubeResources.statefulSets,
    DaemonSet: KubeResources.daemonSets,
  }
  let api: FakeKubeApi

  const fill = () => {
    api = fakeKubeApi({ users: { restarter: { rules: rulesOf('restarts.yaml') } } })
    api.seed(istiod(), cart({ spec: { strange: 'kept' } }), db())
    seedRoots('shop', fixtures.ROOT_A)
  }
  const seedRoots = (namespace: string, pem: string) =>
    api.seed(
      wire({
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { namespace, name: 'istio-ca-root-cert' },
        data: { 'root-cert.pem': pem },
      }),
    )
  beforeEach(fill)

  const clientOf = (transport = api.transport({ user: 'restarter' })) =>
    new KubeClient(transport, { fieldManager: 'mesh-pki-restarts' })
  const step = (options: Partial<RestartStepOptions> = {}, client = clientOf()) =>
    restartStep(client, TARGETS, { cacertsHash: HASH, rootCert: fixtures.ROOT_A, enabled: true, ...options })
  const read = ({ kind, namespace, name }: RestartRef) =>
    api.read(RESOURCES[kind] ?? KubeResources.pods, { namespace, name })
  const hashOf = (ref: RestartRef) =>
    Object(read(ref)?.['spec']).template?.metadata?.annotations?.[ANNOTATION]
  /** What the controllers of Kubernetes do. */
  const rollOut = () => {
    for (const ref of TARGETS) {
      const object = read(ref)
      if (object !== undefined)
        api.seed(
          wire({
            ...object,
            status: { ...Object(object['status']), observedGeneration: object.metadata.generation },
          }),
        )
    }
  }
  const hashes = () =>
    TARGETS.slice(0, 3)
      .filter((ref) => hashOf(ref) === HASH)
      .map(({ name }) => name)

  it('is off by default: it writes nothing, and says who serves the old chain', async () => {
    const { changed, plan, restarted } = await step({ enabled: undefined })
    expect([changed, restarted]).toEqual([false, undefined])
    expect(plan.condition).toMatchObject({
      status: 'True',
      message: expect.stringContaining('istiod, Deployment shop/cart'),
    })
    expect(api.writes).toBe(0)
  })

  it('restarts one after the other, with no more than its role, and is done', async () => {
    const order: (string | undefined)[] = []
    for (let i = 0; i < 5; i++) {
      const { restarted } = await step()
      order.push(restarted?.name)
      if (restarted !== undefined) {
        // Not rolled out yet: nothing else is touched.
        expect(await step()).toMatchObject({ changed: false, restarted: undefined, requeueAfterMs: 5000 })
        rollOut()
      }
    }
    expect(order).toEqual(['istiod', 'cart', 'db', undefined, undefined])
    expect((await step()).plan.condition.status).toBe('False')
    expect(api.writes).toBe(3)
    expect(
      Object(read(TARGETS[0] ?? { kind: 'Deployment', namespace: '', name: '' })?.['spec']),
    ).toMatchObject({ strange: 'kept', replicas: 2 })
  })

  it('holds back where the roots are not there yet', async () => {
    seedRoots('shop', fixtures.ROOT_B)
    await step()
    rollOut()
    expect(await step()).toMatchObject({ changed: false, restarted: undefined, requeueAfterMs: 30_000 })
    seedRoots('shop', fixtures.ROOT_A)
    expect(await step()).toMatchObject({ changed: true, restarted: { name: 'cart' } })
  })

  it('leaves to the next step what has changed meanwhile', async () => {
    let isFirst = true
    const transport = intercepted(api.transport(), ({ method }) => {
      if (method !== 'PATCH' || !isFirst) return
      isFirst = false
      api.seed(istiod({ spec: { paused: true } }))
    })
    const client = new KubeClient(transport, { fieldManager: 'x' })
    expect(await step({}, client)).toMatchObject({
      changed: false,
      restarted: undefined,
      requeueAfterMs: 1000,
    })
    expect((await step({}, client)).plan.items[0]).toMatchObject({ name: 'istiod', state: 'skipped' })
    expect(hashes()).toEqual([])
  })

  it('does not restart twice where the answer was lost', async () => {
    api.faults.failAfter('broken-connection', { verb: 'patch' })
    await expect(step()).rejects.toMatchObject({ code: 'ERR_KUBERNETES_UNAVAILABLE', outcome: 'unknown' })
    const generation = read({ kind: 'Deployment', namespace: 'istio-system', name: 'istiod' })?.metadata
      .generation
    expect(await step()).toMatchObject({ changed: false })
    expect(read({ kind: 'Deployment', namespace: 'istio-system', name: 'istiod' })?.metadata.generation).toBe(
      generation,
    )
  })

  it('restarts again for another CA', async () => {
    for (let i = 0; i < 3; i++) {
      await step({ cacertsHash: OLD })
      rollOut()
    }
    expect(hashes()).toEqual([])
    expect(await step()).toMatchObject({ changed: true, restarted: { name: 'istiod' } })
  })

  it.each(['delivered', 'lost'] as const)(
    'survives a crash at any point, the last answer %s',
    async (answer) => {
      for (let n = 0; n <= 3; n++) {
        fill()
        const transport = api.transport({ user: 'restarter' })
        transport.crashAfterWrite(n, { answer })
        const client = clientOf(transport)
        for (let i = 0; i < 4; i++) {
          await step({}, client).catch(() => {})
          rollOut()
        }
        const before = TARGETS.map((ref) => [hashOf(ref), read(ref)?.metadata.generation])
        for (let i = 0; i < 4; i++) {
          await step()
          rollOut()
        }
        expect(hashes()).toEqual(['cart', 'db', 'istiod'])
        // Whoever was restarted before the crash was not restarted again.
        for (const [i, [hash, generation]] of before.entries())
          if (hash === HASH)
            expect(
              read(TARGETS[i] ?? { kind: 'Deployment', namespace: '', name: '' })?.metadata.generation,
            ).toBe(generation)
      }
    },
  )

  it.each([
    ['no roots', { rootCert: ' ' }],
    ['a hash that is none', { cacertsHash: 'x' }],
    ['an unknown option', { targets: [] } as never],
  ])('refuses %s', async (_what, options) => {
    await expect(step(options)).rejects.toThrow(TypeError)
    expect(api.writes).toBe(0)
  })
})
