/**
 * What Google's APIs answer instead of what was asked for.
 *
 * @module
 */

import { isJsonArray, isJsonObject, type JsonObject, type JsonValue } from '../../internal/json.ts'
import { escapeText, quote } from '../../internal/text.ts'
import { mayPass } from '../../x509/remote-signature.ts'

/** What is known of a failure. */
export interface GoogleApiErrorFacts {
  readonly status: number
  readonly code: string
  readonly retryable: boolean
  readonly outcome: 'failed' | 'unknown'
}

/**
 * A failure of a call to a Google Cloud API. Its members say what an `IssuerFailure` says, so issuers may throw it.
 *
 * Its message shows Google's own reason, escaped and cut; tokens of OAuth 2.0 in it are not shown. What `fetch` threw is not
 * kept as its cause, since HTTP clients keep the headers of a request in their errors.
 *
 * @example
 * ```ts
 * import { MeshPkiError } from 'mesh-pki'
 * import { GoogleApiError } from 'mesh-pki/issuers/google-cas'
 *
 * declare const error: MeshPkiError
 * if (error.cause instanceof GoogleApiError && error.cause.code === 'PERMISSION_DENIED') {
 *   // grant roles/privateca.certificateRequester on the CA pool
 * }
 * ```
 */
export class GoogleApiError extends Error {
  /** The HTTP status; 0 where no answer came. */
  readonly status: number
  /** The name of its `google.rpc.Code`, such as `PERMISSION_DENIED`; ours where it gave none: `HTTP_302`, `NO_ANSWER`, `BAD_ANSWER`. */
  readonly code: string
  /** Whether the same call may succeed later. */
  readonly retryable: boolean
  /** `'failed'`: surely nothing was done. `'unknown'`: it may have been. */
  readonly outcome: 'failed' | 'unknown'

  constructor(message: string, { status, code, retryable, outcome }: GoogleApiErrorFacts) {
    super(message)
    this.name = 'GoogleApiError'
    this.status = status
    this.code = code
    this.retryable = retryable
    this.outcome = outcome
  }
}

/** Google's reason is cut here: an `IssuerFailure` shows 256 characters, and what was asked for stands before it. */
const MAX_REASON = 160

/**
 * Codes after which the same call may succeed, and whether nothing was done (google/rpc/code.proto). The HTTP status that a
 * code maps to is shared by others, so the code decides where there is one.
 */
const MAY_PASS: ReadonlyMap<string, 'failed' | 'unknown'> = new Map([
  ['RESOURCE_EXHAUSTED', 'failed'],
  ['ABORTED', 'unknown'],
  ['CANCELLED', 'unknown'],
  ['DEADLINE_EXCEEDED', 'unknown'],
  ['INTERNAL', 'unknown'],
  ['UNAVAILABLE', 'unknown'],
  ['UNKNOWN', 'unknown'],
])

/** The same by HTTP status, for answers of something between, such as a proxy. */
const STATUS_MAY_PASS: ReadonlyMap<number, 'failed' | 'unknown'> = new Map([
  [408, 'unknown'],
  [425, 'failed'],
  [429, 'failed'],
])

/** What an answer means whose status is not 200: `error` of google.rpc.Status (AIP-193), or something between. */
export function refusalOf(status: number, body: JsonValue | undefined, what: string): GoogleApiError {
  const error = isJsonObject(body) ? body.get('error') : undefined
  const { code, message, reason } = isJsonObject(error) ? readStatus(error) : NOTHING_SAID
  const passing = (code === undefined ? undefined : MAY_PASS.get(code)) ?? byStatus(status)
  // UNIMPLEMENTED is status 501.
  const isRefusal = (status >= 400 && status < 500) || status === 501
  const outcome = passing ?? (isRefusal ? 'failed' : 'unknown')
  const label = code ?? `HTTP_${status}`
  const hint = code === undefined && status >= 300 && status < 400 ? '; redirects are not followed' : ''
  const said = message === undefined ? '' : `: ${reasonText(message)}`
  return new GoogleApiError(
    `Google answered ${code === undefined ? `status ${status}` : `${status} ${code}`}${reason === undefined ? '' : ` (${reason})`} to ${what}${hint}${said}`,
    { status, code: label, retryable: passing !== undefined, outcome },
  )
}

const byStatus = (status: number): 'failed' | 'unknown' | undefined =>
  STATUS_MAY_PASS.get(status) ?? (status >= 500 && status !== 501 ? 'unknown' : undefined)

const NOTHING_SAID = { code: undefined, message: undefined, reason: undefined }

/** An identifier that may stand in a message as it is. */
const IDENTIFIER = /^[A-Z][A-Z0-9_]{0,62}$/

function readStatus(error: JsonObject): {
  readonly code: string | undefined
  readonly message: string | undefined
  readonly reason: string | undefined
} {
  const code = error.get('status')
  const message = error.get('message')
  const details = error.get('details')
  // google.rpc.ErrorInfo.reason (google/rpc/error_details.proto).
  const reasons = isJsonArray(details)
    ? details.slice(0, 8).map((detail) => (isJsonObject(detail) ? detail.get('reason') : undefined))
    : []
  return {
    code: identifier(code),
    message: typeof message === 'string' && message !== '' ? message : undefined,
    reason: reasons.map(identifier).find((text) => text !== undefined),
  }
}

const identifier = (value: JsonValue | undefined): string | undefined =>
  typeof value === 'string' && IDENTIFIER.test(value) ? value : undefined

/** Access tokens begin with `ya29.` or are JWTs; a service that echoes a header shows what follows `Bearer`. */
const TOKEN = /\bBearer\s+\S+|\bya29\.[\w.-]+|\beyJ[\w-]+\.[\w.-]+/gi

/** Google's own words on one line, for people. */
function reasonText(message: string): string {
  const line = message
    .slice(0, 4 * MAX_REASON)
    .replace(TOKEN, '[token]')
    .replace(/\s+/g, ' ')
    .trim()
  return escapeText(line, MAX_REASON)
}

/** Whether a failure may pass. Google's code says more than the status does. */
export const mayPassLater = (error: unknown): boolean =>
  error instanceof GoogleApiError ? error.retryable : mayPass(error)

/** An answer that is not of the protocol. What was done stays unknown. */
export function badAnswer(problem: string, what: string): GoogleApiError {
  return new GoogleApiError(`Google's answer to ${what} cannot be used: ${problem}`, {
    status: 200,
    code: 'BAD_ANSWER',
    retryable: true,
    outcome: 'unknown',
  })
}

/** A member that must be a string. @throws {@link GoogleApiError}. */
export function stringOf(body: JsonObject, member: string, what: string): string {
  const value = body.get(member)
  if (typeof value === 'string' && value !== '') return value
  throw badAnswer(`its member ${quote(member)} is no string, or empty`, what)
}
