import { describe, expect, test } from 'vitest'
import { newRevocationState, type RevocationState } from '../../../src/ca/index.ts'
import { issueCrl } from '../../../src/ca/revocation/issue-crl.ts'
import { recordComplete } from '../../../src/ca/revocation/listed-entries.ts'
import { CheckedSigner } from '../../../src/ca/sign-certificate.ts'
import { refusalOfAsync } from '../../fixtures/x509/refusal.ts'
import { listed, revokingCa, verdict } from './revocation-support.ts'
import { CallersSigner, NOW, rootCa } from './support.ts'

const { certificate } = await rootCa()

describe('pruning (RFC 5280 §3.3)', () => {
  test('an entry goes when a list 30 days after the certificate expired has shown it, and not before', async () => {
    const ca = await revokingCa()
    const leaf = await ca.leaf({ lifetime: '1h' })
    await ca.revoke(leaf, { reason: 'superseded' })
    const sizeNow = async (backdate = '0s') => {
      const { crl } = await ca.issueCrl({ backdate })
      return [crl.size, (await ca.state()).entries.length]
    }
    expect(await sizeNow()).toEqual([1, 1])
    ca.clock.advance('30d1h')
    expect(await sizeNow()).toEqual([1, 1])
    ca.clock.advance('1m')
    // What says that it is of an earlier time is no later list.
    expect(await sizeNow('2m')).toEqual([1, 1])
    ca.clock.advance('1s')
    expect(await sizeNow()).toEqual([1, 0])
    expect(await sizeNow()).toEqual([0, 0])
  })

  test('a delta CRL alone prunes nothing, nor does a list that was not signed', async () => {
    const ca = await revokingCa()
    await ca.revoke(await ca.leaf({ lifetime: '1h' }), { reason: 'superseded' })
    await ca.issueCrl({ nextUpdate: '60d' })
    ca.clock.advance('31d')
    await ca.issueCrl({ delta: true })
    expect((await ca.state()).entries).toHaveLength(1)
    const denied = new Error('denied')
    const { signer } = ca.context.signer
    const failing = await CheckedSigner.of(new CallersSigner(signer, () => Promise.reject(denied)))
    const failed = issueCrl({ ...ca.context, signer: failing }, { nextUpdate: '7d' })
    expect((await refusalOfAsync(failed)).cause).toBe(denied)
    expect((await ca.state()).entries).toHaveLength(1)
    await ca.issueCrl()
    expect((await ca.state()).entries).toHaveLength(0)
  })

  test('a replica whose clock is ahead does not drop the revocation of a valid certificate', async () => {
    const ca = await revokingCa()
    const leaf = await ca.leaf({ lifetime: '1d' })
    await ca.revoke(leaf, { reason: 'keyCompromise' })
    ca.clock.advance('30d')
    await ca.issueCrl()
    await ca.issueCrl()
    ca.clock.set(NOW)
    const { crl } = await ca.issueCrl()
    expect(verdict(ca, leaf, [crl])).toBe('ERR_PATH_REVOKED')
  })

  test('what was revoked long after its expiry is listed once', async () => {
    const ca = await revokingCa()
    const leaf = await ca.leaf({ lifetime: '1h' })
    ca.clock.advance('31d')
    await ca.issueCrl()
    await ca.revoke(leaf, { reason: 'keyCompromise' })
    const sizes = [(await ca.issueCrl()).crl.size, (await ca.issueCrl()).crl.size]
    expect(sizes).toEqual([1, 0])
  })

  test('an entry of which only the serial number is known stays', async () => {
    const ca = await revokingCa()
    await ca.revoke('2a', { reason: 'superseded' })
    ca.clock.advance('3000d')
    await ca.issueCrl()
    expect((await ca.issueCrl()).crl.size).toBe(1)
  })

  test('every scope must have shown it; one that was given up does not count', async () => {
    const ca = await revokingCa()
    const users = { issuingDistributionPoint: { onlyContainsUserCerts: true } }
    const cas = { issuingDistributionPoint: { onlyContainsCaCerts: true } }
    const leaf = await ca.leaf({ lifetime: '1h' })
    await ca.revoke(leaf, { reason: 'superseded' })
    for (const options of [{}, users, cas]) await ca.issueCrl(options)
    ca.clock.advance('31d')
    await ca.issueCrl()
    await ca.issueCrl(cas)
    expect((await ca.state()).entries).toHaveLength(1)
    expect((await ca.issueCrl(users)).crl.size).toBe(1)
    expect((await ca.state()).entries).toHaveLength(0)

    const other = await ca.leaf({ lifetime: '1h' })
    await ca.revoke(other, { reason: 'superseded' })
    ca.clock.advance('97d')
    await ca.issueCrl()
    expect((await ca.state()).entries).toHaveLength(1)
    ca.clock.advance('1d')
    await ca.issueCrl()
    expect((await ca.state()).entries).toHaveLength(0)
    expect((await ca.state()).complete.map(({ scope }) => scope)).toEqual([''])
  })

  test('a lifted hold is remembered as long as a delta CRL can start before it', async () => {
    const ca = await revokingCa()
    await ca.revoke('2a', { reason: 'certificateHold' })
    await ca.issueCrl()
    await ca.revoke('2a', { reason: 'removeFromCRL' })
    await ca.issueCrl({ delta: true })
    expect((await ca.state()).entries).toHaveLength(1)
    await ca.issueCrl()
    expect(await ca.state()).toMatchObject({ entries: [], floor: '2' })
    expect((await refusalOfAsync(ca.revoke('2a', { reason: 'removeFromCRL' }))).code).toBe(
      'ERR_CA_REVOCATION_REASON',
    )
    expect(listed((await ca.issueCrl({ delta: true })).crl)).toEqual([])
  })
})

describe('replicas that finish in another order than they began in', () => {
  const fresh = newRevocationState(certificate, { lastNumber: 9n })
  const list = (number: string, scope = '') => ({
    scope,
    number,
    thisUpdate: '2026-01-01T00:00:00Z',
    nextUpdate: '2026-01-08T00:00:00Z',
  })
  const now = Date.UTC(2026, 0, 1)

  test('an earlier list does not take the place of a later one', () => {
    const later = recordComplete(fresh, list('9'), now)
    expect(recordComplete(later, list('8'), now)).toBe(later)
    expect(recordComplete(recordComplete(fresh, list('8'), now), list('9'), now).complete).toEqual([
      list('9'),
    ])
  })

  test('what was revoked while a list was made is not taken for shown by it', () => {
    const entry = {
      serialNumber: '2a',
      date: '2026-01-01T00:00:00Z',
      reason: 'keyCompromise',
      notAfter: '2025-01-01T00:00:00Z',
      since: '10',
    } as const
    const revoked: RevocationState = { ...fresh, entries: [entry] }
    expect(recordComplete(revoked, list('9'), now).entries).toEqual([entry])
    const shown: RevocationState = { ...fresh, entries: [{ ...entry, since: '9' }] }
    expect(recordComplete(shown, list('9'), now).entries).toEqual([])
  })

  test('a first list of a scope is no base where a lifted hold was forgotten since', () => {
    const lifted: RevocationState = {
      ...fresh,
      entries: [{ serialNumber: '2a', date: '2026-01-01T00:00:00Z', reason: 'removeFromCRL', since: '9' }],
    }
    const users = '30038101ff'
    const forgotten = recordComplete(lifted, list('9'), now)
    expect([forgotten.entries, forgotten.floor]).toEqual([[], '9'])
    expect(recordComplete(forgotten, list('8', users), now)).toBe(forgotten)
    const remembered = recordComplete(lifted, list('8', users), now)
    expect(recordComplete(remembered, list('9'), now).entries).toEqual(lifted.entries)
  })
})
