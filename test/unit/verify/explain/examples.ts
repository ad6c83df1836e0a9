/**
 * One refusal for each code, with the lines that a person must find in its explanation.
 */
import type { PathErrorCode } from '../../../../src/verify/index.ts'
import { hex, oid, seq } from '../../../fixtures/x509/der.ts'
import {
  ALGORITHMS,
  aki,
  basicConstraints,
  CLIENT_AUTH,
  dns,
  EMPTY_NAME,
  eku,
  ext,
  forge,
  forgeCa,
  forgeDer,
  keysOf,
  keyUsage,
  nameConstraints,
  san,
  withBadSignature,
} from '../forge.ts'
import { forgeCrl, forgeCrlCa, withBadCrlSignature } from '../forge-crl.ts'
import { type Ask, trio, within } from '../support.ts'

export interface Example {
  readonly leaf: Uint8Array
  readonly ask: Ask
  /** Parts of the text, in order. */
  readonly shows: readonly string[]
}

const plain = trio()
const asked = within(plain)

const names = (count: number): Uint8Array => san(Array.from({ length: count }, (_, i) => dns(`${i}.example`)))

const crlCa = forgeCrlCa({ subject: 'crl ca' })
const crlLeaf = forge({ subject: 'leaf', issuer: crlCa })
const withCrl = (crl: Uint8Array): Ask => ({ anchors: crlCa.der, crls: [crl] })

function manyCas(): Ask {
  const issuer = forgeCa({ subject: 'root' })
  const intermediates = Array.from({ length: 4200 }, (_, i) =>
    // Only the serial numbers differ: a signature of each would take seconds, and none is looked at.
    forgeDer({ subject: 'ca', keys: keysOf('many'), issuer, serial: i + 1, extensions: [keyUsage(0)] }),
  )
  return { anchors: issuer.der, intermediates, limits: { signatures: 1 } }
}

/** Root, intermediate, leaf, with something in one of them. */
function example(recipes: Parameters<typeof trio>[0], shows: readonly string[], ask: Ask = {}): Example {
  const hierarchy = trio(recipes)
  return { leaf: hierarchy.leaf.der, ask: within(hierarchy, ask), shows }
}

/** Each is made when asked for: some take a while. */
export const EXAMPLES: Readonly<Record<PathErrorCode, () => Example>> = {
  ERR_PATH_ALGORITHM: () => ({
    leaf: forgeDer({ subject: 'leaf', issuer: plain.ca, algorithm: ALGORITHMS['ecdsa-sha1'] }),
    ask: asked,
    shows: [
      'leaf "CN=leaf"',
      'it is signed with ECDSA with SHA-1 (1.2.840.10045.4.1)',
      'Have it issued again',
    ],
  }),
  ERR_PATH_ANCHOR: () => ({
    leaf: plain.leaf.der,
    ask: { anchors: [] },
    shows: ['the list of trust anchors is empty, so nothing can ever be accepted'],
  }),
  ERR_PATH_BUDGET_CANDIDATES: () => ({
    leaf: forge({ subject: 'leaf', issuer: forgeCa({ subject: 'ca' }) }).der,
    ask: manyCas(),
    shows: ['more than 4096 candidates for an issuer', 'Look at what the peer sent'],
  }),
  ERR_PATH_BUDGET_COMPARISONS: () =>
    example(
      {
        ca: { extensions: [nameConstraints({ permitted: [dns('example')] })] },
        leaf: { extensions: [names(100)] },
      },
      ['more than 50 comparisons', 'the option "limits.comparisons" sets the bound'],
      { limits: { comparisons: 50 } },
    ),
  ERR_PATH_BUDGET_DEPTH: () =>
    example({}, ['a path of more than 2 certificates', 'the option "limits.depth" sets the bound'], {
      limits: { depth: 2 },
    }),
  ERR_PATH_BUDGET_SIGNATURES: () =>
    example(
      { root: { keys: keysOf('slow', 'P-384') } },
      ['signature checks worth more than 5 P-256 verifications', 'the option "limits.signatures"'],
      { limits: { signatures: 5 } },
    ),
  ERR_PATH_CRITICAL_EXTENSION: () =>
    example({ leaf: { extensions: [ext('1.2.3.4', hex('0500'), true)] } }, [
      'it has the critical extension 1.2.3.4',
      'rule:        RFC 5280 §4.2',
      'Have it issued without the extension, or with the extension not critical',
    ]),
  ERR_PATH_CRL_EXPIRED: () => ({
    leaf: crlLeaf.der,
    ask: withCrl(forgeCrl({ issuer: crlCa, nextUpdate: '2026-05-31T00:00:00Z' })),
    shows: [
      'the CRL number 1 of "CN=crl ca" from 2026-05-25T00:00:00Z had its next update at 2026-05-31T00:00:00Z, 1d before',
      'expected:    a CRL with nextUpdate at 2026-06-01T00:00:00Z or later',
      "to pass:     Fetch the CA's current CRL",
    ],
  }),
  ERR_PATH_CRL_SIGNATURE: () => ({
    leaf: crlLeaf.der,
    ask: withCrl(withBadCrlSignature(forgeCrl({ issuer: crlCa }))),
    shows: ["verifies under no known key of its issuer's name", 'RFC 5280 §6.3.3 (g)'],
  }),
  ERR_PATH_CRL_SIGNER: () => ({
    leaf: plain.leaf.der,
    ask: within(plain, {
      crls: [forgeCrl({ issuer: plain.root }), forgeCrl({ issuer: plain.ca })],
    }),
    shows: [
      'has the issuer "CN=root"',
      'whose key usage lacks cRLSign',
      'Have the CA issued again with cRLSign',
    ],
  }),
  ERR_PATH_CRL_UNUSABLE: () => ({
    leaf: crlLeaf.der,
    ask: withCrl(forgeCrl({ issuer: crlCa, thisUpdate: '2026-06-02T00:00:00Z' })),
    shows: ['from 2026-06-02T00:00:00Z is not valid yet at the time of the check', 'Check the clocks'],
  }),
  ERR_PATH_EMPTY_SUBJECT: () =>
    example({ ca: { subject: EMPTY_NAME, keys: keysOf('nameless') } }, [
      'a CA certificate with an empty subject',
      'rule:        RFC 5280 §4.1.2.6',
      'Issue it again with a name of its own',
    ]),
  ERR_PATH_EXPIRED: () =>
    example({ ca: { notAfter: '2026-05-31T23:00:00Z' } }, [
      'issuer 1 above the leaf, "CN=ca"',
      'it expired at 2026-05-31T23:00:00Z, 1h before the time of the check, 2026-06-01T00:00:00Z',
      'to pass:     Renew it; it verified until 2026-05-31T23:00:00Z',
    ]),
  ERR_PATH_EXTENDED_KEY_USAGE: () =>
    example(
      { leaf: { extensions: [eku(CLIENT_AUTH)] } },
      [
        'expected:    extended key usage serverAuth (1.3.6.1.5.5.7.3.1)',
        'found:       clientAuth (1.3.6.1.5.5.7.3.2)',
        'to pass:     Issue it with serverAuth',
      ],
      { purpose: 'serverAuth' },
    ),
  ERR_PATH_KEY: () =>
    example({ leaf: { keys: keysOf('weak', 'RSA-1024') } }, [
      'the RSA key has 1024 bits; at least 2048 are required',
      'found:       RSA-1024',
      'Issue it again for a key that is accepted: P-256, say, or RSA with 2048 bits',
    ]),
  ERR_PATH_KEY_USAGE: () => {
    const ca = forge({ subject: 'ca', issuer: plain.root, extensions: [basicConstraints(true), keyUsage(6)] })
    return {
      leaf: forge({ subject: 'leaf', issuer: ca }).der,
      ask: { anchors: plain.root.der, intermediates: ca.der },
      shows: ['expected:    keyCertSign', 'found:       cRLSign', 'Issue it again with keyCertSign'],
    }
  },
  ERR_PATH_LENGTH: () =>
    example({ root: { pathLength: 0 } }, [
      'issuer 2 above the leaf, "CN=root"',
      'its path length allows 0 CAs below it, but the path has 1: "CN=ca"',
      'No certificate from there can ever verify',
      'It may sign leaves only',
    ]),
  ERR_PATH_MALFORMED: () => ({
    leaf: hex('3003020101'),
    ask: asked,
    shows: ['the leaf cannot be read: tbsCertificate at byte 2'],
  }),
  ERR_PATH_NAME_CONSTRAINTS: () =>
    example(
      {
        ca: { extensions: [nameConstraints({ permitted: [dns('a.example')] })] },
        leaf: { extensions: [san([dns('b.example')])] },
      },
      [
        'the name DNS:b.example is in none of the permitted subtrees DNS:a.example, by the name constraints of "CN=ca"',
        'rule:        RFC 5280 §4.2.1.10',
        'Issue it from a CA whose constraints allow its names',
      ],
    ),
  ERR_PATH_NAME_MISMATCH: () =>
    example(
      { leaf: { extensions: [san([dns('a.example')])] } },
      [
        'expected:    DNS:b.example',
        'found:       DNS:a.example',
        'Connect by a name that the certificate has',
      ],
      { name: { dns: 'b.example' } },
    ),
  ERR_PATH_NOT_CA: () => {
    const inner = forge({ subject: 'inner', issuer: plain.leaf })
    return {
      leaf: inner.der,
      ask: { ...asked, intermediates: [plain.ca.der, plain.leaf.der] },
      shows: ['its basic constraints say cA FALSE', 'a leaf cannot issue certificates'],
    }
  },
  ERR_PATH_NOT_YET_VALID: () =>
    example({ leaf: { notBefore: '2026-06-01T12:00:07Z' } }, [
      'it is valid from 2026-06-01T12:00:07Z, 12h7s after the time of the check',
      'It would verify from 2026-06-01T12:00:07Z',
    ]),
  ERR_PATH_NO_ISSUER: () => {
    const renewed = forgeCa({
      subject: 'root',
      keys: keysOf('renewed'),
      extensions: [ext(14, hex('040201ff'))],
    })
    const leaf = forge({ subject: 'leaf', issuer: plain.root, extensions: [aki(hex('0102'))] })
    return {
      leaf: leaf.der,
      ask: { anchors: renewed.der },
      shows: [
        'it was signed by a key with the identifier 0102; "CN=root"',
        "bears the issuer's name, but its key is another (identifier 01ff)",
        'or the CA changed its key: trust the CA that signed it, or issue it again below the new key',
      ],
    }
  },
  ERR_PATH_POLICY: () =>
    example(
      {
        ca: { extensions: [ext(32, seq(seq(oid('1.2.3.1'))))] },
        leaf: { extensions: [ext(32, seq(seq(oid('1.2.3.2'))))] },
      },
      [
        'but one is asked for by the option "policies.requireExplicit": expected any policy, found 1.2.3.2, none of them valid all the way from the anchor',
        'Every certificate below the anchor must assert the policy',
      ],
      { policies: { requireExplicit: true } },
    ),
  ERR_PATH_REVOCATION_UNKNOWN: () =>
    example(
      {},
      [
        'issuer 1 above the leaf, "CN=ca"',
        'no CRL was passed that says whether it is revoked; its issuer is "CN=root"',
        "Pass the CRL of its issuer; revocation: 'if-present' lets a certificate without one pass",
      ],
      { crls: [] },
    ),
  ERR_PATH_REVOKED: () => ({
    leaf: crlLeaf.der,
    ask: withCrl(forgeCrl({ issuer: crlCa, revoked: [{ certificate: crlLeaf, reason: 1 }] })),
    shows: [
      'it was revoked at 2026-05-20T00:00:00Z (keyCompromise), says the CRL number 1 of "CN=crl ca"',
      'It can never be used again: issue another one for a new key',
    ],
  }),
  ERR_PATH_RULE: () =>
    example(
      {},
      [
        'it breaks the rule "authority-key-identifier": the authority key identifier is missing',
        'rule:        RFC 5280 §4.2.1.1',
        "rules: { 'authority-key-identifier': false } verifies without this rule",
      ],
      { rules: { 'authority-key-identifier': true } },
    ),
  ERR_PATH_SIGNATURE: () => ({
    leaf: withBadSignature(plain.leaf.der),
    ask: asked,
    shows: [
      'its signature does not verify under the key of "CN=ca"',
      'Fetch the certificate again; if its issuer was made again under the old name',
    ],
  }),
}
