/**
 * A whole API server in memory: for tests of what works with the Kubernetes API.
 *
 * @module
 */

import { type Clock, readClock } from '../../internal/clock.ts'
import { checkOneOf, checkOptionNames, readCount } from '../../internal/options.ts'
import { apiVersionOf, type KubeResource } from '../api/kube-resource.ts'
import type { KubeRequest } from '../api/kube-transport.ts'
import { isKubeObject, type KubeObject, type ObjectName } from '../objects/kube-object.ts'
import { AccessRules, type FakeKubeUser } from './access-rules.ts'
import type { ApiRequest, FakeKubeVerb } from './api-request.ts'
import { ApiServer } from './api-server.ts'
import { CRD_RULES, CRD_TABLE } from './custom-kinds.ts'
import { type FakeKubeVersion, tableOf } from './fake-kind.ts'
import { FakeKubeTransport } from './fake-transport.ts'
import { builtinKinds, customKind, KindRegistry } from './kind-registry.ts'
import { KubeFaults } from './kube-faults.ts'
import { keyOf, ObjectStore } from './object-store.ts'
import { shown } from './reads.ts'
import { standingClock } from './standing-clock.ts'
import { wireCopy } from './stored-object.ts'
import { WatchHub } from './watch-hub.ts'

/** A kind that the server has as if a CustomResourceDefinition had made it, without a schema. */
export interface FakeKubeResource extends KubeResource {
  /** Whether its status is written apart. Default `'apart'`. */
  readonly status?: 'apart' | 'inline' | undefined
}

/** Options of {@link fakeKubeApi}. */
export interface FakeKubeOptions {
  /** Where time comes from: creation, delays, ends of watches. Default: it stands at 2026-01-01T00:00:00Z. */
  readonly clock?: Clock | undefined
  /**
   * Which server is played. `'1.20'` has no ClusterTrustBundles and PodCertificateRequests, and drops
   * `expirationSeconds`. Default `'1.36'`.
   */
  readonly version?: FakeKubeVersion | undefined
  /** Kinds beside those of Kubernetes, as `KubeResources.certManagerRequests`. */
  readonly resources?: readonly FakeKubeResource[] | undefined
  /** Users by name, beside `admin`, who may do everything. */
  readonly users?: Readonly<Record<string, FakeKubeUser>> | undefined
  /** Whether an object's namespace must exist, as on a real server. Default `'implicit'`. */
  readonly namespaces?: 'explicit' | 'implicit' | undefined
  /** How many changes are kept at least before the server compacts by itself. Default 10,000. */
  readonly history?: number | undefined
}

/** One request that was made. */
export interface FakeKubeLogEntry {
  readonly user: string
  readonly verb: FakeKubeVerb | undefined
  readonly path: string
  /** The plural of the kind, with the part of the object: `certificatesigningrequests/status`. */
  readonly resource: string | undefined
  readonly namespace: string | undefined
  readonly name: string | undefined
  /** What was answered by the server, also where a fault gave the caller another answer. */
  readonly status: number
  /** Whether anything was changed. */
  readonly changed: boolean
}

/** So many requests are remembered. */
const MAX_LOG = 10_000

const FIRST_NAMESPACES = ['default', 'kube-node-lease', 'kube-public', 'kube-system']

/**
 * Makes an API server in memory; see {@link FakeKubeApi}.
 *
 * @example
 * ```ts
 * import { KubeClient, KubeResources } from 'mesh-pki/kubernetes'
 * import { fakeKubeApi } from 'mesh-pki/kubernetes/testing'
 *
 * const api = fakeKubeApi({ resources: [KubeResources.certManagerRequests] })
 * const client = new KubeClient(api.transport(), { fieldManager: 'test' })
 * await client.create(KubeResources.configMaps, { metadata: { name: 'a', namespace: 'b' }, data: { c: 'd' } })
 * ```
 */
export function fakeKubeApi(options: FakeKubeOptions = {}): FakeKubeApi {
  return new FakeKubeApi(options)
}

/**
 * An API server in memory: objects with versions, watches, server-side apply, RBAC, and faults on demand. A contract
 * suite compares it with a real kube-apiserver 1.20.2, request by request.
 *
 * **Warning**: it has the rules that this library's controllers meet, and no others: workloads are not validated, no
 * controller runs in it (nothing is collected, no namespace ends by itself), and the words of its refusals are not the
 * server's. `reason`, `code` and the fields of the causes are.
 */
export class FakeKubeApi {
  /** What goes wrong on purpose. */
  readonly faults: KubeFaults
  readonly #store: ObjectStore
  readonly #server: ApiServer
  readonly #kinds: KindRegistry
  readonly #access = new AccessRules()
  readonly #hub = new WatchHub()
  readonly #clock: Clock
  #log: FakeKubeLogEntry[] = []
  #writes = 0

  /** @throws `TypeError`, `RangeError`. */
  constructor(options: FakeKubeOptions = {}) {
    const names = ['clock', 'version', 'resources', 'users', 'namespaces', 'history']
    checkOptionNames(options, names, 'fakeKubeApi()')
    const version = checkOneOf(options.version ?? '1.36', ['1.20', '1.36'], 'version')
    const namespaces = checkOneOf(options.namespaces ?? 'implicit', ['explicit', 'implicit'], 'namespaces')
    this.#clock = readClock(options.clock ?? standingClock)
    this.#store = new ObjectStore(readCount(options.history ?? 10_000, 'history', 1, 1_000_000))
    const builtin = builtinKinds(version).map((kind) =>
      tableOf(kind.resource) === CRD_TABLE ? { ...kind, rules: CRD_RULES } : kind,
    )
    const custom = (options.resources ?? []).map(({ status, ...resource }) =>
      customKind(resource, { parts: status === 'inline' ? [] : ['status'] }),
    )
    this.#kinds = new KindRegistry([...builtin, ...custom])
    this.#access.set('admin', { groups: ['system:masters'], uid: 'admin', rules: 'all' })
    for (const [name, user] of Object.entries(options.users ?? {})) this.#access.set(name, user)
    this.faults = new KubeFaults({
      dropWatches: (error) => this.#hub.each((watch) => watch.end(error)),
      releaseEvents: () => this.#hub.each((watch) => watch.release()),
      silenceWatches: (isSilent) => {
        this.#hub.isSilent = isSilent
        if (isSilent) this.#hub.each((watch) => watch.silence())
      },
      staleReads: (from) => this.#server.freeze(from ?? this.#store.version),
    })
    this.#server = new ApiServer({
      store: this.#store,
      kinds: this.#kinds,
      access: this.#access,
      hub: this.#hub,
      clock: this.#clock,
      version,
      needsNamespaces: namespaces === 'explicit',
      fateOf: (kind, event) => this.faults.eventFateOf(kind.resource, event),
    })
    this.#store.onChange(() => this.#hub.each((watch) => watch.wake()))
    if (namespaces === 'explicit')
      for (const name of FIRST_NAMESPACES)
        this.seed({
          apiVersion: 'v1',
          kind: 'Namespace',
          metadata: { name },
          spec: { finalizers: ['kubernetes'] },
          status: { phase: 'Active' },
        })
  }

  /** The version of the last change. */
  get resourceVersion(): string {
    return String(this.#store.version)
  }

  /** How many requests have changed something. */
  get writes(): number {
    return this.#writes
  }

  /** The last 10,000 requests. */
  get requests(): readonly FakeKubeLogEntry[] {
    return this.#log.slice(-MAX_LOG)
  }

  /** How many watches are open. */
  get watches(): number {
    return this.#hub.size
  }

  /** A user's way in. Each stands for a process of its own, which can crash. An unknown user is answered 401. */
  transport(options: { readonly user?: string | undefined } = {}): FakeKubeTransport {
    checkOptionNames(options, ['user'], 'transport()')
    const user = options.user ?? 'admin'
    return new FakeKubeTransport({
      user,
      server: this.#server,
      faults: this.faults,
      hub: this.#hub,
      clock: this.#clock,
      log: (request, raw, status, changed) => this.#record(user, request, raw, status, changed),
    })
  }

  /** Changes what a user may do, from the next request on; `undefined` takes the user away. */
  setUser(name: string, user: FakeKubeUser | undefined): void {
    this.#access.set(name, user)
  }

  /**
   * Puts objects in as they are, with their status and without any rule, and over what has their name. What the server
   * sets is filled in where it is missing.
   *
   * @throws `TypeError` for an object without a name, or of a kind that the server does not have.
   */
  seed(...objects: readonly KubeObject[]): void {
    for (const object of objects) this.#seed(object)
  }

  /** An object as it is now, without a request. */
  read(resource: KubeResource, ref: ObjectName): KubeObject | undefined {
    return this.objects(resource).find(
      ({ metadata }) => metadata.name === ref.name && metadata.namespace === ref.namespace,
    )
  }

  /** All objects of a kind as they are now, without a request. */
  objects(resource: KubeResource): readonly KubeObject[] {
    const kind = this.#kinds.find(resource.group, resource.version, resource.plural)
    if (kind === undefined) return []
    return this.#store.list(tableOf(resource)).map(([, object]) => readBack(shown(kind, object)))
  }

  /** Forgets the history up to a version (default: now): watches and pages from before it are answered 410. */
  compact(resourceVersion?: string): void {
    this.#store.compact(resourceVersion === undefined ? this.#store.version : Number(resourceVersion))
  }

  /** Sends a bookmark to every watch that allows them. */
  bookmark(): void {
    this.#hub.each((watch) => watch.bookmark())
  }

  /** Ends `faults.staleReads()`: reads and watches see everything again. */
  catchUp(): void {
    this.#server.freeze(undefined)
    this.#hub.each((watch) => watch.wake())
  }

  /** Does what the namespace controller does at the end: takes away all that is in a namespace, and the namespace. */
  finishNamespace(name: string): void {
    this.#server.finishNamespace(name)
  }

  #seed(object: KubeObject): void {
    const copy = readBack(wireCopy(object))
    const { name, namespace } = copy.metadata
    const kind = this.#kinds
      .all()
      .find(({ resource }) => apiVersionOf(resource) === copy.apiVersion && resource.kind === copy.kind)
    if (kind === undefined)
      throw new TypeError(`seed(): the server has no kind ${copy.kind} in ${copy.apiVersion}`)
    if (typeof name !== 'string') throw new TypeError('seed(): the object needs metadata.name')
    const key = keyOf(name, kind.resource.namespaced ? namespace : undefined)
    const before = this.#store.get(tableOf(kind.resource), key)
    const { resourceVersion: _, uid, ...meta } = copy.metadata
    const stored = this.#store.put(tableOf(kind.resource), key, {
      ...Object.fromEntries(
        Object.entries(copy).filter(([member]) => member !== 'apiVersion' && member !== 'kind'),
      ),
      metadata: {
        uid: uid ?? before?.metadata.uid ?? this.#server.newUid(),
        creationTimestamp: before?.metadata.creationTimestamp ?? this.#server.now(),
        ...(kind.generation === 'none' ? {} : { generation: before?.metadata['generation'] ?? 1 }),
        ...meta,
        name,
        resourceVersion: '',
      },
    })
    if (tableOf(kind.resource) === CRD_TABLE) this.#server.learn(stored, false)
  }

  #record(
    user: string,
    request: ApiRequest | undefined,
    raw: KubeRequest,
    status: number,
    changed: boolean,
  ): void {
    if (changed) this.#writes++
    const part = request?.part === undefined ? '' : `/${request.part}`
    this.#log.push({
      user,
      verb: request?.verb,
      path: raw.path,
      resource: request === undefined ? undefined : `${request.plural}${part}`,
      namespace: request?.namespace,
      name: request?.name,
      status,
      changed,
    })
    if (this.#log.length > 2 * MAX_LOG) this.#log = this.#log.slice(-MAX_LOG)
  }
}

/** A copy that its reader may keep. */
function readBack(object: unknown): KubeObject {
  const copy: unknown = wireCopy(object)
  if (!isKubeObject(copy)) throw new TypeError('the object has no metadata')
  return copy
}
