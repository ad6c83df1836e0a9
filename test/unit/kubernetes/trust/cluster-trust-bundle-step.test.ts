import { createHash } from 'node:crypto'
import { beforeEach, describe, expect, it } from 'vitest'
import { KubeClient, KubeResources } from '../../../../src/kubernetes/index.ts'
import {
  clusterTrustBundleName,
  decodeClusterTrustBundle,
} from '../../../../src/kubernetes/secrets/cluster-trust-bundle.ts'
import { type FakeKubeApi, fakeKubeApi } from '../../../../src/kubernetes/testing/index.ts'
import {
  type ClusterTrustBundleOptions,
  clusterTrustBundleStep,
} from '../../../../src/kubernetes/trust/cluster-trust-bundle-step.ts'
import { ext, forgeCa } from '../../verify/forge.ts'
import * as fixtures from '../fixtures.ts'
import { rulesOf } from '../signers/rbac-support.ts'

const { clusterTrustBundles: BUNDLES } = KubeResources
const SIGNER = 'example.com/mesh'

let api: FakeKubeApi
const users = { publisher: { rules: rulesOf('cluster-trust-bundles.yaml') } }

beforeEach(() => {
  api = fakeKubeApi({ users })
})

const clientOf = (fieldManager = 'mesh-pki-trust', transport = api.transport({ user: 'publisher' })) =>
  new KubeClient(transport, { fieldManager })
const step = (options: Partial<ClusterTrustBundleOptions> = {}, client = clientOf()) =>
  clusterTrustBundleStep(client, { roots: fixtures.ROOT_A, signerName: SIGNER, ...options })
/** kube-controller-manager's name: the signer, and the first twelve octets of SHA-256 in hex. */
const nameOf = (pem: string) =>
  `example.com:mesh:${createHash('sha256').update(pem).digest('hex').slice(0, 24)}`
const names = () => api.objects(BUNDLES).map(({ metadata }) => metadata.name)

describe('clusterTrustBundleStep', () => {
  it('publishes under a name that says what is in it, with no more than its role', async () => {
    expect(await step()).toEqual({
      changed: true,
      state: 'published',
      name: nameOf(fixtures.ROOT_A),
      removed: [],
      message: expect.any(String),
    })
    expect(api.objects(BUNDLES)[0]?.['spec']).toEqual({ signerName: SIGNER, trustBundle: fixtures.ROOT_A })
    expect(await step()).toMatchObject({ changed: false, removed: [] })
  })

  it('makes the new one before it removes the old', async () => {
    await step()
    api.faults.fail({ status: 500 }, { verb: 'delete' })
    const both = [fixtures.ROOT_A, fixtures.ROOT_B]
    await expect(step({ roots: both })).rejects.toMatchObject({ code: 'ERR_KUBERNETES_UNAVAILABLE' })
    expect(names()).toHaveLength(2)
    expect(await step({ roots: both })).toMatchObject({ changed: true, removed: [nameOf(fixtures.ROOT_A)] })
    expect(names()).toEqual([nameOf(fixtures.ROOT_A + fixtures.ROOT_B)])
    const verbs = api.requests.filter(({ changed }) => changed).map(({ verb }) => verb)
    expect(verbs).toEqual(['create', 'create', 'delete'])
  })

  it('removes none of others', async () => {
    const admin = new KubeClient(api.transport(), { fieldManager: 'admin' })
    const theirs = `example.com:mesh:${'0'.repeat(24)}`
    await admin.create(BUNDLES, {
      metadata: { name: theirs },
      spec: { signerName: SIGNER, trustBundle: fixtures.ROOT_B },
    })
    await clusterTrustBundleStep(new KubeClient(api.transport(), { fieldManager: 'another' }), {
      roots: fixtures.ROOT_B,
      signerName: SIGNER,
    })
    // Ours by label, but of another series.
    await step({ signerName: undefined, roots: fixtures.ROOT_B })
    await step()
    const digest = (name: string) => name.split(':').at(-1)
    expect(names().sort()).toEqual(
      [
        theirs,
        nameOf(fixtures.ROOT_B),
        nameOf(fixtures.ROOT_A),
        `roots-${digest(nameOf(fixtures.ROOT_B))}`,
      ].sort(),
    )
  })

  it('keeps two series of ours apart', async () => {
    await step({ signerName: undefined, namePrefix: 'east', roots: fixtures.ROOT_A })
    await step({ signerName: undefined, namePrefix: 'west', roots: fixtures.ROOT_B })
    expect(names().map((name) => name?.slice(0, 4))).toEqual(['east', 'west'])
  })

  it('names and fills bundles as the codec does', async () => {
    const { name } = await step()
    expect(name).toBe(clusterTrustBundleName(fixtures.ROOT_A, SIGNER))
    const plain = await step({ signerName: undefined })
    expect(plain.name).toBe(clusterTrustBundleName(fixtures.ROOT_A))
    for (const object of api.objects(BUNDLES))
      expect(decodeClusterTrustBundle(object).roots.map((root) => root.toPem())).toEqual([fixtures.ROOT_A])
  })

  it('asks for nothing that no API server takes', async () => {
    const huge = ['a', 'b', 'c', 'd'].map(
      (subject) => forgeCa({ subject, extensions: [ext('1.2.3.4', new Uint8Array(200_000))] }).certificate,
    )
    await expect(step({ roots: huge })).rejects.toMatchObject({
      code: 'ERR_KUBERNETES_TRUST_BUNDLE',
      message: expect.stringContaining('1048576'),
    })
    expect(api.requests).toEqual([])
  })

  it('has each root once', async () => {
    await step({ roots: [fixtures.ROOT_A, fixtures.ROOT_B, fixtures.ROOT_A] })
    expect(Object(api.objects(BUNDLES)[0]?.['spec']).trustBundle).toBe(fixtures.ROOT_A + fixtures.ROOT_B)
  })

  it('puts back what somebody has changed', async () => {
    await step()
    const admin = new KubeClient(api.transport(), { fieldManager: 'admin' })
    await admin.change(BUNDLES, { name: nameOf(fixtures.ROOT_A) }, (found) => ({
      ...found,
      spec: { signerName: SIGNER, trustBundle: fixtures.ROOT_B },
    }))
    expect(await step()).toMatchObject({ changed: true })
    expect(Object(api.objects(BUNDLES)[0]?.['spec']).trustBundle).toBe(fixtures.ROOT_A)
  })

  it.each([
    ['done', 'failAfter' as const],
    ['not done', 'fail' as const],
  ])('reads after a creation whose answer was lost, and that was %s', async (what, fault) => {
    api.faults[fault]('broken-connection', { verb: 'create' })
    if (what === 'done') expect(await step()).toMatchObject({ state: 'published' })
    else {
      await expect(step()).rejects.toMatchObject({ code: 'ERR_KUBERNETES_UNAVAILABLE' })
      await step()
    }
    expect(names()).toEqual([nameOf(fixtures.ROOT_A)])
  })

  it('answers where the server does not have the kind', async () => {
    api = fakeKubeApi({ version: '1.20', users: { publisher: { rules: 'all' } } })
    expect(await step()).toMatchObject({
      changed: false,
      state: 'unsupported',
      name: undefined,
      requeueAfterMs: 3_600_000,
    })
  })

  it('takes the older version where there is no other', async () => {
    api = fakeKubeApi({ version: '1.20', resources: [{ ...BUNDLES, version: 'v1alpha1' }] })
    const client = new KubeClient(api.transport(), { fieldManager: 'mesh-pki-trust' })
    expect(await step({ signerName: undefined }, client)).toMatchObject({ changed: true, state: 'published' })
    expect(api.objects({ ...BUNDLES, version: 'v1alpha1' })).toHaveLength(1)
  })

  it('leaves the name of istiod’s own bundle to istiod', async () => {
    await expect(step({ signerName: 'istio.io/istiod-ca' })).rejects.toThrow(/istio.io:istiod-ca:root-cert/)
    expect(api.requests).toEqual([])
    const admin = new KubeClient(api.transport(), { fieldManager: 'x' })
    expect(await step({ signerName: 'istio.io/istiod-ca', istiod: 'absent' }, admin)).toMatchObject({
      name: expect.stringMatching(/^istio\.io:istiod-ca:[0-9a-f]{24}$/),
    })
  })

  it('is refused where the signer is not granted', async () => {
    await expect(step({ signerName: 'example.com/other' })).rejects.toMatchObject({
      code: 'ERR_KUBERNETES_FORBIDDEN',
    })
  })

  it.each([
    ['no roots', { roots: [] }],
    ['a leaf', { roots: fixtures.WORKLOAD }],
    ['a signer name that is none', { signerName: 'mesh' }],
    ['a reserved signer', { signerName: 'kubernetes.io/kube-apiserver-serving' }],
    ['signer and prefix', { namePrefix: 'x' }],
    ['a prefix with a colon', { signerName: undefined, namePrefix: 'a:b' }],
  ])('refuses %s', async (_what, options) => {
    await expect(step(options)).rejects.toThrow()
    expect(api.requests).toEqual([])
  })

  it.each(['delivered', 'lost'] as const)(
    'survives a crash at any point, the last answer %s',
    async (answer) => {
      const turn = async (client: KubeClient) => {
        await step({}, client)
        await step({ roots: fixtures.ROOT_B }, client)
      }
      const calm = api.transport({ user: 'publisher' })
      await turn(clientOf('mesh-pki-trust', calm))
      expect(calm.writes).toBe(3)
      for (let n = 0; n <= calm.writes; n++) {
        api = fakeKubeApi({ users })
        const transport = api.transport({ user: 'publisher' })
        transport.crashAfterWrite(n, { answer })
        await turn(clientOf('mesh-pki-trust', transport)).catch(() => {})
        // At no point is there none, once there was one.
        if (n > 0) expect(names().length).toBeGreaterThan(0)
        await step({ roots: fixtures.ROOT_B })
        expect(names()).toEqual([nameOf(fixtures.ROOT_B)])
      }
    },
  )
})
