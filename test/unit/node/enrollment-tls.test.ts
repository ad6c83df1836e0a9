import { describe, expect, test } from 'vitest'
import {
  createTokenStore,
  enroll,
  importEnrollmentToken,
  type RenewEnrollmentOptions,
  renewEnrollment,
} from '../../../src/ca/index.ts'
import { enrollmentDialer } from '../../../src/node/index.ts'
import { manualClock } from '../../../src/testing/index.ts'
import { type Certificate, exportPrivateKey } from '../../../src/x509/index.ts'
import { refusalOfAsync } from '../../fixtures/x509/refusal.ts'
import {
  CLUSTER,
  clientOf,
  credentialsOf,
  databaseRecords,
  issuerOf,
  otherRoot,
  otherSigning,
  root,
  SERVER,
  serverOf,
  signing,
} from '../ca/enrollment/support.ts'
import { basicConstraints, CLIENT_AUTH, dns, eku, forge, NOW, san } from '../verify/forge.ts'
import { readCrl } from '../verify/forge-crl.ts'
import { enrollAt, interceptor, plainServer, serve, serverCredentials, urlOf } from './enrollment-support.ts'
import { deferred } from './support.ts'

const renewAt = (
  port: number,
  certificate: Certificate,
  credentials: { readonly cert: string; readonly key: string } | undefined,
  options: Partial<RenewEnrollmentOptions> = {},
) =>
  renewEnrollment({
    url: urlOf(port),
    dial: enrollmentDialer({ credentials }),
    anchors: root.certificate,
    serverName: SERVER,
    clock: manualClock(NOW),
    certificate,
    ...options,
  })

describe('from a token to the next certificate', () => {
  test.each(['P-256', 'Ed25519', 'RSA-2048'] as const)('with a key of %s', async (key) => {
    const { port, token, events } = await serve()
    const first = await enrollAt(port, await token({ name: CLUSTER }), { key, extractable: true })
    if (first.privateKey === undefined) throw new Error('the key was made here')
    const credentials = {
      cert: first.chain.map(String).join(''),
      key: await exportPrivateKey(first.privateKey, { format: 'pkcs8' }),
    }
    const next = await renewAt(port, first.certificate, credentials, { key })
    expect(next.certificate.subjectAltNames).toEqual([{ type: 'dns', value: CLUSTER }])
    expect(next.certificate.publicKey).not.toEqual(first.certificate.publicKey)
    expect(next.chain.length).toBe(2)
    expect(events.map(({ type, operation, name, client }) => [type, operation, name, client])).toEqual([
      ['issued', 'enroll', CLUSTER, '127.0.0.1'],
      ['issued', 'renew', CLUSTER, '127.0.0.1'],
    ])
  })

  test('a shared secret, as Gloo has it, serves all clusters', async () => {
    const { port, tokens } = await serve()
    const token = 'q7Zr9Lk2Vx0Ps4Tn8Wb6Yc1Md3Hf5Jg0'
    await importEnrollmentToken({ store: tokens, token, expiresIn: 'never', uses: 'unlimited' })
    for (const name of ['cluster-1', 'cluster-2', 'cluster-1'])
      expect((await enrollAt(port, token, { name })).certificate.subjectAltNames).toEqual([
        { type: 'dns', value: name },
      ])
  })

  test('the server takes another certificate while it runs, and the old names stay reserved', async () => {
    const { port, token, setCredentials } = await serve()
    setCredentials(credentialsOf(serverOf('relay-2.gloo-mesh.example')))
    expect((await refusalOfAsync(enrollAt(port, await token()))).code).toBe('ERR_ENROLLMENT_SERVER')
    await enrollAt(port, await token(), { serverName: 'relay-2.gloo-mesh.example' })
    for (const name of [SERVER, 'relay-2.gloo-mesh.example']) {
      const posing = enrollAt(port, await token(), { serverName: 'relay-2.gloo-mesh.example', name })
      expect((await refusalOfAsync(posing)).data).toMatchObject({ status: 403, code: 'name' })
    }
  })
})

describe('a token that does not count', () => {
  test('is refused alike, whatever is wrong with it', async () => {
    const { port, token, clock, events } = await serve()
    const expired = await token({ expiresIn: '1m' })
    if ('advance' in clock && typeof clock.advance === 'function') clock.advance('1m')
    const used = await token()
    await enrollAt(port, used)
    const elsewhere = await token({ name: 'cluster-2' })
    const good = await token()
    const messages = new Set<string>()
    for (const wrong of ['mpe_wrong', expired, used, elsewhere, good.slice(0, -1), good.toLowerCase()]) {
      const refusal = await refusalOfAsync(enrollAt(port, wrong))
      expect([refusal.code, refusal.data['status']]).toEqual(['ERR_ENROLLMENT_REFUSED', 401])
      messages.add(refusal.message)
    }
    expect(messages.size).toBe(1)
    expect(new Set(events.map(({ reason }) => reason)).size).toBe(5)
    await enrollAt(port, good)
  })

  test('two replicas and a restart: a one-shot token gives one certificate', async () => {
    const clock = manualClock(NOW)
    const records = databaseRecords()
    const replica = () => serve({ clock, tokens: createTokenStore({ records, clock }) })
    const [one, two] = [await replica(), await replica()]
    const token = await one.token()
    const outcomes = await Promise.allSettled([
      enrollAt(one.port, token),
      enrollAt(two.port, token),
      enrollAt(one.port, token),
      enrollAt(two.port, token),
    ])
    expect(outcomes.filter(({ status }) => status === 'fulfilled').length).toBe(1)
    const restarted = await replica()
    expect((await refusalOfAsync(enrollAt(restarted.port, token))).data).toMatchObject({ status: 401 })
  })

  test('a signer that fails in the middle loses none', async () => {
    const sound = issuerOf().issue
    let calls = 0
    const { port, token } = await serve({
      issue: (csr, context) => {
        if (++calls === 1) throw new Error('kms: connection reset')
        return sound(csr, context)
      },
    })
    const one = await token()
    expect((await refusalOfAsync(enrollAt(port, one))).data).toEqual({
      status: 503,
      code: 'unavailable',
      retryAfterSeconds: 5,
    })
    await enrollAt(port, one)
    expect((await refusalOfAsync(enrollAt(port, one))).data).toMatchObject({ status: 401 })
  })
})

describe('nobody in between sees the token', () => {
  test.each<[string, { readonly cert: string; readonly key: string }]>([
    ['a root of its own', credentialsOf(serverOf(SERVER, {}, otherRoot), otherRoot)],
    ['a name of its own', credentialsOf(serverOf('evil.example'))],
    ['an expired certificate', credentialsOf(serverOf(SERVER, { notAfter: '2026-05-31T00:00:00Z' }))],
    ["a cluster's certificate", credentialsOf(clientOf(), signing)],
    [
      'a certificate for clients',
      credentialsOf(
        serverOf(SERVER, { extensions: [basicConstraints(false), eku(CLIENT_AUTH), san([dns(SERVER)])] }),
      ),
    ],
    [
      'a certificate that it made itself',
      credentialsOf(forge({ subject: SERVER, extensions: [san([dns(SERVER)])] })),
    ],
  ])('with %s', async (_, credentials) => {
    const { port, bytes, gone } = await interceptor(credentials)
    const token = 'mpe_thisIsTheTokenThatNobodyMaySee0123456789'
    const refusal = await refusalOfAsync(enrollAt(port, token))
    expect(refusal.code).toBe('ERR_ENROLLMENT_SERVER')
    await gone
    // Not a byte: neither the token nor the request.
    expect(bytes().length).toBe(0)
  })

  test('and the same interceptor would have read it from the right server, so that the test can fail', async () => {
    const { port, bytes } = await interceptor(serverCredentials, (socket) => void socket.end())
    const token = 'mpe_thisIsTheTokenThatNobodyMaySee0123456789'
    expect((await refusalOfAsync(enrollAt(port, token))).code).toBe('ERR_ENROLLMENT_TRANSPORT')
    expect(bytes().toString()).toContain(token)
  })

  test('a server without TLS', async () => {
    const { port, bytes } = await plainServer((socket) =>
      socket.end('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}'),
    )
    const token = 'mpe_thisIsTheTokenThatNobodyMaySee0123456789'
    expect((await refusalOfAsync(enrollAt(port, token))).code).toBe('ERR_ENROLLMENT_TRANSPORT')
    expect(bytes().length).toBeGreaterThan(0)
    expect(bytes().toString('latin1')).not.toContain(token)
    expect((await refusalOfAsync(enrollAt(port, token, { url: `http://127.0.0.1:${port}/v1` }))).code).toBe(
      'ERR_ENROLLMENT_URL',
    )
  })

  test('a renewal shows nothing of the request either', async () => {
    const current = clientOf()
    const { port, bytes, gone } = await interceptor(credentialsOf(serverOf(SERVER, {}, otherRoot)))
    const renewing = renewAt(port, current.certificate, credentialsOf(current))
    expect((await refusalOfAsync(renewing)).code).toBe('ERR_ENROLLMENT_SERVER')
    await gone
    expect(bytes().length).toBe(0)
  })
})

describe('renewal over TLS', () => {
  const current = clientOf()
  const self = forge({
    subject: 'self',
    extensions: [basicConstraints(false), eku(CLIENT_AUTH), san([dns(CLUSTER)])],
  })
  // The client's own certificate in `certificate` is sound: what is presented is what counts.
  test.each<[string, { readonly cert: string; readonly key: string } | undefined]>([
    ['no certificate', undefined],
    ['an expired one', credentialsOf(clientOf(CLUSTER, { notAfter: '2026-05-31T00:00:00Z' }), signing)],
    ['one of another CA', credentialsOf(clientOf(CLUSTER, {}, otherSigning), otherSigning)],
    ['one of the root', credentialsOf(clientOf(CLUSTER, {}, root))],
    ['one that it made itself', credentialsOf(self)],
    ["the server's", serverCredentials],
  ])('is refused to a client with %s', async (_, credentials) => {
    const { port, events } = await serve()
    const refusal = await refusalOfAsync(renewAt(port, current.certificate, credentials))
    expect(refusal.data).toMatchObject({ status: 403, code: 'certificate' })
    expect(events).toMatchObject([{ type: 'refused', operation: 'renew' }])
  })

  test('is refused to a client that presents the certificate of one cluster and asks for another', async () => {
    const { port } = await serve()
    const other = clientOf('cluster-2')
    const refusal = await refusalOfAsync(renewAt(port, other.certificate, credentialsOf(current, signing)))
    expect(refusal.data).toMatchObject({ status: 403, code: 'name' })
  })

  test('is refused to a revoked client, and not to its neighbour', async () => {
    const neighbour = clientOf('cluster-2')
    const { port } = await serve({ revocation: { crls: readCrl({ issuer: signing, revoked: [current] }) } })
    const refusal = await refusalOfAsync(renewAt(port, current.certificate, credentialsOf(current, signing)))
    expect(refusal.data).toMatchObject({ status: 403, code: 'certificate' })
    await renewAt(port, neighbour.certificate, credentialsOf(neighbour, signing))
  })
})

describe('a server that answers wrongly', () => {
  const respond = (head: string, body = '') =>
    `HTTP/1.1 ${head}\r\ncontent-length: ${body.length}\r\n\r\n${body}`
  test.each<[string, string, string, RegExp]>([
    ['a redirect', respond('307 Temporary Redirect\r\nlocation: https://127.0.0.1/'), 'RESPONSE', /redirect/],
    [
      'a protocol switch',
      'HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n',
      'TRANSPORT',
      /without an answer/,
    ],
    ['no HTTP', 'SSH-2.0-OpenSSH_9.6\r\n', 'TRANSPORT', /Parse Error/],
    ['HTML', respond('200 OK\r\ncontent-type: text/html', '<html>'), 'RESPONSE', /content type/],
    [
      'a huge body',
      `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n${'x'.repeat(300_000)}`,
      'RESPONSE',
      /more than 262144/,
    ],
    ['huge headers', `HTTP/1.1 200 OK\r\nx: ${'x'.repeat(100_000)}\r\n\r\n`, 'TRANSPORT', /overflow/i],
    [
      'half a body',
      'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{',
      'TRANSPORT',
      /aborted/,
    ],
  ])('%s', async (_, text, code, message) => {
    const { port } = await interceptor(serverCredentials, (socket) => {
      socket.write(text)
      socket.end()
    })
    const refusal = await refusalOfAsync(enrollAt(port, 'mpe_token'))
    expect(refusal.code).toBe(`ERR_ENROLLMENT_${code}`)
    expect(refusal.message).toMatch(message)
  })

  test('not at all: the time-out ends it, and the connection', async () => {
    const clock = manualClock(NOW)
    const asked = deferred<void>()
    const gone = deferred<void>()
    const { port } = await interceptor(serverCredentials, (socket) => {
      socket.on('close', () => gone.resolve())
      asked.resolve()
    })
    const pending = refusalOfAsync(enrollAt(port, 'mpe_token', { clock }))
    await asked.promise
    clock.advance('30s')
    expect((await pending).code).toBe('ERR_ENROLLMENT_TIMEOUT')
    await gone.promise
  })

  test('a handshake that never ends', async () => {
    const clock = manualClock(NOW)
    const asked = deferred<void>()
    const { port } = await plainServer(() => asked.resolve())
    const pending = refusalOfAsync(enrollAt(port, 'mpe_token', { clock }))
    await asked.promise
    clock.advance('30s')
    expect((await pending).code).toBe('ERR_ENROLLMENT_TIMEOUT')
  })

  test('nobody listens', async () => {
    const { port, server } = await serve()
    await new Promise((resolve) => server.close(resolve))
    expect((await refusalOfAsync(enrollAt(port, 'mpe_token'))).code).toBe('ERR_ENROLLMENT_TRANSPORT')
  })
})

test('misuse of the dialer and of the server is refused at once', async () => {
  expect(() => enrollmentDialer({ ca: 'x' } as never)).toThrow(/"ca"/)
  expect(() => enrollmentDialer({ credentials: { cert: serverCredentials.cert, key: 'x' } })).toThrow(
    /credentials/,
  )
  for (const [credentials, found] of [
    [undefined, 'undefined'],
    [null, 'null'],
    ['cert', 'string'],
  ])
    await expect(serve({ credentials: credentials as never })).rejects.toThrow(
      new TypeError(`option "credentials" must be an object with "cert" and "key"; got ${found}`),
    )
  expect(() => enrollmentDialer({ credentials: null as never })).toThrow(
    new TypeError('option "credentials" must be an object with "cert" and "key"; got null'),
  )
  await expect(serve({ reservedNames: 'a.example' as never })).rejects.toThrow(
    /must be an array of DNS names/,
  )
  await expect(serve({ reservedNames: ['a..example'] })).rejects.toThrow(
    /"reservedNames" must hold DNS names/,
  )
  await expect(serve({ connectionLimits: { headerTimeout: '2m' } })).rejects.toThrow(/requestTimeout/)
  await expect(serve({ rejectUnauthorized: false } as never)).rejects.toThrow(/"rejectUnauthorized"/)
  await expect(
    enroll({ url: 'https://a/', dial: enrollmentDialer(), anchors: '', token: 'a', name: 'a' }),
  ).rejects.toThrow()
})
