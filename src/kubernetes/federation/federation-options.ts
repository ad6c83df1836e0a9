/**
 * What a federation is.
 *
 * @module
 */

import { checkOptionNames, checkRequired } from '../../internal/options.ts'
import { quote } from '../../internal/text.ts'
import type { Rollover } from '../../rotation/rollover/rollover.ts'
import type { Certificate } from '../../x509/certificate.ts'
import type { CertificateInput } from '../../x509/certificate-input.ts'
import type { KubeClient } from '../api/kube-client.ts'
import type { NamespacedName } from '../objects/kube-object.ts'
import type { AuthorityLoader } from './authority-loader.ts'
import type { FederationApi } from './federation-api.ts'
import type { IssuedCertificateSpec } from './issued-certificate.ts'

/** A mesh in a cluster, whose CA is issued here. */
export interface FederatedMesh {
  /** The cluster: its name as a member of a rollover, and in the ledger. */
  readonly cluster: string
  /** Leads to that cluster. */
  readonly client: KubeClient
  /** Where its order is. */
  readonly order: NamespacedName
  /** What is ordered, but for what a rollover decides. */
  readonly spec: Omit<
    IssuedCertificateSpec,
    'authority' | 'authorityRoots' | 'trustBundle' | 'bundleSequence' | 'rollover' | 'revision'
  >
  /**
   * The trust domains that its CA may sign for, as name constraints (RFC 5280 §4.2.1.10): a CA that got into wrong hands then cannot be every
   * other cluster. Names of other forms stay free: istiod serves by DNS names. Default: no constraints, as Gloo Mesh and Istio.
   */
  readonly trustDomains?: readonly string[] | undefined
}

/** Where an authority is: its Secret on the management cluster, or only its roots, where others have the key. */
export type FederationAuthority =
  | { readonly secret: NamespacedName }
  | { readonly roots: CertificateInput | readonly CertificateInput[] }

/** What a federation is. */
export interface FederationOptions {
  readonly api?: FederationApi | undefined
  /** Whose orders these are: `<policy>.<namespace>`. */
  readonly owner: string
  readonly meshes: readonly FederatedMesh[]
  /** The authorities, by the ids that a rollover knows them by. */
  readonly authorities: Readonly<Record<string, FederationAuthority>>
  /** Which of them signs where no rollover says otherwise. */
  readonly signer: string
  readonly loader: AuthorityLoader
  /** Roots that every mesh trusts beside that of its CA, and that sign nothing. Not with a rollover, which says itself what is trusted. */
  readonly passive?: readonly Certificate[] | undefined
  /** Decides which authority signs in which cluster, and what it trusts. */
  readonly rollover?: Rollover | undefined
  /**
   * Under which authorities the workloads of a cluster present certificates, as `rolloverEvidence` finds it: an emergency, and
   * `retention: 'renewals'`, wait for it. `undefined`: not known.
   */
  readonly presentsIn?: ((cluster: string) => Promise<readonly string[] | undefined>) | undefined
  /** How old what a cluster says may be. Default `'15m'`, as `evidenceMaxAge` of `planRollover`. */
  readonly evidenceMaxAge?: string | undefined
  /**
   * What becomes of a cluster that is ahead of the journal of the rollover. `'refuse'` (default): it keeps what it has, its word does not count, and
   * the report says so: each cluster writes its own status, so one of them must not decide for all. `'believe-members'`: the journal was restored
   * from a backup, and catches up with what the clusters have once all have told; for as long as that takes.
   */
  readonly recovery?: 'refuse' | 'believe-members' | undefined
  readonly beforeWrite?: (() => void) | undefined
}

/** The names of {@link FederationOptions}. */
export const FEDERATION_OPTIONS: readonly string[] = [
  'api',
  'owner',
  'meshes',
  'authorities',
  'signer',
  'loader',
  'passive',
  'rollover',
  'presentsIn',
  'evidenceMaxAge',
  'recovery',
  'beforeWrite',
]

/**
 * Checks what no cluster can be blamed for.
 *
 * @throws `TypeError` for what is missing, and for an authority that is not given.
 */
export function checkFederation(options: FederationOptions, callee: string): void {
  checkOptionNames(options, FEDERATION_OPTIONS, callee)
  checkRequired(options, ['owner', 'meshes', 'authorities', 'signer', 'loader'], callee)
  const { authorities, signer, rollover } = options
  const ids = rollover === undefined ? [signer] : rollover.plan.authorities.map(({ id }) => id)
  const missing = ids.find((id) => !Object.hasOwn(authorities, id))
  if (missing !== undefined)
    throw new TypeError(
      `option "authorities" has no ${quote(missing, 64)}${rollover === undefined ? '' : ', which the rollover names'}; it has ${Object.keys(authorities).join(', ')}`,
    )
}
