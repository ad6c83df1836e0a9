/**
 * How many of a group have something, over time: verifiers that trust an authority, holders with a certificate under it.
 *
 * @module
 */

import type { TimelineBar } from './timeline.ts'

interface OpenBar {
  readonly from: number
  readonly shape: 'full' | 'some'
}

/** Counts, and keeps bars of all and of some. Call in the order of time. */
export class ShareTrack {
  readonly #has = new Map<string, ReadonlySet<number>>()
  readonly #counts = new Map<number, number>()
  readonly #open = new Map<number, OpenBar>()
  readonly #bars = new Map<number, TimelineBar[]>()

  /** One of the group has these from now on. */
  set(who: string, authorities: readonly number[], at: number): void {
    this.#count(who, -1)
    this.#has.set(who, new Set(authorities))
    this.#count(who, 1)
    this.#draw(at)
  }

  /** One of the group goes. */
  remove(who: string, at: number): void {
    this.#count(who, -1)
    this.#has.delete(who)
    this.#draw(at)
  }

  /** The bars by authority, up to an instant. */
  end(at: number): ReadonlyMap<number, readonly TimelineBar[]> {
    for (const authority of this.#counts.keys()) this.#change(authority, undefined, at)
    return this.#bars
  }

  #count(who: string, by: number): void {
    for (const one of this.#has.get(who) ?? []) this.#counts.set(one, (this.#counts.get(one) ?? 0) + by)
  }

  #draw(at: number): void {
    for (const [authority, count] of this.#counts)
      this.#change(authority, count === 0 ? undefined : count === this.#has.size ? 'full' : 'some', at)
  }

  #change(authority: number, shape: OpenBar['shape'] | undefined, at: number): void {
    const open = this.#open.get(authority)
    if (open?.shape === shape) return
    if (open !== undefined && at > open.from) this.#keep(authority, open, at)
    if (shape === undefined) this.#open.delete(authority)
    else this.#open.set(authority, { from: at, shape })
  }

  #keep(authority: number, { from, shape }: OpenBar, to: number): void {
    const bars = this.#bars.get(authority) ?? []
    const last = bars.at(-1)
    // What was different for no time was not different.
    if (last?.to === from && last.shape === shape) bars[bars.length - 1] = { ...last, to }
    else bars.push({ from, to, authority, shape })
    this.#bars.set(authority, bars)
  }
}
