/**
 * Takes keys from reflectors and reconciles them, over and over.
 *
 * @module
 */

import type { AbortSignalLike } from '../../internal/abort.ts'
import { abortWith } from '../../internal/abort-with.ts'
import type { Clock } from '../../internal/clock.ts'
import { monotonicOf } from '../../internal/monotonic.ts'
import { checkOptionNames, readCount, readFunction, typeName } from '../../internal/options.ts'
import { tell } from '../../internal/tell.ts'
import type { WebAbortSignal } from '../../internal/web-types.ts'
import { isKubeError, KubeError } from '../api/kube-error.ts'
import type { KubeRuntimeEvent, ReconcileEvent } from '../api/kube-event.ts'
import { keyOf, type ObjectChange } from './object-cache.ts'
import type { Reflector } from './reflector.ts'
import type { StepResult } from './step-result.ts'
import { WorkQueue, type WorkQueueOptions } from './work-queue.ts'

/** Where keys come from. */
export interface ControllerSource {
  readonly reflector: Reflector
  /** Whose reconcile a change calls for. Default: that of the object itself, `namespace/name`. */
  readonly keysOf?: ((change: ObjectChange) => readonly string[]) | undefined
  /** Whether work begins though it has not synced: where it is one of many clusters, which must not hold up the others. */
  readonly optional?: boolean | undefined
}

/** What a reconcile is given beside its key. */
export interface ReconcileContext {
  /** Aborts when the controller stops, or leads no longer. */
  readonly signal: WebAbortSignal
}

/** Options of a {@link Controller}. */
export interface ControllerOptions {
  /** Stands in events. */
  readonly name: string
  readonly sources: readonly ControllerSource[]
  /** Keys that are reconciled at the beginning, whatever the sources have. */
  readonly keys?: readonly string[] | undefined
  /** One reconcile of one key: looks at what is, and takes it one step towards what shall be. */
  readonly reconcile: (key: string, context: ReconcileContext) => Promise<StepResult>
  /** How many keys are reconciled at once. Default 1. */
  readonly concurrency?: number | undefined
  readonly queue?: Omit<WorkQueueOptions, 'clock'> | undefined
  readonly clock: Clock
  readonly onEvent?: ((event: KubeRuntimeEvent) => void) | undefined
}

const OPTIONS = ['name', 'sources', 'keys', 'reconcile', 'concurrency', 'queue', 'clock', 'onEvent']

/** What RBAC denies is not granted within a second; other keys need the time. */
const DENIED_PAUSE_MS = 60_000
/** But a server that has just started denies what it will allow as soon as it has read its rules: so not at the first times. */
const EARLY_DENIALS = 3
const EARLY_PAUSE_MS = 3000

/**
 * Runs one reconcile function: level-triggered, by key, at most one worker on a key, with retries that slow down.
 *
 * It waits until all sources have synced that are not optional. A reconcile that throws is tried again; what the server asked to wait is waited,
 * and what RBAC denies is soon tried once a minute. `requeueAfterMs` of its result takes the key again.
 *
 * @example
 * ```ts
 * import { Controller, type KubeClient, KubeResources, Reflector } from 'mesh-pki/kubernetes'
 *
 * declare const client: KubeClient
 * declare const signal: AbortSignal
 * const controller = new Controller({
 *   name: 'cacerts',
 *   sources: [{ reflector: new Reflector(client, KubeResources.secrets, { namespace: 'istio-system' }) }],
 *   reconcile: async (key) => ({ changed: false, requeueAfterMs: 60_000, message: `${key} is as it should be` }),
 *   clock: client.clock,
 * })
 * await controller.run(signal)
 * ```
 */
export class Controller {
  readonly #options: ControllerOptions
  readonly #concurrency: number
  readonly #queue: WorkQueue
  readonly #elapsed: () => number
  /** How often a key was denied in a row. */
  readonly #denials = new Map<string, number>()

  /** @throws `TypeError`, `RangeError`. */
  constructor(options: ControllerOptions) {
    checkOptionNames(options, OPTIONS, 'Controller')
    readFunction(options.onEvent, 'onEvent')
    if (typeof options.reconcile !== 'function')
      throw new TypeError(`option "reconcile" must be a function; got ${typeName(options.reconcile)}`)
    if (typeof options.name !== 'string' || options.name === '')
      throw new TypeError('option "name" must be text that is not empty')
    this.#options = options
    this.#concurrency = readCount(options.concurrency ?? 1, 'concurrency', 1, 1000)
    this.#queue = new WorkQueue({ ...options.queue, clock: options.clock })
    this.#elapsed = monotonicOf(options.clock)
  }

  /** Takes a key as soon as a worker is free, for a reason that no source knows. */
  enqueue(key: string): void {
    this.#queue.add(key)
  }

  /** Runs until the signal aborts, with all of its reflectors. Reconciles that are on their way are waited for. */
  async run(signal: AbortSignalLike): Promise<void> {
    const { sources, keys = [] } = this.#options
    const { controller, release } = abortWith([signal])
    const unsubscribe = sources.map(({ reflector, keysOf = ownKey }) =>
      reflector.onChange((change) => {
        for (const key of keysOf(change)) this.#queue.add(key)
      }),
    )
    const running = sources.map(({ reflector }) => reflector.run(controller.signal))
    for (const key of keys) this.#queue.add(key)
    try {
      const needed = sources.filter(({ optional }) => optional !== true)
      await Promise.all(needed.map(({ reflector }) => reflector.synced(controller.signal)))
      await Promise.all(Array.from({ length: this.#concurrency }, () => this.#work(controller.signal)))
    } catch (error) {
      if (!signal.aborted) throw error
    } finally {
      controller.abort(signal.reason)
      for (const end of unsubscribe) end()
      await Promise.all(running)
      this.#queue.clear()
      release()
    }
  }

  async #work(signal: AbortSignal): Promise<void> {
    for (;;) {
      const key = await this.#queue.next(signal)
      if (key === undefined) return
      try {
        await this.#reconcile(key, signal)
      } finally {
        this.#queue.done(key)
      }
    }
  }

  async #reconcile(key: string, signal: AbortSignal): Promise<void> {
    const started = this.#elapsed()
    try {
      const { requeueAfterMs } = await this.#options.reconcile(key, { signal })
      // As a time it would mean "at once", over and over.
      if (Number.isNaN(requeueAfterMs))
        throw new RangeError('the step answered a "requeueAfterMs" that is no number')
      this.#queue.forget(key)
      this.#denials.delete(key)
      if (requeueAfterMs !== undefined) this.#queue.addAfter(key, Math.max(1, requeueAfterMs))
      this.#report(key, started, requeueAfterMs === undefined ? 'done' : 'again', requeueAfterMs)
    } catch (error) {
      if (signal.aborted) return
      const pause = this.#queue.retry(key, this.#pauseAfter(key, error))
      this.#report(key, started, 'failed', pause, error)
    }
  }

  #pauseAfter(key: string, error: unknown): number {
    const isDenied = isKubeError(error, 'ERR_KUBERNETES_FORBIDDEN', 'ERR_KUBERNETES_UNAUTHORIZED')
    const denials = isDenied ? (this.#denials.get(key) ?? 0) + 1 : 0
    if (denials === 0) this.#denials.delete(key)
    else this.#denials.set(key, denials)
    if (isDenied) return denials <= EARLY_DENIALS ? EARLY_PAUSE_MS : DENIED_PAUSE_MS
    return error instanceof KubeError ? (error.retryAfterMs ?? 0) : 0
  }

  #report(
    key: string,
    started: number,
    outcome: ReconcileEvent['outcome'],
    againInMs: number | undefined,
    error?: unknown,
  ): void {
    tell(this.#options.onEvent, {
      type: 'reconcile',
      controller: this.#options.name,
      key,
      outcome,
      durationMs: this.#elapsed() - started,
      ...(againInMs === undefined ? {} : { againInMs }),
      ...(error === undefined ? {} : { error }),
    })
  }
}

const ownKey = ({ object }: ObjectChange): readonly string[] => [keyOf(object)]
