/**
 * Tells when what an entry is about has ended and was not renewed.
 *
 * @module
 */

import type { EntryTable } from './entry-table.ts'
import type { RunningAttempt } from './rotation-attempt.ts'
import type { RotationEvent } from './rotation-event.ts'
import type { SchedulerTime } from './scheduler-time.ts'

/** How often those who wait for a turn are asked whether they have ended, and how many are told of at a time. */
const SWEEP_MS = { usual: 60_000, unfinished: 1000 } as const
const SWEEP_LIMIT = 10_000

/**
 * Looks for entries that have ended. Those in the order before their end need no look; it is those whose attempt is under way
 * and, while there are more due than may begin, those that wait.
 */
export class EndWatch {
  readonly #table: EntryTable
  readonly #time: SchedulerTime
  readonly #running: ReadonlyMap<number, RunningAttempt>
  readonly #tell: (event: RotationEvent) => void
  /** No attempt under way is about what ends before. */
  #nextEnd = Number.POSITIVE_INFINITY
  #nextSweep = Number.NEGATIVE_INFINITY

  constructor(
    table: EntryTable,
    time: SchedulerTime,
    running: ReadonlyMap<number, RunningAttempt>,
    tell: (event: RotationEvent) => void,
  ) {
    this.#table = table
    this.#time = time
    this.#running = running
    this.#tell = tell
  }

  /** Milliseconds until an attempt under way may be about something that has ended. */
  get untilEnd(): number {
    return this.#nextEnd - this.#time.wall
  }

  /** Milliseconds until those who wait are looked at. */
  get untilSweep(): number {
    return this.#nextSweep - this.#time.elapsed
  }

  /** An attempt under way is about this entry. */
  watch(handle: number): void {
    const end = this.#table.endOf(handle)
    if (end !== undefined && end < this.#nextEnd && !this.#table.isTold(handle)) this.#nextEnd = end
  }

  /** Tells of attempts under way. */
  tellRunning(): void {
    if (this.untilEnd > 0) return
    this.#nextEnd = Number.POSITIVE_INFINITY
    for (const handle of [...this.#running.keys()]) {
      this.tellIfEnded(handle)
      if (this.#table.has(handle)) this.watch(handle)
    }
  }

  /** Tells of those whose turn has come and who still wait. */
  tellWaiting(): void {
    const { wall, elapsed } = this.#time
    if (this.#table.earliest > wall || this.untilSweep > 0) return
    const ended = this.#table.endedInBacklog(wall, SWEEP_LIMIT)
    this.#nextSweep = elapsed + (ended.length === SWEEP_LIMIT ? SWEEP_MS.unfinished : SWEEP_MS.usual)
    for (const handle of ended) this.tellIfEnded(handle)
  }

  /** Tells once. */
  tellIfEnded(handle: number): void {
    const { wall } = this.#time
    if (!this.#table.has(handle) || this.#table.isTold(handle)) return
    const end = this.#table.endOf(handle)
    if (end === undefined || end > wall) return
    this.#table.markTold(handle)
    const failures = this.#table.failuresOf(handle)
    this.#tell({ type: 'expired', handle, at: new Date(wall), expiresAt: new Date(end), failures })
  }
}
