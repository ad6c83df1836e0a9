/**
 * `mesh-pki/issuers/vault`: roots, intermediates and keys that stay in HashiCorp Vault or OpenBao.
 *
 * @module
 */

export type { IssuerFetch } from '../issuer-fetch.ts'
export {
  type VaultAuth,
  type VaultAuthOptions,
  type VaultKubernetesAuth,
  vaultAuth,
} from './vault-auth.ts'
export {
  readVaultCa,
  type SecretKeyRef,
  type VaultCaAuth,
  type VaultCaSettings,
  type VaultServerCa,
} from './vault-ca-spec.ts'
export { type VaultIssuerOptions, vaultIssuer } from './vault-issuer.ts'
export type { VaultSecret } from './vault-secret.ts'
export { type VaultSignerOptions, vaultSigner } from './vault-signer.ts'
