/**
 * A path that passed every check.
 *
 * @module
 */

import type { Certificate } from '../x509/certificate.ts'
import type { Oid } from '../x509/extensions/extended-key-usage.ts'
import type { RevocationMode } from './options.ts'
import type { PathPolicy } from './path-policy.ts'
import type { FoundPath } from './path-search.ts'
import { TrustAnchor } from './trust-anchor.ts'

/** What the constructor below wants to see: nobody else has it. */
const VERIFIED: unique symbol = Symbol('verified')

/** A path that was verified. Only verification makes one. */
export class VerifiedPath {
  /** Leaf first, anchor last; without the anchor where that is a name and a key. */
  readonly certificates: readonly Certificate[]
  /** The certificate that was asked about. */
  readonly leaf: Certificate
  /** The trust anchor that the path ends in. */
  readonly anchor: Certificate | TrustAnchor
  /**
   * The certificate policies that are valid for the path (RFC 5280 §6.1.6), in the anchor's domain, sorted:
   * those that the caller accepts, or all. `2.5.29.32.0` says that any is. Empty where there are none.
   */
  readonly policies: readonly Oid[]
  /** How revocation was judged. Under `require` every certificate below the anchor was shown not to be revoked. */
  readonly revocation: RevocationMode
  readonly #time: number

  private constructor(proof: typeof VERIFIED, found: FoundPath, policy: PathPolicy) {
    const { certificates, anchor, policies } = found
    const [leaf] = certificates
    if (proof !== VERIFIED || leaf === undefined) {
      throw new TypeError('only verification makes a VerifiedPath')
    }
    this.certificates = Object.freeze(
      anchor instanceof TrustAnchor ? [...certificates] : [...certificates, anchor],
    )
    this.leaf = leaf
    this.anchor = anchor
    this.policies = policies.length === 0 ? NO_POLICIES : Object.freeze([...policies])
    this.revocation = policy.revocation
    this.#time = policy.time
    Object.freeze(this)
  }

  /** The instant that was judged at. */
  get time(): Date {
    return new Date(this.#time)
  }

  /** @internal The value of a path that a search found. */
  static of(proof: typeof VERIFIED, found: FoundPath, policy: PathPolicy): VerifiedPath {
    return new VerifiedPath(proof, found, policy)
  }
}

const NO_POLICIES: readonly Oid[] = /* @__PURE__ */ Object.freeze([])

/** @internal Makes the value. Reachable from no export. */
export function verifiedPath(found: FoundPath, policy: PathPolicy): VerifiedPath {
  return VerifiedPath.of(VERIFIED, found, policy)
}
