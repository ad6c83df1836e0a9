import { rmSync, writeFileSync } from 'node:fs'
import { get, type ServerOptions } from 'node:https'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type KubeHttpsOptions, kubeHttpsTransport } from '../../../../src/kubernetes/in-cluster/index.ts'
import { manualClock } from '../../../../src/testing/index.ts'
import { withTemporaryFolder } from '../../../support/openssl.ts'
import {
  type Authority,
  type Credentials,
  type Handler,
  type Listener,
  listen,
  makeAuthority,
  soon,
} from './support.ts'

const LOOPBACK = [{ type: 'ip', value: '127.0.0.1' }] as const
const PATH = '/api/v1/namespaces/a/configmaps'

let authority: Authority
let loopback: Credentials
const closing: (() => unknown)[] = []

beforeAll(async () => {
  authority = await makeAuthority()
  loopback = await authority.issue(LOOPBACK)
})
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

async function served(handler: Handler, server: ServerOptions = loopback): Promise<Listener> {
  const listener = await listen(server, handler)
  closing.push(() => listener.stop())
  return listener
}

function transportTo(
  listener: { readonly url: string },
  options: Partial<KubeHttpsOptions> = { token: 'a-token' },
) {
  const { ca = authority.caPem } = options
  const transport = kubeHttpsTransport({ server: listener.url, ca, ...options })
  closing.push(() => transport.close())
  return transport
}

const json =
  (body: unknown, status = 200): Handler =>
  (_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json' })
    response.end(JSON.stringify(body))
  }

const failureOf = (call: Promise<unknown>): Promise<Error> =>
  call.then(
    () => Promise.reject(new Error('it did not fail')),
    (error: unknown) => (error instanceof Error ? error : new Error(String(error))),
  )

describe('a request', () => {
  test('goes as it should', async () => {
    const seen: unknown[] = []
    const listener = await served((request, response, body) => {
      const { method, url, headers } = request
      seen.push({ method, url, body, type: headers['content-type'], token: headers.authorization })
      json({ ok: 'ä€😀' }, 201)(request, response, body)
    })
    const query = { fieldManager: 'a b&c', force: true, limit: 5, none: undefined }
    const request = { method: 'PATCH', path: PATH, query, body: { ä: '€' }, signal: soon() } as const
    const contentType = 'application/merge-patch+json'
    const answer = await transportTo(listener).request({ ...request, contentType })
    expect(answer).toMatchObject({ status: 201, body: { ok: 'ä€😀' } })
    expect(answer.headers['content-type']).toBe('application/json')
    expect(seen).toEqual([
      {
        method: 'PATCH',
        url: `${PATH}?fieldManager=a+b%26c&force=true&limit=5`,
        body: '{"ä":"€"}',
        type: contentType,
        token: 'Bearer a-token',
      },
    ])
  })

  test('keeps what stands before the API’s path', async () => {
    const listener = await served((request, response) => response.end(request.url))
    const transport = transportTo({ url: `${listener.url}/clusters/east/` })
    expect((await transport.request({ method: 'GET', path: '/api/v1', signal: soon() })).body).toBe(
      '/clusters/east/api/v1',
    )
  })

  test('takes text that is no JSON as text', async () => {
    const listener = await served((_request, response) => response.end('404 page not found'))
    const { body } = await transportTo(listener).request({ method: 'GET', path: PATH, signal: soon() })
    expect(body).toBe('404 page not found')
  })

  test('uses its connection again', async () => {
    const listener = await served(json({}))
    const transport = transportTo(listener)
    for (let i = 0; i < 3; i++) await transport.request({ method: 'GET', path: PATH, signal: soon() })
    expect(listener.connections).toBe(1)
  })

  test('does not follow where it is sent', async () => {
    let count = 0
    const listener = await served((_request, response) => {
      count++
      response.writeHead(302, { location: 'https://elsewhere.example/' })
      response.end()
    })
    expect((await transportTo(listener).request({ method: 'GET', path: PATH, signal: soon() })).status).toBe(
      302,
    )
    expect(count).toBe(1)
  })

  test('ends with its signal, before and while it runs', async () => {
    const listener = await served(() => {})
    const stop = new AbortController()
    const call = transportTo(listener).request({ method: 'GET', path: PATH, signal: stop.signal })
    setTimeout(() => stop.abort(new Error('enough')), 30)
    expect((await failureOf(call)).message).toBe('enough')
    const late = transportTo(listener).request({ method: 'GET', path: PATH, signal: stop.signal })
    expect((await failureOf(late)).message).toBe('enough')
  })

  test('ends with its signal while the answer comes', async () => {
    const listener = await served((_request, response) => {
      response.write('{')
    })
    const stop = new AbortController()
    const call = transportTo(listener).request({ method: 'GET', path: PATH, signal: stop.signal })
    setTimeout(() => stop.abort(new Error('enough')), 50)
    expect((await failureOf(call)).message).toBe('enough')
  })

  test('gives up an answer that does not end', async () => {
    const listener = await served((_request, response) => {
      const chunk = Buffer.alloc(4 << 20, 'x')
      const more = (): void => {
        while (!response.destroyed && response.write(chunk));
      }
      response.on('drain', more)
      more()
    })
    const call = transportTo(listener).request({ method: 'GET', path: PATH, signal: soon() })
    expect(await failureOf(call)).toMatchObject({ code: 'ERR_KUBERNETES_ANSWER' })
  })

  test('rejects where the connection breaks', async () => {
    const listener = await served((request) => request.socket.destroy())
    const call = transportTo(listener).request({ method: 'GET', path: PATH, signal: soon() })
    expect(await failureOf(call)).toMatchObject({ code: 'ECONNRESET' })
  })
})

describe('the server', () => {
  test('must have a certificate of the CA', async () => {
    const other = await makeAuthority()
    const listener = await served(json({}), await other.issue(LOOPBACK))
    const call = transportTo(listener).request({ method: 'GET', path: PATH, signal: soon() })
    expect(await failureOf(call)).toHaveProperty('code', expect.stringMatching(/CERT|SIGNATURE/))
  })

  test('must have it for the address that is asked', async () => {
    const listener = await served(json({}), await authority.issue([{ type: 'ip', value: '127.0.0.2' }]))
    const call = transportTo(listener).request({ method: 'GET', path: PATH, signal: soon() })
    expect(await failureOf(call)).toMatchObject({ code: 'ERR_TLS_CERT_ALTNAME_INVALID' })
  })

  test('must speak TLS 1.2 at least', async () => {
    const old = {
      ...loopback,
      minVersion: 'TLSv1',
      maxVersion: 'TLSv1.1',
      ciphers: 'DEFAULT@SECLEVEL=0',
    } as const
    const listener = await served(json({}), old)
    const call = transportTo(listener).request({ method: 'GET', path: PATH, signal: soon() })
    expect(await failureOf(call)).toMatchObject({ code: 'EPROTO' })
    // It is there, for who takes less.
    const status = await new Promise((resolve, reject) => {
      const less = { ca: authority.caPem, minVersion: 'TLSv1', ciphers: 'DEFAULT@SECLEVEL=0' } as const
      get(listener.url, less, (response) => resolve(response.resume().statusCode)).on('error', reject)
    })
    expect(status).toBe(200)
  })

  test('is verified though the environment says otherwise', async () => {
    const other = await makeAuthority()
    const listener = await served(json({}), await other.issue(LOOPBACK))
    const before = process.env['NODE_TLS_REJECT_UNAUTHORIZED']
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0'
    try {
      const call = transportTo(listener).request({ method: 'GET', path: PATH, signal: soon() })
      expect(await failureOf(call)).toHaveProperty('code', expect.stringMatching(/CERT|SIGNATURE/))
    } finally {
      if (before === undefined) delete process.env['NODE_TLS_REJECT_UNAUTHORIZED']
      else process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = before
    }
  })

  test('can be at an IPv6 address', async () => {
    const listener = await listen(
      await authority.issue([{ type: 'ip', value: '::1' }]),
      json({ ok: true }),
      '::1',
    ).catch(() => undefined)
    // A machine without IPv6 has nothing to listen on.
    if (listener === undefined) return
    closing.push(() => listener.stop())
    const answer = await transportTo(listener).request({ method: 'GET', path: PATH, signal: soon() })
    expect(answer.body).toEqual({ ok: true })
  })
})

describe('credentials', () => {
  test('a client certificate', async () => {
    const client = await authority.issue([{ type: 'dns', value: 'client.test' }], 'gloo-relay-client')
    const listener = await served(
      (request, response) => response.end(JSON.stringify(Reflect.get(request.socket, 'authorized'))),
      { ...loopback, ca: authority.caPem, requestCert: true, rejectUnauthorized: false },
    )
    const own = { clientCertificate: client.cert, clientKey: client.key }
    const ask = async (options: Partial<KubeHttpsOptions>) =>
      (await transportTo(listener, options).request({ method: 'GET', path: PATH, signal: soon() })).body
    expect([await ask({ token: 'x' }), await ask(own)]).toEqual([false, true])
  })

  test('a token’s file is read once a minute, and at once after a 401', () =>
    withTemporaryFolder(async (folder) => {
      const clock = manualClock()
      const tokenFile = join(folder, 'token')
      const put = (token: string) => writeFileSync(tokenFile, `${token}\n`)
      let good = 'first'
      const seen: (string | undefined)[] = []
      const listener = await served((request, response, body) => {
        seen.push(request.headers.authorization)
        json({ body }, request.headers.authorization === `Bearer ${good}` ? 200 : 401)(
          request,
          response,
          body,
        )
      })
      const transport = transportTo(listener, { tokenFile, clock })
      const ask = async () => {
        const request = { method: 'POST', path: PATH, body: { a: 1 }, signal: soon() } as const
        const { status, body } = await transport.request(request)
        return [status, Object(body).body]
      }
      put('first')
      expect(await ask()).toEqual([200, '{"a":1}'])
      put('second')
      clock.advance('59s')
      expect(await ask()).toEqual([200, '{"a":1}'])
      good = 'second'
      // The old one is refused, the new one taken: nothing was done in between.
      expect(await ask()).toEqual([200, '{"a":1}'])
      good = 'third'
      expect(await ask()).toEqual([401, '{"a":1}'])
      put('third')
      clock.advance('61s')
      expect(await ask()).toEqual([200, '{"a":1}'])
      expect(seen.map((token) => token?.slice(7))).toEqual([
        'first',
        'first',
        'first',
        'second',
        'second',
        'third',
      ])
    }))

  test('what was read before counts while the file is away', () =>
    withTemporaryFolder(async (folder) => {
      const clock = manualClock()
      const tokenFile = join(folder, 'token')
      const listener = await served(json({ ok: true }))
      const transport = transportTo(listener, { tokenFile, clock })
      const ask = () => transport.request({ method: 'GET', path: PATH, signal: soon() })
      expect(await failureOf(ask())).toMatchObject({ code: 'ERR_KUBERNETES_UNAUTHORIZED' })
      writeFileSync(tokenFile, 'a')
      expect((await ask()).status).toBe(200)
      rmSync(tokenFile)
      clock.advance('2m')
      expect((await ask()).status).toBe(200)
    }))

  test('a file with CAs that changes is taken up', () =>
    withTemporaryFolder(async (folder) => {
      const clock = manualClock()
      const caFile = join(folder, 'ca.crt')
      const listener = await served(json({ ok: true }))
      writeFileSync(caFile, (await makeAuthority()).caPem)
      const transport = kubeHttpsTransport({ server: listener.url, caFile, token: 'a', clock })
      closing.push(() => transport.close())
      const ask = () => transport.request({ method: 'GET', path: PATH, signal: soon() })
      await failureOf(ask())
      writeFileSync(caFile, authority.caPem)
      clock.advance('61s')
      expect((await ask()).status).toBe(200)
    }))

  test('are in no error, and in nothing that is printed', async () => {
    const token = 'eyJhbGciOiJSUzI1NiJ9.c2VjcmV0.c2lnbmF0dXJl'
    const shown: unknown[] = []
    const transport = kubeHttpsTransport({ server: 'https://127.0.0.1:1', ca: authority.caPem, token })
    shown.push(transport, await failureOf(transport.request({ method: 'GET', path: PATH, signal: soon() })))
    const bad = kubeHttpsTransport({
      server: 'https://127.0.0.1:1',
      ca: authority.caPem,
      token: `${token}\nä`,
    })
    shown.push(await failureOf(bad.request({ method: 'GET', path: PATH, signal: soon() })))
    expect(inspect(shown, { depth: 20, showHidden: true })).not.toContain('c2VjcmV0')
  })

  const ca = 'x'
  const server = 'https://127.0.0.1:1'
  test.each<[string, Partial<KubeHttpsOptions>]>([
    ['none', { server, ca }],
    ['two kinds', { server, ca, token: 'a', tokenFile: 'b' }],
    ['a certificate without its key', { server, ca, clientCertificate: 'a' }],
    ['a key without its certificate', { server, ca, token: 'a', clientKey: 'b' }],
    ['no CA', { server, token: 'a' }],
    ['two CAs', { server, ca, caFile: 'b', token: 'a' }],
    ['an empty token', { server, ca, token: '' }],
    ['no TLS', { server: 'http://127.0.0.1:1', ca, token: 'a' }],
    ['a password in the address', { server: 'https://a:b@127.0.0.1:1', ca, token: 'a' }],
    ['no address', { server: 'x', ca, token: 'a' }],
    ['an unknown option', { server, ca, token: 'a', insecure: true } as object],
  ])('refuses %s', (_what, options) => {
    expect(() => kubeHttpsTransport(options as KubeHttpsOptions)).toThrow(TypeError)
  })
})
