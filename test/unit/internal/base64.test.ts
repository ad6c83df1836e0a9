import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeBase64, encodeBase64 } from '../../../src/internal/base64.ts'

const decoded = (text: string, blanks = false): string | object => {
  const result = decodeBase64(text, 0, text.length, blanks)
  return result instanceof Uint8Array ? Buffer.from(result).toString('latin1') : result
}

describe('test vectors (RFC 4648 §10)', () => {
  test.each([
    ['', ''],
    ['f', 'Zg=='],
    ['fo', 'Zm8='],
    ['foo', 'Zm9v'],
    ['foob', 'Zm9vYg=='],
    ['fooba', 'Zm9vYmE='],
    ['foobar', 'Zm9vYmFy'],
  ])('%j', (plain, base64) => {
    expect(encodeBase64(Buffer.from(plain))).toBe(base64)
    expect(decoded(base64)).toBe(plain)
  })
})

describe('faults (RFC 4648 §3)', () => {
  test.each([
    ['a character outside the alphabet (§3.3)', 'Zm9*', 'character', 3],
    ['the URL alphabet (§5)', 'Zm-_', 'character', 2],
    ['a letter above ASCII', 'Zm9\u00e9', 'character', 3],
    ['a letter above Latin-1 whose low byte is in the alphabet', 'Zm9\u0141', 'character', 3],
    ['one character over', 'Zm9vZ', 'length', 5],
    ['no padding (§3.2)', 'Zg', 'padding', 2],
    ['half of the padding', 'Zg=', 'padding', 2],
    ['too much padding', 'Zm8==', 'padding', 3],
    ['padding after a whole group', 'Zm9v=', 'padding', 4],
    ['padding alone', '====', 'padding', 0],
    ['text after the padding', 'Zg==Zg==', 'padding', 4],
    ['rubbish after the padding', 'Zg==*', 'character', 4],
    ['bits left over after one octet (§3.5)', 'Zh==', 'trailing-bits', 2],
    ['bits left over after two octets (§3.5)', 'Zm9=', 'trailing-bits', 3],
    ['a blank', 'Zm 9v', 'character', 2],
    ['a line end', 'Zm9v\n', 'character', 4],
    ['a blank after the padding', 'Zg== ', 'padding', 4],
  ])('%s', (_, text, reason, index) => {
    expect(decoded(text)).toEqual({ reason, index })
  })
  test('white space is passed over where it is allowed, nothing else is', () => {
    expect(decoded(' Z\tm\r\n9\vv\fZg=\n= ', true)).toBe('foof')
    expect(decoded('Zm\u00a09v', true)).toEqual({ reason: 'character', index: 2 })
    expect(decoded('Zm\u00859v', true)).toEqual({ reason: 'character', index: 2 })
    expect(decoded('Zm\u00009v', true)).toEqual({ reason: 'character', index: 2 })
  })
})

test('a range inside of a larger text is decoded, and faults are counted from the text', () => {
  expect(decodeBase64('--Zm9v--', 2, 6)).toEqual(new Uint8Array(Buffer.from('foo')))
  expect(decodeBase64('--Zm*v--', 2, 6)).toEqual({ reason: 'character', index: 4 })
})

test('both directions agree with Buffer', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      const text = Buffer.from(bytes).toString('base64')
      expect(encodeBase64(bytes)).toBe(text)
      expect(decodeBase64(text)).toEqual(new Uint8Array(bytes))
    }),
  )
})

test('a text is accepted exactly where encoding its bytes gives it back: there is one spelling', () => {
  const character = fc.constantFrom(...'AQgwZz09+/=-_ \n')
  fc.assert(
    fc.property(fc.string({ unit: character, maxLength: 12 }), (text) => {
      const result = decodeBase64(text)
      const canonical = Buffer.from(text, 'base64').toString('base64') === text
      expect(result instanceof Uint8Array).toBe(canonical)
    }),
    { numRuns: 2000 },
  )
})
