/**
 * Plays one rollover live: three clusters, a driver, and handshakes all the while.
 *
 * @module
 */

import { setTimeout as sleep } from 'node:timers/promises'
import {
  bundleDigest,
  checkTrace,
  findOutages,
  memoryJournal,
  type Outage,
  planRollover,
  Rollover,
  type RolloverPlan,
  type RolloverStatus,
  type ShutGate,
  type TraceEvent,
  type TraceTerms,
  type TraceViolation,
} from 'mesh-pki/rotation'
import { Background } from './background.js'
import { Cluster } from './cluster.js'
import { CLUSTERS, FIGURES, milliseconds, POLL_MS, ROOT_LIFETIME } from './figures.js'
import { type Handshake, Prober } from './prober.js'
import { Roots } from './roots.js'
import { TraceLog } from './trace-log.js'

/** What is played. */
export interface Story {
  readonly kind: 'root' | 'adoption'
  /** The root that takes over. */
  readonly incoming: string
  /** Whether the overlap is cut short, by opening every gate by hand. */
  readonly cut: boolean
}

/** What came of it. */
export interface Played {
  readonly plan: RolloverPlan
  readonly trace: TraceLog
  readonly handshakes: readonly Handshake[]
  readonly violations: readonly TraceViolation[]
  readonly outages: readonly Outage[]
  readonly clusters: readonly Cluster[]
  readonly status: RolloverStatus
  readonly outgoing: readonly string[]
}

/** For everybody to meet everybody before the rollover begins. */
const MARGIN_MS = 1500
/**
 * In the one that is cut short bundles take longer, and leaves are renewed later, so that there is time to see what that
 * means. A plan with these figures would be as safe.
 */
const SLOWER = { propagation: '6s', gracePeriodRatio: 0.5 } as const
/** How long what has been cut short is watched. */
const AFTERMATH_MS = 4000
/** How much later than planned everything may be on a machine that has other things to do. */
const PATIENCE_MS = 60_000

/** Gates that keep a new root from being used too early, and an old one from going too early. */
const ACTIVATION: readonly ShutGate['gate'][] = [
  'plan-time',
  'distribution-time',
  'distribution-evidence',
  'own-bundle',
]
const RETIREMENT: readonly ShutGate['gate'][] = ['switch-evidence', 'retention-time', 'ledger', 'presence']

/** Plays it, which takes as long as it takes. */
export async function playRollover({ kind, incoming, cut }: Story): Promise<Played> {
  const background = new Background()
  const trace = new TraceLog()
  const roots = new Roots()
  const separate = kind === 'adoption'
  const rootOf = (cluster: string): string => (separate ? `root-${cluster}` : 'root-2025')
  const outgoing = [...new Set(CLUSTERS.map(({ name }) => rootOf(name)))]
  for (const id of [...outgoing, incoming]) await roots.create(id)
  const figures = cut ? { ...FIGURES, ...SLOWER } : FIGURES
  const propagationMs = milliseconds(figures.propagation)
  const clusters = CLUSTERS.map(({ name, share }) => {
    const id = rootOf(name)
    const held = new Map([[id, roots.certificate(id)]])
    const digest = bundleDigest([...held.values()].map((root) => root.fingerprint()))
    return new Cluster({
      name,
      share,
      authority: id,
      bundle: { sequence: separate ? 0 : 1, digest, roots: held },
      propagationMs,
      gracePeriodRatio: figures.gracePeriodRatio,
      roots,
      trace,
      background,
    })
  })
  const plan = planRollover({
    ...figures,
    kind,
    start: new Date(Math.ceil((Date.now() + MARGIN_MS) / 1000) * 1000),
    outgoing: outgoing.map((id) => ({ id, certificate: roots.certificate(id) })),
    incoming: { id: incoming, lifetime: ROOT_LIFETIME },
    clusters: clusters.map(({ name }) => ({ name, from: rootOf(name) })),
  })
  trace.tell({
    type: 'begin',
    at: trace.now,
    terms: termsOf(plan, propagationMs),
    members: clusters.map((cluster) => cluster.describe()),
  })
  const prober = new Prober(trace, background, { separate })
  try {
    for (const cluster of clusters) await cluster.start()
    prober.start(clusters.flatMap(({ workloads }) => workloads))
    // Nothing changes before everybody has met everybody, however slow the machine is.
    await prober.round()
    const rollover = await Rollover.open({ plan, journal: memoryJournal(), onEvent: trace.tell })
    await rollover.stage(roots.certificate(incoming))
    for (const cluster of clusters)
      background.loop(POLL_MS, async () => {
        const desired = await rollover.desired(cluster.name)
        if (desired !== undefined) cluster.follow(desired)
        await rollover.report(cluster.report())
      })
    const driver = new Driver(rollover, background, trace)
    const status = cut ? await driver.cutShort(incoming, clusters) : await driver.carryOut()
    await prober.round()
    await background.stop()
    background.check()
    const { events } = trace
    return {
      plan,
      trace,
      handshakes: prober.handshakes,
      violations: checkTrace(events),
      outages: findOutages(events),
      clusters,
      status,
      outgoing,
    }
  } finally {
    await background.stop()
    for (const cluster of clusters) cluster.stop()
  }
}

/** What the trace is judged by. */
function termsOf({ kind, parameters, steps }: RolloverPlan, propagationMs: number): TraceTerms {
  const planned: Record<string, number> = {}
  // A key may be made earlier than planned; nothing else may come early.
  for (const { stage, authority, at } of steps)
    if (stage !== 'STAGED') planned[`${stage} ${authority}`] ??= Date.parse(at)
  return {
    clockSkewMs: milliseconds(FIGURES.clockSkew),
    propagationMs,
    retention: parameters.retention,
    maxAuthorities: parameters.maxAuthorities,
    planned,
    keepsRoot: false,
    separate: kind === 'adoption',
    crossSigned: parameters.crossSign,
  }
}

/** Whoever calls `advance()`. */
class Driver {
  readonly #rollover: Rollover
  readonly #background: Background
  readonly #trace: TraceLog
  readonly #deadline: number

  constructor(rollover: Rollover, background: Background, trace: TraceLog) {
    this.#rollover = rollover
    this.#background = background
    this.#trace = trace
    const last = rollover.plan.steps.at(-1)?.at ?? ''
    this.#deadline = Date.parse(last) + PATIENCE_MS
  }

  /** To the end, through every gate as it opens. */
  carryOut(): Promise<RolloverStatus> {
    return this.#until(({ over }) => over)
  }

  /** The new root is used as soon as it is published, and the old one goes as soon as everybody has the new one. */
  async cutShort(incoming: string, clusters: readonly Cluster[]): Promise<RolloverStatus> {
    await this.#until(({ stages }) => stages[incoming] === 'PUBLISHED')
    await this.#open(ACTIVATION, 'everybody has it by now, surely')
    await this.#until(() =>
      clusters.every(({ workloads }) => workloads.every(({ everTrusted }) => everTrusted.has(incoming))),
    )
    await this.#open(RETIREMENT, 'the new one works, so what is the old one for')
    const status = await this.#rollover.advance()
    await sleep(AFTERMATH_MS)
    return status
  }

  async #until(done: (status: RolloverStatus) => boolean): Promise<RolloverStatus> {
    for (;;) {
      const status = await this.#rollover.advance()
      this.#background.check()
      if (done(status)) return status
      if (this.#trace.now > this.#deadline)
        throw new Error(
          `the rollover is stuck: ${status.waiting.map(({ message }) => message).join('; ') || 'it waits for nothing'}`,
        )
      await sleep(POLL_MS)
    }
  }

  async #open(gates: readonly ShutGate['gate'][], reason: string): Promise<void> {
    for (const gate of gates) await this.#rollover.force({ gate, reason })
  }
}

/** One kind of event of a trace. */
export function eventsOf<T extends TraceEvent['type']>(
  { events }: TraceLog,
  type: T,
): readonly Extract<TraceEvent, { readonly type: T }>[] {
  return events.filter((event): event is Extract<TraceEvent, { readonly type: T }> => event.type === type)
}
