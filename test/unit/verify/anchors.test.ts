import { describe, expect, test } from 'vitest'
import { TrustStore } from '../../../src/verify/index.ts'
import {
  basicConstraints,
  CLIENT_AUTH,
  dns,
  EMPTY_NAME,
  eku,
  type Forged,
  forge,
  forgeCa,
  keysOf,
  nameConstraints,
  san,
} from './forge.ts'
import { type Ask, accepted, expectBlame, refused } from './support.ts'

const leafOf = (issuer: Forged): Uint8Array =>
  forge({ subject: 'leaf', issuer, extensions: [san([dns('a.example.com')])] }).der

describe('anchors are certificates, and each check can be turned off by itself', () => {
  const expired = forgeCa({ subject: 'expired', notAfter: '2026-02-01T00:00:00Z' })
  const future = forgeCa({ subject: 'future', notBefore: '2026-12-01T00:00:00Z' })
  const constrained = forgeCa({
    subject: 'constrained',
    extensions: [nameConstraints({ excluded: [dns('example.com')] })],
  })
  const clients = forgeCa({ subject: 'clients', extensions: [eku(CLIENT_AUTH)] })
  const v1 = forge({ subject: 'v1', version: null })
  const notCa = forge({ subject: 'no ca', extensions: [basicConstraints(false)] })

  test.each([
    ['validity', expired, 'ERR_PATH_EXPIRED'],
    ['validity', future, 'ERR_PATH_NOT_YET_VALID'],
    ['constraints', constrained, 'ERR_PATH_NAME_CONSTRAINTS'],
    ['constraints', clients, 'ERR_PATH_EXTENDED_KEY_USAGE'],
    ['basicConstraints', v1, 'ERR_PATH_NOT_CA'],
    ['basicConstraints', notCa, 'ERR_PATH_NOT_CA'],
  ] as const)('%s', (check, anchor, code) => {
    const ask: Ask = { anchors: anchor.der, purpose: 'serverAuth' }
    refused(leafOf(anchor), ask, code)
    refused(leafOf(anchor), { ...ask, anchorChecks: {} }, code)
    refused(leafOf(anchor), { ...ask, anchorChecks: { [check]: true } }, code)
    accepted(leafOf(anchor), { ...ask, anchorChecks: { [check]: false } })
    const others = { validity: false, constraints: false, basicConstraints: false, [check]: true }
    refused(leafOf(anchor), { ...ask, anchorChecks: others }, code)
  })

  test('constraints: path length', () => {
    const root = forgeCa({ subject: 'root', pathLength: 0 })
    const ca = forgeCa({ subject: 'ca', issuer: root })
    const ask = { anchors: root.der, intermediates: ca.der }
    expectBlame(refused(leafOf(ca), ask, 'ERR_PATH_LENGTH'), root.certificate, 2)
    accepted(leafOf(ca), { ...ask, anchorChecks: { constraints: false } })
  })

  test('they are not turned off for intermediates', () => {
    const root = forgeCa({ subject: 'root' })
    const off = { validity: false, constraints: false, basicConstraints: false }
    for (const [recipe, code] of [
      [{ notAfter: '2026-02-01T00:00:00Z' }, 'ERR_PATH_EXPIRED'],
      [{ extensions: [nameConstraints({ excluded: [dns('example.com')] })] }, 'ERR_PATH_NAME_CONSTRAINTS'],
    ] as const) {
      const ca = forgeCa({ subject: 'ca', issuer: root, ...recipe })
      refused(leafOf(ca), { anchors: root.der, intermediates: ca.der, anchorChecks: off }, code)
    }
  })
})

describe('names of anchors', () => {
  test('an anchor without a name is refused, and no check turns that off (RFC 5280 §4.1.2.6)', () => {
    const extensions = [san([dns('nameless.example.com')], true)]
    const nameless = forgeCa({ subject: EMPTY_NAME, keys: keysOf('nameless'), extensions })
    const off = { validity: false, constraints: false, basicConstraints: false }
    for (const anchorChecks of [{}, off]) {
      const error = refused(
        leafOf(nameless),
        { anchors: nameless.der, anchorChecks },
        'ERR_PATH_EMPTY_SUBJECT',
      )
      expectBlame(error, nameless.certificate, 1)
    }
    accepted(leafOf(forgeCa({ subject: 'named' })), { anchors: forgeCa({ subject: 'named' }).der })
  })
})

describe('a leaf that is itself an anchor', () => {
  const root = forgeCa({ subject: 'root' })

  test('is refused: an anchor is not part of the path (RFC 5280 §6.1)', () => {
    const error = refused(root.der, { anchors: root.der }, 'ERR_PATH_NO_ISSUER')
    expectBlame(error, root.certificate, 0)
    expect(error.message).toContain('it is a trust anchor itself')
    expect(error.message).not.toContain('not among the trust anchors')
  })

  test('so is one with the name and key of an anchor', () => {
    const renewed = forgeCa({ subject: 'root', notAfter: '2028-01-01T00:00:00Z' })
    const error = refused(renewed.der, { anchors: root.der }, 'ERR_PATH_NO_ISSUER')
    expect(error.message).toContain('not among the trust anchors')
  })
})

describe('the anchors of a store', () => {
  const root = forgeCa({ subject: 'root' })
  const ca = forgeCa({ subject: 'ca', issuer: root })

  test('each is kept once, whatever its shape', () => {
    const pem = root.certificate.toPem()
    const store = new TrustStore({ anchors: [root.der, pem + pem, root.certificate], intermediates: pem })
    expect(store.anchors).toHaveLength(1)
    expect(store.intermediates).toHaveLength(1)
  })

  test('its intermediates complete a path and are not trusted', () => {
    accepted(leafOf(ca), { store: new TrustStore({ anchors: root.der, intermediates: ca.der }) })
    const other = forgeCa({ subject: 'other' })
    refused(
      leafOf(ca),
      { store: new TrustStore({ anchors: other.der, intermediates: ca.der }) },
      'ERR_PATH_NO_ISSUER',
    )
  })

  test('it serves many calls and remembers no verdict', () => {
    const store = new TrustStore({ anchors: root.der, intermediates: ca.der })
    const leaf = leafOf(ca)
    for (let i = 0; i < 3; i++) {
      accepted(leaf, { store })
      refused(leaf, { store, time: new Date('2030-01-01T00:00:00Z') }, 'ERR_PATH_EXPIRED')
      refused(leaf, { store, name: { dns: 'b.example.com' } }, 'ERR_PATH_NAME_MISMATCH')
    }
  })

  test('without any anchor nothing can be accepted', () => {
    expect(() => new TrustStore({ anchors: [] })).toThrow(
      expect.objectContaining({ code: 'ERR_PATH_ANCHOR' }),
    )
    expect(refused(leafOf(ca), { anchors: [] }, 'ERR_PATH_ANCHOR').message).toContain(
      'list of trust anchors is empty',
    )
  })

  test('an anchor that cannot be read is an error, not passed over', () => {
    refused(leafOf(ca), { anchors: [root.der, Uint8Array.of(1, 2, 3)] }, 'ERR_PATH_MALFORMED')
  })
})
