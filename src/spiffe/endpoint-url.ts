/**
 * URLs of bundle endpoints (SPIFFE Federation §5.2.1.1, §5.2.2.1).
 *
 * @module
 */

import { MeshPkiError } from '../errors.ts'
import { quote } from '../internal/text.ts'

/** What `URL` would repair or drop without a word: blanks, control characters, backslashes. */
const REPAIRED = /[\u0000-\u0020\u007f\\]/

/** The authority of a URL reference, where it has one. */
const AUTHORITY = /^(?:[a-z][a-z0-9+.-]*:)?\/\/([^/?#]*)/i

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
  const target = location === null ? undefined : resolve(location, from)
  const fault =
    location === null || location === ''
      ? 'the redirect names no Location'
      : target === undefined || REPAIRED.test(location)
        ? `the redirect leads to something that is no URL: ${quote(location, 128)}`
        : faultOf(target, location)
  if (fault === undefined && target !== undefined) return target
  throw new MeshPkiError(
    'ERR_FEDERATION_REDIRECT',
    `${endpointLabel(from)} answered a redirect that is not followed: ${fault} (SPIFFE Federation §5.2.1.4)`,
  )
}

/** A URL as messages show it: without its query, which may hold a token. */
export function endpointLabel(url: string): string {
  const { origin, pathname } = new URL(url)
  return quote(origin + pathname)
}

function faultOf(text: string, reference: string = text): string | undefined {
  if (typeof text !== 'string') return `the URL of a bundle endpoint must be a string; got ${typeof text}`
  if (REPAIRED.test(text)) return 'the URL of a bundle endpoint has a blank, control character or backslash'
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined) return `the URL of a bundle endpoint is not a URL: ${quote(withoutUser(text), 128)}`
  if (url.protocol !== 'https:')
    return `the URL of a bundle endpoint must have the scheme https; found ${quote(url.protocol, 32)}`
  // An empty user is user information too, which `URL` drops.
  if (AUTHORITY.exec(reference)?.[1]?.includes('@') === true || url.username !== '' || url.password !== '')
    return `the URL of a bundle endpoint must not have user information; ${quote(url.host)} is asked without any`
  return undefined
}

function resolve(location: string, from: string): string | undefined {
  return URL.canParse(location, from) ? new URL(location, from).href : undefined
}

/** A password must not get into a message. */
const withoutUser = (text: string): string => text.replace(/\/\/[^/?#]*@/, '//…@')
