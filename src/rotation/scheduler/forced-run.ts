/**
 * A forced rotation: who has yet to have a turn.
 *
 * @module
 */

import { type AbortSignalLike, readSignal } from '../../internal/abort.ts'
import { checkOptionNames, typeName } from '../../internal/options.ts'
import { escapeText } from '../../internal/text.ts'
import type { EntryTable } from './entry-table.ts'
import { readRate, type TokenBucket } from './rate-limit.ts'
import type { RunningAttempt } from './rotation-attempt.ts'
import type { ForcedRotationOptions } from './scheduler-options.ts'

/** {@link ForcedRotationOptions} after the check. */
export interface CheckedForcedOptions {
  readonly perSecond: number
  readonly reason: string
  readonly bucket: TokenBucket
  readonly signal: AbortSignalLike | undefined
}

/** @throws `TypeError`, `RangeError`. */
export function readForcedOptions(options: ForcedRotationOptions): CheckedForcedOptions {
  checkOptionNames(options, ['perSecond', 'reason', 'signal'], 'rotateNow')
  const { perSecond, reason } = options
  if (typeof reason !== 'string' || reason.trim() === '')
    throw new TypeError(
      `option "reason" must say why everything is rotated; got ${reason === '' ? 'no text' : typeName(reason)}`,
    )
  const bucket = readRate({ perSecond }, 'rotateNow')
  if (bucket === undefined) throw new TypeError('option "perSecond" is missing')
  return { perSecond, reason: escapeText(reason), bucket, signal: readSignal(options.signal) }
}

/** Eight bytes an entry for as long as it lasts. What was rotated meanwhile for another reason has no second turn. */
export class ForcedRun {
  readonly bucket: TokenBucket
  readonly #handles: Float64Array
  readonly #signal: AbortSignalLike | undefined
  #head = 0
  /** Entries that ran when their turn came, and have ended; and how many of them still run. */
  readonly #again: number[] = []
  #held = 0

  constructor(handles: Float64Array, { bucket, signal }: CheckedForcedOptions) {
    this.#handles = handles
    this.bucket = bucket
    this.#signal = signal
  }

  /** Whether somebody's turn may have come. */
  get isWaiting(): boolean {
    return !this.#isStopped && (this.#head < this.#handles.length || this.#again.length > 0)
  }

  get isOver(): boolean {
    return this.#isStopped || (!this.isWaiting && this.#held === 0)
  }

  get #isStopped(): boolean {
    return this.#signal?.aborted === true
  }

  /** Whose turn it is. An entry whose attempt began before this was asked for has its turn when that has ended. */
  next(table: EntryTable, running: ReadonlyMap<number, RunningAttempt>): number | undefined {
    while (this.isWaiting) {
      const handle = this.#head < this.#handles.length ? this.#handles[this.#head++] : this.#again.pop()
      if (handle === undefined || !table.has(handle) || !table.isForced(handle)) continue
      const attempt = running.get(handle)
      if (attempt === undefined) return handle
      if (attempt.after !== undefined) continue
      attempt.after = this
      this.#held++
    }
    return undefined
  }

  /** An attempt that was waited for has ended. */
  release(handle: number): void {
    this.#held--
    this.#again.push(handle)
  }
}

/** All forced rotations under way. */
export class ForcedRuns {
  readonly #runs = new Set<ForcedRun>()

  add(run: ForcedRun): void {
    this.#runs.add(run)
  }

  clear(): void {
    this.#runs.clear()
  }

  /** Whose turns have come, of one run after the other, as long as `mayStart` says so; each must be begun before the next is asked for. */
  *due(
    table: EntryTable,
    running: ReadonlyMap<number, RunningAttempt>,
    elapsed: number,
    mayStart: () => boolean,
  ): Generator<number> {
    for (let found = true; found; ) {
      found = false
      for (const run of this.#runs) {
        if (run.isOver) this.#runs.delete(run)
        if (!mayStart()) return
        if (run.bucket.wait(elapsed) > 0) continue
        const handle = run.next(table, running)
        if (handle === undefined) continue
        run.bucket.take(elapsed)
        found = true
        yield handle
      }
    }
  }

  /** Milliseconds until the rate of one lets another begin; infinite where nobody waits. */
  untilNext(elapsed: number): number {
    let wait = Number.POSITIVE_INFINITY
    for (const run of this.#runs) if (run.isWaiting) wait = Math.min(wait, run.bucket.wait(elapsed))
    return wait
  }
}
