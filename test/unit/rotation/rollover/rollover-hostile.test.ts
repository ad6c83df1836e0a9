/** What would make a journal unreadable, lose a report, or trust what nobody knows. */

import { describe, expect, test } from 'vitest'
import { createRootCa } from '../../../../src/ca/index.ts'
import { type JournalRecord, memoryJournal, Rollover } from '../../../../src/rotation/index.ts'
import { manualClock } from '../../../../src/testing/index.ts'
import { another, drive, epoch, goTo, madeAt, obey, obeyAll, UNION } from './driver-support.ts'
import { at, DAY, MINUTE, plan } from './support.ts'

const CLUSTERS = ['east', 'west', 'north']

describe('what is written can be read again', () => {
  test.each([
    ['control characters', '\u0001'.repeat(500)],
    ['half of a pair', '\ud800'.repeat(500)],
    ['pairs, cut in the middle', `a${'\u{1f600}'.repeat(500)}`],
    ['a megabyte', 'x'.repeat(1024 * 1024)],
    ['quotes and backslashes', '"\\'.repeat(400)],
  ])('with a reason of %s', async (_name, reason) => {
    const driven = await drive()
    await driven.rollover.force({ gate: 'staged', reason })
    await driven.rollover.leave('north', { reason })
    await driven.rollover.revise(plan({ outageBudget: '2h' }), { reason })
    await driven.rollover.abort({ reason })
    const next = await Rollover.open({
      plan: plan({ outageBudget: '2h' }),
      journal: driven.journal,
      clock: driven.clock,
    })
    expect((await next.status()).direction).toBe('back')
    expect(driven.journal.text().length).toBeLessThan(100_000)
  })

  test.each(['bad name\n', '__proto__', 'nobody', 'a'.repeat(5000), 'constructor'])(
    'a gate is not forced for %j, who is no member',
    async (member) => {
      const driven = await drive()
      const before = driven.journal.text()
      await expect(driven.rollover.force({ gate: 'staged', member, reason: 'x' })).rejects.toThrow(
        /option "member" must be a (member|name of 1 to 128)/,
      )
      expect(driven.journal.text()).toBe(before)
      await driven.rollover.force({ gate: 'staged', member: 'east', reason: 'x' })
      await expect(another(driven)).resolves.toBeDefined()
    },
  )
})

describe('names that every object has', () => {
  test.each(['constructor', 'toString', 'hasOwnProperty'])('%s may join, report and leave', async (name) => {
    const driven = await drive()
    expect(await driven.rollover.desired(name)).toBeUndefined()
    await driven.rollover.join({ name, from: 'A' })
    expect((await driven.rollover.desired(name))?.signer).toBe('A')
    await obey(driven, name)
    const status = await driven.rollover.leave(name, { reason: 'x' })
    expect(Object.keys(status.state.members)).toEqual([...CLUSTERS, name])
    expect(await driven.rollover.desired(name)).toBeUndefined()
  })

  test('also by another plan, and from the beginning', async () => {
    const driven = await drive()
    const clusters = [...CLUSTERS, 'constructor']
    await driven.rollover.revise(plan({ clusters }), { reason: 'x' })
    expect((await driven.rollover.desired('constructor'))?.signer).toBe('A')
    const other = await drive({ clusters: ['constructor', 'toString'] })
    await other.rollover.stageAs(madeAt())
    expect((await other.rollover.advance()).stages['B']).toBe('PUBLISHED')
  })
})

describe('reports at the same time', () => {
  test('none is lost where a read answers late what is no longer there', async () => {
    const inner = memoryJournal()
    const late: (() => void)[] = []
    let isHeld = false
    const journal = {
      replace: inner.replace,
      read: (): Promise<JournalRecord | undefined> => {
        const answer = inner.read()
        return isHeld ? new Promise((resolve) => void late.push(() => resolve(answer))) : answer
      },
    }
    const clock = manualClock(at(0))
    const one = await Rollover.open({ plan: plan(), journal, clock })
    const two = await Rollover.open({ plan: plan(), journal: inner, clock })
    const report = { revision: 1, signer: 'A' }
    isHeld = true
    const first = one.report({ ...report, member: 'east' })
    await two.report({ ...report, member: 'north' })
    const second = one.report({ ...report, member: 'west' })
    await new Promise((resolve) => setTimeout(resolve, 0))
    isHeld = false
    for (const answer of late) answer()
    await Promise.all([first, second])
    const { members } = (await two.status()).state
    expect(CLUSTERS.filter((name) => members[name]?.evidence === undefined)).toEqual([])
  })

  test('nor among many of one process', async () => {
    const driven = await drive()
    const gates = Array.from({ length: 60 }, (_, i) => `r${i}`)
    await Promise.all(gates.map((reason) => driven.rollover.force({ gate: 'staged', reason })))
    expect((await driven.rollover.status()).state.forced.map(({ reason }) => reason)).toEqual(gates)
  })
})

describe('what nobody knows', () => {
  test('a bundle that cannot be said what it holds is no acknowledgement, and stops everything', async () => {
    const driven = await drive()
    const { rollover } = driven
    await rollover.stageAs(madeAt())
    await rollover.advance()
    goTo(driven, 5 * MINUTE)
    await obeyAll(driven)
    const unknown = { sequence: epoch(DAY), digest: 'ee'.repeat(32) }
    await rollover.report({ member: 'east', revision: 3, bundle: unknown, signer: 'A' })
    const known = { sequence: epoch(0), digest: UNION }
    for (const member of ['west', 'north'])
      await rollover.report({ member, revision: 3, bundle: known, signer: 'A' })
    goTo(driven, 17 * MINUTE)
    const { writes } = driven.journal
    expect((await rollover.advance()).stages).toEqual({ A: 'ACTIVE', B: 'PUBLISHED' })
    expect(driven.journal.writes).toBe(writes)
    await rollover.report({ member: 'east', revision: 3, bundle: known, signer: 'A' })
    const status = await rollover.advance()
    expect([status.state.recovering, status.stages['B']]).toEqual([undefined, 'PUBLISHED'])
  })

  test('the outgoing certificate is not the incoming one, and an expired one is none', async () => {
    const { certificate } = await createRootCa({
      subject: 'CN=A',
      lifetime: '365d',
      clock: { now: () => at(0) },
    })
    const driven = await drive({ outgoing: { id: 'A', certificate } })
    await expect(driven.rollover.stage(certificate)).rejects.toMatchObject({
      code: 'ERR_ROLLOVER_EVIDENCE',
      message: expect.stringContaining('the certificate of B is that of A'),
    })
    await expect(driven.rollover.stageAs(madeAt(-500 * DAY))).rejects.toMatchObject({
      code: 'ERR_ROLLOVER_EVIDENCE',
    })
    expect((await driven.rollover.stageAs(madeAt())).stages['B']).toBe('STAGED')
  })
})

test('another plan whose write was made, and whose answer was lost, is taken by the next call', async () => {
  const driven = await drive()
  const slower = plan({ propagation: '30m' })
  driven.journal.after = () => {
    throw new Error('timeout')
  }
  const revise = () => driven.rollover.revise(slower, { reason: 'slower' })
  await expect(revise()).rejects.toMatchObject({ code: 'ERR_ROLLOVER_JOURNAL' })
  driven.journal.after = undefined
  const { revision } = await revise()
  expect([revision, driven.rollover.plan.digest]).toEqual([2, slower.digest])
  expect((await driven.rollover.status()).revision).toBe(2)
})
