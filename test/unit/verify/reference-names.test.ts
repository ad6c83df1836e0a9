import { describe, expect, test } from 'vitest'
import type { ReferenceName } from '../../../src/verify/index.ts'
import { commonName, rdn, seq, text } from '../../fixtures/x509/der.ts'
import { directory, dns, email, forge, forgeCa, ip, registeredId, san, uri } from './forge.ts'
import { accepted, expectBlame, refused } from './support.ts'

const root = forgeCa({ subject: 'root' })

const leafWith = (...names: readonly Uint8Array[]) =>
  forge({ subject: 'leaf', issuer: root, extensions: names.length === 0 ? [] : [san(names)] })

type Row = readonly [presented: Uint8Array, expected: ReferenceName, matches: boolean]

function check(presented: Uint8Array, name: ReferenceName, matches: boolean): void {
  const leaf = leafWith(presented)
  if (matches) accepted(leaf.der, { anchors: root.der, name })
  else {
    const error = refused(leaf.der, { anchors: root.der, name }, 'ERR_PATH_NAME_MISMATCH')
    expectBlame(error, leaf.certificate, 0)
    expect(error.message).toContain('RFC 9525')
  }
}

const d = (presented: string, expected: string, matches: boolean): Row => [
  dns(presented),
  { dns: expected },
  matches,
]

/** 252 characters: one more makes the longest DNS name (RFC 1035 §3.1). */
const LONG = `${'a'.repeat(63)}.${'b'.repeat(63)}.${'c'.repeat(63)}.${'d'.repeat(59)}.`

describe('DNS names (RFC 9525 §6.3)', () => {
  test.each([
    d('a.example.com', 'a.example.com', true),
    d('a.example.com', 'b.example.com', false),
    d('A.Example.COM', 'a.eXample.com', true),
    d('example.com', 'a.example.com', false),
    d('a.example.com', 'example.com', false),
    // A wildcard is the whole left-most label, and stands for exactly one.
    d('*.example.com', 'a.example.com', true),
    d('*.EXAMPLE.com', 'A.example.COM', true),
    d('*.example.com', 'xn--caf-dma.example.com', true),
    d('*.example.com', 'example.com', false),
    d('*.example.com', 'a.b.example.com', false),
    d('*.a.example.com', 'b.example.com', false),
    d('a*.example.com', 'ab.example.com', false),
    d('*a.example.com', 'ba.example.com', false),
    d('xn--*.example.com', 'xn--caf-dma.example.com', false),
    d('a.*.com', 'a.example.com', false),
    d('*.*.com', 'a.example.com', false),
    d('**.example.com', 'a.example.com', false),
    // Not right below a top-level domain, and never everything.
    d('*.com', 'example.com', false),
    d('*', 'localhost', false),
    d('*.', 'localhost', false),
    // A name that is asked for is never a pattern.
    d('*.example.com', '*.example.com', false),
    d('a.example.com', '*.example.com', false),
    // Absolute names, and what is no name.
    d('a.example.com', 'a.example.com.', false),
    d('a.example.com.', 'a.example.com', false),
    d('a..example.com', 'a..example.com', false),
    d('.example.com', 'a.example.com', false),
    d('a.example.com', '.example.com', false),
    d('-a.example.com', '-a.example.com', false),
    d('a-.example.com', 'a-.example.com', false),
    d('a b.example.com', 'a b.example.com', false),
    d('a_b.example.com', 'a_b.example.com', true),
    d('localhost', 'localhost', true),
    d(`${'a'.repeat(63)}.example`, `${'a'.repeat(63)}.example`, true),
    d(`${'a'.repeat(64)}.example`, `${'a'.repeat(64)}.example`, false),
    d(`${LONG}a`, `${LONG}a`, true),
    d(`${LONG}aa`, `${LONG}aa`, false),
    d('a.example.com\0.evil.com', 'a.example.com', false),
    // A-labels are compared as they are; a U-label is none (RFC 9525 §6.3: convert before).
    d('xn--caf-dma.example.com', 'xn--caf-dma.example.com', true),
    d('xn--caf-dma.example.com', 'café.example.com', false),
    // The Kelvin sign is no k.
    d('k.example.com', '\u212a.example.com', false),
    // An IP address is no DNS name, although it has the form of one.
    d('127.0.0.1', '127.0.0.1', false),
    d('*.0.0.1', '127.0.0.1', false),
  ])('%#: %j', check)
})

describe('IP addresses (RFC 9525 §6.4)', () => {
  test.each<Row>([
    [ip('0a000001'), { ip: '10.0.0.1' }, true],
    [ip('0a000001'), { ip: '10.0.0.2' }, false],
    [ip('0a000001'), { ip: '10.0.0.01' }, false],
    [ip('0a000001'), { ip: '10.1' }, false],
    [ip('0a000001'), { ip: '::ffff:10.0.0.1' }, false],
    [ip('00000000000000000000ffff0a000001'), { ip: '::ffff:10.0.0.1' }, true],
    [ip('20010db8000000000000000000000001'), { ip: '2001:db8::1' }, true],
    [ip('20010db8000000000000000000000001'), { ip: '2001:0DB8:0:0:0:0:0:1' }, true],
    [ip('20010db8000000000000000000000001'), { ip: '2001:db8::2' }, false],
    [ip('20010db8000000000000000000000001'), { ip: '[2001:db8::1]' }, false],
    [ip('fe800000000000000000000000000001'), { ip: 'fe80::1%eth0' }, false],
    [dns('10.0.0.1'), { ip: '10.0.0.1' }, false],
    [dns('example.com'), { ip: 'example.com' }, false],
  ])('%#', check)
})

describe('mailboxes (RFC 5280 §7.5: the local part as it is, the host without case)', () => {
  test.each<Row>([
    [email('joe@example.com'), { email: 'joe@example.com' }, true],
    [email('joe@EXAMPLE.com'), { email: 'joe@example.COM' }, true],
    [email('Joe@example.com'), { email: 'joe@example.com' }, false],
    [email('joe@a.example.com'), { email: 'joe@example.com' }, false],
    [email('joe@@example.com'), { email: 'joe@@example.com' }, false],
    [email('@example.com'), { email: '@example.com' }, false],
    [email('example.com'), { email: 'example.com' }, false],
    [email('"joe"@example.com'), { email: '"joe"@example.com' }, false],
  ])('%#', check)
})

describe('URIs are compared whole (RFC 9525 §6.5; SPIFFE IDs have one spelling)', () => {
  test.each<Row>([
    [uri('spiffe://td/ns/a/sa/b'), { uri: 'spiffe://td/ns/a/sa/b' }, true],
    [uri('spiffe://td/ns/a/sa/b'), { uri: 'spiffe://td/ns/a/sa/bc' }, false],
    [uri('spiffe://td/ns/a/sa/b'), { uri: 'spiffe://td/ns/a/sa/b/' }, false],
    [uri('spiffe://td/ns/a/sa/b'), { uri: 'spiffe://TD/ns/a/sa/b' }, false],
    [dns('td'), { uri: 'spiffe://td' }, false],
  ])('%#', check)
})

describe('only subject alternative names count (RFC 9525 §2)', () => {
  const subjects = [
    commonName('a.example.com'),
    seq(rdn('1.2.840.113549.1.9.1', text(0x16, 'joe@example.com'))),
  ]

  test.each([
    [subjects[0], { dns: 'a.example.com' }],
    [commonName('10.0.0.1'), { ip: '10.0.0.1' }],
    [subjects[1], { email: 'joe@example.com' }],
  ])('%#: neither a common name nor an e-mail address of the subject', (subject, name) => {
    if (subject === undefined) throw new Error('two subjects')
    const bare = forge({ subject, issuer: root })
    const error = refused(bare.der, { anchors: root.der, name }, 'ERR_PATH_NAME_MISMATCH')
    expect(error.message).toContain('no subject alternative name (the common name is never used)')
    accepted(bare.der, { anchors: root.der })
    const other = forge({ subject, issuer: root, extensions: [san([uri('spiffe://td/x')])] })
    refused(other.der, { anchors: root.der, name }, 'ERR_PATH_NAME_MISMATCH')
  })

  test('names of other forms are passed over, the right one is found among many', () => {
    const many = Array.from({ length: 20 }, (_, i) => dns(`n${i}.example.com`))
    const leaf = leafWith(
      directory(commonName('x')),
      registeredId('1.2.3'),
      ...many,
      dns('right.example.com'),
    )
    accepted(leaf.der, { anchors: root.der, name: { dns: 'right.example.com' } })
    const error = refused(
      leaf.der,
      { anchors: root.der, name: { dns: 'wrong.example.com' } },
      'ERR_PATH_NAME_MISMATCH',
    )
    expect(error.data).toMatchObject({ expected: 'DNS:wrong.example.com' })
    expect(error.message).toContain(
      'expected DNS:wrong.example.com, found DirName:CN=x, RID:1.2.3, DNS:n0.example.com',
    )
    expect(error.message).toContain('and 15 more')
  })

  test('an expected name that is no name matches nothing, and the message says so', () => {
    const error = refused(
      leafWith(dns('x')).der,
      { anchors: root.der, name: { dns: 'a b' } },
      'ERR_PATH_NAME_MISMATCH',
    )
    expect(error.message).toContain('the expected name "a b" is not well formed')
  })
})
