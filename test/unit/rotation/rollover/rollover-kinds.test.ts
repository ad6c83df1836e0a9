/** What is particular to each kind of rollover, driven by hand. */

import { describe, expect, test } from 'vitest'
import {
  digestByHand,
  drive,
  epoch,
  FINGERPRINT,
  gatesOf,
  goTo,
  madeAt,
  OLD,
  obey,
  obeyAll,
  obeyAt,
  secondsOf,
  UNION,
} from './driver-support.ts'
import { ADOPTION, DAY, HOUR, MINUTE } from './support.ts'

describe('adoption: clusters with a root each come under one', () => {
  test('each keeps its own until the union is published, and each root goes on its own', async () => {
    const driven = await drive({ ...ADOPTION, stagger: '1h', evidenceMaxAge: '1d' }, { sequence: 9 })
    const { rollover } = driven
    // Nobody’s bundle is everybody’s, so there is none to have, and no sequence.
    expect(await rollover.desired('c1')).toEqual({
      member: 'c1',
      revision: 1,
      bundle: undefined,
      signer: 'A1',
      attachCross: false,
    })
    let status = await rollover.status()
    expect(status.bundle).toMatchObject({ sequence: 0, authorities: [] })
    await obeyAll(driven)
    await rollover.stageAs(madeAt())
    status = await rollover.advance()
    const union = digestByHand('id:A1', 'id:A2', 'id:A3', FINGERPRINT)
    expect(status.bundle).toMatchObject({
      sequence: epoch(0),
      digest: union,
      authorities: ['A1', 'A2', 'A3', 'B'],
    })
    expect((await rollover.desired('c3'))?.bundle?.digest).toBe(union)
    // What was reported before counts for nothing.
    goTo(driven, 17 * MINUTE)
    status = await rollover.advance()
    expect(gatesOf(status, 'distribute')).toEqual(['c1', 'c2', 'c3'].map((c) => `distribution-evidence ${c}`))

    status = await obeyAll(driven)
    expect(status.stages).toEqual({ A1: 'DRAINING', A2: 'ACTIVE', A3: 'ACTIVE', B: 'ACTIVE' })
    expect(
      await Promise.all(['c1', 'c2', 'c3'].map(async (c) => (await rollover.desired(c))?.signer)),
    ).toEqual(['B', 'A2', 'A3'])
    // Each says at once that it has switched, so the ledger of its root ends before the plan does.
    await obeyAll(driven)
    for (const hours of [1, 2]) {
      await obeyAt(driven, 17 * MINUTE + hours * HOUR)
      status = await obeyAll(driven)
    }
    expect(status.stages).toMatchObject({ A1: 'DRAINING', A2: 'DRAINING', A3: 'DRAINING' })

    // R1 = 31 m + 24 h; each of the next ones an hour later.
    const first = 31 * MINUTE + DAY
    status = await obeyAt(driven, first - 1)
    expect(status.stages['A1']).toBe('DRAINING')
    const sequences = [status.bundle.sequence]
    for (const [i, left] of [['A2', 'A3', 'B'], ['A3', 'B'], ['B']].entries()) {
      goTo(driven, first + i * HOUR)
      status = await rollover.advance()
      expect(status.bundle.authorities).toEqual(left)
      expect(status.bundle.digest).toBe(
        digestByHand(...left.map((id) => (id === 'B' ? FINGERPRINT : `id:${id}`))),
      )
      sequences.push(status.bundle.sequence)
    }
    expect(sequences).toEqual([epoch(0), epoch(first), epoch(first + HOUR), epoch(first + 2 * HOUR)])
    // Pruned one by one too, each 24 h and 17 m after its end; who has the newest bundle has forgotten all.
    status = await obeyAt(driven, first + 17 * MINUTE + DAY)
    expect(status.stages).toMatchObject({ A1: 'PRUNED', A2: 'RETIRED', A3: 'RETIRED' })
    expect(status.over).toBe(false)
    status = await obeyAt(driven, first + 17 * MINUTE + DAY + 2 * HOUR)
    expect([status.over, status.stages['A3']]).toEqual([true, 'PRUNED'])
  })

  test('a root whose cluster has not switched stays, while the others go', async () => {
    const driven = await drive({ ...ADOPTION, evidenceMaxAge: '1d' })
    await driven.rollover.stageAs(madeAt())
    await driven.rollover.advance()
    await obeyAt(driven, 17 * MINUTE)
    await obey(driven, 'c1')
    await obey(driven, 'c2')
    await obey(driven, 'c3', { signer: 'A3' })
    goTo(driven, 31 * MINUTE + DAY + 20 * MINUTE)
    await obey(driven, 'c1')
    await obey(driven, 'c2')
    await obey(driven, 'c3', { signer: 'A3' })
    const status = await driven.rollover.advance()
    expect(status.stages).toEqual({ A1: 'RETIRED', A2: 'RETIRED', A3: 'DRAINING', B: 'ACTIVE' })
    expect(status.bundle.authorities).toEqual(['A3', 'B'])
    expect(status.waiting.find(({ step }) => step.authority === 'A3')?.message).toContain(
      'c3 has not reported that it signs with B; it reported A3',
    )
  })
})

describe('issuing-ca: the root stays', () => {
  test('no bundle is published, and nobody waits for one', async () => {
    const driven = await drive({ kind: 'issuing-ca' })
    const { rollover } = driven
    expect(await rollover.desired('east')).toMatchObject({ bundle: undefined, signer: 'A' })
    expect(gatesOf(await rollover.advance(), 'activate', 'east')).toEqual(['staged'])
    await rollover.stageAs(madeAt())
    let status = await rollover.advance()
    // B began 2S before, so the slowest clock takes it: everybody may switch at once.
    expect(status.stages).toEqual({ A: 'DRAINING', B: 'ACTIVE' })
    expect(await rollover.desired('east')).toMatchObject({
      bundle: undefined,
      signer: 'B',
      attachCross: false,
    })
    expect(gatesOf(status, 'retire')).toEqual([
      'plan-time',
      'switch-evidence east',
      'switch-evidence west',
      'switch-evidence north',
      'retention-time',
    ])
    await obeyAll(driven)
    expect((await obeyAt(driven, 14 * MINUTE + DAY - 1)).stages['A']).toBe('DRAINING')
    status = await obeyAt(driven, 14 * MINUTE + DAY)
    expect(status.stages['A']).toBe('RETIRED')
    expect(status.bundle.sequence).toBe(1)
    goTo(driven, 14 * MINUTE + 2 * DAY - 1)
    expect((await rollover.advance()).over).toBe(false)
    goTo(driven, 14 * MINUTE + 2 * DAY)
    expect((await rollover.advance()).over).toBe(true)
    expect(driven.events.some((event) => event.type === 'published' && event.sequence !== 1)).toBe(false)
  })
})

describe('cross-signing: issuers switch before everybody has the new root', () => {
  test('a cluster switches once its own verifiers have the bundle, and attaches the cross-certificate', async () => {
    const driven = await drive({ crossSign: true })
    const { rollover } = driven
    await rollover.stageAs(madeAt())
    let status = await rollover.advance()
    expect(status.stages['B']).toBe('PUBLISHED')
    expect(gatesOf(status, 'activate', 'east')).toEqual(['own-bundle east'])
    await obey(driven, 'east')
    status = await rollover.advance()
    expect(status.stages).toEqual({ A: 'ACTIVE', B: 'ACTIVE' })
    expect(await rollover.desired('east')).toMatchObject({ signer: 'B', attachCross: true })
    expect((await rollover.desired('west'))?.signer).toBe('A')
    expect(gatesOf(status, 'activate', 'west')).toEqual(['own-bundle west'])
    expect(gatesOf(status, 'distribute')).toEqual([
      'distribution-time',
      'distribution-evidence west',
      'distribution-evidence north',
    ])
    // At the instant of the plan somebody is late: it is still sent along.
    goTo(driven, 17 * MINUTE)
    await obey(driven, 'west')
    await rollover.advance()
    expect((await rollover.desired('east'))?.attachCross).toBe(true)
    await obey(driven, 'north')
    status = await rollover.advance()
    expect(status.state.authorities['B']).toMatchObject({ stage: 'ACTIVE' })
    expect(status.state.authorities['B']?.since.DISTRIBUTED).toBe('2026-03-01T00:17:00Z')
    expect((await rollover.desired('east'))?.attachCross).toBe(false)
  })

  test('and until the instant of the plan it is sent along', async () => {
    const driven = await drive({ crossSign: true })
    await driven.rollover.stageAs(madeAt())
    await driven.rollover.advance()
    await obeyAll(driven)
    goTo(driven, 17 * MINUTE - 1)
    expect((await driven.rollover.desired('east'))?.attachCross).toBe(true)
    // Without everybody’s evidence the old root stays, however long ago the last switch was.
    goTo(driven, 20 * MINUTE)
    expect((await driven.rollover.advance()).state.authorities['B']?.since.DISTRIBUTED).toBeDefined()
  })
})

test('a cross-certificate is sent along to its instant, also where somebody forced the distribution', async () => {
  const driven = await drive({ crossSign: true })
  await driven.rollover.stageAs(madeAt())
  await driven.rollover.advance()
  await obeyAll(driven)
  await driven.rollover.force({ gate: 'distribution-time', reason: 'lab' })
  const { since } = (await driven.rollover.advance()).state.authorities['B'] ?? {}
  expect(since?.DISTRIBUTED).toBe('2026-03-01T00:00:00Z')
  goTo(driven, 17 * MINUTE - 1)
  expect((await driven.rollover.desired('east'))?.attachCross).toBe(true)
  goTo(driven, 17 * MINUTE)
  expect((await driven.rollover.desired('east'))?.attachCross).toBe(false)
})

describe('emergency: the outgoing key is compromised', () => {
  const emergency = { emergency: { reissueWithin: '1h' } }
  // T = 17 m + Δsw + 2S; R = T + Δsw + W + F + 2Δl + 4S.
  const [TAINTED, REVOKED] = [29 * MINUTE, 165 * MINUTE]

  test('the taint follows the switch, then everything is issued again, and only evidence revokes', async () => {
    const driven = await drive(emergency)
    const { rollover } = driven
    await rollover.stageAs(madeAt())
    await rollover.advance()
    let status = await obeyAt(driven, 17 * MINUTE)
    expect(status.stages).toEqual({ A: 'DRAINING', B: 'ACTIVE' })
    expect(gatesOf(status, 'taint')).toEqual([
      'plan-time',
      'switch-time',
      ...['east', 'west', 'north'].map((name) => `switch-evidence ${name}`),
    ])
    expect(secondsOf(status.nextAt)).toBe(TAINTED)
    expect(await rollover.desired('east')).not.toHaveProperty('reissue')
    expect((await obeyAt(driven, TAINTED - 1)).stages['A']).toBe('DRAINING')
    goTo(driven, TAINTED)
    status = await rollover.advance()
    expect(status.stages['A']).toBe('TAINTED')
    // It is still trusted; everybody issues again.
    expect(status.bundle.authorities).toEqual(['A', 'B'])
    expect((await rollover.desired('east'))?.reissue).toEqual({ authorities: ['A'], within: '1h' })
    expect(secondsOf(status.nextAt)).toBe(REVOKED)

    expect((await obeyAt(driven, REVOKED - 1, { presents: ['B'] })).stages['A']).toBe('TAINTED')
    status = await obeyAt(driven, REVOKED, { presents: ['A', 'B'] })
    expect(gatesOf(status, 'retire')).toEqual(['east', 'west', 'north'].map((name) => `presence ${name}`))
    expect(status.waiting[0]?.message).toContain('east still presents certificates under A')
    await obey(driven, 'east', { presents: ['B'] })
    await obey(driven, 'west', { presents: [] })
    await obey(driven, 'north')
    status = await rollover.advance()
    expect(gatesOf(status, 'retire')).toEqual(['presence north'])
    expect(status.waiting[0]?.message).toContain('north has not reported what its workloads present')
    await obey(driven, 'north', { presents: ['B'] })
    status = await rollover.advance()
    expect(status.stages['A']).toBe('REVOKED')
    expect(status.bundle.authorities).toEqual(['B'])
    expect(await rollover.desired('east')).not.toHaveProperty('reissue')
    // The leaves of 24 h are not waited for.
    expect(REVOKED).toBeLessThan(DAY)
  })

  test('an issuer that still signs with the old key keeps the taint away', async () => {
    const driven = await drive(emergency)
    await driven.rollover.stageAs(madeAt())
    await driven.rollover.advance()
    await obeyAt(driven, 17 * MINUTE)
    goTo(driven, TAINTED)
    await obey(driven, 'east')
    await obey(driven, 'west')
    await obey(driven, 'north', { signer: 'A' })
    const status = await driven.rollover.advance()
    expect([status.stages['A'], gatesOf(status, 'taint')]).toEqual(['DRAINING', ['switch-evidence north']])
    await obey(driven, 'north')
    expect((await driven.rollover.advance()).stages['A']).toBe('TAINTED')
  })
})

describe('audiences only verify', () => {
  test('their bundle is waited for, their signer is not', async () => {
    const driven = await drive({ audiences: [{ name: 'partner', refreshHint: '10m' }] })
    const { rollover } = driven
    await rollover.stageAs(madeAt())
    let status = await rollover.advance()
    // Three polls of ten minutes, and 2S.
    expect(secondsOf(status.nextAt)).toBe(32 * MINUTE)
    expect(await rollover.desired('partner')).toEqual({
      member: 'partner',
      revision: 3,
      bundle: {
        sequence: epoch(0),
        digest: UNION,
        authorities: [{ id: 'A' }, { id: 'B', fingerprint: FINGERPRINT }],
      },
      attachCross: false,
    })
    goTo(driven, 32 * MINUTE)
    for (const name of ['east', 'west', 'north']) await obey(driven, name)
    status = await rollover.advance()
    expect(gatesOf(status, 'distribute')).toEqual(['distribution-evidence partner'])
    await rollover.report({ member: 'partner', revision: 1, bundle: { sequence: 1, digest: OLD } })
    expect((await rollover.advance()).stages['B']).toBe('PUBLISHED')
    await obey(driven, 'partner')
    status = await rollover.advance()
    expect(status.stages).toEqual({ A: 'DRAINING', B: 'ACTIVE' })
    expect(gatesOf(status, 'retire').filter((gate) => gate.startsWith('switch-evidence'))).toHaveLength(3)
    // Of an audience that nobody heard of lately, nothing goes on either.
    await obeyAll(driven)
    const end = 32 * MINUTE + 14 * MINUTE + DAY
    goTo(driven, end)
    for (const name of ['east', 'west', 'north']) await obey(driven, name)
    status = await rollover.advance()
    expect(gatesOf(status, 'retire')).toEqual(['evidence-age partner'])
    await obey(driven, 'partner')
    status = await rollover.advance()
    expect(status.stages['A']).toBe('RETIRED')
    status = await obeyAt(driven, end + 32 * MINUTE + DAY)
    expect(status.over).toBe(true)
  })
})
