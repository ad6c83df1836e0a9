/**
 * How the record of a token changes, as pure functions.
 *
 * @module
 */

import { quote } from '../../internal/text.ts'
import type { TokenRecord, TokenRefusalReason, TokenUse } from './token-store.ts'

/** Characters of a hash. */
const HASH = /^[0-9a-f]{64}$/

/** With one use reserved, or why not; the same record where nothing has to be written. */
export function reserved(
  record: TokenRecord,
  { name, lease, leaseMs }: TokenUse,
  now: number,
): TokenRecord | TokenRefusalReason {
  if (record.expiresAt !== undefined && now >= record.expiresAt.getTime()) return 'expired'
  if (record.name !== undefined && record.name !== name) return 'name'
  if (record.uses === 'unlimited') return record
  if (record.used >= record.uses) return 'used'
  const leases = record.leases.filter(({ until }) => now < until.getTime())
  if (record.used + leases.length >= record.uses) return 'reserved'
  return { ...record, leases: [...leases, { id: lease, until: new Date(now + leaseMs) }] }
}

/** With a reserved use counted; `undefined` where the reservation does not hold any longer. */
export function committed(record: TokenRecord, lease: string, now: number): TokenRecord | undefined {
  if (record.uses === 'unlimited') return record
  const held = record.leases.find(({ id }) => id === lease)
  // Another replica may have given the use to somebody else since.
  if (held === undefined || now >= held.until.getTime() || record.used >= record.uses) return undefined
  return { ...record, used: record.used + 1, leases: record.leases.filter((one) => one !== held) }
}

/** Without a reserved use; the same record where it has none of this name. */
export function released(record: TokenRecord, lease: string): TokenRecord {
  const leases = record.leases.filter(({ id }) => id !== lease)
  return leases.length === record.leases.length ? record : { ...record, leases }
}

/**
 * Refuses a record that would be misread, such as one whose dates came back as text: it would never expire.
 *
 * @throws `TypeError`.
 */
export function checkRecord(record: TokenRecord): TokenRecord {
  const { hash, name, expiresAt, uses, used, leases } = record
  const fault =
    typeof hash !== 'string' || !HASH.test(hash)
      ? '"hash" must be 64 digits of lower-case hex'
      : name !== undefined && typeof name !== 'string'
        ? '"name" must be text or absent'
        : expiresAt !== undefined && !isInstant(expiresAt)
          ? '"expiresAt" must be a valid Date or absent'
          : uses !== 'unlimited' && !(Number.isSafeInteger(uses) && uses > 0)
            ? '"uses" must be a whole number from 1, or "unlimited"'
            : !Number.isSafeInteger(used) || used < 0
              ? '"used" must be a whole number'
              : !Array.isArray(leases) || !leases.every(isLease)
                ? '"leases" must be an array of { id, until: Date }'
                : undefined
  if (fault === undefined) return record
  throw new TypeError(`the record of the token ${quote(String(hash).slice(0, 8))} is broken: ${fault}`)
}

const isInstant = (value: unknown): boolean => value instanceof Date && !Number.isNaN(value.getTime())

const isLease = (value: unknown): boolean =>
  typeof value === 'object' &&
  value !== null &&
  'id' in value &&
  typeof value.id === 'string' &&
  'until' in value &&
  isInstant(value.until)
