import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import { kubeHttpsTransport } from '../../../../src/kubernetes/in-cluster/index.ts'
import {
  type Authority,
  type Credentials,
  type Handler,
  type Listener,
  listen,
  makeAuthority,
  soon,
} from './support.ts'

const PATH = '/api/v1/namespaces/a/configmaps'

let authority: Authority
let loopback: Credentials
const closing: (() => unknown)[] = []

beforeAll(async () => {
  authority = await makeAuthority()
  loopback = await authority.issue([{ type: 'ip', value: '127.0.0.1' }])
})
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

async function served(handler: Handler): Promise<Listener> {
  const listener = await listen(loopback, handler)
  closing.push(() => listener.stop())
  return listener
}

function transportTo(listener: { readonly url: string }) {
  const transport = kubeHttpsTransport({ server: listener.url, ca: authority.caPem, token: 'a-token' })
  closing.push(() => transport.close())
  return transport
}

describe('a watch', () => {
  const watched = async (listener: Listener, signal: AbortSignal = soon()) => {
    const seen: unknown[] = []
    const failure = await (async () => {
      for await (const event of transportTo(listener).watch({
        path: PATH,
        query: { resourceVersion: '5' },
        signal,
      }))
        seen.push(event)
    })().then(
      () => undefined,
      (error: unknown) => error,
    )
    return { seen, failure }
  }
  const line = (name: string) => `${JSON.stringify({ type: 'ADDED', object: { metadata: { name } } })}\n`
  const added = (name: string) => ({ type: 'ADDED', object: { metadata: { name } } })

  test('gives events, wherever the chunks end', async () => {
    const names = ['a', 'ä€😀', 'b']
    const bytes = Buffer.from(names.map(line).join(''))
    let url: string | undefined
    const listener = await served(async (request, response) => {
      url = request.url
      for (const byte of bytes) {
        response.write(Uint8Array.of(byte))
        if (byte > 0x7f) await new Promise((resolve) => setImmediate(resolve))
      }
      response.end()
    })
    expect(await watched(listener)).toEqual({ seen: names.map(added), failure: undefined })
    expect(url).toBe(`${PATH}?resourceVersion=5&watch=true`)
  })

  test('ends where the server ends it, and breaks where the connection breaks', async () => {
    const sound = await served((_request, response) => response.end(line('a')))
    expect(await watched(sound)).toEqual({ seen: [added('a')], failure: undefined })
    const broken = await served((request, response) => {
      response.write(line('a'))
      setTimeout(() => request.socket.destroy(), 30)
    })
    expect(await watched(broken)).toEqual({ seen: [added('a')], failure: expect.any(Error) })
    const torn = await served((_request, response) => response.end(`${line('a')}{"type":"AD`))
    const { seen, failure } = await watched(torn)
    expect([seen, failure]).toEqual([
      [added('a')],
      expect.objectContaining({ code: 'ERR_KUBERNETES_ANSWER' }),
    ])
  })

  test('ends with its signal', async () => {
    const stop = new AbortController()
    const listener = await served((_request, response) => {
      response.write(line('a'))
      setTimeout(() => stop.abort(), 30)
    })
    expect(await watched(listener, stop.signal)).toEqual({ seen: [added('a')], failure: undefined })
    expect(await watched(listener, stop.signal)).toEqual({ seen: [], failure: undefined })
  })

  test('closes its connection when nobody reads on', async () => {
    let closed = (): void => {}
    const gone = new Promise<void>((resolve) => {
      closed = resolve
    })
    const listener = await served((_request, response) => {
      response.on('close', closed)
      response.write(line('a'))
    })
    for await (const _ of transportTo(listener).watch({ path: PATH, signal: soon() })) break
    await gone
  })

  test('a refusal is an event', async () => {
    const status = { kind: 'Status', code: 403, reason: 'Forbidden' }
    const refused = await served((_request, response) => {
      response.writeHead(403)
      response.end(JSON.stringify(status))
    })
    expect(await watched(refused)).toEqual({ seen: [{ type: 'ERROR', object: status }], failure: undefined })
    const strange = await served((_request, response) => {
      response.writeHead(502)
      response.end('<html>')
    })
    const { seen } = await watched(strange)
    expect(seen).toMatchObject([{ type: 'ERROR', object: { kind: 'Status', code: 502 } }])
  })

  test.each([
    ['is no JSON', 'hello\n'],
    ['has no type', '{}\n'],
    ['has a type that is none', '{"type":"GONE","object":{}}\n'],
  ])('refuses a line that %s', async (_what, text) => {
    const listener = await served((_request, response) => response.end(text))
    const { seen, failure } = await watched(listener)
    expect([seen, failure]).toEqual([[], expect.objectContaining({ code: 'ERR_KUBERNETES_ANSWER' })])
  })
})
