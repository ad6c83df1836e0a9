/**
 * What the client's side of enrollment is made of.
 *
 * @module
 */

import { MeshPkiError } from '../../errors.ts'
import { type AbortSignalLike, readSignal } from '../../internal/abort.ts'
import { type Clock, readClock } from '../../internal/clock.ts'
import { readDuration } from '../../internal/duration.ts'
import { typeName } from '../../internal/options.ts'
import { quote } from '../../internal/text.ts'
import type { WebCryptoLike } from '../../internal/web-crypto.ts'
import type { ReferenceName } from '../../verify/options.ts'
import { TrustStore } from '../../verify/trust-store.ts'
import { toCertificates } from '../../x509/certificate-input.ts'
import type { CertificateListInput } from '../../x509/certificate-list.ts'
import { normalizeDnsName } from '../../x509/dns-name.ts'
import type { KeyAlgorithm } from '../../x509/generate-key-pair.ts'
import { parseIpAddress } from '../../x509/ip-address.ts'
import type { SignerInput } from '../../x509/resolve-signer.ts'
import type { EnrollmentDialer } from './enrollment-dialer.ts'
import type { AnchorsInput } from './live-anchors.ts'

/** What {@link enroll} and {@link renewEnrollment} share. */
export interface EnrollmentClientOptions {
  /** The server with the path of its handler: `https://relay.example:9900/enrollment/v1`. */
  readonly url: string
  /** How to connect. On Node: `enrollmentDialer()` of `mesh-pki/node`. */
  readonly dial: EnrollmentDialer
  /** What the server's certificate must lead to. Nothing that a server sends changes it. */
  readonly anchors: AnchorsInput
  /** What the new certificate must lead to. Default: `anchors`. */
  readonly clientAnchors?: AnchorsInput | undefined
  /** The DNS name that the server's certificate must have (RFC 9525). Default: the host of the URL. */
  readonly serverName?: string | undefined
  /** CRLs for the server's certificate; each of its path must be shown not to be revoked. */
  readonly crls?: CertificateListInput | readonly CertificateListInput[] | undefined
  /** The new key: a `PrivateKey`, a pair, any `Signer`, or the kind of key to make. Default `'P-256'`. */
  readonly key?: SignerInput | KeyAlgorithm | undefined
  /** Whether a key that is made here may be exported, to be stored. Default `false`. */
  readonly extractable?: boolean | undefined
  /** A WebCrypto implementation that shall make the key. */
  readonly crypto?: WebCryptoLike | undefined
  /** For the key's signature, connection, request and answer. Default `'30s'`. */
  readonly timeout?: string | undefined
  readonly clock?: Clock | undefined
  readonly signal?: AbortSignalLike | undefined
}

/** Names of {@link EnrollmentClientOptions}. */
export const CLIENT_OPTIONS: readonly string[] = [
  'url',
  'dial',
  'anchors',
  'clientAnchors',
  'serverName',
  'crls',
  'key',
  'extractable',
  'crypto',
  'timeout',
  'clock',
  'signal',
]

/** Options, checked and read once. */
export interface CheckedClientOptions
  extends Pick<EnrollmentClientOptions, 'dial' | 'crls' | 'extractable' | 'crypto'> {
  /** Scheme, host, port and path, without a final slash. */
  readonly url: string
  readonly store: TrustStore
  readonly clientStore: TrustStore
  readonly reference: ReferenceName
  /** For the handshake. */
  readonly sni: string | undefined
  readonly key: SignerInput | KeyAlgorithm
  readonly timeoutMs: number
  readonly clock: Clock
  readonly signal: AbortSignalLike | undefined
}

/** @throws `TypeError`, `RangeError`; `MeshPkiError` `ERR_ENROLLMENT_URL`, and for anchors. */
export function readClientOptions(options: EnrollmentClientOptions): CheckedClientOptions {
  const { dial, anchors, clientAnchors, crls, extractable, crypto, serverName } = options
  if (typeof dial !== 'function') throw new TypeError('option "dial" must be a function that connects')
  if (anchors === undefined) throw new TypeError('the option "anchors" is needed')
  const url = readUrl(options.url)
  const store = new TrustStore({ anchors: toCertificates(anchors, 'anchors') })
  return {
    dial,
    crls,
    extractable,
    crypto,
    url: `${url.origin}${url.pathname.replace(/\/$/, '')}`,
    store,
    clientStore:
      clientAnchors === undefined
        ? store
        : new TrustStore({ anchors: toCertificates(clientAnchors, 'clientAnchors') }),
    ...readServerName(serverName, url),
    key: options.key ?? 'P-256',
    timeoutMs: readDuration(options.timeout ?? '30s', 'timeout'),
    clock: readClock(options.clock),
    signal: readSignal(options.signal),
  }
}

/** A text that is no URL is not shown: a password in it may be the reason why it is none. */
function readUrl(text: unknown): URL {
  if (typeof text !== 'string') throw new TypeError(`option "url" must be a string; got ${typeName(text)}`)
  // Form and scheme before `URL` repairs them.
  const url =
    /^https:\/\/[^/?#@\\\s]+(?:\/[^?#\\\s]*)?$/i.test(text) && URL.canParse(text) ? new URL(text) : undefined
  if (url !== undefined && url.hostname !== '') return url
  throw new MeshPkiError(
    'ERR_ENROLLMENT_URL',
    'the URL of an enrollment server must be https://<host>/<path>, without user information, query and fragment: a token is sent over authenticated TLS or not at all',
  )
}

function readServerName(
  serverName: unknown,
  { hostname }: URL,
): { readonly reference: ReferenceName; readonly sni: string | undefined } {
  const name = serverName === undefined ? hostname.replace(/^\[|\]$/g, '') : serverName
  if (typeof name !== 'string')
    throw new TypeError(`option "serverName" must be a DNS name; got ${typeName(name)}`)
  if (serverName === undefined && parseIpAddress(name) !== undefined)
    return { reference: { ip: name }, sni: undefined }
  if (normalizeDnsName(name, false) === undefined || parseIpAddress(name) !== undefined)
    throw new TypeError(`option "serverName" must be a DNS name, without a wildcard; got ${quote(name, 64)}`)
  return { reference: { dns: name }, sni: name }
}
