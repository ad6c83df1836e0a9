/**
 * Calls an external issuer until it has answered, so that one wish never makes two certificates.
 *
 * @module
 */

import { sha256 } from '@noble/hashes/sha2.js'
import { MeshPkiError, type MeshPkiErrorCode } from '../../errors.ts'
import type { AbortSignalLike } from '../../internal/abort.ts'
import { failureLabel, type RetryPolicy } from '../../internal/backoff.ts'
import { toHex } from '../../internal/bytes.ts'
import type { Clock } from '../../internal/clock.ts'
import { formatDuration } from '../../internal/duration.ts'
import { tell } from '../../internal/tell.ts'
import { quote } from '../../internal/text.ts'
import { sleepBy, withinTime } from '../../internal/within-time.ts'
import type { ExternalIssuer, IssuerRequest } from './external-issuer.ts'
import { type ReadFailure, readFailure } from './issuer-failure.ts'
import type { IssuerEvent } from './request-options.ts'

/** A checked wish, and how it is brought forward. */
export interface IssuerCall {
  readonly issuer: ExternalIssuer
  readonly request: IssuerRequest
  readonly resume: boolean
  /** Whether it has `lookup`. */
  readonly canLookUp: boolean
  readonly isIdempotent: boolean
  readonly policy: RetryPolicy
  readonly pendingMs: number
  readonly clock: Clock
  readonly signal: AbortSignalLike | undefined
  readonly onEvent: ((event: IssuerEvent) => void) | undefined
}

/** What an issuer answered. */
export interface IssuerReply {
  readonly answer: unknown
  /** Whether it was made for an earlier call. */
  readonly isResumed: boolean
}

/** What a call brought. */
type Outcome = { readonly answer: unknown } | Failure

interface Failure extends ReadFailure {
  readonly error: unknown
  readonly isTimeout: boolean
}

/**
 * What the issuer answers. Where it may have made a certificate, it is asked what became of the request before it is
 * asked for one again; where it cannot be asked, nothing is tried again unless it is idempotent.
 *
 * @throws `MeshPkiError` `ERR_ISSUER_FAILED`, `ERR_ISSUER_TIMEOUT`, `ERR_ISSUER_OUTCOME_UNKNOWN`; the signal's reason.
 */
export async function callIssuer(call: IssuerCall): Promise<IssuerReply> {
  if (call.resume) {
    const known = await lookUp(call, undefined, 0)
    if (known !== undefined) return { answer: known, isResumed: true }
  }
  return { answer: await askForOne(call), isResumed: false }
}

async function askForOne(call: IssuerCall): Promise<unknown> {
  const { policy, canLookUp, isIdempotent } = call
  // Whether an earlier call may have made a certificate that nobody has seen.
  let isUncertain = false
  for (let attempt = 1; ; attempt++) {
    const result = await callOnce(call, 'issue', attempt)
    const isPending = 'answer' in result && result.answer === 'pending'
    if ('answer' in result && !isPending) return result.answer
    const failure: Failure = 'answer' in result ? PENDING : result
    if (failure.outcome === 'unknown') {
      if (canLookUp) {
        const known = await lookUp(call, failure, attempt)
        if (known !== undefined) return known
      } else if (isPending || !isIdempotent) {
        throw outcomeUnknown(
          call,
          failure,
          `it ${isPending ? "answered 'pending' and " : ''}has no lookup, so it was not asked again`,
        )
      } else isUncertain = true
    }
    if (attempt === policy.attempts || !failure.retryable) {
      throw isUncertain
        ? outcomeUnknown(call, failure, 'it was asked again and did not answer')
        : final(call, failure, attempt)
    }
    await sleepBy(call.clock, policy.pauseAfter(attempt), call.signal)
  }
}

/** What stands for a failure where a request was taken and then nobody knew of it. */
const PENDING: Failure = /* @__PURE__ */ Object.freeze({
  error: undefined,
  message: undefined,
  isTimeout: false,
  retryable: true,
  outcome: 'unknown',
})

/**
 * What became of the request, after so many calls of `issue`; `undefined` where surely nothing did.
 *
 * @throws `MeshPkiError` `ERR_ISSUER_OUTCOME_UNKNOWN`; `ERR_ISSUER_FAILED` where the issuer says that it was refused for
 * good: to ask once more would bring the same answer.
 */
async function lookUp(call: IssuerCall, before: Failure | undefined, attempts: number): Promise<unknown> {
  const { policy } = call
  let failures = 0
  let waitedMs = 0
  for (let round = 1; ; round++) {
    const result = await callOnce(call, 'lookup', round)
    if ('answer' in result) {
      if (result.answer !== 'pending') return result.answer
      failures = 0
      if (waitedMs >= call.pendingMs)
        throw outcomeUnknown(call, before, `it was still pending after ${formatDuration(waitedMs)}`)
    } else if (!result.retryable && result.outcome === 'failed') {
      throw refused(call, result, attempts)
    } else if (++failures >= policy.attempts || !result.retryable) {
      throw outcomeUnknown(call, result, 'looking for it failed')
    }
    const pause = policy.pauseAfter(round)
    waitedMs += pause
    await sleepBy(call.clock, pause, call.signal)
  }
}

/** @throws only the reason of the caller's signal. */
async function callOnce(call: IssuerCall, kind: 'issue' | 'lookup', attempt: number): Promise<Outcome> {
  const { issuer, request, policy, clock, signal } = call
  const { requestId } = request
  const timeout = new Error(`no answer within ${formatDuration(policy.timeoutMs)}`)
  timeout.name = 'TimeoutError'
  const bound = { clock, milliseconds: policy.timeoutMs, signal, timedOut: () => timeout }
  try {
    const answer: unknown = await withinTime<unknown>(bound, (ended) =>
      kind === 'issue'
        ? issuer.issue(request, { signal: ended })
        : issuer.lookup?.(requestId, { signal: ended }),
    )
    if (answer === 'pending') tell(call.onEvent, { type: 'pending', call: kind, attempt, requestId })
    return { answer }
  } catch (error) {
    if (signal?.aborted === true) throw signal.reason
    tell(call.onEvent, { type: 'failed', call: kind, attempt, requestId, error })
    return { error, isTimeout: error === timeout, ...readFailure(error) }
  }
}

function final(call: IssuerCall, failure: Failure, attempts: number): MeshPkiError {
  const times = attempts === 1 ? 'once' : `${attempts} times`
  return failure.isTimeout
    ? fault(
        call,
        'ERR_ISSUER_TIMEOUT',
        `was asked ${times} and did not answer within ${formatDuration(call.policy.timeoutMs)}; it made no certificate. Is it reachable? Otherwise raise "timeout"`,
        { attempts },
        failure,
      )
    : fault(
        call,
        'ERR_ISSUER_FAILED',
        `was asked ${times} and made no certificate: ${said(failure)}`,
        { attempts },
        failure,
      )
}

function refused(call: IssuerCall, failure: Failure, attempts: number): MeshPkiError {
  const text = `was asked what became of the request, and made no certificate: ${said(failure)}`
  return fault(call, 'ERR_ISSUER_FAILED', text, { attempts }, failure)
}

function outcomeUnknown(call: IssuerCall, failure: Failure | undefined, why: string): MeshPkiError {
  const cause = failure?.error === undefined ? '' : ` (${said(failure)})`
  return fault(
    call,
    'ERR_ISSUER_OUTCOME_UNKNOWN',
    `may have made a certificate for the request ${call.request.requestId}, and nobody knows: ${why}${cause}. ${howToFindOut(call)}`,
    {},
    failure,
  )
}

/** Advice that can be followed: only an issuer with `lookup` can be resumed. */
function howToFindOut({ request, canLookUp, isIdempotent }: IssuerCall): string {
  if (canLookUp) return 'Ask again with this requestId and resume: true, or look there before asking anew'
  const look = `look in its log for a certificate of the public key with SHA-256 ${toHex(sha256(request.csr.publicKey))}`
  return isIdempotent
    ? `Ask again with this requestId, by which it makes no second one, or ${look}`
    : `Before asking anew, ${look}`
}

function fault(
  { issuer, request }: IssuerCall,
  code: MeshPkiErrorCode,
  text: string,
  data: Readonly<Record<string, unknown>>,
  failure: Failure | undefined,
): MeshPkiError {
  return new MeshPkiError(code, `${issuerLabel(issuer)} ${text}`, {
    data: { ...data, requestId: request.requestId },
    cause: failure?.error,
  })
}

/** The issuer, as messages call it. */
export function issuerLabel(issuer: ExternalIssuer): string {
  try {
    const { name } = issuer
    return typeof name === 'string' && name !== '' ? `the issuer ${quote(name, 64)}` : 'the issuer'
  } catch {
    return 'the issuer'
  }
}

/** A failure of an adapter speaks to people; of other errors only name and code are shown. */
function said({ error, message }: Failure): string {
  if (error === undefined) return 'it forgot a request that it had taken'
  return message === undefined ? failureLabel(error) : quote(message)
}
