/**
 * Where the parts of a read certificate are.
 *
 * @module
 */

/** Where extensions are, and the facts of them that are asked for most. Offsets of 0 mean absent. */
export class ExtensionsLayout {
  /** The content of Extensions. */
  extensionsStart = 0
  extensionsEnd = 0
  /** -1 absent; else bit 0: is a CA; the rest: path length + 1. */
  basicConstraints = -1
  /** 0 absent; else the bits, ASN.1 bit 0 lowest. */
  keyUsage = 0
  /** Where the values of these extensions begin. */
  subjectAltNameStart = 0
  extendedKeyUsageStart = 0
  nameConstraintsStart = 0
  /** The octets of the identifiers themselves. */
  subjectKeyIdStart = 0
  subjectKeyIdEnd = 0
  authorityKeyIdStart = 0
  authorityKeyIdEnd = 0
  /** Bit n is set when extension 2.5.29.n (n below 32; n-32 in `…High`) is there, and when it is critical. */
  presentLow = 0
  presentHigh = 0
  criticalLow = 0
  criticalHigh = 0
  /** Where the first critical extension begins that is outside 2.5.29.0 to 2.5.29.63; 0 for none. */
  foreignCriticalStart = 0
}

/** Where the parts of a certificate are. */
export class CertificateLayout extends ExtensionsLayout {
  version = 1
  tbsStart = 0
  tbsEnd = 0
  serialStart = 0
  serialEnd = 0
  /** The AlgorithmIdentifier, whole; the outer one is equal. */
  algorithmStart = 0
  algorithmEnd = 0
  issuerStart = 0
  issuerEnd = 0
  /** Milliseconds since the epoch. */
  notBefore = 0
  notAfter = 0
  subjectStart = 0
  subjectEnd = 0
  publicKeyStart = 0
  publicKeyEnd = 0
  signatureStart = 0
  signatureEnd = 0
  /** Its names as they are compared; made when first asked for. */
  names: CertificateNames | undefined
}

/** Canonical texts of a certificate's names (RFC 5280 §7.1): equal texts mean equal names. */
export interface CertificateNames {
  readonly subject: string
  readonly issuer: string
}
