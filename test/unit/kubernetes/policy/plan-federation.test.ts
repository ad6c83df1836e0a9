import { describe, expect, test } from 'vitest'
import type { SecretLike } from '../../../../src/kubernetes/objects/secret-like.ts'
import type { FederationObserved, FederationPlan } from '../../../../src/kubernetes/policy/federation-plan.ts'
import type { Inventory, InventoryMesh } from '../../../../src/kubernetes/policy/inventory.ts'
import { planFederation } from '../../../../src/kubernetes/policy/plan-federation.ts'
import { policyOwner } from '../../../../src/kubernetes/policy/policy-owner.ts'
import { readRootTrustPolicy } from '../../../../src/kubernetes/policy/read-root-trust-policy.ts'
import { readVirtualMesh } from '../../../../src/kubernetes/policy/read-virtual-mesh.ts'
import { rootSecretNames } from '../../../../src/kubernetes/policy/root-secret-names.ts'
import type { TrustPolicy } from '../../../../src/kubernetes/policy/trust-policy.ts'
import { Certificate } from '../../../../src/x509/index.ts'
import { caBelow, pem, privatePem, rootOf } from '../../ca/lint/support.ts'
import { expectSealed, secretOf } from '../support.ts'
import { rootTrustPolicy, virtualMesh } from './support.ts'

const mesh = (cluster: string, change: Partial<InventoryMesh> = {}): InventoryMesh => ({
  name: `istiod-istio-system-${cluster}`,
  namespace: 'istio-system',
  revision: '1-26',
  trustDomain: `${cluster}.example`,
  serviceAccount: 'istiod-service-account',
  ...change,
})
const inventory = (...meshes: readonly InventoryMesh[]): Inventory => ({
  clusters: [
    { name: 'c2', labels: { trust: 'shared' }, meshes: [mesh('c2')] },
    { name: 'c1', labels: { trust: 'shared' }, meshes: [mesh('c1'), ...meshes] },
  ],
})
const policyOf = (config: object = { mgmtServerCa: { generated: { ttlDays: 3650 } } }, rest: object = {}) =>
  readRootTrustPolicy(rootTrustPolicy({ config, ...rest }))
const provided = () => policyOf({ mgmtServerCa: { secretRef: { name: 'my-root', namespace: 'gloo-mesh' } } })

const time = new Date('2026-06-01T00:00:00Z')
const nothing: FederationObserved = { time, secrets: [], cacerts: [], orders: [] }
const plan = (policy: TrustPolicy, observed: Partial<FederationObserved> = {}, meshes = inventory()) =>
  planFederation(policy, meshes, { ...nothing, ...observed })
const codes = ({ findings }: FederationPlan) => findings.map(({ code }) => code)

const at = (name: string, namespace = 'gloo-mesh'): Partial<SecretLike> => ({ metadata: { name, namespace } })
const root = rootOf('Plan Root', { notAfter: '2040-01-01T00:00:00Z' })
const four = (certificate = pem(root), chain = certificate, roots = certificate, key = 'Plan Root') => ({
  'ca-cert.pem': certificate,
  'ca-key.pem': privatePem(key),
  'cert-chain.pem': chain,
  'root-cert.pem': roots,
})
const order = (cluster: string, owner: object, name = `istiod-istio-system-${cluster}`) => ({
  cluster,
  object: {
    kind: 'IssuedCertificate',
    metadata: { name, namespace: 'gloo-mesh', ...owner },
    spec: { issuedCertificateSecret: { name: 'cacerts', namespace: 'istio-system' } },
  },
})
const ownedBy = (policy: TrustPolicy) => ({ labels: { 'pki.mesh-pki.dev/owner': policyOwner(policy) } })

describe('a root that is generated', () => {
  describe('and is gone', () => {
    const made = Certificate.fromPem(pem(root)).fingerprint()
    const record = (fingerprint = made) => ({
      kind: 'ConfigMap',
      metadata: { name: 'root-trust-policy.gloo-mesh.record', namespace: 'gloo-mesh' },
      data: { sha256: fingerprint },
    })

    test('is not made anew, where a note says that it was made', () => {
      const planned = plan(policyOf(), { rootRecords: [record()] })
      expect(planned.root).toMatchObject({
        do: 'refuse',
        reason: expect.stringContaining(made),
      })
      expect(codes(planned)).toEqual(['root-lost'])
      expect(planned.issue.map((each) => each.do)).toEqual(['hold', 'hold'])
      // A note about another one says nothing.
      const other = { ...record(), metadata: { name: 'other.record', namespace: 'gloo-mesh' } }
      expect(plan(policyOf(), { rootRecords: [other] }).root.do).toBe('create')
    })

    test('nor where an order says that it was used; one of another policy does not', () => {
      const planned = plan(policyOf(), { orders: [order('c1', ownedBy(policyOf()))] })
      expect(planned.root.do).toBe('refuse')
      expect(codes(planned)).toEqual(['root-lost'])
      const stranger = { labels: { 'pki.mesh-pki.dev/owner': 'another' } }
      expect(plan(policyOf(), { orders: [order('c1', stranger)] }).root.do).toBe('create')
    })

    test('another one in its place does not sign', () => {
      const secrets = [secretOf(four(), at('root-trust-policy.gloo-mesh'))]
      expect(plan(policyOf(), { secrets, rootRecords: [record()] }).root.do).toBe('use')
      const planned = plan(policyOf(), { secrets, rootRecords: [record('0'.repeat(64))] })
      expect(planned.root.do).toBe('refuse')
      expect(codes(planned)).toContain('root-replaced')
    })
  })

  test('is made once, and each mesh gets an order', () => {
    const planned = plan(policyOf())
    expect(planned.root).toMatchObject({
      do: 'create',
      secret: { name: 'root-trust-policy.gloo-mesh', namespace: 'gloo-mesh' },
      options: { ttlDays: 3650, organization: 'gloo-mesh', keyAlgorithm: 'RSA-4096' },
    })
    expect(planned.issue).toEqual([
      {
        cluster: 'c1',
        mesh: 'istiod-istio-system-c1',
        order: { name: 'istiod-istio-system-c1', namespace: 'gloo-mesh' },
        do: 'order',
        spec: {
          hosts: ['spiffe://c1.example/ns/istio-system/sa/istiod-service-account'],
          organization: 'Istio',
          lifetime: '365d',
          keyAlgorithm: 'RSA-4096',
          gracePeriodRatio: 0.1,
          target: { name: 'cacerts', namespace: 'istio-system' },
          pathLength: 0,
        },
        reason: expect.stringContaining('the policy is for all meshes'),
      },
      expect.objectContaining({ cluster: 'c2', do: 'order' }),
    ])
    expect([planned.withdraw, planned.findings, planned.trust, planned.passive]).toEqual([[], [], [], []])
  })

  test.each<[string, Readonly<Record<string, string>>, string, string]>([
    ['four keys', four(), 'root-trust-policy.gloo-mesh', 'gloo'],
    [
      'two keys',
      { 'root-cert.pem': pem(root), 'key.pem': privatePem('Plan Root') },
      'root-trust-policy.gloo-mesh',
      'gloo-legacy',
    ],
    [
      'kubernetes.io/tls',
      { 'tls.crt': pem(root), 'tls.key': privatePem('Plan Root'), 'ca.crt': pem(root) },
      'root-trust-policy.gloo-mesh',
      'tls',
    ],
    [
      'the relay’s',
      { 'tls.key': privatePem('Plan Root'), 'ca.crt': pem(root) },
      'root-trust-policy.gloo-mesh',
      'relay',
    ],
    ['the name that the documentation has', four(), 'root-trust.root-trust-policy', 'gloo'],
  ])('one that is there is taken as it is: %s', (_, texts, name, layout) => {
    const planned = plan(policyOf(), { secrets: [secretOf(texts, at(name))] })
    expect(planned.root).toMatchObject({
      do: 'use',
      origin: 'generated',
      secret: { name },
      authority: { layout },
    })
    expect(planned.trust.map(String)).toEqual([String(root.certificate)])
    // It is not what the policy would generate, and stays all the same.
    expect(codes(planned)).toEqual(['root-options-ignored'])
    expect(planned.issue.every((each) => each.do === 'order')).toBe(true)
    expectSealed(planned)
  })

  test('two of them: the usual name counts', () => {
    const secrets = [
      secretOf(four(), at('root-trust.root-trust-policy')),
      secretOf(four(), at('root-trust-policy.gloo-mesh')),
    ]
    const planned = plan(policyOf(), { secrets })
    expect(planned.root).toMatchObject({ secret: { name: 'root-trust-policy.gloo-mesh' } })
    expect(codes(planned)).toContain('root-ambiguous')
  })

  test('the names to read', () => {
    const names = (policy: TrustPolicy) => rootSecretNames(policy).map(({ name }) => name)
    expect(names(policyOf())).toEqual(['root-trust-policy.gloo-mesh', 'root-trust.root-trust-policy'])
    expect(
      names(
        readVirtualMesh(
          virtualMesh({ mtlsConfig: { shared: { rootCertificateAuthority: { generated: {} } } } }),
        ),
      ),
    ).toEqual(['virtual-mesh.gloo-mesh'])
    const passive = policyOf({
      mgmtServerCa: { secretRef: { name: 'new', namespace: 'a' } },
      passiveCertificateAuthorities: [{ secretRef: { name: 'old', namespace: 'b' } }, { generated: {} }],
    })
    expect(names(passive)).toEqual([
      'new',
      'old',
      'root-trust-policy.gloo-mesh',
      'root-trust.root-trust-policy',
    ])
    expect(rootSecretNames(readVirtualMesh(virtualMesh({})))).toEqual([])
  })
})

describe('a CA that was brought', () => {
  const above = (pathLength: number | undefined) =>
    caBelow(root, 'Plan CA', {
      notAfter: '2035-01-01T00:00:00Z',
      ...(pathLength === undefined ? {} : { pathLength }),
    })
  const chain = (pathLength: number) => {
    const ca = above(pathLength)
    return secretOf(four(pem(ca), pem(ca, root), pem(root), 'Plan CA'), at('my-root'))
  }

  test('is waited for', () => {
    const planned = plan(provided())
    expect(planned.root).toMatchObject({ do: 'wait', secret: { name: 'my-root', namespace: 'gloo-mesh' } })
    expect(planned.issue.map((each) => [each.do, each.reason])).toEqual([
      ['hold', planned.root.reason],
      ['hold', planned.root.reason],
    ])
    expect(planned.findings).toMatchObject([{ code: 'root-missing', severity: 'error' }])
  })

  test('an intermediate: its chain follows what it signs', () => {
    const planned = plan(provided(), { secrets: [chain(1)] })
    if (planned.root.do !== 'use') throw new Error(planned.root.reason)
    expect(planned.root.origin).toBe('provided')
    expect(planned.root.authority.chain.map((each) => each.subject.values('CN')[0])).toEqual([
      'Plan CA',
      'Plan Root',
    ])
    expect(planned.trust.map((each) => each.subject.values('CN')[0])).toEqual(['Plan Root'])
    expect(planned.issue[0]).toMatchObject({ do: 'order', spec: { pathLength: 0 } })
  })

  const rootNoDeeper = rootOf('Shallow Root', { notAfter: '2040-01-01T00:00:00Z', pathLength: 1 })
  const belowShallow = caBelow(rootNoDeeper, 'Plan CA', { pathLength: 1, notAfter: '2035-01-01T00:00:00Z' })
  test.each<[string, SecretLike, string]>([
    ['a path length of 0', chain(0), 'the path length of "CN=Plan CA"'],
    [
      'a root above it that allows one CA',
      secretOf(
        four(pem(belowShallow), pem(belowShallow, rootNoDeeper), pem(rootNoDeeper), 'Plan CA'),
        at('my-root'),
      ),
      'the path length of "CN=Shallow Root"',
    ],
    [
      'a root with a path length of 0',
      secretOf(four(pem(rootOf('Flat', { pathLength: 0, notAfter: '2040-01-01T00:00:00Z' }))), at('my-root')),
      'at least 1',
    ],
    [
      'an end that has passed',
      secretOf(four(pem(rootOf('Old', { notAfter: '2026-01-01T00:00:00Z' }))), at('my-root')),
      'ended at 2026-01-01T00:00:00Z',
    ],
    [
      'a begin that is to come',
      secretOf(four(pem(rootOf('New', { notBefore: '2027-01-01T00:00:00Z' }))), at('my-root')),
      'begins only at',
    ],
    ['no CA', secretOf(four(pem(rootOf('Leaf', { only: [] }))), at('my-root')), 'is no CA'],
    [
      'a root that is not above it',
      secretOf(four(pem(above(1)), pem(above(1)), pem(rootOf('Other')), 'Plan CA'), at('my-root')),
      'put every CA between',
    ],
    ['no key', secretOf({ ...four(), 'ca-key.pem': 'x' }, at('my-root')), 'cannot be read as a CA'],
    ['another kind of secret', secretOf({ token: 'x' }, at('my-root')), 'cannot be read as a CA'],
  ])('%s is refused, and nothing is issued', (_, secret, problem) => {
    const planned = plan(provided(), { secrets: [secret] })
    expect(planned.root).toMatchObject({ do: 'refuse', reason: expect.stringContaining(problem) })
    expect(planned.issue.map((each) => each.do)).toEqual(['hold', 'hold'])
    expect(planned.findings).toMatchObject([{ code: 'root-refused', severity: 'error' }])
    expectSealed(planned)
  })

  test('a root that was renewed with its key stands twice, and the valid one counts', () => {
    const old = rootOf('Plan Root', { notAfter: '2026-05-01T00:00:00Z' })
    const secret = secretOf(four(pem(above(1)), pem(above(1)), pem(old, root), 'Plan CA'), at('my-root'))
    expect(plan(provided(), { secrets: [secret] }).root.do).toBe('use')
  })

  test('less than two lifetimes left', () => {
    const ending = (notAfter: string) =>
      codes(plan(provided(), { secrets: [secretOf(four(pem(rootOf('End', { notAfter }))), at('my-root'))] }))
    // 730 days after 2026-06-01.
    expect(ending('2028-05-30T00:00:00Z')).toEqual(['root-ends-soon'])
    expect(ending('2028-06-01T00:00:00Z')).toEqual([])
  })

  test('the secret that a mesh reads is no CA of the policy', () => {
    const policy = policyOf({ mgmtServerCa: { secretRef: { name: 'cacerts', namespace: 'istio-2' } } })
    const meshes: Inventory = {
      clusters: [{ name: 'c1', meshes: [mesh('c1', { namespace: 'istio-2' }), mesh('x')] }],
    }
    const planned = plan(policy, { secrets: [secretOf(four(), at('cacerts', 'istio-2'))] }, meshes)
    expect(planned.issue.map((each) => [each.mesh, each.do])).toEqual([
      ['istiod-istio-system-c1', 'hold'],
      ['istiod-istio-system-x', 'order'],
    ])
    expect(codes(planned)).toContain('root-of-a-mesh')
  })
})

describe('passive CAs', () => {
  const old = rootOf('Old Root', { notAfter: '2036-01-01T00:00:00Z' })
  const policy = policyOf({
    mgmtServerCa: { secretRef: { name: 'my-root', namespace: 'gloo-mesh' } },
    passiveCertificateAuthorities: [{ secretRef: { name: 'old', namespace: 'gloo-mesh' } }],
  })
  const active = secretOf(four(), at('my-root'))

  test('are trusted beside the one that signs, with or without a key', () => {
    for (const texts of [four(pem(old)), { 'root-cert.pem': pem(old) }, { 'ca.crt': pem(old, root) }]) {
      const planned = plan(policy, { secrets: [active, secretOf(texts, at('old'))] })
      expect(planned.passive).toMatchObject([{ do: 'trust', secret: { name: 'old' } }])
      expect(planned.trust.map((each) => each.subject.values('CN')[0])).toEqual(['Plan Root', 'Old Root'])
    }
  })

  test('one that is missing is an error: without it a bundle would end trust', () => {
    const planned = plan(policy, { secrets: [active] })
    expect(planned.passive).toMatchObject([{ do: 'wait', roots: [] }])
    expect(planned.findings).toMatchObject([{ code: 'passive-missing', severity: 'error' }])
    const broken = plan(policy, { secrets: [active, secretOf({ token: 'x' }, at('old'))] })
    expect(broken.passive).toMatchObject([{ do: 'refuse' }])
  })
})

test('a VirtualMesh without mtlsConfig plans nothing, and takes its orders back in steps', () => {
  const policy = readVirtualMesh(virtualMesh({ meshes: [{ name: 'istiod-istio-system-c1' }] }))
  const planned = plan(policy, { orders: [order('c1', ownedBy(policy))] })
  expect([planned.root.do, planned.issue]).toEqual(['nothing', []])
  expect(planned.withdraw).toMatchObject([{ cluster: 'c1' }])
})

test('Vault is left to the agents', () => {
  const vault = { server: 'https://v', caPath: 'a', csrPath: 'b', kubernetesAuth: { role: 'r' } }
  const planned = plan(policyOf({ agentCa: { vault } }))
  expect([planned.root.do, ...planned.issue.map((each) => each.do)]).toEqual([
    'leave-to-agents',
    'hold',
    'hold',
  ])
})

describe('identities', () => {
  test('what the inventory does not say gets Gloo’s defaults, with a warning', () => {
    const meshes = {
      clusters: [{ name: 'c1', meshes: [{ name: 'm', namespace: 'istio-system', trustDomain: '' }] }],
    }
    const planned = plan(policyOf(), {}, meshes)
    expect(planned.issue[0]?.spec?.hosts).toEqual(['spiffe://cluster.local/ns/istio-system/sa/istio-citadel'])
    expect(codes(planned)).toEqual(['identity-defaulted'])
  })

  test('equal ones in two clusters are a warning, in one cluster none', () => {
    const shared = (...names: readonly string[]) => ({
      clusters: names.map((name) => ({ name, meshes: [mesh(name, { trustDomain: 'cluster.local' })] })),
    })
    expect(codes(plan(policyOf(), {}, shared('a', 'b')))).toEqual(['identity-shared'])
    expect(codes(plan(policyOf(), {}, shared('a')))).toEqual([])
  })

  test('one that SPIFFE does not know is held; one that Istio does not know is a warning', () => {
    const planned = plan(
      policyOf(),
      {},
      { clusters: [{ name: 'a', meshes: [mesh('a', { trustDomain: 'Prod' })] }] },
    )
    expect(planned.issue).toMatchObject([{ do: 'hold', spec: undefined }])
    expect(codes(planned)).toEqual(['trust-domain-unsafe', 'identity-invalid'])
    const warned = plan(
      policyOf(),
      {},
      { clusters: [{ name: 'a', meshes: [mesh('a', { trustDomain: 'p_1' })] }] },
    )
    expect([warned.issue[0]?.do, codes(warned)]).toEqual(['order', ['trust-domain-unsafe']])
  })
})

describe('what is held', () => {
  const cacerts = (labels: object, texts: Readonly<Record<string, string>> = four()) => [
    {
      cluster: 'c1',
      secret: secretOf(texts, {
        metadata: { name: 'cacerts', namespace: 'istio-system', labels: { ...labels } },
      }),
    },
  ]
  const first = (planned: FederationPlan) => planned.issue[0]

  test('a cacerts of somebody else', () => {
    const planned = plan(policyOf(), { cacerts: cacerts({}) })
    expect(first(planned)).toMatchObject({
      do: 'hold',
      reason: expect.stringContaining('somebody else wrote it'),
    })
    expect(planned.issue[1]?.do).toBe('order')
    expect(planned.findings).toMatchObject([
      {
        code: 'cacerts-foreign',
        severity: 'error',
        cluster: 'c1',
        message: expect.stringContaining('agent.certificates.mesh.gloo.solo.io=gloo-mesh'),
      },
    ])
    const own = plan(policyOf(), { cacerts: cacerts({}, { ...four(), 'istio-generated': '' }) })
    expect(first(own)?.reason).toContain('istiod made it for itself')
    expectSealed(planned)
  })

  test('one of an agent is not', () => {
    for (const label of ['agent.certificates.mesh.gloo.solo.io', 'pki.mesh-pki.dev/agent'])
      expect(first(plan(policyOf(), { cacerts: cacerts({ [label]: 'gloo-mesh' }) }))?.do).toBe('order')
  })

  test('two revisions in one namespace', () => {
    const meshes = inventory(mesh('c1', { name: 'istiod-1-27-istio-system-c1', revision: '1-27' }))
    const planned = plan(policyOf(), {}, meshes)
    expect(planned.issue.map((each) => [each.mesh, each.do])).toEqual([
      ['istiod-1-27-istio-system-c1', 'order'],
      ['istiod-istio-system-c1', 'hold'],
      ['istiod-istio-system-c2', 'order'],
    ])
    expect(codes(planned)).toEqual(['cacerts-shared'])
  })

  describe('two policies for one mesh', () => {
    const mine = policyOf()
    const other = readVirtualMesh(
      virtualMesh({
        mtlsConfig: { shared: { rootCertificateAuthority: { generated: { ttlDays: 9999 } } } },
        meshes: [{ name: 'istiod-istio-system-c1' }],
      }),
    )
    const policies = [other, mine]

    test('where no order tells who was first, both wait', () => {
      for (const policy of policies) {
        const planned = plan(policy, { policies })
        expect(first(planned)).toMatchObject({ cluster: 'c1', do: 'hold' })
        expect(codes(planned)).toEqual(['policy-conflict'])
      }
      expect(plan(mine, { policies }).issue[1]?.do).toBe('order')
    })

    test('who gave the order keeps it', () => {
      const parents = {
        annotations: {
          'parents.networking.mesh.gloo.solo.io': JSON.stringify({
            'networking.mesh.gloo.solo.io/v1, Kind=VirtualMesh': [
              { name: 'virtual-mesh', namespace: 'gloo-mesh' },
            ],
          }),
        },
      }
      const made = [
        secretOf(four(), at('virtual-mesh.gloo-mesh')),
        secretOf(four(), at('root-trust-policy.gloo-mesh')),
      ]
      const byGloo = { policies, orders: [order('c1', parents)], secrets: made }
      expect(first(plan(other, byGloo))?.do).toBe('order')
      expect(first(plan(mine, byGloo))).toMatchObject({
        do: 'hold',
        reason: expect.stringContaining('VirtualMesh gloo-mesh/virtual-mesh, which keeps it'),
      })
      const byLabel = { policies, orders: [order('c1', ownedBy(mine))], secrets: made }
      expect([first(plan(mine, byLabel))?.do, first(plan(other, byLabel))?.do]).toEqual(['order', 'hold'])
    })

    test('one that manages no certificates is no rival', () => {
      const idle = readVirtualMesh(virtualMesh({ meshes: [{ name: 'istiod-istio-system-c1' }] }))
      expect(codes(plan(mine, { policies: [idle] }))).toEqual([])
    })
  })
})

describe('a mesh that is no longer selected', () => {
  const policy = policyOf(undefined, { applyToMeshes: [{ istio: { namespace: 'istio-system' } }] })
  const gone = order('c9', ownedBy(policy))

  test('is taken out in steps, its secret last', () => {
    const planned = plan(policy, { orders: [gone, order('c1', ownedBy(policy)), order('c8', {})] })
    expect(planned.withdraw).toMatchObject([
      {
        cluster: 'c9',
        order: { name: 'istiod-istio-system-c9', namespace: 'gloo-mesh' },
        target: { name: 'cacerts', namespace: 'istio-system' },
      },
    ])
    expect(planned.withdraw[0]?.steps.map(({ step }) => step)).toEqual([
      'trust-both',
      'switch-ca',
      'renew-workloads',
      'delete-order',
      'delete-cacerts',
    ])
  })

  test('parents that are no JSON name nobody', () => {
    const broken = order('c9', { annotations: { 'parents.networking.mesh.gloo.solo.io': '{' } })
    expect(plan(policy, { orders: [broken] }).withdraw).toEqual([])
  })
})

test('equal input in another order gives an equal plan', () => {
  const policy = policyOf()
  const orders = [order('c9', ownedBy(policy)), order('c8', ownedBy(policy))]
  const secrets = [secretOf(four(), at('root-trust-policy.gloo-mesh'))]
  const one = inventory()
  const other: Inventory = { clusters: [...one.clusters].reverse() }
  const text = (planned: FederationPlan) => JSON.stringify(planned)
  expect(text(plan(policy, { orders, secrets }, one))).toBe(
    text(plan(policy, { orders: [...orders].reverse(), secrets }, other)),
  )
})

test('a label for the owner', () => {
  expect(policyOwner(policyOf())).toBe('roottrustpolicy.gloo-mesh.root-trust-policy')
  const long = policyOwner({ kind: 'VirtualMesh', namespace: 'n'.repeat(63), name: 'a'.repeat(63) })
  expect(long).toMatch(/^[a-z0-9.-]{63}$/)
  expect(long).not.toBe(policyOwner({ kind: 'VirtualMesh', namespace: 'n'.repeat(63), name: 'b' }))
})

test('observations of another form', () => {
  const call = (observed: object) => () =>
    planFederation(policyOf(), inventory(), { ...nothing, ...observed } as never)
  expect(call({ secrets: 'x' })).toThrow('"secrets"')
  expect(call({ orders: [{ cluster: 'c1' }] })).toThrow('"orders[0].object"')
  expect(call({ time: 'now' })).toThrow('"time"')
  expect(call({ extra: 1 })).toThrow('"extra"')
})
