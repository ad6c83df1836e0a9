/**
 * Deployments, StatefulSets and DaemonSets: whether they have rolled out, and whether they can be restarted.
 *
 * @module
 */

import { type KubeObject, numberAt, recordAt, textAt } from '../objects/kube-object.ts'

/** Kinds whose pods can be replaced one by one. */
export type RolloutKind = 'Deployment' | 'StatefulSet' | 'DaemonSet'

/**
 * Why a rollout is not done; `undefined` for one that is: the controller has seen the newest generation, and as many pods as
 * are wanted are of it and available, and none beside.
 */
export function unfinishedRollout(kind: RolloutKind, object: KubeObject): string | undefined {
  const status = recordAt(object, 'status')
  const count = (member: string): number => numberAt(status, member) ?? 0
  const generation = numberAt(object.metadata, 'generation')
  if (generation === undefined || count('observedGeneration') < generation)
    return 'its controller has not seen the newest generation'
  const wanted = kind === 'DaemonSet' ? count('desiredNumberScheduled') : replicasOf(object)
  const [updated, available, unavailable, all] =
    kind === 'DaemonSet'
      ? [count('updatedNumberScheduled'), count('numberAvailable'), count('numberUnavailable'), wanted]
      : [
          count('updatedReplicas'),
          // Before Kubernetes 1.22 a StatefulSet says only which are ready.
          numberAt(status, 'availableReplicas') ?? (kind === 'StatefulSet' ? count('readyReplicas') : 0),
          count('unavailableReplicas'),
          count('replicas'),
        ]
  if (updated !== wanted) return `${updated} of ${wanted} pods are of the newest generation`
  if (all !== updated) return `${all - updated} pods of an older generation are left`
  if (available !== wanted || unavailable > 0) return `${available} of ${wanted} pods are available`
  return undefined
}

/** Why a restart would do nothing, or not all; `undefined` for what can be restarted. */
export function unrestartable(kind: RolloutKind, object: KubeObject): string | undefined {
  const spec = recordAt(object, 'spec')
  if (kind === 'Deployment') return spec['paused'] === true ? 'it is paused' : undefined
  const strategy = recordAt(spec, 'updateStrategy')
  if (textAt(strategy, 'type') === 'OnDelete')
    return 'its pods are replaced only when somebody deletes them (OnDelete)'
  const partition = numberAt(recordAt(strategy, 'rollingUpdate'), 'partition') ?? 0
  return kind === 'StatefulSet' && partition > 0 ? `its partition keeps ${partition} pods back` : undefined
}

/** Annotations of the pods that it makes. */
export function templateAnnotations(object: KubeObject): Readonly<Record<string, unknown>> {
  return recordAt(recordAt(templateOf(object), 'metadata'), 'annotations')
}

/** Labels of the pods that it makes. */
export function templateLabels(object: KubeObject): Readonly<Record<string, unknown>> {
  return recordAt(recordAt(templateOf(object), 'metadata'), 'labels')
}

const templateOf = (object: KubeObject): Readonly<Record<string, unknown>> =>
  recordAt(recordAt(object, 'spec'), 'template')

/** Default 1, as the API server's. */
function replicasOf(object: KubeObject): number {
  return numberAt(recordAt(object, 'spec'), 'replicas') ?? 1
}
