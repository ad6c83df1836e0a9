/**
 * The same hierarchies and CRLs under `openssl verify -crl_check_all`, and every class on which the two differ.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { checkPathSync } from '../../src/verify/index.ts'
import { commonName, hex, rdn, text } from '../fixtures/x509/der.ts'
import { openssl, opensslAvailable, withTemporaryFolder } from '../support/openssl.ts'
import { requirement } from '../support/require.ts'
import {
  aki,
  directory,
  ext,
  type Forged,
  forge,
  forgeCa,
  keysOf,
  keyUsage,
  NOW,
  otherName,
  ski,
  uri,
} from '../unit/verify/forge.ts'
import {
  CA_AND_CRLS,
  type CrlRecipe,
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
  withBadCrlSignature,
} from '../unit/verify/forge-crl.ts'
import { certificateIssuer } from '../unit/x509/certificate-list-support.ts'

interface Asked {
  readonly leaf: Forged
  readonly crls: readonly Uint8Array[]
  readonly anchors?: readonly Forged[]
  readonly intermediates?: readonly Forged[]
}

const pemOf = (label: string, list: readonly Uint8Array[]): string =>
  list
    .map((der) => {
      const body = Buffer.from(der)
        .toString('base64')
        .replace(/.{64}(?=.)/g, '$&\n')
      return `-----BEGIN ${label}-----\n${body}\n-----END ${label}-----\n`
    })
    .join('')

const derOf = ({ der }: Forged): Uint8Array => der

const root = forgeCrlCa({ subject: 'root' })
const ca = forgeCrlCa({ subject: 'ca', issuer: root })
const leaf = forge({ subject: 'leaf', issuer: ca })
const rootCrl = forgeCrl({ issuer: root })
const caCrl = (recipe: Partial<CrlRecipe> = {}): Uint8Array => forgeCrl({ issuer: ca, ...recipe })

/** `ok`, or the words of the first error. */
function opensslSays({
  leaf: { der },
  crls,
  anchors = [root],
  intermediates = [ca],
}: Asked): Promise<string> {
  return withTemporaryFolder((cwd) => {
    const write = (name: string, label: string, list: readonly Uint8Array[]): readonly string[] => {
      writeFileSync(join(cwd, name), pemOf(label, list))
      return list.length === 0 ? [] : [name]
    }
    const option = (name: string, files: readonly string[]): readonly string[] =>
      files.flatMap((file) => [name, file])
    const { status, stderr } = openssl(
      [
        ...['verify', '-no-CApath', '-no-CAstore', '-attime', String(NOW.getTime() / 1000)],
        ...['-crl_check_all', '-use_deltas', '-extended_crl'],
        ...option('-CAfile', write('anchors.pem', 'CERTIFICATE', anchors.map(derOf))),
        ...option('-untrusted', write('others.pem', 'CERTIFICATE', intermediates.map(derOf))),
        ...option('-CRLfile', write('crls.pem', 'X509 CRL', crls)),
        ...write('leaf.pem', 'CERTIFICATE', [der]),
      ],
      { cwd },
    )
    return status === 0 ? 'ok' : stderr.toString()
  })
}

function weSay({ leaf: { der }, crls, anchors = [root], intermediates = [ca] }: Asked): string {
  const result = checkPathSync(der, {
    anchors: anchors.map(derOf),
    intermediates: intermediates.map(derOf),
    crls,
    time: NOW,
    purpose: 'any',
  })
  return result.ok ? 'ok' : result.error.code
}

async function expectBoth(asked: Asked, ours: string, theirs: string | RegExp): Promise<void> {
  expect(weSay(asked)).toBe(ours)
  expect(await opensslSays(asked)).toMatch(theirs)
}

/** Numbers and words of X509_verify_cert_error_string. */
const REVOKED = /error 23 at \d depth lookup: certificate revoked/
const UNKNOWN = /error 3 at \d depth lookup: unable to get certificate CRL/
const BAD_SIGNATURE = /error 8 at \d depth lookup: CRL signature failure/
const EXPIRED = /error 12 at \d depth lookup: CRL has expired/
const FUTURE = /error 11 at \d depth lookup: CRL is not yet valid/
const CRITICAL = /error 36 at \d depth lookup: unhandled critical CRL extension/
const NOT_SIGNER = /error 35 at \d depth lookup: key usage does not include CRL signing/
const CRL_PATH = /error 54 at \d depth lookup: CRL path validation error/
const OK = /^ok$/

if (requirement('openssl', opensslAvailable)) {
  describe('complete CRLs', () => {
    const HOLD = { certificate: leaf, reason: Reason.certificateHold }
    const REMOVED = { certificate: leaf, reason: Reason.removeFromCRL }
    const UNKNOWN_EXTENSION = ext('1.2.3.4', hex('0500'))
    const CRITICAL_EXTENSION = ext('1.2.3.4', hex('0500'), true)

    test('every certificate needs one', async () => {
      const ofRoot = forgeCrl({ issuer: root, revoked: [ca] })
      await expectBoth({ leaf, crls: [rootCrl, caCrl()] }, 'ok', OK)
      await expectBoth({ leaf, crls: [ofRoot, caCrl()] }, 'ERR_PATH_REVOKED', REVOKED)
      await expectBoth({ leaf, crls: [rootCrl] }, 'ERR_PATH_REVOCATION_UNKNOWN', UNKNOWN)
      await expectBoth({ leaf, crls: [caCrl()] }, 'ERR_PATH_REVOCATION_UNKNOWN', UNKNOWN)
      const altered = withBadCrlSignature(caCrl())
      await expectBoth({ leaf, crls: [rootCrl, altered] }, 'ERR_PATH_CRL_SIGNATURE', BAD_SIGNATURE)
    })

    test.each<readonly [string, Partial<CrlRecipe>, string, RegExp]>([
      ['the leaf is revoked', { revoked: [leaf] }, 'ERR_PATH_REVOKED', REVOKED],
      ['on hold', { revoked: [HOLD] }, 'ERR_PATH_REVOKED', REVOKED],
      ['removeFromCRL in a complete CRL', { revoked: [REMOVED] }, 'ok', OK],
      ['a CRL that has expired', { nextUpdate: '2026-05-31T00:00:00Z' }, 'ERR_PATH_CRL_EXPIRED', EXPIRED],
      ['a CRL of the future', { thisUpdate: '2026-06-02T00:00:00Z' }, 'ERR_PATH_CRL_UNUSABLE', FUTURE],
      [
        'an unknown critical extension',
        { extensions: [CRITICAL_EXTENSION] },
        'ERR_PATH_CRL_UNUSABLE',
        CRITICAL,
      ],
      ['an unknown extension', { extensions: [UNKNOWN_EXTENSION] }, 'ok', OK],
      ['without nextUpdate', { nextUpdate: null }, 'ok', OK],
      ['without nextUpdate, revoked', { nextUpdate: null, revoked: [leaf] }, 'ERR_PATH_REVOKED', REVOKED],
    ])('%s', async (_, recipe, ours, theirs) => {
      await expectBoth({ leaf, crls: [rootCrl, caCrl(recipe)] }, ours, theirs)
    })

    test('an older CRL that is current counts where a newer one has expired', async () => {
      const old = { thisUpdate: '2026-05-10T00:00:00Z' }
      const expired = caCrl({ thisUpdate: '2026-05-30T00:00:00Z', nextUpdate: '2026-05-31T00:00:00Z' })
      await expectBoth({ leaf, crls: [rootCrl, expired, caCrl(old)] }, 'ok', OK)
      await expectBoth(
        { leaf, crls: [rootCrl, expired, caCrl({ ...old, revoked: [leaf] })] },
        'ERR_PATH_REVOKED',
        REVOKED,
      )
    })

    test('a CA without cRLSign', async () => {
      const mute = forgeCa({ subject: 'ca', keys: ca.keys, issuer: root })
      await expectBoth(
        { leaf, intermediates: [mute], crls: [rootCrl, caCrl()] },
        'ERR_PATH_CRL_SIGNER',
        NOT_SIGNER,
      )
      await expectBoth({ leaf, crls: [rootCrl, caCrl()] }, 'ok', OK)
    })
  })

  describe('scopes (RFC 5280 §5.2.5)', () => {
    const RELATIVE = relativeName(rdn('2.5.4.3', text(0x0c, 'p')).subarray(2))
    const OTHER = fullName(otherName('1.2.3', 'x'))
    const placed = (...points: readonly Uint8Array[]): Forged =>
      forge({ subject: 'leaf', issuer: ca, extensions: [distributionPoints(...points)] })
    const at = (address: string): Uint8Array => fullName(uri(address))
    test.each<readonly [string, Forged, readonly Uint8Array[], boolean]>([
      ['the same URI', placed(pointAt('http://a/')), [at('http://a/')], true],
      ['another URI', placed(pointAt('http://b/')), [at('http://a/')], false],
      ['the second point', placed(pointAt('http://b/'), pointAt('http://a/')), [at('http://a/')], true],
      ['the same otherName', placed(point({ name: OTHER })), [OTHER], true],
      ['relative on both sides', placed(point({ name: RELATIVE })), [RELATIVE], true],
      ['users only', leaf, [ONLY_USERS], true],
      ['CAs only', leaf, [ONLY_CAS], false],
      ['attribute certificates only', leaf, [ONLY_ATTRIBUTES], false],
      ['some reasons only', leaf, [onlySomeReasons(1, 2)], false],
      ['indirect, for its own issuer', leaf, [INDIRECT], true],
    ])('%s', async (_, certificate, scope, inScope) => {
      const crls = (...revoked: readonly Forged[]): readonly Uint8Array[] => [
        rootCrl,
        caCrl({ scope, revoked }),
      ]
      const clean = await opensslSays({ leaf: certificate, crls: crls() })
      expect([weSay({ leaf: certificate, crls: crls() }) === 'ok', clean === 'ok', clean]).toEqual([
        inScope,
        inScope,
        clean,
      ])
      if (inScope)
        await expectBoth({ leaf: certificate, crls: crls(certificate) }, 'ERR_PATH_REVOKED', REVOKED)
      else expect(clean).toMatch(/error (3|44) at 0 depth/)
    })

    test('CRLs for some reasons that cover all of them together', async () => {
      const some = (bits: readonly number[], ...revoked: readonly Forged[]): Uint8Array =>
        caCrl({ scope: [onlySomeReasons(...bits)], revoked })
      const [first, rest] = [
        [1, 2],
        [3, 4, 5, 6, 7, 8],
      ]
      await expectBoth({ leaf, crls: [rootCrl, some(first), some(rest)] }, 'ok', OK)
      await expectBoth({ leaf, crls: [rootCrl, some(first), some(rest, leaf)] }, 'ERR_PATH_REVOKED', REVOKED)
    })
  })

  describe('delta CRLs (RFC 5280 §5.2.4)', () => {
    // OpenSSL looks for a delta CRL only where the certificate or its CRL names the place of one.
    const freshest = ext(46, hex('300f300da00ba0098607687474703a2f2f'))
    const complete = (recipe: Partial<CrlRecipe> = {}): Uint8Array =>
      caCrl({ number: 5, extensions: [freshest], thisUpdate: '2026-05-20T00:00:00Z', ...recipe })
    const delta = (recipe: Partial<CrlRecipe> = {}): Uint8Array => caCrl({ number: 7, base: 5, ...recipe })
    const held = complete({ revoked: [{ certificate: leaf, reason: Reason.certificateHold }] })
    const released = { revoked: [{ certificate: leaf, reason: Reason.removeFromCRL }] }
    test.each<readonly [string, readonly Uint8Array[], string, RegExp]>([
      ['says nothing', [complete(), delta()], 'ok', OK],
      ['revokes', [complete(), delta({ revoked: [leaf] })], 'ERR_PATH_REVOKED', REVOKED],
      ['releases what was on hold', [held, delta(released)], 'ok', OK],
      ['does not release', [held, delta()], 'ERR_PATH_REVOKED', REVOKED],
      [
        'of a later base does not count',
        [held, delta({ base: 6, ...released })],
        'ERR_PATH_REVOKED',
        REVOKED,
      ],
      [
        'that is no newer does not count',
        [held, delta({ number: 5, ...released })],
        'ERR_PATH_REVOKED',
        REVOKED,
      ],
    ])('%s', async (_, crls, ours, theirs) => {
      await expectBoth({ leaf, crls: [rootCrl, ...crls] }, ours, theirs)
    })

    test('an expired complete CRL is brought up to date by a current delta CRL (§6.3.3 (a))', async () => {
      const expired = complete({ nextUpdate: '2026-05-31T00:00:00Z' })
      await expectBoth({ leaf, crls: [rootCrl, expired, delta()] }, 'ok', OK)
      await expectBoth({ leaf, crls: [rootCrl, expired] }, 'ERR_PATH_CRL_EXPIRED', EXPIRED)
    })
  })

  describe('indirect CRLs and separate signers (RFC 5280 §6.3.3 (b)(1), (f))', () => {
    const signer = forge({ subject: 'signer', issuer: root, extensions: [keyUsage(6)] })
    const delegated = forge({
      subject: 'leaf',
      issuer: ca,
      extensions: [distributionPoints(point({ crlIssuer: [signer.name] }))],
    })
    const listed = { certificate: delegated, extensions: [certificateIssuer(directory(ca.name))] }
    const ask = (crls: readonly Uint8Array[]): Asked => ({
      leaf: delegated,
      intermediates: [ca, signer],
      crls: [rootCrl, ...crls],
    })

    test('the CRL issuer that the certificate names', async () => {
      const crl = (...revoked: readonly (typeof listed)[]): Uint8Array =>
        forgeCrl({ issuer: signer, revoked, scope: [INDIRECT] })
      await expectBoth(ask([crl()]), 'ok', OK)
      await expectBoth(ask([crl(listed)]), 'ERR_PATH_REVOKED', REVOKED)
      await expectBoth({ ...ask([crl()]), leaf }, 'ERR_PATH_REVOCATION_UNKNOWN', /error (3|44) at 0 depth/)
    })

    test('another key of the CA', async () => {
      const other = forge({
        subject: 'ca',
        keys: keysOf('ca crls'),
        issuer: root,
        extensions: [CA_AND_CRLS, ski(hex('01'))],
      })
      const crl = (...revoked: readonly Forged[]): Uint8Array =>
        forgeCrl({ issuer: other, revoked, extensions: [aki(hex('01'))] })
      const asked = (...revoked: readonly Forged[]): Asked => ({
        leaf,
        intermediates: [
          forgeCrlCa({ subject: 'ca', keys: ca.keys, issuer: root, extensions: [ski(hex('02'))] }),
          other,
        ],
        crls: [rootCrl, crl(...revoked)],
      })
      await expectBoth(asked(), 'ok', OK)
      await expectBoth(asked(leaf), 'ERR_PATH_REVOKED', REVOKED)
    })

    test('a signer below another anchor', async () => {
      const foreign = forgeCrlCa({ subject: 'other root' })
      const other = forge({
        subject: 'signer',
        keys: signer.keys,
        issuer: foreign,
        extensions: [keyUsage(6)],
      })
      const crl = forgeCrl({ issuer: signer, scope: [INDIRECT] })
      const asked = { ...ask([crl, forgeCrl({ issuer: foreign })]), anchors: [root, foreign] }
      await expectBoth({ ...asked, intermediates: [ca, other] }, 'ERR_PATH_CRL_SIGNER', CRL_PATH)
      await expectBoth(asked, 'ok', OK)
    })

    // "... contains an issuing distribution point extension with indirectCRL asserted" (§6.3.3 (b)(1)).
    test('a CRL of another issuer that does not say it is indirect', async () => {
      await expectBoth(ask([forgeCrl({ issuer: signer })]), 'ERR_PATH_REVOCATION_UNKNOWN', UNKNOWN)
    })
  })

  describe('paths of CRL signers (RFC 5280 §6.3.3 (f))', () => {
    const indirect = (issuer: Forged): Uint8Array => forgeCrl({ issuer, scope: [INDIRECT] })
    const signed = (subject: string, by: string): Forged =>
      forge({
        subject,
        issuer: root,
        extensions: [keyUsage(6), distributionPoints(point({ crlIssuer: [commonName(by)] }))],
      })
    const asked = (signers: readonly Forged[], ...crls: readonly Uint8Array[]): Asked => ({
      leaf: signed('leaf', 'A'),
      intermediates: signers,
      crls: [...crls, ...signers.map(indirect)],
    })
    const onlyCas = forgeCrl({ issuer: root, scope: [ONLY_CAS] })

    test('a revoked signer, and one whose status is not known', async () => {
      const signer = forge({ subject: 'A', issuer: root, extensions: [keyUsage(6)] })
      const names = distributionPoints(point({ crlIssuer: [signer.name] }))
      const below = {
        leaf: forge({ subject: 'leaf', issuer: ca, extensions: [names] }),
        intermediates: [ca, signer],
      }
      const revoked = forgeCrl({ issuer: root, revoked: [signer] })
      await expectBoth({ ...below, crls: [rootCrl, indirect(signer)] }, 'ok', OK)
      await expectBoth({ ...below, crls: [revoked, indirect(signer)] }, 'ERR_PATH_CRL_SIGNER', CRL_PATH)
      await expectBoth(asked([signer], onlyCas), 'ERR_PATH_CRL_SIGNER', CRL_PATH)
    })

    test('signers that vouch for each other', async () => {
      const ring = [signed('A', 'B'), signed('B', 'A')]
      await expectBoth(asked(ring, onlyCas), 'ERR_PATH_CRL_SIGNER', CRL_PATH)
      await expectBoth(asked(ring, rootCrl), 'ok', OK)
    })

    // OpenSSL does "not allow recursive CRL path validation"; RFC 5280 sets no such limit.
    test('we accept, OpenSSL refuses: a signer whose own CRL has a separate signer', async () => {
      const last = forge({
        subject: 'B',
        issuer: root,
        extensions: [keyUsage(6), distributionPoints(pointAt('http://b/'))],
      })
      const chain = [signed('A', 'B'), last]
      const ofLast = forgeCrl({ issuer: root, scope: [fullName(uri('http://b/'))] })
      await expectBoth(asked(chain, ofLast), 'ok', CRL_PATH)
      await expectBoth(asked(chain), 'ERR_PATH_CRL_SIGNER', CRL_PATH)
    })
  })

  test('two CAs of one name: the CRL of the key that issued the certificate counts (RFC 5280 §8)', async () => {
    const named = (id: string): Forged =>
      forgeCrlCa({
        subject: 'ca',
        keys: keysOf(`ca ${id}`),
        issuer: root,
        extensions: [ski(hex(id))],
      })
    const [one, two] = [named('01'), named('02')]
    const below = forge({ subject: 'leaf', issuer: one, extensions: [aki(hex('01'))] })
    const ofTwo = { issuer: two, thisUpdate: '2026-05-28T00:00:00Z', extensions: [aki(hex('02'))] }
    const crls = (...revoked: readonly Forged[]): readonly Uint8Array[] => [
      ...[rootCrl, forgeCrl(ofTwo)],
      forgeCrl({ issuer: one, revoked, extensions: [aki(hex('01'))] }),
    ]
    const asked = { leaf: below, intermediates: [one, two] }
    await expectBoth({ ...asked, crls: crls() }, 'ok', OK)
    await expectBoth({ ...asked, crls: crls(below) }, 'ERR_PATH_REVOKED', REVOKED)
  })
}
