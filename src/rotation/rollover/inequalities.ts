/**
 * The inequalities between instants and delays that a rollover without an outage must satisfy.
 *
 * The model: every clock is off by at most S either way; a bundle is with every verifier at most D after its
 * publication; an issuer signs with what it was told to at most Δsw later; a certificate that is issued at t is valid from
 * t − β to t + L, is due when g of its life remains, is replaced at most F later, and in use at most Δl after that.
 *
 * @module
 */

import type { RolloverTerms } from './rollover-terms.ts'

/** Which inequality. `docs/rotation.md` has each with its reason. */
export type InequalityId = (typeof INEQUALITY_IDS)[number]

/** All of them. */
export const INEQUALITY_IDS = ['C1', "C1'", 'C2', 'C3', 'C4', 'C5', 'C6'] as const

/** One of them, with figures. */
export interface Inequality {
  readonly id: InequalityId
  /** The step that it belongs to, and of which authority where there are several. */
  readonly step: StepKey
  readonly authority?: string
  readonly cluster?: string
  /** As `A − P ≥ D + 2S`. */
  readonly condition: string
  /** Its right side and its left side, in milliseconds; or authorities, where it is about their number. */
  readonly needs: number
  readonly has: number
  readonly unit: 'duration' | 'count'
}

/** Which step of a plan. */
export type StepKey = 'stage' | 'publish' | 'distribute' | 'activate' | 'drain' | 'taint' | 'retire' | 'prune'

/** The instants of a rollover on the clock of who coordinates it. */
export interface RolloverInstants {
  readonly publish: number
  /** When every verifier must have the bundle. */
  readonly distribute: number
  /** By cluster, in the order of the members. */
  readonly activate: ReadonlyMap<string, number>
  /** Of an emergency: when the outgoing authority is declared compromised. */
  readonly taint: number | undefined
  /** By outgoing authority. */
  readonly retire: ReadonlyMap<string, number>
  /** The certificate of the incoming key by the outgoing one. */
  readonly cross: { readonly notAfter: number; readonly attachUntil: number } | undefined
}

/** D: the slowest of all. */
export const propagationOf = (terms: RolloverTerms): number =>
  Math.max(...terms.members.map(({ propagation }) => propagation))

/** The fraction of a life that remains at the latest renewal, times that life; down to whole seconds. */
export function graceOf(terms: RolloverTerms): number {
  const life = terms.leafLifetime + (terms.lifeFrom === 'issuance' ? 0 : terms.backdate)
  const remains = Math.max(0, terms.gracePeriodRatio - terms.jitter) * life
  // 0.15 − 0.01 is a little less than 0.14; a millionth of a second is nobody's.
  return Math.floor(remains / 1000 + 1e-6) * 1000
}

/** U: how long after its issuance a certificate may still be in use. */
export const useOf = (terms: RolloverTerms): number =>
  terms.retention === 'leaf-lifetime'
    ? terms.leafLifetime
    : terms.leafLifetime - graceOf(terms) + terms.outageBudget + terms.installDelay

/** What must lie between publication and first use. */
export const distributionWait = (terms: RolloverTerms): number =>
  terms.kind === 'issuing-ca' ? 0 : propagationOf(terms) + 2 * terms.clockSkew

/** What must lie between the last switch, or the taint, and the end of trust. */
export const retentionWait = (terms: RolloverTerms): number =>
  terms.reissueWithin === undefined
    ? terms.switchDelay + useOf(terms) + 4 * terms.clockSkew
    : terms.switchDelay +
      terms.reissueWithin +
      terms.outageBudget +
      // What was issued before the switch may come into use after the taint, and is then issued again.
      2 * terms.installDelay +
      4 * terms.clockSkew

/** The earliest instants that the terms allow, with the wishes of the caller in their place. */
export function instantsOf(terms: RolloverTerms): RolloverInstants {
  const { clockSkew, stagger, switchDelay, start } = terms
  const distribute = start + distributionWait(terms)
  const first = terms.activateAt ?? (terms.crossSign ? start : distribute)
  const activate = new Map<string, number>()
  for (const { name, from } of terms.members)
    if (from !== undefined) activate.set(name, first + activate.size * stagger)
  const last = Math.max(...activate.values())
  const taint = terms.reissueWithin === undefined ? undefined : last + switchDelay + 2 * clockSkew
  const retire = new Map<string, number>()
  for (const { id } of terms.outgoing) {
    const own = terms.members.filter(({ from }) => from === id)
    const left = Math.max(...own.map(({ name }) => activate.get(name) ?? 0))
    const earliest = Math.max((taint ?? left) + retentionWait(terms), distribute)
    retire.set(id, terms.retireAt ?? earliest)
  }
  // It may live as long as its signer: what carries it is then never cut short.
  const end = Math.min(...terms.outgoing.map(({ notAfter }) => notAfter))
  const cross = terms.crossSign ? { attachUntil: distribute, notAfter: end } : undefined
  return {
    publish: start,
    distribute,
    activate,
    taint,
    retire,
    cross,
  }
}

/** Every inequality of a rollover, at its instants. It is feasible when each has what it needs. */
export function inequalitiesOf(terms: RolloverTerms, at: RolloverInstants): readonly Inequality[] {
  const { clockSkew: skew, leafLifetime: leaf, switchDelay } = terms
  const found: Inequality[] = []
  const add = (
    id: InequalityId,
    step: StepKey,
    condition: string,
    [has, needs]: readonly [has: number, needs: number],
    more: Partial<Pick<Inequality, 'unit' | 'authority' | 'cluster'>> = {},
  ): void => {
    found.push({ id, step, condition, needs, has, unit: 'duration', ...more })
  }
  const wait = distributionWait(terms)

  add('C3', 'stage', 'β ≥ 2S', [terms.backdate, 2 * skew])
  const survived = terms.outageBudget + terms.installDelay + 2 * skew
  add('C4', 'stage', 'g·life ≥ F + Δl + 2S', [graceOf(terms), survived])
  const busy = wait + switchDelay + leaf + 4 * skew + (terms.rotationPeriod ?? 0)
  add('C6', 'stage', 'T_ca ≥ (D + 2S) + (Δsw + L + 4S) + period', [terms.incoming.lifetime, busy])
  const lastEnd = Math.max(...at.retire.values())
  const lastUse = Math.max(...at.activate.values()) + switchDelay + leaf + 2 * skew
  const outlived = Math.max(lastEnd, lastUse) - at.publish
  add('C6', 'stage', 'T_ca ≥ max(R, A + Δsw + L + 2S) − P', [terms.incoming.lifetime, outlived])
  if (terms.kind !== 'issuing-ca') {
    const atOnce = [terms.maxAuthorities, terms.outgoing.length + 1] as const
    add('C6', 'publish', 'm ≥ authorities at once', atOnce, { unit: 'count' })
    add('C1', 'distribute', 'T ≥ P + D + 2S', [at.distribute - at.publish, wait])
  }
  addActivation(terms, at, add)
  if (terms.rotationPeriod !== undefined) {
    const inBundle = Math.max(...at.retire.values()) - at.publish
    const share = inBundle / (terms.maxAuthorities - 1)
    add('C6', 'retire', 'period ≥ (R − P) / (m − 1)', [terms.rotationPeriod, share])
  }
  for (const { id, notAfter } of terms.outgoing) {
    const authority = { authority: id }
    const last = lastSwitch(terms, at, id)
    const retire = at.retire.get(id) ?? 0
    add(
      'C5',
      'drain',
      'na(old) ≥ A + Δsw + L + 2S',
      [notAfter - last, switchDelay + leaf + 2 * skew],
      authority,
    )
    if (at.taint !== undefined)
      add('C2', 'taint', 'T − A ≥ Δsw + 2S', [at.taint - last, switchDelay + 2 * skew], authority)
    add('C2', 'retire', retention(terms), [retire - (at.taint ?? last), retentionWait(terms)], authority)
    if (terms.crossSign) add('C1', 'retire', 'R − P ≥ D + 2S', [retire - at.publish, wait], authority)
    const pruned = pruneAt(terms, at, id)
    add('C2', 'prune', 'T ≥ R + D + 2S', [pruned - retire, wait], authority)
  }
  return found
}

type Add = (
  id: InequalityId,
  step: StepKey,
  condition: string,
  figures: readonly [has: number, needs: number],
  more?: { readonly cluster?: string },
) => void

function addActivation(terms: RolloverTerms, at: RolloverInstants, add: Add): void {
  const wait = distributionWait(terms)
  const { cross } = at
  for (const [cluster, time] of at.activate) {
    const sinceP = time - at.publish
    const of = { cluster }
    if (cross !== undefined) add("C1'", 'activate', 'A ≥ P', [sinceP, 0], of)
    else if (terms.kind === 'issuing-ca') add('C1', 'activate', 'A ≥ P: the root stays', [sinceP, 0], of)
    else add('C1', 'activate', 'A − P ≥ D + 2S', [sinceP, wait], of)
  }
  if (cross === undefined) return
  const end = cross.notAfter - at.publish
  const carried =
    cross.attachUntil - at.publish + terms.switchDelay + terms.leafLifetime + 2 * terms.clockSkew
  add("C1'", 'activate', 'na(X) − P ≥ D + 2S', [end, wait])
  add("C1'", 'activate', 'na(X) ≥ na(leaves that carry X)', [end, carried])
}

function retention(terms: RolloverTerms): string {
  if (terms.reissueWithin !== undefined) return 'R − T ≥ Δsw + W + F + 2Δl + 4S'
  return terms.retention === 'leaf-lifetime'
    ? 'R − A ≥ Δsw + L + 4S'
    : 'R − A ≥ Δsw + (L − g·life + F + Δl) + 4S'
}

/** When the last cluster leaves an authority. */
export function lastSwitch(terms: RolloverTerms, at: RolloverInstants, outgoing: string): number {
  const own = terms.members.filter(({ from }) => from === outgoing)
  return Math.max(...own.map(({ name }) => at.activate.get(name) ?? 0))
}

/** When the key and the tombstone of an authority may go. */
export const pruneAt = (terms: RolloverTerms, at: RolloverInstants, outgoing: string): number =>
  (at.retire.get(outgoing) ?? 0) + distributionWait(terms) + terms.pruneAfter

/** What is left over; negative where the inequality does not hold. */
export const slackOf = ({ has, needs }: Inequality): number => has - needs
