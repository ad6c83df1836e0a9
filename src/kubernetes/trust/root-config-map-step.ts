/**
 * The root ConfigMap of one namespace: watched over, or written.
 *
 * @module
 */

import type { AbortSignalLike } from '../../internal/abort.ts'
import { readDuration } from '../../internal/duration.ts'
import { checkOneOf, checkOptionNames, readFunction } from '../../internal/options.ts'
import { tell } from '../../internal/tell.ts'
import type { KubeClient } from '../api/kube-client.ts'
import { isKubeError, KubeError } from '../api/kube-error.ts'
import { KubeResources } from '../api/kube-resource.ts'
import { type KubeObject, recordAt, textAt } from '../objects/kube-object.ts'
import { ConfigMapName } from '../objects/names.ts'
import type { StepResult } from '../runner/step-result.ts'
import { encodeRootConfigMap } from '../secrets/root-config-map.ts'
import { findTrustDrift, rivalOf, type TrustDrift, type TrustDriftEvent } from './trust-drift.ts'
import { readTrustRoots, type TrustRootsInput } from './trust-roots.ts'

/** Options of {@link rootConfigMapStep}. */
export interface RootConfigMapStepOptions {
  /** The trust anchors that every namespace shall have. */
  readonly roots: TrustRootsInput
  /**
   * `'observe'` (default): nothing is written, differences are told. `'own'`: they are mended; only where no istiod
   * distributes roots, since it writes back what it thinks is right.
   */
  readonly mode?: 'observe' | 'own' | undefined
  /** Default `'istio-ca-root-cert'` (istiod's `PILOT_CA_CERT_CONFIGMAP`). */
  readonly name?: string | undefined
  /** Namespaces without one. Default: those that istiod leaves out. */
  readonly skip?: readonly string[] | undefined
  /** How long another writer must have been silent before its content is written over. Default `'1h'`. */
  readonly rivalIdle?: string | undefined
  /** The namespace as a cache has it: spares a request. */
  readonly cachedNamespace?: KubeObject | undefined
  readonly onEvent?: ((event: TrustDriftEvent) => void) | undefined
  readonly signal?: AbortSignalLike | undefined
}

/** What became of a namespace. */
export interface RootConfigMapResult extends StepResult {
  /** What is not as it shall be, after this step; `undefined` where all is. */
  readonly drift: TrustDrift | undefined
}

/** Namespaces that istiod leaves out; kube-system is not one of them, since ztunnel runs there. */
export const NAMESPACES_WITHOUT_ROOTS: readonly string[] = [
  'kube-public',
  'kube-node-lease',
  'local-path-storage',
]

const OPTIONS = ['roots', 'mode', 'name', 'skip', 'rivalIdle', 'cachedNamespace', 'onEvent', 'signal']
/** Tries, as many as istiod makes. */
const MAX_TRIES = 5

/**
 * Compares the root ConfigMap of a namespace with the roots that it shall hold, and in mode `own` mends it: only its key
 * and istiod's label are written, everything else in it stays.
 *
 * Where somebody else wrote other content (`managedFields`), nothing is written until it has been silent for `rivalIdle`, and the
 * difference is told: two who write the same object would do so for ever, each change a new certificate for every proxy.
 * Namespaces that end or are gone are passed over in silence, and so is an object that came into being meanwhile.
 *
 * @throws `KubeError`; `MeshPkiError` for roots; `TypeError`, `RangeError` for options.
 *
 * @example
 * ```ts
 * import { type KubeClient, rootConfigMapStep } from 'mesh-pki/kubernetes'
 *
 * declare const client: KubeClient
 * declare const roots: string
 * const { drift } = await rootConfigMapStep(client, 'shop', { roots })
 * if (drift !== undefined) console.warn(drift.state, drift.writer, drift.missingRoots)
 * ```
 */
export async function rootConfigMapStep(
  client: KubeClient,
  namespace: string,
  options: RootConfigMapStepOptions,
): Promise<RootConfigMapResult> {
  checkOptionNames(options, OPTIONS, 'rootConfigMapStep')
  readFunction(options.onEvent, 'onEvent')
  const { name = ConfigMapName.istioRoot, skip = NAMESPACES_WITHOUT_ROOTS, cachedNamespace, signal } = options
  const mode = checkOneOf(options.mode ?? 'observe', ['observe', 'own'], 'mode')
  const idleMs = readDuration(options.rivalIdle ?? '1h', 'rivalIdle')
  const roots = readTrustRoots(options.roots)
  if (skip.includes(namespace)) return passed('no roots are distributed there')
  const found =
    cachedNamespace ?? (await client.find(KubeResources.namespaces, { name: namespace }, { signal }))
  if (found === undefined || isTerminating(found)) return passed('the namespace ends or is gone')

  const { configMaps } = KubeResources
  for (let attempt = 1; ; attempt++) {
    const configMap = await client.find(configMaps, { name, namespace }, { signal })
    const drift = findTrustDrift({ namespace, name, configMap, roots, fieldManager: client.fieldManager })
    if (drift === undefined) return { changed: attempt > 1, drift, message: 'the roots are as they shall be' }
    if (mode === 'observe' || drift.state === 'immutable') {
      tell(options.onEvent, { type: 'trust-drift', drift, outcome: 'reported' })
      return { changed: false, drift, message: `the roots are ${drift.state}` }
    }
    const pauseMs = configMap === undefined ? 0 : rivalPause(configMap, client, idleMs)
    if (drift.state === 'foreign' && pauseMs > 0) {
      tell(options.onEvent, { type: 'trust-drift', drift, outcome: 'backed-off' })
      return { changed: false, drift, requeueAfterMs: pauseMs, message: 'somebody else writes the roots' }
    }
    try {
      const { metadata = {}, ...rest } = encodeRootConfigMap(
        roots.certificates,
        { name, namespace },
        configMap,
      )
      const object = { ...configMap, metadata, data: rest.data }
      await (configMap === undefined
        ? client.create(configMaps, object, { signal })
        : client.replace(configMaps, object, { signal }))
      return { changed: true, drift: undefined, message: 'the roots were written' }
    } catch (error) {
      if (isTerminatingError(error)) return passed('the namespace ends')
      if (configMap === undefined && isKubeError(error, 'ERR_KUBERNETES_NOT_FOUND'))
        return passed('the namespace is gone')
      const isUnknown = error instanceof KubeError && error.outcome === 'unknown'
      const isStale = isKubeError(
        error,
        'ERR_KUBERNETES_CONFLICT',
        'ERR_KUBERNETES_ALREADY_EXISTS',
        'ERR_KUBERNETES_NOT_FOUND',
      )
      if (attempt >= MAX_TRIES || !(isUnknown || isStale) || signal?.aborted === true) throw error
    }
  }
}

const passed = (message: string): RootConfigMapResult => ({ changed: false, drift: undefined, message })

/** Whether a namespace is on its way out: nothing new can be made in it. */
function isTerminating(namespace: KubeObject): boolean {
  return (
    textAt(recordAt(namespace, 'status'), 'phase') === 'Terminating' ||
    textAt(namespace.metadata, 'deletionTimestamp') !== undefined
  )
}

function isTerminatingError(error: unknown): boolean {
  return (
    isKubeError(error, 'ERR_KUBERNETES_FORBIDDEN') &&
    error.causes.some(({ reason }) => reason === 'NamespaceTerminating')
  )
}

/** How long to leave the object to its other writer. One that does not say when it wrote may have written just now. */
function rivalPause(configMap: KubeObject, client: KubeClient, idleMs: number): number {
  const rival = rivalOf(configMap, client.fieldManager)
  if (rival === undefined) return 0
  return rival.time === undefined ? idleMs : Math.max(0, rival.time + idleMs - client.clock.now().getTime())
}
