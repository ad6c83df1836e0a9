/**
 * `mesh-pki/ca`: root CAs, intermediates and workload certificates.
 *
 * @module
 */

export type {
  CertificateAuthorityOptions,
  IssuedCertificate,
  IssueIntermediateOptions,
  IssueWorkloadOptions,
} from './authority-options.ts'
export { CertificateAuthority } from './certificate-authority.ts'
export {
  checkHierarchy,
  type HierarchyPlan,
  type PlannedCa,
  type PlannedWorkload,
} from './check-hierarchy.ts'
export { type CreateRootCaOptions, createRootCa } from './create-root-ca.ts'
export type { CrlSource } from './enrollment/client-certificate.ts'
export {
  type AnchorsInput,
  type AuthorizeContext,
  type CreateEnrollmentTokenOptions,
  createEnrollmentHandler,
  createEnrollmentToken,
  createTokenStore,
  type Enrollment,
  type EnrollmentAnchors,
  type EnrollmentClientOptions,
  type EnrollmentConnection,
  type EnrollmentDial,
  type EnrollmentDialer,
  type EnrollmentEvent,
  type EnrollmentFailureCode,
  type EnrollmentHandler,
  type EnrollmentHandlerOptions,
  type EnrollmentIssuerOptions,
  type EnrollmentLimits,
  type EnrollmentLink,
  type EnrollmentOperation,
  type EnrollmentRequest,
  type EnrollmentRevocation,
  type EnrollmentSend,
  type EnrollmentToken,
  type EnrollOptions,
  enroll,
  enrollmentIssuer,
  enrollmentTokenHash,
  type ImportEnrollmentTokenOptions,
  type ImportedEnrollmentToken,
  type IssueContext,
  importEnrollmentToken,
  memoryTokenStore,
  type RateLimit,
  type RenewEnrollmentOptions,
  renewEnrollment,
  type TokenConsumption,
  type TokenLease,
  type TokenRecord,
  type TokenRecords,
  type TokenRefusalReason,
  type TokenStore,
  type TokenStoreOptions,
  type TokenUse,
  type VersionedToken,
} from './enrollment/index.ts'
export type { CertificateMismatch } from './external/certificate-mismatch.ts'
export type {
  CertificateIntent,
  ExternalIssuer,
  IssuerAnswer,
  IssuerCallOptions,
  IssuerRequest,
} from './external/external-issuer.ts'
export { IssuerFailure, type IssuerFailureOptions } from './external/issuer-failure.ts'
export { type LocalCa, type LocalIssuerOptions, localIssuer } from './external/local-issuer.ts'
export { requestCertificate } from './external/request-certificate.ts'
export type { IssuerEvent, LifetimeBounds, RequestCertificateOptions } from './external/request-options.ts'
export type { HierarchyFinding } from './judge-planned.ts'
export type { KeyIdentifierMethod } from './key-identifier.ts'
export {
  type ArchitecturePosture,
  type BundleSourcePosture,
  checkFederation,
  type FederationCell,
  type FederationCluster,
  type FederationInput,
  FederationReport,
  type IntermediatePosture,
  type KeyLocation,
  LINT_CODES,
  type LintChainOptions,
  type LintCode,
  type LintEvidence,
  type LintFinding,
  type LintInput,
  type LintSeverity,
  lintChain,
  lintPosture,
  type RelayPosture,
  type RootPosture,
  type SharedRoot,
} from './lint/index.ts'
export type { NameConstraintsInput } from './name-constraints-input.ts'
export { type ExplainPolicyOptions, explainPolicy, type PolicyExplanation } from './policy/explain-policy.ts'
export { IssuancePolicy, type IssuancePolicyInput } from './policy/issuance-policy.ts'
export type { KeyRules } from './policy/key-rules.ts'
export type { LifetimeRules } from './policy/lifetime-rules.ts'
export type { NameLists, NameRules } from './policy/name-rules.ts'
export type { IdentityInput } from './policy/names-of.ts'
export type { DecidedField, PolicyDecision } from './policy/policy-decision.ts'
export type { AuthorizeHook, EnrichHook, Enrichment, PolicyRequest } from './policy/policy-hooks.ts'
export {
  PolicyError,
  type PolicyErrorCode,
  type PolicyRule,
  type PolicyViolation,
} from './policy/policy-violation.ts'
export {
  type GlooIssuerOptions,
  glooIssuer,
  type IstioCaOptions,
  type IstioCsrOptions,
  istioCa,
  istioCsr,
  istioRa,
  type SpireOptions,
  spire,
} from './policy/presets.ts'
export type { RequestRules } from './policy/request-rules.ts'
export type { SignedCertificate, SignOptions } from './policy/sign-request.ts'
export type { CommonNameRule, SubjectAttributes, SubjectRules } from './policy/subject-rules.ts'
export type { UsageRule, UsageRules } from './policy/usage-rules.ts'
export type { CertificateProfile, CertificateRole, ProfileExtension } from './profiles/certificate-profile.ts'
export {
  type CertificateProfileName,
  PROFILES,
  type ProfileFamily,
  type ProfileInput,
} from './profiles/profiles.ts'
export type { PurposeInput } from './profiles/purpose.ts'
export type { RenewalOptions, SameKeyRule } from './renewed-key-identifier.ts'
export type { IssueCrlOptions, IssuedCrl } from './revocation/issue-crl.ts'
export type { IssuingDistributionPointInput } from './revocation/issuing-scope.ts'
export { memoryRevocationStore } from './revocation/memory-revocation-store.ts'
export type { ReasonFlagName } from './revocation/reason-codes.ts'
export {
  type NewRevocationStateOptions,
  newRevocationState,
  type RecordedCrl,
  type RevocationEntry,
  type RevocationState,
} from './revocation/revocation-state.ts'
export { readRevocationState, writeRevocationState } from './revocation/revocation-state-reader.ts'
export type { RevocationStore, StoredRevocations } from './revocation/revocation-store.ts'
export type { RevocationChange, RevokeOptions } from './revocation/revoke.ts'
