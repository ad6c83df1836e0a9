/**
 * How a client reaches an enrollment server, and the order in which it does.
 *
 * @module
 */

import { MeshPkiError } from '../../errors.ts'
import { type AbortSignalLike, orAborted } from '../../internal/abort.ts'
import { escapeText } from '../../internal/text.ts'
import type { EndpointResponse } from '../../spiffe/bundle-endpoint.ts'
import { endpointLabel } from '../../spiffe/endpoint-url.ts'
import { badAnswer } from './enrollment-answer.ts'

/** What an {@link EnrollmentDialer} is asked: a connection, and nothing to be sent yet. */
export interface EnrollmentDial {
  /** `https`, without user information. */
  readonly url: string
  /** The name to ask the server for in the handshake (SNI); `undefined` where the URL has an address. */
  readonly serverName: string | undefined
  readonly signal: AbortSignalLike
  /**
   * Must be called with the certificates that the server presents, leaf first, and waited for. When it rejects, the
   * connection must end.
   */
  readonly authenticate: (chain: readonly Uint8Array[]) => Promise<void>
}

/** One request. It holds the token. */
export interface EnrollmentSend {
  readonly method: 'POST'
  /** Path and query. */
  readonly target: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
  /** A longer answer must be cut off and refused. */
  readonly maxBytes: number
}

/** A connection to a server that was authenticated. */
export interface EnrollmentLink {
  /** Sends a request over this very connection, and follows no redirect. */
  send(request: EnrollmentSend): Promise<EndpointResponse>
  close(): void
}

/**
 * Connects by TLS. It is given the token only after `authenticate` has accepted what the server presented: before that it
 * has nothing that could leak. `enrollmentDialer` of `mesh-pki/node` is one.
 */
export type EnrollmentDialer = (dial: EnrollmentDial) => Promise<EnrollmentLink>

/** What {@link exchange} needs. */
export interface Exchange {
  readonly dial: EnrollmentDialer
  readonly url: string
  readonly serverName: string | undefined
  readonly signal: AbortSignalLike
  readonly authenticate: (chain: readonly Uint8Array[]) => Promise<void>
  /** Made when the server is known. */
  readonly request: () => EnrollmentSend
  /** What must not come back in a message. */
  readonly secret: string | undefined
}

/**
 * Connects, has the server authenticated, and only then sends.
 *
 * @throws `MeshPkiError` `ERR_ENROLLMENT_SERVER`, `ERR_ENROLLMENT_TRANSPORT`, `ERR_ENROLLMENT_RESPONSE`; what
 * `authenticate` throws; the signal's reason.
 */
export async function exchange({
  dial,
  url,
  serverName,
  signal,
  authenticate,
  request,
  secret,
}: Exchange): Promise<EndpointResponse> {
  let accepted = false
  // One refusal is for good: no later verdict mends it.
  let refusal: { readonly error: unknown } | undefined
  const dialing = attempt(() =>
    dial({
      url,
      serverName,
      signal,
      authenticate: async (chain) => {
        try {
          await authenticate(chain)
        } catch (error) {
          refusal ??= { error }
          throw error
        }
        accepted = true
      },
    }),
  )
  let link: EnrollmentLink | undefined
  try {
    link = await orAborted(dialing, signal)
    if (refusal !== undefined) throw refusal.error
    if (!accepted)
      throw new MeshPkiError(
        'ERR_ENROLLMENT_SERVER',
        `the dialer connected to ${endpointLabel(url)} without authenticating the server, so nothing was sent`,
      )
    const connected = link
    const sent = request()
    const answer = await orAborted(
      attempt(() => connected.send(sent)),
      signal,
    )
    return checkAnswer(answer, sent.maxBytes)
  } catch (error) {
    if (signal.aborted || error instanceof MeshPkiError) throw error
    throw transportError(url, error, secret)
  } finally {
    if (link !== undefined) close(link)
    // Left behind: it may connect yet.
    else dialing.then(close, () => {})
  }
}

const attempt = async <T>(call: () => T | Promise<T>): Promise<T> => call()

function close(link: EnrollmentLink): void {
  try {
    link.close()
  } catch {
    // There is nobody who could do more about it.
  }
}

function checkAnswer(answer: EndpointResponse, maxBytes: number): EndpointResponse {
  const { status, headers, body } = answer
  if (!Number.isInteger(status) || !(body instanceof Uint8Array) || typeof headers?.get !== 'function')
    throw new TypeError('the dialer answered no response with status, headers and body')
  if (body.length > maxBytes) throw badAnswer(`it is larger than ${maxBytes} bytes`)
  return { status, headers, body: new Uint8Array(body) }
}

/** Whatever was thrown, this throws nothing, and shows no secret. */
function transportError(url: string, error: unknown, secret: string | undefined): MeshPkiError {
  let reason = 'an error that cannot be printed'
  try {
    reason = error instanceof Error ? error.message : String(error)
  } catch {
    // See above.
  }
  const leaks = secret !== undefined && reason.includes(secret)
  return new MeshPkiError(
    'ERR_ENROLLMENT_TRANSPORT',
    `${endpointLabel(url)} could not be reached: ${leaks ? 'for a reason that holds the token, and is not shown' : escapeText(reason)}`,
    leaks ? {} : { cause: error },
  )
}
