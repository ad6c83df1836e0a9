/**
 * Which steps a rollover can take, and what each makes of its state. Pure functions.
 *
 * @module
 */

import { instantText } from '../../internal/instant-text.ts'
import type { DriverTerms } from './driver-terms.ts'
import { currentMembers, type Transition, unionOf } from './rollover-gate.ts'
import {
  type AuthorityLife,
  digestOf,
  type MemberState,
  type PublishedBundle,
  type RolloverState,
  withEntry,
} from './rollover-state.ts'

/** The steps that come next, in order; whether their gates are open is another question. */
export function nextTransitions(driver: DriverTerms, state: RolloverState): readonly Transition[] {
  const { incoming, outgoing } = driver
  const fresh = state.authorities[incoming]
  if (fresh === undefined) return []
  if (state.direction === 'back') return endOf(driver, incoming, fresh)
  const next: Transition[] = []
  const isPublished = fresh.since.PUBLISHED !== undefined
  const keepsRoot = driver.terms.kind === 'issuing-ca'
  if (!keepsRoot && !isPublished) return [{ kind: 'publish', authority: incoming }]
  if (!keepsRoot && fresh.since.DISTRIBUTED === undefined)
    next.push({ kind: 'distribute', authority: incoming })
  if (keepsRoot || driver.terms.crossSign || fresh.since.DISTRIBUTED !== undefined)
    for (const [cluster, { signer }] of currentMembers(state))
      if (signer !== undefined && signer !== incoming)
        next.push({ kind: 'activate', authority: incoming, cluster })
  for (const id of outgoing) {
    const life = state.authorities[id]
    if (life === undefined) continue
    if (life.stage === 'ACTIVE') {
      if (!currentMembers(state).some(([, { signer }]) => signer === id))
        next.push({ kind: 'drain', authority: id })
    } else next.push(...endOf(driver, id, life))
  }
  return next
}

function endOf(driver: DriverTerms, authority: string, { stage }: AuthorityLife): readonly Transition[] {
  if (stage === 'DRAINING')
    return driver.terms.reissueWithin !== undefined && authority !== driver.incoming
      ? [{ kind: 'taint', authority }]
      : [{ kind: 'retire', authority }]
  if (stage === 'TAINTED') return [{ kind: 'retire', authority }]
  if (stage === 'RETIRED' || stage === 'REVOKED') return [{ kind: 'prune', authority }]
  return []
}

/** The state after a step. */
export function applyTransition(
  driver: DriverTerms,
  state: RolloverState,
  transition: Transition,
  now: number,
): RolloverState {
  const at = instantText(now)
  const { kind, authority, cluster } = transition
  const next = { ...state, revision: state.revision + 1 }
  const done = (what: string): RolloverState => withEntry(next, at, what)
  switch (kind) {
    case 'publish': {
      const sequence = nextSequence(state, now)
      setLife(next, authority, { stage: 'PUBLISHED', publishedIn: sequence }, at)
      next.bundle = bundleOf(next, sequence, unionOf(driver, state), at)
      return done(`${authority} PUBLISHED in bundle ${sequence}`)
    }
    case 'distribute': {
      const stage = state.authorities[authority]?.stage === 'ACTIVE' ? 'ACTIVE' : 'DISTRIBUTED'
      setLife(next, authority, { stage }, at, 'DISTRIBUTED')
      return done(`${authority} DISTRIBUTED`)
    }
    case 'activate': {
      const member = state.members[cluster ?? '']
      if (member === undefined || cluster === undefined) return state
      next.members = { ...state.members, [cluster]: { ...member, signer: authority, switchedAt: at } }
      const isFirst = state.authorities[authority]?.stage !== 'ACTIVE'
      if (isFirst) setLife(next, authority, { stage: 'ACTIVE', everActive: true }, at)
      return done(`${authority} ACTIVE in ${cluster}`)
    }
    case 'drain':
      setLife(next, authority, { stage: 'DRAINING' }, at)
      return done(`${authority} DRAINING`)
    case 'taint':
      setLife(next, authority, { stage: 'TAINTED' }, at)
      return done(`${authority} TAINTED`)
    case 'retire': {
      const stage = state.authorities[authority]?.stage === 'TAINTED' ? 'REVOKED' : 'RETIRED'
      if (driver.terms.kind === 'issuing-ca') {
        setLife(next, authority, { stage }, at)
        return done(`${authority} ${stage}`)
      }
      const sequence = nextSequence(state, now)
      setLife(next, authority, { stage, withdrawnIn: sequence }, at)
      const kept = state.bundle.authorities.filter((id) => id !== authority)
      next.bundle = bundleOf(next, sequence, kept, at)
      return done(`${authority} ${stage} in bundle ${sequence}`)
    }
    case 'prune':
      setLife(next, authority, { stage: 'PRUNED' }, at)
      return done(`${authority} PRUNED`)
  }
}

/**
 * The sequence of the next bundle: at least the milliseconds since 1970, so that a journal that was restored from a backup does not
 * give one away again, not even where several bundles came at once.
 */
function nextSequence(state: RolloverState, now: number): number {
  return Math.max(state.bundle.sequence + 1, now)
}

/** A state that is being made. */
interface Draft {
  authorities: RolloverState['authorities']
}

function setLife(
  draft: Draft,
  id: string,
  change: Partial<AuthorityLife> & Pick<AuthorityLife, 'stage'>,
  at: string,
  entered: AuthorityLife['stage'] = change.stage,
): void {
  const life = draft.authorities[id]
  if (life === undefined) return
  const since = { ...life.since, ...(entered === 'PLANNED' ? {} : { [entered]: at }) }
  draft.authorities = { ...draft.authorities, [id]: { ...life, ...change, since } }
}

function bundleOf(
  { authorities }: Draft,
  sequence: number,
  ids: readonly string[],
  at: string,
): PublishedBundle {
  const sorted = [...ids].sort()
  return { sequence, digest: digestOf(authorities, sorted), authorities: sorted, at }
}

/** The state after an abort: everybody signs with what they had, and the incoming authority drains. */
export function applyAbort(
  driver: DriverTerms,
  state: RolloverState,
  reason: string,
  now: number,
): RolloverState {
  const at = instantText(now)
  const next = { ...state, revision: state.revision + 1, direction: 'back' as const, forced: [] }
  const members: Record<string, MemberState> = {}
  for (const [name, member] of Object.entries(state.members))
    members[name] =
      member.from === undefined || member.signer === member.from
        ? member
        : { ...member, signer: member.from, switchedAt: at }
  next.members = members
  for (const id of driver.outgoing) setLife(next, id, { stage: 'ACTIVE' }, at)
  const isPublished = state.bundle.authorities.includes(driver.incoming)
  const wasUsed = state.authorities[driver.incoming]?.everActive === true
  setLife(next, driver.incoming, { stage: isPublished || wasUsed ? 'DRAINING' : 'PRUNED' }, at)
  return withEntry(next, at, `aborted: ${reason}`)
}

/** The state after an abort was taken back. */
export function applyResume(
  driver: DriverTerms,
  state: RolloverState,
  reason: string,
  now: number,
): RolloverState {
  const at = instantText(now)
  const next = { ...state, revision: state.revision + 1, direction: 'forward' as const, forced: [] }
  const life = state.authorities[driver.incoming]
  if (life === undefined) return state
  const { STAGED, PUBLISHED, DISTRIBUTED } = life.since
  const stays = state.bundle.authorities.includes(driver.incoming) || driver.terms.kind === 'issuing-ca'
  const stage =
    !stays || PUBLISHED === undefined ? 'STAGED' : DISTRIBUTED === undefined ? 'PUBLISHED' : 'DISTRIBUTED'
  next.authorities = {
    ...state.authorities,
    [driver.incoming]: {
      ...life,
      stage,
      since: {
        ...(STAGED === undefined ? {} : { STAGED }),
        ...(stays && PUBLISHED !== undefined ? { PUBLISHED } : {}),
        ...(stays && DISTRIBUTED !== undefined ? { DISTRIBUTED } : {}),
      },
    },
  }
  return withEntry(next, at, `resumed: ${reason}`)
}
