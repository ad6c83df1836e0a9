/**
 * The management side as a controller: orders, reports and the rollover of all clusters.
 *
 * @module
 */

import type { Clock } from '../../internal/clock.ts'
import { checkOptionNames } from '../../internal/options.ts'
import { tell } from '../../internal/tell.ts'
import type { KubeRuntimeEvent } from '../api/kube-event.ts'
import { onlyVersion } from '../objects/kube-object.ts'
import { Controller } from '../runner/controller.ts'
import { Reflector } from '../runner/reflector.ts'
import { MESH_PKI_API } from './federation-api.ts'
import { FEDERATION_OPTIONS, type FederationOptions } from './federation-options.ts'
import { type FederationReport, federationStep } from './federation-step.ts'

/** Options of {@link federationController}. */
export interface FederationControllerOptions extends FederationOptions {
  readonly clock: Clock
  /** Told of what each step did. */
  readonly onReport?: ((report: FederationReport) => void) | undefined
  readonly onEvent?: ((event: KubeRuntimeEvent) => void) | undefined
}

/** How long nothing may be looked at, whatever is seen. */
const POLL_MS = 60_000
/** A cluster that could not be reached is tried again after this. */
const RETRY_MS = 10_000

/** The one key: what is decided is decided for all clusters together. */
const KEY = 'federation'

/**
 * Makes the controller of a federation: it watches the orders of all clusters, and takes {@link federationStep} whenever one changes, and when a
 * rollover has something to do.
 *
 * A cluster whose orders cannot be watched would hold up all others, so it does not wait for reflectors: it takes its first step at
 * once, and its reflectors sync while it runs.
 */
export function federationController(options: FederationControllerOptions): Controller {
  checkOptionNames(options, [...FEDERATION_OPTIONS, 'clock', 'onReport', 'onEvent'], 'federationController')
  const { clock, onEvent, onReport, ...federation } = options
  const { api = MESH_PKI_API, meshes } = federation
  const step = async () => {
    const report = await federationStep(federation)
    tell(onReport, report)
    const { nextAt } = report.rollover ?? {}
    const failed = report.incoming !== undefined || report.clusters.some(({ error }) => error !== undefined)
    const untilNext =
      nextAt === undefined ? POLL_MS : Math.max(1000, nextAt.getTime() - clock.now().getTime())
    return {
      changed: report.clusters.some(({ changed }) => changed),
      requeueAfterMs: Math.min(untilNext, failed ? RETRY_MS : POLL_MS),
    }
  }
  return new Controller({
    name: 'federation',
    sources: meshes.map(({ client, order }) => ({
      reflector: new Reflector(client, api.issuedCertificates, {
        namespace: order.namespace,
        keep: onlyVersion,
        onEvent,
      }),
      keysOf: () => [KEY],
      optional: true,
    })),
    keys: [KEY],
    reconcile: step,
    clock,
    onEvent,
  })
}
