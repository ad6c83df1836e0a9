import { createHash } from 'node:crypto'
import { getEventListeners } from 'node:events'
import { describe, expect, test } from 'vitest'
import { IssuerFailure, requestCertificate } from '../../../../src/ca/index.ts'
import { createCsr } from '../../../../src/csr/index.ts'
import { MeshPkiError } from '../../../../src/errors.ts'
import { manualClock } from '../../../../src/testing/index.ts'
import { refusalOfAsync } from '../../../fixtures/x509/refusal.ts'
import { expectNothingUnhandled } from '../../../support/unhandled.ts'
import { csrOf } from '../../csr/support.ts'
import { deferred } from '../../node/support.ts'
import { keysOf, uri } from '../../verify/forge.ts'
import {
  answerOf,
  CA_WISH,
  clusterCa,
  ID,
  LEAF_WISH,
  leaf,
  leafExtensions,
  NOW,
  requestOf,
  root,
  scripted,
  silence,
  upper,
  workloadCsr,
  workloadKeys,
} from './support.ts'

const good = answerOf(leaf())
const failure = (retryable: boolean, outcome: 'failed' | 'unknown', message = 'no'): IssuerFailure =>
  new IssuerFailure(message, { retryable, outcome })

expectNothingUnhandled()

/** The error of a wish whose clock runs for an hour. */
async function refusal(issuer: ReturnType<typeof scripted>, ...wish: Parameters<typeof issuer.ask>) {
  const pending = issuer.ask(...wish)
  await issuer.clock.run('1h')
  const error = await refusalOfAsync(pending)
  expect(issuer.clock.sleepers).toBe(0)
  return error
}

/** The certificate of a wish whose clock runs for an hour from when it is asked. */
async function granted(issuer: ReturnType<typeof scripted>, ...wish: Parameters<typeof issuer.ask>) {
  const pending = issuer.ask(...wish)
  await issuer.clock.run('1h')
  return pending
}

describe('what an issuer is told', () => {
  test('the request, the whole intent, and one name for it', async () => {
    const issuer = scripted({ issue: async () => good })
    await issuer.ask({ subjectAltNames: [] })
    const [request] = issuer.issued
    expect(request?.csr.fingerprint()).toBe(workloadCsr.fingerprint())
    expect(request?.intent).toMatchObject({
      isCa: false,
      pathLength: 'none',
      lifetimeMs: 86_400_000,
      subjectAltNames: [{ type: 'uri', value: ID }],
      extendedKeyUsage: ['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2'],
      keyUsage: ['digitalSignature'],
      nameConstraints: undefined,
    })
    expect(request?.requestId).toMatch(/^[0-9a-f]{32}$/)
  })

  test('the names of the request, where no others are given', async () => {
    const { csr } = await createCsr({
      key: 'P-256',
      subject: 'CN=a',
      subjectAltNames: [{ type: 'dns', value: 'a.example' }],
    })
    const issuer = scripted(
      { issue: async () => undefined },
      { csr, lifetime: { max: '1h' }, anchors: root.der },
    )
    await refusalOfAsync(issuer.ask())
    expect(issuer.issued[0]?.intent.subjectAltNames).toEqual([{ type: 'dns', value: 'a.example' }])
    expect(String(issuer.issued[0]?.intent.subject)).toBe('CN=a')
  })

  test('the same wish has the same name, every other another', async () => {
    const idOf = async (...[wish]: Parameters<ReturnType<typeof scripted>['ask']>) => {
      const issuer = scripted({ issue: async () => undefined })
      await refusalOfAsync(issuer.ask(wish))
      return issuer.issued[0]?.requestId
    }
    const a = { type: 'dns', value: 'a.example' } as const
    const b = { type: 'dns', value: 'b.example' } as const
    const first = await idOf({ subjectAltNames: [a, b] })
    expect(await idOf({ subjectAltNames: [b, a], attempts: 1, timeout: '1s' })).toBe(first)
    const others = await Promise.all([
      idOf({ subjectAltNames: [a] }),
      idOf({ subjectAltNames: [a, b], lifetime: { max: '23h' } }),
      idOf({ subjectAltNames: [a, b], subject: 'CN=a' }),
      idOf({ subjectAltNames: [a, b], purposes: ['clientAuth'] }),
      idOf({ subjectAltNames: [a, b], keyUsage: [] }),
      idOf({ subjectAltNames: [a, b], id: `${ID}b` }),
      idOf({ subjectAltNames: [a, b], subject: 'CN=x', isCa: true }),
      idOf({ subjectAltNames: [a, b], subject: 'CN=x', isCa: true, pathLength: 1 }),
      idOf({ subjectAltNames: [a, b], subject: 'CN=x', isCa: true, nameConstraints: { permitted: [a] } }),
      idOf({ subjectAltNames: [a, b], subject: 'CN=x', isCa: true, nameConstraints: { excluded: [a] } }),
      idOf({ subjectAltNames: [a, b], csr: await requestOf(keysOf('another')) }),
    ])
    expect(new Set([first, ...others]).size).toBe(12)
    expect(await idOf({ requestId: 'order-1' })).toBe('order-1')
  })

  test('nothing before the request has proven its key', async () => {
    const issuer = scripted({ issue: async () => good })
    const stolen = csrOf({ publicKey: new Uint8Array(workloadCsr.publicKey) })
    expect((await refusalOfAsync(issuer.ask({ csr: stolen }))).code).toBe('ERR_CSR_SIGNATURE')
    expect(issuer.issued).toHaveLength(0)
  })

  test('options that change while they are read are read once', async () => {
    let reads = 0
    const issuer = scripted({ issue: async () => good })
    const options = Object.defineProperty({ ...LEAF_WISH, clock: issuer.clock }, 'id', {
      enumerable: true,
      get: () => (reads++ === 0 ? ID : 'spiffe://td/other'),
    })
    const seen = await requestCertificate({ issue: async () => good }, options)
    expect(seen.certificate.subjectAltNames).toEqual([{ type: 'uri', value: ID }])
    expect(reads).toBe(1)
  })

  test('an answer whose members change is read once', async () => {
    let reads = 0
    const answer = {
      chain: good.chain,
      get certificate() {
        return reads++ === 0 ? leaf().der : upper.der
      },
    }
    const { certificate } = await scripted({ issue: async () => answer }).ask()
    expect([certificate.isCa, reads]).toEqual([false, 1])
  })
})

describe('never two certificates: an unknown outcome is looked up before anything is tried again', () => {
  test('after a timeout the certificate is found', async () => {
    const issuer = scripted({ issue: silence, lookup: async () => good })
    const pending = issuer.ask({ timeout: '30s' })
    await issuer.clock.run('29s')
    expect([issuer.signals[0]?.aborted, issuer.lookups.length]).toEqual([false, 0])
    await issuer.clock.run('1s')
    expect((await pending).chain).toHaveLength(3)
    expect([issuer.issued.length, issuer.lookups, issuer.signals[0]?.aborted]).toEqual([
      1,
      [issuer.issued[0]?.requestId],
      true,
    ])
  })

  test('a failure that says nothing counts as unknown, and its text is not shown', async () => {
    const issuer = scripted({
      issue: () => Promise.reject(Object.assign(new Error('https://token@host'), { code: 'ECONNRESET' })),
    })
    const error = await refusal(issuer)
    expect([error.code, issuer.issued.length]).toEqual(['ERR_ISSUER_OUTCOME_UNKNOWN', 1])
    expect(error.message).toMatch(/Error ECONNRESET/)
    expect(error.message).not.toContain('token')
    expect(error.data['requestId']).toBe(issuer.issued[0]?.requestId)
  })

  test('what was surely not made is asked for again, by the same name', async () => {
    const issuer = scripted({
      issue: (call: number) =>
        call === 1 ? Promise.reject(failure(true, 'unknown')) : Promise.resolve(good),
      lookup: async () => undefined,
    })
    await granted(issuer)
    expect([issuer.issued.length, issuer.lookups.length]).toEqual([2, 1])
    expect(issuer.issued[1]?.requestId).toBe(issuer.issued[0]?.requestId)
  })

  test('a failure that surely made none needs no lookup', async () => {
    const issuer = scripted({
      issue: (call: number) => (call < 3 ? Promise.reject(failure(true, 'failed')) : Promise.resolve(good)),
      lookup: async () => undefined,
    })
    await granted(issuer)
    expect([issuer.issued.length, issuer.lookups.length]).toEqual([3, 0])
  })

  test.each<[string, boolean, number, RegExp]>([
    ['without lookup nothing is tried again', false, 1, /Before asking anew, look in its log/],
    [
      'an idempotent one is asked again',
      true,
      3,
      /Ask again with this requestId, by which .* or look in its log/,
    ],
  ])('%s, and nobody is told to resume', async (_, idempotent, calls, advice) => {
    const issuer = scripted({ issue: silence, idempotent })
    const error = await refusal(issuer)
    expect([error.code, issuer.issued.length]).toEqual(['ERR_ISSUER_OUTCOME_UNKNOWN', calls])
    expect(error.message).toMatch(advice)
    expect(error.message).not.toMatch(/resume/)
    const spki = workloadKeys.publicKey.export({ format: 'der', type: 'spki' })
    expect(error.message).toContain(createHash('sha256').update(spki).digest('hex'))
  })

  test('one that is idempotent stays unknown when only its last attempt surely failed', async () => {
    const issuer = scripted({
      idempotent: true,
      issue: (call: number) => (call === 1 ? silence() : Promise.reject(failure(false, 'failed'))),
    })
    expect((await refusal(issuer)).code).toBe('ERR_ISSUER_OUTCOME_UNKNOWN')
  })

  test('when the lookup fails too, nothing is tried again', async () => {
    const lookup = new Error('down')
    const issuer = scripted({ issue: silence, lookup: () => Promise.reject(lookup) })
    const error = await refusal(issuer)
    expect(error.message).toMatch(/Ask again with this requestId and resume: true/)
    expect([error.code, error.cause, issuer.issued.length, issuer.lookups.length]).toEqual([
      'ERR_ISSUER_OUTCOME_UNKNOWN',
      lookup,
      1,
      3,
    ])
  })

  const refused = failure(false, 'failed', 'the request was denied')

  test('a lookup that tells of a refusal for good makes it one, with its reason', async () => {
    for (const issue of [silence, async () => 'pending']) {
      const issuer = scripted({ issue, lookup: () => Promise.reject(refused) })
      const error = await refusal(issuer)
      expect([error.code, error.cause, issuer.issued.length, issuer.lookups.length]).toEqual([
        'ERR_ISSUER_FAILED',
        refused,
        1,
        1,
      ])
      expect(error.message).toContain('the request was denied')
      expect(error.data).toMatchObject({ attempts: 1, requestId: issuer.issued[0]?.requestId })
    }
    const resumed = scripted({ issue: async () => good, lookup: () => Promise.reject(refused) })
    expect((await refusal(resumed, { resume: true })).code).toBe('ERR_ISSUER_FAILED')
    expect([resumed.issued.length, resumed.lookups.length]).toEqual([0, 1])
  })

  test.each<[string, boolean, 'failed' | 'unknown', number]>([
    ['may pass', true, 'failed', 3],
    ['could not look', false, 'unknown', 1],
    ['could not look, which may pass', true, 'unknown', 3],
  ])('one that %s says nothing of the request', async (_, retryable, outcome, lookups) => {
    const issuer = scripted({ issue: silence, lookup: () => Promise.reject(failure(retryable, outcome)) })
    expect([(await refusal(issuer)).code, issuer.issued.length, issuer.lookups.length]).toEqual([
      'ERR_ISSUER_OUTCOME_UNKNOWN',
      1,
      lookups,
    ])
  })

  test('a lookup that stalls is given up as well', async () => {
    const issuer = scripted({
      issue: silence,
      lookup: (call: number) => (call === 1 ? silence() : Promise.resolve(good)),
    })
    await granted(issuer, { lifetime: { max: '24h' } })
    expect([issuer.issued.length, issuer.lookups.length]).toEqual([1, 2])
  })

  test('a certificate that is found is verified like any other', async () => {
    const issuer = scripted({
      issue: silence,
      lookup: async () => answerOf(leaf({ keys: keysOf('stranger') })),
    })
    expect((await refusal(issuer)).code).toBe('ERR_ISSUER_MISMATCH')
  })

  test('resume looks first', async () => {
    const found = scripted({ issue: async () => undefined, lookup: async () => good })
    await found.ask({ resume: true })
    expect([found.issued.length, found.lookups.length]).toEqual([0, 1])
    const nothing = scripted({ issue: async () => good, lookup: async () => undefined })
    await nothing.ask({ resume: true })
    expect([nothing.issued.length, nothing.lookups.length]).toEqual([1, 1])
  })
})

describe('a certificate that takes its time', () => {
  test('is looked for until it is there', async () => {
    const issuer = scripted({
      issue: async () => 'pending',
      lookup: (call: number) => Promise.resolve(call < 5 ? 'pending' : good),
    })
    await granted(issuer)
    expect([issuer.issued.length, issuer.lookups.length]).toEqual([1, 5])
    expect(issuer.events.map(({ type, call, attempt }) => [type, call, attempt])).toEqual([
      ['pending', 'issue', 1],
      ...[1, 2, 3, 4].map((attempt) => ['pending', 'lookup', attempt]),
    ])
  })

  test('or until the patience for it ends', async () => {
    const issuer = scripted({ issue: async () => 'pending', lookup: async () => 'pending' })
    const error = await refusal(issuer, { pendingTimeout: '3m' })
    expect([error.code, error.message, issuer.issued.length]).toEqual([
      'ERR_ISSUER_OUTCOME_UNKNOWN',
      expect.stringMatching(/still pending after 3m/),
      1,
    ])
  })

  test('is nowhere without a lookup', async () => {
    const error = await refusal(scripted({ issue: async () => 'pending', idempotent: true }))
    expect(error.code).toBe('ERR_ISSUER_OUTCOME_UNKNOWN')
  })

  test('and was forgotten', async () => {
    const issuer = scripted({ issue: async () => 'pending', lookup: async () => undefined })
    const error = await refusal(issuer)
    expect([error.code, error.message, issuer.issued.length]).toEqual([
      'ERR_ISSUER_FAILED',
      expect.stringMatching(/forgot a request/),
      3,
    ])
  })
})

describe('an issuer that refuses or is silent', () => {
  test('a refusal is final, and its words are shown', async () => {
    const said = failure(false, 'failed', 'the role "mesh" does not allow this \u001b[31mname')
    const issuer = scripted({ issue: () => Promise.reject(said), lookup: async () => undefined })
    const error = await refusal(issuer)
    expect([error.code, error.cause, error.data['attempts'], issuer.issued.length]).toEqual([
      'ERR_ISSUER_FAILED',
      said,
      1,
      1,
    ])
    expect(error.message).toContain('does not allow this \\u{1b}[31mname')
  })

  test('a failure of another copy of this library is known by its shape', async () => {
    const foreign = Object.assign(new Error('denied'), { retryable: false, outcome: 'failed' })
    expect((await refusal(scripted({ issue: () => Promise.reject(foreign) }))).code).toBe('ERR_ISSUER_FAILED')
    const vague = Object.assign(new Error('denied'), { retryable: false, outcome: 'perhaps' })
    expect((await refusal(scripted({ issue: () => Promise.reject(vague) }))).code).toBe(
      'ERR_ISSUER_OUTCOME_UNKNOWN',
    )
  })

  test('one that throws at once', async () => {
    const issuer = scripted({
      issue: () => {
        throw failure(true, 'failed')
      },
    })
    expect((await refusal(issuer)).data).toMatchObject({ attempts: 3 })
  })

  test('a refusal of unknown outcome that was not made', async () => {
    const issuer = scripted({
      issue: () => Promise.reject(failure(false, 'unknown')),
      lookup: async () => undefined,
    })
    expect([(await refusal(issuer)).code, issuer.issued.length]).toEqual(['ERR_ISSUER_FAILED', 1])
  })

  test('silence to the end, when surely nothing was made', async () => {
    const issuer = scripted({ issue: silence, lookup: async () => undefined })
    const error = await refusal(issuer, { attempts: 2, timeout: '5s' })
    expect([error.code, error.data['attempts'], issuer.issued.length, issuer.lookups.length]).toEqual([
      'ERR_ISSUER_TIMEOUT',
      2,
      2,
      2,
    ])
    expect(error.message).toMatch(/asked 2 times and did not answer within 5s/)
  })

  test('late answers and late failures are ignored', async () => {
    const late = deferred<unknown>()
    let fail: ((error: unknown) => void) | undefined
    const issuer = scripted({
      issue: (call: number) =>
        call === 1
          ? late.promise
          : new Promise((_, reject) => {
              fail = reject
            }),
      lookup: async () => undefined,
    })
    const error = await refusal(issuer, { attempts: 2 })
    late.resolve(good)
    fail?.(new Error('late'))
    expect(error.code).toBe('ERR_ISSUER_TIMEOUT')
  })
})

describe("the caller's signal", () => {
  const reason = new Error('enough')
  test('ends a call, a lookup and a pause, with its reason', async () => {
    const scripts = [
      { issue: silence, lookup: silence, after: '1s' },
      { issue: silence, lookup: silence, after: '31s' },
      { issue: () => Promise.reject(failure(true, 'failed')), after: '0s' },
      { issue: async () => 'pending', lookup: async () => 'pending', after: '20s' },
    ]
    for (const { after, ...script } of scripts) {
      const issuer = scripted(script)
      const { signal, abort } = controller()
      const pending = issuer.ask({ signal, backoff: '1m', maxBackoff: '1m' })
      if (after === '0s') await turn()
      else await issuer.clock.run(after)
      expect(issuer.clock.sleepers).toBe(1)
      abort(reason)
      await expect(pending).rejects.toBe(reason)
      expect([issuer.clock.sleepers, getEventListeners(signal, 'abort').length]).toEqual([0, 0])
    }
  })

  test('before anything', async () => {
    const issuer = scripted({ issue: async () => good })
    await expect(issuer.ask({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    expect(issuer.issued).toHaveLength(0)
  })

  function controller() {
    const made = new AbortController()
    return { signal: made.signal, abort: (why: unknown) => made.abort(why) }
  }
  const turn = async (): Promise<void> => {
    for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve))
  }
})

test('a hundred at the same time get theirs, though a third is lost on the way', async () => {
  const clock = manualClock(NOW)
  const kept = new Map<string, ReturnType<typeof answerOf>>()
  let calls = 0
  const made = new Map<string, number>()
  const issuer = {
    issue: async ({
      requestId,
      intent,
    }: {
      requestId: string
      intent: { subjectAltNames: readonly { type: string; value: unknown }[] }
    }) => {
      made.set(requestId, (made.get(requestId) ?? 0) + 1)
      const [name] = intent.subjectAltNames
      const answer = answerOf(leaf({ extensions: leafExtensions(String(name?.value)) }))
      kept.set(requestId, answer)
      return calls++ % 3 === 0 ? silence() : answer
    },
    lookup: async (requestId: string) => kept.get(requestId),
  }
  const ids = Array.from({ length: 100 }, (_, i) => `${ID}-${i}`)
  const pending = Promise.all(ids.map((id) => requestCertificate(issuer, { ...LEAF_WISH, id, clock })))
  pending.catch(() => {})
  await clock.run('1h')
  const issued = await pending
  expect(issued.map(({ certificate }) => certificate.subjectAltNames[0]?.value)).toEqual(ids)
  expect([made.size, Math.max(...made.values())]).toEqual([100, 1])
})

describe('misuse', () => {
  test.each<[string, object, RegExp]>([
    ['an unknown option', { lifetimes: {} }, /no option "lifetimes"/],
    ['a lifetime that is text', { lifetime: '24h' }, /option "lifetime" takes an options object/],
    ['a lifetime without a maximum', { lifetime: {} }, /option "lifetime.max"/],
    ['a minimum above the maximum', { lifetime: { max: '1h', min: '2h' } }, /option "lifetime.min"/],
    ['no anchors', { anchors: [] }, /option "anchors"/],
    ['a path length of a workload', { pathLength: 0 }, /option "pathLength" is for a CA/],
    [
      'constraints of a workload',
      { nameConstraints: { permitted: [uri('a')] } },
      /option "nameConstraints" is for a CA/,
    ],
    ['a second URI', { subjectAltNames: [{ type: 'uri', value: 'spiffe://td/b' }] }, /exactly one/],
    ['names that are none', { subjectAltNames: 'a' }, /option "subjectAltNames"/],
    ['an identity without a path', { id: 'spiffe://td' }, /has no path/],
    ['an identity that is none', { id: 5 }, /option "id"/],
    ['purposes that are none', { purposes: [] }, /option "purposes"/],
    ['a purpose that is none', { purposes: ['servers'] }, /option "purposes"/],
    ['a key usage that is none', { keyUsage: ['sign'] }, /option "keyUsage"/],
    ['a request id with a slash', { requestId: '../a' }, /option "requestId"/],
    ['resume without lookup', { resume: true }, /needs an issuer with the method lookup/],
    ['a clock', { clock: 5 }, /option "clock"/],
    ['a signal', { signal: {} }, /option "signal"/],
    ['an observer', { onEvent: {} }, /option "onEvent"/],
  ])('%s', async (_, wrong, text) => {
    const issuer = scripted({ issue: async () => good })
    const pending = issuer.ask(wrong)
    await expect(pending).rejects.toThrow(text)
    await expect(pending).rejects.not.toBeInstanceOf(MeshPkiError)
    expect(issuer.issued).toHaveLength(0)
  })

  test('what is no issuer', async () => {
    for (const wrong of [undefined, null, {}, () => good])
      await expect(Reflect.apply(requestCertificate, undefined, [wrong, LEAF_WISH])).rejects.toThrow(
        /takes an ExternalIssuer/,
      )
  })

  test('a CA without a name is not asked for', async () => {
    const issuer = scripted({ issue: async () => answerOf(clusterCa()) }, { ...CA_WISH, csr: workloadCsr })
    expect((await refusalOfAsync(issuer.ask())).code).toBe('ERR_CA_SUBJECT')
    expect(issuer.issued).toHaveLength(0)
  })

  test('a failure must say what it is', () => {
    const make = (options: object) => () => Reflect.construct(IssuerFailure, ['x', options])
    expect(make({ retryable: 1, outcome: 'failed' })).toThrow(/"retryable"/)
    expect(make({ retryable: true, outcome: 'maybe' })).toThrow(/"outcome"/)
  })
})
