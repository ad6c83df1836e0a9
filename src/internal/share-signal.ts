/**
 * One signal for many listeners.
 *
 * @module
 */

import type { AbortSignalLike } from './abort.ts'

/**
 * One signal passed on to many, with a single listener on it: platforms take more than ten for a leak. It can also
 * be stopped from here.
 */
export function shareSignal(outer: AbortSignalLike): {
  readonly signal: AbortSignalLike
  readonly stop: (reason: unknown) => void
  readonly release: () => void
} {
  const listeners = new Set<() => void>()
  const state = { aborted: false, reason: undefined as unknown }
  const stop = (reason: unknown): void => {
    if (state.aborted) return
    state.aborted = true
    state.reason = reason
    for (const listener of [...listeners]) listener()
  }
  const onAbort = (): void => stop(outer.reason)
  if (outer.aborted) onAbort()
  else outer.addEventListener('abort', onAbort)
  return {
    signal: {
      get aborted() {
        return state.aborted
      },
      get reason() {
        return state.reason
      },
      addEventListener: (_type, listener) => void listeners.add(listener),
      removeEventListener: (_type, listener) => void listeners.delete(listener),
    },
    stop,
    release: () => outer.removeEventListener('abort', onAbort),
  }
}
