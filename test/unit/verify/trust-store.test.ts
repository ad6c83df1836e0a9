/**
 * What a trust store remembers: facts, never verdicts, and only of certificates on accepted paths.
 */
import { describe, expect, test } from 'vitest'
import { type CheckPathResult, checkPath, checkPathSync, TrustStore } from '../../../src/verify/index.ts'
import { Certificate } from '../../../src/x509/index.ts'
import { certificateOf, commonName, hex, tlv } from '../../fixtures/x509/der.ts'
import { policies, policyOid } from '../../support/policy-extensions.ts'
import {
  basicConstraints,
  CLIENT_AUTH,
  dns,
  eku,
  ext,
  type Forged,
  forge,
  forgeCa,
  forgeDer,
  keysOf,
  NOW,
  nameConstraints,
  san,
  withBadSignature,
} from './forge.ts'
import { forgeCrl, forgeCrlCa } from './forge-crl.ts'
import { type Ask, accepted, refused } from './support.ts'

const root = forgeCrlCa({ subject: 'store root' })
const ca = forgeCa({ subject: 'store ca', issuer: root })
const leafOf = (issuer: Forged, more: readonly Uint8Array[] = []): Forged =>
  forge({ subject: 'store leaf', issuer, extensions: [san([dns('a.example.com')]), ...more] })

const knows = (store: TrustStore, der: Uint8Array): boolean =>
  TrustStore.factsOf(store).recall(der) !== undefined

const checkOutcome = (der: Uint8Array, store: TrustStore, ask: Ask = {}): CheckPathResult =>
  checkPathSync(der, { store, time: NOW, purpose: 'any', ...ask })

/** A certificate is kept when it is met for the second time. */
function meetTwice(leaf: Uint8Array | Certificate, ask: Ask): void {
  for (let i = 0; i < 2; i++) accepted(leaf, ask)
}

/** A store that has accepted a leaf twice, so that it knows it. */
function storeThatKnows(leaf: Uint8Array, intermediates: readonly Uint8Array[]): TrustStore {
  const store = new TrustStore({ anchors: root.der })
  accepted(leaf, { store, intermediates })
  expect(knows(store, leaf)).toBe(false)
  accepted(leaf, { store, intermediates })
  expect(knows(store, leaf)).toBe(true)
  return store
}

describe('a certificate that is known is judged as if it were not', () => {
  const { der: leaf } = leafOf(ca, [eku(CLIENT_AUTH), policies('A')])
  const intermediates = [ca.der]

  test.each([
    ['time', { time: new Date('2027-06-01T00:00:00Z') }, 'ERR_PATH_EXPIRED'],
    ['time before', { time: new Date('2025-06-01T00:00:00Z') }, 'ERR_PATH_NOT_YET_VALID'],
    ['purpose', { purpose: 'serverAuth' }, 'ERR_PATH_EXTENDED_KEY_USAGE'],
    ['name', { name: { dns: 'b.example.com' } }, 'ERR_PATH_NAME_MISMATCH'],
    ['policies', { policies: { requireExplicit: true } }, 'ERR_PATH_POLICY'],
    ['rules', { rules: { 'ca-subject-key-identifier': true } }, 'ERR_PATH_RULE'],
    ['path length', { maxIntermediates: 0 }, 'ERR_PATH_LENGTH'],
    ['signatures', { limits: { signatures: 1 } }, 'ERR_PATH_BUDGET_SIGNATURES'],
  ] as const)('%s', (_what, ask, code) => {
    const store = storeThatKnows(leaf, intermediates)
    refused(leaf, { store, intermediates, ...ask }, code)
    accepted(leaf, { store, intermediates })
  })

  test('name constraints and policies of another CA of the same name and key', () => {
    const store = storeThatKnows(leaf, intermediates)
    const constrained = forgeCa({
      subject: 'store ca',
      issuer: root,
      extensions: [nameConstraints({ excluded: [dns('example.com')] })],
    })
    refused(leaf, { store, intermediates: [constrained.der] }, 'ERR_PATH_NAME_CONSTRAINTS')
    const policed = forgeCa({ subject: 'store ca', issuer: root, extensions: [policies('A')] })
    const path = accepted(leaf, {
      store,
      intermediates: [policed.der],
      policies: { requireExplicit: true },
    })
    expect(path.policies).toEqual([policyOid('A')])
  })

  test('revocation', () => {
    const direct = leafOf(root)
    const store = storeThatKnows(direct.der, [])
    const crl = forgeCrl({ issuer: root, revoked: [{ certificate: direct, reason: 1 }] })
    refused(direct.der, { store, crls: [crl] }, 'ERR_PATH_REVOKED')
    accepted(direct.der, { store, crls: [forgeCrl({ issuer: root })] })
    refused(direct.der, { store, crls: [crl] }, 'ERR_PATH_REVOKED')
  })

  test('without its intermediate there is no path, though the intermediate is known too', () => {
    const store = storeThatKnows(leaf, intermediates)
    expect(knows(store, ca.der)).toBe(true)
    refused(leaf, { store }, 'ERR_PATH_NO_ISSUER')
  })

  test('the answer is the same for those who wait', async () => {
    const store = storeThatKnows(leaf, intermediates)
    const ask = { store, intermediates, time: NOW } as const
    expect((await checkPath(leaf, { ...ask, purpose: 'clientAuth' })).ok).toBe(true)
    expect((await checkPath(leaf, { ...ask, purpose: 'serverAuth' })).ok).toBe(false)
    expect((await checkPath(withBadSignature(leaf), { ...ask, purpose: 'any' })).ok).toBe(false)
  })
})

describe('only the very same bytes are the same certificate', () => {
  test('one bit changed, in every octet, also in the last 16', () => {
    const { der: leaf } = leafOf(root)
    const store = storeThatKnows(leaf, [])
    for (const [i, octet] of leaf.entries()) {
      const other = leaf.slice()
      other[i] = octet ^ 1
      const { ok } = checkOutcome(other, store)
      expect([i, ok]).toEqual([i, false])
    }
    accepted(leaf, { store })
  })

  test('other contents before the same signature', () => {
    const { der: leaf, certificate } = leafOf(root)
    const store = storeThatKnows(leaf, [])
    const other = certificateOf({
      issuer: root.name,
      subject: commonName('somebody'),
      notBefore: tlv(0x17, Buffer.from('260101000000Z')),
      notAfter: tlv(0x17, Buffer.from('270101000000Z')),
      publicKey: certificate.publicKey,
      signature: tlv(3, hex('00'), certificate.signature),
    })
    expect(Buffer.from(other.subarray(-16))).toEqual(Buffer.from(leaf.subarray(-16)))
    refused(other, { store }, 'ERR_PATH_SIGNATURE')
    accepted(leaf, { store })
  })

  test('the bytes are copied: what the caller does with its buffer later changes nothing', () => {
    const { der: leaf } = leafOf(root)
    const buffer = leaf.slice()
    const store = storeThatKnows(buffer, [])
    buffer.set(withBadSignature(leaf))
    refused(buffer, { store }, 'ERR_PATH_SIGNATURE')
    accepted(leaf, { store })
  })

  // Whether a certificate can be read is judged by what the caller gave: bytes are read strictly.
  test('bytes that are refused stay refused after the caller gave them as a lenient Certificate', () => {
    // Key usage digitalSignature with its zero bits written out (X.690 §11.2.2).
    const der = forgeLenient([ext(15, hex('03020080'))])
    const store = new TrustStore({ anchors: root.der })
    refused(der, { store }, 'ERR_PATH_MALFORMED')
    meetTwice(Certificate.fromDer(der, { leniency: ['trailing-zero-bits'] }), { store })
    refused(der, { store }, 'ERR_PATH_MALFORMED')
  })
})

describe('a signature is known under one key', () => {
  const impostor = forgeCa({ subject: 'store ca', keys: keysOf('store impostor'), issuer: root })
  const { der: leaf } = leafOf(ca)

  test('another CA of the same name has not signed the leaf', () => {
    const store = storeThatKnows(leaf, [ca.der])
    refused(leaf, { store, intermediates: [impostor.der] }, 'ERR_PATH_SIGNATURE')
    accepted(leaf, { store, intermediates: [impostor.der, ca.der] })
  })

  test('nor where both are the store’s own, or anchors', () => {
    const both = new TrustStore({ anchors: [root.der], intermediates: [impostor.der, ca.der] })
    const path = accepted(leaf, { store: both })
    expect(path.certificates[1]?.equals(ca.certificate)).toBe(true)
    const anchors = new TrustStore({ anchors: [impostor.der, ca.der] })
    for (let i = 0; i < 2; i++) expect(accepted(leaf, { store: anchors }).anchor).toBe(anchors.anchors[1])
    refused(leaf, { store: new TrustStore({ anchors: impostor.der }) }, 'ERR_PATH_SIGNATURE')
  })

  test('a Certificate value that one store knows is nothing to another', () => {
    const value = Certificate.fromDer(leaf)
    const one = new TrustStore({ anchors: [ca.der] })
    accepted(value, { store: one })
    refused(value, { store: new TrustStore({ anchors: impostor.der }) }, 'ERR_PATH_SIGNATURE')
    accepted(value, { store: one })
  })
})

describe('what is learnt', () => {
  const { der: leaf } = leafOf(ca)

  test.each([
    ['expired', { time: new Date('2027-06-01T00:00:00Z') }],
    ['for another name', { name: { dns: 'b.example.com' } }],
    ['without a policy', { policies: { requireExplicit: true } }],
    ['too long', { maxIntermediates: 0 }],
    ['without the CRLs that are asked for', { crls: [] }],
  ] as const)('nothing from a refused path: %s', (_why, ask) => {
    const store = new TrustStore({ anchors: root.der })
    const result = checkOutcome(leaf, store, { intermediates: [ca.der], ...ask })
    expect(result.ok).toBe(false)
    expect([knows(store, leaf), knows(store, ca.der)]).toEqual([false, false])
    meetTwice(leaf, { store, intermediates: [ca.der] })
    expect([knows(store, leaf), knows(store, ca.der)]).toEqual([true, true])
  })

  test('nothing from a stranger, and nothing of what stands beside an accepted path', () => {
    const store = new TrustStore({ anchors: root.der })
    const strange = leafOf(forgeCa({ subject: 'strange' }))
    refused(strange.der, { store }, 'ERR_PATH_NO_ISSUER')
    const beside = forgeCa({ subject: 'beside', issuer: root })
    // Of the leaf's CA by name and key, and signed by the root, but expired: its signature is asked, its path ends.
    const expired = forgeCa({ subject: 'store ca', issuer: root, notAfter: '2026-02-01T00:00:00Z' })
    meetTwice(leaf, { store, intermediates: [expired.der, beside.der, ca.der] })
    for (const der of [strange.der, beside.der, expired.der]) expect(knows(store, der)).toBe(false)
    expect(knows(store, leaf)).toBe(true)
  })

  test('the store’s own certificates need not be learnt', () => {
    const store = new TrustStore({ anchors: root.der, intermediates: ca.der })
    meetTwice(leaf, { store })
    expect([knows(store, leaf), knows(store, ca.der), knows(store, root.der)]).toEqual([true, false, false])
  })
})

describe('memory is bounded', () => {
  const leaves = Array.from({ length: 8 }, () => leafOf(root).der)
  const known = (store: TrustStore): number => leaves.filter((leaf) => knows(store, leaf)).length
  const visit = (store: TrustStore): void => leaves.forEach((leaf) => void meetTwice(leaf, { store }))

  test('by a count: the last ones are known', () => {
    const store = new TrustStore({ anchors: root.der, memory: { certificates: 3 } })
    visit(store)
    expect(leaves.map((leaf) => knows(store, leaf))).toEqual(leaves.map((_, i) => i >= 5))
    const large = new TrustStore({ anchors: root.der })
    visit(large)
    expect(known(large)).toBe(8)
  })

  test('by bytes', () => {
    const size = Math.max(...leaves.map(({ length }) => length))
    const store = new TrustStore({ anchors: root.der, memory: { bytes: 2 * size } })
    visit(store)
    expect(known(store)).toBe(2)
    const small = new TrustStore({ anchors: root.der, memory: { bytes: 100 } })
    visit(small)
    expect(known(small)).toBe(0)
  })

  test('0 for nothing', () => {
    for (const memory of [{ certificates: 0 }, { bytes: 0 }]) {
      const store = new TrustStore({ anchors: root.der, memory })
      visit(store)
      visit(store)
      expect(known(store)).toBe(0)
    }
  })

  test('who is used stays, who is not is forgotten', () => {
    const [first = root.der, second = root.der, third = root.der] = leaves
    const store = new TrustStore({ anchors: root.der, memory: { certificates: 2 } })
    for (const leaf of [first, second, first, third]) meetTwice(leaf, { store })
    // Asking is using, so the order of the questions does not matter here.
    expect([knows(store, second), knows(store, first), knows(store, third)]).toEqual([false, true, true])
  })

  test('one certificate again and again takes its place once', () => {
    const [first = root.der, second = root.der] = leaves
    const store = new TrustStore({ anchors: root.der, memory: { certificates: 2 } })
    meetTwice(second, { store })
    // Other values of the same bytes, as callers read them who do not give bytes.
    for (let i = 0; i < 5; i++) accepted(Certificate.fromDer(first), { store })
    expect([knows(store, first), knows(store, second)]).toEqual([false, true])
  })

  test('limits that are none are refused', () => {
    const anchors = root.der
    expect(() => new TrustStore({ anchors, memory: { certificates: -1 } })).toThrow(RangeError)
    expect(() => new TrustStore({ anchors, memory: { bytes: 0.5 } })).toThrow(RangeError)
    // @ts-expect-error an unknown option
    expect(() => new TrustStore({ anchors, memory: { entries: 1 } })).toThrow(TypeError)
    expect(new TrustStore({ anchors, memory: {} }).anchors).toHaveLength(1)
  })

  test('peers cannot push out what the owner put in', () => {
    const store = new TrustStore({ anchors: root.der, intermediates: ca.der, memory: { certificates: 1 } })
    const [anchor] = store.anchors
    const [intermediate] = store.intermediates
    if (anchor === undefined || intermediate === undefined) throw new Error('it has both')
    meetTwice(leafOf(ca).der, { store })
    const facts = TrustStore.factsOf(store)
    const keys = [facts.keyOf(anchor), facts.keyOf(intermediate)]
    const [key] = keys
    if (key === undefined) throw new Error('the key of the anchor was imported')
    visit(store)
    expect([facts.keyOf(anchor), facts.keyOf(intermediate)]).toEqual(keys)
    expect(facts.isSignedBy(intermediate, key)).toBe(true)
    expect(known(store)).toBe(1)
  })
})

/** A leaf of the root whose extensions only a lenient reader reads. */
function forgeLenient(extensions: readonly Uint8Array[]): Uint8Array {
  return forgeDer({ subject: 'lenient', issuer: root, extensions: [basicConstraints(false), ...extensions] })
}
