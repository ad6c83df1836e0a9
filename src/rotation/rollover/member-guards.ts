/**
 * What a member of a rollover must refuse, whatever it is told.
 *
 * @module
 */

import { instantText } from '../../internal/instant-text.ts'

/** A bundle with its place in the order. */
export interface SequencedBundle {
  readonly sequence: number
  readonly digest: string
}

/** What a verifier makes of a bundle that it is offered. */
export type BundleVerdict = 'apply' | 'keep' | 'conflict'

/**
 * Whether to apply a bundle: `apply` a newer one, `keep` for an older or the same one, `conflict` for another content
 * under the same sequence, which somebody must look at (I5).
 *
 * @example
 * ```ts
 * import { acceptBundle } from 'mesh-pki/rotation'
 *
 * acceptBundle({ sequence: 3, digest: 'aa' }, { sequence: 2, digest: 'bb' }) // 'keep': it is older
 * ```
 */
export function acceptBundle(held: SequencedBundle | undefined, offered: SequencedBundle): BundleVerdict {
  if (held === undefined || offered.sequence > held.sequence) return 'apply'
  if (offered.sequence < held.sequence || offered.digest === held.digest) return 'keep'
  return 'conflict'
}

/** What an issuer looks at before it signs. */
export interface SigningSituation {
  /** The authority that it would sign with. */
  readonly authority: string
  /** The authorities of its own bundle; `undefined` where the root does not change. */
  readonly trusts: readonly string[] | undefined
  /** When the authority's certificate begins. */
  readonly authorityNotBefore: Date
  /** The latest `notBefore` that it ever gave. */
  readonly lastNotBefore?: Date | undefined
  readonly now: Date
}

/**
 * Why an issuer must not sign; `undefined` where it may. Its own bundle must hold what it signs with (I3), its CA must be
 * valid on its clock, and its clock must not have gone back behind what it issued (I14).
 *
 * @example
 * ```ts
 * import { whyNotSign } from 'mesh-pki/rotation'
 *
 * const why = whyNotSign({
 *   authority: 'root-2026',
 *   trusts: ['root-2025'],
 *   authorityNotBefore: new Date('2026-01-01T00:00:00Z'),
 *   now: new Date('2026-03-01T00:00:00Z'),
 * })
 * console.log(why) // it is not in the issuer's own bundle
 * ```
 */
export function whyNotSign(situation: SigningSituation): string | undefined {
  const { authority, trusts, authorityNotBefore, lastNotBefore, now } = situation
  if (trusts !== undefined && !trusts.includes(authority))
    return `${authority} is not in the issuer's own bundle (${trusts.join(', ') || 'empty'}), so its peers may not trust it either`
  if (now < authorityNotBefore)
    return `${authority} is valid from ${text(authorityNotBefore)} on, and the issuer's clock says ${text(now)}: check the clock`
  if (lastNotBefore !== undefined && now < lastNotBefore)
    return `the issuer's clock says ${text(now)}, before the beginning of what it issued last (${text(lastNotBefore)}): it went back`
  return undefined
}

const text = (instant: Date): string => instantText(Math.floor(instant.getTime() / 1000) * 1000)
