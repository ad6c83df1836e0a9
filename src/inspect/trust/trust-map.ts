/**
 * Who signed whom and who trusts whom, ready to be drawn.
 *
 * @module
 */

import type { Life } from './trust-words.ts'

/** A certificate of a CA. */
export interface TrustCertificate {
  /** Which CA signed it, as a signature that was checked says; `undefined` where none of the given ones did. */
  readonly issuer: number | undefined
  readonly isSelfSigned: boolean
  /** What it calls its issuer. */
  readonly issuerName: string
  readonly life: Life
}

/** A CA: one name and one key, whatever certificates it has. Roots that were issued again or cross-signed are one. */
export interface TrustAuthority {
  readonly index: number
  /** `A`, `B`, …: of what clusters trust, and of what signed itself. */
  readonly letter: string | undefined
  readonly name: string
  readonly wholeName: string
  readonly key: string
  readonly isCa: boolean
  /** Self-signed first, then by their end. */
  readonly certificates: readonly TrustCertificate[]
  /** Other CAs that signed it. */
  readonly issuers: readonly number[]
  /** Issuers that nobody knows, where it has no other and nobody trusts it: its chain leads nowhere. */
  readonly strangers: readonly TrustStranger[]
  /** Clusters that have one of its certificates among their roots. */
  readonly trustedBy: readonly number[]
  /** Clusters whose chains lead here. */
  readonly below: readonly number[]
}

/** A name for which no key stands. */
export interface TrustStranger {
  readonly name: string
  /** In a few words, why it is a name only. */
  readonly why: string
}

/** A workload's certificate. */
export interface TrustWorkload {
  readonly name: string
  readonly life: Life
}

/** A cluster. */
export interface TrustClusterView {
  readonly index: number
  readonly name: string
  readonly trustDomain: string | undefined
  readonly workloads: readonly TrustWorkload[]
  /** CAs that signed its workloads, or its own CA where none is given. */
  readonly issuedBy: readonly number[]
  /** Who is said to have signed its workloads, and did not, or is not there. */
  readonly strangers: readonly TrustStranger[]
  /** Authorities among its roots. */
  readonly trusts: readonly number[]
  /** How many more it trusts, which are left out. */
  readonly otherRoots: number
  /** Authorities with a letter to which its chain leads, by signatures. */
  readonly leadsTo: readonly number[]
}

/** Whether workloads of one cluster verify in another. */
export interface TrustCell {
  readonly from: number
  readonly to: number
  readonly ok: boolean
  /** Roots of the verifier to which the chain leads. */
  readonly by: readonly number[]
  /** Why not, in at most four words. */
  readonly words: string
  /** Why not, in full, and what would make it pass. */
  readonly problem: string
  readonly remedy: string
  readonly code: string
}

/** Something to look at. */
export interface TrustNote {
  /** `bad`: something is refused, or not known. `warn`: something will be, or is of no use. */
  readonly tone: 'bad' | 'warn'
  readonly text: string
}

/** All that is drawn. */
export interface TrustMap {
  readonly title: string
  readonly at: number
  /** Those that are drawn; `index` is the place. */
  readonly authorities: readonly TrustAuthority[]
  /** Roots that are left out: no chain leads to them. */
  readonly others: number
  readonly clusters: readonly TrustClusterView[]
  /** A row for each cluster that issues, a column for each that verifies. */
  readonly cells: readonly (readonly TrustCell[])[]
  readonly notes: readonly TrustNote[]
}
