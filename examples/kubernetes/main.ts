/**
 * A federation on real API servers: one management cluster and two workload clusters, each etcd and kube-apiserver. A RootTrustPolicy
 * becomes `cacerts` in both; their workloads shake hands all the time, while the root is rolled over. Beside it two meshes that each
 * have a root of their own come under one.
 *
 *     KUBEBUILDER_ASSETS=… npm run demo:kubernetes
 *
 * @module
 */

import { setMaxListeners } from 'node:events'
import {
  type AgentControllerOptions,
  AuthorityLoader,
  agentController,
  entitlementOf,
  type FederatedMesh,
  type FederationOptions,
  federationController,
  federationStep,
  type Inventory,
  IssuanceLedger,
  issuerController,
  type KubeClient,
  KubeResources,
  type PolicyStepOptions,
  policyController,
  policyEntitlement,
  type policyStep,
  readRootTrustPolicy,
  rootCaStep,
  secretJournal,
} from 'mesh-pki/kubernetes'
import { planRollover, Rollover, type RolloverPlan } from 'mesh-pki/rotation'
import { Report } from '../federation/report.js'
import { FIGURES } from '../rotation/figures.js'
import { type ApiServer, startApiServer } from './api-server.js'
import { allow, install } from './install.js'
import { Mesh } from './mesh.js'
import { Prober } from './prober.js'

const CLUSTERS = ['east', 'west'] as const
const report = new Report()
const stop = new AbortController()
// Controllers and meshes, each with a listener or two.
setMaxListeners(64, stop.signal)
const running: Promise<void>[] = []
/** Ends before the meshes do. */
const probing = new AbortController()
const probes: Promise<void>[] = []
const servers: ApiServer[] = []

/** As documented, with keys that are quick to make. */
const POLICY = {
  apiVersion: 'admin.gloo.solo.io/v2',
  kind: 'RootTrustPolicy',
  metadata: { name: 'root-trust-policy', namespace: 'mesh-pki' },
  spec: {
    applyToMeshes: [{ istio: { namespace: 'istio-system' } }],
    config: {
      mgmtServerCa: { generated: { ttlDays: 365, rsaKeySizeBytes: 2048 } },
      intermediateCertOptions: { ttlDays: 1, rsaKeySizeBytes: 2048, secretRotationGracePeriodRatio: 0.1 },
    },
  },
}

async function start(name: string): Promise<{ readonly server: ApiServer; readonly admin: KubeClient }> {
  const server = await startApiServer(name)
  servers.push(server)
  const admin = await server.clientOf('admin', ['system:masters'])
  await install(admin, ['mesh-pki', 'istio-system', 'adopted', 'istio-adopted'])
  return { server, admin }
}

async function until(what: string, holds: () => boolean | Promise<boolean>, seconds = 90): Promise<void> {
  const end = Date.now() + seconds * 1000
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`not within ${seconds} seconds: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

/** Runs the agent of a mesh, which asks the workloads themselves whether they have followed. */
function runAgent(
  client: KubeClient,
  mesh: Mesh,
  options: Pick<AgentControllerOptions, 'agentNamespace' | 'target'>,
): void {
  const agent = agentController(client, {
    ...options,
    switchDelay: FIGURES.switchDelay,
    isDistributed: async ({ bundle }) => bundle !== undefined && mesh.isDistributed(bundle.roots),
    isTakenUp: async ({ bundle }) => bundle !== undefined && mesh.isTakenUp(bundle.certificate),
  })
  running.push(agent.run(stop.signal), mesh.run(stop.signal))
}

const trustDomain = (cluster: string): string => `${cluster}.example`
const soon = (): Date => new Date(Math.ceil((Date.now() + 3000) / 1000) * 1000)

async function main(): Promise<void> {
  report.title('1. Three API servers, whose certificates are ours')
  const management = await start('management')
  const clusters = new Map(
    await Promise.all(CLUSTERS.map(async (name) => [name, await start(name)] as const)),
  )
  for (const { server } of [management, ...clusters.values()]) report.line(`  ${server.name} is ready`)
  const secrets = [
    'root-2026.mesh-pki',
    'root-east.mesh-pki',
    'root-west.mesh-pki',
    'root-mesh.mesh-pki',
    'adoption',
  ]
  await allow(management.admin, 'manager', 'issuer-management', secrets)
  for (const { admin } of clusters.values()) {
    await allow(admin, 'manager', 'issuer-remote')
    await allow(admin, 'agent', 'agent')
  }
  // Rules take effect a moment after the server has taken them.
  await new Promise((resolve) => setTimeout(resolve, 1500))
  const manager = await management.server.clientOf('manager')
  const ledger = new IssuanceLedger(manager, 'mesh-pki')
  const loader = new AuthorityLoader(manager)

  report.title('2. A RootTrustPolicy becomes cacerts in both clusters')
  const inventory: Inventory = {
    clusters: CLUSTERS.map((name) => ({
      name,
      agentNamespace: 'mesh-pki',
      meshes: [
        {
          name: `istiod-istio-system-${name}`,
          namespace: 'istio-system',
          trustDomain: trustDomain(name),
          serviceAccount: 'istiod-service-account',
        },
      ],
    })),
  }
  const remote = new Map<string, KubeClient>()
  for (const [name, { server }] of clusters) remote.set(name, await server.clientOf('manager'))
  let policy: PolicyStepOptions = {
    policy: readRootTrustPolicy(POLICY),
    inventory,
    management: manager,
    clusters: Object.fromEntries(remote),
    loader,
    workloadLifetime: FIGURES.leafLifetime,
  }
  let status: Awaited<ReturnType<typeof policyStep>> | undefined
  const controller = policyController({
    current: () => policy,
    watch: [...remote.values()].map((client) => ({ client, namespace: 'mesh-pki' })),
    clock: manager.clock,
    onReport: (told) => {
      status = told
    },
  })
  running.push(controller.run(stop.signal))
  const meshes: Mesh[] = []
  for (const [name, { server, admin }] of clusters) {
    const client = remote.get(name) ?? admin
    const entitlement = (order: { name: string; namespace: string }) => policyEntitlement(policy, name, order)
    const issuer = issuerController(client, {
      cluster: name,
      namespace: 'mesh-pki',
      ledger,
      entitlementOf: entitlement,
    })
    running.push(issuer.run(stop.signal))
    const target = { namespace: 'istio-system', name: 'cacerts' }
    const mesh = new Mesh(name, CLUSTERS.map(trustDomain), admin, target)
    meshes.push(mesh)
    runAgent(await server.clientOf('agent'), mesh, { agentNamespace: 'mesh-pki', target })
  }
  await until('every workload has a certificate', () =>
    meshes.every(({ workloads }) => workloads.length === 2),
  )
  for (const { name, workloads } of meshes) {
    report.line(`  ${name}`)
    report.chain([...(workloads[0]?.chain ?? []), ...(workloads[0]?.roots ?? [])])
  }
  const prober = new Prober(meshes)
  await prober.round()
  report.expect(
    prober.refusals.length === 0,
    `${prober.total} handshakes, ${prober.across} of them across clusters: nobody refused anybody`,
  )
  const found = await management.admin.list(KubeResources.secrets, { namespace: 'mesh-pki' })
  report.expect(
    found.items.filter(({ type }) => type === 'certificates.mesh.gloo.solo.io/generated_signing_cert')
      .length === 1,
    'the management cluster has one private key, that of its root',
  )

  report.title('3. The root is rolled over, and two meshes with a root each come under one')
  const rolling = rollOver()
  const adopting = adopt()
  probes.push(prober.run(probing.signal))
  const [plan, adoption] = [await rolling, await adopting]
  probing.abort()
  await Promise.all(probes)
  await prober.round()
  report.expect(
    prober.refusals.length === 0,
    `${prober.total} handshakes while the root was rolled over, ${prober.across} across clusters: none was refused`,
    prober.refusals
      .slice(0, 3)
      .map(({ from, to, reason }) => `${from} → ${to}: ${reason}`)
      .join('; '),
  )
  for (const { name, phases } of meshes) {
    report.line(`  root-cert.pem of ${name}:`)
    for (const phase of phases) report.line(`      ${phase}`)
  }
  const expected = ['gloo-mesh', 'gloo-mesh + root-2026', 'gloo-mesh + root-2026 + root-2026', 'root-2026']
  report.expect(
    meshes.every(
      ({ phases }) => distinct(phases.map((phase) => phase.split(',')[0] ?? '')).join() === expected.join(),
    ),
    'each cluster went A, A+B, A+B+B, B, as Istio’s own procedure does',
  )
  report.line(`  planned for ${plan.steps.at(-1)?.at}, over by ${new Date().toISOString().slice(0, 19)}Z`)
  tellAdoption(adoption)
  stop.abort()
  await Promise.all(running)

  async function rollOver(): Promise<RolloverPlan> {
    const incoming = { namespace: 'mesh-pki', name: 'root-2026.mesh-pki' }
    await rootCaStep(manager, incoming, {
      organization: 'root-2026',
      lifetime: '1h',
      keyAlgorithm: 'P-256',
      owner: 'demo',
    })
    const root = { namespace: 'mesh-pki', name: 'root-trust-policy.mesh-pki' }
    const plan = planRollover({
      ...FIGURES,
      start: soon(),
      outgoing: { id: root.name, certificate: (await loader.load(root)).certificate },
      incoming: { id: 'root-2026', lifetime: '1h' },
      clusters: [...CLUSTERS],
    })
    const journal = secretJournal(manager, { namespace: 'mesh-pki', name: 'rollover' })
    const rollover = await Rollover.open({ plan, journal })
    policy = { ...policy, rollover, authorities: { 'root-2026': { secret: incoming } } }
    controller.enqueue('policy')
    await until('the rollover is over', () => status?.rollover?.over === true, 180)
    return plan
  }

  async function adopt(): Promise<{
    readonly before: number
    readonly prober: Prober
    readonly met: number
  }> {
    const rootOf = (cluster: string): string => `root-${cluster}`
    const secretOf = (id: string) => ({ namespace: 'mesh-pki', name: `${id}.mesh-pki` })
    const ids = [...CLUSTERS.map(rootOf), 'root-mesh']
    for (const id of ids)
      await rootCaStep(manager, secretOf(id), {
        organization: id,
        lifetime: '1h',
        keyAlgorithm: 'P-256',
        owner: 'demo',
      })
    const target = { namespace: 'istio-adopted', name: 'cacerts' }
    const federated = [...clusters].map(
      ([name, { admin }]): FederatedMesh => ({
        cluster: name,
        // For the demo, so that the second mesh needs no roles of its own.
        client: admin,
        order: { namespace: 'adopted', name: `istiod-istio-adopted-${name}` },
        spec: {
          hosts: [`spiffe://${trustDomain(name)}/ns/istio-adopted/sa/istiod`],
          organization: 'Istio',
          lifetime: '1d',
          keyAlgorithm: 'P-256',
          gracePeriodRatio: 0.1,
          target,
          podBounceDirective: undefined,
          pathLength: 0,
          workloadLifetime: FIGURES.leafLifetime,
          rotation: undefined,
        },
      }),
    )
    const authorities = Object.fromEntries(ids.map((id) => [id, { secret: secretOf(id) }]))
    // Before: each cluster has what its own people gave it.
    const alone = federated.map(
      (mesh): FederationOptions => ({
        owner: 'adoption',
        meshes: [mesh],
        authorities,
        signer: rootOf(mesh.cluster),
        loader,
      }),
    )
    let together: FederationOptions | undefined
    const islands: Mesh[] = []
    for (const [i, { cluster, client }] of federated.entries()) {
      const mesh = new Mesh(cluster, CLUSTERS.map(trustDomain), client, target)
      islands.push(mesh)
      const issuer = issuerController(client, {
        cluster,
        namespace: 'adopted',
        ledger,
        entitlementOf: async (order) => {
          const options = together ?? alone[i]
          return options === undefined ? undefined : entitlementOf(options, cluster, order)
        },
      })
      running.push(issuer.run(stop.signal))
      runAgent(client, mesh, { agentNamespace: 'adopted', target })
    }
    for (const options of alone) await federationStep(options)
    await until('both islands have certificates', () =>
      islands.every(({ workloads }) => workloads.length === 2),
    )
    const prober = new Prober(islands)
    await prober.round()
    const before = prober.refusals.length
    const plan = planRollover({
      ...FIGURES,
      kind: 'adoption',
      start: soon(),
      outgoing: await Promise.all(
        CLUSTERS.map(async (name) => ({
          id: rootOf(name),
          certificate: (await loader.load(secretOf(rootOf(name)))).certificate,
        })),
      ),
      incoming: { id: 'root-mesh', lifetime: '1h' },
      clusters: CLUSTERS.map((name) => ({ name, from: rootOf(name) })),
    })
    const journal = secretJournal(manager, { namespace: 'mesh-pki', name: 'adoption' })
    together = {
      owner: 'adoption',
      meshes: federated,
      authorities,
      signer: 'root-mesh',
      loader,
      rollover: await Rollover.open({ plan, journal }),
    }
    let over = false
    let met = Number.POSITIVE_INFINITY
    running.push(
      federationController({
        ...together,
        clock: manager.clock,
        onReport: ({ rollover }) => {
          over = rollover?.over === true
          if (rollover?.stages['root-mesh'] === 'DISTRIBUTED') met = Math.min(met, Date.now())
        },
      }).run(stop.signal),
    )
    probes.push(prober.run(probing.signal))
    await until('the adoption is over', () => over, 180)
    await prober.round()
    return { before, prober, met }
  }
}

function tellAdoption({
  before,
  prober,
  met,
}: {
  readonly before: number
  readonly prober: Prober
  readonly met: number
}): void {
  report.line()
  report.expect(before === 8, `the two islands: all ${before} handshakes between them were refused before`)
  const within = prober.refusals.filter(({ across }) => !across)
  const late = prober.refusals.filter(({ across, at }) => across && at > met)
  report.expect(
    within.length === 0,
    `within a cluster no handshake was ever refused, of ${prober.total - prober.across}`,
  )
  report.expect(
    late.length === 0,
    'since both roots had been distributed, none was refused between them either',
    late
      .slice(0, 3)
      .map(({ from, to, reason }) => `${from} → ${to}: ${reason}`)
      .join('; '),
  )
}

const distinct = (values: readonly string[]): readonly string[] =>
  values.filter((value, i) => value !== values[i - 1])

try {
  await main()
  report.line()
  if (report.failures.length > 0) {
    report.line(`✘ ${report.failures.length} of the claims above do not hold`)
    process.exitCode = 1
  } else report.line('✔ every claim above holds')
} finally {
  stop.abort()
  for (const server of servers) server.stop()
}
