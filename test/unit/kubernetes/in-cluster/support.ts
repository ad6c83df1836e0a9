/**
 * An HTTPS server on loopback that answers what a test says, with a certificate of ours.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type ServerOptions } from 'node:https'
import { createServer as createTlsServer, type TLSSocket } from 'node:tls'
import { createRootCa } from '../../../../src/ca/index.ts'
import { createCsr } from '../../../../src/csr/index.ts'
import { exportPrivateKey, generateKeyPair } from '../../../../src/x509/index.ts'

export interface Credentials {
  readonly cert: string
  readonly key: string
}

export interface Authority {
  readonly caPem: string
  issue(
    names: readonly { readonly type: 'dns' | 'ip'; readonly value: string }[],
    profile?: 'gloo-relay-server' | 'gloo-relay-client',
  ): Promise<Credentials>
}

/** `at`: when all of it is made; now by default. */
export async function makeAuthority(at?: Date): Promise<Authority> {
  const clock = at === undefined ? {} : { clock: { now: () => at } }
  const root = await createRootCa({ subject: 'CN=Root', lifetime: '1d', ...clock })
  return {
    caPem: root.certificate.toPem(),
    issue: async (identities, profile = 'gloo-relay-server') => {
      const { privateKey } = await generateKeyPair('P-256', { extractable: true })
      const { csr } = await createCsr({ key: privateKey })
      const policy = { name: 'server', profile, lifetime: { max: '1h' } }
      const { certificate } = await root.sign(csr, policy, { identities })
      return { cert: certificate.toPem(), key: await exportPrivateKey(privateKey, { format: 'pkcs8' }) }
    },
  }
}

export type Handler = (request: IncomingMessage, response: ServerResponse, body: string) => void

export interface Listener {
  readonly url: string
  readonly port: number
  /** How many connections were opened. */
  readonly connections: number
  stop(): Promise<void>
}

export async function listen(
  options: ServerOptions,
  handler: Handler,
  host = '127.0.0.1',
): Promise<Listener> {
  let connections = 0
  const server = createServer(options, (request, response) => {
    let body = ''
    request.on('data', (chunk) => {
      body += String(chunk)
    })
    request.on('end', () => handler(request, response, body))
    request.on('error', () => {})
  })
  server.on('secureConnection', () => {
    connections++
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, host, resolve)
  })
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  return {
    url: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
    port,
    get connections() {
      return connections
    },
    stop: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

export type RawHandler = (socket: TLSSocket, request: string) => unknown

/** A server over TLS that says what a test writes, byte by byte. */
export async function listenRaw(
  options: Credentials,
  handler: RawHandler,
): Promise<{
  readonly url: string
  /** The heads of requests. */
  readonly requests: readonly string[]
  connections(): number
  stop(): Promise<void>
}> {
  const sockets = new Set<TLSSocket>()
  const requests: string[] = []
  let connections = 0
  const server = createTlsServer(options, (socket) => {
    sockets.add(socket)
    let head = ''
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
    socket.on('data', (data) => {
      head += String(data)
      const end = head.indexOf('\r\n\r\n')
      if (end < 0) return
      const request = head.slice(0, end)
      head = ''
      requests.push(request)
      handler(socket, request)
    })
  })
  server.on('connection', () => {
    connections++
  })
  server.on('tlsClientError', () => {})
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  return {
    url: `https://127.0.0.1:${port}`,
    requests,
    connections: () => connections,
    stop: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

export const soon = (): AbortSignal => AbortSignal.timeout(10_000)
