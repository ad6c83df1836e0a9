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
export { type LintCacertsOptions, lintCacerts } from './lint/lint-cacerts.ts'
export { type LintCacertsChangeOptions, lintCacertsChange } from './lint/lint-cacerts-change.ts'
export {
  type Condition,
  type ConditionInput,
  conditionOf,
  isConditionTrue,
  setCondition,
} from './objects/condition.ts'
export type { KubeObject, ObjectName } from './objects/kube-object.ts'
export {
  ConfigMapName,
  DataKey,
  ISTIO_CONFIG_LABEL,
  ISTIO_NAMESPACE,
  SecretName,
  SecretType,
} from './objects/names.ts'
export type { ConfigMapLike, ObjectMetaLike, SecretLike } from './objects/secret-like.ts'
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
