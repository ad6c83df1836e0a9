/** The journal: shared by drivers, failing, and wrong. */

import { describe, expect, test } from 'vitest'
import { Rollover } from '../../../../src/rotation/index.ts'
import { manualClock } from '../../../../src/testing/index.ts'
import {
  another,
  type Driven,
  drive,
  epoch,
  goTo,
  madeAt,
  obey,
  openJournal,
  UNION,
} from './driver-support.ts'
import { at, MINUTE, plan } from './support.ts'

const ACTIVE = 17 * MINUTE
const CLUSTERS = ['east', 'west', 'north']

describe('two drivers over one journal', () => {
  test('take turns as one', async () => {
    const one = await drive()
    const two: Driven = { ...one, rollover: await another(one) }
    await one.rollover.stageAs(madeAt())
    expect((await two.rollover.advance()).stages['B']).toBe('PUBLISHED')
    goTo(one, 5 * MINUTE)
    await obey(one, 'east')
    await obey(two, 'west')
    await obey(one, 'north')
    goTo(one, ACTIVE)
    expect((await two.rollover.advance()).stages).toEqual({ A: 'DRAINING', B: 'ACTIVE' })
    expect(await one.rollover.status()).toEqual(await two.rollover.status())
    expect(await one.rollover.desired('west')).toEqual(await two.rollover.desired('west'))
    const { revision } = await one.rollover.status()
    await one.rollover.advance()
    expect((await two.rollover.status()).revision).toBe(revision)
  })

  test('at once write each step once', async () => {
    const one = await drive()
    await one.rollover.stageAs(madeAt())
    const others = await Promise.all([another(one), another(one), another(one)])
    const all = [one.rollover, ...others]
    const { writes } = one.journal
    const statuses = await Promise.all(all.map((rollover) => rollover.advance()))
    expect(one.journal.writes).toBe(writes + 1)
    for (const status of statuses) expect([status.revision, status.bundle.digest]).toEqual([3, UNION])
    // Each of the reports of one turn is kept.
    goTo(one, 5 * MINUTE)
    const bundle = { sequence: epoch(0), digest: UNION }
    await Promise.all(
      CLUSTERS.map((member, i) => all[i]?.report({ member, revision: 3, bundle, signer: 'A' })),
    )
    goTo(one, ACTIVE)
    await Promise.all(all.map((rollover) => rollover.advance()))
    const status = await one.rollover.status()
    expect(status.stages).toEqual({ A: 'DRAINING', B: 'ACTIVE' })
    // Distributed, three switches, drained.
    expect(status.revision).toBe(3 + 5)
    expect(status.state.entries.map(({ revision }) => revision)).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
  })
})

describe('a journal that fails', () => {
  test('before it writes: nothing was done, and the next call does it', async () => {
    const one = await drive()
    const cause = new Error('no route')
    one.journal.before = () => {
      throw cause
    }
    await expect(one.rollover.stageAs(madeAt())).rejects.toMatchObject({
      code: 'ERR_ROLLOVER_JOURNAL',
      message: expect.stringContaining('failed to write, and whether it did is not known'),
      cause,
    })
    one.journal.before = undefined
    expect((await one.rollover.status()).stages['B']).toBe('PLANNED')
    expect((await one.rollover.stageAs(madeAt())).stages['B']).toBe('STAGED')
  })

  test('after it has written: no step is taken twice', async () => {
    const one = await drive()
    await one.rollover.stageAs(madeAt())
    one.journal.after = () => {
      throw new Error('timeout')
    }
    await expect(one.rollover.advance()).rejects.toMatchObject({ code: 'ERR_ROLLOVER_JOURNAL' })
    one.journal.after = undefined
    goTo(one, 60)
    const status = await one.rollover.advance()
    expect([status.revision, status.bundle.sequence, status.stages['B']]).toEqual([3, epoch(0), 'PUBLISHED'])
    expect(status.state.entries.filter(({ what }) => what.includes('PUBLISHED'))).toHaveLength(1)
  })

  test('when it is read', async () => {
    const cause = new Error('gone')
    const journal = { ...openJournal(), read: () => Promise.reject(cause) }
    await expect(Rollover.open({ plan: plan(), journal })).rejects.toMatchObject({
      code: 'ERR_ROLLOVER_JOURNAL',
      message: expect.stringContaining('cannot be read, so nothing was done'),
      cause,
    })
  })

  test.each([undefined, null, 1, 'true', {}])('replace() that answers %s', async (answer) => {
    const journal = { ...openJournal(), replace: async () => answer as never }
    await expect(Rollover.open({ plan: plan(), journal })).rejects.toMatchObject({
      code: 'ERR_ROLLOVER_JOURNAL',
      message: expect.stringContaining('replace() of the journal must answer true or false'),
    })
  })

  test.each([null, 5, '', {}, { version: 1, text: '{}' }, { version: '1' }, { version: '1', text: 5 }])(
    'read() that answers %j',
    async (answer) => {
      const journal = { ...openJournal(), read: async () => answer as never }
      await expect(Rollover.open({ plan: plan(), journal })).rejects.toMatchObject({
        code: 'ERR_ROLLOVER_JOURNAL',
        message: expect.stringContaining('read() of the journal must answer { version, text }'),
      })
    },
  )

  test('and one that is always somebody else’s', async () => {
    const one = await drive()
    let tries = 0
    const journal = {
      ...one.journal,
      replace: async () => {
        tries++
        return false
      },
    }
    const rollover = await Rollover.open({ plan: one.plan, journal, clock: one.clock })
    await expect(rollover.stageAs(madeAt())).rejects.toMatchObject({
      code: 'ERR_ROLLOVER_CONFLICT',
      data: { attempts: 32 },
    })
    expect(tries).toBe(32)
    await expect(
      Rollover.open({ plan: one.plan, journal: { ...journal, read: async () => undefined } }),
    ).rejects.toMatchObject({ code: 'ERR_ROLLOVER_CONFLICT' })
  })
})

describe('a text that is not what was written', () => {
  /** The state of a rollover that begins, as an object to be spoiled. */
  const spoiled = async (spoil: (state: Record<string, unknown>) => unknown): Promise<string> => {
    const { journal } = await drive()
    const state: Record<string, unknown> = JSON.parse(journal.text())
    return JSON.stringify(spoil(state) ?? state)
  }
  const refuses = async (text: string, code = 'ERR_ROLLOVER_JOURNAL'): Promise<void> => {
    const journal = openJournal()
    journal.put(text)
    await expect(Rollover.open({ plan: plan(), journal, clock: manualClock(at(0)) })).rejects.toMatchObject({
      code,
    })
    expect(journal.text()).toBe(text)
  }

  test.each([
    ['nothing', ''],
    ['no JSON', '{'],
    ['null', 'null'],
    ['a list', '[]'],
    ['a text', '"x"'],
    ['an empty object', '{}'],
    ['binary', '\u0000\uffff'],
    ['a nest', '['.repeat(100_000)],
    ['more than 32 MiB', ' '.repeat(32 * 1024 * 1024 + 1)],
  ])('%s', async (_name, text) => {
    await refuses(text)
  })

  test.each<[string, (state: Record<string, unknown>) => unknown]>([
    ['a later version', (state) => ({ ...state, version: 2 })],
    ['a version as text', (state) => ({ ...state, version: '1' })],
    ['another format', (state) => ({ ...state, format: 'mesh-pki/rollover-plan' })],
    ['a member more', (state) => ({ ...state, more: 1 })],
    ['a member less', (state) => ({ ...state, plan: undefined })],
    ['a direction that there is not', (state) => ({ ...state, direction: 'sideways' })],
    ['a revision below nothing', (state) => ({ ...state, revision: -1 })],
    ['a digest that is none', (state) => ({ ...state, plan: 'x' })],
    ['members as a list', (state) => ({ ...state, members: [] })],
    ['a member that is no name', (state) => ({ ...state, members: { 'a b': {} } })],
    ['a member with more', (state) => ({ ...state, members: { a: { form: 'A' } } })],
    ['a stage that there is not', (state) => ({ ...state, authorities: { A: { stage: 'X' } } })],
    ['entries that are none', (state) => ({ ...state, entries: [5] })],
    ['more entries than are kept', (state) => ({ ...state, entries: Array(1001).fill(null) })],
  ])('%s', async (_name, spoil) => {
    await refuses(await spoiled(spoil))
  })

  test('names that would change an object', async () => {
    const text = await spoiled(() => undefined)
    for (const member of ['"__proto__":{"from":"A","signer":"A"},', '"east":{"from":"A","signer":"A"},'])
      await refuses(text.replace('"members":{', `"members":{${member}`))
    expect(({} as Record<string, unknown>)['from']).toBeUndefined()
    await expect(drive()).resolves.toBeDefined()
  })

  test('one of another rollover says so', async () => {
    const one = await drive()
    const other = plan({ leafLifetime: '12h' })
    await expect(
      Rollover.open({ plan: other, journal: one.journal, clock: one.clock }),
    ).rejects.toMatchObject({
      code: 'ERR_ROLLOVER_PLAN',
      message: expect.stringContaining(`the journal follows the plan ${one.plan.digest}`),
    })
  })

  test('while a driver runs stops it, and what was there before lets it go on', async () => {
    const one = await drive()
    await one.rollover.stageAs(madeAt())
    const good = one.journal.text()
    one.journal.put('garbage')
    await expect(one.rollover.advance()).rejects.toMatchObject({ code: 'ERR_ROLLOVER_JOURNAL' })
    await expect(one.rollover.desired('east')).rejects.toMatchObject({ code: 'ERR_ROLLOVER_JOURNAL' })
    one.journal.put(good)
    expect((await one.rollover.advance()).stages['B']).toBe('PUBLISHED')
  })
})
