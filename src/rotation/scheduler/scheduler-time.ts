/**
 * What the wall clock says and how much time has passed, which are not the same.
 *
 * @module
 */

import type { Clock } from '../../internal/clock.ts'

/** A difference up to this is no step: timers are late, and clocks are slewed. */
const STEP_MS = 1000

/**
 * Reads a clock and notes its steps. With the machine's clock, what has passed is what `performance.now()` says: it
 * knows no steps, and on most machines no sleep. Another clock has its sleeps only: what it slept longer than it was
 * asked to is a step forward, and an instant before the last one a step back.
 */
export class SchedulerTime {
  readonly #clock: Clock | undefined
  #monotonic: number
  #wall: number
  #elapsed = 0
  #wentBack = false

  constructor(clock: Clock | undefined) {
    this.#clock = clock
    this.#monotonic = clock === undefined ? performance.now() : 0
    this.#wall = this.#readWall()
  }

  /** What the wall clock said when it was last read. */
  get wall(): number {
    return this.#wall
  }

  /** Milliseconds that had passed by then, steps not counted. */
  get elapsed(): number {
    return this.#elapsed
  }

  /** Whether the wall clock went back, however little, when it was last read. */
  get wentBack(): boolean {
    return this.#wentBack
  }

  /** Reads the clock, and answers by how much it stepped. `expected`: what it should say, where a sleep of it has just ended. */
  read(expected?: number): number {
    const wall = this.#readWall()
    const moved = wall - this.#wall
    this.#wall = wall
    this.#wentBack = moved < 0
    const step = this.#clock === undefined ? moved - this.#passed() : stepOf(moved, wall, expected)
    const stepped = Math.abs(step) > STEP_MS
    // A small step back is none forward either: time that has passed never shrinks.
    this.#elapsed += Math.max(0, this.#clock === undefined || stepped ? moved - step : moved)
    return stepped ? Math.round(step) : 0
  }

  #passed(): number {
    const now = performance.now()
    const passed = now - this.#monotonic
    this.#monotonic = now
    return passed
  }

  /** A clock that breaks later must not end the schedule: the machine's takes its place. */
  #readWall(): number {
    try {
      const time = this.#clock?.now().getTime()
      if (time !== undefined && !Number.isNaN(time)) return time
    } catch {
      // See above.
    }
    return Date.now()
  }
}

function stepOf(moved: number, wall: number, expected: number | undefined): number {
  if (moved < 0) return moved
  return expected === undefined ? 0 : Math.max(0, wall - expected)
}
