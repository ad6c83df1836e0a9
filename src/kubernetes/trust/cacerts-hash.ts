/**
 * What tells one issuing CA from the next: a digest of the certificates in `cacerts`.
 *
 * @module
 */

import { sha256 } from '@noble/hashes/sha2.js'
import { MeshPkiError } from '../../errors.ts'
import { toHex } from '../../internal/bytes.ts'
import { DataKey } from '../objects/names.ts'
import type { SecretLike } from '../objects/secret-like.ts'
import { readCertificates, SecretReader } from '../secrets/secret-reader.ts'

/** Keys with certificates, of both layouts. The private key is left out: it changes with its certificate. */
const CERTIFICATE_KEYS = [DataKey.caCert, DataKey.certChain, DataKey.rootCert, DataKey.tlsCert, DataKey.tlsCa]

/**
 * SHA-256 of the certificates of a `cacerts` secret, lower-case hex: the value of the annotation by which workloads are restarted
 * once, and not again.
 *
 * @throws `MeshPkiError` `ERR_KUBERNETES_SECRET_DATA` for values that are not base64.
 *
 * @example
 * ```ts
 * import { cacertsHash, type SecretLike } from 'mesh-pki/kubernetes'
 *
 * declare const secret: SecretLike
 * console.log(cacertsHash(secret))
 * ```
 */
export function cacertsHash(secret: SecretLike): string {
  const reader = new SecretReader(secret, 'cacertsHash')
  const texts = CERTIFICATE_KEYS.map((key) => [key, reader.has(key) ? reader.text(key) : null])
  return toHex(sha256(new TextEncoder().encode(JSON.stringify(texts))))
}

/**
 * Whether a root ConfigMap's bundle and that of `cacerts` are the same: the same text, as Gloo Mesh compares them, or the same
 * certificates.
 */
export function isRootSynced(distributed: unknown, rootCert: string): boolean {
  if (typeof distributed !== 'string') return false
  if (distributed.trimEnd() === rootCert.trimEnd()) return true
  const [a, b] = [fingerprintsOf(distributed), fingerprintsOf(rootCert)]
  return a !== undefined && b !== undefined && a.size === b.size && [...a].every((one) => b.has(one))
}

function fingerprintsOf(pem: string): ReadonlySet<string> | undefined {
  try {
    return new Set(readCertificates(pem).map((one) => one.fingerprint()))
  } catch (error) {
    if (error instanceof MeshPkiError) return undefined
    throw error
  }
}
