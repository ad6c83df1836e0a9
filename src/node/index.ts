/**
 * For Node: TLS between workloads, and bundle endpoints. `mesh-pki/node`.
 *
 * @module
 */

export { type BundleServerOptions, createBundleServer } from './bundle-server.ts'
export {
  type ConnectSvidOptions,
  connectSvid,
  type PeerOptions,
  type SvidConnection,
} from './connect-svid.ts'
export { spiffeDialer, type WebFetchOptions, webFetch } from './spiffe-dialer.ts'
export { type SvidClientOptions, svidClientOptions } from './svid-client-options.ts'
export {
  createSvidServer,
  type RefusedClient,
  type SvidClient,
  type SvidServer,
  type SvidServerOptions,
} from './svid-server.ts'
export { SvidSession } from './svid-session.ts'
export type { TlsCredentials } from './tls-settings.ts'
