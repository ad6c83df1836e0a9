/**
 * Names and constraints, and what becomes of them. The clause is RFC 5280 §4.2.1.10 throughout.
 */
import { concat, rdn, seq, text } from '../../fixtures/x509/der.ts'
import { directory, dns, EMPTY_NAME, email, ip, otherName, registeredId, uri } from './forge.ts'

export interface Subtrees {
  readonly permitted?: readonly Uint8Array[]
  readonly excluded?: readonly Uint8Array[]
}

/** `differs`: OpenSSL says the opposite. docs/verification.md tells why. */
export type Row = readonly [
  title: string,
  subtrees: Subtrees,
  names: readonly Uint8Array[],
  passes: boolean,
  openssl?: 'differs',
]

export const DIR = seq(rdn('2.5.4.10', text(0x0c, 'Example')))
export const BELOW = concat(seq(rdn('2.5.4.10', text(0x13, 'EXAMPLE')), rdn('2.5.4.3', text(0x0c, 'x'))))
const ASIDE = seq(rdn('2.5.4.3', text(0x0c, 'x')), rdn('2.5.4.10', text(0x0c, 'Example')))

export const permit = (...permitted: readonly Uint8Array[]): Subtrees => ({ permitted })
export const exclude = (...excluded: readonly Uint8Array[]): Subtrees => ({ excluded })

export const TABLE: readonly Row[] = [
  ['dns: the domain itself', permit(dns('example.com')), [dns('example.com')], true],
  ['dns: below it', permit(dns('example.com')), [dns('a.b.EXAMPLE.com')], true],
  ['dns: not a name that only ends alike', permit(dns('example.com')), [dns('badexample.com')], false],
  ['dns: the constraint in upper case', permit(dns('EXAMPLE.com')), [dns('a.example.com')], true],
  ['dns: every name counts', permit(dns('example.com')), [dns('a.example.com'), dns('a.example.org')], false],
  ['dns: one of several subtrees', permit(dns('a.com'), dns('b.com')), [dns('x.b.com')], true],
  ['dns: excluded', exclude(dns('example.com')), [dns('a.example.com')], false],
  ['dns: outside of what is excluded', exclude(dns('example.com')), [dns('example.org')], true],
  [
    'dns: excluded wins',
    { ...permit(dns('example.com')), ...exclude(dns('a.example.com')) },
    [dns('a.example.com')],
    false,
  ],
  [
    'dns: permitted around it',
    { ...permit(dns('example.com')), ...exclude(dns('a.example.com')) },
    [dns('b.example.com')],
    true,
  ],
  ['dns: leading dot means below', permit(dns('.example.com')), [dns('a.example.com')], true],
  ['dns: leading dot without the domain', permit(dns('.example.com')), [dns('example.com')], false],
  ['dns: leading dot, excluded', exclude(dns('.example.com')), [dns('a.example.com')], false],
  ['dns: leading dot does not exclude the domain', exclude(dns('.example.com')), [dns('example.com')], true],
  ['dns: empty means every name', permit(dns('')), [dns('any.example')], true],
  ['dns: empty excludes every name', exclude(dns('')), [dns('any.example')], false],
  ['dns: empty excludes no other form', exclude(dns('')), [uri('spiffe://td/x')], true],
  ['dns: wildcard within', permit(dns('example.com')), [dns('*.example.com')], true],
  ['dns: wildcard reaches beyond', permit(dns('a.example.com')), [dns('*.example.com')], false],
  [
    'dns: wildcard could match what is excluded',
    exclude(dns('a.example.com')),
    [dns('*.example.com')],
    false,
    'differs',
  ],
  ['dns: wildcard within what is excluded', exclude(dns('example.com')), [dns('*.a.example.com')], false],
  ['dns: wildcard does not reach two labels', exclude(dns('a.b.example.com')), [dns('*.example.com')], true],
  [
    'dns: wildcard beside what is excluded below',
    exclude(dns('.a.example.com')),
    [dns('*.example.com')],
    true,
  ],
  ['dns: wildcard aside', exclude(dns('a.example.org')), [dns('*.example.com')], true],
  ['dns: a malformed name', permit(dns('example.com')), [dns('a..example.com')], false, 'differs'],
  ['dns: a malformed name under an exclusion', exclude(dns('example.org')), [dns('a b')], false, 'differs'],
  [
    'dns: wildcard in a constraint is malformed',
    permit(dns('*.example.com')),
    [dns('*.example.com')],
    false,
    'differs',
  ],
  [
    'dns: trailing dot in a constraint is malformed',
    exclude(dns('example.com.')),
    [dns('example.org')],
    false,
    'differs',
  ],
  ['dns: a constraint of a dot', exclude(dns('.')), [dns('example.org')], false, 'differs'],
  ['email: a mailbox', permit(email('joe@example.com')), [email('joe@EXAMPLE.com')], true],
  [
    'email: another case of the local part',
    permit(email('joe@example.com')),
    [email('Joe@example.com')],
    false,
  ],
  ['email: a host', permit(email('example.com')), [email('joe@example.com')], true],
  ['email: a host is not its subdomains', permit(email('example.com')), [email('joe@a.example.com')], false],
  ['email: leading dot', permit(email('.example.com')), [email('joe@a.example.com')], true],
  ['email: leading dot is not the domain', permit(email('.example.com')), [email('joe@example.com')], false],
  ['email: excluded host', exclude(email('example.com')), [email('joe@example.com')], false],
  ['email: excluded mailbox', exclude(email('joe@example.com')), [email('ann@example.com')], true],
  [
    'email: a quoted local part may be the excluded one',
    exclude(email('joe@example.com')),
    [email('"joe"@example.com')],
    false,
    'differs',
  ],
  ['email: no mailbox', permit(email('example.com')), [email('example.com')], false],
  ['email: two at signs', permit(email('example.com')), [email('a@b@example.com')], false, 'differs'],
  ['uri: the host', permit(uri('example.com')), [uri('https://example.com/x')], true],
  ['uri: a trust domain', permit(uri('cluster.local')), [uri('spiffe://cluster.local/ns/a/sa/b')], true],
  [
    'uri: another trust domain',
    permit(uri('cluster.local')),
    [uri('spiffe://cluster.example/ns/a/sa/b')],
    false,
  ],
  ['uri: a host is not its subdomains', permit(uri('example.com')), [uri('https://a.example.com/')], false],
  ['uri: leading dot', permit(uri('.example.com')), [uri('https://a.example.com/')], true],
  ['uri: leading dot is not the domain', permit(uri('.example.com')), [uri('https://example.com/')], false],
  ['uri: excluded', exclude(uri('example.com')), [uri('https://EXAMPLE.com/')], false],
  ['uri: port', permit(uri('example.com')), [uri('https://example.com:8443/x')], true],
  [
    'uri: user information',
    permit(uri('example.com')),
    [uri('https://joe:secret@example.com/')],
    true,
    'differs',
  ],
  [
    'uri: the host stands after the at sign',
    permit(uri('example.com')),
    [uri('https://example.com@evil.com/')],
    false,
  ],
  ['uri: at sign in the path', permit(uri('example.com')), [uri('https://evil.com/@example.com')], false],
  ['uri: at sign in the query', permit(uri('example.com')), [uri('https://evil.com?@example.com')], false],
  [
    'uri: backslash, which some readers take for a slash',
    permit(uri('example.com')),
    [uri('https://evil.com\\@example.com/')],
    false,
  ],
  ['uri: two at signs', permit(uri('example.com')), [uri('https://a@b@example.com/')], false],
  ['uri: IPv4 host', permit(uri('10.0.0.1')), [uri('https://10.0.0.1/')], false, 'differs'],
  [
    'uri: IPv4 host under an exclusion',
    exclude(uri('example.com')),
    [uri('https://10.0.0.1/')],
    false,
    'differs',
  ],
  ['uri: IPv6 host', exclude(uri('example.com')), [uri('https://[::1]/')], false, 'differs'],
  ['uri: no authority', exclude(uri('example.com')), [uri('urn:uuid:1')], false],
  [
    'uri: percent-encoded host',
    exclude(uri('example.com')),
    [uri('https://ex%61mple.com/')],
    false,
    'differs',
  ],
  ['uri: empty constraint is malformed', permit(uri('')), [uri('https://a.example/')], false],
  ['ip: within', permit(ip('0a000000ff000000')), [ip('0a010203')], true],
  ['ip: outside', permit(ip('0a000000ff000000')), [ip('0b010203')], false],
  ['ip: excluded', exclude(ip('0a000000ff000000')), [ip('0a010203')], false],
  ['ip: bits outside of the mask do not count', permit(ip('0a010203ff000000')), [ip('0a090909')], true],
  [
    'ip: an IPv6 address is in no IPv4 range',
    permit(ip('0a000000ff000000')),
    [ip('00000000000000000000ffff0a010203')],
    false,
  ],
  [
    'ip: nor excluded by one',
    exclude(ip('0000000000000000')),
    [ip('20010db8000000000000000000000001')],
    true,
  ],
  ['ip: an IPv4 address is in no IPv6 range', permit(ip('00'.repeat(32))), [ip('0a000001')], false],
  ['ip: nor excluded by the widest', exclude(ip('00'.repeat(32))), [ip('0a000001')], true],
  [
    'ip: IPv6 within',
    permit(ip(`20010db8${'00'.repeat(12)}ffffffff${'00'.repeat(12)}`)),
    [ip('20010db8000000000000000000000001')],
    true,
  ],
  ['ip: a mask with holes is malformed', permit(ip('0a000000ff00ff00')), [ip('0a000001')], false, 'differs'],
  ['directory: below', permit(directory(DIR)), [directory(BELOW)], true],
  ['directory: equal', permit(directory(DIR)), [directory(DIR)], true],
  ['directory: another order', permit(directory(DIR)), [directory(ASIDE)], false],
  ['directory: shorter than the constraint', permit(directory(BELOW)), [directory(DIR)], false],
  ['directory: excluded', exclude(directory(DIR)), [directory(BELOW)], false],
  ['directory: the empty name excludes every name', exclude(directory(EMPTY_NAME)), [directory(DIR)], false],
  ['a form without constraints is free', permit(dns('example.com')), [uri('spiffe://td/x')], true],
  ['registeredID under a constraint on it', exclude(registeredId('1.2.3')), [registeredId('1.2.4')], false],
  ['registeredID unmet', exclude(registeredId('1.2.3')), [dns('a.example')], true],
  [
    'otherName under a constraint on it',
    permit(otherName('1.2.3', 'x')),
    [otherName('1.2.3', 'x'), dns('a.example')],
    false,
  ],
  ['otherName unmet', permit(otherName('1.2.3', 'x')), [dns('a.example')], true],
]
