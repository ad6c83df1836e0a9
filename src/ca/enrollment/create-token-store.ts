/**
 * A token store over anything that can compare and swap.
 *
 * @module
 */

import { MeshPkiError } from '../../errors.ts'
import { currentTime, systemClock, type TimeSource } from '../../internal/clock.ts'
import { checkOptionNames } from '../../internal/options.ts'
import { equalHashes, tokenId } from './enrollment-token.ts'
import type { TokenConsumption, TokenRecord, TokenStore } from './token-store.ts'
import { checkRecord, committed, released, reserved } from './token-transitions.ts'

/** A record, and what its store knows its state by: the `resourceVersion` of a Secret, a column of a row. */
export interface VersionedToken {
  readonly record: TokenRecord
  readonly version: string
}

/** What {@link createTokenStore} needs: two functions over a Kubernetes Secret, a row in SQL, a key in etcd. */
export interface TokenRecords {
  /** The newest state, not one of a cache; `undefined` where there is none. */
  read(hash: string): Promise<VersionedToken | undefined>
  /**
   * Puts a record in the place of the one with that version, or removes it where the record is `undefined`. Without a
   * version there must be none yet. `false`, and no change, where somebody was faster.
   */
  write(hash: string, record: TokenRecord | undefined, version: string | undefined): Promise<boolean>
}

/** Options of {@link createTokenStore}. */
export interface TokenStoreOptions {
  readonly records: TokenRecords
  /** What tokens and leases end by. Default: the machine's clock. */
  readonly clock?: TimeSource | undefined
}

/** Tries against others who write the same record. Each try of a loser is one that somebody else has won. */
const MAX_TRIES = 64

/**
 * Makes a `TokenStore` out of a compare-and-swap. Everything that must be atomic is one `write` of it, so that
 * replicas may share it and any of them may end at any time.
 *
 * @throws `TypeError` for options. Its functions throw what `records` throws, `TypeError` for a broken record, and
 * `MeshPkiError` `ERR_ENROLLMENT_STORE` where others were always faster.
 *
 * @example
 * ```ts
 * import { createTokenStore, type TokenRecord } from 'mesh-pki/ca'
 *
 * declare const db: { query(sql: string, ...values: unknown[]): Promise<{ record: string; version: string }[]> }
 * const isDate = (name: string): boolean => name === 'expiresAt' || name === 'until'
 * const store = createTokenStore({
 *   records: {
 *     read: async (hash) => {
 *       const [row] = await db.query('SELECT record, version FROM token WHERE hash = ?', hash)
 *       if (row === undefined) return undefined
 *       const record: TokenRecord = JSON.parse(row.record, (name, value) => (isDate(name) ? new Date(value) : value))
 *       return { record, version: row.version }
 *     },
 *     write: async (hash, record, version) => {
 *       const changed =
 *         record === undefined
 *           ? await db.query('DELETE FROM token WHERE hash = ? AND version = ? RETURNING 1', hash, version)
 *           : version === undefined
 *             ? await db.query('INSERT INTO token VALUES (?, ?, 1) ON CONFLICT DO NOTHING RETURNING 1', hash, JSON.stringify(record))
 *             : await db.query('UPDATE token SET record = ?, version = version + 1 WHERE hash = ? AND version = ? RETURNING 1', JSON.stringify(record), hash, version)
 *       return changed.length === 1
 *     },
 *   },
 * })
 * ```
 */
export function createTokenStore(options: TokenStoreOptions): TokenStore {
  checkOptionNames(options, ['records', 'clock'], 'createTokenStore')
  const { records, clock = systemClock } = options
  if (typeof records?.read !== 'function' || typeof records.write !== 'function')
    throw new TypeError('option "records" must have the functions read and write')
  currentTime(clock)
  const now = (): number => currentTime(clock)

  const read = async (hash: string): Promise<VersionedToken | undefined> => {
    const found = await records.read(hash)
    if (found === undefined || found === null) return undefined
    const record = checkRecord(found.record)
    // A store that compares without regard to case, say, must not let another token in.
    return equalHashes(record.hash, hash) ? { record, version: found.version } : undefined
  }

  /** Changes a record as `change` says, again and again until nobody was faster. */
  const update = async <T>(
    hash: string,
    change: (record: TokenRecord | undefined) => {
      readonly next: TokenRecord | undefined
      readonly result: T
    },
  ): Promise<T> => {
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const found = await read(hash)
      const { next, result } = change(found?.record)
      if (next === found?.record) return result
      // Anything but true is not a word on which a use may be given away.
      if ((await records.write(hash, next, found?.version)) === true) return result
    }
    throw new MeshPkiError(
      'ERR_ENROLLMENT_STORE',
      `the token ${tokenId(hash)} was changed by others ${MAX_TRIES} times while it was to be changed here; does the store's write answer true when it has written?`,
    )
  }

  return {
    add: (record) => {
      const { hash } = checkRecord(record)
      return update(hash, (found) =>
        found === undefined ? { next: record, result: true } : { next: found, result: false },
      )
    },
    consume: (hash, use) =>
      update<TokenConsumption>(hash, (found) => {
        const next = found === undefined ? 'unknown' : reserved(found, use, now())
        return typeof next === 'string'
          ? { next: found, result: { ok: false, reason: next } }
          : { next, result: { ok: true } }
      }),
    commit: (hash, lease) =>
      update(hash, (found) => {
        const next = found === undefined ? undefined : committed(found, lease, now())
        return next === undefined ? { next: found, result: false } : { next, result: true }
      }),
    release: (hash, lease) =>
      update(hash, (found) => ({
        next: found === undefined ? undefined : released(found, lease),
        result: undefined,
      })),
    remove: (hash) => update(hash, (found) => ({ next: undefined, result: found !== undefined })),
  }
}
