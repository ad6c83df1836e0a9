import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import { connect as connectTcp, createServer as createTcpServer } from 'node:net'
import { createServer, type TLSSocket } from 'node:tls'
import { describe, expect, onTestFinished, test } from 'vitest'
import { connectSvid, createSvidServer, type SvidServerOptions } from '../../../src/node/index.ts'
import { LiveBundles, matchTrustDomain, SpiffeBundle } from '../../../src/spiffe/index.ts'
import { PathError } from '../../../src/verify/index.ts'
import { type Svid, type TrustDomainFixture, trustDomainFixture } from '../../support/trust-domain.ts'
import { deferred, listen, narrowHierarchy, rawClient, selfSignedCa } from './support.ts'

const kind2 = await trustDomainFixture('kind2')
const kind3 = await trustDomainFixture('kind3')
/** Somebody else with the same names. */
const impostor = await trustDomainFixture('kind2')
const server = await kind3.svid('/ns/default/sa/ratings')
const client = await kind2.svid('/ns/default/sa/productpage')
const bundles = [kind2.bundle, kind3.bundle]
const host = '127.0.0.1'

interface Running {
  readonly port: number
  readonly refused: unknown[]
  /** The first of them. */
  readonly refusal: Promise<unknown>
  readonly clients: string[]
  /** What clients sent that the server was given. */
  readonly received: string[]
  readonly handle: ReturnType<typeof createSvidServer>
}

async function serve(options: Partial<SvidServerOptions> = {}): Promise<Running> {
  const refused: unknown[] = []
  const { promise: refusal, resolve: first } = deferred<unknown>()
  const clients: string[] = []
  const received: string[] = []
  const handle = createSvidServer(
    {
      bundles,
      credentials: server.credentials,
      onRefused: (error) => {
        refused.push(error)
        first(error)
      },
      ...options,
    },
    ({ socket, svid }) => {
      clients.push(String(svid))
      socket.on('data', (chunk: Buffer) => received.push(chunk.toString()))
      socket.on('error', () => {})
      socket.end(`hello ${svid.id}`)
    },
  )
  return { port: await listen(handle.server), refused, refusal, clients, received, handle }
}

async function read(socket: TLSSocket): Promise<string> {
  let text = ''
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString()
  })
  await once(socket, 'close')
  return text
}

const call = (port: number, caller: Svid = client, expected = String(server.id)) =>
  connectSvid({ host, port, bundles, expect: expected, credentials: caller.credentials })

describe('both sides know each other', () => {
  test('across trust domains, each judged by the bundle of its own', async () => {
    const { port, clients } = await serve({ expect: client.id })
    const { socket, svid, resumed } = await call(port)
    expect(await read(socket)).toBe(`hello ${client.id}`)
    expect(String(svid.id)).toBe(String(server.id))
    expect(resumed).toBe(false)
    expect(clients).toEqual([String(client.id)])
  })

  test('HTTP runs over the sockets that were let in', async () => {
    const http = createHttpServer((_request, response) => response.end('over http'))
    const handle = createSvidServer({ bundles, credentials: server.credentials }, ({ socket }) =>
      http.emit('connection', socket),
    )
    const { socket } = await call(await listen(handle.server))
    socket.write('GET / HTTP/1.1\r\nhost: ratings\r\nconnection: close\r\n\r\n')
    expect(await read(socket)).toMatch(/^HTTP\/1\.1 200 OK[\s\S]*over http$/)
  })

  test('a new SVID of the server is served from the next connection on', async () => {
    const { port, handle } = await serve()
    const renewed = await kind3.svid('/ns/default/sa/ratings-renewed')
    await expect(call(port, client, String(renewed.id))).rejects.toMatchObject({
      code: 'ERR_SVID_UNEXPECTED_ID',
    })
    handle.setCredentials(renewed.credentials)
    const { svid, socket } = await call(port, client, String(renewed.id))
    socket.destroy()
    expect(svid.leaf.equals(renewed.chain[0] ?? kind3.root)).toBe(true)
  })

  test('extended key usage of CAs does not matter, as it would to OpenSSL', async () => {
    // The CA below is for clients only; X-16 has no nesting.
    const { narrow, svid } = narrowHierarchy()
    const handle = createSvidServer({ bundles: [narrow], credentials: svid.credentials }, ({ socket }) =>
      socket.end('narrow'),
    )
    const port = await listen(handle.server)
    const accepted = await connectSvid({
      host,
      port,
      bundles: narrow,
      expect: svid.id,
      credentials: svid.credentials,
    })
    expect(await read(accepted.socket)).toBe('narrow')
    const strict = await rawClient(port, {
      rejectUnauthorized: true,
      ca: narrow.toPem(),
      checkServerIdentity: () => undefined,
    })
    expect(strict.error).toMatchObject({ code: 'INVALID_PURPOSE' })
  })
})

describe('the server refuses', () => {
  test.each<[string, TrustDomainFixture, string, string]>([
    [
      'an authority that bears the names of ours',
      impostor,
      '/ns/default/sa/productpage',
      'ERR_PATH_NO_ISSUER',
    ],
    ['a valid workload that is not expected', kind2, '/ns/default/sa/other', 'ERR_SVID_UNEXPECTED_ID'],
    [
      'the right account of another trust domain',
      kind3,
      '/ns/default/sa/productpage',
      'ERR_SVID_UNEXPECTED_ID',
    ],
  ])('%s, and reads nothing of it', async (_what, domain, path, code) => {
    const { port, refused, refusal, clients, received } = await serve({ expect: client.id })
    const stranger = await domain.svid(path)
    const { text } = await rawClient(port, { ...stranger.credentials }, 'secret')
    await refusal
    expect(refused[0]).toMatchObject({ code })
    expect({ text, clients, received }).toEqual({ text: '', clients: [], received: [] })
  })

  test('a client without a certificate', async () => {
    const { port, refused, refusal, clients } = await serve()
    await rawClient(port, {})
    await refusal
    expect(refused[0]).toMatchObject({ code: 'ERR_SVID_MALFORMED' })
    expect(String(refused[0])).toContain('presented no certificate')
    expect(clients).toEqual([])
  })

  test('a CA that presents itself', async () => {
    const { port, refused, refusal } = await serve()
    await rawClient(port, selfSignedCa())
    await refusal
    // It has an identity, so that only its being a CA stands against it.
    expect(refused[0]).toMatchObject({ code: 'ERR_SVID_CA' })
  })

  test('everybody while its bundle is stale, and says that', async () => {
    let now = new Date()
    const live = new LiveBundles({
      staleAfter: '1h',
      initial: bundles,
      clock: { now: () => now, sleep: () => Promise.resolve() },
    })
    now = new Date(now.getTime() + 2 * 3_600_000)
    const { port, refused, refusal } = await serve({ bundles: live })
    await rawClient(port, { ...client.credentials })
    await refusal
    expect(refused[0]).toMatchObject({
      code: 'ERR_SVID_NO_BUNDLE',
      cause: { code: 'ERR_SPIFFE_BUNDLE_STALE' },
    })
  })

  test('what is no TLS, and goes on', async () => {
    const { port, refusal, clients } = await serve()
    await rawTcp(port, 'GET / HTTP/1.1\r\n\r\n')
    await refusal
    const { socket } = await call(port)
    await read(socket)
    expect(clients).toEqual([String(client.id)])
  })

  test('TLS 1.1', async () => {
    const { port, clients } = await serve()
    const { error } = await rawClient(port, {
      ...client.credentials,
      maxVersion: 'TLSv1.1',
      minVersion: 'TLSv1',
    })
    expect(error).toBeInstanceOf(Error)
    expect(clients).toEqual([])
  })
})

describe('the client refuses, and sends nothing', () => {
  async function eavesdrop(svid: Svid): Promise<{ port: number; received: string[] }> {
    const received: string[] = []
    const listener = createServer({ ...svid.credentials }, (socket) => {
      socket.on('error', () => {})
      socket.on('data', (chunk: Buffer) => received.push(chunk.toString()))
    })
    return { port: await listen(listener), received }
  }

  test.each<[string, TrustDomainFixture, string, string]>([
    ['somebody else of the trust domain', kind3, '/ns/default/sa/other', 'ERR_SVID_UNEXPECTED_ID'],
    ['the namesake of another trust domain', kind2, '/ns/default/sa/ratings', 'ERR_SVID_UNEXPECTED_ID'],
    ['an authority that nobody trusts', impostor, '/ns/default/sa/ratings', 'ERR_PATH_NO_ISSUER'],
  ])('%s', async (_what, domain, path, code) => {
    const { port, received } = await eavesdrop(await domain.svid(path))
    await expect(call(port)).rejects.toMatchObject({ code })
    expect(received).toEqual([])
  })

  test('a server whose only fault is its trust domain, although OpenSSL would take it', async () => {
    const { port } = await eavesdrop(server)
    const only = connectSvid({ host, port, bundles: kind2.bundle, expect: matchTrustDomain('kind3') })
    await expect(only).rejects.toMatchObject({ code: 'ERR_SVID_NO_BUNDLE' })
  })

  test('a peer that hangs up, one that never answers, and an abort', async () => {
    const rude = createTcpServer((socket) => socket.destroy())
    const hangsUp = connectSvid({ host, port: await listen(rude), bundles, expect: server.id })
    await expect(hangsUp).rejects.toThrow()
    const mute = createTcpServer((socket) => socket.on('error', () => {}))
    const port = await listen(mute)
    const timedOut = connectSvid({ host, port, bundles, expect: server.id, timeout: '1s' })
    await expect(timedOut).rejects.toMatchObject({ code: 'ERR_TLS_TIMEOUT' })
    const controller = new AbortController()
    const aborted = connectSvid({ host, port, bundles, expect: server.id, signal: controller.signal })
    controller.abort(new Error('no longer needed'))
    await expect(aborted).rejects.toThrow('no longer needed')
  })

  test('options that would decide about trust', async () => {
    const asked = { host, port: 1, bundles, expect: server.id }
    for (const name of ['rejectUnauthorized', 'ca', 'session', 'checkServerIdentity'])
      await expect(connectSvid({ ...asked, tls: { [name]: undefined } })).rejects.toThrow(name)
    // @ts-expect-error who is expected is required
    await expect(connectSvid({ host, port: 1, bundles })).rejects.toThrow('expect')
    // @ts-expect-error a ticket alone is bound to nothing
    await expect(connectSvid({ ...asked, session: Buffer.alloc(8) })).rejects.toThrow('session')
  })
})

describe('resumption', () => {
  async function firstSession(port: number) {
    const connection = await call(port)
    await read(connection.socket)
    const session = connection.session()
    if (session === undefined) throw new Error('the server sent no ticket')
    return session
  }

  test('is off unless asked for: tickets are not even made', async () => {
    const { port } = await serve()
    const first = await rawClient(port, { ...client.credentials })
    expect(first.text).toBe(`hello ${client.id}`)
    const second = await rawClient(port, { ...client.credentials, ...offered(first.session) })
    expect(second.reused).toBe(false)
  })

  test.each(['TLSv1.3', 'TLSv1.2'] as const)(
    'bound: under the same bundle it is let pass (%s)',
    async (maxVersion) => {
      const { port, clients } = await serve({ resumption: 'bound' })
      const first = await rawClient(port, { ...client.credentials, maxVersion })
      const second = await rawClient(port, { ...client.credentials, maxVersion, ...offered(first.session) })
      expect(second).toMatchObject({ reused: true, text: `hello ${client.id}` })
      expect(clients).toEqual([String(client.id), String(client.id)])
    },
  )

  test.each(['TLSv1.3', 'TLSv1.2'] as const)(
    'bound: once the bundle has changed, the resumed handshake is refused (%s)',
    async (maxVersion) => {
      const live = new LiveBundles({ staleAfter: 'unlimited', initial: bundles })
      const { port, refused, refusal, clients } = await serve({ resumption: 'bound', bundles: live })
      const first = await rawClient(port, { ...client.credentials, maxVersion })
      // The root of kind2 was withdrawn: a session from before must not outlive it.
      live.set(SpiffeBundle.of({ trustDomain: 'kind2', x509Authorities: impostor.root }))
      const second = await rawClient(port, { ...client.credentials, maxVersion, ...offered(first.session) })
      await refusal
      expect(second).toMatchObject({ reused: false, text: '' })
      expect(refused[0]).toBeInstanceOf(PathError)
      expect(clients).toEqual([String(client.id)])
    },
  )

  test('bound: a source that answers later is asked when the session is resumed', async () => {
    let current = [kind2.bundle, kind3.bundle]
    const later = {
      bundleFor: async (asked: { name: string }) =>
        current.find(({ trustDomain }) => trustDomain.name === asked.name),
    }
    const { port, refused, refusal, clients } = await serve({ resumption: 'bound', bundles: later })
    const first = await rawClient(port, { ...client.credentials })
    current = [kind3.bundle]
    const second = await rawClient(port, { ...client.credentials, ...offered(first.session) })
    await refusal
    // The ticket was good to OpenSSL; what it stands for is not.
    expect(second).toMatchObject({ reused: true, text: '' })
    expect(refused[0]).toMatchObject({ code: 'ERR_SVID_RESUMED' })
    expect(clients.length).toBe(1)
  })

  test('a client resumes only what it verified under the same bundle, for whom it expects', async () => {
    const { port } = await serve({ resumption: 'bound' })
    const session = await firstSession(port)
    const again = await connectSvid({
      host,
      port,
      bundles,
      expect: server.id,
      credentials: client.credentials,
      session,
    })
    await read(again.socket)
    expect(again).toMatchObject({ resumed: true })
    expect(again.svid).toBe(session.svid)

    const elsewhere = connectSvid({
      host,
      port,
      bundles,
      expect: client.id,
      credentials: client.credentials,
      session,
    })
    await expect(elsewhere).rejects.toMatchObject({ code: 'ERR_SVID_UNEXPECTED_ID' })

    const changed = [kind2.bundle, kind3.bundle.with({ x509Authorities: [kind3.root, impostor.root] })]
    const full = await connectSvid({
      host,
      port,
      bundles: changed,
      expect: server.id,
      credentials: client.credentials,
      session,
    })
    await read(full.socket)
    expect(full.resumed).toBe(false)

    const withdrawn = [kind2.bundle, kind3.bundle.with({ x509Authorities: [impostor.root] })]
    const refusedNow = connectSvid({
      host,
      port,
      bundles: withdrawn,
      expect: server.id,
      credentials: client.credentials,
      session,
    })
    await expect(refusedNow).rejects.toBeInstanceOf(PathError)
  })

  test('bound does not go with CRLs', () => {
    expect(() =>
      createSvidServer({ bundles, credentials: server.credentials, resumption: 'bound', crls: [] }, () => {}),
    ).toThrow('crls')
  })
})

const offered = (session: Buffer | undefined) => (session === undefined ? {} : { session })

async function rawTcp(port: number, text: string): Promise<void> {
  const socket = connectTcp(port, host)
  socket.on('error', () => {})
  onTestFinished(() => void socket.destroy())
  socket.end(text)
  await once(socket, 'close')
}
