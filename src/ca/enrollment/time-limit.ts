/**
 * Work that may take so long by a clock.
 *
 * @module
 */

import { type AbortSignalLike, orAborted } from '../../internal/abort.ts'
import { abortWith } from '../../internal/abort-with.ts'
import { type Clock, systemClock } from '../../internal/clock.ts'

/**
 * Does the work, and aborts its signal when its time is over or an outer signal aborts. Work that does not listen is left
 * behind.
 *
 * @throws what the work throws; what `timedOut` makes; the outer signal's reason.
 */
export async function withinTime<T>(
  clock: Clock,
  milliseconds: number,
  outer: AbortSignalLike | undefined,
  timedOut: () => Error,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const { controller, release } = abortWith([outer])
  const done = new AbortController()
  const end = (): void => controller.abort(timedOut())
  // A clock that cannot wait must not turn the limit into none.
  const waitOtherwise = (): Promise<void> =>
    done.signal.aborted ? Promise.resolve() : systemClock.sleep(milliseconds, done.signal).then(end)
  sleepBy(clock, milliseconds, done.signal)
    .then(end, waitOtherwise)
    .catch(() => {})
  try {
    if (controller.signal.aborted) throw controller.signal.reason
    return await orAborted(work(controller.signal), controller.signal)
  } finally {
    done.abort()
    release()
  }
}

/** A clock of the caller may also throw at once. */
async function sleepBy(clock: Clock, milliseconds: number, signal: AbortSignal): Promise<void> {
  await clock.sleep(milliseconds, signal)
}
