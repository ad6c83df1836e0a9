/**
 * Which secrets of the management cluster a policy is about.
 *
 * @module
 */

import type { NamespacedName } from '../objects/kube-object.ts'
import type { ManagementAuthority, TrustPolicy } from './trust-policy.ts'

/**
 * The secrets to read before `planFederation`: those of the CA that signs and of the passive ones. Nothing else needs to
 * be readable, and nothing needs to be listed.
 *
 * @example
 * ```ts
 * import { rootSecretNames, type TrustPolicy } from 'mesh-pki/kubernetes'
 *
 * declare const policy: TrustPolicy
 * console.log(rootSecretNames(policy)) // [ { name: 'root-trust-policy.gloo-mesh', namespace: 'gloo-mesh' }, … ]
 * ```
 */
export function rootSecretNames(policy: TrustPolicy): readonly NamespacedName[] {
  const { authority, passive } = policy
  const signing = authority.source === 'generated' || authority.source === 'secret' ? [authority] : []
  const names = [...signing, ...passive].flatMap((each) => secretsOf(each, policy))
  const seen = new Set<string>()
  return names.filter(({ name, namespace }) => {
    const before = seen.size
    return seen.add(`${namespace}/${name}`).size > before
  })
}

/** Where a CA may be; a new one goes to the first. */
export function secretsOf(
  authority: ManagementAuthority,
  { kind, name, namespace }: TrustPolicy,
): readonly NamespacedName[] {
  if (authority.source === 'secret') return [authority.secret]
  const usual = { name: `${name}.${namespace}`, namespace }
  // Documentation of Gloo Mesh 2 calls it so; releases do not.
  return kind === 'RootTrustPolicy' ? [usual, { name: `root-trust.${name}`, namespace }] : [usual]
}
