/**
 * One request to Vault, and what its answer means.
 *
 * @module
 */

import { IssuerFailure } from '../../ca/external/issuer-failure.ts'
import type { AbortSignalLike } from '../../internal/abort.ts'
import { isJsonArray, isJsonObject, type JsonValue, readJson } from '../../internal/json.ts'
import { escapeText } from '../../internal/text.ts'
import type { WebAbortSignal } from '../../internal/web-types.ts'
import { describeFetchError } from '../fetch-error.ts'
import { type IssuerFetch, readBounded } from '../issuer-fetch.ts'

/** Where requests go. */
export interface VaultTarget {
  readonly server: string
  readonly namespace: string | undefined
  readonly fetch: IssuerFetch
}

/** What is asked for. */
export interface VaultCall {
  readonly method: 'GET' | 'POST'
  /** Below `/v1/`. */
  readonly path: string
  readonly body?: Readonly<Record<string, unknown>> | undefined
  /** What must not be shown, whoever repeats it. */
  readonly secrets?: readonly string[] | undefined
}

/** What Vault answered. */
export interface VaultAnswer {
  readonly status: number
  /** `undefined` where it is no JSON, or too long. */
  readonly json: JsonValue | undefined
  /** What it must not repeat to us. */
  readonly secrets: readonly string[]
}

/** Octets of an answer: 15,000 serial numbers, or a chain of 100 certificates. */
const MAX_ANSWER = 1_048_576

/** Characters of Vault's own reason that are shown. */
const MAX_REASON = 240

/**
 * Sends one request.
 *
 * @throws `IssuerFailure` where no answer came: `'failed'` where nothing can have been sent.
 */
export async function exchange(
  { server, namespace, fetch }: VaultTarget,
  { method, path, body, secrets = [] }: VaultCall,
  token: string | undefined,
  signal: WebAbortSignal & AbortSignalLike,
): Promise<VaultAnswer> {
  const hidden = token === undefined ? secrets : [...secrets, token]
  const headers: Record<string, string> = {
    accept: 'application/json',
    // A Vault Agent or Proxy may insist on it (HTTP API, The X-Vault-Request header).
    'x-vault-request': 'true',
    ...(token === undefined ? {} : { 'x-vault-token': token }),
    ...(namespace === undefined ? {} : { 'x-vault-namespace': namespace }),
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
  }
  const content = body === undefined ? {} : { body: JSON.stringify(body) }
  try {
    const url = `${server}/v1/${path}`
    const response = await fetch(url, { method, headers, ...content, redirect: 'manual', signal })
    const { status, redirected } = response
    if (redirected === true) {
      response.body
        ?.getReader()
        .cancel()
        .catch(() => {})
      throw followed()
    }
    const bytes = await readBounded(response, MAX_ANSWER, signal)
    return { status, json: bytes === undefined ? undefined : jsonOf(bytes), secrets: hidden }
  } catch (error) {
    // What a client throws then is not shown either.
    if (signal.aborted) throw signal.reason
    throw error instanceof IssuerFailure ? error : unreachable(error)
  }
}

function jsonOf(bytes: Uint8Array): JsonValue | undefined {
  try {
    return readJson(bytes)
  } catch {
    return undefined
  }
}

/** By status 307 or 308 the request went along, token and all, and whoever it went to may have done what it asks for. */
const followed = (): IssuerFailure =>
  new IssuerFailure(
    'the fetch that is used followed a redirect, so the token went elsewhere; give one that keeps to redirect: "manual"',
    { retryable: false, outcome: 'unknown' },
  )

/** What was thrown is no cause: an HTTP client's errors hold the request, and so the token. */
function unreachable(error: unknown): IssuerFailure {
  const { label, isUntrusted, isUnsent } = describeFetchError(error)
  return isUntrusted
    ? new IssuerFailure(
        `the certificate of the Vault server is not trusted (${label}); give its CA to the fetch that is used`,
        { retryable: false, outcome: 'failed' },
      )
    : new IssuerFailure(`the Vault server could not be reached, or did not answer (${label})`, {
        retryable: true,
        outcome: isUnsent ? 'failed' : 'unknown',
      })
}

/** Whether it is an answer to be read. */
export const isSuccess = ({ status }: VaultAnswer): boolean => status >= 200 && status < 300

/**
 * What a refusal means (HTTP API, HTTP status codes). Only an internal error, a third party's, and a status that is not in
 * that list leave open whether something was made.
 */
export function failureOf(answer: VaultAnswer, what: string): IssuerFailure {
  const { status } = answer
  if ((status >= 300 && status < 400) || status === 0)
    return new IssuerFailure(
      `Vault sent us elsewhere instead of ${what}, which is not followed, since the token would go there: a standby node does so. Set "server" to the active node`,
      { retryable: false, outcome: 'failed' },
    )
  const isRefused = status >= 400 && status < 500
  // A proxy answers 503 too where Vault took the request and then broke off: that is not in Vault's form.
  const isTemporary = MAY_PASS.has(status) && (status !== 503 || hasErrors(answer))
  const outcome = (isRefused && status !== 408) || isTemporary || status === 501 ? 'failed' : 'unknown'
  const said =
    status === 503 && isTemporary ? 'is sealed or under maintenance' : isRefused ? 'refused' : 'failed'
  return new IssuerFailure(`Vault ${said} (status ${status}) ${what}${reasonOf(answer)}`, {
    retryable: isTemporary || outcome === 'unknown',
    outcome,
  })
}

/** 412: data that is not yet there; 429: a limit of requests, or a standby; 472 and 473: replicas; 503: sealed. */
const MAY_PASS = new Set([412, 425, 429, 472, 473, 503])

/** HTTP API, Error response: `errors`, which may be empty. */
const hasErrors = ({ json }: VaultAnswer): boolean => isJsonArray(memberOf(json, 'errors'))

/** Vault's own words (HTTP API, Error response), on one line. */
function reasonOf({ json, secrets }: VaultAnswer): string {
  const errors = isJsonObject(json) ? json.get('errors') : undefined
  if (!isJsonArray(errors)) return ''
  let text = errors.filter((item) => typeof item === 'string').join('; ')
  for (const secret of secrets) if (secret !== '') text = text.replaceAll(secret, '[secret]')
  const line = escapeText(
    text
      .slice(0, 4 * MAX_REASON)
      .replace(/\s+/g, ' ')
      .trim(),
    MAX_REASON,
  )
  return line === '' ? '' : `: ${line}`
}

/** A member of a member of an object. */
export function memberOf(json: JsonValue | undefined, ...names: readonly string[]): JsonValue | undefined {
  let value = json
  for (const name of names) value = isJsonObject(value) ? value.get(name) : undefined
  return value
}
