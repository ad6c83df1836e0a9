/**
 * HTTP to a provider, by a `fetch` that is handed in: no redirect is followed, and no answer is longer than it may be.
 *
 * @module
 */

import { type AbortSignalLike, orAborted } from '../internal/abort.ts'
import { concatBytes } from '../internal/bytes.ts'
import type { WebAbortSignal } from '../internal/web-types.ts'
import type { FetchedResponse } from '../spiffe/bundle-endpoint.ts'

/**
 * The part of `fetch` that is used. Whom it trusts as a server, and by which proxy it goes, is its own affair: a CA bundle
 * is given where it is made, such as the `dispatcher` of undici.
 */
export type IssuerFetch = (
  url: string,
  init: {
    readonly method: 'GET' | 'POST'
    readonly headers: Record<string, string>
    readonly body?: string
    readonly redirect: 'manual'
    readonly signal: WebAbortSignal
  },
) => Promise<FetchedResponse>

/** The option "fetch". @throws `TypeError` for what is none, and where the runtime has none. */
export function readIssuerFetch(value: IssuerFetch | undefined): IssuerFetch {
  if (value !== undefined) {
    if (typeof value === 'function') return value
    throw new TypeError(`option "fetch" must be a function; got ${typeof value}`)
  }
  if (typeof globalThis.fetch === 'function') return (url, init) => globalThis.fetch(url, init)
  throw new TypeError('this runtime has no fetch; give one in the option "fetch"')
}

const READS_WITHOUT_PAUSE = 256

/** The body of an answer; `undefined` where it is longer than it may be. */
export async function readBounded(
  { body }: FetchedResponse,
  maxBytes: number,
  signal: AbortSignalLike,
): Promise<Uint8Array | undefined> {
  const reader = body?.getReader()
  if (reader === undefined) return new Uint8Array()
  const chunks: Uint8Array[] = []
  let length = 0
  let isWhole = false
  try {
    for (let reads = 1; ; reads++) {
      const { done, value } = await orAborted(reader.read(), signal)
      if (done) {
        isWhole = true
        return concatBytes(chunks)
      }
      // Chunks that are there at once leave timers no turn, so that no time-out could come.
      if (reads % READS_WITHOUT_PAUSE === 0) await new Promise<void>((resolve) => setTimeout(resolve, 0))
      length += value?.length ?? 0
      if (length > maxBytes) return undefined
      if (value !== undefined && value.length > 0) chunks.push(value)
    }
  } finally {
    // A stream that does not end must not be kept open; one that does not cancel must not be waited for.
    if (!isWhole) reader.cancel().catch(() => {})
  }
}
