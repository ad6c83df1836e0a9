/**
 * What Gloo Mesh lists for restarts, as what can be restarted without deleting a pod.
 *
 * @module
 */

import { MeshPkiError } from '../../errors.ts'
import { quote } from '../../internal/text.ts'
import {
  isRecord,
  type KubeObject,
  listAt,
  type NamespacedName,
  numberAt,
  recordAt,
  textAt,
} from '../objects/kube-object.ts'
import type { RestartRef } from './plan-restarts.ts'
import { type RolloutKind, templateLabels } from './rollout.ts'

/** One entry of a PodBounceDirective. */
export interface PodBounceSelector {
  readonly namespace: string
  /** Every one of them must be on the pod. */
  readonly labels: Readonly<Record<string, string>>
  /** How many pods must be ready before the next entry. */
  readonly waitForReplicas: number
  /** What must be the same before: a key of a Secret, and a key of a ConfigMap in the pod's namespace. */
  readonly rootCertSync:
    | {
        readonly secret: NamespacedName
        readonly secretKey: string
        readonly configMap: NamespacedName
        readonly configMapKey: string
      }
    | undefined
}

/** Workloads of a cluster. */
export interface BouncedWorkloads {
  readonly deployments?: readonly KubeObject[] | undefined
  readonly statefulSets?: readonly KubeObject[] | undefined
  readonly daemonSets?: readonly KubeObject[] | undefined
}

/** Entries of one directive: istiod, gateways and workloads are three. */
const MAX_SELECTORS = 1000

/**
 * Reads a PodBounceDirective (`certificates.mesh.gloo.solo.io/v1`, and the same in our group): whom Gloo Mesh would restart, in order.
 *
 * An entry without labels is refused: Gloo Mesh would take it for every pod of the namespace.
 *
 * @throws `MeshPkiError` `ERR_KUBERNETES_ORDER`.
 *
 * @example
 * ```ts
 * import { bounceTargets, type KubeObject, readPodBounceDirective } from 'mesh-pki/kubernetes'
 *
 * declare const directive: KubeObject
 * declare const deployments: readonly KubeObject[]
 * const targets = bounceTargets(readPodBounceDirective(directive), { deployments })
 * // restartStep(client, targets, …) restarts them by rollouts, one at a time.
 * ```
 */
export function readPodBounceDirective(object: KubeObject): readonly PodBounceSelector[] {
  const refuse = (at: number, problem: string): MeshPkiError =>
    new MeshPkiError(
      'ERR_KUBERNETES_ORDER',
      `PodBounceDirective ${quote(`${object.metadata.namespace ?? ''}/${object.metadata.name ?? ''}`)}: spec.podsToBounce[${at}] ${problem}`,
      { data: { name: object.metadata.name, namespace: object.metadata.namespace, index: at } },
    )
  const list = listAt(recordAt(object, 'spec'), 'podsToBounce')
  if (list.length > MAX_SELECTORS)
    throw refuse(MAX_SELECTORS, `is one of ${list.length}; at most ${MAX_SELECTORS} are read`)
  return list.map((one, at): PodBounceSelector => {
    const namespace = textAt(one, 'namespace')
    const labels = recordAt(one, 'labels')
    const texts = Object.entries(labels).filter(
      (entry): entry is [string, string] => typeof entry[1] === 'string',
    )
    if (namespace === undefined || namespace === '') throw refuse(at, 'names no namespace')
    if (texts.length === 0 || texts.length !== Object.keys(labels).length)
      throw refuse(at, 'needs labels, each of them text')
    const waitForReplicas = numberAt(one, 'waitForReplicas') ?? 0
    if (!Number.isInteger(waitForReplicas) || waitForReplicas < 0)
      throw refuse(at, 'has a "waitForReplicas" that is no whole number')
    return {
      namespace,
      labels: Object.fromEntries(texts),
      waitForReplicas,
      rootCertSync: syncOf(one, (problem) => refuse(at, problem)),
    }
  })
}

/** The workloads whose pods an entry selects, in the order of the entries; each once. Bare pods are none of them. */
export function bounceTargets(
  selectors: readonly PodBounceSelector[],
  { deployments = [], statefulSets = [], daemonSets = [] }: BouncedWorkloads,
): readonly RestartRef[] {
  const kinds: readonly (readonly [RolloutKind, readonly KubeObject[]])[] = [
    ['Deployment', deployments],
    ['StatefulSet', statefulSets],
    ['DaemonSet', daemonSets],
  ]
  const found = new Map<string, RestartRef>()
  for (const { namespace, labels } of selectors)
    for (const [kind, objects] of kinds)
      for (const object of objects) {
        const { name } = object.metadata
        const own = templateLabels(object)
        const isMeant =
          object.metadata.namespace === namespace &&
          Object.entries(labels).every(([key, value]) => own[key] === value)
        if (isMeant && name !== undefined)
          found.set(`${kind} ${namespace}/${name}`, { kind, namespace, name })
      }
  return [...found.values()]
}

function syncOf(one: unknown, refuse: (problem: string) => MeshPkiError): PodBounceSelector['rootCertSync'] {
  const sync = isRecord(one) ? one['rootCertSync'] : undefined
  if (sync === undefined || sync === null) return undefined
  const secret = nameAt(sync, 'secretRef')
  const configMap = nameAt(sync, 'configMapRef')
  const secretKey = textAt(sync, 'secretKey')
  const configMapKey = textAt(sync, 'configMapKey')
  if (
    secret === undefined ||
    configMap === undefined ||
    secretKey === undefined ||
    configMapKey === undefined
  )
    throw refuse('has a "rootCertSync" without "secretRef", "secretKey", "configMapRef" and "configMapKey"')
  return { secret, secretKey, configMap, configMapKey }
}

function nameAt(record: unknown, member: string): NamespacedName | undefined {
  const ref = recordAt(record, member)
  const name = textAt(ref, 'name')
  const namespace = textAt(ref, 'namespace')
  return name === undefined || namespace === undefined ? undefined : { name, namespace }
}
