import { describe, expect, test } from 'vitest'
import {
  createEnrollmentToken,
  type EnrollmentDialer,
  type EnrollmentSend,
  type EnrollOptions,
  enroll,
  type RenewEnrollmentOptions,
  renewEnrollment,
} from '../../../../src/ca/index.ts'
import { Csr } from '../../../../src/csr/index.ts'
import type { AbortSignalLike } from '../../../../src/internal/abort.ts'
import { type ManualClock, manualClock } from '../../../../src/testing/index.ts'
import {
  type Certificate,
  generateKeyPair,
  importPrivateKey,
  type Signer,
} from '../../../../src/x509/index.ts'
import { refusalOfAsync } from '../../../fixtures/x509/refusal.ts'
import { basicConstraints, CLIENT_AUTH, dns, eku, keyUsage, NOW, san, uri } from '../../verify/forge.ts'
import { readCrl } from '../../verify/forge-crl.ts'
import {
  CLUSTER,
  certify,
  clientOf,
  handlerFixture,
  leafOf,
  link,
  otherRoot,
  otherSigning,
  requestFor,
  root,
  SERVER,
  serverOf,
  signing,
} from './support.ts'

const TOKEN = 'mpe_thisIsTheTokenThatNobodyMaySee0123456789'
const url = `https://${SERVER}/enrollment/v1`
const server = serverOf()
const json = new Headers({ 'content-type': 'application/json' })

interface Reply {
  readonly status?: number
  readonly headers?: { get(name: string): string | null }
  readonly body?: string | Uint8Array
}

/** A server that shows a chain, and a reply to what it is sent. */
function scripted(
  chain: readonly Uint8Array[],
  reply: (sent: EnrollmentSend, csr: Csr) => Reply | Promise<Reply> = () => ({}),
) {
  const sent: EnrollmentSend[] = []
  const closed: boolean[] = []
  const dial: EnrollmentDialer = async ({ authenticate }) => {
    await authenticate(chain)
    return {
      send: async (request) => {
        sent.push(request)
        const { csr } = JSON.parse(new TextDecoder().decode(request.body))
        const { status = 200, headers = json, body = '' } = await reply(request, Csr.fromPem(csr))
        return { status, headers, body: typeof body === 'string' ? new TextEncoder().encode(body) : body }
      },
      close: () => void closed.push(true),
    }
  }
  return { dial, sent, closed }
}

const answerOf = (certificate: Certificate, more: object = {}): string =>
  JSON.stringify({
    version: 1,
    name: CLUSTER,
    certificate: certificate.toPem(),
    chain: certificate.toPem() + signing.certificate.toPem(),
    anchors: root.certificate.toPem(),
    ...more,
  })

const sound = (_: unknown, csr: Csr): Reply => ({
  body: answerOf(certify(csr.publicKey, {}, [dns(CLUSTER)])),
})

const ask = (dial: EnrollmentDialer, more: Partial<EnrollOptions> = {}) =>
  enroll({
    url,
    dial,
    anchors: root.certificate,
    token: TOKEN,
    name: CLUSTER,
    clock: manualClock(NOW),
    ...more,
  })

describe('enroll', () => {
  test('sends the token to a server that was authenticated, and answers what was verified', async () => {
    const { dial, sent, closed } = scripted([server.der], sound)
    const { certificate, chain, anchors, signer, privateKey } = await ask(dial, {
      key: 'Ed25519',
      extractable: true,
    })
    expect(sent[0]).toMatchObject({
      method: 'POST',
      target: '/enrollment/v1/enroll',
      headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
    })
    expect(certificate.publicKey).toEqual(signer.publicKey)
    expect(privateKey).toBe(signer)
    expect(privateKey?.extractable).toBe(true)
    expect(certificate.publicKeyType).toBe('Ed25519')
    expect(chain.map((one) => one.fingerprint())).toEqual([
      certificate.fingerprint(),
      signing.certificate.fingerprint(),
    ])
    expect(anchors.map((one) => one.fingerprint())).toEqual([root.certificate.fingerprint()])
    expect(closed).toEqual([true])
  })

  test.each<[string, readonly Uint8Array[], Partial<EnrollOptions>]>([
    ['another root of the same name', [serverOf(SERVER, {}, otherRoot).der, otherRoot.der], {}],
    ['another name', [serverOf('other.gloo-mesh.example').der], {}],
    ['an expired certificate', [serverOf(SERVER, { notAfter: '2026-05-31T00:00:00Z' }).der], {}],
    ['one that is not valid yet', [serverOf(SERVER, { notBefore: '2026-06-02T00:00:00Z' }).der], {}],
    [
      'one for clients alone',
      [
        leafOf(root, [], {
          extensions: [basicConstraints(false), keyUsage(0), eku(CLIENT_AUTH), san([dns(SERVER)])],
        }).der,
      ],
      {},
    ],
    [
      'one without any purpose',
      [leafOf(root, [], { extensions: [basicConstraints(false), san([dns(SERVER)])] }).der],
      {},
    ],
    ['the name as a common name only', [leafOf(root, [uri('spiffe://td/a')], { subject: SERVER }).der], {}],
    ['no certificate', [], {}],
    ['no DER', [Uint8Array.of(0x30)], {}],
    ['a revoked one', [server.der], { crls: readCrl({ issuer: root, revoked: [server] }) }],
    ['one of which no CRL speaks', [server.der], { crls: [] }],
  ])('shows the token to no server with %s', async (_, chain, more) => {
    const { dial, sent } = scripted(chain, sound)
    const refusal = await refusalOfAsync(ask(dial, more))
    expect(refusal.code).toBe('ERR_ENROLLMENT_SERVER')
    expect(refusal.message).toMatch(/nothing was sent to it/)
    expect(sent).toEqual([])
  })

  test('takes the name that was asked for in place of the host, for the handshake too', async () => {
    const { dial } = scripted([server.der], sound)
    const asked: unknown[] = []
    const noting: EnrollmentDialer = (options) => {
      asked.push(options.serverName)
      return dial(options)
    }
    const byAddress = 'https://192.0.2.1:9900/enrollment/v1'
    expect((await refusalOfAsync(ask(noting, { url: byAddress }))).code).toBe('ERR_ENROLLMENT_SERVER')
    await ask(noting, { url: byAddress, serverName: SERVER })
    expect(asked).toEqual([undefined, SERVER])
  })

  test('a certificate with the wildcard of Gloo, right below a top-level domain, names no server', async () => {
    const { dial, sent } = scripted([serverOf('*.gloo-mesh').der], sound)
    expect((await refusalOfAsync(ask(dial, { serverName: 'relay.gloo-mesh' }))).code).toBe(
      'ERR_ENROLLMENT_SERVER',
    )
    expect(sent).toEqual([])
    // One below a longer name does (RFC 9525 §6.3).
    await ask(scripted([serverOf('*.gloo-mesh.example').der], sound).dial)
  })
})

describe('a dialer', () => {
  const good = scripted([server.der], sound)
  test.each<[string, EnrollmentDialer]>([
    ['authenticates nobody', async () => ({ send: () => leak(), close: () => {} })],
    [
      'goes on after a refusal',
      async ({ authenticate }) => {
        await authenticate([serverOf(SERVER, {}, otherRoot).der]).catch(() => {})
        return { send: () => leak(), close: () => {} }
      },
    ],
    [
      'mends a refusal by another chain',
      async ({ authenticate }) => {
        await authenticate([serverOf(SERVER, {}, otherRoot).der]).catch(() => {})
        await authenticate([server.der])
        return { send: () => leak(), close: () => {} }
      },
    ],
    [
      'does not wait for the verdict',
      async ({ authenticate }) => {
        authenticate([serverOf(SERVER, {}, otherRoot).der]).catch(() => {})
        return { send: () => leak(), close: () => {} }
      },
    ],
  ])('that %s gets no token', async (_, dial) => {
    expect((await refusalOfAsync(ask(dial))).code).toBe('ERR_ENROLLMENT_SERVER')
  })

  test('that fails is named, and no token with it', async () => {
    const down: EnrollmentDialer = () => Promise.reject(new Error('ECONNREFUSED 192.0.2.1'))
    const refusal = await refusalOfAsync(ask(down))
    expect([refusal.code, refusal.message]).toEqual([
      'ERR_ENROLLMENT_TRANSPORT',
      `"https://${SERVER}/enrollment/v1/enroll" could not be reached: ECONNREFUSED 192.0.2.1`,
    ])
    const telling: EnrollmentDialer = async (options) => ({
      ...(await good.dial(options)),
      send: ({ headers }) => Promise.reject(new Error(`bad header ${headers['authorization']}`)),
    })
    const leaking = await refusalOfAsync(ask(telling))
    expect(leaking.code).toBe('ERR_ENROLLMENT_TRANSPORT')
    expect(leaking.message + String(leaking.cause)).not.toContain(TOKEN)
  })

  test('that answers nonsense is an error', async () => {
    const silly: EnrollmentDialer = async (options) => ({
      ...(await good.dial(options)),
      send: async () => ({}) as never,
    })
    expect((await refusalOfAsync(ask(silly))).code).toBe('ERR_ENROLLMENT_TRANSPORT')
  })

  test('that connects after all was over is closed, and sends nothing', async () => {
    const clock = manualClock(NOW)
    const closed: boolean[] = []
    let connect: (() => void) | undefined
    const late: EnrollmentDialer = () =>
      new Promise((resolve) => {
        connect = () => resolve({ send: () => leak(), close: () => void closed.push(true) })
      })
    const pending = refusalOfAsync(ask(late, { clock, timeout: '5s' }))
    await untilAsleep(clock)
    clock.advance('5s')
    expect((await pending).code).toBe('ERR_ENROLLMENT_TIMEOUT')
    connect?.()
    await new Promise((resolve) => setImmediate(resolve))
    expect(closed).toEqual([true])
  })
})

const other = await requestFor()

describe('an answer is not taken', () => {
  const cases: readonly [string, (sent: EnrollmentSend, csr: Csr) => Reply, string, RegExp][] = [
    [
      'for another key',
      () => ({ body: answerOf(certify(other.publicKey, {}, [dns(CLUSTER)])) }),
      'CERTIFICATE',
      /another key/,
    ],
    [
      'for another name',
      (_, csr) => ({ body: answerOf(certify(csr.publicKey, {}, [dns('cluster-2')])) }),
      'CERTIFICATE',
      /only subject alternative name/,
    ],
    [
      'said to be for another name',
      (_, csr) => ({ body: answerOf(certify(csr.publicKey, {}, [dns(CLUSTER)]), { name: 'cluster-2' }) }),
      'CERTIFICATE',
      /"cluster-2"/,
    ],
    [
      'with one more name',
      (_, csr) => ({ body: answerOf(certify(csr.publicKey, {}, [dns(CLUSTER), dns(SERVER)])) }),
      'CERTIFICATE',
      /only subject alternative name/,
    ],
    [
      'that is a CA certificate',
      (_, csr) => ({
        body: answerOf(
          certify(csr.publicKey, { extensions: [basicConstraints(true), san([dns(CLUSTER)])] }, []),
        ),
      }),
      'CERTIFICATE',
      /CA certificate/,
    ],
    [
      'of another CA, although its root comes with it',
      (_, csr) => {
        const certificate = certify(csr.publicKey, { issuer: otherSigning }, [dns(CLUSTER)])
        return {
          body: answerOf(certificate, {
            chain: [certificate, otherSigning.certificate].map(String).join(''),
            anchors: otherRoot.certificate.toPem(),
          }),
        }
      },
      'CERTIFICATE',
      /clientAnchors/,
    ],
    [
      'that has expired',
      (_, csr) => ({
        body: answerOf(certify(csr.publicKey, { notAfter: '2026-05-31T00:00:00Z' }, [dns(CLUSTER)])),
      }),
      'CERTIFICATE',
      /expired/,
    ],
    ['of another version', () => ({ body: '{"version":2}' }), 'RESPONSE', /"version"/],
    ['that is no JSON', () => ({ body: '<html>' }), 'RESPONSE', /JSON at line 1/],
    [
      'that says it is HTML',
      (sent, csr) => ({ ...sound(sent, csr), headers: new Headers({ 'content-type': 'text/html' }) }),
      'RESPONSE',
      /content type/,
    ],
    [
      'without a certificate',
      (_, csr) => ({
        body: answerOf(certify(csr.publicKey, {}, [dns(CLUSTER)]), { certificate: undefined }),
      }),
      'RESPONSE',
      /"certificate" must be text/,
    ],
    [
      'with two of them',
      (_, csr) => ({
        body: answerOf(certify(csr.publicKey, {}, [dns(CLUSTER)]), {
          certificate: root.certificate.toPem().repeat(2),
        }),
      }),
      'RESPONSE',
      /more than 1/,
    ],
    [
      'with a chain of thousands',
      (_, csr) => ({
        body: answerOf(certify(csr.publicKey, {}, [dns(CLUSTER)]), {
          chain: '-----BEGIN CERTIFICATE-----\n'.repeat(5000),
        }),
      }),
      'RESPONSE',
      /more than 16/,
    ],
    ['that is huge', () => ({ body: new Uint8Array(262_145) }), 'RESPONSE', /larger than 262144/],
    [
      'that leads elsewhere',
      () => ({ status: 302, headers: new Headers({ location: 'https://evil.example/' }) }),
      'RESPONSE',
      /redirect/,
    ],
    [
      'that leads elsewhere and keeps the method',
      () => ({ status: 307, headers: new Headers({ location: url }) }),
      'RESPONSE',
      /redirect/,
    ],
    ['with status 204', () => ({ status: 204 }), 'RESPONSE', /status 204/],
    ['of a proxy', () => ({ status: 502, body: 'bad gateway' }), 'RESPONSE', /status 502/],
  ]
  test.each(cases)('%s', async (_, reply, code, message) => {
    const { dial, sent, closed } = scripted([server.der], reply)
    const refusal = await refusalOfAsync(ask(dial))
    expect(refusal.code).toBe(`ERR_ENROLLMENT_${code}`)
    expect(refusal.message).toMatch(message)
    // Nothing was tried again, or elsewhere.
    expect(sent.length).toBe(1)
    expect(closed).toEqual([true])
  })

  test('a refusal is told in the words of the server, without the token', async () => {
    const { dial } = scripted([server.der], () => ({
      status: 429,
      headers: new Headers({ 'content-type': 'application/json', 'retry-after': '30' }),
      body: JSON.stringify({ code: 'rate-limited', message: `slow down, ${TOKEN}\u202e` }),
    }))
    const refusal = await refusalOfAsync(ask(dial))
    expect(refusal.code).toBe('ERR_ENROLLMENT_REFUSED')
    expect(refusal.data).toEqual({ status: 429, code: 'rate-limited', retryAfterSeconds: 30 })
    expect(refusal.message).toBe(
      `"${url}/enroll" refused with status 429 ("rate-limited"): "slow down, [token]\\u{202e}"; try again in 30 s`,
    )
  })

  test('pinned anchors for clients may be others than for servers', async () => {
    const reply = (_: unknown, csr: Csr): Reply => {
      const certificate = certify(csr.publicKey, { issuer: otherSigning }, [dns(CLUSTER)])
      return { body: answerOf(certificate, { chain: certificate.toPem() }) }
    }
    const { dial } = scripted([server.der], reply)
    const { chain } = await ask(dial, { clientAnchors: otherSigning.certificate })
    expect(chain.length).toBe(2)
    expect((await refusalOfAsync(ask(dial))).code).toBe('ERR_ENROLLMENT_CERTIFICATE')
  })
})

test('what links the new root to the pinned one is presented, and a root is not', async () => {
  const reply = (_: unknown, csr: Csr): Reply => {
    const certificate = certify(csr.publicKey, { issuer: otherSigning }, [dns(CLUSTER)])
    const above = [otherSigning, link, root, otherRoot].map((one) => one.certificate.toPem())
    return { body: answerOf(certificate, { chain: [certificate.toPem(), ...above].join('') }) }
  }
  const { dial } = scripted([server.der], reply)
  const { certificate, chain } = await ask(dial)
  expect(chain.map(String)).toEqual(
    [certificate, otherSigning.certificate, link.certificate].map((one) => one.toPem()),
  )
  const { chain: below } = await ask(dial, { clientAnchors: otherRoot.certificate })
  expect(below.map(String).slice(1)).toEqual([otherSigning.certificate.toPem()])
})

describe('time', () => {
  test('ends the waiting for a server that never answers', async () => {
    const clock = manualClock(NOW)
    const { dial, closed } = scripted([server.der], () => new Promise(() => {}))
    const pending = refusalOfAsync(ask(dial, { clock, timeout: '10s' }))
    await untilAsleep(clock)
    clock.advance('10s')
    const refusal = await pending
    expect([refusal.code, refusal.message]).toEqual([
      'ERR_ENROLLMENT_TIMEOUT',
      `"${url}/enroll" did not answer within 10s. The token may have been used: if so, ask for another one`,
    ])
    expect(closed).toEqual([true])
    expect(clock.sleepers).toBe(0)
  })

  /** A key elsewhere that never signs, and the signals that it was given. */
  const stuckKey = async () => {
    const { publicKey } = (await generateKeyPair('P-256')).privateKey
    const signals: (AbortSignalLike | undefined)[] = []
    const key: Signer = {
      publicKey,
      signatureAlgorithm: 'ecdsa-sha256',
      sign: (_, options) => {
        signals.push(options?.signal)
        return new Promise(() => {})
      },
    }
    return { key, signals }
  }

  test.each([
    ['enroll', (dial: EnrollmentDialer, more: Partial<EnrollOptions>) => ask(dial, more)],
    [
      'renewEnrollment',
      (dial: EnrollmentDialer, more: Partial<RenewEnrollmentOptions>) =>
        renewEnrollment({
          url,
          dial,
          anchors: root.certificate,
          certificate: clientOf().certificate,
          ...more,
        }),
    ],
  ])('ends the waiting for a key that never signs: %s', async (_, begin) => {
    const { dial, sent } = scripted([server.der], sound)
    const clock = manualClock(NOW)
    const { key, signals } = await stuckKey()
    const pending = refusalOfAsync(begin(dial, { clock, key, timeout: '1s' }))
    await untilAsleep(clock)
    clock.advance('1s')
    expect(await pending).toMatchObject({
      code: 'ERR_ENROLLMENT_TIMEOUT',
      message:
        'the request was not signed within 1s, and nothing was sent. Does what holds the option "key" answer?',
    })
    const controller = new AbortController()
    const stopped = begin(dial, { clock, key, timeout: '1s', signal: controller.signal })
    stopped.catch(() => {})
    await untilAsleep(clock)
    controller.abort(new Error('shutting down'))
    await expect(stopped).rejects.toThrow('shutting down')
    expect(signals.map((signal) => signal?.aborted)).toEqual([true, true])
    expect([sent.length, clock.sleepers]).toEqual([0, 0])
  })

  test('a key elsewhere that signs is the one that is answered', async () => {
    const inner = (await generateKeyPair('P-256')).privateKey
    const key: Signer = {
      publicKey: inner.publicKey,
      signatureAlgorithm: inner.signatureAlgorithm,
      sign: (tbs) => inner.sign(tbs),
    }
    const { signer, privateKey, certificate } = await ask(scripted([server.der], sound).dial, { key })
    expect([signer, privateKey]).toEqual([key, undefined])
    expect(signer).toBe(key)
    expect(certificate.publicKey).toEqual(inner.publicKey)
  })

  test('a signal ends it with its reason', async () => {
    const controller = new AbortController()
    const { dial } = scripted([server.der], () => {
      controller.abort(new Error('shutting down'))
      return new Promise(() => {})
    })
    await expect(ask(dial, { signal: controller.signal })).rejects.toThrow('shutting down')
    const { dial: unused, sent } = scripted([server.der], sound)
    await expect(ask(unused, { signal: controller.signal })).rejects.toThrow('shutting down')
    expect(sent).toEqual([])
  })
})

describe('renewEnrollment', () => {
  const current = clientOf()
  const renew = (dial: EnrollmentDialer, more: Partial<RenewEnrollmentOptions> = {}) =>
    renewEnrollment({
      url,
      dial,
      anchors: root.certificate,
      certificate: current.certificate,
      clock: manualClock(NOW),
      ...more,
    })

  test('sends no token, and a new key', async () => {
    const { dial, sent } = scripted([server.der], sound)
    const { certificate } = await renew(dial)
    expect(sent[0]?.target).toBe('/enrollment/v1/renew')
    expect(Object.keys(sent[0]?.headers ?? {})).toEqual(['accept', 'content-type'])
    expect(certificate.publicKey).not.toEqual(current.certificate.publicKey)
  })

  test.each<[string, Certificate, RegExp]>([
    [
      'has expired',
      clientOf(CLUSTER, { notAfter: '2026-05-31T23:59:59Z' }).certificate,
      /expired at 2026-05-31T23:59:59.000Z.*token/,
    ],
    ["is no cluster's", leafOf(signing, [uri('spiffe://td/a')]).certificate, /is none of a cluster/],
  ])('does not begin with a certificate that %s', async (_, certificate, message) => {
    const { dial, sent } = scripted([server.der], sound)
    const refusal = await refusalOfAsync(renew(dial, { certificate }))
    expect(refusal.code).toBe('ERR_ENROLLMENT_CERTIFICATE')
    expect(refusal.message).toMatch(message)
    expect(sent).toEqual([])
  })

  test('does not take the current key for the new one', async () => {
    const key = await importPrivateKey(
      current.keys.privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
    )
    const { dial, sent } = scripted([server.der], sound)
    await expect(renew(dial, { key })).rejects.toThrow(/option "key" is the key of the current certificate/)
    expect(sent).toEqual([])
  })

  test('sleeps until it is due, also over a clock that is set back', async () => {
    const clock = manualClock(NOW)
    const { dial, sent } = scripted([server.der], sound)
    const asked: Certificate[] = []
    const pending = renew(dial, {
      clock,
      renewAt: (certificate) => {
        asked.push(certificate)
        return new Date('2026-09-01T00:00:00Z')
      },
    })
    await untilAsleep(clock)
    clock.set(new Date('2026-08-31T23:59:59Z'))
    await untilAsleep(clock)
    expect(sent).toEqual([])
    clock.advance('1s')
    await pending
    expect(sent.length).toBe(1)
    expect(asked.map(String)).toEqual([current.certificate.toPem()])
  })

  test('does not sleep until it is too late', async () => {
    const { dial } = scripted([server.der], sound)
    const late = new Date('2027-01-01T00:00:01Z')
    await expect(renew(dial, { renewAt: late })).rejects.toThrow(
      /"renewAt" is 2027-01-01T00:00:01.000Z, when/,
    )
    await expect(renew(dial, { renewAt: () => new Date(Number.NaN) })).rejects.toThrow(/"renewAt"/)
  })

  test('a signal ends the sleep', async () => {
    const clock = manualClock(NOW)
    const controller = new AbortController()
    const { dial, sent } = scripted([server.der], sound)
    const pending = renew(dial, {
      clock,
      signal: controller.signal,
      renewAt: new Date('2026-09-01T00:00:00Z'),
    })
    await untilAsleep(clock)
    controller.abort(new Error('shutting down'))
    await expect(pending).rejects.toThrow('shutting down')
    expect(sent).toEqual([])
  })
})

describe('misuse', () => {
  const { dial, sent } = scripted([server.der], sound)
  test.each<[string, Partial<EnrollOptions>, string | RegExp]>([
    ['http', { url: 'http://relay.example/v1' }, 'ERR_ENROLLMENT_URL'],
    ['user information', { url: 'https://user:secret@relay.example/v1' }, 'ERR_ENROLLMENT_URL'],
    ['a query', { url: 'https://relay.example/v1?token=a' }, 'ERR_ENROLLMENT_URL'],
    ['a backslash', { url: 'https://relay.example\\@evil.example/' }, 'ERR_ENROLLMENT_URL'],
    ['no URL', { url: 'https://' }, 'ERR_ENROLLMENT_URL'],
    ['a name with an underscore', { name: 'cluster_1' }, 'ERR_ENROLLMENT_NAME'],
    ['a token with a line feed', { token: `${TOKEN}\n` }, 'ERR_ENROLLMENT_TOKEN'],
    ['no token', { token: '' }, /option "token"/],
    ['an unknown option', { insecure: true } as never, /"insecure"/],
    ['a wildcard as the name of the server', { serverName: '*.gloo-mesh' }, /option "serverName"/],
    ['an address as the name of the server', { serverName: '192.0.2.1' }, /option "serverName"/],
    ['no anchors', { anchors: undefined as never }, /"anchors"/],
    ['no dialer', { dial: undefined as never }, /"dial"/],
  ])('%s is refused before anything is sent', async (_, more, expected) => {
    const error: unknown = await ask(dial, more).catch((thrown: unknown) => thrown)
    if (typeof expected === 'string') expect(error).toMatchObject({ code: expected })
    else expect(error).toMatchObject({ name: 'TypeError', message: expect.stringMatching(expected) })
    expect(String(error)).not.toContain(TOKEN)
    expect(String(error)).not.toContain('secret')
    expect(sent).toEqual([])
  })
})

test('client and handler understand each other without a network', async () => {
  const fixture = handlerFixture()
  const { token } = await createEnrollmentToken({
    store: fixture.tokens,
    clock: fixture.clock,
    name: CLUSTER,
  })
  const dial: EnrollmentDialer = async ({ authenticate }) => {
    await authenticate([server.der])
    return {
      send: async ({ body }) => {
        const { status, headers, json: answered } = await fixture.enroll(token, new Uint8Array(body))
        return { status, headers, body: new TextEncoder().encode(JSON.stringify(answered)) }
      },
      close: () => {},
    }
  }
  const { certificate, anchors } = await ask(dial, { token, key: 'RSA-2048' })
  expect(certificate.equals(fixture.issued[0] as Certificate)).toBe(true)
  expect(anchors.map(String)).toEqual([root.certificate.toPem()])
  expect((await refusalOfAsync(ask(dial, { token }))).data).toMatchObject({
    status: 401,
    code: 'unauthorized',
  })
})

function leak(): never {
  throw new Error('the request was handed over')
}

async function untilAsleep(clock: ManualClock): Promise<void> {
  do await new Promise((resolve) => setImmediate(resolve))
  while (clock.sleepers === 0)
  // What works beside the sleeper gets its turns.
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve))
}
