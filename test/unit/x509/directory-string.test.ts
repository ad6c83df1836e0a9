import { describe, expect, test } from 'vitest'
import { Name } from '../../../src/x509/index.ts'
import { hex, rdn, seq, toHex } from '../../fixtures/x509/der.ts'
import { codeOf } from '../../fixtures/x509/refusal.ts'

const nameOf = (value: string) => Name.fromDer(seq(rdn('2.5.4.3', hex(value))))

describe('every string type of names is decoded (X.680 §41, RFC 5280 §4.1.2.4)', () => {
  test.each([
    ['UTF8String', '0c0a 5374 c3a5 f09f9880 e282ac'.replace('0c0a', '0c0b'), 'Stå😀€'],
    ['PrintableString', '130b 417a 3920 2728 292b 2c2d 3f', "Az9 '()+,-?"],
    ['IA5String', '1604 61407f2a', 'a@\u007f*'],
    ['NumericString', '1204 31203233', '1 23'],
    ['TeletexString as Latin-1', '1403 41e9ff', 'Aéÿ'],
    ['BMPString', '1e04 00e9 20ac', 'é€'],
    ['UniversalString', '1c08 0001f600 00000041', '😀A'],
    ['empty UTF8String', '0c00', ''],
    ['UTF8String that begins with a byte order mark', '0c04 efbbbf41', '\ufeffA'],
  ])('%s', (_, der, value) => expect(nameOf(der).values('CN')).toEqual([value]))
})

describe('bytes that the type does not have are refused', () => {
  test.each([
    ['a star in a PrintableString (X.680 §41.4)', '13012a'],
    ['an @ in a PrintableString', '130140'],
    ['an underscore in a PrintableString', '13015f'],
    ['a letter above ASCII in an IA5String', '160180'],
    ['a letter in a NumericString', '120141'],
    ['an overlong NUL in a UTF8String (RFC 3629)', '0c02c080'],
    ['a surrogate in a UTF8String (RFC 3629)', '0c03eda080'],
    ['a value above 10FFFF in a UTF8String (RFC 3629)', '0c04f4908080'],
    ['a UTF8String that is cut off', '0c02e282'],
    ['a lone continuation octet', '0c0180'],
    ['a BMPString of three octets', '1e03004100'],
    ['a surrogate in a BMPString', '1e02d800'],
    ['a UniversalString of two octets', '1c020041'],
    ['a UniversalString above 10FFFF', '1c0400110000'],
    ['a surrogate in a UniversalString', '1c040000dc00'],
  ])('%s', (_, der) => expect(codeOf(() => nameOf(der))).toBe('ERR_DER_VALUE'))

  test.each([
    ['an OCTET STRING', '040161'],
    ['a VisibleString, which is no DirectoryString (X.520 §6)', '1a0161'],
    ['an INTEGER', '020101'],
    ['a NULL', '0500'],
    ['a SEQUENCE', '3000'],
    ['a constructed UTF8String, which is BER', '2c03 0c0161'],
    ['a context tag', '800161'],
  ])('%s is no string', (_, der) => expect(codeOf(() => nameOf(der))).toBe('ERR_DER_UNEXPECTED_TAG'))

  test('a BIT STRING is read (x500UniqueIdentifier, X.520 §6.2.8), with bad padding it is not', () => {
    const name = Name.fromDer(seq(rdn('2.5.4.45', hex('03020780'))))
    expect(String(name)).toBe('2.5.4.45=#03020780')
    expect(name.rdns[0]?.[0]?.value).toBeUndefined()
    expect(codeOf(() => Name.fromDer(seq(rdn('2.5.4.45', hex('03020781')))))).toBe('ERR_DER_ENCODING')
  })
})

test('the DER of each value is a copy', () => {
  const name = nameOf('0c0161')
  const [attribute] = name.rdns[0] ?? []
  expect(toHex(attribute?.der ?? hex(''))).toBe('0c0161')
  attribute?.der.fill(0)
  expect(name.values('CN')).toEqual(['a'])
})
