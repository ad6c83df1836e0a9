import { describe, expect, test } from 'vitest'
import { commonName, hex } from '../../fixtures/x509/der.ts'
import {
  basicConstraints,
  EMPTY_NAME,
  ext,
  type Forged,
  forge,
  forgeCa,
  keysOf,
  keyUsage,
  type Recipe,
  san,
  uri,
} from './forge.ts'
import {
  CA_AND_CRLS,
  distributionPoints,
  forgeCrl,
  forgeCrlCa,
  INDIRECT,
  ONLY_CAS,
  ONLY_USERS,
  point,
} from './forge-crl.ts'
import { type Ask, accepted, refused } from './support.ts'

const root = forgeCrlCa({ subject: 'root' })
const rootCrl = forgeCrl({ issuer: root })
const EXPIRED = { nextUpdate: '2026-05-31T00:00:00Z' }
const NEWER = { thisUpdate: '2026-05-28T00:00:00Z' }

/** A certificate of a key that only signs CRLs. */
const crlSigner = (recipe: Recipe): Forged =>
  forge({ issuer: root, ...recipe, extensions: [keyUsage(6), ...(recipe.extensions ?? [])] })
/** The distribution point of an indirect CRL. */
const by = (...names: readonly string[]): Uint8Array =>
  distributionPoints(...names.map((name) => point({ crlIssuer: [commonName(name)] })))
const indirect = (issuer: Forged): Uint8Array => forgeCrl({ issuer, scope: [INDIRECT] })
const ask = (intermediates: readonly Forged[], ...crls: readonly Uint8Array[]): Ask => ({
  anchors: root.der,
  intermediates: intermediates.map(({ der }) => der),
  crls,
})

describe('who may sign CRLs (RFC 5280 §6.3.3 (f))', () => {
  const leafOf = (issuer: Forged): Forged => forge({ subject: 'leaf', issuer })

  test('a CA whose key usage lacks cRLSign may not', () => {
    const ca = forgeCa({ subject: 'ca', issuer: root })
    const may = forgeCrlCa({ subject: 'ca', keys: ca.keys, issuer: root })
    const error = refused(leafOf(ca).der, ask([ca], rootCrl, forgeCrl({ issuer: ca })), 'ERR_PATH_CRL_SIGNER')
    expect(error.message).toContain('lacks cRLSign')
    accepted(leafOf(ca).der, ask([may], rootCrl, forgeCrl({ issuer: may })))
  })

  test('the same of an anchor', () => {
    const anchor = forgeCa({ subject: 'root', keys: root.keys })
    const leaf = leafOf(anchor)
    refused(leaf.der, { anchors: anchor.der, crls: [rootCrl] }, 'ERR_PATH_CRL_SIGNER')
    accepted(leaf.der, { anchors: root.der, crls: [rootCrl] })
  })

  test('a CA without key usage may', () => {
    const ca = forge({ subject: 'ca', issuer: root, extensions: [basicConstraints(true)] })
    const leaf = leafOf(ca)
    accepted(leaf.der, ask([ca], rootCrl, forgeCrl({ issuer: ca })))
    refused(leaf.der, ask([ca], rootCrl, forgeCrl({ issuer: ca, revoked: [leaf] })), 'ERR_PATH_REVOKED')
  })
})

describe('a CA with another key for CRLs (RFC 5280 §6.3.3 (f))', () => {
  const ca = forgeCa({ subject: 'ca', issuer: root })
  const signer = crlSigner({ subject: 'ca', keys: keysOf('ca crls') })
  const leaf = forge({ subject: 'leaf', issuer: ca })
  const crl = (...revoked: readonly Forged[]): Uint8Array => forgeCrl({ issuer: signer, revoked })

  test('its certificate leads to the same anchor', () => {
    accepted(leaf.der, ask([ca, signer], rootCrl, crl()))
    refused(leaf.der, ask([ca, signer], rootCrl, crl(leaf)), 'ERR_PATH_REVOKED')
    refused(leaf.der, ask([ca], rootCrl, crl()), 'ERR_PATH_CRL_SIGNER')
  })

  test('a path to another anchor does not count', () => {
    const other = forgeCrlCa({ subject: 'other root' })
    const stranger = crlSigner({ subject: 'ca', keys: signer.keys, issuer: other })
    const crls = [rootCrl, forgeCrl({ issuer: other }), crl()]
    const anchors = [root.der, other.der]
    refused(leaf.der, { ...ask([ca, stranger], ...crls), anchors }, 'ERR_PATH_CRL_SIGNER')
    accepted(leaf.der, { ...ask([ca, stranger, signer], ...crls), anchors })
  })

  test.each<readonly [string, Partial<Recipe>]>([
    ['expired', { notAfter: '2026-05-01T00:00:00Z' }],
    ['with an unknown critical extension', { extensions: [ext('1.2.3.4', hex('0500'), true)] }],
    ['that nobody known issued', { issuer: forgeCa({ subject: 'unknown' }) }],
  ])('a signer %s does not count', (_, recipe) => {
    const bad = crlSigner({ subject: 'ca', keys: signer.keys, ...recipe })
    refused(leaf.der, ask([ca, bad], rootCrl, crl()), 'ERR_PATH_CRL_SIGNER')
    accepted(leaf.der, ask([ca, bad, signer], rootCrl, crl()))
  })

  test('a signer that is revoked, or whose status is not known, does not count', () => {
    refused(
      leaf.der,
      ask([ca, signer], forgeCrl({ issuer: root, revoked: [signer] }), crl()),
      'ERR_PATH_CRL_SIGNER',
    )
    const onlyCas = forgeCrl({ issuer: root, scope: [ONLY_CAS] })
    refused(leaf.der, ask([ca, signer], onlyCas, crl()), 'ERR_PATH_CRL_SIGNER')
    accepted(leaf.der, ask([ca, signer], onlyCas, forgeCrl({ issuer: root, scope: [ONLY_USERS] }), crl()))
  })

  test('what the leaf is for is not asked of its CRL signer', () => {
    const options = { ...ask([ca, signer], rootCrl, crl()), purpose: 'serverAuth' } as const
    accepted(leaf.der, options)
    refused(leaf.der, { ...options, name: { dns: 'a.example' } }, 'ERR_PATH_NAME_MISMATCH')
  })
})

describe('circles: nobody vouches for itself (RFC 5280 §6.3.3 (f))', () => {
  test('a CA that is asked about cannot make the signer of the CRL that clears it', () => {
    const ca = forgeCrlCa({ subject: 'ca', issuer: root })
    const forged = crlSigner({ subject: 'root', keys: keysOf('forged'), issuer: ca })
    const leaf = forge({ subject: 'leaf', issuer: ca })
    const revoked = forgeCrl({ issuer: root, revoked: [ca] })
    const crls = [forgeCrl({ issuer: forged, ...NEWER }), forgeCrl({ issuer: ca })]
    refused(leaf.der, ask([ca, forged], ...crls, revoked), 'ERR_PATH_REVOKED')
    refused(leaf.der, ask([ca, forged], ...crls), 'ERR_PATH_CRL_SIGNER')
    accepted(leaf.der, ask([ca, forged], ...crls, rootCrl))
  })

  test('the same through a second certificate of that CA', () => {
    const ca = forgeCrlCa({ subject: 'ca', issuer: root })
    const twin = forgeCrlCa({ subject: 'ca', issuer: root })
    const forged = crlSigner({ subject: 'root', keys: keysOf('forged'), issuer: ca })
    const leaf = forge({ subject: 'leaf', issuer: ca })
    const crls = [forgeCrl({ issuer: forged, ...NEWER }), forgeCrl({ issuer: ca })]
    refused(leaf.der, ask([ca, twin, forged], ...crls), 'ERR_PATH_CRL_SIGNER')
    refused(
      leaf.der,
      ask([ca, twin, forged], ...crls, forgeCrl({ issuer: root, revoked: [ca, twin] })),
      'ERR_PATH_REVOKED',
    )
    accepted(leaf.der, ask([ca, twin, forged], ...crls, rootCrl))
  })

  test('two signers that vouch for each other', () => {
    const signers = [
      crlSigner({ subject: 'A', extensions: [by('B')] }),
      crlSigner({ subject: 'B', extensions: [by('A')] }),
    ]
    const leaf = forge({ subject: 'leaf', issuer: root, extensions: [by('A')] })
    const ring = ask(signers, ...signers.map(indirect))
    refused(leaf.der, ring, 'ERR_PATH_CRL_SIGNER')
    refused(leaf.der, { ...ring, revocation: 'if-present' }, 'ERR_PATH_CRL_SIGNER')
    accepted(leaf.der, ask(signers, ...signers.map(indirect), rootCrl))
  })

  // PKITS 4.14.30: the issuer names the signer's own CRL in the signer's certificate.
  describe('a signer whose issuer refers to its own CRL', () => {
    const self = forge({
      subject: 'S',
      issuer: root,
      extensions: [basicConstraints(true), CA_AND_CRLS, by('S')],
    })
    const leaf = forge({ subject: 'leaf', issuer: root, extensions: [by('S')] })
    const onCas = (recipe = {}): Uint8Array =>
      forgeCrl({ issuer: root, scope: [ONLY_CAS], revoked: [self], ...recipe })

    test('may vouch for itself where nobody else speaks of it', () => {
      accepted(leaf.der, ask([self], indirect(self)))
      const without = crlSigner({ subject: 'S', keys: self.keys })
      refused(leaf.der, ask([without], indirect(self)), 'ERR_PATH_CRL_SIGNER')
    })

    test('may not where another CRL revokes it', () => {
      refused(leaf.der, ask([self], indirect(self), onCas()), 'ERR_PATH_CRL_SIGNER')
      accepted(leaf.der, ask([self], indirect(self), onCas({ revoked: [] })))
    })

    test('may not where another CRL in scope is bad', () => {
      for (const bad of [EXPIRED, { issuer: { ...root, keys: keysOf('other') } }])
        refused(leaf.der, ask([self], indirect(self), onCas(bad)), 'ERR_PATH_CRL_SIGNER')
    })
  })

  test('what a circle refused once is not refused where there is none', () => {
    const a = crlSigner({ subject: 'A', extensions: [by('B', 'C')] })
    const b = crlSigner({ subject: 'B', extensions: [by('A')] })
    const c = crlSigner({ subject: 'C', extensions: [by('C')] })
    const ca = forgeCrlCa({ subject: 'ca', issuer: root, extensions: [by('A')] })
    const leaf = forge({ subject: 'leaf', issuer: ca, extensions: [by('B')] })
    const direct = forge({ subject: 'leaf', issuer: root, extensions: [by('B')] })
    const crls = [a, b, c].map(indirect)
    accepted(direct.der, ask([a, b, c], ...crls))
    accepted(leaf.der, ask([a, b, c, ca], ...crls))
    refused(direct.der, ask([a, b], ...crls.slice(0, 2)), 'ERR_PATH_CRL_SIGNER')
  })
})

// RFC 5280 §8: "take into account the possible existence of multiple unrelated CAs ... with the same name".
describe('CAs of the same name under one anchor', () => {
  const [right, wrong] = [keysOf('right'), keysOf('wrong')]

  test('the CRL of the key that issued a certificate counts before that of another key', () => {
    const ca = forgeCrlCa({ subject: 'ca', keys: right, issuer: root })
    const other = forgeCrlCa({ subject: 'ca', keys: wrong, issuer: root })
    const leaf = forge({ subject: 'leaf', issuer: ca })
    const newer = forgeCrl({ issuer: other, ...NEWER })
    refused(
      leaf.der,
      ask([ca, other], rootCrl, newer, forgeCrl({ issuer: ca, revoked: [leaf] })),
      'ERR_PATH_REVOKED',
    )
    accepted(leaf.der, ask([ca, other], rootCrl, newer, forgeCrl({ issuer: ca })))
  })

  test('nor does a CA below another one speak for it by taking its name', () => {
    const ca = forgeCrlCa({ subject: 'ca', keys: right, issuer: root })
    const sibling = forgeCrlCa({ subject: 'sibling', issuer: root })
    const forged = crlSigner({ subject: 'ca', keys: keysOf('forged'), issuer: sibling })
    const leaf = forge({ subject: 'leaf', issuer: ca })
    const crls = [rootCrl, forgeCrl({ issuer: sibling }), forgeCrl({ issuer: forged, ...NEWER })]
    const revoked = forgeCrl({ issuer: ca, revoked: [leaf] })
    refused(leaf.der, ask([ca, sibling, forged], ...crls, revoked), 'ERR_PATH_REVOKED')
    accepted(leaf.der, ask([ca, sibling, forged], ...crls, forgeCrl({ issuer: ca })))
  })

  test('CAs without a name, which old Gloo Mesh made, are told apart by their keys', () => {
    const nameless = (cluster: string): Forged =>
      forge({
        subject: EMPTY_NAME,
        keys: keysOf(cluster),
        issuer: root,
        extensions: [CA_AND_CRLS, basicConstraints(true), san([uri(`spiffe://${cluster}`)], true)],
      })
    const [one, two] = [nameless('one'), nameless('two')]
    const leaf = forge({ subject: 'w', issuer: one })
    const newer = forgeCrl({ issuer: two, ...NEWER })
    refused(
      leaf.der,
      ask([one, two], rootCrl, newer, forgeCrl({ issuer: one, revoked: [leaf] })),
      'ERR_PATH_REVOKED',
    )
    accepted(leaf.der, ask([one, two], rootCrl, newer, forgeCrl({ issuer: one })))
  })
})

describe('work is bounded', () => {
  const many = <T>(count: number, make: (i: number) => T): readonly T[] =>
    Array.from({ length: count }, (_, i) => make(i))
  const leaf = forge({ subject: 'leaf', issuer: root, extensions: [by('S0')] })

  test('a long chain of signers ends', () => {
    const chain = many(80, (i) => crlSigner({ subject: `S${i}`, extensions: [by(`S${i + 1}`)] }))
    refused(leaf.der, ask(chain, ...chain.map(indirect)), 'ERR_PATH_CRL_SIGNER')
    const short = chain.slice(0, 10)
    accepted(leaf.der, ask(short, rootCrl, ...short.map(indirect)))
  })

  test('a longer one than the machine could recurse into ends with a refusal too', () => {
    const keys = keysOf('chain')
    const chain = many(2500, (i) => crlSigner({ subject: `S${i}`, keys, extensions: [by(`S${i + 1}`)] }))
    const limits = { signatures: 1_000_000, comparisons: 1_000_000_000 }
    const refusal = expect.objectContaining({ name: 'PathError' })
    expect(() => accepted(leaf.der, { ...ask(chain, ...chain.map(indirect)), limits })).toThrow(refusal)
    accepted(leaf.der, { ...ask([], rootCrl), limits })
  })

  test('every signer named by every other ends with the comparisons', () => {
    const names = many(40, (i) => `S${i}`)
    const ring = names.map((subject) => crlSigner({ subject, extensions: [by(...names)] }))
    refused(leaf.der, ask(ring, ...ring.map(indirect)), 'ERR_PATH_BUDGET_COMPARISONS')
  })

  test('signers of one name and key that vouch for those of another end at all', () => {
    const ring = many(80, (i) => {
      const [subject, other] = i % 2 === 0 ? ['S0', 'T'] : ['T', 'S0']
      return crlSigner({ subject, extensions: [by(other)] })
    })
    const crls = ring.slice(0, 2).map(indirect)
    refused(leaf.der, ask(ring, ...crls), 'ERR_PATH_CRL_SIGNER')
    accepted(leaf.der, ask(ring, ...crls, rootCrl))
  })

  test('strangers of the name of the CRL issuer end with the signatures', () => {
    const strangers = many(120, (i) => crlSigner({ subject: 'root', keys: keysOf(`stranger ${i}`) }))
    const bad = forgeCrl({ issuer: { ...root, keys: keysOf('nobody') }, ...NEWER })
    refused(leaf.der, ask(strangers, bad), 'ERR_PATH_BUDGET_SIGNATURES')
    accepted(leaf.der, ask(strangers.slice(0, 50), bad, rootCrl))
  })

  test('a signer whose path is too long does not spoil what another CRL says', () => {
    const deep = [forgeCrlCa({ subject: 'deep', issuer: root })]
    for (let i = 0; i < 11; i++) deep.push(forgeCrlCa({ subject: `deep ${i}`, issuer: deep[i] }))
    const lowest = deep.at(-1) ?? root
    const signer = crlSigner({ subject: 'root', keys: keysOf('deep'), issuer: lowest })
    const newer = forgeCrl({ issuer: signer, ...NEWER })
    accepted(leaf.der, ask([...deep, signer], newer, rootCrl))
    expect(() => accepted(leaf.der, ask([...deep, signer], newer))).toThrow(
      expect.objectContaining({ name: 'PathError' }),
    )
  })
})
