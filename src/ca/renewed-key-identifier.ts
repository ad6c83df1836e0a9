/**
 * A CA that is issued again for the same key must keep its key identifier.
 *
 * @module
 */

import { MeshPkiError } from '../errors.ts'
import { equalBytes } from '../internal/bytes.ts'
import { checkOneOf } from '../internal/options.ts'
import type { Certificate } from '../x509/certificate.ts'
import { type CertificateInput, toCertificate } from '../x509/certificate-input.ts'
import { certificateLabel, nameLabel } from '../x509/certificate-label.ts'
import type { Name } from '../x509/name.ts'
import { subjectKeyIdOf } from './dry-run.ts'

/** Whether a renewal may keep its key: by default it may not. */
export type SameKeyRule = 'refuse' | 'keep'

/** Options of a renewal. */
export interface RenewalOptions {
  /** The certificate that the new one takes the place of. Of a CA it must be a CA's. */
  readonly renews?: CertificateInput | undefined
  /**
   * `'refuse'` (default): the new certificate must be for a new key. `'keep'`: it may be for the old one, and a root must be.
   * Then it bears the same octets as subject key identifier, whatever method made them: what was issued before names
   * them.
   */
  readonly sameKey?: SameKeyRule | undefined
}

/** The identifier to copy for a key, and for CAs their name; `undefined` where one is to be made. */
export type KeptKeyIdentifier = (publicKey: Uint8Array, subject?: Name) => Uint8Array | undefined

/**
 * Reads a renewal. `role` is that of the new certificate.
 *
 * Go computed identifiers by SHA-1 up to 1.24 and by SHA-256 since. A root that was renewed with its key across that line
 * got another identifier, and OpenSSL then finds no issuer for what the old one signed (error 20).
 *
 * @throws `MeshPkiError` `ERR_CA_KEY_REUSED`, `ERR_CA_KEY_MISMATCH`, `ERR_CA_SUBJECT` from the function; `TypeError` for
 * options.
 */
export function renewedKeyIdentifier(
  { renews, sameKey }: RenewalOptions,
  role: 'root' | 'ca' | 'end-entity',
): KeptKeyIdentifier {
  const rule = checkOneOf(sameKey ?? 'refuse', ['refuse', 'keep'], 'sameKey')
  if (renews === undefined) {
    if (sameKey !== undefined)
      throw new TypeError('option "sameKey" says how to renew; it needs the option "renews"')
    return () => undefined
  }
  const old = toCertificate(renews, 'renews')
  if (role !== 'end-entity' && !old.isCa)
    throw new TypeError(
      `option "renews" must be the certificate of a CA, since the new one is; ${certificateLabel(old)} is none`,
    )
  return (publicKey, subject) => {
    if (equalBytes(old.publicKey, publicKey)) {
      if (rule === 'refuse') throw reused(old)
      if (subject?.equals(old.subject) === false) throw renamed(old, subject)
      return subjectKeyIdOf(old)
    }
    // Of a request its sender decides; of a root nobody else does, and a new key would cut off all that it signed.
    if (rule === 'keep' && role === 'root') throw exchanged(old)
    return undefined
  }
}

function reused(old: Certificate): MeshPkiError {
  return new MeshPkiError(
    'ERR_CA_KEY_REUSED',
    `the request is for the same key as ${certificateLabel(old)}, which it renews. Make a new key: a renewal is the time to leave an old one. Or say { sameKey: 'keep' }, which keeps its key identifier too`,
  )
}

function exchanged(old: Certificate): MeshPkiError {
  return new MeshPkiError(
    'ERR_CA_KEY_MISMATCH',
    `{ sameKey: 'keep' } renews ${certificateLabel(old)} with its own key, and the option "key" is another, or leaves one to be made. Pass the old key; or leave "sameKey" out, and have both roots trusted before the new one signs`,
  )
}

function renamed(old: Certificate, subject: Name): MeshPkiError {
  return new MeshPkiError(
    'ERR_CA_SUBJECT',
    `the new certificate has the key of ${certificateLabel(old)} and another name, ${nameLabel(subject)}: what was issued before names the old one, and would find no issuer (RFC 5280 §6.1.3 (a)(4)). Keep the name, or make a new key`,
  )
}
