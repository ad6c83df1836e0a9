import { describe, expect, test } from 'vitest'
import {
  aki,
  basicConstraints,
  dns,
  email,
  type Forged,
  forge,
  forgeCa,
  forgeDer,
  keyIdOf,
  keysOf,
  nameConstraints,
  san,
  ski,
} from './forge.ts'
import { accepted, refused } from './support.ts'

const root = forgeCa({ subject: 'root' })

/** A CA certificate for a name and key, as another CA signs it. */
const cross = (of: Forged, by: Forged): Uint8Array =>
  forgeDer({ subject: of.name, keys: of.keys, issuer: by, extensions: [basicConstraints(true)] })

const orders = <T>(list: readonly T[]): readonly (readonly T[])[] =>
  list.length < 2
    ? [list]
    : list.flatMap((item, i) => orders(list.filter((_, other) => other !== i)).map((rest) => [item, ...rest]))

describe('wrong candidates first', () => {
  const ca = forgeCa({ subject: 'ca', issuer: root })
  const leaf = forge({ subject: 'leaf', issuer: ca })
  const impostor = forgeCa({ subject: 'ca', keys: keysOf('impostor'), issuer: root })
  const expired = forgeCa({ subject: 'ca', issuer: root, notAfter: '2026-02-01T00:00:00Z' })
  const notCa = forge({ subject: 'ca', issuer: root, extensions: [basicConstraints(false)] })

  test('in whatever order they stand, the right one is found', () => {
    for (const intermediates of orders([impostor.der, expired.der, notCa.der, ca.der])) {
      const path = accepted(leaf.der, { anchors: root.der, intermediates })
      expect(path.certificates[1]?.equals(ca.certificate)).toBe(true)
    }
    refused(leaf.der, { anchors: root.der, intermediates: [impostor.der, notCa.der] }, 'ERR_PATH_NOT_CA')
  })

  test('same name, different key: the signature decides', () => {
    const error = refused(
      leaf.der,
      { anchors: root.der, intermediates: [impostor.der] },
      'ERR_PATH_SIGNATURE',
    )
    expect(error.message).toContain('another CA of the same name signed it')
  })

  test('names that differ in case and white space only are one name (RFC 5280 §7.1)', () => {
    const shouting = forgeCa({ subject: ' CA  ', keys: ca.keys, issuer: root })
    accepted(leaf.der, { anchors: root.der, intermediates: [shouting.der] })
    const other = forgeCa({ subject: 'c a', keys: ca.keys, issuer: root })
    refused(leaf.der, { anchors: root.der, intermediates: [other.der] }, 'ERR_PATH_NO_ISSUER')
  })

  test('the path through an anchor that is found later is taken when the first one is broken', () => {
    const old = forgeCa({ subject: 'old root', notAfter: '2026-02-01T00:00:00Z' })
    const intermediates = [cross(ca, old), cross(ca, root)]
    for (const list of orders(intermediates)) {
      const path = accepted(leaf.der, { anchors: [old.der, root.der], intermediates: list })
      expect(path.anchor).toBe(path.certificates.at(-1))
    }
    refused(leaf.der, { anchors: [old.der], intermediates }, 'ERR_PATH_EXPIRED')
  })
})

// A renewal may compute the identifier in another way. OpenSSL and BoringSSL stop there; the key is the same.
describe('the same root key renewed with another subject key identifier', () => {
  const keys = keysOf('steady')
  const before = forgeCa({ subject: 'steady', keys, extensions: [ski(keyIdOf(keys))] })
  const after = forgeCa({ subject: 'steady', keys, extensions: [ski(Uint8Array.of(1, 2, 3, 4))] })
  const leaf = forge({ subject: 'leaf', issuer: before, extensions: [aki(before.keyId)] })

  test('verifies under the new root alone, the old one alone, and both', () => {
    accepted(leaf.der, { anchors: before.der })
    accepted(leaf.der, { anchors: after.der })
    const both = accepted(leaf.der, { anchors: [after.der, before.der] })
    expect(both.certificates.at(-1)?.equals(before.certificate)).toBe(true)
  })

  test('another key with the right identifier does not', () => {
    const forged = forgeCa({ subject: 'steady', keys: keysOf('forged'), extensions: [ski(keyIdOf(keys))] })
    refused(leaf.der, { anchors: forged.der }, 'ERR_PATH_SIGNATURE')
  })

  test('another key with another identifier is another CA', () => {
    const other = forgeCa({ subject: 'steady', keys: keysOf('other'), extensions: [ski(Uint8Array.of(9))] })
    const error = refused(leaf.der, { anchors: other.der }, 'ERR_PATH_NO_ISSUER')
    expect(error.message).toContain('its key is another (identifier 09)')
    expect(error.data).toMatchObject({
      authorityKeyIdentifier: Buffer.from(before.keyId).toString('hex'),
      found: '09',
    })
  })
})

describe('rings and cycles end', () => {
  const ring = Array.from({ length: 5 }, (_, i) => forgeCa({ subject: `ring ${i}` }))
  const around = ring.map((ca, i) => cross(ca, ring[(i + 1) % ring.length] ?? ca))
  const leaf = forge({ subject: 'leaf', issuer: ring[0] })

  test('a ring that leads nowhere, and the same ring with a way out', () => {
    const error = refused(leaf.der, { anchors: root.der, intermediates: around }, 'ERR_PATH_NO_ISSUER')
    expect(error.depth).toBe(5)
    const exit = ring[3]
    if (exit === undefined) throw new Error('a ring of five')
    const path = accepted(leaf.der, { anchors: root.der, intermediates: [...around, cross(exit, root)] })
    expect(path.certificates).toHaveLength(6)
  })

  test('two CAs that sign each other', () => {
    const [a, b] = [forgeCa({ subject: 'a' }), forgeCa({ subject: 'b' })]
    const below = forge({ subject: 'leaf', issuer: a })
    const pair = [cross(a, b), cross(b, a), a.der, b.der]
    refused(below.der, { anchors: root.der, intermediates: pair }, 'ERR_PATH_NO_ISSUER')
    accepted(below.der, { anchors: root.der, intermediates: [...pair, cross(b, root)] })
  })

  test('one CA that signs itself again and again', () => {
    const many = Array.from({ length: 40 }, () =>
      forgeDer({ subject: 'self', extensions: [basicConstraints(true)] }),
    )
    const self = forgeCa({ subject: 'self' })
    const below = forge({ subject: 'leaf', issuer: self })
    refused(below.der, { anchors: root.der, intermediates: many }, 'ERR_PATH_NO_ISSUER')
    accepted(below.der, { anchors: self.der, intermediates: many })
  })
})

describe('budgets, each with its own message', () => {
  const chain = [root]
  for (let i = 0; i < 12; i++) chain.push(forgeCa({ subject: `link ${i}`, issuer: chain[i] }))
  const intermediates = chain.slice(1).map(({ der }) => der)
  const leafAt = (links: number): Uint8Array => forge({ subject: 'leaf', issuer: chain[links] }).der

  test('depth: certificates in a path, leaf and anchor included; 12 without the option', () => {
    expect(accepted(leafAt(10), { anchors: root.der, intermediates }).certificates).toHaveLength(12)
    const error = refused(leafAt(11), { anchors: root.der, intermediates }, 'ERR_PATH_BUDGET_DEPTH')
    expect(error.message).toContain(
      'a path of more than 12 certificates; the option "limits.depth" sets the bound',
    )
    accepted(leafAt(11), { anchors: root.der, intermediates, limits: { depth: 13 } })
    refused(leafAt(1), { anchors: root.der, intermediates, limits: { depth: 2 } }, 'ERR_PATH_BUDGET_DEPTH')
  })

  test('signatures', () => {
    const ask = { anchors: root.der, intermediates }
    accepted(leafAt(3), { ...ask, limits: { signatures: 4 } })
    const error = refused(leafAt(3), { ...ask, limits: { signatures: 3 } }, 'ERR_PATH_BUDGET_SIGNATURES')
    expect(error.message).toContain('signature checks worth more than 3')
    expect(error.message).toContain('"limits.signatures"')
  })

  test.each([
    ['P-384', 10],
    ['P-521', 20],
    ['RSA-2048', 1],
    ['Ed25519', 1],
  ] as const)('a signature of %s weighs %i', (kind, weight) => {
    const slow = forgeCa({ subject: 'slow', keys: keysOf('slow', kind) })
    const leaf = forge({ subject: 'leaf', issuer: slow })
    accepted(leaf.der, { anchors: slow.der, limits: { signatures: weight } })
    if (weight > 1)
      refused(
        leaf.der,
        { anchors: slow.der, limits: { signatures: weight - 1 } },
        'ERR_PATH_BUDGET_SIGNATURES',
      )
  })

  test('comparisons with name constraints', () => {
    const permitted = Array.from({ length: 50 }, (_, i) => dns(`${i}.example`))
    const ca = forgeCa({ subject: 'ca', issuer: root, extensions: [nameConstraints({ permitted })] })
    const leaf = forge({
      subject: 'leaf',
      issuer: ca,
      extensions: [san([dns('a.49.example'), dns('b.49.example')])],
    })
    const ask = { anchors: root.der, intermediates: ca.der }
    accepted(leaf.der, { ...ask, limits: { comparisons: 1000 } })
    const error = refused(leaf.der, { ...ask, limits: { comparisons: 99 } }, 'ERR_PATH_BUDGET_COMPARISONS')
    expect(error.message).toContain('more than 99 comparisons with name constraints')
    expect(error.message).toContain('"limits.comparisons"')
  })

  // Nothing is compared here, but reading thousands of names for every candidate is work as well.
  test('constraints of another form count too', () => {
    const permitted = Array.from({ length: 500 }, (_, i) => email(`${i}.example`))
    const ca = forgeCa({ subject: 'ca', issuer: root, extensions: [nameConstraints({ permitted })] })
    const leaf = forge({ subject: 'leaf', issuer: ca, extensions: [san([dns('a.example')])] })
    const ask = { anchors: root.der, intermediates: ca.der }
    accepted(leaf.der, { ...ask, limits: { comparisons: 1000 } })
    refused(leaf.der, { ...ask, limits: { comparisons: 499 } }, 'ERR_PATH_BUDGET_COMPARISONS')
  })

  test('candidates: thousands of certificates with the same name', () => {
    const same = Array.from({ length: 4097 }, (_, i) =>
      forgeDer({ subject: 'ca', issuer: root, serial: i + 1, extensions: [basicConstraints(false)] }),
    )
    const leaf = forge({ subject: 'leaf', issuer: forgeCa({ subject: 'ca' }) })
    const error = refused(leaf.der, { anchors: root.der, intermediates: same }, 'ERR_PATH_BUDGET_CANDIDATES')
    expect(error.message).toContain('more than 4096 candidates')
    expect(error.causes).toHaveLength(64)
    refused(leaf.der, { anchors: root.der, intermediates: same.slice(0, 4000) }, 'ERR_PATH_NOT_CA')
  })

  test('a budget that one candidate exhausts is not refilled for the next', () => {
    const permitted = Array.from({ length: 500 }, (_, i) => dns(`${i}.example`))
    const greedy = forgeCa({ subject: 'ca', issuer: root, extensions: [nameConstraints({ permitted })] })
    const modest = forgeCa({ subject: 'ca', issuer: root })
    const leaf = forge({ subject: 'leaf', issuer: modest })
    const ask = { anchors: root.der, limits: { comparisons: 100 } }
    accepted(leaf.der, { ...ask, intermediates: [modest.der, greedy.der] })
    refused(leaf.der, { ...ask, intermediates: [greedy.der, modest.der] }, 'ERR_PATH_BUDGET_COMPARISONS')
  })

  test('an exhausted budget is final: what was not looked at is unknown', () => {
    const clique = Array.from({ length: 7 }, (_, i) => forgeCa({ subject: `c ${i}` }))
    const edges = clique.flatMap((of) => clique.filter((by) => by !== of).map((by) => cross(of, by)))
    const leaf = forge({ subject: 'leaf', issuer: clique[0] })
    const error = refused(leaf.der, { anchors: root.der, intermediates: edges }, 'ERR_PATH_BUDGET_CANDIDATES')
    expect(error.causes.map(({ code }) => code)).not.toContain('ERR_PATH_BUDGET_CANDIDATES')
  })
})
