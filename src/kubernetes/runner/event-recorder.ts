/**
 * Events for people who run `kubectl describe`, never too many of them.
 *
 * @module
 */

import { toHex } from '../../internal/bytes.ts'
import { monotonicOf } from '../../internal/monotonic.ts'
import { checkOptionNames, readFunction } from '../../internal/options.ts'
import { tell } from '../../internal/tell.ts'
import { type RandomSource, systemRandom } from '../../internal/web-crypto.ts'
import type { KubeClient } from '../api/kube-client.ts'
import { KubeResources } from '../api/kube-resource.ts'
import { redact } from '../api/redact.ts'
import type { KubeObject } from '../objects/kube-object.ts'
import { microTime } from '../objects/micro-time.ts'

/** What is told of an object. */
export interface RecordedEvent {
  readonly type: 'Normal' | 'Warning'
  /** One word in CamelCase: `CertificateIssued`. */
  readonly reason: string
  /** What was done or tried, one word: `Issue`. */
  readonly action: string
  /** For people; at most 1 kB. PEM, bytes and tokens are taken out. */
  readonly note: string
}

/** Options of an {@link EventRecorder}. */
export interface EventRecorderOptions {
  /** Who tells it: `mesh-pki.dev/agent`. */
  readonly controller: string
  /** Which process. */
  readonly instance: string
  /** Where events about cluster-scoped objects go. Default `'kube-system'`: the server takes them nowhere else. */
  readonly namespace?: string | undefined
  readonly random?: RandomSource | undefined
  /** Told of events that could not be written. */
  readonly onError?: ((error: unknown) => void) | undefined
}

/** client-go's spam filter: 25 at once for an object and reason, then one in five minutes. */
const BURST = 25
const REFILL_MS = 300_000
/** The same words again within this are counted, not written. client-go's `defaultAggregateIntervalInSeconds`. */
const SAME_MS = 600_000
const MAX_NOTE = 1024
/** Objects and reasons that are remembered. */
const MAX_REMEMBERED = 4096
/** Writes on their way; more are dropped. */
const MAX_PENDING = 32

interface Told {
  tokens: number
  filledAt: number
  note: string
  noteAt: number
  dropped: number
}

/**
 * Writes Events (`events.k8s.io/v1`). It never throws and never waits for the server: an event that cannot be written is
 * dropped.
 *
 * The same words are written once in ten minutes, and of one object and reason at most 25 at once and then one in five minutes;
 * the next one says how many were left out.
 */
export class EventRecorder {
  readonly #client: KubeClient
  readonly #options: EventRecorderOptions
  readonly #elapsed: () => number
  readonly #told = new Map<string, Told>()
  readonly #pending = new Set<Promise<void>>()

  /** @throws `TypeError`. */
  constructor(client: KubeClient, options: EventRecorderOptions) {
    checkOptionNames(options, ['controller', 'instance', 'namespace', 'random', 'onError'], 'EventRecorder')
    readFunction(options.random, 'random')
    readFunction(options.onError, 'onError')
    // What the server takes: a qualified name, and 128 characters.
    if (!/^[A-Za-z0-9](?:[A-Za-z0-9./_-]{0,126}[A-Za-z0-9])?$/.test(options.controller))
      throw new TypeError('option "controller" must be a qualified name, such as "example.com/agent"')
    if (typeof options.instance !== 'string' || options.instance === '' || options.instance.length > 128)
      throw new TypeError('option "instance" must be 1 to 128 characters')
    this.#client = client
    this.#options = options
    this.#elapsed = monotonicOf(client.clock)
  }

  /** Tells something of an object. */
  record(regarding: KubeObject, event: RecordedEvent): void {
    const dropped = this.#admit(regarding, event)
    if (dropped === undefined || this.#pending.size >= MAX_PENDING) return
    const write = this.#write(regarding, event, dropped)
      .catch((error: unknown) => tell(this.#options.onError, error))
      .finally(() => this.#pending.delete(write))
    this.#pending.add(write)
  }

  /** Waits for what is on its way. */
  async flush(): Promise<void> {
    await Promise.all([...this.#pending])
  }

  /** How many were left out before this one; `undefined` where this one is. */
  #admit({ metadata }: KubeObject, { reason, note }: RecordedEvent): number | undefined {
    const key = `${metadata.uid ?? `${metadata.namespace}/${metadata.name}`} ${reason}`
    const now = this.#elapsed()
    const told = this.#told.get(key) ?? {
      tokens: BURST,
      filledAt: now,
      note: '',
      noteAt: -SAME_MS,
      dropped: 0,
    }
    this.#told.delete(key)
    this.#told.set(key, told)
    const [oldest] = this.#told.keys()
    if (this.#told.size > MAX_REMEMBERED && oldest !== undefined) this.#told.delete(oldest)
    told.tokens = Math.min(BURST, told.tokens + Math.max(0, now - told.filledAt) / REFILL_MS)
    told.filledAt = now
    if ((told.note === note && now - told.noteAt < SAME_MS) || told.tokens < 1) {
      told.dropped++
      return undefined
    }
    const { dropped } = told
    told.tokens--
    told.note = note
    told.noteAt = now
    told.dropped = 0
    return dropped
  }

  async #write(regarding: KubeObject, event: RecordedEvent, dropped: number): Promise<void> {
    const { controller, instance, namespace = 'kube-system', random = systemRandom } = this.#options
    const { name, namespace: own, uid, resourceVersion } = regarding.metadata
    const note = `${redact(event.note)}${dropped === 0 ? '' : ` (and ${dropped} like it that were left out)`}`
    const eventTime = microTime(this.#client.clock.now())
    const suffix = toHex(random(new Uint8Array(8)))
    // The server wants a DNS subdomain; names of objects may be longer than what is left of it.
    const stem = (name ?? 'object')
      .toLowerCase()
      .replace(/[^a-z0-9.-]/g, '-')
      .slice(0, 200)
    await this.#client.create(KubeResources.events, {
      metadata: { name: `${stem}.${suffix}`, namespace: own ?? namespace },
      regarding: {
        apiVersion: regarding.apiVersion,
        kind: regarding.kind,
        name,
        ...(own === undefined ? {} : { namespace: own }),
        uid,
        resourceVersion,
      },
      type: event.type,
      reason: event.reason,
      action: event.action,
      note: new TextDecoder()
        .decode(new TextEncoder().encode(note).subarray(0, MAX_NOTE))
        .replace(/\ufffd+$/, ''),
      reportingController: controller,
      reportingInstance: instance,
      eventTime,
    })
  }
}
