/**
 * Computes the timeline of a rollover.
 *
 * @module
 */

import { MeshPkiError } from '../../errors.ts'
import { formatDuration } from '../../internal/duration.ts'
import { instantText } from '../../internal/instant-text.ts'
import { feasibleEdits, type RolloverEdit } from './feasible-edits.ts'
import {
  type Inequality,
  inequalitiesOf,
  instantsOf,
  lastSwitch,
  pruneAt,
  type RolloverInstants,
  type StepKey,
  slackOf,
} from './inequalities.ts'
import type { RolloverParameters } from './rollover-parameters.ts'
import {
  type AuthorityStage,
  type PlannedInequality,
  type PlannedStep,
  type PlanParameters,
  type RolloverPlan,
  sealPlan,
} from './rollover-plan.ts'
import { type RolloverTerms, readTerms } from './rollover-terms.ts'

/** A rollover that would break something, and what to change. */
export class RolloverInfeasibleError extends MeshPkiError {
  override readonly name = 'RolloverInfeasibleError'
  /** What does not hold, as a plan would have it. */
  readonly broken: readonly PlannedInequality[]
  /** The smallest changes. Each alternative is enough by itself; it may be several changes that are made together. */
  readonly alternatives: readonly (readonly RolloverEdit[])[]

  constructor(broken: readonly PlannedInequality[], alternatives: readonly (readonly RolloverEdit[])[]) {
    // One that every cluster breaks is told once.
    const failures = new Set(
      broken.map(({ id, condition, needs, has }) => `${id}: ${condition} needs ${needs}, there is ${has}`),
    )
    const choices = alternatives.map((edits) => edits.map(({ text }) => text).join(' and '))
    super(
      'ERR_ROLLOVER_INFEASIBLE',
      `this rollover would cause an outage: ${[...failures].join('; ')}. ${
        choices.length === 0
          ? 'No change of up to three parameters makes it feasible; begin with the first of these'
          : `Smallest changes that make it feasible: ${choices.join('; or ')}`
      }`,
      { data: { broken, alternatives } },
    )
    this.broken = broken
    this.alternatives = alternatives
  }
}

/**
 * Computes when to publish, when to sign with, and when to withdraw an authority, so that no handshake fails while
 * the clocks, delays and lifetimes stay within what the parameters say.
 *
 * Every step of the plan names the inequalities that its instant satisfies, and what is left over.
 * `docs/rotation.md` explains them.
 *
 * **Warning**: the plan is as true as its parameters. Measure how long a bundle takes to the slowest workload.
 *
 * @throws `RolloverInfeasibleError` (`ERR_ROLLOVER_INFEASIBLE`) with the smallest changes that make it feasible; `TypeError` and
 * `RangeError` for options.
 *
 * @example
 * ```ts
 * import { planRollover } from 'mesh-pki/rotation'
 *
 * const plan = planRollover({
 *   start: new Date('2026-03-01T00:00:00Z'),
 *   outgoing: { id: 'root-2025', notAfter: new Date('2026-06-01T00:00:00Z') },
 *   incoming: { id: 'root-2026', lifetime: '365d' },
 *   clusters: ['east', 'west'],
 *   audiences: [{ name: 'partner.example', refreshHint: '5m' }],
 *   leafLifetime: '24h',
 *   gracePeriodRatio: 0.5,
 *   propagation: '15m',
 * })
 * for (const { at, stage, authority, cluster } of plan.steps) console.log(at, stage, authority, cluster)
 * ```
 */
export function planRollover(parameters: RolloverParameters): RolloverPlan {
  const terms = readTerms(parameters)
  const at = instantsOf(terms)
  const inequalities = inequalitiesOf(terms, at)
  const broken = inequalities.filter((inequality) => slackOf(inequality) < 0)
  if (broken.length > 0) throw new RolloverInfeasibleError(broken.map(writeInequality), feasibleEdits(terms))
  return sealPlan({
    format: 'mesh-pki/rollover-plan',
    version: 1,
    kind: terms.kind,
    parameters: writeParameters(terms),
    authorities: [
      ...terms.outgoing.map(({ id, notAfter, fingerprint }) => ({
        id,
        role: 'outgoing' as const,
        notAfter: instantText(notAfter),
        ...(fingerprint === undefined ? {} : { fingerprint }),
      })),
      { id: terms.incoming.id, role: 'incoming', lifetime: formatDuration(terms.incoming.lifetime) },
    ],
    members: terms.members.map(({ name, from, propagation }) => ({
      name,
      ...(from === undefined ? {} : { from }),
      propagation: formatDuration(propagation),
    })),
    ...(at.cross === undefined
      ? {}
      : {
          cross: { notAfter: instantText(at.cross.notAfter), attachUntil: instantText(at.cross.attachUntil) },
        }),
    steps: stepsOf(terms, at, inequalities),
  })
}

function stepsOf(
  terms: RolloverTerms,
  at: RolloverInstants,
  inequalities: readonly Inequality[],
): readonly PlannedStep[] {
  const steps: (PlannedStep & { readonly time: number })[] = []
  const add = (
    time: number,
    stage: AuthorityStage,
    authority: string,
    key: StepKey,
    cluster?: string,
  ): void => {
    const satisfied = inequalities.filter(
      (one) =>
        one.step === key &&
        (one.authority === undefined || one.authority === authority) &&
        (one.cluster === undefined || one.cluster === cluster),
    )
    steps.push({
      time,
      at: instantText(time),
      stage,
      authority,
      ...(cluster === undefined ? {} : { cluster }),
      satisfies: satisfied.map(writeInequality),
    })
  }
  const { incoming, outgoing, reissueWithin } = terms
  add(at.publish, 'STAGED', incoming.id, 'stage')
  if (terms.kind !== 'issuing-ca') {
    add(at.publish, 'PUBLISHED', incoming.id, 'publish')
    add(at.distribute, 'DISTRIBUTED', incoming.id, 'distribute')
  }
  for (const [cluster, time] of at.activate) add(time, 'ACTIVE', incoming.id, 'activate', cluster)
  for (const { id } of outgoing) {
    const last = lastSwitch(terms, at, id)
    add(last, 'DRAINING', id, 'drain')
    if (at.taint !== undefined) add(at.taint, 'TAINTED', id, 'taint')
    add(at.retire.get(id) ?? last, reissueWithin === undefined ? 'RETIRED' : 'REVOKED', id, 'retire')
    add(pruneAt(terms, at, id), 'PRUNED', id, 'prune')
  }
  return steps.sort((a, b) => a.time - b.time).map(({ time: _, ...step }) => step)
}

function writeInequality(inequality: Inequality): PlannedInequality {
  const { id, condition, needs, has, unit } = inequality
  const write = (amount: number): string =>
    unit === 'count' ? String(amount) : `${amount < 0 ? '-' : ''}${formatDuration(amount)}`
  // What is needed is rounded up and what there is down: a plan must not look better than it is.
  const [most, least] =
    unit === 'count' ? [needs, has] : [Math.ceil(needs / 1000) * 1000, Math.floor(has / 1000) * 1000]
  return { id, condition, needs: write(most), has: write(least), slack: write(least - most) }
}

function writeParameters(terms: RolloverTerms): PlanParameters {
  return {
    leafLifetime: formatDuration(terms.leafLifetime),
    gracePeriodRatio: terms.gracePeriodRatio,
    jitter: terms.jitter,
    lifeFrom: terms.lifeFrom,
    backdate: formatDuration(terms.backdate),
    clockSkew: formatDuration(terms.clockSkew),
    switchDelay: formatDuration(terms.switchDelay),
    installDelay: formatDuration(terms.installDelay),
    outageBudget: formatDuration(terms.outageBudget),
    retention: terms.retention,
    crossSign: terms.crossSign,
    ...(terms.reissueWithin === undefined ? {} : { reissueWithin: formatDuration(terms.reissueWithin) }),
    stagger: formatDuration(terms.stagger),
    pruneAfter: formatDuration(terms.pruneAfter),
    evidenceMaxAge: formatDuration(terms.evidenceMaxAge),
    maxAuthorities: terms.maxAuthorities,
    ...(terms.rotationPeriod === undefined ? {} : { rotationPeriod: formatDuration(terms.rotationPeriod) }),
  }
}
