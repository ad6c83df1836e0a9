/**
 * What the adapters do, as typed events: for metrics, traces and logs.
 *
 * @module
 */

import type { KubeErrorCode } from './kube-error.ts'

/** A request to the API server was answered, or was not. */
export interface RequestEvent {
  readonly type: 'request'
  readonly verb: string
  /** The plural of the kind. */
  readonly resource: string
  readonly durationMs: number
  readonly status?: number
  readonly code?: KubeErrorCode
}

/** The API server's clock is more than a minute from ours: certificates may not be valid where they are used. */
export interface ClockSkewEvent {
  readonly type: 'clock-skew'
  /** How far the server's clock is ahead. */
  readonly skewMs: number
}

/** A reflector lists or watches. */
export interface ReflectorEvent {
  readonly type: 'reflector'
  readonly resource: string
  /** `listed`: it has all objects. `watching`: a watch is open. `dropped`: a watch ended or broke. `failed`: list or watch was refused. */
  readonly phase: 'listed' | 'watching' | 'dropped' | 'failed'
  readonly objects: number
  readonly error?: unknown
}

/** A controller took a key. */
export interface ReconcileEvent {
  readonly type: 'reconcile'
  readonly controller: string
  readonly key: string
  readonly outcome: 'done' | 'again' | 'failed'
  readonly durationMs: number
  /** When it is taken again by itself. */
  readonly againInMs?: number
  readonly error?: unknown
}

/** An elector became the leader, or is none any longer. */
export interface LeaseEvent {
  readonly type: 'lease'
  readonly lease: string
  readonly phase: 'acquired' | 'lost' | 'released' | 'failed'
  readonly holder?: string
  readonly error?: unknown
}

/** What `onEvent` of clients, runners and electors is told. No event holds an object's content. */
export type KubeRuntimeEvent = RequestEvent | ClockSkewEvent | ReflectorEvent | ReconcileEvent | LeaseEvent
