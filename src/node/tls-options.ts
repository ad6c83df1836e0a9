/**
 * Which options of `node:tls` a caller may add.
 *
 * @module
 */

import type { TcpSocketConnectOpts } from 'node:net'
import type { ConnectionOptions, TlsOptions } from 'node:tls'
import { typeName } from '../internal/options.ts'
import { quote } from '../internal/text.ts'

/** Options of `tls.connect` that decide nothing about trust, and show nothing before the verdict. */
export type ClientTlsOptions = Known<ConnectionOptions & TcpSocketConnectOpts, (typeof CLIENT_NAMES)[number]>

/** Options of `tls.createServer` that decide nothing about trust, and show nothing before the verdict. */
export type ServerTlsOptions = Known<TlsOptions, (typeof SERVER_NAMES)[number]>

/** Those of the names that the declarations of Node have: they differ from release to release. */
type Known<Options, Names extends string> = { [Name in Names & keyof Options]?: Options[Name] | undefined }

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
  return tls === undefined ? {} : copyKnown(tls, CLIENT_NAMES)
}

/** Further options of `tls.createServer`, copied. @throws `TypeError` for others than {@link ServerTlsOptions}. */
export function readServerTls(tls: ServerTlsOptions | undefined): ServerTlsOptions {
  return tls === undefined ? {} : copyKnown(tls, SERVER_NAMES)
}

function copyKnown<T extends ClientTlsOptions | ServerTlsOptions>(
  tls: T,
  known: readonly string[],
): Partial<T> {
  if (typeof tls !== 'object' || tls === null || Array.isArray(tls))
    throw new TypeError(`option "tls" must be an object; got ${typeName(tls)}`)
  const copy: Partial<T> = {}
  // Each is read once, and those of a prototype count, too.
  for (const name in tls) {
    if (!known.includes(name))
      throw new TypeError(
        `option "tls" must not have ${quote(name)}: who is trusted is said by bundles, expect and credentials, and the rest is set here. It may have ${known.join(', ')}`,
      )
    const value = tls[name]
    if (value === undefined) continue
    if ((name === 'minVersion' || name === 'maxVersion') && !VERSIONS.includes(value))
      throw new TypeError(`option "tls.${name}" must be one of "TLSv1.2", "TLSv1.3"`)
    copy[name] = value
  }
  return copy
}
