/**
 * What a federation client tells about its work.
 *
 * @module
 */

import type { MeshPkiError } from '../errors.ts'
import type { BundleUpdate } from './live-bundles.ts'
import type { SpiffeBundle } from './spiffe-bundle.ts'
import type { TrustDomain } from './spiffe-id.ts'

/** Something that happened. */
export type FederationEvent =
  /**
   * A bundle came, and counts from now: store the snapshot, also when it is `unchanged`, so that its age is right
   * after a restart. `bundle.skipped` says what was passed over. `same-sequence` and `sequence-lost` deserve a word with
   * its publisher.
   */
  | {
      readonly type: 'fetched'
      readonly trustDomain: TrustDomain
      readonly update: BundleUpdate
      readonly bundle: SpiffeBundle
    }
  /** A bundle without authorities came and is in force: every SVID of the trust domain is refused from now on. */
  | { readonly type: 'emptied'; readonly trustDomain: TrustDomain; readonly bundle: SpiffeBundle }
  /** A poll failed. `held` is the bundle that stays; the next poll comes when it is due. */
  | {
      readonly type: 'failed'
      readonly trustDomain: TrustDomain
      readonly error: MeshPkiError
      readonly held: SpiffeBundle | undefined
      /** When the held bundle stops to count, unless it is renewed before. */
      readonly staleAt: Date | undefined
    }
  /** The held bundle has stopped to count: every SVID of the trust domain is refused from now on. Told once. */
  | { readonly type: 'stale'; readonly trustDomain: TrustDomain; readonly held: SpiffeBundle }
  /** The relationship has ended. */
  | { readonly type: 'removed'; readonly trustDomain: TrustDomain }

/** How it stands with a relationship. */
export interface FederationStatus {
  readonly trustDomain: TrustDomain
  readonly url: string
  readonly profile: 'https_web' | 'https_spiffe'
  /** The last good bundle, also when it is too old to count. */
  readonly bundle: SpiffeBundle | undefined
  readonly lastAttempt: Date | undefined
  /** The last poll of this client that succeeded. */
  readonly lastSuccess: Date | undefined
  /** When the bundle was last known to be current: by a poll, from `initial`, or as a bootstrap bundle. */
  readonly confirmedAt: Date | undefined
  /** Why the last poll failed; `undefined` after one that did not. */
  readonly lastError: MeshPkiError | undefined
  /** When the next poll is due, while a run waits for it. */
  readonly nextPoll: Date | undefined
  /** When the bundle stops to count unless it is renewed. */
  readonly staleAt: Date | undefined
}
