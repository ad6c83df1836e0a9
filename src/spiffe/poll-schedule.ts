/**
 * When to look for a newer bundle (SPIFFE Federation §4.1, §6.2).
 *
 * @module
 */

import { sha256 } from '@noble/hashes/sha2.js'

/** Bounds of the time between two polls, in milliseconds. */
export interface PollBounds {
  readonly defaultMs: number
  readonly minMs: number
  readonly maxMs: number
  /** How long a bundle counts: three polls must fit, so that one that fails costs nothing. */
  readonly staleAfterMs: number
}

/** Share of an interval over which polls are spread. SPIRE spreads by the same tenth. */
const SPREAD = 0.1

/** Tries within the life of a bundle: the first may fail, and the second, and the third still comes in time. */
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
  const interval = Math.min(wanted, bounds.staleAfterMs / TRIES)
  return Math.max(1, Math.round(interval * (1 - SPREAD * fraction(seed))))
}

/** From 0 up to 1, evenly spread over seeds. */
function fraction(seed: string): number {
  const digest = sha256(new TextEncoder().encode(`mesh-pki poll ${seed}`))
  return new DataView(digest.buffer, digest.byteOffset).getUint32(0) / 2 ** 32
}
