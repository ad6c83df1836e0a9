/**
 * The clock of an API server that was given none: it stands still.
 *
 * @module
 */

import { type AbortSignalLike, orAborted } from '../../internal/abort.ts'
import type { Clock } from '../../internal/clock.ts'

/** Stands at 2026-01-01T00:00:00Z; who sleeps wakes by the signal only. */
export const standingClock: Clock = {
  now: () => new Date('2026-01-01T00:00:00Z'),
  sleep: (_milliseconds, signal) => untilAborted(signal),
}

/** Waits for a signal, and rejects with its reason. */
export function untilAborted(signal: AbortSignalLike | undefined): Promise<never> {
  return orAborted(new Promise<never>(() => {}), signal)
}
