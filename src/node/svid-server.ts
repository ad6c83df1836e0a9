/**
 * The server's side of mutual TLS between workloads.
 *
 * @module
 */

import { constants, randomBytes } from 'node:crypto'
import { createServer, type Server, type TLSSocket, type TlsOptions } from 'node:tls'
import { orAborted } from '../internal/abort.ts'
import { MAX_TIMER_MS, readTimeSource, type TimeSource } from '../internal/clock.ts'
import { readDuration } from '../internal/duration.ts'
import { checkOneOf, checkOptionNames, readFunction } from '../internal/options.ts'
import { tell } from '../internal/tell.ts'
import { type ExpectedIdentity, readOptionalExpectation } from '../spiffe/spiffe-matcher.ts'
import type { VerifiedSvid } from '../spiffe/verified-svid.ts'
import { startDeadline } from './deadline.ts'
import { PEER_OPTIONS, type PeerOptions, PeerPolicy } from './peer-policy.ts'
import { presentedChain } from './presented-chain.ts'
import { ResumptionMemory } from './resumption-memory.ts'
import { markSocket } from './svid-of.ts'
import { resumedError } from './svid-session.ts'
import { readCredentials, type TlsCredentials } from './tls-credentials.ts'
import { readServerTls, type ServerTlsOptions } from './tls-options.ts'
import { TLS_SETTINGS } from './tls-settings.ts'

/** Options of {@link createSvidServer}. */
export interface SvidServerOptions extends PeerOptions {
  /** The server's own SVID. */
  readonly credentials: TlsCredentials
  /**
   * Who may connect; not `undefined`. Without it whoever has a valid SVID of a known trust domain may: decide by
   * `svid.id` then.
   */
  readonly expect?: ExpectedIdentity
  /**
   * `off` (default): every handshake is a full one. `bound`: a session may be resumed while this server
   * remembers that it verified the client's certificate under a bundle of the same digest, and its path has not
   * expired. When a bundle changes or a path expires, all tickets end. With bundles that a source answers later,
   * the first client that comes back after a change is cut off once. Not with `crls`.
   */
  readonly resumption?: 'off' | 'bound' | undefined
  /** What time it is, for the verdict. Default: the machine's clock. */
  readonly clock?: TimeSource | undefined
  /** For a client to complete its handshake, and again for the verdict. Default `'10s'`. */
  readonly handshakeTimeout?: string | undefined
  /**
   * Told of every client that was refused: the reason goes to nobody else. So it is of a connection that ends before its
   * handshake is over, as where the client refuses this server: `ECONNRESET`. What it throws is ignored.
   */
  readonly onRefused?: ((error: unknown, client: RefusedClient) => void) | undefined
  /** Further options of `tls.createServer`, such as `ALPNProtocols`. None that decides about trust. */
  readonly tls?: ServerTlsOptions | undefined
}

/** Where a client came from that was refused. */
export interface RefusedClient {
  readonly address: string | undefined
  readonly port: number | undefined
}

/** A client that is known. */
export interface SvidClient {
  readonly socket: TLSSocket
  /** Who it is. */
  readonly svid: VerifiedSvid
  readonly resumed: boolean
}

/** A server whose clients are known before anything is read from them. */
export interface SvidServer {
  /** To listen, and to close. Do not listen to its `secureConnection`: those clients are not judged yet. */
  readonly server: Server
  /** Serves with another SVID from the next connection on; those that stand go on. */
  setCredentials(credentials: TlsCredentials): void
}

const OPTION_NAMES = [
  'credentials',
  'expect',
  'resumption',
  'clock',
  'handshakeTimeout',
  'onRefused',
  'tls',
  ...PEER_OPTIONS,
]

/** Octets of the keys that session tickets are encrypted with (`node:tls`). */
const TICKET_KEYS = 48

/**
 * Makes a TLS server that hands a connection to `onClient` when the client has proven who it is (X509-SVID §5).
 *
 * No byte of the client is handed over, and none is written to it, before the verdict; a client that is refused
 * is cut off without a word about the reason. OpenSSL's own check is off, as in `connectSvid`.
 *
 * For HTTP, give the sockets to a server that does not listen itself: `http.emit('connection', socket)`;
 * `svidOf(request.socket)` then says who asks. What `onClient` throws closes the connection and is thrown on. Read
 * from the socket, or `resume()` it: what nobody reads keeps it open.
 *
 * @throws `TypeError`, `RangeError` for options.
 *
 * @example
 * ```ts
 * import { createSvidServer } from 'mesh-pki/node'
 * import { matchTrustDomain, type SpiffeBundle } from 'mesh-pki/spiffe'
 *
 * declare const bundle: SpiffeBundle, cert: string, key: string
 * const { server } = createSvidServer(
 *   { bundles: bundle, credentials: { cert, key }, expect: matchTrustDomain('kind2') },
 *   ({ socket, svid }) => socket.resume().end(`hello ${svid.id}`),
 * )
 * server.listen(8443)
 * ```
 */
export function createSvidServer(
  options: SvidServerOptions,
  onClient: (client: SvidClient) => unknown,
): SvidServer {
  checkOptionNames(options, OPTION_NAMES, 'createSvidServer')
  if (typeof onClient !== 'function')
    throw new TypeError('createSvidServer needs a function that takes clients')
  const { credentials, onRefused } = options
  if (credentials === undefined) throw new TypeError('createSvidServer needs the option "credentials"')
  readFunction(onRefused, 'onRefused')
  const policy = new PeerPolicy(options, readOptionalExpectation(options))
  const resumption = checkOneOf(options.resumption ?? 'off', ['off', 'bound'], 'resumption')
  if (resumption === 'bound' && policy.asksRevocation)
    throw new TypeError(
      'resumption "bound" cannot go with "crls" or "revocation": a resumed session asks for no revocation',
    )
  const now = readTimeSource(options.clock)
  const handshakeTimeout = readDuration(options.handshakeTimeout ?? '10s', 'handshakeTimeout')
  const tls = readServerTls(options.tls)
  const context = (current: TlsCredentials): TlsOptions => ({
    ...TLS_SETTINGS,
    ...tls,
    ...readCredentials(current),
    // No roots: a chain that OpenSSL likes is emptied by newer versions of Node (seen in 24.21).
    ca: [],
    secureOptions: TLS_SETTINGS.secureOptions | (resumption === 'off' ? constants.SSL_OP_NO_TICKET : 0),
  })
  const server = createServer({
    ...context(credentials),
    requestCert: true,
    rejectUnauthorized: false,
    handshakeTimeout: Math.min(handshakeTimeout, MAX_TIMER_MS),
  })
  // A ticket that cannot be decrypted any longer leads to a full handshake.
  const endTickets = (): void => void server.setTicketKeys(randomBytes(TICKET_KEYS))
  const memory = resumption === 'bound' ? new ResumptionMemory(policy.source, now, endTickets) : undefined
  if (memory !== undefined) {
    // Workers of a cluster share the keys that Node makes, and do not share this memory.
    server.on('listening', endTickets)
    server.on('connection', () => memory.refresh())
  }
  server.on('tlsClientError', (error, socket) => {
    const client = clientOf(socket)
    socket.destroy()
    tell(onRefused, error, client)
  })
  server.on('secureConnection', (socket) => {
    const client = clientOf(socket)
    // A reset before the verdict is nobody's business.
    const onError = (): void => {}
    socket.on('error', onError)
    const deadline = startDeadline(handshakeTimeout, undefined, 'the verdict about a client')
    orAborted(judge(socket, policy, memory, now), deadline.signal)
      .finally(() => deadline.stop())
      .then(
        (known) => {
          if (socket.destroyed) return
          socket.off('error', onError)
          markSocket(socket, known.svid)
          void handOver(known, onClient)
        },
        (error: unknown) => {
          socket.destroy()
          tell(onRefused, error, client)
        },
      )
  })
  return {
    server,
    setCredentials: (next) => server.setSecureContext(context(next)),
  }
}

const clientOf = ({ remoteAddress, remotePort }: TLSSocket): RefusedClient => ({
  address: remoteAddress,
  port: remotePort,
})

/** What the handler throws is thrown as by any listener, and the connection does not stay behind. */
async function handOver(client: SvidClient, onClient: (client: SvidClient) => unknown): Promise<void> {
  try {
    await onClient(client)
  } catch (error) {
    client.socket.destroy()
    process.nextTick(() => {
      throw error
    })
  }
}

async function judge(
  socket: TLSSocket,
  policy: PeerPolicy,
  memory: ResumptionMemory | undefined,
  now: () => Date,
): Promise<SvidClient> {
  const chain = presentedChain(socket)
  if (!socket.isSessionReused()) {
    const svid = await policy.verify(chain, now())
    memory?.remember(svid)
    return { socket, svid, resumed: false }
  }
  const known = await memory?.recall(chain[0])
  if (known === undefined) throw resumedError('and what was verified when it began does not hold any longer')
  if (!policy.expects(known)) throw resumedError(`by ${known.id}, which is not expected any longer`)
  return { socket, svid: known, resumed: true }
}
