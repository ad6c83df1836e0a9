/**
 * The vertical lines of a timeline: steps by instant, few enough to be told apart.
 *
 * @module
 */

import { readDuration } from '../../internal/duration.ts'
import type { TimelineFact, TimelineGate, TimelineStep } from './timeline.ts'
import { MOST } from './timeline.ts'

/** Above this many lines, those that follow each other with the same stages become one strip. */
const LINES = 16

/** Steps by instant. Steps of one instant that say the same of several clusters are one. */
export function gatesOf(
  steps: readonly (TimelineStep & { readonly at: number })[],
  notes: string[],
): readonly TimelineGate[] {
  const byInstant = new Map<number, TimelineStep[]>()
  for (const { at, ...step } of steps) {
    const known = byInstant.get(at)
    if (known === undefined) byInstant.set(at, [step])
    else known.push(step)
  }
  const gates = [...byInstant]
    .sort(([a], [b]) => a - b)
    .map(([at, own]): TimelineGate => ({ at, until: at, steps: mergeClusters(own) }))
  if (gates.length <= LINES) return gates.map((gate) => ({ ...gate, steps: shorten(gate.steps) }))
  const merged = mergeRuns(gates)
  if (merged.length <= MOST.gates) return merged
  notes.push(`${merged.length - MOST.gates} of ${merged.length} lines of steps are left out`)
  return merged.slice(0, MOST.gates)
}

/** Whether a slack is less than nothing. */
export const isBroken = (slack: string): boolean => slack.startsWith('-')

function mergeClusters(steps: readonly TimelineStep[]): readonly TimelineStep[] {
  const merged = new Map<string, TimelineStep>()
  for (const step of steps) {
    const key = JSON.stringify([step.stage, step.authorities, step.facts])
    const known = merged.get(key)
    merged.set(
      key,
      known === undefined ? step : { ...known, clusters: [...known.clusters, ...step.clusters] },
    )
  }
  return [...merged.values()]
}

function mergeRuns(gates: readonly TimelineGate[]): readonly TimelineGate[] {
  const runs: { readonly key: string; readonly gates: TimelineGate[] }[] = []
  for (const gate of gates) {
    const key = [...new Set(gate.steps.map(({ stage }) => stage))].sort().join()
    const last = runs.at(-1)
    if (last?.key === key) last.gates.push(gate)
    else runs.push({ key, gates: [gate] })
  }
  return runs.map(({ gates: run }) => ({
    at: run[0]?.at ?? 0,
    until: run.at(-1)?.until ?? 0,
    steps: mergeStages(run.flatMap(({ steps }) => steps)),
  }))
}

/** Steps of more authorities at one instant than anybody reads become one. */
function shorten(steps: readonly TimelineStep[]): readonly TimelineStep[] {
  return steps.length > 8 ? mergeStages(steps) : steps
}

/** One step for each stage: of every inequality, what has the least slack. */
function mergeStages(steps: readonly TimelineStep[]): readonly TimelineStep[] {
  const stages = [...new Set(steps.map(({ stage }) => stage))]
  return stages.map((stage) => {
    const own = steps.filter((step) => step.stage === stage)
    const facts = new Map<string, { readonly fact: TimelineFact; readonly of: number }>()
    for (const fact of own.flatMap((step) => step.facts)) {
      const key = `${fact.id} ${fact.condition}`
      const known = facts.get(key)
      const least = known !== undefined && slackOf(known.fact) <= slackOf(fact) ? known.fact : fact
      facts.set(key, { fact: least, of: (known?.of ?? 0) + 1 })
    }
    return {
      stage,
      authorities: [...new Set(own.flatMap(({ authorities }) => authorities))],
      clusters: own.flatMap(({ clusters }) => clusters),
      facts: [...facts.values()].map(({ fact, of }) =>
        of === 1 ? fact : { ...fact, slack: `${fact.slack}, the least of ${of}` },
      ),
    }
  })
}

/** Slack as a number, to compare: milliseconds, or authorities. */
export function slackOf({ slack }: Pick<TimelineFact, 'slack'>): number {
  const [, sign, amount = ''] = /^(-?)([^,]*)/.exec(slack) ?? []
  const size = /^\d+$/.test(amount) ? Number(amount) : durationOr0(amount)
  return sign === '-' ? -size : size
}

/** The duration of a text that a plan has, which need not be one. */
export function durationOr0(text: string): number {
  try {
    return readDuration(text, 'duration', { allowZero: true })
  } catch {
    return 0
  }
}

/** Some names, and how many more. */
export function namesOf(names: readonly string[], most = 6): string {
  if (names.length <= most) return names.join(', ')
  return `${names.slice(0, 2).join(', ')} … ${names.at(-1)} (${names.length} in all)`
}

/** A step as a phrase: `root-2026 ACTIVE in east, west`. */
export function stepText({ stage, authorities, clusters }: TimelineStep): string {
  return `${namesOf(authorities)} ${stage}${clusters.length === 0 ? '' : ` in ${namesOf(clusters)}`}`
}
