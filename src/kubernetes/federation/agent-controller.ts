/**
 * The agent of a workload cluster as a controller.
 *
 * @module
 */

import { checkOptionNames } from '../../internal/options.ts'
import type { KubeClient } from '../api/kube-client.ts'
import type { KubeRuntimeEvent } from '../api/kube-event.ts'
import { KubeResources } from '../api/kube-resource.ts'
import { type NamespacedName, onlyVersion } from '../objects/kube-object.ts'
import { ISTIO_NAMESPACE, SecretName } from '../objects/names.ts'
import { Controller } from '../runner/controller.ts'
import { keyOf } from '../runner/object-cache.ts'
import { Reflector } from '../runner/reflector.ts'
import { agentStep } from './agent-step.ts'
import { AGENT_STEP_OPTIONS, type AgentStepOptions } from './agent-step-options.ts'
import { MESH_PKI_API } from './federation-api.ts'
import { namespacedKey } from './namespaced-key.ts'

/** Options of {@link agentController}. */
export interface AgentControllerOptions extends AgentStepOptions {
  /** Where the orders are. Default: `agentNamespace`. */
  readonly namespace?: string | undefined
  /** The Secret that is watched for changes by others. Default: `cacerts` in `istio-system`. */
  readonly target?: NamespacedName | undefined
  readonly onEvent?: ((event: KubeRuntimeEvent) => void) | undefined
}

/**
 * Makes the agent: it watches orders, requests and `cacerts`, and takes {@link agentStep} whenever one of them changes, and when a
 * certificate is due.
 *
 * It needs the rules of `examples/kubernetes/rbac/agent.yaml` and no others: Secrets are read by name, never listed but for the one
 * that is watched.
 *
 * @example
 * ```ts
 * import { agentController, type KubeClient } from 'mesh-pki/kubernetes'
 *
 * declare const client: KubeClient
 * declare const signal: AbortSignal
 * await agentController(client, { agentNamespace: 'mesh-pki' }).run(signal)
 * ```
 */
export function agentController(client: KubeClient, options: AgentControllerOptions): Controller {
  checkOptionNames(options, [...AGENT_STEP_OPTIONS, 'namespace', 'target', 'onEvent'], 'agentController')
  const { namespace = options.agentNamespace, target = CACERTS, onEvent, ...step } = options
  const { api = MESH_PKI_API } = step
  const orders = new Reflector(client, api.issuedCertificates, { namespace, keep: onlyVersion, onEvent })
  const requests = new Reflector(client, api.certificateRequests, { namespace, keep: onlyVersion, onEvent })
  const secret = new Reflector(client, KubeResources.secrets, {
    namespace: target.namespace,
    fieldSelector: `metadata.name=${target.name}`,
    // That it changed is all that is asked; no key is kept in memory for it.
    keep: onlyVersion,
    onEvent,
  })
  return new Controller({
    name: 'agent',
    sources: [
      { reflector: orders },
      { reflector: requests },
      { reflector: secret, keysOf: () => orders.objects().map(keyOf) },
    ],
    reconcile: (key) => agentStep(client, namespacedKey(key), step),
    clock: client.clock,
    onEvent,
  })
}

const CACERTS: NamespacedName = { namespace: ISTIO_NAMESPACE, name: SecretName.cacerts }
