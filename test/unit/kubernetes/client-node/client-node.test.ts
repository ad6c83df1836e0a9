/**
 * The transport over a library of that shape. The library itself is tried against a real server in `test/kubernetes`.
 */
import { describe, expect, test } from 'vitest'
import { clientNodeTransport } from '../../../../src/kubernetes/client-node/index.ts'

type OnEvent = (type: string, object: unknown) => void
type OnDone = (error: unknown) => void

class Context {
  readonly parts: unknown[]
  constructor(url: string, method: string) {
    this.parts = [method, url]
  }
  setQueryParam(name: string, value: string): void {
    this.parts.push(`${name}=${value}`)
  }
  setHeaderParam(name: string, value: string): void {
    this.parts.push(`${name}: ${value}`)
  }
  setBody(body: string): void {
    this.parts.push(body)
  }
  setSignal(): void {}
}

interface Opened {
  readonly onEvent: OnEvent
  readonly onDone: OnDone
  readonly aborted: () => boolean
  readonly requestTimeoutMs: number
}

/** A library that answers what a test says, and gives its watches into the test's hands. */
function library(
  answer: { status?: number; headers?: Record<string, string>; text?: string; fails?: Error } = {},
) {
  const sent: unknown[][] = []
  const watches: Opened[] = []
  const opening: { wait: Promise<void> } = { wait: Promise.resolve() }
  const config = {
    server: 'https://k.example:6443/',
    getCurrentCluster(): { server: string } | null {
      return this.server === '' ? null : { server: this.server }
    },
    applySecurityAuthentication: async (context: Context) =>
      context.setHeaderParam('Authorization', 'Bearer t'),
  }
  return {
    sent,
    watches,
    opening,
    config,
    library: {
      RequestContext: Context,
      HttpMethod: { GET: 'GET', POST: 'POST', PUT: 'PUT', PATCH: 'PATCH', DELETE: 'DELETE' },
      IsomorphicFetchHttpLibrary: class {
        send(context: Context) {
          sent.push(context.parts)
          const { status = 200, headers = {}, text = '{}', fails } = answer
          const body = { text: async () => text }
          return {
            toPromise: async () => {
              if (fails !== undefined) throw fails
              return { httpStatusCode: status, headers, body }
            },
          }
        }
      },
      Watch: class {
        requestTimeoutMs = 30_000
        async watch(path: string, query: object, onEvent: OnEvent, onDone: OnDone) {
          let isAborted = false
          sent.push([path, query])
          const { requestTimeoutMs } = this
          watches.push({ onEvent, onDone, aborted: () => isAborted, requestTimeoutMs })
          await opening.wait
          return {
            abort: () => {
              isAborted = true
            },
          }
        }
      },
    },
  }
}

const soon = () => AbortSignal.timeout(10_000)
const settle = () => new Promise((resolve) => setTimeout(resolve, 5))
const PATH = '/api/v1/secrets'

async function* named(events: AsyncIterable<{ type: string; object: unknown }>) {
  for await (const { type, object } of events) yield `${type} ${Object(object).name ?? Object(object).code}`
}

describe('a request', () => {
  test('is made of the library’s parts', async () => {
    const { sent, ...options } = library({ status: 201, headers: { 'Retry-After': '1' }, text: '{"a":"ä"}' })
    const transport = clientNodeTransport({ library: options.library, config: options.config })
    const answer = await transport.request({
      method: 'PATCH',
      path: PATH,
      query: { force: true, none: undefined },
      contentType: 'application/apply-patch+yaml',
      body: { b: 1 },
      signal: soon(),
    })
    expect(answer).toEqual({ status: 201, headers: { 'retry-after': '1' }, body: { a: 'ä' } })
    expect(sent).toEqual([
      [
        'PATCH',
        `https://k.example:6443${PATH}`,
        'force=true',
        'Accept: application/json',
        'Content-Type: application/apply-patch+yaml',
        '{"b":1}',
        'Authorization: Bearer t',
      ],
    ])
  })

  test('gives text that is no JSON as text', async () => {
    const { library: own, config } = library({ status: 404, text: 'not found' })
    const transport = clientNodeTransport({ library: own, config })
    expect((await transport.request({ method: 'GET', path: PATH, signal: soon() })).body).toBe('not found')
  })

  test('fails as the library fails, but for a signal that aborted', async () => {
    const { library: own, config } = library({ fails: new Error('ECONNREFUSED') })
    const transport = clientNodeTransport({ library: own, config })
    await expect(transport.request({ method: 'GET', path: PATH, signal: soon() })).rejects.toThrow(
      'ECONNREFUSED',
    )
    const signal = AbortSignal.abort(new Error('enough'))
    await expect(transport.request({ method: 'GET', path: PATH, signal })).rejects.toThrow('enough')
  })
})

describe('a watch', () => {
  const opened = (signal: AbortSignal = soon(), query = {}) => {
    const made = library()
    const transport = clientNodeTransport({ library: made.library, config: made.config })
    const events = named(transport.watch({ path: PATH, query, signal }))
    const rest = (async () => {
      const seen: string[] = []
      for await (const event of events) seen.push(event)
      return seen
    })()
    return { ...made, rest }
  }
  const watchOf = ({ watches }: { readonly watches: readonly Opened[] }): Opened => {
    const [watch] = watches
    if (watch === undefined) throw new Error('no watch was opened')
    return watch
  }

  test('gives events in order, and ends where the server ends', async () => {
    const made = opened(soon(), { resourceVersion: '5' })
    await settle()
    const { onEvent, onDone } = watchOf(made)
    onEvent('ADDED', { name: 'a' })
    onEvent('STRANGE', { name: 'b' })
    onEvent('DELETED', { name: 'c' })
    onDone(null)
    onEvent('ADDED', { name: 'late' })
    expect(await made.rest).toEqual(['ADDED a', 'DELETED c'])
    expect(made.sent).toEqual([[PATH, { resourceVersion: '5' }]])
  })

  test('throws where the connection breaks, after what came before', async () => {
    const made = library()
    const transport = clientNodeTransport({ library: made.library, config: made.config })
    const seen: string[] = []
    const reading = (async () => {
      for await (const event of named(transport.watch({ path: PATH, signal: soon() }))) seen.push(event)
    })()
    await settle()
    const { onEvent, onDone } = watchOf(made)
    onEvent('ADDED', { name: 'a' })
    onDone(new Error('terminated'))
    await expect(reading).rejects.toThrow('terminated')
    expect(seen).toEqual(['ADDED a'])
  })

  test('an answer that is not 200 is an event', async () => {
    const made = opened()
    await settle()
    watchOf(made).onDone(Object.assign(new Error('Forbidden'), { statusCode: 403 }))
    expect(await made.rest).toEqual(['ERROR 403'])
  })

  test('ends with its signal, also while it is being opened', async () => {
    const stop = new AbortController()
    const made = library()
    let open = (): void => {}
    made.opening.wait = new Promise((resolve) => {
      open = resolve
    })
    const transport = clientNodeTransport({ library: made.library, config: made.config })
    const seen: string[] = []
    const reading = (async () => {
      for await (const event of named(transport.watch({ path: PATH, signal: stop.signal }))) seen.push(event)
    })()
    await settle()
    watchOf(made).onEvent('ADDED', { name: 'a' })
    await settle()
    watchOf(made).onEvent('ADDED', { name: 'b' })
    stop.abort()
    await reading
    expect(watchOf(made).aborted()).toBe(false)
    open()
    await settle()
    expect(watchOf(made).aborted()).toBe(true)
  })

  test('is closed when nobody reads on', async () => {
    const made = library()
    const transport = clientNodeTransport({ library: made.library, config: made.config })
    const reading = (async () => {
      for await (const _ of transport.watch({ path: PATH, signal: soon() })) break
    })()
    await settle()
    watchOf(made).onEvent('ADDED', { name: 'a' })
    await reading
    expect(watchOf(made).aborted()).toBe(true)
  })

  test('is given up where its reader falls too far behind', async () => {
    const made = library()
    const transport = clientNodeTransport({ library: made.library, config: made.config })
    const iterator = transport.watch({ path: PATH, signal: soon() })[Symbol.asyncIterator]()
    const first = iterator.next()
    await settle()
    for (let i = 0; i < 5000; i++) watchOf(made).onEvent('ADDED', { name: `a${i}` })
    expect((await first).done).toBe(false)
    let count = 1
    const rest = (async () => {
      while ((await iterator.next()).done !== true) count++
    })()
    await expect(rest).rejects.toMatchObject({ code: 'ERR_KUBERNETES_EXPIRED' })
    expect(count).toBeLessThan(5000)
    expect(watchOf(made).aborted()).toBe(true)
  })

  test.each([
    [{ timeoutSeconds: 300 }, 330_000],
    [{}, 3_700_000],
  ])('outlasts the half minute that the second major gives it: %j', async (query, expected) => {
    const made = opened(soon(), query)
    await settle()
    expect(watchOf(made).requestTimeoutMs).toBe(expected)
    watchOf(made).onDone(null)
    await made.rest
  })
})

test.each<[string, () => unknown]>([
  ['library', () => clientNodeTransport({ library: {}, config: {} } as never)],
  ['library', () => clientNodeTransport({ config: library().config } as never)],
  ['config', () => clientNodeTransport({ library: library().library, config: {} } as never)],
  [
    'current cluster',
    () =>
      clientNodeTransport({
        library: library().library,
        config: Object.assign(library().config, { server: '' }),
      }),
  ],
  ['option', () => clientNodeTransport({ ...library(), more: 1 } as never)],
])('refuses a %s that is none', (word, make) => {
  expect(make).toThrow(TypeError)
  expect(make).toThrow(word)
})
