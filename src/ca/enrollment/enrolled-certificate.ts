/**
 * What a certificate must be that was made for an enrollment.
 *
 * @module
 */

import { equalBytes } from '../../internal/bytes.ts'
import { quote } from '../../internal/text.ts'
import type { Certificate } from '../../x509/certificate.ts'
import { isSelfSigned } from '../../x509/self-signed.ts'
import { isSignedBy } from '../../x509/signed-parts.ts'
import { importVerificationKey } from '../../x509/verification-key.ts'
import { describeNames } from './cluster-name.ts'

/** What was asked for. */
export interface EnrollmentIntent {
  /** SubjectPublicKeyInfo of the request, DER. */
  readonly publicKey: Uint8Array
  readonly name: string
}

/** Why a certificate is not what was asked for; `undefined` when it is. The path is another question. */
export function enrolledFault(
  certificate: Certificate,
  { publicKey, name }: EnrollmentIntent,
): string | undefined {
  if (!equalBytes(certificate.publicKey, publicKey)) return 'it holds another key than the request'
  if (certificate.isCa) return 'it is a CA certificate, whose holder could make certificates for any name'
  const [first, second] = certificate.subjectAltNames
  if (first?.type !== 'dns' || first.value !== name || second !== undefined)
    return `expected ${quote(name)} as its only subject alternative name, found ${describeNames(certificate.subjectAltNames)}`
  return undefined
}

/**
 * Issuers without roots: TLS does not need to send those. What links a new root to an old one is self-issued too, but
 * signed by another key, and without it nobody who has the old root alone finds a path.
 */
export async function withoutRoots(issuers: readonly Certificate[]): Promise<readonly Certificate[]> {
  const roots = await Promise.all(issuers.map(isRoot))
  return issuers.filter((_, i) => roots[i] !== true)
}

async function isRoot(certificate: Certificate): Promise<boolean> {
  if (!certificate.isSelfIssued) return false
  try {
    return await isSignedBy(certificate, await importVerificationKey(certificate.publicKey))
  } catch {
    // A key that is not accepted, such as a short one of RSA: its identifiers must do.
    return isSelfSigned(certificate)
  }
}
