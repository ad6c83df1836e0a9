/**
 * How the objects that are written for a policy are marked as its own.
 *
 * @module
 */

import { sha256 } from '@noble/hashes/sha2.js'
import { toHex } from '../../internal/bytes.ts'
import type { TrustPolicy } from './trust-policy.ts'

/** The most characters of a label's value. */
const MAX_LABEL = 63
/** Enough of a digest to tell policies apart. */
const DIGEST_CHARACTERS = 16

/**
 * The value of the owner label for what is written for a policy: `<kind>.<namespace>.<name>` in lower case, with a
 * digest where that is too long.
 *
 * @example
 * ```ts
 * import { policyOwner, type TrustPolicy } from 'mesh-pki/kubernetes'
 *
 * declare const policy: TrustPolicy
 * console.log(policyOwner(policy)) // roottrustpolicy.gloo-mesh.root-trust-policy
 * ```
 */
export function policyOwner({
  kind,
  namespace,
  name,
}: Pick<TrustPolicy, 'kind' | 'namespace' | 'name'>): string {
  const whole = `${kind.toLowerCase()}.${namespace}.${name}`
  if (whole.length <= MAX_LABEL) return whole
  const digest = toHex(sha256(new TextEncoder().encode(whole))).slice(0, DIGEST_CHARACTERS)
  return `${whole.slice(0, MAX_LABEL - DIGEST_CHARACTERS - 1)}-${digest}`
}
