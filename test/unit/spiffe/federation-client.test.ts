import { describe, expect, test } from 'vitest'
import { MeshPkiError } from '../../../src/errors.ts'
import { FederationClient, type FederationEvent, SpiffeBundle } from '../../../src/spiffe/index.ts'
import { manualClock } from '../../../src/testing/index.ts'
import {
  bundle,
  clientOf,
  heldFetch,
  publisher,
  root,
  second,
  trustDomain,
  web,
} from './federation-support.ts'
import { thrownBy } from './reference.ts'

describe('when it polls', () => {
  test('at once, then by the hint less up to a tenth, the same every time and after a restart', async () => {
    const times: number[][] = []
    for (let start = 0; start < 2; start++) {
      const clock = manualClock()
      const { asked, fetch } = publisher(clock)
      const controller = new AbortController()
      const running = clientOf({ clock, fetch, name: 'east' }).run({ signal: controller.signal })
      await clock.run('30m')
      controller.abort()
      await running
      times.push(asked.map((time) => time - (asked[0] ?? 0)))
      expect(clock.sleepers).toBe(0)
    }
    const [first = [], again] = times
    expect(again).toEqual(first)
    const gaps = first.slice(1).map((time, i) => time - (first[i] ?? 0))
    expect(new Set(gaps).size).toBe(1)
    expect(gaps[0]).toBeGreaterThanOrEqual(270_000)
    expect(gaps[0]).toBeLessThanOrEqual(300_000)
  })

  test('clients of different names at different times, spread over the tenth', async () => {
    const gaps: number[] = []
    for (let cluster = 0; cluster < 40; cluster++) {
      const clock = manualClock()
      const { asked, fetch } = publisher(clock)
      const controller = new AbortController()
      const running = clientOf({ clock, fetch, name: `cluster-${cluster}` }).run({
        signal: controller.signal,
      })
      await clock.run('6m')
      controller.abort()
      await running
      gaps.push((asked[1] ?? 0) - (asked[0] ?? 0))
    }
    expect(new Set(gaps).size).toBe(40)
    // A third of the window each would hold a third of them; uniform spread leaves none empty.
    for (const from of [270_000, 280_000, 290_000])
      expect(gaps.filter((gap) => gap >= from && gap < from + 10_000).length).toBeGreaterThan(4)
  })

  test.each([
    ['a hint of a second is held to the minimum', '1s', '1d', '3m', 54_000, 60_000],
    ['a hint of a month to the maximum', '30d', 'unlimited', '2d', 77_760_000, 86_400_000],
    ['and both to a third of the time that a bundle counts', '30d', '1h', '1h', 1_080_000, 1_200_000],
  ])('%s', async (_what, hint, staleAfter, duration, least, most) => {
    const clock = manualClock()
    const { asked, fetch } = publisher(clock, hint)
    const controller = new AbortController()
    const running = clientOf({ clock, fetch, staleAfter }).run({ signal: controller.signal })
    await clock.run(duration)
    controller.abort()
    await running
    const gap = (asked[1] ?? 0) - (asked[0] ?? 0)
    expect(gap).toBeGreaterThanOrEqual(least)
    expect(gap).toBeLessThanOrEqual(most)
  })

  test('a failure is not followed by another try before its time', async () => {
    const clock = manualClock()
    let tries = 0
    const controller = new AbortController()
    const client = clientOf({
      clock,
      staleAfter: '1d',
      fetch: async () => {
        tries++
        throw new Error('connection refused')
      },
    })
    const running = client.run({ signal: controller.signal })
    await clock.run('1m')
    expect(tries).toBe(1)
    await clock.run('4m')
    expect(tries).toBe(2)
    controller.abort()
    await running
  })
})

test('an hour with an endpoint that flaps: the last good bundle holds, and only its own domain is trusted', async () => {
  const clock = manualClock()
  const start = clock.now().getTime()
  const good = bundle(10n, '1m')
  const answers: readonly (() => Response | Promise<Response>)[] = [
    () => new Response(good.toJson()),
    () => new Response('gateway', { status: 502 }),
    () => Promise.reject(new Error('reset')),
    () => new Response(bundle(9n).toJson()),
    () => new Promise(() => {}),
    () => new Response(null, { status: 302, headers: { location: 'http://partner.example/' } }),
    () => new Response('{"keys": null}'),
    () =>
      new Response(new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(65_536)) })),
    // Another domain's document by mistake: it is taken for this one's, as nothing in it says whose it is, but
    // an older sequence does not get in.
    () =>
      new Response(SpiffeBundle.of({ trustDomain: 'other', x509Authorities: second, sequence: 1n }).toJson()),
  ]
  let polls = 0
  const events: FederationEvent[] = []
  const client = clientOf({
    clock,
    staleAfter: '30m',
    timeout: '10s',
    onEvent: (event) => events.push(event),
    fetch: async () =>
      (answers[polls++ % answers.length] ?? answers[0])?.() ?? Promise.reject(new Error('never')),
  })
  const controller = new AbortController()
  const running = client.run({ signal: controller.signal })
  await clock.run('1s')
  for (let minute = 0; minute < 60; minute++) {
    await clock.run('1m')
    expect(client.bundleFor(trustDomain)?.digest()).toBe(good.digest())
    expect(client.bundleFor(trustDomain)?.sequence).toBe(10n)
    expect(client.bundleFor('other')).toBeUndefined()
  }
  controller.abort()
  await running
  expect(polls).toBeGreaterThan(50)
  const codes = new Set(events.map((event) => (event.type === 'failed' ? event.error.code : event.type)))
  expect([...codes].sort()).toEqual([
    'ERR_FEDERATION_BODY',
    'ERR_FEDERATION_BUNDLE',
    'ERR_FEDERATION_REDIRECT',
    'ERR_FEDERATION_SEQUENCE',
    'ERR_FEDERATION_STATUS',
    'ERR_FEDERATION_TIMEOUT',
    'ERR_FEDERATION_TRANSPORT',
    'fetched',
  ])
  expect(events.every((event) => event.type !== 'failed' || event.held?.sequence === 10n)).toBe(true)
  expect(clock.sleepers).toBe(0)
  expect(clock.now().getTime() - start).toBe(3_601_000)
})

describe('staleness', () => {
  test('counts from the last poll that succeeded, and is told apart from no bundle', async () => {
    const clock = manualClock()
    let isUp = true
    const { fetch } = publisher(clock)
    const client = clientOf({
      clock,
      staleAfter: '1h',
      fetch: (asked, init) => (isUp ? fetch(asked, init) : Promise.reject(new Error('down'))),
    })
    expect(client.bundleFor(trustDomain)).toBeUndefined()
    await client.refresh(trustDomain)
    isUp = false
    clock.advance('1h')
    expect(client.bundleFor(trustDomain)?.sequence).toBe(1n)
    expect(client.status(trustDomain)?.staleAt).toEqual(clock.now())
    clock.advance('1s')
    expect(thrownBy(() => client.bundleFor(trustDomain))).toMatchObject({ code: 'ERR_SPIFFE_BUNDLE_STALE' })
    expect(client.status(trustDomain)?.bundle?.sequence).toBe(1n)
    isUp = true
    await client.refresh(trustDomain)
    expect(client.bundleFor(trustDomain)?.sequence).toBe(2n)
  })

  test('survives a restart: what was written down is as old as it was', async () => {
    const clock = manualClock()
    const before = clientOf({ clock, fetch: publisher(clock).fetch })
    await before.refresh(trustDomain)
    clock.advance('59m')
    const stored = before.snapshot()
    const after = clientOf({ clock, initial: stored })
    expect(after.bundleFor(trustDomain)?.sequence).toBe(1n)
    clock.advance('2m')
    expect(() => after.bundleFor(trustDomain)).toThrow('1h1m ago')
    // A later date than now would make it younger than it is.
    const [{ bundle: kept } = { bundle: undefined }] = stored
    if (kept === undefined) throw new Error('one was stored')
    const future = clientOf({
      clock,
      initial: [{ bundle: kept, confirmed: new Date('2099-01-01T00:00:00Z') }],
    })
    clock.advance('2h')
    expect(() => future.bundleFor(trustDomain)).toThrow(MeshPkiError)
  })

  test('has no default, and its option is named', () => {
    // @ts-expect-error the option is required
    expect(() => new FederationClient({})).toThrow('staleAfter')
    expect(() => clientOf({ staleAfter: '5' })).toThrow('staleAfter')
  })
})

describe('a relationship ends', () => {
  test('its bundle is gone, and what is under way brings nothing back', async () => {
    const { fetch, answer, waiting } = heldFetch()
    const clock = manualClock()
    const client = clientOf({ fetch, clock })
    const first = client.refresh(trustDomain)
    answer(bundle(1n).toJson())
    await first
    const pending = client.refresh(trustDomain)
    expect(client.remove(trustDomain)).toBe(true)
    await expect(pending).rejects.toMatchObject({ code: 'ERR_FEDERATION_CONFIG' })
    answer(bundle(2n).toJson())
    await clock.run('1s')
    expect(waiting.length).toBe(0)
    expect(client.bundleFor(trustDomain)).toBeUndefined()
    expect(client.status(trustDomain)).toBeUndefined()
    expect(client.remove(trustDomain)).toBe(false)
    await expect(client.refresh(trustDomain)).rejects.toMatchObject({ code: 'ERR_FEDERATION_CONFIG' })
  })

  test('and may begin again while a run goes on, which polls it at once', async () => {
    const clock = manualClock()
    const { asked, fetch } = publisher(clock)
    const client = clientOf({ clock, fetch })
    const controller = new AbortController()
    const running = client.run({ signal: controller.signal })
    await clock.run('1s')
    expect(asked.length).toBe(1)
    client.remove(trustDomain)
    await clock.run('20m')
    expect(asked.length).toBe(1)
    expect(clock.sleepers).toBe(0)
    client.add(web)
    await clock.run('1s')
    expect(asked.length).toBe(2)
    controller.abort()
    await running
  })
})

describe('at the same time', () => {
  test('callers share one poll', async () => {
    const { fetch, answer, waiting } = heldFetch()
    const client = clientOf({ fetch, clock: manualClock() })
    const both = [client.refresh(trustDomain), client.refresh(trustDomain)]
    expect(waiting.length).toBe(1)
    answer(bundle(1n).toJson())
    expect(await Promise.all(both)).toEqual(['added', 'added'])
  })

  test('an observer that throws ends nothing', async () => {
    const client = clientOf({
      clock: manualClock(),
      fetch: async () => new Response(bundle(1n).toJson()),
      onEvent: () => {
        throw new Error('a bug of the observer')
      },
    })
    expect(await client.refresh(trustDomain)).toBe('added')
  })

  test('a run that is over before it began does nothing', async () => {
    const { fetch, waiting } = heldFetch()
    await clientOf({ fetch }).run({ signal: AbortSignal.abort() })
    expect(waiting.length).toBe(0)
    // @ts-expect-error a run needs an end
    await expect(clientOf().run({})).rejects.toThrow('signal')
  })
})

describe('what a publisher must not do, and is let pass with a word', () => {
  test.each<[string, SpiffeBundle, string]>([
    [
      'another content with the same sequence',
      SpiffeBundle.of({ trustDomain, x509Authorities: root, sequence: 5n }),
      'same-sequence',
    ],
    ['a sequence that is lost', SpiffeBundle.of({ trustDomain, x509Authorities: root }), 'sequence-lost'],
  ])('%s', async (_what, next, update) => {
    const documents = [bundle(5n), next]
    const client = clientOf({
      clock: manualClock(),
      fetch: async () => new Response(documents.shift()?.toJson()),
    })
    await client.refresh(trustDomain)
    expect(await client.refresh(trustDomain)).toBe(update)
    expect(client.bundleFor(trustDomain)?.trustsSame(next)).toBe(true)
  })
})
