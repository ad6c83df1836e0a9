import { describe, expect, test, vi } from 'vitest'
import { verifyPath } from '../../../src/verify/index.ts'
import { CertificateList, Name } from '../../../src/x509/index.ts'
import { commonName, hex, seq, text } from '../../fixtures/x509/der.ts'
import { codeOf } from '../../fixtures/x509/refusal.ts'
import {
  ALGORITHMS,
  basicConstraints,
  directory,
  ext,
  type Forged,
  forge,
  keysOf,
  keyUsage,
  NOW,
} from './forge.ts'
import {
  type CrlRecipe,
  forgeCrl,
  forgeCrlCa,
  INDIRECT,
  onlySomeReasons,
  Reason,
  readCrl,
  withBadCrlSignature,
} from './forge-crl.ts'
import { type Ask, accepted, expectBlame, refused, within } from './support.ts'

const root = forgeCrlCa({ subject: 'root' })
const ca = forgeCrlCa({ subject: 'ca', issuer: root })
const leaf = forge({ subject: 'leaf', issuer: ca })
const rootCrl = forgeCrl({ issuer: root })
const caCrl = forgeCrl({ issuer: ca })
const EXPIRED = { nextUpdate: '2026-05-31T00:00:00Z' }

const ask = (...crls: readonly (Uint8Array | string | CertificateList)[]): Ask =>
  within({ root, ca, leaf }, { crls })
const ifPresent = (...crls: readonly (Uint8Array | string)[]): Ask => ({
  ...ask(...crls),
  revocation: 'if-present',
})
const leafListed = (recipe: Partial<CrlRecipe> = {}): Uint8Array =>
  forgeCrl({ issuer: ca, revoked: [leaf], ...recipe })

describe('what has to be known (RFC 5280 §6.1.3 (a)(3))', () => {
  test('every certificate below the anchor needs a CRL', () => {
    accepted(leaf.der, ask(rootCrl, caCrl))
    expectBlame(refused(leaf.der, ask(caCrl), 'ERR_PATH_REVOCATION_UNKNOWN'), ca.certificate, 1)
    expectBlame(refused(leaf.der, ask(rootCrl), 'ERR_PATH_REVOCATION_UNKNOWN'), leaf.certificate, 0)
    refused(leaf.der, ask(), 'ERR_PATH_REVOCATION_UNKNOWN')
    refused(leaf.der, within({ root, ca, leaf }, { revocation: 'require' }), 'ERR_PATH_REVOCATION_UNKNOWN')
  })

  test('without CRLs, or switched off, nobody asks', () => {
    accepted(leaf.der, within({ root, ca, leaf }))
    accepted(leaf.der, { ...ask(rootCrl, leafListed()), revocation: 'off' })
    refused(leaf.der, ask(rootCrl, leafListed()), 'ERR_PATH_REVOKED')
  })

  test('if-present: a certificate without any CRL in scope passes, a revoked one does not', () => {
    accepted(leaf.der, ifPresent())
    accepted(leaf.der, ifPresent(rootCrl))
    refused(leaf.der, ifPresent(leafListed()), 'ERR_PATH_REVOKED')
    refused(leaf.der, ifPresent(forgeCrl({ issuer: root, revoked: [ca] })), 'ERR_PATH_REVOKED')
  })

  test('the anchor itself is not asked about', () => {
    accepted(leaf.der, ask(forgeCrl({ issuer: root, revoked: [root] }), caCrl))
    refused(leaf.der, ask(forgeCrl({ issuer: root, revoked: [root, ca] }), caCrl), 'ERR_PATH_REVOKED')
  })

  test('an anchor that is a name and a key issues CRLs too', () => {
    const publicKey = root.keys.publicKey.export({ format: 'der', type: 'spki' })
    const anchors = { subject: 'CN=root', publicKey: new Uint8Array(publicKey) }
    accepted(leaf.der, { ...ask(rootCrl, caCrl), anchors })
    refused(
      leaf.der,
      { ...ask(forgeCrl({ issuer: root, revoked: [ca] }), caCrl), anchors },
      'ERR_PATH_REVOKED',
    )
  })

  test('waiting or not, the answer is the same', async () => {
    const options = { anchors: root.der, intermediates: [ca.der], purpose: 'any', time: NOW } as const
    await verifyPath(leaf.der, { ...options, crls: [rootCrl, caCrl] })
    await expect(verifyPath(leaf.der, { ...options, crls: [rootCrl, leafListed()] })).rejects.toMatchObject({
      code: 'ERR_PATH_REVOKED',
    })
  })
})

describe('what revokes (RFC 5280 §5.3.1, §6.3.3 (j))', () => {
  test.each([
    ['without a reason', undefined, undefined],
    ['keyCompromise', Reason.keyCompromise, 'keyCompromise'],
    ['certificateHold', Reason.certificateHold, 'certificateHold'],
    ['a reason that is not defined', 7, undefined],
  ])('an entry %s', (_, reason, named) => {
    const listed = reason === undefined ? leaf : { certificate: leaf, reason }
    const error = refused(leaf.der, ask(rootCrl, leafListed({ revoked: [listed] })), 'ERR_PATH_REVOKED')
    expectBlame(error, leaf.certificate, 0)
    expect(error.data).toMatchObject({ revocationDate: '2026-05-20T00:00:00Z' })
    expect(error.data['reason']).toBe(named)
    accepted(leaf.der, ask(rootCrl, caCrl))
  })

  test('removeFromCRL revokes nothing (§6.3.3 (k))', () => {
    const listed = (reason: number): Uint8Array => leafListed({ revoked: [{ certificate: leaf, reason }] })
    accepted(leaf.der, ask(rootCrl, listed(Reason.removeFromCRL)))
    refused(leaf.der, ask(rootCrl, listed(Reason.certificateHold)), 'ERR_PATH_REVOKED')
  })

  test('the same serial number of another CA does not', () => {
    const other = forge({ subject: 'x', issuer: root, serial: Number(`0x${leaf.certificate.serialNumber}`) })
    accepted(leaf.der, ask(forgeCrl({ issuer: root, revoked: [other] }), caCrl))
    refused(leaf.der, ask(rootCrl, forgeCrl({ issuer: ca, revoked: [other] })), 'ERR_PATH_REVOKED')
  })

  test('a path around a revoked CA is taken where there is one', () => {
    const again = forgeCrlCa({ subject: 'ca', issuer: root })
    const crls = [forgeCrl({ issuer: root, revoked: [ca] }), caCrl]
    const path = accepted(leaf.der, { anchors: root.der, intermediates: [ca.der, again.der], crls })
    expect(path.certificates[1]?.equals(again.certificate)).toBe(true)
    refused(leaf.der, { anchors: root.der, intermediates: [ca.der], crls }, 'ERR_PATH_REVOKED')
  })
})

describe('CRLs that cannot be used', () => {
  const CRITICAL = ext('1.2.3.4', hex('0500'), true)
  test.each<readonly [string, Partial<CrlRecipe>, string]>([
    ['past nextUpdate (§6.3.3 (a))', EXPIRED, 'ERR_PATH_CRL_EXPIRED'],
    ['of the future', { thisUpdate: '2026-06-01T00:00:01Z' }, 'ERR_PATH_CRL_UNUSABLE'],
    ['with an unknown critical extension (§5.2)', { extensions: [CRITICAL] }, 'ERR_PATH_CRL_UNUSABLE'],
    [
      'with an entry with one (§5.3)',
      { revoked: [{ certificate: ca, extensions: [CRITICAL] }] },
      'ERR_PATH_CRL_UNUSABLE',
    ],
    ['signed with SHA-1', { algorithm: ALGORITHMS['ecdsa-sha1'] }, 'ERR_PATH_CRL_UNUSABLE'],
    ['signed by another key', { issuer: { ...ca, keys: keysOf('other') } }, 'ERR_PATH_CRL_SIGNATURE'],
  ])('%s: rejects under both modes, unless another one decides', (_, recipe, code) => {
    const bad = forgeCrl({ issuer: ca, ...recipe })
    const refusal = expect.objectContaining({ code })
    expect(() => accepted(leaf.der, ask(rootCrl, bad))).toThrow(refusal)
    expect(() => accepted(leaf.der, ifPresent(rootCrl, bad))).toThrow(refusal)
    accepted(leaf.der, ask(rootCrl, bad, caCrl))
    accepted(leaf.der, ifPresent(rootCrl, caCrl, bad))
    refused(leaf.der, ask(rootCrl, bad, leafListed()), 'ERR_PATH_REVOKED')
  })

  test('what is unknown but not critical is passed over (§5.2)', () => {
    accepted(leaf.der, ask(rootCrl, forgeCrl({ issuer: ca, extensions: [ext('1.2.3.4', hex('0500'))] })))
  })

  test('an altered CRL (§6.3.3 (g))', () => {
    refused(leaf.der, ask(rootCrl, withBadCrlSignature(caCrl)), 'ERR_PATH_CRL_SIGNATURE')
    refused(leaf.der, ifPresent(withBadCrlSignature(caCrl)), 'ERR_PATH_CRL_SIGNATURE')
    accepted(leaf.der, ifPresent(caCrl))
  })

  test('nextUpdate and thisUpdate count to the second, both included', () => {
    accepted(leaf.der, ask(rootCrl, forgeCrl({ issuer: ca, nextUpdate: '2026-06-01T00:00:00Z' })))
    accepted(leaf.der, ask(rootCrl, forgeCrl({ issuer: ca, thisUpdate: '2026-06-01T00:00:00Z' })))
    refused(
      leaf.der,
      ask(rootCrl, forgeCrl({ issuer: ca, nextUpdate: '2026-05-31T23:59:59Z' })),
      'ERR_PATH_CRL_EXPIRED',
    )
  })

  test('without nextUpdate a CRL does not expire (§5.1.2.4)', () => {
    const recipe = { nextUpdate: null, thisUpdate: '2020-01-01T00:00:00Z' } as const
    accepted(leaf.der, ask(rootCrl, forgeCrl({ issuer: ca, ...recipe })))
    refused(leaf.der, ask(rootCrl, leafListed(recipe)), 'ERR_PATH_REVOKED')
  })

  test('what cannot be read might have spoken of it: it rejects unless another one decides', () => {
    const pem = '-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----\n'
    for (const unreadable of [pem, 'no PEM', hex(''), hex('3000'), caCrl.subarray(0, 100)]) {
      refused(leaf.der, ifPresent(rootCrl, unreadable), 'ERR_PATH_CRL_UNUSABLE')
      refused(leaf.der, ask(rootCrl, unreadable), 'ERR_PATH_CRL_UNUSABLE')
      accepted(leaf.der, ifPresent(rootCrl, caCrl, unreadable))
    }
  })

  test('values of other types are a TypeError', () => {
    for (const crls of [null, 5, [undefined], [new Date()]])
      expect(() => accepted(leaf.der, { ...ask(), crls } as never)).toThrow(TypeError)
    expect(() => accepted(leaf.der, { ...ask(), revocation: 'always' } as never)).toThrow(TypeError)
  })

  test('DER, PEM with several, and values that were read are all taken', () => {
    const [one, two] = [CertificateList.fromDer(rootCrl), CertificateList.fromDer(caCrl)]
    accepted(leaf.der, ask(one.toPem() + two.toPem()))
    accepted(leaf.der, ask(one, caCrl))
    refused(leaf.der, ask(one.toPem() + CertificateList.fromDer(leafListed()).toPem()), 'ERR_PATH_REVOKED')
  })
})

describe('several CRLs for the same certificate', () => {
  const older = { thisUpdate: '2026-05-10T00:00:00Z', number: 1 }
  const newer = { thisUpdate: '2026-05-30T00:00:00Z', number: 2 }

  test('the newest one counts, in whatever order they stand', () => {
    const [released, held] = [forgeCrl({ issuer: ca, ...newer }), leafListed(older)]
    const [clean, revoked] = [forgeCrl({ issuer: ca, ...older }), leafListed(newer)]
    for (const crls of [
      [released, held],
      [held, released],
    ])
      accepted(leaf.der, ask(rootCrl, ...crls))
    for (const crls of [
      [clean, revoked],
      [revoked, clean],
    ])
      refused(leaf.der, ask(rootCrl, ...crls), 'ERR_PATH_REVOKED')
  })

  test('of the same time the one with the higher number counts (§5.2.3)', () => {
    const clean = forgeCrl({ issuer: ca, number: 1 })
    refused(leaf.der, ask(rootCrl, clean, leafListed({ number: 2 })), 'ERR_PATH_REVOKED')
    accepted(leaf.der, ask(rootCrl, leafListed({ number: 1 }), forgeCrl({ issuer: ca, number: 2 })))
  })

  test('where date and number disagree, what either revokes is revoked', () => {
    // A clock that was ahead, or numbers that began anew: neither order is known to be right.
    const [early, late] = ['2026-05-10T00:00:00Z', '2026-05-30T00:00:00Z']
    const lists = (revoking: { thisUpdate: string; number: number }, clean: typeof revoking) => [
      leafListed(revoking),
      forgeCrl({ issuer: ca, ...clean }),
    ]
    for (const crls of [
      lists({ thisUpdate: early, number: 2 }, { thisUpdate: late, number: 1 }),
      lists({ thisUpdate: late, number: 1 }, { thisUpdate: early, number: 2 }),
    ]) {
      refused(leaf.der, ask(rootCrl, ...crls), 'ERR_PATH_REVOKED')
      refused(leaf.der, ask(rootCrl, ...[...crls].reverse()), 'ERR_PATH_REVOKED')
    }
    accepted(
      leaf.der,
      ask(rootCrl, ...lists({ thisUpdate: early, number: 1 }, { thisUpdate: late, number: 2 })),
    )
  })
})

describe('work is bounded', () => {
  const many = <T>(count: number, make: (i: number) => T): readonly T[] =>
    Array.from({ length: count }, (_, i) => make(i))

  test('badly signed CRLs in scope end with the signatures', () => {
    const bad = many(120, (i) => forgeCrl({ issuer: { ...ca, keys: keysOf('other') }, number: i + 1 }))
    refused(leaf.der, ask(rootCrl, ...bad), 'ERR_PATH_BUDGET_SIGNATURES')
    accepted(leaf.der, ask(rootCrl, caCrl, ...bad.slice(0, 50)))
  })

  test('CRLs of other issuers end with the comparisons', () => {
    const others = many(200, (i) => readCrl({ issuer: ca, name: commonName(`other ${i}`) }))
    const limits = { comparisons: 1000 }
    refused(leaf.der, { ...ask(rootCrl, ...others), limits }, 'ERR_PATH_BUDGET_COMPARISONS')
    refused(leaf.der, ask(rootCrl, ...others), 'ERR_PATH_REVOCATION_UNKNOWN')
  })

  test('entries of one serial number under many certificate issuers cost no comparison each', () => {
    const twin = forge({ subject: 'twin', issuer: ca })
    const names = many(16, (i) => directory(commonName(`issuer ${i}`)))
    const issuers = ext(29, seq(...names), true)
    const revoked = many(500, (i) => ({ certificate: twin, extensions: i === 0 ? [issuers] : [] }))
    const crl = forgeCrl({ issuer: ca, revoked, scope: [INDIRECT] })
    const equals = vi.spyOn(Name.prototype, 'equals')
    try {
      accepted(twin.der, ask(rootCrl, crl))
      expect(equals.mock.calls.length).toBeLessThan(2000)
    } finally {
      equals.mockRestore()
    }
    refused(twin.der, ask(rootCrl, forgeCrl({ issuer: ca, revoked: [twin] })), 'ERR_PATH_REVOKED')
  })

  test('a CRL of 10,000 entries', () => {
    const listed = many(9_999, () => ca)
    accepted(leaf.der, ask(rootCrl, forgeCrl({ issuer: ca, revoked: listed })))
    refused(leaf.der, ask(rootCrl, forgeCrl({ issuer: ca, revoked: [...listed, leaf] })), 'ERR_PATH_REVOKED')
  })
})

describe('critical distribution points in certificates (RFC 5280 §4.2.1.13)', () => {
  const points = ext(31, hex('3000'), true)
  const critical = (id: number): Forged =>
    forge({
      subject: 'leaf',
      issuer: ca,
      extensions: [
        basicConstraints(false),
        keyUsage(0),
        ext(id, seq(seq(hex('a00da00b'), text(0x86, 'http://a/'))), true),
      ],
    })

  test('are judged where CRLs are, and refused where nobody asks', () => {
    expect(codeOf(() => forge({ subject: 'leaf', issuer: ca, extensions: [points] }))).toBe(
      'ERR_CERTIFICATE_EXTENSION',
    )
    for (const id of [31, 46]) {
      const { der } = critical(id)
      accepted(der, ask(rootCrl, caCrl))
      refused(der, within({ root, ca, leaf }), 'ERR_PATH_CRITICAL_EXTENSION')
      refused(der, { ...ask(rootCrl, caCrl), revocation: 'off' }, 'ERR_PATH_CRITICAL_EXTENSION')
    }
  })
})

test('reasons that no CRL speaks of leave a certificate undetermined (§6.3.3)', () => {
  const some = forgeCrl({ issuer: ca, scope: [onlySomeReasons(1, 2)] })
  const error = refused(leaf.der, ask(rootCrl, some), 'ERR_PATH_REVOCATION_UNKNOWN')
  expect(error.message).toContain('for every reason')
  accepted(leaf.der, ifPresent(rootCrl, some))
  accepted(leaf.der, ask(rootCrl, some, forgeCrl({ issuer: ca, scope: [onlySomeReasons(3, 4, 5, 6, 7, 8)] })))
})
