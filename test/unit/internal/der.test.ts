import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { MeshPkiError } from '../../../src/errors.ts'
import { contextPrimitive, DerCursor, Tag, tagName } from '../../../src/internal/der.ts'
import { hex, tlv } from '../../fixtures/x509/der.ts'
import { codeOf, refusalOf } from '../../fixtures/x509/refusal.ts'

/** Calls with a cursor over the bytes; the call must leave it at their end. */
function read<T>(bytes: string | Uint8Array, use: (cursor: DerCursor) => T): T {
  const cursor = new DerCursor(typeof bytes === 'string' ? hex(bytes) : bytes)
  const value = use(cursor)
  expect(cursor.atEnd).toBe(true)
  return value
}

describe('lengths (X.690 §8.1.3, §10.1)', () => {
  const skip = (cursor: DerCursor) => cursor.skip(Tag.OCTET_STRING, 'field')
  test.each([
    ['short form, empty', '0400'],
    ['short form, one octet', '0401aa'],
    ['short form at its largest', `047f${'00'.repeat(127)}`],
    ['one length octet at its smallest', `048180${'00'.repeat(128)}`],
    ['one length octet at its largest', `0481ff${'00'.repeat(255)}`],
    ['two length octets at their smallest', `04820100${'00'.repeat(256)}`],
    ['three length octets at their smallest', `0483010000${'00'.repeat(65536)}`],
  ])('%s is read', (_, bytes) => read(bytes, skip))

  test.each([
    ['indefinite', '04800000', 'ERR_DER_ENCODING'],
    ['one octet where the short form holds it', `04817f${'00'.repeat(127)}`, 'ERR_DER_ENCODING'],
    ['zero in the long form', '048100', 'ERR_DER_ENCODING'],
    ['two octets where one holds it', `048200ff${'00'.repeat(255)}`, 'ERR_DER_ENCODING'],
    ['two octets where the short form holds it', '0482000100', 'ERR_DER_ENCODING'],
    ['three octets where two hold it', `0483000100${'00'.repeat(256)}`, 'ERR_DER_ENCODING'],
    ['four octets where three hold it', `0484000100 00${'00'.repeat(16)}`, 'ERR_DER_ENCODING'],
    ['five octets', '0485000000000100', 'ERR_DER_ENCODING'],
    ['the reserved FF', `04ff${'00'.repeat(127)}`, 'ERR_DER_ENCODING'],
    ['four octets that say almost 4 GiB', '0484fffffffe00', 'ERR_DER_TRUNCATED'],
    ['one octet more than there is', '040200', 'ERR_DER_TRUNCATED'],
    ['no length at all', '04', 'ERR_DER_TRUNCATED'],
    ['length octets cut off', '0482ff', 'ERR_DER_TRUNCATED'],
    ['nothing', '', 'ERR_DER_TRUNCATED'],
  ])('%s is refused', (_, bytes, code) => {
    expect(codeOf(() => read(bytes, skip))).toBe(code)
  })

  test('a value must not reach over the end of the one around it', () => {
    const cursor = new DerCursor(hex('3003 0402aabb'))
    cursor.enter(Tag.SEQUENCE, 'outer')
    expect(codeOf(() => cursor.skip(Tag.OCTET_STRING, 'inner'))).toBe('ERR_DER_TRUNCATED')
  })

  test('what is left in a value is trailing data', () => {
    const cursor = new DerCursor(hex('3006 0401aa 0401bb'))
    const outer = cursor.enter(Tag.SEQUENCE, 'outer')
    cursor.skip(Tag.OCTET_STRING, 'inner')
    const error = refusalOf(() => cursor.leave(outer, 'outer'))
    expect(error.code).toBe('ERR_DER_TRAILING_DATA')
    expect(error.data).toEqual({ field: 'outer', offset: 5 })
    expect(error.message).toContain('3 bytes')
  })
})

describe('INTEGER (X.690 §8.3)', () => {
  test.each(['020100', '02017f', '020180', '02020080', '0202ff7f', '02020100', '0209008000000000000000'])(
    '%s is read',
    (bytes) => expect(read(bytes, (cursor) => cursor.integer('n'))).toBe(2),
  )
  test.each([
    ['no content', '0200'],
    ['a leading 00 before a clear bit', '0202007f'],
    ['a leading 00 before zero', '02020000'],
    ['a leading FF before a set bit', '0202ff80'],
    ['minus one in two octets', '0202ffff'],
  ])('%s is refused', (_, bytes) => {
    expect(codeOf(() => read(bytes, (cursor) => cursor.integer('n')))).toBe('ERR_DER_ENCODING')
  })

  test.each([
    ['020100', 0],
    ['02017f', 127],
    ['02020080', 128],
    ['02047fffffff', 2_147_483_647],
  ])('%s as a small number', (bytes, value) => {
    expect(read(bytes, (cursor) => cursor.smallInteger('n'))).toBe(value)
  })
  test.each([
    ['negative', '0201ff', 'ERR_DER_VALUE'],
    ['2^31', '02050080000000', 'ERR_DER_LIMIT'],
    ['2^32', '02050100000000', 'ERR_DER_LIMIT'],
    ['not minimal', '02020001', 'ERR_DER_ENCODING'],
  ])('a small number that is %s is refused', (_, bytes, code) => {
    expect(codeOf(() => read(bytes, (cursor) => cursor.smallInteger('n')))).toBe(code)
  })
})

describe('BOOLEAN (X.690 §8.2, §11.1)', () => {
  test('FF and 00', () => {
    expect(read('0101ff', (cursor) => cursor.boolean('b'))).toBe(true)
    expect(read('010100', (cursor) => cursor.boolean('b'))).toBe(false)
  })
  test.each(['010101', '01017f', '0101fe', '0100', '0102ffff'])('%s is refused', (bytes) => {
    expect(codeOf(() => read(bytes, (cursor) => cursor.boolean('b')))).toBe('ERR_DER_ENCODING')
  })
})

describe('BIT STRING (X.690 §8.6, §11.2)', () => {
  test.each(['030100', '030200ff', '030207 80', '030304 ff f0'])('%s is read', (bytes) => {
    expect(read(bytes, (cursor) => cursor.bitString('b'))).toBe(3)
  })
  test.each([
    ['no count of unused bits', '0300'],
    ['eight unused bits', '03020800'],
    ['unused bits of nothing', '030101'],
    ['a padding bit that is set', '03020181'],
    ['seven padding bits, the lowest set', '03020781'],
  ])('%s is refused', (_, bytes) => {
    expect(codeOf(() => read(bytes, (cursor) => cursor.bitString('b')))).toBe('ERR_DER_ENCODING')
  })
  test('where whole octets are due, four bits are refused', () => {
    expect(read('030200f0', (cursor) => cursor.octetAlignedBitString('b'))).toBe(3)
    expect(codeOf(() => read('030204f0', (cursor) => cursor.octetAlignedBitString('b')))).toBe(
      'ERR_DER_VALUE',
    )
  })

  test.each([
    ['bit 0', '03020780', 1],
    ['bits 5 and 6', '03020106', 0b110_0000],
    ['bit 8', '0303070080', 256],
    ['none', '030100', 0],
  ])('named bits: %s', (_, bytes, flags) => {
    expect(read(bytes, (cursor) => cursor.namedBits('b', 9))).toBe(flags)
  })
  test.each([
    ['a trailing zero bit (X.690 §11.2.2)', '03020680', 'ERR_DER_ENCODING'],
    ['a trailing zero octet', '03030080 00', 'ERR_DER_ENCODING'],
    ['a bit beyond the last named one', '0303060040', 'ERR_DER_VALUE'],
    ['many bits beyond', `030500000000 01`, 'ERR_DER_VALUE'],
  ])('named bits with %s are refused', (_, bytes, code) => {
    expect(codeOf(() => read(bytes, (cursor) => cursor.namedBits('b', 9)))).toBe(code)
  })
  test('trailing zero bits pass when they are allowed, set bits beyond the last name do not', () => {
    const lenient = (cursor: DerCursor) => cursor.namedBits('b', 9, Tag.BIT_STRING, true)
    expect(read('03020080', lenient)).toBe(1)
    expect(read('0303008000', lenient)).toBe(1)
    expect(codeOf(() => read('0303008001', lenient))).toBe('ERR_DER_VALUE')
    expect(codeOf(() => read('030400800000', lenient))).toBe('ERR_DER_VALUE')
  })
})

describe('OBJECT IDENTIFIER (X.690 §8.19)', () => {
  test.each(['0603550403', '0601 00', `0640${'01'.repeat(64)}`, '06028837'])('%s is read', (bytes) => {
    expect(read(bytes, (cursor) => cursor.objectIdentifier('o'))).toBe(2)
  })
  test.each([
    ['empty', '0600', 'ERR_DER_ENCODING'],
    ['an arc that does not end', '06025583', 'ERR_DER_ENCODING'],
    ['an arc with a leading 80', '0603 55 8004', 'ERR_DER_ENCODING'],
    ['a first arc with a leading 80', '0602 8001', 'ERR_DER_ENCODING'],
    ['65 octets', `0641${'01'.repeat(65)}`, 'ERR_DER_LIMIT'],
  ])('%s is refused', (_, bytes, code) => {
    expect(codeOf(() => read(bytes, (cursor) => cursor.objectIdentifier('o')))).toBe(code)
  })
})

describe('any value', () => {
  const skipAny = (cursor: DerCursor) => cursor.skipAny('any')
  test.each([
    '0500',
    '3000',
    '3006 020101 0101ff',
    'a003020101',
    '0c03e282ac',
    '8000',
    '3002 3000',
    '1e020041',
    '1c0400000041',
  ])('%s is passed over', (bytes) => read(bytes, skipAny))
  test.each([
    ['NULL with content (X.690 §8.8.2)', '050100'],
    ['an end of contents (X.690 §8.1.5)', '0000'],
    ['a tag number above 30', '1f8101 00'],
    ['a context tag number above 30', 'bf2100'],
    ['a primitive SEQUENCE (X.690 §8.9.1)', '1000'],
    ['a primitive SET', '1100'],
    ['a constructed OCTET STRING (X.690 §10.2)', '2403 0401aa'],
    ['a constructed UTF8String (X.690 §10.2)', '2c03 0c0141'],
    ['a constructed BIT STRING (X.690 §10.2)', '2304 03020041'],
    ['a constructed INTEGER (X.690 §8.3.1)', '2203 020101'],
    ['a constructed BOOLEAN (X.690 §8.2.1)', '2103 0101ff'],
    ['a constructed NULL (X.690 §8.8.1)', '2500'],
    ['a constructed tag 0', '2000'],
    ['a BMPString of one octet (X.690 §8.23.8)', '1e0141'],
    ['a UniversalString of six octets (X.690 §8.23.7)', '1c06000000410000'],
    ['a nested INTEGER that is not minimal', '3004 02020001'],
    ['a nested indefinite length', '3004 30800000'],
    ['a nested BOOLEAN of 01', '3003 010101'],
  ])('%s is refused', (_, bytes) => {
    expect(codeOf(() => read(bytes, skipAny))).toBe('ERR_DER_ENCODING')
  })
  test('nothing is refused as truncated', () => {
    expect(codeOf(() => read('', skipAny))).toBe('ERR_DER_TRUNCATED')
  })
  test('nesting is bounded: 17 levels pass, 18 do not', () => {
    const nest = (levels: number) => {
      let value = hex('3000')
      for (let i = 1; i < levels; i++) value = tlv(0x30, value)
      return value
    }
    read(nest(17), skipAny)
    expect(codeOf(() => read(nest(18), skipAny))).toBe('ERR_DER_LIMIT')
    expect(codeOf(() => read(nest(50_000), skipAny))).toBe('ERR_DER_LIMIT')
  })
})

test('another tag than the one that is due is refused by both names', () => {
  const error = refusalOf(() => read('0401aa', (cursor) => cursor.integer('serial')))
  expect(error.code).toBe('ERR_DER_UNEXPECTED_TAG')
  expect(error.message).toContain('serial at byte 0: expected INTEGER, found OCTET STRING')
})

test.each([
  [0x30, 'SEQUENCE'],
  [0xa3, '[3]'],
  [contextPrimitive(2), '[2]'],
  [0x2f, 'tag 0x2f'],
])('tag %i is called %s', (tag, name) => expect(tagName(tag)).toBe(name))

test('any bytes are passed over or refused as MeshPkiError, and a value that passes is followed by its end', () => {
  const calls: readonly ((cursor: DerCursor) => unknown)[] = [
    (cursor) => cursor.skipAny('x'),
    (cursor) => cursor.integer('x', cursor.peek()),
    (cursor) => cursor.smallInteger('x', cursor.peek()),
    (cursor) => cursor.namedBits('x', 9, cursor.peek()),
    (cursor) => cursor.objectIdentifier('x', cursor.peek()),
    (cursor) => cursor.octetString('x', cursor.peek()),
    (cursor) => cursor.enter(cursor.peek(), 'x'),
  ]
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), fc.constantFrom(...calls), (bytes, call) => {
      const cursor = new DerCursor(bytes)
      try {
        call(cursor)
      } catch (error) {
        expect(error).toBeInstanceOf(MeshPkiError)
        return
      }
      expect(cursor.offset).toBeGreaterThan(0)
      expect(cursor.offset).toBeLessThanOrEqual(bytes.length)
    }),
    { numRuns: 3000 },
  )
})
