/**
 * `mesh-pki/inspect`: shows people what plain values mean.
 *
 * @module
 */

export { parseShowCerts } from './parse-show-certs.ts'
export { renderTimeline, type TimelineOptions } from './render-timeline.ts'
export type { ShowCerts, ShowCertsFinding, ShowCertsVerdict, ShownCertificate } from './show-certs.ts'
