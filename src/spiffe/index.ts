/**
 * SPIFFE: identities, X509-SVIDs, bundles and federation. `mesh-pki/spiffe`.
 *
 * @module
 */

export { MeshPkiError } from '../errors.ts'
export type { Clock, TimeSource } from '../internal/clock.ts'
export type { HeadersLike } from '../internal/web-types.ts'
export type { PublicJwk } from '../x509/public-jwk.ts'
export type { AuthorityUse } from './authority-use.ts'
export {
  type BundleChange,
  type BundleChangeKind,
  type BundleDiff,
  type DiffBundlesOptions,
  diffBundles,
} from './bundle-diff.ts'
export type {
  BodyReader,
  EndpointDialer,
  EndpointRequest,
  EndpointResponse,
  FetchedResponse,
  FetchLike,
} from './bundle-endpoint.ts'
export { type BundleHandlerOptions, type BundleRequest, createBundleHandler } from './bundle-handler.ts'
export type { JwtAuthority, SkippedElement, SkippedReason } from './bundle-key.ts'
export { BundleMap, type BundleMapHeader, type BundleMapLimits } from './bundle-map.ts'
export type { BundleLimits, BundleRefusal } from './bundle-reader.ts'
export type { BundleSource, BundleSourceInput } from './bundle-source.ts'
export { explainSvid } from './explain-svid.ts'
export { FederationClient, type FederationClientOptions } from './federation-client.ts'
export type { FederationEvent, FederationStatus } from './federation-event.ts'
export type {
  FederationRelationship,
  SpiffeRelationship,
  WebRelationship,
} from './federation-relationship.ts'
export {
  type ClusterIdentities,
  findIdentityCollisions,
  type IdentityCollision,
} from './identity-collisions.ts'
export {
  type IstioIdentity,
  type IstioIdentityRefusal,
  istioPrincipal,
  istioTrustDomain,
  parseIstioIdentity,
  parseIstioPrincipal,
} from './istio-identity.ts'
export { type IstioTrustDomainOptions, IstioTrustDomains } from './istio-trust-domains.ts'
export { type BundleUpdate, LiveBundles, type LiveBundlesOptions } from './live-bundles.ts'
export { normalizeSpiffeId, normalizeTrustDomain } from './normalize.ts'
export { type ServiceAccount, type ServiceAccounts, secureNaming } from './secure-naming.ts'
export {
  type ReadBundleOptions,
  SpiffeBundle,
  type SpiffeBundleChanges,
  type SpiffeBundleParameters,
} from './spiffe-bundle.ts'
export type { SpiffeRefusal } from './spiffe-grammar.ts'
export { type IstioIdentityParts, SpiffeId, TrustDomain } from './spiffe-id.ts'
export { lintSpiffeId, type SpiffeIdFinding, type SpiffeIdLint } from './spiffe-id-lint.ts'
export {
  type ExpectedIdentity,
  matchId,
  matchOneOf,
  matchPattern,
  matchTrustDomain,
  matchWhere,
  type SpiffeMatcher,
} from './spiffe-matcher.ts'
export { SpiffePathPattern } from './spiffe-path-pattern.ts'
export { readStoredBundles, type StoredBundle, writeStoredBundles } from './stored-bundle.ts'
export { SvidError, type SvidErrorCode, type SvidErrorOptions } from './svid-error.ts'
export type { SvidWarning } from './svid-warnings.ts'
export {
  lintTrustDomain,
  type TrustDomainFinding,
  type TrustDomainFindingReason,
  type TrustDomainLint,
} from './trust-domain-lint.ts'
export { VerifiedSvid } from './verified-svid.ts'
export {
  type CheckSvidResult,
  checkSvid,
  checkSvidSync,
  type SvidInput,
  type VerifySvidOptions,
  verifySvid,
} from './verify-svid.ts'
