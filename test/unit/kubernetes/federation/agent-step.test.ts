import { beforeAll, describe, expect, test } from 'vitest'
import { createRootCa, memoryRevocationStore } from '../../../../src/ca/index.ts'
import { KubeResources } from '../../../../src/kubernetes/api/kube-resource.ts'
import type { AgentStepOptions } from '../../../../src/kubernetes/federation/agent-step-options.ts'
import { MESH_PKI_API } from '../../../../src/kubernetes/federation/federation-api.ts'
import { FederationMark } from '../../../../src/kubernetes/objects/federation-mark.ts'
import { type KubeObject, recordAt, textAt } from '../../../../src/kubernetes/objects/kube-object.ts'
import { decodeCacerts } from '../../../../src/kubernetes/secrets/decode-cacerts.ts'
import { manualClock } from '../../../../src/testing/index.ts'
import { CACERTS, START, World } from './support.ts'

const KEY_TYPE = 'certificates.mesh.gloo.solo.io/generated_private_key'
const requests = MESH_PKI_API.certificateRequests

/** A CRL of a CA that is above nobody here. */
let strangeCrl: string

beforeAll(async () => {
  const stranger = await createRootCa({
    subject: 'O=stranger',
    lifetime: '3650d',
    revocations: memoryRevocationStore(),
    clock: manualClock(START),
  })
  strangeCrl = (await stranger.issueCrl({ nextUpdate: '365d' })).crl.toPem()
})

const there = (object: KubeObject | undefined): KubeObject => {
  if (object === undefined) throw new Error('there is none')
  return object
}
const status = (world: World) => recordAt(world.order('east'), 'status')
const serial = (world: World): string => decodeCacerts(there(world.cacerts('east'))).certificate.serialNumber
const rootsOf = (world: World): readonly string[] =>
  decodeCacerts(there(world.cacerts('east'))).roots.map(({ subject }) => String(subject))

/** Takes one step of an agent until it comes to an action that writes the Secret `cacerts`, and stops before that write. */
async function untilCacerts(world: World, options: Partial<AgentStepOptions>, meddle: () => void) {
  const client = world.client(world.apiOf('east'), 'agent')
  const at = world.apiOf('east')
  for (let i = 0; i < 10; i++) {
    // What the decision is made of was read; nothing of it is written yet.
    const before = at.read(requests, world.meshOf('east').order)
    const isAnswered = textAt(recordAt(before, 'status'), 'state') === 'FINISHED'
    const isNext = isAnswered || options.foreign === 'adopt'
    await world.agent('east', isNext ? { ...options, beforeWrite: meddle } : options, client)
    if (isNext) return
    await world.issuer('east')
  }
  throw new Error('it does not come to that')
}

async function settled(more: ConstructorParameters<typeof World>[1] = {}) {
  const world = new World(['east'], more)
  await world.root('root-1')
  await world.settle()
  return world
}

/** Adds what is beside a CA: somebody's label, somebody's data. */
function touch(world: World, change: { readonly labels?: object; readonly data?: object }): KubeObject {
  const found = there(world.cacerts('east'))
  world.apiOf('east').seed({
    ...found,
    metadata: { ...found.metadata, labels: { ...found.metadata.labels, ...change.labels } },
    data: { ...recordAt(found, 'data'), ...change.data },
  })
  return there(world.cacerts('east'))
}

/** Another root is to be trusted too. */
async function orderWider(world: World): Promise<void> {
  const passive = await createRootCa({ subject: 'O=passive', lifetime: '3650d', clock: manualClock(START) })
  world.federation = { ...world.federation, passive: [passive.certificate] }
  await world.step()
}

async function orderAnew(world: World): Promise<void> {
  const meshes = world.federation.meshes.map((mesh) => ({
    ...mesh,
    spec: { ...mesh.spec, rotation: 'again' },
  }))
  world.federation = { ...world.federation, meshes }
  await world.step()
}

describe('a cacerts that somebody changes between what was decided and what is written', () => {
  const conflict = { code: 'ERR_KUBERNETES_CONFLICT' }

  test('keeps what they wrote, when another CA is installed; without them it is installed', async () => {
    const world = await settled()
    await orderAnew(world)
    const before = serial(world)
    let theirs: KubeObject | undefined
    await expect(
      untilCacerts(world, {}, () => {
        theirs ??= touch(world, { data: { 'their.txt': 'eA==' } })
      }),
    ).rejects.toMatchObject(conflict)
    expect(world.cacerts('east')).toEqual(theirs)
    await world.settle()
    expect(serial(world)).not.toBe(before)
    expect(recordAt(world.cacerts('east'), 'data')['their.txt']).toBe('eA==')
  })

  test('keeps what they wrote, when it is the first one', async () => {
    const other = await settled()
    const foreign: KubeObject = { ...there(other.cacerts('east')), metadata: CACERTS }
    const world = new World(['east'])
    await world.root('root-1')
    await world.step()
    await expect(untilCacerts(world, {}, () => world.apiOf('east').seed(foreign))).rejects.toMatchObject({
      code: 'ERR_KUBERNETES_ALREADY_EXISTS',
    })
    expect(world.cacerts('east')?.['data']).toEqual(foreign['data'])
  })

  test('keeps what they wrote, when it is taken over', async () => {
    const other = await settled()
    const world = new World(['east'])
    for (const secret of other.management.objects(KubeResources.secrets)) world.management.seed(secret)
    world.apiOf('east').seed({ ...there(other.cacerts('east')), metadata: CACERTS })
    await world.step()
    let theirs: KubeObject | undefined
    await expect(
      untilCacerts(world, { foreign: 'adopt' }, () => {
        theirs ??= touch(world, { labels: { theirs: 'yes' } })
      }),
    ).rejects.toMatchObject(conflict)
    expect(world.cacerts('east')).toEqual(theirs)
    await world.settle()
    expect(world.cacerts('east')?.metadata.labels).toMatchObject({
      theirs: 'yes',
      [FederationMark.agent]: 'mesh-pki',
    })
  })

  test('keeps what they wrote, when other roots are published', async () => {
    const world = await settled()
    await orderWider(world)
    let theirs: KubeObject | undefined
    const meddle = () => {
      theirs ??= touch(world, { labels: { theirs: 'yes' } })
    }
    await expect(world.agent('east', { beforeWrite: meddle })).rejects.toMatchObject(conflict)
    expect(world.cacerts('east')).toEqual(theirs)
    expect(rootsOf(world)).toEqual(['O=root-1'])
    await world.agent('east')
    expect(rootsOf(world)).toEqual(['O=root-1', 'O=passive'])
    expect(world.cacerts('east')?.metadata.labels).toMatchObject({ theirs: 'yes' })
  })
})

describe('a cacerts of somebody else that is replaced', () => {
  test('is copied first, with all of its data; one of ours is not', async () => {
    const other = await settled({ hosts: ['spiffe://other.example/ns/x/sa/ca'] })
    const foreign: KubeObject = { ...there(other.cacerts('east')), metadata: CACERTS }
    const world = new World(['east'])
    await world.root('root-1')
    world.apiOf('east').seed(foreign)
    world.agentOptions = { foreign: 'replace', rootSwap: 'allow' }
    const copies = () =>
      world
        .apiOf('east')
        .objects(KubeResources.secrets)
        .filter(({ metadata }) => metadata.name !== 'cacerts')
        .map((copy) => copy['data'])
    await world.step()
    // Whoever may write only once has written the copy.
    const last = { ...world.agentOptions }
    await expect(
      untilCacerts(world, last, () => {
        if (copies().some((data) => JSON.stringify(data) === JSON.stringify(foreign['data'])))
          throw new Error('no longer the leader')
      }),
    ).rejects.toThrow('no longer the leader')
    expect(world.cacerts('east')?.['data']).toEqual(foreign['data'])
    await world.settle()
    expect(copies()).toEqual([foreign['data']])
    expect(world.cacerts('east')?.['data']).not.toEqual(foreign['data'])
    await orderAnew(world)
    await world.settle()
    expect(copies()).toEqual([foreign['data']])
  })
})

describe('whether the roots are distributed', () => {
  /** A rollover has numbered the bundle. */
  async function numbered() {
    const world = await settled()
    const order = there(world.order('east'))
    const spec = { ...recordAt(order, 'spec'), bundleSequence: 8, rollover: 'a>b', revision: 3 }
    world.apiOf('east').seed({ ...order, spec })
    return world
  }
  const goOn = async (world: World) => {
    for (let i = 0; i < 3; i++) await world.agent('east')
  }

  test('is looked for in every namespace once a rollover asks', async () => {
    const world = await numbered()
    world.apiOf('east').seed({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } })
    await goOn(world)
    expect(status(world)['trustBundle']).toMatchObject({ sequence: 8 })
    expect(status(world)).not.toHaveProperty('distributed')
    const roots = Buffer.from(String(recordAt(world.cacerts('east'), 'data')['root-cert.pem']), 'base64')
    world.apiOf('east').seed({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'istio-ca-root-cert', namespace: 'shop' },
      data: { 'root-cert.pem': roots.toString() },
    })
    await goOn(world)
    expect(status(world)['distributed']).toMatchObject({ sequence: 8 })
  })

  test('is not known, so no, where the agent may not look', async () => {
    const world = await numbered()
    const { faults } = world.apiOf('east')
    const denied = faults.fail({ status: 403, reason: 'Forbidden' }, { verb: 'list', times: 100 })
    await goOn(world)
    expect(denied.hits).toBeGreaterThan(0)
    expect(status(world)).toMatchObject({ state: 'FINISHED', trustBundle: { sequence: 8 } })
    expect(status(world)).not.toHaveProperty('distributed')
    denied.remove()
    await goOn(world)
    expect(status(world)['distributed']).toMatchObject({ sequence: 8 })
  })

  test('nobody asks without a rollover, so an agent needs no right to list then', async () => {
    const world = new World(['east'])
    await world.root('root-1')
    const denied = world
      .apiOf('east')
      .faults.fail({ status: 403, reason: 'Forbidden' }, { verb: 'list', times: 100 })
    await world.settle()
    expect(denied.hits).toBe(0)
    expect(status(world)).toMatchObject({ state: 'FINISHED' })
  })
})

describe('what the API server refuses', () => {
  test.each([
    ['for who asks', { status: 403, reason: 'Forbidden' }, 'Forbidden'],
    ['for what it says', { status: 422, reason: 'Invalid' }, 'Rejected'],
  ])('%s stands in the order, and is tried again', async (_name, answer, reason) => {
    const world = new World(['east'])
    await world.root('root-1')
    await world.step()
    world.apiOf('east').faults.fail(answer, { verb: 'create', resource: KubeResources.secrets })
    expect((await world.agent('east')).requeueAfterMs).toBeGreaterThan(0)
    expect(status(world)).toMatchObject({ state: 'FAILED', conditions: [{ type: 'Ready', reason }] })
    await world.settle()
    expect(status(world)).toMatchObject({ state: 'FINISHED' })
  })

  test('by itself for a moment is thrown, and the order keeps what it says', async () => {
    const world = await settled()
    const before = status(world)
    const answer = { status: 500, reason: 'InternalError' }
    world.apiOf('east').faults.fail(answer, { verb: 'get', resource: KubeResources.secrets })
    await expect(world.agent('east')).rejects.toMatchObject({ code: 'ERR_KUBERNETES_UNAVAILABLE' })
    expect(status(world)).toEqual(before)
  })
})

describe('the next look', () => {
  test('is no later than the renewal, nor than the next word to the management side', async () => {
    // Of one day 2.4 hours remain.
    const world = await settled({ lifetime: '1d', gracePeriodRatio: 0.1 })
    await world.clock.run('1h')
    await world.settle()
    expect((await world.agent('east')).requeueAfterMs).toBe(300_000)
    await world.clock.run('20h')
    await world.agent('east', { heartbeat: '30d' })
    const { requeueAfterMs = 0 } = await world.agent('east', { heartbeat: '30d' })
    expect(requeueAfterMs).toBeGreaterThan(30 * 60_000)
    expect(requeueAfterMs).toBeLessThan(40 * 60_000)
  })
})

describe('what istiod would refuse, and say in its log alone', () => {
  test('is not written: other roots beside a CRL that is none of the CA’s', async () => {
    const world = await settled()
    touch(world, { data: { 'ca-crl.pem': Buffer.from(strangeCrl).toString('base64') } })
    const before = there(world.cacerts('east'))
    await orderWider(world)
    await world.agent('east')
    expect(world.cacerts('east')).toEqual(before)
    expect(status(world)).toMatchObject({ state: 'FAILED' })
    // The CRL goes, and so does what held it up.
    const { 'ca-crl.pem': _crl, ...data } = recordAt(before, 'data')
    world.apiOf('east').seed({ ...before, data })
    await world.settle()
    expect(rootsOf(world)).toEqual(['O=root-1', 'O=passive'])
    expect(status(world)).toMatchObject({ state: 'FINISHED' })
  })

  test('is not installed: another CA beside it', async () => {
    const world = await settled()
    touch(world, { data: { 'ca-crl.pem': Buffer.from(strangeCrl).toString('base64') } })
    const before = there(world.cacerts('east'))
    await orderAnew(world)
    for (let i = 0; i < 4; i++) {
      await world.agent('east')
      await world.issuer('east')
    }
    expect(world.cacerts('east')).toEqual(before)
    expect(status(world)).toMatchObject({ state: 'FAILED' })
    expect(world.issuedTotal()).toBe(2)
    const { 'ca-crl.pem': _crl, ...data } = recordAt(before, 'data')
    world.apiOf('east').seed({ ...before, data })
    await world.settle()
    expect(status(world)).toMatchObject({ state: 'FINISHED' })
    expect(world.cacerts('east')).not.toEqual(before)
  })
})

describe('an answer that is not accepted', () => {
  test('is asked for anew, ever more rarely: a ledger does not fill', async () => {
    const world = await settled()
    touch(world, { data: { 'ca-crl.pem': Buffer.from(strangeCrl).toString('base64') } })
    await orderAnew(world)
    const totals: number[] = []
    for (let hour = 0; hour < 4; hour++) {
      for (let sixth = 0; sixth < 6; sixth++) {
        for (let i = 0; i < 4; i++) {
          await world.agent('east')
          await world.issuer('east')
        }
        await world.clock.run('10m')
      }
      totals.push(world.issuedTotal())
    }
    const hourly = totals.map((total, i) => total - (totals[i - 1] ?? 1))
    // Every ten minutes would be six each hour.
    expect(hourly[0]).toBeGreaterThan(hourly.at(-1) ?? 0)
    expect(hourly.at(-1)).toBeLessThan(3)
    expect(totals.at(-1)).toBeGreaterThan(totals[0] ?? 0)
  })
})

describe('an order that is gone', () => {
  /** Only its key and its request are left. */
  async function orphaned() {
    const world = new World(['east'])
    await world.root('root-1')
    await world.step()
    for (let i = 0; i < 2; i++) await world.agent('east')
    const { order } = world.meshOf('east')
    const api = world.apiOf('east')
    await world
      .client(api, 'manager')
      .remove(MESH_PKI_API.issuedCertificates, there(api.read(MESH_PKI_API.issuedCertificates, order)))
    const left = () => ({
      key: api.read(KubeResources.secrets, order),
      request: api.read(requests, order),
    })
    return { world, api, left }
  }

  test('takes its key and its request along', async () => {
    const { world, left } = await orphaned()
    expect(there(left().key)['type']).toBe(KEY_TYPE)
    expect((await world.agent('east')).changed).toBe(true)
    expect(left()).toEqual({ key: undefined, request: undefined })
    expect((await world.agent('east')).changed).toBe(false)
  })

  test.each([
    ['another agent’s', { [FederationMark.agent]: 'other' }],
    ['nobody’s', {}],
  ])('leaves a key and a request that are %s', async (_name, labels) => {
    const { world, api, left } = await orphaned()
    for (const object of [left().key, left().request])
      api.seed({ ...there(object), metadata: { ...there(object).metadata, labels } })
    const before = left()
    expect((await world.agent('east')).changed).toBe(false)
    expect(left()).toEqual(before)
  })

  test('leaves a Secret of its name that holds something else, also where it bears our label', async () => {
    const { world, api, left } = await orphaned()
    const cacerts: KubeObject = { ...there(left().key), type: 'Opaque' }
    api.seed(cacerts)
    await world.agent('east')
    expect(left().key?.['data']).toEqual(cacerts['data'])
    expect(left().request).toBeUndefined()
  })

  test('leaves all of it where this process must not write', async () => {
    const { world, left } = await orphaned()
    const before = left()
    const stop = () => {
      throw new Error('no longer the leader')
    }
    await expect(world.agent('east', { beforeWrite: stop })).rejects.toThrow('no longer the leader')
    expect(left()).toEqual(before)
  })
})

describe('who signs', () => {
  test('is said ten minutes after the CA was installed, not sooner: istiod takes its time', async () => {
    const world = await settled()
    expect(status(world)).not.toHaveProperty('signer')
    await world.clock.run('9m59s')
    await world.settle()
    expect(status(world)).not.toHaveProperty('signer')
    await world.clock.run('2s')
    await world.settle()
    expect(status(world)).toMatchObject({ signer: 'root-1' })
  })

  test('is the one of before until then, as long as somebody knows better sooner', async () => {
    const world = await settled()
    await world.clock.run('11m')
    await world.settle()
    await world.root('root-2')
    world.federation = {
      ...world.federation,
      signer: 'root-2',
      authorities: {
        'root-1': { secret: world.rootRef('root-1') },
        'root-2': { secret: world.rootRef('root-2') },
      },
    }
    world.agentOptions = { rootSwap: 'allow' }
    await world.settle()
    expect(status(world)).toMatchObject({
      certificate: { authority: 'root-2' },
      signer: 'root-1',
      // A workload certificate of the last minute: 24 hours, and ten minutes for istiod.
      ledger: [{ authority: 'root-1', notAfter: '2026-03-02T00:21:00Z' }],
    })
    await world.agent('east', { isTakenUp: async () => false })
    expect(status(world)).toMatchObject({ signer: 'root-1' })
    await world.agent('east', { isTakenUp: async () => true })
    expect(status(world)).toMatchObject({ signer: 'root-2' })
  })
})

describe('an agent that no longer leads', () => {
  test('writes nothing at all, whatever is due', async () => {
    const stop = () => {
      throw new Error('no longer the leader')
    }
    const world = new World(['east'])
    await world.root('root-1')
    await world.step()
    const api = world.apiOf('east')
    let refused = 0
    for (let i = 0; i < 12; i++) {
      const { writes } = api
      await world.agent('east', { beforeWrite: stop }).then(
        () => {},
        () => void refused++,
      )
      expect(api.writes).toBe(writes)
      await world.agent('east')
      await world.issuer('east')
    }
    // Key, request, installation, each clean-up, and the status of each.
    expect(refused).toBeGreaterThanOrEqual(4)
    expect(status(world)).toMatchObject({ state: 'FINISHED' })
    expect((await world.agent('east', { beforeWrite: stop })).changed).toBe(false)
  })
})

describe('a status', () => {
  test('is written anew after five minutes though nothing changes, and not before', async () => {
    const world = await settled()
    await world.clock.run('20m')
    await world.settle()
    const { writes } = world.apiOf('east')
    await world.clock.run('4m59s')
    expect((await world.agent('east')).changed).toBe(false)
    await world.clock.run('1s')
    expect((await world.agent('east')).changed).toBe(true)
    expect(world.apiOf('east').writes).toBe(writes + 1)
    expect(status(world)['observedAt']).toBe('2026-03-01T00:25:00Z')
  })

  test('from a clock that was ahead is put right at once', async () => {
    const world = await settled()
    const order = there(world.order('east'))
    world.apiOf('east').seed({ ...order, status: { ...status(world), observedAt: '2031-01-01T00:00:00Z' } })
    await world.agent('east')
    expect(status(world)['observedAt']).toBe('2026-03-01T00:00:00Z')
  })
})
