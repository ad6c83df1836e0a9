/**
 * What a member of a rollover shall have and do. A pure function of the journal.
 *
 * @module
 */

import { instantOf } from '../../internal/instant-text.ts'
import type { DriverTerms } from './driver-terms.ts'
import { type RolloverState, UNMANAGED } from './rollover-state.ts'

/** An authority as a member needs it. */
export interface DesiredAuthority {
  readonly id: string
  /** SHA-256 of its certificate, hex; absent where the plan does not know it. */
  readonly fingerprint?: string
}

/** What one cluster or audience shall make true, and then report. */
export interface DesiredState {
  readonly member: string
  /** Grows with every change of the journal. A member never goes back to a lower one. */
  readonly revision: number
  /** The bundle to trust; `undefined` while it keeps its own (before an adoption is published). */
  readonly bundle:
    | {
        readonly sequence: number
        readonly digest: string
        readonly authorities: readonly DesiredAuthority[]
      }
    | undefined
  /** The authority to sign with; absent in an audience. */
  readonly signer?: string
  /**
   * Send the certificate of the incoming key by the outgoing one along with whatever the incoming authority signs, also while its issuers
   * still leave it.
   */
  readonly attachCross: boolean
  /** Issue everything again that is under these, within this; spread it, first of all under the tainted ones. */
  readonly reissue?: { readonly authorities: readonly string[]; readonly within: string }
}

/** What a member shall have. `undefined` for who is no member or has left, and for all while a journal recovers: they keep what they have. */
export function desiredState(
  driver: DriverTerms,
  state: RolloverState,
  member: string,
  now: number,
): DesiredState | undefined {
  const found = Object.hasOwn(state.members, member) ? state.members[member] : undefined
  // What a restored journal wants is not what anybody should go back to.
  if (found === undefined || found.leftAt !== undefined || state.recovering !== undefined) return undefined
  const { sequence, digest, authorities } = state.bundle
  const { reissueWithin, cross } = { ...driver.plan.parameters, cross: driver.plan.cross }
  const tainted = driver.outgoing.filter((id) => state.authorities[id]?.stage === 'TAINTED')
  return {
    member,
    revision: state.revision,
    bundle:
      sequence === UNMANAGED || driver.terms.kind === 'issuing-ca'
        ? undefined
        : {
            sequence,
            digest,
            authorities: authorities.map((id) => {
              const fingerprint = state.authorities[id]?.fingerprint
              return fingerprint === undefined ? { id } : { id, fingerprint }
            }),
          },
    ...(found.signer === undefined ? {} : { signer: found.signer }),
    attachCross:
      cross !== undefined &&
      (state.authorities[driver.incoming]?.since.DISTRIBUTED === undefined ||
        now < instantOf(cross.attachUntil)),
    ...(tainted.length === 0 || reissueWithin === undefined
      ? {}
      : { reissue: { authorities: tainted, within: reissueWithin } }),
  }
}
