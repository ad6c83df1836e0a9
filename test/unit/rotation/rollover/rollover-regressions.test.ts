/** What once went wrong in the driver. */

import { describe, expect, test } from 'vitest'
import type { RolloverParameters } from '../../../../src/rotation/index.ts'
import { another, type Driven, drive, madeAt, NEW, OLD, obey, obeyAt, UNION } from './driver-support.ts'
import { ADOPTION, at, DAY, HOUR, MINUTE, plan } from './support.ts'

const ACTIVE = 17 * MINUTE

/** A rollover whose members have reported, and whose incoming authority is made. */
async function staged(more: Partial<RolloverParameters> = {}): Promise<Driven> {
  const driven = await drive(more)
  await driven.rollover.stageAs(madeAt())
  return driven
}

describe('what once went wrong', () => {
  const emergency = { emergency: { reissueWithin: '1h' } }

  test('an incoming authority that ends before its own rollover does is refused', async () => {
    const driven = await drive()
    const made = {
      fingerprint: 'cc'.repeat(32),
      notBefore: at(-400 * DAY).getTime(),
      notAfter: at(DAY).getTime(),
    }
    await expect(driven.rollover.stageAs(made)).rejects.toThrow(
      /ends at 2026-03-02T00:00:00Z; it must be valid until/,
    )
  })

  test('a new lifetime does not shorten the retention of what drains (I13)', async () => {
    const driven = await staged()
    await obeyAt(driven, 0)
    await obeyAt(driven, ACTIVE)
    await obeyAt(driven, ACTIVE + MINUTE)
    expect((await driven.rollover.status()).stages['A']).toBe('DRAINING')
    await driven.rollover.revise(plan({ leafLifetime: '3h' }), { reason: 'shorter' })
    // Of the old plan: issuers may take Δsw to leave it, and what they issue lives L, for the slowest clock.
    await obeyAt(driven, ACTIVE + 12 * HOUR)
    expect((await driven.rollover.status()).stages['A']).toBe('DRAINING')
    await obeyAt(driven, ACTIVE + DAY + HOUR)
    expect((await driven.rollover.status()).stages['A']).toBe('RETIRED')
  })

  test('what is published waits for a report of everybody, so that a backup revokes nothing anew', async () => {
    const driven = await drive({}, { silent: true })
    await driven.rollover.stageAs(madeAt())
    const status = await driven.rollover.advance()
    expect(status.stages['B']).toBe('STAGED')
    expect(status.waiting[0]?.missing).toEqual(['east', 'west', 'north'])
    for (const name of ['east', 'west', 'north']) await obey(driven, name)
    expect((await driven.rollover.advance()).stages['B']).toBe('PUBLISHED')
  })

  test('who comes back after the last cluster of a root has left waits for the distribution (I11)', async () => {
    const driven = await staged(ADOPTION)
    await obeyAt(driven, 0)
    await driven.rollover.leave('c2', { reason: 'moved' })
    expect((await driven.rollover.advance()).stages['A2']).toBe('DRAINING')
    await driven.rollover.join({ name: 'c2', from: 'A2' })
    const status = await driven.rollover.advance()
    expect([status.stages['A2'], (await driven.rollover.desired('c2'))?.signer]).toEqual(['ACTIVE', 'A2'])
  })

  test('a gate is forced for one authority only, and not beyond a turn', async () => {
    const driven = await staged({ ...ADOPTION, stagger: '48h' })
    await obeyAt(driven, 0)
    await driven.rollover.force({ gate: 'plan-time', authority: 'A1', reason: 'sooner' })
    await obeyAt(driven, ACTIVE)
    const { waiting } = await driven.rollover.status()
    const gates = (cluster: string) =>
      waiting.find(({ step }) => step.cluster === cluster)?.gates.map(({ gate }) => gate)
    expect(gates('c2')).toContain('plan-time')
    await driven.rollover.abort({ reason: 'back' })
    expect((await driven.rollover.status()).state.forced).toEqual([])
  })

  test('a recovery remembers what is compromised', async () => {
    const driven = await staged(emergency)
    await obeyAt(driven, 0)
    await obeyAt(driven, ACTIVE)
    await obeyAt(driven, ACTIVE + MINUTE)
    const status = await obeyAt(driven, ACTIVE + 20 * MINUTE)
    expect(status.stages['A']).toBe('TAINTED')
    const wanted = await Promise.all(['east', 'west', 'north'].map((name) => driven.rollover.desired(name)))
    for (const desired of wanted) {
      if (desired?.bundle === undefined) throw new Error('it shall have nothing')
      const { member, revision, signer, bundle } = desired
      const { sequence, digest } = bundle
      const isAhead = member === 'east' ? 1 : 0
      await driven.rollover.report({
        member,
        revision: revision + isAhead,
        signer,
        bundle: { sequence, digest },
      })
    }
    const recovered = await driven.rollover.advance()
    expect([recovered.state.recovering, recovered.stages['A']]).toEqual([undefined, 'TAINTED'])
    await expect(driven.rollover.abort({ reason: 'x' })).rejects.toThrow(/TAINTED/)
  })

  test('nobody joins with a compromised authority, also where nobody can have the new one yet (I10)', async () => {
    const driven = await staged(emergency)
    for (const seconds of [0, ACTIVE, ACTIVE + MINUTE, ACTIVE + 20 * MINUTE]) await obeyAt(driven, seconds)
    const wanted = await Promise.all(['east', 'west', 'north'].map((name) => driven.rollover.desired(name)))
    for (const [i, desired] of wanted.entries()) {
      if (desired?.bundle === undefined) throw new Error('it shall have something')
      const { member, revision, signer, bundle } = desired
      const { sequence, digest } = bundle
      await driven.rollover.report({
        member,
        revision: revision + (i === 0 ? 1 : 0),
        signer,
        bundle: { sequence, digest },
      })
    }
    // The distribution waits anew after a recovery.
    const { stages, state } = await driven.rollover.advance()
    expect([stages['A'], state.authorities['B']?.since.DISTRIBUTED]).toEqual(['TAINTED', undefined])
    await expect(driven.rollover.join({ name: 'south', from: 'A' })).rejects.toMatchObject({
      code: 'ERR_ROLLOVER_MEMBER',
      message: expect.stringContaining('south signs with A, whose key is compromised'),
    })
    expect((await driven.rollover.status()).stages['A']).toBe('TAINTED')
  })

  test('an earlier sequence with another content is no acknowledgement of it (I1, I6)', async () => {
    const driven = await staged()
    await obeyAt(driven, 0)
    const { sequence } = (await driven.rollover.status()).bundle
    await obeyAt(driven, ACTIVE)
    let status = await obeyAt(driven, ACTIVE + MINUTE)
    for (let day = 2; status.bundle.sequence === sequence && day < 40; day++) {
      status = await obeyAt(driven, day * DAY)
    }
    expect([status.stages['A'], status.bundle.digest]).toEqual(['RETIRED', NEW])
    const tell = (at: number, digest: string): Promise<unknown> =>
      driven.rollover.report({
        member: 'west',
        revision: status.revision,
        signer: 'B',
        bundle: { sequence: at, digest },
      })
    for (const [digest, problem] of [
      ['ee'.repeat(32), 'which is that of no authorities of this plan'],
      [OLD, `which lacks B, published in ${sequence}`],
    ] as const)
      await expect(tell(sequence, digest)).rejects.toMatchObject({
        code: 'ERR_ROLLOVER_EVIDENCE',
        message: expect.stringContaining(problem),
        data: { member: 'west', sequence, found: digest },
      })
    // One that is late says the truth, and waits for nobody's leave.
    await expect(tell(sequence, UNION)).resolves.not.toThrow()
    await expect(tell(1, OLD)).resolves.not.toThrow()
  })

  test('a sequence from which nobody could report is refused', async () => {
    await expect(drive({}, { sequence: 2 ** 50 + 1 })).rejects.toThrow(RangeError)
    await expect(drive({}, { sequence: 2 ** 50 - 1 })).resolves.toBeDefined()
  })

  test('an issuing CA that signs cannot become another', async () => {
    const driven = await staged({ kind: 'issuing-ca' })
    expect((await obeyAt(driven, MINUTE * 5)).stages['B']).toBe('ACTIVE')
    const other = {
      fingerprint: 'cc'.repeat(32),
      notBefore: at(0).getTime(),
      notAfter: at(365 * DAY).getTime(),
    }
    await expect(driven.rollover.stageAs(other)).rejects.toThrow(/B is in use with the fingerprint/)
  })

  test.each([
    ['an instant beyond all certificates', { issued: [{ authority: 'A', notAfter: new Date(8.64e15) }] }],
    ['an instant before them', { issued: [{ authority: 'A', notAfter: new Date(-8.64e15) }] }],
    ['a revision beyond counting', { revision: Number.MAX_SAFE_INTEGER }],
  ])('a report with %s is refused, and the journal can be read', async (_name, told) => {
    const driven = await drive()
    await expect(driven.rollover.report({ member: 'east', revision: 1, ...told })).rejects.toThrow(RangeError)
    await expect(another(driven)).resolves.toBeDefined()
  })

  test('a journal whose parts do not belong together is refused', async () => {
    const driven = await drive()
    const text = driven.journal.text()
    for (const broken of [
      text.replace('"authorities":["A"]', '"authorities":["A","Z"]'),
      text.replace(/"digest":"[0-9a-f]{64}"/, `"digest":"${'0'.repeat(64)}"`),
    ]) {
      expect(broken).not.toBe(text)
      driven.journal.put(broken)
      await expect(another(driven)).rejects.toMatchObject({ code: 'ERR_ROLLOVER_JOURNAL' })
    }
    driven.journal.put(text)
    await expect(another(driven)).resolves.toBeDefined()
  })
})
