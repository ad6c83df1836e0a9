/**
 * How many attempts may begin in a time.
 *
 * @module
 */

import { checkOptionNames, readCount, typeName } from '../../internal/options.ts'

/** A rate: so many a second, and so many at once after a pause. */
export interface RotationRate {
  /** Above 0, at most 1,000,000; 0.1 is one in ten seconds. */
  readonly perSecond: number
  /**
   * How many may begin at once after a pause. In any time of `t` seconds at most `burst + t × perSecond` begin. Default:
   * what falls into 20 ms, at least 1, so that a rate above that of timers can be kept.
   */
  readonly burst?: number | undefined
}

const MAX_PER_SECOND = 1_000_000

/** The share of a second that a burst makes up where none is given. */
const BURST_SHARE = 1 / 50

/** The option that is a {@link RotationRate}. @throws `TypeError`, `RangeError`. */
export function readRate(rate: RotationRate | undefined, option: string): TokenBucket | undefined {
  if (rate === undefined) return undefined
  checkOptionNames(rate, ['perSecond', 'burst'], `option "${option}"`)
  const perSecond = readPerSecond(rate.perSecond, `${option}.perSecond`)
  const burst = rate.burst ?? Math.max(1, Math.ceil(perSecond * BURST_SHARE))
  return new TokenBucket(perSecond, readCount(burst, `${option}.burst`, 1, MAX_PER_SECOND))
}

function readPerSecond(value: unknown, option: string): number {
  if (typeof value !== 'number')
    throw new TypeError(`option "${option}" must be a number; got ${typeName(value)}`)
  if (!(value > 0 && value <= MAX_PER_SECOND))
    throw new RangeError(`option "${option}" must be above 0 and at most ${MAX_PER_SECOND}; got ${value}`)
  return value
}

/**
 * A token bucket. It is kept as the instant at which it would be full: the generic cell rate algorithm of ITU-T I.371.
 * Its time is what has passed, not what the wall clock says: a clock that jumps fills nothing.
 */
export class TokenBucket {
  /** Milliseconds that one token takes to come. */
  readonly #interval: number
  /** Milliseconds that all but one of a full bucket take to come. */
  readonly #tolerance: number
  #fullAt = Number.NEGATIVE_INFINITY

  constructor(perSecond: number, burst: number) {
    this.#interval = 1000 / perSecond
    this.#tolerance = (burst - 1) * this.#interval
  }

  /** Milliseconds until there is a token. */
  wait(elapsed: number): number {
    return Math.max(0, this.#fullAt - this.#tolerance - elapsed)
  }

  /** Takes a token, which {@link wait} said is there. */
  take(elapsed: number): void {
    this.#fullAt = Math.max(this.#fullAt, elapsed) + this.#interval
  }
}
