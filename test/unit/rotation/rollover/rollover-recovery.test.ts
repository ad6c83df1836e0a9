/** A journal that was restored from a backup, or deleted. */

import { describe, expect, test } from 'vitest'
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
  obeyAll,
  obeyAt,
  secondsOf,
  UNION,
} from './driver-support.ts'
import { DAY, HOUR, MINUTE } from './support.ts'

const ACTIVE = 17 * MINUTE
const CLUSTERS = ['east', 'west', 'north']

describe('a journal that goes back', () => {
  /** All have switched to B at 17 m; the text is from before they had even acknowledged it. */
  async function further(): Promise<readonly [Driven, string]> {
    const one = await drive()
    await one.rollover.stageAs(madeAt())
    await one.rollover.advance()
    const old = one.journal.text()
    await obeyAt(one, ACTIVE)
    await obeyAll(one)
    expect((await one.rollover.status()).stages).toEqual({ A: 'DRAINING', B: 'ACTIVE' })
    return [one, old]
  }
  const tell = (one: Driven, member: string, revision: number): Promise<void> =>
    one.rollover.report({ member, revision, bundle: { sequence: epoch(0), digest: UNION }, signer: 'B' })

  test('while its driver runs: nobody goes back, nothing goes on, and reports recover it', async () => {
    const [one, old] = await further()
    const { revision } = await one.rollover.status()
    one.journal.put(old)
    for (const name of CLUSTERS) expect(await one.rollover.desired(name)).toBeUndefined()
    const { writes } = one.journal
    let status = await one.rollover.advance()
    expect(one.journal.writes).toBe(writes)
    expect(gatesOf(status, 'distribute').slice(0, 3)).toEqual(CLUSTERS.map((name) => `recovery ${name}`))
    expect(status.waiting[0]?.message).toContain(
      'the journal is older than what members have, so it was restored; east has not reported since',
    )
    await expect(one.rollover.abort({ reason: 'x' })).rejects.toMatchObject({
      code: 'ERR_ROLLOVER_BLOCKED',
      message: expect.stringContaining('the journal is older than what members have'),
    })
    goTo(one, HOUR)
    await tell(one, 'east', revision)
    await tell(one, 'west', revision)
    status = await one.rollover.advance()
    expect(status.waiting[0]?.missing).toContain('north')
    expect(await one.rollover.desired('east')).toBeUndefined()
    await tell(one, 'north', revision)
    status = await one.rollover.advance()
    expect(status.stages).toEqual({ A: 'DRAINING', B: 'ACTIVE' })
    expect(status.state.recovering).toBeUndefined()
    expect(status.bundle).toMatchObject({ sequence: epoch(0), digest: UNION })
    expect((await one.rollover.desired('east'))?.signer).toBe('B')
    // Newer than what is still on its way, and every wait begins anew: distribution, then Δsw + L + 4S.
    expect(status.revision).toBeGreaterThan(revision + 100)
    expect(gatesOf(status, 'retire')).toContain('retention-time')
    expect(
      secondsOf(status.waiting.find(({ step }) => step.kind === 'retire')?.until),
    ).toBeGreaterThanOrEqual(HOUR + 14 * MINUTE + DAY)
    await obeyAt(one, HOUR + ACTIVE)
    status = await obeyAt(one, HOUR + 14 * MINUTE + DAY)
    expect(status.stages['A']).toBe('RETIRED')
  })

  test('with a new driver: the first report that is ahead shows it', async () => {
    const [one, old] = await further()
    const { revision } = await one.rollover.status()
    one.journal.put(old)
    const two: Driven = { ...one, rollover: await another(one) }
    // It cannot know yet.
    expect((await two.rollover.desired('east'))?.signer).toBe('A')
    await tell(two, 'east', revision)
    for (const name of CLUSTERS) expect(await two.rollover.desired(name)).toBeUndefined()
    const status = await two.rollover.advance()
    expect(status.state.recovering?.told).toEqual(['east'])
    expect(status.state.entries.at(-1)?.what).toBe(
      `east has bundle ${epoch(0)}, revision ${revision}: this journal is older`,
    )
    await tell(two, 'west', revision)
    await tell(two, 'north', revision)
    expect((await two.rollover.advance()).stages).toEqual({ A: 'DRAINING', B: 'ACTIVE' })
    expect((await two.rollover.desired('north'))?.signer).toBe('B')
  })

  test('to before a withdrawal: what is gone stays gone', async () => {
    const [one] = await further()
    const old = one.journal.text()
    const end = ACTIVE + 14 * MINUTE + DAY
    expect((await obeyAt(one, end)).stages['A']).toBe('RETIRED')
    await obeyAll(one)
    const { revision, bundle } = await one.rollover.status()
    one.journal.put(old)
    goTo(one, end + 60)
    for (const member of CLUSTERS)
      await one.rollover.report({
        member,
        revision,
        bundle: { sequence: bundle.sequence, digest: NEW },
        signer: 'B',
      })
    const status = await one.rollover.advance()
    expect(status.stages).toEqual({ A: 'RETIRED', B: 'ACTIVE' })
    expect(status.bundle).toMatchObject({ sequence: epoch(end), digest: NEW, authorities: ['B'] })
  })

  test('a report that no journal can have led to begins no recovery', async () => {
    const [one] = await further()
    await obeyAt(one, ACTIVE + 14 * MINUTE + DAY)
    const { revision, bundle, stages } = await one.rollover.status()
    expect(stages['A']).toBe('RETIRED')
    const say = (more: {
      readonly revision?: number
      readonly sequence?: number
      readonly digest?: string
    }) =>
      one.rollover.report({
        member: 'east',
        revision: more.revision ?? revision,
        bundle: { sequence: more.sequence ?? bundle.sequence, digest: more.digest ?? NEW },
        signer: 'B',
      })
    const refused = (words: string) => ({
      code: 'ERR_ROLLOVER_EVIDENCE',
      message: expect.stringContaining(words),
    })
    await expect(say({ revision: revision + 1_000_001 })).rejects.toMatchObject(refused('1000000 revisions'))
    await expect(say({ sequence: epoch(3 * DAY) })).rejects.toMatchObject(refused('a day ahead of the clock'))
    // What is withdrawn comes back by nobody's word.
    const later = bundle.sequence + 1
    await expect(say({ sequence: later, digest: UNION })).rejects.toMatchObject(refused('withdrawn for good'))
    const { state } = await one.rollover.status()
    expect([state.recovering, state.revision]).toEqual([undefined, revision])
    await say({ sequence: later })
    expect((await one.rollover.status()).state.recovering).toBeDefined()
  })

  test('to before an abort: what was withdrawn is staged, and published anew', async () => {
    const one = await drive()
    await one.rollover.stageAs(madeAt())
    await one.rollover.advance()
    const old = one.journal.text()
    await obeyAll(one)
    await one.rollover.abort({ reason: 'x' })
    goTo(one, 60)
    const { stages, revision } = await one.rollover.advance()
    expect(stages['B']).toBe('RETIRED')
    one.journal.put(old)
    const bundle = { sequence: epoch(60), digest: OLD }
    for (const member of CLUSTERS) await one.rollover.report({ member, revision, bundle, signer: 'A' })
    const status = await one.rollover.advance()
    const what = status.state.entries.map((entry) => entry.what)
    expect(what.at(-2)).toContain(`recovered from what members have: bundle ${epoch(60)}`)
    expect(what.at(-1)).toBe(`B PUBLISHED in bundle ${epoch(60) + 1}`)
    expect(status.stages).toEqual({ A: 'ACTIVE', B: 'PUBLISHED' })
    expect(status.state.authorities['B']?.since).toEqual({
      STAGED: '2026-03-01T00:00:00Z',
      PUBLISHED: '2026-03-01T00:01:00Z',
    })
    expect(status.bundle.digest).toBe(UNION)
  })

  test('to before the key: it waits until somebody says again which certificate that is', async () => {
    const one = await drive()
    const old = one.journal.text()
    await one.rollover.stageAs(madeAt())
    await one.rollover.advance()
    await obeyAll(one)
    one.journal.put(old)
    const bundle = { sequence: epoch(0), digest: UNION }
    for (const member of CLUSTERS) await one.rollover.report({ member, revision: 3, bundle, signer: 'A' })
    let status = await one.rollover.advance()
    expect([status.state.recovering?.told, status.stages['B']]).toEqual([CLUSTERS, 'PLANNED'])
    expect(await one.rollover.desired('east')).toBeUndefined()
    await one.rollover.stageAs(madeAt())
    status = await one.rollover.advance()
    expect([status.state.recovering, status.stages['B'], status.bundle.digest]).toEqual([
      undefined,
      'PUBLISHED',
      UNION,
    ])
  })

  test('whoever does not report any longer is taken out, and the others suffice', async () => {
    const [one, old] = await further()
    const { revision } = await one.rollover.status()
    one.journal.put(old)
    await tell(one, 'east', revision)
    await tell(one, 'west', revision)
    await one.rollover.leave('north', { reason: 'burnt down' })
    expect((await one.rollover.advance()).stages).toEqual({ A: 'DRAINING', B: 'ACTIVE' })
  })

  test('deleted: it says so, a new driver begins, and reports lead it to where it was', async () => {
    const [one] = await further()
    const { revision } = await one.rollover.status()
    one.journal.put(undefined)
    for (const call of [() => one.rollover.advance(), () => one.rollover.desired('east')])
      await expect(call()).rejects.toMatchObject({
        code: 'ERR_ROLLOVER_JOURNAL',
        message: expect.stringContaining('it was deleted. Restore it, or open the rollover again'),
      })
    const two: Driven = { ...one, rollover: await another(one) }
    await two.rollover.stageAs(madeAt())
    for (const member of CLUSTERS) await tell(two, member, revision)
    expect((await two.rollover.advance()).stages).toEqual({ A: 'DRAINING', B: 'ACTIVE' })
  })

  test('a bundle that nobody knows: its member is asked until it has one that is known', async () => {
    const one = await drive()
    await one.rollover.stageAs(madeAt())
    await one.rollover.advance()
    await obeyAll(one)
    const unknown = { sequence: epoch(DAY), digest: 'ee'.repeat(32) }
    await one.rollover.report({ member: 'east', revision: 3, bundle: unknown, signer: 'A' })
    expect(await one.rollover.desired('west')).toBeUndefined()
    for (const member of ['west', 'north'])
      await one.rollover.report({
        member,
        revision: 3,
        bundle: { sequence: epoch(0), digest: UNION },
        signer: 'A',
      })
    expect((await one.rollover.status()).state.recovering?.told).toEqual(CLUSTERS)
    await one.rollover.report({
      member: 'east',
      revision: 3,
      bundle: { sequence: epoch(0), digest: UNION },
      signer: 'A',
    })
    const status = await one.rollover.advance()
    expect([status.state.recovering, status.stages['B']]).toEqual([undefined, 'PUBLISHED'])
    expect((await one.rollover.desired('west'))?.bundle?.digest).toBe(UNION)
  })
})
