/**
 * The figures of the rollovers that are played, in seconds instead of days, and how much of each is used up.
 *
 * @module
 */

import type { RolloverParameters } from 'mesh-pki/rotation'

/**
 * What `planRollover` is told of every mesh here. C4 asks for 0.5 · 8s; 0.75 leaves two seconds more, for machines that have
 * other things to do.
 */
export const FIGURES = {
  leafLifetime: '8s',
  gracePeriodRatio: 0.75,
  backdate: '2s',
  clockSkew: '1s',
  propagation: '2s',
  switchDelay: '1s',
  installDelay: '1s',
  outageBudget: '1s',
  pruneAfter: '1s',
} as const satisfies Partial<RolloverParameters>

/** Of the issuing CAs: each is renewed with a new key in the middle of its life. */
export const ISSUING_CA = { lifetime: '30s', gracePeriodRatio: 0.5 } as const

/** Roots outlive the story. */
export const ROOT_LIFETIME = '1h'

/** The clusters, and the share of every longest delay that each uses up: one is quick and one is slow. */
export const CLUSTERS = [
  { name: 'east', share: 0.05 },
  { name: 'west', share: 0.4 },
  { name: 'south', share: 0.75 },
] as const

/** How far clocks are off at most, of issuers and of the verifiers of mesh-pki. OpenSSL takes the machine's. */
export const MAX_SKEW_MS = 250

/** How often agents ask for their desired state, and how often the driver looks. */
export const POLL_MS = 150

/** How many handshakes are under way at once: few, so that each is over soon on a busy machine, too. */
export const AT_ONCE = 5

/** Before each of these begins the next one. */
export const PAUSE_MS = 20

/** A whole number of milliseconds of a duration in seconds. */
export const milliseconds = (seconds: `${number}s`): number => Number.parseInt(seconds, 10) * 1000
