/**
 * What the contract of the Kubernetes API is written with: requests as they go over the wire.
 */
import { expect } from 'vitest'
import type {
  KubeContentType,
  KubeQuery,
  KubeRequest,
  KubeResponse,
  KubeTransport,
  KubeWatchEvent,
} from '../../../src/kubernetes/index.ts'
import { isRecord, listAt, numberAt, recordAt, textAt } from '../../../src/kubernetes/objects/kube-object.ts'
import type { FakeKubeRule } from '../../../src/kubernetes/testing/index.ts'

/** One API server under test, whatever it is. Its version is 1.20. */
export interface ContractApi {
  /** May do everything. */
  readonly admin: KubeTransport
  /** The same, but what it watches is not served from a cache that outlives a compaction. */
  readonly uncached: KubeTransport
  /** A user who may do just this, from when it resolves. */
  as(user: string, groups: readonly string[], rules: readonly FakeKubeRule[]): Promise<KubeTransport>
  /** Nobody that the server knows. */
  stranger(): Promise<KubeTransport>
  /** Forgets every version but the newest. */
  compact(): Promise<void>
}

/** Gives the server that the suite has started. */
export type GetApi = () => ContractApi

let names = 0
/** A name that no other test has, on a server that may outlive this run. */
export const fresh = (prefix: string): string => `${prefix}-${process.pid}-${++names}`

export const JSON_PATCH = 'application/json-patch+json'
export const MERGE = 'application/merge-patch+json'
export const APPLY = 'application/apply-patch+yaml'

export interface SendOptions {
  readonly query?: KubeQuery
  readonly contentType?: KubeContentType
}

export function send(
  transport: KubeTransport,
  method: KubeRequest['method'],
  path: string,
  body?: unknown,
  { query, contentType }: SendOptions = {},
): Promise<KubeResponse> {
  const signal = AbortSignal.timeout(20_000)
  return transport.request({ method, path, query, contentType, body, signal })
}

/** What of an answer is asserted: never whole messages, which differ from version to version. */
function outcomeOf({ status, body }: KubeResponse): Readonly<Record<string, unknown>> {
  const causes = listAt(recordAt(body, 'details'), 'causes')
  const told = (member: string): readonly unknown[] => [
    ...new Set(causes.map((cause) => textAt(cause, member)).filter((text) => text !== undefined)),
  ]
  const reason = textAt(body, 'reason')
  return {
    status,
    ...(isRecord(body) && body['kind'] === 'Status' && status >= 400 ? { code: numberAt(body, 'code') } : {}),
    ...(reason === undefined ? {} : { reason }),
    ...(causes.length === 0 ? {} : { causes: told('reason'), fields: told('field') }),
  }
}

/** Asserts how a request was refused. Refusals of a status without a reason have none. */
export function expectRefusal(
  answer: KubeResponse,
  status: number,
  reason: string | undefined,
  causes: readonly string[] = [],
  fields: readonly string[] = [],
): void {
  expect(outcomeOf(answer)).toEqual({
    status,
    code: status,
    ...(reason === undefined ? {} : { reason }),
    ...(causes.length === 0 ? {} : { causes, fields }),
  })
}

/** The body of a success. */
export function objectOf(answer: KubeResponse, status?: number): Readonly<Record<string, unknown>> {
  if (answer.status >= 300 || !isRecord(answer.body))
    throw new Error(`refused: ${answer.status} ${JSON.stringify(answer.body)}`)
  if (status !== undefined) expect(answer.status).toBe(status)
  return answer.body
}

export const metaOf = (object: unknown): Readonly<Record<string, unknown>> => recordAt(object, 'metadata')
export const versionOf = (object: unknown): string => textAt(metaOf(object), 'resourceVersion') ?? ''
export const uidOf = (object: unknown): string => textAt(metaOf(object), 'uid') ?? ''
export const namesOf = (list: unknown): readonly string[] =>
  listAt(list, 'items').map((item) => textAt(metaOf(item), 'name') ?? '')

/** A namespace of a test's own. */
export async function makeNamespace({ admin }: ContractApi): Promise<string> {
  const name = fresh('ns')
  objectOf(await send(admin, 'POST', '/api/v1/namespaces', { metadata: { name } }), 201)
  return name
}

export const configMaps = (namespace: string, name?: string): string =>
  `/api/v1/namespaces/${namespace}/configmaps${name === undefined ? '' : `/${name}`}`
export const secrets = (namespace: string, name?: string): string =>
  `/api/v1/namespaces/${namespace}/secrets${name === undefined ? '' : `/${name}`}`
export const leases = (namespace: string, name?: string): string =>
  `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases${name === undefined ? '' : `/${name}`}`

export const configMap = (name: string | undefined, rest: object = {}, metadata: object = {}): object => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, ...metadata },
  ...rest,
})

export const secret = (name: string, rest: object = {}, metadata: object = {}): object => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name, ...metadata },
  ...rest,
})

export const base64 = (text: string | Uint8Array): string => Buffer.from(text).toString('base64')

/** An event as a line: `ADDED name`, and what broke a watch. */
export function eventLine({ type, object }: KubeWatchEvent): string {
  if (type === 'ERROR') return `ERROR ${numberAt(object, 'code')} ${textAt(object, 'reason')}`
  return `${type} ${textAt(metaOf(object), 'name') ?? ''}`.trim()
}

/** Watches until it has seen so many events, or the watch ends. */
export async function watchFor(
  transport: KubeTransport,
  path: string,
  query: KubeQuery,
  count: number,
  during: () => Promise<unknown> = async () => {},
): Promise<readonly KubeWatchEvent[]> {
  const stop = new AbortController()
  const timer = setTimeout(() => stop.abort(), 15_000)
  const events: KubeWatchEvent[] = []
  const watching = (async () => {
    for await (const event of transport.watch({ path, query, signal: stop.signal })) {
      events.push(event)
      if (events.length >= count) break
    }
  })()
  try {
    await during()
    await watching
    return events
  } finally {
    clearTimeout(timer)
    stop.abort()
  }
}
