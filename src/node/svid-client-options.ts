/**
 * Options for libraries that open TLS connections by themselves.
 *
 * @module
 */

import { createHash } from 'node:crypto'
import type { PeerCertificate } from 'node:tls'
import { checkOptionNames } from '../internal/options.ts'
import { SpiffeBundle } from '../spiffe/spiffe-bundle.ts'
import { type ExpectedIdentity, readMatcher } from '../spiffe/spiffe-matcher.ts'
import { checkSvidSync } from '../spiffe/verify-svid.ts'
import type { PeerOptions } from './connect-svid.ts'
import { linkedChain } from './presented-chain.ts'
import { readCredentials, TLS_SETTINGS, type TlsCredentials } from './tls-settings.ts'

/** Options of {@link svidClientOptions}. */
export interface SvidClientOptions extends Omit<PeerOptions, 'bundles'> {
  /** The bundle of the server's trust domain, as it is now. */
  readonly bundle: SpiffeBundle
  /** Who must answer. */
  readonly expect: ExpectedIdentity
  readonly credentials?: TlsCredentials | undefined
}

/** What {@link svidClientOptions} answers: members of `ConnectionOptions`, only those that are set. */
export interface SvidConnectionOptions {
  readonly ca: string | never[]
  readonly cert?: string | Buffer
  readonly key?: string | Buffer
  readonly passphrase?: string
  readonly minVersion: 'TLSv1.2'
  readonly ciphers: string
  readonly rejectUnauthorized: true
  readonly sessionIdContext: string
  readonly checkServerIdentity: (host: string, peer: PeerCertificate) => Error | undefined
}

/** Octets of a session id context (OpenSSL, SSL_MAX_SID_CTX_LENGTH). */
const CONTEXT_LENGTH = 32

/**
 * Options for `https.request`, `undici`, `http2`, gRPC and whatever else takes those of `tls.connect`.
 *
 * The server is judged by OpenSSL with the bundle as its roots, and then by `checkSvidSync` in
 * `checkServerIdentity`, which cannot wait. A session is bound to the digest of the bundle and to what is
 * expected: OpenSSL refuses to resume it in another context, and `https.Agent` does not share it. So **make new
 * options for each connection, or whenever the bundle changes**: a session that is resumed within one context
 * shows no certificate and is judged by nobody.
 *
 * Prefer `connectSvid` where you can: OpenSSL applies rules for web sites too, so that it refuses some valid
 * SVIDs (below a CA with narrower extended key usage, or an authority that is not self-signed).
 *
 * @throws `TypeError` for options.
 *
 * @example
 * ```ts
 * import { request } from 'node:https'
 * import { svidClientOptions } from 'mesh-pki/node'
 * import type { SpiffeBundle } from 'mesh-pki/spiffe'
 *
 * declare const bundle: SpiffeBundle
 * const expect = 'spiffe://kind2/ns/default/sa/bookinfo-ratings'
 * request('https://ratings.default.svc:8443/', svidClientOptions({ bundle, expect })).end()
 * ```
 */
export function svidClientOptions(options: SvidClientOptions): SvidConnectionOptions {
  checkOptionNames(
    options,
    ['bundle', 'expect', 'credentials', 'signers', 'crls', 'revocation', 'limits'],
    'svidClientOptions',
  )
  const { bundle, credentials, signers, crls, revocation, limits } = options
  if (!(bundle instanceof SpiffeBundle)) throw new TypeError('option "bundle" must be a SpiffeBundle')
  if (options.expect === undefined)
    throw new TypeError('svidClientOptions needs the option "expect": who must answer')
  const expect = readMatcher(options.expect, 'expect')
  return {
    ...TLS_SETTINGS,
    ...(credentials === undefined ? {} : readCredentials(credentials)),
    // Without authorities there must be no fallback to the roots of the system.
    ca: bundle.toPem() === '' ? [] : bundle.toPem(),
    rejectUnauthorized: true,
    sessionIdContext: contextOf(bundle, String(expect), crls === undefined ? '' : String(performance.now())),
    checkServerIdentity: (_host: string, peer: PeerCertificate) => {
      const asked = { bundles: bundle, expect, signers, crls, revocation, limits }
      const result = checkSvidSync(linkedChain(peer), asked)
      return result.ok ? undefined : result.error
    },
  }
}

/** Where CRLs are asked no session is shared: what they say may have changed. */
function contextOf(bundle: SpiffeBundle, expected: string, unique: string): string {
  const digest = createHash('sha256').update(JSON.stringify([bundle.digest(), expected, unique]))
  return digest.digest('hex').slice(0, CONTEXT_LENGTH)
}
