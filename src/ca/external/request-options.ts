/**
 * What an external issuer is asked for, and how, as callers write it.
 *
 * @module
 */

import type { CsrInput } from '../../csr/csr.ts'
import type { VerifiedCsr } from '../../csr/proof-of-possession.ts'
import type { AbortSignalLike } from '../../internal/abort.ts'
import { RETRY_OPTION_NAMES, type RetryOptions } from '../../internal/backoff.ts'
import type { Clock } from '../../internal/clock.ts'
import type { SpiffeId } from '../../spiffe/spiffe-id.ts'
import type { CertificateInput } from '../../x509/certificate-input.ts'
import type { Oid } from '../../x509/extensions/extended-key-usage.ts'
import type { KeyUsageName } from '../../x509/extensions/key-usage.ts'
import type { GeneralName, GeneralNameInput } from '../../x509/general-name.ts'
import type { NameInput } from '../../x509/name.ts'
import type { NameConstraintsInput } from '../name-constraints-input.ts'

/** How long a certificate may be valid. */
export interface LifetimeBounds {
  /** What is asked for, and the most that is taken; an issuer whose clock is a minute ahead is forgiven that. */
  readonly max: string
  /** The least that must be left of it on arrival, but for a minute. Default: anything that is valid now. */
  readonly min?: string | undefined
  /** How far before it was asked for validity may begin, but for a minute. Default `'1h'`, as AWS Private CA does. */
  readonly backdate?: string | undefined
}

/** What happens between `requestCertificate` and an issuer. */
export interface IssuerEvent {
  /** `'failed'`: a call failed or took too long. `'pending'`: the certificate is still being made. */
  readonly type: 'failed' | 'pending'
  readonly call: 'issue' | 'lookup'
  /** Which call of its kind it was, counted from 1. */
  readonly attempt: number
  readonly requestId: string
  readonly error?: unknown
}

/** Options of `requestCertificate`. */
export interface RequestCertificateOptions extends RetryOptions {
  readonly csr: CsrInput | VerifiedCsr
  /** The roots that the chain may lead to; certificates, or PEM with several. */
  readonly anchors: CertificateInput | readonly CertificateInput[]
  readonly lifetime: LifetimeBounds
  /** Default: the subject of the request. Compared by RFC 5280 §7.1. */
  readonly subject?: NameInput | undefined
  /** The SPIFFE ID: the one URI among the names. */
  readonly id?: SpiffeId | string | undefined
  /** All other names; exactly these, in any order. Default: with `id` none, else those of the request. */
  readonly subjectAltNames?: readonly (GeneralNameInput | GeneralName)[] | undefined
  /** Whether a CA is asked for. Default `false`. */
  readonly isCa?: boolean | undefined
  /**
   * For a CA: how many CAs may follow, exactly; a smaller number would break what is planned below it, a greater one
   * allows what was not asked for. `'none'` is no limit. Default 0.
   */
  readonly pathLength?: number | 'none' | undefined
  /**
   * What a workload is for: its extended key usage must list exactly these. A CA and its chain must allow them below
   * it. Default `serverAuth` and `clientAuth`; `'any'` takes whatever comes.
   */
  readonly purposes?: readonly ('serverAuth' | 'clientAuth' | Oid)[] | 'any' | undefined
  /** Key usage that must be there. Default `digitalSignature`, for a CA `keyCertSign`. */
  readonly keyUsage?: readonly KeyUsageName[] | undefined
  /** For a CA: exactly these constraints. Default: none. `'any'` takes whatever comes. */
  readonly nameConstraints?: NameConstraintsInput | 'any' | undefined
  /** The name of this wish. Default: a digest of request and wish; see `IssuerRequest.requestId`. */
  readonly requestId?: string | undefined
  /**
   * Asks what became of this wish before asking for it: after a restart, or an unknown outcome. Then the certificate may
   * have been made at any time before. Default `false`.
   */
  readonly resume?: boolean | undefined
  /** How long one call may take. Default `'30s'`. */
  readonly timeout?: string | undefined
  /** How long to look for a certificate that is pending. Default `'5m'`. */
  readonly pendingTimeout?: string | undefined
  readonly clock?: Clock | undefined
  /** Ends everything with its reason. What the issuer made by then stays unknown. */
  readonly signal?: AbortSignalLike | undefined
  /** Told of calls that failed. What it throws is ignored. */
  readonly onEvent?: ((event: IssuerEvent) => void) | undefined
}

/** The names of {@link RequestCertificateOptions}. */
export const REQUEST_OPTION_NAMES: readonly string[] = [
  ...RETRY_OPTION_NAMES,
  'csr',
  'anchors',
  'lifetime',
  'subject',
  'id',
  'subjectAltNames',
  'isCa',
  'pathLength',
  'purposes',
  'keyUsage',
  'nameConstraints',
  'requestId',
  'resume',
  'pendingTimeout',
  'clock',
  'signal',
  'onEvent',
]
