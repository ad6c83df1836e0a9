import fc from 'fast-check'
import { expect, test } from 'vitest'
import { concatBytes, equalBytes, equalRange, fromHex, latin1, toHex } from '../../../src/internal/bytes.ts'
import { currentTime } from '../../../src/internal/clock.ts'
import { ecdsaFromDer, ecdsaToDer } from '../../../src/internal/ecdsa-signature.ts'
import { hex } from '../../fixtures/x509/der.ts'

test('hex agrees with Buffer in both directions', () => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      const text = Buffer.from(bytes).toString('hex')
      expect(toHex(bytes)).toBe(text)
      expect(fromHex(text.toUpperCase())).toEqual(new Uint8Array(bytes))
    }),
  )
  expect(toHex(hex('00aabbff'), 1, 3)).toBe('aabb')
})

test.each(['a', 'abc', 'zz', '0x', ' a', '1 2'])('%j is not hex', (text) =>
  expect(fromHex(text)).toBeUndefined(),
)

test('joining and comparing', () => {
  expect(concatBytes([hex('01'), hex(''), hex('0203')])).toEqual(hex('010203'))
  expect(equalBytes(hex('0102'), hex('0102'))).toBe(true)
  expect(equalBytes(hex('0102'), hex('0103'))).toBe(false)
  expect(equalBytes(hex('0102'), hex('010200'))).toBe(false)
  expect(equalRange(hex('000102'), 1, 3, hex('0102ff'), 0, 2)).toBe(true)
  expect(equalRange(hex('000102'), 1, 3, hex('0103ff'), 0, 2)).toBe(false)
})

test.each([0, 1, 4096, 4097, 10_000])('Latin-1 of %i bytes agrees with Buffer', (length) => {
  const bytes = Uint8Array.from({ length }, (_, i) => i % 256)
  expect(latin1(bytes, 0, length)).toBe(Buffer.from(bytes).toString('latin1'))
})

test('an ECDSA signature as DER (RFC 3279 §2.2.3) and as r || s', () => {
  expect(ecdsaToDer(hex('0080 0001'))).toEqual(hex('3007 02020080 020101'))
  expect(ecdsaFromDer(hex('3007 02020080 020101'), 2)).toEqual(hex('0080 0001'))
  expect(ecdsaFromDer(hex('3006 020100 020100'), 2)).toEqual(hex('0000 0000'))
})

test.each([
  ['a negative number', '3006 020180 020101'],
  ['a number that does not fit', '3009 0204 7f000001 020101'],
  ['a number that is not minimal', '3007 02020001 020101'],
  ['a third number', '3009 020101 020101 020101'],
  ['one number', '3003 020101'],
  ['bytes after it', '3006 020101 020101 00'],
  ['a BER length', '308106 020101 020101'],
  ['nothing', ''],
])('an ECDSA signature with %s is refused', (_, der) => {
  expect(ecdsaFromDer(hex(der), 2)).toBeUndefined()
})

test('a clock is read in whole seconds, and a broken one is named', () => {
  expect(currentTime({ now: () => new Date(1999) })).toBe(1000)
  expect(() => currentTime({ now: () => new Date(Number.NaN) })).toThrow(/"clock"/)
})
