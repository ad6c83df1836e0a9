/**
 * What must be true before a rollover goes a step further: time and evidence.
 *
 * Every gate is one rule with the invariant that it protects. The suite deletes each in turn and shows that the invariant
 * breaks.
 *
 * @module
 */

import { formatDuration } from '../../internal/duration.ts'
import { instantOf, instantText } from '../../internal/instant-text.ts'
import { type DriverTerms, stepKey } from './driver-terms.ts'
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
}

/** One rule. */
export interface Gate {
  readonly id: GateId
  /** The invariants of `docs/rotation.md` that it protects. */
  readonly protects: readonly string[]
  readonly before: readonly Transition['kind'][]
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

/** The gates, in the order in which they are told. */
export const ROLLOVER_GATES: readonly Gate[] = [
  {
    id: 'recovery',
    protects: ['I2', 'I4'],
    before: ['publish', 'distribute', 'activate', 'drain', 'taint', 'retire', 'prune'],
    check: ({ state }) => {
      const told = state.recovering?.told
      if (told === undefined) return []
      return currentMembers(state)
        .filter(([name]) => !told.includes(name))
        .map(([member]) => ({
          gate: 'recovery',
          member,
          message: `the journal is older than what members have, so it was restored; ${member} has not reported since`,
        }))
    },
  },
  {
    id: 'evidence-age',
    protects: ['I2', 'I13'],
    before: ['activate', 'taint', 'retire'],
    check: ({ driver, state, now }) =>
      currentMembers(state).flatMap(([member, { evidence }]) =>
        evidence === undefined || instantOf(evidence.at) + driver.evidenceMaxAge >= now
          ? []
          : [
              {
                gate: 'evidence-age' as const,
                member,
                message: `${member} reported at ${evidence.at}, more than ${formatDuration(driver.evidenceMaxAge)} ago: a journal from a backup would look like this`,
              },
            ],
      ),
  },
  {
    id: 'staged',
    protects: ['I4'],
    before: ['publish', 'activate'],
    check: ({ state, driver }) =>
      state.authorities[driver.incoming]?.fingerprint === undefined
        ? [
            {
              gate: 'staged',
              message: `${driver.incoming} has not been made: call stage() with its certificate once its key is stored`,
            },
          ]
        : [],
  },
  {
    id: 'plan-time',
    protects: ['I12'],
    before: ['publish', 'activate', 'taint', 'retire', 'prune'],
    check: ({ driver, now, transition, state }) => {
      // On the way back the plan's instants mean nothing.
      if (state.direction === 'back') return []
      const { kind, authority, cluster } = transition
      const emergency = driver.terms.reissueWithin !== undefined
      const stage = {
        publish: 'PUBLISHED',
        distribute: 'DISTRIBUTED',
        activate: 'ACTIVE',
        drain: 'DRAINING',
        taint: 'TAINTED',
        retire: emergency ? 'REVOKED' : 'RETIRED',
        prune: 'PRUNED',
      }[kind]
      return until(
        'plan-time',
        driver.planned.get(stepKey(stage, authority, cluster)),
        now,
        `the plan has ${stage} ${authority} at`,
      )
    },
  },
  {
    id: 'bundle-size',
    protects: ['I16'],
    before: ['publish'],
    check: ({ driver, state }) => {
      const size = unionOf(driver, state).length
      return size <= driver.terms.maxAuthorities
        ? []
        : [
            {
              gate: 'bundle-size',
              message: `the bundle would hold ${size} authorities; at most ${driver.terms.maxAuthorities} may be`,
            },
          ]
    },
  },
  {
    id: 'distribution-time',
    protects: ['I1', 'I12'],
    before: ['distribute', 'activate', 'retire'],
    check: ({ driver, state, now, transition }) => {
      if (!needsDistribution(driver, state, transition)) return []
      const published = sinceOf(state.authorities[driver.incoming], 'PUBLISHED')
      return until(
        'distribution-time',
        published === undefined ? Number.POSITIVE_INFINITY : published + driver.distribution,
        now,
        `${formatDuration(driver.distribution)} (D + 2S) after the publication of ${driver.incoming}, which is`,
      )
    },
  },
  {
    id: 'distribution-evidence',
    protects: ['I1', 'I11'],
    before: ['distribute', 'activate', 'retire'],
    check: ({ driver, state, transition }) =>
      needsDistribution(driver, state, transition)
        ? missingBundle(state, 'distribution-evidence', state.authorities[driver.incoming]?.publishedIn)
        : [],
  },
  {
    id: 'own-bundle',
    protects: ['I3'],
    before: ['activate'],
    check: ({ driver, state, transition: { cluster = '' } }) => {
      const member = state.members[cluster]
      if (driver.terms.kind === 'issuing-ca' || member === undefined) return []
      return missingBundle(
        { ...state, members: { [cluster]: member } },
        'own-bundle',
        state.authorities[driver.incoming]?.publishedIn,
      )
    },
  },
  {
    id: 'incoming-valid',
    protects: ['I7', 'I14'],
    before: ['activate'],
    check: ({ driver, state, now }) => {
      const { notBefore } = state.authorities[driver.incoming] ?? {}
      if (notBefore === undefined) return []
      return until(
        'incoming-valid',
        instantOf(notBefore) + 2 * driver.terms.clockSkew,
        now,
        `${driver.incoming} must be valid for the slowest clock (2S), which is`,
      )
    },
  },
  {
    id: 'switch-time',
    protects: ['I10'],
    before: ['taint'],
    check: ({ driver, state, now, transition }) =>
      until(
        'switch-time',
        sinceDraining(state, transition.authority) + driver.terms.switchDelay + 2 * driver.terms.clockSkew,
        now,
        'every issuer has left it (Δsw + 2S) at',
      ),
  },
  {
    id: 'switch-evidence',
    protects: ['I2', 'I10'],
    before: ['taint', 'retire'],
    check: ({ driver, state, transition: { authority } }) =>
      signersOf(driver, state, authority).flatMap(([member, { signer, evidence }]) => {
        const found = evidence?.signer
        if (found !== undefined && found === signer && found !== authority) return []
        return [
          {
            gate: 'switch-evidence' as const,
            member,
            message: `${member} has not reported that it signs with ${signer}; it reported ${found ?? 'no signer'}`,
          },
        ]
      }),
  },
  {
    id: 'retention-time',
    protects: ['I2'],
    before: ['retire'],
    check: ({ driver, state, now, transition }) => {
      const life = state.authorities[transition.authority]
      if (life?.everActive !== true) return []
      const from = sinceOf(life, 'TAINTED') ?? sinceDraining(state, transition.authority)
      return until(
        'retention-time',
        from + driver.retention,
        now,
        `${formatDuration(driver.retention)} after the last issuer left ${transition.authority}, which is`,
      )
    },
  },
  {
    id: 'ledger',
    protects: ['I2', 'I13'],
    before: ['retire'],
    check: ({ driver, state, now, transition }) => {
      const life = state.authorities[transition.authority]
      // In an emergency everything is issued again, and that is shown by evidence.
      if (life?.stage === 'TAINTED') return []
      const last = driver.terms.retention === 'renewals' ? life?.inUseUntil : life?.greatestNotAfter
      if (last === undefined) return []
      return until(
        'ledger',
        instantOf(last) + 4 * driver.terms.clockSkew,
        now,
        `the last certificate under ${transition.authority} is ${driver.terms.retention === 'renewals' ? 'replaced' : 'over'} for the slowest clock (4S) at`,
      )
    },
  },
  {
    id: 'presence',
    protects: ['I2', 'I10'],
    before: ['retire'],
    check: ({ driver, state, transition: { authority } }) => {
      const mustSay =
        driver.terms.retention === 'renewals' || state.authorities[authority]?.stage === 'TAINTED'
      return currentMembers(state).flatMap(([member, { signer, evidence }]) => {
        const presents = evidence?.presents
        if (presents === undefined ? !mustSay || signer === undefined : !presents.includes(authority))
          return []
        return [
          {
            gate: 'presence' as const,
            member,
            message:
              presents === undefined
                ? `${member} has not reported what its workloads present`
                : `${member} still presents certificates under ${authority}`,
          },
        ]
      })
    },
  },
  {
    id: 'withdrawal-time',
    protects: ['I6'],
    before: ['prune'],
    check: ({ driver, state, now, transition }) => {
      const life = state.authorities[transition.authority]
      const ended = sinceOf(life, 'REVOKED') ?? sinceOf(life, 'RETIRED') ?? Number.POSITIVE_INFINITY
      const wait = driver.distribution + driver.terms.pruneAfter
      return until(
        'withdrawal-time',
        ended + wait,
        now,
        `${formatDuration(wait)} after its withdrawal, which is`,
      )
    },
  },
  {
    id: 'withdrawal-evidence',
    protects: ['I6'],
    before: ['prune'],
    check: ({ driver, state, transition }) =>
      driver.terms.kind === 'issuing-ca'
        ? []
        : missingBundle(state, 'withdrawal-evidence', state.authorities[transition.authority]?.withdrawnIn),
  },
]

/** The gates of a transition that are shut, without those that somebody forced. */
export function shutGates(context: GateContext, gates: readonly Gate[]): readonly ShutGate[] {
  const { forced } = context.state
  return gates
    .filter(({ before }) => before.includes(context.transition.kind))
    .flatMap((gate) => gate.check(context))
    .filter(
      ({ gate, member }) =>
        !forced.some((one) => one.gate === gate && (one.member === undefined || one.member === member)),
    )
}

/** The members that somebody waits for. */
export function currentMembers(state: RolloverState): readonly (readonly [string, MemberState])[] {
  return Object.entries(state.members).filter(([, { leftAt }]) => leftAt === undefined)
}

/** The clusters that may ever have signed with an authority. */
function signersOf(
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
function sinceOf(life: AuthorityLife | undefined, stage: keyof AuthorityLife['since']): number | undefined {
  const since = life?.since[stage]
  return since === undefined ? undefined : instantOf(since)
}

const sinceDraining = (state: RolloverState, authority: string): number =>
  sinceOf(state.authorities[authority], 'DRAINING') ?? Number.POSITIVE_INFINITY

/** Not where the root stays, nor before a switch that a cross-certificate covers, nor for the withdrawal of what was aborted. */
function needsDistribution(
  driver: DriverTerms,
  state: RolloverState,
  { kind, authority }: Transition,
): boolean {
  if (driver.terms.kind === 'issuing-ca' || (authority === driver.incoming && kind === 'retire')) return false
  if (state.direction === 'back') return false
  return kind !== 'activate' || !driver.terms.crossSign
}

function missingBundle(
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

function until(gate: GateId, instant: number | undefined, now: number, what: string): readonly ShutGate[] {
  if (instant === undefined || now >= instant) return []
  return Number.isFinite(instant)
    ? [{ gate, until: instant, message: `${what} ${instantText(instant)}` }]
    : [{ gate, message: `${what} not yet known` }]
}
