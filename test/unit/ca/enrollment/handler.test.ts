import { describe, expect, test } from 'vitest'
import {
  createEnrollmentHandler,
  createEnrollmentToken,
  createTokenStore,
  type EnrollmentHandlerOptions,
  memoryTokenStore,
  type TokenStore,
} from '../../../../src/ca/index.ts'
import { createCsr } from '../../../../src/csr/index.ts'
import { manualClock } from '../../../../src/testing/index.ts'
import { type Certificate, generateKeyPair } from '../../../../src/x509/index.ts'
import { hex } from '../../../fixtures/x509/der.ts'
import {
  attribute,
  dns as csrDns,
  csrOf,
  EXTENSION_REQUEST,
  extensions,
  subjectAltName,
} from '../../csr/support.ts'
import { deferred } from '../../node/support.ts'
import { basicConstraints, dns, ext, ip, NOW, uri } from '../../verify/forge.ts'
import {
  bodyOf,
  CLUSTER,
  certify,
  chainOf,
  clientOf,
  databaseRecords,
  handlerFixture,
  issuerOf,
  leafOf,
  link,
  otherRoot,
  otherSigning,
  requestFor,
  root,
  SERVER,
  signing,
} from './support.ts'

const key = (await generateKeyPair('P-256')).privateKey
const ours = await requestFor()
const theirs = await requestFor('cluster-2')

const tokenFor = (fixture: { tokens: TokenStore; clock: { now(): Date } }, options: object = {}) =>
  createEnrollmentToken({ store: fixture.tokens, clock: fixture.clock, ...options })

describe('enroll', () => {
  test('gives a certificate for a token and a request, once', async () => {
    const fixture = handlerFixture()
    const { token, id } = await tokenFor(fixture, { name: CLUSTER })
    const csr = await requestFor()
    const { status, json, headers } = await fixture.enroll(token, bodyOf(csr, { name: CLUSTER }))
    expect(status).toBe(200)
    expect(headers.get('content-type')).toBe('application/json')
    expect(headers.get('cache-control')).toBe('no-store')
    expect(Object.keys(json)).toEqual(['version', 'name', 'certificate', 'chain', 'anchors'])
    expect([json['version'], json['name']]).toEqual([1, CLUSTER])
    expect(json['certificate']).toBe(fixture.issued[0]?.toPem())
    // Without the root: that is what anchors are for.
    expect(json['chain']).toBe(`${json['certificate']}${signing.certificate.toPem()}`)
    expect(json['anchors']).toBe(root.certificate.toPem())
    expect(fixture.events).toMatchObject([
      { type: 'issued', operation: 'enroll', status: 200, name: CLUSTER, tokenId: id, client: '192.0.2.1' },
    ])
    expect((await fixture.enroll(token, bodyOf(csr))).status).toBe(401)
    expect(fixture.issued.length).toBe(1)
  })

  test('sends what links the new root to the old one, which the client has alone', async () => {
    const fixture = handlerFixture({
      clientAnchors: root.certificate,
      issue: async ({ csr }) => {
        const certificate = certify(csr.publicKey, { issuer: otherSigning }, [dns(CLUSTER)])
        const above = [otherSigning, otherRoot, link, root].map((one) => one.certificate)
        return { certificate, chain: [certificate, ...above] }
      },
    })
    const { token } = await tokenFor(fixture)
    const { status, json } = await fixture.enroll(token, bodyOf(await requestFor()))
    expect(status).toBe(200)
    expect(json['chain']).toBe(
      `${json['certificate']}${otherSigning.certificate.toPem()}${link.certificate.toPem()}`,
    )
  })

  test.each<[string, (csr: Awaited<ReturnType<typeof requestFor>>) => string | Uint8Array]>([
    ['DER', (csr) => csr.der],
    ['PEM', (csr) => csr.toPem()],
  ])('takes a bare CSR in %s', async (_, body) => {
    const fixture = handlerFixture()
    const { token } = await tokenFor(fixture)
    const headers = { 'content-type': 'application/pkcs10' }
    expect((await fixture.enroll(token, body(await requestFor()), { headers })).status).toBe(200)
  })

  test('a token of many uses serves as many clusters, and no more', async () => {
    const fixture = handlerFixture()
    const { token } = await tokenFor(fixture, { uses: 2 })
    const statuses: number[] = []
    for (const name of ['a', 'b', 'c'])
      statuses.push((await fixture.enroll(token, bodyOf(await requestFor(name)))).status)
    expect(statuses).toEqual([200, 200, 401])
  })

  test('every token that does not count gets the same answer, and only the server learns why', async () => {
    const fixture = handlerFixture()
    const expired = await tokenFor(fixture, { expiresIn: '1m' })
    const used = await tokenFor(fixture)
    await fixture.enroll(used.token, bodyOf(await requestFor()))
    const elsewhere = await tokenFor(fixture, { name: 'cluster-2' })
    const good = await tokenFor(fixture)
    fixture.clock.advance('1m')
    fixture.events.length = 0
    const body = bodyOf(await requestFor())
    const tried = [
      undefined,
      'mpe_wrong',
      expired.token,
      used.token,
      elsewhere.token,
      good.token.slice(0, -1),
      '!',
    ]
    const answers = []
    for (const token of tried) answers.push(await fixture.enroll(token, body))
    for (const { status, json, headers } of answers) {
      expect(status).toBe(401)
      expect(json).toEqual({ code: 'unauthorized', message: 'the enrollment token is not accepted' })
      expect(headers.get('www-authenticate')).toBe('Bearer')
    }
    expect(fixture.events.map(({ type, reason }) => `${type}: ${reason}`)).toEqual([
      'refused: the request has no token',
      'refused: the store has no such token',
      'refused: the token has expired',
      'refused: the token was used as often as it may be',
      'refused: the token is bound to another cluster',
      'refused: the store has no such token',
      'refused: the header "authorization" has no bearer token (RFC 6750 §2.1)',
    ])
    const told = JSON.stringify(fixture.events)
    for (const { token, hash } of [expired, used, elsewhere, good]) {
      expect(told).not.toContain(token)
      expect(told).not.toContain(hash)
    }
    // The one that was cut off still counts whole.
    expect((await fixture.enroll(good.token, body)).status).toBe(200)
  })

  test.each<[string, string, number, string]>([
    ['Basic dXNlcjpwYXNz', 'another scheme', 401, 'unauthorized'],
    [`Bearer ${'a'.repeat(513)}`, 'too long', 401, 'unauthorized'],
    ['Bearer a b', 'two of them', 401, 'unauthorized'],
  ])('authorization %.20s (%s) is none', async (authorization, _, status, code) => {
    const fixture = handlerFixture()
    const answer = await fixture.enroll(undefined, bodyOf(await requestFor()), { headers: { authorization } })
    expect([answer.status, answer.json['code']]).toEqual([status, code])
  })
})

describe('a request that fails for another reason takes no token', () => {
  const asks = async (...names: readonly { type: 'dns' | 'ip' | 'uri' | 'email'; value: string }[]) =>
    bodyOf((await createCsr({ key, subjectAltNames: names })).csr)
  const one = { type: 'dns', value: CLUSTER } as const
  const forged = bodyOf({
    toPem: () => pem(csrOf({ attributes: [san(CLUSTER)], signature: new Uint8Array(64) })),
  })
  const ca = attribute(
    EXTENSION_REQUEST,
    extensions(['2.5.29.17', subjectAltName(csrDns(CLUSTER))], ['2.5.29.19', hex('30030101ff')]),
  )
  const cases: readonly [string, string | Promise<string>, number, string, RegExp][] = [
    ['no JSON', '{', 400, 'malformed', /JSON at line 1/],
    ['no object', '[]', 400, 'malformed', /JSON object/],
    ['a member twice', '{"version":1,"version":1}', 400, 'malformed', /stands twice/],
    ['another version', '{"version":2,"csr":""}', 400, 'malformed', /"version": 1/],
    ['a version as text', '{"version":"1","csr":""}', 400, 'malformed', /"version": 1/],
    ['an unknown member', '{"version":1,"csr":"","token":""}', 400, 'malformed', /"token"/],
    ['no CSR', '{"version":1}', 400, 'malformed', /"csr"/],
    ['a broken CSR', '{"version":1,"csr":"x"}', 400, 'csr', /PEM block/],
    ['a name as a number', bodyOf(ours, { name: 1 }), 400, 'malformed', /"name"/],
    ['a CSR that its key did not sign', forged, 400, 'csr', /not signed by the/],
    [
      'a CSR for a CA',
      bodyOf({ toPem: () => pem(csrOf({ attributes: [ca] })) }),
      400,
      'csr',
      /CA certificate/,
    ],
    ['another name', bodyOf(ours, { name: 'cluster-2' }), 400, 'name', /both must be the same/],
    ['no name', asks(), 400, 'name', /found none/],
    ['two names', asks(one, { type: 'dns', value: 'cluster-2' }), 400, 'name', /expected one/],
    ['the same name twice', asks(one, one), 400, 'name', /expected one/],
    ['an address beside it', asks(one, { type: 'ip', value: '192.0.2.1' }), 400, 'name', /expected one/],
    ['a URI in its place', asks({ type: 'uri', value: 'spiffe://td/a' }), 400, 'name', /expected one/],
    ['an underscore', raw('cluster_1'), 400, 'name', /underscore.*RFC 1123.*hyphens/],
    ['capitals', raw('Cluster-1'), 400, 'name', /capitals/],
    ['a wildcard', raw('*.gloo-mesh'), 400, 'name', /RFC 1123/],
    ['a hyphen at its end', raw('cluster-'), 400, 'name', /RFC 1123/],
    ['a dot at its end', raw('cluster-1.'), 400, 'name', /empty label/],
    ['an IP address as a name', raw('10.0.0.1'), 400, 'name', /IP address/],
    ['a label of 64', raw('a'.repeat(64)), 400, 'name', /longer than 63/],
    ['the name of the server', raw(SERVER), 403, 'name', /pose as the server/],
  ]
  test.each(cases)('%s', async (_, body, status, code, message) => {
    const fixture = handlerFixture()
    const { token } = await tokenFor(fixture)
    const answer = await fixture.enroll(token, await body)
    expect([answer.status, answer.json['code']]).toEqual([status, code])
    expect(answer.json['message']).toMatch(message)
    expect(fixture.issued.length).toBe(0)
    expect((await fixture.enroll(token, bodyOf(await requestFor()))).status).toBe(200)
  })

  test.each<[string, Parameters<ReturnType<typeof handlerFixture>['enroll']>[2], number, string]>([
    ['another path', { path: '/enrollment/v1/enrol' }, 404, 'not-found'],
    ['another version', { path: '/enrollment/v2/enroll' }, 404, 'not-found'],
    ['another method', { method: 'PUT' }, 405, 'method'],
    ['GET', { method: 'GET' }, 405, 'method'],
    ['another content type', { headers: { 'content-type': 'text/plain' } }, 415, 'content-type'],
  ])('%s', async (_, init, status, code) => {
    const fixture = handlerFixture()
    const { token } = await tokenFor(fixture)
    const answer = await fixture.enroll(token, bodyOf(await requestFor()), init)
    expect([answer.status, answer.json['code']]).toEqual([status, code])
    if (status === 405) expect(answer.headers.get('allow')).toBe('POST')
    expect((await fixture.enroll(token, bodyOf(await requestFor()))).status).toBe(200)
  })

  test('a body over the limit, said beforehand or not', async () => {
    const fixture = handlerFixture({ limits: { bytes: 1024 } })
    const { token } = await tokenFor(fixture)
    const answer = await fixture.enroll(token, 'x'.repeat(1025))
    expect([answer.status, answer.json['code']]).toEqual([413, 'too-large'])
    const handler = createEnrollmentHandler(fixture.options)
    let reads = 0
    const response = await handler({
      method: 'POST',
      url: '/enrollment/v1/enroll',
      headers: new Headers({ authorization: `Bearer ${token}`, 'content-type': 'application/json' }),
      body: {
        getReader: () => ({
          read: async () => ({ done: reads++ > 100, value: new Uint8Array(100) }),
          cancel: async () => {},
        }),
      },
    })
    expect(response.status).toBe(413)
    expect(reads).toBe(11)
  })

  test('a body that does not come to its end', async () => {
    const fixture = handlerFixture({ limits: { timeout: '30s' } })
    const { token } = await tokenFor(fixture)
    const handler = createEnrollmentHandler(fixture.options)
    let cancelled = false
    const pending = handler({
      method: 'POST',
      url: '/enrollment/v1/enroll',
      headers: new Headers({ authorization: `Bearer ${token}`, 'content-type': 'application/json' }),
      body: {
        getReader: () => ({
          read: () => new Promise(() => {}),
          cancel: async () => {
            cancelled = true
          },
        }),
      },
    })
    await fixture.clock.run('30s')
    const response = await pending
    expect([response.status, (await response.json()).code]).toEqual([408, 'timeout'])
    expect(cancelled).toBe(true)
    expect((await fixture.enroll(token, bodyOf(await requestFor()))).status).toBe(200)
  })

  test('a cluster that may not', async () => {
    const answers: unknown[] = [false, 'yes', Promise.resolve(true)]
    const fixture = handlerFixture({
      authorize: ({ name }) => (name === CLUSTER ? (answers.shift() as boolean) : false),
    })
    const { token } = await tokenFor(fixture)
    const body = bodyOf(await requestFor())
    expect((await fixture.enroll(token, body)).json['code']).toBe('name')
    expect((await fixture.enroll(token, body)).json['code']).toBe('name')
    expect((await fixture.enroll(token, body)).status).toBe(200)
  })
})

describe('an issuer that fails loses no token', () => {
  const cases: readonly [string, EnrollmentHandlerOptions['issue'], RegExp][] = [
    [
      'throws at once',
      () => {
        throw new Error('kms: connection reset')
      },
      /^kms: connection reset$/,
    ],
    ['rejects', () => Promise.reject(new Error('kms: throttled')), /^kms: throttled$/],
    ['answers nothing', async () => undefined as never, /something else than/],
    ['answers PEM', async () => ({ certificate: 'x', chain: [] }) as never, /something else than/],
    [
      'certifies another key',
      async () => chainOf(certify(theirs.publicKey, {}, [dns(CLUSTER)])),
      /another key/,
    ],
    [
      'writes another name',
      async ({ csr }) => chainOf(certify(csr.publicKey, {}, [dns('cluster-2')])),
      /"dns:cluster-2"|DNS:cluster-2/i,
    ],
    [
      'writes one more name',
      async ({ csr }) => chainOf(certify(csr.publicKey, {}, [dns(CLUSTER), uri('spiffe://td/a')])),
      /only subject alternative name/,
    ],
    [
      'writes an address',
      async ({ csr }) => chainOf(certify(csr.publicKey, {}, [ip('c0000201')])),
      /only subject alternative name/,
    ],
    [
      'makes a CA',
      async ({ csr }) =>
        chainOf(
          certify(
            csr.publicKey,
            { extensions: [basicConstraints(true), ext(17, hex('300b8209636c75737465722d31'))] },
            [],
          ),
        ),
      /CA certificate/,
    ],
    [
      'is another CA',
      async ({ csr }) => chainOf(certify(csr.publicKey, { issuer: otherSigning }, [dns(CLUSTER)])),
      /does not verify under "clientAnchors"/,
    ],
    [
      'issues what has expired',
      async ({ csr }) =>
        chainOf(certify(csr.publicKey, { notAfter: '2026-05-01T00:00:00Z' }, [dns(CLUSTER)])),
      /does not verify under "clientAnchors"/,
    ],
    [
      'forgets clientAuth',
      async ({ csr }) =>
        chainOf(
          certify(
            csr.publicKey,
            {
              extensions: [
                ext(37, hex('300a06082b06010505070301')),
                ext(17, hex('300b8209636c75737465722d31')),
              ],
            },
            [],
          ),
        ),
      /does not verify under "clientAnchors"/,
    ],
  ]
  test.each(cases)('%s', async (_, issue, reason) => {
    let broken = true
    const sound = issuerOf().issue
    const fixture = handlerFixture({
      issue: (csr, context) => (broken ? issue(csr, context) : sound(csr, context)),
    })
    const { token } = await tokenFor(fixture)
    const body = bodyOf(await requestFor())
    const answer = await fixture.enroll(token, body)
    expect([answer.status, answer.json['code']]).toEqual([503, 'unavailable'])
    expect(answer.json['message']).toBe(
      'no certificate can be issued at present; the log of the server says why',
    )
    expect(answer.headers.get('retry-after')).toBe('5')
    expect(fixture.events).toMatchObject([
      { type: 'failed', name: CLUSTER, reason: expect.stringMatching(reason) },
    ])
    broken = false
    expect((await fixture.enroll(token, body)).status).toBe(200)
  })

  test('never answers: its signal aborts, and what it answers later goes nowhere', async () => {
    const { promise, resolve } = deferred<void>()
    const sound = issuerOf().issue
    const signals: { readonly aborted: boolean }[] = []
    const fixture = handlerFixture({
      issue: async (csr, context) => {
        signals.push(context.signal)
        if (signals.length === 1) await promise
        return sound(csr, context)
      },
    })
    const { token } = await tokenFor(fixture)
    const body = bodyOf(await requestFor())
    const pending = fixture.enroll(token, body)
    await fixture.clock.run('30s')
    expect((await pending).status).toBe(503)
    expect(signals[0]?.aborted).toBe(true)
    resolve()
    const again = await fixture.enroll(token, body)
    expect(again.status).toBe(200)
    expect(fixture.events.map(({ type }) => type)).toEqual(['failed', 'issued'])
    expect((await fixture.enroll(token, body)).status).toBe(401)
  })
})

describe('two requests with one one-shot token', () => {
  test('at the same time get one certificate', async () => {
    const held = deferred<void>()
    const entered = deferred<void>()
    const sound = issuerOf().issue
    const fixture = handlerFixture({
      issue: async (csr, context) => {
        entered.resolve()
        await held.promise
        return sound(csr, context)
      },
    })
    const { token } = await tokenFor(fixture)
    const first = fixture.enroll(token, bodyOf(await requestFor()))
    await entered.promise
    expect((await fixture.enroll(token, bodyOf(await requestFor()))).status).toBe(401)
    held.resolve()
    expect((await first).status).toBe(200)
  })

  test('at two replicas over one store get one certificate, and a restart changes nothing', async () => {
    const clock = manualClock(NOW)
    const records = databaseRecords()
    const replica = () => handlerFixture({ clock, tokens: createTokenStore({ records, clock }) })
    const [one, two] = [replica(), replica()]
    for (let round = 0; round < 10; round++) {
      const { token } = await tokenFor(one)
      const body = bodyOf(await requestFor())
      const sent = [
        one.enroll(token, body),
        two.enroll(token, body),
        two.enroll(token, body, { client: '192.0.2.2' }),
      ]
      const statuses = (await Promise.all(sent)).map(({ status }) => status)
      expect(statuses.sort()).toEqual([200, 401, 401])
      expect((await replica().enroll(token, body)).status).toBe(401)
      clock.advance('1m')
    }
    expect(one.issued.length + two.issued.length).toBe(10)
  })

  test('a certificate whose use could not be counted does not leave', async () => {
    const fixture = handlerFixture()
    const { tokens } = fixture
    const answers: (() => Promise<boolean>)[] = [
      async () => false,
      async () => {
        throw new Error('etcd: no leader')
      },
      async () => 1 as never,
    ]
    const stubborn = handlerFixture({
      tokens: {
        ...tokens,
        commit: (hash, lease) => (answers.shift() ?? (() => tokens.commit(hash, lease)))(),
      },
      clock: fixture.clock,
    })
    const { token } = await tokenFor(fixture)
    const body = bodyOf(await requestFor())
    for (let i = 0; i < 3; i++) {
      const answer = await stubborn.enroll(token, body)
      expect([answer.status, Object.keys(answer.json)]).toEqual([503, ['code', 'message']])
    }
    expect((await stubborn.enroll(token, body)).status).toBe(200)
  })

  test.each([
    ['as it is', (text: string) => text],
    ['in upper case', (text: string) => text.toUpperCase()],
  ])('a store that fails is told of without the hash, %s', async (_, written) => {
    const { hash, ...fixture } = await (async () => {
      const base = handlerFixture()
      const { token, hash } = await tokenFor(base)
      const tokens: TokenStore = {
        ...base.tokens,
        consume: async (asked) => {
          throw new Error(`no row ${written(asked)}`)
        },
      }
      return { ...handlerFixture({ tokens }), token, hash }
    })()
    expect((await fixture.enroll(fixture.token, bodyOf(await requestFor()))).status).toBe(503)
    expect(fixture.events).toMatchObject([{ type: 'failed', error: undefined }])
    expect(fixture.events[0]?.reason).toBe(`the token store failed: no row ${hash.slice(0, 8)}…`)
  })

  test.each([undefined, null, {}, { ok: 'true' }, { ok: false, reason: 'ok' }])(
    'a store that answers %j lets nobody in',
    async (answer) => {
      const base = handlerFixture()
      const fixture = handlerFixture({ tokens: { ...base.tokens, consume: async () => answer as never } })
      expect((await fixture.enroll('mpe_token', bodyOf(await requestFor()))).status).toBe(503)
      expect(fixture.issued.length).toBe(0)
    },
  )
})

describe('limits', () => {
  test('on one client: as many as are allowed, then 429 until the bucket has one again', async () => {
    const fixture = handlerFixture({ limits: { perClient: { requests: 2, per: '1m' } } })
    const post = (client: string) => fixture.enroll('mpe_x', '{}', { client })
    expect((await post('192.0.2.1')).status).toBe(400)
    expect((await post('192.0.2.1')).status).toBe(400)
    const refused = await post('192.0.2.1')
    expect([refused.status, refused.json['code'], refused.headers.get('retry-after')]).toEqual([
      429,
      'rate-limited',
      '30',
    ])
    expect((await post('192.0.2.2')).status).toBe(400)
    fixture.clock.advance('29s')
    expect((await post('192.0.2.1')).status).toBe(429)
    fixture.clock.advance('1s')
    expect((await post('192.0.2.1')).status).toBe(400)
    expect((await post('192.0.2.1')).status).toBe(429)
  })

  test('a clock that fails once does not close the server for good', async () => {
    let now = new Date(Number.NaN)
    const steady = manualClock(NOW)
    const clock = { ...steady, now: () => now, sleep: steady.sleep.bind(steady) }
    const fixture = handlerFixture({ clock, tokens: memoryTokenStore() })
    const { token } = await createEnrollmentToken({ store: fixture.tokens })
    const body = bodyOf(await requestFor())
    expect((await fixture.enroll(token, body)).status).toBe(503)
    expect(fixture.events[0]?.reason).toBe('the option "clock" answered an invalid Date')
    now = NOW
    expect((await fixture.enroll(token, body)).status).toBe(200)
  })

  test('on one /64 of IPv6, which one host has all of, but not on its neighbour', async () => {
    const fixture = handlerFixture({ limits: { perClient: { requests: 1, per: '1m' } } })
    const post = async (client: string) => (await fixture.enroll('mpe_x', '{}', { client })).status
    expect(await post('2001:db8:0:1::1')).toBe(400)
    expect(await post('2001:db8:0:1:ffff::2')).toBe(429)
    expect(await post('2001:db8:0:2::1')).toBe(400)
    expect(await post('::ffff:192.0.2.1')).toBe(400)
    expect(await post('192.0.2.1')).toBe(429)
  })

  test('on all together, which many addresses do not get around, and which renewals do not feel', async () => {
    const fixture = handlerFixture({ limits: { total: { requests: 3, per: '1m' } } })
    const statuses = []
    for (let i = 0; i < 5; i++)
      statuses.push((await fixture.enroll('mpe_x', '{}', { client: `192.0.2.${i}` })).status)
    expect(statuses).toEqual([400, 400, 400, 429, 429])
    const current = leafOf(signing, [dns(CLUSTER)])
    expect((await fixture.renew([current.der], bodyOf(await requestFor()))).status).toBe(200)
  })

  test('on renewals of one cluster', async () => {
    const fixture = handlerFixture({ limits: { perName: { requests: 1, per: '1h' } } })
    const renew = async (name: string) =>
      (await fixture.renew([leafOf(signing, [dns(name)]).der], bodyOf(await requestFor(name)))).status
    expect([await renew('a'), await renew('a'), await renew('b')]).toEqual([200, 429, 200])
  })

  test('on issuances at the same time', async () => {
    const held = deferred<void>()
    const entered = deferred<void>()
    const sound = issuerOf().issue
    const fixture = handlerFixture({
      limits: { concurrent: 1 },
      issue: async (csr, context) => {
        entered.resolve()
        await held.promise
        return sound(csr, context)
      },
    })
    const { token } = await tokenFor(fixture, { uses: 3 })
    const first = fixture.enroll(token, bodyOf(await requestFor('a')))
    await entered.promise
    expect((await fixture.enroll(token, bodyOf(await requestFor('b')))).status).toBe(503)
    held.resolve()
    expect((await first).status).toBe(200)
    expect((await fixture.enroll(token, bodyOf(await requestFor('b')))).status).toBe(200)
  })
})

describe('misuse', () => {
  const { options } = handlerFixture()
  const call = (more: object) => () => createEnrollmentHandler({ ...options, ...more })
  test.each<[string, object, RegExp]>([
    ['an unknown option', { tokenStore: 1 }, /"tokenStore"/],
    ['no issuer', { issue: undefined }, /"issue"/],
    ['no tokens', { tokens: {} }, /"tokens"/],
    ['no reserved names', { reservedNames: undefined }, /"reservedNames"/],
    ['a reserved name that is none', { reservedNames: ['a.example', 'b..example'] }, /got "b..example"/],
    ['a reserved top', { reservedNames: ['*.'] }, /"reservedNames"/],
    ['a reserved dot', { reservedNames: ['.'] }, /"reservedNames"/],
    ['a reserved star within a name', { reservedNames: ['a.*.example'] }, /"reservedNames"/],
    ['no anchors', { clientAnchors: undefined }, /"clientAnchors"/],
    ['an empty list of anchors', { clientAnchors: [] }, /anchors is empty/],
    ['a path with a slash at its end', { path: '/a/' }, /"path"/],
    ['an unknown limit', { limits: { rate: 1 } }, /"rate"/],
    ['a limit without a unit', { limits: { perClient: { requests: 1, per: 60 } } }, /limits.perClient.per/],
    ['revocation by nothing', { revocation: {} }, /"revocation"/],
    ['CRLs that are null', { revocation: { crls: null } }, /"revocation.crls".*got null/],
    ['CRLs that are a number', { revocation: { crls: [5] } }, /"revocation.crls".*got number/],
    ['a CRL that is a certificate', { revocation: { crls: root.certificate.toPem() } }, /X509 CRL/],
  ])('%s is refused at once', (_, more, reason) => {
    expect(call(more)).toThrow(reason)
  })

  test('an observer that throws changes nothing', async () => {
    const fixture = handlerFixture({
      onEvent: () => {
        throw new Error('log is full')
      },
    })
    const { token } = await tokenFor(fixture)
    expect((await fixture.enroll(token, bodyOf(await requestFor()))).status).toBe(200)
  })

  test('reserved names that change count at once, wildcards for all below', async () => {
    let names = ['*.gloo-mesh']
    const fixture = handlerFixture({ reservedNames: () => names })
    const { token } = await tokenFor(fixture, { uses: 3 })
    const ask = async (name: string) => (await fixture.enroll(token, bodyOf(await requestFor(name)))).status
    expect([await ask('relay.gloo-mesh'), await ask('a.b.gloo-mesh'), await ask('gloo-mesh')]).toEqual([
      403, 403, 200,
    ])
    names = []
    expect(await ask('relay.gloo-mesh')).toBe(200)
  })

  test('a name with the dot of the root is reserved as the name that it is', async () => {
    const fixture = handlerFixture({ reservedNames: ['Relay.Example.', '*.gloo-mesh.'] })
    const { token } = await tokenFor(fixture, { uses: 3 })
    const ask = async (name: string) => (await fixture.enroll(token, bodyOf(await requestFor(name)))).status
    expect([await ask('relay.example'), await ask('a.gloo-mesh'), await ask('example')]).toEqual([
      403, 403, 200,
    ])
  })

  test('anchors of a function that change are read again', async () => {
    let anchors: Certificate = otherSigning.certificate
    const fixture = handlerFixture({ clientAnchors: () => anchors })
    const { token } = await tokenFor(fixture)
    const body = bodyOf(await requestFor())
    expect((await fixture.enroll(token, body)).status).toBe(503)
    anchors = signing.certificate
    expect((await fixture.enroll(token, body)).status).toBe(200)
  })

  test('an anchor that is taken out of the same list is trusted no longer', async () => {
    const anchors = [signing.certificate, otherSigning.certificate]
    const fixture = handlerFixture({ clientAnchors: () => anchors })
    const current = clientOf()
    const body = bodyOf(await requestFor())
    expect((await fixture.renew([current.der], body)).status).toBe(200)
    anchors.shift()
    expect((await fixture.renew([current.der], body)).status).toBe(403)
  })
})

const pem = (der: Uint8Array): string =>
  `-----BEGIN CERTIFICATE REQUEST-----\n${Buffer.from(der).toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`
function san(name: string) {
  return attribute(EXTENSION_REQUEST, extensions(['2.5.29.17', subjectAltName(csrDns(name))]))
}
/** A name that the library's own writer may not write. */
function raw(name: string): string {
  return bodyOf({ toPem: () => pem(csrOf({ attributes: [san(name)] })) })
}
