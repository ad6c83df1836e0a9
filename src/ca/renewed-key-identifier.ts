/**
 * A CA that is issued again for the same key must keep its key identifier.
 *
 * @module
 */

import { MeshPkiError } from '../errors.ts'
import { equalBytes } from '../internal/bytes.ts'
import { checkOneOf } from '../internal/options.ts'
import { type CertificateInput, toCertificate } from '../x509/certificate-input.ts'
import { certificateLabel } from '../x509/certificate-label.ts'
import { subjectKeyIdOf } from './dry-run.ts'

/** Whether a renewal may keep its key: by default it may not. */
export type SameKeyRule = 'refuse' | 'keep'

/** Options of a renewal. */
export interface RenewalOptions {
  /** The certificate that the new one takes the place of. */
  readonly renews?: CertificateInput | undefined
  /**
   * `'refuse'` (default): the new certificate must be for a new key. `'keep'`: it may be for the old one, and then
   * bears the same octets as subject key identifier, whatever method made them: what was issued before names them.
   */
  readonly sameKey?: SameKeyRule | undefined
}

/**
 * Reads a renewal. Answers a function of the new key: the identifier to copy, or `undefined` where one is to be made.
 *
 * Go computed identifiers by SHA-1 up to 1.24 and by SHA-256 since. A root that was renewed with its key across that line
 * got another identifier, and OpenSSL then finds no issuer for what the old one signed (error 20).
 *
 * @throws `MeshPkiError` `ERR_CA_KEY_REUSED` from the function; `TypeError` for options.
 */
export function renewedKeyIdentifier({
  renews,
  sameKey,
}: RenewalOptions): (publicKey: Uint8Array) => Uint8Array | undefined {
  const rule = checkOneOf(sameKey ?? 'refuse', ['refuse', 'keep'], 'sameKey')
  if (renews === undefined) {
    if (sameKey !== undefined)
      throw new TypeError('option "sameKey" says how to renew; it needs the option "renews"')
    return () => undefined
  }
  const old = toCertificate(renews, 'renews')
  return (publicKey) => {
    if (!equalBytes(old.publicKey, publicKey)) return undefined
    if (rule === 'keep') return subjectKeyIdOf(old)
    throw new MeshPkiError(
      'ERR_CA_KEY_REUSED',
      `the request is for the same key as ${certificateLabel(old)}, which it renews. Make a new key: a renewal is the time to leave an old one. Or say { sameKey: 'keep' }, which keeps its key identifier too`,
    )
  }
}
