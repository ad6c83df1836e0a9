import { describe, expect, test } from 'vitest'
import { Certificate, formatGeneralName } from '../../../../src/x509/index.ts'
import { certificateWith, commonName, hex, oid, seq, set, text, tlv } from '../../../fixtures/x509/der.ts'
import { codeOf, refusalOf } from '../../../fixtures/x509/refusal.ts'

const read = (id: string, value: Uint8Array) => Certificate.fromDer(certificateWith(id, value))
const refused = (id: string, value: Uint8Array) => codeOf(() => read(id, value))
const uri = text(0x86, 'http://x')
const directory = tlv(0xa4, commonName('x'))

describe('subjectKeyIdentifier (RFC 5280 §4.2.1.2)', () => {
  test('its octets', () => expect(read('2.5.29.14', hex('0403abcdef')).subjectKeyIdentifier).toBe('abcdef'))
  test.each([
    ['empty', '0400', 'ERR_CERTIFICATE_EXTENSION'],
    ['bare octets', 'abcdef', 'ERR_DER_UNEXPECTED_TAG'],
    ['constructed', '24030401aa', 'ERR_DER_UNEXPECTED_TAG'],
    ['bytes after it', '0401aa00', 'ERR_DER_TRAILING_DATA'],
  ])('%s is refused', (_, der, code) => expect(refused('2.5.29.14', hex(der))).toBe(code))
})

describe('authorityKeyIdentifier (RFC 5280 §4.2.1.1)', () => {
  const ID = '2.5.29.35'
  const issuer = tlv(0xa1, directory)
  test('the key identifier alone', () => {
    const certificate = read(ID, hex('30048002abcd'))
    expect(certificate.authorityKeyIdentifier).toBe('abcd')
    expect(certificate.authorityKeyIdentifierFields).toEqual({
      keyIdentifier: 'abcd',
      authorityCertIssuer: undefined,
      authorityCertSerialNumber: undefined,
    })
  })
  test('issuer and serial number', () => {
    const certificate = read(ID, seq(issuer, hex('8202 00ff')))
    expect(certificate.authorityKeyIdentifier).toBeUndefined()
    const fields = certificate.authorityKeyIdentifierFields
    expect(fields?.authorityCertSerialNumber).toBe('ff')
    expect(fields?.authorityCertIssuer?.map(formatGeneralName)).toEqual(['DirName:CN=x'])
  })
  test('an empty sequence says nothing', () => {
    expect(read(ID, seq()).authorityKeyIdentifier).toBeUndefined()
  })
  test.each([
    ['an issuer without serial number', seq(issuer), 'ERR_CERTIFICATE_EXTENSION'],
    ['a serial number without issuer', seq(hex('820101')), 'ERR_CERTIFICATE_EXTENSION'],
    ['an empty list of issuer names', seq(hex('a100'), hex('820101')), 'ERR_DER_VALUE'],
    ['a serial number that is not minimal', seq(issuer, hex('82020001')), 'ERR_DER_ENCODING'],
    ['the fields in another order', seq(issuer, hex('820101'), hex('8001aa')), 'ERR_DER_TRAILING_DATA'],
    ['a constructed key identifier', seq(hex('a0030401aa')), 'ERR_DER_TRAILING_DATA'],
    ['bare octets', hex('0401aa'), 'ERR_DER_UNEXPECTED_TAG'],
  ])('%s is refused', (_, value, code) => expect(refused(ID, value)).toBe(code))
})

describe.each([
  ['cRLDistributionPoints (RFC 5280 §4.2.1.13)', '2.5.29.31', 'crlDistributionPoints'],
  ['freshestCRL (RFC 5280 §4.2.1.15)', '2.5.29.46', 'freshestCrl'],
] as const)('%s', (_, id, getter) => {
  const full = tlv(0xa0, tlv(0xa0, uri))
  const relative = seq(oid('2.5.4.3'), text(0x0c, 'r'))
  test('full name, reasons and issuer', () => {
    const points = read(id, seq(seq(full, hex('81020560'), tlv(0xa2, directory))))[getter]
    expect(points).toHaveLength(1)
    const [point] = points ?? []
    expect(point?.fullName?.map(formatGeneralName)).toEqual(['URI:http://x'])
    // keyCompromise (1) and cACompromise (2)
    expect(point?.reasons).toBe(0b110)
    expect(point?.crlIssuer?.map(formatGeneralName)).toEqual(['DirName:CN=x'])
    expect(point?.relativeName).toBeUndefined()
  })
  test('a name relative to the issuer', () => {
    const [point] = read(id, seq(seq(tlv(0xa0, tlv(0xa1, relative)))))[getter] ?? []
    expect(point?.relativeName).toEqual(tlv(0xa1, relative))
    expect(point?.fullName).toBeUndefined()
  })
  test.each([
    ['no point', seq(), 'ERR_CERTIFICATE_EXTENSION'],
    ['an empty point', seq(seq()), 'ERR_CERTIFICATE_EXTENSION'],
    ['reasons alone', seq(seq(hex('81020560'))), 'ERR_CERTIFICATE_EXTENSION'],
    ['a point without a name in its name', seq(seq(hex('a000'))), 'ERR_DER_TRUNCATED'],
    ['an empty full name', seq(seq(hex('a002a000'))), 'ERR_DER_VALUE'],
    ['an empty relative name', seq(seq(hex('a002a100'))), 'ERR_DER_VALUE'],
    ['an empty issuer', seq(seq(hex('a200'))), 'ERR_DER_VALUE'],
    ['reasons with trailing zero bits', seq(seq(full, hex('81020080'))), 'ERR_DER_ENCODING'],
    ['a tenth reason', seq(seq(full, hex('8103060040'))), 'ERR_DER_VALUE'],
    [
      'two names in one point',
      seq(seq(tlv(0xa0, tlv(0xa0, uri), tlv(0xa1, relative)))),
      'ERR_DER_TRAILING_DATA',
    ],
    ['a malformed name', seq(seq(tlv(0xa0, tlv(0xa0, hex('8601ff'))))), 'ERR_DER_VALUE'],
    ['the issuer before the name', seq(seq(tlv(0xa2, directory), full)), 'ERR_DER_TRAILING_DATA'],
  ])('%s is refused', (__, value, code) => expect(refused(id, value)).toBe(code))
})

describe.each([
  ['authorityInfoAccess (RFC 5280 §4.2.2.1)', '1.3.6.1.5.5.7.1.1', 'authorityInfoAccess'],
  ['subjectInfoAccess (RFC 5280 §4.2.2.2)', '1.3.6.1.5.5.7.1.11', 'subjectInfoAccess'],
] as const)('%s', (_, id, getter) => {
  test('method and location', () => {
    expect(
      read(id, seq(seq(oid('1.3.6.1.5.5.7.48.1'), uri), seq(oid('1.2.3'), text(0x82, 'a'))))[getter],
    ).toEqual([
      { method: '1.3.6.1.5.5.7.48.1', location: { type: 'uri', value: 'http://x' } },
      { method: '1.2.3', location: { type: 'dns', value: 'a' } },
    ])
  })
  test.each([
    ['no description', seq(), 'ERR_CERTIFICATE_EXTENSION'],
    ['a description without location', seq(seq(oid('1.2.3'))), 'ERR_DER_UNEXPECTED_TAG'],
    ['two locations', seq(seq(oid('1.2.3'), uri, uri)), 'ERR_DER_TRAILING_DATA'],
    ['a malformed location', seq(seq(oid('1.2.3'), hex('8601ff'))), 'ERR_DER_VALUE'],
    ['bytes after it', hex('3000 00'), 'ERR_CERTIFICATE_EXTENSION'],
  ])('%s is refused, and the error names the extension', (__, value, code) => {
    const error = refusalOf(() => read(id, value))
    expect(error.code).toBe(code)
    expect(error.message).toContain(getter)
  })
})

describe('subjectDirectoryAttributes (RFC 5280 §4.2.1.8)', () => {
  const ID = '2.5.29.9'
  test('types with their values as DER', () => {
    // dateOfBirth and two values of countryOfCitizenship (RFC 3739 §3.2.2)
    const birth = seq(oid('1.3.6.1.5.5.7.9.1'), set(text(0x18, '19711014120000Z')))
    const citizen = seq(oid('1.3.6.1.5.5.7.9.4'), set(text(0x13, 'DE'), text(0x13, 'FR')))
    expect(read(ID, seq(birth, citizen)).subjectDirectoryAttributes).toEqual([
      { type: '1.3.6.1.5.5.7.9.1', values: [text(0x18, '19711014120000Z')] },
      { type: '1.3.6.1.5.5.7.9.4', values: [text(0x13, 'DE'), text(0x13, 'FR')] },
    ])
  })
  test.each([
    ['no attribute', seq(), 'ERR_CERTIFICATE_EXTENSION'],
    ['an attribute without values', seq(seq(oid('1.2.3'), set())), 'ERR_CERTIFICATE_EXTENSION'],
    ['values that are no SET', seq(seq(oid('1.2.3'), seq(hex('0500')))), 'ERR_DER_UNEXPECTED_TAG'],
    ['a value in BER', seq(seq(oid('1.2.3'), set(hex('30800000')))), 'ERR_DER_ENCODING'],
    ['a value that is nested too deeply', seq(seq(oid('1.2.3'), set(nest(40)))), 'ERR_DER_LIMIT'],
  ])('%s is refused', (_, value, code) => expect(refused(ID, value)).toBe(code))
})

function nest(levels: number): Uint8Array {
  let value: Uint8Array = hex('3000')
  for (let i = 0; i < levels; i++) value = seq(value)
  return value
}

describe('issuerAltName (RFC 5280 §4.2.1.7)', () => {
  test('names in order', () => {
    expect(read('2.5.29.18', seq(uri, directory)).issuerAltNames.map(formatGeneralName)).toEqual([
      'URI:http://x',
      'DirName:CN=x',
    ])
  })
  test('absent, it is empty; empty, it is refused', () => {
    expect(read('2.5.29.17', seq(uri)).issuerAltNames).toEqual([])
    expect(refused('2.5.29.18', seq())).toBe('ERR_DER_VALUE')
  })
})
