/**
 * The rules of RFC 5280 §4 as verification asks for them: each by a chain that breaks it alone, beside one that
 * does not.
 */
import { sign } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { createTestHierarchy } from '../../../src/testing/index.ts'
import { type ProfileRule, type ProfileRules, TrustStore } from '../../../src/verify/index.ts'
import { RFC5280_RULES, rfc5280Violations } from '../../../src/verify/rfc5280-rules.ts'
import { WEB_PKI_RULES } from '../../../src/verify/web-pki-rules.ts'
import { Certificate } from '../../../src/x509/index.ts'
import { certificateOf, commonName, hex, oid, seq, text, tlv } from '../../fixtures/x509/der.ts'
import { inhibitAny, policyConstraints } from '../../support/policy-extensions.ts'
import {
  ALGORITHMS,
  aki,
  basicConstraints,
  dns,
  EMPTY_NAME,
  eku,
  email,
  ext,
  forgeDer,
  keyIdOf,
  keysOf,
  keyUsage,
  NOW,
  nameConstraints,
  registeredId,
  SERVER_AUTH,
  san,
  ski,
  uri,
} from './forge.ts'
import { describeRules, expectRule, keyIds, profileChain, type RuleCases } from './profile-chain.ts'
import { accepted, refused } from './support.ts'

const permitted = { permitted: [dns('example.com'), dns('example.org')] }
const notCa = { ask: { anchorChecks: { basicConstraints: false } } } as const

const RULES: readonly RuleCases[] = [
  {
    rule: 'authority-key-identifier',
    broken: {
      'a leaf without it': { leaf: { ext: { aki: null } } },
      'a CA without it': { ca: { ext: { aki: null } } },
    },
    sound: { 'a root without it': { root: { ext: { aki: null } } } },
  },
  {
    rule: 'basic-constraints-critical',
    broken: {
      'a CA where they are not': { ca: { ext: { bc: basicConstraints(true, undefined, false) } } },
      'a root where they are not': { root: { ext: { bc: basicConstraints(true, undefined, false) } } },
    },
    sound: {
      'a leaf where they are not': { leaf: { ext: { bc: basicConstraints(false, undefined, false) } } },
    },
  },
  {
    rule: 'ca-key-usage',
    broken: {
      'a CA without it': { ca: { ext: { ku: null } } },
      'a root without it': { root: { ext: { ku: null } } },
    },
    sound: { 'a leaf without it': { leaf: { ext: { ku: null } } } },
  },
  {
    rule: 'ca-subject-key-identifier',
    broken: {
      'a CA without it': { ca: { ext: { ski: null } } },
      'a root without it': { root: { ext: { ski: null } } },
    },
    sound: { 'a leaf without it': { leaf: { ext: { ski: null } } } },
  },
  {
    rule: 'critical-subject-alt-name',
    broken: { 'an empty subject beside one that is not critical': { leaf: { subject: EMPTY_NAME } } },
    sound: {
      'an empty subject beside a critical one': {
        leaf: { subject: EMPTY_NAME, ext: { san: san([dns('a.example.com')], true) } },
      },
      'a subject beside one that is not critical': {},
    },
  },
  {
    rule: 'key-cert-sign',
    broken: { 'a root that says it is no CA': { root: { ext: { bc: basicConstraints(false) } }, ...notCa } },
    sound: { 'a root that says it is': notCa },
  },
  {
    rule: 'name-constraints',
    broken: {
      'not critical in a CA': { ca: { ext: { more: nameConstraints(permitted, false) } } },
      'in a leaf': { leaf: { ext: { more: nameConstraints(permitted) } } },
    },
    sound: { 'critical in a CA': { ca: { ext: { more: nameConstraints(permitted) } } } },
  },
  {
    rule: 'path-length',
    broken: { 'in a leaf': { leaf: { ext: { bc: basicConstraints(false, 0) } } } },
    sound: { 'in a CA': { ca: { ext: { bc: basicConstraints(true, 0) } } } },
  },
  {
    rule: 'policy-constraints-critical',
    broken: {
      'policy constraints that are not': { ca: { ext: { more: policyConstraints({ explicit: 9 }, false) } } },
      'inhibit-any-policy that is not': { ca: { ext: { more: inhibitAny(0, false) } } },
    },
    sound: {
      'policy constraints that are': { ca: { ext: { more: policyConstraints({ explicit: 9 }) } } },
      'inhibit-any-policy that is': { ca: { ext: { more: inhibitAny(0) } } },
    },
  },
  {
    rule: 'serial-number',
    broken: { 'zero in a leaf': { leaf: { serial: 0 } }, 'zero in a CA': { ca: { serial: 0 } } },
    sound: { 'one in a leaf': { leaf: { serial: 1 } }, 'zero in an anchor': { root: { serial: 0 } } },
  },
  {
    rule: 'subject-alt-name-syntax',
    broken: {
      'an underscore': { leaf: { ext: { san: san([dns('a_b.example.com')]) } } },
      'a DNS name with a blank': { ca: { ext: { san: san([dns('a b.example.com')]) } } },
      'a DNS name with a final dot': { ca: { ext: { san: san([dns('a.example.com.')]) } } },
      'a wildcard inside': { ca: { ext: { san: san([dns('a.*.example.com')]) } } },
      'a host as a mailbox': { ca: { ext: { san: san([email('example.com')]) } } },
      'a relative reference': { ca: { ext: { san: san([uri('//example.com/a')]) } } },
    },
    sound: {
      'a hyphen': { leaf: { ext: { san: san([dns('a-b.example.com')]) } } },
      'a wildcard in front': { leaf: { ext: { san: san([dns('*.example.com')]) } } },
      'a mailbox, a URI and an identifier': {
        ca: {
          ext: {
            san: san([email('joe@example.com'), uri('https://example.com/a'), registeredId('1.2.3')]),
          },
        },
      },
    },
  },
]

describeRules('RFC 5280 §4, each rule by itself', RULES)

test('every rule stands in a table, or below with its reason', () => {
  const below: readonly ProfileRule[] = [
    'ca-subject',
    'issuer',
    'validity-encoding',
    'information-access-not-critical',
    'key-identifier-not-critical',
  ]
  expect([...RULES.map(({ rule }) => rule), ...below].sort()).toEqual([...RFC5280_RULES])
})

describe('dates before 2050 are UTCTime (§4.1.2.5)', () => {
  /** Signed by the chain's CA: `forge` writes dates as a CA must. */
  function withDates(notBefore: Uint8Array, notAfter: Uint8Array): Uint8Array {
    const { leaf } = profileChain({})
    const model = Certificate.fromDer(leaf)
    const unsigned = certificateOf({
      issuer: commonName('rules ca'),
      subject: commonName('rules leaf'),
      publicKey: model.publicKey,
      notBefore,
      notAfter,
      extensions: model.extensions.map(({ oid: id, critical, value }) => ({ id, critical, value })),
    })
    const { tbsStart, tbsEnd } = Certificate.layoutOf(
      Certificate.fromDer(unsigned, { leniency: ['generalized-time-before-2050'] }),
    )
    const tbs = unsigned.subarray(tbsStart, tbsEnd)
    const signature = sign('sha256', tbs, keysOf('rules ca').privateKey)
    return seq(tbs, ALGORITHMS['ecdsa-sha256'].identifier, tlv(3, hex('00'), signature))
  }

  const utc = (digits: string): Uint8Array => text(0x17, digits)
  const generalized = (digits: string): Uint8Array => text(0x18, digits)
  const { ask } = profileChain({})

  test.each([
    ['the first', generalized('20260101000000Z'), utc('270101000000Z')],
    ['the second', utc('260101000000Z'), generalized('20270101000000Z')],
  ])('%s is not', (_which, notBefore, notAfter) => {
    expectRule('validity-encoding', { leaf: withDates(notBefore, notAfter), ask })
  })

  test('both are, and one of 2050 cannot be', () => {
    for (const notAfter of [utc('270101000000Z'), generalized('20500101000000Z')])
      accepted(withDates(utc('260101000000Z'), notAfter), { ...ask, profile: 'webpki' })
  })
})

// A name that is empty is the subject of the CA and the issuer of the leaf: two rules are about it.
describe('a CA without a name (§4.1.2.4, §4.1.2.6)', () => {
  const { leaf, ask } = profileChain({
    ca: { subject: EMPTY_NAME, ext: { san: san([dns('ca.example.com')], true) } },
  })
  const ruleOf = (rules: ProfileRules, profile: 'webpki' | 'rfc5280'): unknown =>
    refused(leaf, { ...ask, profile, rules }, 'ERR_PATH_RULE').data['rule']

  test('the leaf has no issuer, and the CA no subject', () => {
    expect(ruleOf({ issuer: false }, 'webpki')).toBe('ca-subject')
    expect(ruleOf({ 'ca-subject': false }, 'webpki')).toBe('issuer')
    expect(ruleOf({ issuer: true }, 'rfc5280')).toBe('issuer')
    expect(ruleOf({ 'ca-subject': true }, 'rfc5280')).toBe('ca-subject')
    accepted(leaf, { ...ask, profile: 'webpki', rules: { issuer: false, 'ca-subject': false } })
    accepted(leaf, ask)
  })

  test('with a name it passes', () => {
    const named = profileChain({ ca: { ext: { san: san([dns('ca.example.com')], true) } } })
    accepted(named.leaf, { ...named.ask, profile: 'webpki' })
  })
})

// Criticality that is not understood refuses a certificate under every profile (§4.2), before any rule is asked.
describe('what must not be critical', () => {
  const access = seq(seq(oid('1.3.6.1.5.5.7.48.1'), uri('http://ocsp.example')))
  const cases = [
    ['key-identifier-not-critical', '2.5.29.14', tlv(4, keyIds.leaf)],
    ['key-identifier-not-critical', '2.5.29.35', seq(tlv(0x80, keyIds.ca))],
    ['information-access-not-critical', '1.3.6.1.5.5.7.1.1', access],
    ['information-access-not-critical', '1.3.6.1.5.5.7.1.11', access],
  ] as const

  test.each(cases)('%s: %s', (rule, id, value) => {
    const slot = id === '2.5.29.14' ? 'ski' : id === '2.5.29.35' ? 'aki' : 'more'
    const critical = profileChain({ leaf: { ext: { [slot]: ext(id, value, true) } } })
    for (const profile of ['webpki', 'rfc5280'] as const)
      refused(critical.leaf, { ...critical.ask, profile }, 'ERR_PATH_CRITICAL_EXTENSION')
    const context = { isRoot: false, isAnchor: false }
    expect(rfc5280Violations(Certificate.fromDer(critical.leaf), context)).toMatchObject([{ rule }])
    const plain = profileChain({ leaf: { ext: { [slot]: ext(id, value) } } })
    accepted(plain.leaf, { ...plain.ask, profile: 'webpki' })
    expect(rfc5280Violations(Certificate.fromDer(plain.leaf), context)).toEqual([])
  })
})

describe('serial numbers are positive and of at most 20 octets (§4.1.2.2)', () => {
  test.each([
    ['-1', '0201ff', true],
    ['20 octets', `0214${'7f'.repeat(20)}`, false],
    ['21 octets', `0215${'7f'.repeat(21)}`, true],
    // "CAs MUST force the serialNumber to be a non-negative integer" of 20 octets, the sign's among them.
    ['20 octets behind the sign', `021500${'ff'.repeat(20)}`, true],
    ['19 octets behind the sign', `021400${'ff'.repeat(19)}`, false],
  ])('%s', (_title, serial, broken) => {
    const certificate = Certificate.fromDer(certificateOf({ serial: hex(serial) }))
    const context = { isRoot: true, isAnchor: false }
    const rules = rfc5280Violations(certificate, context).map(({ rule }) => rule)
    expect(rules.includes('serial-number')).toBe(broken)
  })
})

describe('which rules are in force', () => {
  const broken = profileChain({ leaf: { serial: 0, ext: { aki: null } } })
  const ask = { ...broken.ask }

  test('none by default, all under webpki, and each switch counts by itself', () => {
    accepted(broken.leaf, ask)
    accepted(broken.leaf, { ...ask, rules: {} })
    accepted(broken.leaf, { ...ask, rules: { 'serial-number': undefined, issuer: true } })
    const first = refused(broken.leaf, { ...ask, profile: 'webpki' }, 'ERR_PATH_RULE')
    expect(first.data).toMatchObject({ rule: 'serial-number' })
    const off: ProfileRules = { 'serial-number': false }
    const second = refused(broken.leaf, { ...ask, profile: 'webpki', rules: off }, 'ERR_PATH_RULE')
    expect(second.data).toMatchObject({ rule: 'authority-key-identifier' })
    const both: ProfileRules = { ...off, 'authority-key-identifier': false }
    accepted(broken.leaf, { ...ask, profile: 'webpki', rules: both })
  })

  test('with every rule on, rfc5280 is webpki', () => {
    const all: ProfileRules = Object.fromEntries(
      [...RFC5280_RULES, ...WEB_PKI_RULES].map((rule) => [rule, true]),
    )
    refused(broken.leaf, { ...ask, rules: all }, 'ERR_PATH_RULE')
    const sound = profileChain({})
    accepted(sound.leaf, { ...sound.ask, rules: all })
  })

  test('a rule that does not exist, and a switch that is none, are mistakes', () => {
    // @ts-expect-error no such rule
    expect(() => accepted(broken.leaf, { ...ask, rules: { serial: true } })).toThrow(TypeError)
    // @ts-expect-error no boolean
    expect(() => accepted(broken.leaf, { ...ask, rules: { 'serial-number': 'yes' } })).toThrow(TypeError)
    // @ts-expect-error no such profile
    expect(() => accepted(broken.leaf, { ...ask, profile: 'cabf' })).toThrow(TypeError)
  })

  test('another path is taken where one breaks a rule', () => {
    const good = profileChain({})
    const bad = profileChain({ ca: { ext: { ski: null } } })
    const list = [bad.ask.intermediates, good.ask.intermediates].flatMap((der) =>
      der instanceof Uint8Array ? [der] : [],
    )
    for (const intermediates of [list, [...list].reverse()]) {
      const path = accepted(good.leaf, { ...good.ask, intermediates, profile: 'webpki' })
      expect(path.certificates[1]?.subjectKeyIdentifier).toBe(Buffer.from(keyIds.ca).toString('hex'))
    }
  })

  test('an anchor that is a name and a key has nothing to be judged', () => {
    const { leaf, ask } = profileChain({ root: { ext: { ski: null, ku: null } } })
    refused(leaf, { ...ask, profile: 'webpki' }, 'ERR_PATH_RULE')
    const [root] = new TrustStore({ anchors: ask.anchors ?? [] }).anchors
    if (root === undefined) throw new Error('it has one')
    accepted(leaf, {
      ...ask,
      anchors: { subject: root.subject, publicKey: root.publicKey },
      profile: 'webpki',
    })
  })

  test('what the library issues for a mesh breaks no rule of RFC 5280', async () => {
    const { chain, root } = await createTestHierarchy({ time: NOW })
    const [leaf, ca] = chain
    if (leaf === undefined || ca === undefined) throw new Error('a chain of three')
    const rules: ProfileRules = Object.fromEntries(RFC5280_RULES.map((rule) => [rule, true]))
    accepted(leaf, { anchors: root.certificate, intermediates: ca, rules })
    const plain = profileChain({ leaf: { ext: { aki: null } } })
    refused(plain.leaf, { ...plain.ask, rules }, 'ERR_PATH_RULE')
  })
})

// "Where a CA distributes its public key in the form of a 'self-signed' certificate, the authority key identifier
// MAY be omitted": signed by the old key, a self-issued certificate is none.
describe('the exemption of roots from the authority key identifier (§4.2.1.1)', () => {
  const renewed = keysOf('rules renewed')
  const ids = { old: keyIds.root, renewed: keyIdOf(renewed) }
  const root = profileChain({}).ask.anchors
  const rollover = (identified: boolean): Uint8Array =>
    forgeDer({
      subject: 'rules root',
      keys: renewed,
      issuer: { name: commonName('rules root'), keys: keysOf('rules root') },
      extensions: [
        basicConstraints(true),
        keyUsage(5),
        ski(ids.renewed),
        ...(identified ? [aki(ids.old)] : []),
      ],
    })
  const leaf = forgeDer({
    subject: 'rules leaf',
    issuer: { name: commonName('rules root'), keys: renewed },
    extensions: [aki(ids.renewed), basicConstraints(false), san([dns('a.example.com')]), eku(SERVER_AUTH)],
  })

  test('does not hold for a new key of the same name that the old one signed', () => {
    const ask = { anchors: root, profile: 'webpki' } as const
    accepted(leaf, { ...ask, intermediates: rollover(true) })
    accepted(leaf, { ...ask, intermediates: rollover(false), profile: 'rfc5280' })
    const error = refused(leaf, { ...ask, intermediates: rollover(false) }, 'ERR_PATH_RULE')
    expect(error.data).toMatchObject({ rule: 'authority-key-identifier' })
  })
})
