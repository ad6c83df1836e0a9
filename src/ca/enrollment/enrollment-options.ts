/**
 * What the server's side of enrollment is made of.
 *
 * @module
 */

import type { VerifiedCsr } from '../../csr/proof-of-possession.ts'
import type { AbortSignalLike } from '../../internal/abort.ts'
import { type Clock, readClock } from '../../internal/clock.ts'
import { readDuration } from '../../internal/duration.ts'
import { checkOptionNames, readCount, readFunction } from '../../internal/options.ts'
import type { Certificate } from '../../x509/certificate.ts'
import type { IssuedCertificate } from '../authority-options.ts'
import { type EnrollmentRevocation, readRevocation } from './client-certificate.ts'
import { readReservedNames } from './cluster-name.ts'
import type { EnrollmentFailureCode } from './enrollment-refusal.ts'
import { type EnrollmentAnchors, LiveAnchors } from './live-anchors.ts'
import { type CheckedRate, type RateLimit, readRate } from './rate-limiter.ts'
import type { TokenStore } from './token-store.ts'

/** Which of the two operations. */
export type EnrollmentOperation = 'enroll' | 'renew'

/** What `issue` is told beside the request. */
export interface IssueContext {
  /** The cluster, as it must be the only name of the certificate. */
  readonly name: string
  /** Aborts when nobody waits for the certificate any longer. */
  readonly signal: AbortSignalLike
  /** The verified certificate that is to be followed; absent where a token came. */
  readonly renewal?: Certificate | undefined
}

/** What `authorize` is asked. */
export interface AuthorizeContext {
  readonly name: string
  readonly operation: EnrollmentOperation
  readonly csr: VerifiedCsr
}

/** Bounds of what clients can cause. */
export interface EnrollmentLimits {
  /** Octets of a request's body. Default 32,768. */
  readonly bytes?: number | undefined
  /** Certificates that a client may present. Default 8. */
  readonly certificates?: number | undefined
  /** Issuances at the same time; one more gets 503. Default 16. */
  readonly concurrent?: number | undefined
  /** For a request, from its first byte to its answer. Default `'30s'`. */
  readonly timeout?: string | undefined
  /** Requests of one address, or of one /64 of IPv6. Default 20 in `'1m'`: raise it where all come through one proxy. */
  readonly perClient?: RateLimit | undefined
  /** Requests by token of everybody together. Default 600 in `'1m'`. */
  readonly total?: RateLimit | undefined
  /** Renewals of one cluster. Default 10 in `'1m'`. They are not held up by requests with tokens. */
  readonly perName?: RateLimit | undefined
}

/** What happened, for logs and metrics. Neither tokens nor their whole hashes are in it. */
export interface EnrollmentEvent {
  /** `refused`: the client's fault. `failed`: ours; status 503. */
  readonly type: 'issued' | 'refused' | 'failed'
  /** `undefined` for a path that is none of ours. */
  readonly operation: EnrollmentOperation | undefined
  readonly status: number
  /** What the client was told; absent where a certificate was issued. */
  readonly code: EnrollmentFailureCode | undefined
  /** Why, in words; the client may have been told less. */
  readonly reason: string
  /** The cluster, as far as it was known. Verified only where `type` is `issued`. */
  readonly name: string | undefined
  /** The first eight digits of the token's hash, as `createEnrollmentToken` answered them. */
  readonly tokenId: string | undefined
  /** Where the request came from, as the connection says. */
  readonly client: string | undefined
  readonly certificate: Certificate | undefined
  /** What `issue`, `authorize` or a check threw. */
  readonly error: unknown
}

/** Options of `createEnrollmentHandler`. */
export interface EnrollmentHandlerOptions {
  /**
   * Issues. Only the key of the request is proven; name and lifetime are the issuer's to set. What it answers is
   * checked: the key of the request, the name alone, no CA, a path to `clientAnchors` for clients.
   */
  readonly issue: (csr: VerifiedCsr, context: IssueContext) => Promise<IssuedCertificate>
  readonly tokens: TokenStore
  /**
   * What the certificates of clusters lead to. A renewal needs one that does. Give the CA that signs them, and not a root
   * above it: whatever else that root certifies would count, too. A function must answer another value when they change.
   */
  readonly clientAnchors: EnrollmentAnchors
  /** What clusters are told to trust this server by: sent with each certificate. */
  readonly serverAnchors: EnrollmentAnchors
  /**
   * Names that no cluster gets: those of this server. A cluster's certificate is good for servers as well (Gloo's
   * profile), so that its holder could pose as this server. `*.example` is everything below `example`.
   */
  readonly reservedNames: readonly string[] | (() => readonly string[])
  /** Whether this cluster may, such as whether its name is registered. Asked after the token. Default: it may. */
  readonly authorize?: ((context: AuthorizeContext) => boolean | Promise<boolean>) | undefined
  /** How it is known which certificates were revoked. Without it a revoked certificate is renewed until it expires. */
  readonly revocation?: EnrollmentRevocation | undefined
  /** What stands before `/enroll` and `/renew`. Default `/enrollment/v1`. */
  readonly path?: string | undefined
  readonly limits?: EnrollmentLimits | undefined
  readonly clock?: Clock | undefined
  /** Told of everything. What it throws is ignored. */
  readonly onEvent?: ((event: EnrollmentEvent) => void) | undefined
}

/** Names of {@link EnrollmentHandlerOptions}. */
export const HANDLER_OPTIONS: readonly string[] = [
  'issue',
  'tokens',
  'clientAnchors',
  'serverAnchors',
  'reservedNames',
  'authorize',
  'revocation',
  'path',
  'limits',
  'clock',
  'onEvent',
]

const LIMIT_NAMES = ['bytes', 'certificates', 'concurrent', 'timeout', 'perClient', 'total', 'perName']

/** Options, checked and read once. */
export interface CheckedHandlerOptions
  extends Pick<EnrollmentHandlerOptions, 'issue' | 'tokens' | 'authorize' | 'onEvent'> {
  readonly clientAnchors: LiveAnchors
  readonly serverAnchors: LiveAnchors
  readonly reservedNames: () => readonly string[]
  readonly revocation: EnrollmentRevocation | undefined
  readonly path: string
  readonly clock: Clock
  readonly limits: {
    readonly bytes: number
    readonly certificates: number
    readonly concurrent: number
    readonly timeoutMs: number
    readonly perClient: CheckedRate
    readonly total: CheckedRate
    readonly perName: CheckedRate
  }
}

/** @throws `TypeError`, `RangeError`; `MeshPkiError` for anchors. */
export function readHandlerOptions(options: EnrollmentHandlerOptions): CheckedHandlerOptions {
  checkOptionNames(options, HANDLER_OPTIONS, 'createEnrollmentHandler')
  const { issue, tokens, authorize, onEvent, reservedNames, path = '/enrollment/v1', limits = {} } = options
  if (typeof issue !== 'function')
    throw new TypeError('option "issue" must be a function that issues certificates')
  if (typeof tokens?.consume !== 'function' || typeof tokens.commit !== 'function')
    throw new TypeError('option "tokens" must be a TokenStore')
  readFunction(authorize, 'authorize')
  readFunction(onEvent, 'onEvent')
  if (typeof path !== 'string' || !/^(?:\/[A-Za-z0-9._~-]+)*$/.test(path))
    throw new TypeError('option "path" must be empty, or like \'/enrollment/v1\', without a slash at its end')
  checkOptionNames(limits, LIMIT_NAMES, 'option "limits"')
  const fixed = typeof reservedNames === 'function' ? undefined : readReservedNames(reservedNames)
  return {
    issue,
    tokens,
    authorize,
    onEvent,
    path,
    clientAnchors: new LiveAnchors(options.clientAnchors, 'clientAnchors'),
    serverAnchors: new LiveAnchors(options.serverAnchors, 'serverAnchors'),
    reservedNames: () =>
      fixed ?? readReservedNames(typeof reservedNames === 'function' ? reservedNames() : undefined),
    revocation: readRevocation(options.revocation),
    clock: readClock(options.clock),
    limits: {
      bytes: readCount(limits.bytes ?? 32_768, 'limits.bytes', 256, 1_048_576),
      certificates: readCount(limits.certificates ?? 8, 'limits.certificates', 1, 32),
      concurrent: readCount(limits.concurrent ?? 16, 'limits.concurrent', 1, 10_000),
      timeoutMs: readDuration(limits.timeout ?? '30s', 'limits.timeout', { max: ['10m', 600_000] }),
      perClient: readRate(limits.perClient ?? { requests: 20, per: '1m' }, 'limits.perClient'),
      total: readRate(limits.total ?? { requests: 600, per: '1m' }, 'limits.total'),
      perName: readRate(limits.perName ?? { requests: 10, per: '1m' }, 'limits.perName'),
    },
  }
}
