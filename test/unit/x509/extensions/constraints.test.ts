import { describe, expect, test } from 'vitest'
import { Certificate, formatGeneralName } from '../../../../src/x509/index.ts'
import { certificateWith, commonName, hex, seq, text, tlv } from '../../../fixtures/x509/der.ts'
import { codeOf } from '../../../fixtures/x509/refusal.ts'

const read = (id: string, value: Uint8Array) => Certificate.fromDer(certificateWith(id, value, true))
const refused = (id: string, value: Uint8Array) => codeOf(() => read(id, value))

describe('basicConstraints (RFC 5280 §4.2.1.9)', () => {
  const ID = '2.5.29.19'
  test.each([
    ['an empty sequence', '3000', false, undefined],
    ['a CA', '30030101ff', true, undefined],
    ['path length 0', '30060101ff020100', true, 0],
    ['path length 3', '30060101ff020103', true, 3],
    ['path length 2^30 - 1', '30090101ff02043fffffff', true, 1_073_741_823],
    ['path length 2^31 - 1, the largest', '30090101ff02047fffffff', true, 2_147_483_647],
    ['a path length without cA', '3003020101', false, 1],
    ['the largest path length without cA', '300602047fffffff', false, 2_147_483_647],
  ])('%s', (_, der, isCa, pathLength) => {
    const certificate = read(ID, hex(der))
    expect(certificate.isCa).toBe(isCa)
    expect(certificate.pathLength).toBe(pathLength)
  })
  test('without the extension it is no CA', () => {
    const certificate = read('2.5.29.17', seq(text(0x82, 'a')))
    expect([certificate.isCa, certificate.pathLength]).toEqual([false, undefined])
  })
  test.each([
    ['FALSE written out (X.690 §11.5)', '3003010100', 'ERR_DER_ENCODING'],
    ['TRUE as 01 (X.690 §11.1)', '3003010101', 'ERR_DER_ENCODING'],
    ['a negative path length', '30060101ff0201ff', 'ERR_DER_VALUE'],
    ['a path length of five octets', '300a0101ff02050080000000', 'ERR_DER_LIMIT'],
    ['a path length that is not minimal', '30070101ff02020001', 'ERR_DER_ENCODING'],
    ['the fields the other way round', '30060201000101ff', 'ERR_DER_TRAILING_DATA'],
    ['a third field', '30080101ff0201000500', 'ERR_DER_TRAILING_DATA'],
    ['bytes after it', '30000500', 'ERR_DER_TRAILING_DATA'],
    ['another type', '0101ff', 'ERR_DER_UNEXPECTED_TAG'],
    ['nothing', '', 'ERR_DER_TRUNCATED'],
  ])('%s is refused', (_, der, code) => expect(refused(ID, hex(der))).toBe(code))
})

describe('keyUsage (RFC 5280 §4.2.1.3)', () => {
  const ID = '2.5.29.15'
  test.each([
    ['03020780', ['digitalSignature']],
    ['03020640', ['nonRepudiation']],
    ['03020520', ['keyEncipherment']],
    ['03020410', ['dataEncipherment']],
    ['03020308', ['keyAgreement']],
    ['03020204', ['keyCertSign']],
    ['03020102', ['cRLSign']],
    ['03020001', ['encipherOnly']],
    ['0303070080', ['decipherOnly']],
    ['030205a0', ['digitalSignature', 'keyEncipherment']],
    ['03020106', ['keyCertSign', 'cRLSign']],
  ])('%s', (der, names) => expect(read(ID, hex(der)).keyUsage).toEqual(names))
  test.each([
    ['no bit', '030100', 'ERR_CERTIFICATE_EXTENSION'],
    ['trailing zero bits (X.690 §11.2.2)', '03020080', 'ERR_DER_ENCODING'],
    ['a tenth bit', '0303060040', 'ERR_DER_VALUE'],
    ['a set padding bit', '03020781', 'ERR_DER_ENCODING'],
    ['bytes after it', '030207800500', 'ERR_DER_TRAILING_DATA'],
    ['an OCTET STRING', '040180', 'ERR_DER_UNEXPECTED_TAG'],
  ])('%s is refused', (_, der, code) => expect(refused(ID, hex(der))).toBe(code))
  test('trailing zero bits pass by name, a set bit without name does not', () => {
    const leniency = ['trailing-zero-bits'] as const
    const lenient = (der: string) => Certificate.fromDer(certificateWith(ID, hex(der)), { leniency })
    expect(lenient('03020086').keyUsage).toEqual(['digitalSignature', 'keyCertSign', 'cRLSign'])
    expect(lenient('0303008000').keyUsage).toEqual(['digitalSignature'])
    expect(codeOf(() => lenient('0303008001'))).toBe('ERR_DER_VALUE')
    expect(codeOf(() => lenient('03020000'))).toBe('ERR_CERTIFICATE_EXTENSION')
  })
})

describe('extKeyUsage (RFC 5280 §4.2.1.12)', () => {
  const ID = '2.5.29.37'
  test('purposes in order', () => {
    const value = hex('300c 0604551d2500 0604 2a030405'.replace('0604551d2500', '0604551d2500'))
    expect(read(ID, value).extendedKeyUsage).toEqual(['2.5.29.37.0', '1.2.3.4.5'])
  })
  test.each([
    ['no purpose', '3000', 'ERR_CERTIFICATE_EXTENSION'],
    ['a purpose that is no OBJECT IDENTIFIER', '30030c0161', 'ERR_DER_UNEXPECTED_TAG'],
    ['a purpose that is cut off', '3003060181', 'ERR_DER_ENCODING'],
    ['bytes after it', '3003060101 00', 'ERR_DER_TRAILING_DATA'],
  ])('%s is refused', (_, der, code) => expect(refused(ID, hex(der))).toBe(code))
})

describe('nameConstraints (RFC 5280 §4.2.1.10)', () => {
  const ID = '2.5.29.30'
  const dns = text(0x82, 'a.example')
  test('permitted and excluded subtrees of every form', () => {
    const ip = tlv(0x87, hex('0a000000ff000000'))
    const value = seq(
      tlv(0xa0, seq(dns), seq(ip), seq(tlv(0xa4, commonName('x')))),
      tlv(0xa1, seq(text(0x81, 'b.example')), seq(text(0x86, '.c.example'))),
    )
    const constraints = read(ID, value).nameConstraints
    expect(constraints?.permitted.map(formatGeneralName)).toEqual([
      'DNS:a.example',
      'IP:10.0.0.0/8',
      'DirName:CN=x',
    ])
    expect(constraints?.excluded.map(formatGeneralName)).toEqual(['email:b.example', 'URI:.c.example'])
  })
  test('either alone', () => {
    expect(read(ID, seq(tlv(0xa1, seq(dns)))).nameConstraints).toEqual({
      permitted: [],
      excluded: [{ type: 'dns', value: 'a.example' }],
    })
    expect(read(ID, seq(tlv(0xa0, seq(dns)))).nameConstraints?.excluded).toEqual([])
  })
  test.each([
    ['neither', seq(), 'ERR_CERTIFICATE_EXTENSION'],
    ['an empty list of permitted subtrees', seq(hex('a000')), 'ERR_CERTIFICATE_EXTENSION'],
    [
      'an empty list of excluded subtrees',
      seq(tlv(0xa0, seq(dns)), hex('a100')),
      'ERR_CERTIFICATE_EXTENSION',
    ],
    ['excluded before permitted', seq(tlv(0xa1, seq(dns)), tlv(0xa0, seq(dns))), 'ERR_DER_TRAILING_DATA'],
    ['a subtree without base', seq(tlv(0xa0, seq())), 'ERR_DER_UNEXPECTED_TAG'],
    [
      'minimum 0 written out (X.690 §11.5)',
      seq(tlv(0xa0, seq(dns, hex('800100')))),
      'ERR_CERTIFICATE_EXTENSION',
    ],
    ['a minimum', seq(tlv(0xa0, seq(dns, hex('800101')))), 'ERR_CERTIFICATE_EXTENSION'],
    ['a maximum', seq(tlv(0xa0, seq(dns, hex('810101')))), 'ERR_CERTIFICATE_EXTENSION'],
    ['an IP address without mask', seq(tlv(0xa0, seq(hex('8704c0000201')))), 'ERR_DER_VALUE'],
    ['an IP range of 16 octets', seq(tlv(0xa0, seq(tlv(0x87, new Uint8Array(16))))), 'ERR_DER_VALUE'],
    ['bytes after it', hex('3000 00'), 'ERR_CERTIFICATE_EXTENSION'],
  ])('%s is refused', (_, value, code) => expect(refused(ID, value)).toBe(code))
})
