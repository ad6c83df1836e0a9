/**
 * Certificate signing requests (PKCS#10, RFC 2986) as immutable values over strictly read DER.
 *
 * @module
 */

import { sha256 } from '@noble/hashes/sha2.js'
import { toHex } from '../internal/bytes.ts'
import { context, count, DerCursor, Tag } from '../internal/der.ts'
import { isContent, readOid } from '../internal/oid.ts'
import {
  describeAlgorithm,
  readSignatureAlgorithm,
  type SignatureAlgorithm,
  walkAlgorithmIdentifier,
} from '../x509/algorithm-identifier.ts'
import { ExtensionsLayout } from '../x509/certificate-layout.ts'
import { type Extension, readExtensionList, walkExtensions } from '../x509/extension-list.ts'
import { extendedKeyUsageOf, isCaOf, keyUsageOf, subjectAltNamesOf } from '../x509/extension-values.ts'
import type { Oid } from '../x509/extensions/extended-key-usage.ts'
import type { KeyUsageName } from '../x509/extensions/key-usage.ts'
import type { GeneralName } from '../x509/general-name.ts'
import { Name } from '../x509/name.ts'
import { walkName } from '../x509/name-walker.ts'
import { readOnePem, writePem } from '../x509/pem.ts'
import { readPublicKeyInfo, walkPublicKeyInfo } from '../x509/public-key-info.ts'

/** What functions that need a request accept: ours, DER, PEM with one block, or `@peculiar/x509`'s by its shape. */
export type CsrInput = Csr | Uint8Array | string | { readonly rawData: ArrayBuffer }

/** The most octets of one request: it holds a key and a few names. */
const MAX_CSR = 65_536

/** Attributes of one request. OpenSSL writes at most a handful. */
const MAX_ATTRIBUTES = 32

const CSR_LABELS = ['CERTIFICATE REQUEST', 'NEW CERTIFICATE REQUEST']

/** extensionRequest (RFC 2985 §5.4.2), content octets. */
const EXTENSION_REQUEST = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 14]

/** Where the parts of a request are. */
class CsrLayout extends ExtensionsLayout {
  infoStart = 0
  infoEnd = 0
  subjectStart = 0
  subjectEnd = 0
  publicKeyStart = 0
  publicKeyEnd = 0
  attributesStart = 0
  attributesEnd = 0
  algorithmStart = 0
  algorithmEnd = 0
  signatureStart = 0
  signatureEnd = 0
}

/** What `signedPartsOf` answers. */
export interface SignedCsrParts {
  readonly algorithm: SignatureAlgorithm | undefined
  readonly publicKey: Uint8Array
  readonly data: Uint8Array
  readonly signature: Uint8Array
}

/**
 * A request for a certificate, read strictly. What it asks for are wishes: nothing in it is true until a CA
 * says so, and its signature is not checked by reading. `verifyProofOfPossession` does that.
 *
 * @example
 * ```ts
 * import { Csr } from 'mesh-pki/csr'
 *
 * declare const pem: string
 * const csr = Csr.fromPem(pem)
 * console.log(String(csr.subject), csr.publicKeyType, csr.subjectAltNames)
 * ```
 */
export class Csr {
  readonly #der: Uint8Array
  readonly #layout: CsrLayout

  private constructor(der: Uint8Array) {
    this.#der = der
    this.#layout = readCsrLayout(der)
    // Functions of callers are shown it: a property of its own would hide what it says.
    Object.freeze(this)
  }

  /** Reads one DER request that fills the input. @throws `MeshPkiError` `ERR_DER_…`, `ERR_CSR_…`, `ERR_CERTIFICATE_…` for its extensions. */
  static fromDer(der: Uint8Array): Csr {
    if (!(der instanceof Uint8Array))
      throw new TypeError(`a request in DER must be a Uint8Array; got ${der === null ? 'null' : typeof der}`)
    checkCsrSize(der)
    return new Csr(new Uint8Array(der))
  }

  /** Reads the one PEM block `CERTIFICATE REQUEST` of a text. @throws `MeshPkiError` `ERR_PEM_…` and as {@link fromDer}. */
  static fromPem(pem: string | Uint8Array): Csr {
    return new Csr(readOnePem(pem, CSR_LABELS).der)
  }

  /** Reads a {@link CsrInput}. */
  static from(input: CsrInput): Csr {
    if (input instanceof Csr) return input
    if (typeof input === 'string') return Csr.fromPem(input)
    if (input instanceof Uint8Array) return Csr.fromDer(input)
    if (input !== null && typeof input === 'object' && input.rawData instanceof ArrayBuffer)
      return Csr.fromDer(new Uint8Array(input.rawData))
    throw new TypeError(
      `"csr" must be a Csr, DER (Uint8Array) or PEM (string); got ${input === null ? 'null' : typeof input}`,
    )
  }

  /** A copy of the DER. */
  get der(): Uint8Array {
    return this.#der.slice()
  }

  /** The subject asked for. */
  get subject(): Name {
    return Name.view(this.#der, this.#layout.subjectStart, this.#layout.subjectEnd)
  }

  /** SubjectPublicKeyInfo, DER, a copy. */
  get publicKey(): Uint8Array {
    return this.#der.slice(this.#layout.publicKeyStart, this.#layout.publicKeyEnd)
  }

  /** What kind of key it is: `P-256`, `RSA-2048`, … */
  get publicKeyType(): string {
    return readPublicKeyInfo(this.#der, this.#layout.publicKeyStart, this.#layout.publicKeyEnd).description
  }

  /** How it was signed; `undefined` for an algorithm that is not accepted. */
  get signatureAlgorithm(): SignatureAlgorithm | undefined {
    return readSignatureAlgorithm(this.#der, this.#layout.algorithmStart, this.#layout.algorithmEnd)
  }

  /** The signature's algorithm in words, also where it is not accepted. */
  get signatureAlgorithmDescription(): string {
    return describeAlgorithm(this.#der, this.#layout.algorithmStart, this.#layout.algorithmEnd)
  }

  /** Subject alternative names asked for. */
  get subjectAltNames(): readonly GeneralName[] {
    return subjectAltNamesOf(this.#der, this.#layout)
  }

  /** Key usage asked for; `undefined` without. */
  get keyUsage(): readonly KeyUsageName[] | undefined {
    return keyUsageOf(this.#layout)
  }

  /** Extended key usage asked for; `undefined` without. */
  get extendedKeyUsage(): readonly Oid[] | undefined {
    return extendedKeyUsageOf(this.#der, this.#layout)
  }

  /** Whether it asks to become a CA. */
  get isCa(): boolean {
    return isCaOf(this.#layout)
  }

  /** Every extension asked for, in order. */
  get extensions(): readonly Extension[] {
    return readExtensionList(this.#der, this.#layout)
  }

  /** The types of its attributes, in order: the extension request, a challenge password, … Their values are not shown. */
  get attributeTypes(): readonly Oid[] {
    const types: Oid[] = []
    const cursor = new DerCursor(this.#der, this.#layout.attributesStart, this.#layout.attributesEnd)
    while (!cursor.atEnd) {
      const end = cursor.header(Tag.SEQUENCE, 'attribute')
      const start = cursor.objectIdentifier('attribute')
      types.push(readOid(this.#der, start, cursor.offset))
      cursor.offset = end
    }
    return types
  }

  /** SHA-256 of the DER, lower-case hex. */
  fingerprint(): string {
    return toHex(sha256(this.#der))
  }

  /** SHA-256 of the SubjectPublicKeyInfo, lower-case hex, as `Certificate.publicKeyFingerprint()`. */
  publicKeyFingerprint(): string {
    const { publicKeyStart, publicKeyEnd } = this.#layout
    return toHex(sha256(this.#der.subarray(publicKeyStart, publicKeyEnd)))
  }

  /** One PEM block, with a final line end. */
  toPem(): string {
    return writePem('CERTIFICATE REQUEST', this.#der)
  }

  /** The PEM. */
  toString(): string {
    return this.toPem()
  }

  /** @internal The signed bytes and what signed them, as views. */
  static signedPartsOf(csr: Csr): SignedCsrParts {
    const der = csr.#der
    const layout = csr.#layout
    return {
      algorithm: csr.signatureAlgorithm,
      publicKey: der.subarray(layout.publicKeyStart, layout.publicKeyEnd),
      data: der.subarray(layout.infoStart, layout.infoEnd),
      signature: der.subarray(layout.signatureStart, layout.signatureEnd),
    }
  }
}

/** Refuses what is too large to be a request, before anybody copies it. */
function checkCsrSize(der: Uint8Array): void {
  if (der.length <= MAX_CSR) return
  new DerCursor(der).fail(
    'ERR_DER_LIMIT',
    'CertificationRequest',
    `${der.length} bytes; at most ${MAX_CSR} are read`,
  )
}

function readCsrLayout(der: Uint8Array): CsrLayout {
  const layout = new CsrLayout()
  const cursor = new DerCursor(der)
  checkCsrSize(der)
  const outer = cursor.enter(Tag.SEQUENCE, 'CertificationRequest')
  layout.infoStart = cursor.offset
  const info = cursor.enter(Tag.SEQUENCE, 'certificationRequestInfo')
  const version = cursor.smallInteger('version')
  if (version !== 0) cursor.fail('ERR_CSR_VERSION', 'version', `${version}; expected 0 (RFC 2986 §4.1)`)
  layout.subjectStart = cursor.offset
  walkName(cursor, 'subject')
  layout.subjectEnd = cursor.offset
  layout.publicKeyStart = cursor.offset
  walkPublicKeyInfo(cursor)
  layout.publicKeyEnd = cursor.offset
  walkAttributes(cursor, layout)
  cursor.leave(info, 'certificationRequestInfo')
  layout.infoEnd = cursor.offset
  layout.algorithmStart = cursor.offset
  walkAlgorithmIdentifier(cursor, 'signatureAlgorithm')
  layout.algorithmEnd = cursor.offset
  layout.signatureStart = cursor.octetAlignedBitString('signature')
  layout.signatureEnd = cursor.offset
  cursor.leave(outer, 'CertificationRequest')
  if (cursor.offset !== der.length) {
    cursor.fail(
      'ERR_DER_TRAILING_DATA',
      'CertificationRequest',
      `${count(der.length - cursor.offset, 'byte')} after the request`,
    )
  }
  return layout
}

function walkAttributes(cursor: DerCursor, layout: CsrLayout): void {
  const attributes = cursor.enter(context(0), 'attributes')
  layout.attributesStart = cursor.offset
  layout.attributesEnd = cursor.limit
  let count = 0
  while (cursor.offset < cursor.limit) {
    if (++count > MAX_ATTRIBUTES) cursor.fail('ERR_DER_LIMIT', 'attributes', `more than ${MAX_ATTRIBUTES}`)
    const attribute = cursor.enter(Tag.SEQUENCE, 'attribute')
    const start = cursor.objectIdentifier('attribute')
    const isRequest = isContent(cursor.bytes, start, cursor.offset, EXTENSION_REQUEST)
    const values = cursor.enter(Tag.SET, 'attribute')
    if (cursor.atEnd) cursor.fail('ERR_CSR_ATTRIBUTE', 'attribute', 'without a value (RFC 2986 §4.1)')
    if (isRequest) {
      if (layout.extensionsStart !== 0)
        cursor.fail('ERR_CSR_ATTRIBUTE', 'attributes', 'two extension requests (RFC 2985 §5.4.2)')
      walkExtensions(cursor, layout, false)
      if (!cursor.atEnd)
        cursor.fail('ERR_CSR_ATTRIBUTE', 'attribute', 'an extension request of two values (RFC 2985 §5.4.2)')
    } else while (cursor.offset < cursor.limit) cursor.skipAny('attribute')
    cursor.leave(values, 'attribute')
    cursor.leave(attribute, 'attribute')
  }
  cursor.leave(attributes, 'attributes')
}
