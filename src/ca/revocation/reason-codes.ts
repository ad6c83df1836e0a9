/**
 * Reasons as numbers and as flags (RFC 5280 §5.3.1, §4.2.1.13).
 *
 * @module
 */

import type { RevocationReason } from '../../x509/revoked-certificate.ts'

/** CRLReason of each reason; 7 is not used. */
export const REASON_CODES: Readonly<Record<RevocationReason, number>> = {
  unspecified: 0,
  keyCompromise: 1,
  cACompromise: 2,
  affiliationChanged: 3,
  superseded: 4,
  cessationOfOperation: 5,
  certificateHold: 6,
  removeFromCRL: 8,
  privilegeWithdrawn: 9,
  aACompromise: 10,
}

/** Every reason. */
export const REASON_NAMES: readonly RevocationReason[] = [
  'unspecified',
  'keyCompromise',
  'cACompromise',
  'affiliationChanged',
  'superseded',
  'cessationOfOperation',
  'certificateHold',
  'removeFromCRL',
  'privilegeWithdrawn',
  'aACompromise',
]

/** Reasons that ReasonFlags have a bit for. */
export type ReasonFlagName = Exclude<RevocationReason, 'unspecified' | 'removeFromCRL'>

/** Bits of ReasonFlags, ASN.1 bit 0 lowest; bit 0 is not used. */
export const REASON_FLAGS: Readonly<Record<ReasonFlagName, number>> = {
  keyCompromise: 1 << 1,
  cACompromise: 1 << 2,
  affiliationChanged: 1 << 3,
  superseded: 1 << 4,
  cessationOfOperation: 1 << 5,
  certificateHold: 1 << 6,
  privilegeWithdrawn: 1 << 7,
  aACompromise: 1 << 8,
}

/** Names of the flags. */
export const REASON_FLAG_NAMES: readonly ReasonFlagName[] = [
  'keyCompromise',
  'cACompromise',
  'affiliationChanged',
  'superseded',
  'cessationOfOperation',
  'certificateHold',
  'privilegeWithdrawn',
  'aACompromise',
]
