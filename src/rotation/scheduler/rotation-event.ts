/**
 * What a scheduler tells about its work.
 *
 * @module
 */

/**
 * Why an attempt begins: its instant has come, the one before failed, or {@link RotationScheduler.rotateNow} asked for it.
 */
export type RotationCause = 'due' | 'retry' | 'forced'

/**
 * Something that happened; `at` is when, by the clock of the scheduler. Nothing here holds a secret but `error`, which is
 * what the worker threw: print its `label`, which never quotes a message.
 */
export type RotationEvent =
  /** An entry was added, or has another instant by `reschedule()`. */
  | {
      readonly type: 'planned'
      readonly handle: number
      readonly at: Date
      readonly dueAt: Date
      readonly expiresAt: Date | undefined
    }
  /**
   * An entry has its turn. `at` less `dueAt` is how long it waited: for a worker, for the rate, or for a machine that slept.
   * Told before the first attempt only.
   */
  | { readonly type: 'due'; readonly handle: number; readonly at: Date; readonly dueAt: Date }
  /** The worker is called. */
  | {
      readonly type: 'started'
      readonly handle: number
      readonly at: Date
      readonly dueAt: Date
      /** Counts from 1. */
      readonly attempt: number
      readonly cause: RotationCause
    }
  | {
      readonly type: 'succeeded'
      readonly handle: number
      readonly at: Date
      readonly attempt: number
      /** When it is due next; `undefined`: it is done, and its handle is out of date. */
      readonly dueAt: Date | undefined
      readonly expiresAt: Date | undefined
    }
  /** An attempt failed: the worker threw, took too long, or answered no usable instant. The entry stays. */
  | {
      readonly type: 'failed'
      readonly handle: number
      readonly at: Date
      readonly attempt: number
      readonly error: unknown
      /** The name and the code of the error, nothing else of it. */
      readonly label: string
      readonly retryAt: Date
      readonly expiresAt: Date | undefined
    }
  /** `expiresAt` has passed and no attempt succeeded. Told once; attempts go on. */
  | {
      readonly type: 'expired'
      readonly handle: number
      readonly at: Date
      readonly expiresAt: Date
      /** How many attempts have failed. */
      readonly failures: number
    }
  /** The wall clock and the time that passed differ by more than a second. */
  | {
      readonly type: 'clock-stepped'
      /** What the clock says now. */
      readonly at: Date
      /** Milliseconds: above 0 where it went forward, as after a machine slept; below 0 where it went back. */
      readonly by: number
    }
  /** A forced rotation was asked for. */
  | {
      readonly type: 'forced'
      readonly at: Date
      /** How many entries it is about. */
      readonly count: number
      readonly perSecond: number
      readonly reason: string
    }
