/**
 * Chance that comes out the same for the same seed.
 *
 * @module
 */

import { sha256 } from '@noble/hashes/sha2.js'

/** A sequence of choices. */
export interface Dice {
  /** From 0 to below 1. */
  next(): number
  /** Whether something of a probability happens. */
  chance(probability: number): boolean
  /** A whole number from 0 to below `count`. */
  below(count: number): number
  /** Whole seconds from 0 to `max` milliseconds: both ends often, since what breaks breaks there. */
  delay(max: number): number
  /** An offset from −max to max milliseconds, whole seconds: the ends often. */
  offset(max: number): number
}

/** SFC32: small, fast and even; what it is for is not secret. With `always`, delays and offsets are at their ends only. */
export function seededDice(seed: string | number, extremes: 'often' | 'always' = 'often'): Dice {
  const bytes = sha256(new TextEncoder().encode(`mesh-pki simulation ${seed}`))
  const word = (i: number): number =>
    (bytes[i] ?? 0) |
    ((bytes[i + 1] ?? 0) << 8) |
    ((bytes[i + 2] ?? 0) << 16) |
    ((bytes[i + 3] ?? 0) << 24) |
    0
  let [a, b, c, counter] = [word(0), word(4), word(8), word(12)]
  const next = (): number => {
    const sum = (((a + b) | 0) + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (c << 21) | (c >>> 11)
    c = (c + sum) | 0
    return (sum >>> 0) / 2 ** 32
  }
  const delay = (max: number): number => {
    const at = next()
    if (extremes === 'always') return at < 0.85 ? max : 0
    if (at < 0.4) return max
    if (at < 0.7) return 0
    return Math.floor((next() * (max + 1000)) / 1000) * 1000
  }
  return {
    next,
    chance: (probability) => next() < probability,
    below: (count) => Math.floor(next() * count),
    delay: (max) => Math.min(max, delay(max)),
    offset: (max) => {
      const at = next()
      if (extremes === 'always') return at < 0.5 ? max : -max
      if (at < 0.4) return max
      if (at < 0.8) return -max
      return Math.max(-max, Math.min(max, Math.round(((next() * 2 - 1) * max) / 1000) * 1000))
    },
  }
}
