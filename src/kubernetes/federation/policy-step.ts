/**
 * One step for a policy: from a RootTrustPolicy or VirtualMesh to orders in the clusters that it selects.
 *
 * @module
 */

import { MeshPkiError } from '../../errors.ts'
import { failureLabel } from '../../internal/backoff.ts'
import { checkOneOf, checkOptionNames } from '../../internal/options.ts'
import { quote } from '../../internal/text.ts'
import type { Rollover } from '../../rotation/rollover/rollover.ts'
import { SpiffeId } from '../../spiffe/spiffe-id.ts'
import type { KubeClient } from '../api/kube-client.ts'
import { KubeResources } from '../api/kube-resource.ts'
import { type NamespacedName, recordAt, textAt } from '../objects/kube-object.ts'
import type {
  FederationPlan,
  ObservedOrder,
  PlannedIssuance,
  PlannedWithdrawal,
} from '../policy/federation-plan.ts'
import type { Inventory } from '../policy/inventory.ts'
import { planFederation } from '../policy/plan-federation.ts'
import { policyOwner } from '../policy/policy-owner.ts'
import { rootSecretNames } from '../policy/root-secret-names.ts'
import type { TrustPolicy } from '../policy/trust-policy.ts'
import type { AuthorityLoader } from './authority-loader.ts'
import { type FederationApi, MESH_PKI_API } from './federation-api.ts'
import {
  type ClusterReport,
  entitlementOf,
  type FederatedMesh,
  type FederationAuthority,
  type FederationOptions,
  type FederationReport,
  federationStep,
} from './federation-step.ts'
import type { Entitlement } from './issuer-decision.ts'
import { rootCaStep } from './root-ca-step.ts'

/** What a policy is carried out with. */
export interface PolicyStepOptions {
  readonly api?: FederationApi | undefined
  readonly policy: TrustPolicy
  /** Every policy of the management cluster: two that want one mesh are found out. Default: this one. */
  readonly policies?: readonly TrustPolicy[] | undefined
  readonly inventory: Inventory
  /** Leads to the management cluster. */
  readonly management: KubeClient
  /** Leads to each cluster of the inventory. One without a client is reported and left out. */
  readonly clusters: Readonly<Record<string, KubeClient>>
  readonly loader: AuthorityLoader
  /** The longest that workload certificates live in these meshes. Default `'24h'`, as istiod. */
  readonly workloadLifetime?: string | undefined
  /**
   * `'trust-domain'` (default in our kind): each CA may sign for the trust domain of its mesh and its aliases, and for no other
   * (RFC 5280 §4.2.1.10). `'none'` (default in Gloo's kind, as there): for all.
   */
  readonly nameConstraints?: 'trust-domain' | 'none' | undefined
  /** A rollover that decides who signs; its authorities by id. Without one, the CA of the policy does. */
  readonly rollover?: Rollover | undefined
  readonly authorities?: Readonly<Record<string, FederationAuthority>> | undefined
  readonly evidenceMaxAge?: string | undefined
  /**
   * Whether an order of a mesh that is no longer selected may be taken back now. Its plan says what comes before: a mesh
   * that is cut off at once has an outage. Default: never.
   */
  readonly mayWithdraw?: ((withdrawal: PlannedWithdrawal) => boolean | Promise<boolean>) | undefined
  readonly beforeWrite?: (() => void) | undefined
}

const OPTIONS = [
  'api',
  'policy',
  'policies',
  'inventory',
  'management',
  'clusters',
  'loader',
  'workloadLifetime',
  'nameConstraints',
  'rollover',
  'authorities',
  'evidenceMaxAge',
  'mayWithdraw',
  'beforeWrite',
]

/** What the agent of a cluster said of an order when it was last looked at. */
export interface OrderState {
  readonly cluster: string
  readonly order: NamespacedName
  /** `FAILED` where it cannot be carried out; then `error` says why. */
  readonly state: string
  readonly error?: string
}

/** What became of a step for a policy. */
export interface PolicyReport extends FederationReport {
  readonly plan: FederationPlan
  readonly orders: readonly OrderState[]
  readonly changed: boolean
}

/**
 * Carries a policy out, one step. The id of its CA, for rollovers, is the name of its Secret: `root-trust-policy.gloo-mesh`. It makes its root where there is none, gives each selected mesh its order, lets a rollover go on,
 * and takes back what may be taken back. `plan` says why, and what is held.
 *
 * A cluster that cannot be reached is reported and stops nobody. It holds no state: call it as often as you like.
 *
 * @throws `KubeError` of the management cluster; `MeshPkiError` of its authorities.
 *
 * @example
 * ```ts
 * import { AuthorityLoader, type Inventory, type KubeClient, policyStep, readRootTrustPolicy } from 'mesh-pki/kubernetes'
 *
 * declare const management: KubeClient, east: KubeClient, west: KubeClient, inventory: Inventory, object: object
 * const { plan, clusters } = await policyStep({
 *   policy: readRootTrustPolicy(object),
 *   inventory,
 *   management,
 *   clusters: { east, west },
 *   loader: new AuthorityLoader(management),
 * })
 * for (const { severity, message } of plan.findings) console.log(severity, message)
 * ```
 */
export async function policyStep(options: PolicyStepOptions): Promise<PolicyReport> {
  checkOptionNames(options, OPTIONS, 'policyStep')
  const { policy, management, beforeWrite } = options
  let { plan, unreachable, orders } = await planOf(options)
  const { root } = plan
  let changed = false
  if (root.do === 'create') {
    const { keyAlgorithm, lifetime, organization } = root.options
    const owner = policyOwner(policy)
    await rootCaStep(management, root.secret, { keyAlgorithm, lifetime, organization, owner, beforeWrite })
    changed = true
    ;({ plan, unreachable, orders } = await planOf(options))
  }
  const federation = federationOf(options, plan)
  // Without one of its passive CAs a bundle would drop what others still rely upon.
  const isHeld = plan.passive.some(({ do: what }) => what !== 'trust')
  const report: FederationReport =
    federation === undefined || isHeld ? { clusters: [] } : await federationStep(federation)
  const withdrawn = await withdraw(options, plan)
  const seen = new Set(report.clusters.map(({ cluster }) => cluster))
  return {
    ...report,
    clusters: [...report.clusters, ...unreachable.filter(({ cluster }) => !seen.has(cluster))],
    plan,
    orders,
    changed: changed || withdrawn || report.clusters.some((one) => one.changed),
  }
}

/**
 * What an order of a cluster is entitled to by a policy, decided anew from what the management cluster has now: for `issuerStep`.
 * `undefined` where the policy does not select it, or holds it.
 */
export async function policyEntitlement(
  options: PolicyStepOptions,
  cluster: string,
  order: NamespacedName,
): Promise<Entitlement | undefined> {
  checkOptionNames(options, OPTIONS, 'policyEntitlement')
  const { plan } = await planOf(options, [cluster])
  const federation = federationOf(options, plan)
  // In Gloo's kind the bundle comes with the certificate, and must be whole.
  const isPartial = options.api?.flavour === 'gloo' && plan.passive.some(({ do: what }) => what !== 'trust')
  return federation === undefined || isPartial ? undefined : entitlementOf(federation, cluster, order)
}

/** What is there, and what must be. Of clusters that are not asked nothing is known, so nothing of them may be decided. */
async function planOf(options: PolicyStepOptions, only?: readonly string[]): Promise<Observation> {
  const { api = MESH_PKI_API, policy, policies, inventory, management } = options
  const secrets = await Promise.all(
    rootSecretNames(policy).map((name) => management.find(KubeResources.secrets, name)),
  )
  const orders: ObservedOrder[] = []
  const unreachable: ClusterReport[] = []
  await Promise.all(
    inventory.clusters
      .filter(({ name }) => only === undefined || only.includes(name))
      .map(async ({ name, agentNamespace = AGENT_NAMESPACE }) => {
        try {
          const client = options.clusters[name]
          if (client === undefined) throw new NoClient()
          const { items } = await client.list(api.issuedCertificates, { namespace: agentNamespace })
          for (const object of items) orders.push({ cluster: name, object })
        } catch (error) {
          const words =
            error instanceof NoClient
              ? 'option "clusters" has no client for it'
              : error instanceof MeshPkiError
                ? error.message
                : failureLabel(error)
          unreachable.push({ cluster: name, changed: false, error: words })
        }
      }),
  )
  const known = inventory.clusters.filter(
    ({ name }) =>
      (only === undefined || only.includes(name)) && !unreachable.some(({ cluster }) => cluster === name),
  )
  const plan = planFederation(
    policy,
    { clusters: known },
    {
      time: management.clock.now(),
      secrets: secrets.filter((secret) => secret !== undefined),
      // The management side reads no Secret of a workload cluster: the agent there finds out what is foreign, and says so.
      cacerts: [],
      orders,
      ...(policies === undefined ? {} : { policies }),
    },
  )
  const states = orders.map(({ cluster, object }): OrderState => {
    const status = recordAt(object, 'status')
    const { namespace = '', name = '' } = object.metadata
    const state = textAt(status, 'state') ?? 'PENDING'
    const error = textAt(status, 'error')
    return { cluster, order: { namespace, name }, state, ...(error === undefined ? {} : { error }) }
  })
  return { plan, unreachable, orders: states }
}

interface Observation {
  readonly plan: FederationPlan
  readonly unreachable: readonly ClusterReport[]
  readonly orders: readonly OrderState[]
}

/** As Gloo Mesh: where its agents run. */
const AGENT_NAMESPACE = 'gloo-mesh'

class NoClient extends Error {
  override readonly name = 'NoClient'
}

function federationOf(options: PolicyStepOptions, plan: FederationPlan): FederationOptions | undefined {
  const { api, policy, clusters, loader, rollover, authorities, evidenceMaxAge, beforeWrite } = options
  const { root, issue, trust } = plan
  if (root.do !== 'use') return undefined
  const isGloo = api?.flavour === 'gloo'
  const constraints = checkOneOf(
    options.nameConstraints ?? (isGloo ? 'none' : 'trust-domain'),
    ['trust-domain', 'none'],
    'nameConstraints',
  )
  const meshes = issue.flatMap((one): readonly FederatedMesh[] => {
    const client = clusters[one.cluster]
    if (one.do !== 'order' || one.spec === undefined || client === undefined) return []
    const { workloadLifetime = '24h' } = options
    return [
      {
        cluster: one.cluster,
        client,
        order: one.order,
        spec: {
          ...one.spec,
          // Gloo Mesh sets no limit, and its kind cannot say one.
          pathLength: isGloo ? 'none' : one.spec.pathLength,
          podBounceDirective: undefined,
          workloadLifetime,
          rotation: undefined,
        },
        ...(constraints === 'none' ? {} : { trustDomains: trustDomainsOf(options, one) }),
      },
    ]
  })
  return {
    api,
    owner: policyOwner(policy),
    meshes,
    // By the name of its Secret: another Secret is another authority, so whoever swaps it has everybody issue anew.
    authorities: { [root.secret.name]: { secret: root.secret }, ...authorities },
    signer: root.secret.name,
    loader,
    evidenceMaxAge,
    beforeWrite,
    ...(rollover === undefined ? { passive: trust } : { rollover }),
  }
}

/** Those that the workloads of a mesh may be in: that of its istiod, and what the inventory calls its aliases. */
function trustDomainsOf(
  { inventory }: PolicyStepOptions,
  { cluster, mesh, spec }: PlannedIssuance,
): readonly string[] {
  const own = spec?.hosts.map((host) => SpiffeId.parse(host).trustDomain.name) ?? []
  const found = inventory.clusters
    .find(({ name }) => name === cluster)
    ?.meshes.find(({ name }) => name === mesh)
  const all = [...new Set([...own, ...(found?.trustDomainAliases ?? [])])]
  const odd = all.find((domain) => !/^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$/.test(domain))
  if (odd === undefined) return all
  throw new MeshPkiError(
    'ERR_KUBERNETES_POLICY',
    `mesh ${mesh} of ${cluster}: the trust domain ${quote(odd, 64)} is no host name, and name constraints hold nothing else (RFC 5280 §4.2.1.10). Rename it, or set nameConstraints: 'none'`,
    { data: { cluster, mesh, trustDomain: odd } },
  )
}

async function withdraw(options: PolicyStepOptions, { withdraw: planned }: FederationPlan): Promise<boolean> {
  const { api = MESH_PKI_API, mayWithdraw, clusters, beforeWrite } = options
  let changed = false
  for (const withdrawal of planned) {
    const client = clusters[withdrawal.cluster]
    if (client === undefined || mayWithdraw === undefined || !(await mayWithdraw(withdrawal))) continue
    const found = await client.find(api.issuedCertificates, withdrawal.order)
    if (found === undefined) continue
    beforeWrite?.()
    changed = (await client.remove(api.issuedCertificates, found)) || changed
  }
  return changed
}
