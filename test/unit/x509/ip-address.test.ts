import { isIP } from 'node:net'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { formatIpAddress, formatIpRange, parseIpAddress, parseIpRange } from '../../../src/x509/ip-address.ts'
import { hex, toHex } from '../../fixtures/x509/der.ts'

const parsed = (text: string) => {
  const bytes = parseIpAddress(text)
  return bytes === undefined ? undefined : toHex(bytes)
}

describe('text to bytes', () => {
  test.each([
    ['192.0.2.1', 'c0000201'],
    ['0.0.0.0', '00000000'],
    ['255.255.255.255', 'ffffffff'],
    ['::', '0'.repeat(32)],
    ['::1', `${'0'.repeat(31)}1`],
    ['2001:db8::', `20010db8${'0'.repeat(24)}`],
    ['2001:DB8::8:800:200C:417A', '20010db8000000000008 0800200c417a'.replace(' ', '')],
    ['1:2:3:4:5:6:7:8', '00010002000300040005000600070008'],
    ['1::', `0001${'0'.repeat(28)}`],
    ['1:2:3:4:5:6:7::', '00010002000300040005000600070000'],
    ['::ffff:192.0.2.1', '00000000000000000000ffffc0000201'],
    ['64:ff9b::192.0.2.33', '0064ff9b0000000000000000c0000221'],
    ['1:2:3:4:5:6:1.2.3.4', '00010002000300040005000601020304'],
  ])('%s (RFC 4291 §2.2)', (text, bytes) => expect(parsed(text)).toBe(bytes))

  test.each([
    ['a leading zero, octal to some', '192.0.02.1'],
    ['octal', '0300.0.2.1'],
    ['three parts', '192.0.513'],
    ['one number', '3221225985'],
    ['hexadecimal', '0xc0000201'],
    ['256', '192.0.2.256'],
    ['a blank', ' 192.0.2.1'],
    ['a line end', '192.0.2.1\n'],
    ['an empty part', '192..2.1'],
    ['a sign', '192.0.2.+1'],
    ['digits that are not ASCII', '١92.0.2.1'],
    ['nothing', ''],
    ['a zone identifier (RFC 4007 §11)', 'fe80::1%eth0'],
    ['brackets', '[::1]'],
    ['a prefix', '::1/128'],
    ['a port', '192.0.2.1:80'],
    ['nine groups', '1:2:3:4:5:6:7:8:9'],
    ['seven groups', '1:2:3:4:5:6:7'],
    ['"::" where nothing is left out', '1:2:3:4::5:6:7:8'],
    ['two "::"', '1::2::3'],
    ['":::"', '1:::2'],
    ['five digits', '1::00001'],
    ['a single colon at the end', '1::2:'],
    ['a single colon at the start', ':1::2'],
    ['one colon', ':'],
    ['IPv4 in front', '1.2.3.4::'],
    ['IPv4 in the middle', '::1.2.3.4:5'],
    ['bad IPv4 at the end', '::ffff:192.0.02.1'],
    ['no hex', '::g'],
  ])('%s is refused', (_, text) => expect(parsed(text)).toBeUndefined())
})

describe('bytes to text (RFC 5952)', () => {
  test.each([
    ['leading zeros are dropped (§4.1)', '20010db8000000010000000000000001', '2001:db8:0:1::1'],
    ['"::" is used to its fullest (§4.2.1)', '20010db8000000000000000000020001', '2001:db8::2:1'],
    ['"::" is not for one group (§4.2.2)', '20010db8000000010001000100010001', '2001:db8:0:1:1:1:1:1'],
    ['the longest run (§4.2.3)', '20010000000000010000000000000001', '2001:0:0:1::1'],
    ['the first of two equal runs (§4.2.3)', '20010db8000000000001000000000001', '2001:db8::1:0:0:1'],
    ['lower case (§4.3)', '20010db8000000000000 0000aaaabbbb'.replace(' ', ''), '2001:db8::aaaa:bbbb'],
    ['all zeros', '0'.repeat(32), '::'],
    ['loopback', `${'0'.repeat(31)}1`, '::1'],
    ['zeros at the end', `0001${'0'.repeat(28)}`, '1::'],
    ['IPv4', 'c0000201', '192.0.2.1'],
  ])('%s', (_, bytes, text) => expect(formatIpAddress(hex(bytes))).toBe(text))

  test('an IPv4-mapped address is never written as the IPv4 address', () => {
    const text = formatIpAddress(hex('00000000000000000000ffffc0000201'))
    expect(text).toMatch(/^::ffff:/)
    expect(parsed(text)).toBe('00000000000000000000ffffc0000201')
  })
  test('every address is read back, and Node knows it by its family', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ minLength: 4, maxLength: 4 }),
      fc
        .array(fc.constantFrom(0, 0, 0, 1, 0xab), { minLength: 16, maxLength: 16 })
        .map((list) => Uint8Array.from(list)),
    )
    fc.assert(
      fc.property(bytes, (address) => {
        const text = formatIpAddress(address)
        expect(isIP(text)).toBe(address.length === 4 ? 4 : 6)
        expect(parsed(text)).toBe(toHex(address))
      }),
      { numRuns: 1000 },
    )
  })
  test('any text that is accepted, Node accepts', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'0123456789abF:.:.%/ '), maxLength: 20 }), (text) => {
        if (parseIpAddress(text) !== undefined) expect(isIP(text)).not.toBe(0)
      }),
      { numRuns: 5000 },
    )
  })
})

describe('ranges of name constraints (RFC 5280 §4.2.1.10)', () => {
  test.each([
    ['10.0.0.0/8', '0a000000ff000000'],
    ['0.0.0.0/0', '0000000000000000'],
    ['192.0.2.1/32', 'c0000201ffffffff'],
    ['192.0.2.128/25', 'c0000280ffffff80'],
    ['2001:db8::/32', `20010db8${'0'.repeat(24)}ffffffff${'0'.repeat(24)}`],
    ['::/0', '0'.repeat(64)],
  ])('%s', (text, bytes) => {
    expect(toHex(parseIpRange(text) ?? hex(''))).toBe(bytes)
    expect(formatIpRange(hex(bytes))).toBe(text)
  })
  test.each([
    '10.0.0.0',
    '10.0.0.0/33',
    '10.0.0.0/08',
    '10.0.0.0/',
    '10.0.0.0/-1',
    '10.0.0.1/8',
    '::/129',
    '2001:db8::1/32',
    '10.0.0.0/255.0.0.0',
    '/8',
  ])('%s is refused', (text) => expect(parseIpRange(text)).toBeUndefined())
  test('a mask that is no prefix is shown as it is', () => {
    expect(formatIpRange(hex('0a000000ff00ff00'))).toBe('10.0.0.0/255.0.255.0')
    expect(formatIpRange(hex('0a000000ff00ff00'))).toBe('10.0.0.0/255.0.255.0')
    expect(formatIpRange(hex('0a000000ffff0000'))).toBe('10.0.0.0/16')
  })
})
