/**
 * What a new bundle would do to those who use the old one.
 *
 * @module
 */

import { toHex } from '../internal/bytes.ts'
import { groupBy } from '../internal/group-by.ts'
import { checkOptionNames, readInstant } from '../internal/options.ts'
import { quote } from '../internal/text.ts'
import { Certificate } from '../x509/certificate.ts'
import { toCertificates } from '../x509/certificate-input.ts'
import { certificateLabel } from '../x509/certificate-label.ts'
import {
  type AuthorityState,
  type AuthorityUse,
  askUse,
  type Liveness,
  readLiveness,
} from './authority-use.ts'
import type { JwtAuthority } from './bundle-key.ts'
import { SpiffeBundle } from './spiffe-bundle.ts'

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
  /** What is in use below the authority, as far as it is known. */
  readonly dependents: readonly Certificate[]
  /** Of a dropped authority that is live: when the last of them has expired, so that it may go. */
  readonly safeAfter: Date | undefined
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

/** Options of {@link diffBundles}. */
export interface DiffBundlesOptions {
  /**
   * What is in use: the certificates that are still presented, SVIDs with their intermediates. An authority is
   * live if it issued one that has not expired. Where an intermediate is missing, every authority is. An empty list
   * says that nothing is in use. Or a function that says of an authority whether it is live.
   * Without it every authority is live until it expires.
   */
  readonly inUse?: AuthorityUse | undefined
  /**
   * Key identifiers of JWT authorities that still sign, or signed tokens that are still valid. Without it every JWT
   * authority is live: certificates say nothing about tokens.
   */
  readonly jwtKeyIdsInUse?: readonly string[] | undefined
  /**
   * Authorities that were withdrawn for good, by name and key: another certificate for the same ones counts too.
   * Or a function that says so. Default: none.
   */
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
  checkOptionNames(options, ['inUse', 'jwtKeyIdsInUse', 'retired', 'time'], 'diffBundles')
  if (!(old instanceof SpiffeBundle) || !(next instanceof SpiffeBundle))
    throw new TypeError('diffBundles compares two SpiffeBundle values')
  if (!old.trustDomain.equals(next.trustDomain))
    throw new TypeError(
      `diffBundles compares two bundles of one trust domain; got ${old.trustDomain.name} and ${next.trustDomain.name}`,
    )
  const time = readInstant(options.time === undefined ? new Date() : options.time, 'time')
  const isRetired = readRetired(options.retired)
  const isLive = readLiveness(options.inUse, options.jwtKeyIdsInUse, time, old)
  const changes = [
    ...sequenceChanges(old, next),
    ...x509Changes(old, next, { isLive, isRetired, time }),
    ...jwtChanges(old, next, { isLive, isRetired, time }),
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

interface Circumstances {
  readonly isLive: Liveness
  readonly isRetired: (authority: Certificate | JwtAuthority) => boolean
  readonly time: number
}

function x509Changes(
  old: SpiffeBundle,
  next: SpiffeBundle,
  { isLive, isRetired, time }: Circumstances,
): BundleChange[] {
  const before = new Set(old.x509Authorities.map((one) => one.fingerprint()))
  const after = new Set(next.x509Authorities.map((one) => one.fingerprint()))
  const added = next.x509Authorities.filter((one) => !before.has(one.fingerprint()))
  const dropped = old.x509Authorities.filter((one) => !after.has(one.fingerprint()))
  // Whatever stands in the new bundle can stand in for what goes, unless it must not be there itself.
  const successors = groupBy(
    next.x509Authorities.filter((one) => !isRetired(one)),
    identityOf,
  )
  const replaced = new Map<Certificate, Certificate>()
  for (const one of dropped) {
    const successor = successors.get(identityOf(one))?.find((other) => replaces(other, one, time))
    if (successor !== undefined) replaced.set(one, successor)
  }
  const standIns = new Set(replaced.values())
  return [
    ...added
      .filter((one) => !standIns.has(one))
      .map((authority) => {
        const label = certificateLabel(authority)
        return isRetired(authority)
          ? change(
              'resurrects',
              authority,
              `the key of ${label} was retired and comes back; whoever may hold it is trusted again`,
            )
          : adding(authority, label, isLive(authority))
      }),
    ...dropped.map((authority) => {
      const label = certificateLabel(authority)
      return replaced.has(authority)
        ? change('replaces', authority, `${label} goes, and one of the same name and key stands in for it`)
        : dropping(authority, label, isLive(authority))
    }),
  ]
}

function jwtChanges(
  old: SpiffeBundle,
  next: SpiffeBundle,
  { isLive, isRetired }: Circumstances,
): BundleChange[] {
  const before = new Map(old.jwtAuthorities.map((one) => [keyOf(one), one]))
  const after = new Map(next.jwtAuthorities.map((one) => [keyOf(one), one]))
  const added = [...after].flatMap(([key, one]) => (before.has(key) ? [] : [one]))
  const dropped = [...before].flatMap(([key, one]) => (after.has(key) ? [] : [one]))
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

/** An authority that signs already shows the other mistake of a rotation: who has the old bundle refuses that. */
function adding(authority: Certificate, label: string, { dependents, doubt }: AuthorityState): BundleChange {
  const [first] = doubt === undefined ? dependents : []
  return change(
    'adds',
    authority,
    first === undefined
      ? `${label} is new; let everybody have it before it signs (SPIFFE Federation §4.1)`
      : `${label} is new, and signs already: ${certificateLabel(first)} is refused by everybody who has not got it yet. Publish at once, and let the next one be known before it signs (SPIFFE Federation §4.1)`,
    first === undefined ? [] : dependents,
  )
}

function dropping(
  authority: Certificate | string,
  label: string,
  { live, dependents, doubt }: AuthorityState,
): BundleChange {
  if (!live) return change('drops-drained', authority, `${label} goes, and nothing in use depends on it`)
  const [first] = dependents
  const why =
    doubt === 'nobody'
      ? 'and nobody said that it is not in use any longer; pass what is'
      : first === undefined
        ? 'while it is in use'
        : doubt === 'broken-chain'
          ? `and may be what ${certificateLabel(first)} leads to: its issuer is not among what is in use`
          : `while it is in use, such as by ${certificateLabel(first)}`
  const safeAfter =
    first === undefined
      ? authority instanceof Certificate && doubt === 'nobody'
        ? authority.notAfter
        : undefined
      : new Date(Math.max(...dependents.map(({ notAfter }) => notAfter.getTime())))
  return {
    ...change(
      'drops-live',
      authority,
      `${label} goes ${why}: peers would be refused. Keep it until nothing that it signed is active${safeAfter === undefined ? '' : `, at the latest ${safeAfter.toISOString()}`} (SPIFFE Federation §4.1)`,
      dependents,
    ),
    safeAfter,
  }
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
        `the sequence goes from ${before} to ${after ?? 'none'}; ${after === undefined ? 'who has the old bundle may keep it, and nobody can tell any longer which is newer' : 'who has the old bundle keeps it'} (SPIFFE Federation §4.2). Publish at least ${before + 1n}`,
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
  return { kind, safe: SAFE.has(kind), authority, dependents, safeAfter: undefined, message }
}

/**
 * Whether everything that verified below the one verifies below the other, now and for as long: same extensions
 * and validity that covers it. Another key identifier would already be refused by OpenSSL. Name and key are the
 * same already.
 */
function replaces(successor: Certificate, before: Certificate, time: number): boolean {
  return (
    successor.notAfter >= before.notAfter &&
    (successor.notBefore <= before.notBefore || successor.notBefore.getTime() <= time) &&
    extensionsOf(successor) === extensionsOf(before)
  )
}

const extensionsOf = ({ extensions }: Certificate): string =>
  JSON.stringify(extensions.map(({ oid, critical, value }) => [oid, critical, toHex(value)]).sort())

/** Name and key: whoever has that key can sign for that name, whatever certificate says so. */
const identityOf = (certificate: Certificate): string =>
  `${Certificate.namesOf(certificate).subject} ${toHex(certificate.publicKey)}`

const keyOf = ({ keyId, jwk }: JwtAuthority): string => JSON.stringify([keyId, Object.entries(jwk).sort()])

function readRetired(retired: AuthorityUse | undefined): Circumstances['isRetired'] {
  if (typeof retired === 'function') return (authority) => askUse(retired, authority, 'retired')
  const known = new Set((retired === undefined ? [] : toCertificates(retired, 'retired')).map(identityOf))
  return (authority) => authority instanceof Certificate && known.has(identityOf(authority))
}
