import { describe, expect, test } from 'vitest'
import { Name } from '../../../src/x509/index.ts'
import { hex, oid, rdn, seq, set, text } from '../../fixtures/x509/der.ts'

const CN = '2.5.4.3'
const of = (value: Uint8Array, type = CN) => Name.fromDer(seq(rdn(type, value)))
const utf8 = (value: string) => of(text(0x0c, value))
const printable = (value: string) => of(text(0x13, value))
const bmp = (value: string) =>
  of(
    hex(
      `1e${(value.length * 2).toString(16).padStart(2, '0')}${[...value].map((c) => c.charCodeAt(0).toString(16).padStart(4, '0')).join('')}`,
    ),
  )

function expectEqual(a: Name, b: Name, equal: boolean): void {
  expect(a.equals(b)).toBe(equal)
  expect(b.equals(a)).toBe(equal)
}

describe('equal under RFC 5280 §7.1 and RFC 4518', () => {
  test.each([
    ['case', utf8('Root CA'), utf8('ROOT ca')],
    ['leading and trailing white space', utf8('  Root CA '), utf8('Root CA')],
    ['inner white space', utf8('Root    CA'), utf8('Root CA')],
    ['tab and line feed are white space (RFC 4518 §2.2)', utf8('Root\t\nCA'), utf8('Root CA')],
    ['a no-break space is white space (RFC 4518 §2.2)', utf8('Root\u00a0CA'), utf8('Root CA')],
    ['UTF8String and PrintableString', utf8('Root'), printable('Root')],
    ['UTF8String and BMPString', utf8('Straße'), bmp('Straße')],
    ['BMPString and PrintableString', bmp('root'), printable('Root')],
    ['IA5String and UTF8String', of(text(0x16, 'a@b')), utf8('A@B')],
    ['TeletexString read as Latin-1', of(hex('1404 4361 66e9')), utf8('café')],
    ['sharp s and ss (RFC 3454 table B.2)', utf8('Straße'), utf8('STRASSE')],
    ['final sigma (RFC 3454 table B.2)', utf8('ΟΔΟΣ'), utf8('οδος')],
    ['final and inner sigma', utf8('οδος'), utf8('οδοσ')],
    ['I with a dot above and its decomposition (RFC 3454 table B.2)', utf8('\u0130'), utf8('i\u0307')],
    ['composed and decomposed (NFKC, RFC 4518 §2.3)', utf8('caf\u00e9'), utf8('cafe\u0301')],
    ['the ligature fi (NFKC)', utf8('\ufb01t'), utf8('FIT')],
    ['full-width letters (NFKC)', utf8('\uff21'), utf8('a')],
    ['the Kelvin sign', utf8('\u212a'), utf8('k')],
    ['a soft hyphen is mapped to nothing (RFC 4518 §2.2)', utf8('a\u00adb'), utf8('ab')],
    ['a zero-width space is mapped to nothing (RFC 4518 §2.2)', utf8('a\u200bb'), utf8('ab')],
    ['a tag character is mapped to nothing (RFC 4518 §2.2)', utf8('a\u{e0041}b'), utf8('ab')],
    ['the empty names', Name.parse(''), Name.parse('')],
  ])('%s', (_, a, b) => expectEqual(a, b, true))

  test('the order inside an RDN does not count', () => {
    // 'a' sorts before 'b', 'B' before 'a': the same attributes stand in another DER order.
    const one = Name.fromDer(seq(set(seq(oid(CN), text(0x0c, 'b')), seq(oid(CN), text(0x13, 'a')))))
    const other = Name.fromDer(seq(set(seq(oid(CN), text(0x0c, 'A')), seq(oid(CN), text(0x13, 'B')))))
    expectEqual(one, other, true)
  })
})

describe('not equal', () => {
  test.each([
    ['another value', utf8('Root CA'), utf8('Root CB')],
    ['white space where there was none', utf8('Root CA'), utf8('RootCA')],
    ['a prefix', utf8('Root'), utf8('Root CA')],
    ['the dotless i and i (not in RFC 3454 table B.2)', utf8('Ist\u0131o'), utf8('Istio')],
    ['the dotless i and I', utf8('\u0131'), utf8('I')],
    ['an accent', utf8('cafe'), utf8('café')],
    ['a Cyrillic letter that looks Latin', utf8('\u0430'), utf8('a')],
    ['another attribute type', of(text(0x0c, 'a')), of(text(0x0c, 'a'), '2.5.4.10')],
    ['the empty name and a name', Name.parse(''), Name.parse('CN=a')],
    ['another order of RDNs', Name.parse('CN=a,O=b'), Name.parse('O=b,CN=a')],
    ['two RDNs and one multi-valued RDN', Name.parse('CN=a,O=b'), Name.parse('CN=a+O=b')],
    ['text that imitates a separator', Name.parse('CN=a\\,O\\=b'), Name.parse('CN=a,O=b')],
    ['text that imitates a quote', Name.parse('CN=a\\"+O=\\"b'), Name.parse('CN=a\\"\\+O\\=\\"b')],
    ['a BIT STRING and its text', of(hex('03020061')), utf8('#03020061')],
  ])('%s', (_, a, b) => expectEqual(a, b, false))
})
