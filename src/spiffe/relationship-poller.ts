/**
 * One relationship of a federation client, and its polls.
 *
 * @module
 */

import { MeshPkiError } from '../errors.ts'
import { type AbortSignalLike, orAborted } from '../internal/abort.ts'
import { abortWith } from '../internal/abort-with.ts'
import { type Clock, systemClock } from '../internal/clock.ts'
import { transportError } from './bundle-endpoint.ts'
import type { CheckedRelationship } from './federation-relationship.ts'
import type { BundleUpdate } from './live-bundles.ts'

/** What a poller leaves to its client. */
export interface PollerTasks {
  /**
   * Fetches the bundle and puts it in, unless the signal has aborted by then. Calls `succeeded` before it tells: who
   * is told may ask how it stands.
   */
  fetch(signal: AbortSignal, succeeded: () => void): Promise<BundleUpdate>
  /** Milliseconds until the next poll. */
  delay(): number
  failed(error: MeshPkiError): void
}

/** A poll under way, and how many wait for it. */
interface Pending {
  readonly promise: Promise<BundleUpdate>
  readonly controller: AbortController
  waiting: number
}

/** Polls one relationship, at most once at a time. */
export class RelationshipPoller {
  readonly relationship: CheckedRelationship
  readonly #clock: Clock
  readonly #tasks: PollerTasks
  /** Aborts when the relationship ends: what is under way then counts for nothing. */
  readonly #ended = new AbortController()
  #pending: Pending | undefined
  lastAttempt: Date | undefined
  lastSuccess: Date | undefined
  lastError: MeshPkiError | undefined
  /** While a run waits for it. */
  nextPoll: Date | undefined

  constructor(relationship: CheckedRelationship, clock: Clock, tasks: PollerTasks) {
    this.relationship = relationship
    this.#clock = clock
    this.#tasks = tasks
  }

  /** Ends it, with the reason that whoever waits is given. */
  end(reason: MeshPkiError): void {
    this.#ended.abort(reason)
  }

  /**
   * Polls now, or joins the poll under way. When the last one who waits is stopped, so is the poll.
   *
   * @throws `MeshPkiError` `ERR_FEDERATION_…`; the reason of a signal.
   */
  async poll(stop?: AbortSignalLike): Promise<BundleUpdate> {
    this.#ended.signal.throwIfAborted()
    this.#pending ??= this.#begin()
    const pending = this.#pending
    pending.waiting++
    try {
      return await orAborted(pending.promise, stop)
    } finally {
      pending.waiting--
      if (pending.waiting === 0 && stop?.aborted === true) {
        // Who comes now must not join what is about to be given up.
        if (this.#pending === pending) this.#pending = undefined
        pending.controller.abort(stop.reason)
      }
    }
  }

  /** Polls when it is due, until the signal aborts or the relationship ends. */
  async pollUntil(stopped: AbortSignalLike): Promise<void> {
    // The timer of a sleep keeps a process alive: it must end with whatever comes first.
    const { controller, release } = abortWith([stopped, this.#ended.signal])
    const { signal } = controller
    try {
      while (!signal.aborted) {
        // The failure is kept, and was told.
        await this.poll(signal).catch(() => {})
        if (signal.aborted) return
        const delay = this.#tasks.delay()
        this.nextPoll = new Date(this.#clock.now().getTime() + delay)
        await this.#sleep(delay, signal)
      }
    } finally {
      this.nextPoll = undefined
      release()
    }
  }

  /** A clock that cannot wait must not turn the pause between two polls into none. */
  async #sleep(delay: number, signal: AbortSignal): Promise<void> {
    try {
      await this.#clock.sleep(delay, signal)
    } catch {
      if (!signal.aborted) await systemClock.sleep(delay, signal).catch(() => {})
    }
  }

  #begin(): Pending {
    const { controller, release } = abortWith([this.#ended.signal])
    const pending: Pending = {
      controller,
      waiting: 0,
      promise: this.#attempt(controller.signal).finally(() => {
        release()
        if (this.#pending === pending) this.#pending = undefined
      }),
    }
    return pending
  }

  async #attempt(signal: AbortSignal): Promise<BundleUpdate> {
    this.lastAttempt = this.#clock.now()
    try {
      return await this.#tasks.fetch(signal, () => {
        this.lastSuccess = this.#clock.now()
        this.lastError = undefined
      })
    } catch (error) {
      // An end has been told already, and a stop is no failure.
      if (signal.aborted) throw signal.reason
      // What a fetch or dialer of the caller throws is a failure of the transport, whatever it is.
      const failure = error instanceof MeshPkiError ? error : transportError(this.relationship.url, error)
      this.lastError = failure
      this.#tasks.failed(failure)
      throw failure
    }
  }
}
