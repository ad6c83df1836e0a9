/**
 * How long certificates are good for, as a metric.
 *
 * @module
 */

import type { Meter, ObservableResult } from '@opentelemetry/api'
import type { TimeSource } from '../internal/clock.ts'
import type { Certificate } from '../x509/certificate.ts'
import { attributes } from './attributes.ts'

/** A certificate whose life is watched. */
export interface WatchedCertificate {
  /** What it is called in the metric, such as `cacerts of east`. One time series each, so take few. */
  readonly name: string
  readonly certificate: Pick<Certificate, 'notAfter'>
}

/** Certificates that one collection reads; a metric with more series than that is dropped by most stores. */
const MAX_WATCHED = 10_000

/**
 * Observes `mesh_pki.certificate.expiry` whenever metrics are collected.
 *
 * @returns a function that ends it.
 */
export function watchExpiry(
  meter: Meter,
  clock: TimeSource,
  read: () => Iterable<WatchedCertificate>,
): () => void {
  const gauge = meter.createObservableGauge('mesh_pki.certificate.expiry', {
    unit: 's',
    description: 'How long the certificate is valid yet; below 0 after its end',
  })
  const observe = (result: ObservableResult): void => {
    const now = clock.now().getTime()
    let count = 0
    for (const { name, certificate } of read()) {
      if (++count > MAX_WATCHED) return
      const left = (certificate.notAfter.getTime() - now) / 1000
      result.observe(left, attributes({ 'mesh_pki.certificate.name': name }))
    }
  }
  gauge.addCallback(observe)
  return () => gauge.removeCallback(observe)
}
