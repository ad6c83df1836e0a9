/**
 * What a certificate must be that was made for an enrollment.
 *
 * @module
 */

import { equalRange } from '../../internal/bytes.ts'
import { quote } from '../../internal/text.ts'
import type { Certificate } from '../../x509/certificate.ts'
import { readPublicKeyInfo } from '../../x509/public-key-info.ts'
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
  if (!isSameKey(certificate.publicKey, publicKey)) return 'it holds another key than the request'
  if (certificate.isCa) return 'it is a CA certificate, whose holder could make certificates for any name'
  const [first, second] = certificate.subjectAltNames
  if (first?.type !== 'dns' || first.value !== name || second !== undefined)
    return `expected ${quote(name)} as its only subject alternative name, found ${describeNames(certificate.subjectAltNames)}`
  return undefined
}

/** Whether two SubjectPublicKeyInfo hold one key, whatever their algorithm's parameters say. */
export function isSameKey(a: Uint8Array, b: Uint8Array): boolean {
  const x = readPublicKeyInfo(a)
  const y = readPublicKeyInfo(b)
  return equalRange(a, x.keyStart, x.keyEnd, b, y.keyStart, y.keyEnd)
}
