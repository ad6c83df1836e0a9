/**
 * `mesh-pki/verify`: paths from a certificate to a trust anchor, by RFC 5280 §6.1.
 *
 * @module
 */

export type { AnchorChecks, EkuStrictness, PathLimits, ReferenceName, VerifyPathOptions } from './options.ts'
export { PathError, type PathErrorCode } from './path-error.ts'
export { TrustStore, type TrustStoreOptions } from './trust-store.ts'
export { type CheckPathResult, checkPath, checkPathSync, VerifiedPath, verifyPath } from './verify-path.ts'
