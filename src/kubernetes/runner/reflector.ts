/**
 * Keeps a copy of all objects of a kind, whatever happens to its connection.
 *
 * @module
 */

import type { AbortSignalLike } from '../../internal/abort.ts'
import { abortWith } from '../../internal/abort-with.ts'
import { MAX_TIMER_MS } from '../../internal/clock.ts'
import { readDuration } from '../../internal/duration.ts'
import { monotonicOf } from '../../internal/monotonic.ts'
import { checkOptionNames, readFunction } from '../../internal/options.ts'
import { tell } from '../../internal/tell.ts'
import { type RandomSource, systemRandom } from '../../internal/web-crypto.ts'
import { sleepBy } from '../../internal/within-time.ts'
import type { KubeClient, KubeSelection } from '../api/kube-client.ts'
import { isKubeError, KubeError } from '../api/kube-error.ts'
import type { KubeRuntimeEvent, ReflectorEvent } from '../api/kube-event.ts'
import type { KubeResource } from '../api/kube-resource.ts'
import { type KubeObject, textAt } from '../objects/kube-object.ts'
import { ObjectCache, type ObjectChange } from './object-cache.ts'
import { fractionOf, reflectorPause } from './pause.ts'

/** Options of a {@link Reflector}. */
export interface ReflectorOptions extends KubeSelection {
  /** How often everything is listed anew, whatever the watch says. Default `'30m'`; half of it may be added by chance. */
  readonly relistEvery?: string | undefined
  /**
   * How long a watch may be silent before everything is listed and watched anew: servers send a bookmark each minute.
   * Default `'3m'`.
   */
  readonly silence?: string | undefined
  /** What is kept of an object. Default: all but `metadata.managedFields`, which nobody here decides by. */
  readonly keep?: ((object: KubeObject) => KubeObject) | undefined
  readonly random?: RandomSource | undefined
  readonly onEvent?: ((event: KubeRuntimeEvent) => void) | undefined
}

const OPTIONS = [
  'namespace',
  'labelSelector',
  'fieldSelector',
  'relistEvery',
  'silence',
  'keep',
  'random',
  'onEvent',
]

/** The server ends a watch after five to ten minutes, as client-go asks it to. */
const WATCH_SECONDS = 300
/** Watches that live so long are healthy: the next failure counts as the first. */
const HEALTHY_MS = 120_000
/** A watch that ends sooner, without an event, is a failure. */
const TOO_SHORT_MS = 1000
/** More of them in a row are no chance, events or not. */
const MAX_SHORT = 3
/** A replica that lags catches up within a few pauses; a store that was restored from a backup does not. */
const MAX_TOO_NEW = 3

/**
 * Lists a kind and watches it from there on, for as long as it runs. Nothing ends it but its signal: after a broken
 * connection, a restart of the server, a version that is too old (410) or too new (504 `ResourceVersionTooLarge`) it goes on by itself,
 * with pauses, and what happened meanwhile is told as additions, updates and deletions by UID.
 *
 * **Warning**: a copy is as old as the last thing that came. Read with `client.get` before you sign or overwrite.
 *
 * @example
 * ```ts
 * import { type KubeClient, KubeResources, Reflector } from 'mesh-pki/kubernetes'
 *
 * declare const client: KubeClient
 * declare const signal: AbortSignal
 * const secrets = new Reflector(client, KubeResources.secrets, { namespace: 'istio-system' })
 * secrets.onChange(({ type, object }) => console.log(type, object.metadata.name))
 * const running = secrets.run(signal)
 * await secrets.synced(signal)
 * await running
 * ```
 */
export class Reflector {
  /** The kind. */
  readonly resource: KubeResource
  readonly #client: KubeClient
  readonly #options: ReflectorOptions
  readonly #relistMs: number
  readonly #silenceMs: number
  readonly #random: RandomSource
  readonly #elapsed: () => number
  readonly #cache = new ObjectCache()
  readonly #listeners = new Set<(change: ObjectChange) => void>()
  readonly #waiting = new Set<() => void>()
  #version = '0'
  #isSynced = false
  #running: Promise<void> | undefined

  /** @throws `TypeError`, `RangeError`. */
  constructor(client: KubeClient, resource: KubeResource, options: ReflectorOptions = {}) {
    checkOptionNames(options, OPTIONS, 'Reflector')
    readFunction(options.keep, 'keep')
    readFunction(options.onEvent, 'onEvent')
    readFunction(options.random, 'random')
    this.#client = client
    this.resource = resource
    this.#options = options
    this.#relistMs = readDuration(options.relistEvery ?? '30m', 'relistEvery')
    this.#silenceMs = readDuration(options.silence ?? '3m', 'silence')
    this.#random = options.random ?? systemRandom
    this.#elapsed = monotonicOf(client.clock)
  }

  /** Whether everything has been listed once. */
  get hasSynced(): boolean {
    return this.#isSynced
  }

  /** The object of a key, `namespace/name`. */
  get(key: string): KubeObject | undefined {
    return this.#cache.get(key)
  }

  /** All objects. */
  objects(): readonly KubeObject[] {
    return this.#cache.objects()
  }

  /** Tells of every change, and at once of every object that is known already. Answers how to end that. */
  onChange(listener: (change: ObjectChange) => void): () => void {
    this.#listeners.add(listener)
    for (const object of this.#cache.objects()) tell(listener, { type: 'added', object })
    return () => void this.#listeners.delete(listener)
  }

  /** Waits until everything has been listed once. @throws the reason of the signal. */
  async synced(signal: AbortSignalLike): Promise<void> {
    if (this.#isSynced) return
    await new Promise<void>((resolve, reject) => {
      const settle = (): void => {
        this.#waiting.delete(settle)
        signal.removeEventListener('abort', settle)
        if (this.#isSynced) resolve()
        else reject(signal.reason)
      }
      this.#waiting.add(settle)
      signal.addEventListener('abort', settle)
      if (signal.aborted) settle()
    })
  }

  /** Runs until the signal aborts. Where it runs already, that is waited for, and gone on with when it ends before. */
  async run(signal: AbortSignalLike): Promise<void> {
    do {
      this.#running ??= this.#loop(signal).finally(() => {
        this.#running = undefined
      })
      await this.#running
    } while (!signal.aborted)
  }

  async #loop(signal: AbortSignalLike): Promise<void> {
    let failures = 0
    let tooNew = 0
    let short = 0
    let relistAt = Number.NEGATIVE_INFINITY
    while (!signal.aborted) {
      const started = this.#elapsed()
      let pause = 0
      try {
        if (started >= relistAt) {
          await this.#list(signal)
          tooNew = 0
          relistAt =
            this.#elapsed() + Math.min(this.#relistMs * (1 + fractionOf(this.#random) / 2), MAX_TIMER_MS)
        }
        const { events, isSilent } = await this.#watch(signal, relistAt)
        // What is not told may never be: after a restore the server may not have reached the version that it was asked for.
        if (isSilent) relistAt = Number.NEGATIVE_INFINITY
        short = this.#elapsed() - started < TOO_SHORT_MS ? short + 1 : 0
        if (short > (events === 0 ? 0 : MAX_SHORT)) pause = reflectorPause(++failures, this.#random)
        else failures = 0
        this.#report('dropped')
      } catch (error) {
        if (signal.aborted) break
        if (this.#elapsed() - started >= HEALTHY_MS) failures = 0
        pause = Math.max(reflectorPause(++failures, this.#random), retryAfter(error))
        // What the server refused is not known to be complete; a connection that broke goes on where it was, unless it
        // breaks there again and again, as at an event that nobody can read.
        const isRefused = !(error instanceof KubeError) || error.status !== undefined
        if (isRefused || failures > MAX_SHORT) relistAt = Number.NEGATIVE_INFINITY
        if (isKubeError(error, 'ERR_KUBERNETES_EXPIRED')) {
          this.#version = ''
          if (failures === 1) pause = 0
        }
        tooNew = isTooNew(error) ? tooNew + 1 : 0
        // Without a version a majority of etcd answers, which no replica can be behind.
        if (tooNew >= MAX_TOO_NEW) this.#version = ''
        this.#report('failed', error)
      }
      if (pause > 0) await sleepBy(this.#client.clock, pause, signal).catch(() => {})
    }
  }

  async #list(signal: AbortSignalLike): Promise<void> {
    const { namespace, labelSelector, fieldSelector } = this.#options
    const { items, resourceVersion } = await this.#client.list(
      this.resource,
      {
        namespace,
        labelSelector,
        fieldSelector,
        ...(this.#version === '' ? {} : { atLeast: this.#version }),
      },
      { signal },
    )
    this.#version = resourceVersion
    this.#tell(this.#cache.replaceAll(items.map((item) => this.#kept(item))))
    this.#report('listed')
    if (this.#isSynced) return
    this.#isSynced = true
    for (const settle of [...this.#waiting]) settle()
  }

  /** One watch. Answers how many events it had, and whether it ended for want of them. */
  async #watch(
    signal: AbortSignalLike,
    until: number,
  ): Promise<{ readonly events: number; readonly isSilent: boolean }> {
    const { namespace, labelSelector, fieldSelector } = this.#options
    const { controller, release } = abortWith([signal])
    const guard = new SilenceGuard(() => this.#elapsed(), this.#silenceMs, until)
    const watching = new AbortController()
    const guarding = guard.run(this.#client, watching.signal).then((isSilent) => {
      if (isSilent) controller.abort(new SilentWatch())
    })
    let events = 0
    try {
      this.#report('watching')
      const timeoutSeconds = Math.round(WATCH_SECONDS * (1 + fractionOf(this.#random)))
      const selection = {
        namespace,
        labelSelector,
        fieldSelector,
        resourceVersion: this.#version,
        timeoutSeconds,
      }
      for await (const { type, object } of this.#client.watch(this.resource, selection, {
        signal: controller.signal,
      })) {
        events++
        guard.heard()
        this.#version = textAt(object.metadata, 'resourceVersion') || this.#version
        if (type === 'DELETED') this.#tell(this.#cache.drop(this.#kept(object)))
        else if (type !== 'BOOKMARK') this.#tell(this.#cache.see(this.#kept(object)))
      }
      return { events, isSilent: false }
    } catch (error) {
      if (!signal.aborted && controller.signal.aborted) return { events: Math.max(events, 1), isSilent: true }
      throw error
    } finally {
      watching.abort()
      release()
      controller.abort()
      await guarding
    }
  }

  #kept(object: KubeObject): KubeObject {
    const { keep = withoutManagedFields } = this.#options
    return keep(object)
  }

  #tell(changes: readonly ObjectChange[]): void {
    for (const change of changes) for (const listener of [...this.#listeners]) tell(listener, change)
  }

  #report(phase: ReflectorEvent['phase'], error?: unknown): void {
    tell(this.#options.onEvent, {
      type: 'reflector',
      resource: this.resource.plural,
      phase,
      objects: this.#cache.size,
      ...(error === undefined ? {} : { error }),
    })
  }
}

class SilentWatch extends Error {
  override readonly name = 'SilentWatch'
}

/** Finds out that a watch hears nothing any longer, and that it is time to list. */
class SilenceGuard {
  readonly #elapsed: () => number
  readonly #silenceMs: number
  readonly #until: number
  #heardAt: number

  constructor(elapsed: () => number, silenceMs: number, until: number) {
    this.#elapsed = elapsed
    this.#silenceMs = silenceMs
    this.#until = until
    this.#heardAt = elapsed()
  }

  heard(): void {
    this.#heardAt = this.#elapsed()
  }

  /** `true` when nothing was heard for too long; `false` when the watch is over. */
  async run(client: KubeClient, signal: AbortSignalLike): Promise<boolean> {
    while (!signal.aborted) {
      const due = Math.min(this.#heardAt + this.#silenceMs, this.#until)
      const wait = due - this.#elapsed()
      if (wait <= 0) return true
      try {
        await sleepBy(client.clock, wait, signal)
      } catch {
        return false
      }
    }
    return false
  }
}

/** Whether the server has not seen the version that was asked for. */
function isTooNew(error: unknown): boolean {
  return error instanceof KubeError && error.causes.some(({ reason }) => reason === 'ResourceVersionTooLarge')
}

function retryAfter(error: unknown): number {
  return error instanceof KubeError ? (error.retryAfterMs ?? 0) : 0
}

function withoutManagedFields(object: KubeObject): KubeObject {
  const { metadata } = object
  if (!('managedFields' in metadata)) return object
  const { managedFields: _unused, ...rest } = metadata
  return { ...object, metadata: rest }
}
