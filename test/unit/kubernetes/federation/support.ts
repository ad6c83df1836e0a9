import { readdirSync, readFileSync } from 'node:fs'
import { parseAllDocuments } from 'yaml'
import { KubeClient } from '../../../../src/kubernetes/api/kube-client.ts'
import { KubeResources } from '../../../../src/kubernetes/api/kube-resource.ts'
import type { KubeTransport } from '../../../../src/kubernetes/api/kube-transport.ts'
import { agentStep } from '../../../../src/kubernetes/federation/agent-step.ts'
import type { AgentStepOptions } from '../../../../src/kubernetes/federation/agent-step-options.ts'
import { AuthorityLoader } from '../../../../src/kubernetes/federation/authority-loader.ts'
import { type FederationApi, MESH_PKI_API } from '../../../../src/kubernetes/federation/federation-api.ts'
import type {
  FederatedMesh,
  FederationOptions,
} from '../../../../src/kubernetes/federation/federation-options.ts'
import { entitlementOf, federationStep } from '../../../../src/kubernetes/federation/federation-step.ts'
import { IssuanceLedger } from '../../../../src/kubernetes/federation/issuance-ledger.ts'
import { issuerStep } from '../../../../src/kubernetes/federation/issuer-step.ts'
import { rootCaStep } from '../../../../src/kubernetes/federation/root-ca-step.ts'
import type { KubeObject } from '../../../../src/kubernetes/objects/kube-object.ts'
import { type FakeKubeApi, fakeKubeApi } from '../../../../src/kubernetes/testing/index.ts'
import { type ManualClock, manualClock } from '../../../../src/testing/index.ts'

const crds = new URL('../../../../examples/kubernetes/crds/', import.meta.url)

/** The definitions that users install. */
function definitions(): readonly KubeObject[] {
  return readdirSync(crds)
    .filter((file) => file.endsWith('.yaml'))
    .flatMap((file) => parseAllDocuments(readFileSync(new URL(file, crds), 'utf8')).map((one) => one.toJS()))
}

/** An API server with the definitions of the flow. */
export function newCluster(clock: ManualClock): FakeKubeApi {
  const api = fakeKubeApi({ clock })
  for (const definition of definitions()) api.seed(definition)
  return api
}

const AGENT = { agentNamespace: 'mesh-pki', switchDelay: '10m' } as const
export const CACERTS = { namespace: 'istio-system', name: 'cacerts' }
export const START = new Date('2026-03-01T00:00:00Z')

/** A management cluster and workload clusters, one step at a time. */
export class World {
  readonly clock = manualClock(START)
  readonly management: FakeKubeApi = newCluster(this.clock)
  readonly clusters = new Map<string, FakeKubeApi>()
  agentOptions: Partial<AgentStepOptions> = {}
  manager: KubeClient
  ledger: IssuanceLedger
  federation: FederationOptions

  constructor(
    names: readonly string[],
    more: Partial<FederatedMesh['spec']> = {},
    api: FederationApi = MESH_PKI_API,
  ) {
    this.manager = this.client(this.management, 'manager')
    this.ledger = new IssuanceLedger(this.manager, 'mesh-pki')
    for (const name of names) this.clusters.set(name, newCluster(this.clock))
    this.federation = {
      api,
      owner: 'policy.mesh-pki',
      signer: 'root-1',
      loader: new AuthorityLoader(this.manager),
      authorities: { 'root-1': { secret: this.rootRef('root-1') } },
      meshes: names.map((cluster) => ({
        cluster,
        client: this.client(this.apiOf(cluster), 'manager'),
        order: { namespace: 'mesh-pki', name: `istiod-istio-system-${cluster}` },
        spec: {
          hosts: [`spiffe://${cluster}.example/ns/istio-system/sa/istiod`],
          organization: 'Istio',
          lifetime: '365d',
          keyAlgorithm: 'P-256',
          gracePeriodRatio: 0.1,
          target: CACERTS,
          podBounceDirective: undefined,
          pathLength: 0,
          workloadLifetime: '24h',
          rotation: undefined,
          ...more,
        },
      })),
    }
  }

  /** Lets another process be the management side. */
  useManager(transport: KubeTransport): void {
    this.manager = new KubeClient(transport, { fieldManager: 'manager', clock: this.clock })
    this.ledger = new IssuanceLedger(this.manager, 'mesh-pki')
    this.federation = { ...this.federation, loader: new AuthorityLoader(this.manager) }
  }

  rootRef(id: string) {
    return { namespace: 'mesh-pki', name: `${id}.mesh-pki` }
  }

  apiOf(cluster: string): FakeKubeApi {
    const api = this.clusters.get(cluster)
    if (api === undefined) throw new Error(`no cluster ${cluster}`)
    return api
  }

  client(api: FakeKubeApi, fieldManager: string): KubeClient {
    return new KubeClient(api.transport(), { fieldManager, clock: this.clock })
  }

  async root(id: string, lifetime = '3650d'): Promise<void> {
    await rootCaStep(this.manager, this.rootRef(id), {
      subject: `O=${id}`,
      organization: id,
      lifetime,
      keyAlgorithm: 'P-256',
      owner: 'policy.mesh-pki',
    })
  }

  meshOf(cluster: string): FederatedMesh {
    const mesh = this.federation.meshes.find((one) => one.cluster === cluster)
    if (mesh === undefined) throw new Error(`no mesh in ${cluster}`)
    return mesh
  }

  agent(
    cluster: string,
    more: Partial<AgentStepOptions> = {},
    client = this.client(this.apiOf(cluster), 'agent'),
  ) {
    const { api } = this.federation
    return agentStep(client, this.meshOf(cluster).order, { ...AGENT, api, ...this.agentOptions, ...more })
  }

  issuer(cluster: string, client = this.client(this.apiOf(cluster), 'issuer')) {
    const { order } = this.meshOf(cluster)
    return issuerStep(client, order, {
      api: this.federation.api,
      cluster,
      ledger: this.ledger,
      entitlementOf: (wanted) => entitlementOf(this.federation, cluster, wanted),
    })
  }

  step() {
    return federationStep(this.federation)
  }

  /** Everybody goes on until nobody has anything to do. */
  async settle(clusters = [...this.clusters.keys()]): Promise<void> {
    for (let round = 0; round < 30; round++) {
      const { clusters: told } = await this.step()
      let changed = told.some((one) => one.changed)
      for (const cluster of clusters) {
        changed = (await this.agent(cluster)).changed || changed
        changed = (await this.issuer(cluster)).changed || changed
      }
      if (!changed) return
    }
    throw new Error('it does not settle')
  }

  cacerts(cluster: string): KubeObject | undefined {
    return this.apiOf(cluster).read(KubeResources.secrets, CACERTS)
  }

  order(cluster: string): KubeObject | undefined {
    const { api = MESH_PKI_API } = this.federation
    return this.apiOf(cluster).read(api.issuedCertificates, this.meshOf(cluster).order)
  }

  issuedTotal(): number {
    return this.management
      .objects(KubeResources.configMaps)
      .filter(({ metadata }) => metadata.name?.startsWith('mesh-pki-issued-') === true).length
  }
}
