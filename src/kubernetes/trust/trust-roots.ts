/**
 * The trust anchors that adapters distribute, read once.
 *
 * @module
 */

import { sha256 } from '@noble/hashes/sha2.js'
import { toHex } from '../../internal/bytes.ts'
import type { Certificate } from '../../x509/certificate.ts'
import { type CertificateInput, toCertificates } from '../../x509/certificate-input.ts'
import { checkCas, pemOf } from '../secrets/secret-writer.ts'

/** Trust anchors as callers give them: certificates, or PEM with several. */
export type TrustRootsInput = CertificateInput | readonly CertificateInput[]

/** Trust anchors, each once, in the order in which they were given. */
export interface TrustRoots {
  readonly certificates: readonly Certificate[]
  /** PEM, each ending in one line end. */
  readonly pem: string
  /** SHA-256 of the PEM, lower-case hex. */
  readonly hash: string
}

/** @throws `MeshPkiError` `ERR_CA_NOT_CA` for what is no CA's, and what reading throws; `RangeError` for none. */
export function readTrustRoots(input: TrustRootsInput, option = 'roots'): TrustRoots {
  const seen = new Set<string>()
  const certificates = checkCas(toCertificates(input, option), option).filter((one) => {
    const fingerprint = one.fingerprint()
    if (seen.has(fingerprint)) return false
    seen.add(fingerprint)
    return true
  })
  if (certificates.length === 0)
    throw new RangeError(`option "${option}" must hold at least one trust anchor: nobody would be trusted`)
  const pem = pemOf(certificates)
  return { certificates, pem, hash: toHex(sha256(new TextEncoder().encode(pem))) }
}
