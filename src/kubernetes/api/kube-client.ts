/**
 * The calls that controllers make, over a transport of two methods.
 *
 * @module
 */

import { type AbortSignalLike, orAborted } from '../../internal/abort.ts'
import { type Clock, readClock } from '../../internal/clock.ts'
import { readDuration } from '../../internal/duration.ts'
import { checkOptionNames, readFunction, typeName } from '../../internal/options.ts'
import type { WebAbortSignal } from '../../internal/web-types.ts'
import {
  isKubeObject,
  isRecord,
  type KubeObject,
  listAt,
  type ObjectName,
  recordAt,
  textAt,
} from '../objects/kube-object.ts'
import { checkAnswer, checkKind, nameOf, needsVersion } from './check-object.ts'
import { KubeCaller } from './kube-caller.ts'
import {
  isKubeError,
  type KubeCall,
  KubeError,
  statusErrorOf,
  strangeAnswer,
  targetOf,
  unreachable,
} from './kube-error.ts'
import type { KubeRuntimeEvent } from './kube-event.ts'
import {
  apiVersionOf,
  collectionPath,
  type KubeResource,
  objectPath,
  type Subresource,
} from './kube-resource.ts'
import type { KubeQuery, KubeRequest, KubeTransport } from './kube-transport.ts'

/** Options of a {@link KubeClient}. */
export interface KubeClientOptions {
  /**
   * Who writes, as `managedFields` shows it: `mesh-pki-agent`. Each adapter has its own, so that two of them never take
   * each other's fields.
   */
  readonly fieldManager: string
  /** How long one request may take; a watch has no limit here. Default `'10s'`. */
  readonly timeout?: string | undefined
  readonly clock?: Clock | undefined
  readonly onEvent?: ((event: KubeRuntimeEvent) => void) | undefined
}

/** What goes with every call. */
export interface KubeCallOptions {
  readonly signal?: AbortSignalLike | undefined
}

/** Which objects of a kind. */
export interface KubeSelection {
  /** Left out: those of all namespaces. */
  readonly namespace?: string | undefined
  /** `app=istiod,version!=v1`. */
  readonly labelSelector?: string | undefined
  /** `metadata.name=cacerts`. */
  readonly fieldSelector?: string | undefined
}

/** A collection at one version. */
export interface KubeList {
  readonly items: readonly KubeObject[]
  /** Where a watch can go on from. */
  readonly resourceVersion: string
}

/** Objects of one page; client-go's number. */
const PAGE = 500
/** Pages of one list: five million objects. A server that never ends is no API server. */
const MAX_PAGES = 10_000
/** Tries of {@link KubeClient.change}, as client-go's `DefaultRetry`. */
const MAX_TRIES = 5

/**
 * The calls of controllers, each with what makes it safe: a time limit, the version that was read or the field manager,
 * and errors that say whether the server may have done it.
 *
 * No call writes over what it has not seen: `replace`, `merge` and `remove` need the `resourceVersion` of what was read, and `apply`
 * takes nobody's fields. None is repeated by itself but `change`, which reads and decides anew after a conflict.
 *
 * @example
 * ```ts
 * import { KubeClient, KubeResources, type KubeTransport } from 'mesh-pki/kubernetes'
 *
 * declare const transport: KubeTransport
 * const client = new KubeClient(transport, { fieldManager: 'my-controller' })
 * const secret = await client.find(KubeResources.secrets, { namespace: 'istio-system', name: 'cacerts' })
 * ```
 */
export class KubeClient {
  readonly #transport: KubeTransport
  readonly #caller: KubeCaller
  /** Who writes. */
  readonly fieldManager: string
  readonly clock: Clock

  /** @throws `TypeError`, `RangeError`. */
  constructor(transport: KubeTransport, options: KubeClientOptions) {
    checkOptionNames(options, ['fieldManager', 'timeout', 'clock', 'onEvent'], 'KubeClient')
    if (typeof transport?.request !== 'function' || typeof transport.watch !== 'function')
      throw new TypeError(
        `KubeClient takes a KubeTransport, which has the methods request() and watch(); got ${typeName(transport)}`,
      )
    const { fieldManager } = options
    // What the server takes: at most 128 printable characters.
    if (typeof fieldManager !== 'string' || !/^[\x21-\x7e]{1,128}$/.test(fieldManager))
      throw new TypeError('option "fieldManager" must be 1 to 128 printable characters, without blanks')
    const timeoutMs = readDuration(options.timeout ?? '10s', 'timeout')
    readFunction(options.onEvent, 'onEvent')
    this.#transport = transport
    this.fieldManager = fieldManager
    this.clock = readClock(options.clock)
    this.#caller = new KubeCaller(transport, this.clock, timeoutMs, options.onEvent)
  }

  /** Reads one object, as it is now: a read that a majority of etcd answers. @throws {@link KubeError}. */
  async get(resource: KubeResource, ref: ObjectName, options: KubeCallOptions = {}): Promise<KubeObject> {
    return this.#ask('get', resource, ref, { method: 'GET', path: objectPath(resource, ref) }, options)
  }

  /** {@link get}, but `undefined` where there is none. A kind that is not served is a failure: it says nothing of its objects. */
  async find(
    resource: KubeResource,
    ref: ObjectName,
    options: KubeCallOptions = {},
  ): Promise<KubeObject | undefined> {
    try {
      return await this.get(resource, ref, options)
    } catch (error) {
      if (isKubeError(error, 'ERR_KUBERNETES_NOT_FOUND')) return undefined
      throw error
    }
  }

  /**
   * Reads a collection, page by page.
   *
   * `atLeast` takes what a replica has in its cache, as long as that is not older: for caches, never for decisions.
   */
  async list(
    resource: KubeResource,
    selection: KubeSelection & { readonly atLeast?: string | undefined } = {},
    options: KubeCallOptions = {},
  ): Promise<KubeList> {
    try {
      return await this.#pages(resource, selection, PAGE, options)
    } catch (error) {
      // The snapshot behind the pages was compacted away. What fits into one page needs none.
      if (!isKubeError(error, 'ERR_KUBERNETES_EXPIRED')) throw error
      return this.#pages(resource, { ...selection, atLeast: undefined }, undefined, options)
    }
  }

  /** Makes an object that is not there yet. @throws {@link KubeError} `ERR_KUBERNETES_ALREADY_EXISTS`. */
  async create(
    resource: KubeResource,
    object: KubeObject,
    options: KubeCallOptions = {},
  ): Promise<KubeObject> {
    const ref = nameOf(object)
    const path = collectionPath(resource, resource.namespaced ? ref.namespace : undefined)
    const body = typed(resource, object)
    return this.#write('create', resource, ref, { method: 'POST', path, body }, options)
  }

  /**
   * Writes an object that was read and changed. @throws `TypeError` for one without `metadata.resourceVersion`;
   * {@link KubeError} `ERR_KUBERNETES_CONFLICT` where somebody was faster.
   */
  async replace(
    resource: KubeResource,
    object: KubeObject,
    options: KubeCallOptions & { readonly part?: Subresource | undefined } = {},
  ): Promise<KubeObject> {
    const ref = nameOf(object)
    needsVersion(object, 'replace()')
    const request = { method: 'PUT' as const, path: objectPath(resource, ref, options.part) }
    return this.#write('update', resource, ref, { ...request, body: typed(resource, object) }, options)
  }

  /**
   * Server-side apply: the fields of `object` become ours, all others stay as they are. With
   * `metadata.resourceVersion` it also refuses what has changed since.
   *
   * `force` takes fields from whoever owns them. Never use it on key material.
   */
  async apply(
    resource: KubeResource,
    object: KubeObject,
    options: KubeCallOptions & { readonly part?: Subresource | undefined; readonly force?: boolean } = {},
  ): Promise<KubeObject> {
    const ref = nameOf(object)
    const request = {
      method: 'PATCH' as const,
      path: objectPath(resource, ref, options.part),
      contentType: 'application/apply-patch+yaml' as const,
      body: typed(resource, object),
      ...(options.force === true ? { query: { force: true } } : {}),
    }
    return this.#write('patch', resource, ref, request, options)
  }

  /** A merge patch (RFC 7396) with `metadata.resourceVersion` in it: lists are replaced as a whole. */
  async merge(
    resource: KubeResource,
    patch: KubeObject,
    options: KubeCallOptions & { readonly part?: Subresource | undefined } = {},
  ): Promise<KubeObject> {
    const ref = nameOf(patch)
    needsVersion(patch, 'merge()')
    const request = {
      method: 'PATCH' as const,
      path: objectPath(resource, ref, options.part),
      contentType: 'application/merge-patch+json' as const,
      body: typed(resource, patch),
    }
    return this.#write('patch', resource, ref, request, options)
  }

  /** Deletes an object that was read, and no other of that name. Answers `false` where it was gone. */
  async remove(resource: KubeResource, object: KubeObject, options: KubeCallOptions = {}): Promise<boolean> {
    const ref = nameOf(object)
    const { uid, resourceVersion } = object.metadata
    if (uid === undefined) throw new TypeError('remove() needs metadata.uid of what was read')
    const call = callOf('delete', resource, ref)
    const preconditions = { uid, ...(resourceVersion === undefined ? {} : { resourceVersion }) }
    try {
      const body = { apiVersion: 'v1', kind: 'DeleteOptions', preconditions }
      const request = { method: 'DELETE' as const, path: objectPath(resource, ref), body }
      await this.#caller.send(call, resource, request, options.signal)
      return true
    } catch (error) {
      if (isKubeError(error, 'ERR_KUBERNETES_NOT_FOUND')) return false
      throw error
    }
  }

  /**
   * Reads an object, asks what shall become of it, and writes that; after a conflict all of it again, five times at most.
   * `decide` answers `undefined` where nothing shall change.
   */
  async change(
    resource: KubeResource,
    ref: ObjectName,
    decide: (found: KubeObject) => KubeObject | undefined | Promise<KubeObject | undefined>,
    options: KubeCallOptions & { readonly part?: Subresource | undefined } = {},
  ): Promise<KubeObject> {
    for (let attempt = 1; ; attempt++) {
      const found = await this.get(resource, ref, options)
      const next = await decide(found)
      if (next === undefined || next === found) return found
      try {
        return await this.replace(resource, next, options)
      } catch (error) {
        if (attempt >= MAX_TRIES || !isKubeError(error, 'ERR_KUBERNETES_CONFLICT')) throw error
      }
    }
  }

  /** Whether the server has a kind. 404 means no; every other failure is one. */
  async serves(resource: KubeResource, options: KubeCallOptions = {}): Promise<boolean> {
    const { group, version } = resource
    const path = group === '' ? `/api/${version}` : `/apis/${group}/${version}`
    const call = { verb: 'get', target: path }
    try {
      const body = await this.#caller.send(call, resource, { method: 'GET', path }, options.signal)
      return listAt(body, 'resources').some((one) => textAt(one, 'name') === resource.plural)
    } catch (error) {
      if (isKubeError(error, 'ERR_KUBERNETES_NOT_SERVED', 'ERR_KUBERNETES_NOT_FOUND')) return false
      throw error
    }
  }

  /** One watch; see {@link KubeTransport.watch}. Errors of the server are thrown as {@link KubeError}. */
  async *watch(
    resource: KubeResource,
    selection: KubeSelection & { readonly resourceVersion: string; readonly timeoutSeconds: number },
    options: { readonly signal: WebAbortSignal },
  ): AsyncGenerator<{
    readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK'
    readonly object: KubeObject
  }> {
    const { namespace, labelSelector, fieldSelector, resourceVersion, timeoutSeconds } = selection
    const call = callOf('watch', resource, undefined, namespace)
    const query = { labelSelector, fieldSelector, resourceVersion, timeoutSeconds, allowWatchBookmarks: true }
    const { signal } = options
    const events = this.#transport.watch({ path: collectionPath(resource, namespace), query, signal })
    const iterator = events[Symbol.asyncIterator]()
    try {
      for (;;) {
        // A transport may not listen to its signal; nobody waits for it then.
        const step = await orAborted(iterator.next(), signal)
        if (step.done === true) return
        const { type, object } = step.value
        if (type === 'ERROR') throw statusErrorOf(call, object)
        if (!isKubeObject(object)) throw strangeAnswer(call, 'an event of the watch has no object')
        checkKind(call, resource, object)
        if (type === 'ADDED' || type === 'MODIFIED' || type === 'DELETED' || type === 'BOOKMARK')
          yield { type, object: typed(resource, object) }
      }
    } catch (error) {
      if (signal.aborted || error instanceof KubeError) throw error
      throw unreachable(call, error)
    } finally {
      iterator.return?.()?.catch(() => {})
    }
  }

  async #pages(
    resource: KubeResource,
    selection: KubeSelection & { readonly atLeast?: string | undefined },
    limit: number | undefined,
    options: KubeCallOptions,
  ): Promise<KubeList> {
    const { namespace, labelSelector, fieldSelector, atLeast } = selection
    const call = callOf('list', resource, undefined, namespace)
    const path = collectionPath(resource, namespace)
    const items: KubeObject[] = []
    let next: string | undefined
    for (let page = 0; page < MAX_PAGES; page++) {
      const query: KubeQuery = {
        labelSelector,
        fieldSelector,
        limit,
        continue: next,
        ...(atLeast === undefined || next !== undefined
          ? {}
          : { resourceVersion: atLeast, resourceVersionMatch: atLeast === '0' ? undefined : 'NotOlderThan' }),
      }
      const body = await this.#caller.send(call, resource, { method: 'GET', path, query }, options.signal)
      if (!isRecord(body) || !Array.isArray(body['items'])) throw strangeAnswer(call, 'the answer is no list')
      for (const item of listAt(body, 'items')) {
        if (!isKubeObject(item)) throw strangeAnswer(call, 'an item of the list has no metadata')
        checkKind(call, resource, item)
        items.push(typed(resource, item))
      }
      const metadata = recordAt(body, 'metadata')
      const after = textAt(metadata, 'continue')
      if (after === undefined || after === '')
        return { items, resourceVersion: textAt(metadata, 'resourceVersion') ?? '' }
      if (after === next) throw strangeAnswer(call, 'a page of the list leads to itself')
      next = after
    }
    throw strangeAnswer(call, `the list has not ended after ${MAX_PAGES} pages`)
  }

  #write(
    verb: string,
    resource: KubeResource,
    ref: ObjectName,
    request: Omit<KubeRequest, 'signal'>,
    options: KubeCallOptions,
  ): Promise<KubeObject> {
    const query = { ...request.query, fieldManager: this.fieldManager }
    return this.#ask(verb, resource, ref, { ...request, query }, options)
  }

  async #ask(
    verb: string,
    resource: KubeResource,
    ref: ObjectName,
    request: Omit<KubeRequest, 'signal'>,
    { signal }: KubeCallOptions,
  ): Promise<KubeObject> {
    const call = callOf(verb, resource, ref)
    const body = await this.#caller.send(call, resource, request, signal)
    if (!isKubeObject(body)) throw strangeAnswer(call, 'the answer is no object')
    checkAnswer(call, resource, ref, body)
    return typed(resource, body)
  }
}

function callOf(
  verb: string,
  resource: KubeResource,
  ref: ObjectName | undefined,
  namespace = ref?.namespace,
): KubeCall {
  return { verb, target: targetOf(resource.plural, ref?.name, resource.namespaced ? namespace : undefined) }
}

/** Items of lists come without what the list says for all. */
function typed(resource: KubeResource, object: KubeObject): KubeObject {
  return {
    ...object,
    apiVersion: object.apiVersion ?? apiVersionOf(resource),
    kind: object.kind ?? resource.kind,
  }
}
