/**
 * The in-memory API server: one request in, one answer out.
 *
 * @module
 */

import type { Clock } from '../../internal/clock.ts'
import { instantText } from '../../internal/instant-text.ts'
import type { KubeRequest, KubeResponse, KubeWatchEvent } from '../api/kube-transport.ts'
import { isRecord, textAt } from '../objects/kube-object.ts'
import type { AccessRules } from './access-rules.ts'
import { ApiRefusal, badRequest, forbidden, methodNotAllowed, noSuchPath, notFound } from './api-refusal.ts'
import { type ApiRequest, kindOf, readPath, readQuery, verbOf } from './api-request.ts'
import { createObject, updateObject } from './create-update.ts'
import { CRD_TABLE, kindsOf } from './custom-kinds.ts'
import { deleteObject, remove } from './delete-object.ts'
import { discover } from './discovery.ts'
import { type FakeKind, type FakeKubeVersion, tableOf } from './fake-kind.ts'
import type { KindRegistry } from './kind-registry.ts'
import { keyOf, type ObjectStore } from './object-store.ts'
import { patchObject } from './patch-object.ts'
import { getObject, isWatch, listObjects, readVersion, selectorOf } from './reads.ts'
import { fieldRequirements } from './selectors.ts'
import { type JsonMap, wireCopy } from './stored-object.ts'
import type { EventFate, FakeWatch, WatchHub, WatchSource } from './watch-hub.ts'
import type { WriteAnswer, WriteContext } from './write-context.ts'

/** The server reads bodies of three mebibytes. */
const MAX_BODY = 3_145_728

/** What a server consists of. */
export interface ServerParts {
  readonly store: ObjectStore
  readonly kinds: KindRegistry
  readonly access: AccessRules
  readonly hub: WatchHub
  readonly clock: Clock
  readonly version: FakeKubeVersion
  readonly needsNamespaces: boolean
  fateOf(kind: FakeKind, event: KubeWatchEvent): EventFate
}

/** An answer, and whether anything was changed. */
export interface ServerAnswer {
  readonly response: KubeResponse
  readonly changed: boolean
}

const SAFE = 'bcdfghjklmnpqrstvwxz2456789'

/** Answers requests. */
export class ApiServer implements WatchSource {
  readonly #parts: ServerParts
  #names = 0
  /** The version at which the copy stands that answers what may be old. */
  #frozen: number | undefined

  constructor(parts: ServerParts) {
    this.#parts = parts
  }

  get store(): ObjectStore {
    return this.#parts.store
  }

  get copied(): number {
    const { store } = this.#parts
    // A copy that is compacted away has to catch up.
    return this.#frozen === undefined ? store.version : Math.max(this.#frozen, store.compacted)
  }

  /** Lets the copy stand at a version; `undefined` lets it catch up. */
  freeze(version: number | undefined): void {
    this.#frozen = version === undefined ? undefined : Math.min(version, this.store.version)
  }

  fateOf(kind: FakeKind, event: KubeWatchEvent): EventFate {
    return this.#parts.fateOf(kind, event)
  }

  newUid(): string {
    return `00000000-0000-4000-8000-${(++this.#names).toString(16).padStart(12, '0')}`
  }

  now(): string {
    return instantText(Math.floor(this.#parts.clock.now().getTime() / 1000) * 1000)
  }

  /** What a request asks for; `undefined` for one that is about no objects. @throws {@link ApiRefusal}. */
  read(request: Pick<KubeRequest, 'method' | 'path' | 'query'>, watches: boolean): ApiRequest | undefined {
    const path = readPath(request.path)
    if (path === undefined) return undefined
    const query = readQuery(request.query)
    const verb = verbOf(request.method, path, watches || isWatch(query))
    return { ...path, verb, query }
  }

  /** Answers a request for objects. */
  async answer(user: string, request: KubeRequest): Promise<ServerAnswer> {
    try {
      const { status, body, changed = false } = await this.#handle(user, request)
      return { response: this.#response(status, {}, body), changed }
    } catch (error) {
      if (!(error instanceof ApiRefusal)) throw error
      return { response: this.refusal(error), changed: false }
    }
  }

  /** An answer that a fault gives in place of the server's. */
  refusal(refusal: ApiRefusal): KubeResponse {
    const { status, headers, body } = refusal.response()
    return this.#response(status, headers, body)
  }

  /** Opens a watch. @throws {@link ApiRefusal}. */
  watch(user: string, request: ApiRequest): FakeWatch {
    const { hub } = this.#parts
    const kind = this.#admitted(user, request)
    if (request.query.has('resourceVersionMatch'))
      throw new ApiRefusal(422, { reason: 'Invalid', message: 'resourceVersionMatch is forbidden for watch' })
    const version = readVersion(request.query.get('resourceVersion'))
    const matches = selectorOf(kind, request)
    const bookmarks = ['true', '1'].includes(request.query.get('allowWatchBookmarks') ?? '')
    const from = version === 0 ? undefined : version
    return hub.open(this, { kind, matches, from, bookmarks })
  }

  /** Takes away what is left of a namespace, and the namespace. */
  finishNamespace(name: string): void {
    for (const { resource } of this.#parts.kinds.all()) {
      if (!resource.namespaced) continue
      for (const [key] of this.store.list(tableOf(resource)))
        if (key.startsWith(`${name}/`)) this.store.delete(tableOf(resource), key)
    }
    this.store.delete('/namespaces', name)
  }

  /** Learns the kinds that a CustomResourceDefinition makes, and forgets those of one that is gone. */
  learn(definition: JsonMap, isGone: boolean): void {
    const { kinds } = this.#parts
    const spec = isRecord(definition['spec']) ? definition['spec'] : {}
    const group = textAt(spec, 'group') ?? ''
    const plural = textAt(spec['names'], 'plural') ?? ''
    kinds.remove(group, plural)
    if (!isGone) {
      for (const kind of kindsOf(definition)) kinds.add(kind)
      return
    }
    const table = `${group}/${plural}`
    for (const [key] of this.store.list(table)) this.store.delete(table, key)
  }

  #response(status: number, headers: KubeResponse['headers'], body: unknown): KubeResponse {
    const date = this.#parts.clock.now().toUTCString()
    return { status, headers: { 'content-type': 'application/json', date, ...headers }, body: wireCopy(body) }
  }

  async #handle(user: string, raw: KubeRequest): Promise<WriteAnswer & { readonly changed?: boolean }> {
    const { access, kinds, version } = this.#parts
    const request = this.read(raw, false)
    if (request === undefined) {
      access.authenticate(user)
      if (raw.method !== 'GET') throw methodNotAllowed()
      return { status: 200, body: discover(raw.path, kinds, version) }
    }
    const kind = this.#admitted(user, request)
    if (request.verb === 'get') return { status: 200, body: getObject(this, kind, request) }
    if (request.verb === 'list') return { status: 200, body: listObjects(this, kind, request) }
    if (request.verb === 'watch') throw badRequest('a watch is opened by watch()')
    if (request.query.has('dryRun')) throw badRequest('the in-memory server has no dry run')
    const body = readBody(raw.body)
    await this.#examine(kind, request, body, raw.contentType)
    const before = this.store.version
    const answer = this.#write(user, kind, request, body, raw.contentType)
    return { ...answer, changed: this.store.version !== before }
  }

  #admitted(user: string, request: ApiRequest): FakeKind {
    const { access, kinds } = this.#parts
    access.authenticate(user)
    const kind = kinds.find(request.group, request.version, request.plural)
    const resource = kind?.resource ?? {
      group: request.group,
      version: request.version,
      kind: request.plural,
      plural: request.plural,
      namespaced: request.namespace !== undefined,
    }
    access.authorize(user, asAuthorized(request), resource)
    const known = kindOf(request, kinds)
    const isWhole = request.verb === 'create' || request.verb === 'deletecollection'
    if (isWhole && known.resource.namespaced && request.namespace === undefined) throw methodNotAllowed()
    return known
  }

  async #examine(
    kind: FakeKind,
    { verb, name, namespace }: ApiRequest,
    body: unknown,
    contentType: KubeRequest['contentType'],
  ): Promise<void> {
    const applies = verb === 'patch' && contentType === 'application/apply-patch+yaml'
    const isNew =
      verb === 'create' ||
      (applies && this.store.get(tableOf(kind.resource), keyOf(name ?? '', namespace)) === undefined)
    if (isNew && isRecord(body)) await kind.rules.examine?.(body)
  }

  #write(
    user: string,
    kind: FakeKind,
    request: ApiRequest,
    body: unknown,
    contentType: KubeRequest['contentType'],
  ): WriteAnswer {
    const context = this.#context(user, kind, request)
    const table = tableOf(kind.resource)
    const before = table === CRD_TABLE ? this.store.list(table) : []
    const answer = this.#written(context, body, contentType)
    if (table === CRD_TABLE) {
      for (const [key, one] of before) if (this.store.get(table, key) === undefined) this.learn(one, true)
      for (const [key, one] of this.store.list(table))
        if (before.find(([known]) => known === key)?.[1] !== one) this.learn(one, false)
    }
    return answer
  }

  #written(context: WriteContext, body: unknown, contentType: KubeRequest['contentType']): WriteAnswer {
    switch (context.request.verb) {
      case 'create':
        return createObject(context, body)
      case 'update':
        return updateObject(context, body)
      case 'patch':
        return patchObject(context, body, contentType)
      case 'delete':
        return deleteObject(context, body)
      case 'deletecollection':
        return this.#deleteAll(context)
      default:
        throw noSuchPath()
    }
  }

  #deleteAll(context: WriteContext): WriteAnswer {
    const { kind, request } = context
    const matches = selectorOf(kind, request)
    const body = listObjects(this, kind, request)
    for (const [, object] of this.store.list(tableOf(kind.resource)))
      if (matches(object)) remove(context, object)
    return { status: 200, body }
  }

  #context(user: string, kind: FakeKind, request: ApiRequest): WriteContext {
    const { access, version, store } = this.#parts
    return {
      store,
      kind,
      request,
      version,
      part: request.part,
      caller: access.authenticate(user),
      now: this.now(),
      newUid: () => this.newUid(),
      newSuffix: () => suffix(++this.#names),
      checkNamespace: (name) => this.#checkNamespace(kind, request, name),
      checkCreate: () => access.authorize(user, { ...request, verb: 'create' }, kind.resource),
    }
  }

  #checkNamespace({ resource }: FakeKind, { name }: ApiRequest, namespace: string | undefined): void {
    if (namespace === undefined) return
    const found = this.store.get('/namespaces', namespace)
    if (found === undefined) {
      if (!this.#parts.needsNamespaces) return
      const { version } = resource
      throw notFound({
        resource: { group: '', version, kind: 'Namespace', plural: 'namespaces', namespaced: false },
        name: namespace,
      })
    }
    if (found.metadata['deletionTimestamp'] === undefined) return
    throw forbidden(
      { resource, name },
      `unable to create new content in namespace ${namespace} because it is being terminated`,
      [
        {
          reason: 'NamespaceTerminating',
          message: `namespace ${namespace} is being terminated`,
          field: 'metadata.namespace',
        },
      ],
    )
  }
}

/** What rules of RBAC see: a list or a watch of one object has that object's name. */
function asAuthorized(request: ApiRequest): ApiRequest {
  if (request.name !== undefined || request.verb === 'create') return request
  const named = fieldRequirements(request.query.get('fieldSelector')).find(
    ({ field, isEqual }) => field === 'metadata.name' && isEqual,
  )
  return named === undefined ? request : { ...request, name: named.value }
}

function readBody(body: unknown): unknown {
  const text = JSON.stringify(body)
  if (text === undefined) return undefined
  if (text.length > MAX_BODY)
    throw new ApiRefusal(413, {
      reason: 'RequestEntityTooLarge',
      message: `Request entity too large: limit is ${MAX_BODY}`,
    })
  return JSON.parse(text)
}

/** Five characters, as the server appends to `generateName`. */
function suffix(count: number): string {
  let text = ''
  let rest = count
  for (let i = 0; i < 5; i++) {
    text = SAFE.charAt(rest % SAFE.length) + text
    rest = Math.floor(rest / SAFE.length)
  }
  return text
}
