/// <reference lib="esnext.disposable" preserve="true" />
/**
 * Rotates many things, each when it is due.
 *
 * @module
 */

import { checkOptionNames, readFlag, typeName } from '../../internal/options.ts'
import { ForcedRun, readForcedOptions } from './forced-run.ts'
import { RotationEngine } from './rotation-engine.ts'
import {
  type ForcedRotationOptions,
  type RotationEntryOptions,
  type RotationSchedulerOptions,
  readDate,
  readEntryEnd,
  readSchedulerOptions,
} from './scheduler-options.ts'

/**
 * Calls a worker for each of up to 16 million entries when it is due, with one timer for all of them.
 *
 * What an entry means is the caller's affair: `add()` answers a number, its handle, and the worker is given it. An entry takes 23
 * bytes; of many, a twenty-fourth at most is spare. A handle is never used again: one that is out of date is answered with `false`,
 * and hits no other entry.
 *
 * **Never early, never lost.** An attempt begins when the clock shows its instant or later, also one that is months away. One that
 * fails, hangs or answers nonsense leaves its entry with the count of its failures and an instant to try again. Whatever the clock
 * does, an entry has one instant, so none runs twice for one: after a jump forward everything that is overdue has its turn, as fast
 * as `concurrency` and `rate` let; after a jump back everything waits for its instant. The machine's clock is read at least each
 * minute, another one each hour.
 *
 * **The later word wins.** An entry that is rescheduled while its worker runs keeps what `reschedule()` said, whatever the worker
 * answers or throws; one that is removed has the worker's signal aborted, and the answer is ignored.
 *
 * **Warning**: it keeps nothing when the process ends: add all entries again after a start. It does not spread the instants of a
 * fleet; `renewalTime` with `jitter` does. A worker that ignores its signal still runs when its place is given to another.
 *
 * @example
 * ```ts
 * import { RotationScheduler, renewalTime } from 'mesh-pki/rotation'
 * import type { Certificate } from 'mesh-pki/x509'
 *
 * declare function renew(workload: string): Promise<Certificate>
 * declare const first: Certificate
 *
 * const policy = { gracePeriodRatio: 0.5, jitter: 0.05 }
 * const workloads = new Map<number, string>()
 * await using scheduler = new RotationScheduler({
 *   rotate: async (handle) => {
 *     const certificate = await renew(workloads.get(handle) ?? '')
 *     return { dueAt: renewalTime(certificate, policy), expiresAt: certificate.notAfter }
 *   },
 *   rate: { perSecond: 50 },
 *   onEvent: (event) => {
 *     if (event.type === 'failed') console.log(workloads.get(event.handle), event.label, event.retryAt)
 *   },
 * })
 * const handle = scheduler.add(renewalTime(first, policy), { expiresAt: first.notAfter })
 * workloads.set(handle, 'spiffe://td/ns/default/sa/a')
 * ```
 */
export class RotationScheduler {
  readonly #engine: RotationEngine
  readonly #release: () => void

  /** It starts nothing until an entry is added. @throws `TypeError`, `RangeError` for the options. */
  constructor(options: RotationSchedulerOptions) {
    const checked = readSchedulerOptions(options)
    this.#engine = new RotationEngine(checked)
    const { signal } = checked
    const onAbort = (): void => void this.#close({ reason: signal?.reason })
    this.#release = () => signal?.removeEventListener('abort', onAbort)
    if (signal?.aborted === true) onAbort()
    else signal?.addEventListener('abort', onAbort)
  }

  /**
   * Adds an entry and answers its handle, which is above 0. An instant that has passed is due at once, after what runs now.
   *
   * @throws `TypeError` for what is no valid Date, and when the scheduler is closed; `RangeError` for more than 16,777,215 entries.
   */
  add(dueAt: Date, options?: RotationEntryOptions): number {
    this.#checkOpen('add')
    const due = readDate(dueAt, 'the first argument of add()')
    const end = readEntryEnd(options, 'add')
    const engine = this.#engine
    const handle = engine.table.add(due, end)
    engine.wake()
    if (engine.isObserved) this.#tellPlanned(handle, due)
    return handle
  }

  /**
   * Gives an entry another instant and forgets its failures. `expiresAt` stays unless another is given. `false` where the handle
   * is out of date.
   *
   * @throws `TypeError` for what is no valid Date.
   */
  reschedule(handle: number, dueAt: Date, options?: RotationEntryOptions): boolean {
    const due = readDate(dueAt, 'the second argument of reschedule()')
    const given = readEntryEnd(options, 'reschedule')
    const engine = this.#engine
    const { table } = engine
    if (!table.has(handle)) return false
    table.renew(handle, given ?? table.endOf(handle))
    const attempt = engine.running.get(handle)
    if (attempt === undefined) table.plan(handle, due)
    else {
      attempt.replanned = due
      attempt.endGiven ||= given !== undefined
      engine.ends.watch(handle)
    }
    engine.wake()
    if (engine.isObserved) this.#tellPlanned(handle, due)
    return true
  }

  /** Ends an entry, and aborts the signal of its worker. `false` where the handle is out of date. */
  remove(handle: number): boolean {
    const engine = this.#engine
    const attempt = engine.running.get(handle)
    if (attempt !== undefined) {
      engine.drop(attempt)
      attempt.controller.abort(stopped('the entry was removed from the scheduler'))
    }
    const removed = engine.table.remove(handle)
    if (removed) engine.wake()
    return removed
  }

  /** Whether a handle is one of an entry, also of one whose worker runs. */
  has(handle: number): boolean {
    return this.#engine.table.has(handle)
  }

  /** How many entries there are, with those whose workers run. */
  get size(): number {
    return this.#engine.table.size
  }

  /** How many attempts are under way. */
  get running(): number {
    return this.#engine.running.size
  }

  /** When there is next something to do for an entry that does not run: it is due, or it ends before. */
  get nextDue(): Date | undefined {
    const { earliest } = this.#engine.table
    return earliest === Number.POSITIVE_INFINITY ? undefined : new Date(earliest)
  }

  /**
   * Rotates entries now, whenever they are due: after a key was lost, or before a root goes. Answers how many it is about; handles
   * that are out of date are passed over.
   *
   * No more than `perSecond` begin in a second, and no more than the scheduler's `rate`. Those that are due go first, and a quarter of
   * the places is left to them. An entry whose attempt began after this call has no second one; one that fails is tried again by
   * `retry`, no later than it is due.
   *
   * @throws `TypeError`, `RangeError` for the options; `TypeError` when the scheduler is closed.
   */
  rotateNow(which: Iterable<number> | 'all', options: ForcedRotationOptions): number {
    this.#checkOpen('rotateNow')
    const checked = readForcedOptions(options)
    const engine = this.#engine
    const { table } = engine
    const handles =
      which === 'all' ? table.handles() : Float64Array.from(knownOf(which, (one) => table.has(one)))
    for (const handle of handles) table.markForced(handle, true)
    engine.look()
    engine.tell({
      type: 'forced',
      at: new Date(engine.time.wall),
      count: handles.length,
      perSecond: checked.perSecond,
      reason: checked.reason,
    })
    engine.force(new ForcedRun(handles, checked))
    return handles.length
  }

  /**
   * Begins nothing more, and is over when no attempt is under way. With `drain` attempts have the time that they need, at most
   * `timeout`, and their answers count; without it they are aborted, and their entries keep their instants and their failures.
   */
  async close(options: { readonly drain?: boolean | undefined } = {}): Promise<void> {
    checkOptionNames(options, ['drain'], 'close')
    const drain = readFlag(options.drain, 'drain', false)
    await this.#close(drain ? undefined : { reason: stopped('the scheduler was closed') })
  }

  /** {@link close} without `drain`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #close(abort: { readonly reason: unknown } | undefined): Promise<void> {
    // Until then an abort may still end what is drained.
    return this.#engine.close(abort).finally(this.#release)
  }

  #checkOpen(callee: string): void {
    if (this.#engine.isClosed) throw new TypeError(`${callee}() was called after the scheduler was closed`)
  }

  #tellPlanned(handle: number, due: number): void {
    const { time, table } = this.#engine
    this.#engine.look()
    const end = table.endOf(handle)
    this.#engine.tell({
      type: 'planned',
      handle,
      at: new Date(time.wall),
      dueAt: new Date(due),
      expiresAt: end === undefined ? undefined : new Date(end),
    })
  }
}

function* knownOf(which: Iterable<number>, has: (handle: number) => boolean): Generator<number> {
  if (typeof which?.[Symbol.iterator] !== 'function' || typeof which === 'string')
    throw new TypeError(`rotateNow takes handles or 'all'; got ${typeName(which)}`)
  for (const handle of new Set(which)) if (has(handle)) yield handle
}

function stopped(message: string): Error {
  const error = new Error(message)
  error.name = 'AbortError'
  return error
}
