/**
 * TLS as every connection here uses it.
 *
 * @module
 */

import { constants, type KeyObject } from 'node:crypto'
import type { TcpSocketConnectOpts } from 'node:net'
import { type ConnectionOptions, createSecureContext, type TlsOptions } from 'node:tls'
import { MeshPkiError } from '../errors.ts'
import { typeName } from '../internal/options.ts'
import { escapeText, quote } from '../internal/text.ts'
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

/**
 * Mozilla's "intermediate" configuration (SPIFFE Federation §5): TLS 1.2 with forward secrecy and AEAD, TLS 1.3.
 * No renegotiation: it would put another peer in the place of the one that was judged.
 */
export const TLS_SETTINGS: {
  readonly minVersion: 'TLSv1.2'
  readonly ciphers: string
  readonly secureOptions: number
} = {
  minVersion: 'TLSv1.2',
  secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
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

/** Options of `tls.connect` that decide nothing about trust, and show nothing before the verdict. */
export type ClientTlsOptions = Partial<
  Pick<ConnectionOptions & TcpSocketConnectOpts, (typeof CLIENT_NAMES)[number]>
>

/** Options of `tls.createServer` that decide nothing about trust, and show nothing before the verdict. */
export type ServerTlsOptions = Pick<TlsOptions, (typeof SERVER_NAMES)[number]>

const CLIENT_NAMES = [
  'ALPNProtocols',
  'autoSelectFamily',
  'autoSelectFamilyAttemptTimeout',
  'ecdhCurve',
  'enableTrace',
  'family',
  'hints',
  'keepAlive',
  'keepAliveInitialDelay',
  'localAddress',
  'localPort',
  'lookup',
  'maxVersion',
  'minDHSize',
  'minVersion',
  'noDelay',
  'servername',
  'sigalgs',
] as const

const SERVER_NAMES = [
  'ALPNCallback',
  'ALPNProtocols',
  'allowHalfOpen',
  'dhparam',
  'ecdhCurve',
  'enableTrace',
  'highWaterMark',
  'honorCipherOrder',
  'keepAlive',
  'keepAliveInitialDelay',
  'maxVersion',
  'minVersion',
  'noDelay',
  'sessionTimeout',
  'sigalgs',
] as const

/** Versions that `minVersion` may name. */
const VERSIONS: readonly unknown[] = ['TLSv1.2', 'TLSv1.3']

/** Further options of `tls.connect`, copied. @throws `TypeError` for others than {@link ClientTlsOptions}. */
export function readClientTls(tls: ClientTlsOptions | undefined): ClientTlsOptions {
  checkNames(tls, CLIENT_NAMES)
  return { ...tls }
}

/** Further options of `tls.createServer`, copied. @throws `TypeError` for others than {@link ServerTlsOptions}. */
export function readServerTls(tls: ServerTlsOptions | undefined): ServerTlsOptions {
  checkNames(tls, SERVER_NAMES)
  return { ...tls }
}

function checkNames(tls: ClientTlsOptions | ServerTlsOptions | undefined, known: readonly string[]): void {
  if (tls === undefined) return
  if (typeof tls !== 'object' || tls === null)
    throw new TypeError(`option "tls" must be an object; got ${typeName(tls)}`)
  for (const name in tls)
    if (!known.includes(name))
      throw new TypeError(
        `option "tls" must not have ${quote(name)}: who is trusted is said by bundles, expect and credentials, and the rest is set here. It may have ${known.join(', ')}`,
      )
  for (const version of ['minVersion', 'maxVersion'] as const)
    if (version in tls && !VERSIONS.includes(tls[version]))
      throw new TypeError(`option "tls.${version}" must be one of "TLSv1.2", "TLSv1.3"`)
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
  return typeof key === 'string' || Buffer.isBuffer(key) ? key : key.export({ format: 'pem', type: 'pkcs8' })
}

function isList(cert: TlsCredentials['cert']): cert is readonly Certificate[] {
  return Array.isArray(cert)
}
