/**
 * Issuance and bundles of other trust domains, as metrics.
 *
 * @module
 */

import type { Meter } from '@opentelemetry/api'
import type { EnrollmentEvent } from '../ca/enrollment/enrollment-options.ts'
import type { IssuerEvent } from '../ca/external/request-options.ts'
import type { FederationEvent } from '../spiffe/federation-event.ts'
import type { RemoteSignerEvent } from '../x509/remote-signature.ts'
import { attributes, errorType } from './attributes.ts'

/** An observer for `onEvent` of enrollment handlers and servers. */
export function enrollmentObserver(meter: Meter): (event: EnrollmentEvent) => void {
  const requests = meter.createCounter('mesh_pki.enrollment.requests', {
    unit: '{request}',
    description: 'Requests of clusters for a first or a next certificate',
  })
  return ({ type, operation, status, code }) =>
    requests.add(
      1,
      attributes({
        'mesh_pki.enrollment.operation': operation,
        'mesh_pki.enrollment.outcome': type,
        'http.response.status_code': status,
        'error.type': code,
      }),
    )
}

/** An observer for `onEvent` of `requestCertificate`. */
export function issuerObserver(meter: Meter): (event: IssuerEvent) => void {
  const calls = meter.createCounter('mesh_pki.issuer.unfinished_calls', {
    unit: '{call}',
    description: 'Calls to an issuer that failed, or found the certificate still pending',
  })
  return ({ type, call, error }) =>
    calls.add(
      1,
      attributes({
        'mesh_pki.issuer.call': call,
        'mesh_pki.issuer.outcome': type,
        'error.type': errorType(error),
      }),
    )
}

/** An observer for `onEvent` of a `remoteSigner`. */
export function remoteSignerObserver(meter: Meter): (event: RemoteSignerEvent) => void {
  const failures = meter.createCounter('mesh_pki.remote_signer.failures', {
    unit: '{attempt}',
    description: 'Attempts to sign in a KMS or an HSM that failed',
  })
  return ({ reason, willRetry, error }) =>
    failures.add(
      1,
      attributes({
        'mesh_pki.remote_signer.reason': reason,
        'mesh_pki.remote_signer.final': String(!willRetry),
        'error.type': errorType(error),
      }),
    )
}

/** An observer for `onEvent` of a `FederationClient`. */
export function federationObserver(meter: Meter): (event: FederationEvent) => void {
  const polls = meter.createCounter('mesh_pki.federation.events', {
    unit: '{event}',
    description:
      'Bundles of other trust domains that came, came empty, failed to come, went stale, or were given up',
  })
  const inForce = meter.createGauge('mesh_pki.federation.authorities', {
    unit: '{authority}',
    description: 'X.509 authorities of the trust domain that are in force; 0 refuses every SVID of it',
  })
  return (event) => {
    const domain = { 'mesh_pki.trust_domain': String(event.trustDomain) }
    const failure = event.type === 'failed' ? errorType(event.error) : undefined
    polls.add(1, attributes({ ...domain, 'mesh_pki.federation.event': event.type, 'error.type': failure }))
    if (event.type === 'fetched') inForce.record(event.bundle.x509Authorities.length, attributes(domain))
    if (event.type === 'emptied' || event.type === 'stale' || event.type === 'removed')
      inForce.record(0, attributes(domain))
  }
}
