/**
 * The handshakes of a simulated mesh, at the moments in which one could begin to fail.
 *
 * @module
 */

import type { SimulatedLeaf } from './certificate-backend.ts'
import type { SimulatedHolder, SimulatedMember, SimulatedVerifier } from './simulated-member.ts'
import type { MeshContext } from './simulated-mesh.ts'

/** How many handshakes there were. */
export interface HandshakeCount {
  readonly tried: number
  readonly failed: number
}

/** Lets holders and verifiers of all members meet. */
export class Handshakes {
  readonly #context: MeshContext
  readonly #members: ReadonlyMap<string, SimulatedMember>
  /** The roots that clusters began with, each its own. */
  readonly #own: ReadonlySet<string>
  #tried = 0
  #failed = 0

  constructor(context: MeshContext, members: ReadonlyMap<string, SimulatedMember>) {
    this.#context = context
    this.#members = members
    const { terms, outgoing } = context.terms.driver
    this.#own = new Set(terms.kind === 'adoption' ? outgoing : [])
  }

  /** Tried and failed so far. */
  get count(): HandshakeCount {
    return { tried: this.#tried, failed: this.#failed }
  }

  /** One certificate before every verifier. */
  async of(holder: SimulatedHolder, leaf: SimulatedLeaf): Promise<void> {
    for (const { verifiers } of this.#members.values())
      for (const verifier of verifiers) await this.#meet(holder, leaf, verifier)
  }

  /** Every certificate in use before one verifier. */
  async with(verifier: SimulatedVerifier): Promise<void> {
    for (const { holders } of this.#members.values())
      for (const holder of holders)
        if (holder.leaf !== undefined) await this.#meet(holder, holder.leaf, verifier)
  }

  async #meet(holder: SimulatedHolder, leaf: SimulatedLeaf, verifier: SimulatedVerifier): Promise<void> {
    const { backend, queue, tell } = this.#context
    // Clusters that began apart owe each other nothing before they trust each other.
    if (this.#own.has(leaf.authority) && !verifier.everTrusted.has(leaf.authority)) return
    this.#tried++
    const answer = backend.verify(leaf, verifier.bundle.authorities, queue.now + verifier.skew)
    const problem = answer instanceof Promise ? await answer : answer
    if (problem === undefined) return
    this.#failed++
    tell({
      type: 'handshake-failed',
      at: queue.now,
      holder: holder.name,
      verifier: verifier.name,
      certificate: leaf.id,
      problem,
    })
  }
}
