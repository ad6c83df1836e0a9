import { describe, expect, test } from 'vitest'
import {
  matchId,
  matchOneOf,
  matchPattern,
  matchTrustDomain,
  matchWhere,
  SpiffeId,
  SpiffePathPattern,
} from '../../../src/spiffe/index.ts'
import { thrownBy } from './reference.ts'

const id = (text: string) => SpiffeId.parse(text)
const cart = id('spiffe://td/ns/shop/sa/cart')

describe('matchers', () => {
  test('exactly one', () => {
    expect(matchId(cart).matches(cart)).toBe(true)
    expect(matchId(cart).matches(id('spiffe://td/ns/shop/sa/Cart'))).toBe(false)
    expect(matchId('spiffe://td').matches(cart)).toBe(false)
    expect(() => matchId('spiffe://TD/a')).toThrow()
  })

  test('one of several, and none of none', () => {
    const either = matchOneOf([cart, 'spiffe://td/a', matchTrustDomain('other')])
    expect(either.matches(id('spiffe://td/a'))).toBe(true)
    expect(either.matches(id('spiffe://other/x'))).toBe(true)
    expect(either.matches(id('spiffe://td/b'))).toBe(false)
    expect(String(either)).toContain('spiffe://td/ns/shop/sa/cart or spiffe://td/a or any identity')
    expect(matchOneOf([]).matches(cart)).toBe(false)
    expect(String(matchOneOf([]))).toBe('nobody')
    // @ts-expect-error an array is needed
    expect(() => matchOneOf(cart)).toThrow(TypeError)
  })

  test('a trust domain, and none whose name begins or ends alike', () => {
    const domain = matchTrustDomain('td')
    expect(domain.matches(cart)).toBe(true)
    for (const other of ['td2', '2td', 'td.td', 't'])
      expect(domain.matches(id(`spiffe://${other}/a`))).toBe(false)
  })

  test('a function, and only its true', () => {
    expect(matchWhere((one) => one.segments.length === 4, 'four segments').matches(cart)).toBe(true)
    // @ts-expect-error a promise counts as true for JavaScript, and must not let anybody in
    expect(matchWhere(async () => true, 'later').matches(cart)).toBe(false)
    // @ts-expect-error so does any text
    expect(matchWhere(() => 'yes', 'text').matches(cart)).toBe(false)
    // Also one matcher inside of another.
    const later = { matches: async () => false, toString: () => 'later' } as never
    expect(matchOneOf([later]).matches(cart)).toBe(false)
    expect(matchOneOf([matchOneOf([later])]).matches(cart)).toBe(false)
    // @ts-expect-error a description is for messages
    expect(() => matchWhere(() => true)).toThrow('description')
  })
})

describe('path patterns', () => {
  test.each([
    ['spiffe://td/ns/shop/sa/cart', 'spiffe://td/ns/shop/sa/cart'],
    ['spiffe://td/ns/*/sa/*', 'spiffe://td/ns/shop/sa/cart'],
    ['spiffe://td/ns/shop/sa/c*t', 'spiffe://td/ns/shop/sa/cart'],
    ['spiffe://td/ns/shop/sa/cart*', 'spiffe://td/ns/shop/sa/cart'],
    ['spiffe://td/ns/shop/sa/*a*r*', 'spiffe://td/ns/shop/sa/cart'],
    ['spiffe://td/**', 'spiffe://td/ns/shop/sa/cart'],
    ['spiffe://td/ns/**/cart', 'spiffe://td/ns/shop/sa/cart'],
    ['spiffe://td/**/sa/**', 'spiffe://td/ns/shop/sa/cart'],
    ['spiffe://td/*', 'spiffe://td/a'],
    ['spiffe://td', 'spiffe://td'],
    ['spiffe://td/a/**/b/**/c', 'spiffe://td/a/b/b/b/c'],
  ])('%s matches %s', (pattern, text) => {
    expect(matchPattern(pattern).matches(id(text))).toBe(true)
  })

  test.each([
    ['spiffe://td/ns/*/sa/*', 'spiffe://td/ns/shop/prod/sa/cart'],
    ['spiffe://td/ns/*/sa/*', 'spiffe://other/ns/shop/sa/cart'],
    ['spiffe://td/ns/shop/sa/*', 'spiffe://td/ns/shop/sa/cart/admin'],
    ['spiffe://td/ns/shop/sa/*', 'spiffe://td/ns/shop/sa'],
    ['spiffe://td/ns/**', 'spiffe://td/ns'],
    ['spiffe://td/**', 'spiffe://td'],
    ['spiffe://td/a/**/b', 'spiffe://td/a/b'],
    ['spiffe://td/c*t', 'spiffe://td/cart/t'],
    ['spiffe://td/CART', 'spiffe://td/cart'],
    ['spiffe://td', 'spiffe://td/a'],
    ['spiffe://td/a', 'spiffe://td'],
    ['spiffe://td/a.c', 'spiffe://td/abc'],
  ])('%s does not match %s', (pattern, text) => {
    expect(matchPattern(pattern).matches(id(text))).toBe(false)
  })

  test.each([
    ['spiffe://*/a', 'trust-domain-character', 10],
    ['spiffe://t*/a', 'trust-domain-character', 11],
    ['spiffe://TD/a', 'trust-domain-character', 10],
    ['spiffe:///a', 'trust-domain-missing', 10],
    ['td/a', 'scheme', 1],
    ['spiffe://td/', 'path-empty-segment', 13],
    ['spiffe://td//a', 'path-empty-segment', 13],
    ['spiffe://td/..', 'path-dot-segment', 13],
    ['spiffe://td/a?', 'path-character', 14],
    ['spiffe://td/[ab]', 'path-character', 13],
    ['spiffe://td/a**', 'path-character', 14],
    ['spiffe://td/***', 'path-character', 13],
    [`spiffe://td/${'a'.repeat(2048)}`, 'length', 2049],
  ])('%s is refused: %s at %i', (pattern, reason, position) => {
    expect(thrownBy(() => SpiffePathPattern.parse(pattern))).toMatchObject({
      code: 'ERR_SPIFFE_PATTERN',
      data: { reason, position },
    })
  })

  test('stars without end take no time without end', () => {
    const pattern = SpiffePathPattern.parse(`spiffe://td/${'*a'.repeat(500)}b`)
    expect(pattern.matches(id(`spiffe://td/${'a'.repeat(1500)}`))).toBe(false)
    const deep = SpiffePathPattern.parse(`spiffe://td/${'**/a/'.repeat(200)}b`)
    expect(deep.matches(id(`spiffe://td/${'a/'.repeat(900)}a`))).toBe(false)
    expect(JSON.stringify(deep)).toBe(JSON.stringify(String(deep)))
  })
})
