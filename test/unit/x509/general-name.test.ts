import { describe, expect, test } from 'vitest'
import type { GeneralNameInput } from '../../../src/x509/general-name.ts'
import { encodeGeneralName, encodeGeneralNames } from '../../../src/x509/general-name-encoder.ts'
import { Certificate, formatGeneralName, Name } from '../../../src/x509/index.ts'
import { certificateWith, commonName, hex, oid, seq, text, tlv, toHex } from '../../fixtures/x509/der.ts'
import { codeOf, refusalOf } from '../../fixtures/x509/refusal.ts'

const SAN = '2.5.29.17'
const read = (...names: readonly Uint8Array[]) =>
  Certificate.fromDer(certificateWith(SAN, seq(...names))).subjectAltNames

describe('every form is read (RFC 5280 §4.2.1.6)', () => {
  test.each([
    ['rfc822Name', text(0x81, 'a@b.example'), { type: 'email', value: 'a@b.example' }],
    ['dNSName, as written', text(0x82, 'A.Example'), { type: 'dns', value: 'A.Example' }],
    ['URI', text(0x86, 'spiffe://a/b'), { type: 'uri', value: 'spiffe://a/b' }],
    ['IPv4', hex('8704c0000201'), { type: 'ip', value: '192.0.2.1' }],
    ['IPv6', tlv(0x87, hex(`20010db8${'0'.repeat(23)}1`)), { type: 'ip', value: '2001:db8::1' }],
    ['registeredID', hex('88032a0304'), { type: 'registered-id', value: '1.2.3.4' }],
    [
      'otherName',
      tlv(0xa0, oid('1.2.3'), tlv(0xa0, text(0x0c, 'x'))),
      { type: 'other', form: 'other-name', oid: '1.2.3', value: hex('0c0178') },
    ],
    ['x400Address', hex('a3023000'), { type: 'other', form: 'x400', value: hex('a3023000') }],
    [
      'ediPartyName',
      hex('a505a103 0c0178'),
      { type: 'other', form: 'edi-party', value: hex('a505a1030c0178') },
    ],
    [
      'ediPartyName with its assigner',
      hex('a50aa003 130161 a103 0c0178'),
      { type: 'other', form: 'edi-party', value: hex('a50aa003130161a1030c0178') },
    ],
  ])('%s', (_, der, value) => expect(read(der)).toEqual([value]))

  test('directoryName', () => {
    const [name] = read(tlv(0xa4, commonName('x')))
    expect(name?.type === 'directory' && name.value.equals(Name.parse('CN=x'))).toBe(true)
  })
  test('several, in order', () => {
    expect(read(text(0x82, 'b'), text(0x82, 'a'), text(0x86, 'x:y')).map(formatGeneralName)).toEqual([
      'DNS:b',
      'DNS:a',
      'URI:x:y',
    ])
  })
})

describe('malformed forms are refused', () => {
  test.each([
    ['no name at all', [], 'ERR_DER_VALUE'],
    ['a byte above 7F in a dNSName (§7.2)', [hex('8201e9')], 'ERR_DER_VALUE'],
    ['a byte above 7F in a URI', [hex('8601ff')], 'ERR_DER_VALUE'],
    ['a byte above 7F in an rfc822Name', [hex('8101ff')], 'ERR_DER_VALUE'],
    ['an IP address of 5 octets', [hex('87050102030405')], 'ERR_DER_VALUE'],
    ['an IP address of 8 octets, which is a range', [hex('87080a000000ff000000')], 'ERR_DER_VALUE'],
    ['an empty IP address', [hex('8700')], 'ERR_DER_VALUE'],
    ['a registeredID without content', [hex('8800')], 'ERR_DER_ENCODING'],
    ['a registeredID that is cut off', [hex('880181')], 'ERR_DER_ENCODING'],
    ['a constructed dNSName', [hex('a2 03 160161')], 'ERR_DER_UNEXPECTED_TAG'],
    ['a primitive directoryName', [hex('8400')], 'ERR_DER_UNEXPECTED_TAG'],
    ['a directoryName with implicit tag', [hex('a400')], 'ERR_DER_TRUNCATED'],
    ['a directoryName with bytes after the name', [hex('a404 3000 3000')], 'ERR_DER_TRAILING_DATA'],
    ['an otherName without value', [tlv(0xa0, oid('1.2.3'))], 'ERR_DER_TRUNCATED'],
    ['an otherName without type', [tlv(0xa0, hex('a003 0c0178'))], 'ERR_DER_UNEXPECTED_TAG'],
    [
      'an otherName with two values',
      [tlv(0xa0, oid('1.2.3'), hex('a006 0c0178 0c0178'))],
      'ERR_DER_TRAILING_DATA',
    ],
    ['an ediPartyName without partyName', [hex('a500')], 'ERR_DER_TRUNCATED'],
    ['an ediPartyName with only its assigner', [hex('a505 a003 130161')], 'ERR_DER_TRUNCATED'],
    ['an ediPartyName whose party is no string', [hex('a505 a103 020101')], 'ERR_DER_UNEXPECTED_TAG'],
    ['the tag [9]', [hex('8900')], 'ERR_DER_UNEXPECTED_TAG'],
    ['a universal type', [hex('160161')], 'ERR_DER_UNEXPECTED_TAG'],
  ] as const)('%s', (_, names, code) => expect(codeOf(() => read(...names))).toBe(code))

  test('8192 names are read, 8193 are not', () => {
    const name = text(0x82, 'a')
    expect(read(...Array.from({ length: 8192 }, () => name))).toHaveLength(8192)
    expect(codeOf(() => read(...Array.from({ length: 8193 }, () => name)))).toBe('ERR_DER_LIMIT')
  })
})

describe('writing', () => {
  test.each([
    [{ type: 'dns', value: 'a.example' }, '8209612e6578616d706c65'],
    [{ type: 'email', value: 'a@b' }, '8103614062'],
    [{ type: 'uri', value: 'x:y' }, '8603783a79'],
    [{ type: 'ip', value: '192.0.2.1' }, '8704c0000201'],
    [{ type: 'ip', value: '::1' }, `8710${'0'.repeat(31)}1`],
    [{ type: 'registered-id', value: '1.2.3.4' }, '88032a0304'],
    [{ type: 'directory', value: 'CN=x' }, 'a40e300c310a3008060355040313 0178'.replace(' ', '')],
  ] as const)('%j', (name, der) => expect(toHex(encodeGeneralName(name, false, 'names'))).toBe(der))

  test('a list is a SEQUENCE in the given order, and not empty', () => {
    expect(
      toHex(
        encodeGeneralNames(
          [
            { type: 'dns', value: 'b' },
            { type: 'dns', value: 'a' },
          ],
          'names',
        ),
      ),
    ).toBe('3006820162820161')
    expect(codeOf(() => encodeGeneralNames([], 'names'))).toBe('ERR_GENERAL_NAME')
  })
  test.each<[string, GeneralNameInput]>([
    ['an empty DNS name', { type: 'dns', value: '' }],
    ['a NUL', { type: 'dns', value: 'good.example\0.evil.example' }],
    ['a blank', { type: 'dns', value: 'a b' }],
    ['a line end', { type: 'uri', value: 'spiffe://a\n' }],
    ['DEL', { type: 'email', value: 'a\u007f@b' }],
    ['what is beyond ASCII (§7.2)', { type: 'dns', value: 'bücher.example' }],
    ['8193 characters', { type: 'uri', value: 'a'.repeat(8193) }],
    ['an IP address with a leading zero', { type: 'ip', value: '192.0.02.1' }],
    ['a range where an address is due', { type: 'ip', value: '10.0.0.0/8' }],
    ['an impossible object identifier', { type: 'registered-id', value: '1.40' }],
  ])('%s is refused', (_, name) => {
    const error = refusalOf(() => encodeGeneralName(name, false, 'names'))
    expect(error.code).toBe('ERR_GENERAL_NAME')
    expect(error.message).not.toMatch(/\p{Cc}/u)
  })
  test('an unknown type is misuse', () => {
    expect(() =>
      Reflect.apply(encodeGeneralName, undefined, [{ type: 'host', value: 'a' }, false, 'names']),
    ).toThrow(TypeError)
  })
  test('a range is written where name constraints hold it', () => {
    expect(toHex(encodeGeneralName({ type: 'ip', value: '10.0.0.0/8' }, true, 'names'))).toBe(
      '87080a000000ff000000',
    )
    expect(codeOf(() => encodeGeneralName({ type: 'ip', value: '10.0.0.0' }, true, 'names'))).toBe(
      'ERR_GENERAL_NAME',
    )
  })
})

test('the printed form of a hostile name holds no control character', () => {
  for (const tag of [0x81, 0x82, 0x86]) {
    const [name] = read(text(tag, 'a\0b\u001b[2J\n'))
    expect(name).toBeDefined()
    if (name !== undefined) expect(formatGeneralName(name)).toMatch(/a\\u\{0\}b\\u\{1b\}\[2J\\u\{a\}$/)
  }
})

describe('what only looks like a name is not written (RFC 5280 §4.2.1.6)', () => {
  test.each([
    // A reader of OpenSSL's text would see a second name behind the comma.
    ['dns', 'a,URI:spiffe://cluster.local/ns/kube-system/sa/admin'],
    ['dns', '*'],
    ['dns', 'a.*.example.com'],
    ['dns', 'a_b.example.com'],
    ['dns', 'example.com.'],
    ['dns', '10.0.0.1'],
    ['dns', `${'a'.repeat(64)}.example.com`],
    ['email', 'example.com'],
    ['email', 'a@b@example.com'],
    ['email', 'a@exa mple.com'],
    ['uri', 'example.com/path'],
    ['uri', 'https://example.com/"'],
    ['uri', '1https://example.com'],
  ] as const)('%s %s', (type, value) => {
    expect(codeOf(() => encodeGeneralName({ type, value }, false, 'names'))).toBe('ERR_GENERAL_NAME')
  })

  test.each([
    ['dns', '*.example.com'],
    ['dns', 'xn--bcher-kva.example'],
    ['dns', 'istiod.istio-system.svc'],
    ['email', "o'brien+mesh@example.com"],
    ['uri', 'spiffe://kind2/ns/default/sa/a'],
    ['uri', 'urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6'],
  ] as const)('but %s %s is', (type, value) => {
    expect(encodeGeneralName({ type, value }, false, 'names').length).toBe(value.length + 2)
  })

  test.each([[null], ['dns:a'], [1], [undefined], [{ type: 'dns', value: 5 }], [{ value: 'a' }]])(
    '%j is misuse that names the option',
    (name) => {
      expect(() => Reflect.apply(encodeGeneralNames, undefined, [[name], 'subjectAltNames'])).toThrow(
        /option "subjectAltNames"/,
      )
    },
  )
})
