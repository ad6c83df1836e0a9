/**
 * What went wrong in a call to AWS, out of the error that its SDK threw, in words that hold no secret.
 *
 * @module
 */

import { failureLabel } from '../../internal/backoff.ts'
import { escapeText } from '../../internal/text.ts'

/** A failed call. */
export interface AwsFailure {
  /** The exception, such as `ThrottlingException`; `undefined` where it has no name that can be shown. */
  readonly name: string | undefined
  /** Whether the same call may succeed later. */
  readonly retryable: boolean
  /** Whether AWS surely did nothing. */
  readonly refused: boolean
  /** Whether the input alone was the reason: then an earlier call with the same input did nothing either. */
  readonly byInput: boolean
  readonly message: string
}

/** "Slower": most say so by status 400, not 429. `LimitExceededException` is a quota that is used up for now. */
const THROTTLED: readonly string[] = [
  'ThrottlingException',
  'Throttling',
  'ThrottledException',
  'RequestThrottled',
  'RequestThrottledException',
  'TooManyRequestsException',
  'RequestLimitExceeded',
  'LimitExceededException',
  'SlowDown',
]

/** The caller is not known, or not any longer. Their texts quote requests, tokens included, and are not shown. */
const UNKNOWN_CALLER: readonly string[] = [
  'CredentialsProviderError',
  'TokenProviderError',
  'ExpiredTokenException',
  'ExpiredToken',
  'RequestExpired',
  'UnrecognizedClientException',
  'InvalidClientTokenId',
  'InvalidSignatureException',
  'SignatureDoesNotMatch',
  'IncompleteSignature',
  'IncompleteSignatureException',
  'MissingAuthenticationToken',
  'MissingAuthenticationTokenException',
]

/** Refused by status, but only because the request broke off: what AWS made of it by then is unknown. */
const BROKEN_OFF: readonly string[] = ['RequestAbortedException', 'RequestTimeout', 'RequestTimeoutException']

/** Judged from the input: no state and no permission could have been otherwise before. */
const BY_INPUT: readonly string[] = [
  'MalformedCSRException',
  'InvalidArgsException',
  'InvalidArnException',
  'ValidationException',
]

/** Their texts are about the request, and are shown. */
const TELLING: readonly string[] = [
  ...BY_INPUT,
  ...THROTTLED,
  'AccessDeniedException',
  'AccessDenied',
  'InvalidStateException',
  'ResourceNotFoundException',
  'RequestFailedException',
  // AWS KMS.
  'DisabledException',
  'InvalidGrantTokenException',
  'InvalidKeyUsageException',
  'KMSInvalidStateException',
  'NotFoundException',
  'UnsupportedOperationException',
]

/** What is read of a text of theirs, and what is shown. */
const MAX_READ = 1024
const MAX_SHOWN = 160

/** Reads what the SDK threw. @throws nothing, whatever it is. */
export function readAwsFailure(error: unknown, call: string): AwsFailure {
  try {
    return readError(error, call)
  } catch {
    return unknown(call, 'an error that cannot be described')
  }
}

function readError(error: unknown, call: string): AwsFailure {
  const label = failureLabel(error)
  const name = textOf(error, 'name')
  const metadata = memberOf(error, '$metadata')
  const status = memberOf(metadata, 'httpStatusCode')
  const isThrottled =
    isOneOf(THROTTLED, name) ||
    status === 429 ||
    memberOf(memberOf(error, '$retryable'), 'throttling') === true
  const isUnknownCaller = isOneOf(UNKNOWN_CALLER, name)
  const isRefusal =
    typeof status === 'number' &&
    status >= 400 &&
    status <= 499 &&
    status !== 408 &&
    !isOneOf(BROKEN_OFF, name)
  if (!isThrottled && !isUnknownCaller && !isRefusal)
    return unknown(call, typeof status === 'number' ? `${label}, HTTP status ${status}` : label)
  const attempts = memberOf(metadata, 'attempts')
  const said = isOneOf(TELLING, name) ? reasonIn(textOf(error, 'message')) : ''
  const reason = said === '' ? label : `${label}: ${said}`
  return {
    name: name === undefined || !/^\w{1,64}$/.test(name) ? undefined : name,
    retryable: isThrottled,
    // The SDK tries again by itself: what was refused at last may have been done at first.
    refused: typeof attempts !== 'number' || attempts <= 1,
    byInput: isOneOf(BY_INPUT, name),
    message: isUnknownCaller
      ? `${call}: AWS does not accept the credentials (${label}); renew them`
      : isThrottled
        ? `${call} was throttled: ${reason}`
        : `${call} was refused: ${reason}`,
  }
}

const unknown = (call: string, label: string): AwsFailure => ({
  name: undefined,
  retryable: true,
  refused: false,
  byInput: false,
  message: `${call} failed: ${label}`,
})

/** Without what tells others apart, and without what could be a key. */
function reasonIn(message: string | undefined): string {
  const text = (message ?? '')
    .slice(0, MAX_READ)
    .replace(/arn:[^\s"',;)]+/g, 'arn:…')
    .replace(/[A-Za-z0-9+/=_%-]{40,}/g, '…')
    .replace(/\b(?:AKIA|ASIA)[A-Z0-9]+/g, '…')
    .trim()
  return escapeText(text, MAX_SHOWN)
}

const isOneOf = (names: readonly string[], name: string | undefined): boolean =>
  name !== undefined && names.includes(name)

function memberOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined
}

function textOf(value: unknown, name: string): string | undefined {
  const text = memberOf(value, name)
  return typeof text === 'string' ? text : undefined
}
