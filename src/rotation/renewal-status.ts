/**
 * Where a certificate stands in its life.
 *
 * @module
 */

import { checkOptionNames, typeName } from '../internal/options.ts'
import { type CertificateInput, toCertificate } from '../x509/certificate-input.ts'
import { type RenewalPolicy, renewalTime } from './renewal-time.ts'
import { retrySchedule } from './retry-schedule.ts'

/**
 * `fresh`: nothing to do yet. `due`: renew now. `expired`: its last second has passed. `not-yet-valid`: it has not begun, which
 * is a clock that is wrong or a CA that does not backdate.
 */
export type RenewalState = 'fresh' | 'due' | 'expired' | 'not-yet-valid'

/** What {@link renewalStatus} answers. */
export interface RenewalStatus {
  readonly state: RenewalState
  /** When it is due: {@link renewalTime}. */
  readonly renewAt: Date
  /** Its last second, which is still inside (RFC 5280 §4.1.2.5). */
  readonly expiresAt: Date
  /** How long until it is due, in milliseconds; 0 when it is. */
  readonly waitMs: number
  /** When to try again should the renewal at `renewAt` fail, those that lie ahead: `retrySchedule` with its defaults. */
  readonly retries: readonly Date[]
}

/** Options of {@link renewalStatus}. */
export interface RenewalStatusOptions {
  /** Default: now. */
  readonly now?: Date | undefined
}

/**
 * Whether a certificate is fresh, due or expired, and what comes next.
 *
 * The boundaries are those of Istio's root rotator (`GetWaitTime`): at its last second it is not yet expired, and a wait of
 * zero is a wait. Where that raises "should be renewed now" and "already expired", this answers `due` and `expired`.
 *
 * **Warning**: it looks at times only. Whether anybody trusts it is for `verifyPath`.
 *
 * @throws `TypeError` and `RangeError` for the options; what reading the certificate throws.
 *
 * @example
 * ```ts
 * import { RENEWAL_PRESETS, renewalStatus } from 'mesh-pki/rotation'
 * import type { Certificate } from 'mesh-pki/x509'
 *
 * declare const certificate: Certificate
 * const { state, renewAt, waitMs } = renewalStatus(certificate, RENEWAL_PRESETS.istioAgent)
 * console.log(state, renewAt.toISOString(), waitMs)
 * ```
 */
export function renewalStatus(
  certificate: CertificateInput,
  policy: RenewalPolicy,
  options: RenewalStatusOptions = {},
): RenewalStatus {
  checkOptionNames(options, ['now'], 'renewalStatus')
  const now = readNow(options.now)
  const read = toCertificate(certificate)
  const renewAt = renewalTime(read, policy)
  const expiresAt = read.notAfter
  const ahead = retrySchedule({ from: renewAt, until: expiresAt }).filter((at) => at.getTime() > now)
  return Object.freeze({
    state: stateAt(now, read.notBefore, renewAt, expiresAt),
    renewAt,
    expiresAt,
    waitMs: Math.max(0, renewAt.getTime() - now),
    retries: Object.freeze(ahead),
  })
}

function stateAt(now: number, notBefore: Date, renewAt: Date, notAfter: Date): RenewalState {
  // A certificate counts whole seconds, and its last one to its end.
  if (Math.floor(now / 1000) * 1000 > notAfter.getTime()) return 'expired'
  if (now < notBefore.getTime()) return 'not-yet-valid'
  return now < renewAt.getTime() ? 'fresh' : 'due'
}

/** To the millisecond: a wait is handed to a timer. */
function readNow(value: unknown): number {
  if (value === undefined) return Date.now()
  if (!(value instanceof Date) || Number.isNaN(value.getTime()))
    throw new TypeError(
      `option "now" must be a valid Date; got ${value instanceof Date ? 'an invalid one' : typeName(value)}`,
    )
  return value.getTime()
}
