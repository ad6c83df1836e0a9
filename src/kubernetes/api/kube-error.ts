/**
 * What an API server refuses, and what never arrived.
 *
 * @module
 */

import { MeshPkiError } from '../../errors.ts'
import { failureLabel } from '../../internal/backoff.ts'
import { escapeText, quote } from '../../internal/text.ts'
import { isRecord, listAt, numberAt, recordAt, textAt } from '../objects/kube-object.ts'
import type { KubeResponse } from './kube-transport.ts'
import { redact } from './redact.ts'

/** The codes of {@link KubeError}. */
export type KubeErrorCode =
  | 'ERR_KUBERNETES_ALREADY_EXISTS'
  | 'ERR_KUBERNETES_ANSWER'
  | 'ERR_KUBERNETES_CONFLICT'
  | 'ERR_KUBERNETES_EXPIRED'
  | 'ERR_KUBERNETES_FORBIDDEN'
  | 'ERR_KUBERNETES_INVALID'
  | 'ERR_KUBERNETES_NOT_FOUND'
  | 'ERR_KUBERNETES_NOT_SERVED'
  | 'ERR_KUBERNETES_THROTTLED'
  | 'ERR_KUBERNETES_UNAUTHORIZED'
  | 'ERR_KUBERNETES_UNAVAILABLE'

/** One of the reasons that a server gives for a refusal. */
export interface KubeErrorCause {
  /** `FieldValueInvalid`, `FieldManagerConflict`, `NamespaceTerminating`. */
  readonly reason: string
  /** The member that is meant: `spec.signerName`. */
  readonly field?: string
  /** The server's words, redacted. */
  readonly message?: string
}

/** What was tried. */
export interface KubeCall {
  readonly verb: string
  /** `secrets istio-system/cacerts`. */
  readonly target: string
}

/** What a {@link KubeError} is made of. */
export interface KubeErrorInit {
  readonly call: KubeCall
  readonly status?: number | undefined
  readonly reason?: string | undefined
  readonly causes?: readonly KubeErrorCause[] | undefined
  readonly retryAfterMs?: number | undefined
  readonly outcome: 'refused' | 'unknown'
  readonly cause?: unknown
}

/**
 * A call to the API server that did not succeed.
 *
 * `outcome` says whether the server may have done what it was asked for: after `'unknown'`, read before you try again.
 * Messages and causes are redacted: what servers quote of requests, keys and tokens is left out.
 *
 * @example
 * ```ts
 * import { KubeError } from 'mesh-pki/kubernetes'
 *
 * declare const error: unknown
 * if (error instanceof KubeError && error.code === 'ERR_KUBERNETES_FORBIDDEN') {
 *   // tell the operator which rule of RBAC is missing: error.message has verb and resource
 * }
 * ```
 */
export class KubeError extends MeshPkiError {
  declare readonly code: KubeErrorCode
  /** The HTTP status; `undefined` where no answer came. */
  readonly status: number | undefined
  /** The server's word for it: `AlreadyExists`, `Conflict`, `Invalid`. */
  readonly reason: string | undefined
  readonly causes: readonly KubeErrorCause[]
  /** How long the server asks to wait. */
  readonly retryAfterMs: number | undefined
  /** `'refused'`: nothing was changed. `'unknown'`: it may have been. */
  readonly outcome: 'refused' | 'unknown'

  constructor(code: KubeErrorCode, message: string, init: KubeErrorInit) {
    const { call, status, reason, causes = [], retryAfterMs, outcome, cause } = init
    super(code, message, {
      data: {
        verb: call.verb,
        target: call.target,
        outcome,
        ...(status === undefined ? {} : { status }),
        ...(reason === undefined ? {} : { reason }),
        ...(causes.length === 0 ? {} : { causes }),
        ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
      },
      cause,
    })
    this.name = 'KubeError'
    this.status = status
    this.reason = reason
    this.causes = Object.freeze([...causes])
    this.retryAfterMs = retryAfterMs
    this.outcome = outcome
  }
}

/** Whether an error is a {@link KubeError} with one of some codes. */
export function isKubeError(error: unknown, ...codes: readonly KubeErrorCode[]): error is KubeError {
  return error instanceof KubeError && (codes.length === 0 || codes.includes(error.code))
}

/** Causes that a message lists. */
const MAX_CAUSES = 8

/** Words that tell what to do, by code. */
const REMEDIES: Readonly<Record<KubeErrorCode, string>> = {
  ERR_KUBERNETES_ALREADY_EXISTS: 'Read it, and see whether it is ours.',
  ERR_KUBERNETES_ANSWER: 'Is this an API server, and nothing in between that answers for it?',
  ERR_KUBERNETES_CONFLICT: 'Read it again and decide anew.',
  ERR_KUBERNETES_EXPIRED: 'List again.',
  ERR_KUBERNETES_FORBIDDEN: 'Grant the rule; docs/kubernetes.md lists what each adapter needs.',
  ERR_KUBERNETES_INVALID: 'The server will refuse it again as it is.',
  ERR_KUBERNETES_NOT_FOUND: 'Was it deleted?',
  ERR_KUBERNETES_NOT_SERVED: 'Is its kind installed, and the server up long enough to know?',
  ERR_KUBERNETES_THROTTLED: 'Try again after the pause that the server asks for.',
  ERR_KUBERNETES_UNAUTHORIZED: 'Renew the credentials.',
  ERR_KUBERNETES_UNAVAILABLE: 'Try again with a pause.',
}

/** The error of an answer that is not a success. */
export function refusalOf(call: KubeCall, response: KubeResponse): KubeError {
  const { status, headers, body } = response
  return refusal(call, status, body, headers['retry-after'])
}

/** The error of a `Status` object that came in a watch, where there are no headers. */
export function statusErrorOf(call: KubeCall, status: unknown): KubeError {
  return refusal(call, numberAt(status, 'code') ?? 500, status, undefined)
}

function refusal(call: KubeCall, status: number, body: unknown, retryAfter: string | undefined): KubeError {
  const reason = textAt(body, 'reason')
  const code = codeOf(status, body)
  const causes = causesOf(body)
  const isWrite = !READS.includes(call.verb)
  // What no API server answers with, a broken proxy may have made up after the write was done.
  const isRefusal = (status >= 300 && status < 500) || (status >= 500 && reason === 'NotAcceptable')
  const outcome = isWrite && !isRefusal ? 'unknown' : 'refused'
  // What an invalid object holds is quoted in the message, so of that only the members' names are told.
  const words = code === 'ERR_KUBERNETES_INVALID' ? '' : redact(textAt(body, 'message') ?? '')
  const listed = causes
    .slice(0, MAX_CAUSES)
    .map(({ reason, field, message }) =>
      [field, reason, message].filter((word) => word !== undefined && word !== '').join(' '),
    )
  const facts = [
    `${status}${reason === undefined ? '' : ` ${escapeText(reason, 64)}`}`,
    ...(words === '' ? [] : [words]),
    ...(listed.length === 0 ? [] : [listed.join('; ')]),
  ]
  const unknown = outcome === 'unknown' ? ' Whether it was done is not known: read before trying again.' : ''
  return new KubeError(
    code,
    `${call.verb} ${call.target}: the API server answered ${facts.join(': ')}. ${REMEDIES[code]}${unknown}`,
    {
      call,
      status,
      reason,
      causes,
      retryAfterMs: retryAfterOf(retryAfter, body),
      outcome,
    },
  )
}

/** Verbs that change nothing. */
const READS: readonly string[] = ['get', 'list', 'watch']

/** The error where no answer came: the connection broke, or the time was over. */
export function unreachable(call: KubeCall, error: unknown): KubeError {
  const outcome = READS.includes(call.verb) ? 'refused' : 'unknown'
  const unknown = outcome === 'unknown' ? ' Whether it was done is not known: read before trying again.' : ''
  return new KubeError(
    'ERR_KUBERNETES_UNAVAILABLE',
    `${call.verb} ${call.target}: no answer from the API server (${failureLabel(error)}). ${REMEDIES.ERR_KUBERNETES_UNAVAILABLE}${unknown}`,
    { call, outcome, cause: error instanceof KubeError ? error : undefined },
  )
}

/** The error of an answer that no API server gives. */
export function strangeAnswer(call: KubeCall, problem: string): KubeError {
  return new KubeError(
    'ERR_KUBERNETES_ANSWER',
    `${call.verb} ${call.target}: ${problem}. ${REMEDIES.ERR_KUBERNETES_ANSWER}`,
    { call, outcome: READS.includes(call.verb) ? 'refused' : 'unknown' },
  )
}

function codeOf(status: number, body: unknown): KubeErrorCode {
  const reason = textAt(body, 'reason')
  if (status === 401) return 'ERR_KUBERNETES_UNAUTHORIZED'
  if (status === 403) return 'ERR_KUBERNETES_FORBIDDEN'
  // Where an object is missing the server names it. Where the kind is, as in the first seconds after a restart, it names nothing:
  // nobody may take that for a deletion.
  if (status === 404)
    return textAt(recordAt(body, 'details'), 'name') === undefined
      ? 'ERR_KUBERNETES_NOT_SERVED'
      : 'ERR_KUBERNETES_NOT_FOUND'
  if (status === 409)
    return reason === 'AlreadyExists' ? 'ERR_KUBERNETES_ALREADY_EXISTS' : 'ERR_KUBERNETES_CONFLICT'
  if (status === 410) return 'ERR_KUBERNETES_EXPIRED'
  if (status === 429) return 'ERR_KUBERNETES_THROTTLED'
  if (status >= 500) return 'ERR_KUBERNETES_UNAVAILABLE'
  return status >= 400 ? 'ERR_KUBERNETES_INVALID' : 'ERR_KUBERNETES_ANSWER'
}

function causesOf(body: unknown): readonly KubeErrorCause[] {
  return listAt(recordAt(body, 'details'), 'causes')
    .filter(isRecord)
    .slice(0, 32)
    .map((cause) => {
      const reason = escapeText(textAt(cause, 'reason') ?? '', 64)
      const field = textAt(cause, 'field')
      const message = textAt(cause, 'message')
      // Only of these is it known that the server's words do not quote a value.
      const isPlain = reason === 'FieldManagerConflict' || reason === 'NamespaceTerminating'
      return {
        reason,
        ...(field === undefined ? {} : { field: escapeText(field, 128) }),
        ...(isPlain && message !== undefined ? { message: redact(message) } : {}),
      }
    })
}

/** An hour: a longer pause is a mistake or a mischief. */
const MAX_PAUSE_MS = 3_600_000

function retryAfterOf(header: string | undefined, body: unknown): number | undefined {
  const told = numberAt(recordAt(body, 'details'), 'retryAfterSeconds')
  const seconds = header !== undefined && /^\d{1,6}$/.test(header) ? Number(header) : told
  if (seconds === undefined || !(seconds > 0)) return undefined
  return Math.min(seconds * 1000, MAX_PAUSE_MS)
}

/** `secrets istio-system/cacerts`, for messages. */
export function targetOf(plural: string, name: string | undefined, namespace: string | undefined): string {
  const object = name === undefined ? undefined : namespace === undefined ? name : `${namespace}/${name}`
  if (object !== undefined) return `${plural} ${escapeText(object)}`
  return namespace === undefined ? plural : `${plural} in ${quote(namespace, 64)}`
}
