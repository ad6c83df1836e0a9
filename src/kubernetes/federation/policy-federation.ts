/**
 * The federation that a plan for a policy comes to.
 *
 * @module
 */

import { MeshPkiError } from '../../errors.ts'
import { checkOneOf } from '../../internal/options.ts'
import { quote } from '../../internal/text.ts'
import { SpiffeId } from '../../spiffe/spiffe-id.ts'
import type { FederationPlan, PlannedIssuance } from '../policy/federation-plan.ts'
import { policyOwner } from '../policy/policy-owner.ts'
import type { FederatedMesh, FederationOptions } from './federation-options.ts'
import type { PolicyStepOptions } from './policy-step-options.ts'

/** A mesh that gets no order, and why. */
interface HeldMesh {
  readonly cluster: string
  readonly mesh: string
  readonly error: string
}

/** What is carried out, and what is held. */
export interface PolicyFederation {
  /** `undefined` where there is no CA that may sign. */
  readonly federation: FederationOptions | undefined
  readonly held: readonly HeldMesh[]
}

/** @throws `MeshPkiError` `ERR_KUBERNETES_POLICY` for a rollover of a policy that has passive CAs. */
export function policyFederation(options: PolicyStepOptions, plan: FederationPlan): PolicyFederation {
  const {
    api,
    policy,
    clusters,
    loader,
    rollover,
    authorities,
    evidenceMaxAge,
    presentsIn,
    recovery,
    beforeWrite,
  } = options
  const { root, issue, trust, passive } = plan
  if (root.do !== 'use') return { federation: undefined, held: [] }
  if (rollover !== undefined && passive.length > 0)
    throw new MeshPkiError(
      'ERR_KUBERNETES_POLICY',
      `${policy.kind} ${policy.namespace}/${policy.name} has passive CAs, and a rollover publishes whole bundles, without them: wait until there are none, or rotate by passive CAs alone`,
      {
        data: { policy: `${policy.namespace}/${policy.name}`, passive: passive.map(({ secret }) => secret) },
      },
    )
  const held: HeldMesh[] = []
  const isGloo = api?.flavour === 'gloo'
  const constraints = checkOneOf(
    options.nameConstraints ?? (isGloo ? 'none' : 'trust-domain'),
    ['trust-domain', 'none'],
    'nameConstraints',
  )
  const meshes = issue.flatMap((one): readonly FederatedMesh[] => {
    const client = clusters[one.cluster]
    if (one.do !== 'order' || one.spec === undefined || client === undefined) return []
    const { workloadLifetime = '24h' } = options
    const trustDomains = constraints === 'none' ? undefined : trustDomainsOf(options, one)
    const odd = trustDomains?.find((domain) => !HOST.test(domain))
    if (odd !== undefined) {
      const error = `mesh ${one.mesh} of ${one.cluster}: the trust domain ${quote(odd, 64)} is no host name, and name constraints hold nothing else (RFC 5280 §4.2.1.10). Rename it, or set nameConstraints: 'none'`
      held.push({ cluster: one.cluster, mesh: one.mesh, error })
      return []
    }
    return [
      {
        cluster: one.cluster,
        client,
        order: one.order,
        spec: {
          ...one.spec,
          // Gloo Mesh sets no limit, and its kind cannot say one.
          pathLength: isGloo ? 'none' : one.spec.pathLength,
          podBounceDirective: undefined,
          workloadLifetime,
          rotation: undefined,
        },
        trustDomains,
      },
    ]
  })
  const federation = {
    api,
    owner: policyOwner(policy),
    meshes,
    // By the name of its Secret: another Secret is another authority, so whoever swaps it has everybody issue anew.
    authorities: { [root.secret.name]: { secret: root.secret }, ...authorities },
    signer: root.secret.name,
    loader,
    evidenceMaxAge,
    presentsIn,
    recovery,
    beforeWrite,
    ...(rollover === undefined ? { passive: trust } : { rollover }),
  }
  return { federation, held }
}

/** What a URI subtree can hold. */
const HOST = /^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$/

/** Those that the workloads of a mesh may be in: that of its istiod, and what the inventory calls its aliases. */
function trustDomainsOf(
  { inventory }: PolicyStepOptions,
  { cluster, mesh, spec }: PlannedIssuance,
): readonly string[] {
  const own = spec?.hosts.map((host) => SpiffeId.parse(host).trustDomain.name) ?? []
  const found = inventory.clusters
    .find(({ name }) => name === cluster)
    ?.meshes.find(({ name }) => name === mesh)
  return [...new Set([...own, ...(found?.trustDomainAliases ?? [])])]
}
