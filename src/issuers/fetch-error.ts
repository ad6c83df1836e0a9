/**
 * What `fetch` throws, in words that cannot hold a secret.
 *
 * @module
 */

import { failureLabel } from '../internal/backoff.ts'

/** What is known of an error of `fetch`. */
export interface FetchErrorFacts {
  /** Its code, or its name. The error itself is not shown: HTTP clients keep the request in it, and so the token. */
  readonly label: string
  /** The certificate of the server was refused, so nothing was sent. */
  readonly isUntrusted: boolean
  /** There was nobody to send it to. */
  readonly isUnsent: boolean
}

/** Nothing was sent where no connection came about. */
const UNSENT: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'UND_ERR_CONNECT_TIMEOUT',
])

const UNTRUSTED = /^(?:CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|ERR_TLS_CERT_)/

/** Describes what `fetch` threw. Node hides why behind "fetch failed", in its cause. @throws nothing, whatever it is. */
export function describeFetchError(error: unknown): FetchErrorFacts {
  const code = codeOf(error) ?? codeOf(causeOf(error))
  return {
    label: code ?? failureLabel(error),
    isUntrusted: code !== undefined && UNTRUSTED.test(code),
    isUnsent: code !== undefined && UNSENT.has(code),
  }
}

function causeOf(error: unknown): unknown {
  try {
    return error instanceof Error ? error.cause : undefined
  } catch {
    return undefined
  }
}

function codeOf(error: unknown): string | undefined {
  try {
    if (typeof error !== 'object' || error === null || !('code' in error)) return undefined
    const { code } = error
    return typeof code === 'string' && /^[A-Z][A-Z0-9_]{0,63}$/.test(code) ? code : undefined
  } catch {
    return undefined
  }
}
