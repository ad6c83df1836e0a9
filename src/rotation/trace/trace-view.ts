/**
 * What a trace has said up to one of its events.
 *
 * @module
 */

import type { TraceEvent, TraceEventOf, TraceMember, TraceTerms } from './trace-event.ts'

/** What an authority has been through in each stage. */
const PASSED: Readonly<Record<string, readonly string[]>> = {
  PUBLISHED: ['STAGED'],
  DISTRIBUTED: ['STAGED', 'PUBLISHED'],
  ACTIVE: ['STAGED', 'PUBLISHED', 'DISTRIBUTED'],
}

/** A verifier's bundle. */
export interface HeldBundle {
  readonly sequence: number
  readonly authorities: readonly string[]
}

/** The mesh as a trace describes it, event by event. Each invariant looks at it before the event is taken in. */
export class TraceView {
  readonly terms: TraceTerms
  readonly members: Map<string, TraceMember> = new Map()
  /** By verifier: its bundle, and every authority that it ever trusted. */
  readonly bundles: Map<string, HeldBundle> = new Map()
  readonly verifierOf: Map<string, string> = new Map()
  readonly issuers: Map<string, string> = new Map()
  readonly certificates: Map<string, TraceEventOf<'issued'>> = new Map()
  /** By holder: the certificate in use. */
  readonly inUse: Map<string, string> = new Map()
  readonly stages: Map<string, TraceEventOf<'stage'>> = new Map()
  readonly entered: Map<string, number> = new Map()
  readonly published: TraceEventOf<'published'>[] = []
  /** By verifier: every authority that it has ever trusted. */
  readonly everTrusted: Map<string, Set<string>> = new Map()
  /** The authorities with which clusters began, each its own. */
  readonly own: ReadonlySet<string>
  /** By authority: the greatest end of all that was issued under it. */
  readonly greatestNotAfter: Map<string, number> = new Map()

  constructor(begin: TraceEventOf<'begin'>) {
    this.terms = begin.terms
    this.own = new Set(begin.terms.separate ? begin.members.flatMap(({ authorities }) => authorities) : [])
    for (const member of begin.members) this.#join(member)
  }

  /** Takes an event in. */
  take(event: TraceEvent): void {
    switch (event.type) {
      case 'stage':
        this.stages.set(event.authority, event)
        this.entered.set(`${event.stage} ${event.authority}`, event.at)
        break
      case 'published':
        this.published.push(event)
        break
      case 'applied':
        this.#trust(event.verifier, event)
        break
      case 'switched':
        this.issuers.set(event.member, event.authority)
        break
      case 'issued': {
        this.certificates.set(event.certificate, event)
        const known = this.greatestNotAfter.get(event.authority) ?? 0
        this.greatestNotAfter.set(event.authority, Math.max(known, event.notAfter))
        break
      }
      case 'presented':
        this.inUse.set(event.holder, event.certificate)
        break
      case 'withdrawn':
        if (this.inUse.get(event.holder) === event.certificate) this.inUse.delete(event.holder)
        break
      case 'joined':
        this.#join(event.member)
        break
      case 'left':
        this.#leave(event.member)
        break
      default:
    }
  }

  /** Takes in what happened before, at a time that nobody knows any longer. */
  recall(event: TraceEvent): void {
    if (event.type === 'stage') {
      const key = `${event.stage} ${event.authority}`
      const at = this.entered.get(key) ?? Number.NEGATIVE_INFINITY
      this.take(event)
      this.entered.set(key, at)
      // Whatever is further has been through what comes before.
      for (const stage of PASSED[event.stage] ?? [])
        if (!this.entered.has(`${stage} ${event.authority}`))
          this.entered.set(`${stage} ${event.authority}`, Number.NEGATIVE_INFINITY)
    } else if (event.type !== 'published' || event.sequence !== this.published.at(-1)?.sequence)
      this.take(event)
  }

  /** The certificates in use under an authority. */
  presentedUnder(authority: string): readonly TraceEventOf<'issued'>[] {
    const found: TraceEventOf<'issued'>[] = []
    for (const id of this.inUse.values()) {
      const certificate = this.certificates.get(id)
      if (certificate?.authority === authority) found.push(certificate)
    }
    return found
  }

  /** How many of a member present something. */
  holdersOf(member: string): number {
    let count = 0
    for (const id of this.inUse.values()) if (this.certificates.get(id)?.member === member) count++
    return count
  }

  #join(member: TraceMember): void {
    this.members.set(member.name, member)
    if (member.signer !== undefined) this.issuers.set(member.name, member.signer)
    for (const verifier of member.verifiers) {
      this.verifierOf.set(verifier, member.name)
      this.#trust(verifier, member)
    }
  }

  #trust(verifier: string, { sequence, authorities }: HeldBundle): void {
    this.bundles.set(verifier, { sequence, authorities })
    const ever = this.everTrusted.get(verifier) ?? new Set()
    for (const authority of authorities) ever.add(authority)
    this.everTrusted.set(verifier, ever)
  }

  #leave(name: string): void {
    for (const verifier of this.members.get(name)?.verifiers ?? []) {
      this.bundles.delete(verifier)
      this.verifierOf.delete(verifier)
    }
    this.members.delete(name)
    this.issuers.delete(name)
  }
}
