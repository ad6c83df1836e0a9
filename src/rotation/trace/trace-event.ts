/**
 * What happens in a mesh while it rolls over: the lines of a trace.
 *
 * @module
 */

import type { Transition } from '../rollover/rollover-gate.ts'
import type { AuthorityStage } from '../rollover/rollover-plan.ts'

/** What a trace is judged by; its first event. Durations are milliseconds. */
export interface TraceTerms {
  readonly clockSkewMs: number
  /** The longest from publication to every verifier, D. */
  readonly propagationMs: number
  readonly retention: 'leaf-lifetime' | 'renewals'
  readonly maxAuthorities: number
  /** When the plan has each stage, by `STAGE authority`, where the trace follows one. */
  readonly planned?: Readonly<Record<string, number>>
  /** The root does not change, so authorities are not in bundles. */
  readonly keepsRoot: boolean
  /** Clusters begin with a root each: a verifier is expected to accept an authority once it has trusted it. */
  readonly separate: boolean
  /** The incoming authority's key is signed by the outgoing one. */
  readonly crossSigned: boolean
  /** Within which an emergency issues everything again. */
  readonly reissueWithinMs?: number
}

/** A member as the trace begins. */
export interface TraceMember {
  readonly name: string
  /** The authority that it signs with; absent where it only verifies. */
  readonly signer?: string
  /** Its verifiers, each with a bundle of its own. */
  readonly verifiers: readonly string[]
  /** The authorities that all of them trust at the beginning. */
  readonly authorities: readonly string[]
  readonly sequence: number
  /** How often it polls, where it is a federated domain. */
  readonly refreshHintMs?: number
}

/**
 * One event. `at` is milliseconds since 1970: real time in a simulation, the clock of who wrote it in a log. Events are
 * in the order of `at`.
 */
export type TraceEvent = {
  readonly at: number
  /** A driver that was started anew tells where things stand; it happened before. */
  readonly retold?: boolean
} & (
  | { readonly type: 'begin'; readonly terms: TraceTerms; readonly members: readonly TraceMember[] }
  /** The driver wrote its journal. */
  | {
      readonly type: 'journal'
      readonly revision: number
      readonly what: string
      readonly transition?: Transition
    }
  | {
      readonly type: 'stage'
      readonly authority: string
      readonly stage: AuthorityStage
      readonly revision: number
      /** It was in this stage already; a restored journal has caught up. */
      readonly recovered?: boolean
    }
  | {
      readonly type: 'published'
      readonly sequence: number
      readonly digest: string
      readonly authorities: readonly string[]
    }
  | { readonly type: 'finished'; readonly direction: 'forward' | 'back' }
  /** A verifier trusts a bundle from now on. */
  | {
      readonly type: 'applied'
      readonly member: string
      readonly verifier: string
      readonly sequence: number
      readonly digest: string
      readonly authorities: readonly string[]
    }
  /** An issuer signs with an authority from now on. */
  | { readonly type: 'switched'; readonly member: string; readonly authority: string }
  | {
      readonly type: 'issued'
      readonly member: string
      readonly certificate: string
      readonly authority: string
      /** The issuer's bundle at that time. */
      readonly trusts: readonly string[]
      readonly serialNumber: string
      /** The issuer's clock. */
      readonly issuerTime: number
      readonly notBefore: number
      readonly notAfter: number
      /** The earliest end above it. */
      readonly pathNotAfter: number
      /** Whether it was cut to that. */
      readonly cappedBy?: string
      readonly authorityNotBefore: number
      /** Of a forced reissue. */
      readonly forced?: boolean
      /** End of the cross-certificate that is sent along, and who signed it. */
      readonly crossNotAfter?: number
      readonly crossSigner?: string
    }
  /** A holder uses a certificate from now on; what it used before, it uses no longer. */
  | {
      readonly type: 'presented'
      readonly member: string
      readonly holder: string
      readonly certificate: string
    }
  | {
      readonly type: 'withdrawn'
      readonly member: string
      readonly holder: string
      readonly certificate: string
    }
  /** Somebody asked when a certificate is due. */
  | { readonly type: 'due'; readonly certificate: string; readonly renewAt: number }
  | { readonly type: 'refused'; readonly member: string; readonly why: string }
  /** A clock was set; `skewMs` is how far it is off now. */
  | { readonly type: 'clock'; readonly member: string; readonly node: string; readonly skewMs: number }
  | {
      readonly type: 'joined'
      readonly member: TraceMember
    }
  | { readonly type: 'left'; readonly member: string }
  | { readonly type: 'crashed'; readonly what: string }
  | { readonly type: 'restored'; readonly what: string }
  | {
      readonly type: 'handshake-failed'
      readonly holder: string
      readonly verifier: string
      readonly certificate: string
      readonly problem: string
    }
)

/** One kind of event. */
export type TraceEventOf<T extends TraceEvent['type']> = Extract<TraceEvent, { readonly type: T }>
