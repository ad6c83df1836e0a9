import { describe, expect, test } from 'vitest'
import { MeshPkiError } from '../../../src/errors.ts'
import { Name } from '../../../src/x509/index.ts'
import { hex, oid, rdn, seq, set, text, toHex } from '../../fixtures/x509/der.ts'
import { codeOf, refusalOf } from '../../fixtures/x509/refusal.ts'

const CN = '2.5.4.3'
const OU = '2.5.4.11'
const printable = (value: string) => text(0x13, value)
const utf8 = (value: string) => text(0x0c, value)
const dc = (value: string) => rdn('0.9.2342.19200300.100.1.25', text(0x16, value))

describe('the examples of RFC 4514 §4', () => {
  test.each([
    [
      'UID=jsmith,DC=example,DC=net',
      seq(dc('net'), dc('example'), rdn('0.9.2342.19200300.100.1.1', printable('jsmith'))),
    ],
    [
      'OU=Sales+CN=J.  Smith,DC=example,DC=net',
      seq(
        dc('net'),
        dc('example'),
        set(seq(oid(OU), printable('Sales')), seq(oid(CN), printable('J.  Smith'))),
      ),
    ],
    [
      'CN=James \\"Jim\\" Smith\\, III,DC=example,DC=net',
      seq(dc('net'), dc('example'), rdn(CN, utf8('James "Jim" Smith, III'))),
    ],
    ['CN=Before\\0dAfter,DC=example,DC=net', seq(dc('net'), dc('example'), rdn(CN, utf8('Before\rAfter')))],
    ['1.3.6.1.4.1.1466.0=#04024869', seq(rdn('1.3.6.1.4.1.1466.0', hex('04024869')))],
    ['CN=Lu\\C4\\8Di\\C4\\87', seq(rdn(CN, utf8('Lučić')))],
  ])('%s', (value, der) => expect(toHex(Name.parse(value).der)).toBe(toHex(der)))
})

describe('the examples of RFC 2253 §5', () => {
  test.each([
    [
      'CN=Steve Kille,O=Isode Limited,C=GB',
      seq(
        rdn('2.5.4.6', printable('GB')),
        rdn('2.5.4.10', printable('Isode Limited')),
        rdn(CN, printable('Steve Kille')),
      ),
    ],
    [
      'CN=L. Eagle,O=Sue\\, Grabbit and Runn,C=GB',
      seq(
        rdn('2.5.4.6', printable('GB')),
        rdn('2.5.4.10', printable('Sue, Grabbit and Runn')),
        rdn(CN, printable('L. Eagle')),
      ),
    ],
  ])('%s', (value, der) => expect(toHex(Name.parse(value).der)).toBe(toHex(der)))
})

describe('spellings that are read alike', () => {
  const plain = Name.parse('CN=a,O=b')
  test.each([
    ['spaces around the separators (RFC 2253 §4)', 'CN = a , O = b'],
    ['lower-case types (RFC 4512 §1.4)', 'cn=a,o=b'],
    ['long types', 'commonName=a,organizationName=b'],
    ['dotted types', '2.5.4.3=a,2.5.4.10=b'],
    ['the prefix of RFC 1779', 'OID.2.5.4.3=a,oid.2.5.4.10=b'],
    ['hex pairs', 'CN=\\61,O=\\62'],
    ['values as DER', 'CN=#130161,O=#130162'],
  ])('%s', (_, value) => expect(toHex(Name.parse(value).der)).toBe(toHex(plain.der)))

  test.each([
    ['CN=\\ a\\ ', ' a '],
    ['CN=a\\20', 'a '],
    ['CN=\\#a', '#a'],
    ['CN=a#b', 'a#b'],
    ['CN=a=b', 'a=b'],
    ['CN=\\61\\=b', 'a=b'],
    ['CN=\\\\', '\\'],
    ['CN=', ''],
    ['CN=  a  b  ', 'a  b'],
  ])('%s holds %j', (value, found) => expect(Name.parse(value).values('CN')).toEqual([found]))

  test('the empty text is the empty name', () => {
    expect(toHex(Name.parse('').der)).toBe('3000')
    expect(toHex(Name.parse('  ').der)).toBe('3000')
    expect(Name.parse('').isEmpty).toBe(true)
  })
})

describe('malformed text names the position (1-based) and is refused', () => {
  test.each([
    ['no attribute', 'abc', 1],
    ['nothing after a comma', 'CN=a,', 6],
    ['nothing after a plus', 'CN=a+', 6],
    ['an RDN without =', 'CN=a,bcd', 6],
    ['a type with a blank', 'C N=a', 1],
    ['no type', '=a', 1],
    ['an open quote', 'CN="a', 4],
    ['an unescaped <', 'CN=a<b', 5],
    ['an unescaped NUL', 'CN=a\0b', 5],
    ['a backslash before a letter', 'CN=a\\zb', 5],
    ['a backslash at the end', 'CN=a\\', 5],
    ['half a hex pair', 'CN=a\\6', 5],
    ['bytes that are not UTF-8', 'CN=\\ff', 4],
    ['an overlong encoding', 'CN=\\c0\\80', 4],
    ['half of a surrogate pair as UTF-8', 'CN=\\ed\\a0\\80', 4],
    ['# without digits', 'CN=#', 4],
    ['# with an odd number of digits', 'CN=#040', 4],
    ['# with what is no hex', 'CN=#04gg', 4],
    ['# with a truncated value', 'CN=#0402aa', 4],
    ['# with two values', 'CN=#05000500', 4],
    ['# with BER', 'CN=#2403040161', 4],
    ['# with a PrintableString that holds a star', 'CN=#13012a', 4],
    ['the same type twice in one RDN', 'CN=a+CN=b', 6],
  ])('%s', (_, value, position) => {
    const error = refusalOf(() => Name.parse(value))
    expect(error.code).toBe('ERR_NAME_SYNTAX')
    expect(error.message).toContain(`at character ${position}:`)
    expect(error.data).toEqual({ position: position - 1 })
  })

  test.each([
    ['an unknown short name', 'XYZ=a'],
    ['a NUL, which readers cut at', 'CN=a\\00b'],
    ['a country that is no PrintableString (RFC 5280 appendix A)', 'C=Österreich'],
    ['a domain component beyond ASCII (RFC 4519 §2.4)', 'DC=bücher'],
    ['an impossible object identifier', '1.40=a'],
    ['a value beyond the upper bound', `CN=${'a'.repeat(32_769)}`],
    ['text of more than 65,536 characters', `CN=${'a'.repeat(65_536)}`],
  ])('%s', (_, value) => expect(refusalOf(() => Name.parse(value)).code).toBe('ERR_NAME_SYNTAX'))

  test('hostile text does not reach the message as it is', () => {
    const error = refusalOf(() => Name.parse('\u001b[2J\u202e\0'))
    expect(error.message).toMatch(/\\u\{1b\}\[2J\\u\{202e\}/)
    expect(error.message).not.toMatch(/[\u0000-\u001f\u202e]/)
  })
  test('what is no text is misuse', () => {
    expect(() => Reflect.apply(Name.parse, Name, [1])).toThrow(TypeError)
    expect(() => Reflect.apply(Name.from, Name, [{ CN: 'a' }])).toThrow(TypeError)
  })
})

describe('RDNs as objects', () => {
  test('in DER order, multi-valued ones as a SET OF (X.690 §11.6)', () => {
    const name = Name.from([{ O: 'Example' }, { OU: 'b', CN: 'a' }])
    const multi = set(seq(oid(CN), printable('a')), seq(oid(OU), printable('b')))
    expect(toHex(name.der)).toBe(toHex(seq(rdn('2.5.4.10', printable('Example')), multi)))
    expect(String(name)).toBe('CN=a+OU=b,O=Example')
  })
  test.each([
    ['an empty RDN', [{}]],
    ['an unknown type', [{ XYZ: 'a' }]],
    ['DER that is cut off', [{ CN: hex('0c05') }]],
    ['no DER at all', [{ CN: hex('') }]],
    ['two DER values', [{ CN: hex('0c0161 0c0161') }]],
    ['UTF-8 that is none', [{ CN: hex('0c01ff') }]],
    ['a UniversalString beyond Unicode', [{ CN: hex('1c04 7fffffff') }]],
    ['half of a surrogate pair', [{ CN: '\ud800' }]],
  ])('%s is refused', (_, rdns) => {
    expect(refusalOf(() => Name.from(rdns))).toBeInstanceOf(MeshPkiError)
    expect(refusalOf(() => Name.from(rdns)).code).toBe('ERR_NAME_SYNTAX')
  })
})

test('a semicolon, a separator to RFC 2253 §4 only, must be escaped (RFC 4514 §2.4)', () => {
  expect(codeOf(() => Name.parse('CN=a;O=b'))).toBe('ERR_NAME_SYNTAX')
  expect(Name.parse('CN=a\\;O=b').values('CN')).toEqual(['a;O=b'])
})
