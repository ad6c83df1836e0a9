import { describe, expect, test } from 'vitest'
import { fakeKubeApi } from '../../../../src/kubernetes/testing/index.ts'
import { manualClock } from '../../../../src/testing/index.ts'
import { clientOf, failure, KIND, map, NS, record, settle } from './support.ts'

async function started(
  options: Parameters<typeof fakeKubeApi>[0] = {},
  query: Parameters<typeof record>[2] = {},
) {
  const api = fakeKubeApi(options)
  const client = clientOf(api.transport())
  const stop = new AbortController()
  const watch = record(api.transport(), stop.signal, { resourceVersion: api.resourceVersion, ...query })
  await settle()
  const make = async (...names: readonly string[]) => {
    for (const name of names) await client.create(KIND, map(name))
    await settle()
  }
  return { api, client, stop, watch, make }
}

describe('events', () => {
  test('are lost, doubled or late as asked', async () => {
    const { api, watch, make, stop } = await started()
    api.faults.dropEvents({ name: 'b' })
    api.faults.duplicateEvents({ name: 'c', type: 'ADDED', resource: KIND })
    api.faults.holdEvents({ name: 'd' })
    await make('a', 'b', 'c', 'd', 'e')
    expect(watch.seen).toEqual(['ADDED a', 'ADDED c', 'ADDED c', 'ADDED e'])
    api.faults.releaseEvents()
    await settle()
    expect(watch.seen.at(-1)).toBe('ADDED d')
    stop.abort()
    await watch.done
  })

  test('the n-th that fits', async () => {
    const { api, watch, make, stop } = await started()
    api.faults.dropEvents({ nth: 2 })
    await make('a', 'b', 'c')
    expect(watch.seen).toEqual(['ADDED a', 'ADDED c'])
    stop.abort()
    await watch.done
  })

  test('are lost for good where the connection breaks, and not where another goes on from there', async () => {
    const { api, watch, make, client } = await started()
    await make('a')
    const { resourceVersion } = await client.list(KIND)
    api.faults.dropWatches()
    expect(await failure(watch.done)).toBe('ECONNRESET')
    expect(api.watches).toBe(0)
    await make('b')
    const stop = new AbortController()
    const again = record(api.transport(), stop.signal, { resourceVersion })
    await settle()
    expect([watch.seen, again.seen]).toEqual([['ADDED a'], ['ADDED b']])
    stop.abort()
  })

  test('end cleanly where the server ends', async () => {
    const { api, watch, make } = await started()
    await make('a')
    api.faults.dropWatches('end')
    await watch.done
    expect(watch.seen).toEqual(['ADDED a'])
  })
})

describe('a silent connection', () => {
  test('gives nothing and does not end; a new one does, once it is restored', async () => {
    const { api, watch, make, stop } = await started()
    await make('a')
    api.faults.silenceWatches()
    await make('b')
    const late = record(api.transport(), stop.signal)
    await settle()
    api.faults.restoreWatches()
    const sound = record(api.transport(), stop.signal)
    await settle()
    expect([watch.seen, late.seen, sound.seen]).toEqual([['ADDED a'], [], ['ADDED a', 'ADDED b']])
    stop.abort()
    await Promise.all([watch.done, late.done, sound.done])
  })

  test('does not even end in time', async () => {
    const clock = manualClock()
    const { api, watch, stop } = await started({ clock }, { timeoutSeconds: 60 })
    api.faults.silenceWatches()
    await clock.run('5m')
    expect(await Promise.race([watch.done.then(() => 'ended'), settle().then(() => 'open')])).toBe('open')
    stop.abort()
    await watch.done
  })
})

describe('a watch', () => {
  test('ends when its time is over, with a bookmark for those who take them', async () => {
    const clock = manualClock()
    const with_ = await started({ clock }, { timeoutSeconds: 300, allowWatchBookmarks: true })
    await with_.make('a')
    await clock.run('5m')
    await with_.watch.done
    expect(with_.watch.seen).toEqual(['ADDED a', `BOOKMARK ${with_.api.resourceVersion}`])
    const without = await started({ clock }, { timeoutSeconds: 300 })
    await clock.run('5m')
    await without.watch.done
    expect(without.watch.seen).toEqual([])
  })

  test('is told of versions of other kinds by bookmarks', async () => {
    const { api, client, watch, stop } = await started({}, { allowWatchBookmarks: true })
    await client.create({ ...KIND, plural: 'secrets', kind: 'Secret' }, map('s'))
    api.bookmark()
    await settle()
    expect(watch.seen).toEqual([`BOOKMARK ${api.resourceVersion}`])
    stop.abort()
    await watch.done
  })

  test('that fell behind a compaction is told so', async () => {
    const { api, client } = await started()
    await client.create(KIND, map('a'))
    await client.create(KIND, map('b'))
    api.compact()
    const late = record(api.transport(), AbortSignal.timeout(5000), { resourceVersion: '1' })
    await late.done
    expect(late.seen).toEqual(['ERROR 410'])
  })

  test('of an old copy sees what is new when that catches up', async () => {
    const { api, watch, make, stop } = await started()
    api.faults.staleReads()
    await make('a')
    expect(watch.seen).toEqual([])
    api.catchUp()
    await settle()
    expect(watch.seen).toEqual(['ADDED a'])
    stop.abort()
    await watch.done
  })

  test('that nobody reads any longer is closed', async () => {
    const api = fakeKubeApi()
    await clientOf(api.transport()).create(KIND, map('a'))
    const path = `/api/v1/namespaces/${NS}/configmaps`
    for await (const { type } of api.transport().watch({ path, signal: AbortSignal.timeout(5000) })) {
      expect(type).toBe('ADDED')
      expect(api.watches).toBe(1)
      break
    }
    expect(api.watches).toBe(0)
  })
})

test('the history is bounded: who is too far behind lists again', async () => {
  const api = fakeKubeApi({ history: 5 })
  const client = clientOf(api.transport())
  for (let i = 0; i < 20; i++) await client.create(KIND, map(`a${i}`))
  const versions = Number(api.resourceVersion)
  const seen = async (back: number) => {
    const stop = new AbortController()
    const watch = record(api.transport(), stop.signal, { resourceVersion: String(versions - back) })
    await settle()
    stop.abort()
    await watch.done
    return watch.seen.length === 1 ? watch.seen[0] : watch.seen.length
  }
  expect(await seen(5)).toBe(5)
  expect(await seen(11)).toBe('ERROR 410')
})
