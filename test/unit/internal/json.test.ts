import { describe, expect, test } from 'vitest'
import { MeshPkiError } from '../../../src/errors.ts'
import { readJson } from '../../../src/internal/json.ts'

function refusal(input: string | Uint8Array): MeshPkiError {
  try {
    readJson(input)
  } catch (error) {
    if (error instanceof MeshPkiError) return error
    throw error
  }
  throw new Error('it was read')
}

describe('reads', () => {
  test('integers to the last digit, other numbers as numbers', () => {
    expect(readJson('9223372036854775807')).toBe(9223372036854775807n)
    expect(readJson('-0')).toBe(0n)
    expect(readJson('1.5e3')).toBe(1500)
    expect(readJson('[1, 1.0, 1e0]')).toEqual([1n, 1, 1])
  })

  test('objects as maps in which no name is special', () => {
    const value = readJson('{"__proto__": {"polluted": true}, "constructor": 1, "": 2}')
    expect([...(value as Map<string, unknown>).keys()]).toEqual(['__proto__', 'constructor', ''])
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
  })

  test('every escape', () => {
    expect(readJson('"\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud83d\\ude00"')).toBe('"\\/\b\f\n\r\té😀')
  })

  test('UTF-8, and as deep as 32', () => {
    expect(readJson(new TextEncoder().encode('"é"'))).toBe('é')
    expect(() => readJson(`${'['.repeat(32)}${']'.repeat(32)}`)).not.toThrow()
  })
})

describe('refuses', () => {
  test.each([
    '',
    ' ',
    '{',
    '[1,]',
    '{"a":1,}',
    '{a:1}',
    "{'a':1}",
    '01',
    '+1',
    '.5',
    '1.',
    '1e',
    'NaN',
    'Infinity',
    'nul',
    'true false',
    '"a',
    '"\n"',
    '"\\x"',
    '"\\u12g4"',
    '"\\constructor"',
    '[1 2]',
    '{"a" 1}',
    '/* */ 1',
    '\u00a01',
  ])('%j', (text) => {
    expect(() => JSON.parse(text)).toThrow()
    expect(refusal(text).code).toBe('ERR_JSON_SYNTAX')
  })

  test('a member that stands twice, however it is spelt', () => {
    for (const text of ['{"a":1,"a":1}', '{"keys":[],"\\u006beys":[]}', '[{"b":{"c":1,"d":2,"c":3}}]'])
      expect(refusal(text).code).toBe('ERR_JSON_DUPLICATE_KEY')
    expect(refusal('{\n  "a": 1,\n  "a": 2\n}').message).toContain('line 3, column 3')
  })

  test('bytes that are not UTF-8, a mark of byte order inside, nesting and integers without bound', () => {
    expect(refusal(Uint8Array.of(0x22, 0xff, 0x22)).code).toBe('ERR_JSON_SYNTAX')
    expect(refusal(`${'['.repeat(33)}${']'.repeat(33)}`).code).toBe('ERR_JSON_LIMIT')
    expect(refusal('['.repeat(1_000_000)).code).toBe('ERR_JSON_LIMIT')
    expect(refusal('9'.repeat(65)).code).toBe('ERR_JSON_LIMIT')
  })

  test('without showing control characters', () => {
    expect(refusal('\u001b[2J').message).not.toContain('\u001b')
    expect(refusal('{"\\u202e":1,"\\u202e":2}').message).not.toContain('\u202e')
  })
})
