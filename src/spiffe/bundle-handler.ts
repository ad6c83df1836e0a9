/**
 * Serves a bundle (SPIFFE Federation §5.2.1.3, §5.2.2.3), on any server or framework.
 *
 * @module
 */

import { sha256 } from '@noble/hashes/sha2.js'
import { toHex } from '../internal/bytes.ts'
import { checkOptionNames, readFunction } from '../internal/options.ts'
import { tell } from '../internal/tell.ts'
import type { HeadersLike, WebResponse } from '../internal/web-types.ts'
import { SpiffeBundle } from './spiffe-bundle.ts'

/** The part of `Request` that is used. */
export interface BundleRequest {
  readonly method: string
  readonly headers: HeadersLike
}

/** Options of {@link createBundleHandler}. */
export interface BundleHandlerOptions {
  /** The bundle to publish, or a function that answers the newest one at each request. */
  readonly bundle: SpiffeBundle | (() => SpiffeBundle | Promise<SpiffeBundle>)
  /** Told why `bundle` failed; the client gets status 503 and no reason. What it throws is ignored. */
  readonly onError?: ((error: unknown) => void) | undefined
}

/** Seconds between polls where the bundle has no hint (§4.1). */
const DEFAULT_HINT = 300

/** Seconds that a copy may be kept at most: a withdrawn key must not live on in a cache for a month. */
const MAX_AGE = 300

/**
 * Makes a handler that answers `GET` and `HEAD` with the bundle as JSON.
 *
 * The ETag changes with the document, so a client that polls costs a 304. Caches may keep a copy for a tenth of
 * the refresh hint, at most five minutes: a cache must delay a change by little. It asks nobody to authenticate, as
 * the standard wants (§5.2.1.3): what it serves is public. Mount it at the path of your choice, on a server with a
 * certificate of a public CA (`https_web`) or with the endpoint's SVID (`https_spiffe`).
 *
 * @throws `TypeError` for options.
 *
 * @example
 * ```ts
 * import { createBundleHandler, type SpiffeBundle } from 'mesh-pki/spiffe'
 *
 * declare let current: SpiffeBundle
 * const handler = createBundleHandler({ bundle: () => current })
 * const response = await handler(new Request('https://prod.example.com/bundle.json'))
 * console.log(response.headers.get('content-type')) // application/json
 * ```
 */
export function createBundleHandler(
  options: BundleHandlerOptions,
): (request: BundleRequest) => Promise<WebResponse> {
  checkOptionNames(options, ['bundle', 'onError'], 'createBundleHandler')
  const { bundle, onError } = options
  if (!(bundle instanceof SpiffeBundle) && typeof bundle !== 'function')
    throw new TypeError('option "bundle" must be a SpiffeBundle or a function that answers one')
  readFunction(onError, 'onError')
  return async ({ method, headers }) => {
    if (method !== 'GET' && method !== 'HEAD') return respond(405, { allow: 'GET, HEAD' })
    try {
      const current = typeof bundle === 'function' ? await bundle() : bundle
      return answer(current, method, headers)
    } catch (error) {
      tell(onError, error)
      return respond(503, { 'cache-control': 'no-store' })
    }
  }
}

function answer(bundle: SpiffeBundle, method: 'GET' | 'HEAD', request: HeadersLike): WebResponse {
  if (!(bundle instanceof SpiffeBundle))
    throw new TypeError('the function "bundle" answered something that is no SpiffeBundle')
  const body = new TextEncoder().encode(bundle.toJson())
  const etag = `"${toHex(sha256(body), 0, 16)}"`
  const headers = {
    'cache-control': `public, max-age=${maxAge(bundle)}, must-revalidate`,
    etag,
  }
  if (isKnown(request.get('if-none-match'), etag)) return respond(304, headers)
  const described = { ...headers, 'content-type': 'application/json', 'content-length': String(body.length) }
  return respond(200, described, method === 'HEAD' ? null : body)
}

const maxAge = ({ refreshHint = DEFAULT_HINT }: SpiffeBundle): number =>
  Math.min(Math.ceil(refreshHint / 10), MAX_AGE)

/** RFC 9110 §13.1.2: weak comparison, a list, or anything at all. */
function isKnown(header: string | null, etag: string): boolean {
  if (header === null) return false
  return header.trim() === '*' || header.split(',').some((one) => one.trim().replace(/^W\//, '') === etag)
}

function respond(
  status: number,
  headers: Record<string, string>,
  body: Uint8Array<ArrayBuffer> | null = null,
): WebResponse {
  return new Response(body, { status, headers })
}
