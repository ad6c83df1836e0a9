import { describe, expect, test } from 'vitest'
import { MeshPkiError } from '../../../src/errors.ts'
import { parseIstioIdentity, SpiffeId } from '../../../src/spiffe/index.ts'
import { istioReads, thrownBy } from './reference.ts'

/** Input, what Istio's ParseIdentity takes out of it, why go-spiffe refuses it (`undefined`: it does not). */
const vectors: readonly (readonly [
  string,
  readonly [string, string, string] | undefined,
  string | undefined,
])[] = [
  ['spiffe://cluster.local/ns/foo/sa/bar', ['cluster.local', 'foo', 'bar'], undefined],
  ['SPIFFE://cluster.local/ns/a/sa/b', undefined, 'scheme'],
  ['spiffe:///ns/a/sa/b', ['', 'a', 'b'], 'trust-domain-missing'],
  ['spiffe://td/ns//sa/b', ['td', '', 'b'], 'path-empty-segment'],
  ['spiffe://td/ns/a/sa/', ['td', 'a', ''], 'path-trailing-slash'],
  ['spiffe://td/ns/a/sa/b/', undefined, 'path-trailing-slash'],
  ['spiffe://td/foo/a/sa/b', undefined, undefined],
  ['spiffe://td/ns/a/foo/b', undefined, undefined],
  ['spiffe://td', undefined, undefined],
  ['spiffe://td/', undefined, 'path-trailing-slash'],
  ['spiffe://td:80/ns/a/sa/b', ['td:80', 'a', 'b'], 'trust-domain-character'],
  ['spiffe://user@td/ns/a/sa/b', ['user@td', 'a', 'b'], 'trust-domain-character'],
  ['spiffe://TD/ns/a/sa/b', ['TD', 'a', 'b'], 'trust-domain-character'],
  ['spiffe://[::1]/ns/a/sa/b', ['[::1]', 'a', 'b'], 'trust-domain-character'],
  ['spiffe://1.2.3.4/ns/a/sa/b', ['1.2.3.4', 'a', 'b'], undefined],
  ['spiffe://td_1/ns/a/sa/b', ['td_1', 'a', 'b'], undefined],
  ['spiffe://-td/ns/a/sa/b', ['-td', 'a', 'b'], undefined],
  ['spiffe://td./ns/a/sa/b', ['td.', 'a', 'b'], undefined],
  ['spiffe://..../ns/a/sa/b', ['....', 'a', 'b'], undefined],
  // go-spiffe takes this one; the standard caps the trust domain at 255 bytes, and so do we.
  [`spiffe://${'x'.repeat(300)}/ns/a/sa/b`, ['x'.repeat(300), 'a', 'b'], 'trust-domain-length'],
  ['spiffe://td/ns/a/sa/b?x=1', ['td', 'a', 'b?x=1'], 'path-character'],
  ['spiffe://td/ns/a/sa/b#f', ['td', 'a', 'b#f'], 'path-character'],
  ['spiffe://td/ns/a%2fb/sa/c', ['td', 'a%2fb', 'c'], 'path-character'],
  ['spiffe://td/ns/é/sa/b', ['td', 'é', 'b'], 'path-character'],
  ['spiffe://td/ns/./sa/b', ['td', '.', 'b'], 'path-dot-segment'],
  ['spiffe://td/ns/../sa/b', ['td', '..', 'b'], 'path-dot-segment'],
  ['http://td/ns/a/sa/b', undefined, 'scheme'],
  ['', undefined, 'empty'],
]

describe.each(vectors)('%j', (text, istio, strict) => {
  test(istio === undefined ? 'Istio refuses' : 'Istio reads', () => {
    expect(istioReads(text)).toEqual(istio)
    if (istio === undefined) {
      const error = thrownBy(() => parseIstioIdentity(text))
      expect(error).toBeInstanceOf(MeshPkiError)
      expect(error).toMatchObject({ code: 'ERR_SPIFFE_ID' })
      expect(String(error)).toContain('identity is not a spiffe format')
      return
    }
    const [trustDomain, namespace, serviceAccount] = istio
    expect(parseIstioIdentity(text)).toEqual({ trustDomain, namespace, serviceAccount })
  })

  test(strict === undefined ? 'SPIFFE reads' : `SPIFFE refuses: ${strict}`, () => {
    if (strict === undefined) expect(String(SpiffeId.parse(text))).toBe(text)
    else {
      expect(thrownBy(() => SpiffeId.parse(text))).toMatchObject({
        code: 'ERR_SPIFFE_ID',
        data: { reason: strict },
      })
    }
  })
})

test('the reason says what is wrong', () => {
  const reasonOf = (text: string) => thrownBy(() => parseIstioIdentity(text))
  expect(reasonOf('td')).toMatchObject({ data: { reason: 'scheme' } })
  expect(reasonOf('spiffe://td')).toMatchObject({ data: { reason: 'part-count' } })
  expect(reasonOf(`spiffe://${'/'.repeat(1000)}`)).toMatchObject({ data: { reason: 'part-count' } })
  expect(reasonOf('spiffe://td/NS/a/sa/b')).toMatchObject({ data: { reason: 'keyword' } })
  expect(reasonOf('spiffe://td/ns/a/SA/b')).toMatchObject({ data: { reason: 'keyword' } })
  expect(String(reasonOf('spiffe://td/\u001b[2J\u202e/a/sa/b'))).not.toMatch(/[\u001b\u202e]/)
  // @ts-expect-error a string is demanded
  expect(() => parseIstioIdentity(5)).toThrow(TypeError)
})

test('the value cannot be changed', () => {
  const identity = parseIstioIdentity('spiffe://td/ns/a/sa/b')
  expect(Object.isFrozen(identity)).toBe(true)
})
