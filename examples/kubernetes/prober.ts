/**
 * Shakes hands all the time: every workload with every other, of its own cluster and of the other one.
 *
 * @module
 */

import type { Mesh, Workload } from './mesh.js'

/** A handshake that was refused. */
export interface Refusal {
  readonly from: string
  readonly to: string
  readonly across: boolean
  readonly by: string
  readonly reason: string
  readonly at: number
}

/** How many, and which failed. */
export class Prober {
  readonly refusals: Refusal[] = []
  /** How many handshakes there were. */
  total = 0
  /** Between clusters. */
  across = 0
  readonly #meshes: readonly Mesh[]

  constructor(meshes: readonly Mesh[]) {
    this.#meshes = meshes
  }

  /** Every pair once. */
  async round(): Promise<void> {
    const all = this.#meshes.flatMap((mesh) => mesh.workloads.map((workload) => ({ mesh, workload })))
    for (const client of all)
      await Promise.all(
        all.map((server) => this.#shake(client.mesh, client.workload, server.mesh, server.workload)),
      )
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.round()
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }

  async #shake(from: Mesh, client: Workload, to: Mesh, server: Workload): Promise<void> {
    const at = Date.now()
    const outcome = await client.endpoint.greet(server.endpoint, server.id)
    this.total++
    if (from !== to) this.across++
    if (outcome.ok) return
    const reason = outcome.error instanceof Error ? outcome.error.message : String(outcome.error)
    this.refusals.push({
      from: String(client.id),
      to: String(server.id),
      across: from !== to,
      by: outcome.refusedBy,
      reason,
      at,
    })
  }
}
