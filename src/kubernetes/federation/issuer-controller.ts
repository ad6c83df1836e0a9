/**
 * The issuer of the management side as a controller, one for each workload cluster.
 *
 * @module
 */

import { checkOptionNames } from '../../internal/options.ts'
import type { KubeClient } from '../api/kube-client.ts'
import type { KubeRuntimeEvent } from '../api/kube-event.ts'
import { onlyVersion } from '../objects/kube-object.ts'
import { Controller } from '../runner/controller.ts'
import { Reflector } from '../runner/reflector.ts'
import { MESH_PKI_API } from './federation-api.ts'
import { ISSUER_STEP_OPTIONS, type IssuerStepOptions, issuerStep } from './issuer-step.ts'
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
  checkOptionNames(options, [...ISSUER_STEP_OPTIONS, 'namespace', 'onEvent'], 'issuerController')
  const { namespace, onEvent, ...step } = options
  const { api = MESH_PKI_API, cluster } = step
  // The step reads what it decides upon: whoever rules that cluster may fill it, but not this process.
  const watched = { namespace, keep: onlyVersion, onEvent }
  return new Controller({
    name: `issuer/${cluster}`,
    sources: [
      { reflector: new Reflector(client, api.certificateRequests, watched) },
      { reflector: new Reflector(client, api.issuedCertificates, watched) },
    ],
    reconcile: (key) => issuerStep(client, namespacedKey(key), step),
    clock: client.clock,
    onEvent,
  })
}
