/**
 * Keeps an inventory of meshes by watching the clusters.
 *
 * @module
 */

import { MeshPkiError } from '../../errors.ts'
import type { AbortSignalLike } from '../../internal/abort.ts'
import { abortWith } from '../../internal/abort-with.ts'
import { checkOptionNames, readFunction } from '../../internal/options.ts'
import { tell } from '../../internal/tell.ts'
import type { KubeClient } from '../api/kube-client.ts'
import type { KubeRuntimeEvent } from '../api/kube-event.ts'
import { KubeResources } from '../api/kube-resource.ts'
import type { KubeObject } from '../objects/kube-object.ts'
import { ISTIO_REVISION_LABEL } from '../objects/names.ts'
import { Reflector } from '../runner/reflector.ts'
import type { Inventory, InventoryCluster, InventoryMesh } from './inventory.ts'
import { meshOf } from './mesh-of.ts'
import type { PolicyFinding } from './policy-finding.ts'

/** A cluster that is registered. */
export interface WatchedCluster {
  readonly name: string
  readonly labels?: Readonly<Record<string, string>> | undefined
  readonly agentNamespace?: string | undefined
  /** Leads to it. */
  readonly client: KubeClient
}

/** Options of {@link InventoryWatch}. */
export interface InventoryWatchOptions {
  readonly clusters: readonly WatchedCluster[]
  /** Which Deployments are istiod's. Default `'app=istiod'`, as Istio's charts label them. */
  readonly labelSelector?: string | undefined
  /** Told when the inventory may have changed. */
  readonly onChange?: (() => void) | undefined
  readonly onEvent?: ((event: KubeRuntimeEvent) => void) | undefined
}

/** What was found of one istiod that could not be taken into the inventory. */
export interface InventoryProblem {
  readonly cluster: string
  /** Its Deployment, `namespace/name`. */
  readonly deployment: string
  readonly message: string
}

/** The inventory, and what is odd in it. */
export interface WatchedInventory {
  readonly inventory: Inventory
  readonly findings: readonly PolicyFinding[]
  readonly problems: readonly InventoryProblem[]
  /** Clusters of which everything has been seen once. Those that are not among them are not in the inventory: nothing is known of them. */
  readonly synced: readonly string[]
}

interface Watched {
  readonly cluster: WatchedCluster
  readonly deployments: Reflector
  readonly configMaps: Reflector
}

/**
 * Watches istiod's Deployments and their ConfigMaps (`istio`, `istio-<revision>`) in every cluster, and answers what meshes there are.
 *
 * A cluster that has not been seen whole is left out, and one that is out of reach later keeps what was seen last: a network that is
 * down is no reason to take a mesh's order back. An istiod whose trust domain cannot be read is a problem, and not in the
 * inventory: nothing is guessed about identities.
 *
 * @example
 * ```ts
 * import { InventoryWatch, type KubeClient } from 'mesh-pki/kubernetes'
 *
 * declare const east: KubeClient
 * declare const signal: AbortSignal
 * const watch = new InventoryWatch({ clusters: [{ name: 'east', labels: { trust: 'shared' }, client: east }] })
 * const running = watch.run(signal)
 * await watch.synced(signal)
 * console.log(watch.current().inventory.clusters)
 * await running
 * ```
 */
export class InventoryWatch {
  readonly #watched: readonly Watched[]
  readonly #onChange: (() => void) | undefined

  /** @throws `TypeError`. */
  constructor(options: InventoryWatchOptions) {
    checkOptionNames(options, ['clusters', 'labelSelector', 'onChange', 'onEvent'], 'InventoryWatch')
    readFunction(options.onChange, 'onChange')
    const { clusters, labelSelector = 'app=istiod', onChange, onEvent } = options
    this.#onChange = onChange
    this.#watched = clusters.map((cluster) => ({
      cluster,
      deployments: new Reflector(cluster.client, KubeResources.deployments, { labelSelector, onEvent }),
      configMaps: new Reflector(cluster.client, KubeResources.configMaps, { keep: onlyMeshConfig, onEvent }),
    }))
    const told = (): void => tell(this.#onChange)
    for (const { deployments, configMaps } of this.#watched) {
      deployments.onChange(told)
      configMaps.onChange(({ object }) => {
        if (isMeshConfig(object)) told()
      })
    }
  }

  /** What there is now. */
  current(): WatchedInventory {
    const findings: PolicyFinding[] = []
    const problems: InventoryProblem[] = []
    const seen = this.#watched.filter(
      ({ deployments, configMaps }) => deployments.hasSynced && configMaps.hasSynced,
    )
    const clusters = seen.map(({ cluster, deployments, configMaps }): InventoryCluster => {
      const { name, labels, agentNamespace } = cluster
      const meshes = deployments.objects().flatMap((deployment): readonly InventoryMesh[] => {
        try {
          const found = meshOf({ cluster: name, deployment, configMap: configMapOf(deployment, configMaps) })
          findings.push(...found.findings)
          return [found.mesh]
        } catch (error) {
          if (!(error instanceof MeshPkiError)) throw error
          const { namespace = '', name: own = '' } = deployment.metadata
          problems.push({ cluster: name, deployment: `${namespace}/${own}`, message: error.message })
          return []
        }
      })
      return {
        name,
        meshes,
        ...(labels === undefined ? {} : { labels }),
        ...(agentNamespace === undefined ? {} : { agentNamespace }),
      }
    })
    return { inventory: { clusters }, findings, problems, synced: seen.map(({ cluster }) => cluster.name) }
  }

  /** Waits until every cluster has been seen whole. @throws the reason of the signal. */
  async synced(signal: AbortSignalLike): Promise<void> {
    for (const { deployments, configMaps } of this.#watched) {
      await deployments.synced(signal)
      await configMaps.synced(signal)
    }
  }

  /** Runs until the signal aborts. */
  async run(signal: AbortSignalLike): Promise<void> {
    const { controller, release } = abortWith([signal])
    try {
      await Promise.all(
        this.#watched.flatMap(({ deployments, configMaps }) => [
          deployments.run(controller.signal),
          configMaps.run(controller.signal),
        ]),
      )
    } finally {
      release()
    }
  }
}

/** `istio`, and `istio-<revision>` where that is not the default one. */
function configMapOf(deployment: KubeObject, configMaps: Reflector): KubeObject {
  const { namespace = '', labels } = deployment.metadata
  const revision = labels?.[ISTIO_REVISION_LABEL] ?? 'default'
  const name = revision === 'default' ? MESH_CONFIG : `${MESH_CONFIG}-${revision}`
  const found = configMaps.get(`${namespace}/${name}`)
  if (found !== undefined) return found
  throw new MeshPkiError(
    'ERR_KUBERNETES_CONFIG_MAP',
    `ConfigMap ${namespace}/${name}, the configuration of the mesh, is not there`,
    { data: { configMap: `${namespace}/${name}` } },
  )
}

const MESH_CONFIG = 'istio'

const isMeshConfig = ({ metadata }: KubeObject): boolean =>
  metadata.name === MESH_CONFIG || metadata.name?.startsWith(`${MESH_CONFIG}-`) === true

/** Of all other ConfigMaps no content is kept: a selector for names with a prefix does not exist. */
function onlyMeshConfig(object: KubeObject): KubeObject {
  const { name, namespace, uid, resourceVersion } = object.metadata
  const { apiVersion, kind } = object
  const metadata = { name, namespace, uid, resourceVersion }
  return isMeshConfig(object)
    ? { apiVersion, kind, metadata, data: object['data'] }
    : { apiVersion, kind, metadata }
}
