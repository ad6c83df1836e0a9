/**
 * Certificates as immutable values over strictly read DER.
 *
 * @module
 */

import { sha256 } from '@noble/hashes/sha2.js'
import { MeshPkiError } from '../errors.ts'
import { equalBytes, equalRange, integerHex, toHex } from '../internal/bytes.ts'
import { DerCursor } from '../internal/der.ts'
import { checkOneOf, checkOptionNames, typeName } from '../internal/options.ts'
import { describeAlgorithm, readSignatureAlgorithm, type SignatureAlgorithm } from './algorithm-identifier.ts'
import type { CertificateLayout, CertificateNames } from './certificate-layout.ts'
import {
  ALL_LENIENCIES,
  type CertificateLeniency,
  checkCertificateSize,
  readCertificateLayout,
} from './certificate-walker.ts'
import {
  type Extension,
  findCertificateExtension,
  findExtension,
  readExtensionList,
} from './extension-list.ts'
import { extendedKeyUsageOf, isCaOf, keyUsageOf, subjectAltNamesOf } from './extension-values.ts'
import { AUTHORITY_INFO_ACCESS, ExtensionArc, SUBJECT_INFO_ACCESS } from './extension-walker.ts'
import { type AccessDescription, readAccessDescriptions } from './extensions/access-descriptions.ts'
import {
  type PolicyConstraints,
  type PolicyInformation,
  type PolicyMapping,
  readCertificatePolicies,
  readInhibitAnyPolicy,
  readPolicyConstraints,
  readPolicyMappings,
} from './extensions/certificate-policies.ts'
import { type DirectoryAttribute, readDirectoryAttributes } from './extensions/directory-attributes.ts'
import { type DistributionPoint, readDistributionPoints } from './extensions/distribution-points.ts'
import type { Oid } from './extensions/extended-key-usage.ts'
import { type AuthorityKeyIdentifier, readAuthorityKeyIdentifier } from './extensions/key-identifier.ts'
import type { KeyUsageName } from './extensions/key-usage.ts'
import { type NameConstraints, readNameConstraints } from './extensions/name-constraints.ts'
import { type GeneralName, readGeneralNames } from './general-name.ts'
import { Name } from './name.ts'
import { canonicalName } from './name-comparison.ts'
import { readOnePem, viewPem, writePem } from './pem.ts'
import { readPublicKeyInfo } from './public-key-info.ts'

/** Options of every reader of certificates. */
export interface ReadCertificateOptions {
  /** Deviations from RFC 5280 that are allowed, each by name. None by default. */
  readonly leniency?: readonly CertificateLeniency[] | undefined
}

const CERTIFICATE_LABELS = ['CERTIFICATE']
const NO_LENIENCY: readonly CertificateLeniency[] = []

/**
 * An X.509 certificate (RFC 5280 §4.1).
 *
 * Reading checks the whole structure as DER, every extension of RFC 5280 §4.2 to its last byte, and
 * copies the input once; afterwards no getter throws. It does not check the signature, the time, or
 * whether anybody trusts it: that is `mesh-pki/verify`.
 *
 * @example
 * ```ts
 * import { Certificate } from 'mesh-pki/x509'
 *
 * declare const pem: string
 * const certificate = Certificate.fromPem(pem)
 * console.log(String(certificate.subject), certificate.notAfter.toISOString())
 * for (const name of certificate.subjectAltNames) if (name.type === 'uri') console.log(name.value)
 * ```
 */
export class Certificate {
  readonly #der: Uint8Array
  readonly #layout: CertificateLayout

  private constructor(der: Uint8Array, layout: CertificateLayout) {
    this.#der = der
    this.#layout = layout
  }

  /**
   * Reads one DER certificate that fills the input.
   *
   * @throws `MeshPkiError` with an `ERR_DER_…` code for what is not strict DER, and with
   * `ERR_CERTIFICATE_…` for what DER allows but RFC 5280 does not.
   */
  static fromDer(der: Uint8Array, options?: ReadCertificateOptions): Certificate {
    if (!(der instanceof Uint8Array))
      throw new TypeError(
        `a certificate in DER must be a Uint8Array; got ${der === null ? 'null' : typeof der}`,
      )
    checkCertificateSize(der)
    const copy = new Uint8Array(der)
    return new Certificate(copy, readLayout(copy, options))
  }

  /**
   * Reads the one PEM block `CERTIFICATE` of a text.
   *
   * @throws `MeshPkiError` `ERR_PEM_…` for the text, `ERR_PEM_BLOCK_COUNT` for two blocks, and what {@link fromDer} throws.
   */
  static fromPem(pem: string | Uint8Array, options?: ReadCertificateOptions): Certificate {
    const { der } = readOnePem(pem, CERTIFICATE_LABELS)
    return new Certificate(der, readLayout(der, options))
  }

  /**
   * Reads every PEM block `CERTIFICATE` of a text, in order; at least one.
   *
   * @throws as {@link fromPem}; the message names the block and its line.
   */
  static listFromPem(pem: string | Uint8Array, options?: ReadCertificateOptions): readonly Certificate[] {
    const leniency = readLeniency(options)
    return viewPem(pem, CERTIFICATE_LABELS).map(({ der, index, line }) => {
      try {
        return new Certificate(der, readCertificateLayout(der, leniency))
      } catch (error) {
        if (!(error instanceof MeshPkiError)) throw error
        throw new MeshPkiError(error.code, `PEM block ${index} at line ${line}: ${error.message}`, {
          data: { ...error.data, block: index, line },
          cause: error,
        })
      }
    })
  }

  /** @internal A certificate over bytes that we made and that nobody will change, read as strictly as any. */
  static own(der: Uint8Array): Certificate {
    return new Certificate(der, readCertificateLayout(der, []))
  }

  /** @internal A certificate over a copy of a peer's bytes that nobody will change. */
  static overCopy(der: Uint8Array, leniency: readonly CertificateLeniency[]): Certificate {
    return new Certificate(der, readCertificateLayout(der, leniency))
  }

  /** @internal A certificate over bytes that were read before, with any leniency, and that nobody will change. */
  static view(der: Uint8Array): Certificate {
    return new Certificate(der, readCertificateLayout(der, ALL_LENIENCIES))
  }

  /** A copy of the DER. */
  get der(): Uint8Array {
    return this.#der.slice()
  }

  /** 1, 2 or 3. */
  get version(): number {
    return this.#layout.version
  }

  /** The serial number, lower-case hex in whole octets; a negative one has a minus sign. */
  get serialNumber(): string {
    const { serialStart, serialEnd } = this.#layout
    return integerHex(this.#der, serialStart, serialEnd)
  }

  /** The subject; empty in most workload certificates. */
  get subject(): Name {
    return Name.view(this.#der, this.#layout.subjectStart, this.#layout.subjectEnd)
  }

  /** The name of the CA that signed it. */
  get issuer(): Name {
    return Name.view(this.#der, this.#layout.issuerStart, this.#layout.issuerEnd)
  }

  /** The first instant at which it is valid. */
  get notBefore(): Date {
    return new Date(this.#layout.notBefore)
  }

  /** The last instant at which it is valid: this second is still inside (RFC 5280 §4.1.2.5). */
  get notAfter(): Date {
    return new Date(this.#layout.notAfter)
  }

  /** Whether basic constraints say that it is a CA's. */
  get isCa(): boolean {
    return isCaOf(this.#layout)
  }

  /** How many CAs that are not self-issued may follow below; `undefined` for no limit. */
  get pathLength(): number | undefined {
    const { basicConstraints } = this.#layout
    return basicConstraints < 2 ? undefined : Math.floor(basicConstraints / 2) - 1
  }

  /** Key usage; `undefined` without the extension, which means any use. */
  get keyUsage(): readonly KeyUsageName[] | undefined {
    return keyUsageOf(this.#layout)
  }

  /** Extended key usage; `undefined` without the extension. */
  get extendedKeyUsage(): readonly Oid[] | undefined {
    return extendedKeyUsageOf(this.#der, this.#layout)
  }

  /** Subject alternative names, in order; empty without the extension. */
  get subjectAltNames(): readonly GeneralName[] {
    return subjectAltNamesOf(this.#der, this.#layout)
  }

  /** Issuer alternative names; empty without the extension. */
  get issuerAltNames(): readonly GeneralName[] {
    const cursor = this.#certificateExtension(ExtensionArc.issuerAltName)
    return cursor === undefined ? [] : readGeneralNames(cursor)
  }

  /** The subject key identifier, hex; `undefined` without the extension. */
  get subjectKeyIdentifier(): string | undefined {
    const { subjectKeyIdStart, subjectKeyIdEnd } = this.#layout
    return subjectKeyIdStart === 0 ? undefined : toHex(this.#der, subjectKeyIdStart, subjectKeyIdEnd)
  }

  /** The key identifier of the issuer, hex; `undefined` without it. */
  get authorityKeyIdentifier(): string | undefined {
    const { authorityKeyIdStart, authorityKeyIdEnd } = this.#layout
    return authorityKeyIdStart === 0 ? undefined : toHex(this.#der, authorityKeyIdStart, authorityKeyIdEnd)
  }

  /** The whole authority key identifier with its rare fields; `undefined` without the extension. */
  get authorityKeyIdentifierFields(): AuthorityKeyIdentifier | undefined {
    const cursor = this.#certificateExtension(ExtensionArc.authorityKeyIdentifier)
    return cursor === undefined ? undefined : readAuthorityKeyIdentifier(cursor)
  }

  /** Name constraints; `undefined` without the extension. */
  get nameConstraints(): NameConstraints | undefined {
    const { nameConstraintsStart } = this.#layout
    return nameConstraintsStart === 0
      ? undefined
      : readNameConstraints(new DerCursor(this.#der, nameConstraintsStart))
  }

  /** Certificate policies; `undefined` without the extension. */
  get certificatePolicies(): readonly PolicyInformation[] | undefined {
    const cursor = this.#certificateExtension(ExtensionArc.certificatePolicies)
    return cursor === undefined ? undefined : readCertificatePolicies(cursor)
  }

  /** Policy mappings; `undefined` without the extension. */
  get policyMappings(): readonly PolicyMapping[] | undefined {
    const cursor = this.#certificateExtension(ExtensionArc.policyMappings)
    return cursor === undefined ? undefined : readPolicyMappings(cursor)
  }

  /** Policy constraints; `undefined` without the extension. */
  get policyConstraints(): PolicyConstraints | undefined {
    const cursor = this.#certificateExtension(ExtensionArc.policyConstraints)
    return cursor === undefined ? undefined : readPolicyConstraints(cursor)
  }

  /** Inhibit-any-policy's count; `undefined` without the extension. */
  get inhibitAnyPolicy(): number | undefined {
    const cursor = this.#certificateExtension(ExtensionArc.inhibitAnyPolicy)
    return cursor === undefined ? undefined : readInhibitAnyPolicy(cursor)
  }

  /** CRL distribution points; `undefined` without the extension. */
  get crlDistributionPoints(): readonly DistributionPoint[] | undefined {
    const cursor = this.#certificateExtension(ExtensionArc.cRLDistributionPoints)
    return cursor === undefined ? undefined : readDistributionPoints(cursor)
  }

  /** Where delta CRLs are; `undefined` without the extension. */
  get freshestCrl(): readonly DistributionPoint[] | undefined {
    const cursor = this.#certificateExtension(ExtensionArc.freshestCRL)
    return cursor === undefined ? undefined : readDistributionPoints(cursor)
  }

  /** Subject directory attributes; `undefined` without the extension. */
  get subjectDirectoryAttributes(): readonly DirectoryAttribute[] | undefined {
    const cursor = this.#certificateExtension(ExtensionArc.subjectDirectoryAttributes)
    return cursor === undefined ? undefined : readDirectoryAttributes(cursor)
  }

  /** Authority information access; `undefined` without the extension. */
  get authorityInfoAccess(): readonly AccessDescription[] | undefined {
    const cursor = findExtension(this.#der, this.#layout, AUTHORITY_INFO_ACCESS)
    return cursor === undefined ? undefined : readAccessDescriptions(cursor, 'authorityInfoAccess')
  }

  /** Subject information access; `undefined` without the extension. */
  get subjectInfoAccess(): readonly AccessDescription[] | undefined {
    const cursor = findExtension(this.#der, this.#layout, SUBJECT_INFO_ACCESS)
    return cursor === undefined ? undefined : readAccessDescriptions(cursor, 'subjectInfoAccess')
  }

  /** Every extension in order, opaque ones too. */
  get extensions(): readonly Extension[] {
    return readExtensionList(this.#der, this.#layout)
  }

  /** SubjectPublicKeyInfo, DER, a copy. */
  get publicKey(): Uint8Array {
    return this.#der.slice(this.#layout.publicKeyStart, this.#layout.publicKeyEnd)
  }

  /** What kind of key it is: `P-256`, `Ed25519`, `RSA-2048`, … or a description of a kind that is not used here. */
  get publicKeyType(): string {
    return readPublicKeyInfo(this.#der, this.#layout.publicKeyStart, this.#layout.publicKeyEnd).description
  }

  /** How it was signed; `undefined` for an algorithm that this library does not accept. */
  get signatureAlgorithm(): SignatureAlgorithm | undefined {
    return readSignatureAlgorithm(this.#der, this.#layout.algorithmStart, this.#layout.algorithmEnd)
  }

  /** The signature's algorithm in words, also where it is not accepted: `SHA-1 with RSA (1.2.840…)`. */
  get signatureAlgorithmDescription(): string {
    return describeAlgorithm(this.#der, this.#layout.algorithmStart, this.#layout.algorithmEnd)
  }

  /** The signature's octets, a copy. */
  get signature(): Uint8Array {
    return this.#der.slice(this.#layout.signatureStart, this.#layout.signatureEnd)
  }

  /** Whether subject and issuer are the same name (RFC 5280 §3.2, §7.1). It says nothing about who signed. */
  get isSelfIssued(): boolean {
    const { subjectStart, subjectEnd, issuerStart, issuerEnd } = this.#layout
    if (equalRange(this.#der, subjectStart, subjectEnd, this.#der, issuerStart, issuerEnd)) return true
    const { subject, issuer } = Certificate.namesOf(this)
    return subject === issuer
  }

  /** SHA-256 of the DER, lower-case hex. */
  fingerprint(): string {
    return toHex(sha256(this.#der))
  }

  /** SHA-256 of the SubjectPublicKeyInfo, lower-case hex: the same for every certificate of one key, as `PrivateKey.fingerprint()`. */
  publicKeyFingerprint(): string {
    const { publicKeyStart, publicKeyEnd } = this.#layout
    return toHex(sha256(this.#der.subarray(publicKeyStart, publicKeyEnd)))
  }

  /** Whether both are the same bytes. */
  equals(other: Certificate): boolean {
    return other instanceof Certificate && equalBytes(this.#der, other.#der)
  }

  /** One PEM block, with a final line end. */
  toPem(): string {
    return writePem('CERTIFICATE', this.#der)
  }

  /** The PEM. */
  toString(): string {
    return this.toPem()
  }

  /** @internal The bytes themselves. Never changed, never handed out. */
  static bytesOf(certificate: Certificate): Uint8Array {
    return certificate.#der
  }

  /** @internal Where its parts are. */
  static layoutOf(certificate: Certificate): CertificateLayout {
    return certificate.#layout
  }

  /** @internal Its names as they are compared, made once: a search compares them on every path. */
  static namesOf(certificate: Certificate): CertificateNames {
    const bytes = certificate.#der
    const layout = certificate.#layout
    layout.names ??= {
      subject: canonicalName(bytes, layout.subjectStart, layout.subjectEnd),
      issuer: canonicalName(bytes, layout.issuerStart, layout.issuerEnd),
    }
    return layout.names
  }

  #certificateExtension(arc: number): DerCursor | undefined {
    return findCertificateExtension(this.#der, this.#layout, arc)
  }
}

function readLayout(der: Uint8Array, options: ReadCertificateOptions | undefined): CertificateLayout {
  return readCertificateLayout(der, readLeniency(options))
}

function readLeniency(options: ReadCertificateOptions | undefined): readonly CertificateLeniency[] {
  if (options === undefined) return NO_LENIENCY
  checkOptionNames(options, ['leniency'], 'reading a certificate')
  const { leniency = NO_LENIENCY } = options
  if (!Array.isArray(leniency))
    throw new TypeError(`option "leniency" must be an array; got ${typeName(leniency)}`)
  for (const one of leniency) checkOneOf(one, ALL_LENIENCIES, 'leniency')
  return leniency
}
