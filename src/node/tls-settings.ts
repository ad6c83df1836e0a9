/**
 * TLS as every connection here uses it.
 *
 * @module
 */

import type { KeyObject } from 'node:crypto'
import type { SecureContextOptions } from 'node:tls'
import { typeName } from '../internal/options.ts'

/** What a peer proves its identity with: the SVID with its intermediates, and its key. As `node:tls` takes them. */
export interface TlsCredentials {
  /** PEM: the leaf, then its intermediates. The root need not be sent. */
  readonly cert: string | Buffer
  /** PEM. */
  readonly key: string | Buffer | KeyObject
  readonly passphrase?: string | undefined
}

/** Mozilla's "intermediate" configuration (SPIFFE Federation §5): TLS 1.2 with forward secrecy and AEAD, TLS 1.3. */
export const TLS_SETTINGS: SecureContextOptions = {
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
  'rejectUnauthorized',
  'checkServerIdentity',
  'ca',
  'crl',
  'session',
  'requestCert',
  'pfx',
  'minVersion',
  'ciphers',
  'secureContext',
  'secureOptions',
  'SNICallback',
  'sessionIdContext',
  'ticketKeys',
  'cert',
  'key',
  'passphrase',
]

/** Further options of `node:tls`. @throws `TypeError` for one that decides about trust. */
export function readTlsOptions<T extends object>(tls: T | undefined): T | undefined {
  if (tls === undefined) return undefined
  if (typeof tls !== 'object' || tls === null)
    throw new TypeError(`option "tls" must be an object; got ${typeName(tls)}`)
  for (const name of Object.keys(tls))
    if (OURS.includes(name))
      throw new TypeError(
        `option "tls" must not have "${name}": who is trusted is said by bundles and expect, and the rest is set here`,
      )
  return tls
}

/** Credentials for `node:tls`. @throws `TypeError` where one half is missing. */
export function readCredentials(credentials: TlsCredentials): SecureContextOptions {
  const { cert, key, passphrase } = credentials
  if (cert === undefined || key === undefined)
    throw new TypeError('credentials need both "cert", the SVID with its intermediates, and "key"')
  return { cert, key: toKey(key), passphrase }
}

/** `node:tls` takes no KeyObject. */
function toKey(key: TlsCredentials['key']): string | Buffer {
  return typeof key === 'string' || Buffer.isBuffer(key) ? key : key.export({ format: 'pem', type: 'pkcs8' })
}
