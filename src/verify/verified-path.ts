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
  readonly #found: FoundPath
  readonly #policy: Pick<PathPolicy, 'revocation' | 'time'>
  /** Made when asked for: most callers only look at the leaf. */
  #certificates: readonly Certificate[] | undefined

  private constructor(proof: typeof VERIFIED, found: FoundPath, { revocation, time }: PathPolicy) {
    if (proof !== VERIFIED) throw new TypeError('only verification makes a VerifiedPath')
    this.#found = found
    this.#policy = { revocation, time }
    Object.freeze(this)
  }

  /** Leaf first, anchor last; without the anchor where that is a name and a key. */
  get certificates(): readonly Certificate[] {
    const { certificates, anchor } = this.#found
    this.#certificates ??= Object.freeze(
      anchor instanceof TrustAnchor ? [...certificates] : [...certificates, anchor],
    )
    return this.#certificates
  }

  /** The certificate that was asked about. */
  get leaf(): Certificate {
    return this.#found.leaf
  }

  /** The trust anchor that the path ends in. */
  get anchor(): Certificate | TrustAnchor {
    return this.#found.anchor
  }

  /**
   * The certificate policies that are valid for the path (RFC 5280 §6.1.6), in the anchor's domain, sorted:
   * those that the caller accepts, or all. `2.5.29.32.0` says that any is. Empty where there are none.
   */
  get policies(): readonly Oid[] {
    return [...this.#found.policies]
  }

  /** How revocation was judged. Under `require` every certificate below the anchor was shown not to be revoked. */
  get revocation(): RevocationMode {
    return this.#policy.revocation
  }

  /** The instant that was judged at. */
  get time(): Date {
    return new Date(this.#policy.time)
  }

  /** @internal The value of a path that a search found. */
  static of(proof: typeof VERIFIED, found: FoundPath, policy: PathPolicy): VerifiedPath {
    return new VerifiedPath(proof, found, policy)
  }
}

/** Makes the value. No `index.ts` exports it. */
export function verifiedPath(found: FoundPath, policy: PathPolicy): VerifiedPath {
  return VerifiedPath.of(VERIFIED, found, policy)
}
