/**
 * The rows about the scheduler: what an entry costs next to a timer of its own.
 *
 * @module
 */

import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { RotationScheduler } from 'mesh-pki/rotation'
import { row, rowAtMost } from './report.js'

/** Timers of so many cost seconds; entries of so many are what the goal is about. */
const TIMERS = 200_000
const ENTRIES = 1_000_000

/** Instants are spread over half a day. */
const SPAN_MS = 43_200_000

/** Microseconds of processor time for one of many. */
interface Costs {
  readonly add: number
  readonly reschedule: number
}

/** Adding and rescheduling, by a scheduler and by timers, and what a million entries take. */
export async function schedulerRows(rounds: number): Promise<void> {
  const delays = Float64Array.from({ length: ENTRIES }, () => 60_000 + Math.floor(Math.random() * SPAN_MS))
  const add: number[] = []
  const reschedule: number[] = []
  const micros: number[] = []
  // The first round warms up.
  for (let round = 0; round <= rounds; round++) {
    const ours = await scheduled(delays, TIMERS)
    const theirs = timed(delays, TIMERS)
    const million = await scheduled(delays, ENTRIES)
    if (round === 0) continue
    add.push(theirs.add / ours.add)
    reschedule.push(theirs.reschedule / ours.reschedule)
    micros.push(million.add)
  }
  console.log(`\na scheduler of ${ENTRIES} entries, and ${TIMERS} next to as many timers`)
  row('add an entry', middle(add), '× as fast as setTimeout', 10)
  row('reschedule an entry', middle(reschedule), '× as fast as a new timer', 5)
  rowAtMost('add an entry to a million', middle(micros), 'µs', 0.5)
  rowAtMost('memory of an entry', await bytesPerEntry(delays), 'bytes', 24)
}

async function scheduled(delays: Float64Array, count: number): Promise<Costs> {
  const scheduler = new RotationScheduler({ rotate: () => undefined })
  const handles = new Float64Array(count)
  const now = Date.now()
  const add = cost(count, (i) => {
    handles[i] = scheduler.add(new Date(now + (delays[i] ?? 0)))
  })
  const reschedule = cost(count, (i) => {
    scheduler.reschedule(handles[i] ?? 0, new Date(now + (delays[count - 1 - i] ?? 0)))
  })
  await scheduler.close()
  return { add, reschedule }
}

function timed(delays: Float64Array, count: number): Costs {
  const timers: ReturnType<typeof setTimeout>[] = []
  const nothing = (): void => undefined
  const add = cost(count, (i) => {
    timers.push(setTimeout(nothing, delays[i]))
  })
  const reschedule = cost(count, (i) => {
    clearTimeout(timers[i])
    timers[i] = setTimeout(nothing, delays[count - 1 - i])
  })
  for (const timer of timers) clearTimeout(timer)
  return { add, reschedule }
}

function cost(count: number, run: (index: number) => void): number {
  const before = process.cpuUsage()
  for (let i = 0; i < count; i++) run(i)
  const { user, system } = process.cpuUsage(before)
  return (user + system) / count
}

/** What the process has more than before, once what is not used has been collected. */
async function bytesPerEntry(delays: Float64Array): Promise<number> {
  setFlagsFromString('--expose-gc')
  const collect: unknown = runInNewContext('gc')
  const used = async (): Promise<number> => {
    for (let turn = 0; turn < 3; turn++) {
      if (typeof collect === 'function') collect()
      await new Promise((resolve) => setImmediate(resolve))
    }
    const { heapUsed, arrayBuffers } = process.memoryUsage()
    return heapUsed + arrayBuffers
  }
  const before = await used()
  const scheduler = new RotationScheduler({ rotate: () => undefined })
  const now = Date.now()
  for (const delay of delays) {
    const dueAt = now + delay
    scheduler.add(new Date(dueAt), { expiresAt: new Date(dueAt + SPAN_MS) })
  }
  const after = await used()
  const bytes = (after - before) / scheduler.size
  await scheduler.close()
  return bytes
}

function middle(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0
}
