/**
 * Certificate revocation lists as immutable values over strictly read DER.
 *
 * @module
 */

import { sha256 } from '@noble/hashes/sha2.js'
import { MeshPkiError } from '../errors.ts'
import { equalBytes, integerFromHex, toHex } from '../internal/bytes.ts'
import { DerCursor } from '../internal/der.ts'
import { typeName } from '../internal/options.ts'
import { quote } from '../internal/text.ts'
import { describeAlgorithm, readSignatureAlgorithm, type SignatureAlgorithm } from './algorithm-identifier.ts'
import { Certificate } from './certificate.ts'
import {
  type CertificateListLayout,
  checkCrlSize,
  readCertificateListLayout,
} from './certificate-list-walker.ts'
import { type Extension, findCertificateExtension, readExtensionList } from './extension-list.ts'
import { ExtensionArc } from './extension-walker.ts'
import { type DistributionPoint, readDistributionPoints } from './extensions/distribution-points.ts'
import {
  type IssuingDistributionPoint,
  readIssuingDistributionPoint,
} from './extensions/issuing-distribution-point.ts'
import { type AuthorityKeyIdentifier, readAuthorityKeyIdentifier } from './extensions/key-identifier.ts'
import { Name } from './name.ts'
import { readOnePem, viewPem, writePem } from './pem.ts'
import { RevocationIndex } from './revocation-index.ts'
import {
  describeEntry,
  type RevokedCertificate,
  RevokedEntry,
  readCertificateIssuers,
  walkRevokedEntry,
} from './revoked-certificate.ts'

const CRL_LABELS = ['X509 CRL']

/**
 * Entries of one serial number that are looked at. An indirect CRL has one for each issuer that used the number;
 * where there are more than anybody has issuers, the last one is taken for the one that was sought.
 */
const MAX_SAME_SERIAL = 1024

/**
 * A certificate revocation list (RFC 5280 §5.1).
 *
 * Reading checks the whole structure as DER, every entry included, and copies the input once; afterwards no
 * getter throws. Entries become objects only when asked for, and are found by serial number in some
 * microseconds. It does not check the signature, the time, or the scope: that is `mesh-pki/verify`.
 *
 * A list without `nextUpdate` keeps its entries: RFC 5280 §5.1.2.4 asks CAs for the field, but what such a
 * list revokes is revoked.
 *
 * @example
 * ```ts
 * import { type Certificate, CertificateList } from 'mesh-pki/x509'
 *
 * declare const pem: string, certificate: Certificate
 * const crl = CertificateList.fromPem(pem)
 * const entry = crl.find(certificate)
 * if (entry !== undefined) console.log(entry.revocationDate.toISOString(), entry.reason)
 * ```
 */
export class CertificateList {
  readonly #der: Uint8Array
  readonly #layout: CertificateListLayout
  #index: RevocationIndex | undefined

  private constructor(der: Uint8Array) {
    this.#der = der
    this.#layout = readCertificateListLayout(der)
  }

  /**
   * Reads one DER CRL that fills the input.
   *
   * @throws `MeshPkiError` with an `ERR_DER_…` code for what is not strict DER, and with `ERR_CRL_…` or
   * `ERR_CERTIFICATE_…` (its extensions) for what DER allows but RFC 5280 does not.
   */
  static fromDer(der: Uint8Array): CertificateList {
    if (!(der instanceof Uint8Array))
      throw new TypeError(`a CRL in DER must be a Uint8Array; got ${typeName(der)}`)
    checkCrlSize(der)
    return new CertificateList(new Uint8Array(der))
  }

  /** Reads the one PEM block `X509 CRL` of a text. @throws `MeshPkiError` `ERR_PEM_…`, and what {@link fromDer} throws. */
  static fromPem(pem: string | Uint8Array): CertificateList {
    return new CertificateList(readOnePem(pem, CRL_LABELS).der)
  }

  /** Reads every PEM block `X509 CRL` of a text, in order; at least one. @throws as {@link fromPem}, naming block and line. */
  static listFromPem(pem: string | Uint8Array): readonly CertificateList[] {
    return viewPem(pem, CRL_LABELS).map(({ der, index, line }) => {
      try {
        return new CertificateList(der)
      } catch (error) {
        if (!(error instanceof MeshPkiError)) throw error
        throw new MeshPkiError(error.code, `PEM block ${index} at line ${line}: ${error.message}`, {
          data: { ...error.data, block: index, line },
          cause: error,
        })
      }
    })
  }

  /** A copy of the DER. */
  get der(): Uint8Array {
    return this.#der.slice()
  }

  /** 1 or 2. */
  get version(): number {
    return this.#layout.version
  }

  /** The name of whoever signed it. */
  get issuer(): Name {
    return Name.view(this.#der, this.#layout.issuerStart, this.#layout.issuerEnd)
  }

  /** When it was issued. */
  get thisUpdate(): Date {
    return new Date(this.#layout.thisUpdate)
  }

  /** By when the next one is issued; `undefined` where the list does not say. */
  get nextUpdate(): Date | undefined {
    const { nextUpdate } = this.#layout
    return nextUpdate === undefined ? undefined : new Date(nextUpdate)
  }

  /** How many entries it has. */
  get size(): number {
    return this.#layout.entryCount
  }

  /** The CRL number (RFC 5280 §5.2.3); `undefined` without the extension. */
  get crlNumber(): bigint | undefined {
    return this.#number(ExtensionArc.cRLNumber)
  }

  /** The number of the complete CRL that this delta CRL starts from (RFC 5280 §5.2.4); `undefined` in a complete CRL. */
  get baseCrlNumber(): bigint | undefined {
    return this.#number(ExtensionArc.deltaCRLIndicator)
  }

  /** Whether it holds only what changed since another CRL. */
  get isDelta(): boolean {
    return this.baseCrlNumber !== undefined
  }

  /** The key identifier of its signer, hex; `undefined` without it. */
  get authorityKeyIdentifier(): string | undefined {
    const { authorityKeyIdStart, authorityKeyIdEnd } = this.#layout
    return authorityKeyIdStart === 0 ? undefined : toHex(this.#der, authorityKeyIdStart, authorityKeyIdEnd)
  }

  /** The whole authority key identifier with its rare fields; `undefined` without the extension. */
  get authorityKeyIdentifierFields(): AuthorityKeyIdentifier | undefined {
    const cursor = findCertificateExtension(this.#der, this.#layout, ExtensionArc.authorityKeyIdentifier)
    return cursor === undefined ? undefined : readAuthorityKeyIdentifier(cursor)
  }

  /** Which certificates it speaks about; `undefined` for all of its issuer's. */
  get issuingDistributionPoint(): IssuingDistributionPoint | undefined {
    const cursor = findCertificateExtension(this.#der, this.#layout, ExtensionArc.issuingDistributionPoint)
    return cursor === undefined ? undefined : readIssuingDistributionPoint(cursor)
  }

  /** Where its delta CRLs are; `undefined` without the extension. */
  get freshestCrl(): readonly DistributionPoint[] | undefined {
    const cursor = findCertificateExtension(this.#der, this.#layout, ExtensionArc.freshestCRL)
    return cursor === undefined ? undefined : readDistributionPoints(cursor)
  }

  /** Every extension in order, opaque ones too. */
  get extensions(): readonly Extension[] {
    return readExtensionList(this.#der, this.#layout)
  }

  /** How it was signed; `undefined` for an algorithm that this library does not accept. */
  get signatureAlgorithm(): SignatureAlgorithm | undefined {
    return readSignatureAlgorithm(this.#der, this.#layout.algorithmStart, this.#layout.algorithmEnd)
  }

  /** The signature's algorithm in words, also where it is not accepted. */
  get signatureAlgorithmDescription(): string {
    return describeAlgorithm(this.#der, this.#layout.algorithmStart, this.#layout.algorithmEnd)
  }

  /** The signature's octets, a copy. */
  get signature(): Uint8Array {
    return this.#der.slice(this.#layout.signatureStart, this.#layout.signatureEnd)
  }

  /**
   * The entry of a certificate, by its issuer and serial number, or of a serial number of the CRL's own issuer
   * in hex; `undefined` where it is not listed. In a delta CRL an entry may say `removeFromCRL`; where a serial
   * number stands twice, an entry that revokes is preferred.
   *
   * **Warning**: it does not ask whether the CRL is genuine, current, or about this certificate.
   */
  find(certificate: Certificate | string): RevokedCertificate | undefined {
    const { bytes, start, end, issuer } = this.#sought(certificate)
    let found: RevokedCertificate | undefined
    let met = 0
    /** Entries share the issuer of one before them: each is compared once. */
    const issuers = new Map<number, Name | undefined>()
    this.#index ??= new RevocationIndex(this.#der, this.#layout)
    this.#index.forEach(bytes, start, end, (entry, issuerStart) => {
      if (!issuers.has(issuerStart))
        issuers.set(
          issuerStart,
          this.#issuersAt(issuerStart).find((name) => name.equals(issuer)),
        )
      const named = issuers.get(issuerStart)
      const endless = ++met === MAX_SAME_SERIAL
      if (named === undefined && !endless) return false
      found = describeEntry(this.#der, entry, named ?? issuer)
      return endless || found.reason !== 'removeFromCRL'
    })
    return found
  }

  #sought(certificate: Certificate | string): {
    readonly bytes: Uint8Array
    readonly start: number
    readonly end: number
    readonly issuer: Name
  } {
    if (certificate instanceof Certificate) {
      const { serialStart: start, serialEnd: end } = Certificate.layoutOf(certificate)
      return { bytes: Certificate.bytesOf(certificate), start, end, issuer: certificate.issuer }
    }
    const bytes = typeof certificate === 'string' ? integerFromHex(certificate) : undefined
    if (bytes === undefined)
      throw new TypeError(
        `find takes a Certificate or a serial number in whole octets of hex, as Certificate.serialNumber has it; got ${typeof certificate === 'string' ? quote(certificate, 64) : typeName(certificate)}`,
      )
    return { bytes, start: 0, end: bytes.length, issuer: this.issuer }
  }

  /** Every entry, in order. */
  *[Symbol.iterator](): IterableIterator<RevokedCertificate> {
    const { entriesStart, entriesEnd, version } = this.#layout
    const cursor = new DerCursor(this.#der, entriesStart, entriesEnd)
    const entry = new RevokedEntry()
    let issuer = this.issuer
    while (cursor.offset < entriesEnd) {
      walkRevokedEntry(cursor, version === 2, entry)
      if (entry.issuerStart !== 0) issuer = this.#issuersAt(entry.issuerStart)[0] ?? issuer
      yield describeEntry(this.#der, entry, issuer)
    }
  }

  /** The names that an entry's issuer goes by, at least one. */
  #issuersAt(issuerStart: number): readonly Name[] {
    return issuerStart === 0 ? [this.issuer] : readCertificateIssuers(this.#der, issuerStart)
  }

  #number(arc: number): bigint | undefined {
    const cursor = findCertificateExtension(this.#der, this.#layout, arc)
    if (cursor === undefined) return undefined
    const start = cursor.integer('CRLNumber')
    return BigInt(`0x${toHex(this.#der, start, cursor.offset)}`)
  }

  /** SHA-256 of the DER, lower-case hex. */
  fingerprint(): string {
    return toHex(sha256(this.#der))
  }

  /** Whether both are the same bytes. */
  equals(other: CertificateList): boolean {
    return other instanceof CertificateList && equalBytes(this.#der, other.#der)
  }

  /** One PEM block, with a final line end. */
  toPem(): string {
    return writePem('X509 CRL', this.#der)
  }

  /** The PEM. */
  toString(): string {
    return this.toPem()
  }

  /** @internal The bytes themselves. Never changed, never handed out. */
  static bytesOf(list: CertificateList): Uint8Array {
    return list.#der
  }

  /** @internal The value of its issuing distribution point, a view. */
  static scopeOf(list: CertificateList): Uint8Array | undefined {
    const cursor = findCertificateExtension(list.#der, list.#layout, ExtensionArc.issuingDistributionPoint)
    return cursor === undefined ? undefined : list.#der.subarray(cursor.offset, cursor.limit)
  }

  /** @internal Where its parts are. */
  static layoutOf(list: CertificateList): CertificateListLayout {
    return list.#layout
  }
}

/** What functions that need a CRL accept: ours, DER, or PEM, which may hold several. */
export type CertificateListInput = CertificateList | Uint8Array | string
