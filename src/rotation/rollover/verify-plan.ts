/**
 * Checks a plan by itself. Whoever computed it, this file shares no arithmetic with them.
 *
 * @module
 */

import { MeshPkiError } from '../../errors.ts'
import { formatDuration, readDuration } from '../../internal/duration.ts'
import { instantOf, instantText } from '../../internal/instant-text.ts'
import { type AuthorityStage, type RolloverPlan, readPlan } from './rollover-plan.ts'

/** What is wrong with a plan. */
export interface PlanFinding {
  /** The inequality that does not hold, or `'form'`. */
  readonly rule: 'C1' | "C1'" | 'C2' | 'C3' | 'C4' | 'C5' | 'C6' | 'form'
  /** What must be, what is, and where. */
  readonly message: string
}

/** A plan that would break something, or is not one. */
export class PlanError extends MeshPkiError {
  override readonly name = 'PlanError'
  /** Everything that is wrong. */
  readonly findings: readonly PlanFinding[]

  constructor(findings: readonly PlanFinding[]) {
    super(
      'ERR_ROLLOVER_PLAN',
      `the rollover plan is not safe: ${findings.map(({ rule, message }) => `${rule}: ${message}`).join('; ')}. Make it again with planRollover, or change its parameters`,
      { data: { findings } },
    )
    this.findings = Object.freeze([...findings])
  }
}

/**
 * Checks that a plan is whole, unchanged and safe, and answers a frozen copy.
 *
 * It is a pure function of the plan, and computes every inequality from the plan's parameters on its own: what the steps
 * claim to satisfy is not believed. Use it where a plan comes from elsewhere, or in the review of one.
 *
 * **Warning**: the digest shows an accident, not an attack: whoever changes a plan can compute it again. Keep plans
 * where only those can write who may rotate.
 *
 * @throws `PlanError` (`ERR_ROLLOVER_PLAN`) with every finding; `MeshPkiError` `ERR_ROLLOVER_PLAN` and `ERR_JSON_…` for what cannot
 * be read.
 *
 * @example
 * ```ts
 * import { planRollover, verifyPlan } from 'mesh-pki/rotation'
 *
 * declare const text: string
 * const plan = verifyPlan(text)
 * console.log(plan.digest, plan.steps.length)
 * ```
 */
export function verifyPlan(plan: RolloverPlan | string | Uint8Array): RolloverPlan {
  const read = readPlan(plan)
  const findings = findingsOf(read)
  if (findings.length > 0) throw new PlanError(findings)
  return read
}

/** As {@link verifyPlan}, without throwing. */
export function checkPlan(
  plan: RolloverPlan | string | Uint8Array,
): { readonly ok: true; readonly plan: RolloverPlan } | { readonly ok: false; readonly error: MeshPkiError } {
  try {
    return { ok: true, plan: verifyPlan(plan) }
  } catch (error) {
    if (error instanceof MeshPkiError) return { ok: false, error }
    throw error
  }
}

/** Collects findings. All times are seconds here. */
class Review {
  readonly findings: PlanFinding[] = []

  form(holds: boolean, message: string): void {
    if (!holds) this.findings.push({ rule: 'form', message })
  }

  /** `later − earlier ≥ bound`, told with the figures. */
  atLeast(rule: PlanFinding['rule'], what: string, found: number, bound: number): void {
    if (found >= bound) return
    this.findings.push({
      rule,
      message: `${what} must be at least ${formatDuration(bound * 1000)}, and is ${found < 0 ? '-' : ''}${formatDuration(found * 1000)}`,
    })
  }
}

function findingsOf(plan: RolloverPlan): readonly PlanFinding[] {
  const review = new Review()
  const incoming = plan.authorities.filter(({ role }) => role === 'incoming')
  const outgoing = plan.authorities.filter(({ role }) => role === 'outgoing')
  const [fresh] = incoming
  review.form(incoming.length === 1, `it must have one incoming authority; it has ${incoming.length}`)
  review.form(
    plan.kind === 'adoption' ? outgoing.length >= 1 : outgoing.length === 1,
    `a rollover of kind ${plan.kind} has ${plan.kind === 'adoption' ? 'at least one outgoing authority' : 'one outgoing authority'}; it has ${outgoing.length}`,
  )
  const ids = plan.authorities.map(({ id }) => id)
  review.form(new Set(ids).size === ids.length, 'two of its authorities have the same id')
  const names = plan.members.map(({ name }) => name)
  review.form(new Set(names).size === names.length, 'two of its members have the same name')
  const clusters = plan.members.filter(({ from }) => from !== undefined)
  review.form(clusters.length > 0, 'it has no cluster that signs')
  for (const { name, from } of clusters)
    review.form(
      outgoing.some(({ id }) => id === from),
      `the cluster ${name} is from ${from}, which is no outgoing authority`,
    )
  for (const { id } of outgoing)
    review.form(
      clusters.some(({ from }) => from === id),
      `no cluster is from ${id}`,
    )
  // Without these the rest would only repeat that they are missing.
  if (review.findings.length > 0 || fresh === undefined) return review.findings
  checkSteps(plan, fresh.id, review)
  if (review.findings.length === 0) checkTimes(plan, fresh.id, review)
  return review.findings
}

/** Which steps a plan must have: each once, and no others, in order of time. */
function checkSteps(plan: RolloverPlan, fresh: string, review: Review): void {
  const ending = plan.parameters.reissueWithin === undefined ? 'RETIRED' : 'REVOKED'
  const wanted = new Set<string>([keyOf('STAGED', fresh)])
  if (plan.kind !== 'issuing-ca') {
    wanted.add(keyOf('PUBLISHED', fresh))
    wanted.add(keyOf('DISTRIBUTED', fresh))
  }
  for (const { name, from } of plan.members) if (from !== undefined) wanted.add(keyOf('ACTIVE', fresh, name))
  for (const { id, role } of plan.authorities) {
    if (role !== 'outgoing') continue
    for (const stage of ['DRAINING', ending, 'PRUNED'] as const) wanted.add(keyOf(stage, id))
    if (ending === 'REVOKED') wanted.add(keyOf('TAINTED', id))
  }
  let last = Number.NEGATIVE_INFINITY
  for (const { stage, authority, cluster, at } of plan.steps) {
    const key = keyOf(stage, authority, cluster)
    review.form(wanted.delete(key), `the step ${key} is there twice, or does not belong into it`)
    review.form(instantOf(at) >= last, `the step ${key} at ${at} comes after a later one`)
    last = instantOf(at)
  }
  for (const key of wanted) review.form(false, `the step ${key} is missing`)
}

const keyOf = (stage: AuthorityStage, authority: string, cluster?: string): string =>
  `${stage} ${authority}${cluster === undefined ? '' : ` in ${cluster}`}`

function checkTimes(plan: RolloverPlan, fresh: string, review: Review): void {
  const { parameters, members } = plan
  const seconds = (
    name:
      | 'leafLifetime'
      | 'backdate'
      | 'clockSkew'
      | 'switchDelay'
      | 'installDelay'
      | 'outageBudget'
      | 'pruneAfter',
  ): number => readDuration(parameters[name], name, { allowZero: true }) / 1000
  const [leaf, beta, skew] = [seconds('leafLifetime'), seconds('backdate'), seconds('clockSkew')]
  const [toSwitch, toInstall, outage] = [
    seconds('switchDelay'),
    seconds('installDelay'),
    seconds('outageBudget'),
  ]
  const slowest = members.reduce(
    (most, { propagation }) =>
      Math.max(most, readDuration(propagation, 'propagation', { allowZero: true }) / 1000),
    0,
  )
  const times = new Map(
    plan.steps.map(({ stage, authority, cluster, at }) => [
      keyOf(stage, authority, cluster),
      instantOf(at) / 1000,
    ]),
  )
  const at = (stage: AuthorityStage, authority: string, cluster?: string): number =>
    times.get(keyOf(stage, authority, cluster)) ?? Number.NaN

  const staged = at('STAGED', fresh)
  const published = plan.kind === 'issuing-ca' ? staged : at('PUBLISHED', fresh)
  review.atLeast('form', 'PUBLISHED after STAGED', published - staged, 0)
  const settle = plan.kind === 'issuing-ca' ? 0 : slowest + skew + skew
  if (plan.kind !== 'issuing-ca')
    review.atLeast('C1', `DISTRIBUTED ${fresh} after PUBLISHED`, at('DISTRIBUTED', fresh) - published, settle)

  const ratio = parameters.gracePeriodRatio - parameters.jitter
  const life = parameters.lifeFrom === 'issuance' ? leaf : leaf + beta
  const remains = ratio > 0 ? Math.floor(ratio * life + 0.000001) : 0
  review.atLeast('C3', 'the backdate (β ≥ 2S)', beta, 2 * skew)
  review.atLeast(
    'C4',
    'what remains at renewal (g·life ≥ F + Δl + 2S)',
    remains,
    outage + toInstall + 2 * skew,
  )
  const lastUse = parameters.retention === 'renewals' ? leaf - remains + outage + toInstall : leaf
  const reissue =
    parameters.reissueWithin === undefined
      ? undefined
      : readDuration(parameters.reissueWithin, 'reissueWithin', { allowZero: true }) / 1000

  let lastEnd = published
  for (const { id, role, notAfter } of plan.authorities) {
    if (role !== 'outgoing' || notAfter === undefined) continue
    const own = members.filter(({ from }) => from === id)
    const switches = own.map(({ name }) => at('ACTIVE', fresh, name))
    const first = Math.min(...switches)
    const last = Math.max(...switches)
    review.atLeast(
      parameters.crossSign ? "C1'" : 'C1',
      `ACTIVE ${fresh} after PUBLISHED (${parameters.crossSign ? 'A ≥ P' : 'A − P ≥ D + 2S'})`,
      first - published,
      parameters.crossSign ? 0 : settle,
    )
    review.form(at('DRAINING', id) === last, `DRAINING ${id} must be when the last of its clusters switches`)
    review.atLeast(
      'C5',
      `what remains of ${id} at the last switch (na ≥ A + Δsw + L + 2S)`,
      instantOf(notAfter) / 1000 - last,
      toSwitch + leaf + 2 * skew,
    )
    const end = at(reissue === undefined ? 'RETIRED' : 'REVOKED', id)
    lastEnd = Math.max(lastEnd, end)
    if (reissue === undefined)
      review.atLeast(
        'C2',
        `RETIRED ${id} after the last switch (R − A ≥ Δsw + U + 4S)`,
        end - last,
        toSwitch + lastUse + 4 * skew,
      )
    else {
      const tainted = at('TAINTED', id)
      review.atLeast(
        'C2',
        `TAINTED ${id} after the last switch (T − A ≥ Δsw + 2S)`,
        tainted - last,
        toSwitch + 2 * skew,
      )
      review.atLeast(
        'C2',
        `REVOKED ${id} after TAINTED (R − T ≥ Δsw + W + F + 2Δl + 4S)`,
        end - tainted,
        toSwitch + reissue + outage + 2 * toInstall + 4 * skew,
      )
    }
    review.atLeast('C1', `the end of ${id} after PUBLISHED (R − P ≥ D + 2S)`, end - published, settle)
    review.atLeast('C2', `PRUNED ${id} after its end`, at('PRUNED', id) - end, settle)
  }
  checkCross(plan, published, { settle, leaf, toSwitch, skew }, review)
  const lastSwitch = Math.max(
    ...members.filter(({ from }) => from !== undefined).map(({ name }) => at('ACTIVE', fresh, name)),
  )
  const outlived = Math.max(lastEnd, lastSwitch + toSwitch + leaf + 2 * skew) - staged
  checkPeriod(
    plan,
    { inBundle: lastEnd - published, busy: settle + toSwitch + leaf + 4 * skew, outlived },
    review,
  )
}

function checkCross(
  plan: RolloverPlan,
  published: number,
  { settle, leaf, toSwitch, skew }: Readonly<Record<'settle' | 'leaf' | 'toSwitch' | 'skew', number>>,
  review: Review,
): void {
  const { cross } = plan
  review.form((cross !== undefined) === plan.parameters.crossSign, 'cross and crossSign must say the same')
  const [signer] = plan.authorities
  if (cross === undefined || signer?.notAfter === undefined) return
  const end = instantOf(cross.notAfter) / 1000
  const attach = instantOf(cross.attachUntil) / 1000
  review.atLeast("C1'", 'the end of the cross-certificate after PUBLISHED', end - published, settle)
  review.atLeast("C1'", 'the time for which the cross-certificate is sent along', attach - published, settle)
  review.atLeast(
    "C1'",
    'the end of the cross-certificate after it is last sent along (na(X) ≥ na(leaf))',
    end - attach,
    toSwitch + leaf + 2 * skew,
  )
  review.form(
    cross.notAfter <= signer.notAfter,
    `the cross-certificate ends at ${cross.notAfter}, after its signer ${signer.id} at ${instantText(instantOf(signer.notAfter))}`,
  )
}

function checkPeriod(
  plan: RolloverPlan,
  { inBundle, busy, outlived }: Readonly<Record<'inBundle' | 'busy' | 'outlived', number>>,
  review: Review,
): void {
  const { maxAuthorities, rotationPeriod } = plan.parameters
  const period =
    rotationPeriod === undefined
      ? 0
      : readDuration(rotationPeriod, 'rotationPeriod', { allowZero: true }) / 1000
  const lifetime = plan.authorities.find(({ role }) => role === 'incoming')?.lifetime
  if (lifetime !== undefined) {
    const lives = readDuration(lifetime, 'lifetime') / 1000
    review.atLeast('C6', "the incoming authority's lifetime", lives, busy + period)
    review.atLeast(
      'C6',
      "the incoming authority's lifetime, to its own first retirement (max(R, A + Δsw + L + 2S))",
      lives,
      outlived,
    )
  }
  if (plan.kind !== 'issuing-ca')
    review.form(
      plan.authorities.length <= maxAuthorities,
      `its bundle holds ${plan.authorities.length} authorities at once; at most ${maxAuthorities} may be (C6)`,
    )
  if (rotationPeriod !== undefined)
    review.atLeast('C6', 'the rotation period', period, inBundle / (maxAuthorities - 1))
}
