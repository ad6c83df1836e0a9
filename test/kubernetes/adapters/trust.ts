/**
 * Adapters that distribute trust: root ConfigMaps, ClusterTrustBundles, trust-manager.
 */
import { describe, expect, test } from 'vitest'
import { KubeClient, KubeResources, keyOf, Reflector } from '../../../src/kubernetes/index.ts'
import { clusterTrustBundleStep } from '../../../src/kubernetes/trust/cluster-trust-bundle-step.ts'
import {
  NAMESPACES_WITHOUT_ROOTS,
  rootConfigMapStep,
} from '../../../src/kubernetes/trust/root-config-map-step.ts'
import type { TrustDriftEvent } from '../../../src/kubernetes/trust/trust-drift.ts'
import { trustManagerStep } from '../../../src/kubernetes/trust/trust-manager-step.ts'
import { until, untilTrue } from '../../support/until.ts'
import { ROOT_A, ROOT_B } from '../../unit/kubernetes/fixtures.ts'
import { bundles } from './stand-ins.ts'
import { type GetWorld, whileRunning, without } from './world.ts'

const { configMaps: MAPS, namespaces: SPACES, trustManagerBundles: BUNDLES } = KubeResources
const NAME = 'istio-ca-root-cert'
const READER = 'mesh-pki-root-config-maps'

export function describeTrust(getWorld: GetWorld): void {
  const find = (namespace: string, name = NAME) => getWorld().admin.find(MAPS, { namespace, name })
  const rootsIn = async (namespace: string, name?: string): Promise<unknown> =>
    Object((await find(namespace, name))?.['data'])['root-cert.pem']
  /** The same server, asked by the administrator under another name. */
  const writerOf = (fieldManager: string) => new KubeClient(getWorld().server.admin, { fieldManager })
  const remove = async (namespace: string) => {
    const found = await find(namespace)
    if (found !== undefined) await getWorld().admin.remove(MAPS, found)
  }

  describe('root ConfigMaps', () => {
    test('are told of and left as they are where they are observed', async () => {
      const { user, admin } = getWorld()
      const { client, transport } = await user('root-config-maps', { roles: [READER] })
      await remove('shop')
      const events: TrustDriftEvent[] = []
      const look = () =>
        rootConfigMapStep(client, 'shop', { roots: ROOT_A, onEvent: (event) => void events.push(event) })
      expect(await look()).toMatchObject({ changed: false, drift: { state: 'missing' } })
      await writerOf('pilot-discovery').create(MAPS, {
        metadata: { namespace: 'shop', name: NAME },
        data: { 'root-cert.pem': ROOT_B },
      })
      expect(await look()).toMatchObject({ drift: { state: 'foreign', writer: 'pilot-discovery' } })
      await admin.change(MAPS, { namespace: 'shop', name: NAME }, (found) => ({
        ...found,
        data: { 'root-cert.pem': ROOT_A },
      }))
      expect(await look()).toMatchObject({ drift: undefined })
      expect(events.map(({ outcome }) => outcome)).toEqual(['reported', 'reported'])
      expect([transport.written(), transport.answered(403)]).toEqual([[], []])
      await remove('shop')
    })

    test('are in every namespace that shall have them, and come back, where they are owned', async () => {
      const { user, admin } = getWorld()
      const owner = await user('root-config-maps')
      const { client, transport } = owner
      const spaces = new Reflector(client, SPACES)
      const maps = new Reflector(client, MAPS, { fieldSelector: `metadata.name=${NAME}` })
      await whileRunning(
        [
          {
            user: owner,
            sources: [
              { reflector: spaces },
              { reflector: maps, keysOf: ({ object }) => [object.metadata.namespace ?? ''] },
            ],
            reconcile: (key) =>
              rootConfigMapStep(client, key, {
                roots: [ROOT_A, ROOT_B],
                mode: 'own',
                cachedNamespace: spaces.get(key),
              }),
          },
        ],
        async () => {
          const { items } = await admin.list(SPACES)
          const names = items.map(keyOf).filter((name) => !NAMESPACES_WITHOUT_ROOTS.includes(name))
          expect(names).toEqual(expect.arrayContaining(['kube-system', 'default', 'shop']))
          for (const name of names)
            await untilTrue(name, async () => (await rootsIn(name)) === ROOT_A + ROOT_B)
          await admin.create(SPACES, { metadata: { name: 'made-later' } })
          await untilTrue('made-later', async () => (await rootsIn('made-later')) === ROOT_A + ROOT_B)
          const uid = (await find('shop'))?.metadata.uid
          await remove('shop')
          const again = await until('shop again', () => find('shop'))
          expect(again.metadata.uid).not.toBe(uid)
          expect(again.metadata.labels).toEqual({ 'istio.io/config': 'true' })
          expect(await find('kube-public')).toBeUndefined()
        },
      )
      expect(transport.answered(403)).toEqual([])
    })

    test('of a rival are left to it until it has been silent, and keep what else is in them', async () => {
      const { user } = getWorld()
      const { client, transport } = await user('root-config-maps')
      await remove('shop')
      await writerOf('pilot-discovery').create(MAPS, {
        metadata: { namespace: 'shop', name: NAME },
        data: { 'root-cert.pem': ROOT_B, other: 'theirs' },
      })
      const events: TrustDriftEvent[] = []
      const step = (rivalIdle?: string) =>
        rootConfigMapStep(client, 'shop', {
          roots: ROOT_A,
          mode: 'own',
          rivalIdle,
          onEvent: (event) => void events.push(event),
        })
      const first = await step()
      expect(first).toMatchObject({ changed: false, drift: { state: 'foreign', writer: 'pilot-discovery' } })
      expect(first.requeueAfterMs).toBeGreaterThan(3_000_000)
      expect(events.map(({ outcome }) => outcome)).toEqual(['backed-off'])
      expect([await rootsIn('shop'), transport.written()]).toEqual([ROOT_B, []])
      await untilTrue('it was silent for a second', async () => (await step('1s')).changed, 10)
      expect((await find('shop'))?.['data']).toEqual({ 'root-cert.pem': ROOT_A, other: 'theirs' })
      expect(transport.answered(403)).toEqual([])
    })

    test('are not written without the rules to do so', async () => {
      const { user } = getWorld()
      await remove('shop')
      const denied = { code: 'ERR_KUBERNETES_FORBIDDEN', status: 403 }
      const reader = await user('root-config-maps', { roles: [READER] })
      const step = (client: KubeClient, roots = ROOT_A) =>
        rootConfigMapStep(client, 'shop', { roots, mode: 'own', rivalIdle: '1s' })
      await expect(step(reader.client)).rejects.toMatchObject(denied)
      expect(await find('shop')).toBeUndefined()
      const maker = await user('root-config-maps', { change: without('configmaps', 'update') })
      await step(maker.client)
      const made = await find('shop')
      await expect(step(maker.client, ROOT_B)).rejects.toMatchObject(denied)
      expect(await find('shop')).toEqual(made)
      expect([reader.transport.written(), maker.transport.written().length]).toEqual([[], 1])
    })

    test('of namespaces that end are passed over in silence', async () => {
      const { user, admin } = getWorld()
      const { client, transport } = await user('root-config-maps')
      const active = await admin.create(SPACES, { metadata: { name: 'ending' } })
      // Without a controller it stays so.
      await admin.remove(SPACES, active)
      const options = { roots: ROOT_A, mode: 'own' as const }
      const told: unknown[] = []
      const onEvent = (event: TrustDriftEvent) => void told.push(event)
      for (const cachedNamespace of [undefined, active])
        expect(
          await rootConfigMapStep(client, 'ending', { ...options, cachedNamespace, onEvent }),
        ).toMatchObject({ changed: false, drift: undefined })
      expect(told).toEqual([])
      // A cache that does not know it yet has it asked for; the server says no, for that reason.
      expect(transport.answered(403)).toHaveLength(1)
    })
  })

  // A definition cannot stand in for them: the server answers for the whole group itself.
  describe('ClusterTrustBundles', () => {
    test('are told to be unsupported where the server does not have them', async () => {
      const { user } = getWorld()
      const { client, transport } = await user('cluster-trust-bundles')
      for (const signerName of ['example.com/mesh', undefined])
        expect(await clusterTrustBundleStep(client, { roots: ROOT_A, signerName })).toEqual({
          changed: false,
          state: 'unsupported',
          name: undefined,
          removed: [],
          requeueAfterMs: 3_600_000,
          message: expect.any(String),
        })
      expect([transport.written(), transport.answered(403)]).toEqual([[], []])
      // Nothing but discovery was asked for.
      expect([...new Set(transport.log.map(({ path }) => path))].sort()).toEqual(
        ['v1', 'v1alpha1', 'v1beta1'].map((version) => `/apis/certificates.k8s.io/${version}`),
      )
    })
  })

  describe('trust-manager', () => {
    const step = (client: KubeClient, roots = ROOT_A) => trustManagerStep(client, { roots, bundle: {} })

    test('gets the source, and is told to be absent where it is', async () => {
      const { user } = getWorld()
      const { client, transport } = await user('trust-manager')
      expect(await step(client)).toMatchObject({ changed: true, sync: { state: 'unsupported' } })
      expect(await rootsIn('cert-manager', 'mesh-pki-roots')).toBe(ROOT_A)
      expect(transport.answered(403)).toEqual([])
    })

    test('gets the Bundle, and is waited for', async () => {
      const { user, admin, define } = getWorld()
      await define(bundles(BUNDLES), BUNDLES)
      const { client, transport } = await user('trust-manager')
      expect(await step(client, ROOT_A + ROOT_B)).toMatchObject({ changed: true, sync: { state: 'waiting' } })
      expect(await rootsIn('cert-manager', 'mesh-pki-roots')).toBe(ROOT_A + ROOT_B)
      const bundle = await admin.get(BUNDLES, { name: NAME })
      expect(bundle['spec']).toEqual({
        sources: [{ configMap: { name: 'mesh-pki-roots', key: 'root-cert.pem' } }],
        target: { configMap: { key: 'root-cert.pem' }, namespaceSelector: {} },
      })
      const synced = async (status: string, observedGeneration: number | undefined) =>
        admin.change(
          BUNDLES,
          { name: NAME },
          (found) => ({
            ...found,
            status: {
              conditions: [
                { type: 'Synced', status, reason: 'Test', message: 'by a test', observedGeneration },
              ],
            },
          }),
          { part: 'status' },
        )
      const { generation } = bundle.metadata
      const again = () => step(client, ROOT_A + ROOT_B)
      await synced('True', (generation ?? 0) - 1)
      expect(await again()).toMatchObject({ changed: false, sync: { state: 'waiting' } })
      await synced('False', generation)
      expect(await again()).toMatchObject({ changed: false, sync: { state: 'failed', why: 'by a test' } })
      await synced('True', generation)
      expect(await again()).toMatchObject({ changed: false, sync: { state: 'synced' } })
      expect(transport.written().map((one) => one.split(' ')[0])).toEqual(['PUT', 'PATCH'])
      expect(transport.answered(403)).toEqual([])
    })

    test('of others is not taken from them', async () => {
      const { user, admin } = getWorld()
      const { client } = await user('trust-manager')
      const theirs = await writerOf('kubectl-edit').change(BUNDLES, { name: NAME }, (found) => ({
        ...found,
        spec: { ...Object(found['spec']), sources: [{ inLine: ROOT_B }] },
      }))
      await expect(step(client)).rejects.toMatchObject({
        code: 'ERR_KUBERNETES_CONFLICT',
        causes: [{ reason: 'FieldManagerConflict', message: expect.stringContaining('kubectl-edit') }],
      })
      expect(await admin.get(BUNDLES, { name: NAME })).toEqual(theirs)
      await admin.remove(BUNDLES, theirs)
    })

    test('gets nothing from who has not the rules', async () => {
      const { user, admin } = getWorld()
      const denied = { code: 'ERR_KUBERNETES_FORBIDDEN', status: 403 }
      const source = await admin.get(MAPS, { namespace: 'cert-manager', name: 'mesh-pki-roots' })
      const reader = await user('trust-manager', { change: without('configmaps', 'update') })
      await expect(step(reader.client, ROOT_B)).rejects.toMatchObject(denied)
      expect(await admin.get(MAPS, { namespace: 'cert-manager', name: 'mesh-pki-roots' })).toEqual(source)
      expect(reader.transport.written()).toEqual([])
      const patcher = await user('trust-manager', { change: without('bundles', 'patch') })
      await expect(step(patcher.client)).rejects.toMatchObject(denied)
      expect(await admin.find(BUNDLES, { name: NAME })).toBeUndefined()
    })
  })
}
