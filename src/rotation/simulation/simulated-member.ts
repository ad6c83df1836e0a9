/**
 * A cluster or an audience of a simulated mesh.
 *
 * @module
 */

import type { TraceMember } from '../trace/trace-event.ts'
import type { SimulatedLeaf } from './certificate-backend.ts'

/** A bundle that a verifier trusts. */
export interface TrustedBundle {
  readonly sequence: number
  readonly digest: string
  readonly authorities: readonly string[]
}

/** Somebody who verifies. */
export interface SimulatedVerifier {
  readonly name: string
  /** How far its clock is off, in milliseconds. */
  skew: number
  bundle: TrustedBundle
  /** Sequence and digest of the bundle that it has or is about to have. */
  offered: string
  readonly everTrusted: Set<string>
}

/** Somebody who presents a certificate. */
export interface SimulatedHolder {
  readonly name: string
  readonly skew: number
  leaf: SimulatedLeaf | undefined
  /** The greatest number of a renewal under way; an older one is given up. */
  attempt: number
  /** Whether a renewal is under way. */
  renewing: boolean
}

/** A cluster signs and verifies; an audience verifies. */
export interface SimulatedMember {
  readonly name: string
  /** Whether it signs. */
  readonly signs: boolean
  readonly verifiers: readonly SimulatedVerifier[]
  readonly holders: readonly SimulatedHolder[]
  /** How far its issuers' clock is off. */
  issuerSkew: number
  /** The most that a bundle takes to its verifiers. */
  readonly propagation: number
  authority: string | undefined
  /** What its issuers shall sign with, by what it was last told. */
  wanted: string | undefined
  /** The desired state that it follows. */
  revision: number
  attachesCross: boolean
  /** By authority: the greatest end, and the latest use, of what it issued. */
  readonly ledger: Map<string, { notAfter: number; inUseUntil: number }>
  lastNotBefore: number
  left: boolean
  /** What is issued again. */
  readonly tainted: Set<string>
}

/** What the trace says of a member. */
export function traceMember(member: SimulatedMember): TraceMember {
  const [first] = member.verifiers
  return {
    name: member.name,
    ...(member.authority === undefined ? {} : { signer: member.authority }),
    verifiers: member.verifiers.map(({ name }) => name),
    authorities: first?.bundle.authorities ?? [],
    sequence: first?.bundle.sequence ?? 0,
  }
}

/** The bundle that every verifier of a member has: the oldest of them. */
export function commonBundle({ verifiers }: SimulatedMember): TrustedBundle | undefined {
  return verifiers.reduce<TrustedBundle | undefined>(
    (oldest, { bundle }) => (oldest === undefined || bundle.sequence < oldest.sequence ? bundle : oldest),
    undefined,
  )
}

/** The authorities under which certificates of a member are in use. */
export const presentedBy = ({ holders }: SimulatedMember): readonly string[] => [
  ...new Set(holders.flatMap(({ leaf }) => (leaf === undefined ? [] : [leaf.authority]))),
]
