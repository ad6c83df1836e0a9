/**
 * Trust anchors that are no certificates: a name and a key (RFC 5280 §6.1.1 (d)).
 *
 * @module
 */

import { concatBytes, fromHex, toHex } from '../internal/bytes.ts'
import { DerCursor } from '../internal/der.ts'
import { checkOptionNames, typeName } from '../internal/options.ts'
import { quote } from '../internal/text.ts'
import { Certificate } from '../x509/certificate.ts'
import { certificateLabel, nameLabel } from '../x509/certificate-label.ts'
import { CertificateLayout } from '../x509/certificate-layout.ts'
import { Name, type NameInput, readNameOption } from '../x509/name.ts'
import { canonicalName } from '../x509/name-comparison.ts'
import { readPublicKeyInfo, walkPublicKeyInfo } from '../x509/public-key-info.ts'
import { checkPublicKeyInfo } from '../x509/verification-key.ts'
import { PathError } from './path-error.ts'

/** What a {@link TrustAnchor} is made of. */
export interface TrustAnchorParameters {
  /** The name that certificates below it have as their issuer. */
  readonly subject: NameInput
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKey: Uint8Array
  /** Its key identifier in hex, if certificates below it name one: it is found sooner. */
  readonly subjectKeyIdentifier?: string | undefined
}

/**
 * A name and a key that are trusted, without a certificate.
 *
 * **Warning**: there is nothing that could expire or constrain it. Prefer the root's certificate where
 * there is one: its validity, path length, name constraints and purposes count.
 *
 * @example
 * ```ts
 * import { TrustAnchor, verifyPath } from 'mesh-pki/verify'
 *
 * declare const publicKey: Uint8Array, leaf: Uint8Array
 * const anchor = TrustAnchor.from({ subject: 'CN=Root CA,O=Istio', publicKey })
 * await verifyPath(leaf, { anchors: [anchor], purpose: 'clientAuth' })
 * ```
 */
export class TrustAnchor {
  readonly #bytes: Uint8Array
  readonly #layout: CertificateLayout

  private constructor(bytes: Uint8Array, layout: CertificateLayout) {
    this.#bytes = bytes
    this.#layout = layout
  }

  /**
   * Makes an anchor of a name and a key.
   *
   * @throws `MeshPkiError` `ERR_NAME_SYNTAX`, `ERR_DER_…` and `ERR_KEY_…` for what cannot be read or used;
   * `ERR_PATH_ANCHOR` for an empty name, which would vouch for every nameless issuer.
   */
  static from(parameters: TrustAnchorParameters): TrustAnchor {
    checkOptionNames(parameters, ['subject', 'publicKey', 'subjectKeyIdentifier'], 'TrustAnchor.from')
    const { publicKey, subjectKeyIdentifier } = parameters
    if (!(publicKey instanceof Uint8Array))
      throw new TypeError(`option "publicKey" must be a Uint8Array; got ${typeName(publicKey)}`)
    const subject = readNameOption(parameters.subject, 'subject')
    if (subject.isEmpty)
      throw new PathError(
        'ERR_PATH_ANCHOR',
        'a trust anchor needs a name: an empty one would vouch for every issuer without a name',
      )
    const keyId = subjectKeyIdentifier === undefined ? new Uint8Array() : fromHex(subjectKeyIdentifier)
    if (keyId === undefined || (subjectKeyIdentifier !== undefined && keyId.length === 0))
      throw new TypeError('option "subjectKeyIdentifier" must be whole octets in hex')
    const bytes = concatBytes([subject.der, publicKey, keyId])
    const layout = new CertificateLayout()
    layout.subjectEnd = subject.der.length
    layout.publicKeyStart = layout.subjectEnd
    layout.publicKeyEnd = layout.publicKeyStart + publicKey.length
    if (keyId.length > 0) {
      layout.subjectKeyIdStart = layout.publicKeyEnd
      layout.subjectKeyIdEnd = bytes.length
    }
    const cursor = new DerCursor(bytes, layout.publicKeyStart, layout.publicKeyEnd)
    walkPublicKeyInfo(cursor)
    if (!cursor.atEnd) cursor.fail('ERR_DER_TRAILING_DATA', 'publicKey', 'bytes after the key')
    checkPublicKeyInfo(readPublicKeyInfo(bytes, layout.publicKeyStart, layout.publicKeyEnd))
    return new TrustAnchor(bytes, layout)
  }

  /** Its name. */
  get subject(): Name {
    return Name.view(this.#bytes, this.#layout.subjectStart, this.#layout.subjectEnd)
  }

  /** SubjectPublicKeyInfo, DER, a copy. */
  get publicKey(): Uint8Array {
    return this.#bytes.slice(this.#layout.publicKeyStart, this.#layout.publicKeyEnd)
  }

  /** Its key identifier, hex; `undefined` where none was given. */
  get subjectKeyIdentifier(): string | undefined {
    const { subjectKeyIdStart, subjectKeyIdEnd } = this.#layout
    return subjectKeyIdStart === 0 ? undefined : toHex(this.#bytes, subjectKeyIdStart, subjectKeyIdEnd)
  }

  /** The name, in words. */
  toString(): string {
    return `TrustAnchor(${quote(String(this.subject))})`
  }

  /** @internal Name, key and key identifier, one behind the other. */
  static bytesOf(anchor: TrustAnchor): Uint8Array {
    return anchor.#bytes
  }

  /** @internal Where they are. */
  static layoutOf(anchor: TrustAnchor): CertificateLayout {
    return anchor.#layout
  }
}

/** What may have issued a certificate: a CA's certificate, or a name and a key that are trusted. */
export type Issuer = Certificate | TrustAnchor

/** The bytes that {@link layoutOf} speaks about. */
export function bytesOf(issuer: Issuer): Uint8Array {
  return issuer instanceof TrustAnchor ? TrustAnchor.bytesOf(issuer) : Certificate.bytesOf(issuer)
}

/** Where name, key and key identifier of an issuer are; of a certificate, everything. */
export function layoutOf(issuer: Issuer): CertificateLayout {
  return issuer instanceof TrustAnchor ? TrustAnchor.layoutOf(issuer) : Certificate.layoutOf(issuer)
}

/** The subject of an issuer as it is compared (RFC 5280 §7.1). */
export function subjectKeyOf(issuer: Issuer): string {
  if (issuer instanceof Certificate) return Certificate.namesOf(issuer).subject
  const { subjectStart, subjectEnd } = layoutOf(issuer)
  return canonicalName(bytesOf(issuer), subjectStart, subjectEnd)
}

/** An issuer in a few words. */
export function issuerLabel(issuer: Issuer): string {
  return issuer instanceof TrustAnchor
    ? `${nameLabel(issuer.subject)} (a name and a key)`
    : certificateLabel(issuer)
}
