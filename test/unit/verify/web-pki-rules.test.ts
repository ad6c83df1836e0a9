/**
 * The rules of the CA/Browser Forum's Baseline Requirements as verification asks for them: each by a chain that
 * breaks it alone, beside one that does not.
 */
import { generateKeyPairSync } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { WEB_PKI_RULES } from '../../../src/verify/web-pki-rules.ts'
import { commonName, hex, oid, rdn, seq, text, tlv } from '../../fixtures/x509/der.ts'
import {
  ANY_EKU,
  aki,
  basicConstraints,
  CLIENT_AUTH,
  directory,
  dns,
  EMPTY_NAME,
  eku,
  email,
  ext,
  ip,
  type Keys,
  keyUsage,
  otherName,
  SERVER_AUTH,
  san,
  uri,
} from './forge.ts'
import {
  type Changes,
  describeRules,
  expectRule,
  keyIds,
  profileChain,
  type RuleCases,
} from './profile-chain.ts'
import { accepted, refused } from './support.ts'

const rsa = (modulusLength: number): Keys => generateKeyPairSync('rsa', { modulusLength })

/** A leaf with a common name and alternative names. */
const named = (name: string, ...names: readonly Uint8Array[]): Changes => ({
  leaf: { subject: name, ext: { san: names.length === 0 ? null : san(names) } },
})

const alternative = (...names: readonly Uint8Array[]): Changes => ({ leaf: { ext: { san: san(names) } } })
const purposes = (...ids: readonly string[]): Changes => ({ leaf: { ext: { eku: eku(...ids) } } })
const critical = ext(37, seq(oid(SERVER_AUTH)), true)

/** Authority key identifier with an issuer and a serial number, as §4.2.1.1 of RFC 5280 allows. */
const issuerAndSerial = seq(
  tlv(0x80, keyIds.root),
  tlv(0xa1, directory(commonName('rules root'))),
  tlv(0x82, hex('01')),
)

const RULES: readonly RuleCases[] = [
  {
    rule: 'common-name-in-subject-alt-name',
    broken: {
      'another host': named('b.example.com', dns('a.example.com')),
      'the same host in other letters': named('A.example.com', dns('a.example.com')),
      'an address that is no alternative name': named('127.0.0.1', dns('a.example.com')),
      'an address in another spelling': named('2001:DB8::1', ip('20010db8000000000000000000000001')),
      'an address in hexadecimal': named('0x7f.0.0.1', ip('7f000001')),
      'a name that is not ASCII': named('bücher.example', dns('xn--bcher-kva.example')),
      'the second of two': {
        leaf: {
          subject: seq(
            rdn('2.5.4.3', text(0x0c, 'a.example.com')),
            rdn('2.5.4.3', text(0x0c, 'b.example.com')),
          ),
        },
      },
    },
    sound: {
      'the same host': named('a.example.com', dns('b.example.com'), dns('a.example.com')),
      'the same address': named('127.0.0.1', ip('7f000001')),
      'no host at all': named('Example Service', dns('a.example.com')),
      'no common name': { leaf: { subject: seq(rdn('2.5.4.10', text(0x0c, 'Example'))) } },
    },
  },
  {
    rule: 'leaf-extended-key-usage',
    broken: {
      none: { leaf: { ext: { eku: null } } },
      'clientAuth alone': purposes(CLIENT_AUTH),
      'any beside serverAuth': purposes(SERVER_AUTH, ANY_EKU),
      'any alone': purposes(ANY_EKU),
      critical: { leaf: { ext: { eku: critical } } },
    },
    sound: { 'serverAuth and clientAuth': purposes(SERVER_AUTH, CLIENT_AUTH) },
  },
  {
    rule: 'leaf-is-not-ca',
    broken: { 'a CA': { leaf: { ext: { bc: basicConstraints(true) } } } },
    sound: { 'no basic constraints': { leaf: { ext: { bc: null } } } },
  },
  {
    rule: 'leaf-key-usage',
    broken: { cRLSign: { leaf: { ext: { ku: keyUsage(6) } } } },
    sound: { keyEncipherment: { leaf: { ext: { ku: keyUsage(2) } } }, none: { leaf: { ext: { ku: null } } } },
  },
  {
    rule: 'leaf-subject-alt-name',
    broken: {
      none: named('Example Service'),
      'a URI': alternative(dns('a.example.com'), uri('spiffe://example.com/a')),
      'a mailbox': alternative(email('joe@example.com')),
      'a directory name': alternative(dns('a.example.com'), directory(commonName('a'))),
      'another name': alternative(dns('a.example.com'), otherName('1.3.6.1.4.1.99999.1', 'a')),
    },
    sound: { 'a host and an address': alternative(dns('a.example.com'), ip('7f000001')) },
  },
  {
    rule: 'root-authority-key-identifier',
    broken: {
      'another key': { root: { ext: { aki: aki(keyIds.ca) } } },
      'issuer and serial number too': { root: { ext: { aki: ext(35, issuerAndSerial) } } },
      'no key': { root: { ext: { aki: ext(35, seq()) } } },
    },
    sound: { 'its own key': { root: { ext: { aki: aki(keyIds.root) } } }, none: {} },
  },
  {
    rule: 'root-extended-key-usage',
    broken: { serverAuth: { root: { ext: { eku: eku(SERVER_AUTH) } } } },
    sound: { 'in a CA below': { ca: { ext: { eku: eku(SERVER_AUTH) } } } },
  },
  {
    rule: 'rsa-modulus-multiple-of-8',
    broken: { '2050 bits': { leaf: { keys: rsa(2050) } }, '2052 bits': { leaf: { keys: rsa(2052) } } },
    sound: { '2048 bits': { leaf: { keys: rsa(2048) } }, '2056 bits': { leaf: { keys: rsa(2056) } } },
  },
  {
    rule: 'subject-alt-name-not-critical',
    broken: { 'beside a subject': { leaf: { ext: { san: san([dns('a.example.com')], true) } } } },
    sound: {
      'beside none': { leaf: { subject: EMPTY_NAME, ext: { san: san([dns('a.example.com')], true) } } },
    },
  },
  {
    rule: 'version-3',
    broken: { 'a v1 root': { root: { version: null }, ask: { anchorChecks: { basicConstraints: false } } } },
    sound: { 'a v3 root': { ask: { anchorChecks: { basicConstraints: false } } } },
  },
]

describeRules('Baseline Requirements, each rule by itself', RULES)

test('every rule stands in the table', () => {
  expect(RULES.map(({ rule }) => rule).sort()).toEqual([...WEB_PKI_RULES])
})

describe('rules that belong to other rules', () => {
  // §7.1.2.7.11 forbids keyCertSign to leaves as RFC 5280 §4.2.1.3 forbids it to all that are no CAs.
  test('keyCertSign in a leaf breaks two', () => {
    const { leaf, ask } = profileChain({ leaf: { ext: { ku: keyUsage(5) } } })
    for (const [off, rule] of [
      ['key-cert-sign', 'leaf-key-usage'],
      ['leaf-key-usage', 'key-cert-sign'],
    ] as const) {
      const error = refused(leaf, { ...ask, profile: 'webpki', rules: { [off]: false } }, 'ERR_PATH_RULE')
      expect(error.data).toMatchObject({ rule })
    }
    const rules = { 'key-cert-sign': false, 'leaf-key-usage': false }
    accepted(leaf, { ...ask, profile: 'webpki', rules })
    accepted(leaf, ask)
  })

  test('a v1 leaf breaks many, version-3 among them', () => {
    const { leaf, ask } = profileChain({ leaf: { version: null } })
    const error = refused(leaf, { ...ask, rules: { 'version-3': true } }, 'ERR_PATH_RULE')
    expect(error.data).toMatchObject({ rule: 'version-3' })
    accepted(leaf, ask)
  })

  test('a leaf is not judged as a root, nor a CA as a leaf', () => {
    const { leaf, ask } = profileChain({
      ca: { ext: { san: san([uri('https://example.com/a')]) } },
      leaf: { ext: { eku: eku(SERVER_AUTH) } },
    })
    accepted(leaf, { ...ask, profile: 'webpki' })
    expectRule('leaf-subject-alt-name', profileChain(alternative(uri('https://example.com/a'))))
  })
})
