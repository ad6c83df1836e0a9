/**
 * Time that has passed, which no change of the wall clock touches.
 *
 * @module
 */

import { type Clock, systemClock } from './clock.ts'

/**
 * Milliseconds since some moment. With the machine's clock they are those of `performance.now()`; a clock of the caller's
 * knows no other time than its own.
 */
export function monotonicOf(clock: Clock): () => number {
  return clock === systemClock ? () => performance.now() : () => clock.now().getTime()
}
