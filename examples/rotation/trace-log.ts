/**
 * Writes down what happens, in the order of time.
 *
 * @module
 */

import type { TraceEvent } from 'mesh-pki/rotation'

/** A trace that grows. */
export class TraceLog {
  readonly events: TraceEvent[] = []
  #last = 0

  /** Now, and never before what was written last. */
  get now(): number {
    return Math.max(this.#last, Date.now())
  }

  /** Appends an event; one that was made a moment before another is told at the time of that. */
  readonly tell = (event: TraceEvent): void => {
    this.#last = Math.max(this.#last, event.at)
    this.events.push({ ...event, at: this.#last })
  }

  /** When an authority first came into a stage. */
  entered(stage: string, authority: string): number | undefined {
    return this.events.find(
      (event) => event.type === 'stage' && event.stage === stage && event.authority === authority,
    )?.at
  }
}
