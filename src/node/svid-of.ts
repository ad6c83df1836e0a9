/**
 * Who is at the other end of a socket.
 *
 * @module
 */

import type { Duplex } from 'node:stream'
import { VerifiedSvid } from '../spiffe/verified-svid.ts'

/** Kept on the socket itself: it travels with it, through an HTTP server for instance. */
const SVID: unique symbol = Symbol('mesh-pki svid')

/** Notes who is at the other end. */
export function markSocket(socket: Duplex, svid: VerifiedSvid): void {
  Object.defineProperty(socket, SVID, { value: svid, configurable: true })
}

/**
 * Who was verified at the other end of a socket that `connectSvid` or `createSvidServer` handed over; `undefined`
 * for others. In a request handler: `svidOf(request.socket)`.
 *
 * @example
 * ```ts
 * import { createServer } from 'node:http'
 * import { createSvidServer, svidOf } from 'mesh-pki/node'
 * import type { SpiffeBundle } from 'mesh-pki/spiffe'
 *
 * declare const bundle: SpiffeBundle, cert: string, key: string
 * const http = createServer((request, response) => response.end(`hello ${svidOf(request.socket)?.id}`))
 * const { server } = createSvidServer({ bundles: bundle, credentials: { cert, key } }, ({ socket }) =>
 *   http.emit('connection', socket),
 * )
 * server.listen(8443)
 * ```
 */
export function svidOf(socket: Duplex): VerifiedSvid | undefined {
  const svid: unknown = Reflect.get(socket, SVID)
  return svid instanceof VerifiedSvid ? svid : undefined
}
