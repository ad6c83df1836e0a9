/**
 * A trust policy as a value: what both kinds of Gloo Mesh say, in one form.
 *
 * @module
 */

import type { NamespacedName, ObjectName } from '../objects/kube-object.ts'
import type { PolicyFinding } from './policy-finding.ts'

/** How a CA certificate is to be made (`CommonCertOptions`), defaults applied. */
export interface PolicyCaOptions {
  /** Days of 24 hours. Default 365. */
  readonly ttlDays: number
  /** The same as a duration, such as `365d`. */
  readonly lifetime: string
  /** From `rsaKeySizeBytes`, which counts bits. Default `RSA-4096`. */
  readonly keyAlgorithm: 'RSA-2048' | 'RSA-3072' | 'RSA-4096'
  /** The `O` of the subject. Default `gloo-mesh` for roots, `Istio` for intermediates. */
  readonly organization: string
  /** The part of the lifetime that is left when a certificate is renewed. Default 0.10. */
  readonly gracePeriodRatio: number
}

/** A CA on the management cluster: made there, or brought by somebody in a Secret. */
export type ManagementAuthority =
  | { readonly source: 'generated'; readonly options: PolicyCaOptions }
  | { readonly source: 'secret'; readonly secret: NamespacedName }

/** How an agent logs in to Vault. */
export type VaultLogin =
  | { readonly method: 'token'; readonly secret: NamespacedName }
  | {
      readonly method: 'kubernetes'
      /** Default `/v1/auth/kubernetes`. */
      readonly mountPath: string
      readonly role: string
      /** Default `token`. */
      readonly secretTokenKey: string
      /** Where the token is: a service account, or a folder of the agent's pod. */
      readonly serviceAccount?: NamespacedName | undefined
      readonly mountedPath?: string | undefined
    }

/** Where the certificates come from that the TLS server of Vault is verified by; the system's where it is left out. */
export type VaultTrust =
  | { readonly from: 'inline'; readonly pem: string }
  | { readonly from: 'secret'; readonly secret: NamespacedName }
  | { readonly from: 'file'; readonly path: string }

/** A PKI engine of Vault that each agent asks by itself. */
export interface VaultAuthority {
  readonly server: string
  /** Where intermediates are signed, such as `pki/root/sign-intermediate`. */
  readonly caPath: string
  /** Where key and request are made, such as `pki_int/intermediate/generate/exported`. */
  readonly csrPath: string
  /** Vault's own namespace (Vault Enterprise). */
  readonly namespace?: string | undefined
  readonly trust?: VaultTrust | undefined
  readonly login: VaultLogin
}

/**
 * Who signs the intermediates of the meshes. `unmanaged`: the policy says nothing about certificates, as a VirtualMesh
 * without `mtlsConfig` does.
 */
export type PolicyAuthority =
  | ManagementAuthority
  | { readonly source: 'agent'; readonly vault: VaultAuthority }
  | { readonly source: 'unmanaged' }

/** Which istiods: every part that is given must match. An empty one matches all. */
export interface MeshSelector {
  /** The revision, or a pattern for it. */
  readonly revision?: string | undefined
  /** The namespace of istiod. */
  readonly namespace?: string | undefined
  /** Labels of the cluster. */
  readonly clusterLabels: Readonly<Record<string, string>>
  /** Labels of istiod's deployment. */
  readonly labels: Readonly<Record<string, string>>
}

/** The meshes that a policy is for: those that any part of it selects. */
export interface MeshSelection {
  /** Every mesh of the inventory. */
  readonly all: boolean
  readonly selectors: readonly MeshSelector[]
  /** Meshes by name: `<istiod deployment>-<namespace>-<cluster>`. */
  readonly references: readonly ObjectName[]
}

/** Which object a policy was read from. */
export type PolicySource =
  | 'admin.gloo.solo.io/v2'
  | 'networking.mesh.gloo.solo.io/v1'
  | 'networking.smh.solo.io/v1alpha2'

/** A RootTrustPolicy or a VirtualMesh. */
export interface TrustPolicy {
  readonly kind: 'RootTrustPolicy' | 'VirtualMesh'
  readonly source: PolicySource
  readonly name: string
  readonly namespace: string
  readonly uid?: string | undefined
  readonly generation?: number | undefined
  readonly meshes: MeshSelection
  readonly authority: PolicyAuthority
  /** CAs that are trusted and sign nothing (since Gloo Mesh 2.3). */
  readonly passive: readonly ManagementAuthority[]
  /** How the intermediates are to be made. */
  readonly intermediate: PolicyCaOptions
  /** Whether Gloo Mesh would delete pods after a renewal. This library never does. */
  readonly autoRestartPods: boolean
  /** What is odd in it. */
  readonly warnings: readonly PolicyFinding[]
}

/** How messages call a policy. */
export const policyLabel = ({
  kind,
  name,
  namespace,
}: Pick<TrustPolicy, 'kind' | 'name' | 'namespace'>): string => `${kind} ${namespace}/${name}`
