/**
 * Serves a bundle endpoint with `node:https`.
 *
 * @module
 */

import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import { checkOptionNames } from '../internal/options.ts'
import { tell } from '../internal/tell.ts'
import { type BundleHandlerOptions, createBundleHandler } from '../spiffe/bundle-handler.ts'
import { readCredentials, type TlsCredentials } from './tls-credentials.ts'
import { TLS_SETTINGS } from './tls-settings.ts'

/** Options of {@link createBundleListener}. */
export interface BundleListenerOptions extends BundleHandlerOptions {
  /** Where the bundle is. Other paths are 404. Default `/`. */
  readonly path?: string | undefined
}

/** Options of {@link createBundleServer}. */
export interface BundleServerOptions extends BundleListenerOptions {
  /** For `https_web` a certificate that names the host; for `https_spiffe` the SVID of the endpoint. */
  readonly credentials: TlsCredentials
}

/** A server for one bundle. */
export interface BundleServer {
  /** To listen, and to close. */
  readonly server: Server
  /** Serves with another certificate from the next connection on. */
  setCredentials(credentials: TlsCredentials): void
}

/**
 * Makes a request listener for a server of your own: the handler of `createBundleHandler` at one path.
 *
 * @throws `TypeError` for options.
 */
export function createBundleListener(options: BundleListenerOptions): RequestListener {
  checkOptionNames(options, ['bundle', 'onError', 'path'], 'createBundleListener')
  const { bundle, onError, path = '/' } = options
  if (typeof path !== 'string' || !path.startsWith('/'))
    throw new TypeError('option "path" must begin with "/", such as \'/bundle.json\'')
  const handler = createBundleHandler({ bundle, onError })
  return (request, response) => {
    answer(request, response, path, handler).catch((error: unknown) => {
      tell(onError, error)
      response.destroy()
    })
  }
}

/**
 * Makes a server for one bundle: Mozilla's "intermediate" TLS (SPIFFE Federation §5), no client certificates
 * (§5.2.1.3), the listener of {@link createBundleListener}. It does not listen yet.
 *
 * **Warning**: put in a new certificate by `setCredentials`. `server.setSecureContext` would put Node's own
 * settings in the place of these.
 *
 * @throws `TypeError` for options; `MeshPkiError` `ERR_TLS_CREDENTIALS`.
 *
 * @example
 * ```ts
 * import { createBundleServer } from 'mesh-pki/node'
 * import type { SpiffeBundle } from 'mesh-pki/spiffe'
 *
 * declare let current: SpiffeBundle
 * declare const cert: string, key: string
 * const { server } = createBundleServer({
 *   bundle: () => current,
 *   credentials: { cert, key },
 *   path: '/bundle.json',
 * })
 * server.listen(8443)
 * ```
 */
export function createBundleServer(options: BundleServerOptions): BundleServer {
  checkOptionNames(options, ['bundle', 'onError', 'credentials', 'path'], 'createBundleServer')
  const { credentials, ...listener } = options
  if (credentials === undefined) throw new TypeError('createBundleServer needs the option "credentials"')
  const context = (current: TlsCredentials): object => ({ ...TLS_SETTINGS, ...readCredentials(current) })
  const server = createServer(context(credentials), createBundleListener(listener))
  return { server, setCredentials: (next) => server.setSecureContext(context(next)) }
}

async function answer(
  { url = '/', method = 'GET', headers }: IncomingMessage,
  response: ServerResponse,
  path: string,
  handler: ReturnType<typeof createBundleHandler>,
): Promise<void> {
  if (url.split('?', 1)[0] !== path) {
    response.writeHead(404).end()
    return
  }
  const answered = await handler({
    method,
    headers: { get: (name) => headers[name.toLowerCase()]?.toString() ?? null },
  })
  response.writeHead(answered.status, Object.fromEntries(answered.headers))
  response.end(new Uint8Array(await answered.arrayBuffer()))
}
