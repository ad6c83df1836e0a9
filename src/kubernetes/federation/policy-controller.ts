/**
 * A policy as a controller of the management side.
 *
 * @module
 */

import { checkOptionNames } from '../../internal/options.ts'
import { tell } from '../../internal/tell.ts'
import type { KubeRuntimeEvent } from '../api/kube-event.ts'
import { onlyVersion } from '../objects/kube-object.ts'
import { Controller } from '../runner/controller.ts'
import { Reflector } from '../runner/reflector.ts'
import { MESH_PKI_API } from './federation-api.ts'
import { type PolicyReport, policyStep } from './policy-step.ts'
import type { PolicyStepOptions } from './policy-step-options.ts'

/** Options of {@link policyController}. */
export interface PolicyControllerOptions {
  /** What is carried out, as it is now: policies and inventory change while it runs. `undefined`: nothing, for now. */
  readonly current: () => PolicyStepOptions | undefined
  /** The clusters whose orders are watched, and where those are. Of others what changes is seen once a minute. */
  readonly watch: readonly { readonly client: PolicyStepOptions['management']; readonly namespace: string }[]
  readonly clock: PolicyStepOptions['management']['clock']
  readonly api?: PolicyStepOptions['api']
  /** Told of what each step did. */
  readonly onReport?: ((report: PolicyReport) => void) | undefined
  readonly onEvent?: ((event: KubeRuntimeEvent) => void) | undefined
}

/** How long nothing may be looked at, whatever is seen. */
const POLL_MS = 60_000
/** A cluster that could not be reached is tried again after this. */
const RETRY_MS = 10_000
const KEY = 'policy'

/**
 * Makes the controller of a policy: it takes `policyStep` whenever an order changes in a cluster, once a minute, and whenever
 * `enqueue('policy')` is called, as when the policy or the inventory has changed.
 *
 * A cluster that cannot be watched holds up no other.
 *
 * @example
 * ```ts
 * import { type KubeClient, policyController, type PolicyStepOptions } from 'mesh-pki/kubernetes'
 *
 * declare const east: KubeClient, west: KubeClient, current: () => PolicyStepOptions | undefined
 * declare const signal: AbortSignal
 * const watch = [east, west].map((client) => ({ client, namespace: 'gloo-mesh' }))
 * await policyController({ current, watch, clock: east.clock }).run(signal)
 * ```
 */
export function policyController(options: PolicyControllerOptions): Controller {
  checkOptionNames(options, ['current', 'watch', 'clock', 'api', 'onReport', 'onEvent'], 'policyController')
  const { current, watch, clock, api = MESH_PKI_API, onReport, onEvent } = options
  const step = async () => {
    const wanted = current()
    if (wanted === undefined) return { changed: false, requeueAfterMs: POLL_MS }
    const report = await policyStep(wanted)
    tell(onReport, report)
    const { nextAt } = report.rollover ?? {}
    const failed = report.incoming !== undefined || report.clusters.some(({ error }) => error !== undefined)
    const untilNext =
      nextAt === undefined ? POLL_MS : Math.max(1000, nextAt.getTime() - clock.now().getTime())
    return {
      changed: report.changed,
      requeueAfterMs: report.changed ? 1 : Math.min(untilNext, failed ? RETRY_MS : POLL_MS),
    }
  }
  return new Controller({
    name: 'policy',
    sources: watch.map(({ client, namespace }) => ({
      reflector: new Reflector(client, api.issuedCertificates, { namespace, keep: onlyVersion, onEvent }),
      keysOf: () => [KEY],
      optional: true,
    })),
    keys: [KEY],
    reconcile: step,
    clock,
    onEvent,
  })
}
