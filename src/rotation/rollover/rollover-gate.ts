/**
 * What a gate of a rollover is, and what gates look at.
 *
 * @module
 */

import { instantOf, instantText } from '../../internal/instant-text.ts'
import type { DriverTerms } from './driver-terms.ts'
import type { AuthorityLife, MemberState, RolloverState } from './rollover-state.ts'

/** A step that the driver can take. */
export interface Transition {
  readonly kind: 'publish' | 'distribute' | 'activate' | 'drain' | 'taint' | 'retire' | 'prune'
  readonly authority: string
  /** Of `activate`. */
  readonly cluster?: string
}

/** Why a gate is shut. */
export interface ShutGate {
  readonly gate: GateId
  /** Until when, where it is a matter of time. */
  readonly until?: number
  /** Whose evidence is missing, where it is a matter of that. */
  readonly member?: string
  /** What is expected and what there is. */
  readonly message: string
}

/** What a gate looks at. */
export interface GateContext {
  readonly driver: DriverTerms
  readonly state: RolloverState
  readonly now: number
  readonly transition: Transition
  /** Answers of gates that are the same for every cluster, while one state is looked at. */
  readonly memo?: Map<string, readonly ShutGate[]>
}

/** One rule. */
export interface Gate {
  readonly id: GateId
  /** The invariants of `docs/rotation.md` that it protects. */
  readonly protects: readonly string[]
  readonly before: readonly Transition['kind'][]
  /** Whether its answer depends on the cluster that shall switch. */
  readonly perCluster?: boolean
  check(context: GateContext): readonly ShutGate[]
}

/** The gates, by what they ask. */
export type GateId =
  | 'recovery'
  | 'evidence-age'
  | 'staged'
  | 'plan-time'
  | 'bundle-size'
  | 'distribution-time'
  | 'distribution-evidence'
  | 'own-bundle'
  | 'incoming-valid'
  | 'switch-time'
  | 'switch-evidence'
  | 'retention-time'
  | 'ledger'
  | 'presence'
  | 'withdrawal-time'
  | 'withdrawal-evidence'

/** The gates of a transition that are shut, without those that somebody forced. */
export function shutGates(context: GateContext, gates: readonly Gate[]): readonly ShutGate[] {
  const { forced } = context.state
  return gates
    .filter(({ before }) => before.includes(context.transition.kind))
    .flatMap((gate) => answerOf(gate, context))
    .filter(
      ({ gate, member }) =>
        !forced.some(
          (one) =>
            one.gate === gate &&
            (one.member === undefined || one.member === member) &&
            (one.authority === undefined || one.authority === context.transition.authority),
        ),
    )
}

function answerOf(gate: Gate, context: GateContext): readonly ShutGate[] {
  const { memo, transition } = context
  if (memo === undefined || gate.perCluster === true) return gate.check(context)
  const key = `${gate.id} ${transition.kind} ${transition.authority}`
  const known = memo.get(key) ?? gate.check(context)
  memo.set(key, known)
  return known
}

/** The members that somebody waits for. */
export function currentMembers(state: RolloverState): readonly (readonly [string, MemberState])[] {
  return Object.entries(state.members).filter(([, { leftAt }]) => leftAt === undefined)
}

/** The clusters that may ever have signed with an authority. */
export function signersOf(
  driver: DriverTerms,
  state: RolloverState,
  authority: string,
): readonly (readonly [string, MemberState])[] {
  return currentMembers(state).filter(
    ([, { from, signer }]) => signer !== undefined && (authority === driver.incoming || from === authority),
  )
}

/** What the bundle holds once the incoming authority is in it. */
export function unionOf(driver: DriverTerms, state: RolloverState): readonly string[] {
  const kept = driver.outgoing.filter((id) => {
    const stage = state.authorities[id]?.stage
    return stage !== 'RETIRED' && stage !== 'REVOKED' && stage !== 'PRUNED'
  })
  return [...kept, driver.incoming].sort()
}

/** When an authority entered a stage. */
export function sinceOf(
  life: AuthorityLife | undefined,
  stage: keyof AuthorityLife['since'],
): number | undefined {
  const since = life?.since[stage]
  return since === undefined ? undefined : instantOf(since)
}

/** When an authority began to drain; never, while it does not. */
export const sinceDraining = (state: RolloverState, authority: string): number =>
  sinceOf(state.authorities[authority], 'DRAINING') ?? Number.POSITIVE_INFINITY

/** Not where the root stays, nor before a switch that a cross-certificate covers, nor for the withdrawal of what was aborted. */
export function needsDistribution(
  driver: DriverTerms,
  state: RolloverState,
  { kind, authority }: Transition,
): boolean {
  if (driver.terms.kind === 'issuing-ca' || (authority === driver.incoming && kind === 'retire')) return false
  if (state.direction === 'back') return false
  return kind !== 'activate' || !driver.terms.crossSign
}

/** Who has not acknowledged a bundle of this sequence or a later one. */
export function missingBundle(
  state: RolloverState,
  gate: 'distribution-evidence' | 'own-bundle' | 'withdrawal-evidence',
  sequence: number | undefined,
): readonly ShutGate[] {
  if (sequence === undefined) return [{ gate, message: 'the bundle has not been published' }]
  return currentMembers(state).flatMap(([member, { evidence }]) => {
    const found = evidence?.sequence
    if (found !== undefined && found >= sequence) return []
    return [
      {
        gate,
        member,
        message: `${member} has not acknowledged bundle ${sequence}; ${found === undefined ? 'it has reported nothing' : `it has ${found}`}`,
      },
    ]
  })
}

/** A gate that opens at an instant; not finite where nobody knows it yet. */
export function until(
  gate: GateId,
  instant: number | undefined,
  now: number,
  what: string,
): readonly ShutGate[] {
  if (instant === undefined || now >= instant) return []
  return Number.isFinite(instant)
    ? [{ gate, until: instant, message: `${what} ${instantText(instant)}` }]
    : [{ gate, message: `${what} not yet known` }]
}
