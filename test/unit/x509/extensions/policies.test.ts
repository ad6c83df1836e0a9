import { describe, expect, test } from 'vitest'
import { Certificate } from '../../../../src/x509/index.ts'
import { certificateWith, hex, oid, seq, text, toHex } from '../../../fixtures/x509/der.ts'
import { codeOf } from '../../../fixtures/x509/refusal.ts'

const read = (id: string, value: Uint8Array) => Certificate.fromDer(certificateWith(id, value))
const refused = (id: string, value: Uint8Array) => codeOf(() => read(id, value))
const CPS = oid('1.3.6.1.5.5.7.2.1')
const NOTICE = oid('1.3.6.1.5.5.7.2.2')

describe('certificatePolicies (RFC 5280 §4.2.1.4)', () => {
  const ID = '2.5.29.32'
  const withQualifier = (...qualifier: readonly Uint8Array[]) =>
    seq(seq(oid('1.2.3'), seq(seq(...qualifier))))
  const notice = (...parts: readonly Uint8Array[]) => withQualifier(NOTICE, seq(...parts))

  test('policies with and without qualifiers', () => {
    const value = seq(seq(oid('2.5.29.32.0')), seq(oid('1.2.3'), seq(seq(CPS, text(0x16, 'http://x')))))
    expect(read(ID, value).certificatePolicies).toEqual([
      { policy: '2.5.29.32.0', qualifiers: [] },
      { policy: '1.2.3', qualifiers: [{ oid: '1.3.6.1.5.5.7.2.1', value: text(0x16, 'http://x') }] },
    ])
  })
  test.each([
    ['explicitText as UTF8String', notice(text(0x0c, 'é'))],
    ['explicitText as VisibleString', notice(text(0x1a, 'a'))],
    ['explicitText as BMPString', notice(hex('1e020061'))],
    ['explicitText as IA5String', notice(text(0x16, 'a'))],
    ['an empty notice', notice()],
    ['a reference', notice(seq(text(0x0c, 'x'), seq(hex('020101'), hex('0202 0100'))))],
    ['both', notice(seq(text(0x0c, 'x'), seq()), text(0x0c, 'y'))],
    ['a qualifier that RFC 5280 does not know', withQualifier(oid('1.2.3.4'), hex('0500'))],
  ])('a user notice with %s is read', (_, value) => {
    const [policy] = read(ID, value).certificatePolicies ?? []
    expect(policy?.qualifiers).toHaveLength(1)
    expect(toHex(value)).toContain(toHex(policy?.qualifiers[0]?.value ?? hex('ffff')))
  })
  test.each([
    ['no policy', seq(), 'ERR_CERTIFICATE_EXTENSION'],
    ['a policy twice', seq(seq(oid('1.2.3')), seq(oid('1.2.3'))), 'ERR_CERTIFICATE_EXTENSION'],
    ['an empty list of qualifiers', seq(seq(oid('1.2.3'), seq())), 'ERR_CERTIFICATE_EXTENSION'],
    ['a qualifier without value', withQualifier(CPS), 'ERR_DER_UNEXPECTED_TAG'],
    ['a CPS pointer that is no IA5String', withQualifier(CPS, text(0x0c, 'x')), 'ERR_DER_UNEXPECTED_TAG'],
    ['a CPS pointer beyond ASCII', withQualifier(CPS, hex('1601e9')), 'ERR_DER_VALUE'],
    ['a CPS pointer and more', withQualifier(CPS, text(0x16, 'x'), hex('0500')), 'ERR_DER_TRAILING_DATA'],
    ['explicitText as PrintableString, no DisplayText', notice(text(0x13, 'a')), 'ERR_DER_UNEXPECTED_TAG'],
    ['explicitText as BIT STRING', notice(hex('03020061')), 'ERR_DER_UNEXPECTED_TAG'],
    ['explicitText that is no UTF-8', notice(hex('0c01ff')), 'ERR_DER_VALUE'],
    ['two texts', notice(text(0x0c, 'a'), text(0x0c, 'b')), 'ERR_DER_TRAILING_DATA'],
    [
      'notice numbers that are no numbers',
      notice(seq(text(0x0c, 'x'), seq(hex('0500')))),
      'ERR_DER_UNEXPECTED_TAG',
    ],
    ['a reference without numbers', notice(seq(text(0x0c, 'x'))), 'ERR_DER_TRUNCATED'],
    [
      'a policy with a third field',
      seq(seq(oid('1.2.3'), seq(seq(CPS, text(0x16, 'x'))), hex('0500'))),
      'ERR_DER_TRAILING_DATA',
    ],
  ])('%s is refused', (_, value, code) => expect(refused(ID, value)).toBe(code))
})

describe('policyMappings (RFC 5280 §4.2.1.5)', () => {
  const ID = '2.5.29.33'
  test('pairs', () => {
    expect(read(ID, seq(seq(oid('1.2.3'), oid('1.2.4')))).policyMappings).toEqual([
      { issuerDomainPolicy: '1.2.3', subjectDomainPolicy: '1.2.4' },
    ])
  })
  test.each([
    ['no pair', seq(), 'ERR_CERTIFICATE_EXTENSION'],
    ['half a pair', seq(seq(oid('1.2.3'))), 'ERR_DER_TRUNCATED'],
    ['three in a pair', seq(seq(oid('1.2.3'), oid('1.2.3'), oid('1.2.3'))), 'ERR_DER_TRAILING_DATA'],
  ])('%s is refused', (_, value, code) => expect(refused(ID, value)).toBe(code))
})

describe('policyConstraints (RFC 5280 §4.2.1.11)', () => {
  const ID = '2.5.29.36'
  test.each([
    ['3003800100', 0, undefined],
    ['3003810105', undefined, 5],
    ['3006800101810102', 1, 2],
  ])('%s', (der, requireExplicitPolicy, inhibitPolicyMapping) => {
    expect(read(ID, hex(der)).policyConstraints).toEqual({ requireExplicitPolicy, inhibitPolicyMapping })
  })
  test.each([
    ['an empty sequence', '3000', 'ERR_CERTIFICATE_EXTENSION'],
    ['a negative count', '30038001ff', 'ERR_DER_VALUE'],
    ['a count that is not minimal', '300480020001', 'ERR_DER_ENCODING'],
    ['the fields the other way round', '3006810102800101', 'ERR_DER_TRAILING_DATA'],
    ['explicit tags', '3005a003020100', 'ERR_DER_TRAILING_DATA'],
    ['a universal INTEGER', '3003020100', 'ERR_DER_TRAILING_DATA'],
  ])('%s is refused', (_, der, code) => expect(refused(ID, hex(der))).toBe(code))
})

describe('inhibitAnyPolicy (RFC 5280 §4.2.1.14)', () => {
  const ID = '2.5.29.54'
  test('a count', () => expect(read(ID, hex('020102')).inhibitAnyPolicy).toBe(2))
  test('zero is a value, absence is none', () => {
    expect(read(ID, hex('020100')).inhibitAnyPolicy).toBe(0)
    expect(read('2.5.29.36', hex('3003800100')).inhibitAnyPolicy).toBeUndefined()
  })
  test.each([
    ['a negative count', '0201ff', 'ERR_DER_VALUE'],
    ['2^31', '02050080000000', 'ERR_DER_LIMIT'],
    ['another type', '0a0100', 'ERR_DER_UNEXPECTED_TAG'],
    ['bytes after it', '02010000', 'ERR_DER_TRAILING_DATA'],
  ])('%s is refused', (_, der, code) => expect(refused(ID, hex(der))).toBe(code))
})
