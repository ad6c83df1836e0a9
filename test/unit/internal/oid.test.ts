import { expect, test } from 'vitest'
import { isContent, isOid, readOid } from '../../../src/internal/oid.ts'
import { hex } from '../../fixtures/x509/der.ts'

test.each([
  ['550403', '2.5.4.3'],
  ['00', '0.0'],
  ['27', '0.39'],
  ['28', '1.0'],
  ['4f', '1.39'],
  ['50', '2.0'],
  ['7f', '2.47'],
  ['8837', '2.999'],
  ['2a864886f70d01010b', '1.2.840.113549.1.1.11'],
  ['2a8fffffff7f', '1.2.4294967295'],
  ['6983f09da7ebcfdee0c7a1a7b2c0948cc8f9d776', '2.25.329800735698586629295641978511506172918'],
])('the content %s is %s (X.690 §8.19)', (content, oid) => {
  const bytes = hex(`ff${content}ff`)
  expect(readOid(bytes, 1, bytes.length - 1)).toBe(oid)
})

test.each(['2.5.4.3', '0.0', '1.39', '2.40', '2.999.0', '1.2.840'])('%s is an object identifier', (text) =>
  expect(isOid(text)).toBe(true),
)
test.each([
  '',
  '1',
  '2.',
  '.1',
  '3.1',
  '1.40',
  '0.40',
  '1.02',
  '1..2',
  '1.2.',
  '1.a',
  ' 1.2',
  '1.2\n',
  '١.2',
])('%j is not', (text) => expect(isOid(text)).toBe(false))
test('text of more than 256 characters is not', () => expect(isOid(`2.${'1'.repeat(255)}`)).toBe(false))

test('content octets are compared whole', () => {
  expect(isContent(hex('00550403'), 1, 4, [0x55, 4, 3])).toBe(true)
  expect(isContent(hex('00550403'), 1, 4, [0x55, 4])).toBe(false)
  expect(isContent(hex('00550403'), 1, 3, [0x55, 4, 3])).toBe(false)
})
