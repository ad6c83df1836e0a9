/**
 * Enrollment: a token and a request give a cluster its first certificate, and that one its next.
 *
 * @module
 */

export type { EnrollmentRevocation } from './client-certificate.ts'
export type { EnrollmentClientOptions } from './client-options.ts'
export {
  createTokenStore,
  type TokenRecords,
  type TokenStoreOptions,
  type VersionedToken,
} from './create-token-store.ts'
export { type EnrollOptions, enroll } from './enroll.ts'
export type { Enrollment } from './enrollment-client.ts'
export type {
  EnrollmentDial,
  EnrollmentDialer,
  EnrollmentLink,
  EnrollmentSend,
} from './enrollment-dialer.ts'
export {
  createEnrollmentHandler,
  type EnrollmentConnection,
  type EnrollmentHandler,
} from './enrollment-handler.ts'
export { type EnrollmentIssuerOptions, enrollmentIssuer } from './enrollment-issuer.ts'
export type {
  AuthorizeContext,
  EnrollmentEvent,
  EnrollmentHandlerOptions,
  EnrollmentLimits,
  EnrollmentOperation,
  IssueContext,
} from './enrollment-options.ts'
export type { EnrollmentFailureCode } from './enrollment-refusal.ts'
export type { EnrollmentRequest } from './enrollment-request.ts'
export {
  type CreateEnrollmentTokenOptions,
  createEnrollmentToken,
  type EnrollmentToken,
  enrollmentTokenHash,
  type ImportEnrollmentTokenOptions,
  type ImportedEnrollmentToken,
  importEnrollmentToken,
} from './enrollment-token.ts'
export type { AnchorsInput, EnrollmentAnchors } from './live-anchors.ts'
export { memoryTokenStore } from './memory-token-store.ts'
export type { RateLimit } from './rate-limiter.ts'
export { type RenewEnrollmentOptions, renewEnrollment } from './renew-enrollment.ts'
export type {
  TokenConsumption,
  TokenLease,
  TokenRecord,
  TokenRefusalReason,
  TokenStore,
  TokenUse,
} from './token-store.ts'
