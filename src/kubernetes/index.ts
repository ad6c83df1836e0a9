/**
 * Secrets and ConfigMaps of Istio and Gloo Mesh as values: `mesh-pki/kubernetes`.
 *
 * Everything here is a pure function over plain objects; no client is needed.
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
export { isKubeError, KubeError, type KubeErrorCause, type KubeErrorCode } from './api/kube-error.ts'
export type {
  ClockSkewEvent,
  KubeRuntimeEvent,
  LeaseEvent,
  ReconcileEvent,
  ReflectorEvent,
  RequestEvent,
} from './api/kube-event.ts'
export { apiVersionOf, type KubeResource, KubeResources } from './api/kube-resource.ts'
export type {
  KubeContentType,
  KubeQuery,
  KubeRequest,
  KubeResponse,
  KubeTransport,
  KubeWatchEvent,
  KubeWatchRequest,
} from './api/kube-transport.ts'
export { acceptAnswer } from './federation/accept-answer.ts'
export { type AgentControllerOptions, agentController } from './federation/agent-controller.ts'
export {
  type AgentAction,
  type AgentView,
  type DiscardedObject,
  decideAgentAction,
  type PendingKey,
} from './federation/agent-decision.ts'
export { type AgentStepOptions, agentStep } from './federation/agent-step.ts'
export { AuthorityLoader, type LoadedAuthority } from './federation/authority-loader.ts'
export {
  type FederationRequest,
  type RequestAnswer,
  type RequestState,
  readCertificateRequest,
} from './federation/certificate-request.ts'
export {
  type FederationApi,
  FederationMark,
  type FederationMarks,
  GLOO_API,
  MESH_PKI_API,
} from './federation/federation-api.ts'
export { type FederationControllerOptions, federationController } from './federation/federation-controller.ts'
export {
  type ClusterReport,
  entitlementOf,
  type FederatedMesh,
  type FederationAuthority,
  type FederationOptions,
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
  type IssuerDecision,
  type IssuerView,
} from './federation/issuer-decision.ts'
export { type IssuerStepOptions, issuerStep } from './federation/issuer-step.ts'
export { memberReport } from './federation/member-evidence.ts'
export { type OrderStepOptions, orderStep } from './federation/order-step.ts'
export { type PolicyControllerOptions, policyController } from './federation/policy-controller.ts'
export {
  type OrderState,
  POLICY_AUTHORITY,
  type PolicyReport,
  type PolicyStepOptions,
  policyEntitlement,
  policyStep,
} from './federation/policy-step.ts'
export { type RootCaStepOptions, rootCaStep } from './federation/root-ca-step.ts'
export { type RootsDistributedOptions, rootsDistributed } from './federation/roots-distributed.ts'
export { secretJournal } from './federation/secret-journal.ts'
export { type LintCacertsOptions, lintCacerts } from './lint/lint-cacerts.ts'
export { type LintCacertsChangeOptions, lintCacertsChange } from './lint/lint-cacerts-change.ts'
export { MESH_PKI_GROUP, MESH_PKI_VERSION } from './objects/api-group.ts'
export {
  type Condition,
  type ConditionInput,
  conditionOf,
  isConditionTrue,
  setCondition,
} from './objects/condition.ts'
export type { KubeObject, NamespacedName, ObjectName } from './objects/kube-object.ts'
export {
  ConfigMapName,
  DataKey,
  ISTIO_CONFIG_LABEL,
  ISTIO_NAMESPACE,
  SecretName,
  SecretType,
} from './objects/names.ts'
export type { ConfigMapLike, ObjectMetaLike, SecretLike } from './objects/secret-like.ts'
export type { Inventory, InventoryCluster, InventoryMesh, MeshCaCertificates } from './policy/inventory.ts'
export { planFederation } from './policy/plan-federation.ts'
export { readRootTrustPolicy } from './policy/read-root-trust-policy.ts'
export { readVirtualMesh } from './policy/read-virtual-mesh.ts'
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
export type { CacertsLayout } from './secrets/cacerts-layout.ts'
export { type CacertsBundle, decodeCacerts } from './secrets/decode-cacerts.ts'
export { type CacertsInput, encodeCacerts } from './secrets/encode-cacerts.ts'
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
export type { SecretFinding, SecretFindingCode } from './secrets/secret-finding.ts'
