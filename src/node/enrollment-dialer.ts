/**
 * Connects to enrollment servers.
 *
 * @module
 */

import { type IncomingMessage, request } from 'node:http'
import type { TLSSocket } from 'node:tls'
import type { EnrollmentDialer, EnrollmentSend } from '../ca/enrollment/enrollment-dialer.ts'
import { MeshPkiError } from '../errors.ts'
import { checkOptionNames, typeName } from '../internal/options.ts'
import type { EndpointResponse } from '../spiffe/bundle-endpoint.ts'
import { openTls } from './open-tls.ts'
import { presentedChain } from './presented-chain.ts'
import { readCredentials, type TlsCredentials } from './tls-credentials.ts'

/** Options of {@link enrollmentDialer}. */
export interface EnrollmentDialerOptions {
  /** The current certificate with its intermediates, and its key: for renewal. Default: none, for `enroll`. */
  readonly credentials?: TlsCredentials | undefined
}

/**
 * What `enroll` and `renewEnrollment` take as `dial`: opens a TLS connection, lets the client authenticate the server,
 * and only then can be given a request. No session is resumed, no redirect is followed, and each connection carries one
 * request.
 *
 * @throws `TypeError` for options; `MeshPkiError` `ERR_TLS_CREDENTIALS`.
 *
 * @example
 * ```ts
 * import { enroll } from 'mesh-pki/ca'
 * import { enrollmentDialer } from 'mesh-pki/node'
 *
 * declare const token: string, relayRootPem: string
 * const { certificate } = await enroll({
 *   url: 'https://relay.example:9900/enrollment/v1',
 *   dial: enrollmentDialer(),
 *   anchors: relayRootPem,
 *   token,
 *   name: 'cluster-1',
 * })
 * ```
 */
export function enrollmentDialer(options: EnrollmentDialerOptions = {}): EnrollmentDialer {
  checkOptionNames(options, ['credentials'], 'enrollmentDialer')
  const { credentials } = options
  if (credentials !== undefined && (typeof credentials !== 'object' || credentials === null))
    throw new TypeError(
      `option "credentials" must be an object with "cert" and "key"; got ${typeName(credentials)}`,
    )
  const material = credentials === undefined ? {} : readCredentials(credentials)
  return async ({ url, serverName, signal, authenticate }) => {
    const { hostname, port, host } = new URL(url)
    const { socket } = await openTls(
      {
        ...material,
        host: hostname.replace(/^\[|\]$/g, ''),
        port: port === '' ? 443 : Number(port),
        // An endpoint that speaks HTTP/2 too must not choose it.
        ALPNProtocols: ['http/1.1'],
        ...(serverName === undefined ? {} : { servername: serverName }),
      },
      (connected) => authenticate(presentedChain(connected)),
      signal,
    )
    // Until it is used, and after that: an error without a listener ends the process.
    socket.on('error', () => {})
    const onAbort = (): void => void socket.destroy()
    signal.addEventListener('abort', onAbort)
    if (signal.aborted) onAbort()
    return {
      send: (sent) => send(socket, host, sent),
      close: () => {
        signal.removeEventListener('abort', onAbort)
        socket.destroy()
      },
    }
  }
}

async function send(
  socket: TLSSocket,
  host: string,
  { method, target, headers, body, maxBytes }: EnrollmentSend,
): Promise<EndpointResponse> {
  if (socket.destroyed)
    throw new MeshPkiError('ERR_TLS_CLOSED', 'the server closed the connection before it was asked')
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const asked = request(
      {
        createConnection: () => socket,
        method,
        path: target,
        headers: { ...headers, host, connection: 'close', 'content-length': String(body.length) },
      },
      resolve,
    )
    asked.once('error', reject)
    const refuse = (): void => {
      asked.destroy()
      reject(
        new Error(
          'the server closed the connection without an answer. Did it refuse our certificate? It knows why',
        ),
      )
    }
    // Without a listener of its own, 101 ends in nothing but `close`.
    asked.once('upgrade', refuse).once('close', refuse)
    asked.end(body)
  })
  const answered = response.headers
  return {
    status: response.statusCode ?? 0,
    headers: { get: (name) => answered[name.toLowerCase()]?.toString() ?? null },
    body: await readAll(response, maxBytes),
  }
}

async function readAll(response: IncomingMessage, maxBytes: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of response as AsyncIterable<Uint8Array>) {
    length += chunk.length
    if (length > maxBytes)
      throw new MeshPkiError(
        'ERR_ENROLLMENT_RESPONSE',
        `the enrollment server answered more than ${maxBytes} bytes; the rest was not read`,
      )
    chunks.push(chunk)
  }
  return new Uint8Array(Buffer.concat(chunks))
}
