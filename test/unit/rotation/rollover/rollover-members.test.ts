/** Members that come and go, what they report, and the certificate that is staged. */

import { describe, expect, test } from 'vitest'
import { createRootCa } from '../../../../src/ca/index.ts'
import { createTestHierarchy } from '../../../../src/testing/index.ts'
import {
  type Driven,
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
} from './driver-support.ts'
import { at, DAY, HOUR, MINUTE } from './support.ts'

const ACTIVE = 17 * MINUTE
const RETIRED = 31 * MINUTE + DAY

async function published(...[more]: Parameters<typeof drive>): Promise<Driven> {
  const driven = await drive(more)
  await driven.rollover.stageAs(madeAt())
  await driven.rollover.advance()
  return driven
}

describe('who joins', () => {
  test.each(['cluster', 'audience'])('a %s is waited for like everybody else (I11)', async (kind) => {
    const driven = await published()
    await obeyAt(driven, 5 * MINUTE)
    goTo(driven, ACTIVE)
    const status = await driven.rollover.join({ name: 'late', ...(kind === 'cluster' ? { from: 'A' } : {}) })
    expect(status.stages['B']).toBe('PUBLISHED')
    expect(status.state.members['late']).toEqual(
      kind === 'cluster'
        ? { from: 'A', signer: 'A', switchedAt: '2026-03-01T00:17:00Z', joinedAt: '2026-03-01T00:17:00Z' }
        : { joinedAt: '2026-03-01T00:17:00Z' },
    )
    expect(gatesOf(await driven.rollover.advance(), 'distribute')).toEqual(['distribution-evidence late'])
    await obey(driven, 'late')
    expect((await driven.rollover.advance()).stages).toEqual({ A: 'DRAINING', B: 'ACTIVE' })
    expect((await driven.rollover.desired('late'))?.signer).toBe(kind === 'cluster' ? 'B' : undefined)
  })

  test('also between distribution and use', async () => {
    const driven = await published({ activateAt: at(HOUR) })
    expect((await obeyAt(driven, ACTIVE)).stages['B']).toBe('DISTRIBUTED')
    await driven.rollover.join({ name: 'late', from: 'A' })
    goTo(driven, HOUR)
    for (const name of ['east', 'west', 'north']) await obey(driven, name)
    const status = await driven.rollover.advance()
    expect(status.stages['B']).toBe('DISTRIBUTED')
    expect(gatesOf(status, 'activate', 'east')).toEqual(['distribution-evidence late'])
    expect(gatesOf(status, 'activate', 'late')).toEqual(['distribution-evidence late', 'own-bundle late'])
  })

  test('twice is once, and wrong names are none', async () => {
    const { rollover, journal } = await drive()
    await rollover.join({ name: 'late', from: 'A' })
    const before = journal.text()
    await rollover.join({ name: 'late', from: 'A' })
    await rollover.join({ name: 'east', from: 'A' })
    expect(journal.text()).toBe(before)
    for (const name of ['', '__proto__', 'a b', 'a\n', '-a', 'a'.repeat(129), 5, undefined])
      await expect(rollover.join({ name } as never)).rejects.toThrow(/"name"/)
    await expect(rollover.join({ name: 'a', form: 'A' } as never)).rejects.toThrow(/no option "form"/)
    expect(journal.text()).toBe(before)
  })

  test('with an authority that nobody knows is refused: nobody would trust it', async () => {
    const { rollover, journal } = await drive()
    const before = journal.text()
    for (const from of ['C', '__proto__', 'constructor'])
      await expect(rollover.join({ name: 'late', from })).rejects.toMatchObject({
        code: 'ERR_ROLLOVER_MEMBER',
        message: expect.stringContaining(`late signs with "${from}", which this plan does not know`),
      })
    expect(journal.text()).toBe(before)
    expect((await rollover.join({ name: 'late', from: 'A' })).state.members['late']?.signer).toBe('A')
  })

  test('while the old one drains it signs with the incoming one', async () => {
    const driven = await published()
    await obeyAt(driven, ACTIVE)
    await driven.rollover.join({ name: 'late', from: 'A' })
    const desired = await driven.rollover.desired('late')
    expect([desired?.signer, desired?.bundle?.authorities.map(({ id }) => id)]).toEqual(['B', ['A', 'B']])
    // Its evidence is asked for.
    expect((await driven.rollover.status()).waiting[0]?.missing).toContain('late')
  })

  test('after its retirement only who begins anew may come', async () => {
    const driven = await published()
    await obeyAt(driven, ACTIVE)
    await obeyAll(driven)
    expect((await obeyAt(driven, RETIRED)).stages['A']).toBe('RETIRED')
    const before = driven.journal.text()
    await expect(driven.rollover.join({ name: 'late', from: 'A' })).rejects.toMatchObject({
      code: 'ERR_ROLLOVER_MEMBER',
      message: expect.stringContaining('late signs with A, which is RETIRED'),
    })
    expect(driven.journal.text()).toBe(before)
    await driven.rollover.join({ name: 'late', from: 'B' })
    const desired = await driven.rollover.desired('late')
    expect([desired?.signer, desired?.bundle?.authorities.map(({ id }) => id)]).toEqual(['B', ['B']])
    expect((await driven.rollover.status()).waiting[0]?.missing).toContain('late')
  })
})

describe('who leaves', () => {
  test('is not waited for, shall have nothing, and says nothing any longer', async () => {
    const driven = await published()
    const { rollover } = driven
    goTo(driven, ACTIVE)
    for (const name of ['east', 'west']) await obey(driven, name)
    let status = await rollover.leave('north', { reason: 'decommissioned' })
    expect(status.state.members['north']?.leftAt).toBe('2026-03-01T00:17:00Z')
    expect(status.state.entries.at(-1)?.what).toBe('north left: decommissioned')
    expect(await rollover.desired('north')).toBeUndefined()
    await expect(rollover.report({ member: 'north', revision: 1 })).rejects.toMatchObject({
      code: 'ERR_ROLLOVER_MEMBER',
      message: expect.stringContaining(
        '"north" is no member of this rollover: it has left. Call join() first',
      ),
    })
    status = await rollover.advance()
    expect(status.stages).toEqual({ A: 'DRAINING', B: 'ACTIVE' })
    // Again, and somebody who never was: nothing changes.
    const before = driven.journal.text()
    for (const name of ['north', 'nobody', '__proto__', 'constructor'])
      await rollover.leave(name, { reason: 'x' })
    expect(driven.journal.text()).toBe(before)
  })

  test('what it issued still counts', async () => {
    const driven = await published()
    await obeyAt(driven, ACTIVE)
    await obeyAll(driven)
    await obey(driven, 'north', { issued: [{ authority: 'A', notAfter: at(40 * HOUR) }] })
    await driven.rollover.leave('north', { reason: 'decommissioned' })
    const end = 40 * HOUR + 4 * MINUTE
    expect(gatesOf(await obeyAt(driven, end - 1), 'retire')).toEqual(['ledger'])
    goTo(driven, end)
    expect((await driven.rollover.advance()).stages['A']).toBe('RETIRED')
  })

  test('and may come again, without what it said before', async () => {
    const driven = await published()
    await obeyAt(driven, 5 * MINUTE)
    await driven.rollover.leave('north', { reason: 'gone' })
    await driven.rollover.join({ name: 'north', from: 'A' })
    goTo(driven, ACTIVE)
    expect(gatesOf(await driven.rollover.advance(), 'distribute')).toEqual(['distribution-evidence north'])
    await obey(driven, 'north')
    expect((await driven.rollover.advance()).stages['B']).toBe('ACTIVE')
  })
})

describe('a report', () => {
  const good = {
    member: 'east',
    revision: 1,
    bundle: { sequence: 1, digest: OLD },
    signer: 'A',
    issued: [{ authority: 'A', notAfter: at(DAY), inUseUntil: at(HOUR) }],
    presents: ['A'],
  }

  test.each<[string, object, RegExp]>([
    ['member', { member: 5 }, /"member"/],
    ['member', { member: undefined }, /"member"/],
    ['member', { member: '__proto__' }, /"member"/],
    ['member', { member: 'a\u0000' }, /"member"/],
    ['revision', { revision: '1' }, /option "revision" must be a number; got string/],
    ['revision', { revision: undefined }, /option "revision"/],
    ['revision', { revision: -1 }, /option "revision"/],
    ['revision', { revision: 0.5 }, /option "revision"/],
    ['revision', { revision: Number.NaN }, /option "revision"/],
    ['revision', { revision: 2 ** 53 }, /option "revision"/],
    ['bundle', { bundle: 5 }, /option "bundle"/],
    ['bundle', { bundle: null }, /option "bundle"/],
    ['bundle', { bundle: {} }, /option "bundle\.sequence"/],
    ['bundle.sequence', { bundle: { sequence: '1', digest: OLD } }, /option "bundle\.sequence"/],
    ['bundle.sequence', { bundle: { sequence: -1, digest: OLD } }, /option "bundle\.sequence"/],
    ['bundle.digest', { bundle: { sequence: 1 } }, /option "bundle\.digest" must be a SHA-256/],
    ['bundle.digest', { bundle: { sequence: 1, digest: OLD.toUpperCase() } }, /option "bundle\.digest"/],
    ['bundle.digest', { bundle: { sequence: 1, digest: `${OLD}\n` } }, /option "bundle\.digest"/],
    ['bundle.digests', { bundle: { ...good.bundle, digests: OLD } }, /"digests"/],
    ['signer', { signer: 5 }, /"signer"/],
    ['signer', { signer: '' }, /"signer"/],
    ['issued', { issued: {} }, /options "issued" and "presents" must be lists/],
    ['issued', { issued: 'A' }, /options "issued" and "presents" must be lists/],
    ['issued', { issued: Array(1001).fill(good.issued[0]) }, /lists of at most 1000/],
    ['issued[0]', { issued: [5] }, /option "issued\[0\]"/],
    ['issued[1]', { issued: [...good.issued, null] }, /option "issued\[1\]"/],
    ['issued[0].authority', { issued: [{ notAfter: at(1) }] }, /"issued\[0\]\.authority"/],
    ['issued[0].notAfter', { issued: [{ authority: 'A', notAfter: 5 }] }, /option "issued\[0\]\.notAfter"/],
    [
      'issued[0].notAfter',
      { issued: [{ authority: 'A', notAfter: new Date(Number.NaN) }] },
      /option "issued\[0\]\.notAfter"/,
    ],
    [
      'issued[0].inUseUntil',
      { issued: [{ authority: 'A', notAfter: at(1), inUseUntil: '2026' }] },
      /option "issued\[0\]\.inUseUntil"/,
    ],
    ['presents', { presents: new Set(['A']) }, /options "issued" and "presents" must be lists/],
    ['presents', { presents: Array(1001).fill('A') }, /lists of at most 1000/],
    ['presents[1]', { presents: ['A', 5] }, /"presents\[1\]"/],
    ['an unknown option', { presented: [] }, /no option "presented". Did you mean "presents"\?/],
  ])('%s %#', async (_name, wrong, message) => {
    const { rollover, journal } = await drive()
    const before = journal.text()
    const error = await rollover.report({ ...good, ...wrong } as never).catch((caught: unknown) => caught)
    expect(error instanceof TypeError || error instanceof RangeError).toBe(true)
    expect(error).toHaveProperty('message', expect.stringMatching(message))
    expect(journal.text()).toBe(before)
    await rollover.report(good)
    expect((await rollover.status()).state.members['east']?.evidence).toMatchObject({
      sequence: 1,
      digest: OLD,
    })
  })

  test.each([undefined, null, 5, 'east', []])('that is %s', async (wrong) => {
    const { rollover } = await drive()
    await expect(rollover.report(wrong as never)).rejects.toThrow(TypeError)
  })

  test.each(['nobody', 'constructor', 'hasOwnProperty'])('of %s, who is no member', async (member) => {
    const { rollover, journal } = await drive()
    const before = journal.text()
    await expect(rollover.report({ ...good, member })).rejects.toMatchObject({
      code: 'ERR_ROLLOVER_MEMBER',
      message: expect.stringContaining(`"${member}" is no member of this rollover. Call join() first`),
      data: { member },
    })
    expect(journal.text()).toBe(before)
  })

  test('about an authority that nobody knows is refused, and changes no ledger', async () => {
    const { rollover } = await drive()
    for (const authority of ['X', 'constructor'])
      for (const told of [
        { issued: [{ authority, notAfter: at(DAY) }] },
        { presents: [authority] },
        { signer: authority },
      ])
        await expect(rollover.report({ ...good, ...told })).rejects.toMatchObject({
          code: 'ERR_ROLLOVER_EVIDENCE',
          message: expect.stringContaining(
            `reports the authority "${authority}", which is none of this plan: A, B`,
          ),
        })
    const { authorities } = (await rollover.status()).state
    expect(Object.keys(authorities)).toEqual(['A', 'B'])
    expect(authorities['A']).not.toHaveProperty('greatestNotAfter')
    await rollover.report(good)
    expect((await rollover.status()).state.authorities['A']).toMatchObject({
      greatestNotAfter: '2026-03-02T00:00:00Z',
      inUseUntil: '2026-03-01T01:00:00Z',
    })
  })

  test('of a switch without a ledger counts the youngest certificate that there can be', async () => {
    const driven = await published()
    await obeyAt(driven, ACTIVE)
    goTo(driven, ACTIVE + 30)
    await obey(driven, 'east')
    // Now, 2S of two clocks, and L.
    expect((await driven.rollover.status()).state.authorities['A']).toMatchObject({
      greatestNotAfter: '2026-03-02T00:19:30Z',
    })
    // One that says what it issued is believed.
    const told = await published()
    await obeyAt(told, ACTIVE)
    await obey(told, 'east', { issued: [{ authority: 'A', notAfter: at(23 * HOUR) }] })
    expect((await told.rollover.status()).state.authorities['A']?.greatestNotAfter).toBe(
      '2026-03-01T23:00:00Z',
    )
  })
})

describe('stage()', () => {
  const root = (subject: string, lifetime: string) =>
    createRootCa({ subject, lifetime, clock: { now: () => at(0) } })

  test('records which certificate it is, once', async () => {
    const driven = await drive()
    const { certificate } = await root('CN=B', '365d')
    const status = await driven.rollover.stage(certificate)
    expect(status.stages).toEqual({ A: 'ACTIVE', B: 'STAGED' })
    expect(status.state.authorities['B']).toMatchObject({
      fingerprint: certificate.fingerprint(),
      since: { STAGED: '2026-03-01T00:00:00Z' },
      notAfter: '2027-03-01T00:00:00Z',
    })
    expect(status.state.entries.at(-1)?.what).toBe(`B STAGED: ${certificate.fingerprint()}`)
    goTo(driven, 60)
    const before = driven.journal.text()
    expect((await driven.rollover.stage(certificate.toPem())).revision).toBe(status.revision)
    expect(driven.journal.text()).toBe(before)
  })

  test('refuses what is no CA, and what is no certificate', async () => {
    const { rollover, journal } = await drive()
    const before = journal.text()
    const { workload } = await createTestHierarchy({ time: at(0) })
    await expect(rollover.stage(workload)).rejects.toMatchObject({
      code: 'ERR_ROLLOVER_EVIDENCE',
      message: expect.stringContaining('is no CA, so it cannot be the authority B'),
    })
    for (const wrong of [undefined, 5, {}, '', 'x'])
      await expect(rollover.stage(wrong as never)).rejects.toThrow()
    expect(journal.text()).toBe(before)
  })

  test('refuses one that ends too early, to the second', async () => {
    // The lifetime of the plan without β: 365 days less two minutes.
    const { rollover } = await drive()
    const notAfter = madeAt().notBefore + (365 * DAY - 120) * 1000
    await expect(rollover.stageAs({ ...madeAt(), notAfter: notAfter - 1000 })).rejects.toMatchObject({
      code: 'ERR_ROLLOVER_EVIDENCE',
      message: 'the certificate of B is valid for 364d23h57m59s; the plan needs 364d23h58m',
    })
    expect((await rollover.stageAs({ ...madeAt(), notAfter })).stages['B']).toBe('STAGED')
    const other = await drive()
    await expect(other.rollover.stage((await root('CN=B', '364d')).certificate)).rejects.toMatchObject({
      code: 'ERR_ROLLOVER_EVIDENCE',
    })
  })

  test('takes another one until the first is published, and not after', async () => {
    const driven = await drive()
    const { rollover } = driven
    await rollover.stageAs(madeAt())
    goTo(driven, 60)
    const other = 'cc'.repeat(32)
    let status = await rollover.stageAs({ ...madeAt(), fingerprint: other })
    expect(status.state.authorities['B']).toMatchObject({
      stage: 'STAGED',
      fingerprint: other,
      since: { STAGED: '2026-03-01T00:01:00Z' },
    })
    status = await rollover.advance()
    expect(status.bundle.sequence).toBe(epoch(60))
    const before = driven.journal.text()
    await expect(rollover.stageAs(madeAt())).rejects.toMatchObject({
      code: 'ERR_ROLLOVER_EVIDENCE',
      message: expect.stringContaining(
        `B is in use with the fingerprint ${other}; it cannot become ${FINGERPRINT}`,
      ),
    })
    // The same one is nothing new at any time.
    await rollover.stageAs({ ...madeAt(), fingerprint: other })
    expect(driven.journal.text()).toBe(before)
  })
})
