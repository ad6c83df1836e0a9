/**
 * The members of a simulation: they apply bundles, switch issuers, renew certificates and shake hands.
 *
 * @module
 */

import { readDuration } from '../../internal/duration.ts'
import type { DesiredState } from '../rollover/desired-state.ts'
import { graceOf } from '../rollover/inequalities.ts'
import type { TraceEvent, TraceMember } from '../trace/trace-event.ts'
import type { CertificateBackend, SimulatedLeaf } from './certificate-backend.ts'
import type { Dice } from './dice.ts'
import { type EventQueue, Priority } from './event-queue.ts'
import { type HandshakeCount, Handshakes } from './handshakes.ts'
import type { MeshRules } from './mesh-rules.ts'
import {
  type SimulatedHolder,
  type SimulatedMember,
  type SimulatedVerifier,
  traceMember,
} from './simulated-member.ts'
import type { SimulationTerms } from './simulation-options.ts'

/** How soon an issuer that refused is asked again. */
const RETRY_MS = 60_000

/** What a mesh runs on. */
export interface MeshContext {
  readonly terms: SimulationTerms
  readonly rules: MeshRules
  readonly dice: Dice
  readonly queue: EventQueue
  readonly backend: CertificateBackend
  readonly tell: (event: TraceEvent) => void
  /** Something changed that a member reports. */
  readonly changed: (member: SimulatedMember) => void
  readonly authorityNotBefore: (id: string) => number
}

/** All members of a simulation. */
export class SimulatedMesh {
  readonly members: Map<string, SimulatedMember> = new Map()
  readonly #context: MeshContext
  readonly #handshakes: Handshakes
  #certificates = 0

  constructor(context: MeshContext) {
    this.#context = context
    this.#handshakes = new Handshakes(context, this.members)
  }

  /** Handshakes that were tried and those that failed. */
  get handshakes(): HandshakeCount {
    return this.#handshakes.count
  }

  /** Adds a member that trusts a bundle. */
  add(
    name: string,
    authority: string | undefined,
    propagation: number,
    bundle: SimulatedVerifier['bundle'],
  ): SimulatedMember {
    const { dice, terms, queue, tell } = this.#context
    const signs = authority !== undefined
    const member: SimulatedMember = {
      name,
      signs,
      verifiers: Array.from({ length: terms.verifiers }, (_, i) => ({
        name: `${name}/verifier-${i}`,
        skew: dice.offset(terms.clockSkew),
        bundle,
        offered: `${bundle.sequence} ${bundle.digest}`,
        everTrusted: new Set(bundle.authorities),
      })),
      holders: Array.from({ length: signs ? terms.holders : 0 }, (_, i) => ({
        name: `${name}/holder-${i}`,
        skew: dice.offset(terms.clockSkew),
        leaf: undefined,
        attempt: 0,
        renewing: false,
      })),
      issuerSkew: dice.offset(terms.clockSkew),
      propagation,
      authority,
      wanted: authority,
      revision: 0,
      attachesCross: false,
      ledger: new Map(),
      lastNotBefore: Number.NEGATIVE_INFINITY,
      left: false,
      tainted: new Set(),
    }
    this.members.set(name, member)
    queue.at(
      queue.now,
      () => {
        for (const { name: node, skew } of member.verifiers)
          tell({ type: 'clock', at: queue.now, member: name, node, skewMs: skew })
      },
      Priority.trust,
    )
    return member
  }

  /** What the trace says of a member as it is. */
  describe(member: SimulatedMember): TraceMember {
    return traceMember(member)
  }

  /** Gives the holders of a member their first certificates, issued somewhere in the time before. */
  async begin(member: SimulatedMember, isNew = false): Promise<void> {
    const { dice, terms, queue } = this.#context
    const renewAfter =
      terms.leafLifetime - graceOf({ ...terms.driver.terms, leafLifetime: terms.leafLifetime })
    // Who joins begins with new ones.
    const ages = member.holders.map(() =>
      isNew ? 0 : Math.min(dice.delay(Math.floor(renewAfter / 1000) * 1000), renewAfter),
    )
    // The oldest first: an issuer's clock does not go back.
    ages.sort((a, b) => b - a)
    for (const [i, holder] of member.holders.entries()) {
      const leaf = await this.#issue(member, holder, queue.now - (ages[i] ?? 0))
      if (leaf !== undefined) await this.#present(member, holder, leaf)
    }
    this.#context.changed(member)
  }

  /** Carries out what a member shall have. */
  follow(member: SimulatedMember, desired: DesiredState): void {
    const { rules, dice, terms, queue } = this.#context
    if (member.left || (rules.keepsRevision && desired.revision < member.revision)) return
    member.revision = desired.revision
    const attaches = desired.attachCross && rules.attachesCross
    if (attaches) member.attachesCross = true
    else if (member.attachesCross)
      queue.at(queue.now + dice.delay(terms.switchDelay), () => {
        member.attachesCross = false
      })
    const { bundle, signer, reissue } = desired
    if (bundle !== undefined) {
      const authorities = bundle.authorities.map(({ id }) => id)
      for (const verifier of member.verifiers) {
        // It is told more than once, and takes its time once.
        if (verifier.offered === `${bundle.sequence} ${bundle.digest}`) continue
        verifier.offered = `${bundle.sequence} ${bundle.digest}`
        const offered = { sequence: bundle.sequence, digest: bundle.digest, authorities }
        const grows = verifier.bundle.authorities.every((id) => authorities.includes(id))
        queue.at(
          queue.now + dice.delay(member.propagation),
          () => this.#apply(member, verifier, offered),
          grows ? Priority.trust : Priority.distrust,
        )
      }
    }
    // It is told more than once, and begins once.
    const isNew = member.wanted !== signer
    member.wanted = signer
    if (isNew && signer !== undefined && signer !== member.authority)
      queue.at(queue.now + dice.delay(terms.switchDelay), () => this.#switch(member, signer))
    if (reissue !== undefined) this.#reissue(member, reissue)
  }

  /** Issues everything again that is under some authorities, spread over their window. */
  #reissue(member: SimulatedMember, { authorities, within }: NonNullable<DesiredState['reissue']>): void {
    const { rules, dice, terms, queue } = this.#context
    const fresh = authorities.filter((id) => !member.tainted.has(id))
    if (fresh.length === 0) return
    for (const id of fresh) member.tainted.add(id)
    const window = readDuration(within, 'within', { allowZero: true })
    const begin = queue.now + dice.delay(terms.switchDelay)
    for (const [i, holder] of member.holders.entries()) {
      const share = rules.reissueShare(i, member.holders.length, dice)
      queue.at(begin + Math.floor((window * share) / 1000) * 1000, () => {
        if (holder.leaf !== undefined && fresh.includes(holder.leaf.authority))
          this.#renew(member, holder, true)
      })
    }
  }

  /** Sets the clock of a member's issuers. */
  setIssuerClock(member: SimulatedMember, skew: number): void {
    member.issuerSkew = skew
  }

  /** A member goes: nobody verifies there, and nothing of it is presented. */
  remove(member: SimulatedMember): void {
    const { queue, tell } = this.#context
    member.left = true
    for (const { name, leaf } of member.holders)
      if (leaf !== undefined)
        tell({ type: 'withdrawn', at: queue.now, member: member.name, holder: name, certificate: leaf.id })
    tell({ type: 'left', at: queue.now, member: member.name })
    this.members.delete(member.name)
  }

  async #apply(
    member: SimulatedMember,
    verifier: SimulatedVerifier,
    offered: SimulatedVerifier['bundle'],
  ): Promise<void> {
    const { rules, queue, tell, changed } = this.#context
    if (member.left || rules.acceptBundle(verifier.bundle, offered) !== 'apply') return
    verifier.bundle = offered
    for (const id of offered.authorities) verifier.everTrusted.add(id)
    tell({ type: 'applied', at: queue.now, member: member.name, verifier: verifier.name, ...offered })
    await this.#handshakes.with(verifier)
    changed(member)
  }

  async #switch(member: SimulatedMember, authority: string): Promise<void> {
    const { queue, tell, changed, dice } = this.#context
    // What was told since is what counts.
    if (member.left || member.authority === authority || member.wanted !== authority) return
    // Workloads start at any time; the worst ones are just before an issuer switches, and just after.
    if (dice.chance(0.6)) await this.#start(member, member.holders[0])
    member.authority = authority
    tell({ type: 'switched', at: queue.now, member: member.name, authority })
    if (dice.chance(0.6)) await this.#start(member, member.holders.at(-1))
    changed(member)
  }

  /** A workload starts, in the place of another one: it has a certificate at once. */
  async #start(member: SimulatedMember, holder: SimulatedHolder | undefined): Promise<void> {
    if (holder === undefined) return
    const leaf = await this.#issue(member, holder, this.#context.queue.now)
    if (leaf === undefined) return
    holder.attempt++
    await this.#present(member, holder, leaf)
  }

  async #issue(
    member: SimulatedMember,
    holder: SimulatedHolder,
    at: number,
    forced = false,
  ): Promise<SimulatedLeaf | undefined> {
    const { rules, terms, backend, queue, tell, authorityNotBefore } = this.#context
    const authority = member.authority ?? ''
    const now = Math.floor((at + member.issuerSkew) / 1000) * 1000
    const trusts = member.verifiers[0]?.bundle.authorities ?? []
    const keepsRoot = terms.driver.terms.kind === 'issuing-ca'
    const why = rules.whyNotSign({
      authority,
      trusts: keepsRoot ? undefined : trusts,
      authorityNotBefore: new Date(authorityNotBefore(authority)),
      ...(Number.isFinite(member.lastNotBefore) && at === queue.now
        ? { lastNotBefore: new Date(member.lastNotBefore) }
        : {}),
      now: new Date(now),
    })
    if (why !== undefined) {
      tell({ type: 'refused', at: queue.now, member: member.name, why })
      return undefined
    }
    const leaf = await backend.issue({
      id: `${holder.name}#${++this.#certificates}`,
      member: member.name,
      holder: holder.name,
      authority,
      now,
      lifetime: terms.leafLifetime,
      backdate: rules.backdates ? terms.backdate : 0,
      caps: rules.caps,
      attachCross: member.attachesCross,
    })
    if (typeof leaf === 'string') {
      tell({ type: 'refused', at: queue.now, member: member.name, why: leaf })
      return undefined
    }
    member.lastNotBefore = Math.max(member.lastNotBefore, leaf.notBefore)
    tell({
      type: 'issued',
      at: queue.now,
      member: member.name,
      certificate: leaf.id,
      authority,
      trusts,
      serialNumber: rules.uniqueSerials ? leaf.serialNumber : '01',
      issuerTime: now,
      notBefore: leaf.notBefore,
      notAfter: leaf.notAfter,
      pathNotAfter: leaf.pathNotAfter,
      authorityNotBefore: authorityNotBefore(authority),
      ...(leaf.cappedBy === undefined ? {} : { cappedBy: leaf.cappedBy }),
      ...(forced ? { forced } : {}),
      ...(leaf.crossNotAfter === undefined
        ? {}
        : { crossNotAfter: leaf.crossNotAfter, crossSigner: terms.driver.outgoing[0] ?? '' }),
    })
    this.#enter(member, leaf)
    return leaf
  }

  /** The member's ledger: what it tells the driver of. */
  #enter(member: SimulatedMember, leaf: SimulatedLeaf): void {
    const { terms } = this.#context.terms.driver
    const life = leaf.notAfter - leaf.issuedAt
    const grace = graceOf({ ...terms, leafLifetime: life })
    const entry = member.ledger.get(leaf.authority) ?? { notAfter: 0, inUseUntil: 0 }
    const until = Math.min(leaf.notAfter, leaf.notAfter - grace + terms.outageBudget + terms.installDelay)
    member.ledger.set(leaf.authority, {
      notAfter: Math.max(entry.notAfter, leaf.notAfter),
      inUseUntil: Math.max(entry.inUseUntil, until),
    })
  }

  async #present(member: SimulatedMember, holder: SimulatedHolder, leaf: SimulatedLeaf): Promise<void> {
    const { queue, tell, dice, terms, rules, changed } = this.#context
    const old = holder.leaf
    if (old !== undefined) {
      // The last moment of the old certificate is one in which it may still be used.
      await this.#handshakes.of(holder, old)
      tell({
        type: 'withdrawn',
        at: queue.now,
        member: member.name,
        holder: holder.name,
        certificate: old.id,
      })
    }
    holder.leaf = leaf
    holder.renewing = false
    tell({ type: 'presented', at: queue.now, member: member.name, holder: holder.name, certificate: leaf.id })
    await this.#handshakes.of(holder, leaf)
    if (old?.authority !== leaf.authority) changed(member)
    const { gracePeriodRatio, jitter, lifeFrom } = terms.driver.terms
    const life = leaf.notAfter - (lifeFrom === 'issuance' ? leaf.issuedAt : leaf.notBefore)
    const drawn = dice.offset(1000) / 1000
    const ratio = Math.max(0, Math.min(1, gracePeriodRatio + drawn * jitter))
    const renewAt = Math.max(
      leaf.issuedAt,
      Math.min(Math.floor((leaf.notAfter - ratio * life) / 1000 + 1e-6) * 1000, leaf.notAfter - 1000),
    )
    tell({ type: 'due', at: queue.now, certificate: leaf.id, renewAt })
    const again = rules.drawsOnce ? renewAt : renewAt - 1000 * dice.below(2 + Math.floor((life * 0.1) / 1000))
    tell({ type: 'due', at: queue.now, certificate: leaf.id, renewAt: again })
    queue.at(again - holder.skew, () => {
      if (holder.leaf === leaf) this.#renew(member, holder, false)
    })
    // It was issued before the taint and comes into use behind it.
    if (member.tainted.has(leaf.authority) && member.authority !== leaf.authority)
      this.#renew(member, holder, true)
  }

  /**
   * Renewals fail for a while, then succeed; what is issued is installed a little later. One that is under way is not begun
   * anew: it would fail for longer than anything does.
   */
  #renew(member: SimulatedMember, holder: SimulatedHolder, forced: boolean): void {
    const { dice, queue, terms } = this.#context
    if (holder.renewing) return
    holder.renewing = true
    const attempt = ++holder.attempt
    queue.at(queue.now + dice.delay(terms.outage), () => this.#tryRenewal(member, holder, attempt, forced))
  }

  async #tryRenewal(
    member: SimulatedMember,
    holder: SimulatedHolder,
    attempt: number,
    forced: boolean,
  ): Promise<void> {
    const { dice, queue, terms } = this.#context
    if (member.left || attempt !== holder.attempt) return
    const leaf = await this.#issue(member, holder, queue.now, forced)
    if (leaf === undefined) {
      queue.at(queue.now + RETRY_MS, () => this.#tryRenewal(member, holder, attempt, forced))
      return
    }
    queue.at(queue.now + dice.delay(terms.installDelay), () => {
      if (!member.left && attempt === holder.attempt) return this.#present(member, holder, leaf)
      return undefined
    })
  }
}
