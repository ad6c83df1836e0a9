/**
 * TLS as every connection here uses it.
 *
 * @module
 */

import type { KeyObject } from 'node:crypto'
import { createSecureContext } from 'node:tls'
import { MeshPkiError } from '../errors.ts'
import { typeName } from '../internal/options.ts'
import { escapeText } from '../internal/text.ts'
import type { Certificate } from '../x509/certificate.ts'

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

/** Mozilla's "intermediate" configuration (SPIFFE Federation §5): TLS 1.2 with forward secrecy and AEAD, TLS 1.3. */
export const TLS_SETTINGS: { readonly minVersion: 'TLSv1.2'; readonly ciphers: string } = {
  minVersion: 'TLSv1.2',
  ciphers: [
    'TLS_AES_128_GCM_SHA256',
    'TLS_AES_256_GCM_SHA384',
    'TLS_CHACHA20_POLY1305_SHA256',
    'ECDHE-ECDSA-AES128-GCM-SHA256',
    'ECDHE-RSA-AES128-GCM-SHA256',
    'ECDHE-ECDSA-AES256-GCM-SHA384',
    'ECDHE-RSA-AES256-GCM-SHA384',
    'ECDHE-ECDSA-CHACHA20-POLY1305',
    'ECDHE-RSA-CHACHA20-POLY1305',
    'DHE-RSA-AES128-GCM-SHA256',
    'DHE-RSA-AES256-GCM-SHA384',
    'DHE-RSA-CHACHA20-POLY1305',
  ].join(':'),
}

/** Options of `node:tls` that decide about trust, which is decided here. */
const OURS = [
  'ca',
  'cert',
  'checkServerIdentity',
  'ciphers',
  'crl',
  'key',
  'passphrase',
  'pfx',
  'pskCallback',
  'rejectUnauthorized',
  'requestCert',
  'secureContext',
  'secureOptions',
  'secureProtocol',
  'session',
  'sessionIdContext',
  'SNICallback',
  'socket',
  'ticketKeys',
]

/** Versions that `minVersion` may name. */
const VERSIONS: readonly unknown[] = ['TLSv1.2', 'TLSv1.3']

/** Further options of `node:tls`, copied. @throws `TypeError` for one that decides about trust. */
export function readTlsOptions<T extends object>(tls: T | undefined): T | undefined {
  if (tls === undefined) return undefined
  if (typeof tls !== 'object' || tls === null)
    throw new TypeError(`option "tls" must be an object; got ${typeName(tls)}`)
  // Inherited members count for node:tls, so they count here.
  for (const name in tls)
    if (OURS.includes(name))
      throw new TypeError(
        `option "tls" must not have "${name}": who is trusted is said by bundles, expect and credentials, and the rest is set here`,
      )
  for (const name of ['minVersion', 'maxVersion'])
    if (name in tls && !VERSIONS.includes(Reflect.get(tls, name)))
      throw new TypeError(`option "tls.${name}" must be one of "TLSv1.2", "TLSv1.3"`)
  return { ...tls }
}

/**
 * Credentials for `node:tls`.
 *
 * @throws `TypeError` where one half is missing; `MeshPkiError` `ERR_TLS_CREDENTIALS` for what OpenSSL does not
 * take, such as a key that is not the certificate's.
 */
export function readCredentials(credentials: TlsCredentials): KeyMaterial {
  const { cert, key, passphrase } = credentials
  if (cert === undefined || key === undefined)
    throw new TypeError('credentials need both "cert", the SVID with its intermediates, and "key"')
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

/** `node:tls` takes no KeyObject. */
function toKey(key: TlsCredentials['key']): string | Buffer {
  return typeof key === 'string' || Buffer.isBuffer(key) ? key : key.export({ format: 'pem', type: 'pkcs8' })
}

function isList(cert: TlsCredentials['cert']): cert is readonly Certificate[] {
  return Array.isArray(cert)
}
