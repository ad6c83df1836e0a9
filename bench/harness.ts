/**
 * Compares jobs by ratio: all cases of a comparison run in one process, in shuffled order in every round,
 * on the CPU clock. Absolute times of a shared machine say little; ratios within a round hold.
 *
 * @module
 */

/** One way to do a job. */
export interface Case {
  readonly name: string
  run(): unknown
}

/** Median cost of each case and median ratio of each case to the first. */
export interface Comparison {
  readonly micros: ReadonlyMap<string, number>
  /** How many times as long as the first case. */
  readonly ratios: ReadonlyMap<string, number>
}

/** Within the 50 to 220 ms in which neither start-up nor a change of the machine's speed decides. */
const SLICE_MICROS = 150_000

/** Before the first round, so that every case runs as compiled code. A service that issues is never cold. */
const WARM_UP_MICROS = 2_000_000

/** What is counted: the time of all threads, or the time that passes, which is what concurrency shortens. */
export type BenchClock = 'cpu' | 'wall'

/** Runs a comparison over `rounds` rounds, after warming up. */
export async function compare(
  cases: readonly Case[],
  rounds: number,
  clock: BenchClock = 'cpu',
): Promise<Comparison> {
  const counts = new Map<Case, number>()
  for (const item of cases) {
    const count = await calibrate(item, clock)
    const warm = Math.ceil((count * WARM_UP_MICROS) / SLICE_MICROS)
    await cost(item, warm, clock)
    counts.set(item, count)
  }
  const micros = new Map<string, number[]>()
  const ratios = new Map<string, number[]>()
  for (let round = 0; round < rounds; round++) {
    const costs = new Map<string, number>()
    for (const item of shuffle(cases)) costs.set(item.name, await cost(item, counts.get(item) ?? 1, clock))
    const base = costs.get(cases[0]?.name ?? '') ?? 1
    for (const [name, value] of costs) {
      push(micros, name, value)
      push(ratios, name, value / base)
    }
  }
  return { micros: medians(micros), ratios: medians(ratios) }
}

async function calibrate(item: Case, clock: BenchClock): Promise<number> {
  let count = 1
  for (;;) {
    const total = (await cost(item, count, clock)) * count
    if (total > SLICE_MICROS / 4 || count > 1_000_000)
      return Math.max(1, Math.round((count * SLICE_MICROS) / Math.max(total, 1)))
    count *= 4
  }
}

/** Microseconds of one run: of all threads of the process, or passed. */
async function cost(item: Case, count: number, clock: BenchClock): Promise<number> {
  const cpu = process.cpuUsage()
  const wall = performance.now()
  for (let i = 0; i < count; i++) {
    const result = item.run()
    if (result instanceof Promise) await result
  }
  if (clock === 'wall') return ((performance.now() - wall) * 1000) / count
  const { user, system } = process.cpuUsage(cpu)
  return (user + system) / count
}

function shuffle<T>(items: readonly T[]): T[] {
  const shuffled = [...items]
  for (let i = shuffled.length - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1))
    const a = shuffled[i]
    const b = shuffled[j]
    if (a !== undefined && b !== undefined) {
      shuffled[i] = b
      shuffled[j] = a
    }
  }
  return shuffled
}

function push(map: Map<string, number[]>, key: string, value: number): void {
  const values = map.get(key)
  if (values === undefined) map.set(key, [value])
  else values.push(value)
}

function medians(map: ReadonlyMap<string, readonly number[]>): ReadonlyMap<string, number> {
  return new Map([...map].map(([key, values]) => [key, median(values)]))
}

/** The middle of some numbers. */
function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? 0)
    : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2
}
