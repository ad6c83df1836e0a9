/**
 * Where go-spiffe decides otherwise than we do about identities, bundles and X509-SVIDs, by name.
 */
import type { Deviation } from './compare.ts'

const LENGTHS = {
  name: 'no limits of length',
  reason: 'SPIFFE-ID §2.3 says SHOULD; go-spiffe has no limit.',
  how: 'they accept',
} as const

/** `SpiffeId.parse` and `spiffeid.FromString`. */
export const ID_DEVIATIONS: readonly Deviation[] = [
  { ...LENGTHS, because: /^ERR_SPIFFE_ID (length|trust-domain-length):/ },
]

/** `TrustDomain.parse` and `spiffeid.TrustDomainFromString`. */
export const TRUST_DOMAIN_DEVIATIONS: readonly Deviation[] = [
  { ...LENGTHS, because: /^ERR_SPIFFE_TRUST_DOMAIN trust-domain-length:/ },
  {
    name: 'a whole identity stands for its trust domain',
    reason: 'The function of go-spiffe takes a name or an identity; ours takes a name (SPIFFE-ID §2.1).',
    how: 'they accept',
    because: /^ERR_SPIFFE_TRUST_DOMAIN (trust-domain-character|trust-domain-length):/,
    when: /^"?spiffe:\/\//,
  },
]

/** One element that go-spiffe does not understand refuses the bundle; by §4.1.3 the others still count. */
const refusesBundle = (what: string, because: RegExp, ...cases: readonly string[]): Deviation => ({
  name: `refuses the whole bundle: ${what}`,
  reason: 'SPIFFE Trust Domain and Bundle §4.1.3, §4.2, X509-SVID §6.2: such an element is ignored.',
  how: 'we accept',
  because,
  cases,
})

const SEQUENCE_64: Deviation = {
  name: 'a sequence has 64 bits',
  reason: 'JSON integers have no limit, and §4.1.1 sets none.',
  how: 'we accept',
  because: /spiffe_sequence of type uint64/,
  cases: ['B-02-beyond-uint64'],
}

/** `SpiffeBundle.fromJson` and `spiffebundle.Parse`, on whole documents. */
export const BUNDLE_DEVIATIONS: readonly Deviation[] = [
  refusesBundle('unknown key type', /unsupported key type/, 'B-05-unknown-type', 'B-06-nothing-usable'),
  refusesBundle('no key type', /missing json web key type/, 'B-05-no-object', 'B-08-no-type'),
  refusesBundle('key for tokens without kid', /keyID cannot be empty/, 'B-05-jwt-no-kid'),
  refusesBundle('RSA key without modulus', /invalid RSA key, missing/, 'B-05-jwt-no-modulus'),
  refusesBundle('EC key without coordinate', /invalid EC key, missing/, 'X-21-no-coordinate'),
  refusesBundle('coordinate of another length', /wrong length for x/, 'X-21-dropped-zero'),
  refusesBundle('coordinate with padding', /illegal base64 data at input byte 43/, 'X-21-padded-coordinate'),
  refusesBundle('another key than the certificate', /do not match/, 'X-21-other-key', 'X-21-other-type'),
  refusesBundle(
    'x5c that cannot be read',
    /failed to unmarshal x5c field/,
    ...['X-23-base64url', 'X-23-no-padding', 'X-23-pem', 'X-23-no-certificate'],
  ),
  refusesBundle(
    'not exactly one value in x5c',
    /expected a single certificate/,
    ...['X-24-absent', 'X-24-empty', 'X-25-two'],
  ),
  refusesBundle(
    'thumbprint of another size',
    /x5t#S256 header is of incorrect size/,
    'B-07-unknown-parameters',
  ),
  {
    name: 'refuses the whole bundle: a hint that is no whole number',
    reason: 'The hint is advice (§4.1.2); we drop it and say so.',
    how: 'we accept',
    because: /spiffe_refresh_hint of type int64/,
    cases: ['B-03-fraction', 'B-03-text'],
  },
  SEQUENCE_64,
  {
    name: 'keeps a hint of no sense',
    reason: 'A hint of 0 or less would mean to poll without a pause; we drop it and say so (§4.1.2).',
    how: 'values differ',
    cases: ['B-03-zero', 'B-03-negative'],
  },
  {
    name: 'null is no sequence',
    reason: 'Go reads null as absent; §4.1.1 wants an integer, and the sequence decides what is newer.',
    how: 'they accept',
    because: /^ERR_SPIFFE_BUNDLE sequence:/,
    cases: ['B-02-null'],
  },
  {
    name: 'keeps the last of two members',
    reason: 'RFC 7517 §5 lets a reader take the last one; two readers would then see two bundles.',
    how: 'they accept',
    because: /^ERR_JSON_DUPLICATE_KEY/,
    cases: ['B-12-bundle-twice', 'B-12-bundle-escaped', 'B-12-bundle-unknown'],
  },
  {
    name: 'replaces what is not UTF-8',
    reason: 'Go puts U+FFFD in its place; RFC 8259 §8.1 demands UTF-8.',
    how: 'they accept',
    because: /^ERR_JSON_SYNTAX/,
    cases: ['F-14-latin-1', 'F-14-overlong'],
  },
  {
    name: 'no limit of nesting',
    reason: 'Ours bounds the work (RFC 8259 §9); that of Go lies far beyond.',
    how: 'they accept',
    because: /^ERR_JSON_LIMIT/,
    cases: ['B-01-nested-too-deep'],
  },
  {
    name: 'a symmetric key as authority for tokens',
    reason: 'Everybody who reads the bundle could sign; go-jose reads "oct". Its tokens are refused later.',
    how: 'values differ',
    cases: ['B-05-symmetric'],
  },
  {
    name: 'a private key as authority',
    reason: 'A key that was published vouches for nobody; go-spiffe keeps it.',
    how: 'values differ',
    cases: ['B-05-jwt-private', 'X-21-private'],
  },
  {
    name: "a workload's certificate as authority",
    reason: 'X509-SVID §3.2: only a CA signs. Nothing below it verifies, by Go neither.',
    how: 'values differ',
    cases: ['X-21-leaf'],
  },
  {
    name: 'line breaks in x5c',
    reason: "Go's base64 passes over line ends; RFC 7517 §4.7 and RFC 4648 §3.1 do not have them.",
    how: 'values differ',
    cases: ['X-23-line-breaks'],
  },
]

/** The same, one element at a time: what is left when no element takes others with it. */
export const ELEMENT_DEVIATIONS: readonly Deviation[] = [
  {
    name: 'authorities that should be none',
    reason: 'As above: symmetric key, private keys, no CA, line breaks.',
    how: 'they accept',
    cases: ['B-05-symmetric 1', 'B-05-jwt-private 1', 'X-21-leaf 1', 'X-21-private 1', 'X-23-line-breaks 1'],
  },
  refusesBundle('thumbprint of another size', /x5t#S256/, 'B-07-unknown-parameters 0'),
  refusesBundle('not exactly one value in x5c', /expected a single certificate/, 'X-25-two 0'),
]

/** What we write and go-spiffe reads. */
export const WRITTEN_DEVIATIONS: readonly Deviation[] = [SEQUENCE_64]

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
