/**
 * When to look for a newer bundle (SPIFFE Federation §4.1, §6.2).
 *
 * @module
 */

import { sha256 } from '@noble/hashes/sha2.js'
import { readDuration } from '../internal/duration.ts'

/** Options about time. */
export interface PollOptions {
  /** How long a bundle counts that cannot be renewed: `'24h'`, or `'unlimited'`. Required, see `LiveBundles`. */
  readonly staleAfter: string
  /** For one poll with its redirects. Default `'10s'`, as Istio. */
  readonly timeout?: string | undefined
  /** Between polls where the bundle has no hint. Default `'5m'` (SPIFFE Federation §4.1). */
  readonly defaultInterval?: string | undefined
  /** No hint makes polls more frequent than this. Default `'1m'`. */
  readonly minInterval?: string | undefined
  /** No hint makes polls rarer than this. Default `'1d'`: withdrawn keys must not live for a month. */
  readonly maxInterval?: string | undefined
}

/** The same in milliseconds. */
export interface PollBounds {
  readonly timeoutMs: number
  readonly defaultMs: number
  readonly minMs: number
  readonly maxMs: number
  /** Infinite for `'unlimited'`. */
  readonly staleAfterMs: number
}

/** Checks the options about time. @throws `TypeError`, `RangeError`. */
export function readPollBounds(options: PollOptions): PollBounds {
  const {
    timeout = '10s',
    defaultInterval = '5m',
    minInterval = '1m',
    maxInterval = '1d',
    staleAfter,
  } = options
  const bounds = {
    timeoutMs: readDuration(timeout, 'timeout'),
    defaultMs: readDuration(defaultInterval, 'defaultInterval'),
    minMs: readDuration(minInterval, 'minInterval'),
    maxMs: readDuration(maxInterval, 'maxInterval'),
    staleAfterMs:
      staleAfter === 'unlimited' ? Number.POSITIVE_INFINITY : readDuration(staleAfter, 'staleAfter'),
  }
  if (bounds.minMs > bounds.maxMs)
    throw new RangeError('option "minInterval" must not be longer than "maxInterval"')
  if (bounds.defaultMs < bounds.minMs || bounds.defaultMs > bounds.maxMs)
    throw new RangeError('option "defaultInterval" must lie between "minInterval" and "maxInterval"')
  return bounds
}

/** Share of an interval over which polls are spread. SPIRE spreads by the same tenth. */
const SPREAD = 0.1

/** Tries within the life of a bundle: two may fail, each after its time-out, and the third still comes in time. */
const TRIES = 3

/**
 * Milliseconds until the next poll: the publisher's hint within bounds, less up to a tenth.
 *
 * The tenth is a digest of `seed`, so it is the same after a restart and differs between clients with another
 * seed. It is never drawn again: jitter that is drawn at each look bunches up at the early end.
 */
export function pollDelay(refreshHint: number | undefined, bounds: PollBounds, seed: string): number {
  const hinted = refreshHint === undefined ? bounds.defaultMs : refreshHint * 1000
  const wanted = Math.min(Math.max(hinted, bounds.minMs), bounds.maxMs)
  const life = bounds.staleAfterMs / TRIES
  const interval = Math.min(wanted, Math.max(life - bounds.timeoutMs, life / 2))
  return Math.max(1, Math.round(interval * (1 - SPREAD * fraction(seed))))
}

/** From 0 up to 1, evenly spread over seeds. */
function fraction(seed: string): number {
  const digest = sha256(new TextEncoder().encode(`mesh-pki poll ${seed}`))
  return new DataView(digest.buffer, digest.byteOffset).getUint32(0) / 2 ** 32
}
