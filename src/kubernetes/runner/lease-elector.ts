/**
 * One leader among several processes, by a Lease.
 *
 * @module
 */

import { MeshPkiError } from '../../errors.ts'
import type { AbortSignalLike } from '../../internal/abort.ts'
import { abortWith } from '../../internal/abort-with.ts'
import { readDuration } from '../../internal/duration.ts'
import { monotonicOf } from '../../internal/monotonic.ts'
import { checkOptionNames, readFunction } from '../../internal/options.ts'
import { tell } from '../../internal/tell.ts'
import { quote } from '../../internal/text.ts'
import { type RandomSource, systemRandom } from '../../internal/web-crypto.ts'
import type { WebAbortSignal } from '../../internal/web-types.ts'
import { sleepBy, withinTime } from '../../internal/within-time.ts'
import type { KubeClient } from '../api/kube-client.ts'
import { isKubeError } from '../api/kube-error.ts'
import type { KubeRuntimeEvent, LeaseEvent } from '../api/kube-event.ts'
import { KubeResources } from '../api/kube-resource.ts'
import { type KubeObject, numberAt, recordAt, textAt } from '../objects/kube-object.ts'
import { microTime } from '../objects/micro-time.ts'
import { fractionOf } from './pause.ts'

/** Options of a {@link LeaseElector}. The defaults are those of client-go. */
export interface LeaseElectorOptions {
  readonly namespace: string
  /** The name of the Lease. */
  readonly name: string
  /** Who this is; no two processes may share it. Usual: host name, `_` and a UUID. */
  readonly identity: string
  /** How long others wait after the last sign of life before they take over. Default `'15s'`. */
  readonly leaseDuration?: string | undefined
  /** How long a leader that cannot renew goes on. Shorter than `leaseDuration`. Default `'10s'`. */
  readonly renewDeadline?: string | undefined
  /** How often it is tried. Default `'2s'`. */
  readonly retryPeriod?: string | undefined
  readonly random?: RandomSource | undefined
  readonly onEvent?: ((event: KubeRuntimeEvent) => void) | undefined
}

const OPTIONS = [
  'namespace',
  'name',
  'identity',
  'leaseDuration',
  'renewDeadline',
  'retryPeriod',
  'random',
  'onEvent',
]

/** Pauses are up to so many times longer, by chance; client-go's number. */
const JITTER = 1.2

/** What was last seen of the Lease, and when by our own time. */
interface Observed {
  readonly object: KubeObject
  readonly at: number
}

/**
 * Elects a leader.
 *
 * Whether a Lease has run out is judged by how long it has not changed by our own time, never by the instants in it: clocks differ. A
 * leader stops leading `renewDeadline` after the last renewal that it *sent*, before anybody else can begin.
 *
 * **Warning**: a process that is stopped while it writes may go on writing after another has taken over. Every write of this
 * library carries the version that it was decided on, so such a write fails where it matters. {@link assertLeading} shortens the time.
 *
 * @example
 * ```ts
 * import { type KubeClient, LeaseElector } from 'mesh-pki/kubernetes'
 *
 * declare const client: KubeClient
 * declare const signal: AbortSignal
 * declare function work(signal: AbortSignal): Promise<void>
 * const elector = new LeaseElector(client, {
 *   namespace: 'mesh-pki',
 *   name: 'issuer',
 *   identity: `host_${crypto.randomUUID()}`,
 * })
 * await elector.run(work, signal)
 * ```
 */
export class LeaseElector {
  readonly #client: KubeClient
  readonly #options: LeaseElectorOptions
  readonly #leaseMs: number
  readonly #renewMs: number
  readonly #retryMs: number
  readonly #random: RandomSource
  readonly #elapsed: () => number
  #observed: Observed | undefined
  /** When the last renewal that succeeded was sent; `undefined` where it does not lead. */
  #renewedAt: number | undefined

  /** @throws `TypeError`, `RangeError`. */
  constructor(client: KubeClient, options: LeaseElectorOptions) {
    checkOptionNames(options, OPTIONS, 'LeaseElector')
    readFunction(options.onEvent, 'onEvent')
    readFunction(options.random, 'random')
    for (const option of ['namespace', 'name', 'identity'] as const) {
      const value = options[option]
      if (typeof value !== 'string' || value === '')
        throw new TypeError(`option "${option}" must be text that is not empty`)
    }
    this.#client = client
    this.#options = options
    this.#leaseMs = readDuration(options.leaseDuration ?? '15s', 'leaseDuration')
    this.#renewMs = readDuration(options.renewDeadline ?? '10s', 'renewDeadline')
    this.#retryMs = readDuration(options.retryPeriod ?? '2s', 'retryPeriod')
    if (this.#renewMs >= this.#leaseMs)
      throw new RangeError('option "renewDeadline" must be shorter than "leaseDuration"')
    if (this.#retryMs * JITTER >= this.#renewMs)
      throw new RangeError(`option "renewDeadline" must be longer than ${JITTER} times "retryPeriod"`)
    this.#random = options.random ?? systemRandom
    this.#elapsed = monotonicOf(client.clock)
  }

  /** Whether this process leads now. */
  get isLeading(): boolean {
    return this.#renewedAt !== undefined && this.#elapsed() - this.#renewedAt < this.#renewMs
  }

  /** Which tenure this is, while it leads: the Lease's UID and how often it has changed hands. To be noted on what is written. */
  get fence(): string | undefined {
    if (!this.isLeading || this.#observed === undefined) return undefined
    const { object } = this.#observed
    return `${object.metadata.uid ?? ''}.${numberAt(recordAt(object, 'spec'), 'leaseTransitions') ?? 0}`
  }

  /** Who holds the Lease, as far as it is known. */
  get holder(): string | undefined {
    return this.#observed === undefined
      ? undefined
      : textAt(recordAt(this.#observed.object, 'spec'), 'holderIdentity')
  }

  /** Call it before what only a leader may do. @throws `MeshPkiError` `ERR_KUBERNETES_NOT_LEADER`. */
  assertLeading(): void {
    if (this.isLeading) return
    const { namespace, name, identity } = this.#options
    throw new MeshPkiError(
      'ERR_KUBERNETES_NOT_LEADER',
      `${quote(identity, 128)} does not hold the Lease ${namespace}/${name}${this.holder === undefined ? '' : `, which ${quote(this.holder, 128)} has`}: nothing was written. Another process goes on`,
      { data: { lease: `${namespace}/${name}`, identity, holder: this.holder } },
    )
  }

  /**
   * Runs until the signal aborts: whenever it becomes the leader, `lead` is called with a signal that aborts when it is none any
   * longer. Ends the Lease at the end, so that the next one need not wait for it.
   */
  async run(lead: (signal: WebAbortSignal) => Promise<void>, signal: AbortSignalLike): Promise<void> {
    while (!signal.aborted) {
      if (await this.#try(signal)) await this.#lead(lead, signal)
      if (!signal.aborted) await this.#pause(signal)
    }
  }

  async #lead(lead: (signal: WebAbortSignal) => Promise<void>, signal: AbortSignalLike): Promise<void> {
    this.#report('acquired')
    const { controller, release } = abortWith([signal])
    const work = (async () => lead(controller.signal))()
    let isOver = false
    const over = work.then(
      () => {
        isOver = true
      },
      () => {
        isOver = true
      },
    )
    try {
      while (!signal.aborted && !isOver && this.isLeading) {
        await Promise.race([this.#pause(signal, this.#leftMs()), over])
        if (!signal.aborted && !isOver) await this.#renew(signal)
      }
    } finally {
      const isLost = !signal.aborted && !isOver
      if (isLost) this.#report('lost')
      controller.abort(isLost ? new LeaseLost() : signal.reason)
      await over
      release()
      await this.#release()
    }
    // What the work failed with is the caller's to know.
    await work.catch((error: unknown) => {
      if (!controller.signal.aborted || !(error instanceof LeaseLost || error === controller.signal.reason))
        throw error
    })
  }

  /** For how long it leads without another renewal. */
  #leftMs(): number {
    return this.#renewedAt === undefined ? 0 : this.#renewedAt + this.#renewMs - this.#elapsed()
  }

  /** Renews, for as long as it leads: by an answer that comes later nobody may go on. */
  async #renew(signal: AbortSignalLike): Promise<void> {
    const milliseconds = this.#leftMs()
    if (milliseconds <= 0) return
    const { clock } = this.#client
    const bound = { clock, milliseconds, signal, timedOut: () => new LeaseLost() }
    try {
      await withinTime(bound, (ended) => this.#try(ended))
    } catch (error) {
      if (!signal.aborted) this.#report('failed', error)
    }
  }

  /** Takes or renews the Lease. Failures are told and answered with `false`: there is a next time. */
  async #try(signal: AbortSignalLike): Promise<boolean> {
    const sentAt = this.#elapsed()
    try {
      const isHeld = await this.#write(signal)
      this.#renewedAt = isHeld ? sentAt : undefined
      return isHeld
    } catch (error) {
      if (!signal.aborted) this.#report('failed', error)
      // Somebody else has written: what we know is out of date.
      if (isKubeError(error, 'ERR_KUBERNETES_CONFLICT', 'ERR_KUBERNETES_ALREADY_EXISTS'))
        await this.#look(signal)
      return this.isLeading
    }
  }

  async #write(signal: AbortSignalLike): Promise<boolean> {
    const { namespace, name } = this.#options
    // A leader tries to write at once; only who is none looks first.
    if (this.#renewedAt === undefined || this.#observed === undefined) {
      const found = await this.#client.find(KubeResources.leases, { namespace, name }, { signal })
      if (found === undefined) {
        const made = { metadata: { namespace, name }, spec: this.#spec(undefined) }
        this.#observe(await this.#client.create(KubeResources.leases, made, { signal }))
        return true
      }
      this.#observe(found)
      if (this.#isHeldByOther(found)) return false
    }
    const { object } = this.#observed ?? {}
    if (object === undefined) return false
    const next = { ...object, spec: this.#spec(object) }
    this.#observe(await this.#client.replace(KubeResources.leases, next, { signal }))
    return true
  }

  async #look(signal: AbortSignalLike): Promise<void> {
    const { namespace, name } = this.#options
    const found = await this.#client
      .find(KubeResources.leases, { namespace, name }, { signal })
      .catch(() => undefined)
    if (found !== undefined) this.#observe(found)
    if (found !== undefined && this.holder !== this.#options.identity) this.#renewedAt = undefined
  }

  #observe(object: KubeObject): void {
    const { resourceVersion, uid } = this.#observed?.object.metadata ?? {}
    if (
      this.#observed !== undefined &&
      resourceVersion === object.metadata.resourceVersion &&
      uid === object.metadata.uid
    )
      return
    this.#observed = { object, at: this.#elapsed() }
  }

  #isHeldByOther(found: KubeObject): boolean {
    const spec = recordAt(found, 'spec')
    const holder = textAt(spec, 'holderIdentity') ?? ''
    if (holder === '' || holder === this.#options.identity) return false
    // Its holder may wait longer than we do.
    const seconds = numberAt(spec, 'leaseDurationSeconds') ?? 0
    const durationMs = Math.max(this.#leaseMs, seconds * 1000)
    return this.#elapsed() - (this.#observed?.at ?? 0) < durationMs
  }

  #spec(object: KubeObject | undefined): object {
    const spec = recordAt(object, 'spec')
    const now = microTime(this.#client.clock.now())
    const isOurs = textAt(spec, 'holderIdentity') === this.#options.identity
    return {
      ...spec,
      holderIdentity: this.#options.identity,
      leaseDurationSeconds: Math.round(this.#leaseMs / 1000),
      acquireTime: isOurs ? (textAt(spec, 'acquireTime') ?? now) : now,
      renewTime: now,
      leaseTransitions: (numberAt(spec, 'leaseTransitions') ?? 0) + (isOurs || object === undefined ? 0 : 1),
    }
  }

  /** Gives the Lease up, so that others need not wait. */
  async #release(): Promise<void> {
    const { object } = this.#observed ?? {}
    const isOurs = this.isLeading && this.holder === this.#options.identity
    this.#renewedAt = undefined
    if (object === undefined || !isOurs) return
    const now = microTime(this.#client.clock.now())
    const spec = { ...recordAt(object, 'spec'), holderIdentity: '', leaseDurationSeconds: 1, renewTime: now }
    try {
      this.#observe(await this.#client.replace(KubeResources.leases, { ...object, spec }))
      this.#report('released')
    } catch (error) {
      this.#report('failed', error)
    }
  }

  async #pause(signal: AbortSignalLike, longest = Number.POSITIVE_INFINITY): Promise<void> {
    const usual = this.#retryMs * (1 + (JITTER - 1) * fractionOf(this.#random))
    const pause = Math.max(0, Math.min(usual, longest))
    await sleepBy(this.#client.clock, pause, signal).catch(() => {})
  }

  #report(phase: LeaseEvent['phase'], error?: unknown): void {
    const { namespace, name } = this.#options
    tell(this.#options.onEvent, {
      type: 'lease',
      lease: `${namespace}/${name}`,
      phase,
      ...(this.holder === undefined ? {} : { holder: this.holder }),
      ...(error === undefined ? {} : { error }),
    })
  }
}

/** Why the signal of a leader aborts that is none any longer. */
class LeaseLost extends Error {
  override readonly name = 'LeaseLost'
}
