import { describe, expect, test } from 'vitest'
import {
  findIdentityCollisions,
  IstioTrustDomains,
  istioPrincipal,
  istioTrustDomain,
  lintSpiffeId,
  normalizeSpiffeId,
  normalizeTrustDomain,
  parseIstioPrincipal,
  SpiffeId,
  secureNaming,
} from '../../../src/spiffe/index.ts'
import { forgeCa } from '../verify/forge.ts'
import { thrownBy } from './reference.ts'

describe('principals', () => {
  test('are identities without the scheme', () => {
    const principal = 'kind2/ns/default/sa/bookinfo-productpage'
    expect(istioPrincipal(`spiffe://${principal}`)).toBe(principal)
    expect(istioPrincipal(SpiffeId.parse(`spiffe://${principal}`))).toBe(principal)
    expect(parseIstioPrincipal(principal)).toEqual({
      trustDomain: 'kind2',
      namespace: 'default',
      serviceAccount: 'bookinfo-productpage',
    })
  })

  test('what Istio does not read has none', () => {
    expect(() => istioPrincipal('spiffe://kind2/default/web')).toThrow('not a spiffe format')
    expect(() => parseIstioPrincipal('kind2/default/web')).toThrow('not a spiffe format')
    expect(thrownBy(() => parseIstioPrincipal('spiffe://kind2/ns/a/sa/b'))).toMatchObject({
      data: { reason: 'scheme' },
    })
  })

  test('an account of a cloud provider becomes a trust domain', () => {
    expect(istioTrustDomain('mesh@project.iam.example')).toBe('mesh.project.iam.example')
  })
})

describe('trust domain aliases', () => {
  const mesh = new IstioTrustDomains({ trustDomain: 'new-td', aliases: ['old-td', 'older.td', 'old-td'] })

  test('each once, the trust domain first', () => {
    expect(mesh.names).toEqual(['new-td', 'old-td', 'older.td'])
    expect(mesh.includes('older.td')).toBe(true)
    expect(mesh.includes('other')).toBe(false)
  })

  test('an identity under every name', () => {
    // The example of Istio's own documentation of ExpandWithTrustDomains.
    expect(
      new IstioTrustDomains({ trustDomain: 'td1', aliases: ['td2'] }).expandIdentity(
        'spiffe://td1/ns/def/sa/def',
      ),
    ).toEqual(['spiffe://td1/ns/def/sa/def', 'spiffe://td2/ns/def/sa/def'])
    // istiod adds the aliases only: an identity of another trust domain is not expected under our own.
    expect(mesh.expandIdentity('spiffe://elsewhere/ns/a/sa/b')).toEqual([
      'spiffe://elsewhere/ns/a/sa/b',
      'spiffe://old-td/ns/a/sa/b',
      'spiffe://older.td/ns/a/sa/b',
    ])
  })

  test.each([
    // As in istio/pilot/pkg/security/trustdomain: names of the mesh and cluster.local stand for all of them.
    ['new-td/ns/a/sa/b', ['new-td/ns/a/sa/b', 'old-td/ns/a/sa/b', 'older.td/ns/a/sa/b']],
    ['old-td/ns/a/sa/b', ['new-td/ns/a/sa/b', 'old-td/ns/a/sa/b', 'older.td/ns/a/sa/b']],
    ['cluster.local/ns/a/sa/b', ['new-td/ns/a/sa/b', 'old-td/ns/a/sa/b', 'older.td/ns/a/sa/b']],
    ['some-td/ns/a/sa/b', ['some-td/ns/a/sa/b']],
    ['*/ns/a/sa/b', ['*/ns/a/sa/b']],
    ['*-td/ns/a/sa/b', ['*-td/ns/a/sa/b', 'older.td/ns/a/sa/b']],
    ['*', ['*']],
    ['sa/b', ['sa/b']],
    ['new-td/ns/*/sa/b', ['new-td/ns/*/sa/b', 'old-td/ns/*/sa/b', 'older.td/ns/*/sa/b']],
  ])('the principal %s', (principal, expected) => {
    expect(mesh.expandPrincipal(principal)).toEqual(expected)
  })

  test('the same principal', () => {
    expect(mesh.isSamePrincipal('spiffe://new-td/ns/a/sa/b', 'spiffe://old-td/ns/a/sa/b')).toBe(true)
    expect(mesh.isSamePrincipal('spiffe://x/ns/a/sa/b', 'spiffe://x/ns/a/sa/b')).toBe(true)
    expect(mesh.isSamePrincipal('spiffe://new-td/ns/a/sa/b', 'spiffe://x/ns/a/sa/b')).toBe(false)
    expect(mesh.isSamePrincipal('spiffe://new-td/ns/a/sa/b', 'spiffe://new-td/ns/a/sa/c')).toBe(false)
  })

  test('wrong options are named', () => {
    // @ts-expect-error a list is needed
    expect(() => new IstioTrustDomains({ trustDomain: 'td', aliases: 'old' })).toThrow('aliases')
    expect(() => new IstioTrustDomains({ trustDomain: '' })).toThrow(TypeError)
  })
})

describe('secure naming', () => {
  const mesh = new IstioTrustDomains({ trustDomain: 'kind2', aliases: ['cluster.local'] })
  const expectFor = secureNaming(
    {
      reviews: ['default/bookinfo-reviews', { namespace: 'blue', serviceAccount: 'reviews' }],
      remote: [SpiffeId.parse('spiffe://kind3/ns/default/sa/remote')],
      nobody: [],
    },
    mesh,
  )
  const matches = (service: string, text: string) => expectFor(service).matches(SpiffeId.parse(text))

  test('accepts the accounts of a service under the trust domain and its aliases', () => {
    expect(matches('reviews', 'spiffe://kind2/ns/default/sa/bookinfo-reviews')).toBe(true)
    expect(matches('reviews', 'spiffe://cluster.local/ns/blue/sa/reviews')).toBe(true)
    expect(matches('remote', 'spiffe://kind3/ns/default/sa/remote')).toBe(true)
    expect(matches('remote', 'spiffe://cluster.local/ns/default/sa/remote')).toBe(true)
  })

  test('refuses other accounts, other trust domains, and every service that is not known', () => {
    expect(matches('reviews', 'spiffe://kind2/ns/default/sa/bookinfo-ratings')).toBe(false)
    expect(matches('reviews', 'spiffe://kind3/ns/default/sa/bookinfo-reviews')).toBe(false)
    expect(matches('remote', 'spiffe://kind2/ns/default/sa/remote')).toBe(false)
    expect(matches('nobody', 'spiffe://kind2/ns/default/sa/nobody')).toBe(false)
    for (const service of ['unknown', '__proto__', 'constructor', 'toString'])
      expect(matches(service, 'spiffe://kind2/ns/default/sa/bookinfo-reviews')).toBe(false)
    expect(String(expectFor('unknown'))).toContain('no service account')
  })

  test('a Map does as well; what is no account is refused', () => {
    const byMap = secureNaming(new Map([['a', ['ns/sa']]]), mesh)
    expect(byMap('a').matches(SpiffeId.parse('spiffe://kind2/ns/ns/sa/sa'))).toBe(true)
    for (const account of ['no-slash', 'a/b/c', '/b', 'a/', 'spiffe://kind2/web'])
      expect(() => secureNaming({ a: [account] }, mesh)).toThrow()
    // Parts are parts: neither may bring a trust domain of its own.
    for (const parts of [
      { namespace: 'spiffe://evil/ns/x/sa', serviceAccount: 'y' },
      { namespace: undefined as never, serviceAccount: 'a' },
      { namespace: 'a', serviceAccount: 'b/c' },
    ])
      expect(() => secureNaming({ a: [parts] }, mesh)).toThrow(TypeError)
    const cloud = new IstioTrustDomains({ trustDomain: 'mesh@cloud' })
    expect(String(secureNaming({ a: ['ns/sa'] }, cloud)('a'))).toContain('spiffe://mesh.cloud/ns/ns/sa/sa')
    expect(String(secureNaming({ a: ['ns/s\u202ea'] }, mesh)('a'))).not.toContain('\u202e')
    expect(() => secureNaming({}, undefined as never)).toThrow('IstioTrustDomains')
    // @ts-expect-error a list is needed
    expect(() => secureNaming({ a: 'ns/sa' }, mesh)).toThrow('array')
  })
})

describe('where the two worlds differ', () => {
  test.each([
    ['spiffe://cluster.local/ns/foo/sa/bar', true, []],
    ['spiffe://td/foo/a/sa/b', false, ['istio istio-identity']],
    ['spiffe://td', false, ['istio istio-identity', 'nobody no-path']],
    ['spiffe://TD/ns/a/sa/b', false, ['spiffe spiffe-id']],
    ['spiffe://td_1/ns/a/sa/b', false, ['istio trust-domain']],
    ['spiffe://td./ns/a/sa/b', false, ['nobody trust-domain']],
    ['spiffe://-td/ns/a/sa/b', false, ['istio trust-domain']],
    ['spiffe://td:80/ns/a/sa/b', false, ['spiffe spiffe-id', 'istio trust-domain']],
    ['spiffe://td/ns/a%2fb/sa/c', false, ['spiffe spiffe-id']],
    ['SPIFFE://cluster.local/ns/a/sa/b', false, ['spiffe spiffe-id', 'istio istio-identity']],
    ['', false, ['spiffe spiffe-id', 'istio istio-identity']],
  ])('%j', (text, safe, expected) => {
    const lint = lintSpiffeId(text)
    expect(lint.findings.map(({ refusedBy, reason }) => `${refusedBy} ${reason}`)).toEqual(expected)
    expect(lint.safe).toBe(safe)
  })

  test('case is mended on request, and nothing else', () => {
    expect(String(normalizeSpiffeId('SPIFFE://Prod.Example/Web'))).toBe('spiffe://prod.example/Web')
    expect(String(normalizeSpiffeId('Spiffe://TD'))).toBe('spiffe://td')
    expect(String(normalizeTrustDomain('Prod.Example'))).toBe('prod.example')
    for (const text of [
      'spiffe://td/',
      'SPIFFE://td/a/../b',
      ' spiffe://td/a',
      'spiffe://td:443/a',
      'spiffe://\u212a/a',
    ])
      expect(() => normalizeSpiffeId(text)).toThrow()
  })
})

describe('collisions of identities', () => {
  const root = forgeCa({ subject: 'shared root' }).certificate
  const other = forgeCa({ subject: 'other root' }).certificate
  const cluster = (
    name: string,
    trustDomain: string,
    roots = [root],
    identities: readonly string[] = [],
  ) => ({
    name,
    trustDomain,
    roots,
    identities,
  })

  test('two clusters under one root with one trust domain, with the way out', () => {
    const web = 'spiffe://cluster.local/ns/default/sa/web'
    const [collision, ...others] = findIdentityCollisions([
      cluster('east', 'cluster.local', [root], [web, 'spiffe://cluster.local/ns/default/sa/only-east']),
      cluster('west', 'cluster.local', [root, other], [web]),
      cluster('north', 'north', [root]),
    ])
    expect(others).toEqual([])
    expect(collision).toMatchObject({
      clusters: ['east', 'west'],
      roots: [expect.stringMatching(/^CN=shared root \(key [0-9a-f]{64}\)$/)],
    })
    expect(collision?.identities.map(String)).toEqual([web])
    expect(collision?.message).toContain(
      '"east", "west" share the trust domain cluster.local and are linked by common roots',
    )
    const steps = collision?.steps ?? []
    // Aliases come before the change of the trust domain, and the old name goes last.
    expect(
      steps.map(
        (step) => /trustDomainAliases|trustDomain to|certificate|AuthorizationPolicies/.exec(step)?.[0],
      ),
    ).toEqual([
      undefined,
      'trustDomainAliases',
      'trustDomain to',
      'certificate',
      'AuthorizationPolicies',
      'certificate',
    ])
    expect(steps.at(-1)).toContain('remove cluster.local')
  })

  test('a root that was issued again is the same root', () => {
    const renewed = forgeCa({ subject: 'shared root', notAfter: '2030-01-01T00:00:00Z' }).certificate
    const [collision] = findIdentityCollisions([
      cluster('east', 'td', [root]),
      cluster('west', 'td', [renewed]),
    ])
    expect(collision?.clusters).toEqual(['east', 'west'])
  })

  test('a root that passes from one to the next makes one group', () => {
    const third = forgeCa({ subject: 'third root' }).certificate
    const [collision] = findIdentityCollisions([
      cluster('a', 'td', [root]),
      cluster('b', 'td', [third]),
      cluster('c', 'td', [root, third]),
    ])
    expect(collision?.clusters).toEqual(['a', 'c', 'b'])
  })

  test('namesakes of clusters that no root joins do not meet', () => {
    const third = forgeCa({ subject: 'third root' }).certificate
    const web = 'spiffe://td/web'
    const [apart] = findIdentityCollisions([
      cluster('a', 'td', [root], [web]),
      cluster('b', 'td', [third], [web]),
      cluster('c', 'td', [root, third]),
    ])
    expect(apart?.identities).toEqual([])
    const [met] = findIdentityCollisions([
      cluster('a', 'td', [root], [web]),
      cluster('b', 'td', [third]),
      cluster('c', 'td', [root, third], [web]),
    ])
    expect(met?.identities.map(String)).toEqual([web])
  })

  test('separate roots, or separate trust domains, do not collide', () => {
    expect(findIdentityCollisions([cluster('a', 'td', [root]), cluster('b', 'td', [other])])).toEqual([])
    expect(findIdentityCollisions([cluster('a', 'td-a'), cluster('b', 'td-b')])).toEqual([])
    expect(findIdentityCollisions([])).toEqual([])
  })
})
