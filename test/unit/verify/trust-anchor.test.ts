/**
 * Anchors that are a name and a key (RFC 5280 §6.1.1 (d)).
 */
import { describe, expect, test } from 'vitest'
import { checkPath, TrustAnchor, TrustStore } from '../../../src/verify/index.ts'
import { Certificate, Name } from '../../../src/x509/index.ts'
import { concat, hex } from '../../fixtures/x509/der.ts'
import { inhibitAny, policies, policyConstraints, policyOid } from '../../support/policy-extensions.ts'
import {
  aki,
  CLIENT_AUTH,
  dns,
  EMPTY_NAME,
  eku,
  type Forged,
  forge,
  forgeCa,
  type Keys,
  keyIdOf,
  keysOf,
  NOW,
  nameConstraints,
  san,
} from './forge.ts'
import { forgeCrl, forgeCrlCa } from './forge-crl.ts'
import { type Ask, accepted, refused } from './support.ts'

const spkiOf = ({ publicKey }: Keys): Uint8Array =>
  new Uint8Array(publicKey.export({ format: 'der', type: 'spki' }))

/** A CA's name and key, and nothing else of it. */
const bare = ({ name, keys }: Forged): TrustAnchor =>
  TrustAnchor.from({ subject: Name.fromDer(name), publicKey: spkiOf(keys) })

const root = forgeCa({ subject: 'bare root' })
const ca = forgeCa({ subject: 'bare ca', issuer: root })
const leaf = forge({ subject: 'leaf', issuer: ca, extensions: [san([dns('a.example.com')])] })
const direct = forge({ subject: 'direct', issuer: root })

describe('a path ends in a name and a key', () => {
  const anchor = bare(root)

  test('it is accepted; path.certificates leave the anchor out', () => {
    const path = accepted(leaf.der, { anchors: anchor, intermediates: ca.der })
    expect(path.anchor).toBe(anchor)
    expect(path.certificates.map(String)).toEqual([leaf, ca].map(({ certificate }) => String(certificate)))
    expect(accepted(direct.der, { anchors: anchor }).certificates).toHaveLength(1)
    const certified = accepted(leaf.der, { anchors: root.der, intermediates: ca.der })
    expect(certified.certificates).toHaveLength(3)
  })

  test('another key of the same name has not signed it (§6.1.3 (a)(1))', () => {
    const wrongKey = TrustAnchor.from({ subject: 'CN=bare root', publicKey: spkiOf(keysOf('wrong')) })
    refused(direct.der, { anchors: wrongKey }, 'ERR_PATH_SIGNATURE')
    accepted(direct.der, { anchors: [wrongKey, anchor] })
    accepted(direct.der, { anchors: [anchor, wrongKey] })
  })

  test('another name of the same key has not issued it (§6.1.3 (a)(4))', () => {
    const wrongName = TrustAnchor.from({ subject: 'CN=another root', publicKey: spkiOf(root.keys) })
    refused(direct.der, { anchors: wrongName }, 'ERR_PATH_NO_ISSUER')
    // Case and white space make no other name (§7.1).
    const spelled = TrustAnchor.from({ subject: 'CN=BARE  root', publicKey: spkiOf(root.keys) })
    accepted(direct.der, { anchors: spelled })
  })

  test('an empty name is no anchor: it would vouch for every nameless issuer', () => {
    const nameless = forgeCa({ subject: EMPTY_NAME, keys: keysOf('nameless anchor') })
    const error = expect.objectContaining({ code: 'ERR_PATH_ANCHOR' })
    expect(() => bare(nameless)).toThrow(error)
    expect(() => TrustAnchor.from({ subject: '', publicKey: spkiOf(nameless.keys) })).toThrow(error)
    expect(String(bare(root).subject)).toBe('CN=bare root')
  })

  test('the leaf is no path by itself, though it has the name and the key of the anchor', () => {
    refused(root.der, { anchors: anchor }, 'ERR_PATH_NO_ISSUER')
    accepted(leaf.der, { anchors: anchor, intermediates: [root.der, ca.der] })
  })

  test('the answer is the same for those who wait', async () => {
    const ask = { time: NOW, purpose: 'any', intermediates: ca.der } as const
    expect((await checkPath(leaf.der, { ...ask, anchors: anchor })).ok).toBe(true)
    const other = TrustAnchor.from({ subject: 'CN=bare root', publicKey: spkiOf(keysOf('wrong')) })
    expect((await checkPath(leaf.der, { ...ask, anchors: other })).ok).toBe(false)
  })
})

describe('there is nothing that could expire or constrain it', () => {
  const constrained = (title: string, extensions: readonly Uint8Array[], notAfter?: string): Forged =>
    forgeCa({ subject: title, extensions, ...(notAfter === undefined ? {} : { notAfter }) })

  test.each([
    ['expiry', [], '2026-02-01T00:00:00Z', 'ERR_PATH_EXPIRED'],
    [
      'name constraints',
      [nameConstraints({ excluded: [dns('example.com')] })],
      undefined,
      'ERR_PATH_NAME_CONSTRAINTS',
    ],
    ['purpose', [eku(CLIENT_AUTH)], undefined, 'ERR_PATH_EXTENDED_KEY_USAGE'],
    ['policy constraints', [policyConstraints({ explicit: 0 }), inhibitAny(0)], undefined, 'ERR_PATH_POLICY'],
  ] as const)('%s of its certificate', (title, extensions, notAfter, code) => {
    const top = constrained(title, extensions, notAfter)
    const below = forge({ subject: 'leaf', issuer: top, extensions: [san([dns('a.example.com')])] })
    refused(below.der, { anchors: top.der, purpose: 'serverAuth' }, code)
    accepted(below.der, { anchors: bare(top), purpose: 'serverAuth' })
  })

  test('its path length, too', () => {
    const top = forgeCa({ subject: 'short', pathLength: 0 })
    const middle = forgeCa({ subject: 'middle', issuer: top })
    const below = forge({ subject: 'leaf', issuer: middle })
    refused(below.der, { anchors: top.der, intermediates: middle.der }, 'ERR_PATH_LENGTH')
    accepted(below.der, { anchors: bare(top), intermediates: middle.der })
  })

  test('what stands below it is judged as ever', () => {
    const ask: Ask = { anchors: bare(root), intermediates: ca.der }
    refused(leaf.der, { ...ask, time: new Date('2027-06-01T00:00:00Z') }, 'ERR_PATH_EXPIRED')
    refused(leaf.der, { ...ask, maxIntermediates: 0 }, 'ERR_PATH_LENGTH')
    refused(leaf.der, { ...ask, name: { dns: 'b.example.com' } }, 'ERR_PATH_NAME_MISMATCH')
    refused(leaf.der, { ...ask, policies: { requireExplicit: true } }, 'ERR_PATH_POLICY')
    refused(leaf.der, { ...ask, limits: { depth: 2 } }, 'ERR_PATH_BUDGET_DEPTH')
    accepted(leaf.der, { ...ask, maxIntermediates: 1, limits: { depth: 3 } })
    const notCa = forge({ subject: 'no ca', issuer: root })
    const below = forge({ subject: 'leaf', issuer: notCa })
    refused(below.der, { anchors: bare(root), intermediates: notCa.der }, 'ERR_PATH_NOT_CA')
  })

  test('policies start at any-policy (§6.1.2 (a))', () => {
    const policed = forge({ subject: 'leaf', issuer: root, extensions: [policies('A')] })
    const explicit = { requireExplicit: true }
    const path = accepted(policed.der, { anchors: bare(root), policies: explicit })
    expect(path.policies).toEqual([policyOid('A')])
    refused(
      policed.der,
      { anchors: bare(root), policies: { ...explicit, initial: [policyOid('B')] } },
      'ERR_PATH_POLICY',
    )
  })

  test('CRLs verify under its key (§6.3.3 (g))', () => {
    const top = forgeCrlCa({ subject: 'crl root' })
    const below = forge({ subject: 'leaf', issuer: top })
    const other = forgeCrl({ issuer: { name: top.name, keys: keysOf('wrong') } })
    const ask = { anchors: bare(top) }
    accepted(below.der, { ...ask, crls: [forgeCrl({ issuer: top })] })
    refused(below.der, { ...ask, crls: [forgeCrl({ issuer: top, revoked: [below] })] }, 'ERR_PATH_REVOKED')
    expect(checkFails(below.der, { ...ask, crls: [other] })).toBe(true)
  })
})

function checkFails(der: Uint8Array, ask: Ask): boolean {
  try {
    accepted(der, ask)
    return false
  } catch {
    return true
  }
}

describe('the key identifier only helps to find it', () => {
  const id = Buffer.from(keyIdOf(root.keys)).toString('hex')
  const asks = forge({ subject: 'asks', issuer: root, extensions: [aki(keyIdOf(root.keys))] })
  const publicKey = spkiOf(root.keys)

  test('present, absent, and another', () => {
    for (const subjectKeyIdentifier of [id, id.toUpperCase(), undefined, '00ff']) {
      const anchor = TrustAnchor.from({ subject: 'CN=bare root', publicKey, subjectKeyIdentifier })
      accepted(asks.der, { anchors: anchor })
      expect(anchor.subjectKeyIdentifier).toBe(subjectKeyIdentifier?.toLowerCase())
    }
    const impostor = { subject: 'CN=bare root', publicKey: spkiOf(keysOf('wrong')), subjectKeyIdentifier: id }
    refused(asks.der, { anchors: impostor }, 'ERR_PATH_SIGNATURE')
    accepted(asks.der, { anchors: [impostor, bare(root)] })
  })
})

describe('shapes of input', () => {
  const parameters = { subject: 'CN=bare root', publicKey: spkiOf(root.keys) }
  const other = forgeCa({ subject: 'other root' })
  const otherLeaf = forge({ subject: 'leaf', issuer: other })

  test('a name and a key, a TrustAnchor, and certificates, alone and mixed, also in a store', () => {
    const shapes: readonly Ask['anchors'][] = [
      parameters,
      TrustAnchor.from(parameters),
      [parameters],
      [other.der, parameters],
      [bare(root), other.certificate],
      [other.certificate.toPem(), bare(root)],
      [{ ...parameters, subject: Name.fromDer(root.name) }],
    ]
    for (const anchors of shapes) {
      if (anchors === undefined) throw new Error('none of them')
      accepted(direct.der, { anchors })
      accepted(direct.der, { store: new TrustStore({ anchors }) })
      const stranger = forge({ subject: 'leaf', issuer: forgeCa({ subject: 'stranger' }) })
      refused(stranger.der, { anchors }, 'ERR_PATH_NO_ISSUER')
    }
    const mixed = [other.der, parameters]
    expect(accepted(otherLeaf.der, { anchors: mixed }).anchor).toBeInstanceOf(Certificate)
    expect(accepted(direct.der, { anchors: mixed }).anchor).toBeInstanceOf(TrustAnchor)
  })

  test('where a certificate and its name and key are both trusted, one of them is found', () => {
    const expired = forgeCa({ subject: 'twice', notAfter: '2026-02-01T00:00:00Z' })
    const below = forge({ subject: 'leaf', issuer: expired })
    refused(below.der, { anchors: expired.der }, 'ERR_PATH_EXPIRED')
    for (const anchors of [
      [expired.der, bare(expired)],
      [bare(expired), expired.der],
    ])
      expect(accepted(below.der, { anchors }).anchor).toBeInstanceOf(TrustAnchor)
  })

  test('the bytes are copied', () => {
    const publicKey = spkiOf(root.keys)
    const anchor = TrustAnchor.from({ subject: 'CN=bare root', publicKey })
    publicKey.fill(0)
    anchor.publicKey.fill(0)
    accepted(direct.der, { anchors: anchor })
    expect(Buffer.from(anchor.publicKey)).toEqual(Buffer.from(spkiOf(root.keys)))
  })
})

describe('bad input is an error with a type or a code', () => {
  const good = { subject: 'CN=bare root', publicKey: spkiOf(root.keys) }
  const make = (parameters: unknown) => (): unknown =>
    Reflect.apply(TrustAnchor.from, TrustAnchor, [parameters])

  test.each([
    ['nothing', undefined],
    ['null', null],
    ['a list', [good]],
    ['an unknown option', { ...good, notAfter: new Date() }],
    ['no key', { subject: good.subject }],
    ['a key as text', { ...good, publicKey: 'MFkw' }],
    ['no name', { publicKey: good.publicKey }],
    ['a name that is a number', { ...good, subject: 5 }],
    ['a key identifier that is not hex', { ...good, subjectKeyIdentifier: 'xy' }],
    ['half an octet', { ...good, subjectKeyIdentifier: 'abc' }],
    ['an empty key identifier', { ...good, subjectKeyIdentifier: '' }],
    ['a key identifier that is bytes', { ...good, subjectKeyIdentifier: Uint8Array.of(1) }],
  ])('TypeError: %s', (_title, parameters) => {
    expect(make(parameters)).toThrow(TypeError)
    expect(make(good)).not.toThrow()
  })

  test.each([
    ['a name that cannot be read', { ...good, subject: 'bare root' }, /^ERR_NAME_/],
    ['no octets', { ...good, publicKey: new Uint8Array() }, /^ERR_DER_/],
    ['octets behind the key', { ...good, publicKey: concat(good.publicKey, hex('00')) }, /^ERR_DER_TRAILING/],
    ['a key that is cut off', { ...good, publicKey: good.publicKey.slice(0, -1) }, /^ERR_DER_/],
    ['a weak key', { ...good, publicKey: spkiOf(keysOf('weak', 'RSA-1024')) }, /^ERR_KEY_/],
    ['a key of another kind', { ...good, publicKey: spkiOf(keysOf('weak', 'P-224')) }, /^ERR_KEY_/],
  ])('MeshPkiError: %s', (_title, parameters, code) => {
    expect(make(parameters)).toThrow(expect.objectContaining({ code: expect.stringMatching(code) }))
  })

  test('a point off its curve is refused when it is used', () => {
    const publicKey = spkiOf(root.keys)
    publicKey[publicKey.length - 1] = (publicKey[publicKey.length - 1] ?? 0) ^ 1
    refused(direct.der, { anchors: { subject: 'CN=bare root', publicKey } }, 'ERR_PATH_KEY')
  })

  test('among the anchors of a call they are the call’s errors', () => {
    const weak = { ...good, publicKey: spkiOf(keysOf('weak', 'P-224')) }
    const { message } = refused(direct.der, { anchors: weak }, 'ERR_PATH_MALFORMED')
    expect(message).toContain('anchors')
    expect(message).not.toContain('the leaf')
    expect(() => new TrustStore({ anchors: weak })).toThrow(
      expect.objectContaining({ code: expect.stringMatching(/^ERR_KEY_/) }),
    )
    refused(direct.der, { anchors: { ...good, subject: '' } }, 'ERR_PATH_ANCHOR')
  })
})
