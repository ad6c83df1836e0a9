/**
 * Where Istio decides otherwise than we do about names in its form, by name.
 */
import type { Deviation } from './compare.ts'

/** `expandIdentity` and `ExpandWithTrustDomains`, given the same aliases. */
export const EXPAND_DEVIATIONS: readonly Deviation[] = [
  {
    name: 'what is no identity of Istio stays as it is',
    reason: 'Istio logs and keeps it, ours throws, as it documents.',
    how: 'they accept',
    because: /^ERR_SPIFFE_ID (part-count|keyword|scheme):/,
  },
]
