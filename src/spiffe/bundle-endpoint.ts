/**
 * One request to a bundle endpoint, redirects included (SPIFFE Federation §5.2).
 *
 * @module
 */

import { MeshPkiError } from '../errors.ts'
import type { AbortSignalLike } from '../internal/abort.ts'
import { orAborted } from '../internal/abort.ts'
import { concatBytes } from '../internal/bytes.ts'
import { escapeText } from '../internal/text.ts'
import type { HeadersLike, WebAbortSignal } from '../internal/web-types.ts'
import { endpointLabel, readRedirect } from './endpoint-url.ts'

/** What a {@link FetchLike} answers; `Response` is one. */
export interface FetchedResponse {
  readonly status: number
  readonly headers: HeadersLike
  readonly body: { getReader(): BodyReader } | null
  /** Must not be true: redirects are judged here. */
  readonly redirected?: boolean | undefined
}

/** How a body is read. */
export interface BodyReader {
  read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array | undefined }>
  cancel(reason?: unknown): Promise<void>
}

/** The part of `fetch` that is used. The runtime's own authenticates servers by public CAs. */
export type FetchLike = (
  url: string,
  init: {
    readonly method: 'GET'
    readonly headers: Record<string, string>
    readonly redirect: 'manual'
    readonly signal: WebAbortSignal
  },
) => Promise<FetchedResponse>

/** One request that an {@link EndpointDialer} makes. */
export interface EndpointRequest {
  /** `https`, without user information. */
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  /** A longer body must be cut off and refused. */
  readonly maxBytes: number
  readonly signal: AbortSignalLike
  /**
   * Must be called with the certificates that the server presents, leaf first, and waited for, before a byte of
   * the request is sent. When it rejects, the connection must end.
   */
  readonly authenticate: (chain: readonly Uint8Array[]) => Promise<void>
}

/** What an {@link EndpointDialer} answers. */
export interface EndpointResponse {
  readonly status: number
  readonly headers: HeadersLike
  readonly body: Uint8Array
}

/**
 * Makes a GET request over TLS whose server is authenticated by a function. It follows no redirect and asks no
 * public CA. `spiffeDialer` of `mesh-pki/node` is one.
 */
export type EndpointDialer = (request: EndpointRequest) => Promise<EndpointResponse>

/** Rejects unless the certificates are those of the server that must answer at the URL. */
type Authenticate = (chain: readonly Uint8Array[], url: string) => Promise<void>

/** What came back. */
interface Answer {
  readonly status: number
  readonly location: string | null
  readonly body: Uint8Array
}

/** What one try needs. */
export interface EndpointTry {
  readonly url: string
  readonly maxBytes: number
  readonly signal: WebAbortSignal & AbortSignalLike
  /** For https_spiffe; without it the server is authenticated by `fetch`. */
  readonly authenticate: Authenticate | undefined
  readonly fetch: FetchLike
  readonly dial: EndpointDialer | undefined
}

/** As many as browsers and curl's users have come to need for a CDN; a loop ends here. */
const MAX_REDIRECTS = 5

const READS_WITHOUT_PAUSE = 256

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])
const HEADERS = { accept: 'application/json' }

/**
 * Fetches the document. Redirects are followed to `https` URLs only, each under the same authentication, and
 * are forgotten afterwards (§5.2.1.4).
 *
 * @throws `MeshPkiError` `ERR_FEDERATION_…`; the signal's reason.
 */
export async function fetchDocument(attempt: EndpointTry): Promise<Uint8Array> {
  let { url } = attempt
  for (let redirects = 0; ; redirects++) {
    const answer = await orAborted(requestOnce({ ...attempt, url }), attempt.signal)
    if (REDIRECTS.has(answer.status)) {
      if (redirects === MAX_REDIRECTS)
        throw new MeshPkiError(
          'ERR_FEDERATION_REDIRECT',
          `${endpointLabel(attempt.url)} led from one redirect to the next, more than ${MAX_REDIRECTS} of them`,
        )
      url = readRedirect(answer.location, url)
      continue
    }
    if (answer.status === 200) return answer.body
    throw new MeshPkiError(
      'ERR_FEDERATION_STATUS',
      `${endpointLabel(url)} answered status ${answer.status}; expected 200${answer.status === 0 ? '. A browser hides redirects: configure the URL that they lead to' : ' (SPIFFE Federation §5.2.1.3)'}`,
      { data: { expected: 200, found: answer.status } },
    )
  }
}

/** What could not be reached, or was answered by something that does not keep to its contract. */
export function transportError(url: string, error: unknown): MeshPkiError {
  return new MeshPkiError(
    'ERR_FEDERATION_TRANSPORT',
    `${endpointLabel(url)} could not be reached: ${escapeText(reasonOf(error))}`,
    { cause: error },
  )
}

async function requestOnce(attempt: EndpointTry): Promise<Answer> {
  try {
    return attempt.authenticate === undefined
      ? await fetchOnce(attempt)
      : await dialOnce(attempt, attempt.authenticate)
  } catch (error) {
    if (error instanceof MeshPkiError || attempt.signal.aborted) throw error
    throw transportError(attempt.url, error)
  }
}

async function fetchOnce({ url, maxBytes, signal, fetch }: EndpointTry): Promise<Answer> {
  const response = await fetch(url, { method: 'GET', headers: { ...HEADERS }, redirect: 'manual', signal })
  const { status, redirected } = response
  if (redirected === true)
    throw new MeshPkiError(
      'ERR_FEDERATION_REDIRECT',
      `the fetch that was given followed a redirect of ${endpointLabel(url)} by itself, although it was asked not to; where it went nobody has judged`,
    )
  const location = response.headers.get('location')
  const reader = response.body?.getReader()
  if (status === 200 && reader !== undefined)
    return { status, location, body: await readBody(reader, maxBytes, url, signal) }
  // Whatever else it says is not read, and its end is not waited for: an error page may be endless.
  reader?.cancel().catch(() => {})
  return { status, location, body: new Uint8Array() }
}

async function dialOnce(
  { url, maxBytes, signal, dial }: EndpointTry,
  authenticate: Authenticate,
): Promise<Answer> {
  if (dial === undefined) throw new TypeError('https_spiffe needs the option "dial"')
  let authenticated = false
  const { status, headers, body } = await dial({
    url,
    headers: { ...HEADERS },
    maxBytes,
    signal,
    authenticate: async (chain) => {
      // The last verdict counts: one that is bad is not mended by one before.
      authenticated = false
      await authenticate(chain, url)
      authenticated = true
    },
  })
  if (!authenticated)
    throw new MeshPkiError(
      'ERR_FEDERATION_AUTHENTICATION',
      `the dialer answered for ${endpointLabel(url)} without authenticating the server; what it brought is dropped`,
    )
  if (!(body instanceof Uint8Array)) throw new TypeError('the dialer answered a body that is no Uint8Array')
  if (body.length > maxBytes) throw tooLarge(url, maxBytes)
  return { status, location: headers.get('location'), body }
}

async function readBody(
  reader: BodyReader,
  maxBytes: number,
  url: string,
  signal: AbortSignalLike,
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let length = 0
  try {
    for (let reads = 1; ; reads++) {
      const { done, value } = await orAborted(reader.read(), signal)
      if (done) return concatBytes(chunks)
      // Chunks that are there at once leave timers no turn, so that no time-out could come.
      if (reads % READS_WITHOUT_PAUSE === 0) await new Promise<void>((resolve) => setTimeout(resolve, 0))
      if (value === undefined || value.length === 0) continue
      length += value.length
      if (length > maxBytes) throw tooLarge(url, maxBytes)
      chunks.push(value)
    }
  } catch (error) {
    // A stream that does not end must not be kept open; one that does not cancel must not be waited for.
    reader.cancel().catch(() => {})
    throw error
  }
}

/** More than a bundle may be. */
export function tooLarge(url: string, maxBytes: number): MeshPkiError {
  return new MeshPkiError(
    'ERR_FEDERATION_BODY',
    `${endpointLabel(url)} answered more than ${maxBytes} bytes; raise limits.bytes if bundles are meant to be so large`,
    { data: { expected: maxBytes } },
  )
}

/** `fetch` hides why behind "fetch failed". Whatever was thrown, this throws nothing. */
function reasonOf(error: unknown): string {
  try {
    if (!(error instanceof Error)) return String(error)
    return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : String(error.message)
  } catch {
    return 'an error that cannot be printed'
  }
}
