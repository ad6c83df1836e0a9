/**
 * Where go-spiffe decides otherwise than we do about X509-SVIDs, by name.
 */
import { LENGTHS, refusesBundle } from './bundle-deviations.ts'
import type { Deviation } from './compare.ts'

const NO_PATH = {
  name: 'an identity without a path',
  reason: 'X509-SVID §5.2 demands a path; Verify of go-spiffe does not look, only Parse does.',
  how: 'they accept',
  because: /^ERR_SVID_NO_PATH/,
} as const

const URL_ROUND_TRIP = {
  name: 'round trip through a URL',
  reason:
    "Go's url.URL stands between certificate and identity: the scheme is folded, an empty fragment is lost (SPIFFE-ID §2).",
  how: 'they accept',
} as const

const HOST_BELOW = {
  name: 'a host in a name constraint covers what is below it',
  reason: 'RFC 5280 §4.2.1.10: for URIs only a leading dot covers subdomains. Go treats hosts as DNS names.',
} as const

const lenient = (name: string, reason: string, because: RegExp, ...cases: readonly string[]): Deviation => ({
  name,
  reason,
  how: 'they accept',
  because,
  cases,
})

/** `checkSvid` and `x509svid.ParseAndVerify`. We accept nothing that go-spiffe refuses. */
export const SVID_DEVIATIONS: readonly Deviation[] = [
  lenient(LENGTHS.name, LENGTHS.reason, /^ERR_SVID_ID length:/, 'ID-18-svid-too-long'),
  { ...NO_PATH, cases: ['X-03-no-path'] },
  lenient(
    'criticality of alternative names not looked at',
    'RFC 5280 §4.1.2.6, X509-SVID §3.1.',
    /^ERR_SVID_SAN_NOT_CRITICAL/,
    'X-04-not-critical',
  ),
  lenient(
    "signers' identities not looked at",
    'X509-SVID §2, §3.2: one URI, without a path.',
    /^ERR_SVID_SIGNER_ID/,
    ...['X-06-intermediate-path', 'X-06-root-path', 'X-06-malformed', 'X-06-two-uris'],
  ),
  {
    ...HOST_BELOW,
    how: 'they accept',
    because: /^ERR_PATH_NAME_CONSTRAINTS/,
    cases: ['X-11-host-not-below'],
  },
  lenient(
    'key usage of the leaf not demanded',
    'X509-SVID §4.3: present, critical, with digitalSignature.',
    /^ERR_SVID_KEY_USAGE/,
    ...['X-12-leaf-none', 'X-12-leaf-not-critical', 'X-14-no-digital-signature'],
  ),
  lenient(
    'key usage of signers not demanded',
    'X509-SVID §4.3: present and critical in every SVID.',
    /^ERR_SVID_SIGNER_KEY_USAGE/,
    ...[
      'X-12-intermediate-none',
      'X-12-intermediate-not-critical',
      'X-12-root-none',
      'X-12-root-not-critical',
    ],
  ),
  lenient(
    'extended key usage not looked at',
    'X509-SVID §4.4: serverAuth and clientAuth where there is any.',
    /^ERR_SVID_EXTENDED_KEY_USAGE/,
    ...['X-15-server-only', 'X-15-client-only', 'X-15-any'],
  ),
  {
    ...URL_ROUND_TRIP,
    because: /^ERR_SVID_ID (scheme|path-character):/,
    cases: ['X-19-upper-case-scheme', 'X-19-fragment'],
  },
]

/** Where go-spiffe reads the documents of the vectors itself, one more: it refuses some of them whole. */
export const SVID_DOCUMENT_DEVIATIONS: readonly Deviation[] = [
  ...SVID_DEVIATIONS,
  refusesBundle('unknown key type', /^bundle of .*unsupported key type/, 'B-06-one-usable'),
  refusesBundle('not exactly one value in x5c', /^bundle of .*expected a single/, 'X-25-first-certificate'),
]

/** Forged leaves with random URIs. */
export const URI_DEVIATIONS: readonly Deviation[] = [
  { ...LENGTHS, because: /^ERR_SVID_ID (length|trust-domain-length):/ },
  NO_PATH,
  {
    ...URL_ROUND_TRIP,
    because: /^ERR_SVID_ID (scheme|path-character|trust-domain-character):/,
    when: /^"SPIFFE:|#"$/i,
  },
  {
    name: 'Go reads no certificate whose URI has a host with an empty label',
    reason:
      'SPIFFE-ID §2.1 lets dots stand anywhere; crypto/x509 wants a domain. lintTrustDomain warns of such names.',
    how: 'we accept',
    because: /cannot parse URI .*: invalid domain$/,
    when: /^"spiffe:\/\/(\.|[^/]*\.[./])/,
  },
]

/** Forged leaves below constraints. */
export const CONSTRAINT_DEVIATIONS: readonly Deviation[] = [
  { ...HOST_BELOW, how: 'they accept', because: /^ERR_PATH_NAME_CONSTRAINTS/, when: /^permitted [^.]/ },
  { ...HOST_BELOW, how: 'we accept', because: /is excluded by constraint/, when: /^excluded [^.]/ },
]
