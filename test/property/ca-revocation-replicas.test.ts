/**
 * Several replicas over one store, in every order, with conflicts and crashes.
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { memoryRevocationStore } from '../../src/ca/index.ts'
import { issueCrl } from '../../src/ca/revocation/issue-crl.ts'
import type { RevocationContext, RevocationStore } from '../../src/ca/revocation/revocation-store.ts'
import { revoke } from '../../src/ca/revocation/revoke.ts'
import { CheckedSigner } from '../../src/ca/sign-certificate.ts'
import type { CertificateList, RevocationReason } from '../../src/x509/index.ts'
import { type Misdeed, revokingCa, scriptedStore } from '../unit/ca/revocation-support.ts'
import { CallersSigner } from '../unit/ca/support.ts'

type Step =
  | { readonly do: 'revoke'; readonly serial: string; readonly reason: RevocationReason }
  | { readonly do: 'issue'; readonly delta: boolean | 'with-complete'; readonly signs: boolean }

const SERIALS = ['01', '02', '03', '04']

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    do: fc.constant('revoke' as const),
    serial: fc.constantFrom(...SERIALS),
    reason: fc.constantFrom<RevocationReason>(
      'keyCompromise',
      'certificateHold',
      'certificateHold',
      'removeFromCRL',
    ),
  }),
  fc.record({
    do: fc.constant('issue' as const),
    delta: fc.constantFrom<boolean | 'with-complete'>(true, true, false, 'with-complete'),
    signs: fc.constantFrom(true, true, true, false),
  }),
)

const misdeed = fc.constantFrom<Misdeed>(
  undefined,
  undefined,
  undefined,
  undefined,
  'conflict',
  'lost',
  'fails',
  'fails after it was done',
)

/** A list that was released, and the numbers that had been released when it was asked for. */
interface Released {
  readonly crl: CertificateList
  readonly before: bigint
}

const ca = await revokingCa()
const { signer } = ca.context.signer
const sound = await CheckedSigner.of(new CallersSigner(signer))
const broken = await CheckedSigner.of(new CallersSigner(signer, () => Promise.reject(new Error('denied'))))

/** What a relying party holds revoked by a complete list and the newest delta CRL that goes with it (RFC 5280 §5.2.4). */
function combined(complete: CertificateList, deltas: readonly CertificateList[]): readonly string[] {
  const own = complete.crlNumber ?? 0n
  const delta = deltas
    .filter(({ crlNumber = 0n, baseCrlNumber = 0n }) => baseCrlNumber <= own && own < crlNumber)
    .sort((a, b) => Number((b.crlNumber ?? 0n) - (a.crlNumber ?? 0n)))[0]
  const entries = new Map([...complete].map(({ serialNumber, reason }) => [serialNumber, reason]))
  for (const { serialNumber, reason } of delta ?? []) {
    if (reason === 'removeFromCRL') entries.delete(serialNumber)
    else entries.set(serialNumber, reason)
  }
  return entryTexts(entries)
}

const entryTexts = (entries: Iterable<readonly [string, RevocationReason | undefined]>): readonly string[] =>
  [...entries].map(([serial, reason]) => `${serial} ${reason}`).sort()

const own = (crl: CertificateList): readonly string[] =>
  entryTexts([...crl].map(({ serialNumber, reason }) => [serialNumber, reason] as const))

test('numbers are never given twice, and no revocation is lost', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.scheduler(),
      fc.array(fc.array(step, { maxLength: 6 }), { minLength: 2, maxLength: 4 }),
      fc.array(misdeed, { maxLength: 30 }),
      async (scheduler, replicas, script) => {
        const memory = memoryRevocationStore()
        const left = [...script]
        const scripted = scriptedStore(memory, () => left.shift())
        const store: RevocationStore = {
          read: scheduler.scheduleFunction(async () => scripted.read()),
          replace: scheduler.scheduleFunction(async (version, next) => scripted.replace(version, next)),
        }
        const released: Released[] = []
        /** Serial numbers whose final revocation was answered. */
        const final = new Set<string>()
        const context = (signs: boolean): RevocationContext => ({
          ...ca.context,
          store,
          signer: signs ? sound : broken,
        })
        const newest = (): bigint =>
          released.reduce((most, { crl: { crlNumber = 0n } }) => (crlNumber > most ? crlNumber : most), 0n)

        const perform = async (one: Step): Promise<void> => {
          if (one.do === 'revoke') {
            const { serial, reason } = one
            const { reason: now } = await revoke(context(true), serial, { reason })
            if (now === 'keyCompromise') final.add(serial)
            return
          }
          const [before, known] = [newest(), new Set(final)]
          const { crl, delta } = await issueCrl(context(one.signs), { nextUpdate: '7d', delta: one.delta })
          for (const list of [crl, ...(delta === undefined ? [] : [delta])])
            released.push({ crl: list, before })
          // What was answered before the list was asked for is in it.
          if (!crl.isDelta) for (const serial of known) expect(crl.find(serial)?.reason).toBe('keyCompromise')
        }
        const failures: unknown[] = []
        const work = replicas.map(async (steps) => {
          for (const one of steps)
            await perform(one).catch((error: { code?: string }) => {
              // A crash ends one call; the replica starts again with the next.
              if (!/^ERR_CA_(REVOCATION_(STORE|REASON|CONFLICT)|CRL_BASE|SIGNER)$/.test(String(error.code)))
                failures.push(error)
            })
        })
        await scheduler.waitFor(Promise.all(work))
        expect(failures).toEqual([])

        // Later lists have greater numbers, and only a complete one and its delta CRL share one.
        for (const { crl, before } of released) expect(crl.crlNumber ?? 0n).toBeGreaterThan(before)
        for (const isDelta of [true, false]) {
          const numbers = released
            .filter(({ crl }) => crl.isDelta === isDelta)
            .map(({ crl }) => crl.crlNumber)
          expect(new Set(numbers).size).toBe(numbers.length)
        }
        // Nothing is lost, and what a delta CRL and any older complete one say together is what the next complete one says.
        const quiet = { ...ca.context, store: memory, signer: sound }
        if (released.some(({ crl }) => !crl.isDelta)) {
          const last = await issueCrl(quiet, { nextUpdate: '7d', delta: 'with-complete' })
          for (const serial of final) expect(last.crl.find(serial)?.reason).toBe('keyCompromise')
          expect(last.number).toBeGreaterThan(newest())
          const { delta } = last
          if (delta === undefined) return
          for (const { crl } of released)
            if (!crl.isDelta && (crl.crlNumber ?? 0n) >= (delta.baseCrlNumber ?? 0n))
              expect(combined(crl, [delta])).toEqual(own(last.crl))
        }
      },
    ),
    { numRuns: 150 },
  )
}, 60_000)

/** The states that complete lists show, and the delta CRLs between them, agree at every number. */
test('every delta CRL with every complete one that it goes with says what was so then', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      const context = { ...ca.context, store: memoryRevocationStore(), signer: sound }
      const complete: CertificateList[] = []
      /** What holds now, by the rules of RFC 5280 §5.3.1 alone. */
      const model = new Map<string, RevocationReason>()
      for (const one of [{ do: 'issue', delta: false, signs: true } as const, ...steps]) {
        if (one.do === 'revoke') {
          const before = model.get(one.serial)
          const outcome = await revoke(context, one.serial, { reason: one.reason }).catch(
            (error) => error.code,
          )
          if (one.reason === 'removeFromCRL') {
            if (before === 'certificateHold') model.delete(one.serial)
            else if (before !== undefined) expect(outcome).toBe('ERR_CA_REVOCATION_REASON')
          } else if (before === undefined || before === 'certificateHold') model.set(one.serial, one.reason)
          continue
        }
        const { crl, delta } = await issueCrl(context, { nextUpdate: '7d', delta: one.delta })
        const truth = entryTexts(model)
        if (!crl.isDelta) expect(own(crl)).toEqual(truth)
        const newest = crl.isDelta ? crl : delta
        if (newest !== undefined)
          for (const list of complete)
            if ((list.crlNumber ?? 0n) >= (newest.baseCrlNumber ?? 0n))
              expect(combined(list, [newest])).toEqual(truth)
        if (!crl.isDelta) complete.push(crl)
      }
    }),
    { numRuns: 150 },
  )
}, 60_000)
