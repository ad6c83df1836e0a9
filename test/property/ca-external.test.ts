import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type CertificateMismatch,
  type ExternalIssuer,
  IssuerFailure,
  requestCertificate,
} from '../../src/ca/index.ts'
import { MeshPkiError } from '../../src/errors.ts'
import { manualClock } from '../../src/testing/index.ts'
import { answerOf, ID, LEAF_WISH, leaf, NOW, otherRoot, silence, upper } from '../unit/ca/external/support.ts'
import {
  basicConstraints,
  CLIENT_AUTH,
  dns,
  EMAIL_PROTECTION,
  eku,
  keysOf,
  keyUsage,
  SERVER_AUTH,
  san,
  uri,
} from '../unit/verify/forge.ts'

/** Settles a promise while its clock runs, and says how. */
async function outcomeOf<T>(clock: ReturnType<typeof manualClock>, pending: Promise<T>) {
  const settled = pending.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  )
  await clock.run('2h')
  return settled
}

describe('an answer is refused for exactly what is wrong with it', () => {
  // Most are as asked, so that whole certificates often are.
  const rarely = fc.integer({ min: 0, max: 7 }).map((n) => n === 0)
  const mostly = <T>(usual: T, ...others: readonly T[]) =>
    fc.oneof(
      { weight: 7, arbitrary: fc.constant(usual) },
      { weight: 2, arbitrary: fc.constantFrom(...others) },
    )
  const deviations = fc.record({
    key: rarely,
    subject: rarely,
    names: mostly<'as asked' | 'none' | 'one more' | 'another'>('as asked', 'none', 'one more', 'another'),
    isCa: rarely,
    purposes: mostly<'as asked' | 'more' | 'none'>('as asked', 'more', 'none'),
    issuer: rarely,
    begin: fc.integer({ min: -4000, max: 80 }),
    seconds: fc.integer({ min: 1, max: 100_000 }),
  })

  test('over random answers', async () => {
    const verdicts = { taken: 0, refused: 0 }
    await fc.assert(
      fc.asyncProperty(deviations, async (is) => {
        const notBefore = NOW.getTime() + is.begin * 1000
        const notAfter = NOW.getTime() + is.seconds * 1000
        fc.pre(notAfter > notBefore)
        const names = {
          'as asked': [uri(ID)],
          none: [],
          'one more': [dns('a.example'), uri(ID)],
          another: [uri(`${ID}-x`)],
        }[is.names]
        const purposes = {
          'as asked': [CLIENT_AUTH, SERVER_AUTH],
          more: [SERVER_AUTH, CLIENT_AUTH, EMAIL_PROTECTION],
          none: [],
        }[is.purposes]
        const forged = leaf({
          ...(is.key ? { keys: keysOf('stranger') } : {}),
          ...(is.subject || is.isCa || names.length === 0 ? { subject: 'x' } : {}),
          issuer: is.issuer ? otherRoot : upper,
          notBefore: new Date(notBefore).toISOString(),
          notAfter: new Date(notAfter).toISOString(),
          extensions: [
            basicConstraints(is.isCa),
            keyUsage(is.isCa ? 5 : 0),
            ...(purposes.length === 0 ? [] : [eku(...purposes)]),
            ...(names.length === 0 ? [] : [san(names, true)]),
          ],
        })
        // Up to a minute ahead is waited for; judged is then.
        const ahead = is.begin > 0 && is.begin <= 60 ? is.begin : 0
        const left = is.seconds - ahead
        const wrong = new Set<string>()
        if (is.key) wrong.add('publicKey')
        if (is.subject || is.isCa || names.length === 0) wrong.add('subject')
        if (is.names !== 'as asked') wrong.add('subjectAltNames')
        if (is.isCa) wrong.add('isCa').add('keyUsage')
        if (is.purposes !== 'as asked') wrong.add('extendedKeyUsage')
        if (is.begin > 60) wrong.add('notBefore')
        // An hour, and a minute for clocks that differ.
        if (is.begin < -3660) wrong.add('age')
        if (left > 86_460 || is.seconds - is.begin > 90_000) wrong.add('lifetime')
        if (is.issuer || is.begin > 60) wrong.add('chain')

        const clock = manualClock(NOW)
        const issuer: ExternalIssuer = { issue: async () => answerOf(forged) }
        const outcome = await outcomeOf(clock, requestCertificate(issuer, { ...LEAF_WISH, clock }))
        if ('value' in outcome) {
          expect([...wrong]).toEqual([])
          verdicts.taken++
          return
        }
        const { error } = outcome
        expect(error).toMatchObject({ code: 'ERR_ISSUER_MISMATCH' })
        const mismatches = (error as MeshPkiError).data['mismatches'] as readonly CertificateMismatch[]
        expect(new Set(mismatches.map(({ field }) => field))).toEqual(wrong)
        verdicts.refused++
      }),
      { numRuns: 200 },
    )
    expect(Math.min(verdicts.taken, verdicts.refused)).toBeGreaterThan(10)
  })
})

describe('never two certificates for one wish, whatever gets lost', () => {
  const step = fc.record({
    /** Whether the call reaches the issuer, which then makes the certificate. */
    arrives: fc.boolean(),
    /** What comes back: a truthful answer or none, at once or never. */
    back: fc.constantFrom('answer', 'silence', 'unmarked', 'unknown'),
    retryable: fc.boolean(),
  })

  test('over random losses of calls and lookups', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 5 }),
        fc.array(step, { maxLength: 8 }),
        fc.boolean(),
        async (issues, lookups, hasLookup) => {
          let made = 0
          const answer = answerOf(leaf())
          const reply = (
            is: { back: string; retryable: boolean } | undefined,
            value: unknown,
          ): Promise<never> => {
            const { back = 'answer', retryable = true } = is ?? {}
            if (back === 'silence') return silence()
            if (back === 'unmarked') return Promise.reject(new Error('reset'))
            if (back === 'unknown')
              return Promise.reject(new IssuerFailure('lost', { retryable, outcome: 'unknown' }))
            return Promise.resolve(value as never)
          }
          const issuer: ExternalIssuer = {
            issue: () => {
              const is = issues.shift()
              if (is?.arrives === false)
                return Promise.reject(
                  new IssuerFailure('refused', { retryable: is.retryable, outcome: 'failed' }),
                )
              made++
              return reply(is, answer)
            },
            ...(hasLookup ? { lookup: () => reply(lookups.shift(), made > 0 ? answer : undefined) } : {}),
          }
          const clock = manualClock(NOW)
          const outcome = await outcomeOf(clock, requestCertificate(issuer, { ...LEAF_WISH, clock }))
          expect(made).toBeLessThanOrEqual(1)
          expect(clock.sleepers).toBe(0)
          if ('value' in outcome) expect(made).toBe(1)
          else {
            // What says that nothing was made is right.
            expect(outcome.error).toBeInstanceOf(MeshPkiError)
            const { code } = outcome.error as MeshPkiError
            expect(code === 'ERR_ISSUER_OUTCOME_UNKNOWN' || made === 0).toBe(true)
            expect(code).toMatch(/^ERR_ISSUER_(FAILED|TIMEOUT|OUTCOME_UNKNOWN)$/)
          }
        },
      ),
      { numRuns: 300 },
    )
  })
})
