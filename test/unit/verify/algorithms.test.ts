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

  test('RSASSA-PSS is refused', () => {
    const root = forgeCa({ subject: 'pss', keys: keysOf('RSA-2048', 'RSA-2048') })
    // RSASSA-PSS-params of SHA-256, MGF1 with SHA-256, salt of 32 octets (RFC 4055 §3.1).
    const identifier = hex(
      '304106092a864886f70d01010a3034a00f300d06096086480165030402010500a11c301a06092a864886f70d010108300d06096086480165030402010500a203020120',
    )
    const algorithm = { identifier, digest: 'sha256', options: { padding: 6, saltLength: 32 } }
    const { der } = forge({ subject: 'leaf', issuer: root, algorithm })
    expect(refused(der, { anchors: root.der }, 'ERR_PATH_ALGORITHM').message).toContain('RSASSA-PSS')
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
