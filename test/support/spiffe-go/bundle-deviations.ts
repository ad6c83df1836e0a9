/**
 * Where go-spiffe decides otherwise than we do about identities and bundles, by name.
 */
import type { Deviation } from './compare.ts'

export const LENGTHS = {
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
    when: /^spiffe:\/\//,
  },
]

/** One element that go-spiffe does not understand refuses the bundle; by §4.1.3 the others still count. */
export const refusesBundle = (what: string, because: RegExp, ...cases: readonly string[]): Deviation => ({
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
    name: 'keeps the last of two keys with one identifier',
    reason:
      'RFC 7517 §4.5 says SHOULD differ, and nothing of which counts; ours is the first, and it says so.',
    how: 'values differ',
    cases: ['B-05-jwt-same-kid'],
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
