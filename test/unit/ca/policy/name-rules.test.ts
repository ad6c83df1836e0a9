import { describe, expect, test } from 'vitest'
import { CompiledNameRules, type NameRules } from '../../../../src/ca/policy/name-rules.ts'
import { Violations } from '../../../../src/ca/policy/policy-violation.ts'
import { SpiffePathPattern, TrustDomain } from '../../../../src/spiffe/index.ts'
import type { GeneralName } from '../../../../src/x509/index.ts'
import { Name } from '../../../../src/x509/index.ts'

/** The rules that a name breaks. */
function judge(rules: NameRules, ...names: readonly GeneralName[]): readonly string[] {
  const violations = new Violations('certificate')
  new CompiledNameRules(rules, false).judge(names, violations)
  return violations.list.map(({ message }) => message)
}

const dns = (value: string): GeneralName => ({ type: 'dns', value })
const ip = (value: string): GeneralName => ({ type: 'ip', value })
const email = (value: string): GeneralName => ({ type: 'email', value })
const uri = (value: string): GeneralName => ({ type: 'uri', value })

describe('a whole URI', () => {
  const denied = { uri: { deny: ['https://example.com/admin'] } }
  test.each([
    // RFC 3986 §6.2.2.1 to §6.2.3, and what WHATWG readers make of it.
    'HTTPS://Example.COM/admin',
    'https://example.com/%61dmin',
    'https://example.com/a%64min',
    'https://example.com/x/../admin',
    'https://example.com/%2e/admin',
    'https://example.com:443/admin',
    'https://example.com./admin',
    'https://user@example.com/admin',
    'https://example.com/admin?',
    'https://example.com/admin#top',
    'https:///example.com/admin',
    'https:example.com/admin',
    'https://example.com\\admin',
  ])('is denied as %s too', (value) => {
    expect(judge(denied, uri(value))).toEqual([expect.stringContaining('is denied by')])
    // What is allowed is allowed as it is written.
    expect(judge({ uri: { allow: ['https://example.com/admin'] } }, uri(value))).toEqual([
      expect.stringContaining('is not allowed'),
    ])
  })

  test.each([
    'https://example.com/administrator',
    'https://example.com/admin/x',
    'https://example.com/%2561dmin',
    'https://example.com:8443/admin',
    'http://example.com/admin',
    'https://example.com/admin?x=1',
    'urn:admin',
  ])('%s is another', (value) => {
    expect(judge(denied, uri(value))).toEqual([])
  })

  test('a scheme that nobody knows', () => {
    const rules = { uri: { deny: ['grpc://svc.example/admin'] } }
    expect(judge(rules, uri('GRPC://u@SVC.example./%61dmin#x'))).toHaveLength(1)
    expect(judge(rules, uri('grpc://svc.example/other'))).toEqual([])
  })
})

describe('an allow list', () => {
  test.each<[string, NameRules, GeneralName, GeneralName]>([
    ['a host', { dns: { allow: ['db.example.com'] } }, dns('DB.example.com'), dns('a.db.example.com')],
    ['one label below', { dns: { allow: ['*.example.com'] } }, dns('a.example.com'), dns('a.b.example.com')],
    [
      'one label below, not the domain',
      { dns: { allow: ['*.example.com'] } },
      dns('b.example.com'),
      dns('example.com'),
    ],
    [
      'any number of labels below',
      { dns: { allow: ['**.example.com'] } },
      dns('a.b.example.com'),
      dns('example.com'),
    ],
    [
      'not a name that only ends the same',
      { dns: { allow: ['**.example.com'] } },
      dns('x.example.com'),
      dns('badexample.com'),
    ],
    ['any host', { dns: { allow: ['**'] } }, dns('anything'), ip('10.0.0.1')],
    ['a range', { ip: { allow: ['10.0.0.0/8'] } }, ip('10.255.0.1'), ip('11.0.0.1')],
    ['a range, not IPv4 in IPv6', { ip: { allow: ['10.0.0.0/8'] } }, ip('10.1.1.1'), ip('::ffff:10.1.1.1')],
    ['an address', { ip: { allow: ['2001:db8::1'] } }, ip('2001:db8::1'), ip('2001:db8::2')],
    [
      'a mailbox',
      { email: { allow: ['ops@example.com'] } },
      email('ops@EXAMPLE.com'),
      email('Ops@example.com'),
    ],
    [
      'a host of mailboxes',
      { email: { allow: ['*@example.com'] } },
      email('a@example.com'),
      email('a@b.example.com'),
    ],
    [
      'hosts of mailboxes',
      { email: { allow: ['*@*.example.com'] } },
      email('a@b.example.com'),
      email('a@example.com'),
    ],
    ['a URI', { uri: { allow: ['urn:example:a'] } }, uri('urn:example:a'), uri('urn:example:b')],
    [
      'a host of URIs',
      { uri: { allow: ['https://*.example.com/**'] } },
      uri('HTTPS://a.example.com/x?y'),
      uri('https://example.com/x'),
    ],
    [
      'a host of URIs, not user information',
      { uri: { allow: ['https://good.example/**'] } },
      uri('https://good.example:8443/'),
      uri('https://good.example@evil.example/'),
    ],
    ['a scheme', { uri: { allow: ['https://**/**'] } }, uri('https://x.y/'), uri('http://x.y/')],
    [
      'a trust domain',
      { spiffe: { allow: [TrustDomain.parse('td')] } },
      uri('spiffe://td/a'),
      uri('spiffe://td2/a'),
    ],
    [
      'a path',
      { spiffe: { allow: ['spiffe://td/ns/*/sa/*'] } },
      uri('spiffe://td/ns/a/sa/b'),
      uri('spiffe://td/ns/a/b/sa/c'),
    ],
    [
      'a pattern',
      { spiffe: { allow: [SpiffePathPattern.parse('spiffe://td/a/**')] } },
      uri('spiffe://td/a/b/c'),
      uri('spiffe://td/a'),
    ],
    [
      'a beginning of a name',
      { directory: { allow: ['O=Example'] } },
      { type: 'directory', value: Name.parse('CN=a,O=example') },
      { type: 'directory', value: Name.parse('O=Example,CN=a') },
    ],
    [
      'a registered identifier',
      { registeredId: { allow: ['1.2.3'] } },
      { type: 'registered-id', value: '1.2.3' },
      { type: 'registered-id', value: '1.2.3.4' },
    ],
  ])('%s', (_, rules, accepted, refused) => {
    expect(judge(rules, accepted)).toEqual([])
    expect(judge(rules, refused)).toEqual([expect.stringContaining('is not allowed')])
  })

  test('for one kind closes the others (step-ca)', () => {
    const rules: NameRules = { dns: { allow: ['**.example.com'] } }
    for (const name of [
      ip('10.0.0.1'),
      email('a@example.com'),
      uri('https://a.example.com/'),
      uri('spiffe://td/a'),
    ])
      expect(judge(rules, name)).toEqual([expect.stringMatching(/is not allowed; allowed .*: none$/)])
  })

  test('that is empty allows nothing of its kind, and closes the others too', () => {
    expect(judge({ dns: { allow: [] } }, dns('a.b'), ip('10.0.0.1'))).toHaveLength(2)
  })
})

describe('a denial', () => {
  test.each<[string, NameRules, GeneralName, GeneralName]>([
    [
      'wins over what allows',
      { dns: { allow: ['**.example.com'], deny: ['admin.example.com'] } },
      dns('a.example.com'),
      dns('ADMIN.example.com'),
    ],
    ['alone leaves the rest open', { dns: { deny: ['**.internal'] } }, ip('10.0.0.1'), dns('db.internal')],
    [
      'of an address holds for its IPv6 form',
      { ip: { deny: ['10.0.0.0/8'] } },
      ip('::ffff:11.0.0.1'),
      ip('::ffff:10.0.0.1'),
    ],
    [
      'of a mailbox holds in any case',
      { email: { deny: ['root@example.com'] } },
      email('a@example.com'),
      email('ROOT@example.com'),
    ],
    [
      'of a URI holds in any case',
      { uri: { deny: ['https://example.com/x'] } },
      uri('https://example.com/y'),
      uri('HTTPS://EXAMPLE.com/x'),
    ],
    [
      'of a host of URIs holds where the host cannot be read',
      { uri: { deny: ['https://evil.example/**'] } },
      uri('https://fine.example/'),
      uri('https://[::1]/'),
    ],
    [
      'of a path',
      { spiffe: { deny: ['spiffe://td/ns/kube-system/**'] } },
      uri('spiffe://td/ns/a/sa/b'),
      uri('spiffe://td/ns/kube-system/sa/x'),
    ],
    [
      'of a name',
      { directory: { deny: ['O=Evil'] } },
      { type: 'directory', value: Name.parse('O=Good') },
      { type: 'directory', value: Name.parse('CN=x,O=EVIL') },
    ],
  ])('%s', (_, rules, accepted, refused) => {
    expect(judge(rules, accepted)).toEqual([])
    expect(judge(rules, refused)).toEqual([expect.stringContaining('is denied by')])
  })
})

describe('a wildcard', () => {
  const open: NameRules = { dns: { allow: ['**.gloo-mesh', '*.gloo-mesh'] }, wildcards: true }

  test('needs leave of its own', () => {
    expect(judge(open, dns('*.gloo-mesh'))).toEqual([])
    expect(judge({ ...open, wildcards: false }, dns('*.gloo-mesh'))).toEqual([
      expect.stringContaining('is a wildcard'),
    ])
    expect(judge({ dns: { deny: ['x.y'] } }, dns('*.gloo-mesh'))).toEqual([
      expect.stringContaining('is a wildcard'),
    ])
  })

  test.each([
    ['the host of its label', ['admin.example.com'], dns('*.example.com')],
    ['a pattern that meets it', ['*.example.com'], dns('*.example.com')],
    ['a pattern above it', ['**.com'], dns('*.example.com')],
  ])('is denied by %s', (_, deny, name) => {
    const rules = { dns: { allow: ['**'], deny }, wildcards: true }
    expect(judge(rules, name)).toEqual([expect.stringContaining('is denied')])
    expect(judge(rules, dns('*.other.org'))).toEqual([])
  })

  test('is allowed by what describes all of its names, not by one of them', () => {
    expect(judge({ dns: { allow: ['a.example.com'] }, wildcards: true }, dns('*.example.com'))).toHaveLength(
      1,
    )
    expect(judge({ dns: { allow: ['*.example.com'] }, wildcards: true }, dns('*.example.com'))).toEqual([])
    expect(
      judge({ dns: { allow: ['*.example.com'] }, wildcards: true }, dns('*.a.example.com')),
    ).toHaveLength(1)
  })
})

describe('a name that is not well formed is refused, whatever the lists say', () => {
  test.each([
    dns('a..b'),
    dns('10.0.0.1'),
    dns('a.b.'),
    dns('*.*.b'),
    email('"a b"@example.com'),
    email('example.com'),
    uri('spiffe://TD/a'),
    uri('SPIFFE://td/a'),
    uri('spiffe://td/a/../b'),
    uri('spiffe://td/a%2fb'),
    uri('spiffe:td/a'),
  ])('%j', (name) => {
    expect(judge({}, name)).toHaveLength(1)
    expect(
      judge({ dns: { allow: ['**'] }, uri: { allow: ['https://**/**'] }, wildcards: true }, name),
    ).toHaveLength(1)
  })

  test('other names cannot be allowed', () => {
    const name: GeneralName = { type: 'other', form: 'other-name', oid: '1.2.3', value: Uint8Array.of(5, 0) }
    expect(judge({}, name)).toEqual([expect.stringContaining('no policy can allow')])
  })
})

describe('how many', () => {
  test('at least one for end entities, none needed for CAs', () => {
    expect(judge({})).toEqual([expect.stringContaining('at least 1')])
    const violations = new Violations('certificate')
    new CompiledNameRules({}, true).judge([], violations)
    expect(violations.list).toEqual([])
  })

  test('at most what is said, 100 otherwise', () => {
    const names = Array.from({ length: 101 }, (_, i) => dns(`h${i}.example`))
    expect(judge({}, ...names.slice(1))).toEqual([])
    expect(judge({}, ...names)).toEqual([expect.stringContaining('at most 100')])
    expect(judge({ max: 1 }, dns('a.b'), dns('c.d'))).toEqual([expect.stringContaining('at most 1 ')])
  })
})

describe('a common name is judged as what a client may take it for', () => {
  const judgeCn = (rules: NameRules, value: string): readonly string[] => {
    const violations = new Violations('certificate')
    new CompiledNameRules(rules, false).judgeCommonName(value, false, violations)
    return violations.list.map(({ message }) => message)
  }

  test.each([
    ['a host', { dns: { allow: ['**.example.com'] } }, 'a.example.com', 'evil.org'],
    ['an address', { ip: { allow: ['10.0.0.0/8'] } }, '10.0.0.1', '192.0.2.1'],
    ['a mailbox', { email: { allow: ['*@example.com'] } }, 'a@example.com', 'a@evil.org'],
    ['a SPIFFE ID', { spiffe: { allow: ['spiffe://td/**'] } }, 'spiffe://td/a', 'spiffe://other/a'],
    [
      'a label, which only a denial meets',
      { dns: { allow: ['a.b'], deny: ['localhost'] } },
      'productpage',
      'localhost',
    ],
  ])('%s', (_, rules, accepted, refused) => {
    expect(judgeCn(rules, accepted)).toEqual([])
    expect(judgeCn(rules, refused)).toHaveLength(1)
  })
})

describe('misuse names the option', () => {
  test.each<[unknown, RegExp]>([
    [{ dns: { allow: 'a' } }, /"names\.dns\.allow" must be an array; got string/],
    [{ dns: { allow: ['a*b'] } }, /"names\.dns\.allow\[0\]" holds "a\*b"; expected a host/],
    [{ dns: { allow: ['***.a'] } }, /"names\.dns\.allow\[0\]"/],
    [{ dns: { allow: [1] } }, /"names\.dns\.allow\[0\]" must hold texts; got number/],
    [{ dns: { allows: [] } }, /Did you mean "allow"/],
    [{ dnsNames: {} }, /has no option "dnsNames"/],
    [{ ip: { deny: ['10.0.0.1/8'] } }, /"names\.ip\.deny\[0\]".*without host bits/],
    [{ email: { allow: ['example.com'] } }, /"names\.email\.allow\[0\]".*"\*@"/],
    [{ uri: { allow: ['spiffe://td/**'] } }, /rules of their own, "names\.spiffe"/],
    [{ uri: { allow: ['https://a/b*'] } }, /a scheme and host pattern with any path/],
    [{ spiffe: { allow: [5] } }, /"names\.spiffe\.allow\[0\]" must hold patterns/],
    [{ registeredId: { allow: ['a'] } }, /expected an object identifier/],
    [{ max: -1 }, /"names\.max"/],
  ])('%j', (rules, message) => {
    expect(() => new CompiledNameRules(rules as NameRules, false)).toThrow(message)
  })
})
