/**
 * SPIFFE bundles as JSON (SPIFFE Trust Domain and Bundle §4, X509-SVID §6.1).
 *
 * @module
 */

import { encodeBase64 } from '../internal/base64.ts'
import { Certificate } from '../x509/certificate.ts'
import { jwkOf } from './bundle-key.ts'
import type { BundleContents } from './bundle-reader.ts'

/**
 * Writes a bundle: one element for each authority, without `kid` and with exactly one `x5c` value for
 * X.509 ones, and no member that the standard does not define. The sequence keeps all of its digits.
 */
export function writeBundle(contents: Omit<BundleContents, 'skipped'>, indent: string): string {
  const { x509Authorities, jwtAuthorities, sequence, refreshHint } = contents
  const keys = [
    ...x509Authorities.map((certificate) => ({
      ...jwkOf(certificate),
      use: 'x509-svid',
      x5c: [encodeBase64(Certificate.bytesOf(certificate))],
    })),
    ...jwtAuthorities.map(({ keyId, jwk }) => ({ ...jwk, kid: keyId, use: 'jwt-svid' })),
  ]
  const members = [
    ...(sequence === undefined ? [] : [`"spiffe_sequence": ${sequence}`]),
    ...(refreshHint === undefined ? [] : [`"spiffe_refresh_hint": ${refreshHint}`]),
    `"keys": ${writeList(
      keys.map((key) => JSON.stringify(key)),
      indent,
    )}`,
  ]
  return `{\n${members.map((member) => `${indent}  ${member}`).join(',\n')}\n${indent}}`
}

/** One element a line: a diff shows the one that changed, and the text is hardly longer than it must be. */
function writeList(elements: readonly string[], indent: string): string {
  if (elements.length === 0) return '[]'
  return `[\n${elements.map((element) => `${indent}    ${element}`).join(',\n')}\n${indent}  ]`
}
