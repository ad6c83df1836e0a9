/**
 * Watches of the in-memory API server. Each goes through the store's history by itself, so that none has a queue.
 *
 * @module
 */

import type { AbortSignalLike } from '../../internal/abort.ts'
import { apiVersionOf } from '../api/kube-resource.ts'
import type { KubeWatchEvent } from '../api/kube-transport.ts'
import { expired } from './api-refusal.ts'
import { type FakeKind, tableOf } from './fake-kind.ts'
import { CompactedError, type ObjectStore, type StoreEvent } from './object-store.ts'
import { shown } from './reads.ts'
import type { Selector } from './selectors.ts'
import type { StoredObject } from './stored-object.ts'

/** What becomes of one event on its way. */
export type EventFate = 'deliver' | 'drop' | 'duplicate' | 'hold'

/** What a watch asks the hub. */
export interface WatchSource {
  readonly store: ObjectStore
  /** How far the copy goes that watches are served from. */
  readonly copied: number
  fateOf(kind: FakeKind, event: KubeWatchEvent): EventFate
}

/** What one watch shows. */
export interface WatchPlan {
  readonly kind: FakeKind
  readonly matches: Selector
  /** Where it begins; `undefined`: with all that there is. */
  readonly from: number | undefined
  readonly bookmarks: boolean
}

/** One open watch. */
export class FakeWatch {
  readonly #source: WatchSource
  readonly #plan: WatchPlan
  /** What was found and is to be given out. */
  #ready: KubeWatchEvent[] = []
  #held: KubeWatchEvent[] = []
  #position: number
  #wake: (() => void) | undefined
  #end: { readonly error: Error | undefined } | undefined
  #isSilent: boolean
  #wantsBookmark = false

  constructor(source: WatchSource, plan: WatchPlan, isSilent: boolean) {
    this.#source = source
    this.#plan = plan
    this.#isSilent = isSilent
    this.#position = plan.from ?? source.copied
    if (plan.from === undefined) this.#ready = this.#initial()
  }

  /** Ends it: cleanly, or with the failure of its connection. */
  end(error?: Error): void {
    this.#end ??= { error }
    this.wake()
  }

  /** Nothing more comes through, though it stays open. */
  silence(): void {
    this.#isSilent = true
  }

  /** Sends a bookmark after what is there. */
  bookmark(): void {
    this.#wantsBookmark = this.#plan.bookmarks
    this.wake()
  }

  /** Gives out what was held back. */
  release(): void {
    this.#ready.push(...this.#held)
    this.#held = []
    this.wake()
  }

  wake(): void {
    this.#wake?.()
  }

  /** The next event; `undefined` at the end. @throws what the connection broke with. */
  async next(signal: AbortSignalLike): Promise<KubeWatchEvent | undefined> {
    for (;;) {
      if (signal.aborted) return undefined
      if (!this.#isSilent) {
        const event = this.#end?.error === undefined ? this.#take() : undefined
        if (event !== undefined) return event
      }
      if (this.#end?.error !== undefined) throw this.#end.error
      if (this.#end !== undefined && !this.#isSilent) return undefined
      await this.#sleep(signal)
    }
  }

  #take(): KubeWatchEvent | undefined {
    const ready = this.#ready.shift() ?? this.#scan()
    if (ready !== undefined) return ready
    if (!this.#wantsBookmark) return undefined
    this.#wantsBookmark = false
    const { kind } = this.#plan
    return {
      type: 'BOOKMARK',
      object: {
        kind: kind.resource.kind,
        apiVersion: apiVersionOf(kind.resource),
        metadata: {
          resourceVersion: String(Math.max(this.#position, this.#source.copied)),
          creationTimestamp: null,
        },
      },
    }
  }

  /** Goes on in the history to the next event that is to be given out. */
  #scan(): KubeWatchEvent | undefined {
    const { store, copied } = this.#source
    for (;;) {
      let change: StoreEvent | undefined
      try {
        change = store.next(this.#position, copied)
      } catch (error) {
        if (!(error instanceof CompactedError)) throw error
        this.#end ??= { error: undefined }
        const { body } = expired(`too old resource version: ${this.#position} (${store.compacted})`)
        this.#position = Number.MAX_SAFE_INTEGER
        return { type: 'ERROR', object: body }
      }
      if (change === undefined) return undefined
      this.#position = change.version
      const event = this.#eventOf(change)
      if (event === undefined) continue
      const fate = this.#source.fateOf(this.#plan.kind, event)
      if (fate === 'hold') this.#held.push(event)
      if (fate === 'duplicate') this.#ready.push(event)
      if (fate === 'deliver' || fate === 'duplicate') return event
    }
  }

  /** What a change is to those who select: what begins to match is added, what no longer does is deleted. */
  #eventOf(change: StoreEvent): KubeWatchEvent | undefined {
    const { kind, matches } = this.#plan
    if (change.table !== tableOf(kind.resource)) return undefined
    const did = change.before !== undefined && matches(change.before)
    const does = change.type !== 'DELETED' && matches(change.object)
    if (!did && !does) return undefined
    if (does) return { type: did ? 'MODIFIED' : 'ADDED', object: shown(kind, change.object) }
    // As it last matched, with the version of the change.
    const last: StoredObject = change.before ?? change.object
    const metadata = { ...last.metadata, resourceVersion: String(change.version) }
    return { type: 'DELETED', object: shown(kind, { ...last, metadata }) }
  }

  #initial(): KubeWatchEvent[] {
    const { kind, matches } = this.#plan
    return this.#source.store
      .list(tableOf(kind.resource), this.#source.copied)
      .filter(([, object]) => matches(object))
      .map(([, object]) => ({ type: 'ADDED', object: shown(kind, object) }))
  }

  async #sleep(signal: AbortSignalLike): Promise<void> {
    await new Promise<void>((resolve) => {
      const done = (): void => {
        signal.removeEventListener('abort', done)
        this.#wake = undefined
        resolve()
      }
      this.#wake = done
      signal.addEventListener('abort', done)
    })
  }
}

/** The open watches of a server. */
export class WatchHub {
  readonly #open = new Set<FakeWatch>()
  /** Whether new watches are silent. */
  isSilent = false

  /** How many are open. */
  get size(): number {
    return this.#open.size
  }

  open(source: WatchSource, plan: WatchPlan): FakeWatch {
    const watch = new FakeWatch(source, plan, this.isSilent)
    this.#open.add(watch)
    return watch
  }

  close(watch: FakeWatch): void {
    this.#open.delete(watch)
  }

  /** Does something to all that are open. */
  each(act: (watch: FakeWatch) => void): void {
    for (const watch of [...this.#open]) act(watch)
  }
}
