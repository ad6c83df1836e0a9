/** A whole rollover of one root, step by step: D = 15 m, S = 1 m, Δsw = 10 m, L = 24 h, kept 24 h after its end. */

import { expect, test } from 'vitest'
import { createRootCa } from '../../../../src/ca/index.ts'
import { bundleDigest, Rollover, type TraceEvent } from '../../../../src/rotation/index.ts'
import { manualClock } from '../../../../src/testing/index.ts'
import {
  type Driven,
  digestByHand,
  drive,
  epoch,
  gatesOf,
  goTo,
  madeAt,
  OLD,
  obey,
  obeyAll,
  openJournal,
  secondsOf,
} from './driver-support.ts'
import { at, DAY, MINUTE, plan } from './support.ts'

const CLUSTERS = ['east', 'west', 'north']
/** A = D + 2S; R = A + Δsw + L + 4S; the end: R + D + 2S + 24 h. */
const ACTIVE = 17 * MINUTE
const RETIRED = ACTIVE + 14 * MINUTE + DAY
const PRUNED = RETIRED + ACTIVE + DAY

test('a root gives way to another: stages, bundles, signers and waits at every instant', async () => {
  const root = (id: string, seconds: number) =>
    createRootCa({ subject: `CN=${id}`, lifetime: '365d', clock: { now: () => at(seconds) } })
  const [A, B] = [(await root('A', -DAY)).certificate, (await root('B', 0)).certificate]
  const [a, b] = [A.fingerprint(), B.fingerprint()]
  const made = plan({ outgoing: { id: 'A', certificate: A } })
  const [clock, journal, events] = [manualClock(at(0)), openJournal(), [] as TraceEvent[]]
  const rollover = await Rollover.open({
    plan: made,
    journal,
    clock,
    sequence: 7,
    onEvent: (event) => void events.push(event),
  })
  const driven: Driven = { rollover, clock, journal, plan: made, events }
  expect(rollover.plan.digest).toBe(made.digest)

  // Before there is a key: everybody has what they had, and it is the certificate that is missing.
  expect(await rollover.desired('east')).toEqual({
    member: 'east',
    revision: 1,
    bundle: { sequence: 7, digest: digestByHand(a), authorities: [{ id: 'A', fingerprint: a }] },
    signer: 'A',
    attachCross: false,
  })
  let status = await rollover.advance()
  expect(status).toMatchObject({
    direction: 'forward',
    over: false,
    revision: 1,
    stages: { A: 'ACTIVE', B: 'PLANNED' },
  })
  expect(status.waiting).toHaveLength(1)
  // Nothing is published before everybody has said what there is.
  expect(gatesOf(status, 'publish')).toEqual([...CLUSTERS.map((name) => `evidence-age ${name}`), 'staged'])
  status = await obeyAll(driven)
  expect(gatesOf(status, 'publish')).toEqual(['staged'])
  expect(status.waiting[0]?.message).toBe(
    'publish B waits: B has not been made: call stage() with its certificate once its key is stored',
  )
  // Evidence alone is missing, so no instant is told.
  expect(status.nextAt).toBeUndefined()
  expect(status.waiting[0]).not.toHaveProperty('until')

  status = await rollover.stage(B)
  expect([status.stages, status.revision]).toEqual([{ A: 'ACTIVE', B: 'STAGED' }, 2])
  expect(status.bundle.sequence).toBe(7)

  // Published: the union, numbered by the milliseconds since 1970. Nobody switches.
  status = await rollover.advance()
  const union = digestByHand(a, b)
  expect(union).toBe(bundleDigest([b, a, a]))
  expect(status.stages).toEqual({ A: 'ACTIVE', B: 'PUBLISHED' })
  expect(status.bundle).toEqual({
    sequence: epoch(0),
    digest: union,
    authorities: ['A', 'B'],
    at: '2026-03-01T00:00:00Z',
  })
  expect(await rollover.desired('west')).toEqual({
    member: 'west',
    revision: 3,
    bundle: {
      sequence: epoch(0),
      digest: union,
      authorities: [
        { id: 'A', fingerprint: a },
        { id: 'B', fingerprint: b },
      ],
    },
    signer: 'A',
    attachCross: false,
  })
  expect(await rollover.desired('nobody')).toBeUndefined()
  expect(gatesOf(status, 'distribute')).toEqual([
    'distribution-time',
    ...CLUSTERS.map((name) => `distribution-evidence ${name}`),
  ])
  const [waits] = status.waiting
  expect(waits?.missing).toEqual(CLUSTERS)
  expect(waits?.message).toContain('17m (D + 2S) after the publication of B, which is 2026-03-01T00:17:00Z')
  expect(waits?.message).toContain(`north has not acknowledged bundle ${epoch(0)}; it has 7`)
  expect([secondsOf(waits?.until), secondsOf(status.nextAt)]).toEqual([ACTIVE, ACTIVE])

  // Two acknowledge: the third is named. Asking again changes nothing.
  await obey(driven, 'east')
  await obey(driven, 'west')
  goTo(driven, ACTIVE)
  status = await rollover.advance()
  expect(gatesOf(status, 'distribute')).toEqual(['distribution-evidence north'])
  expect(status.waiting[0]?.missing).toEqual(['north'])
  expect(status.nextAt).toBeUndefined()
  expect((await rollover.advance()).revision).toBe(status.revision)

  // All have it: everybody may switch, and the old one drains in the same turn.
  status = await obeyAll(driven)
  expect(status.stages).toEqual({ A: 'DRAINING', B: 'ACTIVE' })
  expect(status.bundle.sequence).toBe(epoch(0))
  for (const name of CLUSTERS) {
    const desired = await rollover.desired(name)
    expect([desired?.signer, desired?.bundle?.digest, desired?.attachCross]).toEqual(['B', union, false])
    expect(desired).not.toHaveProperty('reissue')
  }
  expect(status.state.members['east']).toMatchObject({ from: 'A', signer: 'B', switchedAt: at17() })
  expect(gatesOf(status, 'retire')).toEqual([
    'plan-time',
    ...CLUSTERS.map((name) => `switch-evidence ${name}`),
    'retention-time',
  ])
  expect(secondsOf(status.nextAt)).toBe(RETIRED)

  // They have switched: what they issued until now, plus the errors of two clocks, is written down.
  goTo(driven, ACTIVE + 5 * MINUTE)
  status = await obeyAll(driven)
  expect(status.state.authorities['A']?.greatestNotAfter).toBe(
    at(ACTIVE + 5 * MINUTE + 2 * MINUTE + DAY)
      .toISOString()
      .replace('.000', ''),
  )
  expect(gatesOf(status, 'retire')).toEqual(['plan-time', 'retention-time', 'ledger'])

  // A second before, and at the instant. The ledger: 22 m + 2 m + 24 h, and 4S.
  const overForAll = ACTIVE + 7 * MINUTE + DAY + 4 * MINUTE
  expect(overForAll).toBeLessThan(RETIRED)
  goTo(driven, RETIRED - 1)
  status = await obeyAll(driven)
  expect([status.stages['A'], gatesOf(status, 'retire')]).toEqual([
    'DRAINING',
    ['plan-time', 'retention-time'],
  ])
  goTo(driven, RETIRED)
  status = await rollover.advance()
  expect(status.stages).toEqual({ A: 'RETIRED', B: 'ACTIVE' })
  expect(status.bundle).toMatchObject({
    sequence: epoch(RETIRED),
    digest: digestByHand(b),
    authorities: ['B'],
  })
  expect((await rollover.desired('east'))?.bundle?.authorities).toEqual([{ id: 'B', fingerprint: b }])
  expect(gatesOf(status, 'prune')).toEqual([
    'plan-time',
    'withdrawal-time',
    ...CLUSTERS.map((name) => `withdrawal-evidence ${name}`),
  ])
  expect([status.over, secondsOf(status.nextAt)]).toEqual([false, PRUNED])

  goTo(driven, PRUNED - 1)
  expect((await obeyAll(driven)).over).toBe(false)
  goTo(driven, PRUNED)
  status = await rollover.advance()
  expect(status).toMatchObject({ over: true, stages: { A: 'PRUNED', B: 'ACTIVE' }, waiting: [] })
  expect(status.nextAt).toBeUndefined()
  // What is over stays as it is, and still says what everybody shall have.
  goTo(driven, PRUNED + 100 * DAY)
  expect((await rollover.advance()).revision).toBe(status.revision)
  expect((await rollover.desired('east'))?.signer).toBe('B')

  const sequences = events.flatMap((event) => (event.type === 'published' ? [event.sequence] : []))
  expect(sequences).toEqual([7, epoch(0), epoch(RETIRED)])
  expect(events.filter(({ type }) => type === 'finished')).toEqual([
    { type: 'finished', at: at(PRUNED).getTime(), direction: 'forward' },
  ])
})

const at17 = (): string => '2026-03-01T00:17:00Z'

test('sequences grow by one where the one before is ahead of the clock', async () => {
  const ahead = epoch(10 * DAY)
  const driven = await drive({}, { sequence: ahead })
  await driven.rollover.stageAs(madeAt())
  expect((await driven.rollover.advance()).bundle.sequence).toBe(ahead + 1)
  const behind = await drive({}, { sequence: epoch(0) - 1 })
  await behind.rollover.stageAs(madeAt())
  expect((await behind.rollover.advance()).bundle.sequence).toBe(epoch(0))
})

test('instants are written up to whole seconds, so that no wait is short', async () => {
  const driven = await drive()
  await driven.rollover.stageAs(madeAt())
  driven.clock.set(new Date(at(0).getTime() + 1))
  const status = await driven.rollover.advance()
  expect(status.state.authorities['B']?.since.PUBLISHED).toBe('2026-03-01T00:00:01Z')
  await obeyAll(driven)
  driven.clock.set(new Date(at(ACTIVE + 1).getTime() - 1))
  expect((await obeyAll(driven)).stages['B']).toBe('PUBLISHED')
  driven.clock.set(at(ACTIVE + 1))
  expect((await driven.rollover.advance()).stages['B']).toBe('ACTIVE')
})

test('clusters that switch one after another are waited for one by one', async () => {
  const driven = await drive({ stagger: '1h', evidenceMaxAge: '12h' })
  await driven.rollover.stageAs(madeAt())
  await driven.rollover.advance()
  goTo(driven, ACTIVE)
  let status = await obeyAll(driven)
  expect(status.stages).toEqual({ A: 'ACTIVE', B: 'ACTIVE' })
  const signers = async () =>
    Promise.all(CLUSTERS.map(async (name) => (await driven.rollover.desired(name))?.signer))
  expect(await signers()).toEqual(['B', 'A', 'A'])
  expect(gatesOf(status, 'activate', 'north')).toEqual(['plan-time'])
  expect(status.waiting.map(({ until }) => secondsOf(until))).toEqual([ACTIVE + 3600, ACTIVE + 7200])
  expect(secondsOf(status.nextAt)).toBe(ACTIVE + 3600)
  goTo(driven, ACTIVE + 3600)
  await driven.rollover.advance()
  expect(await signers()).toEqual(['B', 'B', 'A'])
  goTo(driven, ACTIVE + 7200)
  status = await driven.rollover.advance()
  expect(await signers()).toEqual(['B', 'B', 'B'])
  // The wait counts from the last one.
  expect(secondsOf(status.nextAt)).toBe(RETIRED + 7200)
})

test('what is told at the beginning: a text as plan, the bundle’s number, and every wrong option', async () => {
  const made = plan()
  const base = { plan: made, journal: openJournal(), clock: manualClock(at(0)) }
  expect(
    (await (await Rollover.open({ ...base, plan: JSON.stringify(made) })).status()).bundle,
  ).toMatchObject({
    sequence: 1,
    digest: OLD,
  })
  const cases: readonly (readonly [object, RegExp])[] = [
    [{ journal: undefined }, /option "journal" must have the methods read\(\) and replace/],
    [{ journal: { read: () => undefined } }, /option "journal"/],
    [{ sequence: '7' }, /option "sequence"/],
    [{ sequence: 0 }, /option "sequence"/],
    [{ sequence: 1.5 }, /option "sequence"/],
    [{ onEvent: 5 }, /option "onEvent"/],
    [{ clock: {} }, /option "clock"/],
    [{ clock: { now: () => new Date(Number.NaN) } }, /option "clock"/],
    [{ clocks: base.clock }, /no option "clocks"/],
  ]
  for (const [wrong, message] of cases)
    await expect(Rollover.open({ ...base, journal: openJournal(), ...wrong } as never)).rejects.toThrow(
      message,
    )
  await expect(Rollover.open({ ...base, plan: '{}' })).rejects.toMatchObject({ code: 'ERR_ROLLOVER_PLAN' })
})
