import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { MeshPkiError } from '../../../src/errors.ts'
import { SpiffeId, type SpiffeRefusal, TrustDomain } from '../../../src/spiffe/index.ts'
import {
  isSpiffeId,
  isTrustDomainName,
  PATH_CHARACTERS,
  TRUST_DOMAIN_CHARACTERS,
  thrownBy,
} from './reference.ts'

function refusalOf(
  call: () => unknown,
  code: string,
): { reason: unknown; position: unknown; message: string } {
  const error = thrownBy(call)
  if (!(error instanceof MeshPkiError)) throw error
  expect(error.code).toBe(code)
  return { reason: error.data['reason'], position: error.data['position'], message: error.message }
}

const refusedId = (text: string) => refusalOf(() => SpiffeId.parse(text), 'ERR_SPIFFE_ID')
const refusedDomain = (text: string) => refusalOf(() => TrustDomain.parse(text), 'ERR_SPIFFE_TRUST_DOMAIN')

/** 253 characters of trust domain make an identity of this path exactly 2048 bytes long. */
const padded = (length: number) => {
  const head = `spiffe://${'d'.repeat(253)}/`
  return head + 'p'.repeat(length - head.length)
}

describe('SpiffeId.parse', () => {
  test.each<[string, string, string, string[]]>([
    ['spiffe://td', 'td', '', []],
    ['spiffe://cluster.local/ns/foo/sa/bar', 'cluster.local', '/ns/foo/sa/bar', ['ns', 'foo', 'sa', 'bar']],
    ['spiffe://1.2.3.4/ns/a', '1.2.3.4', '/ns/a', ['ns', 'a']],
    ['spiffe://td_1/A-Z._/x', 'td_1', '/A-Z._/x', ['A-Z._', 'x']],
    ['spiffe://-td/a', '-td', '/a', ['a']],
    ['spiffe://td./a', 'td.', '/a', ['a']],
    ['spiffe://..../a', '....', '/a', ['a']],
    ['spiffe://td/...', 'td', '/...', ['...']],
    ['spiffe://td/.a/..a/a./a..', 'td', '/.a/..a/a./a..', ['.a', '..a', 'a.', 'a..']],
    [`spiffe://${'x'.repeat(255)}/a`, 'x'.repeat(255), '/a', ['a']],
  ])('reads %j', (text, trustDomain, path, segments) => {
    const id = SpiffeId.parse(text)
    expect(id.trustDomain.name).toBe(trustDomain)
    expect(id.path).toBe(path)
    expect(id.segments).toEqual(segments)
    expect(String(id)).toBe(text)
    expect(JSON.stringify({ id })).toBe(JSON.stringify({ id: text }))
    expect(isSpiffeId(text)).toBe(true)
  })

  test.each<[string, SpiffeRefusal, number, string]>([
    ['', 'empty', 1, 'empty'],
    ['spiffe:/', 'scheme', 9, 'the end of the text'],
    ['spiffe:/td', 'scheme', 9, '"t" (U+0074)'],
    ['SPIFFE://td/a', 'scheme', 1, 'lower case'],
    ['Spiffe://td/a', 'scheme', 1, 'lower case'],
    ['http://td/a', 'scheme', 1, '"h" (U+0068)'],
    [' spiffe://td/a', 'scheme', 1, '" " (U+0020)'],
    ['td/a', 'scheme', 1, 'begin with spiffe://'],
    ['spiffe://', 'trust-domain-missing', 10, 'missing'],
    ['spiffe:///a', 'trust-domain-missing', 10, 'missing'],
    ['spiffe://td:80/a', 'trust-domain-character', 12, 'port'],
    ['spiffe://td:/a', 'trust-domain-character', 12, 'port'],
    ['spiffe://user@td/a', 'trust-domain-character', 14, 'user'],
    ['spiffe://tD/a', 'trust-domain-character', 11, 'lower case'],
    ['spiffe://[::1]/a', 'trust-domain-character', 10, 'IPv6'],
    ['spiffe://t%64/a', 'trust-domain-character', 11, 'percent'],
    ['spiffe://td?x', 'trust-domain-character', 12, 'query'],
    ['spiffe://td#', 'trust-domain-character', 12, 'fragment'],
    ['spiffe://t d/a', 'trust-domain-character', 11, 'U+0020'],
    ['spiffe://é/a', 'trust-domain-character', 10, '"é" (U+00E9)'],
    [`spiffe://${'x'.repeat(256)}/a`, 'trust-domain-length', 265, '256 bytes'],
    ['spiffe://td//a', 'path-empty-segment', 13, 'empty'],
    ['spiffe://td//', 'path-empty-segment', 13, 'empty'],
    ['spiffe://td/a//b', 'path-empty-segment', 15, 'empty'],
    ['spiffe://td/', 'path-trailing-slash', 12, 'slash'],
    ['spiffe://td/a/', 'path-trailing-slash', 14, 'slash'],
    ['spiffe://td/.', 'path-dot-segment', 13, '"."'],
    ['spiffe://td/a/../b', 'path-dot-segment', 15, '".."'],
    ['spiffe://td/./b', 'path-dot-segment', 13, '"."'],
    ['spiffe://td/a?x=1', 'path-character', 14, 'query'],
    ['spiffe://td/a#', 'path-character', 14, 'fragment'],
    ['spiffe://td/%2e%2e/a', 'path-character', 13, 'percent'],
    ['spiffe://td/a\nb', 'path-character', 14, 'U+000A'],
    ['spiffe://td/é', 'path-character', 13, '"é" (U+00E9)'],
    ['spiffe://td/𝒜', 'path-character', 13, 'U+1D49C'],
    ['spiffe://td/a~', 'path-character', 14, '"~"'],
    ['spiffe://td/a ', 'path-character', 14, 'U+0020'],
  ])('refuses %j: %s at %i', (text, reason, position, words) => {
    const refusal = refusedId(text)
    expect(refusal).toMatchObject({ reason, position })
    expect(refusal.message).toContain(words)
    expect(refusal.message).toMatch(/\(SPIFFE-ID §2(\.[123])?\)$/)
    expect(isSpiffeId(text)).toBe(false)
  })

  test('reads 2048 bytes and refuses 2049', () => {
    expect(String(SpiffeId.parse(padded(2048)))).toHaveLength(2048)
    expect(refusedId(padded(2049))).toMatchObject({ reason: 'length', position: 2049 })
  })

  test.each([undefined, null, 5, {}, ['spiffe://td'], new URL('spiffe://td/a')])('takes no %j', (value) => {
    // @ts-expect-error a string is demanded
    expect(() => SpiffeId.parse(value)).toThrow(TypeError)
  })
})

describe('every byte value in every position', () => {
  const bytes = Array.from({ length: 256 }, (_, value) => String.fromCharCode(value))

  test('the scheme: only its own character', () => {
    const good = 'spiffe://'
    for (let at = 0; at < good.length; at++) {
      const accepted = bytes.filter((byte) => {
        const text = `${good.slice(0, at)}${byte}${good.slice(at + 1)}td/a`
        try {
          return String(SpiffeId.parse(text)) === text
        } catch {
          const { reason, position } = refusedId(text)
          expect([reason, position]).toEqual(['scheme', at + 1])
          return false
        }
      })
      expect(accepted).toEqual([good.charAt(at)])
    }
  })

  test.each([
    ['alone', '', ''],
    ['first', '', 'b'],
    ['in the middle', 'a', 'b'],
    ['last', 'a', ''],
  ])('the trust domain: %s', (_, before, after) => {
    for (const byte of bytes) {
      const name = before + byte + after
      const text = `spiffe://${name}/p`
      if (TRUST_DOMAIN_CHARACTERS.has(byte)) {
        expect(TrustDomain.parse(name).name).toBe(name)
        expect(String(SpiffeId.parse(text))).toBe(text)
        continue
      }
      expect(refusedDomain(name)).toMatchObject({
        reason: 'trust-domain-character',
        position: before.length + 1,
      })
      if (byte !== '/') {
        expect(refusedId(text)).toMatchObject({
          reason: 'trust-domain-character',
          position: before.length + 10,
        })
      }
    }
  })

  test.each([
    ['alone', '', ''],
    ['first', '', 'b'],
    ['in the middle', 'a', 'b'],
    ['last', 'a', ''],
  ])('a path segment: %s', (_, before, after) => {
    for (const byte of bytes) {
      const segment = before + byte + after
      const texts = [`spiffe://td/${segment}`, `spiffe://td/x/${segment}/y`]
      if (PATH_CHARACTERS.has(byte) && segment !== '.') {
        expect(SpiffeId.of('td', segment).path).toBe(`/${segment}`)
        for (const text of texts) expect(String(SpiffeId.parse(text))).toBe(text)
        continue
      }
      const reason = segment === '.' ? 'path-dot-segment' : 'path-character'
      expect(refusalOf(() => SpiffeId.of('td', segment), 'ERR_SPIFFE_ID').reason).toBe(reason)
      if (byte !== '/') for (const text of texts) expect(refusedId(text).reason).toBe(reason)
    }
  })

  test('the first character of the path: only a slash', () => {
    for (const byte of bytes) {
      const text = `spiffe://td${byte}a`
      if (byte === '/' || TRUST_DOMAIN_CHARACTERS.has(byte))
        expect(SpiffeId.parse(text).path).toBe(byte === '/' ? '/a' : '')
      else expect(refusedId(text)).toMatchObject({ reason: 'trust-domain-character', position: 12 })
    }
  })
})

describe('SpiffeId.of', () => {
  test('joins segments', () => {
    expect(String(SpiffeId.of('td', 'a', 'B.c'))).toBe('spiffe://td/a/B.c')
    expect(String(SpiffeId.of(TrustDomain.parse('td'), 'a'))).toBe('spiffe://td/a')
    expect(String(SpiffeId.of('td'))).toBe('spiffe://td')
  })

  test.each<[string, SpiffeRefusal]>([
    ['', 'path-empty-segment'],
    ['.', 'path-dot-segment'],
    ['..', 'path-dot-segment'],
    ['a/b', 'path-character'],
    ['/a', 'path-character'],
    ['a%2fb', 'path-character'],
  ])('refuses the segment %j', (segment, reason) => {
    const refusal = refusalOf(() => SpiffeId.of('td', 'ok', segment), 'ERR_SPIFFE_ID')
    expect(refusal.reason).toBe(reason)
    expect(refusal.message).toContain('path segment 2')
  })

  test('refuses a bad trust domain, a result too long and other types', () => {
    expect(refusalOf(() => SpiffeId.of('TD', 'a'), 'ERR_SPIFFE_TRUST_DOMAIN').reason).toBe(
      'trust-domain-character',
    )
    expect(SpiffeId.of('td', 'p'.repeat(2036)).toString()).toHaveLength(2048)
    expect(refusalOf(() => SpiffeId.of('td', 'p'.repeat(2037)), 'ERR_SPIFFE_ID').reason).toBe('length')
    // @ts-expect-error not a trust domain
    expect(() => SpiffeId.of({ name: 'td' }, 'a')).toThrow(TypeError)
    // @ts-expect-error not a trust domain
    expect(() => SpiffeId.of(null, 'a')).toThrow('got null')
    // @ts-expect-error not a string
    expect(() => SpiffeId.of('td', 5)).toThrow(TypeError)
  })
})

describe('SpiffeId.forIstio', () => {
  const parts = { trustDomain: 'cluster.local', namespace: 'shop', serviceAccount: 'cart' }

  test('writes the form of Istio', () => {
    expect(String(SpiffeId.forIstio(parts))).toBe('spiffe://cluster.local/ns/shop/sa/cart')
    expect(SpiffeId.forIstio({ ...parts, trustDomain: TrustDomain.parse('td') }).trustDomain.name).toBe('td')
    expect(SpiffeId.forIstio({ ...parts, trustDomain: 'a@b@c' }).trustDomain.name).toBe('a.b.c')
  })

  test('refuses what is empty or would not be read back', () => {
    const refused = (change: Partial<typeof parts>) =>
      refusalOf(() => SpiffeId.forIstio({ ...parts, ...change }), 'ERR_SPIFFE_ID')
    expect(refused({ namespace: '' })).toMatchObject({ reason: 'path-empty-segment' })
    expect(refused({ namespace: '' }).message).toContain('namespace ""')
    expect(refused({ serviceAccount: '' }).message).toContain('service account ""')
    expect(refused({ namespace: 'a/sa/b' }).reason).toBe('path-character')
    expect(refused({ serviceAccount: '..' }).reason).toBe('path-dot-segment')
    expect(
      refusalOf(() => SpiffeId.forIstio({ ...parts, trustDomain: 'TD' }), 'ERR_SPIFFE_TRUST_DOMAIN').reason,
    ).toBe('trust-domain-character')
    // @ts-expect-error an unknown part
    expect(() => SpiffeId.forIstio({ ...parts, serviceAcount: 'x' })).toThrow('serviceAccount')
    // @ts-expect-error the namespace is missing
    expect(() => SpiffeId.forIstio({ trustDomain: 'td', serviceAccount: 'x' })).toThrow(TypeError)
  })
})

describe('TrustDomain', () => {
  test.each([
    'td',
    'foo.bar.com.',
    '-foo.bar',
    '.',
    '..',
    'foo_bar',
    '1.2.3.4',
    'x'.repeat(64),
    'x'.repeat(255),
  ])('reads %j', (name) => {
    const trustDomain = TrustDomain.parse(name)
    expect([trustDomain.name, String(trustDomain), JSON.parse(JSON.stringify(trustDomain))]).toEqual([
      name,
      name,
      name,
    ])
    expect(String(trustDomain.id)).toBe(`spiffe://${name}`)
    expect(isTrustDomainName(name)).toBe(true)
  })

  test.each<[string, SpiffeRefusal, string]>([
    ['', 'trust-domain-missing', 'missing'],
    ['TD', 'trust-domain-character', 'lower case'],
    ['td/a', 'trust-domain-character', '"/"'],
    ['td:1', 'trust-domain-character', 'port'],
    ['spiffe://td', 'trust-domain-character', 'SpiffeId.parse'],
    [' td', 'trust-domain-character', 'U+0020'],
    ['td\n', 'trust-domain-character', 'U+000A'],
    ['x'.repeat(256), 'trust-domain-length', '256 bytes'],
  ])('refuses %j', (name, reason, words) => {
    const refusal = refusedDomain(name)
    expect(refusal.reason).toBe(reason)
    expect(refusal.message).toContain(words)
    expect(isTrustDomainName(name)).toBe(false)
  })

  test('takes only strings', () => {
    // @ts-expect-error a string is demanded
    expect(() => TrustDomain.parse(undefined)).toThrow(TypeError)
  })
})

describe('values', () => {
  const id = SpiffeId.parse('spiffe://td/a/b')

  test('are equal by text, and to nothing else', () => {
    expect(id.equals(SpiffeId.of('td', 'a', 'b'))).toBe(true)
    for (const text of ['spiffe://td/a', 'spiffe://td/a/B', 'spiffe://td2/a/b', 'spiffe://td']) {
      expect(id.equals(SpiffeId.parse(text))).toBe(false)
    }
    // @ts-expect-error not an identity
    expect(id.equals('spiffe://td/a/b')).toBe(false)
    expect(id.trustDomain.equals(TrustDomain.parse('td'))).toBe(true)
    expect(id.trustDomain.equals(TrustDomain.parse('td.'))).toBe(false)
    // @ts-expect-error not a trust domain
    expect(id.trustDomain.equals('td')).toBe(false)
  })

  test('belong to one trust domain', () => {
    expect(id.memberOf('td')).toBe(true)
    expect(id.memberOf(TrustDomain.parse('td'))).toBe(true)
    expect(id.memberOf('t')).toBe(false)
    expect(id.memberOf('td2')).toBe(false)
    expect(() => id.memberOf('TD')).toThrow(MeshPkiError)
  })

  test('cannot be changed', () => {
    for (const value of [id, id.trustDomain]) {
      expect(Object.isFrozen(value)).toBe(true)
      expect(() => Object.defineProperty(value, 'toString', { value: () => 'spiffe://td/admin' })).toThrow(
        TypeError,
      )
    }
    // @ts-expect-error read-only
    expect(() => (id.path = '/admin')).toThrow(TypeError)
    const segments = id.segments as string[]
    segments.push('admin')
    expect(id.segments).toEqual(['a', 'b'])
    expect(String(id)).toBe('spiffe://td/a/b')
  })

  test('hostile text in messages is escaped and cut', () => {
    for (const char of ['\u001b', '\u0000', '\u202e', '\u2028', '\ud800', '\u{e0041}']) {
      for (const text of [`spiffe://td/a${char}b`, `spiffe://t${char}d/a`, `${char}spiffe://td`]) {
        const { message } = refusedId(text)
        expect(message).not.toContain(char)
        expect(message).toContain(`\\u{${char.codePointAt(0)?.toString(16)}}`)
        const error = thrownBy(() => SpiffeId.parse(text))
        expect(inspect(error, { depth: 9 })).not.toContain(char)
      }
      expect(refusedDomain(`a${char}`).message).not.toContain(char)
    }
    expect(refusedId(`spiffe://td/${'x'.repeat(1e6)}`).message.length).toBeLessThan(600)
  })
})
