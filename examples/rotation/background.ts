/**
 * What goes on beside the story: timers and loops, all of which end with it, and whose first error is told.
 *
 * @module
 */

import { setTimeout as sleep } from 'node:timers/promises'

/** Timers and loops of one mesh. */
export class Background {
  readonly #timers = new Set<NodeJS.Timeout>()
  readonly #running = new Set<Promise<void>>()
  #failure: { readonly error: unknown } | undefined
  #stopped = false

  get stopped(): boolean {
    return this.#stopped
  }

  /** Does something a while later, unless all is over by then. */
  later(milliseconds: number, work: () => void | Promise<void>): void {
    if (this.#stopped) return
    const timer = setTimeout(
      () => {
        this.#timers.delete(timer)
        this.run(async () => work())
      },
      Math.max(0, milliseconds),
    )
    this.#timers.add(timer)
  }

  /** Does something again and again, with a pause after each time. */
  loop(pause: number, work: () => Promise<void>): void {
    this.run(async () => {
      while (!this.#stopped) {
        await work()
        await sleep(pause)
      }
    })
  }

  /** Begins something, and keeps its error. */
  run(work: () => Promise<void>): void {
    const done: Promise<void> = work()
      .catch((error: unknown) => {
        this.#failure ??= { error }
      })
      .finally(() => this.#running.delete(done))
    this.#running.add(done)
  }

  /** @throws the first error of anything that ran. */
  check(): void {
    if (this.#failure !== undefined) throw this.#failure.error
  }

  /** Ends all, and waits for what is under way. */
  async stop(): Promise<void> {
    this.#stopped = true
    for (const timer of this.#timers) clearTimeout(timer)
    while (this.#running.size > 0) await Promise.all(this.#running)
  }
}
