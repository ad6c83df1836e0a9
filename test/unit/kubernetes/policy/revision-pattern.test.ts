import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { compileRevision } from '../../../../src/kubernetes/policy/revision-pattern.ts'

describe('patterns', () => {
  test.each<[string, readonly string[], readonly string[]]>([
    ['1-26', ['1-26'], ['1-2', '1-261', 'x1-26']],
    ['1-2.*', ['1-2', '1-26', '1-26-2'], ['1-1']],
    ['1-2\\d', ['1-20', '1-29'], ['1-2', '1-2x']],
    ['1-2[5-7]', ['1-25', '1-27'], ['1-24', '1-28']],
    ['[^a-z]+', ['1-26'], ['stable', '']],
    ['stable|canary-?\\d*', ['stable', 'canary', 'canary-1', 'canary12'], ['canary-x', 'stables']],
    ['^1-26$', ['1-26'], ['^1-26$']],
    ['a\\.b', ['a.b'], ['axb']],
    ['a?b+', ['b', 'ab', 'abbb'], ['a', 'aab']],
    ['', [''], ['x']],
  ])('%s', (pattern, matching, others) => {
    const matches = compileRevision(pattern)
    for (const text of matching) expect([text, matches?.(text)]).toEqual([text, true])
    for (const text of others) expect([text, matches?.(text)]).toEqual([text, false])
  })

  test.each([
    '(a)',
    'a{2}',
    'a**',
    'a+?',
    '[',
    '[]',
    '[z-a]',
    '[\\d]',
    '\\w',
    '\\',
    '*a',
    'a|*',
    'a^b',
    'x'.repeat(254),
  ])('%s is not read', (pattern) => {
    expect(compileRevision(pattern)).toBeUndefined()
  })
})

test('as the engine of JavaScript says, where both read it', () => {
  const piece = fc.constantFrom('a', '1', '-', '.', '\\d', '[a-c]', '[^1]', '\\.')
  const quantified = fc.tuple(piece, fc.constantFrom('', '*', '+', '?')).map((parts) => parts.join(''))
  const branch = fc.array(quantified, { maxLength: 6 }).map((parts) => parts.join(''))
  const pattern = fc.array(branch, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('|'))
  const text = fc.string({ unit: fc.constantFrom('a', 'b', '1', '-', '.'), maxLength: 8 })
  fc.assert(
    fc.property(pattern, text, (pattern, text) => {
      const matches = compileRevision(pattern)
      expect([pattern, text, matches?.(text)]).toEqual([
        pattern,
        text,
        new RegExp(`^(?:${pattern})$`, 's').test(text),
      ])
    }),
    { numRuns: 2000 },
  )
})

test('the work is bounded by pattern times text, whatever the pattern', () => {
  const pattern = 'a*'.repeat(126)
  let asked = 0
  const counting = {
    get length() {
      return 253
    },
    charCodeAt() {
      asked++
      return 0x61
    },
  }
  expect(compileRevision(pattern)?.(counting as never)).toBe(true)
  // Each character is looked at once; a backtracking engine would never end on "aaa…b".
  expect(asked).toBe(253)
  expect(compileRevision(`${pattern}b`)?.('a'.repeat(253))).toBe(false)
})
