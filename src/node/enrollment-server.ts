/**
 * Serves enrollment with `node:https`.
 *
 * @module
 */

import { constants } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server, type ServerOptions } from 'node:https'
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { TLSSocket } from 'node:tls'
import { readReservedNames } from '../ca/enrollment/cluster-name.ts'
import { createEnrollmentHandler, type EnrollmentHandler } from '../ca/enrollment/enrollment-handler.ts'
import { type EnrollmentHandlerOptions, HANDLER_OPTIONS } from '../ca/enrollment/enrollment-options.ts'
import type { EnrollmentRequest } from '../ca/enrollment/enrollment-request.ts'
import { MAX_TIMER_MS } from '../internal/clock.ts'
import { readDuration } from '../internal/duration.ts'
import { checkOptionNames, readCount, readFunction, typeName } from '../internal/options.ts'
import { tell } from '../internal/tell.ts'
import { Certificate } from '../x509/certificate.ts'
import { normalizeDnsName } from '../x509/dns-name.ts'
import { presentedChain } from './presented-chain.ts'
import { readCredentials, type TlsCredentials } from './tls-credentials.ts'
import { TLS_SETTINGS } from './tls-settings.ts'

/** Bounds of connections, by the machine's clock. */
export interface EnrollmentConnectionLimits {
  /** For a handshake, and again for the header of a request. Default `'10s'`. */
  readonly headerTimeout?: string | undefined
  /** For a whole request. `limits.timeout` ends it earlier as a rule, with an answer. Default `'1m'`. */
  readonly requestTimeout?: string | undefined
  /** Connections at the same time; one more is closed at once. Default 256. */
  readonly connections?: number | undefined
}

/** Options of {@link createEnrollmentServer}. */
export interface EnrollmentServerOptions extends Omit<EnrollmentHandlerOptions, 'reservedNames'> {
  /** The server's own certificate. Its DNS names are reserved, so that no cluster gets a certificate for them. */
  readonly credentials: TlsCredentials
  /** Further names that no cluster gets, such as those of other servers below the same root. Default: none. */
  readonly reservedNames?: EnrollmentHandlerOptions['reservedNames'] | undefined
  readonly connectionLimits?: EnrollmentConnectionLimits | undefined
  /** Told of connections that ended before there was a request, and of what broke off. What it throws is ignored. */
  readonly onConnectionError?: ((error: unknown, client: string | undefined) => void) | undefined
}

/** A server for enrollment. */
export interface EnrollmentServer {
  /** To listen, and to close. */
  readonly server: Server
  /** Serves with another certificate from the next connection on. Names that were reserved stay so. */
  setCredentials(credentials: TlsCredentials): void
}

const LIMIT_NAMES = ['headerTimeout', 'requestTimeout', 'connections']

/** Octets of all headers: a token has at most 512. */
const MAX_HEADER = 8192

/** How often Node looks for requests that are too slow. */
const CHECK_MS = 1000

/**
 * Makes a server for `createEnrollmentHandler`: TLS 1.2 or newer, a client certificate asked for and judged by the
 * handler alone, no resumed sessions, one request a connection. It does not listen yet.
 *
 * **Warning**: put in a new certificate by `setCredentials`. `server.setSecureContext` would put Node's own
 * settings in the place of these. Nothing that ends TLS may stand before it: renewal needs the client's certificate.
 *
 * @throws `TypeError`, `RangeError` for options; `MeshPkiError` `ERR_TLS_CREDENTIALS`, and for certificates that cannot
 * be read.
 *
 * @example
 * ```ts
 * import { type IssuedCertificate, memoryTokenStore } from 'mesh-pki/ca'
 * import type { VerifiedCsr } from 'mesh-pki/csr'
 * import { createEnrollmentServer } from 'mesh-pki/node'
 *
 * declare const cert: string, key: string, signingCaPem: string, relayRootPem: string
 * declare function signForCluster(csr: VerifiedCsr, name: string): Promise<IssuedCertificate>
 * const { server } = createEnrollmentServer({
 *   credentials: { cert, key },
 *   issue: (csr, { name }) => signForCluster(csr, name),
 *   tokens: memoryTokenStore(),
 *   clientAnchors: signingCaPem,
 *   serverAnchors: relayRootPem,
 * })
 * server.listen(9900)
 * ```
 */
export function createEnrollmentServer(options: EnrollmentServerOptions): EnrollmentServer {
  checkOptionNames(
    options,
    [...HANDLER_OPTIONS, 'credentials', 'connectionLimits', 'onConnectionError'],
    'createEnrollmentServer',
  )
  const { credentials, reservedNames = [], connectionLimits, onConnectionError, ...rest } = options
  if (typeof reservedNames !== 'function') readReservedNames(reservedNames)
  readFunction(onConnectionError, 'onConnectionError')
  const limits = readLimits(connectionLimits)
  // Those of a certificate that was replaced stay: clients may still know the server by them.
  const ours = new Set<string>()
  const context = (current: TlsCredentials): ServerOptions => {
    if (typeof current !== 'object' || current === null)
      throw new TypeError(
        `option "credentials" must be an object with "cert" and "key"; got ${typeName(current)}`,
      )
    const material = readCredentials(current)
    for (const name of dnsNamesOf(material.cert)) ours.add(name)
    return {
      ...TLS_SETTINGS,
      ...material,
      // No roots: a chain that OpenSSL likes is emptied by newer versions of Node (seen in 24.21).
      ca: [],
      // A resumed session shows no certificate that could be judged.
      secureOptions: TLS_SETTINGS.secureOptions | constants.SSL_OP_NO_TICKET,
    }
  }
  const settings = context(credentials)
  const handler = createEnrollmentHandler({
    ...rest,
    reservedNames: () => [
      ...ours,
      ...(typeof reservedNames === 'function' ? reservedNames() : reservedNames),
    ],
  })
  const failed = (error: unknown, socket: Duplex): void => {
    const client = socket instanceof Socket ? socket.remoteAddress : undefined
    socket.destroy()
    tell(onConnectionError, error, client)
  }
  const server = createServer(
    {
      ...settings,
      requestCert: true,
      rejectUnauthorized: false,
      ALPNProtocols: ['http/1.1'],
      handshakeTimeout: limits.headerMs,
      headersTimeout: limits.headerMs,
      requestTimeout: limits.requestMs,
      connectionsCheckingInterval: Math.min(CHECK_MS, limits.headerMs),
      maxHeaderSize: MAX_HEADER,
    },
    (request, response) => {
      answer(request, response, handler).catch((error: unknown) => failed(error, request.socket))
    },
  )
  server.maxConnections = limits.connections
  server.maxRequestsPerSocket = 1
  // Of handshakes, too: `node:https` passes them on.
  server.on('clientError', failed)
  return { server, setCredentials: (next) => server.setSecureContext(context(next)) }
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  handler: EnrollmentHandler,
): Promise<void> {
  const { socket } = request
  // What breaks off is seen where it is read and written.
  request.on('error', () => {})
  response.on('error', () => {})
  const left = new AbortController()
  response.once('close', () => left.abort())
  const answered = await handler(toRequest(request), {
    client: socket.remoteAddress,
    signal: left.signal,
    get peerCertificates() {
      return socket instanceof TLSSocket && !socket.isSessionReused() ? presentedChain(socket) : []
    },
  })
  const body = new Uint8Array(await answered.arrayBuffer())
  response.writeHead(answered.status, { ...Object.fromEntries(answered.headers), connection: 'close' })
  response.end(body)
}

/** A body that is never asked for is not read. */
function toRequest(request: IncomingMessage): EnrollmentRequest {
  const { url = '/', method = '', headers } = request
  return {
    url,
    method,
    headers: { get: (name) => headers[name.toLowerCase()]?.toString() ?? null },
    body: {
      getReader: () => {
        const chunks: AsyncIterator<Uint8Array> = request.iterator({ destroyOnReturn: false })
        return {
          read: async () => {
            const { done, value } = await chunks.next()
            return done === true ? { done: true } : { done: false, value }
          },
          // Not destroyed: the answer goes over the same connection.
          cancel: async () => void request.pause(),
        }
      },
    },
  }
}

function dnsNamesOf(cert: string | Buffer): readonly string[] {
  const [leaf] = Certificate.listFromPem(cert)
  // What is no DNS name is no cluster's either, and would be refused as an option.
  return (leaf?.subjectAltNames ?? []).flatMap((name) => {
    const read = name.type === 'dns' ? normalizeDnsName(name.value.replace(/\.$/, ''), true) : undefined
    return read === undefined ? [] : [read]
  })
}

function readLimits(limits: EnrollmentConnectionLimits = {}): {
  readonly headerMs: number
  readonly requestMs: number
  readonly connections: number
} {
  checkOptionNames(limits, LIMIT_NAMES, 'option "connectionLimits"')
  const { headerTimeout = '10s', requestTimeout = '1m', connections = 256 } = limits
  const headerMs = Math.min(readDuration(headerTimeout, 'connectionLimits.headerTimeout'), MAX_TIMER_MS)
  const requestMs = Math.min(readDuration(requestTimeout, 'connectionLimits.requestTimeout'), MAX_TIMER_MS)
  if (requestMs < headerMs)
    throw new RangeError(
      'option "connectionLimits.requestTimeout" must not be shorter than "connectionLimits.headerTimeout"',
    )
  return {
    headerMs,
    requestMs,
    connections: readCount(connections, 'connectionLimits.connections', 1, 1_000_000),
  }
}
