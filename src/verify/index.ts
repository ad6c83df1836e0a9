/**
 * `mesh-pki/verify`: paths from a certificate to a trust anchor, by RFC 5280 §6.1 and §6.3.
 *
 * @module
 */

export { MeshPkiError } from '../errors.ts'
export { explain } from './explain.ts'
export type {
  AnchorChecks,
  EkuStrictness,
  PathLimits,
  PolicyOptions,
  ReferenceName,
  RevocationMode,
  TrustAnchorInput,
  VerifyPathOptions,
} from './options.ts'
export { PathError, type PathErrorCode, type PathErrorOptions } from './path-error.ts'
export type { ProfileRule, ProfileRules } from './profile-rules.ts'
export type { Rfc5280Rule } from './rfc5280-rules.ts'
export { TrustAnchor, type TrustAnchorParameters } from './trust-anchor.ts'
export { TrustStore, type TrustStoreOptions } from './trust-store.ts'
export { VerifiedPath } from './verified-path.ts'
export { type CheckPathResult, checkPath, checkPathSync, verifyPath } from './verify-path.ts'
export type { WebPkiRule } from './web-pki-rules.ts'
