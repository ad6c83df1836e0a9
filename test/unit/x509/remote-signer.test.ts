import { createHash, generateKeyPairSync, type KeyObject, sign, verify } from 'node:crypto'
import { getEventListeners } from 'node:events'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { CertificateAuthority } from '../../../src/ca/index.ts'
import { createCsr } from '../../../src/csr/index.ts'
import { MeshPkiError } from '../../../src/errors.ts'
import { manualClock } from '../../../src/testing/index.ts'
import {
  type RemoteSignerEvent,
  type RemoteSignerOptions,
  type RemoteSignFunction,
  type RemoteSignRequest,
  remoteSigner,
} from '../../../src/x509/index.ts'
import { refusalOf, refusalOfAsync } from '../../fixtures/x509/refusal.ts'
import { expectNothingUnhandled } from '../../support/unhandled.ts'
import { clockAt, ID, NOW, request, rootCa } from '../ca/support.ts'
import { deferred } from '../node/support.ts'

type Pair = { readonly publicKey: KeyObject; readonly privateKey: KeyObject }

const curve = (namedCurve: string): Pair => generateKeyPairSync('ec', { namedCurve })
const p256 = curve('P-256')
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
const ed25519 = generateKeyPairSync('ed25519')
const spki = ({ publicKey }: Pair): Buffer => publicKey.export({ format: 'der', type: 'spki' })
const TBS = Uint8Array.from({ length: 300 }, (_, i) => i & 255)

/** What a KMS with that key answers to whole messages. */
const kms =
  ({ privateKey }: Pair, digest: string | null = 'sha256'): RemoteSignFunction =>
  async (bytes) =>
    sign(digest, bytes, privateKey)

expectNothingUnhandled()

/** A signer over P-256 by a clock that stands still, what its function was called with, and what was told. */
function remote(answer: RemoteSignFunction, options: Partial<RemoteSignerOptions> = {}) {
  const clock = manualClock()
  const calls: { readonly bytes: Uint8Array; readonly request: RemoteSignRequest }[] = []
  const events: RemoteSignerEvent[] = []
  const signer = remoteSigner({
    publicKey: spki(p256),
    input: 'message',
    clock,
    onEvent: (event) => void events.push(event),
    sign: (bytes, given) => {
      calls.push({ bytes: bytes.slice(), request: given })
      return answer(bytes, given)
    },
    ...options,
  })
  return { clock, calls, events, signer, sign: (tbs = TBS) => Promise.resolve(signer.sign(tbs)) }
}

/** Settles a promise while its clock runs. */
async function running<T>(clock: ReturnType<typeof manualClock>, promise: Promise<T>): Promise<T> {
  promise.catch(() => {})
  await clock.run('10m')
  return promise
}

describe('signatures that node:crypto and WebCrypto algorithms verify', () => {
  test.each<[string, Pair, string | null, Partial<RemoteSignerOptions>]>([
    ['P-256', p256, 'sha256', {}],
    ['P-384', curve('P-384'), 'sha384', {}],
    ['P-521', curve('P-521'), 'sha512', {}],
    ['RSA', rsa, 'sha256', {}],
    ['RSA with SHA-384', rsa, 'sha384', { signatureAlgorithm: 'rsa-sha384' }],
    ['Ed25519', ed25519, null, {}],
  ])('%s, the service hashes', async (_, pair, digest, options) => {
    const signer = remoteSigner({
      publicKey: spki(pair),
      input: 'message',
      sign: kms(pair, digest),
      ...options,
    })
    expect(verify(digest, TBS, pair.publicKey, await signer.sign(TBS))).toBe(true)
  })

  test.each<[string, Pair, string, number]>([
    ['P-256', p256, 'sha256', 64],
    ['P-384', curve('P-384'), 'sha384', 96],
    ['P-521', curve('P-521'), 'sha512', 132],
  ])('%s as r || s', async (_, pair, digest, size) => {
    const signer = remoteSigner({
      publicKey: pair.publicKey.export({ format: 'pem', type: 'spki' }).toString(),
      input: 'message',
      signatureFormat: 'raw',
      sign: (bytes) => {
        const raw = sign(digest, bytes, { key: pair.privateKey, dsaEncoding: 'ieee-p1363' })
        expect(raw).toHaveLength(size)
        return raw
      },
    })
    // Half of all signatures have a number with its highest bit set, and one in 256 a short one.
    for (let i = 0; i < 40; i++) {
      const tbs = Uint8Array.of(i)
      expect(verify(digest, tbs, pair.publicKey, await signer.sign(tbs))).toBe(true)
    }
  })

  test.each<[string, Pair, string, 'SHA-256' | 'SHA-384' | 'SHA-512', Partial<RemoteSignerOptions>]>([
    ['P-256', p256, 'sha256', 'SHA-256', {}],
    ['P-384', curve('P-384'), 'sha384', 'SHA-384', {}],
    ['RSA', rsa, 'sha512', 'SHA-512', { signatureAlgorithm: 'rsa-sha512' }],
  ])('%s, the digest is made here', async (_, pair, digest, web, options) => {
    // The service is a table: a digest that nobody expects has no signature.
    const table = new Map([
      [createHash(digest).update(TBS).digest('hex'), sign(digest, TBS, pair.privateKey)],
    ])
    const seen: RemoteSignRequest[] = []
    const signer = remoteSigner({
      publicKey: spki(pair),
      input: 'digest',
      sign: (bytes, given) => {
        seen.push(given)
        return table.get(Buffer.from(bytes).toString('hex')) ?? new Uint8Array()
      },
      ...options,
    })
    expect(verify(digest, TBS, pair.publicKey, await signer.sign(TBS))).toBe(true)
    expect(
      seen.map(({ algorithm, digestAlgorithm, attempt }) => [algorithm, digestAlgorithm, attempt]),
    ).toEqual([[signer.signatureAlgorithm, web, 1]])
  })

  test('RSASSA-PSS, which services offer too', async () => {
    const signer = remoteSigner({
      publicKey: spki(rsa),
      signatureAlgorithm: 'rsa-pss-sha256',
      input: 'message',
      sign: (bytes) => sign('sha256', bytes, { key: rsa.privateKey, padding: 6, saltLength: 32 }),
    })
    const key = { key: rsa.publicKey, padding: 6, saltLength: 32 }
    expect(verify('sha256', TBS, key, await signer.sign(TBS))).toBe(true)
  })

  test('without node:crypto, WebCrypto verifies', async () => {
    const spy = vi.spyOn(process, 'getBuiltinModule').mockReturnValue(undefined as never)
    onTestFinished(() => spy.mockRestore())
    const options = { publicKey: spki(p256), input: 'message' } as const
    const good = remoteSigner({ ...options, sign: kms(p256) })
    expect(verify('sha256', TBS, p256.publicKey, await good.sign(TBS))).toBe(true)
    const bad = remoteSigner({ ...options, sign: kms(curve('P-256')), attempts: 1 })
    expect((await refusalOfAsync(Promise.resolve(bad.sign(TBS)))).code).toBe('ERR_SIGNER_SIGNATURE')
  })

  test('a CA issues by it', async () => {
    const signer = remoteSigner({ publicKey: spki(p256), input: 'message', sign: kms(p256) })
    const { certificate } = await rootCa({ key: signer })
    const ca = await CertificateAuthority.from({ certificate, signer, clock: clockAt() })
    const issued = await ca.issueWorkload(await request(), { id: ID, lifetime: '1h' })
    expect(issued.certificate.notBefore.getTime()).toBeLessThan(NOW.getTime())
  })
})

describe('a signer that lies is asked once more, then refused', () => {
  const other = curve('P-256')
  test.each<[string, RemoteSignFunction, RegExp]>([
    ["another key's signature", kms(other), /does not verify as ecdsa-sha256/],
    [
      "another message's signature",
      () => sign('sha256', TBS.subarray(1), p256.privateKey),
      /does not verify/,
    ],
    ["another digest's signature", kms(p256, 'sha384'), /does not verify/],
    [
      'r || s in place of DER',
      (bytes) => sign('sha256', bytes, { key: p256.privateKey, dsaEncoding: 'ieee-p1363' }),
      /as long as r \|\| s: is signatureFormat 'raw'\?/,
    ],
    ['an empty signature', () => new Uint8Array(), /does not verify/],
    ['a megabyte', () => new Uint8Array(1 << 20), /1048576 octets/],
    ['text', (() => 'MEUCIQ') as unknown as RemoteSignFunction, /answered string/],
    ['nothing', (async () => undefined) as unknown as RemoteSignFunction, /answered undefined/],
    ['null', (() => null) as unknown as RemoteSignFunction, /answered null/],
    ['an ArrayBuffer', (() => new ArrayBuffer(70)) as unknown as RemoteSignFunction, /answered object/],
  ])('%s', async (_, answer, text) => {
    const { sign: ask, calls, clock, events } = remote(answer, { attempts: 5 })
    const error = await refusalOfAsync(running(clock, ask()))
    expect([error.code, error.message, error.data['attempts']]).toEqual([
      'ERR_SIGNER_SIGNATURE',
      expect.stringMatching(text),
      2,
    ])
    expect(calls).toHaveLength(2)
    expect(events.map(({ reason, willRetry }) => [reason, willRetry])).toEqual([
      ['signature', true],
      ['signature', false],
    ])
  })

  test.each<[string, Pair, RemoteSignFunction]>([
    ['P-384', curve('P-384'), () => Uint8Array.of(1, 2, 3)],
    ['RSA', rsa, () => new Uint8Array(256).fill(255)],
    ['Ed25519', ed25519, () => new Uint8Array(63)],
  ])('garbage for %s', async (_, pair, answer) => {
    const { sign: ask, clock } = remote(answer, { publicKey: spki(pair) })
    expect((await refusalOfAsync(running(clock, ask()))).code).toBe('ERR_SIGNER_SIGNATURE')
  })

  test('DER in place of r || s', async () => {
    const { sign: ask, clock } = remote(kms(p256), { signatureFormat: 'raw' })
    const error = await refusalOfAsync(running(clock, ask()))
    expect([error.code, error.message]).toEqual([
      'ERR_SIGNER_SIGNATURE',
      expect.stringMatching(/r \|\| s of this key has 64\. Is signatureFormat 'der'\?/),
    ])
  })

  test('one wrong answer, then the right one', async () => {
    const {
      sign: ask,
      calls,
      clock,
    } = remote((bytes, { attempt }) =>
      sign('sha256', attempt === 1 ? TBS.subarray(1) : bytes, p256.privateKey),
    )
    expect(verify('sha256', TBS, p256.publicKey, await running(clock, ask()))).toBe(true)
    expect(calls).toHaveLength(2)
  })

  test('the answer is changed after it was given, and the message after it was passed', async () => {
    const tbs = TBS.slice()
    const given: Uint8Array[] = []
    const { sign: ask } = remote((bytes) => {
      const answer = new Uint8Array(sign('sha256', bytes, p256.privateKey))
      bytes.fill(0)
      given.push(answer)
      return answer
    })
    const pending = ask(tbs)
    tbs.fill(0)
    const signature = await pending
    given[0]?.fill(0)
    expect(verify('sha256', TBS, p256.publicKey, signature)).toBe(true)
  })
})

describe('a signer that fails', () => {
  const fault = (members: object): Error => Object.assign(new Error('secret-token-in-url'), members)

  test.each<[string, RemoteSignFunction]>([
    [
      'rejects once',
      async (bytes, { attempt }) =>
        attempt === 1 ? Promise.reject(fault({})) : kms(p256)(bytes, {} as RemoteSignRequest),
    ],
    [
      'throws synchronously once',
      (bytes, { attempt }) => {
        if (attempt === 1) throw new TypeError('fetch failed')
        return sign('sha256', bytes, p256.privateKey)
      },
    ],
    [
      'throws undefined once',
      (bytes, { attempt }) =>
        attempt === 1 ? Promise.reject(undefined) : sign('sha256', bytes, p256.privateKey),
    ],
  ])('%s is asked again, after a pause', async (_, answer) => {
    const { sign: ask, calls, clock, events } = remote(answer)
    const pending = ask()
    await clock.run('1s')
    expect(verify('sha256', TBS, p256.publicKey, await pending)).toBe(true)
    expect([calls.length, events.length]).toEqual([2, 1])
    expect(clock.sleepers).toBe(0)
  })

  test('always: its last error is the cause, and is not quoted', async () => {
    const errors: Error[] = []
    const {
      sign: ask,
      calls,
      clock,
    } = remote(() => {
      errors.push(fault({ name: 'AccessDenied', code: 'EPERM' }))
      throw errors.at(-1)
    })
    const error = await refusalOfAsync(running(clock, ask()))
    expect([error.code, error.data, error.cause]).toEqual(['ERR_SIGNER_FAILED', { attempts: 3 }, errors[2]])
    expect(error.message).toMatch(/asked 3 times and failed, at last with AccessDenied EPERM/)
    expect(error.message).not.toContain('secret')
    expect(calls).toHaveLength(3)
  })

  test('the pauses double, spread from half to all of the step, and have a limit', async () => {
    const pauses: number[] = []
    const clock = {
      now: () => NOW,
      sleep: async (ms: number) => void (ms === 77_000 ? await new Promise(() => {}) : pauses.push(ms)),
    }
    const signer = (random: number) =>
      remoteSigner({
        publicKey: spki(p256),
        input: 'message',
        sign: () => Promise.reject(fault({})),
        clock,
        timeout: '77s',
        attempts: 6,
        backoff: '2s',
        maxBackoff: '9s',
        random: (bytes) => bytes.fill(random),
      })
    for (const random of [0, 255]) await refusalOfAsync(Promise.resolve(signer(random).sign(TBS)))
    expect(pauses).toEqual([1000, 2000, 4000, 4500, 4500, 2000, 4000, 8000, 9000, 9000])
  })

  test.each<[string, object, number]>([
    ['status 400', { status: 400 }, 1],
    ['status 403 of Azure', { statusCode: 403 }, 1],
    ['status 404 of AWS', { $metadata: { httpStatusCode: 404 } }, 1],
    ['retryable: false', { retryable: false }, 1],
    ['status 408', { status: 408 }, 3],
    ['status 425', { status: 425 }, 3],
    ['status 429', { $metadata: { httpStatusCode: 429 } }, 3],
    ['status 500', { statusCode: 500 }, 3],
    ['a status that is no number', { status: 'SERVFAIL' }, 3],
  ])('what cannot pass is not tried again: %s', async (_, members, times) => {
    const { sign: ask, calls, clock } = remote(() => Promise.reject(fault(members)))
    await refusalOfAsync(running(clock, ask()))
    expect(calls).toHaveLength(times)
  })

  const throws = () => {
    throw new Error('TOKEN')
  }
  test.each<[string, () => object]>([
    ['a getter "name"', () => Object.defineProperty(fault({}), 'name', { get: throws })],
    ['a Proxy', () => new Proxy(new Error('TOKEN'), { has: throws, getPrototypeOf: throws })],
  ])('a failure that throws when it is looked at is the cause all the same: %s', async (_, make) => {
    const thrown = make()
    const { sign: ask, clock } = remote(() => Promise.reject(thrown))
    const error = await refusalOfAsync(running(clock, ask()))
    expect([error.code, error.cause === thrown]).toEqual(['ERR_SIGNER_FAILED', true])
    expect(error.message).not.toContain('TOKEN')
  })

  test.each<[string, () => unknown]>([
    ['only looks like bytes', () => Object.create(Uint8Array.prototype)],
    [
      'says that it is shorter than it is',
      () => Object.defineProperty(new Uint8Array(1025), 'length', { value: 72 }),
    ],
    ['is a Proxy', () => new Proxy({}, { getPrototypeOf: throws })],
  ])('an answer that %s is asked for once more, and then not used', async (_, make) => {
    const { sign: ask, clock, calls } = remote(async () => make() as Uint8Array)
    const error = await refusalOfAsync(running(clock, ask()))
    expect([error.code, calls.length]).toEqual(['ERR_SIGNER_SIGNATURE', 2])
  })

  test('isRetryable decides; what it throws is no', async () => {
    for (const [isRetryable, times] of [
      [() => true, 3],
      [() => false, 1],
      [
        () => {
          throw new Error('observer')
        },
        1,
      ],
    ] as const) {
      const {
        sign: ask,
        calls,
        clock,
      } = remote(() => Promise.reject(fault({ status: 400 })), { isRetryable })
      expect((await refusalOfAsync(running(clock, ask()))).code).toBe('ERR_SIGNER_FAILED')
      expect(calls).toHaveLength(times)
    }
  })

  test('an observer that throws changes nothing', async () => {
    const { sign: ask, clock } = remote(
      (bytes, { attempt }) =>
        attempt === 1 ? Promise.reject(fault({})) : sign('sha256', bytes, p256.privateKey),
      {
        onEvent: () => {
          throw new Error('observer')
        },
      },
    )
    await running(clock, ask())
  })
})

describe('a signer that stalls', () => {
  test('is given up after the timeout, its signal aborted, and its late answers ignored', async () => {
    const late = [deferred<Uint8Array>(), deferred<Uint8Array>(), deferred<Uint8Array>()]
    const {
      sign: ask,
      calls,
      clock,
      events,
    } = remote((_, { attempt }) => (late[attempt - 1] ?? late[0])?.promise as Promise<Uint8Array>, {
      timeout: '10s',
    })
    const pending = ask()
    pending.catch(() => {})
    await clock.run('9s')
    expect([calls.length, calls[0]?.request.signal.aborted]).toEqual([1, false])
    await clock.run('1s')
    expect([calls.length, calls[0]?.request.signal.aborted]).toEqual([1, true])
    await clock.run('1m')
    const error = await refusalOfAsync(pending)
    expect([error.code, error.data]).toEqual(['ERR_SIGNER_TIMEOUT', { attempts: 3, timeout: '10s' }])
    expect(events.map(({ reason }) => reason)).toEqual(['timeout', 'timeout', 'timeout'])
    for (const { resolve } of late) resolve(sign('sha256', TBS, p256.privateKey))
    expect(clock.sleepers).toBe(0)
  })

  test('once, and rejects later: the second attempt counts', async () => {
    let fail: ((error: unknown) => void) | undefined
    const { sign: ask, clock } = remote((bytes, { attempt }) =>
      attempt === 1
        ? new Promise((_, reject) => {
            fail = reject
          })
        : sign('sha256', bytes, p256.privateKey),
    )
    expect(verify('sha256', TBS, p256.publicKey, await running(clock, ask()))).toBe(true)
    fail?.(new Error('too late'))
  })

  test('the timeout holds also by a clock that cannot sleep', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    onTestFinished(() => void vi.useRealTimers())
    const broken = { now: () => NOW, sleep: () => Promise.reject(new Error('no timers here')) }
    const options = { clock: broken, timeout: '1m', attempts: 1 }
    const stalled = Promise.resolve(remote(() => new Promise(() => {}), options).signer.sign(TBS))
    const refusal = refusalOfAsync(stalled)
    await vi.advanceTimersByTimeAsync(60_000)
    expect((await refusal).code).toBe('ERR_SIGNER_TIMEOUT')
  })
})

describe("the caller's signal ends everything, with its reason", () => {
  const reason = new Error('enough')

  test('before, during an attempt, and during a pause', async () => {
    const aborted = AbortSignal.abort(reason)
    const before = remote(kms(p256))
    await expect(before.signer.sign(TBS, { signal: aborted })).rejects.toBe(reason)
    expect(before.calls).toHaveLength(0)

    const stalled = remote(() => new Promise(() => {}))
    const first = new AbortController()
    const during = Promise.resolve(stalled.signer.sign(TBS, { signal: first.signal }))
    await stalled.clock.run('1s')
    first.abort(reason)
    await expect(during).rejects.toBe(reason)
    expect(stalled.calls[0]?.request.signal.reason).toBe(reason)

    const failing = remote(() => Promise.reject(new Error('down')), { backoff: '30s', maxBackoff: '30s' })
    const second = new AbortController()
    const pause = Promise.resolve(failing.signer.sign(TBS, { signal: second.signal }))
    pause.catch(() => {})
    await failing.clock.run('1s')
    expect([failing.calls.length, failing.clock.sleepers]).toEqual([1, 1])
    second.abort(reason)
    await expect(pause).rejects.toBe(reason)
    for (const { clock } of [before, stalled, failing]) expect(clock.sleepers).toBe(0)
    for (const { signal } of [first, second]) expect(getEventListeners(signal, 'abort')).toHaveLength(0)
  })

  test('no listener stays on it after a signature', async () => {
    const { signal } = new AbortController()
    const { signer } = remote(kms(p256))
    await signer.sign(TBS, { signal })
    expect(getEventListeners(signal, 'abort')).toHaveLength(0)
  })
})

test('a hundred at the same time, of which a third fails once', async () => {
  let calls = 0
  const { signer, clock } = remote((bytes, { attempt }) => {
    if (attempt === 1 && calls++ % 3 === 0) throw new Error('throttled')
    return sign('sha256', bytes, p256.privateKey)
  })
  const messages = Array.from({ length: 100 }, (_, i) => Uint8Array.of(i, 1))
  const pending = Promise.all(messages.map((message) => signer.sign(message)))
  const signatures = await running(clock, pending)
  for (const [i, message] of messages.entries())
    expect(verify('sha256', message, p256.publicKey, signatures[i] ?? new Uint8Array())).toBe(true)
})

describe('its errors reach those who issue and request', () => {
  test('a CA says that its signer failed, and holds the reason', async () => {
    const { signer, clock } = remote(() => Promise.reject(new Error('down')))
    const error = await refusalOfAsync(running(clock, rootCa({ key: signer })))
    expect([error.code, error.message]).toEqual([
      'ERR_CA_SIGNER',
      expect.stringContaining('ERR_SIGNER_FAILED'),
    ])
    expect(error.cause).toBeInstanceOf(MeshPkiError)
    expect(error.cause).toMatchObject({ code: 'ERR_SIGNER_FAILED', data: { attempts: 3 } })
  })

  test('a request is not made', async () => {
    const { signer, clock } = remote(kms(curve('P-256')))
    const error = await refusalOfAsync(running(clock, createCsr({ key: signer })))
    expect(error.code).toBe('ERR_SIGNER_SIGNATURE')
  })
})

describe('misuse', () => {
  const base: RemoteSignerOptions = { publicKey: spki(p256), input: 'message', sign: kms(p256) }
  test.each<[string, object, RegExp]>([
    ['an unknown option', { retries: 3 }, /no option "retries"/],
    ['no function', { sign: 5 }, /option "sign"/],
    ['no input', { input: undefined }, /option "input"/],
    [
      'a digest for Ed25519',
      { publicKey: spki(ed25519), input: 'digest' },
      /option "input" cannot be "digest"/,
    ],
    ['r || s of RSA', { publicKey: spki(rsa), signatureFormat: 'raw' }, /option "signatureFormat"/],
    ['an algorithm of another key', { signatureAlgorithm: 'rsa-sha256' }, /the public key is P-256/],
    ['a key that is no text', { publicKey: 5 }, /option "publicKey"/],
    ['a timeout without a unit', { timeout: 10 }, /option "timeout"/],
    ['no attempt', { attempts: 0 }, /option "attempts"/],
    ['no clock', { clock: {} }, /option "clock"/],
    ['an observer that is none', { onEvent: 1 }, /option "onEvent"/],
    ['isRetryable', { isRetryable: true }, /option "isRetryable"/],
    ['random', { random: 4 }, /option "random"/],
  ])('%s', (_, wrong, text) => {
    const make = (): unknown => Reflect.apply(remoteSigner, undefined, [{ ...base, ...wrong }])
    expect(make).toThrow(text)
    expect(make).not.toThrow(MeshPkiError)
  })

  test('keys that are none, or not ours', () => {
    const make = (publicKey: Uint8Array | string) => () => remoteSigner({ ...base, publicKey })
    expect(refusalOf(make(new Uint8Array())).code).toMatch(/^ERR_DER_/)
    expect(refusalOf(make(Uint8Array.of(...spki(p256), 0))).code).toBe('ERR_DER_TRAILING_DATA')
    expect(refusalOf(make('-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n')).code).toMatch(
      /^ERR_PEM_/,
    )
    expect(refusalOf(make(spki(curve('secp256k1')))).code).toBe('ERR_KEY_UNSUPPORTED')
    expect(refusalOf(make(spki(generateKeyPairSync('rsa', { modulusLength: 1024 })))).code).toBe(
      'ERR_KEY_WEAK',
    )
  })

  test('a point that is not on its curve shows when it signs', async () => {
    const publicKey = Uint8Array.from(spki(p256))
    publicKey[publicKey.length - 1] = (publicKey.at(-1) ?? 0) ^ 1
    const error = await refusalOfAsync(Promise.resolve(remoteSigner({ ...base, publicKey }).sign(TBS)))
    expect(error.code).toBe('ERR_KEY_FORMAT')
  })

  test('what is signed must be bytes', async () => {
    const signer = remoteSigner(base)
    await expect(Reflect.apply(signer.sign, signer, ['text'])).rejects.toThrow(TypeError)
  })

  test('the public key cannot be changed from outside', () => {
    const signer = remoteSigner(base)
    signer.publicKey.fill(0)
    expect(Buffer.from(signer.publicKey)).toEqual(spki(p256))
  })
})
