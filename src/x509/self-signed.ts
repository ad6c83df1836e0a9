/**
 * Which certificates look like roots.
 *
 * @module
 */

import type { Certificate } from './certificate.ts'

/**
 * Whether a certificate is self-issued and, by its key identifiers, signed by its own key. A link
 * certificate from an old root to a new one is only the former. It says nothing about the signature.
 */
export function isSelfSigned(certificate: Certificate): boolean {
  const { authorityKeyIdentifier, subjectKeyIdentifier } = certificate
  return (
    certificate.isSelfIssued &&
    (authorityKeyIdentifier === undefined || authorityKeyIdentifier === subjectKeyIdentifier)
  )
}
