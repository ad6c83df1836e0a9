/**
 * Clusters whose identities cannot be told apart.
 *
 * @module
 */

import { sha256 } from '@noble/hashes/sha2.js'
import { toHex } from '../internal/bytes.ts'
import { groupBy } from '../internal/group-by.ts'
import { quote } from '../internal/text.ts'
import type { Certificate } from '../x509/certificate.ts'
import { type CertificateInput, toCertificates } from '../x509/certificate-input.ts'
import { SpiffeId, type TrustDomain, toSpiffeId, toTrustDomain } from './spiffe-id.ts'

/** A cluster as it is seen from outside. */
export interface ClusterIdentities {
  /** What messages call it. */
  readonly name: string
  readonly trustDomain: TrustDomain | string
  /** The roots that its workloads' certificates lead to. */
  readonly roots: CertificateInput | readonly CertificateInput[]
  /** Identities that it issues, as far as they are known: the report then names those that collide. */
  readonly identities?: readonly (SpiffeId | string)[] | undefined
}

/** Clusters that share a trust domain and a root: what one issues, the others take for their own. */
export interface IdentityCollision {
  readonly trustDomain: TrustDomain
  /** Names of the clusters, in their order. */
  readonly clusters: readonly string[]
  /** The roots that they share, by name and key: `CN=Root (key 5a26…)`. One that was issued again is the same. */
  readonly roots: readonly string[]
  /** Identities that more than one of them issues. */
  readonly identities: readonly SpiffeId[]
  readonly message: string
  /** How to give each a trust domain of its own without refusing a request on the way. */
  readonly steps: readonly string[]
}

/**
 * Finds clusters whose workloads bear the same identities under a common root.
 *
 * A trust domain is one namespace of identities (SPIFFE Trust Domain and Bundle §2). Two clusters that both
 * issue for `cluster.local` below one root are one to every verifier: a workload of the one is accepted as
 * its namesake in the other. Clusters without a common root do not trust each other, so they do not collide.
 *
 * @example
 * ```ts
 * import { findIdentityCollisions } from 'mesh-pki/spiffe'
 *
 * declare const root: string
 * const [collision] = findIdentityCollisions([
 *   { name: 'east', trustDomain: 'cluster.local', roots: root },
 *   { name: 'west', trustDomain: 'cluster.local', roots: root },
 * ])
 * for (const step of collision?.steps ?? []) console.log(step)
 * ```
 */
export function findIdentityCollisions(clusters: readonly ClusterIdentities[]): readonly IdentityCollision[] {
  const seen: readonly Seen[] = clusters.map(({ name, trustDomain, roots, identities = [] }, i) => ({
    name,
    trustDomain: toTrustDomain(trustDomain),
    roots: new Set(toCertificates(roots, `clusters[${i}].roots`).map(identityOf)),
    identities: new Set(identities.map((id) => String(toSpiffeId(id)))),
  }))
  const byRoot = groupBy(
    seen.flatMap((cluster) => [...cluster.roots].map((root) => ({ cluster, root }))),
    ({ cluster, root }) => `${cluster.trustDomain.name} ${root}`,
  )
  const collisions: IdentityCollision[] = []
  const left = new Set<Seen>(seen)
  for (const first of seen) {
    if (!left.delete(first)) continue
    // Who shares a root with anyone of the group belongs to it: the group is one to its common verifiers.
    const group = [first]
    for (const { roots } of group)
      for (const root of roots)
        for (const { cluster } of byRoot.get(`${first.trustDomain.name} ${root}`) ?? [])
          if (left.delete(cluster)) group.push(cluster)
    if (group.length > 1) collisions.push(collisionOf(first.trustDomain, group))
  }
  return collisions
}

interface Seen {
  readonly trustDomain: TrustDomain
  readonly name: string
  readonly roots: ReadonlySet<string>
  readonly identities: ReadonlySet<string>
}

function collisionOf(trustDomain: TrustDomain, group: readonly Seen[]): IdentityCollision {
  const names = group.map(({ name }) => quote(name, 64))
  const roots = repeated(group.map((cluster) => cluster.roots)).sort()
  // Namesakes meet where one root vouches for both: a group may be linked by several.
  const shared = roots.flatMap((root) =>
    repeated(group.filter((cluster) => cluster.roots.has(root)).map((cluster) => cluster.identities)),
  )
  const identities = [...new Set(shared)].map((text) => SpiffeId.parse(text)).sort(SpiffeId.compare)
  const [keeps = '', ...others] = names
  return {
    trustDomain,
    clusters: group.map(({ name }) => name),
    roots,
    identities,
    message: `clusters ${names.join(', ')} share the trust domain ${trustDomain.name} and are linked by common roots: a workload of one is accepted as its namesake in another${identities.length === 0 ? '' : `, such as ${String(identities[0])}`}. Give each cluster a trust domain of its own (SPIFFE Trust Domain and Bundle §2)`,
    steps: [
      `Choose a trust domain for each of ${others.join(', ')} that no other cluster has; ${keeps} may keep ${trustDomain.name}.`,
      'In every cluster of the mesh, add the new trust domains to meshConfig.trustDomainAliases and wait until each istiod and proxy has the change.',
      `In one cluster after the other, set meshConfig.trustDomain to its new trust domain and keep ${trustDomain.name} in its trustDomainAliases.`,
      'Let every workload there get a new certificate: restart it, or wait for the lifetime of a workload certificate.',
      'Rewrite the AuthorizationPolicies that name a trust domain: to cluster.local, where the local cluster is meant, otherwise to the new one.',
      `When no certificate of the old form is valid any longer in those clusters, remove ${trustDomain.name} from their trustDomainAliases, so that the namesakes are two again.`,
    ],
  }
}

/** Name and key: a root that was issued again still vouches for all that it did. */
const identityOf = (root: Certificate): string => `${root.subject} (key ${toHex(sha256(root.publicKey))})`

/** What stands in more than one set. */
function repeated(sets: readonly ReadonlySet<string>[]): string[] {
  const once = new Set<string>()
  const again = new Set<string>()
  for (const set of sets) for (const one of set) (once.has(one) ? again : once).add(one)
  return [...again]
}
