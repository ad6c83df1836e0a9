/**
 * Which authorities of a bundle are in use, by the certificates that are presented.
 *
 * @module
 */

import { groupBy } from '../internal/group-by.ts'
import { typeName } from '../internal/options.ts'
import { Certificate } from '../x509/certificate.ts'
import { type CertificateInput, toCertificates } from '../x509/certificate-input.ts'
import { isSelfSigned } from '../x509/self-signed.ts'
import type { JwtAuthority } from './bundle-key.ts'
import type { SpiffeBundle } from './spiffe-bundle.ts'
import { SCHEME } from './spiffe-grammar.ts'
import type { TrustDomain } from './spiffe-id.ts'
import { uriNames } from './svid-leaf.ts'

/** Authorities that matter: certificates by which to tell, or a function that decides about one. */
export type AuthorityUse =
  | CertificateInput
  | readonly CertificateInput[]
  | ((authority: Certificate | JwtAuthority) => boolean)

/** Whether an authority is live, and what shows it. */
export interface AuthorityState {
  readonly live: boolean
  /** What depends on it. */
  readonly dependents: readonly Certificate[]
  /** `nobody`: nothing was said about use. `broken-chain`: the dependents may depend on it, or on another. */
  readonly doubt?: 'nobody' | 'broken-chain' | undefined
}

/** Tells the state of an authority. */
export type Liveness = (authority: Certificate | JwtAuthority) => AuthorityState

/** Whether the authorities of a bundle are live at an instant. @throws as certificates when read. */
export function readLiveness(
  inUse: AuthorityUse | undefined,
  jwtKeyIds: readonly string[] | undefined,
  time: number,
  { trustDomain, x509Authorities }: SpiffeBundle,
): Liveness {
  // Other identifiers than texts would be found nowhere, so that every key would seem drained.
  if (
    jwtKeyIds !== undefined &&
    !(Array.isArray(jwtKeyIds) && jwtKeyIds.every((id) => typeof id === 'string'))
  )
    throw new TypeError(
      `option "jwtKeyIdsInUse" must be an array of key identifiers, each a string; got ${typeName(jwtKeyIds)}`,
    )
  const decide = typeof inUse === 'function' ? inUse : undefined
  const isInUse =
    typeof inUse === 'function' || inUse === undefined
      ? undefined
      : readPresented(inUse, time, trustDomain, x509Authorities)
  return (authority) => {
    // Tokens are not certificates: only the caller can know that a key is drained.
    if (!(authority instanceof Certificate) && jwtKeyIds !== undefined)
      return { live: jwtKeyIds.includes(authority.keyId), dependents: [] }
    if (decide !== undefined) return { live: askUse(decide, authority, 'inUse'), dependents: [] }
    if (!(authority instanceof Certificate)) return { live: true, dependents: [], doubt: 'nobody' }
    if (hasExpired(authority, time)) return { live: false, dependents: [] }
    return isInUse?.(authority) ?? { live: true, dependents: [], doubt: 'nobody' }
  }
}

/** What a caller's function says. @throws `TypeError` for a promise, for instance, which says neither. */
export function askUse(
  decide: (authority: Certificate | JwtAuthority) => boolean,
  authority: Certificate | JwtAuthority,
  option: string,
): boolean {
  const answer: unknown = decide(authority)
  if (typeof answer === 'boolean') return answer
  throw new TypeError(`option "${option}" must answer true or false, at once; got ${typeName(answer)}`)
}

function readPresented(
  inUse: CertificateInput | readonly CertificateInput[],
  time: number,
  trustDomain: TrustDomain,
  authorities: readonly Certificate[],
): (authority: Certificate) => AuthorityState {
  const distinct = new Map(toCertificates(inUse, 'inUse').map((one) => [one.fingerprint(), one]))
  const presented = [...distinct.values()].filter((certificate) => !hasExpired(certificate, time))
  const byIssuer = groupBy(presented, (certificate) => Certificate.namesOf(certificate).issuer)
  // Where a chain is not whole, nobody can say which authority it leads to: then it may be any.
  const isTraced = tracer(presented, authorities)
  const orphans = presented.filter((one) => belongsTo(one, trustDomain) && !isTraced(one))
  return (authority) => {
    const named = byIssuer.get(Certificate.namesOf(authority).subject) ?? []
    const keyId = authority.subjectKeyIdentifier
    // A root that is presented itself is taken for in use, too.
    const dependents = named.filter(
      (one) => one.equals(authority) || mayBe(one.authorityKeyIdentifier, keyId),
    )
    if (dependents.length > 0) return { live: true, dependents }
    return {
      live: orphans.length > 0,
      dependents: orphans,
      doubt: orphans.length > 0 ? 'broken-chain' : undefined,
    }
  }
}

/**
 * Whether the issuer of a certificate is known: an authority bears its name, or a certificate beside it bears name
 * and key identifier. A name alone says nothing there: an intermediate of the next root may have the same.
 */
function tracer(
  presented: readonly Certificate[],
  authorities: readonly Certificate[],
): (certificate: Certificate) => boolean {
  const roots = new Map<string, Set<string | undefined>>()
  for (const authority of authorities) {
    const { subject } = Certificate.namesOf(authority)
    const keyIds = roots.get(subject) ?? new Set()
    roots.set(subject, keyIds.add(authority.subjectKeyIdentifier))
  }
  const issuers = new Set(
    presented.flatMap((certificate) => {
      const keyId = certificate.subjectKeyIdentifier
      return keyId === undefined ? [] : [`${keyId} ${Certificate.namesOf(certificate).subject}`]
    }),
  )
  const own = new Set(authorities.map((authority) => authority.fingerprint()))
  return (certificate) => {
    const { issuer } = Certificate.namesOf(certificate)
    const asked = certificate.authorityKeyIdentifier
    const keyIds = roots.get(issuer)
    return (
      // A root ends a chain of its own.
      isSelfSigned(certificate) ||
      own.has(certificate.fingerprint()) ||
      (keyIds !== undefined && (asked === undefined || keyIds.has(undefined) || keyIds.has(asked))) ||
      (asked !== undefined && issuers.has(`${asked} ${issuer}`))
    )
  }
}

/** Whether a certificate can be of the trust domain: its identity, if it has one, says no other. */
function belongsTo(certificate: Certificate, trustDomain: TrustDomain): boolean {
  const ids = uriNames(certificate).filter((uri) => uri.startsWith(SCHEME))
  const prefix = `${SCHEME}${trustDomain.name}`
  return ids.length === 0 || ids.some((id) => id === prefix || id.startsWith(`${prefix}/`))
}

/** Key identifiers that may be of one key: when in doubt, yes. */
const mayBe = (asked: string | undefined, has: string | undefined): boolean =>
  asked === undefined || has === undefined || asked === has

const hasExpired = ({ notAfter }: Certificate, time: number): boolean => notAfter.getTime() < time
