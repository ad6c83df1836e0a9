/**
 * What every `ExternalIssuer` must do, whoever is behind it. A provider's test gives a world: the issuer, what stands for its provider,
 * and ways to make that go wrong.
 */
import { afterEach, describe, expect, test } from 'vitest'
import {
  type CertificateMismatch,
  type ExternalIssuer,
  type IssuedCertificate,
  type IssuerEvent,
  type RequestCertificateOptions,
  requestCertificate,
} from '../../../src/ca/index.ts'
import { type CreatedCsr, Csr, createCsr } from '../../../src/csr/index.ts'
import type { MeshPkiError } from '../../../src/errors.ts'
import { Certificate } from '../../../src/x509/index.ts'
import { refusalOfAsync } from '../../fixtures/x509/refusal.ts'
import { expectNothingUnhandled } from '../../support/unhandled.ts'
import { CALL_TIMEOUT, type ContractClock, contractClock } from './contract-clock.ts'
import { everythingIn } from './secrets.ts'

/**
 * How a provider goes wrong. Those that say "once", and those from `answer-lost` on, are over after the next request
 * for a certificate; the others last.
 */
export type Misbehaviour =
  /** It says "slower", once. */
  | 'throttled-once'
  /** It breaks, once, before it does anything, and says so. */
  | 'unavailable-once'
  /** It is not there, however often it is asked. */
  | 'unavailable'
  /** It refuses, with a reason of its own: the policy, the role, the template. */
  | 'refused'
  /** It does not know us any longer. */
  | 'credentials-expired'
  /** It never answers. Whether it makes a certificate is its own affair; it makes at most one by one request. */
  | 'hangs'
  /** It makes a certificate, and its answer is lost. */
  | 'answer-lost'
  /** It answers another request's certificate. */
  | 'other-request'
  /** It gives more time than was asked for. */
  | 'longer-lifetime'
  /** Its chain leads to another root. */
  | 'other-root'
  /** It makes a CA where a leaf was asked. */
  | 'ca-for-leaf'
  /** It answers something that is not of its protocol. */
  | 'garbage'

/** What the provider was asked for, as it understands it. */
export interface ReceivedRequest {
  readonly csrPem: string
  readonly lifetimeSeconds: number
  readonly isCa: boolean
  readonly pathLength: number | undefined
}

/** An issuer with its provider. */
export interface IssuerWorld {
  readonly issuer: ExternalIssuer
  /** PEM of the root that its certificates lead to. It must allow two CAs below it. */
  readonly anchors: string
  /** What the provider was asked for so far; requests that it turned away may be among them. */
  received(): readonly ReceivedRequest[]
  /** How many certificates the provider has made. */
  issued(): number
  misbehave(how: Misbehaviour): void
  /** Ends what `misbehave` began. Without it, no test asks a provider again that hung. */
  recover?(): void
  /** Fulfilled when a request hangs. Without it, 60 milliseconds count as that. */
  hung?(): Promise<void>
  /** Text of its refusal that must come through to the caller. */
  readonly refusal?: string | undefined
  /** Secrets that must not be in any error or event: tokens, keys. */
  readonly secrets: readonly string[]
  close(): Promise<void>
}

/** What will be asked for in a world. */
export interface WorldOptions {
  readonly kind: 'ca' | 'workload'
}

/** What is special about a provider. */
export interface ContractTraits {
  /** What it can issue. Default: both. */
  readonly kinds?: readonly WorldOptions['kind'][]
  /** What cannot be made to go wrong there, such as with a real server. Those tests are not registered. */
  readonly without?: readonly Misbehaviour[]
  /** What its workloads are asked for instead; also the subject and names of the request. */
  readonly workload?: Pick<
    RequestCertificateOptions,
    'subject' | 'id' | 'subjectAltNames' | 'purposes' | 'keyUsage'
  >
}

const WORKLOAD = { id: 'spiffe://cluster.local/ns/default/sa/web' }
const CA_SUBJECT = 'L=kind2,CN=Intermediate CA,O=Example'
/** Providers count from the second in which they are asked, or one that they round to. */
const ROUNDING_SECONDS = 2

interface Asked {
  readonly created: CreatedCsr
  readonly events: readonly IssuerEvent[]
  readonly clock: ContractClock
  readonly result: Promise<IssuedCertificate>
  /** Asks again by the same options. */
  again(options: Partial<RequestCertificateOptions>): Promise<IssuedCertificate>
}

/**
 * Registers the tests.
 *
 * @param makeWorld makes a provider that has been asked for nothing
 *
 * @example
 * ```ts
 * issuerContract('vaultIssuer', ({ kind }) => vaultWorld(kind))
 * ```
 */
export function issuerContract(
  name: string,
  makeWorld: (options: WorldOptions) => Promise<IssuerWorld>,
  traits: ContractTraits = {},
): void {
  const kinds = traits.kinds ?? ['ca', 'workload']
  const worlds: IssuerWorld[] = []
  const enter = async (kind: WorldOptions['kind']): Promise<IssuerWorld> => {
    const world = await makeWorld({ kind })
    worlds.push(world)
    return world
  }

  const ask = async (
    world: IssuerWorld,
    kind: WorldOptions['kind'],
    options: Partial<RequestCertificateOptions> = {},
  ): Promise<Asked> => {
    const workload = { ...WORKLOAD, ...traits.workload }
    const created = await createCsr(
      kind === 'ca'
        ? { subject: CA_SUBJECT, key: 'P-256' }
        : {
            key: 'P-256',
            ...(workload.subject === undefined ? {} : { subject: workload.subject }),
            subjectAltNames: [
              ...(workload.id === undefined ? [] : [{ type: 'uri' as const, value: String(workload.id) }]),
              ...(workload.subjectAltNames ?? []),
            ],
          },
    )
    const clock = contractClock(() => world.hung?.())
    const events: IssuerEvent[] = []
    const wish: RequestCertificateOptions = {
      csr: created.csr,
      anchors: world.anchors,
      timeout: CALL_TIMEOUT,
      maxBackoff: '1s',
      clock,
      onEvent: (event) => void events.push(event),
      ...(kind === 'ca'
        ? { isCa: true, pathLength: 0, lifetime: { max: '30d', min: '29d' } }
        : { ...workload, lifetime: { max: '24h', min: '23h' } }),
      ...options,
    }
    const again = (changes: Partial<RequestCertificateOptions>): Promise<IssuedCertificate> =>
      requestCertificate(world.issuer, { ...wish, ...changes })
    const result = again({})
    result.catch(() => {})
    return { created, events, clock, result, again }
  }

  /** The error of a wish; neither it nor an event may tell a secret. */
  const refusal = async (world: IssuerWorld, { result, events }: Asked): Promise<MeshPkiError> => {
    const error = await refusalOfAsync(result)
    const told = [...everythingIn(error), ...events.flatMap(everythingIn), ...everythingIn(world.issuer)]
    expect(world.secrets.filter((secret) => told.some((text) => text.includes(secret)))).toEqual([])
    expect(error.message.length).toBeLessThan(2048)
    expect(error.message).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e]/)
    return error
  }

  const fieldsOf = (error: MeshPkiError): readonly string[] =>
    (error.data['mismatches'] as readonly CertificateMismatch[]).map(({ field }) => field)

  const can = (how: Misbehaviour): boolean => traits.without?.includes(how) !== true
  const whenIt = (how: Misbehaviour, title: string, run: (kind: WorldOptions['kind']) => Promise<void>) => {
    if (!can(how)) return
    test.each(kinds)(`${how}: ${title} (%s)`, run)
  }

  describe(`${name} keeps the contract of issuers`, () => {
    expectNothingUnhandled()
    afterEach(async () => {
      for (const world of worlds.splice(0)) await world.close()
    })

    describe('what is asked for', () => {
      test.each(kinds.includes('ca') ? [0, 1] : [])('a CA with path length %i', async (pathLength) => {
        const world = await enter('ca')
        const asked = await ask(world, 'ca', { pathLength })
        const { certificate, chain } = await asked.result
        expect(certificate.isCa).toBe(true)
        expect(certificate.pathLength).toBe(pathLength)
        expect(chain.at(-1)?.fingerprint()).toBe(Certificate.fromPem(world.anchors).fingerprint())
        expect(world.issued()).toBe(1)
        expectAsked(world, asked.created.csr, { isCa: true, pathLength, seconds: 30 * 86_400 })
      })

      if (kinds.includes('workload')) {
        test('a workload', async () => {
          const world = await enter('workload')
          const asked = await ask(world, 'workload')
          const { certificate } = await asked.result
          expect(certificate.isCa).toBe(false)
          expect(certificate.publicKey).toEqual(asked.created.csr.publicKey)
          expect(world.issued()).toBe(1)
          expectAsked(world, asked.created.csr, { isCa: false, pathLength: undefined, seconds: 86_400 })
        })
      }

      test.each(kinds)('two wishes are two certificates, each of its own key (%s)', async (kind) => {
        const world = await enter(kind)
        const [one, two] = [await ask(world, kind), await ask(world, kind)]
        expect((await one.result).certificate.publicKey).toEqual(one.created.csr.publicKey)
        expect((await two.result).certificate.publicKey).toEqual(two.created.csr.publicKey)
        expect(world.issued()).toBe(2)
      })
    })

    describe('what passes', () => {
      const once: readonly Misbehaviour[] = ['throttled-once', 'unavailable-once']
      for (const how of once) {
        whenIt(how, 'asked again, and one certificate', async (kind) => {
          const world = await enter(kind)
          world.misbehave(how)
          const { result, created } = await ask(world, kind)
          expect((await result).certificate.publicKey).toEqual(created.csr.publicKey)
          expect(world.issued()).toBe(1)
        })
      }
    })

    describe('what does not pass', () => {
      whenIt('unavailable', 'it ends, and there is no certificate', async (kind) => {
        const world = await enter(kind)
        world.misbehave('unavailable')
        const error = await refusal(world, await ask(world, kind))
        expect(error.code).toMatch(/^ERR_ISSUER_(FAILED|TIMEOUT|OUTCOME_UNKNOWN)$/)
        expect(world.issued()).toBe(0)
      })

      const final: readonly Misbehaviour[] = ['refused', 'credentials-expired']
      for (const how of final) {
        whenIt(how, 'final, by the first answer', async (kind) => {
          const world = await enter(kind)
          world.misbehave(how)
          const asked = await ask(world, kind)
          const error = await refusal(world, asked)
          expect(error.code).toBe('ERR_ISSUER_FAILED')
          expect(error.data['attempts']).toBe(1)
          expect(asked.events.filter(({ call }) => call === 'issue')).toHaveLength(1)
          expect(world.issued()).toBe(0)
          if (how === 'refused' && world.refusal !== undefined) expect(error.message).toContain(world.refusal)
        })
      }
    })

    describe('what nobody knows', () => {
      whenIt('hangs', 'it is given up and looked for, and there are never two certificates', async (kind) => {
        const world = await enter(kind)
        const { lookup, idempotent } = world.issuer
        world.misbehave('hangs')
        const asked = await ask(world, kind, hasty(world))
        const found = await asked.result.catch(() => undefined)
        if (found !== undefined) {
          // It was made, and a look-up has found it.
          expect(found.certificate.publicKey).toEqual(asked.created.csr.publicKey)
          expect(asked.events[0]?.call).toBe('issue')
          expect(world.issued()).toBe(1)
          return
        }
        const error = await refusal(world, asked)
        expect(error.code).toMatch(/^ERR_ISSUER_(TIMEOUT|FAILED|OUTCOME_UNKNOWN)$/)
        expect(world.issued()).toBeLessThanOrEqual(1)
        if (lookup === undefined && idempotent !== true) {
          expect(error.code).toBe('ERR_ISSUER_OUTCOME_UNKNOWN')
          expect(asked.events).toHaveLength(1)
        }
        const calls = asked.events.map(({ call }) => call)
        expect(calls[0]).toBe('issue')
        if (lookup !== undefined) expect(calls[1]).toBe('lookup')
        if (world.recover === undefined || (lookup === undefined && idempotent !== true)) return
        world.recover()
        const { certificate } = await asked.again({
          clock: contractClock(() => world.hung?.()),
          ...(lookup === undefined ? {} : { resume: true }),
        })
        expect(certificate.publicKey).toEqual(asked.created.csr.publicKey)
        expect(world.issued()).toBe(1)
      })

      whenIt('answer-lost', 'one certificate, found or said to be unknown', async (kind) => {
        const world = await enter(kind)
        world.misbehave('answer-lost')
        const asked = await ask(world, kind)
        if (world.issuer.lookup !== undefined || world.issuer.idempotent === true) {
          const { certificate } = await asked.result
          expect(certificate.publicKey).toEqual(asked.created.csr.publicKey)
        } else expect((await refusal(world, asked)).code).toBe('ERR_ISSUER_OUTCOME_UNKNOWN')
        expect(world.issued()).toBe(1)
      })
    })

    describe('what is not what was asked for', () => {
      const wrong: readonly (readonly [Misbehaviour, string])[] = [
        ['other-request', 'publicKey'],
        ['longer-lifetime', 'lifetime'],
        ['other-root', 'chain'],
      ]
      for (const [how, field] of wrong) {
        whenIt(how, 'nothing is handed out', async (kind) => {
          const world = await enter(kind)
          world.misbehave(how)
          const asked = await ask(world, kind)
          const error = await refusal(world, asked)
          expect(error.code).toBe('ERR_ISSUER_MISMATCH')
          expect(fieldsOf(error)).toContain(field)
        })
      }

      if (kinds.includes('workload') && can('ca-for-leaf')) {
        test('ca-for-leaf: nothing is handed out (workload)', async () => {
          const world = await enter('workload')
          world.misbehave('ca-for-leaf')
          const error = await refusal(world, await ask(world, 'workload'))
          expect(error.code).toBe('ERR_ISSUER_MISMATCH')
          expect(fieldsOf(error)).toContain('isCa')
        })
      }

      whenIt('garbage', 'nothing is handed out but what a look-up finds', async (kind) => {
        const world = await enter(kind)
        world.misbehave('garbage')
        const asked = await ask(world, kind)
        const outcome = await asked.result.catch(() => undefined)
        if (outcome === undefined) {
          expect((await refusal(world, asked)).code).toMatch(/^ERR_ISSUER_(FAILED|MISMATCH|OUTCOME_UNKNOWN)$/)
        } else expect(outcome.certificate.publicKey).toEqual(asked.created.csr.publicKey)
        expect(world.issued()).toBeLessThanOrEqual(1)
      })
    })

    describe('the signal of the caller', () => {
      test.each(kinds)('ends it before it begins (%s)', async (kind) => {
        const world = await enter(kind)
        const reason = new Error('enough')
        const { result } = await ask(world, kind, { signal: AbortSignal.abort(reason) })
        await expect(result).rejects.toBe(reason)
        expect(world.received()).toEqual([])
      })

      whenIt('hangs', 'ends it while it hangs', async (kind) => {
        const world = await enter(kind)
        world.misbehave('hangs')
        const stop = new AbortController()
        const { result, clock } = await ask(world, kind, { signal: stop.signal })
        await Promise.race([clock.hung(), result.catch(() => {})])
        const reason = new Error('enough')
        stop.abort(reason)
        await expect(result).rejects.toBe(reason)
        expect(world.issued()).toBeLessThanOrEqual(1)
      })
    })
  })
}

/** Every call of a hanging provider is over at once. */
const hasty = (world: IssuerWorld): Pick<RequestCertificateOptions, 'clock'> => {
  const clock = contractClock(() => world.hung?.())
  clock.giveUp()
  return { clock }
}

function expectAsked(
  world: IssuerWorld,
  csr: Csr,
  { isCa, pathLength, seconds }: { isCa: boolean; pathLength: number | undefined; seconds: number },
): void {
  const received = world.received()
  expect(received).toHaveLength(1)
  const [request] = received
  expect(Csr.fromPem(request?.csrPem ?? '').fingerprint()).toBe(csr.fingerprint())
  expect(request?.isCa).toBe(isCa)
  expect(request?.pathLength).toBe(pathLength)
  expect(request?.lifetimeSeconds).toBeLessThanOrEqual(seconds)
  expect(request?.lifetimeSeconds).toBeGreaterThanOrEqual(seconds - ROUNDING_SECONDS)
}
