/**
 * Shakes hands all the time, from every workload to every other, and keeps count.
 *
 * @module
 */

import { setTimeout as sleep } from 'node:timers/promises'
import { checkPath } from 'mesh-pki/verify'
import type { Background } from './background.js'
import { AT_ONCE, PAUSE_MS } from './figures.js'
import type { TraceLog } from './trace-log.js'
import type { Leaf, Workload } from './workload.js'

/** A handshake that is over. */
export interface Handshake {
  readonly begun: number
  readonly ended: number
  /** Between two clusters. */
  readonly across: boolean
  /** The two roots that the two were under when it began, and whether each side had ever trusted the other's. */
  readonly roots: readonly [client: string, server: string]
  readonly expected: boolean
  /** Why it failed; `undefined` if it did not. */
  readonly refusal: Refusal | undefined
}

/** Why one refused the certificate of another. */
interface Refusal {
  readonly verifier: string
  readonly judge: Workload['judge']
  readonly holder: string
  readonly leaf: Leaf
  readonly error: unknown
  /** What mesh-pki says of the same certificate and the same bundle at that moment. */
  explain(): Promise<unknown>
}

/** All handshakes of one mesh. */
export class Prober {
  readonly handshakes: Handshake[] = []
  readonly #trace: TraceLog
  readonly #background: Background
  readonly #separate: boolean
  /** By pair: when its last handshake that is over began. */
  readonly #last = new Map<string, number>()

  constructor(trace: TraceLog, background: Background, options: { readonly separate: boolean }) {
    this.#trace = trace
    this.#background = background
    this.#separate = options.separate
  }

  /** All ordered pairs in turn, again and again, each with a new connection, a few at a time. */
  start(workloads: readonly Workload[]): void {
    const pairs = workloads.flatMap((client) =>
      workloads.filter((server) => server !== client).map((server) => [client, server] as const),
    )
    for (const [client, server] of pairs) this.#last.set(pairOf(client, server), 0)
    let turn = 0
    for (let i = 0; i < AT_ONCE; i++)
      this.#background.loop(PAUSE_MS, async () => {
        const pair = pairs[turn++ % pairs.length]
        if (pair !== undefined) await this.#shakeHands(...pair)
      })
  }

  /** Waits until every pair has shaken hands anew. @throws what went wrong meanwhile. */
  async round(): Promise<void> {
    const since = Date.now()
    while ([...this.#last.values()].some((begun) => begun < since)) {
      await sleep(PAUSE_MS)
      this.#background.check()
    }
  }

  async #shakeHands(client: Workload, server: Workload): Promise<void> {
    const [own, other] = [client.leaf, server.leaf]
    if (own === undefined || other === undefined) return
    const begun = Date.now()
    // Clusters that began apart owe each other nothing before they trust each other.
    const expected =
      !this.#separate || (client.everTrusted.has(other.authority) && server.everTrusted.has(own.authority))
    const outcome = await client.endpoint.greet(server.endpoint, server.id)
    let refusal: Refusal | undefined
    if (!outcome.ok) {
      const [verifier, holder, leaf] =
        outcome.refusedBy === 'client'
          ? [client, server, presented(server, other, client)]
          : [server, client, own]
      refusal = {
        verifier: verifier.name,
        judge: verifier.judge,
        holder: holder.name,
        leaf,
        error: outcome.error,
        explain: explanation(leaf, verifier, outcome),
      }
      if (expected)
        this.#trace.tell({
          type: 'handshake-failed',
          at: this.#trace.now,
          holder: holder.name,
          verifier: verifier.name,
          certificate: leaf.id,
          problem: problemOf(outcome.error),
        })
    }
    this.#last.set(pairOf(client, server), begun)
    this.handshakes.push({
      begun,
      ended: Date.now(),
      across: client.cluster !== server.cluster,
      roots: [own.authority, other.authority],
      expected,
      refusal,
    })
  }
}

const pairOf = (client: Workload, server: Workload): string => `${client.name} ${server.name}`

/** Which certificate a server presented: it may have got another one before it answered. */
function presented(server: Workload, before: Leaf, verifier: Workload): Leaf {
  const { leaf: after = before } = server
  return verifier.bundle.roots.has(before.authority) ? after : before
}

/** OpenSSL has a code and little more, so mesh-pki can be asked about the same. */
function explanation(
  leaf: Leaf,
  verifier: Workload,
  { refusedBy, error }: { readonly refusedBy: 'client' | 'server'; readonly error: unknown },
): () => Promise<unknown> {
  const [certificate, ...intermediates] = leaf.chain
  const anchors = [...verifier.bundle.roots.values()]
  const purpose = refusedBy === 'client' ? 'serverAuth' : 'clientAuth'
  const time = new Date()
  return async () => {
    if (verifier.judge === 'mesh-pki' || certificate === undefined) return error
    const verdict = await checkPath(certificate, { anchors, intermediates, purpose, time })
    return verdict.ok ? error : verdict.error
  }
}

/** An error in a few words. */
export function problemOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const code = 'code' in error && typeof error.code === 'string' ? error.code : error.name
  return `${code}: ${error.message}`
}
