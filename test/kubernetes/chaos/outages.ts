/**
 * Processes of the server that die or stand still, while a leader reconciles.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createRootCa } from '../../../src/ca/index.ts'
import { createCsr } from '../../../src/csr/index.ts'
import {
  Controller,
  IssuanceLedger,
  isKubeError,
  type KubeClient,
  type KubeRuntimeEvent,
  LeaseElector,
  nameOfKey,
  Reflector,
  type StepResult,
  secretJournal,
} from '../../../src/kubernetes/index.ts'
import { pause, until, untilTrue } from '../../support/until.ts'
import { type ChaosWorld, type GetChaos, LEASES, MAPS, SECRETS, textIn, Watcher } from './world.ts'

/** Makes `out-x` say what `in-x` says: one reconcile. */
async function copy(client: KubeClient, key: string): Promise<StepResult> {
  const { namespace, name } = nameOfKey(key)
  if (!name.startsWith('in-')) return { changed: false }
  const input = await client.get(MAPS, { namespace, name })
  const ref = { namespace, name: name.replace('in-', 'out-') }
  const again = { requeueAfterMs: 300 }
  const found = await client.find(MAPS, ref)
  if (found === undefined) {
    await client.create(MAPS, { metadata: ref, data: { v: textIn(input) } })
    return { changed: true, ...again }
  }
  if (textIn(found) === textIn(input)) return { changed: false, ...again }
  await client.replace(MAPS, { ...found, data: { v: textIn(input) } })
  return { changed: true, ...again }
}

/** A process that leads and then reconciles, as users write it. */
class Leader {
  readonly events: KubeRuntimeEvent[] = []
  readonly reflector: Reflector
  readonly elector: LeaseElector
  readonly #stop = new AbortController()
  readonly #running: Promise<void>

  constructor(client: KubeClient, namespace: string) {
    const onEvent = (event: KubeRuntimeEvent) => void this.events.push(event)
    this.reflector = new Reflector(client, MAPS, { namespace, silence: '2s', onEvent })
    this.elector = new LeaseElector(client, {
      namespace,
      name: 'lock',
      identity: 'one',
      leaseDuration: '4s',
      renewDeadline: '3s',
      retryPeriod: '1s',
      onEvent,
    })
    const controller = new Controller({
      name: 'copier',
      sources: [{ reflector: this.reflector }],
      reconcile: (key) => copy(client, key),
      queue: { maxBackoffMs: 1000 },
      clock: client.clock,
      onEvent,
    })
    this.#running = this.elector.run((signal) => controller.run(signal), this.#stop.signal)
  }

  /** What its health is made of: failures that were told since some moment, by what told them. */
  failures(since: number): readonly string[] {
    return this.events.slice(since).flatMap((event) => {
      if (event.type === 'reconcile' && event.outcome === 'failed')
        return [`reconcile ${isKubeError(event.error) ? event.error.code : String(event.error)}`]
      if (event.type === 'reflector' && event.phase === 'failed') return ['reflector']
      return event.type === 'lease' && event.phase === 'failed' ? ['lease'] : []
    })
  }

  leases(): readonly string[] {
    return this.events.flatMap((event) =>
      event.type === 'lease' && event.phase !== 'failed' ? [event.phase] : [],
    )
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#running
  }
}

export function describeOutages(getChaos: GetChaos): void {
  describe('an outage', () => {
    let chaos: ChaosWorld
    let namespace: string
    let leader: Leader
    let count = 0

    beforeAll(async () => {
      chaos = getChaos()
      namespace = await chaos.namespace()
      await chaos.put(namespace, 'in-a', '0')
      leader = new Leader(chaos.client({ timeout: '1s' }), namespace)
      await copied('in-a', '0')
    })
    afterAll(() => leader.stop())

    const copied = (name: string, v: string) =>
      untilTrue(`${name} is copied`, async () => {
        const found = await chaos.admin.find(MAPS, { namespace, name: name.replace('in-', 'out-') })
        return found !== undefined && textIn(found) === v
      })
    /** All that is to be done is done again, by itself. */
    const recovers = async () => {
      const v = String(++count)
      await until('the server takes it', () => chaos.set(namespace, 'in-a', v))
      const name = `in-${count}`
      await chaos.put(namespace, name, v)
      await copied('in-a', v)
      await copied(name, v)
      await untilTrue('it leads', () => leader.elector.isLeading)
      await untilTrue('its copy is what there is', async () => {
        const { items } = await chaos.admin.list(MAPS, { namespace })
        const line = (objects: typeof items) =>
          objects.map(({ metadata }) => `${metadata.uid} ${metadata.resourceVersion}`).sort()
        return JSON.stringify(line(items)) === JSON.stringify(line(leader.reflector.objects()))
      })
    }

    test.each<[string, () => void, () => void | Promise<void>]>([
      [
        'kube-apiserver that is killed',
        () => chaos.server.kill('SIGKILL', 'apiserver'),
        () => chaos.server.restart(),
      ],
      [
        'kube-apiserver that stands still',
        () => chaos.server.kill('SIGSTOP', 'apiserver'),
        () => chaos.server.kill('SIGCONT', 'apiserver'),
      ],
      ['etcd that is killed', () => chaos.server.kill('SIGKILL', 'etcd'), () => chaos.server.restart('etcd')],
      [
        'etcd that stands still',
        () => chaos.server.kill('SIGSTOP', 'etcd'),
        () => chaos.server.kill('SIGCONT', 'etcd'),
      ],
    ])('of a %s is told, survived, and made good', async (_what, harm, heal) => {
      await recovers()
      const before = leader.events.length
      harm()
      try {
        await untilTrue('its failures are told', () => {
          const told = leader.failures(before)
          return told.includes('reconcile ERR_KUBERNETES_UNAVAILABLE') && told.includes('lease')
        })
        await untilTrue('it leads no longer', () => !leader.elector.isLeading)
        expect(() => leader.elector.assertLeading()).toThrow(
          expect.objectContaining({ code: 'ERR_KUBERNETES_NOT_LEADER' }),
        )
        // What it had seen it still has.
        expect(leader.reflector.objects().length).toBeGreaterThan(1)
      } finally {
        await heal()
      }
      await recovers()
      expect(leader.leases().slice(-2)).toEqual(['lost', 'acquired'])
      const codes = leader.failures(before).filter((one) => one.startsWith('reconcile'))
      expect(new Set(codes)).toEqual(new Set(['reconcile ERR_KUBERNETES_UNAVAILABLE']))
      // Each input has one copy, and nothing else was made.
      const { items } = await chaos.admin.list(MAPS, { namespace })
      const names = (prefix: string) =>
        items.flatMap(({ metadata: { name = '' } }) =>
          name.startsWith(prefix) ? [name.slice(prefix.length)] : [],
        )
      expect(names('out-').sort()).toEqual(names('in-').sort())
      const lease = await chaos.admin.get(LEASES, { namespace, name: 'lock' })
      expect(Object(lease['spec'])).toMatchObject({ holderIdentity: 'one', leaseTransitions: 0 })
    })

    test('of etcd leaves what is old to be read, and nothing that decides', async () => {
      const client = chaos.client({ timeout: '1s' })
      const own = await chaos.namespace()
      await chaos.put(own, 'a', '1')
      const watcher = await Watcher.over(client, own)
      chaos.server.kill('SIGKILL', 'etcd')
      try {
        const stale = await until('the cache of the server answers', () =>
          client.list(MAPS, { namespace: own, atLeast: '0' }),
        )
        expect(stale.items.map(textIn)).toEqual(['1'])
        for (let i = 0; i < 3; i++)
          await expect(client.get(MAPS, { namespace: own, name: 'a' })).rejects.toMatchObject({
            code: 'ERR_KUBERNETES_UNAVAILABLE',
            outcome: 'refused',
          })
        expect(watcher.told).toEqual(['added a 1'])
      } finally {
        await chaos.server.restart('etcd')
      }
      await until('the server takes it', () => chaos.set(own, 'a', '2'))
      await watcher.settled(chaos.admin)
      await watcher.stop()
    })

    test('of etcd in the middle of writes leaves one journal and one certificate', async () => {
      const client = chaos.client({ timeout: '1s' })
      const own = await chaos.namespace()
      const ref = { namespace: own, name: 'rollover' }
      const root = await createRootCa({ subject: 'CN=Chaos', lifetime: '1d' })
      const { csr } = await createCsr({ subject: 'CN=Intermediate CA', key: 'P-256' })
      const entries = await Promise.all(
        Array.from({ length: 6 }, async () => {
          const { certificate, chain } = await root.issueIntermediate(csr, { lifetime: '1h', pathLength: 0 })
          return { cluster: 'east', order: 'mesh-pki/a', authority: 'root', certificate, chain }
        }),
      )
      const [ledger, journal] = [new IssuanceLedger(client, own), secretJournal(client, ref)]
      const taken: string[] = []
      const written: string[] = []
      let attempts = 0
      /** What a driver does: reads, decides, writes, and after a failure all of it again. */
      const drive = async () => {
        for (const entry of entries) {
          try {
            const known = await ledger.find(entry.certificate.publicKey)
            const { certificate } = known ?? (await ledger.record(entry))
            taken.push(certificate.serialNumber)
            const found = await journal.read()
            if (found?.text.includes('done') === true) return true
            const text = `done ${++attempts}`
            if (await journal.replace(found?.version, text)) written.push(text)
          } catch (error) {
            expect(error).toMatchObject({ code: 'ERR_KUBERNETES_UNAVAILABLE' })
          }
        }
        return false
      }
      chaos.server.kill('SIGSTOP', 'etcd')
      setTimeout(() => chaos.server.kill('SIGCONT', 'etcd'), 3500)
      await drive()
      await until('etcd is back', () => client.get(MAPS, { namespace, name: 'in-a' }))
      // What was on its way may be done only now.
      await pause(500)
      expect(await drive()).toBe(true)
      const { certificate } = (await ledger.find(csr.publicKey)) ?? {}
      expect(new Set(taken)).toEqual(new Set([certificate?.serialNumber]))
      const { items } = await chaos.admin.list(MAPS, { namespace: own })
      expect(items).toHaveLength(1)
      const secrets = await chaos.admin.list(SECRETS, { namespace: own })
      expect(secrets.items).toHaveLength(1)
      // Nobody was told that something was written which was not.
      expect(written.length).toBeLessThanOrEqual(1)
      for (const text of written) expect((await journal.read())?.text).toBe(text)
    })
  })
}
