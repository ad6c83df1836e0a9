/**
 * Watches that break, are too old or too new; against a list that nobody harmed.
 */
import { describe, expect, test } from 'vitest'
import { KubeClient, type KubeTransport } from '../../../src/kubernetes/index.ts'
import { listAt, recordAt, textAt } from '../../../src/kubernetes/objects/kube-object.ts'
import { seededRandom } from '../../../src/testing/index.ts'
import { startKubeServer } from '../../support/kube-server.ts'
import type { TcpProxy } from '../../support/tcp-proxy.ts'
import { tcpProxy } from '../../support/tcp-proxy.ts'
import { pause, untilTrue } from '../../support/until.ts'
import { type GetChaos, MAPS, Watcher } from './world.ts'

/** A transport that leads elsewhere when it is told to. */
function switchable(first: KubeTransport): KubeTransport & { to(next: KubeTransport): void } {
  let current = first
  return {
    to: (next) => {
      current = next
    },
    request: (request) => current.request(request),
    watch: (request) => current.watch(request),
  }
}

export function describeWatches(getChaos: GetChaos): void {
  describe('a watch', () => {
    test('whose connection breaks and nobody is told lists anew, and ends with what there is', async () => {
      const chaos = getChaos()
      const namespace = await chaos.namespace()
      const proxy = await chaos.proxy()
      const first = await chaos.put(namespace, 'a', '0')
      const watcher = await Watcher.over(chaos.client({ proxy }), namespace)
      try {
        await untilTrue('it watches', () => watcher.phases('watching').length > 0)
        proxy.freeze()
        for (let i = 1; i <= 3; i++) await chaos.set(namespace, 'a', String(i))
        await watcher.settled(chaos.admin)
        await chaos.set(namespace, 'a', '4')
        await watcher.settled(chaos.admin)
      } finally {
        await watcher.stop()
      }
      // What came while nobody was told may be told as one change; never twice, and never backwards.
      const told = watcher.changes.map(({ object }) => Number(object.metadata.resourceVersion))
      expect(told[0]).toBe(Number(first.metadata.resourceVersion))
      expect(told).toEqual([...new Set(told)].sort((a, b) => a - b))
      expect(watcher.phases('listed')).toHaveLength(2)
    })

    test.each<[string, (proxy: TcpProxy) => void]>([
      ['by RST', (proxy) => proxy.cut()],
      ['by FIN, in the middle of the stream', (proxy) => proxy.finish()],
      [
        'and the server cannot be reached for a while',
        (proxy) => {
          proxy.refuse()
          proxy.cut()
          setTimeout(() => proxy.accept(), 1000)
        },
      ],
      [
        'and the next one is slow',
        (proxy) => {
          proxy.delay(300)
          proxy.cut()
        },
      ],
    ])('whose connection breaks %s goes on where it was, and no event is lost', async (_how, harm) => {
      const chaos = getChaos()
      const namespace = await chaos.namespace()
      const proxy = await chaos.proxy()
      const versions: string[] = []
      const note = ({ metadata }: { metadata: { resourceVersion?: string | undefined } }) =>
        versions.push(metadata.resourceVersion ?? '')
      note(await chaos.put(namespace, 'a', '0'))
      const watcher = await Watcher.over(chaos.client({ proxy }), namespace)
      try {
        await untilTrue('it watches', () => watcher.phases('watching').length > 0)
        for (let i = 1; i <= 3; i++) note(await chaos.set(namespace, 'a', String(i)))
        harm(proxy)
        for (let i = 4; i <= 6; i++) note(await chaos.set(namespace, 'a', String(i)))
        await watcher.settled(chaos.admin)
        note(await chaos.set(namespace, 'a', '7'))
        await watcher.settled(chaos.admin)
      } finally {
        await watcher.stop()
      }
      // Each version was told, in order and once: it listed once, and went on from the last event that came.
      expect(watcher.changes.map(({ object }) => object.metadata.resourceVersion)).toEqual(versions)
      expect(watcher.phases('listed')).toHaveLength(1)
      expect(watcher.phases('watching').length).toBeGreaterThan(1)
    })

    test('that breaks again and again, while much happens, ends with what there is', async () => {
      const chaos = getChaos()
      const namespace = await chaos.namespace()
      const proxy = await chaos.proxy()
      const random = seededRandom(7)
      const pick = (count: number) => (random(new Uint8Array(1))[0] ?? 0) % count
      const watcher = await Watcher.over(chaos.client({ proxy }), namespace)
      const alive = new Set<string>()
      const work = async () => {
        for (let i = 0; i < 150; i++) {
          const name = `o-${pick(8)}`
          if (!alive.has(name)) {
            await chaos.put(namespace, name, String(i))
            alive.add(name)
          } else if (pick(4) === 0) {
            await chaos.drop(namespace, name)
            alive.delete(name)
          } else await chaos.set(namespace, name, String(i))
          await pause(15)
        }
      }
      const harms = [
        () => proxy.cut(),
        () => proxy.finish(),
        () => proxy.delay(pick(2) * 50),
        () => {
          proxy.freezeAll()
          setTimeout(() => proxy.thaw(), 100 + pick(200))
        },
        () => {
          proxy.refuse()
          proxy.cut()
          setTimeout(() => proxy.accept(), 100 + pick(200))
        },
      ]
      try {
        const working = work()
        for (let i = 0; i < 12; i++) {
          harms[i % harms.length]?.()
          await pause(200)
        }
        await working
        await pause(300)
        proxy.accept()
        proxy.thaw()
        await watcher.settled(chaos.admin)
        expect(watcher.reflector.objects()).toHaveLength(alive.size)
      } finally {
        await watcher.stop()
      }
    })

    test('of a version that was compacted away lists anew, and tells what it missed by UID', async () => {
      const chaos = getChaos()
      const second = await startKubeServer({ etcd: chaos.server, flags: ['--watch-cache=false'] })
      try {
        const namespace = await chaos.namespace()
        const proxy = await chaos.proxy(second)
        const [a, b] = [await chaos.put(namespace, 'a', '1'), await chaos.put(namespace, 'b', '1')]
        await chaos.put(namespace, 'c', '1')
        const watcher = await Watcher.over(chaos.client({ proxy }), namespace)
        try {
          await untilTrue('it watches', () => watcher.phases('watching').length > 0)
          watcher.changes.splice(0)
          proxy.refuse()
          proxy.cut()
          await chaos.drop(namespace, 'a')
          await chaos.drop(namespace, 'b')
          const again = await chaos.put(namespace, 'b', '1')
          await chaos.set(namespace, 'c', '2')
          await chaos.put(namespace, 'd', '1')
          await chaos.server.compact()
          proxy.accept()
          await untilTrue('it has listed again', () => watcher.phases('listed').length > 1)
          await untilTrue('all was told', () => watcher.changes.length >= 5)
          const uids = watcher.changes.map(({ type, object }) => [type, object.metadata.uid])
          expect([...watcher.told].sort()).toEqual([
            'added b 1',
            'added d 1',
            'deleted a 1',
            'deleted b 1',
            'updated c 2',
          ])
          expect(uids).toContainEqual(['deleted', a.metadata.uid])
          expect(uids).toContainEqual(['deleted', b.metadata.uid])
          expect(uids).toContainEqual(['added', again.metadata.uid])
          expect(again.metadata.uid).not.toBe(b.metadata.uid)
          expect(watcher.failures.filter((code) => code === 'ERR_KUBERNETES_EXPIRED')).toHaveLength(1)
          // And it goes on from there.
          await chaos.set(namespace, 'd', '2')
          await untilTrue('it goes on', () => watcher.told.at(-1) === 'updated d 2')
          expect(watcher.phases('listed')).toHaveLength(2)
        } finally {
          await watcher.stop()
        }
      } finally {
        await second.stop()
      }
    })

    test('and a list whose snapshot was compacted away between two pages is read in one', async () => {
      const chaos = getChaos()
      const namespace = await chaos.namespace()
      const names = Array.from({ length: 520 }, (_, i) => `o-${i}`)
      for (let i = 0; i < names.length; i += 40)
        await Promise.all(names.slice(i, i + 40).map((name) => chaos.put(namespace, name, '1')))
      const statuses: number[] = []
      let isCompacted = false
      const inner = chaos.transport(Number(new URL(chaos.server.url).port))
      const client = new KubeClient(
        {
          watch: (request) => inner.watch(request),
          async request(request) {
            if (request.query?.['continue'] !== undefined && !isCompacted) {
              isCompacted = true
              await chaos.put(namespace, 'one-more', '1')
              await chaos.server.compact()
            }
            const answer = await inner.request(request)
            statuses.push(answer.status)
            return answer
          },
        },
        { fieldManager: 'chaos' },
      )
      const { items } = await client.list(MAPS, { namespace })
      expect(items.map(({ metadata }) => metadata.name).sort()).toEqual([...names, 'one-more'].sort())
      expect(statuses).toEqual([200, 410, 200])
    })

    test('never goes back to what a replica has not seen yet, but waits for it', async () => {
      const chaos = getChaos()
      const namespace = await chaos.namespace()
      await chaos.put(namespace, 'a', '1')
      // Its ConfigMaps come over a network of their own, so that its cache of them can be held back.
      const etcd = await tcpProxy(Number(new URL(chaos.server.etcdUrl).port))
      const replica = await startKubeServer({
        etcd: chaos.server,
        flags: [`--etcd-servers-overrides=/configmaps#http://127.0.0.1:${etcd.port}`],
      })
      try {
        const behind = new KubeClient(chaos.transport(Number(new URL(replica.url).port)), {
          fieldManager: 'chaos',
          timeout: '2s',
        })
        const [direct, lagging] = [chaos.server, replica].map(({ url }) =>
          chaos.transport(Number(new URL(url).port)),
        )
        if (direct === undefined || lagging === undefined) throw new Error('there are two')
        await untilTrue('the replica has it', async () => {
          const { items } = await behind.list(MAPS, { namespace, atLeast: '0' })
          return items.length === 1
        })
        etcd.freezeAll()
        const transport = switchable(direct)
        const watcher = await Watcher.over(
          new KubeClient(transport, { fieldManager: 'chaos', timeout: '2s' }),
          namespace,
          { relistEvery: '1s', silence: '1m' },
        )
        try {
          await chaos.set(namespace, 'a', '2')
          await untilTrue('it has the newer one', () => watcher.told.at(-1) === 'updated a 2')

          // What the replica has in its cache is older, and is never taken for what there is.
          const stale = await behind.list(MAPS, { namespace, atLeast: '0' })
          expect(stale.items.map((one) => one['data'])).toEqual([{ v: '1' }])
          const unanswered = { code: 'ERR_KUBERNETES_UNAVAILABLE', outcome: 'refused' }
          await expect(behind.get(MAPS, { namespace, name: 'a' })).rejects.toMatchObject(unanswered)

          transport.to(lagging)
          await untilTrue('it was asked to wait', () =>
            watcher.failures.includes('ERR_KUBERNETES_UNAVAILABLE'),
          )
          expect(watcher.told).toEqual(['added a 1', 'updated a 2'])
          etcd.thaw()
          await chaos.set(namespace, 'a', '3')
          await untilTrue('it has caught up', () => watcher.told.at(-1) === 'updated a 3')
          expect(watcher.told).toEqual(['added a 1', 'updated a 2', 'updated a 3'])
          expect((await behind.get(MAPS, { namespace, name: 'a' }))['data']).toEqual({ v: '3' })
        } finally {
          await watcher.stop()
        }
      } finally {
        await replica.stop()
        await etcd.close()
      }
    })

    test.each([
      ['waits for it', 60],
      ['asks etcd where it does not come', 1_000_000],
    ])('of a version that is not there yet %s', async (_what, ahead) => {
      const chaos = getChaos()
      const namespace = await chaos.namespace()
      await chaos.put(namespace, 'a', '1')
      const reasons: unknown[] = []
      const lists: string[] = []
      const inner = chaos.transport(Number(new URL(chaos.server.url).port))
      const client = new KubeClient(
        {
          watch: (request) => inner.watch(request),
          async request(request) {
            const answer = await inner.request(request)
            const isAny = request.query?.['resourceVersion'] === undefined
            lists.push(`${isAny ? 'newest' : 'not older'} ${answer.status}`)
            if (answer.status === 504)
              reasons.push(
                ...listAt(recordAt(answer.body, 'details'), 'causes').map((one) => textAt(one, 'reason')),
              )
            if (lists.length > 1) return answer
            // As a replica answers that is ahead, or a store that was put back since.
            const body = Object(answer.body)
            const resourceVersion = String(Number(body.metadata.resourceVersion) + ahead)
            return { ...answer, body: { ...body, metadata: { ...body.metadata, resourceVersion } } }
          },
        },
        { fieldManager: 'chaos' },
      )
      // The shortest pauses.
      const random = (bytes: Uint8Array) => bytes.fill(0)
      const watcher = await Watcher.over(client, namespace, { relistEvery: '1s', silence: '1m', random })
      try {
        await untilTrue('it was refused', () => reasons.length > 0)
        expect(watcher.told).toEqual(['added a 1'])
        const isComing = ahead < 1000
        if (isComing)
          await Promise.all(Array.from({ length: ahead }, (_, i) => chaos.put(namespace, `filler-${i}`, '1')))
        await chaos.set(namespace, 'a', '2')
        await untilTrue('it has what there is', () => watcher.told.includes('updated a 2'))
        await watcher.settled(chaos.admin)
        expect(new Set(reasons)).toEqual(new Set(['ResourceVersionTooLarge']))
        const refused = lists.filter((one) => one === 'not older 504').length
        expect(lists[refused + 1]).toBe(isComing ? 'not older 200' : 'newest 200')
        expect(refused).toBeLessThanOrEqual(3)
      } finally {
        await watcher.stop()
      }
    })
  })
}
