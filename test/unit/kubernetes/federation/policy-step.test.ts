import { describe, expect, test } from 'vitest'
import { CertificateAuthority, createRootCa } from '../../../../src/ca/index.ts'
import { createCsr } from '../../../../src/csr/index.ts'
import { KubeClient } from '../../../../src/kubernetes/api/kube-client.ts'
import { KubeResources } from '../../../../src/kubernetes/api/kube-resource.ts'
import { agentStep } from '../../../../src/kubernetes/federation/agent-step.ts'
import { AuthorityLoader } from '../../../../src/kubernetes/federation/authority-loader.ts'
import {
  type FederationApi,
  GLOO_API,
  MESH_PKI_API,
} from '../../../../src/kubernetes/federation/federation-api.ts'
import { IssuanceLedger } from '../../../../src/kubernetes/federation/issuance-ledger.ts'
import { issuerStep } from '../../../../src/kubernetes/federation/issuer-step.ts'
import { policyEntitlement, policyStep } from '../../../../src/kubernetes/federation/policy-step.ts'
import type { PolicyStepOptions } from '../../../../src/kubernetes/federation/policy-step-options.ts'
import type { Inventory } from '../../../../src/kubernetes/policy/inventory.ts'
import { readRootTrustPolicy } from '../../../../src/kubernetes/policy/read-root-trust-policy.ts'
import { readVirtualMesh } from '../../../../src/kubernetes/policy/read-virtual-mesh.ts'
import type { TrustPolicy } from '../../../../src/kubernetes/policy/trust-policy.ts'
import { decodeCacerts } from '../../../../src/kubernetes/secrets/decode-cacerts.ts'
import { encodeRootSecret } from '../../../../src/kubernetes/secrets/root-secret.ts'
import { manualClock } from '../../../../src/testing/index.ts'
import { checkPath } from '../../../../src/verify/index.ts'
import { exportPrivateKey, generateKeyPair, importPrivateKey } from '../../../../src/x509/index.ts'
import { rootTrustPolicy, virtualMesh } from '../policy/support.ts'
import { CACERTS, newCluster, START } from './support.ts'

const INVENTORY: Inventory = {
  clusters: ['cluster-1', 'cluster-2'].map((name) => ({
    name,
    labels: { trust: 'shared' },
    meshes: [
      {
        name: `istiod-istio-system-${name}`,
        namespace: 'istio-system',
        trustDomain: name,
        serviceAccount: 'istiod-service-account',
      },
    ],
  })),
}

/** Smaller keys than the default of 4096 bits, or each of these takes seconds. */
const KEYS = { rsaKeySizeBytes: 2048 }

class PolicyWorld {
  readonly clock = manualClock(START)
  readonly management = newCluster(this.clock)
  readonly apis = new Map(['cluster-1', 'cluster-2'].map((name) => [name, newCluster(this.clock)] as const))
  readonly manager = new KubeClient(this.management.transport(), {
    fieldManager: 'manager',
    clock: this.clock,
  })
  readonly ledger = new IssuanceLedger(this.manager, 'gloo-mesh')
  options: PolicyStepOptions

  constructor(policy: TrustPolicy, api: FederationApi = MESH_PKI_API, inventory = INVENTORY) {
    this.options = {
      api,
      policy,
      inventory,
      management: this.manager,
      clusters: Object.fromEntries([...this.apis.keys()].map((name) => [name, this.client(name)])),
      loader: new AuthorityLoader(this.manager),
    }
  }

  client(cluster: string): KubeClient {
    const api = this.apis.get(cluster)
    if (api === undefined) throw new Error(cluster)
    return new KubeClient(api.transport(), { fieldManager: 'test', clock: this.clock })
  }

  async settle() {
    for (let round = 0; round < 20; round++) {
      const report = await policyStep(this.options)
      let { changed } = report
      for (const cluster of this.apis.keys()) {
        const order = { namespace: 'gloo-mesh', name: `istiod-istio-system-${cluster}` }
        const client = this.client(cluster)
        const { api } = this.options
        changed = (await agentStep(client, order, { api, agentNamespace: 'gloo-mesh' })).changed || changed
        const issuer = {
          api,
          cluster,
          ledger: this.ledger,
          entitlementOf: (wanted: typeof order) => policyEntitlement(this.options, cluster, wanted),
        }
        changed = (await issuerStep(client, order, issuer)).changed || changed
      }
      if (!changed) return report
    }
    throw new Error('it does not settle')
  }

  cacerts(cluster: string) {
    return decodeCacerts(this.apis.get(cluster)?.read(KubeResources.secrets, CACERTS) ?? {})
  }
}

const both = ['cluster-1', 'cluster-2']

describe('a policy is carried out, to cacerts in both clusters', () => {
  test.each([
    [
      'RootTrustPolicy, generated, ttlDays 1 with ratio 0.1',
      () =>
        readRootTrustPolicy(
          rootTrustPolicy({
            applyToMeshes: [{ istio: { clusterSelector: { trust: 'shared' } } }],
            config: {
              mgmtServerCa: { generated: { ttlDays: 730, ...KEYS } },
              intermediateCertOptions: { ttlDays: 1, secretRotationGracePeriodRatio: 0.1, ...KEYS },
            },
          }),
        ),
      MESH_PKI_API,
      'root-trust-policy.gloo-mesh',
      1,
    ],
    [
      'VirtualMesh v1 with generated: null, under the kinds of Gloo Mesh',
      () =>
        readVirtualMesh(
          virtualMesh({
            mtlsConfig: {
              autoRestartPods: true,
              shared: {
                rootCertificateAuthority: { generated: null },
                intermediateCertOptions: KEYS,
              },
            },
            meshes: both.map((name) => ({ name: `istiod-istio-system-${name}`, namespace: 'gloo-mesh' })),
          }),
        ),
      GLOO_API,
      'virtual-mesh.gloo-mesh',
      365,
    ],
  ] as const)('%s', async (_name, read, api, root, days) => {
    const world = new PolicyWorld(read(), api)
    const { plan } = await world.settle()
    expect(plan.issue.map(({ do: what }) => what)).toEqual(['order', 'order'])
    const names = world.management.objects(KubeResources.secrets).map(({ metadata }) => metadata.name)
    expect(names).toEqual([root])
    const [one, two] = both.map((cluster) => world.cacerts(cluster))
    expect(one?.roots[0]?.fingerprint()).toBe(two?.roots[0]?.fingerprint())
    expect(one?.certificate.subjectAltNames).toEqual([
      { type: 'uri', value: 'spiffe://cluster-1/ns/istio-system/sa/istiod-service-account' },
    ])
    const life = Number(one?.certificate.notAfter) - START.getTime()
    expect(life / 86_400_000).toBe(days)
  })

  test('a root that somebody brought may be an intermediate: its chain stands behind each CA', async () => {
    const clock = manualClock(START)
    const top = await createRootCa({ subject: 'O=Corporate Root', lifetime: '7300d', clock })
    const { csr, privateKey } = await createCsr({ subject: 'O=Mesh Root', key: 'P-256', extractable: true })
    if (privateKey === undefined) throw new Error('no key')
    const middle = await top.issueIntermediate(csr, { lifetime: '3650d', pathLength: 1 })
    const secret = encodeRootSecret(
      {
        certificate: middle.certificate,
        chain: middle.chain,
        roots: top.certificate,
        privateKey: await exportPrivateKey(privateKey, { format: 'pkcs8' }),
      },
      { layout: 'gloo', name: 'provided', namespace: 'gloo-mesh' },
    )
    const policy = readRootTrustPolicy(
      rootTrustPolicy({
        config: {
          mgmtServerCa: { secretRef: { name: 'provided', namespace: 'gloo-mesh' } },
          intermediateCertOptions: KEYS,
        },
      }),
    )
    const world = new PolicyWorld(policy)
    world.management.seed(secret as never)
    await world.settle()
    const { chain, roots, certificate } = world.cacerts('cluster-1')
    expect(chain.map((one) => String(one.subject).split(',').at(-1))).toEqual([
      'O=Istio',
      'O=Mesh Root',
      'O=Corporate Root',
    ])
    expect(roots.map((one) => String(one.subject))).toEqual(['O=Corporate Root'])
    expect(certificate.pathLength).toBe(0)
    // The same with a CA that allows nothing below it.
    const narrow = await top.issueIntermediate(csr, { lifetime: '3650d', pathLength: 0 })
    const refused = new PolicyWorld(policy)
    refused.management.seed(
      encodeRootSecret(
        {
          certificate: narrow.certificate,
          chain: narrow.chain,
          roots: top.certificate,
          privateKey: await exportPrivateKey(privateKey, { format: 'pkcs8' }),
        },
        { layout: 'gloo', name: 'provided', namespace: 'gloo-mesh' },
      ) as never,
    )
    const { plan } = await refused.settle()
    expect(plan.root.do).toBe('refuse')
    expect(plan.root.reason).toMatch(/path/i)
    expect(() => refused.cacerts('cluster-1')).toThrow()
  })

  test('passive roots are trusted and sign nothing', async () => {
    const { privateKey } = await generateKeyPair('P-256', { extractable: true })
    const other = await createRootCa({
      subject: 'O=Other',
      lifetime: '3650d',
      key: privateKey,
      clock: manualClock(START),
    })
    const policy = readRootTrustPolicy(
      rootTrustPolicy({
        config: {
          mgmtServerCa: { generated: { ...KEYS } },
          intermediateCertOptions: KEYS,
          passiveCertificateAuthorities: [{ secretRef: { name: 'other', namespace: 'gloo-mesh' } }],
        },
      }),
    )
    const world = new PolicyWorld(policy)
    world.management.seed(
      encodeRootSecret(
        {
          certificate: other.certificate,
          privateKey: await exportPrivateKey(privateKey, { format: 'pkcs8' }),
        },
        { layout: 'gloo', name: 'other', namespace: 'gloo-mesh' },
      ) as never,
    )
    await world.settle()
    const { roots, certificate } = world.cacerts('cluster-2')
    expect(roots.map((one) => String(one.subject))).toEqual(['O=gloo-mesh', 'O=Other'])
    expect(String(certificate.issuer)).toBe('O=gloo-mesh')
  })
})

describe('Gloo Mesh’s rotation by passive CAs', () => {
  async function provided(name: string) {
    const { privateKey } = await generateKeyPair('P-256', { extractable: true })
    const ca = await createRootCa({
      subject: `O=${name}`,
      lifetime: '3650d',
      key: privateKey,
      clock: manualClock(START),
    })
    return encodeRootSecret(
      { certificate: ca.certificate, privateKey: await exportPrivateKey(privateKey, { format: 'pkcs8' }) },
      { layout: 'gloo', name, namespace: 'gloo-mesh' },
    )
  }
  const policy = (active: string, ...passive: readonly string[]) =>
    readRootTrustPolicy(
      rootTrustPolicy({
        config: {
          mgmtServerCa: { secretRef: { name: active, namespace: 'gloo-mesh' } },
          passiveCertificateAuthorities: passive.map((name) => ({
            secretRef: { name, namespace: 'gloo-mesh' },
          })),
          intermediateCertOptions: KEYS,
        },
      }),
    )
  const shown = (world: PolicyWorld) => {
    const { roots, certificate } = world.cacerts('cluster-1')
    return `${roots
      .map((root) => String(root.subject).slice(2))
      .sort()
      .join(' + ')}, by ${String(certificate.issuer).slice(2)}`
  }

  test('goes day by day: old; new passive; new active and old passive; new', async () => {
    const world = new PolicyWorld(policy('old'))
    for (const name of ['old', 'new']) world.management.seed((await provided(name)) as never)
    const days: string[] = []
    for (const today of [policy('old'), policy('old', 'new'), policy('new', 'old'), policy('new')]) {
      world.options = { ...world.options, policy: today }
      await world.settle()
      days.push(shown(world))
    }
    expect(days).toEqual(['old, by old', 'new + old, by old', 'new + old, by new', 'new, by new'])
  })

  test('without a day between, nothing is exchanged', async () => {
    const world = new PolicyWorld(policy('old'))
    for (const name of ['old', 'new']) world.management.seed((await provided(name)) as never)
    await world.settle()
    world.options = { ...world.options, policy: policy('new') }
    const { orders } = await world.settle()
    expect(shown(world)).toBe('old, by old')
    expect(orders[0]?.error).toMatch(/neither holds the other/)
  })

  test('in Gloo’s kind, where the roots come with the certificate, nothing is exchanged at once either', async () => {
    const world = new PolicyWorld(policy('old'), GLOO_API)
    for (const name of ['old', 'new']) world.management.seed((await provided(name)) as never)
    await world.settle()
    world.options = { ...world.options, policy: policy('new') }
    world.clock.set(new Date(START.getTime() + 340 * 86_400_000))
    for (let i = 0; i < 6; i++) {
      await policyStep(world.options)
      const order = { namespace: 'gloo-mesh', name: 'istiod-istio-system-cluster-1' }
      await agentStep(world.client('cluster-1'), order, { api: GLOO_API, agentNamespace: 'gloo-mesh' })
      await issuerStep(world.client('cluster-1'), order, {
        api: GLOO_API,
        cluster: 'cluster-1',
        ledger: world.ledger,
        entitlementOf: (wanted) => policyEntitlement(world.options, 'cluster-1', wanted),
      })
    }
    expect(shown(world)).toBe('old, by old')
  })

  test('a passive CA whose Secret is gone changes no bundle', async () => {
    const world = new PolicyWorld(policy('old', 'new'))
    for (const name of ['old', 'new']) world.management.seed((await provided(name)) as never)
    await world.settle()
    const ref = { namespace: 'gloo-mesh', name: 'new' }
    await world.manager.remove(KubeResources.secrets, await world.manager.get(KubeResources.secrets, ref))
    const { plan } = await world.settle()
    expect(plan.passive).toMatchObject([{ do: 'wait' }])
    expect(shown(world)).toBe('new + old, by old')
    // What is due is renewed all the same, under the bundle that was ordered.
    world.clock.set(new Date(START.getTime() + 340 * 86_400_000))
    const before = world.cacerts('cluster-1').certificate
    await world.settle()
    expect(world.cacerts('cluster-1').certificate.equals(before)).toBe(false)
    expect(shown(world)).toBe('new + old, by old')
  })
})

describe('meshes come and go', () => {
  const policy = () =>
    readRootTrustPolicy(
      rootTrustPolicy({
        applyToMeshes: [{ istio: { clusterSelector: { trust: 'shared' } } }],
        config: { mgmtServerCa: { generated: KEYS }, intermediateCertOptions: KEYS },
      }),
    )
  const labelled = (labels: Readonly<Record<string, string>>): Inventory => ({
    clusters: INVENTORY.clusters.map((one) => (one.name === 'cluster-2' ? { ...one, labels } : one)),
  })

  test('one that is relabelled into the policy gets its CA, one that is relabelled out keeps it until its plan says so', async () => {
    const world = new PolicyWorld(policy(), MESH_PKI_API, labelled({}))
    await world.settle()
    expect(() => world.cacerts('cluster-2')).toThrow()
    world.options = { ...world.options, inventory: INVENTORY }
    await world.settle()
    const before = world.cacerts('cluster-2').certificate
    world.options = { ...world.options, inventory: labelled({}) }
    const { plan } = await world.settle()
    expect(plan.withdraw).toMatchObject([{ cluster: 'cluster-2' }])
    expect(plan.withdraw[0]?.steps.map(({ step }) => step)).toContain('delete-order')
    const orders = () => world.apis.get('cluster-2')?.objects(MESH_PKI_API.issuedCertificates)
    expect(orders()).toHaveLength(1)
    // Nobody signs for it any longer, though its order is still there.
    const order = { namespace: 'gloo-mesh', name: 'istiod-istio-system-cluster-2' }
    expect(await policyEntitlement(world.options, 'cluster-2', order)).toBeUndefined()
    world.options = { ...world.options, mayWithdraw: () => true }
    await world.settle()
    expect(orders()).toEqual([])
    expect(world.cacerts('cluster-2').certificate.equals(before)).toBe(true)
  })

  test('one that cannot be reached holds up no other', async () => {
    const world = new PolicyWorld(policy())
    world.apis
      .get('cluster-2')
      ?.faults.fail('broken-connection', { times: Number.POSITIVE_INFINITY, verb: ['list', 'create'] })
    for (let i = 0; i < 3; i++) await policyStep(world.options)
    const { clusters } = await policyStep(world.options)
    expect(clusters.find(({ cluster }) => cluster === 'cluster-2')?.error).toMatch(/no answer/)
    expect(world.apis.get('cluster-1')?.objects(MESH_PKI_API.issuedCertificates)).toHaveLength(1)
  })

  test('a cluster gets what its own name is entitled to, whatever it asks for by another', async () => {
    const world = new PolicyWorld(policy())
    await world.settle()
    const of = (cluster: string, name: string) =>
      policyEntitlement(world.options, cluster, { namespace: 'gloo-mesh', name })
    expect(await of('cluster-1', 'istiod-istio-system-cluster-1')).toMatchObject({
      hosts: [expect.stringContaining('spiffe://cluster-1/')],
    })
    expect(await of('cluster-1', 'istiod-istio-system-cluster-2')).toBeUndefined()
    expect(await of('nowhere', 'istiod-istio-system-cluster-1')).toBeUndefined()
  })
})

describe('a CA signs for its own trust domain and no other', () => {
  const policy = () =>
    readRootTrustPolicy(
      rootTrustPolicy({ config: { mgmtServerCa: { generated: KEYS }, intermediateCertOptions: KEYS } }),
    )
  const aliased = (alias: string): Inventory => ({
    clusters: INVENTORY.clusters.map((one) => ({
      ...one,
      meshes: one.meshes.map((mesh) => ({ ...mesh, trustDomainAliases: [alias] })),
    })),
  })

  /** Whether a workload certificate of an identity verifies under the CA of the first cluster. */
  async function signs(world: PolicyWorld, id: string): Promise<boolean> {
    const { certificate, chain, roots, privateKey } = world.cacerts('cluster-1')
    const { csr } = await createCsr({ key: 'P-256' })
    // Somebody who got the key is not kept from signing; verifiers must refuse.
    const forger = await createRootCa({
      subject: certificate.subject,
      lifetime: '1d',
      key: await importPrivateKey(privateKey.reveal()),
      clock: world.clock,
    })
    const { certificate: leaf } = await forger.issueWorkload(csr, { id, lifetime: '1h' })
    const { ok } = await checkPath(leaf, {
      anchors: roots,
      intermediates: chain,
      time: world.clock.now(),
      purpose: 'serverAuth',
    })
    return ok
  }

  test('by name constraints, which verifiers hold it to; aliases are its own', async () => {
    const world = new PolicyWorld(policy(), MESH_PKI_API, aliased('old-name'))
    await world.settle()
    expect(await signs(world, 'spiffe://cluster-1/ns/shop/sa/cart')).toBe(true)
    expect(await signs(world, 'spiffe://old-name/ns/shop/sa/cart')).toBe(true)
    expect(await signs(world, 'spiffe://cluster-2/ns/shop/sa/cart')).toBe(false)
  })

  test('unless that is switched off, as Gloo Mesh has it', async () => {
    const world = new PolicyWorld(policy())
    world.options = { ...world.options, nameConstraints: 'none' }
    await world.settle()
    expect(await signs(world, 'spiffe://cluster-2/ns/shop/sa/cart')).toBe(true)
  })

  test('a mesh whose trust domain no constraint can hold is held, with the way out, and stops no other', async () => {
    const odd: Inventory = {
      clusters: INVENTORY.clusters.map((one) =>
        one.name === 'cluster-2'
          ? one
          : { ...one, meshes: one.meshes.map((mesh) => ({ ...mesh, trustDomainAliases: ['old_name'] })) },
      ),
    }
    const world = new PolicyWorld(policy(), MESH_PKI_API, odd)
    const { clusters } = await world.settle()
    expect(clusters.find(({ cluster }) => cluster === 'cluster-1')?.error).toMatch(
      /"old_name" is no host name.*nameConstraints: 'none'/,
    )
    expect(world.cacerts('cluster-2').certificate.isCa).toBe(true)
    expect(() => world.cacerts('cluster-1')).toThrow()
  })
})

test('an authority is loaded anew when its Secret changes, and only then', async () => {
  const world = new PolicyWorld(
    readRootTrustPolicy(rootTrustPolicy({ config: { mgmtServerCa: { generated: KEYS } } })),
  )
  await policyStep(world.options)
  const ref = { namespace: 'gloo-mesh', name: 'root-trust-policy.gloo-mesh' }
  const loader = new AuthorityLoader(world.manager)
  const first = await loader.load(ref)
  expect(first.ca).toBeInstanceOf(CertificateAuthority)
  expect(await loader.load(ref)).toBe(first)
  await world.manager.change(KubeResources.secrets, ref, (found) => ({
    ...found,
    metadata: { ...found.metadata, labels: { x: 'y' } },
  }))
  expect(await loader.load(ref)).not.toBe(first)
})
