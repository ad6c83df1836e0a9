/**
 * Federated trust on Kubernetes in three rings: `mesh-pki/kubernetes`.
 *
 * Codecs and decisions are pure functions over plain objects; steps take a `KubeClient` over a transport of two methods; runners watch,
 * queue and elect. Take the ring that your own controller leaves room for. No Kubernetes package is needed.
 *
 * @module
 */

export {
  type KubeCallOptions,
  KubeClient,
  type KubeClientOptions,
  type KubeList,
  type KubeSelection,
} from './api/kube-client.ts'
export {
  isKubeError,
  type KubeCall,
  KubeError,
  type KubeErrorCause,
  type KubeErrorCode,
  type KubeErrorInit,
} from './api/kube-error.ts'
export type {
  ClockSkewEvent,
  KubeRuntimeEvent,
  LeaseEvent,
  ReconcileEvent,
  ReflectorEvent,
  RequestEvent,
} from './api/kube-event.ts'
export { apiVersionOf, type KubeResource, KubeResources, type Subresource } from './api/kube-resource.ts'
export type {
  KubeContentType,
  KubeQuery,
  KubeRequest,
  KubeResponse,
  KubeTransport,
  KubeWatchEvent,
  KubeWatchRequest,
} from './api/kube-transport.ts'
export type { BackupEntry } from './backup/backup-document.ts'
export { type BackupTerms, type BackupTrustOptions, backupTrust } from './backup/backup-trust.ts'
export {
  type BackupContents,
  type CheckBackupResult,
  checkBackup,
  type RestoreTrustOptions,
  restoreTrust,
} from './backup/restore-trust.ts'
export {
  type ComparedProxy,
  type ComparedRoot,
  compareRoots,
  type RootComparison,
} from './evidence/compare-roots.ts'
export type {
  EnvoySecret,
  EvidenceFinding,
  EvidenceFindingCode,
  ProxySecrets,
} from './evidence/proxy-secrets.ts'
export { type ReadEnvoySecretsOptions, readEnvoySecrets } from './evidence/read-envoy-secrets.ts'
export {
  type ObservedIssuance,
  type OpenProxy,
  type RolloverEvidence,
  type RolloverEvidenceOptions,
  rolloverEvidence,
} from './evidence/rollover-evidence.ts'
export { type AnswerTerms, acceptAnswer } from './federation/accept-answer.ts'
export { type AgentControllerOptions, agentController } from './federation/agent-controller.ts'
export {
  type AgentAction,
  type AgentView,
  decideAgentAction,
  type ForeignSecretRule,
} from './federation/agent-decision.ts'
export {
  adopted,
  agentLabels,
  type CacertsChange,
  newKeySecret,
  newRequest,
  withNewCa,
  withRoots,
} from './federation/agent-objects.ts'
export { agentStep } from './federation/agent-step.ts'
export type { AgentStepOptions } from './federation/agent-step-options.ts'
export { AuthorityLoader, type LoadedAuthority } from './federation/authority-loader.ts'
export {
  answerRequest,
  encodeCertificateRequest,
  type FederationRequest,
  type RequestAnswer,
  type RequestState,
  readCertificateRequest,
} from './federation/certificate-request.ts'
export { type FederationApi, GLOO_API, MESH_PKI_API } from './federation/federation-api.ts'
export { type FederationControllerOptions, federationController } from './federation/federation-controller.ts'
export type {
  FederatedMesh,
  FederationAuthority,
  FederationOptions,
} from './federation/federation-options.ts'
export {
  type ClusterReport,
  entitlementOf,
  type FederationReport,
  federationStep,
} from './federation/federation-step.ts'
export { type InstalledCa, readInstalledCa } from './federation/installed-ca.ts'
export { IssuanceLedger, type LedgerEntry } from './federation/issuance-ledger.ts'
export {
  type CaKeyAlgorithm,
  encodeIssuedCertificate,
  type IssuedCertificate,
  type IssuedCertificateInput,
  type IssuedCertificateSpec,
  type IssuedCertificateState,
  readIssuedCertificate,
} from './federation/issued-certificate.ts'
export { type IssuerControllerOptions, issuerController } from './federation/issuer-controller.ts'
export {
  decideIssuance,
  type Entitlement,
  type IssuanceHold,
  type IssuerDecision,
  type IssuerView,
} from './federation/issuer-decision.ts'
export { type IssuerStepOptions, issuerStep } from './federation/issuer-step.ts'
export { type EvidenceTerms, memberReport, mergeReports } from './federation/member-evidence.ts'
export { type OrderStepOptions, orderStep } from './federation/order-step.ts'
export type { DiscardedObject, PendingKey } from './federation/pending-request.ts'
export { type PolicyControllerOptions, policyController } from './federation/policy-controller.ts'
export {
  type OrderState,
  type PolicyReport,
  policyEntitlement,
  policyStep,
} from './federation/policy-step.ts'
export type { PolicyStepOptions } from './federation/policy-step-options.ts'
export { type RootCaStepOptions, rootCaStep } from './federation/root-ca-step.ts'
export { type RootsDistributedOptions, rootsDistributed } from './federation/roots-distributed.ts'
export { secretJournal } from './federation/secret-journal.ts'
export type { CacertsDescription, CacertsEntry, IstiodVerdict } from './lint/cacerts-description.ts'
export { type CheckCacertsOptions, type CheckCacertsResult, checkCacerts } from './lint/check-cacerts.ts'
export { type DescribeCacertsOptions, describeCacerts } from './lint/describe-cacerts.ts'
export type { IstiodStep } from './lint/istiod-verdict.ts'
export { type LintCacertsOptions, lintCacerts } from './lint/lint-cacerts.ts'
export { type LintCacertsChangeOptions, lintCacertsChange } from './lint/lint-cacerts-change.ts'
export { printCacerts } from './lint/print-cacerts.ts'
export { MESH_PKI_GROUP, MESH_PKI_VERSION } from './objects/api-group.ts'
export {
  type Condition,
  type ConditionInput,
  conditionOf,
  isConditionTrue,
  setCondition,
} from './objects/condition.ts'
export { FederationMark, type FederationMarks } from './objects/federation-mark.ts'
export type { KubeObject, NamespacedName, ObjectName } from './objects/kube-object.ts'
export {
  ConfigMapName,
  DataKey,
  GlooAnnotation,
  GlooLabel,
  ISTIO_CONFIG_LABEL,
  ISTIO_NAMESPACE,
  ISTIO_REVISION_LABEL,
  ISTIO_TRUST_BUNDLE,
  SecretName,
  SecretType,
} from './objects/names.ts'
export type { ConfigMapLike, ObjectMetaLike, SecretLike } from './objects/secret-like.ts'
export type {
  FederationFinding,
  FederationFindingCode,
  FederationObserved,
  FederationPlan,
  ObservedOrder,
  ObservedSecret,
  PassiveDecision,
  PlannedAuthority,
  PlannedIssuance,
  PlannedSpec,
  PlannedWithdrawal,
  RootDecision,
  WithdrawalStep,
} from './policy/federation-plan.ts'
export type { Inventory, InventoryCluster, InventoryMesh, MeshCaCertificates } from './policy/inventory.ts'
export {
  type InventoryProblem,
  InventoryWatch,
  type InventoryWatchOptions,
  type WatchedCluster,
  type WatchedInventory,
} from './policy/inventory-watch.ts'
export { meshName } from './policy/mesh-name.ts'
export { type FoundMesh, type MeshOfOptions, meshOf } from './policy/mesh-of.ts'
export { planFederation } from './policy/plan-federation.ts'
export type { PolicyFinding, PolicyFindingCode } from './policy/policy-finding.ts'
export { policyOwner } from './policy/policy-owner.ts'
export { type MeshConfig, type MeshConfigMember, readMeshConfig } from './policy/read-mesh-config.ts'
export { readRootTrustPolicy } from './policy/read-root-trust-policy.ts'
export { readVirtualMesh } from './policy/read-virtual-mesh.ts'
export { encodeRootRecord, readRootRecord, rootRecordName } from './policy/root-record.ts'
export { rootSecretNames } from './policy/root-secret-names.ts'
export { type MeshSelectionResult, type SelectedMesh, selectMeshes } from './policy/select-meshes.ts'
export type {
  ManagementAuthority,
  MeshSelection,
  MeshSelector,
  PolicyAuthority,
  PolicyCaOptions,
  PolicySource,
  TrustPolicy,
  VaultAuthority,
  VaultLogin,
  VaultTrust,
} from './policy/trust-policy.ts'
export { loadRelayServer, type RelayServerMaterial } from './relay/load-relay-server.ts'
export { type RelayClientStepOptions, relayClientStep } from './relay/relay-client-step.ts'
export { type RelayServerStepOptions, relayServerStep } from './relay/relay-server-step.ts'
export { secretTokenRecords } from './relay/secret-token-records.ts'
export {
  Controller,
  type ControllerOptions,
  type ControllerSource,
  type ReconcileContext,
} from './runner/controller.ts'
export { EventRecorder, type EventRecorderOptions, type RecordedEvent } from './runner/event-recorder.ts'
export { LeaseElector, type LeaseElectorOptions } from './runner/lease-elector.ts'
export { keyOf, nameOfKey, type ObjectChange } from './runner/object-cache.ts'
export { Reflector, type ReflectorOptions } from './runner/reflector.ts'
export type { StepResult } from './runner/step-result.ts'
export { WorkQueue, type WorkQueueOptions } from './runner/work-queue.ts'
export { type AgentKey, type AgentKeyInput, decodeAgentKey, encodeAgentKey } from './secrets/agent-key.ts'
export type { CacertsLayout } from './secrets/cacerts-layout.ts'
export {
  type ClusterTrustBundle,
  type ClusterTrustBundleEncoding,
  clusterTrustBundleName,
  decodeClusterTrustBundle,
  encodeClusterTrustBundle,
} from './secrets/cluster-trust-bundle.ts'
export { type CrlConfigMapOptions, decodeCrlConfigMap, encodeCrlConfigMap } from './secrets/crl-config-map.ts'
export { type CacertsBundle, decodeCacerts } from './secrets/decode-cacerts.ts'
export { type CacertsInput, encodeCacerts } from './secrets/encode-cacerts.ts'
export { encodeRelaySecret, type RelayPlace, type RelaySecretInput } from './secrets/encode-relay-secret.ts'
export {
  type DecodeRelaySecretOptions,
  decodeRelaySecret,
  type RelayPairRole,
  type RelayPairSecret,
  type RelayRole,
  type RelayRootSecret,
  type RelaySecret,
  type RelayTokenRole,
  type RelayTokenSecret,
} from './secrets/relay-secret.ts'
export {
  decodeRootConfigMap,
  encodeRootConfigMap,
  type RootConfigMapOptions,
} from './secrets/root-config-map.ts'
export {
  decodeRootSecret,
  type EncodeRootSecretOptions,
  encodeRootSecret,
  type RootSecret,
  type RootSecretInput,
  type RootSecretLayout,
} from './secrets/root-secret.ts'
export { SealedPem } from './secrets/sealed-pem.ts'
export { SealedToken } from './secrets/sealed-token.ts'
export type { SecretFinding, SecretFindingCode } from './secrets/secret-finding.ts'
export {
  type ApprovalDecision,
  type ApprovalVerdict,
  type DecideApprovalOptions,
  decideApproval,
} from './signers/approval-decision.ts'
export { type ApproveCsrOptions, approveCsrStep } from './signers/approve-csr-step.ts'
export {
  type CertManagerDecision,
  type DecideCertManagerOptions,
  decideCertManagerRequest,
} from './signers/cert-manager-decision.ts'
export { type CertManagerIssuerOptions, certManagerIssuer } from './signers/cert-manager-issuer.ts'
export {
  type CertManagerIssuerStepOptions,
  certManagerIssuerStep,
} from './signers/cert-manager-issuer-step.ts'
export { type DecideCsrOptions, decideCsr } from './signers/csr-decision.ts'
export { MeshIssuerResources, type SignersByName } from './signers/mesh-issuer.ts'
export { type MeshIssuerOptions, meshIssuerStep } from './signers/mesh-issuer-step.ts'
export { type DecidePodCertificateOptions, decidePodCertificate } from './signers/pod-certificate-decision.ts'
export { RequestSigner, type RequestSignerOptions } from './signers/request-signer.ts'
export type { Requester, ServiceAccountName } from './signers/requester.ts'
export { type SignCsrOptions, signCsrStep } from './signers/sign-csr-step.ts'
export {
  type SignPodCertificateOptions,
  signPodCertificateStep,
} from './signers/sign-pod-certificate-step.ts'
export type {
  DroppedEvent,
  RefusedEvent,
  SignedEvent,
  SignerEvent,
  WarningEvent,
} from './signers/signer-event.ts'
export type { SigningDecision } from './signers/signing-flow.ts'
export {
  type AuthorizeRequest,
  type SigningGrant,
  SigningPolicy,
  type SigningPolicyInput,
  type SigningRules,
} from './signers/signing-policy.ts'
export type {
  PodIdentity,
  SigningRequest,
  SigningRequestKind,
  SigningRequestRef,
} from './signers/signing-request.ts'
export {
  CERTIFICATE_USAGES,
  type CertificateUsage,
  type JudgedUsages,
  judgeUsages,
  type KeyUsageWord,
  type PurposeWord,
  type UsageBits,
  type UsageLimits,
  usageBits,
  usagesOf,
} from './signers/usages.ts'
export {
  serviceAccountIdentity,
  type WorkloadSigningOptions,
  workloadSigning,
} from './signers/workload-signing.ts'
export { cacertsHash, isRootSynced } from './trust/cacerts-hash.ts'
export {
  type ClusterTrustBundleOptions,
  type ClusterTrustBundleResult,
  clusterTrustBundleStep,
} from './trust/cluster-trust-bundle-step.ts'
export {
  CACERTS_HASH_ANNOTATION,
  type PlanRestartsInput,
  planRestarts,
  type RestartItem,
  type RestartPlan,
  type RestartRef,
  type RestartRole,
  restartRoleOf,
  type SkippedPod,
} from './trust/plan-restarts.ts'
export {
  type BouncedWorkloads,
  bounceTargets,
  type PodBounceSelector,
  readPodBounceDirective,
} from './trust/pod-bounce-directive.ts'
export { type RestartResult, type RestartStepOptions, restartStep } from './trust/restart-step.ts'
export type { RolloutKind } from './trust/rollout.ts'
export {
  NAMESPACES_WITHOUT_ROOTS,
  type RootConfigMapResult,
  type RootConfigMapStepOptions,
  rootConfigMapStep,
} from './trust/root-config-map-step.ts'
export {
  findTrustDrift,
  type TrustDrift,
  type TrustDriftEvent,
  type TrustDriftInput,
} from './trust/trust-drift.ts'
export {
  decideTrustManagerSync,
  type TrustManagerSync,
  type TrustManagerSyncInput,
} from './trust/trust-manager-decision.ts'
export {
  type TrustManagerBundle,
  type TrustManagerOptions,
  type TrustManagerResult,
  trustManagerStep,
} from './trust/trust-manager-step.ts'
export { readTrustRoots, type TrustRoots, type TrustRootsInput } from './trust/trust-roots.ts'
