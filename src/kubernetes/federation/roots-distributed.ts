/**
 * Whether istiod has given the roots of its `cacerts` to every namespace.
 *
 * @module
 */

import { checkOptionNames } from '../../internal/options.ts'
import type { KubeClient } from '../api/kube-client.ts'
import { KubeResources } from '../api/kube-resource.ts'
import { type KubeObject, recordAt, textAt } from '../objects/kube-object.ts'
import { ConfigMapName } from '../objects/names.ts'
import { NAMESPACES_WITHOUT_ROOTS } from '../trust/root-config-map-step.ts'
import { findTrustDrift } from '../trust/trust-drift.ts'
import { readTrustRoots } from '../trust/trust-roots.ts'
import type { InstalledCa } from './installed-ca.ts'

/** Options of {@link rootsDistributed}. */
export interface RootsDistributedOptions {
  /** Default `'istio-ca-root-cert'` (istiod's `PILOT_CA_CERT_CONFIGMAP`). */
  readonly name?: string | undefined
  /** Namespaces without one. Default: those that istiod leaves out. */
  readonly skip?: readonly string[] | undefined
}

/**
 * Makes the option `isDistributed` of `agentStep`, and is its default: the ConfigMap of roots in every namespace holds exactly the roots of `cacerts`. That
 * also shows that istiod has taken the new roots, which the Secret alone does not: it refuses some, silently.
 *
 * **Warning**: proxies get the roots from istiod a moment later, and those of VMs and of other systems by other ways. The propagation time of the
 * plan must cover it; `rolloverEvidence` looks at the proxies themselves.
 *
 * @example
 * ```ts
 * import { agentController, type KubeClient, rootsDistributed } from 'mesh-pki/kubernetes'
 *
 * declare const client: KubeClient
 * declare const signal: AbortSignal
 * const agent = agentController(client, { agentNamespace: 'mesh-pki', isDistributed: rootsDistributed(client) })
 * await agent.run(signal)
 * ```
 */
export function rootsDistributed(
  client: KubeClient,
  options: RootsDistributedOptions = {},
): (installed: InstalledCa) => Promise<boolean> {
  checkOptionNames(options, ['name', 'skip'], 'rootsDistributed')
  const { name = ConfigMapName.istioRoot, skip = NAMESPACES_WITHOUT_ROOTS } = options
  return async ({ bundle }) => {
    if (bundle === undefined) return false
    const roots = readTrustRoots(bundle.roots)
    const [namespaces, configMaps] = await Promise.all([
      client.list(KubeResources.namespaces),
      client.list(KubeResources.configMaps, { fieldSelector: `metadata.name=${name}` }),
    ])
    const found = new Map(configMaps.items.map((one) => [one.metadata.namespace, one]))
    return namespaces.items.filter(isActive).every(({ metadata }) => {
      const namespace = metadata.name ?? ''
      const input = {
        namespace,
        name,
        configMap: found.get(namespace),
        roots,
        fieldManager: client.fieldManager,
      }
      return skip.includes(namespace) || findTrustDrift(input) === undefined
    })
  }
}

/** One that ends gets nothing any longer. */
function isActive(namespace: KubeObject): boolean {
  return textAt(recordAt(namespace, 'status'), 'phase') !== 'Terminating'
}
