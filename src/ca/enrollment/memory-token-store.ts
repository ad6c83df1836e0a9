/**
 * Tokens in memory: for one process, and for tests.
 *
 * @module
 */

import { currentTime, systemClock, type TimeSource } from '../../internal/clock.ts'
import { checkOptionNames } from '../../internal/options.ts'
import { createTokenStore, type VersionedToken } from './create-token-store.ts'
import { equalHashes } from './enrollment-token.ts'
import type { TokenStore } from './token-store.ts'

/** For how long it is known that a token has expired, and did not just never exist. */
const KEPT_MS = 86_400_000

/**
 * Keeps tokens in memory: they end with the process, and replicas do not share them.
 *
 * A look-up compares with every token there is, in a time that tells nothing about any of them. Tokens that
 * expired a day ago go when one is added.
 *
 * @throws `TypeError` for options.
 *
 * @example
 * ```ts
 * import { createEnrollmentToken, memoryTokenStore } from 'mesh-pki/ca'
 *
 * const store = memoryTokenStore()
 * const { token } = await createEnrollmentToken({ store, name: 'cluster-1', expiresIn: '1h' })
 * ```
 */
export function memoryTokenStore(options: { readonly clock?: TimeSource | undefined } = {}): TokenStore {
  checkOptionNames(options, ['clock'], 'memoryTokenStore')
  const { clock = systemClock } = options
  const kept = new Map<string, VersionedToken>()
  let versions = 0

  const find = (hash: string): VersionedToken | undefined => {
    let found: VersionedToken | undefined
    // To the end, although it may be found: how long it takes says nothing.
    for (const one of kept.values()) if (equalHashes(one.record.hash, hash)) found = one
    return found
  }
  const dropExpired = (): void => {
    const now = currentTime(clock) - KEPT_MS
    for (const [hash, { record }] of kept)
      if (record.expiresAt !== undefined && now >= record.expiresAt.getTime()) kept.delete(hash)
  }
  return createTokenStore({
    clock,
    records: {
      read: async (hash) => find(hash),
      write: async (hash, record, version) => {
        if (find(hash)?.version !== version) return false
        if (record === undefined) kept.delete(hash)
        else {
          if (version === undefined) dropExpired()
          kept.set(hash, { record, version: String(++versions) })
        }
        return true
      },
    },
  })
}
