/**
 * Where go-spiffe decides otherwise than we do about JWT-SVIDs, by name.
 */
import type { Deviation } from './compare.ts'

const MALFORMED = /^ERR_JWT_SVID_MALFORMED/

const LENIENT_BASE64 = {
  name: 'base64url with line ends or stray bits',
  reason:
    'Go passes over both, and go-jose checks the signature of what it encodes again; by RFC 7515 §2, §5.2 the text counts.',
  how: 'they accept',
  because: /^ERR_JWT_SVID_MALFORMED: .*is not base64url/,
} as const

/** Tokens broken by chance. */
export const BROKEN_TOKEN_DEVIATIONS: readonly Deviation[] = [LENIENT_BASE64]

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
    name: 'the identity of a trust domain',
    reason: 'JWT-SVID §3.1 wants that of a workload; go-spiffe takes one without a path.',
    how: 'they accept',
    because: MALFORMED,
    cases: ['sub without a path'],
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
    ...LENIENT_BASE64,
    cases: ['header with a line feed', 'signature with a line feed', 'signature with stray bits'],
  },
  {
    name: 'an expiry beyond Date',
    reason: 'No Date can hold it, so that no comparison would ever take it for past.',
    how: 'they accept',
    because: MALFORMED,
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
]
