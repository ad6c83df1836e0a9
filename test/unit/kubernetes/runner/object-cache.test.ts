import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { keyOf, nameOfKey, ObjectCache } from '../../../../src/kubernetes/runner/object-cache.ts'

const object = (name: string, uid: string, resourceVersion: string) => ({
  metadata: { namespace: 'n', name, uid, resourceVersion },
})

describe('an object cache', () => {
  test('tells additions, updates and deletions once each', () => {
    const cache = new ObjectCache()
    expect(cache.see(object('a', 'u1', '1'))).toEqual([{ type: 'added', object: object('a', 'u1', '1') }])
    expect(cache.see(object('a', 'u1', '1'))).toEqual([])
    expect(cache.see(object('a', 'u1', '2'))).toMatchObject([
      { type: 'updated', previous: object('a', 'u1', '1') },
    ])
    expect(cache.drop(object('a', 'u1', '3'))).toEqual([{ type: 'deleted', object: object('a', 'u1', '3') }])
    expect(cache.drop(object('a', 'u1', '3'))).toEqual([])
  })

  test('takes an object of another UID for another object', () => {
    const cache = new ObjectCache()
    cache.see(object('a', 'u1', '1'))
    expect(cache.see(object('a', 'u2', '9')).map(({ type }) => type)).toEqual(['deleted', 'added'])
    expect(cache.drop(object('a', 'u1', '2'))).toEqual([])
    expect(cache.get('n/a')?.metadata.uid).toBe('u2')
  })

  test('what it tells leads to what it has, whatever was listed and seen', () => {
    const anyObject = fc
      .tuple(fc.constantFrom('a', 'b', 'c'), fc.constantFrom('u1', 'u2'), fc.integer({ min: 1, max: 9 }))
      .map(([name, uid, version]) => object(name, uid, String(version)))
    const steps = fc.array(
      fc.oneof(
        fc.record({ do: fc.constant('see' as const), object: anyObject }),
        fc.record({ do: fc.constant('drop' as const), object: anyObject }),
        fc.record({
          do: fc.constant('list' as const),
          objects: fc.uniqueArray(anyObject, { selector: keyOf, maxLength: 3 }),
        }),
      ),
      { maxLength: 30 },
    )
    fc.assert(
      fc.property(steps, (taken) => {
        const cache = new ObjectCache()
        const told = new Map<string, unknown>()
        for (const step of taken) {
          const changes =
            step.do === 'list'
              ? cache.replaceAll(step.objects)
              : step.do === 'see'
                ? cache.see(step.object)
                : cache.drop(step.object)
          for (const { type, object } of changes) {
            const key = keyOf(object)
            // A listener that only follows what it is told never meets a contradiction.
            expect(told.has(key)).toBe(type !== 'added')
            if (type === 'deleted') told.delete(key)
            else told.set(key, object)
          }
          if (step.do === 'list') expect(new Set(cache.objects())).toEqual(new Set(step.objects))
        }
        expect(new Set(told.values())).toEqual(new Set(cache.objects()))
      }),
      { numRuns: 300 },
    )
  })

  test('keys name a namespace where there is one', () => {
    expect(keyOf({ metadata: { name: 'x' } })).toBe('x')
    expect(nameOfKey('n/x')).toEqual({ namespace: 'n', name: 'x' })
    expect(nameOfKey('x')).toEqual({ name: 'x' })
  })
})
