import { describe, expect, test } from 'vitest'
import { hex } from '../../fixtures/x509/der.ts'
import { aki, ext, type Forged, forge, keyIdOf, keysOf, uri } from './forge.ts'
import {
  type CrlRecipe,
  distributionPoints,
  forgeCrl,
  forgeCrlCa,
  fullName,
  ONLY_USERS,
  onlySomeReasons,
  pointAt,
  Reason,
} from './forge-crl.ts'
import { type Ask, accepted, refused } from './support.ts'

const root = forgeCrlCa({ subject: 'root' })
const leaf = forge({ subject: 'leaf', issuer: root })
const ask = (...crls: readonly Uint8Array[]): Ask => ({ anchors: root.der, crls })
const ifPresent = (...crls: readonly Uint8Array[]): Ask => ({ ...ask(...crls), revocation: 'if-present' })

const complete = (recipe: Partial<CrlRecipe> = {}): Uint8Array =>
  forgeCrl({ issuer: root, number: 5, thisUpdate: '2026-05-20T00:00:00Z', ...recipe })
const delta = (recipe: Partial<CrlRecipe> = {}): Uint8Array =>
  forgeCrl({ issuer: root, number: 7, base: 5, thisUpdate: '2026-05-30T00:00:00Z', ...recipe })
const listed = (reason?: number, certificate: Forged = leaf): Partial<CrlRecipe> => ({
  revoked: [reason === undefined ? certificate : { certificate, reason }],
})
const EXPIRED = { nextUpdate: '2026-05-31T00:00:00Z' }

describe('a delta CRL changes what its complete CRL says (RFC 5280 §6.3.3 (i), (j))', () => {
  test('it revokes', () => {
    accepted(leaf.der, ask(complete()))
    accepted(leaf.der, ask(complete(), delta()))
    refused(leaf.der, ask(complete(), delta(listed())), 'ERR_PATH_REVOKED')
    refused(leaf.der, ask(delta(listed()), complete()), 'ERR_PATH_REVOKED')
  })

  test('it releases what was on hold (§5.3.1, removeFromCRL)', () => {
    const held = complete(listed(Reason.certificateHold))
    refused(leaf.der, ask(held), 'ERR_PATH_REVOKED')
    refused(leaf.der, ask(held, delta()), 'ERR_PATH_REVOKED')
    accepted(leaf.der, ask(held, delta(listed(Reason.removeFromCRL))))
    refused(leaf.der, ask(held, delta(listed(Reason.keyCompromise))), 'ERR_PATH_REVOKED')
  })

  test('the newest one counts', () => {
    const newer = { number: 8, thisUpdate: '2026-05-31T00:00:00Z' }
    const held = complete(listed(Reason.certificateHold))
    accepted(leaf.der, ask(held, delta(), delta({ ...newer, ...listed(Reason.removeFromCRL) })))
    refused(leaf.der, ask(complete(), delta(), delta({ ...newer, ...listed() })), 'ERR_PATH_REVOKED')
    accepted(leaf.der, ask(complete(), delta(listed()), delta(newer)))
  })

  test('where date and number disagree, what either revokes is revoked', () => {
    const [ahead, behind] = [
      { number: 7, thisUpdate: '2026-05-31T00:00:00Z' },
      { number: 8, thisUpdate: '2026-05-30T00:00:00Z' },
    ]
    refused(leaf.der, ask(complete(), delta(ahead), delta({ ...behind, ...listed() })), 'ERR_PATH_REVOKED')
    refused(leaf.der, ask(complete(), delta({ ...ahead, ...listed() }), delta(behind)), 'ERR_PATH_REVOKED')
    accepted(leaf.der, ask(complete(), delta(ahead), delta(behind)))
    // A hold, too, and one that only one of them lifts.
    const held = listed(Reason.certificateHold)
    refused(leaf.der, ask(complete(), delta(ahead), delta({ ...behind, ...held })), 'ERR_PATH_REVOKED')
    refused(leaf.der, ask(complete(), delta({ ...ahead, ...held }), delta(behind)), 'ERR_PATH_REVOKED')
    const lifted = delta({ ...behind, ...listed(Reason.removeFromCRL) })
    refused(leaf.der, ask(complete(held), delta(ahead), lifted), 'ERR_PATH_REVOKED')
    accepted(leaf.der, ask(complete(held), lifted))
  })

  test('a newer complete CRL needs none', () => {
    const newest = complete({ number: 8, thisUpdate: '2026-05-31T00:00:00Z' })
    accepted(leaf.der, ask(newest, complete(), delta(listed())))
    refused(leaf.der, ask(complete(), delta(listed())), 'ERR_PATH_REVOKED')
  })
})

describe('a delta CRL stands for nothing by itself (RFC 5280 §5.2.4)', () => {
  test('without a complete one a certificate is not determined', () => {
    refused(leaf.der, ask(delta()), 'ERR_PATH_CRL_UNUSABLE')
    accepted(leaf.der, ask(delta(), complete()))
  })

  // Nothing else speaks of the certificate, but this does: it is not without any CRL in scope.
  test('if-present: one that lists the certificate, or is bad, does not let it pass', () => {
    const refusal = expect.objectContaining({ name: 'PathError' })
    for (const recipe of [{}, EXPIRED, { issuer: { ...root, keys: keysOf('other') } }])
      expect(() => accepted(leaf.der, ifPresent(delta({ ...listed(), ...recipe })))).toThrow(refusal)
    accepted(leaf.der, ifPresent(complete(), delta()))
  })
})

describe('which delta CRL goes with which complete one (RFC 5280 §6.3.3 (c))', () => {
  const place = { scope: [fullName(uri('http://a/'))] }
  const placed = forge({
    subject: 'leaf',
    issuer: root,
    extensions: [distributionPoints(pointAt('http://a/'))],
  })
  // The delta CRL puts the leaf on hold: where it applies, the leaf is revoked; where not, the complete CRL decides.
  test.each<readonly [string, Partial<CrlRecipe>, Partial<CrlRecipe>, boolean]>([
    ['based on its number', { number: 5 }, { base: 5 }, true],
    ['based on a lower number', { number: 5 }, { base: 3 }, true],
    ['based on a higher number: there is a gap', { number: 5 }, { base: 6 }, false],
    ['not newer than it', { number: 7 }, { base: 5, number: 7 }, false],
    ['numbers of two octets', { number: 255 }, { base: 255, number: 256 }, true],
    ['without a number of its own', { number: 5 }, { number: null }, false],
    ['on one without a number', { number: null }, { base: 1 }, false],
    ['the same scope', place, place, true],
    ['a scope beside none', {}, place, false],
    ['no scope beside one', place, {}, false],
    ['another scope', { scope: [ONLY_USERS] }, { scope: [onlySomeReasons(1)] }, false],
    [
      'the same key identifier',
      { extensions: [aki(keyIdOf(root.keys))] },
      { extensions: [aki(keyIdOf(root.keys))] },
      true,
    ],
    [
      'another key identifier',
      { extensions: [aki(keyIdOf(root.keys))] },
      { extensions: [aki(hex('01'))] },
      false,
    ],
    ['a key identifier beside none', {}, { extensions: [aki(keyIdOf(root.keys))] }, false],
  ])('%s', (_, ofComplete, ofDelta, applies) => {
    const crls = ask(complete(ofComplete), delta({ ...listed(Reason.certificateHold, placed), ...ofDelta }))
    if (applies) refused(placed.der, crls, 'ERR_PATH_REVOKED')
    else accepted(placed.der, crls)
  })
})

describe('what a genuine delta CRL revokes for good is revoked, though it goes with no complete one', () => {
  test.each<readonly [string, Partial<CrlRecipe>]>([
    ['after a gap', { base: 6 }],
    ['with another key identifier', { extensions: [aki(hex('01'))] }],
  ])('%s', (_, recipe) => {
    const revoking = delta({ ...listed(Reason.keyCompromise), ...recipe })
    refused(leaf.der, ask(complete(), revoking), 'ERR_PATH_REVOKED')
    accepted(leaf.der, ask(complete(), delta(recipe)))
    // Not where another key signed it, nor where a later list says nothing of it.
    const stranger = { issuer: { ...root, keys: keysOf('other') } }
    accepted(leaf.der, ask(complete(), delta({ ...listed(), ...recipe, ...stranger })))
    accepted(leaf.der, ask(complete({ number: 8, thisUpdate: '2026-05-31T00:00:00Z' }), revoking))
  })

  test('the message names the delta CRL', () => {
    const { message } = refused(leaf.der, ask(complete(), delta(listed())), 'ERR_PATH_REVOKED')
    expect(message).toContain('says the CRL number 7 of')
  })
})

describe('delta CRLs that cannot be used leave the complete CRL to decide', () => {
  test.each<readonly [string, Partial<CrlRecipe>]>([
    ['past nextUpdate', EXPIRED],
    ['of the future', { thisUpdate: '2026-06-02T00:00:00Z' }],
    ['signed by another key (RFC 5280 §6.3.3 (h))', { issuer: { ...root, keys: keysOf('other') } }],
    ['with an unknown critical extension (§5.2)', { extensions: [ext('1.2.3.4', hex('0500'), true)] }],
  ])('%s', (_, recipe) => {
    const held = complete(listed(Reason.certificateHold))
    refused(leaf.der, ask(held, delta({ ...listed(Reason.removeFromCRL), ...recipe })), 'ERR_PATH_REVOKED')
    accepted(leaf.der, ask(held, delta(listed(Reason.removeFromCRL))))
    accepted(leaf.der, ask(complete(), delta(recipe)))
  })
})

describe('a complete CRL that has expired is brought up to date (RFC 5280 §6.3.3 (a))', () => {
  test('by a current delta CRL, and by nothing less', () => {
    refused(leaf.der, ask(complete(EXPIRED)), 'ERR_PATH_CRL_EXPIRED')
    accepted(leaf.der, ask(complete(EXPIRED), delta()))
    refused(leaf.der, ask(complete({ ...EXPIRED, ...listed() }), delta()), 'ERR_PATH_REVOKED')
    refused(leaf.der, ask(complete(EXPIRED), delta(listed())), 'ERR_PATH_REVOKED')
    for (const bad of [EXPIRED, { base: 6 }, { issuer: { ...root, keys: keysOf('other') } }])
      refused(leaf.der, ask(complete(EXPIRED), delta(bad)), 'ERR_PATH_CRL_EXPIRED')
  })

  test('it must be genuine all the same (§6.3.3 (g))', () => {
    const stranger = { issuer: { ...root, keys: keysOf('other') } }
    refused(leaf.der, ask(complete({ ...EXPIRED, ...stranger }), delta()), 'ERR_PATH_CRL_SIGNATURE')
    refused(leaf.der, ask(complete({ ...EXPIRED, ...stranger }), delta(stranger)), 'ERR_PATH_CRL_SIGNATURE')
    accepted(leaf.der, ask(complete(EXPIRED), delta()))
  })
})

describe('work is bounded', () => {
  const many = (count: number, make: (i: number) => Uint8Array): readonly Uint8Array[] =>
    Array.from({ length: count }, (_, i) => make(i))

  test('many badly signed delta CRLs end with the signatures', () => {
    const bad = many(120, (i) => delta({ number: 7 + i, issuer: { ...root, keys: keysOf('other') } }))
    refused(leaf.der, ask(complete(), ...bad), 'ERR_PATH_BUDGET_SIGNATURES')
    accepted(leaf.der, ask(complete(), ...bad.slice(0, 50)))
  })

  test('many complete CRLs against many delta CRLs end with the comparisons', () => {
    const old = many(50, (i) => complete({ ...EXPIRED, number: i + 1 }))
    const deltas = many(50, (i) => delta({ ...EXPIRED, number: i + 60, base: 1 }))
    refused(
      leaf.der,
      { ...ask(...old, ...deltas), limits: { comparisons: 2000 } },
      'ERR_PATH_BUDGET_COMPARISONS',
    )
    refused(leaf.der, ask(...old, ...deltas), 'ERR_PATH_CRL_EXPIRED')
    accepted(leaf.der, ask(...old, ...deltas, complete({ number: 99 })))
  })
})
