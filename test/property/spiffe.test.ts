import fc from 'fast-check'
import { expect, test } from 'vitest'
import { MeshPkiError } from '../../src/errors.ts'
import { lintTrustDomain, parseIstioIdentity, SpiffeId, TrustDomain } from '../../src/spiffe/index.ts'
import {
  isIstioTrustDomain,
  isSafeTrustDomain,
  isSpiffeId,
  isTrustDomainName,
  istioReads,
  PATH_CHARACTERS,
  TRUST_DOMAIN_CHARACTERS,
} from '../unit/spiffe/reference.ts'

const trustDomain = fc
  .array(fc.constantFrom(...TRUST_DOMAIN_CHARACTERS), { minLength: 1, maxLength: 255 })
  .map((chars) => chars.join(''))
const segment = fc
  .array(fc.constantFrom(...PATH_CHARACTERS), { minLength: 1, maxLength: 30 })
  .map((chars) => chars.join(''))
  .filter((text) => text !== '.' && text !== '..')
const parts = fc.record({ trustDomain, segments: fc.array(segment, { maxLength: 8 }) })
const validId = parts.map(({ trustDomain, segments }) => ['spiffe:/', trustDomain, ...segments].join('/'))

/** Characters that parsers trip over, and any other. */
const character = fc.oneof(
  fc.constantFrom(...'/.:@%?#[]\\~ \n\0\u001b\u202eA'),
  fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
)

/** A valid identity with up to four characters changed, put in or taken out. */
const mutatedId = fc
  .tuple(
    validId,
    fc.array(fc.tuple(fc.nat(), fc.constantFrom('replace', 'insert', 'delete'), character), {
      minLength: 1,
      maxLength: 4,
    }),
  )
  .map(([text, changes]) =>
    changes.reduce((mutant, [seed, change, char]) => {
      const at = seed % (mutant.length + 1)
      return (
        mutant.slice(0, at) +
        (change === 'delete' ? '' : char) +
        mutant.slice(change === 'insert' ? at : at + 1)
      )
    }, text),
  )

test('a valid identity is read, taken apart and put together to the same text', () => {
  fc.assert(
    fc.property(parts, ({ trustDomain, segments }) => {
      const text = ['spiffe:/', trustDomain, ...segments].join('/')
      const id = SpiffeId.parse(text)
      expect(String(id)).toBe(text)
      expect(id.trustDomain.name).toBe(trustDomain)
      expect(id.segments).toEqual(segments)
      expect(id.path).toBe(segments.map((each) => `/${each}`).join(''))
      expect(SpiffeId.of(trustDomain, ...segments).equals(id)).toBe(true)
      expect(SpiffeId.parse(String(id)).equals(id)).toBe(true)
      expect(id.memberOf(trustDomain)).toBe(true)
    }),
    { numRuns: 1000 },
  )
})

test('a mutated identity is read to the same text or refused with a reason, as the standard says', () => {
  fc.assert(
    fc.property(mutatedId, (text) => {
      try {
        expect(String(SpiffeId.parse(text))).toBe(text)
        expect(isSpiffeId(text)).toBe(true)
      } catch (error) {
        if (!(error instanceof MeshPkiError)) throw error
        expect(error.code).toBe('ERR_SPIFFE_ID')
        expect(typeof error.data['reason']).toBe('string')
        expect(error.data['position']).toBeGreaterThanOrEqual(1)
        expect(error.data['position']).toBeLessThanOrEqual(text.length + 1)
        expect(isSpiffeId(text)).toBe(false)
      }
    }),
    { numRuns: 5000 },
  )
})

test('Istio identities are read as Istio reads them', () => {
  const text = fc.oneof(
    mutatedId,
    fc
      .array(fc.oneof(fc.constantFrom('ns', 'sa', '', 'a', 'td', 'é', 'a:b'), segment), { maxLength: 6 })
      .map((texts) => `spiffe://${texts.join('/')}`),
    fc.tuple(segment, segment).map(([a, b]) => `spiffe://td/ns/${a}/sa/${b}`),
  )
  fc.assert(
    fc.property(text, (text) => {
      const expected = istioReads(text)
      try {
        const { trustDomain, namespace, serviceAccount } = parseIstioIdentity(text)
        expect([trustDomain, namespace, serviceAccount]).toEqual(expected)
      } catch (error) {
        if (!(error instanceof MeshPkiError)) throw error
        expect(expected).toBeUndefined()
      }
    }),
    { numRuns: 2000 },
  )
})

test('what forIstio writes, Istio reads back', () => {
  fc.assert(
    fc.property(trustDomain, segment, segment, (trustDomain, namespace, serviceAccount) => {
      const id = SpiffeId.forIstio({ trustDomain, namespace, serviceAccount })
      expect(parseIstioIdentity(String(id))).toEqual({ trustDomain, namespace, serviceAccount })
    }),
  )
})

test('the lint of a trust domain agrees with both validators and with the safe pattern', () => {
  const label = fc.array(fc.constantFrom(...'ab1-_A'), { maxLength: 66 }).map((chars) => chars.join(''))
  const name = fc.oneof(
    trustDomain,
    fc.array(label, { maxLength: 5 }).map((labels) => labels.join('.')),
    fc.string({ unit: 'binary', maxLength: 12 }),
  )
  fc.assert(
    fc.property(name, (name) => {
      const { safe, findings } = lintTrustDomain(name)
      expect(safe).toBe(isSafeTrustDomain(name))
      expect(findings.some((finding) => finding.refusedBy === 'istio')).toBe(!isIstioTrustDomain(name))
      expect(findings.some((finding) => finding.refusedBy === 'spiffe')).toBe(!isTrustDomainName(name))
      if (safe) expect(TrustDomain.parse(name).name).toBe(name)
    }),
    { numRuns: 2000 },
  )
})
