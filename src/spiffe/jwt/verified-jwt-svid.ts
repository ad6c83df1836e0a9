/**
 * A JWT-SVID that passed every check.
 *
 * @module
 */

import type { SpiffeBundle } from '../spiffe-bundle.ts'
import type { SpiffeId } from '../spiffe-id.ts'

const VERIFIED: unique symbol = Symbol('verified')

/** What a verification found out. */
export interface JwtSvidParts {
  readonly id: SpiffeId
  readonly audience: readonly string[]
  readonly expiresAt: Date
  readonly claims: Readonly<Record<string, unknown>>
  readonly bundle: SpiffeBundle
}

/** A JWT-SVID that was verified. Only `verifyJwtSvid` and `checkJwtSvid` make one. */
export class VerifiedJwtSvid {
  readonly #parts: JwtSvidParts

  private constructor(proof: typeof VERIFIED, parts: JwtSvidParts) {
    if (proof !== VERIFIED) throw new TypeError('only verification makes a VerifiedJwtSvid')
    this.#parts = parts
    Object.freeze(this)
  }

  /** Who it is. */
  get id(): SpiffeId {
    return this.#parts.id
  }

  /** Whom it is for, all of them. A new list on every call. */
  get audience(): readonly string[] {
    return [...this.#parts.audience]
  }

  /** From this instant on it is no longer valid. */
  get expiresAt(): Date {
    return new Date(this.#parts.expiresAt)
  }

  /** Every claim, as `jose` read it. A new object on every call; what is in it is shared. */
  get claims(): Readonly<Record<string, unknown>> {
    return { ...this.#parts.claims }
  }

  /** The bundle that it was judged by. */
  get bundle(): SpiffeBundle {
    return this.#parts.bundle
  }

  /** The identity. */
  toString(): string {
    return String(this.#parts.id)
  }

  /** @internal */
  static of(proof: typeof VERIFIED, parts: JwtSvidParts): VerifiedJwtSvid {
    return new VerifiedJwtSvid(proof, parts)
  }
}

/** Makes the value. No `index.ts` exports it. */
export function verifiedJwtSvid(parts: JwtSvidParts): VerifiedJwtSvid {
  return VerifiedJwtSvid.of(VERIFIED, parts)
}
