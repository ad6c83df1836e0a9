/**
 * Plans what a policy wants: the CA, an order for each mesh, and what goes.
 *
 * @module
 */

import { groupBy } from '../../internal/group-by.ts'
import { checkOptionNames, readInstant, typeName } from '../../internal/options.ts'
import { quote } from '../../internal/text.ts'
import { distinctCertificates } from '../../verify/trust-store.ts'
import { FederationMark } from '../objects/federation-mark.ts'
import {
  isKubeObject,
  isRecord,
  listAt,
  type NamespacedName,
  recordAt,
  textAt,
} from '../objects/kube-object.ts'
import { GlooAnnotation } from '../objects/names.ts'
import type {
  FederationFinding,
  FederationObserved,
  FederationPlan,
  ObservedOrder,
  PlannedWithdrawal,
  WithdrawalStep,
} from './federation-plan.ts'
import type { Inventory } from './inventory.ts'
import { orderOf, planIssuance } from './plan-issuance.ts'
import { planPassive, planRoot } from './plan-root.ts'
import { policyOwner } from './policy-owner.ts'
import { rootRecordName } from './root-record.ts'
import { compareText, type SelectedMesh, selectMeshes } from './select-meshes.ts'
import { policyLabel, type TrustPolicy } from './trust-policy.ts'

/**
 * Plans what must exist for a policy. It reads values and writes nothing: equal input gives an equal plan, sorted, with
 * a reason for each decision.
 *
 * The CA: a root that is to be generated is made once and never overwritten, whatever the policy says later. One that was made and is gone is
 * not made anew: every mesh would go over to it at once. What is there is taken in any layout of `decodeRootSecret`. A CA that somebody brought may be an intermediate; then its chain
 * follows each certificate that it signs, and every CA above must allow for one more below it (RFC 5280 §4.2.1.9).
 *
 * The meshes: each gets an order for one identity, that of its istiod. It is held, with the reason, where two policies
 * want it, where its `cacerts` is somebody else's, or where two meshes share one. A mesh that is no longer selected is
 * taken out step by step, never at once.
 *
 * **Warning**: signatures and keys are not checked here; whoever signs does, with `CertificateAuthority.from`.
 *
 * @throws `TypeError` and `RangeError` for an inventory or observations of another form.
 *
 * @example
 * ```ts
 * import { type FederationObserved, type Inventory, planFederation, type TrustPolicy } from 'mesh-pki/kubernetes'
 *
 * declare const policy: TrustPolicy, inventory: Inventory, observed: FederationObserved
 * const plan = planFederation(policy, inventory, observed)
 * for (const { cluster, mesh, do: what, reason } of plan.issue) console.log(cluster, mesh, what, reason)
 * ```
 */
export function planFederation(
  policy: TrustPolicy,
  inventory: Inventory,
  observed: FederationObserved,
): FederationPlan {
  checkObserved(observed)
  const findings: FederationFinding[] = []
  const find = (finding: FederationFinding): void => {
    findings.push(Object.freeze(finding))
  }
  const selection = selectMeshes(policy, inventory)
  for (const { code, message } of selection.findings) find({ code, severity: 'warning', message })
  const secrets = new Map(
    observed.secrets.map((secret) => [
      `${secret.metadata?.namespace ?? ''}/${secret.metadata?.name ?? ''}`,
      secret,
    ]),
  )
  const context = {
    policy,
    time: readInstant(observed.time, 'time'),
    secretAt: ({ namespace, name }: NamespacedName) => secrets.get(`${namespace}/${name}`),
    recordAt: (secret: NamespacedName) => {
      const { namespace, name } = rootRecordName(secret)
      return (observed.rootRecords ?? []).find(
        ({ metadata }) => metadata.name === name && metadata.namespace === namespace,
      )
    },
    wasUsed: observed.orders.some(({ object }) => isOrderOf(object, policy)),
    find,
  }
  const root = planRoot(context)
  const passive = planPassive(context)
  const orders = groupBy(observed.orders, ({ cluster, object }) =>
    place(cluster, { name: object.metadata.name ?? '', namespace: object.metadata.namespace ?? '' }),
  )
  const cacerts = new Map(
    observed.cacerts.map(({ cluster, secret }) => [
      place(cluster, { name: secret.metadata?.name ?? '', namespace: secret.metadata?.namespace ?? '' }),
      secret,
    ]),
  )
  const isUnmanaged = policy.authority.source === 'unmanaged'
  const selected = isUnmanaged ? [] : selection.meshes
  const rivalOf = rivalsOf(policy, inventory, observed, (each) =>
    orders.get(place(each.cluster.name, orderOf(each))),
  )
  const issue = planIssuance(selected, {
    policy,
    root,
    cacertsAt: (cluster, name) => cacerts.get(place(cluster, name)),
    rivalOf,
    find,
  })
  return Object.freeze({
    policy: { kind: policy.kind, name: policy.name, namespace: policy.namespace },
    root: Object.freeze(root),
    passive: Object.freeze(passive),
    trust: Object.freeze(
      distinctCertificates([
        ...(root.do === 'use' ? root.authority.roots : []),
        ...passive.flatMap(({ roots }) => roots),
      ]),
    ),
    issue: Object.freeze(issue),
    withdraw: Object.freeze(planWithdrawals(policy, selected, observed.orders)),
    findings: Object.freeze(findings),
  })
}

const place = (cluster: string, { namespace, name }: NamespacedName): string =>
  `${cluster}\n${namespace}/${name}`

function checkObserved(observed: FederationObserved): void {
  checkOptionNames(
    observed,
    ['time', 'secrets', 'rootRecords', 'cacerts', 'orders', 'policies'],
    'planFederation',
  )
  for (const name of ['secrets', 'cacerts', 'orders'] as const)
    if (!Array.isArray(observed[name]))
      throw new TypeError(`option "${name}" must be a list; got ${typeName(observed[name])}`)
  for (const [i, order] of observed.orders.entries())
    if (!isKubeObject(order?.object))
      throw new TypeError(`option "orders[${i}].object" must be a Kubernetes object`)
}

const isSame = (a: TrustPolicy, b: TrustPolicy): boolean =>
  a.kind === b.kind && a.name === b.name && a.namespace === b.namespace

/**
 * Who else wants a mesh. The policy that gave the order keeps it; where nobody has, both wait: who comes first would
 * otherwise be an accident, and each run could end differently.
 */
function rivalsOf(
  policy: TrustPolicy,
  inventory: Inventory,
  { policies = [] }: FederationObserved,
  ordersOf: (selected: SelectedMesh) => readonly ObservedOrder[] | undefined,
): (selected: SelectedMesh) => string | undefined {
  const rivals = policies
    .filter((other) => !isSame(other, policy) && other.authority.source !== 'unmanaged')
    .map((other) => ({
      other,
      wants: new Set(
        selectMeshes(other, inventory).meshes.map(({ cluster, mesh }) => `${cluster.name}\n${mesh.name}`),
      ),
    }))
    .sort((a, b) => compareText(policyLabel(a.other), policyLabel(b.other)))
  return (selected) => {
    const { cluster, mesh } = selected
    const others = rivals.filter(({ wants }) => wants.has(`${cluster.name}\n${mesh.name}`))
    const orders = ordersOf(selected) ?? []
    const [first] = others
    if (first === undefined || orders.some(({ object }) => isOrderOf(object, policy))) return undefined
    const names = others.map(({ other }) => policyLabel(other)).join(', ')
    const holder = others.find(({ other }) => orders.some(({ object }) => isOrderOf(object, other)))
    const who =
      holder === undefined
        ? 'no order says which one was first, so both wait'
        : `the order there is that of ${policyLabel(holder.other)}, which keeps it`
    return `mesh ${mesh.name} of ${cluster.name} is selected by ${policyLabel(policy)} and by ${names}: a mesh has one CA. ${who}. Narrow the selectors so that one policy is left`
  }
}

/** Whether an order was given for a policy: by our label, or as Gloo Mesh notes its parents. */
function isOrderOf(object: unknown, policy: TrustPolicy): boolean {
  const metadata = recordAt(object, 'metadata')
  if (textAt(recordAt(metadata, 'labels'), FederationMark.owner) === policyOwner(policy)) return true
  const parents = textAt(recordAt(metadata, 'annotations'), GlooAnnotation.parents)
  if (parents === undefined) return false
  let read: unknown
  try {
    read = JSON.parse(parents)
  } catch {
    return false
  }
  if (!isRecord(read)) return false
  return Object.keys(read)
    .filter((kind) => kind.endsWith(`Kind=${policy.kind}`))
    .some((kind) =>
      listAt(read, kind).some(
        (parent) =>
          textAt(parent, 'name') === policy.name && textAt(parent, 'namespace') === policy.namespace,
      ),
    )
}

/** Orders of this policy for meshes that it does not select any longer. */
function planWithdrawals(
  policy: TrustPolicy,
  selected: readonly SelectedMesh[],
  orders: readonly ObservedOrder[],
): readonly PlannedWithdrawal[] {
  const kept = new Set(selected.map((each) => place(each.cluster.name, orderOf(each))))
  return orders
    .filter(({ object }) => isOrderOf(object, policy))
    .map(({ cluster, object }) => {
      const order = { name: object.metadata.name ?? '', namespace: object.metadata.namespace ?? '' }
      const target = recordAt(recordAt(object, 'spec'), 'issuedCertificateSecret')
      const name = textAt(target, 'name')
      const namespace = textAt(target, 'namespace')
      return {
        cluster,
        order,
        target: name === undefined || namespace === undefined ? undefined : { name, namespace },
      }
    })
    .filter(({ cluster, order }) => !kept.has(place(cluster, order)))
    .sort(
      (a, b) =>
        compareText(a.cluster, b.cluster) ||
        compareText(a.order.namespace, b.order.namespace) ||
        compareText(a.order.name, b.order.name),
    )
    .map(({ cluster, order, target }) => ({
      cluster,
      order,
      target,
      reason: `${policyLabel(policy)} gave the order ${order.namespace}/${order.name} of ${cluster} and does not select the mesh any longer`,
      steps: withdrawalSteps(cluster, order, target),
    }))
}

/** The CA that was issued stays valid until it ends, and workloads below it go on working: so the order goes last. */
function withdrawalSteps(
  cluster: string,
  order: NamespacedName,
  target: NamespacedName | undefined,
): readonly WithdrawalStep[] {
  const secret = target === undefined ? 'the CA of the mesh' : `Secret ${target.namespace}/${target.name}`
  const steps: readonly WithdrawalStep[] = [
    {
      step: 'trust-both',
      what: `let ${quote(cluster, 64)} trust its next root beside the present one: add it to the roots in ${secret}`,
    },
    {
      step: 'switch-ca',
      what: 'give the mesh its next CA, by another policy or a secret of its own, once every proxy has both roots',
    },
    { step: 'renew-workloads', what: 'wait until every workload certificate is below the next CA' },
    {
      step: 'delete-order',
      what: `delete IssuedCertificate ${order.namespace}/${order.name}; what was issued stays valid until it ends, so whoever must not be trusted any longer needs a rollover to a root that the mesh does not get`,
    },
    {
      step: 'delete-cacerts',
      what: `take the present root out of the mesh; delete ${secret} only if istiod shall make a CA of its own, at a restart`,
    },
  ]
  return Object.freeze(steps)
}
