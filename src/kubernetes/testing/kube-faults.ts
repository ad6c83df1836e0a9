/**
 * What goes wrong on purpose: the n-th request, answers that are lost, watches that lose events, reads that are old.
 *
 * @module
 */

import { readDuration } from '../../internal/duration.ts'
import { checkOptionNames, readCount, readFunction } from '../../internal/options.ts'
import type { KubeResource } from '../api/kube-resource.ts'
import type { KubeWatchEvent } from '../api/kube-transport.ts'
import { ApiRefusal, type RefusalCause } from './api-refusal.ts'
import type { FakeKubeVerb } from './api-request.ts'
import type { EventFate } from './watch-hub.ts'

/** A request as faults see it. */
export interface FakeKubeCall {
  readonly user: string
  readonly verb: FakeKubeVerb
  readonly group: string
  /** The plural of the kind. */
  readonly resource: string
  readonly part: string | undefined
  readonly namespace: string | undefined
  readonly name: string | undefined
}

/** Which requests are meant; all that is given must fit. */
export interface FaultMatch {
  readonly verb?: FakeKubeVerb | readonly FakeKubeVerb[] | undefined
  readonly resource?: KubeResource | undefined
  readonly name?: string | undefined
  readonly namespace?: string | undefined
  readonly part?: string | undefined
  readonly user?: string | undefined
  readonly where?: ((call: FakeKubeCall) => boolean) | undefined
  /** The first one that it happens to, of those that fit from now on. Default 1. */
  readonly nth?: number | undefined
  /** How often it happens. Default 1; `Infinity` for always. */
  readonly times?: number | undefined
}

/** How a request fails: with an answer, or without one. */
export type FaultOutcome =
  | 'broken-connection'
  | {
      readonly status: number
      readonly reason?: string | undefined
      readonly message?: string | undefined
      readonly retryAfterSeconds?: number | undefined
      readonly causes?: readonly RefusalCause[] | undefined
    }

/** Which events of watches are meant. */
export interface EventMatch {
  readonly resource?: KubeResource | undefined
  readonly type?: KubeWatchEvent['type'] | undefined
  readonly name?: string | undefined
  readonly nth?: number | undefined
  readonly times?: number | undefined
}

/** A fault that was set. */
export interface FaultHandle {
  /** How often it has happened. */
  readonly hits: number
  /** Takes it back. */
  remove(): void
}

/** A connection that broke. */
export class FakeConnectionError extends Error {
  override readonly name = 'FakeConnectionError'
  readonly code = 'ECONNRESET'

  constructor(message = 'the connection to the API server broke') {
    super(message)
  }
}

type Kind = 'before' | 'after' | 'hang' | 'hang-after' | 'delay'

class Rule<T> {
  readonly #matches: (value: T) => boolean
  readonly #nth: number
  readonly #times: number
  #seen = 0
  hits = 0

  constructor(matches: (value: T) => boolean, nth: number, times: number) {
    this.#matches = matches
    this.#nth = nth
    this.#times = times
  }

  takes(value: T): boolean {
    if (!this.#matches(value)) return false
    this.#seen++
    if (this.#seen < this.#nth || this.hits >= this.#times) return false
    this.hits++
    return true
  }
}

interface RequestFault {
  readonly kind: Kind
  readonly rule: Rule<FakeKubeCall>
  readonly outcome: FaultOutcome
  readonly delayMs: number
}

interface EventFault {
  readonly fate: Exclude<EventFate, 'deliver'>
  readonly rule: Rule<{ readonly plural: string; readonly group: string; readonly event: KubeWatchEvent }>
}

/** What shall happen to one request. */
export interface RequestFate {
  readonly delayMs: number
  readonly fault: { readonly kind: Exclude<Kind, 'delay'>; readonly outcome: FaultOutcome } | undefined
}

/** What faults do to watches and reads. */
export interface FaultTarget {
  dropWatches(error: Error | undefined): void
  silenceWatches(isSilent: boolean): void
  releaseEvents(): void
  staleReads(from: number | undefined): void
}

const MATCHERS = ['verb', 'resource', 'name', 'namespace', 'part', 'user', 'where', 'nth', 'times']

/**
 * The faults of a {@link FakeKubeApi}: `api.faults`. All are deterministic: they happen to the n-th request or event
 * that fits, counted from when they were set.
 *
 * @example
 * ```ts
 * import { KubeResources } from 'mesh-pki/kubernetes'
 * import { fakeKubeApi } from 'mesh-pki/kubernetes/testing'
 *
 * const api = fakeKubeApi()
 * // The second write of a Secret is done, but its answer is lost.
 * api.faults.failAfter('broken-connection', { resource: KubeResources.secrets, verb: ['create', 'update'], nth: 2 })
 * // The server asks for a pause, three times.
 * api.faults.fail({ status: 429, reason: 'TooManyRequests', retryAfterSeconds: 1 }, { times: 3 })
 * ```
 */
export class KubeFaults {
  readonly #target: FaultTarget
  readonly #requests = new Set<RequestFault>()
  readonly #events = new Set<EventFault>()

  /** @internal */
  constructor(target: FaultTarget) {
    this.#target = target
  }

  /** Fails requests before anything is done. */
  fail(outcome: FaultOutcome, match: FaultMatch = {}): FaultHandle {
    return this.#addRequest('before', outcome, match)
  }

  /** Does what is asked for, and then answers this, or nothing: the caller cannot know. Requests that are refused stay refused. */
  failAfter(outcome: FaultOutcome, match: FaultMatch = {}): FaultHandle {
    return this.#addRequest('after', outcome, match)
  }

  /** Never answers; `'after'`: though it is done. Ends when the caller's signal aborts. */
  hang(match: FaultMatch = {}, when: 'before' | 'after' = 'before'): FaultHandle {
    return this.#addRequest(when === 'after' ? 'hang-after' : 'hang', 'broken-connection', match)
  }

  /** Waits before anything is done, by the server's clock. */
  delay(duration: string, match: FaultMatch = {}): FaultHandle {
    return this.#addRequest('delay', 'broken-connection', match, readDuration(duration, 'duration'))
  }

  /** Loses events of watches. */
  dropEvents(match: EventMatch = {}): FaultHandle {
    return this.#addEvent('drop', match)
  }

  /** Gives events of watches out twice. */
  duplicateEvents(match: EventMatch = {}): FaultHandle {
    return this.#addEvent('duplicate', match)
  }

  /** Keeps events of watches back until {@link releaseEvents}: later ones come before them. */
  holdEvents(match: EventMatch = {}): FaultHandle {
    return this.#addEvent('hold', match)
  }

  /** Gives out what was held back. */
  releaseEvents(): void {
    this.#target.releaseEvents()
  }

  /** Breaks all open watches, or ends them as a server that shuts down does. */
  dropWatches(how: 'broken-connection' | 'end' = 'broken-connection'): void {
    this.#target.dropWatches(how === 'end' ? undefined : new FakeConnectionError())
  }

  /**
   * From now on nothing comes through watches that are open or are opened, and none ends: a connection that is half
   * open. {@link restoreWatches} lets new ones through again; the silent ones stay silent.
   */
  silenceWatches(): void {
    this.#target.silenceWatches(true)
  }

  /** See {@link silenceWatches}. */
  restoreWatches(): void {
    this.#target.silenceWatches(false)
  }

  /**
   * From now on, reads that may be old see nothing after a version (default: now), until `api.catchUp()`: those with
   * `resourceVersion`, and watches. Reads without one see everything, as they always do.
   */
  staleReads(resourceVersion?: string): void {
    this.#target.staleReads(resourceVersion === undefined ? undefined : Number(resourceVersion))
  }

  /** Takes back every fault of requests and events. */
  clear(): void {
    this.#requests.clear()
    this.#events.clear()
  }

  /** @internal */
  fateOf(call: FakeKubeCall): RequestFate {
    let delayMs = 0
    let fault: RequestFate['fault']
    for (const one of this.#requests) {
      if (!one.rule.takes(call)) continue
      if (one.kind === 'delay') delayMs += one.delayMs
      else fault ??= { kind: one.kind, outcome: one.outcome }
    }
    return { delayMs, fault }
  }

  /** @internal */
  eventFateOf(resource: KubeResource, event: KubeWatchEvent): EventFate {
    let fate: EventFate = 'deliver'
    for (const one of this.#events)
      if (one.rule.takes({ group: resource.group, plural: resource.plural, event }) && fate === 'deliver')
        fate = one.fate
    return fate
  }

  #addRequest(kind: Kind, outcome: FaultOutcome, match: FaultMatch, delayMs = 0): FaultHandle {
    checkOptionNames(match, MATCHERS, 'a fault')
    readFunction(match.where, 'where')
    if (outcome !== 'broken-connection') readCount(outcome.status, 'status', 400, 599)
    const rule = new Rule((call: FakeKubeCall) => fits(match, call), ...countsOf(match))
    return added(this.#requests, { kind, rule, outcome, delayMs }, rule)
  }

  #addEvent(fate: EventFault['fate'], match: EventMatch): FaultHandle {
    checkOptionNames(match, ['resource', 'type', 'name', 'nth', 'times'], 'a fault')
    const { resource, type, name } = match
    const rule: EventFault['rule'] = new Rule(
      ({ group, plural, event }) =>
        (resource === undefined || (resource.plural === plural && resource.group === group)) &&
        (type === undefined || type === event.type) &&
        (name === undefined || name === nameIn(event.object)),
      ...countsOf(match),
    )
    return added(this.#events, { fate, rule }, rule)
  }
}

function added<T>(set: Set<T>, fault: T, rule: { readonly hits: number }): FaultHandle {
  set.add(fault)
  return {
    get hits() {
      return rule.hits
    },
    remove: () => {
      set.delete(fault)
    },
  }
}

function countsOf({
  nth = 1,
  times = 1,
}: {
  readonly nth?: number | undefined
  readonly times?: number | undefined
}): [number, number] {
  readCount(nth, 'nth', 1, Number.MAX_SAFE_INTEGER)
  if (times !== Number.POSITIVE_INFINITY) readCount(times, 'times', 1, Number.MAX_SAFE_INTEGER)
  return [nth, times]
}

function fits(match: FaultMatch, call: FakeKubeCall): boolean {
  const { verb, resource, name, namespace, part, user, where } = match
  return (
    (verb === undefined || (typeof verb === 'string' ? verb === call.verb : verb.includes(call.verb))) &&
    (resource === undefined || (resource.plural === call.resource && resource.group === call.group)) &&
    (name === undefined || name === call.name) &&
    (namespace === undefined || namespace === call.namespace) &&
    (part === undefined || part === call.part) &&
    (user === undefined || user === call.user) &&
    (where === undefined || where(call))
  )
}

function nameIn(object: unknown): unknown {
  const metadata = typeof object === 'object' && object !== null ? Reflect.get(object, 'metadata') : undefined
  return typeof metadata === 'object' && metadata !== null ? Reflect.get(metadata, 'name') : undefined
}

/** What a request that fails on purpose is answered. @throws {@link FakeConnectionError}. */
export function faultAnswer(outcome: FaultOutcome): ApiRefusal {
  if (outcome === 'broken-connection') throw new FakeConnectionError()
  const { status, reason, message = 'it was made to fail', retryAfterSeconds, causes } = outcome
  return new ApiRefusal(status, {
    reason,
    message,
    retryAfterSeconds,
    details: causes === undefined ? undefined : { causes },
  })
}
