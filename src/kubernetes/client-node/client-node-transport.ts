/**
 * A transport over `@kubernetes/client-node`: kubeconfig, exec plug-ins, proxies and OIDC are its own.
 *
 * @module
 */

import { MeshPkiError } from '../../errors.ts'
import { abortWith } from '../../internal/abort-with.ts'
import { checkOptionNames, typeName } from '../../internal/options.ts'
import type {
  KubeRequest,
  KubeResponse,
  KubeTransport,
  KubeWatchEvent,
  KubeWatchRequest,
} from '../api/kube-transport.ts'
import { numberAt } from '../objects/kube-object.ts'
import type {
  ClientNodeConfig,
  ClientNodeLibrary,
  ClientNodeRequest,
  ClientNodeWatch,
} from './client-node-library.ts'
import { EventBuffer } from './event-buffer.ts'

/** Options of {@link clientNodeTransport}. */
export interface ClientNodeOptions<Request, Method, Config> {
  /** The module: `import * as k8s from '@kubernetes/client-node'`. */
  readonly library: ClientNodeLibrary<Request, Method, Config>
  /** A `KubeConfig` that is loaded. */
  readonly config: Config
}

/** Bytes of an answer. */
const MAX_ANSWER = 64 << 20

/** How long a watch may last beyond what the server was asked for, before it is given up. */
const GRACE_MS = 30_000
/** Where the server was asked for nothing: longer than it lets a watch last by itself. */
const LONGEST_MS = 3_700_000

const TYPES: readonly KubeWatchEvent['type'][] = ['ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK', 'ERROR']

/**
 * Makes a transport over `@kubernetes/client-node` 1.4 or 2.0.
 *
 * The module is passed in rather than imported: which major there is, is the application's choice (2.0 needs Node 22), a
 * bundler sees the one import that is there, and who does not use it has none. It is read by its shape alone.
 *
 * What goes over the wire is raw JSON. The typed models of the library drop members that they do not know, in both
 * directions, so that a read and a write of an object would delete them.
 *
 * **Warning**: three things are the library's, and weaker than in `mesh-pki/kubernetes/in-cluster`: it follows redirects,
 * it bounds neither events nor answers that do not say how long they are, and what a refused watch was told is lost but
 * for the status.
 *
 * @throws `TypeError` for a module or a `KubeConfig` that is none, or has no current cluster.
 *
 * @example
 * ```ts
 * import { KubeClient } from 'mesh-pki/kubernetes'
 * import { type ClientNodeConfig, type ClientNodeLibrary, type ClientNodeRequest, clientNodeTransport } from 'mesh-pki/kubernetes/client-node'
 *
 * // import * as library from '@kubernetes/client-node'
 * // const config = new library.KubeConfig()
 * // config.loadFromDefault()
 * declare const library: ClientNodeLibrary<ClientNodeRequest, string, ClientNodeConfig<ClientNodeRequest>>
 * declare const config: ClientNodeConfig<ClientNodeRequest>
 * const client = new KubeClient(clientNodeTransport({ library, config }), { fieldManager: 'my-controller' })
 * ```
 */
export function clientNodeTransport<
  Request extends ClientNodeRequest,
  Method,
  Config extends ClientNodeConfig<Request>,
>(options: ClientNodeOptions<Request, Method, Config>): KubeTransport {
  checkOptionNames(options, ['library', 'config'], 'clientNodeTransport()')
  const { library, config } = options
  for (const name of ['RequestContext', 'IsomorphicFetchHttpLibrary', 'Watch'] as const)
    if (typeof library?.[name] !== 'function')
      throw new TypeError(
        `option "library" must be the module @kubernetes/client-node; its ${name} is ${typeName(library?.[name])}`,
      )
  if (typeof config?.applySecurityAuthentication !== 'function')
    throw new TypeError('option "config" must be a KubeConfig of that module')
  if (config.getCurrentCluster() === null)
    throw new TypeError(
      'option "config" has no current cluster: load it first, and check its current context',
    )
  return {
    request: (request) => send(library, config, request),
    watch: (request) => watch(library, config, request),
  }
}

async function send<Request extends ClientNodeRequest, Method, Config extends ClientNodeConfig<Request>>(
  library: ClientNodeLibrary<Request, Method, Config>,
  config: Config,
  { method, path, query, contentType = 'application/json', body, signal }: KubeRequest,
): Promise<KubeResponse> {
  if (signal.aborted) throw signal.reason
  // Of the current context, which may have been changed since.
  const server = config.getCurrentCluster()?.server ?? ''
  const context = new library.RequestContext(
    `${server.replace(/\/$/, '')}${path}`,
    library.HttpMethod[method],
  )
  for (const [name, value] of Object.entries(query ?? {}))
    if (value !== undefined) context.setQueryParam(name, String(value))
  context.setHeaderParam('Accept', 'application/json')
  if (body !== undefined) {
    context.setHeaderParam('Content-Type', contentType)
    context.setBody(JSON.stringify(body))
  }
  const { controller, release } = abortWith([signal])
  context.setSignal(controller.signal)
  try {
    await config.applySecurityAuthentication(context)
    if (signal.aborted) throw signal.reason
    const answer = await new library.IsomorphicFetchHttpLibrary().send(context).toPromise()
    const status: unknown = answer.httpStatusCode
    if (typeof status !== 'number') throw strange(`it has the status ${typeName(status)}`)
    const headers = Object.fromEntries(
      Object.entries(answer.headers).map(([name, value]) => [name.toLowerCase(), value]),
    )
    // The library reads it as a whole; what says beforehand that it is too long is not begun.
    if (Number(headers['content-length']) > MAX_ANSWER) throw tooLong()
    const text = await answer.body.text()
    if (text.length > MAX_ANSWER) throw tooLong()
    return { status, headers, body: bodyOf(text) }
  } catch (error) {
    // Else the connection would be held by an answer that nobody reads.
    controller.abort()
    throw signal.aborted ? signal.reason : error
  } finally {
    release()
  }
}

const strange = (problem: string): MeshPkiError =>
  new MeshPkiError('ERR_KUBERNETES_ANSWER', `the answer cannot be taken: ${problem}`)
const tooLong = (): MeshPkiError => strange(`it is longer than ${MAX_ANSWER} bytes`)

function bodyOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

async function* watch<Request, Method, Config>(
  library: ClientNodeLibrary<Request, Method, Config>,
  config: Config,
  { path, query, signal }: KubeWatchRequest,
): AsyncGenerator<KubeWatchEvent, void, undefined> {
  if (signal.aborted) return
  const watcher = new library.Watch(config)
  allowSilence(watcher, numberAt(query, 'timeoutSeconds'))
  let isOver = false
  let connection: { abort(): void } | undefined
  const close = (): void => {
    isOver = true
    connection?.abort()
  }
  const buffer = new EventBuffer(close)
  const onAbort = (): void => {
    buffer.clear()
    buffer.end()
    close()
  }
  signal.addEventListener('abort', onAbort)
  const open = async (): Promise<{ abort(): void }> =>
    watcher.watch(
      path,
      { ...query },
      (type, object) => {
        const known = TYPES.find((one) => one === type)
        if (known !== undefined) buffer.push({ type: known, object })
      },
      (error) => {
        const refusal = refusalOf(error)
        if (refusal !== undefined) buffer.push({ type: 'ERROR', object: refusal })
        buffer.end(refusal === undefined ? (error ?? undefined) : undefined)
      },
    )
  open().then(
    (opened) => {
      connection = opened
      // It could not be closed before it was open.
      if (isOver) opened.abort()
    },
    (error: unknown) => buffer.end(error ?? new Error('the watch could not be opened')),
  )
  try {
    for (;;) {
      const event = await buffer.next()
      if (event === undefined) return
      yield event
    }
  } finally {
    signal.removeEventListener('abort', onAbort)
    close()
  }
}

/** An answer that is not 200 comes as an error with a status; what the server said is lost. */
function refusalOf(error: unknown): unknown {
  const code = typeof error === 'object' && error !== null ? Reflect.get(error, 'statusCode') : undefined
  return typeof code === 'number' ? { kind: 'Status', apiVersion: 'v1', status: 'Failure', code } : undefined
}

/**
 * The library's second major gives a watch up after thirty seconds without an event, though bookmarks come once a minute.
 * Who reads the watch has limits of its own.
 */
function allowSilence(watcher: ClientNodeWatch, timeoutSeconds: number | undefined): void {
  if (typeof Reflect.get(watcher, 'requestTimeoutMs') !== 'number') return
  const longest = timeoutSeconds === undefined ? LONGEST_MS : timeoutSeconds * 1000 + GRACE_MS
  Reflect.set(watcher, 'requestTimeoutMs', longest)
}
