/**
 * URLs of bundle endpoints (SPIFFE Federation §5.2.1.1, §5.2.2.1).
 *
 * @module
 */

import { MeshPkiError } from '../errors.ts'
import { quote } from '../internal/text.ts'

/** What `URL` would repair or drop without a word: blanks, control characters, backslashes. */
const REPAIRED = /[\u0000-\u0020\u007f\\]/

/** A scheme, if there is one, and an authority without user information. `URL` would make one out of less. */
const ABSOLUTE = /^(?:https:)?\/\/[^/?#@]+(?:[/?#]|$)/i

/** What begins like a reference with an authority, or has a scheme. */
const HAS_AUTHORITY = /^(?:[a-z][a-z0-9+.-]*:|\/\/)/i

/**
 * Reads the URL of an endpoint: `https`, without user information.
 *
 * @throws `MeshPkiError` `ERR_FEDERATION_URL`.
 */
export function readEndpointUrl(text: string): string {
  const fault = faultOf(text)
  if (fault === undefined) return new URL(text).href
  throw new MeshPkiError('ERR_FEDERATION_URL', `${fault} (SPIFFE Federation §5.2.1.1)`)
}

/**
 * Where a redirect leads, resolved against the URL that answered it.
 *
 * @throws `MeshPkiError` `ERR_FEDERATION_REDIRECT` where the target is no URL of an endpoint.
 */
export function readRedirect(location: string | null, from: string): string {
  if (location !== null && location !== '') {
    const isWhole = !REPAIRED.test(location) && (!HAS_AUTHORITY.test(location) || ABSOLUTE.test(location))
    const target = isWhole && URL.canParse(location, from) ? new URL(location, from).href : undefined
    if (target !== undefined && faultOf(target) === undefined) return target
  }
  throw new MeshPkiError(
    'ERR_FEDERATION_REDIRECT',
    `${endpointLabel(from)} answered a redirect that is not followed: ${location === null || location === '' ? 'it names no Location' : 'its Location is no https URL without user information'} (SPIFFE Federation §5.2.1.4)`,
  )
}

/** A URL as messages show it: without its query, which may hold a token. */
export function endpointLabel(url: string): string {
  const { origin, pathname } = new URL(url)
  return quote(origin + pathname)
}

/** A text that is no URL is not shown: a password in it may be the reason why it is none. */
function faultOf(text: string): string | undefined {
  if (typeof text !== 'string') return `the URL of a bundle endpoint must be a string; got ${typeof text}`
  if (REPAIRED.test(text)) return 'the URL of a bundle endpoint has a blank, control character or backslash'
  const scheme = /^[a-z][a-z0-9+.-]*:/i.exec(text)?.[0]
  if (scheme?.toLowerCase() !== 'https:')
    return `the URL of a bundle endpoint must have the scheme https; found ${scheme === undefined ? 'none' : quote(scheme, 32)}`
  if (!ABSOLUTE.test(text) || !URL.canParse(text))
    return `the URL of a bundle endpoint must be https://<host>/<path>, without user information; found a text of ${text.length} characters that is not`
  return undefined
}
