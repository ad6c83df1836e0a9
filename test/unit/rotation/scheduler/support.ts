/**
 * A clock for schedules of months: as the manual one, with a short turn of the event loop, and counting its sleepers.
 */
import type { AbortSignalLike } from '../../../../src/internal/abort.ts'
import type { Clock } from '../../../../src/internal/clock.ts'
import type { RotationEvent } from '../../../../src/rotation/scheduler/rotation-event.ts'
import { RotationScheduler } from '../../../../src/rotation/scheduler/rotation-scheduler.ts'
import type { RotationSchedulerOptions } from '../../../../src/rotation/scheduler/scheduler-options.ts'

export const SECOND = 1000
export const MINUTE = 60 * SECOND
export const HOUR = 60 * MINUTE
export const DAY = 24 * HOUR
export const START = Date.parse('2026-01-01T00:00:00Z')

export const at = (afterStart: number): Date => new Date(START + afterStart)

/** What was woken, and what that starts, has had its turn. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 2; turn++) await new Promise((resolve) => setImmediate(resolve))
}

export class CountingClock implements Clock {
  time = START
  /** The most that ever slept at the same time, and how many sleeps began. */
  most = 0
  sleeps = 0
  readonly #sleepers = new Set<{ readonly due: number; wake(): void }>()

  get sleepers(): number {
    return this.#sleepers.size
  }

  now(): Date {
    return new Date(this.time)
  }

  sleep(milliseconds: number, signal?: AbortSignalLike): Promise<void> {
    this.sleeps++
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        this.#sleepers.delete(sleeper)
        signal?.removeEventListener('abort', onAbort)
      }
      const onAbort = (): void => {
        leave()
        reject(signal?.reason)
      }
      const sleeper = {
        due: this.time + milliseconds,
        wake: () => {
          leave()
          resolve()
        },
      }
      this.#sleepers.add(sleeper)
      this.most = Math.max(this.most, this.#sleepers.size)
      signal?.addEventListener('abort', onAbort)
    })
  }

  /** Jumps to an instant, as a machine that slept or whose clock is set. */
  async jumpTo(time: number): Promise<void> {
    this.time = time
    for (const sleeper of [...this.#sleepers]) if (sleeper.due <= time) sleeper.wake()
    await settle()
  }

  /** Passes time, from the end of one sleep to that of the next. */
  async pass(milliseconds: number): Promise<void> {
    const end = this.time + milliseconds
    await settle()
    for (;;) {
      const next = Math.min(...[...this.#sleepers].map(({ due }) => due))
      if (next > end) break
      await this.jumpTo(Math.max(this.time, next))
    }
    await this.jumpTo(end)
  }
}

/** A scheduler by a clock, and what it told. */
export function schedule(options: Partial<RotationSchedulerOptions> = {}): {
  readonly clock: CountingClock
  readonly scheduler: RotationScheduler
  readonly events: RotationEvent[]
  /** Told events of a type, as seconds after the start. */
  times(type: RotationEvent['type']): readonly number[]
} {
  const clock = new CountingClock()
  const events: RotationEvent[] = []
  const scheduler = new RotationScheduler({
    rotate: () => undefined,
    clock,
    onEvent: (event) => events.push(event),
    ...options,
  })
  return {
    clock,
    scheduler,
    events,
    times: (type) =>
      events.filter((event) => event.type === type).map((event) => (event.at.getTime() - START) / SECOND),
  }
}

/** A promise that is settled from outside. */
export function deferred<T>(): {
  readonly promise: Promise<T>
  resolve(value: T): void
  reject(error: unknown): void
} {
  let resolve: (value: T) => void = () => {}
  let reject: (error: unknown) => void = () => {}
  const promise = new Promise<T>((yes, no) => {
    resolve = yes
    reject = no
  })
  return { promise, resolve, reject }
}
