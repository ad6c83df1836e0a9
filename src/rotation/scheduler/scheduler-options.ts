/**
 * Options of a rotation scheduler.
 *
 * @module
 */

import { type AbortSignalLike, readSignal } from '../../internal/abort.ts'
import { type Clock, readClock } from '../../internal/clock.ts'
import { readDuration } from '../../internal/duration.ts'
import { checkOptionNames, readCount, readFlag, readFunction, typeName } from '../../internal/options.ts'
import type { WebAbortSignal } from '../../internal/web-types.ts'
import { type RotationRate, readRate, type TokenBucket } from './rate-limit.ts'
import type { RotationCause, RotationEvent } from './rotation-event.ts'

/** What a worker is told about its attempt. */
export interface RotationAttempt {
  /** Counts from 1; above 1 the ones before failed. */
  readonly attempt: number
  /** When it was due. Of a forced attempt: when it would have been. */
  readonly dueAt: Date
  readonly expiresAt: Date | undefined
  readonly cause: RotationCause
  /** Aborts when the attempt takes too long, its entry is removed, or the scheduler is closed. Whoever works on then does so in vain. */
  readonly signal: WebAbortSignal
}

/**
 * What a worker answers: when the entry is due next, at least a second from now; with `expiresAt`, the end of what is in
 * force now. `undefined`: done, and the entry is removed.
 */
export type RotationAnswer =
  | Date
  | { readonly dueAt: Date; readonly expiresAt?: Date | undefined }
  | undefined

/** What is known where the next attempt is to be chosen. */
export interface FailedAttempt {
  /** The number of the attempt that failed. */
  readonly attempt: number
  readonly error: unknown
  readonly now: Date
  readonly expiresAt: Date | undefined
}

/** Options of {@link RotationScheduler}. */
export interface RotationSchedulerOptions {
  /** Rotates what a handle means to the caller. It is never called twice at the same time for one entry, unless it ignores its signal. */
  readonly rotate: (handle: number, attempt: RotationAttempt) => Promise<RotationAnswer> | RotationAnswer
  readonly clock?: Clock | undefined
  /** How many attempts run at the same time. Default 8; at most 10,000. */
  readonly concurrency?: number | undefined
  /** How many attempts begin in a time. Default: as many as `concurrency` lets. */
  readonly rate?: RotationRate | undefined
  /**
   * When to try again; nothing sooner than a second from now. What throws, or answers no valid `Date`, has the default: at 70 % of
   * what remains until `expiresAt`, a minute to a day away, and each minute after it. Without `expiresAt` after one minute, two, four,
   * up to an hour.
   */
  readonly retry?: ((handle: number, failed: FailedAttempt) => Date | undefined) | undefined
  /** The longest that one attempt may take. Default `'5m'`. */
  readonly timeout?: string | undefined
  /** Told of everything that happens. What it throws is ignored. */
  readonly onEvent?: ((event: RotationEvent) => void) | undefined
  /** Closes the scheduler: no attempt begins, and those that run are aborted. */
  readonly signal?: AbortSignalLike | undefined
  /** Lets the process end although entries wait; where the runtime can, and with the machine's clock. Default `true`. */
  readonly unref?: boolean | undefined
}

/** Of an entry. */
export interface RotationEntryOptions {
  /** When what it is about ends, in whole seconds, such as the `notAfter` of a certificate. Default: not known, and never told to have passed. */
  readonly expiresAt?: Date | undefined
}

/** Of a forced rotation. */
export interface ForcedRotationOptions {
  /** How many begin in a second: above 0, at most 1,000,000. The `rate` of the scheduler holds too. */
  readonly perSecond: number
  /** Why, for the events. */
  readonly reason: string
  /** Ends the forced rotation: who had no turn by then waits until it is due. */
  readonly signal?: AbortSignalLike | undefined
}

/** {@link RotationSchedulerOptions} after the check. */
export interface CheckedSchedulerOptions {
  readonly rotate: RotationSchedulerOptions['rotate']
  readonly retry: RotationSchedulerOptions['retry']
  readonly onEvent: RotationSchedulerOptions['onEvent']
  /** `undefined`: the machine's. */
  readonly clock: Clock | undefined
  readonly concurrency: number
  readonly rate: TokenBucket | undefined
  readonly timeoutMs: number
  readonly signal: AbortSignalLike | undefined
  readonly unref: boolean
}

const OPTION_NAMES = [
  'rotate',
  'clock',
  'concurrency',
  'rate',
  'retry',
  'timeout',
  'onEvent',
  'signal',
  'unref',
]

const MAX_CONCURRENCY = 10_000

/** @throws `TypeError`, `RangeError`. */
export function readSchedulerOptions(options: RotationSchedulerOptions): CheckedSchedulerOptions {
  checkOptionNames(options, OPTION_NAMES, 'RotationScheduler')
  const { rotate, retry, onEvent, clock } = options
  if (typeof rotate !== 'function')
    throw new TypeError(`option "rotate" must be a function; got ${typeName(rotate)}`)
  readFunction(retry, 'retry')
  readFunction(onEvent, 'onEvent')
  if (clock !== undefined) readDate(readClock(clock).now(), 'option "clock"')
  return {
    rotate,
    retry,
    onEvent,
    clock,
    concurrency: readCount(options.concurrency ?? 8, 'concurrency', 1, MAX_CONCURRENCY),
    rate: readRate(options.rate, 'rate'),
    timeoutMs: readDuration(options.timeout ?? '5m', 'timeout'),
    signal: readSignal(options.signal),
    unref: readFlag(options.unref, 'unref', true),
  }
}

/** The options of an entry: its end in milliseconds, if given. @throws `TypeError`. */
export function readEntryEnd(options: RotationEntryOptions | undefined, callee: string): number | undefined {
  if (options === undefined) return undefined
  checkOptionNames(options, ['expiresAt'], callee)
  return options.expiresAt === undefined
    ? undefined
    : floorToSecond(readDate(options.expiresAt, 'option "expiresAt"'))
}

/** Milliseconds of a valid Date, not floored: an instant that is too early by a part of a second is too early. @throws `TypeError`. */
export function readDate(value: unknown, what: string): number {
  if (!(value instanceof Date)) throw new TypeError(`${what} must be a Date; got ${typeName(value)}`)
  const time = value.getTime()
  if (Number.isNaN(time)) throw new TypeError(`${what} is an invalid Date (its time is NaN)`)
  return time
}

/** As certificates hold their ends. */
export function floorToSecond(time: number): number {
  return Math.floor(time / 1000) * 1000
}
