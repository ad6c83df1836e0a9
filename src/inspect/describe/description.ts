/**
 * What `describe` answers: plain values that JSON can hold, each with its kind.
 *
 * @module
 */

import type { LintFinding } from '../../ca/lint/lint-finding.ts'
import type { RenewalState } from '../../rotation/renewal-status.ts'

/**
 * `root`: a CA whose own key made its signature. `intermediate`: any other CA. `workload`: no CA, with a URI of the scheme
 * `spiffe`. `end-entity`: no CA, without one.
 */
export type DescribedRole = 'root' | 'intermediate' | 'workload' | 'end-entity'

/** A URI of the scheme `spiffe`, as it stands. */
export interface DescribedSpiffeId {
  readonly uri: string
  /** Whether it is a SPIFFE ID (SPIFFE-ID §2). */
  readonly valid: boolean
  readonly trustDomain?: string | undefined
  /** Empty for the identity of a trust domain. */
  readonly path?: string | undefined
  /** As Istio reads it; absent where it does not. */
  readonly istio?: { readonly namespace: string; readonly serviceAccount: string } | undefined
  /** Why it is none. */
  readonly problem?: string | undefined
}

/** Yes, or no with a code and a reason. */
export interface DescribedVerdict {
  readonly ok: boolean
  /** Of the error that verification answers. */
  readonly code?: string | undefined
  readonly reason?: string | undefined
}

/** A public key. */
export interface DescribedKey {
  /** `P-256`, `RSA-2048`, …, or words for a kind that is not used here. */
  readonly type: string
  /** SHA-256 of the SubjectPublicKeyInfo, hex. */
  readonly fingerprint: string
}

/** The life of a certificate. */
export interface DescribedValidity {
  readonly notBefore: string
  /** Its last second, which is still inside. */
  readonly notAfter: string
  readonly lifetimeMs: number
  /** Negative when it is over. */
  readonly remainingMs: number
  readonly state: 'valid' | 'expired' | 'not-yet-valid'
}

/** When it is to be renewed. */
export interface DescribedRenewal {
  /** A name of `RENEWAL_PRESETS`, or `given` for a policy of the caller's. */
  readonly policy: string
  readonly at: string
  /** Negative when that has passed. */
  readonly inMs: number
  /** As `renewalStatus` has it under that policy. */
  readonly state: RenewalState
}

/** An extension that is not described by its content. */
export interface DescribedExtension {
  readonly oid: string
  /** Of those that RFC 5280 defines. */
  readonly name?: string | undefined
  readonly critical: boolean
  /** Octets of its value. */
  readonly octets: number
}

/** What one set of anchors says of a certificate. */
export interface TrustVerdict {
  /** The name of the set. */
  readonly anchors: string
  /** The certificate that was verified. */
  readonly certificate: string
  /** Whether it is one of the anchors itself, which vouch for others and are not accepted as a peer's certificate. */
  readonly isAnchor: boolean
  /** The verdict of `checkPath`. */
  readonly path: DescribedVerdict
  /** The certificates of the path, leaf first, anchor last; absent where there is none. */
  readonly certificates?: readonly string[] | undefined
  /** The verdict of `checkSvid`; absent for what does not claim to be an SVID. */
  readonly svid?: DescribedVerdict | undefined
}

/** Names and uses that certificates have and requests ask for. */
export interface DescribedSubject {
  /** RFC 4514; empty for the empty name. */
  readonly subject: string
  readonly spiffeIds: readonly DescribedSpiffeId[]
  /** The other alternative names, such as `DNS:example.com`. */
  readonly otherNames: readonly string[]
  readonly key: DescribedKey
  readonly signatureAlgorithm: string
  readonly isCa: boolean
  /** Absent without the extension. */
  readonly keyUsage?: readonly string[] | undefined
  /** Absent without the extension. */
  readonly extendedKeyUsage?: readonly string[] | undefined
  /** Of a certificate those that RFC 5280 does not define; of a request every one. */
  readonly extensions: readonly DescribedExtension[]
  /** SHA-256 of the DER, hex. */
  readonly fingerprint: string
  /** How many elements of which list are left out. Absent where all are there. */
  readonly omitted?: Readonly<Record<string, number>> | undefined
}

/** A certificate. Members that are not known are absent; text from outside is escaped and cut. */
export interface CertificateDescription extends DescribedSubject {
  readonly kind: 'certificate'
  /** The instant that it is described at. */
  readonly at: string
  readonly role: DescribedRole
  readonly issuer: string
  /** Lower-case hex. */
  readonly serialNumber: string
  readonly version: number
  /** Whether its own key made its signature. */
  readonly selfSigned: boolean
  readonly pathLength?: number | undefined
  /** Whether it keeps the rules of X509-SVID for a leaf. Only of a `workload`. */
  readonly svid?: DescribedVerdict | undefined
  readonly validity: DescribedValidity
  readonly renewal: DescribedRenewal
  readonly nameConstraints?:
    | { readonly permitted: readonly string[]; readonly excluded: readonly string[] }
    | undefined
  readonly policies: readonly string[]
  readonly subjectKeyIdentifier?: string | undefined
  readonly authorityKeyIdentifier?: string | undefined
  readonly crlAddresses: readonly string[]
  readonly ocspAddresses: readonly string[]
  /** Where the issuer's certificate is to be had. */
  readonly issuerAddresses: readonly string[]
  /** Those of the lint. Absent without it, and where it stands in a chain, which has them. */
  readonly findings?: readonly LintFinding[] | undefined
  /** By which anchors it is verified. Absent without anchors, and where it stands in a chain. */
  readonly trust?: readonly TrustVerdict[] | undefined
}

/** A request. Everything in it is a wish, until a CA says so. */
export interface CsrDescription extends DescribedSubject {
  readonly kind: 'csr'
  readonly at: string
  /** Whether its signature is by the key that it carries. */
  readonly proofOfPossession: DescribedVerdict
  /** Types of its attributes, object identifiers. */
  readonly attributes: readonly string[]
}

/** A certificate revocation list. */
export interface CrlDescription {
  readonly kind: 'crl'
  readonly at: string
  readonly issuer: string
  readonly version: number
  readonly signatureAlgorithm: string
  readonly authorityKeyIdentifier?: string | undefined
  /** Decimal; absent without the extension. */
  readonly number?: string | undefined
  /** Of a delta CRL: the number of the CRL that it starts from. */
  readonly baseNumber?: string | undefined
  readonly isDelta: boolean
  /** Whether it may hold certificates of other issuers. */
  readonly isIndirect: boolean
  /** Which certificates it speaks of, in words: `all of its issuer's`, … */
  readonly scope: readonly string[]
  readonly thisUpdate: string
  readonly nextUpdate?: string | undefined
  /** Since `thisUpdate`; negative where that lies ahead. */
  readonly ageMs: number
  /** Until `nextUpdate`; negative when it is overdue. */
  readonly remainingMs?: number | undefined
  readonly state: 'current' | 'expired' | 'not-yet-valid' | 'without-next-update'
  readonly size: number
  /** How many entries have which reason; `none` for those without. */
  readonly reasons: Readonly<Record<string, number>>
  readonly deltaAddresses: readonly string[]
  /** Whether one of the certificates that were given signed it. Absent without any. */
  readonly signature?: (DescribedVerdict & { readonly signer?: string | undefined }) | undefined
  readonly fingerprint: string
  readonly omitted?: Readonly<Record<string, number>> | undefined
}

/** Who signed a certificate of a chain. */
export interface ChainLink {
  /** 1-based place of the certificate. */
  readonly position: number
  readonly certificate: string
  /** 1-based place of the certificate whose key made its signature: its own where it is self-signed. Absent where none here did. */
  readonly signedBy?: number | undefined
  /**
   * `signature`, `self-signed`: proven. `name-only`: one here bears the issuer's name, and its key did not sign. `absent`: none
   * here bears the issuer's name. `unknown`: algorithm or key cannot be checked. `repeated`: it stands here before.
   */
  readonly proof: 'signature' | 'self-signed' | 'name-only' | 'absent' | 'unknown' | 'repeated'
  /** Where to look, or what is wrong. */
  readonly words: string
}

/** Certificates together. */
export interface ChainDescription {
  readonly kind: 'chain'
  readonly at: string
  /**
   * `leaf-first`: each before its issuer, as peers want it (RFC 8446 §4.4.2). `reversed`, `mixed`: it is not. `unrelated`: some
   * are no issuers of the others. `roots`: all are self-signed, so it is a list of anchors.
   */
  readonly order: 'leaf-first' | 'reversed' | 'mixed' | 'unrelated' | 'roots'
  /** Whether a self-signed root is in it. */
  readonly hasRoot: boolean
  readonly links: readonly ChainLink[]
  readonly certificates: readonly CertificateDescription[]
  readonly findings?: readonly LintFinding[] | undefined
  /** By which anchors the leaf is verified. Absent without anchors. */
  readonly trust?: readonly TrustVerdict[] | undefined
  readonly omitted?: Readonly<Record<string, number>> | undefined
}

/** The authorities of a trust domain. */
export interface BundleDescription {
  readonly kind: 'bundle'
  readonly at: string
  readonly trustDomain: string
  /** Decimal. */
  readonly sequence?: string | undefined
  readonly refreshHintSeconds?: number | undefined
  readonly x509Authorities: readonly CertificateDescription[]
  readonly jwtAuthorities: { readonly count: number; readonly keyIds: readonly string[] }
  /** What was passed over when it was read, and why. */
  readonly skipped: readonly string[]
  readonly omitted?: Readonly<Record<string, number>> | undefined
}

/** The authorities of several trust domains. */
export interface BundleMapDescription {
  readonly kind: 'bundle-map'
  readonly at: string
  readonly sequence?: string | undefined
  readonly refreshHintSeconds?: number | undefined
  readonly bundles: readonly BundleDescription[]
  readonly omitted?: Readonly<Record<string, number>> | undefined
}

/** A private key stands here. It is named, and never read. */
export interface PrivateKeyMention {
  readonly kind: 'private-key'
  readonly label: string
}

/** What could not be read, and why. */
export interface UnreadableBlock {
  readonly kind: 'unreadable'
  readonly label: string
  readonly code: string
  readonly problem: string
}

/** A block of a kind that is not described. */
export interface OtherBlock {
  readonly kind: 'other'
  readonly label: string
}

/** What one place of a file holds. Certificates that follow each other are a chain. */
export interface FilePart {
  /** 1-based; absent for DER. */
  readonly line?: number | undefined
  readonly content:
    | CertificateDescription
    | ChainDescription
    | CsrDescription
    | CrlDescription
    | PrivateKeyMention
    | UnreadableBlock
    | OtherBlock
}

/** A text in PEM, or DER, in its order. */
export interface FileDescription {
  readonly kind: 'file'
  readonly at: string
  readonly parts: readonly FilePart[]
  readonly omitted?: Readonly<Record<string, number>> | undefined
}

/** What `describe` answers; `kind` tells which. */
export type Description =
  | CertificateDescription
  | CsrDescription
  | CrlDescription
  | ChainDescription
  | BundleDescription
  | BundleMapDescription
  | FileDescription
