/**
 * The timeline of a trace: what was true when.
 *
 * @module
 */

import { formatDuration } from '../../internal/duration.ts'
import type { TraceEvent, TraceEventOf, TraceMember } from '../../rotation/index.ts'
import { authorityLife } from './authority-life.ts'
import { HolderTrack } from './holder-track.ts'
import { ShareTrack } from './share-track.ts'
import {
  atMost,
  fewBars,
  MOST,
  sortedInstants,
  type Timeline,
  type TimelineBar,
  type TimelineGroup,
  type TimelineLane,
  type TimelineMark,
} from './timeline.ts'
import { gatesOf, namesOf } from './timeline-gates.ts'
import { type SeenAuthority, seenFacts } from './trace-facts.ts'
import { happenedGroup, markOf } from './trace-marks.ts'

/** Reads a trace as a picture. */
export function traceTimeline(begin: TraceEventOf<'begin'>, events: readonly TraceEvent[]): Timeline {
  const reader = new TraceReader(begin, Math.max(events.at(-1)?.at ?? begin.at, begin.at + 1000))
  for (const event of events) reader.take(event)
  return reader.timeline()
}

class TraceReader {
  readonly #begin: TraceEventOf<'begin'>
  readonly #to: number
  /** What is in bundles as it begins. */
  readonly #first: ReadonlySet<string>
  readonly #ids: string[] = []
  readonly #index = new Map<string, number>()
  readonly #seen: SeenAuthority[] = []
  readonly #stages: TraceEventOf<'stage'>[] = []
  readonly #members = new Map<string, TraceMember>()
  readonly #verifiers = new Set<string>()
  readonly #trust = new Map<string, ShareTrack>()
  readonly #trusts = new Map<string, readonly number[]>()
  readonly #signing = new Map<string, TimelineBar[]>()
  readonly #holders = new HolderTrack()
  readonly #certificates = new Map<string, number>()
  readonly #marks: TimelineMark[] = []
  readonly #switched: number[] = []
  readonly #notes: string[] = []

  constructor(begin: TraceEventOf<'begin'>, to: number) {
    this.#begin = begin
    this.#to = to
    this.#first = new Set(begin.members.flatMap(({ authorities }) => authorities))
    for (const id of this.#first) this.#authority(id)
  }

  take(event: TraceEvent): void {
    const mark = markOf(event)
    if (mark !== undefined) this.#marks.push(mark)
    const { at } = event
    switch (event.type) {
      case 'begin':
        for (const member of event.members) this.#join(member, at)
        break
      case 'joined':
        this.#join(event.member, at)
        break
      case 'left':
        this.#leave(event.member, at)
        break
      case 'stage':
        this.#authority(event.authority)
        // A restored journal that has caught up is in no new stage.
        if (event.recovered !== true) this.#stages.push(event)
        break
      case 'applied':
        this.#apply(event.member, event.verifier, event.authorities, at)
        break
      case 'switched':
        this.#switched.push(at)
        this.#sign(event.member, this.#authority(event.authority), at)
        break
      case 'issued':
        this.#certificates.set(event.certificate, this.#authority(event.authority))
        break
      case 'presented':
        this.#present(event.holder, event.certificate, at)
        break
      case 'withdrawn':
        this.#holders.withdraw(event.holder, event.certificate, at)
        break
      case 'handshake-failed':
        if (mark !== undefined) this.#holders.fail(event.holder, mark)
        break
      default:
    }
  }

  timeline(): Timeline {
    const { at: from, terms } = this.#begin
    const to = this.#to
    this.#see()
    // That an authority of the beginning signs is said when somebody begins to tell; it is no step.
    const told = new Set<string>()
    const steps = this.#stages.filter(({ authority, stage }) => {
      const isFirst = !told.has(authority)
      told.add(authority)
      return !(isFirst && stage === 'ACTIVE' && this.#first.has(authority))
    })
    const mesh = {
      verifiers: this.#verifiers,
      keepsRoot: terms.keepsRoot,
      crossSigned: terms.crossSigned,
    }
    const gates = gatesOf(
      steps.map(({ at, stage, authority }) => {
        const seen = this.#seen[this.#authority(authority)]
        const facts = seen === undefined ? [] : seenFacts(stage, at, seen, mesh)
        return { at, stage, authorities: [authority], clusters: [], facts }
      }),
      this.#notes,
    )
    const groups = [
      this.#lives(),
      this.#signers(),
      this.#trusting(),
      this.#using(),
      happenedGroup(this.#marks),
    ]
    const [firstSwitch, lastSwitch = firstSwitch] = [this.#switched[0], this.#switched.at(-1)]
    return {
      source: 'trace',
      title: `Rollover as it happened: ${namesOf(this.#ids)}`,
      figures: [
        `D ${formatDuration(terms.propagationMs)}`,
        `S ${formatDuration(terms.clockSkewMs)}`,
        `retention ${terms.retention}`,
        `${this.#members.size} members`,
        `${this.#verifiers.size} verifiers`,
        `${this.#holders.size} holders`,
        `${this.#certificates.size} certificates`,
      ].join(' · '),
      from,
      to,
      origin: steps.find(({ stage }) => stage === 'PUBLISHED')?.at ?? from,
      knots: sortedInstants(
        [
          from,
          ...gates.flatMap(({ at, until }) => [at, until]),
          firstSwitch ?? from,
          lastSwitch ?? from,
          to,
        ].filter((time) => time >= from && time <= to),
      ),
      authorities: this.#ids,
      gates,
      groups: fewBars(
        groups.filter(({ lanes }) => lanes.length > 0),
        this.#notes,
      ),
      notes: this.#notes,
    }
  }

  #authority(id: string): number {
    const known = this.#index.get(id)
    if (known !== undefined) return known
    this.#index.set(id, this.#ids.length)
    this.#seen.push({
      trusted: new Map(),
      firstDrop: undefined,
      firstUse: undefined,
      lastUse: undefined,
      inUse: 0,
    })
    return this.#ids.push(id) - 1
  }

  #join(member: TraceMember, at: number): void {
    this.#members.set(member.name, member)
    if (member.signer !== undefined) this.#sign(member.name, this.#authority(member.signer), at)
    // Who comes with it never was without it.
    if (at > this.#begin.at)
      for (const id of member.authorities)
        for (const verifier of member.verifiers)
          this.#seen[this.#authority(id)]?.trusted.set(verifier, Number.NEGATIVE_INFINITY)
    for (const verifier of member.verifiers) {
      this.#verifiers.add(verifier)
      this.#apply(member.name, verifier, member.authorities, at)
    }
  }

  #leave(name: string, at: number): void {
    for (const verifier of this.#members.get(name)?.verifiers ?? []) {
      this.#trust.get(name)?.remove(verifier, at)
      this.#verifiers.delete(verifier)
    }
    this.#sign(name, undefined, at)
  }

  #apply(member: string, verifier: string, ids: readonly string[], at: number): void {
    const authorities = ids.map((id) => this.#authority(id))
    for (const one of authorities) {
      const trusted = this.#seen[one]?.trusted
      if (trusted !== undefined && !trusted.has(verifier)) trusted.set(verifier, at)
    }
    for (const one of this.#trusts.get(verifier) ?? []) {
      const seen = this.#seen[one]
      if (seen !== undefined && !authorities.includes(one)) seen.firstDrop ??= at
    }
    this.#trusts.set(verifier, authorities)
    const track = this.#trust.get(member) ?? new ShareTrack()
    this.#trust.set(member, track)
    track.set(verifier, authorities, at)
  }

  #sign(member: string, authority: number | undefined, at: number): void {
    const bars = this.#signing.get(member) ?? []
    const last = bars.pop()
    if (last !== undefined && at > last.from) bars.push({ ...last, to: at })
    if (authority !== undefined)
      bars.push({ from: at, to: this.#to, authority, shape: 'full', label: this.#ids[authority] ?? '' })
    this.#signing.set(member, bars)
  }

  #present(holder: string, certificate: string, at: number): void {
    const authority = this.#certificates.get(certificate) ?? -1
    this.#holders.present(holder, certificate, authority, at)
  }

  /** When authorities were first and last used. */
  #see(): void {
    this.#holders.end(this.#to)
    for (const { authority, from, to, open } of this.#holders.uses()) {
      const seen = this.#seen[authority]
      if (seen === undefined) continue
      seen.firstUse = Math.min(seen.firstUse ?? from, from)
      seen.lastUse = Math.max(seen.lastUse ?? to, to)
      if (open) seen.inUse++
    }
  }

  #lives(): TimelineGroup {
    const { at: from } = this.#begin
    const lanes = this.#ids.map((label, authority) => {
      const entered = this.#stages.filter((stage) => stage.authority === label)
      const before = this.#first.has(label) && (entered[0]?.at ?? this.#to) > from ? 'ACTIVE' : undefined
      return { label, bars: authorityLife({ authority, entered, before, from, to: this.#to }) }
    })
    return {
      title: 'The life of each authority',
      hint: 'Filled: it signs. Pale: it does not sign yet, or no longer.',
      size: 'tall',
      lanes: atMost(lanes, MOST.lives, 'authorities', this.#notes),
    }
  }

  #signers(): TimelineGroup {
    const lanes = [...this.#signing].map(([label, bars]) => ({ label, bars }))
    return {
      title: 'Who signed with what',
      hint: 'As issuers told it.',
      size: 'middle',
      lanes: atMost(
        lanes.filter(({ bars }) => bars.length > 0),
        MOST.clusters,
        'clusters that sign',
        this.#notes,
      ),
    }
  }

  #trusting(): TimelineGroup {
    const lanes: TimelineLane[] = []
    for (const [label, track] of this.#trust)
      for (const [authority, bars] of [...track.end(this.#to)].sort(([a], [b]) => a - b))
        lanes.push({ label, tag: this.#ids[authority] ?? '', bars })
    return {
      title: 'Who trusted what',
      hint: 'Full height: all verifiers of the member. Pale and lower: some of them.',
      size: 'middle',
      lanes: atMost(lanes, MOST.trusts, 'bundle lanes', this.#notes),
    }
  }

  #using(): TimelineGroup {
    return {
      title: 'Certificates in use',
      hint: 'One lane for each holder; a notch is a renewal, a cross a failed handshake.',
      size: 'thin',
      lanes: this.#holders.lanes(this.#ids, this.#to, this.#notes),
    }
  }
}
