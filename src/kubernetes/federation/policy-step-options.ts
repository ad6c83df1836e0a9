/**
 * What a policy is carried out with.
 *
 * @module
 */

import type { Rollover } from '../../rotation/rollover/rollover.ts'
import type { KubeClient } from '../api/kube-client.ts'
import type { PlannedWithdrawal } from '../policy/federation-plan.ts'
import type { Inventory } from '../policy/inventory.ts'
import type { TrustPolicy } from '../policy/trust-policy.ts'
import type { AuthorityLoader } from './authority-loader.ts'
import type { FederationApi } from './federation-api.ts'
import type { FederationAuthority, FederationOptions } from './federation-options.ts'

/** What a policy is carried out with. */
export interface PolicyStepOptions {
  readonly api?: FederationApi | undefined
  readonly policy: TrustPolicy
  /** Every policy of the management cluster: two that want one mesh are found out. Default: this one. */
  readonly policies?: readonly TrustPolicy[] | undefined
  readonly inventory: Inventory
  /** Leads to the management cluster. */
  readonly management: KubeClient
  /** Leads to each cluster of the inventory. One without a client is reported and left out. */
  readonly clusters: Readonly<Record<string, KubeClient>>
  readonly loader: AuthorityLoader
  /** The longest that workload certificates live in these meshes. Default `'24h'`, as istiod. */
  readonly workloadLifetime?: string | undefined
  /**
   * `'trust-domain'` (default in our kind): each CA may sign for the trust domain of its mesh and its aliases, and for no other
   * (RFC 5280 §4.2.1.10). `'none'` (default in Gloo's kind, as there): for all.
   */
  readonly nameConstraints?: 'trust-domain' | 'none' | undefined
  /** A rollover that decides who signs; its authorities by id. Without one, the CA of the policy does. */
  readonly rollover?: Rollover | undefined
  readonly authorities?: Readonly<Record<string, FederationAuthority>> | undefined
  readonly evidenceMaxAge?: string | undefined
  /** As in {@link FederationOptions}: what becomes of a cluster that is ahead of the journal. */
  readonly recovery?: FederationOptions['recovery']
  /** As in {@link FederationOptions}: what workloads present, where a rollover asks for it. */
  readonly presentsIn?: FederationOptions['presentsIn']
  /**
   * Whether an order of a mesh that is no longer selected may be taken back now. Its plan says what comes before: a mesh
   * that is cut off at once has an outage. Default: never.
   */
  readonly mayWithdraw?: ((withdrawal: PlannedWithdrawal) => boolean | Promise<boolean>) | undefined
  readonly beforeWrite?: (() => void) | undefined
}

/** The names of {@link PolicyStepOptions}. */
export const POLICY_STEP_OPTIONS: readonly string[] = [
  'api',
  'policy',
  'policies',
  'inventory',
  'management',
  'clusters',
  'loader',
  'workloadLifetime',
  'nameConstraints',
  'rollover',
  'authorities',
  'evidenceMaxAge',
  'recovery',
  'presentsIn',
  'mayWithdraw',
  'beforeWrite',
]

/** Those without a default. */
export const POLICY_STEP_REQUIRED: readonly string[] = [
  'policy',
  'inventory',
  'management',
  'clusters',
  'loader',
]
