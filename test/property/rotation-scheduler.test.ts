/**
 * The scheduler against a list that is searched at every step: never lost, never early, never twice, whatever the clock
 * and the workers do.
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { RotationScheduler } from '../../src/rotation/scheduler/rotation-scheduler.ts'
import type { RotationAnswer } from '../../src/rotation/scheduler/scheduler-options.ts'
import { expectNothingUnhandled } from '../support/unhandled.ts'
import {
  CountingClock,
  DAY,
  HOUR,
  MINUTE,
  SECOND,
  START,
  settle,
} from '../unit/rotation/scheduler/support.ts'

expectNothingUnhandled()

/** What a worker does with an entry, one after the other and from the start again. */
type Deed =
  | { readonly does: 'renews'; readonly next: number; readonly end: number | undefined }
  | { readonly does: 'ends' }
  | { readonly does: 'throws' }
  | { readonly does: 'rejects' }
  | { readonly does: 'answers nonsense' }

function perform(deed: Deed, now: number): RotationAnswer | Promise<RotationAnswer> {
  if (deed.does === 'throws') throw new Error('scripted')
  if (deed.does === 'rejects') return Promise.reject(new Error('scripted'))
  if (deed.does === 'answers nonsense') return new Date(Number.NaN)
  if (deed.does === 'ends') return undefined
  const dueAt = new Date(now + deed.next)
  return deed.end === undefined ? dueAt : { dueAt, expiresAt: new Date(now + deed.end) }
}

interface Entry {
  due: number
  end: number | undefined
  told: boolean
  failures: number
  runs: number
  readonly script: readonly Deed[]
}

/** The list. Workers answer at once, so that at any time all that is due has been done. */
class Model {
  readonly entries = new Map<number, Entry>()
  readonly log: string[] = []
  now = START

  get earliest(): number {
    return Math.min(...[...this.entries.values()].map(turnOf))
  }

  /** Passes time to an instant, from one turn to the next; or jumps there, and everything happens at once. */
  moveTo(instant: number, jumps: boolean): void {
    if (jumps) this.now = instant
    for (;;) {
      const [next] = [...this.entries].sort(([, a], [, b]) => turnOf(a) - turnOf(b))
      if (next === undefined || turnOf(next[1]) > instant) break
      const [handle, entry] = next
      this.now = Math.max(this.now, turnOf(entry))
      this.tell(handle, entry)
      if (entry.due <= this.now) this.attempt(handle, entry, false)
    }
    this.now = instant
  }

  tell(handle: number, entry: Entry): void {
    if (entry.told || entry.end === undefined || entry.end > this.now) return
    entry.told = true
    this.log.push(`${this.now} expired ${handle}`)
  }

  attempt(handle: number, entry: Entry, forced: boolean): void {
    const { now } = this
    this.tell(handle, entry)
    this.log.push(`${now} attempt ${entry.failures + 1} of ${handle}, due ${entry.due}`)
    const deed = deedOf(entry.script, entry.runs++)
    if (deed.does === 'ends') this.entries.delete(handle)
    else if (deed.does === 'renews') {
      entry.due = now + deed.next
      const end = deed.end === undefined ? undefined : Math.floor((now + deed.end) / SECOND) * SECOND
      entry.told &&= end !== undefined && end === entry.end
      entry.end = end
      entry.failures = 0
    } else {
      entry.failures++
      const wait =
        entry.end === undefined
          ? Math.min(HOUR, MINUTE * 2 ** (entry.failures - 1))
          : Math.min(DAY, Math.max(MINUTE, Math.ceil((entry.end - now) * 0.7)))
      entry.due = forced && entry.due > now ? Math.min(entry.due, now + wait) : now + wait
    }
  }
}

const turnOf = ({ due, end, told }: Entry): number => (end === undefined || told ? due : Math.min(due, end))

const deedOf = (script: readonly Deed[], run: number): Deed => script[run % script.length] ?? { does: 'ends' }

class Real {
  readonly clock = new CountingClock()
  readonly log: string[] = []
  readonly handles: number[] = []
  readonly scripts = new Map<number, readonly Deed[]>()
  readonly runs = new Map<number, number>()
  readonly scheduler = new RotationScheduler({
    clock: this.clock,
    rotate: (handle) => {
      const run = this.runs.get(handle) ?? 0
      this.runs.set(handle, run + 1)
      return perform(deedOf(this.scripts.get(handle) ?? [], run), this.clock.time)
    },
    onEvent: (event) => {
      const now = this.clock.time
      if (event.type === 'expired') this.log.push(`${now} expired ${event.handle}`)
      if (event.type === 'started')
        this.log.push(`${now} attempt ${event.attempt} of ${event.handle}, due ${event.dueAt.getTime()}`)
    },
  })

  pick(one: number): number {
    return this.handles[one % Math.max(1, this.handles.length)] ?? 0
  }
}

type Command = fc.AsyncCommand<Model, Real>

/** Does something to both, and compares them. */
function command(name: string, run: (model: Model, real: Real) => Promise<void> | void): Command {
  return {
    check: () => true,
    toString: () => name,
    run: async (model, real) => {
      await run(model, real)
      await settle()
      model.moveTo(model.now, true)
      // Of the same instant any may be first.
      expect(real.log.splice(0).sort()).toEqual(model.log.splice(0).sort())
      expect([real.scheduler.size, real.scheduler.running]).toEqual([model.entries.size, 0])
      expect(real.scheduler.nextDue?.getTime() ?? Number.POSITIVE_INFINITY).toBe(model.earliest)
      for (const handle of real.handles) expect(real.scheduler.has(handle)).toBe(model.entries.has(handle))
      expect(real.clock.sleepers).toBe(model.entries.size === 0 ? 0 : 1)
      expect(real.clock.most).toBeLessThanOrEqual(1)
    },
  }
}

const span = fc.oneof(
  fc.integer({ min: 0, max: 3 * SECOND }),
  fc.integer({ min: 0, max: 3 * HOUR }),
  fc.integer({ min: 0, max: 20 * DAY }),
)
const end = fc.option(span, { nil: undefined })
const deed: fc.Arbitrary<Deed> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ does: fc.constant('renews' as const), next: span.map((ms) => ms + MINUTE), end }),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom<Deed>({ does: 'throws' }, { does: 'rejects' }, { does: 'answers nonsense' }),
  },
  fc.constant({ does: 'ends' as const }),
)
const ago = fc.oneof({ weight: 4, arbitrary: span }, { weight: 1, arbitrary: span.map((ms) => -ms) })

const commands: fc.Arbitrary<Command>[] = [
  fc.tuple(ago, end, fc.array(deed, { minLength: 1, maxLength: 4 })).map(([due, after, script]) =>
    command(`add(${due}, ${after}, ${JSON.stringify(script)})`, (model, real) => {
      const dueAt = new Date(model.now + due)
      const expiresAt = after === undefined ? undefined : new Date(model.now + after)
      const handle = real.scheduler.add(dueAt, { expiresAt })
      expect(real.handles).not.toContain(handle)
      real.handles.push(handle)
      real.scripts.set(handle, script)
      const ends = expiresAt && Math.floor(expiresAt.getTime() / SECOND) * SECOND
      model.entries.set(handle, {
        due: dueAt.getTime(),
        end: ends,
        told: false,
        failures: 0,
        runs: 0,
        script,
      })
    }),
  ),
  fc.nat(50).map((one) =>
    command(`remove(${one})`, (model, real) => {
      const handle = real.pick(one)
      expect(real.scheduler.remove(handle)).toBe(model.entries.delete(handle))
    }),
  ),
  fc.tuple(fc.nat(50), ago, end).map(([one, due, after]) =>
    command(`reschedule(${one}, ${due}, ${after})`, (model, real) => {
      const handle = real.pick(one)
      const entry = model.entries.get(handle)
      const expiresAt = after === undefined ? undefined : new Date(model.now + after)
      expect(real.scheduler.reschedule(handle, new Date(model.now + due), { expiresAt })).toBe(
        entry !== undefined,
      )
      if (entry === undefined) return
      const ends = expiresAt === undefined ? entry.end : Math.floor(expiresAt.getTime() / SECOND) * SECOND
      entry.told &&= ends !== undefined && ends === entry.end
      Object.assign(entry, { due: model.now + due, end: ends, failures: 0 })
    }),
  ),
  // Months of retries each minute add nothing.
  fc.oneof(fc.integer({ min: 0, max: 10 * SECOND }), fc.integer({ min: 0, max: 6 * HOUR })).map((ms) =>
    command(`pass(${ms})`, async (model, real) => {
      await real.clock.pass(ms)
      model.moveTo(model.now + ms, false)
    }),
  ),
  span.map((ms) =>
    command(`jump forward(${ms})`, async (model, real) => {
      await real.clock.jumpTo(model.now + ms)
      model.moveTo(model.now + ms, true)
    }),
  ),
  span.map((ms) =>
    command(`jump back(${ms})`, async (model, real) => {
      await real.clock.jumpTo(model.now - ms)
      model.now -= ms
    }),
  ),
  fc.constant(
    command('rotateNow', (model, real) => {
      real.scheduler.rotateNow('all', { perSecond: 1_000_000, reason: 'scripted' })
      for (const [handle, entry] of [...model.entries]) model.attempt(handle, entry, true)
    }),
  ),
]

test('it does what the list does', async () => {
  await fc.assert(
    fc.asyncProperty(fc.commands(commands, { maxCommands: 40, size: 'max' }), async (run) => {
      const real = new Real()
      await fc.asyncModelRun(() => ({ model: new Model(), real }), run)
      await real.scheduler.close()
      expect(real.clock.sleepers).toBe(0)
    }),
    { numRuns: 600 },
  )
}, 120_000)
