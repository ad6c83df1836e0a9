/**
 * What each mesh of a policy gets, and what stands in the way.
 *
 * @module
 */

import { MeshPkiError } from '../../errors.ts'
import { quote } from '../../internal/text.ts'
import { SpiffeId } from '../../spiffe/spiffe-id.ts'
import { lintTrustDomain } from '../../spiffe/trust-domain-lint.ts'
import { FederationMark } from '../objects/federation-mark.ts'
import type { NamespacedName } from '../objects/kube-object.ts'
import { DataKey, GlooLabel, SecretName } from '../objects/names.ts'
import type { SecretLike } from '../objects/secret-like.ts'
import type { FederationFinding, PlannedIssuance, PlannedSpec, RootDecision } from './federation-plan.ts'
import type { SelectedMesh } from './select-meshes.ts'
import type { TrustPolicy } from './trust-policy.ts'

/** What Gloo Mesh takes where discovery found nothing (`constructIssuedCertificate`). */
const DEFAULT_TRUST_DOMAIN = 'cluster.local'
const DEFAULT_SERVICE_ACCOUNT = 'istio-citadel'
/** The namespace of Gloo Mesh's agent. */
const DEFAULT_AGENT_NAMESPACE = 'gloo-mesh'

/** CAs that may follow below an intermediate: it signs workloads only. */
const PATH_LENGTH = 0

/** What planning of the meshes works on. */
export interface IssuanceContext {
  readonly policy: TrustPolicy
  readonly root: RootDecision
  readonly cacertsAt: (cluster: string, name: NamespacedName) => SecretLike | undefined
  /** Why another policy stands in the way of this one; `undefined` where none does. */
  readonly rivalOf: (selected: SelectedMesh) => string | undefined
  readonly find: (finding: FederationFinding) => void
}

/** The IssuedCertificate of a mesh. */
export function orderOf({ cluster, mesh }: SelectedMesh): NamespacedName {
  return { name: mesh.name, namespace: cluster.agentNamespace ?? DEFAULT_AGENT_NAMESPACE }
}

/** Plans the meshes of a policy, in their order. */
export function planIssuance(
  selected: readonly SelectedMesh[],
  context: IssuanceContext,
): readonly PlannedIssuance[] {
  const holders = new Map<string, string>()
  const identities = new Map<string, SelectedMesh>()
  return selected.map((each): PlannedIssuance => {
    const { cluster, mesh } = each
    const order = orderOf(each)
    const spec = specOf(each, context)
    const base = { cluster: cluster.name, mesh: mesh.name, order }
    if (typeof spec === 'string') return { ...base, do: 'hold', spec: undefined, reason: spec }
    warnAboutSharedIdentity(each, spec, identities, context)
    const reason = whyHeld(each, spec, holders, context)
    if (reason !== undefined) return { ...base, do: 'hold', spec, reason }
    return {
      ...base,
      do: 'order',
      spec,
      reason: `${each.reason}; ${context.root.reason}`,
    }
  })
}

/** The order of a mesh; or why none can be formed. */
function specOf({ cluster, mesh }: SelectedMesh, { policy, find }: IssuanceContext): PlannedSpec | string {
  const where = { cluster: cluster.name, mesh: mesh.name }
  const { trustDomain = '', serviceAccount } = mesh
  const defaulted = [
    trustDomain === '' ? `the trust domain ${DEFAULT_TRUST_DOMAIN}` : '',
    serviceAccount === undefined || serviceAccount === ''
      ? `the service account ${DEFAULT_SERVICE_ACCOUNT}`
      : '',
  ].filter((text) => text !== '')
  if (defaulted.length > 0)
    find({
      code: 'identity-defaulted',
      severity: 'warning',
      ...where,
      message: `mesh ${mesh.name} of ${cluster.name}: ${defaulted.join(' and ')} stands in for what the inventory does not say, as in Gloo Mesh. Fill it in with meshOf`,
    })
  const domain = trustDomain === '' ? DEFAULT_TRUST_DOMAIN : trustDomain
  const [oddity] = lintTrustDomain(domain.replaceAll('@', '.')).findings
  if (oddity !== undefined)
    find({ code: 'trust-domain-unsafe', severity: 'warning', ...where, message: oddity.message })
  const { intermediate } = policy
  try {
    const id = SpiffeId.forIstio({
      trustDomain: domain,
      namespace: mesh.namespace,
      serviceAccount:
        serviceAccount === undefined || serviceAccount === '' ? DEFAULT_SERVICE_ACCOUNT : serviceAccount,
    })
    return Object.freeze({
      hosts: Object.freeze([String(id)]),
      organization: intermediate.organization,
      lifetime: intermediate.lifetime,
      keyAlgorithm: intermediate.keyAlgorithm,
      gracePeriodRatio: intermediate.gracePeriodRatio,
      target: Object.freeze({ name: SecretName.cacerts, namespace: mesh.namespace }),
      pathLength: PATH_LENGTH,
    })
  } catch (error) {
    if (!(error instanceof MeshPkiError)) throw error
    const reason = `no SPIFFE ID can be made of trust domain, namespace and service account: ${error.message}`
    find({
      code: 'identity-invalid',
      severity: 'error',
      ...where,
      message: `mesh ${mesh.name} of ${cluster.name}: ${reason}`,
    })
    return reason
  }
}

/** Two istiods with one identity can stand in for each other. With one shared root that is how Gloo Mesh is used, so it is a warning. */
function warnAboutSharedIdentity(
  selected: SelectedMesh,
  { hosts: [id = ''] }: PlannedSpec,
  identities: Map<string, SelectedMesh>,
  { find }: IssuanceContext,
): void {
  const before = identities.get(id)
  if (before === undefined) {
    identities.set(id, selected)
    return
  }
  if (before.cluster === selected.cluster) return
  find({
    code: 'identity-shared',
    severity: 'warning',
    cluster: selected.cluster.name,
    mesh: selected.mesh.name,
    message: `${quote(id)} is the identity of istiod in ${before.cluster.name} and in ${selected.cluster.name}: clusters that share a trust domain share their identities, so whoever rules one can be every workload of the other. Give each a trust domain of its own, or accept that they are one mesh`,
  })
}

/** What must be mended first; `undefined` where the order can be given. */
function whyHeld(
  selected: SelectedMesh,
  spec: PlannedSpec,
  holders: Map<string, string>,
  context: IssuanceContext,
): string | undefined {
  const { root, cacertsAt, find, rivalOf } = context
  const { cluster, mesh } = selected
  const where = { cluster: cluster.name, mesh: mesh.name }
  const { target } = spec
  const shown = `Secret ${target.namespace}/${target.name} of ${cluster.name}`
  // First of all: who is second must not become first because the one before is held.
  const place = `${cluster.name} ${target.namespace}/${target.name}`
  const holder = holders.get(place)
  if (holder === undefined) holders.set(place, mesh.name)
  else {
    const reason = `${shown} is that of mesh ${holder} already: two orders for one secret overwrite each other without end. Give each revision of istiod a namespace of its own, or select one of them`
    find({ code: 'cacerts-shared', severity: 'error', ...where, message: reason })
    return reason
  }
  const rival = rivalOf(selected)
  if (rival !== undefined) {
    find({ code: 'policy-conflict', severity: 'error', ...where, message: rival })
    return rival
  }
  const isOwn =
    root.do === 'use' &&
    root.origin === 'provided' &&
    root.secret.name === target.name &&
    root.secret.namespace === target.namespace
  if (isOwn) {
    const reason = `the policy names Secret ${target.namespace}/${target.name} as its CA, which is what mesh ${mesh.name} reads in its cluster; where the management cluster is that cluster, the CA would be overwritten by what it signed. Copy it into a secret of another name`
    find({ code: 'root-of-a-mesh', severity: 'error', ...where, message: reason })
    return reason
  }
  if (root.do !== 'create' && root.do !== 'use') return root.reason
  const found = cacertsAt(cluster.name, target)
  if (found === undefined) return undefined
  const owner = foreignOwner(found)
  if (owner === undefined) return undefined
  const reason = `${shown} is there and ${owner}. It is not overwritten: Gloo Mesh's agent would fail every time and restart istiod again and again. If its CA may go, label it ${GlooLabel.agent}=${selected.cluster.agentNamespace ?? DEFAULT_AGENT_NAMESPACE} after a rollover to the roots of this policy; else leave the mesh out of the policy`
  find({ code: 'cacerts-foreign', severity: 'error', ...where, message: reason })
  return reason
}

/** Whose a `cacerts` is, where it is not an agent's. */
function foreignOwner({ metadata, data, stringData }: SecretLike): string | undefined {
  const labels = metadata?.labels ?? {}
  const isAgents = [GlooLabel.agent, FederationMark.agent].some((label) => Object.hasOwn(labels, label))
  if (isAgents) return undefined
  const isGenerated = [data, stringData].some(
    (values) => values !== undefined && values !== null && Object.hasOwn(values, DataKey.istioGenerated),
  )
  return isGenerated
    ? 'istiod made it for itself (istio-generated)'
    : 'has no label of an agent, so somebody else wrote it'
}
