import { describe, expect, test } from 'vitest'
import type { IssuedCertificate } from '../../../../src/kubernetes/federation/issued-certificate.ts'
import {
  type EvidenceTerms,
  memberReport,
  mergeReports,
} from '../../../../src/kubernetes/federation/member-evidence.ts'
import type { MemberReport } from '../../../../src/rotation/rollover/member-report.ts'
import { DAY, HOUR, instant, MINUTE, NOW, orderOf } from './parts.ts'

const at = (ms: number): string => instant(ms).toISOString()

const STATUS = {
  observedAt: at(-MINUTE),
  rollover: 'old>new',
  revision: 5,
  signer: 'new',
  certificate: { authority: 'new' },
  distributed: { sequence: 9, digest: 'd'.repeat(64) },
  ledger: [{ authority: 'old', notAfter: at(HOUR) }],
}

const terms: EvidenceTerms = {
  rollover: 'old>new',
  authorities: ['old', 'new', 'third'],
  now: NOW,
  maxAgeMs: 15 * MINUTE,
  latestEnd: instant(DAY),
}

const report = (status: object, more: Partial<EvidenceTerms> = {}): MemberReport | undefined => {
  const order: IssuedCertificate = orderOf()
  return memberReport('east', { ...order, object: { ...order.object, status } }, { ...terms, ...more })
}

describe('what an order says to a rollover', () => {
  test('is revision, bundle, signer, and what may still be in use', () => {
    expect(report(STATUS)).toEqual({
      member: 'east',
      revision: 5,
      bundle: { sequence: 9, digest: 'd'.repeat(64) },
      signer: 'new',
      issued: [{ authority: 'old', notAfter: instant(HOUR) }],
    })
  })

  test('counts for as long as an agent’s words may, to the millisecond, and not longer', () => {
    expect(report({ ...STATUS, observedAt: at(-15 * MINUTE) })).toBeDefined()
    expect(report({ ...STATUS, observedAt: at(-15 * MINUTE - 1) })).toBeUndefined()
    expect(report({ ...STATUS, observedAt: at(-15 * MINUTE - 1) }, { maxAgeMs: HOUR })).toBeDefined()
  })

  test('counts from a clock that is a minute ahead, and from none that is further', () => {
    expect(report({ ...STATUS, observedAt: at(MINUTE) })).toBeDefined()
    expect(report({ ...STATUS, observedAt: at(MINUTE + 1) })).toBeUndefined()
    // Nothing that a cluster writes today makes it count next year.
    expect(report({ ...STATUS, observedAt: at(365 * DAY) })).toBeUndefined()
  })

  test('counts for nothing without its time, or without a signer', () => {
    for (const observedAt of [undefined, 'now', 5, null])
      expect(report({ ...STATUS, observedAt })).toBeUndefined()
    for (const signer of [undefined, 7, null]) expect(report({ ...STATUS, signer })).toBeUndefined()
  })

  test('to another rollover, is no revision and no bundle of this one', () => {
    for (const rollover of ['new>old', undefined, ''])
      expect(report({ ...STATUS, rollover })).toEqual({
        member: 'east',
        revision: 0,
        signer: 'new',
        issued: [{ authority: 'old', notAfter: instant(HOUR) }],
      })
  })

  test('half a bundle is none', () => {
    for (const distributed of [{ sequence: 9 }, { digest: 'd' }, undefined, 'x'])
      expect(report({ ...STATUS, distributed })).not.toHaveProperty('bundle')
  })

  test('of the authority that signs, or is about to, no end is told', () => {
    const ledger = ['old', 'new', 'third'].map((authority) => ({ authority, notAfter: at(HOUR) }))
    // The CA is replaced, and istiod still signs with the one of before.
    const issued = report({ ...STATUS, signer: 'old', ledger })?.issued
    expect(issued?.map(({ authority }) => authority)).toEqual(['third'])
    const switched = report({ ...STATUS, signer: 'new', ledger })?.issued
    expect(switched?.map(({ authority }) => authority)).toEqual(['old', 'third'])
  })

  test('of authorities that are none of the plan’s nobody asks', () => {
    const ledger = [
      { authority: 'stranger', notAfter: at(HOUR) },
      { authority: 'old', notAfter: at(HOUR) },
    ]
    expect(report({ ...STATUS, ledger })?.issued?.map(({ authority }) => authority)).toEqual(['old'])
    expect(report({ ...STATUS, ledger }, { authorities: ['stranger'] })?.issued).toEqual([
      { authority: 'stranger', notAfter: instant(HOUR) },
    ])
  })

  test('no end lies beyond the longest that a certificate can live: nobody holds up a retirement for ever', () => {
    const end = (ms: number) =>
      report({ ...STATUS, ledger: [{ authority: 'old', notAfter: at(ms) }] })?.issued
    expect(end(DAY - 1)).toEqual([{ authority: 'old', notAfter: instant(DAY - 1) }])
    expect(end(DAY + 1)).toEqual([{ authority: 'old', notAfter: instant(DAY) }])
    expect(end(10_000 * DAY)).toEqual([{ authority: 'old', notAfter: instant(DAY) }])
  })

  test('lines that cannot be read say nothing', () => {
    const ledger = [null, 7, {}, { authority: 'old' }, { authority: 'old', notAfter: 'soon' }]
    expect(report({ ...STATUS, ledger })?.issued).toEqual([])
  })
})

describe('the report of a cluster with several meshes', () => {
  const one: MemberReport = {
    member: 'east',
    revision: 5,
    bundle: { sequence: 9, digest: 'nine' },
    signer: 'new',
    issued: [{ authority: 'old', notAfter: instant(HOUR) }],
  }
  const behind: MemberReport = {
    member: 'east',
    revision: 4,
    bundle: { sequence: 8, digest: 'eight' },
    signer: 'new',
    issued: [{ authority: 'old', notAfter: instant(2 * HOUR) }],
  }

  test('holds for the one that is behind, whichever comes first', () => {
    for (const both of [
      [one, behind],
      [behind, one],
    ]) {
      const merged = mergeReports(both)
      expect(merged).toMatchObject({ member: 'east', revision: 4, bundle: { sequence: 8, digest: 'eight' } })
      expect(merged?.signer).toBe('new')
      expect(merged?.issued).toHaveLength(2)
    }
  })

  test('has no bundle while one mesh keeps its own, and no signer while they differ', () => {
    const { bundle: _without, ...unmanaged } = behind
    expect(mergeReports([one, unmanaged])).not.toHaveProperty('bundle')
    expect(mergeReports([unmanaged, one])).not.toHaveProperty('bundle')
    expect(mergeReports([one, { ...behind, signer: 'old' }])).not.toHaveProperty('signer')
    expect(mergeReports([{ ...behind, signer: 'old' }, one])).not.toHaveProperty('signer')
  })

  test('is none while one mesh says nothing', () => {
    expect(mergeReports([one, undefined])).toBeUndefined()
    expect(mergeReports([undefined, one])).toBeUndefined()
    expect(mergeReports([undefined])).toBeUndefined()
    expect(mergeReports([])).toBeUndefined()
    expect(mergeReports([one])).toEqual(one)
  })
})
