import fc from 'fast-check'
import { expect, test } from 'vitest'
import { DerCursor, Tag } from '../../../src/internal/der.ts'
import {
  derBitString,
  derNull,
  derObjectIdentifier,
  derOctetString,
  derSequence,
  derSetOf,
  derSmallInteger,
  derUnsigned,
  derValue,
  headerLength,
} from '../../../src/internal/der-writer.ts'
import { readOid } from '../../../src/internal/oid.ts'
import { hex, toHex } from '../../fixtures/x509/der.ts'

test.each([
  [0, '0400'],
  [127, '047f'],
  [128, '048180'],
  [255, '0481ff'],
  [256, '04820100'],
  [65_535, '0482ffff'],
  [65_536, '0483010000'],
  [16_777_215, '0483ffffff'],
  [16_777_216, '048401000000'],
])('%i octets are announced in the shortest form (X.690 §10.1)', (length, header) => {
  const value = derOctetString(new Uint8Array(length))
  expect(toHex(value.subarray(0, header.length / 2))).toBe(header)
  expect(value.length).toBe(length + headerLength(length))
})

test.each([
  ['', '020100'],
  ['00', '020100'],
  ['0000', '020100'],
  ['7f', '02017f'],
  ['80', '02020080'],
  ['0080', '02020080'],
  ['00000100', '02020100'],
  ['ffff', '020300ffff'],
])('the unsigned number %s is written as %s (X.690 §8.3.2)', (bytes, der) => {
  expect(toHex(derUnsigned(hex(bytes)))).toBe(der)
})

test.each([
  [0, '020100'],
  [127, '02017f'],
  [128, '02020080'],
  [65_537, '0203010001'],
  [2_147_483_647, '02047fffffff'],
])('the number %i is written as %s', (number, der) => {
  expect(toHex(derSmallInteger(number))).toBe(der)
})

test.each([
  ['2.5.4.3', '0603550403'],
  ['1.2.840.113549.1.1.11', '06092a864886f70d01010b'],
  ['2.999.3', '0603883703'],
  ['0.9.2342.19200300.100.1.25', '060a0992268993f22c640119'],
  ['2.25.329800735698586629295641978511506172918', '06146983f09da7ebcfdee0c7a1a7b2c0948cc8f9d776'],
])('%s is written as %s (X.690 §8.19)', (oid, der) => {
  expect(toHex(derObjectIdentifier(oid))).toBe(der)
})

test('members of a SET OF are ordered as octet strings, the shorter padded with zeros (X.690 §11.6)', () => {
  const members = [hex('0c0162'), hex('040101'), hex('0c0161'), hex('0400'), hex('0c026161')]
  expect(toHex(derSetOf(members))).toBe(`310f${'0400 040101 0c0161 0c0162 0c026161'.replaceAll(' ', '')}`)
  expect(members.map(toHex)[0]).toBe('0c0162')
})

test('NULL, BIT STRING and SEQUENCE', () => {
  expect(toHex(derSequence(derNull(), derBitString(hex('ff'))))).toBe('30060500030200ff')
})

test('whatever is written is read back by the strict cursor, with the same content', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 400 }), { maxLength: 6 }), (contents) => {
      const der = derSequence(
        ...contents.flatMap((content) => [derOctetString(content), derUnsigned(content)]),
      )
      const cursor = new DerCursor(der)
      const outer = cursor.enter(Tag.SEQUENCE, 'list')
      for (const content of contents) {
        const start = cursor.octetString('octets')
        expect(toHex(der.subarray(start, cursor.offset))).toBe(toHex(content))
        const number = cursor.integer('number')
        expect(BigInt(`0x${toHex(der.subarray(number, cursor.offset))}`)).toBe(BigInt(`0x0${toHex(content)}`))
        expect((der[number] ?? 0) & 0x80).toBe(0)
      }
      cursor.leave(outer, 'list')
      expect(cursor.atEnd).toBe(true)
    }),
  )
})

test('every object identifier survives writing and strict reading', () => {
  const arc = fc.bigInt({ min: 0n, max: 2n ** 64n })
  const oids = fc
    .tuple(fc.constantFrom(0n, 1n, 2n), arc, fc.array(arc, { maxLength: 4 }))
    .map(([first, second, rest]) => [first, first === 2n ? second : second % 40n, ...rest].join('.'))
  fc.assert(
    fc.property(oids, (oid) => {
      const der = derObjectIdentifier(oid)
      const cursor = new DerCursor(der)
      const start = cursor.objectIdentifier('oid')
      expect(readOid(der, start, cursor.offset)).toBe(oid)
    }),
  )
})

test('a value of several parts holds them one after the other', () => {
  expect(toHex(derValue(0xa0, hex('0101ff'), hex(''), hex('0500')))).toBe('a0050101ff0500')
})
