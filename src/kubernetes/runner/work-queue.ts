/**
 * Keys that wait for a worker: each at most once, and never two workers on one.
 *
 * @module
 */

import type { AbortSignalLike } from '../../internal/abort.ts'
import { type Clock, readClock, systemClock } from '../../internal/clock.ts'
import { DueHeap } from '../../internal/due-heap.ts'
import { monotonicOf } from '../../internal/monotonic.ts'
import { checkOptionNames, readCount } from '../../internal/options.ts'
import { Alarm } from '../../rotation/scheduler/alarm.ts'

/** Options of a {@link WorkQueue}. The defaults are those of client-go's `DefaultControllerRateLimiter`. */
export interface WorkQueueOptions {
  /** The pause after the first failure of a key; each later one is twice as long. Default 5. */
  readonly backoffMs?: number | undefined
  /** The longest of these pauses. Default 1,000,000, which is 16 minutes and 40 seconds. */
  readonly maxBackoffMs?: number | undefined
  /** How many retries a second all keys together have, when the burst is used up. Default 10. */
  readonly retriesPerSecond?: number | undefined
  /** How many retries may be made at once. Default 100. */
  readonly burst?: number | undefined
  readonly clock?: Clock | undefined
}

interface Settings {
  readonly backoffMs: number
  readonly maxBackoffMs: number
  readonly retriesPerSecond: number
  readonly burst: number
  readonly clock: Clock
}

function readOptions(options: WorkQueueOptions): Settings {
  checkOptionNames(options, ['backoffMs', 'maxBackoffMs', 'retriesPerSecond', 'burst', 'clock'], 'WorkQueue')
  const backoffMs = readCount(options.backoffMs ?? 5, 'backoffMs', 1, 3_600_000)
  return {
    backoffMs,
    maxBackoffMs: readCount(options.maxBackoffMs ?? 1_000_000, 'maxBackoffMs', backoffMs, 86_400_000),
    retriesPerSecond: readCount(options.retriesPerSecond ?? 10, 'retriesPerSecond', 1, 100_000),
    burst: readCount(options.burst ?? 100, 'burst', 1, 1_000_000),
    clock: readClock(options.clock),
  }
}

/**
 * A queue of keys with the semantics of client-go's: a key waits once, however often it is added; one that is added while a worker
 * has it is given out again when the worker is done; failures of a key make its pauses longer, and all retries
 * together have a rate.
 *
 * @example
 * ```ts
 * import { WorkQueue } from 'mesh-pki/kubernetes'
 *
 * declare const signal: AbortSignal
 * declare function reconcile(key: string): Promise<void>
 * const queue = new WorkQueue()
 * queue.add('istio-system/cacerts')
 * for (let key = await queue.next(signal); key !== undefined; key = await queue.next(signal)) {
 *   try {
 *     await reconcile(key)
 *     queue.forget(key)
 *   } catch {
 *     queue.retry(key)
 *   } finally {
 *     queue.done(key)
 *   }
 * }
 * ```
 */
export class WorkQueue {
  readonly #options: Settings
  readonly #elapsed: () => number
  readonly #alarm: Alarm
  /** In the order in which they are given out; a `Set` keeps that of insertion. */
  readonly #ready = new Set<string>()
  readonly #working = new Set<string>()
  /** Added while a worker has them. */
  readonly #again = new Set<string>()
  readonly #failures = new Map<string, number>()
  readonly #heap = new DueHeap()
  readonly #handles = new Map<string, number>()
  readonly #keys = new Map<number, string>()
  readonly #waiting = new Set<(key: string | undefined) => void>()
  #tokens: number
  #filledAt: number

  /** @throws `TypeError`, `RangeError`. */
  constructor(options: WorkQueueOptions = {}) {
    this.#options = readOptions(options)
    const { clock, burst } = this.#options
    this.#elapsed = monotonicOf(clock)
    this.#alarm = new Alarm(clock === systemClock ? undefined : clock, false, () => this.#ring())
    this.#tokens = burst
    this.#filledAt = this.#elapsed()
  }

  /** How many keys are ready for a worker. */
  get size(): number {
    return this.#ready.size
  }

  /** How many keys wait for their time. */
  get delayed(): number {
    return this.#heap.size
  }

  /** Puts a key into the queue, now. A time that it waits for remains. */
  add(key: string): void {
    if (this.#working.has(key)) this.#again.add(key)
    else if (!this.#ready.has(key)) {
      this.#ready.add(key)
      this.#hand()
    }
  }

  /** Puts a key into the queue after a time; where it waits for an earlier one, that counts. */
  addAfter(key: string, milliseconds: number): void {
    if (!(milliseconds > 0)) {
      this.add(key)
      return
    }
    const due = this.#elapsed() + milliseconds
    const handle = this.#handles.get(key)
    if (handle === undefined) {
      const made = this.#heap.push(due)
      this.#handles.set(key, made)
      this.#keys.set(made, key)
    } else if (due < (this.#heap.dueOf(handle) ?? Number.POSITIVE_INFINITY)) this.#heap.update(handle, due)
    this.#arm()
  }

  /** Puts a key that failed into the queue again, after its pause. Answers how long that is, in milliseconds. */
  retry(key: string, atLeastMs = 0): number {
    const { backoffMs, maxBackoffMs } = this.#options
    const failures = this.#failures.get(key) ?? 0
    this.#failures.set(key, failures + 1)
    const pause = Math.min(backoffMs * 2 ** Math.min(failures, 40), maxBackoffMs)
    const wait = Math.max(pause, this.#reserve(), atLeastMs)
    this.addAfter(key, wait)
    return wait
  }

  /** A key has succeeded: its next failure counts as the first. */
  forget(key: string): void {
    this.#failures.delete(key)
  }

  /** How often a key has failed since it last succeeded. */
  failuresOf(key: string): number {
    return this.#failures.get(key) ?? 0
  }

  /** The next key, when there is one; it is this worker's until {@link done}. `undefined` when the signal aborts. */
  next(signal: AbortSignalLike): Promise<string | undefined> {
    if (signal.aborted) return Promise.resolve(undefined)
    const [key] = this.#ready
    if (key !== undefined) {
      this.#take(key)
      return Promise.resolve(key)
    }
    return new Promise((resolve) => {
      const settle = (answer: string | undefined): void => {
        this.#waiting.delete(settle)
        signal.removeEventListener('abort', onAbort)
        resolve(answer)
      }
      const onAbort = (): void => settle(undefined)
      this.#waiting.add(settle)
      signal.addEventListener('abort', onAbort)
    })
  }

  /** A worker is done with a key. If it was added meanwhile, it is ready again. */
  done(key: string): void {
    this.#working.delete(key)
    if (this.#again.delete(key)) this.add(key)
  }

  /** Forgets everything that waits. What workers have stays theirs. */
  clear(): void {
    this.#alarm.clear()
    this.#ready.clear()
    this.#again.clear()
    this.#failures.clear()
    for (const handle of this.#handles.values()) this.#heap.remove(handle)
    this.#handles.clear()
    this.#keys.clear()
  }

  #take(key: string): void {
    this.#ready.delete(key)
    this.#working.add(key)
  }

  #hand(): void {
    const [worker] = this.#waiting
    const [key] = this.#ready
    if (worker === undefined || key === undefined) return
    this.#take(key)
    worker(key)
  }

  /** Takes one retry out of the bucket, and answers how long it has to wait for it. */
  #reserve(): number {
    const { retriesPerSecond, burst } = this.#options
    const now = this.#elapsed()
    const filled = (Math.max(0, now - this.#filledAt) * retriesPerSecond) / 1000
    this.#tokens = Math.min(burst, this.#tokens + filled) - 1
    this.#filledAt = now
    return this.#tokens >= 0 ? 0 : (-this.#tokens * 1000) / retriesPerSecond
  }

  #ring(): void {
    const now = this.#elapsed()
    for (let handle = this.#heap.popDue(now); handle !== undefined; handle = this.#heap.popDue(now)) {
      const key = this.#keys.get(handle)
      this.#keys.delete(handle)
      this.#heap.remove(handle)
      if (key === undefined) continue
      this.#handles.delete(key)
      this.add(key)
    }
    this.#arm()
  }

  #arm(): void {
    const { earliest } = this.#heap
    if (!Number.isFinite(earliest)) return
    const now = this.#elapsed()
    this.#alarm.arm(earliest - now, now, this.#options.clock.now().getTime())
  }
}
