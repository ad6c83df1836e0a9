/**
 * The timeline of a plan: what must be true when.
 *
 * @module
 */

import { formatDuration } from '../../internal/duration.ts'
import { instantOf } from '../../internal/instant-text.ts'
import type { PlannedStep, RolloverPlan } from '../../rotation/index.ts'
import { alikeLanes } from './alike-lanes.ts'
import { authorityLife } from './authority-life.ts'
import {
  atMost,
  MOST,
  sortedInstants,
  type Timeline,
  type TimelineBar,
  type TimelineGroup,
  type TimelineLane,
} from './timeline.ts'
import { durationOr0, gatesOf, isBroken, namesOf } from './timeline-gates.ts'

/** Shown before the first step and after the last. */
const MARGIN_MS = 600_000

/** Reads a plan as a picture. */
export function planTimeline(plan: RolloverPlan): Timeline {
  return new PlanReader(plan).timeline()
}

class PlanReader {
  readonly #plan: RolloverPlan
  readonly #ids: readonly string[]
  readonly #incoming: string
  readonly #skew: number
  readonly #switchDelay: number
  readonly #from: number
  readonly #to: number
  readonly #origin: number
  readonly #notes: string[] = []

  constructor(plan: RolloverPlan) {
    this.#plan = plan
    this.#ids = plan.authorities.map(({ id }) => id)
    this.#incoming = plan.authorities.find(({ role }) => role === 'incoming')?.id ?? ''
    this.#skew = durationOr0(plan.parameters.clockSkew)
    this.#switchDelay = durationOr0(plan.parameters.switchDelay)
    const times = plan.steps.map(({ at }) => instantOf(at))
    if (plan.cross !== undefined) times.push(instantOf(plan.cross.attachUntil))
    const [first = 0] = sortedInstants(times)
    this.#from = first - MARGIN_MS
    this.#to = (sortedInstants(times).at(-1) ?? 0) + MARGIN_MS
    const published = plan.steps.find(({ stage }) => stage === 'PUBLISHED') ?? plan.steps[0]
    this.#origin = published === undefined ? first : instantOf(published.at)
  }

  timeline(): Timeline {
    const { steps, authorities, kind } = this.#plan
    const outgoing = authorities.filter(({ role }) => role === 'outgoing')
    const gates = gatesOf(
      steps.map((step) => ({
        at: instantOf(step.at),
        stage: step.stage,
        authorities: [step.authority],
        clusters: step.cluster === undefined ? [] : [step.cluster],
        facts: step.satisfies.map((one) => ({ ...one, broken: isBroken(one.slack) })),
      })),
      this.#notes,
    )
    const groups = [this.#lives(), this.#signing(), this.#trusting(), this.#using()]
    for (const { id, notAfter } of outgoing.slice(0, 6))
      if (notAfter !== undefined && instantOf(notAfter) > this.#to)
        this.#notes.push(`${id} ends ${notAfter}, after what is shown`)
    const switched = this.#switches().map(({ at }) => at + this.#switchDelay)
    const withdrawn = steps
      .filter(({ stage }) => stage === 'RETIRED' || stage === 'REVOKED')
      .map(({ at }) => instantOf(at))
    const ramp = kind === 'issuing-ca' ? 0 : this.#slowest() + 2 * this.#skew
    return {
      source: 'plan',
      title: `Rollover plan: ${namesOf(outgoing.map(({ id }) => id))} → ${this.#incoming}`,
      figures: this.#figures(kind),
      from: this.#from,
      to: this.#to,
      origin: this.#origin,
      knots: sortedInstants([
        this.#from,
        ...gates.flatMap(({ at, until }) => [at, until]),
        ...(switched.length === 0 ? [] : [Math.max(...switched)]),
        ...(withdrawn.length === 0 ? [] : [Math.min(this.#to, Math.max(...withdrawn) + ramp)]),
        this.#to,
      ]),
      authorities: this.#ids,
      gates,
      groups: groups.filter(({ lanes }) => lanes.length > 0),
      notes: this.#notes,
    }
  }

  #figures(kind: string): string {
    const { parameters } = this.#plan
    const { leafLifetime, clockSkew, switchDelay, installDelay, outageBudget, backdate } = parameters
    const emergency = parameters.reissueWithin
    return [
      `kind ${kind}`,
      `D ${formatDuration(this.#slowest())}`,
      `S ${clockSkew}`,
      `Δsw ${switchDelay}`,
      `L ${leafLifetime}`,
      `g ${parameters.gracePeriodRatio}`,
      `F ${outageBudget}`,
      `Δl ${installDelay}`,
      `β ${backdate}`,
      `retention ${parameters.retention}`,
      ...(emergency === undefined ? [] : [`W ${emergency}`]),
    ].join(' · ')
  }

  /** D. */
  #slowest(): number {
    return this.#plan.members.reduce((most, { propagation }) => Math.max(most, durationOr0(propagation)), 0)
  }

  #lives(): TimelineGroup {
    const { authorities, steps, cross } = this.#plan
    const lanes: TimelineLane[] = authorities.map(({ id, role }, authority) => ({
      label: id,
      bars: authorityLife({
        authority,
        entered: steps
          .filter((step) => step.authority === id)
          .map(({ stage, at }) => ({ stage, at: instantOf(at) })),
        before: role === 'outgoing' ? 'ACTIVE' : undefined,
        from: this.#from,
        to: this.#to,
      }),
    }))
    if (cross !== undefined) {
      const attachUntil = instantOf(cross.attachUntil)
      const notAfter = instantOf(cross.notAfter)
      if (notAfter > this.#to)
        this.#notes.push(`The cross-certificate ends ${cross.notAfter}, after what is shown`)
      const authority = this.#ids.indexOf(this.#incoming)
      lanes.push({
        label: 'cross-certificate',
        bars: [
          { from: this.#origin, to: attachUntil, authority, shape: 'full', label: 'sent along' },
          { from: attachUntil, to: Math.min(this.#to, notAfter), authority, shape: 'some', label: 'valid' },
        ],
      })
    }
    return {
      title: 'The life of each authority',
      hint: 'Filled: it signs. Pale: it does not sign yet, or no longer.',
      size: 'tall',
      lanes: atMost(lanes, MOST.lives, 'authorities', this.#notes),
    }
  }

  #signing(): TimelineGroup {
    const members = this.#switches().map(({ name, old, at }) => [
      { label: name, bars: this.#change(old, at, at + this.#switchDelay, true) },
    ])
    const lanes = alikeLanes(members, this.#notes)
    return {
      title: 'Who signs with what',
      hint: `Slanted: within Δsw ${this.#plan.parameters.switchDelay} of being told, either.`,
      size: 'middle',
      lanes: atMost(lanes, MOST.clusters, 'clusters that sign', this.#notes),
    }
  }

  /** The certificates that were issued before the switch, until the last one has gone. */
  #using(): TimelineGroup {
    const members = this.#switches().map(({ name, old, at }) => {
      const id = this.#ids[old] ?? ''
      const retire = this.#step(id, ['RETIRED', 'REVOKED'])
      const rule = retire?.satisfies.find((one) => one.id === 'C2')
      const begin = this.#step(id, ['TAINTED'])
      const left = begin === undefined ? at : instantOf(begin.at)
      // What the rule waits for, without the doubt about clocks.
      const last =
        rule === undefined
          ? instantOf(retire?.at ?? new Date(at).toISOString())
          : left + durationOr0(rule.needs) - 4 * this.#skew
      return [{ label: name, bars: this.#change(old, at, Math.max(at, last), false) }]
    })
    const lanes = alikeLanes(members, this.#notes)
    return {
      title: 'Certificates in use, at the latest',
      hint: 'Slanted: fewer and fewer are under the old authority.',
      size: 'middle',
      lanes: atMost(lanes, MOST.clusters, 'clusters with certificates', this.#notes),
    }
  }

  #trusting(): TimelineGroup {
    const { kind, members } = this.#plan
    const keepsRoot = kind === 'issuing-ca'
    if (keepsRoot) this.#notes.push('The root stays, so no bundle changes and no trust is drawn')
    const own = members.map(({ name, from, propagation }) => {
      const ramp = durationOr0(propagation) + 2 * this.#skew
      return this.#ids.map((id, authority): TimelineLane => {
        const has = id !== this.#incoming && (kind !== 'adoption' || from === undefined || from === id)
        return { label: name, tag: id, bars: this.#trust(authority, ramp, has) }
      })
    })
    const lanes = keepsRoot ? [] : alikeLanes(own, this.#notes)
    return {
      title: 'Who trusts what',
      hint: 'Slanted: within D + 2S of publication, more and more verifiers; full height: all.',
      size: 'middle',
      lanes: atMost(lanes, MOST.trusts, 'bundle lanes', this.#notes),
    }
  }

  #trust(authority: number, ramp: number, has: boolean): readonly TimelineBar[] {
    const retire = this.#step(this.#ids[authority] ?? '', ['RETIRED', 'REVOKED'])
    const gone = retire === undefined ? this.#to : instantOf(retire.at)
    const full = has ? this.#from : Math.min(gone, this.#origin + ramp)
    return [
      { from: this.#origin, to: full, authority, shape: 'rise' },
      { from: full, to: gone, authority, shape: 'full' },
      { from: gone, to: Math.min(this.#to, gone + ramp), authority, shape: 'fall' },
    ].filter((bar): bar is TimelineBar => bar.to > bar.from)
  }

  /** The new authority, and over it the old one as it goes. */
  #change(old: number, at: number, done: number, labelled: boolean): readonly TimelineBar[] {
    const next = this.#ids.indexOf(this.#incoming)
    const label = (id: string | undefined): { label?: string } =>
      labelled && id !== undefined ? { label: id } : {}
    const bars: TimelineBar[] = [
      { from: this.#from, to: at, authority: old, shape: 'full', ...label(this.#ids[old]) },
      { from: at, to: this.#to, authority: next, shape: 'full', ...label(this.#incoming) },
      { from: at, to: Math.min(this.#to, done), authority: old, shape: 'fall' },
    ]
    return bars.filter(({ from, to }) => to > from)
  }

  /** Clusters, what they sign with before, and when they are told to switch. */
  #switches(): readonly { readonly name: string; readonly old: number; readonly at: number }[] {
    const told = new Map(
      this.#plan.steps.flatMap(({ cluster, at }) => (cluster === undefined ? [] : [[cluster, at] as const])),
    )
    return this.#plan.members.flatMap(({ name, from }) => {
      const at = told.get(name)
      if (from === undefined || at === undefined) return []
      return [{ name, old: this.#ids.indexOf(from), at: instantOf(at) }]
    })
  }

  #step(authority: string, stages: readonly string[]): PlannedStep | undefined {
    return this.#plan.steps.find((step) => step.authority === authority && stages.includes(step.stage))
  }
}
