/**
 * An X509-SVID that passed every check.
 *
 * @module
 */

import type { VerifiedPath } from '../verify/verified-path.ts'
import type { Certificate } from '../x509/certificate.ts'
import type { SpiffeBundle } from './spiffe-bundle.ts'
import type { SpiffeId, TrustDomain } from './spiffe-id.ts'
import { type SvidWarning, warningsOf } from './svid-warnings.ts'

const VERIFIED: unique symbol = Symbol('verified')

/** What a verification found out. */
export interface SvidParts {
  readonly id: SpiffeId
  readonly path: VerifiedPath
  readonly bundle: SpiffeBundle
}

/** An X509-SVID that was verified. Only `verifySvid` and its siblings make one. */
export class VerifiedSvid {
  readonly #parts: SvidParts

  private constructor(proof: typeof VERIFIED, parts: SvidParts) {
    if (proof !== VERIFIED) throw new TypeError('only verification makes a VerifiedSvid')
    this.#parts = parts
    Object.freeze(this)
  }

  /** Who it is. */
  get id(): SpiffeId {
    return this.#parts.id
  }

  /** The trust domain that it belongs to; its bundle vouched for it. */
  get trustDomain(): TrustDomain {
    return this.#parts.id.trustDomain
  }

  /** The path from the leaf to the authority. */
  get path(): VerifiedPath {
    return this.#parts.path
  }

  /** The certificate that was asked about. */
  get leaf(): Certificate {
    return this.#parts.path.leaf
  }

  /** The bundle that it was judged by. */
  get bundle(): SpiffeBundle {
    return this.#parts.bundle
  }

  /** The last second at which every certificate of the path is valid. */
  get validUntil(): Date {
    return new Date(Math.min(...this.#parts.path.certificates.map(({ notAfter }) => notAfter.getTime())))
  }

  /** What X509-SVID advises against in this path, and what `signers: 'warn'` let pass. A new list on every call. */
  get warnings(): readonly SvidWarning[] {
    return warningsOf(this.#parts.path.certificates, this.trustDomain)
  }

  /** The identity. */
  toString(): string {
    return String(this.#parts.id)
  }

  /** @internal */
  static of(proof: typeof VERIFIED, parts: SvidParts): VerifiedSvid {
    return new VerifiedSvid(proof, parts)
  }
}

/** Makes the value. No `index.ts` exports it. */
export function verifiedSvid(parts: SvidParts): VerifiedSvid {
  return VerifiedSvid.of(VERIFIED, parts)
}
