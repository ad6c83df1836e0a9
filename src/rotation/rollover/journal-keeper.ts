/**
 * Reads and writes the state in a journal, by compare-and-swap.
 *
 * @module
 */

import { MeshPkiError } from '../../errors.ts'
import { typeName } from '../../internal/options.ts'
import type { JournalRecord, RolloverJournal } from './rollover-journal.ts'
import type { RolloverState } from './rollover-state.ts'
import { readRolloverState } from './rollover-state-reader.ts'

/** Each lost attempt means that another driver's write was made, so only a crowd uses up so many. */
const ATTEMPTS = 32

/** A state and the version of its text. */
interface Held {
  readonly version: string
  readonly state: RolloverState
}

/** How texts of a journal become states. A simulation reads none that it has written. */
export interface StateTexts {
  read(text: string): RolloverState
  wrote?(text: string, state: RolloverState): void
}

/** The state in a journal. It keeps what it read last, by version, so that a text is parsed once. */
export class JournalKeeper {
  readonly #journal: RolloverJournal
  readonly #texts: StateTexts
  #held: Held | undefined
  #turn: Promise<unknown> = Promise.resolve()
  /** The greatest revision that was ever read or written here. */
  #highest = 0
  #written: { readonly text: string; readonly state: RolloverState } | undefined

  constructor(journal: RolloverJournal, texts: StateTexts = { read: readRolloverState }) {
    this.#journal = journal
    this.#texts = texts
  }

  /** The state. @throws `MeshPkiError` `ERR_ROLLOVER_JOURNAL`, also where nobody has written. */
  async read(): Promise<RolloverState> {
    const held = await this.#load()
    if (held === undefined)
      throw new MeshPkiError(
        'ERR_ROLLOVER_JOURNAL',
        'the journal of the rollover is empty, though it was begun: it was deleted. Restore it, or open the rollover again and let all members report',
      )
    return held.state
  }

  /** The state, or the first one where nobody has written. */
  async begin(first: () => RolloverState): Promise<RolloverState> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const held = await this.#load()
      if (held !== undefined) return held.state
      const state = first()
      if (await this.#write(undefined, state)) return state
    }
    throw conflict()
  }

  /** Changes the state; `change` is called again with the newer one when another was first. */
  change(change: (state: RolloverState) => RolloverState): Promise<RolloverState> {
    // One after the other: what is done in one process at the same time must not look like another driver.
    const done = this.#turn.then(
      () => this.#change(change),
      () => this.#change(change),
    )
    this.#turn = done.catch(() => {})
    return done
  }

  async #change(change: (state: RolloverState) => RolloverState): Promise<RolloverState> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const state = await this.read()
      const version = this.#held?.version
      const next = change(state)
      if (next === state || (await this.#write(version, next))) return next
    }
    throw conflict()
  }

  async #load(): Promise<Held | undefined> {
    const record: unknown = await ask('read', () => this.#journal.read())
    if (record === undefined) {
      this.#held = undefined
      return undefined
    }
    if (!isRecord(record))
      throw new MeshPkiError(
        'ERR_ROLLOVER_JOURNAL',
        `read() of the journal must answer { version, text }, or undefined where nobody has written; got ${typeName(record)}`,
      )
    if (this.#held?.version !== record.version) {
      // What was written here and is still there need not be parsed again.
      const state = record.text === this.#written?.text ? this.#written.state : this.#texts.read(record.text)
      this.#held = { version: record.version, state: this.#noticed(state) }
    }
    return this.#held
  }

  /** A journal that goes back was restored from a backup: what members have decides then. */
  #noticed(state: RolloverState): RolloverState {
    const { revision, recovering, bundle } = state
    if (revision >= this.#highest) {
      this.#highest = revision
      return state
    }
    this.#highest++
    return { ...state, revision: this.#highest, recovering: recovering ?? { at: bundle.at, told: [] } }
  }

  async #write(version: string | undefined, next: RolloverState): Promise<boolean> {
    const text = `${JSON.stringify(next)}\n`
    this.#texts.wrote?.(text, next)
    const written: unknown = await ask('replace', () => this.#journal.replace(version, text))
    if (written === true) {
      this.#written = { text, state: next }
      this.#highest = Math.max(this.#highest, next.revision)
    }
    if (typeof written === 'boolean') return written
    throw new MeshPkiError(
      'ERR_ROLLOVER_JOURNAL',
      `replace() of the journal must answer true or false; got ${typeName(written)}`,
    )
  }
}

function isRecord(value: unknown): value is JournalRecord {
  return (
    typeof value === 'object' &&
    value !== null &&
    'version' in value &&
    typeof value.version === 'string' &&
    'text' in value &&
    typeof value.text === 'string'
  )
}

async function ask<T>(method: 'read' | 'replace', call: () => Promise<T>): Promise<T> {
  try {
    return await call()
  } catch (cause) {
    if (cause instanceof MeshPkiError) throw cause
    throw new MeshPkiError(
      'ERR_ROLLOVER_JOURNAL',
      method === 'read'
        ? 'the journal of the rollover cannot be read, so nothing was done; its own error is the cause'
        : 'the journal of the rollover failed to write, and whether it did is not known; its own error is the cause. Call again: every step is read from the journal first',
      { cause },
    )
  }
}

const conflict = (): MeshPkiError =>
  new MeshPkiError(
    'ERR_ROLLOVER_CONFLICT',
    `the journal of the rollover: another driver was first ${ATTEMPTS} times in a row, so nothing was changed. Call again; or let fewer drive at the same time`,
    { data: { attempts: ATTEMPTS } },
  )
