import fc from 'fast-check'
import { expect, test } from 'vitest'
import { MeshPkiError } from '../../src/errors.ts'
import {
  checkSvidSync,
  diffBundles,
  LiveBundles,
  readStoredBundles,
  SpiffeBundle,
  writeStoredBundles,
} from '../../src/spiffe/index.ts'
import { basicConstraints, forge, forgeCa, keyUsage, NOW, san, uri } from '../unit/verify/forge.ts'

/** Six authorities, and a leaf below each. */
const authorities = Array.from({ length: 6 }, (_, i) => {
  const ca = forgeCa({ subject: `property authority ${i}` })
  const extensions = [basicConstraints(false), keyUsage(0), san([uri(`spiffe://td/workload-${i}`)])]
  const leaf = forge({ subject: `property leaf ${i}`, issuer: ca, extensions })
  return { ca: ca.certificate, leaf: leaf.certificate }
})

const some = fc.subarray(authorities)
const sequence = fc.option(fc.bigInt({ min: 0n, max: 2n ** 70n }), { nil: undefined })
const bundleOf = (of: readonly (typeof authorities)[number][], number?: bigint) =>
  SpiffeBundle.of({ trustDomain: 'td', x509Authorities: of.map(({ ca }) => ca), sequence: number })
const accepts = (bundle: SpiffeBundle, { leaf }: (typeof authorities)[number]) =>
  checkSvidSync(leaf, { bundles: bundle, time: NOW }).ok

test('what is written is read to the same, from text and from bytes', () => {
  fc.assert(
    fc.property(
      some,
      sequence,
      fc.option(fc.integer({ min: 1, max: 10 ** 9 }), { nil: undefined }),
      (of, number, hint) => {
        const bundle = bundleOf(of, number).with(hint === undefined ? {} : { refreshHint: `${hint}s` })
        for (const document of [bundle.toJson(), new TextEncoder().encode(bundle.toJson())]) {
          const again = SpiffeBundle.fromJson('td', document)
          expect(again.skipped).toEqual([])
          expect(again.sequence).toBe(bundle.sequence)
          expect(again.refreshHint).toBe(hint)
          expect(again.digest()).toBe(bundle.digest())
          expect(again.toJson()).toBe(bundle.toJson())
        }
      },
    ),
  )
})

test('a mutated document is read or refused with a code, and trusts nobody who was not in it', () => {
  const document = bundleOf(authorities.slice(0, 2), 7n).toJson()
  const known = new Set(authorities.map(({ ca }) => ca.fingerprint()))
  const mutation = fc.record({
    at: fc.nat({ max: document.length - 1 }),
    char: fc.oneof(
      fc.constantFrom(...'"{}[],:\\0A'),
      fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
    ),
    kind: fc.constantFrom('replace', 'insert', 'delete'),
  })
  fc.assert(
    fc.property(fc.array(mutation, { minLength: 1, maxLength: 3 }), (mutations) => {
      const text = mutations.reduce((mutant, { at, char, kind }) => {
        const rest = mutant.slice(kind === 'insert' ? at : at + 1)
        return mutant.slice(0, at) + (kind === 'delete' ? '' : char) + rest
      }, document)
      try {
        const bundle = SpiffeBundle.fromJson('td', text)
        for (const authority of bundle.x509Authorities) {
          // A changed certificate may still be one; the key beside it must then be its own.
          if (!known.has(authority.fingerprint())) expect(authority.isCa).toBe(true)
        }
        expect(bundle.x509Authorities.length).toBeLessThanOrEqual(2)
      } catch (error) {
        if (!(error instanceof MeshPkiError)) throw error
        expect(error.code).toMatch(/^ERR_(JSON|SPIFFE_BUNDLE)/)
      }
    }),
    { numRuns: 2000 },
  )
})

test('a diff that is safe refuses nobody who is in use, and every refusal makes it unsafe', () => {
  fc.assert(
    fc.property(some, some, some, (before, after, used) => {
      const old = bundleOf(before, 1n)
      const next = bundleOf(after, 2n)
      // In use is only what was accepted before.
      const inUse = used.filter((one) => before.includes(one))
      const { safe, changes, same } = diffBundles(old, next, {
        inUse: inUse.map(({ leaf }) => leaf),
        time: NOW,
      })
      const refused = inUse.filter((one) => !accepts(next, one))
      const emptied = before.length > 0 && after.length === 0
      expect(safe).toBe(refused.length === 0 && !emptied)
      expect(changes.filter(({ kind }) => kind === 'drops-live').length).toBe(refused.length)
      expect(changes.filter(({ kind }) => kind === 'adds').length).toBe(
        after.filter((one) => !before.includes(one)).length,
      )
      expect(same).toBe(before.length === after.length && before.every((one) => after.includes(one)))
      for (const one of authorities) {
        expect(accepts(old, one)).toBe(before.includes(one))
        expect(accepts(next, one)).toBe(after.includes(one))
      }
    }),
    { numRuns: 200 },
  )
})

test('the way back of a safe addition is a drop, and the sequence forbids it', () => {
  fc.assert(
    fc.property(some, some, fc.bigInt({ min: 1n, max: 2n ** 65n }), (before, after, number) => {
      const old = bundleOf(before, number)
      const next = bundleOf(after, number + 1n)
      const back = diffBundles(next, old, { inUse: [], time: NOW })
      expect(back.safe).toBe(false)
      expect(back.changes.some(({ kind }) => kind === 'sequence-regression')).toBe(true)
    }),
  )
})

test('bundles written down come back with every instant, and a cut text does not', () => {
  const stored = fc.record({
    of: some,
    number: sequence,
    confirmed: fc.date({ noInvalidDate: true }),
  })
  fc.assert(
    fc.property(fc.array(stored, { maxLength: 3 }), fc.double({ min: 0, max: 0.99 }), (drawn, cut) => {
      const list = drawn.map(({ of, number, confirmed }, i) => ({
        bundle: SpiffeBundle.of({
          trustDomain: `td-${i}`,
          x509Authorities: of.map(({ ca }) => ca),
          sequence: number,
        }),
        confirmed,
      }))
      const text = writeStoredBundles(list)
      const again = readStoredBundles(text)
      expect(again.map(({ confirmed }) => confirmed)).toEqual(list.map(({ confirmed }) => confirmed))
      expect(again.map(({ bundle }) => bundle.toJson())).toEqual(list.map(({ bundle }) => bundle.toJson()))
      expect(() =>
        readStoredBundles(text.trimEnd().slice(0, Math.floor(cut * text.trimEnd().length))),
      ).toThrow(MeshPkiError)
    }),
  )
})

test('however the clock jumps, no bundle counts for longer than it may', () => {
  const minutes = fc.integer({ min: 0, max: 90 })
  const step = fc.oneof(
    fc.record({ kind: fc.constant('forward' as const), minutes }),
    fc.record({ kind: fc.constant('back' as const), minutes: fc.integer({ min: 1, max: 10 ** 6 }) }),
    fc.record({ kind: fc.constant('confirm' as const), minutes: fc.constant(0) }),
  )
  const bundle = bundleOf(authorities.slice(0, 1))
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
      let now = Date.parse('2026-06-01T00:00:00Z')
      const clock = { now: () => new Date(now), sleep: () => Promise.resolve() }
      const live = new LiveBundles({ staleAfter: '1h', clock, initial: [bundle] })
      // Minutes that have really passed: a clock that is set back gives none of them back.
      let passed = 0
      for (const { kind, minutes: by } of steps) {
        if (kind === 'confirm') {
          live.set(bundle)
          passed = 0
        } else if (kind === 'forward') {
          now += by * 60_000
          passed += by
        } else now -= by * 60_000
        const served = (() => {
          try {
            return live.bundleFor('td') === bundle
          } catch (error) {
            expect(error).toMatchObject({ code: 'ERR_SPIFFE_BUNDLE_STALE' })
            return false
          }
        })()
        expect(served).toBe(passed <= 60)
        expect(live.confirmedAt('td')?.getTime()).toBe(now - passed * 60_000)
      }
    }),
  )
})
