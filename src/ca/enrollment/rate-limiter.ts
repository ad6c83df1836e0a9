/**
 * Limits how often something may happen, in bounded memory.
 *
 * @module
 */

import { toHex } from '../../internal/bytes.ts'
import { readDuration } from '../../internal/duration.ts'
import { checkOptionNames, readCount } from '../../internal/options.ts'
import { parseIpAddress } from '../../x509/ip-address.ts'

/** So many requests in so long. That many may also come at once. */
export interface RateLimit {
  readonly requests: number
  /** Such as `'1m'`. */
  readonly per: string
}

/** A limit, checked. */
export interface CheckedRate {
  readonly requests: number
  readonly perMs: number
}

/** @throws `TypeError`, `RangeError`. */
export function readRate(rate: RateLimit, option: string): CheckedRate {
  checkOptionNames(rate, ['requests', 'per'], `option "${option}"`)
  return {
    requests: readCount(rate.requests, `${option}.requests`, 1, 1_000_000),
    perMs: readDuration(rate.per, `${option}.per`),
  }
}

interface Bucket {
  tokens: number
  since: number
}

/**
 * A token bucket for each key. The one that was not used for longest is forgotten where there are too many: who has many
 * addresses has a full bucket for each anyway, and is held by the limit over all.
 */
export class RateLimiter {
  readonly #rate: CheckedRate
  readonly #most: number
  readonly #buckets = new Map<string, Bucket>()

  constructor(rate: CheckedRate, most: number) {
    this.#rate = rate
    this.#most = most
  }

  /**
   * Takes one: 0, or milliseconds until there is one.
   *
   * @throws `TypeError` for an instant that is none, before it could empty a bucket for good.
   */
  take(key: string, now: number): number {
    if (!Number.isFinite(now)) throw new TypeError('the option "clock" answered an invalid Date')
    const { requests, perMs } = this.#rate
    const bucket = this.#buckets.get(key) ?? { tokens: requests, since: now }
    // A clock that goes back neither fills nor empties it.
    const elapsed = Math.max(0, now - bucket.since)
    bucket.tokens = Math.min(requests, bucket.tokens + (elapsed * requests) / perMs)
    bucket.since = now
    this.#buckets.delete(key)
    this.#buckets.set(key, bucket)
    if (this.#buckets.size > this.#most) {
      const [oldest] = this.#buckets.keys()
      if (oldest !== undefined) this.#buckets.delete(oldest)
    }
    // Sums of fractions fall short of the whole by their rounding.
    if (bucket.tokens >= 1 - 1e-9) {
      bucket.tokens = Math.max(0, bucket.tokens - 1)
      return 0
    }
    return Math.max(1, Math.ceil(((1 - bucket.tokens) * perMs) / requests))
  }

  /** How many it remembers. */
  get size(): number {
    return this.#buckets.size
  }
}

/** The key of an address: of IPv6 the first 64 bits, which one host has all of; of others the whole. */
export function addressKey(address: string | undefined): string {
  if (address === undefined) return 'unknown'
  const bytes = parseIpAddress(address.replace(/%.*$/, '').replace(/^::ffff:(?=\d+\.)/i, ''))
  if (bytes === undefined) return address.slice(0, 64)
  return toHex(bytes, 0, bytes.length === 16 ? 8 : 4)
}
