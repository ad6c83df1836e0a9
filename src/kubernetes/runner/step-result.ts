/**
 * What a step answers: one reconcile of one object.
 *
 * @module
 */

/** What became of one step. A step that failed throws instead. */
export interface StepResult {
  /** Whether anything was written. */
  readonly changed: boolean
  /** When to take the step again though nothing is seen to change, in milliseconds from now. Left out: not by itself. */
  readonly requeueAfterMs?: number | undefined
  /** What was done or is waited for, in one sentence. */
  readonly message?: string | undefined
}
