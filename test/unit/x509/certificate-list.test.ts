import { createHash } from 'node:crypto'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, test } from 'vitest'
import { Certificate, CertificateList, Name } from '../../../src/x509/index.ts'
import {
  certificateOf,
  commonName,
  concat,
  hex,
  rdn,
  seq,
  text,
  tlv,
  toHex,
} from '../../fixtures/x509/der.ts'
import { codeOf, refusalOf } from '../../fixtures/x509/refusal.ts'
import { aki, directory, dns, ext, uri } from '../verify/forge.ts'
import {
  type CrlParts,
  certificateIssuer,
  crlNumber,
  crlOf,
  deltaIndicator,
  ECDSA_SHA256,
  type EntryParts,
  entryOf,
  generalized,
  int,
  invalidityDate,
  issuingDistributionPoint,
  largeCrl,
  RSA_SHA256,
  reasonCode,
  serialOf,
  utc,
  V1,
} from './certificate-list-support.ts'

const read = (parts: CrlParts = {}) => CertificateList.fromDer(crlOf(parts))
const codeOfCrl = (parts: CrlParts) => codeOf(() => read(parts))
const withEntry = (parts: Partial<EntryParts> = {}): CrlParts => ({
  entries: [entryOf({ serial: '2a', ...parts })],
})
const withExtension = (...extensions: readonly Uint8Array[]): CrlParts => ({ extensions })
const certificate = (serial: string, issuer: Uint8Array = commonName('Issuer')) =>
  Certificate.fromDer(certificateOf({ serial: int(serial), issuer }))

describe('versions (RFC 5280 §5.1.2.1)', () => {
  test('without the field it is v1', () => {
    const crl = read({ version: V1, entries: [entryOf({ serial: '2a' })] })
    expect(crl.version).toBe(1)
    expect(crl.find('2a')?.serialNumber).toBe('2a')
    expect([...crl].map(({ serialNumber }) => serialNumber)).toEqual(['2a'])
  })
  test('the INTEGER 1 is v2', () => expect(read().version).toBe(2))
  test.each([
    ['v1 written out', hex('020100')],
    ['v3', hex('020102')],
  ])('%s is refused', (_, version) => expect(codeOfCrl({ version })).toBe('ERR_CRL_VERSION'))
  test('a negative version is refused', () =>
    expect(codeOfCrl({ version: hex('0201ff') })).toBe('ERR_DER_VALUE'))
  test('extensions need v2', () => {
    expect(read(withExtension(crlNumber('01'))).crlNumber).toBe(1n)
    expect(codeOfCrl({ version: V1, ...withExtension(crlNumber('01')) })).toBe('ERR_CRL_VERSION')
  })
  test('extensions of entries need v2', () => {
    const entry = withEntry({ extensions: [reasonCode(1)] })
    expect(read(entry).find('2a')?.reason).toBe('keyCompromise')
    expect(codeOfCrl({ version: V1, ...entry })).toBe('ERR_CRL_VERSION')
  })
})

describe('fields (RFC 5280 §5.1)', () => {
  test('the two algorithms must be the same (§5.1.1.2)', () => {
    expect(read({ algorithm: RSA_SHA256 }).signatureAlgorithm).toBe('rsa-sha256')
    expect(codeOfCrl({ algorithm: RSA_SHA256, outerAlgorithm: ECDSA_SHA256 })).toBe(
      'ERR_CRL_SIGNATURE_ALGORITHM',
    )
  })
  test('an algorithm that is not accepted has no name, but a description', () => {
    const crl = read({ algorithm: hex('300d06092a864886f70d0101050500') })
    expect(crl.signatureAlgorithm).toBeUndefined()
    expect(crl.signatureAlgorithmDescription).toBe('SHA-1 with RSA (1.2.840.113549.1.1.5)')
  })
  test('the signature is the octets of the BIT STRING (§5.1.1.3)', () => {
    expect(toHex(read({ signature: hex('030300abcd') }).signature)).toBe('abcd')
    expect(codeOfCrl({ signature: hex('030301abcc') })).toBe('ERR_DER_VALUE')
  })
  test('the issuer is a name (§5.1.2.3)', () => {
    expect(String(read({ issuer: commonName('CA of CRLs') }).issuer)).toBe('CN=CA of CRLs')
    expect(codeOfCrl({ issuer: tlv(0x31) })).toBe('ERR_DER_UNEXPECTED_TAG')
  })
  test.each([
    ['UTCTime through 2049', utc('491231235959Z'), '2049-12-31T23:59:59.000Z'],
    ['UTCTime from 50 is 1950', utc('500101000000Z'), '1950-01-01T00:00:00.000Z'],
    ['GeneralizedTime from 2050', generalized('20500101000000Z'), '2050-01-01T00:00:00.000Z'],
    [
      'GeneralizedTime before 2050, which must be read',
      generalized('20250101000000Z'),
      '2025-01-01T00:00:00.000Z',
    ],
  ])('dates: %s (§5.1.2.4, §5.1.2.5, §5.1.2.6)', (_, date, iso) => {
    const crl = read({ thisUpdate: date, nextUpdate: date, ...withEntry({ date }) })
    expect(crl.thisUpdate.toISOString()).toBe(iso)
    expect(crl.nextUpdate?.toISOString()).toBe(iso)
    expect(crl.find('2a')?.revocationDate.toISOString()).toBe(iso)
  })
  test.each([
    ['without seconds', utc('2501010000Z')],
    ['with an offset', utc('250101000000+0000')],
    ['with fractions of a second', generalized('20500101000000.5Z')],
    ['30 February', utc('250230000000Z')],
    ['hour 24', utc('250101240000Z')],
  ])('dates %s are refused (§5.1.2.4, §4.1.2.5)', (_, date) => {
    expect(codeOfCrl({ thisUpdate: date })).toBe('ERR_DER_TIME')
    expect(codeOfCrl({ nextUpdate: date })).toBe('ERR_DER_TIME')
    expect(codeOfCrl(withEntry({ date }))).toBe('ERR_DER_TIME')
  })
  test('nextUpdate may be absent in ASN.1 (§5.1.2.5): what is listed is revoked all the same', () => {
    const crl = read({ nextUpdate: hex(''), ...withEntry(), ...withExtension(crlNumber('05')) })
    expect(crl.nextUpdate).toBeUndefined()
    expect(crl.size).toBe(1)
    expect(crl.crlNumber).toBe(5n)
    expect(crl.find('2a')).toBeDefined()
  })
  test('thisUpdate may not be absent (§5.1.2.4)', () =>
    expect(codeOfCrl({ thisUpdate: hex(''), nextUpdate: hex('') })).toBe('ERR_DER_TRUNCATED'))
  test.each([
    ['a third date', { entriesField: utc('250101000000Z') }],
    ['a second list of entries', { entriesField: concat(seq(), seq()) }],
    [
      'a second field of extensions',
      { extensionsField: concat(tlv(0xa0, seq(crlNumber('01'))), tlv(0xa0, seq(crlNumber('01')))) },
    ],
    ['a field [1]', { extensionsField: tlv(0xa1, seq(crlNumber('01'))) }],
  ])('%s is refused', (_, parts) => expect(codeOfCrl(parts)).toBe('ERR_DER_TRAILING_DATA'))
  test('bytes behind the CRL are refused, in the signed part too', () => {
    expect(codeOf(() => CertificateList.fromDer(concat(crlOf(), hex('00'))))).toBe('ERR_DER_TRAILING_DATA')
    expect(codeOf(() => CertificateList.fromDer(concat(crlOf(), crlOf())))).toBe('ERR_DER_TRAILING_DATA')
    expect(codeOfCrl({ signature: hex('030200aa 0500') })).toBe('ERR_DER_TRAILING_DATA')
  })
  test('a certificate is no CRL', () =>
    expect(codeOf(() => CertificateList.fromDer(certificateOf()))).toMatch(/^ERR_/))
})

describe('entries (RFC 5280 §5.1.2.6)', () => {
  test('without entries the field is absent', () => {
    const crl = read(withExtension(crlNumber('07')))
    expect(crl.size).toBe(0)
    expect([...crl]).toEqual([])
    expect(crl.find('2a')).toBeUndefined()
    expect(crl.find(certificate('2a'))).toBeUndefined()
  })
  test('an empty list, which must not be written, is read as no entries', () => {
    const crl = read({ entries: [], ...withExtension(crlNumber('07')) })
    expect(crl.size).toBe(0)
    expect([...crl]).toEqual([])
    expect(crl.find('2a')).toBeUndefined()
    expect(crl.crlNumber).toBe(7n)
  })
  test('an empty list of extensions of an entry is refused (§4.1, SIZE (1..MAX))', () =>
    expect(codeOfCrl(withEntry({ extensions: [] }))).toBe('ERR_CERTIFICATE_EXTENSION'))
  test('an empty list of extensions of the CRL is refused (§5.1.2.7)', () =>
    expect(codeOfCrl({ extensions: [] })).toBe('ERR_CERTIFICATE_EXTENSION'))
  test.each([
    ['without a date', seq(int('2a'))],
    ['with a member more', seq(int('2a'), utc('250601120000Z'), seq(reasonCode(1)), hex('0500'))],
    ['that is no SEQUENCE', tlv(0x31, int('2a'), utc('250601120000Z'))],
    ['without a serial number', seq(utc('250601120000Z'))],
  ])('an entry %s is refused', (_, entry) => expect(codeOfCrl({ entries: [entry] })).toMatch(/^ERR_DER_/))
  test('every entry is read, the last one too', () => {
    const good = entryOf({ serial: '01' })
    expect(read({ entries: [good, good, entryOf({ serial: '02' })] }).size).toBe(3)
    expect(codeOfCrl({ entries: [good, good, entryOf({ serial: '0002' })] })).toBe('ERR_DER_ENCODING')
  })
  test('entries come in their order, not sorted', () => {
    const serials = ['30', '10', '20', '7f', '01']
    const crl = read({ entries: serials.map((serial) => entryOf({ serial })) })
    expect([...crl].map(({ serialNumber }) => serialNumber)).toEqual(serials)
  })
})

describe('finding by serial number', () => {
  test.each([
    ['0', '00', '00'],
    ['127', '7f', '7f'],
    ['128, whose DER has a leading zero', '0080', '80'],
    ['20 octets', `7f${'ab'.repeat(19)}`, `7f${'ab'.repeat(19)}`],
    ['20 octets with the top bit set', `00ff${'00'.repeat(19)}`, `ff${'00'.repeat(19)}`],
    ['40 octets, which RFC 5280 §4.1.2.2 does not allow CAs', `01${'cd'.repeat(39)}`, `01${'cd'.repeat(39)}`],
    ['-1', 'ff', '-01'],
    ['-128', '80', '-80'],
    ['-256', 'ff00', '-0100'],
  ])('%s is found, by certificate and as it is shown', (_, content, shown) => {
    const crl = read({ entries: [entryOf({ serial: '05' }), entryOf({ serial: content })] })
    const ofIssuer = certificate(content)
    expect(ofIssuer.serialNumber).toBe(shown)
    expect(crl.find(ofIssuer)?.serialNumber).toBe(shown)
    expect(crl.find(shown)?.serialNumber).toBe(shown)
  })
  test.each([
    ['ff and 00ff are -1 and 255', 'ff', '00ff'],
    ['80 and 0080 are -128 and 128', '80', '0080'],
    ['01 and 0100 are 1 and 256', '01', '0100'],
  ])('%s: neither is found for the other', (_, one, other) => {
    expect(read(withEntry({ serial: one })).find(certificate(other))).toBeUndefined()
    expect(read(withEntry({ serial: other })).find(certificate(one))).toBeUndefined()
    expect(read(withEntry({ serial: one })).find(certificate(one))).toBeDefined()
    expect(read(withEntry({ serial: other })).find(certificate(other))).toBeDefined()
  })
  test('a positive serial number in hex is not found where its negative is listed', () => {
    const crl = read(withEntry({ serial: 'ff' }))
    expect(crl.find('ff')).toBeUndefined()
    expect(crl.find('01')).toBeUndefined()
  })
  test('hex in capitals is found', () => {
    expect(read(withEntry({ serial: '4aff' })).find('4AFF')?.serialNumber).toBe('4aff')
    expect(read(withEntry({ serial: '4aff' })).find('4AFE')).toBeUndefined()
  })
  test('hex with more leading zeros than DER has is the same number', () => {
    expect(read(withEntry({ serial: '2a' })).find('002a')?.serialNumber).toBe('2a')
    expect(read(withEntry({ serial: '00ff' })).find('0000ff')?.serialNumber).toBe('ff')
    expect(read(withEntry({ serial: '00ff' })).find('00ff')?.serialNumber).toBe('ff')
    expect(read(withEntry({ serial: '2a' })).find('2a00')).toBeUndefined()
  })
  test.each(['', '0x2a', '2a:2b', ' 2a', 'xyz', '-'])(
    '"%s" is no serial number: no answer, in place of "not listed"',
    (serial) => {
      const crl = read(withEntry())
      expect(() => crl.find(serial)).toThrow()
    },
  )
  test('what is neither certificate nor text is a mistake of the caller', () => {
    const crl = read(withEntry())
    expect(() => Reflect.apply(crl.find, crl, [42])).toThrow(TypeError)
    expect(() => Reflect.apply(crl.find, crl, [undefined])).toThrow(TypeError)
    expect(() => Reflect.apply(crl.find, crl, [hex('2a')])).toThrow(TypeError)
  })
  test('a serial number that is not minimal is refused (X.690 §8.3.2)', () => {
    expect(codeOfCrl(withEntry({ serial: '0001' }))).toBe('ERR_DER_ENCODING')
    expect(codeOfCrl(withEntry({ serial: 'ff80' }))).toBe('ERR_DER_ENCODING')
    expect(codeOfCrl(withEntry({ serial: '' }))).toBe('ERR_DER_ENCODING')
  })
  test('the certificate of another issuer with the same serial number is not listed', () => {
    const crl = read(withEntry())
    expect(crl.find(certificate('2a'))).toBeDefined()
    expect(crl.find(certificate('2a', commonName('Other')))).toBeUndefined()
  })
  test('issuers are compared as RFC 5280 §7.1 says: case and blanks do not count', () => {
    const crl = read({ issuer: commonName('My  Issuer'), ...withEntry() })
    expect(crl.find(certificate('2a', seq(rdn('2.5.4.3', text(0x13, 'my issuer')))))).toBeDefined()
    expect(crl.find(certificate('2a', commonName('MyIssuer')))).toBeUndefined()
  })
  test('of two entries with a serial number the one that revokes counts (§5.3.1)', () => {
    const removed = entryOf({ serial: '2a', extensions: [reasonCode(8)] })
    const revoked = entryOf({ serial: '2a', extensions: [reasonCode(4)] })
    expect(read({ entries: [removed, revoked] }).find('2a')?.reason).toBe('superseded')
    expect(read({ entries: [revoked, removed] }).find('2a')?.reason).toBe('superseded')
    expect(read({ entries: [removed, removed] }).find('2a')?.reason).toBe('removeFromCRL')
    expect(read({ entries: [removed, entryOf({ serial: '2a' })] }).find('2a')).toMatchObject({
      reason: undefined,
    })
  })
  test('asking twice answers the same, and other serial numbers in between', () => {
    const crl = read({ entries: [entryOf({ serial: '01' }), entryOf({ serial: '02' })] })
    expect(crl.find('03')).toBeUndefined()
    expect(crl.find('02')?.serialNumber).toBe('02')
    expect(crl.find('01')?.serialNumber).toBe('01')
    expect(crl.find('02')?.serialNumber).toBe('02')
  })
})

describe('reasons (RFC 5280 §5.3.1)', () => {
  test.each([
    [0, 'unspecified'],
    [1, 'keyCompromise'],
    [2, 'cACompromise'],
    [3, 'affiliationChanged'],
    [4, 'superseded'],
    [5, 'cessationOfOperation'],
    [6, 'certificateHold'],
    [8, 'removeFromCRL'],
    [9, 'privilegeWithdrawn'],
    [10, 'aACompromise'],
  ])('%i is %s', (code, reason) => {
    const crl = read(withEntry({ extensions: [reasonCode(code)] }))
    expect(crl.find('2a')?.reason).toBe(reason)
    expect([...crl][0]?.reason).toBe(reason)
  })
  test.each([
    ['7, which is not used', '0a0107'],
    ['11', '0a010b'],
    ['255', '0a0200ff'],
    ['256', '0a020100'],
    ['264, whose last octet is that of removeFromCRL', '0a020108'],
    ['-1', '0a01ff'],
    ['-248, whose last octet is that of removeFromCRL', '0a02ff08'],
  ])('%s has no name, and the certificate is revoked', (_, value) => {
    const entry = read(withEntry({ extensions: [ext(21, hex(value))] })).find('2a')
    expect(entry).toBeDefined()
    expect(entry?.reason).toBeUndefined()
  })
  test('without the extension there is no reason', () =>
    expect(read(withEntry()).find('2a')).toMatchObject({ reason: undefined }))
  test('the name of a reason is no property of an object', () => {
    for (let code = 11; code < 128; code++)
      expect(read(withEntry({ extensions: [reasonCode(code)] })).find('2a')?.reason).toBeUndefined()
  })
  test.each([
    ['an INTEGER', '020101'],
    ['without content', '0a00'],
    ['not minimal', '0a020001'],
    ['with a byte behind it', '0a01010a'],
    ['absent', ''],
  ])('a reason that is %s is refused', (_, value) =>
    expect(codeOfCrl(withEntry({ extensions: [ext(21, hex(value))] }))).toMatch(/^ERR_DER_/),
  )
})

describe('invalidity date (RFC 5280 §5.3.2)', () => {
  test('is a GeneralizedTime', () => {
    const entry = read(withEntry({ extensions: [invalidityDate('20240229010203Z')] })).find('2a')
    expect(entry?.invalidityDate?.toISOString()).toBe('2024-02-29T01:02:03.000Z')
  })
  test('at the epoch it is a date, not absent', () => {
    const entry = read(withEntry({ extensions: [invalidityDate('19700101000000Z')] })).find('2a')
    expect(entry?.invalidityDate?.getTime()).toBe(0)
    expect(read(withEntry()).find('2a')?.invalidityDate).toBeUndefined()
  })
  test.each([
    ['UTCTime', utc('240229010203Z')],
    ['with fractions of a second', generalized('20240229010203.5Z')],
    ['without Z', generalized('20240229010203')],
    ['29 February of 2023', generalized('20230229010203Z')],
    ['with a byte behind it', concat(generalized('20240229010203Z'), hex('00'))],
  ])('%s is refused', (_, value) =>
    expect(codeOfCrl(withEntry({ extensions: [ext(24, value)] }))).toMatch(/^ERR_DER_/),
  )
})

describe('certificate issuer (RFC 5280 §5.3.3)', () => {
  const A = commonName('A')
  const B = commonName('B')
  const from = (name: Uint8Array) => [certificateIssuer(directory(name))]
  const INDIRECT = { extensions: [issuingDistributionPoint(hex('8401ff'))] }
  const issuersOf = (crl: CertificateList) => [...crl].map(({ certificateIssuer: name }) => String(name))

  test('counts until the next one; before the first it is the issuer of the CRL', () => {
    const crl = read({
      ...INDIRECT,
      entries: [
        entryOf({ serial: '01' }),
        entryOf({ serial: '02', extensions: from(A) }),
        entryOf({ serial: '03' }),
        entryOf({ serial: '04', extensions: [reasonCode(1)] }),
        entryOf({ serial: '05', extensions: from(B) }),
        entryOf({ serial: '06' }),
      ],
    })
    expect(issuersOf(crl)).toEqual(['CN=Issuer', 'CN=A', 'CN=A', 'CN=A', 'CN=B', 'CN=B'])
    const found = (['Issuer', 'A', 'B'] as const).map((name) =>
      ['01', '02', '03', '04', '05', '06'].filter(
        (serial) => crl.find(certificate(serial, commonName(name))) !== undefined,
      ),
    )
    expect(found).toEqual([['01'], ['02', '03', '04'], ['05', '06']])
    expect(String(crl.find(certificate('04', A))?.certificateIssuer)).toBe('CN=A')
  })
  test('goes back to the issuer of the CRL where an entry names it', () => {
    const crl = read({
      ...INDIRECT,
      entries: [
        entryOf({ serial: '01', extensions: from(A) }),
        entryOf({ serial: '02', extensions: from(commonName('Issuer')) }),
        entryOf({ serial: '03' }),
      ],
    })
    expect(issuersOf(crl)).toEqual(['CN=A', 'CN=Issuer', 'CN=Issuer'])
    expect(crl.find('03')).toBeDefined()
    expect(crl.find('01')).toBeUndefined()
  })
  test('in hex a serial number is one of the issuer of the CRL', () => {
    const crl = read({ ...INDIRECT, entries: [entryOf({ serial: '01', extensions: from(A) })] })
    expect(crl.find('01')).toBeUndefined()
    expect(crl.find(certificate('01', A))).toBeDefined()
  })
  test('the same serial number of two issuers is two certificates', () => {
    const crl = read({
      ...INDIRECT,
      entries: [
        entryOf({ serial: '01', extensions: [...from(A), reasonCode(1)] }),
        entryOf({ serial: '01', extensions: [...from(B), reasonCode(4)] }),
      ],
    })
    expect(crl.find(certificate('01', A))?.reason).toBe('keyCompromise')
    expect(crl.find(certificate('01', B))?.reason).toBe('superseded')
    expect(crl.find(certificate('01'))).toBeUndefined()
  })
  test('its distinguished name may stand behind other names', () => {
    const entry = entryOf({ serial: '01', extensions: [certificateIssuer(dns('a.example'), directory(A))] })
    const crl = read({ ...INDIRECT, entries: [entry] })
    expect(issuersOf(crl)).toEqual(['CN=A'])
    expect(crl.find(certificate('01', A))).toBeDefined()
    expect(crl.find(certificate('01', B))).toBeUndefined()
  })
  test('of several distinguished names each counts: one may be an alternative name of the issuer', () => {
    const entry = entryOf({ serial: '01', extensions: [certificateIssuer(directory(A), directory(B))] })
    const crl = read({ ...INDIRECT, entries: [entry] })
    expect(crl.find(certificate('01', A))).toBeDefined()
    expect(crl.find(certificate('01', B))).toBeDefined()
    expect(crl.find(certificate('01', commonName('C')))).toBeUndefined()
  })
  test('without a distinguished name it is refused: nobody could be found by it', () => {
    const entries = [entryOf({ serial: '01', extensions: [certificateIssuer(dns('a.example'))] })]
    expect(codeOfCrl({ ...INDIRECT, entries })).toBe('ERR_CRL_EXTENSION')
  })
  test('without any name it is refused (§4.2.1.6, SIZE (1..MAX))', () =>
    expect(codeOfCrl(withEntry({ extensions: [certificateIssuer()] }))).toBe('ERR_DER_VALUE'))
  test('bytes behind the names are refused', () =>
    expect(
      codeOfCrl(withEntry({ extensions: [ext(29, concat(seq(directory(A)), hex('0500')), true)] })),
    ).toBe('ERR_DER_TRAILING_DATA'))
  test('the layout says whether there is any', () => {
    expect(CertificateList.layoutOf(read(withEntry({ extensions: from(A) }))).hasCertificateIssuers).toBe(
      true,
    )
    expect(CertificateList.layoutOf(read(withEntry())).hasCertificateIssuers).toBe(false)
  })
})

describe('critical extensions of entries (RFC 5280 §5.3)', () => {
  const unknownOf = (...entries: readonly Uint8Array[]) => {
    const list = CertificateList.fromDer(crlOf({ entries }))
    const { unknownCriticalEntry } = CertificateList.layoutOf(list)
    return { list, unknownCriticalEntry }
  }
  const plain = entryOf({ serial: '01' })

  test.each([
    ['of a foreign arc', ext('1.2.3.4', hex('0500'), true)],
    ['2.5.29.23, the hold instruction of RFC 3280', ext(23, hex('06072a8648ce380203'), true)],
    ['2.5.29.100', ext(100, hex('0500'), true)],
    ['of a certificate: keyUsage', ext(15, hex('03020780'), true)],
    ['of a CRL: cRLNumber', ext(20, hex('020101'), true)],
  ])('that are unknown are noted with the first entry that has one: %s', (_, unknown) => {
    const odd = entryOf({ serial: '02', extensions: [reasonCode(1), unknown] })
    const { list, unknownCriticalEntry } = unknownOf(plain, odd, plain, odd)
    const { entriesStart } = CertificateList.layoutOf(list)
    expect(unknownCriticalEntry).toBe(entriesStart + plain.length)
    expect(list.find('02')?.reason).toBe('keyCompromise')
  })
  test('that are known are not', () => {
    const known = entryOf({
      serial: '02',
      extensions: [
        ext(21, hex('0a0101'), true),
        ext(24, generalized('20240101000000Z'), true),
        certificateIssuer(directory(commonName('A'))),
      ],
    })
    expect(unknownOf(known).unknownCriticalEntry).toBe(0)
  })
  test('unknown ones that are not critical are passed over', () => {
    const extensions = [ext('1.2.3.4', hex('0500')), ext(23, hex('06072a8648ce380203')), ext(100, hex('00'))]
    const { list, unknownCriticalEntry } = unknownOf(entryOf({ serial: '02', extensions }))
    expect(unknownCriticalEntry).toBe(0)
    expect(list.find('02')).toBeDefined()
  })
})

describe('extensions stand once (RFC 5280 §4.2, §5.2)', () => {
  const DUPLICATE = 'ERR_CERTIFICATE_DUPLICATE_EXTENSION'
  test('in the CRL', () => {
    expect(codeOfCrl(withExtension(crlNumber('01'), crlNumber('01')))).toBe(DUPLICATE)
    expect(codeOfCrl(withExtension(ext('1.2.3', hex('0500')), ext('1.2.3', hex('0500'))))).toBe(DUPLICATE)
    expect(read(withExtension(crlNumber('01'), ext('1.2.3', hex('0500')))).extensions).toHaveLength(2)
  })
  test('in an entry', () => {
    expect(codeOfCrl(withEntry({ extensions: [reasonCode(1), reasonCode(8)] }))).toBe(DUPLICATE)
    expect(codeOfCrl(withEntry({ extensions: [ext('1.2.3', hex('')), ext('1.2.3', hex(''))] }))).toBe(
      DUPLICATE,
    )
  })
  test('but in every entry again', () => {
    const entries = ['01', '02'].map((serial) => entryOf({ serial, extensions: [reasonCode(1)] }))
    expect(read({ entries }).size).toBe(2)
  })
})

describe('numbers (RFC 5280 §5.2.3, §5.2.4)', () => {
  /** 2^160 - 1: twenty octets. */
  const LARGEST = 1461501637330902918203684832716283019655932542975n
  const FIELDS = [
    ['cRLNumber', crlNumber, (crl: CertificateList) => crl.crlNumber],
    ['deltaCRLIndicator', deltaIndicator, (crl: CertificateList) => crl.baseCrlNumber],
  ] as const
  describe.each(FIELDS)('%s', (_, encode, value) => {
    test.each([
      ['0', '00', 0n],
      ['128', '0080', 128n],
      ['twenty octets', `7f${'ff'.repeat(19)}`, LARGEST >> 1n],
      ['twenty octets and the zero of the sign', `00${'ff'.repeat(20)}`, LARGEST],
    ])('%s is read', (__, content, expected) =>
      expect(value(read(withExtension(encode(content))))).toBe(expected),
    )
    test.each([
      ['negative', 'ff'],
      ['2^160, of 21 octets', `01${'00'.repeat(20)}`],
      ['of 21 octets and the zero of the sign', `00${'ff'.repeat(21)}`],
      ['of 22 octets', `01${'00'.repeat(21)}`],
    ])('%s is refused', (__, content) =>
      expect(codeOfCrl(withExtension(encode(content)))).toBe('ERR_CRL_EXTENSION'),
    )
    test('not minimal is refused (X.690 §8.3.2)', () =>
      expect(codeOfCrl(withExtension(encode('0001')))).toBe('ERR_DER_ENCODING'))
  })
  test.each([20, 27])('bytes behind the number of 2.5.29.%i are refused', (arc) => {
    expect(codeOfCrl(withExtension(ext(arc, hex('020101 0500'))))).toBe('ERR_DER_TRAILING_DATA')
    expect(codeOfCrl(withExtension(ext(arc, hex('0a0101'))))).toBe('ERR_DER_UNEXPECTED_TAG')
  })
  test('a delta CRL is one with a base (§5.2.4)', () => {
    expect(read(withExtension(crlNumber('0a'), deltaIndicator('09'))).isDelta).toBe(true)
    expect(read(withExtension(crlNumber('0a'))).isDelta).toBe(false)
    expect(read(withExtension(deltaIndicator('00'))).isDelta).toBe(true)
    expect(read(withExtension(crlNumber('0a'))).baseCrlNumber).toBeUndefined()
    expect(read().crlNumber).toBeUndefined()
  })
})

describe('issuing distribution point (RFC 5280 §5.2.5)', () => {
  const scope = (...fields: readonly Uint8Array[]) =>
    read(withExtension(issuingDistributionPoint(...fields))).issuingDistributionPoint
  const scopeCode = (...fields: readonly Uint8Array[]) =>
    codeOfCrl(withExtension(issuingDistributionPoint(...fields)))
  const NOTHING = {
    fullName: undefined,
    relativeName: undefined,
    onlyContainsUserCerts: false,
    onlyContainsCaCerts: false,
    onlyContainsAttributeCerts: false,
    onlySomeReasons: undefined,
    indirectCrl: false,
  }

  test('absent: every certificate of the issuer', () =>
    expect(read().issuingDistributionPoint).toBeUndefined())
  test('an empty sequence is refused', () => {
    expect(scopeCode()).toBe('ERR_CRL_EXTENSION')
    expect(scope(hex('8101ff'))).toBeDefined()
  })
  test.each([
    ['onlyContainsUserCerts', 0x81],
    ['onlyContainsCaCerts', 0x82],
    ['indirectCrl', 0x84],
    ['onlyContainsAttributeCerts', 0x85],
  ])('%s', (field, tag) => {
    const flag = (value: string) => tlv(tag, hex(value))
    expect(scope(flag('ff'))).toEqual({ ...NOTHING, [field]: true })
    // FALSE is the default, which DER leaves out (X.690 §11.5).
    expect(scopeCode(flag('00'))).toBe('ERR_DER_ENCODING')
    expect(scopeCode(flag('01'))).toBe('ERR_DER_ENCODING')
    expect(scopeCode(flag('ffff'))).toBe('ERR_DER_ENCODING')
    expect(scopeCode(flag(''))).toBe('ERR_DER_ENCODING')
    expect(scopeCode(tlv(tag | 0x20, hex('0101ff')))).toBe('ERR_DER_UNEXPECTED_TAG')
    expect(scopeCode(flag('ff'), flag('ff'))).toBe('ERR_DER_TRAILING_DATA')
  })
  test('onlySomeReasons, first bit lowest', () => {
    // keyCompromise (1) and superseded (4): 0100 1000.
    expect(scope(hex('83020348'))).toEqual({ ...NOTHING, onlySomeReasons: 0b10010 })
    // aACompromise (8).
    expect(scope(hex('8303070080'))?.onlySomeReasons).toBe(0x100)
    expect(scope(hex('830100'))?.onlySomeReasons).toBe(0)
    // A tenth bit, trailing zeros, padding that is not zero.
    expect(scopeCode(hex('8303060040'))).toBe('ERR_DER_VALUE')
    expect(scopeCode(hex('83020048'))).toBe('ERR_DER_ENCODING')
    expect(scopeCode(hex('83020349'))).toBe('ERR_DER_ENCODING')
  })
  test('a full name', () => {
    const name = tlv(0xa0, tlv(0xa0, uri('http://crl.example/1.crl'), directory(commonName('A'))))
    expect(scope(name)).toEqual({
      ...NOTHING,
      fullName: [
        { type: 'uri', value: 'http://crl.example/1.crl' },
        { type: 'directory', value: Name.fromDer(commonName('A')) },
      ],
    })
    expect(scopeCode(tlv(0xa0, tlv(0xa0)))).toBe('ERR_DER_VALUE')
    expect(scopeCode(tlv(0xa0))).toBe('ERR_DER_TRUNCATED')
    expect(scopeCode(tlv(0x80))).toBe('ERR_DER_TRAILING_DATA')
    expect(scopeCode(tlv(0xa0, tlv(0xa0, tlv(0x82, hex('ff')))))).toBe('ERR_DER_VALUE')
  })
  test('a name relative to the issuer', () => {
    const attribute = rdn('2.5.4.3', text(0x0c, 'part 1')).subarray(2)
    expect(scope(tlv(0xa0, tlv(0xa1, attribute)))).toEqual({ ...NOTHING, relativeName: tlv(0xa1, attribute) })
    expect(scopeCode(tlv(0xa0, tlv(0xa1)))).toBe('ERR_DER_VALUE')
    expect(scopeCode(tlv(0xa0, tlv(0xa0, dns('a')), tlv(0xa1, attribute)))).toBe('ERR_DER_TRAILING_DATA')
  })
  test('all that may stand together', () => {
    const name = tlv(0xa0, tlv(0xa0, uri('http://crl.example/')))
    expect(scope(name, hex('8101ff'), hex('83020640'), hex('8401ff'))).toEqual({
      ...NOTHING,
      fullName: [{ type: 'uri', value: 'http://crl.example/' }],
      onlyContainsUserCerts: true,
      onlySomeReasons: 2,
      indirectCrl: true,
    })
  })
  test.each([
    ['user and CA certificates', hex('8101ff'), hex('8201ff')],
    ['user and attribute certificates', hex('8101ff'), hex('8501ff')],
    ['CA and attribute certificates', hex('8201ff'), hex('8501ff')],
  ])('only %s, "at most one may be set to TRUE", is refused', (_, one, other) =>
    expect(scopeCode(one, other)).toBe('ERR_CRL_EXTENSION'),
  )
  test('fields out of order and unknown ones are refused', () => {
    expect(scopeCode(hex('8401ff'), hex('8101ff'))).toBe('ERR_DER_TRAILING_DATA')
    expect(scopeCode(hex('8101ff'), hex('8601ff'))).toBe('ERR_DER_TRAILING_DATA')
  })
  test('bytes behind the sequence are refused', () => {
    const value = concat(seq(hex('8101ff')), hex('0500'))
    expect(codeOfCrl(withExtension(ext(28, value, true)))).toBe('ERR_DER_TRAILING_DATA')
  })
})

describe('other extensions', () => {
  test('authority key identifier (§5.2.1)', () => {
    const crl = read(withExtension(aki(hex('01020304'))))
    expect(crl.authorityKeyIdentifier).toBe('01020304')
    expect(crl.authorityKeyIdentifierFields?.keyIdentifier).toBe('01020304')
    expect(read().authorityKeyIdentifier).toBeUndefined()
    expect(read().authorityKeyIdentifierFields).toBeUndefined()
    expect(codeOfCrl(withExtension(ext(35, hex('0500'))))).toBe('ERR_DER_UNEXPECTED_TAG')
  })
  test('freshest CRL (§5.2.6)', () => {
    const point = seq(tlv(0xa0, tlv(0xa0, uri('http://crl.example/delta'))))
    expect(read(withExtension(ext(46, seq(point)))).freshestCrl).toEqual([
      {
        fullName: [{ type: 'uri', value: 'http://crl.example/delta' }],
        relativeName: undefined,
        reasons: undefined,
        crlIssuer: undefined,
      },
    ])
    expect(read().freshestCrl).toBeUndefined()
    expect(codeOfCrl(withExtension(ext(46, seq())))).toBe('ERR_CERTIFICATE_EXTENSION')
  })
  test('an opaque one comes back as it stands', () => {
    expect(read(withExtension(ext('1.2.3.4', hex('deadbeef'), true))).extensions).toEqual([
      { oid: '1.2.3.4', critical: true, value: hex('deadbeef') },
    ])
    expect(read().extensions).toEqual([])
  })
  test('critical FALSE written out is refused (X.690 §11.5)', () => {
    const written = seq(hex('0603551d14'), hex('010100'), tlv(4, hex('020101')))
    expect(codeOfCrl(withExtension(written))).toBe('ERR_DER_ENCODING')
    expect(
      codeOfCrl(withEntry({ extensions: [seq(hex('0603551d15'), hex('010100'), hex('04030a0101'))] })),
    ).toBe('ERR_DER_ENCODING')
  })
})

describe('forms', () => {
  const der = crlOf({ ...withEntry({ extensions: [reasonCode(1)] }), ...withExtension(crlNumber('01')) })
  const pemOf = (bytes: Uint8Array, label = 'X509 CRL') =>
    `-----BEGIN ${label}-----\n${(
      Buffer.from(bytes)
        .toString('base64')
        .match(/.{1,64}/g) ?? []
    ).join('\n')}\n-----END ${label}-----\n`

  test('PEM is that of RFC 7468 §6', () => {
    const crl = CertificateList.fromPem(pemOf(der))
    expect(crl.toPem()).toBe(pemOf(der))
    expect(String(crl)).toBe(pemOf(der))
    expect(crl.equals(CertificateList.fromDer(der))).toBe(true)
    expect(codeOf(() => CertificateList.fromPem(pemOf(der, 'CERTIFICATE')))).toMatch(/^ERR_PEM_/)
    expect(codeOf(() => CertificateList.fromPem(pemOf(der) + pemOf(der)))).toBe('ERR_PEM_BLOCK_COUNT')
    expect(codeOf(() => CertificateList.fromPem(''))).toMatch(/^ERR_PEM_/)
  })
  test('several blocks are read in order; a bad one is named with block and line', () => {
    const other = crlOf()
    const lists = CertificateList.listFromPem(pemOf(der) + pemOf(other))
    expect(lists.map((list) => toHex(list.der))).toEqual([toHex(der), toHex(other)])
    const bad = refusalOf(() => CertificateList.listFromPem(pemOf(other) + pemOf(crlOf({ extensions: [] }))))
    expect(bad.code).toBe('ERR_CERTIFICATE_EXTENSION')
    const line = pemOf(other).split('\n').length
    expect(bad.message).toMatch(new RegExp(`^PEM block 2 at line ${line}: `))
    expect(bad.data).toMatchObject({ block: 2, line })
    expect(codeOf(() => CertificateList.listFromPem(''))).toMatch(/^ERR_PEM_/)
  })
  test('PEM given as DER is recognised', () =>
    expect(refusalOf(() => CertificateList.fromDer(Buffer.from(pemOf(der)))).message).toContain('PEM'))
  test('what is no Uint8Array is a mistake of the caller', () =>
    expect(() => Reflect.apply(CertificateList.fromDer, CertificateList, [pemOf(der)])).toThrow(TypeError))
  test('the input is copied, and what is handed out is a copy', () => {
    const input = der.slice()
    const crl = CertificateList.fromDer(input)
    input.fill(0)
    crl.der.fill(0)
    crl.signature.fill(0)
    crl.thisUpdate.setTime(0)
    crl.extensions[0]?.value.fill(0)
    expect(toHex(crl.der)).toBe(toHex(der))
    expect(toHex(crl.signature)).toBe('3006020101020101')
    expect(crl.thisUpdate.toISOString()).toBe('2025-01-01T00:00:00.000Z')
    expect(crl.crlNumber).toBe(1n)
  })
  test('a CRL within larger bytes is read, whatever stands around it', () => {
    const around = concat(hex('ffff'), der, hex('ffff'))
    expect(CertificateList.fromDer(around.subarray(2, 2 + der.length)).find('2a')?.reason).toBe(
      'keyCompromise',
    )
  })
  test('fingerprint is SHA-256 of the DER; equal are the same bytes', () => {
    const crl = CertificateList.fromDer(der)
    expect(crl.fingerprint()).toBe(createHash('sha256').update(der).digest('hex'))
    expect(crl.equals(CertificateList.fromDer(crlOf()))).toBe(false)
    expect(Reflect.apply(crl.equals, crl, [der])).toBe(false)
  })
  test('more than 64 MiB are refused before they are read', () =>
    expect(codeOf(() => CertificateList.fromDer(new Uint8Array(64 * 1024 * 1024 + 1)))).toBe('ERR_DER_LIMIT'))
})

describe('100,000 entries', () => {
  const COUNT = 100_000
  const bytesInUse = (): number => {
    setFlagsFromString('--expose-gc')
    const collect: unknown = runInNewContext('gc')
    if (typeof collect !== 'function') throw new Error('no garbage collector to call')
    // Array buffers of what one collection finds are given back by the next.
    for (let i = 0; i < 3; i++) collect()
    const { heapUsed, arrayBuffers } = process.memoryUsage()
    return heapUsed + arrayBuffers
  }

  test('1,000 that are listed are found, 1,000 that are not are not', () => {
    const crl = CertificateList.fromDer(largeCrl(COUNT))
    expect(crl.size).toBe(COUNT)
    for (let i = 0; i < 1000; i++) {
      const listed = serialOf(i * 100 + 7)
      expect(crl.find(listed)).toMatchObject({ serialNumber: listed, reason: 'keyCompromise' })
      expect(crl.find(serialOf(COUNT + i))).toBeUndefined()
    }
    expect(crl.find(serialOf(0))).toBeDefined()
    expect(crl.find(serialOf(COUNT - 1))).toBeDefined()
  })
  test('every entry comes by iteration', () => {
    let n = 0
    for (const { serialNumber } of CertificateList.fromDer(largeCrl(COUNT)))
      if (serialNumber !== serialOf(n++)) throw new Error(`${serialNumber} at ${n - 1}`)
    expect(n).toBe(COUNT)
  })
  test('the index keeps at most 16 bytes an entry', () => {
    const lists = Array.from({ length: 5 }, () => CertificateList.fromDer(largeCrl(COUNT)))
    const [first, ...others] = lists
    expect(first?.find(serialOf(77))).toBeDefined()
    const before = bytesInUse()
    for (const list of others) expect(list.find(serialOf(77))).toBeDefined()
    const perEntry = (bytesInUse() - before) / (others.length * COUNT)
    for (const list of lists) expect(list.find(serialOf(78))).toBeDefined()
    expect(perEntry).toBeLessThan(16)
    // Less than four octets would mean that nothing was measured.
    expect(perEntry).toBeGreaterThan(4)
  })
  test('reading keeps the bytes, and no object for an entry', () => {
    const der = largeCrl(COUNT)
    CertificateList.fromDer(der)
    const before = bytesInUse()
    const lists = Array.from({ length: 4 }, () => CertificateList.fromDer(der))
    const perEntry = (bytesInUse() - before) / (lists.length * COUNT)
    expect(lists.every(({ size }) => size === COUNT)).toBe(true)
    expect(perEntry).toBeLessThan(der.length / COUNT + 1)
    expect(perEntry).toBeGreaterThan(der.length / COUNT - 1)
  })
})
