/**
 * The processes that drive a simulated rollover: they take turns, die, and wake up late.
 *
 * @module
 */

import { MeshPkiError } from '../../errors.ts'
import type { DesiredState } from '../rollover/desired-state.ts'
import type { StateTexts } from '../rollover/journal-keeper.ts'
import { Rollover } from '../rollover/rollover.ts'
import { eventsBetween } from '../rollover/rollover-events.ts'
import type { Gate } from '../rollover/rollover-gate.ts'
import { ROLLOVER_GATES } from '../rollover/rollover-gates.ts'
import type { RolloverJournal } from '../rollover/rollover-journal.ts'
import type { RolloverPlan } from '../rollover/rollover-plan.ts'
import { readPlan } from '../rollover/rollover-plan.ts'
import type { RolloverState } from '../rollover/rollover-state.ts'
import { readRolloverState } from '../rollover/rollover-state-reader.ts'
import type { RolloverStatus } from '../rollover/rollover-status.ts'
import type { TraceEvent } from '../trace/trace-event.ts'
import type { Dice } from './dice.ts'

/** A driver died in a write of its journal. */
class DriverCrash extends Error {
  override readonly name = 'DriverCrash'
}

/** Whether a driver did what it was asked to, or will never do it; `false` where it died and may be asked again. */
export async function attempt(work: () => Promise<unknown>): Promise<boolean> {
  try {
    await work()
    return true
  } catch (error) {
    if (error instanceof DriverCrash) return false
    // What is refused for good would be refused again.
    if (error instanceof MeshPkiError)
      return !(error.code === 'ERR_ROLLOVER_JOURNAL' || error.code === 'ERR_ROLLOVER_CONFLICT')
    throw error
  }
}

/** What drivers run on. */
export interface DriversContext {
  readonly dice: Dice
  readonly now: () => number
  readonly tell: (event: TraceEvent) => void
  /** How far the clock of each is off, in milliseconds. */
  readonly skews: readonly number[]
  readonly crashes: number
  readonly gates: readonly Gate[]
  /** Whether the journal compares before it swaps; `false` is a broken one. */
  readonly compares: boolean
  readonly sequence: number
}

interface Snapshot {
  readonly at: number
  readonly text: string
}

/** Some drivers over one journal. */
export class SimulatedDrivers {
  readonly #context: DriversContext
  readonly #drivers: (Rollover | undefined)[]
  readonly #snapshots: Snapshot[] = []
  #plan: RolloverPlan
  #text: string | undefined
  #state: RolloverState | undefined
  #parsed: { readonly text: string; readonly state: RolloverState } | undefined
  #version = 0
  #leader = 0

  constructor(plan: RolloverPlan, context: DriversContext) {
    this.#plan = plan
    this.#context = context
    this.#drivers = context.skews.map(() => undefined)
  }

  /** How far the clock of the one whose turn it is is off. */
  get skew(): number {
    return this.#context.skews[this.#leader] ?? 0
  }

  /** Lets another one have its turn. */
  failOver(): void {
    this.#leader = (this.#leader + 1) % this.#drivers.length
  }

  /** Calls the one whose turn it is; it may die in this. */
  async call<T>(work: (rollover: Rollover) => Promise<T>): Promise<T> {
    return work(await this.#driver(this.#leader))
  }

  /** Lets all advance at the same time. */
  async advanceTogether(): Promise<RolloverStatus> {
    const all = this.#drivers.map(async (_, i) => (await this.#driver(i)).advance())
    const settled = await Promise.allSettled(all)
    const done = settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
    const [first] = done
    if (first !== undefined)
      return done.reduce((best, one) => (one.revision > best.revision ? one : best), first)
    throw new DriverCrash()
  }

  /** What a member shall have, as the journal says. */
  desired(member: string): Promise<DesiredState | undefined> {
    return this.call((rollover) => rollover.desired(member))
  }

  /** The state in the journal. */
  get state(): RolloverState | undefined {
    return this.#state
  }

  /** Follows another plan from now on. */
  follow(plan: RolloverPlan): void {
    this.#plan = plan
    this.#drivers.fill(undefined)
  }

  /** Puts the journal back to what it was at an instant. */
  restore(to: number, restarts?: boolean): boolean {
    const { now, tell, dice } = this.#context
    const snapshot = this.#snapshots.filter(({ at }) => at <= to).at(-1)
    if (snapshot === undefined || snapshot.text === this.#text) return false
    this.#text = snapshot.text
    this.#state = this.#texts.read(snapshot.text)
    this.#version++
    // Where the processes are started anew with it, they remember nothing either.
    if (restarts ?? dice.chance(0.5)) this.#drivers.fill(undefined)
    tell({ type: 'restored', at: now(), what: 'the journal' })
    return true
  }

  async #driver(i: number): Promise<Rollover> {
    const { now, skews, gates, sequence } = this.#context
    const known = this.#drivers[i]
    if (known !== undefined) return known
    const rollover = await Rollover.openWith(
      {
        plan: this.#plan,
        journal: this.#journal(i),
        clock: { now: () => new Date(now() + (skews[i] ?? 0)) },
        sequence,
      },
      { gates, verify: readPlan, texts: this.#texts },
    )
    this.#drivers[i] = rollover
    return rollover
  }

  /** What was written here need not be read: a run has hundreds of writes, each of the whole state. */
  readonly #texts: StateTexts = {
    read: (text) => {
      if (this.#parsed?.text !== text) this.#parsed = { text, state: readRolloverState(text) }
      return this.#parsed.state
    },
    wrote: (text, state) => {
      this.#parsed = { text, state }
    },
  }

  /** The journal as one driver sees it: it may die before or after a write. */
  #journal(i: number): RolloverJournal {
    const { dice, crashes, tell, now, compares } = this.#context
    const crash = (what: string): DriverCrash => {
      this.#drivers[i] = undefined
      tell({ type: 'crashed', at: now(), what: `driver ${i} ${what}` })
      return new DriverCrash(what)
    }
    return {
      read: async () =>
        this.#text === undefined ? undefined : { version: String(this.#version), text: this.#text },
      replace: async (version, text) => {
        if (crashes > 0 && dice.chance(crashes / 2)) throw crash('before a write')
        const held = this.#text === undefined ? undefined : String(this.#version)
        if (compares && held !== version) return false
        const before = this.#state
        this.#text = text
        this.#version++
        this.#state = this.#texts.read(text)
        this.#snapshots.push({ at: now(), text })
        // The journal itself tells, so that nothing is missing where a driver dies behind its write.
        for (const event of eventsBetween(before, this.#state, now())) tell({ ...event, retold: false })
        if (crashes > 0 && dice.chance(crashes / 2)) throw crash('after a write')
        return true
      },
    }
  }
}

/** The gates that ask the clock and nobody else. */
export const TIME_GATES: readonly Gate[] = ROLLOVER_GATES.filter(
  ({ id }) =>
    id === 'staged' ||
    id === 'plan-time' ||
    id === 'bundle-size' ||
    id === 'incoming-valid' ||
    id.endsWith('-time'),
)
