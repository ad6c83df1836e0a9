/**
 * Which certificate each holder used when.
 *
 * @module
 */

import { ShareTrack } from './share-track.ts'
import { MOST, type TimelineBar, type TimelineLane, type TimelineMark } from './timeline.ts'

/** A certificate in use. */
interface Use {
  readonly holder: string
  readonly certificate: string
  readonly authority: number
  readonly from: number
  to: number
  /** Whether it was in use to the end. */
  open: boolean
}

/** Keeps the uses of holders. Call in the order of time. */
export class HolderTrack {
  readonly #uses: Use[] = []
  readonly #current = new Map<string, Use>()
  readonly #byHolder = new Map<string, Use[]>()
  readonly #failures = new Map<string, TimelineMark[]>()

  get size(): number {
    return this.#byHolder.size
  }

  /** A holder uses this certificate and no other from now on. */
  present(holder: string, certificate: string, authority: number, at: number): void {
    this.#close(holder, at)
    const use: Use = { holder, certificate, authority, from: at, to: at, open: true }
    this.#current.set(holder, use)
    this.#uses.push(use)
    const own = this.#byHolder.get(holder)
    if (own === undefined) this.#byHolder.set(holder, [use])
    else own.push(use)
  }

  /** A holder uses this certificate no longer. */
  withdraw(holder: string, certificate: string, at: number): void {
    if (this.#current.get(holder)?.certificate === certificate) this.#close(holder, at)
  }

  /** A handshake of a holder failed. */
  fail(holder: string, mark: TimelineMark): void {
    const marks = this.#failures.get(holder)
    if (marks === undefined) this.#failures.set(holder, [mark])
    else marks.push(mark)
  }

  /** The trace is over. */
  end(at: number): void {
    for (const use of this.#current.values()) use.to = at
  }

  /** All uses. */
  uses(): readonly Readonly<Use>[] {
    return this.#uses
  }

  /** A lane for each holder, those with failures first of all; what is too many, together. */
  lanes(ids: readonly string[], to: number, notes: string[]): readonly TimelineLane[] {
    const holders = [...this.#byHolder.keys()]
    const failing = holders.filter((holder) => this.#failures.has(holder))
    const others = holders.filter((holder) => !this.#failures.has(holder))
    const shown = new Set([...failing, ...others].slice(0, MOST.holders))
    const rest = holders.filter((holder) => !shown.has(holder))
    const lanes: TimelineLane[] = holders
      .filter((holder) => shown.has(holder))
      .map((label) => {
        const marks = this.#failures.get(label)
        const bars = barsOf(this.#byHolder.get(label) ?? [])
        return { label, bars, ...(marks === undefined ? {} : { marks }) }
      })
    if (rest.length === 0) return lanes
    notes.push(`${rest.length} of ${holders.length} holders are drawn together`)
    return [...lanes, ...this.#together(rest, ids, to)]
  }

  #close(holder: string, at: number): void {
    const use = this.#current.get(holder)
    if (use === undefined) return
    use.to = at
    use.open = false
    this.#current.delete(holder)
  }

  #together(rest: readonly string[], ids: readonly string[], to: number): readonly TimelineLane[] {
    const own = new Set(rest)
    const changes: {
      readonly at: number
      readonly holder: string
      readonly authorities: readonly number[]
    }[] = []
    for (const { holder, authority, from, to: until, open } of this.#uses) {
      if (!own.has(holder)) continue
      changes.push({ at: from, holder, authorities: [authority] })
      if (!open) changes.push({ at: until, holder, authorities: [] })
    }
    // What ends as the next begins stands before it, and the order of equals is kept.
    changes.sort((a, b) => a.at - b.at)
    const track = new ShareTrack()
    for (const { at, holder, authorities } of changes) track.set(holder, authorities, at)
    return [...track.end(to)]
      .sort(([a], [b]) => a - b)
      .map(([authority, bars]) => ({ label: `${rest.length} more`, tag: ids[authority] ?? '?', bars }))
  }
}

/** Certificates that follow each other under one authority are one bar with cuts. */
function barsOf(uses: readonly Use[]): readonly TimelineBar[] {
  const bars: (TimelineBar & { cuts: number[] })[] = []
  for (const { authority, from, to } of uses) {
    const last = bars.at(-1)
    if (last?.authority === authority && last.to === from) {
      if (last.cuts.length < MOST.cuts) last.cuts.push(from)
      bars[bars.length - 1] = { ...last, to }
    } else bars.push({ from, to, authority, shape: 'full', cuts: [] })
  }
  return bars
}
