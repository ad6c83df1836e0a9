/**
 * The server's side of enrollment, on any server or framework.
 *
 * @module
 */

import { type AbortSignalLike, orAborted } from '../../internal/abort.ts'
import { equalBytes } from '../../internal/bytes.ts'
import { tell } from '../../internal/tell.ts'
import { escapeText, quote } from '../../internal/text.ts'
import type { WebResponse } from '../../internal/web-types.ts'
import { withinTime } from '../../internal/within-time.ts'
import { verifyClient } from './client-certificate.ts'
import { isReserved } from './cluster-name.ts'
import { type EnrollmentAnswer, writeAnswer } from './enrollment-answer.ts'
import { EnrollmentIssuance } from './enrollment-issuance.ts'
import {
  type CheckedHandlerOptions,
  type EnrollmentHandlerOptions,
  type EnrollmentOperation,
  readHandlerOptions,
} from './enrollment-options.ts'
import { EnrollmentRefusal, unavailable } from './enrollment-refusal.ts'
import { type AskedCertificate, type EnrollmentRequest, readAsked, readBody } from './enrollment-request.ts'
import { addressKey, RateLimiter } from './rate-limiter.ts'
import { TokenReservation } from './token-reservation.ts'

/** What is known of the connection that a request came by. */
export interface EnrollmentConnection {
  /**
   * What the client presented in the handshake of this very connection, in DER, leaf first. Never from a header. Read
   * once, and only where it is needed.
   */
  readonly peerCertificates?: readonly Uint8Array[] | undefined
  /** The address of the client, for limits and events. Without it all share one limit. */
  readonly client?: string | undefined
  /** Aborts when the client is gone: a certificate that nobody would get is not issued, and its token stays. */
  readonly signal?: AbortSignalLike | undefined
}

/** Answers one request. It never rejects. */
export type EnrollmentHandler = (
  request: EnrollmentRequest,
  connection?: EnrollmentConnection,
) => Promise<WebResponse>

/** Clients that are told apart. Who comes with more addresses is held by the limit over all. */
const MAX_CLIENTS = 4096

/** What is told about a request, as it becomes known. */
interface Progress {
  operation: EnrollmentOperation | undefined
  name: string | undefined
  tokenId: string | undefined
  client: string | undefined
  /** Whether the client is the one who is waited for. */
  reading: boolean
}

/**
 * Makes a handler for two operations, both `POST`: `<path>/enroll` gives a cluster its first certificate for a token, and
 * `<path>/renew` the next one for its current certificate.
 *
 * The CSR must be signed by its own key and ask for exactly one name, the DNS name of the cluster. A token is reserved
 * before anything is issued, counted before the certificate leaves, and given back when there is none: one that counts
 * once yields one certificate, also over replicas that share the store. For a renewal the token plays no part: the name is
 * that of the verified client certificate alone, and the key must be a new one. `docs/enrollment.md` has the wire format.
 *
 * **Warning**: `peerCertificates` must be what TLS on this connection proved. The handler trusts that the client holds the
 * key of the first.
 *
 * @throws `TypeError`, `RangeError` for options; `MeshPkiError` for anchors that cannot be read.
 *
 * @example
 * ```ts
 * import { createEnrollmentHandler, type IssuedCertificate, memoryTokenStore } from 'mesh-pki/ca'
 * import type { VerifiedCsr } from 'mesh-pki/csr'
 * import type { Certificate } from 'mesh-pki/x509'
 *
 * declare const signingCa: Certificate, relayRoot: Certificate
 * declare function signForCluster(csr: VerifiedCsr, name: string): Promise<IssuedCertificate>
 * const handler = createEnrollmentHandler({
 *   issue: (csr, { name }) => signForCluster(csr, name),
 *   tokens: memoryTokenStore(),
 *   clientAnchors: signingCa,
 *   serverAnchors: relayRoot,
 *   reservedNames: ['relay.gloo-mesh.example'],
 *   onEvent: ({ type, name, reason }) => console.log(type, name, reason),
 * })
 * ```
 */
export function createEnrollmentHandler(options: EnrollmentHandlerOptions): EnrollmentHandler {
  const server = new EnrollmentServer(readHandlerOptions(options))
  return (request, connection = {}) => server.handle(request, connection)
}

class EnrollmentServer {
  readonly #options: CheckedHandlerOptions
  readonly #perClient: RateLimiter
  readonly #perName: RateLimiter
  readonly #total: RateLimiter
  readonly #issuance: EnrollmentIssuance

  constructor(options: CheckedHandlerOptions) {
    this.#options = options
    this.#perClient = new RateLimiter(options.limits.perClient, MAX_CLIENTS)
    this.#perName = new RateLimiter(options.limits.perName, MAX_CLIENTS)
    this.#total = new RateLimiter(options.limits.total, 1)
    this.#issuance = new EnrollmentIssuance(options)
  }

  async handle(request: EnrollmentRequest, connection: EnrollmentConnection): Promise<WebResponse> {
    const { clock, limits, onEvent } = this.#options
    const progress: Progress = {
      operation: undefined,
      name: undefined,
      tokenId: undefined,
      client: undefined,
      reading: false,
    }
    try {
      const bound = {
        clock,
        milliseconds: limits.timeoutMs,
        signal: connection.signal,
        timedOut: () => overdue(progress.reading),
      }
      const answer = await withinTime(bound, (signal) => this.#serve(request, connection, progress, signal))
      const { operation, name, tokenId, client } = progress
      const event = { operation, name, tokenId, client, status: 200, code: undefined, error: undefined }
      tell(onEvent, { type: 'issued', reason: 'issued', certificate: answer.certificate, ...event })
      return respond(200, writeAnswer(answer))
    } catch (error) {
      const refusal =
        error instanceof EnrollmentRefusal
          ? error
          : connection.signal?.aborted === true
            ? gone()
            : unavailable(reasonOf(error), error)
      const { status, code, reason, message, headers } = refusal
      const { operation, name, tokenId, client } = progress
      const event = { operation, name, tokenId, client, status, code, reason, error: refusal.error }
      tell(onEvent, { type: status === 503 ? 'failed' : 'refused', certificate: undefined, ...event })
      return respond(status, JSON.stringify({ code, message }), headers)
    }
  }

  async #serve(
    request: EnrollmentRequest,
    connection: EnrollmentConnection,
    progress: Progress,
    signal: AbortSignalLike,
  ): Promise<EnrollmentAnswer> {
    const { client } = connection
    progress.client = client === undefined ? undefined : escapeText(client, 64)
    const operation = this.#route(request)
    progress.operation = operation
    this.#limit(this.#perClient, addressKey(client), 'requests of this client')
    // Not before the limit: what a stranger presents may take long to unpack.
    if (operation === 'renew')
      return this.#renew(request, connection.peerCertificates ?? [], progress, signal)
    this.#limit(this.#total, '', 'requests')
    return this.#enroll(request, progress, signal)
  }

  async #enroll(
    request: EnrollmentRequest,
    progress: Progress,
    signal: AbortSignalLike,
  ): Promise<EnrollmentAnswer> {
    const reservation = TokenReservation.of(request.headers, this.#options)
    progress.tokenId = reservation.tokenId
    const asked = await this.#read(request, progress, signal)
    progress.name = asked.name
    this.#checkName(asked.name)
    return this.#issuance.inTurn(async () => {
      await reservation.reserve(asked.name, signal)
      try {
        const answer = await this.#issuance.issue(asked, 'enroll', undefined, signal)
        // Before the certificate leaves: a token that could not be counted would count twice.
        await reservation.commit(signal)
        return answer
      } catch (error) {
        reservation.release()
        throw error
      }
    })
  }

  async #renew(
    request: EnrollmentRequest,
    presented: readonly Uint8Array[],
    progress: Progress,
    signal: AbortSignalLike,
  ): Promise<EnrollmentAnswer> {
    const { clientAnchors, revocation, clock, limits } = this.#options
    const judged = verifyClient(presented, {
      anchors: clientAnchors,
      revocation,
      clock,
      maxCertificates: limits.certificates,
    })
    const { certificate, name } = await orAborted(judged, signal)
    progress.name = name
    this.#checkName(name)
    this.#limit(this.#perName, name, 'renewals of this cluster')
    const asked = await this.#read(request, progress, signal)
    if (asked.name !== name)
      throw new EnrollmentRefusal(
        403,
        'name',
        `the client certificate is that of the cluster ${quote(name)}, and the CSR asks for ${quote(asked.name)}; a renewal keeps the name`,
      )
    if (equalBytes(asked.csr.publicKey, certificate.publicKey))
      throw new EnrollmentRefusal(
        403,
        'key-reused',
        'the CSR has the key of the current certificate; make a new key for each certificate',
      )
    return this.#issuance.inTurn(() => this.#issuance.issue(asked, 'renew', certificate, signal))
  }

  async #read(
    request: EnrollmentRequest,
    progress: Progress,
    signal: AbortSignalLike,
  ): Promise<AskedCertificate> {
    progress.reading = true
    const body = await readBody(request, this.#options.limits.bytes, signal)
    progress.reading = false
    return readAsked(request.headers, body)
  }

  #route({ url, method }: EnrollmentRequest): EnrollmentOperation {
    const { path } = this.#options
    const found = pathOf(url)
    const operation = found === `${path}/enroll` ? 'enroll' : found === `${path}/renew` ? 'renew' : undefined
    if (operation === undefined)
      throw new EnrollmentRefusal(404, 'not-found', 'there is nothing at this path')
    if (method === 'POST') return operation
    throw new EnrollmentRefusal(405, 'method', 'expected the method POST', { headers: { allow: 'POST' } })
  }

  #checkName(name: string): void {
    if (!isReserved(name, this.#options.reservedNames())) return
    throw new EnrollmentRefusal(
      403,
      'name',
      `${quote(name)} is a name of the server, and no cluster's: its holder could pose as the server`,
    )
  }

  #limit(limiter: RateLimiter, key: string, what: string): void {
    const wait = limiter.take(key, this.#options.clock.now().getTime())
    if (wait === 0) return
    const seconds = Math.max(1, Math.ceil(wait / 1000))
    throw new EnrollmentRefusal(429, 'rate-limited', `too many ${what}; try again in ${seconds} s`, {
      headers: { 'retry-after': String(seconds) },
    })
  }
}

/** The path of a URL; `undefined` for what has none. */
function pathOf(url: string): string | undefined {
  if (typeof url !== 'string') return undefined
  if (url.startsWith('/')) return url.split(/[?#]/, 1)[0]
  return URL.canParse(url) ? new URL(url).pathname : undefined
}

function overdue(reading: boolean): EnrollmentRefusal {
  return reading
    ? new EnrollmentRefusal(408, 'timeout', 'the request did not come to its end in time')
    : unavailable('it took longer than limits.timeout; what "issue" answers now is dropped')
}

function gone(): EnrollmentRefusal {
  return new EnrollmentRefusal(408, 'timeout', 'the client was gone before there was an answer')
}

function reasonOf(error: unknown): string {
  try {
    return escapeText(error instanceof Error ? error.message : String(error))
  } catch {
    return 'an error that cannot be printed'
  }
}

function respond(status: number, body: string, headers: Readonly<Record<string, string>> = {}): WebResponse {
  const bytes = new TextEncoder().encode(body)
  return new Response(bytes, {
    status,
    headers: {
      'content-type': 'application/json',
      'content-length': String(bytes.length),
      'cache-control': 'no-store',
      ...headers,
    },
  })
}
