/**
 * One step for a policy: from a RootTrustPolicy or VirtualMesh to orders in the clusters that it selects.
 *
 * @module
 */

import { MeshPkiError } from '../../errors.ts'
import { failureLabel } from '../../internal/backoff.ts'
import { checkOptionNames, checkRequired } from '../../internal/options.ts'
import { escapeText } from '../../internal/text.ts'
import { KubeResources } from '../api/kube-resource.ts'
import { type NamespacedName, recordAt, textAt } from '../objects/kube-object.ts'
import type { FederationPlan, ObservedOrder } from '../policy/federation-plan.ts'
import { planFederation } from '../policy/plan-federation.ts'
import { policyOwner } from '../policy/policy-owner.ts'
import { rootRecordName } from '../policy/root-record.ts'
import { rootSecretNames } from '../policy/root-secret-names.ts'
import { MESH_PKI_API } from './federation-api.ts'
import {
  type ClusterReport,
  entitlementOf,
  type FederationReport,
  federationStep,
} from './federation-step.ts'
import type { Entitlement, IssuanceHold } from './issuer-decision.ts'
import { policyFederation } from './policy-federation.ts'
import { POLICY_STEP_OPTIONS, POLICY_STEP_REQUIRED, type PolicyStepOptions } from './policy-step-options.ts'
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
  checkRequired(options, POLICY_STEP_REQUIRED, 'policyStep')
  const { policy, management, beforeWrite } = options
  let { plan, unreachable, orders } = await planOf(options)
  const { root } = plan
  let changed = false
  const { authority } = policy
  if (authority.source === 'generated' && (root.do === 'create' || root.do === 'use')) {
    const { keyAlgorithm, lifetime, organization } = authority.options
    const owner = policyOwner(policy)
    changed = (
      await rootCaStep(management, root.secret, { keyAlgorithm, lifetime, organization, owner, beforeWrite })
    ).changed
    if (root.do === 'create') ({ plan, unreachable, orders } = await planOf(options))
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
    clusters: [
      ...report.clusters,
      ...held.map(({ cluster, error }) => ({ cluster, changed: false, error })),
      ...unreachable.filter(({ cluster }) => !seen.has(cluster)),
    ],
    plan,
    orders,
    changed: changed || withdrawn || report.clusters.some((one) => one.changed),
  }
}

/**
 * What an order of a cluster is entitled to by a policy, decided anew from what the management cluster has now: for `issuerStep`.
 * `undefined` where the policy does not select it; a hold where it does and nothing may be signed now.
 */
export async function policyEntitlement(
  options: PolicyStepOptions,
  cluster: string,
  order: NamespacedName,
): Promise<Entitlement | IssuanceHold | undefined> {
  checkOptionNames(options, POLICY_STEP_OPTIONS, 'policyEntitlement')
  checkRequired(options, POLICY_STEP_REQUIRED, 'policyEntitlement')
  const { plan, unreachable } = await planOf(options, [cluster])
  const [lost] = unreachable
  if (lost !== undefined)
    return { hold: `the orders of ${cluster} could not be read, so nothing is decided: ${lost.error ?? ''}` }
  const planned = plan.issue.find(
    (one) =>
      one.cluster === cluster && one.order.name === order.name && one.order.namespace === order.namespace,
  )
  if (planned === undefined) return undefined
  if (planned.do === 'hold') return { hold: planned.reason }
  const { federation, held } = policyFederation(options, plan)
  if (federation === undefined) return { hold: plan.root.reason }
  const odd = held.find((one) => one.cluster === cluster && one.mesh === planned.mesh)
  if (odd !== undefined) return { hold: odd.error }
  // In Gloo's kind the bundle comes with the certificate, and must be whole.
  const partial =
    options.api?.flavour === 'gloo' ? plan.passive.find(({ do: what }) => what !== 'trust') : undefined
  return partial === undefined ? entitlementOf(federation, cluster, order) : { hold: partial.reason }
}

/** What is there, and what must be. Of clusters that are not asked nothing is known, so nothing of them may be decided. */
async function planOf(options: PolicyStepOptions, only?: readonly string[]): Promise<Observation> {
  const { api = MESH_PKI_API, policy, policies, inventory, management } = options
  const names = rootSecretNames(policy)
  // The notes first: they come after the Secrets, so one without the other is not somebody's being made just now.
  const rootRecords = await Promise.all(
    names.map((name) => management.find(KubeResources.configMaps, rootRecordName(name))),
  )
  const secrets = await Promise.all(names.map((name) => management.find(KubeResources.secrets, name)))
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
          if (items.length > MAX_ORDERS) throw tooMany(name, items.length)
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
      rootRecords: rootRecords.filter((record) => record !== undefined),
      // The management side reads no Secret of a workload cluster: the agent there finds out what is foreign, and says so.
      cacerts: [],
      orders,
      ...(policies === undefined ? {} : { policies }),
    },
  )
  const states = orders.map(({ cluster, object }): OrderState => {
    const status = recordAt(object, 'status')
    const { namespace = '', name = '' } = object.metadata
    const state = escapeText(textAt(status, 'state') ?? 'PENDING', 32)
    const error = textAt(status, 'error')
    return {
      cluster,
      order: { namespace, name },
      state,
      ...(error === undefined ? {} : { error: escapeText(error, 1024) }),
    }
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

/** More meshes than a cluster ever has. */
const MAX_ORDERS = 1000

function tooMany(cluster: string, count: number): MeshPkiError {
  return new MeshPkiError(
    'ERR_KUBERNETES_ORDER',
    `${cluster} has ${count} orders, and no cluster has more than ${MAX_ORDERS} meshes: somebody there makes them. Nothing is decided about it`,
    { data: { cluster } },
  )
}

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
