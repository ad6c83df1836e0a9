/**
 * What decides about peers, read once and kept.
 *
 * @module
 */

import { type BundleSource, readBundleSource } from '../spiffe/bundle-source.ts'
import type { SpiffeMatcher } from '../spiffe/spiffe-matcher.ts'
import type { VerifiedSvid } from '../spiffe/verified-svid.ts'
import {
  type CheckSvidResult,
  checkSvidOptions,
  checkSvidSync,
  type VerifySvidOptions,
  verifySvid,
} from '../spiffe/verify-svid.ts'
import type { PathLimits } from '../verify/options.ts'

/** What decides about a peer: as for `verifySvid`, at the time of the connection. */
export type PeerOptions = Omit<VerifySvidOptions, 'time' | 'expect'>

/** Names of {@link PeerOptions}. */
export const PEER_OPTIONS: readonly string[] = ['bundles', 'signers', 'crls', 'revocation', 'limits']

/**
 * Options for many verifications: copied, so that a later change of the caller's object changes nothing, and
 * checked before anybody connects.
 */
export class PeerPolicy {
  readonly source: BundleSource
  readonly expect: SpiffeMatcher | undefined
  readonly #options: Omit<VerifySvidOptions, 'time'>

  /** @throws `TypeError`, `RangeError` for options. */
  constructor(options: PeerOptions, expect: SpiffeMatcher | undefined) {
    const { signers, crls, revocation, limits } = options
    this.source = readBundleSource(options.bundles)
    this.expect = expect
    const asked = { bundles: this.source, signers, crls: isList(crls) ? [...crls] : crls, revocation }
    checkSvidOptions({ ...asked, limits })
    const kept = { ...asked, limits: limits === undefined ? undefined : copyOf(limits) }
    this.#options = expect === undefined ? kept : { ...kept, expect }
  }

  /** Whether it asks anything that the verdict about a session does not answer any more. */
  get asksRevocation(): boolean {
    const { crls, revocation } = this.#options
    return crls !== undefined || (revocation !== undefined && revocation !== 'off')
  }

  /** Two of one key judge alike, given the same bundle, the same expectation and no revocation. */
  get key(): string {
    const { signers = 'refuse', limits = {} } = this.#options
    return JSON.stringify([signers, limits.signatures, limits.depth, limits.comparisons])
  }

  /** Whether an identity is the expected one. */
  expects(svid: VerifiedSvid): boolean {
    return this.expect === undefined || this.expect.matches(svid.id) === true
  }

  /** @throws as `verifySvid`. */
  verify(chain: readonly Uint8Array[], time: Date): Promise<VerifiedSvid> {
    return verifySvid(chain, { ...this.#options, time })
  }

  /** @throws as `checkSvidSync`. */
  checkSync(chain: readonly Uint8Array[], time: Date): CheckSvidResult {
    return checkSvidSync(chain, { ...this.#options, time })
  }
}

function isList<T>(value: T | readonly T[] | undefined): value is readonly T[] {
  return Array.isArray(value)
}

/** By name: the bounds of a prototype count, too. */
const copyOf = ({ signatures, depth, comparisons }: PathLimits): PathLimits => ({
  signatures,
  depth,
  comparisons,
})
