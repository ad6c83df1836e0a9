/**
 * The server's side of mutual TLS between workloads.
 *
 * @module
 */

import { constants, randomBytes } from 'node:crypto'
import { createServer, type Server, type TLSSocket, type TlsOptions } from 'node:tls'
import { readTimeSource, type TimeSource } from '../internal/clock.ts'
import { readDuration } from '../internal/duration.ts'
import { readObserver, tell } from '../internal/observer.ts'
import { checkOneOf, checkOptionNames } from '../internal/options.ts'
import { type BundleSource, readBundleSource } from '../spiffe/bundle-source.ts'
import {
  type ExpectedIdentity,
  readMatcher,
  refuseUndefinedExpectation,
  type SpiffeMatcher,
} from '../spiffe/spiffe-matcher.ts'
import type { VerifiedSvid } from '../spiffe/verified-svid.ts'
import { verifySvid } from '../spiffe/verify-svid.ts'
import type { PeerOptions } from './connect-svid.ts'
import { presentedChain } from './presented-chain.ts'
import { ResumptionMemory } from './resumption-memory.ts'
import { markSocket } from './svid-of.ts'
import { resumedError } from './svid-session.ts'
import { readCredentials, readTlsOptions, TLS_SETTINGS, type TlsCredentials } from './tls-settings.ts'

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
   * expired. When a bundle changes, no session from before it is resumed. Not with `crls`.
   */
  readonly resumption?: 'off' | 'bound' | undefined
  /** What time it is, for the verdict. Default: the machine's clock. */
  readonly clock?: TimeSource | undefined
  /** For a client to complete its handshake. Default `'10s'`. */
  readonly handshakeTimeout?: string | undefined
  /** Told of every client that was not let in: the reason goes to nobody else. What it throws is ignored. */
  readonly onRefused?: ((error: unknown, client: RefusedClient) => void) | undefined
  /** Further options of `tls.createServer`, such as `ALPNProtocols`. None that decides about trust. */
  readonly tls?: TlsOptions | undefined
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
  'bundles',
  'signers',
  'crls',
  'revocation',
  'limits',
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
 * `svidOf(request.socket)` then says who asks. What `onClient` throws closes the connection and is thrown on.
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
 *   ({ socket, svid }) => socket.end(`hello ${svid.id}`),
 * )
 * server.listen(8443)
 * ```
 */
export function createSvidServer(
  options: SvidServerOptions,
  onClient: (client: SvidClient) => void,
): SvidServer {
  checkOptionNames(options, OPTION_NAMES, 'createSvidServer')
  if (typeof onClient !== 'function')
    throw new TypeError('createSvidServer needs a function that takes clients')
  const { credentials, onRefused } = options
  if (credentials === undefined) throw new TypeError('createSvidServer needs the option "credentials"')
  refuseUndefinedExpectation(options)
  readObserver(onRefused, 'onRefused')
  const source = readBundleSource(options.bundles)
  const expect = options.expect === undefined ? undefined : readMatcher(options.expect, 'expect')
  const resumption = checkOneOf(options.resumption ?? 'off', ['off', 'bound'], 'resumption')
  if (resumption === 'bound' && options.crls !== undefined)
    throw new TypeError('resumption "bound" cannot go with "crls": a resumed session asks for no revocation')
  const now = readTimeSource(options.clock)
  const memory = resumption === 'bound' ? new ResumptionMemory(source, now) : undefined

  const context = (current: TlsCredentials): TlsOptions => ({
    ...TLS_SETTINGS,
    ...readCredentials(current),
    ...(memory === undefined ? { secureOptions: constants.SSL_OP_NO_TICKET } : {}),
  })
  const server = createServer({
    ...readTlsOptions(options.tls),
    ...context(credentials),
    requestCert: true,
    rejectUnauthorized: false,
    handshakeTimeout: readDuration(options.handshakeTimeout ?? '10s', 'handshakeTimeout'),
  })
  const refuse = (error: unknown, socket: TLSSocket): void => {
    const client = { address: socket.remoteAddress, port: socket.remotePort }
    socket.destroy()
    tell(onRefused, error, client)
  }
  server.on('connection', () => {
    // Before the handshake: a ticket that cannot be decrypted any longer leads to a full one.
    if (memory?.isOutdated() === true) server.setTicketKeys(randomBytes(TICKET_KEYS))
  })
  server.on('tlsClientError', refuse)
  server.on('secureConnection', (socket) => {
    // Until the verdict nobody else listens, and an error without listener ends the process.
    const onError = (): void => {}
    socket.on('error', onError)
    judge(socket, options, source, expect, memory, now()).then(
      (client) => {
        if (socket.destroyed) return
        socket.off('error', onError)
        markSocket(socket, client.svid)
        handOver(client, onClient)
      },
      (error: unknown) => refuse(error, socket),
    )
  })
  return {
    server,
    setCredentials: (next) => server.setSecureContext(context(next)),
  }
}

/** What the handler throws is thrown as by any listener, and the connection does not stay behind. */
function handOver(client: SvidClient, onClient: (client: SvidClient) => void): void {
  try {
    onClient(client)
  } catch (error) {
    client.socket.destroy()
    process.nextTick(() => {
      throw error
    })
  }
}

async function judge(
  socket: TLSSocket,
  { signers, crls, revocation, limits }: SvidServerOptions,
  source: BundleSource,
  expect: SpiffeMatcher | undefined,
  memory: ResumptionMemory | undefined,
  time: Date,
): Promise<SvidClient> {
  const chain = presentedChain(socket)
  if (!socket.isSessionReused()) {
    const asked = { bundles: source, time, signers, crls, revocation, limits }
    const svid = await verifySvid(chain, expect === undefined ? asked : { ...asked, expect })
    memory?.remember(svid)
    return { socket, svid, resumed: false }
  }
  const known = await memory?.recall(chain[0])
  if (known === undefined) throw resumedError('and what was verified when it began does not hold any longer')
  if (expect !== undefined && expect.matches(known.id) !== true)
    throw resumedError(`by ${known.id}, which is not expected any longer`)
  return { socket, svid: known, resumed: true }
}
