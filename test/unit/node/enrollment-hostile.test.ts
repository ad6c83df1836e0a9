import { once } from 'node:events'
import { connect as connectTcp } from 'node:net'
import { connect as connectTls, TLSSocket } from 'node:tls'
import fc from 'fast-check'
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { manualClock } from '../../../src/testing/index.ts'
import { refusalOfAsync } from '../../fixtures/x509/refusal.ts'
import {
  bodyOf,
  CLUSTER,
  clientOf,
  credentialsOf,
  issuerOf,
  requestFor,
  signing,
} from '../ca/enrollment/support.ts'
import { NOW } from '../verify/forge.ts'
import { closed, enrollAt, exchangeRaw, serve } from './enrollment-support.ts'
import { deferred } from './support.ts'

const host = '127.0.0.1'
const open = (port: number, more: object = {}): TLSSocket => {
  const socket = connectTls({ host, port, rejectUnauthorized: false, ...more })
  onTestFinished(() => void socket.destroy())
  return socket
}
const head = (lines: readonly string[], path = '/enrollment/v1/enroll'): string =>
  [`POST ${path} HTTP/1.1`, 'host: a', 'content-type: application/json', ...lines, '', ''].join('\r\n')

afterEach(() => void vi.restoreAllMocks())

describe('a slow client', () => {
  test('that does not end its body gets 408 by the clock, and its token stays', async () => {
    const clock = manualClock(NOW)
    const { port, token } = await serve({ clock })
    const one = await token()
    const socket = open(port)
    const answered = exchangeRaw(
      socket,
      `${head([`authorization: Bearer ${one}`, 'content-length: 500'])}{"version"`,
    )
    while (clock.sleepers === 0) await new Promise((resolve) => setImmediate(resolve))
    clock.advance('30s')
    expect(await answered).toMatch(/^HTTP\/1\.1 408 /)
    await enrollAt(port, one)
  })

  test.each<[string, string]>([
    ['says nothing', ''],
    ['does not end its header', 'POST /enrollment/v1/enroll HTTP/1.1\r\nx: '],
  ])('that %s is cut off', async (_, text) => {
    const { port } = await serve({ connectionLimits: { headerTimeout: '1s' } })
    const socket = open(port)
    await once(socket, 'secureConnect')
    expect(await exchangeRaw(socket, text)).not.toMatch(/ 200 /)
  })

  test('that does not begin its handshake is cut off, and told of', async () => {
    const { port, failures } = await serve({ connectionLimits: { headerTimeout: '1s' } })
    const socket = connectTcp(port, host)
    onTestFinished(() => void socket.destroy())
    await closed(socket.resume())
    expect(failures.length).toBe(1)
  })

  test('that has more connections than there may be', async () => {
    const { port } = await serve({ connectionLimits: { connections: 1 } })
    const first = open(port)
    await once(first, 'secureConnect')
    const second = open(port)
    await closed(second)
    expect(first.destroyed).toBe(false)
  })
})

describe('hostile input', () => {
  test('a body over the limit, said beforehand or in chunks', async () => {
    const { port, token, events } = await serve()
    const one = await token()
    const auth = `authorization: Bearer ${one}`
    expect(await exchangeRaw(open(port), head([auth, 'content-length: 40000']))).toMatch(/^HTTP\/1\.1 413 /)
    const chunk = `8000\r\n${'x'.repeat(0x8000)}\r\n`
    await exchangeRaw(open(port), head([auth, 'transfer-encoding: chunked']) + chunk + chunk)
    expect(events.map(({ status }) => status)).toEqual([413, 413])
    await enrollAt(port, one)
  })

  test.each<[string, string, RegExp]>([
    ['headers over the limit', head([`x: ${'x'.repeat(9000)}`]), /^(?:$|HTTP\/1\.1 431)/],
    ['two lengths', head(['content-length: 1', 'content-length: 2']), /^(?:$|HTTP\/1\.1 400)/],
    ['length and chunks', head(['content-length: 1', 'transfer-encoding: chunked']), /^(?:$|HTTP\/1\.1 400)/],
    ['no HTTP', 'GET\r\n\r\n\r\n', /^(?:$|HTTP\/1\.1 400)/],
    ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', /^(?:$|HTTP\/1\.1 4|HTTP\/1\.1 505)/],
    ['another path', head(['content-length: 0'], '//enrollment/v1/enroll'), /^HTTP\/1\.1 404 /],
    ['a path with dots', head(['content-length: 0'], '/x/../enrollment/v1/enroll'), /^HTTP\/1\.1 404 /],
    [
      'a whole URL',
      head(['content-length: 0'], 'https://evil.example/enrollment/v1/renew'),
      /^HTTP\/1\.1 403 /,
    ],
    ['an upgrade', head(['connection: upgrade', 'upgrade: h2c', 'content-length: 0']), /^HTTP\/1\.1 401 /],
  ])('%s', async (_, text, expected) => {
    const { port, token } = await serve()
    expect(await exchangeRaw(open(port), text)).toMatch(expected)
    await enrollAt(port, await token())
  })

  test('garbage in TLS and in the clear ends no server', async () => {
    const { port, token } = await serve({ limits: { perClient: { requests: 1000, per: '1s' } } })
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ minLength: 1, maxLength: 200 }),
        fc.boolean(),
        async (bytes, clear) => {
          const socket = clear ? connectTcp(port, host) : open(port)
          const done = exchangeRaw(socket, bytes)
          socket.end()
          expect(await done).not.toMatch(/ 200 /)
        },
      ),
      { numRuns: 40 },
    )
    await enrollAt(port, await token())
  })

  test('a client that is gone before its answer ends no server', async () => {
    const { port, token } = await serve()
    const body = bodyOf(await requestFor())
    for (let i = 0; i < 5; i++) {
      const socket = open(port)
      socket.on('error', () => {})
      await once(socket, 'secureConnect')
      socket.write(
        head([`authorization: Bearer ${await token()}`, `content-length: ${body.length}`]) + body,
        () => socket.destroy(),
      )
      await closed(socket)
    }
    await enrollAt(port, await token())
  })

  test('a client that is gone before there is a certificate loses no token', async () => {
    const entered = deferred<void>()
    const aborted = deferred<void>()
    const told = deferred<string>()
    const sound = issuerOf().issue
    let first = true
    const { port, token } = await serve({
      issue: async (csr, context) => {
        if (!first) return sound(csr, context)
        first = false
        context.signal.addEventListener('abort', () => aborted.resolve())
        entered.resolve()
        await aborted.promise
        return sound(csr, context)
      },
      onEvent: ({ type, reason }) => told.resolve(`${type}: ${reason}`),
    })
    const one = await token()
    const body = bodyOf(await requestFor())
    const socket = open(port)
    socket.on('error', () => {})
    socket.write(head([`authorization: Bearer ${one}`, `content-length: ${body.length}`]) + body)
    await entered.promise
    socket.destroy()
    expect(await told.promise).toBe('refused: the client was gone before there was an answer')
    await enrollAt(port, one)
    expect((await refusalOfAsync(enrollAt(port, one))).data['status']).toBe(401)
  })

  test('one connection carries one request', async () => {
    const { port, events } = await serve()
    const request = head(['content-length: 0'])
    const answered = await exchangeRaw(open(port), request + request)
    expect(answered.match(/HTTP\/1\.1 401 /g)?.length).toBe(1)
    expect(events.length).toBe(1)
  })

  test('the call that never frees what a peer sent is not made', async () => {
    const leaking = vi.spyOn(TLSSocket.prototype, 'getPeerX509Certificate')
    const { port, token } = await serve()
    await enrollAt(port, await token())
    expect(leaking).not.toHaveBeenCalled()
  })
})

test('a session is not resumed: it would show no certificate', async () => {
  const { port } = await serve()
  const credentials = credentialsOf(clientOf(), signing)
  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    const first = open(port, { ...credentials, maxVersion })
    let session: Buffer | undefined
    first.on('session', (ticket: Buffer) => {
      session = ticket
    })
    await exchangeRaw(first, head(['content-length: 0']))
    const second = open(port, { ...credentials, maxVersion, session })
    await once(second, 'secureConnect')
    expect(second.isSessionReused()).toBe(false)
  }
})

test('a client certificate counts under TLS 1.2 as under 1.3', async () => {
  const body = bodyOf(await requestFor())
  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    const { port, events } = await serve()
    const socket = open(port, { ...credentialsOf(clientOf(), signing), maxVersion })
    const answered = await exchangeRaw(
      socket,
      head([`content-length: ${body.length}`], '/enrollment/v1/renew') + body,
    )
    expect(answered).toMatch(/^HTTP\/1\.1 200 /)
    expect(events).toMatchObject([{ type: 'issued', operation: 'renew', name: CLUSTER }])
  }
})

test('TLS below 1.2 is refused', async () => {
  const { port, failures } = await serve()
  const socket = open(port, { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' })
  await closed(socket)
  expect(socket.getProtocol()).not.toBe('TLSv1.1')
  expect(failures.length).toBe(1)
})

test('the rate of one client is limited over TLS too', async () => {
  const { port, clock } = await serve({ limits: { perClient: { requests: 2, per: '1m' } } })
  const refusals = []
  for (let i = 0; i < 3; i++) refusals.push(await refusalOfAsync(enrollAt(port, 'mpe_wrong')))
  expect(refusals.map(({ data }) => data['status'])).toEqual([401, 401, 429])
  expect(refusals[2]?.data).toEqual({ status: 429, code: 'rate-limited', retryAfterSeconds: 30 })
  ;(clock as ReturnType<typeof manualClock>).advance('30s')
  expect((await refusalOfAsync(enrollAt(port, 'mpe_wrong', { name: CLUSTER }))).data['status']).toBe(401)
})
