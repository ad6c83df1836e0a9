/**
 * For Node: TLS between workloads, and bundle endpoints. `mesh-pki/node`.
 *
 * @module
 */

export {
  type BundleListenerOptions,
  type BundleServer,
  type BundleServerOptions,
  createBundleListener,
  createBundleServer,
} from './bundle-server.ts'
export { type ConnectSvidOptions, connectSvid, type SvidConnection } from './connect-svid.ts'
export { type EnrollmentDialerOptions, enrollmentDialer } from './enrollment-dialer.ts'
export {
  createEnrollmentServer,
  type EnrollmentConnectionLimits,
  type EnrollmentServer,
  type EnrollmentServerOptions,
} from './enrollment-server.ts'
export { fileJournal } from './file-journal.ts'
export type { PeerOptions } from './peer-policy.ts'
export { presentedChain } from './presented-chain.ts'
export { spiffeDialer, type WebFetchOptions, webFetch } from './spiffe-dialer.ts'
export {
  type SvidClientOptions,
  type SvidConnectionOptions,
  svidClientOptions,
} from './svid-client-options.ts'
export { svidOf } from './svid-of.ts'
export {
  createSvidServer,
  type RefusedClient,
  type SvidClient,
  type SvidServer,
  type SvidServerOptions,
} from './svid-server.ts'
export { SvidSession } from './svid-session.ts'
export type { TlsCredentials } from './tls-credentials.ts'
export type { ClientTlsOptions, ServerTlsOptions } from './tls-options.ts'
