/**
 * A plan as its driver needs it: numbers.
 *
 * @module
 */

import { readDuration } from '../../internal/duration.ts'
import { instantOf } from '../../internal/instant-text.ts'
import { distributionWait, retentionWait } from './inequalities.ts'
import type { RolloverPlan } from './rollover-plan.ts'
import type { RolloverTerms } from './rollover-terms.ts'

/** What the gates of a driver compare with; milliseconds. */
export interface DriverTerms {
  readonly plan: RolloverPlan
  readonly terms: RolloverTerms
  readonly incoming: string
  readonly outgoing: readonly string[]
  /** From publication to the knowledge that everybody has it. */
  readonly distribution: number
  /** From the last switch, or the taint, to the end of trust. */
  readonly retention: number
  /** Older reports count for nothing. */
  readonly evidenceMaxAge: number
  /** Planned instants, by `stage authority` and `ACTIVE authority cluster`. */
  readonly planned: ReadonlyMap<string, number>
}

/** Reads a verified plan. */
export function driverTerms(plan: RolloverPlan): DriverTerms {
  const { parameters } = plan
  const duration = (text: string): number => readDuration(text, 'plan', { allowZero: true })
  const outgoing = plan.authorities.filter(({ role }) => role === 'outgoing')
  const fresh = plan.authorities.find(({ role }) => role === 'incoming')
  const terms: RolloverTerms = {
    kind: plan.kind,
    start: instantOf(plan.steps[0]?.at ?? ''),
    outgoing: outgoing.map(({ id, notAfter, fingerprint }) => ({
      id,
      notAfter: instantOf(notAfter ?? ''),
      fingerprint,
    })),
    incoming: { id: fresh?.id ?? '', lifetime: duration(fresh?.lifetime ?? '0s') },
    members: plan.members.map(({ name, from, propagation }) => ({
      name,
      from,
      propagation: duration(propagation),
    })),
    leafLifetime: duration(parameters.leafLifetime),
    gracePeriodRatio: parameters.gracePeriodRatio,
    jitter: parameters.jitter,
    lifeFrom: parameters.lifeFrom,
    backdate: duration(parameters.backdate),
    clockSkew: duration(parameters.clockSkew),
    switchDelay: duration(parameters.switchDelay),
    installDelay: duration(parameters.installDelay),
    outageBudget: duration(parameters.outageBudget),
    retention: parameters.retention,
    crossSign: parameters.crossSign,
    reissueWithin: parameters.reissueWithin === undefined ? undefined : duration(parameters.reissueWithin),
    stagger: duration(parameters.stagger),
    activateAt: undefined,
    retireAt: undefined,
    pruneAfter: duration(parameters.pruneAfter),
    evidenceMaxAge: duration(parameters.evidenceMaxAge),
    maxAuthorities: parameters.maxAuthorities,
    rotationPeriod: parameters.rotationPeriod === undefined ? undefined : duration(parameters.rotationPeriod),
  }
  return {
    plan,
    terms,
    incoming: terms.incoming.id,
    outgoing: outgoing.map(({ id }) => id),
    distribution: distributionWait(terms),
    retention: retentionWait(terms),
    evidenceMaxAge: terms.evidenceMaxAge,
    planned: new Map(
      plan.steps.map(({ stage, authority, cluster, at }) => [
        stepKey(stage, authority, cluster),
        instantOf(at),
      ]),
    ),
  }
}

/** The stage in which an outgoing authority ends. */
export const endStage = ({ terms }: Pick<DriverTerms, 'terms'>): 'RETIRED' | 'REVOKED' =>
  terms.reissueWithin === undefined ? 'RETIRED' : 'REVOKED'

/** The key of a step among the planned instants. */
export const stepKey = (stage: string, authority: string, cluster?: string): string =>
  cluster === undefined ? `${stage} ${authority}` : `${stage} ${authority} ${cluster}`
