/**
 * A library that answers and throws what it should not.
 */
import { describe, expect, test, vi } from 'vitest'
import { clientNodeTransport } from '../../../../src/kubernetes/client-node/index.ts'
import { KubeClient, KubeResources } from '../../../../src/kubernetes/index.ts'

const OBJECT = { metadata: { namespace: 'n', name: 'a', resourceVersion: '1' } }
const PATH = '/api/v1/secrets'

class Context {
  signal: AbortSignal | undefined
  setQueryParam(): void {}
  setHeaderParam(): void {}
  setBody(): void {}
  setSignal(signal: AbortSignal): void {
    this.signal = signal
  }
}

/** A transport whose library answers, or throws, what a test says. */
function over(
  send: (context: Context) => unknown,
  watch: (
    onEvent: (type: string, object: unknown) => void,
    onDone: (error: unknown) => void,
  ) => unknown = () => {},
) {
  return clientNodeTransport({
    library: {
      RequestContext: Context,
      HttpMethod: { GET: 'GET', POST: 'POST', PUT: 'PUT', PATCH: 'PATCH', DELETE: 'DELETE' },
      IsomorphicFetchHttpLibrary: class {
        send(context: Context) {
          return { toPromise: async () => send(context) }
        }
      },
      Watch: class {
        watch(
          _path: string,
          _query: object,
          onEvent: (type: string, object: unknown) => void,
          onDone: (error: unknown) => void,
        ) {
          return watch(onEvent, onDone)
        }
      },
    },
    config: {
      getCurrentCluster: () => ({ server: 'https://k.example' }),
      applySecurityAuthentication: async () => {},
    },
  } as never)
}

const answer = (parts: object) => ({
  httpStatusCode: 200,
  headers: {},
  body: { text: async () => '{}' },
  ...parts,
})
const writeOver = (send: (context: Context) => unknown) =>
  new KubeClient(over(send), { fieldManager: 'x' }).create(KubeResources.secrets, OBJECT)
const throwing = (error: unknown) => () => {
  throw error
}

describe('a request', () => {
  test.each<[string, () => unknown]>([
    ['throws a text', throwing('boom')],
    ['throws nothing', throwing(undefined)],
    ['throws an error without a code', throwing(new Error('x'))],
    ['answers nothing', () => undefined],
    ['answers without headers', () => answer({ headers: undefined })],
    ['answers without a body', () => answer({ body: undefined })],
    ['answers a status that is text', () => answer({ httpStatusCode: '200' })],
    ['answers no status', () => answer({ httpStatusCode: undefined })],
    ['answers a body that is nothing', () => answer({ body: { text: async () => undefined } })],
    ['fails in the middle of the body', () => answer({ body: { text: () => Promise.reject('reset') } })],
  ])('of a library that %s may have been done', async (_what, send) => {
    await expect(writeOver(send)).rejects.toMatchObject({
      code: 'ERR_KUBERNETES_UNAVAILABLE',
      outcome: 'unknown',
    })
  })

  test.each([
    ['HTML', '<html>'],
    ['nothing', ''],
    ['a list', '[]'],
    ['a number', '7'],
  ])('answered with %s may have been done', async (_what, text) => {
    await expect(writeOver(() => answer({ body: { text: async () => text } }))).rejects.toMatchObject({
      code: 'ERR_KUBERNETES_ANSWER',
      outcome: 'unknown',
    })
  })

  test('whose body the library has read as an object already is taken', async () => {
    const body = { text: async () => ({ kind: 'Secret', ...OBJECT }) }
    expect(await writeOver(() => answer({ body }))).toMatchObject(OBJECT)
  })

  test('whose answer says that it is too long is not read, and its connection is given up', async () => {
    const text = vi.fn(async () => '{}')
    let context: Context | undefined
    const send = (length: number) => (given: Context) => {
      context = given
      return answer({ headers: { 'Content-Length': String(length) }, body: { text } })
    }
    const request = { method: 'GET', path: PATH, signal: AbortSignal.timeout(5000) } as const
    await expect(over(send((64 << 20) + 1)).request(request)).rejects.toMatchObject({
      code: 'ERR_KUBERNETES_ANSWER',
    })
    expect([text.mock.calls.length, context?.signal?.aborted]).toEqual([0, true])
    expect(await over(send(64 << 20)).request(request)).toMatchObject({ status: 200 })
    expect(context?.signal?.aborted).toBe(false)
  })

  test('whose answer turns out to be too long is given up', async () => {
    const body = { text: async () => 'x'.repeat((64 << 20) + 1) }
    await expect(writeOver(() => answer({ body }))).rejects.toMatchObject({ outcome: 'unknown' })
  })

  test('is given up in time though the library listens to nothing', async () => {
    const client = new KubeClient(
      over(() => new Promise(() => {})),
      { fieldManager: 'x', timeout: '1s' },
    )
    await expect(client.create(KubeResources.secrets, OBJECT)).rejects.toMatchObject({ outcome: 'unknown' })
  })

  test('leaves nothing on its signal', async () => {
    const { signal } = new AbortController()
    const add = vi.spyOn(signal, 'addEventListener')
    const remove = vi.spyOn(signal, 'removeEventListener')
    const request = { method: 'GET', path: PATH, signal } as const
    await over(() => answer({})).request(request)
    await over(throwing('boom'))
      .request(request)
      .catch(() => {})
    expect(add).toHaveBeenCalledTimes(2)
    expect(remove).toHaveBeenCalledTimes(2)
  })
})

describe('a watch', () => {
  const watched = async (
    watch: Parameters<typeof over>[1],
    signal: AbortSignal = AbortSignal.timeout(5000),
  ) => {
    const seen: unknown[] = []
    try {
      for await (const { type } of over(() => {}, watch).watch({ path: PATH, signal })) seen.push(type)
    } catch (error) {
      return { seen, error }
    }
    return { seen }
  }

  test.each<[string, Parameters<typeof over>[1], unknown]>([
    ['throws at once', throwing('boom'), 'boom'],
    ['rejects with a text', () => Promise.reject('boom'), 'boom'],
    ['rejects with nothing', () => Promise.reject(), expect.any(Error)],
    ['is done with a text', (_event, done) => done('boom'), 'boom'],
    ['is done with an empty text', (_event, done) => done(''), ''],
  ])('of a library that %s fails, and leaves nothing on its signal', async (_what, watch, error) => {
    const { signal } = new AbortController()
    const add = vi.spyOn(signal, 'addEventListener')
    const remove = vi.spyOn(signal, 'removeEventListener')
    expect(
      await watched((event, done) => {
        event('ADDED', {})
        return watch?.(event, done) ?? { abort: () => {} }
      }, signal),
    ).toEqual({ seen: ['ADDED'], error })
    expect(remove.mock.calls.length).toBe(add.mock.calls.length)
  })

  test('that is opened by something that is no promise ends as any other', async () => {
    const done = await watched((event, end) => {
      event('ADDED', {})
      end(null)
      return { abort: () => {} }
    })
    expect(done).toEqual({ seen: ['ADDED'] })
  })
})
