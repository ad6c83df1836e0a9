/**
 * How a journal that was restored from a backup catches up with what members have.
 *
 * @module
 */

import { instantText } from '../../internal/instant-text.ts'
import { type DriverTerms, endStage, stepKey } from './driver-terms.ts'
import { currentMembers } from './rollover-gate.ts'
import {
  type AuthorityLife,
  digestOf,
  type MemberState,
  type RolloverState,
  UNMANAGED,
  withEntry,
} from './rollover-state.ts'

/** More writes than are ever lost with a journal. */
const REVISION_GAP = 1000

/** The candidates are all subsets; of more outgoing authorities only what a rollover as planned leads to. */
const MAX_SUBSETS = 12

/**
 * The state that members have told, where all of them have: the journal catches up. `undefined` while one is missing, or where nobody
 * can say what their bundle holds.
 */
export function applyRecovery(
  driver: DriverTerms,
  state: RolloverState,
  now: number,
): RolloverState | undefined {
  const { recovering } = state
  const members = currentMembers(state)
  const forces = state.forced.filter(({ gate }) => gate === 'recovery')
  const forced = forces.some(({ member }) => member === undefined)
  const isTold = (name: string): boolean =>
    recovering?.told.includes(name) === true || forces.some(({ member }) => member === name)
  if (recovering === undefined || !(forced || members.every(([name]) => isTold(name)))) return undefined
  const told = members.flatMap(([, { evidence }]) => evidence ?? [])
  const newest = told.reduce<(typeof told)[number] | undefined>(
    (best, one) => (best === undefined || one.sequence > best.sequence ? one : best),
    undefined,
  )
  const at = instantText(now)
  const keepsRoot = driver.terms.kind === 'issuing-ca'
  const isNewer =
    newest !== undefined && newest.sequence >= state.bundle.sequence && newest.sequence !== UNMANAGED
  const known = !isNewer || keepsRoot ? state.bundle.authorities : contentOf(driver, state, newest.digest)
  // Whoever forces this goes on with what the journal has, in a bundle that is newer than all.
  if (known === undefined && !forced) return undefined
  const held = known ?? state.bundle.authorities
  const bundle =
    isNewer && !keepsRoot
      ? {
          sequence: known === undefined ? newest.sequence + 1 : newest.sequence,
          digest: digestOf(state.authorities, held),
          authorities: held,
          at,
        }
      : state.bundle
  // Who signs with what is withdrawn cannot issue: only what is trusted is signed with.
  const { incoming } = driver
  const isTrusted = (id: string): boolean =>
    (keepsRoot || held.includes(id)) && state.authorities[id]?.since.TAINTED === undefined
  const signerOf = (told: string): string => (isTrusted(told) || !isTrusted(incoming) ? told : incoming)
  const signers: Record<string, MemberState> = {}
  for (const [name, member] of Object.entries(state.members)) {
    const { evidence } = member
    signers[name] =
      evidence?.signer === undefined || member.leftAt !== undefined
        ? member
        : { ...member, signer: signerOf(evidence.signer), switchedAt: at }
  }
  // There is no way back to what is withdrawn.
  const canTurn = keepsRoot || driver.outgoing.every((id) => held.includes(id))
  const direction = canTurn ? state.direction : 'forward'
  const next: RolloverState = {
    ...state,
    // What was written and is still under way to a member must not look newer than what comes now.
    revision: Math.max(state.revision, ...told.map(({ revision }) => revision)) + REVISION_GAP,
    bundle,
    members: signers,
    direction,
    authorities: livesOf(driver, { ...state, direction, members: signers, bundle }, at),
    recovering: undefined,
    forced: state.forced.filter(({ gate }) => gate !== 'recovery'),
  }
  return withEntry(
    next,
    at,
    `recovered from what members have: bundle ${bundle.sequence}, direction ${direction}`,
  )
}

/** Which authorities a digest stands for. */
export function contentOf(
  driver: DriverTerms,
  state: RolloverState,
  digest: string,
): readonly string[] | undefined {
  if (digest === state.bundle.digest) return state.bundle.authorities
  const ids = [...driver.outgoing, driver.incoming]
  if (ids.length > MAX_SUBSETS) return likelyContent(driver, state, digest)
  for (let mask = 1; mask < 1 << ids.length; mask++) {
    const some = ids.filter((_, i) => (mask >> i) & 1).sort()
    if (digestOf(state.authorities, some) === digest) return some
  }
  return undefined
}

/** What a bundle of many authorities may hold: all, without the incoming one, and the outgoing ones gone one by one, as they stand. */
function likelyContent(
  driver: DriverTerms,
  state: RolloverState,
  digest: string,
): readonly string[] | undefined {
  const { incoming, outgoing } = driver
  const ends = [...outgoing].sort((a, b) => plannedEnd(driver, a) - plannedEnd(driver, b))
  const candidates = [outgoing, ...ends.map((_, i) => [...ends.slice(i), incoming]), [incoming]]
  return candidates.map((ids) => [...ids].sort()).find((ids) => digestOf(state.authorities, ids) === digest)
}

const plannedEnd = (driver: DriverTerms, id: string): number =>
  driver.planned.get(stepKey(endStage(driver), id)) ?? 0

/** Where each authority stands by what is in the bundle and who signs; every wait begins anew. */
function livesOf(driver: DriverTerms, state: RolloverState, at: string): RolloverState['authorities'] {
  const { incoming } = driver
  const keepsRoot = driver.terms.kind === 'issuing-ca'
  const { sequence, authorities: held } = state.bundle
  const signs = (id: string): boolean => currentMembers(state).some(([, { signer }]) => signer === id)
  const end = endStage(driver)
  const next: Record<string, AuthorityLife> = {}
  for (const [id, life] of Object.entries(state.authorities)) {
    const isHeld = keepsRoot || held.includes(id)
    if (id === incoming)
      next[id] = isHeld ? heldIncoming(state, life, signs(id), keepsRoot, at) : goneIncoming(state, life, at)
    else if (!isHeld)
      next[id] = { ...life, stage: end, since: { ...life.since, [end]: at }, withdrawnIn: sequence }
    // What is compromised stays so.
    else if (life.since.TAINTED !== undefined)
      next[id] = { ...life, stage: 'TAINTED', since: { DRAINING: at, TAINTED: at } }
    else if (signs(id) || state.direction === 'back') next[id] = { ...life, stage: 'ACTIVE', since: {} }
    else next[id] = { ...life, stage: 'DRAINING', since: { DRAINING: at } }
  }
  return next
}

function heldIncoming(
  { bundle, direction }: RolloverState,
  life: AuthorityLife,
  isActive: boolean,
  keepsRoot: boolean,
  at: string,
): AuthorityLife {
  const everActive = isActive || life.everActive === true
  if (direction === 'back') return { ...life, stage: 'DRAINING', since: { DRAINING: at }, everActive }
  const { STAGED } = life.since
  return {
    ...life,
    stage: isActive ? 'ACTIVE' : keepsRoot ? 'STAGED' : 'PUBLISHED',
    since: {
      ...(STAGED === undefined ? {} : { STAGED }),
      ...(keepsRoot ? {} : { PUBLISHED: at }),
      ...(isActive ? { ACTIVE: at } : {}),
    },
    publishedIn: bundle.sequence,
    everActive,
  }
}

function goneIncoming({ bundle, direction }: RolloverState, life: AuthorityLife, at: string): AuthorityLife {
  if (direction === 'back')
    return { ...life, stage: 'RETIRED', since: { RETIRED: at }, withdrawnIn: bundle.sequence }
  const { STAGED } = life.since
  return {
    ...life,
    stage: life.fingerprint === undefined ? 'PLANNED' : 'STAGED',
    since: STAGED === undefined ? {} : { STAGED },
  }
}
