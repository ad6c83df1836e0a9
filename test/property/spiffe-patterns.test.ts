import fc from 'fast-check'
import { expect, test } from 'vitest'
import { SpiffeId, SpiffePathPattern } from '../../src/spiffe/index.ts'

/** Few letters, so that patterns match often. */
const segment = fc
  .string({ unit: fc.constantFrom('a', 'b', '.'), minLength: 1, maxLength: 4 })
  .filter((text) => !/^\.\.?$/.test(text))
const glob = fc.oneof(
  segment,
  fc.constantFrom('*', '**'),
  fc
    .string({ unit: fc.constantFrom('a', 'b', '*'), minLength: 1, maxLength: 5 })
    .filter((text) => !text.includes('**')),
)

/** The same as a regular expression, which backtracks through everything. */
function reference(pattern: string): RegExp {
  const parts = pattern.split('/').map((part) => {
    if (part === '**') return '[^/]+(?:/[^/]+)*'
    return part.replaceAll('.', '\\.').replaceAll('*', '[^/]*')
  })
  return new RegExp(`^${parts.join('/')}$`)
}

test('patterns match what a regular expression of the same meaning matches', () => {
  let matched = 0
  fc.assert(
    fc.property(
      fc.array(glob, { minLength: 1, maxLength: 5 }),
      fc.array(segment, { minLength: 1, maxLength: 6 }),
      (globs, segments) => {
        const pattern = SpiffePathPattern.parse(`spiffe://td/${globs.join('/')}`)
        const expected = reference(globs.join('/')).test(segments.join('/'))
        if (expected) matched++
        expect(pattern.matches(SpiffeId.of('td', ...segments))).toBe(expected)
        expect(pattern.matches(SpiffeId.of('other', ...segments))).toBe(false)
      },
    ),
    { numRuns: 5000 },
  )
  expect(matched).toBeGreaterThan(100)
})

test('ids are in one order, that of trust domain and then path, and join adds segments', () => {
  const id = fc.tuple(fc.constantFrom('a', 'a-b', 'a.b', 'b'), fc.array(segment, { maxLength: 3 }))
  fc.assert(
    fc.property(fc.array(id, { maxLength: 12 }), (parts) => {
      const ids = parts.map(([domain, segments]) => SpiffeId.of(domain, ...segments))
      const sorted = [...ids].sort(SpiffeId.compare)
      for (const [i, one] of sorted.entries()) {
        const next = sorted[i + 1]
        if (next === undefined) continue
        expect(SpiffeId.compare(one, next)).toBeLessThanOrEqual(0)
        expect(SpiffeId.compare(next, one)).toBe(one.equals(next) ? 0 : 1)
        expect(one.trustDomain.name <= next.trustDomain.name).toBe(true)
      }
      for (const [domain, segments] of parts)
        expect(String(SpiffeId.of(domain).join(...segments))).toBe(String(SpiffeId.of(domain, ...segments)))
    }),
  )
})
