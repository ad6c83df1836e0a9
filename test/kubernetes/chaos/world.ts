/**
 * Real API servers that are harmed, and what the runners made of it.
 */
import { expect } from 'vitest'
import { type KubeHttpsTransport, kubeHttpsTransport } from '../../../src/kubernetes/in-cluster/index.ts'
import {
  KubeClient,
  type KubeClientOptions,
  type KubeObject,
  KubeResources,
  type KubeRuntimeEvent,
  keyOf,
  type ObjectChange,
  Reflector,
  type ReflectorOptions,
} from '../../../src/kubernetes/index.ts'
import { recordAt, textAt } from '../../../src/kubernetes/objects/kube-object.ts'
import { type KubeServer, startKubeServer } from '../../support/kube-server.ts'
import { type TcpProxy, tcpProxy } from '../../support/tcp-proxy.ts'
import { untilTrue } from '../../support/until.ts'

export const { configMaps: MAPS, secrets: SECRETS, leases: LEASES } = KubeResources

/** How a client of a test asks: it does not wait for long. */
const FAST: KubeClientOptions = { fieldManager: 'chaos', timeout: '2s' }

interface Credentials {
  readonly certificate: string
  readonly key: string
}

export class ChaosWorld {
  readonly server: KubeServer
  /** Over a network that nobody harms, and patient. */
  readonly admin: KubeClient
  /** Of the administrator, for other processes. */
  readonly credentials: Credentials
  readonly #opened: { close(): void | Promise<void> }[] = []
  #names = 0

  private constructor(server: KubeServer, credentials: Credentials) {
    this.server = server
    this.credentials = credentials
    this.admin = new KubeClient(server.admin, { fieldManager: 'admin', timeout: '30s' })
  }

  static async start(): Promise<ChaosWorld> {
    const server = await startKubeServer()
    return new ChaosWorld(server, await server.certificateFor('admin', ['system:masters']))
  }

  async stop(): Promise<void> {
    for (const one of this.#opened) await one.close()
    await this.server.stop()
  }

  /** A network in front of a server. */
  async proxy(server: { readonly url: string } = this.server): Promise<TcpProxy> {
    const proxy = await tcpProxy(Number(new URL(server.url).port))
    this.#opened.push(proxy)
    return proxy
  }

  transport(port: number): KubeHttpsTransport {
    const transport = kubeHttpsTransport({
      server: `https://127.0.0.1:${port}`,
      ca: this.server.caPem,
      clientCertificate: this.credentials.certificate,
      clientKey: this.credentials.key,
    })
    this.#opened.push(transport)
    return transport
  }

  /** An impatient client; through a proxy where one is given. */
  client({ proxy, ...options }: Partial<KubeClientOptions> & { readonly proxy?: TcpProxy } = {}): KubeClient {
    const port = proxy?.port ?? Number(new URL(this.server.url).port)
    return new KubeClient(this.transport(port), { ...FAST, ...options })
  }

  /** A name that no other test has. */
  name(prefix: string): string {
    return `${prefix}-${++this.#names}`
  }

  async namespace(): Promise<string> {
    const name = this.name('chaos')
    await this.admin.create(KubeResources.namespaces, { metadata: { name } })
    return name
  }

  put(namespace: string, name: string, v: string): Promise<KubeObject> {
    return this.admin.create(MAPS, { metadata: { namespace, name }, data: { v } })
  }

  set(namespace: string, name: string, v: string): Promise<KubeObject> {
    return this.admin.change(MAPS, { namespace, name }, (found) => ({ ...found, data: { v } }))
  }

  async drop(namespace: string, name: string): Promise<void> {
    await this.admin.remove(MAPS, await this.admin.get(MAPS, { namespace, name }))
  }
}

export type GetChaos = () => ChaosWorld

/** What a configuration map of a test says. */
export const textIn = (object: KubeObject | undefined): string => textAt(recordAt(object, 'data'), 'v') ?? ''

/** A reflector, and everything that it told. */
export class Watcher {
  readonly reflector: Reflector
  readonly changes: ObjectChange[] = []
  readonly events: KubeRuntimeEvent[] = []
  readonly #namespace: string
  readonly #stop = new AbortController()
  readonly #running: Promise<void>

  private constructor(client: KubeClient, namespace: string, options: ReflectorOptions) {
    this.#namespace = namespace
    this.reflector = new Reflector(client, MAPS, {
      namespace,
      silence: '2s',
      onEvent: (event) => void this.events.push(event),
      ...options,
    })
    this.reflector.onChange((change) => void this.changes.push(change))
    this.#running = this.reflector.run(this.#stop.signal)
  }

  /** Runs one, and waits until it has listed. */
  static async over(client: KubeClient, namespace: string, options: ReflectorOptions = {}): Promise<Watcher> {
    const watcher = new Watcher(client, namespace, options)
    await untilTrue('it has synced', () => watcher.reflector.hasSynced)
    return watcher
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#running
  }

  /** `updated a 2`, for each change. */
  get told(): readonly string[] {
    return this.changes.map(({ type, object }) => `${type} ${object.metadata.name} ${textIn(object)}`.trim())
  }

  phases(phase: string): readonly KubeRuntimeEvent[] {
    return this.events.filter((event) => event.type === 'reflector' && event.phase === phase)
  }

  /** Codes of what was refused or broke. */
  get failures(): readonly string[] {
    return this.events.flatMap((event) =>
      event.type === 'reflector' && event.phase === 'failed'
        ? [String(Reflect.get(Object(event.error), 'code'))]
        : [],
    )
  }

  /** Waits until it has what a fresh list has, and holds what it told against that. */
  async settled(admin: KubeClient, seconds = 60): Promise<void> {
    const namespace = this.#namespace
    const line = ({ metadata: { name, uid, resourceVersion } }: KubeObject) =>
      `${name} ${uid} ${resourceVersion}`
    const listed = async () => (await admin.list(MAPS, { namespace })).items.map(line).sort()
    const held = () => this.reflector.objects().map(line).sort()
    await untilTrue(
      'the copy is what there is',
      async () => JSON.stringify(await listed()) === JSON.stringify(held()),
      seconds,
    )
    expect(replayed(this.changes).map(line).sort()).toEqual(await listed())
  }
}

/** What there is after some changes. Each must fit to the one before: nothing is updated or deleted that is not there. */
function replayed(changes: readonly ObjectChange[]): readonly KubeObject[] {
  const objects = new Map<string, KubeObject>()
  for (const { type, object, previous } of changes) {
    const key = keyOf(object)
    const before = objects.get(key)
    const uid = object.metadata.uid
    const version = (one: KubeObject | undefined) => Number(one?.metadata.resourceVersion ?? 0)
    if (type === 'added') expect(before).toBeUndefined()
    else expect(before?.metadata.uid).toBe(uid)
    if (type === 'updated') {
      expect(previous).toBe(before)
      // Never back to what was before.
      expect(version(object)).toBeGreaterThan(version(before))
    }
    if (type === 'deleted') objects.delete(key)
    else objects.set(key, object)
  }
  return [...objects.values()]
}
