/** Whoever rules one cluster, or one API, tries to decide for others; and what goes wrong by itself. */

import { describe, expect, test, vi } from 'vitest'
import { createCsr } from '../../../../src/csr/index.ts'
import { KubeClient } from '../../../../src/kubernetes/api/kube-client.ts'
import { KubeResources } from '../../../../src/kubernetes/api/kube-resource.ts'
import type { KubeTransport } from '../../../../src/kubernetes/api/kube-transport.ts'
import { agentStep } from '../../../../src/kubernetes/federation/agent-step.ts'
import { GLOO_API, MESH_PKI_API } from '../../../../src/kubernetes/federation/federation-api.ts'
import { entitlementOf } from '../../../../src/kubernetes/federation/federation-step.ts'
import { encodeIssuedCertificate } from '../../../../src/kubernetes/federation/issued-certificate.ts'
import { issuerStep } from '../../../../src/kubernetes/federation/issuer-step.ts'
import { rootCaStep } from '../../../../src/kubernetes/federation/root-ca-step.ts'
import { type KubeObject, recordAt } from '../../../../src/kubernetes/objects/kube-object.ts'
import { decodeCacerts } from '../../../../src/kubernetes/secrets/decode-cacerts.ts'
import { decodeRootSecret } from '../../../../src/kubernetes/secrets/root-secret.ts'
import { bundleDigest } from '../../../../src/rotation/rollover/rollover-state.ts'
import { begin, issuerIn, play, rootsIn, strangers } from './rollover-support.ts'
import { CACERTS, World } from './support.ts'

const AGENT = { agentNamespace: 'mesh-pki', switchDelay: '10m', isDistributed: async () => true } as const
const statusOf = (world: World, cluster: string) => recordAt(world.order(cluster), 'status')
const specOf = (world: World, cluster: string) => recordAt(world.order(cluster), 'spec')
const instant = (world: World) => world.clock.now().toISOString().replace('.000', '')
const fingerprint = async (world: World, id: string) =>
  (await world.federation.loader.load(world.rootRef(id))).certificate.fingerprint()

/** The admin of a cluster writes into the status of its order. */
async function forge(world: World, cluster: string, change: object): Promise<void> {
  const client = world.client(world.apiOf(cluster), 'admin')
  const found = world.order(cluster)
  if (found === undefined) throw new Error('no order')
  const status = { ...recordAt(found, 'status'), observedAt: instant(world), ...change }
  await client.replace(MESH_PKI_API.issuedCertificates, { ...found, status }, { part: 'status' })
}

/** Two clusters of which one rollover is on its way, up to where `isThere` says. */
async function onTheWay(isThere: (world: World) => boolean, lifetime = '365d'): Promise<World> {
  const world = new World(['east', 'west'], { workloadLifetime: '4h', lifetime })
  await world.root('root-1')
  await world.settle()
  await begin(world, { kind: 'root', outgoing: ['root-1'], from: () => 'root-1' })
  for (let i = 0; i < 300; i++) {
    await world.settle()
    if (isThere(world)) return world
    await world.clock.run('10m')
  }
  throw new Error('it does not get there')
}

/** Everybody goes on for some time; who lied does nothing. */
async function goOn(world: World, rounds: number, clusters = ['west']): Promise<void> {
  for (let i = 0; i < rounds; i++) {
    await world.step()
    for (let k = 0; k < 4; k++)
      for (const cluster of clusters) {
        await world.agent(cluster)
        await world.issuer(cluster)
      }
    await world.clock.run('10m')
  }
}

const stateOf = async (world: World) => {
  const status = await world.federation.rollover?.status()
  if (status === undefined) throw new Error('no rollover')
  return status.state
}

describe('the word of one cluster', () => {
  test('of a later bundle without the old root withdraws it from nobody', async () => {
    const world = await onTheWay((one) => rootsIn(one, 'west') === 'root-1 + root-new')
    const sequence = Number(recordAt(statusOf(world, 'east'), 'distributed')['sequence']) + 1
    const digest = bundleDigest([await fingerprint(world, 'root-new')])
    await forge(world, 'east', { signer: 'root-new', distributed: { sequence, digest } })
    const { clusters } = await world.step()
    expect(clusters.find(({ cluster }) => cluster === 'east')?.error).toMatch(
      /east says that it follows .* its word does not count/,
    )
    expect(clusters.find(({ cluster }) => cluster === 'west')?.error).toBeUndefined()
    await goOn(world, 3)
    expect((await stateOf(world)).recovering).toBeUndefined()
    expect((await stateOf(world)).bundle.authorities).toEqual(['root-1', 'root-new'])
    expect([rootsIn(world, 'west'), issuerIn(world, 'west')]).toEqual(['root-1 + root-new', 'root-1'])
  })

  test('of a later bundle with a retired root brings it back to nobody, though the journal was restored', async () => {
    const world = await onTheWay((one) => rootsIn(one, 'west') === 'root-new')
    const sequence = Number(recordAt(statusOf(world, 'east'), 'distributed')['sequence']) + 1
    const digest = bundleDigest(
      [await fingerprint(world, 'root-1'), await fingerprint(world, 'root-new')].sort(),
    )
    for (const recovery of ['refuse', 'believe-members'] as const) {
      world.federation = { ...world.federation, recovery }
      await forge(world, 'east', { signer: 'root-new', distributed: { sequence, digest } })
      const { clusters } = await world.step()
      expect(clusters.find(({ cluster }) => cluster === 'east')?.error).toMatch(
        recovery === 'refuse' ? /does not count/ : /with root-1, which is withdrawn for good/,
      )
      await goOn(world, 2)
      expect((await stateOf(world)).bundle.authorities).toEqual(['root-new'])
      expect(rootsIn(world, 'west')).toBe('root-new')
    }
  })

  test.each([7, 2 ** 50])(
    'of a revision that is ahead by %d stops no certificate of others',
    async (more) => {
      const world = await onTheWay((one) => rootsIn(one, 'west') === 'root-1 + root-new', '2d')
      const before = decodeCacerts(world.cacerts('west') ?? {}).certificate
      await forge(world, 'east', { revision: Number(statusOf(world, 'east')['revision']) + more })
      await goOn(world, 6 * 46)
      const after = decodeCacerts(world.cacerts('west') ?? {}).certificate
      expect(after.fingerprint()).not.toBe(before.fingerprint())
      expect(after.notAfter > world.clock.now()).toBe(true)
      expect((await stateOf(world)).revision).toBeLessThan(1000)
      // Once it tells the truth, all goes on.
      world.agentOptions = { ...world.agentOptions, heartbeat: '5m' }
      expect(await play(world, () => {})).toBe(true)
    },
  )

  test('of certificates until the year 9999 counts for as long as workloads can live', async () => {
    const world = await onTheWay((one) =>
      ['east', 'west'].every((name) => issuerIn(one, name) === 'root-new'),
    )
    await world.clock.run('15m')
    await world.settle()
    await forge(world, 'east', { ledger: [{ authority: 'root-1', notAfter: '9999-12-31T23:59:59Z' }] })
    await world.step()
    const end = Date.parse((await stateOf(world)).authorities['root-1']?.greatestNotAfter ?? '')
    // 4 h of life; twice 10 min to switch and 1 min of clocks.
    expect(end - world.clock.now().getTime()).toBeLessThanOrEqual(4 * 3_600_000 + 22 * 60_000)
    await world.federation.rollover?.leave('east', { reason: 'it lies' })
    world.federation = { ...world.federation, meshes: [world.meshOf('west')] }
    world.clusters.delete('east')
    expect(await play(world, () => {})).toBe(true)
  })

  test('that is no report is told, and stops nobody', async () => {
    const world = await onTheWay((one) => rootsIn(one, 'west') === 'root-1 + root-new')
    await forge(world, 'east', { signer: 'stranger' })
    expect((await world.step()).clusters[0]).toMatchObject({
      cluster: 'east',
      error: expect.stringContaining('stranger'),
    })
    await forge(world, 'east', { signer: 'root-1', revision: -5 })
    expect((await world.step()).clusters[0]?.error).toMatch(
      /the orders of east say what no report .*revision/,
    )
  })
})

describe('a journal that was restored from a backup', () => {
  test('rolls nobody back; and catches up where it is told that it was', async () => {
    const world = await onTheWay((one) => rootsIn(one, 'west') === 'root-1 + root-new')
    const ref = { namespace: 'mesh-pki', name: 'rollover' }
    const backup = world.management.read(KubeResources.secrets, ref)
    for (let i = 0; i < 300 && rootsIn(world, 'west') !== 'root-new'; i++) {
      await world.settle()
      await world.clock.run('10m')
    }
    await world.settle()
    const now = world.management.read(KubeResources.secrets, ref)
    const admin = world.client(world.management, 'restore')
    await admin.replace(KubeResources.secrets, { ...now, data: backup?.['data'] } as KubeObject)
    // Another process: nothing but the clusters shows that the journal is old.
    const { plan } = world.federation.rollover ?? {}
    if (plan === undefined) throw new Error('no plan')
    const { Rollover, secretJournal } = await opened()
    const rollover = await Rollover.open({
      plan,
      journal: secretJournal(world.manager, ref),
      clock: world.clock,
    })
    world.federation = { ...world.federation, rollover }
    const held = await world.step()
    for (const { error } of held.clusters) expect(error).toMatch(/recovery: 'believe-members'/)
    await goOn(world, 5, ['east', 'west'])
    for (const name of ['east', 'west'])
      expect([rootsIn(world, name), issuerIn(world, name)]).toEqual(['root-new', 'root-new'])
    world.federation = { ...world.federation, recovery: 'believe-members' }
    expect(await play(world, async () => expect(await strangers(world)).toEqual([]))).toBe(true)
    expect((await stateOf(world)).bundle.authorities).toEqual(['root-new'])
  })

  test('while it catches up, requests wait, and are not refused', async () => {
    const world = new World(['east'], { workloadLifetime: '4h' })
    await world.root('root-1')
    await world.settle()
    await begin(world, { kind: 'root', outgoing: ['root-1'], from: () => 'root-1' })
    const { rollover } = world.federation
    if (rollover === undefined) throw new Error('no rollover')
    // As the driver answers while a journal recovers.
    const desired = vi.spyOn(rollover, 'desired').mockResolvedValue(undefined)
    const answer = await entitlementOf(world.federation, 'east', world.meshOf('east').order)
    expect(answer).toEqual({ hold: expect.stringContaining('was restored') })
    const admin = world.client(world.apiOf('east'), 'admin')
    await admin.remove(KubeResources.secrets, await admin.get(KubeResources.secrets, CACERTS))
    for (let i = 0; i < 3; i++) {
      await world.agent('east')
      await world.issuer('east')
    }
    const request = world.apiOf('east').read(MESH_PKI_API.certificateRequests, world.meshOf('east').order)
    expect(recordAt(request, 'status')).toMatchObject({
      state: 'PENDING',
      error: expect.stringContaining('was restored'),
    })
    desired.mockRestore()
    await world.settle()
    expect(statusOf(world, 'east')['state']).toBe('FINISHED')
  })
})

async function opened() {
  const { Rollover } = await import('../../../../src/rotation/index.ts')
  const { secretJournal } = await import('../../../../src/kubernetes/federation/secret-journal.ts')
  return { Rollover, secretJournal }
}

test('one rollover after another: what was said to the first does not count for the second', async () => {
  const world = await onTheWay((one) => rootsIn(one, 'west') === 'root-new')
  expect(await play(world, () => {})).toBe(true)
  const before = Number(statusOf(world, 'west')['revision'])
  expect(before).toBeGreaterThan(1)
  // The next one begins at once, with a journal of its own, whose counts begin anew.
  const { Rollover, secretJournal } = await opened()
  await world.root('root-3')
  const { planRollover } = await import('../../../../src/rotation/index.ts')
  const { certificate } = await world.federation.loader.load(world.rootRef('root-new'))
  const plan = planRollover({
    kind: 'root',
    leafLifetime: '4h',
    gracePeriodRatio: 0.5,
    propagation: '15m',
    switchDelay: '10m',
    start: new Date(world.clock.now().getTime() + 3_600_000),
    outgoing: [{ id: 'root-new', certificate }],
    incoming: { id: 'root-3', lifetime: '3650d' },
    clusters: ['east', 'west'].map((name) => ({ name, from: 'root-new' })),
  })
  const journal = secretJournal(world.manager, { namespace: 'mesh-pki', name: 'rollover-2' })
  world.federation = {
    ...world.federation,
    authorities: { ...world.federation.authorities, 'root-3': { secret: world.rootRef('root-3') } },
    rollover: await Rollover.open({ plan, journal, clock: world.clock }),
  }
  const errors: string[] = []
  const over = await play(world, async () => {
    expect(await strangers(world)).toEqual([])
    const { clusters } = await world.step()
    errors.push(...clusters.flatMap(({ error }) => error ?? []))
  })
  expect(errors).toEqual([])
  expect(over).toBe(true)
  for (const name of ['east', 'west'])
    expect([rootsIn(world, name), issuerIn(world, name)]).toEqual(['root-3', 'root-3'])
})

test('a plan that counts on shorter lives than workloads have is refused', async () => {
  const world = new World(['east'], { workloadLifetime: '4h' })
  await world.root('root-1')
  await world.settle()
  await begin(world, { kind: 'root', outgoing: ['root-1'], from: () => 'root-1' })
  await expect(world.step()).resolves.toBeDefined()
  const longer = world.federation.meshes.map((mesh) => ({
    ...mesh,
    spec: { ...mesh.spec, workloadLifetime: '24h' },
  }))
  world.federation = { ...world.federation, meshes: longer }
  await expect(world.step()).rejects.toThrow(/4h at most, and those of east live up to 24h/)
})

test('two meshes in one cluster: the one that is behind decides', async () => {
  const world = new World(['east', 'west'], { workloadLifetime: '4h' })
  const first = world.meshOf('east')
  const order = { namespace: 'mesh-pki', name: 'second' }
  const target = { namespace: 'istio-two', name: 'cacerts' }
  const second = { ...first, order, spec: { ...first.spec, target } }
  world.federation = { ...world.federation, meshes: [...world.federation.meshes, second] }
  await world.root('root-1')
  const live = async () => {
    for (let i = 0; i < 8; i++) {
      await agentStep(world.client(world.apiOf('east'), 'agent'), order, AGENT)
      const mayHave = (wanted: typeof order) => entitlementOf(world.federation, 'east', wanted)
      const client = world.client(world.apiOf('east'), 'issuer')
      await issuerStep(client, order, { cluster: 'east', ledger: world.ledger, entitlementOf: mayHave })
    }
  }
  const inSecond = () => decodeCacerts(world.apiOf('east').read(KubeResources.secrets, target) ?? {})
  await world.settle()
  await live()
  await begin(world, { kind: 'root', outgoing: ['root-1'], from: () => 'root-1' })
  // Its agent is down: that of the first must not speak for it.
  for (let i = 0; i < 200; i++) {
    await world.settle()
    await world.clock.run('10m')
  }
  expect((await stateOf(world)).authorities['root-1']?.stage).toBe('ACTIVE')
  expect(String(inSecond().certificate.issuer)).toBe('O=root-1')
  // It comes back.
  expect(await play(world, live)).toBe(true)
  expect(String(inSecond().certificate.issuer)).toBe('O=root-new')
})

describe('Secrets that are not the agent’s', () => {
  const order = { namespace: 'mesh-pki', name: 'root-1.mesh-pki' }
  const ordered = (target = CACERTS) =>
    encodeIssuedCertificate(MESH_PKI_API.issuedCertificates, {
      ...order,
      spec: {
        hosts: ['spiffe://x.example/ns/a/sa/b'],
        organization: 'o',
        lifetime: '1d',
        keyAlgorithm: 'P-256',
        gracePeriodRatio: 0.1,
        target,
      },
    })

  test('an order that is named like a root does not cost the root', async () => {
    const world = new World(['east'])
    const client = world.client(world.apiOf('east'), 'manager')
    const options = { organization: 'x', lifetime: '3650d', keyAlgorithm: 'P-256', owner: 'p' } as const
    await rootCaStep(client, order, options)
    const before = decodeRootSecret(world.apiOf('east').read(KubeResources.secrets, order) ?? {})
    await client.create(MESH_PKI_API.issuedCertificates, ordered())
    for (let i = 0; i < 3; i++) await agentStep(world.client(world.apiOf('east'), 'agent'), order, AGENT)
    const after = decodeRootSecret(world.apiOf('east').read(KubeResources.secrets, order) ?? {})
    expect(after.certificate.fingerprint()).toBe(before.certificate.fingerprint())
    const told = world.apiOf('east').read(MESH_PKI_API.issuedCertificates, order)
    expect(recordAt(told, 'status')).toMatchObject({
      state: 'FAILED',
      conditions: [{ type: 'Ready', reason: 'NameTaken' }],
    })
  })

  test('an order that goes takes no cacerts with it that another one put under its name', async () => {
    const world = new World(['east'], { target: order })
    await world.root('root-1')
    await world.settle()
    const client = world.client(world.apiOf('east'), 'manager')
    const written = world.apiOf('east').read(KubeResources.secrets, order)
    expect(written).toBeDefined()
    await client.create(MESH_PKI_API.issuedCertificates, ordered())
    const made = await client.get(MESH_PKI_API.issuedCertificates, order)
    await client.remove(MESH_PKI_API.issuedCertificates, made)
    await agentStep(world.client(world.apiOf('east'), 'agent'), order, AGENT)
    expect(world.apiOf('east').read(KubeResources.secrets, order)?.['data']).toEqual(written?.['data'])
  })

  test('of two that somebody writes one after the other, replacing keeps both', async () => {
    const other = new World(['east'], { hosts: ['spiffe://o.example/ns/istio-system/sa/istiod'] })
    await other.root('root-1')
    await other.settle()
    const one = recordAt(other.cacerts('east'), 'data')
    await other.clock.run('364d')
    await other.settle()
    const two = recordAt(other.cacerts('east'), 'data')
    expect(one['ca-key.pem']).not.toBe(two['ca-key.pem'])
    const world = new World(['east'])
    await world.root('root-1')
    const admin = world.client(world.apiOf('east'), 'admin')
    const go = async () => {
      for (let i = 0; i < 10; i++) {
        await world.step()
        await world.agent('east', { foreign: 'replace' })
        await world.issuer('east')
      }
    }
    const marks = { 'istio-generated': '', 'ca-crl.pem': 'c3RhbGU=' }
    world.apiOf('east').seed({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: CACERTS,
      type: 'Opaque',
      data: { ...one, ...marks },
    })
    await go()
    const mine = world.cacerts('east')
    expect(Object.keys(recordAt(mine, 'data')).sort()).toEqual([
      'ca-cert.pem',
      'ca-key.pem',
      'cert-chain.pem',
      'root-cert.pem',
    ])
    if (mine === undefined) throw new Error('no cacerts')
    const bare = { ...mine.metadata, labels: {}, annotations: {} }
    await admin.replace(KubeResources.secrets, { ...mine, metadata: bare, data: two })
    await go()
    expect(issuerIn(world, 'east')).toBe('root-1')
    const kept = world
      .apiOf('east')
      .objects(KubeResources.secrets)
      .filter(({ metadata }) => metadata.name?.startsWith('cacerts-before-'))
      .map((secret) => recordAt(secret, 'data')['ca-key.pem'])
    expect(new Set(kept)).toEqual(new Set([one['ca-key.pem'], two['ca-key.pem']]))
  })
})

describe('a CA that was there', () => {
  test('of the authority before is not taken for one of the next', async () => {
    const world = await onTheWay((one) => rootsIn(one, 'east').startsWith('root-1 + root-new'))
    for (let i = 0; i < 300 && specOf(world, 'east')['authority'] !== 'root-new'; i++) {
      await world.settle(['west'])
      await world.agent('east')
      await world.clock.run('10m')
      await world.step()
    }
    expect([specOf(world, 'east')['authority'], issuerIn(world, 'east')]).toEqual(['root-new', 'root-1'])
    // A GitOps tool writes the Secret as it has it: content as before, no labels, no annotations.
    const admin = world.client(world.apiOf('east'), 'gitops')
    const now = world.cacerts('east')
    if (now === undefined) throw new Error('no cacerts')
    await admin.replace(KubeResources.secrets, {
      ...now,
      metadata: { ...now.metadata, labels: {}, annotations: {} },
    })
    for (let i = 0; i < 100; i++) {
      await world.settle()
      await world.clock.run('10m')
    }
    expect(statusOf(world, 'east')).toMatchObject({
      state: 'FAILED',
      error: expect.stringMatching(/ForeignSecret|was not written by this agent/),
    })
    expect((await stateOf(world)).authorities['root-1']?.stage).not.toBe('RETIRED')
    expect(rootsIn(world, 'west')).toContain('root-1')
  })

  test.each([
    ['path length', { pathLength: 5 }],
    ['life', { lifetime: '3000d' }],
    ['key', { keyAlgorithm: 'P-384' as const }],
  ])('with another %s than was ordered is taken over only where that is wanted', async (_, more) => {
    const other = new World(['east'], more)
    await other.root('root-1')
    await other.settle()
    const world = new World(['east'])
    for (const secret of other.management.objects(KubeResources.secrets)) world.management.seed(secret)
    const data = recordAt(other.cacerts('east'), 'data')
    world.apiOf('east').seed({ apiVersion: 'v1', kind: 'Secret', metadata: CACERTS, type: 'Opaque', data })
    await world.settle()
    expect(statusOf(world, 'east')['state']).toBe('FAILED')
    world.agentOptions = { foreign: 'adopt' }
    await world.settle()
    expect(statusOf(world, 'east')['state']).toBe('FINISHED')
    expect(recordAt(world.cacerts('east'), 'data')).toEqual(data)
    // Since when istiod signs with it nobody knows: not before the longest that it takes.
    expect(statusOf(world, 'east')['signer']).toBeUndefined()
    await world.clock.run('11m')
    await world.settle()
    expect(statusOf(world, 'east')['signer']).toBe('root-1')
  })
})

describe('an answer that is not accepted', () => {
  const state = (world: World) => statusOf(world, 'east')['state']

  test('because it ended on the way is asked for anew', async () => {
    const world = new World(['east'], { lifetime: '1d' })
    await world.root('root-1')
    await world.step()
    await world.agent('east')
    await world.agent('east')
    await world.issuer('east')
    await world.clock.run('2d')
    await world.agent('east')
    await world.settle()
    expect(state(world)).toBe('FINISHED')
    expect(decodeCacerts(world.cacerts('east') ?? {}).certificate.notAfter > world.clock.now()).toBe(true)
  })

  test('because another root came under the same name is asked for anew, for another key', async () => {
    const world = new World(['east'])
    await world.root('root-1')
    await world.root('root-2')
    await world.step()
    await world.agent('east')
    await world.agent('east')
    await world.issuer('east')
    world.federation = {
      ...world.federation,
      authorities: { 'root-1': { secret: world.rootRef('root-2') } },
    }
    await world.settle()
    expect(state(world)).not.toBe('FINISHED')
    await world.clock.run('11m')
    await world.settle()
    expect([state(world), issuerIn(world, 'east')]).toEqual(['FINISHED', 'root-2'])
  })

  test('because somebody wrote another one does not cost the CA that works, nor a hundred new ones', async () => {
    const world = new World(['east'], { lifetime: '10d' })
    await world.root('root-1')
    await world.settle()
    const other = new World(['east'], { hosts: ['spiffe://o.example/ns/istio-system/sa/istiod'] })
    await other.root('root-1')
    await other.settle()
    const strange = Buffer.from(decodeCacerts(other.cacerts('east') ?? {}).certificate.toPem()).toString(
      'base64',
    )
    const { order } = world.meshOf('east')
    const admin = world.client(world.apiOf('east'), 'admin')
    await world.clock.run('217h')
    // Each answer is overwritten, for hours.
    for (let i = 0; i < 60; i++) {
      await world.step()
      for (let k = 0; k < 4; k++) {
        await world.agent('east')
        await world.issuer('east')
        const request = await admin.find(MESH_PKI_API.certificateRequests, order)
        const status = recordAt(request, 'status')
        if (request !== undefined && status['state'] === 'FINISHED')
          await admin.replace(
            MESH_PKI_API.certificateRequests,
            { ...request, status: { ...status, signedCertificate: strange, certChain: strange } },
            { part: 'status' },
          )
      }
      await world.clock.run('10m')
    }
    expect(state(world)).toBe('FAILED')
    // One at the beginning; then at pauses that grow.
    expect(world.issuedTotal()).toBeLessThan(12)
    for (let i = 0; i < 60; i++) {
      await world.settle()
      await world.clock.run('10m')
    }
    expect(state(world)).toBe('FINISHED')
    expect(decodeCacerts(world.cacerts('east') ?? {}).certificate.notAfter.getTime()).toBeGreaterThan(
      world.clock.now().getTime() + 8 * 86_400_000,
    )
  })

  test('“make a new key” is obeyed, also in Gloo’s kind', async () => {
    const world = new World(['east'], { keyAlgorithm: 'RSA-2048', pathLength: 'none' }, GLOO_API)
    await world.root('root-1')
    await world.root('root-2')
    await world.step()
    await world.agent('east')
    await world.agent('east')
    // The issuer dies behind the ledger.
    world
      .apiOf('east')
      .faults.fail({ status: 500 }, { verb: 'update', resource: GLOO_API.certificateRequests })
    await expect(world.issuer('east')).rejects.toThrow()
    expect(world.issuedTotal()).toBe(1)
    world.federation = {
      ...world.federation,
      signer: 'root-2',
      authorities: { ...world.federation.authorities, 'root-2': { secret: world.rootRef('root-2') } },
    }
    await world.settle()
    await world.clock.run('11m')
    await world.settle()
    expect([state(world), issuerIn(world, 'east')]).toEqual(['FINISHED', 'root-2'])
  })
})

test.each([
  ['a name that is none', { hosts: ['not a uri'] }],
  ['an empty name', { hosts: [''] }],
  ['an organization with a NUL', { organization: 'a\u0000b' }],
])('an order with %s says so', async (_, more) => {
  const world = new World(['east'], more)
  await world.root('root-1')
  await world.step()
  for (let i = 0; i < 4; i++) await world.agent('east')
  expect(statusOf(world, 'east')).toMatchObject({
    state: 'FAILED',
    conditions: [{ type: 'Ready', reason: 'InvalidOrder' }],
  })
})

test('what the API server refuses for what it says stands in the order', async () => {
  const world = new World(['east'])
  await world.root('root-1')
  await world.step()
  world.apiOf('east').faults.fail({ status: 422 }, { verb: 'create', resource: KubeResources.secrets })
  await world.agent('east')
  expect(statusOf(world, 'east')).toMatchObject({
    state: 'FAILED',
    conditions: [{ type: 'Ready', reason: 'Rejected' }],
  })
  await world.settle()
  expect(statusOf(world, 'east')['state']).toBe('FINISHED')
})

test('a refusal that is repeated is not written again', async () => {
  const world = new World(['east'])
  await world.root('root-1')
  await world.root('root-2')
  await world.step()
  await world.agent('east')
  await world.agent('east')
  await world.issuer('east')
  world.federation = { ...world.federation, authorities: { 'root-1': { secret: world.rootRef('root-2') } } }
  await world.step()
  await world.agent('east')
  expect(statusOf(world, 'east')['state']).toBe('FAILED')
  for (let i = 0; i < 5; i++) {
    await world.clock.run('1s')
    expect((await world.agent('east')).changed).toBe(false)
  }
})

test('who may write answers is not who decides what is trusted, where roots are pinned', async () => {
  const world = new World(['east'], { keyAlgorithm: 'RSA-2048', pathLength: 'none' }, GLOO_API)
  await world.root('root-1')
  await world.root('mallory')
  const [pinned, other] = await Promise.all(
    ['root-1', 'mallory'].map(
      async (id) => (await world.federation.loader.load(world.rootRef(id))).certificate,
    ),
  )
  if (pinned === undefined || other === undefined) throw new Error('no roots')
  world.agentOptions = { pinnedRoots: [pinned] }
  world.federation = {
    ...world.federation,
    signer: 'mallory',
    authorities: { mallory: { secret: world.rootRef('mallory') } },
  }
  await world.settle()
  expect(world.cacerts('east')).toBeUndefined()
  expect(statusOf(world, 'east')['error']).toMatch(/none of those that this agent is told to trust/)
  world.agentOptions = { pinnedRoots: [pinned, other] }
  await world.settle()
  expect(rootsIn(world, 'east')).toBe('mallory')
})

test('an order of another owner is left alone, and that is told', async () => {
  const world = new World(['east'])
  await world.root('root-1')
  await world.settle()
  const found = world.order('east')
  if (found === undefined) throw new Error('no order')
  const labels = { 'pki.mesh-pki.dev/owner': 'somebody-else' }
  await world
    .client(world.apiOf('east'), 'admin')
    .replace(MESH_PKI_API.issuedCertificates, { ...found, metadata: { ...found.metadata, labels } })
  expect((await world.step()).clusters[0]?.error).toMatch(/that of "?somebody-else"?, not of policy.mesh-pki/)
})

test('a rollover whose next root is not there yet stops nothing else', async () => {
  const world = new World(['east'], { workloadLifetime: '4h' })
  await world.root('root-1')
  await world.settle()
  await begin(world, { kind: 'root', outgoing: ['root-1'], from: () => 'root-1' })
  const ref = world.rootRef('root-new')
  const kept = await world.manager.get(KubeResources.secrets, ref)
  await world.manager.remove(KubeResources.secrets, kept)
  const report = await world.step()
  expect(report.incoming).toMatch(/root-new.*not/)
  expect(report.clusters).toEqual([{ cluster: 'east', changed: true }])
  await world.settle()
  expect(statusOf(world, 'east')['state']).toBe('FINISHED')
  world.management.seed(kept)
  expect((await world.step()).incoming).toBeUndefined()
  expect(await play(world, () => {})).toBe(true)
})

test('an agent that does not see its CA gives no evidence of it', async () => {
  const world = await onTheWay((one) => rootsIn(one, 'west') === 'root-1 + root-new')
  const client = world.client(world.apiOf('east'), 'admin')
  await client.remove(KubeResources.secrets, await client.get(KubeResources.secrets, CACERTS))
  expect(statusOf(world, 'east')['signer']).toBe('root-1')
  await world.agent('east')
  expect([statusOf(world, 'east')['signer'], statusOf(world, 'east')['distributed']]).toEqual([
    undefined,
    undefined,
  ])
  await world.settle()
  await world.clock.run('11m')
  await world.settle()
  expect(statusOf(world, 'east')['signer']).toBe('root-1')
})

test('a root that another process is making right now is not called lost', async () => {
  const world = new World(['east'])
  const ref = world.rootRef('root-1')
  const terms = { organization: 'x', lifetime: '3650d', keyAlgorithm: 'P-256', owner: 'p' } as const
  const inner = world.management.transport()
  let isFirst = true
  const transport: KubeTransport = {
    request: async (request) => {
      // Before each read of the slow one, once.
      if (isFirst && request.method === 'GET' && request.path.endsWith('.record')) {
        isFirst = false
        const answer = await inner.request(request)
        await rootCaStep(world.client(world.management, 'fast'), ref, terms)
        return answer
      }
      return inner.request(request)
    },
    watch: (request) => inner.watch(request),
  }
  const slow = new KubeClient(transport, { fieldManager: 'slow', clock: world.clock })
  expect((await rootCaStep(slow, ref, terms)).changed).toBe(false)
  expect(world.management.objects(KubeResources.secrets)).toHaveLength(1)
})

describe('an issuer that no longer leads', () => {
  async function asked() {
    const world = new World(['east'])
    await world.root('root-1')
    await world.step()
    for (let i = 0; i < 2; i++) await world.agent('east')
    const { order } = world.meshOf('east')
    const step = (beforeWrite: () => void) =>
      issuerStep(world.client(world.apiOf('east'), 'issuer'), order, {
        cluster: 'east',
        ledger: world.ledger,
        beforeWrite,
        entitlementOf: (wanted) => entitlementOf(world.federation, 'east', wanted),
      })
    const { ca } = await world.federation.loader.load(world.rootRef('root-1'))
    return { world, order, step, ca }
  }
  const stop = () => {
    throw new Error('no longer the leader')
  }

  test('takes nothing out of the ledger', async () => {
    const { world, order, step, ca } = await asked()
    const { csr } = await createCsr({ subject: 'O=x', key: 'P-256' })
    const issued = await ca.issueIntermediate(csr, { lifetime: '1h' })
    const name = `${order.namespace}/${order.name}`
    await world.ledger.record({ cluster: 'east', order: name, authority: 'root-1', ...issued })
    await world.clock.run('2h')
    const { writes } = world.management
    await expect(step(stop)).rejects.toThrow('no longer the leader')
    expect(world.management.writes).toBe(writes)
  })

  test('since it signed still writes that down, and answers nothing; the next one answers it', async () => {
    const { world, step, ca } = await asked()
    let leads = true
    const original = ca.issueIntermediate.bind(ca)
    vi.spyOn(ca, 'issueIntermediate').mockImplementationOnce(async (csr, options) => {
      const issued = await original(csr, options)
      leads = false
      return issued
    })
    await expect(step(() => (leads ? undefined : stop()))).rejects.toThrow('no longer the leader')
    expect(world.issuedTotal()).toBe(1)
    await world.settle()
    expect([statusOf(world, 'east')['state'], world.issuedTotal()]).toEqual(['FINISHED', 1])
  })
})

test('a root that got lost is not made anew', async () => {
  const world = new World(['east'])
  await world.root('root-1')
  const ref = world.rootRef('root-1')
  const kept = await world.manager.get(KubeResources.secrets, ref)
  await world.manager.remove(KubeResources.secrets, kept)
  await expect(world.root('root-1')).rejects.toMatchObject({
    code: 'ERR_KUBERNETES_ROOT_LOST',
    message: expect.stringContaining(decodeRootSecret(kept).certificate.fingerprint()),
  })
  world.management.seed(kept)
  await world.root('root-1')
})
