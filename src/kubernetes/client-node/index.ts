/**
 * A transport over `@kubernetes/client-node`: `mesh-pki/kubernetes/client-node`.
 *
 * @module
 */

export type {
  ClientNodeConfig,
  ClientNodeLibrary,
  ClientNodeRequest,
  ClientNodeResponse,
  ClientNodeWatch,
} from './client-node-library.ts'
export { type ClientNodeOptions, clientNodeTransport } from './client-node-transport.ts'
