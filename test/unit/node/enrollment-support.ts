/**
 * Enrollment servers on loopback, sound and hostile.
 */
import { createServer as createTcpServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer, type TLSSocket } from 'node:tls'
import { onTestFinished } from 'vitest'
import {
  createEnrollmentToken,
  type EnrollmentEvent,
  type EnrollmentHandlerOptions,
  type EnrollOptions,
  enroll,
} from '../../../src/ca/index.ts'
import {
  createEnrollmentServer,
  type EnrollmentServerOptions,
  enrollmentDialer,
} from '../../../src/node/index.ts'
import { manualClock } from '../../../src/testing/index.ts'
import { CLUSTER, credentialsOf, handlerFixture, root, SERVER, serverOf } from '../ca/enrollment/support.ts'
import { NOW } from '../verify/forge.ts'
import { deferred, listen } from './support.ts'

export const serverCredentials = credentialsOf(serverOf())

/** A server over the fixture of the handler's tests. */
export async function serve(options: Partial<EnrollmentServerOptions> = {}) {
  const { credentials, connectionLimits, onConnectionError, ...forHandler } = options
  const fixture: Partial<EnrollmentHandlerOptions> = { ...forHandler, reservedNames: [] }
  const { reservedNames: _, ...base } = handlerFixture(fixture).options
  const clock = options.clock ?? base.clock ?? manualClock(NOW)
  const events: EnrollmentEvent[] = []
  const failures: unknown[] = []
  const handle = createEnrollmentServer({
    ...base,
    clock,
    credentials: serverCredentials,
    onEvent: (event) => events.push(event),
    onConnectionError: (error) => failures.push(error),
    ...options,
  })
  const port = await listen(handle.server)
  onTestFinished(() => handle.server.closeAllConnections())
  const token = async (terms: object = {}) =>
    (await createEnrollmentToken({ store: base.tokens, clock, ...terms })).token
  return { ...handle, port, clock, tokens: base.tokens, events, failures, token }
}

export const urlOf = (port: number): string => `https://127.0.0.1:${port}/enrollment/v1`

/** Enrolls at a port of loopback, by the name of the server. */
export const enrollAt = (port: number, token: string, options: Partial<EnrollOptions> = {}) =>
  enroll({
    url: urlOf(port),
    dial: enrollmentDialer(),
    anchors: root.certificate,
    serverName: SERVER,
    clock: manualClock(NOW),
    token,
    name: CLUSTER,
    ...options,
  })

/** Whoever stands in the way: it speaks TLS with any certificate, keeps what it is sent, and answers as it is told. */
export async function interceptor(
  credentials: { readonly cert: string; readonly key: string },
  answer: (socket: TLSSocket) => void = () => {},
) {
  const received: Buffer[] = []
  const { promise: gone, resolve: leave } = deferred<void>()
  const server = createTlsServer(
    { ...credentials, requestCert: true, rejectUnauthorized: false },
    (socket) => {
      socket.on('error', () => {})
      socket.on('data', (chunk: Buffer) => {
        const first = received.length === 0
        received.push(chunk)
        if (first) answer(socket)
      })
      onTestFinished(() => void socket.destroy())
    },
  )
  server.on('tlsClientError', () => {})
  server.on('connection', (socket) => void socket.on('close', () => leave()))
  const port = await listen(server)
  return { port, bytes: () => Buffer.concat(received), gone }
}

/** A server that speaks no TLS at all. */
export async function plainServer(answer: (socket: Socket) => void) {
  const received: Buffer[] = []
  const server: Server = createTcpServer((socket) => {
    socket.on('error', () => {})
    socket.on('data', (chunk) => {
      received.push(Buffer.from(chunk))
      answer(socket)
    })
    onTestFinished(() => void socket.destroy())
  })
  const port = await listen(server)
  return { port, bytes: () => Buffer.concat(received) }
}

/** Waits until a socket is closed, by whatever. */
export function closed(socket: Socket): Promise<void> {
  socket.on('error', () => {})
  return new Promise((resolve) => void socket.once('close', () => resolve()))
}

/** Writes to a socket and reads until it is closed. */
export async function exchangeRaw(socket: Socket, text: string | Uint8Array): Promise<string> {
  let answered = ''
  socket.on('data', (chunk: Buffer) => {
    answered += chunk.toString('latin1')
  })
  socket.write(text)
  await closed(socket)
  return answered
}
