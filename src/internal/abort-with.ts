/**
 * One controller for several reasons to stop. Apart from the structural type of signals, which our declarations
 * use: this one needs the types of the web platform.
 *
 * @module
 */

import type { AbortSignalLike } from './abort.ts'

/** A controller that aborts with the first of some signals. `release` must be called: they may live longer than it. */
export function abortWith(signals: readonly (AbortSignalLike | undefined)[]): {
  readonly controller: AbortController
  readonly release: () => void
} {
  const controller = new AbortController()
  const listeners = signals
    .filter((signal) => signal !== undefined)
    .map((signal) => ({ signal, onAbort: () => controller.abort(signal.reason) }))
  for (const { signal, onAbort } of listeners) {
    if (signal.aborted) onAbort()
    else signal.addEventListener('abort', onAbort)
  }
  return {
    controller,
    release: () => {
      for (const { signal, onAbort } of listeners) signal.removeEventListener('abort', onAbort)
    },
  }
}
