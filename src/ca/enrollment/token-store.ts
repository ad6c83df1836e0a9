/**
 * Where enrollment tokens are kept, as hashes.
 *
 * @module
 */

/** What is kept of one token. The token itself is kept nowhere. */
export interface TokenRecord {
  /** SHA-256 of the token, lower-case hex. */
  readonly hash: string
  /** The only cluster that may enroll by it. Absent: any. */
  readonly name?: string | undefined
  /** From this instant on it counts for nothing. Absent: it never ends. */
  readonly expiresAt?: Date | undefined
  readonly uses: number | 'unlimited'
  /** How often it was used. Not counted where `uses` is `'unlimited'`. */
  readonly used: number
  /** Uses that are under way. One that has not ended when its time is over counts as not begun. */
  readonly leases: readonly TokenLease[]
}

/** A use that is under way. */
export interface TokenLease {
  readonly id: string
  readonly until: Date
}

/** What `consume` is asked. */
export interface TokenUse {
  /** The cluster that wants to enroll. */
  readonly name: string
  /** A name for this use, unlike any other. `commit` and `release` are given it again. */
  readonly lease: string
  /** How long the use is reserved for. */
  readonly leaseMs: number
}

/** Why a token does not count. `reserved`: all uses that are left are under way. */
export type TokenRefusalReason = 'unknown' | 'expired' | 'used' | 'reserved' | 'name'

/** What `consume` answers. */
export type TokenConsumption =
  | { readonly ok: true }
  | { readonly ok: false; readonly reason: TokenRefusalReason }

/**
 * Keeps tokens. Every function is atomic, over all replicas and restarts that share the store: of two `consume` for
 * the last use one answers `ok: false`.
 *
 * A use is reserved by `consume`, counted by `commit` and given back by `release`. What was never committed, since
 * the process ended, is free again when the lease is over. `createTokenStore` makes all of this out of a
 * compare-and-swap.
 */
export interface TokenStore {
  /** `false` where there is one with this hash. */
  add(record: TokenRecord): Promise<boolean>
  /** Reserves one use. It changes nothing where it answers `ok: false`. */
  consume(hash: string, use: TokenUse): Promise<TokenConsumption>
  /** Counts a reserved use, for good. `false` where the lease has ended: then nothing may be issued by it. */
  commit(hash: string, lease: string): Promise<boolean>
  /** Gives a reserved use back. */
  release(hash: string, lease: string): Promise<void>
  /** Removes a token, such as one that leaked. `false` where there is none. */
  remove(hash: string): Promise<boolean>
}
