/** The way back, the way forward again, and another plan. */

import { describe, expect, test } from 'vitest'
import { Rollover, type RolloverParameters, type RolloverStatus } from '../../../../src/rotation/index.ts'
import {
  another,
  type Driven,
  drive,
  epoch,
  gatesOf,
  goTo,
  madeAt,
  NEW,
  OLD,
  obey,
  obeyAll,
  obeyAt,
  secondsOf,
  UNION,
} from './driver-support.ts'
import { ADOPTION, at, DAY, HOUR, MINUTE, plan } from './support.ts'

const ACTIVE = 17 * MINUTE
const RETIRED = 31 * MINUTE + DAY
const reason = { reason: 'it does not work' }
const CLUSTERS = ['east', 'west', 'north']

const signersOf = (driven: Driven): Promise<readonly (string | undefined)[]> =>
  Promise.all(CLUSTERS.map(async (name) => (await driven.rollover.desired(name))?.signer))

/** Drives to a stage before retirement. */
const DRIVE: Readonly<Record<string, (driven: Driven) => Promise<RolloverStatus>>> = {
  PLANNED: (driven) => driven.rollover.advance(),
  STAGED: (driven) => driven.rollover.stageAs(madeAt()),
  PUBLISHED: async (driven) => {
    await driven.rollover.stageAs(madeAt())
    return driven.rollover.advance()
  },
  DISTRIBUTED: async (driven) => {
    await DRIVE['PUBLISHED']?.(driven)
    return obeyAt(driven, ACTIVE)
  },
  ACTIVE: async (driven) => {
    await DRIVE['PUBLISHED']?.(driven)
    await obeyAt(driven, HOUR)
    return obeyAll(driven)
  },
}

async function driven(
  stage: string,
  more: Partial<RolloverParameters> = {},
): Promise<readonly [Driven, RolloverStatus]> {
  const made = await drive({
    ...(stage === 'DISTRIBUTED' ? { activateAt: at(HOUR) } : {}),
    ...(stage === 'ACTIVE' ? { stagger: '5h', activateAt: at(HOUR) } : {}),
    ...more,
  })
  const status = await DRIVE[stage]?.(made)
  if (status?.stages['B'] !== stage) throw new Error(`it is ${status?.stages['B']}`)
  return [made, status]
}

describe('back', () => {
  test.each(['PLANNED', 'STAGED'])('from %s it is over at once: nobody has seen anything', async (stage) => {
    const [one] = await driven(stage)
    const status = await one.rollover.abort(reason)
    expect(status).toMatchObject({
      direction: 'back',
      over: true,
      stages: { A: 'ACTIVE', B: 'PRUNED' },
      waiting: [],
    })
    expect(await one.rollover.desired('east')).toMatchObject({
      bundle: { sequence: 1, digest: OLD },
      signer: 'A',
    })
    expect(status.state.entries.at(-1)?.what).toBe('aborted: it does not work')
    expect((await one.rollover.advance()).revision).toBe(status.revision)
    await expect(one.rollover.resume(reason)).rejects.toMatchObject({
      code: 'ERR_ROLLOVER_BLOCKED',
      message: expect.stringContaining('B is pruned: its key is gone. Make a new plan'),
    })
  })

  test.each(['PUBLISHED', 'DISTRIBUTED'])(
    'from %s: withdrawn when all say that they sign with the old one',
    async (stage) => {
      const [one] = await driven(stage)
      let status = await one.rollover.abort(reason)
      expect([status.over, status.stages]).toEqual([false, { A: 'ACTIVE', B: 'DRAINING' }])
      // What everybody trusts stays until nobody can need it.
      expect((await one.rollover.desired('east'))?.bundle?.digest).toBe(UNION)
      expect(await signersOf(one)).toEqual(['A', 'A', 'A'])
      goTo(one, ACTIVE + 60)
      await obey(one, 'east')
      await obey(one, 'west')
      await obey(one, 'north', { signer: 'B' })
      status = await one.rollover.advance()
      expect(gatesOf(status, 'retire')).toEqual(['switch-evidence north'])
      await obey(one, 'north')
      goTo(one, ACTIVE + 61)
      status = await one.rollover.advance()
      // It reported B a moment ago, so what it may have issued counts.
      expect(gatesOf(status, 'retire')).toEqual(['ledger'])
      expect(secondsOf(status.nextAt)).toBe(ACTIVE + 60 + 2 * MINUTE + DAY + 4 * MINUTE)
    },
  )

  test('where nobody ever used it, it is withdrawn at once, pruned later, and then it is over', async () => {
    const [one] = await driven('PUBLISHED')
    await obeyAll(one)
    await one.rollover.abort(reason)
    goTo(one, 60)
    let status = await one.rollover.advance()
    expect(status.stages).toEqual({ A: 'ACTIVE', B: 'RETIRED' })
    expect(status.bundle).toMatchObject({ sequence: epoch(60), digest: OLD, authorities: ['A'] })
    const end = 60 + ACTIVE + DAY
    status = await obeyAt(one, end - 1)
    expect([status.over, gatesOf(status, 'prune')]).toEqual([false, ['withdrawal-time']])
    goTo(one, end)
    status = await one.rollover.advance()
    expect(status).toMatchObject({ over: true, direction: 'back', stages: { A: 'ACTIVE', B: 'PRUNED' } })
    expect(one.events.at(-1)).toEqual({ type: 'finished', at: at(end).getTime(), direction: 'back' })
    await expect(one.rollover.resume(reason)).rejects.toMatchObject({ code: 'ERR_ROLLOVER_BLOCKED' })
    expect((await one.rollover.abort(reason)).revision).toBe(status.revision)
  })

  test('after a switch everybody signs with the old one, and what was issued under the new one is waited for', async () => {
    const [one, before] = await driven('ACTIVE')
    expect(before.stages).toEqual({ A: 'ACTIVE', B: 'ACTIVE' })
    expect(await signersOf(one)).toEqual(['B', 'A', 'A'])
    let status = await one.rollover.abort(reason)
    expect(status.stages).toEqual({ A: 'ACTIVE', B: 'DRAINING' })
    expect(await signersOf(one)).toEqual(['A', 'A', 'A'])
    expect(gatesOf(status, 'retire')).toEqual(['switch-evidence east', 'retention-time'])
    // Δsw + L + 4S after the abort.
    const end = HOUR + 14 * MINUTE + DAY
    await obeyAll(one)
    status = await obeyAt(one, end - 1)
    expect([gatesOf(status, 'retire'), secondsOf(status.nextAt)]).toEqual([['retention-time'], end])
    expect(status.bundle.digest).toBe(UNION)
    goTo(one, end)
    status = await one.rollover.advance()
    expect(status.bundle.digest).toBe(OLD)
  })

  test('after all have switched, too; plan instants mean nothing then', async () => {
    const one = await drive()
    await DRIVE['DISTRIBUTED']?.(one)
    expect((await obeyAll(one)).stages).toEqual({ A: 'DRAINING', B: 'ACTIVE' })
    const status = await one.rollover.abort(reason)
    expect(status.stages).toEqual({ A: 'ACTIVE', B: 'DRAINING' })
    expect(await signersOf(one)).toEqual(['A', 'A', 'A'])
    expect(status.state.members['west']).toMatchObject({ signer: 'A', switchedAt: '2026-03-01T00:17:00Z' })
  })
})

describe('there is no way back', () => {
  const refuses = async ({ rollover, journal }: Driven, message: string): Promise<void> => {
    const before = journal.text()
    await expect(rollover.abort(reason)).rejects.toMatchObject({
      code: 'ERR_ROLLOVER_BLOCKED',
      message: expect.stringContaining(message),
    })
    expect(journal.text()).toBe(before)
  }

  test('after retirement, and after pruning', async () => {
    const one = await drive()
    await DRIVE['DISTRIBUTED']?.(one)
    await obeyAll(one)
    expect((await obeyAt(one, RETIRED)).stages['A']).toBe('RETIRED')
    await refuses(one, 'A is RETIRED: verifiers no longer trust it. Roll over to a new authority instead')
    expect((await obeyAt(one, RETIRED + ACTIVE + DAY)).over).toBe(true)
    await refuses(one, 'A is PRUNED')
  })

  test('when one of several is retired', async () => {
    const one = await drive({ ...ADOPTION, stagger: '1h', evidenceMaxAge: '1d' })
    await DRIVE['DISTRIBUTED']?.(one)
    await obeyAll(one)
    for (const hours of [1, 2]) await obeyAt(one, ACTIVE + hours * HOUR)
    await obeyAll(one)
    expect((await obeyAt(one, RETIRED)).stages).toMatchObject({ A1: 'RETIRED', A2: 'DRAINING' })
    await refuses(one, 'A1 is RETIRED')
  })

  test('when it is tainted; before that there is', async () => {
    const emergency = { emergency: { reissueWithin: '1h' } }
    const one = await drive(emergency)
    await DRIVE['DISTRIBUTED']?.(one)
    await obeyAll(one)
    expect((await obeyAt(one, 29 * MINUTE)).stages['A']).toBe('TAINTED')
    await refuses(one, 'A is TAINTED: its key is compromised')
    const other = await drive(emergency)
    await DRIVE['DISTRIBUTED']?.(other)
    expect((await other.rollover.abort(reason)).stages['A']).toBe('ACTIVE')
  })

  test('when the old root ends too soon, to the second', async () => {
    // Δsw + L + 2S = 24 h 12 m: A's last instant is 24 h 29 m.
    const more = { outgoing: { id: 'A', notAfter: at(DAY + 29 * MINUTE) } }
    const one = await drive(more)
    await DRIVE['PUBLISHED']?.(one)
    await obeyAt(one, 5 * MINUTE)
    goTo(one, ACTIVE + 1)
    await refuses(one, 'A ends at 2026-03-02T00:29:00Z, less than 1d12m from now (Δsw + L + 2S, C5)')
    expect((await one.rollover.status()).degraded).toEqual([
      'A ends at 2026-03-02T00:29:00Z, and east, west, north still sign with it: what is issued is cut short (C5)',
    ])
    goTo(one, ACTIVE)
    expect((await one.rollover.status()).degraded).toEqual([])
    expect((await one.rollover.abort(reason)).direction).toBe('back')
  })

  test('when somebody has not reported for long: who never did is not asked', async () => {
    const one = await drive({}, { silent: true })
    await DRIVE['STAGED']?.(one)
    await obey(one, 'west')
    goTo(one, 15 * MINUTE + 1)
    await refuses(one, 'west last reported at 2026-03-01T00:00:00Z, more than 15m ago')
    goTo(one, 15 * MINUTE)
    expect((await one.rollover.abort(reason)).direction).toBe('back')
  })
})

describe('forward again', () => {
  test.each(['PUBLISHED', 'DISTRIBUTED'])('from %s it goes on where it was', async (stage) => {
    const [one] = await driven(stage)
    await one.rollover.abort(reason)
    const status = await one.rollover.resume({ reason: 'it does' })
    expect([status.direction, status.stages]).toEqual(['forward', { A: 'ACTIVE', B: stage }])
    expect(status.bundle.digest).toBe(UNION)
    await obeyAt(one, HOUR)
    expect(await signersOf(one)).toEqual(['B', 'B', 'B'])
    const { revision } = await one.rollover.status()
    expect((await one.rollover.resume(reason)).revision).toBe(revision)
  })

  test('after a switch every gate is asked again', async () => {
    const one = await drive()
    await DRIVE['DISTRIBUTED']?.(one)
    await obeyAll(one)
    await one.rollover.abort(reason)
    await obeyAll(one)
    goTo(one, ACTIVE + 15 * MINUTE + 1)
    let status = await one.rollover.resume(reason)
    expect(status.stages).toEqual({ A: 'ACTIVE', B: 'DISTRIBUTED' })
    expect(gatesOf(status, 'activate', 'east')).toEqual(CLUSTERS.map((name) => `evidence-age ${name}`))
    status = await obeyAll(one)
    expect(status.stages).toEqual({ A: 'DRAINING', B: 'ACTIVE' })
    // The retention counts from this switch.
    expect(secondsOf(status.nextAt)).toBe(ACTIVE + 15 * MINUTE + 1 + 14 * MINUTE + DAY)
  })

  test('after its withdrawal it is published anew, and everybody acknowledges that', async () => {
    const [one] = await driven('PUBLISHED')
    await obeyAll(one)
    await one.rollover.abort(reason)
    goTo(one, 60)
    const withdrawn = await one.rollover.advance()
    expect(withdrawn.stages['B']).toBe('RETIRED')
    let status = await one.rollover.resume(reason)
    expect(status.stages).toEqual({ A: 'ACTIVE', B: 'STAGED' })
    expect((await one.rollover.desired('east'))?.bundle?.digest).toBe(OLD)
    status = await one.rollover.advance()
    expect(status.bundle).toMatchObject({ sequence: epoch(60) + 1, digest: UNION })
    expect(status.bundle.sequence).toBe(withdrawn.bundle.sequence + 1)
    // The acknowledgement of the first union is one of an older bundle.
    goTo(one, 60 + ACTIVE)
    status = await one.rollover.advance()
    expect(gatesOf(status, 'distribute')).toEqual(CLUSTERS.map((name) => `distribution-evidence ${name}`))
    goTo(one, 60 + ACTIVE - 1)
    expect((await obeyAll(one)).stages['B']).toBe('PUBLISHED')
    goTo(one, 60 + ACTIVE)
    expect((await one.rollover.advance()).stages['B']).toBe('ACTIVE')
    // And back once more.
    expect((await one.rollover.abort(reason)).stages['B']).toBe('DRAINING')
  })

  test('also where it was distributed before', async () => {
    const [one] = await driven('DISTRIBUTED')
    await one.rollover.abort(reason)
    await obeyAll(one)
    expect((await one.rollover.status()).stages['B']).toBe('RETIRED')
    await one.rollover.resume(reason)
    goTo(one, 2 * HOUR)
    await obeyAll(one)
    expect((await obeyAll(one)).stages).toEqual({ A: 'ACTIVE', B: 'PUBLISHED' })
    expect((await obeyAt(one, 2 * HOUR + ACTIVE)).stages['B']).toBe('ACTIVE')
  })

  test('and to its end', async () => {
    const one = await drive()
    await DRIVE['DISTRIBUTED']?.(one)
    await one.rollover.abort(reason)
    await obeyAll(one)
    await one.rollover.resume(reason)
    await obeyAll(one)
    await obeyAll(one)
    const status = await obeyAt(one, RETIRED)
    expect([status.stages['A'], status.bundle.digest]).toEqual(['RETIRED', NEW])
    expect((await obeyAt(one, RETIRED + ACTIVE + DAY)).over).toBe(true)
  })
})

test('a reason must be told, each time', async () => {
  const { rollover, journal } = await drive()
  const before = journal.text()
  for (const wrong of [undefined, {}, { reason: '' }, { reason: ' \t' }, { reason: 5 }] as never[])
    for (const call of [
      () => rollover.abort(wrong),
      () => rollover.resume(wrong),
      () => rollover.leave('east', wrong),
      () => rollover.revise(plan(), wrong),
    ])
      await expect(call()).rejects.toThrow(
        wrong === undefined
          ? / takes an options object; got undefined/
          : /^option "reason" must say why; it is recorded$/,
      )
  expect(journal.text()).toBe(before)
})

describe('another plan', () => {
  test('what was issued under the old lifetime keeps its time', async () => {
    const [one] = await driven('PUBLISHED')
    goTo(one, 5 * MINUTE)
    const shorter = plan({ leafLifetime: '4h' })
    await one.rollover.revise(shorter, { reason: 'shorter' })
    expect(one.rollover.plan.digest).toBe(shorter.digest)
    let status = await one.rollover.status()
    expect(status.state.plan).toBe(shorter.digest)
    expect(status.state.entries.at(-1)?.what).toBe(`revised to plan ${shorter.digest.slice(0, 12)}: shorter`)
    // 5 m + Δsw + 2S + 24 h: the last one under the old lifetime, by whoever hears of it last.
    expect(status.state.authorities['A']?.greatestNotAfter).toBe('2026-03-02T00:17:00Z')
    await obeyAt(one, ACTIVE)
    await obeyAll(one)
    // The plan would retire it at 17 m + 10 m + 4 h + 4 m.
    const end = DAY + 17 * MINUTE + 4 * MINUTE
    status = await obeyAt(one, 5 * HOUR)
    expect([gatesOf(status, 'retire'), secondsOf(status.nextAt)]).toEqual([['ledger'], end])
    expect((await obeyAt(one, end - 1)).stages['A']).toBe('DRAINING')
    goTo(one, end)
    expect((await one.rollover.advance()).stages['A']).toBe('RETIRED')
  })

  test('of other authorities, of another kind, or not safe, is refused and changes nothing', async () => {
    const [one] = await driven('PUBLISHED')
    const before = one.journal.text()
    for (const other of [
      plan({ outgoing: { id: 'C', notAfter: at(90 * DAY) } }),
      plan({ incoming: { id: 'C', lifetime: '365d' } }),
      plan({ kind: 'issuing-ca' }),
    ])
      await expect(one.rollover.revise(other, reason)).rejects.toMatchObject({
        code: 'ERR_ROLLOVER_PLAN',
        message: expect.stringContaining('this rollover is of kind root for B A'),
      })
    await expect(one.rollover.revise('{}', reason)).rejects.toMatchObject({ code: 'ERR_ROLLOVER_PLAN' })
    expect(one.journal.text()).toBe(before)
    expect((await one.rollover.advance()).stages['B']).toBe('PUBLISHED')
  })

  test('a driver with the old one is refused, and told what to do', async () => {
    const [one] = await driven('PUBLISHED')
    const old = await another(one)
    const slower = plan({ propagation: '30m' })
    await one.rollover.revise(slower, reason)
    const refusal = {
      code: 'ERR_ROLLOVER_PLAN',
      message: `the journal follows the plan ${slower.digest}, and this one is ${one.plan.digest}. Open it with its own plan; to change that, call revise()`,
      data: { expected: slower.digest, found: one.plan.digest },
    }
    const before = one.journal.text()
    for (const call of [
      () => old.advance(),
      () => old.status(),
      () => old.desired('east'),
      () => old.report({ member: 'east', revision: 1 }),
      () => old.abort(reason),
      () => old.stageAs(madeAt()),
      () => another(one),
    ])
      await expect(call()).rejects.toMatchObject(refusal)
    expect(one.journal.text()).toBe(before)
    const next = await Rollover.open({ plan: slower, journal: one.journal, clock: one.clock })
    expect((await next.advance()).stages['B']).toBe('PUBLISHED')
    // D + 2S of the new plan.
    expect(secondsOf((await next.status()).nextAt)).toBe(32 * MINUTE)
  })

  test('with a cluster more: it is waited for', async () => {
    const [one] = await driven('PUBLISHED')
    await one.rollover.revise(plan({ clusters: [...CLUSTERS, 'south'] }), reason)
    expect((await one.rollover.desired('south'))?.signer).toBe('A')
    goTo(one, ACTIVE)
    for (const name of CLUSTERS) await obey(one, name)
    expect(gatesOf(await one.rollover.advance(), 'distribute')).toEqual(['distribution-evidence south'])
    await obey(one, 'south')
    expect((await one.rollover.advance()).stages['B']).toBe('ACTIVE')
  })
})
