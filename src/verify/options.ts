/**
 * Options of verification, checked once.
 *
 * @module
 */

import { isOid } from '../internal/oid.ts'
import { checkOneOf, checkOptionNames, readCount, readFlag, readInstant } from '../internal/options.ts'
import type { CertificateInput } from '../x509/certificate-input.ts'
import { ExtendedKeyUsage, type Oid } from '../x509/extensions/extended-key-usage.ts'
import { PathError } from './path-error.ts'
import { TrustStore } from './trust-store.ts'

/** The peer's name to be found in the leaf (RFC 9525): one of the four. */
export type ReferenceName =
  | { readonly dns: string }
  | { readonly ip: string }
  | { readonly email: string }
  | { readonly uri: string }

/** How extended key usage is read. */
export type EkuStrictness = 'nested' | 'leaf' | 'chain' | 'ignore-ca'

/** Which checks of an anchor's own certificate are made. All by default. */
export interface AnchorChecks {
  /** Its validity period. */
  readonly validity?: boolean | undefined
  /** Its path length, name constraints and extended key usage. */
  readonly constraints?: boolean | undefined
  /** That it says it is a CA. `false` admits v1 roots. */
  readonly basicConstraints?: boolean | undefined
}

/** Upper bounds of the work for one verification. What exceeds them is refused with `ERR_PATH_BUDGET`. */
export interface PathLimits {
  /** Signature checks, an RSA or P-256 one counting 1, P-384 10, P-521 20. Default 100, as rustls-webpki has. */
  readonly signatures?: number | undefined
  /** Certificates in a path, leaf and anchor included. Default 12; x509-limbo and BetterTLS need 7. */
  readonly depth?: number | undefined
  /** Comparisons of a name with a name constraint; names and constraints that are read count too. Default 250,000, as rustls-webpki has. */
  readonly comparisons?: number | undefined
}

/** Options of `verifyPath`, `checkPath` and `checkPathSync`. Either `anchors` or `store` is required. */
export interface VerifyPathOptions {
  /** What is trusted. A PEM text may hold several certificates. */
  readonly anchors?: CertificateInput | readonly CertificateInput[] | undefined
  /** A {@link TrustStore} in place of `anchors`. */
  readonly store?: TrustStore | undefined
  /** What the peer sent beside its leaf, in any order. Not trusted; what cannot be read is passed over. */
  readonly intermediates?: CertificateInput | readonly CertificateInput[] | undefined
  /** Certificate revocation lists. Not judged by this version: any value is refused with `ERR_PATH_UNSUPPORTED`. */
  readonly crls?: readonly unknown[] | undefined
  /** `'off'` is the only value that this version can judge. */
  readonly revocation?: 'require' | 'if-present' | 'off' | undefined
  /** The instant to judge at. Default: now. Floored to whole seconds. */
  readonly time?: Date | undefined
  /** `'rfc5280'` (default). `'webpki'` is refused with `ERR_PATH_UNSUPPORTED` in this version. */
  readonly profile?: 'rfc5280' | 'webpki' | undefined
  /** What the leaf's key will be used for: `serverAuth`, `clientAuth`, an object identifier, or `any`. */
  readonly purpose: 'serverAuth' | 'clientAuth' | 'any' | Oid
  /**
   * `nested` (default): every certificate of the path that has extended key usage must list the purpose or
   * anyExtendedKeyUsage. `leaf`: the leaf must list the purpose itself. `chain`: and no CA meets it by
   * anyExtendedKeyUsage. `ignore-ca`: only the leaf is looked at.
   */
  readonly ekuStrictness?: EkuStrictness | undefined
  /** The peer's name. Without it no name is compared. */
  readonly name?: ReferenceName | undefined
  /** The most intermediates; self-issued ones do not count. Default: no limit but `limits.depth`. */
  readonly maxIntermediates?: number | undefined
  /** Policies to require. Not judged by this version: refused with `ERR_PATH_UNSUPPORTED`. */
  readonly policies?: object | undefined
  /** Which checks of the anchor are made. */
  readonly anchorChecks?: AnchorChecks | undefined
  readonly limits?: PathLimits | undefined
}

/** Options after checking. */
export interface PathPolicy {
  readonly store: TrustStore
  /** Milliseconds since the epoch, whole seconds. */
  readonly time: number
  /** `undefined` for any. */
  readonly purpose: Oid | undefined
  readonly ekuStrictness: EkuStrictness
  readonly name: ReferenceName | undefined
  readonly maxIntermediates: number
  readonly anchorChecks: Required<{ [K in keyof AnchorChecks]: boolean }>
  readonly limits: { readonly signatures: number; readonly depth: number; readonly comparisons: number }
}

const OPTION_NAMES = [
  'anchors',
  'store',
  'intermediates',
  'crls',
  'revocation',
  'time',
  'profile',
  'purpose',
  'ekuStrictness',
  'name',
  'maxIntermediates',
  'policies',
  'anchorChecks',
  'limits',
]

/** Reads the options. @throws `TypeError`, `RangeError`, `MeshPkiError`; `PathError` `ERR_PATH_UNSUPPORTED`. */
export function readPathPolicy(options: VerifyPathOptions): PathPolicy {
  checkOptionNames(options, OPTION_NAMES, 'verification')
  refuseUnsupported(options)
  const { anchors, store, anchorChecks = {}, limits = {} } = options
  if ((anchors === undefined) === (store === undefined))
    throw new TypeError('verification needs either the option "anchors" or the option "store"')
  if (store !== undefined && !(store instanceof TrustStore))
    throw new TypeError('option "store" must be a TrustStore')
  checkOptionNames(anchorChecks, ['validity', 'constraints', 'basicConstraints'], 'option "anchorChecks"')
  checkOptionNames(limits, ['signatures', 'depth', 'comparisons'], 'option "limits"')
  return {
    store: store ?? new TrustStore({ anchors: anchors ?? [] }),
    time: readInstant(options.time ?? new Date(), 'time'),
    purpose: readPurpose(options.purpose),
    ekuStrictness: checkOneOf(
      options.ekuStrictness ?? 'nested',
      ['nested', 'leaf', 'chain', 'ignore-ca'],
      'ekuStrictness',
    ),
    name: options.name === undefined ? undefined : readReferenceName(options.name),
    maxIntermediates:
      options.maxIntermediates === undefined
        ? Number.POSITIVE_INFINITY
        : readCount(options.maxIntermediates, 'maxIntermediates', 0, 1000),
    anchorChecks: {
      validity: readFlag(anchorChecks.validity, 'anchorChecks.validity', true),
      constraints: readFlag(anchorChecks.constraints, 'anchorChecks.constraints', true),
      basicConstraints: readFlag(anchorChecks.basicConstraints, 'anchorChecks.basicConstraints', true),
    },
    limits: {
      signatures: readCount(limits.signatures ?? 100, 'limits.signatures', 1, 1_000_000),
      depth: readCount(limits.depth ?? 12, 'limits.depth', 2, 1000),
      comparisons: readCount(limits.comparisons ?? 250_000, 'limits.comparisons', 1, 1_000_000_000),
    },
  }
}

function refuseUnsupported(options: VerifyPathOptions): void {
  const profile = checkOneOf(options.profile ?? 'rfc5280', ['rfc5280', 'webpki'], 'profile')
  const revocation = checkOneOf(
    options.revocation ?? (options.crls === undefined ? 'off' : 'require'),
    ['require', 'if-present', 'off'],
    'revocation',
  )
  const asked =
    profile === 'webpki'
      ? 'profile "webpki"'
      : options.crls !== undefined || revocation !== 'off'
        ? 'revocation checking'
        : options.policies !== undefined
          ? 'certificate policies'
          : undefined
  if (asked !== undefined) {
    throw new PathError(
      'ERR_PATH_UNSUPPORTED',
      `${asked} cannot be judged by this version, so nothing is accepted under it; leave the option out to verify without it`,
    )
  }
}

function readPurpose(purpose: unknown): Oid | undefined {
  if (purpose === 'any') return undefined
  if (purpose === 'serverAuth' || purpose === 'clientAuth') return ExtendedKeyUsage[purpose]
  if (typeof purpose === 'string' && isOid(purpose)) return purpose
  throw new TypeError(
    `option "purpose" is required and must be "serverAuth", "clientAuth", "any" or an object identifier; got ${typeof purpose === 'string' ? JSON.stringify(purpose.slice(0, 64)) : typeof purpose}`,
  )
}

/** A copy: what was checked is what is compared, also when the caller's object changes. */
function readReferenceName(name: ReferenceName): ReferenceName {
  checkOptionNames(name, ['dns', 'ip', 'email', 'uri'], 'option "name"')
  const [entry, ...others] = Object.entries(name)
  if (entry === undefined || others.length > 0 || typeof entry[1] !== 'string' || entry[1] === '') {
    throw new TypeError(
      'option "name" must hold exactly one of dns, ip, email and uri, as text that is not empty',
    )
  }
  const [kind, value] = entry
  return kind === 'dns'
    ? { dns: value }
    : kind === 'ip'
      ? { ip: value }
      : kind === 'email'
        ? { email: value }
        : { uri: value }
}
