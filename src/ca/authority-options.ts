/**
 * What a certificate authority is made of and asked for.
 *
 * @module
 */

import type { AbortSignalLike } from '../internal/abort.ts'
import type { TimeSource } from '../internal/clock.ts'
import type { RandomSource } from '../internal/web-crypto.ts'
import type { SpiffeId } from '../spiffe/spiffe-id.ts'
import type { Certificate } from '../x509/certificate.ts'
import type { CertificateInput } from '../x509/certificate-input.ts'
import type { GeneralName, GeneralNameInput } from '../x509/general-name.ts'
import type { NameInput } from '../x509/name.ts'
import type { SignerInput } from '../x509/resolve-signer.ts'
import type { KeyIdentifierMethod } from './key-identifier.ts'
import type { NameConstraintsInput } from './name-constraints-input.ts'
import type { PolicyDecision } from './policy/policy-decision.ts'
import type { ProfileInput } from './profiles/profiles.ts'
import type { RenewalOptions } from './renewed-key-identifier.ts'
import type { RevocationStore } from './revocation/revocation-store.ts'

/** Options of `CertificateAuthority.from`. */
export interface CertificateAuthorityOptions {
  /** The CA's own certificate. */
  readonly certificate: CertificateInput
  /** The certificates above it, in any order, root included. Its validity caps what is issued. */
  readonly chain?: CertificateInput | readonly CertificateInput[] | undefined
  /**
   * `'self-signed'` (default): the chain must lead to a self-signed root, since what is issued must fit under
   * all of it. `'any'`: the last certificate of the chain is what relying parties trust.
   */
  readonly anchor?: 'self-signed' | 'any' | undefined
  /** Not used; an `IssuedCertificate` may be spread here: `from({ ...issued, signer })`. */
  readonly cappedBy?: Certificate | undefined
  /** Not used either: a `SignedCertificate` may be spread too. */
  readonly decision?: PolicyDecision | undefined
  /** What signs for it: a `PrivateKey`, a pair, or any `Signer`. */
  readonly signer: SignerInput
  /** Profile of what it issues, unless a call says otherwise: a family such as `'istio'`. Default `'mesh'`. */
  readonly profile?: ProfileInput | undefined
  /**
   * `'signed'` (default): the dry run signs a throw-away leaf. `'unsigned'`: it does not touch the key, for
   * HSMs that count every signature.
   */
  readonly selfTest?: 'signed' | 'unsigned' | undefined
  /** Where its revocations are kept. `revoke` and `issueCrl` need one; there is no default that would forget them. */
  readonly revocations?: RevocationStore | undefined
  readonly clock?: TimeSource | undefined
  /** Source of serial numbers. Default: the runtime's. */
  readonly random?: RandomSource | undefined
  /** Given to the signer for the dry run. */
  readonly signal?: AbortSignalLike | undefined
}

/** What both kinds of issuance share. */
export interface IssueOptions {
  /** How long it is valid, from now: `'90d'`, `'24h'`. Capped to the least `notAfter` of the issuer's chain. */
  readonly lifetime: string
  /** How far before now validity begins, for clocks that lag. Default `'2m'`, as istiod. */
  readonly backdate?: string | undefined
  readonly profile?: ProfileInput | undefined
  /** How the subject key identifier is computed. Default `'sha1'`, RFC 5280's method (1). */
  readonly keyIdentifier?: KeyIdentifierMethod | undefined
  /** Given to the signer. */
  readonly signal?: AbortSignalLike | undefined
}

/** Options of `CertificateAuthority.issueIntermediate`. */
export interface IssueIntermediateOptions extends IssueOptions, RenewalOptions {
  /** The subject; not empty, and of no certificate above. Default: the subject of the request. */
  readonly subject?: NameInput | undefined
  /** How many CAs may follow below it. Default 0 for profiles `mesh` and `istio`, `'none'` (no limit) for `gloo`. */
  readonly pathLength?: number | 'none' | undefined
  /** Its own subject alternative names. Those of the request are ignored. */
  readonly subjectAltNames?: readonly (GeneralNameInput | GeneralName)[] | undefined
  /** Subtrees for all names below it. */
  readonly nameConstraints?: NameConstraintsInput | undefined
}

/** Options of `CertificateAuthority.issueWorkload`. */
export interface IssueWorkloadOptions extends IssueOptions {
  /** The identity; it must have a path. The request's own names are ignored. */
  readonly id: SpiffeId | string
  /** The subject. Default: empty, the identity being in the subject alternative name. */
  readonly subject?: NameInput | undefined
  /** Further subject alternative names, none of them a URI: an SVID has exactly one (X509-SVID §2). */
  readonly subjectAltNames?: readonly (GeneralNameInput | GeneralName)[] | undefined
}

/** An issued certificate. */
export interface IssuedCertificate {
  readonly certificate: Certificate
  /** The certificate and its issuers, root last. */
  readonly chain: readonly Certificate[]
  /** The certificate above whose `notAfter` cut the lifetime short. What a policy cut is in its `decision`. */
  readonly cappedBy?: Certificate | undefined
}
