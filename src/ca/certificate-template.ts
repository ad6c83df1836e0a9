/**
 * The bytes of a certificate that one issuer and profile always write the same, encoded once.
 *
 * @module
 */

import { concatBytes } from '../internal/bytes.ts'
import { context, Tag } from '../internal/der.ts'
import { derTime } from '../internal/der-time.ts'
import { headerLength, writeHeader } from '../internal/der-writer.ts'
import { encodeSignatureAlgorithm, type SignatureAlgorithm } from '../x509/algorithm-identifier.ts'
import {
  type EncodedExtension,
  encodeFixedExtensions,
  encodeSubjectAltName,
  encodeSubjectKeyIdentifier,
} from './extension-encoder.ts'
import { type CertificateProfile, type ProfileExtension, usagesOf } from './profiles/certificate-profile.ts'

/** What a template is made for. */
export interface TemplateParameters {
  readonly profile: CertificateProfile
  /** DER of the issuer's name. */
  readonly issuer: Uint8Array
  readonly algorithm: SignatureAlgorithm
  readonly pathLength: number | undefined
  readonly authorityKeyId: Uint8Array | undefined
  /** Whether the subjects' keys encipher: RSA. */
  readonly enciphers: boolean
}

/** What varies from one certificate to the next. */
export interface CertificateValues {
  /** Content of the INTEGER. */
  readonly serialNumber: Uint8Array
  /** Milliseconds since the epoch, whole seconds. */
  readonly notBefore: number
  readonly notAfter: number
  /** DER of the subject. */
  readonly subject: Uint8Array
  /** SubjectPublicKeyInfo. */
  readonly publicKey: Uint8Array
  readonly subjectKeyId: Uint8Array | undefined
  /** DER of GeneralNames. */
  readonly subjectAltNames: Uint8Array | undefined
  /** The whole extension. */
  readonly nameConstraints?: EncodedExtension | undefined
}

/** `[0] { INTEGER 2 }`: version 3. */
const VERSION_3: Uint8Array = /* @__PURE__ */ Uint8Array.of(0xa0, 3, 2, 1, 2)

/**
 * Splices serial number, validity, subject, key and names into constant bytes. What comes out equals what
 * `@peculiar/x509` builds from the same values, byte for byte; a property test compares.
 */
export class CertificateTemplate {
  readonly #profile: CertificateProfile
  readonly #criticalNames: boolean
  /** Signature algorithm and issuer, which stand side by side. */
  readonly #signatureAndIssuer: Uint8Array
  /** Extensions in order; `undefined` where one varies. */
  readonly #extensions: readonly (EncodedExtension | undefined)[]
  readonly #notBefore = new LastTime()
  readonly #notAfter = new LastTime()

  private constructor(
    profile: CertificateProfile,
    signatureAndIssuer: Uint8Array,
    extensions: readonly (EncodedExtension | undefined)[],
  ) {
    this.#profile = profile
    this.#criticalNames = profile.critical.includes('subjectAltName')
    this.#signatureAndIssuer = signatureAndIssuer
    this.#extensions = extensions
  }

  /** Encodes what is constant. */
  static async compile(parameters: TemplateParameters): Promise<CertificateTemplate> {
    const { profile, enciphers } = parameters
    const isCa = profile.role !== 'end-entity'
    const isCritical = (name: ProfileExtension): boolean => profile.critical.includes(name)
    const fixed = await encodeFixedExtensions({
      isCa,
      pathLength: parameters.pathLength,
      basicConstraintsCritical: isCritical('basicConstraints'),
      keyUsageCritical: isCritical('keyUsage'),
      extendedKeyUsage: profile.extendedKeyUsage,
      extendedKeyUsageCritical: isCritical('extendedKeyUsage'),
      keyUsage: usagesOf(profile, enciphers).keyUsage,
      authorityKeyId: parameters.authorityKeyId,
    })
    return new CertificateTemplate(
      profile,
      concatBytes([encodeSignatureAlgorithm(parameters.algorithm), parameters.issuer]),
      profile.extensions.map((name) => (isVarying(name) ? undefined : fixed[name])),
    )
  }

  /** DER of the TBSCertificate. */
  build(values: CertificateValues): Uint8Array<ArrayBuffer> {
    const { serialNumber, subject, publicKey } = values
    const notBefore = this.#notBefore.encode(values.notBefore)
    const notAfter = this.#notAfter.encode(values.notAfter)
    const extensions = this.#extensionsOf(values)
    let extensionsLength = 0
    for (const extension of extensions) extensionsLength += extension.length
    const validityLength = notBefore.length + notAfter.length
    const listLength = headerLength(extensionsLength) + extensionsLength
    const length =
      VERSION_3.length +
      headerLength(serialNumber.length) +
      serialNumber.length +
      this.#signatureAndIssuer.length +
      headerLength(validityLength) +
      validityLength +
      subject.length +
      publicKey.length +
      headerLength(listLength) +
      listLength

    const tbs = new Uint8Array(headerLength(length) + length)
    let at = writeHeader(tbs, 0, Tag.SEQUENCE, length)
    const append = (bytes: Uint8Array): void => {
      tbs.set(bytes, at)
      at += bytes.length
    }
    append(VERSION_3)
    at = writeHeader(tbs, at, Tag.INTEGER, serialNumber.length)
    append(serialNumber)
    append(this.#signatureAndIssuer)
    at = writeHeader(tbs, at, Tag.SEQUENCE, validityLength)
    append(notBefore)
    append(notAfter)
    append(subject)
    append(publicKey)
    at = writeHeader(tbs, at, context(3), listLength)
    at = writeHeader(tbs, at, Tag.SEQUENCE, extensionsLength)
    for (const extension of extensions) append(extension)
    return tbs
  }

  #extensionsOf(values: CertificateValues): readonly EncodedExtension[] {
    const encoded: EncodedExtension[] = []
    let i = 0
    for (const name of this.#profile.extensions) {
      const extension = this.#extensions[i++] ?? this.#varying(name, values)
      if (extension !== undefined && extension.length > 0) encoded.push(extension)
    }
    return encoded
  }

  #varying(name: ProfileExtension, values: CertificateValues): EncodedExtension | undefined {
    switch (name) {
      case 'subjectKeyIdentifier':
        return values.subjectKeyId === undefined ? undefined : encodeSubjectKeyIdentifier(values.subjectKeyId)
      case 'subjectAltName': {
        const critical = this.#criticalNames || values.subject.length === 2
        return values.subjectAltNames === undefined
          ? undefined
          : encodeSubjectAltName(values.subjectAltNames, critical)
      }
      case 'nameConstraints':
        return values.nameConstraints
      default:
        return undefined
    }
  }
}

function isVarying(
  name: ProfileExtension,
): name is 'subjectKeyIdentifier' | 'subjectAltName' | 'nameConstraints' {
  return name === 'subjectKeyIdentifier' || name === 'subjectAltName' || name === 'nameConstraints'
}

/** The last instant that was encoded: in a burst many certificates begin and end in the same second. */
class LastTime {
  #time = Number.NaN
  #der: Uint8Array = new Uint8Array()

  encode(time: number): Uint8Array {
    if (time !== this.#time) {
      this.#der = derTime(time)
      this.#time = time
    }
    return this.#der
  }
}
