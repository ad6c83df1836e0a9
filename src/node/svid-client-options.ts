/**
 * Options for libraries that open TLS connections by themselves.
 *
 * @module
 */

import { randomBytes, X509Certificate } from 'node:crypto'
import type { PeerCertificate } from 'node:tls'
import { checkOptionNames } from '../internal/options.ts'
import { SpiffeBundle } from '../spiffe/spiffe-bundle.ts'
import { type ExpectedIdentity, readExpectation } from '../spiffe/spiffe-matcher.ts'
import { type PeerOptions, PeerPolicy } from './peer-policy.ts'
import { linkedChain } from './presented-chain.ts'
import { readCredentials, type TlsCredentials } from './tls-credentials.ts'
import { TLS_SETTINGS } from './tls-settings.ts'

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
  readonly ca: string[]
  readonly cert?: string | Buffer
  readonly key?: string | Buffer
  readonly passphrase?: string
  readonly minVersion: 'TLSv1.2'
  readonly ciphers: string
  readonly secureOptions: number
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
 * `checkServerIdentity`, which cannot wait. A session is bound to the options that one call made: OpenSSL refuses
 * to resume it under others, and `https.Agent` shares neither it nor a connection with them. So **make new options
 * for each connection, or whenever the bundle changes**: a session that is resumed under the same options shows
 * no certificate and is judged by nobody, also where CRLs are asked or the path has expired.
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
  const { bundle, credentials, expect, ...rest } = options
  if (!(bundle instanceof SpiffeBundle)) throw new TypeError('option "bundle" must be a SpiffeBundle')
  if (expect === undefined)
    throw new TypeError('svidClientOptions needs the option "expect": who must answer')
  const policy = new PeerPolicy({ ...rest, bundles: bundle }, readExpectation(expect))
  return {
    ...TLS_SETTINGS,
    ...(credentials === undefined ? {} : readCredentials(credentials)),
    // Also without any: there must be no fallback to the roots of the system.
    ca: rootsOf(bundle),
    rejectUnauthorized: true,
    // Nobody else has it, so that no session and no connection of other options is taken.
    sessionIdContext: randomBytes(CONTEXT_LENGTH / 2).toString('hex'),
    checkServerIdentity: (_host: string, peer: PeerCertificate) => {
      // What is thrown here, by a matcher for instance, would leave the connection standing.
      try {
        const result = policy.checkSync(linkedChain(peer), new Date())
        return result.ok ? undefined : result.error
      } catch (error) {
        return error instanceof Error ? error : new Error('the check of the server failed', { cause: error })
      }
    },
  }
}

/**
 * The authorities that OpenSSL takes for their own issuers. Node walks from the leaf to one of those and looks for
 * issuers among all of `ca`: two that were issued by each other would keep it walking for ever.
 */
function rootsOf(bundle: SpiffeBundle): string[] {
  return bundle.x509Authorities
    .map((authority) => authority.toPem())
    .filter((pem) => {
      const root = new X509Certificate(pem)
      return root.checkIssued(root)
    })
}
