/**
 * Secrets and ConfigMaps of Istio and Gloo Mesh as values: `mesh-pki/kubernetes`.
 *
 * Everything here is a pure function over plain objects; no client is needed.
 *
 * @module
 */

export type { CacertsLayout } from './cacerts-layout.ts'
export { type CacertsBundle, decodeCacerts } from './decode-cacerts.ts'
export { type CacertsInput, encodeCacerts } from './encode-cacerts.ts'
export { type LintCacertsOptions, lintCacerts } from './lint-cacerts.ts'
export { type LintCacertsChangeOptions, lintCacertsChange } from './lint-cacerts-change.ts'
export {
  ConfigMapName,
  DataKey,
  ISTIO_CONFIG_LABEL,
  ISTIO_NAMESPACE,
  SecretName,
  SecretType,
} from './names.ts'
export { decodeRootConfigMap, encodeRootConfigMap, type RootConfigMapOptions } from './root-config-map.ts'
export {
  decodeRootSecret,
  type EncodeRootSecretOptions,
  encodeRootSecret,
  type RootSecret,
  type RootSecretInput,
  type RootSecretLayout,
} from './root-secret.ts'
export { SealedPem } from './sealed-pem.ts'
export type { SecretFinding, SecretFindingCode } from './secret-finding.ts'
export type { ConfigMapLike, ObjectMetaLike, SecretLike } from './secret-like.ts'
