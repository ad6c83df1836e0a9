import { inspect } from 'node:util'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { SealedToken } from '../../../../src/kubernetes/secrets/sealed-token.ts'
import { refusal } from '../support.ts'

const SECRET = 'Zm9v-a-token-of-the-relay'

test('no way of printing shows it', () => {
  const token = SealedToken.parse(SECRET)
  const shown = [
    inspect({ token }, { depth: 9, showHidden: true }),
    JSON.stringify({ token }),
    `${token}`,
    Object.keys(token).join(),
  ].join('\n')
  expect(shown).not.toContain(SECRET)
  expect(shown).toContain('[sealed token]')
  expect(token.reveal()).toBe(SECRET)
  expect(Object.isFrozen(token)).toBe(true)
})

test('it is kept to the last line end', () => {
  expect(SealedToken.parse(`${SECRET}\n`).reveal()).toBe(`${SECRET}\n`)
})

test('matches itself and nothing else', () => {
  const text = fc.string({ minLength: 1 }).filter((each) => each.trim() !== '' && !each.includes('\ufffd'))
  fc.assert(
    fc.property(text, text, (a, b) => {
      const token = SealedToken.parse(a)
      expect([token.matches(a), token.matches(b), token.matches(`${a}${b}`), token.matches('')]).toEqual([
        true,
        a === b,
        false,
        false,
      ])
      // Repeated, it is another one.
      expect(token.matches(a + a)).toBe(false)
    }),
  )
  expect(SealedToken.parse('a').matches(undefined as never)).toBe(false)
})

test('refuses what is none, and does not show it', () => {
  for (const text of ['', ' \n', 'x'.repeat(65_537), `${SECRET}\ufffd`]) {
    const { message } = refusal(() => SealedToken.parse(text), 'ERR_KUBERNETES_SECRET_DATA')
    expect(message).not.toContain(SECRET)
  }
  expect(() => SealedToken.parse(undefined as never)).toThrow(TypeError)
})
