/**
 * Pauses between attempts: each twice as long as the last, and not the same for everybody.
 *
 * @module
 */

import { readDuration } from './duration.ts'
import { readCount, readFunction } from './options.ts'
import { type RandomSource, systemRandom } from './web-crypto.ts'

/** How often to try, and how long to wait between. */
export interface RetryOptions {
  /** How long one attempt may take. */
  readonly timeout?: string | undefined
  /** How many attempts are made, the first included. Default 3. */
  readonly attempts?: number | undefined
  /** The pause before the second attempt; each later one is twice as long. Default `'1s'`. */
  readonly backoff?: string | undefined
  /** The longest pause. Default `'30s'`. */
  readonly maxBackoff?: string | undefined
  /** Spreads the pauses, so that many who failed together do not come back together. Default: the runtime's. */
  readonly random?: RandomSource | undefined
}

/** The names of {@link RetryOptions}. */
export const RETRY_OPTION_NAMES: readonly string[] = [
  'timeout',
  'attempts',
  'backoff',
  'maxBackoff',
  'random',
]

/** {@link RetryOptions} after the check. */
export interface RetryPolicy {
  readonly timeoutMs: number
  readonly attempts: number
  /** The pause after an attempt, counted from 1: from half of the step to all of it. */
  pauseAfter(attempt: number): number
}

/** Attempts above this are a mistake: the pauses alone would take minutes. */
const MAX_ATTEMPTS = 20

/** The longest that one attempt may take. */
const MAX_TIMEOUT = ['1d', 86_400_000] as const

/** @throws `TypeError`, `RangeError`. */
export function readRetryPolicy(options: RetryOptions, defaultTimeout: string): RetryPolicy {
  const { timeout, attempts, backoff, maxBackoff, random = systemRandom } = options
  readFunction(random, 'random')
  const first = readDuration(backoff ?? '1s', 'backoff', { max: MAX_TIMEOUT })
  const longest = readDuration(maxBackoff ?? '30s', 'maxBackoff', { max: MAX_TIMEOUT })
  return {
    timeoutMs: readDuration(timeout ?? defaultTimeout, 'timeout', { max: MAX_TIMEOUT }),
    attempts: readCount(attempts ?? 3, 'attempts', 1, MAX_ATTEMPTS),
    pauseAfter: (attempt) => {
      const step = Math.min(longest, first * 2 ** (attempt - 1))
      const [high = 0, low = 0] = random(new Uint8Array(2))
      return Math.round((step / 2) * (1 + (high * 256 + low) / 65_535))
    },
  }
}

/**
 * A failure of somebody else's in a few words that cannot hold a secret: its name and code, not its message, which
 * may quote a URL with a token in it.
 */
export function failureLabel(error: unknown): string {
  if (typeof error !== 'object' || error === null) return `a thrown ${error === null ? 'null' : typeof error}`
  try {
    const name = 'name' in error ? plainWord(error.name) : undefined
    const code = 'code' in error ? plainWord(error.code) : undefined
    const shown = [name, code].filter((word) => word !== undefined).join(' ')
    return shown === '' ? 'an error without a name' : shown
  } catch {
    // Even its name can throw.
    return 'an error that cannot be described'
  }
}

function plainWord(value: unknown): string | undefined {
  return typeof value === 'string' && /^[A-Za-z][\w.-]{0,63}$/.test(value) ? value : undefined
}
