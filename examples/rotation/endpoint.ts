/**
 * The two kinds of TLS endpoints: OpenSSL judges the peers of the one, mesh-pki those of the other. Each is a server and a
 * client, and each handshake is a full one: a session that is resumed shows no certificate and would prove nothing.
 *
 * @module
 */

import { constants } from 'node:crypto'
import { once } from 'node:events'
import type { AddressInfo, Server as NetServer } from 'node:net'
import { connect, createSecureContext, createServer, type Server, type TLSSocket } from 'node:tls'
import { connectSvid, createSvidServer, type SvidServer } from 'mesh-pki/node'
import { type BundleSource, SpiffeBundle, type SpiffeId } from 'mesh-pki/spiffe'
import type { Certificate } from 'mesh-pki/x509'

const HOST = '127.0.0.1'
const TIMEOUT_MS = 10_000
const GREETING = 'welcome'

/** What an endpoint presents and trusts. */
export interface Material {
  /** The leaf, then its intermediates. */
  readonly chain: readonly Certificate[]
  readonly keyPem: string
  readonly roots: readonly Certificate[]
}

/** How a handshake ended. */
export type Outcome =
  | { readonly ok: true }
  | { readonly ok: false; readonly refusedBy: 'client' | 'server'; readonly error: unknown }

/** A server and a client with one certificate. */
export interface Endpoint {
  readonly judge: 'OpenSSL' | 'mesh-pki'
  readonly port: number
  listen(): Promise<void>
  /** Presents and trusts this from the next connection on. */
  use(material: Material): void
  /** A new connection, mutual TLS, and a word from the server: it sends that when it has accepted the client. */
  greet(server: Endpoint, id: SpiffeId): Promise<Outcome>
  /** Why its server refused who came from a port. The client is not told. */
  whyRefused(port: number | undefined): unknown
  close(): void
}

/** `node:tls` as it is: OpenSSL verifies, with the bundle as `ca`. */
export class OpenSslEndpoint implements Endpoint {
  readonly judge = 'OpenSSL'
  readonly #refusals = new Map<number, unknown>()
  readonly #server: Server
  #options: TlsMaterial
  #context: ReturnType<typeof createSecureContext>

  constructor(material: Material) {
    this.#options = tlsMaterial(material)
    this.#context = createSecureContext(this.#options)
    // Node drops the reason when it refuses a client by itself, so this asks for OpenSSL's verdict.
    this.#server = createServer(
      { ...this.#options, requestCert: true, rejectUnauthorized: false },
      (socket) => {
        socket.on('error', () => {})
        if (socket.authorized && !socket.isSessionReused()) socket.resume().end(GREETING)
        else {
          const problem = socket.isSessionReused() ? 'the session was resumed' : socket.authorizationError
          if (socket.remotePort !== undefined) this.#refusals.set(socket.remotePort, problem)
          socket.destroy()
        }
      },
    )
    this.#server.on('tlsClientError', (error, { remotePort }) => {
      if (remotePort !== undefined) this.#refusals.set(remotePort, error)
    })
  }

  get port(): number {
    return portOf(this.#server)
  }

  listen(): Promise<void> {
    return listen(this.#server)
  }

  use(material: Material): void {
    this.#options = tlsMaterial(material)
    this.#context = createSecureContext(this.#options)
    this.#server.setSecureContext(this.#options)
  }

  async greet(server: Endpoint, id: SpiffeId): Promise<Outcome> {
    const socket = connect({
      host: HOST,
      port: server.port,
      secureContext: this.#context,
      // Node's own check compares DNS names, which workloads do not have.
      checkServerIdentity: (_host, { subjectaltname }) =>
        subjectaltname === `URI:${id}` ? undefined : new Error(`expected ${id}; got ${subjectaltname}`),
    })
    let verified = false
    let failure: unknown
    const from = { port: undefined as number | undefined }
    socket.once('connect', () => {
      from.port = socket.localPort
    })
    socket.once('secureConnect', () => {
      verified = true
    })
    socket.on('error', (error) => {
      failure = error
    })
    const word = await hear(socket)
    if (verified && word === GREETING) return { ok: true }
    return verified
      ? { ok: false, refusedBy: 'server', error: server.whyRefused(from.port) ?? failure }
      : { ok: false, refusedBy: 'client', error: failure }
  }

  whyRefused(port: number | undefined): unknown {
    return takeOut(this.#refusals, port)
  }

  close(): void {
    this.#server.close()
  }
}

/** The client and server of `mesh-pki/node`: `verifySvid` judges, by a clock that may be off. */
export class SvidEndpoint implements Endpoint {
  readonly judge = 'mesh-pki'
  readonly #refusals = new Map<number, unknown>()
  readonly #served: SvidServer
  readonly #clock: { now(): Date }
  readonly #trustDomains: readonly string[]
  readonly #signers: 'warn' | undefined
  readonly #bundles: BundleSource = { bundleFor: ({ name }) => this.#held.get(name) }
  #held: ReadonlyMap<string, SpiffeBundle>
  #material: Material

  constructor(
    material: Material,
    options: {
      readonly trustDomains: readonly string[]
      readonly skewMs: number
      /** Whether CAs may have identities of workloads, as the intermediates of Gloo Mesh do. */
      readonly signers?: 'warn'
    },
  ) {
    this.#trustDomains = options.trustDomains
    this.#signers = options.signers
    this.#clock = { now: () => new Date(Date.now() + options.skewMs) }
    this.#material = material
    this.#held = this.#bundlesOf(material)
    this.#served = createSvidServer(
      {
        bundles: this.#bundles,
        credentials: { cert: material.chain, key: material.keyPem },
        clock: this.#clock,
        signers: this.#signers,
        onRefused: (error, { port }) => {
          if (port !== undefined) this.#refusals.set(port, error)
        },
      },
      ({ socket }) => {
        socket.on('error', () => {})
        socket.resume().end(GREETING)
      },
    )
  }

  get port(): number {
    return portOf(this.#served.server)
  }

  listen(): Promise<void> {
    return listen(this.#served.server)
  }

  use(material: Material): void {
    this.#material = material
    this.#held = this.#bundlesOf(material)
    this.#served.setCredentials({ cert: material.chain, key: material.keyPem })
  }

  async greet(server: Endpoint, id: SpiffeId): Promise<Outcome> {
    let socket: TLSSocket
    try {
      const connection = await connectSvid({
        host: HOST,
        port: server.port,
        bundles: this.#bundles,
        expect: id,
        credentials: { cert: this.#material.chain, key: this.#material.keyPem },
        clock: this.#clock,
        signers: this.#signers,
      })
      socket = connection.socket
    } catch (error) {
      return { ok: false, refusedBy: 'client', error }
    }
    const { localPort } = socket
    let failure: unknown
    socket.on('error', (error) => {
      failure = error
    })
    const word = await hear(socket)
    if (word === GREETING) return { ok: true }
    return { ok: false, refusedBy: 'server', error: server.whyRefused(localPort) ?? failure }
  }

  whyRefused(port: number | undefined): unknown {
    return takeOut(this.#refusals, port)
  }

  close(): void {
    this.#served.server.close()
  }

  /** All trust domains of the mesh are under the same authorities, so one bundle has many names. */
  #bundlesOf({ roots }: Material): ReadonlyMap<string, SpiffeBundle> {
    return new Map(
      this.#trustDomains.map((trustDomain) => [
        trustDomain,
        SpiffeBundle.of({ trustDomain, x509Authorities: roots }),
      ]),
    )
  }
}

interface TlsMaterial {
  readonly cert: string
  readonly key: string
  readonly ca: string
  readonly minVersion: 'TLSv1.2'
  readonly secureOptions: number
}

function tlsMaterial({ chain, keyPem, roots }: Material): TlsMaterial {
  const pem = (certificates: readonly Certificate[]): string =>
    certificates.map((certificate) => certificate.toPem()).join('')
  return {
    cert: pem(chain),
    key: keyPem,
    ca: pem(roots),
    minVersion: 'TLSv1.2',
    // No tickets, so that no session can be resumed.
    secureOptions: constants.SSL_OP_NO_TICKET,
  }
}

/** All that a server says until the connection is closed. */
async function hear(socket: TLSSocket): Promise<string> {
  let text = ''
  socket.setTimeout(TIMEOUT_MS, () => socket.destroy(new Error('timed out')))
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('utf8')
  })
  await new Promise<void>((resolve) => {
    if (socket.closed) resolve()
    else socket.once('close', () => resolve())
  })
  return text
}

function takeOut(refusals: Map<number, unknown>, port: number | undefined): unknown {
  if (port === undefined) return undefined
  const found = refusals.get(port)
  refusals.delete(port)
  return found
}

async function listen(server: NetServer): Promise<void> {
  server.listen(0, HOST)
  await once(server, 'listening')
}

const portOf = (server: NetServer): number => (server.address() as AddressInfo).port
