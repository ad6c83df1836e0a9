/**
 * One call to a Google Cloud API over an authenticated `fetch`.
 *
 * @module
 */

import { IssuerFailure } from '../../ca/external/issuer-failure.ts'
import type { AbortSignalLike } from '../../internal/abort.ts'
import { isJsonObject, type JsonObject, type JsonValue, readJson } from '../../internal/json.ts'
import type { WebAbortSignal } from '../../internal/web-types.ts'
import { describeFetchError } from '../fetch-error.ts'
import { type IssuerFetch, readBounded } from '../issuer-fetch.ts'
import { badAnswer, GoogleApiError, refusalOf } from './google-api-error.ts'

/** Where calls go. */
export interface GoogleService {
  /** Scheme and host, without a slash at its end. */
  readonly endpoint: string
  readonly fetch: IssuerFetch
}

/** What is asked for. */
export interface GoogleCall {
  readonly method: 'GET' | 'POST'
  /** Checked names of resources, below `/v1/`, and the query. */
  readonly path: string
  readonly body?: Readonly<Record<string, unknown>> | undefined
  /** What it is called in messages: `certificates.create`. */
  readonly what: string
}

/** Octets of an answer. A chain of ten RSA-4096 certificates in PEM, and its description, has some 100,000. */
const MAX_ANSWER = 1_048_576

/**
 * Sends a call; answers what came back with status 200.
 *
 * @throws {@link GoogleApiError}; the reason of the signal; an `IssuerFailure` that `fetch` threw, as it is.
 */
export async function callGoogle(
  { endpoint, fetch }: GoogleService,
  { method, path, body, what }: GoogleCall,
  signal: WebAbortSignal & AbortSignalLike,
): Promise<JsonObject> {
  const { status, bytes } = await send()
  const json = bytes === undefined ? undefined : jsonOf(bytes)
  if (status !== 200) throw refusalOf(status, json, what)
  if (isJsonObject(json)) return json
  throw badAnswer(
    bytes === undefined ? `it has more than ${MAX_ANSWER} octets` : 'it is no JSON object',
    what,
  )

  async function send(): Promise<{ readonly status: number; readonly bytes: Uint8Array | undefined }> {
    const headers: Record<string, string> = { accept: 'application/json' }
    if (body !== undefined) headers['content-type'] = 'application/json'
    const content = body === undefined ? {} : { body: JSON.stringify(body) }
    try {
      const response = await fetch(`${endpoint}/v1/${path}`, {
        method,
        headers,
        ...content,
        redirect: 'manual',
        signal,
      })
      // Whoever it was sent on to is not whom the token was for.
      if (response.redirected === true) {
        response.body
          ?.getReader()
          .cancel()
          .catch(() => {})
        return { status: 302, bytes: new Uint8Array() }
      }
      return { status: response.status, bytes: await readBounded(response, MAX_ANSWER, signal) }
    } catch (error) {
      if (signal.aborted) throw signal.reason
      if (error instanceof IssuerFailure) throw error
      throw noAnswer(error, what)
    }
  }
}

/** Google sends an empty body where there is nothing to say; a proxy sends HTML. */
function jsonOf(bytes: Uint8Array): JsonValue | undefined {
  try {
    return readJson(bytes)
  } catch {
    return undefined
  }
}

function noAnswer(error: unknown, what: string): GoogleApiError {
  const { label, isUntrusted, isUnsent } = describeFetchError(error)
  return new GoogleApiError(
    isUntrusted
      ? `the certificate of Google's endpoint is not trusted (${label}); ${what} was not sent`
      : `no answer came to ${what} (${label})`,
    {
      status: 0,
      code: 'NO_ANSWER',
      retryable: !isUntrusted,
      outcome: isUntrusted || isUnsent ? 'failed' : 'unknown',
    },
  )
}
