/**
 * Serves a bundle endpoint with `node:https`.
 *
 * @module
 */

import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import { checkOptionNames } from '../internal/options.ts'
import { type BundleHandlerOptions, createBundleHandler } from '../spiffe/bundle-handler.ts'
import { readCredentials, TLS_SETTINGS, type TlsCredentials } from './tls-settings.ts'

/** Options of {@link createBundleServer}. */
export interface BundleServerOptions extends BundleHandlerOptions {
  /** For `https_web` a certificate that names the host; for `https_spiffe` the SVID of the endpoint. */
  readonly credentials: TlsCredentials
  /** Where the bundle is. Other paths are 404. Default `/`. */
  readonly path?: string | undefined
}

/**
 * Makes a server for one bundle: Mozilla's "intermediate" TLS (SPIFFE Federation §5), no client certificates
 * (§5.2.1.3), the handler of `createBundleHandler` at one path. It does not listen yet; a new SVID is put in
 * by `server.setSecureContext`.
 *
 * @example
 * ```ts
 * import { createBundleServer } from 'mesh-pki/node'
 * import type { SpiffeBundle } from 'mesh-pki/spiffe'
 *
 * declare let current: SpiffeBundle
 * declare const cert: string, key: string
 * createBundleServer({ bundle: () => current, credentials: { cert, key }, path: '/bundle.json' }).listen(8443)
 * ```
 */
export function createBundleServer(options: BundleServerOptions): Server {
  checkOptionNames(options, ['bundle', 'onError', 'credentials', 'path'], 'createBundleServer')
  const { credentials, bundle, onError, path = '/' } = options
  if (credentials === undefined) throw new TypeError('createBundleServer needs the option "credentials"')
  const handler = createBundleHandler({ bundle, onError })
  return createServer({ ...TLS_SETTINGS, ...readCredentials(credentials) }, (request, response) => {
    answer(request, response, path, handler).catch((error: unknown) => {
      onError?.(error)
      response.destroy()
    })
  })
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
