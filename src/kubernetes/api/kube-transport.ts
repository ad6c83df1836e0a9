/**
 * The seam between this library and a client of the Kubernetes API: two methods.
 *
 * @module
 */

import type { WebAbortSignal } from '../../internal/web-types.ts'

/** Parameters of a query; `undefined` ones are left out. */
export type KubeQuery = Readonly<Record<string, string | number | boolean | undefined>>

/** What a body is. Each kind of PATCH has its own. */
export type KubeContentType =
  | 'application/json'
  | 'application/merge-patch+json'
  | 'application/json-patch+json'
  | 'application/apply-patch+yaml'

/** One request. */
export interface KubeRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** Begins with `/api`; each segment is escaped already. */
  readonly path: string
  readonly query?: KubeQuery | undefined
  /** Default `application/json`. */
  readonly contentType?: KubeContentType | undefined
  /** Is sent as JSON, which YAML also reads. */
  readonly body?: unknown
  /** Aborts when nobody waits for the answer any longer; limits on time are in it. */
  readonly signal: WebAbortSignal
}

/** The answer to one request. */
export interface KubeResponse {
  readonly status: number
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  /** The JSON that came, as a value; text where it is not JSON. */
  readonly body: unknown
}

/** One watch. */
export interface KubeWatchRequest {
  readonly path: string
  readonly query?: KubeQuery | undefined
  readonly signal: WebAbortSignal
}

/** One event of a watch. */
export interface KubeWatchEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR'
  readonly object: unknown
}

/**
 * What this library needs of a client. `mesh-pki/kubernetes/client-node` and `mesh-pki/kubernetes/in-cluster` have one,
 * `mesh-pki/kubernetes/testing` has a whole server; any other client fits in some 25 lines.
 *
 * @example
 * ```ts
 * import type { KubeTransport } from 'mesh-pki/kubernetes'
 *
 * // kubectl proxy --port=8001
 * const proxy = 'http://127.0.0.1:8001'
 * const urlOf = (path: string, query: object = {}) =>
 *   `${proxy}${path}?${new URLSearchParams(Object.entries(query).flatMap(([key, value]) => (value === undefined ? [] : [[key, String(value)]])))}`
 *
 * const transport: KubeTransport = {
 *   async request({ method, path, query, body, contentType = 'application/json', signal }) {
 *     const answer = await fetch(urlOf(path, query), {
 *       method,
 *       headers: { 'Content-Type': contentType },
 *       ...(body === undefined ? {} : { body: JSON.stringify(body) }),
 *       signal,
 *     })
 *     return { status: answer.status, headers: Object.fromEntries(answer.headers), body: await answer.json() }
 *   },
 *   async *watch({ path, query, signal }) {
 *     const answer = await fetch(urlOf(path, { ...query, watch: 1 }), { signal })
 *     if (!answer.ok) yield { type: 'ERROR', object: await answer.json() }
 *     let rest = ''
 *     for await (const chunk of answer.body?.pipeThrough(new TextDecoderStream()) ?? []) {
 *       const lines = (rest + chunk).split('\n')
 *       rest = lines.pop() ?? ''
 *       for (const line of lines) yield JSON.parse(line)
 *     }
 *   },
 * }
 * ```
 */
export interface KubeTransport {
  /**
   * Sends one request, once: what to do about a failure is decided by the caller. Answers for every HTTP status, and
   * rejects only where there was no answer. Credentials are its own affair; it never puts them into an error.
   */
  request(request: KubeRequest): Promise<KubeResponse>
  /**
   * Opens one watch over one connection, with `watch=true` added to the query. It ends when the server ends it, and
   * throws where the connection breaks. A refusal is one `ERROR` event with the server's `Status`.
   */
  watch(request: KubeWatchRequest): AsyncIterable<KubeWatchEvent>
}
