/**
 * What the members of a simulated mesh heed. The suite breaks each and shows which invariant finds it.
 *
 * @module
 */

import { acceptBundle, whyNotSign } from '../rollover/member-guards.ts'
import type { Dice } from './dice.ts'

/** The rules of members, all of which a real mesh keeps. */
export interface MeshRules {
  readonly acceptBundle: typeof acceptBundle
  readonly whyNotSign: typeof whyNotSign
  /** A member does not go back to an older desired state. */
  readonly keepsRevision: boolean
  /** Issuers cut a certificate to its path. */
  readonly caps: boolean
  /** Issuers let validity begin early. */
  readonly backdates: boolean
  /** A serial number is used once. */
  readonly uniqueSerials: boolean
  /** When a certificate is due is drawn once, not at every poll. */
  readonly drawsOnce: boolean
  /** The certificate of the incoming key is sent along. */
  readonly attachesCross: boolean
  /** Members report what they issued and what is in use. */
  readonly reportsDetails: boolean
  /** Of several forced holders, when the i-th is issued again, as a share of the window. */
  reissueShare(index: number, count: number, dice: Dice): number
}

/** The rules as they are. */
export const MESH_RULES: MeshRules = {
  acceptBundle,
  whyNotSign,
  keepsRevision: true,
  caps: true,
  backdates: true,
  uniqueSerials: true,
  drawsOnce: true,
  attachesCross: true,
  reportsDetails: true,
  reissueShare: (index, count) => (index + 1) / count,
}
