/**
 * What a CRL lists, and what need not be listed any more.
 *
 * @module
 */

import { instantOf } from '../../internal/instant-text.ts'
import type { RevocationReason } from '../../x509/revoked-certificate.ts'
import { type IssuingScope, isOfKind, isOfReason, readScopeKey } from './issuing-scope.ts'
import type { RecordedCrl, RevocationEntry, RevocationState } from './revocation-state.ts'

/** An entry as a CRL has it; times in milliseconds. */
export interface ListedEntry {
  readonly serialNumber: string
  readonly date: number
  readonly reason: RevocationReason
  readonly invalidityDate: number | undefined
}

/** What a complete CRL lists: everything in its scope that is revoked, in the order of revocation. */
export function completeEntries(state: RevocationState, scope: IssuingScope): readonly ListedEntry[] {
  return state.entries
    .filter(
      (entry) =>
        entry.reason !== 'removeFromCRL' && isOfKind(scope, entry) && isOfReason(scope, entry.reason),
    )
    .map(listed)
}

/**
 * What a delta CRL lists: every change since its base. A hold that was lifted says `removeFromCRL`, also where it
 * began after the base, and so does an entry whose new reason is for another list (RFC 5280 §5.2.4).
 */
export function deltaEntries(
  state: RevocationState,
  scope: IssuingScope,
  base: bigint,
): readonly ListedEntry[] {
  const entries: ListedEntry[] = []
  for (const entry of state.entries) {
    if (BigInt(entry.since) <= base || !isOfKind(scope, entry)) continue
    if (entry.reason !== 'removeFromCRL' && isOfReason(scope, entry.reason)) entries.push(listed(entry))
    // Only a hold can have become something else.
    else if (isOfReason(scope, 'certificateHold')) entries.push(removed(entry))
  }
  return entries
}

const listed = ({ serialNumber, date, reason, invalidityDate }: RevocationEntry): ListedEntry => ({
  serialNumber,
  date: instantOf(date),
  reason,
  invalidityDate: invalidityDate === undefined ? undefined : instantOf(invalidityDate),
})

const removed = ({ serialNumber, date }: RevocationEntry): ListedEntry => ({
  serialNumber,
  date: instantOf(date),
  reason: 'removeFromCRL',
  invalidityDate: undefined,
})

/** A scope whose last list has been out of date for so long is given up: it no longer holds up pruning. */
const GIVEN_UP_AFTER = 90 * 86_400_000

/**
 * How long entries outlive their certificates. RFC 5280 §3.3 asks for one list; but a replica whose clock is ahead
 * would take valid certificates for expired, and drop their revocation for good.
 */
const KEPT_AFTER_EXPIRY = 30 * 86_400_000

/**
 * Notes a complete CRL that was signed, and forgets what no list needs.
 *
 * An entry goes once every current scope has shown it well after its certificate expired; a lifted hold, once
 * every list from which a delta CRL can start is newer.
 */
export function recordComplete(state: RevocationState, released: RecordedCrl, now: number): RevocationState {
  const number = BigInt(released.number)
  const others = state.complete.filter(({ scope }) => scope !== released.scope)
  const before = state.complete.find(({ scope }) => scope === released.scope)
  const isNewest = before === undefined || BigInt(before.number) < number
  // Replicas may finish in another order than they began in.
  if (!isNewest || number < BigInt(state.floor)) return state
  const complete = [
    ...others.filter(({ nextUpdate }) => now - instantOf(nextUpdate) <= GIVEN_UP_AFTER),
    released,
  ]
  const lists = complete.map(shownBy)
  let floor = BigInt(state.floor)
  const entries = state.entries.filter((entry) => {
    const since = BigInt(entry.since)
    if (entry.reason !== 'removeFromCRL') return !isOutlived(entry, since, lists)
    if (lists.some((list) => list.number < since)) return true
    if (since > floor) floor = since
    return false
  })
  return { ...state, complete, entries, floor: String(floor) }
}

interface ShownList {
  readonly scope: IssuingScope | undefined
  readonly number: bigint
  readonly thisUpdate: number
}

const shownBy = ({ scope, number, thisUpdate }: RecordedCrl): ShownList => ({
  scope: readScopeKey(scope),
  number: BigInt(number),
  thisUpdate: instantOf(thisUpdate),
})

/** Whether every list that it belongs to, at least one, showed it long enough after its certificate expired. */
function isOutlived(entry: RevocationEntry, since: bigint, lists: readonly ShownList[]): boolean {
  if (entry.notAfter === undefined) return false
  const kept = instantOf(entry.notAfter) + KEPT_AFTER_EXPIRY
  const own = lists.filter(
    ({ scope }) => scope === undefined || (isOfKind(scope, entry) && isOfReason(scope, entry.reason)),
  )
  return own.length > 0 && own.every(({ number, thisUpdate }) => since <= number && kept < thisUpdate)
}
