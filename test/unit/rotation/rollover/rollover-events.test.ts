/** What a driver tells its observer. */

import { describe, expect, test } from 'vitest'
import {
  checkTrace,
  Rollover,
  type RolloverParameters,
  type TraceEvent,
} from '../../../../src/rotation/index.ts'
import {
  digestByHand,
  drive,
  epoch,
  FINGERPRINT,
  madeAt,
  OLD,
  obeyAll,
  obeyAt,
  UNION,
} from './driver-support.ts'
import { ADOPTION, at, HOUR, MINUTE, plan } from './support.ts'

const reason = { reason: 'lab' }

/** The first event of a trace whose verifiers are not told. */
function begin(more: Partial<RolloverParameters>): TraceEvent {
  const planned: Record<string, number> = {}
  for (const { stage, authority, at: instant } of plan(more).steps)
    if (stage !== 'STAGED' && stage !== 'DRAINING') planned[`${stage} ${authority}`] ??= Date.parse(instant)
  return {
    type: 'begin',
    at: at(0).getTime(),
    terms: {
      clockSkewMs: 60_000,
      propagationMs: 15 * 60_000,
      retention: 'leaf-lifetime',
      maxAuthorities: more.kind === 'adoption' ? 4 : 2,
      planned,
      keepsRoot: more.kind === 'issuing-ca',
      separate: more.kind === 'adoption',
      crossSigned: more.crossSign === true,
      ...(more.emergency === undefined ? {} : { reissueWithinMs: 3_600_000 }),
    },
    members: [],
  }
}

describe('the events of a whole run pass the checker', () => {
  test.each<[string, Partial<RolloverParameters>]>([
    ['of a root', {}],
    ['of a root with a cross-certificate', { crossSign: true }],
    ['of an adoption', { ...ADOPTION, stagger: '20m' }],
    ['of an issuing CA', { kind: 'issuing-ca' }],
    ['of an emergency', { emergency: { reissueWithin: '1h' } }],
  ])('%s', async (_name, more) => {
    const driven = await drive({ pruneAfter: '0s', ...more })
    await driven.rollover.stageAs(madeAt())
    let over = false
    for (let minutes = 0; minutes < 40 * 60 && !over; minutes += 5)
      ({ over } = await obeyAt(driven, minutes * MINUTE, { presents: ['B'] }))
    expect(over).toBe(true)
    const { events } = driven
    const terms = begin({ pruneAfter: '0s', ...more })
    expect(checkTrace([terms, ...events])).toEqual([])
    expect(events.at(-1)).toMatchObject({ type: 'finished', direction: 'forward' })
    const stages = events.flatMap((event) =>
      event.type === 'stage' && event.authority === 'B' ? [event.stage] : [],
    )
    expect(stages).toEqual(
      more.kind === 'issuing-ca'
        ? ['STAGED', 'ACTIVE']
        : more.crossSign === true
          ? ['STAGED', 'PUBLISHED', 'ACTIVE']
          : ['STAGED', 'PUBLISHED', 'DISTRIBUTED', 'ACTIVE'],
    )
    // Were the publication not told, its order would be broken.
    if (more.kind === 'issuing-ca') return
    const without = events.filter((event) => !(event.type === 'stage' && event.stage === 'PUBLISHED'))
    expect(checkTrace([terms, ...without]).map(({ invariant }) => invariant)).toContain('I4')
  })

  test('and those of one that goes back', async () => {
    const driven = await drive({ pruneAfter: '0s' })
    await driven.rollover.stageAs(madeAt())
    await driven.rollover.advance()
    await obeyAt(driven, 10 * MINUTE)
    await obeyAt(driven, 17 * MINUTE)
    await driven.rollover.abort(reason)
    await obeyAll(driven)
    for (let hours = 1; hours < 30; hours++) await obeyAt(driven, hours * HOUR)
    expect(driven.events.at(-1)).toMatchObject({ type: 'finished', direction: 'back' })
    expect(checkTrace([begin({ pruneAfter: '0s' }), ...driven.events])).toEqual([])
  })
})

test('each write is told with what it did', async () => {
  const driven = await drive()
  await driven.rollover.stageAs(madeAt())
  await driven.rollover.advance()
  const now = at(0).getTime()
  expect(driven.events).toEqual([
    {
      type: 'journal',
      retold: true,
      at: now,
      revision: 1,
      what: `begun with plan ${driven.plan.digest.slice(0, 12)}`,
    },
    { type: 'stage', retold: true, at: now, authority: 'A', stage: 'ACTIVE', revision: 1 },
    { type: 'published', retold: true, at: now, sequence: 1, digest: OLD, authorities: ['A'] },
    { type: 'journal', at: now, revision: 2, what: `B STAGED: ${FINGERPRINT}` },
    { type: 'stage', at: now, authority: 'B', stage: 'STAGED', revision: 2 },
    {
      type: 'journal',
      at: now,
      revision: 3,
      what: `B PUBLISHED in bundle ${epoch(0)}`,
      transition: { kind: 'publish', authority: 'B' },
    },
    { type: 'stage', at: now, authority: 'B', stage: 'PUBLISHED', revision: 3 },
    { type: 'published', at: now, sequence: epoch(0), digest: UNION, authorities: ['A', 'B'] },
  ])
  // A report is no step, and asking is none.
  const { length } = driven.events
  await obeyAll(driven)
  await driven.rollover.status()
  await driven.rollover.advance()
  expect(driven.events).toHaveLength(length)
})

test('a new driver tells first how things stand', async () => {
  const driven = await drive()
  await driven.rollover.stageAs(madeAt())
  await driven.rollover.advance()
  driven.clock.advance('5m')
  const events: TraceEvent[] = []
  await Rollover.open({
    plan: driven.plan,
    journal: driven.journal,
    clock: driven.clock,
    onEvent: (event) => void events.push(event),
  })
  const now = at(5 * MINUTE).getTime()
  expect(events).toEqual([
    { type: 'journal', retold: true, at: now, revision: 3, what: `B PUBLISHED in bundle ${epoch(0)}` },
    { type: 'stage', retold: true, at: now, authority: 'A', stage: 'ACTIVE', revision: 3 },
    { type: 'stage', at: now, authority: 'B', stage: 'PUBLISHED', revision: 3, retold: true },
    { type: 'published', retold: true, at: now, sequence: epoch(0), digest: UNION, authorities: ['A', 'B'] },
  ])
})

test('one that begins an adoption has no bundle to tell of', async () => {
  const driven = await drive(ADOPTION)
  expect(driven.events.map(({ type }) => type)).toEqual(['journal', 'stage', 'stage', 'stage'])
  expect(digestByHand()).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855')
})

test('an observer that throws, or whose promise does, changes nothing', async () => {
  for (const onEvent of [
    () => {
      throw new Error('full')
    },
    () => Promise.reject(new Error('full')) as never,
  ]) {
    const driven = await drive()
    const rollover = await Rollover.open({
      plan: driven.plan,
      journal: driven.journal,
      clock: driven.clock,
      onEvent,
    })
    await rollover.stageAs(madeAt())
    expect((await rollover.advance()).stages['B']).toBe('PUBLISHED')
    expect((await rollover.abort(reason)).direction).toBe('back')
  }
})

test('a recovery is told as what was so already', async () => {
  const driven = await drive()
  await driven.rollover.stageAs(madeAt())
  await driven.rollover.advance()
  const old = driven.journal.text()
  await obeyAt(driven, 10 * MINUTE)
  await obeyAt(driven, 17 * MINUTE)
  const { revision } = await driven.rollover.status()
  driven.journal.put(old)
  driven.clock.set(at(HOUR))
  driven.events.length = 0
  for (const member of ['east', 'west', 'north'])
    await driven.rollover.report({
      member,
      revision,
      bundle: { sequence: epoch(0), digest: UNION },
      signer: 'B',
    })
  await driven.rollover.advance()
  const stages = driven.events.filter(({ type }) => type === 'stage')
  expect(stages.slice(0, 2)).toMatchObject([
    { authority: 'A', stage: 'DRAINING', recovered: true },
    { authority: 'B', stage: 'ACTIVE', recovered: true },
  ])
})
