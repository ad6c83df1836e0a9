/**
 * SPIFFE identities and trust domains: `mesh-pki/spiffe`.
 *
 * @module
 */

export { type IstioIdentity, type IstioIdentityRefusal, parseIstioIdentity } from './istio-identity.ts'
export type { SpiffeRefusal } from './spiffe-grammar.ts'
export { type IstioIdentityParts, SpiffeId, TrustDomain } from './spiffe-id.ts'
export {
  lintTrustDomain,
  type TrustDomainFinding,
  type TrustDomainFindingReason,
  type TrustDomainLint,
} from './trust-domain-lint.ts'
