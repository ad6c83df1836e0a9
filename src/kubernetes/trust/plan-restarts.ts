/**
 * Which workloads still serve the old chain, and in which order they would be restarted.
 *
 * @module
 */

import { checkOptionNames, readFlag, readFunction, typeName } from '../../internal/options.ts'
import { escapeText } from '../../internal/text.ts'
import { MESH_PKI_GROUP } from '../objects/api-group.ts'
import type { ConditionInput } from '../objects/condition.ts'
import { isKubeObject, isRecord, type KubeObject, listAt, recordAt, textAt } from '../objects/kube-object.ts'
import {
  type RolloutKind,
  templateAnnotations,
  templateLabels,
  unfinishedRollout,
  unrestartable,
} from './rollout.ts'

/** What a workload is, in the order in which they are restarted. */
export type RestartRole = 'istiod' | 'gateway' | 'workload'

/** One object that can be restarted. */
export interface RestartRef {
  readonly kind: RolloutKind
  readonly namespace: string
  readonly name: string
}

/** One workload, and where it stands. */
export interface RestartItem extends RestartRef {
  readonly role: RestartRole
  /**
   * `done`: it serves the new chain. `rolling`: it is being restarted. `restart`: it is to be restarted. `waiting`: something comes
   * before it. `skipped`: it cannot be restarted from here.
   */
  readonly state: 'done' | 'rolling' | 'restart' | 'waiting' | 'skipped'
  readonly why: string
}

/** A pod that no rollout would replace. */
export interface SkippedPod {
  readonly namespace: string
  readonly name: string
  readonly why: string
}

/** The order of restarts. */
export interface RestartPlan {
  readonly enabled: boolean
  /** In the order of their restarts. */
  readonly items: readonly RestartItem[]
  /** What is restarted now: at most one. */
  readonly next: RestartItem | undefined
  /** Pods that have to be replaced by whoever made them. */
  readonly pods: readonly SkippedPod[]
  /** `WorkloadsServeOldChain`: True with the list of them, in order; False once there are none. */
  readonly condition: ConditionInput
}

/** What {@link planRestarts} looks at. */
export interface PlanRestartsInput {
  readonly deployments?: readonly KubeObject[] | undefined
  readonly statefulSets?: readonly KubeObject[] | undefined
  readonly daemonSets?: readonly KubeObject[] | undefined
  /** Pods of the mesh, to find those that no rollout replaces. */
  readonly pods?: readonly KubeObject[] | undefined
  /** `cacertsHash` of the secret that istiod shall issue by. */
  readonly cacertsHash: string
  /** Whether the root ConfigMap of a namespace holds the roots of `cacerts`; `isRootSynced`. */
  readonly rootSynced: ReadonlySet<string> | ((namespace: string) => boolean)
  /** Whether anything is restarted. Default `false`: the condition says what still serves the old chain. */
  readonly enabled?: boolean | undefined
  /** What was seen of a workload, such as the issuer of the certificate that it presents. */
  readonly evidence?: ((ref: RestartRef) => 'new-chain' | 'old-chain' | undefined) | undefined
  /** What a workload is; `undefined` leaves it out. Default: {@link restartRoleOf}. */
  readonly roleOf?: ((object: KubeObject, kind: RolloutKind) => RestartRole | undefined) | undefined
}

/** The annotation of pods' templates that tells which CA a workload was restarted for. */
export const CACERTS_HASH_ANNOTATION: string = `${MESH_PKI_GROUP}/cacerts-hash`

const MEMBERS = [
  'deployments',
  'statefulSets',
  'daemonSets',
  'pods',
  'cacertsHash',
  'rootSynced',
  'enabled',
  'evidence',
  'roleOf',
]
const ROLES: readonly RestartRole[] = ['istiod', 'gateway', 'workload']
/** Workloads that the condition names. */
const MAX_LISTED = 50
/** Owners whose pods a rollout replaces. */
const ROLLED: readonly string[] = ['ReplicaSet', 'StatefulSet', 'DaemonSet']

/** istiod and gateways by the labels that Istio's charts give them; all others are workloads. */
export function restartRoleOf(object: KubeObject): RestartRole {
  const labels = { ...recordAt(object.metadata, 'labels'), ...templateLabels(object) }
  if (labels['app'] === 'istiod' || labels['istio'] === 'pilot') return 'istiod'
  const isGateway =
    labels['gateway.networking.k8s.io/gateway-name'] !== undefined ||
    /gateway$/.test(textAt(labels, 'istio') ?? '') ||
    templateAnnotations(object)['inject.istio.io/templates'] === 'gateway'
  return isGateway ? 'gateway' : 'workload'
}

/**
 * Plans restarts after a change of `cacerts`, as Gloo Mesh's PodBounceDirective orders them, but by rollouts: istiod first and
 * until it has rolled out, then gateways, then workloads, one at a time, and each only once its namespace has the new roots.
 * No pod is ever deleted.
 *
 * Restarts are off by default: a certificate is renewed within its life anyway, and the condition says who has not done so. A
 * workload counts as served by the new chain once it was restarted for it, or once `evidence` says so; `old-chain` counts
 * against a restart.
 *
 * @throws `TypeError` for options.
 *
 * @example
 * ```ts
 * import { type KubeObject, planRestarts } from 'mesh-pki/kubernetes'
 *
 * declare const deployments: readonly KubeObject[]
 * declare const cacertsHash: string
 * const { condition, next } = planRestarts({ deployments, cacertsHash, rootSynced: new Set(['shop']) })
 * console.log(condition.message, next) // next is undefined: nothing is restarted unless enabled
 * ```
 */
export function planRestarts(input: PlanRestartsInput): RestartPlan {
  checkOptionNames(input, MEMBERS, 'planRestarts')
  const { cacertsHash, rootSynced, pods = [], roleOf = restartRoleOf, evidence } = input
  if (typeof cacertsHash !== 'string' || !/^[0-9a-f]{64}$/.test(cacertsHash))
    throw new TypeError('option "cacertsHash" must be a SHA-256 in lower-case hex; see cacertsHash()')
  readFunction(roleOf, 'roleOf')
  readFunction(evidence, 'evidence')
  const enabled = readFlag(input.enabled, 'enabled', false)
  const isSynced = readSynced(rootSynced)
  const found = workloadsIn(input, roleOf)
  const judged = found.map(({ ref, object }) => judge(ref, object, cacertsHash, evidence?.(ref)))
  const items = enabled ? ordered(judged, isSynced) : judged
  return {
    enabled,
    items,
    next: enabled ? items.find(({ state }) => state === 'restart') : undefined,
    pods: pods.flatMap(skippedPod),
    condition: conditionFor(items, enabled),
  }
}

type Ref = RestartRef & { readonly role: RestartRole }

/** All workloads, in the order of their restarts. */
function workloadsIn(
  { deployments = [], statefulSets = [], daemonSets = [] }: PlanRestartsInput,
  roleOf: NonNullable<PlanRestartsInput['roleOf']>,
): readonly { readonly ref: Ref; readonly object: KubeObject }[] {
  const kinds = [
    ['Deployment', deployments],
    ['StatefulSet', statefulSets],
    ['DaemonSet', daemonSets],
  ] as const
  const all = kinds.flatMap(([kind, objects]) =>
    objects.flatMap((object) => {
      const { metadata } = isKubeObject(object) ? object : {}
      const [namespace, name] = [textAt(metadata, 'namespace'), textAt(metadata, 'name')]
      const role = namespace === undefined || name === undefined ? undefined : roleOf(object, kind)
      return namespace === undefined || name === undefined || role === undefined
        ? []
        : [{ ref: { kind, namespace, name, role }, object }]
    }),
  )
  const key = ({ kind, namespace, name, role }: Ref): string =>
    [ROLES.indexOf(role), namespace, name, kind].join('\u0000')
  return all.sort((a, b) => (key(a.ref) < key(b.ref) ? -1 : 1))
}

/** Where one workload stands, without a look at the others. */
function judge(
  ref: Ref,
  object: KubeObject,
  hash: string,
  seen: 'new-chain' | 'old-chain' | undefined,
): RestartItem {
  const item = (state: RestartItem['state'], why: string): RestartItem =>
    Object.freeze({ ...ref, state, why })
  if (seen === 'new-chain') return item('done', 'it was seen with the new chain')
  if (templateAnnotations(object)[CACERTS_HASH_ANNOTATION] === hash) {
    const unfinished = unfinishedRollout(ref.kind, object)
    if (unfinished !== undefined) return item('rolling', unfinished)
    return seen === 'old-chain'
      ? item('skipped', 'it was restarted for this CA, and was still seen with the old chain')
      : item('done', 'it was restarted for this CA')
  }
  const hindrance = unrestartable(ref.kind, object)
  return hindrance === undefined
    ? item('restart', 'it was not restarted for this CA')
    : item('skipped', hindrance)
}

/** Lets the first one that may be restarted stand, and makes all behind it wait. */
function ordered(
  judged: readonly RestartItem[],
  isSynced: (namespace: string) => boolean,
): readonly RestartItem[] {
  let isTaken = judged.some(({ state }) => state === 'rolling')
  // Whoever restarts while istiod signs by the old CA gets the old chain once more, and is not restarted again.
  const istiod = judged.find(({ role, state }) => role === 'istiod' && state !== 'done')
  return judged.map((item) => {
    if (item.state !== 'restart') return item
    const ahead = judged.find(
      ({ role, state }) =>
        ROLES.indexOf(role) < ROLES.indexOf(item.role) && (state === 'restart' || state === 'rolling'),
    )
    const why =
      item.role !== 'istiod' && istiod !== undefined
        ? `istiod comes first: ${istiod.why}`
        : ahead !== undefined
          ? `${ahead.kind} ${ahead.namespace}/${ahead.name} comes first`
          : item.role !== 'istiod' && !isSynced(item.namespace)
            ? 'the root ConfigMap of its namespace does not hold the roots of cacerts yet'
            : isTaken
              ? 'another one is being restarted'
              : undefined
    if (why !== undefined) return Object.freeze({ ...item, state: 'waiting', why } as const)
    isTaken = true
    return item
  })
}

function conditionFor(items: readonly RestartItem[], enabled: boolean): ConditionInput {
  const old = items.filter(({ state }) => state !== 'done')
  if (old.length === 0)
    return {
      type: 'WorkloadsServeOldChain',
      status: 'False',
      reason: 'AllServeNewChain',
      message: 'every workload was restarted for this CA, or was seen with its chain',
    }
  const names = old
    .slice(0, MAX_LISTED)
    .map(({ kind, namespace, name }) => escapeText(`${kind} ${namespace}/${name}`))
  const more = old.length > MAX_LISTED ? ` and ${old.length - MAX_LISTED} more` : ''
  return {
    type: 'WorkloadsServeOldChain',
    status: 'True',
    reason: enabled ? 'RestartsUnderWay' : 'RestartsOff',
    message: `until they renew their certificates or are restarted, in this order: ${names.join(', ')}${more}`,
  }
}

function skippedPod(pod: KubeObject): readonly SkippedPod[] {
  const { metadata } = isKubeObject(pod) ? pod : {}
  const owner = listAt(metadata, 'ownerReferences').find((one) => isRecord(one) && one['controller'] === true)
  const kind = textAt(owner, 'kind')
  if (kind !== undefined && ROLLED.includes(kind)) return []
  return [
    {
      namespace: textAt(metadata, 'namespace') ?? '',
      name: textAt(metadata, 'name') ?? '',
      why:
        kind === undefined
          ? 'no controller would replace it'
          : `${escapeText(kind, 64)} is not restarted from here`,
    },
  ]
}

function readSynced(value: PlanRestartsInput['rootSynced']): (namespace: string) => boolean {
  if (typeof value === 'function') return value
  if (typeof value?.has === 'function') return (namespace) => value.has(namespace)
  throw new TypeError(`option "rootSynced" must be a set of namespaces or a function; got ${typeName(value)}`)
}
