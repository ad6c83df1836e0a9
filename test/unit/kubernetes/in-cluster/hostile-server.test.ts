import { execFileSync } from 'node:child_process'
import { mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { getActiveResourcesInfo } from 'node:process'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import {
  type KubeHttpsOptions,
  type KubeHttpsTransport,
  kubeHttpsTransport,
} from '../../../../src/kubernetes/in-cluster/index.ts'
import { KubeClient, KubeResources } from '../../../../src/kubernetes/index.ts'
import { manualClock } from '../../../../src/testing/index.ts'
import { withTemporaryFolder } from '../../../support/openssl.ts'
import {
  type Authority,
  type Credentials,
  listen,
  listenRaw,
  makeAuthority,
  type RawHandler,
  soon,
} from './support.ts'

const LOOPBACK = [{ type: 'ip', value: '127.0.0.1' }] as const
const PATH = '/api/v1/namespaces/a/configmaps'
const OBJECT = { metadata: { name: 'a', namespace: 'b' } }

let authority: Authority
let loopback: Credentials
const closing: (() => unknown)[] = []

beforeAll(async () => {
  authority = await makeAuthority()
  loopback = await authority.issue(LOOPBACK)
})
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

function transportTo(url: string, options: Partial<KubeHttpsOptions> = { token: 'a-token' }) {
  const { ca = options.caFile === undefined ? authority.caPem : undefined } = options
  const transport = kubeHttpsTransport({ server: url, ...options, ca })
  closing.push(() => transport.close())
  return transport
}

async function raw(handler: RawHandler) {
  const listener = await listenRaw(loopback, handler)
  closing.push(() => listener.stop())
  return listener
}

const get = (transport: KubeHttpsTransport, signal: AbortSignal = soon()) =>
  transport.request({ method: 'GET', path: PATH, signal })

/** How a read by a transport and a write by a client end. */
async function both(answer: string | Uint8Array, end: 'ends' | 'stays' = 'ends') {
  const { url } = await raw((socket) => {
    socket.write(answer)
    if (end === 'ends') socket.end()
  })
  const read = await get(transportTo(url)).catch((error: unknown) => error)
  const client = new KubeClient(transportTo(url), { fieldManager: 'test' })
  const write = await client.create(KubeResources.configMaps, OBJECT).catch((error: unknown) => error)
  return { read, write }
}

describe('an answer', () => {
  const head = 'HTTP/1.1 200 OK\r\n'
  test.each([
    ['is shorter than it says', `${head}content-length: 100\r\n\r\n{}`, 'ECONNRESET'],
    ['ends in the middle of a chunk', `${head}transfer-encoding: chunked\r\n\r\n9\r\n{}`, 'ECONNRESET'],
    ['lacks its last chunk', `${head}transfer-encoding: chunked\r\n\r\n2\r\n{}\r\n`, 'ECONNRESET'],
    ['has a length that is none', `${head}content-length: -2\r\n\r\n{}`, 'HPE_INVALID_CONTENT_LENGTH'],
    [
      'has two lengths',
      `${head}content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n`,
      'HPE_INVALID_TRANSFER_ENCODING',
    ],
    ['is no HTTP', 'SSH-2.0-OpenSSH_9.6\r\n\r\n', 'HPE_INVALID_CONSTANT'],
    ['never came', '', 'ECONNRESET'],
    [
      'has headers without end',
      `${head}${`x-a: ${'y'.repeat(100)}\r\n`.repeat(1000)}`,
      'HPE_HEADER_OVERFLOW',
    ],
    [
      'turns to another protocol',
      'HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n',
      'ERR_KUBERNETES_ANSWER',
    ],
  ])('that %s is none, and a write may have been done', async (_what, answer, code) => {
    const { read, write } = await both(answer, answer.includes('101') ? 'stays' : 'ends')
    expect(read).toMatchObject({ code })
    expect(write).toMatchObject({ code: 'ERR_KUBERNETES_UNAVAILABLE', outcome: 'unknown' })
  })

  test.each([
    ['in an encoding that was not asked for', gzipSync(JSON.stringify(OBJECT))],
    ['that is not UTF-8', Buffer.from('{"metadata":{"name":"\xff"}}', 'latin1')],
  ])('%s is no object, and a write may have been done', async (_what, body) => {
    const answer = Buffer.concat([Buffer.from(`${head}content-length: ${body.length}\r\n\r\n`), body])
    const { read, write } = await both(answer)
    expect(read).toEqual({
      status: 200,
      headers: { 'content-length': String(body.length) },
      body: 'what came is not UTF-8',
    })
    expect(write).toMatchObject({ code: 'ERR_KUBERNETES_ANSWER', outcome: 'unknown' })
  })

  test('with a byte order mark is read (RFC 8259 §8.1), and what follows its end is not', async () => {
    const body = Buffer.from('\ufeff{"a":1}')
    const { read } = await both(
      Buffer.concat([
        Buffer.from(`${head}content-length: ${body.length}\r\n\r\n`),
        body,
        Buffer.from('{"b":2}'),
      ]),
    )
    expect(read).toMatchObject({ status: 200, body: { a: 1 } })
  })

  test('whose status stands beside what is not UTF-8 keeps its status', async () => {
    const { read, write } = await both(
      Buffer.from('HTTP/1.1 403 No\r\ncontent-length: 1\r\n\r\n\xff', 'latin1'),
    )
    expect(read).toMatchObject({ status: 403 })
    expect(write).toMatchObject({ code: 'ERR_KUBERNETES_FORBIDDEN', outcome: 'refused' })
  })

  test('that drips is given up in time', async () => {
    const { url } = await raw((socket) => {
      socket.write(`${head}content-length: 100000\r\n\r\n`)
      const timer = setInterval(() => socket.write(' '), 5)
      socket.on('close', () => clearInterval(timer))
    })
    const client = new KubeClient(transportTo(url), { fieldManager: 'test', timeout: '1s' })
    await expect(client.get(KubeResources.configMaps, { name: 'a', namespace: 'b' })).rejects.toMatchObject({
      code: 'ERR_KUBERNETES_UNAVAILABLE',
    })
    await expect(client.create(KubeResources.configMaps, OBJECT)).rejects.toMatchObject({
      outcome: 'unknown',
    })
  })

  test.each([301, 302, 303, 307, 308])(
    'of %i leads nowhere, and no other host ever sees the token',
    async (status) => {
      const seen: unknown[] = []
      const other = await listen(loopback, (request, response) => {
        seen.push(request.headers.authorization)
        response.end('{}')
      })
      closing.push(() => other.stop())
      const { url } = await raw((socket) =>
        socket.end(`HTTP/1.1 ${status} Moved\r\nlocation: ${other.url}/\r\ncontent-length: 0\r\n\r\n`),
      )
      expect(await get(transportTo(url))).toMatchObject({ status })
      const client = new KubeClient(transportTo(url), { fieldManager: 'test' })
      await expect(client.create(KubeResources.configMaps, OBJECT)).rejects.toMatchObject({
        code: 'ERR_KUBERNETES_ANSWER',
        outcome: 'refused',
      })
      expect(seen).toEqual([])
    },
  )

  test('on a connection that died while it was kept is missed, and a write is not sent again', async () => {
    let count = 0
    const { url } = await raw((socket, request) => {
      count++
      if (request.startsWith('GET')) socket.write(`${head}content-length: 2\r\n\r\n{}`, () => socket.pause())
      else socket.destroy()
    })
    const transport = transportTo(url)
    await get(transport)
    const client = new KubeClient(transport, { fieldManager: 'test', timeout: '1s' })
    await expect(client.create(KubeResources.configMaps, OBJECT)).rejects.toMatchObject({
      outcome: 'unknown',
    })
    expect(count).toBeLessThanOrEqual(2)
  })
})

describe('a request', () => {
  test.each(['..', '.', 'a/b', 'a\r\nx: y', 'a\0', 'a%2f', 'a?b', 'a#b', '', ' a', '\u212a'])(
    'is not made for the name %j, nor for such a namespace',
    async (name) => {
      const { url, requests } = await raw((socket) => socket.end(`HTTP/1.1 200 OK\r\n\r\n{}`))
      const client = new KubeClient(transportTo(url), { fieldManager: 'test' })
      await expect(client.get(KubeResources.secrets, { name, namespace: 'a' })).rejects.toThrow(TypeError)
      await expect(client.get(KubeResources.secrets, { name: 'a', namespace: name })).rejects.toThrow(
        TypeError,
      )
      await expect(client.list(KubeResources.secrets, { namespace: name })).rejects.toThrow(TypeError)
      expect(requests).toEqual([])
    },
  )

  test('takes selectors and continue tokens for what they are', async () => {
    const evil = 'a&limit=1#?\r\nx-evil: 1 \0ä'
    let page = 0
    const { url, requests } = await raw((socket) => {
      const body = JSON.stringify({ metadata: { continue: page++ === 0 ? evil : '' }, items: [] })
      socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`)
    })
    const client = new KubeClient(transportTo(url), { fieldManager: 'test' })
    await client.list(KubeResources.secrets, { labelSelector: evil, fieldSelector: evil })
    expect(requests).toHaveLength(2)
    for (const request of requests) {
      expect(request).not.toContain('\r\nx-evil')
      const { searchParams } = new URL(request.split(' ')[1] ?? '', url)
      expect([searchParams.getAll('labelSelector'), searchParams.getAll('limit')]).toEqual([[evil], ['500']])
    }
    expect(new URL(requests[1]?.split(' ')[1] ?? '', url).searchParams.get('continue')).toBe(evil)
  })

  test.each(['before the head', 'in the head', 'in the body', 'of a watch', 'of a refusal of a token'])(
    'that is given up %s leaves nothing behind',
    async (phase) => {
      const { url } = await raw((socket) => {
        if (phase === 'in the head') socket.write('HTTP/1.1 200 OK\r\nx:')
        if (phase === 'in the body' || phase === 'of a watch') socket.write('HTTP/1.1 200 OK\r\n\r\n{"a"')
        if (phase === 'of a refusal of a token')
          socket.write('HTTP/1.1 401 No\r\ncontent-length: 50\r\n\r\n{')
      })
      await withTemporaryFolder(async (folder) => {
        const tokenFile = join(folder, 'token')
        writeFileSync(tokenFile, 'a')
        const transport = transportTo(url, { tokenFile })
        const before = getActiveResourcesInfo().length
        const stop = new AbortController()
        const { signal } = stop
        const add = vi.spyOn(signal, 'addEventListener')
        const remove = vi.spyOn(signal, 'removeEventListener')
        const client = new KubeClient(transport, { fieldManager: 'test', timeout: '1h' })
        const call =
          phase === 'of a watch'
            ? (async () => {
                for await (const _ of transport.watch({ path: PATH, signal }));
                throw signal.reason
              })()
            : client.get(KubeResources.configMaps, { name: 'a', namespace: 'b' }, { signal })
        setTimeout(() => stop.abort(new Error('enough')), 50)
        await expect(call).rejects.toThrow('enough')
        expect(remove.mock.calls.length).toBe(add.mock.calls.length)
        await vi.waitFor(() => expect(getActiveResourcesInfo().length).toBeLessThanOrEqual(before))
      })
    },
  )
})

describe('a watch', () => {
  const watched = async (...pieces: readonly (string | Uint8Array)[]) => {
    const { url } = await raw(async (socket) => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n')
      for (const piece of pieces) {
        socket.write(piece)
        await new Promise((resolve) => setTimeout(resolve, 2))
      }
      socket.end()
    })
    const seen: unknown[] = []
    try {
      for await (const event of transportTo(url).watch({ path: PATH, signal: soon() })) seen.push(event)
      return { seen }
    } catch (error) {
      return { seen, error }
    }
  }
  const ADDED = { type: 'ADDED', object: { a: 1 } }
  const line = `${JSON.stringify(ADDED)}\n`

  test.each([
    ['a byte order mark', [`\ufeff${line}`]],
    ['line ends of Windows and empty lines', [line.replace('\n', '\r\n'), '\r\n\n', '  \n']],
    ['a line in three parts', [line.slice(0, 5), line.slice(5, 9), line.slice(9)]],
  ])('takes %s', async (_what, pieces) => {
    expect(await watched(...pieces)).toEqual({ seen: [ADDED] })
  })

  test('takes an event of 10 MB', async () => {
    const big = JSON.stringify({ type: 'ADDED', object: { a: 'x'.repeat(10 << 20) } })
    const { seen, error } = await watched(`${big}\n`, line)
    expect([error, seen.length, seen[1]]).toEqual([undefined, 2, ADDED])
  })

  const wrong = { code: 'ERR_KUBERNETES_ANSWER' }
  test.each([
    ['a partial line', ['{"type":'], 'in the middle'],
    ['a character that is torn for good', [Buffer.from([0x22, 0xe2]), Buffer.from([0x0a])], 'not UTF-8'],
    [
      'bytes that are no UTF-8',
      [Buffer.from('{"type":"ADDED","object":{"a":"\xff"}}\n', 'latin1')],
      'not UTF-8',
    ],
    ['an event of 17 MB', [`"${'x'.repeat(17 << 20)}"\n`], 'longer than'],
    ['17 MB without a line end', [`"${'x'.repeat(17 << 20)}`], 'longer than'],
  ])('ends in %s, after what came before', async (_what, pieces, text) => {
    const { seen, error } = await watched(line, ...pieces)
    expect([seen, error]).toEqual([[ADDED], expect.objectContaining(wrong)])
    expect(String(error)).toContain(text)
  })
})

describe('files', () => {
  test.each([
    ['is empty', ''],
    ['is blank', ' \n'],
    ['holds no certificate', '-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n'],
    ['is larger than any bundle', '-----BEGIN CERTIFICATE-----\n'.repeat(50_000)],
  ])('of CAs that %s trust nobody, and no connection is made', async (_what, text) => {
    const { url, connections } = await raw(() => {})
    await withTemporaryFolder(async (folder) => {
      const caFile = join(folder, 'ca.crt')
      writeFileSync(caFile, text)
      // Node takes an empty text for "the CAs of this machine".
      await expect(get(transportTo(url, { caFile, token: 'a' }))).rejects.toMatchObject({
        code: 'ERR_KUBERNETES_UNAUTHORIZED',
      })
      expect(connections()).toBe(0)
    })
  })

  test('of CAs that are emptied leave those that were read', async () => {
    const listener = await listen(loopback, (_request, response) => response.end('{}'))
    closing.push(() => listener.stop())
    await withTemporaryFolder(async (folder) => {
      const caFile = join(folder, 'ca.crt')
      const clock = manualClock()
      writeFileSync(caFile, authority.caPem)
      const transport = transportTo(listener.url, { caFile, token: 'a', clock })
      await get(transport)
      writeFileSync(caFile, '')
      clock.advance('2m')
      expect((await get(transport)).status).toBe(200)
      writeFileSync(caFile, (await makeAuthority()).caPem)
      // The very next request: what could not be read does not count for a minute.
      await expect(get(transport)).rejects.toHaveProperty('code', expect.stringMatching(/CERT|SIGNATURE/))
    })
  })

  test.each([
    ['emptied', ''],
    ['of two lines', 'good\r\nx-evil: 1'],
    ['with a NUL', 'good\0'],
    ['of 2 MB', 'x'.repeat(2 << 20)],
  ])('of a token that is %s leave the one that was read, until there is another', async (_what, text) => {
    const seen: unknown[] = []
    const listener = await listen(loopback, (request, response) => {
      seen.push(request.headers.authorization)
      response.end('{}')
    })
    closing.push(() => listener.stop())
    await withTemporaryFolder(async (folder) => {
      const tokenFile = join(folder, 'token')
      const clock = manualClock()
      writeFileSync(tokenFile, 'good\n')
      const transport = transportTo(listener.url, { tokenFile, clock })
      await get(transport)
      writeFileSync(tokenFile, text)
      clock.advance('2m')
      await get(transport)
      writeFileSync(tokenFile, 'newer')
      await get(transport)
      expect(seen).toEqual(['Bearer good', 'Bearer good', 'Bearer newer'])
      // A process that begins now has none to go on with.
      writeFileSync(tokenFile, text)
      await expect(get(transportTo(listener.url, { tokenFile }))).rejects.toMatchObject({
        code: 'ERR_KUBERNETES_UNAUTHORIZED',
      })
    })
  })

  test('are read again where the clock was put back: an old token must not live on', async () => {
    const seen: unknown[] = []
    const listener = await listen(loopback, (request, response) => {
      seen.push(request.headers.authorization)
      response.end('{}')
    })
    closing.push(() => listener.stop())
    await withTemporaryFolder(async (folder) => {
      const tokenFile = join(folder, 'token')
      let now = Date.now()
      const clock = { now: () => new Date(now), sleep: async () => {} }
      const transport = transportTo(listener.url, { tokenFile, clock })
      writeFileSync(tokenFile, 'one')
      await get(transport)
      writeFileSync(tokenFile, 'two')
      now -= 3_600_000
      await get(transport)
      now += 7_200_000
      writeFileSync(tokenFile, 'three')
      await get(transport)
      expect(seen).toEqual(['Bearer one', 'Bearer two', 'Bearer three'])
    })
  })

  test.each([403, 409, 429, 500, 502, 503, 504])(
    'with a newer token send nothing twice after an answer of %i',
    async (status) => {
      const { url, requests } = await raw((socket) =>
        socket.write(`HTTP/1.1 ${status} No\r\ncontent-length: 2\r\n\r\n{}`),
      )
      await withTemporaryFolder(async (folder) => {
        const tokenFile = join(folder, 'token')
        const clock = manualClock()
        const transport = transportTo(url, { tokenFile, clock })
        writeFileSync(tokenFile, 'one')
        await get(transport)
        writeFileSync(tokenFile, 'two')
        const request = { method: 'POST', path: PATH, body: OBJECT, signal: soon() } as const
        expect(await transport.request(request)).toMatchObject({ status })
        expect(requests.map((one) => one.slice(0, 4))).toEqual(['GET ', 'POST'])
      })
    },
  )

  test('are followed where kubelet swaps a link', async () => {
    const seen: unknown[] = []
    const listener = await listen(loopback, (request, response) => {
      seen.push(request.headers.authorization)
      response.end('{}')
    })
    closing.push(() => listener.stop())
    await withTemporaryFolder(async (folder) => {
      const clock = manualClock()
      const put = (version: string) => {
        mkdirSync(join(folder, version))
        writeFileSync(join(folder, version, 'token'), version)
        symlinkSync(version, join(folder, 'next'))
        renameSync(join(folder, 'next'), join(folder, '..data'))
      }
      put('one')
      symlinkSync('..data/token', join(folder, 'token'))
      const transport = transportTo(listener.url, { tokenFile: join(folder, 'token'), clock })
      await get(transport)
      put('two')
      clock.advance('61s')
      await get(transport)
      expect(seen).toEqual(['Bearer one', 'Bearer two'])
    })
  })

  test('that are none are not waited for', () =>
    withTemporaryFolder(async (folder) => {
      const pipe = join(folder, 'pipe')
      // Who opens one to read waits until somebody writes.
      execFileSync('mkfifo', [pipe])
      await expect(get(transportTo('https://127.0.0.1:1', { tokenFile: pipe }))).rejects.toMatchObject({
        code: 'ERR_KUBERNETES_UNAUTHORIZED',
      })
      const transport = transportTo('https://127.0.0.1:1', { tokenFile: folder })
      await expect(get(transport)).rejects.toMatchObject({ code: 'ERR_KUBERNETES_UNAUTHORIZED' })
    }))
})

test('close() also closes what runs over connections with earlier CAs', async () => {
  const { url, requests } = await raw((socket) => {
    socket.write('HTTP/1.1 200 OK\r\n\r\n')
  })
  await withTemporaryFolder(async (folder) => {
    const caFile = join(folder, 'ca.crt')
    const clock = manualClock()
    writeFileSync(caFile, authority.caPem)
    const transport = transportTo(url, { caFile, token: 'a', clock })
    const ended = (async () => {
      for await (const _ of transport.watch({ path: PATH, signal: soon() }));
    })().then(
      () => 'ended',
      () => 'broken',
    )
    await vi.waitFor(() => expect(requests).toHaveLength(1))
    writeFileSync(caFile, authority.caPem + (await makeAuthority()).caPem)
    clock.advance('2m')
    const stop = new AbortController()
    const second = get(transport, stop.signal).catch(() => {})
    await vi.waitFor(() => expect(requests).toHaveLength(2))
    stop.abort()
    await second
    transport.close()
    expect(await ended).toBe('broken')
  })
})

test('a server whose certificate has ended is not spoken to', async () => {
  const past = await makeAuthority(new Date(Date.now() - 30 * 86_400_000))
  const seen: string[] = []
  const listener = await listen(await past.issue(LOOPBACK), (request, response) => {
    seen.push(String(request.headers.authorization))
    response.end('{}')
  })
  closing.push(() => listener.stop())
  await expect(get(transportTo(listener.url, { ca: past.caPem, token: 'a' }))).rejects.toHaveProperty(
    'code',
    expect.stringMatching(/EXPIRED/),
  )
  expect(seen).toEqual([])
})

test.each(['https://:word@127.0.0.1:1', 'https://user@127.0.0.1:1', 'https://u:word@127.0.0.1:1'])(
  'no address has a user or a password: %s',
  (server) => {
    const call = () => kubeHttpsTransport({ server, ca: authority.caPem, token: 'a' })
    expect(call).toThrow(TypeError)
    expect(call).not.toThrow(/word/)
  },
)
