/**
 * Options of verification, as callers write them.
 *
 * @module
 */

import type { CertificateInput } from '../x509/certificate-input.ts'
import type { CertificateListInput } from '../x509/certificate-list.ts'
import type { Oid } from '../x509/extensions/extended-key-usage.ts'
import type { ProfileRules } from './profile-rules.ts'
import type { TrustAnchor, TrustAnchorParameters } from './trust-anchor.ts'
import type { TrustStore } from './trust-store.ts'

/** What can be trusted: a certificate, PEM with several, or a name and a key. */
export type TrustAnchorInput = CertificateInput | TrustAnchor | TrustAnchorParameters

/** The peer's name to be found in the leaf (RFC 9525): one of the four. */
export type ReferenceName =
  | { readonly dns: string }
  | { readonly ip: string }
  | { readonly email: string }
  | { readonly uri: string }

/** How extended key usage is read. */
export type EkuStrictness = 'nested' | 'leaf' | 'chain' | 'ignore-ca'

/**
 * What must be known about revocation. `require`: every certificate below the anchor must be shown not to be
 * revoked. `if-present`: a certificate without any CRL in scope passes; one in scope that is expired, badly
 * signed or unreadable rejects. `off`: nobody asks.
 */
export type RevocationMode = 'require' | 'if-present' | 'off'

/** Which checks of an anchor's own certificate are made. All by default. */
export interface AnchorChecks {
  /** Its validity period. */
  readonly validity?: boolean | undefined
  /** Its path length, name constraints, policies and extended key usage. */
  readonly constraints?: boolean | undefined
  /** That it says it is a CA. `false` admits v1 roots. */
  readonly basicConstraints?: boolean | undefined
}

/** Inputs of policy processing (RFC 5280 §6.1.1 (c), (e), (f), (g)). */
export interface PolicyOptions {
  /**
   * Policies that the caller accepts, in the anchor's domain. Default: any. At least one. By itself it refuses
   * nothing: add `requireExplicit`, unless the certificates do.
   */
  readonly initial?: readonly Oid[] | undefined
  /** The path must be valid for one of them. Default `false`: only where a certificate asks for it. */
  readonly requireExplicit?: boolean | undefined
  /** Policies may not be mapped to others. Default `false`. */
  readonly inhibitMapping?: boolean | undefined
  /** anyPolicy in a certificate counts for nothing. Default `false`. */
  readonly inhibitAny?: boolean | undefined
}

/** Upper bounds of the work for one verification. What exceeds them is refused with an `ERR_PATH_BUDGET_…` code. */
export interface PathLimits {
  /** Signature checks, an RSA or P-256 one counting 1, P-384 10, P-521 20. Default 100, as rustls-webpki has. */
  readonly signatures?: number | undefined
  /** Certificates in a path, leaf and anchor included. Default 12; x509-limbo and BetterTLS need 7. */
  readonly depth?: number | undefined
  /**
   * Comparisons of a name with a name constraint, policies, and CRLs that are looked at; names and constraints
   * that are read count too. Default 250,000, as rustls-webpki has.
   */
  readonly comparisons?: number | undefined
}

/** Options of `verifyPath`, `checkPath` and `checkPathSync`. Either `anchors` or `store` is required. */
export interface VerifyPathOptions {
  /** What is trusted. A PEM text may hold several certificates. */
  readonly anchors?: TrustAnchorInput | readonly TrustAnchorInput[] | undefined
  /** A {@link TrustStore} in place of `anchors`; it makes repeated verification several times as fast. */
  readonly store?: TrustStore | undefined
  /** What the peer sent beside its leaf, in any order. Not trusted; what cannot be read is passed over. */
  readonly intermediates?: CertificateInput | readonly CertificateInput[] | undefined
  /** Certificate revocation lists, in any order; a PEM text may hold several. Pass `CertificateList` values to read each once. */
  readonly crls?: CertificateListInput | readonly CertificateListInput[] | undefined
  /** Default `require` when `crls` is given, also when it is empty; `off` otherwise. */
  readonly revocation?: RevocationMode | undefined
  /** The instant to judge at. Default: now. Floored to whole seconds. */
  readonly time?: Date | undefined
  /** `rfc5280` (default): RFC 5280 §6.1. `webpki`: and all rules of {@link rules}. */
  readonly profile?: 'rfc5280' | 'webpki' | undefined
  /** Rules of RFC 5280 §4 and of the CA/Browser Forum, each on or off whatever the profile says. */
  readonly rules?: ProfileRules | undefined
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
  /** What to ask of certificate policies. Without it, what the certificates themselves ask. */
  readonly policies?: PolicyOptions | undefined
  /** Which checks of the anchor are made. */
  readonly anchorChecks?: AnchorChecks | undefined
  /** Bounds of the work; what exceeds them is refused. */
  readonly limits?: PathLimits | undefined
}
