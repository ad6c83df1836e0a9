/**
 * One call of a worker, and what becomes of its answer.
 *
 * @module
 */

import { orAborted } from '../../internal/abort.ts'
import { formatDuration } from '../../internal/duration.ts'
import { typeName } from '../../internal/options.ts'
import type { RotationCause } from './rotation-event.ts'
import { floorToSecond, type RotationSchedulerOptions, readDate } from './scheduler-options.ts'

/** An attempt under way. */
export interface RunningAttempt {
  readonly handle: number
  readonly attempt: number
  readonly cause: RotationCause
  readonly due: number
  readonly controller: AbortController
  /** When it has taken too long, in time that has passed. */
  readonly deadline: number
  timedOut: boolean
  /** What `reschedule()` said meanwhile: the later word. */
  replanned: number | undefined
  /** Whether `reschedule()` said an end too. */
  endGiven: boolean
  /** A forced rotation that was asked for meanwhile and has come to this entry. */
  after: { release(handle: number): void } | undefined
}

/** What an attempt came to. */
export type AttemptResult =
  | {
      readonly ok: true
      readonly next: { readonly due: number; readonly end: number | undefined } | undefined
    }
  | { readonly ok: false; readonly error: unknown }

/** Answers that lie closer would have an entry rotated for ever. */
const MIN_INTERVAL_MS = 1000

/** Calls the worker, no longer than until the signal of the attempt aborts. Never rejects. */
export async function attemptRotation(
  rotate: RotationSchedulerOptions['rotate'],
  running: RunningAttempt,
  end: number | undefined,
  now: () => number,
): Promise<AttemptResult> {
  const { signal } = running.controller
  try {
    signal.throwIfAborted()
    const told = {
      attempt: running.attempt,
      dueAt: new Date(running.due),
      expiresAt: toDate(end),
      cause: running.cause,
      signal,
    }
    const answer: unknown = await orAborted((async () => rotate(running.handle, told))(), signal)
    return { ok: true, next: answer === undefined ? undefined : readAnswer(answer, now()) }
  } catch (error) {
    return { ok: false, error }
  }
}

/** @throws `TypeError`, `RangeError` for what says no instant, or one that has come already. */
function readAnswer(
  answer: unknown,
  now: number,
): { readonly due: number; readonly end: number | undefined } {
  const { dueAt, expiresAt } = typeof answer === 'object' && answer !== null ? partsOf(answer) : {}
  if (dueAt === undefined)
    throw new TypeError(
      `rotate() must answer the next instant as a Date, or { dueAt, expiresAt }, or undefined where the entry is done; got ${typeName(answer)}`,
    )
  const due = readDate(dueAt, 'the instant that rotate() answered')
  const end =
    expiresAt === undefined
      ? undefined
      : floorToSecond(readDate(expiresAt, 'the expiresAt that rotate() answered'))
  if (due < now + MIN_INTERVAL_MS)
    throw new RangeError(
      `rotate() answered ${new Date(due).toISOString()} as the next instant, and it is ${new Date(now).toISOString()} now: what is due as soon as it is renewed would be renewed for ever. Renew later in its life, or ask for a longer one`,
    )
  return { due, end }
}

function partsOf(answer: object): { readonly dueAt?: unknown; readonly expiresAt?: unknown } {
  return answer instanceof Date ? { dueAt: answer } : answer
}

/** What an attempt is given up with. */
export function timeoutError(milliseconds: number): Error {
  const error = new Error(
    `rotate() took longer than ${formatDuration(milliseconds)}, the option "timeout". Its answer is not waited for; let it obey its signal`,
  )
  error.name = 'TimeoutError'
  return error
}

/** An instant in milliseconds as a Date. */
export function toDate(time: number): Date
export function toDate(time: number | undefined): Date | undefined
export function toDate(time: number | undefined): Date | undefined {
  return time === undefined ? undefined : new Date(time)
}
