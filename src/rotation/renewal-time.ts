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
  /** How long before its end it is renewed: `'6h'`. A certificate that lives no longer than that is renewed when a third remains. */
  readonly renewBefore?: string | undefined
  /**
   * How far the instant may lie from that, as a fraction of its life, either way; from 0 to 0.5. Default 0. Where in that range
   * follows from the serial number: a fleet is spread evenly, and one certificate has one instant, also after a restart.
   */
  readonly jitter?: number | undefined
  /** When it was issued. Default: `backdate` after its `notBefore`. */
  readonly issuedAt?: Date | undefined
  /** How far before issuance its CA lets validity begin. Default `'2m'`, as `mesh-pki/ca` and istiod. */
  readonly backdate?: string | undefined
}

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
  checkOptionNames(
    policy,
    ['gracePeriodRatio', 'renewBefore', 'jitter', 'issuedAt', 'backdate'],
    'renewalTime',
  )
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
  const jitter = readFraction(policy.jitter ?? 0, 'jitter', 0, 0.5)
  const serial = Certificate.bytesOf(read).subarray(layout.serialStart, layout.serialEnd)
  const ratio = remainingRatio(policy, life) + (jitter === 0 ? 0 : jitter * (2 * unitOf(serial) - 1))
  const due = Math.floor((notAfter - ratio * life) / 1000) * 1000
  return new Date(Math.min(Math.max(due, start), notAfter - 1000))
}

function remainingRatio({ gracePeriodRatio, renewBefore }: RenewalPolicy, life: number): number {
  if ((gracePeriodRatio === undefined) === (renewBefore === undefined))
    throw new TypeError(
      `renewalTime needs one of the options "gracePeriodRatio" and "renewBefore"; got ${renewBefore === undefined ? 'neither' : 'both'}`,
    )
  if (renewBefore !== undefined) {
    const before = readDuration(renewBefore, 'renewBefore')
    return before < life ? before / life : SHORT_LIFE_RATIO
  }
  const ratio = readFraction(gracePeriodRatio, 'gracePeriodRatio', 0, 1)
  if (ratio === 0 || ratio === 1)
    throw new RangeError(
      `option "gracePeriodRatio" must lie between 0 and 1; got ${ratio}. It is what remains: 0 would renew when it is too late, 1 at once and for ever`,
    )
  return ratio
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
