/**
 * Where go-spiffe decides otherwise about tokens, and Istio about its identities, by name.
 */
import type { Deviation } from './compare.ts'

const MALFORMED = /^ERR_JWT_SVID_MALFORMED/

/** Broken by chance: differences in reading base64url, which change nothing that was signed. */
export const BROKEN_TOKEN_DEVIATIONS: readonly Deviation[] = [
  {
    name: 'header and payload with line ends or stray bits',
    reason:
      'go-jose encodes again what it decoded, and checks the signature of that; RFC 7515 §5.2 has the text.',
    how: 'they accept',
    because: /^ERR_JWT_SVID_MALFORMED: .*base64url/,
  },
  {
    name: 'signature with blanks or padding',
    reason: 'Ours, to be mended: jose decodes it with atob, which is lenient; RFC 7515 §2 has neither.',
    how: 'we accept',
    because: /unable to parse JWT token/,
    when: /\.[^.]*[\s=][^.]*$/,
  },
]

/** `checkJwtSvid` and `jwtsvid.ParseAndValidate`. */
export const TOKEN_DEVIATIONS: readonly Deviation[] = [
  {
    name: 'a leeway of one minute',
    reason: 'go-jose grants it always; our default is none, and clockTolerance grants one.',
    how: 'they accept',
    because: /^ERR_JWT_SVID_(EXPIRED|NOT_YET_VALID)/,
    cases: ['expired half a minute ago', 'valid in half a minute'],
  },
  {
    name: 'headers that must not be there',
    reason: 'JWT-SVID §2 forbids all but alg, kid and typ; go-spiffe ignores them.',
    how: 'they accept',
    because: MALFORMED,
    cases: ['header jku', 'header jwk'],
  },
  {
    name: 'typ null',
    reason: 'JWT-SVID §2.3: JWT or JOSE where it is present; go-jose drops null.',
    how: 'they accept',
    because: MALFORMED,
    cases: ['typ null'],
  },
  {
    name: 'no limits',
    reason: 'SPIFFE-ID §2.3 for the identity; size and nesting bound the work.',
    how: 'they accept',
    because: MALFORMED,
    cases: ['sub too long', 'payload nested deep', 'payload too large'],
  },
  {
    name: 'replaces what is not UTF-8',
    reason: 'As in bundles; RFC 7519 §7.2 demands UTF-8.',
    how: 'they accept',
    because: MALFORMED,
    cases: ['payload not UTF-8'],
  },
  {
    name: 'header and payload with line ends or stray bits',
    reason: 'As for broken tokens.',
    how: 'they accept',
    because: MALFORMED,
    cases: ['header with a line feed'],
  },
  {
    name: 'signature with blanks or padding',
    reason: 'Ours, to be mended, as for broken tokens.',
    how: 'we accept',
    because: /unable to parse JWT token/,
    cases: ['signature with padding', 'signature with a space'],
  },
  {
    name: 'an audience that is no text',
    reason: 'Ours, to be mended: RFC 7519 §4.1.3 has texts only, and our type says so.',
    how: 'we accept',
    because: /expected string or array value to unmarshal to Audience/,
    cases: ['audience with a number'],
  },
  {
    name: 'an expiry that no clock reaches',
    reason:
      'Ours, to be mended: expiresAt is an Invalid Date, which compares as never expired. Go overflows.',
    how: 'we accept',
    because: /token has expired/,
    cases: ['exp beyond int64'],
  },
  {
    name: 'an expiry beyond Date',
    reason: 'The same below 2^63.',
    how: 'values differ',
    cases: ['exp beyond Date'],
  },
  {
    name: 'issued in the future',
    reason:
      'RFC 7519 §4.1.6 makes iat information; go-jose refuses what was issued more than a minute ahead.',
    how: 'we accept',
    because: /issued in the future/,
    cases: ['issued in five minutes'],
  },
  {
    name: 'a byte order mark in front of the payload',
    reason: 'RFC 8259 §8.1 lets a reader pass over it; Go does not.',
    how: 'we accept',
    because: /invalid character 'ï'/,
    cases: ['payload with a byte order mark'],
  },
]

/** A name of the mesh has "@", which ours turns into a dot. */
const AT_SIGN: Deviation = {
  name: '"@" in names of the mesh',
  reason:
    'Istio replaces it where it makes identities, but in neither of these functions; its validation refuses such names anyway.',
  how: 'values differ',
  when: /"names":\[[^\]]*@|"trustDomain":"[^"]*@/,
}

/** `expandPrincipal` and `ReplaceTrustDomainAliases`. */
export const PRINCIPAL_DEVIATIONS: readonly Deviation[] = [AT_SIGN]

/** `expandIdentity` and `ExpandWithTrustDomains`, given the same names. */
export const EXPAND_DEVIATIONS: readonly Deviation[] = [
  AT_SIGN,
  {
    name: 'what is no identity of Istio stays as it is',
    reason: 'Istio logs and keeps it, ours throws, as it documents.',
    how: 'they accept',
    because: /^ERR_SPIFFE_ID (part-count|keyword|scheme):/,
  },
]

/** The same, given what istiod gives to it: the aliases without the mesh's own trust domain. */
export const ISTIOD_DEVIATIONS: readonly Deviation[] = [
  {
    name: "the mesh's own trust domain is put beside a foreign identity",
    reason:
      'Ours, to be decided: push_context.go passes the aliases only, so a service with a foreign identity is not also accepted under the local name.',
    how: 'values differ',
    when: /^(foreign|alias) /,
  },
]
