/**
 * A signal that aborts when time is over or another one aborts.
 *
 * @module
 */

import { MeshPkiError } from '../errors.ts'
import type { AbortSignalLike } from '../internal/abort.ts'
import { abortWith } from '../internal/abort-with.ts'
import { MAX_TIMER_MS } from '../internal/clock.ts'
import { formatDuration } from '../internal/duration.ts'

/** A running deadline. */
export interface Deadline {
  readonly signal: AbortSignal
  /** Must be called: a timer keeps the process alive. */
  stop(): void
}

/** Starts one. `what` says in the message what took too long. */
export function startDeadline(
  milliseconds: number,
  outer: AbortSignalLike | undefined,
  what: string,
): Deadline {
  const { controller, release } = abortWith([outer])
  const timer = setTimeout(
    () => {
      const message = `${what} took longer than ${formatDuration(milliseconds)}`
      controller.abort(new MeshPkiError('ERR_TLS_TIMEOUT', message))
    },
    Math.min(milliseconds, MAX_TIMER_MS),
  )
  return {
    signal: controller.signal,
    stop: () => {
      clearTimeout(timer)
      release()
    },
  }
}
