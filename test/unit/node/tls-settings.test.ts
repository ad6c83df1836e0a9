import { once } from 'node:events'
import { createServer as createHttpServer, get } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import { createServer as createTcpServer, Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import { describe, expect, test } from 'vitest'
import {
  connectSvid,
  createBundleListener,
  createBundleServer,
  createSvidServer,
  svidOf,
  type TlsCredentials,
  webFetch,
} from '../../../src/node/index.ts'
import { trustDomainFixture } from '../../support/trust-domain.ts'
import { listen, rawClient } from './support.ts'

const kind2 = await trustDomainFixture('kind2')
const server = await kind2.svid('/ns/default/sa/ratings')
const client = await kind2.svid('/ns/default/sa/productpage')
const bundles = kind2.bundle
const host = '127.0.0.1'
const connect = (port: number, more: Partial<Parameters<typeof connectSvid>[0]> = {}) =>
  connectSvid({ host, port, bundles, expect: server.id, credentials: client.credentials, ...more })
const serveOne = (options: Partial<Parameters<typeof createSvidServer>[0]> = {}) =>
  createSvidServer({ bundles, credentials: server.credentials, ...options }, ({ socket }) =>
    socket.on('error', () => {}).end('hello'),
  )

describe('credentials', () => {
  const wrong: readonly (readonly [string, TlsCredentials, string])[] = [
    ['the key of another', { cert: server.credentials.cert, key: client.credentials.key }, 'mismatch'],
    ['no PEM', { cert: 'cert.pem', key: server.credentials.key }, 'PEM'],
    ['the key where the certificate belongs', { ...server.credentials, cert: server.credentials.key }, 'PEM'],
  ]
  test.each(wrong)('%s is refused before anybody connects', async (_, credentials, says) => {
    const refusal = expect.objectContaining({
      code: 'ERR_TLS_CREDENTIALS',
      message: expect.stringContaining(says),
    })
    expect(() => serveOne({ credentials })).toThrow(refusal)
    expect(() => createBundleServer({ bundle: bundles, credentials })).toThrow(refusal)
    const running = serveOne()
    const port = await listen(running.server)
    expect(() => running.setCredentials(credentials)).toThrow(refusal)
    await expect(connect(port, { credentials })).rejects.toEqual(refusal)
    // What was refused has replaced nothing.
    const { svid, socket } = await connect(port)
    expect(String(svid.id)).toBe(String(server.id))
    socket.destroy()
  })

  test('one half is missing', () => {
    const { cert, key } = server.credentials
    for (const credentials of [
      { cert: [], key },
      { cert: '', key },
      { cert, key: '' },
    ])
      expect(() => serveOne({ credentials })).toThrow(TypeError)
  })

  test('no key in a message', () => {
    const credentials = { cert: server.credentials.key, key: server.credentials.cert }
    const error = thrownBy(() => serveOne({ credentials }))
    const body = server.credentials.key.split('\n')[1] ?? 'none'
    expect(String(error)).not.toContain(body)
    expect(JSON.stringify(error)).not.toContain(body)
  })

  test('certificates that were read are taken, leaf first', async () => {
    const { chain, credentials } = server
    const running = serveOne({ credentials: { cert: chain, key: credentials.key } })
    const { svid, socket } = await connect(await listen(running.server))
    expect(svid.leaf.toPem()).toBe(chain[0]?.toPem())
    socket.destroy()
  })
})

describe('versions and ciphers', () => {
  test('a server may ask for TLS 1.3, also after its credentials were replaced', async () => {
    const running = serveOne({ tls: { minVersion: 'TLSv1.3' } })
    const port = await listen(running.server)
    for (const renew of [false, true]) {
      if (renew) running.setCredentials(server.credentials)
      const old = await rawClient(port, { ...client.credentials, maxVersion: 'TLSv1.2' })
      expect(String(old.error), `renewed: ${renew}`).toContain('alert protocol version')
      expect((await rawClient(port, client.credentials)).text).toBe('hello')
    }
  })

  test('a client may', async () => {
    const running = serveOne({ tls: { maxVersion: 'TLSv1.2' } })
    const port = await listen(running.server)
    const { socket } = await connect(port, { tls: { minVersion: 'TLSv1.2' } })
    expect(socket.getProtocol()).toBe('TLSv1.2')
    socket.destroy()
    await expect(connect(port, { tls: { minVersion: 'TLSv1.3' } })).rejects.toMatchObject({
      code: 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION',
    })
  })

  test.each([
    ['an older version', { minVersion: 'TLSv1' }],
    ['an older version, as the highest', { maxVersion: 'TLSv1.1' }],
    ['a list', []],
    ['inherited trust', Object.create({ ca: 'x', rejectUnauthorized: false })],
    ['a socket that somebody else opened', { socket: new TLSSocket(new Socket()) }],
    ['a secure context', { secureContext: undefined }],
    ['a look at bytes before the verdict', { onread: { buffer: Buffer.alloc(9), callback: () => true } }],
    ['a secret in the place of certificates', { pskCallback: () => null }],
    ['renegotiation', { secureOptions: 0 }],
    ['what is no object', 'TLSv1.3'],
  ])('%s is no option', async (_, tls: object | string) => {
    // @ts-expect-error the types say so too
    await expect(connect(1, { tls })).rejects.toBeInstanceOf(TypeError)
    // @ts-expect-error the types say so too
    expect(() => serveOne({ tls })).toThrow(TypeError)
  })

  test('the server of bundles keeps its ciphers when its credentials are replaced', async () => {
    const bundleServer = createBundleServer({ bundle: bundles, credentials: server.credentials })
    const port = await listen(bundleServer.server)
    const cbc = { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-SHA' } as const
    // Node's own default has this cipher, so that a server without the setting accepts it.
    const plain = await listen(createHttpsServer(server.credentials))
    expect((await rawClient(plain, cbc, 'x\r\n\r\n')).error).toBeUndefined()
    for (const renew of [false, true]) {
      if (renew) bundleServer.setCredentials(client.credentials)
      expect(String((await rawClient(port, cbc)).error), `renewed: ${renew}`).toContain('handshake failure')
    }
  })
})

describe('who is at the other end', () => {
  test('a request handler asks the socket', async () => {
    const http = createHttpServer((request, response) => response.end(`hello ${svidOf(request.socket)?.id}`))
    const running = createSvidServer({ bundles, credentials: server.credentials }, ({ socket }) =>
      http.emit('connection', socket),
    )
    const { socket, svid } = await connect(await listen(running.server))
    expect(svidOf(socket)).toBe(svid)
    const [response] = await once(get({ createConnection: () => socket, host }), 'response')
    let body = ''
    for await (const chunk of response) body += chunk
    expect(body).toBe(`hello ${client.id}`)
  })

  test('other sockets have nobody', () => {
    expect(svidOf(new TLSSocket(new Socket()))).toBeUndefined()
  })
})

describe('time', () => {
  test('the clock given is the one that counts, on either side', async () => {
    const later = { now: () => new Date(Date.now() + 25 * 3_600_000) }
    const refused: unknown[] = []
    const today = await listen(serveOne().server)
    await expect(connect(today, { clock: later })).rejects.toMatchObject({ code: 'ERR_PATH_EXPIRED' })
    const tomorrow = await listen(
      serveOne({ clock: later, onRefused: (error) => refused.push(error) }).server,
    )
    const { socket } = await connect(tomorrow)
    await once(socket.resume(), 'close')
    expect(refused).toMatchObject([{ code: 'ERR_PATH_EXPIRED' }])
  })
})

describe('endings', () => {
  test('a peer that hangs up in the handshake, whatever the network calls it', async () => {
    for (const end of ['end', 'resetAndDestroy'] as const) {
      const port = await listen(createTcpServer((socket) => void socket.once('data', () => socket[end]())))
      await expect(connect(port), end).rejects.toMatchObject({ code: 'ERR_TLS_CLOSED' })
    }
  })

  test('what the handler throws closes the connection and reaches the process', async () => {
    const thrown: unknown[] = []
    const listeners = process.listeners('uncaughtException')
    process.removeAllListeners('uncaughtException')
    process.on('uncaughtException', (error) => thrown.push(error))
    try {
      const refused: unknown[] = []
      const { server: failing } = createSvidServer(
        { bundles, credentials: server.credentials, onRefused: (error) => refused.push(error) },
        () => {
          throw new Error('a mistake of the handler')
        },
      )
      const { text } = await rawClient(await listen(failing), client.credentials)
      expect(text).toBe('')
      expect(thrown).toMatchObject([{ message: 'a mistake of the handler' }])
      expect(refused).toEqual([])
    } finally {
      process.removeAllListeners('uncaughtException')
      for (const listener of listeners) process.on('uncaughtException', listener)
    }
  })
})

describe('bundles over a server of your own', () => {
  test('one path answers', async () => {
    const listener = createBundleListener({ bundle: bundles, path: '/bundle.json' })
    const port = await listen(createHttpServer(listener))
    const answered = await fetch(`http://${host}:${port}/bundle.json`)
    expect(await answered.text()).toBe(bundles.toJson())
    expect((await fetch(`http://${host}:${port}/`)).status).toBe(404)
    expect(() => createBundleListener({ bundle: bundles, path: 'bundle.json' })).toThrow('option "path"')
  })

  test('the name of a file is no CA', () => {
    expect(() => webFetch({ ca: '/etc/ssl/ca.pem' })).toThrow('PEM')
    // @ts-expect-error without a CA the fetch of the runtime does
    expect(() => webFetch({})).toThrow('ca')
    expect(webFetch({ ca: Buffer.from(kind2.root.toPem()) })).toBeTypeOf('function')
  })
})

function thrownBy(action: () => unknown): unknown {
  try {
    action()
  } catch (error) {
    return error
  }
  throw new Error('nothing was thrown')
}
