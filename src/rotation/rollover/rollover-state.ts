/**
 * How far a rollover has come: what the journal holds.
 *
 * @module
 */

import { sha256 } from '@noble/hashes/sha2.js'
import { toHex } from '../../internal/bytes.ts'
import type { AuthorityStage, RolloverPlan } from './rollover-plan.ts'

/** An authority of a rollover. Instants are ISO 8601, on the clocks of those who drove it. */
export interface AuthorityLife {
  readonly role: 'outgoing' | 'incoming'
  readonly stage: AuthorityStage | 'PLANNED'
  /** When it entered each stage that it was in, the last time. */
  readonly since: Readonly<Partial<Record<AuthorityStage, string>>>
  /** SHA-256 of its certificate, hex. */
  readonly fingerprint?: string
  readonly notBefore?: string
  readonly notAfter?: string
  /** The sequence of the first bundle that has it, and of the first that has it no longer. */
  readonly publishedIn?: number
  readonly withdrawnIn?: number
  /** The ledger: the greatest `notAfter` of all that it ever issued, as far as members have told. */
  readonly greatestNotAfter?: string
  /** The latest instant at which one of these is still in use, where renewals are relied upon. */
  readonly inUseUntil?: string
  /** Whether a cluster was ever told to sign with it here. */
  readonly everActive?: boolean
}

/** A bundle that was published. */
export interface PublishedBundle {
  readonly sequence: number
  readonly digest: string
  /** Ids of its authorities, sorted. */
  readonly authorities: readonly string[]
  readonly at: string
}

/** What a member last told. */
export interface MemberEvidence {
  /** When it was written down. */
  readonly at: string
  /** The revision of the journal that the member had seen. */
  readonly revision: number
  readonly sequence: number
  readonly digest: string
  /** Which authority its issuers sign with; absent in an audience. */
  readonly signer?: string
  /** Authorities under which certificates are in use; absent where it did not say. */
  readonly presents?: readonly string[]
}

/** A cluster or an audience of a rollover. */
export interface MemberState {
  /** Which outgoing authority signs in it before; absent in an audience. */
  readonly from?: string
  /** Which authority it shall sign with. */
  readonly signer?: string
  /** Since when. */
  readonly switchedAt?: string
  readonly evidence?: MemberEvidence
  readonly joinedAt?: string
  /** Nobody waits for it any longer. */
  readonly leftAt?: string
}

/** A gate that somebody opened by hand. */
export interface ForcedGate {
  readonly gate: string
  /** For one member only; absent: for all, or for the time. */
  readonly member?: string
  /** For the steps of one authority only; absent: for those of all. */
  readonly authority?: string
  readonly reason: string
  readonly at: string
}

/** One line of the journal. */
export interface JournalEntry {
  readonly at: string
  readonly revision: number
  readonly what: string
}

/** The state of a rollover: a value; every change of it is one write of the journal. */
export interface RolloverState {
  readonly format: 'mesh-pki/rollover-state'
  readonly version: 1
  /** Digest of the plan that it follows. */
  readonly plan: string
  /** Grows by one with every write. */
  readonly revision: number
  /** `back`: it was aborted, and the incoming authority is withdrawn. */
  readonly direction: 'forward' | 'back'
  readonly authorities: Readonly<Record<string, AuthorityLife>>
  readonly bundle: PublishedBundle
  readonly members: Readonly<Record<string, MemberState>>
  readonly forced: readonly ForcedGate[]
  /** The journal is older than what members have: who has told since, before anything goes on. */
  readonly recovering?: { readonly at: string; readonly told: readonly string[] } | undefined
  /** The last lines; older ones are dropped. */
  readonly entries: readonly JournalEntry[]
}

/** Lines of the journal that are kept. */
const MAX_ENTRIES = 200

/** A state with a line more. */
export function withEntry(state: RolloverState, at: string, what: string): RolloverState {
  const entry = { at, revision: state.revision, what }
  return { ...state, entries: [...state.entries.slice(1 - MAX_ENTRIES), entry] }
}

/** Nothing under these is valid any longer. */
export const ENDED: readonly string[] = ['RETIRED', 'REVOKED', 'PRUNED']

/** The sequence of a bundle that others published: each cluster's own, before an adoption. */
export const UNMANAGED = 0

/**
 * The state in which a plan begins.
 *
 * `sequence` is the sequence of the bundle that everybody has now. Where clusters have different ones (an adoption), there is none, and
 * the first that is published is the first of all.
 */
export function initialState(plan: RolloverPlan, sequence: number, at: string): RolloverState {
  const outgoing = plan.authorities.filter(({ role }) => role === 'outgoing')
  const authorities: Record<string, AuthorityLife> = {}
  for (const { id, role, notAfter, fingerprint } of plan.authorities)
    authorities[id] =
      role === 'outgoing'
        ? {
            role,
            stage: 'ACTIVE',
            since: {},
            everActive: true,
            ...(notAfter === undefined ? {} : { notAfter }),
            ...(fingerprint === undefined ? {} : { fingerprint }),
          }
        : { role, stage: 'PLANNED', since: {} }
  const members: Record<string, MemberState> = {}
  for (const { name, from } of plan.members) members[name] = from === undefined ? {} : { from, signer: from }
  const shared = plan.kind === 'adoption' ? [] : outgoing.map(({ id }) => id)
  const state: RolloverState = {
    format: 'mesh-pki/rollover-state',
    version: 1,
    plan: plan.digest,
    revision: 1,
    direction: 'forward',
    authorities,
    bundle: {
      sequence: plan.kind === 'adoption' ? UNMANAGED : sequence,
      digest: digestOf(authorities, shared),
      authorities: shared,
      at,
    },
    members,
    forced: [],
    entries: [],
  }
  return withEntry(state, at, `begun with plan ${plan.digest.slice(0, 12)}`)
}

/**
 * The digest of a bundle: SHA-256 over the fingerprints of its certificates, each once, sorted, as lower-case hex with a line
 * feed after each. Who has the certificates computes it from them.
 */
export function bundleDigest(fingerprints: readonly string[]): string {
  const lines = [...new Set(fingerprints)].sort().map((line) => `${line}\n`)
  return toHex(sha256(new TextEncoder().encode(lines.join(''))))
}

/** {@link bundleDigest} of authorities by id; one whose certificate is not known stands for itself. */
export function digestOf(
  authorities: Readonly<Record<string, AuthorityLife>>,
  ids: readonly string[],
): string {
  return bundleDigest(ids.map((id) => authorities[id]?.fingerprint ?? `id:${id}`))
}

/** Whether a rollover is over: what had to go is pruned. */
export function isOver({ authorities, direction }: RolloverState): boolean {
  const lives = Object.values(authorities)
  const goes =
    direction === 'forward'
      ? lives.filter(({ role }) => role === 'outgoing')
      : lives.filter(({ role }) => role === 'incoming')
  return goes.every(({ stage }) => stage === 'PRUNED')
}
