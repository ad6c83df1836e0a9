/**
 * The one timer of a scheduler.
 *
 * @module
 */

import { type Clock, MAX_TIMER_MS } from '../../internal/clock.ts'

/** Sleeps in a row that end before their time, by a clock that cannot sleep. */
const MAX_EARLY = 8

/**
 * Rings once, after a time. Setting it again replaces what was set, so that there is never more than one timer.
 *
 * With the machine's clock it is a timer that can be told not to keep the process alive. Another clock sleeps; whether
 * that keeps the process alive is its own affair. A clock that fails to sleep has the machine's in its place.
 */
export class Alarm {
  readonly #clock: Clock | undefined
  readonly #unref: boolean
  readonly #ring: (expected: number | undefined) => void
  #cancel: (() => void) | undefined
  #target = Number.POSITIVE_INFINITY
  #expected = Number.NEGATIVE_INFINITY
  #early = 0

  /** `ring` is given the instant that a clock of the caller's should show. */
  constructor(clock: Clock | undefined, unref: boolean, ring: (expected: number | undefined) => void) {
    this.#clock = clock
    this.#unref = unref
    this.#ring = ring
  }

  /**
   * Rings when `ms` have passed, or before where it is set for an earlier time already. `elapsed` and `wall` are now.
   */
  arm(ms: number, elapsed: number, wall: number): void {
    const wait = Math.max(1, Math.ceil(ms))
    if (this.#cancel !== undefined && this.#target <= elapsed + wait) return
    this.clear()
    this.#target = elapsed + wait
    this.#early = wall < this.#expected ? this.#early + 1 : 0
    this.#expected = Number.NEGATIVE_INFINITY
    if (this.#clock === undefined || this.#early > MAX_EARLY) this.#byMachine(wait)
    else this.#byClock(this.#clock, wait, wall + wait)
  }

  /** Rings after what else the event loop has to do. */
  yield(): void {
    if (this.#cancel !== undefined && this.#target === Number.NEGATIVE_INFINITY) return
    this.clear()
    this.#target = Number.NEGATIVE_INFINITY
    this.#byMachine(0)
  }

  clear(): void {
    this.#cancel?.()
    this.#cancel = undefined
  }

  #byMachine(ms: number): void {
    const timer: unknown = setTimeout(() => this.#over(undefined), Math.min(ms, MAX_TIMER_MS))
    this.#cancel = () => clearTimeout(timer as never)
    if (this.#unref && typeof timer === 'object' && timer !== null && 'unref' in timer) unref(timer)
  }

  #byClock(clock: Clock, ms: number, expected: number): void {
    const sleeper = new AbortController()
    const { signal } = sleeper
    this.#cancel = () => sleeper.abort()
    const slept = (async () => clock.sleep(ms, signal))()
    slept.then(
      () => {
        if (!signal.aborted) this.#over(expected)
      },
      () => {
        if (!signal.aborted) this.#byMachine(ms)
      },
    )
  }

  #over(expected: number | undefined): void {
    this.#cancel = undefined
    if (expected !== undefined) this.#expected = expected
    this.#ring(expected)
  }
}

/** A timer of Node, Deno or Bun; browsers have numbers. */
function unref(timer: { unref?: unknown }): void {
  if (typeof timer.unref === 'function') timer.unref()
}
