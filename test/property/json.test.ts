import fc from 'fast-check'
import { expect, test } from 'vitest'
import { MeshPkiError } from '../../src/errors.ts'
import { type JsonValue, readJson } from '../../src/internal/json.ts'

/** What `JSON.parse` would have made of it; an integer has no negative zero. */
function plain(value: JsonValue): unknown {
  if (value === 0) return 0
  if (typeof value === 'bigint') return Number(value)
  if (Array.isArray(value)) return value.map(plain)
  if (value instanceof Map) {
    const object: Record<string, unknown> = Object.create(null)
    for (const [name, member] of value) object[name] = plain(member)
    return object
  }
  return value
}

const NULL_PROTOTYPE = (_: string, value: unknown): unknown =>
  value === 0
    ? 0
    : typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.assign(Object.create(null), value)
      : value

test('what JSON.stringify writes is read to the same values', () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 6 }), (text) => {
      expect(plain(readJson(text))).toEqual(JSON.parse(text, NULL_PROTOTYPE))
      expect(plain(readJson(new TextEncoder().encode(text)))).toEqual(JSON.parse(text, NULL_PROTOTYPE))
    }),
    { numRuns: 1000 },
  )
})

test('a mutated text is read like JSON.parse reads it, or refused by both, but for members that stand twice', () => {
  const mutated = fc
    .tuple(
      fc.json({ maxDepth: 3 }),
      fc.nat(),
      fc.constantFrom('', '"', '{', '}', '[', ']', ',', ':', '\\', '0', ' ', 'e', '-'),
    )
    .map(([text, at, char]) => {
      const index = at % (text.length + 1)
      return text.slice(0, index) + char + text.slice(index + (char === '' ? 1 : 0))
    })
  fc.assert(
    fc.property(mutated, (text) => {
      let expected: unknown
      let refused = false
      try {
        expected = JSON.parse(text, NULL_PROTOTYPE)
      } catch {
        refused = true
      }
      try {
        const value = readJson(text)
        expect(refused).toBe(false)
        expect(plain(value)).toEqual(expected)
      } catch (error) {
        if (!(error instanceof MeshPkiError)) throw error
        if (error.code === 'ERR_JSON_SYNTAX') expect(refused).toBe(true)
        else expect(['ERR_JSON_DUPLICATE_KEY', 'ERR_JSON_LIMIT']).toContain(error.code)
      }
    }),
    { numRuns: 5000, examples: [['-0'], ['[-0.0]'], ['{"a":-0e5}']] },
  )
})
