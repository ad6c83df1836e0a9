import { planRollover } from '../../../../src/rotation/rollover/plan-rollover.ts'
import type { RolloverParameters } from '../../../../src/rotation/rollover/rollover-parameters.ts'
import { type RolloverPlan, sealPlan } from '../../../../src/rotation/rollover/rollover-plan.ts'

const START = Date.parse('2026-03-01T00:00:00Z')

/** An instant some seconds after the start. */
export const at = (seconds: number): Date => new Date(START + seconds * 1000)

export const MINUTE = 60
export const HOUR = 3600
export const DAY = 86_400

/** A rollover of one root: D = 15 m, S = 1 m, Δsw = 10 m, Δl = 1 m, F = 1 h, L = 24 h, g = 0.5, β = 2 m. */
export const ROOT: RolloverParameters = {
  start: at(0),
  outgoing: { id: 'A', notAfter: at(90 * DAY) },
  incoming: { id: 'B', lifetime: '365d' },
  clusters: ['east', 'west', 'north'],
  leafLifetime: '24h',
  gracePeriodRatio: 0.5,
}

/** Three clusters with a root each come under one. */
export const ADOPTION: RolloverParameters = {
  ...ROOT,
  kind: 'adoption',
  outgoing: ['A1', 'A2', 'A3'].map((id) => ({ id, notAfter: at(90 * DAY) })),
  clusters: ['A1', 'A2', 'A3'].map((from, i) => ({ name: `c${i + 1}`, from })),
}

/** A plan with other members than its planner gave it, and the digest of that. */
export function changed(
  plan: RolloverPlan,
  change: (plan: Omit<RolloverPlan, 'digest'>) => Omit<RolloverPlan, 'digest'>,
): RolloverPlan {
  const { digest: _, ...rest } = plan
  return sealPlan(change(rest))
}

export const plan = (more: Partial<RolloverParameters> = {}): RolloverPlan =>
  planRollover({ ...ROOT, ...more })
