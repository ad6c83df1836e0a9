import { describe, expect, test } from 'vitest'
import type { RolloverJournal } from '../../src/rotation/index.ts'

/**
 * What every journal of a rollover must do. `make` answers drivers of one new, empty journal: each call of `open` is another
 * driver's view of it.
 */
export function describeJournal(
  name: string,
  make: () => Promise<{ readonly open: () => RolloverJournal }>,
): void {
  describe(`${name} keeps the contract of a journal`, () => {
    test('nobody has written: there is nothing', async () => {
      const { open } = await make()
      expect(await open().read()).toBeUndefined()
      expect(await open().replace('1', 'a')).toBe(false)
      expect(await open().read()).toBeUndefined()
    })

    test('the first write creates, the second of the kind does not', async () => {
      const { open } = await make()
      const [one, two] = [open(), open()]
      expect(await one.replace(undefined, 'a')).toBe(true)
      expect(await two.replace(undefined, 'b')).toBe(false)
      expect((await two.read())?.text).toBe('a')
    })

    test('a version is replaced once', async () => {
      const { open } = await make()
      const [one, two] = [open(), open()]
      await one.replace(undefined, 'a')
      const first = await two.read()
      expect(await one.replace(first?.version, 'b')).toBe(true)
      const second = await two.read()
      expect(second?.text).toBe('b')
      expect(second?.version).not.toBe(first?.version)
      expect(await two.replace(first?.version, 'c')).toBe(false)
      expect(await two.replace(undefined, 'c')).toBe(false)
      expect(await two.replace(second?.version, 'c')).toBe(true)
      expect((await one.read())?.text).toBe('c')
    })

    test('a version does not come back with a text that does', async () => {
      const { open } = await make()
      const journal = open()
      await journal.replace(undefined, 'a')
      const first = await journal.read()
      await journal.replace(first?.version, 'b')
      await journal.replace((await journal.read())?.version, 'a')
      expect((await journal.read())?.text).toBe('a')
      expect(await journal.replace(first?.version, 'c')).toBe(false)
    })

    test('reading changes nothing', async () => {
      const { open } = await make()
      await open().replace(undefined, 'a')
      expect(await open().read()).toEqual(await open().read())
    })

    test.each([
      ['create', undefined],
      ['replace', 'a'],
    ])('of writers that %s at the same time exactly one wins', async (_, first) => {
      const { open } = await make()
      if (first !== undefined) await open().replace(undefined, first)
      const version = (await open().read())?.version
      const texts = Array.from({ length: 8 }, (_, i) => `writer ${i}`)
      const won = await Promise.all(texts.map((text) => open().replace(version, text)))
      expect(won.filter((one) => one)).toHaveLength(1)
      expect((await open().read())?.text).toBe(texts[won.indexOf(true)])
    })

    test('texts survive as they are', async () => {
      const { open } = await make()
      const texts = ['', '{}\n', '\ufeffä\r\n\u0000\u2028🔑', 'x'.repeat(3_000_000)]
      for (const text of texts) {
        expect(await open().replace((await open().read())?.version, text)).toBe(true)
        const found = (await open().read())?.text
        expect(found?.length).toBe(text.length)
        expect(found === text).toBe(true)
      }
    })

    test('many writers in a row lose nothing', async () => {
      const { open } = await make()
      for (let i = 1; i <= 100; i++) {
        const journal = open()
        const found = await journal.read()
        expect(await journal.replace(found?.version, String(Number(found?.text ?? 0) + 1))).toBe(true)
      }
      expect((await open().read())?.text).toBe('100')
    })
  })
}
