/**
 * The client's side of mutual TLS between workloads.
 *
 * @module
 */

import type { ConnectionOptions, TLSSocket } from 'node:tls'
import { type AbortSignalLike, readSignal } from '../internal/abort.ts'
import { readTimeSource, type TimeSource } from '../internal/clock.ts'
import { readDuration } from '../internal/duration.ts'
import { checkOptionNames } from '../internal/options.ts'
import { quote } from '../internal/text.ts'
import { readBundleSource } from '../spiffe/bundle-source.ts'
import { type ExpectedIdentity, readMatcher } from '../spiffe/spiffe-matcher.ts'
import type { VerifiedSvid } from '../spiffe/verified-svid.ts'
import { type VerifySvidOptions, verifySvid } from '../spiffe/verify-svid.ts'
import { startDeadline } from './deadline.ts'
import { openTls } from './open-tls.ts'
import { presentedChain } from './presented-chain.ts'
import { markSocket } from './svid-of.ts'
import { resumedError, SvidSession, stillHolds } from './svid-session.ts'
import { readCredentials, readTlsOptions, type TlsCredentials } from './tls-settings.ts'

/** What decides about a peer: as for `verifySvid`, at the time of the connection. */
export type PeerOptions = Omit<VerifySvidOptions, 'time' | 'expect'>

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
  readonly tls?: ConnectionOptions | undefined
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
  'bundles',
  'signers',
  'crls',
  'revocation',
  'limits',
]

/**
 * Connects to a workload and answers when it has proven to be who is expected (X509-SVID §5).
 *
 * Nothing is sent and no socket handed over before the verdict. OpenSSL's own check is off: it applies rules
 * for web sites, such as nested extended key usage, which SPIFFE does not have, and knows no trust domains. A
 * resumed session shows no certificate; it is offered only while the bundle has the digest that it had, no
 * certificate of the path has expired, the expectation is met, and no CRLs are asked.
 *
 * @throws `SvidError`, `PathError` for the peer; `MeshPkiError` `ERR_TLS_CLOSED`, `ERR_TLS_TIMEOUT`; errors of
 * the network; the signal's reason; `TypeError`, `RangeError` for options.
 *
 * **Warning**: under TLS 1.3 the server judges our certificate after this has resolved: a refusal shows only as a
 * connection that is closed, and the server knows why (`onRefused` of `createSvidServer`).
 *
 * **Warning**: afterwards `socket.getPeerCertificate()` is empty; `svid` has what was presented.
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
  const { host, port, credentials, session, bundles, signers, crls, revocation, limits } = options
  if (options.expect === undefined)
    throw new TypeError('connectSvid needs the option "expect": who must answer')
  const expect = readMatcher(options.expect, 'expect')
  if (session !== undefined && !(session instanceof SvidSession))
    throw new TypeError('option "session" must be what session() of an earlier connection answered')
  const source = readBundleSource(bundles)
  const now = readTimeSource(options.clock)
  const usable =
    session !== undefined &&
    crls === undefined &&
    expect.matches(session.svid.id) === true &&
    (await stillHolds(session.svid, source, now()))
  const deadline = startDeadline(
    readDuration(options.timeout ?? '10s', 'timeout'),
    readSignal(options.signal),
    `connecting to ${quote(host)}, port ${port}`,
  )
  try {
    const opened = await openTls(
      {
        ...readTlsOptions(options.tls),
        host,
        port,
        ...(credentials === undefined ? {} : readCredentials(credentials)),
        ...(usable ? { session: SvidSession.ticketOf(session) } : {}),
      },
      async (socket) => {
        if (!socket.isSessionReused()) {
          const asked = { bundles: source, expect, time: now(), signers, crls, revocation, limits }
          return { svid: await verifySvid(presentedChain(socket), asked), resumed: false }
        }
        if (!usable) throw resumedError('although no session was offered')
        return { svid: session.svid, resumed: true }
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
        if (ticket !== undefined) return new SvidSession(ticket, svid)
        // A resumed connection may bring no new one.
        return resumed ? session : undefined
      },
    }
  } finally {
    deadline.stop()
  }
}
