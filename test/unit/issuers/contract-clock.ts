/**
 * A clock for calls to real peers: the time is the machine's, the pauses are short, and a call's time is over when a test says so.
 */
import type { Clock } from '../../../src/index.ts'
import { pause } from '../../support/until.ts'

/** How long a call may take by this clock, as an option and in milliseconds. No pause may be as long. */
export const CALL_TIMEOUT = '30s'
const CALL_MS = 30_000

/** What counts as hanging, where the provider cannot say. */
const HUNG_MS = 60

/** A clock whose sleepers of {@link CALL_MS} sleep until `giveUp`. */
export interface ContractClock extends Clock {
  /** From now on the time of a call is over as soon as it hangs. */
  giveUp(): void
  /** Fulfilled when a call hangs. */
  hung(): Promise<void>
}

/** @param hung fulfilled when a call hangs; `undefined` where nobody can say */
export function contractClock(hung: () => Promise<void> | undefined): ContractClock {
  let wake: () => void = () => {}
  const givenUp = new Promise<void>((resolve) => {
    wake = resolve
  })
  const hanging = async (): Promise<void> => {
    await (hung() ?? pause(HUNG_MS))
  }
  return {
    now: () => new Date(),
    giveUp: () => wake(),
    hung: hanging,
    sleep: async (milliseconds, signal) => {
      const over =
        milliseconds === CALL_MS
          ? givenUp.then(hanging).then(() => pause(HUNG_MS))
          : pause(Math.min(milliseconds, 2))
      let onAbort = (): void => {}
      const aborted = new Promise<never>((_resolve, reject) => {
        onAbort = () => reject(signal?.reason)
        if (signal?.aborted === true) onAbort()
        else signal?.addEventListener('abort', onAbort)
      })
      try {
        await Promise.race([over, aborted])
      } finally {
        signal?.removeEventListener('abort', onAbort)
      }
    },
  }
}
