/**
 * Plays a rollover through on a simulated mesh.
 *
 * @module
 */

import { ROLLOVER_GATES } from '../rollover/rollover-gates.ts'
import { type RolloverPlan, readPlan } from '../rollover/rollover-plan.ts'
import { MESH_RULES } from './mesh-rules.ts'
import { readSimulation, type SimulationOptions } from './simulation-options.ts'
import { type SimulationInternals, type SimulationResult, SimulationRun } from './simulation-run.ts'

const INTERNALS: SimulationInternals = { gates: ROLLOVER_GATES, rules: MESH_RULES, compares: true }

/**
 * Plays a rollover through, with the real driver and its gates, on a mesh of clusters whose clocks are off, whose bundles arrive
 * late, whose renewals fail and whose drivers die; within what the plan says, or beyond it.
 *
 * The same seed gives the same run. Extremes are drawn often: what breaks, breaks there. Use it to try the figures of a mesh: run a few
 * hundred seeds with its own plan, and with `actual` a little worse than the plan.
 *
 * **Warning**: it finds what it draws. That nothing broke in a thousand runs is no proof; the inequalities are.
 *
 * @throws `MeshPkiError` `ERR_ROLLOVER_PLAN` for what is no plan; `TypeError`, `RangeError`. A plan that is not safe is simulated: that is
 * what it is for.
 *
 * @example
 * ```ts
 * import { type RolloverPlan, simulateRollover } from 'mesh-pki/rotation'
 *
 * declare const plan: RolloverPlan
 * const { outages, finished } = await simulateRollover(plan, { seed: 1, crashes: 0.1 })
 * console.log(finished, outages.length)
 * ```
 */
export async function simulateRollover(
  plan: RolloverPlan | string,
  options: SimulationOptions,
): Promise<SimulationResult> {
  return simulateWith(plan, options, INTERNALS)
}

/**
 * {@link simulateRollover} with gates and rules taken away; not exported by the package.
 *
 * @internal
 */
export async function simulateWith(
  plan: RolloverPlan | string,
  options: SimulationOptions,
  internals: Partial<SimulationInternals>,
): Promise<SimulationResult> {
  const read = readPlan(plan)
  const run = new SimulationRun(read, readSimulation(read, options), { ...INTERNALS, ...internals })
  return run.play()
}
