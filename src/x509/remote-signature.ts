/**
 * Signatures of a key that signs elsewhere, asked for until one verifies.
 *
 * @module
 */

import { sha256, sha384, sha512 } from '@noble/hashes/sha2.js'
import { MeshPkiError } from '../errors.ts'
import type { AbortSignalLike } from '../internal/abort.ts'
import { failureLabel, type RetryPolicy } from '../internal/backoff.ts'
import type { Clock } from '../internal/clock.ts'
import { digestOf } from '../internal/digests.ts'
import { formatDuration } from '../internal/duration.ts'
import { ecdsaToDer } from '../internal/ecdsa-signature.ts'
import { typeName } from '../internal/options.ts'
import { tell } from '../internal/tell.ts'
import type { WebAbortSignal } from '../internal/web-types.ts'
import { sleepBy, withinTime } from '../internal/within-time.ts'
import type { SignatureAlgorithm } from './algorithm-identifier.ts'
import type { VerificationKey } from './verification-key.ts'

/** What a {@link RemoteSignFunction} is told beside the bytes. */
export interface RemoteSignRequest {
  /** Aborts when nobody waits for the answer any longer. Give it to the client of the service. */
  readonly signal: WebAbortSignal
  /** The signature that is wanted. */
  readonly algorithm: SignatureAlgorithm
  /** The digest within it; absent for Ed25519, which has its own. With `input: 'digest'` it has been made already. */
  readonly digestAlgorithm?: 'SHA-256' | 'SHA-384' | 'SHA-512' | undefined
  /** Which attempt this is, counted from 1. */
  readonly attempt: number
}

/** Asks a service for one signature of some bytes. */
export type RemoteSignFunction = (
  bytes: Uint8Array<ArrayBuffer>,
  request: RemoteSignRequest,
) => Uint8Array | Promise<Uint8Array>

/** What a `remoteSigner` tells of an attempt that failed. */
export interface RemoteSignerEvent {
  readonly type: 'attempt-failed'
  readonly reason: 'failure' | 'timeout' | 'signature'
  /** Which attempt it was, counted from 1. */
  readonly attempt: number
  readonly willRetry: boolean
  /** What the function threw, or our own error. */
  readonly error: unknown
}

/** No signature of an accepted key is longer: RSA-8192 has 1024 octets. */
const MAX_SIGNATURE = 1024

/** A service that answers wrongly twice does so for a reason that time does not mend. */
const MAX_WRONG_ANSWERS = 2

/** A checked remote signer. */
export interface RemoteKey {
  readonly sign: RemoteSignFunction
  readonly isRetryable: (error: unknown) => boolean
  readonly onEvent: ((event: RemoteSignerEvent) => void) | undefined
  readonly clock: Clock
  readonly policy: RetryPolicy
  readonly algorithm: SignatureAlgorithm
  /** Octets of `r || s`; `undefined` where signatures are not ECDSA. */
  readonly rawSize: number | undefined
  readonly format: 'der' | 'raw'
  readonly input: 'message' | 'digest'
}

/**
 * Asks for a signature until one verifies.
 *
 * @throws `MeshPkiError` `ERR_SIGNER_…`; the reason of the signal.
 */
export async function signRemotely(
  remote: RemoteKey,
  key: VerificationKey,
  message: Uint8Array<ArrayBuffer>,
  signal: AbortSignalLike | undefined,
): Promise<Uint8Array> {
  const { clock, policy } = remote
  const bytes = remote.input === 'digest' ? digest(remote.algorithm, message) : message
  let wrongAnswers = 0
  for (let attempt = 1; ; attempt++) {
    const outcome = await tryOnce(remote, key, message, bytes, attempt, signal)
    if (outcome instanceof Uint8Array) return outcome
    if (outcome.reason === 'signature') wrongAnswers++
    const willRetry =
      attempt < policy.attempts && wrongAnswers < MAX_WRONG_ANSWERS && isWorthRetry(remote, outcome)
    tell(remote.onEvent, { type: 'attempt-failed', attempt, willRetry, ...outcome })
    if (!willRetry) throw finalError(remote, outcome, attempt)
    await sleepBy(clock, policy.pauseAfter(attempt), signal)
  }
}

/** Why an attempt brought no signature. */
interface Failure {
  readonly reason: RemoteSignerEvent['reason']
  readonly error: unknown
}

/** One attempt. @throws only the reason of the caller's signal. */
async function tryOnce(
  remote: RemoteKey,
  key: VerificationKey,
  message: Uint8Array,
  bytes: Uint8Array,
  attempt: number,
  signal: AbortSignalLike | undefined,
): Promise<Uint8Array | Failure> {
  const { clock, policy, algorithm } = remote
  const timeout = new MeshPkiError(
    'ERR_SIGNER_TIMEOUT',
    `the remote signer did not answer within ${formatDuration(policy.timeoutMs)}`,
    { data: { timeout: formatDuration(policy.timeoutMs) } },
  )
  let answer: unknown
  try {
    const bound = { clock, milliseconds: policy.timeoutMs, signal, timedOut: () => timeout }
    answer = await withinTime(bound, (ended) =>
      // A copy for each attempt: one that was given up may still read its own, or write to it.
      remote.sign(bytes.slice(), {
        signal: ended,
        algorithm,
        digestAlgorithm: webDigestOf(algorithm),
        attempt,
      }),
    )
  } catch (error) {
    if (signal?.aborted === true) throw signal.reason
    return { reason: error === timeout ? 'timeout' : 'failure', error }
  }
  const signature = toSignature(remote, answer)
  if (typeof signature === 'string') return wrongAnswer(remote, signature)
  if (await key.verify(algorithm, message, signature)) return signature
  const hint =
    remote.format === 'der' && remote.rawSize !== undefined && signature.length === remote.rawSize
      ? `. It is as long as r || s: is signatureFormat 'raw'?`
      : `. Is "publicKey" that of the key that signs, and is "input" what the service expects?`
  return wrongAnswer(remote, `its answer does not verify as ${algorithm} under the public key${hint}`)
}

/** The signature in X.509's form, a copy; or what is wrong with the answer. */
function toSignature({ format, rawSize }: RemoteKey, answer: unknown): Uint8Array | string {
  const copy = copyOf(answer)
  if (typeof copy === 'string') return copy
  if (format === 'der') return copy
  if (copy.length !== rawSize)
    return `it answered ${copy.length} octets; r || s of this key has ${rawSize}. Is signatureFormat 'der'?`
  return ecdsaToDer(copy)
}

/** What only looks like bytes throws where its length is asked. */
function copyOf(answer: unknown): Uint8Array | string {
  try {
    if (!(answer instanceof Uint8Array)) return `it answered ${typeName(answer)} instead of a Uint8Array`
    if (answer.length > MAX_SIGNATURE)
      return `it answered ${answer.length} octets; no signature has more than ${MAX_SIGNATURE}`
    return new Uint8Array(answer)
  } catch {
    return 'it answered something that cannot be read as a Uint8Array'
  }
}

function wrongAnswer({ algorithm }: RemoteKey, problem: string): Failure {
  const message = `the remote signer's answer is not used: ${problem}`
  return {
    reason: 'signature',
    error: new MeshPkiError('ERR_SIGNER_SIGNATURE', message, { data: { algorithm } }),
  }
}

/** What an observer of the caller's throws must not hide the failure that it was asked about. */
function isWorthRetry({ isRetryable }: RemoteKey, { reason, error }: Failure): boolean {
  if (reason !== 'failure') return true
  try {
    return isRetryable(error) === true
  } catch {
    return false
  }
}

/** The default of `isRetryable`: what a service refuses for good says so by its status. */
export function mayPass(error: unknown): boolean {
  if (typeof error !== 'object' || error === null) return true
  if ('retryable' in error && error.retryable === false) return false
  const status = statusOf(error)
  if (status === undefined || status < 400 || status > 499) return true
  return status === 408 || status === 425 || status === 429
}

/** The HTTP status where clients put it: Google's and fetch wrappers `status`, Azure's `statusCode`, AWS's `$metadata`. */
function statusOf(error: object): number | undefined {
  if ('status' in error && typeof error.status === 'number') return error.status
  if ('statusCode' in error && typeof error.statusCode === 'number') return error.statusCode
  const metadata = '$metadata' in error ? error.$metadata : undefined
  if (typeof metadata !== 'object' || metadata === null || !('httpStatusCode' in metadata)) return undefined
  return typeof metadata.httpStatusCode === 'number' ? metadata.httpStatusCode : undefined
}

function finalError({ policy }: RemoteKey, { reason, error }: Failure, attempts: number): MeshPkiError {
  const times = attempts === 1 ? 'once' : `${attempts} times`
  if (reason === 'failure' || !(error instanceof MeshPkiError)) {
    return new MeshPkiError(
      'ERR_SIGNER_FAILED',
      `the remote signer was asked ${times} and failed, at last with ${failureLabel(error)}; that error is the cause`,
      { data: { attempts }, cause: error },
    )
  }
  const said =
    reason === 'timeout'
      ? `the remote signer was asked ${times} and did not answer within ${formatDuration(policy.timeoutMs)}. Is it reachable? Otherwise raise "timeout"`
      : error.message
  return new MeshPkiError(error.code, said, { data: { ...error.data, attempts } })
}

function webDigestOf(algorithm: SignatureAlgorithm): RemoteSignRequest['digestAlgorithm'] {
  const web = digestOf(algorithm)?.web
  return web === 'SHA-256' || web === 'SHA-384' || web === 'SHA-512' ? web : undefined
}

function digest(algorithm: SignatureAlgorithm, message: Uint8Array): Uint8Array<ArrayBuffer> {
  const web = webDigestOf(algorithm)
  const hash = web === 'SHA-256' ? sha256 : web === 'SHA-384' ? sha384 : sha512
  return new Uint8Array(hash(message))
}
