/**
 * The bridge from events to OpenTelemetry.
 *
 * @module
 */

import { type Meter, metrics, type Tracer, trace } from '@opentelemetry/api'
import type { EnrollmentEvent } from '../ca/enrollment/enrollment-options.ts'
import type { IssuerEvent } from '../ca/external/request-options.ts'
import { currentTime, systemClock, type TimeSource } from '../internal/clock.ts'
import { checkOptionNames, readFunction } from '../internal/options.ts'
import type { KubeRuntimeEvent } from '../kubernetes/api/kube-event.ts'
import type { SignerEvent } from '../kubernetes/signers/signer-event.ts'
import type { TrustDriftEvent } from '../kubernetes/trust/trust-drift.ts'
import type { RotationEvent } from '../rotation/scheduler/rotation-event.ts'
import type { TraceEvent } from '../rotation/trace/trace-event.ts'
import type { FederationEvent } from '../spiffe/federation-event.ts'
import type { RemoteSignerEvent } from '../x509/remote-signature.ts'
import { type WatchedCertificate, watchExpiry } from './certificate-expiry.ts'
import {
  enrollmentObserver,
  federationObserver,
  issuerObserver,
  remoteSignerObserver,
} from './issuance-observer.ts'
import { kubernetesObserver, signerObserver, trustObserver } from './kubernetes-observer.ts'
import { rolloverObserver, schedulerObserver } from './rotation-observer.ts'

/** Options of {@link openTelemetry}. */
export interface OpenTelemetryOptions {
  /** Default: the tracer `mesh-pki` of the provider that is registered when this is called. */
  readonly tracer?: Tracer | undefined
  /** Default: the meter `mesh-pki` of the provider that is registered when this is called. */
  readonly meter?: Meter | undefined
  /** What spans end by where an event has no instant of its own, and remaining life is counted by. */
  readonly clock?: TimeSource | undefined
}

/** Observers, each for the `onEvent` of one kind of object. They can be passed on by themselves. */
export interface OpenTelemetryBridge {
  /** Of `KubeClient`, `Reflector`, `Controller`, `LeaseElector` and the controllers made of them. */
  readonly kubernetes: (event: KubeRuntimeEvent) => void
  /** Of a `RequestSigner`. */
  readonly signer: (event: SignerEvent) => void
  /** Of `rootConfigMapStep`. */
  readonly trust: (event: TrustDriftEvent) => void
  /** Of a `RotationScheduler`: one bridge for each scheduler, since handles are told apart by it alone. */
  readonly scheduler: (event: RotationEvent) => void
  /** Of a `Rollover`. */
  readonly rollover: (event: TraceEvent) => void
  /** Of a `FederationClient`. */
  readonly federation: (event: FederationEvent) => void
  /** Of enrollment handlers and servers. */
  readonly enrollment: (event: EnrollmentEvent) => void
  /** Of `requestCertificate`. */
  readonly issuer: (event: IssuerEvent) => void
  /** Of `remoteSigner`. */
  readonly remoteSigner: (event: RemoteSignerEvent) => void
  /**
   * Shows how long certificates are valid yet, as `mesh_pki.certificate.expiry` in seconds, whenever metrics are
   * collected. `read` is called each time; what it throws is the collector's to tell.
   *
   * @returns a function that ends it.
   */
  readonly watchCertificates: (read: () => Iterable<WatchedCertificate>) => () => void
}

const OPTIONS = ['tracer', 'meter', 'clock']

/**
 * Makes metrics and spans of what long-lived objects tell, by `@opentelemetry/api` alone: exporters and samplers are the
 * program's. Names, units and attributes are in `docs/observability.md`. Metrics have few values for each attribute: what is told
 * of one object, such as its key in a queue, is in spans.
 *
 * No message of an error is recorded, nor anything out of a request: `error.type` is a code or a class, or `_OTHER`.
 *
 * **Warning**: register the providers first. Instruments that are made before stay silent.
 *
 * @throws `TypeError` for an unknown option.
 *
 * @example
 * ```ts
 * import { agentController, type KubeClient } from 'mesh-pki/kubernetes'
 * import { openTelemetry } from 'mesh-pki/otel'
 *
 * declare const client: KubeClient
 * const telemetry = openTelemetry()
 * const agent = agentController(client, { agentNamespace: 'mesh-pki', onEvent: telemetry.kubernetes })
 * ```
 */
export function openTelemetry(options: OpenTelemetryOptions = {}): OpenTelemetryBridge {
  checkOptionNames(options, OPTIONS, 'openTelemetry')
  const {
    tracer = trace.getTracer('mesh-pki'),
    meter = metrics.getMeter('mesh-pki'),
    clock = systemClock,
  } = options
  currentTime(clock)
  return {
    kubernetes: kubernetesObserver(tracer, meter, clock),
    signer: signerObserver(meter),
    trust: trustObserver(meter),
    scheduler: schedulerObserver(tracer, meter),
    rollover: rolloverObserver(meter),
    federation: federationObserver(meter),
    enrollment: enrollmentObserver(meter),
    issuer: issuerObserver(meter),
    remoteSigner: remoteSignerObserver(meter),
    watchCertificates: (read) => {
      readFunction(read, 'read')
      return watchExpiry(meter, clock, read)
    },
  }
}
