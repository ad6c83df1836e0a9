/**
 * The client's side of mutual TLS between workloads.
 *
 * @module
 */

import type { TLSSocket } from 'node:tls'
import { type AbortSignalLike, orAborted, readSignal } from '../internal/abort.ts'
import { readTimeSource, type TimeSource } from '../internal/clock.ts'
import { readDuration } from '../internal/duration.ts'
import { checkOptionNames, typeName } from '../internal/options.ts'
import { quote } from '../internal/text.ts'
import { type ExpectedIdentity, readExpectation } from '../spiffe/spiffe-matcher.ts'
import type { VerifiedSvid } from '../spiffe/verified-svid.ts'
import { startDeadline } from './deadline.ts'
import { openTls } from './open-tls.ts'
import { PEER_OPTIONS, type PeerOptions, PeerPolicy } from './peer-policy.ts'
import { presentedChain } from './presented-chain.ts'
import { markSocket } from './svid-of.ts'
import { resumedError, SvidSession, sessionContext, stillHolds } from './svid-session.ts'
import { readCredentials, type TlsCredentials } from './tls-credentials.ts'
import { type ClientTlsOptions, readClientTls } from './tls-options.ts'

/** Options of {@link connectSvid}. */
export interface ConnectSvidOptions extends PeerOptions {
  /** Who must answer. Required: a client that takes anybody for its server is none. */
  readonly expect: ExpectedIdentity
  readonly host: string
  readonly port: number
  /** The client's own SVID. Default: none, for servers that ask for none. */
  readonly credentials?: TlsCredentials | undefined
  /** A session of an earlier connection. It is used only if what was verified then still holds. */
  readonly session?: SvidSession | undefined
  /** What time it is, for the verdict. Default: the machine's clock. */
  readonly clock?: TimeSource | undefined
  /** For connection, handshake and verdict. Default `'10s'`. */
  readonly timeout?: string | undefined
  readonly signal?: AbortSignalLike | undefined
  /** Further options of `tls.connect`, such as `ALPNProtocols` and `servername`. None that decides about trust. */
  readonly tls?: ClientTlsOptions | undefined
}

/** A connection whose server is known. */
export interface SvidConnection {
  readonly socket: TLSSocket
  /** Who the server is. */
  readonly svid: VerifiedSvid
  /** Whether the handshake was resumed, and the identity is that of its beginning. */
  readonly resumed: boolean
  /** The newest session to resume; `undefined` before the server has sent one. */
  readonly session: () => SvidSession | undefined
}

const OPTION_NAMES = [
  'expect',
  'host',
  'port',
  'credentials',
  'session',
  'timeout',
  'clock',
  'signal',
  'tls',
  ...PEER_OPTIONS,
]

/**
 * Connects to a workload and answers when it has proven to be who is expected (X509-SVID §5).
 *
 * Nothing is sent and no socket handed over before the verdict. OpenSSL's own check is off: it applies rules
 * for web sites, such as nested extended key usage, which SPIFFE does not have, and knows no trust domains. A
 * resumed session shows no certificate; it is used only at the same host and port, with the same credentials and
 * options, while the bundle has the digest that it had, no certificate of the path has expired, the expectation is
 * met, and no CRLs are asked.
 *
 * @throws `SvidError`, `PathError` for the peer; `MeshPkiError` `ERR_TLS_CLOSED`, `ERR_TLS_TIMEOUT`; errors of
 * the network; the signal's reason; `TypeError`, `RangeError` for options.
 *
 * **Warning**: under TLS 1.3 the server judges our certificate after this has resolved: a refusal shows only as a
 * connection that is closed, and the server knows why (`onRefused` of `createSvidServer`). If it was resumed,
 * connect again without `session`.
 *
 * @example
 * ```ts
 * import { connectSvid } from 'mesh-pki/node'
 * import type { SpiffeBundle } from 'mesh-pki/spiffe'
 *
 * declare const bundle: SpiffeBundle, cert: string, key: string
 * const { socket, svid } = await connectSvid({
 *   host: 'ratings.default.svc',
 *   port: 8443,
 *   bundles: bundle,
 *   expect: 'spiffe://kind2/ns/default/sa/bookinfo-ratings',
 *   credentials: { cert, key },
 * })
 * socket.end(`hello ${svid.id}`)
 * ```
 */
export async function connectSvid(options: ConnectSvidOptions): Promise<SvidConnection> {
  checkOptionNames(options, OPTION_NAMES, 'connectSvid')
  const { host, port, session, expect } = options
  if (expect === undefined) throw new TypeError('connectSvid needs the option "expect": who must answer')
  if (typeof host !== 'string' || host === '')
    throw new TypeError(`option "host" must be a name or an address; got ${typeName(host)}`)
  if (!Number.isInteger(port) || port < 1 || port > 65_535)
    throw new TypeError(`option "port" must be a whole number of 1 to 65535; got ${String(port)}`)
  if (session !== undefined && !(session instanceof SvidSession))
    throw new TypeError('option "session" must be what session() of an earlier connection answered')
  const policy = new PeerPolicy(options, readExpectation(expect))
  const tls = readClientTls(options.tls)
  const credentials = options.credentials === undefined ? undefined : readCredentials(options.credentials)
  const context = sessionContext(policy, credentials, [host, port, tls.servername])
  const now = readTimeSource(options.clock)
  const mayResume = async (resuming: SvidSession): Promise<boolean> =>
    !policy.asksRevocation &&
    SvidSession.contextOf(resuming) === context &&
    policy.expects(resuming.svid) &&
    (await stillHolds(resuming.svid, policy.source, now()))
  const deadline = startDeadline(
    readDuration(options.timeout ?? '10s', 'timeout'),
    readSignal(options.signal),
    `connecting to ${quote(host)}, port ${port}`,
  )
  try {
    const offered =
      session !== undefined && (await orAborted(mayResume(session), deadline.signal)) ? session : undefined
    const opened = await openTls(
      {
        ...tls,
        host,
        port,
        ...credentials,
        ...(offered === undefined ? {} : { session: SvidSession.ticketOf(offered) }),
      },
      async (socket) => {
        if (!socket.isSessionReused())
          return { svid: await policy.verify(presentedChain(socket), now()), resumed: false }
        if (offered === undefined) throw resumedError('although no session was offered')
        // Asked again: the server chose how long the handshake took.
        if (!(await mayResume(offered)))
          throw resumedError('and what was verified when it began does not hold any longer')
        return { svid: offered.svid, resumed: true }
      },
      deadline.signal,
    )
    const { svid, resumed } = opened.verdict
    markSocket(opened.socket, svid)
    return {
      socket: opened.socket,
      svid,
      resumed,
      session: () => {
        const ticket = opened.session()
        if (ticket !== undefined) return new SvidSession(ticket, svid, context)
        // A resumed connection may bring no new one.
        return resumed ? session : undefined
      },
    }
  } finally {
    deadline.stop()
  }
}
