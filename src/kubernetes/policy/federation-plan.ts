/**
 * What must exist for a policy, as a value.
 *
 * @module
 */

import type { Certificate } from '../../x509/certificate.ts'
import type { KubeObject, NamespacedName } from '../objects/kube-object.ts'
import type { SecretLike } from '../objects/secret-like.ts'
import type { RootSecretLayout } from '../secrets/root-secret.ts'
import type { PolicyFindingCode } from './policy-finding.ts'
import type { PolicyCaOptions, TrustPolicy, VaultAuthority } from './trust-policy.ts'

/** A `cacerts` of a workload cluster. */
export interface ObservedSecret {
  readonly cluster: string
  readonly secret: SecretLike
}

/** An IssuedCertificate of a workload cluster, ours or Gloo Mesh's. */
export interface ObservedOrder {
  readonly cluster: string
  readonly object: KubeObject
}

/** What is there now. */
export interface FederationObserved {
  /** The instant at which certificates are judged. */
  readonly time: Date
  /** Those secrets of the management cluster that {@link rootSecretNames} names and that exist. */
  readonly secrets: readonly SecretLike[]
  /** Those of the ConfigMaps that `rootRecordName` names for these secrets which exist. Default: none. */
  readonly rootRecords?: readonly KubeObject[] | undefined
  /** The `cacerts` of the workload clusters that exist. */
  readonly cacerts: readonly ObservedSecret[]
  /** The orders in the workload clusters, whoever gave them. */
  readonly orders: readonly ObservedOrder[]
  /** Every policy of the management cluster; the one that is planned may be among them. Default: none. */
  readonly policies?: readonly TrustPolicy[] | undefined
}

/** A CA of the management cluster that can sign. */
export interface PlannedAuthority {
  readonly layout: RootSecretLayout
  readonly certificate: Certificate
  /** What follows each certificate that it signs: its own, and those above it. */
  readonly chain: readonly Certificate[]
  /** What its secret says is trusted. */
  readonly roots: readonly Certificate[]
}

/** What becomes of the CA on the management cluster. */
export type RootDecision =
  /** There is none yet: it is made once. */
  | {
      readonly do: 'create'
      readonly secret: NamespacedName
      readonly options: PolicyCaOptions
      readonly reason: string
    }
  /** It is there and signs. A root that was generated is never written again. */
  | {
      readonly do: 'use'
      readonly secret: NamespacedName
      readonly origin: 'generated' | 'provided'
      readonly authority: PlannedAuthority
      readonly reason: string
    }
  /** Somebody must bring it. */
  | { readonly do: 'wait'; readonly secret: NamespacedName; readonly reason: string }
  /** It is there and must not sign. */
  | { readonly do: 'refuse'; readonly secret: NamespacedName; readonly reason: string }
  /** The agents ask Vault by themselves. */
  | { readonly do: 'leave-to-agents'; readonly vault: VaultAuthority; readonly reason: string }
  | { readonly do: 'nothing'; readonly reason: string }

/** A CA that is trusted and signs nothing. */
export interface PassiveDecision {
  readonly do: 'trust' | 'wait' | 'refuse'
  readonly secret: NamespacedName
  readonly roots: readonly Certificate[]
  readonly reason: string
}

/** What an order asks for. */
export interface PlannedSpec {
  /** One SPIFFE ID: that of istiod. */
  readonly hosts: readonly string[]
  readonly organization: string
  readonly lifetime: string
  readonly keyAlgorithm: PolicyCaOptions['keyAlgorithm']
  readonly gracePeriodRatio: number
  /** The `cacerts` that it becomes. */
  readonly target: NamespacedName
  /** CAs that may follow below it. */
  readonly pathLength: number
}

/** One mesh and its CA. */
export interface PlannedIssuance {
  readonly cluster: string
  readonly mesh: string
  /** `order`: the order must say `spec`. `hold`: nothing is changed until what `reason` says is mended. */
  readonly do: 'order' | 'hold'
  /** The IssuedCertificate on the workload cluster. */
  readonly order: NamespacedName
  /** `undefined` where no identity can be formed; then it is held. */
  readonly spec: PlannedSpec | undefined
  readonly reason: string
}

/** One step of taking a mesh out. The next one waits for the one before. */
export interface WithdrawalStep {
  readonly step: 'trust-both' | 'switch-ca' | 'renew-workloads' | 'delete-order' | 'delete-cacerts'
  readonly what: string
}

/** A mesh that the policy no longer selects. Nothing of it is taken away at once. */
export interface PlannedWithdrawal {
  readonly cluster: string
  readonly order: NamespacedName
  /** The `cacerts` that the order is for, where it says so. */
  readonly target: NamespacedName | undefined
  readonly reason: string
  readonly steps: readonly WithdrawalStep[]
}

/** Which finding it is. `docs/kubernetes.md` explains each. */
export type FederationFindingCode =
  | PolicyFindingCode
  | 'cacerts-foreign'
  | 'cacerts-shared'
  | 'identity-defaulted'
  | 'identity-invalid'
  | 'identity-shared'
  | 'passive-missing'
  | 'policy-conflict'
  | 'root-ambiguous'
  | 'root-ends-soon'
  | 'root-lost'
  | 'root-missing'
  | 'root-of-a-mesh'
  | 'root-options-ignored'
  | 'root-refused'
  | 'root-replaced'
  | 'trust-left-to-agents'

/** What somebody should look at. */
export interface FederationFinding {
  readonly code: FederationFindingCode
  /** `error`: something is held until it is mended. */
  readonly severity: 'error' | 'warning'
  readonly cluster?: string | undefined
  readonly mesh?: string | undefined
  /** What was found and what to do. */
  readonly message: string
}

/** What must exist for a policy, and why. Equal input gives an equal plan. */
export interface FederationPlan {
  readonly policy: Pick<TrustPolicy, 'kind' | 'name' | 'namespace'>
  readonly root: RootDecision
  readonly passive: readonly PassiveDecision[]
  /** The roots that every selected mesh shall trust, each once: those of the CA, then the passive ones. */
  readonly trust: readonly Certificate[]
  /** By cluster and mesh. */
  readonly issue: readonly PlannedIssuance[]
  readonly withdraw: readonly PlannedWithdrawal[]
  readonly findings: readonly FederationFinding[]
}
