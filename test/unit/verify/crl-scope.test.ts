import { describe, expect, test, vi } from 'vitest'
import { Name } from '../../../src/x509/index.ts'
import { commonName, hex, rdn, seq, text } from '../../fixtures/x509/der.ts'
import { certificateIssuer } from '../x509/certificate-list-support.ts'
import { directory, dns, type Forged, forge, otherName, registeredId, uri } from './forge.ts'
import {
  distributionPoints,
  forgeCrl,
  forgeCrlCa,
  fullName,
  INDIRECT,
  ONLY_ATTRIBUTES,
  ONLY_CAS,
  ONLY_USERS,
  onlySomeReasons,
  point,
  pointAt,
  Reason,
  relativeName,
} from './forge-crl.ts'
import { type Ask, accepted, refused } from './support.ts'

const root = forgeCrlCa({ subject: 'root' })
const ask = (...crls: readonly Uint8Array[]): Ask => ({ anchors: root.der, crls })
const ifPresent = (...crls: readonly Uint8Array[]): Ask => ({ ...ask(...crls), revocation: 'if-present' })

/** A leaf with distribution points. */
const leafWith = (...points: readonly Uint8Array[]): Forged =>
  forge({
    subject: 'leaf',
    issuer: root,
    extensions: points.length === 0 ? [] : [distributionPoints(...points)],
  })

/** In scope, the CRL decides: clean accepts, listed rejects. Out of scope, neither of them says anything. */
function expectScope(leaf: Forged, scope: readonly Uint8Array[], inScope: boolean): void {
  const clean = forgeCrl({ issuer: root, scope })
  const listed = forgeCrl({ issuer: root, scope, revoked: [leaf] })
  if (inScope) {
    accepted(leaf.der, ask(clean))
    refused(leaf.der, ask(listed), 'ERR_PATH_REVOKED')
    refused(leaf.der, ifPresent(listed), 'ERR_PATH_REVOKED')
  } else {
    refused(leaf.der, ask(clean), 'ERR_PATH_REVOCATION_UNKNOWN')
    refused(leaf.der, ask(listed), 'ERR_PATH_REVOCATION_UNKNOWN')
    accepted(leaf.der, ifPresent(listed))
  }
}

const [A, B] = [uri('http://crl.example/a.crl'), uri('http://crl.example/b.crl')]
const attribute = (value: string): Uint8Array => rdn('2.5.4.3', text(0x0c, value)).subarray(2)
/** The root's name with one more RDN. */
const rootPart = (value: string): Uint8Array =>
  seq(rdn('2.5.4.3', text(0x0c, 'root')), rdn('2.5.4.3', text(0x0c, value)))

describe('the place of a CRL is one of its distribution point (RFC 5280 §6.3.3 (b)(2)(i))', () => {
  test.each<readonly [string, readonly Uint8Array[], Uint8Array, boolean]>([
    ['the same URI', [pointAt('http://crl.example/a.crl')], fullName(A), true],
    ['another URI', [pointAt('http://crl.example/b.crl')], fullName(A), false],
    ['one name of several in common', [point({ name: fullName(B, A) })], fullName(dns('x'), A), true],
    ['the second point', [pointAt('http://x/'), pointAt('http://crl.example/a.crl')], fullName(A), true],
    ['no point in the certificate', [], fullName(A), false],
    ['no point, the issuer as the place', [], fullName(directory(commonName('root'))), true],
    [
      'a directory name',
      [point({ name: fullName(directory(commonName('p'))) })],
      fullName(directory(commonName('P '))),
      true,
    ],
    [
      'another directory name',
      [point({ name: fullName(directory(commonName('p'))) })],
      fullName(directory(commonName('q'))),
      false,
    ],
    ['the text of a name of another form', [point({ name: fullName(dns('a')) })], fullName(uri('a')), false],
    [
      'a registered identifier',
      [point({ name: fullName(registeredId('1.2.3')) })],
      fullName(registeredId('1.2.3')),
      true,
    ],
    [
      'relative on both sides',
      [point({ name: relativeName(attribute('p')) })],
      relativeName(attribute('p')),
      true,
    ],
    [
      'relative, another',
      [point({ name: relativeName(attribute('p')) })],
      relativeName(attribute('q')),
      false,
    ],
    [
      'relative in the certificate',
      [point({ name: relativeName(attribute('p')) })],
      fullName(directory(rootPart('p'))),
      true,
    ],
    [
      'relative in the CRL',
      [point({ name: fullName(directory(rootPart('p'))) })],
      relativeName(attribute('p')),
      true,
    ],
    [
      'relative to another issuer',
      [point({ name: relativeName(attribute('p')) })],
      fullName(directory(seq(rdn('2.5.4.3', text(0x0c, 'r')), rdn('2.5.4.3', text(0x0c, 'p'))))),
      false,
    ],
  ])('%s', (_, points, place, inScope) => {
    expectScope(leafWith(...points), [place], inScope)
  })

  // "The identical encoding MUST be used" (§5.2.5): such names can be compared too.
  test.each([
    ['otherName', otherName('1.2.3', 'x'), otherName('1.2.3', 'y')],
    ['x400Address', hex('a30430023000'), hex('a304300231 00')],
  ])('the same %s in the same encoding', (_, name, other) => {
    expectScope(leafWith(point({ name: fullName(name) })), [fullName(name)], true)
    expectScope(leafWith(point({ name: fullName(name) })), [fullName(other)], false)
  })

  test('a CRL without a place covers every point', () => {
    const leaf = leafWith(pointAt('http://crl.example/a.crl'))
    accepted(leaf.der, ask(forgeCrl({ issuer: root })))
    refused(leaf.der, ask(forgeCrl({ issuer: root, revoked: [leaf] })), 'ERR_PATH_REVOKED')
  })
})

describe('kinds of certificates (RFC 5280 §6.3.3 (b)(2)(ii) to (iv))', () => {
  const leaf = forge({ subject: 'leaf', issuer: root })
  const ca = forgeCrlCa({ subject: 'ca', issuer: root })

  test.each([
    ['onlyContainsUserCerts', ONLY_USERS, true, false],
    ['onlyContainsCACerts', ONLY_CAS, false, true],
    ['onlyContainsAttributeCerts', ONLY_ATTRIBUTES, false, false],
    ['indirectCRL', INDIRECT, true, true],
  ])('%s', (_, field, users, cas) => {
    expectScope(leaf, [field], users)
    expectScope(ca, [field], cas)
  })
})

describe('reasons (RFC 5280 §6.3.3 (d), (e))', () => {
  const FIRST = [1, 2] as const
  const REST = [3, 4, 5, 6, 7, 8] as const
  const crl = (bits: readonly number[], ...revoked: readonly Forged[]): Uint8Array =>
    forgeCrl({ issuer: root, revoked, scope: [onlySomeReasons(...bits)] })

  test('CRLs for some reasons decide together when they cover all of them', () => {
    const leaf = leafWith()
    accepted(leaf.der, ask(crl(FIRST), crl(REST)))
    accepted(leaf.der, ask(crl(REST), crl(FIRST)))
    refused(leaf.der, ask(crl(FIRST), crl(REST.slice(1))), 'ERR_PATH_REVOCATION_UNKNOWN')
    refused(leaf.der, ask(crl(FIRST), crl(FIRST)), 'ERR_PATH_REVOCATION_UNKNOWN')
  })

  test('any of them revokes', () => {
    const leaf = leafWith()
    refused(leaf.der, ask(crl(FIRST, leaf), crl(REST)), 'ERR_PATH_REVOKED')
    refused(leaf.der, ask(crl(FIRST), crl(REST, leaf)), 'ERR_PATH_REVOKED')
  })

  test('one that is bad leaves its reasons open, under if-present too', () => {
    const leaf = leafWith()
    const old = forgeCrl({
      issuer: root,
      scope: [onlySomeReasons(...REST)],
      nextUpdate: '2026-05-31T00:00:00Z',
    })
    refused(leaf.der, ifPresent(crl(FIRST), old), 'ERR_PATH_CRL_EXPIRED')
    accepted(leaf.der, ifPresent(crl(FIRST), old, crl(REST)))
  })

  test('the reasons of a point bound what its CRL decides', () => {
    const place = (address: string, reasons?: readonly number[]): Uint8Array =>
      point({ name: fullName(uri(address)), ...(reasons === undefined ? {} : { reasons }) })
    const at = (address: string, ...revoked: readonly Forged[]): Uint8Array =>
      forgeCrl({ issuer: root, revoked, scope: [fullName(uri(address))] })
    const leaf = leafWith(place('http://a/', FIRST), place('http://b/', REST))
    accepted(leaf.der, ask(at('http://a/'), at('http://b/')))
    refused(leaf.der, ask(at('http://a/')), 'ERR_PATH_REVOCATION_UNKNOWN')
    refused(leaf.der, ask(at('http://a/'), at('http://b/', leaf)), 'ERR_PATH_REVOKED')
    accepted(leafWith(place('http://a/')).der, ask(at('http://a/')))
  })

  test('the bit "unused" is no reason (§4.2.1.13)', () => {
    accepted(leafWith().der, ask(crl([...FIRST, ...REST])))
    refused(leafWith().der, ask(crl([0, ...FIRST])), 'ERR_PATH_REVOCATION_UNKNOWN')
  })
})

describe('indirect CRLs (RFC 5280 §6.3.3 (b)(1), §5.3.3)', () => {
  const other = forgeCrlCa({ subject: 'other', issuer: root })
  const signer = forgeCrlCa({ subject: 'crl signer', issuer: root })
  const leaf = leafWith(point({ crlIssuer: [signer.name] }))
  const rootCrl = forgeCrl({ issuer: root, scope: [ONLY_CAS] })
  const listed = (by: Forged): { certificate: Forged; extensions: readonly Uint8Array[] } => ({
    certificate: leaf,
    extensions: [certificateIssuer(directory(by.name))],
  })
  const indirect = (
    ...revoked: readonly { certificate: Forged; extensions: readonly Uint8Array[] }[]
  ): Uint8Array => forgeCrl({ issuer: signer, revoked, scope: [INDIRECT] })
  const within = (...crls: readonly Uint8Array[]): Ask => ({
    ...ask(rootCrl, ...crls),
    intermediates: [signer.der, other.der],
  })

  test('the issuer that the point names decides', () => {
    accepted(leaf.der, within(indirect()))
    refused(leaf.der, within(indirect(listed(root))), 'ERR_PATH_REVOKED')
    refused(leaf.der, within(), 'ERR_PATH_REVOCATION_UNKNOWN')
  })

  test('an entry counts for the certificate issuer that it names', () => {
    accepted(leaf.der, within(indirect(listed(other))))
    accepted(leaf.der, within(indirect({ certificate: leaf, extensions: [] })))
    refused(leaf.der, within(indirect(listed(other), listed(root))), 'ERR_PATH_REVOKED')
  })

  test('and for the last one named before it (§5.3.3)', () => {
    const plain = { certificate: leaf, extensions: [] }
    const twin = (by: Forged): { certificate: Forged; extensions: readonly Uint8Array[] } => ({
      certificate: other,
      extensions: [certificateIssuer(directory(by.name))],
    })
    refused(leaf.der, within(indirect(twin(root), plain)), 'ERR_PATH_REVOKED')
    accepted(leaf.der, within(indirect(twin(root), twin(other), plain)))
  })

  test('a CRL that does not say it is indirect speaks for its own issuer only', () => {
    refused(leaf.der, within(forgeCrl({ issuer: signer })), 'ERR_PATH_REVOCATION_UNKNOWN')
    refused(
      leaf.der,
      within(forgeCrl({ issuer: signer, scope: [ONLY_USERS] })),
      'ERR_PATH_REVOCATION_UNKNOWN',
    )
  })

  test('an issuer that no point names is out of scope', () => {
    const stranger = forgeCrl({ issuer: other, revoked: [listed(root)], scope: [INDIRECT] })
    refused(leaf.der, within(stranger), 'ERR_PATH_REVOCATION_UNKNOWN')
    accepted(leaf.der, within(stranger, indirect()))
    refused(leafWith().der, within(indirect()), 'ERR_PATH_REVOCATION_UNKNOWN')
  })

  test('its place is a name of the point, or of the CRL issuer where the point has none', () => {
    const at = (place: Uint8Array): Uint8Array => forgeCrl({ issuer: signer, scope: [place, INDIRECT] })
    accepted(leaf.der, within(at(fullName(directory(signer.name)))))
    refused(leaf.der, within(at(fullName(A))), 'ERR_PATH_REVOCATION_UNKNOWN')
    const named = leafWith(point({ name: fullName(A), crlIssuer: [signer.name] }))
    accepted(named.der, within(at(fullName(A))))
    refused(named.der, within(at(fullName(B))), 'ERR_PATH_REVOCATION_UNKNOWN')
  })

  test('a relative place is relative to the CRL issuer (§4.2.1.13)', () => {
    const at = (place: Uint8Array): Uint8Array => forgeCrl({ issuer: signer, scope: [place, INDIRECT] })
    const named = leafWith(point({ name: relativeName(attribute('p')), crlIssuer: [signer.name] }))
    const part = seq(rdn('2.5.4.3', text(0x0c, 'crl signer')), rdn('2.5.4.3', text(0x0c, 'p')))
    accepted(named.der, within(at(fullName(directory(part)))))
    refused(named.der, within(at(fullName(directory(rootPart('p'))))), 'ERR_PATH_REVOCATION_UNKNOWN')
  })
})

describe('work is bounded', () => {
  const many = (count: number, make: (i: number) => Uint8Array): readonly Uint8Array[] =>
    Array.from({ length: count }, (_, i) => make(i))
  const limits = { comparisons: 2000 }

  /** Comparisons of names that one refusal takes. */
  function comparisons(leaf: Forged, ...crls: readonly Uint8Array[]): number {
    const equals = vi.spyOn(Name.prototype, 'equals')
    try {
      expect(() => accepted(leaf.der, { ...ask(...crls), limits })).toThrow(
        expect.objectContaining({ name: 'PathError' }),
      )
      return equals.mock.calls.length
    } finally {
      equals.mockRestore()
    }
  }

  test('many names at the point against many in the CRL take no more comparisons than the bound', () => {
    const names = (prefix: string): Uint8Array =>
      fullName(...many(200, (i) => directory(commonName(`${prefix}${i}`))))
    const leaf = leafWith(point({ name: names('a') }))
    expect(comparisons(leaf, forgeCrl({ issuer: root, scope: [names('b')] }))).toBeLessThan(3000)
    accepted(leaf.der, ask(forgeCrl({ issuer: root, scope: [names('a')] })))
  })

  test('many points against many CRLs end with the comparisons', () => {
    const leaf = leafWith(...many(100, (i) => pointAt(`http://crl.example/${i}`)))
    const crls = many(100, (i) => forgeCrl({ issuer: root, scope: [fullName(uri(`http://other/${i}`))] }))
    refused(leaf.der, { ...ask(...crls), limits }, 'ERR_PATH_BUDGET_COMPARISONS')
    accepted(
      leaf.der,
      ask(...crls, forgeCrl({ issuer: root, scope: [fullName(uri('http://crl.example/99'))] })),
    )
  })

  test('many CRL issuers at many points take no more comparisons than the bound', () => {
    const issuers = many(100, (i) => commonName(`signer ${i}`))
    const leaf = leafWith(...many(50, () => point({ crlIssuer: issuers })))
    const crl = forgeCrl({ issuer: root, name: commonName('none'), scope: [INDIRECT] })
    expect(comparisons(leaf, crl)).toBeLessThan(3000)
    refused(leaf.der, ask(forgeCrl({ issuer: root, revoked: [leaf] })), 'ERR_PATH_REVOKED')
  })
})

test('the reason of an entry does not bound it: a CRL for some reasons that lists a certificate revokes it', () => {
  const leaf = leafWith()
  const some = (...revoked: readonly Forged[]): Uint8Array =>
    forgeCrl({
      issuer: root,
      scope: [onlySomeReasons(1)],
      revoked: revoked.map((certificate) => ({ certificate, reason: Reason.superseded })),
    })
  refused(leaf.der, ask(some(leaf)), 'ERR_PATH_REVOKED')
  refused(leaf.der, ask(some()), 'ERR_PATH_REVOCATION_UNKNOWN')
})
