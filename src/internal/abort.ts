/**
 * Abort signals, by a structural type: our declarations need no `lib.dom`.
 *
 * @module
 */

/** The part of `AbortSignal` that is used. */
export interface AbortSignalLike {
  readonly aborted: boolean
  readonly reason?: unknown
  addEventListener(type: 'abort', listener: () => void): void
  removeEventListener(type: 'abort', listener: () => void): void
}

/** The option "signal". @throws `TypeError` for what is no signal. */
export function readSignal(value: unknown): AbortSignalLike | undefined {
  if (value === undefined || isSignal(value)) return value
  throw new TypeError('option "signal" must be an AbortSignal')
}

function isSignal(value: unknown): value is AbortSignalLike {
  return (
    typeof value === 'object' &&
    value !== null &&
    'aborted' in value &&
    typeof value.aborted === 'boolean' &&
    'addEventListener' in value &&
    typeof value.addEventListener === 'function' &&
    'removeEventListener' in value &&
    typeof value.removeEventListener === 'function'
  )
}

/** Waits for a promise, but no longer than until the signal aborts: its owner may not listen to it. */
export async function orAborted<T>(pending: Promise<T>, signal: AbortSignalLike | undefined): Promise<T> {
  if (signal === undefined) return pending
  let onAbort: (() => void) | undefined
  const aborted = new Promise<never>((_resolve, reject) => {
    onAbort = () => reject(signal.reason)
    if (signal.aborted) onAbort()
    else signal.addEventListener('abort', onAbort)
  })
  try {
    return await Promise.race([pending, aborted])
  } finally {
    if (onAbort !== undefined) signal.removeEventListener('abort', onAbort)
  }
}
