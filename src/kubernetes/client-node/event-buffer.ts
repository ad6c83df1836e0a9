/**
 * Events that somebody pushes, for somebody who pulls.
 *
 * @module
 */

import { MeshPkiError } from '../../errors.ts'
import type { KubeWatchEvent } from '../api/kube-transport.ts'

/** So many events wait at most; who falls further behind has to list again. */
const MAX_WAITING = 4096

/** A queue between a watch that knows no back pressure and its reader. */
export class EventBuffer {
  readonly #waiting: KubeWatchEvent[] = []
  readonly #onOverflow: () => void
  #end: { readonly error: unknown } | undefined
  #wake: (() => void) | undefined

  /** `onOverflow` stops who pushes. */
  constructor(onOverflow: () => void) {
    this.#onOverflow = onOverflow
  }

  push(event: KubeWatchEvent): void {
    if (this.#end !== undefined) return
    if (this.#waiting.length >= MAX_WAITING) {
      this.end(
        new MeshPkiError('ERR_KUBERNETES_EXPIRED', `${MAX_WAITING} events of the watch wait to be read`),
      )
      this.#onOverflow()
      return
    }
    this.#waiting.push(event)
    this.#wake?.()
  }

  /** Nothing follows. What waits is still given out; then `error`, if there is one, is thrown. */
  end(error?: unknown): void {
    this.#end ??= { error }
    this.#wake?.()
  }

  /** Gives up what waits. */
  clear(): void {
    this.#waiting.length = 0
  }

  /** The next event; `undefined` at the end. */
  async next(): Promise<KubeWatchEvent | undefined> {
    for (;;) {
      const event = this.#waiting.shift()
      if (event !== undefined) return event
      if (this.#end !== undefined) {
        if (this.#end.error !== undefined) throw this.#end.error
        return undefined
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
      this.#wake = undefined
    }
  }
}
