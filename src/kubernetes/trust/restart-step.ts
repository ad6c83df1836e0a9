/**
 * Restarts the next workload of a plan, once.
 *
 * @module
 */

import type { AbortSignalLike } from '../../internal/abort.ts'
import { checkOneOf, checkOptionNames, typeName } from '../../internal/options.ts'
import type { KubeClient } from '../api/kube-client.ts'
import { isKubeError } from '../api/kube-error.ts'
import { type KubeResource, KubeResources } from '../api/kube-resource.ts'
import { type KubeObject, recordAt } from '../objects/kube-object.ts'
import { ConfigMapName, DataKey } from '../objects/names.ts'
import type { StepResult } from '../runner/step-result.ts'
import { isRootSynced } from './cacerts-hash.ts'
import {
  CACERTS_HASH_ANNOTATION,
  type PlanRestartsInput,
  planRestarts,
  type RestartPlan,
  type RestartRef,
  restartRoleOf,
} from './plan-restarts.ts'
import type { RolloutKind } from './rollout.ts'

/** Options of {@link restartStep}. */
export interface RestartStepOptions
  extends Pick<PlanRestartsInput, 'cacertsHash' | 'enabled' | 'evidence' | 'roleOf'> {
  /** `root-cert.pem` of `cacerts`: a namespace whose root ConfigMap differs waits. */
  readonly rootCert: string
  /** The name of that ConfigMap. Default `'istio-ca-root-cert'`. */
  readonly rootConfigMap?: string | undefined
  readonly signal?: AbortSignalLike | undefined
}

/** What was done, and what is left. */
export interface RestartResult extends StepResult {
  /** As it was before the restart of this step. */
  readonly plan: RestartPlan
  readonly restarted: RestartRef | undefined
}

const OPTIONS = ['cacertsHash', 'enabled', 'evidence', 'roleOf', 'rootCert', 'rootConfigMap', 'signal']
const RESOURCES: Readonly<Record<RolloutKind, KubeResource>> = {
  Deployment: KubeResources.deployments,
  StatefulSet: KubeResources.statefulSets,
  DaemonSet: KubeResources.daemonSets,
}
const KINDS: readonly RolloutKind[] = ['Deployment', 'StatefulSet', 'DaemonSet']
/** How often a rollout is looked at. */
const ROLLING_MS = 5000
/** How often it is looked whether something is still in the way. */
const WAITING_MS = 30_000

/**
 * Reads the workloads that are named, plans, and restarts the one that is next, by an annotation of its pods' template that is
 * written with the version that was read. The same CA restarts nothing twice.
 *
 * What has changed meanwhile is left to the next step, which plans anew. Unless `enabled`, nothing is written, and the plan's
 * condition says which workloads still serve the old chain.
 *
 * @throws `KubeError`; `TypeError` for options.
 *
 * @example
 * ```ts
 * import { cacertsHash, type KubeClient, restartStep, type SecretLike } from 'mesh-pki/kubernetes'
 *
 * declare const client: KubeClient
 * declare const secret: SecretLike
 * declare const rootCert: string
 * const { plan } = await restartStep(
 *   client,
 *   [
 *     { kind: 'Deployment', namespace: 'istio-system', name: 'istiod' },
 *     { kind: 'Deployment', namespace: 'shop', name: 'cart' },
 *   ],
 *   { cacertsHash: cacertsHash(secret), rootCert, enabled: true },
 * )
 * ```
 */
export async function restartStep(
  client: KubeClient,
  targets: readonly RestartRef[],
  options: RestartStepOptions,
): Promise<RestartResult> {
  checkOptionNames(options, OPTIONS, 'restartStep')
  const {
    cacertsHash,
    evidence,
    enabled,
    rootCert,
    rootConfigMap = ConfigMapName.istioRoot,
    signal,
  } = options
  if (typeof rootCert !== 'string' || rootCert.trim() === '')
    throw new TypeError(`option "rootCert" must be the text of root-cert.pem; got ${typeName(rootCert)}`)
  const roleOf = options.roleOf ?? restartRoleOf
  const objects: Record<RolloutKind, KubeObject[]> = { Deployment: [], StatefulSet: [], DaemonSet: [] }
  for (const { kind, namespace, name } of targets) {
    checkOneOf(kind, KINDS, 'kind')
    const object = await client.find(RESOURCES[kind], { namespace, name }, { signal })
    if (object !== undefined) objects[kind].push(object)
  }
  const namespaces = new Set(
    KINDS.flatMap((kind) =>
      objects[kind]
        .filter((object) => roleOf(object, kind) !== 'istiod')
        .map(({ metadata }) => metadata.namespace ?? ''),
    ),
  )
  const rootSynced = new Set<string>()
  for (const namespace of enabled === true ? namespaces : []) {
    const ref = { namespace, name: rootConfigMap }
    const configMap = await client.find(KubeResources.configMaps, ref, { signal })
    if (isRootSynced(recordAt(configMap, 'data')[DataKey.rootCert], rootCert)) rootSynced.add(namespace)
  }
  const plan = planRestarts({
    deployments: objects.Deployment,
    statefulSets: objects.StatefulSet,
    daemonSets: objects.DaemonSet,
    cacertsHash,
    rootSynced,
    enabled,
    evidence,
    roleOf,
  })
  const { next } = plan
  if (next === undefined) return { ...pauseOf(plan), plan, restarted: undefined }
  const object = objects[next.kind].find(
    ({ metadata }) => metadata.namespace === next.namespace && metadata.name === next.name,
  )
  if (object === undefined) return { changed: false, plan, restarted: undefined }
  try {
    await client.merge(RESOURCES[next.kind], restartPatch(object, cacertsHash), { signal })
  } catch (error) {
    if (!isKubeError(error, 'ERR_KUBERNETES_CONFLICT', 'ERR_KUBERNETES_NOT_FOUND')) throw error
    return {
      changed: false,
      plan,
      restarted: undefined,
      requeueAfterMs: 1000,
      message: 'it has changed meanwhile',
    }
  }
  const { kind, namespace, name } = next
  return {
    changed: true,
    plan,
    restarted: { kind, namespace, name },
    requeueAfterMs: ROLLING_MS,
    message: `${kind} ${namespace}/${name} is being restarted`,
  }
}

/** Nothing but the annotation, at the version that was read. */
function restartPatch({ metadata }: KubeObject, hash: string): KubeObject {
  const { name, namespace, resourceVersion, uid } = metadata
  return {
    metadata: { name, namespace, resourceVersion, uid },
    spec: { template: { metadata: { annotations: { [CACERTS_HASH_ANNOTATION]: hash } } } },
  }
}

function pauseOf({ items, enabled, condition }: RestartPlan): StepResult {
  const isRolling = items.some(({ state }) => state === 'rolling')
  const isWaiting = items.some(({ state }) => state === 'waiting')
  const requeueAfterMs = !enabled ? undefined : isRolling ? ROLLING_MS : isWaiting ? WAITING_MS : undefined
  return { changed: false, message: condition.message, requeueAfterMs }
}
