/**
 * What people and controllers change in a rollover, each as a pure function of its state.
 *
 * @module
 */

import { MeshPkiError } from '../../errors.ts'
import { formatDuration } from '../../internal/duration.ts'
import { instantOf, instantText } from '../../internal/instant-text.ts'
import { quote } from '../../internal/text.ts'
import { type DriverTerms, endStage, stepKey } from './driver-terms.ts'
import { useOf } from './inequalities.ts'
import { later } from './member-report.ts'
import { currentMembers } from './rollover-gate.ts'
import { ENDED, type ForcedGate, type MemberState, type RolloverState, withEntry } from './rollover-state.ts'

/** What a certificate of the incoming authority says. Instants are milliseconds. */
export interface StagedAuthority {
  readonly fingerprint: string
  readonly notBefore: number
  readonly notAfter: number
}

/** The state with the incoming authority made. @throws `MeshPkiError` `ERR_ROLLOVER_EVIDENCE`. */
export function applyStage(
  driver: DriverTerms,
  state: RolloverState,
  { fingerprint, notBefore, notAfter }: StagedAuthority,
  at: string,
): RolloverState {
  const { incoming, terms, planned } = driver
  const ends = terms.outgoing.flatMap(({ id }) => planned.get(stepKey(endStage(driver), id)) ?? [])
  const needed = Math.max(
    ...ends,
    instantOf(at) + driver.distribution + terms.switchDelay + terms.leafLifetime,
  )
  const least = terms.incoming.lifetime - terms.backdate
  if (notAfter - notBefore < least)
    throw evidence(
      `the certificate of ${incoming} is valid for ${formatDuration(notAfter - notBefore)}; the plan needs ${formatDuration(least)}`,
    )
  if (notAfter < needed + 2 * terms.clockSkew)
    throw evidence(
      `the certificate of ${incoming} ends at ${instantText(Math.floor(notAfter / 1000) * 1000)}; it must be valid until ${instantText(needed + 2 * terms.clockSkew)}, when it is the only one that is trusted`,
    )
  const same = terms.outgoing.find(({ id }) => state.authorities[id]?.fingerprint === fingerprint)
  if (same !== undefined)
    throw evidence(`the certificate of ${incoming} is that of ${same.id}: ${fingerprint}`)
  const life = state.authorities[incoming]
  if (life === undefined || life.fingerprint === fingerprint) return state
  if (life.stage === 'PRUNED')
    throw evidence(`${incoming} was given up: this rollover is over. Make a new plan`)
  if (life.since.PUBLISHED !== undefined || life.everActive === true)
    throw evidence(
      `${incoming} is in use with the fingerprint ${life.fingerprint}; it cannot become ${fingerprint}. Abort, or make a new plan`,
    )
  const staged = {
    ...life,
    stage: 'STAGED' as const,
    since: { STAGED: at },
    fingerprint,
    notBefore: instantText(Math.ceil(notBefore / 1000) * 1000),
    notAfter: instantText(Math.floor(notAfter / 1000) * 1000),
  }
  const authorities = { ...state.authorities, [incoming]: staged }
  return changed(state, { authorities }, at, `${incoming} STAGED: ${fingerprint}`)
}

/** The state with a member more. @throws `MeshPkiError` `ERR_ROLLOVER_MEMBER`. */
export function applyJoin(
  driver: DriverTerms,
  state: RolloverState,
  name: string,
  from: string | undefined,
  at: string,
): RolloverState {
  const known = Object.hasOwn(state.members, name) ? state.members[name] : undefined
  if (known !== undefined && known.leftAt === undefined) return state
  if (from === undefined)
    return changed(state, { members: { ...state.members, [name]: { joinedAt: at } } }, at, `${name} joined`)
  checkFresh(driver, state, instantOf(at), {
    why: 'what the new one would sign with may be withdrawn already',
    asksAll: true,
  })
  const { incoming, outgoing } = driver
  if (from !== incoming && !outgoing.includes(from))
    throw refusal(
      `${name} signs with ${quote(from, 64)}, which this plan does not know, so nobody would trust what it issues. Finish or abort this rollover and adopt ${name} with a plan of kind "adoption" (I11)`,
    )
  const life = state.authorities[from]
  const fresh = state.authorities[incoming]
  const isReady =
    state.direction === 'forward' &&
    (driver.terms.kind === 'issuing-ca' || fresh?.since.DISTRIBUTED !== undefined)
  const [first = from] = outgoing
  if (from === incoming) {
    if (!isReady || fresh?.stage !== 'ACTIVE')
      throw refusal(
        `${name} cannot begin with ${incoming}, which is ${fresh?.stage ?? 'not there'}: join once it is ACTIVE (I11)`,
      )
    return withMember(state, name, { from: first, signer: incoming, switchedAt: at, joinedAt: at }, at)
  }
  if (life === undefined || ENDED.includes(life.stage))
    throw refusal(
      `${name} signs with ${from}, which is ${life?.stage ?? 'not there'}: nobody trusts what it issued. Join a cluster that begins anew with from: "${incoming}"`,
    )
  if (life.since.TAINTED !== undefined && !isReady)
    throw refusal(
      `${name} signs with ${from}, whose key is compromised, and ${incoming} is not DISTRIBUTED yet: nothing is signed with ${from} again (I10). Join once ${incoming} is DISTRIBUTED`,
    )
  // What drains is not signed with again once everybody trusts the new one; before that, it drains no longer.
  if (life.stage === 'ACTIVE' || !isReady) {
    const authorities = { ...state.authorities, [from]: { ...life, stage: 'ACTIVE' as const, since: {} } }
    return withMember(
      { ...state, authorities },
      name,
      { from, signer: from, switchedAt: at, joinedAt: at },
      at,
    )
  }
  return withMember(state, name, { from, signer: incoming, switchedAt: at, joinedAt: at }, at)
}

const withMember = (state: RolloverState, name: string, member: MemberState, at: string): RolloverState =>
  changed(state, { members: { ...state.members, [name]: member } }, at, `${name} joined`)

const refusal = (problem: string): MeshPkiError => new MeshPkiError('ERR_ROLLOVER_MEMBER', problem)

/** The state with a member that nobody waits for any longer. */
export function applyLeave(state: RolloverState, name: string, reason: string, at: string): RolloverState {
  const member = Object.hasOwn(state.members, name) ? state.members[name] : undefined
  if (member === undefined || member.leftAt !== undefined) return state
  const members = { ...state.members, [name]: { ...member, leftAt: at } }
  return changed(state, { members }, at, `${name} left: ${reason}`)
}

/** Gates that can be forced. Who needs more has the wrong plan. */
const MAX_FORCED = 1000

/** The state with a gate that was opened by hand. */
export function applyForce(state: RolloverState, forcing: Omit<ForcedGate, 'at'>, at: string): RolloverState {
  const { gate, member, authority, reason } = forcing
  if (member !== undefined && !Object.hasOwn(state.members, member))
    throw new TypeError(`option "member" must be a member; ${quote(member, 64)} is none`)
  if (authority !== undefined && !Object.hasOwn(state.authorities, authority))
    throw new TypeError(`option "authority" must be one of the plan; ${quote(authority, 64)} is none`)
  if (state.forced.length >= MAX_FORCED)
    throw new RangeError(`at most ${MAX_FORCED} gates can be forced; make a plan that fits`)
  const forced = { ...forcing, at }
  const whom = `${member === undefined ? '' : ` for ${member}`}${authority === undefined ? '' : ` of ${authority}`}`
  return changed(state, { forced: [...state.forced, forced] }, at, `forced ${gate}${whom}: ${reason}`)
}

/** The state under another plan: what was issued under the old one keeps its time. */
export function applyRevision(
  old: DriverTerms,
  next: DriverTerms,
  state: RolloverState,
  reason: string,
  now: number,
): RolloverState {
  const at = instantText(now)
  const gone = currentMembers(state).find(([name]) => !next.plan.members.some((one) => one.name === name))
  if (gone !== undefined)
    throw blocked(`the new plan does not name ${gone[0]}, which is a member: name it, or call leave() first`)
  const isCrossed = state.authorities[old.incoming]?.since.DISTRIBUTED === undefined
  if (old.terms.crossSign && !next.terms.crossSign && isCrossed)
    throw blocked(
      `the new plan has no cross-certificate, and not everybody has ${old.incoming} yet: keep it until it is DISTRIBUTED`,
    )
  // Issuers may sign with what they had for a while yet.
  const end = now + old.terms.switchDelay + 2 * old.terms.clockSkew
  const authorities = { ...state.authorities }
  for (const [id, life] of Object.entries(authorities))
    if (life.everActive === true && !ENDED.includes(life.stage))
      authorities[id] = {
        ...life,
        greatestNotAfter: later(life.greatestNotAfter, end + old.terms.leafLifetime),
        inUseUntil: later(life.inUseUntil, end + useOf(old.terms)),
      }
  for (const { id, role, notAfter } of next.plan.authorities) {
    const life = authorities[id]
    if (life !== undefined && role === 'outgoing' && notAfter !== undefined)
      authorities[id] = { ...life, notAfter }
  }
  const revised = changed(
    state,
    { plan: next.plan.digest, authorities },
    at,
    `revised to plan ${next.plan.digest.slice(0, 12)}: ${reason}`,
  )
  return next.plan.members.reduce(
    (joined, { name, from }) =>
      Object.hasOwn(joined.members, name) ? joined : applyJoin(next, joined, name, from, at),
    revised,
  )
}

/**
 * Whether this journal is what members have: a backup looks the same until they report.
 *
 * @throws `MeshPkiError` `ERR_ROLLOVER_BLOCKED`.
 */
function checkFresh(
  driver: DriverTerms,
  state: RolloverState,
  now: number,
  { why, asksAll = false }: { readonly why: string; readonly asksAll?: boolean },
): void {
  if (state.recovering !== undefined)
    throw blocked('the journal is older than what members have; wait until all of them have reported')
  const age = formatDuration(driver.evidenceMaxAge)
  for (const [member, { evidence: told }] of currentMembers(state)) {
    if (told === undefined) {
      if (asksAll)
        throw blocked(`${member} has reported nothing yet, so ${why}. Let it report, and call again`)
      continue
    }
    if (instantOf(told.at) + driver.evidenceMaxAge < now)
      throw blocked(
        `${member} last reported at ${told.at}, more than ${age} ago, so ${why}. Let it report, and call again`,
      )
  }
}

/** Whether everybody may go back to what they signed with. @throws `MeshPkiError` `ERR_ROLLOVER_BLOCKED`. */
export function checkWayBack(driver: DriverTerms, state: RolloverState, now: number): void {
  const { switchDelay, leafLifetime, clockSkew } = driver.terms
  checkFresh(driver, state, now, { why: 'it may be further than this journal' })
  for (const id of driver.outgoing) {
    const life = state.authorities[id]
    if (life === undefined) continue
    if (life.stage === 'RETIRED' || life.stage === 'REVOKED' || life.stage === 'PRUNED')
      throw blocked(
        `${id} is ${life.stage}: verifiers no longer trust it. Roll over to a new authority instead`,
      )
    if (life.stage === 'TAINTED')
      throw blocked(`${id} is TAINTED: its key is compromised. Go on, or roll over to a new authority`)
    const needs = switchDelay + leafLifetime + 2 * clockSkew
    if (life.notAfter !== undefined && instantOf(life.notAfter) < now + needs)
      throw blocked(
        `${id} ends at ${life.notAfter}, less than ${formatDuration(needs)} from now (Δsw + L + 2S, C5): certificates under it would be cut short. Go on instead`,
      )
  }
}

function changed(
  state: RolloverState,
  change: Partial<RolloverState>,
  at: string,
  what: string,
): RolloverState {
  return withEntry({ ...state, ...change, revision: state.revision + 1 }, at, what)
}

/** A certificate or report that is not what was asked for. */
export const evidence = (problem: string): MeshPkiError => new MeshPkiError('ERR_ROLLOVER_EVIDENCE', problem)

/** A way that is closed. */
export const blocked = (problem: string): MeshPkiError =>
  new MeshPkiError('ERR_ROLLOVER_BLOCKED', `the rollover cannot go that way: ${problem}`)
