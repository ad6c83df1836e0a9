/**
 * What a rollover is planned from.
 *
 * @module
 */

import type { CertificateInput } from '../../x509/certificate-input.ts'

/**
 * What changes.
 *
 * `root`: one root that all clusters share gives way to another. `adoption`: clusters with a root each come under one.
 * `issuing-ca`: an issuing CA gets a new key below a root that stays.
 */
export type RolloverKind = (typeof ROLLOVER_KINDS)[number]

/** All of them. */
export const ROLLOVER_KINDS = ['root', 'adoption', 'issuing-ca'] as const

/** What may be in names of authorities and members: they stand in file names, labels and logs. */
export const ROLLOVER_ID: RegExp = /^[A-Za-z0-9](?:[A-Za-z0-9._:/-]{0,126}[A-Za-z0-9])?$/

/** An authority that signs now and shall not any longer. */
export interface OutgoingAuthority {
  /** A name of its own: `'root-2025'`. */
  readonly id: string
  /** Its certificate. Says `notAfter` and the fingerprint. */
  readonly certificate?: CertificateInput | undefined
  /** When it ends, and everything above it: the earliest `notAfter` of its path. Needed where there is no certificate. */
  readonly notAfter?: Date | undefined
}

/** The authority that shall sign. */
export interface IncomingAuthority {
  /** A name of its own: `'root-2026'`. */
  readonly id: string
  /** How long it will be valid. It is made when the rollover begins, or shortly before. */
  readonly lifetime: string
}

/** A cluster: it signs for its workloads, and they verify others. */
export interface RolloverCluster {
  readonly name: string
  /** Which outgoing authority signs in it. Needed where there are several. */
  readonly from?: string | undefined
  /** The longest that a bundle takes to every workload of it. Default: `propagation` of the whole. */
  readonly propagation?: string | undefined
}

/** Somebody who only verifies: a federated trust domain, gateways of another mesh, VMs. */
export interface RolloverAudience {
  readonly name: string
  /** The longest that a bundle takes to every verifier of it. */
  readonly propagation?: string | undefined
  /** How often it polls, for a federated domain: three of these are its bound (SPIFFE Federation §4.1). */
  readonly refreshHint?: string | undefined
}

/** Parameters of `planRollover`. Durations are text with a unit: `'24h'`. */
export interface RolloverParameters {
  /** Default `'root'`. */
  readonly kind?: RolloverKind | undefined
  /** When it may begin: the incoming authority is published then. */
  readonly start: Date
  readonly outgoing: OutgoingAuthority | readonly OutgoingAuthority[]
  readonly incoming: IncomingAuthority
  readonly clusters: readonly (RolloverCluster | string)[]
  readonly audiences?: readonly RolloverAudience[] | undefined

  /** L: how long a workload certificate is valid from its issuance. The longest in the mesh. */
  readonly leafLifetime: string
  /** g: the fraction of that which remains at renewal, as in `renewalTime`. */
  readonly gracePeriodRatio: number
  /** How far the renewal may lie from that, as a fraction, as in `renewalTime`. Default 0. */
  readonly jitter?: number | undefined
  /** Whether the ratio is one of the life from issuance, as in `renewalTime`, or of all validity. Default `'issuance'`. */
  readonly lifeFrom?: 'issuance' | 'notBefore' | undefined
  /** β: how far before issuance validity begins. Default `'2m'`. */
  readonly backdate?: string | undefined
  /** S: how far any clock may be off, either way. Default `'60s'`; 5 to 30 seconds are seen in the field. */
  readonly clockSkew?: string | undefined
  /** D: the longest that a bundle takes from publication to every verifier. Default of each cluster. Default `'15m'`. */
  readonly propagation?: string | undefined
  /** Δsw: the longest that an issuer takes to sign with what it was told to. Default `'10m'`. */
  readonly switchDelay?: string | undefined
  /** Δl: the longest from issuance to use of a certificate. Default `'1m'`. */
  readonly installDelay?: string | undefined
  /** F: how long renewal may fail without an outage. Default `'1h'`. */
  readonly outageBudget?: string | undefined

  /**
   * How long an outgoing authority is trusted after the last issuer has left it. `leaf-lifetime`: until its last certificate
   * has expired, whatever renews. `renewals`: until it has been renewed, which is shorter and trusts that renewals
   * succeed within the outage budget. Default `'leaf-lifetime'`.
   */
  readonly retention?: 'leaf-lifetime' | 'renewals' | undefined
  /** Sign the incoming authority's key by the outgoing one, so that it may sign before everybody has its bundle. Default `false`. */
  readonly crossSign?: boolean | undefined
  /** The outgoing key is compromised: once a clean issuer works, everything is issued again within this. */
  readonly emergency?: { readonly reissueWithin: string } | undefined
  /** Between one cluster's switch and the next one's. Default: all at once. */
  readonly stagger?: string | undefined
  /** When the first issuer shall switch, if not as early as possible. */
  readonly activateAt?: Date | undefined
  /** When the outgoing authorities shall no longer be trusted, if not as early as possible. */
  readonly retireAt?: Date | undefined
  /** How long keys and tombstones are kept after that. Default `'24h'`, as SPIRE. */
  readonly pruneAfter?: string | undefined
  /**
   * How old a report may be that a step relies upon: members report at least this often. It is what finds out that the
   * journal was restored from a backup. Default `'15m'`.
   */
  readonly evidenceMaxAge?: string | undefined
  /** The most authorities that a bundle may hold at once. Default: the outgoing ones and one. */
  readonly maxAuthorities?: number | undefined
  /** How often this will be done. Checked against the incoming lifetime and `maxAuthorities`. */
  readonly rotationPeriod?: string | undefined
}
