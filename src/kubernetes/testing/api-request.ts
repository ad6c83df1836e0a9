/**
 * What a request to the in-memory API server asks for: verb, kind and object, from its method and path.
 *
 * @module
 */

import type { KubeQuery, KubeRequest } from '../api/kube-transport.ts'
import { badRequest, methodNotAllowed, noSuchPath } from './api-refusal.ts'
import type { FakeKind } from './fake-kind.ts'
import type { KindRegistry } from './kind-registry.ts'

/** What is done, in the words of RBAC. */
export type FakeKubeVerb =
  | 'get'
  | 'list'
  | 'watch'
  | 'create'
  | 'update'
  | 'patch'
  | 'delete'
  | 'deletecollection'

/** Where a path leads. */
export interface ApiPath {
  readonly group: string
  readonly version: string
  readonly plural: string
  readonly namespace: string | undefined
  readonly name: string | undefined
  readonly part: string | undefined
}

/** A request that is about objects. */
export interface ApiRequest extends ApiPath {
  readonly verb: FakeKubeVerb
  readonly query: ReadonlyMap<string, string>
}

/** Reads a path; `undefined` for one of discovery and for what is none. */
export function readPath(path: string): ApiPath | undefined {
  const [, root = '', ...rest] = path.split('/').map(unescaped)
  if (rest.includes('')) return undefined
  const group = root === 'apis' ? rest.shift() : root === 'api' ? '' : undefined
  const version = rest.shift()
  if (group === undefined || version === undefined || rest.length === 0) return undefined
  const isScoped =
    rest[0] === 'namespaces' && rest.length > 2 && !(rest.length === 3 && isNamespacePart(rest[2]))
  const namespace = isScoped ? rest[1] : undefined
  const [plural = '', name, part, ...more] = isScoped ? rest.slice(2) : rest
  return more.length > 0 ? undefined : { group, version, plural, namespace, name, part }
}

/** `/api/v1/namespaces/x/status` is a part of a namespace, `/api/v1/namespaces/x/secrets` a collection in it. */
const isNamespacePart = (segment: string | undefined): boolean =>
  segment === 'status' || segment === 'finalize'

function unescaped(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    throw badRequest('invalid URL escape')
  }
}

/** Parameters as texts. */
export function readQuery(query: KubeQuery | undefined): ReadonlyMap<string, string> {
  const entries = Object.entries(query ?? {}).filter(([, value]) => value !== undefined)
  return new Map(entries.map(([name, value]) => [name, String(value)]))
}

/** Whether a parameter says yes. */
export function isTrue(query: ReadonlyMap<string, string>, name: string): boolean {
  return ['true', '1', 't', 'T', 'TRUE', 'True'].includes(query.get(name) ?? '')
}

/** The verb of a request. @throws `ApiRefusal` 405. */
export function verbOf(method: KubeRequest['method'], path: ApiPath, isWatch: boolean): FakeKubeVerb {
  const { name } = path
  switch (method) {
    case 'GET':
      return name !== undefined ? 'get' : isWatch ? 'watch' : 'list'
    case 'POST':
      if (name === undefined) return 'create'
      throw methodNotAllowed()
    case 'PUT':
      if (name !== undefined) return 'update'
      throw methodNotAllowed()
    case 'PATCH':
      if (name !== undefined) return 'patch'
      throw methodNotAllowed()
    case 'DELETE':
      if (path.part !== undefined) throw methodNotAllowed()
      return name !== undefined ? 'delete' : 'deletecollection'
  }
}

/** The kind that a path names. @throws `ApiRefusal` 404. */
export function kindOf(path: ApiPath, kinds: KindRegistry): FakeKind {
  const kind = kinds.find(path.group, path.version, path.plural)
  if (kind === undefined || (path.namespace !== undefined && !kind.resource.namespaced)) throw noSuchPath()
  const isPart = path.part === undefined || kind.parts.includes(path.part)
  if (!isPart || (path.name !== undefined && kind.resource.namespaced && path.namespace === undefined))
    throw noSuchPath()
  return kind
}
