/**
 * Where Istio decides otherwise than we do about names in its form, by name.
 */
import type { Deviation } from './compare.ts'

/** A name of the mesh has "@", which ours turns into a dot. */
const AT_SIGN: Deviation = {
  name: '"@" in names of the mesh',
  reason:
    'Istio replaces it where it makes identities, but in neither of these functions; its validation refuses such names anyway.',
  how: 'values differ',
  when: /"names":\[[^\]]*@|"trustDomain":"[^"]*@/,
}

/** `expandPrincipal` and `ReplaceTrustDomainAliases`. */
export const PRINCIPAL_DEVIATIONS: readonly Deviation[] = [AT_SIGN]

/** `expandIdentity` and `ExpandWithTrustDomains`, given the same names. */
export const EXPAND_DEVIATIONS: readonly Deviation[] = [
  AT_SIGN,
  {
    name: 'what is no identity of Istio stays as it is',
    reason: 'Istio logs and keeps it, ours throws, as it documents.',
    how: 'they accept',
    because: /^ERR_SPIFFE_ID (part-count|keyword|scheme):/,
  },
]

/** The same, given what istiod gives to it: the aliases without the mesh's own trust domain. */
export const ISTIOD_DEVIATIONS: readonly Deviation[] = [
  {
    name: "the mesh's own trust domain is put beside an identity of another one",
    reason:
      'Ours, to be decided: push_context.go passes the aliases only, so a service with a foreign identity is not also accepted under the local name.',
    how: 'values differ',
    when: /spiffe:\/\/(foreign|alias)\//,
  },
]
