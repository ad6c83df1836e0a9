import { describe, expect, test } from 'vitest'
import { FederationClient, type FederationEvent, type FetchLike } from '../../../src/spiffe/index.ts'
import { manualClock } from '../../../src/testing/index.ts'
import { bundle, clientOf, heldFetch, trustDomain, web } from './federation-support.ts'

describe('what must not end or pass by', () => {
  test('however late a relationship ends, the poll under way brings nothing back', async () => {
    for (let turns = 0; turns < 60; turns++) {
      const { fetch, answer } = heldFetch()
      const told: string[] = []
      const client = clientOf({ fetch, clock: manualClock(), onEvent: ({ type }) => told.push(type) })
      const pending = client.refresh(trustDomain).catch(() => undefined)
      answer(bundle(1n).toJson())
      for (let turn = 0; turn < turns; turn++) await Promise.resolve()
      client.remove(trustDomain)
      await pending
      expect(client.snapshot()).toEqual([])
      expect(told.at(-1)).toBe('removed')
    }
  })

  test('who is told of a bundle finds the status as it is then', async () => {
    const seen: unknown[] = []
    const clock = manualClock()
    let up = false
    const client = clientOf({
      clock,
      fetch: async () => {
        if (!up) throw new Error('down')
        return new Response(bundle(1n).toJson())
      },
      onEvent: ({ type }) => {
        const { lastSuccess, lastError } = client.status(trustDomain) ?? {}
        seen.push([type, lastSuccess, lastError?.code])
      },
    })
    await client.refresh(trustDomain).catch(() => {})
    up = true
    await client.refresh(trustDomain)
    expect(seen).toEqual([
      ['failed', undefined, 'ERR_FEDERATION_TRANSPORT'],
      ['fetched', clock.now(), undefined],
    ])
  })

  test.each([
    ['rejects', () => Promise.reject(new Error('no timers here'))],
    [
      'throws',
      () => {
        throw new Error('no timers here')
      },
    ],
  ])('a clock that %s when it shall wait does not lift the time limit', async (_, sleep) => {
    const clock = { now: () => new Date(), sleep }
    const client = clientOf({ clock, timeout: '1s', fetch: () => new Promise(() => {}) })
    await expect(client.refresh(trustDomain)).rejects.toMatchObject({ code: 'ERR_FEDERATION_TIMEOUT' })
  })

  test('a fetch or dialer that breaks its contract is a failure like any other', async () => {
    const strange: readonly FetchLike[] = [
      async () => ({ status: 302, body: null }) as never,
      async () => ({ status: 200, headers: new Headers(), body: { getReader: () => ({}) } }) as never,
      async () =>
        Promise.reject({
          toString: () => {
            throw new Error('no')
          },
        }),
      async () => undefined as never,
      async () => Promise.reject(undefined),
    ]
    for (const fetch of strange) {
      const events: FederationEvent[] = []
      const client = clientOf({ fetch, clock: manualClock(), onEvent: (event) => events.push(event) })
      await expect(client.refresh(trustDomain)).rejects.toMatchObject({ code: 'ERR_FEDERATION_TRANSPORT' })
      expect(client.status(trustDomain)?.lastError).toMatchObject({ code: 'ERR_FEDERATION_TRANSPORT' })
      expect(events.map(({ type }) => type)).toEqual(['failed'])
    }
  })

  test('a fetch that follows redirects by itself', async () => {
    const response = new Response(bundle(1n).toJson())
    Object.defineProperty(response, 'redirected', { value: true })
    const client = clientOf({ fetch: async () => response, clock: manualClock() })
    await expect(client.refresh(trustDomain)).rejects.toMatchObject({ code: 'ERR_FEDERATION_REDIRECT' })
    expect(client.bundleFor(trustDomain)).toBeUndefined()
  })

  test('a body of empty chunks without end: the time-out still comes', async () => {
    const reader = { read: async () => ({ done: false, value: new Uint8Array() }), cancel: async () => {} }
    const client = new FederationClient({
      relationships: [web],
      staleAfter: '1h',
      timeout: '1s',
      fetch: async () => ({ status: 200, headers: new Headers(), body: { getReader: () => reader } }),
    })
    await expect(client.refresh(trustDomain)).rejects.toMatchObject({ code: 'ERR_FEDERATION_TIMEOUT' })
  })

  test('a body that cannot be cancelled keeps nobody waiting', async () => {
    const reader = { read: () => new Promise<never>(() => {}), cancel: () => new Promise<never>(() => {}) }
    const headers = new Headers({ location: '/moved' })
    const answers = [
      { status: 302, headers, body: { getReader: () => reader } },
      new Response(bundle(1n).toJson()),
    ]
    const client = clientOf({ clock: manualClock(), fetch: async () => answers.shift() as never })
    expect(await client.refresh(trustDomain)).toBe('added')
  })

  test('an observer whose promise fails', async () => {
    const client = clientOf({
      clock: manualClock(),
      fetch: async () => new Response(bundle(1n).toJson()),
      onEvent: async () => Promise.reject(new Error('a bug of the observer')),
    })
    expect(await client.refresh(trustDomain)).toBe('added')
    // An unhandled rejection would fail this test run.
    await manualClock().run('1s')
  })

  test('a stop gives up the poll under way, unless somebody else waits for it', async () => {
    const signals: AbortSignal[] = []
    const waiting: ((response: Response) => void)[] = []
    const fetch: FetchLike = (_, { signal }) => {
      signals.push(signal)
      return new Promise((resolve) => waiting.push(resolve))
    }
    const client = clientOf({ fetch, clock: manualClock() })
    const controller = new AbortController()
    const running = client.run({ signal: controller.signal })
    controller.abort()
    await running
    expect(signals.map(({ aborted }) => aborted)).toEqual([true])
    expect(client.status(trustDomain)).toMatchObject({ lastError: undefined, nextPoll: undefined })

    const other = new AbortController()
    const again = client.run({ signal: other.signal })
    const refreshed = client.refresh(trustDomain)
    other.abort()
    await again
    expect(signals[1]?.aborted).toBe(false)
    waiting[1]?.(new Response(bundle(1n).toJson()))
    expect(await refreshed).toBe('added')
  })

  test('a clock that cannot wait does not make polls without a pause', async () => {
    let polls = 0
    const clock = {
      now: () => new Date(),
      sleep: (ms: number) =>
        ms > 20_000 ? Promise.reject(new Error('too long')) : new Promise<void>(() => {}),
    }
    const client = clientOf({
      clock,
      fetch: async () => {
        polls++
        return new Response(bundle(1n).toJson())
      },
    })
    const controller = new AbortController()
    const running = client.run({ signal: controller.signal })
    // The turns of the event loop that a manual clock gives; its time is not asked.
    await manualClock().run('1s')
    controller.abort()
    await running
    expect(polls).toBe(1)
  })

  test('a clock that fails ends the run with its reason', async () => {
    let calls = 0
    const clock = {
      now: () => {
        if (++calls > 4) throw new Error('the clock is broken')
        return new Date()
      },
      sleep: () => new Promise<void>(() => {}),
    }
    const client = clientOf({ clock, fetch: async () => new Response(bundle(1n).toJson()) })
    await expect(client.run({ signal: new AbortController().signal })).rejects.toThrow('the clock is broken')
  })

  test('many relationships are no leak of listeners', async () => {
    const warnings: Error[] = []
    const onWarning = (warning: Error) => void warnings.push(warning)
    process.on('warning', onWarning)
    const clock = manualClock()
    const client = clientOf({
      clock,
      relationships: Array.from({ length: 40 }, (_, i) => ({ ...web, trustDomain: `td-${i}` })),
      fetch: async () => new Response('{"keys": []}'),
    })
    const controller = new AbortController()
    const running = client.run({ signal: controller.signal })
    await clock.run('10m')
    controller.abort()
    await running
    process.off('warning', onWarning)
    expect(warnings).toEqual([])
  })
})
