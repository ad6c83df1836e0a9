import { describe, expect, test } from 'vitest'
import type { Certificate, CertificateList } from '../../../src/x509/index.ts'
import { refusalOfAsync } from '../../fixtures/x509/refusal.ts'
import { listed, revokingCa, verdict } from './revocation-support.ts'
import { INTERMEDIATE, request } from './support.ts'

const found = (crl: CertificateList | undefined, certificate: Certificate): string =>
  crl?.find(certificate)?.reason ?? 'nothing'

describe('delta CRLs (RFC 5280 §5.2.4)', () => {
  test('hold what was revoked since the base, and the base counts for what was before', async () => {
    const ca = await revokingCa()
    const [before, after, good] = [await ca.leaf(), await ca.leaf(), await ca.leaf()]
    await ca.revoke(before, { reason: 'superseded' })
    const base = await ca.issueCrl()
    await ca.revoke(after, { reason: 'keyCompromise' })
    const { crl: delta, number, baseNumber } = await ca.issueCrl({ delta: true })
    expect([number, baseNumber, delta.crlNumber, delta.baseCrlNumber]).toEqual([2n, 1n, 2n, 1n])
    expect(listed(delta)).toEqual([`${after.serialNumber} keyCompromise`])
    expect(delta.extensions.find(({ oid }) => oid === '2.5.29.27')?.critical).toBe(true)
    const says = (leaf: Certificate, ...crls: readonly CertificateList[]) => verdict(ca, leaf, crls)
    expect([before, after, good].map((leaf) => says(leaf, base.crl, delta))).toEqual([
      'ERR_PATH_REVOKED',
      'ERR_PATH_REVOKED',
      'ok',
    ])
    expect(says(after, base.crl)).toBe('ok')
    expect(says(good, delta)).not.toBe('ok')
  })

  test('lift a hold', async () => {
    const ca = await revokingCa()
    const leaf = await ca.leaf()
    await ca.revoke(leaf, { reason: 'certificateHold' })
    const base = await ca.issueCrl()
    const still = await ca.issueCrl({ delta: true })
    await ca.revoke(leaf, { reason: 'removeFromCRL' })
    const lifted = await ca.issueCrl({ delta: true })
    expect([listed(still.crl), listed(lifted.crl)]).toEqual([[], [`${leaf.serialNumber} removeFromCRL`]])
    expect(verdict(ca, leaf, [base.crl, still.crl])).toBe('ERR_PATH_REVOKED')
    expect(verdict(ca, leaf, [base.crl, still.crl, lifted.crl])).toBe('ok')
    const complete = await ca.issueCrl()
    expect([listed(complete.crl), verdict(ca, leaf, [complete.crl])]).toEqual([[], 'ok'])
  })

  // "If the certificate was placed on hold in any CRL issued after the base but before this delta CRL and then
  // released from hold, it MUST be listed on the delta CRL with the reason code removeFromCRL."
  test('lift a hold that began after the base', async () => {
    const ca = await revokingCa()
    const leaf = await ca.leaf()
    const base = await ca.issueCrl()
    await ca.revoke(leaf, { reason: 'certificateHold' })
    const held = await ca.issueCrl({ delta: true })
    await ca.revoke(leaf, { reason: 'removeFromCRL' })
    const lifted = await ca.issueCrl({ delta: true })
    expect([found(held.crl, leaf), found(lifted.crl, leaf)]).toEqual(['certificateHold', 'removeFromCRL'])
    expect(verdict(ca, leaf, [base.crl, held.crl])).toBe('ERR_PATH_REVOKED')
    expect(verdict(ca, leaf, [base.crl, held.crl, lifted.crl])).toBe('ok')
  })

  test('a hold that becomes a revocation', async () => {
    const ca = await revokingCa()
    const leaf = await ca.leaf()
    await ca.revoke(leaf, { reason: 'certificateHold' })
    const base = await ca.issueCrl()
    await ca.revoke(leaf, { reason: 'keyCompromise' })
    const delta = await ca.issueCrl({ delta: true })
    expect([found(base.crl, leaf), found(delta.crl, leaf)]).toEqual(['certificateHold', 'keyCompromise'])
    expect(verdict(ca, leaf, [base.crl, delta.crl])).toBe('ERR_PATH_REVOKED')
  })

  test('grow until the next complete list', async () => {
    const ca = await revokingCa()
    await ca.issueCrl()
    const sizes: number[] = []
    for (const serial of ['01', '02', '03']) {
      await ca.revoke(serial, { reason: 'superseded' })
      sizes.push((await ca.issueCrl({ delta: true })).crl.size)
    }
    const complete = await ca.issueCrl()
    const next = await ca.issueCrl({ delta: true })
    expect([sizes, complete.crl.size, next.crl.size, next.baseNumber]).toEqual([[1, 2, 3], 3, 0, 5n])
  })

  test('with a complete one: one number, and the same said by either', async () => {
    const ca = await revokingCa()
    const [held, gone, good] = [await ca.leaf(), await ca.leaf(), await ca.leaf()]
    await ca.revoke(held, { reason: 'certificateHold' })
    const first = await ca.issueCrl({ delta: 'with-complete' })
    expect([first.delta, first.baseNumber, first.number]).toEqual([undefined, undefined, 1n])
    ca.clock.advance('1h')
    await ca.revoke(held, { reason: 'removeFromCRL' })
    await ca.revoke(gone, { reason: 'superseded' })
    const both = await ca.issueCrl({ delta: 'with-complete', freshestCrl: ['http://crl.example/delta'] })
    const { crl, delta } = both
    expect([both.number, both.baseNumber, crl.crlNumber, delta?.crlNumber]).toEqual([2n, 1n, 2n, 2n])
    expect([crl.baseCrlNumber, delta?.baseCrlNumber]).toEqual([undefined, 1n])
    expect([crl.freshestCrl?.length, delta?.freshestCrl]).toEqual([1, undefined])
    expect([crl.thisUpdate, crl.nextUpdate]).toEqual([delta?.thisUpdate, delta?.nextUpdate])
    if (delta === undefined) throw new Error('expected a delta CRL')
    for (const [leaf, says] of [
      [held, 'ok'],
      [gone, 'ERR_PATH_REVOKED'],
      [good, 'ok'],
    ] as const)
      for (const crls of [[crl], [first.crl, delta], [crl, delta], [first.crl, crl, delta]])
        expect(verdict(ca, leaf, crls)).toBe(says)
    expect((await ca.issueCrl({ delta: true })).baseNumber).toBe(2n)
  })

  test('need a complete list of their scope that is current', async () => {
    const ca = await revokingCa()
    const users = { issuingDistributionPoint: { onlyContainsUserCerts: true } }
    const none = await refusalOfAsync(ca.issueCrl({ delta: true }))
    expect([none.code, none.message]).toEqual([
      'ERR_CA_CRL_BASE',
      expect.stringContaining('Issue a complete CRL first'),
    ])
    expect((await ca.state()).number).toBe('0')
    await ca.issueCrl()
    expect((await refusalOfAsync(ca.issueCrl({ delta: true, ...users }))).code).toBe('ERR_CA_CRL_BASE')
    await ca.issueCrl(users)
    expect((await ca.issueCrl({ delta: true, ...users })).baseNumber).toBe(2n)
    expect((await ca.issueCrl({ delta: true })).baseNumber).toBe(1n)
    ca.clock.advance('7d')
    expect((await ca.issueCrl({ delta: true })).baseNumber).toBe(1n)
    ca.clock.advance('1s')
    expect((await refusalOfAsync(ca.issueCrl({ delta: true }))).code).toBe('ERR_CA_CRL_BASE')
    expect((await ca.issueCrl({ delta: 'with-complete' })).delta).toBeUndefined()
  })
})

describe('scopes (RFC 5280 §5.2.5)', () => {
  const users = { onlyContainsUserCerts: true }
  const cas = { onlyContainsCaCerts: true }

  test('users and CAs in two lists; what is revoked by number alone is in both', async () => {
    const ca = await revokingCa()
    const leaf = await ca.leaf()
    const issued = await ca.ca.issueIntermediate(await request({ subject: INTERMEDIATE }), {
      lifetime: '30d',
    })
    const intermediate = issued.certificate
    const [ofUsers, ofCas] = [
      (await ca.issueCrl({ issuingDistributionPoint: users })).crl,
      (await ca.issueCrl({ issuingDistributionPoint: cas })).crl,
    ]
    await ca.revoke(leaf, { reason: 'superseded' })
    await ca.revoke(intermediate, { reason: 'cACompromise' })
    await ca.revoke('2a', { reason: 'superseded' })
    const serials = (crl: CertificateList) => [...crl].map(({ serialNumber }) => serialNumber)
    for (const delta of [true, false]) {
      const u = (await ca.issueCrl({ delta, issuingDistributionPoint: users })).crl
      const c = (await ca.issueCrl({ delta, issuingDistributionPoint: cas })).crl
      expect([serials(u), serials(c)]).toEqual([
        [leaf.serialNumber, '2a'],
        [intermediate.serialNumber, '2a'],
      ])
      const crls = [u, c, ...(delta ? [ofUsers, ofCas] : [])]
      expect([verdict(ca, leaf, crls), verdict(ca, intermediate, crls)]).toEqual([
        'ERR_PATH_REVOKED',
        'ERR_PATH_REVOKED',
      ])
    }
    expect([verdict(ca, leaf, [ofUsers]), verdict(ca, leaf, [ofCas])]).toEqual([
      'ok',
      'ERR_PATH_REVOCATION_UNKNOWN',
    ])
  })

  test('reasons in two lists: together they decide, and what has no reason is in each', async () => {
    const ca = await revokingCa()
    const [compromised, superseded, without, good] = [
      await ca.leaf(),
      await ca.leaf(),
      await ca.leaf(),
      await ca.leaf(),
    ]
    await ca.revoke(compromised, { reason: 'keyCompromise' })
    await ca.revoke(superseded, { reason: 'superseded' })
    await ca.revoke(without, { reason: 'unspecified' })
    const { crl: some } = await ca.issueCrl({
      issuingDistributionPoint: { onlySomeReasons: ['keyCompromise', 'cACompromise'] },
    })
    const { crl: rest } = await ca.issueCrl({
      issuingDistributionPoint: {
        onlySomeReasons: [
          'affiliationChanged',
          'superseded',
          'cessationOfOperation',
          'certificateHold',
          'privilegeWithdrawn',
          'aACompromise',
        ],
      },
    })
    expect([listed(some), listed(rest)]).toEqual([
      [`${compromised.serialNumber} keyCompromise`, `${without.serialNumber} none`],
      [`${superseded.serialNumber} superseded`, `${without.serialNumber} none`],
    ])
    for (const leaf of [compromised, superseded, without])
      expect(verdict(ca, leaf, [some, rest])).toBe('ERR_PATH_REVOKED')
    expect([verdict(ca, good, [some, rest]), verdict(ca, good, [some])]).toEqual([
      'ok',
      'ERR_PATH_REVOCATION_UNKNOWN',
    ])
  })

  test('a hold that becomes a reason of another list leaves its own by removeFromCRL', async () => {
    const ca = await revokingCa()
    const holds = { issuingDistributionPoint: { onlySomeReasons: ['certificateHold'] as const } }
    const others = { issuingDistributionPoint: { onlySomeReasons: ['keyCompromise'] as const } }
    await ca.revoke('2a', { reason: 'certificateHold' })
    const bases = [await ca.issueCrl(holds), await ca.issueCrl(others)]
    await ca.revoke('2a', { reason: 'keyCompromise' })
    const deltas = [
      await ca.issueCrl({ ...holds, delta: true }),
      await ca.issueCrl({ ...others, delta: true }),
    ]
    expect([bases, deltas].map((lists) => lists.map(({ crl }) => listed(crl)))).toEqual([
      [['2a certificateHold'], []],
      [['2a removeFromCRL'], ['2a keyCompromise']],
    ])
    expect(listed((await ca.issueCrl(holds)).crl)).toEqual([])
  })

  test('a place: only for certificates that name it', async () => {
    const ca = await revokingCa()
    const leaf = await ca.leaf()
    const { crl } = await ca.issueCrl({ issuingDistributionPoint: { fullName: ['http://crl.example/1'] } })
    expect(crl.issuingDistributionPoint?.fullName).toEqual([{ type: 'uri', value: 'http://crl.example/1' }])
    expect(verdict(ca, leaf, [crl])).toBe('ERR_PATH_REVOCATION_UNKNOWN')
  })
})
