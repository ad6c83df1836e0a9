/**
 * When a certificate is due to be renewed.
 *
 * @module
 */

import { sha256 } from '@noble/hashes/sha2.js'
import { readDuration } from '../internal/duration.ts'
import { checkOptionNames, readInstant, typeName } from '../internal/options.ts'
import { Certificate } from '../x509/certificate.ts'
import { type CertificateInput, toCertificate } from '../x509/certificate-input.ts'

/** When to renew, in terms of the life of a certificate. One of the first two is needed. */
export interface RenewalPolicy {
  /**
   * The fraction of its life that *remains* when it is renewed, above 0 and below 1: as Gloo Mesh's
   * `secretRotationGracePeriodRatio` and Istio's `SECRET_GRACE_PERIOD_RATIO` have it. 0.5 is the middle of its life, 0.1 near its end.
   */
  readonly gracePeriodRatio?: number | undefined
  /**
   * The most that remains when a ratio says when: `'30d'` renews a root of ten years 30 days before its end, as SPIRE's
   * `min(lifetime / 2, 30 d)` does. Jitter is then a fraction of the life for which the ratio would say the same. Default: no limit.
   */
  readonly maxRenewBefore?: string | undefined
  /** How long before its end it is renewed: `'6h'`. A certificate that lives no longer than that is renewed when a third remains. */
  readonly renewBefore?: string | undefined
  /**
   * How far the instant may lie from that, as a fraction of its life from 0 to 0.5: a number for both ways, or each way by
   * itself. Default 0. Where in that range follows from the serial number: a fleet is spread evenly, and one certificate
   * has one instant, also after a restart.
   */
  readonly jitter?: number | RenewalJitter | undefined
  /** When it was issued. Default: `backdate` after its `notBefore`. */
  readonly issuedAt?: Date | undefined
  /** How far before issuance its CA lets validity begin. Default `'2m'`, as `mesh-pki/ca` and istiod. */
  readonly backdate?: string | undefined
}

/** How far an instant may lie from the middle of its range, each way; fractions of a life from 0 to 0.5. */
export interface RenewalJitter {
  /** Default 0. */
  readonly earlier?: number | undefined
  /** Default 0. */
  readonly later?: number | undefined
}

const POLICY_NAMES: readonly string[] = [
  'gracePeriodRatio',
  'maxRenewBefore',
  'renewBefore',
  'jitter',
  'issuedAt',
  'backdate',
]

/** What remains of a life that is shorter than `renewBefore`; cert-manager's share. */
const SHORT_LIFE_RATIO = 1 / 3

/**
 * The instant at which a certificate is due to be renewed: a pure function of the certificate and the policy.
 *
 * It is never before the certificate was issued, and at least a second before its end. Life counts from issuance: a leaf of
 * a minute that begins two minutes ago is not already due.
 *
 * @throws `TypeError` and `RangeError` for the policy; what reading the certificate throws.
 *
 * @example
 * ```ts
 * import { renewalTime } from 'mesh-pki/rotation'
 * import type { Certificate } from 'mesh-pki/x509'
 *
 * declare const certificate: Certificate
 * const due = renewalTime(certificate, { gracePeriodRatio: 0.5, jitter: 0.05 })
 * if (due <= new Date()) console.log('renew now')
 * ```
 */
export function renewalTime(certificate: CertificateInput, policy: RenewalPolicy): Date {
  checkOptionNames(policy, POLICY_NAMES, 'renewalTime')
  const read = toCertificate(certificate)
  const layout = Certificate.layoutOf(read)
  const { notBefore, notAfter } = layout
  const issued =
    policy.issuedAt === undefined
      ? notBefore + readDuration(policy.backdate ?? '2m', 'backdate', { allowZero: true })
      : readInstant(policy.issuedAt, 'issuedAt')
  // What is said of its issuance cannot be true where it lies outside of its validity.
  const start = issued > notBefore && issued < notAfter ? issued : notBefore
  const life = notAfter - start
  const [ratio, counted] = remainingRatio(policy, life)
  const { earlier, later } = readJitter(policy.jitter ?? 0)
  const serial = Certificate.bytesOf(read).subarray(layout.serialStart, layout.serialEnd)
  const shift = earlier + later === 0 ? 0 : (earlier + later) * unitOf(serial) - later
  const due = Math.floor((notAfter - (ratio + shift) * counted) / 1000) * 1000
  return new Date(Math.min(Math.max(due, start), notAfter - 1000))
}

/** What remains, as a fraction, and the life of which it is one. */
function remainingRatio(policy: RenewalPolicy, life: number): readonly [ratio: number, of: number] {
  const { gracePeriodRatio, maxRenewBefore, renewBefore } = policy
  if ((gracePeriodRatio === undefined) === (renewBefore === undefined))
    throw new TypeError(
      `renewalTime needs one of the options "gracePeriodRatio" and "renewBefore"; got ${renewBefore === undefined ? 'neither' : 'both'}`,
    )
  if (renewBefore !== undefined) {
    if (maxRenewBefore !== undefined)
      throw new TypeError(
        'option "maxRenewBefore" limits what a "gracePeriodRatio" leaves; "renewBefore" says it already',
      )
    const before = readDuration(renewBefore, 'renewBefore')
    return [before < life ? before / life : SHORT_LIFE_RATIO, life]
  }
  const ratio = readGraceRatio(gracePeriodRatio, 'gracePeriodRatio')
  if (maxRenewBefore === undefined) return [ratio, life]
  // Of the life that gives the limit, so that jitter does not reach past the end of a long one.
  return [ratio, Math.min(life, readDuration(maxRenewBefore, 'maxRenewBefore') / ratio)]
}

/** A fraction that remains. @throws `TypeError`, `RangeError`. */
export function readGraceRatio(value: unknown, option: string): number {
  const ratio = readFraction(value, option, 0, 1)
  if (ratio === 0 || ratio === 1)
    throw new RangeError(
      `option "${option}" must lie between 0 and 1; got ${ratio}. It is what remains: 0 would renew when it is too late, 1 at once and for ever`,
    )
  return ratio
}

function readJitter(value: unknown): { readonly earlier: number; readonly later: number } {
  if (value === null || typeof value !== 'object') {
    const both = readFraction(value, 'jitter', 0, 0.5)
    return { earlier: both, later: both }
  }
  checkOptionNames(value, ['earlier', 'later'], 'option "jitter"')
  const { earlier = 0, later = 0 }: { readonly earlier?: unknown; readonly later?: unknown } = value
  return {
    earlier: readFraction(earlier, 'jitter.earlier', 0, 0.5),
    later: readFraction(later, 'jitter.later', 0, 0.5),
  }
}

function readFraction(value: unknown, option: string, min: number, max: number): number {
  if (typeof value !== 'number')
    throw new TypeError(`option "${option}" must be a number; got ${typeName(value)}`)
  if (!(value >= min && value <= max))
    throw new RangeError(`option "${option}" must be from ${min} to ${max}; got ${value}`)
  return value
}

/** A number from 0 to 1 that a serial number always has: the first 48 bits of its SHA-256. */
function unitOf(serial: Uint8Array): number {
  let value = 0
  for (const byte of sha256(serial).subarray(0, 6)) value = value * 256 + byte
  return value / 2 ** 48
}
