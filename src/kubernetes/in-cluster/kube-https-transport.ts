/**
 * A transport over `node:https`, without any client library.
 *
 * @module
 */

import type { IncomingMessage } from 'node:http'
import { Agent, request as requestTls } from 'node:https'
import { MeshPkiError } from '../../errors.ts'
import { type Clock, readClock } from '../../internal/clock.ts'
import { checkOptionNames, typeName } from '../../internal/options.ts'
import { quote } from '../../internal/text.ts'
import type {
  KubeQuery,
  KubeRequest,
  KubeResponse,
  KubeTransport,
  KubeWatchEvent,
  KubeWatchRequest,
} from '../api/kube-transport.ts'
import { isRecord } from '../objects/kube-object.ts'
import { bearerOf, caFault, FileText, tokenFault } from './credentials.ts'
import { GrowingBytes } from './growing-bytes.ts'
import { linesOf, watchEventOf } from './watch-lines.ts'

/** Options of {@link kubeHttpsTransport}: one kind of credentials, no more. */
export interface KubeHttpsOptions {
  /** `https://10.96.0.1:443`, `https://[fd00::1]`. A path in front of the API's is kept. */
  readonly server: string
  /** Certificates of the CAs that the server's is verified with, as PEM. */
  readonly ca?: string | undefined
  /** A file with them, read again once a minute. */
  readonly caFile?: string | undefined
  readonly token?: string | undefined
  /** A file with a token, read again once a minute, and at once after an answer of 401. */
  readonly tokenFile?: string | undefined
  /** The client's certificate and those that follow it, as PEM. */
  readonly clientCertificate?: string | undefined
  /** Its key, as PEM. */
  readonly clientKey?: string | undefined
  /** What decides how old a file is. Default: the machine's. */
  readonly clock?: Clock | undefined
}

/** A {@link KubeTransport} that holds connections. */
export interface KubeHttpsTransport extends KubeTransport {
  /** Closes its connections. Requests that run fail. */
  close(): void
}

/** Bytes of an answer, and of one event of a watch. */
const MAX_ANSWER = 64 << 20
const MAX_EVENT = 16 << 20

/** After so long without use, a connection is closed: before servers and load balancers do. */
const IDLE_MS = 30_000

const NAMES = ['server', 'ca', 'caFile', 'token', 'tokenFile', 'clientCertificate', 'clientKey', 'clock']

/**
 * Makes a transport to an API server over TLS 1.2 or later, with connections that are kept.
 *
 * The server's certificate is verified with `ca` alone, for the name or address in `server`. Redirects are not
 * followed, nothing is sent twice but a request that was answered 401 while the token's file has a newer one, and
 * answers are bounded (64 MiB; 16 MiB for an event of a watch). Tokens and keys appear in no error.
 *
 * @throws `TypeError` for options that do not fit together.
 *
 * @example
 * ```ts
 * import { KubeClient } from 'mesh-pki/kubernetes'
 * import { kubeHttpsTransport } from 'mesh-pki/kubernetes/in-cluster'
 *
 * declare const pem: { ca: string; certificate: string; key: string }
 * const transport = kubeHttpsTransport({
 *   server: 'https://management.example:6443',
 *   ca: pem.ca,
 *   clientCertificate: pem.certificate,
 *   clientKey: pem.key,
 * })
 * const client = new KubeClient(transport, { fieldManager: 'my-controller' })
 * ```
 */
export function kubeHttpsTransport(options: KubeHttpsOptions): KubeHttpsTransport {
  return new HttpsTransport(options)
}

/** What a request is sent with. */
interface Sending {
  readonly method: string
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | undefined
  readonly signal: AbortSignal
}

class HttpsTransport implements KubeHttpsTransport {
  readonly #server: URL
  readonly #ca: FileText
  readonly #token: FileText | undefined
  readonly #hasTokenFile: boolean
  readonly #identity: { readonly cert?: string; readonly key?: string }
  #agent: { readonly ca: string; readonly agent: Agent } | undefined
  /** With other CAs; watches may still run over them. */
  #earlier: readonly Agent[] = []

  constructor(options: KubeHttpsOptions) {
    checkOptionNames(options, NAMES, 'kubeHttpsTransport()')
    const { ca, caFile, token, tokenFile, clientCertificate, clientKey } = options
    for (const name of NAMES.slice(1, -1)) {
      const value = Reflect.get(options, name)
      if (value !== undefined && (typeof value !== 'string' || value === ''))
        throw new TypeError(`option "${name}" must be text that is not empty; got ${typeName(value)}`)
    }
    const clock = readClock(options.clock)
    this.#server = readServer(options.server)
    this.#ca = new FileText(oneOf('ca', ca, 'caFile', caFile), clock, 'text of the CA certificates', caFault)
    const ways = [token, tokenFile, clientCertificate].filter((value) => value !== undefined)
    if (ways.length !== 1 || (clientCertificate === undefined) !== (clientKey === undefined))
      throw new TypeError(
        'kubeHttpsTransport() takes one of "token", "tokenFile", and "clientCertificate" with "clientKey"',
      )
    this.#hasTokenFile = tokenFile !== undefined
    this.#token =
      clientCertificate === undefined
        ? new FileText(oneOf('token', token, 'tokenFile', tokenFile), clock, 'token', tokenFault)
        : undefined
    this.#identity =
      clientCertificate === undefined || clientKey === undefined
        ? {}
        : { cert: clientCertificate, key: clientKey }
  }

  async request(request: KubeRequest): Promise<KubeResponse> {
    const { method, path, query, contentType = 'application/json', body, signal } = request
    const text = body === undefined ? undefined : JSON.stringify(body)
    const sending = {
      method,
      url: this.#url(path, query),
      headers: text === undefined ? {} : { 'content-type': contentType },
      body: text,
      signal,
    }
    const answer = await this.#send(sending)
    const content = await bodyOf(answer, signal)
    return { status: answer.statusCode ?? 0, headers: headersOf(answer), body: content }
  }

  async *watch(request: KubeWatchRequest): AsyncGenerator<KubeWatchEvent, void, undefined> {
    const { path, query, signal } = request
    if (signal.aborted) return
    let answer: IncomingMessage | undefined
    try {
      const url = this.#url(path, { ...query, watch: true })
      answer = await this.#send({ method: 'GET', url, headers: {}, body: undefined, signal })
      if (answer.statusCode !== 200) {
        yield { type: 'ERROR', object: statusOf(answer, await bodyOf(answer, signal)) }
        return
      }
      for await (const line of linesOf(chunksOf(answer), MAX_EVENT)) {
        const event = watchEventOf(line)
        if (event !== undefined) yield event
      }
    } catch (error) {
      if (signal.aborted) return
      throw error
    } finally {
      answer?.destroy()
    }
  }

  close(): void {
    for (const agent of [...this.#earlier, this.#agent?.agent]) agent?.destroy()
    this.#earlier = []
  }

  #url(path: string, query: KubeQuery | undefined): URL {
    const url = new URL(this.#server)
    url.pathname = `${url.pathname.replace(/\/$/, '')}${path}`
    for (const [name, value] of Object.entries(query ?? {}))
      if (value !== undefined) url.searchParams.append(name, String(value))
    return url
  }

  /** Sends; once more where the token was refused and there is a newer one. */
  async #send(sending: Sending): Promise<IncomingMessage> {
    const agent = await this.#currentAgent()
    const token = await this.#token?.get()
    const answer = await exchange(sending, agent, token)
    if (answer.statusCode !== 401 || !this.#hasTokenFile) return answer
    const newer = await this.#token?.get(true)
    if (newer === token) return answer
    answer.destroy()
    return exchange(sending, agent, newer)
  }

  async #currentAgent(): Promise<Agent> {
    const ca = await this.#ca.get()
    if (this.#agent?.ca === ca) return this.#agent.agent
    const before = this.#agent?.agent
    const agent = new Agent({
      keepAlive: true,
      timeout: IDLE_MS,
      maxFreeSockets: 8,
      minVersion: 'TLSv1.2',
      rejectUnauthorized: true,
      // As a list: Node takes an empty text for none, and then its own CAs.
      ca: [ca],
      ...this.#identity,
    })
    this.#agent = { ca, agent }
    if (before === undefined) return agent
    // What runs over the old one ends by itself; its idle connections are closed.
    for (const sockets of Object.values(before.freeSockets))
      for (const socket of sockets ?? []) socket.destroy()
    this.#earlier = [...this.#earlier, before].filter((one) => Object.keys(one.sockets).length > 0)
    return agent
  }
}

function readServer(server: unknown): URL {
  if (typeof server !== 'string')
    throw new TypeError(`option "server" must be a URL; got ${typeName(server)}`)
  const url = URL.canParse(server) ? new URL(server) : undefined
  const hasUser = url !== undefined && (url.username !== '' || url.password !== '')
  if (url?.protocol !== 'https:' || hasUser || url.search !== '' || url.hash !== '')
    throw new TypeError(
      `option "server" must be like https://10.96.0.1:443, without user, query and fragment${url === undefined || hasUser ? '' : `; got ${quote(server)}`}`,
    )
  return url
}

function oneOf(
  name: string,
  text: string | undefined,
  fileName: string,
  file: string | undefined,
): { readonly text: string } | { readonly file: string } {
  if (text !== undefined && file === undefined) return { text }
  if (file !== undefined && text === undefined) return { file }
  throw new TypeError(`kubeHttpsTransport() takes one of "${name}" and "${fileName}"`)
}

function exchange(sending: Sending, agent: Agent, token: string | undefined): Promise<IncomingMessage> {
  const { method, url, headers, body, signal } = sending
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(signal.reason)
      return
    }
    const bytes = body === undefined ? undefined : new TextEncoder().encode(body)
    const request = requestTls(url, {
      method,
      agent,
      signal,
      headers: {
        accept: 'application/json',
        'user-agent': 'mesh-pki',
        ...headers,
        ...(token === undefined ? {} : { authorization: bearerOf(token) }),
        ...(bytes === undefined ? {} : { 'content-length': String(bytes.length) }),
      },
    })
    request.on('response', resolve)
    const fail = (error: unknown): void => reject(signal.aborted ? signal.reason : error)
    request.on('error', fail)
    // Such as after "101 Switching Protocols", where there is neither an answer nor an error.
    request.on('close', () =>
      fail(new MeshPkiError('ERR_KUBERNETES_ANSWER', 'the connection was closed without an answer')),
    )
    // A peer that vanished is noticed by the kernel, also where nothing is sent for hours.
    request.on('socket', (socket) => socket.setKeepAlive(true, IDLE_MS))
    request.end(bytes)
  })
}

async function* chunksOf(answer: IncomingMessage): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of answer) {
    const bytes: unknown = chunk
    if (bytes instanceof Uint8Array) yield bytes
  }
}

/** What came as JSON, as a value; as text where it is none. */
async function bodyOf(answer: IncomingMessage, signal: AbortSignal): Promise<unknown> {
  const bytes = new GrowingBytes()
  try {
    for await (const chunk of chunksOf(answer)) {
      if (bytes.length + chunk.length > MAX_ANSWER)
        throw new MeshPkiError('ERR_KUBERNETES_ANSWER', `the answer is longer than ${MAX_ANSWER} bytes`)
      bytes.append(chunk)
    }
  } catch (error) {
    throw signal.aborted ? signal.reason : error
  }
  const text = bytes.take() ?? 'what came is not UTF-8'
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

function headersOf(answer: IncomingMessage): KubeResponse['headers'] {
  return Object.fromEntries(
    Object.entries(answer.headers).flatMap(([name, value]): [string, string][] =>
      value === undefined ? [] : [[name, typeof value === 'string' ? value : value.join(', ')]],
    ),
  )
}

/** The `Status` of a refusal; one is made where what came is none. */
function statusOf(answer: IncomingMessage, body: unknown): unknown {
  if (isRecord(body) && body['kind'] === 'Status') return body
  return { kind: 'Status', apiVersion: 'v1', status: 'Failure', code: answer.statusCode ?? 0 }
}
