/**
 * Where the state of a rollover is kept.
 *
 * @module
 */

/** A text and the version under which the journal has it. */
export interface JournalRecord {
  /** Whatever tells two writes apart: a resource version, an ETag, a counter. */
  readonly version: string
  readonly text: string
}

/**
 * Keeps the state of one rollover, shared by all who may drive it: a file, a row, an object of Kubernetes.
 *
 * **Warning**: a write that was answered with `true` must be durable. One that is lost afterwards is found out, by what
 * members report, and costs time; it does not cost a handshake.
 */
export interface RolloverJournal {
  /** What it has; `undefined` where nobody has written yet. */
  read(): Promise<JournalRecord | undefined>
  /**
   * Replaces the text of a version, `undefined` for none, by the next, in one step. Answers `false`, and changes
   * nothing, where the version is no longer that.
   */
  replace(version: string | undefined, text: string): Promise<boolean>
}

/**
 * A journal in memory, for tests and simulations.
 *
 * **Warning**: it is gone with the process, and with it what a rollover has waited for.
 *
 * @example
 * ```ts
 * import { memoryJournal } from 'mesh-pki/rotation'
 *
 * const journal = memoryJournal()
 * await journal.replace(undefined, '{}') // true
 * await journal.replace(undefined, '{}') // false: somebody has written
 * ```
 */
export function memoryJournal(): RolloverJournal {
  let held: JournalRecord | undefined
  let writes = 0
  return {
    async read() {
      return held
    },
    async replace(version, text) {
      if (held?.version !== version) return false
      held = { version: String(++writes), text }
      return true
    },
  }
}
