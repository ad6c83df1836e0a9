/** The rules of `examples/kubernetes/rbac` are enough for the federation, and none of them is for nothing. */
import { describe, expect, test } from 'vitest'
import { KubeClient } from '../../../../src/kubernetes/api/kube-client.ts'
import { KubeResources } from '../../../../src/kubernetes/api/kube-resource.ts'
import { agentController } from '../../../../src/kubernetes/federation/agent-controller.ts'
import { AuthorityLoader } from '../../../../src/kubernetes/federation/authority-loader.ts'
import { MESH_PKI_API } from '../../../../src/kubernetes/federation/federation-api.ts'
import { entitlementOf } from '../../../../src/kubernetes/federation/federation-step.ts'
import { readInstalledCa } from '../../../../src/kubernetes/federation/installed-ca.ts'
import { issuerController } from '../../../../src/kubernetes/federation/issuer-controller.ts'
import { policyStep } from '../../../../src/kubernetes/federation/policy-step.ts'
import { rootsDistributed } from '../../../../src/kubernetes/federation/roots-distributed.ts'
import { secretJournal } from '../../../../src/kubernetes/federation/secret-journal.ts'
import type { KubeObject } from '../../../../src/kubernetes/objects/kube-object.ts'
import { InventoryWatch } from '../../../../src/kubernetes/policy/inventory-watch.ts'
import { policyOwner } from '../../../../src/kubernetes/policy/policy-owner.ts'
import { readRootTrustPolicy } from '../../../../src/kubernetes/policy/read-root-trust-policy.ts'
import { EventRecorder } from '../../../../src/kubernetes/runner/event-recorder.ts'
import { LeaseElector } from '../../../../src/kubernetes/runner/lease-elector.ts'
import { type FakeKubeApi, fakeKubeApi } from '../../../../src/kubernetes/testing/index.ts'
import { manualClock } from '../../../../src/testing/index.ts'
import { rootTrustPolicy } from '../policy/support.ts'
import { type Rule, rulesOf, unusedOf } from '../signers/rbac-support.ts'
import { CACERTS, START, World } from './support.ts'

const FORBIDDEN = { code: 'ERR_KUBERNETES_FORBIDDEN' }
const AGENT = rulesOf('agent.yaml', 'mesh-pki-agent')
const EVIDENCE = rulesOf('agent-evidence.yaml', 'mesh-pki-agent')
const REMOTE = rulesOf('issuer-remote.yaml', 'mesh-pki-issuer')
const MANAGEMENT = rulesOf('issuer-management.yaml', 'mesh-pki-issuer')
const INVENTORY = rulesOf('inventory.yaml', 'mesh-pki-issuer')

/** What the users of a server did, and were denied. */
const logOf = (api: FakeKubeApi, user: string) => api.requests.filter((entry) => entry.user === user)
const deniedIn = (api: FakeKubeApi, user: string) =>
  logOf(api, user).flatMap(({ status, verb, resource }) => (status === 403 ? [`${verb} ${resource}`] : []))

/** Rules without those of a resource, or without a verb of it. */
const without = (rules: readonly Rule[], resource: string, verb?: string): readonly Rule[] =>
  rules.flatMap((rule) => {
    if (!rule.resources.includes(resource)) return [rule]
    const verbs = verb === undefined ? [] : rule.verbs.filter((one) => one !== verb)
    return verbs.length === 0 ? [] : [{ ...rule, verbs }]
  })

const ROOT = 'root-trust-policy'

/** A cluster whose agent and issuer may do what is documented. The root is where a policy of that name has it. */
class RestrictedWorld extends World {
  readonly stop = new AbortController()

  constructor(rules: { readonly agent?: readonly Rule[]; readonly remote?: readonly Rule[] } = {}) {
    super(['east'])
    const { agent = AGENT, remote = REMOTE } = rules
    this.apiOf('east').setUser('agent', { rules: agent })
    this.apiOf('east').setUser('issuer', { rules: remote })
    this.management.setUser('issuer', { rules: MANAGEMENT })
    this.useManager(this.management.transport({ user: 'issuer' }))
    this.federation = {
      ...this.federation,
      owner: policyOwner(policy),
      authorities: { [ROOT]: { secret: this.rootRef(ROOT) } },
      signer: ROOT,
      meshes: this.federation.meshes.map((mesh) => ({ ...mesh, client: this.as('issuer') })),
    }
  }

  as(user: 'agent' | 'issuer'): KubeClient {
    const transport = this.apiOf('east').transport({ user })
    return new KubeClient(transport, { fieldManager: user, clock: this.clock })
  }

  /** Both sides, as they run. */
  start(): readonly Promise<void>[] {
    const { signal } = this.stop
    const [agent, remote] = [this.as('agent'), this.as('issuer')]
    const recorder = (client: KubeClient) =>
      new EventRecorder(client, { controller: 'mesh-pki.dev/test', instance: 'test' })
    const elector = (client: KubeClient, name: string) =>
      new LeaseElector(client, { namespace: 'mesh-pki', name, identity: 'test' })
    const working = agentController(agent, { agentNamespace: 'mesh-pki', recorder: recorder(agent) })
    const issuing = issuerController(remote, {
      cluster: 'east',
      namespace: 'mesh-pki',
      ledger: this.ledger,
      recorder: recorder(remote),
      entitlementOf: (order) => entitlementOf(this.federation, 'east', order),
    })
    return [
      elector(agent, 'mesh-pki-agent').run((leading) => working.run(leading), signal),
      elector(this.manager, 'mesh-pki-issuer').run((leading) => issuing.run(leading), signal),
    ]
  }

  orderLifetime(lifetime: string): void {
    const meshes = this.federation.meshes.map((mesh) => ({ ...mesh, spec: { ...mesh.spec, lifetime } }))
    this.federation = { ...this.federation, meshes }
  }

  statusOf(): Record<string, unknown> {
    return Object(this.order('east')?.['status'])
  }
}

const policy = readRootTrustPolicy(
  rootTrustPolicy(
    { config: { mgmtServerCa: { generated: {} }, intermediateCertOptions: {} } },
    { namespace: 'mesh-pki' },
  ),
)

describe('agent and issuer', () => {
  test('federate, renew and take back with their rules, and use all of them', async () => {
    const world = new RestrictedWorld()
    await world.root(ROOT)
    await world.step()
    const running = world.start()
    try {
      await world.clock.run('1m')
      expect(world.statusOf()).toMatchObject({ state: 'FINISHED' })
      const first = world.cacerts('east')
      world.orderLifetime('30d')
      await world.step()
      await world.clock.run('1m')
      expect(world.statusOf()).toMatchObject({ state: 'FINISHED' })
      expect(world.cacerts('east')?.['data']).not.toEqual(first?.['data'])
    } finally {
      world.stop.abort()
      await Promise.all(running)
    }
    // The journal of a rollover; what has ended leaves the ledger; an order that no policy selects any longer is taken back.
    const journal = secretJournal(world.manager, { namespace: 'mesh-pki', name: 'rollover' })
    expect(await journal.replace(undefined, 'one')).toBe(true)
    expect(await journal.replace((await journal.read())?.version, 'two')).toBe(true)
    world.clock.set(new Date(START.getTime() + 400 * 86_400_000))
    expect(await world.ledger.prune()).toBe(2)
    const { changed } = await policyStep({
      policy,
      inventory: { clusters: [{ name: 'east', agentNamespace: 'mesh-pki', meshes: [] }] },
      management: world.manager,
      clusters: { east: world.as('issuer') },
      loader: new AuthorityLoader(world.manager),
      mayWithdraw: () => true,
    })
    expect([changed, world.order('east')]).toEqual([true, undefined])

    const [east, management] = [world.apiOf('east'), world.management]
    expect([deniedIn(east, 'agent'), deniedIn(east, 'issuer'), deniedIn(management, 'issuer')]).toEqual([
      [],
      [],
      [],
    ])
    expect(unusedOf(AGENT, logOf(east, 'agent'))).toEqual([])
    expect(unusedOf(REMOTE, logOf(east, 'issuer'))).toEqual([])
    // Also both names by which Gloo Mesh 2 calls the root of a policy.
    expect(unusedOf(MANAGEMENT, logOf(management, 'issuer'))).toEqual([])
  })

  test('an agent that may not write cacerts says so in its order, and writes none', async () => {
    const world = new RestrictedWorld({
      agent: AGENT.filter(
        ({ namespace, verbs }) => namespace !== 'istio-system' || !verbs.includes('create'),
      ),
    })
    await world.root(ROOT)
    for (let i = 0; i < 6; i++) {
      await world.step()
      await world.agent('east', {}, world.as('agent'))
      await world.issuer('east', world.as('issuer'))
    }
    expect(world.cacerts('east')).toBeUndefined()
    expect(world.statusOf()).toMatchObject({ state: 'FAILED', conditions: [{ reason: 'Forbidden' }] })
    expect(deniedIn(world.apiOf('east'), 'agent')).toContain('create secrets')
  })

  test('an agent reads no other Secret of istio-system, and lists none', async () => {
    const world = new RestrictedWorld()
    const agent = world.as('agent')
    const other = { namespace: 'istio-system', name: 'istio-ca-secret' }
    await expect(agent.get(KubeResources.secrets, other)).rejects.toMatchObject(FORBIDDEN)
    for (const namespace of ['istio-system', 'mesh-pki'])
      await expect(agent.list(KubeResources.secrets, { namespace })).rejects.toMatchObject(FORBIDDEN)
    expect(await agent.find(KubeResources.secrets, CACERTS)).toBeUndefined()
  })

  test('the management side reads no Secret of a cluster, and answers nothing without the rule for it', async () => {
    const world = new RestrictedWorld({ remote: without(REMOTE, 'certificaterequests/status') })
    await world.root(ROOT)
    await world.step()
    for (let i = 0; i < 2; i++) await world.agent('east', {}, world.as('agent'))
    await expect(world.issuer('east', world.as('issuer'))).rejects.toMatchObject(FORBIDDEN)
    const { order } = world.meshOf('east')
    expect(world.apiOf('east').read(MESH_PKI_API.certificateRequests, order)?.['status']).toBeUndefined()
    for (const ref of [CACERTS, order])
      await expect(world.as('issuer').get(KubeResources.secrets, ref)).rejects.toMatchObject(FORBIDDEN)
  })

  test('the management side overwrites no root, and reads no other Secret beside it', async () => {
    const world = new RestrictedWorld()
    await world.root(ROOT)
    const root = await world.manager.get(KubeResources.secrets, world.rootRef(ROOT))
    await expect(world.manager.replace(KubeResources.secrets, root)).rejects.toMatchObject(FORBIDDEN)
    await expect(
      world.manager.find(KubeResources.secrets, { namespace: 'mesh-pki', name: 'other' }),
    ).rejects.toMatchObject(FORBIDDEN)
  })
})

describe('the evidence of an agent', () => {
  async function evidence(rules: readonly Rule[]) {
    const world = new RestrictedWorld({ agent: rules })
    await world.root(ROOT)
    for (let i = 0; i < 8; i++) {
      await world.step()
      await world.agent('east', {}, world.as('agent'))
      await world.issuer('east', world.as('issuer'))
    }
    const installed = await readInstalledCa(world.cacerts('east'), 'mesh-pki')
    if (installed === undefined) throw new Error('there is no CA')
    return { world, look: () => rootsDistributed(world.as('agent'))(installed) }
  }

  test('is had with its rules, all of them', async () => {
    const { world, look } = await evidence([...AGENT, ...EVIDENCE])
    const east = world.apiOf('east')
    east.seed({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } })
    expect(await look()).toBe(false)
    const root = Buffer.from(String(Object(world.cacerts('east')?.['data'])['root-cert.pem']), 'base64')
    for (const { metadata } of east.objects(KubeResources.namespaces))
      east.seed({
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { namespace: metadata.name ?? '', name: 'istio-ca-root-cert' },
        data: { 'root-cert.pem': root.toString() },
      })
    expect(await look()).toBe(true)
    expect(deniedIn(east, 'agent')).toEqual([])
    expect(unusedOf(EVIDENCE, logOf(east, 'agent'))).toEqual([])
  })

  test.each(['namespaces', 'configmaps'])('is not had without those for %s', async (resource) => {
    const rules = EVIDENCE.map((rule) => ({
      ...rule,
      resources: rule.resources.filter((one) => one !== resource),
    }))
    const { look } = await evidence([...AGENT, ...rules])
    await expect(look()).rejects.toMatchObject(FORBIDDEN)
  })
})

describe('the inventory', () => {
  const istiod: KubeObject = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { namespace: 'istio-system', name: 'istiod', labels: { app: 'istiod' } },
    spec: {
      selector: { matchLabels: { app: 'istiod' } },
      template: {
        metadata: { labels: { app: 'istiod' } },
        spec: { serviceAccountName: 'istiod', containers: [] },
      },
    },
  }

  async function watch(rules: readonly Rule[]) {
    const clock = manualClock(START)
    const api = fakeKubeApi({ clock, users: { issuer: { rules } } })
    api.seed(istiod)
    api.seed({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { namespace: 'istio-system', name: 'istio' },
      data: { mesh: 'trustDomain: east.example\n' },
    })
    const client = new KubeClient(api.transport({ user: 'issuer' }), { fieldManager: 'issuer', clock })
    const inventory = new InventoryWatch({ clusters: [{ name: 'east', client }] })
    const stop = new AbortController()
    const running = inventory.run(stop.signal)
    await clock.run('10s')
    const { synced, inventory: found } = inventory.current()
    stop.abort()
    await running
    return { api, client, synced, meshes: found.clusters.flatMap(({ meshes }) => meshes) }
  }

  test('is watched with its rules, all of them', async () => {
    const { api, client, meshes } = await watch(INVENTORY)
    expect(meshes).toMatchObject([{ trustDomain: 'east.example', serviceAccount: 'istiod' }])
    expect(deniedIn(api, 'issuer')).toEqual([])
    expect(unusedOf(INVENTORY, logOf(api, 'issuer'))).toEqual([])
    await expect(client.list(KubeResources.secrets)).rejects.toMatchObject(FORBIDDEN)
  })

  test.each(['deployments', 'configmaps'])(
    'knows nothing of a cluster without those for %s',
    async (resource) => {
      const { synced, meshes } = await watch(without(INVENTORY, resource))
      expect([synced, meshes]).toEqual([[], []])
    },
  )
})
