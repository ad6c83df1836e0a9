import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ByteSlab } from '../../../src/internal/byte-slab.ts'

test('copies hold what was given, whatever comes before, after, and to the original', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 1500 }), { maxLength: 40 }), (all) => {
      const slab = new ByteSlab()
      const wanted = all.map((bytes) => bytes.slice())
      const copies = all.map((bytes) => slab.copy(bytes))
      for (const bytes of all) bytes.fill(0xff)
      expect(copies).toEqual(wanted)
    }),
  )
})

test('no copy keeps more than 4 KiB of its neighbours, and a long one none', () => {
  const slab = new ByteSlab()
  for (const length of [1, 500, 1024]) expect(slab.copy(new Uint8Array(length)).buffer.byteLength).toBe(4096)
  expect(slab.copy(new Uint8Array(1025)).buffer.byteLength).toBe(1025)
})
