import { describe, expect, test } from 'vitest'
import { KubeResources } from '../../../../src/kubernetes/api/kube-resource.ts'
import { secretJournal } from '../../../../src/kubernetes/federation/secret-journal.ts'
import { decodeCacerts } from '../../../../src/kubernetes/secrets/decode-cacerts.ts'
import { rootConfigMapStep } from '../../../../src/kubernetes/trust/root-config-map-step.ts'
import { checkIstioRoots, planRollover, Rollover } from '../../../../src/rotation/index.ts'
import { begin, issuerIn, play, rootsIn, rootText, strangers, terms } from './rollover-support.ts'
import { World } from './support.ts'

describe('a rollover of the root, driven through orders', () => {
  test('goes A, A+B, A+B+B, B in each cluster, and nobody ever refuses anybody', async () => {
    const world = new World(['east', 'west'], { workloadLifetime: '4h' })
    await world.root('root-1')
    await world.settle()
    await begin(world, { kind: 'root', outgoing: ['root-1'], from: () => 'root-1' })
    const phases: string[] = []
    const texts: string[] = []
    const over = await play(world, async () => {
      expect(await strangers(world)).toEqual([])
      const phase = `${rootsIn(world, 'east')} / ${issuerIn(world, 'east')}`
      if (phases.at(-1) !== phase) phases.push(phase)
      const text = rootText(world, 'east')
      if (texts.at(-1) !== text) texts.push(text)
    })
    expect(over).toBe(true)
    // Istio's own procedure (integration test cacert_rotation).
    expect(phases).toEqual([
      'root-1 / root-1',
      'root-1 + root-new / root-1',
      'root-1 + root-new + root-new / root-new',
      'root-new / root-new',
    ])
    for (const [i, text] of texts.slice(1).entries())
      for (const istioVersion of ['1.20', '1.24', '1.30'])
        expect(checkIstioRoots(texts[i] ?? '', text, { istioVersion, multiRoot: true }).outcome).toBe(
          'reloaded',
        )
  })

  test('does not go on while a cluster cannot be reached, and catches up afterwards', async () => {
    const world = new World(['east', 'west'], { workloadLifetime: '4h' })
    await world.root('root-1')
    await world.settle()
    await begin(world, { kind: 'root', outgoing: ['root-1'], from: () => 'root-1' })
    const west = world.apiOf('west')
    west.faults.fail('broken-connection', { times: Number.POSITIVE_INFINITY })
    for (let i = 0; i < 60; i++) {
      await world.step()
      for (let n = 0; n < 4; n++) await world.agent('east')
      await world.issuer('east')
      await world.clock.run('5m')
    }
    expect(rootsIn(world, 'east')).toBe('root-1')
    const { rollover, clusters } = await world.step()
    expect(clusters.find(({ cluster }) => cluster === 'west')?.error).toMatch(/no answer from the API server/)
    expect(JSON.stringify(rollover?.waiting)).toMatch(/west/)
    west.faults.clear()
    expect(await play(world, async () => expect(await strangers(world)).toEqual([]))).toBe(true)
    expect(rootsIn(world, 'west')).toBe('root-new')
  })

  test('does not count what a dead agent once said', async () => {
    const world = new World(['east', 'west'], { workloadLifetime: '4h' })
    await world.root('root-1')
    await world.settle()
    await begin(world, { kind: 'root', outgoing: ['root-1'], from: () => 'root-1' })
    // The agent of the west has died; its last words stay in the order.
    for (let i = 0; i < 60; i++) {
      await world.settle(['east'])
      await world.clock.run('5m')
    }
    expect(rootsIn(world, 'east')).toBe('root-1')
  })

  test('waits until every namespace has the roots, where nobody says otherwise', async () => {
    const world = new World(['east'], { workloadLifetime: '4h' })
    await world.root('root-1')
    await world.settle()
    await begin(world, { kind: 'root', outgoing: ['root-1'], from: () => 'root-1' })
    world.agentOptions = {}
    const client = world.client(world.apiOf('east'), 'istiod')
    await client.create(KubeResources.namespaces, { metadata: { name: 'shop' } })
    for (let i = 0; i < 40; i++) {
      await world.settle()
      await world.clock.run('10m')
    }
    expect([rootsIn(world, 'east'), issuerIn(world, 'east')]).toEqual(['root-1 + root-new', 'root-1'])
    // What istiod does.
    const distribute = async () => {
      for (const { metadata } of (await client.list(KubeResources.namespaces)).items)
        await rootConfigMapStep(client, metadata.name ?? '', { roots: rootText(world, 'east'), mode: 'own' })
    }
    expect(await play(world, distribute)).toBe(true)
    expect(rootsIn(world, 'east')).toBe('root-new')
  })

  test('goes on in another process at any time: the journal is in a Secret', async () => {
    const world = new World(['east'], { workloadLifetime: '4h' })
    await world.root('root-1')
    await world.settle()
    const { open } = await begin(world, { kind: 'root', outgoing: ['root-1'], from: () => 'root-1' })
    const over = await play(world, async () => {
      world.federation = { ...world.federation, rollover: await open() }
    })
    expect(over).toBe(true)
    expect(rootsIn(world, 'east')).toBe('root-new')
  })
})

describe('the adoption of separate roots, driven through orders', () => {
  test('brings clusters that do not trust one another under one root', async () => {
    const world = new World(['east', 'west'], { workloadLifetime: '4h' })
    const from = (cluster: string): string => `root-${cluster}`
    for (const cluster of ['east', 'west']) {
      await world.root(from(cluster))
      const authorities = { [from(cluster)]: { secret: world.rootRef(from(cluster)) } }
      const meshes = [world.meshOf(cluster)]
      const whole = world.federation
      world.federation = { ...whole, signer: from(cluster), authorities, meshes }
      await world.settle([cluster])
      world.federation = whole
    }
    expect(await strangers(world)).toEqual(['west refuses east', 'east refuses west'])
    await begin(world, { kind: 'adoption', outgoing: ['root-east', 'root-west'], from })
    let together = false
    const over = await play(world, async () => {
      const refused = await strangers(world)
      // Once they have met, they never part.
      if (refused.length === 0) together = true
      else expect(together).toBe(false)
      expect(refused.filter((one) => one === 'east refuses east' || one === 'west refuses west')).toEqual([])
    })
    expect([over, together]).toEqual([true, true])
    expect([rootsIn(world, 'east'), rootsIn(world, 'west')]).toEqual(['root-new', 'root-new'])
  })
})

describe('the adoption of meshes that were made by hand', () => {
  test('whose roots’ keys are nowhere here, keeps their CAs until they switch', async () => {
    const names = ['east', 'west']
    // Each was made by its own people, elsewhere.
    const made = new Map<string, World>()
    for (const cluster of names) {
      const own = new World([cluster], {
        workloadLifetime: '4h',
        hosts: [`spiffe://${cluster}.hand/ns/x/sa/ca`],
      })
      await own.root('root-1')
      await own.settle()
      made.set(cluster, own)
    }
    const world = new World(names, { workloadLifetime: '4h' })
    await world.root('root-new')
    const rootsOf = (cluster: string) => decodeCacerts(made.get(cluster)?.cacerts(cluster) ?? {}).roots
    for (const cluster of names) {
      const { labels: _l, annotations: _a, ...metadata } = made.get(cluster)?.cacerts(cluster)?.metadata ?? {}
      world.apiOf(cluster).seed({ ...made.get(cluster)?.cacerts(cluster), metadata } as never)
    }
    const before = names.map((cluster) => JSON.stringify(world.cacerts(cluster)?.['data']))
    const authorities = {
      ...Object.fromEntries(names.map((cluster) => [`hand-${cluster}`, { roots: rootsOf(cluster) }])),
      'root-new': { secret: world.rootRef('root-new') },
    }
    const plan = planRollover({
      ...terms,
      kind: 'adoption',
      start: new Date(world.clock.now().getTime() + 3_600_000),
      outgoing: names.map((cluster) => ({ id: `hand-${cluster}`, certificate: rootsOf(cluster)[0] })),
      incoming: { id: 'root-new', lifetime: '3650d' },
      clusters: names.map((name) => ({ name, from: `hand-${name}` })),
    })
    const journal = secretJournal(world.manager, { namespace: 'mesh-pki', name: 'rollover' })
    const rollover = await Rollover.open({ plan, journal, clock: world.clock })
    world.federation = { ...world.federation, authorities, rollover }
    world.agentOptions = { foreign: 'adopt', isDistributed: async () => true }
    await world.settle()
    expect(names.map((cluster) => JSON.stringify(world.cacerts(cluster)?.['data']))).toEqual(before)
    let together = false
    const over = await play(world, async () => {
      const refused = await strangers(world)
      if (refused.length === 0) together = true
      else expect(together).toBe(false)
    })
    expect([over, together, world.issuedTotal()]).toEqual([true, true, 2])
    expect(names.map((cluster) => `${rootsIn(world, cluster)} by ${issuerIn(world, cluster)}`)).toEqual(
      names.map(() => 'root-new by root-new'),
    )
  })
})

describe('plans that orders cannot drive', () => {
  test.each([
    [{ crossSign: true }, /cross-signs/],
    [{ retention: 'renewals' as const }, /presentsIn/],
    [{ emergency: { reissueWithin: '1h' } }, /presentsIn/],
  ])('are refused before the first step: %j', async (more, words) => {
    const world = new World(['east'], { workloadLifetime: '4h' })
    await world.root('root-1')
    await world.settle()
    await begin(world, { kind: 'root', outgoing: ['root-1'], from: () => 'root-1' }, more)
    await expect(world.step()).rejects.toThrow(words)
    expect(rootsIn(world, 'east')).toBe('root-1')
  })

  test('but for what somebody says of the workloads', async () => {
    const world = new World(['east'], { workloadLifetime: '4h' })
    await world.root('root-1')
    await world.settle()
    await begin(
      world,
      { kind: 'root', outgoing: ['root-1'], from: () => 'root-1' },
      { retention: 'renewals' },
    )
    // The proxies, as istioctl sees them: first the old chain, later the new one.
    const presents = { now: ['root-1'] }
    world.federation = { ...world.federation, presentsIn: async () => presents.now }
    for (let i = 0; i < 60; i++) {
      await world.settle()
      await world.clock.run('10m')
    }
    expect([rootsIn(world, 'east'), issuerIn(world, 'east')]).toEqual([
      'root-1 + root-new + root-new',
      'root-new',
    ])
    presents.now = ['root-new']
    expect(await play(world, () => {})).toBe(true)
  })
})

describe('the journal in a Secret', () => {
  const ref = { namespace: 'mesh-pki', name: 'journal' }

  test('lets one of two writers win', async () => {
    const world = new World([])
    const [a, b] = [
      secretJournal(world.manager, ref),
      secretJournal(world.client(world.management, 'b'), ref),
    ]
    expect(await a.read()).toBeUndefined()
    expect(await Promise.all([a.replace(undefined, 'from a'), b.replace(undefined, 'from b')])).toEqual([
      true,
      false,
    ])
    const version = (await a.read())?.version
    expect(await b.replace(version, 'next of b')).toBe(true)
    expect(await a.replace(version, 'next of a')).toBe(false)
    expect((await a.read())?.text).toBe('next of b')
  })

  test('a Secret that was deleted and made anew is another journal', async () => {
    const world = new World([])
    const journal = secretJournal(world.manager, ref)
    await journal.replace(undefined, 'one')
    const version = (await journal.read())?.version
    await world.manager.remove(KubeResources.secrets, await world.manager.get(KubeResources.secrets, ref))
    expect(await journal.replace(version, 'two')).toBe(false)
    await secretJournal(world.manager, ref).replace(undefined, 'of somebody else')
    expect(await journal.replace(version, 'two')).toBe(false)
  })

  test('a write whose answer was lost is looked up, not taken for a failure', async () => {
    const world = new World([])
    const journal = secretJournal(world.manager, ref)
    await journal.replace(undefined, 'one')
    const version = (await journal.read())?.version
    world.management.faults.failAfter('broken-connection', { verb: 'update' })
    expect(await journal.replace(version, 'two')).toBe(true)
    world.management.faults.fail('broken-connection', { verb: 'update' })
    await expect(journal.replace((await journal.read())?.version, 'three')).rejects.toMatchObject({
      code: 'ERR_KUBERNETES_UNAVAILABLE',
      outcome: 'unknown',
    })
    expect((await journal.read())?.text).toBe('two')
  })

  test('a Secret that holds something else is no journal', async () => {
    const world = new World([])
    world.management.seed({ apiVersion: 'v1', kind: 'Secret', metadata: ref, data: { other: 'eA==' } })
    await expect(secretJournal(world.manager, ref).read()).rejects.toMatchObject({
      code: 'ERR_ROLLOVER_JOURNAL',
    })
  })

  test('a text that no Secret takes is refused before it is sent', async () => {
    const world = new World([])
    const writes = world.management.writes
    await expect(
      secretJournal(world.manager, ref).replace(undefined, 'x'.repeat(1_000_001)),
    ).rejects.toMatchObject({
      code: 'ERR_ROLLOVER_JOURNAL',
    })
    expect(world.management.writes).toBe(writes)
  })
})
