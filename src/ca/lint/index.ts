/**
 * Lints of chains, of how keys are kept, and of clusters together.
 *
 * @module
 */

export type {
  ArchitecturePosture,
  BundleSourcePosture,
  IntermediatePosture,
  KeyLocation,
  RelayPosture,
  RootPosture,
} from './architecture-posture.ts'
export type { LintInput } from './certificate-file.ts'
export { checkFederation, type FederationInput } from './check-federation.ts'
export type { FederationCluster } from './federation-cluster.ts'
export type { SharedRoot } from './federation-findings.ts'
export type { FederationCell } from './federation-matrix.ts'
export { FederationReport } from './federation-report.ts'
export { type LintChainOptions, lintChain } from './lint-chain.ts'
export { LINT_CODES, type LintCode, type LintSeverity } from './lint-codes.ts'
export type { LintEvidence, LintFinding } from './lint-finding.ts'
export { lintPosture } from './lint-posture.ts'
