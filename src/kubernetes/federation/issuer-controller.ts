/**
 * The issuer of the management side as a controller, one for each workload cluster.
 *
 * @module
 */

import type { KubeClient } from '../api/kube-client.ts'
import type { KubeRuntimeEvent } from '../api/kube-event.ts'
import { Controller } from '../runner/controller.ts'
import { Reflector } from '../runner/reflector.ts'
import { MESH_PKI_API } from './federation-api.ts'
import { type IssuerStepOptions, issuerStep } from './issuer-step.ts'
import { namespacedKey } from './namespaced-key.ts'

/** Options of {@link issuerController}. */
export interface IssuerControllerOptions extends IssuerStepOptions {
  /** Where the requests are. */
  readonly namespace: string
  readonly onEvent?: ((event: KubeRuntimeEvent) => void) | undefined
}

/**
 * Makes the issuer for one cluster: it watches requests and orders there, and takes {@link issuerStep} whenever one changes.
 *
 * `client` leads to the workload cluster with the rules of `examples/kubernetes/rbac/issuer-remote.yaml`: no Secrets at all.
 */
export function issuerController(client: KubeClient, options: IssuerControllerOptions): Controller {
  const { api = MESH_PKI_API, cluster, namespace, onEvent } = options
  return new Controller({
    name: `issuer/${cluster}`,
    sources: [
      { reflector: new Reflector(client, api.certificateRequests, { namespace, onEvent }) },
      { reflector: new Reflector(client, api.issuedCertificates, { namespace, onEvent }) },
    ],
    reconcile: (key) => issuerStep(client, namespacedKey(key), options),
    clock: client.clock,
    onEvent,
  })
}
