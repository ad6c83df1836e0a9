import { once } from 'node:events'
import { connect as connectTcp } from 'node:net'
import * as tls from 'node:tls'
import { connect as connectTls, createServer, TLSSocket } from 'node:tls'
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import {
  connectSvid,
  createSvidServer,
  type SvidServerOptions,
  type SvidSession,
  spiffeDialer,
  svidClientOptions,
  webFetch,
} from '../../../src/node/index.ts'
import {
  type BundleSource,
  matchTrustDomain,
  type SpiffeBundle,
  verifySvid,
} from '../../../src/spiffe/index.ts'
import { trustDomainFixture } from '../../support/trust-domain.ts'
import { deferred, listen, rawClient } from './support.ts'

const kind2 = await trustDomainFixture('kind2')
const other = await trustDomainFixture('kind2')
const server = await kind2.svid('/server')
const client = await kind2.svid('/client')
const tenant = await kind2.svid('/tenant')
const bundles = kind2.bundle
const host = '127.0.0.1'

afterEach(() => void vi.restoreAllMocks())

interface Refusal {
  readonly error: unknown
  readonly port: number | undefined
}

async function serve(options: Partial<SvidServerOptions> = {}) {
  const clients: string[] = []
  const refused: Refusal[] = []
  const { promise: refusal, resolve: first } = deferred<Refusal>()
  const handle = createSvidServer(
    {
      bundles,
      credentials: server.credentials,
      onRefused: (error, { port }) => {
        refused.push({ error, port })
        first({ error, port })
      },
      ...options,
    },
    ({ socket, svid, resumed }) => {
      clients.push(`${svid.id.path}${resumed ? ' resumed' : ''}`)
      socket.on('error', () => {}).resume()
      socket.end('hello')
    },
  )
  return { port: await listen(handle.server), clients, refused, refusal, handle }
}

interface Used {
  readonly text: string
  readonly resumed: boolean
  readonly session: SvidSession | undefined
}

async function use(port: number, options: Partial<Parameters<typeof connectSvid>[0]> = {}): Promise<Used> {
  const connection = await connectSvid({
    host,
    port,
    bundles,
    expect: server.id,
    credentials: client.credentials,
    ...options,
  })
  let text = ''
  connection.socket.on('data', (chunk: Buffer) => {
    text += chunk.toString()
  })
  connection.socket.on('error', () => {})
  await once(connection.socket, 'close')
  return { text, resumed: connection.resumed, session: connection.session() }
}

describe('strangers cost nothing that stays', () => {
  test('the call that never frees what a peer sent is not made', async () => {
    // Node 20 to 24: 0.5 MB of each stranger with a long chain. Nothing but memory shows it, so the call is watched.
    const leaking = vi.spyOn(TLSSocket.prototype, 'getPeerX509Certificate')
    const { port } = await serve()
    expect((await use(port)).text).toBe('hello')
    expect(leaking).not.toHaveBeenCalled()
  })

  test('a source that never answers holds no client longer than the handshake may take', async () => {
    const silent: BundleSource = { bundleFor: () => new Promise<SpiffeBundle>(() => {}) }
    const { port, refused, clients } = await serve({ bundles: silent, handshakeTimeout: '1s' })
    const socket = connectTls({ host, port, rejectUnauthorized: false, ...client.credentials })
    socket.on('error', () => {})
    await once(socket.resume(), 'close')
    expect(refused).toMatchObject([{ error: { code: 'ERR_TLS_TIMEOUT' }, port: expect.any(Number) }])
    expect(clients).toEqual([])
  })

  test.each<[string, () => unknown]>([
    ['throws', () => thrower('a file that is being replaced')],
    ['rejects', () => Promise.reject(new Error('the source is down'))],
    ['answers no bundle', () => ({})],
  ])('a source that %s ends no process when somebody connects', async (_, answer) => {
    let broken = false
    const source = { bundleFor: () => (broken ? answer() : bundles) } as BundleSource
    const { port, clients, refused } = await serve({ bundles: source, resumption: 'bound' })
    const first = await use(port)
    broken = true
    const stranger = connectTcp(port, host)
    stranger.on('error', () => {})
    onTestFinished(() => void stranger.destroy())
    await once(stranger, 'connect')
    // Whoever has a session is not let in on the word of a broken source.
    expect((await use(port, { session: first.session })).text).toBe('')
    expect(refused.length).toBe(1)
    broken = false
    expect((await use(port)).text).toBe('hello')
    expect(clients).toEqual(['/client', '/client'])
  })
})

test('a process that trusts the root by itself lets nobody lose a chain', async () => {
  const setRoots = Reflect.get(tls, 'setDefaultCACertificates')
  const getRoots = Reflect.get(tls, 'getCACertificates')
  if (typeof setRoots === 'function' && typeof getRoots === 'function') {
    const before = getRoots('default')
    setRoots([kind2.root.toPem()])
    onTestFinished(() => setRoots(before))
  }
  const { port, handle } = await serve()
  expect((await use(port)).text).toBe('hello')
  // From 24.21 on Node empties the chain of who passes its own check. With no roots nobody passes it.
  expect(Reflect.get(handle.server, 'ca')).toEqual([])
})

describe('nobody takes the place of who was judged', () => {
  test('TLS 1.2 renegotiation is refused by the server', async () => {
    const handle = createSvidServer({ bundles, credentials: server.credentials }, ({ socket }) =>
      socket.on('error', () => {}).resume(),
    )
    const socket = connectTls({
      host,
      port: await listen(handle.server),
      maxVersion: 'TLSv1.2',
      rejectUnauthorized: false,
      ...client.credentials,
    })
    onTestFinished(() => void socket.destroy())
    socket.on('error', () => {})
    await once(socket, 'secureConnect')
    const answer = await new Promise((resolve) => {
      socket.renegotiate({}, resolve)
      socket.on('close', () => resolve('closed'))
      socket.on('error', resolve)
    })
    expect(String(answer)).toMatch(/no renegotiation|closed/)
  })

  test('and by the client', async () => {
    const answers: unknown[] = []
    const renegotiating = createServer({ ...server.credentials, maxVersion: 'TLSv1.2' }, (socket) => {
      socket.on('error', (error) => answers.push(error))
      socket.renegotiate({}, (error) => answers.push(error))
      // It would wait for ever for who does not agree. Who agrees does so at once.
      setTimeout(() => socket.destroy(), 300)
    })
    const port = await listen(renegotiating)
    const { socket } = await connectSvid({ host, port, bundles, expect: server.id })
    await new Promise((resolve) =>
      socket
        .on('error', () => {})
        .on('close', resolve)
        .resume(),
    )
    // Where the other side agrees, as Node's does by default, the callback gets null.
    expect(answers).not.toContain(null)
  })

  test('an address is told with every refusal', async () => {
    const stranger = await other.svid('/client')
    const { port, refused, refusal } = await serve()
    await rawClient(port, stranger.credentials)
    expect(await refusal).toMatchObject({ port: expect.any(Number) })
    expect(refused.length).toBe(1)
  })

  test('what is changed in the options later changes nothing', async () => {
    const options: { signers: 'refuse' | 'warn'; limits: { depth: number } } = {
      signers: 'refuse',
      limits: { depth: 5 },
    }
    const { port } = await serve(options)
    options.limits.depth = -1
    expect((await use(port)).text).toBe('hello')
    // @ts-expect-error a word that is none
    await expect(serve({ signers: 'nope' })).rejects.toThrow('signers')
    await expect(serve({ limits: { depth: -1 } })).rejects.toThrow('limits.depth')
    await expect(serve({ resumption: 'bound', revocation: 'require' })).rejects.toThrow('revocation')
  })
})

describe('a session is that of one client and one policy', () => {
  test('other credentials, or none, do not speak for whom it began with', async () => {
    const { port, clients } = await serve({ resumption: 'bound' })
    const { session } = await use(port)
    expect(await use(port, { session })).toMatchObject({ resumed: true, text: 'hello' })
    expect(await use(port, { session, credentials: tenant.credentials })).toMatchObject({ resumed: false })
    expect(await use(port, { session, credentials: undefined })).toMatchObject({ resumed: false, text: '' })
    expect(clients).toEqual(['/client', '/client resumed', '/tenant'])
  })

  test('nor what was judged by other rules', async () => {
    const { port } = await serve({ resumption: 'bound' })
    const { session } = await use(port, { signers: 'warn' })
    expect(await use(port, { session, signers: 'warn' })).toMatchObject({ resumed: true })
    expect(await use(port, { session, signers: 'refuse' })).toMatchObject({ resumed: false })
    const revoked = use(port, { session, signers: 'warn', revocation: 'require' })
    await expect(revoked).rejects.toMatchObject({ code: 'ERR_PATH_REVOCATION_UNKNOWN' })
  })

  test('a root that is withdrawn while connecting counts', async () => {
    const { port } = await serve({ resumption: 'bound' })
    const { session } = await use(port)
    const withdrawn = bundles.with({ x509Authorities: [other.root] })
    let asked = 0
    const source = { bundleFor: () => (asked++ === 0 ? bundles : withdrawn) }
    await expect(use(port, { session, bundles: source })).rejects.toMatchObject({ code: 'ERR_SVID_RESUMED' })
  })

  test.each(['a root was added', 'the path expired'])(
    'a client is cut off once at most, and then makes a full handshake: %s',
    async (what) => {
      let current = bundles
      let now = Date.now()
      const clock = { now: () => new Date(now) }
      const source = { bundleFor: async () => current }
      const { port } = await serve({ resumption: 'bound', bundles: source, clock })
      let { session } = await use(port)
      if (what === 'a root was added') current = bundles.with({ x509Authorities: [kind2.root, other.root] })
      else now += 23.9 * 3_600_000
      const texts: string[] = []
      for (let i = 0; i < 3; i++) {
        const used = await use(port, { session })
        texts.push(used.text)
        session = used.session
      }
      expect(texts.slice(1)).toEqual(['hello', 'hello'])
    },
  )

  test('a path that has expired ends its tickets before anybody is cut off', async () => {
    let now = Date.now()
    const brief = await kind2.svid('/brief', { lifetime: '1h' })
    const renewed = await kind2.svid('/brief')
    const { port, clients, refused } = await serve({
      resumption: 'bound',
      clock: { now: () => new Date(now) },
    })
    const first = await rawClient(port, brief.credentials)
    now += 2 * 3_600_000
    // Another library may resume after it has renewed.
    const again = await rawClient(port, {
      ...renewed.credentials,
      ...(first.session === undefined ? {} : { session: first.session }),
    })
    expect(again).toMatchObject({ text: 'hello', reused: false })
    expect({ clients, refused }).toEqual({ clients: ['/brief', '/brief'], refused: [] })
  })
})

describe('sessions and others', () => {
  test('that of one server is not offered to another that shares its ticket keys', async () => {
    const ticketKeys = Buffer.alloc(48, 7)
    const guestbook = await kind2.svid('/guestbook')
    const plain = (svid: typeof server) =>
      listen(
        createServer(
          { ...svid.credentials, ticketKeys },
          (socket) =>
            void socket
              .on('error', () => {})
              .resume()
              .end('hello'),
        ),
      )
    const [first, second] = [await plain(server), await plain(guestbook)]
    const expect_ = matchTrustDomain('kind2')
    const { session } = await use(first, { expect: expect_ })
    expect(session?.svid.id.path).toBe('/server')
    expect(await use(first, { expect: expect_, session })).toMatchObject({ resumed: true })
    const other = await use(second, { expect: expect_, session })
    expect(other).toMatchObject({ resumed: false })
    expect(other.session?.svid.id.path).toBe('/guestbook')
    const named = await use(first, { expect: expect_, session, tls: { servername: 'other' } })
    expect(named.resumed).toBe(false)
  })

  test('a stranger who resumes cuts nobody off', async () => {
    const stranger = await other.svid('/stranger')
    const { port, clients, refused } = await serve({ resumption: 'bound' })
    const bad = await rawClient(port, stranger.credentials)
    let { session } = await use(port)
    // The first of strangers ends the tickets, and those after it end none.
    for (let i = 0; i < 4; i++) {
      await rawClient(port, {
        ...stranger.credentials,
        ...(bad.session === undefined ? {} : { session: bad.session }),
      })
      const used = await use(port, { session })
      expect(used.text).toBe('hello')
      session = used.session
    }
    expect(refused.length).toBe(5)
    expect(clients.filter((text) => text === '/client resumed').length).toBeGreaterThanOrEqual(3)
  })

  test('a clock without a time lets no session in', async () => {
    let broken = false
    const clock = { now: () => (broken ? new Date(Number.NaN) : new Date()) }
    const { port, clients } = await serve({ resumption: 'bound', clock })
    const { session } = await use(port)
    broken = true
    expect((await use(port, { session })).text).toBe('')
    await expect(use(port, { session, clock })).rejects.toThrow('clock')
    expect(clients).toEqual(['/client'])
  })
})

describe('options that answer otherwise the second time', () => {
  const changing = (values: readonly unknown[], name: string, rest: object) => {
    let asked = 0
    return Object.defineProperty({ ...rest }, name, {
      enumerable: true,
      get: () => values[Math.min(asked++, values.length - 1)],
    })
  }

  test('expect is read once', async () => {
    const { port } = await serve()
    const base = { host, port, bundles, credentials: client.credentials }
    const first = changing([tenant.id, undefined], 'expect', base) as Parameters<typeof connectSvid>[0]
    await expect(connectSvid(first)).rejects.toMatchObject({ code: 'ERR_SVID_UNEXPECTED_ID' })
    const { cert } = tenant.credentials
    for (const values of [
      [server.id, undefined],
      [undefined, server.id],
    ]) {
      const options = changing(values, 'expect', { bundles }) as Parameters<typeof verifySvid>[1]
      await expect(verifySvid(cert, options)).rejects.toThrow()
    }
  })

  test('so are versions', async () => {
    const tls = changing(['TLSv1.3', 'TLSv1'], 'minVersion', {})
    const { port } = await serve({ tls })
    const old = await rawClient(port, { ...client.credentials, maxVersion: 'TLSv1.2' })
    expect(String(old.error)).toContain('alert protocol version')
  })

  test('limits of a prototype count, and what are none are refused', async () => {
    const { port } = await serve()
    const limits: { depth?: number } = Object.create({ depth: 2 })
    await expect(use(port, { limits })).rejects.toMatchObject({ code: expect.stringMatching(/^ERR_PATH/) })
    for (const wrong of [null, 5, true] as unknown as readonly undefined[])
      await expect(use(port, { limits: wrong })).rejects.toBeInstanceOf(TypeError)
  })

  test('a signal that nobody can leave is none', async () => {
    const signal = { aborted: false, addEventListener: () => {} }
    // @ts-expect-error wrong on purpose
    await expect(use(1, { signal })).rejects.toThrow('signal')
  })
})

describe('time and signals', () => {
  test('cover the verdict, and what comes before the connection', async () => {
    const silent: BundleSource = { bundleFor: () => new Promise<SpiffeBundle>(() => {}) }
    const { port } = await serve({ resumption: 'bound' })
    const { session } = await use(port)
    for (const given of [undefined, session]) {
      const waiting = use(port, { bundles: silent, timeout: '1s', session: given })
      await expect(waiting).rejects.toMatchObject({ code: 'ERR_TLS_TIMEOUT' })
      const before = use(port, {
        bundles: silent,
        signal: AbortSignal.abort(new Error('no')),
        session: given,
      })
      await expect(before).rejects.toThrow('no')
    }
  })

  test('a timeout longer than timers can be set for is no short one', async () => {
    const { port } = await serve()
    expect((await use(port, { timeout: '60d' })).text).toBe('hello')
  })

  test.each([
    [{ host: undefined }, 'host'],
    [{ host: '' }, 'host'],
    [{ port: 0 }, 'port'],
    [{ port: '443' }, 'port'],
  ])('%j is refused by name', async (wrong, option) => {
    // @ts-expect-error wrong on purpose
    await expect(use(1, wrong)).rejects.toThrow(`option "${option}"`)
  })
})

describe('requests to bundle endpoints', () => {
  const init = () =>
    ({ method: 'GET', headers: {}, redirect: 'manual', signal: new AbortController().signal }) as const

  test('101 is an answer that ends', async () => {
    const port = await listen(
      createServer(server.credentials, (socket) => {
        socket.on('error', () => {})
        socket.once('data', () =>
          socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n'),
        )
      }),
    )
    const url = `https://${host}:${port}/`
    const signal = new AbortController().signal
    const dialed = spiffeDialer()({ url, headers: {}, maxBytes: 100, signal, authenticate: async () => {} })
    await expect(dialed).rejects.toThrow('no response')
    const withName = await kind2.svid('/web', { subjectAltNames: [{ type: 'ip', value: host }] })
    const web = await listen(
      createServer(withName.credentials, (socket) => {
        socket.on('error', () => {})
        socket.once('data', () =>
          socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n'),
        )
      }),
    )
    await expect(webFetch({ ca: kind2.root.toPem() })(`https://${host}:${web}/`, init())).rejects.toThrow(
      'no response',
    )
  })

  test('no variable of the environment turns the check off', async () => {
    const port = await listen(createServer(server.credentials, (socket) => void socket.on('error', () => {})))
    vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0')
    onTestFinished(() => void vi.unstubAllEnvs())
    const fetched = webFetch({ ca: other.root.toPem() })(`https://${host}:${port}/`, init())
    await expect(fetched).rejects.toThrow()
    expect(svidClientOptions({ bundle: bundles, expect: server.id }).rejectUnauthorized).toBe(true)
  })

  test('an abort right after the verdict sends nothing', async () => {
    const received: string[] = []
    const port = await listen(
      createServer(server.credentials, (socket) => {
        socket.on('error', () => {})
        socket.on('data', (chunk: Buffer) => received.push(chunk.toString()))
      }),
    )
    const abort = new AbortController()
    const dialed = spiffeDialer()({
      url: `https://${host}:${port}/`,
      headers: {},
      maxBytes: 100,
      signal: abort.signal,
      authenticate: async () => {
        queueMicrotask(() => queueMicrotask(() => queueMicrotask(() => abort.abort(new Error('enough')))))
      },
    })
    await expect(dialed).rejects.toThrow('enough')
    expect(received).toEqual([])
  })
})

function thrower(message: string): never {
  throw new Error(message)
}
