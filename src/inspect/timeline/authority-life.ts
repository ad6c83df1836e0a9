/**
 * The stages of an authority as bars.
 *
 * @module
 */

import type { AuthorityStage } from '../../rotation/index.ts'
import type { TimelineBar } from './timeline.ts'

/** Between stages that were passed at the same instant. */
export const STAGES_APART = ' · '

/** An authority and when it entered which stage. */
export interface EnteredStages {
  readonly authority: number
  readonly entered: readonly { readonly stage: AuthorityStage; readonly at: number }[]
  /** The stage in which it begins. */
  readonly before: AuthorityStage | undefined
  readonly from: number
  readonly to: number
}

/** Bars of one lane. A stage that ends as it begins has no width: the next bar names it too. */
export function authorityLife({
  authority,
  entered,
  before,
  from,
  to,
}: EnteredStages): readonly TimelineBar[] {
  const stages = [...(before === undefined ? [] : [{ stage: before, at: from }]), ...entered]
    .sort((a, b) => a.at - b.at)
    // Every cluster that begins to sign is a step, but not a stage.
    .filter(({ stage }, i, all) => i === 0 || all[i - 1]?.stage !== stage)
    // Where it signs before everybody has its bundle (a cross-certificate), it still signs when they do.
    .filter(({ stage }, i, all) => stage !== 'DISTRIBUTED' || all[i - 1]?.stage !== 'ACTIVE')
  const bars: TimelineBar[] = []
  let passed: AuthorityStage[] = []
  for (const [i, { stage, at }] of stages.entries()) {
    const end = stages[i + 1]?.at ?? to
    if (end <= at && i + 1 < stages.length) {
      passed.push(stage)
      continue
    }
    bars.push({
      from: at,
      to: end,
      authority,
      shape: stage === 'ACTIVE' ? 'full' : 'some',
      label: [...passed, stage].join(STAGES_APART),
    })
    passed = []
  }
  return bars
}
