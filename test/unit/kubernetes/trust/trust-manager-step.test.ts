import { beforeEach, describe, expect, it } from 'vitest'
import { KubeClient, KubeResources } from '../../../../src/kubernetes/index.ts'
import type { KubeObject } from '../../../../src/kubernetes/objects/kube-object.ts'
import { type FakeKubeApi, fakeKubeApi } from '../../../../src/kubernetes/testing/index.ts'
import { decideTrustManagerSync } from '../../../../src/kubernetes/trust/trust-manager-decision.ts'
import {
  type TrustManagerOptions,
  trustManagerStep,
} from '../../../../src/kubernetes/trust/trust-manager-step.ts'
import * as fixtures from '../fixtures.ts'
import { rulesOf } from '../signers/rbac-support.ts'
import { condition, wire } from '../signers/support.ts'

const { configMaps: MAPS, trustManagerBundles: BUNDLES } = KubeResources
const SOURCE = { namespace: 'cert-manager', name: 'mesh-pki-roots' }
const BUNDLE = { name: 'istio-ca-root-cert' }

let api: FakeKubeApi
const users = { publisher: { rules: rulesOf('trust-manager.yaml') } }

beforeEach(() => {
  api = fakeKubeApi({ resources: [BUNDLES], users })
})

const clientOf = (transport = api.transport({ user: 'publisher' })) =>
  new KubeClient(transport, { fieldManager: 'mesh-pki-trust' })
const step = (options: Partial<TrustManagerOptions> = {}, client = clientOf()) =>
  trustManagerStep(client, { roots: fixtures.ROOT_A, bundle: {}, ...options })
const data = () => Object(api.read(MAPS, SOURCE)?.['data'])
const bundle = () => wire(api.read(BUNDLES, BUNDLE))
const sync = (status: string, rest: object = {}) =>
  api.seed(
    wire({
      ...bundle(),
      status: { conditions: [condition('Synced', status, { observedGeneration: 1, ...rest })] },
    }),
  )

describe('decideTrustManagerSync', () => {
  const object = (conditions: readonly object[], status: object = {}): KubeObject =>
    wire({ metadata: { name: 'x', generation: 2 }, status: { conditions, ...status } })

  it.each([
    ['missing', undefined, 'missing'],
    ['without a condition', object([]), 'waiting'],
    ['synced', object([condition('Synced', 'True', { observedGeneration: 2 })]), 'synced'],
    [
      'synced, of an older generation',
      object([condition('Synced', 'True', { observedGeneration: 1 })]),
      'waiting',
    ],
    ['synced, of nobody knows which', object([condition('Synced')]), 'waiting'],
    ['synced, as the status says', object([condition('Synced')], { observedGeneration: 2 }), 'synced'],
    ['not synced', object([condition('Synced', 'False', { observedGeneration: 2 })]), 'failed'],
    [
      'not synced, of an older generation',
      object([condition('Synced', 'False', { observedGeneration: 1 })]),
      'waiting',
    ],
    ['of an unknown state', object([condition('Synced', 'Unknown', { observedGeneration: 2 })]), 'waiting'],
    ['deprecated only', object([condition('Deprecated', 'True', { observedGeneration: 2 })]), 'waiting'],
  ])('%s', (_what, found, state) => {
    expect(decideTrustManagerSync({ bundle: found })).toMatchObject({ state })
  })
})

describe('trustManagerStep', () => {
  it('publishes and applies, with no more than its role, and waits for trust-manager', async () => {
    expect(await step()).toMatchObject({ changed: true, sync: { state: 'waiting' }, requeueAfterMs: 5000 })
    expect(data()).toEqual({ 'root-cert.pem': fixtures.ROOT_A })
    expect(bundle()['spec']).toEqual({
      sources: [{ configMap: { name: 'mesh-pki-roots', key: 'root-cert.pem' } }],
      target: { configMap: { key: 'root-cert.pem' }, namespaceSelector: {} },
    })
    sync('True')
    const done = await step()
    expect(done).toMatchObject({ changed: false, sync: { state: 'synced' } })
    expect(done.requeueAfterMs).toBeUndefined()
    sync('False', { message: 'no such key' })
    expect(await step()).toMatchObject({
      sync: { state: 'failed', why: 'no such key' },
      requeueAfterMs: 5000,
    })
  })

  it('writes new roots into the source and leaves the Bundle alone', async () => {
    await step()
    const before = bundle()
    expect(await step({ roots: fixtures.ROOT_B })).toMatchObject({ changed: true })
    expect(data()['root-cert.pem']).toBe(fixtures.ROOT_B)
    expect(bundle()).toEqual(before)
  })

  it('keeps what others have in the source', async () => {
    const admin = new KubeClient(api.transport(), { fieldManager: 'admin' })
    await admin.create(MAPS, { metadata: SOURCE, data: { other: 'x' } })
    await step()
    expect(data()).toEqual({ other: 'x', 'root-cert.pem': fixtures.ROOT_A })
  })

  it('takes no Bundle from somebody else', async () => {
    const admin = new KubeClient(api.transport(), { fieldManager: 'helm' })
    await admin.apply(BUNDLES, { metadata: BUNDLE, spec: { sources: [{ useDefaultCAs: true }] } })
    await expect(step()).rejects.toMatchObject({
      code: 'ERR_KUBERNETES_CONFLICT',
      causes: expect.arrayContaining([
        expect.objectContaining({ reason: 'FieldManagerConflict', message: expect.stringContaining('helm') }),
      ]),
    })
  })

  it('keeps only the source where the Bundle is somebody else’s', async () => {
    expect(await step({ bundle: undefined })).toMatchObject({ changed: true, sync: undefined })
    expect(api.objects(BUNDLES)).toEqual([])
  })

  it('answers where trust-manager is not installed', async () => {
    api = fakeKubeApi({ users })
    expect(await step()).toMatchObject({
      changed: true,
      sync: { state: 'unsupported' },
      requeueAfterMs: 3_600_000,
    })
    expect(data()).toEqual({ 'root-cert.pem': fixtures.ROOT_A })
  })

  it.each([
    ['done', 'failAfter' as const],
    ['not done', 'fail' as const],
  ])('reads after a write whose answer was lost, and that was %s', async (_what, fault) => {
    api.faults[fault]('broken-connection', { verb: 'create', resource: MAPS })
    expect(await step()).toMatchObject({ changed: true })
    expect(data()).toEqual({ 'root-cert.pem': fixtures.ROOT_A })
  })

  it('takes names, selectors and keys of the caller', async () => {
    const admin = new KubeClient(api.transport(), { fieldManager: 'x' })
    const namespaceSelector = { matchLabels: { mesh: 'yes' } }
    await step(
      { namespace: 'trust', configMap: 'roots', key: 'ca.pem', bundle: { name: 'mesh', namespaceSelector } },
      admin,
    )
    expect(api.read(BUNDLES, { name: 'mesh' })?.['spec']).toEqual({
      sources: [{ configMap: { name: 'roots', key: 'ca.pem' } }],
      target: { configMap: { key: 'ca.pem' }, namespaceSelector },
    })
    expect(
      await step(
        {
          namespace: 'trust',
          configMap: 'roots',
          key: 'ca.pem',
          bundle: { name: 'mesh', namespaceSelector },
        },
        admin,
      ),
    ).toMatchObject({ changed: false })
  })

  it.each([
    ['no roots', { roots: [] }],
    ['a namespace that is none', { namespace: 'a/b' }],
    ['a key that is none', { key: 'a/b' }],
    ['an unknown option of the Bundle', { bundle: { target: 'x' } as never }],
    ['a selector that is none', { bundle: { namespaceSelector: 'all' as never } }],
  ])('refuses %s', async (_what, options) => {
    await expect(step(options)).rejects.toThrow()
    expect(api.requests).toEqual([])
  })

  it.each(['delivered', 'lost'] as const)(
    'survives a crash at any point, the last answer %s',
    async (answer) => {
      for (let n = 0; n <= 2; n++) {
        api = fakeKubeApi({ resources: [BUNDLES], users })
        const transport = api.transport({ user: 'publisher' })
        transport.crashAfterWrite(n, { answer })
        await step({}, clientOf(transport)).catch(() => {})
        await step()
        expect(data()).toEqual({ 'root-cert.pem': fixtures.ROOT_A })
        expect(api.objects(BUNDLES)).toHaveLength(1)
      }
    },
  )
})
