import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { MeshPkiError } from '../../src/errors.ts'
import { Certificate, CertificateList } from '../../src/x509/index.ts'
import { certificateOf, commonName, concat, hex, seq, tlv, toHex } from '../fixtures/x509/der.ts'
import { aki, directory, dns, ext, uri } from '../unit/verify/forge.ts'
import {
  certificateIssuer,
  collidingSerials,
  crlNumber,
  crlOf,
  deltaIndicator,
  entryOf,
  generalized,
  invalidityDate,
  issuingDistributionPoint,
  reasonCode,
} from '../unit/x509/certificate-list-support.ts'

/** Asks a CRL for everything that it has: after reading, nothing may throw. */
function everyAnswer(crl: CertificateList): void {
  for (const [name, { get }] of Object.entries(Object.getOwnPropertyDescriptors(CertificateList.prototype)))
    if (get !== undefined) void Reflect.get(crl, name, crl)
  void String(crl.issuer)
  void crl.fingerprint()
  void crl.toPem()
  let entries = 0
  for (const { serialNumber, certificateIssuer: issuer } of crl) {
    entries++
    void String(issuer)
    // Negative ones are found by certificate; that is another test.
    if (!serialNumber.startsWith('-')) void crl.find(serialNumber)
  }
  expect(entries).toBe(crl.size)
  void crl.find('2a')
}

/** Reads bytes that may be anything; answers whether they were a CRL. */
function readsOrRefuses(der: Uint8Array): boolean {
  let crl: CertificateList
  try {
    crl = CertificateList.fromDer(der)
  } catch (error) {
    if (!(error instanceof MeshPkiError)) throw new Error(`${toHex(der)}: ${String(error)}`, { cause: error })
    return false
  }
  try {
    everyAnswer(crl)
  } catch (error) {
    throw new Error(`${toHex(der)}: read, but then ${String(error)}`, { cause: error })
  }
  return true
}

/** Content octets of an INTEGER in its shortest form, of any sign. */
const content = fc.uint8Array({ minLength: 1, maxLength: 21 }).map((octets) => {
  let start = 0
  const redundant = (at: number) =>
    (octets[at] === 0 && (octets[at + 1] ?? 0) < 0x80) ||
    (octets[at] === 0xff && (octets[at + 1] ?? 0) >= 0x80)
  while (start + 1 < octets.length && redundant(start)) start++
  return toHex(octets.subarray(start))
})

/** Two's complement, which is what X.690 §8.3.3 says of content octets. */
const integerOf = (octets: string) => BigInt.asIntN(octets.length * 4, BigInt(`0x${octets}`))

const numberOf = (shown: string) =>
  shown.startsWith('-') ? -BigInt(`0x${shown.slice(1)}`) : BigInt(`0x${shown}`)

const ISSUERS = ['Issuer', 'A', 'B'] as const
const certificateOfSerial = (serial: string, issuer: string) =>
  Certificate.fromDer(certificateOf({ serial: tlv(2, hex(serial)), issuer: commonName(issuer) }))

const REASONS = [
  'unspecified',
  'keyCompromise',
  'cACompromise',
  'affiliationChanged',
  'superseded',
  'cessationOfOperation',
  'certificateHold',
  undefined,
  'removeFromCRL',
  'privilegeWithdrawn',
  'aACompromise',
] as const

const entry = fc.record({
  serial: content,
  reason: fc.option(fc.nat({ max: 12 }), { nil: undefined }),
  invalid: fc.boolean(),
  issuer: fc.option(fc.constantFrom(...ISSUERS), { nil: undefined }),
  opaque: fc.option(fc.uint8Array({ maxLength: 20 }), { nil: undefined }),
})
type Entry = typeof entry extends fc.Arbitrary<infer T> ? T : never

function derOf({ serial, reason, invalid, issuer, opaque }: Entry): Uint8Array {
  const extensions = [
    ...(reason === undefined ? [] : [reasonCode(reason)]),
    ...(invalid ? [invalidityDate('20240102030405Z')] : []),
    ...(issuer === undefined ? [] : [certificateIssuer(directory(commonName(issuer)))]),
    ...(opaque === undefined ? [] : [ext('1.2.3.4', opaque)]),
  ]
  return extensions.length === 0 ? entryOf({ serial }) : entryOf({ serial, extensions })
}

/** What RFC 5280 §5.3.3 says of the issuers, told in another way: by a walk over the list. */
function withIssuers(entries: readonly Entry[]): readonly (Entry & { readonly counts: string })[] {
  let counts = 'Issuer'
  return entries.map((one) => {
    counts = one.issuer ?? counts
    return { ...one, counts }
  })
}

describe('CRLs of any entries', () => {
  const lists = fc.array(entry, { maxLength: 40 })

  test('come back in order with what was put in (RFC 5280 §5.1.2.6, §5.3)', () => {
    fc.assert(
      fc.property(lists, (entries) => {
        const crl = CertificateList.fromDer(crlOf({ entries: entries.map(derOf) }))
        expect(crl.size).toBe(entries.length)
        const seen = [...crl].map(
          ({ serialNumber, reason, invalidityDate: invalid, certificateIssuer: name }) => ({
            serial: numberOf(serialNumber),
            reason,
            invalid: invalid?.toISOString(),
            issuer: String(name),
          }),
        )
        expect(seen).toEqual(
          withIssuers(entries).map(({ serial, reason, invalid, counts }) => ({
            serial: integerOf(serial),
            reason: reason === undefined ? undefined : REASONS[reason],
            invalid: invalid ? '2024-01-02T03:04:05.000Z' : undefined,
            issuer: `CN=${counts}`,
          })),
        )
      }),
    )
  })

  test('every certificate that is listed is found, for its issuer, and no other is', () => {
    fc.assert(
      fc.property(lists, fc.array(content, { maxLength: 5 }), (entries, others) => {
        const crl = CertificateList.fromDer(crlOf({ entries: entries.map(derOf) }))
        const listed = withIssuers(entries)
        for (const serial of [...others, ...entries.map((one) => one.serial)])
          for (const issuer of ISSUERS) {
            const same = listed.filter((one) => one.serial === serial && one.counts === issuer)
            const found = crl.find(certificateOfSerial(serial, issuer))
            expect(found !== undefined).toBe(same.length > 0)
            if (found === undefined) continue
            expect(numberOf(found.serialNumber)).toBe(integerOf(serial))
            const revoking = same.find(({ reason }) => reason !== 8)
            expect(found.reason === 'removeFromCRL').toBe(revoking === undefined)
          }
      }),
      { numRuns: 200 },
    )
  })

  test('in hex, every non-negative serial number of the issuer of the CRL is found', () => {
    fc.assert(
      fc.property(lists, (entries) => {
        const crl = CertificateList.fromDer(crlOf({ entries: entries.map(derOf) }))
        const own = withIssuers(entries).filter(({ counts }) => counts === 'Issuer')
        for (const { serial } of entries) {
          const value = integerOf(serial)
          if (value < 0n) continue
          const digits = value.toString(16)
          const found = crl.find(digits.length % 2 === 0 ? digits : `0${digits}`)
          expect(found !== undefined).toBe(own.some((one) => one.serial === serial))
        }
      }),
    )
  })
})

describe('serial numbers of one FNV-1a hash, which anybody can make', () => {
  const serials = collidingSerials(5)

  test('there are 32, all different', () => expect(new Set(serials).size).toBe(32))
  test('each is found as itself', () => {
    const entries = serials.map((serial, n) => entryOf({ serial, extensions: [reasonCode(n % 7)] }))
    const crl = CertificateList.fromDer(crlOf({ entries }))
    for (const [n, serial] of serials.entries())
      expect(crl.find(serial)).toMatchObject({ serialNumber: serial, reason: REASONS[n % 7] })
  })
  test('where a part of them is listed, the others are not', () => {
    fc.assert(
      fc.property(fc.subarray([...serials]), fc.array(content, { maxLength: 10 }), (part, others) => {
        const entries = [...others, ...part].map((serial) => entryOf({ serial }))
        const crl = CertificateList.fromDer(crlOf({ entries }))
        for (const serial of serials) expect(crl.find(serial) !== undefined).toBe(part.includes(serial))
      }),
    )
  })
  test('of each the entry that revokes is preferred', () => {
    const entries = [
      ...serials.map((serial) => entryOf({ serial, extensions: [reasonCode(8)] })),
      ...serials.slice(0, 16).map((serial) => entryOf({ serial, extensions: [reasonCode(4)] })),
    ]
    const crl = CertificateList.fromDer(crlOf({ entries }))
    for (const [n, serial] of serials.entries())
      expect(crl.find(serial)?.reason).toBe(n < 16 ? 'superseded' : 'removeFromCRL')
  })
})

describe('damaged CRLs', () => {
  const full = crlOf({
    entries: [
      entryOf({ serial: '2a' }),
      entryOf({ serial: '00ff', extensions: [reasonCode(1), invalidityDate('20240102030405Z')] }),
      entryOf({
        serial: '0102',
        date: generalized('20510101000000Z'),
        extensions: [certificateIssuer(dns('a'), directory(commonName('A')))],
      }),
      entryOf({ serial: 'ff7f', extensions: [ext('1.2.3', hex('0500'), true), reasonCode(8)] }),
    ],
    extensions: [
      aki(hex('0102')),
      crlNumber('0080'),
      deltaIndicator('05'),
      issuingDistributionPoint(
        tlv(0xa0, tlv(0xa0, uri('http://a/'), directory(commonName('D')))),
        hex('8101ff'),
        hex('83020348'),
        hex('8401ff'),
      ),
      ext(46, seq(seq(tlv(0xa0, tlv(0xa0, uri('http://b/')))))),
    ],
  })
  const v1 = crlOf({ version: hex(''), nextUpdate: hex(''), entries: [entryOf({ serial: '01' })] })
  const pss = crlOf({
    algorithm: hex(
      '304106092a864886f70d01010a3034a00f300d06096086480165030402010500a11c301a06092a864886f70d010108300d06096086480165030402010500a203020120',
    ),
  })

  test.each([
    ['full', full],
    ['v1', v1],
    ['PSS', pss],
  ])('%s: whole it is read; every truncation is refused as MeshPkiError', (_, der) => {
    expect(readsOrRefuses(der)).toBe(true)
    for (let length = 0; length < der.length; length++)
      expect(readsOrRefuses(der.subarray(0, length))).toBe(false)
  })
  test.each([
    ['full', full],
    ['v1', v1],
    ['PSS', pss],
  ])('%s: every octet in every value is read or refused as MeshPkiError', (_, der) => {
    let read = 0
    const changed = concat(der)
    for (let at = 0; at < der.length; at++) {
      for (let value = 0; value < 256; value++) {
        changed[at] = value
        if (readsOrRefuses(changed)) read++
      }
      changed[at] = der[at] ?? 0
    }
    // The unchanged one is among them for each octet; the signature's value may be anything.
    expect(read).toBeGreaterThan(der.length)
    expect(read).toBeLessThan(der.length * 200)
  })
  test('every octet left out or doubled is read or refused as MeshPkiError', () => {
    for (let at = 0; at < full.length; at++) {
      expect(readsOrRefuses(concat(full.subarray(0, at), full.subarray(at + 1)))).toBe(false)
      expect(readsOrRefuses(concat(full.subarray(0, at + 1), full.subarray(at)))).toBe(false)
    }
  })
  test('any bytes in any extension of CRL or entry are read whole or refused as MeshPkiError', () => {
    const tag = fc.constantFrom(
      1,
      2,
      3,
      4,
      6,
      0x0a,
      0x0c,
      0x17,
      0x18,
      0x30,
      0x80,
      0x81,
      0x82,
      0x83,
      0x84,
      0x85,
      0x86,
      0xa0,
      0xa1,
      0xa4,
    )
    const { value } = fc.letrec<{ value: Uint8Array }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 4 },
        fc.tuple(tag, fc.uint8Array({ maxLength: 6 })).map(([t, octets]) => tlv(t, octets)),
        fc.tuple(tag, fc.array(tie('value'), { maxLength: 3 })).map(([t, contents]) => tlv(t, ...contents)),
      ),
    }))
    const arc = fc.constantFrom(17, 18, 20, 21, 23, 24, 27, 28, 29, 31, 35, 46)
    fc.assert(
      fc.property(arc, value, fc.boolean(), fc.boolean(), (id, der, critical, inEntry) => {
        const extensions = [ext(id, der, critical)]
        readsOrRefuses(
          inEntry ? crlOf({ entries: [entryOf({ serial: '2a', extensions })] }) : crlOf({ extensions }),
        )
      }),
      { numRuns: 5000 },
    )
  })
  test('any bytes at all are refused as MeshPkiError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(readsOrRefuses(bytes)).toBe(false)
        expect(readsOrRefuses(tlv(0x30, bytes))).toBe(false)
      }),
    )
  })
})
