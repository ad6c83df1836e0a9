/**
 * What runs in Kubernetes, as metrics and spans.
 *
 * @module
 */

import { type Meter, SpanKind, type Tracer } from '@opentelemetry/api'
import type { TimeSource } from '../internal/clock.ts'
import type {
  KubeRuntimeEvent,
  LeaseEvent,
  ReconcileEvent,
  ReflectorEvent,
  RequestEvent,
} from '../kubernetes/api/kube-event.ts'
import type { SignerEvent } from '../kubernetes/signers/signer-event.ts'
import type { TrustDriftEvent } from '../kubernetes/trust/trust-drift.ts'
import { attributes, errorType } from './attributes.ts'
import { SECONDS } from './instruments.ts'
import { recordSpan } from './record-span.ts'

/** An observer for `onEvent` of clients, reflectors, controllers and electors. */
export function kubernetesObserver(
  tracer: Tracer,
  meter: Meter,
  clock: TimeSource,
): (event: KubeRuntimeEvent) => void {
  const requests = meter.createHistogram('mesh_pki.kubernetes.request.duration', {
    ...SECONDS,
    description: 'How long API servers took to answer, or not to',
  })
  const skew = meter.createGauge('mesh_pki.kubernetes.clock_skew', {
    unit: 's',
    description: 'How far the API server’s clock is ahead of ours, where that is more than a minute',
  })
  const objects = meter.createGauge('mesh_pki.reflector.objects', {
    unit: '{object}',
    description: 'Objects that a reflector holds',
  })
  const phases = meter.createCounter('mesh_pki.reflector.transitions', {
    unit: '{transition}',
    description: 'How often reflectors listed, began to watch, were dropped, failed',
  })
  const reconciles = meter.createHistogram('mesh_pki.reconcile.duration', {
    ...SECONDS,
    description: 'How long controllers worked at a key',
  })
  const leading = meter.createGauge('mesh_pki.lease.leading', {
    unit: '1',
    description: '1 while this process is the leader, else 0',
  })

  const onRequest = ({ verb, resource, durationMs, status, code }: RequestEvent): void => {
    const about = attributes({
      'mesh_pki.kubernetes.verb': verb,
      'mesh_pki.kubernetes.resource': resource,
      'http.response.status_code': status,
      'error.type': code,
    })
    requests.record(durationMs / 1000, about)
    const end = clock.now().getTime()
    recordSpan(tracer, {
      name: `${verb} ${resource}`,
      kind: SpanKind.CLIENT,
      start: end - durationMs,
      end,
      attributes: about,
      failure: code,
    })
  }
  const onReflector = ({ resource, phase, objects: count, error }: ReflectorEvent): void => {
    objects.record(count, attributes({ 'mesh_pki.kubernetes.resource': resource }))
    phases.add(
      1,
      attributes({
        'mesh_pki.kubernetes.resource': resource,
        'mesh_pki.reflector.phase': phase,
        'error.type': errorType(error),
      }),
    )
  }
  const onReconcile = ({ controller, key, outcome, durationMs, error }: ReconcileEvent): void => {
    const failure = errorType(error)
    const about = attributes({
      'mesh_pki.controller.name': controller,
      'mesh_pki.controller.outcome': outcome,
      'error.type': failure,
    })
    reconciles.record(durationMs / 1000, about)
    const end = clock.now().getTime()
    recordSpan(tracer, {
      name: `reconcile ${controller}`,
      kind: SpanKind.INTERNAL,
      start: end - durationMs,
      end,
      attributes: { ...about, ...attributes({ 'mesh_pki.controller.key': key }) },
      failure,
    })
  }
  const onLease = ({ lease, phase }: LeaseEvent): void => {
    // A try that failed changes nothing by itself: the leader stays one until its time has run out.
    if (phase !== 'failed')
      leading.record(phase === 'acquired' ? 1 : 0, attributes({ 'mesh_pki.lease.name': lease }))
  }
  return (event) => {
    switch (event.type) {
      case 'request':
        return onRequest(event)
      case 'clock-skew':
        return skew.record(event.skewMs / 1000)
      case 'reflector':
        return onReflector(event)
      case 'reconcile':
        return onReconcile(event)
      case 'lease':
        return onLease(event)
    }
  }
}

/** An observer for `onEvent` of a `RequestSigner`. */
export function signerObserver(meter: Meter): (event: SignerEvent) => void {
  const requests = meter.createCounter('mesh_pki.signer.requests', {
    unit: '{request}',
    description: 'Requests of the cluster that were signed, refused, dropped, or signed with a warning',
  })
  return (event) =>
    requests.add(
      1,
      attributes({
        'mesh_pki.signer.kind': event.request.kind,
        'mesh_pki.signer.outcome': event.type,
        'mesh_pki.signer.reason': event.type === 'refused' ? event.reason : undefined,
      }),
    )
}

/** An observer for `onEvent` of `rootConfigMapStep`. */
export function trustObserver(meter: Meter): (event: TrustDriftEvent) => void {
  const drifts = meter.createCounter('mesh_pki.trust.drifts', {
    unit: '{drift}',
    description: 'Root ConfigMaps that did not hold the roots that they shall, and were not written',
  })
  return ({ drift, outcome }) =>
    drifts.add(1, attributes({ 'mesh_pki.trust.state': drift.state, 'mesh_pki.trust.outcome': outcome }))
}
