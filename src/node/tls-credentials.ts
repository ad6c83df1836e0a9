/**
 * What a peer proves its identity with.
 *
 * @module
 */

import { KeyObject } from 'node:crypto'
import { createSecureContext } from 'node:tls'
import { MeshPkiError } from '../errors.ts'
import { typeName } from '../internal/options.ts'
import { escapeText } from '../internal/text.ts'
import { Certificate } from '../x509/certificate.ts'

/**
 * What a peer proves its identity with: the SVID with its intermediates, and its key. Whether it is an SVID that
 * others accept is not checked: they will say.
 */
export interface TlsCredentials {
  /** The leaf, then its intermediates, PEM or read. The root need not be sent. */
  readonly cert: string | Buffer | readonly Certificate[]
  /** PEM. */
  readonly key: string | Buffer | KeyObject
  readonly passphrase?: string | undefined
}

/** Credentials as `node:tls` takes them. */
export interface KeyMaterial {
  readonly cert: string | Buffer
  readonly key: string | Buffer
  readonly passphrase?: string
}

/**
 * Credentials for `node:tls`.
 *
 * @throws `TypeError` where one half is missing; `MeshPkiError` `ERR_TLS_CREDENTIALS` for what OpenSSL does not
 * take, such as a key that is not the certificate's.
 */
export function readCredentials(credentials: TlsCredentials): KeyMaterial {
  const { cert, key, passphrase } = credentials
  if (isMissing(cert) || isMissing(key))
    throw new TypeError('credentials need both "cert", the SVID with its intermediates, and "key"')
  if (isList(cert) ? !cert.every((one) => one instanceof Certificate) : !isText(cert))
    throw new TypeError('credentials: "cert" must be PEM, or certificates that were read, leaf first')
  if (!(key instanceof KeyObject) && !isText(key))
    throw new TypeError(`credentials: "key" must be PEM or a KeyObject; got ${typeName(key)}`)
  const options: KeyMaterial = {
    cert: isList(cert) ? cert.map((certificate) => certificate.toPem()).join('') : cert,
    key: toKey(key),
    ...(passphrase === undefined ? {} : { passphrase }),
  }
  try {
    createSecureContext(options)
  } catch (cause) {
    const reason = cause instanceof Error ? escapeText(cause.message, 128) : 'unknown'
    throw new MeshPkiError(
      'ERR_TLS_CREDENTIALS',
      `the credentials cannot be used: ${reason}. "cert" is PEM, the leaf first, and "key" the private key of that leaf`,
      { cause },
    )
  }
  return options
}

/** OpenSSL would go on without it. */
const isMissing = (part: unknown): boolean =>
  part === undefined ||
  part === null ||
  (typeof part === 'object' && 'length' in part && part.length === 0) ||
  part === ''

/** `node:tls` takes no KeyObject. */
function toKey(key: TlsCredentials['key']): string | Buffer {
  return key instanceof KeyObject ? key.export({ format: 'pem', type: 'pkcs8' }) : key
}

const isText = (part: unknown): boolean => typeof part === 'string' || part instanceof Uint8Array

function isList(cert: TlsCredentials['cert']): cert is readonly Certificate[] {
  return Array.isArray(cert)
}
