/**
 * Shares the machine among operations that run at the same time.
 *
 * One operation at a time runs at once: the way through the thread pool costs more than a short signature.
 * From four on they go to the thread pool, sixteen at most, so that all cores work and the pool stays usable
 * for others. The rest wait in order. After four milliseconds of work without a pause the event loop gets its
 * turn.
 *
 * @module
 */

/** From so many operations at the same time the thread pool wins (measured on two cores: four to eight). */
const POOL_FROM = 4

/** Operations in the thread pool. More add nothing on its four threads and make the event loop wait. */
const WINDOW = 16

/** Work without a pause, in milliseconds. A tenth of what a person notices, and a quarter of the bound of 15 ms. */
const SLICE_MS = 4

/** Served places that may stand before those who wait. */
const COMPACT_FROM = 1024

/** Admits operations; one for each object that callers own and share. */
export class AdaptiveWindow {
  #active = 0
  #waiting: (() => void)[] = []
  /** How many at the beginning of {@link #waiting} have had their turn. */
  #head = 0
  #busyMs = 0
  #pausing = false

  /**
   * Runs an operation in its turn. It may ask at each step whether so many run or wait that the thread pool is
   * the faster way.
   */
  async run<T>(operation: (isCrowded: () => boolean) => Promise<T>): Promise<T> {
    // Also where nobody waits, others may begin before this one does: only then is it known how many there are.
    await this.#enter()
    const started = performance.now()
    let pooled = false
    try {
      return await operation(() => {
        const crowded = this.#isCrowded
        pooled ||= crowded
        return crowded
      })
    } finally {
      this.#active--
      // What ran in the thread pool kept nobody waiting.
      if (!pooled) this.#busyMs += performance.now() - started
      this.#admit()
    }
  }

  get #isCrowded(): boolean {
    return this.#active + this.#waiting.length - this.#head >= POOL_FROM
  }

  #enter(): Promise<void> | undefined {
    if (this.#active < WINDOW && this.#waiting.length === this.#head && !this.#mustPause()) {
      this.#active++
      return undefined
    }
    return new Promise((resolve) => {
      this.#waiting.push(resolve)
      this.#admit()
    })
  }

  #mustPause(): boolean {
    if (this.#busyMs < SLICE_MS) return false
    if (!this.#pausing) {
      this.#pausing = true
      afterOthers(() => {
        this.#pausing = false
        this.#busyMs = 0
        this.#admit()
      })
    }
    return true
  }

  #admit(): void {
    while (this.#head < this.#waiting.length && this.#active < WINDOW && !this.#mustPause()) {
      const next = this.#waiting[this.#head]
      this.#head++
      this.#active++
      next?.()
    }
    if (this.#head > COMPACT_FROM || this.#head === this.#waiting.length) {
      this.#waiting = this.#waiting.slice(this.#head)
      this.#head = 0
    }
  }
}

/** Runs a function after what else the event loop has to do. */
function afterOthers(run: () => void): void {
  const { MessageChannel, setImmediate, setTimeout } = globalThis as EventLoop
  if (setImmediate !== undefined && isGenuine(setImmediate)) setImmediate(run)
  else if (MessageChannel !== undefined) {
    const { port1, port2 } = new MessageChannel()
    port1.onmessage = () => {
      port1.close()
      run()
    }
    port2.postMessage(undefined)
  } else if (setTimeout !== undefined) setTimeout(run, 0)
  else run()
}

/** Fake timers of tests never call back by themselves. Those of sinon bear a clock, those of node:test another name. */
function isGenuine(setImmediate: (callback: () => void) => unknown): boolean {
  return setImmediate.name === 'setImmediate' && !('clock' in setImmediate)
}

/** What runtimes have to come back later. */
interface EventLoop {
  readonly MessageChannel?: new () => {
    readonly port1: { onmessage: (() => void) | null; close(): void }
    readonly port2: { postMessage(message: undefined): void }
  }
  readonly setImmediate?: (callback: () => void) => unknown
  readonly setTimeout?: (callback: () => void, ms: number) => unknown
}
