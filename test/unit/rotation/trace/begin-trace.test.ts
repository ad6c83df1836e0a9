import { describe, expect, test } from 'vitest'
import {
  beginTrace,
  checkTrace,
  memoryJournal,
  planRollover,
  Rollover,
  type RolloverPlan,
  simulateRollover,
  type TraceEvent,
} from '../../../../src/rotation/index.ts'
import { manualClock } from '../../../../src/testing/index.ts'

const START = new Date('2026-03-01T00:00:00Z')
const HOUR = 3_600_000

const rootPlan = (): RolloverPlan =>
  planRollover({
    start: START,
    outgoing: { id: 'old', notAfter: new Date('2027-03-01T00:00:00Z') },
    incoming: { id: 'new', lifetime: '365d' },
    clusters: ['east', 'west'],
    leafLifetime: '24h',
    gracePeriodRatio: 0.5,
    propagation: '15m',
  })

/** A driver and two members that do what it says, and log what they do. */
async function drive(plan: RolloverPlan): Promise<TraceEvent[]> {
  const clock = manualClock(START)
  const now = () => clock.now().getTime()
  const trace: TraceEvent[] = [beginTrace(plan, { at: clock.now() })]
  const rollover = await Rollover.open({
    plan,
    journal: memoryJournal(),
    clock,
    onEvent: (event) => trace.push(event),
  })
  await rollover.stageAs({
    fingerprint: 'bb'.repeat(32),
    notBefore: now() - 120_000,
    notAfter: now() + 365 * 24 * HOUR,
  })
  const applied = new Map<string, number>()
  for (let i = 0; i < 1000 && !(await rollover.advance()).over; i++) {
    for (const member of ['east', 'west']) {
      const { revision = 0, bundle, signer } = (await rollover.desired(member)) ?? {}
      if (bundle === undefined || signer === undefined) continue
      const { sequence, digest, authorities } = bundle
      if (applied.get(member) !== sequence)
        trace.push({
          type: 'applied',
          at: now(),
          member,
          verifier: member,
          sequence,
          digest,
          authorities: authorities.map(({ id }) => id),
        })
      applied.set(member, sequence)
      const issued = [{ authority: signer, notAfter: new Date(now() + 24 * HOUR) }]
      await rollover.report({ member, revision, bundle: { sequence, digest }, signer, issued })
    }
    clock.advance('10m')
  }
  return trace
}

describe('a trace of a driver', () => {
  test('is judged after a beginning out of its plan', async () => {
    const trace = await drive(rootPlan())
    expect(trace.some(({ type }) => type === 'finished')).toBe(true)
    expect(checkTrace(trace)).toEqual([])
  })

  test('and a member that never took the new root is found, though it was reported', async () => {
    const trace = await drive(rootPlan())
    const broken = trace.filter((event) => event.type !== 'applied' || event.member !== 'east')
    const [first, ...more] = checkTrace(broken)
    expect(first).toMatchObject({ invariant: 'I11', message: expect.stringContaining('east') })
    expect(more.every(({ message }) => message.includes('east'))).toBe(true)
  })

  test('without the beginning it is no trace, and the error says how to get one', async () => {
    const [, ...rest] = await drive(rootPlan())
    expect(() => checkTrace(rest)).toThrow(/beginTrace\(plan\) makes one/)
  })
})

test('it begins as a simulation of the same plan does', async () => {
  const plan = rootPlan()
  const { events } = await simulateRollover(plan, { seed: 1 })
  const [begin] = events
  if (begin?.type !== 'begin') throw new Error('no beginning')
  const made = beginTrace(plan, {
    at: new Date(begin.at),
    verifiers: (name) => begin.members.find((one) => one.name === name)?.verifiers ?? [],
  })
  expect(made.terms).toEqual(begin.terms)
  expect(made.members).toEqual(begin.members)
})

test('mistakes are told', () => {
  const plan = rootPlan()
  expect(() => beginTrace({ ...plan, steps: [] }, { at: START })).toThrow(
    expect.objectContaining({ code: 'ERR_ROLLOVER_PLAN' }),
  )
  // @ts-expect-error: a trace has an instant.
  expect(() => beginTrace(plan, {})).toThrow(/needs the option "at"/)
  // @ts-expect-error: no such option.
  expect(() => beginTrace(plan, { at: START, members: [] })).toThrow(/no option "members"/)
  expect(() => beginTrace(plan, { at: START, sequence: 0 })).toThrow(RangeError)
})
