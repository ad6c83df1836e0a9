/**
 * What a scheduler does when its time comes: begins attempts, ends them, and sets its one timer.
 *
 * @module
 */

import { failureLabel } from '../../internal/backoff.ts'
import { tell } from '../../internal/tell.ts'
import { Alarm } from './alarm.ts'
import { EndWatch } from './end-watch.ts'
import { EntryTable } from './entry-table.ts'
import { type ForcedRun, ForcedRuns } from './forced-run.ts'
import { chooseRetry } from './next-retry.ts'
import {
  type AttemptResult,
  attemptRotation,
  type RunningAttempt,
  timeoutError,
  toDate,
} from './rotation-attempt.ts'
import type { RotationCause, RotationEvent } from './rotation-event.ts'
import type { CheckedSchedulerOptions } from './scheduler-options.ts'
import { SchedulerTime } from './scheduler-time.ts'

/**
 * The longest sleep. The machine's timers do not count the time that a machine sleeps, so the wall clock is read each
 * minute. Another clock has no such sleep, and one of a test must get through months.
 */
const RECHECK_MS = { machine: 60_000, other: 3_600_000 } as const

/** Attempts that begin before the event loop gets its turn: workers that answer at once would keep it for themselves. */
const STARTS_PER_TURN = 1024

/** The state of a scheduler, and what moves it. */
export class RotationEngine {
  readonly table: EntryTable = new EntryTable()
  readonly running: Map<number, RunningAttempt> = new Map()
  readonly time: SchedulerTime
  readonly ends: EndWatch
  readonly #options: CheckedSchedulerOptions
  readonly #alarm: Alarm
  readonly #recheck: number
  readonly #forced = new ForcedRuns()
  /** Forced attempts leave a quarter of the places, and at least one of several, to those that are due. */
  readonly #forcedPlaces: number
  #forcedRunning = 0
  #startsThisTurn = 0
  #woken = false
  #closed = false
  #onIdle: (() => void)[] = []

  constructor(options: CheckedSchedulerOptions) {
    this.#options = options
    this.time = new SchedulerTime(options.clock)
    this.ends = new EndWatch(this.table, this.time, this.running, (event) => this.tell(event))
    this.#alarm = new Alarm(options.clock, options.unref, (expected) => {
      this.#startsThisTurn = 0
      this.#tick(expected)
    })
    this.#recheck = options.clock === undefined ? RECHECK_MS.machine : RECHECK_MS.other
    this.#forcedPlaces = Math.max(1, options.concurrency - Math.ceil(options.concurrency / 4))
  }

  get isClosed(): boolean {
    return this.#closed
  }

  /** Whether anybody is told of events; those that are told for each entry are not made for nobody. */
  get isObserved(): boolean {
    return this.#options.onEvent !== undefined
  }

  tell(event: RotationEvent): void {
    tell(this.#options.onEvent, event)
  }

  /** Looks at everything soon: never within a call of the caller's. */
  wake(): void {
    if (this.#woken) return
    this.#woken = true
    void Promise.resolve().then(() => {
      this.#woken = false
      this.#tick()
    })
  }

  /** Reads the clock. */
  look(expected?: number): void {
    const step = this.time.read(expected)
    // A timer may be set for an instant of the old reckoning.
    if (this.time.wentBack) this.#alarm.clear()
    if (step !== 0) this.tell({ type: 'clock-stepped', at: this.#now(), by: step })
  }

  force(run: ForcedRun): void {
    this.#forced.add(run)
    this.wake()
  }

  /** Forgets an attempt under way: whatever it comes to is ignored. */
  drop(attempt: RunningAttempt): void {
    this.running.delete(attempt.handle)
    if (attempt.cause === 'forced') this.#forcedRunning--
    attempt.after?.release(attempt.handle)
  }

  /** Begins nothing more. With a reason, attempts under way are aborted. */
  close(abort: { readonly reason: unknown } | undefined): Promise<void> {
    this.#closed = true
    this.#forced.clear()
    if (abort !== undefined)
      for (const { controller } of this.running.values()) controller.abort(abort.reason)
    return new Promise((resolve) => {
      this.#onIdle.push(resolve)
      this.wake()
    })
  }

  #now(): Date {
    return new Date(this.time.wall)
  }

  #tick(expected?: number): void {
    this.look(expected)
    this.#endOverlong()
    this.ends.tellRunning()
    if (!this.#closed) {
      this.#startDue()
      this.#startForced()
      this.ends.tellWaiting()
    }
    this.#setAlarm()
  }

  /** Attempts have one time limit, so the first that began is the first to reach it. */
  #endOverlong(): void {
    for (const attempt of this.running.values()) {
      if (attempt.timedOut) continue
      if (attempt.deadline > this.time.elapsed) return
      attempt.timedOut = true
      attempt.controller.abort(timeoutError(this.#options.timeoutMs))
    }
  }

  #mayStart(): boolean {
    return (
      !this.#closed &&
      this.running.size < this.#options.concurrency &&
      this.#startsThisTurn < STARTS_PER_TURN &&
      (this.#options.rate?.wait(this.time.elapsed) ?? 0) === 0
    )
  }

  #startDue(): void {
    for (;;) {
      const handle = this.table.peekDue(this.time.wall)
      if (handle === undefined) return
      if (this.table.isEndOnly(handle)) {
        this.table.passEnd(handle)
        this.ends.tellIfEnded(handle)
      } else if (this.#mayStart()) this.#begin(handle, this.table.failuresOf(handle) === 0 ? 'due' : 'retry')
      else return
    }
  }

  /** After those that are due: nobody's own time is put off for them. */
  #startForced(): void {
    const mayStart = (): boolean => this.#mayStart() && this.#forcedRunning < this.#forcedPlaces
    for (const handle of this.#forced.due(this.table, this.running, this.time.elapsed, mayStart)) {
      this.#forcedRunning++
      this.#begin(handle, 'forced')
    }
  }

  #begin(handle: number, cause: RotationCause): void {
    const { time, table } = this
    this.#options.rate?.take(time.elapsed)
    this.#startsThisTurn++
    const attempt: RunningAttempt = {
      handle,
      attempt: table.failuresOf(handle) + 1,
      cause,
      due: table.take(handle) ?? time.wall,
      controller: new AbortController(),
      deadline: time.elapsed + this.#options.timeoutMs,
      timedOut: false,
      replanned: undefined,
      endGiven: false,
      after: undefined,
    }
    table.markForced(handle, false)
    this.running.set(handle, attempt)
    this.ends.tellIfEnded(handle)
    this.ends.watch(handle)
    const end = table.endOf(handle)
    if (this.isObserved) {
      const about = { handle, at: this.#now(), dueAt: new Date(attempt.due) }
      if (cause === 'due') this.tell({ type: 'due', ...about })
      this.tell({ type: 'started', ...about, attempt: attempt.attempt, cause })
    }
    const now = (): number => {
      this.look()
      return this.time.wall
    }
    // An observer may have removed it: the signal is aborted then, and the worker is not called.
    void attemptRotation(this.#options.rotate, attempt, end, now).then((result) => this.#end(attempt, result))
  }

  #end(attempt: RunningAttempt, result: AttemptResult): void {
    this.look()
    const { handle } = attempt
    this.wake()
    if (this.running.get(handle) !== attempt) return
    this.drop(attempt)
    if (result.ok) this.#succeed(attempt, result.next)
    else if (this.#closed && attempt.controller.signal.aborted && !attempt.timedOut)
      this.table.plan(handle, attempt.replanned ?? attempt.due)
    else this.#fail(attempt, result.error)
  }

  #succeed(attempt: RunningAttempt, next: { due: number; end: number | undefined } | undefined): void {
    const { handle, replanned } = attempt
    if (replanned === undefined && next === undefined) this.table.remove(handle)
    else {
      // Also where another instant was set meanwhile, what is in force now has another end.
      if (next !== undefined && !attempt.endGiven) this.table.renew(handle, next.end)
      this.table.plan(handle, replanned ?? next?.due ?? attempt.due)
    }
    const known = this.table.has(handle)
    this.tell({
      type: 'succeeded',
      handle,
      at: this.#now(),
      attempt: attempt.attempt,
      dueAt: toDate(replanned ?? next?.due),
      expiresAt: toDate(known ? this.table.endOf(handle) : undefined),
    })
  }

  #fail(attempt: RunningAttempt, error: unknown): void {
    const { handle, replanned } = attempt
    // In the order before anybody is asked or told: what they do to it must find it.
    this.table.plan(handle, attempt.due)
    if (replanned === undefined) this.table.countFailure(handle)
    const retryAt =
      replanned ??
      chooseRetry(this.#options.retry, attempt, { error, now: this.time.wall, end: this.table.endOf(handle) })
    if (!this.table.has(handle)) return
    this.table.plan(handle, retryAt)
    this.tell({
      type: 'failed',
      handle,
      at: this.#now(),
      attempt: attempt.attempt,
      error,
      label: failureLabel(error),
      retryAt: new Date(retryAt),
      expiresAt: toDate(this.table.endOf(handle)),
    })
  }

  #setAlarm(): void {
    const { time, table, running } = this
    if (running.size === 0 && (this.#closed || table.size === 0)) this.#rest()
    else if (this.#startsThisTurn >= STARTS_PER_TURN) this.#alarm.yield()
    else
      this.#alarm.arm(
        Math.min(this.#recheck, this.#untilRunning(), this.#closed ? this.#recheck : this.#untilStart()),
        time.elapsed,
        time.wall,
      )
  }

  #rest(): void {
    this.#alarm.clear()
    if (!this.#closed) return
    for (const idle of this.#onIdle.splice(0)) idle()
  }

  #untilRunning(): number {
    let wait = this.ends.untilEnd
    for (const { deadline, timedOut } of this.running.values()) {
      if (timedOut) continue
      wait = Math.min(wait, deadline - this.time.elapsed)
      break
    }
    return wait
  }

  /** Until somebody may have a turn. Where all places are taken, the end of an attempt wakes us. */
  #untilStart(): number {
    const { wall, elapsed } = this.time
    const due = this.table.earliest - wall
    let wait = due > 0 ? due : this.ends.untilSweep
    if (this.running.size >= this.#options.concurrency) return wait
    const rate = this.#options.rate?.wait(elapsed) ?? 0
    if (due <= 0) wait = Math.min(wait, rate)
    if (this.#forcedRunning < this.#forcedPlaces)
      wait = Math.min(wait, Math.max(rate, this.#forced.untilNext(elapsed)))
    return wait
  }
}
