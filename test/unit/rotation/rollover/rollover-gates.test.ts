/** Every gate by itself: time alone does not open, evidence alone does not, and one second decides. */

import { describe, expect, test } from 'vitest'
import type { GateId } from '../../../../src/rotation/index.ts'
import { Rollover } from '../../../../src/rotation/rollover/rollover.ts'
import { ROLLOVER_GATES } from '../../../../src/rotation/rollover/rollover-gates.ts'
import { readPlan } from '../../../../src/rotation/rollover/rollover-plan.ts'
import { manualClock } from '../../../../src/testing/index.ts'
import {
  another,
  type Driven,
  drive,
  epoch,
  gatesOf,
  goTo,
  madeAt,
  OLD,
  obey,
  obeyAll,
  obeyAt,
  openJournal,
  secondsOf,
  UNION,
} from './driver-support.ts'
import { ADOPTION, at, changed, DAY, HOUR, MINUTE, plan } from './support.ts'

const ACTIVE = 17 * MINUTE
const RETIRED = 31 * MINUTE + DAY

/** Published at the start. */
async function published(...[more, sequence]: Parameters<typeof drive>): Promise<Driven> {
  const driven = await drive(more, sequence)
  await driven.rollover.stageAs(madeAt())
  await driven.rollover.advance()
  return driven
}

/** All have switched at the earliest, and said so. */
async function switched(more: Parameters<typeof drive>[0] = {}): Promise<Driven> {
  const driven = await published(more)
  await obeyAt(driven, ACTIVE)
  await obeyAll(driven)
  return driven
}

describe('the time of the plan', () => {
  test('publication is not before its start', async () => {
    const driven = await drive({ start: at(HOUR) })
    await driven.rollover.stageAs(madeAt())
    const status = await obeyAt(driven, HOUR - 1)
    expect(gatesOf(status, 'publish')).toEqual(['plan-time'])
    expect(status.waiting[0]?.message).toBe(
      'publish B waits: the plan has PUBLISHED B at 2026-03-01T01:00:00Z',
    )
    goTo(driven, HOUR)
    expect((await driven.rollover.advance()).stages['B']).toBe('PUBLISHED')
  })

  test('use is not before its instant, though everybody has everything', async () => {
    const driven = await published({ activateAt: at(HOUR) })
    const status = await obeyAt(driven, HOUR - 1)
    expect([status.stages['B'], gatesOf(status, 'activate', 'east')]).toEqual(['DISTRIBUTED', ['plan-time']])
    goTo(driven, HOUR)
    expect((await driven.rollover.advance()).stages['B']).toBe('ACTIVE')
  })
})

describe('distribution', () => {
  test('its time counts from the publication there was, not from the planned one', async () => {
    const driven = await drive()
    await driven.rollover.stageAs(madeAt())
    goTo(driven, 10 * MINUTE)
    await driven.rollover.advance()
    const status = await obeyAt(driven, 27 * MINUTE - 1)
    expect([gatesOf(status, 'distribute'), secondsOf(status.nextAt)]).toEqual([
      ['distribution-time'],
      27 * MINUTE,
    ])
    goTo(driven, 27 * MINUTE)
    expect((await driven.rollover.advance()).stages['B']).toBe('ACTIVE')
  })

  test('time alone, even a year of it, opens nothing', async () => {
    const driven = await published()
    await obey(driven, 'east')
    goTo(driven, 50 * DAY)
    expect(gatesOf(await driven.rollover.advance(), 'distribute')).toEqual([
      'distribution-evidence west',
      'distribution-evidence north',
    ])
  })

  test('another content under the same sequence does not count, and says who wrote it', async () => {
    const driven = await published()
    goTo(driven, ACTIVE)
    const bundle = { sequence: epoch(0), digest: 'ee'.repeat(32) }
    await obey(driven, 'west')
    const before = driven.journal.text()
    await expect(driven.rollover.report({ member: 'east', revision: 3, bundle })).rejects.toMatchObject({
      code: 'ERR_ROLLOVER_EVIDENCE',
      message: expect.stringContaining(`east reports bundle ${epoch(0)} with the digest ${'ee'.repeat(32)}`),
      data: { member: 'east', sequence: epoch(0), expected: UNION, found: 'ee'.repeat(32) },
    })
    expect(driven.journal.text()).toBe(before)
    await obey(driven, 'north')
    expect(gatesOf(await driven.rollover.advance(), 'distribute')).toEqual(['distribution-evidence east'])
    await obey(driven, 'east')
    expect((await driven.rollover.advance()).stages['B']).toBe('ACTIVE')
  })

  test('an older report takes an acknowledgement back', async () => {
    const driven = await published()
    await obeyAll(driven)
    await driven.rollover.report({ member: 'west', revision: 3, bundle: { sequence: 1, digest: OLD } })
    goTo(driven, ACTIVE)
    const status = await driven.rollover.advance()
    expect(gatesOf(status, 'distribute')).toEqual(['distribution-evidence west'])
    expect(status.waiting[0]?.message).toContain(`west has not acknowledged bundle ${epoch(0)}; it has 1`)
    await driven.rollover.report({ member: 'west', revision: 3 })
    expect(gatesOf(await driven.rollover.advance(), 'distribute')).toEqual(['distribution-evidence west'])
  })

  test('also between distribution and use: nobody switches to what one does not have', async () => {
    const driven = await published({ stagger: '5m' })
    expect((await obeyAt(driven, ACTIVE)).stages['B']).toBe('ACTIVE')
    await obey(driven, 'north', { bundle: { sequence: 1, digest: OLD } })
    goTo(driven, ACTIVE + 10 * MINUTE)
    const status = await driven.rollover.advance()
    expect(gatesOf(status, 'activate', 'west')).toEqual(['distribution-evidence north'])
    expect(gatesOf(status, 'activate', 'north')).toEqual(['distribution-evidence north', 'own-bundle north'])
    expect((await driven.rollover.desired('west'))?.signer).toBe('A')
  })
})

describe('the age of evidence', () => {
  test.each([
    ['15m', {}, 15 * MINUTE],
    ['40s', { evidenceMaxAge: '40s' }, 40],
  ])('%s is enough to the second', async (_name, more, age) => {
    const driven = await published({ ...more, activateAt: at(HOUR + age) })
    await obeyAt(driven, HOUR - 1)
    await obeyAt(driven, HOUR)
    goTo(driven, HOUR + age)
    expect((await driven.rollover.advance()).stages['B']).toBe('ACTIVE')
    const late = await published({ ...more, activateAt: at(HOUR + age) })
    await obeyAt(late, HOUR - 1)
    goTo(late, HOUR + age)
    const status = await late.rollover.advance()
    expect(gatesOf(status, 'activate', 'east')).toEqual(
      ['east', 'west', 'north'].map((name) => `evidence-age ${name}`),
    )
    expect(status.nextAt).toBeUndefined()
    // One report makes one cluster fresh; all are needed.
    await obey(late, 'east')
    expect((await late.rollover.advance()).stages['B']).toBe('DISTRIBUTED')
    expect((await obeyAll(late)).stages['B']).toBe('ACTIVE')
  })
})

test('the incoming certificate must be valid for the slowest clock', async () => {
  const driven = await drive()
  await driven.rollover.stageAs({ ...madeAt(HOUR), notBefore: at(HOUR).getTime() })
  await driven.rollover.advance()
  const status = await obeyAt(driven, HOUR + 2 * MINUTE - 1)
  expect([status.stages['B'], gatesOf(status, 'activate', 'east')]).toEqual([
    'DISTRIBUTED',
    ['incoming-valid'],
  ])
  goTo(driven, HOUR + 2 * MINUTE)
  expect((await driven.rollover.advance()).stages['B']).toBe('ACTIVE')
})

test('the taint counts from the last switch there was', async () => {
  const driven = await published({ emergency: { reissueWithin: '1h' } })
  await obeyAt(driven, HOUR)
  const status = await obeyAt(driven, HOUR + 12 * MINUTE - 1)
  expect(gatesOf(status, 'taint')).toEqual(['switch-time'])
  goTo(driven, HOUR + 12 * MINUTE)
  expect((await driven.rollover.advance()).stages['A']).toBe('TAINTED')
})

describe('retirement', () => {
  test('its time counts from the last switch there was', async () => {
    const driven = await published()
    await obeyAt(driven, 2 * HOUR)
    await obeyAll(driven)
    // A = 2 h; Δsw + L + 4S later.
    const end = 2 * HOUR + 14 * MINUTE + DAY
    expect(gatesOf(await obeyAt(driven, end - 1), 'retire')).toEqual(['retention-time'])
    goTo(driven, end)
    expect((await driven.rollover.advance()).stages['A']).toBe('RETIRED')
  })

  test.each([
    ['nothing', undefined, 'no signer'],
    ['the old one', 'A', 'A'],
  ])('a cluster that reports %s as its signer is waited for', async (_name, signer, told) => {
    const driven = await switched()
    await obeyAt(driven, RETIRED)
    const late = await switched()
    goTo(late, RETIRED)
    for (const name of ['east', 'west']) await obey(late, name)
    await obey(late, 'north', { signer })
    const status = await late.rollover.advance()
    expect(gatesOf(status, 'retire')).toContain('switch-evidence north')
    expect(status.waiting[0]?.message).toContain(`it signs with B; it reported ${told}`)
    expect((await driven.rollover.status()).stages['A']).toBe('RETIRED')
  })

  test('what was issued counts, not what is configured', async () => {
    const driven = await switched()
    const notAfter = at(40 * HOUR)
    await obey(driven, 'east', { issued: [{ authority: 'A', notAfter }] })
    // A later report of less takes nothing back.
    await obey(driven, 'east', { issued: [{ authority: 'A', notAfter: at(HOUR) }] })
    const end = 40 * HOUR + 4 * MINUTE
    const status = await obeyAt(driven, end - 1)
    expect([gatesOf(status, 'retire'), secondsOf(status.nextAt)]).toEqual([['ledger'], end])
    expect(status.waiting[0]?.message).toContain('is over for the slowest clock (4S) at 2026-03-02T16:04:00Z')
    goTo(driven, end)
    expect((await driven.rollover.advance()).stages['A']).toBe('RETIRED')
  })

  test('a fraction of a second in the ledger is a whole one', async () => {
    const driven = await switched()
    await obey(driven, 'east', {
      issued: [{ authority: 'A', notAfter: new Date(at(40 * HOUR).getTime() + 1) }],
    })
    expect(gatesOf(await obeyAt(driven, 40 * HOUR + 4 * MINUTE), 'retire')).toEqual(['ledger'])
    goTo(driven, 40 * HOUR + 4 * MINUTE + 1)
    expect((await driven.rollover.advance()).stages['A']).toBe('RETIRED')
  })

  test('who still presents it keeps it, where they say so', async () => {
    const driven = await switched()
    const status = await obeyAt(driven, RETIRED, { presents: ['A', 'B'] })
    expect(gatesOf(status, 'retire')).toContain('presence east')
    expect((await obeyAll(driven, { presents: ['B'] })).stages['A']).toBe('RETIRED')
  })

  test('with renewals, everybody must say so, and what is in use counts', async () => {
    const driven = await switched({ retention: 'renewals' })
    // U = L − g·L + F + Δl = 13 h 1 m; R = 17 m + 10 m + U + 4 m.
    const end = 32 * MINUTE + 13 * HOUR
    expect(gatesOf(await obeyAt(driven, end - 1, { presents: ['B'] }), 'retire')).toEqual([
      'plan-time',
      'retention-time',
    ])
    await obeyAt(driven, end, { presents: undefined })
    expect(gatesOf(await driven.rollover.status(), 'retire')).toEqual(
      ['east', 'west', 'north'].map((name) => `presence ${name}`),
    )
    await obey(driven, 'east', {
      presents: ['B'],
      issued: [{ authority: 'A', notAfter: at(9 * DAY), inUseUntil: at(end + HOUR) }],
    })
    for (const name of ['west', 'north']) await obey(driven, name, { presents: ['B'] })
    const status = await driven.rollover.advance()
    expect([gatesOf(status, 'retire'), secondsOf(status.nextAt)]).toEqual([
      ['ledger'],
      end + HOUR + 4 * MINUTE,
    ])
    expect((await obeyAt(driven, end + HOUR + 4 * MINUTE, { presents: ['B'] })).stages['A']).toBe('RETIRED')
  })
})

describe('pruning', () => {
  test('needs everybody’s withdrawal and its time', async () => {
    const driven = await switched({ pruneAfter: '0s' })
    await obeyAt(driven, RETIRED)
    const end = RETIRED + ACTIVE
    goTo(driven, end)
    for (const name of ['east', 'west']) await obey(driven, name)
    expect(gatesOf(await driven.rollover.advance(), 'prune')).toEqual(['withdrawal-evidence north'])
    goTo(driven, end - 1)
    expect(gatesOf(await obeyAll(driven), 'prune')).toEqual(['plan-time', 'withdrawal-time'])
    goTo(driven, end)
    expect((await driven.rollover.advance()).over).toBe(true)
  })
})

test('a bundle that would hold more than may be is not published', async () => {
  const made = changed(plan({ ...ADOPTION }), (one) => ({
    ...one,
    parameters: { ...one.parameters, maxAuthorities: 3 },
  }))
  const options = { plan: made, journal: openJournal(), clock: manualClock(at(0)) }
  await expect(Rollover.open(options)).rejects.toMatchObject({ code: 'ERR_ROLLOVER_PLAN' })
  const rollover = await Rollover.openWith(options, { gates: ROLLOVER_GATES, verify: readPlan })
  await rollover.stageAs(madeAt())
  for (const { name, from } of made.members)
    await rollover.report({ member: name, revision: 1, signer: from })
  const status = await rollover.advance()
  expect(gatesOf(status, 'publish')).toEqual(['bundle-size'])
  expect(status.waiting[0]?.message).toContain('the bundle would hold 4 authorities; at most 3 may be')
})

describe('a gate that is opened by hand', () => {
  test('for one member, with a reason that is written down', async () => {
    const driven = await published()
    goTo(driven, ACTIVE)
    await obey(driven, 'east')
    await obey(driven, 'west', { bundle: { sequence: 1, digest: OLD } })
    let status = await driven.rollover.force({
      gate: 'distribution-evidence',
      member: 'west',
      reason: 'west\nburns',
    })
    expect(gatesOf(status, 'distribute')).toEqual(['distribution-evidence north'])
    expect(status.state.forced).toEqual([
      {
        gate: 'distribution-evidence',
        member: 'west',
        reason: 'west\\u{a}burns',
        at: '2026-03-01T00:17:00Z',
      },
    ])
    expect(status.state.entries.at(-1)?.what).toBe('forced distribution-evidence for west: west\\u{a}burns')
    await obey(driven, 'north')
    status = await driven.rollover.advance()
    // Only that gate: west’s own bundle is another one, and so are the others’ ages.
    expect(status.stages).toEqual({ A: 'ACTIVE', B: 'ACTIVE' })
    expect(gatesOf(status, 'activate', 'west')).toEqual(['own-bundle west'])
    // Another driver sees it too.
    expect(gatesOf(await (await another(driven)).status(), 'activate', 'west')).toEqual(['own-bundle west'])
  })

  test('for all, and a gate of time', async () => {
    const driven = await published()
    let status = await driven.rollover.force({ gate: 'distribution-evidence', reason: 'lab' })
    expect(gatesOf(status, 'distribute')).toEqual(['distribution-time'])
    status = await driven.rollover.force({ gate: 'distribution-time', reason: 'lab' })
    expect(gatesOf(status, 'distribute')).toEqual([])
    expect(status.stages['B']).toBe('PUBLISHED')
    status = await driven.rollover.advance()
    expect(status.stages['B']).toBe('DISTRIBUTED')
    expect(gatesOf(status, 'activate', 'east')).toEqual(['plan-time', 'own-bundle east'])
  })

  test('a gate of time is not opened by forcing it for a member', async () => {
    const driven = await published()
    await obeyAll(driven)
    const status = await driven.rollover.force({ gate: 'distribution-time', member: 'east', reason: 'lab' })
    expect(gatesOf(status, 'distribute')).toEqual(['distribution-time'])
  })

  test('needs a reason and a gate that there is', async () => {
    const { rollover, journal } = await drive()
    const before = journal.text()
    for (const reason of [undefined, '', ' \n', 5])
      await expect(rollover.force({ gate: 'staged', reason } as never)).rejects.toThrow(
        new TypeError('option "reason" must say why; it is recorded'),
      )
    for (const gate of ['stage', '', undefined, '__proto__', 5])
      await expect(rollover.force({ gate, reason: 'x' } as never)).rejects.toThrow(
        /option "gate" must be one of recovery, evidence-age, staged, plan-time/,
      )
    await expect(rollover.force({ gate: 'staged', reason: 'x', for: 'east' } as never)).rejects.toThrow(
      /no option "for"/,
    )
    expect(journal.text()).toBe(before)
    const secret = '-----BEGIN PRIVATE KEY-----'
    await rollover.force({ gate: 'staged', reason: secret })
    expect(journal.text()).not.toContain(secret)
  })

  test('each of them can be, and the names are those of the gates', async () => {
    const { rollover } = await drive()
    const ids: readonly GateId[] = ROLLOVER_GATES.map(({ id }) => id)
    for (const gate of ids) await rollover.force({ gate, reason: 'x' })
    expect((await rollover.status()).state.forced.map(({ gate }) => gate)).toEqual(ids)
  })
})
