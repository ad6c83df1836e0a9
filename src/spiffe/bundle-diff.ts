/**
 * What a new bundle would do to those who use the old one.
 *
 * @module
 */

import { equalBytes } from '../internal/bytes.ts'
import { checkOptionNames, readInstant } from '../internal/options.ts'
import { quote } from '../internal/text.ts'
import { Certificate } from '../x509/certificate.ts'
import { type CertificateInput, toCertificates } from '../x509/certificate-input.ts'
import { certificateLabel } from '../x509/certificate-label.ts'
import { isSelfSigned } from '../x509/self-signed.ts'
import type { JwtAuthority } from './bundle-key.ts'
import { SpiffeBundle } from './spiffe-bundle.ts'
import { SCHEME } from './spiffe-grammar.ts'
import type { TrustDomain } from './spiffe-id.ts'
import { uriNames } from './svid-leaf.ts'

/**
 * What happens.
 *
 * `adds`: an authority is new. `replaces`: an authority was issued again for the same name and key, at least as
 * wide. `drops-drained`: an authority goes that nothing in use depends on. Not safe are: `drops-live`, one goes
 * that is in use; `resurrects`, one that was retired comes back; `empties`, none is left;
 * `sequence-regression`; `same-sequence-other-content`.
 */
export type BundleChangeKind =
  | 'adds'
  | 'replaces'
  | 'drops-drained'
  | 'drops-live'
  | 'resurrects'
  | 'empties'
  | 'sequence-regression'
  | 'same-sequence-other-content'

/** One change. */
export interface BundleChange {
  readonly kind: BundleChangeKind
  readonly safe: boolean
  /** The authority that comes or goes: a certificate, or the key identifier of a JWT authority. */
  readonly authority: Certificate | string | undefined
  /** Of a dropped authority: what still depends on it, as far as it is known. */
  readonly dependents: readonly Certificate[]
  /** What it means and what to do. */
  readonly message: string
}

/** What {@link diffBundles} answers. */
export interface BundleDiff {
  /** Whether the new bundle may be published: no change is unsafe. */
  readonly safe: boolean
  /** Whether the two trust the same. */
  readonly same: boolean
  readonly changes: readonly BundleChange[]
}

/** Authorities that matter: certificates by which to tell, or a function that decides about one. */
export type AuthorityUse =
  | CertificateInput
  | readonly CertificateInput[]
  | ((authority: Certificate | JwtAuthority) => boolean)

/** Options of {@link diffBundles}. */
export interface DiffBundlesOptions {
  /**
   * What is in use: the certificates that are still presented, SVIDs with their intermediates. An authority is
   * live if it issued one that has not expired. Where an intermediate is missing, every authority is. Or a function that says of an authority whether it is live.
   * Without it every authority is live until it expires, and every JWT authority always.
   */
  readonly inUse?: AuthorityUse | undefined
  /** Authorities that were withdrawn for good; or a function that says so. Default: none. */
  readonly retired?: AuthorityUse | undefined
  /** The instant at which certificates are expired or not. Default: now. */
  readonly time?: Date | undefined
}

/**
 * Classifies every change between two bundles of a trust domain, and says whether it is safe to publish the new.
 *
 * SPIFFE Federation §4.1 wants a new authority published before it signs and an old one kept until nothing
 * that it signed is active. This finds the second mistake, and those about sequences; the first is a matter of
 * when the new authority begins to sign.
 *
 * @throws `TypeError` for bundles of different trust domains and for wrong options.
 *
 * @example
 * ```ts
 * import { diffBundles, type SpiffeBundle } from 'mesh-pki/spiffe'
 *
 * declare const published: SpiffeBundle, next: SpiffeBundle, presented: string
 * const { safe, changes } = diffBundles(published, next, { inUse: presented })
 * if (!safe) for (const { kind, message } of changes) console.error(kind, message)
 * ```
 */
export function diffBundles(
  old: SpiffeBundle,
  next: SpiffeBundle,
  options: DiffBundlesOptions = {},
): BundleDiff {
  checkOptionNames(options, ['inUse', 'retired', 'time'], 'diffBundles')
  if (!(old instanceof SpiffeBundle) || !(next instanceof SpiffeBundle))
    throw new TypeError('diffBundles compares two SpiffeBundle values')
  if (!old.trustDomain.equals(next.trustDomain))
    throw new TypeError(
      `diffBundles compares two bundles of one trust domain; got ${old.trustDomain.name} and ${next.trustDomain.name}`,
    )
  const time = readInstant(options.time === undefined ? new Date() : options.time, 'time')
  const isRetired = readUse(options.retired, 'retired', equals)
  const isLive = readLiveness(options.inUse, time, old)
  const changes = [
    ...sequenceChanges(old, next),
    ...x509Changes(old, next, isLive, isRetired),
    ...jwtChanges(old, next, isLive, isRetired),
  ]
  if (next.isEmpty && !old.isEmpty)
    changes.push(
      change(
        'empties',
        undefined,
        'no authority is left: every SVID of the trust domain is refused from then on (SPIFFE Trust Domain and Bundle §4.1.3). Publish it only to revoke everything',
      ),
    )
  return { safe: changes.every(({ safe }) => safe), same: old.trustsSame(next), changes }
}

/** Whether an authority is live, and what shows it. */
type Liveness = (authority: Certificate | JwtAuthority) => {
  live: boolean
  dependents: readonly Certificate[]
}

type Decide = (authority: Certificate | JwtAuthority) => boolean

function x509Changes(
  old: SpiffeBundle,
  next: SpiffeBundle,
  isLive: Liveness,
  isRetired: Decide,
): BundleChange[] {
  const added = next.x509Authorities.filter((one) => !old.x509Authorities.some((other) => one.equals(other)))
  const dropped = old.x509Authorities.filter(
    (one) => !next.x509Authorities.some((other) => one.equals(other)),
  )
  const changes = added.map((authority): BundleChange => {
    const label = certificateLabel(authority)
    if (isRetired(authority))
      return change(
        'resurrects',
        authority,
        `${label} was retired and comes back; whoever may hold its key is trusted again`,
      )
    return dropped.some((before) => replaces(authority, before))
      ? change('replaces', authority, `${label} stands in for one of the same name and key`)
      : change(
          'adds',
          authority,
          `${label} is new; let everybody have it before it signs (SPIFFE Federation §4.1)`,
        )
  })
  for (const authority of dropped) {
    if (added.some((successor) => replaces(successor, authority) && !isRetired(successor))) continue
    changes.push(dropping(authority, certificateLabel(authority), isLive(authority)))
  }
  return changes
}

function jwtChanges(
  old: SpiffeBundle,
  next: SpiffeBundle,
  isLive: Liveness,
  isRetired: Decide,
): BundleChange[] {
  const added = next.jwtAuthorities.filter(
    (one) => !old.jwtAuthorities.some((other) => isSameKey(one, other)),
  )
  const dropped = old.jwtAuthorities.filter(
    (one) => !next.jwtAuthorities.some((other) => isSameKey(one, other)),
  )
  return [
    ...added.map((one) =>
      isRetired(one)
        ? change(
            'resurrects',
            one.keyId,
            `the JWT authority ${quote(one.keyId, 64)} was retired and comes back`,
          )
        : change('adds', one.keyId, `the JWT authority ${quote(one.keyId, 64)} is new`),
    ),
    ...dropped.map((one) => dropping(one.keyId, `the JWT authority ${quote(one.keyId, 64)}`, isLive(one))),
  ]
}

function dropping(
  authority: Certificate | string,
  label: string,
  { live, dependents }: ReturnType<Liveness>,
): BundleChange {
  if (!live) return change('drops-drained', authority, `${label} goes, and nothing in use depends on it`)
  const [first] = dependents
  const shown = first === undefined ? '' : `, such as ${certificateLabel(first)}`
  return change(
    'drops-live',
    authority,
    `${label} goes while it is in use${shown}: peers would be refused. Keep it until nothing that it signed is active (SPIFFE Federation §4.1)`,
    dependents,
  )
}

function sequenceChanges(old: SpiffeBundle, next: SpiffeBundle): BundleChange[] {
  const { sequence: before } = old
  const { sequence: after } = next
  if (before === undefined) return []
  if (after === undefined || after < before)
    return [
      change(
        'sequence-regression',
        undefined,
        `the sequence goes from ${before} to ${after ?? 'none'}; who has the old bundle keeps it (SPIFFE Federation §4.2). Publish at least ${before + 1n}`,
      ),
    ]
  return after === before && !old.trustsSame(next)
    ? [
        change(
          'same-sequence-other-content',
          undefined,
          `both have the sequence ${before} and do not trust the same; every change needs a new one (SPIFFE Trust Domain and Bundle §4.1.1). Publish ${before + 1n}`,
        ),
      ]
    : []
}

const SAFE: ReadonlySet<BundleChangeKind> = new Set(['adds', 'replaces', 'drops-drained'])

function change(
  kind: BundleChangeKind,
  authority: BundleChange['authority'],
  message: string,
  dependents: readonly Certificate[] = [],
): BundleChange {
  return { kind, safe: SAFE.has(kind), authority, dependents, message }
}

/**
 * Whether everything that verified below the one verifies below the other: same name, key and extensions, and
 * not valid for less long. Another key identifier would already be refused by OpenSSL.
 */
function replaces(successor: Certificate, before: Certificate): boolean {
  return (
    successor.subject.equals(before.subject) &&
    equalBytes(successor.publicKey, before.publicKey) &&
    successor.notAfter >= before.notAfter &&
    successor.notBefore <= before.notAfter &&
    hasSameExtensions(successor, before)
  )
}

function hasSameExtensions(a: Certificate, b: Certificate): boolean {
  const texts = ({ extensions }: Certificate): string =>
    JSON.stringify(extensions.map(({ oid, critical, value }) => [oid, critical, [...value]]).sort())
  return texts(a) === texts(b)
}

const isSameKey = (a: JwtAuthority, b: JwtAuthority): boolean =>
  a.keyId === b.keyId && JSON.stringify(a.jwk) === JSON.stringify(b.jwk)

function readLiveness(
  inUse: AuthorityUse | undefined,
  time: number,
  { trustDomain, x509Authorities: authorities }: SpiffeBundle,
): Liveness {
  if (typeof inUse === 'function') return (authority) => ({ live: inUse(authority) === true, dependents: [] })
  if (inUse === undefined)
    return (authority) => ({
      live: !(authority instanceof Certificate && hasExpired(authority, time)),
      dependents: [],
    })
  const presented = toCertificates(inUse, 'inUse').filter((certificate) => !hasExpired(certificate, time))
  // Where a chain is not whole, nobody can say which authority it leads to: then it may be any.
  const orphans = presented.filter(
    (one) => belongsTo(one, trustDomain) && !isTraceable(one, presented, authorities),
  )
  return (authority) => {
    // Tokens are not certificates: nothing here can show that a JWT authority is drained.
    if (!(authority instanceof Certificate)) return { live: true, dependents: [] }
    const issued = presented.filter((certificate) => mayHaveIssued(authority, certificate))
    const dependents = issued.length > 0 ? issued : orphans
    return { live: dependents.length > 0 && !hasExpired(authority, time), dependents }
  }
}

function readUse(
  use: AuthorityUse | undefined,
  option: string,
  matches: (a: Certificate, b: Certificate) => boolean,
): Decide {
  if (typeof use === 'function') return (authority) => use(authority) === true
  const certificates = use === undefined ? [] : toCertificates(use, option)
  return (authority) =>
    authority instanceof Certificate && certificates.some((one) => matches(authority, one))
}

const equals = (a: Certificate, b: Certificate): boolean => a.equals(b)

const hasExpired = ({ notAfter }: Certificate, time: number): boolean => notAfter.getTime() < time

/** Whether its issuer is an authority, or one of those that are presented beside it. A root ends a chain of its own. */
function isTraceable(
  certificate: Certificate,
  presented: readonly Certificate[],
  authorities: readonly Certificate[],
): boolean {
  return (
    isSelfSigned(certificate) ||
    [...authorities, ...presented].some((issuer) => mayHaveIssued(issuer, certificate))
  )
}

/** Whether a certificate can be of the trust domain: its identity, if it has one, says no other. */
function belongsTo(certificate: Certificate, trustDomain: TrustDomain): boolean {
  const ids = uriNames(certificate).filter((uri) => uri.startsWith(SCHEME))
  const prefix = `${SCHEME}${trustDomain.name}`
  return ids.length === 0 || ids.some((id) => id === prefix || id.startsWith(`${prefix}/`))
}

/** By names and key identifiers. When in doubt, yes: a signature is not checked here. */
function mayHaveIssued(authority: Certificate, certificate: Certificate): boolean {
  if (authority.equals(certificate) || !certificate.issuer.equals(authority.subject)) return false
  const { authorityKeyIdentifier: asked } = certificate
  const { subjectKeyIdentifier: has } = authority
  return asked === undefined || has === undefined || asked === has
}
