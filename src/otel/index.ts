/**
 * Events as metrics and traces of OpenTelemetry, with `@opentelemetry/api` as an optional peer: `mesh-pki/otel`.
 *
 * @module
 */

export type { WatchedCertificate } from './certificate-expiry.ts'
export {
  type OpenTelemetryBridge,
  type OpenTelemetryOptions,
  openTelemetry,
} from './open-telemetry.ts'
