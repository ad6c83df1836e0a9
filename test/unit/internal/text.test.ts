import fc from 'fast-check'
import { expect, test } from 'vitest'
import { escapeText, quote } from '../../../src/internal/text.ts'

test.each([
  ['NUL', '\0', '\\u{0}'],
  ['an ANSI escape', '\u001b[31m', '\\u{1b}[31m'],
  ['DEL', '\u007f', '\\u{7f}'],
  ['a C1 control (CSI)', '\u009b', '\\u{9b}'],
  ['line ends', '\r\n', '\\u{d}\\u{a}'],
  ['line and paragraph separators', '\u2028\u2029', '\\u{2028}\\u{2029}'],
  ['a right-to-left override (UAX #9)', '\u202e', '\\u{202e}'],
  ['isolates', '\u2066\u2069', '\\u{2066}\\u{2069}'],
  ['the Arabic letter mark', '\u061c', '\\u{61c}'],
  ['a zero-width space', '\u200b', '\\u{200b}'],
  ['a byte order mark', '\ufeff', '\\u{feff}'],
  ['a tag character', '\u{e0041}', '\\u{e0041}'],
  ['a lone surrogate', 'a\ud800b', 'a\\u{d800}b'],
])('%s is escaped', (_, text, escaped) => expect(escapeText(text)).toBe(escaped))

test('ordinary text, also beyond ASCII, stays as it is', () => {
  expect(escapeText('Straße café 北京 😀 "x"')).toBe('Straße café 北京 😀 "x"')
})

test('text is cut at 256 characters, and a pair that the cut halves is escaped', () => {
  expect(escapeText('a'.repeat(256))).toBe('a'.repeat(256))
  expect(escapeText('a'.repeat(257))).toBe(`${'a'.repeat(256)}…`)
  expect(escapeText(`${'a'.repeat(255)}😀`)).toBe(`${'a'.repeat(255)}\\u{d83d}…`)
})

test('a quote cannot be closed from inside', () => {
  expect(quote('a"b\\c')).toBe('"a\\"b\\\\c"')
  expect(quote('')).toBe('""')
})

test('no text puts a control or bidirectional character into the answer', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => {
      expect(quote(text)).not.toMatch(
        /[\p{Cc}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]|\p{Cs}/u,
      )
    }),
  )
})
