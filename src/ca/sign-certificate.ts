/**
 * Signs certificates and CRLs, and proves the result before it is released.
 *
 * @module
 */

import { MeshPkiError } from '../errors.ts'
import { type AbortSignalLike, orAborted, readSignal } from '../internal/abort.ts'
import { equalRange } from '../internal/bytes.ts'
import { Tag } from '../internal/der.ts'
import { headerLength, writeHeader } from '../internal/der-writer.ts'
import { quote } from '../internal/text.ts'
import { type Rfc5280Rule, rfc5280Violations } from '../verify/rfc5280-rules.ts'
import { encodeSignatureAlgorithm, SIGNATURE_ALGORITHM_NAMES } from '../x509/algorithm-identifier.ts'
import { Certificate } from '../x509/certificate.ts'
import { certificateLabel } from '../x509/certificate-label.ts'
import { KeyUsageBit } from '../x509/extensions/key-usage.ts'
import { PrivateKey } from '../x509/private-key.ts'
import type { Signer } from '../x509/signer.ts'
import { importVerificationKey, isAlgorithmOf, type VerificationKey } from '../x509/verification-key.ts'
import type { CertificateValues } from './certificate-template.ts'

/** A signer with what is needed to check what it answers. */
export class CheckedSigner {
  readonly signer: Signer
  /** Whether this process holds the key. */
  readonly isInProcess: boolean
  readonly #key: VerificationKey
  /** An in-process ECDSA or Ed25519 key does not need it; RSA does, where one fault in the CRT shows the key. */
  readonly #verifies: boolean

  private constructor(signer: Signer, key: VerificationKey) {
    this.signer = signer
    this.#key = key
    this.isInProcess = signer instanceof PrivateKey && PrivateKey.isInProcess(signer)
    this.#verifies = !this.isInProcess || key.kind === 'RSA'
  }

  /** @throws `MeshPkiError` `ERR_KEY_…` for its public key, `ERR_CA_SIGNER` for an algorithm that its key does not make. */
  static async of(signer: Signer): Promise<CheckedSigner> {
    const key = await importVerificationKey(signer.publicKey)
    if (
      !SIGNATURE_ALGORITHM_NAMES.includes(signer.signatureAlgorithm) ||
      !isAlgorithmOf(key.kind, signer.signatureAlgorithm)
    ) {
      throw new MeshPkiError(
        'ERR_CA_SIGNER',
        `the signer says that its signatures are ${quote(String(signer.signatureAlgorithm))}, but its key is ${key.kind}`,
      )
    }
    return new CheckedSigner(signer, key)
  }

  /** The signed certificate, read from its own bytes; by the thread pool where many ask at the same time. @throws `MeshPkiError` `ERR_CA_SIGNER`. */
  async certify(
    tbs: Uint8Array<ArrayBuffer>,
    given?: AbortSignalLike,
    crowded = false,
  ): Promise<Certificate> {
    return Certificate.own(await this.seal(tbs, 'certificate', given, crowded))
  }

  /** DER of what was to be signed, its algorithm and its signature, which was checked. @throws `MeshPkiError` `ERR_CA_SIGNER`. */
  async seal(
    tbs: Uint8Array<ArrayBuffer>,
    what: 'certificate' | 'CRL',
    given?: AbortSignalLike,
    crowded = false,
  ): Promise<Uint8Array> {
    const signal = readSignal(given)
    const { signer } = this
    const answer = await this.#ask(tbs, signal, crowded)
    if (!(answer instanceof Uint8Array))
      throw new MeshPkiError(
        'ERR_CA_SIGNER',
        `the signer answered ${answer === null ? 'null' : typeof answer} instead of a Uint8Array`,
      )
    // Copies: a caller's signer may keep both arrays and change them while they are verified.
    const signed = this.#verifies ? tbs.slice() : tbs
    const signature = this.#verifies ? new Uint8Array(answer) : answer
    if (this.#verifies && !(await this.#key.verify(signer.signatureAlgorithm, signed, signature))) {
      throw new MeshPkiError(
        'ERR_CA_SIGNER',
        `the signer's answer is not a valid ${signer.signatureAlgorithm} signature under its own public key, so the ${what} is not released. ECDSA signatures must be DER, not r || s`,
      )
    }
    return assemble(signed, encodeSignatureAlgorithm(signer.signatureAlgorithm), signature)
  }

  /** Its answer; its own failure as the cause of ours, the reason of an abort as it is. */
  async #ask(
    tbs: Uint8Array<ArrayBuffer>,
    signal: AbortSignalLike | undefined,
    crowded: boolean,
  ): Promise<Uint8Array> {
    try {
      const { signer } = this
      const pending =
        crowded && signal === undefined && signer instanceof PrivateKey
          ? PrivateKey.signPooled(signer, tbs)
          : signer.sign(tbs, signal === undefined ? {} : { signal })
      return pending instanceof Uint8Array ? pending : await orAborted(Promise.resolve(pending), signal)
    } catch (cause) {
      if (signal?.aborted === true) throw cause
      throw new MeshPkiError(
        'ERR_CA_SIGNER',
        cause instanceof MeshPkiError
          ? `the signer failed, so nothing was issued: ${cause.code}, ${cause.message}`
          : 'the signer failed, so nothing was issued; its own error is the cause',
        { cause },
      )
    }
  }
}

/** A certificate of a TBSCertificate and a placeholder where the signature is due, for dry runs. */
export function unsignedCertificate(tbs: Uint8Array, signer: Signer): Certificate {
  return Certificate.own(
    assemble(tbs, encodeSignatureAlgorithm(signer.signatureAlgorithm), new Uint8Array(64)),
  )
}

function assemble(tbs: Uint8Array, algorithm: Uint8Array, signature: Uint8Array): Uint8Array {
  const bitsLength = signature.length + 1
  const length = tbs.length + algorithm.length + headerLength(bitsLength) + bitsLength
  const der = new Uint8Array(headerLength(length) + length)
  let at = writeHeader(der, 0, Tag.SEQUENCE, length)
  der.set(tbs, at)
  at += tbs.length
  der.set(algorithm, at)
  at = writeHeader(der, at + algorithm.length, Tag.BIT_STRING, bitsLength)
  der.set(signature, at + 1)
  return der
}

/** What the certificate was meant to say; anything else is a fault of ours and not released. */
export interface IssuanceIntent {
  readonly isRoot: boolean
  readonly isCa: boolean
  readonly pathLength: number | undefined
  /** DER of the issuer's name. */
  readonly issuer: Uint8Array
  readonly values: CertificateValues
  /** Rules of RFC 5280 §4 that its profile breaks on purpose. */
  readonly mayBreak: (rule: Rfc5280Rule) => boolean
}

/** Compares a signed certificate with what was meant. @throws `MeshPkiError` `ERR_CA_SELF_CHECK`. */
export function checkIntent(certificate: Certificate, intent: IssuanceIntent): void {
  const layout = Certificate.layoutOf(certificate)
  const bytes = Certificate.bytesOf(certificate)
  const { serialNumber, notBefore, notAfter, subject, publicKey, subjectAltNames } = intent.values
  const isAt = (start: number, end: number, wanted: Uint8Array): boolean =>
    equalRange(bytes, start, end, wanted, 0, wanted.length)
  const nameStart = layout.subjectAltNameStart
  const holds =
    certificate.isCa === intent.isCa &&
    certificate.pathLength === intent.pathLength &&
    layout.notBefore === notBefore &&
    layout.notAfter === notAfter &&
    isAt(layout.serialStart, layout.serialEnd, serialNumber) &&
    isAt(layout.issuerStart, layout.issuerEnd, intent.issuer) &&
    isAt(layout.subjectStart, layout.subjectEnd, subject) &&
    isAt(layout.publicKeyStart, layout.publicKeyEnd, publicKey) &&
    (subjectAltNames === undefined
      ? nameStart === 0
      : nameStart !== 0 && isAt(nameStart, nameStart + subjectAltNames.length, subjectAltNames)) &&
    (intent.isCa || (layout.keyUsage & (KeyUsageBit.keyCertSign | KeyUsageBit.cRLSign)) === 0)
  const broken = rfc5280Violations(certificate, { isRoot: intent.isRoot, isAnchor: false }).find(
    ({ rule }) => !intent.mayBreak(rule),
  )
  if (holds && broken === undefined) return
  const problem =
    broken === undefined ? 'it does not say what it was meant to' : `${broken.text} (${broken.clause})`
  throw new MeshPkiError(
    'ERR_CA_SELF_CHECK',
    `the certificate ${certificateLabel(certificate)} is not released: ${problem}. Please report this`,
  )
}
