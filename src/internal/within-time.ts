/**
 * Bounds what others do for us, by a clock.
 *
 * @module
 */

import { type AbortSignalLike, orAborted } from './abort.ts'
import { abortWith } from './abort-with.ts'
import { type Clock, systemClock } from './clock.ts'

/** How long to wait, and what for. */
export interface TimeBound {
  readonly clock: Clock
  readonly milliseconds: number
  /** Ends the waiting early, with its reason. */
  readonly signal: AbortSignalLike | undefined
  /** What the work is given up with when its time is over. */
  timedOut(): unknown
}

/**
 * Runs work with a signal that aborts when its time is over or the outer signal aborts. Then nobody waits for it
 * any longer, whether it listens to its signal or not; what it answers later is ignored.
 */
export async function withinTime<T>(
  bound: TimeBound,
  work: (signal: AbortSignal) => T | Promise<T>,
): Promise<T> {
  const { clock, milliseconds, signal } = bound
  if (signal?.aborted === true) throw signal.reason
  const { controller, release } = abortWith([signal])
  const done = new AbortController()
  sleepBy(clock, milliseconds, done.signal)
    .then(() => {
      if (!done.signal.aborted) controller.abort(bound.timedOut())
    })
    .catch(() => {})
  try {
    return await orAborted((async () => work(controller.signal))(), controller.signal)
  } finally {
    done.abort()
    release()
  }
}

/**
 * Sleeps by a clock of the caller's. One that cannot wait must turn neither a limit nor a pause into none, so the
 * machine's takes its place.
 *
 * @throws the reason of the signal.
 */
export async function sleepBy(
  clock: Clock,
  milliseconds: number,
  signal: AbortSignalLike | undefined,
): Promise<void> {
  try {
    await orAborted((async () => clock.sleep(milliseconds, signal))(), signal)
  } catch {
    if (signal?.aborted === true) throw signal.reason
    await systemClock.sleep(milliseconds, signal)
  }
}
