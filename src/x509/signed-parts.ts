/**
 * What a signature is over, and the signature.
 *
 * @module
 */

import { Certificate } from './certificate.ts'
import { CertificateList } from './certificate-list.ts'
import type { VerificationKey } from './verification-key.ts'

/** A certificate's or a CRL's, as views. */
export interface SignedParts {
  /** DER of the TBSCertificate or TBSCertList. */
  readonly data: Uint8Array
  /** Content of the BIT STRING. */
  readonly signature: Uint8Array
}

/** The parts of a signed value. */
export function signedParts(value: Certificate | CertificateList): SignedParts {
  const list = value instanceof CertificateList
  const bytes = list ? CertificateList.bytesOf(value) : Certificate.bytesOf(value)
  const { tbsStart, tbsEnd, signatureStart, signatureEnd } = list
    ? CertificateList.layoutOf(value)
    : Certificate.layoutOf(value)
  return {
    data: bytes.subarray(tbsStart, tbsEnd),
    signature: bytes.subarray(signatureStart, signatureEnd),
  }
}

/** Whether a key made the signature; `false` also for an algorithm that is not accepted. */
export async function isSignedBy(
  value: Certificate | CertificateList,
  key: VerificationKey,
): Promise<boolean> {
  const { signatureAlgorithm } = value
  if (signatureAlgorithm === undefined) return false
  const { data, signature } = signedParts(value)
  return key.verify(signatureAlgorithm, data, signature)
}
