import { describe, expect, test } from 'vitest'
import { type CrlValues, encodeTbsCertList } from '../../../src/ca/revocation/crl-writer.ts'
import { readSignedCrl } from '../../../src/ca/revocation/read-signed-crl.ts'
import { CertificateList } from '../../../src/x509/index.ts'
import { commonName, hex, seq, toHex } from '../../fixtures/x509/der.ts'
import { codeOf, refusalOf } from '../../fixtures/x509/refusal.ts'
import { aki, ext } from '../verify/forge.ts'
import {
  crlNumber,
  deltaIndicator,
  entryOf,
  generalized,
  invalidityDate,
  issuingDistributionPoint,
  reasonCode,
  tbsOf,
  utc,
} from '../x509/certificate-list-support.ts'

const values: CrlValues = {
  algorithm: 'ecdsa-sha256',
  issuer: commonName('Issuer'),
  authorityKeyId: hex('0102'),
  thisUpdate: Date.UTC(2026, 0, 1),
  nextUpdate: Date.UTC(2050, 0, 1),
  number: 255n,
  baseNumber: undefined,
  scope: undefined,
  freshestCrl: undefined,
  entries: [],
}
const entry = {
  serialNumber: '2a',
  date: Date.UTC(2025, 5, 1, 12),
  reason: 'unspecified',
  invalidityDate: undefined,
} as const

describe('the writer, byte for byte as the tests build it', () => {
  const times = { thisUpdate: utc('260101000000Z'), nextUpdate: generalized('20500101000000Z') }
  test('an empty list: no revokedCertificates at all (RFC 5280 §5.1.2.6)', () => {
    const extensions = [aki(hex('0102')), crlNumber('00ff')]
    expect(toHex(encodeTbsCertList(values))).toBe(toHex(tbsOf({ ...times, extensions })))
  })

  test('entries of every form, in their order', () => {
    const entries = [
      { ...entry, serialNumber: 'ff' },
      { ...entry, reason: 'keyCompromise' },
      { ...entry, serialNumber: '-80', reason: 'removeFromCRL', date: Date.UTC(2050, 0, 1) },
      { ...entry, serialNumber: '00', reason: 'aACompromise', invalidityDate: Date.UTC(2025, 4, 1) },
      { ...entry, serialNumber: '01', invalidityDate: Date.UTC(1999, 11, 31, 23, 59, 59) },
    ] as const
    const written = [
      entryOf({ serial: '00ff' }),
      entryOf({ serial: '2a', extensions: [reasonCode(1)] }),
      entryOf({ serial: '80', date: generalized('20500101000000Z'), extensions: [reasonCode(8)] }),
      entryOf({ serial: '00', extensions: [reasonCode(10), invalidityDate('20250501000000Z')] }),
      entryOf({ serial: '01', extensions: [invalidityDate('19991231235959Z')] }),
    ]
    const extensions = [aki(hex('0102')), crlNumber('00ff')]
    expect(toHex(encodeTbsCertList({ ...values, entries }))).toBe(
      toHex(tbsOf({ ...times, entries: written, extensions })),
    )
  })

  test('every extension', () => {
    const users = hex('8101ff')
    const point = hex('300f300da00ba0098607687474703a2f2f')
    const der = encodeTbsCertList({ ...values, baseNumber: 7n, scope: seq(users), freshestCrl: point })
    const extensions = [
      aki(hex('0102')),
      crlNumber('00ff'),
      deltaIndicator('07'),
      issuingDistributionPoint(users),
      ext(46, point),
    ]
    expect(toHex(der)).toBe(toHex(tbsOf({ ...times, extensions })))
  })

  test.each([
    [0n, '00'],
    [1n, '01'],
    [127n, '7f'],
    [128n, '0080'],
    [256n, '0100'],
    [(1n << 159n) - 1n, `7f${'ff'.repeat(19)}`],
  ])('the number %s', (number, content) => {
    const extensions = [aki(hex('0102')), crlNumber(content)]
    expect(toHex(encodeTbsCertList({ ...values, number }))).toBe(toHex(tbsOf({ ...times, extensions })))
  })

  test('each entry is looked at a fixed number of times, however many there are', () => {
    const readsOf = (size: number): number => {
      let reads = 0
      const counted = Array.from({ length: size }, (_, i) => {
        const one = { ...entry, serialNumber: (i + 1).toString(16).padStart(8, '0') }
        return new Proxy(one, {
          get(target, name) {
            reads++
            return Reflect.get(target, name)
          },
        })
      })
      encodeTbsCertList({ ...values, entries: counted })
      return reads
    }
    const once = readsOf(1)
    expect(once).toBeGreaterThan(0)
    expect([readsOf(100), readsOf(10_000)]).toEqual([100 * once, 10_000 * once])
  })
})

describe('what was signed is read back (decision 8)', () => {
  const algorithm = hex('300a06082a8648ce3d040302')
  const sealed = (meant: CrlValues): Uint8Array =>
    seq(encodeTbsCertList(meant), algorithm, hex('0309003006020101020101'))
  const scope = hex('30038101ff')
  const full: CrlValues = {
    ...values,
    baseNumber: 7n,
    scope,
    freshestCrl: hex('300f300da00ba0098607687474703a2f2f'),
    entries: [{ ...entry, reason: 'keyCompromise', invalidityDate: Date.UTC(2025, 4, 1) }],
  }

  test('as it was meant', () => {
    for (const meant of [values, full]) expect(readSignedCrl(sealed(meant), meant).crlNumber).toBe(255n)
  })

  const [listedEntry] = full.entries
  test.each<[string, Partial<CrlValues>]>([
    ['signature algorithm', { algorithm: 'ecdsa-sha384' }],
    ['issuer', { issuer: commonName('Other') }],
    ['thisUpdate', { thisUpdate: values.thisUpdate + 1000 }],
    ['nextUpdate', { nextUpdate: values.nextUpdate + 1000 }],
    ['authority key identifier', { authorityKeyId: hex('0103') }],
    ['number', { number: 256n }],
    ['base number', { baseNumber: 8n }],
    ['base number', { baseNumber: undefined }],
    ['issuing distribution point', { scope: undefined }],
    ['issuing distribution point', { scope: hex('30038201ff') }],
    ['freshest CRL', { freshestCrl: undefined }],
    ['number of entries', { entries: [] }],
    ['entry 0', { entries: [{ ...entry, reason: 'keyCompromise' }] }],
    ['entry 0', { entries: full.entries.map((one) => ({ ...one, serialNumber: '2b' })) }],
    ['entry 0', { entries: full.entries.map((one) => ({ ...one, date: one.date + 1000 })) }],
    ['entry 0', { entries: full.entries.map((one) => ({ ...one, reason: 'unspecified' as const })) }],
  ])('another %s', (what, other) => {
    expect(listedEntry).toBeDefined()
    const error = refusalOf(() => readSignedCrl(sealed(full), { ...full, ...other }))
    expect([error.code, error.message]).toEqual([
      'ERR_CA_SELF_CHECK',
      expect.stringContaining(`its ${what} is not what it was meant to be. Please report this`),
    ])
  })

  test('what is no CRL', () => {
    expect(codeOf(() => readSignedCrl(hex('3000'), values))).toBe('ERR_CA_SELF_CHECK')
    expect(CertificateList.fromDer(sealed(values)).size).toBe(0)
  })
})
