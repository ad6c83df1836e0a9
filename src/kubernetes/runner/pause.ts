/**
 * Pauses of reflectors and electors, longer with each failure and different for everybody.
 *
 * @module
 */

import type { RandomSource } from '../../internal/web-crypto.ts'

/** A number from 0 to 1, 1 not included. */
export function fractionOf(random: RandomSource): number {
  const [a = 0, b = 0, c = 0] = random(new Uint8Array(3))
  return (a * 65_536 + b * 256 + c) / 16_777_216
}

/** client-go's of reflectors: 0.8 s, twice as long each time, at most 30 s, and up to as much again by chance. */
const FIRST_MS = 800
const LONGEST_MS = 30_000

/** The pause after so many failures in a row, the first counted as 1. */
export function reflectorPause(failures: number, random: RandomSource): number {
  const step = Math.min(FIRST_MS * 2 ** Math.min(Math.max(0, failures - 1), 16), LONGEST_MS)
  return step * (1 + fractionOf(random))
}
