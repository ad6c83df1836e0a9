import { describe, expect, test } from 'vitest'
import { checkPath } from '../../../src/verify/index.ts'
import { hex } from '../../fixtures/x509/der.ts'
import {
  ALGORITHMS,
  forge,
  forgeCa,
  forgeDer,
  type KeyChoice,
  keysOf,
  NOW,
  withBadSignature,
} from './forge.ts'
import { accepted, expectBlame, refused } from './support.ts'

describe('signature algorithms', () => {
  test.each([
    ['P-256', 'P-256'],
    ['P-384', 'P-384'],
    ['P-521', 'P-521'],
    ['Ed25519', 'Ed25519'],
    ['RSA-2048', 'RSA-2048'],
  ] as const)('%s: good passes, one changed bit does not (RFC 5280 §6.1.3 (a)(1))', async (label, kind) => {
    const root = forgeCa({ subject: label, keys: keysOf(label, kind) })
    const leaf = forge({ subject: 'leaf', issuer: root })
    accepted(leaf.der, { anchors: root.der })
    const bad = withBadSignature(leaf.der)
    const error = refused(bad, { anchors: root.der }, 'ERR_PATH_SIGNATURE')
    expect(error.depth).toBe(0)
    expect(error.message).toContain('its signature does not verify under the key of')
    const asynchronous = await checkPath(bad, { anchors: root.der, time: NOW, purpose: 'any' })
    expect(asynchronous).toMatchObject({ ok: false, error: { code: 'ERR_PATH_SIGNATURE' } })
  })

  test('a changed bit in what was signed', () => {
    const root = forgeCa({ subject: 'root' })
    const leaf = forge({ subject: 'leaf', issuer: root })
    const at = Buffer.from(leaf.der).lastIndexOf('leaf')
    const der = Uint8Array.from(leaf.der)
    der[at] = 'L'.charCodeAt(0)
    refused(der, { anchors: root.der }, 'ERR_PATH_SIGNATURE')
  })

  test('a changed signature of an intermediate', () => {
    const root = forgeCa({ subject: 'root' })
    const ca = forgeCa({ subject: 'ca', issuer: root })
    const leaf = forge({ subject: 'leaf', issuer: ca })
    accepted(leaf.der, { anchors: root.der, intermediates: ca.der })
    const error = refused(
      leaf.der,
      { anchors: root.der, intermediates: withBadSignature(ca.der) },
      'ERR_PATH_SIGNATURE',
    )
    expect(error.depth).toBe(1)
  })

  // The anchor is trusted as it is: nobody vouches for its own signature.
  test("the anchor's own signature is not looked at", () => {
    const root = forgeCa({ subject: 'root' })
    accepted(forge({ subject: 'leaf', issuer: root }).der, { anchors: withBadSignature(root.der) })
    const old = forgeCa({ subject: 'sha1', algorithm: ALGORITHMS['ecdsa-sha1'] })
    accepted(forge({ subject: 'leaf', issuer: old }).der, { anchors: old.der })
  })

  test.each([
    ['ECDSA with SHA-1', 'P-256', ALGORITHMS['ecdsa-sha1']],
    ['SHA-1 with RSA', 'RSA-2048', ALGORITHMS['rsa-sha1']],
  ] as const)('%s is refused although the signature is good', (description, kind, algorithm) => {
    const root = forgeCa({ subject: kind, keys: keysOf(kind, kind) })
    const leaf = forge({ subject: 'leaf', issuer: root, algorithm })
    const error = refused(leaf.der, { anchors: root.der }, 'ERR_PATH_ALGORITHM')
    expectBlame(error, leaf.certificate, 0)
    expect(error.message).toContain(description)
    accepted(forge({ subject: 'leaf', issuer: root }).der, { anchors: root.der })
  })

  test('SHA-1 under an intermediate blames the certificate that was signed so', () => {
    const root = forgeCa({ subject: 'root' })
    const ca = forgeCa({ subject: 'ca', issuer: root, algorithm: ALGORITHMS['ecdsa-sha1'] })
    const leaf = forge({ subject: 'leaf', issuer: ca })
    const error = refused(leaf.der, { anchors: root.der, intermediates: ca.der }, 'ERR_PATH_ALGORITHM')
    expectBlame(error, ca.certificate, 1)
  })

  describe('RSASSA-PSS (RFC 4055 §3.1)', () => {
    const root = forgeCa({ subject: 'pss', keys: keysOf('RSA-2048', 'RSA-2048') })
    // SHA-256, MGF1 with SHA-256, salt of 32 octets; then the same without the NULLs, and with a salt of 20.
    const usual =
      '304106092a864886f70d01010a3034a00f300d06096086480165030402010500a11c301a06092a864886f70d010108300d06096086480165030402010500a203020120'
    const withoutNulls =
      '303d06092a864886f70d01010a3030a00d300b0609608648016503040201a11a301806092a864886f70d010108300b0609608648016503040201a203020120'
    const leafWith = (identifier: string, saltLength: number): Uint8Array =>
      forgeDer({
        subject: 'leaf',
        issuer: root,
        algorithm: { identifier: hex(identifier), digest: 'sha256', options: { padding: 6, saltLength } },
      })

    test('parameters of one digest and a salt as long are verified, NULL or absent', () => {
      accepted(leafWith(usual, 32), { anchors: root.der })
      accepted(leafWith(withoutNulls, 32), { anchors: root.der })
    })

    test('a signature that does not have its parameters is refused', () => {
      refused(leafWith(usual, 20), { anchors: root.der }, 'ERR_PATH_SIGNATURE')
      refused(withBadSignature(leafWith(usual, 32)), { anchors: root.der }, 'ERR_PATH_SIGNATURE')
    })

    test('other parameters are refused', () => {
      const shortSalt = leafWith(usual.replace(/20$/, '14'), 20)
      expect(refused(shortSalt, { anchors: root.der }, 'ERR_PATH_ALGORITHM').message).toContain('RSASSA-PSS')
    })
  })

  test('an algorithm of another kind of key than the issuer has', () => {
    const root = forgeCa({ subject: 'root' })
    const der = forgeDer({
      subject: 'leaf',
      issuer: root,
      algorithm: { identifier: ALGORITHMS['rsa-sha256'].identifier, digest: 'sha256' },
    })
    refused(der, { anchors: root.der }, 'ERR_PATH_SIGNATURE')
  })
})

describe('keys', () => {
  test.each([
    ['RSA-1024', 'the RSA key has 1024 bits; at least 2048 are required'],
    ['P-224', 'an elliptic curve other than P-256, P-384 and P-521'],
    ['Ed448', '1.3.101.113'],
  ] as const)('%s is refused in leaf, intermediate and anchor', (kind, phrase) => {
    const weak = { keys: keysOf('weak', kind satisfies KeyChoice) }
    const root = forgeCa({ subject: 'root' })
    const leaf = forge({ subject: 'leaf', issuer: root, ...weak })
    expectBlame(refused(leaf.der, { anchors: root.der }, 'ERR_PATH_KEY'), leaf.certificate, 0)
    const ca = forgeCa({ subject: 'ca', issuer: root, ...weak })
    const below = forge({ subject: 'leaf', issuer: ca })
    const error = refused(below.der, { anchors: root.der, intermediates: ca.der }, 'ERR_PATH_KEY')
    expectBlame(error, ca.certificate, 1)
    expect(error.message).toContain(phrase)
    const anchor = forgeCa({ subject: 'weak root', ...weak })
    const direct = forge({ subject: 'leaf', issuer: anchor })
    expectBlame(refused(direct.der, { anchors: anchor.der }, 'ERR_PATH_KEY'), anchor.certificate, 1)
  })

  // An invalid point passes the reader, which knows only its length; importing it must fail as a path error.
  test('a point that is not on its curve', () => {
    const root = forgeCa({ subject: 'root' })
    const leaf = forge({ subject: 'leaf', issuer: root })
    const spki = root.keys.publicKey.export({ format: 'der', type: 'spki' })
    const broken = Buffer.from(root.der)
    const at = broken.indexOf(spki) + spki.length - 1
    broken[at] = (broken[at] ?? 0) ^ 1
    const error = refused(leaf.der, { anchors: broken }, 'ERR_PATH_KEY')
    expect(error.depth).toBe(1)
    expect(error.message).toContain('not on the curve')
    expect(error.cause).toMatchObject({ code: 'ERR_KEY_FORMAT' })
  })
})
