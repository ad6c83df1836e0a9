/**
 * One step for a policy: from a RootTrustPolicy or VirtualMesh to orders in the clusters that it selects.
 *
 * @module
 */

import { MeshPkiError } from '../../errors.ts'
import { failureLabel } from '../../internal/backoff.ts'
import { checkOptionNames } from '../../internal/options.ts'
import { KubeResources } from '../api/kube-resource.ts'
import { type NamespacedName, recordAt, textAt } from '../objects/kube-object.ts'
import type { FederationPlan, ObservedOrder } from '../policy/federation-plan.ts'
import { planFederation } from '../policy/plan-federation.ts'
import { policyOwner } from '../policy/policy-owner.ts'
import { rootSecretNames } from '../policy/root-secret-names.ts'
import { MESH_PKI_API } from './federation-api.ts'
import {
  type ClusterReport,
  entitlementOf,
  type FederationReport,
  federationStep,
} from './federation-step.ts'
import type { Entitlement } from './issuer-decision.ts'
import { policyFederation } from './policy-federation.ts'
import { POLICY_STEP_OPTIONS, type PolicyStepOptions } from './policy-step-options.ts'
import { rootCaStep } from './root-ca-step.ts'

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
  checkOptionNames(options, POLICY_STEP_OPTIONS, 'policyStep')
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
  const { federation, held } = policyFederation(options, plan)
  // Without one of its passive CAs a bundle would drop what others still rely upon.
  const isHeld = plan.passive.some(({ do: what }) => what !== 'trust')
  const report: FederationReport =
    federation === undefined || isHeld ? { clusters: [] } : await federationStep(federation)
  const withdrawn = await withdraw(options, plan)
  const seen = new Set(report.clusters.map(({ cluster }) => cluster))
  return {
    ...report,
    clusters: [...report.clusters, ...held, ...unreachable.filter(({ cluster }) => !seen.has(cluster))],
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
  checkOptionNames(options, POLICY_STEP_OPTIONS, 'policyEntitlement')
  const { plan } = await planOf(options, [cluster])
  const { federation } = policyFederation(options, plan)
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
